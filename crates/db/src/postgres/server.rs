//! Where the server is, how to trust it, and what a connection to it must be like.

use super::fault::{Fault, Said, in_full};
use super::link::Link;
use super::stream::{Socket, Transport, introduce};
use super::tls::Tls;
use super::wire::Wire;
use crate::{Limits, OpenError};
use socket2::{SockRef, TcpKeepalive};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode};

/// How long a server may take to accept a connection, unless the address says otherwise.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a silent peer is believed to be alive, unless the address says otherwise.
const SILENCE: Duration = Duration::from_secs(30);
/// Where PostgreSQL listens, unless the address says otherwise.
const DEFAULT_PORT: u16 = 5432;

pub(crate) struct Server {
    config: Config,
    tls: Option<Tls>,
    statement_time: Duration,
    warned: AtomicBool,
}

impl Server {
    pub(crate) fn new(url: &str, ca_file: Option<&Path>, limits: &Limits) -> Result<Server, OpenError> {
        let mut config: Config = known_modes(url)
            .parse()
            .map_err(|error: tokio_postgres::Error| OpenError::Address { reason: in_full(&error) })?;
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            mode => Some(Tls::new(ca_file, mode == SslMode::Require)?),
        };
        complete(&mut config);
        Ok(Server { config, tls, statement_time: limits.statement_time, warned: AtomicBool::new(false) })
    }

    /// A connection whose statements may each take as long as the limits say.
    pub(crate) fn connect(&self) -> Result<Link, Fault> {
        self.connect_with(self.statement_time)
    }

    /// A connection for work of any length: migrations, backups.
    pub(crate) fn connect_patiently(&self) -> Result<Link, Fault> {
        self.connect_with(Duration::ZERO)
    }

    /// Tries each of the addresses until one will do.
    fn connect_with(&self, statement_time: Duration) -> Result<Link, Fault> {
        let mut fault = Fault::Lost("the address names no host".into());
        for place in self.places()? {
            match self.connect_to(&place, statement_time) {
                Ok(link) => return Ok(link),
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }

    fn connect_to(&self, place: &Place, statement_time: Duration) -> Result<Link, Fault> {
        let mut wire = Wire::new(self.reach(place)?);
        if wire.run_text(&settings(statement_time))?.as_deref() == Some("on") {
            // Nothing is decided from what a standby says; of several hosts, the one that takes writes is right.
            return Err(Said::new("25006", "the database does not allow writes").into());
        }
        Link::new(wire)
    }

    fn reach(&self, place: &Place) -> Result<Transport, Fault> {
        let needed = self.config.get_ssl_mode() == SslMode::Require;
        let Some(tls) = self.tls.as_ref().filter(|_| needed || matches!(place.at, At::Tcp(_))) else {
            return introduce(&self.config, self.socket(place)?, None, "");
        };
        let fault = match introduce(&self.config, self.socket(place)?, Some(tls), &place.host) {
            Err(fault @ Fault::Lost(_)) if !needed => fault,
            done => return done,
        };
        // `prefer` promises nothing: where the certificate cannot be verified, it goes on without.
        let transport = introduce(&self.config, self.socket(place)?, None, "").map_err(|_| fault)?;
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("the connection to PostgreSQL is not encrypted; sslmode=require demands it");
        }
        Ok(transport)
    }

    /// Where the server may be, in the order in which to look.
    fn places(&self) -> Result<Vec<Place>, Fault> {
        let (hosts, addresses, ports) = (self.config.get_hosts(), self.config.get_hostaddrs(), self.config.get_ports());
        let mut places = Vec::new();
        let mut unknown = None;
        for number in 0..hosts.len().max(addresses.len()) {
            let port = ports.get(number).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
            match (hosts.get(number), addresses.get(number)) {
                (Some(Host::Tcp(host)), None) => match (host.as_str(), port).to_socket_addrs() {
                    Ok(found) => places.extend(found.map(|at| Place { host: host.clone(), at: At::Tcp(at) })),
                    Err(error) => unknown = Some(connect_fault(&error)),
                },
                #[cfg(unix)]
                (Some(Host::Unix(dir)), None) => {
                    let path = dir.join(format!(".s.PGSQL.{port}"));
                    places.push(Place { host: String::new(), at: At::Unix(path) });
                }
                (host, Some(address)) => {
                    let host = if let Some(Host::Tcp(host)) = host { host.clone() } else { String::new() };
                    places.push(Place { host, at: At::Tcp((*address, port).into()) });
                }
                (None, None) => {}
            }
        }
        if places.is_empty()
            && let Some(fault) = unknown
        {
            return Err(fault);
        }
        if self.config.get_load_balance_hosts() == LoadBalanceHosts::Random && !places.is_empty() {
            let first = RandomState::new().build_hasher().finish() as usize % places.len();
            places.rotate_left(first);
        }
        Ok(places)
    }

    fn socket(&self, place: &Place) -> Result<Socket, Fault> {
        let opened = match &place.at {
            At::Tcp(address) => self.tcp(address).map(Socket::Tcp),
            #[cfg(unix)]
            At::Unix(path) => UnixStream::connect(path).map(Socket::Unix),
        };
        opened.map_err(|error| connect_fault(&error))
    }

    fn tcp(&self, address: &SocketAddr) -> std::io::Result<TcpStream> {
        let limit = self.config.get_connect_timeout().copied().filter(|limit| !limit.is_zero());
        let stream = TcpStream::connect_timeout(address, limit.unwrap_or(CONNECT_TIME))?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(self.config.get_tcp_user_timeout().copied())?;
        if self.config.get_keepalives() {
            let mut keepalive = TcpKeepalive::new().with_time(self.config.get_keepalives_idle());
            if let Some(interval) = self.config.get_keepalives_interval() {
                keepalive = keepalive.with_interval(interval);
            }
            if let Some(retries) = self.config.get_keepalives_retries() {
                keepalive = keepalive.with_retries(retries);
            }
            socket.set_tcp_keepalive(&keepalive)?;
        }
        Ok(stream)
    }
}

fn connect_fault(error: &std::io::Error) -> Fault {
    Fault::Lost(format!("error connecting to server: {error}"))
}

/// One address at which the server may be.
struct Place {
    /// Whom its certificate must name.
    host: String,
    at: At,
}

enum At {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(PathBuf),
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
}

/// Settings of a session, and the question whether it may write. A session in a transaction that goes silent must not hold its locks for ever, and a
/// server set up to lose commits must not do so here.
fn settings(statement_time: Duration) -> String {
    let statement = statement_time.as_millis();
    format!(
        "SET statement_timeout = {statement};
         SET idle_in_transaction_session_timeout = {idle};
         SET client_min_messages = warning;
         SET TimeZone = 'UTC';
         SET jit = off;
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
         SHOW transaction_read_only",
        idle = statement * 2,
    )
}
