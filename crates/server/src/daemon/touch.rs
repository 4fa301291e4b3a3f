//! Staying in touch with the server: told what happened, asked what counts, again and again, more patiently while it is away.

use super::remote::{Remote, Trouble};
use lessor_core::clock::{Clock, MovableClock, SystemClock};
use lessor_core::daemon::MOST_RECORDS;
use lessor_core::daemon::local::{self, Applied, Given, Myself};
use lessor_core::{App, Error, Noun, random};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How often the daemon keeps how late it is, and looks whether the machine was asleep.
const TICK: Duration = Duration::from_secs(20);
/// The pause after a first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// A daemon at work.
#[derive(Clone)]
pub struct Daemon {
    /// Its own store.
    pub app: App,
    /// Its clock, which only goes forward.
    pub clock: Arc<MovableClock>,
}

/// Why a visit to the server came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// On the way there, or there.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// With what came back, or in the own store.
    #[error("the answer is of no use: {0}")]
    Own(#[from] Error),
}

impl Daemon {
    /// What it knows of itself.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn myself(&self) -> Result<Myself, Error> {
        let found = self.app.read(&self.app.system(), |tx, _| local::read(tx)).await?;
        found.ok_or(Error::not_found(Noun::Daemon))
    }

    /// Puts an answer into force. The server's time is later than all that came before it.
    ///
    /// # Errors
    /// What [`local::apply`] refuses.
    pub async fn take(&self, given: Given) -> Result<Applied, Error> {
        let applied = self.app.write(&self.app.system(), move |tx, cx| local::apply(tx, cx, &given)).await?;
        if let Applied::New { issued_at } = applied {
            self.clock.move_to(issued_at);
            let me = self.myself().await?;
            tracing::info!(number = me.number(), ends_at = ?me.ends_at().map(|end| end.to_rfc3339()), "a delegation is in force");
        }
        Ok(applied)
    }

    /// One visit to the server. `true` when there is more to tell.
    ///
    /// # Errors
    /// [`Failed`].
    pub async fn visit(&self, remote: &Remote) -> Result<bool, Failed> {
        let me = self.myself().await?;
        let Some((id, secret)) = me.credential().map(|(id, secret)| (id.to_owned(), secret.to_owned())) else {
            let asker = me.clone();
            let request = self.app.read(&self.app.system(), move |_, cx| local::request(cx, &asker, "")).await?;
            let remote = remote.clone();
            let given = blocking(move || remote.enrol(&request)).await?;
            self.take(given).await?;
            return Ok(true);
        };
        let (number, teller) = (me.number(), me.clone());
        let most = u32::try_from(MOST_RECORDS).unwrap_or(u32::MAX);
        let records = self.app.read(&self.app.system(), move |tx, _| local::outbox(tx, &teller, most)).await?;
        let more = records.len() == MOST_RECORDS;
        let (caller, known_as, password) = (remote.clone(), id.clone(), secret.clone());
        let answer = blocking(move || caller.sync(&known_as, &password, number, &records)).await;
        let given = match answer {
            // What the server has is not what it said it had: it was put back to an earlier state. Asked without telling
            // anything, it says what it has.
            Err(trouble) if trouble.is("record_gap") => {
                let caller = remote.clone();
                blocking(move || caller.sync(&id, &secret, number, &[])).await?
            }
            Err(trouble) => return Err(self.ended(me, trouble).await?.into()),
            Ok(given) => given,
        };
        self.take(given).await?;
        Ok(more)
    }

    /// What a refusal means: a daemon that is none any more stops at once, and enrols anew if it may.
    async fn ended(&self, mut me: Myself, trouble: Trouble) -> Result<Trouble, Error> {
        let stop = match () {
            () if trouble.is("activation_returned") => Some("the server has ended its activation"),
            () if trouble.is("device_duplicate") => Some("another copy of it has shown a later delegation"),
            () => None,
        };
        // Once is enough.
        if let Some(why) = stop.filter(|_| local::standing(&me, self.app.now()).is_ok()) {
            tracing::error!(why, "nothing is handed out any more");
            self.app.write(&self.app.system(), move |tx, cx| local::stop(tx, cx, why)).await?;
            me = self.myself().await?;
        }
        if trouble.is("activation_returned") || trouble.is("unauthenticated") {
            me.forget_activation();
            self.app.write(&self.app.system(), move |tx, _| local::write(tx, &me)).await?;
        }
        Ok(trouble)
    }

    /// Visits the server for as long as the daemon runs.
    pub async fn stay_in_touch(self, remote: Remote, period: Duration) {
        let mut failures = 0;
        loop {
            let pause = match self.visit(&remote).await {
                Ok(true) => Duration::ZERO,
                Ok(false) => {
                    failures = 0;
                    varied(period)
                }
                Err(failed) => {
                    tracing::warn!(%failed, failures, "the server was asked in vain");
                    failures += 1;
                    varied(
                        FIRST_PAUSE
                            .saturating_mul(1 << failures.min(10))
                            .min(LONGEST_PAUSE)
                            .min(period.max(FIRST_PAUSE)),
                    )
                }
            };
            sleep(pause).await;
        }
    }

    /// Keeps how late it is. With `machine` the machine's clock counts too: what it slept through has passed.
    pub async fn keep_time(self, machine: bool) {
        loop {
            if machine {
                self.clock.move_to(SystemClock::start().now());
            }
            if let Err(error) = self.app.write(&self.app.system(), local::keep_time).await {
                tracing::warn!(%error, "how late it is could not be kept");
            }
            sleep(TICK).await;
        }
    }
}

/// Runs a call on a thread that may wait.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T, Trouble> + Send + 'static) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(call).await;
    done.unwrap_or_else(|error| Err(Trouble::Away(format!("the call was given up: {error}"))))
}

/// A pause of nine to eleven tenths, so that daemons that began together do not come together for ever.
fn varied(pause: Duration) -> Duration {
    let [chance] = random();
    pause.mul_f64(0.9 + f64::from(chance) * 0.2 / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_varied_a_little() {
        for _ in 0..100 {
            let pause = varied(Duration::from_secs(100));
            assert!((90.0..=110.1).contains(&pause.as_secs_f64()), "{pause:?}");
        }
    }
}
