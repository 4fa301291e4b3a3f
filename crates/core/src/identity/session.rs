//! Sessions and one-time links, and signing in: slowly for whoever guesses, alike for users that exist and that don't.

use super::keyring::Known;
use super::password::{self, STAFF_MINIMUM};
use super::user::{self, MAX_LOGIN, check_stands_above};
use super::{Credential, rows, tries};
use crate::app::App;
use crate::clock::Timestamp;
use crate::context::{Actor, Caller, Context, Who};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, UserId};
use crate::journal;
use crate::secret::base62;
use crate::text::check_line;
use lessor_db::{StoreError, Tx};
use serde_json::json;
use uuid::Uuid;

/// What every session's token begins with.
pub const SESSION_PREFIX: &str = "lss_";
/// What every link's token begins with.
pub const LINK_PREFIX: &str = "lsl_";
/// What every refresh token begins with.
pub const REFRESH_PREFIX: &str = "lsf_";
const SESSION: &str = "session";
const LINK: &str = "link";
const REFRESH: &str = "refresh";
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

/// How long a session that is renewed lasts.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Seconds that an access token is good for.
    pub access_seconds: i64,
    /// Seconds from the sign-in to the end of all renewals.
    pub whole_seconds: i64,
}

/// A short session that is kept up by renewing it.
#[derive(Clone, Debug)]
pub struct Renewable {
    /// The session's token, to be sent as a bearer.
    pub access: Credential,
    /// When that ends.
    pub access_until: Timestamp,
    /// What gives the next two, once.
    pub refresh: Credential,
    /// When no renewal is possible any more.
    pub refresh_until: Timestamp,
    /// Who it is.
    pub user: UserId,
}

/// Begins a session for a user whose identity the caller of this function has checked. Gives its token and its end.
///
/// # Errors
/// Those of storage.
pub fn begin(tx: &mut dyn Tx, cx: &Context<'_>, user: UserId) -> Result<(Credential, Timestamp), Error> {
    rows::forget_of_user(tx, user, cx.now)?;
    let until = cx.now.plus_hours(SESSION_HOURS);
    Ok((issue(tx, cx, user, (SESSION, SESSION_PREFIX), None, until)?, until))
}

fn begin_renewable(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    user: UserId,
    family: Uuid,
    access_seconds: i64,
    refresh_until: Timestamp,
) -> Result<Renewable, Error> {
    let access_until = cx.now.plus_micros(access_seconds.saturating_mul(1_000_000)).min(refresh_until);
    Ok(Renewable {
        access: issue(tx, cx, user, (SESSION, SESSION_PREFIX), Some(family), access_until)?,
        access_until,
        refresh: issue(tx, cx, user, (REFRESH, REFRESH_PREFIX), Some(family), refresh_until)?,
        refresh_until,
        user,
    })
}

/// Uses a refresh token, once: gives the next two. The access token before stays good until it expires. A refresh token that
/// comes a second time was stolen from somebody, nobody knows from whom: it ends all that came of the same sign-in.
///
/// # Errors
/// `BadCredentials` for a token that is unknown, used or too old, or of a closed user or account.
pub async fn renew(app: &App, presented: &str, access_seconds: i64) -> Result<Renewable, Error> {
    let token = presented.to_owned();
    let next = app.write(&app.system(), move |tx, cx| renewed(tx, cx, &token, access_seconds)).await?;
    next.ok_or_else(|| Refusal::BadCredentials.into())
}

/// `None` leaves behind that the family was ended.
fn renewed(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    presented: &str,
    access_seconds: i64,
) -> Result<Option<Renewable>, Error> {
    let hash = hash(cx, presented);
    let Some((user, family, until)) = rows::refresh(tx, &hash, REFRESH)? else { return Ok(None) };
    let row = rows::lock_user(tx, user)?.ok_or(Refusal::BadCredentials)?;
    // Of two that renew with one token at once, the second finds it ended.
    if !rows::end_session(tx, &hash, cx.now)? {
        rows::end_family(tx, family, cx.now)?;
        journal::append(tx, cx, "user.session_reused", user::subject(&row.user), &json!({}))?;
        return Ok(None);
    }
    if until <= cx.now {
        return Ok(None);
    }
    begin_renewable(tx, cx, user, family, access_seconds, until).map(Some)
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
    end_links(tx, cx, user.id)?;
    let expires_at = link_end(cx.now);
    let link = issue(tx, cx, user.id, (LINK, LINK_PREFIX), None, expires_at)?;
    journal::append(tx, cx, "user.link_created", user::subject(&user), &json!({ "expires_at": expires_at }))?;
    Ok(link)
}

