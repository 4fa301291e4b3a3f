//! The transaction that all of the domain is written against.

use crate::{FromColumn, Statement, StoreError, Touch, Value, ValueRef};

/// Which engine runs below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, one file, one writer.
    Sqlite,
    /// A server, many writers.
    Postgres,
}

/// An open transaction. Reads see what this transaction wrote. It commits when the closure that
/// received it returns `Ok`, and leaves nothing behind otherwise. A statement that fails ends it on both
/// engines: whatever follows fails alike, and nothing is kept even when the closure returns `Ok`.
pub trait Tx {
    /// Which engine this is. Only where SQL must differ.
    fn engine(&self) -> Engine;

    /// Runs a statement that returns no rows; gives the number of rows it touched.
    fn execute(&mut self, statement: Statement, params: &[Value]) -> Result<u64, StoreError>;

    /// Runs a query and hands each row to `each`, until that says `false`.
    fn query(
        &mut self,
        statement: Statement,
        params: &[Value],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError>;

    /// Runs a statement that writes and of which nobody needs to know how many rows it touched. Statements keep their
    /// order, but this one may be sent only with the next query or the commit: its failure can show there, and is then
    /// the failure of that one.
    fn queue(&mut self, statement: Statement, params: &[Value]) -> Result<(), StoreError>;

    /// Tells what this transaction changes, for caches that live in this process. Who tells nothing, touches nothing.
    fn touch(&mut self, what: Touch);
}

/// One row, borrowed while it is being read.
pub trait Row {
    /// The value at a zero-based position.
    fn value(&self, column: usize) -> Result<ValueRef<'_>, StoreError>;
}

impl dyn Row + '_ {
    /// The value at a zero-based position, as `T`.
    pub fn get<T: FromColumn>(&self, column: usize) -> Result<T, StoreError> {
        T::from_column(self.value(column)?).map_err(|reason| StoreError::column(column, reason))
    }
}

/// A type that is read from a row.
pub trait FromRow: Sized {
    /// Reads the columns in the order the statement names them.
    fn from_row(row: &dyn Row) -> Result<Self, StoreError>;
}

impl dyn Tx + '_ {
    /// The first row, if there is one.
    pub fn opt<T: FromRow>(&mut self, statement: Statement, params: &[Value]) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.query(statement, params, &mut |row| {
            found = Some(T::from_row(row)?);
            Ok(false)
        })?;
        Ok(found)
    }

    /// The first row of a query that always has one (counts, `RETURNING`).
    pub fn one<T: FromRow>(&mut self, statement: Statement, params: &[Value]) -> Result<T, StoreError> {
        self.opt(statement, params)?
            .ok_or_else(|| StoreError::Statement { statement: statement.name, message: "no row came back".into() })
    }

    /// All rows. Only for queries whose size is bounded by a limit or by nature.
    pub fn all<T: FromRow>(&mut self, statement: Statement, params: &[Value]) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        self.query(statement, params, &mut |row| {
            rows.push(T::from_row(row)?);
            Ok(true)
        })?;
        Ok(rows)
    }
}

macro_rules! tuple_from_row {
    ($($name:ident $at:tt),+) => {
        impl<$($name: FromColumn),+> FromRow for ($($name,)+) {
            fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
                Ok(($(row.get::<$name>($at)?,)+))
            }
        }
    };
}

tuple_from_row!(A 0);
tuple_from_row!(A 0, B 1);
tuple_from_row!(A 0, B 1, C 2);
tuple_from_row!(A 0, B 1, C 2, D 3);
tuple_from_row!(A 0, B 1, C 2, D 3, F 4);
tuple_from_row!(A 0, B 1, C 2, D 3, F 4, G 5);
