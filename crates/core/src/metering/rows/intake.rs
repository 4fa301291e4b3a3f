//! The SQL of taking usage in. Statements that write many rows come for several numbers of them, so that a batch takes few.

use super::super::record::Fact;
use super::super::rollup::{Cell, Sight};
use crate::account::Path;
use crate::bulk::{Steps, Text, many};
use crate::catalog::rows::{CHUNK, fifty};
use crate::clock::Timestamp;
use crate::id::{AccountId, MeterId};
use crate::metering::day::Month;
use lessor_db::{FromRow, Row, Statement, StoreError, Tx, Value, statements};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Accounts that are looked up at once, where there are many.
const MANY: usize = 500;
const PLACES_HEAD: &str = "SELECT id, tenant_id, path, closed_at FROM accounts WHERE id IN (";
const PLACES_500: Text<4_096> = many(PLACES_HEAD, "?", MANY, 0, ")");
const LOCK_TAIL: &str = ") ORDER BY id FOR NO KEY UPDATE";
const LOCK_500: Text<4_096> = many("SELECT id FROM accounts WHERE id IN (", "?", MANY, 0, LOCK_TAIL);

const FACT_HEAD: &str = "INSERT INTO usage_records (id, tenant_id, meter_id, account_id, license_id, subject, at, day, value, attributes, \
                         source, source_id, corrects, missed, received_at) VALUES ";
const FACT: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, $1)";
const FACTS_50: Text<8_192> = many(FACT_HEAD, FACT, 50, 1, "");
const FACTS_10: Text<2_048> = many(FACT_HEAD, FACT, 10, 1, "");
const FACTS_1: Text<512> = many(FACT_HEAD, FACT, 1, 1, "");

const TOLD_HEAD: &str = "INSERT INTO usage_told (tenant_id, hour, digest) VALUES ";
const TOLD_TAIL: &str = " ON CONFLICT (tenant_id, hour, digest) DO NOTHING RETURNING hour, digest";
const TOLD_500: Text<16_384> = many(TOLD_HEAD, "(?, ?, ?)", 500, 0, TOLD_TAIL);
const TOLD_50: Text<2_048> = many(TOLD_HEAD, "(?, ?, ?)", 50, 0, TOLD_TAIL);
const TOLD_10: Text<512> = many(TOLD_HEAD, "(?, ?, ?)", 10, 0, TOLD_TAIL);
const TOLD_1: Text<256> = many(TOLD_HEAD, "(?, ?, ?)", 1, 0, TOLD_TAIL);

const SEEN_HEAD: &str = "INSERT INTO usage_subjects (meter_id, month, digest, day) VALUES ";
const SEEN_TAIL: &str = " ON CONFLICT (meter_id, month, digest) DO NOTHING RETURNING meter_id, month, digest";
const SEEN_500: Text<16_384> = many(SEEN_HEAD, "(?, ?, ?, ?)", 500, 0, SEEN_TAIL);
const SEEN_50: Text<2_048> = many(SEEN_HEAD, "(?, ?, ?, ?)", 50, 0, SEEN_TAIL);
const SEEN_10: Text<512> = many(SEEN_HEAD, "(?, ?, ?, ?)", 10, 0, SEEN_TAIL);
const SEEN_1: Text<256> = many(SEEN_HEAD, "(?, ?, ?, ?)", 1, 0, SEEN_TAIL);

// A figure that would leave the range of whole numbers is not written, and the count of rows tells.
const DAY_HEAD: &str = "INSERT INTO usage_days (meter_id, name, day, account_id, license_id, value) VALUES ";
const DAY: &str = "(?, ?, ?, ?, ?, ?)";
const DAY_TAIL: &str = " ON CONFLICT (meter_id, name, day, account_id, license_id) \
                        DO UPDATE SET value = usage_days.value + excluded.value \
                        WHERE usage_days.value + excluded.value BETWEEN -4000000000000000000 AND 4000000000000000000";
