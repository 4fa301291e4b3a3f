//! Sessions and one-time links, and signing in: slowly for whoever guesses, alike for users that exist and that don't.

use super::keyring::Known;
use super::password::{self, STAFF_MINIMUM};
use super::user::{self, MAX_LOGIN, check_stands_above};
use super::{Credential, rows, tries};
use crate::app::App;
use crate::clock::Timestamp;
use crate::context::{Actor, Context, Who};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, UserId};
use crate::journal;
use crate::secret::base62;
use crate::text::check_line;
use lessor_db::Tx;
use serde_json::json;

/// What every session's token begins with.
pub const SESSION_PREFIX: &str = "lss_";
/// What every link's token begins with.
pub const LINK_PREFIX: &str = "lsl_";
const SESSION: &str = "session";
const LINK: &str = "link";
/// How long a session lasts.
const SESSION_HOURS: i64 = 12;
/// How long a link may be used.
const LINK_HOURS: i64 = 24;

/// Someone who signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session's token, to be sent as a bearer.
    pub token: Credential,
    /// Who it is.
    pub user: UserId,
    /// The account it belongs to.
    pub account: AccountId,
    /// When the session ends.
    pub expires_at: Timestamp,
}

/// Begins a session for a user whose identity the caller of this function has checked. Gives its token and its end.
///
/// # Errors
/// Those of storage.
pub fn begin(tx: &mut dyn Tx, cx: &Context<'_>, user: UserId) -> Result<(Credential, Timestamp), Error> {
    rows::forget_of_user(tx, user, cx.now)?;
    issue(tx, cx, user, SESSION, SESSION_PREFIX, cx.now.plus_hours(SESSION_HOURS))
}

/// Who presents this session's token: `Unauthenticated` for an unknown, expired or ended session, or one of a closed user or
/// account.
pub(super) fn find(tx: &mut dyn Tx, cx: &Context<'_>, presented: &str) -> Result<Known, Error> {
    let session = rows::session(tx, &hash(cx, presented), SESSION)?.ok_or(Error::Unauthenticated)?;
    if session.expires_at <= cx.now {
        return Err(Error::Unauthenticated);
    }
    let actor = Actor {
        who: Who::User(session.user),
        account: session.account,
        tenant: session.tenant,
        path: session.path,
        grants: rows::grants(tx, session.user)?,
        rights: None,
        draws: false,
    };
    Ok(Known::new(actor, Some(session.expires_at)))
}

/// Ends the session with this token. One that is unknown or over already is none the worse.
///
/// # Errors
/// Those of storage.
pub fn end(tx: &mut dyn Tx, cx: &Context<'_>, presented: &str) -> Result<(), Error> {
    rows::end_session(tx, &hash(cx, presented), cx.now)?;
    Ok(())
}

/// Deletes what has expired; for a job.
///
/// # Errors
/// Those of storage.
pub fn expire(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<u64, Error> {
    Ok(rows::forget(tx, cx.now)?)
}

/// Makes a link with which a user sets a password and signs in, once, within a day. Links made before stop working.
///
/// # Errors
/// `NotFound`, `Closed`, and `Forbidden` unless the caller can do itself all that the user can.
pub fn create_link(tx: &mut dyn Tx, cx: &Context<'_>, user: UserId) -> Result<Credential, Error> {
    let user = rows::lock_user(tx, user)?.ok_or(Error::not_found(Noun::User))?.user;
    check_stands_above(tx, cx, &user)?;
    if user.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::User).into());
    }
    rows::end_purpose(tx, user.id, LINK, cx.now)?;
    let (link, expires_at) = issue(tx, cx, user.id, LINK, LINK_PREFIX, cx.now.plus_hours(LINK_HOURS))?;
    journal::append(tx, cx, "user.link_created", user::subject(&user), &json!({ "expires_at": expires_at }))?;
    Ok(link)
}

/// Uses a link: sets the password, ends what sessions there were, and signs in.
///
/// # Errors
/// `BadCredentials` for a link that is unknown, used or too old; `Malformed` for a password that is too short.
pub async fn redeem_link(app: &App, presented: &str, password: &str) -> Result<SignedIn, Error> {
    password::check(password, STAFF_MINIMUM)?;
    let token = presented.to_owned();
    // Before anything is hashed: nobody without a link gets the server to work that hard.
    app.read(&app.system(), move |tx, cx| link_user(tx, cx, &token)).await?;
    let new_hash = app.hasher().hash(password).await?;
    let token = presented.to_owned();
    app.write(&app.system(), move |tx, cx| redeem(tx, cx, &token, &new_hash)).await
}

