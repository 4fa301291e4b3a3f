//! Which licenses go to which daemon, and how what they count is shared out.

use super::{Lan, daemons, master, network, pass, refused, settled};
use lessor_core::account::{HoldTarget, Kind, PlaceHold, Reach};
use lessor_core::daemon::{self, DaemonFilter};
use lessor_core::device::{self, Draw, TokenUse};
use lessor_core::identity::Level;
use lessor_core::license::{ChangeLicense, Codes};
use lessor_core::{Actor, Error, Grant, Noun, Refusal, account, license};
use lessor_testkit::world::{Held, issue_of};
use lessor_testkit::{Bench, on_both_engines};

async fn seats(lan: &Lan, held: &Held, seats: i64) -> Result<i64, Error> {
    let credential = held.credential.clone();
    let taken = lan.local.as_device(move |tx, cx| device::check_out_seats(tx, cx, &credential, "FLOAT", seats)).await;
    taken.map(|view| view.held)
}

async fn draw(lan: &Lan, held: &Held, amount: i64) -> Result<i64, Error> {
    let (credential, draw) = (held.credential.clone(), Draw { feature: "POOL".into(), amount });
    let taken = lan.local.as_device(move |tx, cx| device::draw_elements(tx, cx, &credential, &draw)).await;
    taken.map(|view| view.held)
}

async fn tokens(lan: &Lan, held: &Held, amount: i64) -> Result<i64, Error> {
    let credential = held.credential.clone();
    let taken = lan.local.as_device(move |tx, cx| device::check_out_tokens(tx, cx, &credential, "TOKEN", amount)).await;
    taken.map(|view| view.held)
}

async fn used(bench: &Bench, license: &license::License) -> [i64; 3] {
    let mut used = [0; 3];
    for (n, feature) in ["FLOAT", "POOL", "TOKEN"].into_iter().enumerate() {
        used[n] = bench.used(license.id, feature).await.0;
    }
    used
}

