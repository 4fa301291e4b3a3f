//! For programs under license: activates on a Lessor server, keeps the signed lease, verifies it without a
//! connection, renews it in time, and carries requests and answers through files where there is no network.
//!
//! ```no_run
//! use lessor_client::{Config, License, Status};
//!
//! fn may_start() -> Result<bool, lessor_client::Error> {
//!     let mut config = Config::new("https://licenses.example", "prd_0198…", "/var/lib/paint");
//!     config.trusted_keys.insert(lessor_client::PublicKey::parse("d75a9801…")?);
//!     let license = License::open(config)?;
//!     if license.status()? == Status::NotActivated {
//!         license.activate("PAINT-1234")?;
//!     }
//!     license.renew_if_due()?;
//!     Ok(license.status()?.may_run())
//! }
//! ```
//!
//! # Whom it trusts
//!
//! Leases are believed if a trusted key signed them, or one that a trusted key vouches for. Programs that are sold put the
//! product's public keys into [`Config::trusted_keys`]. With no keys there, the keys are fetched over the connection when
//! first needed and kept in the state folder (trust on first use). That is convenient for trying things out, and
//! protects no one from a user who owns the machine: who can edit the state or answer in the server's place can put in a
//! key of their own.
//!
//! When a lease comes under a key that is not known, the library asks the server for endorsements and follows them from
//! the trusted keys, eight at most; so the vendor can change keys without a new version of the program. A daemon on the
//! local network has such an endorsement too: it is enough to give its address as [`Config::server`]. What it signs counts
//! as long as its endorsement, for that product alone.
//!
//! # What it holds
//!
//! [`License::hold_seats`] and [`License::hold_tokens`] give values that return what they hold when they go. What a
//! program that crashed had held is found by the next copy of it on the device, and given back with [`License::tidy`],
//! which a renewal does along the way.
//!
//! # What time it is
//!
//! A lease is judged by the device's clock, corrected by what signed leases prove. Each lease that comes fresh from the
//! server tells the server's time (`issued_at`); if the device's clock differs by more than two minutes, the
//! difference is kept and added from then on. So a device whose clock is wrong, or a server whose clock was moved in a
//! sandbox, does no harm, and a device that has *not* talked to the server goes by its own clock alone. The latest time
//! ever seen is kept too. A clock that shows an earlier time (by more than five minutes) was set back: the lease then
//! counts as [`Status::ClockSetBack`], whatever it says, until the clock is right or a renewal succeeds. The next renewal
//! reports it to the server. A daemon's leases never turn the time back.
//!
//! # What it cannot stop
//!
//! Someone who owns the machine can copy the state folder together with the machine, restore an old copy of both,
//! change this library, or record a renewal and deliver it late, once, with the clock set to match. Online, the server
//! sees the copies; offline, nobody does.

mod activate;
mod config;
mod error;
mod events;
mod holdings;
mod holds;
mod http;
mod keys;
mod license;
mod offline;
mod outbox;
mod random;
mod relay;
mod renew;
mod state;
mod texts;
mod time;
mod usage;
mod validation;
mod wire;

pub use config::{Clock, Config};
pub use error::{Error, Refusal};
pub use events::{Event, EventKind};
pub use holdings::Holding;
pub use holds::{Seats, Tokens};
pub use lessor_lease::{DocumentError, FeatureKind, KeyTable, Lease, LeaseFeature, LeaseKind, Mode, PublicKey};
pub use license::{License, Status};
pub use offline::REQUEST_OPEN_SECONDS;
pub use relay::{carry_request, carry_return};
pub use renew::Renewal;
pub use texts::StoredText;
pub use time::rfc3339;
pub use usage::{RejectedUsage, SentUsage, Usage};
pub use validation::Validation;
