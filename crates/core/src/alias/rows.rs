//! The SQL of aliases, numbers, attributes and the installation's own texts.

use super::{Name, Space};
use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::id::AccountId;
use lessor_db::{StoreError, Tx, Value, statements};
use uuid::Uuid;

statements! {
    INSERT = "INSERT INTO aliases (tenant_id, dialect, kind, alias, record_id) VALUES ($1, $2, $3, $4, $5) \
              ON CONFLICT (tenant_id, dialect, kind, alias) DO NOTHING";
    DELETE = "DELETE FROM aliases WHERE record_id = $1 AND dialect = $2 AND kind = $3";
    RECORD = "SELECT record_id FROM aliases WHERE tenant_id = $1 AND dialect = $2 AND kind = $3 AND alias = $4";
    ANYWHERE = "SELECT record_id FROM aliases WHERE dialect = $1 AND kind = $2 AND alias = $3 LIMIT 2";
    ALIAS = "SELECT alias FROM aliases WHERE record_id = $1 AND dialect = $2 AND kind = $3";
    /// Of fifty records; `ALIAS` is what one is asked with.
    ALIASES = concat!(
        "SELECT record_id, alias FROM aliases WHERE dialect = $51 AND kind = $52 AND record_id IN (", fifty!(), ")");
    NAMES = "SELECT alias, record_id FROM aliases WHERE tenant_id = $1 AND dialect = $2 AND kind = $3 ORDER BY alias";
    NEXT_NUMBER = "INSERT INTO numbers (tenant_id, name, last) VALUES ($1, $2, $3) \
                   ON CONFLICT (tenant_id, name) DO UPDATE SET last = numbers.last + 1 RETURNING last";
    DOCUMENT = "SELECT document FROM attributes WHERE record_id = $1 AND namespace = $2";
    PUT_DOCUMENT = "INSERT INTO attributes (record_id, namespace, document) VALUES ($1, $2, $3) \
                    ON CONFLICT (record_id, namespace) DO UPDATE SET document = excluded.document";
    OF_RECORD = "SELECT dialect, kind, alias FROM aliases WHERE record_id = $1 ORDER BY dialect, kind, alias";
    META = "SELECT value FROM meta WHERE name = $1";
    PUT_META = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    DELETE_META = "DELETE FROM meta WHERE name = $1";
}

pub(super) fn insert(
    tx: &mut dyn Tx,
    tenant: AccountId,
    space: Space,
    alias: &str,
    record: Uuid,
) -> Result<bool, StoreError> {
    let params = [tenant.into(), space.dialect.into(), space.kind.into(), alias.into(), record.into()];
    Ok(tx.execute(INSERT, &params)? == 1)
}

pub(super) fn delete(tx: &mut dyn Tx, space: Space, record: Uuid) -> Result<(), StoreError> {
    tx.execute(DELETE, &[record.into(), space.dialect.into(), space.kind.into()])?;
    Ok(())
}

pub(super) fn record(
    tx: &mut dyn Tx,
    tenant: AccountId,
    space: Space,
    alias: &str,
) -> Result<Option<Uuid>, StoreError> {
    let found: Option<(Uuid,)> =
        tx.opt(RECORD, &[tenant.into(), space.dialect.into(), space.kind.into(), alias.into()])?;
    Ok(found.map(|(id,)| id))
}

pub(super) fn records_anywhere(
    tx: &mut dyn Tx,
    dialect: &str,
    kind: &str,
    alias: &str,
) -> Result<Vec<Uuid>, StoreError> {
    let found: Vec<(Uuid,)> = tx.all(ANYWHERE, &[dialect.into(), kind.into(), alias.into()])?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

pub(super) fn alias(tx: &mut dyn Tx, space: Space, record: Uuid) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> = tx.opt(ALIAS, &[record.into(), space.dialect.into(), space.kind.into()])?;
    Ok(found.map(|(name,)| name))
}

/// The names of records, each with its record.
pub(super) fn aliases_of(tx: &mut dyn Tx, space: Space, records: &[Uuid]) -> Result<Vec<(Uuid, String)>, StoreError> {
    if let [record] = records {
        return Ok(alias(tx, space, *record)?.map(|name| (*record, name)).into_iter().collect());
    }
    let mut found = Vec::with_capacity(records.len());
    for some in records.chunks(CHUNK) {
        let mut params = padded(some);
        params.extend([Value::from(space.dialect), space.kind.into()]);
        found.extend(tx.all::<(Uuid, String)>(ALIASES, &params)?);
    }
    Ok(found)
}

pub(super) fn all(tx: &mut dyn Tx, tenant: AccountId, space: Space) -> Result<Vec<(String, Uuid)>, StoreError> {
    tx.all(NAMES, &[tenant.into(), space.dialect.into(), space.kind.into()])
}

pub(super) fn next_number(tx: &mut dyn Tx, tenant: AccountId, name: &str, first: i64) -> Result<i64, StoreError> {
    let (number,): (i64,) = tx.one(NEXT_NUMBER, &[tenant.into(), name.into(), first.into()])?;
    Ok(number)
}

pub(super) fn document(tx: &mut dyn Tx, record: Uuid, namespace: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> = tx.opt(DOCUMENT, &[record.into(), namespace.into()])?;
    Ok(found.map(|(text,)| text))
}

pub(super) fn put_document(tx: &mut dyn Tx, record: Uuid, namespace: &str, text: &str) -> Result<(), StoreError> {
    tx.execute(PUT_DOCUMENT, &[record.into(), namespace.into(), text.into()])?;
    Ok(())
}

pub(super) fn meta(tx: &mut dyn Tx, name: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> = tx.opt(META, &[name.into()])?;
    Ok(found.map(|(text,)| text))
}

pub(super) fn put_meta(tx: &mut dyn Tx, name: &str, value: &str) -> Result<(), StoreError> {
    tx.execute(PUT_META, &[name.into(), value.into()])?;
    Ok(())
}

pub(super) fn delete_meta(tx: &mut dyn Tx, name: &str) -> Result<(), StoreError> {
    tx.execute(DELETE_META, &[name.into()])?;
    Ok(())
}

pub(super) fn of_record(tx: &mut dyn Tx, record: Uuid) -> Result<Vec<(String, String, String)>, StoreError> {
    tx.all(OF_RECORD, &[record.into()])
}

pub(super) fn record_named(
    tx: &mut dyn Tx,
    tenant: AccountId,
    dialect: &str,
    kind: &str,
    alias: &str,
) -> Result<Option<Uuid>, StoreError> {
    let found: Option<(Uuid,)> = tx.opt(RECORD, &[tenant.into(), dialect.into(), kind.into(), alias.into()])?;
    Ok(found.map(|(id,)| id))
}

pub(super) fn give_name(tx: &mut dyn Tx, tenant: AccountId, name: &Name, record: Uuid) -> Result<bool, StoreError> {
    let (dialect, kind, alias) = (name.dialect.as_str(), name.kind.as_str(), name.alias.as_str());
    let params = [tenant.into(), dialect.into(), kind.into(), alias.into(), record.into()];
    Ok(tx.execute(INSERT, &params)? == 1)
}

pub(super) fn forget_name(tx: &mut dyn Tx, record: Uuid, dialect: &str, kind: &str) -> Result<(), StoreError> {
    tx.execute(DELETE, &[record.into(), dialect.into(), kind.into()])?;
    Ok(())
}
