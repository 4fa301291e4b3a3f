//! Activating and returning by documents that people carry.

use lessor_lease::{Document, OfflineRequest, ReturnProof, VERSION, to_hex};
use serde_json::Value;

use crate::activate::{keep, may_replace};
use crate::error::Error;
use crate::license::{License, Status, check_mine, own_key};
use crate::random;
use crate::state::{Backoff, Receipt};

/// How long after an offline request its answer is accepted, in seconds: 14 days.
pub const REQUEST_OPEN_SECONDS: i64 = 14 * 86_400;

impl License {
    /// Writes a request for a license (or a trial, without a code) that somebody carries to the server. `system` and
    /// `consumer` go along as reports. A new request replaces the one that was open; only its answer will be accepted.
    pub fn offline_request(
        &self,
        code: Option<&str>,
        system: Option<Value>,
        consumer: Option<Value>,
    ) -> Result<String, Error> {
        if self.config.instance.is_some() {
            return Err(Error::BadConfig("an instance has no key of its own and cannot be licensed through files"));
        }
        let request = to_hex(&random::bytes::<16>()?);
        self.store.update(|state| {
            may_replace(self.readable_lease(state)?.as_ref(), code)?;
            let key = own_key(state)?;
            let created = state.time.at_least(self.config.clock.now());
            let payload = OfflineRequest {
                v: VERSION,
                product: self.config.product.clone(),
                license: code.map(str::to_owned),
                device: state.device.clone(),
                device_key: key.public_key().to_hex(),
                user: self.config.user.clone(),
                request: request.clone(),
                created,
                device_name: self.config.device_name.clone(),
                system,
                consumer,
            };
            let document = payload.sign(&key)?;
            state.receipt = Some(Receipt { request, digest: document.digest(), created });
            Ok(document.to_string())
        })
    }

    /// Takes the answer to the open request. If the key that signed it is not known, the server is asked for it, and for
    /// who vouches for it; where that is not possible, the answer stays good for later.
    pub fn accept_answer(&self, text: &str) -> Result<Status, Error> {
        let document = Document::parse(text)?;
        self.learn_signer(&document)?;
        self.store.update(|state| {
            let receipt = state.receipt.as_ref().ok_or(Error::NoOpenRequest)?;
            let answer = self.open_answer(state, &document)?;
            if !answer.answers(&receipt.request, &receipt.digest) {
                return Err(Error::OtherRequest);
            }
            let clock = self.config.clock.now();
            if state.time.at_least(clock).saturating_sub(receipt.created) > REQUEST_OPEN_SECONDS {
                return Err(Error::RequestTooOld);
            }
            let lease = answer.lease;
            check_mine(state, &lease)?;
            if lease.device_key.is_none() {
                return Err(Error::ForeignLease("device")); // Files can be copied; the key cannot be left out.
            }
            may_replace(self.readable_lease(state)?.as_ref(), lease.license.as_deref())?;
            let latest = state.number_of(&lease.activation);
            if lease.number <= latest {
                return Err(Error::OldLease { number: lease.number, latest });
            }
            state.time.learn_not_before(clock, lease.issued_at);
            keep(state, &lease, &document, None, clock);
            state.receipt = None;
            Ok(())
        })?;
        self.status()
    }

    /// Destroys the license on this device and gives the proof of it, which somebody carries to the server. Asked again,
    /// it gives the same proof, until something else is activated.
    pub fn return_offline(&self) -> Result<String, Error> {
        self.store.update(|state| {
            let Some(held) = state.held.take() else {
                return state.proof.clone().ok_or(Error::NotActivated);
            };
            let proof = ReturnProof {
                v: VERSION,
                activation: held.activation.clone(),
                device: state.device.clone(),
                created: state.time.at_least(self.config.clock.now()),
                number: state.number_of(&held.activation),
            };
            let text = proof.sign(&own_key(state)?)?.to_string();
            state.unanswered = None;
            state.proof = Some(text.clone());
            state.backoff = Backoff::default();
            Ok(text) // Handed out only once the state without the license is on disk.
        })
    }
}
