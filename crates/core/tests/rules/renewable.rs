//! Sessions that are renewed: each refresh token works once, and one that comes twice ends what came of its sign-in.

use lessor_core::identity::session::{Lifetimes, Renewable, renew, sign_in_renewably};
use lessor_core::identity::user::{self, CreateUser};
use lessor_core::identity::{Credential, Level, authenticate};
use lessor_core::{Error, Refusal, UserId};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";
const LIFETIMES: Lifetimes = Lifetimes { access_seconds: 60, whole_seconds: 1_800 };

async fn signed_in(bench: &Bench) -> (UserId, Renewable) {
    let hash = bench.app.hasher().hash(PASSWORD).await.expect("a hash");
    let command = CreateUser {
        account: bench.root.id,
        name: "Ada".into(),
        login: "ada".into(),
        contact: json!({}),
        password_hash: Some(hash),
        level: Level::Write,
    };
    let user = bench.write(move |tx, cx| user::create(tx, cx, &command)).await.expect("a user").id;
    (user, sign_in_renewably(&bench.app, "ada", PASSWORD, LIFETIMES).await.expect("signed in"))
}

async fn opens(bench: &Bench, access: &Credential) -> bool {
    authenticate(&bench.app, access.reveal()).await.is_ok()
}

async fn renewed(bench: &Bench, refresh: &Credential) -> Result<Renewable, Error> {
    renew(&bench.app, refresh.reveal(), LIFETIMES.access_seconds).await
}

fn is_bad(outcome: &Result<Renewable, Error>) -> bool {
    matches!(outcome, Err(Error::Refused(Refusal::BadCredentials)))
}

on_both_engines! {
    a_renewal_gives_two_new_tokens_and_leaves_the_old_access_until_it_expires(bench) {
        let (user, first) = signed_in(&bench).await;
        bench.pass_seconds(30);
        let second = renewed(&bench, &first.refresh).await.expect("renewed");
        assert_eq!((second.user, second.refresh_until), (user, first.refresh_until));
        assert!(second.access != first.access && second.refresh != first.refresh);
        assert!(opens(&bench, &first.access).await && opens(&bench, &second.access).await);
        bench.pass_seconds(30);
        assert!(!opens(&bench, &first.access).await && opens(&bench, &second.access).await);
        // An access token has ended, and renewing still works; none of them stands in for another.
        bench.pass_seconds(600);
        assert!(!opens(&bench, &second.refresh).await);
        assert!(is_bad(&renewed(&bench, &second.access).await));
        renewed(&bench, &second.refresh).await.expect("renewed");
    }

    a_refresh_token_that_comes_twice_ends_what_came_of_its_sign_in_and_nothing_else(bench) {
        let (_, first) = signed_in(&bench).await;
        let other = sign_in_renewably(&bench.app, "ada", PASSWORD, LIFETIMES).await.expect("signed in");
        let second = renewed(&bench, &first.refresh).await.expect("renewed");
        assert!(is_bad(&renewed(&bench, &first.refresh).await));
        assert!(!opens(&bench, &first.access).await && !opens(&bench, &second.access).await);
        assert!(is_bad(&renewed(&bench, &second.refresh).await));
        assert!(opens(&bench, &other.access).await);
        renewed(&bench, &other.refresh).await.expect("renewed");
    }

    of_two_that_renew_with_one_token_at_once_at_most_one_gets_on(bench) {
        let (_, first) = signed_in(&bench).await;
        let outcomes = bench.all_at_once(2, |_| renewed(&bench, &first.refresh)).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        for renewable in outcomes.into_iter().flatten() {
            assert!(!opens(&bench, &renewable.access).await);
        }
    }

    the_whole_session_ends_in_its_time_however_often_it_was_renewed(bench) {
        let (_, mut session) = signed_in(&bench).await;
        for _ in 0..3 {
            bench.pass_seconds(590);
            session = renewed(&bench, &session.refresh).await.expect("renewed");
        }
        assert_eq!(session.access_until, session.refresh_until);
        bench.pass_seconds(30);
        assert!(!opens(&bench, &session.access).await);
        assert!(is_bad(&renewed(&bench, &session.refresh).await));
    }

    a_closed_user_renews_nothing(bench) {
        let (user, session) = signed_in(&bench).await;
        bench.write(move |tx, cx| user::close(tx, cx, user)).await.expect("closed");
        assert!(!opens(&bench, &session.access).await);
        assert!(is_bad(&renewed(&bench, &session.refresh).await));
    }
}
