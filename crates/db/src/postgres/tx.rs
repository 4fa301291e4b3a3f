//! The transaction on PostgreSQL.

use super::fault::{is_stale_plan, store_error};
use super::value::{Parameter, PostgresRow};
use crate::sqlite::refuse_nul;
use crate::{Engine, Row, Statement, StoreError, Tx, Value};
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use std::collections::HashMap;

/// What a connection has prepared. Statements are constants, so where the text lies identifies it.
pub(crate) type Prepared = HashMap<(usize, usize), postgres::Statement>;

pub(crate) struct PostgresTx<'a> {
    client: &'a mut Client,
    prepared: &'a mut Prepared,
    /// The first failure. The server refuses everything after it, and nothing is kept.
    failed: Option<StoreError>,
}

impl<'a> PostgresTx<'a> {
    pub(crate) fn new(client: &'a mut Client, prepared: &'a mut Prepared) -> Self {
        PostgresTx { client, prepared, failed: None }
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

    fn prepare(&mut self, statement: Statement, params: &[Value]) -> Result<postgres::Statement, StoreError> {
        let key = (statement.sql.as_ptr() as usize, statement.sql.len());
        let found = self.prepared.get(&key).cloned();
        let prepared = match found {
            Some(prepared) => prepared,
            None => {
                let made = self.client.prepare(statement.sql).map_err(|error| store_error(statement.name, &error))?;
                self.prepared.insert(key, made.clone());
                made
            }
        };
        if prepared.params().len() != params.len() {
            let message = format!("takes {} parameters, got {}", prepared.params().len(), params.len());
            return Err(StoreError::Statement { statement: statement.name, message });
        }
        params.iter().try_for_each(|value| refuse_nul(statement.name, value))?;
        Ok(prepared)
    }

    fn fault(&mut self, statement: Statement, error: &postgres::Error) -> StoreError {
        if is_stale_plan(error) {
            self.prepared.clear();
            return StoreError::Conflict("the schema changed".into());
        }
        store_error(statement.name, error)
    }
}

impl Tx for PostgresTx<'_> {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn execute(&mut self, statement: Statement, params: &[Value]) -> Result<u64, StoreError> {
        self.guarded(|tx| {
            let prepared = tx.prepare(statement, params)?;
            let bound: Vec<_> = params.iter().map(Parameter).collect();
            let bound: Vec<_> = bound.iter().map(|value| value as &(dyn postgres::types::ToSql + Sync)).collect();
            tx.client.execute(&prepared, &bound).map_err(|error| tx.fault(statement, &error))
        })
    }

    fn query(
        &mut self,
        statement: Statement,
        params: &[Value],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.guarded(|tx| {
            let prepared = tx.prepare(statement, params)?;
            let outcome = stream(tx.client, &prepared, params, each);
            outcome.map_err(|stop| match stop {
                Stop::Reader(error) => error,
                Stop::Server(error) => tx.fault(statement, &error),
            })
        })
    }
}

enum Stop {
    Reader(StoreError),
    Server(postgres::Error),
}

/// Hands out rows as they arrive. Rows that are not wanted any more are still taken from the wire: an error
/// behind the last of them ended the transaction and would otherwise stay unseen.
fn stream(
    client: &mut Client,
    prepared: &postgres::Statement,
    params: &[Value],
    each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreError>,
) -> Result<(), Stop> {
    let mut rows = client.query_raw(prepared, params.iter().map(Parameter)).map_err(Stop::Server)?;
    let mut wanted = true;
    while let Some(row) = rows.next().map_err(Stop::Server)? {
        wanted = wanted && each(&PostgresRow(&row)).map_err(Stop::Reader)?;
    }
    Ok(())
}
