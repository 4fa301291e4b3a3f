//! Users: the caller, making and changing others, passwords, and where somebody may change things.

use crate::world::{PASSWORD, World};
use lessor_core::UserId;
use lessor_core::identity::Level;
use lessor_core::identity::user::{self, SetPermission};
use lessor_core::mail::{self, MailFilter};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};
use uuid::Uuid;

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}")).to_owned()
}

fn bob(more: Value) -> Value {
    let mut body = json!({
        "firstName": "Bob", "lastName": "Reader", "email": "bob@example.test", "countryCode": "svk",
        "permissionType": "NoAccess",
    });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

on_both_engines! {
    the_caller_is_told_who_it_is(bench) {
        let world = World::new(&bench).await;
        let msp = world.company("msp").clone();
        let me = world.get(&world.token("msp").await, "User/Current").await.ok();
        assert_eq!(me["id"], json!(msp.user.0));
        assert_eq!((&me["firstName"], &me["lastName"]), (&json!("Ann"), &json!("Example")));
        assert_eq!((&me["email"], &me["status"], &me["twoFactorEnabled"]), (&json!("msp@example.test"), &json!(1), &json!(false)));
        assert_eq!(me["company"], json!({ "companyId": msp.id.0, "id": msp.id.0, "name": "msp", "type": 1005 }));
        assert_eq!(me["country"], json!({ "countryCode": "SVK", "name": "Slovakia" }));
        assert_eq!(me["timeZone"]["timeShift"], "+01:00");
    }

    a_user_without_any_permission_is_still_told_who_it_is(bench) {
        let world = World::new(&bench).await;
        let hash = bench.app.hasher().hash(PASSWORD).await.expect("a hash");
        let id = world.user(world.company("msp").id, "none@example.test", Level::None, &hash).await;
        let token = world.sign_in("none@example.test").await;
        assert_eq!(world.get(&token, "User/Current").await.ok()["company"]["type"], 1005);
        let details = world.post(&token, "User/GetUserDetails", json!({ "userId": id.0 })).await.ok();
        assert_eq!(details["permissionType"], 3);
        let other = world.company("msp").user;
        assert_eq!(world.post(&token, "User/GetUserDetails", json!({ "userId": other.0 })).await.refused(), (403, 2, 1901));
    }

    a_new_user_is_of_the_callers_company_and_gets_a_mail(bench) {
        let world = World::new(&bench).await;
        let token = world.token("msp").await;
        let customer = world.company("customer").id.0;
        let body = bob(json!({ "specificPermissions": { customer.to_string(): "Read" }, "phone": "+421 2", "description": "d" }));
        let made = world.post(&token, "User/Create", body).await.ok();
        assert_eq!((&made["status"], &made["permissionType"]), (&json!(1), &json!(3)));
        assert_eq!(made["specificPermissions"], json!({ customer.to_string(): 2 }));
        assert_eq!((&made["phoneNumber"], &made["description"]), (&json!("+421 2"), &json!("d")));
        assert_eq!(made["company"]["companyId"], json!(world.company("msp").id.0));
        assert_eq!((&made["country"]["countryCode"], &made["timeZone"]), (&json!("SVK"), &Value::Null));
        let seen = world.post(&token, "User/GetUserDetails", json!({ "userId": made["id"] })).await.ok();
        assert_eq!(seen, made);
        let account = world.company("msp").id;
        let mails = bench.read(move |tx, cx| mail::list(tx, cx, &MailFilter { account, recipient: None, state: None }, None, 10)).await.expect("mails");
        assert_eq!(mails.iter().map(|mail| mail.recipient.as_str()).collect::<Vec<_>>(), ["bob@example.test"]);
        assert!(mails[0].text.contains("https://lessor.example/#link=lsl_"), "{}", mails[0].text);
    }

    what_a_new_user_cannot_be_is_refused_and_changes_nothing(bench) {
        let world = World::new(&bench).await;
        let token = world.token("msp").await;
        let customer = world.company("customer").id.0.to_string();
        let stranger = world.company("manager").id.0.to_string();
        world.post(&token, "User/Create", bob(json!({ "email": "taken@example.test" }))).await.ok();
        let before = bench.digests(&[]);
        for (more, refused) in [
            (json!({ "email": "taken@example.test" }), (400, 2, 1002)),
            (json!({ "countryCode": "XXX" }), (400, 2, 1003)),
            (json!({ "permissionType": 1, "specificPermissions": { customer.clone(): 1 } }), (400, 2, 1004)),
            (json!({ "specificPermissions": { stranger.clone(): 1 } }), (403, 2, 1901)),
            (json!({ "specificPermissions": { Uuid::max().to_string(): 1 } }), (403, 2, 1901)),
        ] {
            assert_eq!(world.post(&token, "User/Create", bob(more.clone())).await.refused(), refused, "{more}");
        }
        for (more, fault) in [
            (json!({ "email": "no address" }), "email"),
            (json!({ "permissionType": "All" }), "permissionType"),
            (json!({ "specificPermissions": { customer: 3 } }), "specificPermissions"),
            (json!({ "specificPermissions": { "x": 1 } }), "specificPermissions"),
            (json!({ "firstName": "" }), "firstName"),
            (json!({ "lastName": "x".repeat(96) }), "lastName"),
        ] {
            assert_eq!(world.post(&token, "User/Create", bob(more.clone())).await.faults(), [fault], "{more}");
        }
        assert_eq!(bench.digests(&[]), before);
    }

    only_who_may_write_makes_and_changes_users(bench) {
        let world = World::new(&bench).await;
        let hash = bench.app.hasher().hash(PASSWORD).await.expect("a hash");
        let msp = world.company("msp").clone();
        let reader = world.user(msp.id, "reader@example.test", Level::Read, &hash).await;
        let token = world.sign_in("reader@example.test").await;
        assert_eq!(world.post(&token, "User/Create", bob(json!({}))).await.refused(), (403, 2, 1901));
        for user in [reader, msp.user] {
            let body = json!({ "userId": user.0, "phone": "1" });
            assert_eq!(world.post(&token, "User/Update", body).await.refused(), (403, 2, 1901));
        }
        assert_eq!(world.post(&token, "User/GetUserDetails", json!({ "userId": msp.user.0 })).await.status, 200);
        let stranger = world.token("direct-msp").await;
        for (call, user) in [("User/GetUserDetails", msp.user.0), ("User/Update", msp.user.0), ("User/Update", Uuid::max())] {
            assert_eq!(world.post(&stranger, call, json!({ "userId": user })).await.refused(), (403, 2, 1901), "{call}");
        }
    }

    an_update_leaves_alone_what_it_does_not_name(bench) {
        let world = World::new(&bench).await;
        let token = world.token("msp").await;
        let (one, two) = (world.company("customer").id.0.to_string(), world.company("other-customer").id.0.to_string());
        let body = bob(json!({ "phone": "1", "description": "d", "specificPermissions": { one.clone(): 2 } }));
        let made = world.post(&token, "User/Create", body).await.ok();
        let id = made["id"].clone();
        let update = async |more: Value| {
            let mut body = json!({ "userId": id.clone() });
            more.as_object().expect("an object").iter().for_each(|(name, value)| body[name] = value.clone());
            world.post(&token, "User/Update", body).await
        };
        let changed = update(json!({})).await.ok();
        assert_eq!(changed, made);
        let changed = update(json!({ "lastName": "Writer", "phone": "" })).await.ok();
        assert_eq!((text(&changed, "firstName"), text(&changed, "lastName")), ("Bob".into(), "Writer".into()));
        assert_eq!((text(&changed, "phoneNumber"), text(&changed, "description")), (String::new(), "d".into()));
        let changed = update(json!({ "permissionType": "Read", "specificPermissions": { two.clone(): 1 } })).await.ok();
        assert_eq!((&changed["permissionType"], &changed["specificPermissions"]), (&json!(2), &json!({ two.clone(): 1 })));
        let refused = update(json!({ "permissionType": 1, "specificPermissions": { one: 1 } })).await;
        assert_eq!(refused.refused(), (400, 2, 1004));
        let changed = update(json!({ "permissionType": 1 })).await.ok();
        assert_eq!((&changed["permissionType"], &changed["specificPermissions"]), (&json!(1), &json!({})));
        assert_eq!(update(json!({ "specificPermissions": { two: 1 } })).await.refused(), (400, 2, 1004));
        assert_eq!(update(json!({ "countryCode": "SK" })).await.refused(), (400, 2, 1003));
        assert_eq!(update(json!({ "firstName": "", "lastName": "" })).await.refused(), (400, 2, 1904));
    }

    a_user_that_is_gone_is_not_found(bench) {
        let world = World::new(&bench).await;
        let token = world.token("msp").await;
        let made = world.post(&token, "User/Create", bob(json!({}))).await.ok();
        let id = UserId(Uuid::try_parse(&text(&made, "id")).expect("an id"));
        bench.write(move |tx, cx| user::close(tx, cx, id)).await.expect("closed");
        for call in ["User/GetUserDetails", "User/Update"] {
            assert_eq!(world.post(&token, call, json!({ "userId": id.0 })).await.refused(), (404, 2, 1902), "{call}");
        }
    }

    a_password_is_changed_once_a_day_and_tokens_live_on(bench) {
        let world = World::new(&bench).await;
        let token = world.token("msp").await;
        for bad in ["123456789".to_owned(), "x".repeat(51)] {
            let answer = world.post(&token, "User/ChangePassword", json!({ "newPassword": bad })).await;
            assert_eq!(answer.refused(), (400, 2, 6));
        }
        let new = json!({ "newPassword": "ten-digits" });
        let answer = world.post(&token, "User/ChangePassword", new.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        let old = json!({ "username": "msp@example.test", "password": PASSWORD }).to_string();
        assert_eq!(world.call(None, "POST", "Token/Get", &old).await.refused(), (401, 1, 1001));
        let body = json!({ "username": "msp@example.test", "password": "ten-digits" }).to_string();
        let tokens = world.call(None, "POST", "Token/Get", &body).await.ok();
        assert_eq!(world.post(&token, "User/ChangePassword", new.clone()).await.refused(), (400, 2, 1001));
        bench.pass_seconds(24 * 3_600);
        let refresh = json!({ "refreshToken": tokens["refreshToken"] }).to_string();
        assert_eq!(world.call(None, "POST", "Token/Renew", &refresh).await.refused(), (401, 1, 1003), "a day is over");
        let tokens = world.call(None, "POST", "Token/Get", &body).await.ok();
        let answer = world.post(&text(&tokens, "accessToken"), "User/ChangePassword", json!({ "newPassword": PASSWORD })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    the_children_where_one_may_write_are_listed_by_name(bench) {
        let world = World::new(&bench).await;
        let list = async |token: &str, body: Value| {
            let answer = world.post(token, "User/GetDirectAccessibleChildren", body).await.ok();
            let names = answer["companies"].as_array().expect("a list").iter().map(|one| text(one, "name")).collect::<Vec<_>>();
            (names, answer["paging"]["totalCount"].as_i64())
        };
        let token = world.token("msp").await;
        assert_eq!(list(&token, json!({})).await, (vec!["customer".into(), "other-customer".into()], Some(2)));
        assert_eq!(list(&token, json!({ "skip": 1, "take": 1 })).await, (vec!["other-customer".into()], Some(2)));
        assert_eq!(list(&token, json!({ "skip": 9 })).await, (vec![], Some(2)));
        let body = json!({ "skip": -1, "take": 101 });
        assert_eq!(world.post(&token, "User/GetDirectAccessibleChildren", body).await.faults(), ["skip", "take"]);
        let hash = bench.app.hasher().hash(PASSWORD).await.expect("a hash");
        let user = world.user(world.company("msp").id, "none@example.test", Level::None, &hash).await;
        let (one, two) = (world.company("customer").id, world.company("other-customer").id);
        for (account, level) in [(one, Level::Read), (two, Level::Write)] {
            let cmd = SetPermission { user, account, level: Some(level) };
            bench.write(move |tx, cx| user::set_permission(tx, cx, &cmd)).await.expect("a permission");
        }
        let token = world.sign_in("none@example.test").await;
        let answer = world.post(&token, "User/GetDirectAccessibleChildren", json!({})).await.ok();
        let two = two.0;
        let expected = json!({ "name": "other-customer", "companyId": two, "publicId": two, "companyTypeId": 1007, "type": 1007, "email": "", "status": 1 });
        assert_eq!(answer, json!({ "companies": [expected], "paging": { "totalCount": 1 } }));
    }
}
