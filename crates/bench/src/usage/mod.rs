//! Usage: bringing records in, telling what they come to, closing a month, each beside the least that could do it.

mod bare;
mod bare_postgres;
mod goals;
mod work;

use crate::book::Book;
use crate::goals::Row;
use crate::house::{Place, Storage};
use crate::load::{Sample, Span, measure};
use crate::options::{Plan, short};
use crate::postgres::Machine;
use crate::process::Server;
use lessor_testkit::random::Random;
use serde::Deserialize;
use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;
use work::{Report, Tell};

/// Records of a batch.
pub const BATCH: usize = 1_000;
/// Connections that send batches: enough that the server reads one while it writes another.
const SENDERS: usize = 4;

/// What loading told of a store.
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    /// What to present.
    pub key: String,
    /// The customers, by their native ids.
    pub accounts: Vec<String>,
    /// The vendor.
    pub vendor: Uuid,
    /// The one meter.
    pub meter: Uuid,
    /// When the last record was, about, in microseconds since 1970.
    pub until: i64,
}

impl Facts {
    fn read(file: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(file)?)?)
    }

    /// The ids of the customers, as they are stored.
    pub fn ids(&self) -> Vec<Uuid> {
        self.accounts.iter().filter_map(|id| Uuid::parse_str(id.rsplit('_').next()?).ok()).collect()
    }
}

/// What is measured of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Batches of records.
    Batch,
    /// Records one by one.
    Event,
    /// What an account used in a month.
    Report,
    /// What all accounts used in a month, as a table.
    Tree,
}

impl What {
    const ALL: [What; 4] = [What::Batch, What::Event, What::Report, What::Tree];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            What::Batch => "usage-batch",
            What::Event => "usage-event",
            What::Report => "usage-report",
            What::Tree => "usage-tree",
        }
    }
}

/// A store with records, its server, and the same store once more for the bare loop.
struct House {
    records: u64,
    facts: Facts,
    server: Server,
    bare: Box<dyn Bare>,
}

/// The least that could do the work of a store, on a copy of it.
trait Bare {
    /// Writes a batch, durably: what came of it.
    fn write(&mut self, chance: &mut Random) -> Result<(), Box<dyn Error>>;
    /// Reads what all accounts used in a month and writes it as a table; gives how many bytes that is.
    fn read(&mut self) -> Result<usize, Box<dyn Error>>;
}

/// The name under which something is written down.
fn name(engine: &str, what: What, records: u64, variant: &str) -> String {
    format!("{}/{engine}/{}{variant}", what.name(), short(records))
}

/// Measures usage on SQLite.
pub fn sqlite(plan: &Plan, place: &Place) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut houses = Vec::new();
    let mut closing = None;
    for records in &plan.records {
        let name = format!("usage-sqlite-{}", short(*records));
        let folder = place.path(&name);
        let storage = Storage::Folder(folder.clone());
        let facts = load(place, &storage, &name, *records)?;
        let copy = |name: &str| -> io::Result<_> {
            let copy = place.empty(name)?;
            fs::copy(folder.join("lessor.db"), copy.join("lessor.db"))?;
            Ok(copy)
        };
        // A store that is kept must be as it was loaded.
        let (ours, bare) = (copy(&format!("{name}-ours"))?, copy(&format!("{name}-bare"))?);
        if *records == plan.most_records() {
            let month = copy(&format!("{name}-month"))?;
            closing = Some(close(place, &Storage::Folder(month.clone()), &facts));
            fs::remove_dir_all(month)?;
        }
        let server = place.start(&mut Storage::Folder(ours).serve(place)?)?;
        let bare = Box::new(bare::Sqlite::open(&bare.join("lessor.db"), facts.clone())?);
        houses.push(House { records: *records, facts, server, bare });
    }
    let book = rounds(plan, place, "sqlite", &mut houses)?;
    drop(houses);
    Ok(goals::rows(plan, &book, "sqlite", closing))
}

/// Measures usage on PostgreSQL.
pub fn postgres(plan: &Plan, place: &Place) -> Result<Vec<Row>, Box<dyn Error>> {
    let machine = Machine::start()?;
    let mut databases = Vec::new();
    let mut houses = Vec::new();
    let mut closing = None;
    for records in &plan.records {
        let name = format!("usage-postgres-{}", short(*records));
        let database = machine.database();
        let storage = Storage::Database(database.url.clone());
        let facts = load(place, &storage, &name, *records)?;
        let (bare, month) = (machine.copy_of(&database), machine.copy_of(&database));
        if *records == plan.most_records() {
            closing = Some(close(place, &Storage::Database(month.url.clone()), &facts));
        }
        drop(month);
        let server = place.start(&mut storage.serve(place)?)?;
        let loop_of_its_own = Box::new(bare_postgres::Postgres::open(&bare.url, facts.clone())?);
        houses.push(House { records: *records, facts, server, bare: loop_of_its_own });
        databases.extend([database, bare]);
    }
    machine.settle(&databases);
    let book = rounds(plan, place, "postgres", &mut houses)?;
    drop(houses);
    drop(databases);
    Ok(goals::rows(plan, &book, "postgres", closing))
}

