//! Lines of statements, of one or of a whole branch, as pages and as tables.

use super::statements::month;
use crate::call::{Cursor, Limit, Read};
use crate::export::{Field, Line, ReportFormat, streamed, write_line};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Reach, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::billing::{self, LineKind, NamedStatement};
use lessor_core::{AccountId, App, Context, Error, Tx, account};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Statements that are read at once for a stream.
const AT_ONCE: u32 = 100;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_statement_lines)).routes(routes!(report_statements))
}

/// Why a line is on a statement.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatementLineKind {
    /// It is what the month itself costs.
    Line,
    /// It was billed for a month closed before, and is not any more.
    Retracted,
    /// It is billed for a month closed before instead.
    Added,
}

/// A line of a statement. Members that a line has not are `null`.
#[derive(Serialize, ToSchema)]
struct StatementLine {
    /// The statement.
    #[schema(example = "stm_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    statement: String,
    /// Who is billed.
    #[schema(example = "acc_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    billed_account: String,
    /// Its name.
    #[schema(example = "Fabrikam")]
    billed_account_name: String,
    kind: StatementLineKind,
    /// Of which month the line is.
    #[schema(example = "2026-03")]
    month: String,
    /// Whose use it is.
    account: String,
    /// Its name; `null` for an account that the caller does not see.
    #[schema(example = "Fabrikam")]
    account_name: Option<String>,
    /// The license.
    #[schema(example = "lic_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    license: Option<String>,
    /// Its code, unless it was removed.
    #[schema(example = "GHJK-2345")]
    license_code: Option<String>,
    /// The product.
    product: Option<String>,
    /// Its name.
    #[schema(example = "Paint")]
    product_name: Option<String>,
    /// The kind of right.
    #[schema(example = "perpetual")]
    term: Option<String>,
    /// The meter.
    #[schema(example = json!(null))]
    meter: Option<String>,
    /// Its name.
    #[schema(example = json!(null))]
    meter_name: Option<String>,
    /// Its key.
    #[schema(example = json!(null))]
    key: Option<String>,
    /// What the meter counts in.
    #[schema(example = json!(null))]
    unit: Option<String>,
    /// The price list.
    #[schema(example = "prl_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    price_list: Option<String>,
    /// Its name.
    #[schema(example = "Default")]
    price_list_name: Option<String>,
    /// The tier.
    #[schema(example = "1-24")]
    tier: Option<String>,
    /// On how many days.
    #[schema(example = 31)]
    days: Option<i64>,
    /// Seat days, or the figure of the meter: a decimal.
    #[schema(example = "310")]
    quantity: String,
    /// What one costs.
    #[schema(example = "0.04")]
    unit_price: Option<String>,
    /// Off it, in hundredths of a percent.
    #[schema(example = 0)]
    discount: Option<i64>,
    #[schema(example = "EUR")]
    currency: String,
    /// What it costs.
    #[schema(example = "12.40")]
    amount: String,
}

impl StatementLine {
    fn of(owner: &NamedStatement, line: billing::StatementLine) -> Self {
        let (kind, month) = match line.kind {
            LineKind::Own => (StatementLineKind::Line, owner.statement.month.to_string()),
            LineKind::Retracted(month) => (StatementLineKind::Retracted, month),
            LineKind::Added(month) => (StatementLineKind::Added, month),
        };
        let said = line.said;
        Self {
            statement: owner.statement.id.to_string(),
            billed_account: owner.statement.account.to_string(),
            billed_account_name: owner.account_name.clone(),
            kind,
            month,
            account: line.account,
            account_name: line.account_name,
            license: said.license,
            license_code: line.license_code,
            product: said.product,
            product_name: line.product_name,
            term: said.term,
            meter: said.meter,
            meter_name: said.meter_name,
            key: said.key,
            unit: said.unit,
            price_list: said.price_list,
            price_list_name: said.price_list_name,
            tier: said.tier,
            days: said.days,
            quantity: said.quantity.to_string(),
            unit_price: said.unit_price,
            discount: said.discount,
            currency: said.currency,
            amount: said.amount.money(),
        }
    }
}

