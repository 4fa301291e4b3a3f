//! TLS to PostgreSQL: verified when it is demanded.

use crate::bench::*;
use crate::postgres::{Setup, TestDatabase, TestPostgres};
use lessor_db::{Limits, Location, OpenError, Store};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// An authority, and a certificate of it for one name.
pub struct Certificates {
    dir: TempDir,
}

impl Certificates {
    pub fn new(name: &str) -> Certificates {
        let dir = tempfile::tempdir().expect("a folder");
        let certificates = Certificates { dir };
        let alternative = format!("subjectAltName={name}");
        certificates.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=test authority",
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-keyout",
            "ca.key",
            "-out",
            "ca.crt",
        ]);
        certificates.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=server",
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
        ]);
        std::fs::write(certificates.path("extensions"), alternative).expect("a file");
        certificates.openssl(&[
            "x509",
            "-req",
            "-in",
            "server.csr",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "extensions",
            "-out",
            "server.crt",
        ]);
        certificates
    }

    fn openssl(&self, args: &[&str]) {
        let output = Command::new("openssl").args(args).current_dir(self.dir.path()).output().expect("openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A server with this certificate that lets nobody in without TLS.
    fn server(&self) -> TestPostgres {
        self.server_with("hostssl all all 127.0.0.1/32 trust\n")
    }

    /// The same, with lines that say who is let in how.
    pub fn server_with(&self, access: &str) -> TestPostgres {
        let read = |name: &str| std::fs::read(self.path(name)).expect("a file");
        let (certificate, key) = (read("server.crt"), read("server.key"));
        TestPostgres::start(&Setup {
            settings: &[("ssl", "on")],
            files: &[("server.crt", &certificate), ("server.key", &key)],
            access: Some(access),
        })
    }
}

fn open(database: &TestDatabase, mode: &str, ca_file: Option<&Path>) -> Result<Store, OpenError> {
    let url = format!("{}?sslmode={mode}", database.url);
    Store::open(&Location::Postgres { url, ca_file: ca_file.map(Path::to_owned) }, Limits::default())
}

fn is_encrypted(store: &Store) -> bool {
    let asked = sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    store.read_blocking(move |tx| tx.one::<(bool,)>(asked, &[])).expect("an answer").0
}

#[test]
fn a_certificate_of_the_named_authority_is_trusted_and_no_other() {
    let certificates = Certificates::new("IP:127.0.0.1");
    let server = certificates.server();
    let database = server.database();
    let ca = certificates.path("ca.crt");
    for mode in ["require", "verify-full", "prefer"] {
        let store = open(&database, mode, Some(&ca)).unwrap_or_else(|error| panic!("{mode}: {error}"));
        assert!(is_encrypted(&store), "{mode}");
    }

    let other = Certificates::new("IP:127.0.0.1");
    let refused = open(&database, "require", Some(&other.path("ca.crt"))).err().expect("another authority");
    assert!(matches!(&refused, OpenError::Connect { reason } if reason.contains("certificate")), "{refused}");
    let refused = open(&database, "require", None).err().expect("no system knows this authority");
    assert!(matches!(refused, OpenError::Connect { .. } | OpenError::Certificates { .. }), "{refused}");
    let refused = open(&database, "disable", Some(&ca)).err().expect("the server demands TLS");
    assert!(matches!(refused, OpenError::Connect { .. }), "{refused}");
    let refused = open(&database, "require", Some(&certificates.path("server.key"))).err().expect("not a certificate");
    assert!(matches!(refused, OpenError::Certificates { .. }), "{refused}");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let certificates = Certificates::new("DNS:elsewhere.example");
    let server = certificates.server();
    let database = server.database();
    let refused = open(&database, "require", Some(&certificates.path("ca.crt"))).err().expect("another name");
    assert!(matches!(&refused, OpenError::Connect { reason } if reason.contains("certificate")), "{refused}");
}

#[test]
fn a_server_without_encryption_is_used_only_when_that_is_allowed() {
    let database = TestPostgres::shared().database();
    for mode in ["disable", "prefer"] {
        assert!(!is_encrypted(&open(&database, mode, None).expect(mode)));
    }
    let certificates = Certificates::new("IP:127.0.0.1");
    let refused = open(&database, "require", Some(&certificates.path("ca.crt"))).err().expect("it has no TLS");
    assert!(matches!(refused, OpenError::Connect { .. }), "{refused}");
}
