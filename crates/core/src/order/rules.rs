//! How an account may order: with trials or without, at once or by request.

use super::offer::lock_granted;
use super::{request, rows};
use crate::account::{self, Kind};
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::AccountId;
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license::License;
use lessor_db::Tx;
use serde_json::json;

/// How an account may order for those right below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// May it order trials?
    pub trials_allowed: bool,
    /// Are its orders requests, which somebody above it decides on? Then nobody of its branch changes licenses otherwise.
    pub by_request: bool,
}

/// Changes how an account may order; what is `None` stays.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRules {
    /// Which account.
    pub account: AccountId,
    /// May it order trials?
    pub trials_allowed: Option<bool>,
    /// Are its orders requests?
    pub by_request: Option<bool>,
    /// With the change to ordering at once: is what waits approved too? Otherwise it goes on waiting.
    pub accept_pending: bool,
}

/// How an account may order. A vendor may do everything.
///
/// # Errors
/// `NotFound(Account)`, `Forbidden`.
pub fn rules(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId) -> Result<Rules, Error> {
    let account = account::get(tx, cx, account)?;
    if account.kind == Kind::Vendor {
        return Ok(Rules { trials_allowed: true, by_request: false });
    }
    Ok(rows::rules(tx, account.id)?)
}

/// Changes how an account may order, and gives the licenses that were approved with it. Requests that cannot be any more, since
/// their customer was suspended or got the license otherwise, are refused with the reason; those that lack an accepted agreement
/// go on waiting. `code` makes the code of each new
/// license, or leaves it to chance.
///
/// # Errors
/// `NotFound(Account)`, `Forbidden`; `Malformed` for a vendor, and for approving what waits without a change to ordering at once;
/// `Closed`.
pub fn change_rules(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    cmd: &ChangeRules,
    code: &dyn Fn(&Context<'_>) -> Option<String>,
) -> Result<(Rules, Vec<License>), Error> {
    let account = lock_granted(tx, cx, cmd.account)?;
    let before = rows::rules(tx, account.id)?;
    let after = Rules {
        trials_allowed: cmd.trials_allowed.unwrap_or(before.trials_allowed),
        by_request: cmd.by_request.unwrap_or(before.by_request),
    };
    if cmd.accept_pending {
        cx.authorize(&Action::write(Right::LICENSES_WRITE), &account, Noun::Account)?;
        if after.by_request || cmd.by_request.is_none() {
            return Err(Error::malformed("accept_pending", "it goes with `by_request` being switched off"));
        }
    }
    if after != before {
        rows::put_rules(tx, account.id, after)?;
        let told = |rules: Rules| json!({ "trials_allowed": rules.trials_allowed, "by_request": rules.by_request });
        let data = json!({ "before": told(before), "after": told(after) });
        journal::append(tx, cx, "account.order_rules_changed", Subject::from(&account), &data)?;
    }
    let mut licenses = Vec::new();
    if cmd.accept_pending {
        for waiting in rows::waiting_of(tx, account.id)? {
            licenses.extend(request::accept(tx, cx, &waiting, code(cx).as_deref())?);
        }
    }
    Ok((after, licenses))
}

/// Refuses whoever belongs to an account that orders by request, or to one below it: every command that changes a license asks.
///
/// # Errors
/// `Forbidden`.
pub fn may_decide(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<(), Error> {
    let actor = cx.actor();
    for account in actor.path.accounts().into_iter().filter(|account| *account != actor.tenant) {
        if rows::rules(tx, account)?.by_request {
            return Err(Error::Forbidden);
        }
    }
    Ok(())
}
