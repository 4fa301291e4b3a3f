//! Both APIs over HTTP, in process, on both engines.

mod accounts;
mod bench;
mod catalog;
mod clock;
mod credentials;
mod devices;
mod documents;
mod errors;
mod idempotency;
mod isolation;
mod licenses;
mod truth;
