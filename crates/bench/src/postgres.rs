//! A PostgreSQL of the bench's own, and `pgbench` on it.

use crate::load::Sample;
use lessor_db::Limits;
use lessor_testkit::postgres::{Setup, TestDatabase, TestPostgres};
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The name under which `pgbench` is written down.
pub const PGBENCH: &str = "pgbench";

/// Durable as a server in earnest is, with room for all that is loaded.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("shared_buffers", "1GB"),
    ("max_wal_size", "8GB"),
];

/// The server, and the database of `pgbench` on it.
pub struct Machine {
    server: TestPostgres,
    pgbench: TestDatabase,
}

impl Machine {
    /// Starts it.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let server = TestPostgres::start(&Setup { settings: SETTINGS, ..Setup::default() });
        let pgbench = server.database();
        Ok(Self { server, pgbench })
    }

    /// A fresh, empty database.
    pub fn database(&self) -> TestDatabase {
        self.server.database()
    }

    /// A database with the same in it, to which nobody is connected.
    pub fn copy_of(&self, database: &TestDatabase) -> TestDatabase {
        self.server.copy_of(database)
    }

    /// Fills the database of `pgbench` with as many accounts as there are licenses.
    pub fn prepare_pgbench(&self, licenses: u64) -> io::Result<()> {
        let scale = (licenses / 100_000).max(1).to_string();
        self.run(&["-i", "-q", "-s", &scale]).map(|_| ())
    }

    /// What was loaded is written and its statistics are known before anything is measured.
    pub fn settle(&self, databases: &[TestDatabase]) {
        for database in databases.iter().chain([&self.pgbench]) {
            database.sql("VACUUM ANALYZE");
        }
        self.server.admin("CHECKPOINT");
    }

    /// The rate of `pgbench -N` with prepared statements, on as many connections as Lessor has.
    pub fn pgbench(&self, time: Duration) -> io::Result<Sample> {
        let clients = Limits::default().postgres_connections.to_string();
        let seconds = time.as_secs().max(1).to_string();
        let said = self.run(&["-N", "-n", "-M", "prepared", "-c", &clients, "-j", "1", "-T", &seconds])?;
        let figure = |name: &str| {
            let rest = said.lines().find_map(|line| line.strip_prefix(name))?;
            rest.trim_start_matches([' ', '=']).split(' ').next()?.parse::<f64>().ok()
        };
        let (Some(rate), Some(latency)) = (figure("tps"), figure("latency average")) else {
            return Err(io::Error::other(format!("pgbench said {said:?}")));
        };
        // It gives the mean, and no more than that.
        Ok(Sample { rate, p50: (latency * 1000.0) as u32, ..Sample::default() })
    }

    fn run(&self, arguments: &[&str]) -> io::Result<String> {
        let output = Command::new(program()).args(arguments).arg(&self.pgbench.url).output()?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    }
}

/// `pgbench` on the path, or where Debian keeps it.
fn program() -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = std::env::split_paths(&on_path).chain(versions.map(|version| version.path().join("bin")));
    folders.map(|folder| folder.join("pgbench")).find(|file| file.is_file()).unwrap_or_else(|| "pgbench".into())
}