impl Line for StatementLine {
    const HEAD: &'static str = "statement,billed_account,billed_account_name,kind,month,account,account_name,license,license_code,\
        product,product_name,term,meter,meter_name,key,unit,price_list,price_list_name,tier,days,quantity,unit_price,discount,\
        currency,amount\r\n";

    fn fields(&self) -> Vec<Field<'_>> {
        let kind = match self.kind {
            StatementLineKind::Line => "line",
            StatementLineKind::Retracted => "retracted",
            StatementLineKind::Added => "added",
        };
        let number = |number: Option<i64>| Field::Plain(number.map(|number| number.to_string()).unwrap_or_default());
        vec![
            Field::Text(&self.statement),
            Field::Text(&self.billed_account),
            Field::Text(&self.billed_account_name),
            Field::Text(kind),
            Field::Text(&self.month),
            Field::Text(&self.account),
            Field::some(self.account_name.as_deref()),
            Field::some(self.license.as_deref()),
            Field::some(self.license_code.as_deref()),
            Field::some(self.product.as_deref()),
            Field::some(self.product_name.as_deref()),
            Field::some(self.term.as_deref()),
            Field::some(self.meter.as_deref()),
            Field::some(self.meter_name.as_deref()),
            Field::some(self.key.as_deref()),
            Field::some(self.unit.as_deref()),
            Field::some(self.price_list.as_deref()),
            Field::some(self.price_list_name.as_deref()),
            Field::some(self.tier.as_deref()),
            number(self.days),
            Field::Plain(self.quantity.clone()),
            Field::Plain(self.unit_price.clone().unwrap_or_default()),
            number(self.discount),
            Field::Plain(self.currency.clone()),
            Field::Plain(self.amount.clone()),
        ]
    }
}

/// The lines of statements, of all together.
fn lines_of(tx: &mut dyn Tx, cx: &Context<'_>, statements: &[NamedStatement]) -> Result<Vec<StatementLine>, Error> {
    let lines = billing::statement_lines(tx, cx, statements)?;
    Ok(lines.into_iter().map(|(at, line)| StatementLine::of(&statements[at], line)).collect())
}

