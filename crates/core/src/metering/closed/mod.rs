//! Months that were closed: the line before or behind which everything lies that makes bills.
//!
//! Whoever tells of use or sets a price holds the door open until its transaction ends, and whoever begins a closing waits
//! until nobody does. So each record and each price was there before a closing began, or knows of that closing. On
//! PostgreSQL the door is a lock by number, which is granted in turn, so that a closing does not wait for ever where records
//! never cease; on SQLite there is one writer anyway.

mod figures;
pub(crate) mod rows;

pub(crate) use figures::{Asked, Late, Quantity, days, first_late};

use super::day::Month;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::AccountId;
use lessor_db::Tx;

/// The month of a tenant that was closed last; no other is closed until this transaction ends. To be called behind all
/// locks of accounts.
pub(super) fn last(tx: &mut dyn Tx, tenant: AccountId) -> Result<Option<Month>, Error> {
    rows::hold_door(tx, tenant)?;
    Ok(rows::last_closed(tx, tenant)?.0)
}

/// The present, or the first instant behind the last closing where the clock has not passed that; no month is closed until
/// this transaction ends. To be called behind all locks of accounts.
pub(crate) fn behind(tx: &mut dyn Tx, tenant: AccountId, now: Timestamp) -> Result<Timestamp, Error> {
    rows::hold_door(tx, tenant)?;
    Ok(rows::last_closed(tx, tenant)?.1.map_or(now, |as_of| now.max(as_of.plus_micros(1))))
}

/// Waits until all who hold the door open are done, and lets nobody in until this transaction ends. To be called behind all
/// locks of accounts.
pub(crate) fn shut_door(tx: &mut dyn Tx, tenant: AccountId) -> Result<(), Error> {
    Ok(rows::shut_door(tx, tenant)?)
}
