//! Whose signature a device believes: keys that change, and daemons.

use lessor_client::{DocumentError, Error, License, Status};
use lessor_lease::{Document, Endorsement, KeyRole, Lease, OfflineAnswer, Signer};
use serde_json::{Value, json};

use crate::bench::{Bench, DAY, START, answer, keys, product_key, renewed};
use crate::fake::Reply;

fn next_key() -> Signer {
    Signer::from_seed([3; 32])
}

fn daemon_key() -> Signer {
    Signer::from_seed([5; 32])
}

/// One product key's word for the next, from the start on.
fn rotation(to: &Signer) -> Endorsement {
    Endorsement {
        v: 1,
        issuer: "https://licenses.example".into(),
        tenant: "acc_1".into(),
        product: "prd_1".into(),
        key: to.public_key().to_hex(),
        role: KeyRole::Product,
        subject: None,
        not_before: START,
        not_after: None,
        issued_at: START,
    }
}

/// The word for a daemon, good for so many days from the start.
fn daemon(days: i64) -> Endorsement {
    let subject = Some("act_9".into());
    Endorsement { role: KeyRole::Daemon, subject, not_after: Some(START + days * DAY), ..rotation(&daemon_key()) }
}

/// The answer with keys and what vouches for them.
fn vouched(signers: &[&Signer], endorsements: &[Document]) -> Reply {
    let Reply::Json(status, mut body) = keys(signers) else { unreachable!("keys are JSON") };
    body["endorsements"] = endorsements.iter().map(Document::to_string).collect();
    Reply::Json(status, body)
}

fn signed(bench: &Bench, license: &License, signer: &Signer, change: impl FnOnce(&mut Lease)) -> Reply {
    let document = bench.lease(license, change).sign(signer).unwrap().to_string();
    Reply::Json(200, answer("act_1", &document))
}

#[test]
fn a_key_that_the_pinned_one_vouches_for_is_adopted_and_kept() {
    let mut bench = Bench::new();
    let license = bench.activated();
    let endorsed = rotation(&next_key()).sign(&product_key()).unwrap();
    bench.server.will(signed(&bench, &license, &next_key(), renewed(2, 0)));
    bench.server.will(vouched(&[&product_key(), &next_key()], &[endorsed]));
    license.renew().unwrap();
    assert_eq!(bench.server.last().line, "GET /device/v1/products/prd_1/keys");

    bench.server.will(signed(&bench, &license, &next_key(), renewed(3, 0)));
    license.renew().unwrap();
    assert!(bench.server.last().line.ends_with("/renew"), "it is known from now on");
    bench.server.stop();
    assert!(bench.open().status().unwrap().may_run(), "also to the next run, without a connection");
}

#[test]
fn a_key_that_nobody_vouches_for_is_never_adopted_pinned_or_not() {
    let stranger = Signer::from_seed([9; 32]);
    let vouched_by_itself = rotation(&stranger).sign(&stranger).unwrap();
    let elsewhere = Endorsement { product: "prd_2".into(), ..rotation(&stranger) }.sign(&product_key()).unwrap();
    for pinned in [true, false] {
        let bench = Bench::new();
        let license = License::open(if pinned { bench.config() } else { bench.unpinned() }).unwrap();
        if !pinned {
            bench.server.will(keys(&[&product_key()]));
        }
        bench.server.will(bench.grant(&license, |_| {}));
        license.activate("PAINT-0001").unwrap();
        bench.server.will(signed(&bench, &license, &stranger, renewed(2, 0)));
        bench.server.will(vouched(&[&stranger], &[vouched_by_itself.clone(), elsewhere.clone()]));
        assert!(matches!(license.renew(), Err(Error::Document(DocumentError::UnknownKey))));
        assert_eq!(license.lease().unwrap().unwrap().number, 1);
        assert!(license.status().unwrap().may_run());
    }
}

#[test]
fn a_device_that_was_away_for_several_rotations_catches_up() {
    let bench = Bench::new();
    let license = bench.activated();
    let row: Vec<Signer> = (0..5).map(|n| Signer::from_seed([20 + n; 32])).collect();
    let mut by = product_key();
    let mut chain = Vec::new();
    for key in row {
        chain.push(rotation(&key).sign(&by).unwrap());
        by = key;
    }
    bench.server.will(signed(&bench, &license, &by, renewed(2, 0)));
    bench.server.will(vouched(&[&by], &chain));
    license.renew().unwrap();
    assert_eq!(license.lease().unwrap().unwrap().number, 2);
}

#[test]
fn a_device_whose_clock_is_far_behind_follows_a_rotation_too() {
    let bench = Bench::new();
    bench.at(-400 * DAY);
    let license = bench.open();
    bench.server.will(signed(&bench, &license, &next_key(), |_| {}));
    bench.server.will(vouched(&[&next_key()], &[rotation(&next_key()).sign(&product_key()).unwrap()]));
    assert!(license.activate("PAINT-0001").unwrap().may_run());
}

