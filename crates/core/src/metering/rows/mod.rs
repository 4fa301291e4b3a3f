//! The SQL of meters and of what was used; that of taking usage in has a file of its own.

use super::day::DayRule;
use super::meter::Meter;
use super::report::UsageRecord;
use crate::account::Path;
use crate::id::{AccountId, LicenseId, MeterId};
use lessor_db::{FromRow, Row, Statement, StoreError, Tx, statements};
use uuid::Uuid;

pub(crate) mod intake;

macro_rules! meters {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, name, aggregation, level_rule, unit, time_zone, cutoff_minutes, key_attribute, created_at, \
             from_devices FROM meters WHERE ",
            $rest
        )
    };
}

statements! {
    INSERT_METER = "INSERT INTO meters \
        (id, tenant_id, name, aggregation, level_rule, unit, time_zone, cutoff_minutes, key_attribute, created_at, from_devices) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    METER = meters!("id = $1");
    METER_NAMED = meters!("tenant_id = $1 AND name = $2");
    METERS = meters!("tenant_id = $1 ORDER BY id LIMIT 1000");
    EVERY_METER = meters!("id > $1 ORDER BY id LIMIT 1000");

    KEYS = "SELECT name FROM usage_keys WHERE meter_id = $1 ORDER BY name";

    /// A seek for each account and day: what other accounts used meanwhile costs nothing.
    DAYS_OF = "WITH RECURSIVE d (day) AS (SELECT CAST($3 AS BIGINT) UNION ALL SELECT day + 1 FROM d WHERE day < $4) \
        SELECT u.account_id, u.license_id, u.day, u.value, 0, a.path FROM accounts a CROSS JOIN d CROSS JOIN usage_days u \
        WHERE a.path >= $5 AND a.path <= $6 \
        AND u.meter_id = $1 AND u.name = $2 AND u.day = d.day AND u.account_id = a.id";
    MONTHS_OF = "WITH RECURSIVE d (month) AS (SELECT CAST($3 AS BIGINT) UNION ALL SELECT month + 1 FROM d WHERE month < $4) \
        SELECT u.account_id, u.license_id, u.month, u.value, u.weighted, a.path \
        FROM accounts a CROSS JOIN d CROSS JOIN usage_months u \
        WHERE a.path >= $5 AND a.path <= $6 \
        AND u.meter_id = $1 AND u.name = $2 AND u.month = d.month AND u.account_id = a.id";
    FIRST_MONTH = "SELECT month FROM usage_months WHERE meter_id = $1 AND name = $2 ORDER BY month LIMIT 1";
    ACCOUNTS = "SELECT id, name, path FROM accounts WHERE path >= $1 AND path <= $2 AND path > $3 ORDER BY path LIMIT $4";

    RECORDS_OF = "SELECT id, license_id, subject, at, value, attributes, source, source_id, corrects, received_at FROM usage_records \
                  WHERE meter_id = $1 AND day = $2 AND account_id = $3 AND id > $4 ORDER BY id LIMIT $5";

    ALL_DAYS = "SELECT day, account_id, license_id, name, value FROM usage_days WHERE meter_id = $1 AND day >= $2 AND day <= $3 AND value <> 0";
    ALL_MONTHS = "SELECT account_id, license_id, name, value, weighted FROM usage_months \
                  WHERE meter_id = $1 AND month = $2 AND (value <> 0 OR weighted <> 0)";
    ALL_SUBJECTS = "SELECT digest, day FROM usage_subjects WHERE meter_id = $1 AND month = $2";
    ALL_LEVELS = "SELECT digest, day, at, value FROM usage_levels WHERE meter_id = $1 AND day >= $2 AND day <= $3";
    ALL_FACTS = "SELECT account_id, license_id, subject, at, day, value, attributes FROM usage_records \
                 WHERE meter_id = $1 AND day >= $2 AND day <= $3 ORDER BY id";
    BOUNDS = "SELECT min(day), max(day) FROM (SELECT min(day) AS day FROM usage_records WHERE meter_id = $1 \
              UNION ALL SELECT max(day) FROM usage_records WHERE meter_id = $1 \
              UNION ALL SELECT min(day) FROM usage_days WHERE meter_id = $1 \
              UNION ALL SELECT max(day) FROM usage_days WHERE meter_id = $1 \
              UNION ALL SELECT min(day) FROM usage_levels WHERE meter_id = $1 \
              UNION ALL SELECT max(day) FROM usage_levels WHERE meter_id = $1) all_days";
}

impl FromRow for Meter {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let (zone, cutoff): (String, i64) = (row.get(6)?, row.get(7)?);
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            name: row.get(2)?,
            aggregation: row.get(3)?,
            level_rule: row.get(4)?,
            unit: row.get(5)?,
            days: DayRule::new(&zone, cutoff).map_err(|error| StoreError::column(6, error.to_string()))?,
            key_attribute: row.get(8)?,
            created_at: row.get(9)?,
            from_devices: row.get(10)?,
        })
    }
}

