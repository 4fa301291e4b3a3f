//! The Zentitle web API v2: a dialect. It translates requests into commands and queries of the core, and their outcome back
//! into the answers that clients written for that API expect.

mod activity;
pub mod admin;
pub mod auth;
mod companies;
mod consumers;
mod convert;
pub mod examples;
pub mod fields;
mod forms;
mod groups;
pub mod ids;
pub mod input;
mod inputs;
pub mod keys;
mod licenses;
mod notes;
mod openapi;
pub mod page;
pub mod problem;
mod product_parts;
mod products;
mod profiles;
mod record;
mod render;
pub mod reply;
pub mod routes;
mod schemas;
pub mod setup;
mod stream;
pub mod table;
mod unattended;
pub mod when;
pub mod wire;

pub use keys::KeyType;
pub use openapi::openapi;
pub use routes::router;
pub use setup::{adopt_reseller, create_key, create_reseller, set_up_tenant};
