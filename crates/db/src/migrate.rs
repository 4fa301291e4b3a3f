//! Schema changes: numbered, forward only, each in one transaction with its own record.

use crate::digest::hex_sha256;
use crate::session::Session;
use crate::{Engine, FromRow, Row, Statement, Store, StoreError, Tx};

crate::statements! {
    /// The record of what ran.
    CREATE_RECORD = "CREATE TABLE IF NOT EXISTS schema_migrations (
        number BIGINT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        checksum TEXT NOT NULL,
        applied_at BIGINT NOT NULL
    )";
    /// All that ran, in order.
    APPLIED = "SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number";
    /// One more ran.
    RECORD = "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
}

/// Is the record there? Each engine answers from its own catalogue.
const HAS_RECORD_SQLITE: Statement =
    Statement { name: "HAS_RECORD", sql: "SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'" };
const HAS_RECORD_POSTGRES: Statement =
    Statement { name: "HAS_RECORD", sql: "SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL" };
/// Keeps a second process waiting until the step is committed. On SQLite there is one writer anyway.
const LOCK_RECORD: Statement = Statement { name: "LOCK_RECORD", sql: "LOCK TABLE schema_migrations IN EXCLUSIVE MODE" };
/// How often making the record is tried: PostgreSQL lets two that make it at once collide.
const CREATE_TRIES: u32 = 20;

/// One step of the schema. The same text runs on both engines; its checksum must never change once released.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3 … without gaps.
    pub number: u32,
    /// A few words, for people.
    pub name: &'static str,
    /// Statements, each ending with `;` at the end of a line.
    pub sql: &'static str,
}

/// A migration that a database has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: u32,
    /// Its name when it ran.
    pub name: String,
    /// SHA-256 of its text, in hex.
    pub checksum: String,
    /// When it ran, microseconds since 1970.
    pub applied_at: i64,
}

/// How a database compares with the migrations this program knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What the database has, in order.
    pub applied: Vec<Applied>,
    /// Numbers of what it still lacks, in order.
    pub pending: Vec<u32>,
}

/// Why migrating was refused or failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database was migrated by a newer program.
    #[error("the database is newer than this program: it has schema {found}, this program knows up to {known}")]
    Newer {
        /// The database's highest number.
        found: u32,
        /// Our highest number.
        known: u32,
    },
    /// A migration that ran here is not the one this program holds under that number.
    #[error("migration {number} ({name}) was changed after it ran on this database")]
    Changed {
        /// The migration's number.
        number: u32,
        /// Its name in the database.
        name: String,
    },
    /// The database lacks a migration below one that it has, or our own list has a gap.
    #[error("migration {number} is missing")]
    Gap {
        /// The missing number.
        number: u32,
    },
    /// A migration's text did not run; nothing of it remains.
    #[error("migration {number} ({name}) failed: {error}")]
    Failed {
        /// The migration's number.
        number: u32,
        /// Its name.
        name: &'static str,
        /// What storage said.
        error: StoreError,
    },
    /// Storage could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Compares the database with `migrations`.
///
/// # Errors
/// [`MigrateError::Newer`], `Changed`, `Gap` when they do not fit together; `Store`.
pub fn status(store: &Store, migrations: &[Migration]) -> Result<Status, MigrateError> {
    store.session()?.read(|tx| compare(applied(tx)?, migrations))
}

/// Runs what is missing, telling each step to `announce` before it starts. Gives the numbers that ran.
///
/// Several processes may do this at once: one of them runs each step. Must not be called inside an async runtime.
///
/// # Errors
/// As [`status`]; [`MigrateError::Failed`] for a step whose text does not run. Steps before it stay.
pub fn run(
    store: &Store,
    migrations: &[Migration],
    now_micros: i64,
    announce: &mut dyn FnMut(&str),
) -> Result<Vec<u32>, MigrateError> {
    let mut session = store.session()?;
    let before = session.read(|tx| compare(applied(tx)?, migrations))?;
    if !before.pending.is_empty() {
        create_record(&mut session)?;
    }
    let mut ran = Vec::new();
    for number in before.pending {
        let Some(migration) = migrations.iter().find(|known| known.number == number) else { continue };
        announce(&format!("migration {number}: {}", migration.name));
        if session.write(|tx| step(tx, migrations, migration, now_micros))? {
            ran.push(number);
        }
    }
    Ok(ran)
}

/// The database's schema number: that of the last migration that ran, `None` before the first.
pub(crate) fn schema(tx: &mut dyn Tx) -> Result<Option<u32>, StoreError> {
    Ok(applied(tx)?.last().map(|last| last.number))
}

/// One migration with its record; `false` when another process was quicker.
fn step(
    tx: &mut dyn Tx,
    migrations: &[Migration],
    migration: &Migration,
    now_micros: i64,
) -> Result<bool, MigrateError> {
    if tx.engine() == Engine::Postgres {
        tx.execute(LOCK_RECORD, &[])?;
    }
    let now = compare(applied(tx)?, migrations)?;
    if !now.pending.contains(&migration.number) {
        return Ok(false);
    }
    let failed = |error| MigrateError::Failed { number: migration.number, name: migration.name, error };
    for sql in statements(migration.sql) {
        tx.execute(Statement { name: migration.name, sql }, &[]).map_err(failed)?;
    }
    let checksum = hex_sha256(migration.sql.as_bytes());
    tx.execute(RECORD, &[migration.number.into(), migration.name.into(), checksum.into(), now_micros.into()])
        .map_err(failed)?;
    Ok(true)
}

