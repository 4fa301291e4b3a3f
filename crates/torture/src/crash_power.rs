//! Cuts the power of the disk under the server, and compares what clients were promised before with what is there after.

use crate::crash_kill::{begin, end, under_load};
use crate::disk::Disk;
use crate::faults::{Fault, FileCall, Instead, Library};
use crate::fleet::Moment;
use crate::ground::{Engine, Ground, Postmaster, Storage, revive};
use crate::report::{Finding, Flaw, Flaws, Stop};
use crate::server::{Launch, Server};
use crate::world::Limits;
use lessor_testkit::postgres::{Setup, TestPostgres};
use lessor_testkit::random::Random;
use std::time::Duration;

/// Clients at work at once.
const CLIENTS: usize = 16;
/// Most milliseconds of work before a cut.
const LONGEST: u64 = 600;
/// Licenses that the clients share.
const LICENSES: usize = 4;
/// Devices of a client.
const DEVICES: usize = 3;
/// Narrow enough that clients push each other out.
const LIMITS: Limits = Limits { places: 7, seats: 8, tokens: 12 };
/// A PostgreSQL that means it, and one that does not.
const HONEST: &[(&str, &str)] = &[("fsync", "on"), ("full_page_writes", "on")];
const CARELESS: &[(&str, &str)] = &[("fsync", "off"), ("full_page_writes", "off")];

/// What stands on the disk. Fields go in this order: first who uses the disk, then the disk.
struct Site {
    storage: Storage,
    launch: Launch,
    postgres: Option<TestPostgres>,
    disk: Disk,
}

/// Runs it, with so many power cuts. The control is a server, or a PostgreSQL, whose syncs do nothing.
pub fn run(ground: &mut Ground, engine: Engine, size: u64, seed: u64, control: bool) -> Result<Finding, Stop> {
    let mut random = Random::new(seed);
    let mut site = Site::make(ground, engine, control)?;
    let (mut server, mut fleet) = begin(&mut site.storage, CLIENTS, LICENSES, DEVICES, LIMITS, &mut random)?;
    site.launch.first = false;
    if control {
        server.stop()?;
        server = site.launch.start()?;
    }
    let mut flaws = Flaws::default();
    let mut cuts = 0;
    while cuts < size {
        let pause = Duration::from_millis(random.between(50, LONGEST));
        let moment = Moment::default();
        let postmaster = site.postgres.as_ref().map(Postmaster::of).transpose()?;
        under_load(&mut fleet, server.address, &moment, || {
            std::thread::sleep(pause);
            moment.cut();
            site.disk.cut()?;
            server.kill()?;
            postmaster.map_or(Ok(()), Postmaster::kill)
        })?;
        cuts += 1;
        match site.restart() {
            Ok(started) => server = started,
            Err(error) => {
                flaws.note(Flaw::Corrupt, format!("after cut {cuts}: {error:#}"));
                flaws.add(&fleet.all_flaws());
                return Ok(finding(cuts, fleet.acked(), flaws));
            }
        }
        if let Err(error) = fleet.settle(server.address) {
            // With a bug planted the harness's own key may be gone.
            if !control {
                return Err(error.into());
            }
            flaws.note(Flaw::Lost, format!("after cut {cuts}: {error:#}"));
            break;
        }
        if control && fleet.all_flaws().count(Flaw::Lost) > 0 {
            break;
        }
    }
    flaws.add(&fleet.all_flaws());
    end(&site.storage, server, &mut flaws)?;
    Ok(finding(cuts, fleet.acked(), flaws))
}

impl Site {
    fn make(ground: &mut Ground, engine: Engine, control: bool) -> Result<Self, Stop> {
        let disk = Disk::make(ground)?;
        if engine == Engine::Postgres {
            let settings = if control { CARELESS } else { HONEST };
            let postgres = TestPostgres::start_in(&disk.point, &Setup { settings, ..Setup::default() });
            // A cluster of tests is not made to last.
            disk.sync()?;
            let storage = ground.storage_of(&postgres);
            return Ok(Self { launch: storage.launch.clone(), storage, postgres: Some(postgres), disk });
        }
        let storage = ground.storage_in(&disk.point.join("data"));
        let mut launch = storage.launch.clone();
        if control {
            let lie = Fault { call: FileCall::Sync, first: 1, last: u64::MAX, instead: Instead::Lie };
            launch = Library::build(ground)?.onto(&launch, lie, &disk.point, &ground.place("note"));
        }
        Ok(Self { launch, storage, postgres: None, disk })
    }

    /// Power comes back: the storage must be whole, and the server start on it.
    fn restart(&mut self) -> anyhow::Result<Server> {
        self.disk.power_up()?;
        self.postgres.as_mut().map_or(Ok(()), revive)?;
        self.launch.verify()?.map_err(anyhow::Error::msg)?;
        self.launch.start()
    }
}

fn finding(cuts: u64, acked: u64, flaws: Flaws) -> Finding {
    let figures = vec![("cuts", cuts), ("acked", acked)];
    Finding { figures, flaws, sought: &[Flaw::Lost, Flaw::Duplicated, Flaw::OverAllocated, Flaw::Corrupt] }
}
