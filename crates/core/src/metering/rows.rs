//! The SQL of meters and usage.

use super::day::DayRule;
use super::meter::Meter;
use super::record::Fact;
use super::report::UsageRecord;
use super::rollup::{Cell, Sight};
use crate::account::Path;
use crate::bulk::{Insert, ROWS, Text, many};
use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::clock::Timestamp;
use crate::id::{AccountId, LicenseId, MeterId};
use lessor_db::{FromRow, Row, Statement, StoreError, Tx, Value, statements};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const FACT_HEAD: &str = "INSERT INTO usage_records (id, tenant_id, meter_id, account_id, license_id, subject, at, day, value, attributes, \
                         source, source_id, corrects, received_at) VALUES ";
const FACT: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, $1)";
const FACTS_TEXT: Text<8_192> = many(FACT_HEAD, FACT, ROWS, 1, "");
const FACT_TEXT: Text<512> = many(FACT_HEAD, FACT, 1, 1, "");

const TOLD_HEAD: &str = "INSERT INTO usage_told (tenant_id, hour, digest) VALUES ";
const TOLD_TAIL: &str = " ON CONFLICT (tenant_id, hour, digest) DO NOTHING RETURNING hour, digest";
const TOLD_MANY_TEXT: Text<2_048> = many(TOLD_HEAD, "(?, ?, ?)", ROWS, 0, TOLD_TAIL);
const TOLD_TEXT: Text<256> = many(TOLD_HEAD, "(?, ?, ?)", 1, 0, TOLD_TAIL);

const SEEN_HEAD: &str = "INSERT INTO usage_subjects (meter_id, month, digest, day) VALUES ";
const SEEN_TAIL: &str = " ON CONFLICT (meter_id, month, digest) DO NOTHING RETURNING meter_id, month, digest";
const SEEN_MANY_TEXT: Text<2_048> = many(SEEN_HEAD, "(?, ?, ?, ?)", ROWS, 0, SEEN_TAIL);
const SEEN_TEXT: Text<256> = many(SEEN_HEAD, "(?, ?, ?, ?)", 1, 0, SEEN_TAIL);

// A figure that would leave the range of whole numbers is not written, and the count of rows tells.
const DAY_HEAD: &str = "INSERT INTO usage_days (meter_id, name, day, account_id, license_id, value) VALUES ";
const DAY_TAIL: &str = " ON CONFLICT (meter_id, name, day, account_id, license_id) \
                        DO UPDATE SET value = usage_days.value + excluded.value \
                        WHERE usage_days.value + excluded.value BETWEEN -4000000000000000000 AND 4000000000000000000";
const DAYS_TEXT: Text<4_096> = many(DAY_HEAD, "(?, ?, ?, ?, ?, ?)", ROWS, 0, DAY_TAIL);
const DAY_TEXT: Text<512> = many(DAY_HEAD, "(?, ?, ?, ?, ?, ?)", 1, 0, DAY_TAIL);
const MONTH_HEAD: &str =
    "INSERT INTO usage_months (meter_id, name, month, account_id, license_id, value, weighted) VALUES ";
const MONTH_TAIL: &str = " ON CONFLICT (meter_id, name, month, account_id, license_id) \
                          DO UPDATE SET value = usage_months.value + excluded.value, weighted = usage_months.weighted + excluded.weighted \
                          WHERE usage_months.value + excluded.value BETWEEN -4000000000000000000 AND 4000000000000000000 \
                          AND usage_months.weighted + excluded.weighted BETWEEN -4000000000000000000 AND 4000000000000000000";
const MONTHS_TEXT: Text<4_096> = many(MONTH_HEAD, "(?, ?, ?, ?, ?, ?, ?)", ROWS, 0, MONTH_TAIL);
const MONTH_TEXT: Text<768> = many(MONTH_HEAD, "(?, ?, ?, ?, ?, ?, ?)", 1, 0, MONTH_TAIL);

macro_rules! meters {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, name, aggregation, level_rule, unit, time_zone, cutoff_minutes, key_attribute, created_at \
             FROM meters WHERE ",
            $rest
        )
    };
}

