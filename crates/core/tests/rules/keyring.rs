//! Callers that are remembered: known without a look into storage, and never longer than what storage says.

use lessor_core::account::{self, Kind};
use lessor_core::identity::api_key::{self, ChangeApiKey, CreateApiKey, KeyForm, RevokeApiKey};
use lessor_core::identity::user::{self, CreateUser, SetPermission};
use lessor_core::identity::{Level, Right, authenticate, session};
use lessor_core::{AccountId, ApiKeyId, App, Engine, Error, StoreError};
use lessor_db::statements;
use lessor_testkit::{Bench, on_both_engines};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

statements! {
    FORGET_KEY = "UPDATE api_keys SET revoked_at = 1 WHERE id = $1";
}

async fn key(bench: &Bench, account: AccountId) -> (ApiKeyId, String) {
    let command = CreateApiKey { account, label: "test".into(), rights: None, form: KeyForm::Native, expires_at: None };
    let (key, text) = bench.write(move |tx, cx| api_key::create(tx, cx, &command)).await.expect("a key");
    (key.id, text.reveal().to_owned())
}

async fn is_known(app: &App, presented: &str) -> bool {
    match authenticate(app, presented).await {
        Ok(_) => true,
        Err(Error::Unauthenticated) => false,
        Err(error) => panic!("{error}"),
    }
}

on_both_engines! {
    who_was_seen_lately_is_known_without_storage_where_nobody_else_writes_to_it(bench) {
        let (id, text) = key(&bench, bench.root.id).await;
        assert!(is_known(&bench.app, &text).await);
        // A change that tells nobody: whoever reads sees it, whoever remembers does not.
        let quietly = bench.app.store().write(move |tx| tx.execute(FORGET_KEY, &[id.0.into()])).await;
        assert_eq!(quietly.map_err(|error: StoreError| error.to_string()), Ok(1));
        assert_eq!(is_known(&bench.app, &text).await, bench.app.store().engine() == Engine::Sqlite);
        bench.account(bench.root.id, Kind::Customer, "C").await;
        assert!(!is_known(&bench.app, &text).await, "any change may have been one of this key");
    }

    a_key_that_is_revoked_is_refused_at_once(bench) {
        let (id, text) = key(&bench, bench.root.id).await;
        for _ in 0..2 {
            assert!(is_known(&bench.app, &text).await);
        }
        let revoke = RevokeApiKey { key: id, keep_one_with: None };
        bench.write(move |tx, cx| api_key::revoke(tx, cx, &revoke)).await.expect("revoked");
        assert!(!is_known(&bench.app, &text).await);
    }

    a_change_of_rights_level_place_or_account_acts_at_once(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
        let (id, text) = key(&bench, partner.id).await;
        let found = authenticate(&bench.app, &text).await.expect("an actor");
        assert!(found.has_right(&Right::LICENSES_WRITE));
        let rights = Some(Some(vec![Right::LICENSES_READ]));
        let change = ChangeApiKey { key: id, label: None, rights, keep_one_with: None };
        bench.write(move |tx, cx| api_key::change(tx, cx, &change)).await.expect("changed");
        let found = authenticate(&bench.app, &text).await.expect("an actor");
        assert!(found.has_right(&Right::LICENSES_READ) && !found.has_right(&Right::LICENSES_WRITE));

        let new = CreateUser {
            account: partner.id,
            name: "Ada".into(),
            login: "ada".into(),
            contact: serde_json::json!({}), password_hash: None,
            level: Level::Read,
        };
        let user = bench.write(move |tx, cx| user::create(tx, cx, &new)).await.expect("a user").id;
        let (token, _) = bench.write(move |tx, cx| session::begin(tx, cx, user)).await.expect("a session");
        let level = async || authenticate(&bench.app, token.reveal()).await.expect("an actor").level_at(&partner.path);
        assert_eq!(level().await, Some(Level::Read));
        for change in [Some(Level::Write), None] {
            let command = SetPermission { user, account: partner.id, level: change };
            bench.write(move |tx, cx| user::set_permission(tx, cx, &command)).await.expect("permitted");
            assert_eq!(level().await, change);
        }
        let ended = token.clone();
        bench.write(move |tx, cx| session::end(tx, cx, ended.reveal())).await.expect("ended");
        assert!(!is_known(&bench.app, token.reveal()).await);

        let account = partner.id;
        bench.write(move |tx, cx| user::close(tx, cx, user)).await.expect("closed");
        bench.write(move |tx, cx| account::close(tx, cx, account)).await.expect("closed");
        assert!(!is_known(&bench.app, &text).await);
    }

    what_ends_by_itself_ends_for_those_who_are_remembered(bench) {
        let expires_at = Some(bench.app.now().plus_hours(2));
        let command =
            CreateApiKey { account: bench.root.id, label: "x".into(), rights: None, form: KeyForm::Native, expires_at };
        let (_, key) = bench.write(move |tx, cx| api_key::create(tx, cx, &command)).await.expect("a key");
        assert!(is_known(&bench.app, key.reveal()).await);
        bench.pass_hours(1);
        assert!(is_known(&bench.app, key.reveal()).await);
        bench.pass_hours(1);
        assert!(!is_known(&bench.app, key.reveal()).await);
    }

    a_revocation_whose_caller_went_away_counts_as_well(bench) {
        let (id, text) = key(&bench, bench.root.id).await;
        assert!(is_known(&bench.app, &text).await);
        let revoke = RevokeApiKey { key: id, keep_one_with: None };
        let (began, gone) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (tell_began, see_gone) = (Arc::clone(&began), Arc::clone(&gone));
        let caller = bench.app.system();
        let mut revoking = Box::pin(bench.app.write(&caller, move |tx, cx| {
            tell_began.store(true, Ordering::SeqCst);
            while !see_gone.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            api_key::revoke(tx, cx, &revoke)
        }));
        let first = std::future::poll_fn(|cx| Poll::Ready(revoking.as_mut().poll(cx))).await;
        assert!(first.is_pending(), "it waits for us");
        while !began.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(revoking);
        gone.store(true, Ordering::SeqCst);
        let root = bench.root.id;
        for _ in 0..2_000 {
            let live = bench.read(move |tx, cx| api_key::list(tx, cx, root, None, 100)).await.expect("keys");
            if live.iter().all(|key| key.id != id) {
                assert!(!is_known(&bench.app, &text).await);
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("what had begun was not finished");
    }
}
