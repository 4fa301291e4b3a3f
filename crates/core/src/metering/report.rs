//! Reports: figures of an account or its branch, altogether or told apart.

use super::apart::{Apart, By, Names, Of, Place, names};
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
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Accounts whose licenses are told apart at once.
const AT_ONCE: u32 = 500;

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
    /// By what figures are told apart; by nothing, the report has one row. Keys are told apart by themselves.
    pub each: Vec<By>,
    /// Only what was used with this key; empty for all.
    pub key: String,
}

/// A row of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Of what.
    pub of: Of,
    /// What people call that.
    pub names: Names,
    /// Of each period, in order.
    pub figures: Vec<Figure>,
    /// Of the whole range.
    pub total: Figure,
    /// Of seat days, the seats in force at the end of the last day, as far as it has come.
    pub seats: Option<i64>,
}

/// Rows of a report: all of some accounts, where accounts are told apart, or all of some licenses, where licenses are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// In the order of the tree, of the licenses' ids, or of the ids of what else is told apart.
    pub rows: Vec<Figures>,
    /// Behind what the next rows are; `None` at the end.
    pub next: Option<Uuid>,
}

impl Report {
    /// Rows with their names.
    pub(super) fn named(
        tx: &mut dyn Tx,
        mut rows: Vec<Figures>,
        next: Option<Uuid>,
        accounts: HashMap<Uuid, String>,
    ) -> Result<Self, Error> {
        let all: Vec<&Of> = rows.iter().map(|row| &row.of).collect();
        let named = names(tx, &all, accounts)?;
        rows.iter_mut().zip(named).for_each(|(row, names)| row.names = names);
        Ok(Self { rows, next })
    }

