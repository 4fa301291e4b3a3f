//! What a transaction keeps, and what it does not.

use crate::bench::*;
use lessor_db::{Engine, FromRow, Row, StoreError, Tx, Value};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use uuid::Uuid;

#[derive(Debug, PartialEq)]
struct Kinds(Option<bool>, Option<i64>, Option<String>, Option<Vec<u8>>, Option<Uuid>);

impl FromRow for Kinds {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Kinds(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    }
}

fn insert(tx: &mut dyn Tx, id: i64) -> Result<u64, StoreError> {
    tx.execute(INSERT, &[id.into(), 0i64.into()])
}

/// Did a row refer to one that is not there? Where others write at the same time it may have been there a moment ago, so that
/// the closure ran again until it was given up.
fn is_orphan<T>(bench: &Bench, outcome: &Result<T, StoreError>) -> bool {
    match bench.store.engine() {
        Engine::Sqlite => matches!(outcome, Err(StoreError::Statement { .. })),
        Engine::Postgres => matches!(outcome, Err(StoreError::Busy)),
    }
}

/// Reads, then writes what it read plus one: only right when the row was locked.
fn increment(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let (n,) = tx.one::<(i64,)>(LOCK, &[1.into()])?;
    std::thread::yield_now();
    tx.execute(SET, &[1.into(), (n + 1).into()])?;
    Ok(())
}

