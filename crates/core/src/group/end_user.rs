//! End users: made, changed, deleted, found, and their passwords.

use super::rows::{self, end_users as user_rows};
use super::{EndUser, Group, lock, owner, sign_in};
use crate::account::{self, Path};
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::group::manage::branch_to_list;
use crate::id::{AccountId, EndUserId, GroupId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::text::{check_line, check_remark};
use lessor_db::Tx;
use serde_json::{Value, json};
use uuid::Uuid;

/// Least characters of an end user's password.
pub const LEAST_PASSWORD: usize = 8;
/// Most characters of a user name.
pub(super) const MOST_USER_NAME: usize = 200;
/// Most characters of a name, an address or a number.
const MOST_TEXT: usize = 200;
/// Most bytes of a document.
const MOST_DOCUMENT: usize = 16 << 10;

/// Makes an end user.
#[derive(Clone)]
pub struct CreateEndUser {
    /// The group it belongs to.
    pub group: GroupId,
    /// What it signs in with: 1 to 200 characters, unique in the tenant.
    pub user_name: String,
    /// As [`Hasher::hash`](crate::identity::password::Hasher::hash) gave it; the password was
    /// [checked](crate::identity::password::check) for [`LEAST_PASSWORD`].
    pub password_hash: String,
    /// First name; may be empty.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// Mail address; may be empty.
    pub email: String,
    /// Telephone number; may be empty.
    pub telephone: String,
    /// An object of at most 16 KiB whose members are the caller's own, if there is one.
    pub document: Option<Value>,
    /// May it look after the other users of its group?
    pub master: bool,
}

/// Makes an end user.
///
/// # Errors
/// `Taken` for a user name in use in the tenant; `NotFound` for the group; `Malformed`.
pub fn create_end_user(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateEndUser) -> Result<EndUser, Error> {
    let group = lock(tx, cx, cmd.group)?;
    let user = EndUser {
        id: cx.new_id(),
        tenant: group.tenant,
        group: group.id,
        user_name: cmd.user_name.clone(),
        first_name: cmd.first_name.clone(),
        last_name: cmd.last_name.clone(),
        email: cmd.email.clone(),
        telephone: cmd.telephone.clone(),
        document: cmd.document.clone(),
        master: cmd.master,
        created_at: cx.now,
        modified_at: cx.now,
        version: 1,
    };
    check(&user)?;
    user_rows::insert_end_user(tx, &user, &cmd.password_hash)
        .map_err(|error| Error::from(error).taken_on_unique(Noun::EndUser, &user.user_name))?;
    journal::append(tx, cx, "end_user.created", subject(&user, &group), &json!({ "after": view(&user) }))?;
    Ok(user)
}

/// Changes an end user; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeEndUser {
    /// Which one.
    pub end_user: EndUserId,
    /// The group it belongs to.
    pub group: Option<GroupId>,
    /// What it signs in with.
    pub user_name: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub telephone: Option<String>,
    /// In place of the old document; `Some(None)` for none.
    pub document: Option<Option<Value>>,
    /// May it look after the other users of its group?
    pub master: Option<bool>,
}

impl ChangeEndUser {
    /// A change of nothing yet.
    pub fn of(end_user: EndUserId) -> Self {
        Self {
            end_user,
            group: None,
            user_name: None,
            first_name: None,
            last_name: None,
            email: None,
            telephone: None,
            document: None,
            master: None,
        }
    }
}

/// Changes an end user. What it has activated stays activated.
///
/// # Errors
/// `NotFound` for a group of another tenant; otherwise as [`create_end_user`].
pub fn change_end_user(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeEndUser) -> Result<EndUser, Error> {
    let (before, mut group) = locked(tx, cx, cmd.end_user)?;
    if let Some(id) = cmd.group.filter(|id| *id != group.id) {
        group = lock(tx, cx, id)?;
        if group.tenant != before.tenant {
            return Err(Error::not_found(Noun::Group));
        }
    }
    let text = |new: &Option<String>, old: &String| new.as_ref().unwrap_or(old).clone();
    let after = EndUser {
        group: group.id,
        user_name: text(&cmd.user_name, &before.user_name),
        first_name: text(&cmd.first_name, &before.first_name),
        last_name: text(&cmd.last_name, &before.last_name),
        email: text(&cmd.email, &before.email),
        telephone: text(&cmd.telephone, &before.telephone),
        document: cmd.document.clone().unwrap_or_else(|| before.document.clone()),
        master: cmd.master.unwrap_or(before.master),
        modified_at: cx.now,
        version: before.version + 1,
        ..before.clone()
    };
    check(&after)?;
    user_rows::update_end_user(tx, &after)
        .map_err(|error| Error::from(error).taken_on_unique(Noun::EndUser, &after.user_name))?;
    let data = json!({ "before": view(&before), "after": view(&after), "changed": changed(&before, &after) });
    journal::append(tx, cx, "end_user.changed", subject(&after, &group), &data)?;
    Ok(after)
}

/// Gives an end user another password, and lets it try to sign in again at once.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn set_password(tx: &mut dyn Tx, cx: &Context<'_>, id: EndUserId, hash: &str) -> Result<(), Error> {
    let (user, group) = locked(tx, cx, id)?;
    user_rows::set_password(tx, id, hash, cx.now)?;
    journal::append(tx, cx, "end_user.password_changed", subject(&user, &group), &json!({}))?;
    Ok(())
}

