//! Groups with all that is in them, for lists of whole groups.

use super::{EndUser, Group, GroupLicense, get, rows};
use crate::account::rows as account_rows;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, GroupId};
use crate::identity::Right;
use crate::page::Start;
use lessor_db::Tx;
use std::collections::HashMap;
use uuid::Uuid;

/// A group with all that is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// Its licenses in the order they were added.
    pub licenses: Vec<GroupLicense>,
    /// Its end users in the order they were made.
    pub end_users: Vec<EndUser>,
    /// The groups below it with their names, in the order they were made.
    pub below: Vec<(GroupId, String)>,
}

/// A page of a tenant's groups in the order they were made, with all that is in them: four statements for fifty groups.
///
/// # Errors
/// `NotFound` for a tenant that the caller does not see; `Forbidden`.
pub fn page(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    start: Start,
    limit: u32,
) -> Result<Vec<GroupView>, Error> {
    may_read(tx, cx, tenant)?;
    let groups = rows::of_tenant(tx, tenant, start, limit)?;
    views(tx, groups)
}

/// How many groups a tenant has.
///
/// # Errors
/// `NotFound` for a tenant that the caller does not see; `Forbidden`.
pub fn count(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId) -> Result<i64, Error> {
    may_read(tx, cx, tenant)?;
    Ok(rows::count_of_tenant(tx, tenant)?)
}

/// One group of a tenant with all that is in it.
///
/// # Errors
/// `NotFound` for a tenant that the caller does not see and for a group of another; `Forbidden`.
pub fn view(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId, id: GroupId) -> Result<GroupView, Error> {
    may_read(tx, cx, tenant)?;
    let group = get(tx, cx, id)?;
    if group.tenant != tenant {
        return Err(Error::not_found(Noun::Group));
    }
    views(tx, vec![group])?.pop().ok_or(Error::not_found(Noun::Group))
}

/// What is in a group may belong to any account of the tenant, so that it takes the whole tenant to be shown all of it.
fn may_read(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId) -> Result<(), Error> {
    let vendor = account_rows::by_id(tx, tenant)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::read(Right::GROUPS_READ), &vendor, Noun::Account)
}

fn views(tx: &mut dyn Tx, groups: Vec<Group>) -> Result<Vec<GroupView>, Error> {
    let ids: Vec<Uuid> = groups.iter().map(|group| group.id.0).collect();
    let mut licenses = by_group(rows::licenses_of(tx, &ids)?, |license| license.group);
    let mut end_users = by_group(rows::end_users::of_groups(tx, &ids)?, |user| user.group);
    let mut below = by_group(rows::below(tx, &ids)?, |(master, _, _)| *master);
    let views = groups.into_iter().map(|group| GroupView {
        licenses: licenses.remove(&group.id).unwrap_or_default(),
        end_users: end_users.remove(&group.id).unwrap_or_default(),
        below: below.remove(&group.id).unwrap_or_default().into_iter().map(|(_, id, name)| (id, name)).collect(),
        group,
    });
    Ok(views.collect())
}

fn by_group<T>(items: Vec<T>, group: impl Fn(&T) -> GroupId) -> HashMap<GroupId, Vec<T>> {
    let mut found: HashMap<GroupId, Vec<T>> = HashMap::new();
    for item in items {
        found.entry(group(&item)).or_default().push(item);
    }
    found
}
