//! The rules of the core on both engines.

mod account;
mod hold;
mod identity;
mod sign_in;
mod statements;
