//! Transcripts: requests and answers as data, replayed against anything that answers. `transcripts/README.md` tells their form.

use lessor_lease::{Document, OfflineRequest, ReturnProof, Signer, VERSION};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// A conversation that needs nothing but a tenant with a key of each type.
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
    /// What a computer does meanwhile.
    Device(Device),
}

/// A request and its answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// `VERB Controller?query`, as sent.
    pub call: String,
    /// The type of key; `WebAPI READ-WRITE` unless told.
    #[serde(default)]
    pub key: Option<String>,
    /// The body, byte for byte.
    #[serde(default)]
    pub body: Option<String>,
    /// The body is this documented example, byte for byte but for `put`.
    #[serde(default)]
    pub example: Option<String>,
    /// Texts of the example that are replaced, where it names records of its own.
    #[serde(default)]
    pub put: BTreeMap<String, String>,
    /// The status.
    pub status: u16,
    /// The answer, with `{{name}}` for what was captured before (`{{#name}}` as a number), `{{=name}}` to capture, `{{*}}` for
    /// anything and `{{instant}}`.
    pub answer: Value,
}

/// What a computer does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// `activate` a code, or start a trial without one; `ask` for an activation by certificate; `prove` that the license was
    /// given up.
    pub device: String,
    /// Ten digits.
    pub product: String,
    /// The code.
    #[serde(default)]
    pub code: Option<String>,
    /// The computer's id.
    pub computer: String,
    /// The certificate that answered the computer, for `prove`.
    #[serde(default)]
    pub answer: Option<String>,
    /// Under what name the computer's certificate is kept.
    #[serde(default)]
    pub keep: Option<String>,
}

/// Whatever answers.
pub trait Host {
    /// Sends a request below `/api/v2/`; gives status and body.
    fn send(&self, key: &str, verb: &str, address: &str, body: &str) -> impl Future<Output = (u16, String)>;
    /// A computer activates a code, or starts a trial.
    fn activate(&self, product: &str, code: Option<&str>, computer: &str) -> impl Future<Output = ()>;
    /// Its time, in seconds since 1970.
    fn now(&self) -> i64;
}

/// The dialect's folder, seen from the tests of any crate that includes this file.
fn dialect() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = here.ancestors().find(|folder| folder.ends_with("crates")).expect("the folder of crates");
    crates.join("dialects/zentitle")
}

