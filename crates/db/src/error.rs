//! Why storage could not do what was asked.

/// A failure of storage, never of the domain.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Too much is waiting already; ask again later.
    #[error("storage is busy")]
    Busy,
    /// No space is left. Reads go on.
    #[error("storage is full")]
    Full,
    /// Storage accepts no writes (read-only file, standby).
    #[error("storage is read-only")]
    ReadOnly,
    /// Two transactions met; the engine tries the closure again.
    #[error("transactions met: {0}")]
    Conflict(String),
    /// A uniqueness rule of the schema was hit; the constraint or the columns, as the engine names them.
    #[error("already there: {0}")]
    Unique(String),
    /// The connection broke before anything was committed.
    #[error("connection lost: {0}")]
    Disconnected(String),
    /// The connection broke while committing: the write may or may not have happened.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// The storage is damaged or fails to sync; the process must not go on acknowledging.
    #[error("storage failed: {0}")]
    Broken(String),
    /// A row held something its reader did not expect.
    #[error("column {column}: {reason}")]
    Column {
        /// Zero-based position in the row.
        column: usize,
        /// What was expected and what was found.
        reason: String,
    },
    /// A closure panicked; it was rolled back.
    #[error("panicked: {0}")]
    Panicked(String),
    /// Anything else the engine said.
    #[error("{statement}: {message}")]
    Statement {
        /// Name of the statement.
        statement: &'static str,
        /// The engine's words.
        message: String,
    },
}

/// An error that may carry a [`StoreError`]: tells the engine whether to try a closure again.
pub trait Failure: From<StoreError> + Send + 'static {
    /// The storage failure within, if that is what it is.
    fn store(&self) -> Option<&StoreError>;
}

impl Failure for StoreError {
    fn store(&self) -> Option<&StoreError> {
        Some(self)
    }
}