on_both_engines! {
    fn every_statement_is_prepared(bench) {
        for statements in [ALL, lessor_db::migrate::ALL] {
            let refused = bench.store.prepare_all(statements).expect("a connection");
            assert!(refused.is_empty(), "{refused:?}");
        }
        let wrong = bench.store.prepare_all(&[sql("SELECT nothing FROM counters")]).expect("a connection");
        assert!(matches!(&wrong[..], [StoreError::Statement { statement: "TEST", .. }]), "{wrong:?}");
    }

    fn every_kind_of_value_comes_back(bench) {
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let rows = [
            Kinds(None, None, None, None, None),
            Kinds(Some(true), Some(i64::MIN), Some(String::new()), Some(vec![]), Some(Uuid::nil())),
            Kinds(Some(false), Some(i64::MAX), Some("ä'\"\\\n\u{1F600}".into()), Some((0..=255).collect()), Some(id)),
        ];
        for (at, row) in rows.into_iter().enumerate() {
            let key = at as i64;
            let params: Vec<Value> = vec![
                key.into(), row.0.into(), row.1.into(), row.2.clone().into(), row.3.clone().into(), row.4.into(), Value::Null,
            ];
            assert_eq!(bench.write(move |tx| tx.execute(KIND, &params)).expect("a row"), 1);
            let found = bench.read(move |tx| tx.one::<Kinds>(KINDS, &[key.into()])).expect("the row");
            assert_eq!(found, row);
        }
    }

    fn the_engine_and_its_version_are_named(bench) {
        let expected = if bench.store.engine() == Engine::Sqlite { "SQLite 3." } else { "PostgreSQL 1" };
        assert!(bench.store.version().starts_with(expected), "{}", bench.store.version());
        let store = bench.store.clone();
        assert_eq!(bench.read(|tx| Ok(tx.engine())).expect("an engine"), store.engine());
    }

    fn what_a_closure_did_is_kept_and_counted(bench) {
        let touched = bench.write(|tx| {
            insert(tx, 2)?;
            insert(tx, 3)?;
            let touched = tx.execute(sql("UPDATE counters SET n = n + 1 WHERE id > $1"), &[1.into()])?;
            let none = tx.execute(sql("DELETE FROM counters WHERE id > $1"), &[9.into()])?;
            let (n,) = tx.one::<(i64,)>(ADD, &[3.into(), 10.into()])?;
            Ok((touched, none, n))
        });
        assert_eq!(touched.expect("kept"), (2, 0, 11));
        assert_eq!(bench.counters(), 3);
    }

    fn nothing_remains_of_a_closure_that_refuses(bench) {
        let refused = bench.write(|tx| {
            insert(tx, 2)?;
            Err::<(), _>(StoreError::Statement { statement: "RULE", message: "no".into() })
        });
        assert!(matches!(refused, Err(StoreError::Statement { statement: "RULE", .. })));
        assert_eq!(bench.counters(), 1);
    }

    fn nothing_remains_of_a_closure_that_panics(bench) {
        let panicked = bench.write(|tx| {
            insert(tx, 2)?;
            if insert(tx, 3).is_ok() {
                panic!("on purpose");
            }
            Ok(())
        });
        assert!(matches!(&panicked, Err(StoreError::Panicked(text)) if text == "on purpose"), "{panicked:?}");
        assert_eq!(bench.counters(), 1);
        bench.write(|tx| insert(tx, 2)).expect("storage goes on");
    }

    fn a_failed_statement_ends_the_transaction_even_when_its_error_is_swallowed(bench) {
        let outcome = bench.write(|tx| {
            insert(tx, 2)?;
            let twice = insert(tx, 2);
            assert!(matches!(&twice, Err(StoreError::Unique(name)) if name.contains("counters")), "{twice:?}");
            assert!(matches!(insert(tx, 3), Err(StoreError::Unique(_))), "nothing works after a failure");
            Ok(())
        });
        assert!(matches!(outcome, Err(StoreError::Unique(_))), "{outcome:?}");
        assert_eq!(bench.counters(), 1);
    }

    fn rules_of_the_schema_hold(bench) {
        let negative = bench.write(|tx| tx.execute(SET, &[1.into(), (-1i64).into()]));
        assert!(matches!(negative, Err(StoreError::Statement { .. })), "{negative:?}");
        let orphan = bench.write(|tx| {
            tx.execute(PARENT, &[Uuid::from_u128(1).into(), "a".into(), Some(Uuid::from_u128(2)).into()])
        });
        assert!(is_orphan(&bench, &orphan), "{orphan:?}");
        let returning = sql("INSERT INTO parents (id, name, parent) VALUES ($1, 'b', $1), ($2, 'a', $3) RETURNING name");
        let ids: Vec<Value> = [1u128, 2, 3].map(|n| Uuid::from_u128(n).into()).into();
        // Only the first row is looked at; the rule that the second one breaks must still be heard.
        let unseen = bench.write(move |tx| tx.opt::<(String,)>(returning, &ids));
        assert!(is_orphan(&bench, &unseen), "{unseen:?}");
    }

    fn a_reader_cannot_write(bench) {
        let refused = bench.read(|tx| insert(tx, 2));
        assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
        assert_eq!(bench.counters(), 1);
    }

    fn a_reader_sees_one_unchanging_picture(bench) {
        let meeting = Arc::new(Barrier::new(2));
        let (store, there) = (bench.store.clone(), Arc::clone(&meeting));
        let reader = std::thread::spawn(move || {
            store.read_blocking(move |tx| {
                let (before,) = tx.one::<(i64,)>(COUNTERS, &[])?;
                there.wait();
                there.wait();
                let (after,) = tx.one::<(i64,)>(COUNTERS, &[])?;
                Ok::<_, StoreError>((before, after))
            })
        });
        meeting.wait();
        bench.write(|tx| insert(tx, 2)).expect("a write beside the reader");
        meeting.wait();
        assert_eq!(reader.join().expect("no panic").expect("two counts"), (1, 1));
        assert_eq!(bench.counters(), 2);
    }

    fn raced_increments_are_exact(bench) {
        let outcomes = runtime().block_on(async {
            let racing: Vec<_> = (0..50).map(|_| {
                let store = bench.store.clone();
                tokio::spawn(async move { store.write(increment).await })
            }).collect();
            let mut outcomes = Vec::new();
            for task in racing {
                outcomes.push(task.await.expect("no panic"));
            }
            outcomes
        });
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(bench.count(), 50);
    }

    fn a_closure_whose_transactions_met_runs_again(bench) {
        let runs = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&runs);
        bench.write(move |tx| {
            tx.one::<(i64,)>(ADD, &[1.into(), 1.into()])?;
            match seen.fetch_add(1, Ordering::Relaxed) {
                0 => Err(StoreError::Conflict("planted".into())),
                _ => Ok(()),
            }
        }).expect("the second run");
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        assert_eq!(bench.count(), 1, "what the first run did is gone");
    }

    fn nobody_waits_for_ever_when_transactions_keep_meeting(bench) {
        let runs = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&runs);
        let outcome = bench.write(move |_| {
            seen.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(StoreError::Conflict("planted".into()))
        });
        assert!(outcome.is_err());
        assert_eq!(runs.load(Ordering::Relaxed), 21);
    }

    fn text_is_ordered_by_its_bytes(bench) {
        let words = ["a", "B", "ä", "_", "aa", "Z", "z", "é", "A", "10", "9"];
        bench.write(move |tx| {
            words.iter().try_for_each(|word| tx.execute(WORD, &[(*word).into(), 1.into()]).map(|_| ()))
        }).expect("words");
        let found = bench.read(|tx| tx.all::<(String,)>(WORDS, &[])).expect("words");
        let mut expected = words.map(str::to_owned);
        expected.sort();
        assert_eq!(found.into_iter().map(|(word,)| word).collect::<Vec<_>>(), expected);
    }

    fn text_that_one_engine_cannot_hold_is_refused_by_both(bench) {
        let refused = bench.write(|tx| tx.execute(WORD, &["a\0b".into(), 1.into()]));
        assert!(matches!(refused, Err(StoreError::Statement { statement: "WORD", .. })), "{refused:?}");
    }

    fn wrong_columns_and_parameters_are_told(bench) {
        let kind = bench.read(|tx| tx.one::<(String,)>(COUNTERS, &[]));
        assert!(matches!(kind, Err(StoreError::Column { column: 0, .. })), "{kind:?}");
        let missing = bench.read(|tx| tx.one::<(i64, i64)>(COUNTERS, &[]));
        assert!(matches!(missing, Err(StoreError::Column { column: 1, .. })), "{missing:?}");
        let few = bench.read(|tx| tx.one::<(i64,)>(COUNT, &[]));
        assert!(matches!(few, Err(StoreError::Statement { statement: "COUNT", .. })), "{few:?}");
        let none = bench.read(|tx| tx.one::<(i64,)>(COUNT, &[99.into()]));
        assert!(matches!(none, Err(StoreError::Statement { statement: "COUNT", .. })), "{none:?}");
    }

    fn a_change_of_the_schema_does_not_disturb_statements_already_prepared(bench) {
        let all = sql("SELECT * FROM counters");
        let count = move |tx: &mut dyn Tx| {
            let mut rows = 0;
            tx.query(all, &[], &mut |_| { rows += 1; Ok(true) })?;
            Ok::<_, StoreError>(rows)
        };
        for _ in 0..20 {
            assert_eq!(bench.read(count).expect("before"), 1);
        }
        bench.write(|tx| tx.execute(sql("ALTER TABLE counters ADD COLUMN note TEXT"), &[])).expect("a new column");
        for _ in 0..20 {
            assert_eq!(bench.read(count).expect("after"), 1);
        }
    }

    fn a_closed_store_answers_what_waited_and_refuses_what_comes(bench) {
        let store = bench.store.clone();
        let entered = Arc::new(Barrier::new(2));
        let there = Arc::clone(&entered);
        let writer = std::thread::spawn(move || {
            store.write_blocking(move |tx| {
                there.wait();
                std::thread::sleep(std::time::Duration::from_millis(100));
                insert(tx, 2)
            })
        });
        entered.wait();
        bench.store.close();
        assert_eq!(writer.join().expect("no panic").expect("it was under way"), 1);
        assert!(matches!(bench.write(|tx| insert(tx, 3)), Err(StoreError::Disconnected(_))));
        assert!(matches!(bench.read(|tx| insert(tx, 3)), Err(StoreError::Disconnected(_))));
        bench.store.close();
        let again = lessor_db::Store::open(&bench.location, lessor_db::Limits::default()).expect("it opens again");
        assert_eq!(again.read_blocking(|tx| tx.one::<(i64,)>(COUNTERS, &[])).expect("counters").0, 2);
    }
}
