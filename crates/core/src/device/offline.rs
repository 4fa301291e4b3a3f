//! Devices that are never online: a signed request goes in, a signed answer comes out, and a signed proof gives it back.

use super::activate::{Activate, DeviceFacts, Way, lock_license, on_license, on_trial, open_product, report_along};
use super::{ActivationKind, ReturnCause, give_back, lease, rows};
use crate::account::rows as account_rows;
use crate::catalog;
use crate::context::{Action, Context, Who};
use crate::error::{Error, Noun, Refusal};
use crate::id::{ActivationId, ProductId};
use crate::identity::Right;
use crate::license::rows as license_rows;
use crate::text::check_remark;
use lessor_db::Tx;
use lessor_lease::{Document, DocumentError, OfflineAnswer, OfflineRequest, PublicKey, VERSION, from_hex};

/// How long a request may be on its way.
const REQUEST_DAYS: i64 = 14;

/// Reads a request and checks its signature, without spending it.
pub fn inspect_request(text: &str) -> Result<OfflineRequest, Error> {
    let document = Document::parse(text).map_err(bad)?;
    document.open_request().map_err(bad)
}

fn bad(error: DocumentError) -> Error {
    Refusal::BadCertificate(error.to_string()).into()
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
    let document = Document::parse(text).map_err(bad)?;
    let request = document.open_request().map_err(bad)?;
    let asked = catalog::resolve_product(tx, &request.product)?;
    if product.is_some_and(|product| product != asked) {
        return Err(Refusal::BadCertificate("it asks for another product".into()).into());
    }
    may_answer(tx, cx, asked)?;
    if !is_request_name(&request.request) {
        return Err(Refusal::BadCertificate("its name is not 32 hexadecimal digits".into()).into());
    }
    super::check_fingerprint(&request.device)?;
    check_remark("user", &request.user, 200)?;
    wait_for_twin(tx, cx, asked, &request)?;
    if let Some(answer) = rows::answer_to(tx, asked, &request.request)? {
        return same_answer(&answer, &document);
    }
    let age = cx.now.seconds().saturating_sub(request.created);
    if age > REQUEST_DAYS * 86_400 {
        return Err(Refusal::StaleCertificate.into());
    }
    let product = open_product(tx, asked)?;
    let cmd = command(asked, &request)?;
    let way = Way { kind: ActivationKind::Offline, request: Some(&request.request) };
    let (activation, _) = match &cmd.code {
        Some(code) => on_license(tx, cx, &product, code, &cmd, way)?,
        None => on_trial(tx, cx, &product, &cmd, way)?,
    };
    report_along(tx, cx, &activation, &cmd)?;
    let answer = OfflineAnswer {
        v: VERSION,
        request: request.request.clone(),
        request_digest: document.digest(),
        lease: lease::build(tx, &activation, &product)?,
    };
    let signer = catalog::signer(tx, product.id)?;
    let answer = answer.sign(&signer).map_err(|error| lease::broken("offline answer", error))?.to_string();
    rows::keep_answer(tx, activation.id, &document.digest(), &answer)?;
    Ok(answer)
}

/// Takes the lock under which the request will be answered, so that a twin which is being answered right now has its
/// answer before anybody looks for one.
fn wait_for_twin(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, request: &OfflineRequest) -> Result<(), Error> {
    match &request.license {
        Some(code) => drop(lock_license(tx, product, code)?),
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
fn may_answer(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId) -> Result<(), Error> {
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
        device: DeviceFacts { fingerprint: request.device.clone(), public_key: Some(key), virtual_platform: None },
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
    let document = Document::parse(text).map_err(bad)?;
    let claim = document.unverified_return().map_err(bad)?;
    let id = ActivationId::parse(&claim.activation).ok_or(Error::not_found(Noun::Activation))?;
    let found = rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::Activation))?;
    if product.is_some_and(|product| product != found.product) {
        return Err(Error::not_found(Noun::Activation));
    }
    may_answer(tx, cx, found.product)?;
    let key = rows::public_key(tx, found.device)?.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = key.and_then(|bytes| PublicKey::from_bytes(&bytes).ok());
    let key = key.ok_or_else(|| Error::from(Refusal::BadCertificate("its device has no key".into())))?;
    let proof = document.open_return(&key).map_err(bad)?;
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
