//! The codes by which the dialect names products and price categories: digits alone.

use crate::ids;
use lessor_core::alias::{self, Space};
use lessor_core::catalog::Product;
use lessor_core::{Context, Error, Tx};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Codes by record. What has no code is not known to the dialect.
pub(crate) struct Codes(HashMap<Uuid, Arc<str>>);

impl Codes {
    /// Those of products.
    ///
    /// # Errors
    /// Those of storage.
    pub(crate) fn of_products(tx: &mut dyn Tx, cx: &Context<'_>, products: &[Uuid]) -> Result<Self, Error> {
        Self::of(tx, cx, ids::PRODUCT, products)
    }

    /// Those of price categories.
    ///
    /// # Errors
    /// Those of storage.
    pub(crate) fn of_categories(tx: &mut dyn Tx, cx: &Context<'_>, categories: &[Uuid]) -> Result<Self, Error> {
        Self::of(tx, cx, ids::CATEGORY, categories)
    }

    fn of(tx: &mut dyn Tx, cx: &Context<'_>, space: Space, records: &[Uuid]) -> Result<Self, Error> {
        Ok(Self(alias::names_of(tx, cx, space, records)?))
    }

    /// The code of a record.
    pub(crate) fn get(&self, record: Uuid) -> Option<&str> {
        self.0.get(&record).map(AsRef::as_ref)
    }
}

/// Products that have a code, with it, in the order of their codes as numbers.
///
/// # Errors
/// Those of storage.
pub(crate) fn coded(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    products: Vec<Product>,
) -> Result<Vec<(String, Product)>, Error> {
    let ids: Vec<Uuid> = products.iter().map(|product| product.id.0).collect();
    let codes = Codes::of_products(tx, cx, &ids)?;
    let coded = products.into_iter().filter_map(|product| Some((codes.get(product.id.0)?.to_owned(), product)));
    let mut coded: Vec<(String, Product)> = coded.collect();
    coded.sort_by_key(|(code, _)| (code.parse::<u64>().unwrap_or(u64::MAX), code.clone()));
    Ok(coded)
}
