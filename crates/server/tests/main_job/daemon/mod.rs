//! Daemons on local networks: the program from outside, enrolled over the network and by files.

mod life;
mod month;
mod network;

use crate::program::{Answer, Demo, call, lessor};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// A product with a license for two daemons of so many seats each, and the master license for those daemons.
pub struct Sold {
    pub product: String,
    pub code: String,
    pub license: String,
    pub master: String,
}

pub const BEAT_MINUTES: i64 = 60;

impl Sold {
    /// `native` calls the native API of whatever server there is.
    pub fn make(native: &dyn Fn(&str, &str, Option<Value>) -> Answer, seats: i64, hours: i64) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let product = json!({
            "name": "Shared Paint",
            "features": [{"code": "FLOAT", "name": "Floating", "kind": "floating", "enabled": true, "limit": 8}],
            "values": [{"name": "edition", "value": "studio"}],
        });
        let product = text(&native("POST", "/v1/products", Some(product)).ok()["id"]);
        let issue = |role: &str, terms: Value| {
            let new = json!({"product": product, "generate": 1, "role": role});
            let issued = native("POST", "/v1/licenses", Some(new)).ok()["licenses"][0].clone();
            let path = format!("/v1/licenses/{}", issued["id"].as_str().expect("an id"));
            native("PATCH", &path, Some(json!({ "terms": terms }))).ok();
            (text(&issued["id"]), text(&issued["code"]))
        };
        let network = json!({"activation_limit": 2, "concurrency": "network", "network_seats": seats,
            "heartbeat_minutes": BEAT_MINUTES});
        let (license, code) = issue("standard", network);
        let (_, master) = issue("network_master", json!({"activation_limit": 2, "offline_lease_hours": hours}));
        Self { product, code, license, master }
    }

    /// The command of a daemon with a folder of its own.
    pub fn daemon(&self, folder: &Path) -> Command {
        let mut command = lessor();
        command.args(["daemon", "--product", &self.product, "--license", &self.master, "--log-level", "warn"]);
        command.arg("--data").arg(folder);
        command
    }
}

/// A client that asks for a seat.
pub fn activate(url: &str, sold: &Sold, device: &str) -> Answer {
    let body = json!({"product": sold.product, "code": sold.code, "device": {"id": device}});
    call(url, "POST", "/device/v1/activations", None, Some(&body.to_string()))
}

/// Everything that the server's journal has of a daemon's records, in the order in which it came.
pub fn records(native: &dyn Fn(&str, &str, Option<Value>) -> Answer, daemon: &str) -> Vec<Value> {
    let mut records = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = native("GET", &format!("/v1/events?subject={daemon}&limit=100{cursor}"), None).ok();
        records.extend(page["items"].as_array().expect("a page").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    records.retain(|event| event["data"]["sequence"].is_i64());
    records
}

/// Asks again and again until something is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("a minute later still not: {what}");
}

/// The daemons that a server knows, oldest first.
pub fn daemons(native: &dyn Fn(&str, &str, Option<Value>) -> Answer) -> Vec<Value> {
    native("GET", "/v1/daemons", None).ok()["items"].as_array().expect("a page").clone()
}

impl Demo {
    /// The native API as a function.
    pub fn by_native(&self) -> impl Fn(&str, &str, Option<Value>) -> Answer + '_ {
        |verb, path, body| self.native(verb, path, body)
    }
}
