//! Names: what another system calls our accounts, products, licenses and meters. What somebody said once is remembered, of
//! one system and one account; other texts are our own ids and names.

use super::claims::Claims;
use super::ours::{ItemId, Ours};
use super::{Item, Reconcile, check_system, rows};
use crate::account::{self, Account};
use crate::alias;
use crate::catalog;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, LicenseId, MeterId, ProductId, RememberedNameId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license;
use crate::text::check_line;
use lessor_db::{StoreError, Tx};
use serde_json::json;
use std::collections::HashMap;
use std::hash::Hash;
use uuid::Uuid;

/// Our record behind a name of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// An account.
    Account(AccountId),
    /// A product.
    Product(ProductId),
    /// A license.
    License(LicenseId),
    /// A meter, and one key of it or an empty text.
    Meter(MeterId, String),
}

impl Bound {
    /// The kind of record, as a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Bound::Account(_) => "account",
            Bound::Product(_) => "product",
            Bound::License(_) => "license",
            Bound::Meter(..) => "meter",
        }
    }

    /// The record's id, in its written form.
    pub fn written(&self) -> String {
        match self {
            Bound::Account(id) => id.to_string(),
            Bound::Product(id) => id.to_string(),
            Bound::License(id) => id.to_string(),
            Bound::Meter(id, _) => id.to_string(),
        }
    }

    pub(super) fn stored(kind: &str, id: Uuid, key: String) -> Result<Self, StoreError> {
        match kind {
            "account" => Ok(Bound::Account(AccountId(id))),
            "product" => Ok(Bound::Product(ProductId(id))),
            "license" => Ok(Bound::License(LicenseId(id))),
            "meter" => Ok(Bound::Meter(MeterId(id), key)),
            _ => Err(StoreError::Broken(format!("a name is of a {kind:?}"))),
        }
    }

    pub(super) fn parts(&self) -> (Uuid, &str) {
        match self {
            Bound::Account(id) => (id.0, ""),
            Bound::Product(id) => (id.0, ""),
            Bound::License(id) => (id.0, ""),
            Bound::Meter(id, key) => (id.0, key),
        }
    }
}

/// Say whose a name of another system is.
#[derive(Clone, Debug)]
pub struct RememberName {
    /// In whose reconciliations.
    pub account: AccountId,
    /// The other system.
    pub system: String,
    /// What it calls the record: 1 to 200 characters.
    pub name: String,
    /// Our record.
    pub bound: Bound,
}

/// A name that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedName {
    /// Its id.
    pub id: RememberedNameId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// In whose reconciliations.
    pub account: AccountId,
    /// The other system.
    pub system: String,
    /// What it calls the record.
    pub name: String,
    /// Our record.
    pub bound: Bound,
    /// When it was said, or said otherwise.
    pub remembered_at: Timestamp,
}

/// Remembers a name, in place of what it was said to be before.
///
/// # Errors
/// `NotFound` for the account, and for a record that is not in its branch or not of its vendor; `Malformed`, `Forbidden`.
pub fn remember_name(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &RememberName) -> Result<RememberedName, Error> {
    let owner = account::rows::lock(tx, cmd.account)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::BILLING_WRITE), &owner, Noun::Account)?;
    check_system(&cmd.system)?;
    check_line("name", &cmd.name, 200)?;
    check_bound(tx, &owner, &cmd.bound)?;
    cx.touches_nothing();
    let name = RememberedName {
        id: cx.new_id(),
        tenant: owner.tenant,
        account: owner.id,
        system: cmd.system.clone(),
        // Tables are read without what stands around a name.
        name: cmd.name.trim().to_owned(),
        bound: cmd.bound.clone(),
        remembered_at: cx.now,
    };
    let id = rows::put_name(tx, &name)?;
    let data =
        json!({ "system": name.system, "kind": name.bound.kind(), "name": name.name, "record": name.bound.written() });
    journal::append(tx, cx, "account.name_remembered", Subject::from(&owner), &data)?;
    Ok(RememberedName { id, ..name })
}

