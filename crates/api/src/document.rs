//! OpenAPI documents: what the operations say of themselves, completed with what they have in common.

use crate::example::Examples;
use crate::problem::title;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;
use utoipa::openapi::OpenApi;

/// Which API a document is of.
pub(crate) struct Api {
    pub title: &'static str,
    pub description: &'static str,
    /// Name of the way to authenticate.
    pub scheme: &'static str,
    pub scheme_description: &'static str,
    /// Do its writes take `dry_run`?
    pub rehearsals: bool,
    pub tags: &'static [(&'static str, &'static str)],
}

/// A header for operations on what has versions.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is there for its description")]
pub(crate) struct IfMatch {
    /// Do it only if the record is at one of these versions: entity tags as they came in `ETag`, or `*`.
    #[param(rename = "If-Match", example = "\"3-6d1fb15bb6b04af9\"")]
    if_match: Option<String>,
}

/// A header for looks at what has versions.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is there for its description")]
pub(crate) struct IfNoneMatch {
    /// Answer 304 if what would be shown has one of these entity tags.
    #[param(rename = "If-None-Match", example = "\"3-6d1fb15bb6b04af9\"")]
    if_none_match: Option<String>,
}

/// An error that operations share: name, status, code of the example, and when it comes.
struct Shared(&'static str, u16, &'static str, &'static str);

const SHARED: [Shared; 15] = [
    Shared(
        "BadRequest",
        400,
        "invalid_request",
        "The request cannot be read, or says what the operation does not know.",
    ),
    Shared("Unauthenticated", 401, "unauthenticated", "No credentials, or none that are known."),
    Shared(
        "Forbidden",
        403,
        "forbidden",
        "The caller is known, and may not do this; or the license does not allow it.",
    ),
    Shared("NotFound", 404, "license_unknown", "There is no such record in the caller's branch."),
    Shared("Conflict", 409, "no_seat", "Something stands in the way; `code` says what."),
    Shared("Gone", 410, "activation_returned", "The activation was returned."),
    Shared("PreconditionFailed", 412, "stale", "The record was changed meanwhile."),
    Shared("TooLarge", 413, "body_too_large", "The body is too large."),
    Shared("UnsupportedMediaType", 415, "unsupported_media_type", "The body is not `application/json`."),
    Shared(
        "Unprocessable",
        422,
        "out_of_range",
        "A value is not one that can be, or the idempotency key was used for something else.",
    ),
    Shared("TooManyRequests", 429, "too_many_tries", "Slow down; `Retry-After` says for how long."),
    Shared("Internal", 500, "internal", "Something went wrong on our side; the request id finds it in the log."),
    Shared("Unavailable", 503, "busy", "Not now; `Retry-After` says when to ask again."),
    Shared("StorageFull", 507, "storage_full", "No space is left to write to. Reading goes on."),
    Shared("NotModified", 304, "", "What would be shown has one of the entity tags that were sent."),
];

/// Completes a document.
pub(crate) fn finish(document: OpenApi, api: &Api) -> Value {
    // A document of text keys always prints.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": api.title,
        "version": env!("CARGO_PKG_VERSION"),
        "description": api.description,
        "license": { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/", "description": "This server" }]);
    document["security"] = json!([]);
    refer_to_items(&mut document["components"]["schemas"]);
    forget_empty_defaults(&mut document["components"]["schemas"]);
    components(&mut document["components"], api);
    let examples = Examples::of(document["components"]["schemas"].clone());
    let mut used = Vec::new();
    for (path, item) in members(&mut document["paths"]) {
        for (verb, operation) in members(item) {
            complete(path, verb, operation, api, &examples);
            used.extend(operation["tags"].as_array().into_iter().flatten().cloned());
        }
    }
    let tags = api.tags.iter().filter(|(name, _)| used.iter().any(|used| used == name));
    document["tags"] = tags.map(|(name, description)| json!({ "name": name, "description": description })).collect();
    document
}

fn members(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flat_map(Map::iter_mut)
}

/// Pages come with a copy of what their items are; a reference says it once.
fn refer_to_items(schemas: &mut Value) {
    let names: Vec<String> = schemas.as_object().into_iter().flat_map(|schemas| schemas.keys().cloned()).collect();
    for item in
        names.iter().filter_map(|name| name.strip_prefix("Page_")).filter(|item| names.iter().any(|name| name == item))
    {
        schemas[format!("Page_{item}")]["properties"]["items"]["items"] =
            json!({ "$ref": format!("#/components/schemas/{item}") });
    }
}

/// That a member left out stays as it is does not make `null` its default.
fn forget_empty_defaults(schema: &mut Value) {
    if let Some(members) = schema.as_object_mut()
        && members.get("default").is_some_and(Value::is_null)
    {
        members.remove("default");
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(forget_empty_defaults),
        Value::Array(values) => values.iter_mut().for_each(forget_empty_defaults),
        _ => {}
    }
}

fn components(components: &mut Value, api: &Api) {
    components["schemas"]["Problem"] = problem_schema();
    components["securitySchemes"] = json!({
        api.scheme: { "type": "http", "scheme": "bearer", "description": api.scheme_description },
    });
    components["parameters"] = json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Names this request, so that sending it again has no second effect: 1 to 255 printable characters, kept for 24 hours.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 }, "example": "order-2026-117",
        },
        "DryRun": {
            "name": "dry_run", "in": "query", "required": false,
            "description": "Run all checks, answer what would be, store nothing.",
            "schema": { "type": "boolean", "default": false },
        },
    });
    components["headers"] = json!({
        "ETag": { "description": "Version and digest of what is shown.", "schema": { "type": "string" }, "example": "\"3-6d1fb15bb6b04af9\"" },
        "Location": { "description": "Where the new record is.", "schema": { "type": "string", "format": "uri-reference" } },
        "Replayed": { "description": "`true` where the answer was given before.", "schema": { "type": "string", "enum": ["true"] } },
        "RequestId": { "description": "Finds this call in the log.", "schema": { "type": "string" }, "example": "req_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b" },
        "RetryAfter": { "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 0 }, "example": 1 },
        "Challenge": { "description": "How to authenticate.", "schema": { "type": "string" }, "example": "Bearer realm=\"lessor\"" },
    });
    components["responses"] =
        SHARED.iter().map(|shared| (shared.0.to_owned(), shared.response())).collect::<Map<_, _>>().into();
}

