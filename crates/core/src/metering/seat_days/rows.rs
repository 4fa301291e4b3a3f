//! The SQL of seat days: segments, holds and moves of all accounts of a stretch of the tree at once.
//!
//! Paths sort a tree from the top down, each branch in one piece. So a stretch of paths is one account (up to `path` and a
//! `0`), a branch, or a page of a branch, and one statement reads each.

use super::Interval;
use crate::account::{Path, Reach};
use crate::catalog::rows::{fifty, padded};
use crate::clock::Timestamp;
use crate::id::{AccountId, LicenseId, PriceCategoryId, ProductId};
use crate::license::Segment;
use lessor_db::{FromRow, Row, StoreError, Tx, statements};
use uuid::Uuid;

macro_rules! segment_columns {
    () => {
        "SELECT s.license_id, s.id, s.account_id, s.product_id, s.term_kind, s.ends_at, s.quantity, s.held, s.from_at, s.to_at FROM segments s "
    };
}

statements! {
    PLACES = "SELECT id, tenant_id, path, closed_at FROM accounts WHERE path >= $1 AND path < $2 ORDER BY path LIMIT $3";
    PLACES_OF = concat!("SELECT id, tenant_id, path, closed_at FROM accounts WHERE id IN (", fifty!(), ")");
    /// All segments of every license that was with one of the accounts at any time of the days: a license that left on a
    /// day counts that day elsewhere.
    SEGMENTS = concat!(segment_columns!(), "WHERE s.from_at < $4 AND (s.to_at IS NULL OR s.to_at > $3) AND s.license_id IN \
        (SELECT x.license_id FROM accounts a JOIN segments x ON x.account_id = a.id \
         WHERE a.path >= $1 AND a.path < $2 AND x.from_at < $4 AND (x.to_at IS NULL OR x.to_at > $3)) \
        ORDER BY s.license_id, s.from_at");
    SEGMENTS_OF_ACCOUNTS = concat!(segment_columns!(), "WHERE s.from_at < $52 AND (s.to_at IS NULL OR s.to_at > $51) \
        AND s.license_id IN (SELECT x.license_id FROM segments x WHERE x.account_id IN (", fifty!(), ") \
        AND x.from_at < $52 AND (x.to_at IS NULL OR x.to_at > $51))");
    SEGMENTS_OF_LICENSE = concat!(segment_columns!(),
        "WHERE s.license_id = $1 AND s.from_at < $3 AND (s.to_at IS NULL OR s.to_at > $2) ORDER BY s.from_at");
    SEGMENTS_OF_LICENSES = concat!(segment_columns!(), "WHERE s.from_at < $52 AND (s.to_at IS NULL OR s.to_at > $51) \
        AND s.license_id IN (", fifty!(), ")");
    LICENSES = "SELECT DISTINCT x.license_id FROM accounts a JOIN segments x ON x.account_id = a.id \
        WHERE a.path >= $1 AND a.path < $2 AND x.from_at < $4 AND (x.to_at IS NULL OR x.to_at > $3) \
        AND x.license_id > $5 ORDER BY x.license_id LIMIT $6";
    OWNER = "SELECT account_id FROM segments WHERE license_id = $1 ORDER BY from_at DESC LIMIT 1";
    HOLDS = "SELECT h.account_id, h.reach, h.placed_at, h.lifted_at FROM accounts a JOIN holds h ON h.account_id = a.id \
        WHERE a.path >= $1 AND a.path < $2 AND h.placed_at < $4 AND (h.lifted_at IS NULL OR h.lifted_at > $3)";
    HOLDS_OF = concat!("SELECT account_id, reach, placed_at, lifted_at FROM holds WHERE account_id IN (", fifty!(), ") \
        AND placed_at < $52 AND (lifted_at IS NULL OR lifted_at > $51)");
    MOVES_SINCE = "SELECT account_id, parent_id, until_at FROM account_moves WHERE tenant_id = $1 AND until_at > $2 \
        ORDER BY until_at, id";
    TENANT_OF_CATEGORY = "SELECT tenant_id FROM price_categories WHERE id = $1";
    PRODUCTS_OF_CATEGORY = "SELECT product_id FROM product_price_categories WHERE category_id = $1 ORDER BY product_id";
}

/// Where an account stands, and until when it was open.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub id: AccountId,
    pub tenant: AccountId,
    pub path: Path,
    pub closed_at: Option<Timestamp>,
}

impl FromRow for Place {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, tenant: row.get(1)?, path: row.get(2)?, closed_at: row.get(3)? })
    }
}

/// A hold on an account, as far as it says when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub account: AccountId,
    pub reach: Reach,
    pub time: Interval,
}

impl FromRow for Held {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { account: row.get(0)?, reach: row.get(1)?, time: Interval::between(row.get(2)?, row.get(3)?) })
    }
}

/// A parent that an account had until it was moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub account: AccountId,
    pub parent: AccountId,
    pub until: Timestamp,
}

impl FromRow for Moved {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { account: row.get(0)?, parent: row.get(1)?, until: row.get(2)? })
    }
}

