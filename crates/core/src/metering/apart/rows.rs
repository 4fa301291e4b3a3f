//! The SQL of what figures are told apart by: up to fifty records at once.

use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::id::{FeatureId, LicenseId, PriceCategoryId, ProductId};
use crate::license::TermKind;
use lessor_db::{FromRow, Statement, StoreError, Tx, statements};
use std::collections::HashMap;
use uuid::Uuid;

statements! {
    /// What licenses are, or were when they were removed.
    KINDS = concat!("SELECT s.license_id, s.product_id, s.term_kind FROM segments s WHERE s.license_id IN (", fifty!(), ") \
        AND NOT EXISTS (SELECT 1 FROM segments n WHERE n.license_id = s.license_id AND n.from_at > s.from_at)");
    CATEGORIES = concat!(
        "SELECT product_id, category_id FROM product_price_categories WHERE product_id IN (", fifty!(), ") \
         ORDER BY product_id, category_id");
    FEATURES = concat!(
        "SELECT owner_id, feature_id FROM grants WHERE (enabled = TRUE OR unit_limit > 0) AND owner_id IN (", fifty!(), ") \
         ORDER BY owner_id, feature_id");
    ACCOUNT_NAMES = concat!("SELECT id, name FROM accounts WHERE id IN (", fifty!(), ")");
    PRODUCT_NAMES = concat!("SELECT id, name FROM products WHERE id IN (", fifty!(), ")");
    CATEGORY_NAMES = concat!("SELECT id, name FROM price_categories WHERE id IN (", fifty!(), ")");
    FEATURE_CODES = concat!("SELECT id, code FROM features WHERE id IN (", fifty!(), ")");
}

fn of_fifties<T: FromRow>(tx: &mut dyn Tx, statement: Statement, ids: &[Uuid]) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    for some in ids.chunks(CHUNK) {
        all.extend(tx.all::<T>(statement, &padded(some))?);
    }
    Ok(all)
}

pub(super) fn kinds(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<(LicenseId, ProductId, TermKind)>, StoreError> {
    of_fifties(tx, KINDS, ids)
}

pub(super) fn categories(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<(ProductId, PriceCategoryId)>, StoreError> {
    of_fifties(tx, CATEGORIES, ids)
}

/// The features that each license has: those that are on, and those it has some of.
pub(super) fn features(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<(LicenseId, FeatureId)>, StoreError> {
    of_fifties(tx, FEATURES, ids)
}

type Named = HashMap<Uuid, String>;

fn named(tx: &mut dyn Tx, statement: Statement, ids: &[Uuid]) -> Result<Named, StoreError> {
    Ok(of_fifties::<(Uuid, String)>(tx, statement, ids)?.into_iter().collect())
}

pub(super) fn account_names(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Named, StoreError> {
    named(tx, ACCOUNT_NAMES, ids)
}

pub(super) fn product_names(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Named, StoreError> {
    named(tx, PRODUCT_NAMES, ids)
}

pub(super) fn category_names(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Named, StoreError> {
    named(tx, CATEGORY_NAMES, ids)
}

pub(super) fn feature_codes(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Named, StoreError> {
    named(tx, FEATURE_CODES, ids)
}