pub(super) fn insert_meter(tx: &mut dyn Tx, meter: &Meter) -> Result<(), StoreError> {
    let params = [
        meter.id.into(),
        meter.tenant.into(),
        meter.name.as_str().into(),
        meter.aggregation.word().into(),
        meter.level_rule.word().into(),
        meter.unit.as_str().into(),
        meter.days.zone().into(),
        meter.days.cutoff_minutes().into(),
        meter.key_attribute.as_deref().into(),
        meter.created_at.into(),
        meter.from_devices.into(),
    ];
    tx.execute(INSERT_METER, &params).map(|_| ())
}

pub(crate) fn meter(tx: &mut dyn Tx, id: MeterId) -> Result<Option<Meter>, StoreError> {
    tx.opt(METER, &[id.into()])
}

pub(super) fn meter_named(tx: &mut dyn Tx, tenant: AccountId, name: &str) -> Result<Option<Meter>, StoreError> {
    // No text in storage holds it, and none may be asked for it.
    if name.contains('\0') { Ok(None) } else { tx.opt(METER_NAMED, &[tenant.into(), name.into()]) }
}

pub(super) fn meters(tx: &mut dyn Tx, tenant: AccountId) -> Result<Vec<Meter>, StoreError> {
    tx.all(METERS, &[tenant.into()])
}

pub(super) fn every_meter(tx: &mut dyn Tx, after: MeterId) -> Result<Vec<Meter>, StoreError> {
    tx.all(EVERY_METER, &[after.into()])
}

pub(super) fn keys(tx: &mut dyn Tx, meter: MeterId) -> Result<Vec<String>, StoreError> {
    let found: Vec<(String,)> = tx.all(KEYS, &[meter.into()])?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

/// Which figures to read: of a meter and a key, between two places of the tree, both included.
pub(super) struct Reading<'a> {
    pub(super) meter: MeterId,
    pub(super) name: &'a str,
    pub(super) first: &'a str,
    pub(super) last: &'a str,
    /// Leave out what lies here: taken away from the caller.
    pub(super) hidden: &'a dyn Fn(&Path) -> bool,
    /// Is anything hidden at all?
    pub(super) hides: bool,
}

/// A figure of one account and license in one period.
pub(super) struct Entry {
    pub(super) account: AccountId,
    pub(super) license: LicenseId,
    pub(super) period: i64,
    pub(super) value: i64,
    pub(super) weighted: i64,
}

/// Figures of days.
pub(super) fn days_of(
    tx: &mut dyn Tx,
    reading: &Reading<'_>,
    days: (i64, i64),
    each: &mut dyn FnMut(Entry),
) -> Result<(), StoreError> {
    read(tx, DAYS_OF, reading, days, each)
}

/// Figures of months.
pub(super) fn months_of(
    tx: &mut dyn Tx,
    reading: &Reading<'_>,
    months: (i64, i64),
    each: &mut dyn FnMut(Entry),
) -> Result<(), StoreError> {
    read(tx, MONTHS_OF, reading, months, each)
}

fn read(
    tx: &mut dyn Tx,
    statement: Statement,
    reading: &Reading<'_>,
    (from, until): (i64, i64),
    each: &mut dyn FnMut(Entry),
) -> Result<(), StoreError> {
    if from > until {
        return Ok(());
    }
    let params = [
        reading.meter.into(),
        reading.name.into(),
        from.into(),
        until.into(),
        reading.first.into(),
        reading.last.into(),
    ];
    tx.query(statement, &params, &mut |row| {
        if !(reading.hides && (reading.hidden)(&row.get::<Path>(5)?)) {
            each(Entry {
                account: row.get(0)?,
                license: row.get(1)?,
                period: row.get(2)?,
                value: row.get(3)?,
                weighted: row.get(4)?,
            });
        }
        Ok(true)
    })
}

impl FromRow for UsageRecord {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let attributes: Option<String> = row.get(5)?;
        let read = |text: String| serde_json::from_str(&text).map_err(|error| StoreError::column(5, error.to_string()));
        Ok(Self {
            id: row.get(0)?,
            license: row.get(1)?,
            subject: row.get(2)?,
            at: row.get(3)?,
            value: row.get(4)?,
            attributes: attributes.map(read).transpose()?.unwrap_or_default(),
            source: row.get(6)?,
            source_id: row.get(7)?,
            corrects: row.get(8)?,
            received_at: row.get(9)?,
        })
    }
}

/// Records of an account on a day, behind one of them, in the order they came.
pub(super) fn records_of(
    tx: &mut dyn Tx,
    (meter, account): (MeterId, AccountId),
    day: i64,
    after: Uuid,
    limit: u32,
) -> Result<Vec<UsageRecord>, StoreError> {
    tx.all(RECORDS_OF, &[meter.into(), day.into(), account.into(), after.into(), limit.into()])
}

/// The first month in which there are figures.
pub(super) fn first_month(tx: &mut dyn Tx, meter: MeterId, name: &str) -> Result<Option<i64>, StoreError> {
    let found: Option<(i64,)> = tx.opt(FIRST_MONTH, &[meter.into(), name.into()])?;
    Ok(found.map(|(month,)| month))
}

/// Accounts between two places of the tree, both included, behind a third.
pub(super) fn accounts(
    tx: &mut dyn Tx,
    (first, last): (&str, &str),
    after: &str,
    limit: u32,
) -> Result<Vec<(AccountId, String, Path)>, StoreError> {
    tx.all(ACCOUNTS, &[first.into(), last.into(), after.into(), limit.into()])
}
