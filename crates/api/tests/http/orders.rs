//! Offers, orders and requests over HTTP, and what becomes of a license once it is sold.

use crate::bench::Site;
use lessor_core::AccountId;
use lessor_core::account::Kind;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// A partner below the root that was offered a product, its key, and its customer.
async fn partner(site: &Site, product: &str) -> (AccountId, Site, String) {
    let partner = site.bench.account(site.bench.root.id, Kind::ManagedPartner, "Partner").await;
    let customer = site.bench.account(partner.id, Kind::Customer, "Customer").await;
    let offers = site.patch(&format!("/v1/accounts/{}/offers", partner.id), &json!({ "add": [product] })).await.is(200);
    assert_eq!(offers.body["items"][0]["id"], product);
    let key = site.key_of(partner.id, None).await;
    (partner.id, site.with_key(key), customer.id.to_string())
}

on_both_engines! {
    a_trial_is_ordered_extended_converted_and_exchanged(bench) {
        let site = Site::new(bench).await;
        let (product, more) = (site.product("Guard").await, site.product("Guard Pro").await);
        let (partner, seller, customer) = partner(&site, &product).await;
        let order = json!({ "customer": customer, "product": product, "quantity": 5, "trial_days": 30, "code": "3AB-C4D-E5F" });
        seller.post("/v1/orders", &order).await.refused(403, "trial_not_offered");
        let rules = format!("/v1/accounts/{partner}/order-rules");
        assert_eq!(seller.get(&rules).await.is(200).body, json!({ "trials_allowed": false, "by_request": false }));
        seller.patch(&rules, &json!({ "trials_allowed": true })).await.refused(403, "forbidden");
        let allowed = site.patch(&rules, &json!({ "trials_allowed": true })).await.is(200);
        assert_eq!(allowed.body, json!({ "trials_allowed": true, "by_request": false }));

        let license = seller.post("/v1/orders", &order).await.is(201).body;
        assert_eq!((&license["code"], &license["account"], &license["terms"]["term"]), (&json!("3AB-C4D-E5F"), &json!(customer), &json!("trial")));
        assert_eq!((&license["terms"]["activation_limit"], &license["trial_extensions"]), (&json!(5), &json!(0)));
        seller.post("/v1/orders", &order).await.refused(409, "taken");
        let path = format!("/v1/licenses/{}", license["id"].as_str().expect("an id"));
        let extension = json!({ "days": 30, "at_most": 1 });
        let extended = seller.post(&format!("{path}/extend-trial"), &extension).await.is(200).body;
        assert_eq!((&extended["trial_extensions"], &extended["terms"]["term_days"]), (&json!(1), &json!(60)));
        seller.post(&format!("{path}/extend-trial"), &extension).await.refused(409, "extended_often");
        let exchange = json!({ "product": more, "quantity": 7 });
        seller.post(&format!("{path}/exchange"), &exchange).await.refused(409, "not_exchangeable");
        let full = seller.post(&format!("{path}/convert"), &json!({ "quantity": 6 })).await.is(200).body;
        assert_eq!((&full["terms"]["term"], &full["terms"]["activation_limit"]), (&json!("perpetual"), &json!(6)));
        seller.post(&format!("{path}/convert"), &json!({ "quantity": 6 })).await.refused(409, "not_trial");
        seller.put(&format!("{path}/quantity"), &json!({ "quantity": 6 })).await.refused(409, "unchanged");
        seller.put(&format!("{path}/quantity"), &json!({ "quantity": 0 })).await.refused(422, "out_of_range");
        assert_eq!(seller.put(&format!("{path}/quantity"), &json!({ "quantity": 9 })).await.is(200).body["terms"]["activation_limit"], 9);

        let exchanges = format!("/v1/products/{product}/exchanges");
        let set = json!({ "exchanges": [{ "to": more, "direction": "upgrade" }] });
        assert_eq!(site.put(&exchanges, &set).await.is(200).body["items"], set["exchanges"]);
        assert_eq!(seller.get(&exchanges).await.is(200).body["items"], set["exchanges"]);
        seller.post(&format!("{path}/exchange"), &exchange).await.refused(403, "not_offered");
        site.patch(&format!("/v1/accounts/{partner}/offers"), &json!({ "add": [more] })).await.is(200);
        let exchanged = seller.post(&format!("{path}/exchange"), &exchange).await.is(200).body;
        assert_eq!((&exchanged["product"], &exchanged["code"]), (&json!(more), &json!("3AB-C4D-E5F")));
    }

    a_request_is_filed_below_and_decided_on_above(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Guard").await;
        let (partner, seller, customer) = partner(&site, &product).await;
        let rules = format!("/v1/accounts/{partner}/order-rules");
        site.patch(&rules, &json!({ "by_request": true })).await.is(200);
        let order = json!({ "customer": customer, "product": product, "quantity": 5 });
        seller.post("/v1/orders", &order).await.refused(403, "forbidden");
        let mut wish = order.clone();
        wish["note"] = json!("They move in on Monday.");
        let filed = seller.post("/v1/order-requests", &wish).await.is(201);
        let path = filed.header("location").to_owned();
        assert_eq!((&filed.body["state"], &filed.body["quantity"]), (&json!("waiting"), &json!(5)));
        seller.post("/v1/order-requests", &wish).await.refused(409, "taken");
        seller.post(&format!("{path}/approve"), &json!({})).await.refused(403, "forbidden");
        let approved = site.post(&format!("{path}/approve"), &json!({})).await.is(200).body;
        assert_eq!(approved["state"], "approved");
        let license = site.get(&format!("/v1/licenses/{}", approved["license"].as_str().expect("an id"))).await.is(200).body;
        assert_eq!((&license["account"], &license["terms"]["activation_limit"]), (&json!(customer), &json!(5)));
        site.post(&format!("{path}/approve"), &json!({})).await.refused(409, "closed");
        assert_eq!(seller.get(&path).await.is(200).body, approved);
        site.post(&format!("{path}/refuse"), &json!({ "answer": "too late" })).await.refused(409, "closed");

        let second = site.bench.account(partner, Kind::Customer, "Second").await.id.to_string();
        let third = site.bench.account(partner, Kind::Customer, "Third").await.id.to_string();
        wish["customer"] = json!(second);
        let second = seller.post("/v1/order-requests", &wish).await.is(201).header("location").to_owned();
        let no = site.post(&format!("{second}/refuse"), &json!({ "answer": "not paid" })).await.is(200).body;
        assert_eq!((&no["state"], &no["answer"], &no["license"]), (&json!("refused"), &json!("not paid"), &Value::Null));
        wish["customer"] = json!(third);
        seller.post("/v1/order-requests", &wish).await.is(201);
        let waiting = site.get("/v1/order-requests?state=waiting").await.is(200).body;
        assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1));
        site.patch(&rules, &json!({ "accept_pending": true })).await.refused(422, "invalid_value");
        let trust = json!({ "by_request": false, "accept_pending": true });
        assert_eq!(site.patch(&rules, &trust).await.is(200).body["by_request"], false);
        assert_eq!(site.get("/v1/order-requests?state=waiting").await.is(200).body["items"], json!([]));
        let all = seller.get(&format!("/v1/order-requests?branch={partner}&limit=2")).await.is(200);
        let rest = seller.get(&format!("/v1/order-requests?branch={partner}&limit=2&cursor={}", all.text("next"))).await.is(200);
        assert_eq!((&rest.body["items"][0]["state"], &rest.body["next"]), (&json!("approved"), &Value::Null));
    }

    a_bundle_is_told_by_its_products(bench) {
        let site = Site::new(bench).await;
        let (bundle, one) = (site.product("Complete").await, site.product("One").await);
        let path = format!("/v1/products/{bundle}/bundle");
        assert_eq!(site.get(&path).await.is(200).body["items"], json!([]));
        let set = site.put(&path, &json!({ "products": [one] })).await.is(200).body;
        assert_eq!(set["items"][0]["name"], "One");
        assert_eq!(site.get(&path).await.is(200).body, set);
        site.put(&format!("/v1/products/{one}/bundle"), &json!({ "products": [bundle] })).await.refused(422, "invalid_value");
        site.put(&path, &json!({ "products": [bundle] })).await.refused(422, "invalid_value");
        let events = site.get(&format!("/v1/events?subject={bundle}&limit=100")).await.is(200).body;
        let told = events["items"].as_array().expect("events").iter().filter(|event| event["kind"] == "product.bundle_set");
        assert_eq!(told.count(), 1);
    }
}
