//! The records of a run: each is made from its number alone, so that all who tell it tell the same, and what they come to can
//! be counted from their numbers.

use lessor_testkit::random::Random;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Accounts that something is used by.
pub const ACCOUNTS: usize = 8;
/// Days on which something is used, from the first.
pub const DAYS: usize = 30;
/// The first of them. A 29 February and the end of a month are among them.
pub const FIRST_DAY: &str = "2024-02-10";
/// The last of them.
pub const LAST_DAY: &str = "2024-03-10";
/// How many of them lie in February.
const IN_FEBRUARY: usize = 20;
/// What is used or uses, by account.
const SUBJECTS: u64 = 40;
/// Keys of the meter that counts subjects.
const KEYS: u64 = 3;
/// Of so many records one is not fit to be counted.
const WRONG: u64 = 53;
const MILLISECONDS_OF_DAY: u64 = 86_400_000;
/// Prime to the milliseconds of a day: no two records of a run are of the same time of day.
const STEP: u64 = 7_654_321;

/// A meter of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meter {
    /// Adds values up.
    Sum,
    /// Counts subjects once a month.
    Distinct,
    /// Takes the last report of a day.
    Level,
}

impl Meter {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sum, Self::Distinct, Self::Level];

    /// Its name, which is the word of its aggregation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Distinct => "distinct",
            Self::Level => "level",
        }
    }

    /// What makes it.
    pub fn body(self) -> Value {
        let mut body = json!({"name": self.name(), "aggregation": self.name(), "unit": "things"});
        if self == Self::Distinct {
            body["key_attribute"] = json!("keys");
        }
        body
    }
}

/// Figures that are looked at: of a meter, and with a key or of all.
pub const VIEWS: [(Meter, Option<&str>); 5] = [
    (Meter::Sum, None),
    (Meter::Distinct, None),
    (Meter::Distinct, Some("key-0")),
    (Meter::Distinct, Some("key-2")),
    (Meter::Level, None),
];

/// A record.
#[derive(Clone, Debug)]
pub struct Told {
    number: u64,
    /// Of which meter.
    pub meter: Meter,
    /// Whose use, by number.
    pub account: usize,
    /// On which day, from the first.
    pub day: usize,
    millisecond: u64,
    subject: u64,
    value: i64,
    keys: Vec<String>,
    /// Is it one that cannot be counted?
    pub wrong: bool,
}

impl Told {
    /// The record of a number.
    pub fn of(number: u64) -> Self {
        let mut random = Random::new(number);
        let meter = Meter::ALL[random.below(3) as usize];
        let wrong = random.below(WRONG) == 0;
        let value = match (meter, wrong) {
            (_, true) => -1,
            (Meter::Distinct, _) => 1,
            _ => random.below(1_000) as i64,
        };
        let keys: BTreeSet<u64> = (0..random.below(3)).map(|_| random.below(KEYS)).collect();
        Self {
            number,
            meter,
            account: random.below(ACCOUNTS as u64) as usize,
            day: random.below(DAYS as u64) as usize,
            millisecond: number * STEP % MILLISECONDS_OF_DAY,
            subject: random.below(SUBJECTS),
            value,
            keys: keys.into_iter().filter(|_| meter == Meter::Distinct).map(|key| format!("key-{key}")).collect(),
            wrong,
        }
    }

    /// As it is sent.
    pub fn body(&self, accounts: &[String]) -> Value {
        let (seconds, rest) = (self.millisecond / 1_000, self.millisecond % 1_000);
        let time = format!("{:02}:{:02}:{:02}.{rest:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let mut body = json!({
            "id": self.id(), "source": "torture", "time": format!("{}T{time}Z", day(self.day)),
            "account": accounts[self.account], "meter": self.meter.name(), "subject": format!("subject-{}", self.subject),
            "value": self.value,
        });
        if !self.keys.is_empty() {
            body["attributes"] = json!({"keys": self.keys});
        }
        body
    }

    /// What its teller calls it.
    pub fn id(&self) -> String {
        format!("n-{}", self.number)
    }

    fn month(&self) -> usize {
        usize::from(self.day >= IN_FEBRUARY)
    }
}

/// A day of the run by its number.
pub fn day(number: usize) -> String {
    match number.checked_sub(IN_FEBRUARY) {
        None => format!("2024-02-{:02}", number + 10),
        Some(number) => format!("2024-03-{:02}", number + 1),
    }
}

/// Figures by account and day.
pub type Figures = HashMap<(usize, usize), i64>;

/// What records come to, each counted once, in one of [`VIEWS`].
pub fn figures(told: &HashSet<u64>, (meter, key): (Meter, Option<&str>)) -> Figures {
    let records = told.iter().map(|number| Told::of(*number)).filter(|one| one.meter == meter && !one.wrong);
    let records = records.filter(|one| key.is_none_or(|key| one.keys.iter().any(|own| own == key)));
    let mut figures = Figures::new();
    match meter {
        Meter::Sum => records.for_each(|one| *figures.entry((one.account, one.day)).or_default() += one.value),
        Meter::Distinct => {
            let mut first: HashMap<(usize, usize, u64), usize> = HashMap::new();
            for one in records {
                let day = first.entry((one.account, one.month(), one.subject)).or_insert(one.day);
                *day = (*day).min(one.day);
            }
            first.into_iter().for_each(|((account, _, _), day)| *figures.entry((account, day)).or_default() += 1);
        }
        Meter::Level => {
            let mut last: HashMap<(usize, u64), BTreeMap<usize, (u64, i64)>> = HashMap::new();
            for one in records {
                let report = last.entry((one.account, one.subject)).or_default().entry(one.day).or_default();
                *report = (*report).max((one.millisecond, one.value));
            }
            for ((account, _), reports) in last {
                let mut level = 0;
                for day in 0..DAYS {
                    level = reports.get(&day).map_or(level, |(_, value)| *value);
                    *figures.entry((account, day)).or_default() += level;
                }
            }
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_one_another_through_a_leap_february() {
        assert_eq!((day(0), day(19), day(20)), (FIRST_DAY.into(), "2024-02-29".into(), "2024-03-01".into()));
        assert_eq!(day(DAYS - 1), LAST_DAY);
    }

    #[test]
    fn the_records_of_a_run_are_of_every_kind_and_of_times_of_their_own() {
        let records: Vec<Told> = (0..10_000).map(Told::of).collect();
        let times: HashSet<u64> = records.iter().map(|one| one.millisecond).collect();
        assert_eq!(times.len(), records.len());
        for meter in Meter::ALL {
            assert!(records.iter().any(|one| one.meter == meter && one.wrong));
            assert!(records.iter().any(|one| one.meter == meter && !one.wrong));
        }
    }

    #[test]
    fn a_figure_misses_what_was_not_told() {
        let all: HashSet<u64> = (0..3_000).collect();
        let few: HashSet<u64> = (0..500).collect();
        for view in VIEWS {
            let (all, few) = (figures(&all, view), figures(&few, view));
            assert!(all.values().sum::<i64>() > few.values().sum::<i64>(), "{view:?}");
        }
    }
}
