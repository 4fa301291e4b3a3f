//! What a daemon tells of the use on its network: records in order, each with its number, each kept once.

use super::DaemonState;
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Refusal};
use crate::journal::{self, Subject};
use lessor_db::Tx;
use serde_json::{Value, json};

/// Most records of one call.
pub const MOST_RECORDS: usize = 1_000;
/// Most records that a request carries in a file.
pub const MOST_CARRIED: usize = 5_000;
/// Most bytes of what a record tells, written as JSON.
const MOST_BYTES: usize = 16 * 1024;

/// Something that happened on a daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Which one: from 1, without a gap.
    pub sequence: i64,
    /// When, by the daemon's clock.
    pub at: Timestamp,
    /// What: `license.activated`, `activation.returned`, …
    pub kind: String,
    /// The daemon's own id of what it is about.
    pub subject: String,
    /// What else there is to tell: an object.
    pub data: Value,
}

impl Record {
    /// As it travels.
    pub fn to_json(&self) -> Value {
        json!({ "sequence": self.sequence, "at": self.at, "kind": self.kind, "subject": self.subject, "data": self.data })
    }

    /// Reads what [`to_json`](Self::to_json) writes.
    ///
    /// # Errors
    /// `Malformed` for anything else.
    pub fn from_json(value: &Value) -> Result<Self, Error> {
        let bad = |reason: &str| Error::malformed("records", reason);
        let members = value.as_object().ok_or_else(|| bad("each is an object"))?;
        let known = ["sequence", "at", "kind", "subject", "data"];
        if members.len() != known.len() || known.iter().any(|name| !members.contains_key(*name)) {
            return Err(bad("each has sequence, at, kind, subject and data, and nothing else"));
        }
        let text = |name: &str| members[name].as_str().unwrap_or_default().to_owned();
        let record = Self {
            sequence: members["sequence"]
                .as_i64()
                .filter(|number| *number >= 1)
                .ok_or_else(|| bad("they count from 1"))?,
            at: Timestamp::parse(&text("at")).ok_or_else(|| bad("`at` is a time of RFC 3339"))?,
            kind: text("kind"),
            subject: text("subject"),
            data: members["data"].clone(),
        };
        record.check()?;
        Ok(record)
    }

    fn check(&self) -> Result<(), Error> {
        let kind = (1..=64).contains(&self.kind.len())
            && self.kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.');
        let subject =
            (1..=64).contains(&self.subject.len()) && self.subject.bytes().all(|byte| byte.is_ascii_graphic());
        match () {
            () if !kind => Err(Error::malformed("records", "a kind is 1 to 64 lower-case letters, `_` and `.`")),
            () if !subject => Err(Error::malformed("records", "a subject is 1 to 64 visible ASCII characters")),
            () if !self.data.is_object() => Err(Error::malformed("records", "`data` is an object")),
            () if self.data.to_string().len() > MOST_BYTES => {
                Err(Error::malformed("records", "the data of one has at most 16 KiB"))
            }
            () => Ok(()),
        }
    }

    /// Records as they are carried in a file: one a line.
    pub fn lines(records: &[Record]) -> String {
        records.iter().map(|record| record.to_json().to_string() + "\n").collect()
    }

    /// Reads what [`lines`](Self::lines) writes.
    ///
    /// # Errors
    /// `Malformed` for anything else.
    pub fn from_lines(text: &str) -> Result<Vec<Record>, Error> {
        let read = |line: &str| {
            let value = crate::json::parse(line.as_bytes())
                .map_err(|error| Error::malformed("records", format!("a line cannot be read: {error}")))?;
            Self::from_json(&value)
        };
        text.lines().map(read).collect()
    }
}

/// Makes events of records that have not been taken yet. Those that have are passed over; one that leaves a gap is refused,
/// with all of its call: what was lost on the way has to come again first.
pub(super) fn take(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    state: &mut DaemonState,
    subject: Subject,
    records: &[Record],
) -> Result<(), Error> {
    for record in records {
        if record.sequence <= state.taken {
            continue;
        }
        if record.sequence != state.taken + 1 {
            return Err(Refusal::RecordGap { expected: state.taken + 1 }.into());
        }
        let data = json!({
            "sequence": record.sequence, "at": record.at, "subject": record.subject, "data": record.data,
        });
        journal::append(tx, cx, &format!("daemon.{}", record.kind), subject, &data)?;
        state.taken = record.sequence;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: i64) -> Record {
        Record {
            sequence,
            at: Timestamp::from_seconds(1_700_000_000),
            kind: "license.activated".into(),
            subject: "act_1".into(),
            data: json!({ "code": "A", "text": "line\nbreak" }),
        }
    }

    #[test]
    fn records_survive_their_lines() {
        let records = vec![record(1), record(2)];
        assert_eq!(Record::from_lines(&Record::lines(&records)).expect("records"), records);
        assert_eq!(Record::from_lines("").expect("none"), Vec::new());
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let good = record(1).to_json();
        for (member, value) in [
            ("sequence", json!(0)),
            ("sequence", json!("1")),
            ("at", json!("yesterday")),
            ("kind", json!("License Activated")),
            ("kind", json!("")),
            ("subject", json!("a b")),
            ("data", json!([])),
            ("data", json!({ "text": "x".repeat(MOST_BYTES) })),
            ("more", json!(1)),
        ] {
            let mut bad = good.clone();
            bad[member] = value;
            assert!(Record::from_json(&bad).is_err(), "{member}");
        }
        assert!(Record::from_json(&json!({ "sequence": 1 })).is_err());
        assert!(Record::from_lines("{}\n").is_err());
    }
}
