//! Opening this dialect for a vendor: what native administration does, since no call of the dialect can.

use crate::admin;
use crate::ids;
use crate::keys::KeyType;
use lessor_core::account::{self, CreateAccount, Kind};
use lessor_core::identity::api_key::KeyForm;
use lessor_core::{AccountId, Context, Error, Noun, Tx, alias, catalog};
use serde_json::json;

/// Opens the dialect for a vendor: its customer number, the five digits that its products begin with, and the server functions that
/// every customer has.
///
/// # Errors
/// `Taken` for a customer number in use, and what the core refuses.
pub fn set_up_tenant(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    vendor: AccountId,
    customer_id: &str,
    prefix: &str,
) -> Result<(), Error> {
    if alias::resolve_anywhere(tx, ids::TENANT.dialect, ids::TENANT.kind, customer_id)?.is_some() {
        return Err(lessor_core::Refusal::Taken { noun: Noun::Account, name: customer_id.to_owned() }.into());
    }
    alias::give(tx, vendor, ids::TENANT, customer_id, vendor.0, Noun::Account)?;
    alias::set_attributes(tx, vendor.0, ids::ATTRIBUTES, &json!({ "productPrefix": prefix }))?;
    catalog::register_function(tx, cx, vendor, "LTCO", false, true)?;
    catalog::register_function(tx, cx, vendor, "FeatureAvailability", true, false)
}

/// Makes a reseller of a vendor, which companies and profiles can then name.
///
/// # Errors
/// `Taken` for a name in use, and what the core refuses.
pub fn create_reseller(tx: &mut dyn Tx, cx: &Context<'_>, vendor: AccountId, name: &str) -> Result<AccountId, Error> {
    let cmd = CreateAccount {
        id: None,
        parent: Some(vendor),
        kind: Kind::Partner,
        name: name.to_owned(),
        contact: json!({}),
    };
    let account = account::create(tx, cx, &cmd)?;
    adopt_reseller(tx, vendor, account.id, name)?;
    Ok(account.id)
}

/// Names an account that exists already as a reseller; gives its number.
///
/// # Errors
/// `Taken` for a name in use.
pub fn adopt_reseller(tx: &mut dyn Tx, vendor: AccountId, account: AccountId, name: &str) -> Result<i64, Error> {
    alias::give(tx, vendor, ids::RESELLER, name, account.0, Noun::Reseller)?;
    ids::give_number(tx, vendor, ids::RESELLER_NUMBER, account.0, Noun::Reseller)
}

/// Makes a key of a tenant and gives its text, which cannot be had again.
///
/// # Errors
/// What the core refuses.
pub fn create_key(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    key_type: KeyType,
    description: &str,
) -> Result<String, Error> {
    admin::create(tx, cx, tenant, key_type, KeyForm::Alphanumeric32, description)
}
