//! Activates a license on a device, or starts a trial there.

use super::lease::{self, Leased};
use super::{Activation, ActivationKind, Device, ReturnCause, give_back, report, rows, trial};
use crate::account;
use crate::catalog::{self, Product};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::id::{LicenseId, ProductId, TrialId};
use crate::journal;
use crate::license::{self, Concurrency, LeaseForm, License, rows as license_rows};
use crate::text::check_remark;
use lessor_db::Tx;
use lessor_lease::PublicKey;
use serde_json::json;

/// What a device says of itself.
#[derive(Clone, Debug, Default)]
pub struct DeviceFacts {
    /// Its id, made by the device: 10 to 64 visible ASCII characters.
    pub fingerprint: String,
    /// Its public key. Once registered, nobody else can pass for this device.
    pub public_key: Option<[u8; 32]>,
    /// The hypervisor, if it is a virtual machine.
    pub virtual_platform: Option<String>,
}

/// Asks for a license of a product on a device.
#[derive(Clone, Debug)]
pub struct Activate {
    /// Of what.
    pub product: ProductId,
    /// The license's code; `None` asks for a trial.
    pub code: Option<String>,
    /// Where.
    pub device: DeviceFacts,
    /// Who uses it there; one device may have several users. May be empty.
    pub user: String,
    /// The device's report about itself.
    pub system: Option<serde_json::Value>,
    /// Who the user says to be.
    pub consumer: Option<serde_json::Value>,
}

/// Activates a license on a device, or renews what it has: asking twice is not an error. The flag says whether the
/// activation is new.
///
/// # Errors
/// In this order: `ProductInactive`, `NotFound(License)`, `Held`, `TermOver`, `DeviceDuplicate`, `NetworkOnly`, `NoSeat`. For a
/// trial: `TrialNotOffered`, `TrialConverted`, `TrialOver`, `TrialUsed`.
pub fn activate(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Activate) -> Result<(Leased, bool), Error> {
    let product = open_product(tx, cmd.product)?;
    super::check_fingerprint(&cmd.device.fingerprint)?;
    check_remark("user", &cmd.user, 200)?;
    check_remark("virtual_platform", cmd.device.virtual_platform.as_deref().unwrap_or_default(), 200)?;
    let (activation, new) = match &cmd.code {
        Some(code) => on_license(tx, cx, &product, code, cmd, Way::ONLINE)?,
        None => on_trial(tx, cx, &product, cmd, Way::ONLINE)?,
    };
    report_along(tx, cx, &activation, cmd)?;
    Ok((lease::sign(tx, &activation, &product)?, new))
}

/// The product, if devices may use it.
pub(super) fn open_product(tx: &mut dyn Tx, id: ProductId) -> Result<Product, Error> {
    let product = catalog::rows::product(tx, id)?.ok_or(Error::not_found(Noun::Product))?;
    if product.active { Ok(product) } else { Err(Refusal::ProductInactive.into()) }
}

/// By which way the device asks.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub kind: ActivationKind,
    /// Names an offline request.
    pub request: Option<&'a str>,
}

impl Way<'_> {
    pub(super) const ONLINE: Way<'static> = Way { kind: ActivationKind::Online, request: None };

    fn form(self, device: &DeviceFacts) -> LeaseForm {
        match self.kind {
            ActivationKind::Offline | ActivationKind::Passive => LeaseForm::Offline,
            ActivationKind::Online if device.virtual_platform.is_some() => LeaseForm::Virtual,
            ActivationKind::Online => LeaseForm::Online,
        }
    }
}

/// Locks the license behind whatever a device gave as a code.
pub(super) fn lock_license(tx: &mut dyn Tx, product: ProductId, code: &str) -> Result<Option<License>, Error> {
    if !license::is_code(code) {
        return Ok(None);
    }
    Ok(license_rows::lock_by_code(tx, product, code)?)
}

pub(super) fn on_license(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    code: &str,
    cmd: &Activate,
    way: Way<'_>,
) -> Result<(Activation, bool), Error> {
    // Locking the license first is what makes the counts below trustworthy.
    let license = lock_license(tx, product.id, code)?.ok_or(Error::not_found(Noun::License))?;
    let held = account::is_held(tx, license.account)?;
    license.usable(held, cx.now)?;
    let device = known_device(tx, cx, product, &cmd.device)?;
    let form = way.form(&cmd.device);
    if let Some(live) = rows::live(tx, license.id, &cmd.device.fingerprint, &cmd.user)? {
        readmit(tx, &license, held, &live, cx.now)?;
        let renewed = rows::extend(tx, &live, cx.now, license.terms.lease_end(form, cx.now), way)?;
        return Ok((renewed, false));
    }
    license.admit(held, taken(tx, &license, cx.now, None)?, cx.now)?;
    let term = license.terms.term.started(cx.now);
    let mut terms = license.terms.clone();
    terms.term = term;
    let activation =
        new_activation(cx, product, Owner::License(license.id), &device, cmd, way, terms.lease_end(form, cx.now));
    rows::insert(tx, &activation, way.request)?;
    license_rows::count_activation(tx, license.id, cx.now, term.end)?;
    let data = json!({
        "code": license.code, "device": activation.fingerprint, "user": activation.user, "activation": activation.id.to_string(),
        "kind": activation.kind.word(), "lease_end": activation.lease_end.map(Timestamp::to_rfc3339),
    });
    journal::append(tx, cx, "license.activated", license.subject(), &data)?;
    trial::convert(tx, cx, &device, &license)?;
    Ok((activation, true))
}

