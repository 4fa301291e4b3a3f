//! Accounts: where they may stand, what a move takes along, and who sees what.

use lessor_core::account::{self, Account, AccountFilter, ChangeAccount, CreateAccount, Kind, MoveAccount, Path};
use lessor_core::identity::{Level, Right};
use lessor_core::journal::{self, EventFilter};
use lessor_core::{AccountId, Actor, Caller, Error, Grant, Noun, Refusal, Who};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::json;

async fn move_to(bench: &Bench, account: AccountId, parent: AccountId) -> Result<Account, Error> {
    bench.write(move |tx, cx| account::move_to(tx, cx, &MoveAccount { account, parent })).await
}

async fn found(bench: &Bench, id: AccountId) -> Account {
    bench.read(move |tx, cx| account::get(tx, cx, id)).await.expect("an account")
}

async fn create_as(bench: &Bench, caller: &Caller, parent: Option<AccountId>, kind: Kind) -> Result<Account, Error> {
    let command = CreateAccount { id: None, parent, kind, name: "New".into(), contact: json!({}) };
    bench.app.write(caller, move |tx, cx| account::create(tx, cx, &command)).await
}

/// Someone with these levels on these accounts.
pub fn someone(bench: &Bench, grants: &[(&Account, Level)]) -> Caller {
    let home = grants.first().map_or(&bench.root, |(account, _)| account);
    bench.caller(Actor {
        who: Who::User(lessor_core::UserId(home.id.0)),
        account: home.id,
        tenant: home.tenant,
        path: home.path.clone(),
        grants: grants.iter().map(|(account, level)| Grant { path: account.path.clone(), level: *level }).collect(),
        rights: None,
        draws: false,
    })
}

/// Every account of the bench, with what its path should be by its parents alone.
async fn check_paths(bench: &Bench) {
    let all = bench.read(|tx, cx| account::list(tx, cx, &AccountFilter::default(), None, 10_000)).await;
    let all = all.expect("accounts");
    for account in &all {
        let parent = all.iter().find(|other| Some(other.id) == account.parent);
        let above = parent.map_or_else(Path::everything, |parent| parent.path.clone());
        assert_eq!(account.path, above.child(account.id), "{}", account.name);
    }
}

