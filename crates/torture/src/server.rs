//! The program under test as a process: started, stopped, killed, frozen.

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long a server may take to listen, or to end when told to.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the line behind the address may take.
const WELCOME: Duration = Duration::from_millis(500);

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub binary: PathBuf,
    /// The arguments that name its storage.
    pub storage: Vec<String>,
    /// Where its standard error goes.
    pub log: PathBuf,
    /// More variables.
    pub variables: Vec<(String, String)>,
    /// Is the storage new, so that a sign-in link is to be expected?
    pub first: bool,
}

/// A running server; killed with the value.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The token of the sign-in link, if it gave one.
    pub link: Option<String>,
}

impl Launch {
    /// Starts a server and waits until it listens. The error of one that ended instead begins with its exit code.
    pub fn start(&self) -> anyhow::Result<Server> {
        let mut command = self.command("serve");
        command.args(["--listen", "127.0.0.1:0", "--log-level", "warn"]);
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().context("the server does not start")?;
        let out = child.stdout.take().context("standard output")?;
        let (tell, lines) = mpsc::channel();
        // Reads to the end, so that nothing it prints ever blocks it.
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let Ok(first) = lines.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            let ended = child.wait()?;
            bail!("{ended}, before it listened: {}", self.last_words());
        };
        let mut server = Server { child, address: address(&first)?, link: None };
        // The link comes with the address when there is one at all.
        if self.first {
            let line = lines.recv_timeout(WELCOME).unwrap_or_default();
            server.link = line.split_once("#link=").map(|(_, token)| token.trim().to_owned());
        }
        Ok(server)
    }

    /// Starts a server and kills it while it recovers, or soon after.
    pub fn stumble(&self, after: Duration) -> anyhow::Result<()> {
        let mut command = self.command("serve");
        command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().context("the server does not start")?;
        std::thread::sleep(after);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Has the program look whether the storage is whole; what it complains about otherwise.
    pub fn verify(&self) -> anyhow::Result<Result<(), String>> {
        let output = self.command("verify").output()?;
        Ok(match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        })
    }

    /// Runs a command of the program that takes a file: `backup`, `restore`.
    pub fn with_file(&self, name: &str, file: &Path) -> anyhow::Result<()> {
        let output = self.command(name).arg(file).output()?;
        anyhow::ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    /// What it wrote to standard error so far.
    pub fn words(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn last_words(&self) -> String {
        self.words().lines().last().unwrap_or_default().to_owned()
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LESSOR_")) {
            command.env_remove(name);
        }
        command.arg(name).args(&self.storage).stdin(Stdio::null());
        if name == "serve" {
            command.envs(self.variables.iter().cloned());
        }
        command
    }
}

impl Server {
    /// Ends it as a power cut of the process would: at once, wherever it is.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it as an operator would, and gives its exit code; `None` if a signal ended it.
    pub fn stop(mut self) -> anyhow::Result<Option<i32>> {
        // It may have ended by itself.
        let _ = self.signal(Signal::TERM);
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = self.child.try_wait()? {
                return Ok(ended.code());
            }
            if Instant::now() > until {
                bail!("the server did not stop within {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has it ended by itself?
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Freezes it, until [`thaw`](Self::thaw).
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(line: &str) -> anyhow::Result<SocketAddr> {
    let url = line.trim().strip_prefix("listening on http://").with_context(|| format!("no address in {line:?}"))?;
    Ok(url.parse()?)
}

/// The arguments for storage in a folder.
pub fn folder(path: &Path) -> Vec<String> {
    vec!["--data".to_owned(), path.display().to_string()]
}

/// The arguments for storage in a PostgreSQL database.
pub fn database(url: &str) -> Vec<String> {
    vec!["--database".to_owned(), url.to_owned()]
}
