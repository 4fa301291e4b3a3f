//! The SQL of groups of features.

use super::FeatureGroup;
use crate::id::{FeatureGroupId, ProductId};
use lessor_db::{FromRow, Row, StoreError, Tx, statements};

statements! {
    INSERT = "INSERT INTO feature_groups (id, product_id, name, notes) VALUES ($1, $2, $3, $4)";
    UPDATE = "UPDATE feature_groups SET name = $2, notes = $3 WHERE id = $1";
    GROUPS = "SELECT id, name, notes FROM feature_groups WHERE product_id = $1 ORDER BY id";
    NAMED = "SELECT id, name, notes FROM feature_groups WHERE product_id = $1 AND name = $2";
    /// The features of a product are few, and found by its id.
    EMPTY = "UPDATE features SET group_id = NULL WHERE product_id = $1 AND group_id = $2";
    DELETE = "DELETE FROM feature_groups WHERE id = $1";
}

impl FromRow for FeatureGroup {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, notes: row.get(2)? })
    }
}

pub(super) fn insert(tx: &mut dyn Tx, product: ProductId, group: &FeatureGroup) -> Result<(), StoreError> {
    let params = [group.id.into(), product.into(), group.name.as_str().into(), group.notes.as_str().into()];
    tx.execute(INSERT, &params)?;
    Ok(())
}

pub(super) fn update(tx: &mut dyn Tx, group: &FeatureGroup) -> Result<(), StoreError> {
    tx.execute(UPDATE, &[group.id.into(), group.name.as_str().into(), group.notes.as_str().into()])?;
    Ok(())
}

pub(super) fn groups(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<FeatureGroup>, StoreError> {
    tx.all(GROUPS, &[product.into()])
}

pub(super) fn named(tx: &mut dyn Tx, product: ProductId, name: &str) -> Result<Option<FeatureGroup>, StoreError> {
    tx.opt(NAMED, &[product.into(), name.into()])
}

/// Removes a group; its features are in the default group then.
pub(super) fn delete(tx: &mut dyn Tx, product: ProductId, group: FeatureGroupId) -> Result<(), StoreError> {
    tx.execute(EMPTY, &[product.into(), group.into()])?;
    tx.execute(DELETE, &[group.into()])?;
    Ok(())
}
