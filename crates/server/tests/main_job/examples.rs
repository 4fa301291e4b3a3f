//! What the document of the Zentitle dialect shows of its calls, sent to a demo server as it stands there.

use crate::program::{Demo, call};
use lessor_testkit::Engine;
use serde_json::Value;
use std::collections::BTreeSet;

/// Calls that name what is different in each world: keys are made by chance, certificates by computers.
const NAMELESS: [&str; 4] = ["putAPIKey", "deleteAPIKey", "postOfflineActivation", "postOfflineDeActivation"];
/// What is removed must have been there to be changed and read.
const VERBS: [&str; 4] = ["post", "put", "get", "delete"];

/// The value of the example that works in the demo world, where there is one, else of the vendor's own.
fn shown(examples: &Value, name: &str) -> Option<Value> {
    examples.get(name).map(|example| example["value"].clone())
}

/// The query or the body that the document shows of a call.
fn request(operation: &Value) -> (String, Option<String>) {
    if let Some(content) = operation.pointer("/requestBody/content/application~1json") {
        let body = shown(&content["examples"], "demo").or_else(|| shown(&content["examples"], "documented"));
        return (String::new(), Some(body.expect("an example").to_string()));
    }
    let parameters = operation["parameters"].as_array().expect("parameters");
    let demo = parameters.iter().any(|parameter| parameter["examples"].get("demo").is_some());
    let name = if demo { "demo" } else { "documented" };
    let pairs = parameters.iter().filter_map(|parameter| {
        let value = shown(parameter.get("examples")?, name)?;
        Some(format!("{}={}", parameter["name"].as_str()?, escaped(value.as_str()?)))
    });
    (format!("?{}", pairs.collect::<Vec<_>>().join("&")), None)
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn examples_of_the_document_work_in_the_demo_world(engine: Engine) {
    let demo = Demo::start(engine);
    let document = lessor_zentitle::openapi();
    let mut worked = BTreeSet::new();
    for verb in VERBS {
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let Some(operation) = operations.get(verb) else { continue };
            let name = operation["operationId"].as_str().expect("a name");
            if NAMELESS.contains(&name) {
                continue;
            }
            let key = if path.ends_with("/DataStreamer") { "ds" } else { "read_write" };
            let key = demo.credentials["zentitle"][key].as_str().expect("a key");
            let (query, body) = request(operation);
            let authorization = format!("bearer 1234:{key}");
            let verb = verb.to_uppercase();
            let answer = call(&demo.url, &verb, &format!("{path}{query}"), Some(&authorization), body.as_deref());
            assert_eq!(answer.status, 200, "{name} {query} {body:?}: {}", answer.text);
            worked.insert(name.to_owned());
        }
    }
    assert_eq!(worked.len() + NAMELESS.len(), 70);
}

#[test]
fn examples_of_the_document_work_in_the_demo_world_on_sqlite() {
    examples_of_the_document_work_in_the_demo_world(Engine::Sqlite);
}

#[test]
fn examples_of_the_document_work_in_the_demo_world_on_postgres() {
    examples_of_the_document_work_in_the_demo_world(Engine::Postgres);
}
