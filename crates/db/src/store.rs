//! The handle that everybody else holds: closures go in, answers come out.

use crate::health::Vitals;
use crate::job::{Job, Work, panic_text};
use crate::postgres::Postgres;
use crate::session::Session;
use crate::sqlite::{Sqlite, Use};
use crate::{Engine, Epochs, Failure, Health, Limits, Location, OpenError, Statement, StoreError, Tx};
use crossbeam_channel::{Sender, TrySendError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{Builder, JoinHandle};

/// Open storage. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    vitals: Arc<Vitals>,
    version: String,
    backend: Backend,
    /// `None` once closed.
    queues: RwLock<Option<Queues>>,
    threads: Mutex<Threads>,
}

enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Where closures wait for a thread.
pub(crate) struct Queues {
    pub(crate) write: Sender<Box<dyn Job>>,
    pub(crate) read: Sender<Box<dyn Job>>,
}

/// The threads of an engine.
#[derive(Default)]
pub(crate) struct Threads(Vec<JoinHandle<()>>);

impl Store {
    /// Opens storage to serve from: nobody else may serve from the same folder (SQLite). Does not migrate.
    ///
    /// # Errors
    /// [`OpenError`], one line for the person who started the program.
    pub fn open(location: &Location, limits: Limits) -> Result<Store, OpenError> {
        Self::start(location, limits, true)
    }

    /// Opens storage for a tool (backup, verify) that may run while a server serves from it. It must be there
    /// already. Does not migrate.
    ///
    /// # Errors
    /// [`OpenError`], one line for the person who started the program.
    pub fn open_shared(location: &Location, limits: Limits) -> Result<Store, OpenError> {
        Self::start(location, limits, false)
    }

    fn start(location: &Location, limits: Limits, exclusive: bool) -> Result<Store, OpenError> {
        let vitals = Arc::new(Vitals::new());
        let (backend, queues, threads, version) = match location {
            Location::Sqlite { dir } => {
                let (sqlite, queues, threads) = Sqlite::start(dir, &limits, &vitals, exclusive)?;
                (Backend::Sqlite(sqlite), queues, threads, format!("SQLite {}", sqlite_version()))
            }
            Location::Postgres { url, ca_file } => {
                let (postgres, queues, threads) = Postgres::start(url, ca_file.as_deref(), &limits, &vitals)?;
                let version = format!("PostgreSQL {}", postgres.version());
                (Backend::Postgres(postgres), queues, threads, version)
            }
        };
        let queues = RwLock::new(Some(queues));
        Ok(Store(Arc::new(Inner { vitals, version, backend, queues, threads: Mutex::new(threads) })))
    }

