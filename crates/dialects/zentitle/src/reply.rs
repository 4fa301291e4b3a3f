//! What a call that succeeded answers: JSON, always with status 200.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, header};
use serde::Serialize;

/// A finished answer.
#[derive(Clone, Debug)]
pub struct Reply(Bytes);

impl Reply {
    /// An object or a list.
    pub fn json(body: &impl Serialize) -> Self {
        // The shapes of `wire.rs` have text keys alone, so that writing them cannot fail.
        Self(serde_json::to_vec(body).unwrap_or_default().into())
    }

    /// A bare text.
    pub fn message(text: &str) -> Self {
        Self::json(&text)
    }

    /// A bare text and, on the next line, what was made.
    pub fn made(text: &str, made: impl std::fmt::Display) -> Self {
        Self::json(&format!("{text}.\n{made}"))
    }

    /// The answer.
    pub fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.0));
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }

    /// The body, for tests.
    pub fn body(&self) -> &[u8] {
        &self.0
    }
}
