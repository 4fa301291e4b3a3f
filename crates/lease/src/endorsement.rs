//! How one key vouches for another, and how a reader gets from the keys it trusts to one it meets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::{Document, DocumentKind, Payload};
use crate::error::DocumentError;
use crate::keys::{KeyId, KeyTable, PublicKey, Signer};

/// The most endorsements between a trusted key and the key that is looked for.
pub const LONGEST_CHAIN: usize = 8;
/// The most endorsements that are looked at: each costs a verification.
const MOST_ENDORSEMENTS: usize = 256;

/// What an endorsed key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyRole {
    /// Sign whatever a key of the product signs, endorsements included.
    Product,
    /// Sign leases of the product, as a daemon on a local network. It vouches for nobody.
    Daemon,
}

/// A product key's word that another key may sign for the product. Times are Unix seconds (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorsement {
    /// [`crate::VERSION`].
    pub v: u32,
    /// The server that issued it.
    pub issuer: String,
    /// The vendor's tenant on that server.
    pub tenant: String,
    /// The product's native id.
    pub product: String,
    /// The key that is vouched for (64 hexadecimal digits).
    pub key: String,
    /// What it may do.
    pub role: KeyRole,
    /// The native id of the daemon's activation; `None` for a key of the product.
    pub subject: Option<String>,
    /// From when it counts.
    pub not_before: i64,
    /// The first second in which it counts no longer; `None` = no end.
    pub not_after: Option<i64>,
    /// When it was made.
    pub issued_at: i64,
}

impl Endorsement {
    /// Signs the endorsement with a key of the product. Fails if it is too long for a document, or if the key in it is
    /// none.
    pub fn sign(&self, signer: &Signer) -> Result<Document, DocumentError> {
        PublicKey::parse(&self.key)?;
        Document::sign(self, signer)
    }

    /// True if it counts at that instant (Unix seconds): from `not_before` to the second before `not_after`.
    pub fn is_live(&self, at: i64) -> bool {
        self.not_before <= at && self.not_after.is_none_or(|end| at < end)
    }
}

impl Payload for Endorsement {
    const KIND: DocumentKind = DocumentKind::Endorsement;
    fn version(&self) -> u32 {
        self.v
    }
}

/// A key that may be believed, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsed {
    /// The key.
    pub key: PublicKey,
    /// What it may do; keys that are trusted by themselves are product keys.
    pub role: KeyRole,
    /// The daemon whose key it is, by its activation.
    pub subject: Option<String>,
    /// The tenant that the endorsement names; `None` for a key that is trusted by itself.
    pub tenant: Option<String>,
    /// The first second in which it is believed no longer: where the first link of the chain ends; `None` = no end.
    pub until: Option<i64>,
}

/// Follows endorsements from trusted keys to the key of that name: at most [`LONGEST_CHAIN`] of them, each for that
/// product, each live at that instant (Unix seconds), each but the last for a product key. Of several ways the one that
/// lasts longest counts. Endorsements that cannot be opened are passed over: whoever hands them out is not trusted.
pub fn follow(
    trusted: &KeyTable,
    endorsements: &[Document],
    product: &str,
    key: KeyId,
    at: i64,
) -> Result<Endorsed, DocumentError> {
    let mut found: BTreeMap<KeyId, Endorsed> = trusted.keys().map(|key| (key.id(), Endorsed::trusted(*key))).collect();
    let mut unread: Vec<&Document> = endorsements.iter().take(MOST_ENDORSEMENTS).collect();
    let mut links: Vec<Link> = Vec::new();
    for _ in 0..LONGEST_CHAIN {
        // Signers that were found in the last round make more endorsements readable.
        unread.retain(|document| match found.get(&document.key_id()) {
            Some(signer) => {
                links.extend(Link::read(document, &signer.key, product, at));
                false
            }
            None => true,
        });
        let before = found.clone();
        for link in &links {
            let Some(signer) = before.get(&link.by).filter(|signer| signer.role == KeyRole::Product) else { continue };
            let next = link.after(signer);
            if found.get(&next.key.id()).is_none_or(|known| next.is_better_than(known)) {
                found.insert(next.key.id(), next);
            }
        }
        if found == before {
            break;
        }
    }
    found.remove(&key).ok_or(DocumentError::UnknownKey)
}

/// An endorsement that its signer did sign, for the right product, live at the right time.
struct Link {
    by: KeyId,
    key: PublicKey,
    endorsement: Endorsement,
}

impl Link {
    fn read(document: &Document, signer: &PublicKey, product: &str, at: i64) -> Option<Self> {
        let endorsement = document.open_endorsement(&[*signer].into_iter().collect()).ok()?;
        let key = PublicKey::parse(&endorsement.key).ok()?;
        let named = endorsement.subject.is_some() == (endorsement.role == KeyRole::Daemon);
        let right = named && endorsement.product == product && endorsement.is_live(at);
        right.then_some(Self { by: document.key_id(), key, endorsement })
    }

    fn after(&self, signer: &Endorsed) -> Endorsed {
        let ends = [signer.until, self.endorsement.not_after];
        Endorsed {
            key: self.key,
            role: self.endorsement.role,
            subject: self.endorsement.subject.clone(),
            tenant: Some(self.endorsement.tenant.clone()),
            until: ends.into_iter().flatten().min(),
        }
    }
}

impl Endorsed {
    fn trusted(key: PublicKey) -> Self {
        Self { key, role: KeyRole::Product, subject: None, tenant: None, until: None }
    }

    /// More rights first, then more time. What is trusted by itself cannot be bettered.
    fn is_better_than(&self, known: &Self) -> bool {
        let rank = |endorsed: &Self| (endorsed.role == KeyRole::Product, endorsed.until.unwrap_or(i64::MAX));
        rank(self) > rank(known)
    }
}
