//! Servers that are down, busy, confused or hostile.

use std::time::Duration;

use lessor_client::{DocumentError, Error, Lease, Renewal, Status};
use lessor_lease::Signer;
use serde_json::json;

use crate::bench::{Bench, DAY, START, answer, keys, problem, product_key, renewed};
use crate::fake::Reply;

#[test]
fn a_refusal_comes_with_its_code_and_leaves_nothing_behind() {
    let bench = Bench::new();
    let license = bench.open();
    for (status, code) in [(409, "no_seat"), (404, "license_unknown"), (403, "license_held"), (418, "new_in_2031")] {
        bench.server.will(problem(status, code));
        let error = license.activate("PAINT-0001").unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.status, error.code()), (status, code));
        assert!(error.is_about_the_license() && error.to_string().contains("because"));
        assert_eq!(license.status().unwrap(), Status::NotActivated);
    }
    assert_eq!(bench.server.asked().len(), 4, "a no is not asked twice");
}

#[test]
fn a_server_that_is_down_is_unreachable() {
    let mut bench = Bench::new();
    let license = bench.open();
    bench.server.stop();
    let error = license.activate("PAINT-0001").unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)));
    assert!(!error.is_about_the_license() && error.is_passing());
}

#[test]
fn lost_answers_and_busy_servers_are_tried_again_under_one_key() {
    let bench = Bench::new();
    let license = bench.open();
    bench.server.will(Reply::HangUp).will(Reply::Raw(503, "retry-after: 0\r\n", String::new()));
    bench.server.will(bench.grant(&license, |_| {}));
    license.activate("PAINT-0001").unwrap();
    let asked = bench.server.asked();
    assert_eq!(asked.len(), 3);
    let keys: Vec<_> = asked.iter().map(|asked| asked.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys[0], keys[1]);
    assert_eq!(keys[1], keys[2]);
}

#[test]
fn two_calls_have_two_keys() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(bench.grant(&license, renewed(2, 0)));
    license.renew().unwrap();
    let asked = bench.server.asked();
    assert_ne!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
}

#[test]
fn an_answer_that_breaks_off_is_tried_again() {
    let bench = Bench::new();
    let license = bench.open();
    bench.server.will(Reply::CutShort).will(bench.grant(&license, |_| {}));
    assert!(license.activate("PAINT-0001").unwrap().may_run());
}

#[test]
fn attempts_are_counted() {
    let bench = Bench::new();
    let license = bench.open();
    for _ in 0..5 {
        bench.server.will(Reply::Raw(503, "", String::new()));
    }
    assert!(matches!(license.activate("PAINT-0001"), Err(Error::Busy { retry_after: None })));
    assert_eq!(bench.server.asked().len(), 3);
}

#[test]
fn a_server_that_asks_for_a_long_pause_gets_it() {
    let bench = Bench::new();
    let license = bench.open();
    bench.server.will(Reply::Raw(503, "retry-after: 3600\r\n", String::new()));
    let error = license.activate("PAINT-0001").unwrap_err();
    assert!(matches!(error, Error::Busy { retry_after: Some(pause) } if pause == Duration::from_secs(3_600)));
    assert_eq!(bench.server.asked().len(), 1);
}

#[test]
fn answers_that_make_no_sense_are_refused() {
    let bench = Bench::new();
    let license = bench.open();
    let nonsense = [
        Reply::Raw(200, "", "<html>".into()),
        Reply::Raw(200, "", "{}".into()),
        Reply::Raw(200, "", String::new()),
        Reply::Raw(200, "", "x".repeat(2 << 20)),
        Reply::Raw(500, "", "oops".into()),
        Reply::Raw(404, "", "<html>".into()),
        Reply::Raw(302, "location: http://127.0.0.1:1/\r\n", String::new()),
        Reply::Json(201, json!({"activation": 7, "secret": "s", "document": "00"})),
    ];
    let count = nonsense.len();
    for reply in nonsense {
        bench.server.will(reply);
        assert!(matches!(license.activate("PAINT-0001"), Err(Error::BadAnswer(_))));
        assert_eq!(license.status().unwrap(), Status::NotActivated);
    }
    assert_eq!(bench.server.asked().len(), count);
}

