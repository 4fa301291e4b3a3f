//! The program `lessor`.

use std::process::ExitCode;

/// The system's allocator costs a tenth of the throughput.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lessor_server::run()
}
