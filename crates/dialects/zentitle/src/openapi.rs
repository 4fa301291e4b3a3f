//! The OpenAPI document, read off the table of calls.

use crate::examples;
use crate::forms::{self, Place};
use crate::input::Input;
use crate::schemas;
use crate::table::{Answer, CALLS, Call, Keys};
use serde_json::{Map, Value, json};

/// The OpenAPI 3.1 document of the dialect: each call with its inputs, answers and documented examples.
pub fn openapi() -> Value {
    let mut paths = Map::new();
    for call in &CALLS {
        let path = paths.entry(format!("/api/v2/{}", call.controller)).or_insert_with(|| json!({}));
        path[call.verb.word().to_ascii_lowercase()] = operation(call);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Zentitle web API v2",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "License codes, products, profiles, companies and what computers do with them, in the form that \
                clients of the Zentitle web API v2 expect. Names of controllers and inputs are taken in any case; whole numbers and \
                truths may come as text. Errors are bare JSON strings: `\"Error: <reason>. <Action> Failed\"`.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": { "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "Customer number and API key, with a colon between them: `1234:abcd12wV4D1Hxjf`.",
            } },
            "responses": { "Error": error_response() },
        },
    })
}

fn tags() -> Vec<Value> {
    let mut names: Vec<&str> = CALLS.iter().map(|call| call.controller).collect();
    names.dedup();
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn error_response() -> Value {
    json!({
        "description": "What is wrong, as a bare text.",
        "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/Error" },
            "example": "Error: License Code Not Found. Getting License Code Failed",
        } },
    })
}

fn operation(call: &Call) -> Value {
    let mut operation = json!({
        "operationId": operation_id(call),
        "summary": call.action,
        "description": description(call),
        "tags": [call.controller],
    });
    if call.verb.has_body() {
        operation["requestBody"] = request_body(call);
    } else {
        operation["parameters"] = call.inputs.iter().map(|input| parameter(call, input)).collect();
    }
    operation["responses"] = responses(call);
    operation
}

fn operation_id(call: &Call) -> String {
    format!("{}{}", call.verb.word().to_ascii_lowercase(), call.controller)
}

fn description(call: &Call) -> String {
    let keys = match call.keys {
        Keys::Read => "WebAPI READ-ONLY, WebAPI READ-WRITE",
        Keys::Write => "WebAPI READ-WRITE",
        Keys::Offline => "WebAPI READ-WRITE, WebAPI Offline",
        Keys::Stream => "WebAPI DS",
    };
    format!("Keys: {keys}.")
}

fn responses(call: &Call) -> Value {
    let mut responses = Map::new();
    responses.insert("200".into(), success(call));
    let mut statuses = vec!["400", "401", "403", "404", "409", "429", "500", "503", "507"];
    if call.verb.has_body() {
        statuses.extend(["413", "415"]);
    }
    statuses.sort_unstable();
    for status in statuses {
        responses.insert(status.into(), json!({ "$ref": "#/components/responses/Error" }));
    }
    Value::Object(responses)
}

fn success(call: &Call) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let list = |name: &str| json!({ "type": "array", "items": reference(name) });
    let schema = match call.answer {
        Answer::Message => json!({ "type": "string" }),
        Answer::One(name) => reference(name),
        Answer::List(name) => list(name),
        Answer::Page(name) => json!({ "anyOf": [list("Count"), list(name)] }),
        Answer::Codes => json!({ "anyOf": [reference("Codes"), { "type": "string" }] }),
    };
    let mut content = json!({ "schema": schema });
    let mut shown = Map::new();
    let documented = examples::of(call.controller, call.verb).map(|example| example.answers).unwrap_or_default();
    for (place, text) in documented.iter().enumerate() {
        shown.insert(name(place), json!({ "value": parsed(text) }));
    }
    if shown.is_empty() && !call.says.is_empty() {
        shown.insert(name(0), json!({ "value": call.says }));
    }
    if !shown.is_empty() {
        content["examples"] = Value::Object(shown);
    }
    json!({ "description": "Success.", "content": { "application/json": content } })
}

