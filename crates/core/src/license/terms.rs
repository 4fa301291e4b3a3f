//! License terms: how long, how many, how concurrent — the same for a product's defaults, a profile and a license.

use crate::clock::Timestamp;
use crate::error::{Error, Refusal};
use lessor_db::{FromColumn, Row, StoreError, Value, ValueRef};

/// What kind of right it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TermKind {
    /// Without end.
    Perpetual,
    /// A number of days from the first activation on.
    Subscription,
    /// Until a fixed date.
    Expiring,
}

impl TermKind {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            TermKind::Perpetual => "perpetual",
            TermKind::Subscription => "subscription",
            TermKind::Expiring => "expiring",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [TermKind::Perpetual, TermKind::Subscription, TermKind::Expiring].into_iter().find(|kind| kind.word() == word)
    }
}

/// Who sees to it that a license is not used by more at once than it allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// An activation holds its place until it is returned.
    Off,
    /// An activation holds its place while its lease lives.
    Cloud,
    /// A daemon on the local network hands out seats.
    Network,
}

impl Concurrency {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Concurrency::Off => "off",
            Concurrency::Cloud => "cloud",
            Concurrency::Network => "network",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Concurrency::Off, Concurrency::Cloud, Concurrency::Network].into_iter().find(|mode| mode.word() == word)
    }
}

macro_rules! from_word {
    ($type:ty) => {
        impl FromColumn for $type {
            fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
                let ValueRef::Text(word) = value else { return Err("a word is a text".into()) };
                <$type>::parse(word).ok_or_else(|| format!("{word:?} is not known"))
            }
        }
    };
}
pub(crate) use from_word;

from_word!(TermKind);
from_word!(Concurrency);

/// How long a right lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its kind.
    pub kind: TermKind,
    /// Days of a subscription, all extensions included; 0 for the other kinds.
    pub days: i64,
    /// When it ends. A subscription has no end before its first activation.
    pub end: Option<Timestamp>,
}

impl Term {
    /// Without end.
    pub const PERPETUAL: Term = Term { kind: TermKind::Perpetual, days: 0, end: None };

    /// A term from its parts, each checked where its kind needs it and dropped where not.
    pub fn new(kind: TermKind, days: i64, end: Option<Timestamp>) -> Result<Self, Refusal> {
        match kind {
            TermKind::Perpetual => Ok(Self::PERPETUAL),
            TermKind::Subscription => Ok(Self { kind, days: in_range("term_days", days, 1, 5_000)?, end: None }),
            TermKind::Expiring => {
                Ok(Self { kind, days: 0, end: Some(end.ok_or(Refusal::Missing { field: "term_end" })?) })
            }
        }
    }

    /// Has it passed?
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    /// The term once its license is activated: a subscription starts to run.
    pub fn started(self, now: Timestamp) -> Self {
        match (self.kind, self.end) {
            (TermKind::Subscription, None) => Self { end: Some(now.plus_days(self.days)), ..self },
            _ => self,
        }
    }
}

/// A change of a term. A kind given again with days extends a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermChange {
    /// The kind from now on.
    pub kind: TermKind,
    /// Days of a new subscription (1 to 5000), or days to add to one (1 to 1000).
    pub days: Option<i64>,
    /// The end of an expiring license; `Some(None)` clears the end of another.
    pub end: Option<Option<Timestamp>>,
}

/// What a change makes of a term: the table of `docs/architecture.md`, "Where the rules are".
pub fn change_term(term: Term, change: &TermChange, started: bool, now: Timestamp) -> Result<Term, Refusal> {
    let cleared = matches!(change.end, Some(None));
    let same_kind = term.kind == change.kind;
    match change.kind {
        TermKind::Perpetual => Ok(Term::PERPETUAL),
        TermKind::Subscription if same_kind => {
            let mut term = if cleared { Term { end: None, ..term } } else { term };
            if let Some(days) = change.days {
                let days = in_range("term_days", days, 1, 1_000)?;
                term.days = term.days.saturating_add(days);
                term.end = term.end.map(|end| end.max(now).plus_days(days));
            }
            Ok(term)
        }
        TermKind::Subscription => {
            let days = change.days.ok_or(Refusal::Missing { field: "term_days" })?;
            let days = in_range("term_days", days, 1, 5_000)?;
            Ok(Term { kind: TermKind::Subscription, days, end: started.then(|| now.plus_days(days)) })
        }
        TermKind::Expiring => {
            if cleared {
                return Err(Refusal::Malformed { field: "term_end", reason: "an expiring license has an end".into() });
            }
            let end = change.end.flatten().or(term.end.filter(|_| same_kind));
            Ok(Term {
                kind: TermKind::Expiring,
                days: 0,
                end: Some(end.ok_or(Refusal::Missing { field: "term_end" })?),
            })
        }
    }
}

