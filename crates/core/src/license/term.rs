//! How long a right lasts, and what changes make of it.

use super::in_range;
use super::terms::from_word;
use crate::clock::Timestamp;
use crate::error::Refusal;
use lessor_db::{FromColumn, ValueRef};

/// What kind of right it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TermKind {
    /// Without end.
    Perpetual,
    /// A number of days from the first activation on.
    Subscription,
    /// Until a fixed date.
    Expiring,
    /// To try it out, for a number of days from when it is issued on or until a fixed date: never billed. A change to another
    /// kind makes it a full license.
    Trial,
}

impl TermKind {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            TermKind::Perpetual => "perpetual",
            TermKind::Subscription => "subscription",
            TermKind::Expiring => "expiring",
            TermKind::Trial => "trial",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        let kinds = [TermKind::Perpetual, TermKind::Subscription, TermKind::Expiring, TermKind::Trial];
        kinds.into_iter().find(|kind| kind.word() == word)
    }

    /// Is it paid for?
    pub fn is_billed(self) -> bool {
        self != TermKind::Trial
    }
}

from_word!(TermKind);

/// How long a right lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its kind.
    pub kind: TermKind,
    /// Days of a subscription, or of a trial that has no fixed end, all extensions included; 0 for the other kinds.
    pub days: i64,
    /// When it ends. A subscription has no end before its first activation, a trial none in a product or profile.
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
            TermKind::Trial if end.is_none() && days != 0 => {
                Ok(Self { kind, days: in_range("term_days", days, 1, 5_000)?, end: None })
            }
            TermKind::Expiring | TermKind::Trial => {
                Ok(Self { kind, days: 0, end: Some(end.ok_or(Refusal::Missing { field: "term_end" })?) })
            }
        }
    }

    /// Has it passed?
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    /// The term of a license, from one that products and profiles have too: a trial runs at once.
    pub fn issued(self, now: Timestamp) -> Self {
        match (self.kind, self.end) {
            (TermKind::Trial, None) => Self { end: Some(now.plus_days(self.days)), ..self },
            _ => self,
        }
    }

    /// The term once its license is activated: a subscription starts to run.
    pub fn started(self, now: Timestamp) -> Self {
        match (self.kind, self.end) {
            (TermKind::Subscription, None) => Self { end: Some(now.plus_days(self.days)), ..self },
            _ => self,
        }
    }

    /// The term with more days, counted from its end or from now, whichever is later.
    fn extended(self, days: i64, now: Timestamp) -> Result<Self, Refusal> {
        let days = in_range("term_days", days, 1, 1_000)?;
        let all = if self.days == 0 { 0 } else { self.days.saturating_add(days) };
        Ok(Self { days: all, end: self.end.map(|end| end.max(now).plus_days(days)), ..self })
    }
}

/// A change of a term. A kind given again with days extends a subscription or a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermChange {
    /// The kind from now on.
    pub kind: TermKind,
    /// Days of a new subscription or trial (1 to 5000), or days to add to one (1 to 1000).
    pub days: Option<i64>,
    /// The end of an expiring license or a trial; `Some(None)` clears the end of another.
    pub end: Option<Option<Timestamp>>,
}

/// What a change makes of a term: the table of `docs/architecture.md`, "Where the rules are".
pub fn change_term(term: Term, change: &TermChange, started: bool, now: Timestamp) -> Result<Term, Refusal> {
    let cleared = matches!(change.end, Some(None));
    let same_kind = term.kind == change.kind;
    match change.kind {
        TermKind::Perpetual => Ok(Term::PERPETUAL),
        TermKind::Subscription if same_kind => {
            let term = if cleared { Term { end: None, ..term } } else { term };
            change.days.map_or(Ok(term), |days| term.extended(days, now))
        }
        TermKind::Subscription => {
            let days = change.days.ok_or(Refusal::Missing { field: "term_days" })?;
            let days = in_range("term_days", days, 1, 5_000)?;
            Ok(Term { kind: TermKind::Subscription, days, end: started.then(|| now.plus_days(days)) })
        }
        TermKind::Expiring | TermKind::Trial if cleared => {
            let reason = "an expiring license and a trial have an end".into();
            Err(Refusal::Malformed { field: "term_end", reason })
        }
        TermKind::Trial if same_kind && change.end.is_none() => {
            change.days.map_or(Ok(term), |days| term.extended(days, now))
        }
        TermKind::Trial => Term::new(change.kind, change.days.unwrap_or(0), change.end.flatten()),
        TermKind::Expiring => {
            let end = change.end.flatten().or(term.end.filter(|_| same_kind));
            Ok(Term { kind: change.kind, days: 0, end: Some(end.ok_or(Refusal::Missing { field: "term_end" })?) })
        }
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
    fn a_trial_runs_from_when_it_is_issued_for_its_days_or_until_its_end() {
        let days = Term::new(TermKind::Trial, 30, None).unwrap();
        assert_eq!((days.end, days.issued(at(2)).end, days.started(at(2)).end), (None, Some(at(32)), None));
        assert_eq!(days.issued(at(2)).issued(at(9)).end, Some(at(32)));
        let fixed = Term::new(TermKind::Trial, 30, Some(at(9))).unwrap();
        assert_eq!((fixed.days, fixed.issued(at(2)).end), (0, Some(at(9))));
        assert!(matches!(Term::new(TermKind::Trial, 0, None), Err(Refusal::Missing { field: "term_end" })));
        assert!(matches!(Term::new(TermKind::Trial, 5_001, None), Err(Refusal::OutOfRange { .. })));
        assert!(matches!(Term::new(TermKind::Trial, -1, None), Err(Refusal::OutOfRange { .. })));
    }

    #[test]
    fn a_trial_is_extended_moved_or_made_a_full_license() {
        let trial = Term { kind: TermKind::Trial, days: 30, end: Some(at(30)) };
        let to_trial = |days, end| to(TermKind::Trial, days, end);
        let change = |term, change: TermChange| change_term(term, &change, false, at(40)).unwrap();
        assert_eq!(change(trial, to_trial(Some(10), None)), Term { days: 40, end: Some(at(50)), ..trial });
        assert_eq!(change(trial, to_trial(None, None)), trial);
        assert_eq!(change(trial, to_trial(None, Some(Some(at(60))))), Term { days: 0, end: Some(at(60)), ..trial });
        assert!(change_term(trial, &to_trial(None, Some(None)), false, at(40)).is_err());
        assert_eq!(change(Term::PERPETUAL, to_trial(Some(7), None)).issued(at(40)).end, Some(at(47)));
        assert_eq!(change(trial, to(TermKind::Perpetual, None, None)), Term::PERPETUAL);
        let ends = change(trial, to(TermKind::Expiring, None, Some(Some(at(90)))));
        assert_eq!((ends.kind, ends.days, ends.end), (TermKind::Expiring, 0, Some(at(90))));
        assert!(change_term(trial, &to(TermKind::Expiring, None, None), false, at(40)).is_err());
    }
}
