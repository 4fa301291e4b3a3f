//! Operations: what takes longer than a call.

use crate::call::{Cursor, Limit, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{OperationKind, OperationState, Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::operation::{self, Begin};
use lessor_core::{App, OperationId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_operations, begin_operation)).routes(routes!(get_operation))
}

/// Something that takes longer than a call.
#[derive(Serialize, ToSchema)]
struct Operation {
    /// Its id.
    #[schema(example = "opr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The account that it is done to.
    account: String,
    kind: OperationKind,
    state: OperationState,
    /// Who began it.
    #[schema(example = "usr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    begun_by: String,
    created_at: Time,
    /// When it was done, or had failed; `null` until then.
    finished_at: Option<Time>,
    /// Why it failed.
    problem: Option<String>,
}

impl From<operation::Operation> for Operation {
    fn from(operation: operation::Operation) -> Self {
        Self {
            id: operation.id.to_string(),
            account: operation.account.to_string(),
            kind: operation.kind.into(),
            state: operation.state.into(),
            begun_by: operation.begun_by.to_string(),
            created_at: operation.created_at.into(),
            finished_at: operation.finished_at.map(Time),
            problem: operation.problem,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListOperations {
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List operations of an account
///
/// In the order they were begun; kept for 30 days after their end.
#[utoipa::path(get, path = "/v1/accounts/{account}/operations", tag = "Operations",
    params(("account" = String, Path, description = "Which account"), ListOperations),
    security(("bearer" = ["accounts:read"])),
    responses((status = 200, description = "A page of operations", body = Page<Operation>)))]
async fn list_operations(Path(id): Path<String>, read: Read<ListOperations>) -> Result<Response, Problem> {
    read.run(move |tx, cx, query| {
        let account = name::account(tx, cx, &id)?;
        let after = query.cursor.map(|cursor| OperationId(Uuid::from_u128(cursor.0)));
        let found = operation::list(tx, cx, account, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |operation| operation.id.0.as_u128(), Operation::from)))
    })
    .await
}

/// An operation to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOperation {
    kind: OperationKind,
}

/// Begin an operation on an account
///
/// To `suspend` an account places a hold of cause `suspended` on its branch. To `resume` it lifts the holds of that cause on the
/// account's own licenses and then the one on the account; holds of other causes stay. An account has one operation at a time.
#[utoipa::path(post, path = "/v1/accounts/{account}/operations", tag = "Operations", request_body = NewOperation,
    params(("account" = String, Path, description = "Which account")),
    security(("bearer" = ["accounts:write", "licenses:write"])),
    responses((status = 202, description = "The operation, which goes on by itself", body = Operation)))]
async fn begin_operation(Path(id): Path<String>, write: Write<NewOperation>) -> Result<Response, Problem> {
    let app = write.head.app.clone();
    let answer = write
        .run(move |tx, cx, call| {
            let command = Begin { account: name::account(tx, cx, &id)?, kind: call.body.kind.into() };
            let operation = Operation::from(operation::begin(tx, cx, &command)?);
            let place = format!("/v1/operations/{}", operation.id);
            Ok(Reply::created(place, &operation).with_status(http::StatusCode::ACCEPTED))
        })
        .await?;
    operation::run_soon(app);
    Ok(answer)
}

/// Get an operation
///
/// Ask again until its `state` is `done` or `failed`.
#[utoipa::path(get, path = "/v1/operations/{operation}", tag = "Operations",
    params(("operation" = String, Path, description = "Which operation", example = "opr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")),
    security(("bearer" = ["accounts:read"])),
    responses((status = 200, description = "The operation", body = Operation)))]
async fn get_operation(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let operation = operation::get(tx, cx, name::operation(&id)?)?;
        Ok(Reply::ok(&Operation::from(operation)))
    })
    .await
}
