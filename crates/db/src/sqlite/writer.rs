//! The one thread that writes: many closures, one commit, then all the answers.

use super::link::{BEGIN_WRITE, Link};
use crate::health::Vitals;
use crate::job::{Job, Ran};
use crate::{Limits, StoreError};
use crossbeam_channel::{Receiver, Sender};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long the writer waits for readers before it gives up emptying the log for now.
const RESTART_TIME: Duration = Duration::from_millis(100);
/// Batches that are guarded after one was spoilt. A savepoint costs a closure a tenth of its time, running a batch twice
/// costs all of it.
const GUARDED: u32 = 64;

pub(crate) struct Writer {
    link: Link,
    jobs: Receiver<Box<dyn Job>>,
    checkpointer: Sender<()>,
    /// Free while no checkpoint is under way in the background.
    checkpointing: Arc<Mutex<()>>,
    vitals: Arc<Vitals>,
    limits: Limits,
    log: Log,
    /// So many of the next batches run behind savepoints.
    guarded: u32,
}

/// How long the write-ahead log is, and at which length something is done about it next.
struct Log {
    /// Pages in the log after the last commit, as SQLite tells.
    pages: Arc<AtomicU64>,
    page_bytes: u64,
    signalled: u64,
    restart_at: u64,
}

/// How a closure's part of a batch ended.
enum Part {
    /// Kept or rolled back; the batch goes on.
    Settled,
    /// It is not to be kept, and what it wrote cannot be told from what the others wrote.
    Spoilt,
    /// The batch's transaction is gone or no longer worth keeping.
    Lost,
    /// Storage failed.
    Fatal(StoreError),
}

/// How a batch ended.
enum Batch {
    Committed,
    /// Nothing of it was kept; with savepoints it may go better.
    Spoilt,
    /// Nothing of it was kept; each closure deserves a transaction of its own.
    Lost,
    /// Nothing of it was kept, and it is the same for all.
    Refused(StoreError),
}