#[test]
fn an_activation_without_a_secret_is_refused() {
    let bench = Bench::new();
    let license = bench.open();
    let document = bench.lease(&license, |_| {}).sign(&product_key()).unwrap().to_string();
    bench.server.will(Reply::Json(201, json!({"activation": "act_1", "document": document})));
    assert!(matches!(license.activate("PAINT-0001"), Err(Error::BadAnswer(_))));
}

#[test]
fn leases_that_the_pinned_key_did_not_sign_are_refused() {
    let bench = Bench::new();
    let license = bench.open();
    let lease = bench.lease(&license, |_| {});
    let forged = lease.sign(&Signer::from_seed([9; 32])).unwrap().to_string();
    let mut broken = lease.sign(&product_key()).unwrap().to_string();
    broken.replace_range(60..61, if &broken[60..61] == "0" { "1" } else { "0" });
    for (document, error) in [
        (forged, DocumentError::UnknownKey),
        (broken, DocumentError::BadSignature),
        ("00".into(), DocumentError::WrongLength),
    ] {
        bench.server.will(Reply::Json(201, answer("act_1", &document)));
        if error == DocumentError::UnknownKey {
            bench.server.will(keys(&[&Signer::from_seed([9; 32])])); // It asks who that is; being listed is not enough.
        }
        assert!(matches!(license.activate("PAINT-0001"), Err(Error::Document(found)) if found == error));
        assert_eq!(license.status().unwrap(), Status::NotActivated);
    }
}

#[test]
fn leases_for_others_are_refused() {
    type Change = fn(&mut Lease);
    let changes: [(&str, Change); 4] = [
        ("product", |lease| lease.product = "prd_2".into()),
        ("device", |lease| lease.device = "device-2".into()),
        ("device", |lease| lease.device_key = Some(product_key().public_key().to_hex())),
        ("activation", |lease| lease.activation = "act_2".into()),
    ];
    for (what, change) in changes {
        let bench = Bench::new();
        let license = bench.open();
        let document = bench.lease(&license, change).sign(&product_key()).unwrap().to_string();
        bench.server.will(Reply::Json(201, answer("act_1", &document)));
        assert!(matches!(license.activate("PAINT-0001"), Err(Error::ForeignLease(found)) if found == what));
        assert_eq!(license.status().unwrap(), Status::NotActivated);
    }
}

#[test]
fn an_older_lease_is_refused_and_the_newer_one_stays() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(bench.grant(&license, renewed(7, 0))).will(bench.grant(&license, renewed(6, 300 * DAY)));
    license.renew().unwrap();
    assert!(matches!(license.renew(), Err(Error::OldLease { number: 6, latest: 7 })));
    assert_eq!(license.lease().unwrap().unwrap().number, 7);
    assert_eq!(license.status().unwrap(), Status::Valid { until: Some(START + 10 * DAY) });
}

#[test]
fn the_number_is_remembered_beyond_a_return() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(bench.grant(&license, renewed(7, 0))).will(Reply::Json(200, json!({})));
    license.renew().unwrap();
    license.return_license().unwrap();
    bench.server.will(bench.grant(&license, renewed(6, 0)));
    assert!(matches!(license.activate("PAINT-0001"), Err(Error::OldLease { number: 6, latest: 7 })));
}

#[test]
fn a_renewal_that_fails_leaves_the_lease_working_until_it_ends() {
    let mut bench = Bench::new();
    let license = bench.activated();
    bench.server.will(problem(403, "license_held"));
    assert_eq!(license.renew().unwrap_err().code(), "license_held");
    assert!(license.status().unwrap().may_run());
    bench.server.stop();
    assert!(matches!(license.renew(), Err(Error::Unreachable(_))));
    bench.at(10 * DAY - 1);
    assert!(license.status().unwrap().may_run());
    bench.at(10 * DAY);
    assert!(!license.status().unwrap().may_run());
}

#[test]
fn an_activation_that_was_returned_elsewhere_is_forgotten() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(problem(409, "activation_returned"));
    assert_eq!(license.renew().unwrap_err().code(), "activation_returned");
    assert_eq!(license.status().unwrap(), Status::NotActivated);
}

