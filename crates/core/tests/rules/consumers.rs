//! Who uses a product on which device: what lists show, and how they find it.

use lessor_core::device::{self, ConsumerFilter, ConsumerRecord, ConsumerSource, NewConsumerRecord};
use lessor_core::{Error, ProductId, Start, StoreError, Timestamp, schema};
use lessor_db::{Statement, Value};
use lessor_testkit::{Bench, Engine, on_both_engines};
use serde_json::json;
use std::collections::HashMap;

const DEVICES: [&str; 4] = ["PC-1", "PC-2", "pc-1", "PC-10"];
const CODES: [&str; 3] = ["", "C-1", "C-2"];

/// Sixty records of two products, some in the same millisecond, from the bench's start on.
async fn made(bench: &Bench, products: [ProductId; 2]) -> Vec<ConsumerRecord> {
    let mut made = Vec::new();
    for n in 0_usize..60 {
        let record = NewConsumerRecord {
            product: products[usize::from(n % 7 == 0)],
            fingerprint: DEVICES[n * 5 % 4].into(),
            license_code: CODES[n * 7 % 3].into(),
            document: json!({ "firstname": n.to_string() }),
        };
        let kept = bench.write(move |tx, cx| device::add_consumer_record(tx, cx, &record)).await;
        made.push(kept.expect("a record"));
        if n % 3 == 0 {
            bench.pass_hours(1);
        }
    }
    made
}

/// What a filter leaves, found without storage.
fn left<'a>(made: &'a [ConsumerRecord], filter: &ConsumerFilter) -> Vec<&'a ConsumerRecord> {
    let fits = |record: &&ConsumerRecord| {
        record.product == filter.product
            && filter.fingerprint.as_ref().is_none_or(|device| record.fingerprint == *device)
            && filter.source.is_none_or(|source| (source == ConsumerSource::Trial) == record.license_code.is_empty())
            && filter.from.is_none_or(|from| record.created_at >= from)
            && filter.until.is_none_or(|until| record.created_at <= until)
    };
    let mut left: Vec<_> = made.iter().filter(fits).collect();
    if filter.latest {
        let last: HashMap<_, _> =
            left.iter().map(|record| ((&record.fingerprint, &record.license_code), record.id)).collect();
        left.retain(|record| last[&(&record.fingerprint, &record.license_code)] == record.id);
    }
    left
}

/// All filters there are, with the ends of their stretches on and beside instants at which records were made.
fn filters(product: ProductId, start: Timestamp) -> Vec<ConsumerFilter> {
    let ends = [None, Some(start.plus_hours(3)), Some(Timestamp::from_micros(start.plus_hours(9).micros() - 1))];
    let mut filters = Vec::new();
    for fingerprint in [None, Some("PC-1".to_owned()), Some("none".into())] {
        for source in [None, Some(ConsumerSource::Trial), Some(ConsumerSource::License)] {
            for (from, until) in ends.into_iter().flat_map(|from| ends.map(|until| (from, until))) {
                for latest in [false, true] {
                    let fingerprint = fingerprint.clone();
                    filters.push(ConsumerFilter { product, fingerprint, source, from, until, latest });
                }
            }
        }
    }
    filters
}

async fn page(bench: &Bench, filter: &ConsumerFilter, start: Start, limit: u32) -> Vec<ConsumerRecord> {
    let filter = filter.clone();
    bench.read(move |tx, cx| device::consumer_records(tx, cx, &filter, start, limit)).await.expect("a page")
}

