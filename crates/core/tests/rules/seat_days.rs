//! Seat days on both engines: of licenses, accounts and branches, after all that may happen to them.

use lessor_core::account::{self, HoldTarget, Kind, LiftHold, MoveAccount, PlaceHold, Reach};
use lessor_core::catalog;
use lessor_core::license::{self, ChangeLicense, TermChange, TermKind};
use lessor_core::metering::day::{Day, DayRule};
use lessor_core::metering::seat_days::{self, AccountFigures, LicenseFigures, ProductFigures, Scope, SeatDays};
use lessor_core::{AccountId, Error, HoldId, LicenseId, Noun, ProductId, Refusal, Timestamp};
use lessor_testkit::{Bench, on_both_engines};

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn ask(scope: Scope, from: &str, to: &str) -> SeatDays {
    let rule = DayRule::new("Europe/Prague", 30).expect("a rule");
    SeatDays { scope, product: None, category: None, term: None, rule, from: day(from), to: day(to) }
}

/// Moves the clock to a winter time in Prague.
fn at(bench: &Bench, text: &str) {
    let instant = Timestamp::parse(&format!("{text}:00+01:00")).expect("an instant");
    assert!(bench.clock.move_to(instant), "time does not go back");
}

async fn ordered(bench: &Bench, product: ProductId, account: AccountId, seats: i64) -> LicenseId {
    let (id, _) = bench.issue(product, None, 1).await.remove(0);
    let mut change = ChangeLicense::of(id);
    change.account = Some(Some(account));
    change.terms.activation_limit = Some(seats);
    bench.change(change).await.expect("an order");
    id
}

async fn set_seats(bench: &Bench, id: LicenseId, seats: i64) {
    let mut change = ChangeLicense::of(id);
    change.terms.activation_limit = Some(seats);
    bench.change(change).await.expect("a change");
}

async fn hold(bench: &Bench, target: HoldTarget, reach: Reach) -> HoldId {
    let cmd = PlaceHold { target, reach, cause: "unpaid".into(), note: String::new() };
    bench.write(move |tx, cx| account::place(tx, cx, &cmd)).await.expect("a hold").id
}

async fn by_product(bench: &Bench, query: SeatDays) -> Vec<ProductFigures> {
    bench.read(move |tx, cx| seat_days::by_product(tx, cx, &query)).await.expect("figures")
}

async fn by_license(bench: &Bench, query: SeatDays) -> Vec<LicenseFigures> {
    bench.read(move |tx, cx| seat_days::by_license(tx, cx, &query)).await.expect("figures")
}

async fn by_account(bench: &Bench, query: SeatDays, after: Option<AccountId>, limit: u32) -> Vec<AccountFigures> {
    bench.read(move |tx, cx| seat_days::by_account(tx, cx, &query, after, limit)).await.expect("figures")
}

async fn days_of(bench: &Bench, query: SeatDays) -> Vec<i64> {
    by_product(bench, query).await.first().map_or_else(Vec::new, |figures| figures.days.clone())
}

