//! Licenses as the back office reads them: one, by code, by order, in pages, with all that belongs to them.

use super::{Concurrency, License, marks, rows};
use crate::account::{self, rows as account_rows};
use crate::catalog::{self, Settings};
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::device;
use crate::error::{Error, Noun};
use crate::id::{AccountId, FeatureId, LicenseId, ProductId};
use crate::identity::Right;
use crate::page::Start;
use lessor_db::Tx;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use uuid::Uuid;

/// Which licenses a list shows. A filter that is `None` does not filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LicenseFilter {
    /// Of this tenant.
    pub tenant: AccountId,
    /// To this product.
    pub product: Option<ProductId>,
    /// Of this account itself; the tenant's own are those given to nobody.
    pub account: Option<AccountId>,
    /// Filed under a profile of this name, whatever its product; `Some(None)` is under none.
    pub profile: Option<Option<String>>,
    /// Handed out or not.
    pub acquired: Option<bool>,
    /// Ever activated or not.
    pub used: Option<bool>,
    /// Activated now (a lapsed lease counts) or not.
    pub activated: Option<bool>,
    /// Passive or not.
    pub passive: Option<bool>,
}

impl LicenseFilter {
    /// All of a tenant.
    pub fn of(tenant: AccountId) -> Self {
        Self {
            tenant,
            product: None,
            account: None,
            profile: None,
            acquired: None,
            used: None,
            activated: None,
            passive: None,
        }
    }
}

/// A license with what a reader needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct LicenseView {
    /// The license.
    pub license: License,
    /// Name of its account.
    pub account_name: String,
    /// Name of its profile.
    pub profile_name: Option<String>,
    /// What it has set; use is that of now.
    pub settings: Settings,
    /// Activations whose lease is live now.
    pub live_count: i64,
    /// By feature: device, user, held and consumed of each check-out. Only where asked for.
    pub checkouts: Vec<(FeatureId, String, String, i64, i64)>,
}

/// A page of a tenant's licenses in the order they were made.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &LicenseFilter,
    start: Start,
    limit: u32,
) -> Result<Vec<LicenseView>, Error> {
    may_read(tx, cx, filter.tenant)?;
    let licenses = match start {
        Start::At(number) => marks::page(tx, cx, filter, number, limit)?,
        Start::After(_) => rows::page(tx, filter, start, limit)?,
    };
    views(tx, cx, licenses)
}

/// How many of a tenant's licenses the filter leaves.
pub fn count(tx: &mut dyn Tx, cx: &Context<'_>, filter: &LicenseFilter) -> Result<i64, Error> {
    may_read(tx, cx, filter.tenant)?;
    Ok(rows::count(tx, filter)?)
}

/// A page of the licenses in the caller's branch (or a branch of it), in the order they were made, after `after`.
pub fn list_after(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    branch: Option<AccountId>,
    product: Option<ProductId>,
    code: Option<&str>,
    after: Option<LicenseId>,
    limit: u32,
) -> Result<Vec<LicenseView>, Error> {
    if !cx.actor().has_right(&Right::LICENSES_READ) {
        return Err(Error::Forbidden);
    }
    let within = match branch {
        Some(id) => Some(account::get(tx, cx, id)?.path),
        None => None,
    };
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let page = |branch: &account::Path, after| rows::ids_after(tx, branch, product, code, after, limit);
    let ids = account::page_seen(cx.actor(), within.as_ref(), after, limit, page, |(id, path)| (*id, path))?;
    let ids: Vec<Uuid> = ids.into_iter().map(|(id, _)| id).collect();
    let licenses = rows::by_ids(tx, &ids)?;
    views(tx, cx, licenses)
}

fn may_read(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId) -> Result<(), Error> {
    let vendor = account_rows::by_id(tx, tenant)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::read(Right::LICENSES_READ), &vendor, Noun::Account)
}

/// One license.
pub fn get(tx: &mut dyn Tx, cx: &Context<'_>, id: LicenseId) -> Result<LicenseView, Error> {
    let license = rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::License))?;
    super::owner(tx, cx, &license, &Action::read(Right::LICENSES_READ))?;
    let mut view = views(tx, cx, vec![license])?.pop().ok_or(Error::not_found(Noun::License))?;
    view.checkouts = checkouts_of(tx, &view)?;
    Ok(view)
}

/// The license of a product with a code, without its surroundings.
pub fn find(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, code: &str) -> Result<License, Error> {
    let license = rows::by_product_and_code(tx, product, code)?.ok_or(Error::not_found(Noun::License))?;
    super::owner(tx, cx, &license, &Action::read(Right::LICENSES_READ))?;
    Ok(license)
}

/// The licenses of a tenant with a code: one of the product, or one of each product that has it.
pub fn by_code(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    product: Option<ProductId>,
    code: &str,
) -> Result<Vec<LicenseView>, Error> {
    let licenses = match product {
        Some(product) => rows::by_product_and_code(tx, product, code)?.into_iter().collect(),
        None => rows::by_code(tx, tenant, code)?,
    };
    let mut visible = Vec::with_capacity(licenses.len());
    for license in licenses.into_iter().filter(|license| license.tenant == tenant) {
        super::owner(tx, cx, &license, &Action::read(Right::LICENSES_READ))?;
        visible.push(license);
    }
    if visible.is_empty() {
        return Err(Error::not_found(Noun::License));
    }
    let mut views = views(tx, cx, visible)?;
    for view in &mut views {
        view.checkouts = checkouts_of(tx, view)?;
    }
    Ok(views)
}

