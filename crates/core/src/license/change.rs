//! Changes a license: owner, terms, grants, notes, and whether it may be used at all.

use super::{License, NotesChange, TermsChange, issue, rows, segment};
use crate::account::{self, HoldTarget, PlaceHold, Reach};
use crate::catalog::{self, Profile, SettingsChange};
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, LicenseId, ProfileId};
use crate::identity::Right;
use crate::journal;
use crate::order;
use lessor_db::Tx;
use serde_json::json;
use uuid::Uuid;

/// The cause of the hold that stands for "not enabled".
const DISABLED: &str = "disabled";

/// Changes a license; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeLicense {
    /// Which one.
    pub license: LicenseId,
    /// Whose it is; `Some(None)` gives it back to the vendor.
    pub account: Option<Option<AccountId>>,
    /// May it be used? `false` places a hold, `true` lifts that one; holds of other causes stay.
    pub enabled: Option<bool>,
    /// Has it been handed out?
    pub acquired: Option<bool>,
    /// The profile it is filed under; `Some(None)` for none.
    pub profile: Option<Option<ProfileId>>,
    /// Take over what that profile has? What this command sets itself wins.
    pub inherit: bool,
    /// The order it came with, at most 200 characters.
    pub order: Option<String>,
    /// Terms.
    pub terms: TermsChange,
    /// Features, values and functions.
    pub settings: SettingsChange,
    /// Notes.
    pub notes: NotesChange,
}

impl ChangeLicense {
    /// A change of nothing yet.
    pub fn of(license: LicenseId) -> Self {
        Self {
            license,
            account: None,
            enabled: None,
            acquired: None,
            profile: None,
            inherit: false,
            order: None,
            terms: TermsChange::default(),
            settings: SettingsChange::default(),
            notes: NotesChange::default(),
        }
    }
}

/// Changes a license. Limits lowered below what is in use evict nobody: grants stop until it fits.
pub fn change(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeLicense) -> Result<License, Error> {
    let before = super::lock(tx, cx, cmd.license)?;
    let product = catalog::rows::product(tx, before.product)?.ok_or(Error::not_found(Noun::Product))?;
    let mut after = before.clone();
    if let Some(account) = cmd.account {
        after.account = new_owner(tx, cx, &before, account)?;
    }
    if let Some(profile) = cmd.profile {
        after.profile = issue::profile_of(tx, &product, profile)?.map(|profile| profile.id);
    }
    let mut enabled = cmd.enabled;
    if cmd.inherit {
        let profile = issue::profile_of(tx, &product, after.profile)?;
        enabled = enabled.or(profile.as_ref().map(|profile| profile.enabled));
        inherit(tx, &mut after, &product, profile.as_ref(), cx)?;
    }
    after.terms = cmd.terms.apply(&after.terms, before.is_used(), cx.now)?;
    after.terms.term = after.terms.term.issued(cx.now);
    after.acquired = cmd.acquired.unwrap_or(after.acquired);
    if let Some(order) = &cmd.order {
        issue::check_text("order", order)?;
        after.order.clone_from(order);
    }
    let known = catalog::catalog(tx, product.tenant, product.id)?;
    cmd.settings.write(tx, &known, after.id.0)?;
    cmd.notes.write(tx, cx, &after)?;
    after.modified_at = cx.now;
    after.version += 1;
    rows::update(tx, &after)?;
    segment::refresh(tx, cx, &after)?;
    let data = json!({ "before": view(&before), "after": view(&after), "settings": settings_view(&cmd.settings) });
    journal::append(tx, cx, "license.changed", after.subject(), &data)?;
    if let Some(enabled) = enabled {
        set_enabled(tx, cx, &mut after, enabled)?;
    }
    Ok(after)
}

fn new_owner(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    license: &License,
    account: Option<AccountId>,
) -> Result<AccountId, Error> {
    let id = account.unwrap_or(license.tenant);
    let found = account::rows::by_id(tx, id)?.filter(|account| account.tenant == license.tenant);
    let account = found.filter(|account| account.closed_at.is_none()).ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &account, Noun::Account)?;
    Ok(account.id)
}

/// Gives every license of an account back to the vendor.
pub fn give_back_all(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId) -> Result<u64, Error> {
    let account = account::rows::by_id(tx, account)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &account, Noun::Account)?;
    order::may_decide(tx, cx)?;
    if account.id == account.tenant {
        return Ok(0);
    }
    let mut moved = 0;
    loop {
        let some = rows::of_account(tx, account.id)?;
        if some.is_empty() {
            return Ok(moved);
        }
        for mut license in some {
            let before = view(&license);
            license.account = license.tenant;
            license.modified_at = cx.now;
            rows::update(tx, &license)?;
            segment::refresh(tx, cx, &license)?;
            let data = json!({ "before": before, "after": view(&license) });
            journal::append(tx, cx, "license.changed", license.subject(), &data)?;
            moved += 1;
        }
    }
}

