//! What a call that succeeded answers: JSON, always with status 200.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, header};
use lessor_core::Error;
use serde::Serialize;

/// A finished answer, or one whose end is made while its beginning is sent.
#[derive(Debug)]
pub struct Reply(Body);

impl Reply {
    /// An object or a list.
    pub fn json(body: &impl Serialize) -> Self {
        // The shapes of `wire.rs` have text keys alone, so that writing them cannot fail.
        Self::written(serde_json::to_vec(body).unwrap_or_default())
    }

    /// JSON that is written already.
    pub fn written(text: Vec<u8>) -> Self {
        Self(text.into())
    }

    /// JSON that is written in parts. A part that fails cuts the answer short, which the client sees: the connection ends
    /// before the body does.
    pub fn parts(parts: impl Stream<Item = Result<Bytes, Error>> + Send + 'static) -> Self {
        Self(Body::from_stream(parts))
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
        let mut response = Response::new(self.0);
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}
