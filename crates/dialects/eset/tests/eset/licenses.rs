//! The life of licenses: ordered, changed, suspended, removed; and what is told of them.

use crate::world::World;
use lessor_core::account::{self, HoldTarget, Kind, PlaceHold, Reach, SUSPENDED};
use lessor_core::agreement::{self, CreateAgreement};
use lessor_core::alias::{self, Space};
use lessor_core::catalog::{self, CreateProduct, Direction, Exchange};
use lessor_core::identity::Level;
use lessor_core::license::Terms;
use lessor_core::metering::{self, Aggregation, CreateMeter, Fate, NewRecord};
use lessor_core::order::{self, ChangeOffers, ChangeRules};
use lessor_core::{AccountId, Actor, Error, Grant, Noun, ProductId, Who};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PRODUCT: Space = Space { dialect: "eset", kind: "product" };

/// The world with products of the catalogue: `111` becomes `211` and, downwards, `107`; `300` bundles the first two.
pub struct Shop {
    pub world: World,
    pub products: BTreeMap<&'static str, ProductId>,
    /// Who is meant by `customer`, if it is not the world's.
    pub customer: Option<AccountId>,
}

impl Shop {
    pub async fn new(bench: &Bench) -> Self {
        Self::in_world(bench, World::new(bench).await).await
    }

    pub async fn in_world(bench: &Bench, world: World) -> Self {
        let mut products = BTreeMap::new();
        for (code, name) in [("107", "Basic"), ("111", "Endpoint Security"), ("211", "Advanced"), ("300", "Complete")] {
            products.insert(code, product(bench, code, name).await);
        }
        let (from, up, down) = (products["111"], products["211"], products["107"]);
        let exchanges = [
            Exchange { to: up, direction: Direction::Upgrade },
            Exchange { to: down, direction: Direction::Downgrade },
        ];
        bench.write(move |tx, cx| catalog::set_exchanges(tx, cx, from, &exchanges)).await.expect("exchanges");
        let (bundle, parts) = (products["300"], [down, from]);
        bench.write(move |tx, cx| catalog::set_bundled(tx, cx, bundle, &parts)).await.expect("a bundle");
        let shop = Self { world, products, customer: None };
        for company in ["msp", "trusted", "untrusted"] {
            shop.offer(company, &["111", "300"]).await;
            shop.rule(company, Some(true), None).await;
        }
        shop.rule("untrusted", None, Some(true)).await;
        shop
    }

    pub fn id(&self, company: &str) -> AccountId {
        let other = self.customer.filter(|_| company == "customer");
        other.unwrap_or_else(|| self.world.company(company).id)
    }

    pub async fn offer(&self, company: &str, codes: &[&str]) {
        let add = codes.iter().map(|code| self.products[code]).collect();
        let cmd = ChangeOffers { account: self.id(company), add, remove: Vec::new() };
        self.world.bench.write(move |tx, cx| order::change_offers(tx, cx, &cmd)).await.expect("an offer");
    }

    pub async fn rule(&self, company: &str, trials_allowed: Option<bool>, by_request: Option<bool>) {
        let account = self.id(company);
        let cmd = ChangeRules { account, trials_allowed, by_request, accept_pending: false };
        self.world.bench.write(move |tx, cx| order::change_rules(tx, cx, &cmd, &|_| None)).await.expect("rules");
    }

    pub async fn hold(&self, target: HoldTarget, reach: Reach) {
        let hold = PlaceHold { target, reach, cause: SUSPENDED.into(), note: String::new() };
        self.world.bench.write(move |tx, cx| account::place(tx, cx, &hold)).await.expect("a hold");
    }

    pub fn wish(&self, customer: &str, code: &str, license_type: i64) -> Value {
        let customer = self.id(customer).0.to_string();
        json!({ "quantity": 10, "productCode": code, "customerId": customer, "licenseType": license_type })
    }

