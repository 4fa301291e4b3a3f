//! Both engines, the same promises.

#[path = "../../../testkit/src/postgres.rs"]
mod postgres;

#[macro_use]
mod bench;

mod backups;
mod batches;
mod connections;
mod encryption;
mod migrations;
mod opening;
mod transactions;
