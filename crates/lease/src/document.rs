//! The envelope: bytes, kind, key and signature. What is inside is `payload`'s business.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::delegation::{DaemonRequest, Delegation};
use crate::endorsement::Endorsement;
use crate::error::DocumentError;
use crate::hex::{from_hex_with_spaces, to_hex};
use crate::keys::{KeyId, KeyTable, PublicKey, Signer};
use crate::payload::{Lease, OfflineAnswer, OfflineRequest, ReturnProof, VERSION};

/// The longest document text that is read, white space included, in bytes. Delegations alone may be longer.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The longest text of a delegation, white space included, in bytes: it lists many licenses.
pub const MAX_DELEGATION_TEXT_BYTES: usize = 1024 * 1024;

const HEADER: usize = 1 + 8 + 4;
const SIGNATURE: usize = 64;

/// What a document is. The number is its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// A lease, signed with a product's key.
    Lease = 1,
    /// A device's request for an offline lease, signed with the device's own key.
    OfflineRequest = 2,
    /// The answer to an offline request, signed with a product's key.
    OfflineAnswer = 3,
    /// A device's proof that it has given up its license, signed with the device's own key.
    ReturnProof = 4,
    /// A product key's word for another key.
    Endorsement = 5,
    /// What a daemon may hand out, signed with a product's key.
    Delegation = 6,
    /// A daemon's request for a delegation, signed with the daemon's own key.
    DaemonRequest = 7,
}

impl DocumentKind {
    fn from_byte(byte: u8) -> Result<Self, DocumentError> {
        match byte {
            1 => Ok(Self::Lease),
            2 => Ok(Self::OfflineRequest),
            3 => Ok(Self::OfflineAnswer),
            4 => Ok(Self::ReturnProof),
            5 => Ok(Self::Endorsement),
            6 => Ok(Self::Delegation),
            7 => Ok(Self::DaemonRequest),
            _ => Err(DocumentError::UnknownKind),
        }
    }

    /// The prefix under the signature. The NUL ends it, so that no prefix is the beginning of another.
    fn context(self) -> &'static [u8] {
        match self {
            Self::Lease => b"lessor-lease-v1\0",
            Self::OfflineRequest => b"lessor-request-v1\0",
            Self::OfflineAnswer => b"lessor-answer-v1\0",
            Self::ReturnProof => b"lessor-return-v1\0",
            Self::Endorsement => b"lessor-endorsement-v1\0",
            Self::Delegation => b"lessor-delegation-v1\0",
            Self::DaemonRequest => b"lessor-daemon-v1\0",
        }
    }

    /// The longest document, in bytes: half of its text, which is all hex.
    fn max_bytes(self) -> usize {
        match self {
            Self::Delegation => MAX_DELEGATION_TEXT_BYTES / 2,
            Self::Lease
            | Self::OfflineRequest
            | Self::OfflineAnswer
            | Self::ReturnProof
            | Self::Endorsement
            | Self::DaemonRequest => MAX_TEXT_BYTES / 2,
        }
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lease => "lease",
            Self::OfflineRequest => "offline request",
            Self::OfflineAnswer => "offline answer",
            Self::ReturnProof => "proof of return",
            Self::Endorsement => "endorsement",
            Self::Delegation => "delegation",
            Self::DaemonRequest => "daemon's request",
        })
    }
}

/// What stands inside a document of one kind.
pub(crate) trait Payload: Serialize + DeserializeOwned {
    const KIND: DocumentKind;
    fn version(&self) -> u32;
}

/// A whole document of right form. Whether to believe it is for the `open_*` functions to say.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    kind: DocumentKind,
    key_id: KeyId,
    bytes: Vec<u8>,
}

