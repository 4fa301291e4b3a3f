//! Is someone the end user they say to be? Slowly for whoever guesses, alike for users that exist and that don't.

use super::end_user::MOST_USER_NAME;
use super::rows::end_users::{self as rows, Tries};
use crate::account;
use crate::app::App;
use crate::catalog;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, EndUserId, ProductId};
use crate::identity::tries;
use crate::text::check_line;
use lessor_db::Tx;

/// Among whose end users a name is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Realm {
    /// A vendor's.
    Tenant(AccountId),
    /// Those of the vendor of a product.
    Product(ProductId),
}

/// Finds the end user with this name and password.
///
/// A try is counted before it is looked at, so that guessing in parallel gains nothing; success forgets the count. The
/// password is hashed off the runtime.
///
/// # Errors
/// `BadCredentials`, the same and at the same cost for an unknown name as for a wrong password; `TooManyTries`; `Busy`;
/// `NotFound` for an unknown product.
pub async fn verify_end_user(app: &App, realm: Realm, user_name: &str, password: &str) -> Result<EndUserId, Error> {
    let turn = app.hasher().turn()?;
    let caller = app.system();
    let user_name = user_name.to_owned();
    let known = app.write(&caller, move |tx, cx| count_try(tx, cx, realm, &user_name)).await?;
    let stored = known.as_ref().map(|row| row.password_hash.as_str());
    let fits = turn.verify(password, stored).await?;
    let Some(row) = known.filter(|_| fits) else {
        tracing::info!(request = %caller.request, "an end user's sign-in failed");
        return Err(Refusal::BadCredentials.into());
    };
    app.write(&caller, move |tx, cx| {
        cx.touches_nothing();
        let now = rows::lock_tries_of(tx, row.id)?.ok_or(Refusal::BadCredentials)?;
        if now.password_hash != row.password_hash {
            return Err(Refusal::BadCredentials.into());
        }
        rows::set_tries(tx, now.id, 0, None)?;
        Ok(now.id)
    })
    .await
}

/// Counts a try and gives what the user's password is checked against, or `None` where nobody can sign in so.
fn count_try(tx: &mut dyn Tx, cx: &Context<'_>, realm: Realm, user_name: &str) -> Result<Option<Tries>, Error> {
    cx.touches_nothing();
    let tenant = match realm {
        Realm::Tenant(tenant) => tenant,
        Realm::Product(id) => catalog::rows::product(tx, id)?.ok_or(Error::not_found(Noun::Product))?.tenant,
    };
    // What no user name can look like is not looked up: storage does not take every text.
    let fits = check_line("user_name", user_name, MOST_USER_NAME).is_ok();
    let row = if fits { rows::lock_tries(tx, tenant, user_name)? } else { None };
    let Some(row) = row else {
        tries::count_strange(tx, cx, "end-user", &[tenant.0.as_bytes(), user_name.as_bytes()])?;
        return Ok(None);
    };
    tries::refuse_blocked(row.blocked_until, cx.now)?;
    let failures = row.failures + 1;
    rows::set_tries(tx, row.id, failures, tries::blocked_until(failures, cx.now))?;
    let account = account::rows::by_id(tx, row.account)?;
    Ok(account.is_some_and(|account| account.closed_at.is_none()).then_some(row))
}
