//! Groups as a whole: what they show, and what becomes of the rest when one or somebody in it goes.

use lessor_core::account::Kind;
use lessor_core::device::Activate;
use lessor_core::group::{self, ChangeEndUser, CreateEndUser, CreateGroup, EndUser, Group, GroupKind, GroupView};
use lessor_core::license::Terms;
use lessor_core::verify::verify;
use lessor_core::{AccountId, EndUserId, Error, GroupId, LicenseId, Noun, ProductId, Refusal, Start};
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, on_both_engines};

async fn group_of(bench: &Bench, account: AccountId, kind: GroupKind, master: Option<GroupId>, name: &str) -> Group {
    let command = CreateGroup { account, kind, master, name: name.into(), description: String::new() };
    bench.write(move |tx, cx| group::create(tx, cx, &command)).await.expect("a group")
}

async fn standard(bench: &Bench, name: &str) -> GroupId {
    group_of(bench, bench.root.id, GroupKind::Standard, None, name).await.id
}

async fn user(bench: &Bench, group: GroupId, name: &str) -> EndUser {
    let command = CreateEndUser {
        group,
        user_name: name.into(),
        password_hash: "none that fits".into(),
        first_name: String::new(),
        last_name: String::new(),
        email: String::new(),
        telephone: String::new(),
        document: None,
        master: false,
    };
    bench.write(move |tx, cx| group::create_end_user(tx, cx, &command)).await.expect("an end user")
}

async fn add(bench: &Bench, group: GroupId, license: LicenseId) {
    bench.write(move |tx, cx| group::add_license(tx, cx, group, license)).await.expect("added");
}

/// A group with a license of ten places, and its product.
async fn office(bench: &Bench, name: &str) -> (GroupId, LicenseId, ProductId) {
    let product = bench.product(name).await.id;
    let license = bench.license(product, Terms { activation_limit: 10, ..Terms::default() }).await.id;
    let group = standard(bench, name).await;
    add(bench, group, license).await;
    (group, license, product)
}

fn signed_in(product: ProductId, user: EndUserId, name: &str, n: usize) -> Activate {
    Activate { end_user: Some(user), user: name.into(), ..activate_on(product, None, &device(n)) }
}

/// Which devices have the license in use.
async fn in_use(bench: &Bench, license: LicenseId) -> Vec<String> {
    let found =
        bench.read(move |tx, cx| lessor_core::license::activities(tx, cx, license, true, Start::FIRST, 100)).await;
    let mut found: Vec<String> = found.expect("activations").into_iter().map(|one| one.fingerprint).collect();
    found.sort();
    found
}

async fn flaws(bench: &Bench) -> Vec<String> {
    bench.read(|tx, _| verify(tx)).await.expect("an answer")
}

async fn delete_user(bench: &Bench, id: EndUserId) -> Result<EndUser, Error> {
    bench.write(move |tx, cx| group::delete_end_user(tx, cx, id)).await
}

