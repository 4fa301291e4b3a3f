//! What the server runs with: flags over variables over the file over defaults.

use crate::cli::{Common, Flags, Listen, LogFormat, StorageArgs};
use crate::failure::Failure;
use crate::mail::{self, Carrier};
use lessor_core::identity::session::Lifetimes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The dialects that a file may name.
const DIALECTS: [&str; 5] = ["zentitle", "eset", "gravityzone", "nerdio", "spideroak"];
/// The dialect that gives tokens.
const GIVES_TOKENS: &str = "eset";

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const DEFAULT_DATA: &str = "./lessor-data";
const DEFAULT_LEVEL: &str = "info";
const MOST_CONNECTIONS: usize = 10_000;
/// Open files that are left for the database, its readers and the logs.
const SPARE_FILES: usize = 64;

/// The configuration file. A name that is not listed here is a mistake, and said to be one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    listen: Option<String>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    insecure_http: Option<bool>,
    max_connections: Option<usize>,
    data: Option<PathBuf>,
    database: Option<String>,
    database_ca: Option<PathBuf>,
    log_format: Option<LogFormat>,
    log_level: Option<String>,
    public_url: Option<String>,
    mail: mail::Settings,
    limits: FileLimits,
    dialects: BTreeMap<String, Dialect>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileLimits {
    uri_bytes: Option<NonZeroUsize>,
    header_bytes: Option<NonZeroUsize>,
    body_bytes: Option<NonZeroUsize>,
    all_bodies_bytes: Option<NonZeroUsize>,
    tls_seconds: Option<NonZeroU64>,
    header_seconds: Option<NonZeroU64>,
    body_seconds: Option<NonZeroU64>,
    handler_seconds: Option<NonZeroU64>,
    write_seconds: Option<NonZeroU64>,
    drain_seconds: Option<NonZeroU64>,
}

/// What a file says about one dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialect {
    /// Whether the dialect answers at all.
    pub enabled: bool,
    /// A host name on which only this dialect answers.
    pub host: Option<String>,
    /// Seconds that an access token is good for, in a dialect that gives tokens.
    pub access_seconds: Option<NonZeroU32>,
    /// Seconds from signing in to the last renewal of such a token.
    pub session_seconds: Option<NonZeroU32>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { enabled: true, host: None, access_seconds: None, session_seconds: None }
    }
}

impl Dialect {
    /// How long the tokens of a dialect that gives them are good for.
    pub fn lifetimes(&self) -> Lifetimes {
        let usual = lessor_eset::Settings::LIFETIMES;
        let seconds = |told: Option<NonZeroU32>, usual: i64| told.map_or(usual, |told| i64::from(told.get()));
        Lifetimes {
            access_seconds: seconds(self.access_seconds, usual.access_seconds),
            whole_seconds: seconds(self.session_seconds, usual.whole_seconds),
        }
    }
}

/// Everything that a request or a connection may take. Each has a bound.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections; more wait in the system's queue.
    pub connections: usize,
    /// Path and query of a request.
    pub uri_bytes: usize,
    /// Names and values of a request's headers together.
    pub header_bytes: usize,
    /// One request's body.
    pub body_bytes: usize,
    /// The bodies of all requests that are being received.
    pub all_bodies_bytes: usize,
    /// From the connection to the end of the TLS handshake.
    pub tls_time: Duration,
    /// From the connection, or the answer before, to the end of the headers.
    pub header_time: Duration,
    /// From the end of the headers to the end of the body.
    pub body_time: Duration,
    /// From the end of the body to the answer.
    pub handler_time: Duration,
    /// How long a client may take nothing of an answer.
    pub write_time: Duration,
    /// From the signal to stop until what still runs is cut off.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: MOST_CONNECTIONS,
            uri_bytes: 8 << 10,
            header_bytes: 16 << 10,
            body_bytes: 1 << 20,
            all_bodies_bytes: 256 << 20,
            tls_time: Duration::from_secs(10),
            header_time: Duration::from_secs(15),
            body_time: Duration::from_secs(30),
            handler_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(30),
        }
    }
}