/// The record must be one that a statement of the branch can be about.
fn check_bound(tx: &mut dyn Tx, owner: &Account, bound: &Bound) -> Result<(), Error> {
    let fits = match bound {
        Bound::Account(id) => account::rows::by_id(tx, *id)?.is_some_and(|account| owner.path.holds(&account.path)),
        Bound::Product(id) => catalog::rows::product(tx, *id)?.is_some_and(|product| product.tenant == owner.tenant),
        Bound::License(id) => match license::rows::by_id(tx, *id)? {
            None => false,
            Some(license) => {
                account::rows::by_id(tx, license.account)?.is_some_and(|account| owner.path.holds(&account.path))
            }
        },
        Bound::Meter(id, key) => {
            if !key.is_empty() {
                check_line("key", key, 64)?;
            }
            rows::tenant_of_meter(tx, *id)?.is_some_and(|tenant| tenant == owner.tenant)
        }
    };
    let noun = match bound {
        Bound::Account(_) => Noun::Account,
        Bound::Product(_) => Noun::Product,
        Bound::License(_) => Noun::License,
        Bound::Meter(..) => Noun::Meter,
    };
    if fits { Ok(()) } else { Err(Error::not_found(noun)) }
}

/// Forgets a name.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn forget_name(tx: &mut dyn Tx, cx: &Context<'_>, id: RememberedNameId) -> Result<(), Error> {
    let name = rows::name(tx, id)?.ok_or(Error::not_found(Noun::RememberedName))?;
    let owner = account::authorized(tx, cx, name.account, &Action::write(Right::BILLING_WRITE), Noun::RememberedName)?;
    cx.touches_nothing();
    rows::delete_name(tx, id)?;
    let data =
        json!({ "system": name.system, "kind": name.bound.kind(), "name": name.name, "record": name.bound.written() });
    journal::append(tx, cx, "account.name_forgotten", Subject::from(&owner), &data)?;
    Ok(())
}

/// The names that are remembered for an account, in the order in which they were told first: at most `limit` behind `after`.
/// `system` narrows them to one system's.
///
/// # Errors
/// `NotFound`, `Forbidden` for the account.
pub fn remembered_names(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: AccountId,
    system: Option<&str>,
    after: Option<RememberedNameId>,
    limit: u32,
) -> Result<Vec<RememberedName>, Error> {
    account::authorized(tx, cx, account, &Action::read(Right::BILLING_READ), Noun::Account)?;
    system.map_or(Ok(()), check_system)?;
    Ok(rows::names(tx, account, system, after, limit)?)
}

/// Records and their names, either way round.
struct Names<T> {
    /// None where a statement tells of what is not in the branch any more.
    by_id: HashMap<T, Option<String>>,
    /// None where several have the name.
    by_name: HashMap<String, Option<T>>,
}

impl<T: Clone + Eq + Hash> Names<T> {
    fn new() -> Self {
        Self { by_id: HashMap::new(), by_name: HashMap::new() }
    }

    fn add(&mut self, id: T, name: String) {
        let same = Some(id.clone());
        self.by_name
            .entry(name.trim().to_owned())
            .and_modify(|known| *known = known.take().filter(|known| *known == id))
            .or_insert(same);
        self.by_id.insert(id, Some(name));
    }

    /// Notes that a statement tells of it.
    fn told_of(&mut self, id: T) {
        self.by_id.entry(id).or_insert(None);
    }

    fn named(&self, name: &str) -> Option<T> {
        self.by_name.get(name).cloned().flatten()
    }
}

/// Whose the names of a table are.
pub(super) struct Book {
    remembered: HashMap<String, Uuid>,
    remembered_items: HashMap<String, ItemId>,
    accounts: Names<Uuid>,
    items: Names<ItemId>,
    item: Option<Item>,
}

impl Book {
    /// The account that the other system calls so.
    pub fn account(&self, tx: &mut dyn Tx, cx: &Context<'_>, text: &str) -> Result<Option<Uuid>, Error> {
        let known = self.remembered.get(text).copied();
        let known =
            known.or_else(|| AccountId::parse(text).map(|id| id.0).filter(|id| self.accounts.by_id.contains_key(id)));
        match known.or_else(|| self.accounts.named(text)) {
            Some(id) => Ok(Some(id)),
            None => Ok(alias::find(tx, cx, text)?.filter(|id| self.accounts.by_id.contains_key(id))),
        }
    }

