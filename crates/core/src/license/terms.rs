//! License terms: how long, how many, how concurrent — the same for a product's defaults, a profile and a license.

use super::term::{Term, TermChange, TermKind, change_term};
use crate::clock::Timestamp;
use crate::error::{Error, Refusal};
use lessor_db::{FromColumn, Row, StoreError, Value, ValueRef};

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

from_word!(Concurrency);

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
            (TermKind::Subscription, _) | (TermKind::Trial, None) => {
                in_range("term_days", self.term.days, 1, MOST).map(|_| ())?
            }
            (TermKind::Expiring | TermKind::Trial | TermKind::Perpetual, _) => {}
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
