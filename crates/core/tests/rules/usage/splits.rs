//! Whatever is told in whatever order: figures are what a plain count of the records gives, days add up to months and to any
//! split of the range, and accounts to their branch.

use super::{is_sound, make, new_meter, query, rows, sums, tell, told, total};
use lessor_core::account::{Account, Kind};
use lessor_core::license::{ChangeLicense, TermChange, TermKind};
use lessor_core::metering::day::Day;
use lessor_core::metering::{Aggregation, By, CreateMeter, Fate, Figures, Meter, NewRecord, Per, Query, Range};
use lessor_core::{AccountId, Context, LicenseId, Tx, metering};
use lessor_testkit::random::Random;
use lessor_testkit::{Bench, on_both_engines};
use std::collections::{BTreeMap, BTreeSet};

/// 99 days: clocks are moved in Prague and New York within both, and the second has a leap day.
#[derive(Clone, Copy)]
struct Days {
    from: &'static str,
    until: &'static str,
    months: usize,
}

const AUTUMN: Days = Days { from: "2025-09-28", until: "2026-01-04", months: 5 };
const SPRING: Days = Days { from: "2024-01-30", until: "2024-05-07", months: 5 };

/// A place in the tree, with a license of each of two products.
struct Place {
    account: Account,
    licenses: Vec<LicenseId>,
}

/// A partner with two customers, one of whom has a partner's depth, in the order of the tree.
async fn tree(bench: &Bench) -> Vec<Place> {
    let products = [
        bench.product(&format!("Paint {}", bench.app.now())).await,
        bench.product(&format!("Draw {}", bench.app.now())).await,
    ];
    let mut places = Vec::new();
    for account in accounts(bench).await {
        let mut licenses = Vec::new();
        for product in &products {
            let (id, _) = bench.issue(product.id, None, 1).await.remove(0);
            let mut change = ChangeLicense::of(id);
            change.account = Some(Some(account.id));
            if licenses.is_empty() {
                change.terms.term = Some(TermChange { kind: TermKind::Trial, days: Some(30), end: None });
            }
            bench.change(change).await.expect("an order");
            licenses.push(id);
        }
        places.push(Place { account, licenses });
    }
    bench.pass_seconds(1);
    places
}

async fn accounts(bench: &Bench) -> Vec<Account> {
    let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
    let below = bench.account(partner.id, Kind::Partner, "Q").await;
    let customer = bench.account(below.id, Kind::Customer, "C").await;
    let other = bench.account(partner.id, Kind::Customer, "D").await;
    vec![partner, below, customer, other]
}

/// Records of 99 days, each at an instant of its own, some of them right before and at the end of a day. A subject is always
/// told under the same license, or under none.
fn records(random: &mut Random, meter: &Meter, places: &[Place], days: Days, most: i64) -> Vec<NewRecord> {
    let first = Day::parse(days.from).expect("a day");
    let record = |n: u64, random: &mut Random| {
        let Place { account, licenses } = &places[usize::try_from(random.below(places.len() as u64)).expect("small")];
        let minutes = i64::try_from(n * 997 % (99 * 1_440)).expect("small");
        let ends = meter.days.start(first.plus(minutes / 1_440));
        let instant = match n % 4 {
            0 => ends,
            1 => ends.plus_micros(-1),
            _ => ends.plus_minutes(minutes % 1_440),
        };
        let subject = format!("s-{}", random.below(4));
        let value = i64::try_from(random.below(most.unsigned_abs())).expect("small") + 1;
        NewRecord {
            at: instant,
            license: licenses.get(usize::from(subject.as_bytes()[2] - b'0')).map(ToString::to_string),
            ..told(&meter.name, account, &format!("{}-{n}", meter.name), "2026-01-01T00:00:00Z", &subject, value)
        }
    };
    (0..120).map(|n| record(n, random)).collect()
}

fn shuffled(random: &mut Random, mut records: Vec<NewRecord>) -> Vec<NewRecord> {
    for last in (1..records.len()).rev() {
        let other = usize::try_from(random.below(last as u64 + 1)).expect("small");
        records.swap(last, other);
    }
    records
}

/// What those records of an account that `counts` picks come to by day, counted the plain way.
fn plain(
    meter: &Meter,
    account: &Account,
    records: &[NewRecord],
    range: Range,
    counts: impl Fn(&NewRecord) -> bool,
) -> Vec<i64> {
    let id = Some(account.id.to_string());
    let own: Vec<(Day, &NewRecord)> = records
        .iter()
        .filter(|record| record.account == id && counts(record))
        .map(|record| (meter.days.day_of(record.at), record))
        .collect();
    let days = (range.from.number()..=range.until.number()).map(Day::from_number);
    match meter.aggregation {
        Aggregation::Sum => {
            days.map(|day| own.iter().filter(|(at, _)| *at == day).map(|(_, record)| record.value).sum()).collect()
        }
        Aggregation::Distinct => {
            let mut first: BTreeMap<(i64, &str), Day> = BTreeMap::new();
            for (day, record) in &own {
                let seen = first.entry((day.month().number(), &record.subject)).or_insert(*day);
                *seen = (*seen).min(*day);
            }
            days.map(|day| first.values().filter(|seen| **seen == day).count() as i64).collect()
        }
        Aggregation::Level => {
            let subjects: BTreeSet<&str> = own.iter().map(|(_, record)| record.subject.as_str()).collect();
            let level = |day: Day, subject: &str| {
                let reports = own.iter().filter(|(at, record)| *at <= day && record.subject == subject);
                reports.max_by_key(|(_, record)| record.at).map_or(0, |(_, record)| record.value)
            };
            days.map(|day| subjects.iter().map(|subject| level(day, subject)).sum()).collect()
        }
        Aggregation::SeatDays => unreachable!("it takes no records"),
    }
}

