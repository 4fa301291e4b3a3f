//! Renews a lease; the heartbeat of a device.

use super::activate::{Way, next_times, open_product, readmit};
use super::lease::{self, Leased, Times};
use super::rows::entry::{self, Entry};
use super::{Activation, DeviceCredential, authenticate, identify, in_use, rows, trial};
use crate::catalog::{self, Settings};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Refusal};
use crate::journal;
use crate::license::LeaseForm;
use lessor_db::Tx;
use serde_json::json;

/// Asks for the next lease of an activation.
#[derive(Clone, Debug)]
pub struct Renew {
    /// Who asks.
    pub device: DeviceCredential,
    /// Number of the latest lease that the device has; `None` where that cannot be known.
    pub number: Option<i64>,
    /// The device saw its clock go back: the latest time it had seen, and the time it found then.
    pub clock_set_back: Option<(Timestamp, Timestamp)>,
}

/// Renews a lease: its device gets the license as it is now. Asking again gives the next one.
///
/// Two copies of one activation show themselves by the numbers of the leases they have: one who has only the lease before
/// the last may have lost an answer, but not twice in a row.
///
/// # Errors
/// `ActivationReturned`, `ProductInactive`, `Held`, `TermOver`; `DeviceDuplicate` for a copy; `NoSeat` when a lapsed lease
/// finds its place taken; `TrialOver` for a trial.
pub fn renew(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Renew) -> Result<Leased, Error> {
    let Some(entry) = entered(tx, cx, &cmd.device)? else { return renew_trial(tx, cx, cmd) };
    let Entry { activation, license, version, held, device_key, look_at } = entry;
    let activation = in_use(activation)?;
    let known = open_product(tx, cx, activation.product, Some(version))?;
    readmit(tx, &license, held, &activation, cx.now)?;
    let answer_lost = genuine(cx, &activation, license.subject(), cmd.number)?;
    let settings = catalog::settings_of(tx, license.id.0)?;
    let long = activation.long_until;
    let mut times = next_times(cx, &activation, &license.terms, form(&activation), Way::ONLINE.kind, long, answer_lost);
    times.number = times.number.max(cmd.number.unwrap_or(0).saturating_add(1));
    cx.only_touches(license.id.0);
    tell_clock(tx, cx, &activation, license.account, cmd)?;
    let activation = rows::extend(tx, &activation, cx.now, &times, Way::ONLINE, look_at)?;
    Ok(Leased { activation, license: Some(license), settings, known, device_key })
}

fn form(activation: &Activation) -> LeaseForm {
    if activation.virtual_platform.is_some() { LeaseForm::Virtual } else { LeaseForm::Online }
}

/// Tells a lost answer (`true`) from none, and refuses a copy. A number above the server's own is of a device that was
/// served before storage was restored from an older backup: it counts on from there.
fn genuine(
    cx: &Context<'_>,
    activation: &Activation,
    subject: journal::Subject,
    number: Option<i64>,
) -> Result<bool, Error> {
    let Some(number) = number else { return Ok(activation.answer_lost) };
    let behind = activation.lease_number - number;
    if behind <= 0 {
        return Ok(false);
    }
    if behind == 1 && !activation.answer_lost {
        return Ok(true);
    }
    let data = json!({
        "activation": activation.id.to_string(), "device": activation.fingerprint, "user": activation.user,
        "presented": number, "latest": activation.lease_number,
    });
    cx.if_refused("activation.cloned", subject, data);
    Err(Refusal::DeviceDuplicate.into())
}

fn tell_clock(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    activation: &Activation,
    account: crate::id::AccountId,
    cmd: &Renew,
) -> Result<(), Error> {
    if let Some((seen, found)) = cmd.clock_set_back {
        let data = json!({ "device": activation.fingerprint, "seen": seen.to_rfc3339(), "now": found.to_rfc3339() });
        journal::append(tx, cx, "device.clock_set_back", activation.subject(account), &data)?;
    }
    Ok(())
}

fn renew_trial(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Renew) -> Result<Leased, Error> {
    let activation = in_use(authenticate(tx, cx, &cmd.device)?)?;
    let known = open_product(tx, cx, activation.product, None)?;
    let subject = activation.subject(activation.tenant);
    let answer_lost = genuine(cx, &activation, subject, cmd.number)?;
    let lease_end = trial::refresh(tx, cx, &known.product, &activation)?.lease_end;
    let renew_at = lease::renew_at(cx, Way::ONLINE.kind, &known.product.terms, lease_end);
    let number = (activation.lease_number + 1).max(cmd.number.unwrap_or(0).saturating_add(1));
    tell_clock(tx, cx, &activation, activation.tenant, cmd)?;
    let times = Times { number, lease_end, renew_at, long_until: None, answer_lost };
    let activation = rows::extend(tx, &activation, cx.now, &times, Way::ONLINE, None)?;
    let device_key = rows::public_key(tx, activation.device)?;
    Ok(Leased { activation, license: None, settings: Settings::default(), known, device_key })
}

/// Says that a device is still there: its place is kept as a renewal would keep it, and no lease is signed.
///
/// # Errors
/// As [`renew`], without the copy.
pub fn heartbeat(tx: &mut dyn Tx, cx: &Context<'_>, device: &DeviceCredential) -> Result<Activation, Error> {
    let Some(entry) = entered(tx, cx, device)? else { return trial_beat(tx, cx, device) };
    let Entry { activation, license, version, held, look_at, .. } = entry;
    let activation = in_use(activation)?;
    open_product(tx, cx, activation.product, Some(version))?;
    readmit(tx, &license, held, &activation, cx.now)?;
    let long = activation.long_until;
    let times = next_times(cx, &activation, &license.terms, form(&activation), activation.kind, long, false);
    cx.only_touches(license.id.0);
    Ok(rows::beat(tx, &activation, cx.now, times.lease_end, times.renew_at, look_at)?)
}

fn trial_beat(tx: &mut dyn Tx, cx: &Context<'_>, device: &DeviceCredential) -> Result<Activation, Error> {
    let activation = in_use(authenticate(tx, cx, device)?)?;
    let known = open_product(tx, cx, activation.product, None)?;
    let lease_end = trial::refresh(tx, cx, &known.product, &activation)?.lease_end;
    let renew_at = lease::renew_at(cx, activation.kind, &known.product.terms, lease_end);
    Ok(rows::beat(tx, &activation, cx.now, lease_end, renew_at, None)?)
}

/// The activation of a license behind a credential with all that an answer rests on, locked; `None` for a trial's.
pub(super) fn entered(tx: &mut dyn Tx, cx: &Context<'_>, device: &DeviceCredential) -> Result<Option<Entry>, Error> {
    let Some(entry) = entry::enter(tx, device.activation)? else { return Ok(None) };
    super::check_secret(cx, &entry.activation, device)?;
    Ok(Some(entry))
}

/// The state of an activation, without renewing it: its latest lease, signed anew. A query: it locks and changes nothing.
pub fn state_of(tx: &mut dyn Tx, cx: &Context<'_>, device: &DeviceCredential) -> Result<Leased, Error> {
    cx.touches_nothing();
    let Some(entry) = entry::look(tx, device.activation)? else {
        let activation = identify(tx, cx, device)?;
        return lease::leased(tx, cx, activation, None);
    };
    super::check_secret(cx, &entry.activation, device)?;
    let Entry { activation, license, version, device_key, .. } = entry;
    let known = catalog::known::known(tx, cx, activation.product, Some(version))?;
    let settings = catalog::settings_of(tx, license.id.0)?;
    Ok(Leased { activation, license: Some(license), settings, known, device_key })
}
