//! The journal's chain of blocks, what its events tell, and answers that are given again.

use lessor_core::catalog::{self, SetDefault};
use lessor_core::idempotency::{self, Answer, RequestKey};
use lessor_core::journal::{self, Event, EventFilter, Flaw};
use lessor_core::license::{self, ChangeLicense, Terms};
use lessor_core::{Error, Refusal, StoreError};
use lessor_db::Statement;
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, on_both_engines};

lessor_db::statements! {
    ALTER_DATA = "UPDATE events SET data = '{}' WHERE kind = 'license.issued'";
    ALTER_TIME = "UPDATE events SET at = at + 1 WHERE kind = 'license.issued'";
    ALTER_ACTOR = "UPDATE events SET actor = '[]' WHERE kind = 'license.issued'";
    REMOVE = "DELETE FROM events WHERE kind = 'license.issued'";
    MOVE_ALL = "UPDATE events SET block = 3 - block WHERE block IN (1, 2)";
    MOVE_BEHIND = "UPDATE events SET block = 99 WHERE kind = 'license.issued'";
    REMOVE_BLOCK = "DELETE FROM journal_blocks WHERE number = 1";
    ALTER_HASH = "UPDATE journal_blocks SET hash = (SELECT hash FROM journal_blocks WHERE number = 2) WHERE number = 1";
    KEPT = "SELECT count(*) FROM idempotency_records";
}

async fn seal(bench: &Bench) -> Result<bool, Error> {
    bench.write(journal::seal).await
}

async fn flaws(bench: &Bench) -> Vec<Flaw> {
    bench.read(|tx, _| journal::verify(tx)).await.expect("a verdict")
}

async fn run(bench: &Bench, statement: Statement) -> u64 {
    let done: Result<u64, StoreError> = bench.app.store().write(move |tx| tx.execute(statement, &[])).await;
    done.expect("done")
}

async fn events(bench: &Bench) -> Vec<Event> {
    bench.read(|tx, cx| journal::list(tx, cx, &EventFilter::default(), None, 10_000)).await.expect("events")
}

/// Two sealed blocks with a few events each.
async fn two_blocks(bench: &Bench) {
    let product = bench.product("Paint").await;
    bench.issue(product.id, None, 3).await;
    assert!(!seal(bench).await.expect("sealed"));
    bench.issue(product.id, None, 3).await;
    assert!(!seal(bench).await.expect("sealed"));
    assert_eq!(flaws(bench).await, []);
}

macro_rules! found {
    ($bench:ident, $statement:expr, $expected:pat) => {{
        two_blocks(&$bench).await;
        assert!(run(&$bench, $statement).await > 0);
        let found = flaws(&$bench).await;
        assert!(matches!(found.as_slice(), $expected), "{found:?}");
    }};
}

fn key(name: &str, content: u8) -> RequestKey {
    RequestKey { caller: "acc".into(), route: "POST /v1/things".into(), key: name.into(), fingerprint: [content; 32] }
}

/// Issues a license under a request key; the answer is its code.
async fn issue_once(
    bench: &Bench,
    product: lessor_core::ProductId,
    request: RequestKey,
) -> Result<(Answer, bool), Error> {
    bench
        .write(move |tx, cx| {
            idempotency::once(tx, cx, &request, |tx| {
                let cmd = lessor_testkit::world::issue_of(product, None, license::Codes::Generate(1));
                let (_, code) = license::issue(tx, cx, &cmd)?.remove(0);
                Ok(Answer { status: 201, body: code })
            })
        })
        .await
}

async fn how_many(bench: &Bench) -> i64 {
    let filter = license::LicenseFilter::of(bench.root.id);
    bench.read(move |tx, cx| license::count(tx, cx, &filter)).await.expect("a count")
}

