//! Reports of seat days: a page at a time, or all of them as lines or a table.

use super::figures::{Counting, Each, Reporting, UsageRow, lines, page, place};
use crate::call::{Cursor, Limit, Read};
use crate::export::ReportFormat;
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Date, Page, Reach, TermKind, UsagePer};
use axum::response::Response;
use lessor_core::metering::day::DayRule;
use lessor_core::metering::seat_days::{self, Scope, SeatDays};
use lessor_core::metering::{Range, Report};
use lessor_core::{App, Context, Error, Tx, account};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(report_seat_days))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportSeatDays {
    /// Of this license alone, also when it was removed since; in place of `account`.
    license: Option<String>,
    /// Of this account; left out, of the caller's own.
    account: Option<String>,
    /// Of the account alone, or of all below it too; left out, `branch`.
    #[param(inline)]
    reach: Option<Reach>,
    /// Only of this product.
    product: Option<String>,
    /// Only of products that are in this price category now.
    category: Option<String>,
    /// Only of rights of this kind.
    #[param(inline)]
    term: Option<TermKind>,
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
    /// commas between them; left out, not at all.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "product,term",
        pattern = "^(account|license|product|category|feature|term)(,(account|license|product|category|feature|term))*$")]
    each: Each,
    /// The time zone that days belong to; left out, `Europe/Prague`.
    #[param(example = "Europe/Prague")]
    time_zone: Option<String>,
    /// How many minutes past midnight a day still lasts, 0 to 1439; left out, 30.
    #[param(value_type = Option<u32>, minimum = 0, maximum = 1439, default = 30)]
    cutoff_minutes: Option<String>,
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

impl ReportSeatDays {
    fn query(&self, tx: &mut dyn Tx, cx: &Context<'_>) -> Result<SeatDays, Error> {
        let cutoff = self.cutoff_minutes.as_deref().map_or(Ok(seat_days::CUTOFF_MINUTES), str::parse);
        let cutoff = cutoff.map_err(|_| Error::malformed("cutoff_minutes", "it is a number of minutes"))?;
        let product = self.product.as_deref().map(|product| name::product(tx, cx, product)).transpose()?;
        let per = self.per.unwrap_or(UsagePer::Day).into();
        Ok(SeatDays {
            scope: self.scope(tx, cx)?,
            product,
            category: self.category.as_deref().map(name::price_category).transpose()?,
            term: self.term.map(Into::into),
            rule: DayRule::new(self.time_zone.as_deref().unwrap_or(seat_days::ZONE), cutoff)?,
            range: Range::new(self.from.0, self.until.0, per)?,
            per,
            each: self.each.0.clone(),
        })
    }

    fn scope(&self, tx: &mut dyn Tx, cx: &Context<'_>) -> Result<Scope, Error> {
        if let Some(license) = &self.license {
            if self.account.is_some() || self.reach.is_some() {
                return Err(Error::malformed("license", "a report is of a license, or of an account and its `reach`"));
            }
            return Ok(Scope::License(name::license(tx, cx, license)?));
        }
        let account = name::some_account(tx, cx, self.account.as_deref())?.unwrap_or(cx.actor().account);
        let own = self.reach.map(account::Reach::from) == Some(account::Reach::Own);
        Ok(if own { Scope::Account(account) } else { Scope::Branch(account) })
    }
}

impl Reporting for ReportSeatDays {
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
        Ok(show(&Counting::SEAT_DAYS, seat_days::report(tx, cx, &query, after, limit)?))
    }
}

/// Report seat days
///
/// How many seats counted on each day, in each month or in the whole range: of a license, an account, or an account and all
/// below it. What is counted is what was ordered, not what was activated; a suspended license counts on the day of its
/// suspension and again from the day of its return on, and nothing counts behind the end of a term. Accounts that were closed
/// and licenses that were removed stay in their days. Figures of accounts, licenses, products and terms add up to those of the
/// branch; trials are a term of their own. What is in several categories or has several features now counts in each. With
/// `format` `csv` or `ndjson` all figures come in one stream.
#[utoipa::path(get, path = "/v1/reports/seat-days", tag = "Usage", params(ReportSeatDays),
    security(("bearer" = ["usage:read"])),
    responses((status = 200, description = "A page of rows, or all figures as lines",
        content((Page<UsageRow> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")))))]
async fn report_seat_days(read: Read<ReportSeatDays>) -> Result<Response, Problem> {
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
