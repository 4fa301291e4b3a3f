//! A connection to the database file: opened, checked, and wrapped in transactions.

use super::fault::store_error;
use super::translate::Translations;
use super::tx::SqliteTx;
use crate::epoch::{Epochs, Mark, Touches};
use crate::{Limits, OpenError, Statement, StoreError, Touch, Tx};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::path::Path;
use std::sync::Arc;

/// Measured: a sixth more commits a second than 4096, because less is written for each.
const PAGE_BYTES: u64 = 2048;
/// Statements that a connection keeps prepared; more than the program has.
const PREPARED: usize = 1024;

/// A transaction that writes: it takes the one lock for that at once.
pub(crate) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
/// A transaction that sees one unchanging picture.
pub(crate) const BEGIN_READ: &str = "BEGIN DEFERRED";

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
    touches: Touches,
    /// Told of each commit; `None` where nobody is to be told.
    epochs: Option<Arc<Epochs>>,
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
        // A statement keeps its plan whatever is bound to it: looking at the values, SQLite would plan it anew each time.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
        // The last connection to close would empty the log on its way out, and tell nobody if that failed.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fault)?;
        Ok(Link { connection, translations: Translations::default(), touches: Touches::default(), epochs: None })
    }

    /// Has the file of the log made if it is not there.
    pub(crate) fn open_log(&self, path: &Path) -> Result<(), OpenError> {
        let read = self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
        read.map_err(|error| open_error(path, &error))
    }

    /// From now on these are told what each commit touched.
    pub(crate) fn telling(mut self, epochs: Option<Arc<Epochs>>) -> Link {
        self.epochs = epochs;
        self
    }

    /// Takes the files of an empty log along when it closes.
    pub(crate) fn tidy_on_close(&self) -> Result<(), StoreError> {
        let set = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        set.map(|_| ()).map_err(|error| store_error("CLOSE", &error))
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
        SqliteTx::new(&self.connection, &mut self.translations, &mut self.touches)
    }

    /// Begins a transaction, of which nothing is touched yet.
    pub(crate) fn begin(&mut self, begin: &'static str) -> Result<(), StoreError> {
        self.touches.clear();
        self.control(begin)
    }

    /// Commits, and tells the caches of it.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        match &self.epochs {
            Some(epochs) => epochs.around(&self.touches, || self.control("COMMIT")),
            None => self.control("COMMIT"),
        }
    }

    /// What is touched so far.
    pub(crate) fn touched(&self) -> Mark {
        self.touches.mark()
    }

    /// What was touched since is not kept.
    pub(crate) fn forget_touches(&mut self, since: Mark) {
        self.touches.back_to(since);
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

    /// One transaction around a closure that runs once, on this thread. One that writes counts as having changed anything.
    pub(crate) fn transact<T, E: From<StoreError>>(
        &mut self,
        begin: &'static str,
        closure: &mut dyn FnMut(&mut dyn Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin(begin)?;
        if begin == BEGIN_WRITE {
            self.touches.add(Touch::Everything);
        }
        let mut tx = self.tx();
        let outcome = closure(&mut tx);
        let failure = tx.into_failure();
        let kept = match (outcome, failure) {
            (Ok(value), None) => self.commit().map(|()| value).map_err(E::from),
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
    let cache_kib = if purpose == Use::Read { "-4096" } else { "-8192" };
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
