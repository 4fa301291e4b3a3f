//! PostgreSQL's errors in our words.

use crate::StoreError;
use postgres::error::{DbError, Error, SqlState};
use std::error::Error as _;

/// What an error of PostgreSQL, or of the way to it, means to whoever asked.
pub(crate) fn store_error(statement: &'static str, error: &Error) -> StoreError {
    match error.as_db_error() {
        Some(said) => from_server(statement, said),
        None if is_transport(error) => StoreError::Disconnected(in_full(error)),
        None => StoreError::Statement { statement, message: in_full(error) },
    }
}

/// What an error of COMMIT means. Only a plain refusal tells that nothing was kept.
pub(crate) fn commit_error(error: &Error) -> StoreError {
    match store_error("COMMIT", error) {
        StoreError::Disconnected(reason) => StoreError::OutcomeUnknown(reason),
        refused => refused,
    }
}

/// The driver's words and those of the causes behind them, which it does not print by itself.
pub(crate) fn in_full(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = next.source();
    }
    text
}

/// A plan made before a migration. Preparing the statement again cures it.
pub(crate) fn is_stale_plan(error: &Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        *said.code() == SqlState::FEATURE_NOT_SUPPORTED && said.message().starts_with("cached plan must not change")
    })
}

fn is_transport(error: &Error) -> bool {
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

fn from_server(statement: &'static str, said: &DbError) -> StoreError {
    let message = said.message().to_owned();
    match said.code().code() {
        "40001" | "40P01" => StoreError::Conflict(message),
        "23505" => StoreError::Unique(said.constraint().unwrap_or("").to_owned()),
        "53100" => StoreError::Full,
        "25006" => StoreError::ReadOnly,
        // A lock or a statement took longer than it may, or the server takes no more connections.
        "55P03" | "57014" | "53300" | "53400" => StoreError::Busy,
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => StoreError::Disconnected(message),
        code if code.starts_with("08") => StoreError::Disconnected(message),
        // Damaged blocks and failing disks. The server looks after its own durability (it stops when it cannot
        // sync), so this is one answer, not the end of our process.
        "XX001" | "XX002" | "58030" => StoreError::Broken(message),
        _ => StoreError::Statement { statement, message: detailed(said) },
    }
}

fn detailed(said: &DbError) -> String {
    match said.constraint() {
        Some(name) => format!("{} ({name})", said.message()),
        None => said.message().to_owned(),
    }
}
