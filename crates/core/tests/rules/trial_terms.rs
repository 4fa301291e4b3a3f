//! Licenses on trial: for days from when they are issued, or until a date.

use lessor_core::catalog::{self, ChangeProduct, ChangeProfile, CreateProfile, Profile, SettingsChange};
use lessor_core::license::{
    self, ChangeLicense, Fate, ImportLicenses, ImportRow, Term, TermChange, TermKind, Terms, TermsChange,
};
use lessor_core::{Error, LicenseId, ProductId, Refusal, Timestamp};
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, on_both_engines};

fn trial(days: Option<i64>, end: Option<Timestamp>) -> TermsChange {
    let term = TermChange { kind: TermKind::Trial, days, end: end.map(Some) };
    TermsChange { term: Some(term), ..TermsChange::default() }
}

async fn profile(bench: &Bench, product: ProductId, days: i64) -> Profile {
    let terms = Terms { term: Term::new(TermKind::Trial, days, None).expect("a term"), ..Terms::default() };
    let (enabled, settings) = (true, SettingsChange::default());
    let cmd =
        CreateProfile { product, name: "Trial".into(), reseller: None, enabled, acquired: false, terms, settings };
    bench.write(move |tx, cx| catalog::create_profile(tx, cx, &cmd)).await.expect("a profile")
}

async fn push(bench: &Bench, profile: &Profile, terms: TermsChange) {
    let (profile, settings) = (profile.id, SettingsChange::default());
    let cmd = ChangeProfile {
        profile,
        name: None,
        reseller: None,
        enabled: None,
        acquired: None,
        terms,
        settings,
        push: true,
    };
    bench.write(move |tx, cx| catalog::change_profile(tx, cx, &cmd)).await.expect("a push");
}

async fn term(bench: &Bench, license: LicenseId) -> (TermKind, i64, Option<Timestamp>) {
    let Term { kind, days, end } = bench.view(license).await.license.terms.term;
    assert_eq!(bench.segments(license).await.last().expect("a segment").ends_at, end);
    (kind, days, end)
}

on_both_engines! {
    a_trial_of_a_profile_runs_from_when_its_license_is_issued(bench) {
        let product = bench.product("Paint").await.id;
        let profile = profile(&bench, product, 30).await;
        assert_eq!(profile.terms.term.end, None);
        bench.pass_hours(48);
        let issued = bench.app.now();
        let (license, code) = bench.issue(product, Some(profile.id), 1).await.remove(0);
        let running = (TermKind::Trial, 30, Some(issued.plus_days(30)));
        assert_eq!(term(&bench, license).await, running);
        // Neither an activation nor the profile, pushed again, begins it anew; other days do.
        bench.pass_hours(24);
        bench.activate(activate_on(product, Some(&code), &device(1))).await.expect("activated");
        push(&bench, &profile, TermsChange::default()).await;
        assert_eq!(term(&bench, license).await, running);
        push(&bench, &profile, trial(Some(5), None)).await;
        let anew = (TermKind::Trial, 35, Some(bench.app.now().plus_days(35)));
        assert_eq!(term(&bench, license).await, anew);
        bench.pass_hours(36 * 24);
        let late = bench.activate(activate_on(product, Some(&code), &device(2))).await.expect_err("over");
        assert!(matches!(late, Error::Refused(Refusal::TermOver)), "{late}");
    }

    a_trial_of_a_product_has_days_or_an_end_and_is_imported_with_either(bench) {
        let product = bench.product("Paint").await.id;
        let set = async |terms| {
            let cmd = ChangeProduct { product, name: None, active: None, trial_offered: None, trial_days: None, terms };
            bench.write(move |tx, cx| catalog::change_product(tx, cx, &cmd)).await.map(|product| product.terms.term)
        };
        let end = bench.app.now().plus_days(9);
        let fixed = set(trial(None, Some(end))).await.expect("set");
        assert_eq!((fixed.days, fixed.end), (0, Some(end)));
        let days = set(trial(Some(14), None)).await.expect("set");
        assert_eq!((days.days, days.end), (14, None));
        assert!(matches!(set(trial(Some(5_001), None)).await, Err(Error::Refused(Refusal::OutOfRange { .. }))));

        bench.pass_hours(24);
        let now = bench.app.now();
        let row = |code: &str, terms| ImportRow { code: Some(code.into()), terms, ..ImportRow::default() };
        let rows = vec![
            row("A-1", TermsChange::default()),
            row("A-2", trial(Some(3), None)),
            row("A-3", trial(None, Some(end))),
            row("A-4", trial(None, None)),
        ];
        let cmd = ImportLicenses { product, rows };
        let fates = bench.write(move |tx, cx| license::import(tx, cx, &cmd)).await.expect("fates");
        assert!(matches!(&fates[3], Fate::Rejected { refusal: Refusal::Missing { field: "term_end" } }), "{fates:?}");
        let expected = [(14, now.plus_days(14)), (3, now.plus_days(3)), (0, end)];
        for (fate, (days, end)) in fates.iter().zip(expected) {
            let Fate::Created { license, .. } = fate else { panic!("{fate:?}") };
            assert_eq!(term(&bench, *license).await, (TermKind::Trial, days, Some(end)));
        }
    }

    a_license_is_put_on_trial_extended_and_made_a_full_one(bench) {
        let product = bench.product("Paint").await.id;
        let (license, _) = bench.issue(product, None, 1).await.remove(0);
        let change = async |terms| bench.change(ChangeLicense { terms, ..ChangeLicense::of(license) }).await;
        let start = bench.app.now();
        change(trial(Some(30), None)).await.expect("a trial");
        assert_eq!(term(&bench, license).await, (TermKind::Trial, 30, Some(start.plus_days(30))));
        bench.pass_hours(24);
        change(trial(Some(10), None)).await.expect("extended");
        assert_eq!(term(&bench, license).await, (TermKind::Trial, 40, Some(start.plus_days(40))));
        bench.pass_hours(60 * 24);
        change(trial(Some(1), None)).await.expect("extended when it was over");
        assert_eq!(term(&bench, license).await, (TermKind::Trial, 41, Some(bench.app.now().plus_days(1))));
        let full = TermChange { kind: TermKind::Perpetual, days: None, end: None };
        change(TermsChange { term: Some(full), ..TermsChange::default() }).await.expect("converted");
        assert_eq!(term(&bench, license).await, (TermKind::Perpetual, 0, None));
    }
}