/// A number within its bounds, both included.
pub(crate) fn in_range(field: &'static str, value: i64, min: i64, max: i64) -> Result<i64, Refusal> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(Refusal::OutOfRange { field, min, max }) }
}

/// Everything that says how a license may be used, its features apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// Hours of a lease of a device that is online; 0 = without end.
    pub online_lease_hours: i64,
    /// Hours of a lease of a virtual machine; 0 = without end.
    pub virtual_lease_hours: i64,
    /// Hours of a lease carried in a file; 0 = without end.
    pub offline_lease_hours: i64,
    /// How long the right lasts.
    pub term: Term,
    /// Until when newer versions are included; told to the program, blocks nothing.
    pub maintenance_end: Option<Timestamp>,
    /// Activations at once; 0 admits nobody.
    pub activation_limit: i64,
    /// Copies at once on one device, counted by the device; 0 = any number.
    pub process_limit: i64,
    /// Who counts, and how.
    pub concurrency: Concurrency,
    /// Seats that a daemon on the local network hands out.
    pub network_seats: i64,
    /// Minutes between the beats of a client of that daemon; 0 without one.
    pub heartbeat_minutes: i64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            online_lease_hours: 0,
            virtual_lease_hours: 0,
            offline_lease_hours: 0,
            term: Term::PERPETUAL,
            maintenance_end: None,
            activation_limit: 1,
            process_limit: 0,
            concurrency: Concurrency::Off,
            network_seats: 0,
            heartbeat_minutes: 0,
        }
    }
}

/// Ten years: no lease without end is longer.
const MOST_LEASE_HOURS: i64 = 87_600;
const MOST: i64 = 2_147_483_647;

impl Terms {
    /// Checks every bound.
    pub fn check(&self) -> Result<(), Refusal> {
        match (self.term.kind, self.term.end) {
            (TermKind::Expiring, None) => return Err(Refusal::Missing { field: "term_end" }),
            // Extended often enough, a subscription has more days than a new one may have.
            (TermKind::Subscription, _) => in_range("term_days", self.term.days, 1, MOST).map(|_| ())?,
            (TermKind::Expiring | TermKind::Perpetual, _) => {}
        }
        in_range("online_lease_hours", self.online_lease_hours, 0, MOST_LEASE_HOURS)?;
        in_range("virtual_lease_hours", self.virtual_lease_hours, 0, MOST_LEASE_HOURS)?;
        in_range("offline_lease_hours", self.offline_lease_hours, 0, MOST_LEASE_HOURS)?;
        in_range("activation_limit", self.activation_limit, 0, MOST)?;
        in_range("process_limit", self.process_limit, 0, MOST)?;
        in_range("network_seats", self.network_seats, 0, MOST)?;
        if self.concurrency == Concurrency::Network || self.heartbeat_minutes != 0 {
            in_range("heartbeat_minutes", self.heartbeat_minutes, 5, 1_440)?;
        }
        Ok(())
    }

    /// When a lease given now ends, at the latest with the term. Where leases hold the places and a heartbeat is asked
    /// for, after three beats.
    pub fn lease_end(&self, form: LeaseForm, now: Timestamp) -> Option<Timestamp> {
        let hours = match form {
            LeaseForm::Online => self.online_lease_hours,
            LeaseForm::Virtual => self.virtual_lease_hours,
            LeaseForm::Offline => self.offline_lease_hours,
        };
        let beat = match (form, self.concurrency, self.heartbeat_minutes) {
            (LeaseForm::Online | LeaseForm::Virtual, Concurrency::Cloud | Concurrency::Network, 1..) => {
                Some(self.heartbeat_minutes)
            }
            _ => None,
        };
        let own = match beat {
            Some(minutes) => Some(now.plus_minutes(minutes * MISSED_BEATS)),
            None => (hours > 0).then(|| now.plus_hours(hours)),
        };
        own.into_iter().chain(self.term.end).min()
    }

    pub(crate) fn params(&self) -> [Value; 12] {
        [
            self.online_lease_hours.into(),
            self.virtual_lease_hours.into(),
            self.offline_lease_hours.into(),
            self.term.kind.word().into(),
            self.term.days.into(),
            self.term.end.into(),
            self.maintenance_end.into(),
            self.activation_limit.into(),
            self.process_limit.into(),
            self.concurrency.word().into(),
            self.network_seats.into(),
            self.heartbeat_minutes.into(),
        ]
    }

