//! Storage with a small schema, on either engine.

use crate::postgres::{TestDatabase, TestPostgres};
use lessor_db::migrate::{self, Migration};
use lessor_db::{Limits, Location, Statement, Store, StoreError, Tx};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The schema that most tests here use. Rows of `parents` refer to each other.
pub const SCHEMA: &[Migration] = &[
    Migration {
        number: 1,
        name: "first tables",
        sql: "
CREATE TABLE parents (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    parent UUID REFERENCES parents (id)
);
CREATE TABLE kinds (
    id BIGINT NOT NULL PRIMARY KEY,
    flag BOOLEAN,
    number BIGINT,
    word TEXT,
    raw BYTEA,
    ident UUID,
    owner UUID REFERENCES parents (id)
);
-- The key has text in it, in byte order.
CREATE TABLE words (
    word TEXT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (word, place)
);
",
    },
    Migration {
        number: 2,
        name: "counters",
        sql: "
CREATE TABLE counters (
    id BIGINT NOT NULL PRIMARY KEY,
    n BIGINT NOT NULL CHECK (n >= 0)
);
INSERT INTO counters (id, n) VALUES (1, 0);
",
    },
];

/// Tables of the schema that a backup holds, parents first. `counters` is filled by its migration.
pub const TABLES: &[&str] = &["parents", "kinds", "words"];

lessor_db::statements! {
    /// The counter, locked.
    LOCK = "SELECT n FROM counters WHERE id = $1 FOR UPDATE";
    /// The counter.
    COUNT = "SELECT n FROM counters WHERE id = $1";
    /// Sets the counter.
    SET = "UPDATE counters SET n = $2 WHERE id = $1";
    /// Adds to the counter.
    ADD = "UPDATE counters SET n = n + $2 WHERE id = $1 RETURNING n";
    /// One more counter.
    INSERT = "INSERT INTO counters (id, n) VALUES ($1, $2)";
    /// How many counters there are.
    COUNTERS = "SELECT count(*) FROM counters";
    /// A word with its place.
    WORD = "INSERT INTO words (word, place) VALUES ($1, $2)";
    /// All words as bytes order them.
    WORDS = "SELECT word FROM words ORDER BY word COLLATE \"C\", place";
    /// A parent.
    PARENT = "INSERT INTO parents (id, name, parent) VALUES ($1, $2, $3)";
    /// A row with a value of each kind.
    KIND = "INSERT INTO kinds (id, flag, number, word, raw, ident, owner) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    /// The same, read back.
    KINDS = "SELECT flag, number, word, raw, ident FROM kinds WHERE id = $1";
}

/// Open storage and what it lies in.
pub struct Bench {
    pub store: Store,
    pub location: Location,
    pub database: Option<TestDatabase>,
    pub dir: Option<TempDir>,
}

impl Bench {
    pub fn sqlite() -> Bench {
        Bench::sqlite_with(Limits::default())
    }

    pub fn postgres() -> Bench {
        Bench::postgres_with(Limits { postgres_connections: 12, ..Limits::default() })
    }

    pub fn sqlite_with(limits: Limits) -> Bench {
        let (location, dir) = folder();
        Bench::migrated(location, limits, None, Some(dir))
    }

    pub fn postgres_with(limits: Limits) -> Bench {
        let database = TestPostgres::shared().database();
        Bench::migrated(at(&database), limits, Some(database), None)
    }

    fn migrated(location: Location, limits: Limits, database: Option<TestDatabase>, dir: Option<TempDir>) -> Bench {
        let store = Store::open(&location, limits).expect("storage opens");
        migrate::run(&store, SCHEMA, 7, &mut |_| {}).expect("the schema");
        Bench { store, location, database, dir }
    }

    /// Runs a closure that writes.
    pub fn write<T: Send + 'static>(
        &self,
        closure: impl Fn(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store.write_blocking(closure)
    }

    /// Runs a closure that reads.
    pub fn read<T: Send + 'static>(
        &self,
        closure: impl Fn(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store.read_blocking(closure)
    }

    /// What the counter of the schema says.
    pub fn count(&self) -> i64 {
        self.read(|tx| tx.one::<(i64,)>(COUNT, &[1.into()])).expect("the counter").0
    }

    /// How many counters there are.
    pub fn counters(&self) -> i64 {
        self.read(|tx| tx.one::<(i64,)>(COUNTERS, &[])).expect("the counters").0
    }
}

/// A folder for SQLite.
pub fn folder() -> (Location, TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    (Location::Sqlite { dir: dir.path().join("data") }, dir)
}

/// A database as a location.
pub fn at(database: &TestDatabase) -> Location {
    Location::Postgres { url: database.url.clone(), ca_file: None }
}

/// A runtime for what is asked from async code.
pub fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// A statement that only one test needs.
pub fn sql(text: &'static str) -> Statement {
    Statement { name: "TEST", sql: text }
}

/// The same test on each engine.
macro_rules! on_both_engines {
    ($(fn $name:ident($bench:ident) $body:block)*) => {
        mod on_sqlite {
            use super::*;
            $(#[test] fn $name() { let $bench = $crate::bench::Bench::sqlite(); $body })*
        }
        mod on_postgres {
            use super::*;
            $(#[test] fn $name() { let $bench = $crate::bench::Bench::postgres(); $body })*
        }
    };
}
