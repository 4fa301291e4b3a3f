//! Statements, and the closing of months.

use crate::call::{Cursor, Limit, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::billing::{self, StartClosing};
use lessor_core::metering::day::Month;
use lessor_core::{App, Error};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(close_month))
        .routes(routes!(preview_statement))
        .routes(routes!(list_statements))
        .routes(routes!(show_statement))
        .routes(routes!(check_statement))
}

/// A month of a vendor to close.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MonthToClose {
    /// The vendor; left out, the caller's own.
    vendor: Option<String>,
    /// The month, `YYYY-MM`: one that is over, and follows the last one closed.
    #[schema(example = "2026-03")]
    month: String,
}

/// The closing of a month.
#[derive(Serialize, ToSchema)]
struct Closing {
    /// The vendor.
    vendor: String,
    /// The month.
    #[schema(example = "2026-03")]
    month: String,
    /// What was known then is what its statements are made of.
    as_of: Time,
    /// When all statements were made; `null` while they are being made.
    finished_at: Option<Time>,
}

pub(super) fn month(text: &str) -> Result<Month, Error> {
    Month::parse(text).ok_or_else(|| Error::malformed("month", "it is a month, `YYYY-MM`"))
}

/// Close a month
///
/// Fixes the statements of all accounts of a vendor. They are made by and by, as of the moment of this call; asking again
/// tells whether all are made, and closes nothing twice.
#[utoipa::path(post, path = "/v1/closings", tag = "Billing", request_body = MonthToClose,
    security(("bearer" = ["billing:write"])),
    responses((status = 200, description = "The closing", body = Closing)))]
async fn close_month(write: Write<MonthToClose>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let vendor = name::vendor(tx, cx, call.body.vendor.as_deref())?;
            let cmd = StartClosing { vendor, month: month(&call.body.month)? };
            let closing = billing::start_closing(tx, cx, &cmd)?;
            Ok(Reply::ok(&Closing {
                vendor: closing.tenant.to_string(),
                month: closing.month.to_string(),
                as_of: closing.as_of.into(),
                finished_at: closing.finished_at.map(Into::into),
            }))
        })
        .await
}

/// What a statement says. Its members keep their order: the hash is over this very text.
fn read(document: &str) -> Result<Value, Error> {
    serde_json::from_str(document).map_err(|error| Error::malformed("statement", error.to_string()))
}

/// The bill of a closed month.
#[derive(Serialize, ToSchema)]
struct Statement {
    /// Its id.
    #[schema(example = "stm_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Whose it is.
    account: String,
    /// Of which month.
    #[schema(example = "2026-03")]
    month: String,
    /// Its place among the account's statements, from 1 on.
    #[schema(example = 1)]
    number: i64,
    /// The hash of the statement before it; 64 zeros for the first.
    #[schema(example = "0000000000000000000000000000000000000000000000000000000000000000")]
    previous_hash: String,
    /// SHA-256, in hexadecimal, over the 32 bytes of the hash before, the number in eight bytes, highest first, and `document`
    /// as JSON without white space, its members in the order in which they are here.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    hash: String,
    closed_at: Time,
    /// What it says: `lines` (each with the days and segments it was read off), `adjustments` of months closed before, and
    /// `totals` by currency.
    #[schema(value_type = Object, example = json!({"lines": [], "adjustments": [], "totals": []}))]
    document: Value,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl TryFrom<billing::Statement> for Statement {
    type Error = Error;

    fn try_from(statement: billing::Statement) -> Result<Self, Error> {
        Ok(Self {
            id: statement.id.to_string(),
            account: statement.account.to_string(),
            month: statement.month.to_string(),
            number: statement.link.number,
            previous_hash: hex(&statement.link.previous),
            hash: hex(&statement.hash),
            closed_at: statement.closed_at.into(),
            document: read(&statement.document)?,
        })
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PreviewStatement {
    /// Whose.
    account: String,
    /// Of which month, `YYYY-MM`: one that has begun and was not closed.
    #[param(example = "2026-03")]
    month: String,
}

/// What a statement would say.
#[derive(Serialize, ToSchema)]
struct Preview {
    /// As in a statement; `null` where there is nothing to bill.
    #[schema(value_type = Option<Object>, example = json!({"lines": [], "adjustments": [], "totals": []}))]
    document: Option<Value>,
}

/// Preview a statement
///
/// What the account's statement of a month would say if the month were closed now.
#[utoipa::path(get, path = "/v1/reports/statement", tag = "Billing", params(PreviewStatement),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "The preview", body = Preview)))]
async fn preview_statement(read_call: Read<PreviewStatement>) -> Result<Response, Problem> {
    read_call
        .run(|tx, cx, query| {
            let account = name::account(tx, cx, &query.account)?;
            let document = billing::preview(tx, cx, account, month(&query.month)?)?;
            Ok(Reply::ok(&Preview { document: document.as_deref().map(read).transpose()? }))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListStatements {
    /// Whose.
    account: String,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List statements
///
/// Those of an account itself, the oldest first. An account has none of a month in which it had nothing to pay for.
#[utoipa::path(get, path = "/v1/statements", tag = "Billing", params(ListStatements),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "A page of statements", body = Page<Statement>)))]
async fn list_statements(read_call: Read<ListStatements>) -> Result<Response, Problem> {
    read_call
        .run(|tx, cx, query| {
            let account = name::account(tx, cx, &query.account)?;
            let after = query.cursor.map_or(0, |cursor| i64::try_from(cursor.0).unwrap_or(i64::MAX));
            let found = billing::statements(tx, cx, account, after, with_one_more(query.limit))?;
            let shown: Result<Vec<Statement>, Error> = found.into_iter().map(Statement::try_from).collect();
            let place = |statement: &Statement| u128::try_from(statement.number).unwrap_or_default();
            Ok(Reply::ok(&Page::of(shown?, query.limit, place, |statement| statement)))
        })
        .await
}

/// Show a statement
#[utoipa::path(get, path = "/v1/statements/{statement}", tag = "Billing",
    params(("statement" = String, Path, description = "Which statement")),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "The statement", body = Statement)))]
async fn show_statement(Path(statement): Path<String>, read_call: Read) -> Result<Response, Problem> {
    read_call
        .run(move |tx, cx, _| {
            let found = billing::statement(tx, cx, name::statement(&statement)?)?;
            Ok(Reply::ok(&Statement::try_from(found)?))
        })
        .await
}

/// What a check of a statement found.
#[derive(Serialize, ToSchema)]
struct StatementCheck {
    /// Do the facts make the same bytes again?
    #[schema(example = true)]
    same_bytes: bool,
    /// Is the hash that of the document and its place?
    #[schema(example = true)]
    hash_holds: bool,
    /// Is `previous_hash` the hash of the statement before it?
    #[schema(example = true)]
    chain_holds: bool,
}

/// Check a statement
///
/// Makes it again from the facts it was made of, and compares.
#[utoipa::path(get, path = "/v1/statements/{statement}/check", tag = "Billing",
    params(("statement" = String, Path, description = "Which statement")),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "What was found", body = StatementCheck)))]
async fn check_statement(Path(statement): Path<String>, read_call: Read) -> Result<Response, Problem> {
    read_call
        .run(move |tx, cx, _| {
            let verdict = billing::verify(tx, cx, name::statement(&statement)?)?;
            Ok(Reply::ok(&StatementCheck {
                same_bytes: verdict.same_bytes,
                hash_holds: verdict.hash_holds,
                chain_holds: verdict.chain_holds,
            }))
        })
        .await
}
