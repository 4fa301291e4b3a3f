//! The same request again: one effect, one answer.

use crate::bench::Site;
use http::Method;
use lessor_testkit::on_both_engines;
use serde_json::json;

lessor_db::statements! {
    EVERY_RECORD = "SELECT body FROM idempotency_records";
}

on_both_engines! {
    a_repeat_gets_the_first_answer_and_has_no_effect(bench) {
        let site = Site::new(bench).await;
        let new = json!({ "kind": "partner", "name": "Fabrikam" });
        let call = || site.call(Method::POST, "/v1/accounts").key("order 1").json(&new).send();
        let (first, again) = (call().await.is(201), call().await.is(201));
        assert_eq!(first.header("idempotency-replayed"), "");
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(first.body, again.body);
        for header in ["location", "etag", "content-type"] {
            assert_eq!(first.header(header), again.header(header), "{header}");
        }
        let all = site.get("/v1/accounts?kind=partner").await.is(200);
        assert_eq!(all.body["items"].as_array().map(Vec::len), Some(1));
        // A day later the key is free again.
        site.bench.pass_hours(25);
        assert_eq!(call().await.is(201).header("idempotency-replayed"), "");
    }

    a_key_is_for_one_content(bench) {
        let site = Site::new(bench).await;
        let make = |name: &str| {
            let new = json!({ "kind": "partner", "name": name });
            site.call(Method::POST, "/v1/accounts").key("k").json(&new).send()
        };
        make("one").await.is(201);
        make("two").await.refused(422, "idempotency_key_reused");
        // Keys are told apart by operation and by caller.
        let account = site.customer("C").await;
        let hold = json!({ "reach": "self", "cause": "unpaid" });
        site.call(Method::POST, &format!("/v1/accounts/{account}/holds")).key("k").json(&hold).send().await.is(201);
        let other = site.customer("D").await;
        let other_hold = site.call(Method::POST, &format!("/v1/accounts/{other}/holds")).key("k").json(&hold);
        other_hold.send().await.refused(422, "idempotency_key_reused");
        let second = site.key_of(site.bench.root.id, None).await;
        let new = json!({ "kind": "partner", "name": "three" });
        site.call(Method::POST, "/v1/accounts").by(&second).key("k").json(&new).send().await.is(201);
        for bad in ["", &"x".repeat(256)] {
            let call = site.call(Method::POST, "/v1/accounts").key(bad).json(&new);
            call.send().await.refused(400, "invalid_request");
        }
    }

    repeats_at_once_have_one_effect(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let new = json!({ "product": product, "generate": 1 });
        let call = |_| site.call(Method::POST, "/v1/licenses").key("order").json(&new).send();
        let answers = site.bench.all_at_once(12, call).await;
        let bodies: Vec<_> = answers.into_iter().map(|answer| answer.is(201).body).collect();
        assert!(bodies.iter().all(|body| *body == bodies[0]));
        let all = site.get("/v1/licenses").await.is(200);
        assert_eq!(all.body["items"].as_array().map(Vec::len), Some(1));
    }

    a_refusal_spends_no_key(bench) {
        let site = Site::new(bench).await;
        let account = site.customer("C").await;
        let call = || {
            let body = json!({ "kind": "customer", "name": "Below", "parent": account });
            site.call(Method::POST, "/v1/accounts").key("k").json(&body).send()
        };
        call().await.refused(409, "misplaced_account");
        call().await.refused(409, "misplaced_account");
    }

    a_keys_text_is_told_once(bench) {
        let site = Site::new(bench).await;
        let call = || site.call(Method::POST, "/v1/api-keys").key("k").json(&json!({ "label": "shop" })).send();
        let (first, again) = (call().await.is(201), call().await.is(201));
        assert!(first.text("key").starts_with("lsr_live_"));
        assert_eq!(again.body.get("key"), None);
        assert_eq!((again.header("idempotency-replayed"), again.text("id")), ("true", first.text("id")));
        site.call(Method::GET, "/v1/me").by(&first.text("key")).send().await.is(200);
    }

    a_device_is_told_its_secret_again(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let body = json!({ "product": product, "code": "PAINT-1", "device": { "id": "workstation-1" } });
        let call = || site.call(Method::POST, "/device/v1/activations").by_nobody().key("k").json(&body).send();
        let (first, again) = (call().await.is(201), call().await.is(201));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(first.body, again.body);
        assert!(first.text("secret").starts_with("lds_"));

        let renew = format!("/device/v1/activations/{}/renew", first.text("activation"));
        let renewal = |secret: &str| site.call(Method::POST, &renew).by(secret).key("r").json(&json!({ "number": 1 })).send();
        let (one, two) = (renewal(&first.text("secret")).await.is(200), renewal(&first.text("secret")).await.is(200));
        assert_eq!((one.body["lease"]["number"].clone(), one.body.get("secret")), (json!(2), None));
        assert_eq!(one.body, two.body);
        // Somebody else with the same key is not answered from what the device was told.
        renewal("lds_somebody-else").await.refused(401, "unauthenticated");
    }

    no_record_holds_a_secret(bench) {
        let site = Site::new(bench).await;
        let key = site.call(Method::POST, "/v1/api-keys").key("k").json(&json!({})).send().await.is(201).text("key");
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let body = json!({ "product": product, "code": "PAINT-1", "device": { "id": "workstation-1" } });
        let call = site.call(Method::POST, "/device/v1/activations").by_nobody().key("k").json(&body);
        let secret = call.send().await.is(201).text("secret");
        let kept = site.bench.read(|tx, _| Ok(tx.all::<(String,)>(EVERY_RECORD, &[])?)).await.expect("records");
        assert_eq!(kept.len(), 2);
        let kept: String = kept.into_iter().map(|(body,)| body).collect();
        assert!(kept.contains("workstation-1") || kept.contains("document"));
        for text in [key, secret] {
            assert!(!kept.contains(&text));
        }
    }
}
