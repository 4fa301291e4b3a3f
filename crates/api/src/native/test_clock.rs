//! The movable clock of a demonstration server: read and moved forward.

use crate::call::{Read, Write, given};
use crate::problem::{Fault, Problem};
use crate::reply::Reply;
use crate::wire::Time;
use axum::Extension;
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::StatusCode;
use lessor_core::clock::MovableClock;
use lessor_core::identity::{Level, Right};
use lessor_core::{Actor, App, Clock, Error, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most idempotency keys that are remembered.
const MAX_KEYS: usize = 1_000;

/// A clock that callers may move, and what has to happen when they did.
#[derive(Clone)]
pub struct TestClock {
    /// The clock that the application goes by.
    pub clock: Arc<MovableClock>,
    /// Runs everything that time causes to completion.
    pub settle: Arc<dyn Fn() -> BoxFuture<'static, Result<(), Error>> + Send + Sync>,
}

/// The clock with the moves that may be asked for again. They are remembered in the process, as the clock itself is:
/// records in storage age by the very clock that is moved.
#[derive(Clone)]
pub(super) struct Shared {
    clock: TestClock,
    moves: Arc<Mutex<Moves>>,
}

/// By caller and idempotency key: a fingerprint of what was asked for, and where the clock was moved to.
type Moves = HashMap<(String, String), ([u8; 32], Timestamp)>;

impl Shared {
    pub fn new(clock: TestClock) -> Self {
        Self { clock, moves: Arc::default() }
    }
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(get_test_clock, move_test_clock))
}

/// What time it is for the server.
#[derive(Serialize, ToSchema)]
struct ClockState {
    now: Time,
}

/// How to move the clock: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"advance": "P1DT2H"}))]
struct ClockMove {
    /// By this much: an ISO 8601 duration.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "P1DT2H")]
    advance: Option<String>,
    /// To this instant, which must not lie in the past.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    now: Option<Time>,
}

/// Read the test clock
///
/// Between moves it ticks on by itself.
#[utoipa::path(get, path = "/v1/test-clock", tag = "Test clock", security(("bearer" = [])),
    responses((status = 200, description = "The time", body = ClockState)))]
async fn get_test_clock(Extension(shared): Extension<Shared>, read: Read) -> Result<Response, Problem> {
    let state = ClockState { now: shared.clock.clock.now().into() };
    Ok(Reply::ok(&state).answer(&read.head.app, &[]))
}

/// Move the test clock
///
/// Moves it forward, never back. When the answer comes, everything that the time in between causes has happened. Takes a
/// credential with any right to write.
#[utoipa::path(post, path = "/v1/test-clock", tag = "Test clock", request_body = ClockMove, security(("bearer" = [])),
    responses((status = 200, description = "The time", body = ClockState)))]
async fn move_test_clock(Extension(shared): Extension<Shared>, write: Write<ClockMove>) -> Result<Response, Problem> {
    if !may_write(&write.caller.actor) {
        return Err(write.problem(&Error::Forbidden));
    }
    // One move at a time, so that a repeat finds the move it repeats.
    let mut moves = shared.moves.lock().await;
    let key = write.key.as_ref().map(|key| ((key.caller.clone(), key.key.clone()), key.fingerprint));
    if let Some((name, fingerprint)) = &key
        && let Some((known, target)) = moves.get(name)
    {
        if known != fingerprint {
            return Err(write.problem(&lessor_core::Refusal::KeyReused.into()));
        }
        return Ok(moved(*target).answer_once(&write.head.app, true));
    }
    let target = target(&write, shared.clock.clock.now())?;
    if write.dry_run {
        return Ok(moved(target).answer_rehearsed(&write.head.app));
    }
    if !shared.clock.clock.move_to(target) {
        return Err(backwards(&write));
    }
    if let Some((name, fingerprint)) = key {
        if moves.len() >= MAX_KEYS {
            moves.clear();
        }
        moves.insert(name, (fingerprint, target));
    }
    (shared.clock.settle)().await.map_err(|error| write.problem(&error))?;
    Ok(moved(target).answer_once(&write.head.app, false))
}

fn moved(target: Timestamp) -> Reply {
    Reply::ok(&ClockState { now: target.into() })
}

fn may_write(actor: &Actor) -> bool {
    const RIGHTS: [Right; 5] =
        [Right::ACCOUNTS_WRITE, Right::CATALOG_WRITE, Right::LICENSES_WRITE, Right::IDENTITY_WRITE, Right::USAGE_WRITE];
    let level = actor.grants.iter().any(|grant| grant.level == Level::Write);
    level && RIGHTS.iter().any(|right| actor.has_right(right))
}

fn target(write: &Write<ClockMove>, now: Timestamp) -> Result<Timestamp, Problem> {
    let invalid = |pointer: &str, detail: &str| {
        Problem::invalid(&write.head.trace, Fault::Body(pointer.to_owned(), detail.to_owned()))
    };
    let target = match (&write.body.advance, write.body.now) {
        (Some(text), None) => {
            now.plus_iso8601(text).ok_or_else(|| invalid("/advance", "it is no ISO 8601 duration that fits"))?
        }
        (None, Some(target)) => target.0,
        (None, None) => return Err(invalid("", "send `advance` or `now`")),
        (Some(_), Some(_)) => return Err(invalid("/now", "send `advance` or `now`, not both")),
    };
    if target < now { Err(backwards(write)) } else { Ok(target) }
}

fn backwards(write: &Write<ClockMove>) -> Problem {
    let detail = "The clock moves forward only.";
    Problem::new(&write.head.trace, StatusCode::CONFLICT, "clock_moves_forward", detail)
}
