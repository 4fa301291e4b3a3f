//! Companies: reading, making, changing, stopping and removing them.

mod create;
mod detail;
mod life;
mod list;
mod update;

use crate::countries;
use crate::fields::Fields;
use crate::ids;
use crate::input::{Input, Kind, SKIP, TAKE};
use crate::problem::{Area, Problem};
use crate::table::{Answer, Call};
use crate::words::ENTITY_TYPES_ASKED;
use lessor_core::account::{self, Account};
use lessor_core::identity::Right;
use lessor_core::{AccountId, Action, Context, Error, Noun, ProductId, Refusal, Tx, alias, mail};

/// The longest name, in characters.
const NAME: Kind = Kind::Text(200);
/// The longest line of other texts.
const LINE: Kind = Kind::Text(255);
/// The longest remark.
const REMARK: Kind = Kind::Text(2_000);
/// Most tags or products in a list.
const MOST: usize = 200;

const COMPANY_ID: Input = Input::must("companyId", Kind::Guid);
static COMPANY: [Input; 1] = [COMPANY_ID];
static CHILDREN: [Input; 3] = [COMPANY_ID, SKIP, TAKE];
static DESCENDANTS: [Input; 4] = [COMPANY_ID, Input::must("entityType", Kind::Choice(&ENTITY_TYPES_ASKED)), SKIP, TAKE];
static USERS: [Input; 2] = [SKIP, TAKE];

static ADDRESS: [Input; 5] = [
    Input::may("countryCode", Kind::Text(3)),
    Input::may("state", LINE),
    Input::may("city", LINE),
    Input::may("streetAddress", LINE),
    Input::may("zipCode", LINE),
];
static TAG: [Input; 1] = [Input::must("tag", Kind::Text(100))];
static PRODUCT: [Input; 1] = [Input::must("code", Kind::Text(20))];

const ADDRESS_INPUT: Input = Input::may("address", Kind::Object(&ADDRESS));
const TAGS: Input = Input::may("tags", Kind::List(MOST, &TAG));
const PRODUCTS: Input = Input::may("products", Kind::List(MOST, &PRODUCT));
const TRIALS: Input = Input::may("trialLicenseAllowed", Kind::Flag);
const CUSTOM_IDENTIFIER: Input = Input::may("customIdentifier", LINE);
const COMMENT: Input = Input::may("comment", REMARK);
const VAT_ID: Input = Input::may("vatId", LINE);
const DESCRIPTION: Input = Input::may("description", REMARK);
const MANAGER: Input = Input::may("manager", Kind::Flag);
const RESELLER: Input = Input::may("reseller", Kind::Flag);
const TRUSTED: Input = Input::may("trusted", Kind::Flag);
const PRODUCTS_TO_ADD: Input = Input::may("productsToAdd", Kind::List(MOST, &PRODUCT));
const PRODUCTS_TO_REMOVE: Input = Input::may("productsToRemove", Kind::List(MOST, &PRODUCT));
const TAGS_TO_ADD: Input = Input::may("tagsToAdd", Kind::List(MOST, &TAG));
const TAGS_TO_REMOVE: Input = Input::may("tagsToRemove", Kind::List(MOST, &TAG));

static CREATE_MSP: [Input; 13] = [
    Input::must("name", NAME),
    Input::must("email", LINE),
    ADDRESS_INPUT,
    TAGS,
    PRODUCTS,
    TRIALS,
    CUSTOM_IDENTIFIER,
    COMMENT,
    VAT_ID,
    DESCRIPTION,
    MANAGER,
    RESELLER,
    Input::may("divisionId", Kind::Guid),
];
static CREATE_MANAGED_MSP: [Input; 11] = [
    Input::must("name", NAME),
    Input::must("email", LINE),
    ADDRESS_INPUT,
    TAGS,
    PRODUCTS,
    TRIALS,
    CUSTOM_IDENTIFIER,
    COMMENT,
    VAT_ID,
    DESCRIPTION,
    TRUSTED,
];
static CREATE_CUSTOMER: [Input; 9] = [
    Input::must("name", NAME),
    Input::may("email", LINE),
    ADDRESS_INPUT,
    TAGS,
    CUSTOM_IDENTIFIER,
    COMMENT,
    VAT_ID,
    DESCRIPTION,
    Input::may("parentCompanyId", Kind::Guid),
];
static UPDATE_MSP: [Input; 16] = [
    COMPANY_ID,
    Input::may("name", NAME),
    Input::may("email", LINE),
    ADDRESS_INPUT,
    TAGS_TO_ADD,
    TAGS_TO_REMOVE,
    PRODUCTS_TO_ADD,
    PRODUCTS_TO_REMOVE,
    TRIALS,
    CUSTOM_IDENTIFIER,
    COMMENT,
    VAT_ID,
    DESCRIPTION,
    MANAGER,
    RESELLER,
    Input::may("divisionId", Kind::Guid),
];
static UPDATE_MANAGED_MSP: [Input; 15] = [
    COMPANY_ID,
    Input::may("name", NAME),
    Input::may("email", LINE),
    ADDRESS_INPUT,
    TAGS_TO_ADD,
    TAGS_TO_REMOVE,
    PRODUCTS_TO_ADD,
    PRODUCTS_TO_REMOVE,
    TRIALS,
    CUSTOM_IDENTIFIER,
    COMMENT,
    VAT_ID,
    DESCRIPTION,
    TRUSTED,
    Input::may("acceptPendingRequests", Kind::Flag),
];
static UPDATE_CUSTOMER: [Input; 10] = [
    COMPANY_ID,
    Input::may("name", NAME),
    Input::may("email", LINE),
    ADDRESS_INPUT,
    TAGS_TO_ADD,
    TAGS_TO_REMOVE,
    CUSTOM_IDENTIFIER,
    COMMENT,
    VAT_ID,
    DESCRIPTION,
];

