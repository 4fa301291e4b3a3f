//! Gives activations back: by the device, by the back office, by a proof carried in a file.

use super::{Activation, DeviceCredential, authenticate, rows};
use crate::context::Context;
use crate::error::{Error, Noun};
use crate::id::LicenseId;
use crate::journal;
use crate::license::{self, rows as license_rows};
use lessor_db::Tx;
use serde_json::json;

/// Why an activation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnCause {
    /// The device gave it back.
    Device,
    /// The device gave it back with a proof in a file.
    Offline,
    /// The back office took it back.
    BackOffice,
    /// A trial became a license.
    Converted,
    /// What a daemon was given has ended.
    Delegation,
    /// An operator freed what was with a daemon.
    Freed,
    /// A daemon has fewer seats than before.
    Revoked,
    /// The license became one of another product.
    Exchanged,
}

impl ReturnCause {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            ReturnCause::Device => "device",
            ReturnCause::Offline => "offline",
            ReturnCause::BackOffice => "back_office",
            ReturnCause::Converted => "converted",
            ReturnCause::Delegation => "delegation",
            ReturnCause::Freed => "freed",
            ReturnCause::Revoked => "revoked",
            ReturnCause::Exchanged => "exchanged",
        }
    }
}

/// Returns an activation by its device. Returning twice is not an error.
pub fn give_back(tx: &mut dyn Tx, cx: &Context<'_>, device: &DeviceCredential) -> Result<Activation, Error> {
    let activation = authenticate(tx, cx, device)?;
    if let Some(license) = activation.license {
        cx.only_touches(license.0);
    }
    end(tx, cx, &activation, ReturnCause::Device)
}

/// Ends an activation: its seats and elements are free again, its place too. Tokens stay with the device: what is
/// consumed cannot come back. The caller holds the lock on the license.
pub(super) fn end(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    activation: &Activation,
    cause: ReturnCause,
) -> Result<Activation, Error> {
    if !activation.active {
        return Ok(activation.clone());
    }
    rows::set_returned(tx, activation.id, cx.now, cause.word())?;
    let mut account = activation.tenant;
    if let Some(license) = activation.license {
        rows::release_checkouts(tx, activation.id)?;
        license_rows::count_returns(tx, license, 1)?;
        account = rows::entry::account_of(tx, license)?.unwrap_or(account);
    }
    let data = json!({ "cause": cause.word(), "device": activation.fingerprint, "user": activation.user });
    journal::append(tx, cx, "activation.returned", activation.subject(account), &data)?;
    Ok(Activation { active: false, returned_at: Some(cx.now), ..activation.clone() })
}

/// Takes every activation of a license back. A license that was never used stays as it is.
pub fn return_all(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<u32, Error> {
    let license = license::lock(tx, cx, license)?;
    end_all(tx, cx, license.id, ReturnCause::BackOffice)
}

/// Ends every activation of a license; says how many there were. The caller holds the lock on the license.
pub(crate) fn end_all(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId, cause: ReturnCause) -> Result<u32, Error> {
    let mut count = 0;
    for activation in rows::active_of_license(tx, license)? {
        end(tx, cx, &activation, cause)?;
        count += 1;
    }
    Ok(count)
}

/// Erases the records of a license's activations, those of one device or all. Without any, the license counts as never
/// used.
///
/// # Errors
/// `NotFound(Device)` when the device named has none.
pub fn erase_activities(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    license: LicenseId,
    fingerprint: Option<&str>,
) -> Result<(), Error> {
    let license = license::lock(tx, cx, license)?;
    let records = rows::records_of_license(tx, license.id, fingerprint)?;
    if records.is_empty() && fingerprint.is_some() {
        return Err(Error::not_found(Noun::Device));
    }
    let active = records.iter().filter(|(_, active)| *active).count();
    for (id, active) in &records {
        if *active {
            rows::release_checkouts(tx, *id)?;
        }
        rows::erase(tx, *id)?;
    }
    let (active, all) = (count(active), count(records.len()));
    license_rows::uncount(tx, license.id, active, all - active)?;
    let data = json!({ "device": fingerprint, "records": all });
    journal::append(tx, cx, "license.activities_erased", license.subject(), &data)?;
    Ok(())
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
