//! Where the stores are, and the servers over them.

use crate::options::{Plan, short};
use crate::process::{Cpu, Server};
use crate::world::World;
use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The program that serves, beside this one.
const SERVER: &str = "lessor-bench-server";
/// Most activations that are made before measuring, on SQLite and on PostgreSQL.
const MOST_HELD: (u64, u64) = (200_000, 50_000);

/// Builds the server, where the bench was started by Cargo: it builds only the program that it runs.
pub fn build() -> io::Result<()> {
    let Some(cargo) = env::var_os("CARGO") else { return Ok(()) };
    let own = env::current_exe()?;
    let profile = own.parent().ok_or_else(|| io::Error::other("no folder"))?;
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "-p", "lessor-bench", "--bin", SERVER]);
    if let Some(target) = profile.parent() {
        command.arg("--target-dir").arg(target);
    }
    if profile.ends_with("release") {
        command.arg("--release");
    }
    match command.status()?.success() {
        true => Ok(()),
        false => Err(io::Error::other("the server does not build")),
    }
}

/// A folder for everything that a run makes.
pub struct Place {
    folder: PathBuf,
    /// Removed with the value; `None` where the folder is to stay.
    _temporary: Option<TempDir>,
}

impl Place {
    /// This folder, or a temporary one.
    pub fn new(folder: Option<PathBuf>) -> io::Result<Self> {
        match folder {
            Some(folder) => {
                fs::create_dir_all(&folder)?;
                Ok(Self { folder: folder.canonicalize()?, _temporary: None })
            }
            None => {
                let temporary = tempfile::Builder::new().prefix("lessor-bench-").tempdir()?;
                Ok(Self { folder: temporary.path().to_owned(), _temporary: Some(temporary) })
            }
        }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An empty folder in it.
    pub fn empty(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&path)?,
        }
        Ok(path)
    }

    /// The server's program with a command.
    pub fn server(&self, command: &str) -> io::Result<Command> {
        let mut program = Command::new(env::current_exe()?.with_file_name(SERVER));
        program.arg(command).current_dir(&self.folder);
        Ok(program)
    }

    /// Starts a program that serves.
    pub fn start(&self, command: &mut Command) -> io::Result<Server> {
        Server::start(command, &self.path("log"))
    }

    /// Starts this program as a baseline.
    pub fn baseline(&self, arguments: &[&str]) -> io::Result<Server> {
        self.start(Command::new(env::current_exe()?).args(arguments))
    }
}

/// Where the records of a house are.
#[derive(Clone, Debug)]
pub enum Storage {
    /// SQLite in this folder.
    Folder(PathBuf),
    /// PostgreSQL there.
    Database(String),
}

impl Storage {
    /// Tells a command of the server's program where it is.
    pub fn tell(&self, command: &mut Command) {
        match self {
            Storage::Folder(folder) => command.arg("--data").arg(folder),
            Storage::Database(url) => command.arg("--database").arg(url),
        };
    }

    /// The command that serves from here.
    pub fn serve(&self, place: &Place) -> io::Result<Command> {
        let mut command = place.server("serve")?;
        command.args(["--listen", "127.0.0.1:0", "--log-level", "warn"]);
        self.tell(&mut command);
        Ok(command)
    }
}

/// A store, its servers and what the load knows of it.
pub struct House {
    /// How many licenses.
    pub size: u64,
    /// Where the records are.
    pub storage: Storage,
    /// One, or several over the same store.
    pub servers: Vec<Server>,
    /// What the load knows.
    pub world: World,
}

impl House {
    /// Fills a store, unless that was done before.
    pub fn load(place: &Place, storage: &Storage, name: &str, size: u64) -> io::Result<PathBuf> {
        let facts = place.path(&format!("{name}.json"));
        if matches!(storage, Storage::Folder(_)) && facts.exists() {
            return Ok(facts);
        }
        eprintln!("loading {} licenses into {name}", short(size));
        let began = std::time::Instant::now();
        let mut load = place.server("load")?;
        load.arg("--licenses").arg(size.to_string()).arg("--facts").arg(&facts);
        storage.tell(&mut load);
        if !load.status()?.success() {
            return Err(io::Error::other("loading failed"));
        }
        eprintln!("loaded in {:.1} s", began.elapsed().as_secs_f64());
        Ok(facts)
    }

    /// Starts a server over a loaded store and activates some of its licenses.
    pub fn open(place: &Place, plan: &Plan, storage: Storage, facts: &Path, size: u64) -> io::Result<Self> {
        let server = place.start(&mut storage.serve(place)?)?;
        let mut world = World::read(facts, size, plan.seed)?;
        let began = std::time::Instant::now();
        let most = if matches!(storage, Storage::Folder(_)) { MOST_HELD.0 } else { MOST_HELD.1 };
        let count = size.min(most);
        world.activate(server.address, plan.connections, count)?;
        eprintln!("activated {} of {} in {:.1} s", short(count), short(size), began.elapsed().as_secs_f64());
        Ok(Self { size, storage, servers: vec![server], world })
    }

    /// Where its first `count` servers listen.
    pub fn addresses(&self, count: usize) -> Vec<SocketAddr> {
        self.servers.iter().take(count).map(|server| server.address).collect()
    }

    /// The processor time of its first `count` servers.
    pub fn cpu(&self, count: usize) -> Cpu {
        Cpu::of(&self.servers.iter().take(count).collect::<Vec<_>>())
    }
}
