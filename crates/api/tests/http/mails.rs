//! The outbox of the native API, and users who are changed and mailed.

use crate::bench::Site;
use lessor_core::identity::Right;
use lessor_core::mail;
use lessor_testkit::on_both_engines;
use serde_json::json;

on_both_engines! {
    a_sign_in_link_is_mailed_and_read_in_the_outbox(bench) {
        let site = Site::new(bench).await;
        let user = json!({ "name": "Ada", "login": "ada", "level": "read", "contact": { "email": "ada@x.example" } });
        let user = site.post("/v1/users", &user).await.is(201);
        assert_eq!(user.body["contact"], json!({ "email": "ada@x.example" }));
        let user = user.text("id");
        let mail = site.post(&format!("/v1/users/{user}/sign-in-mails"), &json!({})).await.is(201);
        assert_eq!((mail.text("kind"), mail.text("state"), mail.text("recipient")), ("welcome".into(), "waiting".into(), "ada@x.example".into()));
        let text = mail.text("text");
        let token = text.lines().find_map(|line| line.strip_prefix("https://site.example/#link=")).expect("a link");
        let redeem = json!({ "token": token, "password": "a sentence of my own" });
        site.post("/v1/sign-in-links/redeem", &redeem).await.is(201);

        let id = mail.text("id");
        site.post(&format!("/v1/mails/{id}/send-again"), &json!({})).await.refused(409, "in_use");
        let taken = site.bench.write(|tx, cx| mail::take(tx, cx, 1)).await.expect("mails").remove(0);
        let settle = move |tx: &mut dyn lessor_core::Tx, cx: &lessor_core::Context<'_>| {
            mail::settle(tx, cx, taken.id, taken.attempts, &mail::Outcome::Sent)
        };
        site.bench.write(settle).await.expect("settled");
        assert_eq!(site.get(&format!("/v1/mails/{id}")).await.is(200).text("state"), "sent");
        assert_eq!(site.get("/v1/mails?state=waiting").await.is(200).body["items"], json!([]));
        assert_eq!(site.get("/v1/mails?recipient=ADA@X.example&state=sent").await.is(200).body["items"][0]["id"], json!(id));
        assert_eq!(site.post(&format!("/v1/mails/{id}/send-again"), &json!({})).await.is(200).text("state"), "waiting");
    }

    mails_take_the_right_to_administer_users(bench) {
        let site = Site::new(bench).await;
        let reader = site.with_key(site.key_of(site.bench.root.id, Some(vec![Right::IDENTITY_READ])).await);
        reader.get("/v1/mails").await.refused(403, "forbidden");
        reader.get("/v1/users").await.is(200);
    }

    a_user_is_changed_where_something_is_said_and_stays_otherwise(bench) {
        let site = Site::new(bench).await;
        let user = site.post("/v1/users", &json!({ "name": "Ada", "login": "ada", "level": "read" })).await.is(201).text("id");
        let path = format!("/v1/users/{user}");
        let changed = site.patch(&path, &json!({ "contact": { "phone": "1" } })).await.is(200);
        assert_eq!((changed.text("name"), &changed.body["contact"]), ("Ada".into(), &json!({ "phone": "1" })));
        let changed = site.patch(&path, &json!({ "name": "Ada King" })).await.is(200);
        assert_eq!((changed.text("name"), &changed.body["contact"]), ("Ada King".into(), &json!({ "phone": "1" })));
        for bad in [json!({ "name": "" }), json!({ "contact": [] }), json!({ "login": "eve" })] {
            assert!(matches!(site.patch(&path, &bad).await.status.as_u16(), 400 | 422), "{bad}");
        }
        assert_eq!(site.get(&path).await.body["name"], "Ada King");
        site.delete(&path).await.is(204);
        assert_eq!(site.patch(&path, &json!({ "name": "x" })).await.status, 409);
    }
}
