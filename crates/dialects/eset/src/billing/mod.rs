//! Bills of past months, as a distributor sees them.

mod report;

use crate::input::{Input, Kind};
use crate::problem::Area;
use crate::table::{Access, Answer, Call};

/// Most companies of one report.
const MOST: usize = 10_000;

const YEAR: Input = Input::must("year", Kind::Int);
const MONTH: Input = Input::must("month", Kind::Between(1, 12));

static MY_COMPANY: [Input; 2] = [YEAR, MONTH];
static SELECTED: [Input; 3] = [Input::must("companyIds", Kind::Guids(MOST)), YEAR, MONTH];
static SINGLE: [Input; 3] = [Input::must("companyId", Kind::Guid), YEAR, MONTH];
static DIVISIONS: [Input; 3] = [Input::must("divisionIds", Kind::Guids(MOST)), YEAR, MONTH];

const REPORT: Answer = Answer::Json(
    r#"{"report":[{"companyName":"Example MSP","companyId":"8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","currency":"EUR","customIdentifier":"","totalSource":10.6,"year":2023,"month":3,"categories":[{"categoryCode":111,"category":"Endpoint Security","seatDays":265,"tier":"1-24","pricelist":"Default","priceDay":0.04,"priceMonth":1.24,"totalSource":10.6,"discountedSeatDays":null,"discountedPriceFinal":null,"discounted":false,"seats":0}]}]}"#,
);

pub(crate) static CALLS: [Call; 4] = [
    Call::post("BillingReport MyCompany", "BillingReport/MyCompany", Area::Report, |asked| {
        Box::pin(report::my_company(asked))
    })
    .by(Access::Distributor)
    .takes(&MY_COMPANY)
    .shows(r#"{"year":2023,"month":3}"#)
    .gives(REPORT),
    Call::post(
        "BillingReport My Company Selected Companies Only",
        "BillingReport/MyCompanySelectedCompaniesOnly",
        Area::Report,
        |asked| Box::pin(report::selected(asked)),
    )
    .by(Access::Distributor)
    .takes(&SELECTED)
    .shows(r#"{"companyIds":["8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"],"year":2023,"month":3}"#)
    .gives(REPORT),
    Call::post("BillingReport Single Managed Company", "BillingReport/SingleManagedCompany", Area::Report, |asked| {
        Box::pin(report::single(asked))
    })
    .by(Access::Distributor)
    .takes(&SINGLE)
    .shows(r#"{"companyId":"8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","year":2023,"month":3}"#)
    .gives(REPORT),
    Call::post(
        "BillingReport Divisions Under Selected Distributor",
        "BillingReport/DivisionsUnderSelectedDistributor",
        Area::Report,
        |asked| Box::pin(report::divisions(asked)),
    )
    .by(Access::Distributor)
    .takes(&DIVISIONS)
    .shows(r#"{"divisionIds":["8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"],"year":2023,"month":3}"#)
    .gives(REPORT),
];
