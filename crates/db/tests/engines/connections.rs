//! Connections to PostgreSQL break. What was not committed is tried again; what may have been is said to be unknown.

use crate::bench::*;
use crate::postgres::{Setup, TestPostgres, eventually};
use lessor_db::migrate;
use lessor_db::{Health, Limits, Location, Store, StoreError, Tx};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const KILL_ALL: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";
const KILL_SELF: &str = "SELECT pg_terminate_backend(pg_backend_pid())";

fn add(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    Ok(tx.one::<(i64,)>(ADD, &[1.into(), 1.into()])?.0)
}

fn killed(bench: &Bench) -> i64 {
    let database = bench.database.as_ref().expect("PostgreSQL");
    database.sql(KILL_ALL).parse().expect("a number")
}

/// Makes something happen at COMMIT, after all statements went well.
fn at_commit(bench: &Bench, action: &str) {
    let database = bench.database.as_ref().expect("PostgreSQL");
    database.sql(&format!(
        "CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action}; RETURN NULL; END $$"
    ));
    database.sql(
        "CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON counters DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION at_commit()",
    );
}

#[test]
fn idle_connections_that_were_killed_go_unnoticed() {
    let bench = Bench::postgres();
    for round in 1..=5 {
        assert_eq!(bench.write(add).expect("a write"), round);
        assert!(killed(&bench) > 0);
        assert_eq!(bench.count(), round);
    }
    assert_eq!(bench.store.health(), Health::Ok);
}

#[test]
fn a_connection_killed_inside_a_transaction_is_tried_again() {
    let bench = Bench::postgres();
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    let outcome = bench.write(move |tx| {
        add(tx)?;
        if seen.fetch_add(1, Ordering::Relaxed) == 0 {
            tx.one::<(bool,)>(sql(KILL_SELF), &[])?;
        }
        Ok(())
    });
    outcome.expect("the second run");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(bench.count(), 1);
}

#[test]
fn a_connection_killed_in_the_commit_leaves_the_outcome_unknown() {
    let bench = Bench::postgres();
    at_commit(&bench, "PERFORM pg_terminate_backend(pg_backend_pid())");
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    let outcome = bench.write(move |tx| {
        seen.fetch_add(1, Ordering::Relaxed);
        add(tx)
    });
    assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 1, "it must not run again by itself");
    assert_eq!(bench.count(), 0);
}

#[test]
fn a_warning_in_the_commit_leaves_the_outcome_unknown() {
    let bench = Bench::postgres();
    at_commit(&bench, "RAISE WARNING 'as when a wait for a standby is cut short'");
    let outcome = bench.write(add);
    assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
}

#[test]
fn a_refusal_in_the_commit_is_no_mystery() {
    let bench = Bench::postgres();
    at_commit(&bench, "RAISE EXCEPTION 'no'");
    let outcome = bench.write(add);
    assert!(matches!(outcome, Err(StoreError::Statement { .. })), "{outcome:?}");
    assert_eq!(bench.count(), 0);
}

#[test]
fn an_error_behind_the_rows_that_were_wanted_is_not_missed() {
    let bench = Bench::postgres();
    let outcome = bench.write(|tx| {
        add(tx)?;
        tx.opt::<(i64,)>(sql("SELECT CAST(10 / (3 - n) AS bigint) FROM generate_series(1, 5) n"), &[])
    });
    assert!(
        matches!(&outcome, Err(StoreError::Statement { message, .. }) if message == "division by zero"),
        "{outcome:?}"
    );
    assert_eq!(bench.count(), 0);
}

#[test]
fn transactions_that_block_each_other_are_tried_again() {
    let bench = Bench::postgres();
    bench.write(|tx| tx.execute(INSERT, &[2.into(), 0.into()])).expect("a second counter");
    // Each locks one counter, then the other: without retries one of them would be refused.
    let racers: Vec<_> = [(1i64, 2i64), (2, 1)]
        .into_iter()
        .map(|(first, second)| {
            let store = bench.store.clone();
            std::thread::spawn(move || {
                (0..5).try_for_each(|_| {
                    store.write_blocking(move |tx| {
                        tx.one::<(i64,)>(ADD, &[first.into(), 1.into()])?;
                        std::thread::sleep(Duration::from_millis(50));
                        tx.one::<(i64,)>(ADD, &[second.into(), 1.into()])?;
                        Ok::<_, StoreError>(())
                    })
                })
            })
        })
        .collect();
    for racer in racers {
        racer.join().expect("no panic").expect("both succeed");
    }
    assert_eq!(bench.count(), 10);
}

