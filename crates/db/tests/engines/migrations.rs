//! Schema changes: in order, once, all or nothing.

use crate::bench::*;
use crate::postgres::TestPostgres;
use lessor_db::migrate::{self, MigrateError, Migration, Status};
use lessor_db::{Limits, Location, Store, StoreError};
use std::sync::{Arc, Barrier};

const BROKEN: Migration = Migration {
    number: 3,
    name: "breaks half-way",
    sql: "CREATE TABLE half (id BIGINT NOT NULL PRIMARY KEY);\nINSERT INTO half (id) VALUES (1);\nSELECT nonsense;\n",
};
const MENDED: Migration = Migration { sql: "CREATE TABLE half (id BIGINT NOT NULL PRIMARY KEY);\n", ..BROKEN };

fn with(third: Migration) -> Vec<Migration> {
    let mut all = SCHEMA.to_vec();
    all.push(third);
    all
}

fn state(store: &Store, migrations: &[Migration]) -> Status {
    migrate::status(store, migrations).expect("a status")
}

on_both_engines! {
    fn each_step_ran_once_with_its_record(bench) {
        let status = state(&bench.store, SCHEMA);
        assert!(status.pending.is_empty());
        let recorded: Vec<_> = status.applied.iter().map(|ran| (ran.number, ran.name.as_str(), ran.applied_at)).collect();
        assert_eq!(recorded, [(1, "first tables", 7), (2, "counters", 7)]);
        let again = migrate::run(&bench.store, SCHEMA, 8, &mut |text| panic!("nothing to tell: {text}"));
        assert!(again.expect("nothing to do").is_empty());
    }

    fn a_step_is_told_before_it_starts(bench) {
        let store = bench.store.clone();
        let mut told = Vec::new();
        let ran = migrate::run(&bench.store, &with(MENDED), 8, &mut |text| {
            assert_eq!(state(&store, &with(MENDED)).pending, [3]);
            told.push(text.to_owned());
        });
        assert_eq!(ran.expect("it runs"), [3]);
        assert_eq!(told, ["migration 3: breaks half-way"]);
    }

    fn a_newer_database_is_refused(bench) {
        let refused = migrate::run(&bench.store, &SCHEMA[..1], 8, &mut |_| {});
        assert!(matches!(refused, Err(MigrateError::Newer { found: 2, known: 1 })), "{refused:?}");
        let text = refused.expect_err("refused").to_string();
        assert_eq!(text, "the database is newer than this program: it has schema 2, this program knows up to 1");
    }

    fn a_changed_text_is_refused(bench) {
        let mut changed = SCHEMA.to_vec();
        changed[1].sql = "CREATE TABLE counters (id BIGINT NOT NULL PRIMARY KEY);";
        let refused = migrate::run(&bench.store, &changed, 8, &mut |_| {});
        assert!(matches!(refused, Err(MigrateError::Changed { number: 2, .. })), "{refused:?}");
    }

    fn a_step_that_fails_leaves_nothing_and_is_resumed(bench) {
        let failed = migrate::run(&bench.store, &with(BROKEN), 8, &mut |_| {});
        assert!(matches!(failed, Err(MigrateError::Failed { number: 3, .. })), "{failed:?}");
        assert_eq!(state(&bench.store, &with(MENDED)).pending, [3]);
        let half = bench.read(|tx| tx.one::<(i64,)>(sql("SELECT count(*) FROM half"), &[]));
        assert!(matches!(half, Err(StoreError::Statement { .. })), "{half:?}");
        assert_eq!(migrate::run(&bench.store, &with(MENDED), 9, &mut |_| {}).expect("it resumes"), [3]);
        assert_eq!(bench.read(|tx| tx.one::<(i64,)>(sql("SELECT count(*) FROM half"), &[])).expect("a table").0, 0);
    }
}

/// Two stores on the same place migrate at the same moment, many times over.
fn race(location: &Location) {
    let first = Store::open(location, Limits::default()).expect("the first");
    let second = Store::open_shared(location, Limits::default()).expect("the second");
    let meeting = Arc::new(Barrier::new(2));
    let racers = [first.clone(), second].map(|store| {
        let meeting = Arc::clone(&meeting);
        std::thread::spawn(move || {
            meeting.wait();
            migrate::run(&store, &with(MENDED), 8, &mut |_| {}).expect("both succeed")
        })
    });
    let mut ran: Vec<u32> = racers.into_iter().flat_map(|racer| racer.join().expect("no panic")).collect();
    ran.sort_unstable();
    assert_eq!(ran, [1, 2, 3], "each step ran in exactly one of them");
    assert!(state(&first, &with(MENDED)).pending.is_empty());
}

#[test]
fn two_processes_that_start_at_once_are_safe_on_sqlite() {
    for _ in 0..5 {
        let (location, _dir) = folder();
        race(&location);
    }
}

#[test]
fn two_processes_that_start_at_once_are_safe_on_postgres() {
    for _ in 0..5 {
        let database = TestPostgres::shared().database();
        race(&at(&database));
    }
}

#[test]
fn a_fresh_database_has_everything_pending() {
    let (location, _dir) = folder();
    let store = Store::open(&location, Limits::default()).expect("storage");
    assert_eq!(state(&store, SCHEMA).pending, [1, 2]);
}
