//! The demo world's distributors and MSPs, by the calls that their scripts make.

use crate::program::{Answer, Demo, call};
use lessor_testkit::Engine;
use serde_json::{Value, json};

/// Somebody who signed in.
struct Person<'a> {
    demo: &'a Demo,
    token: String,
}

impl<'a> Person<'a> {
    /// Tokens are good for an hour of the demo's own time.
    fn sign_in(demo: &'a Demo, who: &str) -> Self {
        let body = demo.credentials["eset"][who].to_string();
        let answer = call(&demo.url, "POST", "/api/Token/Get", None, Some(&body)).ok();
        Self { demo, token: format!("Bearer {}", answer["accessToken"].as_str().expect("a token")) }
    }

    fn get(&self, path: &str) -> Answer {
        call(&self.demo.url, "GET", path, Some(&self.token), None)
    }

    fn post(&self, path: &str, body: Value) -> Answer {
        call(&self.demo.url, "POST", path, Some(&self.token), Some(&body.to_string()))
    }

    fn company(&self) -> Value {
        self.get("/api/User/Current").ok()["company"]["companyId"].clone()
    }

    /// The companies right below one, by name.
    fn children(&self, company: &Value) -> Vec<(String, Value)> {
        let body = json!({ "companyId": company, "skip": 0, "take": 100 });
        let found = self.post("/api/Company/Children", body).ok();
        let companies = found["companies"].as_array().expect("companies").clone();
        companies
            .into_iter()
            .map(|it| (it["name"].as_str().expect("a name").to_owned(), it["publicId"].clone()))
            .collect()
    }

