//! Seat days: how many seats of a license counted on each day, read off its segments and the holds that reached its
//! accounts. What is counted is what was ordered, not what was activated.
//!
//! A license counts on a day for the last moment of that day at which nothing stopped it: with the quantity, the product
//! and the account it had then. So what changes during a day counts from that day on, the day of a suspension or a
//! removal still counts, the day of a return counts again, and a day that was stopped from beginning to end counts 0. The end
//! of a term stops like a suspension, and an extension is a return.

mod load;
mod query;
pub(crate) mod rows;
mod stops;

pub(crate) use load::{Branch, Loaded, load, load_accounts};
pub use query::{CUTOFF_MINUTES, Scope, SeatDays, ZONE, report};

use super::day::{Day, DayRule};
use crate::clock::Timestamp;
use crate::id::AccountId;
use crate::license::Segment;

/// A stretch of time: from, included, until, excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// From when, included.
    pub from: Timestamp,
    /// Until when, excluded.
    pub to: Timestamp,
}

/// The end of time, for what lasts.
pub(crate) const FOREVER: i64 = i64::MAX;

impl Interval {
    fn between(from: Timestamp, to: Option<Timestamp>) -> Self {
        Self { from, to: to.unwrap_or(Timestamp::from_micros(FOREVER)) }
    }

    /// When a segment counts, as far as it says so itself: nothing does behind the end of its term.
    fn of(segment: &Segment) -> Self {
        let whole = Self::between(segment.from, segment.to);
        Self { to: segment.ends_at.map_or(whole.to, |end| whole.to.min(end)), ..whole }
    }

    fn within(self, other: Interval) -> Option<Self> {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        (from < to).then_some(Self { from, to })
    }
}

/// The days of a report: from, to, both included, and when each ends.
#[derive(Clone, Debug)]
pub struct Days {
    first: Day,
    /// The beginning of each day, and behind them the end of the last.
    bounds: Vec<Timestamp>,
    /// Nothing counts from here on: it has not happened yet.
    until: Timestamp,
}

impl Days {
    /// The days from `first` to `last`, both counted, as far as they have begun `now`. The running day counts as it stands.
    pub fn new(rule: &DayRule, first: Day, last: Day, now: Timestamp) -> Self {
        let count = first.through(last);
        let bounds = (0..=count).map(|n| rule.start(first.plus(n))).collect();
        Self { first, bounds, until: now.plus_micros(1) }
    }

    /// The n-th day.
    pub fn day(&self, n: usize) -> Day {
        self.first.plus(i64::try_from(n).unwrap_or(i64::MAX))
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of the time they cover.
    pub fn span(&self) -> Interval {
        Interval { from: self.bounds[0], to: self.bounds[self.len()] }
    }

    /// The last instant of the n-th day that has come.
    pub(crate) fn close_of(&self, n: usize) -> Timestamp {
        self.bounds[n + 1].min(self.until).plus_micros(-1)
    }

    /// Which of the days an instant of their span lies in.
    fn place(&self, instant: Timestamp) -> usize {
        self.bounds.partition_point(|bound| *bound <= instant).saturating_sub(1)
    }
}

/// Days in a row on which a license counted with the facts of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which of the segments.
    pub segment: usize,
    /// The first day, counted from 0 within the report.
    pub first: usize,
    /// The last day, counted too.
    pub last: usize,
}

impl Run {
    /// How many days it has.
    pub fn days(self) -> i64 {
        i64::try_from(self.last - self.first + 1).unwrap_or(i64::MAX)
    }
}

/// On which days a license counted, and with which of its segments: runs in the order of time, no day twice.
///
/// `segments` are those of one license in the order of time, as far as they reach into the days. `stops` tells when holds,
/// or its end, stopped an account; in any order, also overlapping.
pub fn count<'a>(days: &Days, segments: &[Segment], stops: impl Fn(AccountId) -> &'a [Interval]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let Some(whole) = days.span().within(Interval { from: days.bounds[0], to: days.until }) else { return runs };
    // The free end of the days: what counts on a day is what came last on it.
    let mut free = days.len();
    for (at, segment) in segments.iter().enumerate().rev().filter(|(_, segment)| !segment.held) {
        let Some(lasted) = Interval::of(segment).within(whole) else { continue };
        for stretch in unstopped(lasted, stops(segment.account)).into_iter().rev() {
            let first = days.place(stretch.from);
            let end = free.min(days.place(stretch.to.plus_micros(-1)) + 1);
            if first >= end {
                continue;
            }
            free = first;
            match runs.last_mut() {
                Some(later) if later.segment == at && later.first == end => later.first = first,
                _ => runs.push(Run { segment: at, first, last: end - 1 }),
            }
        }
    }
    runs.reverse();
    runs
}

/// The segment in force at the end of the last day, unless the license is stopped then.
pub fn in_force<'a>(days: &Days, segments: &[Segment], stops: impl Fn(AccountId) -> &'a [Interval]) -> Option<usize> {
    let close = days.close_of(days.len().checked_sub(1)?);
    if close < days.bounds[0] {
        return None;
    }
    let covers = |interval: &Interval| interval.from <= close && close < interval.to;
    let at = segments.iter().position(|segment| covers(&Interval::of(segment)))?;
    let segment = &segments[at];
    (!segment.held && !stops(segment.account).iter().any(covers)).then_some(at)
}

/// What is left of a stretch between stops, in the order of time.
fn unstopped(stretch: Interval, stops: &[Interval]) -> Vec<Interval> {
    let mut left = vec![stretch];
    for stop in stops {
        left = left
            .into_iter()
            .flat_map(|part| {
                let before = Interval { from: part.from, to: part.to.min(stop.from) };
                let behind = Interval { from: part.from.max(stop.to), to: part.to };
                let cut = stop.from < stop.to && stop.from < part.to && stop.to > part.from;
                let parts = if cut { [Some(before), Some(behind)] } else { [Some(part), None] };
                parts.into_iter().flatten().filter(|part| part.from < part.to)
            })
            .collect();
    }
    left
}

#[cfg(test)]
mod tests;
