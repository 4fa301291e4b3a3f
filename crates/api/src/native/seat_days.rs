//! Reports of seat days.

use crate::call::{Cursor, Limit, Read};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Reach, TermKind, with_one_more};
use axum::response::Response;
use lessor_core::metering::day::{Day, DayRule};
use lessor_core::metering::seat_days::{self, Figures, Scope, SeatDays};
use lessor_core::{AccountId, App, Context, Error, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(report_seat_days))
        .routes(routes!(report_seat_days_of_licenses))
        .routes(routes!(report_seat_days_of_accounts))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportSeatDays {
    /// Of this license alone, also when it was removed since. Give this or `account`.
    license: Option<String>,
    /// Of this account, and of everything below it unless `reach` says otherwise.
    account: Option<String>,
    /// How far it goes from the account down; left out, the branch.
    #[param(inline)]
    reach: Option<Reach>,
    /// Only of this product.
    product: Option<String>,
    /// Only of products that are in this price category now.
    category: Option<String>,
    /// Only of rights of this kind.
    #[param(inline)]
    term: Option<TermKind>,
    /// The first day, `YYYY-MM-DD`.
    #[param(example = "2026-03-01", format = Date)]
    from: String,
    /// The last day, counted too; a report has at most 400 days.
    #[param(example = "2026-03-31", format = Date)]
    to: String,
    /// The time zone that days belong to; left out, `Europe/Prague`.
    #[param(example = "Europe/Prague")]
    time_zone: Option<String>,
    /// How many minutes past midnight a day still lasts, 0 to 1439; left out, 30.
    #[param(value_type = Option<u32>, minimum = 0, maximum = 1439, default = 30)]
    cutoff_minutes: Option<String>,
}

impl ReportSeatDays {
    fn read(&self, tx: &mut dyn Tx, cx: &Context<'_>) -> Result<SeatDays, Error> {
        let day =
            |field, text: &str| Day::parse(text).ok_or_else(|| Error::malformed(field, "it is a day, `YYYY-MM-DD`"));
        let cutoff = self.cutoff_minutes.as_deref().map_or(Ok(seat_days::CUTOFF_MINUTES), str::parse);
        let cutoff = cutoff.map_err(|_| Error::malformed("cutoff_minutes", "it is a number of minutes"))?;
        let product = self.product.as_deref().map(|product| name::product(tx, cx, product)).transpose()?;
        Ok(SeatDays {
            scope: self.scope(tx, cx)?,
            product,
            category: self.category.as_deref().map(name::price_category).transpose()?,
            term: self.term.map(Into::into),
            rule: DayRule::new(self.time_zone.as_deref().unwrap_or(seat_days::ZONE), cutoff)?,
            from: day("from", &self.from)?,
            to: day("to", &self.to)?,
        })
    }

    fn scope(&self, tx: &mut dyn Tx, cx: &Context<'_>) -> Result<Scope, Error> {
        match (&self.license, &self.account) {
            (Some(license), None) if self.reach.is_none() => Ok(Scope::License(name::license(tx, cx, license)?)),
            (None, Some(account)) => {
                let account = name::account(tx, cx, account)?;
                let own = self.reach == Some(Reach::Own);
                Ok(if own { Scope::Account(account) } else { Scope::Branch(account) })
            }
            _ => Err(Error::malformed("account", "a report is of a `license`, or of an `account` and its `reach`")),
        }
    }
}

/// The seats of a day.
#[derive(Serialize, ToSchema)]
struct SeatsOfDay {
    /// Which day.
    #[schema(example = "2026-03-01", format = Date)]
    date: String,
    /// How many seats counted.
    #[schema(example = 10)]
    seats: i64,
}

fn days<K>(query: &SeatDays, figures: &Figures<K>) -> Vec<SeatsOfDay> {
    let dated = (0..).zip(&figures.days);
    dated.map(|(n, seats)| SeatsOfDay { date: query.from.plus(n).to_string(), seats: *seats }).collect()
}

/// What counted of a product and a kind of right.
#[derive(Serialize, ToSchema)]
struct ProductSeatDays {
    product: String,
    term: TermKind,
    /// The sum of all days.
    #[schema(example = 265)]
    seat_days: i64,
    /// The seats in force at the end of the last day, as far as it has come.
    #[schema(example = 15)]
    seats: i64,
    /// Every day of the range, zeros too.
    days: Vec<SeatsOfDay>,
}

/// Seat days of a range
#[derive(Serialize, ToSchema)]
struct SeatDaysReport {
    /// The sum of all items.
    #[schema(example = 265)]
    seat_days: i64,
    /// The seats in force at the end of the last day, of all items.
    #[schema(example = 15)]
    seats: i64,
    /// What counted, by product and kind of right; nothing for those of which nothing counted.
    items: Vec<ProductSeatDays>,
}

/// Report seat days
///
/// How many seats counted on each day, by product and kind of right: of a license, an account, or an account and all below
/// it. What is counted is what was ordered, not what was activated; a suspended license counts on the day of its suspension
/// and again from the day of its return on. Accounts that were closed and licenses that were removed stay in their days.
#[utoipa::path(get, path = "/v1/reports/seat-days", tag = "Usage", params(ReportSeatDays),
    security(("bearer" = ["usage:read"])),
    responses((status = 200, description = "The report", body = SeatDaysReport)))]
