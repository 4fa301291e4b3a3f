//! Daily figures of accounts as they were known when a month was closed: what bills are made of.
//!
//! Figures that are kept hold all that was told. Only of accounts of which a record missed the closing they are counted
//! again, from the records that did not.

use super::super::day::{Day, Month};
use super::super::meter::{Aggregation, LevelRule, Meter};
use super::super::record::keys;
use super::super::rollup::digest;
use super::super::rows as usage;
use super::rows::{self, Fact};
use crate::error::Error;
use crate::id::{AccountId, MeterId};
use lessor_db::Tx;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// What of some accounts came too late for closings: months of records, and which closing they missed.
#[derive(Debug, Default)]
pub(crate) struct Late(HashMap<(AccountId, MeterId), BTreeSet<(Month, Month)>>);

impl Late {
    /// What missed the closing of `since`, or a later one.
    pub(crate) fn load(tx: &mut dyn Tx, tenant: AccountId, accounts: &[Uuid], since: Month) -> Result<Self, Error> {
        let mut late = Self::default();
        let Some(last) = rows::last_closed(tx, tenant)?.0 else { return Ok(late) };
        for (account, meter, day, missed) in rows::late(tx, tenant, accounts, (since, last))? {
            late.0.entry((account, meter)).or_default().insert((day.month(), Month::from_number(missed)));
        }
        Ok(late)
    }

    /// May what missed a closing, from the one, included, to the other, excluded, change an account's figures of a month?
    pub(crate) fn changes(&self, account: AccountId, month: Month, (from, until): (Month, Month)) -> bool {
        let of_account = self.0.iter().filter(|((of, _), _)| *of == account).flat_map(|(_, months)| months);
        // Levels are carried on, so that every later month may be another.
        of_account.into_iter().any(|(of, missed)| *of <= month && from <= *missed && *missed < until)
    }

    /// From which month on an account's figures must be counted again, if those asked for are not what the closing knew.
    fn to_count_from(&self, account: AccountId, asked: &Asked<'_>) -> Option<Month> {
        let months = self.0.get(&(account, asked.meter.id)).into_iter().flatten();
        let unknown = months.filter(|(_, missed)| *missed >= asked.closing).map(|(month, _)| *month);
        match asked.is_level() {
            true => unknown.min().filter(|first| *first <= asked.month),
            false => unknown.into_iter().find(|month| *month == asked.month),
        }
    }
}

/// The first day of anything of a tenant that missed a closing: from the one, included, to the other, excluded.
pub(crate) fn first_late(tx: &mut dyn Tx, tenant: AccountId, closings: (Month, Month)) -> Result<Option<Day>, Error> {
    Ok(rows::first_late(tx, tenant, closings)?)
}

/// Which figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The meter.
    pub meter: &'a Meter,
    /// A key of the meter; empty for all.
    pub key: &'a str,
    /// The month.
    pub month: Month,
    /// Its last day that has begun.
    pub until: Day,
    /// What missed the closing of this month is left out.
    pub closing: Month,
}

/// What the days of a month come to: a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    /// The sum of what counts.
    pub sum: i128,
    /// By how much it is divided: the days of the month where levels are averaged, and 1 otherwise.
    pub divisor: i64,
}

impl Asked<'_> {
    /// What the days come to in the month.
    pub(crate) fn quantity(&self, days: &[(Day, i128)]) -> Quantity {
        let sum = days.iter().map(|(_, figure)| figure).sum();
        match (self.meter.aggregation, self.meter.level_rule) {
            (Aggregation::Level, LevelRule::Average) => Quantity { sum, divisor: self.month.days() },
            (Aggregation::Level, LevelRule::Last) => {
                let last = days.last().filter(|(day, _)| *day == self.until);
                Quantity { sum: last.map_or(0, |(_, level)| *level), divisor: 1 }
            }
            (Aggregation::Sum | Aggregation::Distinct | Aggregation::SeatDays, _) => Quantity { sum, divisor: 1 },
        }
    }

    fn is_level(&self) -> bool {
        self.meter.aggregation == Aggregation::Level
    }
}

/// The figure of each day of the month on which there is one, in order, of each account that has any.
pub(crate) fn days(
    tx: &mut dyn Tx,
    asked: &Asked<'_>,
    accounts: &[AccountId],
) -> Result<HashMap<AccountId, Vec<(Day, i128)>>, Error> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let tenant = asked.meter.tenant;
    // Records go on coming while this reads. What is late is looked up behind the figures, so that it tells of all that is
    // in them, and once more behind a count, which it must still be right for.
    let mut figures = kept_days(tx, asked, &ids)?;
    let late = Late::load(tx, tenant, &ids, asked.closing)?;
    for account in accounts {
        let mut from = late.to_count_from(*account, asked);
        while let Some(first) = from {
            figures.insert(*account, counted_days(tx, asked, *account, first)?);
            let still = Late::load(tx, tenant, &[account.0], asked.closing)?.to_count_from(*account, asked);
            from = still.filter(|still| *still != first);
        }
    }
    figures.retain(|_, days| !days.is_empty());
    Ok(figures)
}

