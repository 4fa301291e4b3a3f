//! What reconciliations take in and give out as tables.

use crate::call::{Cursor, Head, Limit, Read};
use crate::export::{Field, Line, ReportFormat, streamed, write_line};
use crate::name;
use crate::problem::{Fault, Problem, Trace};
use crate::reply::Reply;
use crate::wire::{Page, ReconciledOutcome, with_one_more};
use axum::body::Body;
use axum::extract::{FromRequest, Path, Request};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use lessor_core::billing::reconcile::{self, Exact, Pair};
use lessor_core::{App, Context, Error, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Rows that are read at once for a stream.
const AT_ONCE: u32 = 250;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_reconciliation_rows))
}

/// Makes JSON of a table that was sent alone, the other members being query parameters; other bodies stay as they are.
pub(super) async fn as_json(app: &App, request: Request) -> Result<Request, Problem> {
    let Some(utf8) = is_table(request.headers()) else { return Ok(request) };
    let (mut parts, body) = request.into_parts();
    let trace = Head::of(&parts, app).trace;
    if !utf8 {
        let detail = "Send the table in UTF-8.";
        return Err(Problem::new(&trace, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let (mut members, dry_run) = members(parts.uri.query().unwrap_or_default(), &trace)?;
    let request = Request::from_parts(parts.clone(), body);
    let table = Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(&trace, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large.")
        }
        _ => Problem::new(&trace, StatusCode::BAD_REQUEST, "body_broken", "The body ended early."),
    })?;
    let table = std::str::from_utf8(&table).map_err(|error| {
        let line = table[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        let detail = format!("The table is not valid: line {line} is not in UTF-8.");
        Problem::new(&trace, StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", detail)
    })?;
    members.insert("table".into(), Value::String(table.to_owned()));
    let target = match dry_run {
        None => trace.path.clone(),
        Some(text) => {
            let dry_run: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            format!("{}?dry_run={dry_run}", trace.path)
        }
    };
    if let Ok(uri) = Uri::try_from(target) {
        parts.uri = uri;
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Request::from_parts(parts, Body::from(Value::Object(members).to_string())))
}

/// The query parameters as members of a body, but for `dry_run`, which is one of every call.
fn members(query: &str, trace: &Trace) -> Result<(Map<String, Value>, Option<String>), Problem> {
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = match (&*name, &*value) {
            ("adjustments", "true") => Value::Bool(true),
            ("adjustments", "false") => Value::Bool(false),
            (_, text) => Value::String(text.to_owned()),
        };
        // The table is the body.
        if name == "table" || members.insert(name.clone().into_owned(), value).is_some() {
            return Err(Problem::invalid(trace, Fault::Parameter(name.into_owned(), "it is there twice".into())));
        }
    }
    let dry_run = members.remove("dry_run").and_then(|value| value.as_str().map(str::to_owned));
    Ok((members, dry_run))
}

/// Is the body a table, and in UTF-8?
fn is_table(headers: &HeaderMap) -> Option<bool> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())?.to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    if parts.next() != Some("text/csv") {
        return None;
    }
    Some(parts.all(|part| part.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8")))
}

/// A figure as both sides have it: decimals.
#[derive(Serialize, ToSchema)]
struct ReconciledFigure {
    /// The other system's; `null` where it has no such row.
    #[schema(example = "310")]
    theirs: Option<String>,
    /// The statements'; `null` where they have no such line.
    #[schema(example = "310")]
    ours: Option<String>,
    /// By how much the other system says more.
    #[schema(example = "0")]
    difference: String,
}

impl ReconciledFigure {
    fn of(pair: Pair, written: fn(Exact) -> String) -> Self {
        Self { theirs: pair.theirs.map(written), ours: pair.ours.map(written), difference: written(pair.difference()) }
    }
}

/// What came of a row, or of several of the same account and item.
#[derive(Serialize, ToSchema)]
struct ReconciledRow {
    /// Its number in the reconciliation, from 1 on: what needs a look comes first.
    #[schema(example = 1)]
    number: i64,
    outcome: ReconciledOutcome,
    /// Who is billed or whose use it is, where accounts are told apart and this one is known.
    account: Option<String>,
    /// What it is called here.
    #[schema(example = "Fabrikam")]
    account_name: Option<String>,
    /// What the other system calls it.
    #[schema(example = "Fabrikam")]
    their_account: Option<String>,
    /// Of what: a product, a license or a meter, where they are told apart and this one is known.
    #[schema(example = "prd_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    item: Option<String>,
    /// The key of the meter.
    #[schema(example = json!(null))]
    key: Option<String>,
    /// What it is called here: of a license its code.
    #[schema(example = "Paint")]
    item_name: Option<String>,
    /// What the other system calls it.
    #[schema(example = "Paint")]
    their_item: Option<String>,
    /// The currency, where amounts are compared.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// Quantities, where they are compared.
    quantity: Option<ReconciledFigure>,
    /// Amounts, where they are compared.
    amount: Option<ReconciledFigure>,
    /// How many rows of the table it is made of.
    #[schema(example = 1)]
    rows: i64,
    /// The line of the table on which the first of them begins.
    #[schema(example = 2)]
    line: Option<i64>,
}

impl From<(i64, reconcile::ReconciledRow)> for ReconciledRow {
    fn from((number, row): (i64, reconcile::ReconciledRow)) -> Self {
        Self {
            number,
            outcome: row.outcome.into(),
            account: row.account,
            account_name: row.account_name,
            their_account: row.their_account,
            item: row.item,
            key: row.key,
            item_name: row.item_name,
            their_item: row.their_item,
            currency: row.currency,
            quantity: row.quantity.map(|pair| ReconciledFigure::of(pair, |exact| exact.to_string())),
            amount: row.amount.map(|pair| ReconciledFigure::of(pair, Exact::money)),
            rows: row.rows,
            line: row.line,
        }
    }
}

impl Line for ReconciledRow {
    const HEAD: &'static str = "number,outcome,account,account_name,their_account,item,key,item_name,their_item,currency,\
        their_quantity,our_quantity,quantity_difference,their_amount,our_amount,amount_difference,rows,line\r\n";

    fn fields(&self) -> Vec<Field<'_>> {
        let mut fields = vec![
            Field::Plain(self.number.to_string()),
            Field::Plain(reconcile::Outcome::from(self.outcome).word().to_owned()),
            Field::some(self.account.as_deref()),
            Field::some(self.account_name.as_deref()),
            Field::some(self.their_account.as_deref()),
            Field::some(self.item.as_deref()),
            Field::some(self.key.as_deref()),
            Field::some(self.item_name.as_deref()),
            Field::some(self.their_item.as_deref()),
            Field::some(self.currency.as_deref()),
        ];
        for figure in [&self.quantity, &self.amount] {
            let text = |of: fn(&ReconciledFigure) -> Option<&String>| {
                Field::Plain(figure.as_ref().and_then(of).cloned().unwrap_or_default())
            };
            fields.extend([
                text(|figure| figure.theirs.as_ref()),
                text(|figure| figure.ours.as_ref()),
                text(|figure| Some(&figure.difference)),
            ]);
        }
        fields.push(Field::Plain(self.rows.to_string()));
        fields.push(Field::Plain(self.line.map(|line| line.to_string()).unwrap_or_default()));
        fields
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListReconciliationRows {
    /// Only what came out so.
    #[param(inline)]
    outcome: Option<ReconciledOutcome>,
    /// As what the rows come; left out, `json`.
    #[param(inline)]
    format: Option<ReportFormat>,
    /// Items of a page, 1 to 100; tables and lines have all.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List rows of a reconciliation
///
/// What came of each row: first names that are not known, then what is missing, over, under, and what matched. With `format` `csv`
/// or `ndjson` all of them come in one stream; in tables, texts that a spreadsheet would take for a formula begin with `'`.
#[utoipa::path(get, path = "/v1/reconciliations/{reconciliation}/rows", tag = "Billing",
    params(("reconciliation" = String, Path, description = "Which reconciliation"), ListReconciliationRows),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "A page of rows, or all of them as lines",
        content((Page<ReconciledRow> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")))))]
async fn list_reconciliation_rows(
    Path(id): Path<String>,
    read: Read<ListReconciliationRows>,
) -> Result<Response, Problem> {
    let format = read.query.format.unwrap_or_default();
    let outcome = read.query.outcome.map(Into::into);
    let after = read.query.cursor.map_or(0, |cursor| i64::try_from(cursor.0).unwrap_or(i64::MAX));
    if format == ReportFormat::Json {
        return read
            .run(move |tx, cx, query| {
                let limit = with_one_more(query.limit);
                let found = rows(tx, cx, &id, outcome, after, limit)?;
                let place = |row: &ReconciledRow| u128::try_from(row.number).unwrap_or_default();
                Ok(Reply::ok(&Page::of(found, query.limit, place, |row| row)))
            })
            .await;
    }
    streamed::<ReconciledRow, i64, _>(&read.head, read.caller, format, after, move |tx, cx, after| {
        let found = rows(tx, cx, &id, outcome, *after, AT_ONCE)?;
        let next = found.last().map(|row| row.number).filter(|_| found.len() == AT_ONCE as usize);
        let mut lines = String::new();
        found.iter().for_each(|row| write_line(&mut lines, format, row));
        Ok((lines, next))
    })
    .await
}

fn rows(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    id: &str,
    outcome: Option<reconcile::Outcome>,
    after: i64,
    limit: u32,
) -> Result<Vec<ReconciledRow>, Error> {
    let found = reconcile::reconciliation_rows(tx, cx, name::reconciliation(id)?, outcome, after, limit)?;
    Ok(found.into_iter().map(ReconciledRow::from).collect())
}