/// The name of an example that works in the demo world as it is made.
const DEMO: &str = "demo";
/// The name of an example from the vendor's own documents.
const DOCUMENTED: &str = "documented";

fn name(place: usize) -> String {
    if place == 0 { DOCUMENTED.to_owned() } else { format!("{DOCUMENTED}-{}", place + 1) }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.trim().to_owned()))
}

fn parameter(call: &Call, input: &Input) -> Value {
    let mut parameter = json!({
        "name": input.name,
        "in": "query",
        "required": input.required,
        "schema": forms::schema(input, Place::Query),
    });
    let requests = examples::of(call.controller, call.verb).map(|example| example.requests).unwrap_or_default();
    let documented = requests.first().and_then(|query| in_query(query.trim(), input.name));
    let works = examples::demo(&operation_id(call)).and_then(|inputs| inputs.get(input.name)).cloned();
    let shown: Map<_, _> = [(DEMO, works), (DOCUMENTED, documented)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), json!({ "value": value? }))))
        .collect();
    if !shown.is_empty() {
        parameter["examples"] = Value::Object(shown);
    }
    parameter
}

/// What a documented query gives for an input.
fn in_query(query: &str, name: &str) -> Option<Value> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(Value::String(value.replace("%20", " ")))
}

fn request_body(call: &Call) -> Value {
    let mut content = json!({ "schema": forms::object(call.inputs) });
    let requests = examples::of(call.controller, call.verb).map(|example| example.requests).unwrap_or_default();
    let works = examples::demo(&operation_id(call)).map(|inputs| (DEMO.to_owned(), json!({ "value": inputs })));
    let documented = requests.iter().enumerate().map(|(place, text)| (name(place), json!({ "value": parsed(text) })));
    let shown: Map<_, _> = works.into_iter().chain(documented).collect();
    if !shown.is_empty() {
        content["examples"] = Value::Object(shown);
    }
    let required = call.inputs.iter().any(|input| input.required);
    json!({ "required": required, "content": { "application/json": content } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_there_with_its_inputs_and_answers() {
        let document = openapi();
        for call in &CALLS {
            let operation = &document["paths"][format!("/api/v2/{}", call.controller)][call.verb.word().to_lowercase()];
            assert!(operation["responses"]["200"].is_object(), "{}", call.action);
            let shown = match call.verb.has_body() {
                true => operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
                    .as_object()
                    .map(Map::len),
                false => operation["parameters"].as_array().map(Vec::len),
            };
            assert_eq!(shown, Some(call.inputs.len()), "{}", call.action);
        }
        assert_eq!(document["paths"].as_object().map(Map::len), Some(35));
    }

    #[test]
    fn every_call_shows_an_example_of_what_goes_in_and_of_what_comes_out() {
        let document = openapi();
        for call in &CALLS {
            let operation = &document["paths"][format!("/api/v2/{}", call.controller)][call.verb.word().to_lowercase()];
            let answer = &operation["responses"]["200"]["content"]["application/json"]["examples"];
            assert!(answer.is_object(), "{}", call.action);
            let shown = match operation["parameters"].as_array() {
                None => operation["requestBody"]["content"]["application/json"]["examples"].is_object(),
                Some(parameters) => {
                    let shown = |parameter: &&Value| parameter["examples"].is_object();
                    let needed = parameters.iter().filter(|parameter| parameter["required"] == true);
                    parameters.is_empty()
                        || parameters.iter().any(|known| shown(&known)) && needed.clone().all(|known| shown(&known))
                }
            };
            assert!(shown, "{}", call.action);
        }
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
        let mut names = Vec::new();
        collect(&document, "operationId", &mut names);
        let distinct: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!((names.len(), distinct.len()), (70, 70));
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
