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
//! Leases are believed if a trusted key signed them. Programs that are sold put the product's public keys into
//! [`Config::trusted_keys`]; nothing else is then ever trusted. With no keys there, the keys are fetched over the
//! connection when first needed, kept in the state folder (trust on first use), and fetched again when the server
//! signs with a key that is not among them. That is convenient for trying things out, and protects no one from a user who
//! owns the machine: who can edit the state or answer in the server's place can put in a key of their own.
//!
//! # What time it is
//!
//! A lease is judged by the device's clock, corrected by what signed leases prove. Each lease that comes fresh from the
//! server tells the server's time (`issued_at`); if the device's clock differs by more than two minutes, the
//! difference is kept and added from then on. So a device whose clock is wrong, or a server whose clock was moved in a
//! sandbox, does no harm, and a device that has *not* talked to the server goes by its own clock alone. The latest time
//! ever seen is kept too. A clock that shows an earlier time (by more than five minutes) was set back: the lease then
//! counts as [`Status::ClockSetBack`], whatever it says, until the clock is right or a renewal succeeds.
//!
//! # What it cannot stop
//!
//! Someone who owns the machine can copy the state folder together with the machine, restore an old copy of both,
//! change this library, or record a renewal and deliver it late, once, with the clock set to match. Online, the server
//! sees the copies; offline, nobody does.

mod activate;
mod config;
mod error;
mod holdings;
mod http;
mod license;
mod offline;
mod random;
mod relay;
mod renew;
mod state;
mod time;
mod wire;

pub use config::{Clock, Config};
pub use error::{Error, Refusal};
pub use holdings::Holding;
pub use lessor_lease::{DocumentError, FeatureKind, KeyTable, Lease, LeaseFeature, LeaseKind, Mode, PublicKey};
pub use license::{License, Status};
pub use offline::REQUEST_OPEN_SECONDS;
pub use relay::{carry_request, carry_return};
pub use renew::Renewal;
