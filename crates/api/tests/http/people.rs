//! Groups, end users, signing keys and passive licenses over HTTP, and what programs keep and tell.

use crate::bench::{Answer, Site};
use http::Method;
use lessor_core::account::Kind;
use lessor_core::identity::Right;
use lessor_lease::{Document, KeyId, KeyTable, PublicKey, follow};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

async fn group(site: &Site, body: &Value) -> String {
    site.post("/v1/groups", body).await.is(201).text("id")
}

async fn end_user(site: &Site, group: &str, user_name: &str) -> Answer {
    let body = json!({ "group": group, "user_name": user_name, "password": "long enough" });
    site.post("/v1/end-users", &body).await
}

/// A product with a store, and a license to it.
async fn product_with_store(site: &Site) -> (String, String) {
    let feature = |code: &str, kind: &str| json!({ "code": code, "name": code, "kind": kind, "enabled": true });
    let body = json!({
        "name": "Keeper", "terms": { "activation_limit": 2 },
        "features": [feature("NOTES", "store"), feature("PDF", "flag")],
    });
    let product = site.post("/v1/products", &body).await.is(201).text("id");
    let license = site.license(&product, "KEEP-1").await;
    (product, license)
}

async fn ids(site: &Site, key: &str, path: &str) -> Vec<String> {
    let answer = site.call(Method::GET, path).by(key).send().await.is(200);
    let items = answer.body["items"].as_array().expect("items").clone();
    items.iter().map(|item| item["id"].as_str().or(item["license"].as_str()).expect("an id").to_owned()).collect()
}

