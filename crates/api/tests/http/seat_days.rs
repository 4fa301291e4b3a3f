//! Reports of seat days over HTTP.

use crate::bench::Site;
use lessor_core::Timestamp;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// Moves the clock to a winter time in Prague.
fn at(site: &Site, text: &str) {
    let instant = Timestamp::parse(&format!("{text}:00+01:00")).expect("an instant");
    assert!(site.bench.clock.move_to(instant), "time does not go back");
}

on_both_engines! {
    the_worked_example_is_told_day_by_day(bench) {
        let site = Site::new(bench).await;
        let (product, customer) = (site.product("Paint").await, site.customer("C").await);
        let key = site.key_of(site.bench.root.id, None).await;
        let site = site.with_key(key);
        at(&site, "2026-03-01T10:00");
        let license = site.license(&product, "L-1").await;
        let change = async |change: Value| {
            site.patch(&format!("/v1/licenses/{license}"), &change).await.is(200);
        };
        change(json!({ "account": customer, "terms": { "activation_limit": 10 } })).await;
        at(&site, "2026-03-11T14:00");
        change(json!({ "terms": { "activation_limit": 15 } })).await;
        at(&site, "2026-03-21T09:00");
        let hold = json!({ "reach": "self", "cause": "unpaid" });
        site.post(&format!("/v1/accounts/{customer}/holds"), &hold).await.is(201);
        at(&site, "2026-04-03T09:00");

        let march = "from=2026-03-01&to=2026-03-31";
        let report = site.get(&format!("/v1/reports/seat-days?account={customer}&{march}")).await.is(200).body;
        assert_eq!((&report["seat_days"], &report["seats"]), (&json!(265), &json!(0)));
        let item = &report["items"][0];
        assert_eq!((&item["product"], &item["term"]), (&json!(product), &json!("perpetual")));
        let days = item["days"].as_array().expect("days");
        assert_eq!(days.len(), 31);
        assert_eq!(days[0], json!({ "date": "2026-03-01", "seats": 10 }));
        assert_eq!(days[20], json!({ "date": "2026-03-21", "seats": 15 }));
        assert_eq!(days[30], json!({ "date": "2026-03-31", "seats": 0 }));

        let part = site.get(&format!("/v1/reports/seat-days?license={license}&from=2026-03-01&to=2026-03-20")).await.is(200).body;
        assert_eq!((&part["seat_days"], &part["seats"]), (&json!(250), &json!(15)));
        let licenses = site.get(&format!("/v1/reports/seat-days/licenses?account={customer}&reach=self&{march}")).await.is(200).body;
        assert_eq!((&licenses["items"][0]["license"], &licenses["items"][0]["seat_days"]), (&json!(license), &json!(265)));

        let root = site.bench.root.id.to_string();
        let accounts = format!("/v1/reports/seat-days/accounts?account={root}&{march}&limit=1");
        let first = site.get(&accounts).await.is(200).body;
        assert_eq!((&first["items"][0]["account"], &first["items"][0]["days"][30]["seats"]), (&json!(root), &json!(0)));
        let next = first["next"].as_str().expect("a next page");
        let second = site.get(&format!("{accounts}&cursor={next}")).await.is(200).body;
        assert_eq!((&second["items"][0]["account"], &second["items"][0]["seat_days"]), (&json!(customer), &json!(265)));
        assert_eq!(second["next"], Value::Null);

        let zone = site.get(&format!("/v1/reports/seat-days?account={customer}&{march}&time_zone=UTC&cutoff_minutes=0")).await;
        assert_eq!(zone.is(200).body["seat_days"], json!(265));
    }

    what_is_no_report_is_refused(bench) {
        let site = Site::new(bench).await;
        let customer = site.customer("C").await;
        let refused = async |query: &str, status: u16, code: &str| {
            site.get(&format!("/v1/reports/seat-days?{query}")).await.refused(status, code);
        };
        let march = "from=2026-03-01&to=2026-03-31";
        refused(march, 422, "invalid_value").await;
        refused(&format!("account={customer}&license=lic_1&{march}"), 422, "invalid_value").await;
        refused(&format!("account={customer}&from=2026-03-01"), 400, "invalid_request").await;
        refused(&format!("account={customer}&from=2026-03-01&to=2026-02-29"), 422, "invalid_value").await;
        refused(&format!("account={customer}&from=2026-03-02&to=2026-03-01"), 422, "invalid_value").await;
        refused(&format!("account={customer}&{march}&time_zone=Europe/Nowhere"), 422, "invalid_value").await;
        refused(&format!("account={customer}&{march}&cutoff_minutes=x"), 422, "invalid_value").await;
        refused(&format!("account={customer}&{march}&cutoff_minutes=1440"), 422, "out_of_range").await;
        refused(&format!("account={customer}&from=2024-03-01&to=2026-03-01"), 422, "out_of_range").await;
        refused(&format!("account={customer}&{march}&reach=all"), 400, "invalid_request").await;
        refused("account=acc_1&from=2026-03-01&to=2026-03-31", 404, "account_unknown").await;
        let branch = format!("/v1/reports/seat-days/licenses?account={customer}&{march}");
        site.get(&branch).await.refused(422, "invalid_value");
    }
}
