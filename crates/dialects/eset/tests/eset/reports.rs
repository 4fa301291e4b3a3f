//! Reports of usage and bills: the worked example of the documents, through the calls alone.

use crate::stage::{Stage, price, price_less};
use lessor_core::Timestamp;
use lessor_core::billing::{self, StartClosing};
use lessor_core::metering::day::Month;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};
use uuid::Uuid;

impl Stage {
    /// Lets time go by until then.
    fn at(&self, instant: &str) {
        let instant = Timestamp::parse(instant).expect("an instant");
        let seconds = instant.seconds() - self.world.bench.app.now().seconds();
        self.world.bench.pass_seconds(seconds);
    }

    /// A call by the user of a company.
    async fn ask(&self, company: &str, call: &str, body: Value) -> crate::world::Answer {
        let token = self.world.token(company).await;
        self.world.post(&token, call, body).await
    }

    fn id(&self, company: &str) -> Uuid {
        self.world.company(company).id.0
    }

    /// Ten seats on 1 March, fifteen from the 11th on, suspended on the 21st.
    async fn play_the_example(&self) {
        self.at("2026-03-01T08:00:00Z");
        let order =
            json!({ "quantity": 10, "productCode": "111", "customerId": self.id("customer"), "licenseType": 1 });
        let key = self.ask("msp", "License/Order", order).await.ok()["publicLicenseKey"].clone();
        let quantity = async |at: &str, quantity: i64| {
            self.at(at);
            let body = json!({ "publicLicenseKey": key, "quantity": quantity });
            self.ask("msp", "License/UpdateQuantity", body).await.ok();
        };
        quantity("2026-03-11T13:00:00Z", 15).await;
        // What is undone on the same day has no effect.
        quantity("2026-03-12T09:00:00Z", 40).await;
        quantity("2026-03-12T21:00:00Z", 15).await;
        self.at("2026-03-21T08:00:00Z");
        self.ask("msp", "License/Suspend", json!({ "publicLicenseKey": key })).await.ok();
        self.at("2026-04-02T00:00:00Z");
    }
}

fn march(more: Value) -> Value {
    let mut body = json!({ "from": "2026-03-01", "to": "2026-03-31" });
    more.as_object().expect("an object").iter().for_each(|(name, value)| body[name] = value.clone());
    body
}

fn item(code: &str, name: &str, seat_days: i64, seats: i64) -> Value {
    json!({ "code": code, "productCode": code, "name": name, "licenseType": 1, "seatDays": seat_days, "seats": seats })
}

