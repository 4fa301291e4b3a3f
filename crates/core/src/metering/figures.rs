//! From what is kept by day and month to the figures of a report: every period is there, those without use too.

use super::day::{Day, Month};
use super::rows::Entry;
use crate::error::{Error, Refusal};
use std::collections::HashMap;

/// Most days of a report.
const MOST_DAYS: i64 = 3_660;
/// Most days of one that shows each.
const MOST_SHOWN: i64 = 400;

/// A stretch of days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its first day.
    pub from: Day,
    /// Its last day.
    pub until: Day,
}

/// What a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A day.
    Day,
    /// A month, or what of it lies in the range.
    Month,
    /// The whole range.
    Range,
}

/// What was used in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The first day of the period.
    pub from: Day,
    /// Its last day.
    pub until: Day,
    /// How many of its days have begun.
    pub days: i64,
    /// Sums, counts and seat days of these days; of levels their sum, which by `days` is the average.
    pub sum: i64,
    /// Of levels, the level on the last of these days; 0 otherwise.
    pub last: i64,
}

impl Range {
    /// A stretch of days that a report can be of.
    ///
    /// # Errors
    /// `Malformed` for one that ends before it begins, or is longer than 10 years (400 days where each is shown).
    pub fn new(from: Day, until: Day, per: Per) -> Result<Self, Error> {
        let (most, told) = match per {
            Per::Day => (MOST_SHOWN, "a report by day has at most 400 days"),
            Per::Month | Per::Range => (MOST_DAYS, "a report has at most 3660 days"),
        };
        match from.through(until) {
            0 => Err(Error::malformed("until", "it must not lie before `from`")),
            days if days > most => Err(Error::malformed("until", told)),
            _ => Ok(Self { from, until }),
        }
    }

    /// The periods of the range, in order.
    pub(super) fn periods(self, per: Per) -> Vec<Range> {
        let mut periods = Vec::new();
        let mut from = self.from;
        while from <= self.until {
            let end = match per {
                Per::Day => from,
                Per::Month => from.month().last(),
                Per::Range => self.until,
            };
            let until = end.min(self.until);
            periods.push(Range { from, until });
            from = until.plus(1);
        }
        periods
    }

    /// The range in pieces, in order: whole months where figures of months will do, days otherwise. The average of a month
    /// of levels that has not passed leaves out what is to come.
    pub(super) fn pieces(self, per: Per, passed: Day, level: bool) -> Vec<Piece> {
        if per == Per::Day {
            return vec![Piece::Days(self)];
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for part in self.periods(Per::Month) {
            let month = part.from.month();
            let whole = part.from == month.first() && part.until == month.last() && (!level || part.until <= passed);
            match (pieces.last_mut(), whole) {
                (Some(Piece::Months(_, last)), true) => *last = month,
                (_, true) => pieces.push(Piece::Months(month, month)),
                (_, false) => pieces.push(Piece::Days(part)),
            }
        }
        pieces
    }
}

/// A part of a range that is read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Days(Range),
    /// From a month to another, both included.
    Months(Month, Month),
}

/// What was read for one row of a report.
#[derive(Clone, Debug, Default)]
pub(super) struct Fold {
    /// The level before the range.
    opening: i128,
    days: HashMap<i64, i128>,
    months: HashMap<i64, (i128, i128)>,
}

/// What a figure that was read is of.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// A day of the range.
    Day,
    /// A month of the range.
    Month,
    /// The time before the range.
    Before,
}

impl Fold {
    /// Takes a figure in.
    pub(super) fn take(&mut self, what: What, entry: &Entry) {
        let value = i128::from(entry.value);
        match what {
            What::Day => *self.days.entry(entry.period).or_default() += value,
            What::Month => {
                let month = self.months.entry(entry.period).or_default();
                month.0 += value;
                month.1 += i128::from(entry.weighted);
            }
            What::Before => self.opening += value,
        }
    }

    /// Adds what was read for another row.
    pub(super) fn add(&mut self, other: &Fold) {
        self.opening += other.opening;
        for (day, value) in &other.days {
            *self.days.entry(*day).or_default() += value;
        }
        for (month, (value, weighted)) in &other.months {
            let own = self.months.entry(*month).or_default();
            own.0 += value;
            own.1 += weighted;
        }
    }

