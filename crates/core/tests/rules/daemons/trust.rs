//! What a daemon believes, and what the server believes of it.

use super::{Lan, given, master, network, refused};
use lessor_core::daemon::local::{self, Applied, Orders};
use lessor_core::daemon::{self, Record};
use lessor_core::journal::{self, EventFilter};
use lessor_core::{Error, Refusal, catalog};
use lessor_lease::{DaemonRequest, Delegation, Document, KeyTable, Signer, VERSION};
use lessor_testkit::on_both_engines;

fn tampered(text: &str, n: usize) -> String {
    let mut bytes = Document::parse(text).expect("a document").as_bytes().to_vec();
    bytes[n] ^= 1;
    lessor_lease::to_hex(&bytes)
}

on_both_engines! {
    a_delegation_that_is_forged_foreign_or_old_is_refused(bench) {
        let product = bench.product("Paint").await;
        let other = bench.product("Other").await;
        let master_license = master(&bench, product.id, None, 3).await;
        let other_master = master(&bench, other.id, None, 3).await;
        let license = bench.license(product.id, network(3, 2)).await;
        let lan = Lan::new(&bench, product.id, &master_license).await;
        let first = lan.enrol(&bench).await;
        bench.pass_hours(4 * 24);
        let second = lan.ask(&bench).await.expect("an answer");
        assert_eq!((first.number, second.number), (1, 2));

        let apply = |given: local::Given| {
            let bench = lan.local.clone();
            async move { bench.write(move |tx, cx| local::apply(tx, cx, &given)).await }
        };
        let good = given(&bench, &second);
        let bad = |change: &dyn Fn(&mut local::Given)| {
            let mut given = good.clone();
            change(&mut given);
            given
        };
        let signer = Signer::from_seed([9; 32]);
        let keys: KeyTable = second.keys.iter().copied().collect();
        let opened = Document::parse(&second.delegation).and_then(|text| text.open_delegation(&keys)).expect("ours");
        let forged = Delegation { number: 9, ..opened }.sign(&signer).expect("a document").to_string();
        let neighbour = Lan::new(&bench, product.id, &master_license).await.ask(&bench).await.expect("an answer");
        let stranger = Lan::new(&bench, other.id, &other_master).await.ask(&bench).await.expect("an answer");
        for wrong in [
            bad(&|given| given.delegation = tampered(&given.delegation, 40)),
            bad(&|given| given.delegation = forged.clone()),
            bad(&|given| given.delegation = neighbour.delegation.clone()),
            bad(&|given| given.delegation = stranger.delegation.clone()),
            bad(&|given| given.endorsements = neighbour.endorsements.clone()),
            bad(&|given| given.endorsements = first.endorsements.clone()),
            bad(&|given| given.endorsements.clear()),
            bad(&|given| given.daemon = neighbour.daemon.to_string()),
            bad(&|given| given.delegation = given.endorsements[0].clone()),
        ] {
            assert!(matches!(refused(apply(wrong).await), Refusal::BadCertificate(_)));
        }
        let given_stranger = given(&bench, &stranger);
        assert!(matches!(refused(apply(given_stranger).await), Refusal::BadCertificate(_)));
        assert_eq!(lan.me().await.number(), 1, "none of them changed anything");
        lan.activate(&license, "client-000001").await.expect("a seat");

        assert!(matches!(apply(good.clone()).await.expect("in force"), Applied::New { .. }));
        assert_eq!(apply(good).await.expect("again"), Applied::Same);
        assert_eq!(refused(apply(given(&bench, &first)).await), Refusal::StaleCertificate);
        assert_eq!(lan.me().await.number(), 2);

        // One that comes when it is over.
        bench.pass_hours(4 * 24);
        let third = lan.ask(&bench).await.expect("an answer");
        lan.local.pass_hours(60 * 24);
        assert_eq!(refused(lan.apply(&bench, &third).await), Refusal::DelegationOver);
    }

    every_bit_of_a_request_counts(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        let (request, _) = lan.request().await;
        let length = Document::parse(&request).expect("a document").as_bytes().len();
        for n in 0..length {
            let text = tampered(&request, n);
            let outcome = bench.as_device(move |tx, cx| daemon::enrol(tx, cx, &text, "")).await;
            assert!(matches!(refused(outcome), Refusal::BadCertificate(_)), "byte {n}");
        }
        assert_eq!(bench.view(master.id).await.license.active_count, 0);
    }

    another_key_under_a_daemons_name_is_another_machine(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 3).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        lan.enrol(&bench).await;
        let thief = Signer::from_seed([5; 32]);
        let request = DaemonRequest {
            v: VERSION,
            product: product.id.to_string(),
            license: master.code.clone(),
            device: lan.me().await.device().to_owned(),
            device_key: thief.public_key().to_hex(),
            request: "0".repeat(32),
            created: bench.app.now().seconds(),
            number: 1,
            records: None,
        };
        let text = request.sign(&thief).expect("a request").to_string();
        let outcome = bench.as_device(move |tx, cx| daemon::enrol(tx, cx, &text, "")).await;
        assert_eq!(refused(outcome), Refusal::DeviceDuplicate);
    }

    an_old_request_and_one_with_other_records_are_refused(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 2)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        lan.enrol(&bench).await;
        lan.seat(&license, 0, 1).await;
        let (request, records) = lan.request().await;
        assert!(!records.is_empty());
        for wrong in [String::new(), format!("{records}\n"), records.replace("client-000000", "client-000009")] {
            let request = request.clone();
            let outcome = bench.as_device(move |tx, cx| daemon::enrol(tx, cx, &request, &wrong)).await;
            assert!(matches!(refused(outcome), Refusal::BadCertificate(_)));
        }
        bench.pass_hours(14 * 24 + 1);
        let outcome = bench.as_device(move |tx, cx| daemon::enrol(tx, cx, &request, &records)).await;
        assert_eq!(refused(outcome), Refusal::StaleCertificate);
    }

    a_copy_of_a_daemon_shows_itself(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        bench.license(product.id, network(1, 2)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        lan.enrol(&bench).await;
        let old = lan.report().await;
        bench.pass_hours(4 * 24);
        // An answer that got lost does no harm, however often.
        for _ in 0..3 {
            let report = old.clone();
            let answer = bench.as_device(move |tx, cx| daemon::sync(tx, cx, &report)).await.expect("an answer");
            assert_eq!(answer.number, 2);
        }
        lan.sync(&bench).await.expect("an answer");
        lan.sync(&bench).await.expect("an answer");
        let id = old.daemon.activation;
        let mut ahead = old.clone();
        let copy = bench.as_device(move |tx, cx| daemon::sync(tx, cx, &old)).await;
        assert_eq!(refused(copy), Refusal::DeviceDuplicate);
        ahead.number = 7;
        let forger = bench.as_device(move |tx, cx| daemon::sync(tx, cx, &ahead)).await;
        assert!(matches!(refused(forger), Refusal::BadCertificate(_)));
        let filter = EventFilter { subject: Some(id.0) };
        let events = bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 100)).await.expect("events");
        for kind in ["daemon.cloned", "daemon.forged"] {
            assert_eq!(events.iter().filter(|event| event.kind == kind).count(), 1, "{kind}");
        }
    }

    a_daemon_follows_the_products_keys_and_believes_no_other(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 2).await;
        let license = bench.license(product.id, network(2, 2)).await;
        let pinned = bench.read({
            let product = product.id;
            move |tx, _| catalog::public_keys(tx, product)
        });
        let pinned = pinned.await.expect("keys").remove(0).0.to_hex();
        let orders = |key: &str| {
            Orders { product: product.id.to_string(), license: master.code.clone(), key: Some(key.to_owned()) }
        };
        let lan = Lan::with(&bench, orders(&pinned)).await;
        lan.enrol(&bench).await;
        let id = product.id;
        for number in 2..5 {
            bench.write(move |tx, cx| catalog::rotate_key(tx, cx, id)).await.expect("a key");
            assert_eq!(lan.sync(&bench).await.expect("an answer").number, number, "the new key signs a new one");
        }
        lan.activate(&license, "client-000001").await.expect("a seat");

        let misled = Lan::with(&bench, orders(&Signer::from_seed([3; 32]).public_key().to_hex())).await;
        let answer = misled.ask(&bench).await.expect("an answer");
        assert!(matches!(refused(misled.apply(&bench, &answer).await), Refusal::BadCertificate(_)));
    }

    a_daemons_time_does_not_go_back(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 1)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        lan.enrol(&bench).await;
        lan.local.pass_hours(100);
        let held = lan.activate(&license, "client-000001").await.expect("a seat");
        let seen = |lan: &Lan| {
            let local = lan.local.clone();
            async move { local.read(|tx, _| local::not_before(tx)).await.expect("a time").expect("there is one") }
        };
        assert!(seen(&lan).await > lan.local.app.now());
        lan.local.pass_seconds(300);
        lan.local.renew(&held).await.expect("a lease");
        assert!(seen(&lan).await > lan.local.app.now(), "no lease is given in a time that was already");
        lan.local.pass_hours(5);
        lan.local.write(local::keep_time).await.expect("kept");
        assert!(seen(&lan).await > lan.local.app.now());
        let orders = Orders { product: product.id.to_string(), license: "other".into(), key: None };
        let outcome: Result<_, Error> = lan.local.write(move |tx, cx| local::open(tx, cx, &orders)).await;
        assert!(matches!(refused(outcome), Refusal::Malformed { field: "license", .. }));
        assert!(Record::from_lines("nothing").is_err());
    }
}
