//! Stopping companies, letting them go on, and removing them.

use super::{open_to_change, refused};
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::state::company_status;
use crate::table::Asked;
use http::StatusCode;
use lessor_core::account::{self, Below, Kind};
use lessor_core::operation::{self, Begin};
use lessor_core::{AccountId, Error, Refusal};
use serde_json::json;

const ACTIVE: i64 = 1;

/// The kinds of companies that are stopped and removed.
const KINDS: [Kind; 4] = [Kind::PartnerManager, Kind::Partner, Kind::ManagedPartner, Kind::Customer];

/// What came of it.
enum Outcome<T> {
    Done(T),
    /// Only for direct children.
    NotDirectChild,
}

pub(super) async fn suspend(asked: Asked) -> Result<Reply, Problem> {
    begin(asked, operation::Kind::Suspend).await
}

pub(super) async fn unsuspend(asked: Asked) -> Result<Reply, Problem> {
    begin(asked, operation::Kind::Resume).await
}

async fn begin(asked: Asked, kind: operation::Kind) -> Result<Reply, Problem> {
    let (own, id) = (asked.own_company(), AccountId(asked.fields.need_guid("companyId")?));
    let begun = asked.app.write(&asked.caller, move |tx, cx| {
        let account = open_to_change(tx, cx, id)?;
        if account.parent != Some(own) {
            return Ok(Outcome::NotDirectChild);
        }
        if !KINDS.contains(&account.kind) {
            return Err(super::not_of_that_type());
        }
        let operation = operation::begin(tx, cx, &Begin { account: id, kind })?;
        // What waits for its contact user is not active, and is not suspended either.
        if kind == operation::Kind::Suspend && company_status(tx, cx, &account)? != ACTIVE {
            return Err(Refusal::AlreadySuspended.into());
        }
        Ok(Outcome::Done(operation.id))
    });
    match begun.await.map_err(refused)? {
        Outcome::Done(operation) => {
            operation::run_soon(asked.app);
            Ok(Reply::json(&json!({ "operationId": operation.0 })))
        }
        Outcome::NotDirectChild => {
            Err(Problem::rule(Area::Company, 1012, "CompanyIsNotDirectChild").with_status(StatusCode::FORBIDDEN))
        }
    }
}

pub(super) async fn delete(asked: Asked) -> Result<Reply, Problem> {
    let (own, id) = (asked.own_company(), AccountId(asked.fields.need_guid("companyId")?));
    let deleted = asked.app.write(&asked.caller, move |tx, cx| {
        let account = open_to_change(tx, cx, id)?;
        if account.id == own {
            return Err(Error::Forbidden);
        }
        if !KINDS.contains(&account.kind) {
            return Err(super::not_of_that_type());
        }
        // One that nobody has brought to life yet need not be stopped first.
        if company_status(tx, cx, &account)? == ACTIVE {
            return Err(Refusal::NotSuspended.into());
        }
        // What stands below goes with it, from the leaves up.
        let mut branch = account::all_below(tx, cx, &Below { itself: true, ..Below::branch(account.id) })?;
        branch.sort_by_key(|account| std::cmp::Reverse(account.path.depth()));
        for account in &branch {
            account::close(tx, cx, account.id)?;
        }
        if operation::is_unfinished(tx, account.id)? {
            return Err(Refusal::OperationRunning.into());
        }
        Ok(())
    });
    deleted.await.map_err(refused)?;
    Ok(Reply::Nothing)
}
