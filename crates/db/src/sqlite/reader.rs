//! A thread that reads, on a connection of its own, while the writer writes.

use super::link::{BEGIN_READ, Link};
use crate::StoreError;
use crate::health::Vitals;
use crate::job::{Job, Ran};
use crossbeam_channel::Receiver;
use std::sync::{Mutex, PoisonError};

/// Works until nobody can ask any more and nothing waits.
pub(crate) fn run(mut link: Link, jobs: &Receiver<Box<dyn Job>>, vitals: &Vitals) {
    while let Ok(mut job) = jobs.recv() {
        if !job.is_abandoned() {
            serve(&mut link, job.as_mut(), vitals);
            job.answer();
        }
    }
}

fn serve(link: &mut Link, job: &mut dyn Job, vitals: &Vitals) {
    let begun = match vitals.failure() {
        Some(reason) => Err(StoreError::Broken(reason)),
        None => link.control(BEGIN_READ),
    };
    let failure = match begun {
        Ok(()) => {
            let mut tx = link.tx();
            let ran = job.run(&mut tx);
            let failure = tx.into_failure();
            if let (Ran::Done, Some(error)) = (ran, &failure) {
                job.fail(error.clone());
            }
            link.abandon();
            failure
        }
        Err(error) => {
            job.fail(error.clone());
            Some(error)
        }
    };
    if let Some(StoreError::Broken(reason)) = failure {
        vitals.fail(&reason);
    }
}

/// Moves the log into the database whenever the writer says that it has grown. `working` is held meanwhile: SQLite does
/// one checkpoint at a time and refuses a second at once.
pub(crate) fn checkpoint(link: &Link, signals: &Receiver<()>, working: &Mutex<()>, vitals: &Vitals) {
    while signals.recv().is_ok() {
        let _working = working.lock().unwrap_or_else(PoisonError::into_inner);
        // When there is no space for the database to grow into, the writer notices by itself.
        if let Err(StoreError::Broken(reason)) = link.checkpoint("PRAGMA wal_checkpoint(PASSIVE)") {
            vitals.fail(&reason);
        }
    }
}
