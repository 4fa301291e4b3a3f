//! Validation: what is kept in memory never differs from what storage holds.

use lessor_core::account::{self, HoldTarget, PlaceHold, Reach};
use lessor_core::catalog::{self, ChangeProduct, FeatureSetting};
use lessor_core::device::{self, Ask, Reason, Verdict};
use lessor_core::license::{self, ChangeLicense, Terms};
use lessor_core::{Actor, ProductId};
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, on_both_engines};

fn ask(product: ProductId, code: &str, feature: Option<&str>, device: Option<&str>) -> Ask {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Ask { product: product.to_string(), code: code.into(), feature: text(feature), device: text(device) }
}

/// Asks twice, so that the second answer may come from memory, and compares both with storage.
async fn said(bench: &Bench, ask: &Ask) -> Verdict {
    let caller = bench.caller(Actor::device());
    let first = bench.app.validate(&caller, vec![ask.clone()]).await.expect("an answer").remove(0);
    let again = bench.app.validate(&caller, vec![ask.clone()]).await.expect("an answer").remove(0);
    let asked = ask.clone();
    let stored = bench.read(move |tx, cx| device::validate(tx, cx, &asked)).await.expect("an answer");
    assert_eq!(first, stored);
    assert_eq!(again, stored);
    stored
}

on_both_engines! {
    every_change_shows_in_the_next_validation(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms { activation_limit: 1, online_lease_hours: 2, ..Terms::default() };
        let license = bench.license(product.id, terms).await;
        let code = license.code.as_str();
        let on = device(1);
        let plain = ask(product.id, code, None, None);
        let flag = ask(product.id, code, Some("FLAG"), None);
        let float = ask(product.id, code, Some("FLOAT"), None);
        let here = ask(product.id, code, None, Some(&on));

        assert_eq!(said(&bench, &plain).await.reason, None);
        assert_eq!(said(&bench, &flag).await.reason, None);
        assert_eq!(said(&bench, &here).await.reason, Some(Reason::NotActivated));
        assert_eq!(said(&bench, &ask(product.id, "999999", None, None)).await.reason, Some(Reason::NotFound));
        assert_eq!(said(&bench, &ask(product.id, code, Some("NONE"), None)).await.reason, Some(Reason::FeatureOff));

        let held = bench.activate(activate_on(product.id, Some(code), &on)).await.expect("a lease");
        assert_eq!(said(&bench, &here).await.reason, None);
        assert_eq!(said(&bench, &plain).await.license.expect("a license").activations, 1);
        let credential = held.credential.clone();
        bench.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", 3)).await.expect("seats");
        assert_eq!(said(&bench, &float).await.feature.expect("a feature").used, Some(3));

        bench.pass_hours(2);
        assert_eq!(said(&bench, &here).await.reason, Some(Reason::LeaseOver));
        bench.renew(&held).await.expect("a lease");
        assert_eq!(said(&bench, &here).await.reason, None);
        bench.give_back(&held).await.expect("a return");
        assert_eq!(said(&bench, &here).await.reason, Some(Reason::NotActivated));

        let mut change = ChangeLicense::of(license.id);
        change.settings.features = vec![FeatureSetting { code: "FLAG".into(), enabled: Some(false), limit: None }];
        bench.change(change).await.expect("a change");
        assert_eq!(said(&bench, &flag).await.reason, Some(Reason::FeatureOff));

        let target = HoldTarget::Account(bench.root.id);
        let hold = PlaceHold { target, reach: Reach::Branch, cause: "billing".into(), note: String::new() };
        bench.write(move |tx, cx| account::place(tx, cx, &hold)).await.expect("a hold");
        assert_eq!(said(&bench, &plain).await.reason, Some(Reason::Held));
        bench.write(move |tx, cx| account::lift_all_of_cause(tx, cx, target, "billing")).await.expect("it is lifted");
        assert_eq!(said(&bench, &plain).await.reason, None);

        let off = ChangeProduct {
            product: product.id,
            name: None,
            active: Some(false),
            trial_offered: None,
            trial_days: None,
            terms: license::TermsChange::default(),
        };
        bench.write(move |tx, cx| catalog::change_product(tx, cx, &off)).await.expect("a change");
        assert_eq!(said(&bench, &plain).await.reason, Some(Reason::ProductInactive));
        let id = license.id;
        bench.write(move |tx, cx| license::remove(tx, cx, id)).await.expect("it is removed");
        assert_eq!(said(&bench, &plain).await.reason, Some(Reason::NotFound));
    }

    answers_come_in_the_order_of_the_questions_kept_or_not(bench) {
        let product = bench.product("Paint").await;
        let mut asks = Vec::new();
        for n in 1..=5 {
            let license = bench.license(product.id, Terms { activation_limit: n, ..Terms::default() }).await;
            asks.push(ask(product.id, &license.code, None, None));
        }
        let caller = bench.caller(Actor::device());
        for half in [&asks[..2], &asks[3..], &asks[..]] {
            let said = bench.app.validate(&caller, half.to_vec()).await.expect("answers");
            let limits: Vec<_> = said.iter().map(|one| one.license.as_ref().expect("a license").activation_limit).collect();
            let first = asks.iter().position(|ask| *ask == half[0]).expect("it is there") as i64 + 1;
            assert_eq!(limits, (first..first + half.len() as i64).collect::<Vec<_>>());
        }
    }
}