/// Lets an end user try to sign in again at once, whatever failed before.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn unblock(tx: &mut dyn Tx, cx: &Context<'_>, id: EndUserId) -> Result<(), Error> {
    let (user, group) = locked(tx, cx, id)?;
    let failures = user_rows::failures(tx, id)?;
    if failures == 0 {
        return Ok(());
    }
    user_rows::set_tries(tx, id, 0, None)?;
    journal::append(tx, cx, "end_user.unblocked", subject(&user, &group), &json!({ "failures": failures }))?;
    Ok(())
}

/// Deletes an end user; its name is free again, and what it has activated is returned. Gives the user as it was.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_end_user(tx: &mut dyn Tx, cx: &Context<'_>, id: EndUserId) -> Result<EndUser, Error> {
    let (user, group) = locked(tx, cx, id)?;
    let returned = sign_in::return_all(tx, cx, &user)?;
    user_rows::delete_end_user(tx, id)?;
    let data = json!({ "before": view(&user), "activations": returned });
    journal::append(tx, cx, "end_user.deleted", subject(&user, &group), &data)?;
    Ok(user)
}

/// One end user, if the caller may see it.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn end_user(tx: &mut dyn Tx, cx: &Context<'_>, id: EndUserId) -> Result<EndUser, Error> {
    let user = user_rows::end_user(tx, id)?.ok_or(Error::not_found(Noun::EndUser))?;
    let group = rows::group(tx, user.group)?.ok_or(Error::not_found(Noun::EndUser))?;
    account::authorized(tx, cx, group.account, &Action::read(Right::GROUPS_READ), Noun::EndUser)?;
    Ok(user)
}

/// Which end users a list shows. A filter that is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct EndUserFilter {
    /// Only those whose group belongs to an account in this branch.
    pub branch: Option<AccountId>,
    /// Only those of this group.
    pub group: Option<GroupId>,
    /// Only those with this very user name.
    pub user_name: Option<String>,
}

/// A page of the end users that the caller sees, in the order they were made, after `after`.
///
/// # Errors
/// `NotFound` for a branch or a group that the caller does not see; `Forbidden`.
pub fn end_users(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &EndUserFilter,
    after: Option<EndUserId>,
    limit: u32,
) -> Result<Vec<EndUser>, Error> {
    let within = branch_to_list(tx, cx, filter.branch)?;
    if let Some(group) = filter.group {
        super::get(tx, cx, group)?;
    }
    if filter.user_name.as_deref().is_some_and(|name| check_line("user_name", name, MOST_USER_NAME).is_err()) {
        return Ok(Vec::new());
    }
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let page = |branch: &Path, after| user_rows::end_users(tx, branch, filter, after, limit);
    let seen = account::page_seen(cx.actor(), within.as_ref(), after, limit, page, |(user, path)| (user.id.0, path))?;
    Ok(seen.into_iter().map(|(user, _)| user).collect())
}

/// Locks an end user that the caller may change, and gives its group too.
fn locked(tx: &mut dyn Tx, cx: &Context<'_>, id: EndUserId) -> Result<(EndUser, Group), Error> {
    let user = user_rows::lock_end_user(tx, id)?.ok_or(Error::not_found(Noun::EndUser))?;
    let group = rows::group(tx, user.group)?.ok_or(Error::not_found(Noun::EndUser))?;
    owner(tx, cx, &group, &Action::write(Right::GROUPS_WRITE)).map_err(|error| match error {
        Error::Refused(_) => Error::not_found(Noun::EndUser),
        other => other,
    })?;
    Ok((user, group))
}

fn check(user: &EndUser) -> Result<(), Error> {
    check_line("user_name", &user.user_name, MOST_USER_NAME)?;
    check_remark("first_name", &user.first_name, MOST_TEXT)?;
    check_remark("last_name", &user.last_name, MOST_TEXT)?;
    check_remark("email", &user.email, MOST_TEXT)?;
    check_remark("telephone", &user.telephone, MOST_TEXT)?;
    if user
        .document
        .as_ref()
        .is_some_and(|document| !document.is_object() || document.to_string().len() > MOST_DOCUMENT)
    {
        return Err(Error::malformed("document", "it is an object of at most 16 KiB"));
    }
    Ok(())
}

fn subject(user: &EndUser, group: &Group) -> Subject {
    Subject { kind: "end_user", id: user.id.0, account: group.account, tenant: user.tenant }
}

/// What events tell. The journal is kept for ever, so that of what is personal it has the name alone that the user signs
/// in with.
fn view(user: &EndUser) -> Value {
    json!({ "user_name": user.user_name, "group": user.group.to_string(), "master": user.master })
}

/// Names of the personal details that differ.
fn changed(before: &EndUser, after: &EndUser) -> Vec<&'static str> {
    let details = [
        ("first_name", before.first_name != after.first_name),
        ("last_name", before.last_name != after.last_name),
        ("email", before.email != after.email),
        ("telephone", before.telephone != after.telephone),
        ("document", before.document != after.document),
    ];
    details.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}
