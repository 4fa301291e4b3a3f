//! Documents with one bit flipped, every bit in its turn: the server refuses each and nothing comes of it.

use crate::bench::Site;
use http::Method;
use lessor_lease::{Document, OfflineRequest, ReturnProof, Signer, VERSION};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

const REQUESTS: [&str; 2] = ["offline/requests/inspect", "offline/activations"];

fn device() -> Signer {
    Signer::from_seed([7; 32])
}

fn request(site: &Site, product: &str) -> Document {
    let request = OfflineRequest {
        v: VERSION,
        product: product.to_owned(),
        license: Some("PAINT-1".to_owned()),
        device: "far-away-01".to_owned(),
        device_key: device().public_key().to_hex(),
        user: String::new(),
        request: "00112233445566778899aabbccddeeff".to_owned(),
        created: site.bench.app.now().seconds(),
        device_name: String::new(),
        system: None,
        consumer: None,
    };
    request.sign(&device()).expect("a request")
}

fn proof(site: &Site, activation: &str) -> Document {
    let proof = ReturnProof {
        v: VERSION,
        activation: activation.to_owned(),
        device: "far-away-01".to_owned(),
        created: site.bench.app.now().seconds(),
        number: 1,
    };
    proof.sign(&device()).expect("a proof")
}

async fn carry(site: &Site, path: &str, document: &str) -> crate::bench::Answer {
    let member = if path == "offline/returns" { "proof" } else { "request" };
    let call = site.call(Method::POST, &format!("/device/v1/{path}")).by_nobody();
    call.json(&json!({ member: document })).send().await
}

/// Sends the document with each of its bits flipped, to each of the calls.
async fn flip_every_bit(site: &Site, paths: &[&str], document: &Document) {
    for bit in 0..document.as_bytes().len() * 8 {
        let mut bytes = document.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let forged = lessor_lease::to_hex(&bytes);
        for path in paths {
            let answer = carry(site, path, &forged).await;
            assert!(answer.status.is_client_error(), "bit {bit} at {path}: {} {}", answer.status, answer.body);
        }
    }
}

/// What could have changed: the license with its counts, its activations, everything that was journalled but the
/// refusals themselves.
async fn all_there_is(site: &Site, license: &str) -> [Value; 3] {
    let license_now = site.get(&format!("/v1/licenses/{license}")).await.is(200).body;
    let activations = site.get(&format!("/v1/licenses/{license}/activations")).await.is(200).body;
    let mut events = Vec::new();
    let mut path = "/v1/events?limit=100".to_owned();
    loop {
        let page = site.get(&path).await.is(200).body;
        let items = page["items"].as_array().expect("a page").iter();
        events.extend(items.filter(|event| event["kind"] != "certificate.refused").cloned());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/events?limit=100&cursor={next}");
    }
    [license_now, activations, Value::Array(events)]
}

on_both_engines! {
    no_bit_of_a_request_can_be_flipped_on_its_way(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = site.license(&product, "PAINT-1").await;
        let request = request(&site, &product);
        let before = all_there_is(&site, &license).await;
        flip_every_bit(&site, &REQUESTS, &request).await;
        assert_eq!(all_there_is(&site, &license).await, before);

        for path in REQUESTS {
            carry(&site, path, &request.to_string()).await.is(200);
        }
        let after = all_there_is(&site, &license).await;
        assert_eq!(after[0]["active_count"], 1);
        assert_ne!(after, before, "what is compared does show an activation");
    }

    no_bit_of_a_proof_of_return_can_be_flipped_on_its_way(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = site.license(&product, "PAINT-1").await;
        carry(&site, "offline/activations", &request(&site, &product).to_string()).await.is(200);
        let before = all_there_is(&site, &license).await;
        let activation = before[1]["items"][0]["id"].as_str().expect("an activation").to_owned();
        let proof = proof(&site, &activation);
        flip_every_bit(&site, &["offline/returns"], &proof).await;
        assert_eq!(all_there_is(&site, &license).await, before);

        carry(&site, "offline/returns", &proof.to_string()).await.is(200);
        assert_eq!(all_there_is(&site, &license).await[0]["active_count"], 0);
    }

    an_answer_and_a_lease_open_nothing_at_the_server_however_they_are_bent(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = site.license(&product, "PAINT-1").await;
        let answer = carry(&site, "offline/activations", &request(&site, &product).to_string()).await.is(200);
        let online = json!({ "product": product, "code": "PAINT-1", "device": { "id": "workstation-17" } });
        let lease = site.call(Method::POST, "/device/v1/activations").by_nobody().json(&online).send().await.is(201);
        let before = all_there_is(&site, &license).await;
        for text in [answer.text("answer"), lease.text("document")] {
            let document = Document::parse(&text).expect("a document");
            for path in ["offline/activations", "offline/returns"] {
                carry(&site, path, &text).await.refused(422, "bad_certificate");
            }
            flip_every_bit(&site, &["offline/activations", "offline/returns"], &document).await;
        }
        assert_eq!(all_there_is(&site, &license).await, before);
    }

    a_stranger_can_neither_ask_nor_return_for_a_device(bench) {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = site.license(&product, "PAINT-1").await;
        carry(&site, "offline/activations", &request(&site, &product).to_string()).await.is(200);
        let before = all_there_is(&site, &license).await;
        let activation = before[1]["items"][0]["id"].as_str().expect("an activation").to_owned();
        let stranger = Signer::from_seed([8; 32]);

        let genuine = proof(&site, &activation).open_return(&device().public_key()).expect("a proof");
        let foreign = genuine.sign(&stranger).expect("a proof").to_string();
        carry(&site, "offline/returns", &foreign).await.refused(422, "bad_certificate");

        // The device's id with a key of the stranger's own.
        let mut asked = request(&site, &product).open_request().expect("a request");
        asked.device_key = stranger.public_key().to_hex();
        asked.request = "ff".repeat(16);
        let foreign = asked.sign(&stranger).expect("a request").to_string();
        let answer = carry(&site, "offline/activations", &foreign).await;
        assert!(answer.status.is_client_error(), "{} {}", answer.status, answer.body);
        assert_eq!(all_there_is(&site, &license).await[..2], before[..2]);
    }
}
