//! What becomes of licenses once they are sold: trials, quantities, exchanges; and how products belong together.

use crate::faults::survives;
use lessor_core::account::{self, Account, HoldTarget, Kind, PlaceHold, Reach};
use lessor_core::catalog::{self, CreateProduct, Direction, Exchange, Product};
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::{self, ExtendTrial, License, TermKind, Terms};
use lessor_core::metering::day::{Day, DayRule};
use lessor_core::metering::seat_days::{self, Scope, SeatDays};
use lessor_core::metering::{By, Per, Range};
use lessor_core::order::{self, ChangeOffers, ChangeRules, Order};
use lessor_core::{Error, LicenseId, Noun, ProductId, Refusal, Timestamp};
use lessor_testkit::world::{activate_on, device, new_product};
use lessor_testkit::{Bench, on_both_engines};

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

struct Shop {
    bench: Bench,
    partner: Account,
    customer: Account,
    product: Product,
}

impl Shop {
    async fn new(bench: Bench) -> Self {
        let partner = bench.account(bench.root.id, Kind::Partner, "Partner").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let product = bench.product("Guard").await;
        let shop = Self { bench, partner, customer, product };
        shop.offer(shop.product.id).await;
        let (account, trials_allowed) = (shop.partner.id, Some(true));
        let rules = ChangeRules { account, trials_allowed, by_request: None, accept_pending: false };
        shop.bench.write(move |tx, cx| order::change_rules(tx, cx, &rules, &|_| None)).await.expect("rules");
        shop
    }

    async fn offer(&self, product: ProductId) {
        let cmd = ChangeOffers { account: self.partner.id, add: vec![product], remove: Vec::new() };
        self.bench.write(move |tx, cx| order::change_offers(tx, cx, &cmd)).await.expect("an offer");
    }

    async fn order(&self, trial_days: Option<i64>) -> License {
        let order = Order { customer: self.customer.id, product: self.product.id, quantity: 5, trial_days };
        self.bench.write(move |tx, cx| order::order(tx, cx, &order, None)).await.expect("a license")
    }

    async fn extend(&self, license: LicenseId) -> Result<License, Error> {
        let cmd = ExtendTrial { license, days: 30, at_most: Some(2) };
        self.bench.write(move |tx, cx| license::extend_trial(tx, cx, &cmd)).await
    }

    async fn convert(&self, license: LicenseId, quantity: i64) -> Result<License, Error> {
        self.bench.write(move |tx, cx| license::convert(tx, cx, license, quantity)).await
    }

    async fn set_quantity(&self, license: LicenseId, quantity: i64) -> Result<License, Error> {
        self.bench.write(move |tx, cx| license::set_quantity(tx, cx, license, quantity)).await
    }

    async fn exchange(&self, license: LicenseId, product: ProductId) -> Result<License, Error> {
        let cmd = license::Exchange { license, product, quantity: 7 };
        self.bench.write(move |tx, cx| license::exchange(tx, cx, &cmd)).await
    }

    async fn may_become(&self, from: ProductId, to: &[(ProductId, Direction)]) -> Result<Vec<Exchange>, Error> {
        let exchanges: Vec<_> = to.iter().map(|(to, direction)| Exchange { to: *to, direction: *direction }).collect();
        self.bench.write(move |tx, cx| catalog::set_exchanges(tx, cx, from, &exchanges)).await
    }

    async fn may_be_exchanged_for(&self, license: LicenseId) -> Vec<String> {
        let license = self.bench.view(license).await.license;
        let open = self.bench.read(move |tx, cx| license::open_exchanges(tx, cx, &license)).await.expect("exchanges");
        open.into_iter().map(|(_, product)| product.name).collect()
    }

    async fn hold(&self, target: HoldTarget) {
        let hold = PlaceHold { target, reach: Reach::Own, cause: "suspended".into(), note: String::new() };
        self.bench.write(move |tx, cx| account::place(tx, cx, &hold)).await.expect("a hold");
    }

    async fn release(&self, target: HoldTarget) {
        self.bench.write(move |tx, cx| account::lift_all_of_cause(tx, cx, target, "suspended")).await.expect("lifted");
    }

