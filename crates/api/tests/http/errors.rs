//! What is refused, and how.

use crate::bench::Site;
use http::Method;
use lessor_core::identity::Right;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// Sends a body to `POST /v1/accounts` that has to be refused; gives the pointer.
async fn pointer(site: &Site, body: &Value) -> String {
    let problem = site.post("/v1/accounts", body).await.refused(400, "invalid_request");
    problem.body["errors"][0]["pointer"].as_str().expect("a pointer").to_owned()
}

on_both_engines! {
    a_fault_in_a_body_is_pointed_at(bench) {
        let site = Site::new(bench).await;
        assert_eq!(pointer(&site, &json!({ "kind": "partner", "name": 5 })).await, "/name");
        assert_eq!(pointer(&site, &json!({ "kind": "partner" })).await, "/name");
        assert_eq!(pointer(&site, &json!({ "kind": "x", "name": "y" })).await, "/kind");
        assert_eq!(pointer(&site, &json!({ "kind": "partner", "name": "y", "colour/~": 1 })).await, "/colour~1~0");
        let nested = json!({ "name": "P", "features": [{ "code": "A", "name": "A", "kind": "flag", "limit": 1.5 }] });
        let problem = site.post("/v1/products", &nested).await.refused(400, "invalid_request");
        assert_eq!(problem.body["errors"][0]["pointer"], "/features/0/limit");
        let unknown = json!({ "name": "P", "terms": { "activation_limits": 1 } });
        let problem = site.post("/v1/products", &unknown).await.refused(400, "invalid_request");
        assert_eq!(problem.body["errors"][0]["pointer"], "/terms/activation_limits");
        assert!(site.get("/v1/products").await.body["items"].as_array().is_some_and(Vec::is_empty));
    }

    a_value_that_cannot_be_is_pointed_at_too(bench) {
        let site = Site::new(bench).await;
        let body = json!({ "name": "P", "terms": { "activation_limit": -1 } });
        let problem = site.post("/v1/products", &body).await.refused(422, "out_of_range");
        assert_eq!(problem.body["errors"][0]["pointer"], "/terms/activation_limit");
        let body = json!({ "name": "P", "terms": { "term_days": 3 } });
        site.post("/v1/products", &body).await.refused(422, "value_missing");
        site.post("/v1/accounts", &json!({ "kind": "partner", "name": " " })).await.refused(422, "invalid_value");
    }

    a_body_that_is_no_json_is_refused(bench) {
        let site = Site::new(bench).await;
        let send = |kind: &'static str, body: &'static str| site.call(Method::POST, "/v1/accounts").raw(kind, body).send();
        send("application/json", "{").await.refused(400, "invalid_json");
        send("application/json", r#"{"kind":"partner","name":"a","name":"b"}"#).await.refused(400, "invalid_json");
        send("application/json", r#"["partner"]"#).await.refused(400, "invalid_request");
        send("application/json", "").await.refused(400, "invalid_request");
        send("text/plain", r#"{"kind":"partner","name":"a"}"#).await.refused(415, "unsupported_media_type");
        let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        site.call(Method::POST, "/v1/accounts").raw("application/json", &deep).send().await.refused(400, "invalid_json");
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
        let call = site.call(Method::POST, "/v1/accounts").raw("application/json", &large);
        call.send().await.refused(413, "body_too_large");
        let body = json!({ "name": "x" });
        let account = site.customer("C").await;
        let with_body = site.call(Method::DELETE, &format!("/v1/accounts/{account}")).json(&body);
        with_body.send().await.refused(400, "invalid_request");
    }

    unknown_parameters_and_bad_ones_are_named(bench) {
        let site = Site::new(bench).await;
        for (query, name) in [
            ("limits=5", "limits"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=x", "limit"),
            ("limit=5&limit=5", "limit"),
            ("cursor=abc", "cursor"),
            ("kind=king", "kind"),
        ] {
            let problem = site.get(&format!("/v1/accounts?{query}")).await.refused(400, "invalid_request");
            assert_eq!(problem.body["errors"][0]["parameter"], name, "{query}");
        }
        site.get("/v1/me?x=1").await.refused(400, "invalid_request");
        let new = json!({ "kind": "partner", "name": "a" });
        site.post("/v1/accounts?dry_run=yes", &new).await.refused(400, "invalid_request");
        site.call(Method::GET, "/device/v1/time?x=1").by_nobody().send().await.refused(400, "invalid_request");
    }

    who_does_not_say_who_it_is_is_asked_to(bench) {
        let site = Site::new(bench).await;
        let me = || site.call(Method::GET, "/v1/me");
        let challenge = |answer: crate::bench::Answer| {
            let answer = answer.refused(401, "unauthenticated");
            answer.header("www-authenticate").to_owned()
        };
        assert_eq!(challenge(me().by_nobody().send().await), "Bearer realm=\"lessor\"");
        let basic = me().by_nobody().with("authorization", "Basic eDp5").send().await;
        assert_eq!(challenge(basic), "Bearer realm=\"lessor\"");
        for wrong in ["lsr_live_x", "lss_0000000000000000000000000000", "", "é", &"x".repeat(300)] {
            let answer = me().by(wrong).send().await;
            assert_eq!(challenge(answer), "Bearer realm=\"lessor\", error=\"invalid_token\"", "{wrong}");
        }
    }

    a_key_does_only_what_it_is_for(bench) {
        let site = Site::new(bench).await;
        let reader = site.key_of(site.bench.root.id, Some(vec![Right::ACCOUNTS_READ])).await;
        site.call(Method::GET, "/v1/accounts").by(&reader).send().await.is(200);
        let new = json!({ "kind": "partner", "name": "a" });
        let refused = site.call(Method::POST, "/v1/accounts").by(&reader).json(&new).send().await;
        let refused = refused.refused(403, "forbidden");
        assert!(refused.header("www-authenticate").contains("insufficient_scope"));
        site.call(Method::GET, "/v1/licenses").by(&reader).send().await.refused(403, "forbidden");
        let events = site.get("/v1/events?limit=100").await.is(200);
        let kinds: Vec<_> = events.body["items"].as_array().expect("events").iter().map(|e| &e["kind"]).collect();
        assert!(kinds.contains(&&json!("access.denied")), "{kinds:?}");
    }

    unknown_addresses_and_verbs_are_problems(bench) {
        let site = Site::new(bench).await;
        for path in ["/v1/nothing", "/v1", "/v1/accounts/a/b/c", "/device/v1/nothing", "/device/v1"] {
            let problem = site.get(path).await.refused(404, "not_found");
            assert_eq!(problem.body["instance"], path);
        }
        let problem = site.delete("/v1/accounts").await.refused(405, "method_not_allowed");
        let mut allowed: Vec<_> = problem.header("allow").split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "HEAD", "POST"]);
        let problem = site.put("/device/v1/time", &json!({})).await.refused(405, "method_not_allowed");
        assert_eq!(problem.header("allow"), "GET,HEAD");
    }

    a_problem_names_its_call(bench) {
        let site = Site::new(bench).await;
        let id = site.bench.app.new_request();
        for path in ["/v1/me", "/v1/nothing", "/device/v1/activations/x"] {
            let problem = site.call(Method::GET, path).by_nobody().called(id).send().await;
            assert_eq!(problem.text("request_id"), id.to_string());
            assert_eq!(problem.text("instance"), path);
        }
    }

    a_malformed_id_is_nobodys(bench) {
        let site = Site::new(bench).await;
        for id in ["x", "acc_", "acc_01890A5D3C2B7E1F8A4B5C6D7E8F9A0B", "prd_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b", "a:b:c", "a:b", "%00"] {
            site.get(&format!("/v1/accounts/{id}")).await.refused(404, "account_unknown");
        }
    }
}
