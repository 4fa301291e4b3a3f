//! The license as the program sees it: what it may do now, judged without a connection.

use std::sync::Arc;

use lessor_lease::{Lease, LeaseFeature, Mode, PublicKey, Standing};

use crate::config::Config;
use crate::error::Error;
use crate::http::Server;
use crate::state::{State, Store};
use crate::time::{Now, set_back};

/// Time seen is written at most this often (seconds): status may be asked every frame.
const REMEMBER_EVERY: i64 = 60;

/// A product's license on this device. Its state lives in the folder, none of it in this value, so that several copies
/// of a program may each have one, and clones are as good as the first. All calls block.
#[derive(Clone, Debug)]
pub struct License {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Arc<Store>,
    pub(crate) server: Arc<Server>,
}

/// What the license allows now. Times are Unix seconds; the first second in which it is no longer so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing is activated.
    NotActivated,
    /// The lease has not begun.
    NotYet {
        /// When it will.
        from: i64,
    },
    /// All is well.
    Valid {
        /// Until when; `None` = no end.
        until: Option<i64>,
    },
    /// The lease is over, but the program may go on while it tells the user so.
    Grace {
        /// Until when; `None` = no end, the lease only advises.
        until: Option<i64>,
    },
    /// The lease is over.
    Expired {
        /// Since when.
        at: i64,
    },
    /// The device's clock was set back, so that nobody knows what the lease allows. Setting it right or renewing helps.
    ClockSetBack {
        /// By how many seconds, at least.
        by: i64,
    },
}

impl Status {
    /// May the program do its work?
    pub fn may_run(&self) -> bool {
        match self {
            Self::Valid { .. } | Self::Grace { .. } => true,
            Self::NotActivated | Self::NotYet { .. } | Self::Expired { .. } | Self::ClockSetBack { .. } => false,
        }
    }

    /// A stable code for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotActivated => "not_activated",
            Self::NotYet { .. } => "not_yet",
            Self::Valid { .. } => "valid",
            Self::Grace { .. } => "grace",
            Self::Expired { .. } => "expired",
            Self::ClockSetBack { .. } => "clock_set_back",
        }
    }
}

impl License {
    /// Opens the state folder, or makes it with a new device identity. Makes no call to the server.
    pub fn open(config: Config) -> Result<Self, Error> {
        if config.product.is_empty() {
            return Err(Error::BadConfig("the product has no name"));
        }
        let server = Server::new(&config)?;
        let device = config.instance.as_deref().or(config.device.as_deref());
        let store = Store::open(&config.folder, &config.product, device)?;
        Ok(Self { config: Arc::new(config), store: Arc::new(store), server: Arc::new(server) })
    }

    /// What the license allows now, verified against the trusted keys and the clock. Fails if the state is damaged or
    /// the lease in it is not genuine.
    pub fn status(&self) -> Result<Status, Error> {
        let state = self.store.read()?;
        let Some(lease) = self.held_lease(&state)? else { return Ok(Status::NotActivated) };
        Ok(self.judge(&state, &lease))
    }

    /// The lease that is held, verified, whether or not it still counts.
    pub fn lease(&self) -> Result<Option<Lease>, Error> {
        self.held_lease(&self.store.read()?)
    }

    /// The feature of that code, if it is on and the lease lets the program run.
    pub fn feature(&self, code: &str) -> Result<Option<LeaseFeature>, Error> {
        Ok(self.running_lease()?.and_then(|lease| lease.feature(code).cloned()))
    }

    /// The license's value of that name, if there is one and the lease lets the program run.
    pub fn value(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.running_lease()?.and_then(|mut lease| lease.values.remove(name)))
    }

    /// The device's id, given or made.
    pub fn device_id(&self) -> Result<String, Error> {
        Ok(self.store.read()?.device.clone())
    }

    /// The public key of this device.
    pub fn device_key(&self) -> Result<PublicKey, Error> {
        Ok(own_key(&self.store.read()?)?.public_key())
    }

    fn running_lease(&self) -> Result<Option<Lease>, Error> {
        let state = self.store.read()?;
        let lease = self.held_lease(&state)?;
        Ok(lease.filter(|lease| self.judge(&state, lease).may_run()))
    }

    /// The next renewal reports it, even if the clock is right again by then.
    fn remember_set_back(&self, clock: i64) {
        let _ = self.store.update(|state| {
            state.set_back = state.set_back.or_else(|| set_back(&state.time, clock));
            Ok(())
        });
    }

    pub(crate) fn judge(&self, state: &State, lease: &Lease) -> Status {
        let clock = self.config.clock.now();
        let now = match state.time.now(clock) {
            Now::Steady(now) => now,
            Now::SetBack(by) => {
                if state.set_back.is_none() {
                    self.remember_set_back(clock);
                }
                // A lease that never stops anything does not stop for a clock either.
                let advisory = lease.mode == Mode::Advisory;
                return if advisory { Status::Grace { until: None } } else { Status::ClockSetBack { by } };
            }
        };
        if now.saturating_sub(state.time.latest) > REMEMBER_EVERY {
            self.remember_time(clock);
        }
        match lease.standing(now) {
            Standing::NotYet { from } => Status::NotYet { from },
            Standing::Valid { until } => Status::Valid { until },
            Standing::Grace { until } => Status::Grace { until },
            Standing::Expired { at } => Status::Expired { at },
        }
    }

    /// Failing to write does not fail the question: a full disk must not stop a program that has paid.
    fn remember_time(&self, clock: i64) {
        let _ = self.store.update(|state| {
            state.time.latest = state.time.at_least(clock);
            Ok(())
        });
    }
}

/// Is the lease for this device and this product?
pub(crate) fn check_mine(state: &State, lease: &Lease) -> Result<(), Error> {
    let key = own_key(state)?.public_key().to_hex();
    if lease.device != state.device || lease.device_key.as_ref().is_some_and(|other| *other != key) {
        return Err(Error::ForeignLease("device"));
    }
    if native_product(state).is_some_and(|product| product != lease.product) {
        return Err(Error::ForeignLease("product"));
    }
    Ok(())
}

/// The product's native id, as far as it is known: an alias has colons in it.
pub(crate) fn native_product(state: &State) -> Option<&str> {
    let named = Some(state.product.as_str()).filter(|product| !product.contains(':'));
    state.product_id.as_deref().or(named)
}

pub(crate) fn own_key(state: &State) -> Result<lessor_lease::Signer, Error> {
    // The store reads no state without a usable key.
    state.signer().ok_or(Error::BadConfig("the state has no device key"))
}
