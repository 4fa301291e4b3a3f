//! Devices that are never online: request, answer, proof of return.

use lessor_core::catalog;
use lessor_core::device;
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::{License, Terms};
use lessor_core::{ActivationId, Error, Noun, ProductId, Refusal};
use lessor_lease::{Document, KeyTable, LeaseKind, OfflineAnswer, OfflineRequest, ReturnProof, Signer, VERSION};
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, on_both_engines};

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

/// A device with its key.
fn key(n: u8) -> Signer {
    Signer::from_seed([n; 32])
}

fn request_of(bench: &Bench, product: ProductId, license: Option<&License>, n: u8) -> OfflineRequest {
    OfflineRequest {
        v: VERSION,
        product: product.to_string(),
        license: license.map(|license| license.code.clone()),
        device: device(n.into()),
        device_key: key(n).public_key().to_hex(),
        user: String::new(),
        request: format!("{n:032x}"),
        created: bench.app.now().seconds(),
        device_name: String::new(),
        system: None,
        consumer: None,
    }
}

async fn answer(bench: &Bench, product: Option<ProductId>, text: &str) -> Result<String, Error> {
    let text = text.to_owned();
    bench.write(move |tx, cx| device::offline_activate(tx, cx, product, &text)).await
}

async fn give_back(bench: &Bench, product: Option<ProductId>, text: &str) -> Result<ActivationId, Error> {
    let text = text.to_owned();
    bench.write(move |tx, cx| device::offline_return(tx, cx, product, &text)).await
}

async fn opened(bench: &Bench, product: ProductId, text: &str) -> OfflineAnswer {
    let keys = bench.read(move |tx, _| catalog::public_keys(tx, product)).await.expect("keys");
    let table: KeyTable = keys.into_iter().map(|(key, _)| key).collect();
    Document::parse(text).and_then(|document| document.open_answer(&table)).expect("an answer")
}

fn proof_of(answer: &OfflineAnswer, number: u64) -> ReturnProof {
    ReturnProof {
        v: VERSION,
        activation: answer.lease.activation.clone(),
        device: answer.lease.device.clone(),
        created: 0,
        number,
    }
}

/// The text with one bit of its n-th byte turned.
fn tampered(text: &str, n: usize) -> String {
    let mut bytes = Document::parse(text).expect("a document").as_bytes().to_vec();
    bytes[n] ^= 1;
    lessor_lease::to_hex(&bytes)
}

