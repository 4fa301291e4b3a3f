//! Devices: places are never oversold, leases free them or keep them, secrets and keys hold.

use lessor_core::account::{self, HoldTarget, Kind, LiftHold, PlaceHold, Reach};
use lessor_core::catalog::{self, ChangeProduct};
use lessor_core::device::{self, ActivationKind, DeviceCredential};
use lessor_core::license::{self, ChangeLicense, Concurrency, LicenseFilter, TermKind, Terms, TermsChange};
use lessor_core::{Error, Noun, Refusal};
use lessor_lease::{Document, KeyTable, Signer};
use lessor_testkit::world::{Held, activate_on, device};
use lessor_testkit::{Bench, on_both_engines};

fn limit(activation_limit: i64) -> Terms {
    Terms { activation_limit, ..Terms::default() }
}

fn cloud(activation_limit: i64) -> Terms {
    Terms { activation_limit, online_lease_hours: 1, concurrency: Concurrency::Cloud, ..Terms::default() }
}

/// How many were admitted, each a new activation; all others found no seat.
fn admitted(outcomes: &[Result<Held, Error>], limit: i64) -> usize {
    let (good, bad): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.is_ok());
    assert!(good.iter().all(|outcome| matches!(outcome, Ok(held) if held.new)));
    for outcome in bad {
        let full = matches!(outcome, Err(Error::Refused(Refusal::NoSeat { limit: told, .. })) if *told == limit);
        assert!(full, "{outcome:?}");
    }
    good.len()
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

async fn set(bench: &Bench, license: lessor_core::LicenseId, terms: TermsChange) {
    bench.change(ChangeLicense { terms, ..ChangeLicense::of(license) }).await.expect("a change");
}

async fn enable(bench: &Bench, license: lessor_core::LicenseId, enabled: bool) {
    bench.change(ChangeLicense { enabled: Some(enabled), ..ChangeLicense::of(license) }).await.expect("a change");
}

