//! The rounds: in each, every path is walked once in every house and beside its baseline, one after the other.

use crate::baseline::list;
use crate::book::Book;
use crate::goals::{self, Row};
use crate::house::{House, Place, Storage};
use crate::load::{Sample, Work, measure};
use crate::options::{Plan, short};
use crate::postgres::{self, Machine};
use crate::process::Server;
use crate::request;
use crate::start;
use crate::work::Path;
use lessor_testkit::random::Random;
use std::error::Error;
use std::fs;
use std::io;

/// Measures everything on SQLite.
pub fn sqlite(plan: &Plan, place: &Place) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut book = Book::default();
    let empty = start::rest(place)?;
    let baselines = Baselines::start(plan, place)?;
    let mut loaded = Vec::new();
    for size in &plan.sizes {
        let name = format!("sqlite-{}", short(*size));
        let folder = place.path(&name);
        let facts = House::load(place, &Storage::Folder(folder.clone()), &name, *size)?;
        loaded.push((*size, folder, facts));
    }
    let mut single = match plan.has(Path::Activate) {
        true => Some(one_commit(plan, place, &loaded)?),
        false => None,
    };
    let mut houses = Vec::new();
    for (size, folder, facts) in loaded {
        houses.push(House::open(place, plan, Storage::Folder(folder), &facts, size)?);
    }
    let sync = start::sync_time(place)?;
    for round in 0..plan.rounds {
        eprintln!("SQLite, round {} of {}", round + 1, plan.rounds);
        for path in &plan.paths {
            for turn in turns(houses.len() + 2, round) {
                let chance = chance_of(plan, round, *path, turn);
                match turn {
                    0 => baselines.measure(&mut book, plan, *path, chance, &houses),
                    1 => {
                        if let (Path::Activate, Some(house)) = (path, single.as_mut()) {
                            walk(&mut book, plan, "sqlite", *path, house, "/one-commit", chance, 1);
                        }
                    }
                    turn => walk(&mut book, plan, "sqlite", *path, &mut houses[turn - 2], "", chance, 1),
                }
            }
        }
    }
    let largest = houses.pop().ok_or("no sizes")?;
    let full = largest.servers[0].memory()?;
    drop((houses, single, baselines));
    let starts = start::starts(plan, place, largest)?;
    Ok(goals::sqlite(plan, &book, sync, &goals::Resources { empty, full, starts }))
}

/// Measures everything on PostgreSQL.
pub fn postgres(plan: &Plan, place: &Place) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut book = Book::default();
    let machine = Machine::start()?;
    let mut databases = Vec::new();
    let mut houses = Vec::new();
    for size in &plan.sizes {
        let name = format!("postgres-{}", short(*size));
        let database = machine.database();
        let storage = Storage::Database(database.url.clone());
        databases.push(database);
        let facts = House::load(place, &storage, &name, *size)?;
        houses.push(House::open(place, plan, storage, &facts, *size)?);
    }
    let usual = houses.iter().position(|house| house.size == plan.usual_size()).ok_or("no usual size")?;
    if plan.has(Path::Activate) {
        machine.prepare_pgbench(plan.usual_size())?;
        let second = place.start(&mut houses[usual].storage.serve(place)?)?;
        houses[usual].servers.push(second);
    }
    machine.settle(&databases);
    for round in 0..plan.rounds {
        eprintln!("PostgreSQL, round {} of {}", round + 1, plan.rounds);
        for path in plan.paths.iter().filter(|path| path.page().is_none()) {
            for turn in turns(houses.len() + 2, round) {
                let chance = chance_of(plan, round, *path, turn);
                match turn {
                    0 if *path == Path::Activate => {
                        book.note(postgres::PGBENCH.to_owned(), machine.pgbench(plan.span.time));
                    }
                    1 if *path == Path::Activate => {
                        walk(&mut book, plan, "postgres", *path, &mut houses[usual], "/two", chance, 2);
                    }
                    0 | 1 => {}
                    turn => walk(&mut book, plan, "postgres", *path, &mut houses[turn - 2], "", chance, 1),
                }
            }
        }
    }
    drop(houses);
    drop(databases);
    Ok(goals::postgres(plan, &book))
}

/// Every second round goes backwards, so that a machine that grows slower favours nobody.
fn turns(count: usize, round: usize) -> Vec<usize> {
    let mut turns: Vec<usize> = (0..count).collect();
    if round % 2 == 1 {
        turns.reverse();
    }
    turns
}

fn chance_of(plan: &Plan, round: usize, path: Path, turn: usize) -> Random {
    let place = (round as u64) << 32 | (path as u64) << 16 | turn as u64;
    Random::new(Random::new(plan.seed ^ place).number())
}

