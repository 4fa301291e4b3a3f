//! TLS, with a certificate that stands for nothing but itself.

use crate::harness::{PATIENCE, Running, brisk};
use lessor_server::settings::{Limits, TlsFiles};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

fn files() -> TlsFiles {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/shell/fixtures");
    TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") }
}

fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(files().cert).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn a_request_over_tls_is_answered() {
    let server = Running::start_with(brisk(), Some(files())).await;
    assert!(server.url.starts_with("https://127.0.0.1:"));
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = connector().connect(name, server.connect().await).await.expect("a handshake");
    stream.write_all(b"GET /v1/hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_handshake_that_never_comes_frees_its_seat() {
    let server = Running::start_with(Limits { connections: 1, ..brisk() }, Some(files())).await;
    let mut silent = server.connect().await;
    let mut byte = [0; 1];
    let closed = timeout(PATIENCE, silent.read(&mut byte)).await.expect("in time");
    assert!(matches!(closed, Ok(0) | Err(_)));
    let name = ServerName::try_from("localhost").expect("a name");
    let handshake = connector().connect(name, server.connect().await);
    timeout(Duration::from_secs(5), handshake).await.expect("in time").expect("a handshake");
}
