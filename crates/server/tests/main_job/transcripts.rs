//! The dialect's transcripts, replayed against the running server.

use crate::program::{Demo, READ_WRITE, call};
use lessor_core::Timestamp;
use lessor_testkit::Engine;
use serde_json::json;
use std::collections::HashMap;

#[path = "../../../dialects/zentitle/tests/zentitle/transcript.rs"]
mod transcript;

/// What a key of each type carries.
const KEYS: [(&str, &[&str]); 5] = [
    (
        "WebAPI READ-ONLY",
        &["zentitle:read", "accounts:read", "catalog:read", "licenses:read", "licenses:acquire", "groups:read"],
    ),
    ("WebAPI READ-WRITE", &READ_WRITE),
    ("WebAPI Offline", &["zentitle:offline", "offline:write"]),
    ("WebAPI DS", &["zentitle:stream", "stream:read", "stream:write"]),
    ("SaaS", &["zentitle:saas"]),
];

/// A tenant of a running server, with a key of each type.
struct Tenant<'a> {
    demo: &'a Demo,
    vendor: String,
    keys: HashMap<&'static str, String>,
}

impl<'a> Tenant<'a> {
    fn open(demo: &'a Demo) -> Self {
        let vendor = demo.vendor("Transcripts", "9876", "64533");
        let keys = KEYS.iter().map(|(kind, scopes)| (*kind, demo.key(&vendor, scopes))).collect();
        Self { demo, vendor, keys }
    }
}

impl transcript::Host for Tenant<'_> {
    async fn send(&self, key: &str, verb: &str, address: &str, body: &str) -> (u16, String) {
        let authorization = format!("bearer 9876:{}", self.keys[key]);
        let answer = call(&self.demo.url, verb, &format!("/api/v2/{address}"), Some(&authorization), Some(body));
        (answer.status, answer.text)
    }

    async fn activate(&self, product: &str, code: Option<&str>, computer: &str) {
        let products = self.demo.native("GET", &format!("/v1/products?limit=100&vendor={}", self.vendor), None).ok();
        let named = |id: &str| {
            let names = self.demo.native("GET", &format!("/v1/products/{id}/aliases"), None).ok();
            names["items"].as_array().is_some_and(|names| names.iter().any(|name| name["alias"] == product))
        };
        let products = products["items"].as_array().expect("a page").clone();
        let ids = products.iter().map(|product| product["id"].as_str().expect("an id"));
        let id = ids.into_iter().find(|id| named(id)).expect("the product");
        let system = json!({"operating_system": "Plan 9", "cores": 4, "screenResX": "1920"});
        let mut device = json!({"product": id, "device": {"id": computer}, "system": system});
        if let Some(code) = code {
            device["code"] = json!(code);
        }
        call(&self.demo.url, "POST", "/device/v1/activations", None, Some(&device.to_string())).ok();
    }

    fn now(&self) -> i64 {
        let time = call(&self.demo.url, "GET", "/device/v1/time", None, None).ok();
        Timestamp::parse(time["now"].as_str().expect("a text")).expect("an instant").seconds()
    }
}

fn every_transcript_comes_out_as_written(engine: Engine) {
    let demo = Demo::start(engine);
    let tenant = Tenant::open(&demo);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for (name, transcript) in transcript::all() {
        runtime.block_on(transcript::replay(&tenant, &name, &transcript));
    }
}

#[test]
fn every_transcript_comes_out_as_written_from_a_server_on_sqlite() {
    every_transcript_comes_out_as_written(Engine::Sqlite);
}

#[test]
fn every_transcript_comes_out_as_written_from_a_server_on_postgres() {
    every_transcript_comes_out_as_written(Engine::Postgres);
}
