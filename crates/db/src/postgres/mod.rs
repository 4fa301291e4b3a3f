//! PostgreSQL: a bounded pool of threads, each with a connection; some write, some only read.

mod fault;
mod link;
mod server;
mod tx;
mod value;
mod worker;

pub(crate) use link::{BEGIN_READ, BEGIN_WRITE, Link};

use crate::health::Vitals;
use crate::store::{Queues, Threads};
use crate::{Limits, OpenError};
use crossbeam_channel::bounded;
use fault::in_full;
use postgres::error::SqlState;
use server::Server;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use worker::Worker;

pub(crate) struct Postgres {
    server: Arc<Server>,
    version: String,
    closing: Arc<AtomicBool>,
}

impl Postgres {
    pub(crate) fn start(
        url: &str,
        ca_file: Option<&Path>,
        limits: &Limits,
        vitals: &Arc<Vitals>,
    ) -> Result<(Postgres, Queues, Threads), OpenError> {
        let server = Arc::new(Server::new(url, ca_file, limits)?);
        let mut first = server.connect().map_err(|error| open_error(&error))?;
        let version = examine(&mut first)?;
        let postgres = Postgres { server, version, closing: Arc::new(AtomicBool::new(false)) };
        let (queues, threads) = postgres.spawn(first, limits, vitals)?;
        Ok((postgres, queues, threads))
    }

    fn spawn(&self, first: Link, limits: &Limits, vitals: &Arc<Vitals>) -> Result<(Queues, Threads), OpenError> {
        let (write, writes) = bounded(limits.queue_length);
        let (read, reads) = bounded(limits.queue_length);
        let mut threads = Threads::default();
        let readers = (limits.postgres_connections / 3).max(1);
        let writers = limits.postgres_connections.saturating_sub(readers).max(1);
        let mut first = Some(first);
        let worker = |jobs, begin, link| Worker {
            server: Arc::clone(&self.server),
            link,
            jobs,
            begin,
            vitals: Arc::clone(vitals),
            limits: limits.clone(),
            closing: Arc::clone(&self.closing),
            lost: None,
        };
        for _ in 0..writers {
            let worker = worker(writes.clone(), BEGIN_WRITE, first.take());
            threads.spawn("lessor-write", vitals, move || worker.run())?;
        }
        for _ in 0..readers {
            let worker = worker(reads.clone(), BEGIN_READ, None);
            threads.spawn("lessor-read", vitals, move || worker.run())?;
        }
        Ok((Queues { write, read }, threads))
    }

    /// The server's version as it names it.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// A connection for the caller's own thread, for work of any length.
    pub(crate) fn link(&self) -> Result<Link, OpenError> {
        self.server.connect_patiently().map_err(|error| open_error(&error))
    }

    /// From now on nobody waits for a server that cannot be reached.
    pub(crate) fn closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

/// Refuses a database that could not hold what we write; gives the server's version.
fn examine(link: &mut Link) -> Result<String, OpenError> {
    let asked = link.client.query_one(
        "SELECT current_setting('server_version'), current_setting('server_encoding'), current_setting('fsync'),
             current_setting('full_page_writes')",
        &[],
    );
    let row = asked.map_err(|error| open_error(&error))?;
    let text = |column: usize| row.try_get::<_, String>(column).unwrap_or_default();
    if text(1) != "UTF8" {
        return Err(OpenError::Setting { name: "server_encoding", wanted: "UTF8".into(), found: text(1) });
    }
    if text(2) != "on" || text(3) != "on" {
        tracing::warn!("this PostgreSQL server runs with fsync or full_page_writes off: a crash can lose everything");
    }
    Ok(text(0))
}

fn open_error(error: &postgres::Error) -> OpenError {
    let reason = in_full(error);
    if reason.contains("does not allow writes") {
        return OpenError::ReadOnly { place: "the PostgreSQL database".into() };
    }
    if error.code() == Some(&SqlState::DISK_FULL) {
        return OpenError::Full { place: "the PostgreSQL server".into() };
    }
    OpenError::Connect { reason }
}