on_both_engines! {
    the_worked_example_comes_out_day_by_day(bench) {
        let stage = Stage::new(&bench).await;
        stage.play_the_example().await;
        let id = stage.id("customer");
        let monthly = stage.ask("msp", "UsageReport/Monthly/products", march(json!({ "companyId": id }))).await.ok();
        let expected = item("111", "Endpoint Security", 265, 0);
        assert_eq!(monthly, json!({
            "products": [expected], "companyId": id, "companyName": "customer", "totalUsage": 265, "totalSeats": 0,
            "paging": { "totalCount": 1 },
        }));
        let body = json!({ "companyId": id, "from": "2026-03-01T00:00:00", "to": "2026-03-20" });
        let part = stage.ask("msp", "UsageReport/Monthly/products", body).await.ok();
        assert_eq!((&part["totalUsage"], &part["totalSeats"]), (&json!(250), &json!(15)));

        let daily = stage.ask("msp", "UsageReport/Daily/products", march(json!({ "companyId": id }))).await.ok();
        let days = daily["products"][0]["usagePerDays"].as_array().expect("days").clone();
        assert_eq!(days.len(), 31);
        for (n, day) in days.iter().enumerate() {
            let usage = match n + 1 {
                1..=10 => 10,
                11..=21 => 15,
                _ => 0,
            };
            assert_eq!(*day, json!({ "date": format!("2026-03-{:02}", n + 1), "usage": usage }));
        }
        let categories = stage.ask("msp", "UsageReport/Daily/categories", march(json!({ "companyId": id, "categories": ["111"] }))).await.ok();
        let category = &categories["categories"][0];
        assert_eq!((&category["code"], &category["name"], &category["seatDays"]), (&json!("111"), &json!("Endpoint"), &json!(265)));
        assert_eq!(category["usagePerDays"], json!(days));
        let none = stage.ask("msp", "UsageReport/Monthly/products", march(json!({ "companyId": id, "codes": ["107"] }))).await.ok();
        assert_eq!((&none["products"], &none["totalUsage"]), (&json!([]), &json!(0)));
    }

    several_companies_are_told_apart_and_those_without_usage_are_there_too(bench) {
        let stage = Stage::new(&bench).await;
        stage.play_the_example().await;
        let company = |name: &str, products: Value, usage: i64, seats: i64| json!({
            "products": products, "companyId": stage.id(name), "companyName": name, "totalUsage": usage, "totalSeats": seats,
        });
        let (one, two) = (item("111", "Endpoint Security", 265, 0), item("107", "Basic", 62, 2));
        let all = stage.ask("msp", "UsageReport/AllCompanies/products", march(json!({}))).await.ok();
        let (customer, other) = (company("customer", json!([one]), 265, 0), company("other-customer", json!([two]), 62, 2));
        assert_eq!(all, json!({ "companies": [customer, other], "paging": { "totalCount": 2 } }));
        let all = stage.ask("distributor", "UsageReport/AllCompanies/products", march(json!({}))).await.ok();
        let (direct, division) = (company("direct-msp", json!([]), 0, 0), company("division", json!([two, one]), 327, 2));
        assert_eq!(all, json!({ "companies": [direct, division], "paging": { "totalCount": 2 } }));

        let ids = json!([stage.id("other-customer"), stage.id("customer"), stage.id("customer")]);
        let page = march(json!({ "companyIds": ids, "skip": 1, "take": 1 }));
        let selected = stage.ask("distributor", "UsageReport/SelectedCompanies/products", page).await.ok();
        assert_eq!(selected, json!({ "companies": [other], "paging": { "totalCount": 2 } }));
        let body = march(json!({ "companyIds": [stage.id("msp")] }));
        let selected = stage.ask("distributor", "UsageReport/SelectedCompanies/categories", body).await.ok();
        let category = json!({ "code": "111", "name": "Endpoint", "licenseType": 1, "seatDays": 327, "seats": 2 });
        assert_eq!(selected["companies"][0]["categories"], json!([category]));
        let division = march(json!({ "companyId": stage.id("division") }));
        for call in ["UsageReport/Monthly/products", "UsageReport/Monthly/categories"] {
            let answer = stage.ask("distributor", call, division.clone()).await.ok();
            assert_eq!((&answer["totalUsage"], &answer["paging"]), (&json!(0), &json!({ "totalCount": 0 })));
        }
    }

    trials_are_lines_of_their_own(bench) {
        let stage = Stage::new(&bench).await;
        let order = json!({ "quantity": 3, "productCode": "211", "customerId": stage.id("customer"), "licenseType": "Trial" });
        stage.ask("msp", "License/Order", order).await.ok();
        bench.pass_hours(48);
        let body = json!({ "companyId": stage.id("customer"), "from": "2026-01-01", "to": "2026-01-02" });
        let report = stage.ask("msp", "UsageReport/Monthly/products", body).await.ok();
        assert_eq!((&report["products"][0]["licenseType"], &report["products"][0]["seatDays"]), (&json!(4), &json!(6)));
    }

    what_no_report_can_be_of_is_refused(bench) {
        let stage = Stage::new(&bench).await;
        let id = stage.id("customer");
        let back = json!({ "companyId": id, "from": "2026-03-02", "to": "2026-03-01" });
        assert_eq!(stage.ask("msp", "UsageReport/Monthly/products", back).await.refused(), (400, 5, 1002));
        let long = json!({ "companyId": id, "from": "2024-01-01", "to": "2026-03-01" });
        assert_eq!(stage.ask("msp", "UsageReport/Daily/products", long).await.refused(), (400, 5, 1003));
        let bad = json!({ "companyIds": ["x"], "from": "yesterday", "to": "2026-03-01" });
        assert_eq!(stage.ask("msp", "UsageReport/SelectedCompanies/products", bad).await.faults(), ["companyIds", "from"]);
        for foreign in [stage.id("trusted-customer"), Uuid::max()] {
            let body = march(json!({ "companyId": foreign }));
            assert_eq!(stage.ask("msp", "UsageReport/Daily/categories", body).await.refused(), (403, 5, 1901));
            let body = march(json!({ "companyIds": [id, foreign] }));
            assert_eq!(stage.ask("msp", "UsageReport/SelectedCompanies/products", body).await.refused(), (403, 5, 1901));
        }
    }

    bills_are_those_of_the_statements_before_and_after_the_month_is_closed(bench) {
        let stage = Stage::new(&bench).await;
        price(&stage, &["division", "msp"], "111").await;
        stage.play_the_example().await;
        let category = json!({
            "categoryCode": 111, "category": "Endpoint", "seatDays": 327, "tier": "1-24", "pricelist": "Default",
            "priceDay": 0.04, "priceMonth": 1.24, "totalSource": 13.08, "discountedSeatDays": null,
            "discountedPriceFinal": null, "discounted": false, "seats": 2,
        });
        let bill = |name: &str, currency: Value, total: f64, categories: Value| json!({
            "companyName": name, "companyId": stage.id(name), "currency": currency, "customIdentifier": "",
            "totalSource": total, "year": 2026, "month": 3, "categories": categories,
        });
        let direct = bill("direct-msp", Value::Null, 0.0, json!([]));
        let division = bill("division", json!("EUR"), 13.08, json!([category]));
        let msp = bill("msp", json!("EUR"), 13.08, json!([category]));
        let (all, one) = (json!({ "report": [direct, division] }), json!({ "report": [division] }));
        let month = |more: Value| {
            let mut body = json!({ "year": 2026, "month": 3 });
            more.as_object().expect("an object").iter().for_each(|(name, value)| body[name] = value.clone());
            body
        };
        let (division_id, msp_id) = (stage.id("division"), stage.id("msp"));
        let look = async || {
            assert_eq!(stage.ask("distributor", "BillingReport/MyCompany", month(json!({}))).await.ok(), all);
            let body = month(json!({ "companyIds": [division_id, division_id] }));
            assert_eq!(stage.ask("distributor", "BillingReport/MyCompanySelectedCompaniesOnly", body).await.ok(), one);
            let body = month(json!({ "companyId": msp_id }));
            assert_eq!(stage.ask("distributor", "BillingReport/SingleManagedCompany", body).await.ok(), json!({ "report": [msp] }));
            let body = month(json!({ "divisionIds": [division_id] }));
            assert_eq!(stage.ask("distributor", "BillingReport/DivisionsUnderSelectedDistributor", body).await.ok(), one);
        };
        look().await;
        let vendor = bench.root.id;
        for text in ["2026-01", "2026-02", "2026-03"] {
            let month = Month::parse(text).expect("a month");
            bench.write(move |tx, cx| billing::start_closing(tx, cx, &StartClosing { vendor, month })).await.expect("begun");
            while bench.write(|tx, cx| billing::close_some(tx, cx)).await.expect("a step") {}
        }
        look().await;
    }

    a_discount_is_told_beside_what_it_is_off(bench) {
        let stage = Stage::new(&bench).await;
        price_less(&stage, &["msp"], "111", 1_000).await;
        stage.at("2026-02-02T00:00:00Z");
        let body = json!({ "companyId": stage.id("msp"), "year": 2026, "month": 1 });
        let bill = stage.ask("distributor", "BillingReport/SingleManagedCompany", body).await.ok();
        assert_eq!(bill["report"][0]["totalSource"], 2.48);
        assert_eq!(bill["report"][0]["categories"], json!([{
            "categoryCode": 111, "category": "Endpoint", "seatDays": 62, "tier": "1-24", "pricelist": "Default",
            "priceDay": 0.04, "priceMonth": 1.24, "totalSource": 2.48, "discountedSeatDays": 62,
            "discountedPriceFinal": 2.232, "discounted": true, "seats": 2,
        }]));
    }

    bills_are_for_distributors_and_of_months_that_are_over(bench) {
        let stage = Stage::new(&bench).await;
        stage.at("2026-03-31T22:29:00Z");
        let month = |number: i64| json!({ "year": 2026, "month": number });
        assert_eq!(stage.ask("distributor", "BillingReport/MyCompany", month(3)).await.refused(), (400, 5, 1001));
        assert_eq!(stage.ask("distributor", "BillingReport/MyCompany", month(4)).await.refused(), (400, 5, 1001));
        assert_eq!(stage.ask("distributor", "BillingReport/MyCompany", month(2)).await.status, 200);
        stage.at("2026-03-31T22:30:00Z");
        assert_eq!(stage.ask("distributor", "BillingReport/MyCompany", month(3)).await.status, 200);
        assert_eq!(stage.ask("distributor", "BillingReport/MyCompany", month(13)).await.faults(), ["month"]);
        assert_eq!(stage.ask("distributor", "BillingReport/MyCompany", json!({ "year": 0, "month": 1 })).await.faults(), ["year"]);
        for company in ["division", "manager", "trusted", "msp", "customer"] {
            assert_eq!(stage.ask(company, "BillingReport/MyCompany", month(2)).await.refused(), (403, 5, 1901), "{company}");
        }
        for (call, body) in [
            ("MyCompanySelectedCompaniesOnly", json!({ "companyIds": [stage.id("msp")], "year": 2026, "month": 2 })),
            ("SingleManagedCompany", json!({ "companyId": stage.id("division"), "year": 2026, "month": 2 })),
            ("SingleManagedCompany", json!({ "companyId": stage.id("customer"), "year": 2026, "month": 2 })),
            ("SingleManagedCompany", json!({ "companyId": stage.id("other-distributor"), "year": 2026, "month": 2 })),
            ("DivisionsUnderSelectedDistributor", json!({ "divisionIds": [stage.id("direct-msp")], "year": 2026, "month": 2 })),
        ] {
            assert_eq!(stage.ask("distributor", &format!("BillingReport/{call}"), body).await.refused(), (403, 5, 1901), "{call}");
        }
    }
}
