//! Holds every answer of the suite against what the documents promise.

use http::Method;
use lessor_api::{device_openapi, native_openapi};
use serde_json::Value;
use std::sync::LazyLock;

static NATIVE: LazyLock<Value> = LazyLock::new(|| native_openapi(true));
static DEVICE: LazyLock<Value> = LazyLock::new(device_openapi);

/// Panics when the answer to a call is not one that its operation tells of.
pub fn check(method: &Method, path: &str, status: u16, body: &Value) {
    let document: &Value = if path.starts_with("/device/") { &DEVICE } else { &NATIVE };
    let path = path.split('?').next().unwrap_or_default();
    let verb = method.as_str().to_lowercase();
    let found = document["paths"].as_object().expect("paths").iter().filter(|(template, _)| fits(template, path));
    // Of two templates the one with fewer parameters is meant.
    let Some((template, item)) = found.min_by_key(|(template, _)| template.matches('{').count()) else { return };
    let Some(operation) = item.get(verb.as_str()) else { return };
    let response = operation["responses"].get(status.to_string());
    let response = response.unwrap_or_else(|| panic!("{verb} {template} does not tell of {status}: {body}"));
    let response = resolved(document, response);
    let content = response["content"].as_object().and_then(|content| content.values().next());
    match content {
        None => assert!(body.is_null(), "{verb} {template} {status}: {body}"),
        Some(media) => {
            if let Err(reason) = valid(document, &media["schema"], body, true) {
                panic!("{verb} {template} {status}: {reason} in {body}");
            }
        }
    }
}

/// Is the path one of the template's?
pub fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(part, given)| part.starts_with('{') && !given.is_empty() || part == given)
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).expect("a reference that leads somewhere")
        }
        None => value,
    }
}

/// JSON Schema, as far as the documents use it. Members that a whole does not tell of are faults; a part of one does not
/// know the other parts.
fn valid(document: &Value, schema: &Value, value: &Value, whole: bool) -> Result<(), String> {
    let schema = resolved(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|choice| valid(document, choice, value, whole).is_ok()).count();
        return if fitting == 1 { Ok(()) } else { Err(format!("{fitting} choices fit {value}")) };
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        valid(document, part, value, false)?;
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind, value)) {
        return Err(format!("{value} is not {kinds:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !value.is_null() && !words.contains(value)) {
        return Err(format!("{value} is none of {}", schema["enum"]));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            return Err(format!("{name} is missing"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        valid(document, &schema["items"], item, true)?;
    }
    let Some(members) = schema["properties"].as_object() else { return Ok(()) };
    for (name, member) in value.as_object().into_iter().flatten() {
        match members.get(name) {
            Some(schema) => valid(document, schema, member, true).map_err(|reason| format!("{name}: {reason}"))?,
            None if !whole || schema.get("allOf").is_some() => {}
            None => return Err(format!("{name} is not told of")),
        }
    }
    Ok(())
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[test]
fn what_is_not_promised_is_found_out() {
    let caught = |method: Method, path: &'static str, status: u16, body: Value| {
        std::panic::catch_unwind(move || check(&method, path, status, &body)).is_err()
    };
    let now = serde_json::json!({ "now": "2026-01-01T00:00:00Z" });
    assert!(!caught(Method::GET, "/v1/test-clock", 200, now.clone()));
    assert!(caught(Method::GET, "/v1/test-clock", 202, now));
    assert!(caught(Method::GET, "/v1/test-clock", 200, serde_json::json!({ "now": 5 })));
    assert!(caught(Method::GET, "/v1/test-clock", 200, serde_json::json!({})));
    let more = serde_json::json!({ "now": "2026-01-01T00:00:00Z", "secret": 5 });
    assert!(caught(Method::GET, "/v1/test-clock", 200, more));
}