/// Fills a store, unless that was done before.
fn load(place: &Place, storage: &Storage, name: &str, records: u64) -> Result<Facts, Box<dyn Error>> {
    let facts = place.path(&format!("{name}.json"));
    if !(matches!(storage, Storage::Folder(_)) && facts.exists()) {
        eprintln!("loading {} records into {name}", short(records));
        let began = Instant::now();
        let mut load = place.server("load-usage")?;
        load.arg("--records").arg(records.to_string()).arg("--facts").arg(&facts);
        storage.tell(&mut load);
        if !load.status()?.success() {
            return Err("loading failed".into());
        }
        let seconds = began.elapsed().as_secs_f64();
        eprintln!("loaded in {seconds:.1} s");
    }
    Ok(Facts::read(&facts)?)
}

/// Closes a month and gives the seconds it took.
fn close(place: &Place, storage: &Storage, facts: &Facts) -> Result<f64, String> {
    let run = || -> Result<f64, Box<dyn Error>> {
        let mut close = place.server("close-month")?;
        close.arg("--vendor").arg(facts.vendor.to_string());
        storage.tell(&mut close);
        let output = close.output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        said.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into())
    };
    run().map_err(|error| error.to_string())
}

fn rounds(plan: &Plan, place: &Place, engine: &str, houses: &mut [House]) -> Result<Book, Box<dyn Error>> {
    let mut book = Book::default();
    let get = place.baseline(&["axum-get"])?;
    for round in 0..plan.rounds {
        eprintln!("usage, {engine}, round {} of {}", round + 1, plan.rounds);
        for what in What::ALL {
            let mut chance = Random::new(plan.seed ^ (round as u64) << 8 ^ what as u64);
            if what == What::Event {
                let sample = measure(&[get.address], plan.connections, &mut work::Plain, plan.span, &get.cpu());
                book.note(format!("{}/bare", what.name()), sample);
            }
            let mut order: Vec<usize> = (0..houses.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for at in order {
                let house = &mut houses[at];
                let ours = name(engine, what, house.records, "");
                book.note(ours, house.ours(plan, what, chance.fork()));
                let bare = name(engine, what, house.records, "/bare");
                match what {
                    What::Batch => book.note(bare, repeat(plan.span, || house.bare.write(&mut chance))),
                    What::Tree => book.note(bare, repeat(plan.span, || house.bare.read().map(|_| ()))),
                    What::Event | What::Report => {}
                }
            }
        }
    }
    Ok(book)
}

impl House {
    fn ours(&self, plan: &Plan, what: What, chance: Random) -> io::Result<Sample> {
        let (addresses, cpu) = (&[self.server.address], self.server.cpu());
        match what {
            What::Batch => measure(addresses, SENDERS, &mut Tell::new(&self.facts, BATCH, chance), plan.span, &cpu),
            What::Event => {
                measure(addresses, plan.connections, &mut Tell::new(&self.facts, 1, chance), plan.span, &cpu)
            }
            What::Report => measure(addresses, 1, &mut Report::of_one(&self.facts, chance), plan.span, &cpu),
            What::Tree => measure(addresses, 1, &mut Report::of_all(&self.facts, chance), plan.span, &cpu),
        }
    }
}

/// Does something again and again.
fn repeat(span: Span, mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> io::Result<Sample> {
    let failed = |error: Box<dyn Error>| io::Error::other(error.to_string());
    let warm = Instant::now();
    while warm.elapsed() < span.warm {
        work().map_err(failed)?;
    }
    let began = Instant::now();
    let mut took: Vec<Duration> = Vec::new();
    while began.elapsed() < span.time {
        let asked = Instant::now();
        work().map_err(failed)?;
        took.push(asked.elapsed());
    }
    let rate = took.len() as f64 / began.elapsed().as_secs_f64();
    took.sort_unstable();
    let micros = |at: usize| u32::try_from(took[at].as_micros()).unwrap_or(u32::MAX);
    Ok(Sample { rate, p50: micros(took.len() / 2), p99: micros(took.len() * 99 / 100), ..Sample::default() })
}
