//! The SQL of signing keys and of the documents by which one vouches for another.

use super::SigningKey;
use crate::clock::Timestamp;
use crate::id::ProductId;
use lessor_db::{FromRow, Row, StoreError, Tx, statements};
use lessor_lease::{KeyId, PublicKey};

statements! {
    INSERT_KEY = "INSERT INTO signing_keys (id, product_id, seed, public_key, state, created_at) \
                  VALUES ($1, $2, $3, $4, $5, $6)";
    ACTIVE_SEED = "SELECT seed FROM signing_keys WHERE product_id = $1 AND state = 'active' \
                   ORDER BY created_at DESC, id LIMIT 1";
    SEED = "SELECT seed FROM signing_keys WHERE id = $1";
    KEYS = "SELECT id, public_key, state, created_at FROM signing_keys WHERE product_id = $1 ORDER BY created_at, id";
    RETIRE_ACTIVE = "UPDATE signing_keys SET state = 'retiring' WHERE product_id = $1 AND state = 'active'";
    RETIRE = "UPDATE signing_keys SET state = 'retired', seed = $2 WHERE id = $1";

    INSERT_ENDORSEMENT = "INSERT INTO endorsements (key_id, by_key_id, product_id, document, created_at) \
                          VALUES ($1, $2, $3, $4, $5)";
    ENDORSEMENTS = "SELECT document FROM endorsements WHERE product_id = $1 ORDER BY created_at, key_id, by_key_id";
    DROP_ENDORSEMENTS = "DELETE FROM endorsements WHERE key_id = $1 OR by_key_id = $1";
}

impl FromRow for SigningKey {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let id: Vec<u8> = row.get(0)?;
        let id = id.try_into().map_err(|_| StoreError::column(0, "a key is named by 8 bytes"))?;
        let public: Vec<u8> = row.get(1)?;
        let public: [u8; 32] = public.try_into().map_err(|_| StoreError::column(1, "a key has 32 bytes"))?;
        Ok(Self {
            id: KeyId::from_bytes(id),
            public_key: PublicKey::from_bytes(&public).map_err(|error| StoreError::column(1, error.to_string()))?,
            state: row.get(2)?,
            created_at: row.get(3)?,
        })
    }
}

pub(super) fn insert_key(
    tx: &mut dyn Tx,
    product: ProductId,
    key: &SigningKey,
    seed: [u8; 32],
) -> Result<(), StoreError> {
    let params = [
        key.id.to_bytes().into(),
        product.into(),
        seed.into(),
        key.public_key.to_bytes().into(),
        key.state.word().into(),
        key.created_at.into(),
    ];
    tx.execute(INSERT_KEY, &params)?;
    Ok(())
}

pub(super) fn active_seed(tx: &mut dyn Tx, product: ProductId) -> Result<Option<Vec<u8>>, StoreError> {
    let found: Option<(Vec<u8>,)> = tx.opt(ACTIVE_SEED, &[product.into()])?;
    Ok(found.map(|(seed,)| seed))
}

pub(super) fn seed(tx: &mut dyn Tx, key: KeyId) -> Result<Option<Vec<u8>>, StoreError> {
    let found: Option<(Vec<u8>,)> = tx.opt(SEED, &[key.to_bytes().into()])?;
    Ok(found.map(|(seed,)| seed))
}

/// All keys of a product, oldest first.
pub(super) fn keys(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<SigningKey>, StoreError> {
    tx.all(KEYS, &[product.into()])
}

/// Has nothing new signed with the key that signed until now.
pub(super) fn retire_active(tx: &mut dyn Tx, product: ProductId) -> Result<(), StoreError> {
    tx.execute(RETIRE_ACTIVE, &[product.into()])?;
    Ok(())
}

/// Forgets the secret part of a key, and whom it vouched for and who for it.
pub(super) fn retire(tx: &mut dyn Tx, key: KeyId) -> Result<(), StoreError> {
    let no_seed: &[u8] = &[];
    tx.execute(RETIRE, &[key.to_bytes().into(), no_seed.into()])?;
    tx.execute(DROP_ENDORSEMENTS, &[key.to_bytes().into()])?;
    Ok(())
}

pub(super) fn insert_endorsement(
    tx: &mut dyn Tx,
    product: ProductId,
    key: KeyId,
    by: KeyId,
    document: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let params = [key.to_bytes().into(), by.to_bytes().into(), product.into(), document.into(), now.into()];
    tx.execute(INSERT_ENDORSEMENT, &params)?;
    Ok(())
}

pub(super) fn endorsements(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<String>, StoreError> {
    let found: Vec<(String,)> = tx.all(ENDORSEMENTS, &[product.into()])?;
    Ok(found.into_iter().map(|(document,)| document).collect())
}
