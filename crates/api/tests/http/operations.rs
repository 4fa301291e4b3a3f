//! Operations over HTTP: begun, asked after, done.

use crate::bench::Site;
use lessor_core::account::Kind;
use lessor_core::identity::Right;
use lessor_core::operation;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// Asks until the operation is finished, as a client would.
async fn finished(site: &Site, id: &str) -> Value {
    for _ in 0..500 {
        let operation = site.get(&format!("/v1/operations/{id}")).await.is(200);
        if !operation.body["finished_at"].is_null() {
            return operation.body;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{id} does not come to its end");
}

on_both_engines! {
    an_account_is_suspended_and_resumed_while_nobody_waits(bench) {
        let site = Site::new(bench).await;
        let account = site.customer("Customer").await;
        let path = format!("/v1/accounts/{account}/operations");
        let begun = site.post(&path, &json!({ "kind": "suspend" })).await.is(202);
        let id = begun.text("id");
        assert_eq!(begun.header("location"), format!("/v1/operations/{id}"));
        assert_eq!((begun.text("state"), begun.text("account")), ("created".to_owned(), account.clone()));
        let done = finished(&site, &id).await;
        assert_eq!((&done["state"], &done["problem"]), (&json!("done"), &Value::Null));
        let holds = site.get(&format!("/v1/accounts/{account}/holds")).await.is(200).body;
        assert_eq!((&holds["items"][0]["cause"], &holds["items"][0]["reach"]), (&json!("suspended"), &json!("branch")));
        assert_eq!(holds["items"][0]["placed_by"], done["begun_by"]);

        site.post(&path, &json!({ "kind": "suspend" })).await.refused(409, "already_suspended");
        let resumed = site.post(&path, &json!({ "kind": "resume" })).await.is(202).text("id");
        finished(&site, &resumed).await;
        site.post(&path, &json!({ "kind": "resume" })).await.refused(409, "not_suspended");
        let holds = site.get(&format!("/v1/accounts/{account}/holds")).await.is(200).body;
        assert_eq!(holds["items"], json!([]));

        let page = site.get(&format!("{path}?limit=1")).await.is(200).body;
        assert_eq!(page["items"][0]["id"], json!(id));
        let cursor = page["next"].as_str().expect("another page");
        let rest = site.get(&format!("{path}?limit=1&cursor={cursor}")).await.is(200).body;
        assert_eq!((&rest["items"][0]["id"], &rest["next"]), (&json!(resumed), &Value::Null));
    }

    an_operation_that_is_sent_twice_or_only_tried_is_begun_once_or_not_at_all(bench) {
        let site = Site::new(bench).await;
        let account = site.customer("Customer").await;
        let path = format!("/v1/accounts/{account}/operations");
        let tried = site.post(&format!("{path}?dry_run=true"), &json!({ "kind": "suspend" })).await.is(202);
        assert_eq!(tried.header("lessor-dry-run"), "true");
        assert_eq!(site.get(&path).await.is(200).body["items"], json!([]));
        let send = || site.call(http::Method::POST, &path).key("once").json(&json!({ "kind": "suspend" })).send();
        let first = send().await.is(202);
        assert_eq!(send().await.is(202).text("id"), first.text("id"));
        finished(&site, &first.text("id")).await;
        assert_eq!(site.get(&path).await.is(200).body["items"].as_array().map(Vec::len), Some(1));
        site.post(&path, &json!({ "kind": "sleep" })).await.refused(400, "invalid_request");
        site.post(&path, &json!({})).await.refused(400, "invalid_request");
    }

    it_takes_the_rights_to_the_account_and_to_its_licenses(bench) {
        let site = Site::new(bench).await;
        let account = site.customer("Customer").await;
        let path = format!("/v1/accounts/{account}/operations");
        let root = site.bench.root.id;
        for right in [Right::ACCOUNTS_WRITE, Right::LICENSES_WRITE] {
            let limited = site.with_key(site.key_of(root, Some(vec![right])).await);
            limited.post(&path, &json!({ "kind": "suspend" })).await.refused(403, "forbidden");
        }
        let begun = site.post(&path, &json!({ "kind": "suspend" })).await.is(202).text("id");
        operation::run_now(&site.bench.app).await.expect("done");
        let partner = site.bench.account(root, Kind::Partner, "Partner").await;
        let other = site.with_key(site.key_of(partner.id, None).await);
        other.get(&format!("/v1/operations/{begun}")).await.refused(404, "operation_unknown");
        other.get("/v1/operations/nonsense").await.refused(404, "operation_unknown");
    }
}
