//! Figures of use: a page at a time, or all of them as lines or a table.

use super::figures::{Counting, Each, Reporting, UsageRow, lines, page, place};
use crate::call::{Cursor, Limit, Read};
use crate::export::ReportFormat;
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Date, Page, Reach, UsagePer};
use axum::response::Response;
use lessor_core::metering::{self, Query, Range, Report};
use lessor_core::{App, Context, Error, Tx, account};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(report_usage))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportUsage {
    /// Name or id of a meter of the account's vendor.
    #[param(example = "api.calls")]
    meter: String,
    /// Whose use; left out, that of the caller's own account.
    account: Option<String>,
    /// Of the account alone, or of all below it too; left out, `branch`.
    #[param(inline)]
    reach: Option<Reach>,
    /// The first day.
    #[param(value_type = String, format = Date, example = "2026-03-01")]
    from: Date,
    /// The last day: up to 3660 days altogether, 400 by day.
    #[param(value_type = String, format = Date, example = "2026-03-31")]
    until: Date,
    /// What a figure is of; left out, `day`.
    #[param(inline)]
    per: Option<UsagePer>,
    /// By what figures are told apart, one or more of `account`, `license`, `product`, `category`, `feature` and `term`, with
    /// commas between them, or `key` by itself; left out, not at all.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "account,product",
        pattern = "^(key|(account|license|product|category|feature|term)(,(account|license|product|category|feature|term))*)$")]
    each: Each,
    /// Only what was used with this key of the meter.
    key: Option<String>,
    /// As what the report comes; left out, `json`.
    #[param(inline)]
    format: Option<ReportFormat>,
    /// Rows of a page, 1 to 100, or accounts or licenses with all their rows where these are told apart; tables and lines
    /// have all.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

impl ReportUsage {
    fn query(&self, tx: &mut dyn Tx, cx: &Context<'_>) -> Result<Query, Error> {
        let account = name::some_account(tx, cx, self.account.as_deref())?.unwrap_or(cx.actor().account);
        let per = self.per.unwrap_or(UsagePer::Day).into();
        Ok(Query {
            meter: metering::of_account(tx, cx, account, &self.meter)?,
            account,
            branch: self.reach.map(account::Reach::from) != Some(account::Reach::Own),
            range: Range::new(self.from.0, self.until.0, per)?,
            per,
            each: self.each.0.clone(),
            key: self.key.clone().unwrap_or_default(),
        })
    }
}

impl Reporting for ReportUsage {
    fn each(&self) -> &Each {
        &self.each
    }

    fn read<T>(
        &self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        after: Option<Uuid>,
        limit: u32,
        show: impl FnOnce(&Counting<'_>, Report) -> T,
    ) -> Result<T, Error> {
        let query = self.query(tx, cx)?;
        let report = metering::report(tx, cx, &query, after, limit)?;
        Ok(show(&Counting::by(&query.meter), report))
    }
}

/// Report usage
///
/// Figures of one meter for an account and, unless `reach` is `self`, all accounts below it, by day, month or the whole range.
/// Every period is there, those without use too, and figures of accounts, licenses, products and terms add up to those of the
/// branch, figures of days to those of months. What is in several categories or has several features counts in each. Products
/// and terms are those of the license now, or when it was removed. With `format` `csv` or `ndjson` all figures come in one
/// stream; in tables, texts that a spreadsheet would take for a formula begin with `'`.
#[utoipa::path(get, path = "/v1/reports/usage", tag = "Usage", params(ReportUsage),
    security(("bearer" = ["usage:read"])),
    responses((status = 200, description = "A page of rows, or all figures as lines",
        content((Page<UsageRow> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")))))]
async fn report_usage(read: Read<ReportUsage>) -> Result<Response, Problem> {
    let format = read.query.format.unwrap_or_default();
    if format != ReportFormat::Json {
        let start = read.query.cursor;
        return lines(&read.head, read.caller, read.query, format, start).await;
    }
    read.run(|tx, cx, query| {
        query.read(tx, cx, place(query.cursor), query.limit.0, |counting, rows| Reply::ok(&page(counting, rows)))
    })
    .await
}
