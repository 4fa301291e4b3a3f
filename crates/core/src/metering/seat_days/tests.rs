//! The rule against worked examples, and against a plain reading of it day by day.

use super::*;
use crate::id::ProductId;
use crate::license::TermKind;
use proptest::prelude::*;
use uuid::Uuid;

const ZONES: [&str; 3] = ["Europe/Prague", "America/New_York", "Asia/Kolkata"];

fn at(text: &str) -> Timestamp {
    let zoned: jiff::Zoned = format!("{text}:00[Europe/Prague]").parse().expect("a local time");
    Timestamp::from_micros(zoned.timestamp().as_microsecond())
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn account(n: u128) -> AccountId {
    AccountId(Uuid::from_u128(n))
}

fn segment(quantity: i64, held: bool, from: Timestamp, to: Option<Timestamp>) -> Segment {
    Segment {
        id: Uuid::nil(),
        account: account(1),
        product: ProductId(Uuid::nil()),
        term: TermKind::Perpetual,
        ends_at: None,
        quantity,
        held,
        from,
        to,
    }
}

/// Segments that follow each other: from when, how many, held or not; the last one lasts.
fn history(changes: &[(&str, i64, bool)]) -> Vec<Segment> {
    let end = |n: usize| changes.get(n + 1).map(|(from, ..)| at(from));
    changes.iter().enumerate().map(|(n, (from, quantity, held))| segment(*quantity, *held, at(from), end(n))).collect()
}

fn prague(first: &str, last: &str) -> Days {
    let rule = DayRule::new("Europe/Prague", 30).expect("a rule");
    Days::new(&rule, day(first), day(last), at("2030-01-01T00:00"))
}

fn seats(days: &Days, segments: &[Segment], stops: &[Interval]) -> Vec<i64> {
    let mut seats = vec![0; days.len()];
    for run in count(days, segments, |_| stops) {
        seats[run.first..=run.last].iter_mut().for_each(|day| *day += segments[run.segment].quantity);
    }
    seats
}

fn seat_days(days: &Days, segments: &[Segment]) -> i64 {
    seats(days, segments, &[]).iter().sum()
}

fn in_the_end(days: &Days, segments: &[Segment]) -> i64 {
    in_force(days, segments, |_| &[]).map_or(0, |at| segments[at].quantity)
}

fn example() -> Vec<Segment> {
    history(&[("2023-03-01T10:00", 10, false), ("2023-03-11T14:00", 15, false), ("2023-03-21T09:00", 15, true)])
}

#[test]
fn the_worked_example_comes_to_265_seat_days() {
    let days = prague("2023-03-01", "2023-03-31");
    let each = seats(&days, &example(), &[]);
    let expected: Vec<i64> = [vec![10; 10], vec![15; 11], vec![0; 10]].concat();
    assert_eq!((each.len(), each), (31, expected));
    assert_eq!((seat_days(&days, &example()), in_the_end(&days, &example())), (265, 0));
}

#[test]
fn the_first_twenty_days_of_the_example_come_to_250_with_15_seats() {
    let days = prague("2023-03-01", "2023-03-20");
    assert_eq!((seat_days(&days, &example()), in_the_end(&days, &example())), (250, 15));
}

#[test]
fn a_quantity_that_is_back_before_the_cut_off_counts_nothing() {
    let mut changes =
        vec![("2023-03-01T10:00", 10, false), ("2023-03-11T14:00", 15, false), ("2023-03-21T09:00", 15, true)];
    changes.splice(2..2, [("2023-03-12T10:00", 40, false), ("2023-03-12T22:00", 15, false)]);
    assert_eq!(seats(&prague("2023-03-01", "2023-03-31"), &history(&changes), &[]), {
        seats(&prague("2023-03-01", "2023-03-31"), &example(), &[])
    });
}

#[test]
fn ten_past_midnight_still_belongs_to_the_day_before() {
    let days = prague("2023-03-10", "2023-03-13");
    let changed = |when| history(&[("2023-03-01T10:00", 10, false), (when, 15, false)]);
    assert_eq!(seats(&days, &changed("2023-03-12T00:10"), &[]), [10, 15, 15, 15]);
    assert_eq!(seats(&days, &changed("2023-03-12T00:30"), &[]), [10, 10, 15, 15]);
}

#[test]
fn a_cut_off_of_half_past_midnight_is_that_of_the_zone() {
    // The same instant, 23:10 in UTC on the 11th, is the 11th, the 11th and the 12th.
    for (zone, expected) in ZONES.iter().zip([[10, 15, 15], [10, 15, 15], [10, 10, 15]]) {
        let rule = DayRule::new(zone, 30).expect("a rule");
        let days = Days::new(&rule, day("2023-03-10"), day("2023-03-12"), at("2030-01-01T00:00"));
        let changed = history(&[("2023-03-01T10:00", 10, false), ("2023-03-12T00:10", 15, false)]);
        assert_eq!(seats(&days, &changed, &[]), expected, "{zone}");
    }
}

#[test]
fn the_day_of_a_return_counts_and_days_stopped_from_end_to_end_do_not() {
    let back =
        history(&[("2023-03-01T10:00", 10, false), ("2023-03-05T09:00", 10, true), ("2023-03-08T23:00", 12, false)]);
    assert_eq!(seats(&prague("2023-03-04", "2023-03-09"), &back, &[]), [10, 10, 0, 0, 12, 12]);
}

#[test]
fn the_day_of_a_removal_counts_with_the_last_quantity_and_no_seats_are_left() {
    let removed = vec![segment(7, false, at("2023-03-01T10:00"), Some(at("2023-03-05T09:00")))];
    let days = prague("2023-03-04", "2023-03-05");
    assert_eq!((seats(&days, &removed, &[]), in_the_end(&days, &removed)), (vec![7, 7], 0));
    let same_day = vec![segment(7, false, at("2023-03-05T09:00"), Some(at("2023-03-05T10:00")))];
    assert_eq!(seats(&days, &same_day, &[]), [0, 7]);
}

/// The history with ends of terms: in the order of its segments.
fn ending(history: Vec<Segment>, ends: &[&str]) -> Vec<Segment> {
    let ended = |(segment, end): (Segment, &&str)| Segment { ends_at: Some(at(end)), ..segment };
    history.into_iter().zip(ends).map(ended).collect()
}

#[test]
fn the_day_on_which_a_term_ends_counts_and_days_count_again_from_an_extension_on() {
    let days = prague("2026-03-08", "2026-03-16");
    let ends = ending(history(&[("2026-03-01T10:00", 10, false)]), &["2026-03-11T12:00"]);
    assert_eq!(seats(&days, &ends, &[]), [10, 10, 10, 10, 0, 0, 0, 0, 0]);
    assert_eq!((in_the_end(&days, &ends), in_the_end(&prague("2026-03-01", "2026-03-10"), &ends)), (0, 10));
    // Extended in time, nothing is missing; extended late, the days in between are; and what is extended ends again.
    let extended = |when| history(&[("2026-03-01T10:00", 10, false), (when, 10, false)]);
    let ends = ["2026-03-11T12:00", "2026-03-15T12:00"];
    let early = ending(extended("2026-03-11T11:59"), &ends);
    assert_eq!(seats(&days, &early, &[]), [10, 10, 10, 10, 10, 10, 10, 10, 0]);
    let late = ending(extended("2026-03-14T09:00"), &ends);
    assert_eq!((seats(&days, &late, &[]), in_the_end(&days, &late)), (vec![10, 10, 10, 10, 0, 0, 10, 10, 0], 0));
    // An end that is moved into the past: what was, was.
    let ended = ending(extended("2026-03-10T09:00"), &["2026-03-20T00:00", "2026-03-05T00:00"]);
    assert_eq!(seats(&days, &ended, &[]), [10, 10, 10, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_term_that_ends_before_the_cut_off_ends_the_day_before_in_three_zones() {
    // The same instant, 23:10 in UTC on the 11th, is the 11th, the 11th and the 12th.
    let ends = ending(history(&[("2026-03-01T10:00", 10, false)]), &["2026-03-12T00:10"]);
    for (zone, expected) in ZONES.iter().zip([[10, 0, 0], [10, 0, 0], [10, 10, 0]]) {
        let rule = DayRule::new(zone, 30).expect("a rule");
        let days = Days::new(&rule, day("2026-03-11"), day("2026-03-13"), at("2030-01-01T00:00"));
        assert_eq!(seats(&days, &ends, &[]), expected, "{zone}");
    }
}

#[test]
fn a_hold_on_an_account_stops_like_one_on_the_license() {
    let held = [Interval { from: at("2023-03-21T09:00"), to: at("2023-03-25T12:00") }];
    let ordered = history(&[("2023-03-01T10:00", 10, false), ("2023-03-11T14:00", 15, false)]);
    let expected = [vec![10; 10], vec![15; 11], vec![0; 3], vec![15; 7]].concat();
    assert_eq!(seats(&prague("2023-03-01", "2023-03-31"), &ordered, &held), expected);
    let within_a_day = [Interval { from: at("2023-03-21T09:00"), to: at("2023-03-21T10:00") }];
    assert_eq!(seats(&prague("2023-03-20", "2023-03-22"), &ordered, &within_a_day), [15, 15, 15]);
}

#[test]
fn a_product_that_is_changed_on_a_day_counts_as_the_new_one_on_it() {
    let days = prague("2023-03-01", "2023-03-31");
    let changed = history(&[("2023-03-01T10:00", 10, false), ("2023-03-15T10:00", 10, false)]);
    let runs = count(&days, &changed, |_| &[]);
    assert_eq!(runs, [Run { segment: 0, first: 0, last: 13 }, Run { segment: 1, first: 14, last: 30 }]);
}

#[test]
fn days_of_23_and_25_hours_count_once() {
    let rule = |zone| DayRule::new(zone, 30).expect("a rule");
    let ordered = history(&[("2023-01-01T10:00", 10, false)]);
    for zone in ZONES {
        for (first, last, expected) in
            [("2026-03-01", "2026-03-31", 310), ("2026-10-01", "2026-11-30", 610), ("2024-02-01", "2024-03-01", 300)]
        {
            let days = Days::new(&rule(zone), day(first), day(last), at("2030-01-01T00:00"));
            assert_eq!(seat_days(&days, &ordered), expected, "{zone} {first}");
        }
    }
    // In Prague the 29th of March ends after 23 hours: half past midnight in summer time.
    let change = |when| history(&[("2026-01-01T10:00", 10, false), (when, 20, false)]);
    assert_eq!(seats(&prague("2026-03-28", "2026-03-30"), &change("2026-03-30T00:29"), &[]), [10, 20, 20]);
    assert_eq!(seats(&prague("2026-03-28", "2026-03-30"), &change("2026-03-30T00:30"), &[]), [10, 10, 20]);
}

#[test]
fn what_has_not_come_yet_counts_nothing() {
    let rule = DayRule::new("Europe/Prague", 30).expect("a rule");
    let days = Days::new(&rule, day("2023-03-01"), day("2023-03-05"), at("2023-03-03T12:00"));
    let ordered = history(&[("2023-03-02T10:00", 10, false)]);
    assert_eq!((seats(&days, &ordered, &[]), in_the_end(&days, &ordered)), (vec![0, 10, 10, 0, 0], 10));
    let future = Days::new(&rule, day("2023-03-04"), day("2023-03-05"), at("2023-03-03T12:00"));
    assert_eq!((seats(&future, &ordered, &[]), in_the_end(&future, &ordered)), (vec![0, 0], 0));
}

/// The rule read as it is written: of each day, the last moment at which nothing stopped the license.
fn plainly(rule: &DayRule, first: Day, count: i64, segments: &[Segment], stops: &[Interval]) -> Vec<i64> {
    let live = |moment: Timestamp| {
        let stopped = stops.iter().any(|stop| stop.from <= moment && moment < stop.to);
        let before = |end: Option<Timestamp>| end.is_none_or(|end| moment < end);
        let of = |s: &&Segment| !s.held && s.from <= moment && before(s.to) && before(s.ends_at);
        segments.iter().find(of).filter(|_| !stopped).map(|segment| segment.quantity)
    };
    let seats_of = |day: Day| {
        let (start, end) = (rule.start(day), rule.end(day));
        // Nothing changes but at these moments.
        let mut moments: Vec<Timestamp> =
            segments.iter().flat_map(|s| [Some(s.from), s.to, s.ends_at]).flatten().collect();
        moments.extend(stops.iter().flat_map(|stop| [stop.from, stop.to]));
        moments.push(end);
        moments.retain(|moment| start < *moment && *moment <= end);
        moments.sort();
        moments.into_iter().rev().find_map(|moment| live(moment.plus_micros(-1))).unwrap_or(0)
    };
    (0..count).map(|n| seats_of(first.plus(n))).collect()
}

prop_compose! {
    fn changes()(steps in prop::collection::vec((0_i64..4_000, 0_i64..5, any::<bool>(), prop::option::of(-500_i64..8_000)), 1..14),
            ends in any::<bool>())
        -> Vec<Segment> {
        let mut from = at("2026-03-20T00:00");
        let mut segments: Vec<Segment> = Vec::new();
        for (minutes, quantity, held, end) in steps {
            let to = from.plus_minutes(minutes + 1);
            let ends_at = end.map(|minutes| from.plus_minutes(minutes));
            segments.push(Segment { ends_at, ..segment(quantity, held, from, Some(to)) });
            from = to;
        }
        if !ends {
            segments.last_mut().expect("a segment").to = None;
        }
        segments
    }
}

prop_compose! {
    fn stopped()(stops in prop::collection::vec((0_i64..40_000, 0_i64..6_000), 0..4)) -> Vec<Interval> {
        let start = at("2026-03-20T00:00");
        stops.into_iter().map(|(from, minutes)| {
            Interval { from: start.plus_minutes(from), to: start.plus_minutes(from + minutes) }
        }).collect()
    }
}

proptest! {
    #[test]
    fn the_runs_are_what_the_rule_says_in_every_zone(segments in changes(), stops in stopped(), zone in 0_usize..3) {
        let rule = DayRule::new(ZONES[zone], 30).expect("a rule");
        let (first, last) = (day("2026-03-18"), day("2026-04-20"));
        let days = Days::new(&rule, first, last, at("2030-01-01T00:00"));
        prop_assert_eq!(seats(&days, &segments, &stops), plainly(&rule, first, first.through(last), &segments, &stops));
    }

    #[test]
    fn any_split_of_a_range_comes_to_the_same_days(segments in changes(), stops in stopped(), cut in 1_i64..33) {
        let rule = DayRule::new("Europe/Prague", 30).expect("a rule");
        let (first, last) = (day("2026-03-18"), day("2026-04-20"));
        let of = |first, last| seats(&Days::new(&rule, first, last, at("2030-01-01T00:00")), &segments, &stops);
        let whole = of(first, last);
        let parts = [of(first, first.plus(cut - 1)), of(first.plus(cut), last)].concat();
        prop_assert_eq!(&whole, &parts);
        let each: Vec<i64> = (0..first.through(last)).flat_map(|n| of(first.plus(n), first.plus(n))).collect();
        prop_assert_eq!(whole, each);
    }
}
