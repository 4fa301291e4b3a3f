//! One license in detail, and what licenses may be changed into.

use super::{key, problem, state};
use crate::ids;
use crate::page::{Page, Paging};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::account::{self, Kind};
use lessor_core::catalog::{self, Direction, Product};
use lessor_core::license::{self, License};
use lessor_core::{AccountId, Context, Error, Tx, alias};
use serde_json::{Map, Value, json};

pub(super) async fn detail(asked: Asked) -> Result<Reply, Problem> {
    let key = asked.fields.need_text("publicLicenseKey")?.to_owned();
    let told = asked.app.read(&asked.caller, move |tx, cx| {
        let license = key::find(tx, cx, &key)?;
        told(tx, cx, &license)
    });
    Ok(Reply::json(&told.await.map_err(problem)?))
}

fn told(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<Value, Error> {
    let usage = state::usage(tx, cx, license)?;
    let product = catalog::product(tx, cx, license.product)?;
    let trial = state::is_trial(license);
    let (last_update, last_user) = super::history::last_change(tx, cx, license)?;
    let mut told = json!({
        "customerId": license.account.0.to_string(),
        "lastUpdate": last_update.to_rfc3339(),
        "lastUpdateBy": last_user.map(|user| user.0),
        "publicLicenseKey": key::of(tx, license)?,
        "productCode": code(tx, &product)?,
        "productName": product.name,
        "quantity": license.terms.activation_limit,
        "usage": usage,
        "state": state::of(tx, cx, license, usage)?,
        "trial": trial,
        "trialExpiration": license.terms.term.end.filter(|_| trial).map(lessor_core::Timestamp::to_rfc3339),
        "trialExtensions": trial.then_some(license.trial_extensions),
    });
    let mut bundled = Vec::new();
    for part in catalog::bundled(tx, cx, product.id)? {
        bundled.push(json!({
            "productCode": code(tx, &part)?,
            "productName": part.name,
            "quantity": license.terms.activation_limit,
            "usage": usage,
        }));
    }
    if !bundled.is_empty() {
        told["bundleProducts"] = Value::Array(bundled);
    }
    for (name, codes) in changes(tx, cx, license)? {
        if codes.as_array().is_some_and(|codes| !codes.is_empty()) {
            told[name] = codes;
        }
    }
    Ok(told)
}

/// The code of a product. What was made elsewhere has none, and goes by its name.
pub(crate) fn code(tx: &mut dyn Tx, product: &Product) -> Result<String, Error> {
    Ok(alias::name_of(tx, ids::PRODUCT, product.id.0)?.unwrap_or_else(|| product.name.clone()))
}

/// The codes of what a license may be upgraded to, and downgraded.
fn changes(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<Map<String, Value>, Error> {
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for (exchange, product) in license::open_exchanges(tx, cx, license)? {
        match exchange.direction {
            Direction::Upgrade => up.push(code(tx, &product)?),
            Direction::Downgrade => down.push(code(tx, &product)?),
        }
    }
    Ok(Map::from_iter([("upgradeableTo".to_owned(), json!(up)), ("downgradeableTo".to_owned(), json!(down))]))
}

pub(super) async fn possible_changes(asked: Asked) -> Result<Reply, Problem> {
    let company = AccountId(asked.fields.need_guid("companyId")?);
    let page = Page::of(&asked.fields);
    let found = asked.app.read(&asked.caller, move |tx, cx| {
        let account = account::get(tx, cx, company)?;
        match account.kind {
            Kind::PartnerManager | Kind::Partner | Kind::ManagedPartner | Kind::Customer => {}
            Kind::Vendor | Kind::Distributor | Kind::Division => return Ok(None),
        }
        let mut found = Vec::new();
        for product in catalog::products(tx, cx, account.tenant, None, u32::MAX)? {
            // Most products become no other, and their licenses need not be looked at.
            if !catalog::exchanges(tx, cx, product.id)?.is_empty() {
                of_product(tx, cx, company, &product, &mut found)?;
            }
        }
        Ok(Some(found))
    });
    let Some(found) = found.await.map_err(problem)? else {
        return Err(key::rule(47, "EntityIsNotMspOrCustomer"));
    };
    let paging = Paging { total_count: found.len() };
    Ok(Reply::json(&json!({ "licenses": page.cut(found), "paging": paging })))
}

/// Adds the licenses of a branch to a product that may become another.
fn of_product(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    branch: AccountId,
    product: &Product,
    found: &mut Vec<Value>,
) -> Result<(), Error> {
    let product_code = code(tx, product)?;
    let mut after = None;
    loop {
        let views = license::list_after(tx, cx, Some(branch), Some(product.id), None, after, 500)?;
        let licenses: Vec<License> = views.into_iter().map(|view| view.license).collect();
        for (license, key) in licenses.iter().zip(key::of_many(tx, cx, &licenses)?) {
            let changes = changes(tx, cx, license)?;
            if changes.values().all(|codes| codes.as_array().is_none_or(Vec::is_empty)) {
                continue;
            }
            let mut told = json!({
                "publicLicenseKey": key,
                "customerId": license.account.0.to_string(),
                "productCode": product_code,
                "productName": product.name,
            });
            for (name, codes) in changes {
                told[name] = codes;
            }
            found.push(told);
        }
        match licenses.last() {
            Some(last) if licenses.len() == 500 => after = Some(last.id),
            _ => return Ok(()),
        }
    }
}
