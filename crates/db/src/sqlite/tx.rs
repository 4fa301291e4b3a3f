//! The transaction on SQLite.

use super::fault::store_error;
use super::translate::Translations;
use crate::epoch::Touches;
use crate::{Engine, Row, Statement, StoreError, Touch, Tx, Value, ValueRef};
use rusqlite::types::{ToSqlOutput, ValueRef as Raw};
use rusqlite::{CachedStatement, Connection, ToSql};

pub(crate) struct SqliteTx<'a> {
    connection: &'a Connection,
    translations: &'a mut Translations,
    touches: &'a mut Touches,
    /// The first failure. As on PostgreSQL, nothing works after it and nothing is kept.
    failed: Option<StoreError>,
}

impl<'a> SqliteTx<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        translations: &'a mut Translations,
        touches: &'a mut Touches,
    ) -> Self {
        SqliteTx { connection, translations, touches, failed: None }
    }

    /// The first failure of a statement, if there was one.
    pub(crate) fn into_failure(self) -> Option<StoreError> {
        self.failed
    }

    fn guarded<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        act(self).inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn bound(&mut self, statement: Statement, params: &[Value]) -> Result<CachedStatement<'a>, StoreError> {
        let sql = self.translations.of(statement);
        let fault = |error: rusqlite::Error| store_error(statement.name, &error);
        let mut prepared = self.connection.prepare_cached(sql).map_err(fault)?;
        if prepared.parameter_count() != params.len() {
            let message = format!("takes {} parameters, got {}", prepared.parameter_count(), params.len());
            return Err(StoreError::Statement { statement: statement.name, message });
        }
        for (at, value) in params.iter().enumerate() {
            refuse_nul(statement.name, value)?;
            prepared.raw_bind_parameter(at + 1, Parameter(value)).map_err(fault)?;
        }
        Ok(prepared)
    }
}

impl Tx for SqliteTx<'_> {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn execute(&mut self, statement: Statement, params: &[Value]) -> Result<u64, StoreError> {
        self.guarded(|tx| {
            let fault = |error: rusqlite::Error| store_error(statement.name, &error);
            let before = tx.connection.total_changes();
            let mut prepared = tx.bound(statement, params)?;
            let mut rows = prepared.raw_query();
            let mut seen = 0;
            while rows.next().map_err(fault)?.is_some() {
                seen += 1;
            }
            drop(rows);
            // `changes()` keeps the last figure when a statement changed nothing.
            let changed = if tx.connection.total_changes() == before { 0 } else { tx.connection.changes() };
            Ok(if prepared.readonly() { seen } else { changed })
        })
    }

    fn query(
        &mut self,
        statement: Statement,
        params: &[Value],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.guarded(|tx| {
            let fault = |error: rusqlite::Error| store_error(statement.name, &error);
            let mut prepared = tx.bound(statement, params)?;
            // A statement that writes has done all of it, foreign keys included, before its first row comes out.
            let mut rows = prepared.raw_query();
            while let Some(row) = rows.next().map_err(fault)? {
                if !each(&SqliteRow(row))? {
                    break;
                }
            }
            Ok(())
        })
    }

    fn queue(&mut self, statement: Statement, params: &[Value]) -> Result<(), StoreError> {
        self.guarded(|tx| {
            let fault = |error: rusqlite::Error| store_error(statement.name, &error);
            let mut prepared = tx.bound(statement, params)?;
            let mut rows = prepared.raw_query();
            while rows.next().map_err(fault)?.is_some() {}
            Ok(())
        })
    }

    fn touch(&mut self, what: Touch) {
        self.touches.add(what);
    }
}

/// PostgreSQL cannot hold this character in text, so neither engine takes it.
pub(crate) fn refuse_nul(statement: &'static str, value: &Value) -> Result<(), StoreError> {
    match value {
        Value::Text(text) if text.contains('\0') => {
            Err(StoreError::Statement { statement, message: "text holds the character U+0000".into() })
        }
        _ => Ok(()),
    }
}

struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => Raw::Null,
            Value::Bool(flag) => Raw::Integer((*flag).into()),
            Value::Int(n) => Raw::Integer(*n),
            Value::Text(text) => Raw::Text(text.as_bytes()),
            Value::Bytes(bytes) => Raw::Blob(bytes),
            Value::Uuid(id) => Raw::Blob(id.as_bytes()),
        }))
    }
}

struct SqliteRow<'a, 's>(&'a rusqlite::Row<'s>);

impl Row for SqliteRow<'_, '_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, StoreError> {
        let raw = self.0.get_ref(column).map_err(|error| StoreError::column(column, error.to_string()))?;
        match raw {
            Raw::Null => Ok(ValueRef::Null),
            Raw::Integer(n) => Ok(ValueRef::Int(n)),
            Raw::Text(text) => {
                let text = std::str::from_utf8(text).map_err(|_| StoreError::column(column, "text is not UTF-8"))?;
                Ok(ValueRef::Text(text))
            }
            Raw::Blob(bytes) => Ok(ValueRef::Bytes(bytes)),
            Raw::Real(_) => Err(StoreError::column(column, "is a floating-point number")),
        }
    }
}
