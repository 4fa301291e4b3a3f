//! The SQL of the people who use a product.

use crate::device::{ConsumerFilter, ConsumerRecord, ConsumerSource};
use crate::id::AccountId;
use crate::page::Start;
use lessor_db::{FromRow, Row, Statement, StoreError, Tx, Value, statements};
use uuid::Uuid;

macro_rules! records {
    () => {
        "SELECT c.id, c.product_id, c.fingerprint, c.license_code, c.first_name, c.last_name, c.company, c.email, c.document, \
         c.created_at FROM consumer_records c "
    };
}

macro_rules! count {
    () => {
        "SELECT count(*) FROM consumer_records c "
    };
}

/// The ids of a stretch of time bound what is walked through; the instants decide to the microsecond.
macro_rules! filter {
    () => {
        "AND c.id > $2 AND c.id <= $3 AND c.created_at >= $4 AND c.created_at <= $5 \
         AND (CAST($6 AS BIGINT) = 0 OR NOT EXISTS (SELECT 1 FROM consumer_records n WHERE n.product_id = c.product_id \
         AND n.fingerprint = c.fingerprint AND n.license_code = c.license_code AND n.id > c.id AND n.id <= $3 \
         AND n.created_at <= $5)) "
    };
}

macro_rules! of_trials {
    () => {
        concat!("WHERE c.product_id = $1 ", filter!(), "AND c.license_code = '' ")
    };
}

macro_rules! of_all {
    () => {
        concat!("WHERE c.product_id = $1 ", filter!(), "AND (CAST($7 AS BIGINT) = 0 OR c.license_code <> '') ")
    };
}

/// A device has few records. They are looked up before anything is said of their order, or an engine without statistics
/// would rather walk through all of the product in that order.
macro_rules! of_device {
    () => {
        concat!(
            "WHERE c.id IN (SELECT d.id FROM consumer_records d WHERE d.product_id = $1 AND d.fingerprint = $9) ",
            filter!(),
            "AND (CAST($7 AS BIGINT) = 0 OR c.license_code <> '') AND (CAST($8 AS BIGINT) = 0 OR c.license_code = '') "
        )
    };
}

statements! {
    INSERT = "INSERT INTO consumer_records (id, tenant_id, product_id, fingerprint, license_code, first_name, last_name, \
              company, email, document, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    RECORDS = concat!(records!(), of_all!(), "ORDER BY c.id LIMIT $8 OFFSET $9");
    RECORDS_OF_TRIALS = concat!(records!(), of_trials!(), "ORDER BY c.id LIMIT $7 OFFSET $8");
    RECORDS_OF_DEVICE = concat!(records!(), of_device!(), "ORDER BY c.id LIMIT $10 OFFSET $11");
    COUNT = concat!(count!(), of_all!());
    COUNT_OF_TRIALS = concat!(count!(), of_trials!());
    COUNT_OF_DEVICE = concat!(count!(), of_device!());
}

impl FromRow for ConsumerRecord {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            product: row.get(1)?,
            fingerprint: row.get(2)?,
            license_code: row.get(3)?,
            first_name: row.get(4)?,
            last_name: row.get(5)?,
            company: row.get(6)?,
            email: row.get(7)?,
            document: row.get(8)?,
            created_at: row.get(9)?,
        })
    }
}

pub(crate) fn insert(tx: &mut dyn Tx, tenant: AccountId, record: &ConsumerRecord) -> Result<(), StoreError> {
    let params = [
        record.id.into(),
        tenant.into(),
        record.product.into(),
        record.fingerprint.as_str().into(),
        record.license_code.as_str().into(),
        record.first_name.as_str().into(),
        record.last_name.as_str().into(),
        record.company.as_str().into(),
        record.email.as_str().into(),
        record.document.as_str().into(),
        record.created_at.into(),
    ];
    tx.execute(INSERT, &params)?;
    Ok(())
}

pub(crate) fn records(
    tx: &mut dyn Tx,
    filter: &ConsumerFilter,
    start: Start,
    limit: u32,
) -> Result<Vec<ConsumerRecord>, StoreError> {
    let (after, offset) = match start {
        Start::At(offset) => (Uuid::nil(), offset),
        Start::After(id) => (id, 0),
    };
    let (statement, mut params) = chosen(filter, after, [RECORDS_OF_DEVICE, RECORDS_OF_TRIALS, RECORDS]);
    params.extend([limit.into(), offset.into()]);
    tx.all(statement, &params)
}

pub(crate) fn count(tx: &mut dyn Tx, filter: &ConsumerFilter) -> Result<i64, StoreError> {
    let (statement, params) = chosen(filter, Uuid::nil(), [COUNT_OF_DEVICE, COUNT_OF_TRIALS, COUNT]);
    let (count,): (i64,) = tx.one(statement, &params)?;
    Ok(count)
}

/// The one of three statements (of a device, of trials, of all) that has an index for the filter, with its parameters.
fn chosen(filter: &ConsumerFilter, after: Uuid, [device, trials, all]: [Statement; 3]) -> (Statement, Vec<Value>) {
    let (first, last) = ids_between(filter);
    let mut params: Vec<Value> = vec![
        filter.product.into(),
        after.max(first).into(),
        last.into(),
        filter.from.map_or(i64::MIN, |from| from.micros()).into(),
        filter.until.map_or(i64::MAX, |until| until.micros()).into(),
        i64::from(filter.latest).into(),
    ];
    let licenses_only = i64::from(filter.source == Some(ConsumerSource::License));
    let trials_only = i64::from(filter.source == Some(ConsumerSource::Trial));
    match &filter.fingerprint {
        Some(fingerprint) => {
            params.extend([licenses_only.into(), trials_only.into(), fingerprint.as_str().into()]);
            (device, params)
        }
        None if trials_only == 1 => (trials, params),
        None => {
            params.push(licenses_only.into());
            (all, params)
        }
    }
}

/// The id right before the first one that can have been made in the filter's stretch of time, and the last one: an id
/// begins with the millisecond it was made in.
fn ids_between(filter: &ConsumerFilter) -> (Uuid, Uuid) {
    let millis = |micros: i64| u128::try_from(micros.div_euclid(1_000)).unwrap_or(0);
    let first = filter.from.map_or(0, |from| (millis(from.micros()) << 80).saturating_sub(1));
    let last = filter.until.map_or(u128::MAX, |until| ((millis(until.micros()) + 1) << 80) - 1);
    (Uuid::from_u128(first), Uuid::from_u128(last))
}
