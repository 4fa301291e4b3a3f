//! A connection on the caller's own thread, for closures that borrow and run exactly once.

use crate::{Statement, StoreError, Tx, postgres, sqlite};

/// See [`Store::session`](crate::Store).
pub(crate) enum Session {
    Sqlite(sqlite::Link),
    Postgres(Box<postgres::Link>),
}

impl Session {
    /// One transaction that may write; it commits when the closure returns `Ok`.
    pub(crate) fn write<T, E: From<StoreError>>(
        &mut self,
        mut closure: impl FnMut(&mut dyn Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Session::Sqlite(link) => link.transact(sqlite::BEGIN_WRITE, &mut closure),
            Session::Postgres(link) => link.transact(postgres::Begin::Write, &mut closure),
        }
    }

    /// One transaction on an unchanging picture.
    pub(crate) fn read<T, E: From<StoreError>>(
        &mut self,
        mut closure: impl FnMut(&mut dyn Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Session::Sqlite(link) => link.transact(sqlite::BEGIN_READ, &mut closure),
            Session::Postgres(link) => link.transact(postgres::Begin::Read, &mut closure),
        }
    }

    /// Has the engine read a statement without running it.
    pub(crate) fn prepare(&mut self, statement: Statement) -> Result<(), StoreError> {
        match self {
            Session::Sqlite(link) => link.prepare(statement),
            Session::Postgres(link) => link.prepare(statement),
        }
    }
}
