//! The SQL of the stream.

use super::{Source, StreamFilter, StreamRecord, first_at};
use crate::bulk::{Insert, ROWS, Text, many};
use crate::clock::Timestamp;
use crate::id::{AccountId, ProductId, StreamRecordId};
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

const HEAD: &str = "INSERT INTO stream_records (id, tenant_id, source, name, failed, told_at, at, ip, who, product_id, code, data) VALUES ";
const RECORD: &str = "(?, $1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
// What is tried again because nobody knows whether it was written is not written twice.
const TAIL: &str = " ON CONFLICT (id) DO NOTHING";
const RECORDS_TEXT: Text<4_096> = many(HEAD, RECORD, ROWS, 1, TAIL);
const RECORD_TEXT: Text<512> = many(HEAD, RECORD, 1, 1, TAIL);

macro_rules! page {
    ($filter:literal) => {
        concat!(
            "SELECT r.id, r.source, r.name, r.failed, r.told_at, r.at, r.ip, r.who, r.product_id, p.name, r.code, r.data \
             FROM stream_records r LEFT JOIN products p ON p.id = r.product_id \
             WHERE r.tenant_id = $1 AND r.id > $2 AND r.id < $3 AND r.at >= $4 AND r.at <= $5 \
             AND (CAST($6 AS BIGINT) = 0 OR lower(r.name) LIKE $7 ESCAPE '!') \
             AND (CAST($8 AS BIGINT) = 0 OR r.failed = $9) AND (CAST($10 AS BIGINT) = 0 OR r.product_id = $11) \
             AND (CAST($12 AS BIGINT) = 0 OR r.who = $13) AND (CAST($14 AS BIGINT) = 0 OR r.source = $15)",
            $filter,
            " ORDER BY r.id LIMIT $16"
        )
    };
}

statements! {
    RECORDS = RECORDS_TEXT.as_str();
    RECORD_ALONE = RECORD_TEXT.as_str();
    PAGE = page!("");
    PAGE_OF_SOURCE = page!(" AND r.source = $17");
    PAGE_OF_CODE = page!(" AND r.code = $17");
    DELETE_BEFORE = "DELETE FROM stream_records WHERE id IN (SELECT id FROM stream_records WHERE id < $1 ORDER BY id LIMIT $2)";
    DRAWS = "SELECT id FROM api_keys WHERE tenant_id = $1 AND draws = TRUE AND revoked_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $2) LIMIT 1";
    DRAWING = "SELECT DISTINCT tenant_id FROM api_keys WHERE draws = TRUE AND revoked_at IS NULL \
               AND (expires_at IS NULL OR expires_at > $1)";
    OF_LICENSE = "SELECT product_id, code FROM licenses WHERE id = $1";
    OF_ACTIVATION = "SELECT a.product_id, l.code FROM activations a LEFT JOIN licenses l ON l.id = a.license_id WHERE a.id = $1";
    OF_TRIAL = "SELECT product_id FROM trials WHERE id = $1";
}

/// Writes records of one tenant.
pub(super) fn insert(tx: &mut dyn Tx, tenant: AccountId, records: &[StreamRecord]) -> Result<(), StoreError> {
    let params = |record: &StreamRecord, bound: &mut Vec<Value>| {
        bound.extend([
            record.id.into(),
            record.source.word().into(),
            record.name.as_str().into(),
            record.failed.into(),
            record.told_at.into(),
            record.at.into(),
            record.ip.as_str().into(),
            record.who.into(),
            record.product.into(),
            record.code.as_deref().into(),
            record.data.to_string().into(),
        ]);
    };
    Insert { many: RECORDS, one: RECORD_ALONE }.write(tx, &[tenant.into()], records, params)
}

