//! Where storage is, what bounds it, and why it could not be opened.

use std::path::PathBuf;
use std::time::Duration;

/// Where storage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Embedded: the file `lessor.db` in a folder, which is made when it is not there.
    Sqlite {
        /// The folder.
        dir: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://user:password@host/database?sslmode=require`. With `require` (and its stricter
        /// names) the server's certificate is always verified.
        url: String,
        /// PEM file of the authorities to trust instead of the system's.
        ca_file: Option<PathBuf>,
    },
}

/// Bounds on what storage holds in memory and how long it waits.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Reading threads, each with a connection of its own (SQLite).
    pub read_threads: usize,
    /// Connections in all, of which a third (at least one) only read (PostgreSQL). At least two are used.
    pub postgres_connections: usize,
    /// Closures that may wait, for writing and for reading each; one more is answered `Busy` at once.
    pub queue_length: usize,
    /// Most closures in one commit (SQLite).
    pub batch_max: usize,
    /// Longest time for which closures are gathered into one commit while more are waiting (SQLite).
    pub batch_time: Duration,
    /// How long to wait for a lock that another process holds on the database file (SQLite).
    pub lock_time: Duration,
    /// Bytes of write-ahead log after which the background moves them into the database (SQLite).
    pub checkpoint_bytes: u64,
    /// Bytes of write-ahead log at which the writer itself stops to empty it (SQLite).
    pub log_bytes: u64,
    /// Longest time one statement may run (PostgreSQL).
    pub statement_time: Duration,
    /// How long a closure waits for a lost server to come back before it is answered (PostgreSQL).
    pub reconnect_time: Duration,
    /// How often a closure is tried again when transactions met or the connection broke.
    pub retries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            read_threads: 4,
            postgres_connections: 32,
            queue_length: 1024,
            batch_max: 256,
            batch_time: Duration::from_millis(5),
            lock_time: Duration::from_secs(5),
            checkpoint_bytes: 4 << 20,
            log_bytes: 64 << 20,
            statement_time: Duration::from_secs(30),
            reconnect_time: Duration::from_secs(5),
            retries: 20,
        }
    }
}

/// Why storage could not be opened. Displays as one line for the person who started the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process serves from this folder.
    #[error("{} is in use by another process", .path.display())]
    Locked {
        /// The lock file or database.
        path: PathBuf,
    },
    /// The file or folder, or the server's database, accepts no writes.
    #[error("storage is read-only: {place}")]
    ReadOnly {
        /// Path or server.
        place: String,
    },
    /// The file is not a database, or a damaged one.
    #[error("{} is damaged or not a database: {reason}", .path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// The engine's words.
        reason: String,
    },
    /// No space is left.
    #[error("no space is left for {place}")]
    Full {
        /// Path or server.
        place: String,
    },
    /// The folder or file cannot be made or opened.
    #[error("cannot open {}: {reason}", .path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The PostgreSQL address does not parse.
    #[error("the database address is not valid: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// The server cannot be reached or refuses the connection.
    #[error("cannot connect to PostgreSQL: {reason}")]
    Connect {
        /// The driver's or the server's words.
        reason: String,
    },
    /// The authorities' file cannot be used, or the system offers none.
    #[error("no certificate authorities to trust: {reason}")]
    Certificates {
        /// What is wrong.
        reason: String,
    },
    /// A setting that durability or correctness rests on did not take.
    #[error("setting {name} is {found}, but {wanted} is needed")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// What it must be.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// The linked SQLite has the bug that corrupts databases when the write-ahead log is reset (3.7.0 to 3.51.2).
    #[error("SQLite {version} can corrupt databases (fixed in 3.51.3)")]
    Affected {
        /// The linked version.
        version: String,
    },
    /// The system gives no more threads.
    #[error("cannot start a thread: {reason}")]
    Thread {
        /// The system's words.
        reason: String,
    },
}
