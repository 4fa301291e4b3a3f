//! Bodies: JSON of one meaning, with the members that the operation knows and no others.

use super::Head;
use crate::problem::{Fault, Problem, escaped};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use lessor_core::json;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};
use utoipa::ToSchema;

/// The body of an operation that takes none.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Tells a member that was sent from one that was left out, `null` included. For members whose type has no
/// `null`, sending one is an error.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A body, as bytes and as JSON.
pub(super) struct Sent {
    pub bytes: Bytes,
    pub value: Value,
}

/// Reads a body without free-form members, for calls where every microsecond counts: in one pass, and only when that
/// fails in the way that finds out what is wrong.
pub(crate) async fn plain<T: DeserializeOwned>(head: &Head, request: Request) -> Result<T, Problem> {
    super::query::typed::<super::NoQuery>(head)?;
    let bytes = take(head, request).await?;
    // U+0000 is refused wherever it stands, and only the other way sees it.
    let suspicious = bytes.windows(2).any(|pair| pair == b"\\u");
    if !suspicious && let Ok(read) = serde_json::from_slice(&bytes) {
        return Ok(read);
    }
    typed(head, &parsed(head, &bytes)?)
}

/// Takes the body in. An empty one is an empty object.
pub(super) async fn receive(head: &Head, request: Request) -> Result<Sent, Problem> {
    let bytes = take(head, request).await?;
    let value = parsed(head, &bytes)?;
    Ok(Sent { bytes, value })
}

async fn take(head: &Head, request: Request) -> Result<Bytes, Problem> {
    let content_type = content_type(request.headers());
    let bytes = Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(&head.trace, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large.")
        }
        _ => Problem::new(&head.trace, StatusCode::BAD_REQUEST, "body_broken", "The body ended early."),
    })?;
    if !bytes.is_empty() && !content_type {
        let detail = "Send the body as `application/json`.";
        return Err(Problem::new(&head.trace, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    Ok(bytes)
}

fn parsed(head: &Head, bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    json::parse(bytes).map_err(|error| {
        let detail = format!("The body is no JSON that can be read: {error}.");
        let fault = Fault::Body(String::new(), error.to_string());
        Problem::new(&head.trace, StatusCode::BAD_REQUEST, "invalid_json", detail).with_fault(fault)
    })
}

fn content_type(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| {
        let charset = parameter.to_ascii_lowercase();
        !charset.starts_with("charset=") || charset.trim_start_matches("charset=").trim_matches('"') == "utf-8"
    })
}

/// Reads the operation's own type from what was sent.
pub(super) fn typed<T: DeserializeOwned>(head: &Head, value: &Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let detail = error.inner().to_string();
        let pointer = pointer(error.path(), &detail);
        Problem::invalid(&head.trace, Fault::Body(pointer, detail))
    })
}

/// The place of an error. One about a member that is missing or unknown points at where it would be or is.
pub(super) fn pointer(path: &Path, detail: &str) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escaped(key))),
            Segment::Enum { variant } => pointer.push_str(&format!("/{}", escaped(variant))),
            Segment::Unknown => {}
        }
    }
    let named = ["unknown field `", "missing field `"].into_iter().find_map(|start| detail.strip_prefix(start));
    if let Some(name) = named.and_then(|rest| rest.split('`').next()) {
        let token = format!("/{}", escaped(name));
        if !pointer.ends_with(&token) {
            pointer.push_str(&token);
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_json_in_utf8_is_taken() {
        let is = |text: &'static str| {
            content_type(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(text))]))
        };
        assert!(is("application/json"));
        assert!(is("Application/JSON; charset=\"UTF-8\""));
        assert!(!is("application/json; charset=latin1"));
        assert!(!is("text/plain"));
        assert!(!content_type(&HeaderMap::new()));
    }
}
