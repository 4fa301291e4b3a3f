//! A thread that reads, on a connection of its own, while the writer writes.

use super::link::Link;
use crate::StoreError;
use crate::health::Vitals;
use crate::job::{Job, Ran};
use crossbeam_channel::Receiver;
use std::sync::Arc;

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
        None => link.control("BEGIN DEFERRED"),
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

/// Moves the log into the database whenever the writer says that it has grown.
pub(crate) fn checkpoint(link: &Link, signals: &Receiver<()>, vitals: &Arc<Vitals>) {
    while signals.recv().is_ok() {
        // When there is no space for the database to grow into, the writer notices by itself.
        if let Err(StoreError::Broken(reason)) = link.checkpoint("PRAGMA wal_checkpoint(PASSIVE)") {
            vitals.fail(&reason);
        }
    }
}
