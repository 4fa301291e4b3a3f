//! Who uses a product: what devices tell of the people before them, and what back offices add on their behalf.

use super::report::object_text;
use super::rows::consumers as rows;
use super::{Activation, DeviceCredential, authenticate, in_use};
use crate::account::rows as account_rows;
use crate::catalog::{self, Product};
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, ConsumerRecordId, ProductId};
use crate::identity::Right;
use crate::license::rows as license_rows;
use crate::page::Start;
use crate::text::check_remark;
use lessor_db::Tx;
use serde_json::Value;

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
    write(tx, cx, activation.tenant, &record).map(|_| ())
}

/// A record of who uses a product on a device.
#[derive(Clone, Debug)]
pub struct NewConsumerRecord {
    /// Of what.
    pub product: ProductId,
    /// On which device: 1 to 64 visible ASCII characters; it need not be known.
    pub fingerprint: String,
    /// Under which license, at most 64 characters; it need not be known. Empty for a trial.
    pub license_code: String,
    /// What the people said: an object of at most 16 KiB. Its members first name, last name, company and email are kept by
    /// themselves as well.
    pub document: Value,
}

/// A kept record of who uses a product.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerRecord {
    /// Its id.
    pub id: ConsumerRecordId,
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

/// What the people used the product under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerSource {
    /// A trial.
    Trial,
    /// A license.
    License,
}

/// Which records a list shows. Filters combine; those in time include their ends.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerFilter {
    /// Of this product.
    pub product: ProductId,
    /// On this device.
    pub fingerprint: Option<String>,
    /// Of trials or of licenses.
    pub source: Option<ConsumerSource>,
    /// Made at this instant or later.
    pub from: Option<Timestamp>,
    /// Made at this instant or before.
    pub until: Option<Timestamp>,
    /// Of the records that are left, only the last of each device under each license or in its trial.
    pub latest: bool,
}

impl ConsumerFilter {
    /// All of a product.
    pub fn of(product: ProductId) -> Self {
        Self { product, fingerprint: None, source: None, from: None, until: None, latest: false }
    }
}

/// Keeps a record on behalf of a device.
///
/// # Errors
/// `NotFound(Product)`; `Malformed` for a device, a code or a document that cannot be one.
pub fn add_consumer_record(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    record: &NewConsumerRecord,
) -> Result<ConsumerRecord, Error> {
    let product = of_caller(tx, cx, record.product, &Action::write(Right::LICENSES_WRITE))?;
    let id = &record.fingerprint;
    if !(1..=64).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::malformed("device", "its id is 1 to 64 visible ASCII characters"));
    }
    check_remark("license code", &record.license_code, 64)?;
    write(tx, cx, product.tenant, record)
}

fn write(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    record: &NewConsumerRecord,
) -> Result<ConsumerRecord, Error> {
    let kept = ConsumerRecord {
        id: cx.new_id(),
        product: record.product,
        fingerprint: record.fingerprint.clone(),
        license_code: record.license_code.clone(),
        first_name: member(&record.document, "firstname"),
        last_name: member(&record.document, "lastname"),
        company: member(&record.document, "company"),
        email: member(&record.document, "email"),
        document: object_text("consumer", &record.document)?,
        created_at: cx.now,
    };
    rows::insert(tx, tenant, &kept)?;
    Ok(kept)
}

/// A text member of an object, its name in any case and with or without `_`.
fn member(document: &Value, name: &str) -> String {
    let members = document.as_object().into_iter().flatten();
    let found = members.into_iter().find(|(key, _)| key.replace('_', "").eq_ignore_ascii_case(name));
    let text = found.and_then(|(_, value)| value.as_str()).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// A page of a product's records in the order they were made.
///
/// # Errors
/// `NotFound(Product)`.
pub fn consumer_records(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &ConsumerFilter,
    start: Start,
    limit: u32,
) -> Result<Vec<ConsumerRecord>, Error> {
    of_caller(tx, cx, filter.product, &Action::read(Right::LICENSES_READ))?;
    Ok(rows::records(tx, filter, start, limit)?)
}

/// How many records the filter leaves.
///
/// # Errors
/// `NotFound(Product)`.
pub fn count_consumer_records(tx: &mut dyn Tx, cx: &Context<'_>, filter: &ConsumerFilter) -> Result<i64, Error> {
    of_caller(tx, cx, filter.product, &Action::read(Right::LICENSES_READ))?;
    Ok(rows::count(tx, filter)?)
}

/// A product whose vendor the caller may do this to.
fn of_caller(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, action: &Action) -> Result<Product, Error> {
    let product = catalog::rows::product(tx, product)?.ok_or(Error::not_found(Noun::Product))?;
    let vendor = account_rows::by_id(tx, product.tenant)?.ok_or(Error::not_found(Noun::Product))?;
    cx.authorize(action, &vendor, Noun::Product)?;
    Ok(product)
}
