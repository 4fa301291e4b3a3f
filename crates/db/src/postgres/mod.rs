//! PostgreSQL: a bounded pool of threads, each with a connection; some write, some only read.

mod fault;
mod link;
mod server;
mod stream;
mod tls;
mod tx;
mod value;
mod wire;
mod worker;

pub(crate) use link::{Begin, Link};

use crate::health::Vitals;
use crate::store::{Queues, Threads};
use crate::{Limits, OpenError, Statement, StoreError};
use crossbeam_channel::bounded;
use fault::Fault;
use server::Server;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use worker::Worker;

/// What a server must be like before anything is entrusted to it.
const SETTINGS: Statement = Statement {
    name: "SETTINGS",
    sql: "SELECT current_setting('server_version'), current_setting('server_encoding'), current_setting('fsync'),
              current_setting('full_page_writes')",
};

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
            let worker = worker(writes.clone(), Begin::Write, first.take());
            threads.spawn("lessor-write", vitals, move || worker.run())?;
        }
        for _ in 0..readers {
            let worker = worker(reads.clone(), Begin::Read, None);
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
    let asked = link.transact(Begin::Read, &mut |tx| tx.one::<(String, String, String, String)>(SETTINGS, &[]));
    let (version, encoding, fsync, full_pages) =
        asked.map_err(|error: StoreError| OpenError::Connect { reason: error.to_string() })?;
    if encoding != "UTF8" {
        return Err(OpenError::Setting { name: "server_encoding", wanted: "UTF8".into(), found: encoding });
    }
    if fsync != "on" || full_pages != "on" {
        tracing::warn!("this PostgreSQL server runs with fsync or full_page_writes off: a crash can lose everything");
    }
    Ok(version)
}

fn open_error(fault: &Fault) -> OpenError {
    match fault {
        Fault::Said(said) if said.code == "25006" => OpenError::ReadOnly { place: "the PostgreSQL database".into() },
        Fault::Said(said) if said.code == "53100" => OpenError::Full { place: "the PostgreSQL server".into() },
        fault => OpenError::Connect { reason: fault.to_string() },
    }
}
