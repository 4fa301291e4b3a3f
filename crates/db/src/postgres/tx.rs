//! The transaction on PostgreSQL.

use super::link::Link;
use super::value::Places;
use super::wire::Prepared;
use crate::sqlite::refuse_nul;
use crate::{Engine, Row, Statement, StoreError, Touch, Tx, Value};
use std::sync::Arc;

pub(crate) struct PostgresTx<'a> {
    link: &'a mut Link,
    /// The first failure. The server refuses everything after it, and nothing is kept.
    failed: Option<StoreError>,
}

impl<'a> PostgresTx<'a> {
    pub(crate) fn new(link: &'a mut Link) -> Self {
        PostgresTx { link, failed: None }
    }

    /// The first failure of a statement, if there was one.
    pub(crate) fn into_failure(self) -> Option<StoreError> {
        self.failed
    }

    fn guarded<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        act(self).inspect_err(|error| self.failed = Some(error.clone()))
    }

    /// Gathers a statement with its parameters.
    fn gather(&mut self, statement: Statement, params: &[Value]) -> Result<Arc<Prepared>, StoreError> {
        let unfit = |message: String| StoreError::Statement { statement: statement.name, message };
        let prepared = self.link.prepared(statement)?;
        let wanted = prepared.parameters.len();
        if wanted != params.len() {
            return Err(unfit(format!("takes {wanted} parameters, got {}", params.len())));
        }
        params.iter().try_for_each(|value| refuse_nul(statement.name, value))?;
        self.link.wire.step(statement.name, &prepared, params).map_err(unfit)?;
        Ok(prepared)
    }
}

impl Tx for PostgresTx<'_> {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn execute(&mut self, statement: Statement, params: &[Value]) -> Result<u64, StoreError> {
        self.guarded(|tx| {
            tx.gather(statement, params)?;
            Ok(tx.link.exchange(&mut |_| {})?.rows)
        })
    }

    /// Rows are handed out as they arrive. Those that are not wanted any more are still taken from the wire: an error
    /// behind the last of them ended the transaction and would otherwise stay unseen.
    fn query(
        &mut self,
        statement: Statement,
        params: &[Value],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.guarded(|tx| {
            let prepared = tx.gather(statement, params)?;
            let mut places = Places::default();
            let mut wanted = Ok(true);
            tx.link.exchange(&mut |row| {
                if let Ok(true) = wanted {
                    wanted = match places.of(row, &prepared.columns) {
                        Ok(row) => each(&row),
                        Err(fault) => Err(StoreError::Disconnected(fault.to_string())),
                    };
                }
            })?;
            wanted.map(|_| ())
        })
    }

    fn queue(&mut self, statement: Statement, params: &[Value]) -> Result<(), StoreError> {
        self.guarded(|tx| {
            tx.gather(statement, params)?;
            if tx.link.wire.is_full() {
                tx.link.exchange(&mut |_| {})?;
            }
            Ok(())
        })
    }

    fn touch(&mut self, _: Touch) {
        // Other processes write to this server too, so nobody here can tell what still holds.
    }
}
