//! Licenses brought in from elsewhere: what fits is written, and each row is told its fate.

use lessor_core::account::Kind;
use lessor_core::catalog::{self, CreateProfile, FeatureSetting, SettingsChange, ValueSetting};
use lessor_core::identity::{Level, Right};
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::{self, Codes, Fate, ImportLicenses, ImportRow, TermChange, TermKind, Terms, TermsChange};
use lessor_core::{
    AccountId, Actor, ApiKeyId, Error, Grant, LicenseId, Noun, ProductId, Refusal, Timestamp, Who, verify,
};
use lessor_testkit::world::{FEATURES, issue_of};
use lessor_testkit::{Bench, on_both_engines};
use std::collections::HashSet;

fn row(code: &str) -> ImportRow {
    ImportRow { code: Some(code.into()), ..ImportRow::default() }
}

fn rows(amount: usize) -> Vec<ImportRow> {
    (0..amount).map(|n| row(&format!("CODE-{n:05}"))).collect()
}

async fn import(bench: &Bench, product: ProductId, rows: Vec<ImportRow>) -> Result<Vec<Fate>, Error> {
    let command = ImportLicenses { product, rows };
    bench.write(move |tx, cx| license::import(tx, cx, &command)).await
}

async fn import_as(bench: &Bench, actor: Actor, product: ProductId, rows: Vec<ImportRow>) -> Result<Vec<Fate>, Error> {
    let command = ImportLicenses { product, rows };
    bench.app.write(&bench.caller(actor), move |tx, cx| license::import(tx, cx, &command)).await
}

async fn partner(bench: &Bench, account: AccountId, rights: Option<Vec<Right>>) -> Actor {
    let path = bench.read(move |tx, cx| lessor_core::account::get(tx, cx, account)).await.expect("an account").path;
    Actor {
        who: Who::ApiKey(ApiKeyId(account.0)),
        account,
        tenant: bench.root.tenant,
        grants: vec![Grant { path: path.clone(), level: Level::Write }],
        path,
        rights,
        draws: false,
    }
}

fn id(fate: &Fate) -> LicenseId {
    match fate {
        Fate::Created { license, .. } => *license,
        other => panic!("{other:?} is no license"),
    }
}

fn is_refusal<T: std::fmt::Debug>(outcome: Result<T, Error>, refusal: &Refusal) {
    match outcome {
        Err(Error::Refused(found)) if found == *refusal => {}
        other => panic!("{other:?} is not {refusal:?}"),
    }
}

fn rejected(noun: Noun) -> Fate {
    Fate::Rejected { refusal: Refusal::NotFound(noun) }
}

async fn assert_whole(bench: &Bench) {
    assert_eq!(bench.read(|tx, _| verify::verify(tx)).await.expect("verified"), Vec::<String>::new());
}

