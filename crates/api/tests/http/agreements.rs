//! Agreements over HTTP: made by the vendor, read by everyone below, accepted by who may write.

use crate::bench::Site;
use lessor_core::account::Kind;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

on_both_engines! {
    terms_are_made_read_accepted_and_retired(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let new = json!({ "product": product, "name": "Cloud", "text": "Files are\nsent.", "url": "https://paint.example/cloud" });
        let made = site.post("/v1/agreements", &new).await.is(201);
        let id = made.text("id");
        assert_eq!(made.header("location"), format!("/v1/agreements/{id}"));
        assert_eq!((&made.body["product"], &made.body["retired_at"]), (&json!(product), &Value::Null));
        let general = site.post("/v1/agreements", &json!({ "name": "General", "text": "Be kind." })).await.is(201).text("id");

        let partner = site.bench.account(site.bench.root.id, Kind::Partner, "Partner").await;
        let customer = site.bench.account(partner.id, Kind::Customer, "Customer").await.id.to_string();
        let theirs = site.with_key(site.key_of(partner.id, None).await);
        let read = theirs.get(&format!("/v1/agreements/{id}")).await.is(200);
        assert_eq!((read.text("text"), &read.body["acceptance"]), ("Files are\nsent.".to_owned(), &Value::Null));
        let path = format!("/v1/agreements/{id}/acceptances");
        let accepted = theirs.post(&path, &json!({})).await.is(200).body;
        assert_eq!(accepted["account"], json!(partner.id.to_string()));
        site.bench.pass_hours(1);
        assert_eq!(theirs.post(&path, &json!({})).await.is(200).body, accepted, "the second time changes nothing");
        let of_customer = site.get(&format!("/v1/agreements/{id}?account={customer}")).await.is(200).body;
        assert_eq!(of_customer["acceptance"], accepted);
        let own = theirs.post(&path, &json!({ "account": customer })).await.is(200).body;
        assert_eq!(own["account"], json!(customer));
        let all = site.get(&path).await.is(200).body;
        assert_eq!(all["items"], json!([accepted, own]));

        let listed = theirs.get("/v1/agreements?limit=1").await.is(200).body;
        assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["acceptance"]), (&json!(id), &accepted));
        let cursor = listed["next"].as_str().expect("another page");
        let rest = theirs.get(&format!("/v1/agreements?limit=1&cursor={cursor}")).await.is(200).body;
        assert_eq!((&rest["items"][0]["id"], &rest["next"]), (&json!(general), &Value::Null));
        let other = site.product("Draw").await;
        let about = theirs.get(&format!("/v1/agreements?product={other}")).await.is(200).body;
        assert_eq!(about["items"].as_array().map(Vec::len), Some(1));

        theirs.call(http::Method::DELETE, &format!("/v1/agreements/{id}")).send().await.refused(403, "forbidden");
        let retired = site.delete(&format!("/v1/agreements/{id}")).await.is(200);
        assert!(!retired.body["retired_at"].is_null());
        let late = site.bench.account(site.bench.root.id, Kind::Partner, "Late").await;
        let late = site.with_key(site.key_of(late.id, None).await);
        late.post(&path, &json!({})).await.refused(409, "closed");
    }

    what_is_no_agreement_is_refused_by_its_member(bench) {
        let site = Site::new(bench).await;
        let answer = site.post("/v1/agreements", &json!({ "name": " ", "text": "x" })).await.refused(422, "invalid_value");
        assert_eq!(answer.body["errors"][0]["pointer"], "/name");
        let answer = site.post("/v1/agreements", &json!({ "name": "x", "text": "" })).await.refused(422, "invalid_value");
        assert_eq!(answer.body["errors"][0]["pointer"], "/text");
        site.post("/v1/agreements", &json!({ "text": "x" })).await.refused(400, "invalid_request");
        site.get("/v1/agreements/agr_1").await.refused(404, "agreement_unknown");
    }
}
