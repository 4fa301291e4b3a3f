//! The programs from outside: a demo server on either engine, calls to it, and copies of the example under license.

use lessor_testkit::Engine;
use lessor_testkit::postgres::{TestDatabase, TestPostgres};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// What a key that reads and writes carries: all that keys of the other types do, and more.
pub const READ_WRITE: [&str; 20] = [
    "zentitle:write",
    "zentitle:read",
    "zentitle:offline",
    "zentitle:stream",
    "zentitle:saas",
    "accounts:read",
    "accounts:write",
    "catalog:read",
    "catalog:write",
    "licenses:read",
    "licenses:write",
    "licenses:acquire",
    "offline:write",
    "identity:read",
    "identity:write",
    "events:read",
    "stream:read",
    "stream:write",
    "groups:read",
    "groups:write",
];

/// A demo server that does not outlive its test.
pub struct Demo {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The keys to its world.
    pub credentials: Value,
    /// Where files of the test go.
    pub folder: TempDir,
    database: Option<TestDatabase>,
}

/// What came back: status, headers that tests ask for, and the body as JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.body
    }
}

impl Demo {
    /// Starts it at the present: devices that are never online go by their own clock.
    pub fn start(engine: Engine) -> Self {
        Self::start_with(engine, &[])
    }

    /// Starts it at another instant: the same one each time, whenever the test runs.
    pub fn start_at(engine: Engine, clock: &str) -> Self {
        Self::start_with(engine, &["--clock", clock])
    }

    fn start_with(engine: Engine, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(TestPostgres::shared().database()),
        };
        let credentials = folder.path().join("credentials.json");
        let mut command = lessor();
        command.args(["demo", "--listen", "127.0.0.1:0", "--log-level", "warn"]);
        command.args(options).arg("--credentials").arg(&credentials);
        match &database {
            Some(database) => command.args(["--database", &database.url]),
            None => command.arg("--data").arg(folder.path().join("data")),
        };
        let (child, url) = spawn(command);
        let text = std::fs::read_to_string(&credentials).expect("credentials are written before it listens");
        let credentials = serde_json::from_str(&text).expect("credentials are JSON");
        Self { child, url, credentials, folder, database }
    }

    /// A second server on the same PostgreSQL.
    pub fn second(&self) -> (Child, String) {
        let database = self.database.as_ref().expect("PostgreSQL");
        let mut command = lessor();
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--database", &database.url]);
        spawn(command)
    }

    /// The arguments that name its storage.
    pub fn storage(&self) -> Vec<String> {
        match &self.database {
            Some(database) => vec!["--database".into(), database.url.clone()],
            None => vec!["--data".into(), self.folder.path().join("data").display().to_string()],
        }
    }

    /// Stops it as an operator would.
    pub fn stop(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        assert_eq!(self.child.wait().expect("a child").code(), Some(0), "it drains and exits 0");
    }

    pub fn native(&self, verb: &str, path: &str, body: Option<Value>) -> Answer {
        let key = self.credentials["native"]["api_key"].as_str().expect("a key");
        call(&self.url, verb, path, Some(&format!("Bearer {key}")), body.map(|body| body.to_string()).as_deref())
    }

    /// Gives a record the name that the dialect's clients use for it.
    pub fn name(&self, kind: &str, id: &str, space: &str, alias: &str) {
        let name = json!({"dialect": "zentitle", "kind": space, "alias": alias});
        self.native("PUT", &format!("/v1/{kind}/{id}/aliases"), Some(name)).ok();
    }

    /// Makes a vendor that is a tenant of the dialect, with the server functions and the reseller of its documents.
    pub fn vendor(&self, name: &str, number: &str, prefix: &str) -> String {
        let root = self.native("GET", "/v1/me", None).ok()["account"].clone();
        let made = self.native("POST", "/v1/accounts", Some(json!({"parent": root, "kind": "vendor", "name": name})));
        let vendor = made.ok()["id"].as_str().expect("an id").to_owned();
        self.name("accounts", &vendor, "tenant", number);
        let attributes = format!("/v1/accounts/{vendor}/attributes/zentitle");
        self.native("PUT", &attributes, Some(json!({"productPrefix": prefix}))).ok();
        let functions = [("LTCO", false, true), ("FeatureAvailability", true, false), ("Otherfunc", false, false)];
        for (name, enabled, takes) in functions {
            let function = json!({"vendor": vendor, "name": name, "enabled": enabled, "takes_parameter": takes});
            self.native("POST", "/v1/server-functions", Some(function)).ok();
        }
        let reseller = json!({"parent": vendor, "kind": "partner", "name": "reseller12"});
        let reseller = self.native("POST", "/v1/accounts", Some(reseller)).ok()["id"].clone();
        self.name("accounts", reseller.as_str().expect("an id"), "reseller", "reseller12");
        self.name("accounts", reseller.as_str().expect("an id"), "reseller_number", "1");
        vendor
    }

    /// A key of a vendor in the dialect's form.
    pub fn key(&self, vendor: &str, scopes: &[&str]) -> String {
        let key = json!({"account": vendor, "label": "test", "scopes": scopes, "form": "alphanumeric"});
        self.native("POST", "/v1/api-keys", Some(key)).ok()["key"].as_str().expect("a key").to_owned()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server process that ends with the value.
pub struct Ending(pub Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn lessor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lessor"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LESSOR_") {
            command.env_remove(name);
        }
    }
    command
}

