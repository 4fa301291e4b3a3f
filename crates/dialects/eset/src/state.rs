//! The states of companies and users, as the dialect numbers them.

use crate::facts::Person;
use lessor_core::account::{self, Account, HoldTarget, NOT_ACTIVATED, SUSPENDED};
use lessor_core::identity::user::User;
use lessor_core::{Context, Error, Timestamp, Tx};

/// The state of a company: 1 active, 2 waiting for its contact user, 3 suspended, 4 deleted.
///
/// # Errors
/// `NotFound` for one that the caller does not see.
pub(crate) fn company_status(tx: &mut dyn Tx, cx: &Context<'_>, account: &Account) -> Result<i64, Error> {
    if account.closed_at.is_some() {
        return Ok(4);
    }
    let holds = account::holds_of(tx, cx, HoldTarget::Account(account.id))?;
    let held = |cause: &str| holds.iter().any(|hold| hold.cause == cause);
    Ok(if held(SUSPENDED) {
        3
    } else if held(NOT_ACTIVATED) {
        2
    } else {
        1
    })
}

/// The state of a user: 1 active, 2 a contact user that has not set a password yet, 3 blocked, 4 deleted.
pub(crate) fn user_status(user: &User, person: &Person, now: Timestamp) -> i64 {
    if user.closed_at.is_some() {
        4
    } else if user.blocked_until.is_some_and(|until| now < until) {
        3
    } else if person.contact_user && !user.has_password {
        2
    } else {
        1
    }
}
