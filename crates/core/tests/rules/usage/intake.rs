//! What becomes of records.

use super::{average, count, is_sound, make, meter, new_meter, query, rows, sums, tell, tell_as, told, total};
use crate::faults::survives;
use lessor_core::account::{self, Kind};
use lessor_core::identity::{Level, Right};
use lessor_core::license::Terms;
use lessor_core::metering::{self, Aggregation, CreateMeter, Fate, NewRecord, Per};
use lessor_core::{Actor, Error, Grant, Noun, Refusal};
use lessor_db::statements;
use lessor_testkit::on_both_engines;
use serde_json::json;

statements! {
    TOLD = "SELECT count(*) FROM usage_told";
    HOURS = "SELECT count(*) FROM usage_hours";
    SPOIL_DAY = "UPDATE usage_days SET value = value + 1";
    SPOIL_MONTH = "UPDATE usage_months SET weighted = weighted + 1";
    SPOIL_SUBJECT = "UPDATE usage_subjects SET day = day + 1";
    SPOIL_LEVEL = "UPDATE usage_levels SET value = value + 1";
    SPOIL_FACT = "DELETE FROM usage_records";
}

fn rejection(fate: &Fate) -> String {
    match fate {
        Fate::Rejected { refusal } => refusal.to_string(),
        other => panic!("{other:?}"),
    }
}

