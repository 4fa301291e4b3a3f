//! Signing in: sessions that end, links that work once, and guessing that gets slow.

use lessor_core::identity::session::{self, SignedIn, redeem_link, sign_in};
use lessor_core::identity::user::{self, ChangePassword, CreateUser, User};
use lessor_core::identity::{Level, authenticate};
use lessor_core::{Error, Refusal, UserId, Who};
use lessor_testkit::{Bench, on_both_engines};

const PASSWORD: &str = "correct horse battery staple";

async fn create_user(bench: &Bench, login: &str) -> User {
    let hash = bench.app.hasher().hash(PASSWORD).await.expect("a hash");
    let command = CreateUser {
        account: bench.root.id,
        name: "Ada".into(),
        login: login.to_owned(),
        contact: serde_json::json!({}),
        password_hash: Some(hash),
        level: Level::Write,
    };
    bench.write(move |tx, cx| user::create(tx, cx, &command)).await.expect("a user")
}

async fn link(bench: &Bench, user: UserId) -> String {
    let link = bench.write(move |tx, cx| session::create_link(tx, cx, user)).await.expect("a link");
    link.reveal().to_owned()
}

async fn is_over(bench: &Bench, session: &SignedIn) -> bool {
    matches!(authenticate(&bench.app, session.token.reveal()).await, Err(Error::Unauthenticated))
}

fn is_bad<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Refused(Refusal::BadCredentials)))
}

on_both_engines! {
    a_session_lasts_twelve_hours_or_until_it_is_ended(bench) {
        let user = create_user(&bench, "ada").await;
        let first = sign_in(&bench.app, "ada", PASSWORD).await.expect("signed in");
        let second = sign_in(&bench.app, "ada", PASSWORD).await.expect("signed in");
        assert_eq!((first.user, first.expires_at), (user.id, bench.app.now().plus_hours(12)));
        let actor = authenticate(&bench.app, first.token.reveal()).await.expect("an actor");
        assert_eq!((actor.who, actor.account), (Who::User(user.id), bench.root.id));

        let token = second.token.reveal().to_owned();
        bench.write(move |tx, cx| session::end(tx, cx, &token)).await.expect("ended");
        assert!(is_over(&bench, &second).await && !is_over(&bench, &first).await);
        bench.pass_hours(12);
        assert!(is_over(&bench, &first).await);
        assert_eq!(bench.write(|tx, cx| session::expire(tx, cx)).await.expect("deleted"), 2);
    }

    a_new_password_ends_every_session_and_link(bench) {
        let user = create_user(&bench, "ada").await;
        let session = sign_in(&bench.app, "ada", PASSWORD).await.expect("signed in");
        let link = link(&bench, user.id).await;
        let new_hash = bench.app.hasher().hash("another long password").await.expect("a hash");
        let command = ChangePassword { user: user.id, password_hash: new_hash };
        bench.write(move |tx, cx| user::change_password(tx, cx, &command)).await.expect("changed");
        assert!(is_over(&bench, &session).await);
        assert!(is_bad(&redeem_link(&bench.app, &link, "yet another password").await));
        assert!(is_bad(&sign_in(&bench.app, "ada", PASSWORD).await));
        assert!(sign_in(&bench.app, "ada", "another long password").await.is_ok());
    }

    a_closed_user_is_like_one_that_never_was(bench) {
        let user = create_user(&bench, "ada").await;
        let session = sign_in(&bench.app, "ada", PASSWORD).await.expect("signed in");
        let link = link(&bench, user.id).await;
        for _ in 0..2 {
            bench.write(move |tx, cx| user::close(tx, cx, user.id)).await.expect("closed");
        }
        assert!(is_over(&bench, &session).await);
        assert!(is_bad(&sign_in(&bench.app, "ada", PASSWORD).await));
        assert!(is_bad(&redeem_link(&bench.app, &link, PASSWORD).await));
    }

    a_link_works_once_within_a_day(bench) {
        let user = create_user(&bench, "ada").await;
        let replaced = link(&bench, user.id).await;
        let once = link(&bench, user.id).await;
        assert!(is_bad(&redeem_link(&bench.app, &replaced, PASSWORD).await));
        let short = redeem_link(&bench.app, &once, "short").await;
        assert!(matches!(short, Err(Error::Refused(Refusal::Malformed { field: "password", .. }))), "{short:?}");
        // A link is no session.
        assert!(matches!(authenticate(&bench.app, &once).await, Err(Error::Unauthenticated)));

        for n in 0..6 {
            let once = if n == 0 { once.clone() } else { link(&bench, user.id).await };
            let outcomes = bench.all_at_once(2, |_| redeem_link(&bench.app, &once, "a password of my own")).await;
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
            assert!(outcomes.iter().filter(|outcome| outcome.is_err()).all(is_bad), "{outcomes:?}");
            let session = outcomes.into_iter().find_map(Result::ok).expect("a session");
            assert!(!is_over(&bench, &session).await);
        }
        assert!(sign_in(&bench.app, "ada", "a password of my own").await.is_ok());

        let late = link(&bench, user.id).await;
        bench.pass_hours(24);
        assert!(is_bad(&redeem_link(&bench.app, &late, PASSWORD).await));
    }

    guessing_gets_slow_and_tells_nobody_who_exists(bench) {
        create_user(&bench, "ada").await;
        let guess = |login: &'static str| sign_in(&bench.app, login, "a wrong password");
        let mut seen = Vec::new();
        for login in ["ada", "nobody", "two\nlines", "nul\0"] {
            let mut outcomes = Vec::new();
            for _ in 0..7 {
                outcomes.push(guess(login).await.expect_err("a refusal").to_string());
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

    the_right_password_waits_too_and_then_forgets_the_failures(bench) {
        create_user(&bench, "ada").await;
        for _ in 0..2 {
            for _ in 0..5 {
                assert!(is_bad(&sign_in(&bench.app, "ada", "a wrong password").await));
            }
            let blocked = sign_in(&bench.app, "ada", PASSWORD).await;
            assert!(matches!(blocked, Err(Error::Refused(Refusal::TooManyTries { seconds: 1 }))), "{blocked:?}");
            bench.pass_seconds(1);
            assert!(sign_in(&bench.app, "ada", PASSWORD).await.is_ok());
        }
    }

    guessing_in_parallel_gains_nothing(bench) {
        create_user(&bench, "ada").await;
        let outcomes = bench.all_at_once(20, |_| sign_in(&bench.app, "ada", "a wrong password")).await;
        let tried = outcomes.iter().filter(|outcome| is_bad(outcome)).count();
        assert_eq!(tried, 5, "{outcomes:?}");
    }

    a_hundred_failures_take_an_administrator(bench) {
        let user = create_user(&bench, "ada").await;
        for _ in 0..100 {
            // A whole day passes, so that no delay is left.
            bench.pass_hours(24);
            let _ = sign_in(&bench.app, "ada", "wrong").await;
        }
        bench.pass_hours(24 * 365);
        let blocked = sign_in(&bench.app, "ada", PASSWORD).await;
        assert!(matches!(blocked, Err(Error::Refused(Refusal::TooManyTries { .. }))), "{blocked:?}");
        bench.write(move |tx, cx| user::unblock(tx, cx, user.id)).await.expect("unblocked");
        assert!(sign_in(&bench.app, "ada", PASSWORD).await.is_ok());
    }
}
