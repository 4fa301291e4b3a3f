//! axum as its first example shows it: one route, no layers, the system's allocator.

use axum::response::{IntoResponse, Response};
use axum::routing::{get as on_get, post as on_post};
use axum::{Json, Router};
use serde::Deserialize;
use std::io::{self, Write};
use tokio::net::TcpListener;

/// 300 bytes of JSON.
pub const ANSWER: &str = concat!(
    r#"{"valid":true,"license":{"id":"lic_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b","code":"128437590236718452","#,
    r#""product":"prod_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b","account":"acc_01890a5d3c2b7e1f8a4b5c6d7e8f9a","#,
    r#""term":"fixed","active":1,"limit":100},"feature":{"code":"F","enabled":true},"#,
    r#""now":"2026-01-01T00:00:00Z"}"#,
);

/// `GET /`.
pub fn get() -> Router {
    Router::new().route("/", on_get(async || answer()))
}

/// What a POST asks.
#[derive(Deserialize)]
struct Question {
    product: String,
    code: String,
    feature: Option<String>,
}

/// `POST /` with a JSON body.
pub fn post() -> Router {
    Router::new().route(
        "/",
        on_post(async |Json(question): Json<Question>| {
            std::hint::black_box((question.product, question.code, question.feature));
            answer()
        }),
    )
}

/// The fixed answer.
pub fn answer() -> Response {
    ([("content-type", "application/json")], ANSWER).into_response()
}

/// Serves for ever, and says where.
pub async fn serve(router: Router) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{}", listener.local_addr()?)?;
    out.flush()?;
    drop(out);
    axum::serve(listener, router).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_json_of_300_bytes() {
        serde_json::from_str::<serde_json::Value>(ANSWER).expect("JSON");
        assert_eq!(ANSWER.len(), 300);
    }
}