const DAYS_500: Text<32_768> = many(DAY_HEAD, DAY, 500, 0, DAY_TAIL);
const DAYS_50: Text<4_096> = many(DAY_HEAD, DAY, 50, 0, DAY_TAIL);
const DAYS_10: Text<1_024> = many(DAY_HEAD, DAY, 10, 0, DAY_TAIL);
const DAYS_1: Text<512> = many(DAY_HEAD, DAY, 1, 0, DAY_TAIL);
const MONTH_HEAD: &str =
    "INSERT INTO usage_months (meter_id, name, month, account_id, license_id, value, weighted) VALUES ";
const MONTH: &str = "(?, ?, ?, ?, ?, ?, ?)";
const MONTH_TAIL: &str = " ON CONFLICT (meter_id, name, month, account_id, license_id) \
                          DO UPDATE SET value = usage_months.value + excluded.value, weighted = usage_months.weighted + excluded.weighted \
                          WHERE usage_months.value + excluded.value BETWEEN -4000000000000000000 AND 4000000000000000000 \
                          AND usage_months.weighted + excluded.weighted BETWEEN -4000000000000000000 AND 4000000000000000000";
const MONTHS_500: Text<32_768> = many(MONTH_HEAD, MONTH, 500, 0, MONTH_TAIL);
const MONTHS_50: Text<4_096> = many(MONTH_HEAD, MONTH, 50, 0, MONTH_TAIL);
const MONTHS_10: Text<2_048> = many(MONTH_HEAD, MONTH, 10, 0, MONTH_TAIL);
const MONTHS_1: Text<768> = many(MONTH_HEAD, MONTH, 1, 0, MONTH_TAIL);

statements! {
    MANY_PLACES = PLACES_500.as_str();
    PLACE = "SELECT id, tenant_id, path, closed_at FROM accounts WHERE id = $1";
    PLACES = concat!("SELECT id, tenant_id, path, closed_at FROM accounts WHERE id IN (", fifty!(), ")");
    LOCK_PLACE = "SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE";
    LOCK_PLACES = concat!("SELECT id FROM accounts WHERE id IN (", fifty!(), ") ORDER BY id FOR NO KEY UPDATE");
    LOCK_MANY_PLACES = LOCK_500.as_str();

    TELL_HOUR = "INSERT INTO usage_hours (tenant_id, hour, told_at) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, hour) \
                 DO UPDATE SET told_at = excluded.told_at WHERE usage_hours.told_at < excluded.told_at - 86400000000";
    OLD_HOUR = "SELECT tenant_id, hour FROM usage_hours WHERE told_at < $1 ORDER BY told_at LIMIT 1";
    FORGET_TOLD = "DELETE FROM usage_told WHERE tenant_id = $1 AND hour = $2 AND digest IN \
                   (SELECT digest FROM usage_told WHERE tenant_id = $1 AND hour = $2 ORDER BY digest LIMIT $3)";
    FORGET_HOUR = "DELETE FROM usage_hours WHERE tenant_id = $1 AND hour = $2 AND told_at < $3";
    ADD_KEY = "INSERT INTO usage_keys (meter_id, name) VALUES ($1, $2) ON CONFLICT (meter_id, name) DO NOTHING";

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

    ADD_FACTS_50 = FACTS_50.as_str();
    ADD_FACTS_10 = FACTS_10.as_str();
    ADD_FACTS_1 = FACTS_1.as_str();
    TELL_500 = TOLD_500.as_str();
    TELL_50 = TOLD_50.as_str();
    TELL_10 = TOLD_10.as_str();
    TELL_1 = TOLD_1.as_str();
    SEE_500 = SEEN_500.as_str();
    SEE_50 = SEEN_50.as_str();
    SEE_10 = SEEN_10.as_str();
    SEE_1 = SEEN_1.as_str();
    ADD_DAYS_500 = DAYS_500.as_str();
    ADD_DAYS_50 = DAYS_50.as_str();
    ADD_DAYS_10 = DAYS_10.as_str();
    ADD_DAYS_1 = DAYS_1.as_str();
    ADD_MONTHS_500 = MONTHS_500.as_str();
    ADD_MONTHS_50 = MONTHS_50.as_str();
    ADD_MONTHS_10 = MONTHS_10.as_str();
    ADD_MONTHS_1 = MONTHS_1.as_str();
}