/// All rows of a report, read page by page.
async fn paged(bench: &Bench, query: &Query, limit: u32) -> Vec<Figures> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let query = query.clone();
        let page = move |tx: &mut dyn Tx, cx: &Context<'_>| metering::report(tx, cx, &query, after, limit);
        let report = bench.read(page).await.expect("a page");
        all.extend(report.rows);
        after = report.next;
        if after.is_none() {
            return all;
        }
    }
}

fn summed<'a>(rows: impl IntoIterator<Item = &'a Figures>) -> Vec<i64> {
    let mut sum = Vec::new();
    for row in rows {
        sum.resize(row.figures.len(), 0);
        sum.iter_mut().zip(&row.figures).for_each(|(sum, figure)| *sum += figure.sum);
    }
    sum
}

async fn agree(
    bench: &Bench,
    meter: &Meter,
    (places, days): (&[Place], Days),
    told: &[NewRecord],
    random: &mut Random,
) {
    let all = query(meter, places[0].account.id, days.from, days.until, Per::Day);
    let mut branch = vec![0; usize::try_from(all.range.from.through(all.range.until)).expect("small")];
    let each = rows(bench, Query { each: vec![By::Account], ..all.clone() }).await;
    assert_eq!(each.len(), places.len());
    for (place, row) in places.iter().zip(&each) {
        let account = &place.account;
        let expected = plain(meter, account, told, all.range, |_| true);
        assert_eq!(
            (row.of.account, sums(row)),
            (Some(account.id), expected.clone()),
            "{} {}",
            meter.name,
            account.name
        );
        let alone = Query { account: account.id, branch: false, ..all.clone() };
        assert_eq!(sums(&total(bench, alone).await), expected);
        branch.iter_mut().zip(expected).for_each(|(sum, own)| *sum += own);
    }
    assert_eq!(sums(&total(bench, all.clone()).await), branch, "{}", meter.name);
    // Own figures and those of what is right below are those of the branch.
    let of = async |n: usize, branch| {
        total(bench, Query { account: places[n].account.id, branch, ..all.clone() }).await.total.sum
    };
    assert_eq!(of(0, true).await, of(0, false).await + of(1, true).await + of(3, true).await);
    // However it is told apart, and however it is paged.
    for each in [
        vec![By::License],
        vec![By::Product],
        vec![By::Category],
        vec![By::Product, By::Term],
        vec![By::Account, By::Term],
        vec![By::Term, By::License, By::Account],
    ] {
        let query = Query { each, ..all.clone() };
        let whole = rows(bench, query.clone()).await;
        assert_eq!(summed(&whole), branch, "{} {:?}", meter.name, query.each);
        assert_eq!(paged(bench, &query, 1 + u32::try_from(random.below(3)).expect("small")).await, whole);
    }
    let by_license =
        rows(bench, Query { each: vec![By::License, By::Account, By::Product, By::Term], ..all.clone() }).await;
    let (mut trials, mut full) = (Vec::new(), Vec::new());
    for place in places {
        for (n, license) in place.licenses.iter().enumerate() {
            let own: Vec<_> = by_license.iter().filter(|row| row.of.license == Some(*license)).cloned().collect();
            let name = Some(license.to_string());
            let expected = plain(meter, &place.account, told, all.range, |record| record.license == name);
            if own.is_empty() {
                assert!(expected.iter().all(|value| *value == 0), "{} {license}", meter.name);
                continue;
            }
            assert_eq!((own.len(), sums(&own[0])), (1, expected), "{} {license}", meter.name);
            let term = if n == 0 { TermKind::Trial } else { TermKind::Perpetual };
            assert_eq!((own[0].of.account, own[0].of.term), (Some(place.account.id), Some(term)));
            if n == 0 { &mut trials } else { &mut full }.extend(own);
        }
    }
    let by_term = rows(bench, Query { each: vec![By::Term], ..all.clone() }).await;
    let of_term = |term: TermKind| by_term.iter().filter(move |row| row.of.term == Some(term));
    assert_eq!(summed(of_term(TermKind::Trial)), summed(&trials));
    assert_eq!(summed(of_term(TermKind::Perpetual)), summed(&full));
    // Months, and ranges between any two days.
    let months = total(bench, Query { per: Per::Month, ..all.clone() }).await;
    assert_eq!(months.figures.len(), days.months);
    for figure in &months.figures {
        assert_eq!(
            figure.sum,
            between(&branch, all.range, figure.from, figure.until),
            "{} {}",
            meter.name,
            figure.from
        );
    }
    for _ in 0..6 {
        let length = branch.len() as u64;
        let mut ends =
            [random.below(length), random.below(length)].map(|n| all.range.from.plus(i64::try_from(n).expect("small")));
        ends.sort();
        let range = Range { from: ends[0], until: ends[1] };
        let shown = total(bench, Query { per: Per::Range, range, ..all.clone() }).await;
        assert_eq!(shown.total.sum, between(&branch, all.range, ends[0], ends[1]), "{} {range:?}", meter.name);
    }
}

