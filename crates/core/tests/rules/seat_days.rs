//! Seat days on both engines: of licenses, accounts and branches, after all that may happen to them.

use lessor_core::account::{self, HoldTarget, Kind, LiftHold, MoveAccount, PlaceHold, Reach};
use lessor_core::catalog;
use lessor_core::license::{self, ChangeLicense, TermChange, TermKind};
use lessor_core::metering::day::{Day, DayRule};
use lessor_core::metering::seat_days::{self, Scope, SeatDays};
use lessor_core::metering::{By, Figures, Per, Range, Report};
use lessor_core::{AccountId, Error, HoldId, LicenseId, Noun, ProductId, Refusal, Timestamp};
use lessor_testkit::{Bench, on_both_engines};
use uuid::Uuid;

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn ask(scope: Scope, from: &str, to: &str) -> SeatDays {
    let rule = DayRule::new("Europe/Prague", 30).expect("a rule");
    let range = Range { from: day(from), until: day(to) };
    SeatDays { scope, product: None, category: None, term: None, rule, range, per: Per::Day, each: Vec::new() }
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

async fn page(bench: &Bench, query: SeatDays, after: Option<Uuid>, limit: u32) -> Report {
    bench.read(move |tx, cx| seat_days::report(tx, cx, &query, after, limit)).await.expect("a report")
}

async fn apart(bench: &Bench, query: &SeatDays, each: &[By]) -> Vec<Figures> {
    let query = SeatDays { each: each.to_vec(), ..query.clone() };
    let report = page(bench, query, None, 1_000).await;
    assert_eq!(report.next, None);
    report.rows
}

/// The one row of a report that tells nothing apart.
async fn total(bench: &Bench, query: SeatDays) -> Figures {
    apart(bench, &query, &[]).await.remove(0)
}

fn days(row: &Figures) -> Vec<i64> {
    row.figures.iter().map(|figure| figure.sum).collect()
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
            let march = total(&bench, ask(scope, "2026-03-01", "2026-03-31")).await;
            assert_eq!((march.total.sum, march.seats, &days(&march)), (265, Some(0), &expected), "{scope:?}");
            let part = total(&bench, ask(scope, "2026-03-01", "2026-03-20")).await;
            assert_eq!((part.total.sum, part.seats), (250, Some(15)), "{scope:?}");
        }
        let nothing = ask(Scope::Account(partner.id), "2026-03-01", "2026-03-31");
        assert!(apart(&bench, &nothing, &[By::Product]).await.is_empty());
        let nothing = total(&bench, nothing).await;
        assert_eq!((days(&nothing), nothing.seats), (vec![0; 31], Some(0)));
        // The license is removed and its account closed: what was, stays.
        bench.write(move |tx, cx| license::remove(tx, cx, license)).await.expect("removed");
        let id = customer.id;
        bench.write(move |tx, cx| account::close(tx, cx, id)).await.expect("closed");
        for scope in [Scope::License(license), Scope::Branch(partner.id)] {
            let march = total(&bench, ask(scope, "2026-03-01", "2026-03-31")).await;
            assert_eq!((march.total.sum, march.seats), (265, Some(0)), "{scope:?}");
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
        assert_eq!(days(&total(&bench, query.clone()).await), [3, 3, 3, 0, 0, 3, 3, 3]);

        // Another parent, and a hold on the former one: what was does not change, and what comes is not reached.
        let other = bench.account(bench.root.id, Kind::Partner, "Other").await;
        let cmd = MoveAccount { account: customer.id, parent: other.id };
        bench.write(move |tx, cx| account::move_to(tx, cx, &cmd)).await.expect("a move");
        hold(&bench, HoldTarget::Account(partner.id), Reach::Branch).await;
        at(&bench, "2026-02-12T10:00");
        assert_eq!(days(&total(&bench, query).await), [3, 3, 3, 0, 0, 3, 3, 3]);
        let later = ask(Scope::Account(customer.id), "2026-02-09", "2026-02-13");
        assert_eq!(days(&total(&bench, later.clone()).await), [3, 3, 3, 3, 0], "the 13th has not come");
        hold(&bench, HoldTarget::Account(other.id), Reach::Branch).await;
        at(&bench, "2026-02-14T10:00");
        assert_eq!(days(&total(&bench, later).await), [3, 3, 3, 3, 0], "held since the 12th");
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
        let told = async |account| {
            let rows = apart(&bench, &of(account), &[By::License, By::Term]).await;
            let mut rows = rows.into_iter().filter(|row| row.of.license == Some(moved));
            let row = rows.next().expect("a row");
            (row.of.term, days(&row), row.seats)
        };
        assert_eq!(told(one).await, (Some(TermKind::Perpetual), vec![2, 2, 0, 0], Some(0)));
        assert_eq!(told(two).await, (Some(TermKind::Subscription), vec![0, 0, 2, 2], Some(2)));

        let whole = ask(Scope::Branch(bench.root.id), "2026-02-01", "2026-02-04");
        let terms = apart(&bench, &whole, &[By::Product, By::Term]).await;
        let terms: Vec<_> = terms.iter().map(|row| (row.names.product.as_deref(), row.of.term, row.total.sum)).collect();
        let expected = [
            (Some("Paint"), Some(TermKind::Perpetual), 4),
            (Some("Paint"), Some(TermKind::Subscription), 4),
            (Some("Draw"), Some(TermKind::Perpetual), 20),
        ];
        assert_eq!(terms, expected);
        let narrowed = async |change: &dyn Fn(&mut SeatDays)| {
            let mut query = whole.clone();
            change(&mut query);
            total(&bench, query).await.total.sum
        };
        assert_eq!(narrowed(&|_| ()).await, 4 * 7);
        assert_eq!(narrowed(&|query| query.product = Some(draw)).await, 20);
        assert_eq!(narrowed(&|query| query.term = Some(TermKind::Subscription)).await, 4);
        let root = bench.root.id;
        let category = bench.write(move |tx, cx| catalog::create_price_category(tx, cx, root, "Endpoint")).await.expect("a category").id;
        bench.write(move |tx, cx| catalog::set_price_categories(tx, cx, draw, &[category])).await.expect("set");
        assert_eq!(narrowed(&|query| query.category = Some(category)).await, 20);
    }

    a_trial_is_told_apart_until_the_day_on_which_it_is_made_a_full_license(bench) {
        let product = bench.product("Paint").await.id;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await.id;
        at(&bench, "2026-02-01T10:00");
        let license = ordered(&bench, product, customer, 2).await;
        let to = async |kind, days| {
            let mut change = ChangeLicense::of(license);
            change.terms.term = Some(TermChange { kind, days, end: None });
            bench.change(change).await.expect("a change");
        };
        to(TermKind::Trial, Some(2)).await;
        at(&bench, "2026-02-05T10:00");
        to(TermKind::Trial, Some(30)).await;
        at(&bench, "2026-02-07T23:00");
        to(TermKind::Subscription, Some(365)).await;
        at(&bench, "2026-02-10T10:00");
        let week = ask(Scope::Branch(bench.root.id), "2026-02-01", "2026-02-08");
        let told = apart(&bench, &week, &[By::Term]).await;
        let told: Vec<_> = told.iter().map(|row| (row.of.term.expect("a kind"), days(row), row.seats)).collect();
        let expected = [
            (TermKind::Subscription, vec![0, 0, 0, 0, 0, 0, 2, 2], Some(2)),
            // Over from the 4th to the 4th, and tried again from the 5th on.
            (TermKind::Trial, vec![2, 2, 2, 0, 2, 2, 0, 0], Some(0)),
        ];
        assert_eq!(told, expected);
    }

    what_has_several_categories_or_features_counts_in_each_and_what_has_none_by_itself(bench) {
        let (paint, draw) = (bench.product("Paint").await.id, bench.product("Draw").await.id);
        let root = bench.root.id;
        let mut categories = Vec::new();
        for name in ["Endpoint", "Server"] {
            let made = bench.write(move |tx, cx| catalog::create_price_category(tx, cx, root, name)).await;
            categories.push(made.expect("a category").id);
        }
        let both = categories.clone();
        bench.write(move |tx, cx| catalog::set_price_categories(tx, cx, paint, &both)).await.expect("set");
        at(&bench, "2026-02-01T10:00");
        let plain = ordered(&bench, draw, root, 1).await;
        let full = ordered(&bench, paint, root, 10).await;
        let on = |code: &str, enabled: bool, limit| catalog::FeatureSetting { code: code.into(), enabled: Some(enabled), limit };
        for (license, features) in [
            (plain, vec![on("FLAG", false, None), on("FLOAT", false, Some(0)), on("POOL", false, Some(0)), on("STORE", false, None)]),
            (full, vec![on("FLAG", true, None), on("FLOAT", false, Some(3)), on("POOL", false, Some(0)), on("STORE", false, None)]),
        ] {
            let mut change = ChangeLicense::of(license);
            change.settings.features = features;
            bench.change(change).await.expect("set");
        }
        at(&bench, "2026-02-03T10:00");
        let days = ask(Scope::Account(root), "2026-02-01", "2026-02-02");
        let told = async |each: &[By]| -> Vec<(Option<String>, Option<String>, i64)> {
            let rows = apart(&bench, &days, each).await;
            rows.into_iter().map(|row| (row.names.category, row.names.feature, row.total.sum)).collect()
        };
        let some = |text: &str| Some(text.to_owned());
        let expected = [(None, None, 2), (some("Endpoint"), None, 20), (some("Server"), None, 20)];
        assert_eq!(told(&[By::Category]).await, expected);
        let expected = [(None, None, 2), (None, some("FLAG"), 20), (None, some("FLOAT"), 20)];
        assert_eq!(told(&[By::Feature]).await, expected);
        let expected = [
            (None, None, 2),
            (some("Endpoint"), some("FLAG"), 20), (some("Endpoint"), some("FLOAT"), 20),
            (some("Server"), some("FLAG"), 20), (some("Server"), some("FLOAT"), 20),
        ];
        assert_eq!(told(&[By::Category, By::Feature]).await, expected);
        // Removed, it is under no feature, and still of its product.
        bench.write(move |tx, cx| license::remove(tx, cx, full)).await.expect("removed");
        assert_eq!(told(&[By::Feature]).await, [(None, None, 22)]);
        let products = apart(&bench, &days, &[By::Product]).await;
        assert_eq!(products.iter().map(|row| (row.of.product, row.total.sum)).collect::<Vec<_>>(), [(Some(paint), 20), (Some(draw), 2)]);
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
        let whole = total(&bench, query.clone()).await;
        // Held within the instant of the order: that day had no moment at which it could be used.
        assert_eq!(whole.total.sum, expected);
        let query = SeatDays { each: vec![By::Account], ..query };
        for limit in [1, 2, 3, 8, 100] {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let report = page(&bench, query.clone(), after, limit).await;
                all.extend(report.rows);
                after = report.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(all.len(), 8, "also the one without a license");
            assert_eq!((all[0].of.account, all[0].names.account.as_deref()), (Some(partner.id), Some("P")));
            assert_eq!(all.iter().map(|row| row.total.sum).sum::<i64>(), expected);
            assert_eq!(all.iter().map(|row| row.seats.expect("seats")).sum::<i64>(), whole.seats.expect("seats"));
            let by_day: Vec<i64> = (0..3).map(|n| all.iter().map(|row| row.figures[n].sum).sum()).collect();
            assert_eq!(by_day, days(&whole));
        }
    }

    a_report_shows_the_callers_branch_alone(bench) {
        let product = bench.product("Paint").await.id;
        let one = bench.account(bench.root.id, Kind::Partner, "One").await;
        let two = bench.account(bench.root.id, Kind::Partner, "Two").await;
        at(&bench, "2026-02-01T10:00");
        let license = ordered(&bench, product, two.id, 1).await;
        let refusal = async |query: SeatDays| {
            bench.read(move |tx, cx| seat_days::report(tx, cx, &query, None, 9)).await.map(|_| ()).expect_err("a refusal")
        };
        let own = Scope::Account(two.id);
        let keys = SeatDays { each: vec![By::Key], ..ask(own, "2026-02-01", "2026-02-01") };
        assert!(matches!(refusal(keys).await, Error::Refused(Refusal::Malformed { field: "each", .. })));
        let unknown = Scope::License(LicenseId(one.id.0));
        assert!(matches!(refusal(ask(unknown, "2026-02-01", "2026-02-01")).await, Error::Refused(Refusal::NotFound(Noun::License))));

        let grant = lessor_core::Grant { path: one.path.clone(), level: lessor_core::identity::Level::Read };
        let actor = lessor_core::Actor { grants: vec![grant], account: one.id, tenant: bench.root.id, ..lessor_core::Actor::system() };
        for scope in [own, Scope::Branch(two.id), Scope::Branch(bench.root.id), Scope::License(license)] {
            let query = ask(scope, "2026-02-01", "2026-02-01");
            let caller = bench.caller(actor.clone());
            let answer = bench.app.read(&caller, move |tx, cx| seat_days::report(tx, cx, &query, None, 9)).await;
            assert!(matches!(answer, Err(Error::Refused(Refusal::NotFound(_)))), "{scope:?}: {answer:?}");
        }
    }
}
