//! The bare loop on SQLite: one connection, one prepared statement for each table, a row at a time, a durable commit for each
//! batch. Nothing is parsed, looked up, checked or answered.

use super::work::month;
use super::{BATCH, Bare, Facts};
use lessor_core::{Clock, clock::SystemClock};
use lessor_testkit::random::Random;
use rusqlite::{Connection, params};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use uuid::Uuid;

const RECORD: &str = "INSERT INTO usage_records (id, tenant_id, meter_id, account_id, license_id, subject, at, day, value, \
     attributes, source, source_id, corrects, received_at) VALUES (?1, ?2, ?3, ?4, NULL, '', ?5, ?6, ?7, NULL, ?8, ?9, NULL, ?10)";
const TOLD: &str = "INSERT INTO usage_told (tenant_id, hour, digest) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
const DAY: &str = "INSERT INTO usage_days (meter_id, name, day, account_id, license_id, value) VALUES (?1, '', ?2, ?3, ?4, ?5) \
     ON CONFLICT (meter_id, name, day, account_id, license_id) DO UPDATE SET value = usage_days.value + excluded.value";
const MONTH: &str = "INSERT INTO usage_months (meter_id, name, month, account_id, license_id, value, weighted) \
     VALUES (?1, '', ?2, ?3, ?4, ?5, 0) \
     ON CONFLICT (meter_id, name, month, account_id, license_id) DO UPDATE SET value = usage_months.value + excluded.value";
const TREE: &str = "SELECT u.account_id, a.name, u.value FROM usage_months u JOIN accounts a ON a.id = u.account_id \
     WHERE u.meter_id = ?1 AND u.name = '' AND u.month = ?2 ORDER BY u.account_id";

/// A copy of a store.
pub struct Sqlite {
    connection: Connection,
    facts: Facts,
    accounts: Vec<Uuid>,
    clock: SystemClock,
}

impl Sqlite {
    /// Opens it with the cache that Lessor has.
    pub fn open(file: &Path, facts: Facts) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 8192;",
        )?;
        let accounts = facts.ids();
        Ok(Self { connection, facts, accounts, clock: SystemClock::start() })
    }
}

/// A record as its tables have it.
pub struct Draft {
    pub id: Uuid,
    pub account: Uuid,
    pub at: i64,
    pub value: i64,
    pub source_id: String,
    pub digest: [u8; 16],
}

impl Draft {
    /// One of the last day, of any customer, under an id of chance; those that come later lie behind.
    pub fn new(facts: &Facts, accounts: &[Uuid], now: i64, chance: &mut Random) -> Self {
        let number = u128::from(chance.number()) << 64 | u128::from(chance.number());
        let milliseconds = u128::from(now.unsigned_abs() / 1_000);
        Self {
            id: Uuid::from_u128(milliseconds << 80 | number >> 48),
            account: accounts[chance.below(accounts.len() as u64) as usize],
            at: facts.until - chance.below(86_400_000) as i64 * 1_000,
            value: chance.below(100) as i64,
            source_id: format!("{:016x}", chance.number()),
            digest: number.to_be_bytes(),
        }
    }

    /// Its day and its hour, since 1970.
    pub fn times(&self) -> (i64, i64) {
        (self.at.div_euclid(86_400_000_000), self.at.div_euclid(3_600_000_000))
    }
}

impl Bare for Sqlite {
    fn write(&mut self, chance: &mut Random) -> Result<(), Box<dyn Error>> {
        let Self { connection, facts, accounts, clock } = self;
        let now = clock.now().micros();
        let month = month(facts).0 + 1;
        let none = Uuid::nil();
        let tx = connection.transaction()?;
        {
            let mut record = tx.prepare_cached(RECORD)?;
            let mut told = tx.prepare_cached(TOLD)?;
            let mut of_day = tx.prepare_cached(DAY)?;
            let mut of_month = tx.prepare_cached(MONTH)?;
            for _ in 0..BATCH {
                let one = Draft::new(facts, accounts, now, chance);
                let (day, hour) = one.times();
                let source = "meter-of-the-bench";
                record.execute(params![
                    one.id,
                    facts.vendor,
                    facts.meter,
                    one.account,
                    one.at,
                    day,
                    one.value,
                    source,
                    one.source_id,
                    now
                ])?;
                told.execute(params![facts.vendor, hour, one.digest])?;
                of_day.execute(params![facts.meter, day, one.account, none, one.value])?;
                of_month.execute(params![facts.meter, month, one.account, none, one.value])?;
            }
        }
        tx.commit()?;
        Ok(())
    }

    fn read(&mut self) -> Result<usize, Box<dyn Error>> {
        let (month, first, last) = month(&self.facts);
        let mut table = String::new();
        let mut tree = self.connection.prepare_cached(TREE)?;
        let mut rows = tree.query(params![self.facts.meter, month])?;
        while let Some(row) = rows.next()? {
            let (account, name, value): (Uuid, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            write!(table, "api.calls,calls,{},{name},,,{first},{last},31,{value},\r\n", account.simple())?;
        }
        Ok(std::hint::black_box(table).len())
    }
}