    /// The key of a new license of `customer`.
    pub async fn order(&self, token: &str, code: &str, license_type: i64) -> String {
        let answer = self.world.post(token, "License/Order", self.wish("customer", code, license_type)).await.ok();
        answer["publicLicenseKey"].as_str().expect("a key").to_owned()
    }

    async fn of_key(&self, token: &str, call: &str, key: &str) -> crate::world::Answer {
        self.world.post(token, &format!("License/{call}"), json!({ "publicLicenseKey": key })).await
    }

    async fn of_units(&self, token: &str, call: &str, key: &str, quantity: i64) -> crate::world::Answer {
        let body = json!({ "publicLicenseKey": key, "quantity": quantity });
        self.world.post(token, &format!("License/{call}"), body).await
    }

    async fn change(&self, token: &str, key: &str, code: &str, quantity: i64) -> crate::world::Answer {
        let body = json!({ "publicLicenseKey": key, "newProductCode": code, "quantity": quantity });
        self.world.post(token, "License/ChangeProduct", body).await
    }

    pub async fn detail(&self, token: &str, key: &str) -> Value {
        self.of_key(token, "Detail", key).await.ok()
    }

    async fn history(&self, token: &str, key: &str) -> Value {
        self.of_key(token, "GetHistory", key).await.ok()
    }
}

async fn product(bench: &Bench, code: &'static str, name: &str) -> ProductId {
    let cmd = CreateProduct {
        id: None,
        tenant: bench.root.id,
        name: name.into(),
        trial_offered: false,
        trial_days: 0,
        terms: Terms::default(),
        groups: Vec::new(),
        features: Vec::new(),
        values: Vec::new(),
    };
    let tenant = bench.root.id;
    let made = bench.write(move |tx, cx| {
        let product = catalog::create_product(tx, cx, &cmd)?;
        alias::give(tx, tenant, PRODUCT, code, product.id.0, Noun::Product)?;
        Ok::<_, Error>(product.id)
    });
    made.await.expect("a product")
}