fn redeem(tx: &mut dyn Tx, cx: &Context<'_>, presented: &str, new_hash: &str) -> Result<SignedIn, Error> {
    let id = link_user(tx, cx, presented)?;
    let row = rows::lock_user(tx, id)?.ok_or(Refusal::BadCredentials)?;
    // Of two that use one link at once, the second finds it ended.
    if !rows::end_session(tx, &hash(cx, presented), cx.now)? {
        return Err(Refusal::BadCredentials.into());
    }
    user::password_changed(tx, cx, &row.user, new_hash)?;
    admit(tx, cx, &row)
}

fn link_user(tx: &mut dyn Tx, cx: &Context<'_>, presented: &str) -> Result<UserId, Error> {
    let link = rows::session(tx, &hash(cx, presented), LINK)?.filter(|link| cx.now < link.expires_at);
    Ok(link.ok_or(Refusal::BadCredentials)?.user)
}

/// Signs a user in by login and password.
///
/// A try is counted before it is looked at, so that guessing in parallel gains nothing; success forgets the count.
///
/// # Errors
/// `BadCredentials`, the same for an unknown login as for a wrong password; `TooManyTries`; `Busy`.
pub async fn sign_in(app: &App, login: &str, password: &str) -> Result<SignedIn, Error> {
    let turn = app.hasher().turn()?;
    let caller = app.system();
    let login = login.to_owned();
    let known = app.write(&caller, move |tx, cx| count_try(tx, cx, &login)).await?;
    let stored = known.as_ref().and_then(|row| row.password_hash.as_deref());
    let fits = turn.verify(password, stored).await?;
    let Some(row) = known.filter(|_| fits) else {
        tracing::info!(request = %caller.request, "a sign-in failed");
        return Err(Refusal::BadCredentials.into());
    };
    app.write(&caller, move |tx, cx| {
        let now = rows::lock_user(tx, row.user.id)?.ok_or(Refusal::BadCredentials)?;
        if now.password_hash != row.password_hash || now.user.closed_at.is_some() {
            return Err(Refusal::BadCredentials.into());
        }
        rows::set_tries(tx, now.user.id, 0, None)?;
        admit(tx, cx, &row)
    })
    .await
}

fn admit(tx: &mut dyn Tx, cx: &Context<'_>, row: &rows::UserRow) -> Result<SignedIn, Error> {
    let user = &row.user;
    let (token, expires_at) = begin(tx, cx, user.id)?;
    journal::append(tx, cx, "user.signed_in", user::subject(user), &json!({ "failures_before": row.failures }))?;
    Ok(SignedIn { token, user: user.id, account: user.account, expires_at })
}

/// Counts a try and gives the user as it was before, or `None` where nobody can sign in with this login.
fn count_try(tx: &mut dyn Tx, cx: &Context<'_>, login: &str) -> Result<Option<rows::UserRow>, Error> {
    // What no login can look like is not looked up: storage does not take every text.
    let row = if check_line("login", login, MAX_LOGIN).is_ok() { rows::lock_login(tx, login)? } else { None };
    let Some(row) = row.filter(|row| row.user.closed_at.is_none()) else {
        tries::count_strange(tx, cx, "sign-in", &[login.as_bytes()])?;
        return Ok(None);
    };
    tries::refuse_blocked(row.blocked_until, cx.now)?;
    let failures = row.failures + 1;
    rows::set_tries(tx, row.user.id, failures, tries::blocked_until(failures, cx.now))?;
    let open = crate::account::rows::by_id(tx, row.user.account)?.is_some_and(|account| account.closed_at.is_none());
    Ok(open.then_some(row))
}

fn issue(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    user: UserId,
    purpose: &str,
    prefix: &str,
    expires_at: Timestamp,
) -> Result<(Credential, Timestamp), Error> {
    let text = format!("{prefix}{}", base62(&cx.random::<20>()));
    rows::insert_session(tx, &hash(cx, &text), user, purpose, cx.now, expires_at)?;
    Ok((Credential(text), expires_at))
}

fn hash(cx: &Context<'_>, text: &str) -> [u8; 32] {
    cx.secret().mac("session", &[text.as_bytes()])
}
