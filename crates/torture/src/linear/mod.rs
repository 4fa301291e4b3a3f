//! Two servers on one PostgreSQL hand out of the same pools while one of them is frozen or killed; every answer must fit into
//! some order in which things happened one by one.

mod client;
mod history;
mod racy;
mod search;

use crate::crash_kill::begin;
use crate::fleet::Shown;
use crate::ground::{Engine, Ground, Storage};
use crate::http::{Call, Connection};
use crate::report::{Finding, Flaw, Flaws, Stop};
use crate::server::Server;
use crate::world::{License, Limits, PATIENCE, TOKENS, World};
use client::{Client, Kind, Pool, credential};
use history::{History, certain_overlap};
use lessor_testkit::random::Random;
use search::{Verdict, check};
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Clients at work at once.
const CLIENTS: usize = 16;
/// Pools of each kind.
const POOLS: usize = 2;
/// What there is of a pool: much less than the clients want.
const LIMIT: i64 = 5;
/// Operations of a round, after which all is returned and counted.
const ROUND: u64 = 2500;
/// Operations of a round of the control, which ends with the round in which the bug shows.
const PLANTED_ROUND: u64 = 400;

/// What was counted over all rounds.
#[derive(Debug, Default)]
struct Sum {
    operations: u64,
    open: u64,
    most: i64,
    faults: u64,
    flaws: Flaws,
}

/// Runs it, with so many operations. The control is a server without a lock.
pub fn run(ground: &mut Ground, size: u64, seed: u64, control: bool) -> Result<Finding, Stop> {
    let mut random = Random::new(seed);
    let mut storage = ground.storage(Engine::Postgres)?;
    let mut sum = Sum::default();
    let pools = if control {
        // Several, so that a client holds a place of one while it asks about the others.
        let pools: Vec<Pool> = (0..3).map(|license| Pool { kind: Kind::Places, license, limit: LIMIT }).collect();
        with_bug(&storage, &pools, size, &mut random, &mut sum)?;
        pools
    } else {
        let (world, pools) = prepare(&mut storage, &mut random)?;
        while sum.operations < size {
            // A few more than are missing: clients leave a pool alone after an answer that stayed away.
            let now = ((size - sum.operations) * 11 / 10).clamp(CLIENTS as u64, ROUND);
            round(&storage, &world, &pools, now, &mut random, &mut sum)?;
        }
        pools
    };
    let figures = vec![
        ("operations", sum.operations),
        ("open", sum.open),
        ("pools", pools.len() as u64),
        ("faults", sum.faults),
        ("max_overlap", sum.most as u64),
        ("limit", LIMIT as u64),
    ];
    Ok(Finding { figures, flaws: sum.flaws, sought: &[Flaw::OverAllocated, Flaw::NotLinear, Flaw::Lost] })
}

/// The control: the same clients on a server that counts and then takes, without a lock.
fn with_bug(storage: &Storage, pools: &[Pool], size: u64, random: &mut Random, sum: &mut Sum) -> anyhow::Result<()> {
    let address = racy::start(&storage.launch.storage[1], LIMIT)?;
    let limits = Limits { places: LIMIT, seats: 0, tokens: 0 };
    let mut rounds = 0;
    while sum.operations < size && sum.flaws.total() == 0 {
        // Of other licenses each time, of which nobody holds anything.
        rounds += 1;
        let license = |pool: &Pool| License { id: String::new(), code: format!("code-{rounds}-{}", pool.license) };
        let licenses = pools.iter().map(license).collect();
        let world = World { key: String::new(), product: String::new(), licenses, limits };
        let mut clients = clients(pools.len(), random);
        work(&mut clients, PLANTED_ROUND, &[address], &world, pools, || Ok(()))?;
        judge(pools, &clients, &vec![None; pools.len()], sum);
    }
    Ok(())
}

fn clients(pools: usize, random: &mut Random) -> Vec<Client> {
    (0..CLIENTS).map(|number| Client::new(number, pools, random.fork())).collect()
}

/// Licenses whose seats and tokens are the pools, and licenses whose places are.
fn prepare(storage: &mut Storage, random: &mut Random) -> anyhow::Result<(World, Vec<Pool>)> {
    let limits = Limits { places: CLIENTS as i64, seats: LIMIT, tokens: LIMIT };
    let (server, fleet) = begin(storage, 0, 2 * POOLS, 0, limits, random)?;
    let world = fleet.world;
    let mut line = Connection::new(server.address, PATIENCE);
    let mut pools = Vec::new();
    for license in 0..POOLS {
        pools.push(Pool { kind: Kind::Seats, license, limit: LIMIT });
        pools.push(Pool { kind: Kind::Tokens, license, limit: LIMIT });
        let narrow = json!({"terms": {"activation_limit": LIMIT}});
        let path = format!("/v1/licenses/{}", world.licenses[POOLS + license].id);
        line.ok(&world.call("PATCH", path).with(narrow))?;
        pools.push(Pool { kind: Kind::Places, license: POOLS + license, limit: LIMIT });
    }
    server.stop()?;
    Ok((world, pools))
}

