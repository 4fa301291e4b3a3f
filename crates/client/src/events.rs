//! What the program tells of its use. Events are written down here at once, connected or not, and sent in batches.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Error;
use crate::license::License;
use crate::outbox::Outbox;
use crate::time::rfc3339;
use crate::wire;

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

impl License {
    /// Writes an event down, to be sent with the next [`License::send_events`] or [`License::tidy`]. Events go with the
    /// license that is held; of those that wait when it is returned without a connection, nobody hears.
    pub fn record(&self, event: &Event) -> Result<(), Error> {
        self.keep(Outbox::Events, |state, id| {
            let event = wire::Event {
                id: &id,
                kind: event.kind,
                feature: event.feature.as_deref(),
                transaction: event.transaction.as_deref(),
                at: rfc3339(state.time.at_least(self.config.clock.now())),
                data: event.data.as_ref(),
            };
            json!(event)
        })
    }

    /// Sends the events that wait, a batch at a time, and tells how many the server took. An event that it took before
    /// is counted once; one that it will not have is dropped.
    pub fn send_events(&self) -> Result<usize, Error> {
        let mut sent = 0;
        for batch in self.kept(Outbox::Events)?.chunks(BATCH) {
            sent += self.send(batch)?;
            self.strike_off(Outbox::Events, batch)?;
        }
        Ok(sent)
    }

    /// Sends a batch. One that is refused for its content is halved until the event is found that is the reason.
    fn send(&self, batch: &[Value]) -> Result<usize, Error> {
        match self.post::<wire::Anything>("/events", &json!({"events": batch})) {
            Ok(_) => Ok(batch.len()),
            Err(Error::Refused(refusal)) if matches!(refusal.status, 400 | 404 | 413 | 422) => {
                let (first, second) = batch.split_at(batch.len() / 2);
                if first.is_empty() { Ok(0) } else { Ok(self.send(first)? + self.send(second)?) }
            }
            Err(error) => Err(error),
        }
    }
}
