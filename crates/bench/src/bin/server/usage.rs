//! Fills a store with a vendor, its customers, a license of each, and what they used in half a year; closes a month of it.

use crate::load::account;
use clap::Args;
use lessor_core::account::{self, Kind};
use lessor_core::billing::{self, Amount, Billed, NewPriceList, StartClosing, Target, Tier};
use lessor_core::catalog::{self, CreateProduct};
use lessor_core::clock::{Clock, MovableClock, SystemClock};
use lessor_core::identity::api_key::{self, CreateApiKey, KeyForm};
use lessor_core::license::{self, Codes, IssueLicenses, Role, Terms};
use lessor_core::metering::day::{DayRule, Month};
use lessor_core::metering::{self, Aggregation, CreateMeter, Fate, NewRecord};
use lessor_core::{AccountId, App, Error, ProductId, Timestamp};
use lessor_server::first_start;
use lessor_server::settings::Storage;
use lessor_server::storage;
use lessor_testkit::random::Random;
use serde_json::{Map, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Customers, each with one license.
const ACCOUNTS: usize = 10_000;
/// Customers that are made in one commit.
const AT_ONCE: usize = 500;
/// Records that are brought in in one commit.
const BATCH: u64 = 10_000;
/// Days over which they are spread, until yesterday.
const DAYS: i64 = 180;
/// What each license has.
const SEATS: i64 = 10;

#[derive(Args)]
struct Place {
    /// Folder of the database
    #[arg(long, required_unless_present = "database")]
    data: Option<PathBuf>,
    /// PostgreSQL instead
    #[arg(long, conflicts_with = "data")]
    database: Option<String>,
}

impl Place {
    fn storage(self) -> Result<Storage, Box<dyn std::error::Error>> {
        match (self.data, self.database) {
            (Some(dir), _) => Ok(Storage::Folder(dir)),
            (None, Some(url)) => Ok(Storage::Postgres { url, ca: None }),
            (None, None) => Err("neither folder nor database".into()),
        }
    }
}

#[derive(Args)]
pub struct LoadUsage {
    #[command(flatten)]
    place: Place,
    /// How many records
    #[arg(long)]
    records: u64,
    /// Where to write what requests need to know
    #[arg(long)]
    facts: PathBuf,
}

/// Who uses what.
#[derive(Clone)]
struct Market {
    vendor: AccountId,
    product: ProductId,
    meter: lessor_core::MeterId,
    key: String,
}

impl LoadUsage {
    /// Fills the store and closes it.
    pub fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let place = self.place.storage()?;
        let store = storage::open(&place)?;
        let secret = storage::secret(&store)?;
        let now = SystemClock::start().now();
        let clock = Arc::new(MovableClock::standing(now.plus_days(-DAYS - 30)));
        let app = App::new(store, Arc::clone(&clock) as Arc<dyn Clock>, secret);
        first_start::run(&app)?;
        let market = make_market(&app)?;
        let mut accounts = Vec::with_capacity(ACCOUNTS);
        for first in (0..ACCOUNTS).step_by(AT_ONCE) {
            accounts.extend(make_customers(&app, &market, first)?);
        }
        if !clock.move_to(now) {
            return Err("the clock does not go".into());
        }
        let names: Arc<Vec<String>> = Arc::new(accounts.iter().map(ToString::to_string).collect());
        let from = now.plus_days(-DAYS - 1);
        for first in (0..self.records).step_by(BATCH as usize) {
            let numbers = first..self.records.min(first + BATCH);
            let records = records(&names, from, numbers, self.records);
            let fates = app.write_blocking(&app.system(), move |tx, cx| metering::record(tx, cx, &records))?;
            if let Some(fate) = fates.iter().find(|fate| **fate != Fate::Counted) {
                return Err(format!("a record was not counted: {fate:?}").into());
            }
        }
        let facts = json!({
            "key": market.key, "accounts": *names, "vendor": market.vendor.0, "meter": market.meter.0, "until": now.micros(),
        });
        std::fs::write(&self.facts, facts.to_string())?;
        storage::close(&place, app.store())?;
        Ok(())
    }
}

