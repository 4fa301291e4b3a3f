//! What a server lets a daemon on a customer's network hand out by itself, and how the daemon asks for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::{Document, DocumentKind, Payload};
use crate::error::DocumentError;
use crate::keys::{PublicKey, Signer};
use crate::payload::LeaseFeature;

/// The server's word to one daemon: what it may hand out until when. Times are Unix seconds (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// [`crate::VERSION`].
    pub v: u32,
    /// The server that issued it.
    pub issuer: String,
    /// The vendor's tenant on that server.
    pub tenant: String,
    /// The product's native id.
    pub product: String,
    /// The native id of the daemon's own activation.
    pub daemon: String,
    /// The daemon's public key (64 hexadecimal digits), with which it signs leases.
    pub daemon_key: String,
    /// Grows with each delegation to a daemon: of two the higher number counts, and replaces the lower one whole.
    pub number: u64,
    /// When it was made.
    pub issued_at: i64,
    /// The first second in which it counts no longer.
    pub not_after: i64,
    /// What is delegated, license by license.
    pub licenses: Vec<DelegatedLicense>,
}

/// What a daemon may hand out of one license.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedLicense {
    /// The license's native id.
    pub id: String,
    /// The license's code, by which devices ask for it.
    pub code: String,
    /// The places that this daemon may fill at once; they are taken from the license for as long as it is delegated.
    pub seats: u32,
    /// After how many minutes without a sign of life a device has given its place back.
    pub heartbeat_minutes: u32,
    /// When the license itself ends; `None` = never.
    pub term_end: Option<i64>,
    /// Until when newer versions of the product are included; `None` = no end.
    pub maintenance_end: Option<i64>,
    /// Copies that may run at once on a device; 0 = as many as one likes.
    pub processes: u32,
    /// The features that are on; a `limit` is what this daemon may hand out of it.
    pub features: Vec<LeaseFeature>,
    /// The license's named values.
    pub values: BTreeMap<String, String>,
    /// Server functions that are on, each with its number where it takes one.
    pub functions: BTreeMap<String, Option<i64>>,
}

impl Delegation {
    /// Signs the delegation with a product's key. Fails if it is too long for a document, or if the daemon's key in it
    /// is none.
    pub fn sign(&self, signer: &Signer) -> Result<Document, DocumentError> {
        PublicKey::parse(&self.daemon_key)?;
        Document::sign(self, signer)
    }

    /// True if it counts at that instant (Unix seconds). It has ended at `not_after`; it counts before `issued_at` too,
    /// for a daemon's clock may be behind.
    pub fn is_live(&self, at: i64) -> bool {
        at < self.not_after
    }
}

impl Payload for Delegation {
    const KIND: DocumentKind = DocumentKind::Delegation;
    fn version(&self) -> u32 {
        self.v
    }
}

/// A daemon's request for a delegation, online and through files alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonRequest {
    /// [`crate::VERSION`].
    pub v: u32,
    /// The product, as the daemon was told: its native id or an alias.
    pub product: String,
    /// The code of the master license under which the daemon runs.
    pub license: String,
    /// The id of the machine that the daemon runs on.
    pub device: String,
    /// The daemon's public key (64 hexadecimal digits), which has to have signed the request.
    pub device_key: String,
    /// 16 random bytes (32 hexadecimal digits) that name the request.
    pub request: String,
    /// When it was made, by the daemon's clock (Unix seconds).
    pub created: i64,
    /// The number of the delegation that it holds; 0 = none.
    pub number: u64,
    /// SHA-256 (64 hexadecimal digits) of the usage records that go along, if any do.
    pub records: Option<String>,
}

impl DaemonRequest {
    /// Signs the request with the daemon's key, which has to be the one inside. Fails if it is not, or if the request is
    /// too long for a document.
    pub fn sign(&self, daemon: &Signer) -> Result<Document, DocumentError> {
        if self.device_key != daemon.public_key().to_hex() {
            return Err(DocumentError::UnknownKey);
        }
        Document::sign(self, daemon)
    }
}

impl Payload for DaemonRequest {
    const KIND: DocumentKind = DocumentKind::DaemonRequest;
    fn version(&self) -> u32 {
        self.v
    }
}