const BRIEF: Answer = Answer::Json(
    r#"{"companies":[{"name":"Customer A","publicId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","type":1007,"status":1,"email":""}],"paging":{"totalCount":1}}"#,
);
const DETAIL: Answer = Answer::Json(
    r#"{"ancestor":{"id":"8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","name":"Example MSP","type":1005},"id":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","publicId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","name":"Customer A","type":1007,"status":1,"email":"it@a.example","description":"","comment":"","customIdentifier":"CRM-4711","vatId":"","address":{"countryCode":"SVK","state":"","city":"Bratislava","streetAddress":"Main 1","zipCode":"81101"},"tags":[{"tag":"gold"}],"products":[{"code":"111","name":"Endpoint Security"}],"trialLicenseAllowed":true,"trusted":null,"reseller":false,"manager":false,"divisionId":null,"created":"2023-01-05T08:00:00Z","lastUpdate":"2023-02-01T08:00:00Z"}"#,
);
const ID: Answer = Answer::Json(r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"}"#);
const OPERATION: Answer = Answer::Json(r#"{"operationId":"c6ba1f0e-0000-4777-9999-62dd8966b671"}"#);
const SOME_COMPANY: &str = r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"}"#;

pub(crate) static CALLS: [Call; 13] = [
    Call::post("Company Delete", "Company/Delete", Area::Company, |asked| Box::pin(life::delete(asked)))
        .takes(&COMPANY)
        .shows(SOME_COMPANY)
        .gives(Answer::Nothing),
    Call::post("Company Detail", "Company/Detail", Area::Company, |asked| Box::pin(detail::detail(asked)))
        .takes(&COMPANY)
        .shows(SOME_COMPANY)
        .gives(DETAIL),
    Call::post("Company Children", "Company/Children", Area::Company, |asked| Box::pin(list::children(asked)))
        .takes(&CHILDREN)
        .shows(r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","skip":0,"take":25}"#)
        .gives(BRIEF),
    Call::post("Company Descendants", "Company/Descendants", Area::Company, |asked| Box::pin(list::descendants(asked)))
        .takes(&DESCENDANTS)
        .shows(r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","entityType":"Any","skip":0,"take":100}"#)
        .gives(BRIEF),
    Call::post("Company Users", "Company/Users", Area::Company, |asked| Box::pin(list::users(asked)))
        .takes(&USERS)
        .shows(r#"{"skip":0,"take":100}"#)
        .gives(Answer::Json(
            r#"{"users":[{"id":"0d30a7b5-6e01-40c8-9ec4-f056329017c7","firstName":"Ann","lastName":"Example","email":"ann@example.test","permission":1,"status":1}],"paging":{"totalCount":1}}"#,
        )),
    Call::post("Company Suspend", "Company/Suspend", Area::Company, |asked| Box::pin(life::suspend(asked)))
        .takes(&COMPANY)
        .shows(SOME_COMPANY)
        .gives(OPERATION),
    Call::post("Company Unsuspend", "Company/Unsuspend", Area::Company, |asked| Box::pin(life::unsuspend(asked)))
        .takes(&COMPANY)
        .shows(SOME_COMPANY)
        .gives(OPERATION),
    Call::post("Company Create MSP", "Company/Create/msp", Area::Company, |asked| Box::pin(create::msp(asked)))
        .takes(&CREATE_MSP)
        .shows(r#"{"name":"Example MSP","email":"owner@msp.example","products":[{"code":"111"}],"trialLicenseAllowed":true,"manager":false}"#)
        .gives(ID),
    Call::post("Company Create Managed MSP", "Company/Create/managedmsp", Area::Company, |asked| Box::pin(create::managed_msp(asked)))
        .takes(&CREATE_MANAGED_MSP)
        .shows(r#"{"name":"Managed MSP","email":"owner@managed.example","address":{"city":"Brno"},"products":[{"code":"111"}],"trusted":true}"#)
        .gives(ID),
    Call::post("Company Create Customer", "Company/Create/customer", Area::Company, |asked| Box::pin(create::customer(asked)))
        .takes(&CREATE_CUSTOMER)
        .shows(r#"{"name":"Customer A","customIdentifier":"CRM-4711","email":"it@a.example"}"#)
        .gives(ID),
    Call::post("Company Update MSP", "Company/Update/msp", Area::Company, |asked| Box::pin(update::msp(asked)))
        .takes(&UPDATE_MSP)
        .shows(r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","productsToAdd":[{"code":"211"}],"comment":""}"#)
        .gives(ID),
    Call::post("Company Update Managed MSP", "Company/Update/managedmsp", Area::Company, |asked| Box::pin(update::managed_msp(asked)))
        .takes(&UPDATE_MANAGED_MSP)
        .shows(r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","trusted":true,"acceptPendingRequests":true}"#)
        .gives(ID),
    Call::post("Company Update Customer", "Company/Update/customer", Area::Company, |asked| Box::pin(update::customer(asked)))
        .takes(&UPDATE_CUSTOMER)
        .shows(r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","tagsToAdd":[{"tag":"gold"}],"comment":""}"#)
        .gives(ID),
];

/// A company that is there and that the caller sees.
fn open(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    let account = account::get(tx, cx, id)?;
    match account.closed_at {
        None => Ok(account),
        Some(_) => Err(Refusal::Closed(Noun::Account).into()),
    }
}

/// As [`open`], for a caller who may change it.
fn open_to_change(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    let account = open(tx, cx, id)?;
    cx.authorize(&Action::write(Right::ACCOUNTS_WRITE), &account, Noun::Account)?;
    Ok(account)
}

/// One member of each object of a list, none of them twice.
fn names(fields: &Fields, list: &str, member: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in fields.list(list).unwrap_or_default().iter().filter_map(|one| one.text(member)) {
        let name = name.trim();
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The products of codes.
///
/// # Errors
/// `NotFound(Product)` for a code that names none.
fn product_ids(tx: &mut dyn Tx, cx: &Context<'_>, codes: &[String]) -> Result<Vec<ProductId>, Error> {
    let mut found = Vec::new();
    for code in codes {
        let product = alias::resolve(tx, cx.actor().tenant, ids::PRODUCT, code)?;
        found.push(ProductId(product.ok_or(Error::not_found(Noun::Product))?));
    }
    Ok(found)
}

fn check_email(email: &str) -> Result<(), Problem> {
    match email {
        "" => Err(Problem::missing("email")),
        _ => mail::check_address("email", email).map_err(|_| Problem::invalid("email")),
    }
}

/// The code of a country as it is kept.
fn country(code: &str) -> Result<String, Problem> {
    let known = countries::code(code).ok_or_else(|| Problem::rule(Area::Company, 1005, "UnknownCountry"))?;
    Ok(known.to_owned())
}

// Fields of refusals that only this group has a word for.
const TYPE: &str = "company type";
const DIVISION: &str = "division";

fn not_of_that_type() -> Error {
    Error::malformed(TYPE, "the call is for companies of another type")
}

/// What is said where a company is made, changed, stopped or removed.
fn refused(error: Error) -> Problem {
    let rule = |sub_code, message| Problem::rule(Area::Company, sub_code, message);
    match error {
        Error::Refused(Refusal::Taken { noun: Noun::Account, name: _ }) => rule(1001, "NameAlreadyExists"),
        Error::Refused(Refusal::Taken { noun: Noun::User, name: _ }) => rule(1002, "EmailAlreadyExists"),
        Error::Refused(Refusal::MisplacedAccount { .. }) => rule(1004, "ParentTypeNotAllowed"),
        Error::Refused(Refusal::NotFound(Noun::Product) | Refusal::NotOffered) => rule(1006, "UnknownProduct"),
        Error::Refused(Refusal::Malformed { field: DIVISION, reason: _ }) => rule(1007, "UnknownDivision"),
        Error::Refused(Refusal::Malformed { field: TYPE, reason: _ }) => rule(1013, "CompanyTypeNotAllowed"),
        other => other.into(),
    }
}
