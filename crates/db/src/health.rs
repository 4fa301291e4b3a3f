//! Whether storage can be relied on, for readiness and for the decision to stop.

use tokio::sync::watch;

/// What readiness should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Storage answers.
    Ok,
    /// The server cannot be reached now; storage keeps trying.
    Unavailable(String),
    /// Storage is damaged or failed to sync; it stays like this, and the process should exit.
    Failed(String),
}

/// Shared by all threads of one store. `Failed` is final.
#[derive(Debug)]
pub(crate) struct Vitals(watch::Sender<Health>);

impl Vitals {
    pub(crate) fn new() -> Self {
        Vitals(watch::Sender::new(Health::Ok))
    }

    pub(crate) fn health(&self) -> Health {
        self.0.borrow().clone()
    }

    /// The reason for which nothing may be acknowledged any more.
    pub(crate) fn failure(&self) -> Option<String> {
        match &*self.0.borrow() {
            Health::Failed(reason) => Some(reason.clone()),
            Health::Ok | Health::Unavailable(_) => None,
        }
    }

    pub(crate) fn fail(&self, reason: &str) {
        let changed = self.move_to(Health::Failed(reason.to_owned()));
        if changed {
            tracing::error!(reason, "storage failed; nothing is acknowledged from here on");
        }
    }

    pub(crate) fn unavailable(&self, reason: &str) {
        let was_ok = *self.0.borrow() == Health::Ok;
        self.move_to(Health::Unavailable(reason.to_owned()));
        if was_ok {
            tracing::warn!(reason, "storage cannot be reached");
        }
    }

    pub(crate) fn available(&self) {
        if *self.0.borrow() != Health::Ok && self.move_to(Health::Ok) {
            tracing::info!("storage is reached again");
        }
    }

    pub(crate) async fn failed(&self) -> String {
        let mut health = self.0.subscribe();
        let found = health.wait_for(|now| matches!(now, Health::Failed(_))).await.map(|now| now.clone());
        match found {
            Ok(Health::Failed(reason)) => reason,
            // The sender lives in `self`, so the channel cannot close while we wait.
            Ok(_) | Err(_) => std::future::pending().await,
        }
    }

    fn move_to(&self, next: Health) -> bool {
        self.0.send_if_modified(|now| {
            if matches!(now, Health::Failed(_)) || *now == next {
                return false;
            }
            *now = next;
            true
        })
    }
}
