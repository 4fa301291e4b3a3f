//! What programs keep on the server and tell it, and licenses for clients that never call.

use lessor_core::account::Kind;
use lessor_core::catalog::{FeatureSetting, ValueSetting};
use lessor_core::device::{
    self, ActivationKind, AnalyticsFilter, AnalyticsKind, IssuePassive, NewAnalyticsEvent, PassiveLicense, PutText,
    StoredText,
};
use lessor_core::license::{self, ChangeLicense, Concurrency, Role, Terms, TermsChange};
use lessor_core::{AccountId, AnalyticsEventId, Error, Noun, ProductId, Refusal, Timestamp};
use lessor_lease::{Document, KeyTable, LeaseKind};
use lessor_testkit::world::{Held, activate_on, device};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::json;

async fn activated(bench: &Bench, product: ProductId, terms: Terms) -> (license::License, Held) {
    let license = bench.license(product, terms).await;
    let held = bench.activate(activate_on(product, Some(&license.code), &device(1))).await.expect("activated");
    (license, held)
}

async fn put(bench: &Bench, held: &Held, text: &str, versions: Option<Vec<i64>>) -> Result<StoredText, Error> {
    let credential = held.credential.clone();
    let put = PutText { feature: "STORE".into(), text: text.into(), versions };
    bench.as_device(move |tx, cx| device::put_text(tx, cx, &credential, &put)).await
}

async fn stored(bench: &Bench, held: &Held, feature: &'static str) -> Result<StoredText, Error> {
    let credential = held.credential.clone();
    bench.as_device(move |tx, cx| device::stored_text(tx, cx, &credential, feature)).await
}

fn event(name: &str, kind: AnalyticsKind, at: &str) -> NewAnalyticsEvent {
    let feature = matches!(kind, AnalyticsKind::FeatureStarted | AnalyticsKind::FeatureStopped).then(|| "FLAG".into());
    let at = Timestamp::parse(at).expect("an instant");
    NewAnalyticsEvent { name: name.into(), kind, feature, transaction: None, at, data: Some(json!({ "n": 1 })) }
}

async fn tell(bench: &Bench, held: &Held, events: Vec<NewAnalyticsEvent>) -> Result<Vec<bool>, Error> {
    let credential = held.credential.clone();
    bench.as_device(move |tx, cx| device::record_events(tx, cx, &credential, &events)).await
}

async fn told(
    bench: &Bench,
    filter: AnalyticsFilter,
    after: Option<AnalyticsEventId>,
    limit: u32,
) -> Vec<(String, AnalyticsEventId)> {
    let found = bench.read(move |tx, cx| device::analytics(tx, cx, &filter, after, limit)).await.expect("events");
    found.into_iter().map(|event| (event.told.name, event.id)).collect()
}

fn passive(product: ProductId, client_id: &str) -> IssuePassive {
    IssuePassive {
        product,
        client_id: client_id.into(),
        account: None,
        profile: None,
        features: vec!["FLAG".into()],
        values: vec![ValueSetting { name: "colour".into(), value: "red".into() }],
    }
}

async fn issue(bench: &Bench, command: IssuePassive) -> Result<PassiveLicense, Error> {
    bench.write(move |tx, cx| device::issue_passive(tx, cx, &command)).await
}

