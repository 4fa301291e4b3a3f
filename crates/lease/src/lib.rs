//! Signed documents that travel between a Lessor server and the devices and daemons it serves: leases,
//! offline requests and answers, proofs of return, endorsements of keys, delegations. Both sides read
//! and write them with this crate.
//!
//! A document is lower-case hex of
//! `kind (1) ‖ key id (8) ‖ payload length (4, big endian) ‖ payload (compact JSON) ‖ signature (64)`.
//! The Ed25519 signature covers a context prefix of the kind and every byte before the signature, so
//! that no bit can change and no document can pass for one of another kind.
//!
//! Opening is verifying: the `open_*` functions of [`Document`] are the way to a payload that may be
//! believed. The one `unverified_*` function exists because a server must read a proof's activation
//! to learn which key has to have signed it.

mod delegation;
mod document;
mod endorsement;
mod error;
mod hex;
mod keys;
mod payload;

pub use delegation::{DaemonRequest, DelegatedLicense, Delegation};
pub use document::{Document, DocumentKind, MAX_DELEGATION_TEXT_BYTES, MAX_TEXT_BYTES};
pub use endorsement::{Endorsed, Endorsement, KeyRole, LONGEST_CHAIN, follow};
pub use error::DocumentError;
pub use hex::{HexError, from_hex, to_hex};
pub use keys::{KeyId, KeyTable, PublicKey, Signer};
pub use payload::{
    Concurrency, FeatureKind, Lease, LeaseFeature, LeaseKind, Mode, OfflineAnswer, OfflineRequest, ReturnProof,
    Standing, VERSION,
};
