//! Beginning an operation.

use super::{Kind, Operation, State, rows};
use crate::account;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::AccountId;
use crate::identity::Right;
use crate::journal;
use lessor_db::Tx;
use serde_json::json;

/// Begin an operation.
#[derive(Clone, Copy, Debug)]
pub struct Begin {
    /// The account that it is done to.
    pub account: AccountId,
    /// What is to be done.
    pub kind: Kind,
}

/// Begins an operation, for [`run_now`](super::run_now) or the next job to do. It takes the rights to change the account and
/// its licenses, since it changes both.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Closed` for the account; `OperationRunning` while another one of the account is not finished;
/// `AlreadySuspended` and `NotSuspended`, where there is nothing to do.
pub fn begin(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Begin) -> Result<Operation, Error> {
    let account = account::rows::lock(tx, cmd.account)?.ok_or(Error::not_found(Noun::Account))?;
    for right in [Right::ACCOUNTS_WRITE, Right::LICENSES_WRITE] {
        cx.authorize(&Action::write(right), &account, Noun::Account)?;
    }
    if account.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    if rows::is_unfinished(tx, account.id)? {
        return Err(Refusal::OperationRunning.into());
    }
    match (cmd.kind, account::is_suspended(tx, account.id)?) {
        (Kind::Suspend, true) => return Err(Refusal::AlreadySuspended.into()),
        (Kind::Resume, false) => return Err(Refusal::NotSuspended.into()),
        (Kind::Suspend, false) | (Kind::Resume, true) => {}
    }
    let operation = Operation {
        id: cx.new_id(),
        tenant: account.tenant,
        account: account.id,
        kind: cmd.kind,
        state: State::Created,
        done_to: None,
        begun_by: cx.actor().who,
        begun_for: cx.actor().account,
        created_at: cx.now,
        finished_at: None,
        problem: None,
    };
    rows::insert(tx, &operation)?;
    journal::append(tx, cx, "operation.begun", operation.subject(), &json!({ "kind": operation.kind.word() }))?;
    Ok(operation)
}
