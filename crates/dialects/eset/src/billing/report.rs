//! Bills, read off the statements of closed months, and off what the others would be billed now.

use crate::codes::Codes;
use crate::facts::Firm;
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::Asked;
use crate::usage::figures::{self, Each};
use lessor_core::account::{self, Account, Below, Kind};
use lessor_core::billing::{self, Amount, SaidLine};
use lessor_core::metering::day::Month;
use lessor_core::metering::{Per, Range};
use lessor_core::{AccountId, Context, Error, ProductId, Tx, catalog};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Of all companies right below the caller's.
pub(super) async fn my_company(asked: Asked) -> Result<Reply, Problem> {
    let (month, own) = (month(&asked)?, asked.own_company());
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let since = figures::rule()?.start(month.first());
        let children = Below { closed_since: Some(since), ..Below::children(own) };
        let (accounts, _) = account::below(tx, cx, &children, 0, usize::MAX)?;
        report(tx, cx, &accounts, month)
    });
    Ok(Reply::json(&read.await?))
}

/// Of those companies right below the caller's that are listed.
pub(super) async fn selected(asked: Asked) -> Result<Reply, Problem> {
    let own = asked.own_company();
    let right_below = move |_: &mut dyn Tx, _: &Context<'_>, account: &Account| Ok(account.parent == Some(own));
    of_listed(&asked, asked.fields.need_guids("companyIds")?, right_below).await
}

/// Of a company below one of those.
pub(super) async fn single(asked: Asked) -> Result<Reply, Problem> {
    let own = asked.own_company();
    let two_below = move |tx: &mut dyn Tx, cx: &Context<'_>, account: &Account| match account.parent {
        Some(parent) if parent != own => Ok(account::get(tx, cx, parent)?.parent == Some(own)),
        _ => Ok(false),
    };
    of_listed(&asked, &[asked.fields.need_guid("companyId")?], two_below).await
}

/// Of the divisions that are listed.
pub(super) async fn divisions(asked: Asked) -> Result<Reply, Problem> {
    let is_division = |_: &mut dyn Tx, _: &Context<'_>, account: &Account| Ok(account.kind == Kind::Division);
    of_listed(&asked, asked.fields.need_guids("divisionIds")?, is_division).await
}

async fn of_listed(
    asked: &Asked,
    ids: &[uuid::Uuid],
    is_meant: impl Fn(&mut dyn Tx, &Context<'_>, &Account) -> Result<bool, Error> + Send + 'static,
) -> Result<Reply, Problem> {
    let month = month(asked)?;
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let mut accounts = Vec::with_capacity(ids.len());
        for id in &ids {
            let account = account::get(tx, cx, AccountId(*id))?;
            if !is_meant(tx, cx, &account)? {
                return Err(Error::Forbidden);
            }
            accounts.push(account);
        }
        accounts.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        report(tx, cx, &accounts, month)
    });
    Ok(Reply::json(&read.await?))
}

/// A month that is over.
fn month(asked: &Asked) -> Result<Month, Problem> {
    let (year, number) = (asked.fields.need_int("year")?, asked.fields.need_int("month")?);
    let month = Month::parse(&format!("{year:04}-{number:02}")).ok_or_else(|| Problem::invalid("year"))?;
    if figures::rule()?.end(month.last()) > asked.app.now() {
        return Err(Problem::rule(Area::Report, 1001, "MonthIsNotOver"));
    }
    Ok(month)
}

fn report(tx: &mut dyn Tx, cx: &Context<'_>, accounts: &[Account], month: Month) -> Result<Value, Error> {
    let mut report = Vec::with_capacity(accounts.len());
    let mut categories = Categories::default();
    for account in accounts {
        report.push(bill(tx, cx, account, month, &mut categories)?);
    }
    Ok(json!({ "report": report }))
}

/// What is charged by one tier of one price list.
#[derive(Default)]
struct Charge {
    seat_days: i64,
    /// Before and after the discount.
    full: Amount,
    amount: Amount,
}

/// What lines have in common that are charged together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    code: String,
    category: String,
    list: String,
    tier: String,
    price: String,
    /// In hundredths of a percent.
    discount: i64,
}

