//! Reconciliations: tables of other systems beside statements.

use crate::call::{Cursor, Limit, Nothing, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Reach, ReconciledItem, Time, with_one_more};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::response::Response;
use lessor_core::billing::reconcile::{self, Columns, Exact, Item, Reconcile};
use lessor_core::{App, Context, Error, ReconciliationId, Refusal, Tx, account};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// A table of 8 MiB, as JSON writes it.
const MAX_BODY: usize = 18 << 20;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_reconciliations, reconcile))
        .routes(routes!(show_reconciliation, delete_reconciliation))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// What separates the columns of a table.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Separator {
    Comma,
    Semicolon,
    Tab,
}

/// What stands before the decimals of a number.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DecimalMark {
    Point,
    Comma,
}

/// A table of another system, and what to put it beside.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TableToReconcile {
    /// Whose statement.
    account: String,
    /// The statement of the account alone, or those of all accounts below it too, each of which is a bill of its own; left out,
    /// `branch`.
    reach: Option<Reach>,
    /// Of which month, `YYYY-MM`: one that was closed.
    #[schema(example = "2026-03")]
    month: String,
    /// What people call it: at most 200 characters.
    #[serde(default)]
    #[schema(example = "Invoice 4711")]
    name: String,
    /// The other system, whose names are remembered: 1 to 32 lower-case letters, digits, `_` or `-`.
    #[schema(example = "crm")]
    system: String,
    /// The column that says who is billed or, with `reach` `self`, whose use it is, by its name in the head of the table. Left out,
    /// accounts are not told apart.
    #[schema(example = "Customer")]
    account_column: Option<String>,
    /// What `item_column` names. Left out, products, licenses and meters are not told apart.
    item: Option<ReconciledItem>,
    /// The column that says of what: of a meter's key as `meter/key`.
    #[schema(example = "Product")]
    item_column: Option<String>,
    /// The column that says how much: seat days, or the figure of a meter. It takes an `item_column`.
    #[schema(example = "Seat days")]
    quantity_column: Option<String>,
    /// The column that says what it costs.
    #[schema(example = "Amount")]
    amount_column: Option<String>,
    /// The column that says in which currency.
    #[schema(example = json!(null))]
    currency_column: Option<String>,
    /// The currency of all rows; left out, the one that the statements are in.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// Count adjustments of months before in, as the totals of statements do? Left out, `true`.
    adjustments: Option<bool>,
    /// By how much quantities may differ: a decimal; left out, 0.
    #[schema(example = "0")]
    quantity_tolerance: Option<String>,
    /// By how much amounts may differ: a decimal; left out, 0.
    #[schema(example = "0.01")]
    amount_tolerance: Option<String>,
    /// Left out, it is found out.
    separator: Option<Separator>,
    /// Left out, it is found out where all numbers have the same mark, and thousands must not be set apart.
    decimal: Option<DecimalMark>,
    /// The table: a head that names the columns and at most 100 000 rows, 8 MiB altogether.
    #[schema(example = "Customer,Product,Seat days,Amount\nFabrikam,Paint,310,12.40\n")]
    table: String,
}

/// Shared, since a table is long and read outside the transaction that keeps what came of it.
struct Sent(Arc<TableToReconcile>);

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TableToReconcile::deserialize(deserializer).map(|sent| Self(Arc::new(sent)))
    }
}

fn tolerance(field: &'static str, text: Option<&String>) -> Result<Exact, Error> {
    let read = text.map_or(Some(Exact::ZERO), |text| Exact::parse(text));
    read.ok_or_else(|| Error::malformed(field, "it is a decimal such as 0.01"))
}

