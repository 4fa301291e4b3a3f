//! Time as an argument: instants, and the clocks that a server injects.

use lessor_db::{FromColumn, Value, ValueRef};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// An instant in UTC, to the millisecond, kept as microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_HOUR: i64 = 3_600 * MICROS_PER_SECOND;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
/// 9999-12-31T23:59:59.999Z: nothing later can be written in four digits.
const LAST: i64 = 253_402_300_799_999_000;
/// 0001-01-01T00:00:00Z.
const FIRST: i64 = -62_135_596_800_000_000;

impl Timestamp {
    /// An instant from microseconds since 1970, clamped to years 1 to 9999.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(FIRST, LAST))
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// An instant from whole seconds since 1970.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// So many minutes later.
    pub fn plus_minutes(self, minutes: i64) -> Self {
        self.plus_micros(minutes.saturating_mul(60_000_000))
    }

    /// This instant moved by hours of 3600 seconds.
    pub fn plus_hours(self, hours: i64) -> Self {
        Self::from_micros(self.0.saturating_add(hours.saturating_mul(MICROS_PER_HOUR)))
    }

    /// This instant moved by days of 24 hours.
    pub fn plus_days(self, days: i64) -> Self {
        Self::from_micros(self.0.saturating_add(days.saturating_mul(MICROS_PER_DAY)))
    }

    /// This instant moved by microseconds.
    pub fn plus_micros(self, micros: i64) -> Self {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// Reads RFC 3339 with an offset or `Z`. `None` when it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|instant| Self::from_micros(instant.as_microsecond()))
    }

    /// `YYYY-MM-DDTHH:MM:SS[.fff]Z`: at most three digits of a second, trailing zeros cut.
    pub fn to_rfc3339(self) -> String {
        let millis = self.0.div_euclid(1000);
        jiff::Timestamp::from_millisecond(millis).map(|instant| instant.to_string()).unwrap_or_default()
    }

    /// Adds an ISO 8601 duration such as `P1DT2H`; years and months count in UTC.
    pub fn plus_iso8601(self, text: &str) -> Option<Self> {
        let span: jiff::Span = text.parse().ok()?;
        let zoned = jiff::Timestamp::from_microsecond(self.0).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        zoned.checked_add(span).ok().map(|later| Self::from_micros(later.timestamp().as_microsecond()))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl From<Timestamp> for Value {
    fn from(instant: Timestamp) -> Self {
        Value::Int(instant.0)
    }
}

impl FromColumn for Timestamp {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        i64::from_column(value).map(Self)
    }
}

/// Where `now` comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present, never earlier than an answer given before.
    fn now(&self) -> Timestamp;
}

/// The machine's clock at start plus monotonic time since, so that a wall clock that jumps moves no lease.
pub struct SystemClock {
    start: Timestamp,
    since: Instant,
}

impl SystemClock {
    /// Reads the machine's clock once.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    pub fn start() -> Self {
        let start = jiff::Timestamp::now().as_microsecond();
        Self { start: Timestamp::from_micros(start), since: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        to_millisecond(self.start.plus_micros(micros(self.since.elapsed())))
    }
}

/// A clock that ticks on by itself and can be moved forward, never back: for the demo and for tests.
pub struct MovableClock {
    state: Mutex<(Timestamp, Instant)>,
    ticks: bool,
}

impl MovableClock {
    /// Starts at `now` and ticks with real time.
    pub fn ticking(now: Timestamp) -> Self {
        Self { state: Mutex::new((now, Instant::now())), ticks: true }
    }

    /// Starts at `now` and stands still until moved.
    pub fn standing(now: Timestamp) -> Self {
        Self { state: Mutex::new((now, Instant::now())), ticks: false }
    }

    /// Moves forward to `to`. `false`, and nothing moved, when that lies in the past.
    pub fn move_to(&self, to: Timestamp) -> bool {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if to < self.read(&state) {
            return false;
        }
        *state = (to, Instant::now());
        true
    }

    fn read(&self, (base, since): &(Timestamp, Instant)) -> Timestamp {
        let ticked = if self.ticks { micros(since.elapsed()) } else { 0 };
        to_millisecond(base.plus_micros(ticked))
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        self.read(&self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

fn micros(elapsed: Duration) -> i64 {
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}

/// What is shown is what is stored: answers show milliseconds.
fn to_millisecond(instant: Timestamp) -> Timestamp {
    Timestamp(instant.0 - instant.0.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_cut_to_what_is_needed() {
        let at = |text: &str| Timestamp::parse(text).expect("an instant").to_rfc3339();
        assert_eq!(at("2020-12-18T17:11:15.700Z"), "2020-12-18T17:11:15.7Z");
        assert_eq!(at("2020-12-18T17:11:15.387Z"), "2020-12-18T17:11:15.387Z");
        assert_eq!(at("2020-12-18T19:11:00+02:00"), "2020-12-18T17:11:00Z");
    }

    #[test]
    fn a_movable_clock_never_goes_back() {
        let start = Timestamp::from_seconds(1_000);
        let clock = MovableClock::standing(start);
        assert!(clock.move_to(start.plus_hours(1)));
        assert!(!clock.move_to(start));
        assert_eq!(clock.now(), start.plus_hours(1));
    }

    #[test]
    fn iso_durations_follow_the_calendar() {
        let start = Timestamp::parse("2024-01-31T00:00:00Z").expect("an instant");
        assert_eq!(start.plus_iso8601("P1M").expect("a month").to_rfc3339(), "2024-02-29T00:00:00Z");
        assert_eq!(start.plus_iso8601("P1DT2H").expect("a day").to_rfc3339(), "2024-02-01T02:00:00Z");
        assert_eq!(start.plus_iso8601("tomorrow"), None);
    }
}
