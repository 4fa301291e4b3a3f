//! Lists of accounts: what of the tree the caller sees, a page at a time.

use super::{Account, AccountFilter, Path, get, rows};
use crate::context::{Actor, Context};
use crate::error::Error;
use crate::id::AccountId;
use crate::identity::{Level, Right};
use lessor_db::{StoreError, Tx};
use uuid::Uuid;

/// A page of the accounts the caller may see, in the order of their ids, after `after`.
///
/// # Errors
/// `NotFound` for a branch or parent that the caller does not see.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &AccountFilter,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<Account>, Error> {
    if !cx.actor().has_right(&Right::ACCOUNTS_READ) {
        return Err(Error::Forbidden);
    }
    let after = after.unwrap_or_else(rows::first);
    let branch = match filter.branch {
        Some(branch) => Some(get(tx, cx, branch)?.path),
        None => None,
    };
    let Some(parent) = filter.parent else {
        return Ok(of_branches(tx, cx.actor(), branch.as_ref(), filter, after, limit)?);
    };
    let parent = get(tx, cx, parent)?;
    if branch.is_some_and(|branch| !branch.holds(&parent.path)) {
        return Ok(Vec::new());
    }
    let fits = |account: &Account| filter.kind.is_none_or(|kind| kind == account.kind);
    Ok(seen(cx.actor(), after, limit, fits, |after| rows::page_of_children(tx, parent.id, after, limit))?)
}

fn of_branches(
    tx: &mut dyn Tx,
    actor: &Actor,
    within: Option<&Path>,
    filter: &AccountFilter,
    after: AccountId,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let page = |branch: &Path, after| rows::page_of_branch(tx, branch, filter.kind, AccountId(after), limit);
    page_seen(actor, within, after.0, limit, page, |account| (account.id.0, &account.path))
}

/// Reads pages until `limit` accounts are there that the actor sees and that fit. A branch may hold another that is
/// taken away from the actor again.
fn seen(
    actor: &Actor,
    mut after: AccountId,
    limit: u32,
    fits: impl Fn(&Account) -> bool,
    mut page: impl FnMut(AccountId) -> Result<Vec<Account>, StoreError>,
) -> Result<Vec<Account>, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    while found.len() < limit {
        let read = page(after)?;
        let Some(last) = read.last() else { break };
        after = last.id;
        let is_last_page = read.len() < limit;
        found.extend(read.into_iter().filter(|account| actor.level_at(&account.path).is_some() && fits(account)));
        if is_last_page {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// A page of what hangs on accounts: all that the actor sees (within one branch, if given) in the order of their ids, after
/// `after`. `page` reads one branch, `key` tells an item's id and the place of its account.
pub(crate) fn page_seen<T, E>(
    actor: &Actor,
    within: Option<&Path>,
    after: Uuid,
    limit: u32,
    mut page: impl FnMut(&Path, Uuid) -> Result<Vec<T>, E>,
    key: impl Fn(&T) -> (Uuid, &Path),
) -> Result<Vec<T>, E> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for branch in branches(actor).into_iter().filter_map(|branch| overlap(branch, within)) {
        let (mut after, mut taken) = (after, 0);
        while taken < limit {
            let read = page(&branch, after)?;
            let Some(last) = read.last() else { break };
            after = key(last).0;
            let is_last_page = read.len() < limit;
            let before = found.len();
            // A branch may hold another that is taken away from the actor again.
            found.extend(read.into_iter().filter(|item| actor.level_at(key(item).1).is_some()));
            taken += found.len() - before;
            if is_last_page {
                break;
            }
        }
    }
    found.sort_by_key(|item| key(item).0);
    found.truncate(limit);
    Ok(found)
}

/// The branches in which the actor sees something, none inside another.
pub(crate) fn branches(actor: &Actor) -> Vec<Path> {
    let mut paths: Vec<&Path> =
        actor.grants.iter().filter(|grant| grant.level > Level::None).map(|grant| &grant.path).collect();
    paths.sort();
    let mut outer: Vec<Path> = Vec::new();
    for path in paths {
        if outer.last().is_none_or(|last| !last.holds(path)) {
            outer.push(path.clone());
        }
    }
    outer
}

/// What two branches have in common: one of them, or nothing.
fn overlap(branch: Path, within: Option<&Path>) -> Option<Path> {
    match within {
        None => Some(branch),
        Some(within) if branch.holds(within) => Some(within.clone()),
        Some(within) => within.holds(&branch).then_some(branch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Grant;

    fn path(text: &str) -> Path {
        Path::stored(text.to_owned())
    }

    #[test]
    fn a_branch_inside_another_is_not_read_twice() {
        let grant = |text: &str, level| Grant { path: path(text), level };
        let grants = vec![
            grant("/a/b/c/", Level::Read),
            grant("/a/", Level::Write),
            grant("/a/b/", Level::None),
            grant("/d/", Level::None),
            grant("/e/", Level::Read),
        ];
        let actor = Actor { grants, ..Actor::system() };
        assert_eq!(branches(&actor), vec![path("/a/"), path("/e/")]);
    }

    #[test]
    fn two_branches_overlap_in_the_smaller_one_or_not_at_all() {
        assert_eq!(overlap(path("/a/"), Some(&path("/a/b/"))), Some(path("/a/b/")));
        assert_eq!(overlap(path("/a/b/"), Some(&path("/a/"))), Some(path("/a/b/")));
        assert_eq!(overlap(path("/a/"), Some(&path("/b/"))), None);
    }
}
