//! The movable clock of a daemon that was started for trials: read and moved forward by anybody who reaches it.

use crate::jobs;
use crate::mail::Carrier;
use crate::refusal::problem;
use crate::site::Family;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use lessor_core::clock::{Clock, MovableClock};
use lessor_core::daemon::local;
use lessor_core::{App, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;

type Shared = (App, Arc<MovableClock>);

/// `GET` and `POST /v1/test-clock`, as a demo server has them.
pub fn family(app: App, clock: Arc<MovableClock>) -> Family {
    let router = Router::new().route("/v1/test-clock", get(read).post(move_on)).with_state((app, clock));
    Family::new("trial_clock", &["/v1/test-clock"], router, problem).with_fallbacks()
}

async fn read(State((_, clock)): State<Shared>) -> Json<Value> {
    Json(json!({ "now": clock.now() }))
}

/// When the answer comes, everything that the time in between causes has happened.
async fn move_on(State((app, clock)): State<Shared>, Json(body): Json<Value>) -> Response {
    let target = match (body["advance"].as_str(), body["now"].as_str()) {
        (Some(by), None) => clock.now().plus_iso8601(by),
        (None, Some(to)) => Timestamp::parse(to),
        _ => None,
    };
    let Some(target) = target else { return refuse(StatusCode::BAD_REQUEST, "send `advance` or `now`") };
    if !clock.move_to(target) {
        return refuse(StatusCode::CONFLICT, "the clock moves forward only");
    }
    let kept = app.write(&app.system(), local::keep_time).await;
    if let Err(error) = kept.and(jobs::run_all(&app, &Carrier::Nobody).await) {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
    }
    Json(json!({ "now": target })).into_response()
}

fn refuse(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail }))).into_response()
}
