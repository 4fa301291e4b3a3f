//! Activates a license on a device, or starts a trial there.

use super::lease::{self, Leased, Times};
use super::rows::entry::{self, Offer, StandingOf};
use super::{Activation, ActivationKind, Device, ReturnCause, consumer, give_back, report, rows, trial};
use crate::account;
use crate::catalog::{self, Known, Product, Settings};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::group;
use crate::id::{EndUserId, LicenseId, ProductId, TrialId};
use crate::journal::{self, Subject};
use crate::license::{self, Concurrency, LeaseForm, License, Role, Terms};
use crate::text::check_remark;
use lessor_db::Tx;
use lessor_lease::PublicKey;
use serde_json::json;
use std::sync::Arc;

/// The function of the server that allows a license to be checked out for long; its number is the most days.
pub const LONG_TERM: &str = "LTCO";
/// The function of the server that limits how often a license moves to a device it was never on; its number is the most
/// moves, beyond the places a license has, in [`MOVE_DAYS`] days.
pub const MOVE_LIMIT: &str = "MoveLimit";
/// The days that a limit of moves looks back on.
pub const MOVE_DAYS: i64 = 30;

/// What a device says of itself.
#[derive(Clone, Debug, Default)]
pub struct DeviceFacts {
    /// What the license is bound to: the id that the device made, or the stable id of an instance that may run on any
    /// device. 10 to 64 visible ASCII characters.
    pub fingerprint: String,
    /// Its public key. Once registered, nobody else can pass for this device.
    pub public_key: Option<[u8; 32]>,
    /// The hypervisor, if it is a virtual machine.
    pub virtual_platform: Option<String>,
    /// What people call it; may be empty.
    pub name: String,
}

/// Asks for a license of a product on a device.
#[derive(Clone, Debug)]
pub struct Activate {
    /// Of what.
    pub product: ProductId,
    /// The license's code; without one, and without an end user, a trial.
    pub code: Option<String>,
    /// Who signed in: a license of the user's group then. Its password was checked before.
    pub end_user: Option<EndUserId>,
    /// Where.
    pub device: DeviceFacts,
    /// Who uses it there; one device may have several users. May be empty.
    pub user: String,
    /// Days for which the place shall be kept, renewed or not.
    pub lease_days: Option<i64>,
    /// The device's report about itself.
    pub system: Option<serde_json::Value>,
    /// Who the user says to be.
    pub consumer: Option<serde_json::Value>,
}

/// Activates a license on a device, or renews what it has: asking twice is not an error. The flag says whether the
/// activation is new.
///
/// # Errors
/// In this order: `ProductInactive`, `NotFound(License)`, `Held`, `TermOver`, `DeviceDuplicate`, `NetworkOnly`, `NoSeat`,
/// `TooManyMoves`, `LongTermOff`. For a trial: `TrialNotOffered`, `TrialConverted`, `TrialOver`, `TrialUsed`. For an end user
/// the first refusal of the licenses of the group, or `NotFound(License)` when there is none.
pub fn activate(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Activate) -> Result<(Leased, bool), Error> {
    check(cmd)?;
    let (leased, new) = match (&cmd.code, cmd.end_user) {
        (Some(code), _) => by_code(tx, cx, code, cmd, Way::ONLINE)?,
        (None, Some(user)) => by_end_user(tx, cx, user, cmd)?,
        (None, None) => on_trial(tx, cx, cmd, Way::ONLINE)?,
    };
    report_along(tx, cx, &leased.activation, cmd)?;
    Ok((leased, new))
}

fn check(cmd: &Activate) -> Result<(), Error> {
    super::check_fingerprint(&cmd.device.fingerprint)?;
    check_remark("user", &cmd.user, 200)?;
    check_remark("virtual_platform", cmd.device.virtual_platform.as_deref().unwrap_or_default(), 200)?;
    check_remark("name", &cmd.device.name, 200)?;
    if let Some(key) = cmd.device.public_key {
        PublicKey::from_bytes(&key).map_err(|error| Error::malformed("device key", error.to_string()))?;
    }
    Ok(())
}

