//! An account that waits until somebody who may write on it has a password.

use lessor_core::UserId;
use lessor_core::account::{self, Account, Hold, HoldTarget, Kind, NOT_ACTIVATED, PlaceHold, Reach, SUSPENDED};
use lessor_core::identity::Level;
use lessor_core::identity::session::{create_link, redeem_link};
use lessor_core::identity::user::{self, ChangePassword, CreateUser, SetPermission};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::json;

/// A partner that waits, and is suspended besides.
async fn waiting(bench: &Bench) -> Account {
    let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
    for cause in [NOT_ACTIVATED, SUSPENDED] {
        let target = HoldTarget::Account(partner.id);
        let command = PlaceHold { target, reach: Reach::Own, cause: cause.into(), note: String::new() };
        bench.write(move |tx, cx| account::place(tx, cx, &command)).await.expect("a hold");
    }
    partner
}

async fn user_of(bench: &Bench, account: &Account, login: &str, level: Level, password: Option<&str>) -> UserId {
    let password_hash = match password {
        Some(password) => Some(bench.app.hasher().hash(password).await.expect("a hash")),
        None => None,
    };
    let (name, login) = (login.to_owned(), login.to_owned());
    let command = CreateUser { account: account.id, name, login, contact: json!({}), password_hash, level };
    bench.write(move |tx, cx| user::create(tx, cx, &command)).await.expect("a user").id
}

async fn holds(bench: &Bench, account: &Account) -> Vec<Hold> {
    let target = HoldTarget::Account(account.id);
    bench.read(move |tx, cx| account::holds_of(tx, cx, target)).await.expect("holds")
}

async fn waits(bench: &Bench, account: &Account) -> bool {
    let holds = holds(bench, account).await;
    assert!(holds.iter().any(|hold| hold.cause == SUSPENDED), "holds of other causes stay");
    holds.iter().any(|hold| hold.cause == NOT_ACTIVATED)
}

async fn redeem(bench: &Bench, user: UserId) {
    let link = bench.write(move |tx, cx| create_link(tx, cx, user)).await.expect("a link");
    redeem_link(&bench.app, link.reveal(), "a password of my own").await.expect("signed in");
}

async fn set_password(bench: &Bench, user: UserId) {
    let password_hash = bench.app.hasher().hash("a password of theirs").await.expect("a hash");
    let command = ChangePassword { user, password_hash };
    bench.write(move |tx, cx| user::change_password(tx, cx, &command)).await.expect("changed");
}

on_both_engines! {
    who_may_write_and_follows_the_link_activates_the_account(bench) {
        let partner = waiting(&bench).await;
        let before = holds(&bench, &partner).await;
        let reader = user_of(&bench, &partner, "reader", Level::Read, None).await;
        redeem(&bench, reader).await;
        assert!(waits(&bench, &partner).await, "who may only look changes nothing");
        let writer = user_of(&bench, &partner, "writer", Level::Write, None).await;
        assert!(waits(&bench, &partner).await, "nobody can sign in yet");
        redeem(&bench, writer).await;
        assert!(!waits(&bench, &partner).await);
        let held = before.iter().find(|hold| hold.cause == NOT_ACTIVATED).expect("it waited").id;
        let lifted = bench.write(move |tx, cx| account::lift(tx, cx, &account::LiftHold { hold: held })).await;
        assert_eq!(lifted.expect("lifted before").lifted_by, Some(writer.to_string()));
    }

    a_password_that_an_administrator_sets_activates_the_account_too(bench) {
        let partner = waiting(&bench).await;
        let user = user_of(&bench, &partner, "writer", Level::Write, None).await;
        set_password(&bench, user).await;
        assert!(!waits(&bench, &partner).await);
        let other = waiting(&bench).await;
        user_of(&bench, &other, "reader", Level::Read, Some("a password")).await;
        assert!(waits(&bench, &other).await);
        user_of(&bench, &other, "other", Level::Write, Some("a password")).await;
        assert!(!waits(&bench, &other).await);
    }

    what_is_decided_is_the_level_on_the_account_itself(bench) {
        let partner = waiting(&bench).await;
        // Allowed to write elsewhere, or by an account above, or from another account: only the second counts.
        let elsewhere = bench.account(bench.root.id, Kind::Partner, "Other").await;
        let foreign = user_of(&bench, &bench.root.clone(), "foreign", Level::Write, None).await;
        redeem(&bench, foreign).await;
        assert!(waits(&bench, &partner).await);
        let user = user_of(&bench, &partner, "user", Level::Read, None).await;
        let permit = |account, level| {
            let command = SetPermission { user, account, level };
            bench.write(move |tx, cx| user::set_permission(tx, cx, &command))
        };
        permit(elsewhere.id, Some(Level::Write)).await.expect("permitted");
        redeem(&bench, user).await;
        assert!(waits(&bench, &partner).await);
        let inheriting = user_of(&bench, &partner, "inheriting", Level::Read, None).await;
        let (root, own) = (bench.root.id, partner.id);
        for (account, level) in [(own, None), (root, Some(Level::Write))] {
            let command = SetPermission { user: inheriting, account, level };
            bench.write(move |tx, cx| user::set_permission(tx, cx, &command)).await.expect("permitted");
        }
        set_password(&bench, inheriting).await;
        assert!(!waits(&bench, &partner).await);
    }

    only_the_first_password_activates(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let user = user_of(&bench, &partner, "writer", Level::Write, Some("a password")).await;
        let target = HoldTarget::Account(partner.id);
        for cause in [NOT_ACTIVATED, SUSPENDED] {
            let command = PlaceHold { target, reach: Reach::Own, cause: cause.into(), note: String::new() };
            bench.write(move |tx, cx| account::place(tx, cx, &command)).await.expect("a hold");
        }
        set_password(&bench, user).await;
        assert!(waits(&bench, &partner).await);
    }
}