on_both_engines! {
    an_account_stands_below_its_parent_in_its_tenant(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let customer = bench.account(partner.id, Kind::Customer, "Worked Example").await;
        assert_eq!(customer.tenant, bench.root.id);
        assert_eq!(customer.parent, Some(partner.id));
        assert!(partner.path.holds(&customer.path));
        assert_eq!(found(&bench, customer.id).await, customer);

        let misplaced = create_as(&bench, &bench.app.system(), Some(customer.id), Kind::Partner).await;
        let refusal = Refusal::MisplacedAccount { child: "partner", parent: "customer" };
        assert!(matches!(misplaced, Err(Error::Refused(ref found)) if *found == refusal), "{misplaced:?}");
    }

    a_vendor_below_a_vendor_is_a_tenant_of_its_own(bench) {
        let vendor = bench.account(bench.root.id, Kind::Vendor, "Inner").await;
        let customer = bench.account(vendor.id, Kind::Customer, "Theirs").await;
        assert_eq!((vendor.tenant, customer.tenant), (vendor.id, vendor.id));
        let partner = bench.account(bench.root.id, Kind::Partner, "Ours").await;
        for (account, parent) in [(customer.id, partner.id), (vendor.id, bench.root.id), (partner.id, vendor.id)] {
            let outcome = move_to(&bench, account, parent).await;
            // A vendor is below its parent already, so that one asks for nothing.
            let stays = account == vendor.id && outcome.is_ok();
            assert!(stays || matches!(outcome, Err(Error::Refused(Refusal::MoveOutOfTenant))), "{outcome:?}");
        }
        check_paths(&bench).await;
    }

    only_whoever_may_do_everything_makes_a_root(bench) {
        let admin = someone(&bench, &[(&bench.root, Level::Write)]);
        assert!(matches!(create_as(&bench, &admin, None, Kind::Vendor).await, Err(Error::Forbidden)));
        let no_vendor = create_as(&bench, &bench.app.system(), None, Kind::Partner).await;
        assert!(matches!(no_vendor, Err(Error::Refused(Refusal::Malformed { field: "kind", .. }))));
        assert!(create_as(&bench, &bench.app.system(), None, Kind::Vendor).await.is_ok());
    }

    an_id_is_given_once(bench) {
        let id = bench.root.id;
        let command = CreateAccount {
            id: Some(id), parent: Some(id), kind: Kind::Partner, name: "Twin".into(), contact: json!({}),
        };
        let outcome = bench.write(move |tx, cx| account::create(tx, cx, &command)).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::Taken { noun: Noun::Account, .. }))), "{outcome:?}");
    }

    a_change_of_an_older_version_is_refused(bench) {
        let account = bench.root.id;
        let rename = |name: &str, expected_version| {
            let command = ChangeAccount { account, name: Some(name.to_owned()), contact: None, expected_version };
            bench.write(move |tx, cx| account::change(tx, cx, &command))
        };
        let first = rename("Contoso", Some(1)).await.expect("a change");
        assert_eq!((first.name.as_str(), first.version), ("Contoso", 2));
        let stale = rename("Fabrikam", Some(1)).await;
        assert!(matches!(stale, Err(Error::Refused(Refusal::Stale(Noun::Account)))), "{stale:?}");
        assert_eq!(rename("Contoso", None).await.expect("no change").version, 2);
        assert_eq!(rename("Fabrikam", Some(2)).await.expect("a change").version, 3);
        let nonsense = rename("two\nlines", None).await;
        assert!(matches!(nonsense, Err(Error::Refused(Refusal::Malformed { field: "name", .. }))), "{nonsense:?}");
    }

    a_move_takes_the_branch_along_and_tells_both_places(bench) {
        let north = bench.account(bench.root.id, Kind::Distributor, "North").await;
        let south = bench.account(bench.root.id, Kind::Distributor, "South").await;
        let partner = bench.account(north.id, Kind::Partner, "Fabrikam").await;
        let below = bench.account(partner.id, Kind::Partner, "Below").await;
        let customer = bench.account(below.id, Kind::Customer, "Customer").await;

        let moved = move_to(&bench, partner.id, south.id).await.expect("a move");
        assert_eq!((moved.parent, moved.version), (Some(south.id), 2));
        assert!(south.path.holds(&found(&bench, customer.id).await.path));
        check_paths(&bench).await;

        let filter = EventFilter { subject: Some(partner.id.0) };
        let events = bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 10)).await.expect("events");
        let last = events.last().expect("an event");
        assert_eq!(last.kind, "account.moved");
        assert_eq!(last.data["before"]["parent"], north.id.to_string());
        assert_eq!(last.data["after"]["parent"], south.id.to_string());
    }

    a_move_into_the_own_branch_is_refused(bench) {
        let upper = bench.account(bench.root.id, Kind::Partner, "Upper").await;
        let lower = bench.account(upper.id, Kind::Partner, "Lower").await;
        for target in [upper.id, lower.id] {
            let outcome = move_to(&bench, upper.id, target).await;
            assert!(matches!(outcome, Err(Error::Refused(Refusal::MoveIntoOwnBranch))), "{outcome:?}");
        }
        check_paths(&bench).await;
    }

    a_branch_never_gets_deeper_than_its_limit(bench) {
        let mut deepest = bench.root.clone();
        for n in 2..=32 {
            deepest = bench.account(deepest.id, Kind::Partner, &format!("level {n}")).await;
        }
        let too_deep = create_as(&bench, &bench.app.system(), Some(deepest.id), Kind::Partner).await;
        let refusal = Refusal::OutOfRange { field: "depth", min: 1, max: 32 };
        assert!(matches!(too_deep, Err(Error::Refused(ref found)) if *found == refusal), "{too_deep:?}");

        let branch = bench.account(bench.root.id, Kind::Partner, "branch").await;
        bench.account(branch.id, Kind::Partner, "leaf").await;
        let parent = deepest.parent.expect("a parent");
        let too_deep = move_to(&bench, branch.id, parent).await;
        assert!(matches!(too_deep, Err(Error::Refused(ref found)) if *found == refusal), "{too_deep:?}");
    }

    two_opposite_moves_never_make_a_circle(bench) {
        let one = bench.account(bench.root.id, Kind::Partner, "One").await;
        let two = bench.account(bench.root.id, Kind::Partner, "Two").await;
        bench.account(one.id, Kind::Customer, "Below one").await;
        for _ in 0..15 {
            let outcomes = bench
                .all_at_once(2, |n| {
                    let (account, parent) = if n == 0 { (one.id, two.id) } else { (two.id, one.id) };
                    move_to(&bench, account, parent)
                })
                .await;
            let refused = outcomes
                .iter()
                .filter(|outcome| matches!(outcome, Err(Error::Refused(Refusal::MoveIntoOwnBranch))))
                .count();
            let moved = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!((moved, refused), (1, 1), "{outcomes:?}");
            check_paths(&bench).await;
            for account in [one.id, two.id] {
                move_to(&bench, account, bench.root.id).await.expect("back to the root");
            }
        }
    }

    what_is_added_while_its_branch_moves_moves_along(bench) {
        let here = bench.account(bench.root.id, Kind::Distributor, "Here").await;
        let there = bench.account(bench.root.id, Kind::Distributor, "There").await;
        let branch = bench.account(here.id, Kind::Partner, "Branch").await;
        let below = bench.account(branch.id, Kind::Partner, "Below").await;
        for round in 0..10 {
            let target = if round % 2 == 0 { there.id } else { here.id };
            let system = bench.app.system();
            bench
                .all_at_once(7, |n| {
                    let (bench, system, branch) = (&bench, &system, branch.id);
                    async move {
                        if n == 3 {
                            move_to(bench, branch, target).await.expect("a move");
                            return;
                        }
                        let mut parent = below.id;
                        for _ in 0..4 {
                            let made = create_as(bench, system, Some(parent), Kind::Partner).await;
                            parent = made.expect("an account").id;
                        }
                    }
                })
                .await;
            check_paths(&bench).await;
        }
    }

    a_closed_account_takes_nothing_new_and_closes_after_what_is_below(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let other = bench.account(bench.root.id, Kind::Partner, "Other").await;
        let close = |id| bench.write(move |tx, cx| account::close(tx, cx, id));

        let outcome = close(partner.id).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::InUse(Noun::Account)))), "{outcome:?}");
        assert!(close(customer.id).await.expect("closed").closed_at.is_some());
        let closed = close(partner.id).await.expect("closed");
        assert_eq!(close(partner.id).await.expect("closed already"), closed);

        let is_closed = |outcome| matches!(outcome, Err(Error::Refused(Refusal::Closed(Noun::Account))));
        assert!(is_closed(create_as(&bench, &bench.app.system(), Some(partner.id), Kind::Customer).await));
        assert!(is_closed(move_to(&bench, other.id, partner.id).await));
        assert!(is_closed(move_to(&bench, partner.id, other.id).await));
    }

    a_list_shows_what_the_grants_show_and_pages_through_all_of_it(bench) {
        let seen = bench.account(bench.root.id, Kind::Partner, "Seen").await;
        let hidden = bench.account(seen.id, Kind::Partner, "Hidden").await;
        let shown_again = bench.account(hidden.id, Kind::Partner, "Shown again").await;
        let mut expected = vec![seen.id, shown_again.id];
        for n in 0..5 {
            expected.push(bench.account(seen.id, Kind::Customer, &format!("customer {n}")).await.id);
            bench.account(hidden.id, Kind::Customer, &format!("hidden {n}")).await;
        }
        let apart = bench.account(bench.root.id, Kind::Partner, "Apart").await;
        expected.push(apart.id);
        bench.account(bench.root.id, Kind::Partner, "Unseen").await;
        let someone = someone(&bench, &[
            (&seen, Level::Read), (&hidden, Level::None), (&shown_again, Level::Read), (&apart, Level::Write),
        ]);

        for limit in [1, 2, 3, 100] {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let filter = AccountFilter::default();
                let page = bench.app.read(&someone, move |tx, cx| account::list(tx, cx, &filter, after, limit)).await;
                let page = page.expect("a page");
                assert!(page.len() <= limit as usize);
                after = page.last().map(|account| account.id);
                listed.extend(page.iter().map(|account| account.id));
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(listed, expected, "{limit} a page");
        }

        let list = |filter: AccountFilter| {
            bench.app.read(&someone, move |tx, cx| account::list(tx, cx, &filter, None, 100))
        };
        let children = AccountFilter { parent: Some(seen.id), kind: Some(Kind::Customer), branch: None };
        assert_eq!(list(children).await.expect("children").len(), 5);
        let branch = AccountFilter { branch: Some(shown_again.id), ..AccountFilter::default() };
        assert_eq!(list(branch).await.expect("a branch").len(), 1);
        for unseen in [hidden.id, bench.root.id] {
            let outcome = list(AccountFilter { parent: Some(unseen), ..AccountFilter::default() }).await;
            assert!(matches!(outcome, Err(Error::Refused(Refusal::NotFound(Noun::Account)))), "{outcome:?}");
        }
    }

    what_is_forbidden_is_journalled_and_what_is_unseen_does_not_exist(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let stranger = bench.other_vendor("Stranger").await;
        let reader = someone(&bench, &[(&partner, Level::Read)]);
        let forbidden = create_as(&bench, &reader, Some(partner.id), Kind::Customer).await;
        assert!(matches!(forbidden, Err(Error::Forbidden)), "{forbidden:?}");
        let unseen = create_as(&bench, &reader, Some(stranger.id), Kind::Customer).await;
        assert!(matches!(unseen, Err(Error::Refused(Refusal::NotFound(Noun::Account)))), "{unseen:?}");

        let events = bench.read(|tx, cx| journal::list(tx, cx, &EventFilter::default(), None, 100)).await;
        let denials: Vec<_> =
            events.expect("events").into_iter().filter(|event| event.kind == "access.denied").collect();
        assert_eq!(denials.len(), 1);
        assert_eq!(denials[0].request, reader.request);
        assert_eq!(denials[0].account, partner.id);
    }

    a_limited_credential_lists_only_with_the_right_for_it(bench) {
        let mut actor = Actor::clone(&someone(&bench, &[(&bench.root, Level::Write)]).actor);
        actor.rights = Some(vec![Right::LICENSES_READ]);
        let caller = bench.caller(actor);
        let filter = AccountFilter::default();
        let outcome = bench.app.read(&caller, move |tx, cx| account::list(tx, cx, &filter, None, 10)).await;
        assert!(matches!(outcome, Err(Error::Forbidden)), "{outcome:?}");
    }
}