fn bill(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: &Account,
    month: Month,
    categories: &mut Categories,
) -> Result<Value, Error> {
    let mut charges: BTreeMap<Key, Charge> = BTreeMap::new();
    let mut currency = None;
    let said = billing::said_of_month(tx, cx, account.id, month)?;
    for line in said.map(|said| said.lines).unwrap_or_default() {
        let Some((code, name)) = categories.of_line(tx, cx, &line)? else { continue };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let price = text(&line.unit_price);
        let key = Key {
            code,
            category: name,
            list: text(&line.price_list_name),
            tier: text(&line.tier),
            price: price.clone(),
            discount: line.discount.unwrap_or_default(),
        };
        let charge = charges.entry(key).or_default();
        let quantity: i64 = line.quantity.to_string().parse().unwrap_or_default();
        let unit = Amount::parse(&price).unwrap_or_default();
        charge.seat_days += quantity;
        charge.full = plus(charge.full, unit.times(i128::from(quantity), 1, 0));
        charge.amount = plus(charge.amount, decimal(&line.amount.to_string()));
        currency = Some(line.currency);
    }
    let range = Range::new(month.first(), month.last(), Per::Range)?;
    let seats: HashMap<String, i64> = figures::of_branch(tx, cx, account, Each::Category, range, false)?
        .into_iter()
        .filter(|item| item.license_type == 1)
        .map(|item| (item.code, item.seats))
        .collect();
    let total = charges.values().fold(Amount::ZERO, |sum, charge| plus(sum, Some(charge.full)));
    let categories = charges.iter().map(|(key, charge)| {
        let price = Amount::parse(&key.price).unwrap_or_default();
        let is_discounted = key.discount > 0;
        json!({
            "categoryCode": key.code.parse::<u64>().map_or_else(|_| json!(key.code), |code| json!(code)),
            "category": key.category,
            "seatDays": charge.seat_days,
            "tier": key.tier,
            "pricelist": key.list,
            "priceDay": number(price),
            "priceMonth": number(price.times(i128::from(month.days()), 1, 0).unwrap_or_default()),
            "totalSource": number(charge.full),
            "discountedSeatDays": is_discounted.then_some(charge.seat_days),
            "discountedPriceFinal": is_discounted.then(|| number(charge.amount)),
            "discounted": is_discounted,
            "seats": seats.get(&key.code).copied().unwrap_or_default(),
        })
    });
    let (year, number_of_month) = month.to_string().split_once('-').map_or((0, 0), |(year, month)| {
        (year.parse::<i64>().unwrap_or_default(), month.parse::<i64>().unwrap_or_default())
    });
    Ok(json!({
        "companyName": account.name,
        "companyId": account.id.0,
        "currency": currency,
        "customIdentifier": Firm::of(&account.contact).custom_identifier,
        "totalSource": number(total),
        "year": year,
        "month": number_of_month,
        "categories": categories.collect::<Vec<_>>(),
    }))
}

/// Price categories of products, by code and name.
#[derive(Default)]
struct Categories(HashMap<ProductId, Option<(String, String)>>);

impl Categories {
    /// The category under which the product of a line is billed: the first that has a code. Lines of meters have none.
    fn of_line(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        line: &SaidLine,
    ) -> Result<Option<(String, String)>, Error> {
        let Some(product) = line.product.as_deref().and_then(ProductId::parse) else { return Ok(None) };
        if let Some(known) = self.0.get(&product) {
            return Ok(known.clone());
        }
        let categories = catalog::price_categories_of(tx, cx, product)?;
        let ids: Vec<uuid::Uuid> = categories.iter().map(|category| category.id.0).collect();
        let codes = Codes::of_categories(tx, cx, &ids)?;
        let coded = |category: catalog::PriceCategory| Some((codes.get(category.id.0)?.to_owned(), category.name));
        let found = categories.into_iter().find_map(coded);
        self.0.insert(product, found.clone());
        Ok(found)
    }
}

/// A sum that is too large to be written is none that a statement could say.
fn plus(sum: Amount, more: Option<Amount>) -> Amount {
    more.and_then(|more| sum.plus(more)).unwrap_or(sum)
}

/// A decimal of at most five places, of whatever size.
fn decimal(text: &str) -> Option<Amount> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let parts: i128 = format!("{whole}{places:0<5}").parse().ok()?;
    (places.len() <= 5).then(|| Amount::from_parts(parts))
}

/// A decimal as a JSON number.
fn number(amount: Amount) -> Value {
    amount.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}
