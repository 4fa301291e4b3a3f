//! Renewing in time, without all devices coming at once and without hammering a server that is down.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use lessor_lease::Lease;
use serde_json::json;

use crate::error::Error;
use crate::http::{With, new_key};
use crate::license::{License, Status};
use crate::random;
use crate::state::{State, Unanswered};
use crate::time::{Now, rfc3339, set_back};
use crate::wire;

/// The longest that a renewal is put off to spread devices out, in seconds.
const WIDEST_SPREAD: i64 = 3_600;
/// The pause after a first failed renewal and the longest pause, in seconds.
const FIRST_PAUSE: i64 = 60;
const LONGEST_PAUSE: i64 = 6 * 3_600;

/// What [`License::renew_if_due`] did.
#[derive(Debug)]
pub enum Renewal {
    /// Nothing: it is not time yet, or the license was activated offline.
    NotDue,
    /// There is a new lease.
    Renewed,
    /// The server could not be asked. The lease that is held goes on; the next try comes later.
    Postponed(Error),
}

impl License {
    /// Asks the server for the next lease now, and reports a clock that was set back. If that fails, the lease that is held
    /// works on until it ends, except when the server says that the activation was returned: then it is forgotten here
    /// too. Copies of the program take turns; one that had to wait for another is content with the lease that this got.
    pub fn renew(&self) -> Result<Status, Error> {
        let asked = self.store.read()?;
        let _turn = self.store.lock("renewal.lock")?;
        let (path, secret) = self.authorized("")?;
        let question = self.question()?;
        let (activation, before) = (question.activation, question.number);
        if before > asked.number_of(&activation) {
            return self.status();
        }
        let with = With { key: Some(&question.key), ..With::secret(&secret) };
        let answer = self.server.post(&format!("{path}/renew"), with, &question.body);
        let taken = self.unless_returned(&path, answer).and_then(|answer: wire::Activation| {
            self.take(&answer, before, |state| match &state.held {
                Some(held) if held.activation == activation && answer.activation == activation => Ok(()),
                Some(_) => Err(Error::ForeignLease("activation")),
                None => Err(Error::NotActivated), // Returned by another copy of the program meanwhile.
            })
        });
        match taken {
            Ok(()) if question.body.get("clock_set_back").is_some() => self.change(|state| state.set_back = None)?,
            Ok(()) => {}
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => {
                self.change(|state| state.unanswered = None)?; // The answer was seen; the next question is another one.
                return Err(error);
            }
        }
        self.status()
    }

    /// Tells the server that the program is still there, so that its place and seats stay its own. Much cheaper than a
    /// renewal, and no substitute: the lease ends when it ends.
    pub fn heartbeat(&self) -> Result<(), Error> {
        let (path, secret) = self.authorized("")?;
        let answer =
            self.server.post::<wire::Anything>(&format!("{path}/heartbeat"), With::secret(&secret), &json!({}));
        self.unless_returned(&path, answer).map(drop)
    }

    /// An activation that was returned elsewhere is forgotten here too.
    fn unless_returned<T>(&self, path: &str, answer: Result<T, Error>) -> Result<T, Error> {
        if matches!(&answer, Err(Error::Refused(refusal)) if refusal.is_returned()) {
            self.forget(path)?;
        }
        answer
    }

