//! Users: who may sign in, and what each may do where.

use super::{Level, Right, check_may_give, rows, session};
use crate::account::{self, Account};
use crate::clock::Timestamp;
use crate::context::{Action, Actor, Context, Grant, Who};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, UserId};
use crate::journal::{self, Subject};
use crate::text::check_line;
use lessor_db::Tx;
use serde_json::{Value, json};

/// Most characters of a login.
pub(super) const MAX_LOGIN: usize = 200;
/// Most branches on which one user has a level of its own.
const MAX_PERMISSIONS: usize = 200;

/// Someone who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The tenant it is in.
    pub tenant: AccountId,
    /// The account it belongs to.
    pub account: AccountId,
    /// Its name, for people.
    pub name: String,
    /// What it signs in with; unique in the whole installation, upper and lower case told apart.
    pub login: String,
    /// How to reach it, and what else there is to say: a JSON object whose members are the caller's own.
    pub contact: Value,
    /// Does it have a password? Without one only a sign-in link lets it in.
    pub has_password: bool,
    /// When that was last set.
    pub password_set_at: Option<Timestamp>,
    /// Until when it cannot sign in, since somebody tried in vain too often.
    pub blocked_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it, or its password, was last changed.
    pub modified_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// Make a user.
#[derive(Clone)]
pub struct CreateUser {
    /// The account it belongs to.
    pub account: AccountId,
    /// 1 to 200 characters.
    pub name: String,
    /// 1 to 200 characters.
    pub login: String,
    /// A JSON object of at most 16 KiB.
    pub contact: Value,
    /// As [`Hasher::hash`](super::password::Hasher::hash) gave it; the password was [checked](super::password::check).
    pub password_hash: Option<String>,
    /// What it may do on its account's branch.
    pub level: Level,
}

/// Change a user; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeUser {
    /// Which user.
    pub user: UserId,
    /// 1 to 200 characters.
    pub name: Option<String>,
    /// A JSON object of at most 16 KiB.
    pub contact: Option<Value>,
}

/// Set what a user may do on a branch.
#[derive(Clone, Copy, Debug)]
pub struct SetPermission {
    /// Which user.
    pub user: UserId,
    /// The root of the branch.
    pub account: AccountId,
    /// The level; without one, whatever is set further up counts again.
    pub level: Option<Level>,
}

/// Give a user another password.
#[derive(Clone)]
pub struct ChangePassword {
    /// Which user.
    pub user: UserId,
    /// As [`Hasher::hash`](super::password::Hasher::hash) gave it; the password was [checked](super::password::check).
    pub password_hash: String,
}

/// Makes a user.
///
/// # Errors
/// `Taken` for a login in use, `Closed` for a closed account, `Forbidden` when the caller may not do as much itself,
/// `Malformed`.
pub fn create(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateUser) -> Result<User, Error> {
    let account = account::authorized(tx, cx, cmd.account, &Action::write(Right::IDENTITY_WRITE), Noun::Account)?;
    check_unlimited(cx)?;
    check_may_give(cx, cmd.level, &account.path, Noun::Account)?;
    if account.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    check_line("name", &cmd.name, 200)?;
    check_line("login", &cmd.login, MAX_LOGIN)?;
    account::check_contact(&cmd.contact)?;
    let user = User {
        id: cx.new_id(),
        tenant: account.tenant,
        account: account.id,
        name: cmd.name.clone(),
        login: cmd.login.clone(),
        contact: cmd.contact.clone(),
        has_password: cmd.password_hash.is_some(),
        password_set_at: cmd.password_hash.as_ref().map(|_| cx.now),
        blocked_until: None,
        created_at: cx.now,
        modified_at: cx.now,
        closed_at: None,
    };
    rows::insert_user(tx, &user, cmd.password_hash.as_deref())
        .map_err(|error| Error::from(error).taken_on_unique(Noun::User, &user.login))?;
    rows::put_permission(tx, user.id, account.id, cmd.level)?;
    if user.has_password && cmd.level == Level::Write {
        activate_account(tx, cx, &user)?;
    }
    let data = json!({
        "after": { "name": user.name, "login": user.login, "contact": user.contact, "level": cmd.level.word() },
    });
    journal::append(tx, cx, "user.created", subject(&user), &data)?;
    Ok(user)
}

