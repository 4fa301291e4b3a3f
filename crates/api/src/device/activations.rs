//! Activating, renewing, returning.

use crate::call::{Device, Holder, Nothing};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Time;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lessor_core::device::{self, Activate, DeviceFacts, Leased, Renew};
use lessor_core::{App, Error, catalog};
use lessor_lease::{Lease as SignedLease, Mode as SignedMode, from_hex};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(activate))
        .routes(routes!(get_activation, return_activation))
        .routes(routes!(renew_activation))
}

/// What to do when a lease has ended: tell, tell and go on until `grace_until`, or stop.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Advisory,
    Grace,
    Enforce,
}

/// What the signed document says about time.
#[derive(Serialize, ToSchema)]
pub(super) struct Lease {
    /// Grows with each lease of an activation.
    #[schema(example = 4)]
    number: u64,
    mode: Mode,
    issued_at: Time,
    /// From when to ask for the next one; `null` is never.
    renew_after: Option<Time>,
    /// The first second in which it counts no longer; `null` is without end.
    expires_at: Option<Time>,
    /// In the mode `grace`, the first second in which grace is over.
    grace_until: Option<Time>,
}

impl From<&SignedLease> for Lease {
    fn from(lease: &SignedLease) -> Self {
        Self {
            number: lease.number,
            mode: match lease.mode {
                SignedMode::Advisory => Mode::Advisory,
                SignedMode::Grace => Mode::Grace,
                SignedMode::Enforce => Mode::Enforce,
            },
            issued_at: Time::from_seconds(lease.issued_at),
            renew_after: lease.renew_after.map(Time::from_seconds),
            expires_at: lease.expires_at.map(Time::from_seconds),
            grace_until: lease.grace_until.map(Time::from_seconds),
        }
    }
}

/// An activation and its latest lease.
#[derive(Serialize, ToSchema)]
struct Activation {
    /// Its id.
    #[schema(example = "act_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    activation: String,
    /// What to send with every call about it. Only the answer to an activation has it.
    #[schema(value_type = String, required = false, example = "lds_0aZ9bY8c4mQ7rT1wZxC2vB5nM8kJ3hG6fDs1a2B3c4D")]
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    lease: Lease,
    /// The signed lease.
    #[schema(example = "4c5fd924625f6ab16a0000021a7b2276223a312c…")]
    document: String,
}

impl From<&Leased> for Activation {
    fn from(leased: &Leased) -> Self {
        Self {
            activation: leased.activation.id.to_string(),
            secret: None,
            lease: Lease::from(&leased.lease),
            document: leased.document.clone(),
        }
    }
}

/// What a device says of itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeviceInput {
    /// Its id, made by the device: 10 to 64 visible ASCII characters.
    #[schema(example = "workstation-17")]
    id: String,
    /// Its public key (Ed25519, 64 hexadecimal digits). Once registered, nobody else can pass for this device.
    #[schema(example = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")]
    key: Option<String>,
    /// What people call it.
    #[serde(default)]
    #[schema(example = "Ada's workstation")]
    name: String,
    /// The hypervisor, if it is a virtual machine.
    #[schema(example = json!(null))]
    virtual_platform: Option<String>,
}

/// What to activate, where.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ActivationRequest {
    /// The product, by id or `dialect:product:number`.
    product: String,
    /// The license's code; left out, a trial.
    #[schema(example = "128437590236718452")]
    code: Option<String>,
    device: DeviceInput,
    /// Who uses it there; one device may have several users.
    #[serde(default)]
    #[schema(example = "ada")]
    user: String,
    /// The device's report about itself, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    system: Option<Map<String, Value>>,
    /// Who the user says to be, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    consumer: Option<Map<String, Value>>,
}

impl ActivationRequest {
    fn facts(&self) -> Result<DeviceFacts, Error> {
        let public_key = match &self.device.key {
            None => None,
            Some(text) => {
                let key = from_hex(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                Some(key.ok_or_else(|| Error::malformed("key", "it is 64 hexadecimal digits"))?)
            }
        };
        if self.device.name.chars().count() > 200 {
            return Err(Error::malformed("name", "it has at most 200 characters"));
        }
        Ok(DeviceFacts {
            fingerprint: self.device.id.clone(),
            public_key,
            virtual_platform: self.device.virtual_platform.clone(),
        })
    }
}

/// Activate
///
/// Binds a license to a device, or starts a trial there. Asking again is not an error: the device gets the next lease of
/// the activation it has.
#[utoipa::path(post, path = "/device/v1/activations", tag = "Activations", request_body = ActivationRequest, security(()),
    responses((status = 201, description = "A new activation", body = Activation),
        (status = 200, description = "The activation that the device has already", body = Activation)))]
async fn activate(call: Device<ActivationRequest>) -> Result<Response, Problem> {
    call.run(|tx, cx, body| {
        let command = Activate {
            product: catalog::resolve_product(tx, &body.product)?,
            code: body.code.clone(),
            device: body.facts()?,
            user: body.user.clone(),
            system: body.system.clone().map(Value::Object),
            consumer: body.consumer.clone().map(Value::Object),
        };
        let (leased, new) = device::activate(tx, cx, &command)?;
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        let reply = Reply::ok(&Activation::from(&leased)).with_status(status);
        Ok(reply.with_device_secret(leased.activation.id, leased.activation.secret_generation))
    })
    .await
}

/// What the device knows of its lease.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Renewal {
    /// Number of the latest lease it has seen. It only helps to find faults.
    #[serde(default)]
    #[schema(example = 3)]
    #[expect(dead_code, reason = "the number is the server's to know; what devices send is taken")]
    number: u64,
}

/// Renew
///
/// Gives the device its next lease, of the license as it is now.
#[utoipa::path(post, path = "/device/v1/activations/{activation}/renew", tag = "Activations", request_body = Renewal,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "The activation with its new lease", body = Activation)))]
async fn renew_activation(Path(id): Path<String>, call: Holder<Renewal>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, _| {
        let leased = device::renew(tx, cx, &Renew { device: credential.clone() })?;
        Ok(Reply::ok(&Activation::from(&leased)))
    })
    .await
}

/// Get an activation
///
/// Its latest lease, without renewing it.
#[utoipa::path(get, path = "/device/v1/activations/{activation}", tag = "Activations",
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "The activation", body = Activation)))]
async fn get_activation(Path(id): Path<String>, call: Holder<Nothing>) -> Result<Response, Problem> {
    // It locks what it looks at, which takes a transaction that may write.
    call.run(&id, |tx, cx, credential, _| Ok(Reply::ok(&Activation::from(&device::state_of(tx, cx, credential)?))))
        .await
}

/// An activation that is over.
#[derive(Serialize, ToSchema)]
pub(super) struct Returned {
    /// Its id.
    #[schema(example = "act_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    activation: String,
    returned_at: Option<Time>,
}

/// Return
///
/// Gives the license back: its place, seats and elements are free again. Returning twice is not an error.
#[utoipa::path(delete, path = "/device/v1/activations/{activation}", tag = "Activations",
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "It is returned", body = Returned)))]
async fn return_activation(Path(id): Path<String>, call: Holder<Nothing>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, _| {
        let activation = device::give_back(tx, cx, credential)?;
        let returned_at = activation.returned_at.map(Time);
        Ok(Reply::ok(&Returned { activation: activation.id.to_string(), returned_at }))
    })
    .await
}
