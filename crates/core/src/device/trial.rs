//! Trials: one per product and device; started, refreshed, converted into a license.

use super::{Activation, Device, activate, rows};
use crate::account::rows as account_rows;
use crate::catalog::{self, Product};
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, DeviceId, LicenseId, ProductId, TrialId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license::{LeaseForm, License};
use crate::page::Start;
use lessor_db::Tx;
use serde_json::json;

/// A product tried on a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Its id.
    pub id: TrialId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// Of what.
    pub product: ProductId,
    /// Where.
    pub device: DeviceId,
    /// What the device calls itself.
    pub fingerprint: String,
    /// Its length in days.
    pub days: i64,
    /// When it began.
    pub started_at: Timestamp,
    /// When the device last asked.
    pub modified_at: Timestamp,
    /// When its lease ends.
    pub lease_end: Option<Timestamp>,
    /// When it ends.
    pub ends_at: Timestamp,
    /// When it became a license.
    pub converted_at: Option<Timestamp>,
    /// Which one.
    pub license: Option<LicenseId>,
    /// That license's code at the time.
    pub license_code: Option<String>,
}

/// How a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialState {
    /// It runs.
    Running,
    /// Its time is over.
    Over,
}

impl Trial {
    /// By the clock alone, whether it was converted or not.
    pub fn state(&self, now: Timestamp) -> TrialState {
        if now < self.ends_at { TrialState::Running } else { TrialState::Over }
    }

    fn subject(&self) -> Subject {
        Subject { kind: "trial", id: self.id.0, account: self.tenant, tenant: self.tenant }
    }
}

/// When the lease of a trial ends: after the product's lease, at the latest with the trial.
fn lease_end(product: &Product, now: Timestamp, ends_at: Timestamp) -> Timestamp {
    let own = catalog_lease(product, now);
    own.map_or(ends_at, |own| own.min(ends_at))
}

fn catalog_lease(product: &Product, now: Timestamp) -> Option<Timestamp> {
    let mut terms = product.terms.clone();
    // The term of licenses to come has no bearing on a trial.
    terms.term = crate::license::Term::PERPETUAL;
    terms.lease_end(LeaseForm::Online, now)
}

/// Starts the trial of a product on a device, or refreshes the one it has. The flag says whether it is new. The caller
/// holds the lock on the device.
pub(super) fn start(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    device: &Device,
) -> Result<(Trial, bool), Error> {
    if let Some(trial) = rows::trial_of_device(tx, device.id)? {
        return Ok((extend(tx, cx, product, trial)?, false));
    }
    if rows::was_licensed(tx, device.id)? {
        return Err(Refusal::TrialUsed.into());
    }
    let ends_at = cx.now.plus_days(product.trial_days);
    let trial = Trial {
        id: cx.new_id(),
        tenant: product.tenant,
        product: product.id,
        device: device.id,
        fingerprint: String::new(),
        days: product.trial_days,
        started_at: cx.now,
        modified_at: cx.now,
        lease_end: Some(lease_end(product, cx.now, ends_at)),
        ends_at,
        converted_at: None,
        license: None,
        license_code: None,
    };
    rows::insert_trial(tx, &trial)?;
    let data = json!({ "after": { "days": trial.days, "ends_at": trial.ends_at.to_rfc3339() } });
    journal::append(tx, cx, "trial.started", trial.subject(), &data)?;
    Ok((trial, true))
}

/// Moves the lease of a trial's activation on.
pub(super) fn refresh(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    activation: &Activation,
) -> Result<Trial, Error> {
    let trial = rows::trial_of_device(tx, activation.device)?.ok_or(Error::not_found(Noun::Trial))?;
    extend(tx, cx, product, trial)
}

fn extend(tx: &mut dyn Tx, cx: &Context<'_>, product: &Product, trial: Trial) -> Result<Trial, Error> {
    if trial.converted_at.is_some() {
        return Err(Refusal::TrialConverted.into());
    }
    if trial.state(cx.now) == TrialState::Over {
        return Err(Refusal::TrialOver.into());
    }
    let lease_end = lease_end(product, cx.now, trial.ends_at);
    rows::refresh_trial(tx, trial.id, cx.now, lease_end)?;
    Ok(Trial { lease_end: Some(lease_end), modified_at: cx.now, ..trial })
}