/// Changes a user's name and contact. Users change their own.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Closed`, `Malformed`.
pub fn change(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeUser) -> Result<User, Error> {
    let before = match cx.actor().who == Who::User(cmd.user) {
        true => rows::lock_user(tx, cmd.user)?.ok_or(Error::not_found(Noun::User))?.user,
        false => locked(tx, cx, cmd.user)?.0,
    };
    if before.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::User).into());
    }
    let after = User {
        name: cmd.name.clone().unwrap_or_else(|| before.name.clone()),
        contact: cmd.contact.clone().unwrap_or_else(|| before.contact.clone()),
        modified_at: cx.now,
        ..before.clone()
    };
    check_line("name", &after.name, 200)?;
    account::check_contact(&after.contact)?;
    if (&after.name, &after.contact) == (&before.name, &before.contact) {
        return Ok(before);
    }
    rows::update_user(tx, &after)?;
    let facts = |user: &User| json!({ "name": user.name, "contact": user.contact });
    let data = json!({ "before": facts(&before), "after": facts(&after) });
    journal::append(tx, cx, "user.changed", subject(&after), &data)?;
    Ok(after)
}

/// One user, if the caller may see it; everyone sees themselves.
///
/// # Errors
/// `NotFound`.
pub fn get(tx: &mut dyn Tx, cx: &Context<'_>, id: UserId) -> Result<User, Error> {
    let user = rows::user(tx, id)?.ok_or(Error::not_found(Noun::User))?.user;
    if cx.actor().who != Who::User(id) {
        account::authorized(tx, cx, user.account, &Action::read(Right::IDENTITY_READ), Noun::User)?;
    }
    Ok(user)
}

/// A page of the open users of one account, in the order they were made, after `after`.
///
/// # Errors
/// `NotFound` for an account the caller does not see.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: AccountId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<User>, Error> {
    account::authorized(tx, cx, account, &Action::read(Right::IDENTITY_READ), Noun::Account)?;
    Ok(rows::users_of(tx, account, after, limit)?)
}

/// The open users of an account and of all below it that the caller sees, by name and then by id.
///
/// # Errors
/// `NotFound` for an account the caller does not see.
pub fn list_branch(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId) -> Result<Vec<User>, Error> {
    let top = account::authorized(tx, cx, account, &Action::read(Right::IDENTITY_READ), Noun::Account)?;
    let found = rows::users_below(tx, &top.path)?.into_iter();
    let seen = found.filter(|(_, path)| cx.actor().level_at(path).is_some());
    let mut users: Vec<User> = seen.map(|(user, _)| user).collect();
    users.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    Ok(users)
}

/// The levels that are set for a user, with the branches they are set on.
///
/// # Errors
/// `NotFound`.
pub fn permissions(tx: &mut dyn Tx, cx: &Context<'_>, id: UserId) -> Result<Vec<(AccountId, Level)>, Error> {
    get(tx, cx, id)?;
    Ok(rows::permissions(tx, id)?)
}

/// Sets what a user may do on a branch, from its next call on.
///
/// # Errors
/// `NotFound` for the user or the account, `Forbidden` when the caller may not do there what the user then could,
/// `OutOfRange` for too many branches.
pub fn set_permission(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &SetPermission) -> Result<(), Error> {
    let (user, _) = locked(tx, cx, cmd.user)?;
    let write = Action::write(Right::IDENTITY_WRITE);
    let branch = account::authorized(tx, cx, cmd.account, &write, Noun::Account)?;
    check_unlimited(cx)?;

    let set = rows::permissions(tx, user.id)?;
    let before = set.iter().find(|(account, _)| *account == branch.id).map(|(_, level)| *level);
    if before == cmd.level {
        return Ok(());
    }
    let then = match cmd.level {
        Some(level) => level,
        None => inherited(rows::grants(tx, user.id)?, &branch),
    };
    check_may_give(cx, then, &branch.path, Noun::Account)?;
    match cmd.level {
        None => rows::delete_permission(tx, user.id, branch.id)?,
        Some(_) if before.is_none() && set.len() >= MAX_PERMISSIONS => {
            return Err(Refusal::OutOfRange { field: "permissions", min: 0, max: MAX_PERMISSIONS as i64 }.into());
        }
        Some(level) => rows::put_permission(tx, user.id, branch.id, level)?,
    }
    let data = json!({
        "account": branch.id.to_string(),
        "before": before.map(Level::word),
        "after": cmd.level.map(Level::word),
    });
    journal::append(tx, cx, "user.permission_set", subject(&user), &data)?;
    Ok(())
}

/// The level that counts on a branch when none is set on its root.
fn inherited(grants: Vec<Grant>, branch: &Account) -> Level {
    let above = grants.into_iter().filter(|grant| grant.path != branch.path).collect();
    Actor { grants: above, ..Actor::system() }.level_at(&branch.path).unwrap_or(Level::None)
}

/// Gives a user another password and ends all its sessions and links. Users change their own; others need to be able
/// to do themselves all that the user can.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn change_password(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangePassword) -> Result<(), Error> {
    let user = rows::lock_user(tx, cmd.user)?.ok_or(Error::not_found(Noun::User))?.user;
    if cx.actor().who != Who::User(user.id) {
        check_stands_above(tx, cx, &user)?;
    }
    password_changed(tx, cx, &user, &cmd.password_hash)
}