    pub(crate) fn from_columns(row: &dyn Row, first: usize) -> Result<Self, StoreError> {
        Ok(Self {
            online_lease_hours: row.get(first)?,
            virtual_lease_hours: row.get(first + 1)?,
            offline_lease_hours: row.get(first + 2)?,
            term: Term { kind: row.get(first + 3)?, days: row.get(first + 4)?, end: row.get(first + 5)? },
            maintenance_end: row.get(first + 6)?,
            activation_limit: row.get(first + 7)?,
            process_limit: row.get(first + 8)?,
            concurrency: row.get(first + 9)?,
            network_seats: row.get(first + 10)?,
            heartbeat_minutes: row.get(first + 11)?,
        })
    }
}

/// The columns of [`Terms`], in the order of its parameters.
macro_rules! terms_columns {
    () => {
        $crate::license::terms_columns!("")
    };
    ($table:literal) => {
        concat!(
            $table,
            "online_lease_hours, ",
            $table,
            "virtual_lease_hours, ",
            $table,
            "offline_lease_hours, ",
            $table,
            "term_kind, ",
            $table,
            "term_days, ",
            $table,
            "term_end, ",
            $table,
            "maintenance_end, ",
            $table,
            "activation_limit, ",
            $table,
            "process_limit, ",
            $table,
            "concurrency, ",
            $table,
            "network_seats, ",
            $table,
            "heartbeat_minutes"
        )
    };
}
pub(crate) use terms_columns;

/// A device that misses this many heartbeats loses its place.
const MISSED_BEATS: i64 = 3;

/// Which of a license's lease lengths applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseForm {
    /// A device that is online.
    Online,
    /// A virtual machine that is online.
    Virtual,
    /// An answer carried in a file.
    Offline,
}

/// A change of terms; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TermsChange {
    /// See [`Terms::online_lease_hours`].
    pub online_lease_hours: Option<i64>,
    /// See [`Terms::virtual_lease_hours`].
    pub virtual_lease_hours: Option<i64>,
    /// See [`Terms::offline_lease_hours`].
    pub offline_lease_hours: Option<i64>,
    /// See [`change_term`].
    pub term: Option<TermChange>,
    /// See [`Terms::maintenance_end`]; `Some(None)` clears it.
    pub maintenance_end: Option<Option<Timestamp>>,
    /// See [`Terms::activation_limit`].
    pub activation_limit: Option<i64>,
    /// See [`Terms::process_limit`].
    pub process_limit: Option<i64>,
    /// See [`Terms::concurrency`]; the change to `network` needs seats and beat with it.
    pub concurrency: Option<Concurrency>,
    /// See [`Terms::network_seats`].
    pub network_seats: Option<i64>,
    /// See [`Terms::heartbeat_minutes`].
    pub heartbeat_minutes: Option<i64>,
}

impl TermsChange {
    /// The terms after this change. `started`: has the license ever been activated?
    pub fn apply(&self, terms: &Terms, started: bool, now: Timestamp) -> Result<Terms, Error> {
        let to_network = self.concurrency == Some(Concurrency::Network) && terms.concurrency != Concurrency::Network;
        if to_network && self.network_seats.is_none() {
            return Err(Refusal::Missing { field: "network_seats" }.into());
        }
        if to_network && self.heartbeat_minutes.is_none() {
            return Err(Refusal::Missing { field: "heartbeat_minutes" }.into());
        }
        let term = match &self.term {
            Some(change) => change_term(terms.term, change, started, now)?,
            None => terms.term,
        };
        let changed = Terms {
            online_lease_hours: self.online_lease_hours.unwrap_or(terms.online_lease_hours),
            virtual_lease_hours: self.virtual_lease_hours.unwrap_or(terms.virtual_lease_hours),
            offline_lease_hours: self.offline_lease_hours.unwrap_or(terms.offline_lease_hours),
            term,
            maintenance_end: self.maintenance_end.unwrap_or(terms.maintenance_end),
            activation_limit: self.activation_limit.unwrap_or(terms.activation_limit),
            process_limit: self.process_limit.unwrap_or(terms.process_limit),
            concurrency: self.concurrency.unwrap_or(terms.concurrency),
            network_seats: self.network_seats.unwrap_or(terms.network_seats),
            heartbeat_minutes: self.heartbeat_minutes.unwrap_or(terms.heartbeat_minutes),
        };
        changed.check()?;
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_seconds(day * 86_400)
    }

    fn to(kind: TermKind, days: Option<i64>, end: Option<Option<Timestamp>>) -> TermChange {
        TermChange { kind, days, end }
    }