/// Two servers start; clients work while a fault strikes; the servers end, so that nothing can happen any more; then it is
/// counted, and all is returned.
fn round(
    storage: &Storage,
    world: &World,
    pools: &[Pool],
    operations: u64,
    random: &mut Random,
    sum: &mut Sum,
) -> anyhow::Result<()> {
    let mut servers = vec![storage.launch.start()?, storage.launch.start()?];
    let mut clients = clients(pools.len(), random);
    let mut line = Connection::new(servers[0].address, PATIENCE);
    for client in &mut clients {
        for (stake, pool) in client.stakes.iter_mut().zip(pools).filter(|(_, pool)| pool.kind != Kind::Places) {
            let activate = world.activate(&world.licenses[pool.license], &format!("client-{:04}", client.number));
            stake.credential = credential(&line.call(&activate).answer(&activate)?);
        }
    }
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    let (pause, length) = (random.between(50, 400), random.between(100, 1500));
    let (kills, victim) = (random.chance(60), random.below(2) as usize);
    work(&mut clients, operations, &addresses, world, pools, || {
        std::thread::sleep(Duration::from_millis(pause));
        servers[0].freeze()?;
        std::thread::sleep(Duration::from_millis(length));
        if kills {
            // The frozen one dies with whatever it had locked, or the other one just before the frozen one goes on.
            servers.remove(victim).kill()?;
        }
        servers.iter().try_for_each(Server::thaw)
    })?;
    sum.faults += 1 + u64::from(kills);
    for server in servers {
        server.stop()?;
    }
    // What a killed server had sent is done only when the database has noticed.
    storage.wait_until_unused()?;
    let server = storage.launch.start()?;
    let left = left(&server, world, pools)?;
    judge(pools, &clients, &left, sum);
    return_all(&server, world, pools, &clients, sum)?;
    server.stop()?;
    Ok(())
}

/// Lets all clients work while `fault` happens.
fn work(
    clients: &mut [Client],
    operations: u64,
    servers: &[SocketAddr],
    world: &World,
    pools: &[Pool],
    fault: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let clock = Instant::now();
    let each = operations.div_ceil(clients.len() as u64) as usize;
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(move || client.work(each, servers, world, pools, clock));
        }
        fault()
    })
}

/// How much of each pool is in use.
fn left(server: &Server, world: &World, pools: &[Pool]) -> anyhow::Result<Vec<Option<i64>>> {
    let mut line = Connection::new(server.address, PATIENCE);
    let of = |pool: &Pool| {
        let shown = Shown::of(world, &mut line, pool.license)?;
        Ok(Some(match pool.kind {
            Kind::Seats => shown.seats,
            Kind::Tokens => shown.tokens,
            Kind::Places => shown.activations.values().map(Vec::len).sum::<usize>() as i64,
        }))
    };
    pools.iter().map(of).collect()
}

fn judge(pools: &[Pool], clients: &[Client], left: &[Option<i64>], sum: &mut Sum) {
    for (at, pool) in pools.iter().enumerate() {
        let operations = clients.iter().flat_map(|client| client.stakes[at].operations.iter().copied()).collect();
        let history = History { limit: pool.limit, clients: clients.len(), operations, left: left[at] };
        sum.operations += history.operations.len() as u64;
        sum.open += clients.iter().filter(|client| client.stakes[at].open).count() as u64;
        let overlap = certain_overlap(&history);
        sum.most = sum.most.max(overlap);
        if overlap > pool.limit {
            sum.flaws
                .note(Flaw::OverAllocated, format!("{overlap} of {} {:?} held at one moment", pool.limit, pool.kind));
        }
        if left[at].is_some_and(|left| left > pool.limit) {
            sum.flaws.note(Flaw::OverAllocated, format!("{:?} of {} {:?} in use", left[at], pool.limit, pool.kind));
        }
        if overlap > pool.limit {
            // Then no order can be found, and proving that takes long.
            continue;
        }
        let (kind, words) = match check(&history) {
            Verdict::Linearizable => continue,
            Verdict::Broken => (Flaw::NotLinear, "no order explains the answers"),
            Verdict::Undecided => (Flaw::Wrong, "whether an order explains the answers was not found out in time"),
        };
        sum.flaws.note(kind, format!("{:?} of license {}: {words}", pool.kind, pool.license));
    }
    for words in clients.iter().flat_map(|client| &client.strange) {
        sum.flaws.note(Flaw::Wrong, words.clone());
    }
}

/// Everybody gives everything back; then nothing may be in use.
fn return_all(server: &Server, world: &World, pools: &[Pool], clients: &[Client], sum: &mut Sum) -> anyhow::Result<()> {
    let mut line = Connection::new(server.address, PATIENCE);
    for (at, _) in pools.iter().enumerate().filter(|(_, pool)| pool.kind == Kind::Tokens) {
        for credential in clients.iter().filter_map(|client| client.stakes[at].credential.as_ref()) {
            let path = format!("/device/v1/activations/{}/tokens", credential.activation);
            let call = Call::new("POST", path, &credential.secret);
            let held = line.ok(&call.clone().with(json!({"feature": TOKENS, "return": 0})))?["held"].clone();
            line.ok(&call.with(json!({"feature": TOKENS, "return": held})))?;
        }
    }
    for license in &world.licenses {
        line.ok(&world.call("POST", format!("/v1/licenses/{}/activations/return-all", license.id)))?;
    }
    for (pool, left) in pools.iter().zip(left(server, world, pools)?) {
        if left != Some(0) {
            sum.flaws.note(Flaw::Lost, format!("all is returned, but {left:?} {:?} are in use", pool.kind));
        }
    }
    Ok(())
}
