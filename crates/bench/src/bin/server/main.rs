//! The server under measurement: `lessor` itself with all its commands, and more that only the bench needs — `load` and
//! `load-usage` fill a store, `close-month` closes a month, `one-commit` serves with a commit for each request.

#![forbid(unsafe_code)]

mod load;
mod one_commit;
mod usage;

use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// As the program `lessor` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
enum Own {
    /// Fill an empty store
    Load(load::Load),
    /// Fill an empty store with accounts and what they used
    LoadUsage(usage::LoadUsage),
    /// Close a month and tell how long it took
    CloseMonth(usage::CloseMonth),
    /// Serve with a commit for each request
    OneCommit {
        /// Folder of the database
        #[arg(long)]
        data: PathBuf,
    },
}

fn main() -> ExitCode {
    let all = ["load", "load-usage", "close-month", "one-commit"];
    let own = std::env::args().nth(1).is_some_and(|command| all.contains(&command.as_str()));
    if !own {
        return lessor_server::run();
    }
    let done = match Own::parse() {
        Own::Load(load) => load.run(),
        Own::LoadUsage(load) => load.run(),
        Own::CloseMonth(close) => close.run(),
        Own::OneCommit { data } => one_commit::serve(data),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "lessor-bench-server: {error}");
            ExitCode::FAILURE
        }
    }
}
