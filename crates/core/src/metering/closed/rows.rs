//! The SQL of closed months, as far as metering needs to know of them.

use super::super::day::{Day, Month};
use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::clock::Timestamp;
use crate::id::{AccountId, LicenseId, MeterId};
use lessor_db::{Engine, FromRow, Row, Statement, StoreError, Tx, Value, statements};
use uuid::Uuid;

/// Several at once hold a tenant's open; PostgreSQL alone.
const HOLD_DOOR: Statement = Statement { name: "HOLD_DOOR", sql: "SELECT pg_advisory_xact_lock_shared($1)" };
/// Waits for those who hold it open; PostgreSQL alone.
const SHUT_DOOR: Statement = Statement { name: "SHUT_DOOR", sql: "SELECT pg_advisory_xact_lock($1)" };

statements! {
    LAST_CLOSED = "SELECT max(month), max(as_of) FROM closings WHERE tenant_id = $1";

    /// Of which accounts, meters and days there are records that missed one of these closings.
    LATE = concat!("WITH RECURSIVE m (month) AS (SELECT CAST($51 AS BIGINT) UNION ALL SELECT month + 1 FROM m WHERE month < $52) \
        SELECT DISTINCT r.account_id, r.meter_id, r.day, r.missed FROM m CROSS JOIN usage_records r \
        WHERE r.missed IS NOT NULL AND r.tenant_id = $53 AND r.missed = m.month AND r.account_id IN (", fifty!(), ")");
    FIRST_LATE = "SELECT min(day) FROM usage_records WHERE missed IS NOT NULL AND tenant_id = $1 AND missed >= $2 AND missed < $3";

    /// A seek for each account and period: what other accounts used meanwhile costs nothing.
    MONTHS = concat!("WITH RECURSIVE d (month) AS (SELECT CAST($53 AS BIGINT) UNION ALL SELECT month + 1 FROM d WHERE month < $54) \
        SELECT u.account_id, u.month, u.value FROM d CROSS JOIN usage_months u \
        WHERE u.meter_id = $51 AND u.name = $52 AND u.month = d.month AND u.account_id IN (", fifty!(), ")");
    DAYS = concat!("WITH RECURSIVE d (day) AS (SELECT CAST($53 AS BIGINT) UNION ALL SELECT day + 1 FROM d WHERE day < $54) \
        SELECT u.account_id, u.day, u.value FROM d CROSS JOIN usage_days u \
        WHERE u.meter_id = $51 AND u.name = $52 AND u.day = d.day AND u.account_id IN (", fifty!(), ")");
    LEVEL_BEFORE = "SELECT value FROM usage_levels WHERE meter_id = $1 AND digest = $2 AND day < $3 ORDER BY day DESC LIMIT 1";
    FACTS = "WITH RECURSIVE d (day) AS (SELECT CAST($3 AS BIGINT) UNION ALL SELECT day + 1 FROM d WHERE day < $4) \
        SELECT r.id, r.license_id, r.subject, r.at, r.day, r.value, r.attributes FROM d CROSS JOIN usage_records r \
        WHERE r.meter_id = $1 AND r.day = d.day AND r.account_id = $2 AND (r.missed IS NULL OR r.missed < $5)";
}

pub(super) fn hold_door(tx: &mut dyn Tx, tenant: AccountId) -> Result<(), StoreError> {
    match tx.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => tx.queue(HOLD_DOOR, &[door(tenant).into()]),
    }
}

pub(super) fn shut_door(tx: &mut dyn Tx, tenant: AccountId) -> Result<(), StoreError> {
    match tx.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => tx.queue(SHUT_DOOR, &[door(tenant).into()]),
    }
}

/// The number of a tenant's door. Where two have the same, they wait for each other as well.
fn door(tenant: AccountId) -> i64 {
    let (head, tail) = tenant.0.as_u64_pair();
    (head ^ tail).cast_signed()
}

/// The month that was closed last, and as of when.
pub(super) fn last_closed(
    tx: &mut dyn Tx,
    tenant: AccountId,
) -> Result<(Option<Month>, Option<Timestamp>), StoreError> {
    let (month, as_of): (Option<i64>, Option<Timestamp>) = tx.one(LAST_CLOSED, &[tenant.into()])?;
    Ok((month.map(Month::from_number), as_of))
}

