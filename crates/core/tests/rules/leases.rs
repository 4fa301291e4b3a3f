//! Leases under suspicion and on request: copies show themselves, licenses that wander are stopped, places are kept for
//! long, heartbeats keep them for short.

use lessor_core::account::{self, HoldTarget, Kind, PlaceHold, Reach};
use lessor_core::catalog::{self, FunctionSetting};
use lessor_core::device::{self, LONG_TERM, MOVE_LIMIT, Renew};
use lessor_core::journal::{self, Event, EventFilter};
use lessor_core::license::{ChangeLicense, Concurrency, License, TermKind, Terms};
use lessor_core::{Clock, Error, Refusal, Timestamp};
use lessor_testkit::world::{Held, activate_on, device};
use lessor_testkit::{Bench, on_both_engines};

async fn renewed(bench: &Bench, held: &Held, number: i64) -> Result<i64, Refusal> {
    let command = Renew { device: held.credential.clone(), number: Some(number), clock_set_back: None };
    match bench.as_device(move |tx, cx| device::renew(tx, cx, &command)).await {
        Ok(leased) => Ok(leased.activation.lease_number),
        Err(Error::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error}"),
    }
}

async fn events(bench: &Bench, kind: &str) -> Vec<Event> {
    let all = bench.read(|tx, cx| journal::list(tx, cx, &EventFilter::default(), None, 1_000)).await.expect("events");
    all.into_iter().filter(|event| event.kind == kind).collect()
}

/// Switches a function of the server on for a license.
async fn switch_on(bench: &Bench, license: &License, name: &'static str, parameter: i64) {
    let tenant = license.tenant;
    bench.write(move |tx, cx| catalog::register_function(tx, cx, tenant, name, false, true)).await.expect("a function");
    let mut change = ChangeLicense::of(license.id);
    change.settings.functions =
        vec![FunctionSetting { name: name.into(), enabled: Some(true), parameter: Some(parameter) }];
    bench.change(change).await.expect("a change");
}

fn hours(from: Timestamp, hours: i64) -> Option<Timestamp> {
    Some(from.plus_hours(hours))
}

