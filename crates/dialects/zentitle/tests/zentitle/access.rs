//! Credentials, key types, addresses and forms, for all calls of the table.

use crate::world::World;
use axum::body::Body;
use http::{Request, StatusCode, header};
use lessor_testkit::on_both_engines;
use lessor_zentitle::KeyType;
use lessor_zentitle::table::{CALLS, Call};

fn request(call: &Call, authorization: Option<&str>) -> Request<Body> {
    let request = Request::builder().method(call.verb.word()).uri(format!("/api/v2/{}", call.controller));
    let request = match authorization {
        Some(value) => request.header(header::AUTHORIZATION, value),
        None => request,
    };
    request.body(Body::empty()).expect("a request")
}

on_both_engines! {
    every_call_asks_for_credentials_before_anything_else(bench) {
        let world = World::new(&bench).await;
        let good = world.key(KeyType::ReadWrite).to_owned();
        let bad = ["", "bearer", "bearer 1234:abcd12wV4D1Hxjf", &format!("bearer 5678:{good}"), &format!("basic 1234:{good}")];
        for call in &CALLS {
            for value in bad {
                let answer = world.send(request(call, Some(value).filter(|value| !value.is_empty()))).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {value}", call.action);
                assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "bearer");
                assert_eq!(answer.json(), format!("Error: Not Authorized. {} Failed", call.action));
            }
        }
    }

    each_mandatory_input_is_missed_by_its_documented_name(bench) {
        let world = World::new(&bench).await;
        for call in &CALLS {
            let Some(first) = call.inputs.iter().find(|input| input.required) else { continue };
            let kind = KeyType::ALL.into_iter().find(|kind| kind.opens(call.keys)).expect("a key");
            for body in ["", "{}", r#"{"other": 1}"#] {
                let answer = world.call(kind, call.verb.word(), call.controller, body).await;
                assert_eq!(answer.refused(), (400, format!("Missing {}", first.name)), "{}", call.action);
            }
        }
    }

    addresses_and_media_types_are_told_apart(bench) {
        let world = World::new(&bench).await;
        assert_eq!(world.get("products/").await.status, StatusCode::OK);
        assert_eq!(world.get("PRODUCTS").await.status, StatusCode::OK);
        assert_eq!(world.get("Product/1").await.refused(), (404, "Controller Not Found".into()));
        assert_eq!(world.get("").await.refused(), (404, "Controller Not Found".into()));
        let wrong = world.delete("Products").await;
        assert_eq!(wrong.headers[header::ALLOW], "GET");
        assert_eq!(wrong.refused(), (405, "Method Not Allowed".into()));
        let post = |kind: &'static str, body: String| {
            let authorization = format!("Bearer  1234:{}", world.key(KeyType::ReadWrite));
            Request::post("/api/v2/product")
                .header(header::AUTHORIZATION, authorization)
                .header(header::CONTENT_TYPE, kind)
                .body(Body::from(body))
                .expect("a request")
        };
        let answer = world.send(post("text/xml", String::new())).await;
        assert_eq!(answer.refused(), (415, "Unsupported Media Type".into()));
        let long = format!(r#"{{"productName":"{}"}}"#, "x".repeat(1024 * 1024));
        let answer = world.send(post("application/json", long)).await;
        assert_eq!(answer.refused(), (413, "Request Too Large".into()));
        let answer = world.send(post("", "{".into())).await;
        assert_eq!(answer.refused(), (400, "Incorrect Data".into()));
    }

    keys_are_made_changed_and_deleted_but_never_the_last_or_ones_own(bench) {
        let world = World::new(&bench).await;
        let body = crate::world::example("POST-APIKey.request.json");
        let key = world.post("APIKey", &body).await.made();
        assert_eq!(key.len(), 32);
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let with = |key: &str, verb: &str, address: &str| {
            let authorization = format!("bearer 1234:{key}");
            let request = Request::builder().method(verb).uri(format!("/api/v2/{address}"));
            request.header(header::AUTHORIZATION, authorization).body(Body::from("{}")).expect("a request")
        };
        assert_eq!(world.send(with(&key, "GET", "Products")).await.status, StatusCode::OK);
        assert_eq!(world.send(with(&key, "POST", "Product")).await.status, StatusCode::FORBIDDEN);

        let promote = format!(r#"{{"KEY":"{key}","keytype":"webapi read-write","description":"now more"}}"#);
        assert_eq!(world.put("APIKey", &promote).await.ok(), "API Key Updated Successfully");
        assert_eq!(world.send(with(&key, "POST", "Product")).await.refused(), (400, "Missing productName".into()));

        let own = world.key(KeyType::ReadWrite);
        assert_eq!(world.delete(&format!("APIKey?key={own}")).await.refused(), (409, "API Key In Use".into()));
        let demote = format!(r#"{{"key":"{own}","keyType":"SaaS"}}"#);
        assert_eq!(world.put("APIKey", &demote).await.refused(), (409, "API Key In Use".into()));
        assert_eq!(world.delete(&format!("apikey?KEY={key}")).await.ok(), "API Key Deleted Successfully");
        assert_eq!(world.send(with(&key, "GET", "Products")).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(world.delete(&format!("APIKey?key={key}")).await.refused(), (404, "API Key Not Found".into()));
        let unknown = r#"{"key":"lKfFOhfKK2FLXcVJ"}"#;
        assert_eq!(world.put("APIKey", unknown).await.refused(), (404, "API Key Not Found".into()));

        let other = World::other(&bench).await;
        let foreign = other.key(KeyType::ReadOnly);
        assert_eq!(world.delete(&format!("APIKey?key={foreign}")).await.refused(), (404, "API Key Not Found".into()));
    }

    a_read_write_key_makes_keys_of_all_types(bench) {
        let world = World::new(&bench).await;
        for kind in KeyType::ALL {
            let body = format!(r#"{{"keyType":"{}"}}"#, kind.word().to_lowercase());
            assert_eq!(world.post("APIKey", &body).await.made().len(), 32, "{kind:?}");
        }
        let unknown = world.post("APIKey", r#"{"keyType":"WebAPI ALL"}"#).await;
        assert_eq!(unknown.refused(), (400, "Invalid keyType".into()));
    }
}
