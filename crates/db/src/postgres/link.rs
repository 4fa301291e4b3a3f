//! A connection to the server, wrapped in transactions.

use super::fault::{Fault, commit_error, store_error};
use super::tx::PostgresTx;
use super::wire::{Failed, Prepared, Told, Wire};
use crate::job::{Job, Ran};
use crate::{Statement, StoreError, Tx};
use postgres_protocol::message::backend::DataRowBody;
use std::collections::HashMap;
use std::sync::Arc;

/// How a transaction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// It writes. Decisions rest on the rows it locked, not on the isolation level.
    Write,
    /// It sees one unchanging picture.
    Read,
}

const BEGIN_WRITE: &str = "BEGIN";
const BEGIN_READ: &str = "BEGIN READ ONLY";
const NO_LIMIT: &str = "NO LIMIT";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
/// What the machinery of transactions needs, by the names under which the server gets to know it.
const CONTROLS: [(&str, &str); 5] = [
    (BEGIN_WRITE, "BEGIN ISOLATION LEVEL READ COMMITTED"),
    (BEGIN_READ, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    // A commit that waits for a standby must not be cut short: PostgreSQL would report success with a warning.
    (NO_LIMIT, "SET LOCAL statement_timeout = 0"),
    (COMMIT, "COMMIT"),
    (ROLLBACK, "ROLLBACK"),
];

pub(crate) struct Link {
    pub(crate) wire: Wire,
    /// What the server has prepared. Statements are constants, so where the text lies identifies it.
    prepared: HashMap<(usize, usize), Arc<Prepared>>,
    /// The server knows of the present transaction. Until then its beginning is only gathered.
    begun: bool,
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
    pub(crate) fn new(mut wire: Wire) -> Result<Link, Fault> {
        for (name, sql) in CONTROLS {
            wire.name(name, sql)?;
        }
        wire.exchange(&mut |_| {}).map_err(|failed| failed.fault)?;
        Ok(Link { wire, prepared: HashMap::new(), begun: false, spent: false })
    }

    pub(crate) fn is_usable(&self) -> bool {
        !self.spent && !self.wire.is_broken()
    }

    /// Runs a job once.
    pub(crate) fn attempt(&mut self, job: &mut dyn Job, begin: Begin) -> Attempt {
        self.begin(begin);
        let mut tx = PostgresTx::new(self);
        let ran = job.run(&mut tx);
        let failure = tx.into_failure();
        match (ran, failure) {
            (Ran::Done, None) => match self.end(begin) {
                Ok(()) => Attempt::Settled,
                Err(error) => {
                    job.fail(error.clone());
                    self.give_up(Some(error))
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
        begin: Begin,
        closure: &mut dyn FnMut(&mut dyn Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin(begin);
        let mut tx = PostgresTx::new(self);
        let outcome = closure(&mut tx);
        let kept = match (outcome, tx.into_failure()) {
            (Ok(value), None) => self.end(begin).map(|()| value).map_err(E::from),
            (Ok(_), Some(failure)) => Err(failure.into()),
            (Err(error), _) => Err(error),
        };
        self.roll_back();
        kept
    }

    /// Has PostgreSQL read a statement without running it.
    pub(crate) fn prepare(&mut self, statement: Statement) -> Result<(), StoreError> {
        let prepared = self.wire.prepare(statement.name, statement.sql, String::new());
        prepared.map(|_| ()).map_err(|failed| self.fault(&failed))
    }

    /// What the server has prepared of a statement; it does so now if it has not, after what is gathered.
    pub(crate) fn prepared(&mut self, statement: Statement) -> Result<Arc<Prepared>, StoreError> {
        let key = (statement.sql.as_ptr() as usize, statement.sql.len());
        if let Some(known) = self.prepared.get(&key) {
            return Ok(Arc::clone(known));
        }
        let label = format!("s{}", self.prepared.len());
        let prepared = self.wire.prepare(statement.name, statement.sql, label);
        self.begun = true;
        let prepared = Arc::new(prepared.map_err(|failed| self.fault(&failed))?);
        self.prepared.insert(key, Arc::clone(&prepared));
        Ok(prepared)
    }

    /// Sends what is gathered, and hands out the rows of the last statement.
    pub(crate) fn exchange(&mut self, each: &mut dyn FnMut(&DataRowBody)) -> Result<Told, StoreError> {
        self.begun = true;
        self.wire.exchange(each).map_err(|failed| self.fault(&failed))
    }

    /// The beginning goes out together with the first statement.
    fn begin(&mut self, begin: Begin) {
        self.begun = false;
        self.wire.control(match begin {
            Begin::Write => BEGIN_WRITE,
            Begin::Read => BEGIN_READ,
        });
    }

    fn end(&mut self, begin: Begin) -> Result<(), StoreError> {
        match begin {
            Begin::Write => self.commit(),
            Begin::Read => {
                self.roll_back();
                Ok(())
            }
        }
    }

    /// Sends what is gathered, and the COMMIT with it.
    fn commit(&mut self) -> Result<(), StoreError> {
        if !self.begun {
            if self.wire.gathered() == 1 {
                // Nothing was asked of the server, not even to begin.
                self.wire.forget();
                return Ok(());
            }
            // A connection that was idle may be gone without our knowing. Were the COMMIT on its way too, nobody could
            // tell whether it arrived.
            self.exchange(&mut |_| {})?;
        }
        self.wire.control(NO_LIMIT);
        self.wire.control(COMMIT);
        let told = self.wire.exchange(&mut |_| {}).map_err(|failed| self.commit_fault(&failed))?;
        self.begun = false;
        if told.warned {
            self.spent = true;
            return Err(StoreError::OutcomeUnknown("PostgreSQL committed with a warning".into()));
        }
        if told.tag != COMMIT {
            // So it answers when the transaction had failed before.
            self.spent = true;
            return Err(StoreError::Statement { statement: COMMIT, message: format!("answered {}", told.tag) });
        }
        Ok(())
    }

    fn commit_fault(&mut self, failed: &Failed) -> StoreError {
        match &failed.fault {
            // A statement before it was refused, so the server passed over the COMMIT.
            Fault::Said(_) if !failed.last => self.fault(failed),
            fault => {
                let error = commit_error(fault);
                // A refusal ends the transaction as well; anything else leaves us with nothing to rely on.
                let refused =
                    matches!(error, StoreError::Conflict(_) | StoreError::Unique(_) | StoreError::Statement { .. });
                self.begun = false;
                self.spent |= !refused;
                error
            }
        }
    }

    fn fault(&mut self, failed: &Failed) -> StoreError {
        match &failed.fault {
            Fault::Said(said) if said.is_stale_plan() => {
                self.spent = true;
                StoreError::Conflict("the schema changed".into())
            }
            fault => store_error(failed.step.name, fault),
        }
    }

    fn give_up(&mut self, reason: Option<StoreError>) -> Attempt {
        self.roll_back();
        // A server that takes no writes any more was demoted: the next connection finds the right one.
        self.spent |= matches!(reason, Some(StoreError::ReadOnly | StoreError::Disconnected(_)));
        reason.map_or(Attempt::Settled, retry)
    }

    /// Leaves no transaction behind.
    fn roll_back(&mut self) {
        self.wire.forget();
        if std::mem::take(&mut self.begun) && self.is_usable() {
            self.wire.control(ROLLBACK);
            self.wire.send_off();
        }
    }
}

fn retry(error: StoreError) -> Attempt {
    match error {
        StoreError::Conflict(_) | StoreError::Disconnected(_) => Attempt::Again(error),
        _ => Attempt::Settled,
    }
}
