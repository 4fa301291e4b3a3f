//! The client library against the server: what takes both of them to be right.

use crate::bench::Site;
use http::Method;
use lessor_client::{Clock, Config, Error, Event, EventKind, License, Status};
use lessor_lease::PublicKey;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A served device API, a license on it, and devices that are as far as its clock.
struct Shop {
    site: Site,
    product: String,
    license: String,
    url: String,
    folder: TempDir,
    serving: JoinHandle<()>,
    /// How far ahead the devices' clocks are, in seconds.
    ahead: Arc<AtomicI64>,
}

impl Shop {
    async fn open(bench: lessor_testkit::Bench) -> Self {
        let site = Site::new(bench).await;
        let function = json!({ "vendor": site.bench.root.id.to_string(), "name": "LTCO", "takes_parameter": true });
        site.post("/v1/server-functions", &function).await.is(201);
        let feature =
            |code: &str, kind: &str| json!({ "code": code, "name": code, "kind": kind, "enabled": true, "limit": 3 });
        let body = json!({
            "name": "Paint", "terms": { "activation_limit": 1, "online_lease_hours": 24 },
            "features": [{ "code": "NOTES", "name": "Notes", "kind": "store", "enabled": true }, feature("FLOAT", "floating")],
        });
        let product = site.post("/v1/products", &body).await.is(201).text("id");
        let license = site.license(&product, "PAINT-1").await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = lessor_api::device(site.bench.app.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        let folder = tempfile::tempdir().expect("a folder");
        Self { site, product, license, url, folder, serving, ahead: Arc::default() }
    }

    fn config(&self, device: &str) -> Config {
        let mut config = Config::new(&self.url, &self.product, self.folder.path().join(device));
        let (app, ahead) = (self.site.bench.app.clone(), Arc::clone(&self.ahead));
        config.clock = Clock::from_fn(move || app.now().seconds() + ahead.load(Ordering::SeqCst));
        config
    }

    fn device(&self, name: &str) -> License {
        License::open(self.config(name)).expect("a license folder")
    }

    async fn active(&self) -> Value {
        self.site.get(&format!("/v1/licenses/{}", self.license)).await.is(200).body["active_count"].clone()
    }

    async fn events(&self) -> String {
        self.site.get("/v1/events?limit=100").await.is(200).body.to_string()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The library blocks.
async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder");
    std::fs::copy(from.join("license.json"), to.join("license.json")).expect("a copy");
}

on_both_engines! {
    an_end_user_signs_in_works_and_signs_out(bench) {
        let shop = Shop::open(bench).await;
        let group = json!({ "name": "Blue team", "kind": "standard" });
        let group = shop.site.post("/v1/groups", &group).await.is(201).text("id");
        let user = json!({ "group": group, "user_name": "ada", "password": "lovelace-1815" });
        shop.site.post("/v1/end-users", &user).await.is(201);
        let given = json!({ "license": shop.license });
        assert!(shop.site.post(&format!("/v1/groups/{group}/licenses"), &given).await.status.is_success());
        let device = shop.device("one");
        let there = device.clone();
        off(move || {
            assert_eq!(there.sign_in("ada", "byron").expect_err("a wrong password").code(), "bad_credentials");
            assert!(there.sign_in("ada", "lovelace-1815").expect("a license").may_run());
            there.sign_in("ada", "lovelace-1815").expect("the same again");
            there.renew().expect("a renewal");
            there.heartbeat().expect("a heartbeat");
            assert_eq!(there.lease().expect("readable").expect("a lease").user, "ada");
        })
        .await;
        assert_eq!(shop.active().await, 1);
        off(move || device.return_license().expect("signed out")).await;
        assert_eq!(shop.active().await, 0);
    }

    an_instance_that_starts_anew_takes_no_second_place(bench) {
        let shop = Shop::open(bench).await;
        let start = |folder: &str, instance: &str| {
            let mut config = shop.config(folder);
            config.instance = Some(instance.to_owned());
            let license = License::open(config).expect("a license folder");
            off(move || license.activate("PAINT-1").map(|_| license.lease().expect("readable").expect("a lease").activation))
        };
        let first = start("disk 1", "renderer-0001").await.expect("an activation");
        let again = start("disk 2", "renderer-0001").await.expect("the same activation");
        assert_eq!((first, shop.active().await), (again, json!(1)));
        assert_eq!(start("disk 3", "renderer-0002").await.expect_err("no place").code(), "no_seat");
    }

    a_long_term_check_out_lasts_as_long_as_was_asked_for(bench) {
        let shop = Shop::open(bench).await;
        let device = shop.device("one");
        let there = device.clone();
        let refused = off(move || there.activate_for_days("PAINT-1", 20)).await;
        assert_eq!(refused.expect_err("it is off").code(), "long_term_off");
        let on = json!({ "functions": [{ "name": "LTCO", "enabled": true, "parameter": 20 }] });
        shop.site.patch(&format!("/v1/licenses/{}", shop.license), &on).await.is(200);
        let now = shop.site.bench.app.now().seconds();
        let status = off(move || device.activate_for_days("PAINT-1", 20)).await.expect("a check-out");
        assert_eq!(status, Status::Valid { until: Some(now + 20 * 86_400) });
    }

    a_copied_device_shows_itself(bench) {
        let shop = Shop::open(bench).await;
        let one = shop.device("one");
        let there = one.clone();
        off(move || there.activate("PAINT-1")).await.expect("an activation");
        copy(&shop.folder.path().join("one"), &shop.folder.path().join("two"));
        let two = shop.device("two");
        let outcome = off(move || [one.renew(), two.renew(), one.renew()]).await;
        assert!(matches!(outcome, [Ok(_), Ok(_), Err(Error::DuplicateDevice(_))]), "{outcome:?}");
        assert!(shop.events().await.contains("activation.cloned"));
    }

    a_device_that_pins_a_key_follows_it_through_rotations(bench) {
        let shop = Shop::open(bench).await;
        let path = format!("/v1/products/{}/signing-keys", shop.product);
        let first = shop.site.get(&path).await.is(200).body["items"][0]["public_key"].clone();
        let mut config = shop.config("one");
        config.trusted_keys.insert(PublicKey::parse(first.as_str().expect("a key")).expect("a key"));
        let device = License::open(config).expect("a license folder");
        let there = device.clone();
        off(move || there.activate("PAINT-1")).await.expect("an activation");
        for _ in 0..2 {
            shop.site.bench.pass_seconds(10);
            shop.site.post(&path, &json!({})).await.is(201);
        }
        let there = device.clone();
        assert!(off(move || there.renew()).await.expect("a renewal under the newest key").may_run());
        assert!(device.status().expect("readable").may_run());
    }

    a_clock_set_back_reaches_the_journal(bench) {
        let shop = Shop::open(bench).await;
        let device = shop.device("one");
        let there = device.clone();
        off(move || there.activate("PAINT-1")).await.expect("an activation");
        shop.ahead.store(3_600, Ordering::SeqCst);
        assert!(device.status().expect("readable").may_run());
        shop.ahead.store(0, Ordering::SeqCst);
        assert!(matches!(device.status().expect("readable"), Status::ClockSetBack { .. }));
        assert!(!shop.events().await.contains("device.clock_set_back"));
        assert!(off(move || device.renew()).await.expect("a renewal").may_run());
        assert!(shop.events().await.contains("device.clock_set_back"));
    }

    texts_events_seats_and_questions_get_along_with_the_server(bench) {
        let shop = Shop::open(bench).await;
        let (one, folder) = (shop.device("one"), shop.folder.path().join("one"));
        off(move || {
            assert!(one.validate("PAINT-1", Some("FLOAT")).expect("an answer").valid);
            assert_eq!(one.validate("PAINT-2", None).expect("an answer").reason.as_deref(), Some("not_found"));
            one.activate("PAINT-1").expect("an activation");
            let known = one.read_text("NOTES").expect("a text");
            one.write_text("NOTES", "mine", known.tag.as_deref()).expect("written");
            let stale = one.write_text("NOTES", "too late", known.tag.as_deref()).expect_err("it has changed");
            assert!(stale.refusal().is_some_and(|refusal| refusal.is_stale()));
            assert_eq!(one.read_text("NOTES").expect("a text").text, "mine");

            one.record(&Event::of_feature(EventKind::FeatureStarted, "FLOAT")).expect("recorded");
            one.record(&Event::new(EventKind::FeatureStopped)).expect("recorded"); // Of which, it does not say.
            one.record(&Event::new(EventKind::AppStopped)).expect("recorded");
            assert_eq!(one.send_events().expect("sent"), 2, "the one that cannot be is dropped");

            let seats = one.hold_seats("FLOAT", 2).expect("seats");
            assert!(one.hold_seats("FLOAT", 2).expect_err("too many").refusal().is_some_and(|no| no.is_exhausted()));
            assert_eq!(seats.return_now().expect("a return").held, 0);
            assert_eq!(std::fs::read_dir(folder.join("holds")).expect("a folder").count(), 0);
        })
        .await;
        let told = shop.site.call(Method::GET, "/v1/analytics").send().await.is(200).body.to_string();
        assert!(told.contains("feature_started") && told.contains("app_stopped"), "{told}");
    }
}
