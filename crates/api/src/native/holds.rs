//! Holds on accounts and licenses.

use crate::call::{Nothing, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Reach, Time};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::account::{self, HoldTarget, LiftHold, PlaceHold};
use lessor_core::{App, Context, Error, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_account_holds, hold_account))
        .routes(routes!(list_license_holds, hold_license))
        .routes(routes!(lift_hold))
}

/// A reason why something may not be used.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hold {
    /// Its id.
    #[schema(example = "hld_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The account it is on, if it is on one.
    account: Option<String>,
    /// The license it is on, if it is on one.
    license: Option<String>,
    /// How far it goes.
    reach: Reach,
    /// Why, in a word that programs compare.
    #[schema(example = "unpaid")]
    cause: String,
    /// Why, in a sentence for people.
    #[schema(example = "Invoice 2026-0117 is overdue.")]
    note: String,
    placed_at: Time,
    /// Who placed it.
    #[schema(example = "usr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    placed_by: String,
    /// When it was lifted; `null` while it is in force.
    lifted_at: Option<Time>,
    /// Who lifted it.
    lifted_by: Option<String>,
}

impl From<account::Hold> for Hold {
    fn from(hold: account::Hold) -> Self {
        let (account, license) = match hold.target {
            HoldTarget::Account(id) => (Some(id.to_string()), None),
            HoldTarget::License(id) => (None, Some(id.to_string())),
        };
        Self {
            id: hold.id.to_string(),
            account,
            license,
            reach: hold.reach.into(),
            cause: hold.cause,
            note: hold.note,
            placed_at: hold.placed_at.into(),
            placed_by: hold.placed_by,
            lifted_at: hold.lifted_at.map(Time),
            lifted_by: hold.lifted_by,
        }
    }
}

/// A hold to place on an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccountHold {
    /// How far it goes.
    reach: Reach,
    /// Why, in 1 to 64 characters that programs compare.
    #[schema(example = "unpaid")]
    cause: String,
    /// Why, in at most 500 characters for people.
    #[serde(default)]
    #[schema(example = "Invoice 2026-0117 is overdue.")]
    note: String,
}

/// A hold to place on a license.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLicenseHold {
    /// Why, in 1 to 64 characters that programs compare.
    #[schema(example = "chargeback")]
    cause: String,
    /// Why, in at most 500 characters for people.
    #[serde(default)]
    #[schema(example = "The card was charged back.")]
    note: String,
}

fn listed(tx: &mut dyn Tx, cx: &Context<'_>, target: HoldTarget) -> Result<Reply, Error> {
    let holds = account::holds_of(tx, cx, target)?;
    let items = holds.into_iter().map(Hold::from).collect();
    Ok(Reply::ok(&Page { items, next: None }))
}

fn placed(tx: &mut dyn Tx, cx: &Context<'_>, command: &PlaceHold) -> Result<Reply, Error> {
    let hold = Hold::from(account::place(tx, cx, command)?);
    Ok(Reply::created(format!("/v1/holds/{}", hold.id), &hold))
}

/// List holds on an account
///
/// The holds in force on the account itself, in the order they were placed; at most a hundred. Those from above that
/// reach it are on the accounts above.
#[utoipa::path(get, path = "/v1/accounts/{account}/holds", tag = "Holds",
    params(("account" = String, Path, description = "Which account")),
    security(("bearer" = ["accounts:read"])),
    responses((status = 200, description = "The holds", body = Page<Hold>)))]
async fn list_account_holds(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let target = HoldTarget::Account(name::account(tx, cx, &id)?);
        listed(tx, cx, target)
    })
    .await
}

/// Hold an account
///
/// Places a hold. An account may have several, each lifted by itself; it is suspended while any reaches it.
#[utoipa::path(post, path = "/v1/accounts/{account}/holds", tag = "Holds", request_body = NewAccountHold,
    params(("account" = String, Path, description = "Which account")),
    security(("bearer" = ["accounts:write"])),
    responses((status = 201, description = "The hold", body = Hold)))]
async fn hold_account(Path(id): Path<String>, write: Write<NewAccountHold>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let command = PlaceHold {
                target: HoldTarget::Account(name::account(tx, cx, &id)?),
                reach: call.body.reach.into(),
                cause: call.body.cause.clone(),
                note: call.body.note.clone(),
            };
            placed(tx, cx, &command)
        })
        .await
}

/// List holds on a license
///
/// The holds in force on the license itself, in the order they were placed; at most a hundred.
#[utoipa::path(get, path = "/v1/licenses/{license}/holds", tag = "Holds",
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The holds", body = Page<Hold>)))]
async fn list_license_holds(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let target = HoldTarget::License(name::license(tx, cx, &id)?);
        listed(tx, cx, target)
    })
    .await
}

/// Hold a license
///
/// Places a hold on one license: no device starts or renews with it until all of its holds are lifted.
#[utoipa::path(post, path = "/v1/licenses/{license}/holds", tag = "Holds", request_body = NewLicenseHold,
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 201, description = "The hold", body = Hold)))]
async fn hold_license(Path(id): Path<String>, write: Write<NewLicenseHold>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let command = PlaceHold {
                target: HoldTarget::License(name::license(tx, cx, &id)?),
                reach: account::Reach::Own,
                cause: call.body.cause.clone(),
                note: call.body.note.clone(),
            };
            placed(tx, cx, &command)
        })
        .await
}

/// Lift a hold
///
/// What other holds reach stays held. Lifting twice is not an error and changes nothing.
#[utoipa::path(delete, path = "/v1/holds/{hold}", tag = "Holds",
    params(("hold" = String, Path, description = "Which hold")),
    security(("bearer" = ["accounts:write", "licenses:write"])),
    responses((status = 200, description = "The hold as it is now", body = Hold)))]
async fn lift_hold(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let hold = account::lift(tx, cx, &LiftHold { hold: name::hold(&id)? })?;
            Ok(Reply::ok(&Hold::from(hold)))
        })
        .await
}
