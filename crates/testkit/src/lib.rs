//! What tests need and the program does not. Never a dependency of the program.

mod harness;
pub mod postgres;

pub use harness::{Bench, START, run};
pub use lessor_core::Engine;
