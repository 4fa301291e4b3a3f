//! Groups and end users: people who use the software and sign in for a license instead of typing its code.
//!
//! An end user belongs to one group, a license to one group at most. A standard group may stand below a master group;
//! the users of a master group reach the licenses of the groups below it too. A group belongs to an account, in whose
//! branch it is seen; one of nobody's in particular belongs to the vendor itself. End users are not staff: they sign in
//! to programs, never to this server.

mod end_user;
mod licenses;
mod manage;
pub(crate) mod rows;
mod sign_in;
mod verify;
mod view;

pub use end_user::{
    ChangeEndUser, CreateEndUser, EndUserFilter, LEAST_PASSWORD, change_end_user, create_end_user, delete_end_user,
    end_user, end_users, set_password, unblock,
};
pub use licenses::{GroupLicense, add_license, candidates, group_of_license, licenses, remove_license};
pub use manage::{
    ChangeGroup, CreateGroup, GroupFilter, change, create, delete, get, give_back_all, list, release_all,
};
pub(crate) use sign_in::{keep, signed_in};
pub use verify::{Realm, verify_end_user};
pub use view::{GroupView, count, page, view};

use crate::account::{self, Account};
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, EndUserId, GroupId};
use crate::identity::Right;
use crate::journal::Subject;
use crate::license::from_word;
use lessor_db::{FromColumn, Tx, ValueRef};

/// Whether a group may have groups below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// Has end users and licenses; may stand below a master group.
    Standard,
    /// May have standard groups below it, and stands below none itself.
    Master,
}

impl GroupKind {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            GroupKind::Standard => "standard",
            GroupKind::Master => "master",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [GroupKind::Standard, GroupKind::Master].into_iter().find(|kind| kind.word() == word)
    }
}

from_word!(GroupKind);

/// People who use the software, together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// Whose it is; the vendor itself where it is nobody's in particular.
    pub account: AccountId,
    /// Whether it may have groups below it.
    pub kind: GroupKind,
    /// The master group it stands below.
    pub master: Option<GroupId>,
    /// Its name, unique in the tenant.
    pub name: String,
    /// Remarks.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// Grows with each change.
    pub version: i64,
}

/// Someone who uses the software.
#[derive(Clone, Debug, PartialEq)]
pub struct EndUser {
    /// Its id.
    pub id: EndUserId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// The group it belongs to.
    pub group: GroupId,
    /// What it signs in with: unique in the tenant and compared byte for byte, nothing trimmed, folded or normalized.
    pub user_name: String,
    /// First name; may be empty.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// Mail address; may be empty.
    pub email: String,
    /// Telephone number; may be empty.
    pub telephone: String,
    /// A JSON object whose members are the caller's own, if any was ever given.
    pub document: Option<serde_json::Value>,
    /// May it look after the other users of its own group? For portals; this server asks nothing of it.
    pub master: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// Grows with each change.
    pub version: i64,
}

impl Group {
    pub(super) fn subject(&self) -> Subject {
        Subject { kind: "group", id: self.id.0, account: self.account, tenant: self.tenant }
    }

    /// What has to hold of a group alone, whatever else there is.
    fn check(&self) -> Result<(), Refusal> {
        let refused = |reason: &str| Err(Refusal::Malformed { field: "master", reason: reason.to_owned() });
        match (self.kind, self.master) {
            (GroupKind::Master, Some(_)) => refused("a master group stands below no other"),
            (GroupKind::Standard, Some(master)) if master == self.id => refused("a group is not its own master"),
            _ => Ok(()),
        }
    }
}

/// The account of a group, if the caller may do this to it.
fn owner(tx: &mut dyn Tx, cx: &Context<'_>, group: &Group, action: &Action) -> Result<Account, Error> {
    account::authorized(tx, cx, group.account, action, Noun::Group)
}

/// Locks a group that the caller may change.
fn lock(tx: &mut dyn Tx, cx: &Context<'_>, id: GroupId) -> Result<Group, Error> {
    let group = rows::lock_group(tx, id)?.ok_or(Error::not_found(Noun::Group))?;
    owner(tx, cx, &group, &Action::write(Right::GROUPS_WRITE))?;
    Ok(group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn group(kind: GroupKind, master: Option<u128>) -> Group {
        Group {
            id: GroupId(Uuid::from_u128(1)),
            tenant: AccountId(Uuid::nil()),
            account: AccountId(Uuid::nil()),
            kind,
            master: master.map(|id| GroupId(Uuid::from_u128(id))),
            name: "G".into(),
            description: String::new(),
            created_at: Timestamp::from_seconds(0),
            modified_at: Timestamp::from_seconds(0),
            version: 1,
        }
    }

    #[test]
    fn a_master_group_stands_below_none_and_no_group_below_itself() {
        assert!(group(GroupKind::Master, None).check().is_ok());
        assert!(group(GroupKind::Standard, None).check().is_ok());
        assert!(group(GroupKind::Standard, Some(2)).check().is_ok());
        assert!(group(GroupKind::Standard, Some(1)).check().is_err());
        assert!(group(GroupKind::Master, Some(2)).check().is_err());
    }
}
