//! The SQL of a daemon's own store that no other room has: keys, names, and what it has to tell.

use crate::clock::Timestamp;
use crate::device::rows::live;
use crate::id::{AccountId, LicenseId, NamedValueId, ProductId};
use lessor_db::{FromRow, Row, StoreError, Tx, statements};
use uuid::Uuid;

/// What the server is told of. The rest of the journal is the daemon's own affair: how it laid out what it was given.
macro_rules! told {
    () => {
        "(kind = 'license.activated' OR kind LIKE 'activation.%' OR kind LIKE 'lease.%' OR kind LIKE 'feature.%' \
          OR kind LIKE 'device.%' OR kind LIKE 'delegation.%')"
    };
}

statements! {
    DROP_KEYS = "DELETE FROM signing_keys WHERE product_id = $1";
    PUT_KEY = "INSERT INTO signing_keys (id, product_id, seed, public_key, state, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (id) DO NOTHING";
    RAISE_VERSION = "UPDATE products SET version = version + 1 WHERE id = $1";
    DROP_ENDORSEMENTS = "DELETE FROM endorsements WHERE product_id = $1";
    PUT_ENDORSEMENT = "INSERT INTO endorsements (key_id, by_key_id, product_id, document, created_at) VALUES ($1, $2, $3, $4, $5) \
                       ON CONFLICT (key_id, by_key_id) DO UPDATE SET document = excluded.document";
    PUT_VALUE = "INSERT INTO named_values (id, product_id, name, value) VALUES ($1, $2, $3, '') \
                 ON CONFLICT (product_id, name) DO NOTHING";
    PUT_ALIAS = "INSERT INTO aliases (tenant_id, dialect, kind, alias, record_id) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (tenant_id, dialect, kind, alias) DO NOTHING";
    DELEGATED = "SELECT id, code FROM licenses WHERE product_id = $1 AND role = 'delegated' ORDER BY id";
    OUTBOX = concat!(
        "SELECT at, kind, subject_kind, subject_id, data FROM events WHERE ", told!(), " ORDER BY id LIMIT $1 OFFSET $2");
    LAST_EVENT = "SELECT at FROM events ORDER BY id DESC LIMIT 1";
    LAST_LEASE = "SELECT CAST(coalesce(max(leased_at), 0) AS BIGINT) FROM activations";
    SEATS = concat!(
        "SELECT count(*) FROM activations a JOIN licenses l ON l.id = a.license_id WHERE l.role = 'delegated' AND ",
        live!("a.", "$1"));
}

/// A key as it is kept: one without its secret half is only shown.
pub(super) struct Key {
    pub id: [u8; 8],
    pub seed: Vec<u8>,
    pub public: [u8; 32],
    pub state: &'static str,
}

/// Replaces the keys of a product: the daemon's own, which signs, and those of the server, which are only shown.
pub(super) fn put_keys(tx: &mut dyn Tx, product: ProductId, keys: &[Key], now: Timestamp) -> Result<(), StoreError> {
    tx.execute(DROP_KEYS, &[product.into()])?;
    for Key { id, seed, public, state } in keys {
        let params = [
            id.to_vec().into(),
            product.into(),
            seed.clone().into(),
            public.to_vec().into(),
            (*state).into(),
            now.into(),
        ];
        tx.execute(PUT_KEY, &params)?;
    }
    tx.execute(RAISE_VERSION, &[product.into()])?;
    Ok(())
}

/// Replaces the endorsements of a product: key, signer, document.
pub(super) fn put_endorsements(
    tx: &mut dyn Tx,
    product: ProductId,
    endorsements: &[([u8; 8], [u8; 8], String)],
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(DROP_ENDORSEMENTS, &[product.into()])?;
    for (key, by, document) in endorsements {
        let params = [key.to_vec().into(), by.to_vec().into(), product.into(), document.as_str().into(), now.into()];
        tx.execute(PUT_ENDORSEMENT, &params)?;
    }
    Ok(())
}

pub(super) fn put_value(tx: &mut dyn Tx, id: NamedValueId, product: ProductId, name: &str) -> Result<(), StoreError> {
    tx.execute(PUT_VALUE, &[id.into(), product.into(), name.into()])?;
    Ok(())
}

pub(super) fn put_alias(
    tx: &mut dyn Tx,
    tenant: AccountId,
    dialect: &str,
    alias: &str,
    product: ProductId,
) -> Result<(), StoreError> {
    tx.execute(PUT_ALIAS, &[tenant.into(), dialect.into(), "product".into(), alias.into(), product.into()])?;
    Ok(())
}

/// The daemon's shares of licenses, with their codes.
pub(super) fn delegated(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<(LicenseId, String)>, StoreError> {
    tx.all(DELEGATED, &[product.into()])
}

/// An event that the server is told of.
pub(super) struct Told {
    pub at: Timestamp,
    pub kind: String,
    pub subject_kind: String,
    pub subject: Uuid,
    pub data: String,
}

impl FromRow for Told {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            at: row.get(0)?,
            kind: row.get(1)?,
            subject_kind: row.get(2)?,
            subject: row.get(3)?,
            data: row.get(4)?,
        })
    }
}

/// Events that the server is told of, in order, without the first so many.
pub(super) fn outbox(tx: &mut dyn Tx, without: i64, limit: u32) -> Result<Vec<Told>, StoreError> {
    tx.all(OUTBOX, &[limit.into(), without.into()])
}

/// The latest instant at which anything happened here.
pub(super) fn latest(tx: &mut dyn Tx) -> Result<Option<Timestamp>, StoreError> {
    let event: Option<(Timestamp,)> = tx.opt(LAST_EVENT, &[])?;
    let (lease,): (Timestamp,) = tx.one(LAST_LEASE, &[])?;
    Ok(event.map(|(at,)| at).into_iter().chain((lease.micros() > 0).then_some(lease)).max())
}

/// How many seats are out.
pub(super) fn seats_out(tx: &mut dyn Tx, now: Timestamp) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(SEATS, &[now.into()])?;
    Ok(count)
}
