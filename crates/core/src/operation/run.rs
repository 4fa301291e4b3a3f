//! Doing what operations are there to do, a step at a time.

use super::{Kind, Operation, State, rows};
use crate::account::{self, HoldTarget, PlaceHold, Reach, SUSPENDED};
use crate::app::App;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::id::LicenseId;
use crate::journal;
use lessor_db::Tx;
use serde_json::json;

/// How many licenses one step looks at.
const LICENSES_OF_STEP: u32 = 200;
/// For how many days a finished operation is kept.
const KEPT_DAYS: i64 = 30;
/// How many one transaction deletes.
const MOST_DELETED: u32 = 1_000;

/// How a step ended.
enum Step {
    /// All is done.
    Done,
    /// The licenses up to this one are done.
    Until(LicenseId),
}

/// Does one step of the operation that waits longest; `false` when none is left. Of several servers one does a step while the
/// others wait for it.
///
/// # Errors
/// Those of storage; the step is then repeated by whoever comes next.
pub fn run_some(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    let Some(operation) = rows::lock_next(tx)? else {
        cx.touches_nothing();
        return Ok(false);
    };
    let step = cx.in_name_of(operation.begun_by, operation.begun_for, |cx| step(tx, cx, &operation));
    let (state, done_to, problem) = match step {
        Ok(Step::Done) => (State::Done, operation.done_to, None),
        Ok(Step::Until(license)) => (State::Running, Some(license), None),
        // What is refused has written nothing: every command checks first.
        Err(Error::Refused(refusal)) => (State::Failed, operation.done_to, Some(refusal.to_string())),
        Err(error) => return Err(error),
    };
    let finished_at = (state != State::Running).then_some(cx.now);
    let operation = Operation { state, done_to, finished_at, problem, ..operation };
    rows::update(tx, &operation)?;
    if finished_at.is_some() {
        let data =
            json!({ "kind": operation.kind.word(), "state": operation.state.word(), "problem": operation.problem });
        journal::append(tx, cx, "operation.finished", operation.subject(), &data)?;
    }
    Ok(true)
}

fn step(tx: &mut dyn Tx, cx: &Context<'_>, operation: &Operation) -> Result<Step, Error> {
    let account = HoldTarget::Account(operation.account);
    match operation.kind {
        // Somebody may have placed the hold by hand meanwhile.
        Kind::Suspend if account::is_suspended(tx, operation.account)? => Ok(Step::Done),
        Kind::Suspend => {
            let hold =
                PlaceHold { target: account, reach: Reach::Branch, cause: SUSPENDED.into(), note: String::new() };
            account::place(tx, cx, &hold)?;
            Ok(Step::Done)
        }
        Kind::Resume => {
            let licenses = rows::licenses(tx, operation.account, operation.done_to, LICENSES_OF_STEP)?;
            for (license, _) in licenses.iter().filter(|(_, holds)| *holds > 0) {
                resume_license(tx, cx, *license)?;
            }
            match licenses.last() {
                Some((last, _)) => Ok(Step::Until(*last)),
                None => {
                    account::lift_all_of_cause(tx, cx, account, SUSPENDED)?;
                    Ok(Step::Done)
                }
            }
        }
    }
}

fn resume_license(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<(), Error> {
    match account::lift_all_of_cause(tx, cx, HoldTarget::License(license), SUSPENDED) {
        // Removed since its page was read.
        Err(Error::Refused(Refusal::NotFound(Noun::License))) => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

/// Does all that waits, now.
///
/// # Errors
/// As [`run_some`]; the jobs do the rest.
pub async fn run_now(app: &App) -> Result<(), Error> {
    while app.write(&app.system(), |tx, cx| run_some(tx, cx)).await? {}
    Ok(())
}

/// Has done what waits, while the caller goes on: so that who has begun an operation need not wait for the next job.
pub fn run_soon(app: App) {
    tokio::spawn(async move {
        if let Err(error) = run_now(&app).await {
            tracing::debug!(%error, "an operation did not finish; the jobs go on with it");
        }
    });
}

/// Deletes operations that were finished long ago; `true` when there may be more.
///
/// # Errors
/// Those of storage.
pub fn expire(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    cx.touches_nothing();
    let gone = rows::delete_finished(tx, cx.now.plus_days(-KEPT_DAYS), MOST_DELETED)?;
    Ok(gone == u64::from(MOST_DELETED))
}