impl Writer {
    pub(crate) fn new(
        mut link: Link,
        jobs: Receiver<Box<dyn Job>>,
        checkpointer: Sender<()>,
        checkpointing: Arc<Mutex<()>>,
        vitals: Arc<Vitals>,
        limits: Limits,
    ) -> rusqlite::Result<Writer> {
        let pages = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&pages);
        link.connection.wal_hook(Some(move |_: &mut _, pages: i32| {
            seen.store(pages.unsigned_abs().into(), Ordering::Relaxed);
            Ok(())
        }))?;
        let log = Log { pages, page_bytes: link.page_bytes(), signalled: 0, restart_at: limits.log_bytes };
        Ok(Writer { link, jobs, checkpointer, checkpointing, vitals, limits, log, guarded: 0 })
    }

    /// Works until nobody can ask any more and nothing waits.
    pub(crate) fn run(mut self) {
        let mut batch = Vec::new();
        while let Ok(first) = self.jobs.recv() {
            self.serve(first, &mut batch);
            self.tend_log();
        }
    }

    fn serve(&mut self, first: Box<dyn Job>, batch: &mut Vec<Box<dyn Job>>) {
        batch.push(first);
        let guarded = self.guarded > 0;
        self.guarded = self.guarded.saturating_sub(1);
        let mut end = self.together(batch, guarded);
        if matches!(end, Batch::Spoilt) {
            self.link.abandon();
            self.guarded = GUARDED;
            end = self.together(batch, true);
        }
        match end {
            Batch::Committed => {}
            Batch::Spoilt | Batch::Lost => {
                self.link.abandon();
                for job in batch.iter_mut() {
                    self.alone(job.as_mut());
                }
            }
            Batch::Refused(error) => {
                self.link.abandon();
                self.note(&error);
                batch.iter_mut().for_each(|job| job.fail(error.clone()));
            }
        }
        batch.drain(..).for_each(Job::answer);
    }

    /// Runs what is in the batch and what waits, and commits it all at once. Guarded, each closure is behind a savepoint.
    fn together(&mut self, batch: &mut Vec<Box<dyn Job>>, guarded: bool) -> Batch {
        let started = Instant::now();
        if let Err(error) = self.begin() {
            return Batch::Refused(error);
        }
        let mut at = 0;
        loop {
            if at == batch.len() {
                let room = at < self.limits.batch_max && started.elapsed() < self.limits.batch_time;
                let Some(next) = room.then(|| self.jobs.try_recv().ok()).flatten() else { break };
                batch.push(next);
            }
            let job = batch[at].as_mut();
            at += 1;
            if job.is_abandoned() {
                continue;
            }
            let part = if guarded { self.guarded_part(job) } else { self.part(job) };
            match part {
                Part::Settled => {}
                Part::Spoilt => return Batch::Spoilt,
                Part::Lost => return Batch::Lost,
                Part::Fatal(error) => return Batch::Refused(error),
            }
        }
        match self.link.commit() {
            Ok(()) => Batch::Committed,
            Err(error @ StoreError::Broken(_)) => Batch::Refused(error),
            Err(_) => Batch::Lost,
        }
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        match self.vitals.failure() {
            Some(reason) => Err(StoreError::Broken(reason)),
            None => self.link.begin(BEGIN_WRITE),
        }
    }

    /// One closure of a batch, with nothing to fall back on: whoever is refused has hardly ever written before.
    fn part(&mut self, job: &mut dyn Job) -> Part {
        for _ in 0..=self.limits.retries {
            let changes = self.link.connection.total_changes();
            let end = match self.settled(job) {
                Ok(end) => end,
                Err(part) => return part,
            };
            if end != End::Keep && self.link.connection.total_changes() != changes {
                return Part::Spoilt;
            }
            if end != End::Again {
                break;
            }
        }
        Part::Settled
    }

    /// One closure of a batch, behind a savepoint.
    fn guarded_part(&mut self, job: &mut dyn Job) -> Part {
        for _ in 0..=self.limits.retries {
            if let Err(error) = self.link.control("SAVEPOINT closure") {
                return Part::of(&error);
            }
            let end = match self.settled(job) {
                Ok(end) => end,
                Err(part) => return part,
            };
            if let Err(error) = self.end_savepoint(&end) {
                return Part::of(&error);
            }
            if end != End::Again {
                break;
            }
        }
        Part::Settled
    }

    /// Runs a closure of a batch; `Err` where the batch cannot go on.
    fn settled(&mut self, job: &mut dyn Job) -> Result<End, Part> {
        let before = self.link.touched();
        let (end, failure) = run(&mut self.link, job);
        if end != End::Keep {
            self.link.forget_touches(before);
        }
        match failure {
            Some(error @ StoreError::Broken(_)) => Err(Part::Fatal(error)),
            // Others in the batch may have taken the space that this one alone would have had.
            Some(StoreError::Full) => Err(Part::Lost),
            _ if !self.link.in_transaction() => Err(Part::Lost),
            _ => Ok(end),
        }
    }

    fn end_savepoint(&self, end: &End) -> Result<(), StoreError> {
        if *end != End::Keep {
            self.link.control("ROLLBACK TO closure")?;
        }
        self.link.control("RELEASE closure")
    }

    /// One closure in a transaction of its own, after its batch was lost.
    fn alone(&mut self, job: &mut dyn Job) {
        for _ in 0..=self.limits.retries {
            if let Err(error) = self.begin() {
                return self.refuse(job, error);
            }
            let (end, failure) = run(&mut self.link, job);
            if let Some(error) = failure {
                self.note(&error);
            }
            if end == End::Keep
                && let Err(error) = self.link.commit()
            {
                self.refuse(job, error);
            }
            self.link.abandon();
            if end != End::Again {
                return;
            }
        }
    }

    fn refuse(&self, job: &mut dyn Job, error: StoreError) {
        self.note(&error);
        job.fail(error);
    }

    fn note(&self, error: &StoreError) {
        if let StoreError::Broken(reason) = error {
            self.vitals.fail(reason);
        }
    }

    /// Keeps the log bounded: the background moves it into the database, and when it got long all the same
    /// the writer itself stops for the moment that it takes to start it anew.
    fn tend_log(&mut self) {
        let bytes = self.log.pages.load(Ordering::Relaxed) * self.log.page_bytes;
        if bytes < self.log.signalled {
            self.log.signalled = 0;
            self.log.restart_at = self.limits.log_bytes;
        }
        if bytes >= self.log.restart_at {
            let checkpointing = Arc::clone(&self.checkpointing);
            // SQLite does one checkpoint at a time. Right after the background's there is little left to do, so that is
            // waited for, and it is not told to start another.
            if let Ok(_idle) = checkpointing.try_lock() {
                self.restart_log(bytes);
            }
        } else if bytes >= self.log.signalled + self.limits.checkpoint_bytes {
            self.log.signalled = bytes;
            // One that was told already needs no second word.
            let _ = self.checkpointer.try_send(());
        }
    }

    fn restart_log(&mut self, bytes: u64) {
        let _ = self.link.connection.busy_timeout(RESTART_TIME);
        match self.link.checkpoint("PRAGMA wal_checkpoint(RESTART)") {
            Ok(true) => {}
            // A reader (a backup) still needs the log. Let it grow by a quarter before the next try.
            Ok(false) => self.log.restart_at = bytes + self.limits.log_bytes / 4,
            Err(error) => {
                self.note(&error);
                self.log.restart_at = bytes + self.limits.log_bytes / 4;
            }
        }
        let _ = self.link.connection.busy_timeout(self.limits.lock_time);
    }
}

impl Part {
    fn of(error: &StoreError) -> Part {
        match error {
            StoreError::Broken(_) => Part::Fatal(error.clone()),
            _ => Part::Lost,
        }
    }
}

/// What is to be done with what a closure did.
#[derive(PartialEq, Eq)]
enum End {
    Keep,
    Drop,
    /// Drop it and run the closure once more.
    Again,
}

/// Runs a closure; tells what to do with its changes, and which statement's failure stands behind that.
fn run(link: &mut Link, job: &mut dyn Job) -> (End, Option<StoreError>) {
    let mut tx = link.tx();
    let ran = job.run(&mut tx);
    let failure = tx.into_failure();
    let end = match (ran, &failure) {
        (Ran::Done, None) => End::Keep,
        (Ran::Done, Some(error)) => {
            job.fail(error.clone());
            End::Drop
        }
        (Ran::Refused(Some(StoreError::Conflict(_) | StoreError::Disconnected(_))), None) => End::Again,
        (Ran::Refused(_), _) => End::Drop,
    };
    (end, failure)
}
