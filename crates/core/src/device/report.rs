//! What devices tell of themselves.

use super::{Activation, DeviceCredential, authenticate, in_use, rows};
use crate::account::rows as account_rows;
use crate::catalog;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::ProductId;
use crate::identity::Right;
use lessor_db::Tx;
use serde_json::Value;

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

pub(super) fn object_text(field: &'static str, value: &Value) -> Result<String, Error> {
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
