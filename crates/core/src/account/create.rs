//! Making an account.

use super::{Account, Kind, MAX_DEPTH, Path, check_contact, check_name, rows};
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::AccountId;
use crate::identity::{Level, Right};
use crate::journal::{self, Subject};
use lessor_db::Tx;
use serde_json::json;

/// Make an account below another, or the root of a tenant.
#[derive(Clone, Debug)]
pub struct CreateAccount {
    /// The id it shall have, where records must be the same each time; otherwise a new one.
    pub id: Option<AccountId>,
    /// The account above; none for a root, which the server itself makes.
    pub parent: Option<AccountId>,
    /// What it is.
    pub kind: Kind,
    /// 1 to 200 characters.
    pub name: String,
    /// A JSON object of at most 16 KiB.
    pub contact: serde_json::Value,
}

/// Makes an account.
///
/// # Errors
/// `MisplacedAccount` where the kind does not fit below the parent, `Closed` for a closed parent, `Taken` for an id
/// that is in use, `OutOfRange` for a tree that would become too deep, `Malformed` for name or contact.
pub fn create(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateAccount) -> Result<Account, Error> {
    let account = match cmd.parent {
        Some(parent) => below(tx, cx, cmd, parent)?,
        None => root(cx, cmd)?,
    };
    rows::insert(tx, &account)
        .map_err(|error| Error::from(error).taken_on_unique(Noun::Account, &account.id.to_string()))?;
    let data = json!({ "after": account.facts() });
    journal::append(tx, cx, "account.created", Subject::from(&account), &data)?;
    Ok(account)
}

fn below(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateAccount, parent: AccountId) -> Result<Account, Error> {
    // The parent's path and that it is open hold until the child is there.
    let parent = rows::lock(tx, parent)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::ACCOUNTS_WRITE), &parent, Noun::Account)?;
    let account = built(cx, cmd, Some(&parent))?;
    admit(&account, &parent)?;
    Ok(account)
}

fn root(cx: &Context<'_>, cmd: &CreateAccount) -> Result<Account, Error> {
    let actor = cx.actor();
    if actor.level_at(&Path::everything()) != Some(Level::Write) || !actor.has_right(&Right::ACCOUNTS_WRITE) {
        return Err(Error::Forbidden);
    }
    if cmd.kind != Kind::Vendor {
        return Err(Error::malformed("kind", "an account without a parent is a vendor"));
    }
    built(cx, cmd, None)
}

fn built(cx: &Context<'_>, cmd: &CreateAccount, parent: Option<&Account>) -> Result<Account, Error> {
    check_name(&cmd.name)?;
    check_contact(&cmd.contact)?;
    let id = cmd.id.unwrap_or_else(|| cx.new_id());
    let path = parent.map_or_else(Path::everything, |parent| parent.path.clone()).child(id);
    let tenant = match parent {
        Some(parent) if cmd.kind != Kind::Vendor => parent.tenant,
        _ => id,
    };
    Ok(Account {
        id,
        tenant,
        parent: cmd.parent,
        kind: cmd.kind,
        name: cmd.name.clone(),
        path,
        contact: cmd.contact.clone(),
        created_at: cx.now,
        modified_at: cx.now,
        closed_at: None,
        version: 1,
    })
}

/// May the account stand below this one, and its branch be as deep as it then is?
pub(super) fn admit(account: &Account, parent: &Account) -> Result<(), Error> {
    if parent.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    if !account.kind.fits_below(parent.kind) {
        return Err(Refusal::MisplacedAccount { child: account.kind.word(), parent: parent.kind.word() }.into());
    }
    check_depth(parent.path.depth() + 1)
}

pub(super) fn check_depth(depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Refusal::OutOfRange { field: "depth", min: 1, max: MAX_DEPTH as i64 }.into());
    }
    Ok(())
}
