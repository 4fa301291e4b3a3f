//! A thread with a connection of its own that serves one closure after the other.

use super::fault::store_error;
use super::link::{Attempt, Begin, Link};
use super::server::Server;
use crate::health::Vitals;
use crate::job::Job;
use crate::{Limits, StoreError};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a lost server is looked for while nobody asks.
const LOOK: Duration = Duration::from_millis(500);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Worker {
    pub(crate) server: Arc<Server>,
    pub(crate) link: Option<Link>,
    pub(crate) jobs: Receiver<Box<dyn Job>>,
    /// How each of its transactions begins.
    pub(crate) begin: Begin,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) limits: Limits,
    /// Set when the store is closing: then nobody waits for a lost server.
    pub(crate) closing: Arc<AtomicBool>,
    /// Since when the server cannot be reached.
    pub(crate) lost: Option<Instant>,
}

impl Worker {
    /// Works until nobody can ask any more and nothing waits.
    pub(crate) fn run(mut self) {
        loop {
            match self.next() {
                Ok(mut job) => {
                    self.serve(job.as_mut());
                    job.answer();
                }
                Err(RecvTimeoutError::Timeout) => {
                    // Readiness follows the server even when nobody asks.
                    let _ = self.connected();
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn next(&self) -> Result<Box<dyn Job>, RecvTimeoutError> {
        match self.lost {
            Some(_) => self.jobs.recv_timeout(LOOK),
            None => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn serve(&mut self, job: &mut dyn Job) {
        let mut tries = 0;
        while !job.is_abandoned() {
            let begin = self.begin;
            let reason = match self.connected() {
                Ok(link) => match link.attempt(job, begin) {
                    Attempt::Settled => return,
                    Attempt::Again(reason) => reason,
                },
                Err(error) => {
                    job.fail(error);
                    if self.is_lost_for_long() {
                        return;
                    }
                    std::thread::sleep(LONGEST_PAUSE);
                    continue;
                }
            };
            tries += 1;
            if tries > self.limits.retries {
                return exhausted(job, &reason);
            }
            pause(tries);
        }
    }

    fn connected(&mut self) -> Result<&mut Link, StoreError> {
        self.link = self.link.take().filter(Link::is_usable);
        match self.link {
            Some(ref mut link) => Ok(link),
            None => self.connect(),
        }
    }

    fn connect(&mut self) -> Result<&mut Link, StoreError> {
        match self.server.connect() {
            Ok(link) => {
                self.lost = None;
                self.vitals.available();
                Ok(self.link.insert(link))
            }
            Err(fault) => {
                self.lost.get_or_insert_with(Instant::now);
                let reason = fault.to_string();
                // A refused connection says nothing about the storage, unless nobody can be connected at all.
                match store_error("CONNECT", &fault) {
                    StoreError::Busy => Err(StoreError::Busy),
                    _ => {
                        self.vitals.unavailable(&reason);
                        Err(StoreError::Disconnected(reason))
                    }
                }
            }
        }
    }

    fn is_lost_for_long(&self) -> bool {
        self.closing.load(Ordering::Relaxed) || self.lost.is_some_and(|at| at.elapsed() >= self.limits.reconnect_time)
    }
}

/// The caller may come again; what stood in the way is nothing it needs to know.
fn exhausted(job: &mut dyn Job, reason: &StoreError) {
    tracing::warn!(%reason, "a transaction was tried too often");
    if let StoreError::Conflict(_) = reason {
        job.fail(StoreError::Busy);
    }
}

/// Longer after each try, and never the same for two that met.
fn pause(tries: u32) {
    let longest = Duration::from_millis(1 << tries.min(7)).min(LONGEST_PAUSE);
    let random = RandomState::new().build_hasher().finish() % 1000;
    std::thread::sleep(longest.mul_f64(0.25 + random as f64 / 1333.0));
}