/// Gives a license what a profile has, or what the product has when there is none. A running subscription or trial of as many
/// days keeps its end; how many tokens there are is the back office's word for each license, and stays.
fn inherit(
    tx: &mut dyn Tx,
    license: &mut License,
    product: &catalog::Product,
    profile: Option<&Profile>,
    cx: &Context<'_>,
) -> Result<(), Error> {
    let running = license.terms.term;
    license.terms = profile.map_or(&product.terms, |profile| &profile.terms).clone();
    let term = license.terms.term;
    license.terms.term = if term.end.is_none() && (running.kind, running.days) == (term.kind, term.days) {
        running
    } else if license.is_used() {
        term.started(cx.now).issued(cx.now)
    } else {
        term.issued(cx.now)
    };
    catalog::rows::clear_settings(tx, license.id.0)?;
    match profile {
        Some(profile) => catalog::rows::copy_settings(tx, profile.id.0, license.id.0)?,
        None => catalog::rows::grant_defaults(tx, product.id, license.id.0)?,
    }
    Ok(())
}

/// Pushes a profile onto every license in it. Whether they were handed out stays as it is.
pub(crate) fn inherit_all(tx: &mut dyn Tx, cx: &Context<'_>, profile: &Profile) -> Result<(), Error> {
    let product = catalog::rows::product(tx, profile.product)?.ok_or(Error::not_found(Noun::Product))?;
    let mut last = LicenseId(Uuid::nil());
    loop {
        let some = rows::of_profile(tx, profile.id, last)?;
        let Some(end) = some.last() else { return Ok(()) };
        last = end.id;
        for mut license in some {
            let before = view(&license);
            inherit(tx, &mut license, &product, Some(profile), cx)?;
            license.modified_at = cx.now;
            rows::update(tx, &license)?;
            segment::refresh(tx, cx, &license)?;
            let data = json!({ "before": before, "after": view(&license), "inherited": profile.name });
            journal::append(tx, cx, "license.changed", license.subject(), &data)?;
            set_enabled(tx, cx, &mut license, profile.enabled)?;
        }
    }
}

/// Stops a new license of a profile whose licenses do not start usable.
pub(super) fn disable(tx: &mut dyn Tx, cx: &Context<'_>, license: &mut License) -> Result<(), Error> {
    set_enabled(tx, cx, license, false)
}

fn set_enabled(tx: &mut dyn Tx, cx: &Context<'_>, license: &mut License, enabled: bool) -> Result<(), Error> {
    let target = HoldTarget::License(license.id);
    if enabled {
        account::lift_all_of_cause(tx, cx, target, DISABLED)?;
    } else {
        let held =
            account::holds_of(tx, cx, target)?.iter().any(|hold| hold.cause == DISABLED && hold.lifted_at.is_none());
        if !held {
            let hold = PlaceHold { target, reach: Reach::Own, cause: DISABLED.into(), note: String::new() };
            account::place(tx, cx, &hold)?;
        }
    }
    if let Some(now) = rows::by_id(tx, license.id)? {
        license.hold_count = now.hold_count;
    }
    Ok(())
}

/// Tells a license that its number of holds has changed: being held is a billable fact.
pub(crate) fn hold_changed(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<(), Error> {
    let license = rows::by_id(tx, license)?.ok_or(Error::not_found(Noun::License))?;
    super::owner(tx, cx, &license, &Action::write(Right::LICENSES_WRITE))?;
    segment::refresh(tx, cx, &license)
}

pub(super) fn view(license: &License) -> serde_json::Value {
    json!({
        "account": license.account.to_string(),
        "profile": license.profile.map(|profile| profile.to_string()),
        "order": license.order,
        "acquired": license.acquired,
        "terms": catalog::terms_view(&license.terms),
    })
}

fn settings_view(settings: &SettingsChange) -> serde_json::Value {
    let features: Vec<_> = settings
        .features
        .iter()
        .map(|setting| json!({ "code": setting.code, "enabled": setting.enabled, "limit": setting.limit }))
        .collect();
    let values: Vec<_> =
        settings.values.iter().map(|setting| json!({ "name": setting.name, "value": setting.value })).collect();
    let functions: Vec<_> = settings
        .functions
        .iter()
        .map(|setting| json!({ "name": setting.name, "enabled": setting.enabled, "parameter": setting.parameter }))
        .collect();
    json!({ "features": features, "values": values, "functions": functions })
}