/// What holds a place: every activation, or with concurrency those whose lease lives. `but` leaves one out.
fn taken(tx: &mut dyn Tx, license: &License, now: Timestamp, but: Option<&Activation>) -> Result<i64, Error> {
    match license.terms.concurrency {
        Concurrency::Off => Ok(license.active_count - i64::from(but.is_some())),
        Concurrency::Cloud | Concurrency::Network => {
            let live = rows::count_live(tx, license.id, now)?;
            Ok(live - i64::from(but.is_some_and(|activation| activation.is_live(now))))
        }
    }
}

/// May an activation go on? One whose lease lapsed where leases hold the places has to find a free one again.
pub(super) fn readmit(
    tx: &mut dyn Tx,
    license: &License,
    held: bool,
    activation: &Activation,
    now: Timestamp,
) -> Result<(), Error> {
    let keeps_place = license.terms.concurrency == Concurrency::Off || activation.is_live(now);
    if keeps_place {
        license.usable(held, now)?;
    } else {
        license.admit(held, taken(tx, license, now, Some(activation))?, now)?;
    }
    Ok(())
}

pub(super) fn on_trial(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    cmd: &Activate,
    way: Way<'_>,
) -> Result<(Activation, bool), Error> {
    if !product.trial_offered {
        return Err(Refusal::TrialNotOffered.into());
    }
    if account::is_held(tx, product.tenant)? {
        return Err(Refusal::Held.into());
    }
    let device = known_device(tx, cx, product, &cmd.device)?;
    let (trial, new) = trial::start(tx, cx, product, &device)?;
    if let Some(live) = rows::of_trial(tx, trial.id)? {
        let renewed = rows::extend(tx, &live, cx.now, trial.lease_end, way)?;
        return Ok((renewed, false));
    }
    let activation = new_activation(cx, product, Owner::Trial(trial.id), &device, cmd, way, trial.lease_end);
    rows::insert(tx, &activation, way.request)?;
    Ok((activation, new))
}

enum Owner {
    License(LicenseId),
    Trial(TrialId),
}

fn new_activation(
    cx: &Context<'_>,
    product: &Product,
    owner: Owner,
    device: &Device,
    cmd: &Activate,
    way: Way<'_>,
    lease_end: Option<Timestamp>,
) -> Activation {
    let (license, trial) = match owner {
        Owner::License(id) => (Some(id), None),
        Owner::Trial(id) => (None, Some(id)),
    };
    Activation {
        id: cx.new_id(),
        tenant: product.tenant,
        product: product.id,
        license,
        trial,
        device: device.id,
        fingerprint: cmd.device.fingerprint.clone(),
        user: cmd.user.clone(),
        kind: way.kind,
        active: true,
        virtual_platform: cmd.device.virtual_platform.clone(),
        activated_at: cx.now,
        returned_at: None,
        lease_number: 1,
        leased_at: cx.now,
        lease_end,
        secret_generation: 1,
    }
}

/// The device as the product knows it, made known if it is not. A registered key is never replaced: another key under the
/// same id is another machine.
fn known_device(tx: &mut dyn Tx, cx: &Context<'_>, product: &Product, facts: &DeviceFacts) -> Result<Device, Error> {
    if let Some(key) = facts.public_key {
        PublicKey::from_bytes(&key).map_err(|error| Error::malformed("device key", error.to_string()))?;
    }
    let device = rows::known(tx, cx.new_id(), product, &facts.fingerprint, cx.now)?;
    match (&device.public_key, facts.public_key) {
        (Some(known), Some(key)) if known != &key => Err(Refusal::DeviceDuplicate.into()),
        (Some(_), None) => Err(Refusal::DeviceDuplicate.into()),
        (None, Some(key)) => {
            rows::set_public_key(tx, device.id, key)?;
            Ok(Device { public_key: Some(key.to_vec()), ..device })
        }
        (Some(_), Some(_)) | (None, None) => Ok(device),
    }
}

pub(super) fn report_along(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    activation: &Activation,
    cmd: &Activate,
) -> Result<(), Error> {
    if let Some(system) = &cmd.system {
        report::write_system(tx, cx, activation, system)?;
    }
    if let Some(consumer) = &cmd.consumer {
        report::write_consumer(tx, cx, activation, consumer)?;
    }
    Ok(())
}

/// Ends the activation of a trial that became a license.
pub(super) fn end_trial_activation(tx: &mut dyn Tx, cx: &Context<'_>, trial: TrialId) -> Result<(), Error> {
    if let Some(activation) = rows::of_trial(tx, trial)? {
        give_back::end(tx, cx, &activation, ReturnCause::Converted)?;
    }
    Ok(())
}
