//! A device, a server and a clock, and documents that fit them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use lessor_client::{Clock, Config, License};
use lessor_lease::{Concurrency, FeatureKind, Lease, LeaseFeature, LeaseKind, Mode, Signer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fake::{Fake, Reply};

/// When every test begins, by every clock.
pub const START: i64 = 1_800_000_000;
pub const DAY: i64 = 86_400;

pub struct Bench {
    pub server: Fake,
    pub folder: TempDir,
    clock: Arc<AtomicI64>,
}

pub fn product_key() -> Signer {
    Signer::from_seed([1; 32])
}

impl Bench {
    pub fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        Self { server: Fake::start(), folder: tempfile::tempdir().unwrap(), clock }
    }

    /// The device's clock shows so many seconds after the start.
    pub fn at(&self, seconds: i64) {
        self.clock.store(START + seconds, Ordering::SeqCst);
    }

    /// A configuration that pins the product's key and has little patience.
    pub fn config(&self) -> Config {
        let mut config = self.unpinned();
        config.trusted_keys.insert(product_key().public_key());
        config
    }

    pub fn unpinned(&self) -> Config {
        let mut config = Config::new(self.server.url(), "prd_1", self.folder.path());
        let clock = Arc::clone(&self.clock);
        config.clock = Clock::from_fn(move || clock.load(Ordering::SeqCst));
        config.device = Some("device-1".into());
        config.first_pause = Duration::from_millis(1);
        config.longest_pause = Duration::from_millis(20);
        config.timeout = Duration::from_secs(5);
        config
    }

    pub fn open(&self) -> License {
        License::open(self.config()).unwrap()
    }

    /// An opened license with a lease of ten days, number 1, of `PAINT-0001`.
    pub fn activated(&self) -> License {
        let license = self.open();
        self.server.will(self.grant(&license, |_| {}));
        license.activate("PAINT-0001").unwrap();
        license
    }

    /// The lease that the server gives, changed as a test wants it.
    pub fn lease(&self, license: &License, change: impl FnOnce(&mut Lease)) -> Lease {
        let mut lease = Lease {
            v: 1,
            issuer: "https://licenses.example".into(),
            tenant: "acc_1".into(),
            product: "prd_1".into(),
            license: Some("PAINT-0001".into()),
            activation: "act_1".into(),
            device: "device-1".into(),
            device_key: Some(license.device_key().unwrap().to_hex()),
            user: String::new(),
            number: 1,
            kind: LeaseKind::Online,
            mode: Mode::Enforce,
            concurrency: Concurrency::Cloud,
            issued_at: START,
            not_before: START,
            renew_after: Some(START + 5 * DAY),
            expires_at: Some(START + 10 * DAY),
            grace_until: None,
            term_end: None,
            maintenance_end: None,
            processes: 0,
            features: vec![LeaseFeature { code: "FLOAT".into(), kind: FeatureKind::Floating, limit: Some(5) }],
            values: BTreeMap::from([("colour".into(), "blue".into())]),
            functions: BTreeMap::new(),
        };
        change(&mut lease);
        lease
    }

    /// The answer to an activation, first or again.
    pub fn grant(&self, license: &License, change: impl FnOnce(&mut Lease)) -> Reply {
        let lease = self.lease(license, change);
        let document = lease.sign(&product_key()).unwrap().to_string();
        Reply::Json(201, answer(&lease.activation, &document))
    }
}

pub fn answer(activation: &str, document: &str) -> Value {
    json!({"activation": activation, "state": "active", "secret": "s3cret", "lease": {"number": 1}, "document": document})
}

/// The lease of that number that a renewal gives at that many seconds after the start, for ten days.
pub fn renewed(number: u64, at: i64) -> impl FnOnce(&mut Lease) {
    move |lease| {
        lease.number = number;
        lease.issued_at = START + at;
        lease.not_before = START + at;
        lease.renew_after = Some(START + at + 5 * DAY);
        lease.expires_at = Some(START + at + 10 * DAY);
    }
}

pub fn problem(status: u16, code: &str) -> Reply {
    Reply::Json(status, json!({"status": status, "code": code, "title": "No", "detail": format!("because {code}")}))
}

pub fn keys(signers: &[&Signer]) -> Reply {
    let keys: Vec<Value> = signers
        .iter()
        .map(|signer| {
            json!({"id": signer.key_id().to_string(), "algorithm": "Ed25519",
                   "public_key": signer.public_key().to_hex(), "state": "active"})
        })
        .collect();
    Reply::Json(200, json!({"product": "prd_1", "keys": keys}))
}
