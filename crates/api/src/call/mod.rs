//! What comes in: the parts of a request that every operation has in common, read once and strictly.
//!
//! An operation takes one of these as its argument: [`Read`] and [`Write`] for callers with a key or a session,
//! [`Open`] for anybody, [`Device`] and [`Holder`] for installed copies.

mod body;
mod device;
mod head;
mod query;
mod read;
mod write;

pub(crate) use body::{Nothing, given, plain};
pub(crate) use device::{Device, Holder, caller as device_caller};
pub(crate) use head::{Bearer, Head, signed_in};
pub(crate) use query::{Cursor, Flag, Limit, NoQuery};
pub(crate) use read::{Open, Read};
pub(crate) use write::{Condition, Write};