/// Gives the caller itself another password, for APIs whose tokens live until they expire: its sessions go on, its links end.
///
/// # Errors
/// `Forbidden` for whoever is no user.
pub fn change_own_password(tx: &mut dyn Tx, cx: &Context<'_>, password_hash: &str) -> Result<(), Error> {
    let Who::User(id) = cx.actor().who else { return Err(Error::Forbidden) };
    let user = rows::lock_user(tx, id)?.ok_or(Error::not_found(Noun::User))?.user;
    set_password(tx, cx, &user, password_hash)?;
    Ok(session::end_links(tx, cx, id)?)
}

/// What follows from a new password, whoever was allowed to set it. The user is locked.
pub(super) fn password_changed(tx: &mut dyn Tx, cx: &Context<'_>, user: &User, hash: &str) -> Result<(), Error> {
    set_password(tx, cx, user, hash)?;
    Ok(rows::end_all(tx, user.id, cx.now)?)
}

fn set_password(tx: &mut dyn Tx, cx: &Context<'_>, user: &User, hash: &str) -> Result<(), Error> {
    if user.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::User).into());
    }
    rows::set_password(tx, user.id, hash, cx.now)?;
    rows::set_tries(tx, user.id, 0, None)?;
    if !user.has_password {
        let account = account::rows::by_id(tx, user.account)?.ok_or(Error::not_found(Noun::User))?;
        let grants = rows::grants(tx, user.id)?;
        if (Actor { grants, ..Actor::system() }).level_at(&account.path) == Some(Level::Write) {
            activate_account(tx, cx, user)?;
        }
    }
    journal::append(tx, cx, "user.password_changed", subject(user), &json!({}))?;
    Ok(())
}

/// Somebody who may write on the account can sign in from now on: it is waited for no longer.
fn activate_account(tx: &mut dyn Tx, cx: &Context<'_>, user: &User) -> Result<(), Error> {
    cx.in_name_of(Who::User(user.id), user.account, |cx| account::lift_not_activated(tx, cx, user.account))
}

/// Lets a user try to sign in again at once, whatever failed before.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn unblock(tx: &mut dyn Tx, cx: &Context<'_>, id: UserId) -> Result<(), Error> {
    let (user, failures) = locked(tx, cx, id)?;
    if failures == 0 {
        return Ok(());
    }
    rows::set_tries(tx, id, 0, None)?;
    journal::append(tx, cx, "user.unblocked", subject(&user), &json!({ "failures": failures }))?;
    Ok(())
}

/// Closes a user and ends its sessions. Its login stays taken. Closing twice is not an error.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn close(tx: &mut dyn Tx, cx: &Context<'_>, id: UserId) -> Result<(), Error> {
    let (user, _) = locked(tx, cx, id)?;
    if user.closed_at.is_some() {
        return Ok(());
    }
    rows::close_user(tx, id, cx.now)?;
    rows::end_all(tx, id, cx.now)?;
    journal::append(tx, cx, "user.closed", subject(&user), &json!({ "login": user.login }))?;
    Ok(())
}

/// Locks a user whom the caller may administer, and gives its failed tries too.
fn locked(tx: &mut dyn Tx, cx: &Context<'_>, id: UserId) -> Result<(User, i64), Error> {
    let row = rows::lock_user(tx, id)?.ok_or(Error::not_found(Noun::User))?;
    account::authorized(tx, cx, row.user.account, &Action::write(Right::IDENTITY_WRITE), Noun::User)?;
    Ok((row.user, row.failures))
}

/// May the caller become this user? Only whoever can do all that the user can.
pub(super) fn check_stands_above(tx: &mut dyn Tx, cx: &Context<'_>, user: &User) -> Result<(), Error> {
    account::authorized(tx, cx, user.account, &Action::write(Right::IDENTITY_WRITE), Noun::User)?;
    check_unlimited(cx)?;
    for grant in rows::grants(tx, user.id)?.iter().filter(|grant| grant.level > Level::None) {
        check_may_give(cx, grant.level, &grant.path, Noun::User).map_err(|_| Error::Forbidden)?;
    }
    Ok(())
}

/// A user's rights are not limited, so that a credential with limits must not make or become one.
fn check_unlimited(cx: &Context<'_>) -> Result<(), Error> {
    if cx.actor().rights.is_some() { Err(Error::Forbidden) } else { Ok(()) }
}

pub(super) fn subject(user: &User) -> Subject {
    Subject { kind: "user", id: user.id.0, account: user.account, tenant: user.tenant }
}
