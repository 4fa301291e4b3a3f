//! Licenses: ordering them, changing them, and what became of them.

mod detail;
mod history;
pub(crate) mod key;
pub(crate) mod removed;
mod sale;
pub(crate) mod state;
mod suspension;

use crate::input::{Input, Kind, SKIP, TAKE};
use crate::problem::{Area, Problem};
use crate::table::{Answer, Call};
use crate::words::LICENSE_TYPES;
use lessor_core::{Error, Noun, Refusal};

const KEY: Input = Input::must("publicLicenseKey", Kind::Text(64));
const QUANTITY: Input = Input::must("quantity", Kind::Int);

static ORDER: [Input; 4] = [
    QUANTITY,
    Input::must("productCode", Kind::Text(20)),
    Input::must("customerId", Kind::Guid),
    Input::must("licenseType", Kind::Number(&LICENSE_TYPES)),
];
static OF_KEY: [Input; 1] = [KEY];
static OF_KEY_AND_QUANTITY: [Input; 2] = [KEY, QUANTITY];
static HISTORY: [Input; 3] = [KEY, SKIP, TAKE];
static CHANGE_PRODUCT: [Input; 3] = [Input::must("newProductCode", Kind::Text(20)), QUANTITY, KEY];
static POSSIBLE_CHANGES: [Input; 3] = [Input::must("companyId", Kind::Guid), SKIP, TAKE];

const SOME_LICENSE: &str = r#"{"publicLicenseKey":"3AB-C4D-E5F"}"#;
const KEY_ANSWER: Answer = Answer::Json(SOME_LICENSE);

pub(crate) static CALLS: [Call; 11] = [
    Call::post("License Order", "License/Order", Area::License, |asked| Box::pin(sale::order(asked)))
        .takes(&ORDER)
        .shows(r#"{"quantity":10,"productCode":"111","customerId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","licenseType":1}"#)
        .gives(KEY_ANSWER),
    Call::post("License UpdateQuantity", "License/UpdateQuantity", Area::License, |asked| Box::pin(sale::update_quantity(asked)))
        .takes(&OF_KEY_AND_QUANTITY)
        .shows(r#"{"publicLicenseKey":"3AB-C4D-E5F","quantity":15}"#),
    Call::post("License ExtendTrial", "License/ExtendTrial", Area::License, |asked| Box::pin(sale::extend_trial(asked)))
        .takes(&OF_KEY)
        .shows(SOME_LICENSE),
    Call::post("License Suspend", "License/Suspend", Area::License, |asked| Box::pin(suspension::suspend(asked))).takes(&OF_KEY).shows(SOME_LICENSE),
    Call::post("License Unsuspend", "License/Unsuspend", Area::License, |asked| Box::pin(suspension::unsuspend(asked))).takes(&OF_KEY).shows(SOME_LICENSE),
    Call::post("License Convert To Full", "License/ConvertToFull", Area::License, |asked| Box::pin(sale::convert_to_full(asked)))
        .takes(&OF_KEY_AND_QUANTITY)
        .shows(r#"{"publicLicenseKey":"3AB-C4D-E5F","quantity":10}"#)
        .gives(KEY_ANSWER),
    Call::post("License GetHistory", "License/GetHistory", Area::License, |asked| Box::pin(history::history(asked)))
        .takes(&HISTORY)
        .shows(r#"{"publicLicenseKey":"3AB-C4D-E5F","skip":0,"take":100}"#)
        .gives(Answer::Json(
            r#"{"LicenseHistory":[{"Type":"5","Date":"2023-03-11T13:02:11Z","User":"ann@example.test","RequestedUnits":"15","PreviousUnits":"10"},{"Type":"4","Date":"2023-03-01T08:00:00Z","User":"ann@example.test","RequestedUnits":"10","LicenseTypeId":"1"}],"Paging":{"TotalCount":2}}"#,
        )),
    Call::post("License Detail", "License/Detail", Area::License, |asked| Box::pin(detail::detail(asked)))
        .takes(&OF_KEY)
        .shows(SOME_LICENSE)
        .gives(Answer::Json(
            r#"{"customerId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","lastUpdate":"2023-03-11T13:02:11Z","lastUpdateBy":"0d30a7b5-6e01-40c8-9ec4-f056329017c7","publicLicenseKey":"3AB-C4D-E5F","productCode":"111","productName":"Endpoint Security","quantity":15,"usage":2,"state":1,"trial":false,"trialExpiration":null,"trialExtensions":null,"bundleProducts":[],"upgradeableTo":["211"],"downgradeableTo":["107"]}"#,
        )),
    Call::post("License ChangeProduct", "License/ChangeProduct", Area::License, |asked| Box::pin(sale::change_product(asked)))
        .takes(&CHANGE_PRODUCT)
        .shows(r#"{"newProductCode":"211","quantity":15,"publicLicenseKey":"3AB-C4D-E5F"}"#),
    Call::post(
        "License GetPossibleProductChanges",
        "License/GetPossibleProductChanges",
        Area::License,
        |asked| Box::pin(detail::possible_changes(asked)),
    )
    .takes(&POSSIBLE_CHANGES)
    .shows(r#"{"companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","skip":0,"take":100}"#)
    .gives(Answer::Json(
        r#"{"licenses":[{"publicLicenseKey":"3AB-C4D-E5F","customerId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","productCode":"111","productName":"Endpoint Security","upgradeableTo":["211"],"downgradeableTo":["107"]}],"paging":{"totalCount":1}}"#,
    )),
    Call::post("License Remove", "License/Remove", Area::License, |asked| Box::pin(removed::remove(asked))).takes(&OF_KEY).shows(SOME_LICENSE),
];

/// What is said of a license where a call has no word of its own.
fn problem(error: Error) -> Problem {
    match error {
        // A removed trial.
        Error::Refused(Refusal::TrialOver) => key::rule(23, "LicenseIsInactive"),
        Error::Refused(Refusal::Held) => key::rule(23, "LicenseIsNotActive"),
        Error::Refused(Refusal::TermOver) => key::rule(37, "LicenseIsExpired"),
        Error::Refused(Refusal::OutOfRange { field: "quantity", .. }) => key::rule(30, "QuantityIsOutOfRange"),
        Error::Refused(Refusal::Taken { noun: Noun::License, .. }) => key::rule(20, "LicenseIsAlreadyOrdered"),
        other => other.into(),
    }
}
