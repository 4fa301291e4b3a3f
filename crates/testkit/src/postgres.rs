//! A throw-away PostgreSQL server from the system's own binaries, and a fresh database for each test.
//!
//! `LESSOR_TEST_POSTGRES` (an administrator's URL) names a server that runs already. Without it, one server is
//! started for all tests of a run and goes away when the run ends, however it ends: a small watchdog process
//! waits for that. A machine without PostgreSQL fails the tests, it does not skip them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Where the server that runs already is, if there is one.
const VARIABLE: &str = "LESSOR_TEST_POSTGRES";
/// Settings of every server here. Nothing in it needs to outlive a power cut.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "300"),
    ("shared_buffers", "32MB"),
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("log_min_messages", "warning"),
];

/// A running server.
#[derive(Debug)]
pub struct TestPostgres {
    admin_url: String,
    dir: Option<PathBuf>,
}

/// A database of its own; dropped with the value.
#[derive(Debug)]
pub struct TestDatabase {
    /// `postgres://postgres@127.0.0.1:PORT/NAME`.
    pub url: String,
    name: String,
    admin_url: String,
}

/// What a server of one's own should be like.
#[derive(Debug, Default)]
pub struct Setup<'a> {
    /// More settings, name and value. They win over the usual ones.
    pub settings: &'a [(&'a str, &'a str)],
    /// Files in the data folder, readable by the server alone: certificates, keys.
    pub files: &'a [(&'a str, &'a [u8])],
    /// Lines that replace `pg_hba.conf`, which otherwise trusts everybody on this machine.
    pub access: Option<&'a str>,
}

