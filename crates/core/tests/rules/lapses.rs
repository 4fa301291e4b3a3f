//! When leases lapse: each lapse is told once, however often the lease was renewed before, and a renewal touches no index.

use lessor_core::device;
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::{ChangeLicense, Concurrency, License, Terms, TermsChange};
use lessor_core::schema;
use lessor_core::{Error, Refusal, Timestamp, verify};
use lessor_db::{Statement, statements};
use lessor_testkit::world::{self, Held, activate_on};
use lessor_testkit::{Bench, Engine, on_both_engines};

statements! {
    SQLITE_INDEXES = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'activations' AND sql IS NOT NULL";
    POSTGRES_INDEXES = "SELECT indexname, indexdef FROM pg_catalog.pg_indexes WHERE tablename = 'activations'";
}

fn terms(concurrency: Concurrency) -> Terms {
    Terms { activation_limit: 3, online_lease_hours: 10, concurrency, ..Terms::default() }
}

async fn activated(bench: &Bench, license: &License, n: usize) -> Result<Held, Error> {
    bench.activate(activate_on(license.product, Some(&license.code), &world::device(n))).await
}

async fn beat(bench: &Bench, held: &Held) {
    let credential = held.credential.clone();
    bench.as_device(move |tx, cx| device::heartbeat(tx, cx, &credential)).await.expect("it is kept");
}

/// Tells what there is to tell; gives how many transactions it took.
async fn tell(bench: &Bench) -> usize {
    let mut rounds = 1;
    while bench.write(device::tell_lapsed).await.expect("told") {
        rounds += 1;
    }
    let flaws = bench.read(|tx, _| verify::verify(tx)).await.expect("verified");
    assert!(flaws.is_empty(), "{flaws:?}");
    rounds
}

/// When the leases ended whose lapse was told, in the order of the telling.
async fn told(bench: &Bench) -> Vec<Timestamp> {
    let all = bench.read(|tx, cx| journal::list(tx, cx, &EventFilter::default(), None, 10_000)).await.expect("events");
    let lapses = all.iter().filter(|event| event.kind == "lease.lapsed");
    lapses.filter_map(|event| Timestamp::parse(event.data["lease_end"].as_str()?)).collect()
}

async fn set(bench: &Bench, license: &License, terms: TermsChange) {
    bench.change(ChangeLicense { terms, ..ChangeLicense::of(license.id) }).await.expect("a change");
}

async fn hours(bench: &Bench, license: &License, hours: i64) {
    set(bench, license, TermsChange { online_lease_hours: Some(hours), ..TermsChange::default() }).await;
}

async fn switch(bench: &Bench, license: &License, concurrency: Concurrency) {
    set(bench, license, TermsChange { concurrency: Some(concurrency), ..TermsChange::default() }).await;
}

