//! When a lease counts.

use crate::fixtures::lease;
use lessor_lease::{Mode, Standing};

#[test]
fn a_lease_counts_from_its_beginning_to_the_second_before_its_end() {
    let lease = lease();
    assert_eq!(lease.standing(999), Standing::NotYet { from: 1_000 });
    assert_eq!(lease.standing(1_000), Standing::Valid { until: Some(2_000) });
    assert_eq!(lease.standing(1_999), Standing::Valid { until: Some(2_000) });
    assert_ne!(lease.standing(2_000), Standing::Valid { until: Some(2_000) });
}

#[test]
fn grace_follows_the_end_and_ends_itself() {
    let mut lease = lease();
    assert_eq!(lease.standing(2_000), Standing::Grace { until: Some(3_000) });
    assert_eq!(lease.standing(3_000), Standing::Expired { at: 3_000 });
    lease.grace_until = None;
    assert_eq!(lease.standing(2_000), Standing::Expired { at: 2_000 });
}

#[test]
fn an_enforced_lease_has_no_grace_and_an_advisory_one_has_no_end() {
    let mut lease = lease();
    lease.mode = Mode::Enforce;
    assert_eq!(lease.standing(2_000), Standing::Expired { at: 2_000 });
    lease.mode = Mode::Advisory;
    assert_eq!(lease.standing(i64::MAX), Standing::Grace { until: None });
}

#[test]
fn a_lease_without_an_end_counts_for_ever() {
    let mut lease = lease();
    lease.mode = Mode::Enforce;
    lease.expires_at = None;
    assert_eq!(lease.standing(i64::MAX), Standing::Valid { until: None });
}
