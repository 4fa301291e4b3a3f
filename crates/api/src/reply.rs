//! What goes out: an answer that can be kept and given again, with what must not be kept beside it.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use lessor_core::idempotency::{self, Answer, RequestKey};
use lessor_core::{ActivationId, App, Context, Error, StoreError, Tx};
use lessor_lease::to_hex;
use serde::Serialize;
use serde_json::{Value, json};

/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Says that nothing was stored.
const REHEARSED: HeaderName = HeaderName::from_static("lessor-dry-run");

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    status: u16,
    /// As JSON.
    body: Option<String>,
    location: Option<String>,
    version: Option<i64>,
    secret: Option<Secret>,
}

/// A member of the body that is in no record.
#[derive(Clone)]
enum Secret {
    /// Told once: a replay goes without.
    Once(&'static str, String),
    /// The secret of a device, which can be derived again.
    Device(ActivationId, i64),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

impl Reply {
    pub fn ok(view: &impl Serialize) -> Self {
        // Views have text keys alone, so that they always print.
        let body = serde_json::to_string(view).ok();
        Self { status: 200, body, ..Self::default() }
    }

    pub fn created(location: String, view: &impl Serialize) -> Self {
        Self { status: 201, location: Some(location), ..Self::ok(view) }
    }

    pub fn nothing() -> Self {
        Self { status: 204, ..Self::default() }
    }

    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status: status.as_u16(), ..self }
    }

    /// The version of the record that the body shows.
    pub fn at(self, version: i64) -> Self {
        Self { version: Some(version), ..self }
    }

    pub fn telling(self, member: &'static str, text: String) -> Self {
        Self { secret: Some(Secret::Once(member, text)), ..self }
    }

    pub fn with_device_secret(self, activation: ActivationId, generation: i64) -> Self {
        Self { secret: Some(Secret::Device(activation, generation)), ..self }
    }

    /// As it is kept for a repeat.
    fn kept(&self) -> Answer {
        let device = match &self.secret {
            Some(Secret::Device(activation, generation)) => Some((activation.to_string(), *generation)),
            Some(Secret::Once(..)) | None => None,
        };
        let rest = json!({ "location": self.location, "version": self.version, "device": device }).to_string();
        let body = format!("{{\"body\":{},{}", self.body.as_deref().unwrap_or("null"), &rest[1..]);
        Answer { status: i64::from(self.status), body }
    }

    fn from_kept(answer: &Answer) -> Result<Self, Error> {
        let broken = || Error::from(StoreError::Broken("an idempotency record cannot be read".into()));
        let kept: Value = serde_json::from_str(&answer.body).map_err(|_| broken())?;
        let device = kept["device"].as_array().and_then(|pair| {
            let [activation, generation] = pair.as_slice() else { return None };
            Some(Secret::Device(ActivationId::parse(activation.as_str()?)?, generation.as_i64()?))
        });
        Ok(Self {
            status: u16::try_from(answer.status).map_err(|_| broken())?,
            body: Some(&kept["body"]).filter(|body| !body.is_null()).map(Value::to_string),
            location: kept["location"].as_str().map(str::to_owned),
            version: kept["version"].as_i64(),
            secret: device,
        })
    }

    /// To a read; `known` is what the caller has already.
    pub fn answer(self, app: &App, known: &[HeaderValue]) -> Response {
        let tag = self.tag(app);
        let same = tag.as_ref().is_some_and(|tag| known.iter().any(|known| names(known, tag)));
        if !same {
            return self.into_response(app, tag);
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        if let Some(tag) = tag {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }

    /// To a write.
    pub fn answer_once(self, app: &App, replayed: bool) -> Response {
        let tag = self.tag(app);
        let mut response = self.into_response(app, tag);
        if replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }

    /// To a write that was taken back: what it would have been, without what no longer is.
    pub fn answer_rehearsed(self, app: &App) -> Response {
        let secret = None;
        let mut response = Self { location: None, secret, ..self }.into_response(app, None);
        response.headers_mut().insert(REHEARSED, HeaderValue::from_static("true"));
        response
    }

    /// The version for conditions on writes, and a digest of the rest: some of what is shown changes without it.
    fn tag(&self, app: &App) -> Option<HeaderValue> {
        let version = self.version?;
        let digest = app.secret().mac("etag", &[self.body.as_ref()?.as_bytes()]);
        HeaderValue::from_str(&format!("\"{version}-{}\"", to_hex(&digest[..8]))).ok()
    }

    fn into_response(mut self, app: &App, tag: Option<HeaderValue>) -> Response {
        let (member, text) = match self.secret.take() {
            Some(Secret::Once(member, text)) => (member, Some(text)),
            Some(Secret::Device(activation, generation)) => {
                ("secret", Some(app.secret().device_secret(activation, generation)))
            }
            None => ("", None),
        };
        if let (Some(body), Some(text)) = (&mut self.body, text) {
            add_member(body, member, text);
        }
        let body = self.body.map_or_else(Body::empty, Body::from);
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        if self.status != 204 {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let caching = if tag.is_some() { "private, no-cache" } else { "no-store" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        if let Some(location) = self.location.and_then(|location| HeaderValue::from_str(&location).ok()) {
            headers.insert(header::LOCATION, location);
        }
        if let Some(tag) = tag {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

/// Adds a member to an object written as JSON.
fn add_member(object: &mut String, member: &'static str, text: String) {
    let member = json!({ member: text }).to_string();
    if object.pop() == Some('}') {
        if object.len() > 1 {
            object.push(',');
        }
        object.push_str(&member[1..]);
    }
}

/// Is the tag in the list, weakly compared?
fn names(list: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(list), Ok(tag)) = (list.to_str(), tag.to_str()) else { return false };
    list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// Runs `effect` unless the request was answered before; says whether it was.
pub(crate) fn once(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    request: &RequestKey,
    effect: impl FnOnce(&mut dyn Tx) -> Result<Reply, Error>,
) -> Result<(Reply, bool), Error> {
    let mut fresh = None;
    let (answer, _) = idempotency::once(tx, cx, request, |tx| {
        let reply = effect(tx)?;
        let kept = reply.kept();
        fresh = Some(reply);
        Ok(kept)
    })?;
    match fresh {
        Some(reply) => Ok((reply, false)),
        None => Ok((Reply::from_kept(&answer)?, true)),
    }
}
