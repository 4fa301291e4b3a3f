//! The library against a server that says what each test wants it to say.

mod activation;
mod bench;
mod failures;
mod fake;
mod holdings;
mod offline;
mod paint;
mod state;
mod time;
