//! What daemons tell: all of it, in order, once.

use super::{Lan, master, network, refused};
use lessor_core::daemon;
use lessor_core::journal::{self, Event, EventFilter};
use lessor_core::{ActivationId, EventId, Refusal};
use lessor_testkit::{Bench, on_both_engines};

/// What the server's journal has of a daemon: numbers of its records, in the order in which they came.
async fn kept(bench: &Bench, daemon: ActivationId) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after: Option<EventId> = events.last().map(|event| event.id);
        let filter = EventFilter { subject: Some(daemon.0) };
        let page = bench.read(move |tx, cx| journal::list(tx, cx, &filter, after, 1_000)).await.expect("events");
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    events.retain(|event| event.data.get("sequence").is_some());
    events
}

fn numbers(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.data["sequence"].as_i64().expect("a number")).collect()
}

on_both_engines! {
    every_record_arrives_once_and_in_order_however_often_it_is_sent(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 3)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        let id = lan.enrol(&bench).await.daemon;
        let held = lan.seat(&license, 0, 3).await;
        let first = lan.report().await;
        assert_eq!(first.records.iter().filter(|record| record.kind == "license.activated").count(), 3);
        for _ in 0..3 {
            let report = first.clone();
            let answer = bench.as_device(move |tx, cx| daemon::sync(tx, cx, &report)).await.expect("an answer");
            assert_eq!(answer.taken, first.records.len() as i64);
        }
        lan.local.pass_hours(1);
        lan.local.give_back(&held[0]).await.expect("a return");
        lan.local.pass_hours(1);
        lan.local.write(lessor_core::device::tell_lapsed).await.expect("lapses");
        // The answers were lost: it sends all again, and what is new.
        let all = lan.report().await;
        assert_eq!(all.records[..first.records.len()], first.records[..]);
        let mut gap = all.clone();
        gap.records.drain(..first.records.len() + 1);
        let outcome = bench.as_device(move |tx, cx| daemon::sync(tx, cx, &gap)).await;
        assert_eq!(refused(outcome), Refusal::RecordGap { expected: first.records.len() as i64 + 1 });
        lan.sync(&bench).await.expect("an answer");
        assert!(lan.report().await.records.is_empty());

        let events = kept(&bench, id).await;
        assert_eq!(numbers(&events), (1..=all.records.len() as i64).collect::<Vec<_>>());
        for (event, record) in events.iter().zip(&all.records) {
            assert_eq!(event.kind, format!("daemon.{}", record.kind));
            assert_eq!(event.data["at"], record.at.to_rfc3339(), "the instant at which it happened");
            assert_eq!(event.data["data"], record.data);
        }
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        for kind in ["daemon.delegation.applied", "daemon.activation.returned", "daemon.lease.lapsed"] {
            assert!(kinds.contains(&kind), "{kind} is not among {kinds:?}");
        }
    }

    two_calls_with_the_same_records_at_once_keep_them_once(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 50)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        let id = lan.enrol(&bench).await.daemon;
        lan.seat(&license, 0, 50).await;
        let report = lan.report().await;
        let outcomes = bench
            .all_at_once(8, |_| {
                let report = report.clone();
                bench.as_device(move |tx, cx| daemon::sync(tx, cx, &report))
            })
            .await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(numbers(&kept(&bench, id).await), (1..=report.records.len() as i64).collect::<Vec<_>>());
    }

    records_travel_in_files_and_go_on_after_a_daemon_was_freed(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 3)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        let first = lan.enrol(&bench).await.daemon;
        lan.seat(&license, 0, 2).await;
        // The same file twice.
        let (request, records) = lan.request().await;
        for _ in 0..2 {
            let (request, records) = (request.clone(), records.clone());
            let answer = bench.write(move |tx, cx| daemon::enrol(tx, cx, &request, &records)).await.expect("an answer");
            lan.apply(&bench, &answer).await.expect("in force");
        }
        let told = kept(&bench, first).await.len() as i64;
        assert!(told >= 3);
        bench.write(move |tx, cx| daemon::free(tx, cx, first)).await.expect("free");
        lan.seat(&license, 2, 3).await;
        let second = lan.enrol(&bench).await;
        assert_ne!(second.daemon, first);
        assert!(second.number > 1, "numbers go on, so that what was given before the end stays void");
        let events = kept(&bench, second.daemon).await;
        assert_eq!(numbers(&events)[0], told + 1, "the numbers go on where they were");
        assert!(lan.report().await.records.iter().all(|record| record.sequence > *numbers(&events).last().expect("one")));
    }
}
