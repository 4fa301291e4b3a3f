//! Statements: what an account is billed for a month, fixed. Each carries a hash over itself and the one before it.

use super::document::{Basis, documents};
use super::rows;
use crate::account;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, StatementId};
use crate::identity::Right;
use crate::metering::day::{DayRule, Month};
use crate::metering::seat_days;
use lessor_db::Tx;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Statements that a walk reads at once.
const AT_ONCE: u32 = 100;

/// The fixed bill of a closed month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its id.
    pub id: StatementId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// Whose it is.
    pub account: AccountId,
    /// Of which month.
    pub month: Month,
    /// Where it stands in the account's chain.
    pub link: Link,
    /// SHA-256 over its link and its document.
    pub hash: Vec<u8>,
    /// What it says: compact JSON.
    pub document: String,
    /// When it was made.
    pub closed_at: Timestamp,
}

/// Where a statement stands in its account's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// 1 for the first.
    pub number: i64,
    /// The hash of the one before: 32 bytes, zeros before the first.
    pub previous: Vec<u8>,
}

/// What a check of a statement found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Do the facts make the same bytes again?
    pub same_bytes: bool,
    /// Is the hash that of the link and the document?
    pub hash_holds: bool,
    /// Does the link name the hash of the statement before it?
    pub chain_holds: bool,
}

/// The hash of a statement: over the hash before, the number in eight bytes, and the document.
pub(super) fn hash(link: &Link, document: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(&link.previous);
    hash.update(link.number.to_be_bytes());
    hash.update(document.as_bytes());
    hash.finalize().to_vec()
}

/// What an account's statement of a month would say if it were closed now; none where there is nothing to bill.
///
/// # Errors
/// `NotFound` for the account; `Malformed` for a month that was closed, or that is not begun.
pub fn preview(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId, month: Month) -> Result<Option<String>, Error> {
    let account = account::authorized(tx, cx, account, &Action::read(Right::BILLING_READ), Noun::Account)?;
    if account.id == account.tenant {
        // Nobody bills the vendor.
        return Ok(None);
    }
    let rule = DayRule::new(seat_days::ZONE, seat_days::CUTOFF_MINUTES)?;
    let closings = rows::closings(tx, account.tenant)?;
    if closings.last().is_some_and(|last| last.month >= month) {
        return Err(Error::malformed("month", "it was closed"));
    }
    if rule.start(month.first()) > cx.now {
        return Err(Error::malformed("month", "it has not begun"));
    }
    let basis = Basis::of(account.tenant, month, cx.now, &closings);
    Ok(documents(tx, &basis, &[account.id])?.remove(&account.id))
}

/// One statement, if the caller may see it.
///
/// # Errors
/// `NotFound`.
pub fn statement(tx: &mut dyn Tx, cx: &Context<'_>, id: StatementId) -> Result<Statement, Error> {
    let statement = rows::statement(tx, id)?.ok_or(Error::not_found(Noun::Statement))?;
    account::authorized(tx, cx, statement.account, &Action::read(Right::BILLING_READ), Noun::Statement)?;
    Ok(statement)
}

/// The statements of an account, in the order of their numbers: at most `limit` behind number `after`.
///
/// # Errors
/// `NotFound` for the account.
pub fn statements(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: AccountId,
    after: i64,
    limit: u32,
) -> Result<Vec<Statement>, Error> {
    account::authorized(tx, cx, account, &Action::read(Right::BILLING_READ), Noun::Account)?;
    Ok(rows::of_account(tx, account, after, limit)?)
}

/// Makes a statement again from the facts and compares; checks its hash and its place in the chain.
///
/// # Errors
/// `NotFound`.
pub fn verify(tx: &mut dyn Tx, cx: &Context<'_>, id: StatementId) -> Result<Verdict, Error> {
    let statement = statement(tx, cx, id)?;
    let closings = rows::closings(tx, statement.tenant)?;
    let closing = closings.iter().find(|closing| closing.month == statement.month);
    let again = match closing {
        None => None,
        Some(closing) => {
            let basis = Basis::of(statement.tenant, statement.month, closing.as_of, &closings);
            documents(tx, &basis, &[statement.account])?.remove(&statement.account)
        }
    };
    let before = match statement.link.number {
        1 => Some(vec![0; 32]),
        number => rows::numbered(tx, statement.account, number - 1)?.map(|before| before.hash),
    };
    Ok(Verdict {
        same_bytes: again.as_ref() == Some(&statement.document),
        hash_holds: hash(&statement.link, &statement.document) == statement.hash,
        chain_holds: before.as_ref() == Some(&statement.link.previous),
    })
}

/// Walks the chains of all accounts; tells of each statement that is not what its hash covers, or that does not follow the
/// one before it. Whether the facts still make the same bytes, [`verify`] tells of one.
pub(crate) fn verify_chains(tx: &mut dyn Tx) -> Result<Vec<String>, Error> {
    let mut flaws = Vec::new();
    let mut last: (AccountId, i64, Vec<u8>) = (AccountId(Uuid::nil()), 0, Vec::new());
    loop {
        let statements = rows::next(tx, last.0, last.1, AT_ONCE)?;
        if statements.is_empty() {
            return Ok(flaws);
        }
        for Statement { account, link, hash: kept, document, .. } in statements {
            let (number, previous) = if account == last.0 { (last.1, last.2) } else { (0, vec![0; 32]) };
            if link.number != number + 1 || link.previous != previous {
                flaws.push(format!("statement {} of {account} does not follow the one before it", link.number));
            }
            if hash(&link, &document) != kept {
                flaws.push(format!("statement {} of {account} does not match its hash", link.number));
            }
            last = (account, link.number, kept);
        }
    }
}
