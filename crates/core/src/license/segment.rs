//! Segments: stretches of time in which a license's billable facts did not change. Every change closes one and opens the
//! next; seat days, histories and reports are read off them.

use super::{License, TermKind, rows};
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, LicenseId, ProductId};
use crate::identity::Right;
use lessor_db::Tx;
use uuid::Uuid;

/// A stretch of time in which a license's billable facts did not change.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its id.
    pub id: Uuid,
    /// Whose the license was.
    pub account: AccountId,
    /// To what.
    pub product: ProductId,
    /// What kind of right it was.
    pub term: TermKind,
    /// When its term ended, or was to end; `None` without end. From then on nothing counts.
    pub ends_at: Option<Timestamp>,
    /// How many places it had.
    pub quantity: i64,
    /// Was the license itself on hold? Holds on accounts are intervals of their own.
    pub held: bool,
    /// From when, included.
    pub from: Timestamp,
    /// Until when, excluded; `None` while it lasts.
    pub to: Option<Timestamp>,
}

impl Segment {
    /// Does the license still have the facts of this segment?
    fn describes(&self, license: &License) -> bool {
        self.account == license.account
            && self.product == license.product
            && self.term == license.terms.term.kind
            && self.ends_at == license.terms.term.end
            && self.quantity == license.terms.activation_limit
            && self.held == (license.hold_count > 0)
    }
}

/// Opens the first segment of a new license.
pub(super) fn open(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<(), Error> {
    open_at(tx, cx, license, cx.now)
}

fn open_at(tx: &mut dyn Tx, cx: &Context<'_>, license: &License, from: Timestamp) -> Result<(), Error> {
    Ok(rows::insert_segment(tx, cx.new_id(), license, from)?)
}

/// Closes the open segment and opens the next, if a billable fact has changed. Call it with the license as it is now.
pub(super) fn refresh(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<(), Error> {
    let Some(last) = rows::open_segment(tx, license.id)? else {
        return open(tx, cx, license);
    };
    if last.describes(license) {
        return Ok(());
    }
    let at = end(tx, cx, &last)?;
    open_at(tx, cx, license, at)
}

/// Ends the open segment now; gives when that is.
fn end(tx: &mut dyn Tx, cx: &Context<'_>, last: &Segment) -> Result<Timestamp, Error> {
    // A command may have read its clock before the one that it had to wait for: time does not go back for it.
    let at = cx.now.max(last.from);
    if last.from == at {
        // Nothing lasted: two changes within one instant are one.
        rows::drop_segment(tx, last.id)?;
    } else {
        rows::close_segment(tx, last.id, at)?;
    }
    Ok(at)
}

/// Counts an activation. A subscription that has not begun begins with it, and its open segment learns when it ends: what
/// was until now stays as it is, so that no new one is needed.
pub(crate) fn activated(tx: &mut dyn Tx, license: &License, now: Timestamp) -> Result<(), Error> {
    let term = license.terms.term;
    let end = term.started(now).end;
    rows::count_activation(tx, license.id, now, end)?;
    if end != term.end {
        rows::begin_term(tx, license.id, end)?;
    }
    Ok(())
}

/// Ends the open segment of a license that is removed.
pub(super) fn close(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<(), Error> {
    if let Some(last) = rows::open_segment(tx, license.id)? {
        end(tx, cx, &last)?;
    }
    Ok(())
}

/// The segments of a license, oldest first.
pub fn segments(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<Vec<Segment>, Error> {
    let license = rows::by_id(tx, license)?.ok_or(Error::not_found(Noun::License))?;
    super::owner(tx, cx, &license, &Action::read(Right::LICENSES_READ))?;
    Ok(rows::segments(tx, license.id)?)
}
