//! Products, features, profiles, server functions.

use crate::bench::Site;
use http::Method;
use lessor_core::account::Kind;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

fn feature<'a>(product: &'a Value, code: &str) -> &'a Value {
    let features = product["features"].as_array().expect("features");
    features.iter().find(|feature| feature["code"] == code).expect("the feature")
}

on_both_engines! {
    a_product_is_made_with_all_that_is_in_it(bench) {
        let site = Site::new(bench).await;
        let id = site.product("Paint").await;
        let product = site.get(&format!("/v1/products/{id}")).await.is(200).body;
        assert_eq!(feature(&product, "PDF")["group"], "Export");
        assert_eq!(feature(&product, "FLOAT")["limit"], 3);
        assert_eq!(feature(&product, "TOKEN")["enabled"], true);
        assert_eq!(product["values"], json!([{ "name": "edition", "value": "studio" }]));
        assert_eq!(product["terms"]["term"], "perpetual");
        assert_eq!(product["terms"]["term_end"], Value::Null);
        site.post("/v1/products", &json!({ "name": "Paint" })).await.refused(409, "taken");
        let listed = site.get("/v1/products").await.is(200).body;
        assert_eq!(listed["items"][0]["id"], id.as_str());
        assert_eq!(listed["items"][0].get("features"), None);
    }

    a_product_changes_only_where_it_is_asked_to(bench) {
        let site = Site::new(bench).await;
        let path = format!("/v1/products/{}", site.product("Paint").await);
        let tag = site.get(&path).await.header("etag").to_owned();
        let change = json!({ "active": false, "terms": { "term": "subscription", "term_days": 30 } });
        let changed = site.call(Method::PATCH, &path).with("if-match", &tag).json(&change).send().await.is(200);
        assert_eq!((&changed.body["active"], &changed.body["name"]), (&json!(false), &json!("Paint")));
        assert_eq!(changed.body["terms"]["term_days"], 30);
        assert_eq!(changed.body["terms"]["activation_limit"], 2);
        let stale = site.call(Method::PATCH, &path).with("if-match", &tag).json(&json!({ "active": true }));
        stale.send().await.refused(412, "stale");
        assert_eq!(site.get(&path).await.body, changed.body);
        site.patch(&path, &json!({ "name": null })).await.refused(400, "invalid_request");
    }

    features_are_added_changed_and_removed(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let features = format!("/v1/products/{product}/features");
        let new = json!({ "code": "SVG", "name": "SVG", "kind": "flag", "enabled": true });
        let added = site.post(&features, &new).await.is(201);
        assert_eq!(added.body["enabled"], true);
        site.post(&features, &new).await.refused(409, "taken");
        let change = json!({ "code": "SVG2", "group": "Export", "in_trials": true });
        let changed = site.patch(&format!("{features}/SVG"), &change).await.is(200);
        assert_eq!((changed.text("code"), changed.text("group")), ("SVG2".into(), "Export".into()));
        assert_eq!(changed.body["enabled"], true);
        let changed = site.patch(&format!("{features}/SVG2"), &json!({ "group": null, "enabled": false })).await.is(200);
        assert_eq!((&changed.body["group"], &changed.body["enabled"]), (&Value::Null, &json!(false)));
        let changed = site.patch(&format!("{features}/FLOAT"), &json!({ "limit": 7 })).await.is(200);
        assert_eq!((&changed.body["limit"], &changed.body["enabled"]), (&json!(7), &json!(true)));
        site.delete(&format!("{features}/SVG2")).await.is(204);
        site.delete(&format!("{features}/SVG2")).await.refused(404, "feature_unknown");
    }

    groups_of_features_are_added_renamed_and_removed(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let (path, groups) = (format!("/v1/products/{product}"), format!("/v1/products/{product}/feature-groups"));
        let listed = site.get(&groups).await.is(200).body;
        assert_eq!((&listed["items"][0]["name"], &listed["items"][1]), (&json!("Export"), &Value::Null));
        let added = site.post(&groups, &json!({ "name": "In/out & \u{fc}", "notes": "n" })).await.is(201);
        assert_eq!(added.text("notes"), "n");
        site.post(&groups, &json!({ "name": "Export" })).await.refused(409, "taken");
        site.post(&groups, &json!({ "name": "DEFAULT" })).await.refused(409, "taken");
        let tag = site.get(&path).await.header("etag").to_owned();
        let renamed = site.patch(&format!("{groups}/Export"), &json!({ "name": "Exports" })).await.is(200);
        assert_eq!(renamed.text("name"), "Exports");
        let shown = site.get(&path).await;
        assert_eq!(feature(&shown.body, "PDF")["group"], "Exports");
        assert_ne!(shown.header("etag"), tag);
        let odd = format!("{groups}/In%2Fout%20%26%20%C3%BC");
        site.patch(&odd, &json!({ "name": "Exports" })).await.refused(409, "taken");
        assert_eq!(site.patch(&odd, &json!({ "notes": null })).await.is(200).text("notes"), "");
        site.delete(&odd).await.is(204);
        site.delete(&odd).await.refused(404, "feature_group_unknown");
        site.delete(&format!("{groups}/default")).await.refused(422, "invalid_value");
        site.delete(&format!("{groups}/Exports")).await.is(204);
        assert_eq!(feature(&site.get(&path).await.body, "PDF")["group"], Value::Null);
        assert_eq!(site.get(&groups).await.is(200).body["items"], json!([]));
    }

    named_values_are_added_changed_and_removed(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = format!("/v1/licenses/{}", site.license(&product, "V-1").await);
        let values = format!("/v1/products/{product}/values");
        let added = site.post(&values, &json!({ "name": "size", "value": "A4" })).await.is(201);
        assert_eq!(added.body, json!({ "name": "size", "value": "A4" }));
        site.post(&values, &json!({ "name": "size", "value": "A3" })).await.refused(409, "taken");
        site.patch(&license, &json!({ "values": [{ "name": "edition", "value": "own" }] })).await.is(200);
        let changed = site.patch(&format!("{values}/edition"), &json!({ "name": "kind", "value": "basic" })).await.is(200);
        assert_eq!(changed.body, json!({ "name": "kind", "value": "basic" }));
        site.patch(&format!("{values}/size"), &json!({ "value": "A5" })).await.is(200);
        let both = json!([{ "name": "kind", "value": "own" }, { "name": "size", "value": "A5" }]);
        assert_eq!(site.get(&license).await.is(200).body["values"], both);
        site.patch(&format!("{values}/size"), &json!({ "name": "kind" })).await.refused(409, "taken");
        site.patch(&format!("{values}/size"), &json!({ "name": "" })).await.refused(422, "invalid_value");
        site.patch(&format!("{values}/edition"), &json!({ "value": "x" })).await.refused(404, "named_value_unknown");
        site.delete(&format!("{values}/kind")).await.is(204);
        site.delete(&format!("{values}/kind")).await.refused(404, "named_value_unknown");
        assert_eq!(site.get(&license).await.is(200).body["values"], json!([{ "name": "size", "value": "A5" }]));
    }

    a_profile_gives_licenses_their_terms(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.post("/v1/server-functions", &json!({ "name": "export", "takes_parameter": true })).await.is(201);
        let new = json!({
            "product": product, "name": "School",
            "terms": { "term": "expiring", "term_end": "2027-01-01T00:00:00+01:00", "activation_limit": 30 },
            "features": [{ "code": "FLOAT", "enabled": true, "limit": 9 }],
            "values": [{ "name": "edition", "value": "school" }],
            "functions": [{ "name": "export", "enabled": true, "parameter": 4 }],
        });
        let profile = site.post("/v1/profiles", &new).await.is(201);
        assert_eq!(profile.body["terms"]["term_end"], "2026-12-31T23:00:00Z");
        assert_eq!(profile.body["functions"], json!([{ "name": "export", "enabled": true, "parameter": 4 }]));
        let id = profile.text("id");
        let issue = json!({ "product": product, "profile": id, "codes": ["S-1"] });
        let issued = site.post("/v1/licenses", &issue).await.is(201).body;
        let license = format!("/v1/licenses/{}", issued["licenses"][0]["id"].as_str().expect("an id"));
        let shown = site.get(&license).await.is(200).body;
        assert_eq!((&shown["terms"]["activation_limit"], &shown["profile_name"]), (&json!(30), &json!("School")));
        assert_eq!(feature(&shown, "FLOAT")["limit"], 9);

        let change = json!({ "terms": { "activation_limit": 31 }, "push": true });
        let changed = site.patch(&format!("/v1/profiles/{id}"), &change).await.is(200);
        assert_eq!(changed.body["version"], 2);
        assert_eq!(site.get(&license).await.body["terms"]["activation_limit"], 31);
        let listed = site.get(&format!("/v1/profiles?product={product}")).await.is(200).body;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(site.get("/v1/server-functions").await.is(200).body["items"][0]["name"], "export");
    }

    products_fall_under_price_categories(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let made = site.post("/v1/price-categories", &json!({ "name": "Endpoint" })).await.is(201);
        site.post("/v1/price-categories", &json!({ "name": "Endpoint" })).await.refused(409, "taken");
        assert_eq!(site.get("/v1/price-categories").await.is(200).body["items"], json!([made.body]));
        let path = format!("/v1/products/{product}/price-categories");
        let set = json!({ "price_categories": [made.text("id")] });
        assert_eq!(site.put(&path, &set).await.is(200).body["items"], json!([made.body]));
        assert_eq!(site.get(&path).await.is(200).body["items"], json!([made.body]));
        site.put(&path, &json!({ "price_categories": ["x"] })).await.refused(404, "price_category_unknown");
        site.put(&path, &json!({ "price_categories": [] })).await.is(200);
        assert_eq!(site.get(&path).await.is(200).body["items"], json!([]));
    }

    whoever_sells_a_product_sees_it_and_does_not_change_it(bench) {
        let site = Site::new(bench).await;
        let path = format!("/v1/products/{}", site.product("Paint").await);
        let partner = site.bench.account(site.bench.root.id, Kind::Partner, "P").await;
        let key = site.key_of(partner.id, None).await;
        site.call(Method::GET, &path).by(&key).send().await.is(200);
        site.call(Method::GET, "/v1/products").by(&key).send().await.is(200);
        let change = site.call(Method::PATCH, &path).by(&key).json(&json!({ "name": "Mine" }));
        change.send().await.refused(404, "product_unknown");
    }
}