impl TestPostgres {
    /// The server that all tests of this run share.
    pub fn shared() -> &'static TestPostgres {
        static SERVER: OnceLock<TestPostgres> = OnceLock::new();
        SERVER.get_or_init(|| match std::env::var(VARIABLE) {
            Ok(admin_url) => TestPostgres { admin_url, dir: None },
            Err(_) => join_run(),
        })
    }

    /// A server of one's own, stopped and removed with the value.
    pub fn start(setup: &Setup<'_>) -> TestPostgres {
        let id = std::process::id();
        let dir = std::env::temp_dir().join(format!("lessor-pg-own-{id}-{}", unique()));
        let mut server = TestPostgres::create(dir, setup);
        server.watch(id);
        server.launch();
        server
    }

    /// As [`start`](Self::start), with its folder in `place`, which the server's user can reach and which may be unmounted in
    /// between. For that no watchdog looks after it: should this process be killed, the server stays.
    pub fn start_in(place: &Path, setup: &Setup<'_>) -> TestPostgres {
        let dir = place.join(format!("lessor-pg-own-{}-{}", std::process::id(), unique()));
        let mut server = TestPostgres::create(dir, setup);
        server.launch();
        server
    }

    /// A fresh, empty database.
    pub fn database(&self) -> TestDatabase {
        let name = format!("test_{}_{}", std::process::id(), unique());
        self.admin(&format!("CREATE DATABASE {name}"));
        TestDatabase { url: self.url(&name), name, admin_url: self.admin_url.clone() }
    }

    /// A fresh database with the same in it as another, to which nobody may be connected.
    pub fn copy_of(&self, database: &TestDatabase) -> TestDatabase {
        let name = format!("test_{}_{}", std::process::id(), unique());
        self.admin(&format!("CREATE DATABASE {name} TEMPLATE {}", database.name));
        TestDatabase { url: self.url(&name), name, admin_url: self.admin_url.clone() }
    }

    /// The address of a database of this server, whether there is one or not.
    pub fn url(&self, database: &str) -> String {
        let (base, query) = split_query(&self.admin_url);
        let server = base.rsplit_once('/').map_or(base, |(server, _)| server);
        format!("{server}/{database}{query}")
    }

    /// Runs one statement as administrator and gives what it printed.
    pub fn admin(&self, sql: &str) -> String {
        run_sql(&self.admin_url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Stops the server at once, as if it had been killed. Only for a server of one's own.
    pub fn stop(&self) {
        let dir = self.dir.as_deref().expect("a server of one's own");
        control(dir, &["-m", "immediate", "-w", "stop"]);
    }

    /// Starts the server, on the same port as before. Only for a server of one's own.
    pub fn launch(&mut self) {
        let dir = self.dir.as_deref().expect("a server of one's own");
        let log = dir.join("log");
        control(dir, &["-w", "-t", "60", "-l", &log.to_string_lossy(), "start"]);
    }

    /// A file of the server, by its path in the data folder. Only for a server of one's own.
    pub fn data_file(&self, path: &str) -> PathBuf {
        self.dir.as_deref().expect("a server of one's own").join("data").join(path)
    }

    fn create(dir: PathBuf, setup: &Setup<'_>) -> TestPostgres {
        fs::create_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        give(&dir);
        let data = dir.join("data");
        // Sorting by a language's rules shows where a query forgot to ask for byte order.
        let by_language = ["--locale-provider=icu", "--icu-locale=en"];
        if !init(&data, &by_language) && !init(&data, &["--locale=C"]) {
            panic!("initdb does not work in {}", data.display());
        }
        let port = free_port();
        let mut config = String::new();
        for (name, value) in SETTINGS.iter().chain(setup.settings) {
            config.push_str(&format!("{name} = '{value}'\n"));
        }
        config.push_str(&format!("port = {port}\n"));
        let write = |name: &str, bytes: &[u8]| {
            let path = data.join(name);
            fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            private(&path);
            give(&path);
        };
        write("postgresql.auto.conf", config.as_bytes());
        setup.files.iter().for_each(|(name, bytes)| write(name, bytes));
        setup.access.iter().for_each(|lines| write("pg_hba.conf", lines.as_bytes()));
        TestPostgres { admin_url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), dir: Some(dir) }
    }

    /// Stops the server and removes its folder when the process `id` is gone.
    fn watch(&self, id: u32) {
        let dir = self.dir.as_deref().expect("a server of one's own");
        let stop = as_server(&[binary("pg_ctl").as_os_str(), "-D".as_ref(), dir.join("data").as_os_str()]);
        let script = "id=$1; dir=$2; shift 2
            while kill -0 \"$id\" 2>/dev/null && [ -d \"$dir\" ]; do sleep 0.5; done
            [ -d \"$dir\" ] && \"$@\" -m immediate stop; rm -rf \"$dir\" \"$dir.lock\"";
        let mut watchdog = Command::new("setsid");
        watchdog.args(["sh", "-c", script, "watchdog", &id.to_string()]).arg(dir);
        watchdog.arg(stop.get_program()).args(stop.get_args());
        watchdog.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        let child = watchdog.spawn().unwrap_or_else(|error| panic!("setsid: {error}"));
        // It ends by itself, after us.
        drop(child);
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        // The shared server lives in a static, which is never dropped.
        if let Some(dir) = &self.dir {
            let _ = control_command(dir, &["-m", "immediate", "-w", "stop"]).output();
            let _ = fs::remove_dir_all(dir);
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The server may be gone already, and then so is the database.
        let _ = run_sql(&self.admin_url, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

impl TestDatabase {
    /// Runs one statement in this database, past the code under test, and gives what it printed.
    pub fn sql(&self, sql: &str) -> String {
        run_sql(&self.url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

/// Joins the server of this test run, or starts it when this is the run's first test.
fn join_run() -> TestPostgres {
    // cargo-nextest runs each test in a process of its own; what they share is their parent.
    let run = if std::env::var_os("NEXTEST").is_some() { parent_id() } else { std::process::id() };
    let base = std::env::temp_dir().join(format!("lessor-pg-run-{run}"));
    let lock = File::create(base.with_extension("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let note = base.join("url");
    if let Some(running) = fs::read_to_string(&note).ok().and_then(running) {
        return running;
    }
    // What an earlier run with the same number left behind.
    let _ = fs::remove_dir_all(&base);
    let mut server = TestPostgres::create(base, &Setup::default());
    server.watch(run);
    server.launch();
    fs::write(&note, &server.admin_url).expect("a note for the other tests");
    server
}

fn running(admin_url: String) -> Option<TestPostgres> {
    TcpStream::connect(("127.0.0.1", port_of(&admin_url))).ok()?;
    Some(TestPostgres { admin_url, dir: None })
}

fn init(data: &Path, options: &[&str]) -> bool {
    let binary = binary("initdb");
    let mut list: Vec<&OsStr> = vec![binary.as_os_str(), "-D".as_ref(), data.as_os_str()];
    list.extend(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"].map(OsStr::new));
    list.extend(options.iter().map(OsStr::new));
    as_server(&list).output().is_ok_and(|output| output.status.success())
}

fn control(dir: &Path, options: &[&str]) {
    // Not `output()`: the server would keep the pipe open.
    let status = control_command(dir, options).status();
    if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
        panic!("pg_ctl {options:?}: {status:?}\n{log}");
    }
}

fn control_command(dir: &Path, options: &[&str]) -> Command {
    let (binary, data) = (binary("pg_ctl"), dir.join("data"));
    let mut list: Vec<&OsStr> = vec![binary.as_os_str(), "-D".as_ref(), data.as_os_str(), "-s".as_ref()];
    list.extend(options.iter().map(OsStr::new));
    let mut command = as_server(&list);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A command under a user that PostgreSQL agrees to run as: it refuses root.
fn as_server(list: &[&OsStr]) -> Command {
    let mut command = match server_user() {
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()]);
            command.arg("--").args(list);
            command
        }
        None => {
            let mut command = Command::new(list[0]);
            command.args(&list[1..]);
            command
        }
    };
    command.current_dir("/").env("LC_ALL", "C");
    command
}

/// User and group to become, when we are root.
fn server_user() -> Option<(u32, u32)> {
    static USER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *USER.get_or_init(|| {
        let own = text(Command::new("id").arg("-u").output());
        (own.trim() == "0").then(|| account("postgres").or_else(|| account("nobody")).unwrap_or((65534, 65534)))
    })
}

fn account(name: &str) -> Option<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn give(path: &Path) {
    if let Some((user, group)) = server_user() {
        std::os::unix::fs::chown(path, Some(user), Some(group))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

fn private(path: &Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, mode).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// A program of PostgreSQL: beside `initdb` on the path, where `pg_config` says, or where Debian keeps it.
fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| folder().expect("PostgreSQL is needed for tests: no initdb found")).join(name)
}

fn folder() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let configured = text(Command::new("pg_config").arg("--bindir").output());
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places.push(PathBuf::from(configured.trim()));
    places.extend(versions("/usr/lib/postgresql"));
    places.extend(versions("/usr/local/opt"));
    places.into_iter().find(|place| place.join("initdb").is_file() && place.join("pg_ctl").is_file())
}

/// `bin` folders below `place`, the newest first.
fn versions(place: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut found: Vec<PathBuf> = entries.unwrap_or_default();
    found.sort_by_key(|path| path.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok()));
    found.iter().rev().map(|path| path.join("bin")).collect()
}

fn run_sql(url: &str, sql: &str) -> Result<String, String> {
    let mut psql = Command::new(psql());
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
    match psql.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("psql: {error}")),
    }
}

/// With a server that runs elsewhere, the client alone may be installed.
fn psql() -> PathBuf {
    folder().map(|folder| folder.join("psql")).filter(|path| path.is_file()).unwrap_or_else(|| "psql".into())
}

fn text(output: io::Result<Output>) -> String {
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn port_of(url: &str) -> u16 {
    let (base, _) = split_query(url);
    let host = base.rsplit_once('/').map_or(base, |(host, _)| host);
    host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(5432)
}

fn split_query(url: &str) -> (&str, &str) {
    url.find('?').map_or((url, ""), |at| url.split_at(at))
}

fn parent_id() -> u32 {
    std::os::unix::process::parent_id()
}

fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Asks again until it is so, for at most a while. Panics with `what` when it never is.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