statements! {
    INSERT_METER = "INSERT INTO meters \
        (id, tenant_id, name, aggregation, level_rule, unit, time_zone, cutoff_minutes, key_attribute, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    METER = meters!("id = $1");
    METER_NAMED = meters!("tenant_id = $1 AND name = $2");
    METERS = meters!("tenant_id = $1 ORDER BY id LIMIT 1000");
    EVERY_METER = meters!("id > $1 ORDER BY id LIMIT 1000");

    PLACES = concat!("SELECT id, tenant_id, path, closed_at FROM accounts WHERE id IN (", fifty!(), ")");
    LOCK_PLACES = concat!("SELECT id FROM accounts WHERE id IN (", fifty!(), ") ORDER BY id FOR NO KEY UPDATE");

    FACTS = FACTS_TEXT.as_str();
    ONE_FACT = FACT_TEXT.as_str();
    TELL_MANY = TOLD_MANY_TEXT.as_str();
    TELL = TOLD_TEXT.as_str();
    TELL_HOUR = "INSERT INTO usage_hours (tenant_id, hour, told_at) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, hour) \
                 DO UPDATE SET told_at = excluded.told_at WHERE usage_hours.told_at < excluded.told_at - 86400000000";
    OLD_HOUR = "SELECT tenant_id, hour FROM usage_hours WHERE told_at < $1 ORDER BY told_at LIMIT 1";
    FORGET_TOLD = "DELETE FROM usage_told WHERE tenant_id = $1 AND hour = $2 AND digest IN \
                   (SELECT digest FROM usage_told WHERE tenant_id = $1 AND hour = $2 ORDER BY digest LIMIT $3)";
    FORGET_HOUR = "DELETE FROM usage_hours WHERE tenant_id = $1 AND hour = $2 AND told_at < $3";
    KEYS = "SELECT name FROM usage_keys WHERE meter_id = $1 ORDER BY name";
    ADD_KEY = "INSERT INTO usage_keys (meter_id, name) VALUES ($1, $2) ON CONFLICT (meter_id, name) DO NOTHING";

    SEE_MANY = SEEN_MANY_TEXT.as_str();
    SEE = SEEN_TEXT.as_str();
    SEEN_LATER = concat!(
        "SELECT digest, day FROM usage_subjects WHERE meter_id = $51 AND month = $52 AND day > $53 AND digest IN (",
        fifty!(), ") ORDER BY digest FOR UPDATE");
    SEE_EARLIER = "UPDATE usage_subjects SET day = $4 WHERE meter_id = $1 AND month = $2 AND digest = $3";
    /// The report of a day, the one before it and the one behind.
    LEVELS_AROUND = "SELECT 0, day, at, value FROM usage_levels WHERE meter_id = $1 AND digest = $2 AND day = $3 \
        UNION ALL SELECT * FROM (SELECT -1, day, at, value FROM usage_levels \
            WHERE meter_id = $1 AND digest = $2 AND day < $3 ORDER BY day DESC LIMIT 1) before \
        UNION ALL SELECT * FROM (SELECT 1, day, at, value FROM usage_levels \
            WHERE meter_id = $1 AND digest = $2 AND day > $3 ORDER BY day LIMIT 1) behind";
    PUT_LEVEL = "INSERT INTO usage_levels (meter_id, digest, day, at, value) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (meter_id, digest, day) DO UPDATE SET at = excluded.at, value = excluded.value";
    ADD_DAYS = DAYS_TEXT.as_str();
    ADD_DAY = DAY_TEXT.as_str();
    ADD_MONTHS = MONTHS_TEXT.as_str();
    ADD_MONTH = MONTH_TEXT.as_str();

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
    ];
    tx.execute(INSERT_METER, &params).map(|_| ())
}

pub(super) fn meter(tx: &mut dyn Tx, id: MeterId) -> Result<Option<Meter>, StoreError> {
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

/// Where an account stands, and whether it takes anything in.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) account: AccountId,
    pub(super) tenant: AccountId,
    pub(super) path: Path,
    pub(super) closed_at: Option<Timestamp>,
}

impl FromRow for Place {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { account: row.get(0)?, tenant: row.get(1)?, path: row.get(2)?, closed_at: row.get(3)? })
    }
}