impl Limits {
    fn from_file(file: &FileLimits, connections: usize) -> Self {
        let fallback = Self::default();
        let bytes = |given: Option<NonZeroUsize>, or: usize| given.map_or(or, NonZeroUsize::get);
        let time = |given: Option<NonZeroU64>, or| given.map_or(or, |seconds| Duration::from_secs(seconds.get()));
        Self {
            connections,
            uri_bytes: bytes(file.uri_bytes, fallback.uri_bytes),
            header_bytes: bytes(file.header_bytes, fallback.header_bytes),
            body_bytes: bytes(file.body_bytes, fallback.body_bytes),
            all_bodies_bytes: bytes(file.all_bodies_bytes, fallback.all_bodies_bytes),
            tls_time: time(file.tls_seconds, fallback.tls_time),
            header_time: time(file.header_seconds, fallback.header_time),
            body_time: time(file.body_seconds, fallback.body_time),
            handler_time: time(file.handler_seconds, fallback.handler_time),
            write_time: time(file.write_seconds, fallback.write_time),
            drain_time: time(file.drain_seconds, fallback.drain_time),
        }
    }
}

/// Where the records are.
#[derive(Clone, PartialEq, Eq)]
pub enum Storage {
    /// The embedded database in this folder.
    Folder(PathBuf),
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://…`, with its password: not for logs.
        url: String,
        /// The authority that its certificate must come from.
        ca: Option<PathBuf>,
    },
}

/// Leaves the password out.
impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Storage::Folder(folder) => write!(f, "folder {}", folder.display()),
            Storage::Postgres { .. } => f.write_str("PostgreSQL"),
        }
    }
}

/// Certificate chain and private key, as PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub cert: PathBuf,
    /// The key of that certificate.
    pub key: PathBuf,
}

/// Where and how to listen, and within which bounds.
#[derive(Clone, Debug)]
pub struct Listening {
    /// Address and port; port 0 picks a free one.
    pub address: SocketAddr,
    /// TLS, or plain HTTP without.
    pub tls: Option<TlsFiles>,
    /// The bounds.
    pub limits: Limits,
}

/// How and what to log.
#[derive(Clone, Debug)]
pub struct Logging {
    /// Text or JSON.
    pub format: LogFormat,
    /// A level, or levels per module.
    pub level: String,
}

