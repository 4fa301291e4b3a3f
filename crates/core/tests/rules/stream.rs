//! The stream: who draws, and how calls get into it.

use lessor_core::identity::api_key::{self, ApiKey, ChangeApiKey, CreateApiKey, KeyForm, RevokeApiKey};
use lessor_core::identity::{self, Right};
use lessor_core::stream::{self, Entry, Source, StreamFilter, StreamRecord};
use lessor_core::{Actor, Caller, Timestamp, journal};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

async fn key(bench: &Bench, rights: &[Right], expires_at: Option<Timestamp>) -> (ApiKey, String) {
    let (account, rights) = (bench.root.id, Some(rights.to_vec()));
    let create = move |tx: &mut dyn lessor_core::Tx, cx: &lessor_core::Context<'_>| {
        let rights = rights.clone();
        let cmd = CreateApiKey { account, label: String::new(), rights, form: KeyForm::Native, expires_at };
        api_key::create(tx, cx, &cmd)
    };
    let (key, text) = bench.write(create).await.expect("a key");
    (key, text.reveal().to_owned())
}

async fn draws(bench: &Bench, text: &str) -> bool {
    identity::authenticate(&bench.app, text).await.expect("somebody").draws
}

fn caller(bench: &Bench) -> Caller {
    let tenant = bench.root.id;
    bench.caller(Actor { draws: true, tenant, account: tenant, ..Actor::system() })
}

fn entry(name: &str) -> Entry {
    Entry { name: name.into(), failed: true, product: None, code: None, data: json!({ "error": "?" }) }
}

async fn records(bench: &Bench) -> Vec<StreamRecord> {
    let tenant = bench.root.id;
    let read = bench.read(move |tx, cx| stream::list(tx, cx, &StreamFilter::of(tenant), None, 10_000));
    read.await.expect("records")
}

