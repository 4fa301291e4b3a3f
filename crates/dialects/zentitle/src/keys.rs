//! The five types of keys: what each may do, as rights of the core, and how a key's type is told from its rights.

use crate::table::Keys;
use lessor_core::Actor;
use lessor_core::identity::Right;

/// A type of key. Its strongest right of the dialect tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// For server-side callers of the device API; opens none of these calls.
    Saas,
    /// Reads, and hands out codes.
    ReadOnly,
    /// Everything but the stream.
    ReadWrite,
    /// Answers certificates.
    Offline,
    /// The stream alone.
    Stream,
}

const READ: Right = Right::named("zentitle:read");
/// What every key that may change things carries.
pub(crate) const WRITE: Right = Right::named("zentitle:write");
const OFFLINE: Right = Right::named("zentitle:offline");
const STREAM: Right = Right::named("zentitle:stream");
const SAAS: Right = Right::named("zentitle:saas");

impl KeyType {
    /// All types, the strongest first.
    pub const ALL: [KeyType; 5] =
        [KeyType::ReadWrite, KeyType::ReadOnly, KeyType::Offline, KeyType::Stream, KeyType::Saas];

    /// The documented word.
    pub fn word(self) -> &'static str {
        match self {
            KeyType::Saas => "SaaS",
            KeyType::ReadOnly => "WebAPI READ-ONLY",
            KeyType::ReadWrite => "WebAPI READ-WRITE",
            KeyType::Offline => "WebAPI Offline",
            KeyType::Stream => "WebAPI DS",
        }
    }

    /// Reads the documented word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The type of the key that someone came with; `None` for a credential that was made for other APIs.
    pub fn of(actor: &Actor) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| actor.has_right(&kind.mark()))
    }

    /// The type of a key that is limited to these rights.
    pub fn of_rights(rights: &[Right]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| rights.contains(&kind.mark()))
    }

    /// May a key of this type make such calls? READ-WRITE, though it does the most, does not open the stream.
    pub fn opens(self, keys: Keys) -> bool {
        match keys {
            Keys::Read => matches!(self, KeyType::ReadOnly | KeyType::ReadWrite),
            Keys::Write => self == KeyType::ReadWrite,
            Keys::Offline => matches!(self, KeyType::Offline | KeyType::ReadWrite),
            Keys::Stream => self == KeyType::Stream,
        }
    }

    fn mark(self) -> Right {
        match self {
            KeyType::Saas => SAAS,
            KeyType::ReadOnly => READ,
            KeyType::ReadWrite => WRITE,
            KeyType::Offline => OFFLINE,
            KeyType::Stream => STREAM,
        }
    }

    /// What a key of this type carries. READ-WRITE makes keys of all types, and nobody gives what they have not got, so that
    /// it carries all that the others do.
    pub fn rights(self) -> Vec<Right> {
        match self {
            KeyType::Saas => vec![SAAS],
            KeyType::ReadOnly => {
                vec![
                    READ,
                    Right::ACCOUNTS_READ,
                    Right::CATALOG_READ,
                    Right::LICENSES_READ,
                    Right::LICENSES_ACQUIRE,
                    Right::GROUPS_READ,
                ]
            }
            KeyType::Offline => vec![OFFLINE, Right::OFFLINE],
            KeyType::Stream => vec![STREAM, Right::STREAM_READ, Right::STREAM_WRITE],
            KeyType::ReadWrite => {
                let others = [KeyType::ReadOnly, KeyType::Offline, KeyType::Stream, KeyType::Saas];
                let own = vec![
                    WRITE,
                    Right::ACCOUNTS_WRITE,
                    Right::CATALOG_WRITE,
                    Right::LICENSES_WRITE,
                    Right::GROUPS_WRITE,
                    Right::IDENTITY_READ,
                    Right::IDENTITY_WRITE,
                ];
                own.into_iter().chain(others.into_iter().flat_map(KeyType::rights)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{CALLS, Verb};

    fn actor(kind: KeyType) -> Actor {
        Actor { rights: Some(kind.rights()), ..Actor::system() }
    }

    #[test]
    fn a_key_is_of_the_type_it_was_made_as() {
        for kind in KeyType::ALL {
            assert_eq!(KeyType::of(&actor(kind)), Some(kind));
            assert_eq!(KeyType::parse(kind.word()), Some(kind));
        }
        assert_eq!(KeyType::of(&Actor { rights: Some(vec![Right::LICENSES_WRITE]), ..Actor::system() }), None);
    }

    #[test]
    fn a_read_write_key_has_everything_to_give_but_is_not_without_limit() {
        let own = KeyType::ReadWrite.rights();
        for kind in KeyType::ALL {
            assert!(kind.rights().iter().all(|right| own.contains(right)), "{kind:?}");
        }
        assert!(Right::ALL.iter().any(|right| !own.contains(right)));
    }

    #[test]
    fn each_type_opens_what_the_documents_say() {
        let count = |kind: KeyType| CALLS.iter().filter(|call| kind.opens(call.keys)).count();
        assert_eq!(count(KeyType::Saas), 0);
        assert_eq!(count(KeyType::Stream), 2);
        assert_eq!(count(KeyType::Offline), 2);
        assert_eq!(count(KeyType::ReadWrite), 68);
        let reads = CALLS.iter().filter(|call| call.verb == Verb::Get && call.controller != "DataStreamer").count();
        assert_eq!(count(KeyType::ReadOnly), reads);
    }
}
