//! The bytes between us and the server: a blocking socket, encrypted or not.
//!
//! The driver's part is the introduction (encryption, password, parameters of the session). It is asynchronous, so the
//! socket pretends to be that as well, always ready; afterwards we take it back and talk over it from one thread.

use super::fault::Fault;
use super::tls::{Encrypted, Tls, end_point};
use std::future::{Future, Ready, ready};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, NoTls, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, Connection};

/// How long the introduction may wait for each answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open way to the server, on which we have been introduced.
pub(crate) enum Transport {
    Plain(Socket),
    Encrypted(Box<Encrypted<Shared<Socket>>>),
}

/// A socket whose calls wait.
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Introduces us to the server behind a socket. `host` is whom its certificate must name.
pub(crate) fn introduce(config: &Config, socket: Socket, tls: Option<&Tls>, host: &str) -> Result<Transport, Fault> {
    let handle = socket.try_clone()?;
    handle.set_read_timeout(Some(PATIENCE))?;
    let shared = Shared::new(socket);
    let encrypted = match tls {
        None => finish(config.connect_raw(shared.clone(), NoTls)).map(|()| None)?,
        Some(tls) => {
            let kept = Kept::default();
            let keeping = Keeping { tls: tls.clone(), host: host.to_owned(), kept: kept.clone() };
            finish(config.connect_raw(shared.clone(), keeping))?;
            lock(&kept).take()
        }
    };
    handle.set_read_timeout(None)?;
    let transport = match encrypted {
        Some(stream) => stream.into_inner().map(|stream| Transport::Encrypted(Box::new(stream))),
        None => shared.into_inner().map(Transport::Plain),
    };
    transport.ok_or_else(|| Fault::Lost("the driver kept the connection".into()))
}

/// Runs an introduction to its end on this thread, and drops the driver's half of the connection.
fn finish<S, T>(
    introduction: impl Future<Output = Result<(Client, Connection<S, T>), tokio_postgres::Error>>,
) -> Result<(), Fault> {
    let mut introduction = pin!(introduction);
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        match introduction.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => return Ok(done.map(drop)?),
            Poll::Pending => std::thread::yield_now(),
        }
    }
    Err(Fault::Lost("the server did not finish the introduction".into()))
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.read(buffer),
            Transport::Encrypted(stream) => stream.read(buffer),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.write(bytes),
            Transport::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(socket) => socket.flush(),
            Transport::Encrypted(stream) => stream.flush(),
        }
    }
}

impl Socket {
    fn try_clone(&self) -> io::Result<Socket> {
        match self {
            Socket::Tcp(stream) => stream.try_clone().map(Socket::Tcp),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.try_clone().map(Socket::Unix),
        }
    }

    fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.set_read_timeout(limit),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.set_read_timeout(limit),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Socket::Tcp(stream) => stream.read(buffer),
                #[cfg(unix)]
                Socket::Unix(stream) => stream.read(buffer),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // So says a socket whose time is over; to the layers above it would mean to come again.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(ErrorKind::TimedOut.into()),
                read => return read,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the driver and we hold until the introduction is over.
pub(crate) struct Shared<S>(Arc<Mutex<S>>);

impl<S> Shared<S> {
    fn new(inner: S) -> Self {
        Shared(Arc::new(Mutex::new(inner)))
    }

    /// `None` while somebody else holds it too.
    fn into_inner(self) -> Option<S> {
        Arc::into_inner(self.0).map(|inner| inner.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<S: Read> Read for Shared<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(buffer)
    }
}

impl<S: Write> Write for Shared<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        lock(&self.0).flush()
    }
}

impl<S: Read> AsyncRead for Shared<S> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let length = self.read(buffer.initialize_unfilled())?;
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: Write> AsyncWrite for Shared<S> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl TlsStream for Shared<Encrypted<Shared<Socket>>> {
    fn channel_binding(&self) -> ChannelBinding {
        let stream = lock(&self.0);
        let certificate = stream.conn.peer_certificates().and_then(|chain| chain.first());
        let hash = certificate.and_then(|certificate| end_point(certificate));
        hash.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// Where the encrypted stream is left for us.
type Kept = Arc<Mutex<Option<Shared<Encrypted<Shared<Socket>>>>>>;

/// Encrypts when the driver says so, and keeps the stream for us.
struct Keeping {
    tls: Tls,
    host: String,
    kept: Kept,
}

impl TlsConnect<Shared<Socket>> for Keeping {
    type Stream = Shared<Encrypted<Shared<Socket>>>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Stream>>;

    fn connect(self, socket: Shared<Socket>) -> Self::Future {
        ready(self.tls.encrypt(socket, &self.host).map(|stream| {
            let stream = Shared::new(stream);
            *lock(&self.kept) = Some(stream.clone());
            stream
        }))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