fn written(format: ReportFormat, lines: &[StatementLine]) -> String {
    let mut text = String::new();
    lines.iter().for_each(|line| write_line(&mut text, format, line));
    text
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListStatementLines {
    /// As what the lines come; left out, `json`.
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

/// List lines of a statement
///
/// Its lines and then its adjustments, with names. With `format` `csv` or `ndjson` all of them come at once; in tables, texts
/// that a spreadsheet would take for a formula begin with `'`.
#[utoipa::path(get, path = "/v1/statements/{statement}/lines", tag = "Billing",
    params(("statement" = String, Path, description = "Which statement"), ListStatementLines),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "A page of lines, or all of them",
        content((Page<StatementLine> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")))))]
async fn list_statement_lines(Path(id): Path<String>, read: Read<ListStatementLines>) -> Result<Response, Problem> {
    let format = read.query.format.unwrap_or_default();
    let all = move |tx: &mut dyn Tx, cx: &Context<'_>| {
        let named = billing::named_statement(tx, cx, name::statement(&id)?)?;
        lines_of(tx, cx, &[named])
    };
    if format != ReportFormat::Json {
        let start = ();
        return streamed::<StatementLine, _, _>(&read.head, read.caller, format, start, move |tx, cx, ()| {
            Ok((written(format, &all(tx, cx)?), None))
        })
        .await;
    }
    read.run(move |tx, cx, query| {
        let after = query.cursor.map_or(0, |cursor| usize::try_from(cursor.0).unwrap_or(usize::MAX));
        let wanted = usize::try_from(with_one_more(query.limit)).unwrap_or(usize::MAX);
        let found: Vec<(usize, StatementLine)> = (1..).zip(all(tx, cx)?).skip(after).take(wanted).collect();
        Ok(Reply::ok(&Page::of(found, query.limit, |(number, _)| *number as u128, |(_, line)| line)))
    })
    .await
}

/// What a statement comes to in a currency.
#[derive(Serialize, ToSchema)]
struct StatementTotal {
    #[schema(example = "EUR")]
    currency: String,
    /// The sum of its lines and adjustments.
    #[schema(example = "12.40")]
    amount: String,
    /// The same, rounded to the currency's minor unit, in such units.
    #[schema(example = 1240)]
    minor_units: i128,
}

/// A statement of a month, without its lines.
#[derive(Serialize, ToSchema)]
struct StatementSummary {
    /// Its id.
    #[schema(example = "stm_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Who is billed.
    account: String,
    /// Its name.
    #[schema(example = "Fabrikam")]
    account_name: String,
    /// Of which month.
    #[schema(example = "2026-03")]
    month: String,
    /// Its place among the account's statements, from 1 on.
    #[schema(example = 1)]
    number: i64,
    /// How many lines it has.
    #[schema(example = 1)]
    lines: usize,
    /// How many adjustments of months closed before.
    #[schema(example = 0)]
    adjustments: usize,
    totals: Vec<StatementTotal>,
    closed_at: Time,
}

impl StatementSummary {
    fn of(named: &NamedStatement) -> Result<Self, Error> {
        let (statement, said) = (&named.statement, named.statement.said()?);
        let total = |total: billing::SaidTotal| StatementTotal {
            currency: total.currency,
            amount: total.amount.money(),
            minor_units: total.minor_units,
        };
        Ok(Self {
            id: statement.id.to_string(),
            account: statement.account.to_string(),
            account_name: named.account_name.clone(),
            month: statement.month.to_string(),
            number: statement.link.number,
            lines: said.lines.len(),
            adjustments: said.adjustments.len(),
            totals: said.totals.into_iter().map(total).collect(),
            closed_at: statement.closed_at.into(),
        })
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportStatements {
    /// Whose; left out, those of the caller's own account.
    account: Option<String>,
    /// That of the account alone, or those of all below it too; left out, `branch`.
    #[param(inline)]
    reach: Option<Reach>,
    /// Of which month, `YYYY-MM`.
    #[param(example = "2026-03")]
    month: String,
    /// As what the report comes; left out, `json`.
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

impl ReportStatements {
    /// Statements behind that of an account, from the top of the tree down.
    fn found(
        &self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<NamedStatement>, Error> {
        let account = name::some_account(tx, cx, self.account.as_deref())?.unwrap_or(cx.actor().account);
        let own = self.reach.map(account::Reach::from) == Some(account::Reach::Own);
        let month = month(&self.month)?;
        if own {
            // Its own is the first, if it has one.
            let mut found = billing::statements_of_branch(tx, cx, account, month, None, 1)?;
            found.retain(|named| named.statement.account == account && after.is_none());
            return Ok(found);
        }
        billing::statements_of_branch(tx, cx, account, month, after, limit)
    }
}

/// Report statements
///
/// The statements of a month of an account and, unless `reach` is `self`, of all accounts below it, from the top of the tree
/// down; accounts that had nothing to pay for have none. With `format` `csv` or `ndjson` all their lines come in one stream; in
/// tables, texts that a spreadsheet would take for a formula begin with `'`.
#[utoipa::path(get, path = "/v1/reports/statements", tag = "Billing", params(ReportStatements),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "A page of statements, or all their lines",
        content((Page<StatementSummary> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")))))]
async fn report_statements(read: Read<ReportStatements>) -> Result<Response, Problem> {
    let format = read.query.format.unwrap_or_default();
    let after = read.query.cursor.map(|cursor| AccountId(Uuid::from_u128(cursor.0)));
    if format == ReportFormat::Json {
        return read
            .run(move |tx, cx, query| {
                let found = query.found(tx, cx, after, with_one_more(query.limit))?;
                let shown: Result<Vec<(u128, StatementSummary)>, Error> = found
                    .iter()
                    .map(|named| Ok((named.statement.account.0.as_u128(), StatementSummary::of(named)?)))
                    .collect();
                Ok(Reply::ok(&Page::of(shown?, query.limit, |(place, _)| *place, |(_, summary)| summary)))
            })
            .await;
    }
    let query = read.query;
    streamed::<StatementLine, _, _>(&read.head, read.caller, format, after, move |tx, cx, after| {
        let found = query.found(tx, cx, *after, AT_ONCE)?;
        let last = found.last().map(|named| Some(named.statement.account));
        let next = last.filter(|_| found.len() == AT_ONCE as usize);
        Ok((written(format, &lines_of(tx, cx, &found)?), next))
    })
    .await
}
