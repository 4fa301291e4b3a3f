//! Names and attributes of one record, read and set on behalf of a caller.

use super::rows;
use crate::account;
use crate::catalog;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, ProductId};
use crate::identity::{Level, Right};
use crate::journal::{self, Subject};
use crate::license;
use crate::text::check_line;
use lessor_db::Tx;
use serde_json::{Value, json};
use uuid::Uuid;

/// Most bytes of one namespace's attributes, written as JSON.
const MOST_BYTES: usize = 16 << 10;

/// A record that has names and attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// An account.
    Account(AccountId),
    /// A product.
    Product(ProductId),
    /// A license.
    License(LicenseId),
}

/// A name of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The dialect, or the system that data came from: 1 to 32 lower-case letters, digits, `_` or `-`.
    pub dialect: String,
    /// Its kind of record, of the same form.
    pub kind: String,
    /// The name itself: 1 to 200 characters.
    pub alias: String,
}

/// The record behind `dialect:kind:alias`: one of the caller's tenant if there is one, otherwise the only one anywhere.
/// Whether the caller may see it is for whoever asked to find out.
///
/// # Errors
/// Those of storage.
pub fn find(tx: &mut dyn Tx, cx: &Context<'_>, text: &str) -> Result<Option<Uuid>, Error> {
    let mut parts = text.splitn(3, ':');
    let (Some(dialect), Some(kind), Some(alias)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let own = rows::record_named(tx, cx.actor().tenant, dialect, kind, alias)?;
    if own.is_some() { Ok(own) } else { super::resolve_anywhere(tx, dialect, kind, alias) }
}

/// All names of a record.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn of_record(tx: &mut dyn Tx, cx: &Context<'_>, record: Record) -> Result<Vec<Name>, Error> {
    record.authorized(tx, cx, Level::Read)?;
    let names = rows::of_record(tx, record.id())?;
    Ok(names.into_iter().map(|(dialect, kind, alias)| Name { dialect, kind, alias }).collect())
}

/// Gives a record a name in place of the one it has in that dialect and kind.
///
/// # Errors
/// `Taken` when another record of the tenant has the name; `Malformed`, `NotFound`, `Forbidden`.
pub fn rename(tx: &mut dyn Tx, cx: &Context<'_>, record: Record, name: &Name) -> Result<(), Error> {
    check_word("dialect", &name.dialect)?;
    check_word("kind", &name.kind)?;
    check_line("alias", &name.alias, 200)?;
    let subject = record.authorized(tx, cx, Level::Write)?;
    rows::forget_name(tx, record.id(), &name.dialect, &name.kind)?;
    if !rows::give_name(tx, subject.tenant, name, record.id())? {
        return Err(Refusal::Taken { noun: record.noun(), name: name.alias.clone() }.into());
    }
    let data = json!({ "after": { "dialect": name.dialect, "kind": name.kind, "alias": name.alias } });
    journal::append(tx, cx, &format!("{}.renamed", subject.kind), subject, &data)?;
    Ok(())
}

/// What is kept with a record in a namespace; an empty object where nothing is.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn attributes_of(tx: &mut dyn Tx, cx: &Context<'_>, record: Record, namespace: &str) -> Result<Value, Error> {
    record.authorized(tx, cx, Level::Read)?;
    Ok(super::attributes(tx, record.id(), namespace)?.unwrap_or_else(|| json!({})))
}

/// Replaces what is kept with a record in a namespace.
///
/// # Errors
/// `Malformed` for what is no object of at most 16 KiB; `NotFound`, `Forbidden`.
pub fn replace_attributes(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    record: Record,
    namespace: &str,
    document: &Value,
) -> Result<(), Error> {
    check_word("namespace", namespace)?;
    if !document.is_object() || document.to_string().len() > MOST_BYTES {
        return Err(Error::malformed("attributes", "they are an object of at most 16 KiB"));
    }
    let subject = record.authorized(tx, cx, Level::Write)?;
    let before = super::attributes(tx, record.id(), namespace)?;
    super::set_attributes(tx, record.id(), namespace, document)?;
    let data = json!({ "namespace": namespace, "before": before, "after": document });
    journal::append(tx, cx, &format!("{}.attributes_replaced", subject.kind), subject, &data)?;
    Ok(())
}

impl Record {
    fn id(self) -> Uuid {
        match self {
            Record::Account(id) => id.0,
            Record::Product(id) => id.0,
            Record::License(id) => id.0,
        }
    }

    fn noun(self) -> Noun {
        match self {
            Record::Account(_) => Noun::Account,
            Record::Product(_) => Noun::Product,
            Record::License(_) => Noun::License,
        }
    }

    /// What events about the record say, if the caller may do this to it.
    fn authorized(self, tx: &mut dyn Tx, cx: &Context<'_>, level: Level) -> Result<Subject, Error> {
        let missing = || Error::not_found(self.noun());
        let action =
            |read: Right, write: Right| if level == Level::Write { Action::write(write) } else { Action::read(read) };
        match self {
            Record::Account(id) => {
                let action = action(Right::ACCOUNTS_READ, Right::ACCOUNTS_WRITE);
                Ok(Subject::from(&account::authorized(tx, cx, id, &action, Noun::Account)?))
            }
            Record::Product(id) => {
                let vendor = catalog::rows::product(tx, id)?.ok_or_else(missing)?.tenant;
                let action = action(Right::CATALOG_READ, Right::CATALOG_WRITE);
                account::authorized(tx, cx, vendor, &action, Noun::Product)?;
                Ok(Subject { kind: "product", id: id.0, account: vendor, tenant: vendor })
            }
            Record::License(id) => {
                let license = license::rows::by_id(tx, id)?.ok_or_else(missing)?;
                license::owner(tx, cx, &license, &action(Right::LICENSES_READ, Right::LICENSES_WRITE))?;
                Ok(license.subject())
            }
        }
    }
}

fn check_word(field: &'static str, word: &str) -> Result<(), Error> {
    let fits = (1..=32).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
    if fits { Ok(()) } else { Err(Error::malformed(field, "it is 1 to 32 lower-case letters, digits, `_` or `-`")) }
}