impl File {
    /// Reads the file that an option names; without one, everything has its default.
    pub fn load(common: &Common) -> Result<Self, Failure> {
        let Some(path) = &common.config else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::setup(format!("cannot read the configuration {}: {error}", path.display())))?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            Failure::setup(format!("{}, line {line}: {}", path.display(), error.message()))
        })?;
        match file.dialects.keys().find(|name| !DIALECTS.contains(&name.as_str())) {
            Some(name) => Err(Failure::setup(format!(
                "{}: there is no dialect {name:?}; there are {}",
                path.display(),
                DIALECTS.join(", ")
            ))),
            None => file.check_lifetimes(),
        }
    }

    /// Lifetimes of tokens belong to the dialect that gives some.
    fn check_lifetimes(self) -> Result<Self, Failure> {
        let tells = |dialect: &Dialect| dialect.access_seconds.or(dialect.session_seconds).is_some();
        match self.dialects.iter().find(|(name, dialect)| *name != GIVES_TOKENS && tells(dialect)) {
            Some((name, _)) => Err(Failure::setup(format!("the dialect {name:?} gives no tokens"))),
            None => Ok(self),
        }
    }

    /// What the file says about a dialect; switched on when it says nothing.
    pub fn dialect(&self, name: &str) -> Dialect {
        self.dialects.get(name).cloned().unwrap_or_default()
    }

    /// The address by which people reach the server; `listening` where the file says nothing.
    pub fn public_url(&self, listening: &str) -> Result<String, Failure> {
        let url = self.public_url.as_deref().unwrap_or(listening).trim_end_matches('/');
        match url.starts_with("https://") || url.starts_with("http://") {
            true => Ok(url.to_owned()),
            false => Err(Failure::setup(format!("public_url {url:?} must start with https://"))),
        }
    }

    /// Who takes mails over.
    pub fn carrier(&self) -> Result<Carrier, Failure> {
        Carrier::new(&self.mail)
    }

    /// How and what to log.
    pub fn logging(&self, common: &Common) -> Logging {
        Logging {
            format: common.log_format.or(self.log_format).unwrap_or_default(),
            level: common.log_level.clone().or_else(|| self.log_level.clone()).unwrap_or_else(|| DEFAULT_LEVEL.into()),
        }
    }

    /// Where the records are, or `None` when nothing says so.
    pub fn storage_if_named(&self, args: &StorageArgs, flags: Flags) -> Result<Option<Storage>, Failure> {
        let level = |flag: bool| {
            let data = args.data.clone().filter(|_| flags.data == flag);
            let database = args.database.clone().filter(|_| flags.database == flag);
            (data, database)
        };
        for named in [level(true), level(false), (self.data.clone(), self.database.clone())] {
            match named {
                (Some(_), Some(_)) => return Err(Failure::setup("give --data or --database, not both")),
                (Some(folder), None) => return Ok(Some(Storage::Folder(folder))),
                (None, Some(url)) => return self.postgres(url, args).map(Some),
                (None, None) => {}
            }
        }
        Ok(None)
    }

    /// Where the records are.
    pub fn storage(&self, args: &StorageArgs, flags: Flags) -> Result<Storage, Failure> {
        Ok(self.storage_if_named(args, flags)?.unwrap_or_else(|| Storage::Folder(DEFAULT_DATA.into())))
    }

    fn postgres(&self, url: String, args: &StorageArgs) -> Result<Storage, Failure> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(Failure::setup("--database must start with postgres://"));
        }
        Ok(Storage::Postgres { url, ca: args.database_ca.clone().or_else(|| self.database_ca.clone()) })
    }

    /// Where and how to listen.
    pub fn listening(&self, args: &Listen) -> Result<Listening, Failure> {
        let text = args.listen.as_deref().or(self.listen.as_deref()).unwrap_or(DEFAULT_LISTEN);
        let address = address(text)?;
        let cert = args.tls_cert.clone().or_else(|| self.tls_cert.clone());
        let key = args.tls_key.clone().or_else(|| self.tls_key.clone());
        let tls = match (cert, key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            _ => return Err(Failure::setup("--tls-cert and --tls-key go together")),
        };
        let insecure = args.insecure_http.or(self.insecure_http).unwrap_or(false);
        if tls.is_none() && !address.ip().is_loopback() && !insecure {
            return Err(Failure::setup(format!(
                "{address} is reached by other machines: give --tls-cert and --tls-key, or --insecure-http behind a proxy"
            )));
        }
        let connections = match args.max_connections.or(self.max_connections) {
            Some(0) => return Err(Failure::setup("--max-connections must be at least 1")),
            // A semaphore holds no more, and no machine does either.
            Some(count) => count.min(1 << 20),
            None => affordable_connections(),
        };
        Ok(Listening { address, tls, limits: Limits::from_file(&self.limits, connections) })
    }
}

fn address(text: &str) -> Result<SocketAddr, Failure> {
    let bad = || Failure::setup(format!("cannot listen on {text:?}: give an address and a port, as 127.0.0.1:8080"));
    text.to_socket_addrs().map_err(|_| bad())?.next().ok_or_else(bad)
}

