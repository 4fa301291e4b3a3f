//! Days and months of a place: when each begins and ends there, by the calendar of a time zone and a cut-off behind
//! midnight.

use crate::clock::Timestamp;
use crate::error::Error;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A day of the calendar, kept as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// 0001-01-02 and 9999-12-29: what lies between has a beginning and an end in every time zone.
const DAYS: std::ops::RangeInclusive<i32> = -719_161..=2_932_894;

impl Day {
    /// So many days since 1970-01-01, clamped to years 1 to 9999.
    pub fn from_number(number: i64) -> Self {
        Self(i32::try_from(number).unwrap_or(i32::MAX).clamp(*DAYS.start(), *DAYS.end()))
    }

    /// Days since 1970-01-01.
    pub fn number(self) -> i64 {
        self.0.into()
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain =
            text.len() == 10 && text.bytes().enumerate().all(|(at, b)| b.is_ascii_digit() != (at == 4 || at == 7));
        let date: Date = text.parse().ok().filter(|_| plain)?;
        let number = date.since(EPOCH).ok()?.get_days();
        DAYS.contains(&number).then_some(Self(number))
    }

    /// So many days later.
    pub fn plus(self, days: i64) -> Self {
        Self::from_number(self.number().saturating_add(days))
    }

    /// How many days from this one to another, both counted; 0 when the other lies before.
    pub fn through(self, last: Day) -> i64 {
        (last.number() - self.number() + 1).max(0)
    }

    /// The month the day is in.
    pub fn month(self) -> Month {
        let date = self.date();
        Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }

    fn date(self) -> Date {
        EPOCH.saturating_add(i64::from(self.0).days())
    }

    fn of(date: Date) -> Self {
        Self::from_number(date.since(EPOCH).map_or(0, |span| span.get_days().into()))
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.date().fmt(f)
    }
}

