//! What the documents say. The order of fields is fixed: it is the order of the signed bytes. Unknown fields are
//! passed over, so that an older program can read what a newer server adds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Document, DocumentKind, Payload};
use crate::error::DocumentError;
use crate::keys::Signer;

/// The version of the payloads that this crate writes and reads.
pub const VERSION: u32 = 1;

/// How a lease came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeaseKind {
    /// Asked for by a device that talks to the server and can renew.
    Online,
    /// Carried to the device in an offline answer.
    Offline,
    /// Of a trial, without a license.
    Trial,
}

/// What a program is to do when its lease has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Tell the user, and go on.
    Advisory,
    /// Tell the user, and go on until `grace_until`.
    Grace,
    /// Stop.
    Enforce,
}

/// What takes a place of a license: how it is counted in how many places it is used at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Concurrency {
    /// An activation, until it is returned.
    Off,
    /// An activation, while its lease lives.
    Cloud,
    /// A seat that a daemon on the local network hands out.
    Network,
}

/// How a feature is measured out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureKind {
    /// On or off.
    Flag,
    /// Seats that are held and given back.
    Floating,
    /// Elements that are drawn and given back.
    Pool,
    /// Tokens that are checked out, and used up or given back.
    Tokens,
    /// A text that the program keeps on the server.
    Store,
}

/// A feature that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseFeature {
    /// The feature's code.
    pub code: String,
    /// How it is measured out.
    pub kind: FeatureKind,
    /// How much of it the license has in all; `None` = no limit (always so for flags).
    pub limit: Option<i64>,
}

/// Until when a device may run a product without asking again, and what it may use. Times are Unix seconds (UTC);
/// `None` = no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// [`VERSION`].
    pub v: u32,
    /// The server that issued it.
    pub issuer: String,
    /// The vendor's tenant on that server.
    pub tenant: String,
    /// The product's native id.
    pub product: String,
    /// The license's code; `None` for a trial.
    pub license: Option<String>,
    /// The activation's native id.
    pub activation: String,
    /// The device's id, as the device gave it.
    pub device: String,
    /// The device's public key (64 hexadecimal digits), if it has one.
    pub device_key: Option<String>,
    /// The user's name, as the device gave it; may be empty.
    pub user: String,
    /// Grows with each lease of an activation: of two leases the higher number counts.
    pub number: u64,
    /// How the lease came about.
    pub kind: LeaseKind,
    /// What to do when it has ended.
    pub mode: Mode,
    /// What takes a place of the license.
    pub concurrency: Concurrency,
    /// When it was made.
    pub issued_at: i64,
    /// From when it counts.
    pub not_before: i64,
    /// From when the device should ask for the next one; `None` = it need not.
    pub renew_after: Option<i64>,
    /// The first second in which it counts no longer.
    pub expires_at: Option<i64>,
    /// With [`Mode::Grace`]: the first second in which grace is over.
    pub grace_until: Option<i64>,
    /// When the license itself ends.
    pub term_end: Option<i64>,
    /// Until when newer versions of the product are included.
    pub maintenance_end: Option<i64>,
    /// Copies that may run at once on the device; 0 = as many as one likes. The program sees to it.
    pub processes: u32,
    /// The features that are on, and only those.
    pub features: Vec<LeaseFeature>,
    /// The license's named values.
    pub values: BTreeMap<String, String>,
    /// Server functions that are on, each with its number where it takes one.
    pub functions: BTreeMap<String, Option<i64>>,
}

/// How a lease stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not count yet.
    NotYet {
        /// From when it counts.
        from: i64,
    },
    /// It counts.
    Valid {
        /// The first second in which it will not; `None` = no end.
        until: Option<i64>,
    },
    /// It has ended, but the program may go on while it tells the user so.
    Grace {
        /// The first second in which grace will be over; `None` = no end (advisory).
        until: Option<i64>,
    },
    /// It has ended.
    Expired {
        /// When it did.
        at: i64,
    },
}

impl Lease {
    /// Signs the lease with a product's key. Fails only if it is too long for a document.
    pub fn sign(&self, signer: &Signer) -> Result<Document, DocumentError> {
        Document::sign(self, signer)
    }

