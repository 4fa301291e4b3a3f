//! Where the server is, how to trust it, and what a connection to it must be like.

use super::fault::in_full;
use super::link::Link;
use crate::{Limits, OpenError};
use postgres::config::{SslMode, TargetSessionAttrs};
use postgres::{Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a server may take to accept a connection, unless the address says otherwise.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a silent peer is believed to be alive, unless the address says otherwise.
const SILENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    statement_time: Duration,
    warned: AtomicBool,
}

impl Server {
    pub(crate) fn new(url: &str, ca_file: Option<&Path>, limits: &Limits) -> Result<Server, OpenError> {
        let mut config: Config = known_modes(url)
            .parse()
            .map_err(|error: postgres::Error| OpenError::Address { reason: in_full(&error) })?;
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            mode => Some(connector(ca_file, mode == SslMode::Require)?),
        };
        complete(&mut config);
        Ok(Server { config, tls, statement_time: limits.statement_time, warned: AtomicBool::new(false) })
    }

    /// A connection whose statements may each take as long as the limits say.
    pub(crate) fn connect(&self) -> Result<Link, postgres::Error> {
        self.connect_with(self.statement_time)
    }

    /// A connection for work of any length: migrations, backups.
    pub(crate) fn connect_patiently(&self) -> Result<Link, postgres::Error> {
        self.connect_with(Duration::ZERO)
    }

    fn connect_with(&self, statement_time: Duration) -> Result<Link, postgres::Error> {
        let warning = Arc::new(AtomicBool::new(false));
        let mut config = self.config.clone();
        let seen = Arc::clone(&warning);
        config.notice_callback(move |notice| {
            if notice.severity() == "WARNING" {
                seen.store(true, Ordering::Relaxed);
            }
            tracing::debug!(severity = notice.severity(), "PostgreSQL: {}", notice.message());
        });
        let mut client = self.reach(&mut config)?;
        client.batch_execute(&settings(statement_time))?;
        Ok(Link::new(client, warning))
    }

    fn reach(&self, config: &mut Config) -> Result<postgres::Client, postgres::Error> {
        let Some(tls) = &self.tls else {
            return config.connect(NoTls);
        };
        let error = match config.connect(tls.clone()) {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        if config.get_ssl_mode() != SslMode::Prefer || error.as_db_error().is_some() {
            return Err(error);
        }
        // `prefer` promises nothing: where the certificate cannot be verified, it goes on without.
        let client = config.ssl_mode(SslMode::Disable).connect(NoTls).map_err(|_| error)?;
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("the connection to PostgreSQL is not encrypted; sslmode=require demands it");
        }
        Ok(client)
    }
}

/// The driver knows only `require`, and ours verifies as the two stricter modes say.
fn known_modes(url: &str) -> String {
    url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require")
}

fn complete(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name("lessor");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIME);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    config.keepalives_idle(config.get_keepalives_idle().min(SILENCE));
    // Nothing is decided from what a standby says; of several hosts, the one that takes writes is right.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
}

/// Settings of a session. A session in a transaction that goes silent must not hold its locks for ever, and a
/// server set up to lose commits must not do so here.
fn settings(statement_time: Duration) -> String {
    let statement = statement_time.as_millis();
    format!(
        "SET statement_timeout = {statement};
         SET idle_in_transaction_session_timeout = {idle};
         SET client_min_messages = warning;
         SET TimeZone = 'UTC';
         SET jit = off;
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        idle = statement * 2,
    )
}

fn connector(ca_file: Option<&Path>, needed: bool) -> Result<MakeRustlsConnect, OpenError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Certificates { reason: error.to_string() })?
        .with_root_certificates(roots(ca_file, needed)?)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn roots(ca_file: Option<&Path>, needed: bool) -> Result<RootCertStore, OpenError> {
    let mut store = RootCertStore::empty();
    match ca_file {
        Some(path) => add_file(&mut store, path)?,
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() && needed {
        return Err(OpenError::Certificates { reason: "the system has none; name a file".into() });
    }
    Ok(store)
}

fn add_file(store: &mut RootCertStore, path: &Path) -> Result<(), OpenError> {
    let unusable =
        |reason: &dyn std::fmt::Display| OpenError::Certificates { reason: format!("{}: {reason}", path.display()) };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        store.add(certificate).map_err(|error| unusable(&error))?;
    }
    if store.is_empty() { Err(unusable(&"holds no certificate")) } else { Ok(()) }
}
