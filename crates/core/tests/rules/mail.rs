//! The outbox: what is posted goes out once, by one server at a time, and is read by whoever may administer users.

use lessor_core::account::Kind;
use lessor_core::identity::api_key::{self, CreateApiKey, KeyForm};
use lessor_core::identity::session::redeem_link;
use lessor_core::identity::user::{self, CreateUser};
use lessor_core::identity::{self, Level, Right, SendLink};
use lessor_core::mail::{self, Mail, MailFilter, Outcome, State};
use lessor_core::{AccountId, Error, Refusal, UserId};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::json;

async fn invited(bench: &Bench, account: AccountId, login: &str) -> (UserId, Result<Mail, Error>) {
    let command = CreateUser {
        account,
        name: "Ada".into(),
        login: login.into(),
        contact: json!({}),
        password_hash: None,
        level: Level::Read,
    };
    let user = bench.write(move |tx, cx| user::create(tx, cx, &command)).await.expect("a user").id;
    (user, send(bench, user).await)
}

async fn send(bench: &Bench, user: UserId) -> Result<Mail, Error> {
    let command = SendLink { user, page: "https://site.example/#link=".into() };
    bench.write(move |tx, cx| identity::send_link(tx, cx, &command)).await
}

async fn take(bench: &Bench) -> Vec<Mail> {
    bench.write(|tx, cx| mail::take(tx, cx, 10)).await.expect("mails")
}

async fn settle(bench: &Bench, mail: &Mail, outcome: Outcome) {
    let (id, attempt) = (mail.id, mail.attempts);
    bench.write(move |tx, cx| mail::settle(tx, cx, id, attempt, &outcome)).await.expect("settled");
}

async fn now(bench: &Bench, mail: &Mail) -> Mail {
    let id = mail.id;
    bench.read(move |tx, cx| mail::get(tx, cx, id)).await.expect("the mail")
}

fn later() -> Outcome {
    Outcome::Later { problem: "451 come\r\nback".into() }
}

