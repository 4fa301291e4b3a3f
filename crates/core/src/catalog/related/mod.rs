//! How products belong together: which one a license may be exchanged for, and which are sold as one.

pub(crate) mod rows;

use super::Product;
use super::product::{lock, subject};
use crate::context::Context;
use crate::error::{Error, Noun};
use crate::id::ProductId;
use crate::journal;
use crate::license::from_word;
use lessor_db::{FromColumn, Tx, ValueRef};
use serde_json::json;

/// Most products that one product is related to in one way.
const MOST: usize = 100;

/// Whether an exchange gives more or less than there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More.
    Upgrade,
    /// Less.
    Downgrade,
}

impl Direction {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Upgrade => "upgrade",
            Direction::Downgrade => "downgrade",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Direction::Upgrade, Direction::Downgrade].into_iter().find(|direction| direction.word() == word)
    }
}

from_word!(Direction);

/// A product that the license of another may be exchanged for. The way back is an exchange of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The product that the license is of afterwards.
    pub to: ProductId,
    /// Is that more or less?
    pub direction: Direction,
}

/// What licenses of a product may be exchanged for, in the order of the products.
///
/// # Errors
/// `NotFound(Product)`, `Forbidden`.
pub fn exchanges(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId) -> Result<Vec<Exchange>, Error> {
    let product = super::product(tx, cx, product)?;
    Ok(rows::exchanges(tx, product.id)?)
}

/// Says what licenses of a product may be exchanged for: these products, and no others.
///
/// # Errors
/// `NotFound(Product)` for one that is not the vendor's, `Malformed` for the product itself, for one named twice and for more
/// than 100.
pub fn set_exchanges(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    exchanges: &[Exchange],
) -> Result<Vec<Exchange>, Error> {
    let product = lock(tx, cx, product)?;
    let others: Vec<ProductId> = exchanges.iter().map(|exchange| exchange.to).collect();
    check(tx, &product, "exchanges", &others)?;
    let before = rows::exchanges(tx, product.id)?;
    rows::clear_exchanges(tx, product.id)?;
    for exchange in exchanges {
        rows::add_exchange(tx, product.id, exchange)?;
    }
    let after = rows::exchanges(tx, product.id)?;
    let told = |exchanges: &[Exchange]| {
        let told = exchanges.iter();
        told.map(|one| json!({ "to": one.to.to_string(), "direction": one.direction.word() })).collect::<Vec<_>>()
    };
    let data = json!({ "before": told(&before), "after": told(&after) });
    journal::append(tx, cx, "product.exchanges_set", subject(&product), &data)?;
    Ok(after)
}

/// The products that are sold together as this one; none, unless it is a bundle.
///
/// # Errors
/// `NotFound(Product)`, `Forbidden`.
pub fn bundled(tx: &mut dyn Tx, cx: &Context<'_>, bundle: ProductId) -> Result<Vec<Product>, Error> {
    let bundle = super::product(tx, cx, bundle)?;
    Ok(rows::bundled(tx, bundle.id)?)
}

/// Makes a product a bundle of these products, or with none of them a product of its own again. Bundles hold no bundles.
///
/// # Errors
/// `NotFound(Product)` for one that is not the vendor's, `Malformed` for the product itself, for one named twice, for more than
/// 100, and where bundle would be in bundle.
pub fn set_bundled(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    bundle: ProductId,
    products: &[ProductId],
) -> Result<Vec<Product>, Error> {
    // Bundles of a vendor are set one after the other, so that none gets into another meanwhile.
    let tenant = super::product(tx, cx, bundle)?.tenant;
    crate::account::rows::lock(tx, tenant)?;
    let bundle = lock(tx, cx, bundle)?;
    check(tx, &bundle, "products", products)?;
    let nested = || Error::malformed("products", "a bundle is in no other bundle");
    if !products.is_empty() && rows::is_in_a_bundle(tx, bundle.id)? {
        return Err(nested());
    }
    for product in products {
        if rows::is_bundle(tx, *product)? {
            return Err(nested());
        }
    }
    let before = rows::bundled(tx, bundle.id)?;
    rows::clear_bundle(tx, bundle.id)?;
    for product in products {
        rows::add_to_bundle(tx, bundle.id, *product)?;
    }
    let after = rows::bundled(tx, bundle.id)?;
    let names = |products: &[Product]| products.iter().map(|product| product.name.clone()).collect::<Vec<_>>();
    let data = json!({ "before": names(&before), "after": names(&after) });
    journal::append(tx, cx, "product.bundle_set", subject(&bundle), &data)?;
    Ok(after)
}

/// Are these other products of the same vendor, each named once?
fn check(tx: &mut dyn Tx, product: &Product, field: &'static str, others: &[ProductId]) -> Result<(), Error> {
    if others.len() > MOST {
        return Err(Error::malformed(field, "there are at most 100"));
    }
    for (at, other) in others.iter().enumerate() {
        if *other == product.id || others[..at].contains(other) {
            return Err(Error::malformed(field, "each is another product, named once"));
        }
        let found = super::rows::product(tx, *other)?.filter(|other| other.tenant == product.tenant);
        found.ok_or(Error::not_found(Noun::Product))?;
    }
    Ok(())
}
