//! What harnesses stand on: the program under test, folders, a PostgreSQL server of their own, small C programs.

use crate::server::{Launch, database, folder};
use anyhow::{Context as _, bail};
use lessor_testkit::postgres::{Setup, TestDatabase, TestPostgres};
use rustix::process::{Pid, Signal, kill_process};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where a server keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// The embedded database.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl Engine {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Storage of one run; gone with the value.
#[derive(Debug)]
pub struct Storage {
    /// How to start a server on it.
    pub launch: Launch,
    database: Option<TestDatabase>,
}

impl Storage {
    /// Changes what is stored past the program, which must not run on it meanwhile.
    pub fn sql(&self, sql: &str) -> anyhow::Result<()> {
        match &self.database {
            Some(database) => drop(database.sql(sql)),
            None => {
                let folder = self.launch.storage.last().context("a folder")?;
                rusqlite::Connection::open(Path::new(folder).join("lessor.db"))?.execute_batch(sql)?;
            }
        }
        Ok(())
    }

    /// Waits until nobody is connected to the database.
    pub fn wait_until_unused(&self) -> anyhow::Result<()> {
        let database = self.database.as_ref().context("it is no PostgreSQL database")?;
        let until = Instant::now() + Duration::from_secs(20);
        let others =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        while database.sql(others) != "0" {
            anyhow::ensure!(Instant::now() < until, "somebody stays connected to the database");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// What harnesses stand on.
#[derive(Debug)]
pub struct Ground {
    binary: PathBuf,
    folder: TempDir,
    postgres: Option<TestPostgres>,
    places: u32,
}

impl Ground {
    /// For a program.
    pub fn new(binary: PathBuf) -> anyhow::Result<Self> {
        if !binary.is_file() {
            bail!("there is no program {}; build it (cargo build) or name it (--binary)", binary.display());
        }
        let folder = tempfile::Builder::new().prefix("lessor-torture-").tempdir()?;
        // PostgreSQL, which runs as somebody else, has to get through to a disk that is mounted in here.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
        Ok(Self { binary, folder, postgres: None, places: 0 })
    }

    /// A path that nobody has used.
    pub fn place(&mut self, name: &str) -> PathBuf {
        self.places += 1;
        self.folder.path().join(format!("{name}-{}", self.places))
    }

    /// New storage.
    pub fn storage(&mut self, engine: Engine) -> anyhow::Result<Storage> {
        match engine {
            Engine::Sqlite => {
                let data = self.place("data");
                Ok(self.storage_in(&data))
            }
            Engine::Postgres => {
                let made = self.postgres().database();
                Ok(self.storage_on(made))
            }
        }
    }

    /// New storage of the embedded database in a folder.
    pub fn storage_in(&mut self, data: &Path) -> Storage {
        Storage { launch: self.launch(folder(data)), database: None }
    }

    fn launch(&mut self, storage: Vec<String>) -> Launch {
        let log = self.place("log");
        Launch { binary: self.binary.clone(), storage, log, variables: Vec::new(), first: true }
    }

    fn postgres(&mut self) -> &TestPostgres {
        self.postgres.get_or_insert_with(|| TestPostgres::start(&Setup::default()))
    }

    /// Kills the PostgreSQL server, all of its processes at once, and starts it anew.
    pub fn kill_postgres(&mut self) -> anyhow::Result<()> {
        let server = self.postgres.as_mut().context("PostgreSQL does not run")?;
        Postmaster::of(server)?.kill()?;
        revive(server)
    }

    /// New storage in a database of a PostgreSQL server.
    pub fn storage_of(&mut self, server: &TestPostgres) -> Storage {
        let made = server.database();
        self.storage_on(made)
    }

    fn storage_on(&mut self, made: TestDatabase) -> Storage {
        Storage { launch: self.launch(database(&made.url)), database: Some(made) }
    }

    /// Builds a C program, or with `shared` a library.
    pub fn compile(&mut self, name: &str, source: &str, shared: bool) -> anyhow::Result<PathBuf> {
        let (file, built) = (self.place(name).with_extension("c"), self.place(name));
        std::fs::write(&file, source)?;
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-Wall", "-Werror", "-o"]).arg(&built).arg(&file);
        if shared {
            cc.args(["-shared", "-fPIC", "-ldl"]);
        }
        let output = cc.output().context("there is no C compiler (cc)")?;
        anyhow::ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        Ok(built)
    }
}

/// A PostgreSQL server as a process.
#[derive(Clone, Copy, Debug)]
pub struct Postmaster(i32);

impl Postmaster {
    /// That of a running server.
    pub fn of(server: &TestPostgres) -> anyhow::Result<Self> {
        let note = std::fs::read_to_string(server.data_file("postmaster.pid"))?;
        let first = note.lines().next().and_then(|line| line.trim().parse().ok());
        first.map(Self).context("postmaster.pid holds no process id")
    }

    /// Kills it and all of its children at once.
    pub fn kill(self) -> anyhow::Result<()> {
        let all: Vec<i32> = std::iter::once(self.0).chain(children(self.0)?).collect();
        for id in &all {
            // One may have ended since.
            let _ = Pid::from_raw(*id).map(|pid| kill_process(pid, Signal::KILL));
        }
        let until = Instant::now() + Duration::from_secs(10);
        while all.iter().any(|id| is_running(*id)) {
            anyhow::ensure!(Instant::now() < until, "PostgreSQL does not die");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// Starts a server that was killed.
pub fn revive(server: &mut TestPostgres) -> anyhow::Result<()> {
    // It is dead, but perhaps still in the list of processes, which is all that the start looks at.
    let note = server.data_file("postmaster.pid");
    if note.exists() {
        std::fs::remove_file(note)?;
    }
    catch_unwind(AssertUnwindSafe(|| server.launch())).map_err(|_| anyhow::anyhow!("PostgreSQL does not start again"))
}

/// Processes whose parent is `parent`.
fn children(parent: i32) -> anyhow::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if status(id).is_some_and(|(_, its_parent)| its_parent == parent) {
            found.push(id);
        }
    }
    Ok(found)
}

/// One that has died and that nobody has asked about yet runs no longer.
fn is_running(id: i32) -> bool {
    status(id).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// State and parent of a process, if there is one.
fn status(id: i32) -> Option<(String, i32)> {
    let line = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut rest = line.rsplit_once(')')?.1.split_whitespace();
    let state = rest.next()?.to_owned();
    Some((state, rest.next()?.parse().ok()?))
}
