//! Writes whose result nobody needs travel together, and fail as if they had not.

use crate::bench::*;
use crate::postgres::TestPostgres;
use crate::proxy::{Cut, Proxy};
use lessor_db::{Engine, Limits, Location, Store, StoreError, Tx, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn queue_insert(tx: &mut dyn Tx, id: i64) -> Result<(), StoreError> {
    tx.queue(INSERT, &[id.into(), 0.into()])
}

fn count(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    Ok(tx.one::<(i64,)>(COUNTERS, &[])?.0)
}

/// One query and three writes, as the busiest closures have.
fn typical(tx: &mut dyn Tx, first: i64) -> Result<(), StoreError> {
    tx.one::<(i64,)>(LOCK, &[1.into()])?;
    (first..first + 3).try_for_each(|id| queue_insert(tx, id))
}

on_both_engines! {
    fn queued_writes_are_kept_and_seen_by_what_follows(bench) {
        let seen = bench.write(|tx| {
            queue_insert(tx, 2)?;
            tx.queue(SET, &[2.into(), 7.into()])?;
            let (n,) = tx.one::<(i64,)>(COUNT, &[2.into()])?;
            tx.queue(SET, &[2.into(), 8.into()])?;
            let touched = tx.execute(sql("UPDATE counters SET n = n * 10 WHERE id = 2"), &[])?;
            tx.queue(ADD, &[2.into(), 1.into()])?;
            Ok((n, touched))
        });
        assert_eq!(seen.expect("kept"), (7, 1));
        assert_eq!(bench.read(|tx| tx.one::<(i64,)>(COUNT, &[2.into()])).expect("a counter").0, 81, "in this order");
    }

    fn nothing_remains_when_a_queued_write_fails(bench) {
        let outcome = bench.write(|tx| {
            queue_insert(tx, 2)?;
            let _ = queue_insert(tx, 2);
            let _ = queue_insert(tx, 3);
            Ok(())
        });
        assert!(matches!(&outcome, Err(StoreError::Unique(name)) if name.contains("counters")), "{outcome:?}");
        assert_eq!(bench.counters(), 1);
        let negative = bench.write(|tx| {
            queue_insert(tx, 2)?;
            tx.queue(SET, &[1.into(), (-1).into()])
        });
        assert!(matches!(&negative, Err(StoreError::Statement { statement: "SET", .. })), "{negative:?}");
        assert_eq!(bench.counters(), 1);
    }

    fn a_queued_failure_shows_with_the_next_query_at_the_latest(bench) {
        let outcome = bench.write(|tx| {
            let _ = queue_insert(tx, 1);
            let asked = count(tx);
            assert!(matches!(asked, Err(StoreError::Unique(_))), "{asked:?}");
            assert!(matches!(queue_insert(tx, 9), Err(StoreError::Unique(_))), "nothing works after a failure");
            Ok(())
        });
        assert!(matches!(outcome, Err(StoreError::Unique(_))), "{outcome:?}");
        assert_eq!(bench.counters(), 1);
    }

    fn queued_writes_of_a_closure_that_refuses_are_not_sent(bench) {
        for asks_first in [false, true] {
            let refused = bench.write(move |tx| {
                if asks_first {
                    count(tx)?;
                }
                queue_insert(tx, 2)?;
                Err::<(), _>(StoreError::Statement { statement: "RULE", message: "no".into() })
            });
            assert!(matches!(refused, Err(StoreError::Statement { statement: "RULE", .. })));
        }
        let panicked = bench.write(|tx| {
            if queue_insert(tx, 2).is_ok() {
                panic!("on purpose");
            }
            Ok(())
        });
        assert!(matches!(panicked, Err(StoreError::Panicked(_))), "{panicked:?}");
        bench.write(|tx| queue_insert(tx, 5)).expect("storage goes on");
        assert_eq!(bench.counters(), 2);
    }

    fn more_writes_than_fit_in_one_go_are_all_kept(bench) {
        bench.write(|tx| (2..2002).try_for_each(|id| queue_insert(tx, id))).expect("small ones");
        assert_eq!(bench.counters(), 2001);
        let big: Vec<u8> = (0..300_000u32).map(|n| (n.wrapping_mul(n) >> 5) as u8).collect();
        let written = big.clone();
        bench.write(move |tx| (0..20i64).try_for_each(|id| {
            let none = Value::Null;
            let row = [id.into(), none.clone(), none.clone(), none.clone(), written.clone().into(), none.clone(), none];
            tx.queue(KIND, &row)
        })).expect("big ones");
        let read = bench.read(|tx| tx.all::<(Vec<u8>,)>(sql("SELECT raw FROM kinds"), &[])).expect("rows");
        assert!(read.len() == 20 && read.iter().all(|(raw,)| *raw == big));
    }

    fn wrong_parameters_of_a_queued_write_are_told(bench) {
        let few = bench.write(|tx| tx.queue(INSERT, &[2.into()]));
        assert!(matches!(few, Err(StoreError::Statement { statement: "INSERT", .. })), "{few:?}");
        let nul = bench.write(|tx| tx.queue(WORD, &["a\0b".into(), 1.into()]));
        assert!(matches!(nul, Err(StoreError::Statement { statement: "WORD", .. })), "{nul:?}");
        let swallowed = bench.write(|tx| {
            queue_insert(tx, 2)?;
            let _ = tx.queue(INSERT, &[3.into()]);
            Ok(())
        });
        assert!(swallowed.is_err());
        assert_eq!(bench.counters(), 1);
    }
}

#[test]
fn a_query_and_three_writes_take_two_round_trips() {
    let database = TestPostgres::shared().database();
    let proxy = Proxy::start(&database.url);
    // One connection writes.
    let limits = Limits { postgres_connections: 2, ..Limits::default() };
    let store = Store::open(&Location::Postgres { url: proxy.url(), ca_file: None }, limits).expect("storage");
    lessor_db::migrate::run(&store, SCHEMA, 7, &mut |_| {}).expect("the schema");
    // Statements are prepared when they are first needed.
    store.write_blocking(|tx| typical(tx, 10)).expect("kept");
    store.read_blocking(count).expect("a count");
    let taken = |work: &dyn Fn()| {
        let before = proxy.turns();
        work();
        proxy.turns() - before
    };
    assert_eq!(taken(&|| store.write_blocking(|tx| typical(tx, 20)).expect("kept")), 2);
    // What was sent without waiting is not waited for later either.
    assert_eq!(taken(&|| assert_eq!(store.read_blocking(count).expect("a count"), 7)), 1);
    assert_eq!(taken(&|| assert_eq!(store.read_blocking(count).expect("a count"), 7)), 1);
    assert_eq!(taken(&|| store.write_blocking(|_| Ok::<_, StoreError>(())).expect("nothing")), 0);
    let refused = taken(&|| {
        let refused = store.write_blocking(|tx| {
            typical(tx, 30)?;
            Err::<(), _>(StoreError::Statement { statement: "RULE", message: "no".into() })
        });
        assert!(refused.is_err());
    });
    assert_eq!(refused, 1);
}

/// Everything is told to happen, and the way is cut when COMMIT comes by.
fn cut(cut: Cut) -> (Result<(), StoreError>, u32, i64) {
    let database = TestPostgres::shared().database();
    let proxy = Proxy::start(&database.url);
    let location = Location::Postgres { url: proxy.url(), ca_file: None };
    let store = Store::open(&location, Limits::default()).expect("storage");
    lessor_db::migrate::run(&store, SCHEMA, 7, &mut |_| {}).expect("the schema");
    store.write_blocking(|tx| typical(tx, 10)).expect("kept");
    proxy.cut(cut);
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    let outcome = store.write_blocking(move |tx| {
        seen.fetch_add(1, Ordering::Relaxed);
        typical(tx, 20)
    });
    let counters = store.read_blocking(count).expect("a count");
    (outcome, runs.load(Ordering::Relaxed), counters)
}

#[test]
fn a_way_cut_at_the_commit_leaves_the_outcome_unknown_whatever_it_was() {
    let (outcome, runs, counters) = cut(Cut::BeforeCommit);
    assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
    assert_eq!((runs, counters), (1, 4), "it never arrived");
    let (outcome, runs, counters) = cut(Cut::AfterCommit);
    assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
    assert_eq!((runs, counters), (1, 7), "it happened");
}

#[test]
fn a_connection_killed_by_a_queued_write_did_not_commit_and_is_tried_again() {
    let bench = Bench::postgres();
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    let outcome = bench.write(move |tx| {
        typical(tx, 10)?;
        if seen.fetch_add(1, Ordering::Relaxed) == 0 {
            tx.queue(sql("SELECT pg_terminate_backend(pg_backend_pid())"), &[])?;
        }
        queue_insert(tx, 20)
    });
    outcome.expect("the second run");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(bench.counters(), 5);
}

#[test]
fn a_closure_that_only_queues_does_not_notice_that_its_idle_connection_was_killed() {
    let bench = Bench::postgres();
    for id in 2..7 {
        bench.write(move |tx| queue_insert(tx, id)).expect("a write");
        let database = bench.database.as_ref().expect("PostgreSQL");
        database.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
    }
    assert_eq!(bench.counters(), 6);
}

#[test]
fn a_warning_before_the_commit_is_no_mystery() {
    let bench = Bench::postgres();
    let database = bench.database.as_ref().expect("PostgreSQL");
    database.sql(
        "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE WARNING 'of no account'; RETURN NULL; END $$",
    );
    database.sql("CREATE TRIGGER warn AFTER INSERT ON counters FOR EACH ROW EXECUTE FUNCTION warn()");
    bench.write(|tx| typical(tx, 10)).expect("kept");
    assert_eq!(bench.counters(), 4);
}

#[test]
fn a_transaction_that_was_ended_behind_our_back_is_not_acknowledged() {
    let bench = Bench::postgres();
    let outcome = bench.write(|tx| {
        queue_insert(tx, 2)?;
        tx.query(sql("ROLLBACK"), &[], &mut |_| Ok(true))
    });
    assert!(outcome.is_err(), "{outcome:?}");
    assert_eq!(bench.counters(), 1);
}

#[test]
fn rows_are_not_gathered_in_memory() {
    let bench = Bench::postgres();
    assert_eq!(bench.store.engine(), Engine::Postgres);
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").expect("a status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the most there was");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("KiB")
    };
    let before = peak();
    let bytes = bench.read(|tx| {
        let mut bytes = 0;
        tx.query(sql("SELECT repeat('x', 1000) FROM generate_series(1, 200000)"), &[], &mut |row| {
            bytes += row.get::<String>(0)?.len();
            Ok(true)
        })?;
        Ok(bytes)
    });
    assert_eq!(bytes.expect("rows"), 200_000_000);
    let grown = peak() - before;
    assert!(grown < 16 << 10, "{grown} KiB");
}

#[test]
fn a_password_can_be_tied_to_the_encrypted_connection() {
    let certificates = crate::encryption::Certificates::new("IP:127.0.0.1");
    let access = "hostssl all postgres 127.0.0.1/32 trust\nhostssl all guest 127.0.0.1/32 scram-sha-256\n";
    let server = certificates.server_with(access);
    server.admin("CREATE USER guest PASSWORD 'a pass word'");
    let database = server.database();
    let open = |password: &str| {
        let url = database.url.replacen("postgres@", &format!("guest:{password}@"), 1);
        let url = format!("{url}?sslmode=require&channel_binding=require");
        let ca_file = Some(certificates.path("ca.crt"));
        Store::open(&Location::Postgres { url, ca_file }, Limits::default())
    };
    let store = open("a%20pass%20word").expect("the password");
    assert_eq!(
        store.read_blocking(|tx| tx.one::<(String,)>(sql("SELECT current_user::text"), &[])).expect("who").0,
        "guest"
    );
    assert!(open("another").is_err());
}