fn between(days: &[i64], range: Range, from: Day, until: Day) -> i64 {
    let at = |day: Day| usize::try_from(day.number() - range.from.number()).expect("in the range");
    days[at(from)..=at(until)].iter().sum()
}

on_both_engines! {
    figures_are_what_a_plain_count_gives_in_whatever_order_and_however_often_it_is_told(bench) {
        bench.pass_hours(24 * 5);
        let zones = ["Europe/Prague", "America/New_York", "Asia/Kolkata"];
        let cases = [
            (Aggregation::Sum, 0, SPRING), (Aggregation::Distinct, 1, SPRING), (Aggregation::Level, 2, SPRING),
            (Aggregation::Level, 0, AUTUMN), (Aggregation::Distinct, 2, AUTUMN), (Aggregation::Sum, 1, AUTUMN),
        ];
        for (seed, (aggregation, zone, days)) in (1..).zip(cases) {
            let mut random = Random::new(seed);
            let command = CreateMeter { time_zone: zones[zone].into(), cutoff_minutes: 30, ..new_meter(&bench, &format!("m-{seed}"), aggregation) };
            let meter = make(&bench, command).await;
            let places = tree(&bench).await;
            let all = records(&mut random, &meter, &places, days, if aggregation == Aggregation::Distinct { 1 } else { 50 });
            let mut counted = 0;
            // In any order, some of them twice, in batches of any size.
            let mut told = shuffled(&mut random, [all.clone(), all[..40].to_vec()].concat());
            while !told.is_empty() {
                let size = usize::try_from(random.between(1, 60)).expect("small").min(told.len());
                let batch: Vec<_> = told.drain(..size).collect();
                counted += tell(&bench, &batch).await.iter().filter(|fate| **fate == Fate::Counted).count();
            }
            assert_eq!(counted, all.len());
            agree(&bench, &meter, (&places, days), &all, &mut random).await;
        }
        is_sound(&bench).await;
    }

    what_two_tell_at_once_is_counted_as_if_one_had_waited_for_the_other(bench) {
        bench.pass_hours(24 * 5);
        let meters = [("sum", Aggregation::Sum), ("distinct", Aggregation::Distinct), ("level", Aggregation::Level)];
        let places = tree(&bench).await;
        let mut random = Random::new(11);
        let mut made = Vec::new();
        let mut batches: Vec<Vec<NewRecord>> = vec![Vec::new(); 8];
        for (name, aggregation) in meters {
            let meter = make(&bench, new_meter(&bench, name, aggregation)).await;
            let all = records(&mut random, &meter, &places, AUTUMN, if aggregation == Aggregation::Distinct { 1 } else { 50 });
            // Each record comes in two of the batches.
            for record in &all {
                let first = random.below(8);
                for batch in [first, (first + 1 + random.below(7)) % 8] {
                    batches[usize::try_from(batch).expect("small")].push(record.clone());
                }
            }
            made.push((meter, all));
        }
        let batches: Vec<_> = batches.into_iter().map(|batch| shuffled(&mut random, batch)).collect();
        let fates = bench.all_at_once(8, |n| tell(&bench, &batches[n])).await;
        let counted = fates.iter().flatten().filter(|fate| **fate == Fate::Counted).count();
        assert_eq!(counted, made.iter().map(|(_, all)| all.len()).sum::<usize>());
        for (meter, all) in &made {
            agree(&bench, meter, (&places, AUTUMN), all, &mut random).await;
        }
        is_sound(&bench).await;
    }

    pages_of_a_report_show_every_account_once_and_change_no_figure(bench) {
        bench.pass_hours(24 * 5);
        let meter = make(&bench, new_meter(&bench, "calls", Aggregation::Sum)).await;
        let places = tree(&bench).await;
        let told = records(&mut Random::new(9), &meter, &places, AUTUMN, 50);
        tell(&bench, &told).await;
        let query = Query { each: vec![By::Account], ..query(&meter, bench.root.id, AUTUMN.from, AUTUMN.until, Per::Month) };
        let whole = rows(&bench, query.clone()).await;
        let accounts: Vec<AccountId> = whole.iter().filter_map(|row| row.of.account).collect();
        let expected: Vec<AccountId> = std::iter::once(bench.root.id).chain(places.iter().map(|place| place.account.id)).collect();
        assert_eq!(accounts, expected);
        for limit in [1, 2, 4, 5, 6] {
            assert_eq!(paged(&bench, &query, limit).await, whole);
        }
    }
}