/// Who has what of a license. Without an activation only what the back office set can be in use.
fn checkouts_of(tx: &mut dyn Tx, view: &LicenseView) -> Result<Vec<rows::CheckoutRow>, Error> {
    if view.license.active_count == 0 && !in_use(&view.settings) {
        return Ok(Vec::new());
    }
    Ok(rows::checkouts_of(tx, view.license.id)?)
}

/// A license found by its order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderMatch {
    /// To what.
    pub product: ProductId,
    /// Its code.
    pub code: String,
    /// The order it came with.
    pub order: String,
}

/// The licenses of a tenant whose order contains `part`, in any case.
pub fn by_order(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId, part: &str) -> Result<Vec<OrderMatch>, Error> {
    may_read(tx, cx, tenant)?;
    let found = rows::by_order(tx, tenant, part)?;
    Ok(found.into_iter().map(|(product, code, order)| OrderMatch { product, code, order }).collect())
}

/// Adds to licenses what a reader needs of their surroundings: a handful of statements per fifty of them, and none for what
/// they say themselves that there is none of.
pub fn views(tx: &mut dyn Tx, cx: &Context<'_>, licenses: Vec<License>) -> Result<Vec<LicenseView>, Error> {
    let mut views = Vec::with_capacity(licenses.len());
    let mut accounts = HashMap::new();
    let mut profiles = HashMap::new();
    let mut rest = licenses.into_iter();
    loop {
        let some: Vec<License> = rest.by_ref().take(catalog::rows::CHUNK).collect();
        if some.is_empty() {
            return Ok(views);
        }
        let ids: Vec<Uuid> = some.iter().map(|license| license.id.0).collect();
        let mut settings = catalog::settings_of_many(tx, &ids)?;
        for (license, feature, lapsed) in lapsed_use(tx, &some, &settings, cx.now)? {
            // A lapsed lease gives seats and elements back the moment it lapses, not when somebody looks.
            if let Some(grant) = settings.get_mut(&license.0).and_then(|settings| settings.grants.get_mut(&feature)) {
                grant.used = (grant.used - lapsed).max(0);
            }
        }
        let live = live_counts(tx, &some, cx.now)?;
        let unnamed = missing(&accounts, some.iter().map(|license| license.account), |id| id.0);
        if !unnamed.is_empty() {
            accounts.extend(rows::account_names(tx, &unnamed)?);
        }
        let unnamed = missing(&profiles, some.iter().filter_map(|license| license.profile), |id| id.0);
        if !unnamed.is_empty() {
            profiles.extend(rows::profile_names(tx, &unnamed)?);
        }
        views.extend(some.into_iter().map(|license| LicenseView {
            account_name: accounts.get(&license.account).cloned().unwrap_or_default(),
            profile_name: license.profile.and_then(|id| profiles.get(&id).cloned()),
            settings: settings.remove(&license.id.0).unwrap_or_default(),
            live_count: live.get(&license.id).copied().unwrap_or_default(),
            checkouts: Vec::new(),
            license,
        }));
    }
}

/// Those whose names are not known yet, each once.
fn missing<K: Copy + Eq + Hash>(
    known: &HashMap<K, String>,
    ids: impl Iterator<Item = K>,
    plain: fn(K) -> Uuid,
) -> Vec<Uuid> {
    let missing: HashSet<K> = ids.filter(|id| !known.contains_key(id)).collect();
    missing.into_iter().map(plain).collect()
}

fn live_counts(tx: &mut dyn Tx, licenses: &[License], now: Timestamp) -> Result<HashMap<LicenseId, i64>, Error> {
    let active: Vec<Uuid> =
        licenses.iter().filter(|license| license.active_count > 0).map(|license| license.id.0).collect();
    if active.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(rows::live_counts(tx, &active, now)?.into_iter().collect())
}

fn lapsed_use(
    tx: &mut dyn Tx,
    licenses: &[License],
    settings: &HashMap<Uuid, Settings>,
    now: Timestamp,
) -> Result<Vec<(LicenseId, FeatureId, i64)>, Error> {
    let cloud: Vec<Uuid> = licenses
        .iter()
        .filter(|license| license.terms.concurrency != Concurrency::Off && license.active_count > 0)
        .map(|license| license.id.0)
        .filter(|id| settings.get(id).is_some_and(in_use))
        .collect();
    if cloud.is_empty() {
        return Ok(Vec::new());
    }
    Ok(rows::lapsed_use(tx, &cloud, now)?)
}

fn in_use(settings: &Settings) -> bool {
    settings.grants.values().any(|grant| grant.used > 0)
}

/// An activation as the back office sees it.
pub type Activity = device::Activation;

/// The activations of a license, oldest first; `current` leaves out what was returned.
pub fn activities(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    license: LicenseId,
    current: bool,
    start: Start,
    limit: u32,
) -> Result<Vec<Activity>, Error> {
    readable(tx, cx, license)?;
    Ok(device::rows::of_license(tx, license, current, start, limit)?)
}

/// How many activations a license has or had.
pub fn count_activities(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId, current: bool) -> Result<i64, Error> {
    let license = readable(tx, cx, license)?;
    Ok(license.active_count + if current { 0 } else { license.returned_count })
}

fn readable(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<License, Error> {
    let license = rows::by_id(tx, license)?.ok_or(Error::not_found(Noun::License))?;
    super::owner(tx, cx, &license, &Action::read(Right::LICENSES_READ))?;
    Ok(license)
}

/// Product and code of the licenses that are activated on a device of a tenant, lapsed leases included.
pub fn activities_of_device(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    fingerprint: &str,
) -> Result<Vec<(ProductId, String)>, Error> {
    may_read(tx, cx, tenant)?;
    Ok(device::rows::licenses_on(tx, tenant, fingerprint)?)
}
