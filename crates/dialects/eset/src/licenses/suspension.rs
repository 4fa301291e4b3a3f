//! Suspending single licenses.

use super::{key, problem, removed};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::account::{self, HoldTarget, PlaceHold, Reach, SUSPENDED};
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::License;
use lessor_core::{Context, Error, Refusal, Tx};

pub(super) async fn suspend(asked: Asked) -> Result<Reply, Problem> {
    let key = asked.fields.need_text("publicLicenseKey")?.to_owned();
    let done = asked.app.write(&asked.caller, move |tx, cx| {
        let license = key::find_of_child(tx, cx, &key)?;
        removed::refuse(tx, cx, &license)?;
        if license.hold_count > 0 || account::is_held(tx, license.account)? {
            return Err(Refusal::Held.into());
        }
        if license.terms.term.is_over(cx.now) {
            return Err(Refusal::TrialOver.into());
        }
        let target = HoldTarget::License(license.id);
        let hold = PlaceHold { target, reach: Reach::Own, cause: SUSPENDED.into(), note: String::new() };
        account::place(tx, cx, &hold)
    });
    match done.await {
        Ok(_) => Ok(Reply::empty()),
        Err(Error::Refused(Refusal::Held)) => Err(key::rule(21, "LicenseIsAlreadySuspend")),
        Err(error) => Err(problem(error)),
    }
}

/// Why a license cannot be unsuspended.
enum Why {
    /// It never was suspended.
    NeverWas,
    /// It was, and is no more.
    Already,
    /// It is, but not by itself.
    Otherwise,
}

pub(super) async fn unsuspend(asked: Asked) -> Result<Reply, Problem> {
    let key = asked.fields.need_text("publicLicenseKey")?.to_owned();
    let done = asked.app.write(&asked.caller, move |tx, cx| {
        let license = key::find_of_child(tx, cx, &key)?;
        removed::refuse(tx, cx, &license)?;
        // Its company's suspension is for its company to lift.
        if account::is_held(tx, license.account)? {
            return Ok(Err(Why::Otherwise));
        }
        let target = HoldTarget::License(license.id);
        if account::lift_all_of_cause(tx, cx, target, SUSPENDED)? > 0 {
            return Ok(Ok(()));
        }
        let was = license.hold_count == 0 && was_suspended(tx, cx, &license)?;
        Ok(Err(if license.hold_count > 0 {
            Why::Otherwise
        } else if was {
            Why::Already
        } else {
            Why::NeverWas
        }))
    });
    match done.await.map_err(problem)? {
        Ok(()) => Ok(Reply::empty()),
        Err(Why::Already) => Err(key::rule(22, "LicenseIsAlreadyUnsuspended")),
        Err(Why::Otherwise) => Err(key::rule(33, "UpdateLicenseStateError")),
        Err(Why::NeverWas) => Err(key::rule(36, "LicenseIsNotSuspended")),
    }
}

fn was_suspended(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<bool, Error> {
    let filter = EventFilter { subject: Some(license.id.0) };
    let mut after = None;
    loop {
        let events = journal::list(tx, cx, &filter, after, 500)?;
        if events.iter().any(|event| event.kind == "license.held" && event.data["cause"] == SUSPENDED) {
            return Ok(true);
        }
        match events.last() {
            Some(last) if events.len() == 500 => after = Some(last.id),
            _ => return Ok(false),
        }
    }
}
