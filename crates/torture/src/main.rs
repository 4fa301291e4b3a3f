//! Harnesses that kill, cut and starve a Lessor server from outside and compare what it promised with what it kept. Each comes
//! with a control: the same run with a bug planted, which must be found.

mod calendar;
mod cli;
mod close_kill;
mod crash_kill;
mod crash_power;
mod disk;
mod faults;
mod fleet;
mod ground;
mod http;
mod idem;
mod io_sweep;
mod linear;
mod proxy;
mod report;
mod server;
mod usage_kill;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("lessor-torture: {error:#}");
            ExitCode::from(2)
        }
    }
}
