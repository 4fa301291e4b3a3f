//! A connection to the database file: opened, checked, and wrapped in transactions.

use super::fault::store_error;
use super::translate::Translations;
use super::tx::SqliteTx;
use crate::{Limits, OpenError, Statement, StoreError, Tx};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::path::Path;

/// Measured: a sixth more commits a second than 4096, because less is written for each.
const PAGE_BYTES: u64 = 2048;
/// Statements that a connection keeps prepared; more than the program has.
const PREPARED: usize = 1024;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Making the file if it is not there, then writing.
    Create,
    /// Writing to a file that is there.
    Write,
    /// Reading.
    Read,
}

pub(crate) struct Link {
    pub(crate) connection: Connection,
    translations: Translations,
}

impl Link {
    /// Opens the file and refuses it when a setting that durability rests on did not take.
    pub(crate) fn open(path: &Path, limits: &Limits, purpose: Use) -> Result<Link, OpenError> {
        let fault = |error: rusqlite::Error| open_error(path, &error);
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, purpose == Use::Create);
        let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
        connection.busy_timeout(limits.lock_time).map_err(fault)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES}")).map_err(fault)?;
        // Reading the schema parses the header and recovers the log, so damage shows here.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(fault)?;
        if connection.is_readonly("main").map_err(fault)? {
            return Err(OpenError::ReadOnly { place: path.display().to_string() });
        }
        settle(&connection, path, purpose)?;
        Ok(Link { connection, translations: Translations::default() })
    }

    /// Bytes a page of this file has.
    pub(crate) fn page_bytes(&self) -> u64 {
        let bytes = self.connection.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0));
        bytes.ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or(PAGE_BYTES)
    }

    /// Runs a statement of the transaction machinery.
    pub(crate) fn control(&self, sql: &'static str) -> Result<(), StoreError> {
        let fault = |error: rusqlite::Error| store_error(sql, &error);
        self.connection.prepare_cached(sql).map_err(fault)?.raw_execute().map_err(fault)?;
        Ok(())
    }

    /// The transaction to hand to a closure.
    pub(crate) fn tx(&mut self) -> SqliteTx<'_> {
        SqliteTx::new(&self.connection, &mut self.translations)
    }

    /// SQLite ends a transaction by itself after some errors; then everything in it is gone.
    pub(crate) fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Leaves no transaction behind.
    pub(crate) fn abandon(&self) {
        if self.in_transaction()
            && let Err(error) = self.control("ROLLBACK")
        {
            tracing::error!(%error, "rolling back failed");
        }
    }

    /// One transaction around a closure that runs once, on this thread.
    pub(crate) fn transact<T, E: From<StoreError>>(
        &mut self,
        begin: &'static str,
        closure: &mut dyn FnMut(&mut dyn Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        self.control(begin)?;
        let mut tx = self.tx();
        let outcome = closure(&mut tx);
        let failure = tx.into_failure();
        let kept = match (outcome, failure) {
            (Ok(value), None) => self.control("COMMIT").map(|()| value).map_err(E::from),
            (Ok(_), Some(failure)) => Err(failure.into()),
            (Err(error), _) => Err(error),
        };
        self.abandon();
        kept
    }

    /// Has SQLite read a statement without running it.
    pub(crate) fn prepare(&mut self, statement: Statement) -> Result<(), StoreError> {
        let prepared = self.connection.prepare(self.translations.of(statement));
        prepared.map(|_| ()).map_err(|error| store_error(statement.name, &error))
    }

    /// Moves the log into the database as far as `mode` says; tells whether nothing stood in the way.
    pub(crate) fn checkpoint(&self, mode: &'static str) -> Result<bool, StoreError> {
        let row = self.connection.query_row(mode, [], |row| row.get::<_, i64>(0));
        row.map(|busy| busy == 0).map_err(|error| store_error("CHECKPOINT", &error))
    }
}

/// Sets what must be set and reads each one back: a transient error can leave a setting as it was, in silence.
fn settle(connection: &Connection, path: &Path, purpose: Use) -> Result<(), OpenError> {
    let reading = if purpose == Use::Read { "1" } else { "0" };
    let cache_kib = if purpose == Use::Read { "-4096" } else { "-16384" };
    let settings = [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("trusted_schema", "0"),
        ("fullfsync", "1"),
        ("checkpoint_fullfsync", "1"),
        ("wal_autocheckpoint", "0"),
        ("journal_size_limit", "67108864"),
        ("cache_size", cache_kib),
        ("query_only", reading),
    ];
    for (name, wanted) in settings {
        connection.pragma_update(None, name, wanted).map_err(|error| open_error(path, &error))?;
        let found = connection.pragma_query_value(None, name, |row| {
            let value = row.get_ref(0)?;
            Ok(value.as_i64().map_or_else(|_| value.as_str().unwrap_or("?").to_owned(), |n| n.to_string()))
        });
        let found = found.map_err(|error| open_error(path, &error))?;
        if !found.eq_ignore_ascii_case(wanted) {
            return Err(OpenError::Setting { name, wanted: wanted.to_owned(), found });
        }
    }
    Ok(())
}

/// What an error while opening means to the person who started the program.
fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let place = path.display().to_string();
    let reason = error.to_string();
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return OpenError::Io { path: path.to_owned(), reason };
    };
    match (failure.code, failure.extended_code) {
        (ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt, _) => {
            OpenError::Damaged { path: path.to_owned(), reason }
        }
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => OpenError::Full { place },
        (ErrorCode::ReadOnly, _) => OpenError::ReadOnly { place },
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed, _) => {
            OpenError::Locked { path: path.to_owned() }
        }
        _ => OpenError::Io { path: path.to_owned(), reason },
    }
}
