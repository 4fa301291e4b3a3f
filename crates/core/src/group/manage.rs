//! Groups: made, changed, deleted, found.

use super::{Group, GroupKind, lock, owner, rows, sign_in};
use crate::account::{self, Account, Path};
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, GroupId};
use crate::identity::Right;
use crate::journal;
use crate::text::{check_document, check_line};
use lessor_db::Tx;
use serde_json::json;
use uuid::Uuid;

/// Makes a group.
#[derive(Clone, Debug)]
pub struct CreateGroup {
    /// Whose it is; the vendor itself for one of nobody's in particular.
    pub account: AccountId,
    /// Whether it may have groups below it.
    pub kind: GroupKind,
    /// The master group it stands below.
    pub master: Option<GroupId>,
    /// Its name: 1 to 200 characters.
    pub name: String,
    /// Remarks: at most 2000 characters.
    pub description: String,
}

/// Makes a group.
///
/// # Errors
/// `Taken` for a name in use in the tenant, `NotFound` for the account or the master group, `Closed`, `Malformed`.
pub fn create(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateGroup) -> Result<Group, Error> {
    let account = home(tx, cx, cmd.account)?;
    let group = Group {
        id: cx.new_id(),
        tenant: account.tenant,
        account: account.id,
        kind: cmd.kind,
        master: cmd.master,
        name: cmd.name.clone(),
        description: cmd.description.clone(),
        created_at: cx.now,
        modified_at: cx.now,
        version: 1,
    };
    check(&group)?;
    if let Some(master) = group.master {
        check_master(tx, cx, &group, master)?;
    }
    rows::insert_group(tx, &group).map_err(|error| Error::from(error).taken_on_unique(Noun::Group, &group.name))?;
    journal::append(tx, cx, "group.created", group.subject(), &json!({ "after": view(&group) }))?;
    Ok(group)
}

/// Changes a group; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeGroup {
    /// Which one.
    pub group: GroupId,
    /// Whose it is.
    pub account: Option<AccountId>,
    /// Whether it may have groups below it.
    pub kind: Option<GroupKind>,
    /// The master group it stands below; `Some(None)` takes it out.
    pub master: Option<Option<GroupId>>,
    /// Its name: 1 to 200 characters.
    pub name: Option<String>,
    /// Remarks: at most 2000 characters.
    pub description: Option<String>,
}

impl ChangeGroup {
    /// A change of nothing yet.
    pub fn of(group: GroupId) -> Self {
        Self { group, account: None, kind: None, master: None, name: None, description: None }
    }
}

/// Changes a group.
///
/// # Errors
/// `InUse` for a group that has others below it and shall no longer be a master; otherwise as [`create`].
pub fn change(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeGroup) -> Result<Group, Error> {
    let before = lock(tx, cx, cmd.group)?;
    let mut after = Group {
        kind: cmd.kind.unwrap_or(before.kind),
        master: cmd.master.unwrap_or(before.master),
        name: cmd.name.clone().unwrap_or_else(|| before.name.clone()),
        description: cmd.description.clone().unwrap_or_else(|| before.description.clone()),
        modified_at: cx.now,
        version: before.version + 1,
        ..before.clone()
    };
    if let Some(account) = cmd.account {
        let account = home(tx, cx, account)?;
        if account.tenant != before.tenant {
            return Err(Refusal::MoveOutOfTenant.into());
        }
        after.account = account.id;
    }
    check(&after)?;
    if after.kind == GroupKind::Standard && before.kind == GroupKind::Master && rows::has_groups_below(tx, before.id)? {
        return Err(Refusal::InUse(Noun::Group).into());
    }
    if let Some(master) = after.master.filter(|_| after.master != before.master) {
        check_master(tx, cx, &after, master)?;
    }
    rows::update_group(tx, &after).map_err(|error| Error::from(error).taken_on_unique(Noun::Group, &after.name))?;
    let data = json!({ "before": view(&before), "after": view(&after) });
    journal::append(tx, cx, "group.changed", after.subject(), &data)?;
    Ok(after)
}

/// Deletes a group with its end users, and returns what they have activated; its licenses are in no group then. Gives the
/// group as it was.
///
/// # Errors
/// `InUse` for a group that has others below it; `NotFound`, `Forbidden`.
pub fn delete(tx: &mut dyn Tx, cx: &Context<'_>, id: GroupId) -> Result<Group, Error> {
    let group = lock(tx, cx, id)?;
    if rows::has_groups_below(tx, id)? {
        return Err(Refusal::InUse(Noun::Group).into());
    }
    let returned = sign_in::return_all_of_group(tx, cx, id)?;
    let users = rows::end_users::delete_of_group(tx, id)?;
    rows::delete_group(tx, id)?;
    let data = json!({ "before": view(&group), "end_users": users, "activations": returned });
    journal::append(tx, cx, "group.deleted", group.subject(), &data)?;
    Ok(group)
}

