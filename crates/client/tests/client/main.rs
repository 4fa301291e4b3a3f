//! The library against a server that says what each test wants it to say.

mod activation;
mod bench;
mod docs;
mod failures;
mod fake;
mod forgeries;
mod holdings;
mod holds;
mod offline;
mod paint;
mod reports;
mod state;
mod time;
mod trust;
mod usage;
