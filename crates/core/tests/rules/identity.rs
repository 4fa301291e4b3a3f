//! Keys and users: what each opens, and that nobody hands out more than they have.

use lessor_core::account::{self, Account, Kind};
use lessor_core::identity::api_key::{self, ApiKey, ChangeApiKey, CreateApiKey, KeyForm, RevokeApiKey};
use lessor_core::identity::user::{self, CreateUser, SetPermission, User};
use lessor_core::identity::{Credential, Level, Right, authenticate, session};
use lessor_core::{AccountId, Action, Actor, Caller, Error, Noun, Refusal, UserId, Who, decide};
use lessor_testkit::{Bench, on_both_engines};

fn key_of(account: AccountId) -> CreateApiKey {
    CreateApiKey { account, label: "test".into(), rights: None, form: KeyForm::Native, expires_at: None }
}

async fn create_key(bench: &Bench, command: CreateApiKey) -> Result<(ApiKey, Credential), Error> {
    create_key_as(bench, &bench.app.system(), command).await
}

async fn create_key_as(bench: &Bench, caller: &Caller, command: CreateApiKey) -> Result<(ApiKey, Credential), Error> {
    bench.app.write(caller, move |tx, cx| api_key::create(tx, cx, &command)).await
}

async fn revoke_as(bench: &Bench, caller: &Caller, key: &ApiKey, keep: Option<Right>) -> Result<(), Error> {
    let command = RevokeApiKey { key: key.id, keep_one_with: keep };
    bench.app.write(caller, move |tx, cx| api_key::revoke(tx, cx, &command)).await
}

async fn is_refused(bench: &Bench, presented: &str) -> bool {
    matches!(authenticate(&bench.app, presented).await, Err(Error::Unauthenticated))
}

async fn create_user(bench: &Bench, account: &Account, login: &str, level: Level) -> User {
    let command = CreateUser {
        account: account.id,
        name: login.to_owned(),
        login: login.to_owned(),
        contact: serde_json::json!({}),
        password_hash: None,
        level,
    };
    bench.write(move |tx, cx| user::create(tx, cx, &command)).await.expect("a user")
}

async fn permit(
    bench: &Bench,
    caller: &Caller,
    user: &User,
    account: &Account,
    level: Option<Level>,
) -> Result<(), Error> {
    let command = SetPermission { user: user.id, account: account.id, level };
    bench.app.write(caller, move |tx, cx| user::set_permission(tx, cx, &command)).await
}

/// The user as somebody who signed in.
async fn signed_in(bench: &Bench, user: UserId) -> (Actor, String) {
    let (token, _) = bench.write(move |tx, cx| session::begin(tx, cx, user)).await.expect("a session");
    let actor = authenticate(&bench.app, token.reveal()).await.expect("an actor");
    (Actor::clone(&actor), token.reveal().to_owned())
}

fn may(actor: &Actor, level: Level, account: &Account) -> bool {
    decide(actor, &Action { level, right: Right::LICENSES_WRITE }, &account.path, Noun::License).is_ok()
}

/// A vendor with two partners, one of which has a customer.
struct Tree {
    partner: Account,
    customer: Account,
    other: Account,
}

async fn tree(bench: &Bench) -> Tree {
    let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
    let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
    let other = bench.account(bench.root.id, Kind::Partner, "Other").await;
    Tree { partner, customer, other }
}

