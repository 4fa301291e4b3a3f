//! Devices that are never online: a signed request goes in, a signed answer comes out, and a signed proof gives it back.

use super::activate::{Activate, DeviceFacts, Way, by_code, on_trial, open_product, report_along};
use super::{ActivationKind, ReturnCause, give_back, lease, rows};
use crate::account::rows as account_rows;
use crate::catalog;
use crate::context::{Action, Context, Who};
use crate::error::{Error, Noun, Refusal};
use crate::id::{ActivationId, ProductId};
use crate::identity::Right;
use crate::journal::Subject;
use crate::license::{self, rows as license_rows};
use crate::text::check_remark;
use lessor_db::Tx;
use lessor_lease::{Document, OfflineAnswer, OfflineRequest, PublicKey, VERSION, from_hex};
use serde_json::json;

/// How long a request may be on its way.
const REQUEST_DAYS: i64 = 14;

/// Reads a request and checks its signature, without spending it.
pub fn inspect_request(text: &str) -> Result<OfflineRequest, Error> {
    let document = Document::parse(text)?;
    Ok(document.open_request()?)
}

/// Answers a request: activates its license (or starts a trial) and gives the answer document. The same request again
/// gives the very same answer and takes no second place. `product`, when given, must be the request's.
///
/// # Errors
/// `BadCertificate`, `StaleCertificate` after 14 days, and whatever stops an activation.
pub fn offline_activate(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: Option<ProductId>,
    text: &str,
) -> Result<String, Error> {
    let document = Document::parse(text)?;
    let request = document.open_request()?;
    let asked = catalog::resolve_product(tx, &request.product)?;
    may_answer(tx, cx, asked)?;
    let carried = catalog::rows::product(tx, asked)?.ok_or(Error::not_found(Noun::Product))?;
    tell_if_refused(cx, &carried, json!({ "device": request.device, "request": request.request }));
    if product.is_some_and(|product| product != asked) {
        return Err(Refusal::BadCertificate("it asks for another product".into()).into());
    }
    if !is_request_name(&request.request) {
        return Err(Refusal::BadCertificate("its name is not 32 hexadecimal digits".into()).into());
    }
    super::check_fingerprint(&request.device)?;
    check_remark("user", &request.user, 200)?;
    check_remark("name", &request.device_name, 200)?;
    wait_for_twin(tx, cx, asked, &request)?;
    if let Some(answer) = rows::answer_to(tx, asked, &request.request)? {
        return same_answer(&answer, &document);
    }
    let age = cx.now.seconds().saturating_sub(request.created);
    if age > REQUEST_DAYS * 86_400 {
        return Err(Refusal::StaleCertificate.into());
    }
    cx.take_denial();
    open_product(tx, cx, asked, None)?;
    let cmd = command(asked, &request)?;
    let way = Way { kind: ActivationKind::Offline, request: Some(&request.request) };
    let (leased, _) = match &cmd.code {
        Some(code) => by_code(tx, cx, code, &cmd, way)?,
        None => on_trial(tx, cx, &cmd, way)?,
    };
    report_along(tx, cx, &leased.activation, &cmd)?;
    let answer = OfflineAnswer {
        v: VERSION,
        request: request.request.clone(),
        request_digest: document.digest(),
        lease: leased.lease(),
    };
    let answer = answer.sign(&leased.known.signer).map_err(|error| lease::broken("offline answer", error))?.to_string();
    rows::keep_answer(tx, leased.activation.id, &document.digest(), &answer)?;
    Ok(answer)
}

/// A request or proof that is forged, foreign, replayed or too old is worth an event of the vendor's.
fn tell_if_refused(cx: &Context<'_>, product: &catalog::Product, data: serde_json::Value) {
    let subject = Subject { kind: "product", id: product.id.0, account: product.tenant, tenant: product.tenant };
    cx.if_refused("certificate.refused", subject, data);
}