impl TableToReconcile {
    fn command(&self, tx: &mut dyn Tx, cx: &Context<'_>) -> Result<Reconcile<'_>, Error> {
        let item = match (self.item, &self.item_column) {
            (None, None) => None,
            (Some(item), Some(column)) => Some((Item::from(item), column.clone())),
            (Some(_), None) => return Err(Refusal::Missing { field: "item_column" }.into()),
            (None, Some(_)) => return Err(Refusal::Missing { field: "item" }.into()),
        };
        Ok(Reconcile {
            account: name::account(tx, cx, &self.account)?,
            branch: self.reach.map(account::Reach::from) != Some(account::Reach::Own),
            month: super::statements::month(&self.month)?,
            name: self.name.clone(),
            system: self.system.clone(),
            columns: Columns {
                account: self.account_column.clone(),
                item,
                quantity: self.quantity_column.clone(),
                amount: self.amount_column.clone(),
                currency: self.currency_column.clone(),
            },
            currency: self.currency.clone(),
            adjustments: self.adjustments.unwrap_or(true),
            quantity_tolerance: tolerance("quantity_tolerance", self.quantity_tolerance.as_ref())?,
            amount_tolerance: tolerance("amount_tolerance", self.amount_tolerance.as_ref())?,
            separator: self.separator.map(|mark| match mark {
                Separator::Comma => ',',
                Separator::Semicolon => ';',
                Separator::Tab => '\t',
            }),
            decimal: self.decimal.map(|mark| match mark {
                DecimalMark::Point => '.',
                DecimalMark::Comma => ',',
            }),
            table: Cow::Borrowed(&self.table),
        })
    }
}

/// How many rows came out how.
#[derive(Serialize, ToSchema)]
struct ReconciliationCounts {
    /// The other system has them under a name that is not known here.
    #[schema(example = 0)]
    unknown: i64,
    /// The statements have them, the other system has not.
    #[schema(example = 0)]
    missing: i64,
    /// The other system says more.
    #[schema(example = 0)]
    over: i64,
    /// The other system says less.
    #[schema(example = 0)]
    under: i64,
    /// Both say the same, but for the tolerance.
    #[schema(example = 1)]
    matched: i64,
}

/// The amounts of all rows in a currency.
#[derive(Serialize, ToSchema)]
struct ReconciliationTotal {
    /// The currency.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// What the other system's come to.
    #[schema(example = "12.40")]
    theirs: String,
    /// What those of the statements come to.
    #[schema(example = "12.40")]
    ours: String,
    /// By how much the other system says more.
    #[schema(example = "0.00")]
    difference: String,
}

/// A table of another system beside statements.
#[derive(Serialize, ToSchema)]
struct Reconciliation {
    /// Its id.
    #[schema(example = "rcl_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Whose statement.
    account: String,
    /// Of the account alone, or of its branch.
    reach: Reach,
    /// Of which month.
    #[schema(example = "2026-03")]
    month: String,
    /// What people call it.
    #[schema(example = "Invoice 4711")]
    name: String,
    /// The other system.
    #[schema(example = "crm")]
    system: String,
    /// Were accounts told apart?
    #[schema(example = true)]
    by_account: bool,
    /// By what else figures were told apart.
    by_item: Option<ReconciledItem>,
    /// Were adjustments counted in?
    #[schema(example = true)]
    adjustments: bool,
    /// By how much quantities were allowed to differ; `null` where they were not compared.
    #[schema(example = "0")]
    quantity_tolerance: Option<String>,
    /// By how much amounts were allowed to differ; `null` where they were not compared.
    #[schema(example = "0.01")]
    amount_tolerance: Option<String>,
    /// SHA-256 of the table, in hexadecimal.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    table_digest: String,
    /// Rows of the table.
    #[schema(example = 1)]
    table_rows: i64,
    /// How many rows came out how.
    counts: ReconciliationCounts,
    /// Sums of amounts, where they were compared.
    totals: Vec<ReconciliationTotal>,
    created_at: Time,
}

impl From<reconcile::Reconciliation> for Reconciliation {
    fn from(kept: reconcile::Reconciliation) -> Self {
        let summary = kept.summary;
        let total = |total: reconcile::ReconciledTotal| ReconciliationTotal {
            currency: total.currency,
            theirs: total.amount.theirs.unwrap_or_default().money(),
            ours: total.amount.ours.unwrap_or_default().money(),
            difference: total.amount.difference().money(),
        };
        let reach = if summary.branch { account::Reach::Branch } else { account::Reach::Own };
        Self {
            id: kept.id.to_string(),
            account: kept.account.to_string(),
            reach: reach.into(),
            month: kept.month.to_string(),
            name: summary.name,
            system: summary.system,
            by_account: summary.accounts,
            by_item: summary.item.map(Into::into),
            adjustments: summary.adjustments,
            quantity_tolerance: summary.quantity_tolerance.map(|tolerance| tolerance.to_string()),
            amount_tolerance: summary.amount_tolerance.map(Exact::money),
            table_digest: summary.digest,
            table_rows: summary.table_rows,
            counts: ReconciliationCounts {
                unknown: summary.counts.unknown,
                missing: summary.counts.missing,
                over: summary.counts.over,
                under: summary.counts.under,
                matched: summary.counts.matched,
            },
            totals: summary.totals.into_iter().map(total).collect(),
            created_at: kept.created_at.into(),
        }
    }
}

/// Reconcile a table
///
/// Puts a table of another system (CSV, UTF-8) beside the statements of a closed month, keeps what came of each row, and tells how
/// many rows came out how. Rows of the same account and item are added up. Names are ids, remembered names, our own names
/// (accounts and products by name, licenses by code, meters by name), or names that dialects have. A table can be sent
/// alone as `text/csv`: then the other members are query parameters. Nothing is kept of a table that cannot be read; the
/// answer tells line and column.
#[utoipa::path(post, path = "/v1/reconciliations", tag = "Billing", request_body = TableToReconcile,
    security(("bearer" = ["billing:write"])),
    responses((status = 201, description = "What came of it", body = Reconciliation)))]
