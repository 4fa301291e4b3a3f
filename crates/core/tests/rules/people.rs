//! Groups and end users: who is in which group, who reaches which license, and who they say they are.

use lessor_core::account::Kind;
use lessor_core::alias::{self, Space};
use lessor_core::group::{
    self, ChangeEndUser, ChangeGroup, CreateEndUser, CreateGroup, EndUser, EndUserFilter, Group, GroupFilter,
    GroupKind, Realm, verify_end_user,
};
use lessor_core::license::{self, Codes, Role};
use lessor_core::{AccountId, EndUserId, Error, GroupId, LicenseId, Noun, ProductId, Refusal};
use lessor_testkit::world::issue_of;
use lessor_testkit::{Bench, on_both_engines};
use serde_json::json;

const PASSWORD: &str = "eight123";

fn new_group(account: AccountId, kind: GroupKind, master: Option<GroupId>, name: &str) -> CreateGroup {
    CreateGroup { account, kind, master, name: name.into(), description: String::new() }
}

async fn try_group(bench: &Bench, command: CreateGroup) -> Result<Group, Error> {
    bench.write(move |tx, cx| group::create(tx, cx, &command)).await
}

async fn group(bench: &Bench, kind: GroupKind, master: Option<GroupId>, name: &str) -> Group {
    try_group(bench, new_group(bench.root.id, kind, master, name)).await.expect("a group")
}

async fn change(bench: &Bench, command: ChangeGroup) -> Result<Group, Error> {
    bench.write(move |tx, cx| group::change(tx, cx, &command)).await
}

async fn try_user(bench: &Bench, group: GroupId, user_name: &str) -> Result<EndUser, Error> {
    let command = CreateEndUser {
        group,
        user_name: user_name.into(),
        password_hash: bench.app.hasher().hash(PASSWORD).await.expect("a hash"),
        first_name: "Ada".into(),
        last_name: String::new(),
        email: String::new(),
        telephone: String::new(),
        document: Some(json!({ "desk": 7 })),
        master: false,
    };
    bench.write(move |tx, cx| group::create_end_user(tx, cx, &command)).await
}

async fn user(bench: &Bench, group: GroupId, user_name: &str) -> EndUser {
    try_user(bench, group, user_name).await.expect("an end user")
}

async fn add(bench: &Bench, group: GroupId, license: LicenseId) -> Result<group::GroupLicense, Error> {
    bench.write(move |tx, cx| group::add_license(tx, cx, group, license)).await.map(|(there, _)| there)
}

async fn candidates(bench: &Bench, user: EndUserId, product: ProductId) -> Vec<LicenseId> {
    bench.read(move |tx, cx| group::candidates(tx, cx, user, product)).await.expect("licenses")
}

async fn verify(bench: &Bench, user_name: &str, password: &str) -> Result<EndUserId, Error> {
    verify_end_user(&bench.app, Realm::Tenant(bench.root.id), user_name, password).await
}

fn is_bad<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Refused(Refusal::BadCredentials)))
}

fn is_malformed_master<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Refused(Refusal::Malformed { field: "master", .. })))
}

