//! Signing in, renewing and checking.

use crate::world::{PASSWORD, World};
use lessor_core::identity::session::Lifetimes;
use lessor_core::{alias, identity::user};
use lessor_eset::Settings;
use lessor_testkit::on_both_engines;
use serde_json::json;

fn text(value: &serde_json::Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}")).to_owned()
}

on_both_engines! {
    a_password_gives_tokens_that_open_the_other_calls(bench) {
        let world = World::new(&bench).await;
        let body = json!({ "Username": "msp@example.test", "PASSWORD": PASSWORD, "more": 1 }).to_string();
        let tokens = world.call(None, "POST", "/token//GET", &body).await.ok();
        assert_eq!(tokens["expiresIn"], 3_600);
        let access = text(&tokens, "accessToken");
        assert_ne!(access, text(&tokens, "refreshToken"));
        for token in [access.clone(), format!("Bearer {access}")] {
            assert_eq!(world.get(&token, "Enum/LicenseStates").await.status, 200);
        }
        assert_eq!(world.call(None, "GET", "Version", "").await.ok(), json!({ "version": "1.0.54" }));
    }

    wrong_names_and_passwords_are_refused_alike_and_empty_ones_are_inputs(bench) {
        let world = World::new(&bench).await;
        for (username, password) in [("msp@example.test", "wrong"), ("nobody@example.test", PASSWORD)] {
            let body = json!({ "username": username, "password": password }).to_string();
            assert_eq!(world.call(None, "POST", "Token/Get", &body).await.refused(), (401, 1, 1001), "{username}");
        }
        assert_eq!(world.call(None, "POST", "Token/Get", "").await.faults(), ["username", "password"]);
        let body = json!({ "username": "x", "password": "" }).to_string();
        assert_eq!(world.call(None, "POST", "Token/Get", &body).await.faults(), ["password"]);
    }

    a_renewal_gives_two_new_tokens_and_the_old_access_token_lives_on(bench) {
        let world = World::new(&bench).await;
        let body = json!({ "username": "msp@example.test", "password": PASSWORD }).to_string();
        let first = world.call(None, "POST", "Token/Get", &body).await.ok();
        let body = json!({ "refreshToken": text(&first, "refreshToken") }).to_string();
        let second = world.call(Some("expired-or-not"), "POST", "Token/Renew", &body).await.ok();
        for name in ["accessToken", "refreshToken"] {
            assert_ne!(text(&first, name), text(&second, name), "{name}");
        }
        for tokens in [&first, &second] {
            assert_eq!(world.get(&text(tokens, "accessToken"), "Enum/EntityTypes").await.status, 200);
        }
    }

    a_refresh_token_used_twice_ends_its_session(bench) {
        let world = World::new(&bench).await;
        let body = json!({ "username": "msp@example.test", "password": PASSWORD }).to_string();
        let first = world.call(None, "POST", "Token/Get", &body).await.ok();
        let body = json!({ "refreshToken": text(&first, "refreshToken") }).to_string();
        let second = world.call(None, "POST", "Token/Renew", &body).await.ok();
        assert_eq!(world.call(None, "POST", "Token/Renew", &body).await.refused(), (401, 1, 1003));
        let body = json!({ "refreshToken": text(&second, "refreshToken") }).to_string();
        assert_eq!(world.call(None, "POST", "Token/Renew", &body).await.refused(), (401, 1, 1003));
        assert_eq!(world.get(&text(&second, "accessToken"), "Enum/EntityTypes").await.refused(), (401, 1, 1002));
        assert_eq!(world.call(None, "POST", "Token/Renew", r#"{"refreshToken":"x"}"#).await.refused(), (401, 1, 1003));
    }

    tokens_end_when_they_are_told_to(bench) {
        let lifetimes = Lifetimes { access_seconds: 60, whole_seconds: 150 };
        let world = World::with(&bench, Settings { lifetimes, ..Settings::new("") }).await;
        let body = json!({ "username": "msp@example.test", "password": PASSWORD }).to_string();
        let mut tokens = world.call(None, "POST", "Token/Get", &body).await.ok();
        for left in [60, 30] {
            bench.pass_seconds(60);
            let old = text(&tokens, "accessToken");
            assert_eq!(world.get(&old, "Enum/EntityTypes").await.refused(), (401, 1, 1002));
            let body = json!({ "refreshToken": text(&tokens, "refreshToken") }).to_string();
            tokens = world.call(Some(&old), "POST", "Token/Renew", &body).await.ok();
            assert_eq!(tokens["expiresIn"], left);
        }
        bench.pass_seconds(30);
        let body = json!({ "refreshToken": text(&tokens, "refreshToken") }).to_string();
        assert_eq!(world.call(None, "POST", "Token/Renew", &body).await.refused(), (401, 1, 1003));
    }

    a_check_tells_good_tokens_from_bad_ones(bench) {
        let world = World::new(&bench).await;
        let token = world.token("msp").await;
        let other = world.token("manager").await;
        for (checked, expected) in [(token.as_str(), true), (other.as_str(), true), ("lss_x", false), ("x", false)] {
            let answer = world.post(&token, "Token/Check", json!({ "accessToken": checked })).await.ok();
            assert_eq!(answer, json!(expected), "{checked}");
        }
        assert_eq!(world.call(None, "POST", "Token/Check", r#"{"accessToken":"x"}"#).await.refused(), (401, 1, 1002));
    }

    whoever_the_api_is_closed_to_and_whose_account_is_gone_is_refused_at_once(bench) {
        let world = World::new(&bench).await;
        let token = world.token("msp").await;
        let (root, user) = (bench.root.id, world.company("msp").user);
        let closed_to = json!({ "closed_to": [user.0.to_string().to_uppercase()] });
        bench.write(move |tx, _| alias::set_attributes(tx, root.0, "eset", &closed_to)).await.expect("attributes");
        assert_eq!(world.get(&token, "Enum/EntityTypes").await.refused(), (403, 3, 1901));
        let body = json!({ "username": "msp@example.test", "password": PASSWORD }).to_string();
        assert_eq!(world.call(None, "POST", "Token/Get", &body).await.refused(), (403, 1, 1901));
        bench.write(move |tx, _| alias::set_attributes(tx, root.0, "eset", &json!({}))).await.expect("attributes");
        assert_eq!(world.get(&token, "Enum/EntityTypes").await.status, 200);
        bench.write(move |tx, cx| user::close(tx, cx, user)).await.expect("a closed user");
        assert_eq!(world.get(&token, "Enum/EntityTypes").await.refused(), (401, 1, 1002));
        assert_eq!(world.call(None, "POST", "Token/Get", &body).await.refused(), (401, 1, 1001));
    }

    whoever_guesses_has_to_wait(bench) {
        let world = World::new(&bench).await;
        let body = json!({ "username": "msp@example.test", "password": "wrong" }).to_string();
        let mut last = None;
        for _ in 0..20 {
            let answer = world.call(None, "POST", "Token/Get", &body).await;
            let is_blocked = answer.status == 429;
            last = Some(answer);
            if is_blocked {
                break;
            }
        }
        let answer = last.expect("an answer");
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(answer.refused(), (429, 1, 1906));
    }
}
