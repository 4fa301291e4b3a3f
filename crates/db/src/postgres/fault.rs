//! PostgreSQL's errors in our words.

use crate::StoreError;
use postgres_protocol::message::backend::ErrorFields;
use std::error::Error as _;
use std::io;
use tokio_postgres::fallible_iterator::FallibleIterator;

/// Why something asked of the server did not happen.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server said no.
    Said(Box<Said>),
    /// The way to the server broke, or what came from there made no sense.
    Lost(String),
}

/// What the server said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Five characters, the same in every language.
    pub(crate) code: String,
    pub(crate) message: String,
    /// The rule of the schema that was hit.
    constraint: Option<String>,
    /// `ERROR`, `FATAL`, `WARNING`, the same in every language.
    pub(crate) severity: String,
}

impl Said {
    pub(crate) fn new(code: &str, message: &str) -> Said {
        Said { code: code.into(), message: message.into(), ..Said::default() }
    }

    pub(crate) fn read(mut fields: ErrorFields<'_>) -> io::Result<Said> {
        let mut said = Said::default();
        while let Some(field) = fields.next()? {
            let text = || String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => said.code = text(),
                b'M' => said.message = text(),
                b'V' => said.severity = text(),
                b'n' => said.constraint = Some(text()),
                _ => {}
            }
        }
        Ok(said)
    }

    /// Nothing comes after this, and what was under way when it was said may or may not have happened.
    pub(crate) fn is_the_last_word(&self) -> bool {
        matches!(&*self.severity, "FATAL" | "PANIC")
    }

    /// A plan made before a migration. A new connection makes new ones.
    pub(crate) fn is_stale_plan(&self) -> bool {
        self.code == "0A000" && self.message.starts_with("cached plan must not change")
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Said(said) => f.write_str(&said.message),
            Fault::Lost(reason) => f.write_str(reason),
        }
    }
}

impl From<Said> for Fault {
    fn from(said: Said) -> Fault {
        Fault::Said(Box::new(said))
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Lost(format!("error communicating with the server: {error}"))
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Fault {
        match error.as_db_error() {
            Some(said) => Said::new(said.code().code(), said.message()).into(),
            None => Fault::Lost(in_full(&error)),
        }
    }
}

/// What a fault means to whoever asked for a statement.
pub(crate) fn store_error(statement: &'static str, fault: &Fault) -> StoreError {
    match fault {
        Fault::Said(said) => from_server(statement, said),
        Fault::Lost(reason) => StoreError::Disconnected(reason.clone()),
    }
}

/// What a fault of COMMIT means. Only a plain refusal tells that nothing was kept.
pub(crate) fn commit_error(fault: &Fault) -> StoreError {
    match fault {
        Fault::Said(said) if said.is_the_last_word() => StoreError::OutcomeUnknown(said.message.clone()),
        _ => match store_error("COMMIT", fault) {
            StoreError::Disconnected(reason) => StoreError::OutcomeUnknown(reason),
            refused => refused,
        },
    }
}

/// The driver's words and those of the causes behind them, which it does not print by itself.
pub(crate) fn in_full(error: &tokio_postgres::Error) -> String {
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

fn from_server(statement: &'static str, said: &Said) -> StoreError {
    let message = said.message.clone();
    match &*said.code {
        // 23503: what a row was to refer to has been removed since it was read. Whoever reads again finds it gone.
        "40001" | "40P01" | "23503" => StoreError::Conflict(message),
        "23505" => StoreError::Unique(said.constraint.clone().unwrap_or_default()),
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

fn detailed(said: &Said) -> String {
    match &said.constraint {
        Some(name) => format!("{} ({name})", said.message),
        None => said.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, severity: &str) -> Fault {
        Said { severity: severity.into(), ..Said::new(code, "words") }.into()
    }

    #[test]
    fn only_a_plain_refusal_of_a_commit_tells_that_nothing_was_kept() {
        assert!(matches!(commit_error(&said("40001", "ERROR")), StoreError::Conflict(_)));
        assert!(matches!(commit_error(&said("23505", "ERROR")), StoreError::Unique(_)));
        assert!(matches!(commit_error(&said("53100", "ERROR")), StoreError::Full));
        for (code, severity) in [("57P01", "FATAL"), ("53100", "PANIC"), ("XX000", "FATAL"), ("08006", "ERROR")] {
            assert!(matches!(commit_error(&said(code, severity)), StoreError::OutcomeUnknown(_)), "{code}");
        }
        assert!(matches!(commit_error(&Fault::Lost("gone".into())), StoreError::OutcomeUnknown(_)));
    }
}
