//! Accepting agreements, and who has.

use super::rows;
use crate::account::{self, Path, page_seen};
use crate::clock::Timestamp;
use crate::context::{Action, Context, Who};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, AgreementId};
use crate::identity::Right;
use crate::journal;
use lessor_db::Tx;
use serde_json::json;
use uuid::Uuid;

/// Accept an agreement.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    /// Which one.
    pub agreement: AgreementId,
    /// For which account, and all that stands below it.
    pub account: AccountId,
}

/// That an account has accepted an agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The agreement.
    pub agreement: AgreementId,
    /// The account.
    pub account: AccountId,
    /// Who accepted it.
    pub accepted_by: Who,
    /// When.
    pub accepted_at: Timestamp,
}

/// Accepts an agreement. What an account has accepted it does not accept again: the second time changes nothing.
///
/// # Errors
/// `NotFound` for the agreement or the account, `Forbidden` for whoever may not write on the account; `Closed` for a retired
/// agreement or a closed account.
pub fn accept(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Accept) -> Result<Acceptance, Error> {
    let agreement = super::seen(tx, cx, cmd.agreement)?;
    let account = account::rows::lock(tx, cmd.account)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::ACCOUNTS_WRITE), &account, Noun::Account)?;
    if account.tenant != agreement.tenant {
        return Err(Error::not_found(Noun::Agreement));
    }
    if let Some(known) = rows::acceptance(tx, agreement.id, account.id)? {
        return Ok(known);
    }
    if agreement.retired_at.is_some() {
        return Err(Refusal::Closed(Noun::Agreement).into());
    }
    if account.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    let acceptance =
        Acceptance { agreement: agreement.id, account: account.id, accepted_by: cx.actor().who, accepted_at: cx.now };
    rows::insert_acceptance(tx, &acceptance)?;
    journal::append(tx, cx, "agreement.accepted", agreement.subject(account.id), &json!({ "name": agreement.name }))?;
    Ok(acceptance)
}

/// A page of the accounts in the caller's branch that have accepted an agreement, in the order of their ids, after `after`.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn acceptances(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    agreement: AgreementId,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<Acceptance>, Error> {
    let agreement = super::seen(tx, cx, agreement)?;
    if !cx.actor().has_right(&Right::ACCOUNTS_READ) {
        return Err(Error::Forbidden);
    }
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let page = |branch: &Path, after| rows::acceptances(tx, agreement.id, branch, after, limit);
    let found = page_seen(cx.actor(), None, after, limit, page, |(acceptance, path)| (acceptance.account.0, path))?;
    Ok(found.into_iter().map(|(acceptance, _)| acceptance).collect())
}