#[test]
fn a_renewal_whose_answer_was_lost_is_asked_again_as_the_same_one() {
    let bench = Bench::new();
    let license = bench.activated();
    for _ in 0..6 {
        bench.server.will(Reply::HangUp);
    }
    assert!(matches!(license.renew(), Err(Error::Unreachable(_))));
    assert!(matches!(bench.open().renew(), Err(Error::Unreachable(_))));
    bench.server.will(bench.grant(&license, renewed(2, 0))).will(bench.grant(&license, renewed(3, 0)));
    bench.open().renew().unwrap();
    license.renew().unwrap();
    let asked = bench.server.asked();
    let key = |n: usize| asked[n].header("idempotency-key").unwrap().to_owned();
    assert_eq!(asked.len(), 9);
    assert!((2..8).all(|n| key(n) == key(1) && asked[n].body == json!({"number": 1})), "also by the next run");
    assert_ne!(key(8), key(1));
    assert_eq!(asked[8].body, json!({"number": 2}));
}

#[test]
fn a_no_to_a_renewal_is_not_asked_again_under_the_same_key() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(problem(403, "license_held")).will(bench.grant(&license, renewed(2, 0)));
    assert!(license.renew().is_err());
    license.renew().unwrap();
    let asked = bench.server.asked();
    assert_ne!(asked[1].header("idempotency-key"), asked[2].header("idempotency-key"));
}

#[test]
fn a_device_that_is_taken_for_a_copy_learns_that_and_keeps_its_lease() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(problem(409, "device_duplicate"));
    let error = license.renew().unwrap_err();
    assert!(matches!(&error, Error::DuplicateDevice(refusal) if refusal.status == 409));
    assert_eq!((error.code(), error.is_about_the_license(), error.is_passing()), ("device_duplicate", true, false));
    assert!(license.status().unwrap().may_run());
}

#[test]
fn a_heartbeat_changes_nothing_here_and_shows_a_return() {
    let bench = Bench::new();
    let license = bench.activated();
    let beat = json!({"activation": "act_1", "number": 1, "renew_after": null, "expires_at": null});
    bench.server.will(Reply::Json(200, beat)).will(problem(410, "activation_returned"));
    license.heartbeat().unwrap();
    let asked = bench.server.last();
    assert_eq!((asked.line.as_str(), asked.body), ("POST /device/v1/activations/act_1/heartbeat", json!({})));
    assert!(license.status().unwrap().may_run());
    assert_eq!(license.heartbeat().unwrap_err().code(), "activation_returned");
    assert_eq!(license.status().unwrap(), Status::NotActivated);
}

#[test]
fn failed_renewals_wait_longer_each_time_but_not_when_the_program_stands_still() {
    let bench = Bench::new();
    let license = bench.activated();
    let asked = || bench.server.asked().len();
    assert!(matches!(license.renew_if_due().unwrap(), Renewal::NotDue));

    let due = 6 * DAY;
    bench.at(due);
    for _ in 0..100 {
        bench.server.will(Reply::Raw(503, "retry-after: 9999\r\n", String::new()));
    }
    assert!(matches!(license.renew_if_due().unwrap(), Renewal::Postponed(Error::Busy { .. })));
    let after_first = asked();
    bench.at(due + 44);
    assert!(matches!(license.renew_if_due().unwrap(), Renewal::NotDue));
    assert_eq!(asked(), after_first);
    bench.at(due + 76);
    assert!(matches!(license.renew_if_due().unwrap(), Renewal::Postponed(_)));
    bench.at(due + 76 + 89);
    assert!(matches!(license.renew_if_due().unwrap(), Renewal::NotDue));

    bench.at(10 * DAY);
    for _ in 0..2 {
        assert!(matches!(license.renew_if_due().unwrap(), Renewal::Postponed(_)));
    }
}

#[test]
fn a_due_renewal_brings_a_new_lease_and_ends_the_waiting() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.at(6 * DAY);
    bench.server.will(Reply::Raw(503, "retry-after: 9999\r\n", String::new()));
    license.renew_if_due().unwrap();
    bench.at(6 * DAY + 100);
    bench.server.will(bench.grant(&license, renewed(2, 6 * DAY + 100)));
    assert!(matches!(license.renew_if_due().unwrap(), Renewal::Renewed));
    assert!(matches!(license.renew_if_due().unwrap(), Renewal::NotDue));
}