    /// Which engine runs below.
    pub fn engine(&self) -> Engine {
        match self.0.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// The engine and its version, for the log line at start: `SQLite 3.54.1`, `PostgreSQL 15.18`.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Runs a closure in a transaction that may write; answers once its changes are on stable storage.
    ///
    /// The closure may run more than once. When it returns an error (or panics, or any statement in it
    /// failed) nothing it did remains, and the error is the answer.
    ///
    /// # Errors
    /// The closure's own, or a [`StoreError`] as one: `Busy` when too much waits, `Full`, `ReadOnly`,
    /// `OutcomeUnknown` when the connection broke in the commit, `Broken` after storage failed.
    pub async fn write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Failure,
    {
        let (work, answer) = Work::new(closure);
        self.submit(Box::new(work), true)?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// Runs a closure on one unchanging picture of what is committed; it cannot write.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn read<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Failure,
    {
        let (work, answer) = Work::new(closure);
        self.submit(Box::new(work), false)?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// [`write`](Self::write) for threads of their own (command line, jobs). Panics inside an async runtime.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_blocking<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Failure,
    {
        let (work, answer) = Work::new(closure);
        self.submit(Box::new(work), true)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(closed().into()))
    }

    /// [`read`](Self::read) for threads of their own (command line, jobs). Panics inside an async runtime.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn read_blocking<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Failure,
    {
        let (work, answer) = Work::new(closure);
        self.submit(Box::new(work), false)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(closed().into()))
    }

    /// Has the engine read each statement without running it, and gives what it does not accept. For the test that
    /// walks every room's `ALL` on both engines, against a migrated schema. Panics inside an async runtime.
    ///
    /// # Errors
    /// [`StoreError::Disconnected`] when there is no connection to be had.
    pub fn prepare_all(&self, statements: &[Statement]) -> Result<Vec<StoreError>, StoreError> {
        let mut session = self.session()?;
        Ok(statements.iter().filter_map(|statement| session.prepare(*statement).err()).collect())
    }

    /// What was touched when, for caches of what was read from here. `None` where somebody else may change what is
    /// stored: on PostgreSQL, and in storage that was opened shared.
    pub fn epochs(&self) -> Option<&Epochs> {
        match &self.0.backend {
            Backend::Sqlite(sqlite) => sqlite.epochs(),
            Backend::Postgres(_) => None,
        }
    }

    /// How full the queue of those who want to write is: 0.0 when nobody waits, 1.0 when one more would be answered
    /// `Busy` (and once closed).
    pub fn load(&self) -> f64 {
        let queues = self.0.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues.as_ref().map_or(1.0, |queues| {
            let room = queues.write.capacity().unwrap_or(usize::MAX).max(1);
            (queues.write.len() as f64 / room as f64).min(1.0)
        })
    }

    /// What readiness should say now.
    pub fn health(&self) -> Health {
        self.0.vitals.health()
    }

    /// Resolves, with the reason, when storage failed for good: then the process should exit.
    pub async fn failed(&self) -> String {
        self.0.vitals.failed().await
    }

    /// Finishes what waits, moves the log into the database, and lets go of the files or connections.
    /// Whatever is asked afterwards gets `Disconnected`. Calling it again does nothing.
    pub fn close(&self) {
        self.0.close();
    }

    /// A connection for work of any length on the caller's own thread: migrations, backups.
    pub(crate) fn session(&self) -> Result<Session, StoreError> {
        let unavailable = |error: OpenError| StoreError::Disconnected(error.to_string());
        match &self.0.backend {
            Backend::Sqlite(sqlite) => sqlite.link(Use::Write).map(Session::Sqlite).map_err(unavailable),
            Backend::Postgres(postgres) => {
                postgres.link().map(|link| Session::Postgres(Box::new(link))).map_err(unavailable)
            }
        }
    }

    fn submit(&self, job: Box<dyn Job>, write: bool) -> Result<(), StoreError> {
        let queues = self.0.queues.read().unwrap_or_else(PoisonError::into_inner);
        let queues = queues.as_ref().ok_or_else(closed)?;
        let queue = if write { &queues.write } else { &queues.read };
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => closed(),
        })
    }
}

impl Inner {
    fn close(&self) {
        let queues = self.queues.write().unwrap_or_else(PoisonError::into_inner).take();
        if queues.is_none() {
            return;
        }
        if let Backend::Postgres(postgres) = &self.backend {
            postgres.closing();
        }
        // Without senders the threads end as soon as nothing waits any more.
        drop(queues);
        std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner)).join();
        if let Backend::Sqlite(sqlite) = &self.backend {
            sqlite.finish();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Threads {
    /// Starts a thread. Should it ever panic, storage counts as failed: half of it would be missing.
    pub(crate) fn spawn(
        &mut self,
        name: &str,
        vitals: &Arc<Vitals>,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), OpenError> {
        let vitals = Arc::clone(vitals);
        let guarded = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                vitals.fail(&format!("a thread of storage panicked: {}", panic_text(&*panic)));
            }
        };
        let thread = Builder::new().name(name.to_owned()).spawn(guarded);
        self.0.push(thread.map_err(|error| OpenError::Thread { reason: error.to_string() })?);
        Ok(())
    }

    fn join(self) {
        let here = std::thread::current().id();
        for thread in self.0.into_iter().filter(|thread| thread.thread().id() != here) {
            // Its panic, if it had one, is in the vitals already.
            let _ = thread.join();
        }
    }
}

/// The version of the SQLite that is linked into this program.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// The answer to whatever comes after [`Store::close`].
fn closed() -> StoreError {
    StoreError::Disconnected("storage is closed".into())
}
