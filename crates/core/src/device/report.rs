//! What devices tell of themselves and of the people who use them.

use super::{Activation, DeviceCredential, authenticate, in_use, rows};
use crate::account::rows as account_rows;
use crate::catalog;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, ProductId};
use crate::identity::Right;
use crate::license::rows as license_rows;
use lessor_db::Tx;
use serde_json::Value;
use uuid::Uuid;

/// Most bytes of one report, written as JSON.
const MOST_BYTES: usize = 16 * 1024;

/// A device reports itself; the last report counts.
pub fn report_system(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    system: &Value,
) -> Result<(), Error> {
    let activation = in_use(authenticate(tx, cx, device)?)?;
    write_system(tx, cx, &activation, system)
}

pub(super) fn write_system(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    activation: &Activation,
    system: &Value,
) -> Result<(), Error> {
    let text = object_text("system", system)?;
    rows::set_system(tx, activation.device, &text, cx.now)?;
    Ok(())
}

/// A device reports who uses it.
pub fn report_consumer(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    consumer: &Value,
) -> Result<(), Error> {
    let activation = in_use(authenticate(tx, cx, device)?)?;
    write_consumer(tx, cx, &activation, consumer)
}

pub(super) fn write_consumer(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    activation: &Activation,
    consumer: &Value,
) -> Result<(), Error> {
    let license_code = match activation.license {
        Some(license) => license_rows::by_id(tx, license)?.map(|license| license.code).unwrap_or_default(),
        None => String::new(),
    };
    let record = NewConsumerRecord {
        product: activation.product,
        fingerprint: activation.fingerprint.clone(),
        license_code,
        document: consumer.clone(),
    };
    write_record(tx, cx, activation.tenant, &record)
}

/// A record of who uses a product on a device.
#[derive(Clone, Debug)]
pub struct NewConsumerRecord {
    /// Of what.
    pub product: ProductId,
    /// On which device; it need not be known.
    pub fingerprint: String,
    /// Under which license; empty for a trial.
    pub license_code: String,
    /// What the people said: an object. Its members first name, last name, company and email can be searched for.
    pub document: Value,
}

/// A kept record of who uses a product.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerRecord {
    /// Of what.
    pub product: ProductId,
    /// On which device.
    pub fingerprint: String,
    /// Under which license; empty for a trial.
    pub license_code: String,
    /// From the document.
    pub first_name: String,
    /// From the document.
    pub last_name: String,
    /// From the document.
    pub company: String,
    /// From the document.
    pub email: String,
    /// What the people said, as JSON text.
    pub document: String,
    /// When.
    pub created_at: Timestamp,
}

/// Keeps a record on behalf of a device.
pub fn add_consumer_record(tx: &mut dyn Tx, cx: &Context<'_>, record: &NewConsumerRecord) -> Result<(), Error> {
    let product = catalog::rows::product(tx, record.product)?.ok_or(Error::not_found(Noun::Product))?;
    let vendor = account_rows::by_id(tx, product.tenant)?.ok_or(Error::not_found(Noun::Product))?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &vendor, Noun::Product)?;
    write_record(tx, cx, product.tenant, record)
}

fn write_record(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId, record: &NewConsumerRecord) -> Result<(), Error> {
    let document = object_text("consumer", &record.document)?;
    let kept = ConsumerRecord {
        product: record.product,
        fingerprint: record.fingerprint.clone(),
        license_code: record.license_code.clone(),
        first_name: member(&record.document, "firstname"),
        last_name: member(&record.document, "lastname"),
        company: member(&record.document, "company"),
        email: member(&record.document, "email"),
        document,
        created_at: cx.now,
    };
    rows::insert_consumer(tx, cx.new_id::<Uuid>(), tenant, &kept)?;
    Ok(())
}

/// A text member of an object, its name in any case and with or without `_`.
fn member(document: &Value, name: &str) -> String {
    let members = document.as_object().into_iter().flatten();
    let found = members.into_iter().find(|(key, _)| key.replace('_', "").eq_ignore_ascii_case(name));
    let text = found.and_then(|(_, value)| value.as_str()).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn object_text(field: &'static str, value: &Value) -> Result<String, Error> {
    if !value.is_object() {
        return Err(Error::malformed(field, "it is an object"));
    }
    let text = value.to_string();
    if text.len() > MOST_BYTES {
        return Err(Error::malformed(field, "it has at most 16 KiB"));
    }
    Ok(text)
}

/// What a device last reported of itself.
///
/// # Errors
/// `NotFound(SystemReport)` when it never did.
pub fn system_report(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, fingerprint: &str) -> Result<Value, Error> {
    let product = catalog::rows::product(tx, product)?.ok_or(Error::not_found(Noun::Product))?;
    let vendor = account_rows::by_id(tx, product.tenant)?.ok_or(Error::not_found(Noun::Product))?;
    cx.authorize(&Action::read(Right::LICENSES_READ), &vendor, Noun::Product)?;
    let text = rows::system_of(tx, product.id, fingerprint)?.ok_or(Error::not_found(Noun::SystemReport))?;
    serde_json::from_str(&text).map_err(|error| super::lease::broken("system report", error))
}