/// A segment, and of which license.
#[derive(Clone, Debug)]
pub(super) struct Owned {
    pub license: LicenseId,
    pub segment: Segment,
}

impl FromRow for Owned {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let segment = Segment {
            id: row.get(1)?,
            account: row.get(2)?,
            product: row.get(3)?,
            term: row.get(4)?,
            ends_at: row.get(5)?,
            quantity: row.get(6)?,
            held: row.get(7)?,
            from: row.get(8)?,
            to: row.get(9)?,
        };
        Ok(Self { license: row.get(0)?, segment })
    }
}

/// From a path on, included, up to a text, excluded.
pub(super) type Stretch<'a> = (&'a str, &'a str);

pub(super) fn places(tx: &mut dyn Tx, (from, to): Stretch<'_>, limit: u32) -> Result<Vec<Place>, StoreError> {
    tx.all(PLACES, &[from.into(), to.into(), limit.into()])
}

pub(super) fn places_of(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<Place>, StoreError> {
    chunked(tx, ids, |tx, chunk| tx.all(PLACES_OF, &padded(chunk)))
}

pub(super) fn segments(tx: &mut dyn Tx, (from, to): Stretch<'_>, time: Interval) -> Result<Vec<Owned>, StoreError> {
    tx.all(SEGMENTS, &[from.into(), to.into(), time.from.into(), time.to.into()])
}

/// In no order.
pub(super) fn segments_of_accounts(tx: &mut dyn Tx, ids: &[Uuid], time: Interval) -> Result<Vec<Owned>, StoreError> {
    chunked(tx, ids, |tx, chunk| {
        tx.all(SEGMENTS_OF_ACCOUNTS, &[padded(chunk), vec![time.from.into(), time.to.into()]].concat())
    })
}

/// In no order.
pub(super) fn segments_of_licenses(tx: &mut dyn Tx, ids: &[Uuid], time: Interval) -> Result<Vec<Owned>, StoreError> {
    chunked(tx, ids, |tx, chunk| {
        tx.all(SEGMENTS_OF_LICENSES, &[padded(chunk), vec![time.from.into(), time.to.into()]].concat())
    })
}

/// The licenses that were with accounts of a stretch in that time, in the order of their ids, behind one of them.
pub(super) fn licenses(
    tx: &mut dyn Tx,
    (from, to): Stretch<'_>,
    time: Interval,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Uuid>, StoreError> {
    let params = [from.into(), to.into(), time.from.into(), time.to.into(), after.into(), limit.into()];
    let ids: Vec<(Uuid,)> = tx.all(LICENSES, &params)?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

pub(super) fn segments_of(tx: &mut dyn Tx, license: LicenseId, time: Interval) -> Result<Vec<Owned>, StoreError> {
    tx.all(SEGMENTS_OF_LICENSE, &[license.into(), time.from.into(), time.to.into()])
}

/// Whose a license is, or was when it was removed.
pub(super) fn owner(tx: &mut dyn Tx, license: LicenseId) -> Result<Option<AccountId>, StoreError> {
    Ok(tx.opt::<(AccountId,)>(OWNER, &[license.into()])?.map(|(id,)| id))
}

pub(super) fn holds(tx: &mut dyn Tx, (from, to): Stretch<'_>, time: Interval) -> Result<Vec<Held>, StoreError> {
    tx.all(HOLDS, &[from.into(), to.into(), time.from.into(), time.to.into()])
}

pub(super) fn holds_of(tx: &mut dyn Tx, accounts: &[Uuid], time: Interval) -> Result<Vec<Held>, StoreError> {
    chunked(tx, accounts, |tx, chunk| {
        tx.all(HOLDS_OF, &[padded(chunk), vec![time.from.into(), time.to.into()]].concat())
    })
}

fn chunked<T>(
    tx: &mut dyn Tx,
    ids: &[Uuid],
    read: impl Fn(&mut dyn Tx, &[Uuid]) -> Result<Vec<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    for chunk in ids.chunks(crate::catalog::rows::CHUNK) {
        all.extend(read(tx, chunk)?);
    }
    Ok(all)
}

/// The parents that accounts of a tenant have had since, in the order in which they were left.
pub(super) fn moves_since(tx: &mut dyn Tx, tenant: AccountId, since: Timestamp) -> Result<Vec<Moved>, StoreError> {
    tx.all(MOVES_SINCE, &[tenant.into(), since.into()])
}

pub(super) fn tenant_of_category(tx: &mut dyn Tx, category: PriceCategoryId) -> Result<Option<AccountId>, StoreError> {
    Ok(tx.opt::<(AccountId,)>(TENANT_OF_CATEGORY, &[category.into()])?.map(|(id,)| id))
}

pub(super) fn products_of(tx: &mut dyn Tx, category: PriceCategoryId) -> Result<Vec<ProductId>, StoreError> {
    let ids: Vec<(ProductId,)> = tx.all(PRODUCTS_OF_CATEGORY, &[category.into()])?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}
