//! Who uses a product on which device.

use crate::bench::Site;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

async fn names(site: &Site, query: &str) -> String {
    let page = site.get(&format!("/v1/consumer-records?{query}")).await.is(200).body;
    let names =
        page["items"].as_array().expect("items").iter().map(|record| record["first_name"].as_str().expect("text"));
    names.collect()
}

on_both_engines! {
    consumer_records_are_added_and_listed(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let new = json!({
            "product": product, "device": "workstation-17", "license_code": "C-1",
            "document": { "First_Name": "a", "LASTNAME": "Lovelace", "email": "ada@fabrikam.example", "free": [1] },
        });
        let made = site.post("/v1/consumer-records", &new).await.is(201);
        assert!(made.text("id").starts_with("con_"));
        assert_eq!((made.text("last_name"), made.text("email")), ("Lovelace".into(), "ada@fabrikam.example".into()));
        assert_eq!(made.body["document"], new["document"]);
        for (device, code, name) in [("workstation-18", "", "b"), ("workstation-17", "C-1", "c"), ("workstation-18", "C-1", "d")] {
            site.bench.pass_hours(1);
            let new = json!({ "product": product, "device": device, "license_code": code, "document": { "firstname": name } });
            site.post("/v1/consumer-records", &new).await.is(201);
        }
        let all = format!("product={product}");
        assert_eq!(names(&site, &all).await, "abcd");
        assert_eq!(names(&site, &format!("{all}&latest=true")).await, "bcd");
        assert_eq!(names(&site, &format!("{all}&source=trial")).await, "b");
        assert_eq!(names(&site, &format!("{all}&source=license&device=workstation-17")).await, "ac");
        assert_eq!(names(&site, &format!("{all}&from=2026-01-01T01:00:00Z&until=2026-01-01T02:00:00Z")).await, "bc");
        let first = site.get(&format!("/v1/consumer-records?{all}&limit=3")).await.is(200).body;
        let next = first["next"].as_str().expect("a next page").to_owned();
        assert_eq!(names(&site, &format!("{all}&limit=3&cursor={next}")).await, "d");
        assert_eq!(site.get(&format!("/v1/consumer-records?{all}&cursor={next}")).await.is(200).body["next"], Value::Null);

        let with = |member: &str, value: Value| {
            let mut body = new.clone();
            body[member] = value;
            body
        };
        site.post("/v1/consumer-records", &with("device", json!("two words"))).await.refused(422, "invalid_value");
        site.post("/v1/consumer-records", &with("device", json!("x".repeat(65)))).await.refused(422, "invalid_value");
        site.post("/v1/consumer-records", &with("license_code", json!("x".repeat(65)))).await.refused(422, "invalid_value");
        site.post("/v1/consumer-records", &with("document", json!([]))).await.refused(422, "invalid_value");
        site.post("/v1/consumer-records", &with("document", json!({ "a": "x".repeat(17_000) }))).await.refused(422, "invalid_value");
        site.post("/v1/consumer-records", &with("product", json!("prd_1"))).await.refused(404, "product_unknown");
        site.get("/v1/consumer-records").await.refused(400, "invalid_request");
        assert_eq!(names(&site, &all).await, "abcd");
    }
}