impl Shared {
    fn response(&self) -> Value {
        let Shared(_, status, code, description) = *self;
        let mut headers = json!({ "x-request-id": { "$ref": "#/components/headers/RequestId" } });
        if status == 304 {
            headers["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
            return json!({ "description": description, "headers": headers });
        }
        if [429, 503, 507].contains(&status) {
            headers["Retry-After"] = json!({ "$ref": "#/components/headers/RetryAfter" });
        }
        if status == 401 {
            headers["WWW-Authenticate"] = json!({ "$ref": "#/components/headers/Challenge" });
        }
        let mut example = json!({
            "type": format!("urn:lessor:problem:{code}"),
            "title": title(code),
            "status": status,
            "detail": description,
            "instance": "/v1/licenses",
            "code": code,
            "request_id": "req_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b",
        });
        if [400, 422].contains(&status) {
            example["errors"] =
                json!([{ "pointer": "/terms/activation_limit", "detail": "it must be between 0 and 2147483647" }]);
        }
        let content = json!({ "schema": { "$ref": "#/components/schemas/Problem" }, "example": example });
        json!({ "description": description, "headers": headers, "content": { "application/problem+json": content } })
    }
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457 problem details.",
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri", "description": "The code as a URI." },
            "title": { "type": "string", "description": "The code in words." },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What happened, in a sentence." },
            "instance": { "type": "string", "format": "uri-reference", "description": "The path of the request." },
            "code": { "type": "string", "description": "For programs. A code stays what it is." },
            "request_id": { "type": "string", "description": "Finds this call in the log." },
            "errors": {
                "type": "array",
                "description": "The parts of the request that are at fault.",
                "items": {
                    "type": "object",
                    "required": ["detail"],
                    "properties": {
                        "pointer": { "type": "string", "description": "JSON pointer into the body." },
                        "parameter": { "type": "string", "description": "Name of a query parameter." },
                        "header": { "type": "string", "description": "Name of a header." },
                        "detail": { "type": "string" },
                    },
                },
            },
        },
    })
}

