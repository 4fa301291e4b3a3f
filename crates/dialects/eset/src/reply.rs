//! What a call that succeeded answers: JSON or nothing, always with status 200.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};
use serde::Serialize;

/// A finished answer.
#[derive(Debug)]
pub enum Reply {
    /// JSON.
    Json(Vec<u8>),
    /// No body at all.
    Nothing,
}

impl Reply {
    /// An object, a list or a bare value.
    pub fn json(body: &impl Serialize) -> Self {
        // What is answered has text keys alone, so that writing it cannot fail.
        Self::Json(serde_json::to_vec(body).unwrap_or_default())
    }

    /// `{}`: where the documents speak of empty JSON.
    pub fn empty() -> Self {
        Self::Json(b"{}".to_vec())
    }

    pub(crate) fn into_response(self) -> Response {
        match self {
            Reply::Nothing => Response::new(Body::empty()),
            Reply::Json(text) => {
                let mut response = Response::new(Body::from(text));
                let json = HeaderValue::from_static("application/json; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                response
            }
        }
    }
}