    const SUBSCRIPTION: Term = Term { kind: TermKind::Subscription, days: 10, end: None };

    #[test]
    fn a_subscription_starts_with_its_first_activation() {
        assert_eq!(SUBSCRIPTION.started(at(5)).end, Some(at(15)));
        assert_eq!(SUBSCRIPTION.started(at(5)).started(at(9)).end, Some(at(15)));
        assert_eq!(Term::PERPETUAL.started(at(5)).end, None);
    }

    #[test]
    fn a_change_to_subscription_runs_at_once_only_if_the_license_is_in_use() {
        let change = to(TermKind::Subscription, Some(30), None);
        assert_eq!(change_term(Term::PERPETUAL, &change, false, at(0)).unwrap().end, None);
        assert_eq!(change_term(Term::PERPETUAL, &change, true, at(0)).unwrap().end, Some(at(30)));
        let too_long = to(TermKind::Subscription, Some(5_001), None);
        assert!(matches!(change_term(Term::PERPETUAL, &too_long, true, at(0)), Err(Refusal::OutOfRange { .. })));
        let without_days = to(TermKind::Subscription, None, None);
        assert!(matches!(change_term(Term::PERPETUAL, &without_days, true, at(0)), Err(Refusal::Missing { .. })));
    }

    #[test]
    fn an_extension_adds_to_the_end_or_to_the_present_if_that_is_later() {
        let running = Term { end: Some(at(10)), ..SUBSCRIPTION };
        let change = to(TermKind::Subscription, Some(5), None);
        let early = change_term(running, &change, true, at(3)).unwrap();
        assert_eq!((early.days, early.end), (15, Some(at(15))));
        let late = change_term(running, &change, true, at(20)).unwrap();
        assert_eq!((late.days, late.end), (15, Some(at(25))));
        let too_long = to(TermKind::Subscription, Some(1_001), None);
        assert!(change_term(running, &too_long, true, at(3)).is_err());
        let nothing = to(TermKind::Subscription, None, None);
        assert_eq!(change_term(running, &nothing, true, at(3)), Ok(running));
        let cleared = to(TermKind::Subscription, None, Some(None));
        assert_eq!(change_term(running, &cleared, true, at(3)).unwrap().end, None);
    }

    #[test]
    fn a_change_to_perpetual_forgets_days_and_end() {
        let running = Term { end: Some(at(10)), ..SUBSCRIPTION };
        let change = to(TermKind::Perpetual, Some(0), None);
        assert_eq!(change_term(running, &change, true, at(3)), Ok(Term::PERPETUAL));
    }

    #[test]
    fn an_expiring_license_always_has_an_end() {
        let expiring = Term { kind: TermKind::Expiring, days: 0, end: Some(at(9)) };
        assert!(change_term(SUBSCRIPTION, &to(TermKind::Expiring, None, None), true, at(0)).is_err());
        assert!(change_term(expiring, &to(TermKind::Expiring, None, Some(None)), true, at(0)).is_err());
        assert_eq!(change_term(expiring, &to(TermKind::Expiring, None, None), true, at(0)), Ok(expiring));
        let moved = change_term(expiring, &to(TermKind::Expiring, Some(7), Some(Some(at(12)))), true, at(0)).unwrap();
        assert_eq!((moved.days, moved.end), (0, Some(at(12))));
    }

    #[test]
    fn a_lease_ends_with_its_term_at_the_latest() {
        let mut terms = Terms { online_lease_hours: 48, ..Terms::default() };
        assert_eq!(terms.lease_end(LeaseForm::Online, at(0)), Some(at(2)));
        assert_eq!(terms.lease_end(LeaseForm::Virtual, at(0)), None);
        terms.term = Term { kind: TermKind::Expiring, days: 0, end: Some(at(1)) };
        assert_eq!(terms.lease_end(LeaseForm::Online, at(0)), Some(at(1)));
        assert_eq!(terms.lease_end(LeaseForm::Virtual, at(0)), Some(at(1)));
    }

    #[test]
    fn the_change_to_network_needs_seats_and_beat_with_it() {
        let change = TermsChange { concurrency: Some(Concurrency::Network), ..TermsChange::default() };
        assert!(change.apply(&Terms::default(), false, at(0)).is_err());
        let complete = TermsChange { network_seats: Some(1), heartbeat_minutes: Some(5), ..change };
        assert_eq!(complete.apply(&Terms::default(), false, at(0)).unwrap().network_seats, 1);
        let fast = TermsChange { heartbeat_minutes: Some(4), ..complete };
        assert!(fast.apply(&Terms::default(), false, at(0)).is_err());
    }
}
