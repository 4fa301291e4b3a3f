//! What callers call records: native ids, and the names that dialects have for them.

use lessor_core::OrderRequestId;
use lessor_core::{
    AccountId, AgreementId, ApiKeyId, Context, EndUserId, Error, EventId, GroupId, HoldId, LicenseId, MailId, Noun,
    OperationId, PriceCategoryId, PriceListId, ProductId, ProfileId, ReconciliationId, RememberedNameId, StatementId,
    Tx, UserId,
};
use lessor_core::{alias, catalog};
use uuid::Uuid;

macro_rules! named {
    ($($(#[$meta:meta])* $function:ident -> $id:ident, $noun:ident;)+) => {$(
        $(#[$meta])*
        pub(crate) fn $function(tx: &mut dyn Tx, cx: &Context<'_>, name: &str) -> Result<$id, Error> {
            match $id::parse(name) {
                Some(id) => Ok(id),
                None => alias::find(tx, cx, name)?.map($id).ok_or(Error::not_found(Noun::$noun)),
            }
        }
    )+};
}

named! {
    /// An account by its id, or by `dialect:kind:name`.
    account -> AccountId, Account;
    /// A product by its id, or by `dialect:kind:name`.
    product -> ProductId, Product;
    /// A license by its id, or by `dialect:kind:name`.
    license -> LicenseId, License;
    /// A profile by its id, or by `dialect:kind:name`.
    profile -> ProfileId, Profile;
    /// A group of end users by its id, or by `dialect:kind:name`.
    group -> GroupId, Group;
    /// An end user by its id, or by `dialect:kind:name`.
    end_user -> EndUserId, EndUser;
}

/// As [`account`], for one that may be left out.
pub(crate) fn some_account(tx: &mut dyn Tx, cx: &Context<'_>, name: Option<&str>) -> Result<Option<AccountId>, Error> {
    name.map(|name| account(tx, cx, name)).transpose()
}

/// The vendor that is named, or the caller's own.
pub(crate) fn vendor(tx: &mut dyn Tx, cx: &Context<'_>, name: Option<&str>) -> Result<AccountId, Error> {
    Ok(some_account(tx, cx, name)?.unwrap_or(cx.actor().tenant))
}

/// The vendor whose records a list shows, and the product that the list is narrowed to: a product alone names its vendor.
pub(crate) fn vendor_and_product(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    vendor: Option<&str>,
    product: Option<&str>,
) -> Result<(AccountId, Option<ProductId>), Error> {
    let Some(name) = product else { return Ok((self::vendor(tx, cx, vendor)?, None)) };
    let id = self::product(tx, cx, name)?;
    let product = catalog::product(tx, cx, id)?;
    let vendor = match vendor {
        Some(_) => self::vendor(tx, cx, vendor)?,
        None => product.tenant,
    };
    Ok((vendor, Some(product.id)))
}

macro_rules! plain {
    ($($function:ident -> $id:ident, $noun:ident;)+) => {$(
        pub(crate) fn $function(name: &str) -> Result<$id, Error> {
            $id::parse(name).ok_or(Error::not_found(Noun::$noun))
        }
    )+};
}

plain! {
    user -> UserId, User;
    mail -> MailId, Mail;
    order_request -> OrderRequestId, OrderRequest;
    operation -> OperationId, Operation;
    agreement -> AgreementId, Agreement;
    api_key -> ApiKeyId, ApiKey;
    hold -> HoldId, Hold;
    price_category -> PriceCategoryId, PriceCategory;
    price_list -> PriceListId, PriceList;
    statement -> StatementId, Statement;
    reconciliation -> ReconciliationId, Reconciliation;
    remembered_name -> RememberedNameId, RememberedName;
}

/// The record behind an id of any kind: a prefix, `_`, 32 hex digits.
pub(crate) fn any(name: &str) -> Option<Uuid> {
    let (_, hex) = name.rsplit_once('_')?;
    EventId::parse(&format!("{}_{hex}", EventId::PREFIX)).map(|id| id.0)
}

/// An id of a record as its kind writes it.
pub(crate) fn written(kind: &str, id: Uuid) -> String {
    let prefix = match kind {
        "account" => AccountId::PREFIX,
        "user" => UserId::PREFIX,
        "mail" => MailId::PREFIX,
        "order_request" => OrderRequestId::PREFIX,
        "operation" => OperationId::PREFIX,
        "agreement" => AgreementId::PREFIX,
        "api_key" => ApiKeyId::PREFIX,
        "product" => ProductId::PREFIX,
        "profile" => ProfileId::PREFIX,
        "license" => LicenseId::PREFIX,
        "activation" => lessor_core::ActivationId::PREFIX,
        "trial" => lessor_core::TrialId::PREFIX,
        "price_category" => PriceCategoryId::PREFIX,
        "price_list" => PriceListId::PREFIX,
        "reconciliation" => ReconciliationId::PREFIX,
        "meter" => lessor_core::MeterId::PREFIX,
        "group" => GroupId::PREFIX,
        "end_user" => EndUserId::PREFIX,
        other => other,
    };
    format!("{prefix}_{}", id.simple())
}