/// Ends the links of a user.
pub(super) fn end_links(tx: &mut dyn Tx, cx: &Context<'_>, user: UserId) -> Result<(), StoreError> {
    rows::end_purpose(tx, user, LINK, cx.now)
}

/// When a link that is made now ends.
pub(super) fn link_end(now: Timestamp) -> Timestamp {
    now.plus_hours(LINK_HOURS)
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
    let (caller, row) = proven(app, login, password).await?;
    app.write(&caller, move |tx, cx| {
        accept(tx, &row)?;
        admit(tx, cx, &row)
    })
    .await
}

/// As [`sign_in`], for a session that is renewed.
///
/// # Errors
/// As [`sign_in`].
pub async fn sign_in_renewably(
    app: &App,
    login: &str,
    password: &str,
    lifetimes: Lifetimes,
) -> Result<Renewable, Error> {
    let (caller, row) = proven(app, login, password).await?;
    app.write(&caller, move |tx, cx| {
        accept(tx, &row)?;
        rows::forget_of_user(tx, row.user.id, cx.now)?;
        signed_in(tx, cx, &row)?;
        let until = cx.now.plus_micros(lifetimes.whole_seconds.saturating_mul(1_000_000));
        begin_renewable(tx, cx, row.user.id, cx.new_id(), lifetimes.access_seconds, until)
    })
    .await
}

/// The user whom login and password prove to be there, and the call to go on in.
async fn proven(app: &App, login: &str, password: &str) -> Result<(Caller, rows::UserRow), Error> {
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
    Ok((caller, row))
}

/// Is what was proven still so, now that the user is locked? Forgets the failed tries.
fn accept(tx: &mut dyn Tx, row: &rows::UserRow) -> Result<(), Error> {
    let now = rows::lock_user(tx, row.user.id)?.ok_or(Refusal::BadCredentials)?;
    if now.password_hash != row.password_hash || now.user.closed_at.is_some() {
        return Err(Refusal::BadCredentials.into());
    }
    Ok(rows::set_tries(tx, now.user.id, 0, None)?)
}

fn admit(tx: &mut dyn Tx, cx: &Context<'_>, row: &rows::UserRow) -> Result<SignedIn, Error> {
    let user = &row.user;
    let (token, expires_at) = begin(tx, cx, user.id)?;
    signed_in(tx, cx, row)?;
    Ok(SignedIn { token, user: user.id, account: user.account, expires_at })
}

fn signed_in(tx: &mut dyn Tx, cx: &Context<'_>, row: &rows::UserRow) -> Result<(), Error> {
    let data = json!({ "failures_before": row.failures });
    journal::append(tx, cx, "user.signed_in", user::subject(&row.user), &data)?;
    Ok(())
}

/// Counts a try and gives the user as it was before, or `None` where nobody can sign in with this login.
fn count_try(tx: &mut dyn Tx, cx: &Context<'_>, login: &str) -> Result<Option<rows::UserRow>, Error> {
    // What no login can look like is not looked up: storage does not take every text.
    let row = if check_line("login", login, MAX_LOGIN).is_ok() { rows::lock_login(tx, login)? } else { None };
    let Some(row) = row.filter(|row| row.user.closed_at.is_none()) else {
        tries::count_strange(tx, cx, "sign-in", &[login.as_bytes()])?;
        return Ok(None);
    };
    tries::refuse_blocked(row.user.blocked_until, cx.now)?;
    let failures = row.failures + 1;
    rows::set_tries(tx, row.user.id, failures, tries::blocked_until(failures, cx.now))?;
    let open = crate::account::rows::by_id(tx, row.user.account)?.is_some_and(|account| account.closed_at.is_none());
    Ok(open.then_some(row))
}

fn issue(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    user: UserId,
    (purpose, prefix): (&str, &str),
    family: Option<Uuid>,
    expires_at: Timestamp,
) -> Result<Credential, Error> {
    let text = format!("{prefix}{}", base62(&cx.random::<20>()));
    rows::insert_session(tx, &hash(cx, &text), user, purpose, family, (cx.now, expires_at))?;
    Ok(Credential(text))
}

fn hash(cx: &Context<'_>, text: &str) -> [u8; 32] {
    cx.secret().mac("session", &[text.as_bytes()])
}
