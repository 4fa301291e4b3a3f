//! The OpenAPI document, read off the table of calls.

use crate::input::{Input, Kind};
use crate::table::{self, Access, Answer, Call, Verb};
use crate::words::Word;
use serde_json::{Map, Value, json};

/// The OpenAPI 3.1 document of the dialect: each call with its inputs, an example of a request and of an answer.
pub fn openapi() -> Value {
    let mut paths = Map::new();
    for call in table::calls() {
        let verb = call.verb.word().to_ascii_lowercase();
        paths.insert(format!("/api/{}", call.path), json!({ verb: operation(call) }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ESET MSP Administrator 2 API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Companies, users, licenses, usage and bills, in the form that clients of the ESET MSP \
                Administrator 2 API expect. Addresses and names of inputs are taken in any case, values of enumerations as numbers or \
                as names. Get a token with `Token/Get`, then authorize with it.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": { "Error": error(), "Faults": faults() },
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The access token that `Token/Get` or `Token/Renew` gave.",
            } },
            "responses": {
                "Refused": response("Inputs that cannot be read, or a broken rule.", json!({ "anyOf": [
                    { "$ref": "#/components/schemas/Error" }, { "$ref": "#/components/schemas/Faults" },
                ] })),
                "Error": response("What is wrong.", json!({ "$ref": "#/components/schemas/Error" })),
            },
        },
    })
}

fn response(description: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["code", "subCode", "message"],
        "properties": {
            "code": { "type": "integer", "description": "The area." },
            "subCode": { "type": "integer", "description": "The cause." },
            "message": { "type": "string", "description": "The cause's name." },
        },
        "additionalProperties": false,
        "example": { "code": 8, "subCode": 30, "message": "QuantityIsOutOfRange" },
    })
}

fn faults() -> Value {
    json!({
        "type": "object",
        "description": "What is wrong with which inputs.",
        "additionalProperties": { "type": "array", "items": { "type": "string" } },
        "example": { "quantity": ["The input was not valid."] },
    })
}

fn tag(call: &Call) -> &'static str {
    call.path.split('/').next().unwrap_or_default()
}

