//! The first pages: signing in, by password or by the first start's link, and a look at what the server holds.

use crate::refusal::problem;
use crate::site::Family;
use axum::Router;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use http::header;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// `/console/` and the two files it needs.
pub fn family() -> Family {
    let page = || async { file("text/html; charset=utf-8", include_str!("console/index.html")) };
    let style = || async { file("text/css; charset=utf-8", include_str!("console/console.css")) };
    let script = || async { file("text/javascript; charset=utf-8", include_str!("console/console.js")) };
    let router = Router::new()
        .route("/console", get(async || Redirect::permanent("/console/")))
        .route("/console/", get(page))
        .route("/console/console.css", get(style))
        .route("/console/console.js", get(script));
    Family::new("console", &["/console"], router, problem).with_fallbacks()
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
