//! Getting a license onto the device, and giving it back.

use lessor_lease::{Document, KeyRole, Lease};

use crate::error::Error;
use crate::http::{With, segment};
use crate::license::{License, Status, check_mine, own_key};
use crate::state::{Backoff, Held, Seen, State};
use crate::wire;

impl License {
    /// Activates a license by its code. Asking again for the license that is held is no error and takes no second
    /// place; a trial is replaced.
    pub fn activate(&self, code: &str) -> Result<Status, Error> {
        self.start(Some(code), None, None)
    }

    /// Activates a license by its code for a long time without the server: a long-term check-out, for so many days, of a
    /// license that allows it. The place is taken until then, renewed or not.
    pub fn activate_for_days(&self, code: &str, days: u32) -> Result<Status, Error> {
        self.start(Some(code), None, Some(days))
    }

    /// Activates the license that an end user has a right to. The password is sent and not kept. Signing in again as the
    /// same user takes no second place; a trial is replaced. [`License::return_license`] signs out.
    pub fn sign_in(&self, user_name: &str, password: &str) -> Result<Status, Error> {
        self.start(None, Some(wire::EndUser { user_name, password }), None)
    }

    /// Starts a trial.
    pub fn start_trial(&self) -> Result<Status, Error> {
        self.start(None, None, None)
    }

    /// Gives the license back to the server and forgets it here, after sending what waits. Without a connection it is kept;
    /// [`License::return_offline`] is for that case.
    pub fn return_license(&self) -> Result<(), Error> {
        let (path, secret) = self.authorized("")?;
        let _ = self.send_events(); // After the return nobody takes them; a lost event is no reason to keep a license.
        match self.send_usage() {
            // What was counted may be billed: as long as the server can take it, it goes before the license.
            Err(error) if error.is_passing() => return Err(error),
            _ => {}
        }
        match self.server.delete::<wire::Anything>(&path, &secret) {
            Ok(_) => {}
            // The answer to an earlier attempt got lost, or somebody else was quicker.
            Err(Error::Refused(refusal)) if refusal.is_returned() => {}
            Err(error) => return Err(error),
        }
        self.forget(&path)
    }

    fn start(
        &self,
        code: Option<&str>,
        end_user: Option<wire::EndUser<'_>>,
        lease_days: Option<u32>,
    ) -> Result<Status, Error> {
        let state = self.store.read()?;
        let name = end_user.as_ref().map(|user| user.user_name.to_owned());
        let same_user = name.is_some() && state.held.as_ref().is_some_and(|held| held.end_user == name);
        if !same_user {
            may_replace(self.readable_lease(&state)?.as_ref(), code)?;
        }
        self.learn_product(&state)?;
        let instance = self.config.instance.as_deref();
        let key = if instance.is_none() { Some(own_key(&state)?.public_key().to_hex()) } else { None };
        let request = wire::Activate {
            product: &self.config.product,
            code,
            end_user,
            lease_days,
            device: wire::Device {
                id: self.config.device.as_deref().unwrap_or(&state.device),
                instance,
                key,
                name: &self.config.device_name,
                virtual_platform: self.config.virtual_platform.as_deref(),
            },
            user: &self.config.user,
        };
        let answer: wire::Activation = self.server.post("activations", With::default(), &request)?;
        let before = state.number_of(&answer.activation);
        self.take(&answer, before, |_| Ok(()))?;
        if name.is_some() {
            self.store.update(|state| {
                if let Some(held) = state.held.as_mut().filter(|held| held.activation == answer.activation) {
                    held.end_user = name;
                }
                Ok(())
            })?;
        }
        self.status()
    }

    /// Verifies a lease that came as an answer just now, and keeps it. `before` is the highest number that was known
    /// when the question was asked; `wanted` is a last look at the state under its lock.
    pub(crate) fn take(
        &self,
        answer: &wire::Activation,
        before: u64,
        wanted: impl FnOnce(&State) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let document = Document::parse(&answer.document)?;
        let (lease, role) = self.open_fresh(&document)?;
        self.store.update(|state| {
            wanted(state)?;
            check_mine(state, &lease)?;
            if lease.activation != answer.activation {
                return Err(Error::ForeignLease("activation"));
            }
            if lease.number < before {
                return Err(Error::OldLease { number: lease.number, latest: before });
            }
            let latest = state.number_of(&lease.activation);
            if lease.number < latest {
                return Ok(()); // Another copy of the program has renewed meanwhile.
            }
            let clock = self.config.clock.now();
            if lease.number > latest && role == KeyRole::Product {
                state.time.learn_now(clock, lease.issued_at);
            } else {
                state.time.learn_not_before(clock, lease.issued_at);
            }
            let secret = answer.secret.clone().or_else(|| known_secret(state, &lease.activation));
            if secret.is_none() {
                return Err(Error::BadAnswer("the activation has no secret".to_owned()));
            }
            keep(state, &lease, &document, secret, clock);
            Ok(())
        })
    }

    /// Path and secret of the calls that an activated device makes; `below` comes after the activation's id.
    pub(crate) fn authorized(&self, below: &str) -> Result<(String, String), Error> {
        let state = self.store.read()?;
        let held = state.held.as_ref().ok_or(Error::NotActivated)?;
        let secret = held.secret.clone().ok_or(Error::OfflineActivation)?;
        Ok((format!("activations/{}{below}", segment(&held.activation)), secret))
    }

    /// Forgets the license that is held, if it is still the one of that path.
    pub(crate) fn forget(&self, path: &str) -> Result<(), Error> {
        self.store.update(|state| {
            if state.held.as_ref().is_some_and(|held| path.ends_with(&segment(&held.activation))) {
                state.held = None;
                state.backoff = Backoff::default();
                state.unanswered = None;
            }
            Ok(())
        })
    }

    /// The lease that is held; none if it is there but worth nothing, so that a new activation mends it.
    pub(crate) fn readable_lease(&self, state: &State) -> Result<Option<Lease>, Error> {
        match self.held_lease(state) {
            Err(Error::Document(_) | Error::ForeignLease(_) | Error::NoKeys) => Ok(None),
            lease => lease,
        }
    }
}

/// Makes the lease the one that is held.
pub(crate) fn keep(state: &mut State, lease: &Lease, document: &Document, secret: Option<String>, clock: i64) {
    let end_user = state.held.as_ref().filter(|held| held.activation == lease.activation);
    state.held = Some(Held {
        activation: lease.activation.clone(),
        secret,
        document: document.to_string(),
        end_user: end_user.and_then(|held| held.end_user.clone()),
        taken_at: state.time.at_least(clock),
    });
    state.seen = Some(Seen { activation: lease.activation.clone(), number: lease.number });
    state.product_id.get_or_insert_with(|| lease.product.clone());
    state.backoff = Backoff::default();
    state.unanswered = None;
    state.proof = None;
}

fn known_secret(state: &State, activation: &str) -> Option<String> {
    state.held.as_ref().filter(|held| held.activation == activation)?.secret.clone()
}

/// A license that is held has a place on the server; replacing it here would leave that place taken.
pub(crate) fn may_replace(held: Option<&Lease>, code: Option<&str>) -> Result<(), Error> {
    let Some(license) = held.and_then(|lease| lease.license.as_deref()) else { return Ok(()) };
    let same = code.is_some_and(|code| letters(code).eq(letters(license)));
    if same { Ok(()) } else { Err(Error::AlreadyActivated) }
}

/// A code as people mean it, without the dashes and in one case.
fn letters(code: &str) -> impl Iterator<Item = char> {
    code.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}
