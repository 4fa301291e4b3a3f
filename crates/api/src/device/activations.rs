//! Activating, renewing, returning.

use crate::call::{Device, Holder, Nothing, device_caller};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Time;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lessor_core::device::{self, Activate, DeviceCredential, DeviceFacts, Leased, Renew};
use lessor_core::{App, Context, EndUserId, Error, ProductId, Tx, catalog, group};
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
        .routes(routes!(beat))
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

impl Activation {
    /// Signs the lease: the dearest part of an answer.
    fn signed(leased: &Leased) -> Result<Self, Error> {
        let lease = leased.lease();
        let document = leased.sign(&lease)?;
        Ok(Self { activation: leased.activation.id.to_string(), secret: None, lease: Lease::from(&lease), document })
    }
}

/// What a device says of itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeviceInput {
    /// Its id, made by the device: 10 to 64 visible ASCII characters.
    #[schema(example = "workstation-17")]
    id: String,
    /// The stable id of an instance that may run on any device, such as a container: what the license is bound to
    /// instead of the device. Started again, the instance has its place still. 10 to 64 visible ASCII characters.
    #[schema(example = json!(null))]
    instance: Option<String>,
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
    /// Who signs in, for licenses of a group: instead of a code.
    #[schema(example = json!(null))]
    end_user: Option<EndUser>,
    /// Who uses it there; one device may have several users. Left out, the end user who signs in.
    #[serde(default)]
    #[schema(example = "ada")]
    user: String,
    /// Days for which the place shall be kept, renewed or not, where the license allows it (`LTCO`).
    #[schema(example = json!(null))]
    lease_days: Option<i64>,
    /// The device's report about itself, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    system: Option<Map<String, Value>>,
    /// Who the user says to be, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    consumer: Option<Map<String, Value>>,
}

/// Someone who uses the software.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndUser {
    /// The name to sign in with.
    #[schema(example = "ada@fabrikam.example")]
    user_name: String,
    /// The password.
    #[schema(example = "correct horse battery")]
    password: String,
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
            fingerprint: self.device.instance.as_ref().unwrap_or(&self.device.id).clone(),
            public_key,
            virtual_platform: self.device.virtual_platform.clone(),
            name: self.device.name.clone(),
        })
    }

    fn command(&self, product: ProductId, end_user: Option<EndUserId>) -> Result<Activate, Error> {
        let signed_in = self.end_user.as_ref().filter(|_| self.user.is_empty());
        Ok(Activate {
            product,
            code: self.code.clone(),
            end_user,
            device: self.facts()?,
            user: signed_in.map_or_else(|| self.user.clone(), |end_user| end_user.user_name.clone()),
            lease_days: self.lease_days,
            system: self.system.clone().map(Value::Object),
            consumer: self.consumer.clone().map(Value::Object),
        })
    }
}

/// Checks the password of who signs in, off the runtime and outside the command.
async fn sign_in(call: &Device<ActivationRequest>) -> Result<Option<EndUserId>, Error> {
    let Some(end_user) = &call.body.end_user else { return Ok(None) };
    if call.body.code.is_some() {
        return Err(Error::malformed("code", "it stands without `end_user`"));
    }
    let app = &call.head.app;
    let named = call.body.product.clone();
    let product = app.read(&device_caller(&call.head), move |tx, _| catalog::resolve_product(tx, &named)).await?;
    let realm = group::Realm::Product(product);
    group::verify_end_user(app, realm, &end_user.user_name, &end_user.password).await.map(Some)
}

fn show_activated((leased, new): (Leased, bool)) -> Result<Reply, Error> {
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let reply = Reply::ok(&Activation::signed(&leased)?).with_status(status);
    Ok(reply.with_device_secret(leased.activation.id, leased.activation.secret_generation))
}

fn show_leased(leased: Leased) -> Result<Reply, Error> {
    Ok(Reply::ok(&Activation::signed(&leased)?))
}

