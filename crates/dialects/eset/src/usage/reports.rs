//! The reports: of several companies, and of one.

use super::figures::{Each, Item, of_branch};
use crate::page::{Page, Paging};
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::account::{self, Account, Below, Kind};
use lessor_core::metering::{Per, Range};
use lessor_core::{AccountId, Error, Refusal};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Of the companies right below the caller's, those too that were deleted since the report begins.
pub(super) async fn of_all(asked: Asked, each: Each) -> Result<Reply, Problem> {
    let (range, page, own) = (range(&asked, false)?, Page::of(&asked.fields), asked.own_company());
    let since = super::figures::rule()?.start(range.from);
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let children = Below { closed_since: Some(since), ..Below::children(own) };
        let (accounts, total) = account::below(tx, cx, &children, page.skip, page.take)?;
        let mut shown = Vec::new();
        for account in &accounts {
            shown.push(company(account, &of_branch(tx, cx, account, each, range, false)?, each));
        }
        Ok((shown, total))
    });
    let (shown, total) = read.await?;
    Ok(several(&shown, total))
}

/// Of the companies that are listed.
pub(super) async fn of_selected(asked: Asked, each: Each) -> Result<Reply, Problem> {
    let (range, page) = (range(&asked, false)?, Page::of(&asked.fields));
    let mut seen = HashSet::new();
    let ids: Vec<AccountId> =
        asked.fields.need_guids("companyIds")?.iter().filter(|id| seen.insert(**id)).map(|id| AccountId(*id)).collect();
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let accounts = ids.iter().map(|id| account::get(tx, cx, *id));
        let mut accounts = accounts.collect::<Result<Vec<_>, Error>>()?;
        accounts.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        let total = accounts.len();
        let mut shown = Vec::new();
        for account in page.cut(accounts) {
            shown.push(company(&account, &of_branch(tx, cx, &account, each, range, false)?, each));
        }
        Ok((shown, total))
    });
    let (shown, total) = read.await?;
    Ok(several(&shown, total))
}

/// Of one company and all below it. A division answers with nothing.
pub(super) async fn of_one(asked: Asked, each: Each, daily: bool) -> Result<Reply, Problem> {
    let (range, page) = (range(&asked, daily)?, Page::of(&asked.fields));
    let id = AccountId(asked.fields.need_guid("companyId")?);
    let codes = match each {
        Each::Product => asked.fields.texts("codes"),
        Each::Category => asked.fields.texts("categories"),
    };
    let codes = codes.map(<[String]>::to_vec).filter(|codes| !codes.is_empty());
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let account = account::get(tx, cx, id)?;
        let items = match account.kind {
            Kind::Division => Vec::new(),
            _ => of_branch(tx, cx, &account, each, range, daily)?,
        };
        Ok((account, items))
    });
    let (account, mut items) = read.await?;
    items.retain(|item| codes.as_ref().is_none_or(|codes| codes.contains(&item.code)));
    let total_count = items.len();
    let mut shown = Map::new();
    let page = page.cut(items.clone());
    shown.insert(list(each).into(), page.iter().map(|item| item.shown(each, daily)).collect());
    let sums = sums(&account, &items);
    shown.extend(sums);
    shown.insert("paging".into(), json!(Paging { total_count }));
    Ok(Reply::json(&shown))
}

fn range(asked: &Asked, daily: bool) -> Result<Range, Problem> {
    let (from, until) = (asked.fields.need_day("from")?, asked.fields.need_day("to")?);
    if until < from {
        return Err(Problem::rule(Area::Report, 1002, "InvalidPeriod"));
    }
    let per = if daily { Per::Day } else { Per::Range };
    Range::new(from, until, per).map_err(|error| match error {
        Error::Refused(Refusal::Malformed { .. }) => Problem::rule(Area::Report, 1003, "PeriodIsTooLong"),
        other => other.into(),
    })
}

/// The name of the list of items.
fn list(each: Each) -> &'static str {
    match each {
        Each::Product => "products",
        Each::Category => "categories",
    }
}

fn several(companies: &[Value], total_count: usize) -> Reply {
    Reply::json(&json!({ "companies": companies, "paging": Paging { total_count } }))
}

fn company(account: &Account, items: &[Item], each: Each) -> Value {
    let mut shown = Map::new();
    shown.insert(list(each).into(), items.iter().map(|item| item.shown(each, false)).collect());
    shown.extend(sums(account, items));
    Value::Object(shown)
}

/// Whose usage it is, and what it comes to.
fn sums(account: &Account, items: &[Item]) -> Map<String, Value> {
    let mut sums = Map::new();
    sums.insert("companyId".into(), json!(account.id.0));
    sums.insert("companyName".into(), json!(account.name));
    sums.insert("totalUsage".into(), json!(items.iter().map(|item| item.seat_days).sum::<i64>()));
    sums.insert("totalSeats".into(), json!(items.iter().map(|item| item.seats).sum::<i64>()));
    sums
}