async fn report_seat_days(read: Read<ReportSeatDays>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let asked = query.read(tx, cx)?;
        let found = seat_days::by_product(tx, cx, &asked)?;
        let items = found.iter().map(|figures| ProductSeatDays {
            product: figures.of.0.to_string(),
            term: figures.of.1.into(),
            seat_days: figures.seat_days,
            seats: figures.seats,
            days: days(&asked, figures),
        });
        Ok(Reply::ok(&SeatDaysReport {
            seat_days: found.iter().map(|figures| figures.seat_days).sum(),
            seats: found.iter().map(|figures| figures.seats).sum(),
            items: items.collect(),
        }))
    })
    .await
}

/// What counted of a license while it was to a product and of a kind.
#[derive(Serialize, ToSchema)]
struct LicenseSeatDays {
    license: String,
    product: String,
    term: TermKind,
    /// The sum of all days.
    #[schema(example = 265)]
    seat_days: i64,
    /// The seats in force at the end of the last day, as far as it has come.
    #[schema(example = 15)]
    seats: i64,
    /// Every day of the range, zeros too.
    days: Vec<SeatsOfDay>,
}

/// Report seat days by license
///
/// As the report of seat days, each license of an account by itself. `reach` has to be `self`: the licenses of a branch are
/// told account by account.
#[utoipa::path(get, path = "/v1/reports/seat-days/licenses", tag = "Usage", params(ReportSeatDays),
    security(("bearer" = ["usage:read"])),
    responses((status = 200, description = "All licenses of which something counted", body = Page<LicenseSeatDays>)))]
async fn report_seat_days_of_licenses(read: Read<ReportSeatDays>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let asked = query.read(tx, cx)?;
        let found = seat_days::by_license(tx, cx, &asked)?;
        let items = found.iter().map(|figures| LicenseSeatDays {
            license: figures.of.0.to_string(),
            product: figures.of.1.to_string(),
            term: figures.of.2.into(),
            seat_days: figures.seat_days,
            seats: figures.seats,
            days: days(&asked, figures),
        });
        Ok(Reply::ok(&Page { items: items.collect(), next: None }))
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportSeatDaysOfAccounts {
    /// Of this account and everything below it, unless `reach` says otherwise.
    account: String,
    /// How far it goes from the account down; left out, the branch.
    #[param(inline)]
    reach: Option<Reach>,
    /// Only of this product.
    product: Option<String>,
    /// Only of products that are in this price category now.
    category: Option<String>,
    /// Only of rights of this kind.
    #[param(inline)]
    term: Option<TermKind>,
    /// The first day, `YYYY-MM-DD`.
    #[param(example = "2026-03-01", format = Date)]
    from: String,
    /// The last day, counted too; a report has at most 400 days.
    #[param(example = "2026-03-31", format = Date)]
    to: String,
    /// The time zone that days belong to; left out, `Europe/Prague`.
    #[param(example = "Europe/Prague")]
    time_zone: Option<String>,
    /// How many minutes past midnight a day still lasts, 0 to 1439; left out, 30.
    #[param(value_type = Option<u32>, minimum = 0, maximum = 1439, default = 30)]
    cutoff_minutes: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// What counted of an account itself.
#[derive(Serialize, ToSchema)]
struct AccountSeatDays {
    account: String,
    /// The sum of all days.
    #[schema(example = 265)]
    seat_days: i64,
    /// The seats in force at the end of the last day, as far as it has come.
    #[schema(example = 15)]
    seats: i64,
    /// Every day of the range, zeros too.
    days: Vec<SeatsOfDay>,
}

/// Report seat days by account
///
/// As the report of seat days, each account by itself, without those below it: the figure of a branch is the sum of its
/// accounts. Accounts come from the top of the tree down, each followed by what is below it, also where nothing counted.
#[utoipa::path(get, path = "/v1/reports/seat-days/accounts", tag = "Usage", params(ReportSeatDaysOfAccounts),
    security(("bearer" = ["usage:read"])),
    responses((status = 200, description = "A page of accounts", body = Page<AccountSeatDays>)))]
async fn report_seat_days_of_accounts(read: Read<ReportSeatDaysOfAccounts>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let own = ReportSeatDays {
            license: None,
            account: Some(query.account.clone()),
            reach: query.reach,
            product: query.product.clone(),
            category: query.category.clone(),
            term: query.term,
            from: query.from.clone(),
            to: query.to.clone(),
            time_zone: query.time_zone.clone(),
            cutoff_minutes: query.cutoff_minutes.clone(),
        };
        let asked = own.read(tx, cx)?;
        let after = query.cursor.map(|cursor| AccountId(uuid::Uuid::from_u128(cursor.0)));
        let found = seat_days::by_account(tx, cx, &asked, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(
            found,
            query.limit,
            |figures| figures.of.0.as_u128(),
            |figures| AccountSeatDays {
                account: figures.of.to_string(),
                seat_days: figures.seat_days,
                seats: figures.seats,
                days: days(&asked, &figures),
            },
        )))
    })
    .await
}