pub(super) fn places(tx: &mut dyn Tx, accounts: &[Uuid]) -> Result<Vec<Place>, StoreError> {
    let mut found = Vec::with_capacity(accounts.len());
    for some in accounts.chunks(CHUNK) {
        found.extend(tx.all::<Place>(PLACES, &padded(some))?);
    }
    Ok(found)
}

/// Has others wait who take levels of these accounts in. In order, so that two batches do not wait for each other.
pub(super) fn lock_places(tx: &mut dyn Tx, accounts: &BTreeSet<AccountId>) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    for some in ids.chunks(CHUNK) {
        let _: Vec<(AccountId,)> = tx.all(LOCK_PLACES, &padded(some))?;
    }
    Ok(())
}

pub(super) fn insert_facts(tx: &mut dyn Tx, now: Timestamp, facts: &[Fact<'_>]) -> Result<(), StoreError> {
    let params = |fact: &Fact<'_>, bound: &mut Vec<Value>| {
        bound.extend([
            fact.id.into(),
            fact.meter.tenant.into(),
            fact.meter.id.into(),
            fact.account.into(),
            fact.license.into(),
            fact.told.subject.as_str().into(),
            fact.told.at.into(),
            fact.day.number().into(),
            fact.told.value.into(),
            fact.attributes.as_deref().into(),
            fact.told.source.as_str().into(),
            fact.told.id.as_str().into(),
            fact.told.corrects.as_deref().into(),
        ]);
    };
    Insert { many: FACTS, one: ONE_FACT }.write(tx, &[now.into()], facts, params)
}

/// What names a record among all that were told: tenant, hour of its time, digest.
pub(super) type Telling = (AccountId, i64, [u8; 16]);

/// Notes what is told; gives what was not told before.
pub(super) fn tell(
    tx: &mut dyn Tx,
    now: Timestamp,
    told: &BTreeSet<Telling>,
) -> Result<BTreeSet<(i64, Vec<u8>)>, StoreError> {
    let hours: BTreeSet<(AccountId, i64)> = told.iter().map(|(tenant, hour, _)| (*tenant, *hour)).collect();
    for (tenant, hour) in hours {
        tx.queue(TELL_HOUR, &[tenant.into(), hour.into(), now.into()])?;
    }
    let told: Vec<Telling> = told.iter().copied().collect();
    let mut new = BTreeSet::new();
    let params = |(tenant, hour, digest): &Telling, bound: &mut Vec<Value>| {
        bound.extend([(*tenant).into(), (*hour).into(), (*digest).into()]);
    };
    Insert { many: TELL_MANY, one: TELL }.each(&[], &told, params, |statement, bound| {
        new.extend(tx.all::<(i64, Vec<u8>)>(statement, bound)?);
        Ok(())
    })?;
    Ok(new)
}

/// An hour of which nothing was told since.
pub(super) fn old_hour(tx: &mut dyn Tx, before: Timestamp) -> Result<Option<(AccountId, i64)>, StoreError> {
    tx.opt(OLD_HOUR, &[before.into()])
}

/// Forgets some of what was told of an hour; gives how much.
pub(super) fn forget_told(tx: &mut dyn Tx, tenant: AccountId, hour: i64, most: u32) -> Result<u64, StoreError> {
    tx.execute(FORGET_TOLD, &[tenant.into(), hour.into(), most.into()])
}

pub(super) fn forget_hour(tx: &mut dyn Tx, tenant: AccountId, hour: i64, before: Timestamp) -> Result<(), StoreError> {
    tx.execute(FORGET_HOUR, &[tenant.into(), hour.into(), before.into()]).map(|_| ())
}

