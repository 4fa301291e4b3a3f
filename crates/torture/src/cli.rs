//! The command line: which harness, in which form, and on what.

use crate::ground::{Engine, Ground};
use crate::report::{Finding, Report, Run, Stop};
use crate::{close_kill, crash_kill, crash_power, idem, io_sweep, linear, usage_kill};
use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

/// Breaks things around a Lessor server and compares what it promised with what it kept.
///
/// Every run is followed by its control: the same run with a bug planted, which must be found. Each prints one line of JSON;
/// the last line counts: N passed, N failed. What cannot run here is told as SKIP, and is no success.
#[derive(Debug, Parser)]
#[command(name = "lessor-torture", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    harness: Harness,
}

/// The harnesses.
#[derive(Clone, Debug, Subcommand)]
enum Harness {
    /// kill -9 at any moment, of the server and of the database under it
    CrashKill(Options),
    /// Power cuts of the disk under the server (takes root, or sudo that asks nobody)
    CrashPower(Options),
    /// kill -9 while usage comes in
    UsageKill(Options),
    /// kill -9 while a month is closed
    CloseKill(Options),
    /// The same request many times at once, cut anywhere
    Idem(Options),
    /// Two servers on one PostgreSQL, one of them frozen or killed
    Linear(Options),
    /// Every write, sync and truncation fails once
    IoSweep(Options),
    /// All of them, one after the other
    All(Options),
}

/// What all harnesses take.
#[derive(Clone, Debug, Args)]
struct Options {
    /// The program under test [default: `lessor` beside this program]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Makes the same choices again; what threads do in between is theirs [default: another one each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// The form for every change: the same, but less of it
    #[arg(long)]
    short: bool,
    /// Only the run with the planted bug
    #[arg(long)]
    control: bool,
    /// Only on this engine
    #[arg(long, value_name = "NAME")]
    engine: Option<Engine>,
    /// How many cycles, cuts, keys, operations or points [default: the harness's own]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    size: Option<u64>,
}

/// A harness: its name, its engines, how much it does in the short form, the long form and the control.
struct Plan {
    name: &'static str,
    engines: &'static [Engine],
    short: u64,
    long: u64,
    control: u64,
    run: fn(&mut Ground, Engine, u64, u64, bool) -> Result<Finding, Stop>,
}

const BOTH: &[Engine] = &[Engine::Sqlite, Engine::Postgres];

const CRASH_KILL: Plan = Plan {
    name: "crash-kill",
    engines: BOTH,
    short: 5,
    long: 200,
    control: 12,
    run: |ground, engine, cycles, seed, control| crash_kill::run(ground, engine, cycles, seed, control),
};
const CRASH_POWER: Plan = Plan {
    name: "crash-power",
    engines: &[Engine::Sqlite],
    short: 5,
    long: 200,
    control: 5,
    run: |ground, engine, cuts, seed, control| crash_power::run(ground, engine, cuts, seed, control),
};
/// PostgreSQL takes seconds to come back from each cut.
const CRASH_POWER_POSTGRES: Plan = Plan { engines: &[Engine::Postgres], short: 2, long: 60, control: 5, ..CRASH_POWER };
const USAGE_KILL: Plan = Plan {
    name: "usage-kill",
    engines: BOTH,
    short: 5,
    long: 50,
    control: 12,
    run: |ground, engine, kills, seed, control| usage_kill::run(ground, engine, kills, seed, control),
};
const CLOSE_KILL: Plan = Plan {
    name: "close-kill",
    engines: BOTH,
    short: 4,
    long: 50,
    control: 4,
    run: |ground, engine, kills, seed, control| close_kill::run(ground, engine, kills, seed, control),
};
const IDEM: Plan = Plan {
    name: "idem",
    engines: BOTH,
    short: 40,
    long: 2000,
    control: 20,
    run: |ground, engine, keys, seed, control| idem::run(ground, engine, keys, seed, control),
};
const LINEAR: Plan = Plan {
    name: "linear",
    engines: &[Engine::Postgres],
    short: 2000,
    long: 100_000,
    control: 4000,
    run: |ground, _, operations, seed, control| linear::run(ground, operations, seed, control),
};
const IO_SWEEP: Plan = Plan {
    name: "io-sweep",
    engines: &[Engine::Sqlite],
    short: 10,
    long: io_sweep::ALL,
    control: 8,
    run: |ground, _, points, seed, control| io_sweep::run(ground, points, seed, control),
};

/// All of them, in the order they run.
const ALL: &[Plan] = &[CRASH_KILL, CRASH_POWER, CRASH_POWER_POSTGRES, USAGE_KILL, CLOSE_KILL, IDEM, LINEAR, IO_SWEEP];

/// Runs what was asked for and gives the exit code.
pub fn run() -> anyhow::Result<u8> {
    let (plans, options): (&[Plan], _) = match Cli::parse().harness {
        Harness::CrashKill(options) => (&[CRASH_KILL], options),
        Harness::CrashPower(options) => (&[CRASH_POWER, CRASH_POWER_POSTGRES], options),
        Harness::UsageKill(options) => (&[USAGE_KILL], options),
        Harness::CloseKill(options) => (&[CLOSE_KILL], options),
        Harness::Idem(options) => (&[IDEM], options),
        Harness::Linear(options) => (&[LINEAR], options),
        Harness::IoSweep(options) => (&[IO_SWEEP], options),
        Harness::All(options) => (ALL, options),
    };
    let binary = match &options.binary {
        Some(path) => path.canonicalize().with_context(|| path.display().to_string())?,
        None => std::env::current_exe()?.with_file_name("lessor"),
    };
    let seed = match options.seed {
        Some(seed) => seed,
        None => fresh_seed()?,
    };
    println!("seed {seed}");
    let mut ground = Ground::new(binary)?;
    let mut report = Report::default();
    for plan in plans {
        for engine in plan.engines.iter().filter(|engine| options.engine.is_none_or(|only| only == **engine)) {
            for control in [false, true].into_iter().filter(|control| *control || !options.control) {
                one(plan, *engine, control, &options, seed, &mut ground, &mut report);
            }
        }
    }
    Ok(report.end())
}

fn one(
    plan: &Plan,
    engine: Engine,
    control: bool,
    options: &Options,
    seed: u64,
    ground: &mut Ground,
    report: &mut Report,
) {
    let usual = match (control, options.short) {
        // Those that stop at the first find have room to look for it.
        (true, _) => plan.control,
        (false, true) => plan.short,
        (false, false) => plan.long,
    };
    let size = match options.size {
        Some(size) if control => size.min(usual),
        Some(size) => size,
        None => usual,
    };
    let started = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| (plan.run)(ground, engine, size, seed, control)));
    // What a harness stands on panics when it cannot stand.
    let ended = ended.unwrap_or_else(|_| Err(Stop::Broken(anyhow::anyhow!("it panicked"))));
    let run = Run { harness: plan.name, engine: engine.name(), control, seed };
    report.take(run, started.elapsed().as_secs_f64(), ended);
}

/// A seed that nobody chose, short enough to type.
fn fresh_seed() -> anyhow::Result<u64> {
    let mut bytes = [0; 4];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u32::from_ne_bytes(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
