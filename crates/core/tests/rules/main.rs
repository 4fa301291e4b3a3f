//! The rules of the core on both engines.

mod account;
mod device;
mod hold;
mod identity;
mod license;
mod sign_in;
mod statements;
mod trials;