on_both_engines! {
    a_link_that_was_mailed_lets_its_reader_set_a_password_once(bench) {
        let (user, mail) = invited(&bench, bench.root.id, "ada@fabrikam.example").await;
        let mail = mail.expect("a mail");
        assert_eq!((mail.kind.as_str(), mail.recipient.as_str(), mail.state), ("welcome", "ada@fabrikam.example", State::Waiting));
        let link = mail.text.lines().find_map(|line| line.strip_prefix("https://site.example/#link=")).expect("a link");
        redeem_link(&bench.app, link, "a password of my own").await.expect("signed in");
        assert!(redeem_link(&bench.app, link, "another one of my own").await.is_err());
        let again = send(&bench, user).await.expect("a mail");
        assert_eq!(again.kind, "new_password");
    }

    a_mail_goes_to_the_address_in_the_contact_first_and_to_no_text_that_is_none(bench) {
        let (user, refused) = invited(&bench, bench.root.id, "ada").await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Malformed { field: "recipient", .. }))), "{refused:?}");
        let contact = Some(json!({ "email": "ada@fabrikam.example" }));
        let change = user::ChangeUser { user, name: None, contact };
        bench.write(move |tx, cx| user::change(tx, cx, &change)).await.expect("changed");
        assert_eq!(send(&bench, user).await.expect("a mail").recipient, "ada@fabrikam.example");
        assert_eq!(take(&bench).await.len(), 1, "a refusal posts nothing");
    }

    of_servers_that_look_at_once_one_gets_each_mail(bench) {
        for n in 0..10 {
            invited(&bench, bench.root.id, &format!("ada{n}@fabrikam.example")).await.1.expect("a mail");
        }
        let taken = bench.all_at_once(4, |_| bench.write(|tx, cx| mail::take(tx, cx, 4))).await;
        let mut ids: Vec<_> = taken.into_iter().flat_map(|taken| taken.expect("mails")).map(|mail| mail.id).collect();
        ids.extend(take(&bench).await.iter().map(|mail| mail.id));
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!((all, ids.len()), (10, 10));
    }

    a_mail_that_was_taken_and_never_settled_comes_back_after_ten_minutes(bench) {
        invited(&bench, bench.root.id, "ada@fabrikam.example").await.1.expect("a mail");
        let lost = take(&bench).await.remove(0);
        assert!(take(&bench).await.is_empty());
        bench.pass_seconds(600);
        let second = take(&bench).await.remove(0);
        assert_eq!((second.id, second.attempts), (lost.id, 2));
        // What the first server says now comes too late.
        settle(&bench, &lost, Outcome::Refused { problem: "550".into() }).await;
        assert_eq!(now(&bench, &lost).await.state, State::Waiting);
        settle(&bench, &second, Outcome::Sent).await;
        assert_eq!(now(&bench, &lost).await.state, State::Sent);
        bench.pass_hours(1);
        assert!(take(&bench).await.is_empty());
    }

    what_is_put_off_is_tried_eleven_times_and_what_is_refused_once(bench) {
        let mail = invited(&bench, bench.root.id, "ada@fabrikam.example").await.1.expect("a mail");
        for attempt in 1..=11 {
            let taken = take(&bench).await;
            assert_eq!(taken.iter().map(|mail| mail.attempts).collect::<Vec<_>>(), [attempt]);
            settle(&bench, &taken[0], later()).await;
            assert_eq!(now(&bench, &mail).await.problem.as_deref(), Some("451 comeback"));
            bench.pass_hours(18);
        }
        assert_eq!(now(&bench, &mail).await.state, State::Failed);
        assert!(take(&bench).await.is_empty());

        let id = mail.id;
        bench.write(move |tx, cx| mail::send_again(tx, cx, id)).await.expect("again");
        let waiting = bench.write(move |tx, cx| mail::send_again(tx, cx, id)).await;
        assert!(matches!(waiting, Err(Error::Refused(Refusal::InUse(_)))), "{waiting:?}");
        settle(&bench, &take(&bench).await[0], Outcome::Refused { problem: "550 nobody".into() }).await;
        let failed = now(&bench, &mail).await;
        assert_eq!((failed.state, failed.attempts, failed.problem.as_deref()), (State::Failed, 1, Some("550 nobody")));
    }

    mails_are_read_by_whoever_may_administer_users_there_and_by_nobody_else(bench) {
        let (mine, theirs) = (bench.account(bench.root.id, Kind::Partner, "Mine").await, bench.account(bench.root.id, Kind::Partner, "Theirs").await);
        let kept = invited(&bench, theirs.id, "ada@fabrikam.example").await.1.expect("a mail");
        let key = |account, rights: Option<Vec<Right>>| {
            let create = CreateApiKey { account, label: String::new(), rights, form: KeyForm::Native, expires_at: None };
            bench.write(move |tx, cx| api_key::create(tx, cx, &create))
        };
        for (account, rights, seen) in [
            (theirs.id, None, true),
            (theirs.id, Some(vec![Right::IDENTITY_READ]), false),
            (mine.id, None, false),
        ] {
            let (_, text) = key(account, rights).await.expect("a key");
            let actor = identity::authenticate(&bench.app, text.reveal()).await.expect("an actor");
            let (id, caller) = (kept.id, bench.caller(actor));
            assert_eq!(bench.app.read(&caller, move |tx, cx| mail::get(tx, cx, id)).await.is_ok(), seen);
            let filter = MailFilter { account: theirs.id, recipient: Some("ADA@fabrikam.example".into()), state: None };
            let listed = bench.app.read(&caller, move |tx, cx| mail::list(tx, cx, &filter, None, 10)).await;
            assert_eq!(listed.map(|mails| mails.len()).unwrap_or_default(), usize::from(seen));
        }
    }

    mails_are_forgotten_ninety_days_after_they_were_settled(bench) {
        let mail = invited(&bench, bench.root.id, "ada@fabrikam.example").await.1.expect("a mail");
        settle(&bench, &take(&bench).await[0], Outcome::Sent).await;
        bench.pass_hours(24 * 90);
        bench.write(|tx, cx| mail::expire(tx, cx)).await.expect("nothing");
        now(&bench, &mail).await;
        bench.pass_seconds(1);
        bench.write(|tx, cx| mail::expire(tx, cx)).await.expect("deleted");
        let id = mail.id;
        assert!(bench.read(move |tx, cx| mail::get(tx, cx, id)).await.is_err());
    }
}
