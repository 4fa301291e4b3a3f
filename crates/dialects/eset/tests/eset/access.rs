//! Addresses, tokens and forms, for all calls of the table.

use crate::world::World;
use axum::body::Body;
use http::{Request, StatusCode, header};
use lessor_eset::table::{self, Access, Call, Verb};
use lessor_testkit::on_both_engines;

/// The documented address of a call, with something in its places.
fn address(call: &Call) -> String {
    let part = |part: &str| {
        if part.starts_with('{') { "5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d".to_owned() } else { part.to_owned() }
    };
    call.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

on_both_engines! {
    every_call_but_the_open_ones_asks_for_a_token_before_anything_else(bench) {
        let world = World::new(&bench).await;
        let open: Vec<&str> = table::calls().filter(|call| call.access == Access::Open).map(|call| call.path).collect();
        assert_eq!(open, ["Token/Get", "Token/Renew", "Version"]);
        for call in table::calls().filter(|call| call.access != Access::Open) {
            for token in [None, Some("lss_unknown"), Some("lsr_live_unknown")] {
                let answer = world.call(token, call.verb.word(), &address(call), "{").await;
                assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer", "{}", call.name);
                assert_eq!(answer.refused(), (401, 1, 1002), "{} {token:?}", call.name);
            }
        }
    }

    what_has_to_be_there_is_asked_for_by_its_name(bench) {
        let world = World::new(&bench).await;
        let token = world.token("distributor").await;
        for call in table::calls().filter(|call| call.verb == Verb::Post) {
            let required: Vec<&str> = call.inputs.iter().filter(|input| input.required).map(|input| input.name).collect();
            if required.is_empty() {
                continue;
            }
            for body in ["", "{}", r#"{"other":1}"#] {
                assert_eq!(world.call(Some(&token), "POST", call.path, body).await.faults(), required, "{}", call.name);
            }
        }
    }

    what_is_no_call_is_no_page_and_other_verbs_are_told_the_right_one(bench) {
        let world = World::new(&bench).await;
        for path in ["", "Company", "Company/Nothing", "Token/Get/x", "v2/Products"] {
            for verb in ["GET", "POST"] {
                let answer = world.call(None, verb, path, "").await;
                assert_eq!(answer.refused(), (403, 99, 1), "{verb} {path}");
            }
        }
        for call in table::calls() {
            let (wrong, right) = match call.verb {
                Verb::Get => ("POST", "GET"),
                Verb::Post => ("GET", "POST"),
            };
            let answer = world.call(None, wrong, &address(call), "").await;
            assert_eq!(answer.headers[header::ALLOW], right, "{}", call.name);
            assert_eq!(answer.refused(), (405, 99, 1003), "{}", call.name);
        }
    }

    bodies_that_are_no_json_and_too_long_ones_are_refused(bench) {
        let world = World::new(&bench).await;
        let post = |kind: &'static str, body: String| {
            Request::post("/api/Token/Get").header(header::CONTENT_TYPE, kind).body(Body::from(body)).expect("a request")
        };
        let answer = world.send(post("text/xml", "<a/>".into())).await;
        assert_eq!(answer.refused(), (415, 99, 1005));
        let long = format!(r#"{{"username":"{}"}}"#, "x".repeat(1024 * 1024));
        assert_eq!(world.send(post("application/json", long)).await.refused(), (413, 99, 1006));
        let answer = world.send(post("", "{".into())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.faults(), [""]);
    }
}
