//! Holds: placing them, lifting them, and whether one reaches an account.

use super::{Account, rows};
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, HoldId, LicenseId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license;
use crate::text::{check_line, check_remark};
use lessor_db::{FromColumn, Tx, ValueRef};
use serde_json::json;

/// The cause of the holds with which an account is suspended: one on its branch, and those with which its licenses were
/// suspended one by one.
pub const SUSPENDED: &str = "suspended";
/// The cause of a hold that waits until somebody who may write on the account has a password.
pub const NOT_ACTIVATED: &str = "not_activated";
/// Most holds in force on one target.
const MAX_IN_FORCE: usize = 100;

/// What a hold is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldTarget {
    /// An account.
    Account(AccountId),
    /// A license.
    License(LicenseId),
}

/// How far a hold on an account goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The target alone.
    Own,
    /// The account and everything below it.
    Branch,
}

impl Reach {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Reach::Own => "self",
            Reach::Branch => "branch",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Reach::Own, Reach::Branch].into_iter().find(|reach| reach.word() == word)
    }
}

impl FromColumn for Reach {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        let word = String::from_column(value)?;
        Reach::parse(&word).ok_or_else(|| format!("{word:?} is no reach"))
    }
}

/// A reason why something may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// What it is on.
    pub target: HoldTarget,
    /// How far it goes.
    pub reach: Reach,
    /// Why, in a word that whoever placed it finds it by.
    pub cause: String,
    /// Why, in a sentence for people.
    pub note: String,
    /// Since when.
    pub placed_at: Timestamp,
    /// By whom.
    pub placed_by: String,
    /// Until when; none while it is in force.
    pub lifted_at: Option<Timestamp>,
    /// By whom it was lifted.
    pub lifted_by: Option<String>,
}

/// Place a hold.
#[derive(Clone, Debug)]
pub struct PlaceHold {
    /// On what.
    pub target: HoldTarget,
    /// How far it goes; a license has no branch.
    pub reach: Reach,
    /// Why, in 1 to 64 characters that programs compare.
    pub cause: String,
    /// Why, in at most 500 characters for people.
    pub note: String,
}

/// Lift a hold.
#[derive(Clone, Copy, Debug)]
pub struct LiftHold {
    /// Which one.
    pub hold: HoldId,
}

/// Places a hold. A target may have several, also of one cause; each is lifted by itself.
///
/// # Errors
/// `NotFound` for the target, `Malformed`, `OutOfRange` when it has a hundred already.
pub fn place(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &PlaceHold) -> Result<Hold, Error> {
    check_line("cause", &cmd.cause, 64)?;
    check_remark("note", &cmd.note, 500)?;
    let target = Locked::new(tx, cx, cmd.target)?;
    if matches!(cmd.target, HoldTarget::License(_)) && cmd.reach == Reach::Branch {
        return Err(Error::malformed("reach", "a license has no branch"));
    }
    if rows::holds_of(tx, cmd.target)?.len() >= MAX_IN_FORCE {
        return Err(Refusal::OutOfRange { field: "holds", min: 0, max: MAX_IN_FORCE as i64 }.into());
    }
    let hold = Hold {
        id: cx.new_id(),
        target: cmd.target,
        reach: cmd.reach,
        cause: cmd.cause.clone(),
        note: cmd.note.clone(),
        placed_at: cx.now,
        placed_by: cx.actor().who.to_string(),
        lifted_at: None,
        lifted_by: None,
    };
    rows::insert_hold(tx, target.account.tenant, &hold)?;
    target.counted(tx, cx, 1)?;
    target.tell(tx, cx, &hold, "held")?;
    Ok(hold)
}

/// Lifts a hold; whatever other holds reach is held on. Lifting twice is not an error and changes nothing.
///
/// # Errors
/// `NotFound` for a hold that the caller does not see.
pub fn lift(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &LiftHold) -> Result<Hold, Error> {
    let missing = || Error::not_found(Noun::Hold);
    let found = rows::hold(tx, cmd.hold)?.ok_or_else(missing)?;
    let target = Locked::new(tx, cx, found.target).map_err(|error| match error {
        Error::Refused(Refusal::NotFound(_)) => missing(),
        other => other,
    })?;
    // Only now, under the target's lock, is it certain whether somebody else lifted it meanwhile.
    let hold = rows::hold(tx, cmd.hold)?.ok_or_else(missing)?;
    if hold.lifted_at.is_some() { Ok(hold) } else { lift_one(tx, cx, &target, hold) }
}

/// Lifts every hold of one cause on a target itself, and says how many there were.
///
/// # Errors
/// `NotFound` for the target.
pub fn lift_all_of_cause(tx: &mut dyn Tx, cx: &Context<'_>, target: HoldTarget, cause: &str) -> Result<u32, Error> {
    let locked = Locked::new(tx, cx, target)?;
    let mut lifted = 0;
    for hold in rows::holds_of(tx, target)?.into_iter().filter(|hold| hold.cause == cause) {
        lift_one(tx, cx, &locked, hold)?;
        lifted += 1;
    }
    Ok(lifted)
}

