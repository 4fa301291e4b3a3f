//! Keys, users, sessions.

use crate::bench::Site;
use http::Method;
use lessor_testkit::on_both_engines;
use serde_json::json;

const PASSWORD: &str = "a sentence of my own";

on_both_engines! {
    keys_are_made_listed_and_revoked(bench) {
        let site = Site::new(bench).await;
        let new = json!({ "label": "shop", "scopes": ["licenses:read", "zentitle:write"], "form": "alphanumeric" });
        let made = site.post("/v1/api-keys", &new).await.is(201);
        assert_eq!(made.text("key").len(), 32);
        let me = site.call(Method::GET, "/v1/me").by(&made.text("key")).send().await.is(200);
        assert_eq!((me.text("kind"), me.text("id")), ("api_key".into(), made.text("id")));
        assert_eq!(me.body["scopes"], json!(["licenses:read", "zentitle:write"]));
        assert_eq!(me.body["permissions"], json!([{ "account": site.bench.root.id.to_string(), "level": "write" }]));
        let listed = site.get("/v1/api-keys").await.is(200);
        assert_eq!(listed.body["items"].as_array().map(Vec::len), Some(2));
        assert!(listed.body["items"].as_array().expect("keys").iter().all(|key| key.get("key").is_none()));
        site.post("/v1/api-keys", &json!({ "scopes": ["Everything!"] })).await.refused(422, "invalid_value");
        let path = format!("/v1/api-keys/{}", made.text("id"));
        site.delete(&path).await.is(204);
        site.delete(&path).await.is(204);
        site.call(Method::GET, "/v1/me").by(&made.text("key")).send().await.refused(401, "unauthenticated");
        let own = site.get("/v1/me").await.text("id");
        site.delete(&format!("/v1/api-keys/{own}")).await.refused(409, "own_key");
    }

    users_sign_in_and_out(bench) {
        let site = Site::new(bench).await;
        let new = json!({ "name": "Ada", "login": "ada", "password": PASSWORD, "level": "read" });
        let user = site.post("/v1/users", &new).await.is(201);
        assert_eq!(user.body["has_password"], true);
        site.post("/v1/users", &new).await.refused(409, "taken");
        let short = json!({ "name": "Bob", "login": "bob", "password": "short", "level": "read" });
        let problem = site.post("/v1/users", &short).await.refused(422, "invalid_value");
        assert_eq!(problem.body["errors"][0]["pointer"], "/password");

        let sign_in = |password: &str| {
            let body = json!({ "login": "ada", "password": password });
            site.call(Method::POST, "/v1/sessions").by_nobody().json(&body).send()
        };
        sign_in("another sentence").await.refused(401, "bad_credentials");
        let session = sign_in(PASSWORD).await.is(201);
        let token = session.text("token");
        let as_ada = |method: Method, path: &str| site.call(method, path).by(&token);
        assert_eq!(as_ada(Method::GET, "/v1/me").send().await.is(200).text("id"), user.text("id"));
        as_ada(Method::GET, "/v1/accounts").send().await.is(200);
        let new = json!({ "kind": "partner", "name": "P" });
        as_ada(Method::POST, "/v1/accounts").json(&new).send().await.refused(403, "forbidden");
        as_ada(Method::DELETE, "/v1/sessions/current").send().await.is(204);
        as_ada(Method::GET, "/v1/me").send().await.refused(401, "unauthenticated");
        site.delete("/v1/sessions/current").await.refused(409, "not_a_session");
    }

    guessing_is_slowed_down(bench) {
        let site = Site::new(bench).await;
        let body = json!({ "login": "nobody", "password": "a guess of some length" });
        let call = || site.call(Method::POST, "/v1/sessions").by_nobody().json(&body).send();
        for _ in 0..5 {
            call().await.refused(401, "bad_credentials");
        }
        let slowed = call().await.refused(429, "too_many_tries");
        assert_eq!(slowed.header("retry-after"), "1");
    }

    a_link_sets_a_password_once(bench) {
        let site = Site::new(bench).await;
        let user = site.post("/v1/users", &json!({ "name": "Ada", "login": "ada", "level": "write" })).await.is(201);
        let path = format!("/v1/users/{}", user.text("id"));
        let link = site.post(&format!("{path}/sign-in-links"), &json!({})).await.is(201).text("token");
        let redeem = || {
            let body = json!({ "token": link, "password": PASSWORD });
            site.call(Method::POST, "/v1/sign-in-links/redeem").by_nobody().json(&body).send()
        };
        let session = redeem().await.is(201);
        redeem().await.refused(401, "bad_credentials");
        let password = format!("{path}/password");
        let token = session.text("token");
        let change = site.call(Method::PUT, &password).by(&token).json(&json!({ "password": "quite another sentence" }));
        change.send().await.is(204);
        // The change ended the session that made it.
        site.call(Method::GET, "/v1/me").by(&token).send().await.refused(401, "unauthenticated");
        site.post(&format!("{path}/unblock"), &json!({})).await.is(204);
        site.delete(&path).await.is(204);
        assert!(site.get(&path).await.is(200).body["closed_at"].is_string());
    }

    permissions_are_set_and_cleared(bench) {
        let site = Site::new(bench).await;
        let new = json!({ "name": "Ada", "login": "ada", "level": "read" });
        let user = site.post("/v1/users", &new).await.is(201).text("id");
        let customer = site.customer("C").await;
        let (all, one) = (format!("/v1/users/{user}/permissions"), format!("/v1/users/{user}/permissions/{customer}"));
        site.put(&one, &json!({ "level": "write" })).await.is(204);
        let set = site.get(&all).await.is(200).body;
        assert!(set["items"].as_array().expect("items").contains(&json!({ "account": customer, "level": "write" })));
        site.delete(&one).await.is(204);
        assert_eq!(site.get(&all).await.is(200).body["items"].as_array().map(Vec::len), Some(1));
        site.put(&one, &json!({ "level": "king" })).await.refused(400, "invalid_request");
        let listed = site.get("/v1/users").await.is(200);
        assert_eq!(listed.body["items"][0]["id"], user.as_str());
    }
}
