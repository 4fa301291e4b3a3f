//! Daemons on local networks: enrolled, told what they may hand out, heard what came of it, given back.

use crate::call::{Device, Holder, Nothing};
use crate::daemon::{DaemonAnswer, DaemonRequest};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Time;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lessor_core::App;
use lessor_core::daemon::{self, Record, Sync};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(enrol_daemon)).routes(routes!(sync_daemon)).routes(routes!(return_daemon))
}

/// Enrol
///
/// Activates a network master license for a daemon that signed its request, and delegates licenses to it. Asking again is not
/// an error: the daemon keeps its place, and gets the delegation that counts now.
#[utoipa::path(post, path = "/device/v1/daemons", tag = "Daemons", request_body = DaemonRequest, security(()),
    responses((status = 201, description = "Its delegation", body = DaemonAnswer)))]
async fn enrol_daemon(call: Device<DaemonRequest>) -> Result<Response, Problem> {
    call.run(|tx, cx, body| {
        let answer = daemon::enrol(tx, cx, body.request.trim(), &body.records)?;
        let (id, generation) = (answer.daemon, answer.secret_generation);
        let reply = Reply::ok(&DaemonAnswer::from(answer)).with_status(StatusCode::CREATED);
        Ok(match generation {
            Some(generation) => reply.with_device_secret(id, generation),
            None => reply,
        })
    })
    .await
}

/// What happened on a daemon's network.
#[derive(ToSchema)]
#[schema(value_type = Object, example = json!({"sequence": 1, "at": "2026-03-01T09:30:00Z", "kind": "license.activated",
    "subject": "lic_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b", "data": {"code": "128437590236718452", "device": "workstation-17"}}))]
#[expect(dead_code, reason = "it is there for its schema")]
struct DaemonRecord(Value);

/// What a daemon has to tell.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DaemonReport {
    /// Number of the delegation that it holds; 0 for none.
    #[schema(example = 0)]
    number: u32,
    /// What happened since the last record that the server took, at most 1000. Each has a number, from 1 without a gap: one
    /// that the server has is passed over, one that leaves a gap is refused.
    #[schema(value_type = Vec<DaemonRecord>, example = json!([]))]
    records: Vec<Value>,
}

/// Sync
///
/// Keeps what the daemon tells, each record once, and gives it the delegation that counts now: the one it holds, or a new one.
#[utoipa::path(post, path = "/device/v1/daemons/{daemon}/sync", tag = "Daemons", request_body = DaemonReport,
    params(("daemon" = String, Path, description = "Which daemon")),
    responses((status = 200, description = "How much is kept, and the delegation", body = DaemonAnswer)))]
async fn sync_daemon(Path(id): Path<String>, call: Holder<DaemonReport>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, body| {
        let records = body.records.iter().map(Record::from_json).collect::<Result<Vec<_>, _>>()?;
        let command = Sync { daemon: credential.clone(), number: i64::from(body.number), records };
        Ok(Reply::ok(&DaemonAnswer::from(daemon::sync(tx, cx, &command)?)))
    })
    .await
}

/// A daemon that hands out nothing more.
#[derive(Serialize, ToSchema)]
struct ReturnedDaemon {
    /// Its id.
    #[schema(example = "act_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    daemon: String,
    returned_at: Option<Time>,
}

/// Return a daemon
///
/// The daemon hands out nothing more. What was with it is free as soon as the last lease has lapsed that its clients can have.
/// Returning twice is not an error.
#[utoipa::path(delete, path = "/device/v1/daemons/{daemon}", tag = "Daemons",
    params(("daemon" = String, Path, description = "Which daemon")),
    responses((status = 200, description = "It is returned", body = ReturnedDaemon)))]
async fn return_daemon(Path(id): Path<String>, call: Holder<Nothing>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, _| {
        let activation = daemon::give_back(tx, cx, credential)?;
        let returned_at = activation.returned_at.map(Time);
        Ok(Reply::ok(&ReturnedDaemon { daemon: activation.id.to_string(), returned_at }))
    })
    .await
}
