//! Activating, renewing and returning when all goes well, and whose keys are believed.

use lessor_client::{Error, License, Status};
use lessor_lease::LeaseKind;
use serde_json::json;

use crate::bench::{Bench, DAY, START, answer, keys, problem, product_key, renewed};
use crate::fake::Reply;

#[test]
fn an_activated_license_works_without_the_server() {
    let mut bench = Bench::new();
    let license = bench.activated();
    bench.server.stop();
    assert_eq!(license.status().unwrap(), Status::Valid { until: Some(START + 10 * DAY) });
    assert_eq!(license.feature("FLOAT").unwrap().unwrap().limit, Some(5));
    assert_eq!(license.feature("NONE").unwrap(), None);
    assert_eq!(license.value("colour").unwrap().as_deref(), Some("blue"));

    let opened_again = bench.open();
    assert!(opened_again.status().unwrap().may_run());
    bench.at(10 * DAY);
    assert_eq!(opened_again.status().unwrap(), Status::Expired { at: START + 10 * DAY });
    assert_eq!(opened_again.feature("FLOAT").unwrap(), None, "a lapsed lease gives no features");
    assert_eq!(opened_again.value("colour").unwrap(), None);
}

#[test]
fn the_server_learns_product_code_device_and_key() {
    let bench = Bench::new();
    let mut config = bench.config();
    config.device_name = "easel".into();
    config.user = "ann".into();
    let license = License::open(config).unwrap();
    bench.server.will(bench.grant(&license, |_| {}));
    license.activate("PAINT-0001").unwrap();

    let asked = bench.server.last();
    assert_eq!(asked.line, "POST /device/v1/activations");
    let key = license.device_key().unwrap().to_hex();
    let expected = json!({"product": "prd_1", "code": "PAINT-0001",
                          "device": {"id": "device-1", "key": key, "name": "easel"}, "user": "ann"});
    assert_eq!(asked.body, expected);
    assert_eq!(asked.header("idempotency-key").unwrap().len(), 32);
    assert_eq!(asked.header("authorization"), None);
}

#[test]
fn a_trial_asks_without_a_code_and_gives_way_to_a_license() {
    let bench = Bench::new();
    let license = bench.open();
    let trial = |lease: &mut lessor_client::Lease| {
        lease.license = None;
        lease.kind = LeaseKind::Trial;
        lease.activation = "act_trial".into();
    };
    bench.server.will(bench.grant(&license, trial)).will(bench.grant(&license, |_| {}));
    license.start_trial().unwrap();
    assert_eq!(bench.server.last().body.get("code"), None);
    assert!(license.status().unwrap().may_run());

    license.activate("PAINT-0001").unwrap();
    assert_eq!(license.lease().unwrap().unwrap().activation, "act_1");
}

#[test]
fn a_held_license_is_not_replaced_by_another_but_may_be_asked_for_again() {
    let bench = Bench::new();
    let license = bench.activated();
    let calls = bench.server.asked().len();
    assert!(matches!(license.activate("PAINT-0002"), Err(Error::AlreadyActivated)));
    assert!(matches!(license.start_trial(), Err(Error::AlreadyActivated)));
    assert_eq!(bench.server.asked().len(), calls, "nobody's place was taken");

    bench.server.will(bench.grant(&license, renewed(2, 0)));
    license.activate("paint 0001").unwrap();
    assert_eq!(license.lease().unwrap().unwrap().number, 2);
}

#[test]
fn asking_again_may_bring_the_same_lease() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.at(DAY);
    bench.server.will(bench.grant(&license, |_| {}));
    license.activate("PAINT-0001").unwrap();
    assert_eq!(license.status().unwrap(), Status::Valid { until: Some(START + 10 * DAY) });
    bench.at(10 * DAY);
    assert!(!license.status().unwrap().may_run(), "the old lease did not turn the time back");
}

#[test]
fn renewing_sends_secret_and_number_and_extends() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.at(6 * DAY);
    bench.server.will(bench.grant(&license, renewed(2, 6 * DAY)));
    assert_eq!(license.renew().unwrap(), Status::Valid { until: Some(START + 16 * DAY) });

    let asked = bench.server.last();
    assert_eq!(asked.line, "POST /device/v1/activations/act_1/renew");
    assert_eq!(asked.header("authorization"), Some("Bearer s3cret"));
    assert_eq!(asked.body, json!({"number": 1}));
}

