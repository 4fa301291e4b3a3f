//! Reports: figures of an account or its branch, altogether or told apart.

use super::day::Day;
use super::figures::{Figure, Fold, Per, Piece, Range, What};
use super::meter::{Aggregation, Meter};
use super::rows::{self, Entry, Reading};
use crate::account::{self, Path};
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, LicenseId, UsageRecordId};
use crate::identity::{Level, Right};
use lessor_db::Tx;
use std::collections::BTreeMap;
use uuid::Uuid;

/// By what a report tells figures apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// By nothing: one row.
    Total,
    /// A row for each account of the branch, with its own figures, in the order of the tree.
    Account,
    /// A row for each license that was used in the range, and one for what was used under none.
    License,
    /// A row for each key of the meter.
    Key,
}

/// What a report is of.
#[derive(Clone, Debug)]
pub struct Query {
    /// The meter.
    pub meter: Meter,
    /// Of which account.
    pub account: AccountId,
    /// With what is below it?
    pub branch: bool,
    /// Which days.
    pub range: Range,
    /// What a figure is of.
    pub per: Per,
    /// By what figures are told apart.
    pub each: Each,
    /// Only what was used with this key; empty for all.
    pub key: String,
}

/// A row of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Where the row stands: for the next page.
    pub place: Uuid,
    /// Whose figures, and its name, where accounts are told apart.
    pub account: Option<(AccountId, String)>,
    /// Under which license, where licenses are told apart.
    pub license: Option<LicenseId>,
    /// With which key, where keys are told apart.
    pub key: Option<String>,
    /// Of each period, in order.
    pub figures: Vec<Figure>,
    /// Of the whole range.
    pub total: Figure,
}

/// Rows of a report behind a place.
///
/// # Errors
/// `NotFound`, `Forbidden` for the account; `Malformed` for a meter of seat days, which are read off licenses.
pub fn report(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    query: &Query,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Figures>, Error> {
    let account = account::authorized(tx, cx, query.account, &Action::read(Right::USAGE_READ), Noun::Account)?;
    if query.meter.tenant != account.tenant {
        return Err(Error::not_found(Noun::Meter));
    }
    if query.meter.aggregation == Aggregation::SeatDays {
        return Err(Error::malformed("meter", "seat days have a report of their own"));
    }
    let last = if query.branch { account.path.end() } else { account.path.as_str().to_owned() };
    let actor = cx.actor();
    let hidden = |path: &Path| actor.level_at(path).is_none();
    let sheet = Sheet {
        query,
        hidden: &hidden,
        // A branch may hold another that is taken away from the caller again.
        hides: actor.grants.iter().any(|grant| grant.level == Level::None && account.path.holds(&grant.path)),
        passed: query.meter.days.day_of(cx.now),
        level: query.meter.aggregation == Aggregation::Level,
    };
    let limit_rows = usize::try_from(limit).unwrap_or(usize::MAX);
    match query.each {
        Each::Total => {
            let fold = sheet.fold(tx, &query.key, (account.path.as_str(), &last))?;
            let rows = sheet.row(Uuid::nil(), &fold)?;
            Ok(if after.is_none() { vec![rows] } else { Vec::new() })
        }
        Each::Account => sheet.by_account(tx, (account.path.as_str(), &last), after, limit),
        Each::License => {
            let mut by_license: BTreeMap<Uuid, Fold> = BTreeMap::new();
            sheet.read(tx, &query.key, (account.path.as_str(), &last), &mut |what, entry| {
                by_license.entry(entry.license.0).or_default().take(what, &entry);
            })?;
            let rest = by_license.iter().filter(|(id, _)| after.is_none_or(|after| **id > after)).take(limit_rows);
            let row = |(id, fold): (&Uuid, &Fold)| {
                let row = sheet.row(*id, fold)?;
                Ok(Figures { license: Some(LicenseId(*id)).filter(|id| !id.0.is_nil()), ..row })
            };
            rest.map(row).collect()
        }
        Each::Key => {
            let done = after.map_or(0, |after| usize::try_from(after.as_u128()).unwrap_or(usize::MAX));
            let keys = rows::keys(tx, query.meter.id)?;
            let mut found = Vec::new();
            for (at, key) in keys.into_iter().enumerate().skip(done).take(limit_rows) {
                let fold = sheet.fold(tx, &key, (account.path.as_str(), &last))?;
                let row = sheet.row(Uuid::from_u128(at as u128 + 1), &fold)?;
                found.push(Figures { key: Some(key), ..row });
            }
            Ok(found)
        }
    }
}

/// A fact of use, as it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageRecord {
    /// Its id.
    pub id: UsageRecordId,
    /// Under which license, where one was named.
    pub license: Option<LicenseId>,
    /// What was used or by whom.
    pub subject: String,
    /// When it was so.
    pub at: Timestamp,
    /// How much.
    pub value: i64,
    /// What else was told.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// Who told.
    pub source: String,
    /// What the teller calls it.
    pub source_id: String,
    /// What the teller calls the record that this one sets right.
    pub corrects: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
}