/// The documented example requests and answers, byte for byte.
pub fn example(name: &str) -> String {
    let path = dialect().join("examples").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All transcripts of the dialect with their file names.
pub fn all() -> Vec<(String, Transcript)> {
    let mut found: Vec<(String, Transcript)> = std::fs::read_dir(dialect().join("transcripts"))
        .expect("the folder of transcripts")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
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
    let mut known = HashMap::new();
    for (place, step) in transcript.steps.iter().enumerate() {
        let at = format!("{name} ({}), step {}", transcript.about, place + 1);
        match step {
            Step::Device(device) => act(host, &at, device, &mut known).await,
            Step::Call(call) => say(host, &at, call, &mut known).await,
        }
    }
}

async fn act(host: &impl Host, at: &str, device: &Device, known: &mut HashMap<String, String>) {
    let product = fill(&device.product, known);
    let code = device.code.as_deref().map(|code| fill(code, known));
    let certificate = match device.device.as_str() {
        "activate" => return host.activate(&product, code.as_deref(), &device.computer).await,
        "ask" => ask(&product, code, &device.computer, host.now()),
        "prove" => prove(&fill(device.answer.as_deref().expect("an answer"), known), host.now()),
        other => panic!("{at}: {other}"),
    };
    known.insert(device.keep.clone().unwrap_or_else(|| panic!("{at}: kept under no name")), certificate);
}

/// The key of every computer that is never online.
fn computer_key() -> Signer {
    Signer::from_seed([7; 32])
}

fn ask(product: &str, code: Option<String>, computer: &str, now: i64) -> String {
    let request = OfflineRequest {
        v: VERSION,
        product: format!("zentitle:product:{product}"),
        license: code,
        device: computer.to_owned(),
        device_key: computer_key().public_key().to_hex(),
        user: String::new(),
        // One request each, however often it is sent.
        request: computer.bytes().chain(std::iter::repeat(0)).take(16).map(|byte| format!("{byte:02x}")).collect(),
        created: now,
        device_name: String::new(),
        system: None,
        consumer: None,
    };
    request.sign(&computer_key()).expect("a request").to_string()
}

fn prove(answer: &str, now: i64) -> String {
    // The lease stands in the answer as JSON, between 13 bytes of header and 64 of signature.
    let document = Document::parse(answer).expect("an answer");
    let bytes = document.as_bytes();
    let answer: Value = serde_json::from_slice(&bytes[13..bytes.len() - 64]).expect("an answer's JSON");
    let text = |name: &str| answer["lease"][name].as_str().expect("a text").to_owned();
    let number = serde_json::from_value(answer["lease"]["number"].clone()).expect("a number");
    let proof =
        ReturnProof { v: VERSION, activation: text("activation"), device: text("device"), created: now, number };
    proof.sign(&computer_key()).expect("a proof").to_string()
}

async fn say(host: &impl Host, at: &str, call: &Call, known: &mut HashMap<String, String>) {
    let address = fill(&call.call, known);
    let (verb, address) = address.split_once(' ').unwrap_or_else(|| panic!("{at}: no verb"));
    let body = match (&call.body, &call.example) {
        (Some(body), _) => fill(body, known),
        (None, Some(named)) => {
            let text = example(&format!("{named}.request.json"));
            call.put.iter().fold(text, |text, (old, new)| text.replace(old, &fill(new, known)))
        }
        (None, None) => String::new(),
    };
    let key = call.key.as_deref().unwrap_or("WebAPI READ-WRITE");
    let (status, text) = host.send(key, verb, address, &body).await;
    let at = format!("{at}: {verb} {address}");
    assert_eq!(status, call.status, "{at}: {text}");
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{at}: {error}: {text}"));
    compare(&at, &answer, &call.answer, known);
}

fn fill(text: &str, known: &HashMap<String, String>) -> String {
    known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

fn compare(at: &str, actual: &Value, expected: &Value, known: &mut HashMap<String, String>) {
    match (actual, expected) {
        (_, Value::String(pattern)) if pattern == "{{*}}" => {}
        (Value::Object(actual), Value::Object(expected)) => {
            let names = |members: &Map<String, Value>| members.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(actual), names(expected), "{at}");
            for (name, value) in expected {
                compare(&format!("{at} .{name}"), &actual[name], value, known);
            }
        }
        (Value::Array(actual), Value::Array(expected)) => {
            assert_eq!(actual.len(), expected.len(), "{at}: {actual:?}");
            for (place, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                compare(&format!("{at} [{place}]"), actual, expected, known);
            }
        }
        (Value::Number(actual), Value::String(pattern)) if pattern.starts_with("{{#") => {
            let name = pattern.trim_start_matches("{{#").trim_end_matches("}}");
            assert_eq!(known.get(name), Some(&actual.to_string()), "{at}");
        }
        (Value::String(actual), Value::String(pattern)) => compare_text(at, actual, pattern, known),
        _ => assert_eq!(actual, expected, "{at}"),
    }
}

fn compare_text(at: &str, actual: &str, pattern: &str, known: &mut HashMap<String, String>) {
    let pattern = fill(pattern, known);
    if pattern == "{{instant}}" {
        assert!(is_instant(actual), "{at}: {actual}");
        return;
    }
    let Some((before, rest)) = pattern.split_once("{{=") else {
        assert_eq!(actual, pattern, "{at}");
        return;
    };
    let (name, after) = rest.split_once("}}").unwrap_or_else(|| panic!("{at}: {pattern}"));
    let caught = actual.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let caught = caught.unwrap_or_else(|| panic!("{at}: {actual} is not {pattern}"));
    assert!(!caught.is_empty(), "{at}: nothing to capture in {actual}");
    known.insert(name.to_owned(), caught.to_owned());
}

/// `YYYY-MM-DDTHH:MM:SS[.f]Z` with 1 to 3 digits of a fraction that does not end in 0.
pub fn is_instant(text: &str) -> bool {
    let fits = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(b, f)| if f == b'd' { b.is_ascii_digit() } else { b == f })
    };
    // Two of the examples lack the `Z`; no answer does.
    let Some((whole, rest)) = text.split_at_checked(19) else { return false };
    let fraction = rest.strip_suffix('Z').unwrap_or(rest);
    let fraction_fits = fraction.is_empty()
        || (2..=4).contains(&fraction.len()) && fraction.starts_with('.') && !fraction.ends_with('0');
    fits(whole, "dddd-dd-ddTdd:dd:dd") && fraction_fits
}
