//! Figures by day and month, as records change them: gathered for a whole batch, then written in one order, so that two
//! batches at once wait for one another instead of stopping each other.

use super::day::Day;
use super::record::Fact;
use super::rows::intake;
use crate::error::{Error, Refusal};
use crate::id::{AccountId, LicenseId, MeterId};
use lessor_db::Tx;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// No figure leaves this range.
pub(super) const MOST: i64 = 4_000_000_000_000_000_000;

/// What a figure is of: a meter, a key, a day or month, an account, a license.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cell {
    pub(super) meter: MeterId,
    /// A value of the meter's key attribute; empty for the figure of all.
    pub(super) name: String,
    /// A day or a month.
    pub(super) period: i64,
    pub(super) account: AccountId,
    pub(super) license: Option<LicenseId>,
}

/// A subject in a month.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sight {
    pub(super) meter: MeterId,
    pub(super) month: i64,
    pub(super) digest: Vec<u8>,
}

/// What a batch changes about figures.
#[derive(Debug, Default)]
pub(super) struct Rollup {
    pub(super) days: BTreeMap<Cell, i64>,
    pub(super) months: BTreeMap<Cell, (i64, i64)>,
}

impl Rollup {
    /// Adds to the figure of a day and of its month. A rise of a level counts on every day of the month that is left.
    ///
    /// # Errors
    /// `OutOfRange` where a figure grows beyond what can be kept.
    pub(super) fn add(&mut self, cell: &Cell, day: Day, value: i64, level: bool) -> Result<(), Error> {
        if value == 0 {
            return Ok(());
        }
        let too_much = || Error::from(Refusal::OutOfRange { field: "value", min: -MOST, max: MOST });
        let within = |sum: Option<i64>| sum.filter(|sum| (-MOST..=MOST).contains(sum)).ok_or_else(too_much);
        let figure = self.days.entry(Cell { period: day.number(), ..cell.clone() }).or_default();
        *figure = within(figure.checked_add(value))?;
        let weight = if level { day.through(day.month().last()) } else { 0 };
        let month = self.months.entry(Cell { period: day.month().number(), ..cell.clone() }).or_default();
        month.0 = within(month.0.checked_add(value))?;
        month.1 = within(value.checked_mul(weight).and_then(|rise| month.1.checked_add(rise)))?;
        Ok(())
    }

    /// Writes what changed.
    ///
    /// # Errors
    /// `OutOfRange` where a figure grows beyond what can be kept.
    pub(super) fn write(self, tx: &mut dyn Tx) -> Result<(), Error> {
        let days: Vec<_> = self.days.into_iter().filter(|(_, value)| *value != 0).collect();
        let months: Vec<_> = self.months.into_iter().filter(|(_, values)| *values != (0, 0)).collect();
        if intake::add_days(tx, &days)? && intake::add_months(tx, &months)? {
            return Ok(());
        }
        Err(Refusal::OutOfRange { field: "value", min: -MOST, max: MOST }.into())
    }
}

/// What tells a series of reports apart: account and license first, so that what belongs together lies together.
pub(super) fn digest(account: AccountId, license: Option<LicenseId>, subject: &str, name: &str) -> Vec<u8> {
    let head = Sha256::digest(account.0.as_bytes());
    let mut whole = Sha256::new();
    whole.update(account.0.as_bytes());
    whole.update(license.map_or([0; 16], |license| *license.0.as_bytes()));
    whole.update((subject.len() as u64).to_be_bytes());
    whole.update(subject.as_bytes());
    whole.update(name.as_bytes());
    [&head[..8], &whole.finalize()[..16]].concat()
}

/// Adds values up.
pub(super) fn sum(rollup: &mut Rollup, facts: &[&Fact<'_>]) -> Result<(), Error> {
    for fact in facts {
        for cell in fact.cells() {
            rollup.add(&cell, fact.day, fact.told.value, false)?;
        }
    }
    Ok(())
}

/// Counts subjects on the first day of the month that they were seen on.
pub(super) fn distinct(tx: &mut dyn Tx, rollup: &mut Rollup, facts: &[&Fact<'_>]) -> Result<(), Error> {
    let mut sights: BTreeMap<Sight, i64> = BTreeMap::new();
    let mut cells: BTreeMap<Sight, Cell> = BTreeMap::new();
    for fact in facts {
        for cell in fact.cells() {
            let digest = digest(fact.account, fact.license, &fact.told.subject, &cell.name);
            let sight = Sight { meter: fact.meter.id, month: fact.day.month().number(), digest };
            let day = sights.entry(sight.clone()).or_insert(i64::MAX);
            *day = (*day).min(fact.day.number());
            cells.entry(sight).or_insert(cell);
        }
    }
    let new = intake::see(tx, &sights)?;
    let mut known: BTreeMap<(MeterId, i64), Vec<&Vec<u8>>> = BTreeMap::new();
    for (sight, day) in &sights {
        if new.contains(sight) {
            rollup.add(&cells[sight], Day::from_number(*day), 1, false)?;
        } else {
            known.entry((sight.meter, sight.month)).or_default().push(&sight.digest);
        }
    }
    for ((meter, month), digests) in known {
        let earliest = digests.iter().map(|digest| sights[&Sight { meter, month, digest: digest.to_vec() }]).min();
        for (digest, before) in intake::seen_after(tx, (meter, month), earliest.unwrap_or(i64::MAX), &digests)? {
            let sight = Sight { meter, month, digest };
            let day = sights[&sight];
            if day < before {
                intake::see_earlier(tx, &sight, day)?;
                rollup.add(&cells[&sight], Day::from_number(before), -1, false)?;
                rollup.add(&cells[&sight], Day::from_number(day), 1, false)?;
            }
        }
    }
    Ok(())
}

/// Takes the last report of each day. The accounts are locked: nobody else changes their levels meanwhile.
pub(super) fn level(tx: &mut dyn Tx, rollup: &mut Rollup, facts: &[&Fact<'_>]) -> Result<(), Error> {
    for fact in facts {
        let digest = digest(fact.account, fact.license, &fact.told.subject, "");
        let (day, at, value) = (fact.day.number(), fact.told.at, fact.told.value);
        let around = intake::levels_around(tx, fact.meter.id, &digest, day)?;
        let find = |which: i64| around.iter().find(|report| report.0 == which);
        let own = find(0);
        if own.is_some_and(|own| own.2 > at) {
            continue;
        }
        intake::put_level(tx, fact.meter.id, &digest, day, (at, value))?;
        let rise = value - own.or(find(-1)).map_or(0, |report| report.3);
        for cell in fact.cells() {
            rollup.add(&cell, fact.day, rise, true)?;
            if let Some(next) = find(1) {
                rollup.add(&cell, Day::from_number(next.1), -rise, true)?;
            }
        }
    }
    Ok(())
}
