//! Products: made, changed, found.

use super::feature::{NewFeature, write_features};
use super::feature_group::{self, NewGroup};
use super::{Product, named_value, rows, signing};
use crate::account;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, ProductId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license::{Term, TermKind, Terms, TermsChange, in_range};
use lessor_db::Tx;
use serde_json::json;

/// Makes a product with its groups, features and named values.
#[derive(Clone, Debug)]
pub struct CreateProduct {
    /// A fixed id, for worlds that must come out the same each time.
    pub id: Option<ProductId>,
    /// The vendor.
    pub tenant: AccountId,
    /// Its name.
    pub name: String,
    /// May a device try it?
    pub trial_offered: bool,
    /// Days of a trial, at least 1 where one is offered.
    pub trial_days: i64,
    /// What a license without a profile starts with.
    pub terms: Terms,
    /// Groups of features.
    pub groups: Vec<NewGroup>,
    /// Features; they may name groups made here.
    pub features: Vec<NewFeature>,
    /// Named values with their defaults.
    pub values: Vec<(String, String)>,
}

/// Makes a product.
///
/// # Errors
/// `Taken` for a product, group, feature or value name used twice; `NotFound` for a group that is not made here.
pub fn create_product(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateProduct) -> Result<Product, Error> {
    // The vendor's row guards the names of its products.
    let vendor = account::rows::lock(tx, cmd.tenant)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::CATALOG_WRITE), &vendor, Noun::Account)?;
    if vendor.id != vendor.tenant {
        return Err(Error::malformed("account", "only a vendor has products"));
    }
    check_name("name", &cmd.name)?;
    check_trial(cmd.trial_offered, cmd.trial_days)?;
    cmd.terms.check()?;
    if rows::product_named(tx, vendor.id, &cmd.name)?.is_some() {
        return Err(Refusal::Taken { noun: Noun::Product, name: cmd.name.clone() }.into());
    }
    let product = Product {
        id: cmd.id.unwrap_or_else(|| cx.new_id()),
        tenant: vendor.id,
        name: cmd.name.clone(),
        active: true,
        trial_offered: cmd.trial_offered,
        trial_days: cmd.trial_days,
        terms: cmd.terms.clone(),
        created_at: cx.now,
        modified_at: cx.now,
        version: 1,
    };
    rows::insert_product(tx, &product)?;
    signing::make_key(tx, cx, product.id)?;
    feature_group::write(tx, cx, product.id, &cmd.groups)?;
    write_features(tx, cx, product.id, &cmd.features)?;
    named_value::write(tx, cx, product.id, &cmd.values)?;
    journal::append(tx, cx, "product.created", subject(&product), &json!({ "after": view(&product) }))?;
    // Its key, features and values raised its version.
    rows::product(tx, product.id)?.ok_or(Error::not_found(Noun::Product))
}

/// Changes a product; licenses made before keep what they have.
#[derive(Clone, Debug)]
pub struct ChangeProduct {
    /// Which one.
    pub product: ProductId,
    /// Its name.
    pub name: Option<String>,
    /// May devices use it?
    pub active: Option<bool>,
    /// May a device try it?
    pub trial_offered: Option<bool>,
    /// Days of a trial.
    pub trial_days: Option<i64>,
    /// Its default terms. The term is replaced, not extended: nothing runs on a product.
    pub terms: TermsChange,
}

/// Changes a product.
pub fn change_product(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeProduct) -> Result<Product, Error> {
    let before = lock(tx, cx, cmd.product)?;
    let mut terms_change = cmd.terms.clone();
    let term = match terms_change.term.take() {
        None => before.terms.term,
        Some(change) => {
            let same = change.kind == before.terms.term.kind;
            let days = change.days.unwrap_or(if same { before.terms.term.days } else { 0 });
            // A trial has days or a fixed end: the one takes the place of the other.
            let keeps_end = same && !(change.kind == TermKind::Trial && change.days.is_some());
            let end = change.end.unwrap_or(if keeps_end { before.terms.term.end } else { None });
            Term::new(change.kind, days, end)?
        }
    };
    let terms = Terms { term, ..terms_change.apply(&before.terms, false, cx.now)? };
    let after = Product {
        name: cmd.name.clone().unwrap_or_else(|| before.name.clone()),
        active: cmd.active.unwrap_or(before.active),
        trial_offered: cmd.trial_offered.unwrap_or(before.trial_offered),
        trial_days: cmd.trial_days.unwrap_or(before.trial_days),
        terms,
        modified_at: cx.now,
        version: before.version + 1,
        ..before.clone()
    };
    check_name("name", &after.name)?;
    check_trial(after.trial_offered, after.trial_days)?;
    rows::update_product(tx, &after).map_err(|error| Error::from(error).taken_on_unique(Noun::Product, &after.name))?;
    let change = json!({ "before": view(&before), "after": view(&after) });
    journal::append(tx, cx, "product.changed", subject(&after), &change)?;
    Ok(after)
}

