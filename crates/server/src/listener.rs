//! Accepting connections, and letting go of them.

use crate::failure::Failure;
use crate::settings::{Limits, Listening};
use crate::shell::Shell;
use crate::stall::StallGuard;
use crate::tls;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{counter, gauge};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// How long to leave the system alone when it has no descriptor for us.
const PAUSE: Duration = Duration::from_millis(50);
/// How long clients with a connection open may still send on it: the answer tells them to close.
const FAREWELL: Duration = Duration::from_millis(250);
/// How long the system's queue must stay empty before it counts as empty.
const QUEUE_EMPTY: Duration = Duration::from_millis(10);
/// What the start line may take beyond the headers, so that a long URI is told so and not cut off.
const START_LINE_BYTES: usize = 72 << 10;

/// A bound address, not yet accepting.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
}

impl Listener {
    /// Takes the address, or tells why that cannot be.
    pub async fn bind(listening: &Listening) -> Result<Self, Failure> {
        let tls = listening.tls.as_ref().map(tls::acceptor).transpose()?;
        let refused = |error: io::Error| Failure::setup(format!("cannot listen on {}: {error}", listening.address));
        let tcp = TcpListener::bind(listening.address).await.map_err(refused)?;
        let address = tcp.local_addr().map_err(refused)?;
        Ok(Self { tcp, tls, address })
    }

    /// Where it listens, with the port that was picked.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop` is done, then finishes what was received, within the limit for that.
    pub async fn serve(self, shell: Arc<Shell>, stop: impl Future<Output = ()>) {
        let (closing, _) = watch::channel(false);
        let house = Arc::new(House::new(shell, self.tls, closing));
        let mut stop = pin!(stop);
        loop {
            let next = async {
                let seat = house.seat().await;
                (seat, self.tcp.accept().await)
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                (seat, accepted) = next => house.receive(accepted, seat).await,
            }
        }
        house.shell.readiness().drain();
        tracing::info!("draining");
        let drained = timeout(house.shell.limits().drain_time, house.drain(self.tcp)).await;
        if drained.is_err() {
            tracing::warn!(connections = house.taken(), "cut off what still ran");
        }
    }
}

/// What all connections share.
struct House {
    shell: Arc<Shell>,
    tls: Option<TlsAcceptor>,
    http: http1::Builder,
    seats: Arc<Semaphore>,
    closing: watch::Sender<bool>,
}

impl House {
    fn new(shell: Arc<Shell>, tls: Option<TlsAcceptor>, closing: watch::Sender<bool>) -> Self {
        let seats = Arc::new(Semaphore::new(shell.limits().connections));
        let http = builder(shell.limits());
        Self { shell, tls, http, seats, closing }
    }

    /// Without a free seat nobody is let in; they wait in the system's queue.
    async fn seat(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.seats).acquire_owned().await.ok()
    }

    fn taken(&self) -> usize {
        self.shell.limits().connections - self.seats.available_permits()
    }

    async fn receive(
        self: &Arc<Self>,
        accepted: io::Result<(TcpStream, SocketAddr)>,
        seat: Option<OwnedSemaphorePermit>,
    ) {
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(Arc::clone(self).converse(stream, peer, seat));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections for the moment");
                sleep(PAUSE).await;
            }
        }
    }

    async fn converse(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, _seat: Option<OwnedSemaphorePermit>) {
        let _open = Open::count();
        // Small answers must not wait for each other; where that cannot be set, they do.
        let _ = stream.set_nodelay(true);
        let limits = self.shell.limits();
        match &self.tls {
            None => self.speak(stream, peer).await,
            Some(tls) => match timeout(limits.tls_time, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream, peer).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS handshake"),
                Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
            },
        }
    }

    async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, peer: SocketAddr) {
        let service = service_fn(|request| async move { Ok::<_, Infallible>(self.shell.answer(request, peer).await) });
        let stream = TokioIo::new(StallGuard::new(stream, self.shell.limits().write_time));
        let mut connection = pin!(self.http.serve_connection(stream, service));
        let mut closing = self.closing.subscribe();
        let told_to_close = async move { closing.wait_for(|closing| *closing).await.is_ok() };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = told_to_close => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }

    /// Lets in who stands at the door, tells everybody to go, and waits until they have.
    async fn drain(self: &Arc<Self>, tcp: TcpListener) {
        while let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() {
            match timeout(QUEUE_EMPTY, tcp.accept()).await {
                Ok(accepted @ Ok(_)) => self.receive(accepted, Some(seat)).await,
                _ => break,
            }
        }
        drop(tcp);
        if timeout(FAREWELL, self.empty()).await.is_err() {
            self.closing.send_replace(true);
            self.empty().await;
        }
    }

    async fn empty(&self) {
        let all = u32::try_from(self.shell.limits().connections).unwrap_or(u32::MAX);
        // The semaphore is never closed; a permit that comes is dropped again.
        let _ = self.seats.acquire_many(all).await;
    }
}

/// Counts a connection as open for as long as it lives.
struct Open;

impl Open {
    fn count() -> Self {
        counter!("lessor_connections_total").increment(1);
        gauge!("lessor_connections").increment(1);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        gauge!("lessor_connections").decrement(1);
    }
}

/// Without the timer hyper drops the header deadline silently.
fn builder(limits: &Limits) -> http1::Builder {
    let head = limits.header_bytes + START_LINE_BYTES;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_time).max_header_size(head).max_buf_size(head);
    http
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
