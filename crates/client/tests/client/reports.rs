//! Events, texts and questions about codes.

use std::fs;

use lessor_client::{Error, Event, EventKind};
use serde_json::{Value, json};

use crate::bench::{Bench, DAY, problem};
use crate::fake::Reply;

fn counted() -> Reply {
    Reply::Json(200, json!({"results": []}))
}

#[test]
fn events_wait_without_a_connection_and_go_in_one_call() {
    let bench = Bench::new();
    let license = bench.activated();
    license.record(&Event::new(EventKind::AppStarted)).unwrap();
    bench.at(DAY);
    let mut used = Event::of_feature(EventKind::FeatureStopped, "F");
    used.transaction = Some("t1".into());
    used.data = Some(json!({"pages": 3}));
    bench.open().record(&used).unwrap();
    assert_eq!(bench.server.asked().len(), 1, "nothing was sent yet");

    bench.server.will(counted());
    assert_eq!(license.send_events().unwrap(), 2);
    assert_eq!(license.send_events().unwrap(), 0);
    let asked = bench.server.last();
    assert_eq!(asked.line, "POST /device/v1/activations/act_1/events");
    let mut events = asked.body["events"].as_array().unwrap().clone();
    let ids: Vec<Value> = events.iter_mut().map(|event| event["id"].take()).collect();
    assert!(ids.iter().all(|id| id.as_str().unwrap().len() == 32) && ids[0] != ids[1]);
    let first = json!({"id": null, "kind": "app_started", "at": "2027-01-15T08:00:00Z"});
    let second = json!({"id": null, "kind": "feature_stopped", "feature": "F", "transaction": "t1",
                        "at": "2027-01-16T08:00:00Z", "data": {"pages": 3}});
    assert_eq!(events, [first, second]);
}

#[test]
fn events_that_were_not_taken_wait_on_under_the_same_id() {
    let bench = Bench::new();
    let license = bench.activated();
    license.record(&Event::new(EventKind::AppStarted)).unwrap();
    for _ in 0..3 {
        bench.server.will(Reply::HangUp);
    }
    assert!(matches!(license.send_events(), Err(Error::Unreachable(_))));
    bench.server.will(counted());
    assert_eq!(bench.open().send_events().unwrap(), 1);
    let asked = bench.server.asked();
    assert_eq!(asked[1].body, asked[4].body);
}

#[test]
fn one_event_that_the_server_will_not_have_does_not_stop_the_others() {
    let bench = Bench::new();
    let license = bench.activated();
    for feature in ["A", "GONE", "B"] {
        license.record(&Event::of_feature(EventKind::FeatureStarted, feature)).unwrap();
    }
    // All three, the first, the other two, one of them, the last.
    bench.server.will(problem(404, "feature_unknown")).will(counted()).will(problem(404, "feature_unknown"));
    bench.server.will(problem(404, "feature_unknown")).will(counted());
    assert_eq!(license.send_events().unwrap(), 2);
    assert_eq!(license.send_events().unwrap(), 0);
}

#[test]
fn events_are_limited_and_belong_to_an_activation() {
    let bench = Bench::new();
    assert!(matches!(bench.open().record(&Event::new(EventKind::AppStarted)), Err(Error::NotActivated)));
    let license = bench.activated();
    let mut event = Event::new(EventKind::Exception);
    event.data = Some("x".repeat(1 << 20).into());
    for _ in 0..3 {
        license.record(&event).unwrap();
    }
    assert!(matches!(license.record(&event), Err(Error::EventsFull)));
    let file = bench.folder.path().join("events.jsonl");
    let text = fs::read_to_string(&file).unwrap().replace("act_1", "act_0");
    fs::write(&file, text + "half a li").unwrap();
    assert_eq!(license.send_events().unwrap(), 0);
    assert!(!file.exists(), "nobody takes them any more");
}

#[test]
fn events_are_sent_before_a_return() {
    let bench = Bench::new();
    let license = bench.activated();
    license.record(&Event::new(EventKind::SignedOut)).unwrap();
    bench.server.will(counted()).will(Reply::Json(200, json!({})));
    license.return_license().unwrap();
    let lines: Vec<String> = bench.server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines[1..], ["POST /device/v1/activations/act_1/events", "DELETE /device/v1/activations/act_1"]);
}

#[test]
fn a_text_is_written_over_only_as_it_was_read() {
    let bench = Bench::new();
    let license = bench.activated();
    let text = |text: &str| json!({"feature": "NOTES", "text": text, "version": 1}).to_string();
    bench.server.will(Reply::Raw(200, "etag: \"v1\"\r\n", text("old")));
    let read = license.read_text("NOTES").unwrap();
    assert_eq!(read.text, "old");
    assert_eq!(bench.server.last().line, "GET /device/v1/activations/act_1/stores/NOTES");

    bench.server.will(Reply::Raw(200, "etag: \"v2\"\r\n", text("new"))).will(problem(412, "stale"));
    let written = license.write_text("NOTES", "new", read.tag.as_deref()).unwrap();
    let asked = bench.server.last();
    assert_eq!(asked.line, "PUT /device/v1/activations/act_1/stores/NOTES");
    assert_eq!((asked.header("if-match"), asked.body.clone()), (Some("\"v1\""), json!({"text": "new"})));
    assert_eq!(written.tag.as_deref(), Some("\"v2\""));
    let stale = license.write_text("NOTES", "newer", read.tag.as_deref()).unwrap_err();
    assert!(stale.refusal().unwrap().is_stale());

    bench.server.will(Reply::Raw(200, "", text("whatever")));
    license.write_text("NOTES", "whatever", None).unwrap();
    assert_eq!(bench.server.last().header("if-match"), None);
}

#[test]
fn a_code_is_validated_without_an_activation() {
    let bench = Bench::new();
    let license = bench.open();
    bench.server.will(Reply::Json(200, json!({"valid": true, "license": {"code": "PAINT-0001"}})));
    let good = license.validate("PAINT-0001", None).unwrap();
    assert_eq!((good.valid, good.reason, good.license["code"].as_str()), (true, None, Some("PAINT-0001")));
    let asked = bench.server.last();
    assert_eq!(asked.line, "POST /device/v1/validations");
    assert_eq!(asked.body, json!({"product": "prd_1", "code": "PAINT-0001"}));

    bench.server.will(Reply::Json(
        200,
        json!({"valid": false, "reason": "term_over", "license": {}, "feature": {"code": "F"}}),
    ));
    let over = license.validate("PAINT-0001", Some("F")).unwrap();
    assert_eq!((over.valid, over.reason.as_deref()), (false, Some("term_over")));
    assert_eq!(bench.server.last().body["feature"], "F");
}
