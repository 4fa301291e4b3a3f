//! How a license stands: its state, and how many units of it are activated.

use super::removed;
use lessor_core::account;
use lessor_core::license::{License, TermKind};
use lessor_core::metering::{self, By, Per, Query, Range};
use lessor_core::{Context, Error, Noun, Refusal, Tx};

/// The meter that an installation tells activated units by.
const UNITS: &str = "eset.activated_units";

/// More units are activated than were ordered.
pub(crate) const ERROR: i64 = 0;
/// Nothing is the matter.
pub(crate) const NORMAL: i64 = 1;
/// Over: an expired trial, or a removed one.
pub(crate) const OBSOLETE: i64 = 2;
/// Suspended, itself or with its company.
pub(crate) const SUSPENDED: i64 = 3;
/// Nearly all that was ordered is activated.
pub(crate) const WARNING: i64 = 4;

/// The state of a license of which so many units are activated.
pub(crate) fn of(tx: &mut dyn Tx, cx: &Context<'_>, license: &License, usage: i64) -> Result<i64, Error> {
    if removed::is(tx, cx, license)? {
        return Ok(OBSOLETE);
    }
    let held = license.hold_count > 0 || account::is_held(tx, license.account)?;
    let ordered = license.terms.activation_limit;
    Ok(if held {
        SUSPENDED
    } else if license.terms.term.is_over(cx.now) {
        OBSOLETE
    } else if usage > ordered {
        ERROR
    } else if usage * 10 >= ordered * 9 && usage > 0 {
        WARNING
    } else {
        NORMAL
    })
}

/// How many units of a license are activated: what devices have activated here, or what the installation told last, whichever
/// is more.
pub(crate) fn usage(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<i64, Error> {
    let meter = match metering::of_account(tx, cx, license.account, UNITS) {
        Err(Error::Refused(Refusal::NotFound(Noun::Meter))) => return Ok(license.active_count),
        found => found?,
    };
    let today = meter.days.day_of(cx.now);
    let query = Query {
        meter,
        account: license.account,
        branch: false,
        range: Range::new(today, today, Per::Day)?,
        per: Per::Day,
        each: vec![By::License],
        key: String::new(),
    };
    let mut after = None;
    loop {
        let report = metering::report(tx, cx, &query, after, 500)?;
        if let Some(row) = report.rows.iter().find(|row| row.of.license == Some(license.id)) {
            return Ok(row.total.last.max(license.active_count));
        }
        match report.next {
            None => return Ok(license.active_count),
            next => after = next,
        }
    }
}

/// Is it a trial?
pub(crate) fn is_trial(license: &License) -> bool {
    license.terms.term.kind == TermKind::Trial
}