    async fn last_event(&self, license: LicenseId) -> journal::Event {
        let filter = EventFilter { subject: Some(license.0) };
        let events = self.bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 99)).await;
        events.expect("events").pop().expect("an event")
    }

    async fn is_sound(&self) {
        let flaws = self.bench.write(|tx, _| lessor_core::verify::verify(tx)).await.expect("verified");
        assert_eq!(flaws, Vec::<String>::new());
    }
}

/// A product that has nothing of what [`new_product`] has but its name.
async fn plain_product(bench: &Bench, name: &str) -> Product {
    let terms = Terms { online_lease_hours: 12, ..Terms::default() };
    let (groups, features, values) = (Vec::new(), Vec::new(), Vec::new());
    let cmd = CreateProduct { terms, groups, features, values, ..new_product(bench, name) };
    bench.write(move |tx, cx| catalog::create_product(tx, cx, &cmd)).await.expect("a product")
}

on_both_engines! {
    a_trial_is_extended_from_its_end_and_only_so_often(bench) {
        let shop = Shop::new(bench).await;
        let trial = shop.order(Some(30)).await;
        let start = shop.bench.app.now();
        assert_eq!((trial.terms.term.kind, trial.terms.term.end), (TermKind::Trial, Some(start.plus_days(30))));
        shop.bench.pass_hours(24);
        for (times, days) in [(1, 60), (2, 90)] {
            let extended = shop.extend(trial.id).await.expect("a license");
            assert_eq!((extended.trial_extensions, extended.terms.term.end), (times, Some(start.plus_days(days))));
            let event = shop.last_event(trial.id).await;
            assert_eq!((event.kind.as_str(), &event.data["days"]), ("license.trial_extended", &30.into()));
        }
        assert_eq!(refused(shop.extend(trial.id).await), Refusal::ExtendedOften { limit: 2 });
        assert_eq!(shop.bench.view(trial.id).await.license.trial_extensions, 2);
        let segments = shop.bench.segments(trial.id).await;
        assert_eq!(segments.last().expect("a segment").ends_at, Some(start.plus_days(90)));
        shop.is_sound().await;
    }

    only_a_running_trial_that_is_not_held_is_extended(bench) {
        let shop = Shop::new(bench).await;
        let trial = shop.order(Some(30)).await;
        for target in [HoldTarget::License(trial.id), HoldTarget::Account(shop.customer.id)] {
            shop.hold(target).await;
            assert_eq!(refused(shop.extend(trial.id).await), Refusal::Held);
            assert_eq!(refused(shop.convert(trial.id, 5).await), Refusal::Held);
            assert_eq!(refused(shop.set_quantity(trial.id, 6).await), Refusal::Held);
            shop.release(target).await;
        }
        let license = trial.id;
        for days in [0, 1_001] {
            let cmd = ExtendTrial { license, days, at_most: None };
            let outcome = shop.bench.write(move |tx, cx| license::extend_trial(tx, cx, &cmd)).await;
            assert_eq!(refused(outcome), Refusal::OutOfRange { field: "days", min: 1, max: 1_000 });
        }
        shop.bench.pass_hours(30 * 24);
        assert_eq!(refused(shop.extend(trial.id).await), Refusal::TermOver);
        assert_eq!(refused(shop.set_quantity(trial.id, 6).await), Refusal::TermOver);
        shop.convert(trial.id, 5).await.expect("a license");
        assert_eq!(refused(shop.extend(trial.id).await), Refusal::NotTrial);
    }

    a_trial_becomes_a_full_license_also_when_it_is_over(bench) {
        let shop = Shop::new(bench).await;
        let trial = shop.order(Some(30)).await;
        shop.bench.pass_hours(31 * 24);
        for quantity in [0, 1_000_001] {
            let why = Refusal::OutOfRange { field: "quantity", min: 1, max: 1_000_000 };
            assert_eq!(refused(shop.convert(trial.id, quantity).await), why);
        }
        let full = shop.convert(trial.id, 8).await.expect("a license");
        assert_eq!((full.code, full.terms.term.kind, full.terms.term.end), (trial.code, TermKind::Perpetual, None));
        assert_eq!(full.terms.activation_limit, 8);
        assert_eq!(refused(shop.convert(trial.id, 8).await), Refusal::NotTrial);
        let segments = shop.bench.segments(trial.id).await;
        let kinds: Vec<_> = segments.iter().map(|segment| (segment.term, segment.quantity)).collect();
        assert_eq!(kinds, [(TermKind::Trial, 5), (TermKind::Perpetual, 8)]);
        assert_eq!(shop.last_event(trial.id).await.kind, "license.converted");
        shop.is_sound().await;
    }

    a_trial_is_ended_at_once_and_another_license_may_follow(bench) {
        let shop = Shop::new(bench).await;
        let trial = shop.order(Some(30)).await;
        shop.hold(HoldTarget::License(trial.id)).await;
        shop.bench.pass_hours(48);
        let (id, now) = (trial.id, shop.bench.app.now());
        let ended = shop.bench.write(move |tx, cx| license::end_trial(tx, cx, id)).await.expect("a license");
        assert_eq!(ended.terms.term.end, Some(now));
        shop.bench.pass_hours(48);
        let again = shop.bench.write(move |tx, cx| license::end_trial(tx, cx, id)).await.expect("a license");
        assert_eq!(again.terms.term.end, Some(now));
        let full = shop.order(None).await.id;
        assert_eq!(refused(shop.bench.write(move |tx, cx| license::end_trial(tx, cx, full)).await), Refusal::NotTrial);
        shop.is_sound().await;
    }

    a_trial_that_is_over_does_not_come_back_beside_a_license_bought_since(bench) {
        let shop = Shop::new(bench).await;
        let trial = shop.order(Some(30)).await;
        shop.bench.pass_hours(31 * 24);
        let bought = shop.order(None).await;
        let why = Refusal::Taken { noun: Noun::License, name: bought.code };
        assert_eq!(refused(shop.convert(trial.id, 5).await), why);
    }

    a_quantity_is_changed_and_never_to_itself(bench) {
        let shop = Shop::new(bench).await;
        let license = shop.order(None).await;
        shop.bench.pass_seconds(1);
        assert_eq!(refused(shop.set_quantity(license.id, 5).await), Refusal::Unchanged { field: "quantity" });
        let changed = shop.set_quantity(license.id, 3).await.expect("a license");
        assert_eq!((changed.terms.activation_limit, changed.version), (3, 2));
        let event = shop.last_event(license.id).await;
        let limit = |side: &str| event.data[side]["terms"]["activation_limit"].clone();
        assert_eq!((event.kind.as_str(), limit("before"), limit("after")), ("license.quantity_changed", 5.into(), 3.into()));
        for quantity in [0, -1, 1_000_001] {
            assert!(matches!(refused(shop.set_quantity(license.id, quantity).await), Refusal::OutOfRange { .. }));
        }
        assert_eq!(shop.bench.segments(license.id).await.len(), 2);
    }

    an_exchange_gives_the_terms_of_the_new_product_and_ends_what_was_activated(bench) {
        let shop = Shop::new(bench).await;
        let more = plain_product(&shop.bench, "Guard Pro").await;
        shop.offer(more.id).await;
        shop.may_become(shop.product.id, &[(more.id, Direction::Upgrade)]).await.expect("exchanges");
        let license = shop.bench.license(shop.product.id, Terms { activation_limit: 5, ..Terms::default() }).await;
        let mut given = license::ChangeLicense::of(license.id);
        given.account = Some(Some(shop.customer.id));
        shop.bench.change(given).await.expect("given");
        let held = shop.bench.activate(activate_on(shop.product.id, Some(&license.code), &device(1))).await.expect("held");
        shop.bench.pass_seconds(60);

        let changed = shop.exchange(license.id, more.id).await.expect("a license");
        assert_eq!((changed.id, &changed.code, changed.product), (license.id, &license.code, more.id));
        assert_eq!((changed.terms.activation_limit, changed.terms.online_lease_hours), (7, 12));
        assert_eq!((changed.active_count, changed.returned_count), (0, 1));
        assert_eq!(refused(shop.bench.renew(&held).await), Refusal::ActivationReturned);
        let view = shop.bench.view(license.id).await;
        assert_eq!((&view.license, view.settings.grants.len(), view.settings.values.len()), (&changed, 0, 0));
        let segments = shop.bench.segments(license.id).await;
        let [.., before, after] = segments.as_slice() else { panic!("{segments:?}") };
        assert_eq!((before.product, after.product, after.quantity), (shop.product.id, more.id, 7));
        assert_eq!(before.to, Some(shop.bench.app.now()));
        let event = shop.last_event(license.id).await;
        assert_eq!((event.kind.as_str(), &event.data["direction"]), ("license.exchanged", &"upgrade".into()));
        // The new product's devices are let in, those of the old one are not.
        assert!(shop.bench.activate(activate_on(shop.product.id, Some(&license.code), &device(1))).await.is_err());
        shop.bench.activate(activate_on(more.id, Some(&license.code), &device(1))).await.expect("held");
        shop.is_sound().await;
    }

    seat_days_count_the_new_product_from_the_day_of_the_exchange(bench) {
        let shop = Shop::new(bench).await;
        let more = plain_product(&shop.bench, "Guard Pro").await;
        shop.offer(more.id).await;
        shop.may_become(shop.product.id, &[(more.id, Direction::Upgrade)]).await.expect("exchanges");
        let at = |text: &str| {
            let instant = Timestamp::parse(&format!("2026-03-{text}:00+01:00")).expect("an instant");
            assert!(shop.bench.clock.move_to(instant), "time does not go back");
        };
        at("01T08:00");
        let license = shop.order(None).await;
        at("04T14:00");
        shop.exchange(license.id, more.id).await.expect("a license");
        at("07T08:00");
        let day = |text: &str| Day::parse(text).expect("a day");
        let query = SeatDays {
            scope: Scope::Account(shop.customer.id),
            product: None,
            category: None,
            term: None,
            rule: DayRule::new("Europe/Prague", 30).expect("a rule"),
            range: Range { from: day("2026-03-01"), until: day("2026-03-06") },
            per: Per::Day,
            each: vec![By::Product],
        };
        let report = shop.bench.read(move |tx, cx| seat_days::report(tx, cx, &query, None, 9)).await.expect("a report");
        let days = |product: ProductId| {
            let row = report.rows.iter().find(|row| row.of.product == Some(product)).expect("a row");
            row.figures.iter().map(|figure| figure.sum).collect::<Vec<_>>()
        };
        assert_eq!((days(shop.product.id), days(more.id)), (vec![5, 5, 5, 0, 0, 0], vec![0, 0, 0, 7, 7, 7]));
    }

    what_becomes_of_a_license_becomes_of_it_whole(bench) {
        let shop = Shop::new(bench).await;
        let more = plain_product(&shop.bench, "Guard Pro").await;
        shop.offer(more.id).await;
        let system = || shop.bench.app.system();
        let (from, to) = (shop.product.id, more.id);
        let exchanges = [Exchange { to, direction: Direction::Upgrade }];
        survives(&shop.bench, system(), move |tx, cx| catalog::set_exchanges(tx, cx, from, &exchanges)).await;
        survives(&shop.bench, system(), move |tx, cx| catalog::set_bundled(tx, cx, from, &[to])).await;
        let id = shop.order(Some(30)).await.id;
        shop.bench.pass_seconds(60);
        let extension = ExtendTrial { license: id, days: 30, at_most: Some(2) };
        survives(&shop.bench, system(), move |tx, cx| license::extend_trial(tx, cx, &extension)).await;
        shop.bench.pass_seconds(60);
        survives(&shop.bench, system(), move |tx, cx| license::end_trial(tx, cx, id)).await;
        shop.bench.pass_seconds(60);
        survives(&shop.bench, system(), move |tx, cx| license::convert(tx, cx, id, 4)).await;
        shop.bench.pass_seconds(60);
        survives(&shop.bench, system(), move |tx, cx| license::set_quantity(tx, cx, id, 6)).await;
        let code = shop.bench.view(id).await.license.code;
        shop.bench.activate(activate_on(from, Some(&code), &device(1))).await.expect("held");
        shop.bench.pass_seconds(60);
        let cmd = license::Exchange { license: id, product: to, quantity: 7 };
        survives(&shop.bench, system(), move |tx, cx| license::exchange(tx, cx, &cmd)).await;
        shop.is_sound().await;
    }

    an_exchange_is_refused_for_each_thing_that_stands_against_it(bench) {
        let shop = Shop::new(bench).await;
        let more = plain_product(&shop.bench, "Guard Pro").await;
        let trial = shop.order(Some(30)).await;
        assert_eq!(refused(shop.exchange(trial.id, more.id).await), Refusal::NotExchangeable);
        shop.may_become(shop.product.id, &[(more.id, Direction::Downgrade)]).await.expect("exchanges");
        assert_eq!(refused(shop.exchange(trial.id, more.id).await), Refusal::NotExchangeable);
        assert_eq!(shop.may_be_exchanged_for(trial.id).await, Vec::<String>::new());
        let full = shop.convert(trial.id, 5).await.expect("a license");
        assert_eq!(refused(shop.exchange(full.id, more.id).await), Refusal::NotOffered);
        assert_eq!(shop.may_be_exchanged_for(full.id).await, Vec::<String>::new());
        shop.offer(more.id).await;
        assert_eq!(shop.may_be_exchanged_for(full.id).await, ["Guard Pro"]);
        assert_eq!(refused(shop.exchange(full.id, ProductId(full.id.0)).await), Refusal::NotFound(Noun::Product));
        assert_eq!(refused(shop.exchange(full.id, shop.product.id).await), Refusal::NotExchangeable);
        shop.hold(HoldTarget::License(full.id)).await;
        assert_eq!(refused(shop.exchange(full.id, more.id).await), Refusal::Held);
        shop.release(HoldTarget::License(full.id)).await;
        let order = Order { customer: shop.customer.id, product: more.id, quantity: 1, trial_days: None };
        let code = full.code.clone();
        let there = shop.bench.write(move |tx, cx| order::order(tx, cx, &order, None)).await.expect("a license");
        let why = Refusal::Taken { noun: Noun::License, name: there.code };
        assert_eq!(refused(shop.exchange(full.id, more.id).await), why);
        // Nor does it take the code of somebody else's license.
        let id = there.id;
        shop.bench.pass_seconds(1);
        shop.bench.write(move |tx, cx| license::remove(tx, cx, id)).await.expect("removed");
        let same = license::Codes::Import(vec![code.clone()]);
        let cmd = lessor_testkit::world::issue_of(more.id, None, same);
        shop.bench.write(move |tx, cx| license::issue(tx, cx, &cmd)).await.expect("licenses");
        assert_eq!(refused(shop.exchange(full.id, more.id).await), Refusal::Taken { noun: Noun::License, name: code });
        assert_eq!(shop.bench.view(full.id).await.license, full);
        shop.is_sound().await;
    }

    products_are_exchanged_one_way_and_bundled_one_deep(bench) {
        let shop = Shop::new(bench).await;
        let (one, two) = (plain_product(&shop.bench, "One").await, plain_product(&shop.bench, "Two").await);
        let from = shop.product.id;
        let set = shop.may_become(from, &[(two.id, Direction::Upgrade), (one.id, Direction::Downgrade)]).await;
        let exchange = |to: &Product, direction| Exchange { to: to.id, direction };
        let wanted = [exchange(&one, Direction::Downgrade), exchange(&two, Direction::Upgrade)];
        assert_eq!(set.expect("exchanges"), wanted);
        assert_eq!(shop.may_become(one.id, &[]).await.expect("exchanges"), []);
        for bad in [vec![(from, Direction::Upgrade)], vec![(one.id, Direction::Upgrade), (one.id, Direction::Downgrade)]] {
            assert!(matches!(refused(shop.may_become(from, &bad).await), Refusal::Malformed { field: "exchanges", .. }));
        }
        let nobody = ProductId(shop.customer.id.0);
        let missing = refused(shop.may_become(from, &[(nobody, Direction::Upgrade)]).await);
        assert_eq!(missing, Refusal::NotFound(Noun::Product));
        let read = shop.bench.read(move |tx, cx| catalog::exchanges(tx, cx, from)).await.expect("exchanges");
        assert_eq!(read, wanted);

        let bundle = async |bundle: ProductId, products: &[ProductId]| {
            let products = products.to_vec();
            let set = shop.bench.write(move |tx, cx| catalog::set_bundled(tx, cx, bundle, &products)).await?;
            Ok::<_, Error>(set.into_iter().map(|product| product.name).collect::<Vec<_>>())
        };
        assert_eq!(bundle(from, &[two.id, one.id]).await.expect("a bundle"), ["One", "Two"]);
        for (outer, inner) in [(one.id, two.id), (two.id, from), (from, from)] {
            assert!(matches!(refused(bundle(outer, &[inner]).await), Refusal::Malformed { field: "products", .. }));
        }
        assert_eq!(bundle(from, &[]).await.expect("no bundle"), Vec::<String>::new());
        assert_eq!(bundle(one.id, &[two.id]).await.expect("a bundle"), ["Two"]);
    }
}
