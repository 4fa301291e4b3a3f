//! Meters, the intake of usage, and figures.

mod figures;
mod intake;
mod meters;
mod splits;

use lessor_core::account::Account;
use lessor_core::metering::day::Day;
use lessor_core::metering::{
    self, Aggregation, CreateMeter, Fate, Figures, LevelRule, Meter, NewRecord, Per, Query, Range,
};
use lessor_core::verify::verify;
use lessor_core::{AccountId, Caller, Error, Timestamp};
use lessor_testkit::Bench;
use serde_json::Map;

/// A meter of the vendor's whose days end at midnight in UTC.
pub(crate) fn new_meter(bench: &Bench, name: &str, aggregation: Aggregation) -> CreateMeter {
    CreateMeter {
        tenant: bench.root.id,
        name: name.into(),
        aggregation,
        level_rule: None,
        unit: "units".into(),
        time_zone: "UTC".into(),
        cutoff_minutes: 0,
        key_attribute: None,
        from_devices: false,
    }
}

pub(crate) async fn make(bench: &Bench, command: CreateMeter) -> Meter {
    bench.write(move |tx, cx| metering::create(tx, cx, &command)).await.expect("a meter")
}

pub(crate) async fn meter(bench: &Bench, name: &str, aggregation: Aggregation) -> Meter {
    make(bench, new_meter(bench, name, aggregation)).await
}

async fn average(bench: &Bench, name: &str) -> Meter {
    make(bench, CreateMeter { level_rule: Some(LevelRule::Average), ..new_meter(bench, name, Aggregation::Level) })
        .await
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}

pub(crate) fn told(meter: &str, account: &Account, id: &str, time: &str, subject: &str, value: i64) -> NewRecord {
    NewRecord {
        id: id.into(),
        source: "agent-7".into(),
        at: at(time),
        account: Some(account.id.to_string()),
        license: None,
        meter: meter.into(),
        subject: subject.into(),
        value,
        attributes: Map::new(),
        corrects: None,
    }
}

async fn tell_as(bench: &Bench, caller: &Caller, records: &[NewRecord]) -> Result<Vec<Fate>, Error> {
    let records = records.to_vec();
    bench.app.write(caller, move |tx, cx| metering::record(tx, cx, &records)).await
}

pub(crate) async fn tell(bench: &Bench, records: &[NewRecord]) -> Vec<Fate> {
    tell_as(bench, &bench.app.system(), records).await.expect("fates")
}

/// Tells records that are all new.
pub(crate) async fn count(bench: &Bench, records: &[NewRecord]) {
    assert_eq!(tell(bench, records).await, vec![Fate::Counted; records.len()]);
}

fn query(meter: &Meter, account: AccountId, from: &str, until: &str, per: Per) -> Query {
    let day = |text| Day::parse(text).expect("a day");
    let range = Range::new(day(from), day(until), per).expect("a range");
    Query { meter: meter.clone(), account, branch: true, range, per, each: Vec::new(), key: String::new() }
}

async fn rows(bench: &Bench, query: Query) -> Vec<Figures> {
    let report = bench.read(move |tx, cx| metering::report(tx, cx, &query, None, 1_000)).await.expect("a report");
    assert_eq!(report.next, None);
    report.rows
}

/// The one row of a report that tells nothing apart.
async fn total(bench: &Bench, query: Query) -> Figures {
    let mut rows = rows(bench, query).await;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

fn sums(row: &Figures) -> Vec<i64> {
    row.figures.iter().map(|figure| figure.sum).collect()
}

pub(crate) async fn is_sound(bench: &Bench) {
    assert_eq!(bench.read(|tx, _| verify(tx)).await.expect("checks"), Vec::<String>::new());
}
