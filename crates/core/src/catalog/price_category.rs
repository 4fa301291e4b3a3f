//! Price categories: names under which a vendor's prices are listed, and which products fall under which.

use super::product::{check_name, lock as lock_product, may_see, subject};
use super::{PriceCategory, rows};
use crate::account;
use crate::billing;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, PriceCategoryId, ProductId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use lessor_db::Tx;
use serde_json::json;

/// Most categories of one product.
const MOST_OF_PRODUCT: usize = 100;
/// Most categories of one vendor.
const MOST_OF_VENDOR: usize = 1_000;

/// Makes a price category.
///
/// # Errors
/// `Taken` for a name that the vendor uses, `Malformed` for one that is none.
pub fn create_price_category(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    name: &str,
) -> Result<PriceCategory, Error> {
    let vendor = account::rows::lock(tx, tenant)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::CATALOG_WRITE), &vendor, Noun::Account)?;
    if vendor.id != vendor.tenant {
        return Err(Error::malformed("account", "only a vendor has price categories"));
    }
    check_name("name", name)?;
    if rows::price_categories(tx, vendor.id)?.len() >= MOST_OF_VENDOR {
        return Err(Error::malformed("name", "a vendor has at most 1000 price categories"));
    }
    let category = PriceCategory { id: cx.new_id(), name: name.to_owned() };
    rows::insert_price_category(tx, &category, vendor.id)
        .map_err(|error| Error::from(error).taken_on_unique(Noun::PriceCategory, name))?;
    let subject = Subject { kind: "price_category", id: category.id.0, account: vendor.id, tenant: vendor.id };
    journal::append(tx, cx, "price_category.created", subject, &json!({ "after": { "name": name } }))?;
    Ok(category)
}

/// A vendor's price categories in the order they were made.
pub fn price_categories(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId) -> Result<Vec<PriceCategory>, Error> {
    may_see(tx, cx, tenant)?;
    Ok(rows::price_categories(tx, tenant)?)
}

/// The price categories of a product.
pub fn price_categories_of(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId) -> Result<Vec<PriceCategory>, Error> {
    let product = super::product(tx, cx, product)?;
    Ok(rows::price_categories_of(tx, product.id)?)
}

/// Puts a product under these price categories, and no others.
///
/// # Errors
/// `NotFound(PriceCategory)` for one that is not the vendor's.
pub fn set_price_categories(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    categories: &[PriceCategoryId],
) -> Result<Vec<PriceCategory>, Error> {
    let product = lock_product(tx, cx, product)?;
    if categories.len() > MOST_OF_PRODUCT {
        return Err(Error::malformed("price_categories", "a product has at most 100"));
    }
    let known = rows::price_categories(tx, product.tenant)?;
    if categories.iter().any(|id| !known.iter().any(|category| category.id == *id)) {
        return Err(Error::not_found(Noun::PriceCategory));
    }
    let before = rows::price_categories_of(tx, product.id)?;
    rows::clear_price_categories(tx, product.id)?;
    for category in categories {
        rows::add_price_category(tx, product.id, *category)?;
    }
    let after = rows::price_categories_of(tx, product.id)?;
    for left in before.iter().filter(|category| !after.contains(category)) {
        billing::rows::end_span(tx, product.id, left.id, cx.now)?;
    }
    for joined in after.iter().filter(|category| !before.contains(category)) {
        billing::rows::begin_span(tx, product.tenant, product.id, joined.id, cx.now)?;
    }
    let names = |categories: &[PriceCategory]| categories.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let data = json!({ "before": names(&before), "after": names(&after) });
    journal::append(tx, cx, "product.price_categories_set", subject(&product), &data)?;
    Ok(after)
}
