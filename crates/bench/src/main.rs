//! The bench: Lessor beside the least that could do the same, in one run, by turns. Only ratios within a run mean
//! anything; `docs/performance.md` tells how they are made.

#![forbid(unsafe_code)]

mod baseline;
mod book;
mod goals;
mod house;
mod load;
mod options;
mod postgres;
mod process;
mod report;
mod request;
mod rounds;
mod start;
mod usage;
mod work;
mod world;

use clap::Parser;
use options::{Options, Run};
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match Options::parse() {
        Options { baseline: Some(baseline), .. } => baseline.serve().map_err(Into::into),
        Options { run, .. } => bench(&run),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lessor-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(run: &Run) -> Result<(), Box<dyn Error>> {
    let plan = run.plan()?;
    if let Some(file) = &plan.markdown {
        // Better now than after half an hour.
        report::check(file)?;
    }
    println!("{plan}");
    house::build()?;
    let place = house::Place::new(plan.folder.clone())?;
    let mut rows = Vec::new();
    if plan.sqlite {
        if !plan.paths.is_empty() {
            rows.extend(rounds::sqlite(&plan, &place)?);
        }
        if plan.usage {
            rows.extend(usage::sqlite(&plan, &place)?);
        }
    }
    if plan.postgres {
        if !plan.paths.is_empty() {
            rows.extend(rounds::postgres(&plan, &place)?);
        }
        if plan.usage {
            rows.extend(usage::postgres(&plan, &place)?);
        }
    }
    if let Some(file) = &plan.markdown {
        report::fill(file, &report::markdown(&plan, &rows))?;
    }
    print!("{}", report::table(&rows));
    Ok(())
}
