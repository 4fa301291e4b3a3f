//! Licenses and the profiles that give them their terms: issued, handed out, changed, removed.

use lessor_core::account::{self, HoldTarget, Kind, PlaceHold, Reach};
use lessor_core::catalog::{
    self, ChangeProfile, CreateProfile, FeatureSetting, FunctionSetting, Profile, SetDefault, SettingsChange,
    ValueSetting,
};
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::{
    self, Acquire, ChangeLicense, Codes, LicenseFilter, NewNote, NoteKind, Term, TermChange, TermKind, Terms,
    TermsChange,
};
use lessor_core::{Error, LicenseId, Noun, ProductId, ProfileId, Refusal, Timestamp};
use lessor_testkit::world::{activate_on, device, issue_of, new_product};
use lessor_testkit::{Bench, on_both_engines};
use std::collections::HashSet;

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

async fn profile(bench: &Bench, product: ProductId, name: &str, terms: Terms) -> Profile {
    let cmd = CreateProfile {
        product,
        name: name.into(),
        reseller: None,
        enabled: true,
        acquired: false,
        terms,
        settings: SettingsChange {
            features: vec![feature("FLAG", Some(true), None), feature("FLOAT", Some(true), Some(7))],
            values: vec![ValueSetting { name: "colour".into(), value: "blue".into() }],
            functions: Vec::new(),
        },
    };
    bench.write(move |tx, cx| catalog::create_profile(tx, cx, &cmd)).await.expect("a profile")
}

fn feature(code: &str, enabled: Option<bool>, limit: Option<i64>) -> FeatureSetting {
    FeatureSetting { code: code.into(), enabled, limit }
}

fn change_of(profile: ProfileId) -> ChangeProfile {
    ChangeProfile {
        profile,
        name: None,
        reseller: None,
        enabled: None,
        acquired: None,
        terms: TermsChange::default(),
        settings: SettingsChange::default(),
        push: true,
    }
}

async fn push(bench: &Bench, cmd: ChangeProfile) -> Profile {
    bench.write(move |tx, cx| catalog::change_profile(tx, cx, &cmd)).await.expect("a profile")
}

/// What a license has set: features that are on with their limits, and the value of `colour`.
async fn settings(bench: &Bench, id: LicenseId) -> (Vec<(String, i64)>, Option<String>) {
    let view = bench.view(id).await;
    let (tenant, product) = (view.license.tenant, view.license.product);
    let known = bench.read(move |tx, _| catalog::catalog(tx, tenant, product)).await.expect("a catalog");
    let on = known.features.iter().filter_map(|feature| {
        let grant = view.settings.grants.get(&feature.id)?;
        grant.enabled.then(|| (feature.code.clone(), grant.limit))
    });
    let colour = known.value("colour").expect("a value").id;
    (on.collect(), view.settings.values.get(&colour).cloned())
}

fn days(days: i64) -> Option<TermChange> {
    Some(TermChange { kind: TermKind::Subscription, days: Some(days), end: None })
}

fn subscription(days: i64) -> Terms {
    Terms { term: Term::new(TermKind::Subscription, days, None).expect("a term"), ..Terms::default() }
}

async fn term_after(bench: &Bench, id: LicenseId, change: TermChange) -> Result<Term, Error> {
    let terms = TermsChange { term: Some(change), ..TermsChange::default() };
    Ok(bench.change(ChangeLicense { terms, ..ChangeLicense::of(id) }).await?.terms.term)
}

async fn acquire(
    bench: &Bench,
    product: ProductId,
    profile: Option<ProfileId>,
    amount: i64,
) -> Result<Vec<String>, Error> {
    let cmd = Acquire { product, profile, amount };
    let handed_out = bench.write(move |tx, cx| license::acquire(tx, cx, &cmd)).await?;
    Ok(handed_out.into_iter().map(|(_, code)| code).collect())
}

