//! Kills the server, or the database under it, at any moment, and compares what clients were promised with what is there.

use crate::fleet::{Fleet, Moment};
use crate::ground::{Engine, Ground, Storage};
use crate::proxy::{Bug, Proxy};
use crate::report::{Finding, Flaw, Stop};
use crate::server::Server;
use crate::world::{Limits, World};
use lessor_testkit::random::Random;
use std::net::SocketAddr;
use std::time::Duration;

/// Clients at work at once.
const CLIENTS: usize = 16;
/// Most milliseconds of work before a kill.
const LONGEST: u64 = 600;
/// Licenses that the clients share.
const LICENSES: usize = 4;
/// Devices of a client.
const DEVICES: usize = 3;
/// Narrow enough that clients push each other out.
const LIMITS: Limits = Limits { places: 7, seats: 8, tokens: 12 };
/// Of so many kills of the server on PostgreSQL, one is of the database instead.
const DATABASE_KILLS: u64 = 3;

/// Share of kills after which the next server is killed while it recovers, in percent.
const STUMBLES: u64 = 25;

/// Runs it, with so many kills. The control is a proxy that acknowledges first.
pub fn run(ground: &mut Ground, engine: Engine, cycles: u64, seed: u64, control: bool) -> Result<Finding, Stop> {
    let mut random = Random::new(seed);
    let mut storage = ground.storage(engine)?;
    let (mut server, mut fleet) = begin(&mut storage, CLIENTS, LICENSES, DEVICES, LIMITS, &mut random)?;
    let proxy = if control { Some(Proxy::start(Bug::AckFirst, server.address)?) } else { None };
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
        server = under_load(&mut fleet, address, &moment, || blow.strike(ground, &storage, server))?;
        fleet.settle(server.address)?;
        if control && fleet.all_flaws().count(Flaw::Lost) > 0 {
            break;
        }
    }
    let mut flaws = fleet.all_flaws();
    end(&storage, server, &mut flaws)?;
    let figures = vec![("cycles", kills), ("database_kills", database_kills), ("acked", fleet.acked())];
    Ok(Finding { figures, flaws, sought: &[Flaw::Lost, Flaw::Duplicated, Flaw::OverAllocated] })
}

/// A kill, drawn before it happens.
#[derive(Clone, Copy, Debug)]
pub struct Blow {
    /// After how long.
    pause: Duration,
    /// Does it strike the database instead of the server?
    pub of_database: bool,
    /// After how long the next server is killed too, if it is.
    stumble: Option<Duration>,
}

impl Blow {
    /// Draws one.
    pub fn draw(engine: Engine, random: &mut Random) -> Self {
        Self {
            pause: Duration::from_millis(random.between(20, LONGEST)),
            of_database: engine == Engine::Postgres && random.below(DATABASE_KILLS) == 0,
            stumble: random.chance(STUMBLES).then(|| Duration::from_millis(random.below(80))),
        }
    }

    /// Lets it happen; gives the server that works afterwards.
    pub fn strike(self, ground: &mut Ground, storage: &Storage, server: Server) -> anyhow::Result<Server> {
        std::thread::sleep(self.pause);
        if self.of_database {
            ground.kill_postgres()?;
            return Ok(server);
        }
        server.kill()?;
        if let Some(after) = self.stumble {
            storage.launch.stumble(after)?;
        }
        storage.launch.start()
    }
}

/// Starts a server on new storage and makes a world with clients.
pub fn begin(
    storage: &mut Storage,
    clients: usize,
    licenses: usize,
    devices: usize,
    limits: Limits,
    random: &mut Random,
) -> anyhow::Result<(Server, Fleet)> {
    let server = storage.launch.start()?;
    storage.launch.first = false;
    let world = World::make(server.address, server.link.as_deref(), licenses, limits)?;
    Ok((server, Fleet::new(world, clients, devices, random)))
}

/// Lets all clients work while `fault` happens; it returns when they have all stopped.
pub fn under_load<T>(
    fleet: &mut Fleet,
    address: SocketAddr,
    moment: &Moment,
    fault: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let world = &fleet.world;
    std::thread::scope(|scope| {
        for client in &mut fleet.clients {
            scope.spawn(move || client.work(address, world, moment));
        }
        let done = fault();
        moment.stop();
        done
    })
}

/// Ends the server properly and has the program look at the storage.
pub fn end(storage: &Storage, server: Server, flaws: &mut crate::report::Flaws) -> anyhow::Result<()> {
    let code = server.stop()?;
    if code != Some(0) {
        flaws.note(Flaw::Wrong, format!("told to stop, the server ended with {code:?}"));
    }
    if let Err(words) = storage.launch.verify()? {
        flaws.note(Flaw::Corrupt, words);
    }
    Ok(())
}
