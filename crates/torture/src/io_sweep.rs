//! Lets the N-th write, sync or truncation of the server fail, for every N, and looks whether anybody was told.

use crate::crash_kill::begin;
use crate::faults::{Fault, FileCall, Instead, Library, Seen};
use crate::fleet::{Act, Fleet, Moment};
use crate::ground::{Engine, Ground, Storage};
use crate::http::Connection;
use crate::report::{Finding, Flaw, Flaws, Stop};
use crate::server::Launch;
use crate::world::{Limits, PATIENCE};
use lessor_testkit::random::Random;
use std::path::{Path, PathBuf};

/// Roomy: nothing of the script is refused.
const LIMITS: Limits = Limits { places: 9, seats: 9, tokens: 9 };
/// What is asked for in every run, by device, and under an idempotency key or not.
const SCRIPT: [(usize, Act, bool); 9] = [
    (0, Act::Activate, false),
    (0, Act::Seats(2), false),
    (0, Act::Take(3), true),
    (1, Act::Activate, true),
    (0, Act::Give(1, 1), false),
    (1, Act::Renew, false),
    (1, Act::Seats(1), true),
    (0, Act::Return, false),
    (2, Act::Activate, false),
];
/// As many points as there are, each with every fault.
pub const ALL: u64 = u64::MAX;
/// A count that no run comes to.
const NEVER: u64 = u64::MAX;

/// Runs it, with at most so many points of each kind of call; between them others are left out evenly. The control strikes writes with a lie: success is reported and nothing is written.
pub fn run(ground: &mut Ground, size: u64, seed: u64, control: bool) -> Result<Finding, Stop> {
    let mut random = Random::new(seed);
    let library = Library::build(ground)?;
    let mut storage = ground.storage(Engine::Sqlite)?;
    let (server, fleet) = begin(&mut storage, 1, 1, 3, LIMITS, &mut random)?;
    server.stop()?;
    let mut sweep = Sweep { ground, library, base: storage, fleet, flaws: Flaws::default(), runs: 0, noticed: 0 };
    let calls: &[FileCall] =
        if control { &[FileCall::Write] } else { &[FileCall::Write, FileCall::Sync, FileCall::Truncate] };
    for call in calls {
        let total = sweep.count(*call)?;
        let step = total.div_ceil(size).max(1);
        // From a place that the seed chooses, so that short forms see other points each time.
        for first in (1 + random.below(step)..=total).step_by(step as usize) {
            sweep.point(*call, first, control, &mut random, size == ALL)?;
        }
    }
    let figures = vec![("runs", sweep.runs), ("noticed", sweep.noticed)];
    let sought: &[Flaw] =
        if control { &[Flaw::Lost, Flaw::Corrupt] } else { &[Flaw::Lost, Flaw::Corrupt, Flaw::Unnoticed] };
    Ok(Finding { figures, flaws: sweep.flaws, sought })
}

struct Sweep<'a> {
    ground: &'a mut Ground,
    library: Library,
    base: Storage,
    fleet: Fleet,
    flaws: Flaws,
    runs: u64,
    noticed: u64,
}

/// What the server and its clients showed of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing.
    Nothing,
    /// An answer, an exit code or a line in the log.
    Something,
}

/// What the library saw by the end of each part of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    starting: Seen,
    serving: Seen,
    ending: Seen,
}

impl Parts {
    /// When the fault struck first.
    fn first(self) -> &'static str {
        match (self.starting.struck, self.serving.struck) {
            (1.., _) => "starting",
            (0, 1..) => "serving",
            (0, 0) => "ending",
        }
    }
}

