//! The device API, by hand and through the client library.

use crate::bench::{Answer, Site};
use http::Method;
use lessor_client::{Config, License};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

async fn activate(site: &Site, body: Value) -> Answer {
    site.call(Method::POST, "/device/v1/activations").by_nobody().json(&body).send().await
}

fn asked(product: &str, code: &str, device: &str) -> Value {
    json!({ "product": product, "code": code, "device": { "id": device } })
}

on_both_engines! {
    a_device_activates_renews_and_returns(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let new = activate(&site, asked(&product, "PAINT-1", "device-0001")).await.is(201);
        let lease = json!({
            "number": 1, "mode": "enforce", "issued_at": "2026-01-01T00:00:00Z", "renew_after": "2026-01-01T12:00:00Z",
            "expires_at": "2026-01-02T00:00:00Z", "grace_until": "2026-01-02T00:00:00Z",
        });
        assert_eq!(new.body["lease"], lease);
        // Asking twice takes no second place.
        let again = activate(&site, asked(&product, "PAINT-1", "device-0001")).await.is(200);
        assert_eq!((again.text("activation"), again.text("secret")), (new.text("activation"), new.text("secret")));

        let path = format!("/device/v1/activations/{}", new.text("activation"));
        let by_device = |method: Method, path: &str| site.call(method, path).by(&new.text("secret"));
        site.bench.pass_hours(13);
        let renewed = by_device(Method::POST, &format!("{path}/renew")).json(&json!({ "number": 2 })).send().await.is(200);
        assert_eq!((&renewed.body["lease"]["number"], renewed.body.get("secret")), (&json!(3), None));
        let shown = by_device(Method::GET, &path).send().await.is(200);
        assert_eq!(shown.body, renewed.body);
        by_device(Method::DELETE, &path).send().await.is(200);
        by_device(Method::DELETE, &path).send().await.is(200);
        let over = by_device(Method::POST, &format!("{path}/renew")).json(&json!({ "number": 3 })).send().await;
        over.refused(410, "activation_returned");
    }

    what_stops_an_activation_is_told_by_its_code(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = site.license(&product, "PAINT-1").await;
        let path = format!("/v1/licenses/{license}");
        let unknown = format!("prd_{}", "0".repeat(32));
        activate(&site, asked(&unknown, "PAINT-1", "device-0001")).await.refused(404, "product_unknown");
        activate(&site, asked("x", "PAINT-1", "device-0001")).await.refused(404, "product_unknown");
        activate(&site, asked(&product, "PAINT-2", "device-0001")).await.refused(404, "license_unknown");
        activate(&site, asked(&product, "PAINT-1", "short")).await.refused(422, "invalid_value");
        for device in ["device-0001", "device-0002"] {
            activate(&site, asked(&product, "PAINT-1", device)).await.is(201);
        }
        activate(&site, asked(&product, "PAINT-1", "device-0003")).await.refused(409, "no_seat");
        let key = |digit: &str| json!({ "id": "device-0004", "key": digit.repeat(64) });
        let with_key = |key: Value| json!({ "product": product, "device": key });
        activate(&site, with_key(key("x"))).await.refused(422, "invalid_value");
        site.patch(&path, &json!({ "enabled": false })).await.is(200);
        activate(&site, asked(&product, "PAINT-1", "device-0001")).await.refused(403, "license_held");
        let over = json!({ "enabled": true, "terms": { "term": "expiring", "term_end": "2025-01-01T00:00:00Z" } });
        site.patch(&path, &over).await.is(200);
        activate(&site, asked(&product, "PAINT-1", "device-0001")).await.refused(403, "term_over");
        let network = json!({
            "terms": { "term": "perpetual", "concurrency": "network", "network_seats": 2, "heartbeat_minutes": 5 },
        });
        site.patch(&path, &network).await.is(200);
        activate(&site, asked(&product, "PAINT-1", "device-0009")).await.refused(409, "network_only");
        site.patch(&format!("/v1/products/{product}"), &json!({ "active": false })).await.is(200);
        activate(&site, asked(&product, "PAINT-1", "device-0001")).await.refused(403, "product_inactive");
    }

    what_stops_a_trial_is_told_by_its_code(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let trial = |device: &str| json!({ "product": product, "device": { "id": device } });
        let started = activate(&site, trial("device-0001")).await.is(201);
        activate(&site, trial("device-0001")).await.is(200);
        site.bench.pass_hours(11 * 24);
        activate(&site, trial("device-0001")).await.refused(403, "trial_over");
        let renew = format!("/device/v1/activations/{}/renew", started.text("activation"));
        let call = site.call(Method::POST, &renew).by(&started.text("secret")).json(&json!({ "number": 1 }));
        call.send().await.refused(403, "trial_over");
        activate(&site, asked(&product, "PAINT-1", "device-0001")).await.is(201);
        activate(&site, trial("device-0001")).await.refused(409, "trial_converted");
        activate(&site, asked(&product, "PAINT-1", "device-0002")).await.is(201);
        activate(&site, trial("device-0002")).await.refused(409, "trial_used");
        site.patch(&format!("/v1/products/{product}"), &json!({ "trial_offered": false })).await.is(200);
        activate(&site, trial("device-0003")).await.refused(403, "trial_not_offered");
    }

    seats_elements_and_tokens_are_held_and_given_back(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let (activation, secret) = site.activation(&product, "PAINT-1", "device-0001").await;
        let ask = |what: &str, body: Value| {
            site.call(Method::POST, &format!("/device/v1/activations/{activation}/{what}")).by(&secret).json(&body).send()
        };
        let held = |answer: Answer| {
            let body = answer.is(200).body;
            (body["held"].as_i64(), body["used"].as_i64(), body["limit"].as_i64(), body["consumed"].as_i64())
        };
        assert_eq!(held(ask("seats", json!({ "feature": "FLOAT", "seats": 2 })).await), (Some(2), Some(2), Some(3), Some(0)));
        ask("seats", json!({ "feature": "FLOAT", "seats": 4 })).await.refused(409, "no_seat");
        ask("seats", json!({ "feature": "FLOAT", "seats": -1 })).await.refused(422, "out_of_range");
        ask("seats", json!({ "feature": "PDF", "seats": 1 })).await.refused(409, "wrong_feature_kind");
        ask("seats", json!({ "feature": "NONE", "seats": 1 })).await.refused(404, "feature_unknown");
        let back = format!("/device/v1/activations/{activation}/seats/FLOAT");
        assert_eq!(held(site.call(Method::DELETE, &back).by(&secret).send().await).0, Some(0));
        assert_eq!(held(ask("elements", json!({ "feature": "EPOOL", "amount": 3 })).await).0, Some(3));
        assert_eq!(held(ask("elements", json!({ "feature": "EPOOL", "amount": -2 })).await).0, Some(1));
        ask("elements", json!({ "feature": "EPOOL", "amount": -2 })).await.refused(409, "not_held");
        assert_eq!(held(ask("tokens", json!({ "feature": "TOKEN", "check_out": 5 })).await).0, Some(5));
        let used = json!({ "feature": "TOKEN", "return": 3, "consumed": 2 });
        assert_eq!(held(ask("tokens", used).await), (Some(0), Some(2), Some(10), Some(2)));
        ask("tokens", json!({ "feature": "TOKEN" })).await.refused(422, "value_missing");
        let both = json!({ "feature": "TOKEN", "check_out": 1, "return": 1 });
        ask("tokens", both).await.refused(422, "invalid_value");
        let off = json!({ "features": [{ "code": "FLOAT", "enabled": false }] });
        let license = site.get("/v1/licenses?code=PAINT-1").await.body["items"][0]["id"].clone();
        site.patch(&format!("/v1/licenses/{}", license.as_str().expect("an id")), &off).await.is(200);
        ask("seats", json!({ "feature": "FLOAT", "seats": 1 })).await.refused(403, "feature_off");
    }

    only_the_device_itself_acts_for_its_activation(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let (activation, secret) = site.activation(&product, "PAINT-1", "device-0001").await;
        let (other, other_secret) = site.activation(&product, "PAINT-1", "device-0002").await;
        let path = format!("/device/v1/activations/{activation}");
        let get = |path: &str, secret: &str| site.call(Method::GET, path).by(secret).send();
        get(&path, &secret).await.is(200);
        let challenge = |answer: Answer| answer.refused(401, "unauthenticated").header("www-authenticate").to_owned();
        let invalid = "Bearer realm=\"lessor\", error=\"invalid_token\"";
        assert_eq!(challenge(get(&path, &other_secret).await), invalid);
        assert_eq!(challenge(get(&path, &site.key).await), invalid);
        assert_eq!(challenge(get("/device/v1/activations/x", &secret).await), invalid);
        assert_eq!(challenge(site.call(Method::GET, &path).by_nobody().send().await), "Bearer realm=\"lessor\"");
        get(&format!("/device/v1/activations/{other}"), &secret).await.refused(401, "unauthenticated");
    }

    reports_are_kept_and_keys_and_time_told(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let (activation, secret) = site.activation(&product, "PAINT-1", "device-0001").await;
        let path = format!("/device/v1/activations/{activation}");
        let send = |method: Method, what: &str, body: Value| {
            site.call(method, &format!("{path}/{what}")).by(&secret).json(&body).send()
        };
        send(Method::PUT, "system", json!({ "os": "Debian" })).await.is(204);
        send(Method::PUT, "system", json!(["Debian"])).await.refused(400, "invalid_request");
        send(Method::PUT, "system", json!({ "os": "x".repeat(20_000) })).await.refused(422, "invalid_value");
        send(Method::POST, "consumer", json!({ "first_name": "Ada" })).await.is(204);
        let keys = site.call(Method::GET, &format!("/device/v1/products/{product}/keys")).by_nobody().send().await.is(200);
        assert_eq!(keys.text("product"), product);
        let key = &keys.body["keys"][0];
        assert_eq!((&key["algorithm"], &key["state"]), (&json!("Ed25519"), &json!("active")));
        assert_eq!(key["public_key"].as_str().map(str::len), Some(64));
        assert_eq!(key["key_id"].as_str().map(str::len), Some(16));
        let unknown = site.call(Method::GET, "/device/v1/products/x/keys").by_nobody().send().await;
        unknown.refused(404, "product_unknown");
        let time = site.call(Method::GET, "/device/v1/time").by_nobody().send().await.is(200);
        assert_eq!(time.body, json!({ "now": lessor_testkit::START }));
    }

    a_bad_document_is_refused_with_the_reason(bench) {
        let site = Site::new(bench).await;
        for (path, body) in [
            ("offline/requests/inspect", json!({ "request": "zz" })),
            ("offline/activations", json!({ "request": "00" })),
            ("offline/returns", json!({ "proof": "" })),
        ] {
            let call = site.call(Method::POST, &format!("/device/v1/{path}")).by_nobody().json(&body);
            call.send().await.refused(422, "bad_certificate");
        }
    }

    the_client_library_gets_along_with_it(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = format!("http://{}", listener.local_addr().expect("an address"));
        let router = lessor_api::device(site.bench.app.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = std::env::temp_dir().join(site.bench.app.new_request().to_string());
        let place = folder.clone();
        let done = tokio::task::spawn_blocking(move || session(&server, &product, &place)).await;
        serving.abort();
        std::fs::remove_dir_all(&folder).expect("a folder");
        done.expect("a session");
        let license = site.get("/v1/licenses?code=PAINT-1").await.is(200).body["items"][0].clone();
        assert_eq!((&license["active_count"], &license["returned_count"]), (&json!(0), &json!(2)));
    }
}

/// What a program under license does, online and through files.
fn session(server: &str, product: &str, folder: &std::path::Path) {
    let open = |name: &str| {
        let config = Config::new(server, product, folder.join(name));
        License::open(config).expect("a license folder")
    };
    let online = open("online");
    online.activate("PAINT-1").expect("an activation");
    online.renew().expect("a renewal");
    assert_eq!(online.check_out_seat("FLOAT", 2).expect("seats").held, 2);
    assert_eq!(online.return_seat("FLOAT").expect("a return").held, 0);
    assert_eq!(online.draw_elements("EPOOL", 2).expect("elements").held, 2);
    assert_eq!(online.check_out_tokens("TOKEN", 4).expect("tokens").held, 4);
    assert_eq!(online.return_tokens("TOKEN", 1, 3).expect("tokens").consumed, Some(3));
    online.report_system(&json!({ "os": "Debian" })).expect("a report");
    online.report_consumer(&json!({ "first_name": "Ada" })).expect("a report");
    assert!(
        online.check_out_seat("FLOAT", 9).expect_err("too many").refusal().is_some_and(|refusal| refusal.is("no_seat"))
    );
    online.return_license().expect("a return");

    let offline = open("offline");
    let request = offline.offline_request(Some("PAINT-1"), None, None).expect("a request");
    let answer = lessor_client::carry_request(server, &request).expect("an answer");
    offline.accept_answer(&answer).expect("a license");
    let proof = offline.return_offline().expect("a proof");
    lessor_client::carry_return(server, &proof).expect("a return");
}
