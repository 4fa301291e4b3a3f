//! The movable clock.

use crate::bench::Site;
use http::Method;
use lessor_core::identity::Right;
use lessor_testkit::{START, on_both_engines};
use serde_json::json;
use std::sync::atomic::Ordering;

on_both_engines! {
    the_clock_moves_forward_and_everything_settles(bench) {
        let site = Site::new(bench).await;
        assert_eq!(site.get("/v1/test-clock").await.is(200).body, json!({ "now": START }));
        let moved = site.post("/v1/test-clock", &json!({ "advance": "P1DT2H" })).await.is(200);
        assert_eq!(moved.body, json!({ "now": "2026-01-02T02:00:00Z" }));
        assert_eq!(site.settled.load(Ordering::SeqCst), 1);
        let moved = site.post("/v1/test-clock", &json!({ "now": "2026-02-01T01:00:00+01:00" })).await.is(200);
        assert_eq!(moved.body, json!({ "now": "2026-02-01T00:00:00Z" }));
        assert_eq!(site.get("/v1/test-clock").await.body, moved.body);
    }

    the_clock_does_not_go_back(bench) {
        let site = Site::new(bench).await;
        let move_it = |body: serde_json::Value| async { site.post("/v1/test-clock", &{ body }).await };
        move_it(json!({ "now": "2025-12-31T23:59:59Z" })).await.refused(409, "clock_moves_forward");
        move_it(json!({ "advance": "-PT1S" })).await.refused(409, "clock_moves_forward");
        for body in [
            json!({}),
            json!({ "advance": "PT1S", "now": "2027-01-01T00:00:00Z" }),
            json!({ "advance": "tomorrow" }),
            json!({ "advance": 5 }),
            json!({ "now": "tomorrow" }),
            json!({ "now": null }),
            json!({ "back": "PT1S" }),
        ] {
            move_it(body).await.refused(400, "invalid_request");
        }
        assert_eq!(site.get("/v1/test-clock").await.body, json!({ "now": START }));
        assert_eq!(site.settled.load(Ordering::SeqCst), 0);
    }

    a_repeated_move_moves_once(bench) {
        let site = Site::new(bench).await;
        let call = |advance: &str| {
            let body = json!({ "advance": advance });
            site.call(Method::POST, "/v1/test-clock").key("k").json(&body).send()
        };
        let first = call("P2D").await.is(200);
        let again = call("P2D").await.is(200);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
        call("P3D").await.refused(422, "idempotency_key_reused");
        site.post("/v1/test-clock?dry_run=true", &json!({ "advance": "P9D" })).await.is(200);
        assert_eq!(site.get("/v1/test-clock").await.body, first.body);
    }

    whoever_only_reads_does_not_move_the_clock(bench) {
        let site = Site::new(bench).await;
        let reader = site.key_of(site.bench.root.id, Some(vec![Right::LICENSES_READ])).await;
        let writer = site.key_of(site.bench.root.id, Some(vec![Right::USAGE_WRITE])).await;
        let call = |key: &str| {
            let body = json!({ "advance": "PT1H" });
            site.call(Method::POST, "/v1/test-clock").by(key).json(&body).send()
        };
        call(&reader).await.refused(403, "forbidden");
        call(&writer).await.is(200);
    }

    without_a_movable_clock_there_is_no_such_address(bench) {
        let plain = lessor_api::native(bench.app.clone(), None, "");
        let request = http::Request::get("/v1/test-clock").body(axum::body::Body::empty()).expect("a request");
        let answer = tower::ServiceExt::oneshot(plain, request).await.expect("an answer");
        assert_eq!(answer.status(), 404);
    }
}