impl Document {
    /// Reads the text form: hexadecimal digits in either case, white space and line breaks anywhere. Verifies the
    /// form only, not the signature.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        if text.len() > longest(text) {
            return Err(DocumentError::TooLong);
        }
        Self::from_bytes(from_hex_with_spaces(text).map_err(|_| DocumentError::NotHex)?)
    }

    /// Reads the bytes of a document. Verifies the form only, not the signature.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, DocumentError> {
        let Some((header, rest)) = bytes.split_at_checked(HEADER) else { return Err(DocumentError::WrongLength) };
        let kind = DocumentKind::from_byte(header[0])?;
        if bytes.len() > kind.max_bytes() {
            return Err(DocumentError::TooLong);
        }
        let mut key_id = [0; 8];
        key_id.copy_from_slice(&header[1..9]);
        let length = header[9..].iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        if rest.len().checked_sub(SIGNATURE) != Some(length) {
            return Err(DocumentError::WrongLength);
        }
        Ok(Self { kind, key_id: KeyId::from_bytes(key_id), bytes })
    }

    /// The bytes of the document, signature included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the document says it is.
    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// The short name of the key that the document says it was signed with.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// SHA-256 of the document's bytes as lower-case hex: the same however the text was wrapped.
    pub fn digest(&self) -> String {
        to_hex(&Sha256::digest(&self.bytes))
    }

    /// The lease, if the document is one and a key of the table signed it.
    pub fn open_lease(&self, keys: &KeyTable) -> Result<Lease, DocumentError> {
        self.open_with_table(keys)
    }

    /// The offline answer, if the document is one and a key of the table signed it. The caller still has to see that
    /// it answers the request that is open.
    pub fn open_answer(&self, keys: &KeyTable) -> Result<OfflineAnswer, DocumentError> {
        self.open_with_table(keys)
    }

    /// The endorsement, if the document is one and a key of the table signed it. [`crate::follow`] does this for a chain
    /// of them.
    pub fn open_endorsement(&self, keys: &KeyTable) -> Result<Endorsement, DocumentError> {
        self.open_with_table(keys)
    }

    /// The delegation, if the document is one and a key of the table signed it.
    pub fn open_delegation(&self, keys: &KeyTable) -> Result<Delegation, DocumentError> {
        self.open_with_table(keys)
    }

    /// The offline request, if the document is one and the device key inside it signed it. That proves that whoever
    /// made the request holds the key, nothing more.
    pub fn open_request(&self) -> Result<OfflineRequest, DocumentError> {
        let request: OfflineRequest = self.unverified()?;
        self.verify(&PublicKey::parse(&request.device_key)?)?;
        Ok(request)
    }

    /// The daemon's request, if the document is one and the daemon key inside it signed it. That proves that whoever made
    /// the request holds the key, nothing more.
    pub fn open_daemon_request(&self) -> Result<DaemonRequest, DocumentError> {
        let request: DaemonRequest = self.unverified()?;
        self.verify(&PublicKey::parse(&request.device_key)?)?;
        Ok(request)
    }

    /// The proof of return, if the document is one and that device key signed it.
    pub fn open_return(&self, device_key: &PublicKey) -> Result<ReturnProof, DocumentError> {
        self.expect_kind(DocumentKind::ReturnProof)?;
        self.verify(device_key)?;
        self.unverified()
    }

    /// What a proof of return says, before anybody knows whether it is true: good for finding the activation and with
    /// it the device key for [`Document::open_return`], and for nothing else.
    pub fn unverified_return(&self) -> Result<ReturnProof, DocumentError> {
        self.unverified()
    }

    pub(crate) fn sign<P: Payload>(payload: &P, signer: &Signer) -> Result<Self, DocumentError> {
        let json = serde_json::to_vec(payload).map_err(|_| DocumentError::BadPayload)?;
        if HEADER + json.len() + SIGNATURE > P::KIND.max_bytes() {
            return Err(DocumentError::TooLong);
        }
        let length = u32::try_from(json.len()).map_err(|_| DocumentError::TooLong)?;
        let mut bytes = Vec::with_capacity(HEADER + json.len() + SIGNATURE);
        bytes.push(P::KIND as u8);
        bytes.extend(signer.key_id().to_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(json);
        let signature = signer.sign(&[P::KIND.context(), &bytes].concat());
        bytes.extend(signature);
        Ok(Self { kind: P::KIND, key_id: signer.key_id(), bytes })
    }

    fn open_with_table<P: Payload>(&self, keys: &KeyTable) -> Result<P, DocumentError> {
        self.expect_kind(P::KIND)?;
        self.verify(keys.get(self.key_id).ok_or(DocumentError::UnknownKey)?)?;
        self.unverified()
    }

    fn expect_kind(&self, expected: DocumentKind) -> Result<(), DocumentError> {
        if self.kind == expected { Ok(()) } else { Err(DocumentError::WrongKind { expected, found: self.kind }) }
    }

    fn verify(&self, key: &PublicKey) -> Result<(), DocumentError> {
        if key.id() != self.key_id {
            return Err(DocumentError::UnknownKey);
        }
        let (signed, signature) = self.bytes.split_last_chunk::<SIGNATURE>().ok_or(DocumentError::WrongLength)?;
        key.verify(&[self.kind.context(), signed].concat(), signature)
    }

    fn unverified<P: Payload>(&self) -> Result<P, DocumentError> {
        self.expect_kind(P::KIND)?;
        let json = &self.bytes[HEADER..self.bytes.len() - SIGNATURE];
        let payload: P = serde_json::from_slice(json).map_err(|_| DocumentError::BadPayload)?;
        match payload.version() {
            VERSION => Ok(payload),
            found => Err(DocumentError::UnknownVersion { found }),
        }
    }
}

/// How long a text may be that begins like this one. Only what says that it is a delegation is read beyond the usual.
fn longest(text: &str) -> usize {
    const DELEGATION: [u8; 2] = *b"06";
    let mut digits = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    if [digits.next(), digits.next()] == DELEGATION.map(Some) { MAX_DELEGATION_TEXT_BYTES } else { MAX_TEXT_BYTES }
}

/// The text form: lower-case hex on one line.
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.bytes))
    }
}

/// Without the content: documents have no business in logs.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({}, key {}, {} bytes)", self.kind, self.key_id, self.bytes.len())
    }
}

/// As [`Document::parse`].
impl FromStr for Document {
    type Err = DocumentError;

    fn from_str(text: &str) -> Result<Self, DocumentError> {
        Self::parse(text)
    }
}