on_both_engines! {
    groups_stand_below_master_groups_and_nowhere_else(bench) {
        let root = bench.root.id;
        let master = group(&bench, GroupKind::Master, None, "All").await;
        let below = group(&bench, GroupKind::Standard, Some(master.id), "North").await;
        let below_standard = try_group(&bench, new_group(root, GroupKind::Standard, Some(below.id), "Deep")).await;
        assert!(is_malformed_master(&below_standard), "{below_standard:?}");
        let master_below = try_group(&bench, new_group(root, GroupKind::Master, Some(master.id), "Deep")).await;
        assert!(is_malformed_master(&master_below), "{master_below:?}");

        let mut own = ChangeGroup::of(below.id);
        own.master = Some(Some(below.id));
        assert!(is_malformed_master(&change(&bench, own).await));
        let mut to_standard = ChangeGroup::of(master.id);
        to_standard.kind = Some(GroupKind::Standard);
        let refused = change(&bench, to_standard.clone()).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::InUse(Noun::Group)))), "{refused:?}");
        let deleted = bench.write(move |tx, cx| group::delete(tx, cx, master.id)).await;
        assert!(matches!(deleted, Err(Error::Refused(Refusal::InUse(Noun::Group)))), "{deleted:?}");

        let mut out = ChangeGroup::of(below.id);
        out.master = Some(None);
        let out = change(&bench, out).await.expect("taken out");
        assert_eq!((out.master, out.version), (None, 2));
        assert_eq!(change(&bench, to_standard).await.expect("a standard group").kind, GroupKind::Standard);
    }

    a_group_below_and_its_master_turning_standard_never_both_come_true(bench) {
        for n in 0..10 {
            let master = group(&bench, GroupKind::Master, None, &format!("M{n}")).await.id;
            let outcomes = bench.all_at_once(2, |which| {
                let bench = bench.clone();
                async move {
                    if which == 0 {
                        let new = new_group(bench.root.id, GroupKind::Standard, Some(master), &format!("G{n}"));
                        try_group(&bench, new).await
                    } else {
                        let mut command = ChangeGroup::of(master);
                        command.kind = Some(GroupKind::Standard);
                        change(&bench, command).await
                    }
                }
            }).await;
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        }
    }

    names_are_taken_once_in_a_tenant_and_again_in_another(bench) {
        let office = group(&bench, GroupKind::Standard, None, "Office").await;
        let again = try_group(&bench, new_group(bench.root.id, GroupKind::Standard, None, "Office")).await;
        assert!(matches!(again, Err(Error::Refused(Refusal::Taken { noun: Noun::Group, .. }))), "{again:?}");
        let other = bench.other_vendor("Other").await;
        let theirs = try_group(&bench, new_group(other.id, GroupKind::Standard, None, "Office")).await.expect("a group");

        user(&bench, office.id, "ada").await;
        let again = try_user(&bench, office.id, "ada").await;
        assert!(matches!(again, Err(Error::Refused(Refusal::Taken { noun: Noun::EndUser, .. }))), "{again:?}");
        user(&bench, theirs.id, "ada").await;
        // Names are compared byte for byte.
        for other in ["Ada", "ada ", "ad\u{e1}", "ada\u{301}"] {
            user(&bench, office.id, other).await;
        }
        for bad in ["", " ", "a\nb", &"x".repeat(201)] {
            assert!(try_user(&bench, office.id, bad).await.is_err(), "{bad:?}");
        }
    }

    a_group_and_its_users_stay_in_their_tenant(bench) {
        let office = group(&bench, GroupKind::Standard, None, "Office").await;
        let ada = user(&bench, office.id, "ada").await;
        let other = bench.other_vendor("Other").await;
        let master = try_group(&bench, new_group(other.id, GroupKind::Master, None, "All")).await.expect("a group");
        let mut below = ChangeGroup::of(office.id);
        below.master = Some(Some(master.id));
        let below = change(&bench, below).await;
        assert!(matches!(below, Err(Error::Refused(Refusal::NotFound(Noun::Group)))), "{below:?}");
        let mut moved = ChangeGroup::of(office.id);
        moved.account = Some(other.id);
        assert!(matches!(change(&bench, moved).await, Err(Error::Refused(Refusal::MoveOutOfTenant))));
        let mut moved = ChangeEndUser::of(ada.id);
        moved.group = Some(master.id);
        let moved = bench.write(move |tx, cx| group::change_end_user(tx, cx, &moved)).await;
        assert!(matches!(moved, Err(Error::Refused(Refusal::NotFound(Noun::Group)))), "{moved:?}");
        let product = bench.product("Paint").await;
        let (license, _) = bench.issue(product.id, None, 1).await.remove(0);
        let foreign = add(&bench, master.id, license).await;
        assert!(matches!(foreign, Err(Error::Refused(Refusal::NotFound(Noun::License)))), "{foreign:?}");
    }

    a_user_reaches_its_groups_licenses_and_those_below_a_master(bench) {
        let (paint, draw) = (bench.product("Paint").await.id, bench.product("Draw").await.id);
        let master = group(&bench, GroupKind::Master, None, "All").await.id;
        let north = group(&bench, GroupKind::Standard, Some(master), "North").await.id;
        let south = group(&bench, GroupKind::Standard, Some(master), "South").await.id;
        let chief = user(&bench, master, "chief").await.id;
        let clerk = user(&bench, north, "clerk").await.id;
        let ids: Vec<LicenseId> = bench.issue(paint, None, 5).await.into_iter().map(|(id, _)| id).collect();
        let (drawing, _) = bench.issue(draw, None, 1).await.remove(0);
        // In another order than they were issued.
        for (group, license) in [(south, ids[0]), (north, ids[2]), (north, ids[1]), (master, ids[3]), (north, drawing)] {
            bench.pass_seconds(1);
            add(&bench, group, license).await.expect("added");
        }
        for _ in 0..2 {
            assert_eq!(candidates(&bench, clerk, paint).await, [ids[2], ids[1]]);
            assert_eq!(candidates(&bench, chief, paint).await, [ids[3], ids[2], ids[1], ids[0]]);
        }
        assert_eq!(candidates(&bench, clerk, draw).await, [drawing]);
        assert_eq!(candidates(&bench, EndUserId(uuid::Uuid::nil()), paint).await, []);

        // A master user of a standard group looks after its own group, and reaches no other.
        let mut lifted = ChangeEndUser::of(clerk);
        lifted.master = Some(true);
        bench.write(move |tx, cx| group::change_end_user(tx, cx, &lifted)).await.expect("changed");
        assert_eq!(candidates(&bench, clerk, paint).await, [ids[2], ids[1]]);

        let (taken, gone) = (ids[2], ids[1]);
        bench.write(move |tx, cx| group::remove_license(tx, cx, north, taken)).await.expect("removed");
        bench.write(move |tx, cx| license::remove(tx, cx, gone)).await.expect("removed");
        assert_eq!(candidates(&bench, clerk, paint).await, []);
        bench.write(move |tx, cx| group::delete(tx, cx, south)).await.expect("deleted");
        assert_eq!(candidates(&bench, chief, paint).await, [ids[3]]);
        assert!(add(&bench, north, ids[0]).await.is_ok(), "a deleted group has no license");
    }

    a_license_is_in_one_group_at_most_whoever_asks_at_once(bench) {
        let product = bench.product("Paint").await.id;
        let (license, _) = bench.issue(product, None, 1).await.remove(0);
        let mut groups = Vec::new();
        for n in 0..8 {
            groups.push(group(&bench, GroupKind::Standard, None, &format!("G{n}")).await.id);
        }
        let outcomes = bench.all_at_once(8, |n| add(&bench, groups[n], license)).await;
        let winner = outcomes.iter().position(Result::is_ok).expect("one group got it");
        for (n, outcome) in outcomes.iter().enumerate().filter(|(n, _)| *n != winner) {
            assert!(matches!(outcome, Err(Error::Refused(Refusal::InOtherGroup))), "{n}: {outcome:?}");
        }
        let there = add(&bench, groups[winner], license).await.expect("asking again is not an error");
        assert_eq!(there.group, groups[winner]);
        let found = bench.read(move |tx, cx| group::group_of_license(tx, cx, license)).await.expect("a look");
        assert_eq!(found, Some(there));

        let mut passive = issue_of(product, None, Codes::Generate(1));
        passive.role = Role::Passive;
        let passive = bench.write(move |tx, cx| license::issue(tx, cx, &passive)).await.expect("a license")[0].0;
        let refused = add(&bench, groups[0], passive).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Malformed { field: "license", .. }))), "{refused:?}");
    }

    an_end_user_is_known_by_name_and_password(bench) {
        let office = group(&bench, GroupKind::Standard, None, "Office").await;
        let ada = user(&bench, office.id, "ada").await;
        let product = bench.product("Paint").await;
        let other = bench.other_vendor("Other").await;
        assert_eq!(verify(&bench, "ada", PASSWORD).await.expect("herself"), ada.id);
        let by_product = verify_end_user(&bench.app, Realm::Product(product.id), "ada", PASSWORD).await;
        assert_eq!(by_product.expect("herself"), ada.id);
        assert!(is_bad(&verify_end_user(&bench.app, Realm::Tenant(other.id), "ada", PASSWORD).await));
        let nowhere = verify_end_user(&bench.app, Realm::Product(ProductId(uuid::Uuid::nil())), "ada", PASSWORD).await;
        assert!(matches!(nowhere, Err(Error::Refused(Refusal::NotFound(Noun::Product)))), "{nowhere:?}");

        let hash = bench.app.hasher().hash("another one").await.expect("a hash");
        bench.write(move |tx, cx| group::set_password(tx, cx, ada.id, &hash)).await.expect("set");
        assert!(is_bad(&verify(&bench, "ada", PASSWORD).await));
        assert_eq!(verify(&bench, "ada", "another one").await.expect("herself"), ada.id);

        bench.write(move |tx, cx| group::delete_end_user(tx, cx, ada.id)).await.expect("deleted");
        assert!(is_bad(&verify(&bench, "ada", "another one").await));
        user(&bench, office.id, "ada").await;
    }

    a_user_of_a_closed_account_is_nobody(bench) {
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let office = try_group(&bench, new_group(customer.id, GroupKind::Standard, None, "Office")).await.expect("a group");
        user(&bench, office.id, "ada").await;
        assert!(verify(&bench, "ada", PASSWORD).await.is_ok());
        let id = customer.id;
        bench.write(move |tx, cx| lessor_core::account::close(tx, cx, id)).await.expect("closed");
        assert!(is_bad(&verify(&bench, "ada", PASSWORD).await));
        let late = try_group(&bench, new_group(id, GroupKind::Standard, None, "Late")).await;
        assert!(matches!(late, Err(Error::Refused(Refusal::Closed(Noun::Account)))), "{late:?}");
    }

    guessing_gets_slow_and_tells_nobody_which_end_users_exist(bench) {
        let office = group(&bench, GroupKind::Standard, None, "Office").await;
        user(&bench, office.id, "ada").await;
        let mut seen = Vec::new();
        for name in ["ada", "nobody", "two\nlines", "nul\0"] {
            let mut outcomes = Vec::new();
            for _ in 0..7 {
                outcomes.push(verify(&bench, name, "a wrong one").await.expect_err("a refusal").to_string());
                bench.pass_seconds(i64::from(outcomes.len() >= 6));
            }
            seen.push(outcomes);
        }
        assert!(seen[0][..5].iter().all(|answer| answer == &Refusal::BadCredentials.to_string()), "{seen:?}");
        assert_eq!(seen[0][5], Refusal::TooManyTries { seconds: 1 }.to_string());
        assert_eq!(seen[0][6], Refusal::BadCredentials.to_string());
        for others in &seen[1..] {
            assert_eq!(others, &seen[0]);
        }
    }

    guessing_an_end_users_password_in_parallel_gains_nothing(bench) {
        let office = group(&bench, GroupKind::Standard, None, "Office").await;
        let ada = user(&bench, office.id, "ada").await.id;
        let outcomes = bench.all_at_once(20, |_| verify(&bench, "ada", "a wrong one")).await;
        assert_eq!(outcomes.iter().filter(|outcome| is_bad(outcome)).count(), 5, "{outcomes:?}");
        // The right password waits too, and an administrator ends the wait.
        let blocked = verify(&bench, "ada", PASSWORD).await;
        assert!(matches!(blocked, Err(Error::Refused(Refusal::TooManyTries { .. }))), "{blocked:?}");
        bench.write(move |tx, cx| group::unblock(tx, cx, ada)).await.expect("unblocked");
        assert!(verify(&bench, "ada", PASSWORD).await.is_ok());
        // Success forgot the failures.
        for _ in 0..5 {
            assert!(is_bad(&verify(&bench, "ada", "a wrong one").await));
        }
    }

    lists_narrow_and_go_on_where_they_stopped(bench) {
        let master = group(&bench, GroupKind::Master, None, "All").await;
        let mut below = Vec::new();
        for n in 0..5 {
            below.push(group(&bench, GroupKind::Standard, Some(master.id), &format!("G{n}")).await.id);
        }
        let list = |filter: GroupFilter, after: Option<GroupId>, limit| {
            let bench = bench.clone();
            async move { bench.read(move |tx, cx| group::list(tx, cx, &filter, after, limit)).await.expect("groups") }
        };
        let of_master = GroupFilter { master: Some(master.id), ..GroupFilter::default() };
        let first = list(of_master.clone(), None, 3).await;
        let rest = list(of_master.clone(), Some(first[2].id), 3).await;
        let all: Vec<GroupId> = first.iter().chain(&rest).map(|group| group.id).collect();
        assert_eq!(all, below);
        let named = GroupFilter { name: Some("G3".into()), ..of_master };
        assert_eq!(list(named, None, 3).await.iter().map(|group| group.id).collect::<Vec<_>>(), [below[3]]);
        let odd = GroupFilter { name: Some("nul\0".into()), ..GroupFilter::default() };
        assert_eq!(list(odd, None, 3).await, []);

        let ada = user(&bench, below[0], "ada").await;
        user(&bench, below[1], "eve").await;
        for (filter, expected) in [
            (EndUserFilter { user_name: Some("ada".into()), ..EndUserFilter::default() }, 1),
            (EndUserFilter { group: Some(below[0]), ..EndUserFilter::default() }, 1),
            (EndUserFilter { group: Some(below[1]), user_name: Some("ada".into()), ..EndUserFilter::default() }, 0),
            (EndUserFilter { branch: Some(bench.root.id), ..EndUserFilter::default() }, 2),
        ] {
            let found = bench.read(move |tx, cx| group::end_users(tx, cx, &filter, None, 10)).await.expect("users");
            assert_eq!(found.len(), expected, "{found:?}");
            assert!(expected != 1 || found[0] == ada);
        }
    }

    with_a_group_or_a_user_go_the_names_that_others_have_for_it(bench) {
        let space = |kind| Space { dialect: "old", kind };
        let names = |kind| {
            let bench = bench.clone();
            async move {
                let root = bench.root.id;
                bench.read(move |tx, _| alias::names(tx, root, space(kind))).await.expect("names").len()
            }
        };
        let office = group(&bench, GroupKind::Standard, None, "Office").await;
        let (ada, eve) = (user(&bench, office.id, "ada").await, user(&bench, office.id, "eve").await);
        let root = bench.root.id;
        let give = move |tx: &mut dyn lessor_core::Tx, _: &lessor_core::Context<'_>| {
            alias::give(tx, root, space("group"), "1", office.id.0, Noun::Group)?;
            alias::give(tx, root, space("user"), "1", ada.id.0, Noun::EndUser)?;
            alias::give(tx, root, space("user"), "2", eve.id.0, Noun::EndUser)
        };
        bench.write(give).await.expect("names");
        assert_eq!((names("group").await, names("user").await), (1, 2));
        bench.write(move |tx, cx| group::delete_end_user(tx, cx, ada.id)).await.expect("deleted");
        assert_eq!((names("group").await, names("user").await), (1, 1));
        bench.write(move |tx, cx| group::delete(tx, cx, office.id)).await.expect("deleted");
        assert_eq!((names("group").await, names("user").await), (0, 0));
    }
}
