//! Documents that people carry for devices without a network.

use crate::call::Device;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Time;
use axum::response::Response;
use lessor_core::{App, device};
use lessor_lease::OfflineRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(inspect_offline_request))
        .routes(routes!(answer_offline_request))
        .routes(routes!(take_offline_return))
}

/// A request that a device wrote.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CarriedRequest {
    /// The document's text.
    #[schema(example = "525fd924625f6ab16a0000012e7b2276223a312c…")]
    request: String,
}

/// What a request asks for. Its signature is good.
#[derive(Serialize, ToSchema)]
struct Inspection {
    /// The product, as the device was told.
    product: String,
    /// The license's code; `null` asks for a trial.
    #[schema(example = "128437590236718452")]
    code: Option<String>,
    /// The device's id.
    #[schema(example = "workstation-17")]
    device: String,
    /// What people call the device.
    #[schema(example = "Ada's workstation")]
    device_name: String,
    /// Who uses it there.
    #[schema(example = "ada")]
    user: String,
    /// Names the request.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015")]
    request: String,
    created_at: Time,
}

impl From<OfflineRequest> for Inspection {
    fn from(request: OfflineRequest) -> Self {
        Self {
            product: request.product,
            code: request.license,
            device: request.device,
            device_name: request.device_name,
            user: request.user,
            request: request.request,
            created_at: Time::from_seconds(request.created),
        }
    }
}

/// Inspect a request
///
/// Reads a request and checks its signature, without spending it.
#[utoipa::path(post, path = "/device/v1/offline/requests/inspect", tag = "Offline", request_body = CarriedRequest, security(()),
    responses((status = 200, description = "What it asks for", body = Inspection)))]
async fn inspect_offline_request(call: Device<CarriedRequest>) -> Result<Response, Problem> {
    let request = device::inspect_request(call.body.request.trim()).map_err(|error| call.problem(&error))?;
    Ok(Reply::ok(&Inspection::from(request)).answer_once(&call.head.app, false))
}

/// The answer to carry back.
#[derive(Serialize, ToSchema)]
struct CarriedAnswer {
    /// The document's text.
    #[schema(example = "415fd924625f6ab16a0000030f7b2276223a312c…")]
    answer: String,
}

/// Answer a request
///
/// Activates the license that a request asks for, or starts a trial. The same request again gives the very same answer and
/// takes no second place. A request is good for 14 days.
#[utoipa::path(post, path = "/device/v1/offline/activations", tag = "Offline", request_body = CarriedRequest, security(()),
    responses((status = 200, description = "The answer", body = CarriedAnswer)))]
async fn answer_offline_request(call: Device<CarriedRequest>) -> Result<Response, Problem> {
    call.run(|tx, cx, body| {
        let answer = device::offline_activate(tx, cx, None, body.request.trim())?;
        Ok(Reply::ok(&CarriedAnswer { answer }))
    })
    .await
}

/// A proof that a device destroyed its license.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CarriedProof {
    /// The document's text.
    #[schema(example = "505fd924625f6ab16a000000a17b2276223a312c…")]
    proof: String,
}

/// What was taken back.
#[derive(Serialize, ToSchema)]
struct TakenBack {
    /// The activation's id.
    #[schema(example = "act_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    activation: String,
}

/// Take a proof of return
///
/// Takes an activation back on a proof that its device signed. The same proof again changes nothing.
#[utoipa::path(post, path = "/device/v1/offline/returns", tag = "Offline", request_body = CarriedProof, security(()),
    responses((status = 200, description = "It is returned", body = TakenBack)))]
async fn take_offline_return(call: Device<CarriedProof>) -> Result<Response, Problem> {
    call.run(|tx, cx, body| {
        let activation = device::offline_return(tx, cx, None, body.proof.trim())?;
        Ok(Reply::ok(&TakenBack { activation: activation.to_string() }))
    })
    .await
}