/// Activate
///
/// Binds a license to a device, or starts a trial there. Asking again is not an error: the device gets the next lease of
/// the activation it has.
#[utoipa::path(post, path = "/device/v1/activations", tag = "Activations", request_body = ActivationRequest, security(()),
    responses((status = 201, description = "A new activation", body = Activation),
        (status = 200, description = "The activation that the device has already", body = Activation)))]
async fn activate(call: Device<ActivationRequest>) -> Result<Response, Problem> {
    let end_user = sign_in(&call).await.map_err(|error| call.problem(&error))?;
    let effect = move |tx: &mut dyn Tx, cx: &Context<'_>, body: &ActivationRequest| {
        let product = catalog::resolve_product(tx, &body.product)?;
        device::activate(tx, cx, &body.command(product, end_user)?)
    };
    call.run_and_show(effect, show_activated).await
}

/// What the device knows of its lease.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Renewal {
    /// Number of the latest lease it has. Two copies of one activation show themselves by it: a device may come with the
    /// number before the latest once, because an answer was lost, but not twice in a row.
    #[schema(example = 3)]
    number: u32,
    /// The device found its clock set back since it last looked.
    #[schema(example = json!(null))]
    clock_set_back: Option<ClockSetBack>,
}

/// A clock that went back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClockSetBack {
    /// The latest time that the device had seen.
    seen: Time,
    /// The time it found then.
    now: Time,
}

/// Renew
///
/// Gives the device its next lease, of the license as it is now.
#[utoipa::path(post, path = "/device/v1/activations/{activation}/renew", tag = "Activations", request_body = Renewal,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "The activation with its new lease", body = Activation)))]
async fn renew_activation(Path(id): Path<String>, call: Holder<Renewal>) -> Result<Response, Problem> {
    let effect = |tx: &mut dyn Tx, cx: &Context<'_>, credential: &DeviceCredential, body: &Renewal| {
        let clock_set_back = body.clock_set_back.as_ref().map(|clock| (clock.seen.0, clock.now.0));
        let number = Some(i64::from(body.number));
        device::renew(tx, cx, &Renew { device: credential.clone(), number, clock_set_back })
    };
    call.run_and_show(&id, effect, show_leased).await
}

/// A place that is kept.
#[derive(Serialize, ToSchema)]
struct Beat {
    /// The activation's id.
    #[schema(example = "act_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    activation: String,
    /// Number of its latest lease, which stays the latest.
    #[schema(example = 4)]
    number: i64,
    /// When to come again; `null` is never.
    renew_after: Option<Time>,
    /// Until when the place is kept; `null` is without end. The lease on the device ends when it says itself.
    expires_at: Option<Time>,
}

/// Heartbeat
///
/// Says that the device is still there. Its place is kept as a renewal would keep it; no lease is signed.
#[utoipa::path(post, path = "/device/v1/activations/{activation}/heartbeat", tag = "Activations", request_body = Nothing,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "The place is kept", body = Beat)))]
async fn beat(Path(id): Path<String>, call: Holder<Nothing>) -> Result<Response, Problem> {
    let effect = |tx: &mut dyn Tx, cx: &Context<'_>, credential: &DeviceCredential, _: &Nothing| {
        device::heartbeat(tx, cx, credential)
    };
    let show = |activation: device::Activation| {
        Ok(Reply::ok(&Beat {
            activation: activation.id.to_string(),
            number: activation.lease_number,
            renew_after: activation.renew_at.map(Time),
            expires_at: activation.lease_end.map(Time),
        }))
    };
    call.run_and_show(&id, effect, show).await
}

/// Get an activation
///
/// Its latest lease, without renewing it.
#[utoipa::path(get, path = "/device/v1/activations/{activation}", tag = "Activations",
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "The activation", body = Activation)))]
async fn get_activation(Path(id): Path<String>, call: Holder<Nothing>) -> Result<Response, Problem> {
    let effect = |tx: &mut dyn Tx, cx: &Context<'_>, credential: &DeviceCredential, _: &Nothing| {
        device::state_of(tx, cx, credential)
    };
    call.run_and_show(&id, effect, show_leased).await
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
