//! What becomes of a license once it is sold: a trial is extended or becomes a full one, the number of places changes.

use super::{License, MOST_UNITS, Term, TermChange, TermKind, change, change_term, in_range, rows, segment};
use crate::account;
use crate::context::Context;
use crate::error::{Error, Refusal};
use crate::id::LicenseId;
use crate::journal;
use crate::order;
use lessor_db::Tx;
use serde_json::json;

/// Extends a trial.
#[derive(Clone, Copy, Debug)]
pub struct ExtendTrial {
    /// Which one.
    pub license: LicenseId,
    /// By how many days from its end on, 1 to 1000.
    pub days: i64,
    /// How often it may have been extended by then; `None` for any number of times.
    pub at_most: Option<i64>,
}

/// Extends a trial that still runs.
///
/// # Errors
/// `NotFound`, `Forbidden`; `NotTrial`; `Held`, `TermOver`; `ExtendedOften`; `OutOfRange`.
pub fn extend_trial(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ExtendTrial) -> Result<License, Error> {
    let before = super::lock(tx, cx, cmd.license)?;
    if before.terms.term.kind != TermKind::Trial {
        return Err(Refusal::NotTrial.into());
    }
    before.in_order(account::is_held(tx, before.account)?, cx.now)?;
    if let Some(limit) = cmd.at_most.filter(|limit| before.trial_extensions >= *limit) {
        return Err(Refusal::ExtendedOften { limit }.into());
    }
    let more = TermChange { kind: TermKind::Trial, days: Some(in_range("days", cmd.days, 1, 1_000)?), end: None };
    let mut after = before.clone();
    after.terms.term = change_term(before.terms.term, &more, before.is_used(), cx.now)?;
    after.trial_extensions += 1;
    changed(tx, cx, &before, after, "license.trial_extended", json!({ "days": cmd.days }))
}

/// Makes a full license of a trial, also of one that is over: without end, and for as many places as said.
///
/// # Errors
/// `NotFound`, `Forbidden`; `NotTrial`; `Held`; `OutOfRange`; `Taken` for a trial that is over whose account has got another
/// license of the product since.
pub fn convert(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId, quantity: i64) -> Result<License, Error> {
    let before = super::lock_with_account(tx, cx, license)?;
    if before.terms.term.kind != TermKind::Trial {
        return Err(Refusal::NotTrial.into());
    }
    before.not_held(account::is_held(tx, before.account)?)?;
    let mut after = before.clone();
    after.terms.activation_limit = in_range("quantity", quantity, 1, MOST_UNITS)?;
    after.terms.term = Term::PERPETUAL;
    if before.terms.term.is_over(cx.now) {
        order::refuse_second(tx, cx, before.account, before.product, Some(before.id))?;
    }
    changed(tx, cx, &before, after, "license.converted", json!({}))
}

/// Ends a trial at once, also one that is held. It is kept for its past; ending it again moves nothing.
///
/// # Errors
/// `NotFound`, `Forbidden`; `NotTrial`.
pub fn end_trial(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<License, Error> {
    let before = super::lock(tx, cx, license)?;
    if before.terms.term.kind != TermKind::Trial {
        return Err(Refusal::NotTrial.into());
    }
    let mut after = before.clone();
    after.terms.term.end = before.terms.term.end.into_iter().chain([cx.now]).min();
    changed(tx, cx, &before, after, "license.trial_ended", json!({}))
}

/// Changes how many places a license has.
///
/// # Errors
/// `NotFound`, `Forbidden`; `Held`, `TermOver`; `OutOfRange`; `Unchanged` for as many as there are.
pub fn set_quantity(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId, quantity: i64) -> Result<License, Error> {
    let before = super::lock(tx, cx, license)?;
    before.in_order(account::is_held(tx, before.account)?, cx.now)?;
    let mut after = before.clone();
    after.terms.activation_limit = in_range("quantity", quantity, 1, MOST_UNITS)?;
    if after.terms == before.terms {
        return Err(Refusal::Unchanged { field: "quantity" }.into());
    }
    changed(tx, cx, &before, after, "license.quantity_changed", json!({}))
}

/// Writes a changed license and tells of it.
pub(super) fn changed(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    before: &License,
    after: License,
    kind: &str,
    mut data: serde_json::Value,
) -> Result<License, Error> {
    let after = License { modified_at: cx.now, version: before.version + 1, ..after };
    rows::update(tx, &after)?;
    segment::refresh(tx, cx, &after)?;
    data["before"] = change::view(before);
    data["after"] = change::view(&after);
    journal::append(tx, cx, kind, after.subject(), &data)?;
    Ok(after)
}