on_both_engines! {
    a_text_is_kept_with_the_license_and_its_version_grows(bench) {
        let product = bench.product("Paint").await.id;
        let (license, held) = activated(&bench, product, Terms { activation_limit: 2, ..Terms::default() }).await;
        assert_eq!(stored(&bench, &held, "STORE").await.expect("nothing yet"), StoredText::default());
        let first = put(&bench, &held, "one", Some(vec![0])).await.expect("put");
        assert_eq!((first.text.as_str(), first.version), ("one", 1));
        let stale = put(&bench, &held, "two", Some(vec![0])).await;
        assert!(matches!(stale, Err(Error::Refused(Refusal::Stale(Noun::StoredText)))), "{stale:?}");
        assert_eq!(put(&bench, &held, "two", None).await.expect("put").version, 2);
        assert_eq!(put(&bench, &held, "two", None).await.expect("the same again").version, 2);

        // Another device of the license sees the same text.
        let other = bench.activate(activate_on(product, Some(&license.code), &device(2))).await.expect("activated");
        assert_eq!(stored(&bench, &other, "STORE").await.expect("a text").text, "two");
        let long = "\u{e1}".repeat(2048);
        assert_eq!(put(&bench, &other, &long, Some(vec![2])).await.expect("4096 bytes").version, 3);
        let longer = put(&bench, &other, &format!("{long}x"), None).await;
        assert!(matches!(longer, Err(Error::Refused(Refusal::Malformed { field: "text", .. }))), "{longer:?}");
        assert_eq!(stored(&bench, &held, "STORE").await.expect("a text").version, 3);

        // With the feature and with the license it goes.
        bench.write(move |tx, cx| license::remove(tx, cx, license.id)).await.expect("removed");
        bench.write(move |tx, cx| lessor_core::catalog::remove_feature(tx, cx, product, "STORE")).await.expect("removed");
    }

    of_writers_at_once_one_wins_for_each_version(bench) {
        let product = bench.product("Paint").await.id;
        let (_, held) = activated(&bench, product, Terms::default()).await;
        for version in 0..5 {
            let outcomes = bench.all_at_once(6, |n| {
                let (bench, held) = (bench.clone(), held.clone());
                async move { put(&bench, &held, &format!("{version}-{n}"), Some(vec![version])).await }
            }).await;
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
            assert_eq!(stored(&bench, &held, "STORE").await.expect("a text").version, version + 1);
        }
    }

    a_text_takes_a_license_in_order_and_the_feature_on(bench) {
        let product = bench.product("Paint").await.id;
        let terms = Terms { concurrency: Concurrency::Cloud, online_lease_hours: 1, ..Terms::default() };
        let (license, held) = activated(&bench, product, terms).await;
        put(&bench, &held, "one", None).await.expect("put");
        for (feature, code) in [("FLAG", Refusal::WrongFeatureKind), ("NONE", Refusal::NotFound(Noun::Feature))] {
            let refused = stored(&bench, &held, feature).await;
            assert!(matches!(&refused, Err(Error::Refused(refusal)) if *refusal == code), "{refused:?}");
        }
        let trial = bench.activate(activate_on(product, None, &device(7))).await.expect("a trial");
        for refused in [stored(&bench, &trial, "STORE").await, put(&bench, &trial, "x", None).await] {
            assert!(matches!(refused, Err(Error::Refused(Refusal::FeatureOff))), "{refused:?}");
        }
        let mut stranger = held.clone();
        stranger.credential.secret = trial.credential.secret.clone();
        for refused in [stored(&bench, &stranger, "STORE").await, put(&bench, &stranger, "x", None).await] {
            assert!(matches!(refused, Err(Error::Unauthenticated)), "{refused:?}");
        }
        bench.pass_hours(1);
        for refused in [stored(&bench, &held, "STORE").await, put(&bench, &held, "x", None).await] {
            assert!(matches!(refused, Err(Error::Refused(Refusal::NoSeat { .. }))), "a lapsed lease: {refused:?}");
        }
        bench.renew(&held).await.expect("renewed");
        let mut off = ChangeLicense::of(license.id);
        off.settings.features = vec![FeatureSetting { code: "STORE".into(), enabled: Some(false), limit: None }];
        bench.change(off).await.expect("a change");
        for refused in [stored(&bench, &held, "STORE").await, put(&bench, &held, "x", None).await] {
            assert!(matches!(refused, Err(Error::Refused(Refusal::FeatureOff))), "{refused:?}");
        }
        let mut held_back = ChangeLicense::of(license.id);
        held_back.enabled = Some(false);
        bench.change(held_back).await.expect("a change");
        assert!(matches!(put(&bench, &held, "x", None).await, Err(Error::Refused(Refusal::Held))));
        bench.give_back(&held).await.expect("returned");
        assert!(matches!(put(&bench, &held, "x", None).await, Err(Error::Refused(Refusal::ActivationReturned))));
    }

    an_event_counts_once_and_stands_in_its_time(bench) {
        let product = bench.product("Paint").await.id;
        let (license, held) = activated(&bench, product, Terms::default()).await;
        let late = event("stop", AnalyticsKind::AppStopped, "2026-01-01T11:00:00Z");
        let first = event("start", AnalyticsKind::AppStarted, "2026-01-01T10:00:00Z");
        let same = event("start", AnalyticsKind::Exception, "2026-01-01T12:00:00Z");
        assert_eq!(tell(&bench, &held, vec![late.clone(), first, same]).await.expect("told"), [true, true, false]);
        assert_eq!(tell(&bench, &held, vec![late]).await.expect("told again"), [false]);
        // Kept offline, told later.
        let between = event("use", AnalyticsKind::FeatureStarted, "2026-01-01T10:30:00.5Z");
        assert_eq!(tell(&bench, &held, vec![between]).await.expect("told"), [true]);
        let all = told(&bench, AnalyticsFilter::default(), None, 10).await;
        assert_eq!(all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["start", "use", "stop"]);
        assert_eq!(told(&bench, AnalyticsFilter::default(), Some(all[0].1), 1).await, all[1..2]);

        let at = |text| Timestamp::parse(text);
        let narrowed = [
            (AnalyticsFilter { from: at("2026-01-01T10:30:00.5Z"), ..AnalyticsFilter::default() }, vec!["use", "stop"]),
            (AnalyticsFilter { to: at("2026-01-01T10:30:00.5Z"), ..AnalyticsFilter::default() }, vec!["start"]),
            (AnalyticsFilter { kind: Some(AnalyticsKind::AppStopped), ..AnalyticsFilter::default() }, vec!["stop"]),
            (AnalyticsFilter { license: Some(license.id), ..AnalyticsFilter::default() }, vec!["start", "use", "stop"]),
            (AnalyticsFilter { product: Some(bench.product("Draw").await.id), ..AnalyticsFilter::default() }, vec![]),
        ];
        for (filter, expected) in narrowed {
            let found = told(&bench, filter.clone(), None, 10).await;
            assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected, "{filter:?}");
        }
        // An activation that was returned still tells what it did.
        bench.give_back(&held).await.expect("returned");
        let last = event("out", AnalyticsKind::SignedOut, "2026-01-01T11:30:00Z");
        assert_eq!(tell(&bench, &held, vec![last]).await.expect("told"), [true]);
    }

    of_a_batch_with_a_bad_event_nothing_is_taken(bench) {
        let product = bench.product("Paint").await.id;
        let (_, held) = activated(&bench, product, Terms::default()).await;
        let good = event("good", AnalyticsKind::SignedIn, "2026-01-01T10:00:00Z");
        let mut nameless = event("x", AnalyticsKind::FeatureStopped, "2026-01-01T10:00:00Z");
        nameless.feature = None;
        let refused = tell(&bench, &held, vec![good.clone(), nameless]).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Missing { field: "feature" }))), "{refused:?}");
        for events in [Vec::new(), vec![good; 501]] {
            let refused = tell(&bench, &held, events).await;
            assert!(matches!(refused, Err(Error::Refused(Refusal::OutOfRange { field: "events", .. }))), "{refused:?}");
        }
        assert_eq!(told(&bench, AnalyticsFilter::default(), None, 10).await, []);
    }

    one_event_told_by_many_at_once_counts_once(bench) {
        let product = bench.product("Paint").await.id;
        let (_, held) = activated(&bench, product, Terms::default()).await;
        let outcomes = bench.all_at_once(8, |_| {
            let (bench, held) = (bench.clone(), held.clone());
            let event = event("once", AnalyticsKind::AppStarted, "2026-01-01T10:00:00Z");
            async move { tell(&bench, &held, vec![event]).await.expect("told") }
        }).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome == &&vec![true]).count(), 1, "{outcomes:?}");
        assert_eq!(told(&bench, AnalyticsFilter::default(), None, 10).await.len(), 1);
    }

    a_passive_license_is_one_signed_lease_that_nothing_renews(bench) {
        let product = bench.product("Paint").await.id;
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let change = lessor_core::catalog::ChangeProduct {
            product,
            name: None,
            active: None,
            trial_offered: None,
            trial_days: None,
            terms: TermsChange { offline_lease_hours: Some(48), activation_limit: Some(9), ..TermsChange::default() },
        };
        bench.write(move |tx, cx| lessor_core::catalog::change_product(tx, cx, &change)).await.expect("changed");
        let command = IssuePassive { account: Some(customer.id), ..passive(product, "instrument-0117") };
        let made = issue(&bench, command).await.expect("a license");
        let keys = bench.read(move |tx, _| lessor_core::catalog::public_keys(tx, product)).await.expect("keys");
        let table: KeyTable = keys.into_iter().map(|(key, _)| key).collect();
        let lease = Document::parse(&made.document).expect("a document").open_lease(&table).expect("a lease");
        assert_eq!((lease.kind, lease.renew_after, lease.device.as_str()), (LeaseKind::Offline, None, "instrument-0117"));
        assert_eq!(lease.expires_at, Some(bench.app.now().plus_hours(48).seconds()));
        assert_eq!(lease.features.iter().map(|feature| feature.code.as_str()).collect::<Vec<_>>(), ["FLAG"]);
        assert_eq!(lease.values["colour"], "red");

        let view = bench.view(made.license.id).await;
        assert_eq!((view.license.role, view.license.account), (Role::Passive, customer.id));
        assert_eq!((view.license.terms.activation_limit, view.license.active_count), (1, 1));
        assert_eq!(made.activation.kind, ActivationKind::Passive);
        // No device activates it, not even under the client's id, and nothing renews it.
        for name in [device(1), "instrument-0117".to_owned()] {
            let taken = bench.activate(activate_on(product, Some(&made.license.code), &name)).await;
            assert!(matches!(taken, Err(Error::Refused(Refusal::NotFound(Noun::License)))), "{taken:?}");
        }
        let secret = bench.app.secret().device_secret(made.activation.id, made.activation.secret_generation);
        let credential = device::DeviceCredential { activation: made.activation.id, secret };
        let renew = device::Renew { device: credential.clone(), number: Some(1), clock_set_back: None };
        let renewed = bench.as_device(move |tx, cx| device::renew(tx, cx, &renew)).await;
        assert!(matches!(renewed, Err(Error::Unauthenticated)), "{renewed:?}");
        let beat = bench.as_device(move |tx, cx| device::heartbeat(tx, cx, &credential)).await;
        assert!(matches!(beat, Err(Error::Unauthenticated)), "{beat:?}");
        assert_eq!(bench.view(made.license.id).await.license.active_count, 1);
    }

    a_passive_license_without_hours_never_ends_and_has_flags_alone(bench) {
        let product = bench.product("Paint").await.id;
        let change = lessor_core::catalog::ChangeProduct {
            product,
            name: None,
            active: None,
            trial_offered: None,
            trial_days: None,
            terms: TermsChange { offline_lease_hours: Some(0), ..TermsChange::default() },
        };
        bench.write(move |tx, cx| lessor_core::catalog::change_product(tx, cx, &change)).await.expect("changed");
        assert_eq!(issue(&bench, passive(product, "instrument-0117")).await.expect("a license").activation.lease_end, None);
        for code in ["FLOAT", "POOL", "TOKEN", "STORE"] {
            let refused = issue(&bench, IssuePassive { features: vec![code.into()], ..passive(product, "instrument-0118") }).await;
            assert!(matches!(refused, Err(Error::Refused(Refusal::WrongFeatureKind))), "{code}: {refused:?}");
        }
        for client in ["short-one".to_owned(), "x".repeat(256), "two\nlines-of-it".to_owned()] {
            let refused = issue(&bench, passive(product, &client)).await;
            assert!(matches!(refused, Err(Error::Refused(Refusal::Malformed { field: "client_id", .. }))), "{refused:?}");
        }
        let unknown = issue(&bench, IssuePassive { features: vec!["NONE".into()], ..passive(product, "instrument-0118") }).await;
        assert!(matches!(unknown, Err(Error::Refused(Refusal::NotFound(Noun::Feature)))), "{unknown:?}");
        let nobody = IssuePassive { account: Some(AccountId(uuid::Uuid::nil())), ..passive(product, "instrument-0118") };
        assert!(matches!(issue(&bench, nobody).await, Err(Error::Refused(Refusal::NotFound(Noun::Account)))));
        // Refused ones left nothing behind.
        let count = bench.read({
            let root = bench.root.id;
            move |tx, cx| license::count(tx, cx, &license::LicenseFilter::of(root))
        }).await.expect("a count");
        assert_eq!(count, 1);
    }
}
