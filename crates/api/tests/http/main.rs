//! Both APIs over HTTP, in process, on both engines.

mod accounts;
mod bench;
mod billing;
mod catalog;
mod client;
mod clock;
mod consumers;
mod credentials;
mod daemons;
mod devices;
mod documents;
mod errors;
mod forgeries;
mod idempotency;
mod import;
mod isolation;
mod leases;
mod licenses;
mod people;
mod seat_days;
mod stream;
mod truth;
mod usage;
