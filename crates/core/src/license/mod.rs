//! Licenses: the right of an account to a product — its code, terms, grants, notes, and the segments in which its
//! billable facts did not change.

mod acquire;
pub(crate) mod batch;
mod change;
mod exchange;
mod import;
mod issue;
mod marks;
mod note;
mod remove;
pub(crate) mod rows;
mod sale;
mod segment;
mod term;
mod terms;
mod tokens;
mod view;

pub use acquire::{Acquire, acquire};
pub use change::{ChangeLicense, change, give_back_all};
pub(crate) use change::{hold_changed, inherit_all};
pub use exchange::{Exchange, exchange, open_exchanges};
pub use import::{Fate, ImportLicenses, ImportRow, import};
pub(crate) use issue::issue_one;
pub use issue::{Codes, IssueLicenses, issue};
pub(crate) use marks::Marks;
pub use note::{ChangeNote, NewNote, Note, NoteKind, NotesChange, add_note, change_note, delete_notes, notes};
pub use remove::remove;
pub use sale::{ExtendTrial, convert, end_trial, extend_trial, set_quantity};
pub(crate) use segment::activated;
pub use segment::{Segment, segments};
pub use term::{Term, TermChange, TermKind, change_term};
pub use terms::{Concurrency, LeaseForm, Terms, TermsChange};
pub(crate) use terms::{from_word, in_range, terms_columns};
pub use tokens::{SetTokens, set_tokens};
pub use view::{
    Activity, LicenseFilter, LicenseKey, LicenseView, OrderMatch, activities, activities_of_device, by_code, by_order,
    count, count_activities, find, get, keys, list, list_after, views,
};

use crate::account::{self, Account};
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, ProductId, ProfileId};
use crate::identity::Right;
use crate::journal::Subject;
use crate::order;
use lessor_db::{FromColumn, Tx, ValueRef};

/// What a license is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Devices activate it.
    Standard,
    /// Issued to one device in a file, once.
    Passive,
    /// For daemons on local networks; each activates it once.
    NetworkMaster,
    /// In a daemon's own store: its share of a license of its server. Devices activate it.
    Delegated,
}

impl Role {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Role::Standard => "standard",
            Role::Passive => "passive",
            Role::NetworkMaster => "network_master",
            Role::Delegated => "delegated",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Role::Standard, Role::Passive, Role::NetworkMaster, Role::Delegated]
            .into_iter()
            .find(|role| role.word() == word)
    }
}

from_word!(Role);

/// The right of an account to a product.
#[derive(Clone, Debug, PartialEq)]
pub struct License {
    /// Its id.
    pub id: LicenseId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// Whose it is; the vendor itself before it is given to anyone.
    pub account: AccountId,
    /// To what.
    pub product: ProductId,
    /// The profile it is filed under.
    pub profile: Option<ProfileId>,
    /// What people type, unique in the product.
    pub code: String,
    /// What it is for.
    pub role: Role,
    /// A text of the caller's own.
    pub reference: String,
    /// The order it came with.
    pub order: String,
    /// Has it been handed out by [`acquire`]?
    pub acquired: bool,
    /// How it may be used.
    pub terms: Terms,
    /// Live holds on the license itself.
    pub hold_count: i64,
    /// Activations that are not returned.
    pub active_count: i64,
    /// Activations that were returned.
    pub returned_count: i64,
    /// The latest activation.
    pub last_activated_at: Option<Timestamp>,
    /// How often it was extended as a trial.
    pub trial_extensions: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the back office last changed it.
    pub modified_at: Timestamp,
    /// Grows with each change by the back office.
    pub version: i64,
}

impl License {
    /// May one more device use this license now? Lasting reasons come first. `taken` counts what holds a place.
    pub fn admit(&self, held: bool, taken: i64, now: Timestamp) -> Result<(), Refusal> {
        self.usable(held, now)?;
        if taken >= self.terms.activation_limit {
            let concurrent = self.terms.concurrency != Concurrency::Off;
            return Err(Refusal::NoSeat { limit: self.terms.activation_limit, concurrent });
        }
        Ok(())
    }

    /// May those who have it go on using it? `held` says whether a hold reaches its account.
    pub fn usable(&self, held: bool, now: Timestamp) -> Result<(), Refusal> {
        self.in_order(held, now)?;
        match self.role {
            Role::NetworkMaster => Err(Refusal::NetworkOnly),
            Role::Standard if self.terms.concurrency == Concurrency::Network => Err(Refusal::NetworkOnly),
            Role::Standard | Role::Passive | Role::Delegated => Ok(()),
        }
    }

