//! Counts everything again from the records and compares it with what is kept.

use super::day::{Day, Month};
use super::meter::{Aggregation, Meter};
use super::record::keys;
use super::rollup::{Cell, Rollup, digest};
use super::rows;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{AccountId, LicenseId, MeterId};
use lessor_db::{FromRow, Row, StoreError, Tx};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// What of a fact makes figures.
struct Told {
    account: AccountId,
    license: Option<LicenseId>,
    subject: String,
    at: Timestamp,
    day: Day,
    value: i64,
    attributes: Option<String>,
}

impl FromRow for Told {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            account: row.get(0)?,
            license: row.get(1)?,
            subject: row.get(2)?,
            at: row.get(3)?,
            day: Day::from_number(row.get(4)?),
            value: row.get(5)?,
            attributes: row.get(6)?,
        })
    }
}

/// What a meter's records come to in a month.
#[derive(Default)]
struct Count {
    figures: Rollup,
    subjects: HashMap<Vec<u8>, (i64, Cell)>,
    levels: BTreeMap<(Vec<u8>, i64), (Timestamp, i64)>,
    series: HashMap<Vec<u8>, Cell>,
}

/// What is wrong with the figures of all meters, a sentence each.
pub(crate) fn verify(tx: &mut dyn Tx) -> Result<Vec<String>, Error> {
    let mut flaws = Vec::new();
    let mut after = MeterId(Uuid::nil());
    loop {
        let meters = rows::every_meter(tx, after)?;
        let Some(last) = meters.last() else { return Ok(flaws) };
        after = last.id;
        for meter in &meters {
            let wrong = wrong(tx, meter)?;
            if wrong > 0 {
                flaws.push(format!("{wrong} figures of the meter {} differ from its records", meter.name));
            }
        }
    }
}

/// How many figures of a meter differ from its records.
fn wrong(tx: &mut dyn Tx, meter: &Meter) -> Result<usize, Error> {
    let (Some(first), Some(last)): (Option<i64>, Option<i64>) = tx.one(rows::BOUNDS, &[meter.id.into()])? else {
        return Ok(0);
    };
    let mut carried: HashMap<Vec<u8>, i64> = HashMap::new();
    let (first, last) = (Day::from_number(first).month(), Day::from_number(last).month());
    let mut wrong = 0;
    for month in first.number()..=last.number() {
        let month = Month::from_number(month);
        let count = count(tx, meter, month, &mut carried)?;
        wrong += differing(tx, meter, month, count)?;
    }
    Ok(wrong)
}

fn count(tx: &mut dyn Tx, meter: &Meter, month: Month, carried: &mut HashMap<Vec<u8>, i64>) -> Result<Count, Error> {
    let mut count = Count::default();
    let mut failed = None;
    let params = [meter.id.into(), month.first().number().into(), month.last().number().into()];
    tx.query(rows::ALL_FACTS, &params, &mut |row| {
        if let Err(error) = count.take(meter, &Told::from_row(row)?) {
            failed = Some(error);
        }
        Ok(failed.is_none())
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    for (day, cell) in count.subjects.values() {
        count.figures.add(cell, Day::from_number(*day), 1, false)?;
    }
    for ((series, day), (_, value)) in &count.levels {
        let before = carried.insert(series.clone(), *value).unwrap_or(0);
        count.figures.add(&count.series[series], Day::from_number(*day), *value - before, true)?;
    }
    Ok(count)
}

impl Count {
    fn take(&mut self, meter: &Meter, told: &Told) -> Result<(), Error> {
        let attributes: Map<String, Value> =
            told.attributes.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let keys = meter.key_attribute.as_ref().and_then(|name| keys(attributes.get(name))).unwrap_or_default();
        for name in std::iter::once(String::new()).chain(keys) {
            let cell = Cell { meter: meter.id, name, period: 0, account: told.account, license: told.license };
            let digest = || digest(told.account, told.license, &told.subject, &cell.name);
            match meter.aggregation {
                Aggregation::SeatDays => {}
                Aggregation::Sum => self.figures.add(&cell, told.day, told.value, false)?,
                Aggregation::Distinct => {
                    let day = told.day.number();
                    let first = self.subjects.entry(digest()).or_insert((day, cell));
                    first.0 = first.0.min(day);
                }
                Aggregation::Level => {
                    let digest = digest();
                    let key = (digest.clone(), told.day.number());
                    let report = self.levels.entry(key).or_insert((told.at, told.value));
                    if told.at >= report.0 {
                        *report = (told.at, told.value);
                    }
                    self.series.insert(digest, cell);
                }
            }
        }
        Ok(())
    }
}

/// How much of what is kept of a month differs from what was counted.
fn differing(tx: &mut dyn Tx, meter: &Meter, month: Month, count: Count) -> Result<usize, Error> {
    let cell = |name: String, period: i64, account: AccountId, license: LicenseId| Cell {
        meter: meter.id,
        name,
        period,
        account,
        license: Some(license).filter(|id| !id.0.is_nil()),
    };
    let days = [meter.id.into(), month.first().number().into(), month.last().number().into()];
    let of_month = [meter.id.into(), month.number().into()];
    let kept: Vec<(i64, AccountId, LicenseId, String, i64)> = tx.all(rows::ALL_DAYS, &days)?;
    let kept = kept.into_iter().map(|(day, account, license, name, value)| (cell(name, day, account, license), value));
    let counted = count.figures.days.into_iter().filter(|(_, value)| *value != 0);
    let mut wrong = differences(counted.collect(), kept.collect());

    let kept: Vec<(AccountId, LicenseId, String, i64, i64)> = tx.all(rows::ALL_MONTHS, &of_month)?;
    let kept = kept.into_iter().map(|(account, license, name, value, weighted)| {
        (cell(name, month.number(), account, license), (value, weighted))
    });
    let counted = count.figures.months.into_iter().filter(|(_, values)| *values != (0, 0));
    wrong += differences(counted.collect(), kept.collect());

    let kept: Vec<(Vec<u8>, i64)> = tx.all(rows::ALL_SUBJECTS, &of_month)?;
    let counted = count.subjects.into_iter().map(|(digest, (day, _))| (digest, day));
    wrong += differences(counted.collect(), kept.into_iter().collect());

    let kept: Vec<(Vec<u8>, i64, Timestamp, i64)> = tx.all(rows::ALL_LEVELS, &days)?;
    let kept = kept.into_iter().map(|(digest, day, at, value)| ((digest, day), (at, value)));
    wrong += differences(count.levels.into_iter().collect(), kept.collect());
    Ok(wrong)
}

fn differences<K: Eq + std::hash::Hash, V: PartialEq>(counted: HashMap<K, V>, kept: HashMap<K, V>) -> usize {
    let missing = counted.iter().filter(|(key, value)| kept.get(key) != Some(value)).count();
    missing + kept.keys().filter(|key| !counted.contains_key(key)).count()
}
