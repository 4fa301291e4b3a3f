//! SQLite's errors in our words.

use crate::StoreError;
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// What an error of SQLite means to whoever asked.
pub(crate) fn store_error(statement: &'static str, error: &rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return StoreError::Statement { statement, message: error.to_string() };
    };
    match (failure.code, failure.extended_code) {
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => StoreError::Full,
        // The file was moved or deleted under us: what we write from here on is lost.
        (_, ffi::SQLITE_READONLY_DBMOVED) => StoreError::Broken(error.to_string()),
        (ErrorCode::ReadOnly, _) => StoreError::ReadOnly,
        (ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, code) => {
            StoreError::Broken(format!("{error} (code {code})"))
        }
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed, _) => {
            StoreError::Busy
        }
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID) => {
            StoreError::Unique(unique_columns(&error.to_string()))
        }
        _ => StoreError::Statement { statement, message: error.to_string() },
    }
}

/// `UNIQUE constraint failed: t.a, t.b` names the columns after the colon.
fn unique_columns(message: &str) -> String {
    message.split_once("failed: ").map_or(message, |(_, columns)| columns).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(extended: i32) -> StoreError {
        store_error("TEST", &rusqlite::Error::SqliteFailure(ffi::Error::new(extended), None))
    }

    #[test]
    fn failures_of_the_disk_are_told_apart() {
        assert!(matches!(mapped(ffi::SQLITE_FULL), StoreError::Full));
        assert!(matches!(mapped(ffi::SQLITE_IOERR_SHMSIZE), StoreError::Full));
        assert!(matches!(mapped(ffi::SQLITE_READONLY), StoreError::ReadOnly));
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_READ, ffi::SQLITE_CORRUPT] {
            assert!(matches!(mapped(code), StoreError::Broken(_)), "{code}");
        }
        assert!(matches!(mapped(ffi::SQLITE_READONLY_DBMOVED), StoreError::Broken(_)));
    }

    #[test]
    fn waiting_and_rules_of_the_schema_are_told_apart() {
        assert!(matches!(mapped(ffi::SQLITE_BUSY), StoreError::Busy));
        assert!(matches!(mapped(ffi::SQLITE_CONSTRAINT_PRIMARYKEY), StoreError::Unique(_)));
        assert!(matches!(mapped(ffi::SQLITE_CONSTRAINT_CHECK), StoreError::Statement { .. }));
    }
}