impl FromRow for StreamRecord {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let data: String = row.get(11)?;
        Ok(Self {
            id: row.get(0)?,
            source: row.get::<Source>(1)?,
            name: row.get(2)?,
            failed: row.get(3)?,
            told_at: row.get(4)?,
            at: row.get(5)?,
            ip: row.get(6)?,
            who: row.get(7)?,
            product: row.get(8)?,
            product_name: row.get(9)?,
            code: row.get(10)?,
            data: serde_json::from_str(&data).map_err(|error| StoreError::column(11, error.to_string()))?,
        })
    }
}

/// Records behind `after`, in order. The id tells the millisecond of a record, so that a stretch of time is one of ids.
pub(super) fn page(
    tx: &mut dyn Tx,
    filter: &StreamFilter,
    after: Option<StreamRecordId>,
    limit: u32,
) -> Result<Vec<StreamRecord>, StoreError> {
    let from = filter.from.map_or(Uuid::nil(), |from| Uuid::from_u128(first_at(from).as_u128().saturating_sub(1)));
    let end = filter.until.map_or(Uuid::max(), |to| first_at(to.plus_micros(1_000)));
    let literal = filter.name.as_deref().unwrap_or_default().to_lowercase();
    let literal = literal.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    let given = |there: bool| Value::from(i64::from(there));
    let mut params: Vec<Value> = vec![
        filter.tenant.into(),
        after.map_or(from, |id| from.max(id.0)).into(),
        end.into(),
        filter.from.map_or(i64::MIN, Timestamp::micros).into(),
        filter.until.map_or(i64::MAX, Timestamp::micros).into(),
        given(filter.name.is_some()),
        format!("%{literal}%").into(),
        given(filter.failed.is_some()),
        filter.failed.unwrap_or(false).into(),
        given(filter.product.is_some()),
        filter.product.map_or(Uuid::nil(), |id| id.0).into(),
        given(filter.who.is_some()),
        filter.who.unwrap_or(Uuid::nil()).into(),
        given(filter.source.is_some()),
        filter.source.map_or("", Source::word).into(),
        limit.into(),
    ];
    // The rarest thing that is asked for leads to the records.
    let statement = match (&filter.code, filter.source) {
        (Some(code), _) => {
            params.push(code.as_str().into());
            PAGE_OF_CODE
        }
        (None, Some(source)) => {
            params.push(source.word().into());
            PAGE_OF_SOURCE
        }
        (None, None) => PAGE,
    };
    tx.all(statement, &params)
}

/// Deletes the first records before an id; gives how many.
pub(super) fn delete_before(tx: &mut dyn Tx, id: Uuid, limit: u32) -> Result<u64, StoreError> {
    tx.execute(DELETE_BEFORE, &[id.into(), limit.into()])
}

/// Does the tenant draw its stream?
pub(super) fn draws(tx: &mut dyn Tx, tenant: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let key: Option<(Uuid,)> = tx.opt(DRAWS, &[tenant.into(), now.into()])?;
    Ok(key.is_some())
}

/// Tenants that draw their streams.
pub(super) fn drawing(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
    let found: Vec<(AccountId,)> = tx.all(DRAWING, &[now.into()])?;
    Ok(found.into_iter().map(|(tenant,)| tenant).collect())
}

/// Product and code of a license.
pub(super) fn of_license(tx: &mut dyn Tx, id: Uuid) -> Result<Option<(ProductId, String)>, StoreError> {
    tx.opt(OF_LICENSE, &[id.into()])
}

/// Product of an activation, and the code of its license.
pub(super) fn of_activation(tx: &mut dyn Tx, id: Uuid) -> Result<Option<(ProductId, Option<String>)>, StoreError> {
    tx.opt(OF_ACTIVATION, &[id.into()])
}

/// Product of a trial.
pub(super) fn of_trial(tx: &mut dyn Tx, id: Uuid) -> Result<Option<ProductId>, StoreError> {
    let found: Option<(ProductId,)> = tx.opt(OF_TRIAL, &[id.into()])?;
    Ok(found.map(|(product,)| product))
}