/// Adds to an operation what all of its sort have.
fn complete(path: &str, verb: &str, operation: &mut Value, api: &Api, examples: &Examples) {
    let scopes = secure(operation, api);
    let secured = scopes.is_some();
    describe(operation, scopes.unwrap_or_default());
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let has = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
    let writes = verb != "get";
    let (conditional, cached) = (has("If-Match"), has("If-None-Match"));
    let mut parameters: Vec<Value> = parameters.into_iter().map(|parameter| examples.parameter(parameter)).collect();
    if writes {
        parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
    }
    if writes && api.rehearsals && secured && !path.ends_with("/sessions/current") {
        parameters.push(json!({ "$ref": "#/components/parameters/DryRun" }));
    }
    operation["parameters"] = parameters.into();
    let body = operation.get("requestBody").is_some();
    if body {
        operation["requestBody"]["required"] = json!(true);
        content(&mut operation["requestBody"], examples);
    }
    for (status, response) in members(&mut operation["responses"]) {
        response["headers"]["x-request-id"] = json!({ "$ref": "#/components/headers/RequestId" });
        if cached || conditional && status != "204" {
            response["headers"]["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
        }
        if status == "201" {
            response["headers"]["Location"] = json!({ "$ref": "#/components/headers/Location" });
        }
        if writes {
            response["headers"]["idempotency-replayed"] = json!({ "$ref": "#/components/headers/Replayed" });
        }
        content(response, examples);
    }
    let comes = |status: u16| match status {
        304 => cached,
        400 | 500 | 503 => true,
        401 => secured || body,
        403 => secured || writes,
        404 => path.contains('{') || body || verb == "get" && secured,
        // A feature has to be of the right kind even for a look at its text.
        409 => writes || path.ends_with("/stores/{feature}"),
        // What a report is asked for can be what no report is of.
        422 => writes || path.starts_with("/v1/reports/"),
        507 => writes,
        410 => path.contains("{activation}") || path.ends_with("{daemon}/sync"),
        412 => conditional,
        413 | 415 => body,
        429 => writes && !secured,
        _ => false,
    };
    for Shared(name, status, ..) in SHARED.iter().filter(|shared| comes(shared.1)) {
        operation["responses"][status.to_string()] = json!({ "$ref": format!("#/components/responses/{name}") });
    }
}

/// Says how to authenticate; gives the scopes, or nothing for an operation that anybody may call.
fn secure(operation: &mut Value, api: &Api) -> Option<Vec<String>> {
    let named = operation["security"].as_array().cloned();
    if named.as_ref().is_some_and(|named| named.iter().all(|one| one.as_object().is_some_and(Map::is_empty))) {
        operation["security"] = json!([]);
        return None;
    }
    let scopes = named.into_iter().flatten().filter_map(|one| one[api.scheme].as_array().cloned()).flatten();
    let scopes: Vec<String> = scopes.filter_map(|scope| scope.as_str().map(str::to_owned)).collect();
    let each: Vec<Value> = match scopes.is_empty() {
        true => vec![json!({ api.scheme: [] })],
        // One of several scopes is enough: each is a way of its own.
        false => scopes.iter().map(|scope| json!({ api.scheme: [scope] })).collect(),
    };
    operation["security"] = each.into();
    Some(scopes)
}

fn describe(operation: &mut Value, scopes: Vec<String>) {
    if scopes.is_empty() {
        return;
    }
    let scopes = scopes.iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(" or ");
    let text = operation["description"].as_str().unwrap_or_default().to_owned();
    operation["description"] = json!(format!("{text}\n\nScope: {scopes}.").trim_start());
}

fn content(holder: &mut Value, examples: &Examples) {
    for (_, media) in members(&mut holder["content"]) {
        if media.get("example").is_none() && media.get("examples").is_none() {
            media["example"] = examples.body(&media["schema"]);
        }
    }
    if holder["content"].is_null()
        && let Some(holder) = holder.as_object_mut()
    {
        holder.remove("content");
    }
}