on_both_engines! {
    a_filter_leaves_what_it_says_on_any_page(bench) {
        let products = [bench.product("Paint").await.id, bench.product("Draw").await.id];
        let start = bench.app.now();
        let made = made(&bench, products).await;
        let mut most = 0;
        for filter in filters(products[0], start) {
            let expected = left(&made, &filter);
            most = most.max(expected.len());
            let all = page(&bench, &filter, Start::FIRST, 100).await;
            assert_eq!(all.iter().collect::<Vec<_>>(), expected, "{filter:?}");
            let counted = filter.clone();
            let count = bench.read(move |tx, cx| device::count_consumer_records(tx, cx, &counted)).await;
            assert_eq!(count.expect("a count"), i64::try_from(expected.len()).expect("small"), "{filter:?}");
            if let [_, second, ..] = all.as_slice() {
                assert_eq!(page(&bench, &filter, Start::After(second.id.0), 5).await.iter().collect::<Vec<_>>(), expected[2..].iter().take(5).copied().collect::<Vec<_>>());
                assert_eq!(page(&bench, &filter, Start::At(2), 5).await.iter().collect::<Vec<_>>(), expected[2..].iter().take(5).copied().collect::<Vec<_>>());
            }
        }
        assert!(most > 40, "{most}");
    }

    records_outlive_their_license(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, lessor_core::license::Terms::default()).await;
        let record = NewConsumerRecord {
            product: product.id, fingerprint: "PC-1".into(), license_code: license.code.clone(), document: json!({}),
        };
        bench.write(move |tx, cx| device::add_consumer_record(tx, cx, &record)).await.expect("a record");
        let id = license.id;
        bench.write(move |tx, cx| lessor_core::license::remove(tx, cx, id)).await.expect("removed");
        let left = page(&bench, &ConsumerFilter::of(product.id), Start::FIRST, 10).await;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].license_code, license.code);
    }

    only_the_vendor_sees_and_adds_records(bench) {
        let product = bench.product("Paint").await.id;
        let other = bench.other_vendor("Other").await;
        let caller = crate::account::someone(&bench, &[(&other, lessor_core::identity::Level::Write)]);
        let record = NewConsumerRecord { product, fingerprint: "PC-1".into(), license_code: String::new(), document: json!({}) };
        let added = bench.app.write(&caller, move |tx, cx| device::add_consumer_record(tx, cx, &record)).await;
        let unseen = |outcome: Result<(), Error>| {
            assert!(matches!(outcome, Err(Error::Refused(lessor_core::Refusal::NotFound(lessor_core::Noun::Product)))), "{outcome:?}");
        };
        unseen(added.map(|_| ()));
        let filter = ConsumerFilter::of(product);
        let listed = bench.app.read(&caller, move |tx, cx| device::consumer_records(tx, cx, &filter, Start::FIRST, 10)).await;
        unseen(listed.map(|_| ()));
        let filter = ConsumerFilter::of(product);
        unseen(bench.app.read(&caller, move |tx, cx| device::count_consumer_records(tx, cx, &filter)).await.map(|_| ()));
        assert_eq!(page(&bench, &ConsumerFilter::of(product), Start::FIRST, 10).await, []);
    }
}

/// How SQLite runs a statement.
async fn plan(app: &lessor_core::App, statement: Statement) -> Vec<String> {
    let sql: &'static str = format!("EXPLAIN QUERY PLAN {}", statement.sql).leak();
    let explain = Statement { name: statement.name, sql };
    let numbers = statement.sql.split('$').skip(1).filter_map(|text| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse::<usize>().ok()
    });
    let params = vec![Value::Null; numbers.max().unwrap_or(0)];
    let steps: Result<Vec<(i64, i64, i64, String)>, StoreError> =
        app.store().write(move |tx| tx.all(explain, &params)).await;
    steps.expect("a plan").into_iter().map(|(_, _, _, step)| step).collect()
}

#[test]
fn each_list_walks_through_the_index_of_its_filter() {
    let bench = Bench::open(Engine::Sqlite);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut looked = 0;
        for statement in schema::statements().filter(|statement| statement.sql.contains("FROM consumer_records c")) {
            let plan = plan(&bench.app, statement).await;
            let outer = plan.iter().find(|step| step.contains(" c ")).expect("a step");
            let expected = match statement.name.rsplit('_').next() {
                Some("DEVICE") => "(id=?)",
                Some("TRIALS") => "consumer_records_trials (product_id=? AND id>? AND id<?)",
                _ => "consumer_records_product (product_id=? AND id>? AND id<?)",
            };
            assert!(outer.contains(expected), "{}: {outer}", statement.name);
            let inner = plan.iter().find(|step| step.contains(" n ")).expect("a step");
            let key = "consumer_records_device (product_id=? AND fingerprint=? AND license_code=? AND id>? AND id<?)";
            assert!(inner.contains(key), "{}: {inner}", statement.name);
            if statement.name.ends_with("DEVICE") {
                let listed = plan.iter().find(|step| step.contains(" d ")).expect("a step");
                assert!(listed.contains("consumer_records_device (product_id=? AND fingerprint=?)"), "{listed}");
            }
            looked += 1;
        }
        assert_eq!(looked, 6);
    });
}
