//! Answers against the documented examples: the same members in the same order with the same JSON types.

use crate::transcript::is_instant;
use serde_json::Value;

/// Panics where the shapes differ. A date may be there or `null`; lists are compared by each of their elements against the first
/// of the example; `but` names members that the example lacks or spells otherwise.
pub fn assert_same(actual: &Value, example: &Value, but: &[&str]) {
    compare("", actual, example, but);
}

fn compare(at: &str, actual: &Value, example: &Value, but: &[&str]) {
    match (actual, example) {
        (Value::Array(actual), Value::Array(example)) => {
            let Some(model) = example.first() else { return };
            // Inner lists may be empty for reasons of their own; an empty answer would compare nothing.
            assert!(!actual.is_empty() || !at.is_empty(), "nothing to compare");
            for element in actual {
                compare(&format!("{at}[]"), element, model, but);
            }
        }
        (Value::Object(actual), Value::Object(example)) => {
            let names = |members: &serde_json::Map<String, Value>| -> Vec<String> {
                members.keys().filter(|name| !but.contains(&name.as_str())).cloned().collect()
            };
            assert_eq!(names(actual), names(example), "{at}");
            for (name, value) in actual.iter().filter(|(name, _)| !but.contains(&name.as_str())) {
                compare(&format!("{at}.{name}"), value, &example[name], but);
            }
        }
        (Value::Null, Value::String(text)) | (Value::String(text), Value::Null) => {
            assert!(is_instant(text), "{at}: {text} beside null");
        }
        (Value::String(actual), Value::String(example)) if is_instant(example) => {
            assert!(is_instant(actual), "{at}: {actual}");
        }
        _ => assert_eq!(std::mem::discriminant(actual), std::mem::discriminant(example), "{at}: {actual} {example}"),
    }
}
