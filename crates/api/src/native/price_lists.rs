//! Price lists: what seats and usage cost to whom.

use crate::call::{Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::billing::{self, Amount, EndPriceList, NewPriceList, Target};
use lessor_core::metering::day::Day;
use lessor_core::{App, Context, Error, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_price_lists, create_price_list))
        .routes(routes!(show_price_list))
        .routes(routes!(end_price_list))
}

/// A price from so many on.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tier {
    /// The least seats, or units of the meter, that it is for; 1 in the first tier.
    #[schema(example = 1)]
    from: i64,
    /// What a day of a seat costs, or one unit of the meter's month: a decimal with at most five places.
    #[schema(example = "0.04")]
    price: String,
}

/// Who is billed by a price list.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Billed {
    /// The account and each below it that has no list nearer, for its own.
    #[default]
    Account,
    /// The account alone, for its whole branch.
    Branch,
}

/// What a day of a seat, or usage, costs an account and everything below it.
#[derive(Serialize, ToSchema)]
struct PriceList {
    /// Its id.
    #[schema(example = "prl_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Whom it is for.
    account: String,
    /// Who is billed by it.
    billed: Billed,
    /// The product it is for, if it is for one.
    product: Option<String>,
    /// The price category it is for, if it is for one.
    category: Option<String>,
    /// The meter it is for, if it is for one.
    meter: Option<String>,
    /// The key of the meter that it is for; `null` where it is for what the meter shows altogether.
    key: Option<String>,
    /// Its name.
    #[schema(example = "Default")]
    name: String,
    /// The currency.
    #[schema(example = "EUR")]
    currency: String,
    /// Off each line, in hundredths of a percent.
    #[schema(example = 0)]
    discount: i64,
    /// The first day it applies to.
    #[schema(example = "2026-01-01", format = Date)]
    from: String,
    /// The first day it does not apply to any more; `null` while it has no end.
    #[schema(example = json!(null), format = Date)]
    until: Option<String>,
    /// Prices by what they begin with.
    tiers: Vec<Tier>,
    created_at: Time,
}

impl From<billing::PriceList> for PriceList {
    fn from(list: billing::PriceList) -> Self {
        let (product, category, meter, key) = match list.target {
            Target::Product(id) => (Some(id.to_string()), None, None, None),
            Target::Category(id) => (None, Some(id.to_string()), None, None),
            Target::Meter(id, key) => (None, None, Some(id.to_string()), key),
        };
        let billed = match list.billed {
            billing::Billed::Account => Billed::Account,
            billing::Billed::Branch => Billed::Branch,
        };
        let tiers = list.tiers.iter().map(|tier| Tier { from: tier.from, price: tier.price.to_string() });
        Self {
            id: list.id.to_string(),
            account: list.account.to_string(),
            billed,
            product,
            category,
            meter,
            key,
            name: list.name,
            currency: list.currency,
            discount: list.discount,
            from: list.from.to_string(),
            until: list.until.map(|until| until.to_string()),
            tiers: tiers.collect(),
            created_at: list.created_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListPriceLists {
    /// Whose.
    account: String,
}

/// List price lists
///
/// Those that were given to an account itself, in the order they were made. What it costs where it has none says the nearest
/// list above.
#[utoipa::path(get, path = "/v1/price-lists", tag = "Billing", params(ListPriceLists),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "All of them", body = Page<PriceList>)))]
async fn list_price_lists(read: Read<ListPriceLists>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let account = name::account(tx, cx, &query.account)?;
        let lists = billing::price_lists(tx, cx, account)?;
        Ok(Reply::ok(&Page { items: lists.into_iter().map(PriceList::from).collect(), next: None }))
    })
    .await
}

/// A price list to give to an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PriceListToCreate {
    /// Whom it is for.
    account: String,
    /// Who is billed by it; left out, `account`.
    #[serde(default)]
    billed: Billed,
    /// The product it is for. Give this, `category` or `meter`.
    product: Option<String>,
    /// The price category it is for.
    #[schema(example = json!(null))]
    category: Option<String>,
    /// Name or id of the meter it is for.
    #[schema(example = json!(null))]
    meter: Option<String>,
    /// One of the meter's keys; left out, it is for what the meter shows altogether.
    #[schema(example = json!(null))]
    key: Option<String>,
    /// 1 to 100 characters.
    #[schema(example = "Default")]
    name: String,
    /// Three capital letters.
    #[schema(example = "EUR")]
    currency: String,
    /// Off each line, in hundredths of a percent, 0 to 10000; left out, 0.
    #[serde(default)]
    #[schema(example = 0)]
    discount: i64,
    /// The first day it applies to, `YYYY-MM-DD`; may lie in the past.
    #[schema(example = "2026-01-01", format = Date)]
    from: String,
    /// The first day it does not apply to any more; left out, it has no end.
    #[schema(example = json!(null), format = Date)]
    until: Option<String>,
    /// Prices by what they begin with, growing from 1 on; 1 to 50.
    tiers: Vec<Tier>,
}

