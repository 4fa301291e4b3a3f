//! What devices ask for besides a plain lease, and validation.

use crate::bench::{Answer, Site};
use http::Method;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

async fn activate(site: &Site, body: Value) -> Answer {
    site.call(Method::POST, "/device/v1/activations").by_nobody().json(&body).send().await
}

async fn validate(site: &Site, body: Value) -> Answer {
    site.call(Method::POST, "/device/v1/validations").by_nobody().json(&body).send().await
}

on_both_engines! {
    an_instance_keeps_its_place_on_whatever_device_it_starts(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let on = |host: &str| json!({
            "product": product, "code": "PAINT-1", "device": { "id": host, "instance": "paint-0-of-blue-team" },
        });
        let first = activate(&site, on("host-number-1")).await.is(201);
        for n in 2..9 {
            let again = activate(&site, on(&format!("host-number-{n}"))).await.is(200);
            assert_eq!(again.text("activation"), first.text("activation"));
        }
        let short = json!({ "product": product, "code": "PAINT-1", "device": { "id": "host-number-1", "instance": "x" } });
        activate(&site, short).await.refused(422, "invalid_value");
    }

    a_copy_is_refused_and_told_of(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let body = json!({ "product": product, "code": "PAINT-1", "device": { "id": "device-0001" } });
        let made = activate(&site, body).await.is(201);
        let renew = |body: Value| {
            let path = format!("/device/v1/activations/{}/renew", made.text("activation"));
            let call = site.call(Method::POST, &path).by(&made.text("secret")).json(&body);
            call.send()
        };
        renew(json!({ "number": 1 })).await.is(200);
        renew(json!({ "number": 1 })).await.is(200);
        renew(json!({ "number": 2 })).await.refused(409, "device_duplicate");
        renew(json!({ "number": 3 })).await.is(200);
        for bad in [json!({}), json!({ "number": -1 }), json!({ "number": "3" }), json!({ "number": 4, "clock_set_back": {} })] {
            renew(bad).await.refused(400, "invalid_request");
        }
        let clock = json!({ "seen": "2026-01-01T00:00:00Z", "now": "2025-11-01T00:00:00Z" });
        renew(json!({ "number": 4, "clock_set_back": clock })).await.is(200);
        let events = site.call(Method::GET, "/v1/events?limit=100").send().await.is(200);
        let kinds: Vec<_> =
            events.body["items"].as_array().expect("a page").iter().filter_map(|event| event["kind"].as_str()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "activation.cloned").count(), 1, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == "device.clock_set_back").count(), 1, "{kinds:?}");
    }

    a_heartbeat_keeps_the_place_and_signs_nothing(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let body = json!({ "product": product, "code": "PAINT-1", "device": { "id": "device-0001" } });
        let made = activate(&site, body).await.is(201);
        let path = format!("/device/v1/activations/{}/heartbeat", made.text("activation"));
        site.bench.pass_hours(5);
        let beat = site.call(Method::POST, &path).by(&made.text("secret")).json(&json!({})).send().await.is(200);
        let expected = json!({
            "activation": made.text("activation"), "number": 1, "renew_after": "2026-01-01T17:00:00Z",
            "expires_at": "2026-01-02T05:00:00Z",
        });
        assert_eq!(beat.body, expected);
        site.call(Method::POST, &path).by("lds_nobody").json(&json!({})).send().await.refused(401, "unauthenticated");
    }

    long_term_check_out_is_the_licenses_to_allow(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "PAINT-1").await;
        let body = |days: Value| json!({
            "product": product, "code": "PAINT-1", "device": { "id": "device-0001" }, "lease_days": days,
        });
        activate(&site, body(json!(3))).await.refused(409, "long_term_off");
        activate(&site, body(json!("3"))).await.refused(400, "invalid_request");
    }

    a_user_of_a_group_signs_in_and_gets_its_license(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = site.license(&product, "PAINT-1").await;
        let group = json!({ "name": "Blue team", "kind": "standard" });
        let group = site.call(Method::POST, "/v1/groups").json(&group).send().await.is(201).text("id");
        let user = json!({ "group": group, "user_name": "ada", "password": "lovelace-1815" });
        site.call(Method::POST, "/v1/end-users").json(&user).send().await.is(201);
        let signed_in = |password: &str, device: &str| json!({
            "product": product, "end_user": { "user_name": "ada", "password": password }, "device": { "id": device },
        });
        activate(&site, signed_in("lovelace-1815", "device-0001")).await.refused(404, "license_unknown");
        let given = json!({ "license": license });
        site.call(Method::POST, &format!("/v1/groups/{group}/licenses")).json(&given).send().await.is(200);
        activate(&site, signed_in("byron", "device-0001")).await.refused(401, "bad_credentials");
        let first = activate(&site, signed_in("lovelace-1815", "device-0001")).await.is(201);
        let again = activate(&site, signed_in("lovelace-1815", "device-0001")).await.is(200);
        assert_eq!(again.text("activation"), first.text("activation"));
        activate(&site, signed_in("lovelace-1815", "device-0002")).await.is(201);
        activate(&site, signed_in("lovelace-1815", "device-0003")).await.refused(409, "no_seat");
        let mut both = signed_in("lovelace-1815", "device-0001");
        both["code"] = json!("PAINT-1");
        activate(&site, both).await.refused(422, "invalid_value");
    }

    validation_tells_what_a_code_is_good_for_and_changes_nothing(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = site.license(&product, "PAINT-1").await;
        let question = json!({ "product": product, "code": "PAINT-1" });
        let good = validate(&site, question.clone()).await.is(200);
        assert_eq!((&good.body["valid"], good.body.get("reason")), (&json!(true), None));
        assert_eq!((&good.body["license"]["id"], &good.body["license"]["activations"]), (&json!(license), &json!(0)));

        let device = json!({ "product": product, "code": "PAINT-1", "device": "device-0001" });
        let not_yet = validate(&site, device.clone()).await.is(200);
        assert_eq!((&not_yet.body["valid"], &not_yet.body["reason"]), (&json!(false), &json!("not_activated")));
        let body = json!({ "product": product, "code": "PAINT-1", "device": { "id": "device-0001" } });
        activate(&site, body).await.is(201);
        let here = validate(&site, device.clone()).await.is(200);
        assert_eq!((&here.body["valid"], &here.body["activation"]["expires_at"]), (&json!(true), &json!("2026-01-02T00:00:00Z")));

        let unknown = json!({ "product": product, "code": "PAINT-2" });
        let many = json!({ "validations": [unknown, question, device] });
        let many = validate(&site, many).await.is(200);
        let said: Vec<_> = many.body["results"].as_array().expect("answers").iter().map(|one| one["valid"].clone()).collect();
        assert_eq!(said, [json!(false), json!(true), json!(true)]);
        assert_eq!(many.body["results"][0], json!({ "valid": false, "reason": "not_found" }));
        assert_eq!(validate(&site, json!({ "validations": [] })).await.is(200).body, json!({ "results": [] }));
    }

    a_bad_question_is_refused(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let question = json!({ "product": product, "code": "PAINT-1" });
        let too_many = json!({ "validations": vec![question.clone(); 101] });
        validate(&site, too_many).await.refused(422, "invalid_value");
        for bad in [
            json!({}),
            json!({ "product": product }),
            json!({ "product": product, "code": 7 }),
            json!({ "product": product, "code": "PAINT-1", "colour": "red" }),
            json!({ "product": product, "code": "PAINT-1", "validations": [] }),
            json!([question]),
            json!({ "validations": [{ "product": product }] }),
        ] {
            validate(&site, bad).await.refused(400, "invalid_request");
        }
        for text in ["", "{", "{\"product\":\"a\",\"product\":\"b\",\"code\":\"c\"}", "{\"product\":\"a\\u0000\",\"code\":\"c\"}"] {
            let answer =
                site.call(Method::POST, "/device/v1/validations").by_nobody().raw("application/json", text).send().await;
            assert_eq!(answer.status.as_u16(), 400, "{text}: {}", answer.body);
        }
    }
}