impl Sweep<'_> {
    /// How many calls of the kind a run makes when nothing fails.
    fn count(&mut self, call: FileCall) -> anyhow::Result<u64> {
        let fault = Fault { call, first: NEVER, last: NEVER, instead: Instead::Broken };
        let (seen, told, _) = self.strike(fault, false)?;
        anyhow::ensure!(told == Told::Nothing, "the script does not pass without a fault: {:?}", self.flaws);
        Ok(seen.calls)
    }

    /// One point: each error, once and for ever; in the short form one of the four.
    fn point(
        &mut self,
        call: FileCall,
        first: u64,
        control: bool,
        random: &mut Random,
        all: bool,
    ) -> anyhow::Result<()> {
        let faults = match control {
            true => vec![(Instead::Lie, first)],
            false => {
                let of = |instead| [(instead, first), (instead, NEVER)];
                let each = [of(Instead::Broken), of(Instead::Full)].concat();
                if all { each } else { vec![each[random.below(4) as usize]] }
            }
        };
        for (instead, last) in faults {
            let kill = random.chance(50);
            let (seen, told, words) = self.strike(Fault { call, first, last, instead }, kill)?;
            let struck = seen.struck > 0;
            self.runs += u64::from(struck);
            self.noticed += u64::from(struck && told == Told::Something);
            // Of space that came back a server may have made use. One that was killed could not tell what failed at its end.
            let passing = instead == Instead::Full && last == first;
            if struck && told == Told::Nothing && !passing && !kill {
                self.flaws.note(Flaw::Unnoticed, words);
            }
        }
        Ok(())
    }

    /// One run on a copy of the prepared storage: the script under the fault, then without, compared and verified.
    fn strike(&mut self, fault: Fault, kill: bool) -> anyhow::Result<(Seen, Told, String)> {
        let words = format!("{} {} {:?} to {}", fault.call.name(), fault.first, fault.instead, fault.last);
        let (data, note) = (self.ground.place("data"), self.ground.place("note"));
        copy(Path::new(&self.base.launch.storage[1]), &data)?;
        let storage = self.ground.storage_in(&data);
        let mut honest = storage.launch;
        honest.first = false;
        let mut fleet = self.fleet.clone();
        let trial = Trial { launch: self.library.onto(&honest, fault, &data, &note), fault, kill, note };
        let (told, parts) = trial.run(&mut fleet)?;
        let words = format!("{words}, while {}", parts.first());
        match honest.start() {
            Ok(server) => {
                if let Err(error) = fleet.settle(server.address) {
                    fleet.flaws.note(Flaw::Lost, format!("{error:#}"));
                }
                let code = server.stop()?;
                if code != Some(0) {
                    fleet.flaws.note(Flaw::Corrupt, format!("afterwards it ends with {code:?}"));
                }
            }
            Err(error) => fleet.flaws.note(Flaw::Corrupt, format!("afterwards it does not start: {error:#}")),
        }
        if let Err(error) = honest.verify()? {
            fleet.flaws.note(Flaw::Corrupt, error);
        }
        self.flaws.add(&fleet.all_flaws().about(&words));
        std::fs::remove_dir_all(&data)?;
        Ok((parts.ending, told, words))
    }
}

/// The script on a server under a fault.
struct Trial {
    launch: Launch,
    fault: Fault,
    kill: bool,
    note: PathBuf,
}

impl Trial {
    fn run(&self, fleet: &mut Fleet) -> anyhow::Result<(Told, Parts)> {
        let mut parts = Parts::default();
        let told = self.play(fleet, &mut parts)?;
        parts.ending = Seen::read(&self.note);
        Ok((told, parts))
    }

    fn play(&self, fleet: &mut Fleet, parts: &mut Parts) -> anyhow::Result<Told> {
        let Self { launch, note, .. } = self;
        let started = launch.start();
        parts.starting = Seen::read(note);
        let Ok(mut server) = started else { return Ok(Told::Something) };
        let breaks = self.fault.instead == Instead::Broken;
        let mut line = Connection::new(server.address, PATIENCE);
        let moment = Moment::default();
        let client = &mut fleet.clients[0];
        for (device, act, keyed) in SCRIPT {
            let (broken, before) = (breaks && Seen::read(note).struck > 0, client.acked);
            client.perform(&mut line, &fleet.world, device, act, keyed, &moment);
            if broken && client.acked > before {
                // Whether what it wrote afterwards is on the disk, a server cannot know any more.
                client
                    .flaws
                    .note(Flaw::Unnoticed, format!("{act:?} was acknowledged by a server whose disk had failed"));
            }
        }
        parts.serving = Seen::read(note);
        // Whatever was refused or stayed open, a client was told that something is wrong.
        let mut told = client.acked < SCRIPT.len() as u64;
        told |= server.has_ended();
        if self.kill {
            server.kill()?;
        } else {
            told |= server.stop()? != Some(0);
        }
        told |= launch.words().lines().any(|line| line.contains("ERROR") || line.contains("WARN"));
        Ok(if told { Told::Something } else { Told::Nothing })
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
