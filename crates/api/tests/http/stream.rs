//! The stream of a vendor.

use crate::bench::Site;
use http::Method;
use lessor_core::identity::Right;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

async fn names(site: &Site, key: &str, query: &str) -> Vec<String> {
    let page = site.call(Method::GET, &format!("/v1/stream-records?{query}")).by(key).send().await.is(200).body;
    let items = page["items"].as_array().expect("items");
    items.iter().map(|record| record["name"].as_str().expect("a name").to_owned()).collect()
}

on_both_engines! {
    a_vendor_puts_records_into_its_stream_and_draws_them(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let root = site.bench.root.id;
        let key = site.key_of(root, Some(vec![Right::STREAM_READ, Right::STREAM_WRITE])).await;
        let add = async |new: &Value| site.call(Method::POST, "/v1/stream-records").by(&key).json(new).send().await;
        let made = add(&json!({ "name": "order.paid", "product": product, "license_code": "C-1", "data": { "order": "4711" } })).await.is(201);
        assert!(made.text("id").starts_with("rec_"));
        assert_eq!((made.text("source"), made.text("product"), made.text("license_code")), ("custom".into(), product.clone(), "C-1".into()));
        assert_eq!((&made.body["data"], &made.body["failed"]), (&json!({ "order": "4711" }), &json!(false)));
        site.bench.pass_hours(1);
        add(&json!({ "name": "order.lost", "failed": true })).await.is(201);
        assert_eq!(names(&site, &key, "source=custom").await, ["order.paid", "order.lost"]);
        assert_eq!(names(&site, &key, "source=custom&failed=true").await, ["order.lost"]);
        assert_eq!(names(&site, &key, "name=PAID").await, ["order.paid"]);
        assert_eq!(names(&site, &key, &format!("product={product}&license_code=C-1")).await, ["order.paid"]);
        assert_eq!(names(&site, &key, "until=2026-01-01T00:00:00Z&source=custom").await, ["order.paid"]);
        assert_eq!(names(&site, &key, "from=2026-01-01T00:00:00.000001Z&source=custom").await, ["order.lost"]);
        let who = made.text("who");
        assert_eq!(names(&site, &key, &format!("who=key_{who}")).await, ["order.paid", "order.lost"]);
        assert_eq!(names(&site, &key, "who=nobody").await, [""; 0]);
        let first = site.call(Method::GET, "/v1/stream-records?source=custom&limit=1").by(&key).send().await.is(200);
        assert_eq!(names(&site, &key, &format!("source=custom&cursor={}", first.text("next"))).await, ["order.lost"]);

        for (new, status, code) in [
            (json!({ "name": "" }), 422, "invalid_value"),
            (json!({ "name": "x".repeat(256) }), 422, "invalid_value"),
            (json!({ "name": "a", "license_code": "x".repeat(65) }), 422, "invalid_value"),
            (json!({ "name": "a", "data": { "a": "x".repeat(70_000) } }), 422, "invalid_value"),
            (json!({ "name": "a", "product": "prd_1" }), 404, "product_unknown"),
        ] {
            add(&new).await.refused(status, code);
        }
        assert_eq!(names(&site, &key, "source=custom").await.len(), 2);
    }

    what_devices_and_people_do_is_drawn_once_there_is_a_key_for_it(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "C-1").await;
        site.license(&product, "C-2").await;
        site.activation(&product, "C-1", "workstation-1").await;
        assert_eq!(names(&site, &site.key, "source=devices").await, [""; 0]);
        let reader = site.key_of(site.bench.root.id, Some(vec![Right::STREAM_READ])).await;
        site.activation(&product, "C-2", "workstation-2").await;
        assert_eq!(names(&site, &reader, "source=devices").await, ["license.activated"]);
        let shown = site.call(Method::GET, "/v1/stream-records?source=devices").by(&reader).send().await.is(200).body;
        assert_eq!(shown["items"][0]["data"]["device"], "workstation-2");
        // A key that may do everything does not make anybody pay for a stream; one without the right does not see it.
        let other = site.key_of(site.bench.root.id, Some(vec![Right::EVENTS_READ])).await;
        site.call(Method::GET, "/v1/stream-records").by(&other).send().await.refused(403, "forbidden");
        let only_reads = site.call(Method::POST, "/v1/stream-records").by(&reader).json(&json!({ "name": "a" })).send().await;
        only_reads.refused(403, "forbidden");
    }
}
