//! Kills the server, or the database under it, while it closes a month: the close goes on where it was, and its statements are
//! those of a close that nothing disturbed.

use crate::calendar::{Calendar, When, written};
use crate::crash_kill::end;
use crate::ground::{Engine, Ground, Storage};
use crate::http::{Call, Connection};
use crate::report::{Finding, Flaw, Flaws, Stop};
use crate::server::{Launch, Server};
use crate::world::{Limits, PATIENCE, World, text};
use anyhow::Context as _;
use lessor_testkit::random::Random;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Accounts with a license: several transactions' worth.
const ACCOUNTS: usize = 450;
/// Nothing is activated here.
const LIMITS: Limits = Limits { places: 5, seats: 1, tokens: 1 };
/// Licenses that change in a month.
const CHANGES: u64 = 30;
/// Prices that are set late, for each month.
const LATE: usize = 4;
/// What is counted besides seats, and how many records of it come at once.
const METER: &str = "calls";
const RECORDS: usize = 200;
/// Of so many kills of the server on PostgreSQL, one is of the database too.
const DATABASE_KILLS: u64 = 3;
/// Least milliseconds within which a kill comes.
const SOON: u64 = 12;
/// How long a server is busy with jobs when it starts, and more.
const BUSY: Duration = Duration::from_millis(500);
/// How long a close may take that nothing disturbs.
const LONGEST: Duration = Duration::from_secs(60);
/// Starts of a server after which a month is closed at last.
const MOST_STARTS: u64 = 500;
/// Statements of a month that the server checks itself.
const CHECKED: usize = 10;

/// Whose months are closed.
struct Books {
    world: World,
    calendar: Calendar,
    owner: String,
    /// Accounts, and the license of each.
    accounts: Vec<(String, String)>,
    /// How many accounts have a price of their own, from the first.
    priced: usize,
    /// Records of use that were told.
    told: u64,
    random: Random,
}

/// Runs it, with so many kills. The control's server closes by what is known when it goes on, not when the close began.
pub fn run(ground: &mut Ground, engine: Engine, size: u64, seed: u64, control: bool) -> Result<Finding, Stop> {
    let mut random = Random::new(seed);
    let mut storage = ground.storage(engine)?;
    let calendar = Calendar::build(ground)?;
    let mut books = Books::make(calendar, &mut storage, random.fork())?;
    let mut flaws = Flaws::default();
    let (mut kills, mut database_kills, mut resumed, mut statements, mut adjustments) = (0, 0, 0, 0, 0);
    let mut months = 0;
    while kills < size {
        let month = months;
        months += 1;
        books.live(&storage.launch, month)?;
        books.begin(&storage.launch, month)?;
        let (undisturbed, took) = books.undisturbed(ground, &storage.launch, month)?;
        if control {
            storage.sql("UPDATE closings SET as_of = as_of + 86400000000 WHERE finished_at IS NULL")?;
        }
        let mut starts = 0;
        let server = loop {
            starts += 1;
            let server = books.start(&storage.launch, When { month: month + 1, day: 5, minute: starts })?;
            if books.is_closed(&server, month)? {
                break server;
            }
            if starts == MOST_STARTS {
                return Err(anyhow::anyhow!("the month is not closed after {starts} starts").into());
            }
            // Later and later, as the storage may be slower than the copy was.
            let within = took.max(SOON) * (starts + 3) / 4;
            std::thread::sleep(Duration::from_millis(random.below(within)));
            kills += 1;
            if engine == Engine::Postgres && random.below(DATABASE_KILLS) == 0 {
                database_kills += 1;
                ground.kill_postgres()?;
            }
            server.kill()?;
        };
        let disturbed = books.statements(&server, month)?;
        resumed += disturbed.lives.len().saturating_sub(1) as u64;
        statements += disturbed.statements.len() as u64;
        adjustments += disturbed.of_use.1;
        // What came too late for the month before is an adjustment of this one.
        if disturbed.of_use.0 == 0 || (month > 0 && disturbed.of_use.1 == 0) {
            flaws.note(Flaw::Lost, format!("{} has no lines or adjustments for use", written(month)));
        }
        compare(&undisturbed, &disturbed, &mut flaws);
        books.check(&server, &disturbed, &mut flaws)?;
        end(&storage, server, &mut flaws)?;
        if flaws.total() > 0 {
            break;
        }
    }
    let figures = vec![
        ("kills", kills),
        ("database_kills", database_kills),
        ("months", months),
        ("resumed", resumed),
        ("statements", statements),
        ("adjustments", adjustments),
    ];
    Ok(Finding { figures, flaws, sought: &[Flaw::Lost, Flaw::Duplicated, Flaw::Differing] })
}

/// The statements of a month.
#[derive(Default)]
struct Made {
    /// By account, without what tells who made it when.
    statements: BTreeMap<String, Value>,
    /// Their ids.
    ids: Vec<String>,
    /// The minutes in which they were made: each life of the server has one of its own.
    lives: BTreeSet<String>,
    /// Accounts with more than one.
    twice: Vec<String>,
    /// How many lines and adjustments they have for use.
    of_use: (u64, u64),
}