fn lift_one(tx: &mut dyn Tx, cx: &Context<'_>, target: &Locked, hold: Hold) -> Result<Hold, Error> {
    let by = cx.actor().who.to_string();
    rows::lift(tx, hold.id, cx.now, &by)?;
    let lifted = Hold { lifted_at: Some(cx.now), lifted_by: Some(by), ..hold };
    target.counted(tx, cx, -1)?;
    target.tell(tx, cx, &lifted, "released")?;
    Ok(lifted)
}

/// The holds in force on a target itself, in the order they were placed.
///
/// # Errors
/// `NotFound` for the target.
pub fn holds_of(tx: &mut dyn Tx, cx: &Context<'_>, target: HoldTarget) -> Result<Vec<Hold>, Error> {
    let (account, right, noun) = match target {
        HoldTarget::Account(id) => (id, Right::ACCOUNTS_READ, Noun::Account),
        HoldTarget::License(id) => {
            let license = license::rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::License))?;
            (license.account, Right::LICENSES_READ, Noun::License)
        }
    };
    super::authorized(tx, cx, account, &Action::read(right), noun)?;
    Ok(rows::holds_of(tx, target)?)
}

/// Does any hold reach the account: one on itself, or one above whose reach is the branch? For code that has found
/// out already that its caller may see the account.
pub fn is_held(tx: &mut dyn Tx, account: AccountId) -> Result<bool, Error> {
    Ok(rows::is_held(tx, account)?)
}

/// Those of many accounts that a hold reaches, for lists: one statement for every sixteen.
pub fn held_among(tx: &mut dyn Tx, accounts: &[AccountId]) -> Result<Vec<AccountId>, Error> {
    Ok(rows::held_among(tx, accounts)?)
}

/// Is the account itself suspended? What suspends an account above is not asked.
pub(crate) fn is_suspended(tx: &mut dyn Tx, account: AccountId) -> Result<bool, Error> {
    let holds = rows::holds_of(tx, HoldTarget::Account(account))?;
    Ok(holds.iter().any(|hold| hold.cause == SUSPENDED))
}

/// Lifts what waited for somebody who may write on the account.
pub(crate) fn lift_not_activated(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId) -> Result<(), Error> {
    let target = HoldTarget::Account(account);
    // Most accounts wait for nobody, and need not be locked.
    if rows::holds_of(tx, target)?.iter().any(|hold| hold.cause == NOT_ACTIVATED) {
        lift_all_of_cause(tx, cx, target, NOT_ACTIVATED)?;
    }
    Ok(())
}

/// A target that nobody else places holds on or lifts them from until the transaction ends.
struct Locked {
    target: HoldTarget,
    /// The account itself, or that of the license.
    account: Account,
}

impl Locked {
    fn new(tx: &mut dyn Tx, cx: &Context<'_>, target: HoldTarget) -> Result<Self, Error> {
        let account = match target {
            HoldTarget::Account(id) => {
                let account = rows::lock(tx, id)?.ok_or(Error::not_found(Noun::Account))?;
                cx.authorize(&Action::write(Right::ACCOUNTS_WRITE), &account, Noun::Account)?;
                account
            }
            HoldTarget::License(id) => {
                let license = license::lock(tx, cx, id)?;
                rows::by_id(tx, license.account)?.ok_or(Error::not_found(Noun::License))?
            }
        };
        Ok(Self { target, account })
    }

    /// Keeps the number that a license carries of its own holds true, and its segments with it.
    fn counted(&self, tx: &mut dyn Tx, cx: &Context<'_>, more: i64) -> Result<(), Error> {
        let HoldTarget::License(id) = self.target else { return Ok(()) };
        license::rows::add_holds(tx, id, more)?;
        license::hold_changed(tx, cx, id)
    }

    fn tell(&self, tx: &mut dyn Tx, cx: &Context<'_>, hold: &Hold, what: &str) -> Result<(), Error> {
        let account = &self.account;
        let (kind, subject) = match self.target {
            HoldTarget::Account(_) => ("account", Subject::from(account)),
            HoldTarget::License(license) => {
                let subject = Subject { kind: "license", id: license.0, account: account.id, tenant: account.tenant };
                ("license", subject)
            }
        };
        let data = json!({
            "hold": hold.id.to_string(),
            "cause": hold.cause,
            "note": hold.note,
            "reach": hold.reach.word(),
            "held": self.is_held(tx)?,
        });
        journal::append(tx, cx, &format!("{kind}.{what}"), subject, &data)?;
        Ok(())
    }

    /// Is the target held now, by whichever hold?
    fn is_held(&self, tx: &mut dyn Tx) -> Result<bool, Error> {
        if matches!(self.target, HoldTarget::License(_)) && !rows::holds_of(tx, self.target)?.is_empty() {
            return Ok(true);
        }
        is_held(tx, self.account.id)
    }
}
