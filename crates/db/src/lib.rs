//! One transaction type on two engines: SQLite (embedded) and PostgreSQL.
//!
//! The domain writes plain synchronous functions over [`dyn Tx`](Tx) and PostgreSQL's SQL in the
//! subset that SQLite reads too. This crate knows nothing of licensing.

pub mod dump;
pub mod migrate;

mod column;
mod digest;
mod epoch;
mod error;
mod health;
mod job;
mod open;
mod postgres;
mod session;
mod sqlite;
mod statement;
mod store;
mod tx;

pub use column::{FromColumn, Value, ValueRef};
pub use epoch::{Epoch, Epochs, Touch};
pub use error::{Failure, StoreError};
pub use health::Health;
pub use open::{Limits, Location, OpenError};
pub use statement::Statement;
pub use store::{Store, sqlite_version};
pub use tx::{Engine, FromRow, Row, Tx};