fn create_record(session: &mut Session) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match session.write(|tx| tx.execute(CREATE_RECORD, &[]).map(|_| ())) {
            Err(StoreError::Unique(_) | StoreError::Statement { .. }) if tries < CREATE_TRIES => {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

fn applied(tx: &mut dyn Tx) -> Result<Vec<Applied>, StoreError> {
    let has_record = match tx.engine() {
        Engine::Sqlite => HAS_RECORD_SQLITE,
        Engine::Postgres => HAS_RECORD_POSTGRES,
    };
    match tx.opt::<(i64,)>(has_record, &[]) {
        Ok(Some(_)) => tx.all(APPLIED, &[]),
        Ok(None) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

impl FromRow for Applied {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Applied { number: row.get(0)?, name: row.get(1)?, checksum: row.get(2)?, applied_at: row.get(3)? })
    }
}

/// The rule: what ran must be a beginning of what we know, text for text.
fn compare(applied: Vec<Applied>, migrations: &[Migration]) -> Result<Status, MigrateError> {
    let gap = |numbers: &mut dyn Iterator<Item = u32>| {
        (1..).zip(numbers).find(|(wanted, found)| wanted != found).map(|(number, _)| MigrateError::Gap { number })
    };
    if let Some(error) = gap(&mut migrations.iter().map(|known| known.number)) {
        return Err(error);
    }
    let known = migrations.last().map_or(0, |last| last.number);
    if let Some(newest) = applied.last().filter(|last| last.number > known) {
        return Err(MigrateError::Newer { found: newest.number, known });
    }
    if let Some(error) = gap(&mut applied.iter().map(|ran| ran.number)) {
        return Err(error);
    }
    for (ran, known) in applied.iter().zip(migrations) {
        if ran.checksum != hex_sha256(known.sql.as_bytes()) {
            return Err(MigrateError::Changed { number: ran.number, name: ran.name.clone() });
        }
    }
    let pending = migrations[applied.len()..].iter().map(|known| known.number).collect();
    Ok(Status { applied, pending })
}

/// The statements of a text: each ends with `;` at the end of a line. Lines that are only a comment belong to none.
fn statements(sql: &'static str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in sql.split_inclusive('\n') {
        let text = line.trim();
        let is_comment = text.is_empty() || text.starts_with("--");
        if !is_comment && start.is_none() {
            start = Some(at);
        }
        at += line.len();
        if let Some(from) = start
            && !is_comment
            && text.split(" -- ").next().is_some_and(|code| code.trim_end().ends_with(';'))
        {
            found.push(sql[from..at].trim().trim_end_matches(';'));
            start = None;
        }
    }
    found.extend(start.map(|from| sql[from..].trim()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration = Migration { number: 1, name: "one", sql: "CREATE TABLE a (id BIGINT);" };
    const TWO: Migration = Migration { number: 2, name: "two", sql: "CREATE TABLE b (id BIGINT);" };

    fn ran(number: u32, sql: &str) -> Applied {
        Applied { number, name: format!("step {number}"), checksum: hex_sha256(sql.as_bytes()), applied_at: 7 }
    }

    #[test]
    fn statements_end_with_a_semicolon_at_the_end_of_a_line() {
        let sql = "-- First; a comment;\nCREATE TABLE a (\n  id BIGINT, -- why; because\n  note TEXT DEFAULT ';'\n);\n\n\
                   INSERT INTO a VALUES (1, 'x;y');  \nDELETE FROM a; -- all\nSELECT 1";
        let expected = [
            "CREATE TABLE a (\n  id BIGINT, -- why; because\n  note TEXT DEFAULT ';'\n)",
            "INSERT INTO a VALUES (1, 'x;y')",
            "DELETE FROM a; -- all",
            "SELECT 1",
        ];
        assert_eq!(statements(sql), expected);
        assert!(statements("\n-- nothing;\n").is_empty());
    }

    #[test]
    fn what_is_missing_at_the_end_is_pending() {
        let status = compare(vec![ran(1, ONE.sql)], &[ONE, TWO]).expect("they fit");
        assert_eq!(status.pending, [2]);
        assert_eq!(status.applied.len(), 1);
    }

    #[test]
    fn a_newer_a_changed_and_a_gappy_database_are_refused() {
        let newer = compare(vec![ran(1, ONE.sql), ran(2, TWO.sql)], &[ONE]);
        assert!(matches!(newer, Err(MigrateError::Newer { found: 2, known: 1 })));
        let changed = compare(vec![ran(1, "CREATE TABLE other (id BIGINT);")], &[ONE]);
        assert!(matches!(changed, Err(MigrateError::Changed { number: 1, .. })));
        let gap = compare(vec![ran(2, TWO.sql)], &[ONE, TWO]);
        assert!(matches!(gap, Err(MigrateError::Gap { number: 1 })));
        let own_gap = compare(vec![], &[ONE, Migration { number: 3, ..TWO }]);
        assert!(matches!(own_gap, Err(MigrateError::Gap { number: 2 })));
    }
}
