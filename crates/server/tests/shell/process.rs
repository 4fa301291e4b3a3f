//! The program itself: what it prints, and how it ends.

use crate::harness::{PATIENCE, read_to_end};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// The program with nothing of the tester's own settings.
pub fn lessor(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lessor"));
    command.args(args);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LESSOR_") {
            command.env_remove(name);
        }
    }
    command
}

pub fn run(args: &[&str]) -> Output {
    lessor(args).output().expect("the program runs")
}

/// Exit code 2 and one line that names what is wrong.
pub fn assert_refused(output: &Output, named: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    // Logs may come before; the verdict is the last line and the only one of its kind.
    let verdicts: Vec<&str> = said.lines().filter(|line| line.starts_with("lessor: ")).collect();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(verdicts.len(), 1, "{said}");
    assert_eq!(said.lines().last(), Some(verdicts[0]), "{said}");
    assert!(verdicts[0].contains(named), "{said}");
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
}

/// A serving process that does not outlive its test.
pub struct Serving {
    child: Child,
    address: String,
    /// What it printed behind the line that tells its address.
    pub greeting: String,
    /// Lives as long as what is served from it.
    folder: Option<TempDir>,
}

impl Serving {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut serving = Self::start_in(&folder.path().join("data"));
        serving.folder = Some(folder);
        serving
    }

    /// Serves from a folder.
    pub fn start_in(data: &Path) -> Self {
        let mut command = lessor(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().expect("UTF-8")]);
        command.stderr(Stdio::null());
        Self::spawn(command)
    }

    /// Serves as the command says, and waits until it listens.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("standard output"));
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line).expect("readable"), 0, "ended before it listened");
        // What it has to say besides comes in one piece with the line.
        let greeting = String::from_utf8_lossy(out.buffer()).into_owned();
        child.stdout = Some(out.into_inner());
        let address = line.trim().strip_prefix("listening on http://").expect("an address").to_owned();
        Self { child, address, greeting, folder: None }
    }

    /// Ends it as an operator would.
    pub fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.exit_code(), Some(0));
    }

    fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().expect("a shell").success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("still running after {PATIENCE:?}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let version = run(&["--version"]);
    assert_eq!(String::from_utf8_lossy(&version.stdout), format!("lessor {}\n", env!("CARGO_PKG_VERSION")));
    let help = run(&["serve", "--help"]);
    assert!(help.status.success() && help.stderr.is_empty());
    assert!(String::from_utf8_lossy(&help.stdout).contains("Example:\n  lessor serve"));
}

#[test]
fn unknown_options_and_commands_are_one_line_and_exit_2() {
    assert_refused(&run(&["serve", "--lisen", "x"]), "--lisen");
    assert_refused(&run(&["srve"]), "srve");
    assert_refused(&run(&[]), "subcommand");
    assert_refused(&run(&["openapi", "nothing"]), "nothing");
    assert_refused(&run(&["serve", "--listen", "nowhere"]), "nowhere");
    assert_refused(&run(&["serve", "--log-level", "lessor=loud"]), "loud");
    assert_refused(&run(&["serve", "--listen", "0.0.0.0:0"]), "--insecure-http");
}

#[test]
fn a_bad_variable_is_named_like_the_option() {
    let output = lessor(&["serve"]).env("LESSOR_MAX_CONNECTIONS", "many").output().expect("the program runs");
    assert_refused(&output, "--max-connections");
}

#[test]
fn a_bad_configuration_file_is_one_line_and_exit_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lessor.toml");
    let refused = |text: &str, named: &str| {
        std::fs::write(&path, text).expect("written");
        assert_refused(&run(&["serve", "--config", path.to_str().expect("UTF-8")]), named);
    };
    refused("listen = [\n", "lessor.toml, line");
    refused("lisen = \"127.0.0.1:0\"\n", "lisen");
    refused("max_connections = \"many\"\n", "lessor.toml, line 1");
    assert_refused(&run(&["serve", "--config", "/nowhere/lessor.toml"]), "/nowhere/lessor.toml");
}

#[test]
fn a_port_in_use_is_one_line_and_exit_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let data = folder.path().join("data");
    assert_refused(&run(&["serve", "--listen", &address, "--data", data.to_str().expect("UTF-8")]), &address);
    assert!(!Path::new(&data).exists(), "storage was made although nothing can be served from it");
}

#[test]
fn unusable_tls_files_are_one_line_and_exit_2() {
    let here = env!("CARGO_MANIFEST_DIR");
    let (cert, key) = (format!("{here}/tests/shell/fixtures/cert.pem"), format!("{here}/tests/shell/fixtures/key.pem"));
    assert_refused(&run(&["serve", "--tls-cert", &cert]), "--tls-key");
    assert_refused(&run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", &key, "--tls-key", &key]), "key.pem");
    assert_refused(
        &run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", "/nowhere", "--tls-key", &key]),
        "/nowhere",
    );
}

#[tokio::test]
async fn a_signal_ends_it_after_the_request_in_flight() {
    let mut serving = Serving::start();
    let mut stream = TcpStream::connect(&serving.address).await.expect("a connection");
    let head = "POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab";
    stream.write_all(head.as_bytes()).await.expect("sent");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    serving.signal("TERM");
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    stream.write_all(b"cd").await.expect("still listened to");
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("connection: close"), "{answer}");
    assert_eq!(serving.exit_code(), Some(0));
}

#[test]
fn an_idle_server_stops_at_once_on_either_signal() {
    for name in ["TERM", "INT"] {
        let mut serving = Serving::start();
        let started = Instant::now();
        serving.signal(name);
        assert_eq!(serving.exit_code(), Some(0), "{name}");
        assert!(started.elapsed().as_secs() < 5, "{name} took {:?}", started.elapsed());
        let mut rest = String::new();
        serving.child.stdout.take().expect("standard output").read_to_string(&mut rest).expect("readable");
        assert!(!rest.contains("listening"), "{rest}");
    }
}
