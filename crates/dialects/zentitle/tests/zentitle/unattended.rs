//! Passive licenses, and master licenses with the daemons that enrol under them.

use crate::shapes::assert_same;
use crate::world::{World, example};
use lessor_core::{alias, catalog, daemon};
use lessor_lease::{DaemonRequest, Document, KeyTable, Signer, VERSION};
use lessor_testkit::on_both_engines;
use lessor_zentitle::ids;
use serde_json::{Value, json};

const PRODUCT: &str = "6872450105";

/// A tenant with the product, the profile and the company 17 that the documented examples name.
async fn documented(bench: &lessor_testkit::Bench) -> World {
    let world = World::new(bench).await;
    let made = world.post("Product", r#"{"productName":"p","features":[
        {"featureName":"1","featureCode":"FEAT1","notes":"n"},{"featureName":"2","featureCode":"FEAT2","notes":"n"},
        {"featureName":"3","featureCode":"FEAT3","notes":"n"}],"applicationAgility":[{"name":"TEST1"},{"name":"TEST2"}]}"#);
    let (made, tenant) = (made.await.made(), world.tenant().await);
    let numbered = bench.write(move |tx, _| {
        let id = alias::resolve(tx, tenant, ids::PRODUCT, &made)?.expect("the product");
        alias::take(tx, ids::PRODUCT, id)?;
        alias::give(tx, tenant, ids::PRODUCT, PRODUCT, id, lessor_core::Noun::Product)
    });
    numbered.await.expect("a number");
    let profile = json!({"productId": PRODUCT, "profileName": "testingProfile", "enabledForUse": "true"});
    world.post("Profile", &profile.to_string()).await.made();
    for number in 1..=17 {
        let company = json!({"productId": PRODUCT, "company": format!("Company {number}")});
        assert_eq!(world.post("Company", &company.to_string()).await.made(), number.to_string());
    }
    world
}

pub async fn enrol(world: &World, code: &str, name: &str) -> Result<daemon::Answer, lessor_core::Error> {
    let signer = Signer::from_seed([u8::try_from(name.len()).expect("short"); 32]);
    let request = DaemonRequest {
        v: VERSION,
        product: format!("zentitle:product:{PRODUCT}"),
        license: code.to_owned(),
        device: name.to_owned(),
        device_key: signer.public_key().to_hex(),
        request: "00112233445566778899aabbccddeeff".into(),
        created: world.bench.app.now().seconds(),
        number: 0,
        records: None,
    };
    let request = request.sign(&signer).expect("a request").to_string();
    world.bench.as_device(move |tx, cx| daemon::enrol(tx, cx, &request, "")).await
}

