//! Accounts: the tree of companies through which software is sold, and the holds that stop a branch.
//!
//! An account has one parent and a path. A tenant is the branch of one vendor: every account below a vendor
//! carries that vendor's id, and a transaction stays inside one tenant. An account is suspended while any hold
//! reaches it: one on itself, or one on an account above whose reach is the branch.

mod below;
mod change;
mod create;
mod hold;
mod list;
pub(crate) mod rows;

pub use below::{Below, all_below, below, ids_below};
pub use change::{ChangeAccount, MoveAccount, change, close, move_to, refuse_namesake};
pub use create::{CreateAccount, create};
pub use hold::{
    Hold, HoldTarget, LiftHold, NOT_ACTIVATED, PlaceHold, Reach, SUSPENDED, held_among, holds_of, is_held, lift,
    lift_all_of_cause, place,
};
pub(crate) use hold::{is_suspended, lift_not_activated};
pub use list::list;
pub(crate) use list::page_seen;

use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::AccountId;
use crate::identity::Right;
use crate::journal::Subject;
use crate::text::check_line;
use lessor_db::{FromColumn, Tx, Value, ValueRef};
use serde_json::json;

/// What an account is in the chain of sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Makes the software; the root of a tenant.
    Vendor,
    /// Sells through partners.
    Distributor,
    /// A part of a distributor.
    Division,
    /// Manages partners.
    PartnerManager,
    /// Sells to customers.
    Partner,
    /// A partner managed by another.
    ManagedPartner,
    /// Uses the software.
    Customer,
}

impl Kind {
    /// All kinds, from the top of the chain to its end.
    pub const ALL: [Kind; 7] = [
        Kind::Vendor,
        Kind::Distributor,
        Kind::Division,
        Kind::PartnerManager,
        Kind::Partner,
        Kind::ManagedPartner,
        Kind::Customer,
    ];

    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Vendor => "vendor",
            Kind::Distributor => "distributor",
            Kind::Division => "division",
            Kind::PartnerManager => "partner_manager",
            Kind::Partner => "partner",
            Kind::ManagedPartner => "managed_partner",
            Kind::Customer => "customer",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// May an account of this kind stand below one of kind `parent`? A vendor stands below vendors alone, a customer
    /// has nothing below it, and otherwise the chain only goes down; partners may have partners.
    pub fn fits_below(self, parent: Kind) -> bool {
        match (parent, self) {
            (Kind::Customer, _) => false,
            (Kind::Vendor, _) => true,
            (Kind::Partner, Kind::Partner) | (Kind::ManagedPartner, Kind::ManagedPartner) => true,
            (parent, child) => parent < child,
        }
    }
}

impl FromColumn for Kind {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        let word = String::from_column(value)?;
        Kind::parse(&word).ok_or_else(|| format!("{word:?} is no kind of account"))
    }
}

/// Where an account stands: `/` and the 32 hex digits of each account from the root down, each with a `/` behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(String);

impl Path {
    /// The place above all roots.
    pub fn everything() -> Self {
        Self("/".into())
    }

    /// A path as it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The place of `child` right below this one.
    pub fn child(&self, child: AccountId) -> Self {
        Self(format!("{}{}/", self.0, child.0.simple()))
    }

    /// Does `other` lie in this branch? A branch holds its own root.
    pub fn holds(&self, other: &Path) -> bool {
        other.0.starts_with(&self.0)
    }

    /// How many accounts the path names.
    pub fn depth(&self) -> usize {
        self.0.bytes().filter(|byte| *byte == b'/').count().saturating_sub(1)
    }

    /// The accounts that the path names, from the root down.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.0.split('/').filter_map(|hex| uuid::Uuid::try_parse(hex).ok()).map(AccountId).collect()
    }

    /// The text, for statements.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first text that sorts behind every path of this branch: `0` follows `/`.
    pub fn end(&self) -> String {
        let mut end = self.0.clone();
        end.pop();
        end.push('0');
        end
    }
}

