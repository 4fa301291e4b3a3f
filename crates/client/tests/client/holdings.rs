//! Calls of an activated device besides its lease.

use lessor_client::Error;
use serde_json::{Value, json};

use crate::bench::{Bench, problem};
use crate::fake::Reply;

fn holding(held: i64) -> Reply {
    Reply::Json(200, json!({"feature": "F", "held": held, "used": 4, "limit": 5}))
}

#[test]
fn every_call_goes_where_the_api_has_it() {
    let bench = Bench::new();
    let license = bench.activated();
    let check = |line: &str, body: Value| {
        let asked = bench.server.last();
        assert_eq!((asked.line.as_str(), asked.body.clone()), (line, body));
        assert_eq!(asked.header("authorization"), Some("Bearer s3cret"));
        assert_eq!(asked.header("idempotency-key").is_some(), line.starts_with("POST"));
    };
    let here = "/device/v1/activations/act_1";

    bench.server.will(holding(1));
    let held = license.check_out_seat("F", 1).unwrap();
    assert_eq!((held.held, held.used, held.limit, held.consumed), (1, Some(4), Some(5), None));
    check(&format!("POST {here}/seats"), json!({"feature": "F", "seats": 1}));

    bench.server.will(holding(0));
    assert_eq!(license.return_seat("A/B").unwrap().held, 0);
    check(&format!("DELETE {here}/seats/A%2FB"), Value::Null);

    bench.server.will(holding(2));
    license.draw_elements("F", -3).unwrap();
    check(&format!("POST {here}/elements"), json!({"feature": "F", "amount": -3}));

    bench.server.will(holding(2));
    license.check_out_tokens("F", 2).unwrap();
    check(&format!("POST {here}/tokens"), json!({"feature": "F", "check_out": 2}));

    let tokens = json!({"feature": "F", "held": 0, "used": null, "limit": null, "consumed": 9});
    bench.server.will(Reply::Json(200, tokens));
    let held = license.return_tokens("F", 2, 1).unwrap();
    assert_eq!((held.used, held.limit, held.consumed), (None, None, Some(9)));
    check(&format!("POST {here}/tokens"), json!({"feature": "F", "return": 2, "consumed": 1}));

    bench.server.will(Reply::Json(200, json!({})));
    license.report_system(&json!({"os": "x"})).unwrap();
    check(&format!("PUT {here}/system"), json!({"os": "x"}));

    bench.server.will(Reply::Raw(204, "", String::new()));
    license.report_consumer(&json!({"name": "Ann"})).unwrap();
    check(&format!("POST {here}/consumer"), json!({"name": "Ann"}));
}

#[test]
fn a_seat_that_is_not_free_is_a_refusal() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(problem(409, "limit_reached"));
    let error = license.check_out_seat("F", 1).unwrap_err();
    assert!(error.refusal().unwrap().is_exhausted());
    assert!(license.status().unwrap().may_run());
}

#[test]
fn nothing_is_called_without_an_activation() {
    let bench = Bench::new();
    let license = bench.open();
    assert!(matches!(license.check_out_seat("F", 1), Err(Error::NotActivated)));
    assert!(matches!(license.return_license(), Err(Error::NotActivated)));
    assert!(matches!(license.renew_if_due(), Err(Error::NotActivated)));
    assert!(bench.server.asked().is_empty());
}
