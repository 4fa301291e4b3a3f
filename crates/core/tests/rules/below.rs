//! Lists of a branch by name: accounts, users and licenses, each as far as the caller sees them.

use lessor_core::account::{self, Account, Below, Kind};
use lessor_core::identity::Level;
use lessor_core::identity::session::{self, Lifetimes};
use lessor_core::identity::user::{self, CreateUser};
use lessor_core::license::{self, Codes, IssueLicenses, Role};
use lessor_core::{AccountId, Actor, Caller, Error, Grant, Refusal, Who};
use lessor_testkit::world::issue_of;
use lessor_testkit::{Bench, on_both_engines};

/// A partner with a manager's branch beside a customer: `a`, `b` and, below `c`, `aa`.
async fn tree(bench: &Bench) -> (Account, [Account; 4]) {
    let top = bench.account(bench.root.id, Kind::Distributor, "top").await;
    let b = bench.account(top.id, Kind::Customer, "b").await;
    let a = bench.account(top.id, Kind::Customer, "a").await;
    let c = bench.account(top.id, Kind::Partner, "c").await;
    let aa = bench.account(c.id, Kind::Customer, "aa").await;
    (top, [a, b, c, aa])
}

/// Somebody of an account with levels on branches.
fn somebody(bench: &Bench, of: &Account, levels: &[(&Account, Level)]) -> Caller {
    let grants = levels.iter().map(|(on, level)| Grant { path: on.path.clone(), level: *level }).collect();
    let (account, tenant, path) = (of.id, of.tenant, of.path.clone());
    bench.caller(Actor { account, tenant, path, grants, ..Actor::system() })
}

async fn names(bench: &Bench, caller: &Caller, filter: Below, skip: usize, take: usize) -> (Vec<String>, usize) {
    let page = bench.app.read(caller, move |tx, cx| account::below(tx, cx, &filter, skip, take)).await;
    let (page, total) = page.expect("a page");
    let all = bench.app.read(caller, move |tx, cx| account::all_below(tx, cx, &filter)).await.expect("all");
    let names = |accounts: Vec<Account>| accounts.into_iter().map(|account| account.name).collect::<Vec<_>>();
    let all = names(all);
    assert_eq!(all.len(), total);
    let page = names(page);
    assert_eq!(page, all.into_iter().skip(skip).take(take).collect::<Vec<_>>());
    (page, total)
}