/// What is known of a product, if devices may use it.
pub(super) fn open_product(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    id: ProductId,
    version: Option<i64>,
) -> Result<Arc<Known>, Error> {
    let known = catalog::known::known(tx, cx, id, version)?;
    if known.product.active { Ok(known) } else { Err(Refusal::ProductInactive.into()) }
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

/// Activates the license behind whatever a device gave as a code.
pub(super) fn by_code(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    code: &str,
    cmd: &Activate,
    way: Way<'_>,
) -> Result<(Leased, bool), Error> {
    // Locking the license first is what makes the counts below trustworthy.
    let offer = if license::is_code(code) { entry::lock_offer(tx, cmd.product, code)? } else { None };
    // A license that was issued to one device in a file is no other device's to ask for.
    let Some(offer) = offer.filter(|offer| offer.license.role != Role::Passive) else {
        open_product(tx, cx, cmd.product, None)?;
        return Err(Error::not_found(Noun::License));
    };
    on_license(tx, cx, offer, cmd, way)
}

/// One of the licenses of the user's group: the one that the device has already, or else the first that admits it.
fn by_end_user(tx: &mut dyn Tx, cx: &Context<'_>, user: EndUserId, cmd: &Activate) -> Result<(Leased, bool), Error> {
    open_product(tx, cx, cmd.product, None)?;
    if !group::keep(tx, user)? {
        return Err(Error::not_found(Noun::License));
    }
    let candidates = group::candidates(tx, cx, user, cmd.product)?;
    let mut first_refusal = None;
    for license in having(tx, &candidates, cmd)?.into_iter().chain(candidates.iter().copied()) {
        let Some(offer) = entry::lock_offer_of(tx, license)? else { continue };
        match on_license(tx, cx, offer, cmd, Way::ONLINE) {
            // What cannot be had from this license may be had from the next. At most the device was written by now.
            Err(Error::Refused(
                refusal @ (Refusal::NoSeat { .. } | Refusal::Held | Refusal::TermOver | Refusal::NetworkOnly),
            )) => drop(first_refusal.get_or_insert(refusal)),
            Err(error) => return Err(error),
            Ok((leased, new)) => {
                group::signed_in(tx, leased.activation.id, user)?;
                return Ok((leased, new));
            }
        }
    }
    Err(first_refusal.map_or(Error::not_found(Noun::License), Error::from))
}

/// The candidate that the device and user have in use.
fn having(tx: &mut dyn Tx, candidates: &[LicenseId], cmd: &Activate) -> Result<Option<LicenseId>, Error> {
    let in_use = entry::in_use_on(tx, cmd.product, &cmd.device.fingerprint, &cmd.user)?;
    Ok(in_use.into_iter().find(|license| candidates.contains(license)))
}

fn on_license(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    offer: Offer,
    cmd: &Activate,
    way: Way<'_>,
) -> Result<(Leased, bool), Error> {
    let Offer { license, version, held } = offer;
    let known = open_product(tx, cx, license.product, Some(version))?;
    license.usable(held, cx.now)?;
    let standing = entry::standing(tx, license.product, license.id, &cmd.device.fingerprint, &cmd.user)?;
    let may_be_cloned = license.subject();
    let device = known_device(tx, cx, &known.product, &cmd.device, &standing, may_be_cloned)?;
    let settings = catalog::settings_of(tx, license.id.0)?;
    let mut terms = license.terms.clone();
    terms.term = terms.term.started(cx.now);
    let long = long_until(cx, &known, &settings, &terms, cmd.lease_days)?;
    cx.only_touches(license.id.0);
    if let Some(live) = &standing.activation {
        readmit(tx, &license, held, live, cx.now)?;
        let times = next_times(cx, live, &terms, way.form(&cmd.device), way.kind, long.or(live.long_until), false);
        let activation = rows::extend(tx, live, cx.now, &times, way, None)?;
        let device_key = device.public_key;
        return Ok((Leased { activation, license: Some(license), settings, known, device_key }, false));
    }
    license.admit(held, taken(tx, &license, cx.now, None)?, cx.now)?;
    may_move(tx, cx, &known, &settings, &license, &device, &cmd.device.fingerprint)?;
    let owner = Owner::License(license.id);
    let mut activation = new_activation(cx, &known.product, owner, &device, cmd, way);
    activation.lease_end = longer(terms.lease_end(way.form(&cmd.device), cx.now), long);
    activation.renew_at = lease::renew_at(cx, way.kind, &terms, activation.lease_end);
    activation.long_until = long;
    rows::insert(tx, &activation, way.request)?;
    license::activated(tx, &license, cx.now)?;
    let data = json!({
        "code": license.code, "device": activation.fingerprint, "user": activation.user, "activation": activation.id.to_string(),
        "kind": activation.kind.word(), "lease_end": activation.lease_end.map(Timestamp::to_rfc3339),
    });
    journal::append(tx, cx, "license.activated", license.subject(), &data)?;
    if standing.trial.is_some() {
        trial::convert(tx, cx, &device, &license)?;
    }
    let license = License { terms, ..license };
    let device_key = device.public_key;
    Ok((Leased { activation, license: Some(license), settings, known, device_key }, true))
}

/// What the next lease of an activation has: its number, its end (never before that of a place checked out for long), and
/// when to ask again.
pub(super) fn next_times(
    cx: &Context<'_>,
    activation: &Activation,
    terms: &Terms,
    form: LeaseForm,
    kind: ActivationKind,
    long: Option<Timestamp>,
    answer_lost: bool,
) -> Times {
    let long_until = long.filter(|until| *until > cx.now);
    let lease_end = longer(terms.lease_end(form, cx.now), until_term(long_until, terms));
    let renew_at = lease::renew_at(cx, kind, terms, lease_end);
    Times { number: activation.lease_number + 1, lease_end, renew_at, long_until, answer_lost }
}

/// The later of the end of a lease (`None` is without end) and of a place checked out for long.
fn longer(own: Option<Timestamp>, long: Option<Timestamp>) -> Option<Timestamp> {
    own.map(|own| long.map_or(own, |long| own.max(long)))
}

fn until_term(until: Option<Timestamp>, terms: &Terms) -> Option<Timestamp> {
    until.map(|until| terms.term.end.map_or(until, |end| until.min(end)))
}

fn long_until(
    cx: &Context<'_>,
    known: &Known,
    settings: &Settings,
    terms: &Terms,
    days: Option<i64>,
) -> Result<Option<Timestamp>, Error> {
    let Some(days) = days else { return Ok(None) };
    let most = lease::function_of(&known.catalog, settings, LONG_TERM).ok_or(Refusal::LongTermOff)?;
    let days = license::in_range("lease_days", days, 1, most)?;
    Ok(until_term(Some(cx.now.plus_days(days)), terms))
}

/// A license that keeps wandering is shared by more than it is meant for.
fn may_move(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    known: &Known,
    settings: &Settings,
    license: &License,
    device: &Device,
    fingerprint: &str,
) -> Result<(), Error> {
    // Where leases hold the places, clients come and go.
    if license.terms.concurrency != Concurrency::Off {
        return Ok(());
    }
    let Some(limit) = lease::function_of(&known.catalog, settings, MOVE_LIMIT) else { return Ok(()) };
    if entry::was_on(tx, device.id, license.id)? {
        return Ok(());
    }
    let others = entry::moves(tx, license.id, cx.now.plus_days(-MOVE_DAYS), fingerprint)?;
    if others < license.terms.activation_limit.saturating_add(limit) {
        return Ok(());
    }
    let data =
        json!({ "code": license.code, "device": fingerprint, "limit": limit, "days": MOVE_DAYS, "devices": others });
    cx.if_refused("license.moved_too_often", license.subject(), data);
    Err(Refusal::TooManyMoves { limit, days: MOVE_DAYS }.into())
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
    cmd: &Activate,
    way: Way<'_>,
) -> Result<(Leased, bool), Error> {
    let known = open_product(tx, cx, cmd.product, None)?;
    let product = &known.product;
    if !product.trial_offered {
        return Err(Refusal::TrialNotOffered.into());
    }
    if cmd.lease_days.is_some() {
        return Err(Refusal::LongTermOff.into());
    }
    if account::is_held(tx, product.tenant)? {
        return Err(Refusal::Held.into());
    }
    let standing =
        StandingOf { device: rows::device_of(tx, product.id, &cmd.device.fingerprint)?, trial: None, activation: None };
    let subject = Subject { kind: "product", id: product.id.0, account: product.tenant, tenant: product.tenant };
    let device = known_device(tx, cx, product, &cmd.device, &standing, subject)?;
    rows::lock_device(tx, device.id)?;
    let (trial, new) = trial::start(tx, cx, product, &device)?;
    let (activation, new) = match rows::of_trial(tx, trial.id)? {
        Some(live) => {
            let renew_at = lease::renew_at(cx, way.kind, &product.terms, trial.lease_end);
            let number = live.lease_number + 1;
            let times = Times { number, lease_end: trial.lease_end, renew_at, long_until: None, answer_lost: false };
            (rows::extend(tx, &live, cx.now, &times, way, None)?, false)
        }
        None => {
            let mut activation = new_activation(cx, product, Owner::Trial(trial.id), &device, cmd, way);
            activation.lease_end = trial.lease_end;
            activation.renew_at = lease::renew_at(cx, way.kind, &product.terms, trial.lease_end);
            rows::insert(tx, &activation, way.request)?;
            (activation, new)
        }
    };
    let device_key = device.public_key;
    Ok((Leased { activation, license: None, settings: Settings::default(), known, device_key }, new))
}

enum Owner {
    License(LicenseId),
    Trial(TrialId),
}

/// An activation with its first lease, whose times are still to be set.
fn new_activation(
    cx: &Context<'_>,
    product: &Product,
    owner: Owner,
    device: &Device,
    cmd: &Activate,
    way: Way<'_>,
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
        lease_end: None,
        secret_generation: 1,
        renew_at: None,
        answer_lost: false,
        long_until: None,
    }
}

