//! What tests need and the program does not. Never a dependency of the program.

pub mod fault;
mod harness;
pub mod postgres;
pub mod random;
pub mod world;

pub use harness::{Bench, START, run};
pub use lessor_core::Engine;
