//! Why a document or key was refused.

use crate::document::DocumentKind;

/// Why a document, or a key for one, was refused. The list is closed: match it without a `_` arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is longer than [`crate::MAX_TEXT_BYTES`], or the payload would not fit into it.
    #[error("the document is too long")]
    TooLong,
    /// The text is not an even number of hexadecimal digits with white space around them.
    #[error("the document is not hexadecimal text")]
    NotHex,
    /// The bytes are fewer or more than the document's own length says.
    #[error("the document is cut short or has something appended")]
    WrongLength,
    /// The first byte names no kind of document.
    #[error("the document is of an unknown kind")]
    UnknownKind,
    /// The document is good so far, but not of the kind that was asked for.
    #[error("the document is a {found}, not a {expected}")]
    WrongKind {
        /// The kind that was asked for.
        expected: DocumentKind,
        /// The kind that the document says it is.
        found: DocumentKind,
    },
    /// It was signed with a key that the reader does not trust.
    #[error("the document was signed with a key that is not trusted")]
    UnknownKey,
    /// The signature does not fit the content, or was made with another key.
    #[error("the document's signature is not valid")]
    BadSignature,
    /// The payload is not the JSON that this kind of document holds.
    #[error("the document's content cannot be read")]
    BadPayload,
    /// The payload is of a later version than this program knows.
    #[error("the document is of version {found}, which this program is too old to read")]
    UnknownVersion {
        /// The version in the payload.
        found: u32,
    },
    /// A public key is not 32 bytes (64 hexadecimal digits) or is no usable point of the curve.
    #[error("the public key is not valid")]
    BadKey,
}
