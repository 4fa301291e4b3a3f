//! The ESET MSP Administrator 2 API: a dialect. It translates requests into commands and queries of the core, and their
//! outcome back into the answers that clients written for that API expect.

mod auth;
mod billing;
mod codes;
mod companies;
mod countries;
mod enums;
pub mod facts;
pub mod fields;
pub mod ids;
pub mod input;
mod licenses;
mod mappings;
mod openapi;
mod operations;
pub mod page;
pub mod problem;
pub mod reply;
pub mod routes;
mod search;
mod settings;
mod state;
pub mod table;
mod terms_of_use;
mod token;
mod usage;
mod users;
mod version;
pub mod words;

pub use openapi::openapi;
pub use routes::router;
pub use settings::Settings;
