//! The moment at which a fault strikes, as clients see it.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// When clients stop, and from when on an answer counts no longer.
#[derive(Debug, Default)]
pub struct Moment {
    stop: AtomicBool,
    cut: RwLock<bool>,
}

impl Moment {
    /// Shall clients go on?
    pub fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Lets clients end after the call they are in.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// From here on answers count as if they had never come: the power fails next, and an answer that is on its way to a
    /// client then may speak of what the disk no longer gets.
    pub fn cut(&self) {
        *self.cut.write().unwrap_or_else(|poison| poison.into_inner()) = true;
    }

    /// Runs `note` on an answer that counts. `false`, and nothing is run, after the cut.
    pub fn note(&self, note: impl FnOnce()) -> bool {
        let cut = self.cut.read().unwrap_or_else(|poison| poison.into_inner());
        if !*cut {
            note();
        }
        !*cut
    }
}
