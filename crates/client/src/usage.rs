//! What the program counts. It is written down here at once, connected or not, and sent in batches: each record is counted once,
//! however often it has to be sent.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::license::License;
use crate::outbox::Outbox;
use crate::time::rfc3339;

/// How many records go in one call.
const BATCH: usize = 100;

/// Something that the program counted, for a meter that the vendor opened to devices.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// Name of the meter.
    pub meter: String,
    /// How much, at most 10^15.
    pub value: u64,
    /// What was used or by whom, at most 200 characters; left out, this device.
    pub subject: Option<String>,
    /// Whatever else there is to tell: at most 4 KiB.
    pub attributes: Map<String, Value>,
}

impl Usage {
    /// So much of something, without particulars.
    pub fn new(meter: impl Into<String>, value: u64) -> Self {
        Self { meter: meter.into(), value, subject: None, attributes: Map::new() }
    }
}

/// A record that the server will not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedUsage {
    /// Name of its meter.
    pub meter: String,
    /// The stable code of the reason, such as `meter_unknown`.
    pub code: String,
    /// The reason as a sentence, for people.
    pub detail: String,
}

/// What became of what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentUsage {
    /// How many records are counted at the server, those that it knew before included.
    pub counted: usize,
    /// Those that it will not count; they are not sent again.
    pub rejected: Vec<RejectedUsage>,
}

/// The server's answer.
#[derive(Deserialize)]
struct Fates {
    results: Vec<Fate>,
}

#[derive(Deserialize)]
struct Fate {
    outcome: String,
    reason: Option<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
    detail: String,
}

impl License {
    /// Writes down what was counted, durably, to be sent with the next [`License::send_usage`] or [`License::tidy`]. It goes with
    /// the license that is held, as of now by this device's clock.
    pub fn record_usage(&self, usage: &Usage) -> Result<(), Error> {
        self.keep(Outbox::Usage, |state, id| {
            let mut told = json!({
                "id": id,
                "meter": usage.meter,
                "value": usage.value,
                "time": rfc3339(state.time.at_least(self.config.clock.now())),
            });
            if let Some(subject) = &usage.subject {
                told["subject"] = json!(subject);
            }
            if !usage.attributes.is_empty() {
                told["attributes"] = json!(usage.attributes);
            }
            told
        })
    }

    /// Sends what waits, a batch at a time, and tells what became of it. What the server did not answer for waits on; what it
    /// will not count is struck off and told.
    pub fn send_usage(&self) -> Result<SentUsage, Error> {
        let mut sent = SentUsage::default();
        for batch in self.kept(Outbox::Usage)?.chunks(BATCH) {
            self.send_counted(batch, &mut sent)?;
            self.strike_off(Outbox::Usage, batch)?;
        }
        Ok(sent)
    }

    /// Sends a batch. One that is refused for its content is halved until the record is found that is the reason.
    fn send_counted(&self, batch: &[Value], sent: &mut SentUsage) -> Result<(), Error> {
        let fates = match self.post::<Fates>("/usage", &json!({"records": batch})) {
            Ok(fates) => fates.results,
            Err(Error::Refused(refusal)) if matches!(refusal.status, 400 | 413 | 422) => {
                if let [told] = batch {
                    sent.rejected.push(rejected(told, refusal.code, refusal.detail));
                    return Ok(());
                }
                let (first, second) = batch.split_at(batch.len() / 2);
                self.send_counted(first, sent)?;
                return self.send_counted(second, sent);
            }
            Err(error) => return Err(error),
        };
        if fates.len() != batch.len() {
            return Err(Error::BadAnswer("it tells of other records than were sent".into()));
        }
        for (told, fate) in batch.iter().zip(fates) {
            match (fate.outcome.as_str(), fate.reason) {
                ("rejected", Some(reason)) => sent.rejected.push(rejected(told, reason.code, reason.detail)),
                _ => sent.counted += 1,
            }
        }
        Ok(())
    }
}

fn rejected(told: &Value, code: String, detail: String) -> RejectedUsage {
    RejectedUsage { meter: told["meter"].as_str().unwrap_or_default().to_owned(), code, detail }
}
