//! Identity: users, sessions and API keys, and what each may do where.
//!
//! A user has a level of permission on accounts, inherited down the tree; the nearest one above decides. A key
//! has the level `write` on the branch of its account, limited to its rights. Nothing that proves an identity is stored
//! in a readable form: passwords as argon2id, keys and sessions as keyed hashes.

pub mod api_key;
mod invite;
pub(crate) mod keyring;
pub mod password;
pub(crate) mod rows;
pub mod session;
pub(crate) mod tries;
pub mod user;

pub use invite::{SendLink, send_link};
pub use keyring::{authenticate, authenticate_beside};

use crate::context::Context;
use crate::error::{Error, Noun};
use crate::secret::{base62, crc32};
use lessor_db::{FromColumn, ValueRef};
use std::borrow::Cow;

/// Most bytes of what is taken as a credential at all.
const MAX_PRESENTED: usize = 256;

/// A key, token or link as its owner gets to see it, once. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// The text to hand over.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential([redacted])")
    }
}

/// May the caller hand this level on this branch to somebody else? Nobody gives more than they have themselves
/// anywhere in the branch.
fn check_may_give(cx: &Context<'_>, level: Level, path: &crate::account::Path, noun: Noun) -> Result<(), Error> {
    let actor = cx.actor();
    let Some(own) = actor.level_at(path) else { return Err(Error::not_found(noun)) };
    let everywhere = actor.grants.iter().filter(|grant| path.holds(&grant.path)).all(|grant| grant.level >= level);
    if own >= level && everywhere { Ok(()) } else { Err(Error::Forbidden) }
}

/// The last `length` digits of a checksum, to catch typing errors without asking storage.
fn checksum(text: &str, length: usize) -> String {
    let digits = base62(&crc32(text.as_bytes()).to_be_bytes());
    digits[digits.len() - length..].to_owned()
}

/// What may be done in a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing; takes away what stands further up.
    None,
    /// To look.
    Read,
    /// To change.
    Write,
}

impl Level {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Read => "read",
            Level::Write => "write",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Level::None, Level::Read, Level::Write].into_iter().find(|level| level.word() == word)
    }
}

impl FromColumn for Level {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        let word = String::from_column(value)?;
        Level::parse(&word).ok_or_else(|| format!("{word:?} is no level"))
    }
}

/// What a limited credential may be used for: a scope such as `licenses:write`. A dialect names its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right(Cow<'static, str>);

impl Right {
    /// To see accounts and holds.
    pub const ACCOUNTS_READ: Right = Right::named("accounts:read");
    /// To make, change, move, hold and close accounts.
    pub const ACCOUNTS_WRITE: Right = Right::named("accounts:write");
    /// To see products, features and profiles.
    pub const CATALOG_READ: Right = Right::named("catalog:read");
    /// To change them.
    pub const CATALOG_WRITE: Right = Right::named("catalog:write");
    /// To see licenses, activations and trials.
    pub const LICENSES_READ: Right = Right::named("licenses:read");
    /// To issue and change them.
    pub const LICENSES_WRITE: Right = Right::named("licenses:write");
    /// To have the next free licenses handed out.
    pub const LICENSES_ACQUIRE: Right = Right::named("licenses:acquire");
    /// To answer offline certificates on behalf of devices.
    pub const OFFLINE: Right = Right::named("offline:write");
    /// To see users and keys.
    pub const IDENTITY_READ: Right = Right::named("identity:read");
    /// To make and revoke users and keys.
    pub const IDENTITY_WRITE: Right = Right::named("identity:write");
    /// To see groups and end users.
    pub const GROUPS_READ: Right = Right::named("groups:read");
    /// To make and change them, and to say which licenses a group has.
    pub const GROUPS_WRITE: Right = Right::named("groups:write");
    /// To read what programs tell of their use.
    pub const ANALYTICS_READ: Right = Right::named("analytics:read");
    /// To read the journal.
    pub const EVENTS_READ: Right = Right::named("events:read");
    /// To draw the stream of a tenant. A key that may, and may not make keys, is made for drawing: while it lives, calls are
    /// recorded.
    pub const STREAM_READ: Right = Right::named("stream:read");
    /// To put records of one's own into it.
    pub const STREAM_WRITE: Right = Right::named("stream:write");
    /// To read meters and figures of use.
    pub const USAGE_READ: Right = Right::named("usage:read");
    /// To bring usage in.
    pub const USAGE_WRITE: Right = Right::named("usage:write");
    /// To see price lists and statements.
    pub const BILLING_READ: Right = Right::named("billing:read");
    /// To set prices and to close months.
    pub const BILLING_WRITE: Right = Right::named("billing:write");

    /// Every right of the core, for keys that may do everything.
    pub const ALL: [Right; 20] = [
        Right::ACCOUNTS_READ,
        Right::ACCOUNTS_WRITE,
        Right::CATALOG_READ,
        Right::CATALOG_WRITE,
        Right::LICENSES_READ,
        Right::LICENSES_WRITE,
        Right::LICENSES_ACQUIRE,
        Right::OFFLINE,
        Right::IDENTITY_READ,
        Right::IDENTITY_WRITE,
        Right::GROUPS_READ,
        Right::GROUPS_WRITE,
        Right::ANALYTICS_READ,
        Right::EVENTS_READ,
        Right::STREAM_READ,
        Right::STREAM_WRITE,
        Right::USAGE_READ,
        Right::USAGE_WRITE,
        Right::BILLING_READ,
        Right::BILLING_WRITE,
    ];

    /// A right by a name known when the program is built.
    pub const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Reads a scope: lower-case letters, digits, `_`, `-` and `:`, 1 to 64 of them.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-:".contains(&b));
        fits.then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// The scope as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_does_not_show_itself() {
        assert_eq!(format!("{:?}", Credential("lsr_live_x".into())), "Credential([redacted])");
    }

    #[test]
    fn a_right_is_a_short_lower_case_scope() {
        assert_eq!(Right::parse("licenses:write"), Some(Right::LICENSES_WRITE));
        for text in ["", "Licenses:write", "licenses write", "*", &"x".repeat(65)] {
            assert_eq!(Right::parse(text), None, "{text}");
        }
    }

    #[test]
    fn levels_grow_from_none_to_write() {
        assert!(Level::None < Level::Read && Level::Read < Level::Write);
        assert_eq!(Level::parse(Level::Read.word()), Some(Level::Read));
    }
}
