//! Reconciliations that were kept.

use super::compare::Comparison;
use super::{Outcome, ReconciledRow, Reconciliation, rows};
use crate::account::{self, Account};
use crate::billing::reading;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, ReconciliationId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use lessor_db::Tx;
use serde_json::json;

/// Keeps a comparison.
///
/// # Errors
/// `NotFound` for the account, `Forbidden`.
pub fn keep(tx: &mut dyn Tx, cx: &Context<'_>, comparison: &Comparison) -> Result<Reconciliation, Error> {
    let action = Action::write(Right::BILLING_WRITE);
    let account = account::authorized(tx, cx, comparison.account, &action, Noun::Account)?;
    cx.touches_nothing();
    let kept = Reconciliation {
        id: cx.new_id(),
        tenant: account.tenant,
        account: account.id,
        month: comparison.month,
        summary: comparison.summary.clone(),
        created_at: cx.now,
    };
    rows::insert(tx, &kept, &comparison.sheets)?;
    let summary = &kept.summary;
    let after = json!({
        "month": kept.month.to_string(), "name": summary.name, "system": summary.system, "digest": summary.digest,
        "counts": summary.counts,
    });
    journal::append(tx, cx, "reconciliation.created", kept.subject(), &json!({ "after": after }))?;
    Ok(kept)
}

impl Reconciliation {
    fn subject(&self) -> Subject {
        Subject { kind: "reconciliation", id: self.id.0, account: self.account, tenant: self.tenant }
    }
}

/// Who does not see all of a branch, does not see what its figures come to.
fn sees_all(cx: &Context<'_>, account: &Account) -> Result<(), Error> {
    if reading::hides(cx, account) { Err(Error::Forbidden) } else { Ok(()) }
}

/// One reconciliation, without its rows.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn reconciliation(tx: &mut dyn Tx, cx: &Context<'_>, id: ReconciliationId) -> Result<Reconciliation, Error> {
    let kept = rows::reconciliation(tx, id)?.ok_or(Error::not_found(Noun::Reconciliation))?;
    let action = Action::read(Right::BILLING_READ);
    let account = account::authorized(tx, cx, kept.account, &action, Noun::Reconciliation)?;
    sees_all(cx, &account)?;
    Ok(kept)
}

/// The reconciliations of an account itself, in the order they were made: at most `limit` behind `after`.
///
/// # Errors
/// `NotFound`, `Forbidden` for the account.
pub fn reconciliations(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: AccountId,
    after: Option<ReconciliationId>,
    limit: u32,
) -> Result<Vec<Reconciliation>, Error> {
    let account = account::authorized(tx, cx, account, &Action::read(Right::BILLING_READ), Noun::Account)?;
    sees_all(cx, &account)?;
    Ok(rows::of_account(tx, account.id, after, limit)?)
}

/// Rows of a reconciliation with their numbers, which count from 1: at most `limit` behind number `after`, of all outcomes or
/// of one.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn reconciliation_rows(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    id: ReconciliationId,
    outcome: Option<Outcome>,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, ReconciledRow)>, Error> {
    let counts = reconciliation(tx, cx, id)?.summary.counts;
    let count = |outcomes: &mut dyn Iterator<Item = Outcome>| outcomes.map(|outcome| counts.of(outcome)).sum::<i64>();
    // Rows stand in the order of their outcomes.
    let (before, last) = match outcome {
        None => (0, count(&mut Outcome::ALL.into_iter())),
        Some(wanted) => {
            let before = count(&mut Outcome::ALL.into_iter().filter(|outcome| *outcome < wanted));
            (before, before + counts.of(wanted))
        }
    };
    let first = before.max(after).saturating_add(1);
    let last = last.min(first.saturating_add(i64::from(limit) - 1));
    Ok(rows::rows(tx, id, first, last)?)
}

/// Deletes a reconciliation.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_reconciliation(tx: &mut dyn Tx, cx: &Context<'_>, id: ReconciliationId) -> Result<(), Error> {
    let kept = rows::reconciliation(tx, id)?.ok_or(Error::not_found(Noun::Reconciliation))?;
    let action = Action::write(Right::BILLING_WRITE);
    account::authorized(tx, cx, kept.account, &action, Noun::Reconciliation)?;
    cx.touches_nothing();
    rows::delete(tx, id)?;
    journal::append(
        tx,
        cx,
        "reconciliation.deleted",
        kept.subject(),
        &json!({ "before": { "name": kept.summary.name } }),
    )?;
    Ok(())
}