/// Takes the lock under which the request will be answered, so that a twin which is being answered right now has its
/// answer before anybody looks for one.
fn wait_for_twin(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, request: &OfflineRequest) -> Result<(), Error> {
    match &request.license {
        Some(code) if license::is_code(code) => drop(license_rows::lock_by_code(tx, product, code)?),
        Some(_) => {}
        None => {
            let product = catalog::rows::product(tx, product)?.ok_or(Error::not_found(Noun::Product))?;
            rows::known(tx, cx.new_id(), &product, &request.device, cx.now)?;
        }
    }
    Ok(())
}

/// 16 random bytes.
fn is_request_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Two requests under one name are not the same request.
fn same_answer(kept: &str, request: &Document) -> Result<String, Error> {
    match kept.split_once(' ') {
        Some((digest, answer)) if digest == request.digest() => Ok(answer.to_owned()),
        _ => Err(Refusal::BadCertificate("another request of that name was answered".into()).into()),
    }
}

/// A device brings its own request; anyone else needs the right to answer for devices.
pub(crate) fn may_answer(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId) -> Result<(), Error> {
    if matches!(cx.actor().who, Who::Device(_)) {
        return Ok(());
    }
    let product = catalog::rows::product(tx, product)?.ok_or(Error::not_found(Noun::Product))?;
    let vendor = account_rows::by_id(tx, product.tenant)?.ok_or(Error::not_found(Noun::Product))?;
    cx.authorize(&Action::write(Right::OFFLINE), &vendor, Noun::Product)
}

fn command(product: ProductId, request: &OfflineRequest) -> Result<Activate, Error> {
    let key = from_hex(&request.device_key).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = key.ok_or_else(|| Error::from(Refusal::BadCertificate("its device key cannot be read".into())))?;
    Ok(Activate {
        product,
        code: request.license.clone(),
        end_user: None,
        device: DeviceFacts {
            fingerprint: request.device.clone(),
            public_key: Some(key),
            virtual_platform: None,
            name: request.device_name.clone(),
        },
        lease_days: None,
        user: request.user.clone(),
        system: request.system.clone(),
        consumer: request.consumer.clone(),
    })
}

/// Takes an activation back on a proof signed by its device. The same proof again changes nothing.
///
/// # Errors
/// `BadCertificate`; `NotFound(Activation)`; `StaleCertificate` for a proof older than a lease given since.
pub fn offline_return(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: Option<ProductId>,
    text: &str,
) -> Result<ActivationId, Error> {
    let document = Document::parse(text)?;
    let claim = document.unverified_return()?;
    let id = ActivationId::parse(&claim.activation).ok_or(Error::not_found(Noun::Activation))?;
    let found = rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::Activation))?;
    if product.is_some_and(|product| product != found.product) {
        return Err(Error::not_found(Noun::Activation));
    }
    may_answer(tx, cx, found.product)?;
    let sold = catalog::rows::product(tx, found.product)?.ok_or(Error::not_found(Noun::Product))?;
    tell_if_refused(cx, &sold, json!({ "device": found.fingerprint, "activation": found.id.to_string() }));
    let key = rows::public_key(tx, found.device)?.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = key.and_then(|bytes| PublicKey::from_bytes(&bytes).ok());
    let key = key.ok_or_else(|| Error::from(Refusal::BadCertificate("its device has no key".into())))?;
    let proof = document.open_return(&key)?;
    match found.license {
        Some(license) => drop(license_rows::lock(tx, license)?),
        None => rows::lock_device(tx, found.device)?,
    }
    let activation = rows::lock(tx, id)?.ok_or(Error::not_found(Noun::Activation))?;
    if proof.device != activation.fingerprint {
        return Err(Refusal::BadCertificate("it is of another device".into()).into());
    }
    if activation.active && proof.number < u64::try_from(activation.lease_number).unwrap_or(0) {
        return Err(Refusal::StaleCertificate.into());
    }
    give_back::end(tx, cx, &activation, ReturnCause::Offline)?;
    Ok(id)
}