fn compare(undisturbed: &Made, disturbed: &Made, flaws: &mut Flaws) {
    for (of, statement) in &undisturbed.statements {
        match disturbed.statements.get(of) {
            None => flaws.note(Flaw::Lost, format!("{of} has no statement")),
            Some(other) if other != statement => {
                flaws.note(Flaw::Differing, format!("{of}: {other} instead of {statement}"));
            }
            Some(_) => {}
        }
    }
    for of in disturbed.statements.keys().filter(|of| !undisturbed.statements.contains_key(*of)) {
        flaws.note(Flaw::Duplicated, format!("{of} has a statement that nobody else makes"));
    }
    disturbed.twice.iter().for_each(|account| flaws.note(Flaw::Duplicated, format!("{account} has two statements")));
}

impl Books {
    fn make(calendar: Calendar, storage: &mut Storage, random: Random) -> anyhow::Result<Self> {
        let server = calendar.start(&storage.launch, When { month: 0, day: 2, minute: 0 })?;
        storage.launch.first = false;
        let world = World::make(server.address, server.link.as_deref(), 1, LIMITS)?;
        let mut line = Connection::new(server.address, PATIENCE);
        let owner = text(&line.ok(&world.call("GET", "/v1/me"))?, "account")?;
        let mut accounts = Vec::new();
        for number in 0..ACCOUNTS {
            let body = json!({"parent": owner, "kind": "customer", "name": format!("Customer {number}")});
            accounts.push(text(&line.ok(&world.call("POST", "/v1/accounts").with(body))?, "id")?);
        }
        let seats = |number: usize| json!({"activation_limit": number % 20 + 1});
        let rows: Vec<Value> =
            (0..ACCOUNTS).map(|number| json!({"account": accounts[number], "terms": seats(number)})).collect();
        let import = world.call("POST", format!("/v1/products/{}/licenses/import", world.product)).with(json!(rows));
        let imported = line.ok(&import)?;
        let licenses = imported["rows"].as_array().context("rows")?.iter().map(|row| text(row, "license"));
        let accounts = accounts.into_iter().zip(licenses.collect::<anyhow::Result<Vec<_>>>()?).collect();
        let meter = json!({"name": METER, "aggregation": "sum", "unit": "calls"});
        line.ok(&world.call("POST", "/v1/meters").with(meter))?;
        let mut books = Self { world, calendar, owner, accounts, priced: 0, told: 0, random };
        let owner = books.owner.clone();
        books.set_price(&mut line, &owner, 0)?;
        let price = json!({
            "account": owner, "meter": METER, "name": "Calls", "currency": "EUR", "from": format!("{}-01", written(0)),
            "tiers": [{"from": 1, "price": "0.01"}, {"from": 500, "price": "0.00777"}],
        });
        line.ok(&books.world.call("POST", "/v1/price-lists").with(price))?;
        anyhow::ensure!(server.stop()? == Some(0), "the server did not stop as told");
        Ok(books)
    }

    fn start(&self, launch: &Launch, moment: When) -> anyhow::Result<Server> {
        self.calendar.start(launch, moment)
    }

    /// A price of an account's own from the beginning of a month on.
    fn set_price(&mut self, line: &mut Connection, account: &str, month: u64) -> anyhow::Result<()> {
        let price = |random: &mut Random| format!("0.{:05}", random.between(1, 99_999));
        let tiers = json!([
            {"from": 1, "price": price(&mut self.random)}, {"from": 10, "price": price(&mut self.random)},
        ]);
        let body = json!({
            "account": account, "product": self.world.product, "name": "Seats", "currency": "EUR",
            "from": format!("{}-01", written(month)), "discount": self.random.below(3_000), "tiers": tiers,
        });
        line.ok(&self.world.call("POST", "/v1/price-lists").with(body)).map(|_| ())
    }

    /// Prices for some accounts that had none of their own.
    fn set_prices(&mut self, line: &mut Connection, month: u64) -> anyhow::Result<()> {
        for _ in 0..LATE {
            let account = self.accounts[self.priced % ACCOUNTS].0.clone();
            // A list of an account does not apply beside another: in long runs, that is all.
            if self.priced < ACCOUNTS {
                self.set_price(line, &account, month)?;
            }
            self.priced += 1;
        }
        Ok(())
    }

    /// Tells of use in a month, by accounts of chance.
    fn tell(&mut self, line: &mut Connection, month: u64) -> anyhow::Result<()> {
        let mut records = Vec::new();
        for _ in 0..RECORDS {
            self.told += 1;
            let account = &self.accounts[self.random.below(ACCOUNTS as u64) as usize].0;
            let time = format!("{}-{:02}T10:00:00Z", written(month), self.random.between(1, 14));
            let value = self.random.below(400);
            records.push(json!({
                "id": format!("n-{}", self.told), "source": "torture", "time": time, "account": account,
                "meter": METER, "value": value,
            }));
        }
        let fates = line.ok(&self.world.call("POST", "/v1/usage").with(json!({ "records": records })))?;
        anyhow::ensure!(fates["counted"] == json!(RECORDS), "not all records were counted: {fates}");
        Ok(())
    }