/// Account, meter and day of late records, and which closing they missed: the first to the last of these, both included.
pub(super) fn late(
    tx: &mut dyn Tx,
    tenant: AccountId,
    accounts: &[Uuid],
    (first, last): (Month, Month),
) -> Result<Vec<(AccountId, MeterId, Day, i64)>, StoreError> {
    let mut found = Vec::new();
    for some in accounts.chunks(CHUNK).filter(|_| first <= last) {
        let mut params = padded(some);
        params.extend([first.number().into(), last.number().into(), tenant.into()]);
        found.extend(tx.all::<(AccountId, MeterId, Day, i64)>(LATE, &params)?);
    }
    Ok(found)
}

/// The first day of any record that missed a closing: from the one, included, to the other, excluded.
pub(super) fn first_late(
    tx: &mut dyn Tx,
    tenant: AccountId,
    (from, until): (Month, Month),
) -> Result<Option<Day>, StoreError> {
    Ok(tx.one::<(Option<Day>,)>(FIRST_LATE, &[tenant.into(), from.number().into(), until.number().into()])?.0)
}

/// A figure: whose, of which month or day, how much.
pub(super) type Figure = (AccountId, i64, i64);

/// Figures of a meter and key by month, of these accounts alone, in no order.
pub(super) fn months(
    tx: &mut dyn Tx,
    of: (MeterId, &str),
    (from, until): (Month, Month),
    accounts: &[Uuid],
) -> Result<Vec<Figure>, StoreError> {
    read(tx, MONTHS, of, (from.number(), until.number()), accounts)
}

/// Figures of a meter and key by day, of these accounts alone, in no order.
pub(super) fn days(
    tx: &mut dyn Tx,
    of: (MeterId, &str),
    (from, until): (Day, Day),
    accounts: &[Uuid],
) -> Result<Vec<Figure>, StoreError> {
    read(tx, DAYS, of, (from.number(), until.number()), accounts)
}

fn read(
    tx: &mut dyn Tx,
    statement: Statement,
    (meter, name): (MeterId, &str),
    (from, until): (i64, i64),
    accounts: &[Uuid],
) -> Result<Vec<Figure>, StoreError> {
    let mut found = Vec::new();
    for some in accounts.chunks(CHUNK).filter(|_| from <= until) {
        let mut params: Vec<Value> = padded(some);
        params.extend([meter.into(), name.into(), from.into(), until.into()]);
        found.extend(tx.all::<Figure>(statement, &params)?);
    }
    Ok(found)
}

/// The last level that was reported before a day; 0 where none was.
pub(super) fn level_before(tx: &mut dyn Tx, meter: MeterId, digest: &[u8], day: Day) -> Result<i64, StoreError> {
    let found: Option<(i64,)> = tx.opt(LEVEL_BEFORE, &[meter.into(), digest.into(), day.number().into()])?;
    Ok(found.map_or(0, |(value,)| value))
}

/// What of a record makes figures.
pub(super) struct Fact {
    pub(super) id: Uuid,
    pub(super) license: Option<LicenseId>,
    pub(super) subject: String,
    pub(super) at: Timestamp,
    pub(super) day: Day,
    pub(super) value: i64,
    pub(super) attributes: Option<String>,
}

impl FromRow for Fact {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            license: row.get(1)?,
            subject: row.get(2)?,
            at: row.get(3)?,
            day: row.get(4)?,
            value: row.get(5)?,
            attributes: row.get(6)?,
        })
    }
}

/// Records of an account and meter from a day to another, both included, that the closing of a month did not miss; in no
/// order.
pub(super) fn facts(
    tx: &mut dyn Tx,
    (account, meter): (AccountId, MeterId),
    (from, until): (Day, Day),
    closing: Month,
    each: &mut dyn FnMut(Fact),
) -> Result<(), StoreError> {
    if from > until {
        return Ok(());
    }
    let params = [meter.into(), account.into(), from.number().into(), until.number().into(), closing.number().into()];
    tx.query(FACTS, &params, &mut |row| {
        each(Fact::from_row(row)?);
        Ok(true)
    })
}