/// The name under which a path in a house is written down.
pub fn name(engine: &str, path: Path, size: u64, variant: &str) -> String {
    format!("{}/{engine}/{}{variant}", path.name(), short(size))
}

#[expect(clippy::too_many_arguments, reason = "one measurement has that many sides")]
fn walk(
    book: &mut Book,
    plan: &Plan,
    engine: &str,
    path: Path,
    house: &mut House,
    variant: &str,
    chance: Random,
    servers: usize,
) {
    let connections = if path.page().is_some() { 1 } else { plan.connections };
    let (addresses, cpu) = (house.addresses(servers), house.cpu(servers));
    let name = name(engine, path, house.size, variant);
    let mut work = path.work(&mut house.world, connections, chance);
    let mut load = || measure(&addresses, connections, &mut work, plan.span_of(path), &cpu);
    let sample = match path {
        Path::ZentitlePage => {
            house.servers[0].peak_during(load).and_then(|(sample, above_idle)| Ok(Sample { above_idle, ..sample? }))
        }
        _ => load(),
    };
    book.note(name, sample);
}

/// A copy of the store of the usual size behind a server that commits for each request.
fn one_commit(
    plan: &Plan,
    place: &Place,
    loaded: &[(u64, std::path::PathBuf, std::path::PathBuf)],
) -> io::Result<House> {
    let size = plan.usual_size();
    let (_, folder, facts) =
        loaded.iter().find(|(known, _, _)| *known == size).ok_or_else(|| io::Error::other("no usual size"))?;
    let copy = place.empty("one-commit")?;
    fs::copy(folder.join("lessor.db"), copy.join("lessor.db"))?;
    let server = place.start(place.server("one-commit")?.arg("--data").arg(&copy))?;
    let world = crate::world::World::read(facts, size, plan.seed ^ 1)?;
    Ok(House { size, storage: Storage::Folder(copy), servers: vec![server], world })
}

/// The baselines that serve.
struct Baselines {
    get: Server,
    post: Server,
    group_commit: Server,
    rows: u64,
}

/// Names under which baselines are written down, behind the path.
pub const BARE: &str = "bare";

impl Baselines {
    fn start(plan: &Plan, place: &Place) -> io::Result<Self> {
        let rows = plan.usual_size();
        let folder = place.empty("group-commit")?;
        Ok(Self {
            get: place.baseline(&["axum-get"])?,
            post: place.baseline(&["axum-post"])?,
            group_commit: place.baseline(&["group-commit", &folder.to_string_lossy(), &rows.to_string()])?,
            rows,
        })
    }

    /// Measures what a path is compared with.
    fn measure(&self, book: &mut Book, plan: &Plan, path: Path, chance: Random, houses: &[House]) {
        let sample = match path {
            Path::ZentitleList | Path::ZentitlePage => listed(plan, path.page().unwrap_or(1), chance, houses),
            _ => {
                let server = match path {
                    Path::Validate => &self.post,
                    Path::Renew => &self.group_commit,
                    _ => &self.get,
                };
                let mut work = Plain { path, chance, rows: self.rows };
                measure(&[server.address], plan.connections, &mut work, plan.span_of(path), &server.cpu())
            }
        };
        book.note(format!("{}/{BARE}", path.name()), sample);
    }
}

/// Pages of the largest store, read bare.
fn listed(plan: &Plan, page: u64, mut chance: Random, houses: &[House]) -> io::Result<Sample> {
    let Some(House { storage: Storage::Folder(folder), .. }) = houses.last() else {
        return Err(io::Error::other("no folder to read"));
    };
    let (rate, p50, p99) = list::measure(folder, page, &mut chance, plan.span.time).map_err(io::Error::other)?;
    Ok(Sample { rate, p50, p99, ..Sample::default() })
}

/// What a bare server is asked.
struct Plain {
    path: Path,
    chance: Random,
    rows: u64,
}

impl Work for Plain {
    fn ask(&mut self, _connection: usize, request: &mut Vec<u8>) -> bool {
        match self.path {
            Path::Validate => {
                let code = lessor_bench::code(self.chance.below(1 << 20));
                let body = format_args!(
                    r#"{{"product":"prod_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b","code":"{code}","feature":"FLAG"}}"#
                );
                request::post(request, format_args!("/"), None, body);
            }
            Path::Renew => {
                let (id, number) = (self.chance.below(self.rows), self.chance.below(1 << 20));
                request::post(request, format_args!("/"), None, format_args!(r#"{{"id":{id},"number":{number}}}"#));
            }
            _ => request::get(request, format_args!("/"), None),
        }
        true
    }

    fn take(&mut self, _connection: usize, _body: &[u8]) {}
}