    /// The item that the other system calls so.
    pub fn item(&self, tx: &mut dyn Tx, cx: &Context<'_>, text: &str) -> Result<Option<ItemId>, Error> {
        let Some(item) = self.item else { return Ok(None) };
        let by_id = match item {
            Item::Product => ProductId::parse(text).map(|id| id.0),
            Item::License => LicenseId::parse(text).map(|id| id.0),
            Item::Meter => MeterId::parse(text).map(|id| id.0),
        };
        let known = |id: Uuid| Some((id, String::new())).filter(|id| self.items.by_id.contains_key(id));
        let found = self.remembered_items.get(text).cloned().or_else(|| by_id.and_then(known));
        match found.or_else(|| self.items.named(text)) {
            Some(id) => Ok(Some(id)),
            None => Ok(alias::find(tx, cx, text)?.and_then(known)),
        }
    }

    /// Our name of an account.
    pub fn account_name(&self, id: Uuid) -> Option<String> {
        self.accounts.by_id.get(&id).cloned().flatten()
    }

    /// Our name of an item.
    pub fn item_name(&self, id: &ItemId) -> Option<String> {
        self.items.by_id.get(id).cloned().flatten()
    }
}

/// Looks up all that a reconciliation may name.
///
/// # Errors
/// Those of storage.
pub(super) fn book(
    tx: &mut dyn Tx,
    owner: &Account,
    cmd: &Reconcile<'_>,
    claims: &Claims,
    ours: &Ours,
) -> Result<Book, Error> {
    let item = cmd.columns.item.as_ref().map(|(item, _)| *item);
    let mut book = Book {
        remembered: HashMap::new(),
        remembered_items: HashMap::new(),
        accounts: Names::new(),
        items: Names::new(),
        item,
    };
    for (name, bound) in rows::all_names(tx, owner.id, &cmd.system)? {
        let (id, key) = bound.parts();
        match (&bound, item) {
            (Bound::Account(_), _) => drop(book.remembered.insert(name, id)),
            (Bound::Product(_), Some(Item::Product))
            | (Bound::License(_), Some(Item::License))
            | (Bound::Meter(..), Some(Item::Meter)) => drop(book.remembered_items.insert(name, (id, key.to_owned()))),
            (Bound::Product(_) | Bound::License(_) | Bound::Meter(..), _) => {}
        }
    }
    if cmd.columns.account.is_some() {
        rows::accounts(tx, owner, &mut |id, name| book.accounts.add(id, name))?;
    }
    match item {
        None => {}
        Some(Item::Product) => {
            rows::products(tx, owner.tenant, &mut |id, name| book.items.add((id, String::new()), name))?
        }
        Some(Item::Meter) => {
            let mut names = HashMap::new();
            rows::meters(tx, owner.tenant, &mut |id, name| drop(names.insert(id, name)))?;
            let keys =
                ours.figures.keys().filter_map(|key| key.item.clone()).chain(rows::meter_keys(tx, owner.tenant)?);
            for (id, key) in keys.filter(|(_, key)| !key.is_empty()).collect::<Vec<_>>() {
                if let Some(name) = names.get(&id) {
                    let name = format!("{name}/{key}");
                    book.items.add((id, key), name);
                }
            }
            names.into_iter().for_each(|(id, name)| book.items.add((id, String::new()), name));
        }
        Some(Item::License) => {
            let mut licenses: Vec<Uuid> = ours.figures.keys().filter_map(|key| Some(key.item.as_ref()?.0)).collect();
            let texts: Vec<&String> = claims.figures.keys().filter_map(|named| named.item.as_ref()).collect();
            licenses.extend(texts.iter().filter_map(|text| LicenseId::parse(text)).map(|id| id.0));
            licenses.sort_unstable();
            licenses.dedup();
            let mut add = |id, code| book.items.add((id, String::new()), code);
            rows::licenses(tx, owner, &licenses, &mut add)?;
            rows::licenses_by_code(tx, owner, &texts, &mut add)?;
        }
    }
    for key in ours.figures.keys() {
        key.account.into_iter().for_each(|id| book.accounts.told_of(id));
        key.item.iter().for_each(|id| book.items.told_of(id.clone()));
    }
    Ok(book)
}