    /// The renewal to send: the one whose answer got lost, or a new one, which is kept until its answer is there.
    fn question(&self) -> Result<Unanswered, Error> {
        let clock = self.config.clock.now();
        let key = new_key()?;
        self.store.update(|state| {
            let activation = state.held.as_ref().ok_or(Error::NotActivated)?.activation.clone();
            let number = state.number_of(&activation);
            let same = state.unanswered.as_ref().filter(|sent| sent.activation == activation && sent.number == number);
            if let Some(sent) = same {
                return Ok(sent.clone());
            }
            let mut body = json!({"number": number});
            if let Some(back) = state.set_back.or_else(|| set_back(&state.time, clock)) {
                body["clock_set_back"] = json!({"seen": rfc3339(back.seen), "now": rfc3339(back.now)});
            }
            let question = Unanswered { activation, number, key, body };
            state.unanswered = Some(question.clone());
            Ok(question)
        })
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> Result<(), Error> {
        self.store.update(|state| {
            change(state);
            Ok(())
        })
    }

    /// Renews if it is time to. Meant to be called at start and every few minutes. Each device puts its renewal off by
    /// its own share of up to a tenth of the time between `renew_after` and `expires_at`, an hour at most. After a
    /// failure it waits a minute, then twice as long each time up to six hours, unless the program stands still for want
    /// of a lease. Fails if the server refuses, not if it cannot be reached.
    pub fn renew_if_due(&self) -> Result<Renewal, Error> {
        let state = self.store.read()?;
        let lease = self.held_lease(&state)?.ok_or(Error::NotActivated)?;
        if state.held.as_ref().is_none_or(|held| held.secret.is_none()) {
            return Ok(Renewal::NotDue);
        }
        let clock = self.config.clock.now();
        if self.judge(&state, &lease).may_run() {
            let Now::Steady(now) = state.time.now(clock) else { return self.try_renewal(clock) };
            // A try that is far off was set by a clock that has been mended since.
            let waiting = (1..=2 * LONGEST_PAUSE).contains(&state.backoff.next_try.saturating_sub(now));
            if waiting || !is_due(&lease, now) {
                return Ok(Renewal::NotDue);
            }
        }
        self.try_renewal(clock)
    }

    /// Does what is left to do at the server: gives back seats and tokens that a crashed copy of the program held, and
    /// sends the events and the usage that wait. Goes along with renewals; call it at start if that is not often enough.
    pub fn tidy(&self) -> Result<(), Error> {
        self.return_left_over()?;
        self.send_events()?;
        self.send_usage().map(drop)
    }

    fn try_renewal(&self, clock: i64) -> Result<Renewal, Error> {
        match self.renew() {
            Ok(_) => {
                let _ = self.tidy(); // The server is there. What fails now is done another time.
                Ok(Renewal::Renewed)
            }
            Err(error) if error.is_passing() => {
                self.store.update(|state| {
                    state.backoff.failures = state.backoff.failures.saturating_add(1);
                    let pause = pause_after(state.backoff.failures);
                    state.backoff.next_try = state.time.at_least(clock).saturating_add(pause);
                    Ok(())
                })?;
                Ok(Renewal::Postponed(error))
            }
            Err(error) => Err(error),
        }
    }
}

/// Is it this device's moment to renew?
fn is_due(lease: &Lease, now: i64) -> bool {
    let Some(after) = lease.renew_after else {
        return lease.expires_at.is_some_and(|end| end <= now);
    };
    let room = lease.expires_at.map_or(0, |end| end.saturating_sub(after));
    let spread = (room / 10).clamp(0, WIDEST_SPREAD);
    now >= after.saturating_add(share(lease) % (spread + 1))
}

/// A number that differs from device to device and stays the same from call to call.
fn share(lease: &Lease) -> i64 {
    let mut hasher = DefaultHasher::new();
    (&lease.activation, &lease.device, lease.number).hash(&mut hasher);
    i64::from(hasher.finish() as u32)
}

fn pause_after(failures: u32) -> i64 {
    let doubled = FIRST_PAUSE << failures.saturating_sub(1).min(16);
    let pause = Duration::from_secs(doubled.min(LONGEST_PAUSE).unsigned_abs());
    i64::try_from(random::varied(pause).as_secs()).unwrap_or(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use lessor_lease::{Concurrency, LeaseKind, Mode};

    use super::*;

    fn lease(device: &str) -> Lease {
        Lease {
            v: 1,
            issuer: String::new(),
            tenant: String::new(),
            product: String::new(),
            license: None,
            activation: "act_1".to_owned(),
            device: device.to_owned(),
            device_key: None,
            user: String::new(),
            number: 1,
            kind: LeaseKind::Online,
            mode: Mode::Enforce,
            concurrency: Concurrency::Off,
            issued_at: 0,
            not_before: 0,
            renew_after: Some(10_000),
            expires_at: Some(20_000),
            grace_until: None,
            term_end: None,
            maintenance_end: None,
            processes: 0,
            features: Vec::new(),
            values: Default::default(),
            functions: Default::default(),
        }
    }

    #[test]
    fn devices_renew_within_a_tenth_of_the_room_and_not_all_at_once() {
        let moments: Vec<i64> =
            (0..50).map(|n| (10_000..).find(|now| is_due(&lease(&format!("device-{n}")), *now)).unwrap()).collect();
        assert!(!is_due(&lease("device-0"), 9_999));
        assert!(moments.iter().all(|moment| (10_000..=11_000).contains(moment)), "{moments:?}");
        assert!(moments.iter().any(|moment| *moment < 10_400) && moments.iter().any(|moment| *moment > 10_600));
    }

    #[test]
    fn a_lease_that_need_not_be_renewed_is_due_only_at_its_end() {
        let mut lease = lease("device");
        lease.renew_after = None;
        assert!(!is_due(&lease, 19_999));
        assert!(is_due(&lease, 20_000));
        lease.expires_at = None;
        assert!(!is_due(&lease, i64::MAX));
    }

    #[test]
    fn pauses_double_up_to_six_hours() {
        for (failures, seconds) in [(1, 60), (2, 120), (3, 240), (9, 15_360), (10, 21_600), (u32::MAX, 21_600)] {
            let pause = pause_after(failures);
            assert!(pause >= seconds * 3 / 4 - 1 && pause <= seconds * 5 / 4, "{failures}: {pause}");
        }
    }
}