on_both_engines! {
    a_record_counts_once_however_often_it_is_told(bench) {
        meter(&bench, "calls", Aggregation::Sum).await;
        let (one, other) = (bench.account(bench.root.id, Kind::Customer, "C").await, bench.account(bench.root.id, Kind::Customer, "D").await);
        let record = told("calls", &one, "r-1", "2026-01-01T00:10:00Z", "", 5);
        let same_id = NewRecord { value: 7, ..told("calls", &other, "r-1", "2026-01-01T00:50:00Z", "x", 1) };
        let other_source = NewRecord { source: "agent-8".into(), ..record.clone() };
        let fates = tell(&bench, &[record.clone(), record.clone(), same_id.clone(), other_source]).await;
        assert_eq!(fates, [Fate::Counted, Fate::Duplicate, Fate::Duplicate, Fate::Counted]);
        assert_eq!(tell(&bench, &[same_id, record.clone()]).await, [Fate::Duplicate, Fate::Duplicate]);
        let calls = meter_named(&bench, "calls").await;
        assert_eq!(sums(&total(&bench, query(&calls, bench.root.id, "2026-01-01", "2026-01-01", Per::Day)).await), [10]);
        // Whatever is told at once.
        let again = bench.all_at_once(8, |n| {
            let fresh = told("calls", &one, "r-2", "2026-01-01T00:10:00Z", "", 1);
            let own = told("calls", &one, &format!("own-{n}"), "2026-01-01T00:10:00Z", "", 1);
            let bench = bench.clone();
            async move { tell(&bench, &[own, fresh]).await }
        });
        let fates: Vec<Fate> = again.await.into_iter().flatten().collect();
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::Counted).count(), 9);
        assert_eq!(sums(&total(&bench, query(&calls, bench.root.id, "2026-01-01", "2026-01-01", Per::Day)).await), [19]);
        is_sound(&bench).await;
    }

    a_record_of_another_hour_is_another_one_also_within_a_batch(bench) {
        meter(&bench, "calls", Aggregation::Sum).await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        let hours = ["2026-01-01T00:10:00Z", "2026-01-01T01:10:00Z"].map(|time| told("calls", &customer, "r-1", time, "", 5));
        assert_eq!(tell(&bench, &hours).await, [Fate::Counted, Fate::Counted]);
        assert_eq!(tell(&bench, &hours).await, [Fate::Duplicate, Fate::Duplicate]);
        is_sound(&bench).await;
    }

    a_large_batch_counts_each_record_once_whatever_its_length(bench) {
        meter(&bench, "calls", Aggregation::Sum).await;
        meter(&bench, "seen", Aggregation::Distinct).await;
        meter(&bench, "users", Aggregation::Level).await;
        let mut customers = Vec::new();
        for n in 0..70 {
            customers.push(bench.account(bench.root.id, Kind::Customer, &format!("C {n}")).await);
        }
        let name = |n: usize| ["calls", "seen", "users"][n % 3];
        let time = |n: usize| format!("2025-12-{:02}T{:02}:00:00Z", n % 28 + 1, n % 24);
        let record = |n: usize| {
            told(name(n), &customers[n % 70], &format!("r-{n}"), &time(n), &format!("s-{}", n % 90), 1)
        };
        // One fits all statements for many rows, the other leaves some of each.
        for (first, length) in [(0, 1_500), (1_500, 1_787)] {
            let records: Vec<NewRecord> = (first..first + length).map(record).collect();
            let fates = tell(&bench, &records).await;
            assert!(fates.iter().all(|fate| *fate == Fate::Counted));
        }
        let calls = meter_named(&bench, "calls").await;
        let sum = sums(&total(&bench, query(&calls, bench.root.id, "2025-12-01", "2025-12-31", Per::Month)).await);
        assert_eq!(sum, [(0..3_287).filter(|n| n % 3 == 0).count() as i64]);
        is_sound(&bench).await;
    }

    it_is_known_for_35_days_what_was_told_and_then_forgotten(bench) {
        meter(&bench, "calls", Aggregation::Sum).await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        let old = told("calls", &customer, "old", "2025-06-01T00:00:00Z", "", 1);
        let new = told("calls", &customer, "new", "2026-01-01T00:00:00Z", "", 1);
        count(&bench, &[old.clone(), new.clone()]).await;
        let left = async |statement| bench.read(move |tx, _| Ok(tx.one::<(i64,)>(statement, &[])?.0)).await.expect("a count");
        let forget = async || while bench.write(|tx, cx| metering::expire(tx, cx)).await.expect("a job") {};
        bench.pass_hours(24 * 20);
        // Of an old hour something is told late.
        count(&bench, &[told("calls", &customer, "late", "2025-06-01T00:00:00Z", "", 1)]).await;
        bench.pass_hours(24 * 15);
        forget().await;
        assert_eq!(tell(&bench, std::slice::from_ref(&old)).await, [Fate::Duplicate]);
        assert_eq!(left(TOLD).await, 3);
        bench.pass_hours(24 * 3);
        forget().await;
        assert_eq!((left(TOLD).await, left(HOURS).await), (2, 1));
        assert_eq!(tell(&bench, &[old]).await, [Fate::Duplicate]);
        bench.pass_hours(24 * 60);
        forget().await;
        assert_eq!((left(TOLD).await, left(HOURS).await), (0, 0));
    }

    what_cannot_be_counted_is_rejected_with_a_reason_and_the_rest_is_counted(bench) {
        meter(&bench, "calls", Aggregation::Sum).await;
        meter(&bench, "seats", Aggregation::SeatDays).await;
        meter(&bench, "endpoints", Aggregation::Distinct).await;
        average(&bench, "users").await;
        make(&bench, CreateMeter { key_attribute: Some("k".into()), ..new_meter(&bench, "keyed", Aggregation::Sum) }).await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        let closed = bench.account(bench.root.id, Kind::Customer, "Gone").await;
        let id = closed.id;
        bench.write(move |tx, cx| account::close(tx, cx, id)).await.expect("closed");
        bench.pass_hours(24);
        let product = bench.product("Paint").await.id;
        let license = bench.license(product, Terms::default()).await;
        let good = |id: &str| told("calls", &customer, id, "2026-01-02T00:00:00Z", "", 1);
        let of = |meter: &str| NewRecord { meter: meter.into(), ..good("x") };
        let keyed = |value: serde_json::Value| {
            let serde_json::Value::Object(attributes) = json!({ "k": value }) else { panic!() };
            NewRecord { attributes, ..of("keyed") }
        };
        let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
        let wrong = [
            (NewRecord { id: String::new(), ..good("x") }, "id is not valid"),
            (NewRecord { id: "x".repeat(201), ..good("x") }, "id is not valid"),
            (NewRecord { id: "a\0b".into(), ..good("x") }, "id is not valid"),
            (NewRecord { source: " ".into(), ..good("x") }, "source"),
            (NewRecord { subject: "x".repeat(201), ..good("x") }, "subject"),
            (NewRecord { subject: "a\nb".into(), ..good("x") }, "subject"),
            (NewRecord { account: None, ..good("x") }, "account is missing"),
            (NewRecord { account: Some("acc_1".into()), ..good("x") }, "no such account"),
            (NewRecord { account: Some("a\0:b:c".into()), ..good("x") }, "no such account"),
            (NewRecord { account: Some("other:company:1".into()), ..good("x") }, "no such account"),
            (NewRecord { license: Some("lic_1".into()), ..good("x") }, "no such license"),
            (NewRecord { license: Some(license.id.to_string()), ..good("x") }, "no such license"),
            (of("nothing"), "no such meter"),
            (of("a\0b"), "no such meter"),
            (of("seats"), "meter is not valid"),
            (told("calls", &customer, "x", "2026-01-03T00:00:01Z", "", 1), "time"),
            (told("calls", &customer, "x", "1999-12-31T23:59:59Z", "", 1), "time"),
            (told("calls", &closed, "x", "2026-01-01T00:00:01Z", "", 1), "closed"),
            (NewRecord { value: -1, ..good("x") }, "value"),
            (NewRecord { value: i64::MAX, ..good("x") }, "value"),
            (NewRecord { value: i64::MIN, corrects: Some("r".into()), ..good("x") }, "value"),
            (NewRecord { value: -1, ..of("users") }, "value"),
            (NewRecord { value: 2, subject: "s".into(), ..of("endpoints") }, "value"),
            (of("endpoints"), "subject"),
            (NewRecord { corrects: Some(String::new()), ..good("x") }, "corrects"),
            (keyed(json!(7)), "attributes"),
            (keyed(json!(["a", 1])), "attributes"),
            (keyed(json!("")), "attributes"),
            (keyed(json!("x".repeat(65))), "attributes"),
            (keyed(json!(many)), "attributes"),
            (NewRecord { attributes: json!({ "a": "x".repeat(4_096) }).as_object().cloned().expect("an object"), ..good("x") }, "attributes"),
        ];
        let before = bench.digests(&[]);
        let fates = tell(&bench, &wrong.iter().map(|(record, _)| record.clone()).collect::<Vec<_>>()).await;
        for ((record, word), fate) in wrong.iter().zip(&fates) {
            assert!(rejection(fate).contains(word), "{}: {record:?}", rejection(fate));
        }
        assert_eq!(bench.digests(&[]), before);
        // What was rejected can come again; before its end a closed account is counted.
        let mut mixed: Vec<NewRecord> = wrong.into_iter().map(|(record, _)| record).collect();
        mixed.push(good("x"));
        mixed.push(NewRecord { license: Some(license.id.to_string()), account: None, ..good("licensed") });
        mixed.push(told("calls", &closed, "late", "2025-12-31T00:00:00Z", "", 3));
        let fates = tell(&bench, &mixed).await;
        assert_eq!(fates[31..], [Fate::Counted, Fate::Counted, Fate::Counted]);
        assert_eq!(fates[..31].iter().filter(|fate| matches!(fate, Fate::Rejected { .. })).count(), 31);
        let calls = meter_named(&bench, "calls").await;
        let shown = rows(&bench, metering::Query { each: vec![metering::By::License], ..query(&calls, bench.root.id, "2025-12-31", "2026-01-02", Per::Range) }).await;
        let by_license: Vec<_> = shown.iter().map(|row| (row.of.license, row.total.sum)).collect();
        assert_eq!(by_license, [(None, 4), (Some(license.id), 1)]);
        is_sound(&bench).await;
    }

    too_many_records_and_figures_beyond_all_bounds_are_refused_whole(bench) {
        meter(&bench, "calls", Aggregation::Sum).await;
        average(&bench, "users").await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        let most = 1_000_000_000_000_000;
        let records: Vec<_> =
            (0..4_001).map(|n| told("calls", &customer, &n.to_string(), "2026-01-01T00:00:00Z", "", most)).collect();
        let beyond = tell_as(&bench, &bench.app.system(), &records).await.expect_err("a refusal");
        assert!(matches!(beyond, Error::Refused(Refusal::OutOfRange { field: "value", .. })), "{beyond}");
        let many = vec![records[0].clone(); metering::MOST_RECORDS + 1];
        let many = tell_as(&bench, &bench.app.system(), &many).await.expect_err("a refusal");
        assert!(matches!(many, Error::Refused(Refusal::OutOfRange { field: "records", .. })), "{many}");
        count(&bench, &records[..2_500]).await;
        count(&bench, &records[2_500..4_000]).await;
        let again: Vec<_> = records[..1].iter().map(|record| NewRecord { id: "more".into(), ..record.clone() }).collect();
        let over = tell_as(&bench, &bench.app.system(), &again).await.expect_err("a refusal");
        assert!(matches!(over, Error::Refused(Refusal::OutOfRange { field: "value", .. })), "{over}");
        is_sound(&bench).await;
    }

    nobody_brings_in_usage_of_others(bench) {
        meter(&bench, "calls", Aggregation::Sum).await;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
        let own = bench.account(partner.id, Kind::Customer, "C").await;
        let sister = bench.account(bench.root.id, Kind::Customer, "S").await;
        let stranger = bench.other_vendor("Other").await;
        let actor = |level: Level, rights: Option<Vec<Right>>| Actor {
            account: partner.id,
            tenant: bench.root.id,
            path: partner.path.clone(),
            grants: vec![Grant { path: partner.path.clone(), level }],
            rights,
            ..Actor::system()
        };
        let caller = bench.caller(actor(Level::Write, Some(vec![Right::USAGE_WRITE])));
        let records = [&own, &sister, &stranger, &bench.root].map(|account| told("calls", account, &account.name, "2026-01-01T00:00:00Z", "", 1));
        let fates = tell_as(&bench, &caller, &records).await.expect("fates");
        assert_eq!(fates[0], Fate::Counted);
        assert!(fates[1..].iter().all(|fate| *fate == Fate::Rejected { refusal: Refusal::NotFound(Noun::Account) }), "{fates:?}");
        for actor in [actor(Level::Write, Some(vec![Right::USAGE_READ])), actor(Level::Read, None)] {
            let caller = bench.caller(actor);
            assert!(matches!(tell_as(&bench, &caller, &records[..1]).await, Err(Error::Forbidden)));
        }
        // Nor does anybody see it.
        let calls = meter_named(&bench, "calls").await;
        let of = |account| query(&calls, account, "2026-01-01", "2026-01-01", Per::Day);
        for (account, sees) in [(own.id, true), (partner.id, true), (sister.id, false), (bench.root.id, false), (stranger.id, false)] {
            let caller = bench.caller(actor(Level::Read, Some(vec![Right::USAGE_READ])));
            let query = of(account);
            let outcome = bench.app.read(&caller, move |tx, cx| metering::report(tx, cx, &query, None, 10)).await;
            match outcome {
                Ok(_) => assert!(sees),
                Err(error) => assert!(!sees && matches!(error, Error::Refused(Refusal::NotFound(_))), "{error}"),
            }
        }
        let (caller, query) = (bench.caller(actor(Level::Write, Some(vec![Right::USAGE_WRITE]))), of(own.id));
        let refused = bench.app.read(&caller, move |tx, cx| metering::report(tx, cx, &query, None, 10)).await;
        assert!(matches!(refused, Err(Error::Forbidden)));
        // What is taken away inside a branch again is in no figure of it.
        let mut blind = actor(Level::Read, None);
        blind.grants.push(Grant { path: own.path.clone(), level: Level::None });
        let (caller, query) = (bench.caller(blind), of(partner.id));
        let shown = bench.app.read(&caller, move |tx, cx| metering::report(tx, cx, &query, None, 10)).await.expect("a report");
        assert_eq!(shown.rows[0].total.sum, 0);
    }

    records_are_taken_in_whole_or_not_at_all(bench) {
        make(&bench, CreateMeter { key_attribute: Some("k".into()), ..new_meter(&bench, "endpoints", Aggregation::Distinct) }).await;
        average(&bench, "users").await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        let attributes = json!({ "k": ["a", "b"] }).as_object().cloned().expect("an object");
        let seen = |id: &str, time: &str| NewRecord { attributes: attributes.clone(), ..told("endpoints", &customer, id, time, "e-1", 1) };
        let first = vec![seen("1", "2025-12-20T00:00:00Z"), told("users", &customer, "2", "2025-12-20T00:00:00Z", "", 7)];
        survives(&bench, bench.app.system(), move |tx, cx| metering::record(tx, cx, &first)).await;
        let late = vec![seen("3", "2025-12-10T00:00:00Z"), told("users", &customer, "4", "2025-12-10T00:00:00Z", "", 5)];
        survives(&bench, bench.app.system(), move |tx, cx| metering::record(tx, cx, &late)).await;
        is_sound(&bench).await;
    }

    figures_that_differ_from_their_records_are_found(bench) {
        meter(&bench, "endpoints", Aggregation::Distinct).await;
        average(&bench, "users").await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        count(&bench, &[
            told("endpoints", &customer, "1", "2025-12-20T00:00:00Z", "e-1", 1),
            told("users", &customer, "2", "2025-12-20T00:00:00Z", "", 7),
        ]).await;
        is_sound(&bench).await;
        for spoil in [SPOIL_DAY, SPOIL_MONTH, SPOIL_SUBJECT, SPOIL_LEVEL, SPOIL_FACT] {
            let flaws: Result<Vec<String>, Error> = bench.app.rehearse(&bench.app.system(), move |tx, _| {
                tx.execute(spoil, &[])?;
                lessor_core::verify::verify(tx)
            }).await;
            let flaws = flaws.expect("checks");
            assert!(flaws.iter().any(|flaw| flaw.contains("differ from its records")), "{}: {flaws:?}", spoil.name);
        }
    }
}

async fn meter_named(bench: &lessor_testkit::Bench, name: &str) -> metering::Meter {
    let (account, name) = (bench.root.id, name.to_owned());
    bench.read(move |tx, cx| metering::of_account(tx, cx, account, &name)).await.expect("a meter")
}
