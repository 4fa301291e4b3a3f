//! The OpenAPI documents: whole, and true.

use crate::bench::Site;
use http::Method;
use lessor_api::{device_openapi, native_openapi};
use lessor_testkit::on_both_engines;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};

const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    paths
        .flat_map(|(path, item)| {
            let verbs = item.as_object().expect("operations").iter();
            verbs.map(|(verb, operation)| (path.clone(), verb.clone(), operation.clone()))
        })
        .collect()
}

fn each(value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                visit(name, member);
                each(member, visit);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| each(value, visit)),
        _ => {}
    }
}

fn documents() -> [(&'static str, Value); 3] {
    [("native", native_openapi(true)), ("native", native_openapi(false)), ("device", device_openapi())]
}

#[test]
fn every_reference_leads_somewhere_and_nothing_is_left_over() {
    for (name, document) in documents() {
        let mut used = HashSet::new();
        each(&document, &mut |member, value| {
            if member == "$ref" {
                let pointer = value.as_str().expect("a reference").strip_prefix('#').expect("a local reference");
                assert!(document.pointer(pointer).is_some(), "{name}: {pointer}");
                used.insert(pointer.to_owned());
            }
        });
        for schema in document["components"]["schemas"].as_object().expect("schemas").keys() {
            assert!(used.contains(&format!("/components/schemas/{schema}")), "{name}: nobody uses {schema}");
        }
    }
}

#[test]
fn a_default_is_of_its_members_type() {
    for (name, document) in documents() {
        each(&document, &mut |member, schema| {
            let Some(default) = schema.get("default").filter(|_| schema.get("type").is_some()) else { return };
            let fits = match schema["type"].as_str() {
                Some("integer") => default.is_i64(),
                Some("boolean") => default.is_boolean(),
                Some("string") => default.is_string(),
                Some("array") => default.is_array(),
                Some("object") => default.is_object(),
                _ => !default.is_null(),
            };
            assert!(fits, "{name}: {member}: {schema}");
        });
    }
}

#[test]
fn every_operation_says_all_there_is_to_say() {
    for (name, document) in documents() {
        assert_eq!(document["openapi"], "3.1.0");
        let tags: BTreeSet<_> =
            document["tags"].as_array().expect("tags").iter().map(|tag| &tag["name"]).map(Value::to_string).collect();
        let mut ids = HashSet::new();
        for (path, verb, operation) in operations(&document) {
            let place = format!("{name}: {verb} {path}");
            assert!(VERBS.contains(&verb.as_str()), "{place}");
            let id = operation["operationId"].as_str().expect("an operation id");
            assert!(ids.insert(id.to_owned()), "{place}: {id} twice");
            for member in ["summary", "description"] {
                assert!(operation[member].as_str().is_some_and(|text| !text.trim().is_empty()), "{place}: {member}");
            }
            assert!(!operation["summary"].as_str().expect("text").ends_with('.'), "{place}");
            assert!(operation["security"].is_array(), "{place}");
            assert!(
                operation["tags"].as_array().is_some_and(|own| own.iter().all(|tag| tags.contains(&tag.to_string()))),
                "{place}"
            );
            check_parameters(&document, &place, &path, &operation);
            check_content(&place, &verb, &operation);
        }
    }
}

fn check_parameters(document: &Value, place: &str, path: &str, operation: &Value) {
    let mut declared = BTreeSet::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = match parameter["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("a parameter"),
            None => parameter,
        };
        let name = parameter["name"].as_str().expect("a name").to_owned();
        assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{place}: {name}");
        assert!(parameter["schema"].is_object(), "{place}: {name}");
        if parameter["in"] == "path" {
            assert_eq!(parameter["required"], true, "{place}: {name}");
            declared.insert(name);
        }
    }
    let named = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect();
    assert_eq!(declared, named, "{place}");
}

fn check_content(place: &str, verb: &str, operation: &Value) {
    if let Some(body) = operation.get("requestBody") {
        assert!(body["content"]["application/json"]["schema"].is_object(), "{place}");
        assert!(!body["content"]["application/json"]["example"].is_null(), "{place}");
    }
    let responses = operation["responses"].as_object().expect("responses");
    let mut good = 0;
    for (status, response) in responses {
        if response.get("$ref").is_some() {
            continue;
        }
        assert!(status.starts_with('2'), "{place}: {status}");
        good += 1;
        assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
        let content = &response["content"]["application/json"];
        assert_eq!(content["schema"].is_object(), status != "204", "{place}");
        assert_eq!(content["example"].is_null(), status == "204", "{place}");
    }
    assert!(good > 0, "{place}");
    for status in ["400", "500", "503"] {
        assert!(responses.contains_key(status), "{place}: {status}");
    }
    assert_eq!(responses.contains_key("507"), verb != "get", "{place}");
}

#[test]
fn only_a_movable_clock_is_told_of() {
    assert!(native_openapi(true)["paths"].get("/v1/test-clock").is_some());
    assert!(native_openapi(false)["paths"].get("/v1/test-clock").is_none());
    assert!(!native_openapi(false).to_string().contains("Test clock"));
}

fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

on_both_engines! {
    nobody_gets_in_without_credentials(bench) {
        let site = Site::new(bench).await;
        let mut open = BTreeSet::new();
        for document in [native_openapi(true), device_openapi()] {
            for (path, verb, operation) in operations(&document) {
                let method = Method::from_bytes(verb.to_uppercase().as_bytes()).expect("a verb");
                let answer = site.call(method, &filled(&path)).by_nobody().send().await;
                let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
                if is_open {
                    open.insert(format!("{verb} {path}"));
                    // What such an operation refuses is something else: at most the credentials in the body.
                    assert_ne!(answer.body["code"], "unauthenticated", "{verb} {path}");
                } else {
                    let answer = answer.refused(401, "unauthenticated");
                    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"lessor\"", "{verb} {path}");
                }
            }
        }
        let expected = [
            "get /device/v1/products/{product}/keys",
            "get /device/v1/time",
            "post /device/v1/activations",
            "post /device/v1/daemons",
            "post /device/v1/offline/activations",
            "post /device/v1/offline/requests/inspect",
            "post /device/v1/offline/returns",
            "post /device/v1/validations",
            "post /v1/sessions",
            "post /v1/sign-in-links/redeem",
        ];
        assert_eq!(open, expected.into_iter().map(str::to_owned).collect());
    }

    every_operation_of_the_documents_is_routed(bench) {
        let site = Site::new(bench).await;
        for document in [native_openapi(true), device_openapi()] {
            for (path, verb, _) in operations(&document) {
                let method = Method::from_bytes(verb.to_uppercase().as_bytes()).expect("a verb");
                let answer = site.call(method, &filled(&path)).send().await;
                assert!(!["not_found", "method_not_allowed"].contains(&answer.body["code"].as_str().unwrap_or("")), "{verb} {path}");
                assert!(answer.status.as_u16() < 500, "{verb} {path}: {}", answer.body);
            }
        }
    }

    the_examples_of_bodies_are_read(bench) {
        let site = Site::new(bench).await;
        for document in [native_openapi(true), device_openapi()] {
            for (path, verb, operation) in operations(&document) {
                let Some(body) = operation.get("requestBody") else { continue };
                let example = &body["content"]["application/json"]["example"];
                let method = Method::from_bytes(verb.to_uppercase().as_bytes()).expect("a verb");
                let answer = site.call(method, &filled(&path)).json(example).send().await;
                // What they name does not exist here, but nothing in them is of a wrong form.
                assert_ne!(answer.body["code"], "invalid_request", "{verb} {path}: {} {example}", answer.body);
            }
        }
    }
}
