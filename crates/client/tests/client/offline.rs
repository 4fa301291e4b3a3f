//! The way through files.

use lessor_client::{
    DocumentError, Error, Lease, License, REQUEST_OPEN_SECONDS, Renewal, Status, carry_request, carry_return,
};
use lessor_lease::{Document, LeaseKind, OfflineAnswer, Signer};
use serde_json::json;

use crate::bench::{Bench, DAY, START, keys, product_key};
use crate::fake::Reply;

/// What the server makes of a request.
fn answer_to(request: &str, lease: Lease) -> OfflineAnswer {
    let document = Document::parse(request).unwrap();
    let request = document.open_request().unwrap();
    OfflineAnswer { v: 1, request: request.request, request_digest: document.digest(), lease }
}

fn offline(lease: &mut Lease) {
    lease.kind = LeaseKind::Offline;
    lease.renew_after = None;
}

fn text(answer: &OfflineAnswer) -> String {
    answer.sign(&product_key()).unwrap().to_string()
}

#[test]
fn a_license_comes_and_goes_through_files_without_one_call() {
    let bench = Bench::new();
    let license = bench.open();
    let request = license.offline_request(Some("PAINT-0001"), Some(json!({"os": "x"})), None).unwrap();
    let inside = Document::parse(&request).unwrap().open_request().unwrap();
    assert_eq!(inside.license.as_deref(), Some("PAINT-0001"));
    assert_eq!((inside.product.as_str(), inside.device.as_str(), inside.created), ("prd_1", "device-1", START));
    assert_eq!(inside.device_key, license.device_key().unwrap().to_hex());
    assert_eq!(inside.system, Some(json!({"os": "x"})));

    let answer = text(&answer_to(&request, bench.lease(&license, offline)));
    let status = license.accept_answer(&format!("\n{answer}\n")).unwrap();
    assert_eq!(status, Status::Valid { until: Some(START + 10 * DAY) });
    assert!(bench.open().status().unwrap().may_run());
    assert!(matches!(license.renew(), Err(Error::OfflineActivation)));
    assert!(matches!(license.renew_if_due().unwrap(), Renewal::NotDue));

    bench.at(DAY);
    let proof = license.return_offline().unwrap();
    assert_eq!(license.status().unwrap(), Status::NotActivated);
    let proven = Document::parse(&proof).unwrap().open_return(&license.device_key().unwrap()).unwrap();
    assert_eq!((proven.activation.as_str(), proven.number, proven.created), ("act_1", 1, START + DAY));
    assert_eq!(bench.open().return_offline().unwrap(), proof, "a lost proof can be had again");
    assert!(bench.server.asked().is_empty());
}

#[test]
fn an_answer_is_accepted_once() {
    let bench = Bench::new();
    let license = bench.open();
    let request = license.offline_request(Some("PAINT-0001"), None, None).unwrap();
    let answer = text(&answer_to(&request, bench.lease(&license, offline)));
    license.accept_answer(&answer).unwrap();
    assert!(matches!(license.accept_answer(&answer), Err(Error::NoOpenRequest)));
    license.return_offline().unwrap();
    assert!(matches!(license.accept_answer(&answer), Err(Error::NoOpenRequest)));

    // Nor after the next request: not as it is, and not as the answer to that one.
    let next = license.offline_request(Some("PAINT-0001"), None, None).unwrap();
    assert!(matches!(license.accept_answer(&answer), Err(Error::OtherRequest)));
    let replayed = text(&answer_to(&next, bench.lease(&license, offline)));
    assert!(matches!(license.accept_answer(&replayed), Err(Error::OldLease { number: 1, latest: 1 })));
}

#[test]
fn only_the_answer_to_the_open_request_is_accepted() {
    let bench = Bench::new();
    let license = bench.open();
    let first = license.offline_request(Some("PAINT-0001"), None, None).unwrap();
    let second = license.offline_request(Some("PAINT-0001"), None, None).unwrap();
    let lease = bench.lease(&license, offline);
    let to_first = answer_to(&first, lease.clone());
    assert!(matches!(license.accept_answer(&text(&to_first)), Err(Error::OtherRequest)));

    // The right name with the wrong digest, and the other way round.
    let to_second = answer_to(&second, lease);
    let mixed = OfflineAnswer { request: to_second.request.clone(), ..to_first.clone() };
    assert!(matches!(license.accept_answer(&text(&mixed)), Err(Error::OtherRequest)));
    let mixed = OfflineAnswer { request_digest: to_second.request_digest.clone(), ..to_first };
    assert!(matches!(license.accept_answer(&text(&mixed)), Err(Error::OtherRequest)));
    assert_eq!(license.status().unwrap(), Status::NotActivated);
    license.accept_answer(&text(&to_second)).unwrap();
}

