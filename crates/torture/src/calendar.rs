//! A server whose clock stands where the harness wants it: a library preloaded into it.

use crate::ground::Ground;
use crate::server::{Launch, Server};
use std::path::PathBuf;

/// The year in which months begin to count.
const YEAR: u64 = 2030;
const SECONDS_OF_DAY: u64 = 86_400;

/// The library, built.
#[derive(Clone, Debug)]
pub struct Calendar(PathBuf);

impl Calendar {
    /// Builds it.
    pub fn build(ground: &mut Ground) -> anyhow::Result<Self> {
        ground.compile("clock", include_str!("c/clock.c"), true).map(Self)
    }

    /// Starts a server whose clock shows a moment.
    pub fn start(&self, launch: &Launch, moment: When) -> anyhow::Result<Server> {
        let mut launch = launch.clone();
        launch.variables.extend([
            ("LD_PRELOAD".to_owned(), self.0.display().to_string()),
            ("TORTURE_CLOCK".to_owned(), moment.seconds().to_string()),
        ]);
        launch.start()
    }
}

/// A moment of the calendar, in UTC.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// Months since the first of all.
    pub month: u64,
    /// From 1 to 28.
    pub day: u64,
    /// Minutes since noon of that day.
    pub minute: u64,
}

impl When {
    fn seconds(self) -> u64 {
        let days = days_before(self.month) + self.day - 1;
        days * SECONDS_OF_DAY + SECONDS_OF_DAY / 2 + self.minute * 60
    }
}

/// A month as it is written: `YYYY-MM`.
pub fn written(month: u64) -> String {
    format!("{}-{:02}", YEAR + month / 12, month % 12 + 1)
}

/// Days from 1970 to the first of a month.
fn days_before(month: u64) -> u64 {
    let days_of = |year: u64, month: u64| match month {
        1 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    let months = (1970..YEAR + month / 12).flat_map(|year| (0..12).map(move |month| (year, month)));
    let running = (0..month % 12).map(|of_year| (YEAR + month / 12, of_year));
    months.chain(running).map(|(year, month)| days_of(year, month)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_where_the_calendar_says() {
        assert_eq!((written(0), written(13)), ("2030-01".into(), "2031-02".into()));
        // 2030-01-01 and 2032-03-01, behind a 29 February.
        assert_eq!((days_before(0), days_before(26)), (21_915, 22_705));
        assert_eq!(When { month: 0, day: 2, minute: 1 }.seconds(), 21_916 * 86_400 + 43_260);
    }
}
