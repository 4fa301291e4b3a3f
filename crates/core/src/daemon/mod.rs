//! Daemons: on a local network they hand out seats of licenses by themselves, for as long as their server has delegated
//! them, and tell the server what came of it.
//!
//! A daemon is a device that activated a network master license. For each license of the mode `network` that it may hand
//! out it holds a place, which is an activation of that license: so the license's own counters say how many daemons there
//! can be, and what of its features is with which. A place lives until the delegation is over and a margin more, because
//! nobody can take back what somebody out of reach was given.

mod end;
mod enrol;
mod list;
pub mod local;
mod plan;
mod record;
pub(crate) mod rows;

pub use end::{free, give_back, tell_ended};
pub use enrol::{Answer, Sync, enrol, sync};
pub use list::{DaemonFilter, MasterFilter, count_masters, list, masters};
pub use record::{MOST_CARRIED, MOST_RECORDS, Record};

use crate::clock::Timestamp;
use crate::id::{AccountId, ActivationId, DeviceId, LicenseId, ProductId};

/// Hours that a place outlives its delegation: the daemon's clock may be late.
const MARGIN_HOURS: i64 = 24;
/// Hours of a delegation where the master license sets none.
const DEFAULT_HOURS: i64 = 30 * 24;
/// Beats that a client of a daemon may miss: so long its lease lives on after the daemon let go of it.
const MISSED_BEATS: i64 = 3;

/// What the server knows of a daemon.
#[derive(Clone, Debug)]
pub(crate) struct DaemonState {
    device: DeviceId,
    activation: ActivationId,
    tenant: AccountId,
    product: ProductId,
    license: LicenseId,
    /// Of the latest delegation; 0 before the first.
    number: i64,
    /// Of the latest delegation that the daemon has shown to hold.
    held: i64,
    made_at: Timestamp,
    ends_at: Timestamp,
    /// Of what the latest delegation hands out, and by which key.
    digest: String,
    delegation: String,
    endorsement: String,
    /// The last record taken.
    taken: i64,
    seen_at: Timestamp,
    /// The latest request that was answered: when it was made (Unix seconds), and its name.
    asked: (i64, String),
}

/// A daemon as the back office sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Daemon {
    /// Its id: that of its activation of the master license.
    pub id: ActivationId,
    /// What it calls itself.
    pub device: String,
    /// The master license's code.
    pub code: String,
    /// Whose license that is.
    pub account: AccountId,
    /// Of what.
    pub product: ProductId,
    /// Is it in use, or was it returned or freed?
    pub active: bool,
    /// Since when.
    pub enrolled_at: Timestamp,
    /// When it was returned or freed.
    pub returned_at: Option<Timestamp>,
    /// Number of its latest delegation.
    pub number: i64,
    /// When that was made.
    pub delegated_at: Timestamp,
    /// When that ends.
    pub ends_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
    /// Number of the last record of use that it sent.
    pub taken: i64,
    /// Licenses that it has places of.
    pub licenses: i64,
    /// Seats that it may hand out of them in all.
    pub seats: i64,
}

/// A network master license, with one of the daemons that have or had it.
#[derive(Clone, Debug, PartialEq)]
pub struct Master {
    /// Its code.
    pub code: String,
    /// Whose it is; the vendor itself before it is given to anyone.
    pub account: AccountId,
    /// Name of that account.
    pub account_name: String,
    /// How many daemons it is good for.
    pub limit: i64,
    /// How many have it now.
    pub active: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The daemon; `None` where no daemon had it yet.
    pub daemon: Option<MasterDaemon>,
}

/// A daemon that has or had a network master license.
#[derive(Clone, Debug, PartialEq)]
pub struct MasterDaemon {
    /// What it calls itself.
    pub device: String,
    /// Since when it has the license.
    pub enrolled_at: Timestamp,
    /// When it was returned or freed.
    pub returned_at: Option<Timestamp>,
}

/// When the last lease has lapsed that a daemon can have given until now.
fn last_lease_ends(now: Timestamp, heartbeat_minutes: i64) -> Timestamp {
    now.plus_minutes(heartbeat_minutes.saturating_mul(MISSED_BEATS))
}
