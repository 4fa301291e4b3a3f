//! The rules of the core on both engines.

mod account;
mod device;
mod faults;
mod hold;
mod identity;
mod journal;
mod license;
mod offline;
mod segments;
mod sign_in;
mod statements;
mod trials;