async fn how_many(bench: &Bench) -> i64 {
    let filter = LicenseFilter::of(bench.root.id);
    bench.read(move |tx, cx| license::count(tx, cx, &filter)).await.expect("a count")
}

on_both_engines! {
    a_hundred_asking_for_sixty_free_codes_get_sixty(bench) {
        let product = bench.product("Paint").await;
        let issued = bench.issue(product.id, None, 60).await;
        let outcomes = bench.all_at_once(100, |_| acquire(&bench, product.id, None, 1)).await;
        let (good, bad): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (60, 40));
        for outcome in bad {
            assert_eq!(refused(outcome), Refusal::NoneFree);
        }
        let handed_out: HashSet<String> = good.into_iter().flat_map(|codes| codes.expect("codes")).collect();
        assert_eq!(handed_out, issued.into_iter().map(|(_, code)| code).collect());
    }

    codes_are_handed_out_oldest_first_and_fewer_than_asked_when_few_are_left(bench) {
        let product = bench.product("Paint").await;
        let filed = profile(&bench, product.id, "gold", Terms::default()).await;
        let issued: Vec<String> = bench.issue(product.id, None, 5).await.into_iter().map(|(_, code)| code).collect();
        let gold = bench.issue(product.id, Some(filed.id), 1).await.remove(0);
        bench.activate(activate_on(product.id, Some(&issued[0]), &device(1))).await.expect("an activation");
        assert_eq!(acquire(&bench, product.id, None, 2).await.expect("codes"), issued[1..3]);
        assert_eq!(acquire(&bench, product.id, None, 10).await.expect("codes"), issued[3..]);
        assert_eq!(refused(acquire(&bench, product.id, None, 1).await), Refusal::NoneFree);
        assert_eq!(acquire(&bench, product.id, Some(filed.id), 1).await.expect("codes"), vec![gold.1]);
        let back = ChangeLicense { acquired: Some(false), ..ChangeLicense::of(gold.0) };
        bench.change(back).await.expect("put back");
        assert_eq!(acquire(&bench, product.id, Some(filed.id), 1).await.expect("codes").len(), 1);
        assert!(matches!(refused(acquire(&bench, product.id, None, 0).await), Refusal::OutOfRange { .. }));
    }

    generated_codes_have_eighteen_digits_and_differ(bench) {
        let product = bench.product("Paint").await;
        let issued = bench.issue(product.id, None, 500).await;
        let codes: HashSet<&str> = issued.iter().map(|(_, code)| code.as_str()).collect();
        assert_eq!(codes.len(), 500);
        assert!(codes.iter().all(|code| code.len() == 18 && code.bytes().all(|b| b.is_ascii_digit()) && !code.starts_with('0')));
    }

    an_import_is_all_or_nothing(bench) {
        let product = bench.product("Paint").await;
        let import = |codes: &[&str]| {
            let codes = codes.iter().map(|code| (*code).to_owned()).collect();
            let cmd = issue_of(product.id, None, Codes::Import(codes));
            bench.write(move |tx, cx| license::issue(tx, cx, &cmd))
        };
        import(&["A-1", "A-2"]).await.expect("licenses");
        let taken = Refusal::Taken { noun: Noun::License, name: "A-2".into() };
        assert_eq!(refused(import(&["A-3", "A-2", "A-4"]).await), taken);
        for bad in [&["B-1", "B-1"][..], &["B-1", "no blanks"], &["B-1", ""], &["\u{e4}"]] {
            assert!(matches!(refused(import(bad).await), Refusal::Malformed { field: "code", .. }), "{bad:?}");
        }
        assert!(matches!(refused(import(&[]).await), Refusal::OutOfRange { .. }));
        assert_eq!(how_many(&bench).await, 2);
        let other = bench.product("Draw").await;
        let cmd = issue_of(other.id, None, Codes::Import(vec!["A-1".into()]));
        bench.write(move |tx, cx| license::issue(tx, cx, &cmd)).await.expect("the same code of another product");
    }

    two_imports_of_the_same_codes_at_once_give_each_code_once(bench) {
        let product = bench.product("Paint").await;
        let outcomes = bench
            .all_at_once(8, |n| {
                let mut codes: Vec<String> = (0..20).map(|code| format!("C-{code}")).collect();
                if n % 2 == 1 {
                    codes.reverse();
                }
                let cmd = issue_of(product.id, None, Codes::Import(codes));
                bench.write(move |tx, cx| license::issue(tx, cx, &cmd))
            })
            .await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for outcome in outcomes.into_iter().filter(Result::is_err) {
            assert!(matches!(refused(outcome), Refusal::Taken { noun: Noun::License, .. }));
        }
        assert_eq!(how_many(&bench).await, 20);
    }

    a_new_license_takes_what_its_profile_has_and_keeps_it(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms { activation_limit: 3, online_lease_hours: 5, ..subscription(10) };
        let gold = profile(&bench, product.id, "gold", terms.clone()).await;
        let (id, _) = bench.issue(product.id, Some(gold.id), 1).await.remove(0);
        let had = (vec![("FLAG".to_owned(), 0), ("FLOAT".to_owned(), 7)], Some("blue".to_owned()));
        assert_eq!(bench.view(id).await.license.terms, terms);
        assert_eq!(settings(&bench, id).await, had);
        let mut cmd = ChangeProfile { push: false, ..change_of(gold.id) };
        cmd.terms.activation_limit = Some(9);
        cmd.settings.features = vec![feature("FLAG", Some(false), None)];
        push(&bench, cmd).await;
        assert_eq!(bench.view(id).await.license.terms, terms);
        assert_eq!(settings(&bench, id).await, had);
        let refiled = ChangeLicense { profile: Some(Some(gold.id)), ..ChangeLicense::of(id) };
        assert_eq!(bench.change(refiled).await.expect("a change").terms, terms);
    }

    a_license_without_a_profile_takes_the_products_defaults(bench) {
        let product = bench.product("Paint").await;
        for (code, limit) in [("FLAG", 0), ("TOKEN", 4)] {
            let cmd = SetDefault { code: code.into(), enabled: true, limit };
            let id = product.id;
            bench.write(move |tx, cx| catalog::set_default(tx, cx, id, &cmd)).await.expect("a default");
        }
        let (id, _) = bench.issue(product.id, None, 1).await.remove(0);
        assert_eq!(settings(&bench, id).await, (vec![("FLAG".to_owned(), 0), ("TOKEN".to_owned(), 4)], None));
        let gold = profile(&bench, product.id, "gold", subscription(10)).await;
        let to = |profile| ChangeLicense { profile: Some(profile), inherit: true, ..ChangeLicense::of(id) };
        bench.change(to(Some(gold.id))).await.expect("a change");
        assert_eq!(settings(&bench, id).await.0, vec![("FLAG".to_owned(), 0), ("FLOAT".to_owned(), 7)]);
        let back = bench.change(to(None)).await.expect("a change");
        assert_eq!(back.terms.term, Term::PERPETUAL);
        assert_eq!(settings(&bench, id).await, (vec![("FLAG".to_owned(), 0), ("TOKEN".to_owned(), 4)], None));
    }

    what_is_said_with_an_inheritance_wins_over_it(bench) {
        let product = bench.product("Paint").await;
        let gold = profile(&bench, product.id, "gold", Terms { activation_limit: 3, online_lease_hours: 5, ..Terms::default() }).await;
        let (id, _) = bench.issue(product.id, None, 1).await.remove(0);
        let mut change = ChangeLicense { profile: Some(Some(gold.id)), inherit: true, ..ChangeLicense::of(id) };
        change.enabled = Some(false);
        change.terms.activation_limit = Some(99);
        change.settings.features = vec![feature("FLAG", Some(false), None), feature("POOL", Some(true), Some(2))];
        change.settings.values = vec![ValueSetting { name: "colour".into(), value: "red".into() }];
        let changed = bench.change(change).await.expect("a change");
        assert_eq!((changed.terms.activation_limit, changed.terms.online_lease_hours, changed.hold_count), (99, 5, 1));
        let expected = (vec![("FLOAT".to_owned(), 7), ("POOL".to_owned(), 2)], Some("red".to_owned()));
        assert_eq!(settings(&bench, id).await, expected);
    }

    a_push_reaches_every_license_and_leaves_what_is_the_customers(bench) {
        let product = bench.product("Paint").await;
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let gold = profile(&bench, product.id, "gold", Terms::default()).await;
        let apart = bench.issue(product.id, None, 1).await.remove(0).0;
        let issued = bench.issue(product.id, Some(gold.id), 3).await;
        let (one, two) = (issued[0].0, issued[1].0);
        let mine = ChangeLicense {
            account: Some(Some(customer.id)),
            acquired: Some(true),
            order: Some("order-9".into()),
            ..ChangeLicense::of(one)
        };
        bench.change(mine).await.expect("a change");
        let mut own = ChangeLicense::of(two);
        own.settings.features = vec![feature("POOL", Some(true), Some(4))];
        own.settings.values = vec![ValueSetting { name: "colour".into(), value: "red".into() }];
        bench.change(own).await.expect("a change");
        let tokens = license::SetTokens { license: two, feature: "TOKEN".into(), limit: Some(50), checked_out: None };
        bench.write(move |tx, cx| license::set_tokens(tx, cx, &tokens)).await.expect("tokens");

        let mut cmd = ChangeProfile { acquired: Some(false), enabled: Some(false), ..change_of(gold.id) };
        cmd.terms.activation_limit = Some(4);
        cmd.settings.features = vec![feature("FLOAT", Some(true), Some(8))];
        push(&bench, cmd).await;
        let view = bench.view(one).await.license;
        assert_eq!((view.account, view.acquired, view.order.as_str()), (customer.id, true, "order-9"));
        assert_eq!((view.terms.activation_limit, view.hold_count), (4, 1));
        let expected = (vec![("FLAG".to_owned(), 0), ("FLOAT".to_owned(), 8)], Some("blue".to_owned()));
        assert_eq!(settings(&bench, two).await, expected);
        assert_eq!(bench.used(two, "TOKEN").await, (0, 50), "tokens are set for each license, not by its profile");
        assert_eq!(bench.view(apart).await.license.terms.activation_limit, 1);

        push(&bench, ChangeProfile { enabled: Some(true), ..change_of(gold.id) }).await;
        push(&bench, change_of(gold.id)).await;
        assert_eq!(bench.view(one).await.license.hold_count, 0);
    }

    a_push_moves_a_date_and_leaves_a_running_subscription(bench) {
        let product = bench.product("Paint").await;
        let at = |days: i64| Timestamp::parse(lessor_testkit::START).expect("an instant").plus_days(days);
        let dated = Terms { term: Term::new(TermKind::Expiring, 0, Some(at(10))).expect("a term"), ..Terms::default() };
        let until = profile(&bench, product.id, "until", dated).await;
        let (id, _) = bench.issue(product.id, Some(until.id), 1).await.remove(0);
        let mut cmd = change_of(until.id);
        cmd.terms.term = Some(TermChange { kind: TermKind::Expiring, days: None, end: Some(Some(at(99))) });
        push(&bench, cmd).await;
        assert_eq!(bench.view(id).await.license.terms.term.end, Some(at(99)));

        let running = profile(&bench, product.id, "running", subscription(10)).await;
        let (id, code) = bench.issue(product.id, Some(running.id), 1).await.remove(0);
        bench.activate(activate_on(product.id, Some(&code), &device(1))).await.expect("an activation");
        bench.pass_hours(24);
        push(&bench, change_of(running.id)).await;
        assert_eq!(bench.view(id).await.license.terms.term.end, Some(at(10)));
    }

    a_subscription_starts_at_the_first_activation_and_is_extended(bench) {
        let product = bench.product("Paint").await;
        let (id, code) = bench.issue(product.id, None, 1).await.remove(0);
        let term = term_after(&bench, id, days(10).expect("days")).await.expect("a term");
        assert_eq!((term.days, term.end), (10, None));
        let term = term_after(&bench, id, days(5).expect("days")).await.expect("an extension");
        assert_eq!((term.days, term.end), (15, None));
        bench.pass_hours(24);
        let start = bench.app.now();
        let held = bench.activate(activate_on(product.id, Some(&code), &device(1))).await.expect("an activation");
        assert_eq!(held.leased.lease().term_end, Some(start.plus_days(15).seconds()));
        assert_eq!(held.leased.lease().expires_at, held.leased.lease().term_end, "a lease ends with its term");
        bench.pass_hours(24);
        bench.renew(&held).await.expect("a lease");
        assert_eq!(bench.view(id).await.license.terms.term.end, Some(start.plus_days(15)));
        bench.pass_hours(24 * 20);
        assert_eq!(refused(bench.renew(&held).await), Refusal::TermOver);
        let term = term_after(&bench, id, days(1).expect("days")).await.expect("an extension");
        assert_eq!((term.days, term.end), (16, Some(bench.app.now().plus_days(1))));
        bench.renew(&held).await.expect("a lease");
        assert!(matches!(refused(term_after(&bench, id, days(1_001).expect("days")).await), Refusal::OutOfRange { .. }));
    }

    terms_change_as_the_table_says(bench) {
        let product = bench.product("Paint").await;
        let now = bench.app.now();
        let end = Some(Some(now.plus_days(7)));
        let to = |kind, days, end| TermChange { kind, days, end };
        for used in [false, true] {
            let (id, code) = bench.issue(product.id, None, 1).await.remove(0);
            if used {
                bench.activate(activate_on(product.id, Some(&code), &device(1))).await.expect("an activation");
            }
            let change = |change| term_after(&bench, id, change);
            let missing = |field| Refusal::Missing { field };
            use TermKind::{Expiring, Perpetual, Subscription};
            assert_eq!(refused(change(to(Subscription, None, None)).await), missing("term_days"));
            assert_eq!(refused(change(to(Expiring, Some(5), None)).await), missing("term_end"));
            for days in [0, 5_001] {
                assert!(matches!(refused(change(to(Subscription, Some(days), None)).await), Refusal::OutOfRange { .. }));
            }
            let subscribed = change(to(Subscription, Some(5_000), None)).await.expect("a term");
            assert_eq!((subscribed.days, subscribed.end), (5_000, used.then(|| now.plus_days(5_000))));
            let cleared = change(to(Subscription, None, Some(None))).await.expect("a term");
            assert_eq!((cleared.days, cleared.end), (5_000, None));
            let dated = change(to(Expiring, Some(0), end)).await.expect("a term");
            assert_eq!((dated.kind, dated.days, dated.end), (Expiring, 0, end.flatten()));
            assert!(matches!(refused(change(to(Expiring, None, Some(None))).await), Refusal::Malformed { .. }));
            assert_eq!(change(to(Perpetual, Some(0), end)).await.expect("a term"), Term::PERPETUAL);
        }
        let (id, _) = bench.issue(product.id, None, 1).await.remove(0);
        let network = TermsChange { concurrency: Some(license::Concurrency::Network), ..TermsChange::default() };
        let change = |terms: TermsChange| bench.change(ChangeLicense { terms, ..ChangeLicense::of(id) });
        assert_eq!(refused(change(network.clone()).await), Refusal::Missing { field: "network_seats" });
        let seats = TermsChange { network_seats: Some(3), ..network };
        assert_eq!(refused(change(seats.clone()).await), Refusal::Missing { field: "heartbeat_minutes" });
        let slow = TermsChange { heartbeat_minutes: Some(1_441), ..seats.clone() };
        assert!(matches!(refused(change(slow).await), Refusal::OutOfRange { .. }));
        change(TermsChange { heartbeat_minutes: Some(5), ..seats }).await.expect("a network license");
    }

    a_change_that_is_refused_leaves_nothing(bench) {
        let product = bench.product("Paint").await;
        let (id, _) = bench.issue(product.id, None, 1).await.remove(0);
        let before = bench.view(id).await.license;
        let stranger = bench.other_vendor("Stranger").await;
        let mut changes: Vec<ChangeLicense> = (0..6).map(|_| ChangeLicense::of(id)).collect();
        changes[0].settings.features = vec![feature("FLAG", Some(true), None), feature("NOPE", Some(true), None)];
        changes[1].settings.features = vec![feature("FLAG", Some(true), None), feature("FLAG", Some(false), None)];
        changes[2].settings.features = vec![feature("TOKEN", None, Some(5))];
        changes[3].notes.delete = vec![77];
        changes[4].account = Some(Some(stranger.id));
        changes[5].settings.values = vec![ValueSetting { name: "colour".into(), value: "a\0b".into() }];
        for mut change in changes {
            change.terms.activation_limit = Some(50);
            change.notes.add = vec![NewNote { kind: NoteKind::General, text: "hello".into() }];
            refused(bench.change(change).await);
            assert_eq!(bench.view(id).await.license, before);
        }
        assert_eq!(settings(&bench, id).await, (Vec::new(), None));
        assert!(bench.read(move |tx, cx| license::notes(tx, cx, id)).await.expect("notes").is_empty());
        let bad = ChangeLicense { order: Some("a\0b".into()), ..ChangeLicense::of(id) };
        assert!(matches!(refused(bench.change(bad).await), Refusal::Malformed { field: "order", .. }));
    }

    notes_are_numbered_in_the_tenant_and_deleted_by_number(bench) {
        let product = bench.product("Paint").await;
        let issued = bench.issue(product.id, None, 2).await;
        let note = |text: &str| NewNote { kind: NoteKind::General, text: text.into() };
        for (id, texts) in [(issued[0].0, vec!["one", "two"]), (issued[1].0, vec!["three"])] {
            let mut change = ChangeLicense::of(id);
            change.notes.add = texts.into_iter().map(note).collect();
            bench.change(change).await.expect("notes");
        }
        let texts = |id| {
            let notes = bench.read(move |tx, cx| license::notes(tx, cx, id));
            async { notes.await.expect("notes").into_iter().map(|note| (note.number, note.text)).collect::<Vec<_>>() }
        };
        assert_eq!(texts(issued[0].0).await, vec![(1, "one".to_owned()), (2, "two".to_owned())]);
        assert_eq!(texts(issued[1].0).await, vec![(3, "three".to_owned())]);
        let mut other = ChangeLicense::of(issued[0].0);
        other.notes.delete = vec![3];
        assert_eq!(refused(bench.change(other).await), Refusal::NotFound(Noun::Note));
        let mut change = ChangeLicense::of(issued[0].0);
        change.notes.delete = vec![1];
        change.notes.add = vec![note("four")];
        bench.change(change).await.expect("notes");
        assert_eq!(texts(issued[0].0).await, vec![(2, "two".to_owned()), (4, "four".to_owned())]);
    }

    a_removed_license_leaves_its_segments_and_events(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms::default()).await;
        let id = license.id;
        bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("an activation");
        let cmd = PlaceHold { target: HoldTarget::License(id), reach: Reach::Own, cause: "x".into(), note: String::new() };
        bench.write(move |tx, cx| account::place(tx, cx, &cmd)).await.expect("a hold");
        bench.pass_hours(1);
        bench.write(move |tx, cx| license::remove(tx, cx, id)).await.expect("removed");
        let gone = bench.read(move |tx, cx| license::get(tx, cx, id)).await;
        assert!(matches!(gone, Err(Error::Refused(Refusal::NotFound(Noun::License)))));
        let end = bench.app.now();
        let left = bench.write(move |tx, _| Ok(tx.all::<(Timestamp, Option<Timestamp>)>(SEGMENTS_OF, &[id.into()])?)).await;
        let left = left.expect("segments");
        assert!(left.last().is_some_and(|(_, to)| *to == Some(end)), "{left:?}");
        let filter = EventFilter { subject: Some(id.0) };
        let events = bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 100)).await.expect("events");
        assert_eq!(events.last().map(|event| event.kind.as_str()), Some("license.removed"));
        assert!(events.iter().any(|event| event.kind == "license.activated"));
        let cmd = issue_of(product.id, None, Codes::Import(vec![license.code.clone()]));
        bench.write(move |tx, cx| license::issue(tx, cx, &cmd)).await.expect("the code is free again");
    }

    a_feature_goes_with_all_its_use(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms::default()).await;
        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("an activation");
        let credential = held.credential.clone();
        bench
            .as_device(move |tx, cx| lessor_core::device::check_out_seats(tx, cx, &credential, "FLOAT", 3))
            .await
            .expect("seats");
        let id = product.id;
        bench.write(move |tx, cx| catalog::remove_feature(tx, cx, id, "FLOAT")).await.expect("removed");
        assert!(bench.view(license.id).await.checkouts.is_empty());
        bench.give_back(&held).await.expect("a return");
        let again = bench.write(move |tx, cx| catalog::remove_feature(tx, cx, id, "FLOAT")).await;
        assert_eq!(refused(again), Refusal::NotFound(Noun::Feature));
    }

    names_in_the_catalog_are_taken_once(bench) {
        let product = bench.product("Paint").await;
        let cmd = new_product(&bench, "Paint");
        let twice = bench.write(move |tx, cx| catalog::create_product(tx, cx, &cmd)).await;
        assert_eq!(refused(twice), Refusal::Taken { noun: Noun::Product, name: "Paint".into() });
        let outcomes = bench
            .all_at_once(8, |_| {
                let cmd = new_product(&bench, "Draw");
                bench.write(move |tx, cx| catalog::create_product(tx, cx, &cmd))
            })
            .await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for change in 0..4 {
            let mut cmd = new_product(&bench, "Other");
            match change {
                0 => cmd.features[1].code = cmd.features[0].code.clone(),
                1 => cmd.values.push(("colour".into(), "red".into())),
                2 => cmd.groups.push(cmd.groups[0].clone()),
                _ => cmd.features[0].group = Some("Nowhere".into()),
            }
            refused(bench.write(move |tx, cx| catalog::create_product(tx, cx, &cmd)).await);
        }
        profile(&bench, product.id, "gold", Terms::default()).await;
        let cmd = CreateProfile {
            product: product.id,
            name: "gold".into(),
            reseller: None,
            enabled: true,
            acquired: false,
            terms: Terms::default(),
            settings: SettingsChange::default(),
        };
        let twice = bench.write(move |tx, cx| catalog::create_profile(tx, cx, &cmd)).await;
        assert_eq!(refused(twice), Refusal::Taken { noun: Noun::Profile, name: "gold".into() });
        let tenant = bench.root.id;
        for _ in 0..2 {
            let register = bench.write(move |tx, cx| catalog::register_function(tx, cx, tenant, "sync", true, false));
            register.await.expect("registered once or again");
        }
        let mut change = ChangeLicense::of(bench.issue(product.id, None, 1).await.remove(0).0);
        change.settings.functions =
            vec![FunctionSetting { name: "sync".into(), enabled: None, parameter: Some(3) }];
        assert!(matches!(refused(bench.change(change).await), Refusal::Malformed { field: "parameter", .. }));
    }
}

lessor_db::statements! {
    SEGMENTS_OF = "SELECT from_at, to_at FROM segments WHERE license_id = $1 ORDER BY from_at";
}