on_both_engines! {
    a_license_is_ordered_and_told_in_detail(bench) {
        let shop = Shop::new(&bench).await;
        let msp = shop.world.token("msp").await;
        let key = shop.order(&msp, "111", 1).await;
        assert!(key.len() == 11 && key.split('-').all(|part| part.len() == 3), "{key}");
        let detail = shop.detail(&msp, &key).await;
        let user = shop.world.company("msp").user.0.to_string();
        let told = |name: &str| detail[name].clone();
        assert_eq!((told("customerId"), told("lastUpdateBy")), (json!(shop.id("customer").0.to_string()), json!(user)));
        assert_eq!((told("publicLicenseKey"), told("productCode"), told("productName")), (json!(key), json!("111"), json!("Endpoint Security")));
        assert_eq!((told("quantity"), told("usage"), told("state")), (json!(10), json!(0), json!(1)));
        assert_eq!((told("trial"), told("trialExpiration"), told("trialExtensions")), (json!(false), Value::Null, Value::Null));
        // 211 and 107 were not offered.
        assert!(detail.get("upgradeableTo").is_none() && detail.get("bundleProducts").is_none(), "{detail}");
        shop.offer("msp", &["211", "107"]).await;
        let detail = shop.detail(&msp, &key.to_lowercase()).await;
        assert_eq!((&detail["upgradeableTo"], &detail["downgradeableTo"]), (&json!(["211"]), &json!(["107"])));

        let bundle = shop.world.post(&msp, "License/Order", shop.wish("other-customer", "300", 4)).await.ok();
        let detail = shop.detail(&msp, bundle["publicLicenseKey"].as_str().expect("a key")).await;
        let part = |code: &str, name: &str| json!({ "productCode": code, "productName": name, "quantity": 10, "usage": 0 });
        assert_eq!(detail["bundleProducts"], json!([part("107", "Basic"), part("111", "Endpoint Security")]));
        assert_eq!((&detail["trial"], &detail["trialExtensions"]), (&json!(true), &json!(0)));
        let end = bench.app.now().plus_days(30).to_rfc3339();
        assert_eq!(detail["trialExpiration"], end);
    }

    an_order_is_refused_for_its_published_cause(bench) {
        let shop = Shop::new(&bench).await;
        let msp = shop.world.token("msp").await;
        let base = shop.wish("customer", "111", 1);
        let with = |name: &str, value: Value| {
            let mut body = base.clone();
            body[name] = value;
            body
        };
        let cases = [
            (with("licenseType", json!(2)), (400, 8, 17)),
            (with("quantity", json!(0)), (400, 8, 18)),
            (with("quantity", json!(-5)), (400, 8, 18)),
            (with("quantity", json!(1_000_001)), (400, 8, 30)),
            (with("productCode", json!("999")), (400, 8, 27)),
            (with("productCode", json!("211")), (400, 8, 27)),
            (with("customerId", json!(shop.id("msp").0.to_string())), (400, 8, 1001)),
            (with("customerId", json!(shop.id("trusted-customer").0.to_string())), (403, 8, 1901)),
            (with("customerId", json!("00000000-0000-7000-8000-000000000001")), (403, 8, 1901)),
        ];
        for (body, cause) in cases {
            assert_eq!(shop.world.post(&msp, "License/Order", body.clone()).await.refused(), cause, "{body}");
        }
        let impossible = shop.world.post(&msp, "License/Order", with("quantity", json!(99_999_999_999_i64))).await;
        assert_eq!(impossible.faults(), ["quantity"]);
        shop.rule("msp", Some(false), None).await;
        let trial = shop.world.post(&msp, "License/Order", with("licenseType", json!(4))).await;
        assert_eq!(trial.refused(), (400, 8, 32));

        let (tenant, product) = (bench.root.id, Some(shop.products["111"]));
        let (name, text) = ("Terms".to_owned(), "Be good.".to_owned());
        let terms = CreateAgreement { id: None, tenant, product, name, text, url: String::new() };
        let terms = bench.write(move |tx, cx| agreement::create(tx, cx, &terms)).await.expect("an agreement");
        let refused = shop.world.post(&msp, "License/Order", base.clone()).await;
        assert!(refused.text.contains(&terms.id.0.to_string()), "{}", refused.text);
        assert_eq!(refused.refused(), (400, 8, 40));
        let id = terms.id;
        bench.write(move |tx, cx| agreement::retire(tx, cx, id)).await.expect("retired");

        shop.order(&msp, "111", 1).await;
        for license_type in [1, 4] {
            shop.rule("msp", Some(true), None).await;
            let again = shop.world.post(&msp, "License/Order", with("licenseType", json!(license_type))).await;
            assert_eq!(again.refused(), (400, 8, 20));
        }
        shop.hold(HoldTarget::Account(shop.id("other-customer")), Reach::Branch).await;
        let held = with("customerId", json!(shop.id("other-customer").0.to_string()));
        assert_eq!(shop.world.post(&msp, "License/Order", held).await.refused(), (403, 8, 1901));
    }

    the_life_of_a_full_license_is_written_down(bench) {
        let shop = Shop::new(&bench).await;
        let msp = shop.world.token("msp").await;
        shop.offer("msp", &["211"]).await;
        let key = shop.order(&msp, "111", 1).await;
        bench.pass_seconds(60);
        assert_eq!(shop.of_units(&msp, "UpdateQuantity", &key, 10).await.refused(), (400, 8, 48));
        assert_eq!(shop.of_units(&msp, "UpdateQuantity", &key, 0).await.refused(), (400, 8, 18));
        assert_eq!(shop.of_units(&msp, "UpdateQuantity", &key, 1_000_001).await.refused(), (400, 8, 30));
        assert_eq!(shop.of_units(&msp, "UpdateQuantity", &key, 15).await.ok(), json!({}));
        assert_eq!(shop.of_key(&msp, "Unsuspend", &key).await.refused(), (400, 8, 36));
        bench.pass_seconds(60);
        assert_eq!(shop.of_key(&msp, "Suspend", &key).await.ok(), json!({}));
        assert_eq!(shop.detail(&msp, &key).await["state"], 3);
        assert_eq!(shop.of_key(&msp, "Suspend", &key).await.refused(), (400, 8, 21));
        assert_eq!(shop.of_units(&msp, "UpdateQuantity", &key, 20).await.refused(), (400, 8, 23));
        assert_eq!(shop.change(&msp, &key, "211", 7).await.refused(), (400, 8, 45));
        bench.pass_seconds(60);
        assert_eq!(shop.of_key(&msp, "Unsuspend", &key).await.ok(), json!({}));
        assert_eq!(shop.of_key(&msp, "Unsuspend", &key).await.refused(), (400, 8, 22));
        for call in ["ExtendTrial", "Remove"] {
            assert_eq!(shop.of_key(&msp, call, &key).await.refused(), (400, 8, 24), "{call}");
        }
        assert_eq!(shop.of_units(&msp, "ConvertToFull", &key, 5).await.refused(), (400, 8, 19));
        for code in ["107", "999", "111"] {
            assert_eq!(shop.change(&msp, &key, code, 7).await.refused(), (400, 8, 45), "{code}");
        }
        assert_eq!(shop.change(&msp, &key, "211", 0).await.refused(), (400, 8, 18));
        bench.pass_seconds(60);
        assert_eq!(shop.change(&msp, &key, "211", 7).await.ok(), json!({}));

        let history = shop.history(&msp, &key).await;
        let items = history["LicenseHistory"].as_array().expect("a list");
        let kinds: Vec<_> = items.iter().map(|item| item["Type"].as_str().expect("a text")).collect();
        assert_eq!((kinds, &history["Paging"]["TotalCount"]), (vec!["9", "7", "6", "5", "4"], &json!(5)));
        let said = |item: &Value| {
            let mut item = item.as_object().expect("an object").clone();
            item.remove("Date").expect("a date");
            assert_eq!(item.remove("User"), Some(json!("msp@example.test")));
            Value::Object(item)
        };
        let exchanged = json!({
            "Type": "9", "RequestedUnits": "7", "PreviousUnits": "15", "PreviousProductCode": "111", "RequestedProductCode": "211",
        });
        assert_eq!(said(&items[0]), exchanged);
        assert_eq!(said(&items[3]), json!({ "Type": "5", "RequestedUnits": "15", "PreviousUnits": "10" }));
        assert_eq!(said(&items[4]), json!({ "Type": "4", "RequestedUnits": "10", "LicenseTypeId": "1" }));
        let body = json!({ "publicLicenseKey": key, "skip": 1, "take": 1 });
        let second = shop.world.post(&msp, "License/GetHistory", body).await.ok();
        assert_eq!((&second["LicenseHistory"], &second["Paging"]["TotalCount"]), (&json!([items[1]]), &json!(5)));
    }

    a_trial_is_extended_twice_converted_or_removed(bench) {
        let shop = Shop::new(&bench).await;
        let msp = shop.world.token("msp").await;
        let key = shop.order(&msp, "111", 4).await;
        for _ in 0..2 {
            assert_eq!(shop.of_key(&msp, "ExtendTrial", &key).await.ok(), json!({}));
        }
        assert_eq!(shop.of_key(&msp, "ExtendTrial", &key).await.refused(), (400, 8, 31));
        let detail = shop.detail(&msp, &key).await;
        assert_eq!((&detail["trialExtensions"], &detail["trialExpiration"]), (&json!(2), &json!(bench.app.now().plus_days(90).to_rfc3339())));
        assert_eq!(shop.change(&msp, &key, "211", 7).await.refused(), (400, 8, 45));
        shop.of_key(&msp, "Suspend", &key).await.ok();
        assert_eq!(shop.of_key(&msp, "ExtendTrial", &key).await.refused(), (400, 8, 36));
        assert_eq!(shop.of_units(&msp, "ConvertToFull", &key, 3).await.refused(), (400, 8, 36));
        shop.of_key(&msp, "Unsuspend", &key).await.ok();
        bench.pass_hours(91 * 24);
        let msp = shop.world.token("msp").await;
        assert_eq!(shop.detail(&msp, &key).await["state"], 2);
        assert_eq!(shop.of_key(&msp, "ExtendTrial", &key).await.refused(), (400, 8, 37));
        assert_eq!(shop.of_units(&msp, "UpdateQuantity", &key, 3).await.refused(), (400, 8, 37));
        assert_eq!(shop.of_key(&msp, "Suspend", &key).await.refused(), (400, 8, 23));
        assert_eq!(shop.of_units(&msp, "ConvertToFull", &key, 0).await.refused(), (400, 8, 18));
        assert_eq!(shop.of_units(&msp, "ConvertToFull", &key, 3).await.ok(), json!({ "publicLicenseKey": key }));
        let history = shop.history(&msp, &key).await;
        let kinds: Vec<_> = history["LicenseHistory"].as_array().expect("a list").iter().map(|item| &item["Type"]).collect();
        assert_eq!(kinds, ["2", "7", "6", "3", "3", "4"]);
        let converted = &history["LicenseHistory"][0];
        assert_eq!((&converted["RequestedUnits"], &converted["TrialExtensionCount"]), (&json!("3"), &json!("2")));

        let other = shop.world.post(&msp, "License/Order", shop.wish("other-customer", "111", 4)).await.ok();
        let other = other["publicLicenseKey"].as_str().expect("a key");
        shop.of_key(&msp, "Suspend", other).await.ok();
        assert_eq!(shop.of_key(&msp, "Remove", other).await.ok(), json!({}));
        assert_eq!(shop.detail(&msp, other).await["state"], 2);
        assert_eq!(shop.history(&msp, other).await["LicenseHistory"][0]["Type"], "1");
        for call in ["Remove", "ExtendTrial", "Suspend", "Unsuspend"] {
            assert_eq!(shop.of_key(&msp, call, other).await.refused(), (400, 8, 23), "{call}");
        }
        for call in ["UpdateQuantity", "ConvertToFull"] {
            assert_eq!(shop.of_units(&msp, call, other, 4).await.refused(), (400, 8, 23), "{call}");
        }
        shop.world.post(&msp, "License/Order", shop.wish("other-customer", "111", 1)).await.ok();
    }

    a_license_of_a_suspended_company_is_suspended_with_it(bench) {
        let shop = Shop::new(&bench).await;
        let msp = shop.world.token("msp").await;
        let key = shop.order(&msp, "111", 1).await;
        shop.hold(HoldTarget::Account(shop.id("customer")), Reach::Branch).await;
        assert_eq!(shop.detail(&msp, &key).await["state"], 3);
        assert_eq!(shop.of_key(&msp, "Suspend", &key).await.refused(), (400, 8, 21));
        assert_eq!(shop.of_key(&msp, "Unsuspend", &key).await.refused(), (400, 8, 33));
        bench.pass_seconds(60);
        // A second stop changes nothing, and the first to be lifted neither.
        shop.hold(HoldTarget::Account(shop.id("msp")), Reach::Branch).await;
        for company in ["msp", "customer"] {
            bench.pass_seconds(60);
            let target = HoldTarget::Account(shop.id(company));
            bench.write(move |tx, cx| account::lift_all_of_cause(tx, cx, target, SUSPENDED)).await.expect("lifted");
        }
        assert_eq!(shop.detail(&msp, &key).await["state"], 1);
        let history = shop.history(&msp, &key).await;
        let items = history["LicenseHistory"].as_array().expect("a list").iter();
        assert_eq!(items.map(|item| (&item["Type"], &item["User"])).collect::<Vec<_>>(), [
            (&json!("7"), &json!("System")), (&json!("6"), &json!("System")), (&json!("4"), &json!("msp@example.test")),
        ]);
    }

    units_that_are_told_from_outside_show_in_usage_and_state(bench) {
        let shop = Shop::new(&bench).await;
        let msp = shop.world.token("msp").await;
        let meter = CreateMeter {
            tenant: bench.root.id,
            name: "eset.activated_units".into(),
            aggregation: Aggregation::Level,
            level_rule: None,
            unit: "units".into(),
            time_zone: "Europe/Prague".into(),
            cutoff_minutes: 30,
            key_attribute: None,
            from_devices: false,
        };
        bench.write(move |tx, cx| metering::create(tx, cx, &meter)).await.expect("a meter");
        let grants = vec![Grant { path: bench.root.path.clone(), level: Level::Write }];
        let (account, path) = (bench.root.id, bench.root.path.clone());
        let vendor = Actor { who: Who::System, account, tenant: account, path, grants, rights: None, draws: false };
        let key = shop.order(&msp, "111", 1).await;
        // Of 10 units: none, some, nearly all, all, too many.
        for (told, state) in [(0, 1), (8, 1), (9, 4), (10, 4), (11, 0)] {
            bench.pass_seconds(60);
            let record = NewRecord {
                id: format!("r-{told}"),
                source: "agent".into(),
                at: bench.app.now(),
                account: None,
                license: Some(format!("eset:license:{key}")),
                meter: "eset.activated_units".into(),
                subject: String::new(),
                value: told,
                attributes: serde_json::Map::new(),
                corrects: None,
            };
            let caller = bench.caller(vendor.clone());
            let fates = bench.app.write(&caller, move |tx, cx| metering::record(tx, cx, std::slice::from_ref(&record)));
            assert_eq!(fates.await.expect("fates"), [Fate::Counted]);
            let detail = shop.detail(&msp, &key).await;
            assert_eq!((&detail["usage"], &detail["state"]), (&json!(told), &json!(state)));
        }
        // What was told last stands until something else is told.
        bench.pass_hours(24 * 3);
        let msp = shop.world.token("msp").await;
        assert_eq!(shop.detail(&msp, &key).await["usage"], 11);
    }

    each_call_is_for_those_who_may(bench) {
        let shop = Shop::new(&bench).await;
        let (msp, distributor) = (shop.world.token("msp").await, shop.world.token("distributor").await);
        let (customer, other) = (shop.world.token("customer").await, shop.world.token("other-customer").await);
        let full = shop.order(&distributor, "111", 1).await;
        let trial = shop.world.post(&msp, "License/Order", shop.wish("other-customer", "111", 4)).await.ok();
        let trial = trial["publicLicenseKey"].as_str().expect("a key");
        let denied = (403, 8, 1901);
        // Above the seller everything but what is for direct children alone.
        assert_eq!(shop.of_units(&distributor, "UpdateQuantity", &full, 11).await.ok(), json!({}));
        for (call, key) in [("Suspend", full.as_str()), ("Unsuspend", &full), ("Remove", trial)] {
            assert_eq!(shop.of_key(&distributor, call, key).await.refused(), denied, "{call}");
        }
        assert_eq!(shop.of_units(&distributor, "ConvertToFull", trial, 3).await.refused(), denied);
        assert_eq!(shop.of_key(&distributor, "ExtendTrial", trial).await.ok(), json!({}));
        // A customer reads and changes its own, and is its own child no more than anybody is.
        assert_eq!(shop.detail(&customer, &full).await["quantity"], 11);
        assert_eq!(shop.of_key(&customer, "Suspend", &full).await.refused(), denied);
        // Strangers learn nothing, not even that it is there.
        for key in [full.as_str(), "AAA-AAA-AAA"] {
            for call in ["Detail", "GetHistory", "Suspend", "Unsuspend", "Remove", "ExtendTrial"] {
                assert_eq!(shop.of_key(&other, call, key).await.refused(), denied, "{call} {key}");
            }
            for call in ["UpdateQuantity", "ConvertToFull"] {
                assert_eq!(shop.of_units(&other, call, key, 3).await.refused(), denied, "{call} {key}");
            }
            assert_eq!(shop.change(&other, key, "211", 3).await.refused(), denied);
        }
        let reader = shop.world.bench.app.hasher().hash(crate::world::PASSWORD).await.expect("a hash");
        shop.world.user(shop.id("msp"), "reader@example.test", Level::Read, &reader).await;
        let reader = shop.world.sign_in("reader@example.test").await;
        assert_eq!(shop.detail(&reader, &full).await["quantity"], 11);
        assert_eq!(shop.of_units(&reader, "UpdateQuantity", &full, 12).await.refused(), denied);
        assert_eq!(shop.world.post(&reader, "License/Order", shop.wish("customer", "300", 1)).await.refused(), denied);
    }

    an_untrusted_company_reads_licenses_and_changes_none(bench) {
        let shop = Shop::new(&bench).await;
        let id = bench.account(shop.id("untrusted"), Kind::Customer, "Theirs").await.id.0.to_string();
        let (manager, untrusted) = (shop.world.token("manager").await, shop.world.token("untrusted").await);
        let wish = json!({ "quantity": 10, "productCode": "111", "customerId": id, "licenseType": 4 });
        let denied = (403, 8, 1901);
        assert_eq!(shop.world.post(&untrusted, "License/Order", wish.clone()).await.refused(), denied);
        let key = shop.world.post(&manager, "License/Order", wish).await.ok();
        let key = key["publicLicenseKey"].as_str().expect("a key");
        assert_eq!(shop.detail(&untrusted, key).await["quantity"], 10);
        assert_eq!(shop.history(&untrusted, key).await["LicenseHistory"][0]["User"], "Superior company");
        for call in ["Suspend", "Unsuspend", "Remove", "ExtendTrial"] {
            assert_eq!(shop.of_key(&untrusted, call, key).await.refused(), denied, "{call}");
        }
        for call in ["UpdateQuantity", "ConvertToFull"] {
            assert_eq!(shop.of_units(&untrusted, call, key, 3).await.refused(), denied, "{call}");
        }
        assert_eq!(shop.change(&untrusted, key, "211", 3).await.refused(), denied);
    }

    what_can_be_exchanged_is_listed_by_company(bench) {
        let shop = Shop::new(&bench).await;
        let (msp, division) = (shop.world.token("msp").await, shop.world.token("division").await);
        let key = shop.order(&msp, "111", 1).await;
        let trial = shop.wish("other-customer", "111", 4);
        shop.world.post(&msp, "License/Order", trial).await.ok();
        let ask = async |token: &str, company: &str| {
            let body = json!({ "companyId": shop.id(company).0.to_string() });
            shop.world.post(token, "License/GetPossibleProductChanges", body).await
        };
        let none = json!({ "licenses": [], "paging": { "totalCount": 0 } });
        assert_eq!(ask(&msp, "msp").await.ok(), none);
        shop.offer("msp", &["211"]).await;
        let one = json!({
            "publicLicenseKey": key, "customerId": shop.id("customer").0.to_string(), "productCode": "111",
            "productName": "Endpoint Security", "upgradeableTo": ["211"], "downgradeableTo": [],
        });
        let listed = json!({ "licenses": [one], "paging": { "totalCount": 1 } });
        assert_eq!(ask(&msp, "msp").await.ok(), listed);
        assert_eq!(ask(&msp, "customer").await.ok(), listed);
        assert_eq!(ask(&msp, "other-customer").await.ok(), none);
        assert_eq!(ask(&division, "division").await.refused(), (400, 8, 47));
        assert_eq!(ask(&msp, "trusted").await.refused(), (403, 8, 1901));
        let body = json!({ "companyId": shop.id("msp").0.to_string(), "skip": 1 });
        let behind = shop.world.post(&msp, "License/GetPossibleProductChanges", body).await.ok();
        assert_eq!(behind, json!({ "licenses": [], "paging": { "totalCount": 1 } }));
    }
}
