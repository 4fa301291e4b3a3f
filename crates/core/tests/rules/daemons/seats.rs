//! Seats: never more are out than were delegated, whoever is cut off for however long.

use super::{BEAT, Lan, daemons, master, network, pass, refused, settled};
use lessor_core::daemon;
use lessor_core::device;
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::{ChangeLicense, Concurrency, TermsChange};
use lessor_core::{Noun, Refusal};
use lessor_lease::{Document, KeyTable, PublicKey, follow};
use lessor_testkit::on_both_engines;

on_both_engines! {
    two_daemons_hand_out_their_seats_and_a_third_has_none(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 3).await;
        let license = bench.license(product.id, network(2, 3)).await;
        let lans = [
            Lan::new(&bench, product.id, &master).await,
            Lan::new(&bench, product.id, &master).await,
            Lan::new(&bench, product.id, &master).await,
        ];
        let mut seated = Vec::new();
        for (n, lan) in lans.iter().enumerate() {
            lan.enrol(&bench).await;
            if n < 2 {
                let outcomes = lan.local.all_at_once(8, |client| lan.seat(&license, n * 100 + client, n * 100 + client + 1));
                seated.push(outcomes.await.into_iter().flatten().count());
            }
        }
        assert_eq!(seated, [3, 3]);
        let nothing = lans[2].activate(&license, "client-000999").await;
        assert_eq!(refused(nothing), Refusal::NotFound(Noun::License));
        let view = bench.view(license.id).await;
        assert_eq!((view.license.active_count, view.live_count), (2, 2), "the daemons hold its places");
        assert_eq!(daemons(&bench).await.iter().map(|daemon| daemon.seats).collect::<Vec<_>>(), [3, 3, 0]);
        let by_itself = bench.activate(lessor_testkit::world::activate_on(product.id, Some(&license.code), "device-0001"));
        assert_eq!(refused(by_itself.await), Refusal::NetworkOnly);
        settled(&bench).await;
        settled(&lans[0].local).await;
    }

    many_daemons_at_once_are_no_more_than_the_master_license_admits(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 3).await;
        let license = bench.license(product.id, network(2, 1)).await;
        let mut lans = Vec::new();
        for _ in 0..10 {
            lans.push(Lan::new(&bench, product.id, &master).await);
        }
        let other = match bench.app.store().engine() {
            lessor_testkit::Engine::Postgres => {
                let bench = bench.clone();
                std::thread::spawn(move || bench.second_app()).join().expect("a second server")
            }
            lessor_testkit::Engine::Sqlite => bench.app.clone(),
        };
        let outcomes = bench
            .all_at_once(10, |n| lans[n].ask_at(&bench, if n % 2 == 0 { &bench.app } else { &other }))
            .await;
        let admitted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(admitted, 3, "{outcomes:?}");
        for outcome in outcomes.into_iter().filter(Result::is_err) {
            assert_eq!(refused(outcome), Refusal::NoSeat { limit: 3, concurrent: true });
        }
        assert_eq!(bench.view(license.id).await.license.active_count, 2);
        settled(&bench).await;
    }

    a_client_that_misses_three_beats_loses_its_seat(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 1)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        let answer = lan.enrol(&bench).await;
        let first = lan.activate(&license, "client-000001").await.expect("a seat");
        let lease = first.leased.lease();
        assert_eq!(lease.expires_at, Some(lease.issued_at + 3 * BEAT * 60));
        assert_eq!(lease.renew_after, Some(lease.issued_at + BEAT * 60));
        assert_eq!(lease.concurrency, lessor_lease::Concurrency::Network);

        // A device gets from the product's key to the daemon's, and believes the lease.
        let text = first.leased.document().expect("signed");
        let document = Document::parse(&text).expect("a document");
        let trusted: KeyTable = answer.keys.iter().copied().collect();
        let endorsements: Vec<_> = answer.endorsements.iter().map(|text| Document::parse(text).expect("one")).collect();
        let product_name = product.id.to_string();
        let found = follow(&trusted, &endorsements, &product_name, document.key_id(), lease.issued_at).expect("endorsed");
        let table: KeyTable = [found.key].into_iter().collect();
        assert_eq!(document.open_lease(&table).expect("a lease").license.as_ref(), Some(&license.code));
        assert!(follow(&trusted, &endorsements, &product_name, document.key_id(), answer.ends_at.seconds()).is_err());
        let shown = lan.local.read({
            let product = product.id;
            move |tx, _| Ok((lessor_core::catalog::public_keys(tx, product)?, lessor_core::catalog::endorsements(tx, product)?))
        });
        let (keys, shown) = shown.await.expect("keys");
        assert!(answer.keys.iter().all(|key: &PublicKey| keys.iter().any(|(shown, _)| shown == key)));
        assert!(shown.contains(&answer.endorsements[0]));

        for _ in 0..10 {
            lan.local.pass_seconds(2 * BEAT * 60);
            let credential = first.credential.clone();
            lan.local.as_device(move |tx, cx| device::heartbeat(tx, cx, &credential)).await.expect("a beat");
            assert_eq!(lan.seat(&license, 2, 3).await.len(), 0);
        }
        lan.local.pass_seconds(3 * BEAT * 60);
        let second = lan.activate(&license, "client-000002").await.expect("the lapsed seat");
        assert_eq!(refused(lan.local.renew(&first).await), Refusal::NoSeat { limit: 1, concurrent: true });
        lan.local.give_back(&second).await.expect("a return");
        lan.local.renew(&first).await.expect("the free seat");
    }

    a_daemon_cut_off_goes_on_until_its_delegation_ends_and_its_place_stays_reserved(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 2)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        lan.enrol(&bench).await;
        pass(30 * 24 - 1, &[&bench, &lan.local]);
        let seated = lan.seat(&license, 0, 5).await;
        assert_eq!(seated.len(), 2);
        let late = Lan::new(&bench, product.id, &master).await;
        assert_eq!(refused(late.ask(&bench).await), Refusal::NoSeat { limit: 1, concurrent: true });

        pass(1, &[&bench, &lan.local]);
        assert_eq!(lan.seats_out().await, 0, "no lease outlives the delegation");
        assert_eq!(refused(lan.activate(&license, "client-000009").await), Refusal::DelegationOver);
        assert_eq!(refused(lan.local.renew(&seated[0]).await), Refusal::DelegationOver);
        assert_eq!(refused(late.ask(&bench).await), Refusal::NoSeat { limit: 1, concurrent: true }, "the margin");

        pass(24, &[&bench, &lan.local, &late.local]);
        late.enrol(&bench).await;
        assert_eq!(late.seat(&license, 10, 15).await.len(), 2);
        // Who comes back too late is told so, and what it has to tell is kept.
        let answer = lan.sync(&bench).await.expect("an answer");
        assert_eq!(answer.withheld, Some(Refusal::NoSeat { limit: 1, concurrent: true }));
        assert!(answer.taken > 0);
        assert_eq!(refused(lan.activate(&license, "client-000009").await), Refusal::Held);
        settled(&bench).await;
    }

    a_delegation_is_renewed_in_time_and_not_for_each_call(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 2)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        assert_eq!(lan.enrol(&bench).await.number, 1);
        assert_eq!(lan.sync(&bench).await.expect("an answer").number, 1);
        for number in 2..30 {
            pass(4 * 24, &[&bench, &lan.local]);
            assert_eq!(lan.sync(&bench).await.expect("an answer").number, number);
            assert_eq!(lan.seat(&license, 0, 3).await.len(), 2);
        }
        let raise = TermsChange { network_seats: Some(3), ..TermsChange::default() };
        bench.change(ChangeLicense { terms: raise, ..ChangeLicense::of(license.id) }).await.expect("a change");
        assert_eq!(lan.sync(&bench).await.expect("an answer").number, 30);
        assert_eq!(lan.seat(&license, 0, 5).await.len(), 3);
        settled(&bench).await;
    }

    fewer_seats_are_out_as_soon_as_fewer_are_delegated(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 5)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        lan.enrol(&bench).await;
        let seated = lan.seat(&license, 0, 9).await;
        assert_eq!(seated.len(), 5);
        let lower = TermsChange { network_seats: Some(2), ..TermsChange::default() };
        bench.change(ChangeLicense { terms: lower, ..ChangeLicense::of(license.id) }).await.expect("a change");
        lan.sync(&bench).await.expect("an answer");
        assert_eq!(lan.seats_out().await, 2);
        lan.local.renew(&seated[0]).await.expect("who came first stays");
        assert_eq!(refused(lan.local.renew(&seated[4]).await), Refusal::ActivationReturned);

        let off = ChangeLicense { enabled: Some(false), ..ChangeLicense::of(license.id) };
        bench.change(off).await.expect("a change");
        lan.sync(&bench).await.expect("an answer");
        assert_eq!(lan.seats_out().await, 0);
        assert_eq!(refused(lan.activate(&license, "client-000001").await), Refusal::Held);
        settled(&lan.local).await;
    }

    what_is_taken_from_a_daemon_is_free_when_its_clients_have_lapsed(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 2)).await;
        let lan = Lan::new(&bench, product.id, &master).await;
        lan.enrol(&bench).await;
        lan.seat(&license, 0, 2).await;
        let cloud = TermsChange { concurrency: Some(Concurrency::Cloud), ..TermsChange::default() };
        bench.change(ChangeLicense { terms: cloud, ..ChangeLicense::of(license.id) }).await.expect("a change");
        let ask = || bench.activate(lessor_testkit::world::activate_on(product.id, Some(&license.code), "device-0001"));
        assert_eq!(refused(ask().await), Refusal::NoSeat { limit: 1, concurrent: true });
        // Told to stop, it shows with the next call that it did.
        lan.sync(&bench).await.expect("an answer");
        assert_eq!(refused(ask().await), Refusal::NoSeat { limit: 1, concurrent: true });
        lan.sync(&bench).await.expect("an answer");
        assert_eq!(refused(ask().await), Refusal::NoSeat { limit: 1, concurrent: true });
        bench.pass_seconds(3 * BEAT * 60);
        ask().await.expect("the place");
        settled(&bench).await;
    }

    a_daemon_that_is_given_back_frees_its_places_and_one_that_is_lost_can_be_freed(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 1).await;
        let license = bench.license(product.id, network(1, 1)).await;
        let first = Lan::new(&bench, product.id, &master).await;
        first.enrol(&bench).await;
        let credential = first.credential().await;
        for _ in 0..2 {
            let credential = credential.clone();
            bench.as_device(move |tx, cx| daemon::give_back(tx, cx, &credential)).await.expect("a return");
        }
        let report = first.report().await;
        let after = bench.as_device(move |tx, cx| daemon::sync(tx, cx, &report)).await;
        assert_eq!(refused(after), Refusal::ActivationReturned);
        let second = Lan::new(&bench, product.id, &master).await;
        second.enrol(&bench).await;
        assert_eq!(refused(second.activate(&license, "client-000001").await), Refusal::NotFound(Noun::License));
        bench.pass_seconds(3 * BEAT * 60);
        settled(&bench).await;
        second.sync(&bench).await.expect("an answer");
        assert_eq!(second.seat(&license, 0, 2).await.len(), 1);

        let lost = daemons(&bench).await.into_iter().find(|daemon| daemon.active).expect("the second").id;
        for _ in 0..2 {
            bench.write(move |tx, cx| daemon::free(tx, cx, lost)).await.expect("free");
        }
        let filter = EventFilter { subject: Some(lost.0) };
        let events = bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 100)).await.expect("events");
        assert_eq!(events.iter().filter(|event| event.kind == "daemon.freed").count(), 1);
        let third = Lan::new(&bench, product.id, &master).await;
        third.enrol(&bench).await;
        assert_eq!(third.seat(&license, 5, 8).await.len(), 1);
        settled(&bench).await;
    }
}
