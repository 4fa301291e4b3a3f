//! What other systems call our records, remembered for their reconciliations.

use crate::call::{Cursor, Limit, Nothing, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::billing::reconcile::{self, Bound, RememberName};
use lessor_core::{AccountId, App, Error, LicenseId, MeterId, ProductId, RememberedNameId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_remembered_names, remember_name))
        .routes(routes!(forget_remembered_name))
}

/// A name of another system, and whose it is.
#[derive(Serialize, ToSchema)]
struct RememberedName {
    /// Its id.
    #[schema(example = "rnm_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// In whose reconciliations.
    account: String,
    /// The other system.
    #[schema(example = "crm")]
    system: String,
    /// What it calls the record.
    #[schema(example = "Fabrikam Inc.")]
    name: String,
    /// The account, product, license or meter.
    #[schema(example = "acc_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    record: String,
    /// The key of the meter.
    #[schema(example = json!(null))]
    key: Option<String>,
    /// When it was told, or told otherwise.
    remembered_at: Time,
}

impl From<reconcile::RememberedName> for RememberedName {
    fn from(name: reconcile::RememberedName) -> Self {
        let key = match &name.bound {
            Bound::Meter(_, key) => Some(key.clone()).filter(|key| !key.is_empty()),
            Bound::Account(_) | Bound::Product(_) | Bound::License(_) => None,
        };
        Self {
            id: name.id.to_string(),
            account: name.account.to_string(),
            system: name.system,
            name: name.name,
            record: name.bound.written(),
            key,
            remembered_at: name.remembered_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListRememberedNames {
    /// In whose reconciliations.
    account: String,
    /// Only those of this system.
    system: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List remembered names
///
/// What other systems call records, in the order in which it was told first.
#[utoipa::path(get, path = "/v1/remembered-names", tag = "Billing", params(ListRememberedNames),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "A page of names", body = Page<RememberedName>)))]
async fn list_remembered_names(read: Read<ListRememberedNames>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let account = name::account(tx, cx, &query.account)?;
        let after = query.cursor.map(|cursor| RememberedNameId(Uuid::from_u128(cursor.0)));
        let limit = with_one_more(query.limit);
        let found = reconcile::remembered_names(tx, cx, account, query.system.as_deref(), after, limit)?;
        Ok(Reply::ok(&Page::of(found, query.limit, |name| name.id.0.as_u128(), RememberedName::from)))
    })
    .await
}

/// A name to remember.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NameToRemember {
    /// In whose reconciliations.
    account: String,
    /// The other system: 1 to 32 lower-case letters, digits, `_` or `-`.
    #[schema(example = "crm")]
    system: String,
    /// What it calls the record: 1 to 200 characters.
    #[schema(example = "Fabrikam Inc.")]
    name: String,
    /// Id of an account or a license of the account's branch, or of a product or a meter of its vendor.
    #[schema(example = "acc_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    record: String,
    /// Only this key of the meter.
    #[schema(example = json!(null))]
    key: Option<String>,
}

impl NameToRemember {
    fn bound(&self) -> Result<Bound, Error> {
        let bound = AccountId::parse(&self.record).map(Bound::Account);
        let bound = bound.or_else(|| ProductId::parse(&self.record).map(Bound::Product));
        let bound = bound.or_else(|| LicenseId::parse(&self.record).map(Bound::License));
        let meter = || MeterId::parse(&self.record);
        match (bound, &self.key) {
            (Some(bound), None) => Ok(bound),
            (Some(_), Some(_)) => Err(Error::malformed("key", "only meters have one")),
            (None, key) => {
                let none = || Error::malformed("record", "it is the id of an account, a product, a license or a meter");
                Ok(Bound::Meter(meter().ok_or_else(none)?, key.clone().unwrap_or_default()))
            }
        }
    }
}

/// Remember a name
///
/// Says whose a name of another system is, for all reconciliations to come of that account and system. Told again, it is whose it
/// was said to be last.
#[utoipa::path(put, path = "/v1/remembered-names", tag = "Billing", request_body = NameToRemember,
    security(("bearer" = ["billing:write"])),
    responses((status = 200, description = "The name", body = RememberedName)))]
async fn remember_name(write: Write<NameToRemember>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let sent = &call.body;
            let command = RememberName {
                account: name::account(tx, cx, &sent.account)?,
                system: sent.system.clone(),
                name: sent.name.clone(),
                bound: sent.bound()?,
            };
            Ok(Reply::ok(&RememberedName::from(reconcile::remember_name(tx, cx, &command)?)))
        })
        .await
}

/// Forget a remembered name
///
/// Reconciliations that were made with it stay as they are.
#[utoipa::path(delete, path = "/v1/remembered-names/{remembered_name}", tag = "Billing",
    params(("remembered_name" = String, Path, description = "Which name")),
    security(("bearer" = ["billing:write"])),
    responses((status = 204, description = "It is forgotten")))]
async fn forget_remembered_name(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            reconcile::forget_name(tx, cx, name::remembered_name(&id)?)?;
            Ok(Reply::nothing())
        })
        .await
}