async fn reconcile(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let request = super::reconciled_table::as_json(&app, request).await?;
    let write = Write::<Sent>::from_request(request, &app).await?;
    let sent = Arc::clone(&write.body.0);
    // A query, so that nobody waits for a long table to be read: what was closed does not change meanwhile.
    let compare = move |tx: &mut dyn Tx, cx: &Context<'_>| {
        let command = sent.command(tx, cx)?;
        reconcile::compare(tx, cx, &command)
    };
    let compared = app.read(&write.caller, compare).await.map_err(|error| write.problem(&error))?;
    write
        .run(move |tx, cx, _| {
            let kept = reconcile::keep(tx, cx, &compared)?;
            let location = format!("/v1/reconciliations/{}", kept.id);
            Ok(Reply::created(location, &Reconciliation::from(kept)))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListReconciliations {
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

/// List reconciliations
///
/// Those of an account itself, the oldest first.
#[utoipa::path(get, path = "/v1/reconciliations", tag = "Billing", params(ListReconciliations),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "A page of reconciliations", body = Page<Reconciliation>)))]
async fn list_reconciliations(read: Read<ListReconciliations>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let account = name::account(tx, cx, &query.account)?;
        let after = query.cursor.map(|cursor| ReconciliationId(Uuid::from_u128(cursor.0)));
        let found = reconcile::reconciliations(tx, cx, account, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |kept| kept.id.0.as_u128(), Reconciliation::from)))
    })
    .await
}

/// Show a reconciliation
#[utoipa::path(get, path = "/v1/reconciliations/{reconciliation}", tag = "Billing",
    params(("reconciliation" = String, Path, description = "Which reconciliation")),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "The reconciliation", body = Reconciliation)))]
async fn show_reconciliation(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let kept = reconcile::reconciliation(tx, cx, name::reconciliation(&id)?)?;
        Ok(Reply::ok(&Reconciliation::from(kept)))
    })
    .await
}

/// Delete a reconciliation
///
/// Names that are remembered stay.
#[utoipa::path(delete, path = "/v1/reconciliations/{reconciliation}", tag = "Billing",
    params(("reconciliation" = String, Path, description = "Which reconciliation")),
    security(("bearer" = ["billing:write"])),
    responses((status = 204, description = "It is gone")))]
async fn delete_reconciliation(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            reconcile::delete_reconciliation(tx, cx, name::reconciliation(&id)?)?;
            Ok(Reply::nothing())
        })
        .await
}
