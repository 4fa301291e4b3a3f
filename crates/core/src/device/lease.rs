//! Leases: what a device may run on without asking, as a document signed with the product's key.

use super::{Activation, ActivationKind};
use crate::catalog::{self, Known, Settings};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::Error;
use crate::license::{Concurrency, License, Terms};
use lessor_db::{StoreError, Tx};
use lessor_lease::{
    Concurrency as LeaseConcurrency, FeatureKind, Lease, LeaseFeature, LeaseKind, Mode, VERSION, to_hex,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Hours after which a device with a lease without end asks again.
const LOOK_IN_HOURS: i64 = 24;

/// How full the queue may be before devices are asked to come later.
const EASY: f64 = 0.25;

/// An activation with all that its latest lease says. Signing is left to whoever answers the device: it takes longer than
/// all else, and nothing is locked any more by then.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The activation.
    pub activation: Activation,
    pub(super) license: Option<License>,
    pub(super) settings: Settings,
    pub(super) known: Arc<Known>,
    pub(super) device_key: Option<Vec<u8>>,
}

impl Leased {
    /// The lease.
    pub fn lease(&self) -> Lease {
        let (activation, known) = (&self.activation, &self.known);
        let license = self.license.as_ref();
        let terms = license.map_or(&known.product.terms, |license| &license.terms);
        Lease {
            v: VERSION,
            issuer: "lessor".into(),
            tenant: activation.tenant.to_string(),
            product: known.product.id.to_string(),
            license: license.map(|license| license.code.clone()),
            activation: activation.id.to_string(),
            device: activation.fingerprint.clone(),
            device_key: self.device_key.as_ref().map(|key| to_hex(key)),
            user: activation.user.clone(),
            number: u64::try_from(activation.lease_number).unwrap_or(0),
            kind: kind(activation),
            mode: Mode::Enforce,
            concurrency: concurrency(license),
            issued_at: activation.leased_at.seconds(),
            not_before: activation.leased_at.seconds(),
            renew_after: activation.renew_at.map(Timestamp::seconds),
            expires_at: activation.lease_end.map(Timestamp::seconds),
            grace_until: activation.lease_end.map(Timestamp::seconds),
            term_end: term_end(terms, license.is_some()),
            maintenance_end: terms.maintenance_end.map(Timestamp::seconds),
            processes: u32::try_from(terms.process_limit).unwrap_or(u32::MAX),
            features: features(&known.catalog, &self.settings, license.is_some()),
            values: values(&known.catalog, &self.settings),
            functions: functions(&known.catalog, &self.settings),
        }
    }

    /// The lease as signed text.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn document(&self) -> Result<String, Error> {
        self.sign(&self.lease())
    }

    /// What [`lease`](Self::lease) gave, as signed text.
    ///
    /// # Errors
    /// Only where the lease could not be written as JSON, which is a fault of ours.
    pub fn sign(&self, lease: &Lease) -> Result<String, Error> {
        let document = lease.sign(&self.known.signer).map_err(|error| broken("lease", error))?;
        Ok(document.to_string())
    }
}

/// An activation with what its latest lease says, read for an answer that nobody is in a hurry for.
pub(super) fn leased(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    activation: Activation,
    license: Option<License>,
) -> Result<Leased, Error> {
    let known = catalog::known::known(tx, cx, activation.product, None)?;
    let settings = match &license {
        Some(license) => catalog::settings_of(tx, license.id.0)?,
        None => Settings::default(),
    };
    let device_key = super::rows::public_key(tx, activation.device)?;
    Ok(Leased { activation, license, settings, known, device_key })
}

fn kind(activation: &Activation) -> LeaseKind {
    match (activation.trial, activation.kind) {
        (Some(_), _) => LeaseKind::Trial,
        (None, ActivationKind::Online) => LeaseKind::Online,
        (None, ActivationKind::Offline | ActivationKind::Passive) => LeaseKind::Offline,
    }
}

fn concurrency(license: Option<&License>) -> LeaseConcurrency {
    match license.map(|license| license.terms.concurrency) {
        None | Some(Concurrency::Off) => LeaseConcurrency::Off,
        Some(Concurrency::Cloud) => LeaseConcurrency::Cloud,
        Some(Concurrency::Network) => LeaseConcurrency::Network,
    }
}

fn term_end(terms: &Terms, licensed: bool) -> Option<i64> {
    terms.term.end.filter(|_| licensed).map(Timestamp::seconds)
}

/// When a lease ends and when its device shall ask for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub number: i64,
    pub lease_end: Option<Timestamp>,
    pub renew_at: Option<Timestamp>,
    pub long_until: Option<Timestamp>,
    pub answer_lost: bool,
}