    /// The figures of all periods, and the one of the whole range.
    ///
    /// # Errors
    /// `OutOfRange` for figures that are no 64-bit numbers.
    pub(super) fn figures(
        &self,
        range: Range,
        per: Per,
        pieces: &[Piece],
        passed: Day,
        level: bool,
    ) -> Result<(Vec<Figure>, Figure), Error> {
        let mut walk = Walk { fold: self, level: self.opening, levels: level, passed, steps: Vec::new() };
        for piece in pieces {
            match piece {
                Piece::Days(days) => (days.from.number()..=days.until.number()).for_each(|day| walk.day(day)),
                Piece::Months(first, last) => {
                    (first.number()..=last.number()).for_each(|month| walk.month(Month::from_number(month)));
                }
            }
        }
        let mut steps = walk.steps.iter().peekable();
        let mut figures = Vec::new();
        for period in range.periods(per) {
            let mut own = Vec::new();
            while let Some(step) = steps.next_if(|step| step.from <= period.until) {
                own.push(step);
            }
            figures.push(Step::gathered(&own, period)?);
        }
        let all: Vec<&Step> = walk.steps.iter().collect();
        Ok((figures, Step::gathered(&all, range)?))
    }
}

/// What a day or a whole month adds.
struct Step {
    from: Day,
    days: i64,
    sum: i128,
    last: Option<i128>,
}

impl Step {
    fn gathered(steps: &[&Step], period: Range) -> Result<Figure, Error> {
        let too_much = |_| Error::from(Refusal::OutOfRange { field: "value", min: i64::MIN, max: i64::MAX });
        let sum: i128 = steps.iter().map(|step| step.sum).sum();
        let last = steps.iter().rev().find_map(|step| step.last).unwrap_or(0);
        Ok(Figure {
            from: period.from,
            until: period.until,
            days: steps.iter().map(|step| step.days).sum(),
            sum: i64::try_from(sum).map_err(too_much)?,
            last: i64::try_from(last).map_err(too_much)?,
        })
    }
}

struct Walk<'a> {
    fold: &'a Fold,
    level: i128,
    levels: bool,
    passed: Day,
    steps: Vec<Step>,
}

impl Walk<'_> {
    fn day(&mut self, number: i64) {
        let (from, value) = (Day::from_number(number), self.fold.days.get(&number).copied().unwrap_or(0));
        let begun = from <= self.passed;
        self.level += value;
        let (sum, last) = match (self.levels, begun) {
            (false, _) => (value, None),
            (true, true) => (self.level, Some(self.level)),
            (true, false) => (0, None),
        };
        self.steps.push(Step { from, days: i64::from(begun), sum, last });
    }

    fn month(&mut self, month: Month) {
        let (value, weighted) = self.fold.months.get(&month.number()).copied().unwrap_or((0, 0));
        let begun = month.first().through(month.last().min(self.passed));
        let step = if self.levels {
            let sum = self.level * i128::from(month.days()) + weighted;
            self.level += value;
            Step { from: month.first(), days: begun, sum, last: Some(self.level) }
        } else {
            Step { from: month.first(), days: begun, sum: value, last: None }
        };
        self.steps.push(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, until: &str) -> Range {
        Range { from: Day::parse(from).expect("a day"), until: Day::parse(until).expect("a day") }
    }

    #[test]
    fn every_period_is_there_and_months_are_cut_at_the_ends_of_the_range() {
        let months = range("2024-01-30", "2024-03-02").periods(Per::Month);
        assert_eq!(
            months,
            [range("2024-01-30", "2024-01-31"), range("2024-02-01", "2024-02-29"), range("2024-03-01", "2024-03-02")]
        );
        assert_eq!(range("2024-02-01", "2024-03-01").periods(Per::Day).len(), 30);
        assert_eq!(range("2024-01-30", "2024-03-02").periods(Per::Range), [range("2024-01-30", "2024-03-02")]);
    }

    #[test]
    fn whole_months_are_read_as_such_and_running_ones_of_levels_are_not() {
        let all = range("2024-01-30", "2024-04-30");
        let month = |text: &str| Month::parse(text).expect("a month");
        let passed = Day::parse("2024-04-10").expect("a day");
        let head = Piece::Days(range("2024-01-30", "2024-01-31"));
        assert_eq!(all.pieces(Per::Range, passed, false), [head, Piece::Months(month("2024-02"), month("2024-04"))]);
        let tail = Piece::Days(range("2024-04-01", "2024-04-30"));
        assert_eq!(
            all.pieces(Per::Month, passed, true),
            [head, Piece::Months(month("2024-02"), month("2024-03")), tail]
        );
        assert_eq!(all.pieces(Per::Day, passed, true), [Piece::Days(all)]);
    }

    #[test]
    fn a_report_ends_behind_its_beginning_and_is_not_endless() {
        let day = |text: &str| Day::parse(text).expect("a day");
        assert!(Range::new(day("2026-03-02"), day("2026-03-01"), Per::Day).is_err());
        assert!(Range::new(day("2026-03-01"), day("2026-03-01"), Per::Day).is_ok());
        assert!(Range::new(day("2025-01-01"), day("2026-03-01"), Per::Day).is_err());
        assert!(Range::new(day("2025-01-01"), day("2026-03-01"), Per::Month).is_ok());
        assert!(Range::new(day("2005-01-01"), day("2026-03-01"), Per::Range).is_err());
    }
}
