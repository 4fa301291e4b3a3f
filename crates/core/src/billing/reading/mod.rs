//! Statements as they are read again: line by line, one or a whole branch's of a month.

mod lines;
pub(crate) mod rows;

pub use lines::{LineKind, StatementLine, statement_lines};

use super::Statement;
use super::reconcile::Exact;
use crate::account::{self, Account};
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, StatementId};
use crate::identity::{Level, Right};
use crate::metering::day::Month;
use lessor_db::{StoreError, Tx};
use serde::Deserialize;

/// What a statement says, read from its document.
#[derive(Clone, Debug, Deserialize)]
pub struct Said {
    /// What the month itself costs.
    pub lines: Vec<SaidLine>,
    /// What came out otherwise of months closed before.
    pub adjustments: Vec<SaidAdjustment>,
    /// What all of it comes to.
    pub totals: Vec<SaidTotal>,
}

/// What a statement comes to in a currency.
#[derive(Clone, Debug, Deserialize)]
pub struct SaidTotal {
    /// The currency.
    pub currency: String,
    /// The sum of lines and adjustments.
    pub amount: Exact,
    /// The same in minor units of the currency, rounded.
    pub minor_units: i128,
}

/// A line of a closed month that came out otherwise since.
#[derive(Clone, Debug, Deserialize)]
pub struct SaidAdjustment {
    /// The month it is of, `YYYY-MM`.
    pub month: String,
    /// `retracted` or `added`.
    pub kind: String,
    /// The line; the amount of a retracted one is owed the other way round already.
    pub line: SaidLine,
}

/// A line of a statement. What a line is not of, it has not.
#[derive(Clone, Debug, Deserialize)]
pub struct SaidLine {
    /// Whose use it is, where that is another account than the statement's.
    pub account: Option<String>,
    /// The license.
    pub license: Option<String>,
    /// The product.
    pub product: Option<String>,
    /// The kind of right.
    pub term: Option<String>,
    /// The meter.
    pub meter: Option<String>,
    /// The meter's name.
    pub meter_name: Option<String>,
    /// What the meter counts in.
    pub unit: Option<String>,
    /// The key of the meter.
    pub key: Option<String>,
    /// The price list.
    pub price_list: Option<String>,
    /// Its name.
    pub price_list_name: Option<String>,
    /// The tier.
    pub tier: Option<String>,
    /// On how many days.
    pub days: Option<i64>,
    /// Seat days, or the meter's figure.
    pub quantity: Exact,
    /// What one costs.
    pub unit_price: Option<String>,
    /// Off it, in hundredths of a percent.
    pub discount: Option<i64>,
    /// The currency.
    pub currency: String,
    /// What it costs.
    pub amount: Exact,
}

impl Statement {
    /// Reads what it says.
    ///
    /// # Errors
    /// Those of storage, where the document is not one of ours.
    pub fn said(&self) -> Result<Said, Error> {
        said(&self.document)
    }
}

fn said(document: &str) -> Result<Said, Error> {
    let broken = |error: serde_json::Error| StoreError::Broken(format!("a statement cannot be read: {error}"));
    Ok(serde_json::from_str(document).map_err(broken)?)
}

/// A statement and the name of its account.
#[derive(Clone, Debug)]
pub struct NamedStatement {
    /// The statement.
    pub statement: Statement,
    /// The account's name.
    pub account_name: String,
}

/// One statement, if the caller may see it, and the name of its account.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn named_statement(tx: &mut dyn Tx, cx: &Context<'_>, id: StatementId) -> Result<NamedStatement, Error> {
    let statement = super::statement(tx, cx, id)?;
    Ok(NamedStatement { account_name: rows::name_of(tx, id)?, statement })
}

/// What an account is billed for a month: what its statement says or, of a month that is not closed yet, what it would say if
/// it were closed now. None where there is nothing to bill.
///
/// # Errors
/// `NotFound`, `Forbidden`; `Malformed` for a month that is not begun.
pub fn said_of_month(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: AccountId,
    month: Month,
) -> Result<Option<Said>, Error> {
    let found = statements_of_branch(tx, cx, account, month, None, 1)?;
    if let Some(named) = found.into_iter().find(|named| named.statement.account == account) {
        return named.statement.said().map(Some);
    }
    let tenant = account::get(tx, cx, account)?.tenant;
    if super::rows::closings(tx, tenant)?.last().is_some_and(|last| last.month >= month) {
        return Ok(None);
    }
    super::preview(tx, cx, account, month)?.map(|document| said(&document)).transpose()
}

/// The statements of a month of an account and all below it, from the top of the tree down: at most `limit` behind that of
/// account `after`.
///
/// # Errors
/// `NotFound`, `Forbidden` for the account.
pub fn statements_of_branch(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: AccountId,
    month: Month,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<NamedStatement>, Error> {
    let account = account::authorized(tx, cx, account, &Action::read(Right::BILLING_READ), Noun::Account)?;
    let mut place = match after {
        Some(after) => rows::path(tx, after)?,
        None => None,
    };
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    while found.len() < wanted {
        let read = rows::of_branch(tx, &account, month, place.as_ref(), limit)?;
        place = read.last().map(|(path, _)| path.clone());
        let is_last_page = read.len() < wanted;
        // A branch may hold another that is taken away from the caller again.
        let seen = read.into_iter().filter(|(path, _)| cx.actor().level_at(path).is_some());
        found.extend(seen.map(|(_, statement)| statement));
        if is_last_page {
            break;
        }
    }
    found.truncate(wanted);
    Ok(found)
}

/// Is any part of an account's branch taken away from the caller?
pub(super) fn hides(cx: &Context<'_>, account: &Account) -> bool {
    cx.actor().grants.iter().any(|grant| grant.level == Level::None && account.path.holds(&grant.path))
}