/// As many as the limit on open files leaves room for, so that a full house never starves the database of files.
fn affordable_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|soft| soft.parse::<usize>().ok());
    match files {
        Some(files) => files.saturating_sub(SPARE_FILES).clamp(1, MOST_CONNECTIONS),
        None => MOST_CONNECTIONS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<File, Failure> {
        File::parse(text, Path::new("lessor.toml"))
    }

    fn both(data: &str, database: &str) -> StorageArgs {
        StorageArgs { data: Some(data.into()), database: Some(database.into()), database_ca: None }
    }

    #[test]
    fn a_typo_in_the_file_is_named_with_its_line() {
        let error = file("listen = \"127.0.0.1:1\"\n\n[limits]\nbody_byte = 3\n").expect_err("refused").to_string();
        assert!(error.starts_with("lessor.toml, line 4:") && error.contains("body_byte"), "{error}");
        let error = file("[dialects.zentitel]\nenabled = false\n").expect_err("refused").to_string();
        assert!(error.contains("zentitel"), "{error}");
        let error = file("[limits]\nbody_seconds = 0\n").expect_err("refused").to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
        let from_file = file("data = \"/from-file\"").expect("parses");
        let flagged = Flags { data: true, database: false };
        let chosen = from_file.storage(&both("/flag", "postgres://variable/x"), flagged).expect("chosen");
        assert_eq!(chosen, Storage::Folder("/flag".into()));
        let variable = StorageArgs { database: Some("postgres://v/x".into()), ..Default::default() };
        let chosen = from_file.storage(&variable, Flags::default()).expect("chosen");
        assert_eq!(chosen, Storage::Postgres { url: "postgres://v/x".into(), ca: None });
        let chosen = from_file.storage(&StorageArgs::default(), Flags::default()).expect("chosen");
        assert_eq!(chosen, Storage::Folder("/from-file".into()));
    }

    #[test]
    fn two_storages_named_in_one_place_are_refused() {
        assert!(File::default().storage(&both("/a", "postgres://b/c"), Flags::default()).is_err());
        let both_flags = Flags { data: true, database: true };
        assert!(File::default().storage(&both("/a", "postgres://b/c"), both_flags).is_err());
    }

    #[test]
    fn plain_http_beyond_this_machine_needs_a_word() {
        let open = Listen { listen: Some("0.0.0.0:0".into()), ..Default::default() };
        assert!(File::default().listening(&open).expect_err("refused").to_string().contains("--insecure-http"));
        let meant = Listen { insecure_http: Some(true), ..open };
        assert!(File::default().listening(&meant).is_ok());
        let loopback = Listen { listen: Some("[::1]:0".into()), ..Default::default() };
        assert!(File::default().listening(&loopback).is_ok());
    }

    #[test]
    fn a_dialect_is_on_unless_the_file_switches_it_off() {
        let some =
            file("[dialects.eset]\nhost = \"eset.example\"\n[dialects.nerdio]\nenabled = false\n").expect("parses");
        assert!(some.dialect("zentitle").enabled);
        assert!(some.dialect("eset").enabled);
        assert_eq!(some.dialect("eset").host.as_deref(), Some("eset.example"));
        assert!(!some.dialect("nerdio").enabled);
    }

    #[test]
    fn lifetimes_of_tokens_are_told_where_there_are_tokens() {
        let some = file("[dialects.eset]\naccess_seconds = 60\n").expect("parses");
        let lifetimes = some.dialect("eset").lifetimes();
        assert_eq!((lifetimes.access_seconds, lifetimes.whole_seconds), (60, 86_400));
        let other = file("[dialects.zentitle]\nsession_seconds = 60\n");
        assert!(other.is_err_and(|error| error.to_string().contains("zentitle")));
    }

    #[test]
    fn passwords_do_not_show() {
        let storage = Storage::Postgres { url: "postgres://u:secret@h/d".into(), ca: None };
        assert!(!format!("{storage:?}").contains("secret"));
    }
}
