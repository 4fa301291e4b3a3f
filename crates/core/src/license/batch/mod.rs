//! New licenses, written many at a time: rows, first segments, and what each starts with.

pub(crate) mod rows;

use super::{License, Role, Terms};
use crate::catalog::{self, Product, Profile};
use crate::context::Context;
use crate::error::Error;
use crate::id::{AccountId, FeatureId, LicenseId, NamedValueId, ProfileId, ServerFunctionId};
use lessor_db::Tx;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What a license has set when it is made.
pub(super) struct Start {
    grants: Vec<(FeatureId, bool, i64)>,
    values: Vec<(NamedValueId, String)>,
    functions: Vec<(ServerFunctionId, bool, Option<i64>)>,
}

impl Start {
    /// What a profile has set, or what the product has where there is no profile.
    fn of(tx: &mut dyn Tx, product: &Product, profile: Option<ProfileId>) -> Result<Self, Error> {
        let Some(profile) = profile else {
            let features = catalog::rows::features(tx, product.id)?;
            let on = features.into_iter().filter(|feature| feature.enabled || feature.limit > 0);
            let grants = on.map(|feature| (feature.id, feature.enabled, feature.limit)).collect();
            return Ok(Self { grants, values: Vec::new(), functions: Vec::new() });
        };
        let set = catalog::settings_of(tx, profile.0)?;
        let functions = set.functions.into_iter();
        Ok(Self {
            grants: set.grants.into_iter().map(|(id, grant)| (id, grant.enabled, grant.limit)).collect(),
            values: set.values.into_iter().collect(),
            functions: functions.map(|(id, (enabled, parameter))| (id, enabled, parameter)).collect(),
        })
    }
}

/// What licenses of one product start with; each profile is looked up once.
pub(super) struct Batch<'a> {
    product: &'a Product,
    starts: HashMap<Option<ProfileId>, Start>,
}

impl<'a> Batch<'a> {
    /// Nothing looked up yet.
    pub(super) fn of(product: &'a Product) -> Self {
        Self { product, starts: HashMap::new() }
    }

    /// A license that is not written yet.
    pub(super) fn license(
        &self,
        cx: &Context<'_>,
        account: AccountId,
        profile: Option<&Profile>,
        code: String,
        role: Role,
    ) -> License {
        let terms = profile.map_or(&self.product.terms, |profile| &profile.terms).clone();
        License {
            id: cx.new_id(),
            tenant: self.product.tenant,
            account,
            product: self.product.id,
            profile: profile.map(|profile| profile.id),
            code,
            role,
            reference: String::new(),
            order: String::new(),
            acquired: profile.is_some_and(|profile| profile.acquired),
            terms: Terms { term: terms.term.issued(cx.now), ..terms },
            hold_count: 0,
            active_count: 0,
            returned_count: 0,
            last_activated_at: None,
            trial_extensions: 0,
            created_at: cx.now,
            modified_at: cx.now,
            version: 1,
        }
    }

    /// Writes new licenses with all that belongs to them, but their events; gives those whose code was free.
    ///
    /// Two batches with codes in common meet at the first of them: codes are taken in one order, whatever their order
    /// in the list, so that neither waits for the other.
    pub(super) fn write(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        licenses: &[License],
    ) -> Result<HashSet<LicenseId>, Error> {
        let mut by_code: Vec<&License> = licenses.iter().collect();
        by_code.sort_unstable_by(|one, other| one.code.cmp(&other.code));
        let written = rows::insert(tx, &by_code)?;
        let new: Vec<&License> = licenses.iter().filter(|license| written.contains(&license.id)).collect();
        for license in &new {
            if !self.starts.contains_key(&license.profile) {
                self.starts.insert(license.profile, Start::of(tx, self.product, license.profile)?);
            }
        }
        let segments: Vec<(Uuid, &License)> = new.iter().map(|license| (cx.new_id(), *license)).collect();
        rows::insert_segments(tx, &segments, cx.now)?;
        let starts = |license: &&License| Some((license.id, self.starts.get(&license.profile)?));
        rows::insert_settings(tx, &new.iter().filter_map(starts).collect::<Vec<_>>())?;
        Ok(written)
    }
}

/// 18 decimal digits, the first not 0.
pub(super) fn random_code(cx: &Context<'_>) -> String {
    let chance = u64::from_be_bytes(cx.random());
    // 2^64 is no multiple of 9·10^17; the lean of the remainder is below one in twenty.
    (100_000_000_000_000_000 + chance % 900_000_000_000_000_000).to_string()
}
