//! What a command knows besides its arguments: who calls, when, and where ids and chance come from.

use crate::account::{Account, Path};
use crate::app::Tools;
use crate::clock::Timestamp;
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, ActivationId, ApiKeyId, RequestId, UserId};
use crate::identity::{Level, Right};
use crate::journal::Subject;
use crate::secret::Secret;
use lessor_db::{Epoch, FromColumn, Touch, ValueRef};
use serde_json::Value;
use std::cell::Cell;
use std::sync::Arc;
use uuid::Uuid;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The server itself: jobs, first start, command line on the machine.
    System,
    /// Someone who signed in.
    User(UserId),
    /// A program with a key.
    ApiKey(ApiKeyId),
    /// An installed copy.
    Device(Option<ActivationId>),
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Who::System => f.write_str("system"),
            Who::User(id) => id.fmt(f),
            Who::ApiKey(id) => id.fmt(f),
            Who::Device(Some(id)) => id.fmt(f),
            Who::Device(None) => f.write_str("device"),
        }
    }
}

impl Who {
    /// Reads what is shown of it.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "system" => Some(Self::System),
            "device" => Some(Self::Device(None)),
            _ => UserId::parse(text)
                .map(Self::User)
                .or_else(|| ApiKeyId::parse(text).map(Self::ApiKey))
                .or_else(|| ActivationId::parse(text).map(|id| Self::Device(Some(id)))),
        }
    }
}

impl FromColumn for Who {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        let text = String::from_column(value)?;
        Who::parse(&text).ok_or_else(|| format!("{text:?} is nobody"))
    }
}

/// A level of permission on a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The branch.
    pub path: Path,
    /// What may be done in it.
    pub level: Level,
}

/// A caller whose credential was checked.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who it is.
    pub who: Who,
    /// The account it belongs to.
    pub account: AccountId,
    /// The tenant that account belongs to.
    pub tenant: AccountId,
    /// Where the account stands.
    pub path: Path,
    /// Levels on branches; the longest path that holds an object decides.
    pub grants: Vec<Grant>,
    /// What the credential is limited to; `None` is no limit.
    pub rights: Option<Vec<Right>>,
    /// Does anybody draw the tenant's stream? Then what the actor calls is recorded.
    pub draws: bool,
}

impl Actor {
    /// The server itself: everything.
    pub fn system() -> Self {
        Self {
            who: Who::System,
            account: AccountId(Uuid::nil()),
            tenant: AccountId(Uuid::nil()),
            path: Path::everything(),
            grants: vec![Grant { path: Path::everything(), level: Level::Write }],
            rights: None,
            draws: false,
        }
    }

    /// An installed copy, before it is known which: it may do nothing but what device commands check themselves.
    pub fn device() -> Self {
        Self { who: Who::Device(None), grants: Vec::new(), ..Self::system() }
    }

    /// Does the credential carry this right?
    pub fn has_right(&self, right: &Right) -> bool {
        self.rights.as_ref().is_none_or(|rights| rights.contains(right))
    }

    /// The level on a place in the tree, if it lies in any of the actor's branches.
    pub fn level_at(&self, path: &Path) -> Option<Level> {
        let nearest =
            self.grants.iter().filter(|grant| grant.path.holds(path)).max_by_key(|grant| grant.path.depth())?;
        (nearest.level != Level::None).then_some(nearest.level)
    }
}

/// A caller and its call.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who calls.
    pub actor: Arc<Actor>,
    /// Which call this is.
    pub request: RequestId,
}

/// What is to be done to an object, for the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The level it takes.
    pub level: Level,
    /// The right a limited credential must carry.
    pub right: Right,
}

impl Action {
    /// To look.
    pub const fn read(right: Right) -> Self {
        Self { level: Level::Read, right }
    }

    /// To change.
    pub const fn write(right: Right) -> Self {
        Self { level: Level::Write, right }
    }
}

/// A refusal that is worth an event: a clone, a forged file, too many moves.
#[derive(Clone, Debug)]
pub(crate) struct Denial {
    /// What was refused: `activation.cloned`, …
    pub kind: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// What else there is to tell.
    pub data: Value,
}

