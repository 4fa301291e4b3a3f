//! Both engines, the same promises.

// Others need more of it.
#[allow(dead_code)]
#[path = "../../../testkit/src/postgres.rs"]
mod postgres;

#[macro_use]
mod bench;

mod backups;
mod batches;
mod connections;
mod encryption;
mod epochs;
mod migrations;
mod opening;
mod pipeline;
mod proxy;
mod transactions;
