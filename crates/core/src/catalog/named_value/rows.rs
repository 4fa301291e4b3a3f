//! The SQL of named values.

use super::super::NamedValue;
use crate::id::{NamedValueId, ProductId};
use lessor_db::{FromRow, Row, StoreError, Tx, statements};

statements! {
    INSERT = "INSERT INTO named_values (id, product_id, name, value) VALUES ($1, $2, $3, $4)";
    UPDATE = "UPDATE named_values SET name = $2, value = $3 WHERE id = $1";
    VALUES = "SELECT id, name, value FROM named_values WHERE product_id = $1 ORDER BY id";
    LOCK = "SELECT id FROM named_values WHERE id = $1 FOR UPDATE";
    DELETE_SETTINGS = "DELETE FROM value_settings WHERE named_value_id = $1";
    DELETE = "DELETE FROM named_values WHERE id = $1";
}

impl FromRow for NamedValue {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, value: row.get(2)? })
    }
}

pub(super) fn insert(tx: &mut dyn Tx, product: ProductId, value: &NamedValue) -> Result<(), StoreError> {
    let params = [value.id.into(), product.into(), value.name.as_str().into(), value.value.as_str().into()];
    tx.execute(INSERT, &params)?;
    Ok(())
}

pub(super) fn update(tx: &mut dyn Tx, value: &NamedValue) -> Result<(), StoreError> {
    tx.execute(UPDATE, &[value.id.into(), value.name.as_str().into(), value.value.as_str().into()])?;
    Ok(())
}

pub(in crate::catalog) fn values(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<NamedValue>, StoreError> {
    tx.all(VALUES, &[product.into()])
}

/// Removes a value with everything that is set for it.
pub(super) fn delete(tx: &mut dyn Tx, value: NamedValueId) -> Result<(), StoreError> {
    // Whoever is about to set it has to be waited for, or the setting would come after the deletion of all settings.
    tx.opt::<(NamedValueId,)>(LOCK, &[value.into()])?;
    tx.execute(DELETE_SETTINGS, &[value.into()])?;
    tx.execute(DELETE, &[value.into()])?;
    Ok(())
}
