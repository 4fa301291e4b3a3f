//! Changing, moving and closing an account.

use super::create::{admit, check_depth};
use super::{Account, Kind, check_contact, check_name, rows};
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::AccountId;
use crate::identity::Right;
use crate::journal::{self, Subject};
use lessor_db::Tx;
use serde_json::json;

/// Change what an account says of itself. What is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeAccount {
    /// Which account.
    pub account: AccountId,
    /// Its new name: 1 to 200 characters.
    pub name: Option<String>,
    /// Its new contact: a JSON object of at most 16 KiB, in place of the old one.
    pub contact: Option<serde_json::Value>,
    /// The version the caller looked at, if a change in between is to be refused.
    pub expected_version: Option<i64>,
}

/// Put an account, with all its branch, below another one of its tenant.
#[derive(Clone, Copy, Debug)]
pub struct MoveAccount {
    /// Which account.
    pub account: AccountId,
    /// Below which one.
    pub parent: AccountId,
}

/// Changes an account.
///
/// # Errors
/// `Stale` when it is not at the expected version any more, `Closed`, `Malformed`.
pub fn change(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeAccount) -> Result<Account, Error> {
    let before = locked(tx, cx, cmd.account)?;
    if cmd.expected_version.is_some_and(|version| version != before.version) {
        return Err(Refusal::Stale(Noun::Account).into());
    }
    refuse_closed(&before)?;
    let mut after = before.clone();
    if let Some(name) = &cmd.name {
        check_name(name)?;
        after.name.clone_from(name);
    }
    if let Some(contact) = &cmd.contact {
        check_contact(contact)?;
        after.contact.clone_from(contact);
    }
    if after == before {
        return Ok(before);
    }
    after.version += 1;
    after.modified_at = cx.now;
    rows::update(tx, &after)?;
    let data = json!({ "before": before.facts(), "after": after.facts() });
    journal::append(tx, cx, "account.changed", Subject::from(&after), &data)?;
    Ok(after)
}

/// Refuses an account whose name another open one below the same parent has: for whoever promises that names tell siblings
/// apart, in the transaction that made the account, named it or moved it.
///
/// # Errors
/// `Taken`.
pub fn refuse_namesake(tx: &mut dyn Tx, account: &Account) -> Result<(), Error> {
    let Some(parent) = account.parent else { return Ok(()) };
    // Of two that take one name at once the second waits here, and then finds the first.
    rows::lock(tx, parent)?;
    match rows::namesakes(tx, account)? {
        0 => Ok(()),
        _ => Err(Refusal::Taken { noun: Noun::Account, name: account.name.clone() }.into()),
    }
}

/// Moves an account with its branch.
///
/// # Errors
/// `MoveIntoOwnBranch`, `MoveOutOfTenant` (a vendor, being a tenant, cannot move at all), and what
/// [`create`](super::create) refuses of a new parent.
pub fn move_to(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &MoveAccount) -> Result<Account, Error> {
    let account = lock_for_move(tx, cx, cmd.account)?;
    let parent = locked(tx, cx, cmd.parent)?;
    if account.parent == Some(parent.id) {
        return Ok(account);
    }
    if account.kind == Kind::Vendor || parent.tenant != account.tenant {
        return Err(Refusal::MoveOutOfTenant.into());
    }
    if account.path.holds(&parent.path) {
        return Err(Refusal::MoveIntoOwnBranch.into());
    }
    refuse_closed(&account)?;
    admit(&account, &parent)?;

    let deepest = rows::lock_branch(tx, &account.path)?;
    check_depth(deepest - account.path.depth() + parent.path.depth() + 1)?;
    let after = Account {
        parent: Some(parent.id),
        path: parent.path.child(account.id),
        modified_at: cx.now,
        version: account.version + 1,
        ..account.clone()
    };
    rows::move_branch(tx, &account.path, &after.path)?;
    rows::move_root(tx, &after)?;
    if let Some(former) = account.parent {
        rows::insert_former_parent(tx, cx.new_id(), &account, former, cx.now)?;
    }
    let data = json!({ "before": account.facts(), "after": after.facts() });
    journal::append(tx, cx, "account.moved", Subject::from(&after), &data)?;
    Ok(after)
}

/// Every move of a tenant first locks the tenant's root, so that moves come one after the other and each sees the
/// tree that the one before it left: two opposite moves cannot close a circle.
fn lock_for_move(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    let tenant = rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::Account))?.tenant;
    rows::lock(tx, tenant)?;
    locked(tx, cx, id)
}

/// Closes an account that has no open one below it. Its licenses stay as they are; its keys and users open nothing
/// any more. Closing twice is not an error.
///
/// # Errors
/// `InUse` while an open account is below it.
pub fn close(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    let account = locked(tx, cx, id)?;
    if account.closed_at.is_some() {
        return Ok(account);
    }
    if rows::open_children(tx, id)? > 0 {
        return Err(Refusal::InUse(Noun::Account).into());
    }
    let closed = Account { closed_at: Some(cx.now), modified_at: cx.now, version: account.version + 1, ..account };
    rows::close(tx, id, cx.now, closed.version)?;
    journal::append(tx, cx, "account.closed", Subject::from(&closed), &json!({ "name": closed.name }))?;
    Ok(closed)
}

fn locked(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    let account = rows::lock(tx, id)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::ACCOUNTS_WRITE), &account, Noun::Account)?;
    Ok(account)
}

fn refuse_closed(account: &Account) -> Result<(), Error> {
    if account.closed_at.is_some() { Err(Refusal::Closed(Noun::Account).into()) } else { Ok(()) }
}
