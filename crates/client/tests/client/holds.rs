//! Seats and tokens that give themselves back, and are found again after a crash.

use std::fs;

use lessor_client::{Error, License};
use serde_json::{Value, json};

use crate::bench::{Bench, problem};
use crate::fake::Reply;

fn holding(held: i64) -> Reply {
    Reply::Json(200, json!({"feature": "F", "held": held, "used": held, "limit": 5}))
}

/// The calls since the first, which activated.
fn calls(bench: &Bench) -> Vec<(String, Value)> {
    let asked = bench.server.asked().into_iter().skip(1);
    asked.map(|asked| (asked.line.replace("/device/v1/activations/act_1", ""), asked.body)).collect()
}

fn seats(count: u32) -> (String, Value) {
    ("POST /seats".into(), json!({"feature": "F", "seats": count}))
}

fn none() -> (String, Value) {
    ("DELETE /seats/F".into(), Value::Null)
}

fn files(bench: &Bench) -> usize {
    fs::read_dir(bench.folder.path().join("holds")).unwrap().count()
}

/// As a crash leaves it: the record is there and nobody has its lock.
fn crash<T>(bench: &Bench, held: T) {
    let holds = bench.folder.path().join("holds");
    let safe = bench.folder.path().join("safe");
    fs::create_dir(&safe).unwrap();
    let names: Vec<_> = fs::read_dir(&holds).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for name in &names {
        fs::copy(holds.join(name), safe.join(name)).unwrap();
    }
    bench.server.will(holding(0));
    drop(held);
    for name in &names {
        fs::copy(safe.join(name), holds.join(name)).unwrap();
    }
}

#[test]
fn seats_go_back_when_the_value_goes() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(holding(2)).will(holding(0));
    {
        let held = license.hold_seats("F", 2).unwrap();
        assert_eq!((held.feature(), held.count()), ("F", 2));
    }
    assert_eq!(calls(&bench), [seats(2), none()]);
    assert_eq!(files(&bench), 0);
}

#[test]
fn copies_of_the_program_add_up() {
    let bench = Bench::new();
    let (one, two) = (bench.activated(), bench.open());
    for held in [1, 4, 3, 0] {
        bench.server.will(holding(held));
    }
    let first = one.hold_seats("F", 1).unwrap();
    let second = two.hold_seats("F", 3).unwrap();
    assert_eq!(first.return_now().unwrap().held, 3);
    drop(second);
    assert_eq!(calls(&bench), [seats(1), seats(4), seats(3), none()]);
}

#[test]
fn a_refused_check_out_leaves_nothing_behind() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(problem(409, "no_seat")).will(problem(409, "limit_reached"));
    assert!(license.hold_seats("F", 1).unwrap_err().refusal().unwrap().is_exhausted());
    assert!(license.hold_tokens("F", 1).unwrap_err().refusal().unwrap().is_exhausted());
    assert_eq!(files(&bench), 0);
    assert!(license.return_left_over().unwrap().is_empty());
    assert_eq!(calls(&bench).len(), 2);
    assert!(matches!(Bench::new().open().hold_seats("F", 1), Err(Error::NotActivated)));
}

#[test]
fn what_a_crashed_copy_held_is_found_and_given_back() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(holding(2)).will(holding(3));
    let crashed = license.hold_seats("F", 2).unwrap();
    crash(&bench, crashed);
    let living = license.hold_seats("F", 1).unwrap();
    let before = calls(&bench).len();

    bench.server.will(holding(1));
    assert_eq!(bench.open().return_left_over().unwrap().len(), 1);
    assert_eq!(calls(&bench)[before..], [seats(1)], "what the living hold stays theirs");
    assert!(bench.open().return_left_over().unwrap().is_empty());
    bench.server.will(holding(0));
    drop(living);
    assert_eq!(files(&bench), 0);
}

#[test]
fn a_return_that_does_not_reach_the_server_is_made_up_for_by_the_next_renewal() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(holding(2));
    let held = license.hold_seats("F", 2).unwrap();
    for _ in 0..3 {
        bench.server.will(Reply::HangUp);
    }
    assert!(matches!(held.return_now(), Err(Error::Unreachable(_))));
    bench.at(6 * crate::bench::DAY);
    bench.server.will(bench.grant(&license, crate::bench::renewed(2, 6 * crate::bench::DAY))).will(holding(0));
    license.renew_if_due().unwrap();
    assert_eq!(calls(&bench).last().unwrap(), &none());
    assert_eq!(files(&bench), 0);
}

#[test]
fn tokens_go_back_but_for_those_that_were_spent() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(holding(5)).will(holding(0));
    let mut held = license.hold_tokens("F", 5).unwrap();
    held.spend(2).unwrap();
    assert_eq!(held.left(), 3);
    assert!(matches!(held.spend(4), Err(Error::TooFewTokens { left: 3 })));
    held.return_now().unwrap();
    let give = json!({"feature": "F", "return": 3, "consumed": 2});
    let take = json!({"feature": "F", "check_out": 5});
    assert_eq!(calls(&bench), [("POST /tokens".into(), take), ("POST /tokens".into(), give)]);
}

#[test]
fn tokens_are_neither_taken_nor_given_back_twice_whatever_gets_lost() {
    let bench = Bench::new();
    let license = bench.activated();
    for _ in 0..3 {
        bench.server.will(Reply::HangUp);
    }
    assert!(matches!(license.hold_tokens("F", 5), Err(Error::Unreachable(_))));
    // Nobody knows whether they were taken: the same question is asked again, and then they go back.
    bench.server.will(holding(5));
    for _ in 0..3 {
        bench.server.will(Reply::HangUp);
    }
    assert!(matches!(license.return_left_over(), Err(Error::Unreachable(_))));
    bench.server.will(holding(5)).will(holding(0));
    assert_eq!(license.return_left_over().unwrap()[0].held, 0);
    let asked = bench.server.asked();
    let of = |member: &str| -> Vec<&str> {
        let calls = asked.iter().filter(|asked| asked.body.get(member).is_some());
        calls.map(|asked| asked.header("idempotency-key").unwrap()).collect()
    };
    for (keys, count) in [(of("check_out"), 5), (of("return"), 4)] {
        assert_eq!(keys.len(), count);
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }
    assert_eq!(files(&bench), 0);
}

#[test]
fn what_was_held_goes_with_its_activation() {
    let bench = Bench::new();
    let license = bench.activated();
    bench.server.will(holding(2)).will(Reply::Json(200, json!({})));
    let held = license.hold_seats("F", 2).unwrap();
    license.return_license().unwrap();
    let before = bench.server.asked().len();
    assert!(matches!(held.return_now(), Err(Error::NotActivated)));
    assert_eq!((bench.server.asked().len(), files(&bench)), (before, 0));
}

#[test]
fn a_record_that_was_damaged_is_nothing() {
    let bench = Bench::new();
    let license: License = bench.activated();
    let holds = bench.folder.path().join("holds");
    fs::create_dir(&holds).unwrap();
    fs::write(holds.join("00.hold"), "{\"activation\":").unwrap();
    assert!(license.return_left_over().unwrap().is_empty());
    assert_eq!(files(&bench), 0);
}
