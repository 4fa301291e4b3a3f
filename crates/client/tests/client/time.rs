//! Clocks that are moved, here or at the server.

use lessor_client::{Mode, Status};

use serde_json::{Value, json};

use crate::bench::{Bench, DAY, START, problem, renewed};

#[test]
fn grace_follows_a_lease_that_has_it() {
    let bench = Bench::new();
    let license = bench.open();
    bench.server.will(bench.grant(&license, |lease| {
        lease.mode = Mode::Grace;
        lease.grace_until = Some(START + 12 * DAY);
    }));
    license.activate("PAINT-0001").unwrap();
    bench.at(11 * DAY);
    let status = license.status().unwrap();
    assert_eq!(status, Status::Grace { until: Some(START + 12 * DAY) });
    assert!(status.may_run() && license.feature("FLOAT").unwrap().is_some());
    bench.at(12 * DAY);
    assert_eq!(license.status().unwrap(), Status::Expired { at: START + 12 * DAY });
}

#[test]
fn a_clock_set_back_is_noticed_also_by_the_next_run() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.at(10 * DAY);
    assert!(!license.status().unwrap().may_run());
    bench.at(DAY);
    assert_eq!(license.status().unwrap(), Status::ClockSetBack { by: 9 * DAY });
    assert!(license.feature("FLOAT").unwrap().is_none());
    assert_eq!(bench.open().status().unwrap(), Status::ClockSetBack { by: 9 * DAY });
    bench.at(10 * DAY);
    assert_eq!(license.status().unwrap(), Status::Expired { at: START + 10 * DAY });
}

#[test]
fn a_clock_cannot_be_set_back_before_the_lease_was_issued() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.at(-DAY);
    assert_eq!(license.status().unwrap(), Status::ClockSetBack { by: DAY });
}

#[test]
fn a_small_adjustment_of_the_clock_is_no_offence_and_no_gain() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.at(10 * DAY);
    license.status().unwrap();
    bench.at(10 * DAY - 200);
    assert_eq!(license.status().unwrap(), Status::Expired { at: START + 10 * DAY });
}

#[test]
fn a_renewal_mends_a_clock_that_had_run_ahead() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.at(1_000 * DAY);
    assert!(!license.status().unwrap().may_run());
    bench.at(2 * DAY);
    assert!(matches!(license.status().unwrap(), Status::ClockSetBack { .. }));
    bench.server.will(bench.grant(&license, renewed(2, 2 * DAY)));
    assert_eq!(license.renew().unwrap(), Status::Valid { until: Some(START + 12 * DAY) });
}

#[test]
fn an_advisory_lease_stops_for_nothing() {
    let bench = Bench::new();
    let license = bench.open();
    bench.server.will(bench.grant(&license, |lease| lease.mode = Mode::Advisory));
    license.activate("PAINT-0001").unwrap();
    bench.at(1_000 * DAY);
    assert_eq!(license.status().unwrap(), Status::Grace { until: None });
    bench.at(0);
    assert_eq!(license.status().unwrap(), Status::Grace { until: None });
}

#[test]
fn a_device_that_renews_follows_a_server_whose_clock_was_moved() {
    let bench = Bench::new();
    let license = bench.activated();
    // The server's clock goes 20 days ahead; the device's own clock does not.
    bench.server.will(bench.grant(&license, renewed(2, 20 * DAY)));
    assert_eq!(license.renew().unwrap(), Status::Valid { until: Some(START + 30 * DAY) });
    bench.at(9 * DAY);
    assert!(license.status().unwrap().may_run());
    bench.at(10 * DAY);
    assert_eq!(license.status().unwrap(), Status::Expired { at: START + 30 * DAY }, "the difference runs along");
}

#[test]
fn with_its_own_clock_moved_too_a_renewed_device_runs_and_another_has_lapsed() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.at(20 * DAY);
    assert_eq!(license.status().unwrap(), Status::Expired { at: START + 10 * DAY });
    bench.server.will(bench.grant(&license, renewed(2, 20 * DAY)));
    assert_eq!(license.renew().unwrap(), Status::Valid { until: Some(START + 30 * DAY) });
}

#[test]
fn a_device_whose_clock_is_wrong_has_the_whole_lease() {
    for wrong in [-400 * DAY, 400 * DAY] {
        let bench = Bench::new();
        bench.at(wrong);
        let license = bench.activated();
        bench.at(wrong + 10 * DAY - 1);
        assert!(license.status().unwrap().may_run());
        bench.at(wrong + 10 * DAY);
        assert!(!license.status().unwrap().may_run());
    }
}

#[test]
fn a_clock_set_back_is_reported_with_the_next_renewal_and_only_once() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.at(4 * DAY);
    license.status().unwrap();
    bench.at(DAY);
    assert!(matches!(license.status().unwrap(), Status::ClockSetBack { .. }));
    // By the time of the renewal the clock is right again, and another run of the program makes it.
    bench.at(5 * DAY);
    let next = bench.open();
    bench.server.will(problem(403, "license_held"));
    assert!(next.renew().is_err());
    bench.server.will(bench.grant(&next, renewed(2, 5 * DAY))).will(bench.grant(&next, renewed(3, 5 * DAY)));
    next.renew().unwrap();
    next.renew().unwrap();
    let asked = bench.server.asked();
    let report = json!({"seen": "2027-01-19T08:00:00Z", "now": "2027-01-16T08:00:00Z"});
    let reports: Vec<&Value> = asked.iter().map(|asked| &asked.body["clock_set_back"]).collect();
    assert_eq!(reports, [&Value::Null, &report, &report, &Value::Null]);
}