on_both_engines! {
    a_stream_is_drawn_while_a_key_lives_that_is_made_for_it(bench) {
        let (_, other) = key(&bench, &[Right::LICENSES_READ], None).await;
        // One that may make keys has the right to give it on.
        key(&bench, &[Right::STREAM_READ, Right::IDENTITY_WRITE], None).await;
        assert!(!draws(&bench, &other).await);
        let (drawing, text) = key(&bench, &[Right::STREAM_READ], None).await;
        assert!(draws(&bench, &other).await && draws(&bench, &text).await);
        let change = |rights: Right| ChangeApiKey { key: drawing.id, label: None, rights: Some(Some(vec![rights])), keep_one_with: None };
        for (right, expected) in [(Right::EVENTS_READ, false), (Right::STREAM_READ, true)] {
            let cmd = change(right);
            bench.write(move |tx, cx| api_key::change(tx, cx, &cmd)).await.expect("changed");
            assert_eq!(draws(&bench, &other).await, expected);
        }
        let cmd = RevokeApiKey { key: drawing.id, keep_one_with: None };
        bench.write(move |tx, cx| api_key::revoke(tx, cx, &cmd)).await.expect("revoked");
        assert!(!draws(&bench, &other).await);
        key(&bench, &[Right::STREAM_READ], Some(bench.app.now().plus_hours(1))).await;
        assert!(draws(&bench, &other).await);
        bench.pass_hours(1);
        let (_, later) = key(&bench, &[Right::LICENSES_READ], None).await;
        assert!(!draws(&bench, &later).await);
        // What one tenant draws costs no other.
        let vendor = bench.other_vendor("Other").await.id;
        key(&bench, &[Right::STREAM_READ], None).await;
        let theirs = bench.write(move |tx, cx| {
            let rights = Some(vec![Right::LICENSES_READ]);
            let cmd = CreateApiKey { account: vendor, label: String::new(), rights, form: KeyForm::Native, expires_at: None };
            api_key::create(tx, cx, &cmd)
        });
        let (_, theirs) = theirs.await.expect("a key");
        assert!(!draws(&bench, theirs.reveal()).await && draws(&bench, &other).await);
    }

    a_call_is_recorded_as_it_ends_or_as_failed_if_it_never_does(bench) {
        let nobody = bench.caller(Actor { draws: false, ..(*caller(&bench).actor).clone() });
        assert!(stream::begin(&bench.app, &nobody, String::new(), entry("none")).await.is_none());
        let mut ended = stream::begin(&bench.app, &caller(&bench), "192.0.2.7".into(), entry("ended")).await.expect("a place");
        let left = stream::begin(&bench.app, &caller(&bench), "a\0b".into(), entry("left\0")).await.expect("a place");
        bench.pass_seconds(1);
        *ended.entry() = Entry { failed: false, code: Some("C\0-1".into()), data: json!({ "text": "a\0b" }), ..entry("ended") };
        drop(ended);
        drop(left);
        let long = stream::begin(&bench.app, &caller(&bench), String::new(), entry("long")).await;
        long.expect("a place").entry().data = json!({ "error": "e", "text": "x".repeat(16 << 10) });
        stream::flush(&bench.app).await.expect("written");
        let found = records(&bench).await;
        let shown: Vec<_> = found.iter().map(|record| (record.name.as_str(), record.failed, record.ip.as_str())).collect();
        assert_eq!(shown, [("ended", false, "192.0.2.7"), ("left", true, "ab"), ("long", true, "")]);
        assert_eq!((found[0].source, found[0].code.as_deref()), (Source::Calls, Some("C-1")));
        assert_eq!((&found[0].data, &found[2].data), (&json!({ "text": "a\0b" }), &json!({ "error": "e", "truncated": true })));
        assert_eq!(found[0].at.micros() - found[0].told_at.micros(), 1_000_000);
    }

    a_call_waits_for_a_place_and_no_record_is_lost(bench) {
        let caller = caller(&bench);
        let mut running = Vec::new();
        for number in 0..1_000 {
            let call = stream::begin(&bench.app, &caller, String::new(), entry(&number.to_string())).await;
            running.push(call.expect("a place"));
        }
        let late = tokio::time::timeout(Duration::from_millis(50), stream::begin(&bench.app, &caller, String::new(), entry("late")));
        assert!(late.await.is_err(), "there is no place");
        running.truncate(990);
        let late = tokio::time::timeout(Duration::from_secs(20), stream::begin(&bench.app, &caller, String::new(), entry("late")));
        drop(late.await.expect("a place, once a record is written"));
        drop(running);
        stream::flush(&bench.app).await.expect("written");
        let found = records(&bench).await;
        assert_eq!(found.len(), 1_001);
        assert!(found.is_sorted_by_key(|record| record.id));
        // Nothing is written twice.
        stream::flush(&bench.app).await.expect("nothing");
        assert_eq!(records(&bench).await.len(), 1_001);
    }

    calls_that_never_stop_are_all_written_although_nobody_asks(bench) {
        let caller = caller(&bench);
        bench.all_at_once(8, |task| {
            let (app, caller) = (bench.app.clone(), caller.clone());
            async move {
                for number in 0..500 {
                    let call = stream::begin(&app, &caller, String::new(), entry(&format!("{task}/{number}")));
                    drop(tokio::time::timeout(Duration::from_secs(20), call).await.expect("a place"));
                    tokio::task::yield_now().await;
                }
            }
        })
        .await;
        let written = async || records(&bench).await.len();
        for _ in 0..400 {
            if written().await == 4_000 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(written().await, 4_000);
    }

    the_journal_is_taken_over_once_and_by_whoever_draws(bench) {
        let product = bench.product("Paint").await;
        let before = bench.license(product.id, lessor_core::license::Terms::default()).await;
        bench.activate(lessor_testkit::world::activate_on(product.id, Some(&before.code), "workstation-1")).await.expect("activated");
        while bench.write(journal::seal).await.expect("sealed") {}
        key(&bench, &[Right::STREAM_READ], None).await;
        let after = bench.license(product.id, lessor_core::license::Terms::default()).await;
        bench.activate(lessor_testkit::world::activate_on(product.id, Some(&after.code), "workstation-2")).await.expect("activated");
        stream::catch_up(&bench.app).await.expect("caught up");
        stream::catch_up(&bench.app).await.expect("caught up");
        let found = records(&bench).await;
        let shown: Vec<_> = found.iter().map(|record| (record.name.as_str(), record.code.as_deref(), record.product)).collect();
        assert_eq!(shown, [("license.activated", Some(after.code.as_str()), Some(product.id))]);
        assert_eq!((found[0].source, &found[0].data["device"]), (Source::Devices, &Value::from("workstation-2")));
        assert_eq!(found[0].product_name.as_deref(), Some("Paint"));
        assert!(bench.read(|tx, _| journal::verify(tx)).await.expect("a verdict").is_empty());
    }
}
