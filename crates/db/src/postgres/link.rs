//! A connection to the server, wrapped in transactions.

use super::fault::{commit_error, store_error};
use super::tx::{PostgresTx, Prepared};
use crate::job::{Job, Ran};
use crate::{Statement, StoreError, Tx};
use postgres::Client;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A transaction that writes. Decisions rest on the rows it locked, not on the isolation level.
pub(crate) const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// A transaction that sees one unchanging picture.
pub(crate) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// A commit that waits for a standby must not be cut short: PostgreSQL would report success with a warning.
/// Since PostgreSQL 13 the time limit counts for each statement of such a text by itself.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";

pub(crate) struct Link {
    pub(crate) client: Client,
    prepared: Prepared,
    /// Set by any warning that the server sends.
    warning: Arc<AtomicBool>,
    /// The transaction could not be ended in an orderly way; the connection is of no use.
    spent: bool,
}

/// How one attempt at a closure ended.
pub(crate) enum Attempt {
    /// The job holds its answer.
    Settled,
    /// Nothing was kept; it should run again. The job holds the answer for when it may not.
    Again(StoreError),
}

impl Link {
    pub(crate) fn new(client: Client, warning: Arc<AtomicBool>) -> Link {
        Link { client, prepared: Prepared::new(), warning, spent: false }
    }

    pub(crate) fn is_usable(&self) -> bool {
        !self.spent && !self.client.is_closed()
    }

    /// Runs a job once.
    pub(crate) fn attempt(&mut self, job: &mut dyn Job, begin: &'static str) -> Attempt {
        if let Err(error) = self.control(begin) {
            job.fail(error.clone());
            return retry(error);
        }
        let mut tx = PostgresTx::new(&mut self.client, &mut self.prepared);
        let ran = job.run(&mut tx);
        let failure = tx.into_failure();
        match (ran, failure) {
            (Ran::Done, None) if begin == BEGIN_READ => self.give_up(None),
            (Ran::Done, None) => match self.commit() {
                Ok(()) => Attempt::Settled,
                Err(error) => {
                    job.fail(error.clone());
                    retry(error)
                }
            },
            (Ran::Done, Some(error)) => {
                job.fail(error.clone());
                self.give_up(Some(error))
            }
            (Ran::Refused(inner), failure) => self.give_up(failure.or(inner)),
        }
    }

    /// One transaction around a closure that runs once, on this thread.
    pub(crate) fn transact<T, E: From<StoreError>>(
        &mut self,
        begin: &'static str,
        closure: &mut dyn FnMut(&mut dyn Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        self.control(begin)?;
        let mut tx = PostgresTx::new(&mut self.client, &mut self.prepared);
        let outcome = closure(&mut tx);
        match (outcome, tx.into_failure()) {
            (Ok(value), None) => self.commit().map(|()| value).map_err(E::from),
            (Ok(_), Some(failure)) => {
                self.roll_back();
                Err(failure.into())
            }
            (Err(error), _) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Has PostgreSQL read a statement without running it.
    pub(crate) fn prepare(&mut self, statement: Statement) -> Result<(), StoreError> {
        self.client.prepare(statement.sql).map(|_| ()).map_err(|error| store_error(statement.name, &error))
    }

    fn control(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.client.batch_execute(sql).map_err(|error| {
            self.spent = true;
            store_error(sql, &error)
        })
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.warning.store(false, Ordering::Relaxed);
        let committed = self.client.batch_execute(COMMIT);
        if let Err(error) = committed {
            let error = commit_error(&error);
            // A refusal ends the transaction as well; anything else leaves us with nothing to rely on.
            let refused =
                matches!(error, StoreError::Conflict(_) | StoreError::Unique(_) | StoreError::Statement { .. });
            self.spent = !refused;
            return Err(error);
        }
        if self.warning.load(Ordering::Relaxed) {
            self.spent = true;
            return Err(StoreError::OutcomeUnknown("PostgreSQL committed with a warning".into()));
        }
        Ok(())
    }

    fn give_up(&mut self, reason: Option<StoreError>) -> Attempt {
        self.roll_back();
        // A server that takes no writes any more was demoted: the next connection finds the right one.
        self.spent |= matches!(reason, Some(StoreError::ReadOnly | StoreError::Disconnected(_)));
        reason.map_or(Attempt::Settled, retry)
    }

    fn roll_back(&mut self) {
        // It may be the very connection that broke. Then there is nothing to roll back, and `spent` tells.
        let _ = self.control("ROLLBACK");
    }
}

fn retry(error: StoreError) -> Attempt {
    match error {
        StoreError::Conflict(_) | StoreError::Disconnected(_) => Attempt::Again(error),
        _ => Attempt::Settled,
    }
}