fn day(field: &'static str, text: &str) -> Result<Day, Error> {
    Day::parse(text).ok_or_else(|| Error::malformed(field, "it is a day, `YYYY-MM-DD`"))
}

impl PriceListToCreate {
    fn read(&self, tx: &mut dyn Tx, cx: &Context<'_>) -> Result<NewPriceList, Error> {
        let account = name::account(tx, cx, &self.account)?;
        let target = match (&self.product, &self.category, &self.meter) {
            (Some(product), None, None) => Target::Product(name::product(tx, cx, product)?),
            (None, Some(category), None) => Target::Category(name::price_category(category)?),
            (None, None, Some(meter)) => {
                Target::Meter(billing::meter_to_price(tx, cx, account, meter)?.id, self.key.clone())
            }
            _ => return Err(Error::malformed("product", "a list is for a `product`, a `category` or a `meter`")),
        };
        if self.key.is_some() && self.meter.is_none() {
            return Err(Error::malformed("key", "only meters have keys"));
        }
        let billed = match self.billed {
            Billed::Account => billing::Billed::Account,
            Billed::Branch => billing::Billed::Branch,
        };
        let tier = |tier: &Tier| {
            let price = Amount::parse(&tier.price);
            let price = price.ok_or_else(|| Error::malformed("price", "it is a decimal with at most five places"))?;
            Ok(billing::Tier { from: tier.from, price })
        };
        let tiers: Result<Vec<_>, Error> = self.tiers.iter().map(tier).collect();
        Ok(NewPriceList {
            account,
            billed,
            target,
            name: self.name.clone(),
            currency: self.currency.clone(),
            discount: self.discount,
            from: day("from", &self.from)?,
            until: self.until.as_deref().map(|until| day("until", until)).transpose()?,
            tiers: tiers?,
        })
    }
}

/// Create a price list
///
/// From its first day on, a day of a seat of the product, or of each product of the category, costs the account and
/// everything below it what the list says, unless a list is nearer. At one account a list for a product goes before one for
/// its category. A list for a meter, or for one of its keys, prices a month of it: the list that applies on the last day of the month does.
/// By a list that is billed to the `branch`, the account alone is billed for all in its branch, whatever lists there are below.
/// A list never changes: end it and make another. One that begins in a month that was closed becomes an adjustment in the
/// next statements.
#[utoipa::path(post, path = "/v1/price-lists", tag = "Billing", request_body = PriceListToCreate,
    security(("bearer" = ["billing:write"])),
    responses((status = 201, description = "The new list", body = PriceList)))]
async fn create_price_list(write: Write<PriceListToCreate>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = call.body.read(tx, cx)?;
            let list = billing::create_price_list(tx, cx, &new)?;
            Ok(Reply::created(format!("/v1/price-lists/{}", list.id), &PriceList::from(list)))
        })
        .await
}

/// Show a price list
#[utoipa::path(get, path = "/v1/price-lists/{price_list}", tag = "Billing",
    params(("price_list" = String, Path, description = "Which list")),
    security(("bearer" = ["billing:read"])),
    responses((status = 200, description = "The list", body = PriceList)))]
async fn show_price_list(Path(list): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let list = billing::price_list(tx, cx, name::price_list(&list)?)?;
        Ok(Reply::ok(&PriceList::from(list)))
    })
    .await
}

/// The end of a price list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PriceListEnd {
    /// The first day it shall not apply to any more, `YYYY-MM-DD`.
    #[schema(example = "2026-07-01", format = Date)]
    until: String,
}

/// End a price list
///
/// Once: a list that has an end keeps it. An end in a month that was closed becomes an adjustment in the next statements.
#[utoipa::path(post, path = "/v1/price-lists/{price_list}/end", tag = "Billing", request_body = PriceListEnd,
    params(("price_list" = String, Path, description = "Which list")),
    security(("bearer" = ["billing:write"])),
    responses((status = 200, description = "The list", body = PriceList)))]
async fn end_price_list(Path(list): Path<String>, write: Write<PriceListEnd>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let price_list = name::price_list(&list)?;
            let until = day("until", &call.body.until)?;
            let list = billing::end_price_list(tx, cx, &EndPriceList { price_list, until })?;
            Ok(Reply::ok(&PriceList::from(list)))
        })
        .await
}
