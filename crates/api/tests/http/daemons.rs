//! Daemons over HTTP: enrolled, synced, listed, freed, given back.

use crate::bench::Site;
use http::Method;
use lessor_core::identity::Right;
use lessor_lease::{DaemonRequest, Signer, VERSION};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// The request that the n-th daemon signs.
pub fn request_of(site: &Site, product: &str, master: &str, n: u8) -> String {
    let signer = Signer::from_seed([n; 32]);
    let request = DaemonRequest {
        v: VERSION,
        product: product.to_owned(),
        license: master.to_owned(),
        device: format!("daemon-{n:08}"),
        device_key: signer.public_key().to_hex(),
        request: format!("{n:032x}"),
        created: site.bench.app.now().seconds(),
        number: 0,
        records: None,
    };
    request.sign(&signer).expect("a request").to_string()
}

/// A product with a license that a daemon hands out, and a master license for one.
async fn sold(site: &Site) -> String {
    let product = site.product("Paint").await;
    let license = site.license(&product, "SHARED-1").await;
    let terms = json!({ "concurrency": "network", "network_seats": 5, "heartbeat_minutes": 10, "activation_limit": 1 });
    site.patch(&format!("/v1/licenses/{license}"), &json!({ "terms": terms })).await.is(200);
    let master = json!({ "product": product, "codes": ["MASTER-1"], "role": "network_master" });
    let issued = site.post("/v1/licenses", &master).await.is(201).body["licenses"][0]["id"].clone();
    let one = json!({ "terms": { "activation_limit": 1 } });
    site.patch(&format!("/v1/licenses/{}", issued.as_str().expect("an id")), &one).await.is(200);
    product
}

fn record(sequence: i64) -> Value {
    json!({ "sequence": sequence, "at": "2026-01-01T00:00:00Z", "kind": "license.activated", "subject": "lic_1",
        "data": { "device": format!("client-{sequence}") } })
}

on_both_engines! {
    a_daemon_enrols_and_tells_what_happened(bench) {
        let site = Site::new(bench).await;
        let product = sold(&site).await;
        let enrol = |n| {
            let body = json!({ "request": request_of(&site, &product, "MASTER-1", n) });
            let call = site.call(Method::POST, "/device/v1/daemons").by("").json(&body);
            async move { call.send().await }
        };
        let first = enrol(1).await.is(201);
        let (id, secret) = (first.text("daemon"), first.text("secret"));
        assert_eq!((&first.body["number"], &first.body["withheld"]), (&json!(1), &Value::Null));
        let again = enrol(1).await.is(201);
        assert_eq!(again.text("daemon"), id, "asking again is no error");
        assert!(again.body.get("secret").is_none(), "who found the request on its way learns no secret");
        assert_eq!(enrol(2).await.is(409).text("code"), "no_seat");

        let sync = |secret: &str, number: i64, records: Value| {
            let path = format!("/device/v1/daemons/{id}/sync");
            let call = site.call(Method::POST, &path).by(secret).json(&json!({ "number": number, "records": records }));
            async move { call.send().await }
        };
        assert_eq!(sync(&secret, 1, json!([record(1), record(2)])).await.is(200).body["taken"], 2);
        assert_eq!(sync(&secret, 1, json!([record(2), record(3)])).await.is(200).body["taken"], 3);
        assert_eq!(sync(&secret, 1, json!([record(5)])).await.is(409).text("code"), "record_gap");
        sync(&secret, 1, json!([{ "sequence": 4 }])).await.is(422);
        sync(&secret, 1, Value::from(vec![record(4); 1_001])).await.is(422);
        sync("lds_wrong", 1, json!([])).await.is(401);
        assert_eq!(sync(&secret, 9, json!([])).await.is(422).text("code"), "bad_certificate");
        assert_eq!(sync(&secret, 0, json!([])).await.is(409).text("code"), "device_duplicate");

        let listed = site.get("/v1/daemons").await.is(200).body["items"].clone();
        assert_eq!(listed.as_array().map(Vec::len), Some(1));
        let daemon = &listed[0];
        assert_eq!((&daemon["id"], &daemon["seats"], &daemon["licenses"]), (&json!(id), &json!(5), &json!(1)));
        assert_eq!((&daemon["code"], &daemon["active"], &daemon["taken"]), (&json!("MASTER-1"), &json!(true), &json!(3)));
        let events = site.get(&format!("/v1/events?subject={id}&limit=100")).await.is(200).body["items"].clone();
        let told = events.as_array().expect("a page").iter().filter(|event| event["kind"] == "daemon.license.activated");
        assert_eq!(told.count(), 3);

        for _ in 0..2 {
            let call = site.call(Method::DELETE, &format!("/device/v1/daemons/{id}")).by(&secret).json(&json!({}));
            call.send().await.is(200);
        }
        assert_eq!(sync(&secret, 1, json!([])).await.is(410).text("code"), "activation_returned");
        enrol(2).await.is(201);
    }

    an_operator_answers_by_file_and_frees(bench) {
        let site = Site::new(bench).await;
        let product = sold(&site).await;
        let body = json!({ "request": request_of(&site, &product, "MASTER-1", 1) });
        let reader = site.key_of(site.bench.root.id, Some(vec![Right::LICENSES_READ])).await;
        let reader = site.with_key(reader);
        reader.post("/v1/daemons", &body).await.is(403);
        let answer = site.post("/v1/daemons", &body).await.is(200);
        assert!(answer.body.get("secret").is_none());
        let id = answer.text("daemon");
        assert_eq!(reader.get("/v1/daemons").await.is(200).body["items"][0]["id"], json!(id));
        reader.delete(&format!("/v1/daemons/{id}")).await.is(403);
        site.post("/v1/daemons", &json!({ "request": "00" })).await.is(422);
        site.post("/v1/daemons", &json!({ "request": body["request"], "records": "x" })).await.is(422);
        for _ in 0..2 {
            site.delete(&format!("/v1/daemons/{id}")).await.is(204);
        }
        assert_eq!(site.get("/v1/daemons").await.is(200).body["items"][0]["active"], json!(false));
        site.delete("/v1/daemons/nonsense").await.is(404);
    }
}
