//! Servers as processes of their own: started, watched, stopped.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to stop after it was told to; a large database is sealed then.
const LAST_WORDS: Duration = Duration::from_secs(120);

/// How often its memory is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A server that listens.
pub struct Server {
    child: Child,
    /// Kept open: a server must be able to write.
    _output: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a program that prints `listening on http://ADDRESS`, and waits for that line. What it says otherwise goes into `log`.
    pub fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        let errors = fs::File::options().create(true).append(true).open(log)?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            let said = fs::read_to_string(log).unwrap_or_default();
            return Err(io::Error::other(format!("the server said {line:?} {said}")));
        };
        Ok(Self { child, _output: output, address })
    }

    /// What it has used of the processors.
    pub fn cpu(&self) -> Cpu {
        Cpu(vec![self.child.id()])
    }

    /// Its resident memory now.
    pub fn memory(&self) -> io::Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.trim_end_matches("kB").trim().parse::<u64>().ok());
            kib.map(|kib| kib << 10).ok_or_else(|| io::Error::other(format!("no {name}")))
        };
        Ok(Memory { all: bytes("VmRSS:")?, anonymous: bytes("RssAnon:")? })
    }

    /// By how much its anonymous memory is above that before, at most, while something is done to it.
    pub fn peak_during<T>(&self, work: impl FnOnce() -> T) -> io::Result<(T, u64)> {
        let idle = self.memory()?.anonymous;
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut most = idle;
                while !done.load(Ordering::Relaxed) {
                    most = most.max(self.memory()?.anonymous);
                    std::thread::sleep(LOOK);
                }
                Ok(most - idle)
            });
            let outcome = work();
            done.store(true, Ordering::Relaxed);
            let most = watch.join().map_err(|_| io::Error::other("nobody watched its memory"))?;
            most.map(|most| (outcome, most))
        })
    }

    /// Tells it to stop and waits until it has; kills it when that takes too long.
    pub fn stop(mut self) -> io::Result<()> {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        let told = Instant::now();
        while told.elapsed() < LAST_WORDS {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of one that was stopped there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All of it, pages of files included.
    pub all: u64,
    /// What is the process's own.
    pub anonymous: u64,
}

/// The processor time of some processes.
#[derive(Clone, Debug, Default)]
pub struct Cpu(Vec<u32>);

impl Cpu {
    /// Of these together.
    pub fn of(servers: &[&Server]) -> Self {
        Self(servers.iter().map(|server| server.child.id()).collect())
    }

    /// User and system time so far.
    pub fn used(&self) -> Duration {
        self.0.iter().map(|id| used_by(*id).unwrap_or_default()).sum()
    }
}

/// Ticks of a hundredth of a second, which is what Linux counts in for everybody.
fn used_by(id: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name may hold anything; it ends with the last parenthesis.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 10))
}