on_both_engines! {
    what_features_count_is_shared_out_among_the_daemons(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 3).await;
        // Ten of each for three daemons.
        let license = bench.license(product.id, network(3, 2)).await;
        let lans = [
            Lan::new(&bench, product.id, &master).await,
            Lan::new(&bench, product.id, &master).await,
            Lan::new(&bench, product.id, &master).await,
        ];
        for (lan, share) in lans.iter().zip([4, 3, 3]) {
            lan.enrol(&bench).await;
            let held = lan.seat(&license, 0, 1).await.remove(0);
            assert!(seats(lan, &held, share + 1).await.is_err());
            assert_eq!(seats(lan, &held, share).await.expect("seats"), share);
            assert_eq!(draw(lan, &held, share).await.expect("elements"), share);
            assert_eq!(tokens(lan, &held, share).await.expect("tokens"), share);
            assert_eq!(refused(tokens(lan, &held, 1).await), Refusal::NoSeat { limit: share, concurrent: true });
        }
        assert_eq!(used(&bench, &license).await, [10, 10, 10]);
        settled(&bench).await;

        // A daemon that never comes back gives back all but its tokens, which may be used up.
        pass(31 * 24, &[&bench]);
        settled(&bench).await;
        assert_eq!(used(&bench, &license).await, [0, 0, 10]);
        let again = &lans[1];
        again.local.pass_hours(31 * 24);
        again.enrol(&bench).await;
        assert_eq!(used(&bench, &license).await, [4, 4, 10]);
        let held = again.seat(&license, 5, 6).await.remove(0);
        assert_eq!(seats(again, &held, 4).await.expect("seats"), 4);
        settled(&bench).await;
    }

    a_share_that_becomes_smaller_is_not_given_twice(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 2).await;
        let license = bench.license(product.id, network(1, 2)).await;
        let first = Lan::new(&bench, product.id, &master).await;
        first.enrol(&bench).await;
        let held = first.seat(&license, 0, 1).await.remove(0);
        assert_eq!(seats(&first, &held, 10).await.expect("all"), 10);
        let more = license::TermsChange { activation_limit: Some(2), ..license::TermsChange::default() };
        bench.change(ChangeLicense { terms: more, ..ChangeLicense::of(license.id) }).await.expect("a change");
        first.sync(&bench).await.expect("an answer");
        let second = Lan::new(&bench, product.id, &master).await;
        second.enrol(&bench).await;
        let other = second.seat(&license, 0, 1).await.remove(0);
        assert_eq!(refused(seats(&second, &other, 1).await), Refusal::NoSeat { limit: 0, concurrent: true });
        assert_eq!(used(&bench, &license).await, [10, 10, 10]);
        settled(&bench).await;
    }

    tokens_that_were_used_up_stay_used_up(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 2)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        lan.enrol(&bench).await;
        let held = lan.seat(&license, 0, 1).await.remove(0);
        tokens(&lan, &held, 6).await.expect("tokens");
        let (credential, used) = (held.credential.clone(), TokenUse { feature: "TOKEN".into(), give_back: 0, consumed: 6 });
        lan.local.as_device(move |tx, cx| device::return_tokens(tx, cx, &credential, &used)).await.expect("used up");
        for _ in 0..3 {
            pass(4 * 24, &[&bench, &lan.local]);
            lan.sync(&bench).await.expect("an answer");
        }
        let held = lan.seat(&license, 1, 2).await.remove(0);
        assert_eq!(tokens(&lan, &held, 4).await.expect("the rest"), 4);
        assert!(tokens(&lan, &held, 1).await.is_err());
    }

    a_customers_daemon_serves_that_customer_and_the_vendors_own_serves_all(bench) {
        let product = bench.product("Paint").await;
        let ann = bench.account(bench.root.id, Kind::Customer, "Ann").await;
        let bob = bench.account(bench.root.id, Kind::Customer, "Bob").await;
        let masters = [
            master(&bench, product.id, Some(&ann), 1).await,
            master(&bench, product.id, None, 1).await,
        ];
        let anns = bench.license(product.id, network(2, 1)).await;
        let bobs = bench.license(product.id, network(2, 1)).await;
        for (license, owner) in [(&anns, &ann), (&bobs, &bob)] {
            let change = ChangeLicense { account: Some(Some(owner.id)), ..ChangeLicense::of(license.id) };
            bench.change(change).await.expect("a change");
        }
        let lans = [Lan::new(&bench, product.id, &masters[0]).await, Lan::new(&bench, product.id, &masters[1]).await];
        for lan in &lans {
            lan.enrol(&bench).await;
        }
        lans[0].activate(&anns, "client-000001").await.expect("a seat");
        assert_eq!(refused(lans[0].activate(&bobs, "client-000001").await), Refusal::NotFound(Noun::License));
        lans[1].activate(&anns, "client-000001").await.expect("a seat");
        lans[1].activate(&bobs, "client-000001").await.expect("a seat");

        // Each sees the daemons of its own branch.
        let seen = |account: &account::Account| {
            let grants = vec![Grant { path: account.path.clone(), level: Level::Write }];
            let actor = Actor { account: account.id, path: account.path.clone(), grants, ..Actor::system() };
            let caller = bench.caller(actor);
            let app = bench.app.clone();
            async move { app.read(&caller, |tx, cx| daemon::list(tx, cx, &DaemonFilter::default(), None, 9)).await }
        };
        assert_eq!(seen(&ann).await.expect("a list").len(), 1);
        assert_eq!(seen(&bob).await.expect("a list").len(), 0);
        assert_eq!(seen(&bench.root).await.expect("a list").len(), 2);
        let strange = daemons(&bench).await.into_iter().find(|daemon| daemon.account == ann.id).expect("Ann's").id;
        let grants = vec![Grant { path: bob.path.clone(), level: Level::Write }];
        let caller = bench.caller(Actor { account: bob.id, path: bob.path.clone(), grants, ..Actor::system() });
        let outcome = bench.app.write(&caller, move |tx, cx| daemon::free(tx, cx, strange)).await;
        assert_eq!(refused(outcome), Refusal::NotFound(Noun::Daemon));

        // A branch on hold is served no more.
        let hold = PlaceHold {
            target: HoldTarget::Account(ann.id), reach: Reach::Branch, cause: "unpaid".into(), note: String::new(),
        };
        bench.write(move |tx, cx| account::place(tx, cx, &hold)).await.expect("a hold");
        let answer = lans[0].sync(&bench).await.expect("an answer");
        assert_eq!(answer.withheld, Some(Refusal::Held));
        lans[1].sync(&bench).await.expect("an answer");
        for lan in &lans {
            assert_eq!(refused(lan.activate(&anns, "client-000002").await), Refusal::Held);
        }
        lans[1].sync(&bench).await.expect("an answer");
        assert_eq!(lans[1].seats_out().await, 1, "Bob's goes on");
    }

    only_a_daemon_activates_a_master_license_and_only_with_one(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let by_device = bench.activate(lessor_testkit::world::activate_on(product.id, Some(&master.code), "device-0001"));
        assert!(matches!(refused(by_device.await), Refusal::NetworkOnly | Refusal::NotFound(Noun::License)));
        let (_, code) = bench.issue(product.id, None, 1).await.remove(0);
        let plain = license::License { code, ..master.clone() };
        let lan = Lan::new(&bench, product.id, &plain).await;
        assert_eq!(refused(lan.ask(&bench).await), Refusal::NotFound(Noun::License));
        let mut shares = issue_of(product.id, None, Codes::Generate(1));
        shares.role = license::Role::Delegated;
        let caller = bench.caller(Actor { who: lessor_core::Who::Device(None), ..Actor::system() });
        let outcome = bench.app.write(&caller, move |tx, cx| license::issue(tx, cx, &shares)).await;
        assert!(matches!(refused(outcome), Refusal::Malformed { field: "role", .. }));
    }
}