/// Starts a server, and waits until it tells its address.
pub fn spawn(mut command: Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut out = BufReader::new(child.stdout.take().expect("standard output"));
    let mut line = String::new();
    assert_ne!(out.read_line(&mut line).expect("readable"), 0, "it ended before it listened");
    let url = line.trim().strip_prefix("listening on ").expect("the first line tells the address").to_owned();
    // What it prints after that must not block it.
    std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    (child, url)
}

/// One call. Bodies go out byte for byte.
pub fn call(url: &str, verb: &str, path: &str, authorization: Option<&str>, body: Option<&str>) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(verb).uri(format!("{url}{path}"));
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let request = request.header("content-type", "application/json").body(body.unwrap_or_default().to_owned());
    let mut answer = agent.run(request.expect("a request")).unwrap_or_else(|error| panic!("{verb} {path}: {error}"));
    let text = answer.body_mut().read_to_string().expect("a body");
    let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
    Answer { status: answer.status().as_u16(), text, body }
}

/// A copy of the example program on a device of its own.
pub struct Paint<'a> {
    url: &'a str,
    product: &'a str,
    state: PathBuf,
}

impl<'a> Paint<'a> {
    pub fn new(demo: &'a Demo, product: &'a str, device: &str) -> Self {
        Self { url: &demo.url, product, state: demo.file(device) }
    }

    /// A copy that asks another server than the demo.
    pub fn at(url: &'a str, product: &'a str, state: PathBuf) -> Self {
        Self { url, product, state }
    }

    /// Runs one command in a process: its exit code and what it says.
    pub fn run(&self, words: &[&str]) -> (i32, Value) {
        self.run_later(words, 0)
    }

    /// As [`run`](Self::run), on a device whose clock is so many seconds ahead.
    pub fn run_later(&self, words: &[&str], seconds: i64) -> (i32, Value) {
        let mut command = Command::new(paint());
        command.args(["--server", self.url, "--product", self.product, "--json"]).arg("--state").arg(&self.state);
        if seconds != 0 {
            command.env("LESSOR_CLOCK_OFFSET_SECONDS", seconds.to_string());
        }
        let output = command.args(words).output().expect("the example runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let json = serde_json::from_str(said.trim())
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {said:?} {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap_or(-1), json)
    }

    /// Runs one command that must succeed.
    #[track_caller]
    pub fn ok(&self, words: &[&str]) -> Value {
        let (code, said) = self.run(words);
        assert_eq!(code, 0, "{words:?}: {said}");
        said
    }
}

/// The example program, which is built with the tests of the workspace; built here where only this package's were.
fn paint() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_lessor")).parent().expect("a folder").to_owned();
    let program = target.join("examples").join("paint");
    if !program.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "lessor-client", "--example", "paint", "--target-dir"])
            .arg(target.parent().expect("the target folder"))
            .status();
        assert!(built.expect("cargo runs").success(), "the example is built");
    }
    program
}