pub(super) fn keys(tx: &mut dyn Tx, meter: MeterId) -> Result<Vec<String>, StoreError> {
    let found: Vec<(String,)> = tx.all(KEYS, &[meter.into()])?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

pub(super) fn add_key(tx: &mut dyn Tx, meter: MeterId, name: &str) -> Result<(), StoreError> {
    tx.queue(ADD_KEY, &[meter.into(), name.into()])
}

/// Notes the days on which subjects were seen; gives those that were not seen in their month before.
pub(super) fn see(tx: &mut dyn Tx, sights: &BTreeMap<Sight, i64>) -> Result<BTreeSet<Sight>, StoreError> {
    let sights: Vec<(&Sight, &i64)> = sights.iter().collect();
    let mut new = BTreeSet::new();
    let params = |(sight, day): &(&Sight, &i64), bound: &mut Vec<Value>| {
        bound.extend([sight.meter.into(), sight.month.into(), sight.digest.clone().into(), (**day).into()]);
    };
    Insert { many: SEE_MANY, one: SEE }.each(&[], &sights, params, |statement, bound| {
        let found: Vec<(MeterId, i64, Vec<u8>)> = tx.all(statement, bound)?;
        new.extend(found.into_iter().map(|(meter, month, digest)| Sight { meter, month, digest }));
        Ok(())
    })?;
    Ok(new)
}

/// Of these subjects of one meter and month those that were first seen after a day, and when; held until the transaction ends.
pub(super) fn seen_after(
    tx: &mut dyn Tx,
    (meter, month): (MeterId, i64),
    day: i64,
    digests: &[&Vec<u8>],
) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
    let mut found = Vec::with_capacity(digests.len());
    for some in digests.chunks(CHUNK) {
        let ids = some.iter().chain(std::iter::repeat(&some[0])).take(CHUNK);
        let mut params: Vec<Value> = ids.map(|digest| digest.as_slice().into()).collect();
        params.extend([meter.into(), month.into(), day.into()]);
        found.extend(tx.all::<(Vec<u8>, i64)>(SEEN_LATER, &params)?);
    }
    Ok(found)
}

pub(super) fn see_earlier(tx: &mut dyn Tx, sight: &Sight, day: i64) -> Result<(), StoreError> {
    let params = [sight.meter.into(), sight.month.into(), sight.digest.clone().into(), day.into()];
    tx.queue(SEE_EARLIER, &params)
}

/// Reports around a day: 0 for its own, -1 for the one before, 1 for the one behind; day, time and value of each.
pub(super) fn levels_around(
    tx: &mut dyn Tx,
    meter: MeterId,
    digest: &[u8],
    day: i64,
) -> Result<Vec<(i64, i64, Timestamp, i64)>, StoreError> {
    tx.all(LEVELS_AROUND, &[meter.into(), digest.into(), day.into()])
}

pub(super) fn put_level(
    tx: &mut dyn Tx,
    meter: MeterId,
    digest: &[u8],
    day: i64,
    (at, value): (Timestamp, i64),
) -> Result<(), StoreError> {
    tx.queue(PUT_LEVEL, &[meter.into(), digest.into(), day.into(), at.into(), value.into()])
}

/// Adds to figures of days; `false` where one would leave the range of whole numbers.
pub(super) fn add_days(tx: &mut dyn Tx, days: &[(Cell, i64)]) -> Result<bool, StoreError> {
    let params = |(cell, value): &(Cell, i64), bound: &mut Vec<Value>| {
        bound.extend(cell_params(cell));
        bound.push((*value).into());
    };
    add(tx, Insert { many: ADD_DAYS, one: ADD_DAY }, days, params)
}

/// Adds to figures of months; `false` where one would leave the range of whole numbers.
pub(super) fn add_months(tx: &mut dyn Tx, months: &[(Cell, (i64, i64))]) -> Result<bool, StoreError> {
    let params = |(cell, (value, weighted)): &(Cell, (i64, i64)), bound: &mut Vec<Value>| {
        bound.extend(cell_params(cell));
        bound.extend([(*value).into(), (*weighted).into()]);
    };
    add(tx, Insert { many: ADD_MONTHS, one: ADD_MONTH }, months, params)
}

fn add<T>(
    tx: &mut dyn Tx,
    insert: Insert,
    items: &[T],
    params: impl Fn(&T, &mut Vec<Value>),
) -> Result<bool, StoreError> {
    let mut written = 0;
    insert.each(&[], items, params, |statement, bound| {
        written += tx.execute(statement, bound)?;
        Ok(())
    })?;
    Ok(usize::try_from(written) == Ok(items.len()))
}

fn cell_params(cell: &Cell) -> [Value; 5] {
    let license = cell.license.map_or(Uuid::nil(), |license| license.0);
    [cell.meter.into(), cell.name.as_str().into(), cell.period.into(), cell.account.into(), license.into()]
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