const ADD_FACTS: Steps = Steps(&[(50, ADD_FACTS_50), (10, ADD_FACTS_10), (1, ADD_FACTS_1)]);
const TELL: Steps = Steps(&[(500, TELL_500), (50, TELL_50), (10, TELL_10), (1, TELL_1)]);
const SEE: Steps = Steps(&[(500, SEE_500), (50, SEE_50), (10, SEE_10), (1, SEE_1)]);
const ADD_DAYS: Steps = Steps(&[(500, ADD_DAYS_500), (50, ADD_DAYS_50), (10, ADD_DAYS_10), (1, ADD_DAYS_1)]);
const ADD_MONTHS: Steps = Steps(&[(500, ADD_MONTHS_500), (50, ADD_MONTHS_50), (10, ADD_MONTHS_10), (1, ADD_MONTHS_1)]);

/// Where an account stands, and whether it takes anything in.
#[derive(Clone, Debug)]
pub(in crate::metering) struct Place {
    pub(in crate::metering) account: AccountId,
    pub(in crate::metering) tenant: AccountId,
    pub(in crate::metering) path: Path,
    pub(in crate::metering) closed_at: Option<Timestamp>,
}

impl FromRow for Place {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { account: row.get(0)?, tenant: row.get(1)?, path: row.get(2)?, closed_at: row.get(3)? })
    }
}

pub(in crate::metering) fn places(tx: &mut dyn Tx, accounts: &[Uuid]) -> Result<Vec<Place>, StoreError> {
    let mut found = Vec::with_capacity(accounts.len());
    by_many(accounts, [MANY_PLACES, PLACES, PLACE], |statement, params| {
        found.extend(tx.all::<Place>(statement, params)?);
        Ok(())
    })?;
    Ok(found)
}

/// Has others wait who take levels of these accounts in. In order, so that two batches do not wait for each other.
pub(in crate::metering) fn lock_places(tx: &mut dyn Tx, accounts: &BTreeSet<AccountId>) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    by_many(&ids, [LOCK_MANY_PLACES, LOCK_PLACES, LOCK_PLACE], |statement, params| {
        let _: Vec<(AccountId,)> = tx.all(statement, params)?;
        Ok(())
    })
}

/// Runs a statement for ids: for [`MANY`] at once, for [`CHUNK`] or for one. What is left of it is filled up with an id of its own.
fn by_many(
    ids: &[Uuid],
    [many, few, one]: [Statement; 3],
    mut run: impl FnMut(Statement, &[Value]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for some in ids.chunks(MANY) {
        let (statement, size) = match some.len() {
            1 => (one, 1),
            2..=CHUNK => (few, CHUNK),
            _ => (many, MANY),
        };
        let filled = some.iter().chain(std::iter::repeat(&some[0])).take(size);
        run(statement, &filled.map(|id| (*id).into()).collect::<Vec<Value>>())?;
    }
    Ok(())
}

pub(in crate::metering) fn insert_facts(
    tx: &mut dyn Tx,
    now: Timestamp,
    facts: &[&Fact<'_>],
) -> Result<(), StoreError> {
    let params = |fact: &&Fact<'_>, bound: &mut Vec<Value>| {
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
            fact.missed.map(Month::number).into(),
        ]);
    };
    ADD_FACTS.write(tx, &[now.into()], facts, params)
}

/// What names a record among all that were told: tenant, hour of its time, digest.
pub(in crate::metering) type Telling = (AccountId, i64, [u8; 16]);

/// Notes what is told; gives what was not told before.
pub(in crate::metering) fn tell(
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
    TELL.each(&[], &told, params, |statement, bound| {
        new.extend(tx.all::<(i64, Vec<u8>)>(statement, bound)?);
        Ok(())
    })?;
    Ok(new)
}

/// An hour of which nothing was told since.
pub(in crate::metering) fn old_hour(
    tx: &mut dyn Tx,
    before: Timestamp,
) -> Result<Option<(AccountId, i64)>, StoreError> {
    tx.opt(OLD_HOUR, &[before.into()])
}

