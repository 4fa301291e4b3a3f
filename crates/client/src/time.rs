//! What time it is, as far as a device can know. Pure rules.

use serde::{Deserialize, Serialize};

use crate::state::SetBack;

/// Differences up to this many seconds between device and server are nobody's fault and not corrected.
const SMALL_SKEW: i64 = 120;
/// A clock may fall back this many seconds (it is being adjusted) before it counts as set back.
const SET_BACK: i64 = 300;

/// What is remembered of time between runs. Unix seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSeen {
    /// What to add to the device's clock.
    pub correction: i64,
    /// The latest corrected time ever seen.
    pub latest: i64,
}

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now {
    /// The time, never before any that was seen.
    Steady(i64),
    /// The clock shows less than was seen before, by this many seconds.
    SetBack(i64),
}

impl TimeSeen {
    /// Reads the device's clock in the light of what was seen.
    pub fn now(&self, clock: i64) -> Now {
        let corrected = clock.saturating_add(self.correction);
        let behind = self.latest.saturating_sub(corrected);
        if behind > SET_BACK { Now::SetBack(behind) } else { Now::Steady(corrected.max(self.latest)) }
    }

    /// As [`TimeSeen::now`], but of a clock set back the latest time seen: time has passed since, if anything.
    pub fn at_least(&self, clock: i64) -> i64 {
        match self.now(clock) {
            Now::Steady(now) => now,
            Now::SetBack(_) => self.latest,
        }
    }

    /// Takes the server's word for the time, from a lease that it signed just now. This also mends a clock that was set
    /// back, since nothing later than the server's time can have been.
    pub fn learn_now(&mut self, clock: i64, issued_at: i64) {
        self.correct(clock, issued_at);
        self.latest = issued_at.max(clock.saturating_add(self.correction));
    }

    /// Takes from a lease, signed at some time before, that it is not earlier than that.
    pub fn learn_not_before(&mut self, clock: i64, issued_at: i64) {
        if clock.saturating_add(self.correction) < issued_at {
            self.correct(clock, issued_at);
        }
        self.latest = self.latest.max(issued_at);
    }

    fn correct(&mut self, clock: i64, server: i64) {
        let skew = server.saturating_sub(clock);
        self.correction = if skew.saturating_abs() > SMALL_SKEW { skew } else { 0 };
    }
}

/// A clock that was set back, as it is reported.
pub fn set_back(time: &TimeSeen, clock: i64) -> Option<SetBack> {
    match time.now(clock) {
        Now::Steady(_) => None,
        Now::SetBack(by) => Some(SetBack { seen: time.latest, now: time.latest.saturating_sub(by) }),
    }
}

/// Unix seconds as RFC 3339 text in UTC. The calendar counts years from March, so that leap days come last.
pub fn rfc3339(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}Z", era * 400 + year + carry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_801_180_799, "2027-01-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn a_clock_that_goes_on_is_steady() {
        let seen = TimeSeen { correction: 0, latest: 1_000 };
        assert_eq!(seen.now(1_001), Now::Steady(1_001));
    }

    #[test]
    fn a_small_step_back_stands_still_and_a_large_one_is_noticed() {
        let seen = TimeSeen { correction: 0, latest: 1_000 };
        assert_eq!(seen.now(700), Now::Steady(1_000));
        assert_eq!(seen.now(699), Now::SetBack(301));
        assert_eq!(seen.at_least(0), 1_000);
    }

    #[test]
    fn the_servers_time_moves_with_the_device() {
        let mut seen = TimeSeen::default();
        seen.learn_now(1_000, 9_000);
        assert_eq!(seen.now(1_010), Now::Steady(9_010));
        let mut seen = TimeSeen::default();
        seen.learn_now(9_000, 1_000);
        assert_eq!(seen.now(9_010), Now::Steady(1_010));
    }

    #[test]
    fn small_differences_are_left_alone() {
        let mut seen = TimeSeen::default();
        seen.learn_now(1_000, 1_120);
        assert_eq!(seen.correction, 0);
        assert_eq!(seen.now(1_000), Now::Steady(1_120), "a lease just issued counts at once");
        seen.learn_now(1_000, 880);
        assert_eq!(seen.now(1_000), Now::Steady(1_000));
    }

    #[test]
    fn only_a_fresh_answer_mends_a_clock_set_back() {
        let mut seen = TimeSeen { correction: 0, latest: 1_000_000 };
        seen.learn_not_before(500_000, 499_000);
        assert_eq!(seen.now(500_000), Now::SetBack(500_000));
        seen.learn_now(500_000, 500_001);
        assert_eq!(seen.now(500_002), Now::Steady(500_002));
    }

    #[test]
    fn an_older_lease_only_moves_time_forward() {
        let mut seen = TimeSeen::default();
        seen.learn_not_before(1_000, 9_000);
        assert_eq!(seen.now(1_010), Now::Steady(9_010));
        let before = seen;
        seen.learn_not_before(2_000, 9_000);
        assert_eq!(seen, before);
    }

    #[test]
    fn extreme_clocks_do_not_overflow() {
        let mut seen = TimeSeen { correction: i64::MAX, latest: i64::MIN };
        assert_eq!(seen.now(i64::MAX), Now::Steady(i64::MAX));
        seen.learn_now(i64::MIN, i64::MAX);
        seen.learn_not_before(i64::MAX, i64::MIN);
        seen.now(i64::MIN);
    }
}
