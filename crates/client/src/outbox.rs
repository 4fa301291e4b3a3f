//! What waits on the device until the server takes it: a line each in a file of the folder, written at once, connected or not.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::http::new_key;
use crate::license::License;
use crate::state::{State, private};

/// How much may wait in one file, in bytes.
const MOST_WAITING: u64 = 4 << 20;

/// One of the files.
#[derive(Clone, Copy)]
pub enum Outbox {
    /// What happened in the program.
    Events,
    /// What it counted.
    Usage,
}

impl Outbox {
    fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Usage => "usage",
        }
    }

    fn full(self) -> Error {
        match self {
            Self::Events => Error::EventsFull,
            Self::Usage => Error::UsageFull,
        }
    }

    /// Is each line to survive a power cut? What is counted may be billed.
    fn synced(self) -> bool {
        matches!(self, Self::Usage)
    }
}

/// Something that waits. The server knows it by its member `id`.
#[derive(Serialize, Deserialize)]
struct Waiting {
    activation: String,
    #[serde(alias = "event")]
    told: Value,
}

/// What it is known by.
pub fn id(told: &Value) -> &str {
    told["id"].as_str().unwrap_or_default()
}

impl License {
    /// Writes something down for the license that is held: `make` gives it, under an id that nothing else ever has.
    pub(crate) fn keep(&self, outbox: Outbox, make: impl FnOnce(&State, String) -> Value) -> Result<(), Error> {
        let state = self.store.read()?;
        let activation = state.held.as_ref().ok_or(Error::NotActivated)?.activation.clone();
        let told = make(&state, new_key()?);
        let failed = |source| self.outbox_failed(outbox, source);
        let mut line = serde_json::to_vec(&Waiting { activation, told }).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let _turn = self.store.lock(&format!("{}.lock", outbox.name()))?;
        let waiting = fs::metadata(self.outbox_file(outbox)).map_or(0, |file| file.len());
        if waiting + line.len() as u64 > MOST_WAITING {
            return Err(outbox.full());
        }
        let append = || {
            let mut file = private().append(true).create(true).read(true).open(self.outbox_file(outbox))?;
            file.write_all(&line)?;
            if outbox.synced() { file.sync_data() } else { Ok(()) }
        };
        append().map_err(failed)
    }

    /// What waits of the license that is held, in the order it was written. What belongs to another one is struck off: nobody
    /// takes it any more.
    pub(crate) fn kept(&self, outbox: Outbox) -> Result<Vec<Value>, Error> {
        let waiting = self.waiting(outbox)?;
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let state = self.store.read()?;
        let held = state.held.as_ref().ok_or(Error::NotActivated)?;
        let (mine, lost): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|one| one.activation == held.activation);
        self.strike_off(outbox, &lost.into_iter().map(|waiting| waiting.told).collect::<Vec<_>>())?;
        Ok(mine.into_iter().map(|waiting| waiting.told).collect())
    }

    fn waiting(&self, outbox: Outbox) -> Result<Vec<Waiting>, Error> {
        let _turn = self.store.lock(&format!("{}.lock", outbox.name()))?;
        match fs::read_to_string(self.outbox_file(outbox)) {
            // A line that an interrupted run left half written tells nothing.
            Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.outbox_failed(outbox, error)),
        }
    }

    /// Takes these off the list. Copies of the program may have written more meanwhile.
    pub(crate) fn strike_off(&self, outbox: Outbox, told: &[Value]) -> Result<(), Error> {
        if told.is_empty() {
            return Ok(());
        }
        let ids: HashSet<&str> = told.iter().map(id).collect();
        let file = self.outbox_file(outbox);
        let rewrite = || {
            let text = match fs::read_to_string(&file) {
                // Another copy of the program sent the same meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                text => text?,
            };
            let left: Vec<&str> = text.lines().filter(|line| still_waits(line, &ids)).collect();
            if left.is_empty() {
                return fs::remove_file(&file);
            }
            let beside = file.with_extension("jsonl.new");
            let mut new = private().write(true).create(true).truncate(true).open(&beside)?;
            new.write_all((left.join("\n") + "\n").as_bytes())?;
            new.sync_all()?;
            fs::rename(beside, &file)
        };
        let _turn = self.store.lock(&format!("{}.lock", outbox.name()))?;
        rewrite().map_err(|source| self.outbox_failed(outbox, source))
    }

    fn outbox_file(&self, outbox: Outbox) -> PathBuf {
        self.store.folder().join(format!("{}.jsonl", outbox.name()))
    }

    fn outbox_failed(&self, outbox: Outbox, source: io::Error) -> Error {
        Error::StateFile { path: self.outbox_file(outbox), source }
    }
}

fn still_waits(line: &str, struck: &HashSet<&str>) -> bool {
    serde_json::from_str::<Waiting>(line).is_ok_and(|waiting| !struck.contains(id(&waiting.told)))
}
