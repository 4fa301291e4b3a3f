//! What the program counts.

use std::fs;

use lessor_client::{Error, RejectedUsage, SentUsage, Usage};
use serde_json::{Value, json};

use crate::bench::{Bench, DAY, problem};
use crate::fake::Reply;

fn fates(outcomes: &[&str]) -> Reply {
    let fate = |outcome: &&str| match *outcome {
        "rejected" => {
            json!({"id": "x", "outcome": "rejected", "reason": {"code": "meter_unknown", "detail": "No such meter."}})
        }
        other => json!({"id": "x", "outcome": other}),
    };
    Reply::Json(200, json!({"results": outcomes.iter().map(fate).collect::<Vec<_>>()}))
}

fn counted(counted: usize) -> SentUsage {
    SentUsage { counted, rejected: Vec::new() }
}

#[test]
fn what_is_counted_waits_without_a_connection_and_goes_in_one_call() {
    let bench = Bench::new();
    let license = bench.activated();
    license.record_usage(&Usage::new("pages", 3)).unwrap();
    bench.at(DAY);
    let mut usage = Usage::new("users", 1);
    usage.subject = Some("ada".into());
    usage.attributes = json!({"paper": "A4"}).as_object().unwrap().clone();
    bench.open().record_usage(&usage).unwrap();
    assert_eq!(bench.server.asked().len(), 1, "nothing was sent yet");

    bench.server.will(fates(&["counted", "duplicate"]));
    assert_eq!(license.send_usage().unwrap(), counted(2));
    assert_eq!(license.send_usage().unwrap(), counted(0));
    let asked = bench.server.last();
    assert_eq!(asked.line, "POST /device/v1/activations/act_1/usage");
    let mut records = asked.body["records"].as_array().unwrap().clone();
    let ids: Vec<Value> = records.iter_mut().map(|record| record["id"].take()).collect();
    assert!(ids.iter().all(|id| id.as_str().unwrap().len() == 32) && ids[0] != ids[1]);
    let first = json!({"id": null, "meter": "pages", "value": 3, "time": "2027-01-15T08:00:00Z"});
    let second = json!({"id": null, "meter": "users", "value": 1, "time": "2027-01-16T08:00:00Z", "subject": "ada",
                        "attributes": {"paper": "A4"}});
    assert_eq!(records, [first, second]);
}

#[test]
fn what_was_not_answered_for_is_sent_again_as_it_was() {
    let bench = Bench::new();
    let license = bench.activated();
    license.record_usage(&Usage::new("pages", 3)).unwrap();
    for _ in 0..3 {
        bench.server.will(Reply::HangUp);
    }
    assert!(matches!(license.send_usage(), Err(Error::Unreachable(_))));
    // A server that knows nothing of usage, and one that answers nonsense.
    bench.server.will(problem(404, "not_found")).will(fates(&[]));
    assert!(matches!(license.send_usage(), Err(Error::Refused(_))));
    assert!(matches!(license.send_usage(), Err(Error::BadAnswer(_))));
    bench.at(DAY);
    bench.server.will(fates(&["duplicate"]));
    assert_eq!(bench.open().send_usage().unwrap(), counted(1));
    let asked = bench.server.asked();
    assert!(asked[1..].iter().all(|one| one.body == asked[1].body), "under the same id, of the same time");
}

#[test]
fn what_the_server_will_not_count_is_told_and_stops_nothing() {
    let bench = Bench::new();
    let license = bench.activated();
    for meter in ["a", "gone", "b"] {
        license.record_usage(&Usage::new(meter, 1)).unwrap();
    }
    bench.server.will(fates(&["counted", "rejected", "counted"]));
    let gone =
        |code: &str, detail: &str| RejectedUsage { meter: "gone".into(), code: code.into(), detail: detail.into() };
    let sent = license.send_usage().unwrap();
    assert_eq!(sent, SentUsage { counted: 2, rejected: vec![gone("meter_unknown", "No such meter.")] });
    assert_eq!(license.send_usage().unwrap(), counted(0));

    // A batch that is refused as a whole: both, the first, the second.
    license.record_usage(&Usage::new("gone", 1)).unwrap();
    license.record_usage(&Usage::new("b", 1)).unwrap();
    bench.server.will(problem(422, "out_of_range")).will(problem(422, "out_of_range")).will(fates(&["counted"]));
    let sent = license.send_usage().unwrap();
    assert_eq!((sent.counted, sent.rejected[0].code.as_str()), (1, "out_of_range"));
}

#[test]
fn what_waits_is_limited_and_belongs_to_an_activation() {
    let bench = Bench::new();
    assert!(matches!(bench.open().record_usage(&Usage::new("pages", 1)), Err(Error::NotActivated)));
    let license = bench.activated();
    let mut usage = Usage::new("pages", 1);
    usage.attributes.insert("long".into(), "x".repeat(1 << 20).into());
    for _ in 0..3 {
        license.record_usage(&usage).unwrap();
    }
    assert!(matches!(license.record_usage(&usage), Err(Error::UsageFull)));
    let file = bench.folder.path().join("usage.jsonl");
    let text = fs::read_to_string(&file).unwrap().replace("act_1", "act_0");
    fs::write(&file, text + "half a li").unwrap();
    assert_eq!(license.send_usage().unwrap(), counted(0));
    assert!(!file.exists(), "nobody takes it any more");
}

#[test]
fn what_was_counted_goes_before_the_license_does() {
    let bench = Bench::new();
    let license = bench.activated();
    license.record_usage(&Usage::new("pages", 1)).unwrap();
    for _ in 0..3 {
        bench.server.will(Reply::HangUp);
    }
    assert!(matches!(license.return_license(), Err(Error::Unreachable(_))));
    bench.server.will(fates(&["counted"])).will(Reply::Json(200, json!({})));
    license.return_license().unwrap();
    let lines: Vec<String> = bench.server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines[4..], ["POST /device/v1/activations/act_1/usage", "DELETE /device/v1/activations/act_1"]);
}