/// Locks a product that the caller may change.
pub(super) fn lock(tx: &mut dyn Tx, cx: &Context<'_>, id: ProductId) -> Result<Product, Error> {
    let product = rows::lock_product(tx, id)?.ok_or(Error::not_found(Noun::Product))?;
    let vendor = account::rows::by_id(tx, product.tenant)?.ok_or(Error::not_found(Noun::Product))?;
    cx.authorize(&Action::write(Right::CATALOG_WRITE), &vendor, Noun::Product)?;
    Ok(product)
}

/// A product that the caller's tenant sells. Everyone in the tenant may see its products: they sell or use them.
pub fn product(tx: &mut dyn Tx, cx: &Context<'_>, id: ProductId) -> Result<Product, Error> {
    let product = rows::product(tx, id)?.ok_or(Error::not_found(Noun::Product))?;
    may_see(tx, cx, product.tenant)?;
    Ok(product)
}

/// A page of a tenant's products in the order they were made.
pub fn products(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    after: Option<ProductId>,
    limit: u32,
) -> Result<Vec<Product>, Error> {
    may_see(tx, cx, tenant)?;
    Ok(rows::products(tx, tenant, after, limit)?)
}

/// May the caller read a tenant's catalog? Everyone in the tenant may: they sell what is in it, or use it.
pub(crate) fn may_see(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId) -> Result<(), Error> {
    let vendor = account::rows::by_id(tx, tenant)?.ok_or(Error::not_found(Noun::Product))?;
    let actor = cx.actor();
    let sells = vendor.path.holds(&actor.path) && actor.tenant == tenant;
    let place = if sells { &actor.path } else { &vendor.path };
    cx.authorize_at(&Action::read(Right::CATALOG_READ), place, Noun::Product)
}

/// Finds a product by what devices are told: its native id, or a dialect's alias `dialect:product:number`.
pub fn resolve_product(tx: &mut dyn Tx, name: &str) -> Result<ProductId, Error> {
    if name.chars().any(char::is_control) {
        return Err(Error::not_found(Noun::Product));
    }
    if let Some(id) = ProductId::parse(name) {
        return Ok(id);
    }
    let mut parts = name.splitn(3, ':');
    let (Some(dialect), Some("product"), Some(alias)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Error::not_found(Noun::Product));
    };
    let found = crate::alias::resolve_anywhere(tx, dialect, "product", alias)?;
    found.map(ProductId).ok_or(Error::not_found(Noun::Product))
}

/// A name: 1 to 200 characters, none of them a control character, no blank at either end.
pub(crate) fn check_name(field: &'static str, name: &str) -> Result<(), Error> {
    let length = name.chars().count();
    if !(1..=200).contains(&length) {
        return Err(Error::malformed(field, "it has 1 to 200 characters"));
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Err(Error::malformed(field, "it has no control characters and no blanks at its ends"));
    }
    Ok(())
}

fn check_trial(offered: bool, days: i64) -> Result<(), Refusal> {
    in_range("trial_days", days, i64::from(offered), 36_500).map(|_| ())
}

pub(super) fn subject(product: &Product) -> Subject {
    Subject { kind: "product", id: product.id.0, account: product.tenant, tenant: product.tenant }
}

fn view(product: &Product) -> serde_json::Value {
    json!({
        "name": product.name,
        "active": product.active,
        "trial_offered": product.trial_offered,
        "trial_days": product.trial_days,
        "terms": terms_view(&product.terms),
    })
}

/// Terms as the journal shows them.
pub(crate) fn terms_view(terms: &Terms) -> serde_json::Value {
    json!({
        "online_lease_hours": terms.online_lease_hours,
        "virtual_lease_hours": terms.virtual_lease_hours,
        "offline_lease_hours": terms.offline_lease_hours,
        "term": terms.term.kind.word(),
        "term_days": terms.term.days,
        "term_end": terms.term.end.map(Timestamp::to_rfc3339),
        "maintenance_end": terms.maintenance_end.map(Timestamp::to_rfc3339),
        "activation_limit": terms.activation_limit,
        "process_limit": terms.process_limit,
        "concurrency": terms.concurrency.word(),
        "network_seats": terms.network_seats,
        "heartbeat_minutes": terms.heartbeat_minutes,
    })
}
