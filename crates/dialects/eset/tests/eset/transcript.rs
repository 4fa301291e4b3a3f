//! Transcripts: requests and answers as data, replayed against anything that answers. `transcripts/README.md` tells their form.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A conversation that needs nothing but the companies, users and products that `transcripts/README.md` lists.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// What it shows.
    pub about: String,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// A call.
    Call(Call),
    /// Time goes by.
    Pass(Pass),
}

/// A request and its answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// `VERB Category/Call?query`, as sent behind `/api/`.
    pub call: String,
    /// The company whose user calls; nobody unless told.
    #[serde(default)]
    pub r#as: Option<String>,
    /// The body; none unless told.
    #[serde(default)]
    pub body: Option<Value>,
    /// The status.
    pub status: u16,
    /// The answer, with `{{name}}` for what is known, `{{=name}}` to keep, `{{*}}` for anything and `{{instant}}`. No body
    /// unless told.
    #[serde(default)]
    pub answer: Option<Value>,
}

/// Time goes by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// How many hours.
    pub pass_hours: i64,
}

/// Whatever answers.
pub trait Host {
    /// Sends a request below `/api/`; gives status and body.
    fn send(&self, who: Option<&str>, verb: &str, address: &str, body: &str) -> impl Future<Output = (u16, String)>;
    /// Lets time go by, and all be done that waits.
    fn pass_hours(&self, hours: i64) -> impl Future<Output = ()>;
    /// Ids of companies, `msp`, and of their users, `msp.user`.
    fn known(&self) -> HashMap<String, String>;
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

/// All transcripts of the dialect with their names.
pub fn all() -> Vec<(String, Transcript)> {
    let mut found: Vec<(String, Transcript)> = std::fs::read_dir(folder())
        .expect("the folder of transcripts")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a transcript");
            let transcript = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, transcript)
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// Replays a transcript; panics at the first answer that differs.
pub async fn replay(host: &impl Host, name: &str, transcript: &Transcript) {
    let mut known = host.known();
    for (place, step) in transcript.steps.iter().enumerate() {
        let at = format!("{name} ({}), step {}", transcript.about, place + 1);
        match step {
            Step::Pass(pass) => host.pass_hours(pass.pass_hours).await,
            Step::Call(call) => say(host, &at, call, &mut known).await,
        }
    }
}

async fn say(host: &impl Host, at: &str, call: &Call, known: &mut HashMap<String, String>) {
    let address = fill(&call.call, known);
    let (verb, address) = address.split_once(' ').unwrap_or_else(|| panic!("{at}: no verb"));
    let body = call.body.as_ref().map(|body| fill(&body.to_string(), known)).unwrap_or_default();
    let (status, text) = host.send(call.r#as.as_deref(), verb, address, &body).await;
    let at = format!("{at}: {verb} {address}");
    assert_eq!(status, call.status, "{at}: {text}");
    match &call.answer {
        None => assert_eq!(text, "", "{at}"),
        Some(expected) => {
            let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{at}: {error}: {text}"));
            compare(&at, &answer, expected, known);
        }
    }
}

fn fill(text: &str, known: &HashMap<String, String>) -> String {
    known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

fn compare(at: &str, actual: &Value, expected: &Value, known: &mut HashMap<String, String>) {
    match (actual, expected) {
        (_, Value::String(pattern)) if pattern == "{{*}}" => {}
        (Value::Object(actual), Value::Object(expected)) => {
            let expected: Map<String, Value> =
                expected.iter().map(|(name, value)| (fill(name, known), value.clone())).collect();
            let names = |members: &Map<String, Value>| members.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(actual), names(&expected), "{at}");
            for (name, value) in &expected {
                compare(&format!("{at} .{name}"), &actual[name], value, known);
            }
        }
        (Value::Array(actual), Value::Array(expected)) => {
            assert_eq!(actual.len(), expected.len(), "{at}: {actual:?}");
            for (place, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                compare(&format!("{at} [{place}]"), actual, expected, known);
            }
        }
        (Value::String(actual), Value::String(pattern)) => compare_text(at, actual, pattern, known),
        _ => assert_eq!(actual, expected, "{at}"),
    }
}

fn compare_text(at: &str, actual: &str, pattern: &str, known: &mut HashMap<String, String>) {
    let pattern = fill(pattern, known);
    if pattern == "{{instant}}" {
        assert!(lessor_core::Timestamp::parse(actual).is_some(), "{at}: {actual}");
        return;
    }
    let Some((before, rest)) = pattern.split_once("{{=") else {
        assert_eq!(actual, pattern, "{at}");
        return;
    };
    let (name, after) = rest.split_once("}}").unwrap_or_else(|| panic!("{at}: {pattern}"));
    let caught = actual.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let caught = caught.unwrap_or_else(|| panic!("{at}: {actual} is not {pattern}"));
    assert!(!caught.is_empty(), "{at}: nothing to keep in {actual}");
    known.insert(name.to_owned(), caught.to_owned());
}
