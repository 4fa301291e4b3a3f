//! Making agreements, and retiring them.

use super::{Agreement, MOST_OF_VENDOR, rows};
use crate::account;
use crate::catalog;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, AgreementId, ProductId};
use crate::identity::Right;
use crate::journal;
use crate::text::{check_document, check_line, check_remark};
use lessor_db::Tx;
use serde_json::json;

/// Most characters of the terms.
const MOST_TEXT: usize = 100_000;

/// Make an agreement.
#[derive(Clone, Debug)]
pub struct CreateAgreement {
    /// The id it shall have, where records must be the same each time; otherwise a new one.
    pub id: Option<AgreementId>,
    /// The vendor whose terms they are.
    pub tenant: AccountId,
    /// The product that they are about; all of the vendor's otherwise.
    pub product: Option<ProductId>,
    /// 1 to 200 characters.
    pub name: String,
    /// At most 100 000 characters.
    pub text: String,
    /// At most 2000 characters; empty where the terms stand nowhere else.
    pub url: String,
}

/// Makes an agreement, which is asked for from now on.
///
/// # Errors
/// `NotFound` for the vendor or the product, `Forbidden`; `Taken` for an id that is in use; `Malformed`; `OutOfRange` for more
/// than 1000 of one vendor.
pub fn create(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateAgreement) -> Result<Agreement, Error> {
    let vendor = account::rows::lock(tx, cmd.tenant)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::CATALOG_WRITE), &vendor, Noun::Account)?;
    if vendor.id != vendor.tenant {
        return Err(Error::malformed("vendor", "only a vendor has agreements"));
    }
    if let Some(product) = cmd.product
        && catalog::product(tx, cx, product)?.tenant != vendor.id
    {
        return Err(Error::not_found(Noun::Product));
    }
    check_line("name", &cmd.name, 200)?;
    check_document("text", &cmd.text, MOST_TEXT)?;
    check_remark("url", &cmd.url, 2_000)?;
    if cmd.text.trim().is_empty() && cmd.url.trim().is_empty() {
        return Err(Error::malformed("text", "there must be a text, or an address where it can be read"));
    }
    if rows::count(tx, vendor.id)? >= MOST_OF_VENDOR as i64 {
        return Err(Refusal::OutOfRange { field: "agreements", min: 0, max: MOST_OF_VENDOR as i64 }.into());
    }
    let agreement = Agreement {
        id: cmd.id.unwrap_or_else(|| cx.new_id()),
        tenant: vendor.id,
        product: cmd.product,
        name: cmd.name.clone(),
        text: cmd.text.clone(),
        url: cmd.url.clone(),
        created_at: cx.now,
        retired_at: None,
    };
    rows::insert(tx, &agreement)
        .map_err(|error| Error::from(error).taken_on_unique(Noun::Agreement, &agreement.id.to_string()))?;
    let product = agreement.product.map(|product| product.to_string());
    let data = json!({ "after": { "name": agreement.name, "product": product, "url": agreement.url } });
    journal::append(tx, cx, "agreement.created", agreement.subject(vendor.id), &data)?;
    Ok(agreement)
}

/// Retires an agreement: nobody is asked for it any more. Who has accepted it stays known. Retiring twice is not an error.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn retire(tx: &mut dyn Tx, cx: &Context<'_>, id: AgreementId) -> Result<Agreement, Error> {
    let agreement = rows::lock(tx, id)?.ok_or(Error::not_found(Noun::Agreement))?;
    // Everyone in the tenant may read it: to them it is forbidden rather than not there.
    super::seen(tx, cx, id)?;
    let vendor = account::rows::by_id(tx, agreement.tenant)?.ok_or(Error::not_found(Noun::Agreement))?;
    cx.authorize(&Action::write(Right::CATALOG_WRITE), &vendor, Noun::Agreement).map_err(|_| Error::Forbidden)?;
    if agreement.retired_at.is_some() {
        return Ok(agreement);
    }
    rows::retire(tx, id, cx.now)?;
    journal::append(tx, cx, "agreement.retired", agreement.subject(vendor.id), &json!({ "name": agreement.name }))?;
    Ok(Agreement { retired_at: Some(cx.now), ..agreement })
}
