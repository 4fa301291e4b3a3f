//! Trials: one of a product on a device, until it becomes a license; and what time alone does is told once.

use lessor_core::device::{self, Trial, TrialFilter, TrialState};
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::{Concurrency, Terms};
use lessor_core::{Error, Noun, ProductId, Refusal};
use lessor_lease::LeaseKind;
use lessor_testkit::world::{activate_on, device, new_product};
use lessor_testkit::{Bench, on_both_engines};

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

async fn trial(bench: &Bench, product: ProductId, name: String) -> Option<Trial> {
    bench.read(move |tx, cx| device::trial_of(tx, cx, product, &name)).await.expect("a query")
}

async fn delete(bench: &Bench, product: ProductId, name: String) -> Result<(), Error> {
    bench.write(move |tx, cx| device::delete_trial(tx, cx, product, &name)).await
}

/// How many events of a kind there are.
async fn told(bench: &Bench, kind: &str) -> usize {
    let all = bench.read(|tx, cx| journal::list(tx, cx, &EventFilter::default(), None, 10_000)).await;
    all.expect("events").iter().filter(|event| event.kind == kind).count()
}

async fn tell(bench: &Bench) -> bool {
    bench.write(device::tell_lapsed).await.expect("told")
}

on_both_engines! {
    a_trial_starts_once_is_refreshed_and_ends(bench) {
        let product = bench.product("Paint").await;
        let ask = || bench.activate(activate_on(product.id, None, &device(1)));
        let start = bench.app.now();
        let first = ask().await.expect("a trial");
        let lease = &first.leased.lease();
        assert_eq!((lease.kind, lease.license.as_deref()), (LeaseKind::Trial, None));
        assert_eq!(lease.expires_at, Some(start.plus_days(30).seconds()));
        let on: Vec<_> = lease.features.iter().map(|feature| feature.code.as_str()).collect();
        assert_eq!(on, ["FLAG"]);
        bench.pass_hours(48);
        let again = ask().await.expect("the same trial");
        assert!(first.new && !again.new);
        assert_eq!(again.activation().id, first.activation().id);
        bench.renew(&first).await.expect("a lease");
        let kept = trial(&bench, product.id, device(1)).await.expect("a trial");
        assert_eq!((kept.started_at, kept.modified_at), (start, bench.app.now()));
        assert_eq!(kept.ends_at, start.plus_days(30));
        bench.pass_hours(24 * 28);
        assert_eq!(refused(ask().await), Refusal::TrialOver);
        assert_eq!(refused(bench.renew(&first).await), Refusal::TrialOver);
        let kept = trial(&bench, product.id, device(1)).await.expect("a trial");
        assert_eq!(kept.state(bench.app.now()), TrialState::Over);
    }

    a_trial_asked_for_twenty_times_at_once_is_one(bench) {
        let product = bench.product("Paint").await;
        let outcomes = bench.all_at_once(20, |_| bench.activate(activate_on(product.id, None, &device(1)))).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Ok(held) if held.new)).count(), 1);
        assert_eq!(told(&bench, "trial.started").await, 1);
    }

    a_trial_is_not_for_a_product_without_one_nor_after_a_license(bench) {
        let mut plain = new_product(&bench, "Plain");
        plain.trial_offered = false;
        let plain = bench.write(move |tx, cx| lessor_core::catalog::create_product(tx, cx, &plain)).await;
        let plain = plain.expect("a product");
        assert_eq!(refused(bench.activate(activate_on(plain.id, None, &device(1))).await), Refusal::TrialNotOffered);
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms::default()).await;
        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("a place");
        bench.give_back(&held).await.expect("a return");
        assert_eq!(refused(bench.activate(activate_on(product.id, None, &device(1))).await), Refusal::TrialUsed);
    }

    a_trial_becomes_a_license_while_it_runs_and_after(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { activation_limit: 2, ..Terms::default() }).await;
        let tried = bench.activate(activate_on(product.id, None, &device(1))).await.expect("a trial");
        let late = bench.activate(activate_on(product.id, None, &device(2))).await.expect("a trial");
        bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("a license");
        bench.pass_hours(24 * 40);
        bench.activate(activate_on(product.id, Some(&license.code), &device(2))).await.expect("a license");
        for (name, held) in [(device(1), tried), (device(2), late)] {
            let kept = trial(&bench, product.id, name.clone()).await.expect("a trial");
            assert_eq!((kept.license, kept.license_code.as_deref()), (Some(license.id), Some(license.code.as_str())));
            assert!(kept.converted_at.is_some());
            assert_eq!(refused(bench.renew(&held).await), Refusal::ActivationReturned);
            assert_eq!(refused(bench.activate(activate_on(product.id, None, &name)).await), Refusal::TrialConverted);
            assert_eq!(refused(delete(&bench, product.id, name).await), Refusal::TrialConverted);
        }
        assert_eq!(told(&bench, "trial.converted").await, 2);
    }

    a_deleted_trial_may_start_again(bench) {
        let product = bench.product("Paint").await;
        assert_eq!(refused(delete(&bench, product.id, device(1)).await), Refusal::NotFound(Noun::Trial));
        let held = bench.activate(activate_on(product.id, None, &device(1))).await.expect("a trial");
        bench.pass_hours(24 * 31);
        delete(&bench, product.id, device(1)).await.expect("deleted");
        assert!(trial(&bench, product.id, device(1)).await.is_none());
        assert!(matches!(bench.renew(&held).await, Err(Error::Unauthenticated)));
        assert!(bench.activate(activate_on(product.id, None, &device(1))).await.expect("a new trial").new);
    }

    a_trial_is_converted_or_deleted_but_never_both(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { activation_limit: 100, ..Terms::default() }).await;
        for n in 0..10 {
            bench.activate(activate_on(product.id, None, &device(n))).await.expect("a trial");
            let outcomes = bench
                .all_at_once(2, |which| {
                    let (bench, code) = (&bench, license.code.as_str());
                    async move {
                        if which == 0 {
                            return delete(bench, product.id, device(n)).await;
                        }
                        bench.activate(activate_on(product.id, Some(code), &device(n))).await.map(|_| ())
                    }
                })
                .await;
            assert!(outcomes[1].is_ok(), "{outcomes:?}");
            let kept = trial(&bench, product.id, device(n)).await;
            assert_eq!(outcomes[0].is_ok(), kept.is_none(), "{outcomes:?}");
            assert!(kept.is_none_or(|trial| trial.converted_at.is_some()));
        }
    }

    trials_are_listed_by_what_is_asked(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms::default()).await;
        for n in 0..4 {
            bench.activate(activate_on(product.id, None, &device(n))).await.expect("a trial");
            bench.pass_hours(24 * 10);
        }
        bench.activate(activate_on(product.id, Some(&license.code), &device(3))).await.expect("a license");
        let count = |filter: TrialFilter| {
            let counted = bench.read(move |tx, cx| {
                let listed = device::trials(tx, cx, &filter, lessor_core::Start::FIRST, 100)?.len();
                Ok((listed, device::count_trials(tx, cx, &filter)?))
            });
            async { counted.await.expect("a count") }
        };
        let all = TrialFilter::of(bench.root.id);
        assert_eq!(count(all.clone()).await, (4, 4));
        assert_eq!(count(TrialFilter { state: Some(TrialState::Running), ..all.clone() }).await, (2, 2));
        assert_eq!(count(TrialFilter { state: Some(TrialState::Over), ..all.clone() }).await, (2, 2));
        assert_eq!(count(TrialFilter { converted: Some(true), ..all.clone() }).await, (1, 1));
        assert_eq!(count(TrialFilter { fingerprint: Some(device(2)), ..all.clone() }).await, (1, 1));
        let start = bench.app.now().plus_days(-40);
        assert_eq!(count(TrialFilter { started_after: Some(start), ..all.clone() }).await, (3, 3), "strictly after");
        assert_eq!(count(TrialFilter { ends_before: Some(start.plus_days(30)), ..all }).await, (0, 0));
    }

    what_lapsed_is_told_once_even_by_two_at_once(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms { activation_limit: 50, online_lease_hours: 1, concurrency: Concurrency::Cloud, ..Terms::default() };
        let license = bench.license(product.id, terms).await;
        let mut held = Vec::new();
        for n in 0..20 {
            held.push(bench.activate(activate_on(product.id, Some(&license.code), &device(n))).await.expect("a place"));
        }
        bench.activate(activate_on(product.id, None, "somebody-trying")).await.expect("a trial");
        assert!(!tell(&bench).await);
        assert_eq!(told(&bench, "lease.lapsed").await, 0);
        bench.pass_hours(1);
        bench.all_at_once(4, |_| tell(&bench)).await;
        assert_eq!(told(&bench, "lease.lapsed").await, 20);
        tell(&bench).await;
        assert_eq!((told(&bench, "lease.lapsed").await, told(&bench, "trial.ended").await), (20, 0));
        bench.renew(&held[0]).await.expect("a lease");
        bench.give_back(&held[1]).await.expect("a return");
        bench.pass_hours(24 * 30);
        bench.all_at_once(4, |_| tell(&bench)).await;
        assert_eq!(told(&bench, "trial.ended").await, 1);
        // The renewed lease and that of the trial.
        assert_eq!(told(&bench, "lease.lapsed").await, 22);
    }
}
