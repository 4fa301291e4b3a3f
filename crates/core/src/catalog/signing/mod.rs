//! The keys that a product's documents are signed with: made with the product, replaced by rotation, retired when they
//! are compromised.
//!
//! One key signs. The ones before it stay published, so that what they signed goes on verifying. Every published key
//! vouches for each later one, so that a device that knows any of them gets to the present one, whichever others were
//! retired meanwhile.

pub(crate) mod rows;

use super::product::{lock, may_see, subject};
use super::{Product, rows as catalog_rows};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::id::ProductId;
use crate::journal;
use crate::license::from_word;
use lessor_db::{FromColumn, StoreError, Tx, ValueRef};
use lessor_lease::{Endorsement, KeyId, KeyRole, PublicKey, Signer, VERSION};
use serde_json::json;

/// Most keys of a product that are published at once.
pub const MOST_KEYS: usize = 8;

/// What a key is used for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It signs.
    Active,
    /// Nothing new is signed with it; what it signed still verifies.
    Retiring,
    /// It is not published any more.
    Retired,
}

impl KeyState {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            KeyState::Active => "active",
            KeyState::Retiring => "retiring",
            KeyState::Retired => "retired",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [KeyState::Active, KeyState::Retiring, KeyState::Retired].into_iter().find(|state| state.word() == word)
    }
}

from_word!(KeyState);

/// A key that documents of a product are or were signed with, without its secret part.
#[derive(Clone, Debug, PartialEq)]
pub struct SigningKey {
    /// Its short name, as documents carry it.
    pub id: KeyId,
    /// What verifies.
    pub public_key: PublicKey,
    /// What it is used for now.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The keys that documents of a product are verified with, oldest first; the state is `active` or `retiring`.
///
/// # Errors
/// `NotFound` for an unknown product.
pub fn public_keys(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<(PublicKey, String)>, Error> {
    let keys: Vec<_> = published(tx, product)?;
    if keys.is_empty() {
        return Err(Error::not_found(Noun::Product));
    }
    Ok(keys.into_iter().map(|key| (key.public_key, key.state.word().to_owned())).collect())
}

/// The documents by which published keys of a product vouch for later ones, oldest first.
///
/// # Errors
/// Those of storage.
pub fn endorsements(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<String>, Error> {
    Ok(rows::endorsements(tx, product)?)
}

/// All keys of a product, oldest first, retired ones too.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn signing_keys(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId) -> Result<Vec<SigningKey>, Error> {
    let product = catalog_rows::product(tx, product)?.ok_or(Error::not_found(Noun::Product))?;
    may_see(tx, cx, product.tenant)?;
    Ok(rows::keys(tx, product.id)?)
}

/// Makes the key that signs for a product from now on. The ones before it vouch for it and stay published. Every
/// rotation makes another key.
///
/// # Errors
/// `OutOfRange` where 8 are published already: retire one first. `NotFound`, `Forbidden`.
pub fn rotate_key(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId) -> Result<SigningKey, Error> {
    let product = lock(tx, cx, product)?;
    let old = published(tx, product.id)?;
    if old.len() >= MOST_KEYS {
        return Err(Refusal::OutOfRange { field: "signing_keys", min: 1, max: MOST_KEYS as i64 }.into());
    }
    rows::retire_active(tx, product.id)?;
    let new = make_key(tx, cx, product.id)?;
    for key in &old {
        let signer = signer_of(tx, product.id, key.id)?;
        let document = endorsement(&product, &new, cx.now).sign(&signer);
        let document = document.map_err(|error| StoreError::Broken(format!("endorsement: {error}")))?;
        rows::insert_endorsement(tx, product.id, new.id, key.id, &document.to_string(), cx.now)?;
    }
    let before = old.iter().find(|key| key.state == KeyState::Active).map(|key| key.id.to_string());
    let data = json!({ "before": before, "after": new.id.to_string() });
    journal::append(tx, cx, "product.key_rotated", subject(&product), &data)?;
    Ok(new)
}

/// Takes a compromised key out of publication, with what it vouched for, and forgets its secret part. Retiring twice is
/// not an error.
///
/// # Errors
/// `InUse` for the key that signs: rotate first. `NotFound`, `Forbidden`.
pub fn retire_key(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, key: KeyId) -> Result<SigningKey, Error> {
    let product = lock(tx, cx, product)?;
    let found = rows::keys(tx, product.id)?.into_iter().find(|one| one.id == key);
    let found = found.ok_or(Error::not_found(Noun::SigningKey))?;
    match found.state {
        KeyState::Active => return Err(Refusal::InUse(Noun::SigningKey).into()),
        KeyState::Retired => return Ok(found),
        KeyState::Retiring => {}
    }
    rows::retire(tx, key)?;
    catalog_rows::raise_version(tx, product.id)?;
    journal::append(tx, cx, "product.key_retired", subject(&product), &json!({ "before": key.to_string() }))?;
    Ok(SigningKey { state: KeyState::Retired, ..found })
}

/// Makes a key for a product and has it sign from now on.
pub(super) fn make_key(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId) -> Result<SigningKey, Error> {
    let seed: [u8; 32] = cx.random();
    let signer = Signer::from_seed(seed);
    let (id, public_key) = (signer.key_id(), signer.public_key());
    let key = SigningKey { id, public_key, state: KeyState::Active, created_at: cx.now };
    rows::insert_key(tx, product, &key, seed)?;
    catalog_rows::raise_version(tx, product)?;
    Ok(key)
}

/// What signs for a product now.
pub(crate) fn signer(tx: &mut dyn Tx, product: ProductId) -> Result<Signer, Error> {
    from_seed(rows::active_seed(tx, product)?, product)
}

fn signer_of(tx: &mut dyn Tx, product: ProductId, key: KeyId) -> Result<Signer, Error> {
    from_seed(rows::seed(tx, key)?, product)
}

fn from_seed(seed: Option<Vec<u8>>, product: ProductId) -> Result<Signer, Error> {
    let seed = seed.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let broken = || StoreError::Broken(format!("product {product} has no signing key"));
    Ok(seed.map(Signer::from_seed).ok_or_else(broken)?)
}

fn published(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<SigningKey>, Error> {
    let mut keys = rows::keys(tx, product)?;
    keys.retain(|key| key.state != KeyState::Retired);
    Ok(keys)
}

/// Without an end: a device may have been away for long, and a key that must not be trusted is retired instead.
fn endorsement(product: &Product, key: &SigningKey, now: Timestamp) -> Endorsement {
    Endorsement {
        v: VERSION,
        issuer: "lessor".into(),
        tenant: product.tenant.to_string(),
        product: product.id.to_string(),
        key: key.public_key.to_hex(),
        role: KeyRole::Product,
        subject: None,
        not_before: now.seconds(),
        not_after: None,
        issued_at: now.seconds(),
    }
}