    /// What happens in a month.
    fn live(&mut self, launch: &Launch, month: u64) -> anyhow::Result<()> {
        let server = self.start(launch, When { month, day: 15, minute: 0 })?;
        let mut line = Connection::new(server.address, PATIENCE);
        for _ in 0..CHANGES {
            let license = self.random.below(ACCOUNTS as u64) as usize;
            let seats = json!({"terms": {"activation_limit": self.random.between(0, 40)}});
            let path = format!("/v1/licenses/{}", self.accounts[license].1);
            line.ok(&self.world.call("PATCH", path).with(seats))?;
        }
        self.tell(&mut line, month)?;
        anyhow::ensure!(server.stop()? == Some(0), "the server did not stop as told");
        Ok(())
    }

    /// Begins to close a month, after something about the month before was told and set late; other things come too late for it.
    fn begin(&mut self, launch: &Launch, month: u64) -> anyhow::Result<()> {
        let server = self.start(launch, When { month: month + 1, day: 3, minute: 0 })?;
        let mut line = Connection::new(server.address, PATIENCE);
        self.set_prices(&mut line, month.saturating_sub(1))?;
        self.tell(&mut line, month.saturating_sub(1))?;
        // What the server does when it starts is over then, and it looks again only in seconds.
        std::thread::sleep(BUSY);
        line.ok(&self.closing(month))?;
        // Behind the instant as of which the month is closed.
        std::thread::sleep(Duration::from_millis(5));
        self.set_prices(&mut line, month)?;
        self.tell(&mut line, month)?;
        server.kill()
    }

    /// Asks for a month to be closed, or how far that is.
    fn closing(&self, month: u64) -> Call {
        self.world.call("POST", "/v1/closings").with(json!({ "month": written(month) }))
    }

    fn is_closed(&self, server: &Server, month: u64) -> anyhow::Result<bool> {
        let closing = Connection::new(server.address, PATIENCE).ok(&self.closing(month))?;
        Ok(!closing["finished_at"].is_null())
    }

    /// The close of a copy of the storage, left alone, and how many milliseconds it took.
    fn undisturbed(&self, ground: &mut Ground, launch: &Launch, month: u64) -> anyhow::Result<(Made, u64)> {
        let (backup, folder) = (ground.place("backup"), ground.place("copy"));
        launch.with_file("backup", &backup)?;
        let copy = ground.storage_in(&folder);
        copy.launch.with_file("restore", &backup)?;
        let copied = Launch { first: false, ..copy.launch.clone() };
        let server = self.start(&copied, When { month: month + 1, day: 4, minute: 0 })?;
        let started = Instant::now();
        while !self.is_closed(&server, month)? {
            anyhow::ensure!(started.elapsed() < LONGEST, "the month is not closed within {LONGEST:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let made = self.statements(&server, month)?;
        server.kill()?;
        std::fs::remove_file(backup)?;
        std::fs::remove_dir_all(folder)?;
        Ok((made, took))
    }

    /// All statements of a month.
    fn statements(&self, server: &Server, month: u64) -> anyhow::Result<Made> {
        let mut line = Connection::new(server.address, PATIENCE);
        let mut made = Made::default();
        let everybody = self.accounts.iter().map(|(account, _)| account).chain([&self.owner]);
        for account in everybody {
            let page = line.ok(&self.world.call("GET", format!("/v1/statements?account={account}&limit=100")))?;
            let all = page["items"].as_array().context("items")?;
            for mut statement in all.iter().filter(|one| one["month"] == json!(written(month))).cloned() {
                made.ids.push(text(&statement, "id")?);
                let closed_at = text(&statement, "closed_at")?;
                made.lives.insert(closed_at.get(..16).unwrap_or_default().to_owned());
                let members = statement.as_object_mut().context("an object")?;
                members.remove("id");
                members.remove("closed_at");
                let of_use = |name: &str, of: fn(&Value) -> &Value| {
                    let lines = members["document"][name].as_array().map(Vec::as_slice).unwrap_or_default();
                    lines.iter().filter(|line| of(line)["meter"].is_string()).count() as u64
                };
                made.of_use.0 += of_use("lines", |line| line);
                made.of_use.1 += of_use("adjustments", |adjustment| &adjustment["line"]);
                if made.statements.insert(account.clone(), statement).is_some() {
                    made.twice.push(account.clone());
                }
            }
        }
        Ok(made)
    }

    /// Has the server make some statements again from the facts.
    fn check(&mut self, server: &Server, made: &Made, flaws: &mut Flaws) -> anyhow::Result<()> {
        let mut line = Connection::new(server.address, PATIENCE);
        for _ in 0..CHECKED {
            let id = &made.ids[self.random.below(made.ids.len() as u64) as usize];
            let verdict = line.ok(&self.world.call("GET", format!("/v1/statements/{id}/check")))?;
            if verdict != json!({"same_bytes": true, "hash_holds": true, "chain_holds": true}) {
                flaws.note(Flaw::Differing, format!("{id}, made again: {verdict}"));
            }
        }
        Ok(())
    }
}