/// What an account rose to before a month, and by how much on which day of it.
type Rises = (i128, BTreeMap<Day, i128>);

/// Of figures that are kept.
fn kept_days(
    tx: &mut dyn Tx,
    asked: &Asked<'_>,
    accounts: &[Uuid],
) -> Result<HashMap<AccountId, Vec<(Day, i128)>>, Error> {
    let of = (asked.meter.id, asked.key);
    let mut rises: HashMap<AccountId, Rises> = HashMap::new();
    let first = match asked.is_level() {
        true => usage::first_month(tx, asked.meter.id, asked.key)?.map_or(asked.month, Month::from_number),
        false => asked.month,
    };
    let mut used: HashSet<Uuid> = HashSet::new();
    for (account, month, value) in rows::months(tx, of, (first, asked.month), accounts)? {
        // Whoever has a level may have had others in the month that come to nothing altogether.
        used.insert(account.0);
        if month != asked.month.number() {
            rises.entry(account).or_default().0 += i128::from(value);
        }
    }
    let used: Vec<Uuid> = accounts.iter().copied().filter(|id| used.contains(id)).collect();
    for (account, day, value) in rows::days(tx, of, (asked.month.first(), asked.until), &used)? {
        *rises.entry(account).or_default().1.entry(Day::from_number(day)).or_default() += i128::from(value);
    }
    Ok(rises.into_iter().map(|(account, rises)| (account, figures(asked, rises))).collect())
}

/// Counted from records that did not miss the closing; `from` is the first month that figures do not tell of.
fn counted_days(
    tx: &mut dyn Tx,
    asked: &Asked<'_>,
    account: AccountId,
    from: Month,
) -> Result<Vec<(Day, i128)>, Error> {
    let mut count = Count { asked, account, rises: BTreeMap::new(), seen: HashMap::new(), series: HashMap::new() };
    let span = (from.first(), asked.until);
    rows::facts(tx, (account, asked.meter.id), span, asked.closing, &mut |fact| count.take(&fact))?;
    let Count { mut rises, seen, series, .. } = count;
    for day in seen.into_values() {
        *rises.entry(day).or_default() += 1;
    }
    let mut before: i128 = 0;
    if asked.is_level() {
        let first = usage::first_month(tx, asked.meter.id, asked.key)?.map_or(from, Month::from_number);
        let risen = rows::months(tx, (asked.meter.id, asked.key), (first, from.before()), &[account.0])?;
        before = risen.into_iter().map(|(_, _, value)| i128::from(value)).sum();
    }
    for (digest, reports) in series {
        // All reports before the first unknown month were known.
        let mut level = i128::from(rows::level_before(tx, asked.meter.id, &digest, from.first())?);
        for (day, (_, value)) in reports {
            *rises.entry(day).or_default() += i128::from(value) - level;
            level = i128::from(value);
        }
    }
    let own = rises.split_off(&asked.month.first());
    Ok(figures(asked, (before + rises.into_values().sum::<i128>(), own)))
}

/// From rises to what was on each day; days of 0 are left out.
fn figures(asked: &Asked<'_>, (before, rises): Rises) -> Vec<(Day, i128)> {
    if !asked.is_level() {
        return rises.into_iter().filter(|(_, figure)| *figure != 0).collect();
    }
    let mut level = before;
    let days = (asked.month.first().number()..=asked.until.number()).map(Day::from_number);
    let levels = days.map(|day| {
        level += rises.get(&day).copied().unwrap_or(0);
        (day, level)
    });
    levels.filter(|(_, level)| *level != 0).collect()
}

/// When a report was made and came, and what it says.
type Report = ((crate::clock::Timestamp, Uuid), i64);

/// Records while they are being counted.
struct Count<'a> {
    asked: &'a Asked<'a>,
    account: AccountId,
    rises: BTreeMap<Day, i128>,
    /// When a subject was first seen.
    seen: HashMap<Vec<u8>, Day>,
    /// The last report of each day.
    series: HashMap<Vec<u8>, BTreeMap<Day, Report>>,
}

impl Count<'_> {
    fn take(&mut self, fact: &Fact) {
        if !self.has_key(fact) {
            return;
        }
        let digest = || digest(self.account, fact.license, &fact.subject, self.asked.key);
        match self.asked.meter.aggregation {
            Aggregation::SeatDays => {}
            Aggregation::Sum => *self.rises.entry(fact.day).or_default() += i128::from(fact.value),
            Aggregation::Distinct => {
                let first = self.seen.entry(digest()).or_insert(fact.day);
                *first = (*first).min(fact.day);
            }
            Aggregation::Level => {
                let report = ((fact.at, fact.id), fact.value);
                let last = self.series.entry(digest()).or_default().entry(fact.day).or_insert(report);
                *last = (*last).max(report);
            }
        }
    }

    fn has_key(&self, fact: &Fact) -> bool {
        if self.asked.key.is_empty() {
            return true;
        }
        let attributes: Map<String, Value> =
            fact.attributes.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let attribute = self.asked.meter.key_attribute.as_ref().and_then(|name| attributes.get(name));
        keys(attribute).is_some_and(|keys| keys.iter().any(|key| key == self.asked.key))
    }
}
