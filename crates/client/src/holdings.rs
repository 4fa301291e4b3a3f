//! What an activated device holds besides its license: seats, elements, tokens. And what it reports about itself.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::Error;
use crate::http::{With, segment};
use crate::license::License;
use crate::wire::Anything;

/// How much of a feature is held, after a change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Holding {
    /// The feature's code.
    pub feature: String,
    /// By this activation.
    pub held: i64,
    /// By all activations of the license, if the server says so.
    pub used: Option<i64>,
    /// In all; `None` = no limit.
    pub limit: Option<i64>,
    /// Tokens used up for good.
    pub consumed: Option<i64>,
}

impl License {
    /// Sees to it that this device holds that many floating seats in all, until they are returned. Asking twice changes
    /// nothing. For a program that may run in several copies, [`License::hold_seats`] adds up what each of them holds.
    pub fn check_out_seat(&self, feature: &str, seats: u32) -> Result<Holding, Error> {
        self.post("/seats", &json!({"feature": feature, "seats": seats}))
    }

    /// Gives back all floating seats of the feature.
    pub fn return_seat(&self, feature: &str) -> Result<Holding, Error> {
        let (path, secret) = self.authorized("/seats")?;
        self.server.delete(&format!("{path}/{}", segment(feature)), &secret)
    }

    /// Draws elements from a pool; a negative amount puts them back.
    pub fn draw_elements(&self, feature: &str, amount: i64) -> Result<Holding, Error> {
        self.post("/elements", &json!({"feature": feature, "amount": amount}))
    }

    /// Checks out tokens, until they are returned. [`License::hold_tokens`] returns them by itself.
    pub fn check_out_tokens(&self, feature: &str, amount: u32) -> Result<Holding, Error> {
        self.post("/tokens", &json!({"feature": feature, "check_out": amount}))
    }

    /// Gives tokens back; `consumed` of those that were held are used up instead and do not come back.
    pub fn return_tokens(&self, feature: &str, amount: u32, consumed: u32) -> Result<Holding, Error> {
        self.post("/tokens", &json!({"feature": feature, "return": amount, "consumed": consumed}))
    }

    /// Reports facts about the device, as a JSON object. Replaces what was reported before.
    pub fn report_system(&self, facts: &Value) -> Result<(), Error> {
        let (path, secret) = self.authorized("/system")?;
        self.server.put::<Anything>(&path, With::secret(&secret), facts).map(drop)
    }

    /// Reports who uses the program, as a JSON object.
    pub fn report_consumer(&self, consumer: &Value) -> Result<(), Error> {
        self.post::<Anything>("/consumer", consumer).map(drop)
    }

    pub(crate) fn post<T: DeserializeOwned>(&self, below: &str, body: &Value) -> Result<T, Error> {
        self.post_as(below, None, body)
    }

    /// Posts under an idempotency key that the caller keeps.
    pub(crate) fn post_as<T: DeserializeOwned>(
        &self,
        below: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Result<T, Error> {
        let (path, secret) = self.authorized(below)?;
        self.server.post(&path, With { key, ..With::secret(&secret) }, body)
    }
}
