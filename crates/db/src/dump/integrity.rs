//! Has the engine look at everything it holds.

use super::DumpError;
use super::table::statement;
use crate::session::Session;
use crate::{Engine, Statement, Store, StoreError, Tx};

const CHECK_SQLITE: Statement = Statement { name: "CHECK", sql: "PRAGMA integrity_check" };
const REFERENCES_SQLITE: Statement = Statement {
    name: "REFERENCES",
    sql: "SELECT \"table\", coalesce(rowid, 0), \"parent\" FROM pragma_foreign_key_check LIMIT 100",
};
const TABLES_POSTGRES: Statement = Statement {
    name: "TABLES",
    sql: "SELECT quote_ident(relname) FROM pg_class
          WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname",
};
/// Rules and indexes that exist but do not hold for every row.
const UNSOUND_POSTGRES: Statement = Statement {
    name: "UNSOUND",
    sql: "SELECT 'constraint ' || conname::text || ' is not validated' FROM pg_constraint
          WHERE NOT convalidated AND connamespace = current_schema()::regnamespace
          UNION ALL
          SELECT 'index ' || indexrelid::regclass::text || ' is not valid' FROM pg_index JOIN pg_class ON oid = indexrelid
          WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace",
};

pub(super) fn examine(store: &Store) -> Result<Vec<String>, DumpError> {
    let mut session = store.session()?;
    match store.engine() {
        Engine::Sqlite => match session.read(sqlite) {
            // Damage so bad that the check itself stumbles over it.
            Err(DumpError::Store(StoreError::Broken(reason))) => Ok(vec![reason]),
            told => told,
        },
        Engine::Postgres => postgres(store, session),
    }
}

fn sqlite(tx: &mut dyn Tx) -> Result<Vec<String>, DumpError> {
    let told = tx.all::<(String,)>(CHECK_SQLITE, &[])?;
    let mut findings: Vec<_> = told.into_iter().map(|(line,)| line).filter(|line| line != "ok").collect();
    if !findings.is_empty() {
        return Ok(findings);
    }
    for (table, row, parent) in tx.all::<(String, i64, String)>(REFERENCES_SQLITE, &[])? {
        findings.push(format!("row {row} of table {table} refers to a row of {parent} that is not there"));
    }
    Ok(findings)
}

/// PostgreSQL verifies a block when it reads it, so every value of every row is read, toasted ones too.
fn postgres(store: &Store, mut session: Session) -> Result<Vec<String>, DumpError> {
    let (tables, unsound) = session.read(|tx| {
        let tables = tx.all::<(String,)>(TABLES_POSTGRES, &[])?;
        let unsound = tx.all::<(String,)>(UNSOUND_POSTGRES, &[])?;
        Ok::<_, StoreError>((tables, unsound))
    })?;
    let mut findings: Vec<_> = unsound.into_iter().map(|(line,)| line).collect();
    for (table,) in tables {
        let sql = format!("SELECT CAST(sum(length(t.*::text)) AS bigint) FROM {table} t");
        let all = statement("READ_ALL", sql);
        match session.read(|tx| tx.one::<(Option<i64>,)>(all, &[])) {
            Ok(_) => {}
            Err(error @ StoreError::Disconnected(_)) => return Err(error.into()),
            Err(error) => {
                findings.push(format!("table {table}: {error}"));
                session = store.session()?;
            }
        }
    }
    Ok(findings)
}