/// The device as the product knows it, made known if it is not. A registered key is never replaced: another key under the
/// same id is another machine.
fn known_device(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    facts: &DeviceFacts,
    standing: &StandingOf,
    subject: Subject,
) -> Result<Device, Error> {
    let (device, name) = match &standing.device {
        Some(known) => (Device { id: known.id, public_key: known.public_key.clone() }, known.name.as_str()),
        None => (rows::make_known(tx, cx.new_id(), product, &facts.fingerprint, cx.now)?, ""),
    };
    if !facts.name.is_empty() && facts.name != name {
        rows::name_device(tx, device.id, &facts.name)?;
    }
    match (&device.public_key, facts.public_key) {
        (Some(known), Some(key)) if known != &key => duplicate(cx, facts, subject),
        (Some(_), None) => duplicate(cx, facts, subject),
        (None, Some(key)) => {
            rows::set_public_key(tx, device.id, key)?;
            Ok(Device { public_key: Some(key.to_vec()), ..device })
        }
        (Some(_), Some(_)) | (None, None) => Ok(device),
    }
}

fn duplicate(cx: &Context<'_>, facts: &DeviceFacts, subject: Subject) -> Result<Device, Error> {
    cx.if_refused("device.duplicated", subject, json!({ "device": facts.fingerprint }));
    Err(Refusal::DeviceDuplicate.into())
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
        consumer::write_consumer(tx, cx, activation, consumer)?;
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
