//! What a harness works on: an API key, a product with seats and tokens, and licenses with small limits.

use crate::http::{Call, Connection};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// How long the harness itself waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The feature with floating seats.
pub const SEATS: &str = "SEATS";
/// The feature with tokens.
pub const TOKENS: &str = "TOKENS";

/// The limits of every license of a world.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Places for activations.
    pub places: i64,
    /// Floating seats.
    pub seats: i64,
    /// Tokens that are not used up.
    pub tokens: i64,
}

/// A license.
#[derive(Clone, Debug)]
pub struct License {
    /// Its id.
    pub id: String,
    /// Its code.
    pub code: String,
}

/// What a harness works on.
#[derive(Clone, Debug)]
pub struct World {
    /// A key that may do everything.
    pub key: String,
    /// The product's id.
    pub product: String,
    /// Its licenses.
    pub licenses: Vec<License>,
    /// The limits of each.
    pub limits: Limits,
}

impl World {
    /// Makes it on a server whose storage is new. Every second license lets leases hold the places.
    pub fn make(address: SocketAddr, link: Option<&str>, licenses: usize, limits: Limits) -> anyhow::Result<Self> {
        let mut line = Connection::new(address, PATIENCE);
        let link = link.context("the server gave no sign-in link")?;
        let redeem = json!({"token": link, "password": "nobody guesses this sentence"});
        let session = line.ok(&Call::new("POST", "/v1/sign-in-links/redeem", "").with(redeem))?;
        let session = text(&session, "token")?;
        let key = line.ok(&Call::new("POST", "/v1/api-keys", &session).with(json!({"label": "torture"})))?;
        let key = text(&key, "key")?;
        let product = json!({
            "name": "Tortured",
            "terms": {"activation_limit": limits.places, "online_lease_hours": 24},
            "features": [
                {"code": SEATS, "name": "Seats", "kind": "floating", "enabled": true, "limit": limits.seats},
                {"code": TOKENS, "name": "Tokens", "kind": "tokens", "enabled": true},
            ],
        });
        let product = text(&line.ok(&Call::new("POST", "/v1/products", &key).with(product))?, "id")?;
        let issue = json!({"product": product, "generate": licenses});
        let issued = line.ok(&Call::new("POST", "/v1/licenses", &key).with(issue))?;
        let issued = issued["licenses"].as_array().context("licenses")?;
        let licenses: anyhow::Result<Vec<License>> =
            issued.iter().map(|one| Ok(License { id: text(one, "id")?, code: text(one, "code")? })).collect();
        let world = Self { key, product, licenses: licenses?, limits };
        for (number, license) in world.licenses.iter().enumerate() {
            world.set_tokens(&mut line, license, limits.tokens)?;
            if number % 2 == 1 {
                let cloud = json!({"terms": {"concurrency": "cloud"}});
                line.ok(&world.call("PATCH", format!("/v1/licenses/{}", license.id)).with(cloud))?;
            }
        }
        Ok(world)
    }

    /// A call with the key.
    pub fn call(&self, method: &'static str, path: impl Into<String>) -> Call {
        Call::new(method, path, &self.key)
    }

    /// An activation of a license by a device.
    pub fn activate(&self, license: &License, device: &str) -> Call {
        let body = json!({"product": self.product, "code": license.code, "device": {"id": device}});
        Call::new("POST", "/device/v1/activations", "").with(body)
    }

    /// Says how many tokens a license has, used up ones included.
    pub fn set_tokens(&self, line: &mut Connection, license: &License, limit: i64) -> anyhow::Result<()> {
        let path = format!("/v1/licenses/{}/tokens/{TOKENS}", license.id);
        line.ok(&self.call("PUT", path).with(json!({ "limit": limit }))).map(|_| ())
    }
}

/// A member of an answer that must be there.
pub fn text(answer: &Value, member: &str) -> anyhow::Result<String> {
    let value = answer[member].as_str().with_context(|| format!("no {member} in {answer}"))?;
    Ok(value.to_owned())
}