impl FromColumn for Path {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        String::from_column(value).map(Self)
    }
}

impl From<&Path> for Value {
    fn from(path: &Path) -> Self {
        Value::Text(path.0.clone())
    }
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The vendor whose branch it is in; a vendor's own id.
    pub tenant: AccountId,
    /// The account above, if any.
    pub parent: Option<AccountId>,
    /// What it is in the chain of sale.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub path: Path,
    /// Contact and billing details: a JSON object whose members are the caller's own.
    pub contact: serde_json::Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// When it was closed; a closed account is kept for its past.
    pub closed_at: Option<Timestamp>,
    /// Grows with each change.
    pub version: i64,
}

/// One account, if the caller may see it.
pub fn get(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    authorized(tx, cx, id, &Action::read(Right::ACCOUNTS_READ), Noun::Account)
}

/// The account, if the caller may do this in its branch; otherwise the answer is about `noun`.
pub(crate) fn authorized(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    id: AccountId,
    action: &Action,
    noun: Noun,
) -> Result<Account, Error> {
    let account = rows::by_id(tx, id)?.ok_or(Error::not_found(noun))?;
    cx.authorize(action, &account, noun)?;
    Ok(account)
}

/// Which accounts a list shows.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Only this branch; otherwise all branches of the caller.
    pub branch: Option<AccountId>,
    /// Only accounts right below this one.
    pub parent: Option<AccountId>,
    /// Only this kind.
    pub kind: Option<Kind>,
}

/// Most accounts from a root down to an account: the path is a key of an index.
const MAX_DEPTH: usize = 32;
/// Most bytes of a contact.
const MAX_CONTACT: usize = 16 << 10;

fn check_name(name: &str) -> Result<(), Error> {
    check_line("name", name, 200)
}

pub(crate) fn check_contact(contact: &serde_json::Value) -> Result<(), Error> {
    if !contact.is_object() {
        return Err(Error::malformed("contact", "it must be an object"));
    }
    if contact.to_string().len() > MAX_CONTACT {
        return Err(Error::malformed("contact", "it must have at most 16 KiB"));
    }
    Ok(())
}

impl Account {
    /// What an event tells of the account before and after.
    fn facts(&self) -> serde_json::Value {
        json!({
            "parent": self.parent.map(|parent| parent.to_string()),
            "kind": self.kind.word(),
            "name": self.name,
            "contact": self.contact,
        })
    }
}

impl From<&Account> for Subject {
    fn from(account: &Account) -> Self {
        Self { kind: "account", id: account.id.0, account: account.id, tenant: account.tenant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_sale_only_goes_down() {
        assert!(Kind::Customer.fits_below(Kind::Vendor));
        assert!(Kind::Partner.fits_below(Kind::Partner));
        assert!(Kind::Vendor.fits_below(Kind::Vendor));
        for kind in Kind::ALL {
            assert!(!kind.fits_below(Kind::Customer), "{kind:?}");
            assert_eq!(Kind::Vendor.fits_below(kind), kind == Kind::Vendor, "{kind:?}");
        }
    }

    #[test]
    fn a_branch_ends_before_whatever_only_looks_like_it() {
        let branch = Path::stored("/ab/".into());
        assert!(branch.holds(&Path::stored("/ab/c/".into())));
        for outside in ["/abc/", "/ac/", "/"] {
            let outside = Path::stored(outside.into());
            assert!(!branch.holds(&outside));
            assert!(outside.as_str() < branch.as_str() || outside.as_str() >= branch.end().as_str());
        }
        assert_eq!(Path::everything().depth(), 0);
        assert_eq!(Path::stored("/ab/c/".into()).depth(), 2);
    }

    #[test]
    fn a_contact_is_an_object_of_bounded_size() {
        assert!(check_contact(&json!({ "city": "Brno" })).is_ok());
        assert!(check_contact(&json!(["Brno"])).is_err());
        assert!(check_contact(&json!({ "city": "x".repeat(MAX_CONTACT) })).is_err());
    }
}
