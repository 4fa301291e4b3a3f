//! The SQL of products that belong together.

use super::Exchange;
use crate::catalog::Product;
use crate::catalog::rows::product_columns;
use crate::id::ProductId;
use lessor_db::{FromRow, Row, StoreError, Tx, statements};

statements! {
    EXCHANGES = "SELECT to_id, direction FROM product_exchanges WHERE from_id = $1 ORDER BY to_id";
    EXCHANGE = "SELECT to_id, direction FROM product_exchanges WHERE from_id = $1 AND to_id = $2";
    CLEAR_EXCHANGES = "DELETE FROM product_exchanges WHERE from_id = $1";
    ADD_EXCHANGE = "INSERT INTO product_exchanges (from_id, to_id, direction) VALUES ($1, $2, $3)";
    BUNDLED = concat!(
        product_columns!(), "WHERE id IN (SELECT product_id FROM bundle_products WHERE bundle_id = $1) ORDER BY id");
    IS_BUNDLE = "SELECT EXISTS (SELECT 1 FROM bundle_products WHERE bundle_id = $1)";
    /// Products and bundles are few.
    IS_IN_A_BUNDLE = "SELECT EXISTS (SELECT 1 FROM bundle_products WHERE product_id = $1)";
    CLEAR_BUNDLE = "DELETE FROM bundle_products WHERE bundle_id = $1";
    ADD_TO_BUNDLE = "INSERT INTO bundle_products (bundle_id, product_id) VALUES ($1, $2)";
}

impl FromRow for Exchange {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { to: row.get(0)?, direction: row.get(1)? })
    }
}

pub(crate) fn exchanges(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<Exchange>, StoreError> {
    tx.all(EXCHANGES, &[product.into()])
}

/// The exchange of one product for another, if there is one.
pub(crate) fn exchange(tx: &mut dyn Tx, from: ProductId, to: ProductId) -> Result<Option<Exchange>, StoreError> {
    tx.opt(EXCHANGE, &[from.into(), to.into()])
}

pub(super) fn clear_exchanges(tx: &mut dyn Tx, product: ProductId) -> Result<(), StoreError> {
    tx.execute(CLEAR_EXCHANGES, &[product.into()])?;
    Ok(())
}

pub(super) fn add_exchange(tx: &mut dyn Tx, from: ProductId, exchange: &Exchange) -> Result<(), StoreError> {
    tx.execute(ADD_EXCHANGE, &[from.into(), exchange.to.into(), exchange.direction.word().into()])?;
    Ok(())
}

pub(super) fn bundled(tx: &mut dyn Tx, bundle: ProductId) -> Result<Vec<Product>, StoreError> {
    tx.all(BUNDLED, &[bundle.into()])
}

pub(super) fn is_bundle(tx: &mut dyn Tx, product: ProductId) -> Result<bool, StoreError> {
    let (is,): (bool,) = tx.one(IS_BUNDLE, &[product.into()])?;
    Ok(is)
}

pub(super) fn is_in_a_bundle(tx: &mut dyn Tx, product: ProductId) -> Result<bool, StoreError> {
    let (is,): (bool,) = tx.one(IS_IN_A_BUNDLE, &[product.into()])?;
    Ok(is)
}

pub(super) fn clear_bundle(tx: &mut dyn Tx, bundle: ProductId) -> Result<(), StoreError> {
    tx.execute(CLEAR_BUNDLE, &[bundle.into()])?;
    Ok(())
}

pub(super) fn add_to_bundle(tx: &mut dyn Tx, bundle: ProductId, product: ProductId) -> Result<(), StoreError> {
    tx.execute(ADD_TO_BUNDLE, &[bundle.into(), product.into()])?;
    Ok(())
}
