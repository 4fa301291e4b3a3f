//! Leases: what a device may run on without asking, as a document signed with the product's key.

use super::{Activation, ActivationKind};
use crate::catalog::{self, Product, Settings};
use crate::clock::Timestamp;
use crate::error::{Error, Noun};
use crate::license::{Concurrency, License, Terms, rows as license_rows};
use lessor_db::{StoreError, Tx};
use lessor_lease::{
    Concurrency as LeaseConcurrency, FeatureKind, Lease, LeaseFeature, LeaseKind, Mode, VERSION, to_hex,
};
use std::collections::BTreeMap;

/// Hours after which a device with a lease without end asks again.
const LOOK_IN_HOURS: i64 = 24;

/// An activation with its latest lease.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The activation.
    pub activation: Activation,
    /// The lease.
    pub lease: Lease,
    /// The lease as signed text.
    pub document: String,
}

/// Builds and signs the lease that an activation has now.
pub(super) fn sign(tx: &mut dyn Tx, activation: &Activation, product: &Product) -> Result<Leased, Error> {
    let lease = build(tx, activation, product)?;
    let document = lease.sign(&catalog::signer(tx, product.id)?).map_err(|error| broken("lease", error))?;
    Ok(Leased { activation: activation.clone(), lease, document: document.to_string() })
}

/// The lease that an activation has now.
pub(super) fn build(tx: &mut dyn Tx, activation: &Activation, product: &Product) -> Result<Lease, Error> {
    let license = match activation.license {
        Some(id) => Some(license_rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::License))?),
        None => None,
    };
    let settings = match &license {
        Some(license) => catalog::settings_of(tx, license.id.0)?,
        None => Settings::default(),
    };
    let known = catalog::catalog(tx, product.tenant, product.id)?;
    let terms = license.as_ref().map_or(&product.terms, |license| &license.terms);
    let device_key = super::rows::public_key(tx, activation.device)?;
    Ok(Lease {
        v: VERSION,
        issuer: "lessor".into(),
        tenant: activation.tenant.to_string(),
        product: product.id.to_string(),
        license: license.as_ref().map(|license| license.code.clone()),
        activation: activation.id.to_string(),
        device: activation.fingerprint.clone(),
        device_key: device_key.map(|key| to_hex(&key)),
        user: activation.user.clone(),
        number: u64::try_from(activation.lease_number).unwrap_or(0),
        kind: kind(activation),
        mode: Mode::Enforce,
        concurrency: concurrency(license.as_ref()),
        issued_at: activation.leased_at.seconds(),
        not_before: activation.leased_at.seconds(),
        renew_after: renew_after(activation).map(Timestamp::seconds),
        expires_at: activation.lease_end.map(Timestamp::seconds),
        grace_until: activation.lease_end.map(Timestamp::seconds),
        term_end: term_end(terms, license.is_some()),
        maintenance_end: terms.maintenance_end.map(Timestamp::seconds),
        processes: u32::try_from(terms.process_limit).unwrap_or(u32::MAX),
        features: features(&known, &settings, license.is_some()),
        values: values(&known, &settings),
        functions: functions(&known, &settings),
    })
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

/// Half-way through the lease; a device whose lease has no end looks in once a day. One that is offline does not ask.
pub(super) fn renew_after(activation: &Activation) -> Option<Timestamp> {
    if activation.kind != ActivationKind::Online {
        return None;
    }
    let half = activation.lease_end.map(|end| {
        let length = end.micros() - activation.leased_at.micros();
        activation.leased_at.plus_micros(length / 2)
    });
    Some(half.unwrap_or_else(|| activation.leased_at.plus_hours(LOOK_IN_HOURS)))
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

fn feature_kind(kind: catalog::FeatureKind) -> FeatureKind {
    match kind {
        catalog::FeatureKind::Flag => FeatureKind::Flag,
        catalog::FeatureKind::Floating => FeatureKind::Floating,
        catalog::FeatureKind::Pool => FeatureKind::Pool,
        catalog::FeatureKind::Tokens => FeatureKind::Tokens,
        catalog::FeatureKind::Store => FeatureKind::Store,
    }
}

fn values(known: &catalog::Catalog, settings: &Settings) -> BTreeMap<String, String> {
    let all = known.values.iter();
    all.map(|value| {
        let set = settings.values.get(&value.id).unwrap_or(&value.value);
        (value.name.clone(), set.clone())
    })
    .collect()
}

fn functions(known: &catalog::Catalog, settings: &Settings) -> BTreeMap<String, Option<i64>> {
    let all = known.functions.iter();
    all.filter_map(|function| {
        let (enabled, parameter) = settings.functions.get(&function.id).copied().unwrap_or((function.enabled, None));
        enabled.then(|| (function.name.clone(), parameter))
    })
    .collect()
}

/// A document that cannot be made is a fault of ours, not of the caller.
pub(super) fn broken(what: &str, error: impl std::fmt::Display) -> Error {
    StoreError::Broken(format!("{what}: {error}")).into()
}