on_both_engines! {
    a_lapse_is_told_once_after_many_renewals(bench) {
        let product = bench.product("Paint").await;
        for concurrency in [Concurrency::Off, Concurrency::Cloud] {
            let before = told(&bench).await.len();
            let license = bench.license(product.id, terms(concurrency)).await;
            let held = activated(&bench, &license, 1).await.expect("a place");
            for round in 0..8 {
                bench.pass_hours(4);
                match round % 3 {
                    0 => drop(bench.renew(&held).await.expect("a lease")),
                    1 => beat(&bench, &held).await,
                    _ => assert!(!activated(&bench, &license, 1).await.expect("the same place").new),
                }
                tell(&bench).await;
                assert_eq!(told(&bench).await.len(), before, "{round}");
            }
            let end = bench.app.now().plus_hours(10);
            assert!(bench.clock.move_to(end.plus_micros(-1)));
            tell(&bench).await;
            assert_eq!(told(&bench).await.len(), before, "its last microsecond");
            for _ in 0..3 {
                assert!(bench.clock.move_to(end));
                tell(&bench).await;
                assert_eq!(told(&bench).await[before..], [end]);
            }
        }
    }

    a_lease_renewed_after_its_lapse_was_told_lapses_again(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, terms(Concurrency::Cloud)).await;
        let held = activated(&bench, &license, 1).await.expect("a place");
        let mut ends = vec![held.activation().lease_end.expect("an end")];
        for round in 0..4 {
            bench.pass_hours(24);
            tell(&bench).await;
            assert_eq!(told(&bench).await, ends);
            match round % 3 {
                0 => drop(bench.renew(&held).await.expect("a lease")),
                1 => beat(&bench, &held).await,
                _ => assert!(!activated(&bench, &license, 1).await.expect("the same place").new),
            }
            assert_eq!(bench.view(license.id).await.live_count, 1);
            ends.push(bench.app.now().plus_hours(10));
        }
        bench.give_back(&held).await.expect("a return");
        bench.pass_hours(24);
        tell(&bench).await;
        ends.pop();
        assert_eq!(told(&bench).await, ends, "what was returned does not lapse");
    }

    a_lease_that_gets_shorter_is_told_at_its_new_end(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, terms(Concurrency::Off)).await;
        let held = activated(&bench, &license, 1).await.expect("a place");
        for (asked, lasts) in [(2, 2), (0, 0), (3, 3), (0, 0)] {
            hours(&bench, &license, asked).await;
            let leased = bench.renew(&held).await.expect("a lease");
            let end = (lasts > 0).then(|| bench.app.now().plus_hours(lasts));
            assert_eq!(leased.activation.lease_end, end);
            let before = told(&bench).await.len();
            bench.pass_hours(24 * 365);
            tell(&bench).await;
            assert_eq!(told(&bench).await[before..], end.into_iter().collect::<Vec<_>>());
            assert_eq!(bench.view(license.id).await.live_count, i64::from(end.is_none()));
        }
    }

    what_holds_a_place_follows_the_license_back_and_forth(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, terms(Concurrency::Off)).await;
        let full = |outcome: Result<Held, Error>| matches!(outcome, Err(Error::Refused(Refusal::NoSeat { limit: 3, .. })));
        let mut held = Vec::new();
        for n in 0..3 {
            held.push(activated(&bench, &license, n).await.expect("a place"));
        }
        bench.pass_hours(8);
        bench.renew(&held[0]).await.expect("a lease");
        bench.pass_hours(8);
        // Two of three leases have lapsed, whether anybody told or not.
        assert!(full(activated(&bench, &license, 3).await), "they keep their places");
        switch(&bench, &license, Concurrency::Cloud).await;
        assert_eq!(bench.view(license.id).await.live_count, 1);
        held.push(activated(&bench, &license, 3).await.expect("a place of a lapsed lease"));
        tell(&bench).await;
        assert_eq!(bench.view(license.id).await.live_count, 2);
        held.push(activated(&bench, &license, 4).await.expect("the place of the other"));
        assert!(full(activated(&bench, &license, 5).await), "three live");
        assert!(matches!(bench.renew(&held[1]).await, Err(Error::Refused(Refusal::NoSeat { .. }))));
        switch(&bench, &license, Concurrency::Off).await;
        assert!(full(activated(&bench, &license, 5).await), "five are not returned");
        bench.renew(&held[1]).await.expect("it never lost its place");
        switch(&bench, &license, Concurrency::Cloud).await;
        assert_eq!(bench.view(license.id).await.live_count, 4);
        bench.give_back(&held[1]).await.expect("a return");
        bench.give_back(&held[3]).await.expect("a return");
        held.push(activated(&bench, &license, 5).await.expect("one live less than places"));
        assert!(full(activated(&bench, &license, 6).await), "three live again");
    }

    more_than_one_transaction_looks_at_are_all_looked_at(bench) {
        const CROWD: usize = 1_010;
        let product = bench.product("Paint").await;
        let crowded = Terms { activation_limit: 2_000, online_lease_hours: 10, ..Terms::default() };
        let license = bench.license(product.id, crowded).await;
        let outcomes = bench.all_at_once(CROWD, |n| activated(&bench, &license, n)).await;
        let held: Vec<Held> = outcomes.into_iter().map(|outcome| outcome.expect("a place")).collect();
        assert_eq!(tell(&bench).await, 1);
        bench.pass_hours(8);
        let renewed = |n: usize| !n.is_multiple_of(101);
        let again = bench.all_at_once(CROWD, |n| {
            let (bench, held) = (&bench, &held[n]);
            async move { if renewed(n) { bench.renew(held).await.map(|_| ()) } else { Ok(()) } }
        });
        assert!(again.await.iter().all(Result::is_ok));
        bench.pass_hours(2);
        assert_eq!(tell(&bench).await, 3, "500 at a time");
        assert_eq!(told(&bench).await.len(), 10, "those that were not renewed");
        assert_eq!(bench.view(license.id).await.live_count, 1_000);
        bench.pass_hours(8);
        assert_eq!(tell(&bench).await, 3, "those that were renewed, and ended after all");
        assert_eq!((told(&bench).await.len(), tell(&bench).await), (CROWD, 1));
    }

    who_comes_back_while_its_lapse_is_told_is_looked_at_again(bench) {
        let product = bench.product("Paint").await;
        let crowded = Terms { activation_limit: 50, online_lease_hours: 10, ..Terms::default() };
        let license = bench.license(product.id, crowded).await;
        let outcomes = bench.all_at_once(24, |n| activated(&bench, &license, n)).await;
        let held: Vec<Held> = outcomes.into_iter().map(|outcome| outcome.expect("a place")).collect();
        for round in 1..=4 {
            bench.pass_hours(10);
            let here = (&bench, &license, &held);
            let calls = bench.all_at_once(held.len() + 4, |n| async move {
                let (bench, license, held) = here;
                match held.get(n) {
                    Some(held) if n % 2 == 0 => drop(bench.renew(held).await.expect("a lease")),
                    Some(_) => drop(activated(bench, license, n).await.expect("the same place")),
                    None => drop(bench.write(device::tell_lapsed).await.expect("told")),
                }
            });
            calls.await;
            let end = bench.app.now().plus_hours(10);
            assert!(!told(&bench).await.contains(&end), "{round}");
            assert!(bench.clock.move_to(end.plus_micros(-1)));
            tell(&bench).await;
            assert!(!told(&bench).await.contains(&end), "{round}");
            if round == 4 {
                bench.pass_hours(1);
                tell(&bench).await;
                assert_eq!(told(&bench).await.iter().filter(|told| **told == end).count(), held.len());
            }
        }
    }

    a_renewal_changes_no_column_of_an_index(bench) {
        let indexes = match bench.app.store().engine() {
            Engine::Sqlite => SQLITE_INDEXES,
            Engine::Postgres => POSTGRES_INDEXES,
        };
        let indexes: Vec<(String, String)> = bench.read(move |tx, _| Ok(tx.all(indexes, &[])?)).await.expect("indexes");
        assert!(indexes.len() >= 4, "{indexes:?}");
        let changing = |statement: &Statement| {
            ["EXTEND", "BEAT"].contains(&statement.name) && statement.sql.contains("renew_at")
        };
        let mut changed = Vec::new();
        for statement in schema::statements().filter(changing) {
            let (_, rest) = statement.sql.split_once(" SET ").expect("it changes something");
            let (list, _) = rest.split_once(" WHERE ").expect("of one row");
            changed.extend(list.split(',').filter_map(|one| one.trim().split(' ').next()));
        }
        assert!(changed.contains(&"lease_end") && changed.len() > 6, "{changed:?}");
        for (index, definition) in indexes {
            let mut words = definition.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
            let found = words.find(|word| changed.contains(word));
            assert_eq!(found, None, "{index} has a column that each renewal changes");
        }
    }
}
