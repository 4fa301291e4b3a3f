//! Profiles: named sets of license terms.

use super::product::{check_name, lock as lock_product, may_see, terms_view};
use super::{Profile, Settings, SettingsChange, catalog, rows, settings_of};
use crate::account;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, ProductId, ProfileId};
use crate::journal::{self, Subject};
use crate::license::{self, Terms, TermsChange};
use crate::page::Start;
use lessor_db::Tx;
use serde_json::json;

/// The word for "no profile"; no profile may be called so.
const NO_PROFILE: &str = "default";

/// Makes a profile.
#[derive(Clone, Debug)]
pub struct CreateProfile {
    /// Its product.
    pub product: ProductId,
    /// Its name, unique in the product.
    pub name: String,
    /// The partner it belongs to.
    pub reseller: Option<AccountId>,
    /// Do its licenses start usable?
    pub enabled: bool,
    /// Do its licenses start as handed out?
    pub acquired: bool,
    /// What its licenses start with.
    pub terms: Terms,
    /// Features, values and functions its licenses start with.
    pub settings: SettingsChange,
}

/// Makes a profile.
pub fn create_profile(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateProfile) -> Result<Profile, Error> {
    let product = lock_product(tx, cx, cmd.product)?;
    check_profile_name(&cmd.name)?;
    cmd.terms.check()?;
    check_reseller(tx, product.tenant, cmd.reseller)?;
    let profile = Profile {
        id: cx.new_id(),
        tenant: product.tenant,
        product: product.id,
        name: cmd.name.clone(),
        reseller: cmd.reseller,
        enabled: cmd.enabled,
        acquired: cmd.acquired,
        terms: cmd.terms.clone(),
        created_at: cx.now,
        modified_at: cx.now,
        version: 1,
    };
    rows::insert_profile(tx, &profile)
        .map_err(|error| Error::from(error).taken_on_unique(Noun::Profile, &profile.name))?;
    let known = catalog(tx, product.tenant, product.id)?;
    cmd.settings.write(tx, &known, profile.id.0)?;
    journal::append(tx, cx, "profile.created", subject(&profile), &json!({ "after": view(&profile) }))?;
    Ok(profile)
}

/// Changes a profile; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeProfile {
    /// Which one.
    pub profile: ProfileId,
    /// Its new name.
    pub name: Option<String>,
    /// The partner it belongs to; `Some(None)` for none.
    pub reseller: Option<Option<AccountId>>,
    /// Do its licenses start usable?
    pub enabled: Option<bool>,
    /// Do its licenses start as handed out?
    pub acquired: Option<bool>,
    /// Terms.
    pub terms: TermsChange,
    /// Features, values and functions.
    pub settings: SettingsChange,
    /// Push the changed profile onto the licenses now in it? Their owners, orders, notes, use and whether they were handed
    /// out stay.
    pub push: bool,
}

/// Changes a profile.
pub fn change_profile(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeProfile) -> Result<Profile, Error> {
    let before = rows::profile(tx, cmd.profile)?.ok_or(Error::not_found(Noun::Profile))?;
    // What the caller asks about is the profile: whether its product is there is not told.
    let product = lock_product(tx, cx, before.product).map_err(as_profile)?;
    let before = rows::lock_profile(tx, cmd.profile)?.ok_or(Error::not_found(Noun::Profile))?;
    let after = Profile {
        name: cmd.name.clone().unwrap_or_else(|| before.name.clone()),
        reseller: cmd.reseller.unwrap_or(before.reseller),
        enabled: cmd.enabled.unwrap_or(before.enabled),
        acquired: cmd.acquired.unwrap_or(before.acquired),
        terms: cmd.terms.apply(&before.terms, false, cx.now)?,
        modified_at: cx.now,
        version: before.version + 1,
        ..before.clone()
    };
    check_profile_name(&after.name)?;
    check_reseller(tx, product.tenant, after.reseller)?;
    rows::update_profile(tx, &after).map_err(|error| Error::from(error).taken_on_unique(Noun::Profile, &after.name))?;
    let known = catalog(tx, product.tenant, product.id)?;
    cmd.settings.write(tx, &known, after.id.0)?;
    if cmd.push {
        license::inherit_all(tx, cx, &after)?;
    }
    let change = json!({ "before": view(&before), "after": view(&after), "pushed": cmd.push });
    journal::append(tx, cx, "profile.changed", subject(&after), &change)?;
    Ok(after)
}

/// A profile by its name.
pub fn profile_by_name(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, name: &str) -> Result<Profile, Error> {
    let found = rows::profile_named(tx, product, name)?;
    visible(tx, cx, found)
}

/// A profile by its id.
pub fn profile_by_id(tx: &mut dyn Tx, cx: &Context<'_>, id: ProfileId) -> Result<Profile, Error> {
    let found = rows::profile(tx, id)?;
    visible(tx, cx, found)
}

fn visible(tx: &mut dyn Tx, cx: &Context<'_>, found: Option<Profile>) -> Result<Profile, Error> {
    let profile = found.ok_or(Error::not_found(Noun::Profile))?;
    may_see(tx, cx, profile.tenant).map_err(as_profile)?;
    Ok(profile)
}

fn as_profile(error: Error) -> Error {
    match error {
        Error::Refused(Refusal::NotFound(_)) => Error::not_found(Noun::Profile),
        other => other,
    }
}

/// Which profiles a list shows.
#[derive(Clone, Debug)]
pub struct ProfileFilter {
    /// Of this tenant.
    pub tenant: AccountId,
    /// Only of this product.
    pub product: Option<ProductId>,
}

/// How many profiles there are.
pub fn count_profiles(tx: &mut dyn Tx, cx: &Context<'_>, filter: &ProfileFilter) -> Result<i64, Error> {
    may_see(tx, cx, filter.tenant)?;
    Ok(rows::count_profiles(tx, filter)?)
}

/// Profiles in the order they were made, with what they set; use is the sum over their licenses.
pub fn profiles(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &ProfileFilter,
    start: Start,
    limit: u32,
) -> Result<Vec<Profile>, Error> {
    may_see(tx, cx, filter.tenant)?;
    Ok(rows::profiles(tx, filter, start, limit)?)
}

impl Profile {
    /// What the profile sets; use is the sum over its licenses.
    pub fn settings(&self, tx: &mut dyn Tx) -> Result<Settings, Error> {
        let mut settings = settings_of(tx, self.id.0)?;
        for (feature, used) in rows::sums_of_profile(tx, self.id)? {
            settings.grants.entry(feature).or_default().used = used;
        }
        Ok(settings)
    }
}

fn check_profile_name(name: &str) -> Result<(), Error> {
    if name.eq_ignore_ascii_case(NO_PROFILE) {
        return Err(Error::malformed("profile name", "`default` stands for no profile"));
    }
    check_name("profile name", name)
}

fn check_reseller(tx: &mut dyn Tx, tenant: AccountId, reseller: Option<AccountId>) -> Result<(), Error> {
    let Some(id) = reseller else { return Ok(()) };
    let account = account::rows::by_id(tx, id)?.filter(|account| account.tenant == tenant);
    account.map(|_| ()).ok_or(Error::not_found(Noun::Reseller))
}

fn subject(profile: &Profile) -> Subject {
    Subject { kind: "profile", id: profile.id.0, account: profile.tenant, tenant: profile.tenant }
}

fn view(profile: &Profile) -> serde_json::Value {
    json!({
        "name": profile.name,
        "enabled": profile.enabled,
        "acquired": profile.acquired,
        "terms": terms_view(&profile.terms),
    })
}