#[test]
fn an_answer_may_take_fourteen_days_and_no_longer() {
    for (after, accepted) in [(REQUEST_OPEN_SECONDS, true), (REQUEST_OPEN_SECONDS + 1, false)] {
        let bench = Bench::new();
        let license = bench.open();
        let request = license.offline_request(Some("PAINT-0001"), None, None).unwrap();
        let answer = text(&answer_to(&request, bench.lease(&license, offline)));
        bench.at(after);
        match license.accept_answer(&answer) {
            Ok(status) => assert!(accepted && status == Status::Expired { at: START + 10 * DAY }),
            Err(error) => assert!(!accepted && matches!(error, Error::RequestTooOld), "{error}"),
        }
    }
}

#[test]
fn an_answer_from_a_server_ahead_counts_at_once() {
    let bench = Bench::new();
    let license = bench.open();
    let request = license.offline_request(Some("PAINT-0001"), None, None).unwrap();
    let lease = bench.lease(&license, |lease| {
        offline(lease);
        lease.issued_at += 20 * DAY;
        lease.not_before += 20 * DAY;
        lease.expires_at = Some(START + 30 * DAY);
    });
    let status = license.accept_answer(&text(&answer_to(&request, lease))).unwrap();
    assert_eq!(status, Status::Valid { until: Some(START + 30 * DAY) });
    bench.at(10 * DAY);
    assert!(!license.status().unwrap().may_run());
}

#[test]
fn answers_for_others_or_from_others_are_refused() {
    let bench = Bench::new();
    let license = bench.open();
    let request = license.offline_request(Some("PAINT-0001"), None, None).unwrap();
    let changes: [fn(&mut Lease); 4] = [
        |lease| lease.device_key = None,
        |lease| lease.device_key = Some(product_key().public_key().to_hex()),
        |lease| lease.device = "device-2".into(),
        |lease| lease.product = "prd_2".into(),
    ];
    for change in changes {
        let answer = answer_to(&request, bench.lease(&license, change));
        assert!(matches!(license.accept_answer(&text(&answer)), Err(Error::ForeignLease(_))));
    }
    let answer = answer_to(&request, bench.lease(&license, offline));
    let forged = answer.sign(&Signer::from_seed([9; 32])).unwrap().to_string();
    assert!(matches!(license.accept_answer(&forged), Err(Error::Document(DocumentError::UnknownKey))));
    let lease = answer.lease.sign(&product_key()).unwrap().to_string();
    assert!(matches!(license.accept_answer(&lease), Err(Error::Document(DocumentError::WrongKind { .. }))));
    assert!(matches!(license.accept_answer("not a document"), Err(Error::Document(DocumentError::NotHex))));
    assert_eq!(license.status().unwrap(), Status::NotActivated);
    license.accept_answer(&text(&answer)).unwrap();
}

#[test]
fn without_any_key_an_answer_needs_the_keys_first() {
    let bench = Bench::new();
    let license = License::open(bench.unpinned()).unwrap();
    let request = license.offline_request(None, None, None).unwrap();
    assert_eq!(Document::parse(&request).unwrap().open_request().unwrap().license, None);
    let lease = bench.lease(&license, |lease| lease.license = None);
    let answer = text(&answer_to(&request, lease));
    bench.server.will(Reply::Raw(500, "", String::new())).will(keys(&[&product_key()]));
    assert!(matches!(license.accept_answer(&answer), Err(Error::NoKeys)));
    assert!(license.accept_answer(&answer).unwrap().may_run());
}

#[test]
fn an_online_license_can_be_returned_by_proof() {
    let mut bench = Bench::new();
    let license = bench.activated();
    bench.server.stop();
    license.return_offline().unwrap();
    assert_eq!(license.status().unwrap(), Status::NotActivated);
    assert!(matches!(bench.open().renew(), Err(Error::NotActivated)));
}

#[test]
fn a_new_activation_ends_the_old_proof() {
    let bench = Bench::new();
    let license = bench.activated();
    license.return_offline().unwrap();
    bench.server.will(bench.grant(&license, |lease| lease.activation = "act_2".into()));
    bench.server.will(Reply::Json(200, json!({})));
    license.activate("PAINT-0001").unwrap();
    license.return_license().unwrap();
    assert!(matches!(license.return_offline(), Err(Error::NotActivated)));
}

#[test]
fn a_connected_computer_carries_for_the_others() {
    let bench = Bench::new();
    bench.server.will(Reply::Json(200, json!({"answer": "aa"}))).will(Reply::Json(200, json!({})));
    assert_eq!(carry_request(&bench.server.url(), "0011\n").unwrap(), "aa");
    carry_return(&bench.server.url(), "0022").unwrap();
    let asked = bench.server.asked();
    assert_eq!(asked[0].line, "POST /device/v1/offline/activations");
    assert_eq!(asked[0].body, json!({"request": "0011"}));
    assert_eq!(asked[1].line, "POST /device/v1/offline/returns");
    assert_eq!(asked[1].body, json!({"proof": "0022"}));
}