on_both_engines! {
    what_fits_is_written_and_each_row_is_told_its_fate(bench) {
        let product = bench.product("Paint").await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        let stranger = bench.other_vendor("Other").await;
        import(&bench, product.id, vec![row("THERE")]).await.expect("fates");
        let end = Timestamp::parse("2027-01-01T00:00:00Z").expect("an instant");
        let terms = TermsChange {
            term: Some(TermChange { kind: TermKind::Expiring, days: None, end: Some(Some(end)) }),
            activation_limit: Some(7),
            ..TermsChange::default()
        };
        let too_many = TermsChange { activation_limit: Some(-1), ..TermsChange::default() };
        let fates = import(&bench, product.id, vec![
            ImportRow { account: Some(customer.id.to_string()), order: "PO-1".into(), terms, ..row("A-1") },
            row("A-1"),
            row("THERE"),
            row("not a code"),
            ImportRow { account: Some(stranger.id.to_string()), ..row("A-2") },
            ImportRow { account: Some("x:y:z".into()), ..row("A-3") },
            ImportRow { account: Some("a\0b:c:d".into()), ..row("A-4") },
            ImportRow { profile: Some("pro_00000000000000000000000000000000".into()), ..row("A-5") },
            ImportRow { terms: too_many, ..row("A-6") },
            ImportRow { reference: "x".repeat(201), ..row("A-7") },
            ImportRow::default(),
            row("A-6"),
        ]).await.expect("fates");
        let first = bench.view(id(&fates[0])).await;
        assert_eq!((first.license.code.as_str(), first.license.account), ("A-1", customer.id));
        assert_eq!((first.license.terms.activation_limit, first.license.terms.term.end), (7, Some(end)));
        assert_eq!(first.license.order, "PO-1");
        assert_eq!(fates[1], Fate::Duplicate { code: "A-1".into() });
        assert_eq!(fates[2], Fate::Duplicate { code: "THERE".into() });
        assert!(matches!(fates[3], Fate::Rejected { refusal: Refusal::Malformed { field: "code", .. } }));
        assert_eq!(fates[4..8], [rejected(Noun::Account), rejected(Noun::Account), rejected(Noun::Account), rejected(Noun::Profile)]);
        assert!(matches!(fates[8], Fate::Rejected { refusal: Refusal::OutOfRange { field: "activation_limit", .. } }));
        assert!(matches!(fates[9], Fate::Rejected { refusal: Refusal::Malformed { field: "reference", .. } }));
        let made_up = bench.view(id(&fates[10])).await.license;
        assert_eq!((made_up.code.len(), made_up.account), (18, bench.root.id));
        assert!(matches!(&fates[11], Fate::Created { code, .. } if code == "A-6"), "a rejected row takes no code");
        assert_eq!(bench.segments(id(&fates[0])).await.len(), 1);
        assert_whole(&bench).await;
    }

    licenses_brought_in_are_those_that_would_have_been_issued(bench) {
        let product = bench.product("Paint").await;
        let on = FEATURES.iter().map(|(code, _)| FeatureSetting { code: (*code).into(), enabled: Some(true), limit: None });
        let cmd = CreateProfile {
            product: product.id,
            name: "School".into(),
            reseller: None,
            enabled: false,
            acquired: true,
            terms: Terms { activation_limit: 9, ..Terms::default() },
            settings: SettingsChange {
                features: on.collect(),
                values: vec![ValueSetting { name: "colour".into(), value: "blue".into() }],
                functions: Vec::new(),
            },
        };
        let profile = bench.write(move |tx, cx| catalog::create_profile(tx, cx, &cmd)).await.expect("a profile");
        for profile in [None, Some(profile.id)] {
            // More than one statement's worth, and a rest.
            let rows = (0..53).map(|_| ImportRow { profile: profile.map(|id| id.to_string()), ..ImportRow::default() });
            let fates = import(&bench, product.id, rows.collect()).await.expect("fates");
            let issued = bench.issue(product.id, profile, 1).await.remove(0).0;
            let expected = bench.view(issued).await;
            assert_eq!(expected.license.hold_count, i64::from(profile.is_some()));
            for fate in &fates {
                let found = bench.view(id(fate)).await;
                let alike = license::License {
                    id: issued,
                    code: expected.license.code.clone(),
                    order: expected.license.order.clone(),
                    ..found.license
                };
                assert_eq!(alike, expected.license);
                assert_eq!(found.settings.grants, expected.settings.grants);
                assert_eq!(found.settings.values, expected.settings.values);
                assert_eq!(found.profile_name, expected.profile_name);
            }
        }
        assert_whole(&bench).await;
    }

    one_event_of_an_account_tells_of_many_codes(bench) {
        let product = bench.product("Paint").await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        let mut all = rows(501);
        all.push(ImportRow { account: Some(customer.id.to_string()), ..row("THEIRS") });
        all.push(row("CODE-00000"));
        import(&bench, product.id, all).await.expect("fates");
        let filter = EventFilter { subject: Some(product.id.0) };
        let events = bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 100)).await.expect("events");
        let told: Vec<_> = events.iter().filter(|event| event.kind == "licenses.imported").collect();
        let counts = |account| {
            let of = told.iter().filter(|event| event.account == account);
            of.map(|event| event.data["count"].as_i64().expect("a count")).collect::<Vec<_>>()
        };
        assert_eq!(counts(bench.root.id), [250, 250, 1]);
        assert_eq!(counts(customer.id), [1]);
        let codes = told.iter().flat_map(|event| event.data["codes"].as_array().expect("codes"));
        assert_eq!(codes.map(|code| code.as_str().expect("a code")).collect::<HashSet<_>>().len(), 502);
    }

    ten_thousand_rows_are_taken_and_one_more_is_refused_with_nothing_written(bench) {
        let product = bench.product("Paint").await;
        let out_of_range = Refusal::OutOfRange { field: "rows", min: 1, max: 10_000 };
        is_refusal(import(&bench, product.id, rows(10_001)).await, &out_of_range);
        is_refusal(import(&bench, product.id, Vec::new()).await, &out_of_range);
        let count = || {
            let tenant = bench.root.id;
            bench.read(move |tx, cx| license::count(tx, cx, &license::LicenseFilter::of(tenant)))
        };
        assert_eq!(count().await.expect("a number"), 0);
        let fates = import(&bench, product.id, rows(10_000)).await.expect("fates");
        assert_eq!(fates.iter().map(id).collect::<HashSet<_>>().len(), 10_000);
        assert_eq!(count().await.expect("a number"), 10_000);
        assert!(fates.iter().map(id).is_sorted(), "they are listed in the order of the rows");
        let again = import(&bench, product.id, rows(10_000)).await.expect("fates");
        assert!(again.iter().all(|fate| matches!(fate, Fate::Duplicate { .. })));
        assert_eq!(count().await.expect("a number"), 10_000);
    }

    of_two_imports_at_once_each_code_is_written_by_one(bench) {
        let product = bench.product("Paint").await;
        let (one, other) = (rows(300), rows(300).into_iter().rev().collect::<Vec<_>>());
        let (one, other) = tokio::join!(import(&bench, product.id, one), import(&bench, product.id, other));
        let (one, mut other) = (one.expect("fates"), other.expect("fates"));
        other.reverse();
        for (one, other) in one.iter().zip(&other) {
            let created = [one, other].iter().filter(|fate| matches!(fate, Fate::Created { .. })).count();
            let duplicates = [one, other].iter().filter(|fate| matches!(fate, Fate::Duplicate { .. })).count();
            assert_eq!((created, duplicates), (1, 1), "{one:?} {other:?}");
        }
        assert_whole(&bench).await;
    }

    nobody_brings_licenses_in_where_they_may_not(bench) {
        let product = bench.product("Paint").await;
        let own = bench.account(bench.root.id, Kind::Partner, "Own").await;
        let sibling = bench.account(bench.root.id, Kind::Partner, "Sibling").await;
        let stranger = bench.other_vendor("Other").await;
        let actor = partner(&bench, own.id, None).await;
        let mine = |code: &str| ImportRow { account: Some(own.id.to_string()), ..row(code) };
        let theirs = ImportRow { account: Some(sibling.id.to_string()), ..row("A-2") };
        let fates = import_as(&bench, actor.clone(), product.id, vec![mine("A-1"), theirs, row("A-3")]).await.expect("fates");
        assert!(matches!(fates[0], Fate::Created { .. }));
        assert_eq!(fates[1..], [rejected(Noun::Account), rejected(Noun::Account)]);

        let limited = partner(&bench, own.id, Some(vec![Right::LICENSES_READ])).await;
        assert!(matches!(import_as(&bench, limited, product.id, vec![mine("A-4")]).await, Err(Error::Forbidden)));
        let outside = Actor { tenant: stranger.id, ..partner(&bench, stranger.id, None).await };
        is_refusal(import_as(&bench, outside, product.id, vec![row("A-5")]).await, &Refusal::NotFound(Noun::Product));
        let closed = ImportRow { account: Some(own.id.to_string()), ..row("A-6") };
        let account = own.id;
        bench.write(move |tx, cx| license::give_back_all(tx, cx, account)).await.expect("given back");
        bench.write(move |tx, cx| lessor_core::account::close(tx, cx, account)).await.expect("closed");
        assert_eq!(import(&bench, product.id, vec![closed]).await.expect("fates"), [rejected(Noun::Account)]);
    }

    issuing_many_codes_is_still_all_or_nothing(bench) {
        let product = bench.product("Paint").await;
        import(&bench, product.id, vec![row("CODE-00051")]).await.expect("fates");
        let codes: Vec<String> = (0..60).map(|n| format!("CODE-{n:05}")).collect();
        let command = issue_of(product.id, None, Codes::Import(codes));
        let taken = bench.write(move |tx, cx| license::issue(tx, cx, &command)).await;
        is_refusal(taken, &Refusal::Taken { noun: Noun::License, name: "CODE-00051".into() });
        let tenant = bench.root.id;
        let count = bench.read(move |tx, cx| license::count(tx, cx, &license::LicenseFilter::of(tenant))).await;
        assert_eq!(count.expect("a number"), 1);
        let issued = bench.issue(product.id, None, 120).await;
        assert_eq!(issued.iter().map(|(_, code)| code).collect::<HashSet<_>>().len(), 120);
        let subject = issued[77].0.0;
        let filter = EventFilter { subject: Some(subject) };
        let events = bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 10)).await.expect("events");
        assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["license.issued"]);
        assert_whole(&bench).await;
    }
}