on_both_engines! {
    a_hundred_at_once_on_ten_seats_are_ten(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(10)).await;
        let outcomes = bench
            .all_at_once(100, |n| bench.activate(activate_on(product.id, Some(&license.code), &device(n))))
            .await;
        assert_eq!(admitted(&outcomes, 10), 10);
        let view = bench.view(license.id).await;
        assert_eq!((view.license.active_count, view.live_count), (10, 10));
    }

    asking_twice_renews_and_takes_no_second_seat(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(1)).await;
        let ask = || bench.activate(activate_on(product.id, Some(&license.code), &device(1)));
        let first = ask().await.expect("an activation");
        let again = ask().await.expect("the same activation");
        assert!(first.new && !again.new);
        assert_eq!(first.activation().id, again.activation().id);
        assert_eq!((first.leased.lease().number, again.leased.lease().number), (1, 2));
        assert_eq!(first.credential.secret, again.credential.secret);

        let both = bench.all_at_once(20, |_| ask()).await;
        assert!(both.iter().all(Result::is_ok), "{both:?}");
        assert_eq!(bench.view(license.id).await.license.active_count, 1);
    }

    one_device_asking_for_the_first_time_twenty_times_at_once_is_activated_once(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(5)).await;
        let outcomes = bench
            .all_at_once(20, |_| bench.activate(activate_on(product.id, Some(&license.code), &device(1))))
            .await;
        let new = outcomes.iter().filter(|outcome| matches!(outcome, Ok(held) if held.new)).count();
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!((new, bench.view(license.id).await.license.active_count), (1, 1));
    }

    two_users_of_one_device_hold_two_places(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(2)).await;
        for (user, expected) in [("ann", true), ("bob", true), ("cid", false)] {
            let mut command = activate_on(product.id, Some(&license.code), &device(1));
            command.user = user.into();
            assert_eq!(bench.activate(command).await.is_ok(), expected, "{user}");
        }
    }

    a_return_frees_the_place_once(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(1)).await;
        let ask = |n| bench.activate(activate_on(product.id, Some(&license.code), &device(n)));
        let first = ask(1).await.expect("an activation");
        assert_eq!(refused(ask(2).await), Refusal::NoSeat { limit: 1, concurrent: false });
        let outcomes = bench.all_at_once(10, |_| bench.give_back(&first)).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(activation) if !activation.active)));
        let license_now = bench.view(license.id).await.license;
        assert_eq!((license_now.active_count, license_now.returned_count), (0, 1));
        assert_eq!(refused(bench.renew(&first).await), Refusal::ActivationReturned);
        ask(2).await.expect("the free place");
        let back = ask(1).await;
        assert_eq!(refused(back), Refusal::NoSeat { limit: 1, concurrent: false });
    }

    activations_and_returns_in_a_crowd_never_pass_the_limit(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(5)).await;
        for _ in 0..3 {
            let held = bench
                .all_at_once(40, |n| {
                    let (bench, code) = (&bench, license.code.as_str());
                    async move {
                        let held = bench.activate(activate_on(product.id, Some(code), &device(n))).await.ok()?;
                        if n % 2 == 0 {
                            bench.give_back(&held).await.expect("a return");
                            return None;
                        }
                        Some(held)
                    }
                })
                .await;
            let kept: Vec<_> = held.into_iter().flatten().collect();
            let now = bench.view(license.id).await;
            assert!(kept.len() <= 5);
            assert_eq!((now.license.active_count, now.live_count), (kept.len() as i64, kept.len() as i64));
            for held in kept {
                bench.give_back(&held).await.expect("a return");
            }
        }
    }

    a_lapsed_lease_frees_place_and_seats_where_leases_hold_them(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, cloud(1)).await;
        let ask = |n| bench.activate(activate_on(product.id, Some(&license.code), &device(n)));
        let seats = |held: &Held, seats| {
            let credential = held.credential.clone();
            bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", seats))
        };
        let first = ask(1).await.expect("an activation");
        assert_eq!(seats(&first, 8).await.expect("seats").held, 8);
        assert_eq!(refused(ask(2).await), Refusal::NoSeat { limit: 1, concurrent: true });

        bench.pass_hours(1);
        assert_eq!(bench.used(license.id, "FLOAT").await, (0, 10));
        assert_eq!(refused(seats(&first, 9).await), Refusal::NoSeat { limit: 1, concurrent: true });
        let second = ask(2).await.expect("the lapsed place");
        assert_eq!(seats(&second, 10).await.expect("the lapsed seats too").used, 10);
        assert_eq!(bench.used(license.id, "FLOAT").await, (10, 10));
        assert_eq!(refused(bench.renew(&first).await), Refusal::NoSeat { limit: 1, concurrent: true });
        assert_eq!(refused(ask(1).await), Refusal::NoSeat { limit: 1, concurrent: true });

        bench.give_back(&second).await.expect("a return");
        bench.renew(&first).await.expect("a free place again");
        assert_eq!(seats(&first, 3).await.expect("seats").used, 3);
        bench.give_back(&first).await.expect("a return");
        assert_eq!(bench.used(license.id, "FLOAT").await, (0, 10));
    }

    a_lapsed_lease_keeps_place_and_seats_where_activations_hold_them(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { online_lease_hours: 1, ..limit(1) }).await;
        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("an activation");
        let credential = held.credential.clone();
        let taken = bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", 4)).await;
        assert_eq!(taken.expect("seats").used, 4);
        bench.pass_hours(100);
        let view = bench.view(license.id).await;
        assert_eq!((view.license.active_count, view.live_count), (1, 0));
        assert_eq!(bench.used(license.id, "FLOAT").await, (4, 10));
        let other = bench.activate(activate_on(product.id, Some(&license.code), &device(2))).await;
        assert_eq!(refused(other), Refusal::NoSeat { limit: 1, concurrent: false });
        bench.renew(&held).await.expect("its own place");
        assert_eq!(bench.view(license.id).await.live_count, 1);
    }

    a_network_license_admits_no_device(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms { concurrency: Concurrency::Network, network_seats: 5, heartbeat_minutes: 5, ..limit(5) };
        let license = bench.license(product.id, terms).await;
        let outcome = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await;
        assert_eq!(refused(outcome), Refusal::NetworkOnly);
    }

    limits_lowered_below_what_is_in_use_evict_nobody(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(3)).await;
        let mut held = Vec::new();
        for n in 0..3 {
            held.push(bench.activate(activate_on(product.id, Some(&license.code), &device(n))).await.expect("a place"));
        }
        let seats = |n: usize, seats| {
            let credential = held[n].credential.clone();
            bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", seats))
        };
        for n in 0..3 {
            seats(n, 3).await.expect("seats");
        }
        let mut change = ChangeLicense::of(license.id);
        change.terms.activation_limit = Some(1);
        change.settings.features =
            vec![catalog::FeatureSetting { code: "FLOAT".into(), enabled: None, limit: Some(2) }];
        bench.change(change).await.expect("lower limits");

        assert_eq!(bench.used(license.id, "FLOAT").await, (9, 2));
        for held in &held {
            bench.renew(held).await.expect("those who are in stay in");
        }
        assert_eq!(refused(seats(0, 4).await), Refusal::NoSeat { limit: 2, concurrent: false });
        assert_eq!(seats(0, 1).await.expect("a return").used, 7);
        bench.give_back(&held[1]).await.expect("a return");
        let newcomer = bench.activate(activate_on(product.id, Some(&license.code), &device(9))).await;
        assert_eq!(refused(newcomer), Refusal::NoSeat { limit: 1, concurrent: false });
        bench.give_back(&held[2]).await.expect("a return");
        assert_eq!(bench.used(license.id, "FLOAT").await, (1, 2));
        assert_eq!(seats(0, 2).await.expect("it fits again").used, 2);
    }

    floating_seats_are_exact_in_a_crowd(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(64)).await;
        let crowd = activated(&bench, &license, 64).await;
        let take = |n: usize, seats| {
            let credential = DeviceCredential::clone(&crowd[n].credential);
            bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", seats))
        };
        let outcomes = bench.all_at_once(64, |n| take(n, 1)).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10);
        assert_eq!(bench.used(license.id, "FLOAT").await, (10, 10));
        let holders: Vec<usize> = (0..64).filter(|n| outcomes[*n].is_ok()).collect();

        // Half of the holders give back while everybody asks again.
        let outcomes = bench
            .all_at_once(64, |n| take(n, if holders[..5].contains(&n) { 0 } else { 1 }))
            .await;
        let view = bench.view(license.id).await;
        let sum: i64 = view.checkouts.iter().map(|(_, _, _, held, _)| held).sum();
        let (used, _) = bench.used(license.id, "FLOAT").await;
        assert!(used <= 10 && used == sum, "{used} used, {sum} held");
        assert!(holders[..5].iter().all(|n| outcomes[*n].is_ok()));
        assert!(holders[5..].iter().all(|n| outcomes[*n].is_ok()), "who has a seat keeps it");
    }

    elements_are_exact_in_a_crowd_with_returns(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(64)).await;
        let crowd = activated(&bench, &license, 64).await;
        let draw = |n: usize, amount| {
            let credential = DeviceCredential::clone(&crowd[n].credential);
            let draw = device::Draw { feature: "POOL".into(), amount };
            bench.as_device(move |tx, cx| device::draw_elements(tx, cx, &credential, &draw))
        };
        let outcomes = bench
            .all_at_once(64, |n| {
                let draw = &draw;
                async move {
                    let drawn = draw(n, 3).await.is_ok();
                    if drawn && n % 2 == 0 {
                        draw(n, -2).await.expect("a return");
                        return 1;
                    }
                    if drawn { 3 } else { 0 }
                }
            })
            .await;
        let held: i64 = outcomes.iter().sum();
        assert!((3..=10).contains(&held), "{held}");
        assert_eq!(bench.used(license.id, "POOL").await, (held, 10));
        assert_eq!(refused(draw(63, -100).await), Refusal::NotHeld { held: outcomes[63] });
        let all: Vec<_> = bench.all_at_once(64, |n| bench.give_back(&crowd[n])).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(bench.used(license.id, "POOL").await, (0, 10));
    }

    tokens_are_exact_in_a_crowd_and_used_ones_never_come_back(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(64)).await;
        let crowd = activated(&bench, &license, 64).await;
        let take = |n: usize| {
            let credential = DeviceCredential::clone(&crowd[n].credential);
            bench.as_device(move |tx, cx| device::check_out_tokens(tx, cx, &credential, "TOKEN", 2))
        };
        let report = |n: usize, give_back, consumed| {
            let credential = DeviceCredential::clone(&crowd[n].credential);
            let cmd = device::TokenUse { feature: "TOKEN".into(), give_back, consumed };
            bench.as_device(move |tx, cx| device::return_tokens(tx, cx, &credential, &cmd))
        };
        let outcomes = bench.all_at_once(64, take).await;
        let holders: Vec<usize> = (0..64).filter(|n| outcomes[*n].is_ok()).collect();
        assert_eq!(holders.len(), 5);
        assert_eq!(bench.used(license.id, "TOKEN").await, (10, 10));

        let one = holders[0];
        let after = report(one, 1, 1).await.expect("a report");
        assert_eq!((after.held, after.consumed, after.used), (0, 1, 9));
        assert_eq!(refused(report(one, 1, 0).await), Refusal::NotHeld { held: 0 });
        assert_eq!(refused(report(one, 0, 1).await), Refusal::NotHeld { held: 0 });
        bench.give_back(&crowd[one]).await.expect("a return");
        assert_eq!(bench.used(license.id, "TOKEN").await, (9, 10), "what is used up stays charged");
        let outcome = take(holders[1]).await;
        assert_eq!(refused(outcome), Refusal::NoSeat { limit: 10, concurrent: false });
    }

    the_back_office_sets_tokens_within_the_limit(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(2)).await;
        let crowd = activated(&bench, &license, 2).await;
        let set = |limit, checked_out: Option<(&str, i64)>| {
            let checked_out = checked_out.map(|(device, held)| (device.to_owned(), held));
            let cmd = license::SetTokens { license: license.id, feature: "TOKEN".into(), limit, checked_out };
            bench.write(move |tx, cx| license::set_tokens(tx, cx, &cmd))
        };
        let credential = crowd[0].credential.clone();
        bench.as_device(move |tx, cx| device::check_out_tokens(tx, cx, &credential, "TOKEN", 6)).await.expect("tokens");
        assert_eq!(refused(set(None, Some((&device(1), 5))).await), Refusal::NoSeat { limit: 10, concurrent: false });
        set(None, Some((&device(1), 4))).await.expect("it fits");
        assert_eq!(bench.used(license.id, "TOKEN").await, (10, 10));
        set(None, Some((&device(0), 0))).await.expect("forgiven");
        assert_eq!(bench.used(license.id, "TOKEN").await, (4, 10));
        set(Some(2), None).await.expect("a limit below what is out");
        assert_eq!(bench.used(license.id, "TOKEN").await, (4, 2));
        let cmd = license::SetTokens { license: license.id, feature: "FLOAT".into(), limit: Some(1), checked_out: None };
        let outcome = bench.write(move |tx, cx| license::set_tokens(tx, cx, &cmd)).await;
        assert_eq!(refused(outcome), Refusal::WrongFeatureKind);
    }

    a_feature_is_used_as_what_it_is_and_only_when_on(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(1)).await;
        let held = activated(&bench, &license, 1).await.remove(0);
        let seats = |feature: &'static str| {
            let credential = held.credential.clone();
            bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, feature, 1))
        };
        assert_eq!(refused(seats("POOL").await), Refusal::WrongFeatureKind);
        assert_eq!(refused(seats("NOPE").await), Refusal::NotFound(Noun::Feature));
        seats("FLOAT").await.expect("a seat");
        let mut change = ChangeLicense::of(license.id);
        change.settings.features =
            vec![catalog::FeatureSetting { code: "FLOAT".into(), enabled: Some(false), limit: None }];
        bench.change(change).await.expect("off");
        let credential = held.credential.clone();
        let more = bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", 2)).await;
        assert_eq!(refused(more), Refusal::FeatureOff);
        let credential = held.credential.clone();
        let none = bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", 0)).await;
        assert_eq!(none.expect("returning is always possible").used, 0);
    }

    seats_return_even_when_the_product_is_off_and_the_license_held(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(1)).await;
        let held = activated(&bench, &license, 1).await.remove(0);
        let seats = |seats| {
            let credential = held.credential.clone();
            bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", seats))
        };
        seats(5).await.expect("seats");
        enable(&bench, license.id, false).await;
        assert_eq!(refused(seats(6).await), Refusal::Held);
        assert_eq!(seats(4).await.expect("a return").used, 4);
        switch(&bench, product.id, false).await;
        assert_eq!(refused(seats(5).await), Refusal::ProductInactive);
        assert_eq!(seats(0).await.expect("a return").used, 0);
        assert_eq!(refused(bench.renew(&held).await), Refusal::ProductInactive);
        bench.give_back(&held).await.expect("a return");
    }

    refusals_come_in_their_order(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(0)).await;
        let ask = |code: &str| bench.activate(activate_on(product.id, Some(code), &device(1)));
        let over = license::TermChange { kind: TermKind::Expiring, days: None, end: Some(Some(bench.app.now())) };
        set(&bench, license.id, TermsChange { term: Some(over), ..TermsChange::default() }).await;
        enable(&bench, license.id, false).await;
        switch(&bench, product.id, false).await;
        assert_eq!(refused(ask("nonsense").await), Refusal::ProductInactive);
        switch(&bench, product.id, true).await;
        assert_eq!(refused(ask("nonsense").await), Refusal::NotFound(Noun::License));
        assert_eq!(refused(ask("a code\0").await), Refusal::NotFound(Noun::License));
        assert_eq!(refused(ask(&license.code).await), Refusal::Held);
        enable(&bench, license.id, true).await;
        assert_eq!(refused(ask(&license.code).await), Refusal::TermOver);
        let perpetual = license::TermChange { kind: TermKind::Perpetual, days: None, end: None };
        set(&bench, license.id, TermsChange { term: Some(perpetual), ..TermsChange::default() }).await;
        assert_eq!(refused(ask(&license.code).await), Refusal::NoSeat { limit: 0, concurrent: false });
        let short = bench.activate(activate_on(product.id, Some(&license.code), "short")).await;
        assert!(matches!(refused(short), Refusal::Malformed { field: "device", .. }));
    }

    every_hold_stops_activation_and_renewal_and_its_lifting_restores_exactly(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(2)).await;
        bench
            .change(ChangeLicense { account: Some(Some(customer.id)), ..ChangeLicense::of(license.id) })
            .await
            .expect("an owner");
        let held = activated(&bench, &license, 1).await.remove(0);
        let place = |target, reach| {
            let cmd = PlaceHold { target, reach, cause: "unpaid".into(), note: String::new() };
            bench.write(move |tx, cx| account::place(tx, cx, &cmd))
        };
        let (own, branch) = (Reach::Own, Reach::Branch);
        let mut holds = Vec::new();
        for (target, reach) in [
            (HoldTarget::License(license.id), own),
            (HoldTarget::Account(customer.id), own),
            (HoldTarget::Account(partner.id), branch),
            (HoldTarget::License(license.id), own),
        ] {
            holds.push(place(target, reach).await.expect("a hold").id);
        }
        let elsewhere = place(HoldTarget::Account(partner.id), own).await.expect("a hold that does not reach");
        for hold in holds {
            assert_eq!(refused(bench.renew(&held).await), Refusal::Held);
            let ask = bench.activate(activate_on(product.id, Some(&license.code), &device(5))).await;
            assert_eq!(refused(ask), Refusal::Held);
            let lift = LiftHold { hold };
            bench.write(move |tx, cx| account::lift(tx, cx, &lift)).await.expect("lifted");
        }
        let renewed = bench.renew(&held).await.expect("nothing reaches it any more");
        assert_eq!(renewed.activation.id, held.activation().id);
        bench.activate(activate_on(product.id, Some(&license.code), &device(5))).await.expect("a place");
        assert!(elsewhere.lifted_at.is_none());
        assert_eq!(bench.view(license.id).await.license.hold_count, 0);
    }

    a_wrong_secret_and_an_unknown_activation_are_alike(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(2)).await;
        let crowd = activated(&bench, &license, 2).await;
        let unknown = lessor_core::ActivationId(license.id.0);
        let secret = crowd[0].credential.secret.clone();
        for (activation, secret) in
            [(crowd[1].activation().id, secret.clone()), (crowd[0].activation().id, String::new()), (unknown, secret)]
        {
            let credential = DeviceCredential { activation, secret };
            let renew = device::Renew { device: credential.clone(), number: None, clock_set_back: None };
            let outcome = bench.as_device(move |tx, cx| device::renew(tx, cx, &renew)).await;
            assert!(matches!(outcome, Err(Error::Unauthenticated)), "{outcome:?}");
            let given = credential.clone();
            let outcome = bench.as_device(move |tx, cx| device::give_back(tx, cx, &given)).await;
            assert!(matches!(outcome, Err(Error::Unauthenticated)), "{outcome:?}");
            let outcome = bench.read(move |tx, cx| device::state_of(tx, cx, &credential)).await;
            assert!(matches!(outcome, Err(Error::Unauthenticated)), "{outcome:?}");
        }
        assert_eq!(bench.view(license.id).await.license.active_count, 2);
    }

    the_state_of_an_activation_is_a_query_and_renews_nothing(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, cloud(1)).await;
        let held = activated(&bench, &license, 1).await.remove(0);
        bench.pass_hours(2);
        let credential = held.credential.clone();
        let state = bench.read(move |tx, cx| device::state_of(tx, cx, &credential)).await.expect("a state");
        assert_eq!(state.lease(), held.leased.lease());
        assert_eq!(state.activation, held.leased.activation);
    }

    a_registered_device_key_is_never_replaced(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(5)).await;
        let key = |seed| Some(Signer::from_seed([seed; 32]).public_key().to_bytes());
        let ask = |public_key| {
            let mut command = activate_on(product.id, Some(&license.code), &device(1));
            command.device.public_key = public_key;
            bench.activate(command)
        };
        ask(None).await.expect("a device without a key");
        let held = ask(key(1)).await.expect("it registers one");
        assert_eq!(held.leased.lease().device_key, Some(Signer::from_seed([1; 32]).public_key().to_hex()));
        for other in [key(2), None] {
            assert_eq!(refused(ask(other).await), Refusal::DeviceDuplicate);
        }
        assert!(matches!(refused(ask(Some([0; 32])).await), Refusal::Malformed { field: "device key", .. }));
        ask(key(1)).await.expect("the same device");
    }

    a_lease_verifies_and_tells_what_the_license_is_now(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms { online_lease_hours: 48, virtual_lease_hours: 10, ..limit(5) };
        let license = bench.license(product.id, terms).await;
        let held = activated(&bench, &license, 1).await.remove(0);
        let id = product.id;
        let keys = bench.read(move |tx, _| catalog::public_keys(tx, id)).await.expect("keys");
        let table: KeyTable = keys.into_iter().map(|(key, _)| key).collect();
        let opened = |text: &str| Document::parse(text).and_then(|document| document.open_lease(&table)).expect("a lease");
        let lease = opened(&held.leased.document().expect("a document"));
        assert_eq!(lease, held.leased.lease());
        let now = bench.app.now().seconds();
        assert_eq!((lease.issued_at, lease.renew_after, lease.expires_at), (now, Some(now + 86_400), Some(now + 172_800)));
        let codes: Vec<_> = lease.features.iter().map(|feature| (feature.code.as_str(), feature.limit)).collect();
        let expected =
            [("FLAG", None), ("FLOAT", Some(10)), ("POOL", Some(10)), ("TOKEN", Some(10)), ("STORE", None)];
        assert_eq!(codes, expected);
        assert_eq!(lease.values.get("colour").map(String::as_str), Some("grey"));

        let mut change = ChangeLicense::of(license.id);
        change.settings.features = vec![catalog::FeatureSetting { code: "FLAG".into(), enabled: Some(false), limit: None }];
        change.settings.values = vec![catalog::ValueSetting { name: "colour".into(), value: "red".into() }];
        bench.change(change).await.expect("a change");
        let lease = opened(&bench.renew(&held).await.expect("a lease").document().expect("a document"));
        assert!(lease.feature("FLAG").is_none());
        assert_eq!((lease.number, lease.values["colour"].as_str()), (2, "red"));

        let mut on_vm = activate_on(product.id, Some(&license.code), &device(7));
        on_vm.device.virtual_platform = Some("KVM".into());
        let virtual_lease = bench.activate(on_vm).await.expect("a lease");
        assert_eq!(virtual_lease.leased.lease().expires_at, Some(now + 36_000));
        assert_eq!(virtual_lease.activation().kind, ActivationKind::Online);
    }

    the_back_office_takes_all_back_and_erases_records(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(3)).await;
        let crowd = activated(&bench, &license, 3).await;
        let credential = crowd[0].credential.clone();
        bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", 4)).await.expect("seats");
        bench.give_back(&crowd[1]).await.expect("a return");
        let id = license.id;
        let erase = |fingerprint: Option<String>| {
            bench.write(move |tx, cx| device::erase_activities(tx, cx, id, fingerprint.as_deref()))
        };
        let counts = || async {
            let license = bench.view(id).await.license;
            (license.active_count, license.returned_count)
        };
        assert_eq!(refused(erase(Some("somebody-else".into())).await), Refusal::NotFound(Noun::Device));
        erase(Some(device(0))).await.expect("erased");
        assert_eq!(counts().await, (1, 1));
        assert_eq!(bench.used(id, "FLOAT").await, (0, 10), "seats end with the record");
        assert_eq!(bench.write(move |tx, cx| device::return_all(tx, cx, id)).await.expect("returned"), 1);
        assert_eq!(counts().await, (0, 2));
        assert_eq!(bench.write(move |tx, cx| device::return_all(tx, cx, id)).await.expect("nothing left"), 0);
        let left = bench.read(move |tx, cx| license::activities(tx, cx, id, false, lessor_core::Start::FIRST, 10)).await.expect("records");
        assert!(left.iter().all(|activation| !activation.active) && left.len() == 2);
        erase(None).await.expect("erased");
        assert!(!bench.view(id).await.license.is_used());
        erase(None).await.expect("nothing to erase is no error");
        let filter = LicenseFilter { used: Some(true), ..LicenseFilter::of(bench.root.id) };
        assert_eq!(bench.read(move |tx, cx| license::count(tx, cx, &filter)).await.expect("a count"), 0);
        let outcome = bench.renew(&crowd[0]).await;
        assert!(matches!(outcome, Err(Error::Unauthenticated)), "{outcome:?}");
    }

    a_report_keeps_what_it_can_and_survives_odd_characters(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(1)).await;
        let mut command = activate_on(product.id, Some(&license.code), &device(1));
        command.system = Some(serde_json::json!({ "os": "Plan\u{0} 9" }));
        command.consumer = Some(serde_json::json!({ "First_Name": "An\u{0}n", "email": "a@b" }));
        bench.activate(command).await.expect("an activation");
        let id = product.id;
        let report = bench.read(move |tx, cx| device::system_report(tx, cx, id, &device(1))).await.expect("a report");
        assert_eq!(report["os"], "Plan\u{0} 9");
        let mut command = activate_on(product.id, Some(&license.code), &device(1));
        command.system = Some(serde_json::json!([]));
        assert!(matches!(refused(bench.activate(command).await), Refusal::Malformed { field: "system", .. }));
    }

    a_hundred_at_once_while_the_product_is_being_changed_all_get_through(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(200)).await;
        let outcomes = bench
            .all_at_once(100, |n| {
                let (bench, code) = (&bench, license.code.as_str());
                async move {
                    if n % 10 == 0 {
                        switch(bench, product.id, true).await;
                        let mut change = ChangeLicense::of(license.id);
                        change.enabled = Some(true);
                        return bench.change(change).await.map(|_| ());
                    }
                    bench.activate(activate_on(product.id, Some(code), &device(n))).await.map(|_| ())
                }
            })
            .await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(bench.view(license.id).await.license.active_count, 90);
    }
}

