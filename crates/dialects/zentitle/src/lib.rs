//! The Zentitle web API v2: a dialect. It translates requests into commands and queries of the core, and their outcome back
//! into the answers that clients written for that API expect.

pub mod auth;
pub mod fields;
pub mod ids;
pub mod input;
mod inputs;
pub mod keys;
pub mod page;
pub mod problem;
pub mod reply;
pub mod routes;
pub mod table;
pub mod when;
pub mod wire;

pub use routes::router;
