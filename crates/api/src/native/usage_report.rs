//! Figures of use: a page at a time, or all of them as lines or a table.

use crate::call::{Cursor, Head, Limit, Read};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Date, Page, Reach, UsageEach, UsagePer, with_one_more};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use lessor_core::metering::{self, Each, Figure, Figures, LevelRule, Meter, Query, Range};
use lessor_core::{App, Caller, Context, Error, Tx, account};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Rows of a report that are read at once for a stream.
const AT_ONCE: u32 = 250;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(report_usage))
}

/// A figure.
#[derive(Serialize, ToSchema)]
struct UsageFigure {
    /// The first day of the period.
    #[schema(example = "2026-03-01")]
    from: String,
    /// Its last day.
    #[schema(example = "2026-03-31")]
    until: String,
    /// How many of its days have begun.
    #[schema(example = 31)]
    days: i64,
    /// Sums and counts of these days. Of levels that are averaged the sum of the daily levels, of others the last.
    #[schema(example = 1240)]
    value: i64,
    /// Of levels that are averaged, the average of these days, rounded half up at the fifth decimal; `null` for others.
    #[schema(example = "40")]
    average: Option<String>,
}

impl UsageFigure {
    fn of(meter: &Meter, figure: &Figure) -> Self {
        let levels = meter.aggregation == metering::Aggregation::Level;
        let averaged = levels && meter.level_rule == LevelRule::Average;
        Self {
            from: figure.from.to_string(),
            until: figure.until.to_string(),
            days: figure.days,
            value: if levels && !averaged { figure.last } else { figure.sum },
            average: (averaged && figure.days > 0).then(|| quotient(figure.sum, figure.days)),
        }
    }
}

/// A quotient with five decimals at most, half of the last rounded up.
fn quotient(sum: i64, days: i64) -> String {
    let (sum, days) = (i128::from(sum), i128::from(days));
    let scaled = (sum * 200_000 + days).div_euclid(2 * days);
    let text = format!("{}.{:05}", scaled / 100_000, scaled % 100_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A row of a report.
#[derive(Serialize, ToSchema)]
struct UsageRow {
    /// Whose figures, where accounts are told apart.
    account: Option<String>,
    /// Its name.
    #[schema(example = "Fabrikam")]
    account_name: Option<String>,
    /// Under which license, where licenses are told apart; `null` for what was used under none.
    #[schema(example = json!(null))]
    license: Option<String>,
    /// With which key, where keys are told apart.
    #[schema(example = json!(null))]
    key: Option<String>,
    /// Of the whole range.
    total: UsageFigure,
    /// Of each period, in order; those without use too.
    figures: Vec<UsageFigure>,
}

impl UsageRow {
    fn of(meter: &Meter, row: Figures) -> Self {
        let (account, account_name) = row.account.unzip();
        Self {
            account: account.map(|id| id.to_string()),
            account_name,
            license: row.license.map(|id| id.to_string()),
            key: row.key,
            total: UsageFigure::of(meter, &row.total),
            figures: row.figures.iter().map(|figure| UsageFigure::of(meter, figure)).collect(),
        }
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReportFormat {
    /// A page of rows.
    #[default]
    Json,
    /// All figures, a line each, as a table.
    Csv,
    /// All figures, a line each, as JSON.
    Ndjson,
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
    /// By what figures are told apart; left out, `total`: not at all.
    #[param(inline)]
    each: Option<UsageEach>,
    /// Only what was used with this key of the meter.
    key: Option<String>,
    /// As what the report comes; left out, `json`.
    #[param(inline)]
    format: Option<ReportFormat>,
    /// Rows of a page, 1 to 100; tables and lines have all.
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
            each: self.each.map_or(Each::Total, Into::into),
            key: self.key.clone().unwrap_or_default(),
        })
    }
}

/// Report usage
///
/// Figures of one meter for an account and, unless `reach` is `self`, all accounts below it, by day, month or the whole range.
/// Every period is there, those without use too, and figures of accounts add up to those of the branch, figures of days to
/// those of months. With `format` `csv` or `ndjson` all figures come in one stream; in tables, texts that a spreadsheet would
/// take for a formula begin with `'`.
#[utoipa::path(get, path = "/v1/reports/usage", tag = "Usage", params(ReportUsage),
    security(("bearer" = ["usage:read"])),
    responses((status = 200, description = "A page of rows, or all figures as lines",
        content((Page<UsageRow> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")))))]
async fn report_usage(read: Read<ReportUsage>) -> Result<Response, Problem> {
    let format = read.query.format.unwrap_or_default();
    if format != ReportFormat::Json {
        return streamed(read.head, read.caller, read.query, format).await;
    }
    read.run(|tx, cx, query| {
        let report = query.query(tx, cx)?;
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0));
        let found = metering::report(tx, cx, &report, after, with_one_more(query.limit))?;
        let row = |row| UsageRow::of(&report.meter, row);
        Ok(Reply::ok(&Page::of(found, query.limit, |row| row.place.as_u128(), row)))
    })
    .await
}

/// A report that is being sent.
struct Sending {
    app: App,
    caller: Caller,
    query: Arc<ReportUsage>,
    format: ReportFormat,
    after: Option<Uuid>,
    done: bool,
}

impl Sending {
    /// The next lines.
    async fn next(&mut self) -> Result<Bytes, Error> {
        let (query, format, after) = (Arc::clone(&self.query), self.format, self.after);
        let read = move |tx: &mut dyn Tx, cx: &Context<'_>| {
            let report = query.query(tx, cx)?;
            let rows = metering::report(tx, cx, &report, after, AT_ONCE)?;
            let last = rows.last().map(|row| row.place).filter(|_| rows.len() == AT_ONCE as usize);
            let mut lines = String::new();
            for row in rows {
                write_row(&mut lines, format, &report.meter, UsageRow::of(&report.meter, row));
            }
            Ok((lines, last))
        };
        let (lines, last) = self.app.read(&self.caller, read).await?;
        self.after = last;
        self.done = last.is_none();
        Ok(lines.into())
    }
}

async fn streamed(head: Head, caller: Caller, query: ReportUsage, format: ReportFormat) -> Result<Response, Problem> {
    let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0));
    let mut sending = Sending { app: head.app.clone(), caller, query: Arc::new(query), format, after, done: false };
    // What is refused is refused before anything is sent.
    let first = sending.next().await.map_err(|error| head.core_problem(&error))?;
    let (kind, head_line) = match format {
        ReportFormat::Csv => ("text/csv; charset=utf-8; header=present", HEAD_LINE),
        ReportFormat::Json | ReportFormat::Ndjson => ("application/x-ndjson", ""),
    };
    let start = [Bytes::from_static(head_line.as_bytes()), first].into_iter().map(Ok);
    let rest = stream::unfold(sending, |mut sending| async move {
        if sending.done {
            return None;
        }
        let lines = sending.next().await.inspect_err(|error| tracing::warn!(%error, "a report broke off"));
        sending.done |= lines.is_err();
        Some((lines, sending))
    });
    let lines = stream::StreamExt::chain(stream::iter(start), rest);
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

const HEAD_LINE: &str = "meter,unit,account,account_name,license,key,from,until,days,value,average\r\n";

/// A figure as a line of its own.
#[derive(Serialize)]
struct Line<'a> {
    meter: &'a str,
    unit: &'a str,
    account: Option<&'a str>,
    account_name: Option<&'a str>,
    license: Option<&'a str>,
    key: Option<&'a str>,
    #[serde(flatten)]
    figure: &'a UsageFigure,
}