    fn child(&self, name: &str) -> Value {
        let children = self.children(&self.company());
        children.into_iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    /// Seat days, seats, and the usage of each day.
    fn daily(&self, company: &Value, from: &str, to: &str) -> (i64, i64, Vec<i64>) {
        let body = json!({ "companyId": company, "from": from, "to": to });
        let found = self.post("/api/UsageReport/Daily/products", body).ok();
        let product = &found["products"][0];
        let days = product["usagePerDays"].as_array().expect("days").iter();
        let days = days.map(|day| day["usage"].as_i64().expect("a number")).collect();
        (product["seatDays"].as_i64().expect("a number"), product["seats"].as_i64().expect("a number"), days)
    }
}

/// When the world is served: the two finished months are January and February of a leap year.
const NOW: &str = "2028-03-15T10:00:00Z";

/// What the example of the dialect's documents comes to in a month of so many days.
fn worked_out(days: usize) -> Vec<i64> {
    (1..=days)
        .map(|day| {
            if day <= 10 {
                10
            } else if day <= 21 {
                15
            } else {
                0
            }
        })
        .collect()
}

#[test]
fn everybody_of_the_demo_world_signs_in_and_sees_their_own_branch() {
    let demo = Demo::start_at(Engine::Sqlite, NOW);
    let names = |who: &str| {
        let person = Person::sign_in(&demo, who);
        let company = person.company();
        person.children(&company).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names("distributor"), ["Adatum MSP", "Northwind North"]);
    assert_eq!(names("msp_manager"), ["Contoso East", "Contoso West"]);
    assert_eq!(names("msp"), ["Fourth Coffee", "Litware Dental", "Worked Example Ltd"]);
    assert_eq!(names("read_only"), names("msp"));
    assert_eq!(names("managed_msp").len(), 2);
    assert_eq!(names("untrusted_msp").len(), 2);
    assert_eq!(names("other_distributor"), ["Blue Yonder MSP"]);

    let old = &demo.credentials["eset"]["ema1"];
    let msp = Person::sign_in(&demo, "msp");
    let text = |name: &str| old[name].as_str().expect("a name").to_owned();
    assert_eq!(msp.get(&format!("/api/Ema1Mapping/CompanyId/{}", text("company_id"))).ok()["publicId"], msp.company());
    let site = msp.get(&format!("/api/Ema1Mapping/SiteId?siteId={}", text("site_id"))).ok();
    assert_eq!(site, msp.get(&format!("/api/Ema1Mapping/SiteId?legacyKey={}", text("legacy_key"))).ok());
    let license = msp.get(&format!("/api/Ema1Mapping/LicenseId/{}", text("license_id"))).ok();
    let detail = msp.post("/api/License/Detail", json!({ "publicLicenseKey": license["publicLicenseKey"] })).ok();
    assert_eq!((&detail["customerId"], &detail["usage"]), (&site["publicId"], &json!(9)));
    msp.get(&format!("/api/Ema1Mapping/UserId/{}", text("user_id"))).ok();

    let reader = Person::sign_in(&demo, "read_only");
    assert_eq!(reader.post("/api/Company/Suspend", json!({ "companyId": site["publicId"] })).status, 403);
}

#[test]
fn the_last_month_of_the_worked_example_is_as_the_documents_work_it_out() {
    let demo = Demo::start_at(Engine::Sqlite, NOW);
    let msp = Person::sign_in(&demo, "msp");
    let days = 29;
    let company = msp.child("Worked Example Ltd");
    let day = |day: usize| format!("2028-02-{day:02}");
    assert_eq!(msp.daily(&company, &day(1), &day(days)), (265, 0, worked_out(days)));
    assert_eq!(msp.daily(&company, &day(1), &day(20)), (250, 15, worked_out(20)));

    // Fabrikam and Contoso pay through their division, at the prices and tiers of all that is below it.
    let distributor = Person::sign_in(&demo, "distributor");
    let bill = distributor.post("/api/BillingReport/MyCompany", json!({ "year": 2028, "month": 2 })).ok();
    let report = bill["report"].as_array().expect("companies");
    let division = report.iter().find(|company| company["companyName"] == "Northwind North").expect("the division");
    let categories = division["categories"].as_array().expect("categories");
    let security = categories.iter().find(|category| category["categoryCode"] == 111).expect("the category");
    assert_eq!(
        (&security["tier"], &security["pricelist"], &division["currency"]),
        (&json!("25-99"), &json!("Default"), &json!("EUR"))
    );
    let of = |name: &str| security[name].as_f64().expect("a number");
    assert!((of("totalSource") - of("seatDays") * of("priceDay")).abs() < 1e-9, "{security}");
    assert!((of("priceMonth") - of("priceDay") * days as f64).abs() < 1e-9, "{security}");
}

fn the_worked_example_lived_through(engine: Engine) {
    let demo = Demo::start_at(engine, NOW);
    let go_to = |day: usize, time: &str| {
        let now = format!("2028-04-{day:02}T{time}:00Z");
        demo.native("POST", "/v1/test-clock", Some(json!({ "now": now }))).ok();
        Person::sign_in(&demo, "msp")
    };
    let msp = go_to(1, "09:00");
    let customer =
        msp.post("/api/Company/Create/customer", json!({ "name": "Lived Through Ltd" })).ok()["companyId"].clone();
    let order = json!({ "quantity": 10, "productCode": "111", "customerId": customer, "licenseType": 1 });
    let key = msp.post("/api/License/Order", order).ok()["publicLicenseKey"].clone();
    let quantity = |quantity: i64| json!({ "publicLicenseKey": key, "quantity": quantity });
    go_to(11, "13:00").post("/api/License/UpdateQuantity", quantity(15)).ok();
    // There and back on one day changes nothing.
    go_to(12, "09:00").post("/api/License/UpdateQuantity", quantity(40)).ok();
    go_to(12, "20:00").post("/api/License/UpdateQuantity", quantity(15)).ok();
    go_to(21, "08:00").post("/api/License/Suspend", json!({ "publicLicenseKey": key })).ok();
    demo.native("POST", "/v1/test-clock", Some(json!({ "now": "2028-05-02T00:00:00Z" }))).ok();
    let msp = Person::sign_in(&demo, "msp");
    let days = 30;
    let day = |day: usize| format!("2028-04-{day:02}");
    assert_eq!(msp.daily(&customer, &day(1), &day(days)), (265, 0, worked_out(days)));
    assert_eq!(msp.daily(&customer, &day(1), &day(20)), (250, 15, worked_out(20)));
}

#[test]
fn the_worked_example_comes_out_when_it_is_lived_through_sqlite() {
    the_worked_example_lived_through(Engine::Sqlite);
}

#[test]
fn the_worked_example_comes_out_when_it_is_lived_through_postgres() {
    the_worked_example_lived_through(Engine::Postgres);
}
