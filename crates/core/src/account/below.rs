//! Accounts below another by name, for APIs that number their pages and tell how many entries there are.

use super::{Account, Kind, Path, get, rows};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Noun};
use crate::id::AccountId;
use crate::identity::Level;
use lessor_db::Tx;

/// Which accounts a list shows.
#[derive(Clone, Copy, Debug)]
pub struct Below {
    /// The account they stand below.
    pub account: AccountId,
    /// That account too?
    pub itself: bool,
    /// Those further down too?
    pub deep: bool,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only where the caller has this level, or more.
    pub level: Level,
    /// Those too that were closed at this instant or later.
    pub closed_since: Option<Timestamp>,
}

impl Below {
    /// Those right below an account that the caller sees.
    pub fn children(account: AccountId) -> Self {
        Self { account, itself: false, deep: false, kind: None, level: Level::Read, closed_since: None }
    }

    /// All below an account that the caller sees.
    pub fn branch(account: AccountId) -> Self {
        Self { deep: true, ..Self::children(account) }
    }
}

impl Below {
    /// Those that were closed before are not shown.
    fn open_until(&self) -> Timestamp {
        self.closed_since.unwrap_or(Timestamp::from_micros(i64::MAX))
    }

    fn shows(&self, cx: &Context<'_>, top: &Account, listed: &Listed) -> bool {
        (self.itself || listed.id != top.id)
            && self.kind.is_none_or(|kind| kind == listed.kind)
            && cx.actor().level_at(&listed.path).is_some_and(|level| level >= self.level)
    }
}

/// The account that others stand below.
fn top_of(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    if id == cx.actor().account {
        // Who may not look at its own account may still have been given some below it.
        return rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::Account));
    }
    get(tx, cx, id)
}

/// What is read of an account to find its place in the list.
pub(super) struct Listed {
    pub(super) id: AccountId,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) path: Path,
}

/// A page of the open accounts below an account, by name and then by id, and how many there are in all.
///
/// # Errors
/// `NotFound` for an account that the caller does not see.
pub fn below(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &Below,
    skip: usize,
    take: usize,
) -> Result<(Vec<Account>, usize), Error> {
    let ids = ids_below(tx, cx, filter)?;
    let mut page = Vec::new();
    for id in ids.iter().skip(skip).take(take) {
        page.extend(rows::by_id(tx, *id)?);
    }
    Ok((page, ids.len()))
}

/// All accounts below an account, by name and then by id.
///
/// # Errors
/// `NotFound` for an account that the caller does not see.
pub fn all_below(tx: &mut dyn Tx, cx: &Context<'_>, filter: &Below) -> Result<Vec<Account>, Error> {
    let top = top_of(tx, cx, filter.account)?;
    let mut found = rows::in_branch(tx, &top.path, filter.open_until())?;
    let listed = |account: &Account| Listed {
        id: account.id,
        name: String::new(),
        kind: account.kind,
        path: account.path.clone(),
    };
    found.retain(|account| {
        (filter.deep || account.parent == Some(top.id) || account.id == top.id)
            && filter.shows(cx, &top, &listed(account))
    });
    found.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    Ok(found)
}

/// The ids of the open accounts below an account, by name and then by id.
///
/// # Errors
/// `NotFound` for an account that the caller does not see.
pub fn ids_below(tx: &mut dyn Tx, cx: &Context<'_>, filter: &Below) -> Result<Vec<AccountId>, Error> {
    let top = top_of(tx, cx, filter.account)?;
    let until = filter.open_until();
    let mut listed = match filter.deep {
        true => rows::listed_in_branch(tx, &top.path, until)?,
        false => rows::listed_children(tx, top.id, until)?,
    };
    if !filter.deep && top.closed_at.is_none_or(|closed| closed >= until) {
        listed.push(Listed { id: top.id, name: top.name.clone(), kind: top.kind, path: top.path.clone() });
    }
    listed.retain(|listed| filter.shows(cx, &top, listed));
    listed.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    Ok(listed.into_iter().map(|listed| listed.id).collect())
}
