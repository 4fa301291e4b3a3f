//! The back office's door: calls to a dialect, in process, as its clients make them.

use axum::Router;
use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use lessor_core::{Error, StoreError};
use serde_json::Value;
use tower::ServiceExt;

/// A dialect's router and what to authenticate with.
pub(super) struct Door {
    router: Router,
    authorization: String,
}

impl Door {
    pub(super) fn new(router: Router, authorization: String) -> Self {
        Self { router, authorization }
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.call("POST", path, body).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.call("PUT", path, body).await
    }

    /// Any refusal is a mistake of the world's script.
    async fn call(&self, verb: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let request = Request::builder()
            .method(verb)
            .uri(path)
            .header(header::AUTHORIZATION, &self.authorization)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .map_err(|error| fault(verb, path, &error.to_string()))?;
        let Ok(answer) = self.router.clone().oneshot(request).await;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.map_err(|error| fault(verb, path, &error.to_string()))?;
        let text = String::from_utf8_lossy(&bytes.to_bytes()).into_owned();
        if !status.is_success() {
            return Err(fault(verb, path, &format!("{status} {text}")));
        }
        serde_json::from_str(&text).map_err(|error| fault(verb, path, &error.to_string()))
    }
}

fn fault(verb: &str, path: &str, what: &str) -> Error {
    Error::Store(StoreError::Broken(format!("the demo world: {verb} {path}: {what}")))
}

/// The id that a message carries behind its line break.
pub(super) fn made(answer: &Value) -> String {
    answer.as_str().and_then(|text| text.split_once('\n')).map(|(_, id)| id.to_owned()).unwrap_or_default()
}