/// Turns the trial of a device, if it has one, into the license it just activated: running or over, it was worth it.
pub(super) fn convert(tx: &mut dyn Tx, cx: &Context<'_>, device: &Device, license: &License) -> Result<(), Error> {
    let Some(trial) = rows::trial_of_device(tx, device.id)?.filter(|trial| trial.converted_at.is_none()) else {
        return Ok(());
    };
    rows::convert_trial(tx, trial.id, cx.now, license.id, &license.code)?;
    journal::append(tx, cx, "trial.converted", trial.subject(), &json!({ "license": license.id.to_string() }))?;
    activate::end_trial_activation(tx, cx, trial.id)
}

/// The trial of a product on a device.
pub fn trial_of(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    fingerprint: &str,
) -> Result<Option<Trial>, Error> {
    let product = catalog::rows::product(tx, product)?.ok_or(Error::not_found(Noun::Product))?;
    may(tx, cx, product.tenant, &Action::read(Right::LICENSES_READ))?;
    Ok(rows::trial_on(tx, product.id, fingerprint)?)
}

/// Forgets a trial, so that the device may start another.
///
/// # Errors
/// `NotFound` without one; `TrialConverted` for one that became a license.
pub fn delete_trial(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, fingerprint: &str) -> Result<(), Error> {
    let product = catalog::rows::product(tx, product)?.ok_or(Error::not_found(Noun::Product))?;
    may(tx, cx, product.tenant, &Action::write(Right::LICENSES_WRITE))?;
    // The device's row guards its trial: it may be becoming a license right now.
    let device = rows::lock_device_of(tx, product.id, fingerprint)?.ok_or(Error::not_found(Noun::Trial))?;
    let trial = rows::trial_of_device(tx, device)?.ok_or(Error::not_found(Noun::Trial))?;
    if trial.converted_at.is_some() {
        return Err(Refusal::TrialConverted.into());
    }
    rows::delete_trial(tx, trial.id)?;
    journal::append(tx, cx, "trial.deleted", trial.subject(), &json!({ "before": { "device": fingerprint } }))?;
    Ok(())
}

fn may(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId, action: &Action) -> Result<(), Error> {
    let vendor = account_rows::by_id(tx, tenant)?.ok_or(Error::not_found(Noun::Product))?;
    cx.authorize(action, &vendor, Noun::Product)
}

/// Which trials a list shows. Filters combine; those in time are strict.
#[derive(Clone, Debug)]
pub struct TrialFilter {
    /// Of this tenant.
    pub tenant: AccountId,
    /// Of this product.
    pub product: Option<ProductId>,
    /// On this device.
    pub fingerprint: Option<String>,
    /// Ends before this instant.
    pub ends_before: Option<Timestamp>,
    /// Ends after this instant.
    pub ends_after: Option<Timestamp>,
    /// Began before this instant.
    pub started_before: Option<Timestamp>,
    /// Began after this instant.
    pub started_after: Option<Timestamp>,
    /// Running or over.
    pub state: Option<TrialState>,
    /// Converted or not.
    pub converted: Option<bool>,
}

impl TrialFilter {
    /// All of a tenant.
    pub fn of(tenant: AccountId) -> Self {
        Self {
            tenant,
            product: None,
            fingerprint: None,
            ends_before: None,
            ends_after: None,
            started_before: None,
            started_after: None,
            state: None,
            converted: None,
        }
    }
}

/// A page of a tenant's trials in the order they began.
pub fn trials(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &TrialFilter,
    start: Start,
    limit: u32,
) -> Result<Vec<Trial>, Error> {
    may(tx, cx, filter.tenant, &Action::read(Right::LICENSES_READ))?;
    Ok(rows::trials(tx, filter, cx.now, start, limit)?)
}

/// How many trials the filter leaves.
pub fn count_trials(tx: &mut dyn Tx, cx: &Context<'_>, filter: &TrialFilter) -> Result<i64, Error> {
    may(tx, cx, filter.tenant, &Action::read(Right::LICENSES_READ))?;
    Ok(rows::count_trials(tx, filter, cx.now)?)
}
