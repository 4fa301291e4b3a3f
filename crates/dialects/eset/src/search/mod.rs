//! Searches: companies and users by columns, licenses by keyword.

mod columns;

use crate::codes::Codes;
use crate::facts::{Firm, Person};
use crate::ids;
use crate::input::{Input, Kind, SKIP, TAKE};
use crate::page::{Page, PagingOfSearch};
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::state::{company_status, user_status};
use crate::table::{Answer, Asked, Call};
use crate::words;
use columns::{Cell, Wanted, fits, wanted};
use lessor_core::account::{self, Account, Below};
use lessor_core::identity::user::{self, User};
use lessor_core::license::{self, LicenseKey};
use lessor_core::{AccountId, Context, Error, ProductId, Tx, alias, catalog};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// Most keywords of one search, and most columns of a keyword.
const MOST: usize = 50;

static LICENSES: [Input; 4] =
    [Input::may("keyword", Kind::Text(200)), Input::may("customerId", Kind::Guid), SKIP, TAKE];
static COLUMNS: [Input; 3] = [Input::may("search", Kind::Columns(MOST)), SKIP, TAKE];

pub(crate) static CALLS: [Call; 3] = [
    Call::post("Search Licenses", "Search/Licenses", Area::Search, |asked| Box::pin(licenses(asked)))
        .takes(&LICENSES)
        .shows(r#"{"keyword":"","customerId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","skip":0,"take":100}"#)
        .gives(Answer::Json(
            r#"{"Search":[{"PublicLicenseKey":"3AB-C4D-E5F","Code":"111","Name":"Endpoint Security","CustomerId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"}],"Paging":{"TotalCount":1},"TotalCount":1}"#,
        )),
    Call::post("Search Users", "Search/Users", Area::Search, |asked| Box::pin(users(asked)))
        .takes(&COLUMNS)
        .shows(r#"{"search":{"ann":[2,3]},"skip":0,"take":100}"#)
        .gives(Answer::Json(
            r#"{"Search":[{"UserId":"0d30a7b5-6e01-40c8-9ec4-f056329017c7","FirstName":"Ann","LastName":"Example","Name":"Ann Example","Email":"ann@example.test","Status":"1","Phone":"","CompanyId":"8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"}],"Paging":{"TotalCount":1}}"#,
        )),
    Call::post("Search Companies", "Search/Companies", Area::Search, |asked| Box::pin(companies(asked)))
        .takes(&COLUMNS)
        .shows(r#"{"search":{"customer":[0,10]},"skip":0,"take":100}"#)
        .gives(Answer::Json(
            r#"{"Search":[{"CompanyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","Name":"Customer A","CompanyTypeId":"5","Type":"5","StatusId":"1","State":"1","Email":"it@a.example","CustomIdentifier":"CRM-4711","VatId":"","Description":"","ParentId":"8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"}],"Paging":{"TotalCount":1}}"#,
        )),
];

/// The columns of companies. There is no fourth.
const OF_COMPANIES: [i64; 12] = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12];
/// The columns of users.
const OF_USERS: [i64; 7] = [0, 2, 3, 4, 5, 7, 8];

async fn companies(asked: Asked) -> Result<Reply, Problem> {
    let (page, own) = (Page::of(&asked.fields), asked.own_company());
    let wanted = wanted(asked.fields.columns("search"), &OF_COMPANIES)?;
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let all = Below { itself: true, ..Below::branch(own) };
        let (accounts, total) = if wanted.is_empty() {
            account::below(tx, cx, &all, page.skip, page.take)?
        } else {
            let below = account::all_below(tx, cx, &all)?;
            let found = companies_with(tx, cx, below, &wanted)?;
            let total = found.len();
            (page.cut(found), total)
        };
        let shown = accounts.iter().map(|account| company(tx, cx, account)).collect::<Result<Vec<_>, _>>()?;
        Ok((shown, total))
    });
    let (shown, total) = read.await?;
    Ok(answer(&shown, total))
}

fn companies_with(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    accounts: Vec<Account>,
    wanted: &[Wanted],
) -> Result<Vec<Account>, Error> {
    let mut found = Vec::new();
    for account in accounts {
        let firm = Firm::of(&account.contact);
        let cell = |column: i64| {
            Ok::<_, Error>(Some(match column {
                0 => Cell::Text(account.name.clone()),
                1 => Cell::whole(account.id.0),
                2 => Cell::Day(account.created_at),
                3 => Cell::Day(account.modified_at),
                5 => Cell::Text(firm.custom_identifier.clone()),
                6 => Cell::Whole(vec![
                    words::search_type(account.kind).to_string(),
                    words::entity_type(account.kind).to_string(),
                ]),
                7 => Cell::whole(company_status(tx, cx, &account)?),
                8 => Cell::Text(firm.email.clone()),
                9 => Cell::Text(firm.vat_id.clone()),
                10 => Cell::Text(firm.description.clone()),
                11 => Cell::Text(firm.tags.join("\n")),
                12 => Cell::whole(account.parent.map(|parent| parent.0).unwrap_or_default()),
                _ => return Ok(None),
            }))
        };
        if fits(wanted, cell)? {
            found.push(account);
        }
    }
    Ok(found)
}

