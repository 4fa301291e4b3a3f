//! What the program tells of its use. Events are written down here at once, connected or not, and sent in batches.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Error;
use crate::http::new_key;
use crate::license::License;
use crate::state::private;
use crate::time::rfc3339;
use crate::wire;

/// How much may wait to be sent, in bytes.
const MOST_WAITING: u64 = 4 << 20;
/// How many events go in one call.
const BATCH: usize = 100;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The program was started.
    AppStarted,
    /// The program was ended.
    AppStopped,
    /// A user signed in.
    SignedIn,
    /// A user signed out.
    SignedOut,
    /// The use of a feature began.
    FeatureStarted,
    /// The use of a feature ended.
    FeatureStopped,
    /// Something went wrong in the program.
    Exception,
}

/// Something that the program tells of its use.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The feature that was used, by its code.
    pub feature: Option<String>,
    /// What joins a beginning with its end: any text of the program's.
    pub transaction: Option<String>,
    /// Whatever else the program has to say, as JSON.
    pub data: Option<Value>,
}

impl Event {
    /// An event without particulars.
    pub fn new(kind: EventKind) -> Self {
        Self { kind, feature: None, transaction: None, data: None }
    }

    /// An event about a feature.
    pub fn of_feature(kind: EventKind, feature: impl Into<String>) -> Self {
        Self { feature: Some(feature.into()), ..Self::new(kind) }
    }
}

/// An event that waits.
#[derive(Clone, Serialize, Deserialize)]
struct Waiting {
    activation: String,
    event: wire::Event,
}

impl License {
    /// Writes an event down, to be sent with the next [`License::send_events`] or [`License::tidy`]. Events go with the
    /// license that is held; of those that wait when it is returned without a connection, nobody hears.
    pub fn record(&self, event: &Event) -> Result<(), Error> {
        let state = self.store.read()?;
        let activation = state.held.as_ref().ok_or(Error::NotActivated)?.activation.clone();
        let event = wire::Event {
            id: new_key()?,
            kind: event.kind,
            feature: event.feature.clone(),
            transaction: event.transaction.clone(),
            at: rfc3339(state.time.at_least(self.config.clock.now())),
            data: event.data.clone(),
        };
        let mut line =
            serde_json::to_vec(&Waiting { activation, event }).map_err(|error| self.events_failed(error.into()))?;
        line.push(b'\n');
        let _turn = self.store.lock("events.lock")?;
        let waiting = fs::metadata(self.events_file()).map_or(0, |file| file.len());
        if waiting + line.len() as u64 > MOST_WAITING {
            return Err(Error::EventsFull);
        }
        let append = || private().append(true).create(true).open(self.events_file())?.write_all(&line);
        append().map_err(|source| self.events_failed(source))
    }

    /// Sends the events that wait, a batch at a time, and tells how many the server took. An event that it took before
    /// is counted once; one that it will not have is dropped.
    pub fn send_events(&self) -> Result<usize, Error> {
        let waiting = self.waiting()?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let state = self.store.read()?;
        let held = state.held.as_ref().ok_or(Error::NotActivated)?;
        let (mine, lost): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|event| event.activation == held.activation);
        let mine: Vec<wire::Event> = mine.into_iter().map(|waiting| waiting.event).collect();
        self.strike_off(&lost.into_iter().map(|waiting| waiting.event.id).collect())?;
        let mut sent = 0;
        for batch in mine.chunks(BATCH) {
            sent += self.send(batch)?;
            self.strike_off(&batch.iter().map(|event| event.id.clone()).collect())?;
        }
        Ok(sent)
    }

    /// Sends a batch. One that is refused for its content is halved until the event is found that is the reason.
    fn send(&self, batch: &[wire::Event]) -> Result<usize, Error> {
        match self.post::<wire::Anything>("/events", &json!({"events": batch})) {
            Ok(_) => Ok(batch.len()),
            Err(Error::Refused(refusal)) if matches!(refusal.status, 400 | 404 | 413 | 422) => {
                let (first, second) = batch.split_at(batch.len() / 2);
                if first.is_empty() { Ok(0) } else { Ok(self.send(first)? + self.send(second)?) }
            }
            Err(error) => Err(error),
        }
    }

    fn waiting(&self) -> Result<Vec<Waiting>, Error> {
        let _turn = self.store.lock("events.lock")?;
        match fs::read_to_string(self.events_file()) {
            // A line that an interrupted run left half written is no event.
            Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.events_failed(error)),
        }
    }

    /// Takes events off the list. Copies of the program may have written more meanwhile.
    fn strike_off(&self, ids: &HashSet<String>) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let rewrite = || {
            let text = fs::read_to_string(self.events_file())?;
            let left: Vec<&str> = text.lines().filter(|line| still_waits(line, ids)).collect();
            if left.is_empty() {
                return fs::remove_file(self.events_file());
            }
            let beside = self.store.folder().join("events.jsonl.new");
            let mut file = private().write(true).create(true).truncate(true).open(&beside)?;
            file.write_all((left.join("\n") + "\n").as_bytes())?;
            file.sync_all()?;
            fs::rename(beside, self.events_file())
        };
        let _turn = self.store.lock("events.lock")?;
        rewrite().map_err(|source| self.events_failed(source))
    }

    fn events_file(&self) -> PathBuf {
        self.store.folder().join("events.jsonl")
    }

    fn events_failed(&self, source: io::Error) -> Error {
        Error::StateFile { path: self.events_file(), source }
    }
}

fn still_waits(line: &str, struck: &HashSet<String>) -> bool {
    serde_json::from_str::<Waiting>(line).is_ok_and(|waiting| !struck.contains(&waiting.event.id))
}