on_both_engines! {
    the_documented_passive_license_is_made_byte_for_byte_and_its_certificate_is_signed(bench) {
        let world = documented(&bench).await;
        let certificate = world.post("PassiveLicense", &example("POST-PassiveLicense.request.json")).await.made();
        let tenant = world.tenant().await;
        let keys = bench.read(move |tx, _| {
            let product = alias::resolve(tx, tenant, ids::PRODUCT, PRODUCT)?.expect("the product");
            catalog::public_keys(tx, lessor_core::ProductId(product))
        });
        let mut table = KeyTable::new();
        keys.await.expect("keys").into_iter().for_each(|(key, _)| table.insert(key));
        let lease = Document::parse(&certificate).expect("a document").open_lease(&table).expect("a lease");
        assert_eq!((lease.device.as_str(), lease.expires_at), ("3487abcdefgh12345", None));

        let codes = world.get("LicenseCodes?passive=true&companyId=17&pageNumber=1").await.ok();
        assert_eq!(codes.as_array().expect("a list").len(), 1);
        assert_eq!((&codes[0]["numActivations"], &codes[0]["clientsAllowed"]), (&json!(1), &json!(1)));
        assert_eq!((&codes[0]["company"], &codes[0]["profileName"]), (&json!("Company 17"), &json!("testingProfile")));
        let on = |feature: &Value| feature["featureAvailability"] == "ON";
        let features = codes[0]["features"].as_array().expect("features");
        let names: Vec<_> = features.iter().filter(|feature| on(feature)).map(|feature| &feature["featureCode"]).collect();
        assert_eq!(names, ["FEAT1", "FEAT2"]);
        let values = json!([{"name": "TEST1", "value": "Prod1Default"}, {"name": "TEST2", "value": "Prod1Default2"}]);
        assert_eq!(codes[0]["applicationAgility"], values);
        // Nobody can be handed the code of a client that has it in a file.
        let next = world.get(&format!("NextLicenseCode?productId={PRODUCT}&profileName=testingProfile")).await;
        assert_eq!(next.refused(), (404, "No License Codes Available".into()));
    }

    a_passive_license_that_is_refused_leaves_nothing_behind(bench) {
        let world = documented(&bench).await;
        let other = World::other(&bench).await;
        let with = |members: Value| {
            let mut body = json!({"productId": PRODUCT, "clientId": "1234567890"});
            body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
            body.to_string()
        };
        let cases = [
            (json!({"productId": null}), (400, "Missing productId")),
            (json!({"productId": ""}), (400, "Missing productId")),
            (json!({"productId": {}}), (400, "Invalid productId")),
            (json!({"productId": "x".repeat(65)}), (400, "Invalid productId")),
            (json!({"clientId": ""}), (400, "Missing clientId")),
            (json!({"clientId": "123456789"}), (400, "Invalid clientId")),
            (json!({"clientId": "x".repeat(256)}), (400, "Invalid clientId")),
            (json!({"clientId": "two\nlines here"}), (400, "Invalid clientId")),
            (json!({"clientId": ["1234567890"]}), (400, "Invalid clientId")),
            (json!({"CLIENTID": "1234567890"}), (400, "Duplicate CLIENTID")),
            (json!({"companyId": -1}), (400, "Invalid companyId")),
            (json!({"companyId": "1.5"}), (400, "Invalid companyId")),
            (json!({"features": "FEAT1"}), (400, "Invalid features")),
            (json!({"features": [{}]}), (400, "Missing featureCode")),
            (json!({"features": [{"featureCode": "FEAT1"}, {"featurecode": "FEAT1"}]}), (400, "Invalid featureCode")),
            (json!({"applicationAgility": [{"value": "x"}]}), (400, "Missing name")),
            (json!({"applicationAgility": [{"name": "TEST1"}, {"name": "TEST1"}]}), (400, "Invalid name")),
            (json!({"profileName": "none"}), (404, "Profile Not Found")),
            (json!({"companyId": 18}), (404, "Company Not Found")),
            (json!({"features": [{"featureCode": "FEAT4"}]}), (404, "Feature Not Found")),
            (json!({"applicationAgility": [{"name": "TEST3", "value": ""}]}), (404, "Application Agility Not Found")),
        ];
        for (members, (status, reason)) in cases {
            let answer = world.post("PassiveLicense", &with(members.clone())).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{members}");
        }
        // Another tenant's product and company do not exist.
        assert_eq!(other.post("PassiveLicense", &with(json!({}))).await.refused(), (404, "Product Not Found".into()));
        assert_eq!(world.get("LicenseCodes").await.ok(), json!([{"count": 0}]));
        world.post("PassiveLicense", &with(json!({"clientId": "x".repeat(255), "companyId": "0"}))).await.made();
        assert_eq!(world.get("LicenseCodes?companyId=0&passive=true").await.ok(), json!([{"count": 1}]));
    }

    the_documented_master_license_shows_each_daemon_that_has_or_had_it(bench) {
        let world = documented(&bench).await;
        let code = world.post("NetworkMasterLicense", &example("POST-NetworkMasterLicense.request.json")).await.made();
        let asked = format!("NetworkMasterLicense?licensecode={code}");
        let before = world.get(&asked).await.ok();
        assert_eq!(before, json!([{
            "networkLicense": code, "maxUsers": 1, "currentUsers": 0, "shaferCompany": "Company 17", "activated": null,
            "deactivated": null, "created": "2026-01-01T00:00:00Z", "computerID": "",
        }]));
        let daemon = enrol(&world, &code, "daemon-one").await.expect("an answer").daemon;
        enrol(&world, &code, "daemon-number-two").await.expect_err("one place");
        bench.pass_hours(1);
        let list = world.get(&asked).await.ok();
        assert_eq!((&list[0]["currentUsers"], &list[0]["computerID"]), (&json!(1), &json!("daemon-one")));
        assert_eq!((&list[0]["activated"], &list[0]["deactivated"]), (&json!("2026-01-01T00:00:00Z"), &Value::Null));
        // The example ends its list with a comma, which no JSON has.
        let documented = json!([{
            "networkLicense": "362300000729269708", "maxUsers": 1, "currentUsers": 1, "shaferCompany": "",
            "activated": "2018-02-13T17:08:47Z", "deactivated": null, "created": "2018-01-31T00:00:00Z",
            "computerID": "YgLzBAo0+laxPN1jPKbt",
        }]);
        assert_same(&list, &documented, &[]);
        bench.write(move |tx, cx| daemon::free(tx, cx, daemon)).await.expect("freed");
        enrol(&world, &code, "daemon-number-two").await.expect("a free place");
        let list = world.get(&asked).await.ok();
        let names: Vec<_> = list.as_array().expect("a list").iter().map(|row| &row["computerID"]).collect();
        assert_eq!(names, ["daemon-one", "daemon-number-two"]);
        assert_eq!((&list[0]["deactivated"], &list[1]["deactivated"]), (&json!("2026-01-01T01:00:00Z"), &Value::Null));
        assert_eq!((&list[0]["currentUsers"], &list[1]["currentUsers"]), (&json!(1), &json!(1)));

        let own = world.post("NetworkMasterLicense", &format!(r#"{{"productId":{PRODUCT},"companyId":0}}"#)).await.made();
        let all = world.get("NetworkMasterLicense").await.ok();
        assert_eq!(all.as_array().expect("a list").len(), 3);
        let codes = async |query: &str| {
            let rows = world.get(&format!("networkmasterlicense?{query}")).await.ok();
            rows.as_array().expect("a list").iter().map(|row| row["networkLicense"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(codes("ShaferCompanyID=0").await, [own.as_str()]);
        assert_eq!(codes("companyid=17&company=Company+17").await, [code.clone(), code.clone()]);
        assert_eq!(codes("companyid=16&company=Company+17").await, [""; 0]);
        assert_eq!(codes("companyid=99").await, [""; 0]);
        assert_eq!(codes("pageNumber=2&pageSize=2").await, [own.as_str()]);
        assert_eq!(codes("pageNumber=4&pageSize=1").await, [""; 0]);
        assert_eq!(world.get("NetworkMasterLicense?pagenumber=0&companyId=17").await.ok(), json!([{"count": 2}]));
        // A page has ten unless asked otherwise.
        for _ in 0..9 {
            world.post("NetworkMasterLicense", &format!(r#"{{"productId":"{PRODUCT}"}}"#)).await.made();
        }
        assert_eq!((codes("pageNumber=1").await.len(), codes("").await.len()), (10, 12));
        // A code of another kind is none of these, nor is one of another tenant.
        let plain = json!({"productId": PRODUCT, "licenseCodes": ["plain"]});
        world.post("LicenseCode", &plain.to_string()).await.ok();
        assert_eq!(codes("licenseCode=plain").await, [""; 0]);
        let other = World::other(&bench).await;
        assert_eq!(other.get(&asked).await.ok(), json!([]));
        assert_eq!(other.get("NetworkMasterLicense?pageNumber=0").await.ok(), json!([{"count": 0}]));
        // Nobody is handed the code of a daemon.
        let next = world.get(&format!("NextLicenseCode?productId={PRODUCT}&amount=9")).await.ok();
        assert_eq!(next, json!({"licenseCodes": ["plain"]}));
    }

    master_licenses_refuse_what_does_not_fit(bench) {
        let world = documented(&bench).await;
        let posts = [
            (json!({}), (400, "Missing productId")),
            (json!({"productId": true}), (400, "Invalid productId")),
            (json!({"productId": PRODUCT, "companyId": -1}), (400, "Invalid companyId")),
            (json!({"productId": PRODUCT, "companyId": ""}), (400, "Invalid companyId")),
            (json!({"productId": PRODUCT, "companyId": 2_147_483_648_i64}), (400, "Invalid companyId")),
            (json!({"productId": PRODUCT, "companyId": 18}), (404, "Company Not Found")),
            (json!({"productId": "1"}), (404, "Product Not Found")),
        ];
        for (body, (status, reason)) in posts {
            let answer = world.post("NetworkMasterLicense", &body.to_string()).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{body}");
        }
        assert_eq!(world.get("NetworkMasterLicense").await.ok(), json!([]));
        let gets = [
            ("pageNumber=-1", "Invalid pageNumber"),
            ("pageNumber=x", "Invalid pageNumber"),
            ("pageNumber=1&pageSize=0", "Invalid pageSize"),
            ("pageNumber=1&pageSize=10001", "Invalid pageSize"),
            ("pageSize=1", "Missing pageNumber"),
            ("companyID=x", "Invalid companyID"),
            ("companyID=-1", "Invalid companyID"),
        ];
        for (query, reason) in gets {
            let answer = world.get(&format!("NetworkMasterLicense?{query}")).await;
            assert_eq!(answer.refused(), (400, reason.to_owned()), "{query}");
        }
    }
}