fn write_row(lines: &mut String, format: ReportFormat, meter: &Meter, row: UsageRow) {
    for figure in &row.figures {
        let line = Line {
            meter: &meter.name,
            unit: &meter.unit,
            account: row.account.as_deref(),
            account_name: row.account_name.as_deref(),
            license: row.license.as_deref(),
            key: row.key.as_deref(),
            figure,
        };
        match format {
            ReportFormat::Csv => line.write_csv(lines),
            ReportFormat::Json | ReportFormat::Ndjson => {
                // A line has text keys alone, so that it always prints.
                lines.push_str(&serde_json::to_string(&line).unwrap_or_default());
                lines.push('\n');
            }
        }
    }
}

impl Line<'_> {
    fn write_csv(&self, lines: &mut String) {
        let texts = [Some(self.meter), Some(self.unit), self.account, self.account_name, self.license, self.key];
        for text in texts {
            write_text(lines, text.unwrap_or_default());
            lines.push(',');
        }
        let UsageFigure { from, until, days, value, average } = self.figure;
        let average = average.as_deref().unwrap_or_default();
        lines.push_str(&format!("{from},{until},{days},{value},{average}\r\n"));
    }
}

/// A text as a field of a table. Spreadsheets take what begins so for a formula, and run it.
fn write_text(line: &mut String, text: &str) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let quoted = formula || text.contains([',', '"', '\r', '\n', ';', '\t']) || text.starts_with(' ');
    if quoted {
        line.push('"');
    }
    if formula {
        line.push('\'');
    }
    line.push_str(&if quoted { text.replace('"', "\"\"") } else { text.to_owned() });
    if quoted {
        line.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_rounded_half_up_at_the_fifth_decimal() {
        assert_eq!(quotient(1_240, 31), "40");
        assert_eq!(quotient(10, 31), "0.32258");
        assert_eq!(quotient(1, 200_000), "0.00001");
        assert_eq!(quotient(1, 200_001), "0");
        assert_eq!(quotient(0, 28), "0");
        assert_eq!(quotient(5, 2), "2.5");
    }

    #[test]
    fn a_text_of_a_table_is_neither_a_formula_nor_two_fields() {
        let field = |text: &str| {
            let mut line = String::new();
            write_text(&mut line, text);
            line
        };
        assert_eq!(field("Fabrikam"), "Fabrikam");
        assert_eq!(field("Fabrikam, Ltd"), "\"Fabrikam, Ltd\"");
        assert_eq!(field("the \"best\""), "\"the \"\"best\"\"\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert_eq!(field(formula), format!("\"'{formula}\""));
        }
    }
}
