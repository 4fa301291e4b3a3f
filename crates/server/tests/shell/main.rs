//! The shell around the APIs, from outside: over sockets in this process, and as the program itself.

mod harness;
mod import;
mod mail;
mod pages;
mod process;
mod requests;
mod secure;
mod storage;