/// A month of the calendar, kept as months since the beginning of year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// A month, kept as months since the beginning of year 0.
    pub fn from_number(number: i64) -> Self {
        Self(i32::try_from(number).unwrap_or(i32::MAX).clamp(12, 9_999 * 12 + 10))
    }

    /// Months since the beginning of year 0.
    pub fn number(self) -> i64 {
        self.0.into()
    }

    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        Day::parse(&format!("{text}-01")).map(Day::month).filter(|month| month.first() >= Day(*DAYS.start()))
    }

    /// The month before.
    pub fn before(self) -> Self {
        Self::from_number(self.number() - 1)
    }

    /// Its first day.
    pub fn first(self) -> Day {
        let year = i16::try_from(self.0.div_euclid(12)).unwrap_or(i16::MAX);
        let month = i8::try_from(self.0.rem_euclid(12) + 1).unwrap_or(1);
        Date::new(year, month, 1).map_or(Day(0), Day::of)
    }

    /// Its last day.
    pub fn last(self) -> Day {
        let year = i16::try_from(self.0.div_euclid(12)).unwrap_or(i16::MAX);
        let month = i8::try_from(self.0.rem_euclid(12) + 1).unwrap_or(1);
        Date::new(year, month, 1).map_or(Day(0), |date| Day::of(date.last_of_month()))
    }

    /// How many days it has.
    pub fn days(self) -> i64 {
        self.first().through(self.last())
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// When days begin and end: a time zone, and how long past midnight a day still lasts.
#[derive(Clone, Debug, PartialEq)]
pub struct DayRule {
    zone: TimeZone,
    cutoff_minutes: i64,
}

impl DayRule {
    /// Days of a time zone of the IANA database, each of which ends `cutoff_minutes` past the midnight behind it.
    ///
    /// # Errors
    /// `Malformed` for a zone that is not known, `OutOfRange` for a cut-off that is not within 0 to 1439 minutes.
    pub fn new(zone: &str, cutoff_minutes: i64) -> Result<Self, Error> {
        let zone = TimeZone::get(zone).ok().filter(|found| !found.is_unknown());
        let zone = zone.ok_or_else(|| Error::malformed("time_zone", "it must be a name such as `Europe/Prague`"))?;
        crate::license::in_range("cutoff_minutes", cutoff_minutes, 0, 1_439)?;
        Ok(Self { zone, cutoff_minutes })
    }

    /// Days that end at midnight in UTC.
    pub fn utc() -> Self {
        Self { zone: TimeZone::UTC, cutoff_minutes: 0 }
    }

    /// The name of the time zone.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// How many minutes past midnight a day ends.
    pub fn cutoff_minutes(&self) -> i64 {
        self.cutoff_minutes
    }

    /// The first instant of a day.
    pub fn start(&self, day: Day) -> Timestamp {
        let local = day.date().at(0, 0, 0, 0).saturating_add(self.cutoff_minutes.minutes());
        // An hour that a clock leaves out begins where the clock goes on; of one that it shows twice, the first counts.
        let instant = self.zone.to_ambiguous_timestamp(local).compatible();
        Timestamp::from_micros(instant.map_or(i64::MAX, |instant| instant.as_microsecond()))
    }

    /// The first instant behind a day.
    pub fn end(&self, day: Day) -> Timestamp {
        self.start(day.plus(1))
    }

    /// The day that an instant belongs to.
    pub fn day_of(&self, instant: Timestamp) -> Day {
        let local = jiff::Timestamp::from_microsecond(instant.micros()).map(|at| self.zone.to_datetime(at).date());
        let mut day = local.map_or(Day(*DAYS.end()), Day::of);
        while day > Day(*DAYS.start()) && instant < self.start(day) {
            day = day.plus(-1);
        }
        while day < Day(*DAYS.end()) && instant >= self.end(day) {
            day = day.plus(1);
        }
        day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("an instant")
    }

    #[test]
    fn days_and_months_are_written_as_they_are_read() {
        for text in ["1970-01-01", "2024-02-29", "2026-12-31", "0001-01-03", "9999-12-29"] {
            assert_eq!(day(text).to_string(), text);
        }
        for text in
            ["2023-02-29", "2026-3-1", "2026-03-01T00", "-2026-03-01", "+26-03-01", "", "20260301", "9999-12-31"]
        {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        assert_eq!(Month::parse("2026-03").expect("a month").to_string(), "2026-03");
        for text in ["2026-13", "2026", "2026-03-01", "2026-3"] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }

    #[test]
    fn months_have_their_days_also_in_leap_years() {
        let days = |text: &str| Month::parse(text).expect("a month").days();
        assert_eq!((days("2024-02"), days("2026-02"), days("2100-02"), days("2000-02")), (29, 28, 28, 29));
        assert_eq!((days("2026-01"), days("2026-04"), days("2026-12")), (31, 30, 31));
        let december = Month::parse("2026-12").expect("a month");
        assert_eq!(december.last().plus(1).month().to_string(), "2027-01");
        assert_eq!(Month::parse("2027-01").expect("a month").before(), december);
    }

    #[test]
    fn a_day_ends_half_an_hour_past_midnight_in_three_zones() {
        for (zone, end) in [
            ("Europe/Prague", "2026-03-10T23:30:00Z"),
            ("America/New_York", "2026-03-11T04:30:00Z"),
            ("Asia/Kolkata", "2026-03-10T19:00:00Z"),
        ] {
            let rule = DayRule::new(zone, 30).expect("a rule");
            assert_eq!(rule.end(day("2026-03-10")), at(end), "{zone}");
            assert_eq!(rule.day_of(at(end).plus_micros(-1)), day("2026-03-10"), "{zone}");
            assert_eq!(rule.day_of(at(end)), day("2026-03-11"), "{zone}");
        }
    }

    #[test]
    fn a_day_has_23_or_25_hours_where_clocks_are_moved() {
        let hours = |zone: &str, text: &str| {
            let rule = DayRule::new(zone, 30).expect("a rule");
            (rule.end(day(text)).micros() - rule.start(day(text)).micros()) / 3_600_000_000
        };
        assert_eq!((hours("Europe/Prague", "2026-03-29"), hours("Europe/Prague", "2026-10-25")), (23, 25));
        assert_eq!((hours("America/New_York", "2026-03-08"), hours("America/New_York", "2026-11-01")), (23, 25));
        assert_eq!((hours("Asia/Kolkata", "2026-03-29"), hours("Asia/Kolkata", "2026-10-25")), (24, 24));
    }

    #[test]
    fn every_instant_belongs_to_the_day_between_whose_ends_it_lies() {
        // In Beirut, Santiago and Havana clocks are moved at midnight or so: the cut-off may not be there, or twice.
        for zone in ["UTC", "Europe/Prague", "America/Santiago", "Asia/Beirut", "America/Havana", "Pacific/Apia"] {
            for cutoff in [0, 30, 90, 1_439] {
                let rule = DayRule::new(zone, cutoff).expect("a rule");
                let mut instant = at("2011-12-01T00:00:00Z");
                for _ in 0..2_000 {
                    let day = rule.day_of(instant);
                    assert!(rule.start(day) <= instant && instant < rule.end(day), "{zone} {cutoff} {instant}");
                    instant = instant.plus_minutes(317);
                }
            }
        }
    }

    #[test]
    fn a_rule_has_a_known_zone_and_a_cut_off_within_the_day() {
        assert!(DayRule::new("Europe/Nowhere", 0).is_err());
        assert!(DayRule::new("", 0).is_err());
        assert!(DayRule::new("UTC", -1).is_err());
        assert!(DayRule::new("UTC", 1_440).is_err());
        assert_eq!(DayRule::new("UTC", 0).expect("a rule"), DayRule::utc());
        assert_eq!(DayRule::new("Europe/Prague", 30).expect("a rule").zone(), "Europe/Prague");
    }
}
