//! Aliases, numbers and attributes: the names that a dialect, or a system that data came from, uses for our
//! records, and what only that dialect knows of them. The core keeps them and never looks inside.

mod record;
pub(crate) mod rows;

pub use record::{Name, Record, attributes_of, find, of_record, rename, replace_attributes};

use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Noun};
use crate::id::AccountId;
use lessor_db::Tx;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use uuid::Uuid;

/// Longer names than this are looked up each time.
const MOST_REMEMBERED: usize = 64;

/// A dialect's name for a kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Space {
    /// The dialect.
    pub dialect: &'static str,
    /// Its kind of record.
    pub kind: &'static str,
}

/// Gives a record a name. `Taken` when another record of the tenant has it.
pub fn give(
    tx: &mut dyn Tx,
    tenant: AccountId,
    space: Space,
    alias: &str,
    record: Uuid,
    noun: Noun,
) -> Result<(), Error> {
    if rows::insert(tx, tenant, space, alias, record)? {
        return Ok(());
    }
    Err(crate::Refusal::Taken { noun, name: alias.to_owned() }.into())
}

/// Takes all names of a record in a space away.
pub fn take(tx: &mut dyn Tx, space: Space, record: Uuid) -> Result<(), Error> {
    Ok(rows::delete(tx, space, record)?)
}

/// The record of a tenant behind a name.
pub fn resolve(tx: &mut dyn Tx, tenant: AccountId, space: Space, alias: &str) -> Result<Option<Uuid>, Error> {
    Ok(rows::record(tx, tenant, space, alias)?)
}

/// As [`resolve`], for queries: most need no look into storage.
///
/// # Errors
/// Those of storage.
pub fn recall(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    space: Space,
    alias: &str,
) -> Result<Option<Uuid>, Error> {
    if alias.len() > MOST_REMEMBERED {
        return resolve(tx, tenant, space, alias);
    }
    cx.tools.recall.records.recall(cx, (tenant, space, alias.to_owned()), || resolve(tx, tenant, space, alias))
}

/// The record behind a name, whatever its tenant; `None` too when two tenants use the name.
pub fn resolve_anywhere(tx: &mut dyn Tx, dialect: &str, kind: &str, alias: &str) -> Result<Option<Uuid>, Error> {
    let mut found = rows::records_anywhere(tx, dialect, kind, alias)?;
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// The name of a record.
pub fn name_of(tx: &mut dyn Tx, space: Space, record: Uuid) -> Result<Option<String>, Error> {
    Ok(rows::alias(tx, space, record)?)
}

/// As [`name_of`] for many records at once, for queries: most need no look into storage, the rest a statement per fifty.
/// Records without a name are left out.
///
/// # Errors
/// Those of storage.
pub fn names_of(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    space: Space,
    records: &[Uuid],
) -> Result<HashMap<Uuid, Arc<str>>, Error> {
    let aliases = &cx.tools.recall.aliases;
    let mut names = HashMap::with_capacity(records.len());
    let mut unknown = Vec::new();
    for record in records {
        match aliases.get(cx, &(space, *record)) {
            Some(name) => drop(names.insert(*record, name)),
            None => unknown.push(*record),
        }
    }
    for (record, name) in rows::aliases_of(tx, space, &unknown)? {
        // Of several names the first counts, as where one record is asked for.
        if let Entry::Vacant(free) = names.entry(record) {
            let name = free.insert(name.into());
            aliases.keep(cx, (space, record), Arc::clone(name));
        }
    }
    Ok(names)
}

/// All names of a tenant in a space, with their records, in the order of the names.
pub fn names(tx: &mut dyn Tx, tenant: AccountId, space: Space) -> Result<Vec<(String, Uuid)>, Error> {
    Ok(rows::all(tx, tenant, space)?)
}

/// The next of a tenant's small whole numbers, from 1 (or `first`) up; none is given twice.
pub fn next_number(tx: &mut dyn Tx, tenant: AccountId, name: &str, first: i64) -> Result<i64, Error> {
    Ok(rows::next_number(tx, tenant, name, first)?)
}

/// What a dialect keeps with a record.
pub fn attributes(tx: &mut dyn Tx, record: Uuid, namespace: &str) -> Result<Option<serde_json::Value>, Error> {
    let text = rows::document(tx, record, namespace)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Replaces what a dialect keeps with a record.
pub fn set_attributes(
    tx: &mut dyn Tx,
    record: Uuid,
    namespace: &str,
    document: &serde_json::Value,
) -> Result<(), Error> {
    Ok(rows::put_document(tx, record, namespace, &document.to_string())?)
}

/// Keeps a text under a name for the whole installation.
pub fn set_meta(tx: &mut dyn Tx, name: &str, value: &str) -> Result<(), Error> {
    Ok(rows::put_meta(tx, name, value)?)
}

/// A text kept for the whole installation.
pub fn meta(tx: &mut dyn Tx, name: &str) -> Result<Option<String>, Error> {
    Ok(rows::meta(tx, name)?)
}

/// Forgets a text kept for the whole installation.
pub fn clear_meta(tx: &mut dyn Tx, name: &str) -> Result<(), Error> {
    Ok(rows::delete_meta(tx, name)?)
}

/// A time kept as text, as [`set_meta`] writes it.
pub fn meta_time(tx: &mut dyn Tx, name: &str) -> Result<Option<Timestamp>, Error> {
    Ok(meta(tx, name)?.and_then(|text| Timestamp::parse(&text)))
}