on_both_engines! {
    an_altered_event_is_found(bench) {
        found!(bench, ALTER_DATA, [Flaw::Altered(1), Flaw::Altered(2)]);
    }

    an_event_with_another_time_is_found(bench) {
        found!(bench, ALTER_TIME, [Flaw::Altered(1), Flaw::Altered(2)]);
    }

    an_event_with_another_actor_is_found(bench) {
        found!(bench, ALTER_ACTOR, [Flaw::Altered(1), Flaw::Altered(2)]);
    }

    a_removed_event_is_found(bench) {
        found!(bench, REMOVE, [Flaw::Altered(1), Flaw::Altered(2)]);
    }

    events_that_changed_places_are_found(bench) {
        found!(bench, MOVE_ALL, [Flaw::Altered(1), Flaw::Altered(2)]);
    }

    events_behind_the_last_block_are_found(bench) {
        found!(bench, MOVE_BEHIND, [Flaw::Altered(1), Flaw::Altered(2), Flaw::Stray(6)]);
    }

    a_removed_block_is_found(bench) {
        found!(bench, REMOVE_BLOCK, [Flaw::MissingBlock(1), ..]);
    }

    an_altered_hash_is_found(bench) {
        found!(bench, ALTER_HASH, [Flaw::Altered(1), Flaw::Altered(2)]);
    }

    everything_is_sealed_once_whoever_seals(bench) {
        let product = bench.product("Paint").await;
        bench.issue(product.id, None, 2_500).await;
        let outcomes = bench.all_at_once(6, |_| seal(&bench)).await;
        for outcome in outcomes {
            assert!(matches!(outcome, Ok(_) | Err(Error::Store(StoreError::Unique(_)))), "{outcome:?}");
        }
        while seal(&bench).await.expect("sealed") {}
        assert_eq!(flaws(&bench).await, []);
        assert!(!seal(&bench).await.expect("nothing to seal"));
    }

    sealing_goes_on_while_events_come_in(bench) {
        let product = bench.product("Paint").await;
        let outcomes = bench
            .all_at_once(40, |n| {
                let bench = &bench;
                async move {
                    if n % 4 == 0 {
                        let sealed = seal(bench).await;
                        return matches!(sealed, Ok(_) | Err(Error::Store(StoreError::Unique(_))));
                    }
                    bench.issue(product.id, None, 2).await.len() == 2
                }
            })
            .await;
        assert!(outcomes.into_iter().all(|good| good));
        while seal(&bench).await.expect("sealed") {}
        assert_eq!(flaws(&bench).await, []);
    }

    events_tell_who_when_and_what_was_before_and_after(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms::default()).await;
        bench.pass_hours(1);
        let mut change = ChangeLicense::of(license.id);
        change.terms.activation_limit = Some(5);
        change.order = Some("order-2".into());
        bench.change(change).await.expect("a change");
        let event = events(&bench).await.pop().expect("an event");
        assert_eq!((event.kind.as_str(), event.at, event.subject), ("license.changed", bench.app.now(), license.id.0));
        assert_eq!(event.account, bench.root.id);
        assert!(event.actor.contains("system"));
        assert_eq!(event.data["before"]["terms"]["activation_limit"], 1);
        assert_eq!(event.data["after"]["terms"]["activation_limit"], 5);
        assert_eq!((&event.data["before"]["order"], &event.data["after"]["order"]), (&"order-1".into(), &"order-2".into()));

        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("a place");
        let credential = held.credential.clone();
        bench
            .as_device(move |tx, cx| lessor_core::device::check_out_seats(tx, cx, &credential, "FLOAT", 2))
            .await
            .expect("seats");
        let event = events(&bench).await.pop().expect("an event");
        assert_eq!((event.kind.as_str(), &event.data["before"]["used"], &event.data["after"]["used"]),
            ("feature.checked_out", &0.into(), &2.into()));
        let cmd = license::SetTokens { license: license.id, feature: "TOKEN".into(), limit: Some(3), checked_out: None };
        bench.write(move |tx, cx| license::set_tokens(tx, cx, &cmd)).await.expect("tokens");
        let event = events(&bench).await.pop().expect("an event");
        assert_eq!((&event.data["before"]["limit"], &event.data["after"]["limit"]), (&10.into(), &3.into()));
        let cmd = license::Acquire { product: product.id, profile: None, amount: 1 };
        let free = bench.issue(product.id, None, 1).await.remove(0);
        bench.write(move |tx, cx| license::acquire(tx, cx, &cmd)).await.expect("a code");
        let event = events(&bench).await.pop().expect("an event");
        assert_eq!((event.kind.as_str(), event.subject), ("license.acquired", free.0.0));
        assert_eq!((&event.data["before"]["acquired"], &event.data["after"]["acquired"]), (&false.into(), &true.into()));
        let id = product.id;
        let cmd = SetDefault { code: "FLAG".into(), enabled: true, limit: 0 };
        bench.write(move |tx, cx| catalog::set_default(tx, cx, id, &cmd)).await.expect("a default");
        assert_eq!(events(&bench).await.pop().expect("an event").kind, "product.features_changed");
    }

    a_repeated_request_gets_the_first_answer_and_one_effect(bench) {
        let product = bench.product("Paint").await;
        let (first, replayed) = issue_once(&bench, product.id, key("k", 1)).await.expect("an answer");
        assert!(!replayed);
        let (again, replayed) = issue_once(&bench, product.id, key("k", 1)).await.expect("an answer");
        assert!(replayed);
        assert_eq!((again, how_many(&bench).await), (first, 1));
        let reused = issue_once(&bench, product.id, key("k", 2)).await;
        assert!(matches!(reused, Err(Error::Refused(Refusal::KeyReused))), "{reused:?}");
        let other = RequestKey { caller: "somebody else".into(), ..key("k", 2) };
        assert!(!issue_once(&bench, product.id, other).await.expect("an answer").1);
        let other = RequestKey { route: "PUT /v1/things".into(), ..key("k", 2) };
        assert!(!issue_once(&bench, product.id, other).await.expect("an answer").1);
        assert_eq!(how_many(&bench).await, 3);
        for bad in ["", "a\0b", &"k".repeat(201)] {
            let outcome = issue_once(&bench, product.id, key(bad, 1)).await;
            assert!(matches!(outcome, Err(Error::Refused(Refusal::Malformed { .. }))), "{outcome:?}");
        }
    }

    one_key_twenty_times_at_once_has_one_effect(bench) {
        let product = bench.product("Paint").await;
        let outcomes = bench.all_at_once(20, |_| issue_once(&bench, product.id, key("k", 1))).await;
        let answers: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("an answer")).collect();
        assert_eq!(answers.iter().filter(|(_, replayed)| !replayed).count(), 1);
        assert!(answers.iter().all(|(answer, _)| *answer == answers[0].0));
        assert_eq!(how_many(&bench).await, 1);
    }

    what_was_refused_is_not_kept_and_may_be_asked_again(bench) {
        let product = bench.product("Paint").await;
        let refused = bench
            .write(|tx, cx| {
                idempotency::once(tx, cx, &key("k", 1), |_| Err::<Answer, _>(Refusal::NoneFree.into()))
            })
            .await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NoneFree))), "{refused:?}");
        assert!(!issue_once(&bench, product.id, key("k", 2)).await.expect("an answer").1);
    }

    a_key_is_free_again_after_a_day(bench) {
        let product = bench.product("Paint").await;
        issue_once(&bench, product.id, key("k", 1)).await.expect("an answer");
        bench.pass_hours(24);
        assert!(issue_once(&bench, product.id, key("k", 1)).await.expect("an answer").1, "for a whole day");
        bench.pass_seconds(1);
        assert!(!issue_once(&bench, product.id, key("k", 2)).await.expect("an answer").1);
        issue_once(&bench, product.id, key("other", 2)).await.expect("an answer");
        bench.pass_hours(25);
        assert_eq!(bench.write(|tx, cx| Ok(idempotency::expire(tx, cx)?)).await.expect("expired"), 2);
        let (kept,): (i64,) = bench.read(|tx, _| Ok(tx.one(KEPT, &[])?)).await.expect("a count");
        assert_eq!(kept, 0);
    }
}