    /// The lease at an instant (Unix seconds). An end belongs to what follows it: at `expires_at` it has ended.
    pub fn standing(&self, now: i64) -> Standing {
        if now < self.not_before {
            return Standing::NotYet { from: self.not_before };
        }
        let Some(end) = self.expires_at.filter(|end| *end <= now) else {
            return Standing::Valid { until: self.expires_at };
        };
        match (self.mode, self.grace_until) {
            (Mode::Advisory, _) => Standing::Grace { until: None },
            (Mode::Grace, Some(until)) if now < until => Standing::Grace { until: Some(until) },
            (Mode::Grace, Some(until)) => Standing::Expired { at: until.max(end) },
            (Mode::Grace, None) | (Mode::Enforce, _) => Standing::Expired { at: end },
        }
    }

    /// The feature of that code, if it is on.
    pub fn feature(&self, code: &str) -> Option<&LeaseFeature> {
        self.features.iter().find(|feature| feature.code == code)
    }
}

/// A device's request for a lease, made without a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfflineRequest {
    /// [`VERSION`].
    pub v: u32,
    /// The product, as the program names it: its native id or an alias.
    pub product: String,
    /// The license's code; `None` asks for a trial.
    pub license: Option<String>,
    /// The device's id.
    pub device: String,
    /// The device's public key (64 hexadecimal digits), which has to have signed the request.
    pub device_key: String,
    /// The user's name; may be empty.
    pub user: String,
    /// 16 random bytes (32 hexadecimal digits) that name the request.
    pub request: String,
    /// When it was made, by the device's clock (Unix seconds).
    pub created: i64,
    /// What people call the device; may be empty.
    pub device_name: String,
    /// Facts about the device that the program reports.
    pub system: Option<Value>,
    /// Who uses the program, if the program asked.
    pub consumer: Option<Value>,
}

impl OfflineRequest {
    /// Signs the request with the device's key, which has to be the one inside. Fails if it is not, or if the
    /// request is too long for a document.
    pub fn sign(&self, device: &Signer) -> Result<Document, DocumentError> {
        if self.device_key != device.public_key().to_hex() {
            return Err(DocumentError::UnknownKey);
        }
        Document::sign(self, device)
    }
}

/// The answer to an offline request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflineAnswer {
    /// [`VERSION`].
    pub v: u32,
    /// The request's name.
    pub request: String,
    /// SHA-256 of the request document's bytes (64 hexadecimal digits), see [`Document::digest`].
    pub request_digest: String,
    /// What the device gets.
    pub lease: Lease,
}

impl OfflineAnswer {
    /// Signs the answer with a product's key. Fails only if it is too long for a document.
    pub fn sign(&self, signer: &Signer) -> Result<Document, DocumentError> {
        Document::sign(self, signer)
    }

    /// True if this answers that very request document.
    pub fn answers(&self, request: &str, digest: &str) -> bool {
        self.request == request && self.request_digest == digest
    }
}

/// A device's word that it has destroyed its license and may be struck off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnProof {
    /// [`VERSION`].
    pub v: u32,
    /// The activation that is given up.
    pub activation: String,
    /// The device's id.
    pub device: String,
    /// When, by the device's clock (Unix seconds).
    pub created: i64,
    /// The number of the last lease that the device had: an older proof gives up nothing newer.
    pub number: u64,
}

impl ReturnProof {
    /// Signs the proof with the device's key. Fails only if it is too long for a document.
    pub fn sign(&self, device: &Signer) -> Result<Document, DocumentError> {
        Document::sign(self, device)
    }
}

impl Payload for Lease {
    const KIND: DocumentKind = DocumentKind::Lease;
    fn version(&self) -> u32 {
        self.v
    }
}

impl Payload for OfflineRequest {
    const KIND: DocumentKind = DocumentKind::OfflineRequest;
    fn version(&self) -> u32 {
        self.v
    }
}

impl Payload for OfflineAnswer {
    const KIND: DocumentKind = DocumentKind::OfflineAnswer;
    fn version(&self) -> u32 {
        if self.v == VERSION { self.lease.v } else { self.v }
    }
}

impl Payload for ReturnProof {
    const KIND: DocumentKind = DocumentKind::ReturnProof;
    fn version(&self) -> u32 {
        self.v
    }
}