#[test]
fn statements_that_take_too_long_are_cut_short() {
    let bench = Bench::postgres_with(Limits { statement_time: Duration::from_millis(200), ..Limits::default() });
    let slow = bench.read(|tx| tx.query(sql("SELECT pg_sleep(20)::text"), &[], &mut |_| Ok(true)));
    assert!(matches!(slow, Err(StoreError::Busy)), "{slow:?}");
    assert_eq!(bench.count(), 0);
}

#[test]
fn a_commit_may_take_longer_than_a_statement() {
    let bench = Bench::postgres_with(Limits { statement_time: Duration::from_millis(200), ..Limits::default() });
    at_commit(
        &bench,
        "IF current_setting('statement_timeout') <> '0' THEN RAISE EXCEPTION 'it has a limit'; END IF; PERFORM pg_sleep(0.6)",
    );
    assert_eq!(bench.write(add).expect("it is not cut short"), 1);
    let slow = bench.write(|tx| tx.queue(sql("SELECT pg_sleep(20)"), &[]));
    assert!(matches!(slow, Err(StoreError::Busy)), "a statement that travels with it is: {slow:?}");
    assert_eq!(bench.count(), 1);
}

#[test]
fn readers_are_served_while_every_writer_is_taken() {
    let bench = Bench::postgres_with(Limits { postgres_connections: 3, ..Limits::default() });
    let runtime = runtime();
    let taken: Vec<_> = (0..6)
        .map(|_| {
            let store = bench.store.clone();
            let sleep = |tx: &mut dyn Tx| tx.query(sql("SELECT pg_sleep(1)::text"), &[], &mut |_| Ok(true));
            runtime.spawn(async move { store.write(sleep).await })
        })
        .collect();
    let started = std::time::Instant::now();
    assert_eq!(bench.count(), 0);
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    for task in taken {
        runtime.block_on(task).expect("no panic").expect("they end");
    }
}

#[test]
fn a_restart_of_the_server_is_survived() {
    let mut server = TestPostgres::start(&Setup::default());
    let database = server.database();
    let limits = Limits { postgres_connections: 3, reconnect_time: Duration::from_secs(20), ..Limits::default() };
    let store = Store::open(&at(&database), limits).expect("storage");
    migrate::run(&store, SCHEMA, 7, &mut |_| {}).expect("the schema");
    assert_eq!(store.write_blocking(add).expect("a write"), 1);

    server.stop();
    let asked = store.clone();
    let waiting = std::thread::spawn(move || asked.write_blocking(add));
    eventually("readiness tells", || matches!(store.health(), Health::Unavailable(_)));
    server.launch();
    assert_eq!(waiting.join().expect("no panic").expect("it waited for the server"), 2);
    eventually("readiness tells", || store.health() == Health::Ok);
}

#[test]
fn a_server_that_stays_away_is_told_after_a_while_and_found_when_it_is_back() {
    let mut server = TestPostgres::start(&Setup::default());
    let database = server.database();
    let limits = Limits { postgres_connections: 2, reconnect_time: Duration::from_millis(300), ..Limits::default() };
    let store = Store::open(&at(&database), limits).expect("storage");
    migrate::run(&store, SCHEMA, 7, &mut |_| {}).expect("the schema");
    store.write_blocking(add).expect("a write");

    server.stop();
    let outcome = store.write_blocking(add);
    assert!(matches!(outcome, Err(StoreError::Disconnected(_))), "{outcome:?}");
    assert!(matches!(store.health(), Health::Unavailable(_)));
    server.launch();
    // Nobody asks, and yet it is found.
    eventually("readiness tells", || store.health() == Health::Ok);
    assert_eq!(store.write_blocking(add).expect("a write"), 2);
}

#[test]
fn the_server_sees_who_is_connected_and_how_safely() {
    let bench = Bench::postgres();
    let told = bench.read(|tx| {
        tx.one::<(String, String, String)>(
            sql("SELECT current_setting('application_name'), current_setting('synchronous_commit'),
                 current_setting('statement_timeout')"),
            &[],
        )
    });
    assert_eq!(told.expect("settings"), ("lessor".into(), "on".into(), "30s".into()));
}

#[test]
fn a_server_set_up_to_lose_commits_does_not_do_so_for_us() {
    let database = TestPostgres::shared().database();
    let name = database.sql("SELECT current_database()");
    database.sql(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    let location = Location::Postgres { url: database.url.clone(), ca_file: None };
    let store = Store::open(&location, Limits::default()).expect("storage");
    let told = store.read_blocking(|tx| tx.one::<(String,)>(sql("SELECT current_setting('synchronous_commit')"), &[]));
    assert_eq!(told.expect("a setting").0, "on");
}
