//! Terms in bills: trials cost nothing, and neither do days behind the end of a term.

use super::{at, check_all, close, list, ordered, preview, priced, read, statements};
use lessor_core::LicenseId;
use lessor_core::account::Kind;
use lessor_core::billing::Target;
use lessor_core::license::{ChangeLicense, TermChange, TermKind};
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::{Value, json};

async fn to(bench: &Bench, license: LicenseId, kind: TermKind, days: Option<i64>) {
    let mut change = ChangeLicense::of(license);
    change.terms.term = Some(TermChange { kind, days, end: None });
    bench.change(change).await.expect("a change");
}

/// Kind, days, quantity and tier of each line.
fn lines(document: &str) -> Vec<Value> {
    let lines = read(document)["lines"].as_array().expect("lines").clone();
    lines.iter().map(|line| json!([line["term"], line["days"], line["quantity"], line["tier"]])).collect()
}

on_both_engines! {
    a_trial_costs_nothing_until_the_day_on_which_it_is_made_a_full_license(bench) {
        let product = bench.product("Paint").await.id;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await.id;
        priced(&bench, list(bench.root.id, Target::Product(product), "2026-01-01", &[(1, "1"), (4, "0.5")])).await;
        at(&bench, "2026-02-01T10:00");
        let tried = ordered(&bench, product, customer, 5).await;
        to(&bench, tried, TermKind::Trial, Some(30)).await;
        at(&bench, "2026-02-14T10:00");
        assert_eq!(preview(&bench, customer, "2026-02").await, None);
        // Extended while it runs, and again when it is over; tried seats are in no tier.
        ordered(&bench, product, customer, 3).await;
        at(&bench, "2026-03-10T10:00");
        to(&bench, tried, TermKind::Trial, Some(1)).await;
        let february = preview(&bench, customer, "2026-02").await.expect("a bill");
        assert_eq!(lines(&february), [json!(["perpetual", 15, 45, "1-3"])]);
        close(&bench, "2026-02").await;
        assert_eq!(statements(&bench, customer).await[0].document, february);
        at(&bench, "2026-03-20T23:00");
        to(&bench, tried, TermKind::Perpetual, None).await;
        at(&bench, "2026-04-02T10:00");
        let march = preview(&bench, customer, "2026-03").await.expect("a bill");
        assert_eq!(lines(&march), [json!(["perpetual", 12, 60, "4+"]), json!(["perpetual", 31, 93, "4+"])]);
        close(&bench, "2026-03").await;
        assert_eq!(statements(&bench, customer).await[1].document, march);
        check_all(&bench, customer).await;
    }

    a_subscription_costs_nothing_behind_its_end_until_it_is_extended(bench) {
        let product = bench.product("Paint").await.id;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await.id;
        priced(&bench, list(bench.root.id, Target::Product(product), "2026-01-01", &[(1, "1")])).await;
        at(&bench, "2026-02-01T10:00");
        let license = ordered(&bench, product, customer, 2).await;
        to(&bench, license, TermKind::Subscription, Some(5)).await;
        // It begins to run with its first activation, and a second one changes nothing.
        at(&bench, "2026-02-03T10:00");
        let code = bench.view(license).await.license.code;
        for n in 0..2 {
            bench.activate(activate_on(product, Some(&code), &device(n))).await.expect("activated");
            at(&bench, "2026-02-04T10:00");
        }
        assert_eq!(bench.segments(license).await.len(), 1, "no activation opens one");
        at(&bench, "2026-02-20T10:00");
        let some = preview(&bench, customer, "2026-02").await.expect("a bill");
        assert_eq!(lines(&some), [json!(["subscription", 8, 16, "1+"])]);
        to(&bench, license, TermKind::Subscription, Some(3)).await;
        at(&bench, "2026-03-02T10:00");
        close(&bench, "2026-02").await;
        let bill = statements(&bench, customer).await[0].document.clone();
        assert_eq!(lines(&bill), [json!(["subscription", 12, 24, "1+"])]);
        let details = read(&bill)["lines"][0]["details"].clone();
        let stretches: Vec<_> = details.as_array().expect("details").iter().map(|part| (part["from"].clone(), part["to"].clone())).collect();
        assert_eq!(stretches, [
            (json!("2026-02-01"), json!("2026-02-08")),
            (json!("2026-02-20"), json!("2026-02-23")),
        ]);
        check_all(&bench, customer).await;
    }
}