/// When a device whose lease begins now shall ask again: half-way through it; one whose lease has no end, once a day; one
/// that asks for a heartbeat, a beat later. While much waits to be written, later, and not all at the same time. A device
/// that is offline does not ask.
pub(crate) fn renew_at(
    cx: &Context<'_>,
    kind: ActivationKind,
    terms: &Terms,
    lease_end: Option<Timestamp>,
) -> Option<Timestamp> {
    if kind != ActivationKind::Online {
        return None;
    }
    let beats = terms.concurrency != Concurrency::Off && terms.heartbeat_minutes > 0;
    let length = lease_end.map_or(2 * LOOK_IN_HOURS * 3_600_000_000, |end| end.micros() - cx.now.micros());
    let wait = if beats { (terms.heartbeat_minutes * 60_000_000).min(length / 2) } else { length / 2 };
    let chance = || {
        let [chance] = cx.random();
        chance
    };
    Some(cx.now.plus_micros(wait + put_off(length, cx.load(), chance)))
}

/// How much later than half-way a device is asked to come: nothing while there is little to do, up to four tenths of its
/// lease when as much waits as is let in; chance spreads the devices over the time won.
fn put_off(length: i64, load: f64, chance: impl FnOnce() -> u8) -> i64 {
    let pressure = ((load - EASY) / (1.0 - EASY)).clamp(0.0, 1.0);
    if pressure == 0.0 {
        return 0;
    }
    let share = 0.4 * pressure * (0.5 + f64::from(chance()) / 510.0);
    // A share of a length in microseconds, far below what a float holds exactly.
    #[expect(clippy::cast_possible_truncation, reason = "less than the length, which is an i64")]
    let put_off = (length as f64 * share) as i64;
    put_off
}

fn features(known: &catalog::Catalog, settings: &Settings, licensed: bool) -> Vec<LeaseFeature> {
    let on = known.features.iter().filter_map(|feature| {
        let grant = settings.grants.get(&feature.id).copied().unwrap_or_default();
        let enabled = if licensed { grant.enabled } else { feature.in_trials };
        let limit = feature.kind.is_counted().then_some(grant.limit);
        enabled.then(|| LeaseFeature { code: feature.code.clone(), kind: feature_kind(feature.kind), limit })
    });
    on.collect()
}

pub(crate) fn feature_kind(kind: catalog::FeatureKind) -> FeatureKind {
    match kind {
        catalog::FeatureKind::Flag => FeatureKind::Flag,
        catalog::FeatureKind::Floating => FeatureKind::Floating,
        catalog::FeatureKind::Pool => FeatureKind::Pool,
        catalog::FeatureKind::Tokens => FeatureKind::Tokens,
        catalog::FeatureKind::Store => FeatureKind::Store,
    }
}

pub(crate) fn values(known: &catalog::Catalog, settings: &Settings) -> BTreeMap<String, String> {
    let all = known.values.iter();
    all.map(|value| {
        let set = settings.values.get(&value.id).unwrap_or(&value.value);
        (value.name.clone(), set.clone())
    })
    .collect()
}

pub(crate) fn functions(known: &catalog::Catalog, settings: &Settings) -> BTreeMap<String, Option<i64>> {
    let all = known.functions.iter();
    all.filter_map(|function| {
        let (enabled, parameter) = settings.functions.get(&function.id).copied().unwrap_or((function.enabled, None));
        enabled.then(|| (function.name.clone(), parameter))
    })
    .collect()
}

/// The number that goes with a function of the server, if the license has it on.
pub(crate) fn function_of(known: &catalog::Catalog, settings: &Settings, name: &str) -> Option<i64> {
    let function = known.functions.iter().find(|function| function.name == name)?;
    let (enabled, parameter) = settings.functions.get(&function.id).copied().unwrap_or((function.enabled, None));
    if enabled { Some(parameter.unwrap_or(0)) } else { None }
}

/// A document that cannot be made is a fault of ours, not of the caller.
pub(crate) fn broken(what: &str, error: impl std::fmt::Display) -> Error {
    StoreError::Broken(format!("{what}: {error}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_put_off_only_under_load_and_never_to_the_end_of_its_lease() {
        let unasked = || panic!("chance is asked for where it has no say");
        assert_eq!(put_off(1_000_000, 0.0, unasked), 0);
        assert_eq!(put_off(1_000_000, EASY, unasked), 0);
        for load in [0.3, 0.6, 1.0] {
            for chance in [0, 77, 255] {
                let put_off = put_off(1_000_000, load, || chance);
                assert!((1..=400_000).contains(&put_off), "{load} {chance} {put_off}");
            }
        }
        assert!(put_off(1_000_000, 1.0, || 0) < put_off(1_000_000, 1.0, || 255));
    }
}