fn make_market(app: &App) -> Result<Market, Error> {
    app.write_blocking(&app.system(), |tx, cx| {
        let vendor = account::create(tx, cx, &account(None, Kind::Vendor, "Northlight Software"))?.id;
        let key = CreateApiKey {
            account: vendor,
            label: "Bench".to_owned(),
            rights: None,
            form: KeyForm::Native,
            expires_at: None,
        };
        let (_, key) = api_key::create(tx, cx, &key)?;
        let product = CreateProduct {
            id: None,
            tenant: vendor,
            name: "Paint".to_owned(),
            trial_offered: false,
            trial_days: 30,
            terms: Terms { activation_limit: SEATS, ..Terms::default() },
            groups: Vec::new(),
            features: Vec::new(),
            values: Vec::new(),
        };
        let product = catalog::create_product(tx, cx, &product)?.id;
        let meter = CreateMeter {
            tenant: vendor,
            name: "api.calls".to_owned(),
            aggregation: Aggregation::Sum,
            level_rule: None,
            unit: "calls".to_owned(),
            time_zone: "UTC".to_owned(),
            cutoff_minutes: 0,
            key_attribute: None,
            from_devices: false,
        };
        let meter = metering::create(tx, cx, &meter)?.id;
        let list = NewPriceList {
            account: vendor,
            billed: Billed::Account,
            target: Target::Product(product),
            name: "Default".to_owned(),
            currency: "EUR".to_owned(),
            discount: 0,
            from: DayRule::utc().day_of(cx.now),
            until: None,
            tiers: vec![Tier { from: 1, price: Amount::from_parts(4_000) }],
        };
        billing::create_price_list(tx, cx, &list)?;
        Ok(Market { vendor, product, meter, key: key.reveal().to_owned() })
    })
}

fn make_customers(app: &App, market: &Market, first: usize) -> Result<Vec<AccountId>, Error> {
    let market = market.clone();
    app.write_blocking(&app.system(), move |tx, cx| {
        let mut made = Vec::with_capacity(AT_ONCE);
        for number in first..first + AT_ONCE {
            let name = format!("Customer {number}");
            let customer = account::create(tx, cx, &account(Some(market.vendor), Kind::Customer, &name))?;
            let issue = IssueLicenses {
                product: market.product,
                account: Some(customer.id),
                profile: None,
                codes: Codes::Import(vec![lessor_bench::code(number as u64)]),
                reference: String::new(),
                order: String::new(),
                role: Role::Standard,
            };
            license::issue(tx, cx, &issue)?;
            made.push(customer.id);
        }
        Ok(made)
    })
}

/// Records in the order of their time, under ids that have none.
fn records(accounts: &[String], from: Timestamp, numbers: std::ops::Range<u64>, all: u64) -> Vec<NewRecord> {
    let span = u128::from(DAYS.unsigned_abs()) * 86_400_000;
    let record = |number: u64| {
        let mut chance = Random::new(number);
        let millis = i64::try_from(span * u128::from(number) / u128::from(all)).unwrap_or(0);
        NewRecord {
            id: format!("{:016x}", chance.number()),
            source: "meter-of-the-bench".to_owned(),
            at: from.plus_micros(millis * 1_000),
            account: Some(accounts[chance.below(accounts.len() as u64) as usize].clone()),
            license: None,
            meter: "api.calls".to_owned(),
            subject: String::new(),
            value: 1 + i64::try_from(chance.below(100)).unwrap_or(0),
            attributes: Map::new(),
            corrects: None,
        }
    };
    numbers.map(record).collect()
}

#[derive(Args)]
pub struct CloseMonth {
    #[command(flatten)]
    place: Place,
    /// The vendor's id
    #[arg(long)]
    vendor: uuid::Uuid,
}

impl CloseMonth {
    /// Closes the month before this one, or the next that is open, and prints the seconds it took.
    pub fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let place = self.place.storage()?;
        let store = storage::open(&place)?;
        let secret = storage::secret(&store)?;
        let app = App::new(store, Arc::new(SystemClock::start()) as Arc<dyn Clock>, secret);
        let vendor = AccountId(self.vendor);
        let month = before(app.now());
        let system = app.system();
        let started = Instant::now();
        app.write_blocking(&system, move |tx, cx| billing::start_closing(tx, cx, &StartClosing { vendor, month }))?;
        while app.write_blocking(&system, |tx, cx| billing::close_some(tx, cx))? {}
        let took = started.elapsed().as_secs_f64();
        storage::close(&place, app.store())?;
        lessor_server::print(&format!("{took}\n"));
        Ok(())
    }
}

/// The last month that is over everywhere.
fn before(now: Timestamp) -> Month {
    DayRule::utc().day_of(now.plus_days(-2)).month().before()
}
