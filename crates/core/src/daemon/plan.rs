//! What a daemon may hand out: which licenses, how many seats, and which share of what is counted.
//!
//! A license is with at most as many daemons as it admits activations; each hands out `network_seats` seats of it. What its
//! features count is shared out evenly among that many places, and taken from the license when it is given away. It comes
//! back with the place: never before, even if the share becomes smaller, for nobody knows what was handed out meanwhile.

use super::{DaemonState, rows};
use crate::account;
use crate::catalog::{self, Catalog, FeatureKind};
use crate::context::Context;
use crate::device::lease;
use crate::error::Error;
use crate::id::{ActivationId, FeatureId, LicenseId};
use crate::license::{Concurrency, License, Role, rows as license_rows};
use lessor_db::Tx;
use lessor_lease::{DelegatedLicense, LeaseFeature};
use std::collections::{BTreeSet, HashMap};

/// Most licenses of one delegation.
const MOST_LICENSES: u32 = 1_000;

/// A license in a delegation that is being made.
pub(super) struct Share {
    pub license: License,
    /// The activation that holds the place, if there is one already.
    pub activation: Option<ActivationId>,
    pub place: i64,
    /// Does the daemon's latest delegation name it, and is its place still there?
    pub standing: bool,
    /// What the daemon had of each counted feature, and what it has from now on.
    pub charges: Vec<(FeatureId, i64, i64)>,
    pub handed: DelegatedLicense,
}

/// What a daemon may hand out now, in the order of the licenses, each of them locked.
pub(super) fn plan(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    state: &DaemonState,
    master: &License,
    fingerprint: &str,
) -> Result<Vec<Share>, Error> {
    let known = catalog::catalog(tx, master.tenant, master.product)?;
    // The vendor's own daemons serve everybody, those of a customer that customer.
    let account = (master.account != master.tenant).then_some(master.account);
    let mut ids: BTreeSet<LicenseId> = rows::licenses_with(tx, state.device)?.into_iter().collect();
    ids.extend(rows::network_licenses(tx, master.product, account, MOST_LICENSES)?);
    let mut shares = Vec::new();
    for id in ids {
        let Some(license) = license_rows::lock(tx, id)? else { continue };
        let served = license.product == master.product
            && license.role == Role::Standard
            && license.terms.concurrency == Concurrency::Network
            && account.is_none_or(|account| account == license.account);
        let held = account::is_held(tx, license.account)?;
        if served && license.in_order(held, cx.now).is_ok() {
            shares.extend(share(tx, cx, state, license, fingerprint, &known)?);
        }
    }
    Ok(shares)
}

/// The daemon's share of a license, if there is a place for it.
fn share(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    state: &DaemonState,
    license: License,
    fingerprint: &str,
    known: &Catalog,
) -> Result<Option<Share>, Error> {
    let live = rows::live(tx, state.device, license.id)?;
    let has_place = live.is_some_and(|(_, end)| end.is_none_or(|end| end > cx.now));
    let limit = license.terms.activation_limit;
    if !has_place && rows::taken(tx, license.id, state.device, cx.now)? >= limit {
        return Ok(None);
    }
    let kept = rows::place(tx, state.device, license.id)?.filter(|place| has_place && place.until > cx.now);
    let standing = kept.as_ref().is_some_and(|kept| kept.number == state.number);
    let place = match kept {
        Some(kept) => kept.place,
        None => first_free(&rows::places_taken(tx, license.id, state.device, cx.now)?),
    };
    let settings = catalog::settings_of(tx, license.id.0)?;
    let charged: HashMap<FeatureId, i64> = rows::charged(tx, license.id, fingerprint)?.into_iter().collect();
    let mut charges = Vec::new();
    let mut features = Vec::new();
    for feature in &known.features {
        let grant = settings.grants.get(&feature.id).copied().unwrap_or_default();
        if !grant.enabled {
            continue;
        }
        let amount = feature.kind.is_counted().then(|| {
            let before = charged.get(&feature.id).copied().unwrap_or_default();
            let free = grant.limit - (grant.used - before);
            let amount = portion(feature.kind, grant.limit, limit, place, before, free);
            charges.push((feature.id, before, before.max(amount)));
            amount
        });
        let kind = lease::feature_kind(feature.kind);
        features.push(LeaseFeature { code: feature.code.clone(), kind, limit: amount });
    }
    let term = license.terms.term.started(cx.now);
    let handed = DelegatedLicense {
        id: license.id.to_string(),
        code: license.code.clone(),
        seats: small(license.terms.network_seats),
        heartbeat_minutes: small(license.terms.heartbeat_minutes),
        term_end: term.end.map(|end| end.seconds()),
        maintenance_end: license.terms.maintenance_end.map(|end| end.seconds()),
        processes: small(license.terms.process_limit),
        features,
        values: lease::values(known, &settings),
        functions: lease::functions(known, &settings),
    };
    Ok(Some(Share { license, activation: live.map(|(id, _)| id), place, standing, charges, handed }))
}

/// How much of a counted feature a place gets: its part of the whole, the first ones one more where it does not come out even;
/// never more than is free. Tokens are used up, so that what was given of them is given for good.
fn portion(kind: FeatureKind, limit: i64, places: i64, place: i64, before: i64, free: i64) -> i64 {
    let part = match places {
        1.. if place < places => limit / places + i64::from(place < limit % places),
        _ => 0,
    };
    let fair = part.min(free).max(0);
    if kind == FeatureKind::Tokens { fair.max(before) } else { fair }
}

fn first_free(taken: &[i64]) -> i64 {
    (0..).find(|place| !taken.contains(place)).unwrap_or(i64::MAX)
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_all_places_are_the_whole() {
        for limit in [0, 1, 2, 7, 10, 1_000] {
            for places in 1..=5 {
                let parts = (0..places).map(|place| portion(FeatureKind::Floating, limit, places, place, 0, limit));
                assert_eq!(parts.sum::<i64>(), limit, "{limit} of {places}");
            }
        }
    }

    #[test]
    fn nobody_gets_more_than_is_free() {
        assert_eq!(portion(FeatureKind::Pool, 10, 2, 0, 0, 3), 3);
        assert_eq!(portion(FeatureKind::Pool, 10, 2, 0, 0, -4), 0);
        assert_eq!(portion(FeatureKind::Pool, 10, 2, 2, 0, 10), 0, "a place that is no longer there");
        assert_eq!(portion(FeatureKind::Pool, 10, 0, 0, 0, 10), 0);
    }

    #[test]
    fn tokens_stay_with_whom_they_were_given_to() {
        assert_eq!(portion(FeatureKind::Tokens, 4, 2, 0, 5, -1), 5);
        assert_eq!(portion(FeatureKind::Floating, 4, 2, 0, 5, 4), 2);
    }

    #[test]
    fn the_lowest_free_place_is_given_first() {
        assert_eq!(first_free(&[]), 0);
        assert_eq!(first_free(&[0, 2]), 1);
    }
}
