//! Keys, wrapped so that the curve library stays a detail of this crate.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::error::DocumentError;
use crate::hex::{from_hex, to_hex};

/// The short name of a key: the first 8 bytes of the SHA-256 of its public part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The eight bytes as they stand in a document.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Reads the 16 hexadecimal digits by which APIs name a key.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let bytes = from_hex(text).map_err(|_| DocumentError::BadKey)?;
        bytes.try_into().map(Self).map_err(|_| DocumentError::BadKey)
    }

    /// The eight bytes as they stand in a document.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0
    }
}

/// As 16 lower-case hexadecimal digits.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

/// The key that verifies: an Ed25519 public key, known to be a usable one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Takes the 32 bytes of a public key. Refuses bytes that are no point of the curve, and the few weak points
    /// under which signatures mean nothing.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, DocumentError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| DocumentError::BadKey)?;
        if key.is_weak() { Err(DocumentError::BadKey) } else { Ok(Self(key)) }
    }

    /// Reads 64 hexadecimal digits; otherwise as [`PublicKey::from_bytes`].
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let bytes = from_hex(text).map_err(|_| DocumentError::BadKey)?;
        Self::from_bytes(&bytes.try_into().map_err(|_| DocumentError::BadKey)?)
    }

    /// The 32 bytes of the key.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The 64 lower-case hexadecimal digits of the key.
    pub fn to_hex(&self) -> String {
        to_hex(self.0.as_bytes())
    }

    /// The key's short name.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.0.as_bytes());
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        KeyId(id)
    }

    /// Strict verification: no second form of a signature and no weak key passes.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), DocumentError> {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| DocumentError::BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_hex())
    }
}

/// The key that signs. It is wiped from memory when dropped and never shows in debug output.
pub struct Signer {
    key: SigningKey,
    id: KeyId,
}

impl Signer {
    /// Makes the signing key of a secret seed of 32 random bytes. The argument is wiped; wiping other copies is the
    /// caller's business.
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        seed.zeroize();
        let id = PublicKey(key.verifying_key()).id();
        Self { key, id }
    }

    /// The public part, to be published or sent along.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.key.verifying_key())
    }

    /// The short name that documents carry.
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, [redacted])", self.id)
    }
}

/// The keys that a reader trusts, by their short names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyTable(BTreeMap<KeyId, PublicKey>);

impl KeyTable {
    /// A table without keys, which trusts nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts one more key.
    pub fn insert(&mut self, key: PublicKey) {
        self.0.insert(key.id(), key);
    }

    /// The trusted key of that short name.
    pub fn get(&self, id: KeyId) -> Option<&PublicKey> {
        self.0.get(&id)
    }

    /// All trusted keys, in the order of their names.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.values()
    }

    /// True if nothing is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<PublicKey> for KeyTable {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| (key.id(), key)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_survives_its_text() {
        let key = Signer::from_seed([7; 32]).public_key();
        assert_eq!(PublicKey::parse(&key.to_hex()).unwrap(), key);
        assert_eq!(PublicKey::parse(&key.to_hex().to_uppercase()).unwrap(), key);
        assert_eq!(KeyId::parse(&key.id().to_string()).unwrap(), key.id());
    }

    #[test]
    fn the_key_id_is_the_head_of_the_keys_sha256() {
        let signer = Signer::from_seed([7; 32]);
        let digest = Sha256::digest(signer.public_key().to_bytes());
        assert_eq!(signer.key_id().to_bytes(), digest[..8]);
    }

    #[test]
    fn weak_short_and_impossible_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(DocumentError::BadKey));
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(DocumentError::BadKey));
        for text in ["", "00", "zz", &"0".repeat(62), &"0".repeat(66)] {
            assert_eq!(PublicKey::parse(text), Err(DocumentError::BadKey), "{text}");
        }
    }

    #[test]
    fn the_secret_does_not_show_in_debug_output() {
        let signer = Signer::from_seed([0xab; 32]);
        let shown = format!("{signer:?}");
        assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
        assert!(shown.contains("redacted"));
    }
}
