//! A transaction that fails at a chosen statement.

use lessor_core::{Engine, StoreError, Tx};
use lessor_db::{Row, Statement, Touch, Value};

/// Passes everything on to another transaction, but fails the n-th statement instead of running it.
pub struct Faulty<'a> {
    tx: &'a mut dyn Tx,
    left: u32,
    failed: bool,
}

impl<'a> Faulty<'a> {
    /// Fails statement `n`, counted from 1.
    pub fn new(tx: &'a mut dyn Tx, n: u32) -> Self {
        Self { tx, left: n, failed: false }
    }

    /// Has it failed a statement?
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    fn count(&mut self, statement: Statement) -> Result<(), StoreError> {
        self.left = self.left.saturating_sub(1);
        // As on the engines, nothing works after the first failure.
        if self.left == 0 {
            self.failed = true;
            let message = "failed on purpose".into();
            return Err(StoreError::Statement { statement: statement.name, message });
        }
        Ok(())
    }
}

impl Tx for Faulty<'_> {
    fn engine(&self) -> Engine {
        self.tx.engine()
    }

    fn execute(&mut self, statement: Statement, params: &[Value]) -> Result<u64, StoreError> {
        self.count(statement)?;
        self.tx.execute(statement, params)
    }

    fn query(
        &mut self,
        statement: Statement,
        params: &[Value],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.count(statement)?;
        self.tx.query(statement, params, each)
    }

    fn queue(&mut self, statement: Statement, params: &[Value]) -> Result<(), StoreError> {
        self.count(statement)?;
        self.tx.queue(statement, params)
    }

    fn touch(&mut self, what: Touch) {
        self.tx.touch(what);
    }
}
