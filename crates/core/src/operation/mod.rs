//! Operations: what takes longer than a call. A command begins one and answers with its id; a job does the work in small
//! steps, each in a transaction of its own, so that it can be stopped at any instant and go on with the next step, on
//! whichever server. An account has one operation at a time.

mod begin;
pub(crate) mod rows;
mod run;

pub use begin::{Begin, begin};
pub use run::{expire, run_now, run_some, run_soon};

use crate::account;
use crate::clock::Timestamp;
use crate::context::{Action, Context, Who};
use crate::error::{Error, Noun};
use crate::id::{AccountId, LicenseId, OperationId};
use crate::identity::Right;
use crate::journal::Subject;
use crate::license::from_word;
use lessor_db::{FromColumn, Tx, ValueRef};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Suspends an account with its branch: places a hold of cause `suspended`.
    Suspend,
    /// Lets it go on: lifts the holds of that cause on the account's own licenses, then the one on the account.
    Resume,
}

impl Kind {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Suspend => "suspend",
            Kind::Resume => "resume",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Kind::Suspend, Kind::Resume].into_iter().find(|kind| kind.word() == word)
    }
}

from_word!(Kind);

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing of it is done.
    Created,
    /// Some of it is done.
    Running,
    /// All of it is done.
    Done,
    /// It came upon something that forbids it; what was done until then stays.
    Failed,
}

impl State {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            State::Created => "created",
            State::Running => "running",
            State::Done => "done",
            State::Failed => "failed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [State::Created, State::Running, State::Done, State::Failed].into_iter().find(|state| state.word() == word)
    }
}

from_word!(State);

/// Something that takes longer than a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// The account that it is done to.
    pub account: AccountId,
    /// What it does.
    pub kind: Kind,
    /// How far it has come.
    pub state: State,
    /// The license up to which it is done.
    done_to: Option<LicenseId>,
    /// Who began it.
    pub begun_by: Who,
    /// The account that whoever began it belongs to.
    begun_for: AccountId,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was done, or had failed.
    pub finished_at: Option<Timestamp>,
    /// Why it failed.
    pub problem: Option<String>,
}

impl Operation {
    fn subject(&self) -> Subject {
        Subject { kind: "operation", id: self.id.0, account: self.account, tenant: self.tenant }
    }
}

/// One operation. Whoever sees the account sees it, for thirty days after its end.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn get(tx: &mut dyn Tx, cx: &Context<'_>, id: OperationId) -> Result<Operation, Error> {
    let operation = rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::Operation))?;
    account::authorized(tx, cx, operation.account, &Action::read(Right::ACCOUNTS_READ), Noun::Operation)?;
    Ok(operation)
}

/// Is an operation of the account not finished yet? For code that has found out already that its caller may see the account.
///
/// # Errors
/// Those of storage.
pub fn is_unfinished(tx: &mut dyn Tx, account: AccountId) -> Result<bool, Error> {
    Ok(rows::is_unfinished(tx, account)?)
}

/// A page of an account's operations in the order they were begun, after `after`.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: AccountId,
    after: Option<OperationId>,
    limit: u32,
) -> Result<Vec<Operation>, Error> {
    account::authorized(tx, cx, account, &Action::read(Right::ACCOUNTS_READ), Noun::Account)?;
    Ok(rows::page(tx, account, after, limit)?)
}