    /// Does nothing stop it altogether, for devices and daemons alike?
    pub(crate) fn in_order(&self, held: bool, now: Timestamp) -> Result<(), Refusal> {
        self.not_held(held)?;
        match self.role {
            _ if !self.terms.term.is_over(now) => Ok(()),
            Role::Delegated => Err(Refusal::DelegationOver),
            Role::Standard | Role::Passive | Role::NetworkMaster => Err(Refusal::TermOver),
        }
    }

    /// Is it on no hold, nor its account?
    pub(crate) fn not_held(&self, held: bool) -> Result<(), Refusal> {
        if held || self.hold_count > 0 { Err(Refusal::Held) } else { Ok(()) }
    }

    /// Has it ever been activated?
    pub fn is_used(&self) -> bool {
        self.active_count + self.returned_count > 0
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject { kind: "license", id: self.id.0, account: self.account, tenant: self.tenant }
    }
}

/// Most places of a license that is sold by their number.
pub const MOST_UNITS: i64 = 1_000_000;

/// May a text be a license's code: 1 to 64 letters, digits or `-`?
pub(crate) fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Locks a license that the caller may change.
pub(crate) fn lock(tx: &mut dyn Tx, cx: &Context<'_>, id: LicenseId) -> Result<License, Error> {
    let license = rows::lock(tx, id)?.ok_or(Error::not_found(Noun::License))?;
    owner(tx, cx, &license, &Action::write(Right::LICENSES_WRITE))?;
    order::may_decide(tx, cx)?;
    Ok(license)
}

/// As [`lock`], and its account before it, as orders lock it: no other license comes to the account meanwhile.
fn lock_with_account(tx: &mut dyn Tx, cx: &Context<'_>, id: LicenseId) -> Result<License, Error> {
    let seen = rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::License))?;
    owner(tx, cx, &seen, &Action::write(Right::LICENSES_WRITE))?;
    account::rows::lock(tx, seen.account)?;
    let license = lock(tx, cx, id)?;
    if license.account == seen.account { Ok(license) } else { Err(Refusal::Stale(Noun::License).into()) }
}

/// The account of a license, if the caller may do this to it.
pub(crate) fn owner(tx: &mut dyn Tx, cx: &Context<'_>, license: &License, action: &Action) -> Result<Account, Error> {
    let account = account::rows::by_id(tx, license.account)?.ok_or(Error::not_found(Noun::License))?;
    cx.authorize(action, &account, Noun::License)?;
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn license(terms: Terms) -> License {
        License {
            id: LicenseId(Uuid::nil()),
            tenant: AccountId(Uuid::nil()),
            account: AccountId(Uuid::nil()),
            product: ProductId(Uuid::nil()),
            profile: None,
            code: "1".into(),
            role: Role::Standard,
            reference: String::new(),
            order: String::new(),
            acquired: false,
            terms,
            hold_count: 0,
            active_count: 0,
            returned_count: 0,
            last_activated_at: None,
            trial_extensions: 0,
            created_at: Timestamp::from_seconds(0),
            modified_at: Timestamp::from_seconds(0),
            version: 1,
        }
    }

    #[test]
    fn lasting_reasons_come_before_a_full_house() {
        let now = Timestamp::from_seconds(100);
        let over = Term { kind: TermKind::Expiring, days: 0, end: Some(now) };
        let mut license = license(Terms { term: over, activation_limit: 0, ..Terms::default() });
        license.hold_count = 1;
        assert_eq!(license.admit(false, 0, now), Err(Refusal::Held));
        license.hold_count = 0;
        assert_eq!(license.admit(true, 0, now), Err(Refusal::Held));
        assert_eq!(license.admit(false, 0, now), Err(Refusal::TermOver));
        license.terms.term = Term::PERPETUAL;
        assert_eq!(license.admit(false, 0, now), Err(Refusal::NoSeat { limit: 0, concurrent: false }));
    }

    #[test]
    fn only_a_daemon_activates_a_network_license() {
        let now = Timestamp::from_seconds(100);
        let terms = Terms { concurrency: Concurrency::Network, network_seats: 3, ..Terms::default() };
        assert_eq!(license(terms).admit(false, 0, now), Err(Refusal::NetworkOnly));
    }
}
