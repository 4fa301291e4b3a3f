//! Meters and usage: what is counted, what was told of it, and figures that cost what they show.
//!
//! A meter says how records become figures. `sum` adds values. `distinct` counts subjects once a month, on the day they were
//! first seen in it. `level` takes the last report of a day and carries it forward. `seat_days` is read off segments of
//! licenses and takes no records. Records are facts and never change; figures by day and month are written by the
//! transaction that takes a record in, for the account itself alone, and a branch is the sum of its accounts.
//!
//! Levels are kept as rises: by how much an account's level rose on a day. So they add up over accounts like everything
//! else, and a late report changes exactly its own day and the day of the report behind it.

pub(crate) mod apart;
pub(crate) mod closed;
pub mod day;
mod figures;
mod meter;
mod record;
mod report;
mod rollup;
pub(crate) mod rows;
pub mod seat_days;
pub(crate) mod verify;

pub use apart::{By, Names, Of};
pub use figures::{Figure, Per, Range};
pub(crate) use meter::in_tenant;
pub use meter::{Aggregation, CreateMeter, LevelRule, Meter, create, get, list, of_account};
pub use record::{Fate, MOST_RECORDS, NewRecord, expire, record};
pub use report::{Figures, Query, Report, UsageRecord, records, report};