on_both_engines! {
    one_lost_answer_is_forgiven_and_a_copy_is_not(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { activation_limit: 1, ..Terms::default() }).await;
        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("a lease");
        assert_eq!(renewed(&bench, &held, 1).await, Ok(2));
        assert_eq!(renewed(&bench, &held, 1).await, Ok(3), "its answer got lost");
        assert_eq!(renewed(&bench, &held, 3).await, Ok(4), "and it has the next");
        assert_eq!(renewed(&bench, &held, 3).await, Ok(5), "another lost answer, later");
        assert_eq!(renewed(&bench, &held, 4).await, Err(Refusal::DeviceDuplicate), "two of them");
        assert_eq!(renewed(&bench, &held, 1).await, Err(Refusal::DeviceDuplicate), "one from long ago");
        assert_eq!(renewed(&bench, &held, 5).await, Ok(6), "who has the latest goes on");
        let told = events(&bench, "activation.cloned").await;
        let presented: Vec<_> = told.iter().map(|event| event.data["presented"].as_i64()).collect();
        assert_eq!(presented, [Some(4), Some(1)]);
        assert_eq!(told[0].data["latest"], 5);
    }

    two_copies_that_take_turns_are_found_at_the_third_turn(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { activation_limit: 1, ..Terms::default() }).await;
        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("a lease");
        assert_eq!(renewed(&bench, &held, 1).await, Ok(2), "the first");
        assert_eq!(renewed(&bench, &held, 1).await, Ok(3), "the second may have lost an answer");
        assert_eq!(renewed(&bench, &held, 2).await, Err(Refusal::DeviceDuplicate), "the first again");
    }

    a_device_that_was_served_before_a_restore_counts_on(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { activation_limit: 1, ..Terms::default() }).await;
        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("a lease");
        assert_eq!(renewed(&bench, &held, 40).await, Ok(41));
        assert_eq!(renewed(&bench, &held, 41).await, Ok(42));
    }

    a_clock_set_back_is_journalled_and_lengthens_nothing(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms { activation_limit: 1, online_lease_hours: 4, ..Terms::default() };
        let license = bench.license(product.id, terms).await;
        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("a lease");
        let now = bench.app.now();
        let clock_set_back = Some((now, now.plus_days(-30)));
        let command = Renew { device: held.credential.clone(), number: Some(1), clock_set_back };
        let leased = bench.as_device(move |tx, cx| device::renew(tx, cx, &command)).await.expect("a lease");
        assert_eq!(leased.activation.lease_end, hours(now, 4));
        let told = events(&bench, "device.clock_set_back").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].data["seen"], now.to_rfc3339());
    }

    a_license_that_wanders_is_stopped_and_its_old_devices_are_not(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { activation_limit: 1, ..Terms::default() }).await;
        switch_on(&bench, &license, MOVE_LIMIT, 2).await;
        let ask = |n| bench.activate(activate_on(product.id, Some(&license.code), &device(n)));
        for n in 1..=3 {
            let held = ask(n).await.expect("a place and two moves");
            bench.give_back(&held).await.expect("a return");
        }
        let refused = ask(4).await.map(|_| ());
        assert!(matches!(refused, Err(Error::Refused(Refusal::TooManyMoves { limit: 2, days: 30 }))), "{refused:?}");
        assert_eq!(events(&bench, "license.moved_too_often").await.len(), 1);
        let back = ask(2).await.expect("it was there before");
        bench.give_back(&back).await.expect("a return");
        bench.pass_hours(31 * 24);
        ask(4).await.expect("the moves are long ago");
    }

    a_place_checked_out_for_long_is_kept_through_renewals(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms {
            activation_limit: 1,
            online_lease_hours: 1,
            concurrency: Concurrency::Cloud,
            ..Terms::default()
        };
        let license = bench.license(product.id, terms).await;
        let mut ask = activate_on(product.id, Some(&license.code), &device(1));
        ask.lease_days = Some(5);
        let refused = bench.activate(ask.clone()).await.map(|_| ());
        assert!(matches!(refused, Err(Error::Refused(Refusal::LongTermOff))), "{refused:?}");
        switch_on(&bench, &license, LONG_TERM, 7).await;
        let held = bench.activate(ask.clone()).await.expect("a lease");
        let until = bench.app.now().plus_days(5);
        assert_eq!(held.activation().lease_end, Some(until));
        bench.pass_hours(48);
        let renewed = bench.renew(&held).await.expect("a lease");
        assert_eq!(renewed.activation.lease_end, Some(until), "it is not cut short");
        let other = bench.activate(activate_on(product.id, Some(&license.code), &device(2))).await.map(|_| ());
        assert!(matches!(other, Err(Error::Refused(Refusal::NoSeat { .. }))), "{other:?}");
        ask.lease_days = Some(8);
        let refused = bench.activate(ask).await.map(|_| ());
        assert!(matches!(refused, Err(Error::Refused(Refusal::OutOfRange { field: "lease_days", min: 1, max: 7 }))));
        bench.give_back(&held).await.expect("a return");
        bench.activate(activate_on(product.id, Some(&license.code), &device(2))).await.expect("the place is free");
    }

    a_long_check_out_ends_with_the_term(bench) {
        let product = bench.product("Paint").await;
        let mut terms = Terms { activation_limit: 1, online_lease_hours: 1, ..Terms::default() };
        terms.term.kind = TermKind::Subscription;
        terms.term.days = 3;
        let license = bench.license(product.id, terms).await;
        switch_on(&bench, &license, LONG_TERM, 100).await;
        let mut ask = activate_on(product.id, Some(&license.code), &device(1));
        ask.lease_days = Some(50);
        let held = bench.activate(ask).await.expect("a lease");
        assert_eq!(held.activation().lease_end, Some(bench.app.now().plus_days(3)));
    }

    a_hold_on_any_account_above_stops_a_device_however_deep_it_is(bench) {
        let product = bench.product("Paint").await;
        let mut chain = vec![bench.root.id];
        for depth in 1..=9 {
            let kind = if depth < 9 { Kind::Partner } else { Kind::Customer };
            chain.push(bench.account(chain[depth - 1], kind, &format!("Level {depth}")).await.id);
            let license = bench.license(product.id, Terms { activation_limit: 1, ..Terms::default() }).await;
            bench
                .change(ChangeLicense { account: Some(Some(chain[depth])), ..ChangeLicense::of(license.id) })
                .await
                .expect("a change");
            let held = bench.activate(activate_on(product.id, Some(&license.code), &device(depth))).await.expect("a lease");
            for (level, account) in chain.iter().enumerate() {
                for reach in [Reach::Own, Reach::Branch] {
                    let target = HoldTarget::Account(*account);
                    let place = PlaceHold { target, reach, cause: "x".into(), note: String::new() };
                    bench.write(move |tx, cx| account::place(tx, cx, &place)).await.expect("a hold");
                    let stopped = reach == Reach::Branch || level == depth;
                    let account = chain[depth];
                    let is_held = bench.read(move |tx, _| account::is_held(tx, account)).await.expect("an answer");
                    assert_eq!(is_held, stopped);
                    let outcome = bench.renew(&held).await.map(|_| ());
                    let refused = matches!(outcome, Err(Error::Refused(Refusal::Held)));
                    assert_eq!(refused, stopped, "{reach:?} on level {level} of {depth}: {outcome:?}");
                    bench.write(move |tx, cx| account::lift_all_of_cause(tx, cx, target, "x")).await.expect("it is lifted");
                }
            }
        }
    }

    a_missed_heartbeat_is_forgiven_and_the_fourth_is_not(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms {
            activation_limit: 1,
            heartbeat_minutes: 20,
            concurrency: Concurrency::Cloud,
            ..Terms::default()
        };
        let license = bench.license(product.id, terms).await;
        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("a lease");
        let start = bench.app.now();
        assert_eq!(held.activation().lease_end, hours(start, 1), "three beats");
        assert_eq!(held.activation().renew_at, Some(start.plus_minutes(20)));
        let beat = || {
            let credential = held.credential.clone();
            bench.as_device(move |tx, cx| device::heartbeat(tx, cx, &credential))
        };
        for _ in 0..5 {
            assert!(bench.clock.move_to(bench.clock.now().plus_minutes(59)));
            let beaten = beat().await.expect("it is kept");
            assert_eq!((beaten.lease_number, beaten.lease_end), (1, hours(bench.app.now(), 1)));
        }
        bench.pass_hours(1);
        bench.activate(activate_on(product.id, Some(&license.code), &device(2))).await.expect("the place is free");
        let late = beat().await.map(|_| ());
        assert!(matches!(late, Err(Error::Refused(Refusal::NoSeat { concurrent: true, .. }))), "{late:?}");
    }
}
