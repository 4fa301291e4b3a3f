//! The rules of the core on both engines.

mod account;
mod daemons;
mod device;
mod faults;
mod hold;
mod identity;
mod import;
mod journal;
mod kept;
mod keyring;
mod keys;
mod leases;
mod license;
mod offline;
mod pages;
mod people;
mod segments;
mod sign_in;
mod statements;
mod trials;
mod validations;