fn company(tx: &mut dyn Tx, cx: &Context<'_>, account: &Account) -> Result<Value, Error> {
    let firm = Firm::of(&account.contact);
    let (kind, status) = (words::search_type(account.kind).to_string(), company_status(tx, cx, account)?.to_string());
    Ok(json!({
        "CompanyId": account.id.0,
        "Name": account.name,
        "CompanyTypeId": kind,
        "Type": kind,
        "StatusId": status,
        "State": status,
        "Email": firm.email,
        "CustomIdentifier": firm.custom_identifier,
        "VatId": firm.vat_id,
        "Description": firm.description,
        "ParentId": account.parent.map(|parent| parent.0),
    }))
}

async fn users(asked: Asked) -> Result<Reply, Problem> {
    let (page, own) = (Page::of(&asked.fields), asked.own_company());
    let wanted = wanted(asked.fields.columns("search"), &OF_USERS)?;
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let mut found = Vec::new();
        for user in user::list_branch(tx, cx, own)? {
            let person = Person::of(&user.contact, &user.name, &user.login);
            let status = user_status(&user, &person, cx.now);
            let cell = |column: i64| {
                Ok::<_, Error>(Some(match column {
                    0 => Cell::whole(user.id.0),
                    2 => Cell::Text(person.first_name.clone()),
                    3 => Cell::Text(person.last_name.clone()),
                    4 => Cell::Text(person.full_name()),
                    5 => Cell::whole(status),
                    7 => Cell::Text(person.phone.clone()),
                    8 => Cell::Text(person.email.clone()),
                    _ => return Ok(None),
                }))
            };
            if fits(&wanted, cell)? {
                found.push((user, person, status));
            }
        }
        let total = found.len();
        Ok((page.cut(found), total))
    });
    let (found, total) = read.await?;
    let shown: Vec<Value> = found.iter().map(|(user, person, status)| shown_user(user, person, *status)).collect();
    Ok(answer(&shown, total))
}

fn shown_user(user: &User, person: &Person, status: i64) -> Value {
    json!({
        "UserId": user.id.0,
        "FirstName": person.first_name,
        "LastName": person.last_name,
        "Name": person.full_name(),
        "Email": person.email,
        "Status": status.to_string(),
        "Phone": person.phone,
        "CompanyId": user.account.0,
    })
}

async fn licenses(asked: Asked) -> Result<Reply, Problem> {
    let (page, own) = (Page::of(&asked.fields), asked.own_company());
    let customer = asked.fields.guid("customerId").map(AccountId);
    let keyword = asked.fields.text("keyword").unwrap_or_default().trim().to_lowercase();
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let mut keys = license::keys(tx, cx, customer.unwrap_or(own))?;
        keys.retain(|key| customer.is_none_or(|customer| customer == key.account));
        let removed = crate::licenses::removed::all(tx, cx.actor().tenant)?;
        keys.retain(|key| !removed.contains(&key.id));
        name_keys(tx, cx, &mut keys)?;
        let products = Products::of(tx, cx, &keys)?;
        // What has no code of the dialect is none of its licenses.
        keys.retain(|key| products.get(key).is_some_and(|product| product.has(key, &keyword)));
        let total = keys.len();
        let shown = page.cut(keys);
        let shown = shown.iter().filter_map(|key| Some(shown_license(key, products.get(key)?)));
        Ok((shown.collect::<Vec<_>>(), total))
    });
    let (shown, total) = read.await?;
    let mut all = searched(&shown, total);
    // Some look for it here.
    all["TotalCount"] = total.into();
    Ok(Reply::json(&all))
}

/// What was imported under another code goes by its key.
fn name_keys(tx: &mut dyn Tx, cx: &Context<'_>, keys: &mut [LicenseKey]) -> Result<(), Error> {
    let records: Vec<Uuid> = keys.iter().map(|key| key.id.0).collect();
    let names = alias::names_of(tx, cx, ids::LICENSE, &records)?;
    for key in keys {
        if let Some(name) = names.get(&key.id.0) {
            key.code = name.to_string();
        }
    }
    Ok(())
}

/// What is to be told of the products of licenses.
struct Products(HashMap<ProductId, Named>);

struct Named {
    code: String,
    name: String,
}

impl Products {
    fn of(tx: &mut dyn Tx, cx: &Context<'_>, keys: &[LicenseKey]) -> Result<Self, Error> {
        let mut ids: Vec<Uuid> = keys.iter().map(|key| key.product.0).collect();
        ids.sort_unstable();
        ids.dedup();
        let codes = Codes::of_products(tx, cx, &ids)?;
        let mut products = HashMap::new();
        for id in ids {
            if let Some(code) = codes.get(id) {
                let name = catalog::product(tx, cx, ProductId(id))?.name;
                products.insert(ProductId(id), Named { code: code.to_owned(), name });
            }
        }
        Ok(Self(products))
    }

    fn get(&self, key: &LicenseKey) -> Option<&Named> {
        self.0.get(&key.product)
    }
}

impl Named {
    fn has(&self, key: &LicenseKey, keyword: &str) -> bool {
        [&self.code, &self.name, &key.code].into_iter().any(|text| text.to_lowercase().contains(keyword))
    }
}

fn shown_license(key: &LicenseKey, product: &Named) -> Value {
    json!({
        "PublicLicenseKey": key.code,
        "Code": product.code,
        "Name": product.name,
        "CustomerId": key.account.0,
    })
}

fn searched(shown: &[Value], total_count: usize) -> Value {
    json!({ "Search": shown, "Paging": PagingOfSearch { total_count } })
}

fn answer(shown: &[Value], total: usize) -> Reply {
    Reply::json(&searched(shown, total))
}
