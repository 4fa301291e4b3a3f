//! The event stream: calls, what computers and daemons do, what programs tell, what people change, and the owner's own records.

use crate::shapes::assert_same;
use crate::world::{Answer, World, example};
use axum::body::Body;
use http::{Request, header};
use lessor_core::account::{self, CreateAccount, Kind};
use lessor_core::device::{self, AnalyticsKind, NewAnalyticsEvent};
use lessor_core::{Actor, UserId, Who, stream};
use lessor_testkit::{Bench, on_both_engines};
use lessor_zentitle::KeyType;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PRODUCT: &str = "6872450105";
const EVER: &str = "startDate=2000-01-01&endDate=2100-01-01";

impl World {
    async fn draw(&self, query: &str) -> Vec<Value> {
        let address = format!("DataStreamer?{query}");
        let drawn = self.call(KeyType::Stream, "GET", &address, "").await.ok();
        drawn.as_array().expect("a list").clone()
    }

    async fn tell(&self, body: &Value) -> Answer {
        self.call(KeyType::Stream, "POST", "DataStreamer", &body.to_string()).await
    }
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().expect("a name")).collect()
}

on_both_engines! {
    the_documented_event_is_told_byte_for_byte_and_drawn_with_the_calls(bench) {
        let world = World::new(&bench).await;
        world.example_product(PRODUCT).await;
        let told = world.call(KeyType::Stream, "POST", "datastreamer", &example("POST-DataStreamer.request.json")).await;
        assert_eq!(told.ok(), "DataStreamer Event Created Successfully");
        let custom = world.draw(&format!("eventtype=custom&{EVER}")).await;
        let sent: Value = serde_json::from_str(&example("POST-DataStreamer.request.json")).expect("JSON");
        assert_eq!(custom.len(), 1);
        assert_eq!(custom[0]["payload"].to_string(), sent["payload"].to_string());
        assert_eq!((&custom[0]["eventType"], &custom[0]["event"]), (&json!("Custom"), &json!("TestDSEvent")));

        let documented: Value = serde_json::from_str(&example("GET-DataStreamer.answer.json")).expect("JSON");
        // What a payload has is the caller's own.
        let (mut documented, mut drawn) = (documented, json!(world.draw(&format!("eventType=All&{EVER}&productId={PRODUCT}")).await));
        for event in documented.as_array_mut().expect("a list").iter_mut().chain(drawn.as_array_mut().expect("a list")) {
            event["payload"] = json!({});
        }
        assert_same(&drawn, &documented, &[]);
        // The documented query is understood; nothing was recorded in its time.
        let asked = example("GET-DataStreamer.query.txt");
        assert_eq!(world.draw(asked.trim()).await, [] as [Value; 0]);
        assert_eq!(world.draw(&asked.trim().replace("2021", "2026").replace("06-16", "01-01")).await.len(), 0);
    }

    every_call_is_recorded_with_its_outcome_and_never_with_a_secret(bench) {
        let world = World::new(&bench).await;
        world.example_product(PRODUCT).await;
        world.get(&format!("LicenseCode?licenseCode=L-1&PRODUCTID={PRODUCT}")).await.refused();
        world.post("LicenseCode", &json!({"productId": PRODUCT, "licenseCodes": ["L-1"], "unknown": [1]}).to_string()).await.ok();
        world.get("AuthenticateUser?userName=somebody&password=secret-one").await;
        world.put("GroupUserPassword", r#"{"userName":"somebody","PASSWORD":"secret-two"}"#).await;
        world.put("APIKey", r#"{"Key":"secret-three","description":"d"}"#).await.refused();
        world.delete("APIKey?key=secret-four").await.refused();
        world.post("GroupUser", r#"{"groupId":1,"userName":"u","password":"secret-five","additionalData":{"password":"secret-six"}}"#).await;
        let made = world.post("APIKey", r#"{"keyType":"SaaS"}"#).await.made();
        world.post("Product", "{").await.refused();
        world.call(KeyType::ReadOnly, "POST", "Product", "{}").await.refused();

        let drawn = world.draw(&format!("eventType=REST&{EVER}")).await;
        let shown = names(&drawn);
        let expected = [
            "Post-ProductV2Controller", "Post-ProductFeaturesV2Controller", "Get-LicenseCodeV2Controller (Fail)",
            "Post-LicenseCodeV2Controller",
        ];
        assert_eq!(shown[..4], expected);
        assert_eq!(shown[shown.len() - 2..], ["Post-ProductV2Controller (Fail)"; 2]);
        assert_eq!(drawn[2]["payload"], json!({
            "licenseCode": "L-1", "product": PRODUCT,
            "error": "Error: License Code Not Found. Getting License Code Failed",
        }));
        assert_eq!(drawn[3]["payload"], json!({"product": PRODUCT, "licenseCodes": ["L-1"], "unknown": [1]}));
        let text = json!(drawn).to_string();
        assert!(!text.contains("secret-") && !text.contains(&made), "{text}");
        assert!(!text.contains("somebody\",\"password"));
        let signed_in = drawn.iter().find(|event| event["event"].as_str().expect("text").starts_with("Get-AuthenticateUser"));
        assert!(!signed_in.expect("recorded")["payload"].to_string().contains("somebody"));
        assert_eq!(drawn[drawn.len() - 1]["payload"], json!({
            "error": "Error: Access Denied For This Key Type. Creating Product Failed",
        }));
        // The call that draws is itself the next to be drawn.
        let more = world.draw(&format!("eventType=REST&{EVER}")).await;
        assert_eq!(more.len(), drawn.len() + 1);
        assert_eq!(more[drawn.len()]["event"], "Get-DataStreamerV2Controller");
    }

    filters_leave_what_they_name_and_each_other(bench) {
        let world = World::new(&bench).await;
        world.example_product(PRODUCT).await;
        world.example_product("6453300110").await;
        world.tell(&json!({"event": "A% one", "productId": PRODUCT, "payload": {"licenseCode": "C-1"}})).await.ok();
        bench.pass_hours(1);
        world.tell(&json!({"event": "b (Fail)", "payload": {"licenseCode": 2, "productID": 6_453_300_110_i64}})).await.ok();
        bench.pass_hours(1);
        world.tell(&json!({"event": "a_two", "payload": [1]})).await.ok();
        world.tell(&json!({"event": "three", "payload": "text"})).await.ok();
        world.tell(&json!({"event": "four", "payload": null})).await.ok();
        let custom = async |query: &str| {
            let drawn = world.draw(&format!("eventType=Custom&{query}")).await;
            names(&drawn).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let ever = async |query: &str| custom(&format!("{EVER}&{query}")).await;
        assert_eq!(ever("").await, ["A% one", "b (Fail)", "a_two", "three", "four"]);
        assert_eq!(ever("event=a").await, ["A% one", "b (Fail)", "a_two"]);
        assert_eq!(ever("event=A%25").await, ["A% one"]);
        assert_eq!(ever("event=_").await, ["a_two"]);
        assert_eq!(ever("fail=true").await, ["b (Fail)"]);
        assert_eq!(ever("fail=False").await, ["A% one", "a_two", "three", "four"]);
        assert_eq!(ever(&format!("productId={PRODUCT}")).await, ["A% one"]);
        assert_eq!(ever("productId=6453300110").await, ["b (Fail)"]);
        assert_eq!(ever("licenseCode=2").await, ["b (Fail)"]);
        assert_eq!(ever("licenseCode=C-1&fail=true").await, [""; 0]);
        assert_eq!(ever("licenseCode=none").await, [""; 0]);
        assert_eq!(ever("userId=nobody").await, [""; 0]);
        assert_eq!(ever("userId=6bcde716-70d9-4fa4-8bbe-b95a2ca05208").await, [""; 0]);
        let drawn = world.draw(&format!("eventType=All&{EVER}")).await;
        let who = drawn.iter().find(|event| event["event"] == "four").expect("there")["userId"].as_str().expect("text");
        assert_eq!(ever(&format!("userId={who}")).await.len(), 5);
        assert_eq!(ever(&format!("userId={}", who.to_uppercase())).await.len(), 5);
        // Both ends belong to the range; a date is its first instant.
        assert_eq!(custom("startDate=2026-01-01T00:00:00Z&endDate=2026-01-01").await, ["A% one"]);
        assert_eq!(custom("startDate=2026-01-01T00:00:00.001Z&endDate=2026-01-01T01:00:00").await, ["b (Fail)"]);
        assert_eq!(custom("startDate=2026-01-01T02:00:00%2B01:00&endDate=2026-01-01T01:59:59").await, ["b (Fail)"]);
        assert_eq!(custom("startDate=2026-01-02&endDate=2026-01-01").await, [""; 0]);
        let payloads: Vec<_> = drawn.iter().filter(|event| event["eventType"] == "Custom").map(|event| event["payload"].clone()).collect();
        assert_eq!(payloads[2..], [json!({"payload": [1]}), json!({"payload": "text"}), json!({})]);
        // Nothing of this is another tenant's.
        let other = World::other(&bench).await;
        let theirs = other.draw(&format!("eventType=Custom&{EVER}")).await;
        assert_eq!(theirs, [] as [Value; 0]);
        let product = other.call(KeyType::Stream, "GET", &format!("DataStreamer?eventType=All&{EVER}&productId={PRODUCT}"), "").await;
        assert_eq!(product.refused(), (404, "Product Not Found".into()));
        let product = other.tell(&json!({"event": "e", "productId": PRODUCT})).await;
        assert_eq!(product.refused(), (404, "Product Not Found".into()));
    }

    what_computers_programs_and_people_do_is_in_the_stream(bench) {
        let world = World::new(&bench).await;
        let product = world.example_product(PRODUCT).await;
        world.post("LicenseCode", &json!({"productId": PRODUCT, "licenseCodes": ["L-1"]}).to_string()).await.ok();
        world.put("LicenseCode", &json!({"productId": PRODUCT, "licenseCode": "L-1", "clientsAllowed": 2}).to_string()).await.ok();
        let device = world.activate(product, Some("L-1"), "computer-one").await.expect("an activation");
        let told = NewAnalyticsEvent {
            name: "e-1".into(),
            kind: AnalyticsKind::FeatureStarted,
            feature: Some("PDF".into()),
            transaction: None,
            at: bench.app.now().plus_hours(-5),
            data: Some(json!({"pages": 3})),
        };
        let (credential, events) = (device.clone(), vec![told]);
        let taken = world.on_device(move |tx, cx| device::record_events(tx, cx, &credential, &events)).await;
        assert_eq!(taken, [true]);
        let master = world.post("NetworkMasterLicense", &format!(r#"{{"productId":"{PRODUCT}"}}"#)).await.made();
        crate::unattended::enrol(&world, &master, "daemon-one").await.expect("enrolled");
        let user = UserId(bench.app.new_request().0);
        let person = bench.caller(Actor { who: Who::User(user), ..Actor::system() });
        let tenant = world.tenant().await;
        let customer = CreateAccount { id: None, parent: Some(tenant), kind: Kind::Customer, name: "New".into(), contact: json!({}) };
        bench.app.write(&person, move |tx, cx| account::create(tx, cx, &customer).map(|_| ())).await.expect("an account");

        let licensing = world.draw(&format!("eventType=NSL&{EVER}&licenseCode=L-1")).await;
        assert_eq!(names(&licensing), ["license.activated"]);
        assert_eq!(licensing[0]["payload"]["device"], "computer-one");
        let analytics = world.draw(&format!("eventType=NSA&{EVER}&productId={PRODUCT}&licenseCode=L-1")).await;
        assert_eq!(names(&analytics), ["feature_started"]);
        assert_eq!((&analytics[0]["clientCreated"], &analytics[0]["created"]), (&json!("2025-12-31T19:00:00Z"), &json!("2026-01-01T00:00:00Z")));
        assert_eq!((&analytics[0]["payload"]["feature"], &analytics[0]["payload"]["data"]), (&json!("PDF"), &json!({"pages": 3})));
        assert_eq!(analytics[0]["userId"], device.activation.0.hyphenated().to_string());
        let audit = world.draw(&format!("eventType=DAudit&{EVER}")).await;
        assert_eq!(names(&audit)[0], "daemon.enrolled");
        assert_eq!(world.draw(&format!("eventType=DNSA&{EVER}")).await, [] as [Value; 0]);
        let people = world.draw(&format!("eventType=UI&{EVER}&userId={}", user.0.hyphenated())).await;
        assert_eq!(people.len(), 1, "{people:?}");
        let types: BTreeSet<String> = world.draw(&format!("eventType=All&{EVER}")).await.iter()
            .map(|event| event["eventType"].as_str().expect("text").to_owned()).collect();
        assert_eq!(types.into_iter().collect::<Vec<_>>(), ["DAudit", "NSA", "NSL", "REST", "UI"]);
        // Drawn twice it is there once.
        assert_eq!(world.draw(&format!("eventType=NSL&{EVER}&licenseCode=L-1")).await.len(), 1);
    }

    nothing_is_recorded_before_there_is_a_key_to_draw_with_nor_after(bench) {
        let world = World::new(&bench).await;
        let (tenant, ds) = (world.tenant().await, world.key(KeyType::Stream).to_owned());
        world.get("Products").await.ok();
        let gone = world.delete(&format!("APIKey?key={ds}")).await;
        assert_eq!(gone.ok(), "API Key Deleted Successfully");
        let before = count(&bench, tenant).await;
        world.get("Products").await.ok();
        assert_eq!(count(&bench, tenant).await, before);
        let ds = world.post("APIKey", r#"{"keyType":"WebAPI DS"}"#).await.made();
        world.get("Products").await.ok();
        let request = Request::get(format!("/api/v2/DataStreamer?eventType=REST&{EVER}"))
            .header(header::AUTHORIZATION, format!("bearer 1234:{ds}"))
            .body(Body::empty());
        let drawn = world.send(request.expect("a request")).await.ok();
        let drawn = drawn.as_array().expect("a list");
        assert_eq!(names(drawn), ["Get-ProductsV2Controller", "Delete-APIKeyV2Controller", "Get-ProductsV2Controller"]);
    }

    a_long_stream_is_sent_whole_and_in_order(bench) {
        let world = World::new(&bench).await;
        let tenant = world.tenant().await;
        bench.write(move |tx, cx| {
            for number in 0..1_203 {
                let record = stream::NewRecord {
                    tenant, name: format!("n{number}"), failed: false, ip: String::new(), product: None, code: None, data: json!({}),
                };
                stream::add(tx, cx, &record)?;
            }
            Ok(())
        }).await.expect("records");
        let drawn = world.draw(&format!("eventType=Custom&{EVER}")).await;
        let expected: Vec<_> = (0..1_203).map(|number| format!("n{number}")).collect();
        assert_eq!(names(&drawn), expected);
        // A bound in the middle of a millisecond that all share.
        assert_eq!(world.draw("eventType=Custom&startDate=2026-01-01&endDate=2026-01-01").await.len(), 1_203);
    }

    refused_events_change_nothing(bench) {
        let world = World::new(&bench).await;
        let cases = [
            (json!({}), (400, "Missing event")),
            (json!({"event": ""}), (400, "Missing event")),
            (json!({"event": []}), (400, "Invalid event")),
            (json!({"event": "x".repeat(256)}), (400, "Invalid event")),
            (json!({"event": "a\u{7}b"}), (400, "Invalid event")),
            (json!({"event": "e", "productId": {}}), (400, "Invalid productId")),
            (json!({"event": "e", "productId": "1"}), (404, "Product Not Found")),
            (json!({"event": "e", "payload": "x".repeat(70_000)}), (400, "Invalid payload")),
        ];
        for (body, (status, reason)) in cases {
            let answer = world.tell(&body).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{body:.100}");
        }
        assert_eq!(world.draw(&format!("eventType=Custom&{EVER}")).await, [] as [Value; 0]);
        // What is too long to keep of a call is left out, but not the call.
        let calls = world.draw(&format!("eventType=REST&{EVER}&event=Post-DataStreamer&fail=true")).await;
        assert_eq!(calls.len(), 8);
        assert_eq!(calls[7]["payload"], json!({"error": "Error: Invalid payload. Creating DataStreamer Event Failed", "truncated": true}));
    }

    records_of_ninety_days_ago_are_deleted_and_younger_ones_stay(bench) {
        let world = World::new(&bench).await;
        world.tell(&json!({"event": "old"})).await.ok();
        bench.pass_hours(24 * 90);
        world.tell(&json!({"event": "new"})).await.ok();
        let custom = async || names(&world.draw(&format!("eventType=Custom&{EVER}")).await).join(" ");
        let expire = async || {
            let more = bench.app.write(&bench.app.system(), |tx, cx| stream::expire(tx, cx)).await;
            assert!(!more.expect("a job"));
        };
        expire().await;
        assert_eq!(custom().await, "old new");
        bench.pass_hours(1);
        expire().await;
        assert_eq!(custom().await, "new");
    }

    calls_are_written_together_and_soon(bench) {
        let world = World::new(&bench).await;
        let tenant = world.tenant().await;
        let calls = (0..40).map(|_| world.get("Products"));
        for answer in futures_util::future::join_all(calls).await {
            answer.ok();
        }
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            seen.insert(count(&bench, tenant).await);
            if seen.contains(&40) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(seen.contains(&40), "{seen:?}");
        assert!(seen.len() <= 4, "so few times was something written: {seen:?}");
    }
}

/// How many records a tenant has, without asking for what still waits.
async fn count(bench: &Bench, tenant: lessor_core::AccountId) -> usize {
    let found = bench.read(move |tx, cx| stream::list(tx, cx, &stream::StreamFilter::of(tenant), None, 10_000)).await;
    found.expect("records").len()
}