on_both_engines! {
    with_a_user_goes_what_it_signed_in_for_and_nothing_else(bench) {
        let (office, license, product) = office(&bench, "Paint").await;
        let (ada, eve) = (user(&bench, office, "ada").await.id, user(&bench, office, "eve").await.id);
        let first = bench.activate(signed_in(product, ada, "ada", 1)).await.expect("activated");
        bench.activate(signed_in(product, ada, "ada", 2)).await.expect("activated");
        bench.activate(signed_in(product, eve, "eve", 1)).await.expect("activated");
        // Whoever types the code is no end user, whatever the name.
        let code = bench.view(license).await.license.code;
        let typed = Activate { user: "ada".into(), ..activate_on(product, Some(&code), &device(3)) };
        bench.activate(typed).await.expect("activated");
        let again = bench.activate(signed_in(product, ada, "ada", 2)).await.expect("renewed");
        assert!(!again.new);
        let seat = first.credential.clone();
        bench
            .as_device(move |tx, cx| lessor_core::device::check_out_seats(tx, cx, &seat, "FLOAT", 3))
            .await
            .expect("seats");
        assert_eq!(bench.used(license, "FLOAT").await.0, 3);

        delete_user(&bench, ada).await.expect("deleted");
        assert_eq!(in_use(&bench, license).await, [device(1), device(3)]);
        assert_eq!(bench.used(license, "FLOAT").await.0, 0);
        let counted = bench.view(license).await.license;
        assert_eq!((counted.active_count, counted.returned_count), (2, 2));
        assert!(bench.renew(&first).await.is_err(), "the device finds out when it renews");
        assert_eq!(flaws(&bench).await, [""; 0]);
    }

    a_code_that_was_typed_becomes_a_sign_in_when_the_user_signs_in_there(bench) {
        let (office, license, product) = office(&bench, "Paint").await;
        let ada = user(&bench, office, "ada").await.id;
        let code = bench.view(license).await.license.code;
        let typed = Activate { user: "ada".into(), ..activate_on(product, Some(&code), &device(1)) };
        bench.activate(typed).await.expect("activated");
        assert!(!bench.activate(signed_in(product, ada, "ada", 1)).await.expect("the same place").new);
        delete_user(&bench, ada).await.expect("deleted");
        assert_eq!(in_use(&bench, license).await, [""; 0]);
    }

    a_user_that_moves_keeps_what_it_has_and_loses_it_with_its_new_group(bench) {
        let (office, license, product) = office(&bench, "Paint").await;
        let other = standard(&bench, "Other").await;
        let ada = user(&bench, office, "ada").await.id;
        bench.activate(signed_in(product, ada, "ada", 1)).await.expect("activated");
        let mut moved = ChangeEndUser::of(ada);
        moved.group = Some(other);
        bench.write(move |tx, cx| group::change_end_user(tx, cx, &moved)).await.expect("moved");
        bench.write(move |tx, cx| group::delete(tx, cx, office)).await.expect("deleted");
        assert_eq!(in_use(&bench, license).await, [device(1)]);
        bench.write(move |tx, cx| group::delete(tx, cx, other)).await.expect("deleted");
        assert_eq!(in_use(&bench, license).await, [""; 0]);
        assert_eq!(flaws(&bench).await, [""; 0]);
    }

    nobody_activates_for_a_user_that_is_deleted_at_the_same_time(bench) {
        let (office, license, product) = office(&bench, "Paint").await;
        for round in 0..12 {
            let name = format!("user-{round}");
            let ada = user(&bench, office, &name).await.id;
            bench.activate(signed_in(product, ada, &name, 0)).await.expect("activated");
            bench.all_at_once(4, |which| {
                let (bench, name) = (bench.clone(), name.clone());
                async move {
                    if which == 2 {
                        delete_user(&bench, ada).await.map(|_| ()).expect("deleted");
                    } else {
                        // Before the user goes, or refused.
                        let outcome = bench.activate(signed_in(product, ada, &name, which)).await;
                        let fits = matches!(outcome, Ok(_) | Err(Error::Refused(Refusal::NotFound(Noun::License))));
                        assert!(fits, "{:?}", outcome.err());
                    }
                }
            }).await;
            assert_eq!(in_use(&bench, license).await, [""; 0]);
        }
        assert_eq!(flaws(&bench).await, [""; 0]);
    }

    groups_are_taken_out_from_below_a_master_all_at_once(bench) {
        let root = bench.root.id;
        let master = group_of(&bench, root, GroupKind::Master, None, "All").await.id;
        for name in ["North", "South"] {
            group_of(&bench, root, GroupKind::Standard, Some(master), name).await;
        }
        let released = bench.write(move |tx, cx| group::release_all(tx, cx, master)).await;
        assert_eq!(released.expect("released"), 2);
        let views = views(&bench, Start::FIRST, 10).await;
        assert!(views.iter().all(|view| view.group.master.is_none() && view.below.is_empty()), "{views:?}");
        assert_eq!(views.iter().map(|view| view.group.version).collect::<Vec<_>>(), [1, 2, 2]);
        bench.write(move |tx, cx| group::delete(tx, cx, master)).await.expect("deleted");
    }

    the_groups_of_an_account_fall_back_to_the_vendor(bench) {
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await.id;
        let theirs = group_of(&bench, customer, GroupKind::Standard, None, "Theirs").await.id;
        let ours = standard(&bench, "Ours").await;
        let given = bench.write(move |tx, cx| group::give_back_all(tx, cx, customer)).await;
        assert_eq!(given.expect("given back"), 1);
        let root = bench.root.id;
        let accounts = bench.read(move |tx, cx| {
            Ok([theirs, ours].map(|id| group::get(tx, cx, id).map(|group| (group.account, group.version))))
        });
        let accounts = accounts.await.expect("groups").map(|group| group.expect("a group"));
        assert_eq!(accounts, [(root, 2), (root, 1)]);
        assert_eq!(bench.write(move |tx, cx| group::give_back_all(tx, cx, root)).await.expect("nothing to do"), 0);
    }

    a_page_of_groups_has_all_that_is_in_them_and_nothing_of_other_tenants(bench) {
        let root = bench.root.id;
        let other = bench.other_vendor("Other").await.id;
        let master = group_of(&bench, root, GroupKind::Master, None, "All").await.id;
        let foreign = group_of(&bench, other, GroupKind::Standard, None, "Foreign").await.id;
        let product = bench.product("Paint").await.id;
        let licenses: Vec<LicenseId> = bench.issue(product, None, 3).await.into_iter().map(|(id, _)| id).collect();
        // More than fifty, which is as many as one statement reads.
        let mut ids = vec![master];
        for n in 0..60 {
            ids.push(group_of(&bench, root, GroupKind::Standard, Some(master), &format!("G{n}")).await.id);
        }
        let last = ids[60];
        for license in [licenses[2], licenses[0]] {
            bench.pass_seconds(1);
            add(&bench, last, license).await;
        }
        add(&bench, master, licenses[1]).await;
        user(&bench, last, "zoe").await;
        user(&bench, last, "ada").await;
        user(&bench, ids[1], "eve").await;

        let all = views(&bench, Start::FIRST, 100).await;
        assert_eq!(all.iter().map(|view| view.group.id).collect::<Vec<_>>(), ids);
        assert_eq!(all[0].below.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids[1..]);
        assert_eq!(all[0].below[7].1, "G7");
        let held: Vec<_> = all[60].licenses.iter().map(|license| license.license).collect();
        assert_eq!(held, [licenses[2], licenses[0]]);
        assert_eq!(all[60].end_users.iter().map(|user| user.user_name.as_str()).collect::<Vec<_>>(), ["zoe", "ada"]);
        assert_eq!((all[1].end_users.len(), all[2].end_users.len(), all[0].licenses.len()), (1, 0, 1));
        let alone = bench.read(move |tx, cx| group::view(tx, cx, root, last)).await.expect("a group");
        assert_eq!(alone, all[60]);
        let unknown = bench.read(move |tx, cx| group::view(tx, cx, root, foreign)).await;
        assert!(matches!(unknown, Err(Error::Refused(Refusal::NotFound(Noun::Group)))), "{unknown:?}");

        assert_eq!(views(&bench, Start::At(58), 2).await, all[58..60]);
        assert_eq!(views(&bench, Start::After(ids[58].0), 100).await, all[59..]);
        assert_eq!(bench.read(move |tx, cx| group::count(tx, cx, root)).await.expect("a number"), 61);
        assert_eq!(bench.read(move |tx, cx| group::count(tx, cx, other)).await.expect("a number"), 1);
    }
}

async fn views(bench: &Bench, start: Start, limit: u32) -> Vec<GroupView> {
    let tenant = bench.root.id;
    bench.read(move |tx, cx| group::page(tx, cx, tenant, start, limit)).await.expect("groups")
}
