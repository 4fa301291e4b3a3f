//! Statements: what an account's own licenses cost in a month, as a document of which the same facts always make the same
//! bytes. Each carries a hash over itself and the one before it.

use super::close::Closing;
use super::price::{Key, Line, Prices, lines};
use super::{Amount, rows};
use crate::account;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, StatementId};
use crate::identity::Right;
use crate::metering::day::{DayRule, Month};
use crate::metering::seat_days::{self, Days};
use lessor_db::Tx;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
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

/// Of which facts a statement is made.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    pub tenant: AccountId,
    pub month: Month,
    /// What was not known then, is left out.
    pub as_of: Timestamp,
    /// The months closed before, and as of when the last of them was.
    pub closed: Vec<Month>,
    pub closed_as_of: Option<Timestamp>,
}

impl Basis {
    /// What a month's statements are made of, or would be: `closings` are all of the tenant.
    pub fn of(tenant: AccountId, month: Month, as_of: Timestamp, closings: &[Closing]) -> Self {
        let before: Vec<&Closing> = closings.iter().filter(|closing| closing.month < month).collect();
        Self {
            tenant,
            month,
            as_of,
            closed: before.iter().map(|closing| closing.month).collect(),
            closed_as_of: before.last().map(|closing| closing.as_of),
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    account: String,
    month: String,
    time_zone: &'a str,
    cutoff_minutes: i64,
    lines: Vec<Line>,
    adjustments: Vec<Adjustment>,
    totals: Vec<Total>,
}

/// A line of a closed month that came out otherwise since.
#[derive(Serialize)]
struct Adjustment {
    month: String,
    /// `retracted`: what was billed, and is not any more; `added`: what is billed instead.
    kind: &'static str,
    line: Line,
}

#[derive(Serialize)]
struct Total {
    currency: String,
    amount: String,
    minor_units: i64,
}

type LinesOf = HashMap<AccountId, BTreeMap<Key, Line>>;

/// The documents of those of these accounts that have any line or adjustment.
pub(super) fn documents(
    tx: &mut dyn Tx,
    basis: &Basis,
    accounts: &[AccountId],
) -> Result<BTreeMap<AccountId, String>, Error> {
    let rule = DayRule::new(seat_days::ZONE, seat_days::CUTOFF_MINUTES)?;
    let mut lines = lines_of(tx, basis, &rule, accounts, basis.month, &[basis.as_of])?.remove(0);
    let mut adjustments: HashMap<AccountId, Vec<Adjustment>> = HashMap::new();
    if let Some(closed_as_of) = basis.closed_as_of
        && let Some(first) = rows::changed_from(tx, basis.tenant, closed_as_of, basis.as_of)?
    {
        for month in basis.closed.iter().filter(|month| month.last() >= first) {
            let mut both = lines_of(tx, basis, &rule, accounts, *month, &[closed_as_of, basis.as_of])?;
            let (now, was) = (both.pop().unwrap_or_default(), both.pop().unwrap_or_default());
            for account in accounts {
                adjustments.entry(*account).or_default().extend(differences(
                    *month,
                    was.get(account),
                    now.get(account),
                ));
            }
        }
    }
    let mut documents = BTreeMap::new();
    for account in accounts {
        let lines: Vec<Line> = lines.remove(account).unwrap_or_default().into_values().collect();
        let adjustments = adjustments.remove(account).unwrap_or_default();
        if lines.is_empty() && adjustments.is_empty() {
            continue;
        }
        let document = Document {
            account: account.to_string(),
            month: basis.month.to_string(),
            time_zone: rule.zone(),
            cutoff_minutes: rule.cutoff_minutes(),
            totals: totals(lines.iter().chain(adjustments.iter().map(|adjustment| &adjustment.line)))?,
            lines,
            adjustments,
        };
        let text =
            serde_json::to_string(&document).map_err(|error| Error::malformed("statement", error.to_string()))?;
        documents.insert(*account, text);
    }
    Ok(documents)
}

/// The lines of a month as they were known at each of these moments.
fn lines_of(
    tx: &mut dyn Tx,
    basis: &Basis,
    rule: &DayRule,
    accounts: &[AccountId],
    month: Month,
    moments: &[Timestamp],
) -> Result<Vec<LinesOf>, Error> {
    let days = Days::new(rule, month.first(), month.last(), basis.as_of);
    let ids: Vec<Uuid> = accounts.iter().map(|id| id.0).collect();
    let loaded = seat_days::load_accounts(tx, &ids, days.span())?;
    let lists = rows::of_accounts(tx, &loaded.known)?;
    let spans = rows::spans(tx, basis.tenant)?;
    moments.iter().map(|moment| lines(&loaded, &days, month, &Prices::known_at(&lists, &spans, *moment))).collect()
}

fn differences(month: Month, was: Option<&BTreeMap<Key, Line>>, now: Option<&BTreeMap<Key, Line>>) -> Vec<Adjustment> {
    let empty = BTreeMap::new();
    let (was, now) = (was.unwrap_or(&empty), now.unwrap_or(&empty));
    let adjustment = |kind, line| Adjustment { month: month.to_string(), kind, line };
    let gone = was.iter().filter(|(key, line)| now.get(key) != Some(line));
    let gone = gone.map(|(_, line)| adjustment("retracted", line.retracted()));
    let new =
        now.iter().filter(|(key, line)| was.get(key) != Some(line)).map(|(_, line)| adjustment("added", line.clone()));
    gone.chain(new).collect()
}

fn totals<'a>(lines: impl Iterator<Item = &'a Line>) -> Result<Vec<Total>, Error> {
    let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(&line.currency).or_default();
        let too_much = Refusal::OutOfRange { field: "amount", min: 0, max: i64::MAX / 100_000 };
        *sum = sum.plus(line.amount).ok_or(too_much)?;
    }
    let total = |(currency, sum): (&str, Amount)| Total {
        currency: currency.to_owned(),
        amount: sum.to_string(),
        minor_units: sum.minor_units(currency),
    };
    Ok(sums.into_iter().map(total).collect())
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
