//! Licenses, what hangs on them, trials and events.

use crate::bench::Site;
use http::Method;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

on_both_engines! {
    licenses_are_issued_found_and_handed_out(bench) {
        let site = Site::new(bench).await;
        let (product, customer) = (site.product("Paint").await, site.customer("C").await);
        let issue = json!({ "product": product, "generate": 3, "order": "PO-1" });
        let issued = site.post("/v1/licenses", &issue).await.is(201).body;
        assert_eq!(issued["licenses"].as_array().map(Vec::len), Some(3));
        let mine = json!({ "product": product, "account": customer, "codes": ["MINE-1", "MINE-2"] });
        site.post("/v1/licenses", &mine).await.is(201);
        site.post("/v1/licenses", &mine).await.refused(409, "taken");
        site.post("/v1/licenses", &json!({ "product": product })).await.refused(422, "value_missing");
        let count = async |query: &str| {
            let page = site.get(&format!("/v1/licenses?{query}")).await.is(200).body;
            page["items"].as_array().expect("items").len()
        };
        assert_eq!(count("").await, 5);
        assert_eq!(count(&format!("branch={customer}")).await, 2);
        assert_eq!(count("code=MINE-1").await, 1);
        assert_eq!(count(&format!("product={product}&limit=2")).await, 2);
        let acquire = format!("/v1/products/{product}/acquire");
        let first = site.post(&acquire, &json!({})).await.is(200).body;
        assert_eq!(first["licenses"][0], issued["licenses"][0]);
        let rest = site.post(&acquire, &json!({ "amount": 10 })).await.is(200).body;
        assert!(!rest["licenses"].as_array().expect("licenses").contains(&first["licenses"][0]));
        site.post(&acquire, &json!({})).await.refused(409, "none_free");
    }

    a_license_changes_only_where_it_is_asked_to(bench) {
        let site = Site::new(bench).await;
        let (product, customer) = (site.product("Paint").await, site.customer("C").await);
        let path = format!("/v1/licenses/{}", site.license(&product, "A-1").await);
        let tag = site.get(&path).await.is(200).header("etag").to_owned();
        let change = json!({
            "account": customer, "order": "PO-2", "terms": { "activation_limit": 7, "term": "subscription", "term_days": 30 },
            "features": [{ "code": "FLOAT", "limit": 8 }], "values": [{ "name": "edition", "value": "pro" }],
        });
        let changed = site.call(Method::PATCH, &path).with("if-match", &tag).json(&change).send().await.is(200);
        assert_eq!(changed.text("account_name"), "C");
        assert_eq!(changed.body["terms"]["term_days"], 30);
        assert_eq!(changed.body["values"][0]["value"], "pro");
        let float = changed.body["features"].as_array().expect("features").iter().find(|f| f["code"] == "FLOAT");
        assert_eq!(float, Some(&json!({ "code": "FLOAT", "kind": "floating", "enabled": true, "limit": 8, "used": 0 })));
        let stale = site.call(Method::PATCH, &path).with("if-match", &tag).json(&json!({ "order": "x" }));
        stale.send().await.refused(412, "stale");
        site.call(Method::DELETE, &path).with("if-match", &tag).send().await.refused(412, "stale");
        let back = site.patch(&path, &json!({ "account": null, "order": null, "enabled": false })).await.is(200);
        assert_eq!(back.text("account"), site.bench.root.id.to_string());
        assert_eq!((&back.body["order"], &back.body["held"]), (&json!(""), &json!(true)));
        let now = site.get(&path).await;
        assert_eq!(now.body, back.body);
        site.call(Method::DELETE, &path).with("if-match", now.header("etag")).send().await.is(204);
        site.get(&path).await.refused(404, "license_unknown");
    }

    a_rehearsed_removal_removes_nothing(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let path = format!("/v1/licenses/{}", site.license(&product, "A-1").await);
        let before = site.get(&path).await.body;
        let rehearsed = site.delete(&format!("{path}?dry_run=true")).await.is(204);
        assert_eq!(rehearsed.header("lessor-dry-run"), "true");
        site.patch(&format!("{path}?dry_run=true"), &json!({ "terms": { "activation_limit": 9 } })).await.is(200);
        assert_eq!(site.get(&path).await.is(200).body, before);
    }

    what_hangs_on_a_license_is_shown(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let path = format!("/v1/licenses/{}", site.license(&product, "A-1").await);
        let note = site.post(&format!("{path}/notes"), &json!({ "text": "Hello" })).await.is(201);
        assert_eq!(note.text("kind"), "general");
        assert_eq!(site.get(&format!("{path}/notes")).await.is(200).body["items"], json!([note.body]));
        let written = format!("{path}/notes/{}", note.body["number"]);
        let changed = site.patch(&written, &json!({ "text": "Goodbye" })).await.is(200);
        assert_eq!((changed.text("text"), changed.text("kind")), ("Goodbye".into(), "general".into()));
        let changed = site.patch(&written, &json!({ "kind": "system" })).await.is(200);
        assert_eq!(site.get(&format!("{path}/notes")).await.is(200).body["items"], json!([changed.body]));
        site.patch(&written, &json!({ "text": " " })).await.refused(422, "invalid_value");
        site.post(&format!("{path}/notes"), &json!({ "text": "" })).await.refused(422, "invalid_value");
        site.patch(&format!("{path}/notes/999"), &json!({ "text": "x" })).await.refused(404, "note_unknown");
        site.delete(&format!("{path}/notes/{}", note.body["number"])).await.is(204);
        site.delete(&format!("{path}/notes/{}", note.body["number"])).await.refused(404, "note_unknown");
        site.delete(&format!("{path}/notes/x")).await.refused(404, "note_unknown");

        site.bench.pass_hours(1);
        let hold = site.post(&format!("{path}/holds"), &json!({ "cause": "chargeback" })).await.is(201);
        assert_eq!(hold.text("license"), site.get(&path).await.text("id"));
        let segments = site.get(&format!("{path}/segments")).await.is(200).body;
        let held: Vec<_> = segments["items"].as_array().expect("segments").iter().map(|s| &s["held"]).collect();
        assert_eq!(held, [&json!(false), &json!(true)]);
        site.delete(&format!("/v1/holds/{}", hold.text("id"))).await.is(200);

        for device in ["device-0001", "device-0002"] {
            site.activation(&product, "A-1", device).await;
        }
        let first = site.get(&format!("{path}/activations?limit=1")).await.is(200);
        assert_eq!(first.body["items"][0]["device"], "device-0001");
        let cursor = first.text("next");
        let second = site.get(&format!("{path}/activations?limit=1&cursor={cursor}")).await.is(200);
        assert_eq!((&second.body["items"][0]["device"], &second.body["next"]), (&json!("device-0002"), &Value::Null));
        assert_eq!(site.get(&path).await.body["live_count"], 2);
        let returned = site.post(&format!("{path}/activations/return-all"), &json!({})).await.is(200);
        assert_eq!(returned.body, json!({ "returned": 2 }));
        let current = site.get(&format!("{path}/activations?current=true")).await.is(200);
        assert_eq!(current.body["items"], json!([]));

        let tokens = format!("{path}/tokens/TOKEN");
        let set = json!({ "limit": 40, "checked_out": { "device": "device-0001", "tokens": 4 } });
        let license = site.put(&tokens, &set).await.is(200).body;
        let token = license["features"].as_array().expect("features").iter().find(|f| f["code"] == "TOKEN");
        assert_eq!(token.map(|t| (&t["limit"], &t["used"])), Some((&json!(40), &json!(4))));
        site.put(&format!("{path}/tokens/PDF"), &set).await.refused(409, "wrong_feature_kind");
    }

    trials_are_listed_as_they_stand(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        for device in ["device-0001", "device-0002"] {
            let body = json!({ "product": product, "device": { "id": device } });
            site.call(Method::POST, "/device/v1/activations").by_nobody().json(&body).send().await.is(201);
        }
        let page = site.get("/v1/trials?limit=1").await.is(200);
        assert_eq!((&page.body["items"][0]["state"], &page.body["items"][0]["days"]), (&json!("running"), &json!(10)));
        let rest = site.get(&format!("/v1/trials?limit=1&cursor={}", page.text("next"))).await.is(200);
        assert_eq!((&rest.body["items"][0]["device"], &rest.body["next"]), (&json!("device-0002"), &Value::Null));
        site.bench.pass_hours(11 * 24);
        let over = site.get(&format!("/v1/trials?state=over&converted=false&product={product}")).await.is(200);
        assert_eq!(over.body["items"].as_array().map(Vec::len), Some(2));
        let running = site.get("/v1/trials?state=running").await.is(200);
        assert_eq!(running.body["items"], json!([]));
    }

    events_tell_what_happened_in_order(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = site.license(&product, "A-1").await;
        site.patch(&format!("/v1/licenses/{license}"), &json!({ "order": "PO-1" })).await.is(200);
        let events = site.get(&format!("/v1/events?subject={license}")).await.is(200).body;
        let kinds: Vec<_> = events["items"].as_array().expect("events").iter().map(|event| &event["kind"]).collect();
        assert_eq!(kinds, [&json!("license.issued"), &json!("license.changed")]);
        assert_eq!(events["items"][0]["subject"], license.as_str());
        assert!(events["items"][0]["actor"][0].as_str().is_some_and(|who| who.starts_with("key_")));
        let page = site.get("/v1/events?limit=1").await.is(200);
        let next = site.get(&format!("/v1/events?limit=1&cursor={}", page.text("next"))).await.is(200);
        assert_ne!(page.body["items"][0]["id"], next.body["items"][0]["id"]);
        assert_eq!(site.get("/v1/events?subject=nothing").await.is(200).body["items"], json!([]));
    }
}
