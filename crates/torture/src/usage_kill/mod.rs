//! Kills the server, or the database under it, while usage comes in: whatever was acknowledged is in the figures, once.

mod teller;
mod told;

use crate::crash_kill::{Blow, end};
use crate::fleet::Moment;
use crate::ground::{Engine, Ground};
use crate::http::Connection;
use crate::proxy::{Bug, Proxy};
use crate::report::{Finding, Flaw, Flaws, Stop};
use crate::world::{Limits, PATIENCE, World, text};
use lessor_testkit::random::Random;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use teller::Teller;
use told::{ACCOUNTS, DAYS, FIRST_DAY, LAST_DAY, Meter, Told, VIEWS, day, figures};

/// Who tell at once.
const TELLERS: u64 = 8;
/// Nothing is activated here.
const LIMITS: Limits = Limits { places: 1, seats: 1, tokens: 1 };

/// Where usage is told, and whose it is.
struct Inlet {
    world: World,
    accounts: Vec<String>,
}

/// Runs it, with so many kills. The control is a proxy that acknowledges first.
pub fn run(ground: &mut Ground, engine: Engine, cycles: u64, seed: u64, control: bool) -> Result<Finding, Stop> {
    let mut random = Random::new(seed);
    let mut storage = ground.storage(engine)?;
    let mut server = storage.launch.start()?;
    storage.launch.first = false;
    let inlet = Inlet::make(server.address, server.link.as_deref())?;
    let mut tellers: Vec<Teller> = (0..TELLERS).map(|name| Teller::new(name, random.fork())).collect();
    let proxy = if control { Some(Proxy::start(Bug::AckFirst, server.address)?) } else { None };
    let common = AtomicU64::new(0);
    let mut flaws = Flaws::default();
    let (mut kills, mut database_kills) = (0, 0);
    for _ in 0..cycles {
        if let Some(proxy) = &proxy {
            proxy.turn_to(server.address);
        }
        let address = proxy.as_ref().map_or(server.address, |proxy| proxy.address);
        let blow = Blow::draw(engine, &mut random);
        kills += 1;
        database_kills += u64::from(blow.of_database);
        let moment = Moment::default();
        server = std::thread::scope(|scope| {
            for teller in &mut tellers {
                scope.spawn(|| teller.work(address, (&inlet.world, &inlet.accounts), &common, &moment));
            }
            let struck = blow.strike(ground, &storage, server);
            moment.stop();
            struck
        })?;
        tellers.iter_mut().try_for_each(|teller| teller.settle(server.address))?;
        inlet.compare(server.address, &all_told(&tellers), &mut flaws)?;
        if flaws.total() > 0 {
            break;
        }
    }
    tellers.iter().for_each(|teller| flaws.add(&teller.flaws));
    let again = tellers.iter().map(|teller| teller.again).sum();
    let told = all_told(&tellers);
    counted_once(&tellers, &mut flaws);
    inlet.open(server.address, &told, &mut flaws)?;
    end(&storage, server, &mut flaws)?;
    let figures = vec![
        ("cycles", kills),
        ("database_kills", database_kills),
        ("acked", told.len() as u64),
        ("told_again", again),
    ];
    Ok(Finding { figures, flaws, sought: &[Flaw::Lost, Flaw::Duplicated] })
}

fn all_told(tellers: &[Teller]) -> HashSet<u64> {
    tellers.iter().flat_map(|teller| &teller.told).copied().collect()
}

/// No two were told that the same record is new.
fn counted_once(tellers: &[Teller], flaws: &mut Flaws) {
    let mut seen = HashSet::new();
    for number in tellers.iter().flat_map(|teller| &teller.counted).filter(|number| !seen.insert(**number)) {
        flaws.note(Flaw::Duplicated, format!("record {number} was new twice"));
    }
}

impl Inlet {
    fn make(address: SocketAddr, link: Option<&str>) -> anyhow::Result<Self> {
        let world = World::make(address, link, 1, LIMITS)?;
        let mut line = Connection::new(address, PATIENCE);
        let owner = text(&line.ok(&world.call("GET", "/v1/me"))?, "account")?;
        for meter in Meter::ALL {
            line.ok(&world.call("POST", "/v1/meters").with(meter.body()))?;
        }
        let mut account = |number| {
            let body = json!({"parent": owner, "kind": "customer", "name": format!("Customer {number}")});
            text(&line.ok(&world.call("POST", "/v1/accounts").with(body))?, "id")
        };
        let accounts = (0..ACCOUNTS).map(&mut account).collect::<anyhow::Result<_>>()?;
        Ok(Self { world, accounts })
    }

    /// Compares all figures with what was acknowledged.
    fn compare(&self, address: SocketAddr, told: &HashSet<u64>, flaws: &mut Flaws) -> anyhow::Result<()> {
        let mut line = Connection::new(address, PATIENCE);
        let numbers: HashMap<&str, usize> = self.accounts.iter().map(String::as_str).zip(0..).collect();
        for view in VIEWS {
            let key = view.1.map(|key| format!("&key={key}")).unwrap_or_default();
            let meter = view.0.name();
            let path = format!(
                "/v1/reports/usage?meter={meter}&from={FIRST_DAY}&until={LAST_DAY}&per=day&each=account&limit=100{key}"
            );
            let report = line.ok(&self.world.call("GET", path))?;
            let expected = figures(told, view);
            let mut days = 0;
            for row in report["items"].as_array().unwrap_or(&Vec::new()) {
                let Some(account) = numbers.get(row["account"].as_str().unwrap_or_default()) else { continue };
                for (number, figure) in row["figures"].as_array().unwrap_or(&Vec::new()).iter().enumerate() {
                    let shown = figure["value"].as_i64().unwrap_or(i64::MIN);
                    let wanted = expected.get(&(*account, number)).copied().unwrap_or(0);
                    days += 1;
                    if shown != wanted {
                        let kind = if shown < wanted { Flaw::Lost } else { Flaw::Duplicated };
                        let words = format!("{meter}{key}, account {account}, {}: {shown} of {wanted}", day(number));
                        flaws.note(kind, words);
                    }
                }
            }
            if days != ACCOUNTS * DAYS {
                flaws.note(Flaw::Wrong, format!("{meter}{key}: {days} figures"));
            }
        }
        Ok(())
    }

    /// Opens every figure to its records: each that was acknowledged is there once, and no other.
    fn open(&self, address: SocketAddr, told: &HashSet<u64>, flaws: &mut Flaws) -> anyhow::Result<()> {
        let mut line = Connection::new(address, PATIENCE);
        let mut missing: HashSet<String> = told.iter().map(|number| Told::of(*number).id()).collect();
        for meter in Meter::ALL {
            for (account, number) in self.accounts.iter().flat_map(|account| (0..DAYS).map(move |day| (account, day))) {
                let mut cursor = String::new();
                loop {
                    let path = format!(
                        "/v1/usage-records?meter={}&account={account}&day={}&limit=100{cursor}",
                        meter.name(),
                        day(number)
                    );
                    let page = line.ok(&self.world.call("GET", path))?;
                    for record in page["items"].as_array().unwrap_or(&Vec::new()) {
                        let id = record["source_id"].as_str().unwrap_or_default();
                        if !missing.remove(id) {
                            flaws.note(Flaw::Duplicated, format!("record {id} is there twice, or was never told"));
                        }
                    }
                    match &page["next"] {
                        Value::String(next) => cursor = format!("&cursor={next}"),
                        _ => break,
                    }
                }
            }
        }
        missing.iter().for_each(|id| flaws.note(Flaw::Lost, format!("record {id} is not there")));
        Ok(())
    }
}
