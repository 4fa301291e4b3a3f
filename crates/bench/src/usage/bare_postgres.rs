//! The bare loop on PostgreSQL: one connection, one prepared statement for all rows of a table, a durable commit for each
//! batch. Nothing is parsed, looked up, checked or answered.

use super::bare::Draft;
use super::work::month;
use super::{BATCH, Bare, Facts};
use lessor_core::{Clock, clock::SystemClock};
use lessor_testkit::random::Random;
use postgres::types::ToSql;
use postgres::{Client, NoTls, Statement};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use uuid::Uuid;

const TREE: &str = "SELECT u.account_id, a.name, u.value FROM usage_months u JOIN accounts a ON a.id = u.account_id \
     WHERE u.meter_id = $1 AND u.name = '' AND u.month = $2 ORDER BY u.account_id";

/// A copy of a store.
pub struct Postgres {
    client: Client,
    facts: Facts,
    accounts: Vec<Uuid>,
    clock: SystemClock,
    records: Statement,
    told: Statement,
    days: Statement,
    months: Statement,
    tree: Statement,
}

impl Postgres {
    /// Opens it.
    pub fn open(url: &str, facts: Facts) -> Result<Self, postgres::Error> {
        let mut client = Client::connect(url, NoTls)?;
        let records = client.prepare(
            "INSERT INTO usage_records (id, tenant_id, meter_id, account_id, license_id, subject, at, day, value, attributes, \
             source, source_id, corrects, received_at) \
             SELECT r.id, $1, $2, r.account, NULL, '', r.at, r.day, r.value, NULL, $3, r.source_id, NULL, $4 \
             FROM unnest($5::uuid[], $6::uuid[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[]) \
             AS r (id, account, at, day, value, source_id)",
        )?;
        let told = client.prepare(
            "INSERT INTO usage_told (tenant_id, hour, digest) SELECT $1, t.hour, t.digest \
             FROM unnest($2::bigint[], $3::bytea[]) AS t (hour, digest) ON CONFLICT DO NOTHING",
        )?;
        let days = client.prepare(
            "INSERT INTO usage_days (meter_id, name, day, account_id, license_id, value) \
             SELECT $1, '', d.day, d.account, $2, d.value FROM unnest($3::bigint[], $4::uuid[], $5::bigint[]) \
             AS d (day, account, value) \
             ON CONFLICT (meter_id, name, day, account_id, license_id) DO UPDATE SET value = usage_days.value + excluded.value",
        )?;
        let months = client.prepare(
            "INSERT INTO usage_months (meter_id, name, month, account_id, license_id, value, weighted) \
             SELECT $1, '', $2, m.account, $3, m.value, 0 FROM unnest($4::uuid[], $5::bigint[]) AS m (account, value) \
             ON CONFLICT (meter_id, name, month, account_id, license_id) DO UPDATE SET value = usage_months.value + excluded.value",
        )?;
        let tree = client.prepare(TREE)?;
        let accounts = facts.ids();
        Ok(Self { client, facts, accounts, clock: SystemClock::start(), records, told, days, months, tree })
    }
}

impl Bare for Postgres {
    fn write(&mut self, chance: &mut Random) -> Result<(), Box<dyn Error>> {
        let now = self.clock.now().micros();
        let month = month(&self.facts).0 + 1;
        let drafts: Vec<Draft> = (0..BATCH).map(|_| Draft::new(&self.facts, &self.accounts, now, chance)).collect();
        let column = |of: fn(&Draft) -> i64| -> Vec<i64> { drafts.iter().map(of).collect() };
        let (ids, accounts): (Vec<Uuid>, Vec<Uuid>) = drafts.iter().map(|one| (one.id, one.account)).unzip();
        let (ats, values) = (column(|one| one.at), column(|one| one.value));
        let (of_days, hours) = (column(|one| one.times().0), column(|one| one.times().1));
        let names: Vec<&str> = drafts.iter().map(|one| one.source_id.as_str()).collect();
        let digests: Vec<&[u8]> = drafts.iter().map(|one| one.digest.as_slice()).collect();
        // One statement changes no row twice.
        let mut by_day: BTreeMap<(i64, Uuid), i64> = BTreeMap::new();
        let mut by_month: BTreeMap<Uuid, i64> = BTreeMap::new();
        for one in &drafts {
            *by_day.entry((one.times().0, one.account)).or_default() += one.value;
            *by_month.entry(one.account).or_default() += one.value;
        }
        let (day_accounts, day_values): (Vec<(i64, Uuid)>, Vec<i64>) = by_day.into_iter().unzip();
        let (day_numbers, day_accounts): (Vec<i64>, Vec<Uuid>) = day_accounts.into_iter().unzip();
        let (month_accounts, month_values): (Vec<Uuid>, Vec<i64>) = by_month.into_iter().unzip();
        let (vendor, meter, none, source) = (self.facts.vendor, self.facts.meter, Uuid::nil(), "meter-of-the-bench");
        let mut tx = self.client.transaction()?;
        let record: [&(dyn ToSql + Sync); 10] =
            [&vendor, &meter, &source, &now, &ids, &accounts, &ats, &of_days, &values, &names];
        tx.execute(&self.records, &record)?;
        tx.execute(&self.told, &[&vendor, &hours, &digests])?;
        tx.execute(&self.days, &[&meter, &none, &day_numbers, &day_accounts, &day_values])?;
        tx.execute(&self.months, &[&meter, &month, &none, &month_accounts, &month_values])?;
        tx.commit()?;
        Ok(())
    }

    fn read(&mut self) -> Result<usize, Box<dyn Error>> {
        let (month, first, last) = month(&self.facts);
        let mut table = String::new();
        for row in self.client.query(&self.tree, &[&self.facts.meter, &month])? {
            let (account, name, value): (Uuid, String, i64) = (row.get(0), row.get(1), row.get(2));
            write!(table, "api.calls,calls,{},{name},,,{first},{last},31,{value},\r\n", account.simple())?;
        }
        Ok(std::hint::black_box(table).len())
    }
}