#[test]
fn an_offline_answer_under_a_new_key_is_taken_once_the_key_is_vouched_for() {
    let mut bench = Bench::new();
    let license = bench.open();
    let request = license.offline_request(Some("PAINT-0001"), None, None).unwrap();
    let document = Document::parse(&request).unwrap();
    let name = document.open_request().unwrap().request;
    let lease = bench.lease(&license, |_| {});
    let answer = OfflineAnswer { v: 1, request: name, request_digest: document.digest(), lease };
    let by_daemon = answer.sign(&daemon_key()).unwrap().to_string();
    let by_next = answer.sign(&next_key()).unwrap().to_string();

    bench.server.will(vouched(&[], &[daemon(30).sign(&product_key()).unwrap()]));
    let refused = license.accept_answer(&by_daemon);
    assert!(matches!(refused, Err(Error::Document(DocumentError::UnknownKey))), "daemons answer no requests");
    bench.server.will(vouched(&[], &[rotation(&next_key()).sign(&product_key()).unwrap()]));
    assert!(license.accept_answer(&by_next).unwrap().may_run());
    bench.server.stop();
    assert!(bench.open().status().unwrap().may_run());
}

#[test]
fn what_a_daemon_signs_counts_as_long_as_the_daemon_is_vouched_for() {
    let bench = Bench::new();
    let license = bench.open();
    let endorsed = |days| daemon(days).sign(&product_key()).unwrap();
    bench.server.will(signed(&bench, &license, &daemon_key(), |_| {}));
    // Once because the key is unknown; the lease is to last longer than the daemon is vouched for, and that is how it is.
    bench.server.will(vouched(&[&product_key()], &[endorsed(7)]));
    assert_eq!(license.activate("PAINT-0001").unwrap(), Status::Valid { until: Some(START + 7 * DAY) });

    bench.at(2 * DAY);
    bench.server.will(signed(&bench, &license, &daemon_key(), renewed(2, 2 * DAY)));
    bench.server.will(vouched(&[&product_key()], &[endorsed(20)]));
    assert_eq!(license.renew().unwrap(), Status::Valid { until: Some(START + 12 * DAY) }, "it was vouched for anew");

    bench.at(3 * DAY);
    let endless = |lease: &mut Lease| {
        renewed(3, 3 * DAY)(lease);
        lease.expires_at = None;
    };
    bench.server.will(signed(&bench, &license, &daemon_key(), endless)).will(vouched(&[], &[]));
    assert_eq!(license.renew().unwrap(), Status::Valid { until: Some(START + 20 * DAY) });
    bench.at(20 * DAY - 1);
    assert!(bench.open().status().unwrap().may_run());
    bench.at(20 * DAY);
    assert_eq!(bench.open().status().unwrap(), Status::Expired { at: START + 20 * DAY });
}

#[test]
fn a_daemon_signs_for_its_own_product_and_tenant_only() {
    type Change = fn(&mut Lease);
    let changes: [(&str, Change); 2] =
        [("product", |lease| lease.product = "prd_2".into()), ("tenant", |lease| lease.tenant = "acc_2".into())];
    for (what, change) in changes {
        let bench = Bench::new();
        let license = bench.open();
        bench.server.will(signed(&bench, &license, &daemon_key(), change));
        bench.server.will(vouched(&[], &[daemon(30).sign(&product_key()).unwrap()]));
        assert!(matches!(license.activate("PAINT-0001"), Err(Error::ForeignLease(found)) if found == what));
    }
}

#[test]
fn a_daemon_cannot_turn_the_time_back() {
    let bench = Bench::new();
    let license = bench.open();
    let endorsed = daemon(30).sign(&product_key()).unwrap();
    bench.server.will(signed(&bench, &license, &daemon_key(), |_| {})).will(vouched(&[], &[endorsed]));
    license.activate("PAINT-0001").unwrap();
    bench.at(9 * DAY);
    license.status().unwrap();
    bench.at(DAY);
    bench.server.will(signed(&bench, &license, &daemon_key(), renewed(2, DAY)));
    assert!(matches!(license.renew().unwrap(), Status::ClockSetBack { .. }));
}

#[test]
fn a_device_that_first_meets_a_daemon_trusts_the_product_through_it_and_not_the_daemon_alone() {
    let bench = Bench::new();
    let license = License::open(bench.unpinned()).unwrap();
    let endorsed = daemon(7).sign(&product_key()).unwrap();
    bench.server.will(vouched(&[&product_key(), &daemon_key()], &[endorsed]));
    bench.server.will(signed(&bench, &license, &daemon_key(), |_| {}));
    bench.server.will(vouched(&[&product_key(), &daemon_key()], &[]));
    assert_eq!(license.activate("PAINT-0001").unwrap(), Status::Valid { until: Some(START + 7 * DAY) });
    let text = std::fs::read_to_string(bench.folder.path().join("license.json")).unwrap();
    let state: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(state["keys"], json!([product_key().public_key().to_hex()]));
}
