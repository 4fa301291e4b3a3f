//! What our statements say of a month, added up by what a reconciliation tells apart.

use super::{Exact, Item, Reconcile};
use crate::account::Account;
use crate::billing::reading::{self, SaidLine};
use crate::error::Error;
use crate::id::{AccountId, LicenseId, MeterId, ProductId};
use lessor_db::{StoreError, Tx};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Statements read at once.
const AT_ONCE: u32 = 250;

/// A product, a license, or a meter with a key or an empty text.
pub(super) type ItemId = (Uuid, String);

/// What figures are of, as far as they are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub account: Option<Uuid>,
    pub item: Option<ItemId>,
    /// Where amounts are compared.
    pub currency: Option<String>,
}

/// Quantity and amount.
pub(super) type Sums = (Exact, Exact);

/// What the statements say.
#[derive(Default)]
pub(super) struct Ours {
    pub figures: HashMap<Key, Sums>,
}

impl Ours {
    /// The currencies of all that is billed.
    pub fn currencies(&self) -> BTreeSet<&String> {
        self.figures.keys().filter_map(|key| key.currency.as_ref()).collect()
    }

    fn add(&mut self, cmd: &Reconcile<'_>, owner: AccountId, line: &SaidLine, quantity: Exact) -> Result<(), Error> {
        let item = match cmd.columns.item.as_ref().map(|(item, _)| *item) {
            None => None,
            // Lines that are of no such item are not compared.
            Some(item) => match item_of(item, line)? {
                Some(id) => Some(id),
                None => return Ok(()),
            },
        };
        // Of one bill rows say whose use it is, of many whose bill it is: use that several are billed for, one above the other,
        // is not added up.
        let account = match line.account.as_ref().filter(|_| !cmd.branch) {
            Some(account) => id(AccountId::parse(account), account)?.0,
            None => owner.0,
        };
        let key = Key {
            account: cmd.columns.account.is_some().then_some(account),
            item,
            currency: cmd.columns.amount.is_some().then(|| line.currency.clone()),
        };
        let sums = self.figures.entry(key).or_default();
        *sums = (sums.0.plus(quantity), sums.1.plus(line.amount));
        Ok(())
    }
}

fn id<T>(read: Option<T>, text: &str) -> Result<T, Error> {
    Ok(read.ok_or_else(|| StoreError::Broken(format!("a statement names {text:?}")))?)
}

fn item_of(item: Item, line: &SaidLine) -> Result<Option<ItemId>, Error> {
    let text = match item {
        Item::Product => &line.product,
        Item::License => &line.license,
        Item::Meter => &line.meter,
    };
    let Some(text) = text else { return Ok(None) };
    let found = match item {
        Item::Product => ProductId::parse(text).map(|id| id.0),
        Item::License => LicenseId::parse(text).map(|id| id.0),
        Item::Meter => MeterId::parse(text).map(|id| id.0),
    };
    let key = if item == Item::Meter { line.key.clone().unwrap_or_default() } else { String::new() };
    Ok(Some((id(found, text)?, key)))
}

/// Adds up the lines of the statements that a reconciliation is of.
///
/// # Errors
/// Those of storage.
pub(super) fn read(tx: &mut dyn Tx, account: &Account, cmd: &Reconcile<'_>) -> Result<Ours, Error> {
    let mut ours = Ours::default();
    let mut place = None;
    let at_once = if cmd.branch { AT_ONCE } else { 1 };
    loop {
        let read = reading::rows::of_branch(tx, account, cmd.month, place.as_ref(), at_once)?;
        let Some((last, _)) = read.last() else { return Ok(ours) };
        place = Some(last.clone());
        // From the top of the tree down: the account's own is the first, if it has one.
        for (_, named) in read.iter().filter(|(_, named)| cmd.branch || named.statement.account == account.id) {
            let said = named.statement.said()?;
            for line in &said.lines {
                ours.add(cmd, named.statement.account, line, line.quantity)?;
            }
            for adjustment in said.adjustments.iter().filter(|_| cmd.adjustments) {
                let retracted = adjustment.kind == "retracted";
                let quantity = adjustment.line.quantity;
                let quantity = if retracted { quantity.negated() } else { quantity };
                ours.add(cmd, named.statement.account, &adjustment.line, quantity)?;
            }
        }
        if !cmd.branch {
            return Ok(ours);
        }
    }
}