on_both_engines! {
    a_group_is_made_changed_and_deleted_at_the_version_one_saw(bench) {
        let site = Site::new(bench).await;
        let master = group(&site, &json!({ "name": "All", "kind": "master" })).await;
        let below = json!({ "name": "North", "master": master, "description": "Third floor" });
        let made = site.call(Method::POST, "/v1/groups").key("g-1").json(&below).send().await.is(201);
        let again = site.call(Method::POST, "/v1/groups").key("g-1").json(&below).send().await.is(201);
        assert_eq!((again.text("id"), again.header("idempotency-replayed")), (made.text("id"), "true"));
        assert_eq!((made.text("kind"), made.text("master")), ("standard".to_owned(), master.clone()));
        let path = format!("/v1/groups/{}", made.text("id"));
        assert_eq!(made.header("location"), path);
        let tag = site.get(&path).await.is(200).header("etag").to_owned();
        site.call(Method::GET, &path).with("if-none-match", &tag).send().await.is(304);

        let change = json!({ "description": "Fourth floor", "master": null });
        let rehearsed = site.patch(&format!("{path}?dry_run=true"), &change).await.is(200);
        assert_eq!((rehearsed.header("lessor-dry-run"), rehearsed.text("description")), ("true", "Fourth floor".to_owned()));
        let changed = site.call(Method::PATCH, &path).with("if-match", &tag).json(&change).send().await.is(200);
        assert_eq!((changed.body["version"].as_i64(), &changed.body["master"]), (Some(2), &Value::Null));
        site.call(Method::PATCH, &path).with("if-match", &tag).json(&change).send().await.refused(412, "stale");
        site.call(Method::DELETE, &path).with("if-match", &tag).send().await.refused(412, "stale");

        site.patch(&path, &json!({ "master": master })).await.is(200);
        site.delete(&format!("/v1/groups/{master}")).await.refused(409, "in_use");
        site.patch(&format!("/v1/groups/{master}"), &json!({ "kind": "standard" })).await.refused(409, "in_use");
        let deep = site.post("/v1/groups", &json!({ "name": "Deep", "master": made.text("id") })).await;
        assert_eq!(deep.refused(422, "invalid_value").body["errors"][0]["pointer"], "/master");
        site.post("/v1/groups", &json!({ "name": "North" })).await.refused(409, "taken");
        site.post("/v1/groups", &json!({ "name": " " })).await.refused(422, "invalid_value");
        site.post("/v1/groups", &json!({ "name": "x", "colour": "red" })).await.refused(400, "invalid_request");
        site.delete(&path).await.is(204);
        site.get(&path).await.refused(404, "group_unknown");
        let kinds = site.get("/v1/events?limit=100").await.is(200).body.to_string();
        for kind in ["group.created", "group.changed", "group.deleted"] {
            assert!(kinds.contains(kind), "{kind}");
        }
    }

    an_end_user_has_a_password_that_nobody_sees(bench) {
        let site = Site::new(bench).await;
        let office = group(&site, &json!({ "name": "Office" })).await;
        let body = json!({
            "group": office, "user_name": "grace@contoso.example", "password": "long enough", "first_name": "Grace",
            "email": "grace@contoso.example", "document": { "desk": 7 }, "master": true,
        });
        let made = site.post("/v1/end-users", &body).await.is(201);
        assert_eq!((&made.body["document"], &made.body["master"]), (&json!({ "desk": 7 }), &json!(true)));
        let path = format!("/v1/end-users/{}", made.text("id"));
        let tag = site.get(&path).await.is(200).header("etag").to_owned();
        let changed = site.call(Method::PATCH, &path).with("if-match", &tag).json(&json!({ "last_name": "Hopper", "document": null }));
        let changed = changed.send().await.is(200);
        assert_eq!((changed.text("last_name"), &changed.body["document"]), ("Hopper".to_owned(), &json!({})));
        site.call(Method::PATCH, &path).with("if-match", &tag).json(&json!({ "master": false })).send().await.refused(412, "stale");

        let short = site.put(&format!("{path}/password"), &json!({ "password": "short12" })).await;
        assert_eq!(short.refused(422, "invalid_value").body["errors"][0]["pointer"], "/password");
        site.put(&format!("{path}/password"), &json!({ "password": "eight123" })).await.is(204);
        site.post(&format!("{path}/unblock"), &json!({})).await.is(204);
        end_user(&site, &office, "grace@contoso.example").await.refused(409, "taken");
        let named = site.get("/v1/end-users?user_name=grace@contoso.example").await.is(200);
        assert_eq!(named.body["items"][0]["id"], made.body["id"]);
        // Neither the journal nor an answer has the password or what else is personal.
        let events = site.get("/v1/events?limit=100").await.is(200).body.to_string();
        assert!(events.contains("end_user.password_changed") && events.contains(&made.text("id")), "{events}");
        for secret in ["argon2", "long enough", "eight123", "Hopper", "desk"] {
            assert!(!events.contains(secret), "{secret}");
        }
        assert!(!site.get(&path).await.body.to_string().contains("argon2"));
        site.delete(&path).await.is(204);
        site.get(&path).await.refused(404, "end_user_unknown");
        end_user(&site, &office, "grace@contoso.example").await.is(201);
    }

    a_license_is_in_one_group(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let (one, two) = (site.license(&product, "P-1").await, site.license(&product, "P-2").await);
        let (north, south) = (group(&site, &json!({ "name": "N" })).await, group(&site, &json!({ "name": "S" })).await);
        let licenses = |group: &str| format!("/v1/groups/{group}/licenses");
        let added = site.post(&licenses(&north), &json!({ "license": one })).await.is(200);
        assert_eq!((added.text("code"), added.text("product")), ("P-1".to_owned(), product));
        assert_eq!(site.post(&licenses(&north), &json!({ "license": one })).await.is(200).body, added.body);
        site.post(&licenses(&south), &json!({ "license": one })).await.refused(409, "in_other_group");
        site.post(&licenses(&north), &json!({ "license": two })).await.is(200);
        let first = site.get(&format!("{}?limit=1", licenses(&north))).await.is(200);
        assert_eq!(first.body["items"][0]["license"], one);
        let next = first.body["next"].as_str().expect("another page");
        let second = site.get(&format!("{}?limit=1&cursor={next}", licenses(&north))).await.is(200);
        assert_eq!((&second.body["items"][0]["license"], &second.body["next"]), (&json!(two), &Value::Null));
        site.delete(&format!("{}/{one}", licenses(&south))).await.refused(404, "license_unknown");
        site.delete(&format!("{}/{one}", licenses(&north))).await.is(204);
        site.post(&licenses(&south), &json!({ "license": one })).await.is(200);
        site.delete(&format!("/v1/licenses/{one}")).await.is(204);
        assert_eq!(ids(&site, &site.key, &licenses(&south)).await, Vec::<String>::new());
    }

    nobody_sees_groups_users_or_analytics_outside_the_branch(bench) {
        let site = Site::new(bench).await;
        let own = site.bench.account(site.bench.root.id, Kind::Customer, "Own").await;
        let sister = site.bench.account(site.bench.root.id, Kind::Customer, "Sister").await;
        let key = site.key_of(own.id, None).await;
        let product = site.product("Paint").await;
        let issue = |account: String, code: &str| json!({ "product": product, "account": account, "codes": [code] });
        let mut licenses = Vec::new();
        for (account, code) in [(own.id, "OWN-1"), (sister.id, "SISTER-1")] {
            let made = site.post("/v1/licenses", &issue(account.to_string(), code)).await.is(201);
            licenses.push(made.body["licenses"][0]["id"].as_str().expect("an id").to_owned());
        }
        let vendors = site.license(&product, "VENDOR-1").await;
        let mine = group(&site, &json!({ "name": "Mine", "account": own.id.to_string() })).await;
        let theirs = group(&site, &json!({ "name": "Theirs", "account": sister.id.to_string() })).await;
        let me = end_user(&site, &mine, "me").await.is(201).text("id");
        let they = end_user(&site, &theirs, "they").await.is(201).text("id");
        for license in [&licenses[0], &vendors] {
            site.post(&format!("/v1/groups/{mine}/licenses"), &json!({ "license": license })).await.is(200);
        }
        assert_eq!(ids(&site, &key, "/v1/groups").await, [mine.as_str()]);
        assert_eq!(ids(&site, &key, "/v1/end-users").await, [me.as_str()]);
        assert_eq!(ids(&site, &key, "/v1/end-users?user_name=they").await, Vec::<String>::new());
        assert_eq!(ids(&site, &key, "/v1/groups?name=Theirs").await, Vec::<String>::new());
        // The vendor's own license is in the group, and is still not the customer's to see.
        assert_eq!(ids(&site, &key, &format!("/v1/groups/{mine}/licenses")).await, [licenses[0].as_str()]);
        let customer = site.with_key(key.clone());
        for (path, code) in [
            (format!("/v1/groups/{theirs}"), "group_unknown"),
            (format!("/v1/end-users/{they}"), "end_user_unknown"),
            (format!("/v1/groups?branch={}", sister.id), "account_unknown"),
            (format!("/v1/analytics?license={}", licenses[1]), "license_unknown"),
        ] {
            customer.get(&path).await.refused(404, code);
        }
        let add = |license: &str| json!({ "license": license });
        customer.post(&format!("/v1/groups/{mine}/licenses"), &add(&licenses[1])).await.refused(404, "license_unknown");
        customer.post(&format!("/v1/groups/{theirs}/licenses"), &add(&licenses[0])).await.refused(404, "group_unknown");
        customer.patch(&format!("/v1/end-users/{me}"), &json!({ "group": theirs })).await.refused(404, "group_unknown");
        customer.patch(&format!("/v1/groups/{mine}"), &json!({ "account": sister.id.to_string() })).await.refused(404, "account_unknown");

        for (n, code) in ["OWN-1", "SISTER-1"].into_iter().enumerate() {
            let (activation, secret) = site.activation(&product, code, &format!("workstation-{n}")).await;
            let events = json!({ "events": [{ "id": code, "kind": "app_started", "at": "2026-01-01T09:00:00Z" }] });
            let tell = site.call(Method::POST, &format!("/device/v1/activations/{activation}/events"));
            tell.by(&secret).json(&events).send().await.is(200);
        }
        let seen = customer.get("/v1/analytics").await.is(200);
        let items = seen.body["items"].as_array().expect("items");
        assert_eq!((items.len(), &items[0]["name"], &items[0]["license"]), (1, &json!("OWN-1"), &json!(licenses[0])));
        assert_eq!(site.get("/v1/analytics").await.is(200).body["items"].as_array().map(Vec::len), Some(2));
        assert_eq!(ids(&site, &key, &format!("/v1/analytics?product={product}")).await.len(), 1);
    }

    a_limited_key_does_only_what_it_carries(bench) {
        let site = Site::new(bench).await;
        let office = group(&site, &json!({ "name": "Office" })).await;
        let product = site.product("Paint").await;
        let reader = site.key_of(site.bench.root.id, Some(vec![Right::GROUPS_READ, Right::CATALOG_READ])).await;
        let reader = site.with_key(reader);
        reader.get(&format!("/v1/groups/{office}")).await.is(200);
        reader.get("/v1/end-users").await.is(200);
        reader.get(&format!("/v1/products/{product}/signing-keys")).await.is(200);
        end_user(&reader, &office, "x").await.refused(403, "forbidden");
        reader.delete(&format!("/v1/groups/{office}")).await.refused(403, "forbidden");
        reader.get("/v1/analytics").await.refused(403, "forbidden");
        reader.post(&format!("/v1/products/{product}/signing-keys"), &json!({})).await.refused(403, "forbidden");
        reader.post("/v1/passive-licenses", &json!({ "product": product, "client_id": "instrument-1" })).await.refused(403, "forbidden");
        let other = site.key_of(site.bench.root.id, Some(vec![Right::LICENSES_WRITE])).await;
        for path in ["/v1/groups", "/v1/end-users"] {
            site.call(Method::GET, path).by(&other).send().await.refused(403, "forbidden");
        }
    }

    a_device_gets_from_an_older_key_to_the_present_one(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        site.license(&product, "P-1").await;
        let path = format!("/v1/products/{product}/signing-keys");
        let first = site.get(&path).await.is(200).body["items"][0].clone();
        site.bench.pass_seconds(1);
        let second = site.call(Method::POST, &path).key("r-1").json(&json!({})).send().await.is(201);
        let again = site.call(Method::POST, &path).key("r-1").json(&json!({})).send().await.is(201);
        assert_eq!(again.text("id"), second.text("id"));
        site.bench.pass_seconds(1);
        let third = site.post(&path, &json!({})).await.is(201);

        let keys = site.call(Method::GET, &format!("/device/v1/products/{product}/keys")).by_nobody().send().await.is(200);
        let states: Vec<_> = keys.body["keys"].as_array().expect("keys").iter().map(|key| key["state"].clone()).collect();
        assert_eq!(states, ["retiring", "retiring", "active"]);
        let documents = keys.body["endorsements"].as_array().expect("endorsements").iter();
        let documents: Vec<_> = documents.map(|text| Document::parse(text.as_str().expect("text")).expect("a document")).collect();
        let pinned = PublicKey::parse(first["public_key"].as_str().expect("a key")).expect("a key");
        let table: KeyTable = [pinned].into_iter().collect();
        let present = KeyId::parse(&third.text("id")).expect("an id");
        let now = site.bench.app.now().seconds();
        let found = follow(&table, &documents, &product, present, now).expect("a way");
        let body = json!({ "product": product, "code": "P-1", "device": { "id": "workstation-17" } });
        let leased = site.call(Method::POST, "/device/v1/activations").by_nobody().json(&body).send().await.is(201);
        let lease = Document::parse(&leased.text("document")).expect("a document");
        assert!(lease.open_lease(&[found.key].into_iter().collect()).is_ok());

        site.delete(&format!("{path}/{}", third.text("id"))).await.refused(409, "in_use");
        site.delete(&format!("{path}/nonsense")).await.refused(404, "signing_key_unknown");
        assert_eq!(site.delete(&format!("{path}/{}", second.text("id"))).await.is(200).text("state"), "retired");
        let keys = site.call(Method::GET, &format!("/device/v1/products/{product}/keys")).by_nobody().send().await.is(200);
        assert_eq!(keys.body["keys"].as_array().map(Vec::len), Some(2));
        assert!(!keys.body.to_string().contains(&second.text("public_key")));
    }

    a_text_is_put_against_the_version_one_read(bench) {
        let site = Site::new(bench).await;
        let (product, _) = product_with_store(&site).await;
        let (activation, secret) = site.activation(&product, "KEEP-1", "workstation-17").await;
        let path = format!("/device/v1/activations/{activation}/stores/NOTES");
        let get = || site.call(Method::GET, &path).by(&secret).send();
        let put = |tag: Option<String>, text: &str| {
            let call = site.call(Method::PUT, &path).by(&secret).json(&json!({ "text": text }));
            tag.map_or(call, |tag| site.call(Method::PUT, &path).by(&secret).json(&json!({ "text": text })).with("if-match", &tag)).send()
        };
        let empty = get().await.is(200);
        assert_eq!((empty.text("text"), &empty.body["version"], &empty.body["modified_at"]), (String::new(), &json!(0), &Value::Null));
        let tag = empty.header("etag").to_owned();
        assert!(tag.starts_with("\"0-"), "a strong tag: {tag}");
        let first = put(Some(tag.clone()), "one").await.is(200);
        assert_eq!((first.header("etag"), &first.body["version"]), (get().await.header("etag"), &json!(1)));
        put(Some(tag), "two").await.refused(412, "stale");
        put(Some("nonsense".to_owned()), "two").await.refused(400, "invalid_request");
        put(Some(format!("W/{}", first.header("etag"))), "two").await.refused(412, "stale");
        assert_eq!(put(None, "two").await.is(200).body["version"], 2);
        put(None, &"x".repeat(4097)).await.refused(422, "invalid_value");
        site.call(Method::GET, &path).by("lds_wrong").send().await.refused(401, "unauthenticated");
        let flag = format!("/device/v1/activations/{activation}/stores/PDF");
        site.call(Method::GET, &flag).by(&secret).send().await.refused(409, "wrong_feature_kind");
        // The journal tells that the text changed, not what it says.
        put(None, "a very secret text").await.is(200);
        let events = site.get("/v1/events?limit=100").await.is(200).body.to_string();
        assert!(events.contains("license.text_stored") && !events.contains("very secret"), "{events}");
    }

    a_program_tells_what_happened_once(bench) {
        let site = Site::new(bench).await;
        let (product, license) = product_with_store(&site).await;
        let (activation, secret) = site.activation(&product, "KEEP-1", "workstation-17").await;
        let path = format!("/device/v1/activations/{activation}/events");
        let tell = |events: Value| site.call(Method::POST, &path).by(&secret).json(&json!({ "events": events })).send();
        let start = json!({ "id": "1", "kind": "app_started", "at": "2026-01-01T09:00:00Z" });
        let print = json!({
            "id": "2", "kind": "feature_started", "feature": "PDF", "transaction": "t-1", "at": "2026-01-01T08:00:00Z",
            "data": { "pages": 3 },
        });
        let told = tell(json!([start, print, start])).await.is(200);
        let outcome = |id: &str, outcome: &str| json!({ "id": id, "outcome": outcome });
        assert_eq!(told.body["results"], json!([outcome("1", "counted"), outcome("2", "counted"), outcome("1", "duplicate")]));
        for bad in [
            json!([{ "id": "3", "kind": "dreamt", "at": "2026-01-01T08:00:00Z" }]),
            json!([{ "id": "3", "kind": "exception", "at": "yesterday" }]),
            json!([{ "id": "3", "kind": "exception", "at": "2026-01-01T08:00:00Z", "mood": "bad" }]),
        ] {
            tell(bad).await.refused(400, "invalid_request");
        }
        tell(json!([])).await.refused(422, "out_of_range");
        let nameless = tell(json!([{ "id": "", "kind": "exception", "at": "2026-01-01T08:00:00Z" }])).await;
        nameless.refused(422, "invalid_value");

        let listed = site.get(&format!("/v1/analytics?license={license}&limit=1")).await.is(200);
        let first = &listed.body["items"][0];
        assert_eq!((&first["name"], &first["data"], &first["feature"]), (&json!("2"), &json!({ "pages": 3 }), &json!("PDF")));
        let next = listed.body["next"].as_str().expect("another page");
        let rest = site.get(&format!("/v1/analytics?license={license}&limit=1&cursor={next}")).await.is(200);
        assert_eq!((&rest.body["items"][0]["name"], &rest.body["next"]), (&json!("1"), &Value::Null));
        let narrowed = site.get("/v1/analytics?kind=app_started&from=2026-01-01T08:30:00Z&to=2026-01-01T09:00:00.001Z").await.is(200);
        assert_eq!(narrowed.body["items"].as_array().map(Vec::len), Some(1));
        site.get("/v1/analytics?kind=dreamt").await.refused(400, "invalid_request");
    }

    a_passive_license_comes_with_its_lease(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let body = json!({
            "product": product, "client_id": "instrument-0117-B", "features": ["PDF"],
            "values": [{ "name": "edition", "value": "lab" }],
        });
        let rehearsed = site.post("/v1/passive-licenses?dry_run=true", &body).await.is(201);
        assert_eq!(rehearsed.header("lessor-dry-run"), "true");
        let made = site.call(Method::POST, "/v1/passive-licenses").key("p-1").json(&body).send().await.is(201);
        let again = site.call(Method::POST, "/v1/passive-licenses").key("p-1").json(&body).send().await.is(201);
        assert_eq!(again.body, made.body);
        let license = site.get(made.header("location")).await.is(200);
        assert_eq!((license.text("role"), license.text("code")), ("passive".to_owned(), made.text("code")));
        let keys = site.call(Method::GET, &format!("/device/v1/products/{product}/keys")).by_nobody().send().await.is(200);
        let key = PublicKey::parse(keys.body["keys"][0]["public_key"].as_str().expect("a key")).expect("a key");
        let document = Document::parse(&made.text("document")).expect("a document");
        let lease = document.open_lease(&[key].into_iter().collect()).expect("a lease");
        assert_eq!((lease.device.as_str(), lease.activation, lease.renew_after), ("instrument-0117-B", made.text("activation"), None));
        assert_eq!(lease.features.iter().map(|feature| feature.code.as_str()).collect::<Vec<_>>(), ["PDF"]);
        assert_eq!(lease.values["edition"], "lab");

        let mut floating = body.clone();
        floating["features"] = json!(["FLOAT"]);
        site.post("/v1/passive-licenses", &floating).await.refused(409, "wrong_feature_kind");
        let mut short = body.clone();
        short["client_id"] = json!("too-short");
        let short = site.post("/v1/passive-licenses", &short).await.refused(422, "invalid_value");
        assert_eq!(short.body["errors"][0]["pointer"], "/client_id");
        let activate = json!({ "product": product, "code": made.text("code"), "device": { "id": "workstation-17" } });
        let taken = site.call(Method::POST, "/device/v1/activations").by_nobody().json(&activate).send().await;
        taken.refused(404, "license_unknown");
    }

    a_device_signs_in_with_name_and_password(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let master = group(&site, &json!({ "name": "All", "kind": "master" })).await;
        let north = group(&site, &json!({ "name": "North", "master": master })).await;
        // Each license has two places.
        for code in ["N-1", "N-2"] {
            let license = site.license(&product, code).await;
            site.post(&format!("/v1/groups/{north}/licenses"), &json!({ "license": license })).await.is(200);
        }
        site.license(&product, "OTHER").await;
        end_user(&site, &north, "clerk").await.is(201);
        end_user(&site, &master, "chief").await.is(201);
        let sign_in = |device: String, user_name: &str, password: &str| {
            let end_user = json!({ "user_name": user_name, "password": password });
            let body = json!({ "product": product, "device": { "id": device }, "end_user": end_user });
            site.call(Method::POST, "/device/v1/activations").by_nobody().json(&body).send()
        };
        let used = || async {
            let mut used = Vec::new();
            for code in ["N-1", "N-2", "OTHER"] {
                let found = site.get(&format!("/v1/licenses?code={code}")).await.is(200);
                used.push(found.body["items"][0]["active_count"].as_i64().unwrap_or(-1));
            }
            used
        };
        let first = sign_in("workstation-1".to_owned(), "clerk", "long enough").await.is(201);
        let again = sign_in("workstation-1".to_owned(), "clerk", "long enough").await.is(200);
        assert_eq!(again.text("activation"), first.text("activation"));
        for n in 2..=4 {
            let who = if n == 3 { "chief" } else { "clerk" };
            sign_in(format!("workstation-{n}"), who, "long enough").await.is(201);
        }
        assert_eq!(used().await, [2, 2, 0], "the group's licenses, one after the other, and no other");
        sign_in("workstation-5".to_owned(), "chief", "long enough").await.refused(409, "no_seat");
        let wrong = sign_in("workstation-5".to_owned(), "clerk", "wrong").await.refused(401, "bad_credentials");
        let nobody = sign_in("workstation-5".to_owned(), "nobody", "wrong").await.refused(401, "bad_credentials");
        assert_eq!(wrong.body["detail"], nobody.body["detail"]);
        for _ in 0..4 {
            sign_in("workstation-5".to_owned(), "clerk", "wrong").await.refused(401, "bad_credentials");
        }
        let slowed = sign_in("workstation-5".to_owned(), "clerk", "long enough").await.refused(429, "too_many_tries");
        assert_eq!(slowed.header("retry-after"), "1");
    }
}
