//! Ordering licenses, and changing what was ordered.

use super::{key, problem, removed};
use crate::ids;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::account::{self, Kind};
use lessor_core::identity::Right;
use lessor_core::license::{self, Exchange, ExtendTrial, MOST_UNITS};
use lessor_core::order::{self, Order};
use lessor_core::{AccountId, Action, Context, Error, Noun, ProductId, Refusal, Tx, alias};
use serde_json::json;

const FULL: i64 = 1;
const TRIAL: i64 = 4;
/// How long a trial is at first, and by how much it is extended.
const TRIAL_DAYS: i64 = 30;
/// How often a trial is extended.
const EXTENSIONS: i64 = 2;

/// Refuses a quantity that cannot be. 0 and what no order can have are told apart.
fn check_quantity(quantity: i64) -> Result<(), Error> {
    let (field, min, max) = ("quantity", 1, MOST_UNITS);
    if (min..=max).contains(&quantity) { Ok(()) } else { Err(Refusal::OutOfRange { field, min, max }.into()) }
}

/// What is said of a quantity that cannot be.
fn told(error: Error, quantity: i64) -> Problem {
    match error {
        Error::Refused(Refusal::OutOfRange { field: "quantity", .. }) if quantity < 1 => {
            key::rule(18, "InvalidQuantity")
        }
        other => problem(other),
    }
}

/// The product of a code.
fn product(tx: &mut dyn Tx, cx: &Context<'_>, code: &str) -> Result<ProductId, Error> {
    let found = alias::resolve(tx, cx.actor().tenant, ids::PRODUCT, code)?;
    found.map(ProductId).ok_or(Error::not_found(Noun::Product))
}

pub(super) async fn order(asked: Asked) -> Result<Reply, Problem> {
    let fields = &asked.fields;
    let quantity = fields.need_int("quantity")?;
    let customer = AccountId(fields.need_guid("customerId")?);
    let code = fields.need_text("productCode")?.to_owned();
    let license_type = fields.need_int("licenseType")?;
    let ordered = asked.app.write(&asked.caller, move |tx, cx| {
        check_customer(tx, cx, customer)?;
        let trial_days = match license_type {
            FULL => None,
            TRIAL => Some(TRIAL_DAYS),
            _ => return Err(Error::malformed("license_type", "it is 1 or 4")),
        };
        check_quantity(quantity)?;
        let order = Order { customer, product: product(tx, cx, &code)?, quantity, trial_days };
        let license = order::order(tx, cx, &order, Some(&key::new_key(cx)))?;
        key::give(tx, &license)?;
        Ok(license.code)
    });
    match ordered.await {
        Ok(key) => Ok(Reply::json(&json!({ "publicLicenseKey": key }))),
        Err(Error::Refused(Refusal::Malformed { field: "license_type", .. })) => {
            Err(key::rule(17, "InvalidLicenseType"))
        }
        Err(Error::Refused(Refusal::Malformed { field: "customer", .. })) => {
            Err(key::rule(1001, "CompanyIsNotCustomer"))
        }
        Err(Error::Refused(Refusal::NotFound(Noun::Product) | Refusal::ProductInactive)) => {
            Err(key::rule(27, "ProductIsNotAvailable"))
        }
        Err(Error::Refused(Refusal::Held)) => Err(Problem::forbidden()),
        Err(error) => Err(told(error, quantity)),
    }
}

/// May the caller order for this company, and may anything be ordered for it? That is said before its wishes are looked at.
fn check_customer(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<(), Error> {
    let customer = account::get(tx, cx, id)?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &customer, Noun::Account)?;
    order::may_decide(tx, cx)?;
    if customer.kind != Kind::Customer {
        return Err(Error::malformed("customer", "it is a company of type 1007"));
    }
    if customer.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    if account::is_held(tx, customer.id)? { Err(Refusal::Held.into()) } else { Ok(()) }
}

pub(super) async fn update_quantity(asked: Asked) -> Result<Reply, Problem> {
    let key = asked.fields.need_text("publicLicenseKey")?.to_owned();
    let quantity = asked.fields.need_int("quantity")?;
    let set = asked.app.write(&asked.caller, move |tx, cx| {
        let (license, _) = key::find_to_change(tx, cx, &key)?;
        removed::refuse(tx, cx, &license)?;
        license::set_quantity(tx, cx, license.id, quantity)
    });
    match set.await {
        Ok(_) => Ok(Reply::empty()),
        Err(error) => Err(told(error, quantity)),
    }
}

pub(super) async fn extend_trial(asked: Asked) -> Result<Reply, Problem> {
    let key = asked.fields.need_text("publicLicenseKey")?.to_owned();
    let extended = asked.app.write(&asked.caller, move |tx, cx| {
        let (license, _) = key::find_to_change(tx, cx, &key)?;
        removed::refuse(tx, cx, &license)?;
        let command = ExtendTrial { license: license.id, days: TRIAL_DAYS, at_most: Some(EXTENSIONS) };
        license::extend_trial(tx, cx, &command)
    });
    match extended.await {
        Ok(_) => Ok(Reply::empty()),
        Err(Error::Refused(Refusal::Held)) => Err(key::rule(36, "LicenseIsNotSuspended")),
        Err(error) => Err(problem(error)),
    }
}

pub(super) async fn convert_to_full(asked: Asked) -> Result<Reply, Problem> {
    let key = asked.fields.need_text("publicLicenseKey")?.to_owned();
    let quantity = asked.fields.need_int("quantity")?;
    let converted = asked.app.write(&asked.caller, move |tx, cx| {
        let license = key::find_of_child(tx, cx, &key)?;
        removed::refuse(tx, cx, &license)?;
        let license = license::convert(tx, cx, license.id, quantity)?;
        key::of(tx, &license)
    });
    match converted.await {
        Ok(key) => Ok(Reply::json(&json!({ "publicLicenseKey": key }))),
        Err(Error::Refused(Refusal::NotTrial)) => Err(key::rule(19, "LicenseIsAlreadyConvertedToFull")),
        Err(Error::Refused(Refusal::Held)) => Err(key::rule(36, "LicenseIsNotSuspended")),
        Err(error) => Err(told(error, quantity)),
    }
}

pub(super) async fn change_product(asked: Asked) -> Result<Reply, Problem> {
    let key = asked.fields.need_text("publicLicenseKey")?.to_owned();
    let code = asked.fields.need_text("newProductCode")?.to_owned();
    let quantity = asked.fields.need_int("quantity")?;
    let changed = asked.app.write(&asked.caller, move |tx, cx| {
        let (license, _) = key::find_to_change(tx, cx, &key)?;
        removed::refuse(tx, cx, &license)?;
        let product = product(tx, cx, &code)?;
        license::exchange(tx, cx, &Exchange { license: license.id, product, quantity })
    });
    let unavailable = || key::rule(45, "ChangeOfProductIsUnavailable");
    match changed.await {
        Ok(_) => Ok(Reply::empty()),
        Err(Error::Refused(
            Refusal::NotFound(Noun::Product)
            | Refusal::ProductInactive
            | Refusal::NotOffered
            | Refusal::Held
            | Refusal::TermOver
            | Refusal::TrialOver
            | Refusal::Taken { noun: Noun::License, .. },
        )) => Err(unavailable()),
        Err(error) => Err(told(error, quantity)),
    }
}