/// The arguments every command has in common. One is made for each run of a closure.
pub struct Context<'a> {
    /// The present.
    pub now: Timestamp,
    /// Who calls, and which call it is.
    pub caller: &'a Caller,
    pub(crate) tools: &'a Tools,
    touched: Cell<Option<Touch>>,
    denial: Cell<Option<Denial>>,
    since: Cell<Option<Epoch>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(now: Timestamp, caller: &'a Caller, tools: &'a Tools) -> Self {
        Self {
            now,
            caller,
            tools,
            touched: Cell::new(Some(Touch::Everything)),
            denial: Cell::new(None),
            since: Cell::new(None),
        }
    }

    /// Says that the command changes nothing that is kept in memory but what belongs to this record. A command that
    /// says nothing counts as one that changes everything.
    pub(crate) fn only_touches(&self, record: Uuid) {
        self.touched.set(Some(Touch::Record(record)));
    }

    /// Says that this is a query that reads nothing older than this moment.
    pub(crate) fn reads_since(&self, moment: Option<Epoch>) {
        self.since.set(moment);
    }

    /// The moment of a query whose findings may be kept, where anybody can tell how long they hold.
    pub(crate) fn since(&self) -> Option<Epoch> {
        self.since.get()
    }

    /// Says that the command changes nothing that is kept in memory.
    pub(crate) fn touches_nothing(&self) {
        self.touched.set(None);
    }

    pub(crate) fn touched(&self) -> Option<Touch> {
        self.touched.take()
    }

    /// Leaves an event to be journalled if the command is refused.
    pub(crate) fn if_refused(&self, kind: &'static str, subject: Subject, data: Value) {
        self.denial.set(Some(Denial { kind, subject, data }));
    }

    pub(crate) fn take_denial(&self) -> Option<Denial> {
        self.denial.take()
    }

    /// Runs what somebody was allowed before, in their name and with the rights of the server itself.
    pub(crate) fn in_name_of<T>(&self, who: Who, account: AccountId, run: impl FnOnce(&Context<'_>) -> T) -> T {
        let actor = Actor { who, account, ..Actor::system() };
        let caller = Caller { actor: Arc::new(actor), request: self.caller.request };
        run(&Context::new(self.now, &caller, self.tools))
    }

    /// How much waits to be written: 0 is nothing, 1 as much as is let in.
    pub(crate) fn load(&self) -> f64 {
        self.tools.load()
    }

    /// A new id; ids sort by the time they were made.
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        T::from(self.tools.ids.next(self.now))
    }

    /// Random bytes of the operating system.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        self.tools.random()
    }

    /// The server's secret.
    pub fn secret(&self) -> &Secret {
        &self.tools.secret
    }

    /// Who calls.
    pub fn actor(&self) -> &Actor {
        &self.caller.actor
    }

    /// May the caller do this in the branch of `account`? Outside its branch an account does not exist
    /// (`NotFound` with `noun`, the word for what was asked for); inside it the answer is `Forbidden`.
    pub fn authorize(&self, action: &Action, account: &Account, noun: Noun) -> Result<(), Error> {
        decide(self.actor(), action, &account.path, noun)
    }

    /// As [`authorize`](Self::authorize), for a place in the tree.
    pub fn authorize_at(&self, action: &Action, path: &Path, noun: Noun) -> Result<(), Error> {
        decide(self.actor(), action, path, noun)
    }
}

/// The policy: actor, action, place.
pub fn decide(actor: &Actor, action: &Action, path: &Path, noun: Noun) -> Result<(), Error> {
    let Some(level) = actor.level_at(path) else {
        return Err(Refusal::NotFound(noun).into());
    };
    if level < action.level || !actor.has_right(&action.right) {
        return Err(Error::Forbidden);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(grants: &[(&str, Level)], rights: Option<Vec<Right>>) -> Actor {
        let grants = grants
            .iter()
            .map(|(path, level)| Grant { path: Path::stored((*path).to_owned()), level: *level })
            .collect();
        Actor { grants, rights, ..Actor::system() }
    }

    fn answer(actor: &Actor, action: &Action, path: &str) -> Result<(), Error> {
        decide(actor, action, &Path::stored(path.to_owned()), Noun::Account)
    }

    #[test]
    fn the_nearest_grant_above_decides() {
        let actor = actor(&[("/a/", Level::Write), ("/a/b/", Level::Read), ("/a/b/c/", Level::None)], None);
        let write = Action::write(Right::ACCOUNTS_WRITE);
        let read = Action::read(Right::ACCOUNTS_READ);
        assert!(answer(&actor, &write, "/a/x/").is_ok());
        assert!(matches!(answer(&actor, &write, "/a/b/x/"), Err(Error::Forbidden)));
        assert!(answer(&actor, &read, "/a/b/x/").is_ok());
        assert!(matches!(answer(&actor, &read, "/a/b/c/"), Err(Error::Refused(Refusal::NotFound(Noun::Account)))));
        assert!(matches!(answer(&actor, &read, "/ab/"), Err(Error::Refused(Refusal::NotFound(_)))));
    }

    #[test]
    fn whoever_is_shown_is_read_again() {
        let id = Uuid::from_u128(7);
        let all = [
            Who::System,
            Who::User(UserId(id)),
            Who::ApiKey(ApiKeyId(id)),
            Who::Device(None),
            Who::Device(Some(ActivationId(id))),
        ];
        for who in all {
            assert_eq!(Who::parse(&who.to_string()), Some(who));
        }
        assert_eq!(Who::parse("somebody"), None);
    }

    #[test]
    fn a_limited_credential_does_only_what_it_carries() {
        let actor = actor(&[("/a/", Level::Write)], Some(vec![Right::ACCOUNTS_READ]));
        assert!(answer(&actor, &Action::read(Right::ACCOUNTS_READ), "/a/").is_ok());
        assert!(matches!(answer(&actor, &Action::write(Right::ACCOUNTS_WRITE), "/a/"), Err(Error::Forbidden)));
    }
}