/// Forgets some of what was told of an hour; gives how much.
pub(in crate::metering) fn forget_told(
    tx: &mut dyn Tx,
    tenant: AccountId,
    hour: i64,
    most: u32,
) -> Result<u64, StoreError> {
    tx.execute(FORGET_TOLD, &[tenant.into(), hour.into(), most.into()])
}

pub(in crate::metering) fn forget_hour(
    tx: &mut dyn Tx,
    tenant: AccountId,
    hour: i64,
    before: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(FORGET_HOUR, &[tenant.into(), hour.into(), before.into()]).map(|_| ())
}

pub(in crate::metering) fn add_key(tx: &mut dyn Tx, meter: MeterId, name: &str) -> Result<(), StoreError> {
    tx.queue(ADD_KEY, &[meter.into(), name.into()])
}

/// Notes the days on which subjects were seen; gives those that were not seen in their month before.
pub(in crate::metering) fn see(tx: &mut dyn Tx, sights: &BTreeMap<Sight, i64>) -> Result<BTreeSet<Sight>, StoreError> {
    let sights: Vec<(&Sight, &i64)> = sights.iter().collect();
    let mut new = BTreeSet::new();
    let params = |(sight, day): &(&Sight, &i64), bound: &mut Vec<Value>| {
        bound.extend([sight.meter.into(), sight.month.into(), sight.digest.clone().into(), (**day).into()]);
    };
    SEE.each(&[], &sights, params, |statement, bound| {
        let found: Vec<(MeterId, i64, Vec<u8>)> = tx.all(statement, bound)?;
        new.extend(found.into_iter().map(|(meter, month, digest)| Sight { meter, month, digest }));
        Ok(())
    })?;
    Ok(new)
}

/// Of these subjects of one meter and month those that were first seen after a day, and when; held until the transaction ends.
pub(in crate::metering) fn seen_after(
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

pub(in crate::metering) fn see_earlier(tx: &mut dyn Tx, sight: &Sight, day: i64) -> Result<(), StoreError> {
    let params = [sight.meter.into(), sight.month.into(), sight.digest.clone().into(), day.into()];
    tx.queue(SEE_EARLIER, &params)
}

/// Reports around a day: 0 for its own, -1 for the one before, 1 for the one behind; day, time and value of each.
pub(in crate::metering) fn levels_around(
    tx: &mut dyn Tx,
    meter: MeterId,
    digest: &[u8],
    day: i64,
) -> Result<Vec<(i64, i64, Timestamp, i64)>, StoreError> {
    tx.all(LEVELS_AROUND, &[meter.into(), digest.into(), day.into()])
}

pub(in crate::metering) fn put_level(
    tx: &mut dyn Tx,
    meter: MeterId,
    digest: &[u8],
    day: i64,
    (at, value): (Timestamp, i64),
) -> Result<(), StoreError> {
    tx.queue(PUT_LEVEL, &[meter.into(), digest.into(), day.into(), at.into(), value.into()])
}

/// Adds to figures of days; `false` where one would leave the range of whole numbers.
pub(in crate::metering) fn add_days(tx: &mut dyn Tx, days: &[(Cell, i64)]) -> Result<bool, StoreError> {
    let params = |(cell, value): &(Cell, i64), bound: &mut Vec<Value>| {
        bound.extend(cell_params(cell));
        bound.push((*value).into());
    };
    add(tx, ADD_DAYS, days, params)
}

/// Adds to figures of months; `false` where one would leave the range of whole numbers.
pub(in crate::metering) fn add_months(tx: &mut dyn Tx, months: &[(Cell, (i64, i64))]) -> Result<bool, StoreError> {
    let params = |(cell, (value, weighted)): &(Cell, (i64, i64)), bound: &mut Vec<Value>| {
        bound.extend(cell_params(cell));
        bound.extend([(*value).into(), (*weighted).into()]);
    };
    add(tx, ADD_MONTHS, months, params)
}

fn add<T>(
    tx: &mut dyn Tx,
    insert: Steps,
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