on_both_engines! {
    a_key_opens_the_branch_of_its_account_and_nothing_else(bench) {
        let tree = tree(&bench).await;
        let (key, text) = create_key(&bench, key_of(tree.partner.id)).await.expect("a key");
        assert!(text.reveal().starts_with(&format!("{}_", key.prefix)) && text.reveal().starts_with("lsr_live_"));
        let actor = authenticate(&bench.app, text.reveal()).await.expect("an actor");
        assert_eq!((actor.who, actor.account, actor.tenant), (Who::ApiKey(key.id), tree.partner.id, bench.root.id));
        assert!(may(&actor, Level::Write, &tree.partner) && may(&actor, Level::Write, &tree.customer));
        assert!(!may(&actor, Level::Read, &tree.other) && !may(&actor, Level::Read, &bench.root));

        let mut typo = text.reveal().to_owned();
        typo.pop();
        for wrong in [typo.as_str(), "", "lsr_", "lss_nothing", "another", &"x".repeat(10_000)] {
            assert!(is_refused(&bench, wrong).await, "{wrong}");
        }
    }

    keys_of_every_form_are_recognised(bench) {
        let plain = KeyForm::Alphanumeric32;
        let (_, text) =
            create_key(&bench, CreateApiKey { form: plain, ..key_of(bench.root.id) }).await.expect("a key");
        assert_eq!(text.reveal().len(), 32);
        assert!(text.reveal().bytes().all(|b| b.is_ascii_alphanumeric()));
        assert!(authenticate(&bench.app, text.reveal()).await.is_ok());

        let old = CreateApiKey { form: KeyForm::Imported("abcd12wV4D1Hxjf".into()), ..key_of(bench.root.id) };
        let (key, text) = create_key(&bench, old.clone()).await.expect("a key");
        assert_eq!((text.reveal(), key.prefix.as_str()), ("abcd12wV4D1Hxjf", ""));
        assert!(authenticate(&bench.app, "abcd12wV4D1Hxjf").await.is_ok());
        let again = create_key(&bench, old).await;
        assert!(matches!(again, Err(Error::Refused(Refusal::Taken { noun: Noun::ApiKey, .. }))), "{again:?}");
        for text in ["short", "with a blank in it", "lss_0123456789", "lsr_live_x_y_z"] {
            let form = KeyForm::Imported(text.into());
            let outcome = create_key(&bench, CreateApiKey { form, ..key_of(bench.root.id) }).await;
            assert!(matches!(outcome, Err(Error::Refused(Refusal::Malformed { field: "key", .. }))), "{text}");
        }

        let found = bench.read(|tx, cx| api_key::by_text(tx, cx, "abcd12wV4D1Hxjf")).await.expect("a key");
        assert_eq!(found.id, key.id);
    }

    a_key_ends_when_it_expires_is_revoked_or_its_account_closes(bench) {
        let tree = tree(&bench).await;
        let end = bench.app.now().plus_hours(1);
        let (_, brief) = create_key(&bench, CreateApiKey { expires_at: Some(end), ..key_of(tree.partner.id) })
            .await
            .expect("a key");
        let (key, revoked) = create_key(&bench, key_of(tree.partner.id)).await.expect("a key");
        let (_, closing) = create_key(&bench, key_of(tree.other.id)).await.expect("a key");
        for text in [&brief, &revoked, &closing] {
            assert!(authenticate(&bench.app, text.reveal()).await.is_ok());
        }
        bench.pass_hours(1);
        assert!(is_refused(&bench, brief.reveal()).await);
        revoke_as(&bench, &bench.app.system(), &key, None).await.expect("revoked");
        revoke_as(&bench, &bench.app.system(), &key, None).await.expect("revoked already");
        assert!(is_refused(&bench, revoked.reveal()).await);
        let other = tree.other.id;
        bench.write(move |tx, cx| account::close(tx, cx, other)).await.expect("closed");
        assert!(is_refused(&bench, closing.reveal()).await);
        let late = create_key(&bench, CreateApiKey { expires_at: Some(end), ..key_of(tree.partner.id) }).await;
        assert!(matches!(late, Err(Error::Refused(Refusal::Malformed { field: "expires_at", .. }))), "{late:?}");
    }

    a_key_hands_on_only_rights_it_has(bench) {
        let tree = tree(&bench).await;
        let rights = Some(vec![Right::IDENTITY_WRITE, Right::OFFLINE]);
        let limited = CreateApiKey { rights: rights.clone(), ..key_of(tree.partner.id) };
        let (key, text) = create_key(&bench, limited).await.expect("a key");
        assert_eq!(key.rights, rights);
        let caller = bench.caller(authenticate(&bench.app, text.reveal()).await.expect("an actor"));

        let make = |account: &Account, rights: Option<Vec<Right>>| {
            create_key_as(&bench, &caller, CreateApiKey { rights, ..key_of(account.id) })
        };
        assert!(make(&tree.customer, Some(vec![Right::OFFLINE])).await.is_ok());
        for beyond in [None, Some(Right::ALL.to_vec()), Some(vec![Right::OFFLINE, Right::LICENSES_WRITE])] {
            assert!(matches!(make(&tree.customer, beyond).await, Err(Error::Forbidden)));
        }
        for elsewhere in [&tree.other, &bench.root] {
            let outcome = make(elsewhere, Some(vec![Right::OFFLINE])).await;
            assert!(matches!(outcome, Err(Error::Refused(Refusal::NotFound(Noun::Account)))), "{outcome:?}");
        }
        let command = CreateUser {
            account: tree.customer.id, name: "x".into(), login: "x".into(), contact: serde_json::json!({}), password_hash: None, level: Level::Read,
        };
        let user = bench.app.write(&caller, move |tx, cx| user::create(tx, cx, &command)).await;
        assert!(matches!(user, Err(Error::Forbidden)), "a user has no limits: {user:?}");
    }

    every_right_there_is_means_no_limit(bench) {
        let all = CreateApiKey { rights: Some(Right::ALL.to_vec()), ..key_of(bench.root.id) };
        let (key, _) = create_key(&bench, all).await.expect("a key");
        assert_eq!(key.rights, None);
        let none = CreateApiKey { rights: Some(Vec::new()), ..key_of(bench.root.id) };
        assert!(matches!(create_key(&bench, none).await, Err(Error::Refused(Refusal::Malformed { .. }))));
    }

    a_key_does_not_touch_itself_and_the_last_one_stays(bench) {
        let right = Right::IDENTITY_WRITE;
        let (own, text) = create_key(&bench, key_of(bench.root.id)).await.expect("a key");
        let caller = bench.caller(authenticate(&bench.app, text.reveal()).await.expect("an actor"));
        let outcome = revoke_as(&bench, &caller, &own, None).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::OwnKey))), "{outcome:?}");

        let system = bench.app.system();
        let other_right = CreateApiKey { rights: Some(vec![Right::OFFLINE]), ..key_of(bench.root.id) };
        let (without, _) = create_key(&bench, other_right).await.expect("a key");
        let outcome = revoke_as(&bench, &system, &own, Some(right.clone())).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::LastKey))), "{outcome:?}");
        let demote = ChangeApiKey {
            key: own.id, label: None, rights: Some(Some(vec![Right::OFFLINE])), keep_one_with: Some(right.clone()),
        };
        let outcome = bench.write(move |tx, cx| api_key::change(tx, cx, &demote)).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::LastKey))), "{outcome:?}");
        revoke_as(&bench, &system, &without, Some(right.clone())).await.expect("not one of those");

        let mut left = own;
        for _ in 0..10 {
            let (second, _) = create_key(&bench, key_of(bench.root.id)).await.expect("a key");
            let keys = [left, second];
            let outcomes = bench.all_at_once(2, |n| revoke_as(&bench, &system, &keys[n], Some(right.clone()))).await;
            let refused = outcomes.iter().position(|o| matches!(o, Err(Error::Refused(Refusal::LastKey))));
            let revoked = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(revoked, 1, "{outcomes:?}");
            left = keys[refused.expect("one refusal")].clone();
        }
    }

    a_changed_key_changes_what_it_opens_at_once(bench) {
        let (key, text) = create_key(&bench, key_of(bench.root.id)).await.expect("a key");
        let command = ChangeApiKey {
            key: key.id,
            label: Some("reads only".into()),
            rights: Some(Some(vec![Right::LICENSES_READ])),
            keep_one_with: None,
        };
        let changed = bench.write(move |tx, cx| api_key::change(tx, cx, &command)).await.expect("a change");
        assert_eq!(changed.label, "reads only");
        let actor = authenticate(&bench.app, text.reveal()).await.expect("an actor");
        assert_eq!(actor.rights, Some(vec![Right::LICENSES_READ]));
        let root = bench.root.id;
        let listed = bench.read(move |tx, cx| api_key::list(tx, cx, root, None, 10)).await.expect("keys");
        assert_eq!(listed, vec![changed]);
    }

    levels_are_inherited_and_the_nearest_decides(bench) {
        let tree = tree(&bench).await;
        let user = create_user(&bench, &bench.root, "ada", Level::Write).await;
        let system = bench.app.system();
        permit(&bench, &system, &user, &tree.partner, Some(Level::Read)).await.expect("a level");
        permit(&bench, &system, &user, &tree.other, Some(Level::None)).await.expect("a level");
        let (actor, token) = signed_in(&bench, user.id).await;
        assert!(may(&actor, Level::Write, &bench.root));
        assert!(may(&actor, Level::Read, &tree.customer) && !may(&actor, Level::Write, &tree.customer));
        assert!(!may(&actor, Level::Read, &tree.other));

        permit(&bench, &system, &user, &tree.partner, None).await.expect("nothing set");
        let actor = authenticate(&bench.app, &token).await.expect("the same session");
        assert!(may(&actor, Level::Write, &tree.customer));
    }

    nobody_gives_what_they_have_not_got(bench) {
        let tree = tree(&bench).await;
        let system = bench.app.system();
        let admin = create_user(&bench, &bench.root, "admin", Level::Write).await;
        permit(&bench, &system, &admin, &tree.customer, Some(Level::None)).await.expect("a level");
        let caller = bench.caller(signed_in(&bench, admin.id).await.0);
        let user = create_user(&bench, &tree.other, "user", Level::Read).await;

        // A branch that holds a place closed to the giver is not the giver's to give.
        let whole = permit(&bench, &caller, &user, &tree.partner, Some(Level::Write)).await;
        assert!(matches!(whole, Err(Error::Forbidden)), "{whole:?}");
        let key = create_key_as(&bench, &caller, key_of(tree.partner.id)).await;
        assert!(matches!(key, Err(Error::Forbidden)), "{key:?}");
        permit(&bench, &caller, &user, &tree.other, Some(Level::Write)).await.expect("all of it is the giver's");

        // Nor is it theirs to become someone who has more.
        let powerful = create_user(&bench, &tree.partner, "powerful", Level::Write).await;
        let id = powerful.id;
        let link = bench.app.write(&caller, move |tx, cx| session::create_link(tx, cx, id)).await;
        assert!(matches!(link, Err(Error::Forbidden)), "{link:?}");
        let id = user.id;
        let link = bench.app.write(&caller, move |tx, cx| session::create_link(tx, cx, id)).await;
        assert!(link.is_ok(), "{link:?}");
    }

    taking_a_level_away_does_not_raise_another_unseen(bench) {
        let tree = tree(&bench).await;
        let system = bench.app.system();
        let user = create_user(&bench, &tree.partner, "user", Level::Write).await;
        permit(&bench, &system, &user, &tree.customer, Some(Level::None)).await.expect("a level");
        let admin = create_user(&bench, &tree.partner, "admin", Level::Write).await;
        let below = bench.account(tree.partner.id, Kind::Partner, "Below").await;
        permit(&bench, &system, &admin, &below, Some(Level::Read)).await.expect("a level");
        permit(&bench, &system, &user, &below, Some(Level::None)).await.expect("a level");
        let caller = bench.caller(signed_in(&bench, admin.id).await.0);
        permit(&bench, &caller, &user, &tree.customer, None).await.expect("may write there");
        let outcome = permit(&bench, &caller, &user, &below, None).await;
        assert!(matches!(outcome, Err(Error::Forbidden)), "{outcome:?}");
    }

    a_login_is_taken_once(bench) {
        create_user(&bench, &bench.root, "ada", Level::Read).await;
        let stranger = bench.other_vendor("Stranger").await;
        let command = CreateUser {
            account: stranger.id, name: "Ada".into(), login: "ada".into(), contact: serde_json::json!({}), password_hash: None, level: Level::Read,
        };
        let outcome = bench.write(move |tx, cx| user::create(tx, cx, &command)).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::Taken { noun: Noun::User, .. }))), "{outcome:?}");
    }

    users_are_seen_by_their_branch_and_by_themselves(bench) {
        let tree = tree(&bench).await;
        let user = create_user(&bench, &tree.partner, "user", Level::None).await;
        let stranger = create_user(&bench, &tree.other, "stranger", Level::Write).await;
        let (id, partner) = (user.id, tree.partner.id);
        let own = bench.caller(signed_in(&bench, id).await.0);
        assert_eq!(bench.app.read(&own, move |tx, cx| user::get(tx, cx, id)).await.expect("oneself"), user);
        let other = bench.caller(signed_in(&bench, stranger.id).await.0);
        let outcome = bench.app.read(&other, move |tx, cx| user::get(tx, cx, id)).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::NotFound(Noun::User)))), "{outcome:?}");
        let listed = bench.read(move |tx, cx| user::list(tx, cx, partner, None, 10)).await.expect("users");
        assert_eq!(listed, vec![user]);
        let set = bench.read(move |tx, cx| user::permissions(tx, cx, id)).await.expect("levels");
        assert_eq!(set, vec![(partner, Level::None)]);
    }
}
