//! Whatever is told in whatever order: figures are what a plain count of the records gives, days add up to months and to any
//! split of the range, and accounts to their branch.

use super::{at, is_sound, make, new_meter, query, rows, sums, tell, told, total};
use lessor_core::account::{Account, Kind};
use lessor_core::metering::day::Day;
use lessor_core::metering::{Aggregation, CreateMeter, Each, Fate, Meter, NewRecord, Per, Query, Range};
use lessor_testkit::random::Random;
use lessor_testkit::{Bench, on_both_engines};
use std::collections::{BTreeMap, BTreeSet};

const FROM: &str = "2025-09-28";
const UNTIL: &str = "2026-01-04";

/// A partner with two customers, one of whom has a partner's depth, in the order of the tree.
async fn tree(bench: &Bench) -> Vec<Account> {
    let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
    let below = bench.account(partner.id, Kind::Partner, "Q").await;
    let customer = bench.account(below.id, Kind::Customer, "C").await;
    let other = bench.account(partner.id, Kind::Customer, "D").await;
    vec![partner, below, customer, other]
}

/// Records of 99 days, each at an instant of its own.
fn records(random: &mut Random, meter: &str, accounts: &[Account], most: i64) -> Vec<NewRecord> {
    let start = at("2025-09-27T12:00:00Z");
    let record = |n: u64, random: &mut Random| {
        let account = &accounts[usize::try_from(random.below(accounts.len() as u64)).expect("small")];
        let minutes = i64::try_from(n * 997 % (99 * 1_440)).expect("small");
        let subject = format!("s-{}", random.below(4));
        let value = i64::try_from(random.below(most.unsigned_abs())).expect("small") + 1;
        NewRecord {
            at: start.plus_minutes(minutes),
            ..told(meter, account, &format!("{meter}-{n}"), "2026-01-01T00:00:00Z", &subject, value)
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

/// What the records of an account come to by day, counted the plain way.
fn plain(meter: &Meter, account: &Account, records: &[NewRecord], range: Range) -> Vec<i64> {
    let id = Some(account.id.to_string());
    let own: Vec<(Day, &NewRecord)> = records
        .iter()
        .filter(|record| record.account == id)
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

async fn agree(bench: &Bench, meter: &Meter, accounts: &[Account], told: &[NewRecord], random: &mut Random) {
    let all = query(meter, accounts[0].id, FROM, UNTIL, Per::Day);
    let mut branch = vec![0; usize::try_from(all.range.from.through(all.range.until)).expect("small")];
    let each = rows(bench, Query { each: Each::Account, ..all.clone() }).await;
    assert_eq!(each.len(), accounts.len());
    for account in accounts {
        let expected = plain(meter, account, told, all.range);
        let row = each.iter().find(|row| row.account.as_ref().is_some_and(|(id, _)| *id == account.id)).expect("a row");
        assert_eq!(sums(row), expected, "{} {}", meter.name, account.name);
        let alone = Query { account: account.id, branch: false, ..all.clone() };
        assert_eq!(sums(&total(bench, alone).await), expected);
        branch.iter_mut().zip(expected).for_each(|(sum, own)| *sum += own);
    }
    assert_eq!(sums(&total(bench, all.clone()).await), branch, "{}", meter.name);
    // Own figures and those of what is right below are those of the branch.
    let of = async |account: &Account, branch| {
        total(bench, Query { account: account.id, branch, ..all.clone() }).await.total.sum
    };
    assert_eq!(
        of(&accounts[0], true).await,
        of(&accounts[0], false).await + of(&accounts[1], true).await + of(&accounts[3], true).await
    );
    // Months, and ranges between any two days.
    let months = total(bench, Query { per: Per::Month, ..all.clone() }).await;
    assert_eq!(months.figures.len(), 5);
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
        bench.pass_hours(24 * 3);
        for (seed, aggregation) in [(1, Aggregation::Sum), (2, Aggregation::Distinct), (3, Aggregation::Level), (4, Aggregation::Level), (5, Aggregation::Distinct)] {
            let mut random = Random::new(seed);
            let (zone, cutoff_minutes) = [("UTC", 0), ("Europe/Prague", 30), ("America/New_York", 30)][usize::try_from(seed % 3).expect("small")];
            let command = CreateMeter { time_zone: zone.into(), cutoff_minutes, ..new_meter(&bench, &format!("m-{seed}"), aggregation) };
            let meter = make(&bench, command).await;
            let accounts = tree(&bench).await;
            let all = records(&mut random, &meter.name, &accounts, if aggregation == Aggregation::Distinct { 1 } else { 50 });
            let mut counted = 0;
            // In any order, some of them twice, in batches of any size.
            let mut told = shuffled(&mut random, [all.clone(), all[..40].to_vec()].concat());
            while !told.is_empty() {
                let size = usize::try_from(random.between(1, 60)).expect("small").min(told.len());
                let batch: Vec<_> = told.drain(..size).collect();
                counted += tell(&bench, &batch).await.iter().filter(|fate| **fate == Fate::Counted).count();
            }
            assert_eq!(counted, all.len());
            agree(&bench, &meter, &accounts, &all, &mut random).await;
        }
        is_sound(&bench).await;
    }

    what_two_tell_at_once_is_counted_as_if_one_had_waited_for_the_other(bench) {
        bench.pass_hours(24 * 3);
        let meters = [("sum", Aggregation::Sum), ("distinct", Aggregation::Distinct), ("level", Aggregation::Level)];
        let accounts = tree(&bench).await;
        let mut random = Random::new(11);
        let mut made = Vec::new();
        let mut batches: Vec<Vec<NewRecord>> = vec![Vec::new(); 8];
        for (name, aggregation) in meters {
            let meter = make(&bench, new_meter(&bench, name, aggregation)).await;
            let all = records(&mut random, name, &accounts, if aggregation == Aggregation::Distinct { 1 } else { 50 });
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
            agree(&bench, meter, &accounts, all, &mut random).await;
        }
        is_sound(&bench).await;
    }

    pages_of_a_report_show_every_account_once_and_change_no_figure(bench) {
        bench.pass_hours(24 * 3);
        let meter = make(&bench, new_meter(&bench, "calls", Aggregation::Sum)).await;
        let accounts = tree(&bench).await;
        let told = records(&mut Random::new(9), "calls", &accounts, 50);
        tell(&bench, &told).await;
        let query = Query { each: Each::Account, ..query(&meter, bench.root.id, FROM, UNTIL, Per::Month) };
        let whole = rows(&bench, query.clone()).await;
        let mut paged = Vec::new();
        loop {
            let (query, after) = (query.clone(), paged.last().map(|row: &lessor_core::metering::Figures| row.place));
            let page = bench.read(move |tx, cx| lessor_core::metering::report(tx, cx, &query, after, 2)).await.expect("a page");
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, whole);
        assert_eq!(whole.len(), 5);
    }
}