on_both_engines! {
    the_worked_example_comes_to_265_for_the_license_the_account_and_the_branch(bench) {
        let product = bench.product("Paint").await.id;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
        let customer = bench.account(partner.id, Kind::Customer, "C").await;
        at(&bench, "2026-03-01T10:00");
        let license = ordered(&bench, product, customer.id, 10).await;
        at(&bench, "2026-03-11T14:00");
        set_seats(&bench, license, 15).await;
        at(&bench, "2026-03-12T10:00");
        set_seats(&bench, license, 40).await;
        at(&bench, "2026-03-12T22:00");
        set_seats(&bench, license, 15).await;
        at(&bench, "2026-03-21T09:00");
        hold(&bench, HoldTarget::License(license), Reach::Own).await;
        at(&bench, "2026-04-02T09:00");
        let expected = [vec![10; 10], vec![15; 11], vec![0; 10]].concat();
        for scope in [Scope::License(license), Scope::Account(customer.id), Scope::Branch(customer.id), Scope::Branch(partner.id)] {
            let march = by_product(&bench, ask(scope, "2026-03-01", "2026-03-31")).await;
            assert_eq!(march.len(), 1, "{scope:?}");
            assert_eq!((march[0].seat_days, march[0].seats, &march[0].days), (265, 0, &expected), "{scope:?}");
            let part = by_product(&bench, ask(scope, "2026-03-01", "2026-03-20")).await;
            assert_eq!((part[0].seat_days, part[0].seats), (250, 15), "{scope:?}");
        }
        assert!(by_product(&bench, ask(Scope::Account(partner.id), "2026-03-01", "2026-03-31")).await.is_empty());
        // The license is removed and its account closed: what was, stays.
        bench.write(move |tx, cx| license::remove(tx, cx, license)).await.expect("removed");
        let id = customer.id;
        bench.write(move |tx, cx| account::close(tx, cx, id)).await.expect("closed");
        for scope in [Scope::License(license), Scope::Branch(partner.id)] {
            let march = by_product(&bench, ask(scope, "2026-03-01", "2026-03-31")).await;
            assert_eq!((march[0].seat_days, march[0].seats), (265, 0), "{scope:?}");
        }
    }

    a_hold_above_stops_the_branch_and_its_lifting_counts_from_that_day_on(bench) {
        let product = bench.product("Paint").await.id;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
        let customer = bench.account(partner.id, Kind::Customer, "C").await;
        at(&bench, "2026-02-01T10:00");
        ordered(&bench, product, customer.id, 3).await;
        at(&bench, "2026-02-03T10:00");
        let own = hold(&bench, HoldTarget::Account(partner.id), Reach::Own).await;
        let branch = hold(&bench, HoldTarget::Account(partner.id), Reach::Branch).await;
        at(&bench, "2026-02-06T10:00");
        for hold in [branch, own] {
            bench.write(move |tx, cx| account::lift(tx, cx, &LiftHold { hold })).await.expect("lifted");
        }
        at(&bench, "2026-02-10T10:00");
        let query = ask(Scope::Branch(bench.root.id), "2026-02-01", "2026-02-08");
        assert_eq!(days_of(&bench, query.clone()).await, [3, 3, 3, 0, 0, 3, 3, 3]);

        // Another parent, and a hold on the former one: what was does not change, and what comes is not reached.
        let other = bench.account(bench.root.id, Kind::Partner, "Other").await;
        let cmd = MoveAccount { account: customer.id, parent: other.id };
        bench.write(move |tx, cx| account::move_to(tx, cx, &cmd)).await.expect("a move");
        hold(&bench, HoldTarget::Account(partner.id), Reach::Branch).await;
        at(&bench, "2026-02-12T10:00");
        assert_eq!(days_of(&bench, query).await, [3, 3, 3, 0, 0, 3, 3, 3]);
        let later = ask(Scope::Account(customer.id), "2026-02-09", "2026-02-13");
        assert_eq!(days_of(&bench, later.clone()).await, [3, 3, 3, 3, 0], "the 13th has not come");
        hold(&bench, HoldTarget::Account(other.id), Reach::Branch).await;
        at(&bench, "2026-02-14T10:00");
        assert_eq!(days_of(&bench, later).await, [3, 3, 3, 3, 0], "held since the 12th");
    }

    a_license_that_changes_hands_or_products_counts_once_a_day(bench) {
        let (paint, draw) = (bench.product("Paint").await.id, bench.product("Draw").await.id);
        let one = bench.account(bench.root.id, Kind::Customer, "One").await.id;
        let two = bench.account(bench.root.id, Kind::Customer, "Two").await.id;
        at(&bench, "2026-02-01T10:00");
        let moved = ordered(&bench, paint, one, 2).await;
        ordered(&bench, draw, one, 5).await;
        at(&bench, "2026-02-03T10:00");
        let mut change = ChangeLicense::of(moved);
        change.account = Some(Some(two));
        change.terms.term = Some(TermChange { kind: TermKind::Subscription, days: Some(30), end: None });
        bench.change(change).await.expect("a change");
        at(&bench, "2026-02-05T10:00");
        let of = |account| ask(Scope::Account(account), "2026-02-01", "2026-02-04");
        let mut firsts = by_license(&bench, of(one)).await;
        firsts.retain(|figures| figures.of.0 == moved);
        assert_eq!((firsts[0].of.2, &firsts[0].days, firsts[0].seats), (TermKind::Perpetual, &vec![2, 2, 0, 0], 0));
        let seconds = by_license(&bench, of(two)).await;
        assert_eq!((seconds[0].of, &seconds[0].days, seconds[0].seats), ((moved, paint, TermKind::Subscription), &vec![0, 0, 2, 2], 2));

        let whole = ask(Scope::Branch(bench.root.id), "2026-02-01", "2026-02-04");
        let sum = |figures: &[ProductFigures]| figures.iter().map(|figures| figures.seat_days).sum::<i64>();
        assert_eq!(sum(&by_product(&bench, whole.clone()).await), 4 * 7);
        let narrowed = |change: &dyn Fn(&mut SeatDays)| {
            let mut query = whole.clone();
            change(&mut query);
            by_product(&bench, query)
        };
        assert_eq!(sum(&narrowed(&|query| query.product = Some(draw)).await), 20);
        assert_eq!(sum(&narrowed(&|query| query.term = Some(TermKind::Subscription)).await), 4);
        let root = bench.root.id;
        let category = bench.write(move |tx, cx| catalog::create_price_category(tx, cx, root, "Endpoint")).await.expect("a category").id;
        bench.write(move |tx, cx| catalog::set_price_categories(tx, cx, draw, &[category])).await.expect("set");
        assert_eq!(sum(&narrowed(&|query| query.category = Some(category)).await), 20);
    }

    a_branch_is_the_sum_of_its_accounts_however_it_is_paged(bench) {
        let product = bench.product("Paint").await.id;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
        at(&bench, "2026-02-01T10:00");
        let mut expected = 0;
        for n in 0..7 {
            let customer = bench.account(partner.id, Kind::Customer, &format!("C{n}")).await;
            if n != 3 {
                ordered(&bench, product, customer.id, n + 1).await;
                expected += (n + 1) * 3;
            }
            if n == 5 {
                hold(&bench, HoldTarget::Account(customer.id), Reach::Own).await;
                expected -= 2 * 6 + 6;
            }
        }
        ordered(&bench, product, partner.id, 11).await;
        expected += 33;
        at(&bench, "2026-02-04T10:00");
        let query = ask(Scope::Branch(partner.id), "2026-02-01", "2026-02-03");
        let whole = by_product(&bench, query.clone()).await;
        // Held within the instant of the order: that day had no moment at which it could be used.
        assert_eq!(whole[0].seat_days, expected);
        for limit in [1, 2, 3, 100] {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let page = by_account(&bench, query.clone(), after, limit).await;
                let Some(last) = page.last() else { break };
                after = Some(last.of);
                all.extend(page);
            }
            assert_eq!(all.len(), 8, "also the one without a license");
            assert_eq!(all[0].of, partner.id);
            assert_eq!(all.iter().map(|figures| figures.seat_days).sum::<i64>(), expected);
            assert_eq!(all.iter().map(|figures| figures.seats).sum::<i64>(), whole[0].seats);
            let by_day: Vec<i64> = (0..3).map(|n| all.iter().map(|figures| figures.days[n]).sum()).collect();
            assert_eq!(by_day, whole[0].days);
        }
    }

    a_report_has_days_in_order_and_shows_the_callers_branch_alone(bench) {
        let product = bench.product("Paint").await.id;
        let one = bench.account(bench.root.id, Kind::Partner, "One").await;
        let two = bench.account(bench.root.id, Kind::Partner, "Two").await;
        at(&bench, "2026-02-01T10:00");
        let license = ordered(&bench, product, two.id, 1).await;
        let refusal = async |query: SeatDays| {
            bench.read(move |tx, cx| seat_days::by_product(tx, cx, &query)).await.map(|_| ()).expect_err("a refusal")
        };
        let own = Scope::Account(two.id);
        assert!(matches!(refusal(ask(own, "2026-02-02", "2026-02-01")).await, Error::Refused(Refusal::Malformed { field: "to", .. })));
        assert!(matches!(refusal(ask(own, "2024-01-01", "2026-02-01")).await, Error::Refused(Refusal::OutOfRange { field: "days", .. })));
        let unknown = Scope::License(LicenseId(one.id.0));
        assert!(matches!(refusal(ask(unknown, "2026-02-01", "2026-02-01")).await, Error::Refused(Refusal::NotFound(Noun::License))));

        let grant = lessor_core::Grant { path: one.path.clone(), level: lessor_core::identity::Level::Read };
        let actor = lessor_core::Actor { grants: vec![grant], account: one.id, tenant: bench.root.id, ..lessor_core::Actor::system() };
        for scope in [own, Scope::Branch(two.id), Scope::Branch(bench.root.id), Scope::License(license)] {
            let query = ask(scope, "2026-02-01", "2026-02-01");
            let caller = bench.caller(actor.clone());
            let answer = bench.app.read(&caller, move |tx, cx| seat_days::by_product(tx, cx, &query)).await;
            assert!(matches!(answer, Err(Error::Refused(Refusal::NotFound(_)))), "{scope:?}: {answer:?}");
        }
    }
}