#[test]
fn two_applications_on_one_database_sell_ten_seats_ten_times() {
    let bench = Bench::open(lessor_testkit::Engine::Postgres);
    let other = bench.second_app();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, limit(10)).await;
        let outcomes = bench
            .all_at_once(100, |n| {
                let app = if n % 2 == 0 { &bench.app } else { &other };
                bench.activate_at(app, activate_on(product.id, Some(&license.code), &device(n)))
            })
            .await;
        assert_eq!(admitted(&outcomes, 10), 10);
        assert_eq!(bench.view(license.id).await.license.active_count, 10);
    });
    other.store().close();
}

async fn activated(bench: &Bench, license: &license::License, crowd: usize) -> Vec<Held> {
    let ask = |n| bench.activate(activate_on(license.product, Some(&license.code), &device(n)));
    let outcomes = bench.all_at_once(crowd, ask).await;
    outcomes.into_iter().map(|outcome| outcome.expect("an activation")).collect()
}

async fn switch(bench: &Bench, product: lessor_core::ProductId, active: bool) {
    let cmd = ChangeProduct {
        product,
        name: None,
        active: Some(active),
        trial_offered: None,
        trial_days: None,
        terms: TermsChange::default(),
    };
    bench.write(move |tx, cx| catalog::change_product(tx, cx, &cmd)).await.expect("a product");
}
