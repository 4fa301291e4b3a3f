//! Starting and resting: how long until the first answer, how much memory, how fast the disk is.

use crate::book::Spread;
use crate::house::{House, Place, Storage};
use crate::load::{Work, exhaust};
use crate::options::Plan;
use crate::process::{Memory, Server};
use crate::request;
use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::process::Command;
use std::time::{Duration, Instant};

/// Seconds from the start of a process to its first answer.
#[derive(Clone, Copy, Debug)]
pub struct Starts {
    /// Lessor's.
    pub lessor: Spread,
    /// Bare axum's.
    pub bare: Spread,
    /// How many times one is the other.
    pub ratio: Spread,
}

/// Memory of a server over an empty store, after its first answer.
pub fn rest(place: &Place) -> io::Result<Memory> {
    let folder = place.empty("empty")?;
    let server = place.start(&mut Storage::Folder(folder).serve(place)?)?;
    ask(&server, "/device/v1/time")?;
    std::thread::sleep(Duration::from_millis(500));
    let memory = server.memory()?;
    server.stop()?;
    Ok(memory)
}

/// Stops the server of a house and starts it again and again, beside bare axum.
pub fn starts(plan: &Plan, place: &Place, mut house: House) -> Result<Starts, Box<dyn Error>> {
    for server in house.servers.drain(..) {
        server.stop()?;
    }
    let (mut lessor, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds.max(3) {
        lessor.push(time(place, &mut house.storage.serve(place)?, "/device/v1/time")?);
        let mut command = Command::new(std::env::current_exe()?);
        bare.push(time(place, command.arg("axum-get"), "/")?);
    }
    let ratios = lessor.iter().zip(&bare).map(|(lessor, bare)| lessor / bare).collect();
    let spread = |figures: Vec<f64>| Spread::of(figures).ok_or("nothing was started");
    Ok(Starts { lessor: spread(lessor)?, bare: spread(bare)?, ratio: spread(ratios)? })
}

fn time(place: &Place, command: &mut Command, path: &str) -> io::Result<f64> {
    let began = Instant::now();
    let server = place.start(command)?;
    ask(&server, path)?;
    let took = began.elapsed().as_secs_f64();
    // A server that was told to stop leaves a store that needs no repair at the next start.
    server.stop()?;
    Ok(took)
}

fn ask(server: &Server, path: &str) -> io::Result<()> {
    match exhaust(&[server.address], 1, &mut Once { path, asked: false })? {
        (0, _) => Ok(()),
        (_, example) => Err(io::Error::other(format!("{path}: {}", example.unwrap_or_default()))),
    }
}

struct Once<'a> {
    path: &'a str,
    asked: bool,
}

impl Work for Once<'_> {
    fn ask(&mut self, _connection: usize, request: &mut Vec<u8>) -> bool {
        request::get(request, format_args!("{}", self.path), None);
        !std::mem::replace(&mut self.asked, true)
    }

    fn take(&mut self, _connection: usize, _body: &[u8]) {}
}

/// What it takes to have four kilobytes appended and on the disk: the median of many times.
pub fn sync_time(place: &Place) -> io::Result<Duration> {
    let mut file = File::create(place.path("sync"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
