//! A listener in this process with handlers made for these tests.

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use lessor_server::docs::{self, Document};
use lessor_server::health::{self, Readiness};
use lessor_server::listener::Listener;
use lessor_server::refusal::{json_string, problem};
use lessor_server::settings::{Limits, Listening, TlsFiles};
use lessor_server::shell::Shell;
use lessor_server::site::{Family, Site};
use lessor_server::telemetry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What every wait in these tests is bounded by. Far above what a good run needs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A listener in this process.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it says about that.
    pub url: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Running {
    /// Starts with these limits.
    pub async fn start(limits: Limits) -> Self {
        Self::start_with(limits, None).await
    }

    /// Starts with these limits, and TLS when there are files for it.
    pub async fn start_with(limits: Limits, tls: Option<TlsFiles>) -> Self {
        let metrics = telemetry::metrics().expect("a recorder");
        let readiness = Readiness::default();
        let families = vec![
            Family::new("native", &["/v1"], handlers(), problem).with_fallbacks(),
            Family::new("strings", &["/api/v2"], Router::new(), json_string).with_fallbacks(),
            health::family(readiness.clone(), metrics),
            docs::family(&documents()),
            Family {
                host: Some("own.example".into()),
                ..Family::new("own", &[], docs::own_pages(documents()[1]), problem)
            },
        ];
        let site = Site::new(families, health::rest());
        let listening = Listening { address: "127.0.0.1:0".parse().expect("an address"), tls, limits: limits.clone() };
        let listener = Listener::bind(&listening).await.expect("a free port");
        let url = listener.url();
        let address = url.rsplit('/').next().and_then(|text| text.parse().ok()).expect("an address");
        let ids = Arc::new(|| uuid::Uuid::from_u128(0x1234));
        let shell = Shell::new(site, limits, readiness, ids, |_, _| {});
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(listener.serve(Arc::new(shell), async move {
            // A dropped sender stops it too.
            let _ = stopped.await;
        }));
        Self { address, url, stop, served }
    }

    /// Opens a connection.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Sends these bytes on a connection of their own and reads until the server closes it.
    pub async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_ref()).await.expect("sent");
        read_to_end(&mut stream).await
    }

    /// `GET` of a path.
    pub async fn get(&self, path: &str) -> String {
        self.get_from("localhost", path).await
    }

    /// `GET` of a path on a host name.
    pub async fn get_from(&self, host: &str, path: &str) -> String {
        self.exchange(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await
    }

    /// Tells it to stop. The handle is done when everything is finished.
    pub fn stop(self) -> JoinHandle<()> {
        // A listener that is gone already is stopped.
        let _ = self.stop.send(());
        self.served
    }
}

/// Reads until the server closes the connection.
pub async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("in time").expect("readable");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until the text so far holds `end`.
pub async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = String::new();
    let mut piece = [0; 4096];
    while !answer.contains(end) {
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut piece)).await.expect("in time").expect("readable");
        assert_ne!(read, 0, "closed after {answer:?}");
        answer.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    answer
}

/// The default limits with deadlines that a test can wait for.
pub fn brisk() -> Limits {
    let short = Duration::from_millis(300);
    Limits {
        connections: 64,
        body_bytes: 64 << 10,
        header_time: short,
        body_time: short,
        handler_time: short,
        tls_time: short,
        ..Limits::default()
    }
}

fn handlers() -> Router {
    Router::new()
        .route("/v1/hello", get(async || "hello"))
        .route("/v1/slow", get(async || tokio::time::sleep(Duration::from_millis(200)).await))
        .route("/v1/stuck", get(std::future::pending::<()>))
        .route("/v1/panic", get(panics))
        .route("/v1/length", post(async |body: Bytes| body.len().to_string()))
        .route("/v1/large", get(async || vec![b'x'; 64 << 20]))
}

async fn panics() {
    panic!("a planted panic");
}

fn documents() -> Vec<Document> {
    let make = || serde_json::json!({"openapi": "3.1.0", "info": {"title": "One", "version": "1"}, "paths": {}});
    vec![Document { name: "native", title: "Native", make }, Document { name: "other", title: "Other", make }]
}
