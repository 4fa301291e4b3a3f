//! Reports of usage: seat days and seats, per product or price category.

pub(crate) mod figures;
mod reports;

use crate::input::{Input, Kind, SKIP, TAKE};
use crate::problem::Area;
use crate::table::{Answer, Call};
use figures::Each::{Category, Product};
use reports::{of_all, of_one, of_selected};

/// Most companies of one report.
const MOST: usize = 10_000;
/// Most codes in a list.
const MOST_CODES: usize = 1_000;

const FROM: Input = Input::must("from", Kind::Day);
const TO: Input = Input::must("to", Kind::Day);

static ALL: [Input; 4] = [FROM, TO, SKIP, TAKE];
static SELECTED: [Input; 5] = [Input::must("companyIds", Kind::Guids(MOST)), FROM, TO, SKIP, TAKE];
static OF_PRODUCTS: [Input; 6] =
    [Input::must("companyId", Kind::Guid), Input::may("codes", Kind::Texts(MOST_CODES, 20)), FROM, TO, SKIP, TAKE];
static OF_CATEGORIES: [Input; 6] =
    [Input::must("companyId", Kind::Guid), Input::may("categories", Kind::Texts(MOST_CODES, 20)), FROM, TO, SKIP, TAKE];

const MONTH: &str = r#"{"from":"2023-03-01","to":"2023-03-31","skip":0,"take":100}"#;
const SELECTION: &str = r#"{"companyIds":["5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"],"from":"2023-03-01","to":"2023-03-31","skip":0,"take":100}"#;
const PRODUCTS: &str =
    r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","codes":["111"],"from":"2023-03-01","to":"2023-03-31"}"#;
const CATEGORIES: &str = r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","categories":["111"],"from":"2023-03-01","to":"2023-03-31"}"#;

const COMPANIES_PRODUCTS: Answer = Answer::Json(
    r#"{"companies":[{"products":[{"code":"111","productCode":"111","name":"Endpoint Security","licenseType":1,"seatDays":250,"seats":15}],"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","companyName":"Customer A","totalUsage":250,"totalSeats":15}],"paging":{"totalCount":1}}"#,
);
const COMPANIES_CATEGORIES: Answer = Answer::Json(
    r#"{"companies":[{"categories":[{"code":"111","name":"Endpoint","licenseType":1,"seatDays":250,"seats":15}],"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","companyName":"Customer A","totalUsage":250,"totalSeats":15}],"paging":{"totalCount":1}}"#,
);
const MONTHLY_PRODUCTS: Answer = Answer::Json(
    r#"{"products":[{"code":"111","productCode":"111","name":"Endpoint Security","licenseType":1,"seatDays":250,"seats":15}],"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","companyName":"Customer A","totalUsage":250,"totalSeats":15,"paging":{"totalCount":1}}"#,
);
const MONTHLY_CATEGORIES: Answer = Answer::Json(
    r#"{"categories":[{"code":"111","name":"Endpoint","licenseType":1,"seatDays":250,"seats":15}],"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","companyName":"Customer A","totalUsage":250,"totalSeats":15,"paging":{"totalCount":1}}"#,
);
const DAILY_PRODUCTS: Answer = Answer::Json(
    r#"{"products":[{"code":"111","productCode":"111","name":"Endpoint Security","licenseType":1,"seatDays":20,"seats":10,"usagePerDays":[{"date":"2023-03-01","usage":10},{"date":"2023-03-02","usage":10}]}],"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","companyName":"Customer A","totalUsage":20,"totalSeats":10,"paging":{"totalCount":1}}"#,
);
const DAILY_CATEGORIES: Answer = Answer::Json(
    r#"{"categories":[{"code":"111","name":"Endpoint","licenseType":1,"seatDays":20,"seats":10,"usagePerDays":[{"date":"2023-03-01","usage":10},{"date":"2023-03-02","usage":10}]}],"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","companyName":"Customer A","totalUsage":20,"totalSeats":10,"paging":{"totalCount":1}}"#,
);

pub(crate) static CALLS: [Call; 8] = [
    Call::post("UsageReport Products AllCompanies", "UsageReport/AllCompanies/products", Area::Report, |asked| {
        Box::pin(of_all(asked, Product))
    })
    .takes(&ALL)
    .shows(MONTH)
    .gives(COMPANIES_PRODUCTS),
    Call::post(
        "UsageReport Products SelectedCompanies",
        "UsageReport/SelectedCompanies/products",
        Area::Report,
        |asked| Box::pin(of_selected(asked, Product)),
    )
    .takes(&SELECTED)
    .shows(SELECTION)
    .gives(COMPANIES_PRODUCTS),
    Call::post("UsageReport Products Monthly", "UsageReport/Monthly/products", Area::Report, |asked| {
        Box::pin(of_one(asked, Product, false))
    })
    .takes(&OF_PRODUCTS)
    .shows(PRODUCTS)
    .gives(MONTHLY_PRODUCTS),
    Call::post("UsageReport Products Daily", "UsageReport/Daily/products", Area::Report, |asked| {
        Box::pin(of_one(asked, Product, true))
    })
    .takes(&OF_PRODUCTS)
    .shows(PRODUCTS)
    .gives(DAILY_PRODUCTS),
    Call::post("UsageReport Categories AllCompanies", "UsageReport/AllCompanies/categories", Area::Report, |asked| {
        Box::pin(of_all(asked, Category))
    })
    .takes(&ALL)
    .shows(MONTH)
    .gives(COMPANIES_CATEGORIES),
    Call::post(
        "UsageReport Categories SelectedCompanies",
        "UsageReport/SelectedCompanies/categories",
        Area::Report,
        |asked| Box::pin(of_selected(asked, Category)),
    )
    .takes(&SELECTED)
    .shows(SELECTION)
    .gives(COMPANIES_CATEGORIES),
    Call::post("UsageReport Categories Monthly", "UsageReport/Monthly/categories", Area::Report, |asked| {
        Box::pin(of_one(asked, Category, false))
    })
    .takes(&OF_CATEGORIES)
    .shows(CATEGORIES)
    .gives(MONTHLY_CATEGORIES),
    Call::post("UsageReport Categories Daily", "UsageReport/Daily/categories", Area::Report, |asked| {
        Box::pin(of_one(asked, Category, true))
    })
    .takes(&OF_CATEGORIES)
    .shows(CATEGORIES)
    .gives(DAILY_CATEGORIES),
];
