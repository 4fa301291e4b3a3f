//! Examples for documents, put together from those of the members.

use serde_json::{Map, Value, json};

/// Deepest nesting of an example.
const MAX_DEPTH: usize = 12;

/// The schemas of a document, by their names.
pub(crate) struct Examples {
    schemas: Value,
}

impl Examples {
    pub fn of(schemas: Value) -> Self {
        Self { schemas }
    }

    /// An example of a body.
    pub fn body(&self, schema: &Value) -> Value {
        self.value(schema, "", 0)
    }

    /// A parameter with its example.
    pub fn parameter(&self, mut parameter: Value) -> Value {
        if parameter["in"] == "path" && parameter.get("example").is_none() {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            parameter["example"] = self.value(&parameter["schema"], &name, 0);
        }
        parameter
    }

    fn value(&self, schema: &Value, name: &str, depth: usize) -> Value {
        if let Some(example) = schema.get("example") {
            return example.clone();
        }
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let target = reference.rsplit('/').next().unwrap_or_default();
            return self.value(&self.schemas[target], name, depth + 1);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let parts = parts.iter().map(|part| self.value(part, name, depth + 1));
            return Value::Object(parts.filter_map(|part| part.as_object().cloned()).flatten().collect());
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let first = choices.iter().find(|one| one["type"] != "null");
                return first.map_or(Value::Null, |first| self.value(first, name, depth + 1));
            }
        }
        if let Some(first) = schema["enum"].as_array().and_then(|words| words.first()) {
            return first.clone();
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => json!([self.value(&schema["items"], "", depth + 1)]),
            "boolean" => schema.get("default").cloned().unwrap_or(json!(false)),
            "integer" | "number" => schema.get("default").or(schema.get("minimum")).cloned().unwrap_or(json!(1)),
            "string" => json!(text(name, schema["format"].as_str().unwrap_or_default())),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let members = schema["properties"].as_object().into_iter().flatten();
        let examples = members.map(|(name, member)| (name.clone(), self.value(member, name, depth + 1)));
        // What has no example is a choice that the example does not make.
        Value::Object(examples.filter(|(_, example)| !example.is_null()).collect::<Map<_, _>>())
    }
}

fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default(),
        _ if schema.get("properties").is_some() => "object",
        _ => "",
    }
}

fn text(name: &str, format: &str) -> String {
    let id = |prefix: &str| format!("{prefix}_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b");
    match (format, name) {
        ("date-time", _) => "2026-03-01T09:30:00Z".to_owned(),
        (_, "account" | "parent" | "vendor" | "reseller" | "branch") => id("acc"),
        (_, "product") => id("prd"),
        (_, "license") => id("lic"),
        (_, "profile") => id("pro"),
        (_, "activation") => id("act"),
        (_, "hold") => id("hld"),
        (_, "user" | "author" | "lifted_by") => id("usr"),
        (_, "key") => id("key"),
        (_, "group" | "master") => id("ugr"),
        (_, "end_user") => id("eus"),
        (_, "code" | "feature") => "FLOAT".to_owned(),
        (_, "namespace") => "billing".to_owned(),
        _ => "text".to_owned(),
    }
}