/// Takes all groups out that stand below a master group; gives how many there were. Until the transaction ends, no other
/// comes below it.
///
/// # Errors
/// `NotFound`, `Forbidden` for the master group and for each of the others.
pub fn release_all(tx: &mut dyn Tx, cx: &Context<'_>, master: GroupId) -> Result<usize, Error> {
    let master = lock(tx, cx, master)?;
    let below = rows::lock_below(tx, master.id)?;
    change_all(tx, cx, &below, |group| Group { master: None, ..group.clone() })
}

/// Gives every group of an account back to the vendor; gives how many there were.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn give_back_all(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId) -> Result<usize, Error> {
    let write = Action::write(Right::GROUPS_WRITE);
    let account = account::authorized(tx, cx, account, &write, Noun::Account)?;
    if account.id == account.tenant {
        return Ok(0);
    }
    account::authorized(tx, cx, account.tenant, &write, Noun::Account)?;
    let groups = rows::lock_of_account(tx, account.id)?;
    change_all(tx, cx, &groups, |group| Group { account: group.tenant, ..group.clone() })
}

/// Changes locked groups in one way that cannot be refused.
fn change_all(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    groups: &[Group],
    change: impl Fn(&Group) -> Group,
) -> Result<usize, Error> {
    for before in groups {
        owner(tx, cx, before, &Action::write(Right::GROUPS_WRITE))?;
        let after = Group { modified_at: cx.now, version: before.version + 1, ..change(before) };
        rows::update_group(tx, &after)?;
        let data = json!({ "before": view(before), "after": view(&after) });
        journal::append(tx, cx, "group.changed", after.subject(), &data)?;
    }
    Ok(groups.len())
}

/// One group, if the caller may see it.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn get(tx: &mut dyn Tx, cx: &Context<'_>, id: GroupId) -> Result<Group, Error> {
    let group = rows::group(tx, id)?.ok_or(Error::not_found(Noun::Group))?;
    owner(tx, cx, &group, &Action::read(Right::GROUPS_READ))?;
    Ok(group)
}

/// Which groups a list shows. A filter that is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    /// Only those of accounts in this branch.
    pub branch: Option<AccountId>,
    /// Only those below this master group.
    pub master: Option<GroupId>,
    /// Only those with this very name.
    pub name: Option<String>,
}

/// A page of the groups that the caller sees, in the order they were made, after `after`.
///
/// # Errors
/// `NotFound` for a branch or a master group that the caller does not see; `Forbidden`.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &GroupFilter,
    after: Option<GroupId>,
    limit: u32,
) -> Result<Vec<Group>, Error> {
    let within = branch_to_list(tx, cx, filter.branch)?;
    if let Some(master) = filter.master {
        get(tx, cx, master)?;
    }
    if filter.name.as_deref().is_some_and(|name| check_line("name", name, MOST_NAME).is_err()) {
        return Ok(Vec::new());
    }
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let page = |branch: &Path, after| rows::groups(tx, branch, filter, after, limit);
    let seen = account::page_seen(cx.actor(), within.as_ref(), after, limit, page, |(group, path)| (group.id.0, path))?;
    Ok(seen.into_iter().map(|(group, _)| group).collect())
}

/// The branch that a list of groups or end users is narrowed to, if the caller may list any.
pub(super) fn branch_to_list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    branch: Option<AccountId>,
) -> Result<Option<Path>, Error> {
    if !cx.actor().has_right(&Right::GROUPS_READ) {
        return Err(Error::Forbidden);
    }
    let read = Action::read(Right::GROUPS_READ);
    branch.map(|id| Ok(account::authorized(tx, cx, id, &read, Noun::Account)?.path)).transpose()
}

/// Most characters of a name.
const MOST_NAME: usize = 200;
/// Most characters of remarks.
const MOST_DESCRIPTION: usize = 2_000;

fn check(group: &Group) -> Result<(), Error> {
    check_line("name", &group.name, MOST_NAME)?;
    check_document("description", &group.description, MOST_DESCRIPTION)?;
    Ok(group.check()?)
}

/// The account that a group shall belong to.
fn home(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    let account = account::authorized(tx, cx, id, &Action::write(Right::GROUPS_WRITE), Noun::Account)?;
    if account.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    Ok(account)
}

/// May a group stand below that one? Its licenses come into reach of the users there, so that the caller has to
/// be able to change both. The master is locked: it stays one until the group is below it.
fn check_master(tx: &mut dyn Tx, cx: &Context<'_>, group: &Group, master: GroupId) -> Result<(), Error> {
    let master = lock(tx, cx, master)?;
    if master.tenant != group.tenant {
        return Err(Error::not_found(Noun::Group));
    }
    if master.kind != GroupKind::Master {
        return Err(Error::malformed("master", "it has to be a master group"));
    }
    Ok(())
}

fn view(group: &Group) -> serde_json::Value {
    json!({
        "name": group.name,
        "kind": group.kind.word(),
        "master": group.master.map(|id| id.to_string()),
        "account": group.account.to_string(),
        "description": group.description,
    })
}
