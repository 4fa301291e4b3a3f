//! Every bit of what comes to a device, flipped in its turn: nothing is taken and nothing changes.

use std::fs;

use lessor_client::{License, Status};
use lessor_lease::{Document, LeaseKind, OfflineAnswer, Signer, to_hex};
use serde_json::json;

use crate::bench::{Bench, answer, product_key, renewed};
use crate::fake::Reply;

fn flipped(document: &Document) -> impl Iterator<Item = (usize, String)> {
    (0..document.as_bytes().len() * 8).map(|bit| {
        let mut bytes = document.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        (bit, to_hex(&bytes))
    })
}

/// The state, but for what a question leaves behind.
fn held(bench: &Bench) -> serde_json::Value {
    let text = fs::read_to_string(bench.folder.path().join("license.json")).unwrap();
    let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
    state["unanswered"].take();
    state
}

#[test]
fn no_bit_of_an_answer_can_be_flipped_on_its_way() {
    let bench = Bench::new();
    let license = bench.open();
    let request = license.offline_request(Some("PAINT-0001"), None, None).unwrap();
    let document = Document::parse(&request).unwrap();
    let name = document.open_request().unwrap().request;
    let lease = bench.lease(&license, |lease| lease.kind = LeaseKind::Offline);
    let answer = OfflineAnswer { v: 1, request: name, request_digest: document.digest(), lease };
    let answer = answer.sign(&product_key()).unwrap();
    let before = held(&bench);
    for (bit, forged) in flipped(&answer) {
        assert!(license.accept_answer(&forged).is_err(), "bit {bit}");
    }
    assert_eq!(license.status().unwrap(), Status::NotActivated);
    assert_eq!(held(&bench), before);
    assert!(license.accept_answer(&answer.to_string()).unwrap().may_run());
}

#[test]
fn no_bit_of_a_lease_can_be_flipped_on_its_way_or_on_the_disk() {
    let bench = Bench::new();
    let license = bench.activated();
    let next = bench.lease(&license, renewed(2, 0)).sign(&product_key()).unwrap();
    let before = held(&bench);
    // Every 61st bit on the way, for each takes calls; every one on the disk.
    for (bit, forged) in flipped(&next).step_by(61) {
        bench.server.will(Reply::Json(200, answer("act_1", &forged)));
        if (8..72).contains(&bit) {
            bench.server.will(Reply::Json(200, json!({"product": "prd_1", "keys": []}))); // An unknown key: it asks.
        }
        assert!(license.renew().is_err(), "bit {bit}");
    }
    assert_eq!(held(&bench), before);

    let file = bench.folder.path().join("license.json");
    let text = fs::read_to_string(&file).unwrap();
    let lease = bench.lease(&license, |_| {}).sign(&product_key()).unwrap();
    assert!(text.contains(&lease.to_string()));
    for (bit, forged) in flipped(&lease) {
        fs::write(&file, text.replace(&lease.to_string(), &forged)).unwrap();
        assert!(license.status().is_err(), "bit {bit}");
    }
    fs::write(&file, text).unwrap();
    assert!(license.status().unwrap().may_run());
}

#[test]
fn no_bit_of_an_endorsement_can_be_flipped_on_its_way() {
    let bench = Bench::new();
    let license = bench.activated();
    let next = Signer::from_seed([3; 32]);
    let endorsement = lessor_lease::Endorsement {
        v: 1,
        issuer: "https://licenses.example".into(),
        tenant: "acc_1".into(),
        product: "prd_1".into(),
        key: next.public_key().to_hex(),
        role: lessor_lease::KeyRole::Product,
        subject: None,
        not_before: 0,
        not_after: None,
        issued_at: 0,
    };
    let endorsement = endorsement.sign(&product_key()).unwrap();
    let lease = bench.lease(&license, renewed(2, 0)).sign(&next).unwrap().to_string();
    let keys =
        |endorsement: &str| Reply::Json(200, json!({"product": "prd_1", "keys": [], "endorsements": [endorsement]}));
    let renew_with = |license: &License, endorsement: &str| {
        bench.server.will(Reply::Json(200, answer("act_1", &lease))).will(keys(endorsement));
        license.renew()
    };
    for (bit, forged) in flipped(&endorsement).step_by(61) {
        assert!(renew_with(&license, &forged).is_err(), "bit {bit}");
    }
    assert_eq!(license.lease().unwrap().unwrap().number, 1);
    renew_with(&license, &endorsement.to_string()).unwrap();
    assert_eq!(license.lease().unwrap().unwrap().number, 2);
}