/// The records behind the figure of an account alone on a day, in the order they came, after one of them.
///
/// # Errors
/// `NotFound`, `Forbidden` for the account.
pub fn records(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    (meter, account): (&Meter, AccountId),
    day: Day,
    after: Option<UsageRecordId>,
    limit: u32,
) -> Result<Vec<UsageRecord>, Error> {
    let account = account::authorized(tx, cx, account, &Action::read(Right::USAGE_READ), Noun::Account)?;
    let after = after.map_or(Uuid::nil(), |id| id.0);
    Ok(rows::records_of(tx, (meter.id, account.id), day.number(), after, limit)?)
}

/// What all rows of a report have in common.
struct Sheet<'a> {
    query: &'a Query,
    hidden: &'a dyn Fn(&Path) -> bool,
    hides: bool,
    passed: Day,
    level: bool,
}

impl Sheet<'_> {
    fn by_account(
        &self,
        tx: &mut dyn Tx,
        (first, last): (&str, &str),
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Figures>, Error> {
        let behind = match after {
            None => String::new(),
            Some(id) => match account::rows::by_id(tx, AccountId(id))? {
                Some(account) => account.path.as_str().to_owned(),
                None => return Ok(Vec::new()),
            },
        };
        let mut found = Vec::new();
        let (mut behind, wanted) = (behind, usize::try_from(limit).unwrap_or(usize::MAX));
        while found.len() < wanted {
            let page = rows::accounts(tx, (first, last), &behind, limit)?;
            let (Some(head), Some(tail)) = (page.first(), page.last()) else { break };
            let is_last = page.len() < wanted;
            let between = (head.2.as_str().to_owned(), tail.2.as_str().to_owned());
            behind = between.1.clone();
            let mut folds: BTreeMap<AccountId, Fold> = BTreeMap::new();
            self.read(tx, &self.query.key, (&between.0, &between.1), &mut |what, entry| {
                folds.entry(entry.account).or_default().take(what, &entry);
            })?;
            for (id, name, path) in page {
                if !(self.hides && (self.hidden)(&path)) {
                    let row = self.row(id.0, folds.get(&id).unwrap_or(&Fold::default()))?;
                    found.push(Figures { account: Some((id, name)), ..row });
                }
            }
            if is_last {
                break;
            }
        }
        found.truncate(wanted);
        Ok(found)
    }

    fn fold(&self, tx: &mut dyn Tx, key: &str, between: (&str, &str)) -> Result<Fold, Error> {
        let mut fold = Fold::default();
        self.read(tx, key, between, &mut |what, entry| fold.take(what, &entry))?;
        Ok(fold)
    }

    /// Reads what the range takes.
    fn read(
        &self,
        tx: &mut dyn Tx,
        key: &str,
        (first, last): (&str, &str),
        each: &mut dyn FnMut(What, Entry),
    ) -> Result<(), Error> {
        let query = self.query;
        let reading = Reading { meter: query.meter.id, name: key, first, last, hidden: self.hidden, hides: self.hides };
        for piece in query.range.pieces(query.per, self.passed, self.level) {
            match piece {
                Piece::Days(Range { from, until }) => {
                    rows::days_of(tx, &reading, (from.number(), until.number()), &mut |entry| each(What::Day, entry))?;
                }
                Piece::Months(from, until) => {
                    let months = (from.number(), until.number());
                    rows::months_of(tx, &reading, months, &mut |entry| each(What::Month, entry))?;
                }
            }
        }
        if !self.level {
            return Ok(());
        }
        // What levels had risen to before the range.
        let from = query.range.from;
        if let Some(start) = rows::first_month(tx, query.meter.id, key)? {
            let months = (start, from.month().number() - 1);
            rows::months_of(tx, &reading, months, &mut |entry| each(What::Before, entry))?;
        }
        let days = (from.month().first().number(), from.number() - 1);
        rows::days_of(tx, &reading, days, &mut |entry| each(What::Before, entry))?;
        Ok(())
    }

    fn row(&self, place: Uuid, fold: &Fold) -> Result<Figures, Error> {
        let query = self.query;
        let pieces = query.range.pieces(query.per, self.passed, self.level);
        let (figures, total) = fold.figures(query.range, query.per, &pieces, self.passed, self.level)?;
        Ok(Figures { place, account: None, license: None, key: None, figures, total })
    }
}