fn tags() -> Vec<Value> {
    let mut names: Vec<&str> = table::calls().map(tag).collect();
    names.dedup();
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

/// `CompanyCreateMsp`: the parts of the path without its inputs.
fn operation_id(call: &Call) -> String {
    let parts = call.path.split('/').filter(|part| !part.starts_with('{'));
    let capital = |part: &str| part.chars().next().map(|first| first.to_uppercase().to_string() + &part[1..]);
    parts.filter_map(capital).collect()
}

fn operation(call: &Call) -> Value {
    let mut operation = json!({
        "operationId": operation_id(call),
        "summary": call.name,
        "description": match call.access {
            Access::Open => "Open to anybody.",
            Access::User => "For every user, on the companies where it has the permission.",
            Access::Writer => "For users with write permission on their own company.",
            Access::Distributor => "For users of a distributor or of the headquarters.",
        },
        "tags": [tag(call)],
    });
    if call.access == Access::Open {
        operation["security"] = json!([]);
    }
    match call.verb {
        Verb::Get if call.inputs.is_empty() => {}
        Verb::Get => operation["parameters"] = call.inputs.iter().map(|input| parameter(call, input)).collect(),
        Verb::Post => operation["requestBody"] = request_body(call),
    }
    operation["responses"] = responses(call);
    operation
}

fn parameter(call: &Call, input: &Input) -> Value {
    let in_path = call.path.contains(&format!("{{{}}}", input.name));
    json!({
        "name": input.name,
        "in": if in_path { "path" } else { "query" },
        "required": in_path || input.required,
        "schema": schema(input.kind),
    })
}

fn request_body(call: &Call) -> Value {
    let mut content = json!({ "schema": object(call.inputs) });
    if let Some(example) = call.example {
        content["example"] = parsed(example);
    }
    let required = call.inputs.iter().any(|input| input.required);
    json!({ "required": required, "content": { "application/json": content } })
}

fn responses(call: &Call) -> Value {
    let mut responses = Map::new();
    responses.insert("200".into(), success(call));
    responses.insert("400".into(), json!({ "$ref": "#/components/responses/Refused" }));
    let mut statuses = vec!["403", "404", "429", "500", "503", "507"];
    if call.access != Access::Open || tag(call) == "Token" {
        statuses.push("401");
    }
    if call.verb == Verb::Post {
        statuses.extend(["413", "415"]);
    }
    statuses.sort_unstable();
    for status in statuses {
        responses.insert(status.into(), json!({ "$ref": "#/components/responses/Error" }));
    }
    Value::Object(responses)
}

fn success(call: &Call) -> Value {
    let example = match call.answer {
        Answer::Json(example) => parsed(example),
        Answer::Empty => json!({}),
        Answer::Nothing => return json!({ "description": "Success. There is no body." }),
    };
    let content = json!({ "schema": shape(&example), "example": example });
    json!({ "description": "Success.", "content": { "application/json": content } })
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// The form of an answer, as an example shows it. Whatever is `null` there may be anything, and whatever is not may be `null`.
fn shape(example: &Value) -> Value {
    match example {
        Value::Null => json!({}),
        Value::Bool(_) => json!({ "type": ["boolean", "null"] }),
        Value::Number(number) if number.is_f64() => json!({ "type": ["number", "null"] }),
        Value::Number(_) => json!({ "type": ["integer", "null"] }),
        Value::String(_) => json!({ "type": ["string", "null"] }),
        Value::Array(elements) => {
            json!({ "type": "array", "items": elements.first().map_or_else(|| json!({}), shape) })
        }
        Value::Object(members) => {
            let properties: Map<_, _> = members.iter().map(|(name, value)| (name.clone(), shape(value))).collect();
            json!({ "type": ["object", "null"], "properties": properties })
        }
    }
}

fn object(inputs: &[Input]) -> Value {
    let properties: Map<_, _> = inputs.iter().map(|input| (input.name.to_owned(), schema(input.kind))).collect();
    let required: Vec<&str> = inputs.iter().filter(|input| input.required).map(|input| input.name).collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn schema(kind: Kind) -> Value {
    let list = |most: usize, items: Value| json!({ "type": "array", "maxItems": most, "items": items });
    match kind {
        Kind::Text(max) => json!({ "type": "string", "maxLength": max }),
        Kind::Guid => json!({ "type": "string", "format": "uuid" }),
        Kind::Guids(most) => list(most, schema(Kind::Guid)),
        Kind::Int => json!({ "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX }),
        Kind::Between(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Day => json!({ "type": "string", "format": "date" }),
        Kind::Choice(words) | Kind::Number(words) => choice(words),
        Kind::Texts(most, max) => list(most, schema(Kind::Text(max))),
        Kind::Object(inputs) => object(inputs),
        Kind::List(most, inputs) => list(most, object(inputs)),
        Kind::Levels(most, words) => {
            let id = json!({ "format": "uuid" });
            json!({ "type": "object", "maxProperties": most, "propertyNames": id, "additionalProperties": choice(words) })
        }
        Kind::Columns(most) => {
            let columns = list(most, json!({ "type": "integer" }));
            json!({ "type": "object", "maxProperties": most, "additionalProperties": columns })
        }
    }
}

/// A number or a name.
fn choice(words: &[Word]) -> Value {
    let codes: Vec<i64> = words.iter().map(|word| word.code).collect();
    let names: Vec<&str> = words.iter().map(|word| word.name).collect();
    json!({ "anyOf": [{ "type": "integer", "enum": codes }, { "type": "string", "enum": names }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_there_with_its_inputs_and_its_answer() {
        let document = openapi();
        for call in table::calls() {
            let operation = &document["paths"][format!("/api/{}", call.path)][call.verb.word().to_lowercase()];
            assert!(operation["responses"]["200"].is_object(), "{}", call.name);
            let shown = match call.verb {
                Verb::Post => operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
                    .as_object()
                    .map(Map::len),
                Verb::Get => Some(operation["parameters"].as_array().map_or(0, Vec::len)),
            };
            assert_eq!(shown, Some(call.inputs.len()), "{}", call.name);
        }
        assert_eq!(document["paths"].as_object().map(Map::len), Some(64));
    }

    #[test]
    fn every_reference_leads_somewhere_and_no_two_operations_share_a_name() {
        let document = openapi();
        let mut references = Vec::new();
        collect(&document, "$ref", &mut references);
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let names: std::collections::HashSet<_> = table::calls().map(operation_id).collect();
        assert_eq!(names.len(), 64);
    }

    fn collect(value: &Value, name: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get(name).and_then(Value::as_str).map(ToOwned::to_owned));
                members.values().for_each(|value| collect(value, name, found));
            }
            Value::Array(elements) => elements.iter().for_each(|value| collect(value, name, found)),
            _ => {}
        }
    }
}
