//! The server: listening, limits, health, documents, and the commands of the program `lessor`.
//!
//! Only [`wiring`] knows which APIs there are; the rest would serve any.

pub mod body;
pub mod cli;
pub mod console;
pub mod daemon;
pub mod demo;
pub mod docs;
pub mod failure;
pub mod first_start;
pub mod health;
pub mod import;
pub mod jobs;
pub mod listener;
pub mod mail;
pub mod maintain;
pub mod refusal;
pub mod settings;
pub mod shell;
pub mod signal;
pub mod site;
pub mod stall;
pub mod storage;
pub mod telemetry;
pub mod tls;
pub mod wiring;

use cli::{Cli, Command, Flags, Parsed};
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;

/// The whole program: reads the command line, does what it says, and tells how that went.
pub fn run() -> ExitCode {
    take_small_pages();
    let done = match cli::parse(std::env::args_os()) {
        Ok(Parsed::Print(text)) => {
            print(&text);
            Ok(())
        }
        Ok(Parsed::Run(cli, flags)) => execute(*cli, flags),
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Without standard error there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "lessor: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

/// Has Linux give this process memory by 4 KiB, never by 2 MiB at once. Of huge pages the allocator gives nothing back before all
/// of one is free, and little of each is in use: they doubled the memory of a server, and made no request cheaper.
fn take_small_pages() {
    // Without this setting the server takes more memory and works as well.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn execute(cli: Cli, flags: Flags) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(options) => wiring::serve(&options, flags),
        Command::Demo(options) => wiring::demo(&options, flags),
        Command::Daemon(options) => daemon::run(&options),
        Command::Migrate(options) => maintain::migrate(&options, flags),
        Command::Backup(options) => maintain::backup(&options, flags),
        Command::Restore(options) => maintain::restore(&options, flags),
        Command::Verify(options) => maintain::verify(&options, flags),
        Command::Import(options) => import::licenses(&options, flags),
        Command::Openapi(options) => openapi(&options.name),
    }
}

fn openapi(name: &str) -> Result<(), Failure> {
    let documents = wiring::documents();
    let Some(document) = documents.iter().find(|document| document.name == name) else {
        let names: Vec<_> = documents.iter().map(|document| document.name).collect();
        return Err(Failure::setup(format!("there is no API {name:?}; there are {}", names.join(", "))));
    };
    print(&docs::printed(document));
    print("\n");
    Ok(())
}

/// Writes to standard output and flushes; a reader that went away, as `head` does, is no failure.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