on_both_engines! {
    accounts_come_by_name_and_page_by_page(bench) {
        let (top, [_, _, c, _]) = tree(&bench).await;
        let system = bench.app.system();
        let all = Below::branch(top.id);
        assert_eq!(names(&bench, &system, all, 0, 9).await, (vec!["a".into(), "aa".into(), "b".into(), "c".into()], 4));
        assert_eq!(names(&bench, &system, all, 1, 2).await, (vec!["aa".into(), "b".into()], 4));
        assert_eq!(names(&bench, &system, all, 4, 2).await, (vec![], 4));
        let children = Below::children(top.id);
        assert_eq!(names(&bench, &system, children, 0, 9).await.0, ["a", "b", "c"]);
        assert_eq!(names(&bench, &system, Below { itself: true, ..children }, 0, 9).await.0, ["a", "b", "c", "top"]);
        assert_eq!(names(&bench, &system, Below { itself: true, ..Below::branch(c.id) }, 0, 9).await.0, ["aa", "c"]);
        assert_eq!(names(&bench, &system, Below { kind: Some(Kind::Partner), ..all }, 0, 9).await.0, ["c"]);
    }

    what_was_closed_is_there_as_long_as_it_is_asked_for(bench) {
        let (top, [a, ..]) = tree(&bench).await;
        let system = bench.app.system();
        bench.write(move |tx, cx| account::close(tx, cx, a.id)).await.expect("closed");
        let at = bench.app.now();
        let children = Below::children(top.id);
        assert_eq!(names(&bench, &system, children, 0, 9).await.0, ["b", "c"]);
        assert_eq!(names(&bench, &system, Below { closed_since: Some(at), ..children }, 0, 9).await.0, ["a", "b", "c"]);
        let later = Below { closed_since: Some(at.plus_hours(1)), ..children };
        assert_eq!(names(&bench, &system, later, 0, 9).await.0, ["b", "c"]);
    }

    nobody_sees_more_than_its_levels_allow(bench) {
        let (top, [a, b, c, aa]) = tree(&bench).await;
        let all = Below::branch(top.id);
        let reader = somebody(&bench, &top, &[(&top, Level::Read), (&c, Level::None), (&b, Level::Write)]);
        assert_eq!(names(&bench, &reader, all, 0, 9).await.0, ["a", "b"]);
        assert_eq!(names(&bench, &reader, Below { level: Level::Write, ..all }, 0, 9).await.0, ["b"]);
        // Who sees nothing of its own account lists what it sees below it.
        let partly = somebody(&bench, &top, &[(&top, Level::None), (&aa, Level::Read)]);
        assert_eq!(names(&bench, &partly, Below { itself: true, ..all }, 0, 9).await.0, ["aa"]);
        let stranger = somebody(&bench, &a, &[(&a, Level::Write)]);
        let seen = bench.app.read(&stranger, move |tx, cx| account::below(tx, cx, &all, 0, 9)).await;
        assert!(matches!(seen, Err(Error::Refused(Refusal::NotFound(_)))));
    }

    users_and_licenses_of_a_branch_come_in_order(bench) {
        let (top, [a, b, c, aa]) = tree(&bench).await;
        for (account, name) in [(aa.id, "Zed"), (top.id, "Ann"), (b.id, "Bob")] {
            let (name, login) = (name.to_owned(), format!("{name}@example.test"));
            let contact = serde_json::json!({});
            let cmd = CreateUser { account, name, login, contact, password_hash: None, level: Level::Read };
            bench.write(move |tx, cx| user::create(tx, cx, &cmd)).await.expect("a user");
        }
        let product = bench.product("P").await.id;
        for (account, code) in [(aa.id, "C-1"), (a.id, "C-3"), (b.id, "C-2")] {
            let issue = issue_of(product, None, Codes::Import(vec![code.to_owned()]));
            let cmd = IssueLicenses { account: Some(account), role: Role::Standard, ..issue };
            bench.write(move |tx, cx| license::issue(tx, cx, &cmd)).await.expect("a license");
        }
        let listed = async |caller: &Caller, of: AccountId| {
            let read = bench.app.read(caller, move |tx, cx| Ok((user::list_branch(tx, cx, of)?, license::keys(tx, cx, of)?)));
            let (users, keys) = read.await.expect("lists");
            let users: Vec<String> = users.into_iter().map(|user| user.name).collect();
            (users, keys.into_iter().map(|key| key.code).collect::<Vec<_>>())
        };
        let (users, keys) = listed(&bench.app.system(), top.id).await;
        assert_eq!((users, keys), (vec!["Ann".into(), "Bob".into(), "Zed".into()], vec!["C-1".into(), "C-2".into(), "C-3".into()]));
        let reader = somebody(&bench, &top, &[(&top, Level::Read), (&c, Level::None)]);
        assert_eq!(listed(&reader, top.id).await, (vec!["Ann".into(), "Bob".into()], vec!["C-2".into(), "C-3".into()]));
    }

    a_password_of_ones_own_leaves_sessions_alone_and_ends_links(bench) {
        let hash = bench.app.hasher().hash("correct horse battery").await.expect("a hash");
        let (contact, password_hash) = (serde_json::json!({}), Some(hash));
        let cmd = CreateUser { account: bench.root.id, name: "Ann".into(), login: "ann".into(), contact, password_hash, level: Level::Write };
        let id = bench.write(move |tx, cx| user::create(tx, cx, &cmd)).await.expect("a user").id;
        let lifetimes = Lifetimes { access_seconds: 60, whole_seconds: 600 };
        let tokens = session::sign_in_renewably(&bench.app, "ann", "correct horse battery", lifetimes).await.expect("signed in");
        let link = bench.write(move |tx, cx| session::create_link(tx, cx, id)).await.expect("a link");
        let actor = lessor_core::identity::authenticate(&bench.app, tokens.access.reveal()).await.expect("known");
        assert_eq!(actor.who, Who::User(id));
        let hash = bench.app.hasher().hash("another horse battery").await.expect("a hash");
        let caller = bench.caller(actor);
        bench.app.write(&caller, move |tx, cx| user::change_own_password(tx, cx, &hash)).await.expect("changed");
        assert!(lessor_core::identity::authenticate(&bench.app, tokens.access.reveal()).await.is_ok());
        assert!(session::redeem_link(&bench.app, link.reveal(), "a third horse battery").await.is_err());
        assert!(session::sign_in(&bench.app, "ann", "correct horse battery").await.is_err());
        assert!(session::sign_in(&bench.app, "ann", "another horse battery").await.is_ok());
        let nobody = bench.app.write(&bench.app.system(), |tx, cx| user::change_own_password(tx, cx, "x")).await;
        assert!(matches!(nobody, Err(Error::Forbidden)));
    }
}