on_both_engines! {
    the_same_request_gets_the_same_answer_and_no_second_place(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms { activation_limit: 2, offline_lease_hours: 240, ..Terms::default() };
        let license = bench.license(product.id, terms).await;
        let request = request_of(&bench, product.id, Some(&license), 1);
        let document = request.sign(&key(1)).expect("a request");
        let text = document.to_string();
        let first = answer(&bench, Some(product.id), &text).await.expect("an answer");
        let said = opened(&bench, product.id, &first).await;
        assert!(said.answers(&request.request, &document.digest()));
        let lease = &said.lease;
        assert_eq!((lease.kind, lease.number, lease.renew_after), (LeaseKind::Offline, 1, None));
        assert_eq!(lease.expires_at, Some(bench.app.now().plus_hours(240).seconds()));
        assert_eq!(lease.device_key.as_deref(), Some(request.device_key.as_str()));
        bench.pass_hours(24 * 30);
        assert_eq!(answer(&bench, None, &text).await.expect("the answer again"), first);
        assert_eq!(answer(&bench, None, &text.to_uppercase()).await.expect("the answer again"), first);
        assert_eq!(bench.view(license.id).await.license.active_count, 1);
    }

    the_same_request_ten_times_at_once_gets_one_answer(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { activation_limit: 5, ..Terms::default() }).await;
        for (n, license) in [(1, Some(&license)), (2, None)] {
            let text = request_of(&bench, product.id, license, n).sign(&key(n)).expect("a request").to_string();
            let outcomes = bench.all_at_once(10, |_| answer(&bench, None, &text)).await;
            let answers: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("an answer")).collect();
            assert!(answers.iter().all(|answer| *answer == answers[0]), "of {n}");
            assert_eq!(opened(&bench, product.id, &answers[0]).await.lease.number, 1);
        }
        assert_eq!(bench.view(license.id).await.license.active_count, 1);
    }

    a_request_is_of_its_product_its_time_and_its_device(bench) {
        let product = bench.product("Paint").await;
        let other = bench.product("Draw").await;
        let license = bench.license(product.id, Terms { activation_limit: 5, ..Terms::default() }).await;
        let request = request_of(&bench, product.id, Some(&license), 1);
        let text = request.sign(&key(1)).expect("a request").to_string();
        assert!(matches!(refused(answer(&bench, Some(other.id), &text).await), Refusal::BadCertificate(_)));
        let half = text.len() / 4;
        for n in [0, 5, 10, 20, half, text.len() / 2 - 1] {
            let outcome = answer(&bench, None, &tampered(&text, n)).await;
            assert!(matches!(refused(outcome), Refusal::BadCertificate(_)), "byte {n}");
        }
        for nonsense in ["", "zz", &text[2..], &format!("{text}00")] {
            assert!(matches!(refused(answer(&bench, None, nonsense).await), Refusal::BadCertificate(_)));
        }
        bench.pass_seconds(14 * 86_400 + 1);
        assert_eq!(refused(answer(&bench, None, &text).await), Refusal::StaleCertificate);
        let in_time = OfflineRequest { created: bench.app.now().seconds() - 14 * 86_400, ..request.clone() };
        let in_time = in_time.sign(&key(1)).expect("a request").to_string();
        answer(&bench, None, &in_time).await.expect("an answer");
        let twin = OfflineRequest { device_key: key(2).public_key().to_hex(), ..request_of(&bench, product.id, Some(&license), 1) };
        let same_name = twin.sign(&key(2)).expect("a request").to_string();
        assert!(matches!(refused(answer(&bench, None, &same_name).await), Refusal::BadCertificate(_)));
        let twin = OfflineRequest { request: format!("{:032x}", 77), ..twin };
        let clone = twin.sign(&key(2)).expect("a request").to_string();
        assert_eq!(refused(answer(&bench, None, &clone).await), Refusal::DeviceDuplicate);
        assert_eq!(bench.view(license.id).await.license.active_count, 1);
    }

    a_request_with_odd_members_is_refused(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms::default()).await;
        let good = request_of(&bench, product.id, Some(&license), 1);
        let odd = [
            OfflineRequest { request: String::new(), ..good.clone() },
            OfflineRequest { request: "f".repeat(5_000), ..good.clone() },
            OfflineRequest { request: "\0".repeat(32), ..good.clone() },
            OfflineRequest { device: "dev\0ice-0001".into(), ..good.clone() },
            OfflineRequest { user: "a\0b".into(), ..good.clone() },
            OfflineRequest { license: Some("1\0".into()), ..good.clone() },
            OfflineRequest { product: "a:product:\0".into(), ..good.clone() },
            OfflineRequest { product: ProductId(license.id.0).to_string(), ..good.clone() },
            OfflineRequest { product: ProductId(license.id.0).to_string(), license: None, ..good },
        ];
        for request in odd {
            let text = request.sign(&key(1)).expect("a request").to_string();
            refused(answer(&bench, None, &text).await);
        }
        assert_eq!(bench.view(license.id).await.license.active_count, 0);
    }

    a_proof_gives_back_once_and_an_old_one_gives_back_nothing(bench) {
        let product = bench.product("Paint").await;
        let other = bench.product("Draw").await;
        let license = bench.license(product.id, Terms::default()).await;
        let request = request_of(&bench, product.id, Some(&license), 1);
        let text = request.sign(&key(1)).expect("a request").to_string();
        let said = opened(&bench, product.id, &answer(&bench, None, &text).await.expect("an answer")).await;
        let old = proof_of(&said, 1).sign(&key(1)).expect("a proof").to_string();

        let next = OfflineRequest { request: format!("{:032x}", 2), ..request };
        let next = next.sign(&key(1)).expect("a request").to_string();
        let said = opened(&bench, product.id, &answer(&bench, None, &next).await.expect("an answer")).await;
        assert_eq!(said.lease.number, 2);
        assert_eq!(refused(give_back(&bench, None, &old).await), Refusal::StaleCertificate);

        let proof = proof_of(&said, 2);
        let text = proof.sign(&key(1)).expect("a proof").to_string();
        let forged = proof.sign(&key(2)).expect("a proof").to_string();
        for bad in [forged, tampered(&text, 40)] {
            refused(give_back(&bench, None, &bad).await);
        }
        let elsewhere = ReturnProof { device: device(9), ..proof.clone() }.sign(&key(1)).expect("a proof").to_string();
        assert!(matches!(refused(give_back(&bench, None, &elsewhere).await), Refusal::BadCertificate(_)));
        let unknown = ReturnProof { activation: ActivationId(license.id.0).to_string(), ..proof };
        let unknown = unknown.sign(&key(1)).expect("a proof").to_string();
        assert_eq!(refused(give_back(&bench, None, &unknown).await), Refusal::NotFound(Noun::Activation));
        assert_eq!(refused(give_back(&bench, Some(other.id), &text).await), Refusal::NotFound(Noun::Activation));
        assert_eq!(bench.view(license.id).await.license.active_count, 1);

        let outcomes = bench.all_at_once(5, |_| give_back(&bench, Some(product.id), &text)).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(id) if id.to_string() == said.lease.activation)));
        let now = bench.view(license.id).await.license;
        assert_eq!((now.active_count, now.returned_count), (0, 1));
        let fresh = bench.activate(activate_on(product.id, Some(&license.code), &device(5))).await;
        fresh.expect("the place is free");
    }

    a_certificate_that_is_foreign_replayed_or_old_is_refused_with_an_event(bench) {
        let product = bench.product("Paint").await;
        let other = bench.product("Draw").await;
        let license = bench.license(product.id, Terms { activation_limit: 5, ..Terms::default() }).await;
        let request = request_of(&bench, product.id, Some(&license), 1);
        let text = request.sign(&key(1)).expect("a request").to_string();
        refused(answer(&bench, Some(other.id), &text).await);
        let said = opened(&bench, product.id, &answer(&bench, None, &text).await.expect("an answer")).await;
        let twin = OfflineRequest { user: "eve".into(), ..request }.sign(&key(1)).expect("a request").to_string();
        refused(answer(&bench, None, &twin).await);
        let old = request_of(&bench, product.id, Some(&license), 2).sign(&key(2)).expect("a request").to_string();
        bench.pass_hours(15 * 24);
        assert_eq!(refused(answer(&bench, None, &old).await), Refusal::StaleCertificate);
        let forged = proof_of(&said, 1).sign(&key(3)).expect("a proof").to_string();
        refused(give_back(&bench, None, &forged).await);
        let seen = bench.read(|tx, cx| journal::list(tx, cx, &EventFilter::default(), None, 1_000)).await.expect("events");
        let told: Vec<_> = seen.iter().filter(|event| event.kind == "certificate.refused").collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told.iter().all(|event| event.subject == product.id.0 && event.data["reason"].is_string()));
        assert_eq!(bench.view(license.id).await.license.active_count, 1);
    }

    an_offline_answer_for_a_device_that_was_online_is_an_offline_lease(bench) {
        let product = bench.product("Paint").await;
        let terms = Terms { online_lease_hours: 1, offline_lease_hours: 48, ..Terms::default() };
        let license = bench.license(product.id, terms).await;
        let mut online = activate_on(product.id, Some(&license.code), &device(1));
        online.device.public_key = Some(key(1).public_key().to_bytes());
        bench.activate(online).await.expect("an activation");
        let text = request_of(&bench, product.id, Some(&license), 1).sign(&key(1)).expect("a request").to_string();
        let said = opened(&bench, product.id, &answer(&bench, None, &text).await.expect("an answer")).await;
        assert_eq!((said.lease.kind, said.lease.number, said.lease.renew_after), (LeaseKind::Offline, 2, None));
        assert_eq!(said.lease.expires_at, Some(bench.app.now().plus_hours(48).seconds()));
        assert_eq!(bench.view(license.id).await.license.active_count, 1);
    }

    a_trial_can_be_carried_in_a_file(bench) {
        let product = bench.product("Paint").await;
        let text = request_of(&bench, product.id, None, 1).sign(&key(1)).expect("a request").to_string();
        let said = opened(&bench, product.id, &answer(&bench, None, &text).await.expect("an answer")).await;
        assert_eq!((said.lease.kind, said.lease.license.as_deref()), (LeaseKind::Trial, None));
        assert_eq!(said.lease.expires_at, Some(bench.app.now().plus_days(30).seconds()));
        let proof = proof_of(&said, 1).sign(&key(1)).expect("a proof").to_string();
        give_back(&bench, None, &proof).await.expect("a return");
        give_back(&bench, None, &proof).await.expect("the same again");
    }
}
