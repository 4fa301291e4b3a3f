//! Licenses brought in from elsewhere over the native API.

use crate::bench::Site;
use http::Method;
use lessor_core::account::Kind;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

fn outcomes(body: &Value) -> Vec<&str> {
    let rows = body["rows"].as_array().expect("rows").iter();
    rows.map(|row| row["outcome"].as_str().expect("an outcome")).collect()
}

on_both_engines! {
    an_array_and_lines_are_the_same_import(bench) {
        let site = Site::new(bench).await;
        let (product, customer) = (site.product("Paint").await, site.customer("C").await);
        let path = format!("/v1/products/{product}/licenses/import");
        let rows = json!([
            { "code": "A-1", "account": customer, "reference": "r", "order": "PO-1", "terms": { "activation_limit": 7 } },
            { "code": "A-1" },
            { "code": "no code" },
            {},
        ]);
        let done = site.post(&path, &rows).await.is(200).body;
        assert_eq!(outcomes(&done), ["created", "duplicate", "rejected", "created"]);
        assert_eq!((&done["created"], &done["duplicates"], &done["rejected"]), (&json!(2), &json!(1), &json!(1)));
        assert_eq!(done["rows"][2]["reason"]["code"], "invalid_value");
        let license = site.get(&format!("/v1/licenses/{}", done["rows"][0]["license"].as_str().expect("an id"))).await;
        assert_eq!((license.text("account_name"), license.text("order")), ("C".to_owned(), "PO-1".to_owned()));
        assert_eq!(license.body["terms"]["activation_limit"], 7);

        let lines = "{\"code\":\"A-1\"}\r\n\n  {\"code\":\"A-2\"}\n{\"code\":\"A-3\",\"account\":\"acc_0\"}";
        let sent = site.call(Method::POST, &path).raw("application/x-ndjson; charset=utf-8", lines).send().await.is(200);
        assert_eq!(outcomes(&sent.body), ["duplicate", "created", "rejected"]);
        assert_eq!(sent.body["rows"][2]["reason"]["code"], "account_unknown");
    }

    what_is_no_list_of_rows_is_refused_whole(bench) {
        let site = Site::new(bench).await;
        let path = format!("/v1/products/{}/licenses/import", site.product("Paint").await);
        site.post(&path, &json!({ "code": "A-1" })).await.refused(400, "invalid_request");
        let unknown = site.post(&path, &json!([{ "code": "A-1" }, { "cod": "A-2" }])).await.refused(400, "invalid_request");
        assert_eq!(unknown.body["errors"][0]["pointer"], "/1/cod");
        site.post(&path, &json!([])).await.refused(422, "out_of_range");
        site.post(&path, &json!([{ "code": "A-1", "terms": { "term_days": 3 } }])).await.refused(422, "value_missing");
        let lines = |text: &str| site.call(Method::POST, &path).raw("application/x-ndjson", text).send();
        // Two lines that would be one row together.
        let halves = lines("{\"code\":\"A-1\"\n\"order\":\"x\"}").await.refused(400, "invalid_json");
        assert_eq!(halves.body["errors"][0]["pointer"], "/0");
        lines("{\"code\":\"A-1\"}\n{\"code\":\"A-2\",\"code\":\"A-3\"}").await.refused(400, "invalid_json");
        site.call(Method::POST, &path).raw("text/csv", "code\nA-1").send().await.refused(415, "unsupported_media_type");
        site.post("/v1/products/prd_0/licenses/import", &json!([{}])).await.refused(404, "product_unknown");
        assert_eq!(site.get("/v1/licenses").await.is(200).body["items"], json!([]));
    }

    ten_thousand_rows_with_all_they_can_say_fit_and_one_more_does_not(bench) {
        let site = Site::new(bench).await;
        let (product, customer) = (site.product("Paint").await, site.customer("C").await);
        let path = format!("/v1/products/{product}/licenses/import?dry_run=true");
        let row = |n: usize| json!({
            "code": format!("{n:064}"), "account": customer, "reference": "r".repeat(60), "order": "o".repeat(60),
            "terms": {
                "term": "expiring", "term_end": "2027-01-01T00:00:00Z", "maintenance_end": "2027-01-01T00:00:00Z",
                "online_lease_hours": 168, "activation_limit": 5,
            },
        });
        let mut rows: Vec<Value> = (0..10_000).map(row).collect();
        let done = site.post(&path, &json!(rows)).await.is(200);
        assert_eq!((&done.body["created"], done.header("lessor-dry-run")), (&json!(10_000), "true"));
        assert_eq!(site.get("/v1/licenses").await.is(200).body["items"], json!([]));
        rows.push(row(10_000));
        site.post(&path, &json!(rows)).await.refused(422, "out_of_range");
        let too_large = json!([{ "code": "A-1", "order": "x".repeat(lessor_api::MAX_IMPORT) }]);
        site.post(&path, &too_large).await.refused(413, "body_too_large");
        // What the import may send, others may not.
        let other = json!({ "product": product, "codes": ["x".repeat(2 << 20)] });
        site.post("/v1/licenses", &other).await.refused(413, "body_too_large");
    }

    an_import_sent_again_with_its_key_has_one_effect(bench) {
        let site = Site::new(bench).await;
        let path = format!("/v1/products/{}/licenses/import", site.product("Paint").await);
        let send = || site.call(Method::POST, &path).key("k").raw("application/x-ndjson", "{}\n{}").send();
        let first = send().await.is(200);
        let second = send().await.is(200);
        assert_eq!((second.header("idempotency-replayed"), &second.body), ("true", &first.body));
        assert_eq!(site.get("/v1/licenses").await.is(200).body["items"].as_array().map(Vec::len), Some(2));
        let other = site.call(Method::POST, &path).key("k").json(&json!([{}]));
        other.send().await.refused(422, "idempotency_key_reused");
    }

    a_partner_brings_in_nothing_for_others(bench) {
        let site = Site::new(bench).await;
        let path = format!("/v1/products/{}/licenses/import", site.product("Paint").await);
        let partner = site.bench.account(site.bench.root.id, Kind::Partner, "P").await.id;
        let theirs = site.with_key(site.key_of(partner, None).await);
        let rows = json!([{ "code": "A-1" }, { "code": "A-2", "account": partner.to_string() }]);
        let done = theirs.post(&path, &rows).await.is(200).body;
        assert_eq!(outcomes(&done), ["rejected", "created"]);
        let stranger = site.bench.other_vendor("Other").await.id;
        let foreign = site.with_key(site.key_of(stranger, None).await);
        foreign.post(&path, &rows).await.refused(404, "product_unknown");
        let reader = site.key_of(partner, Some(vec![lessor_core::identity::Right::LICENSES_READ])).await;
        site.with_key(reader).post(&path, &rows).await.refused(403, "forbidden");
        site.call(Method::POST, &path).by_nobody().json(&rows).send().await.refused(401, "unauthenticated");
    }
}