    /// Some of rows that are numbered: behind `after`, made by `row`.
    pub(super) fn numbered<T>(
        tx: &mut dyn Tx,
        all: impl ExactSizeIterator<Item = T>,
        after: Option<Uuid>,
        limit: u32,
        mut row: impl FnMut(&mut dyn Tx, T) -> Result<Figures, Error>,
    ) -> Result<Self, Error> {
        let done = after.map_or(0, |after| usize::try_from(after.as_u128()).unwrap_or(usize::MAX));
        let end = done.saturating_add(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = (all.len() > end).then(|| Uuid::from_u128(end as u128));
        let some: Result<Vec<Figures>, Error> = all.skip(done).take(end - done).map(|one| row(tx, one)).collect();
        Self::named(tx, some?, next, HashMap::new())
    }
}

/// Rows of a report behind a place: of at most `limit` accounts or licenses, where these are told apart, otherwise at most
/// `limit` rows. Every account of the branch has a row where accounts alone are told apart; otherwise what was not used has
/// none.
///
/// # Errors
/// `NotFound`, `Forbidden` for the account; `Malformed` for a meter of seat days, which are read off licenses, and for keys
/// with anything else in `each`.
pub fn report(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    query: &Query,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Report, Error> {
    let account = account::authorized(tx, cx, query.account, &Action::read(Right::USAGE_READ), Noun::Account)?;
    if query.meter.tenant != account.tenant {
        return Err(Error::not_found(Noun::Meter));
    }
    if query.meter.aggregation == Aggregation::SeatDays {
        return Err(Error::malformed("meter", "seat days have a report of their own"));
    }
    let apart = Apart::by(&query.each);
    if apart.is(By::Key) && query.each.len() > 1 {
        return Err(Error::malformed("each", "keys are told apart by themselves"));
    }
    let last = if query.branch { account.path.end() } else { account.path.as_str().to_owned() };
    let actor = cx.actor();
    let hidden = |path: &Path| actor.level_at(path).is_none();
    let sheet = Sheet {
        query,
        first: account.path.as_str(),
        last: &last,
        hidden: &hidden,
        // A branch may hold another that is taken away from the caller again.
        hides: actor.grants.iter().any(|grant| grant.level == Level::None && account.path.holds(&grant.path)),
        passed: query.meter.days.day_of(cx.now),
        level: query.meter.aggregation == Aggregation::Level,
    };
    if apart.is(By::License) {
        sheet.by_license(tx, apart, after, limit)
    } else if apart.is(By::Account) {
        sheet.by_account(tx, apart, after, limit)
    } else if apart.is(By::Key) {
        let keys = rows::keys(tx, query.meter.id)?;
        Report::numbered(tx, keys.into_iter(), after, limit, |tx, key| {
            let fold = sheet.fold(tx, &key, (sheet.first, sheet.last))?;
            sheet.row(Of { key: Some(key), ..Of::default() }, &fold)
        })
    } else {
        let folds = sheet.together(tx, apart)?;
        Report::numbered(tx, folds.into_iter(), after, limit, |_, (of, fold)| sheet.row(of, &fold))
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
    /// Between which places of the tree, both included.
    first: &'a str,
    last: &'a str,
    hidden: &'a dyn Fn(&Path) -> bool,
    hides: bool,
    passed: Day,
    level: bool,
}

impl Sheet<'_> {
    /// All rows of a report that tells apart neither accounts nor licenses nor keys.
    fn together(&self, tx: &mut dyn Tx, mut apart: Apart) -> Result<BTreeMap<Of, Fold>, Error> {
        let mut folds: BTreeMap<Of, Fold> = BTreeMap::new();
        let span = (self.first, self.last);
        if !apart.asks_licenses() {
            folds.insert(Of::default(), self.fold(tx, &self.query.key, span)?);
            return Ok(folds);
        }
        let mut behind = String::new();
        loop {
            let page = rows::accounts(tx, span, &behind, AT_ONCE)?;
            let (Some(head), Some(tail)) = (page.first(), page.last()) else { return Ok(folds) };
            behind = tail.2.as_str().to_owned();
            let own = self.by_place(tx, &mut apart, (head.2.as_str(), &behind))?;
            for (place, fold) in &own {
                apart.rows(place).into_iter().for_each(|of| folds.entry(of).or_default().add(fold));
            }
        }
    }

    /// Rows of accounts, in the order of the tree.
    fn by_account(&self, tx: &mut dyn Tx, mut apart: Apart, after: Option<Uuid>, limit: u32) -> Result<Report, Error> {
        let mut behind = match after {
            None => String::new(),
            Some(id) => match account::rows::by_id(tx, AccountId(id))? {
                Some(account) => account.path.as_str().to_owned(),
                None => return Ok(Report::default()),
            },
        };
        let (mut found, mut shown, mut known) = (Vec::new(), Vec::new(), HashMap::new());
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        loop {
            // One more tells whether there are more.
            let page = rows::accounts(tx, (self.first, self.last), &behind, limit.saturating_add(1))?;
            let (Some(head), Some(tail)) = (page.first(), page.last()) else { break };
            let is_last = page.len() <= wanted;
            behind = tail.2.as_str().to_owned();
            let mut folds: BTreeMap<AccountId, BTreeMap<Of, Fold>> = BTreeMap::new();
            for (place, fold) in self.by_place(tx, &mut apart, (head.2.as_str(), &behind))? {
                let own = folds.entry(place.account).or_default();
                apart.rows(&place).into_iter().for_each(|of| own.entry(of).or_default().add(&fold));
            }
            for (id, name, path) in page {
                if self.hides && (self.hidden)(&path) {
                    continue;
                }
                if shown.len() == wanted {
                    return Report::named(tx, found, shown.last().copied(), known);
                }
                let mut own = folds.remove(&id).unwrap_or_default();
                if !apart.asks_licenses() {
                    own.entry(Of { account: Some(id), ..Of::default() }).or_default();
                }
                for (of, fold) in &own {
                    found.push(self.row(of.clone(), fold)?);
                }
                shown.push(id.0);
                known.insert(id.0, name);
            }
            if is_last {
                break;
            }
        }
        Report::named(tx, found, None, known)
    }

    /// Rows of licenses, in the order of their ids; what was used under none comes first.
    fn by_license(&self, tx: &mut dyn Tx, mut apart: Apart, after: Option<Uuid>, limit: u32) -> Result<Report, Error> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let by_account = apart.is(By::Account);
        let mut folds: BTreeMap<Uuid, BTreeMap<Place, Fold>> = BTreeMap::new();
        self.read(tx, &self.query.key, (self.first, self.last), &mut |what, entry| {
            let license = entry.license.0;
            if after.is_some_and(|after| license <= after) {
                return;
            }
            let account = if by_account { entry.account } else { AccountId(Uuid::nil()) };
            let place = Place { account, license: Some(entry.license).filter(|id| !id.0.is_nil()), kind: None };
            folds.entry(license).or_default().entry(place).or_default().take(what, &entry);
            // What lies behind the page is not kept. Whatever follows of it lies behind it too.
            if folds.len() > wanted.saturating_add(1) {
                folds.pop_last();
            }
        })?;
        let more = folds.len() > wanted;
        if more {
            folds.pop_last();
        }
        let next = folds.last_key_value().filter(|_| more).map(|(license, _)| *license);
        apart.learn(tx, folds.values().flat_map(BTreeMap::keys).copied())?;
        let mut found = Vec::new();
        for places in folds.values() {
            let mut own: BTreeMap<Of, Fold> = BTreeMap::new();
            for (place, fold) in places {
                apart.rows(place).into_iter().for_each(|of| own.entry(of).or_default().add(fold));
            }
            for (of, fold) in &own {
                found.push(self.row(of.clone(), fold)?);
            }
        }
        Report::named(tx, found, next, HashMap::new())
    }

    /// What was read for each account and, where that is asked, each license; and learns what they are told apart by.
    fn by_place(
        &self,
        tx: &mut dyn Tx,
        apart: &mut Apart,
        between: (&str, &str),
    ) -> Result<BTreeMap<Place, Fold>, Error> {
        let licenses = apart.asks_licenses();
        let mut folds: BTreeMap<Place, Fold> = BTreeMap::new();
        self.read(tx, &self.query.key, between, &mut |what, entry| {
            let license = Some(entry.license).filter(|id| licenses && !id.0.is_nil());
            let place = Place { account: entry.account, license, kind: None };
            folds.entry(place).or_default().take(what, &entry);
        })?;
        if licenses {
            apart.learn(tx, folds.keys().copied())?;
        }
        Ok(folds)
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

    fn row(&self, of: Of, fold: &Fold) -> Result<Figures, Error> {
        let query = self.query;
        let pieces = query.range.pieces(query.per, self.passed, self.level);
        let (figures, total) = fold.figures(query.range, query.per, &pieces, self.passed, self.level)?;
        Ok(Figures { of, names: Names::default(), figures, total, seats: None })
    }
}
