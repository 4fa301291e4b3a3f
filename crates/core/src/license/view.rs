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
use lessor_db::{StoreError, Tx};
use std::collections::HashMap;
use std::sync::Arc;
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

/// A license where only its name counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseKey {
    /// Its id.
    pub id: LicenseId,
    /// What people type.
    pub code: String,
    /// To what.
    pub product: ProductId,
    /// Whose.
    pub account: AccountId,
}

/// All licenses in a branch that the caller sees, by code and then by id.
///
/// # Errors
/// `NotFound` for an account that the caller does not see, `Forbidden`.
pub fn keys(tx: &mut dyn Tx, cx: &Context<'_>, branch: AccountId) -> Result<Vec<LicenseKey>, Error> {
    let top = account::authorized(tx, cx, branch, &Action::read(Right::LICENSES_READ), Noun::Account)?;
    let seen = rows::keys_below(tx, &top.path)?.into_iter().filter(|key| cx.actor().level_at(&key.path).is_some());
    let mut keys: Vec<LicenseKey> =
        seen.map(|key| LicenseKey { id: key.id, code: key.code, product: key.product, account: key.account }).collect();
    keys.sort_by(|one, other| (&one.code, one.id).cmp(&(&other.code, other.id)));
    Ok(keys)
}

fn may_read(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId) -> Result<(), Error> {
    readable_in(tx, cx, tenant, Noun::Account)
}

/// May the caller read the licenses of this account? Where it may not see the account, there is no such `noun`.
fn readable_in(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId, noun: Noun) -> Result<(), Error> {
    let read = || Ok(account_rows::by_id(tx, account)?.map(|account| account.path));
    let place = cx.tools.recall.places.recall(cx, account, read)?.ok_or(Error::not_found(noun))?;
    cx.authorize_at(&Action::read(Right::LICENSES_READ), &place, noun)
}

/// One license.
pub fn get(tx: &mut dyn Tx, cx: &Context<'_>, id: LicenseId) -> Result<LicenseView, Error> {
    let license = rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::License))?;
    seen(tx, cx, &license)?;
    let mut view = views(tx, cx, vec![license])?.pop().ok_or(Error::not_found(Noun::License))?;
    view.checkouts = checkouts_of(tx, &view)?;
    Ok(view)
}

/// The license of a product with a code, without its surroundings.
pub fn find(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, code: &str) -> Result<License, Error> {
    let license = rows::by_product_and_code(tx, product, code)?.ok_or(Error::not_found(Noun::License))?;
    seen(tx, cx, &license)?;
    Ok(license)
}

/// May the caller see a license?
fn seen(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<(), Error> {
    readable_in(tx, cx, license.account, Noun::License)
}

/// The licenses of a tenant with a code: one of the product, or one of each product that has it. `checkouts` says whether
/// to read who holds what of them.
pub fn by_code(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    product: Option<ProductId>,
    code: &str,
    checkouts: bool,
) -> Result<Vec<LicenseView>, Error> {
    let licenses = match product {
        Some(product) => rows::by_product_and_code(tx, product, code)?.into_iter().collect(),
        None => rows::by_code(tx, tenant, code)?,
    };
    let mut visible = Vec::with_capacity(licenses.len());
    for license in licenses.into_iter().filter(|license| license.tenant == tenant) {
        seen(tx, cx, &license)?;
        visible.push(license);
    }
    if visible.is_empty() {
        return Err(Error::not_found(Noun::License));
    }
    let mut views = views(tx, cx, visible)?;
    if checkouts {
        for view in &mut views {
            view.checkouts = checkouts_of(tx, view)?;
        }
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
    let mut names = HashMap::new();
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
            let place = ids.iter().position(|id| *id == license.0);
            if let Some(grant) = place.and_then(|at| settings[at].grants.get_mut(&feature)) {
                grant.used = (grant.used - lapsed).max(0);
            }
        }
        let live = live_counts(tx, &some, cx.now)?;
        learn(tx, cx, &mut names, some.iter().map(|license| license.account.0), rows::account_names)?;
        learn(
            tx,
            cx,
            &mut names,
            some.iter().filter_map(|license| license.profile).map(|id| id.0),
            rows::profile_names,
        )?;
        let name = |id: Uuid| names.get(&id).map(|name: &Arc<str>| String::from(&**name));
        views.extend(some.into_iter().zip(settings).map(|(license, settings)| LicenseView {
            account_name: name(license.account.0).unwrap_or_default(),
            profile_name: license.profile.and_then(|id| name(id.0)),
            settings,
            live_count: live.get(&license.id).copied().unwrap_or_default(),
            checkouts: Vec::new(),
            license,
        }));
    }
}

/// Adds the names of those that have none yet: remembered ones, and what `read` finds of the rest.
fn learn(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    names: &mut HashMap<Uuid, Arc<str>>,
    ids: impl Iterator<Item = Uuid>,
    read: impl FnOnce(&mut dyn Tx, &[Uuid]) -> Result<Vec<(Uuid, String)>, StoreError>,
) -> Result<(), Error> {
    let kept = &cx.tools.recall.names;
    let mut unknown = Vec::new();
    // Those of one account mostly stand together.
    let mut last = None;
    for id in ids.filter(|id| last.replace(*id) != Some(*id)) {
        if names.contains_key(&id) || unknown.contains(&id) {
            continue;
        }
        match kept.get(cx, &id) {
            Some(name) => drop(names.insert(id, name)),
            None => unknown.push(id),
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    for (id, name) in read(tx, &unknown)? {
        let name: Arc<str> = name.into();
        kept.keep(cx, id, Arc::clone(&name));
        names.insert(id, name);
    }
    Ok(())
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
    settings: &[Settings],
    now: Timestamp,
) -> Result<Vec<(LicenseId, FeatureId, i64)>, Error> {
    let cloud: Vec<Uuid> = licenses
        .iter()
        .zip(settings)
        .filter(|(license, _)| license.terms.concurrency != Concurrency::Off && license.active_count > 0)
        .filter(|(_, settings)| in_use(settings))
        .map(|(license, _)| license.id.0)
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
    seen(tx, cx, &license)?;
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