#[test]
fn a_renewal_without_a_secret_keeps_the_old_one() {
    let bench = Bench::new();
    let license = bench.activated();
    for number in [2, 3] {
        let lease = bench.lease(&license, renewed(number, 0)).sign(&product_key()).unwrap().to_string();
        let mut body = answer("act_1", &lease);
        body.as_object_mut().unwrap().remove("secret");
        bench.server.will(Reply::Json(200, body));
        license.renew().unwrap();
        assert_eq!(bench.server.last().header("authorization"), Some("Bearer s3cret"));
    }
}

#[test]
fn returning_forgets_the_license_also_when_it_was_returned_before() {
    for reply in [Reply::Json(200, json!({"state": "returned"})), problem(409, "activation_returned")] {
        let bench = Bench::new();
        let license = bench.activated();
        bench.server.will(reply);
        license.return_license().unwrap();
        assert_eq!(bench.server.last().line, "DELETE /device/v1/activations/act_1");
        assert_eq!(license.status().unwrap(), Status::NotActivated);
        assert!(matches!(license.renew(), Err(Error::NotActivated)));
    }
}

#[test]
fn a_return_that_does_not_reach_the_server_keeps_the_license() {
    let mut bench = Bench::new();
    let license = bench.activated();
    bench.server.stop();
    assert!(matches!(license.return_license(), Err(Error::Unreachable(_))));
    assert!(license.status().unwrap().may_run());
}

#[test]
fn without_pinned_keys_the_first_keys_are_fetched_and_kept() {
    let mut bench = Bench::new();
    let license = License::open(bench.unpinned()).unwrap();
    bench.server.will(keys(&[&product_key()])).will(bench.grant(&license, |_| {}));
    license.activate("PAINT-0001").unwrap();
    assert_eq!(bench.server.asked()[0].line, "GET /device/v1/products/prd_1/keys");
    bench.server.stop();
    assert!(License::open(bench.unpinned()).unwrap().status().unwrap().may_run());
}

#[test]
fn an_alias_is_resolved_and_stands_escaped_in_the_path() {
    let bench = Bench::new();
    let mut config = bench.config();
    config.product = "old:product:12/3".into();
    let license = License::open(config).unwrap();
    bench.server.will(keys(&[&product_key()])).will(bench.grant(&license, |_| {}));
    license.activate("PAINT-0001").unwrap();
    let asked = bench.server.asked();
    assert_eq!(asked[0].line, "GET /device/v1/products/old:product:12%2F3/keys");
    assert_eq!(asked[1].body["product"], "old:product:12/3");
    assert!(bench.open().status().unwrap().may_run(), "the native id names the same product");
}

#[test]
fn an_end_user_signs_in_instead_of_having_a_code() {
    let bench = Bench::new();
    let license = bench.open();
    bench.server.will(bench.grant(&license, |_| {}));
    assert!(license.sign_in("ann", "correct horse").unwrap().may_run());
    let asked = bench.server.last();
    assert_eq!(asked.body["end_user"], json!({"user_name": "ann", "password": "correct horse"}));
    assert_eq!(asked.body.get("code"), None);
    let file = std::fs::read_to_string(bench.folder.path().join("license.json")).unwrap();
    assert!(!file.contains("correct horse"), "the password is not kept");

    assert!(matches!(license.sign_in("bob", "x"), Err(Error::AlreadyActivated)));
    bench.server.will(bench.grant(&license, renewed(2, 0))).will(bench.grant(&license, renewed(3, 0)));
    license.renew().unwrap();
    license.sign_in("ann", "correct horse").unwrap();
    assert_eq!(license.lease().unwrap().unwrap().number, 3);
}

#[test]
fn a_long_term_check_out_says_for_how_many_days() {
    let bench = Bench::new();
    let license = bench.open();
    bench.server.will(bench.grant(&license, |lease| lease.expires_at = Some(START + 60 * DAY)));
    assert_eq!(license.activate_for_days("PAINT-0001", 60).unwrap(), Status::Valid { until: Some(START + 60 * DAY) });
    assert_eq!(bench.server.last().body["lease_days"], 60);
}

#[test]
fn an_instance_takes_the_devices_place_and_has_no_key() {
    let bench = Bench::new();
    let mut config = bench.config();
    config.device = None;
    config.instance = Some("pod-0001-a".into());
    let license = License::open(config).unwrap();
    bench.server.will(bench.grant(&license, |lease| {
        lease.device = "pod-0001-a".into();
        lease.device_key = None;
    }));
    license.activate("PAINT-0001").unwrap();
    let device = json!({"id": "pod-0001-a", "instance": "pod-0001-a"});
    assert_eq!(bench.server.last().body["device"], device);
    assert!(license.status().unwrap().may_run());
    assert!(matches!(license.offline_request(Some("PAINT-0001"), None, None), Err(Error::BadConfig(_))));
}
