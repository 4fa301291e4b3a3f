//! Bills of seats.

use super::{at, check_all, close, day, end, list, ordered, preview, priced, read, start, statements, try_priced};
use lessor_core::account::Kind;
use lessor_core::billing::{self, NewPriceList, Target};
use lessor_core::license::{self, ChangeLicense};
use lessor_core::{AccountId, Error, Noun, ProductId, Refusal, catalog};
use lessor_testkit::on_both_engines;
use serde_json::json;

lessor_db::statements! {
    ALTER_DOCUMENT = "UPDATE statements SET document = replace(document, 'EUR', 'USD') WHERE number = 1";
    ALTER_HASH = "UPDATE statements SET hash = previous WHERE number = 2";
    ALTER_LINK = "UPDATE statements SET previous = hash WHERE number = 2";
    REMOVE = "DELETE FROM statements WHERE number = 1";
    RENUMBER = "UPDATE statements SET number = 3 WHERE number = 2";
}

on_both_engines! {
    a_statement_that_was_altered_moved_or_removed_is_found_by_a_walk(bench) {
        let product = bench.product("Paint").await.id;
        priced(&bench, list(bench.root.id, Target::Product(product), "2026-01-01", &[(1, "0.04")])).await;
        at(&bench, "2026-01-02T10:00");
        for name in ["A", "B"] {
            let customer = bench.account(bench.root.id, Kind::Customer, name).await.id;
            ordered(&bench, product, customer, 10).await;
        }
        at(&bench, "2026-03-02T09:00");
        close(&bench, "2026-01").await;
        close(&bench, "2026-02").await;
        let sound = bench.read(|tx, _| lessor_core::verify::verify(tx)).await.expect("checks");
        assert_eq!(sound, Vec::<String>::new());
        for (spoil, told) in [
            (ALTER_DOCUMENT, "does not match its hash"),
            (ALTER_HASH, "does not match its hash"),
            (ALTER_LINK, "does not follow the one before it"),
            (REMOVE, "does not follow the one before it"),
            (RENUMBER, "does not follow the one before it"),
        ] {
            let flaws: Result<(u64, Vec<String>), Error> = bench.app.rehearse(&bench.app.system(), move |tx, _| {
                Ok((tx.execute(spoil, &[])?, lessor_core::verify::verify(tx)?))
            }).await;
            let (spoilt, flaws) = flaws.expect("checks");
            assert_eq!(spoilt, 2, "{}", spoil.name);
            let found = flaws.iter().filter(|flaw| flaw.contains(told)).count();
            assert!(found >= 2, "{}: {flaws:?}", spoil.name);
        }
    }

    the_worked_example_is_billed_and_a_preview_is_what_the_bill_says(bench) {
        let product = bench.product("Paint").await.id;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await.id;
        priced(&bench, list(bench.root.id, Target::Product(product), "2026-01-01", &[(1, "0.04"), (25, "0.03")])).await;
        at(&bench, "2026-03-01T10:00");
        let license = ordered(&bench, product, customer, 10).await;
        at(&bench, "2026-03-11T14:00");
        let mut change = ChangeLicense::of(license);
        change.terms.activation_limit = Some(15);
        bench.change(change).await.expect("a change");
        at(&bench, "2026-03-21T09:00");
        let mut change = ChangeLicense::of(license);
        change.enabled = Some(false);
        bench.change(change).await.expect("a change");
        at(&bench, "2026-04-01T09:00");
        assert!(matches!(start(&bench, "2026-04").await, Err(Error::Refused(Refusal::Malformed { field: "month", .. }))));
        let shown = preview(&bench, customer, "2026-03").await.expect("something to bill");
        close(&bench, "2026-03").await;
        let bills = statements(&bench, customer).await;
        assert_eq!(bills.len(), 1);
        assert_eq!(bills[0].document, shown);

        let bill = read(&shown);
        let line = &bill["lines"][0];
        assert_eq!((&line["quantity"], &line["days"], &line["tier"]), (&json!(265), &json!(21), &json!("1-24")));
        assert_eq!((&line["unit_price"], &line["amount"]), (&json!("0.04"), &json!("10.60")));
        assert_eq!(bill["totals"], json!([{ "currency": "EUR", "amount": "10.60", "minor_units": 1060 }]));
        assert_eq!(bill["adjustments"], json!([]));
        // Each line opens to its days, and each day to its segment.
        let segments: Vec<String> = bench.segments(license).await.iter().map(|s| s.id.simple().to_string()).collect();
        assert_eq!(line["details"], json!([
            { "from": "2026-03-01", "to": "2026-03-10", "seats": 10, "segment": segments[0] },
            { "from": "2026-03-11", "to": "2026-03-21", "seats": 15, "segment": segments[1] },
        ]));
        // Closing again, and a removal afterwards, change nothing.
        close(&bench, "2026-03").await;
        bench.write(move |tx, cx| license::remove(tx, cx, license)).await.expect("removed");
        assert_eq!(statements(&bench, customer).await, bills);
        check_all(&bench, customer).await;
        assert!(statements(&bench, bench.root.id).await.is_empty(), "nobody bills the vendor");
    }

    the_price_of_a_day_is_the_one_that_applied_to_it(bench) {
        let (paint, draw) = (bench.product("Paint").await.id, bench.product("Draw").await.id);
        let root = bench.root.id;
        let category = bench.write(move |tx, cx| catalog::create_price_category(tx, cx, root, "Endpoint")).await.expect("a category").id;
        for product in [paint, draw] {
            bench.write(move |tx, cx| catalog::set_price_categories(tx, cx, product, &[category])).await.expect("set");
        }
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await.id;
        let customer = bench.account(partner, Kind::Customer, "C").await.id;
        // The vendor's own price for all, another one at the partner from the 11th on, and one for a product.
        priced(&bench, list(root, Target::Category(category), "2026-01-01", &[(1, "1"), (20, "0.90")])).await;
        let own = list(partner, Target::Category(category), "2026-02-11", &[(1, "0.50"), (20, "0.40")]);
        priced(&bench, NewPriceList { discount: 1_000, ..own }).await;
        priced(&bench, list(partner, Target::Product(draw), "2026-01-01", &[(1, "2")])).await;
        at(&bench, "2026-02-01T00:40");
        let license = ordered(&bench, paint, customer, 20).await;
        ordered(&bench, draw, customer, 1).await;
        // From the 21st on the product is in no category any more: nobody set a price for it.
        at(&bench, "2026-02-21T10:00");
        bench.write(move |tx, cx| catalog::set_price_categories(tx, cx, paint, &[])).await.expect("set");
        at(&bench, "2026-03-01T01:00");
        let bill = read(&preview(&bench, customer, "2026-02").await.expect("a bill"));
        let lines: Vec<(String, i64, String, String)> = bill["lines"].as_array().expect("lines").iter().map(|line| {
            let text = |member: &str| line[member].as_str().expect("a text").to_owned();
            (text("tier"), line["quantity"].as_i64().expect("a number"), text("unit_price"), text("amount"))
        }).collect();
        // 400 seat days over 28 days are 15 seats: the first tier.
        assert_eq!(lines.len(), 3, "{lines:?}");
        let of = |tier: &str, quantity, price: &str, amount: &str| (tier.into(), quantity, price.into(), amount.into());
        assert!(lines.contains(&of("1-19", 200, "1.00", "200.00")), "{lines:?}");
        assert!(lines.contains(&of("1-19", 200, "0.50", "90.00")), "{lines:?}");
        assert!(lines.contains(&of("1+", 28, "2.00", "56.00")), "{lines:?}");
        assert_eq!(bill["totals"][0]["amount"], json!("346.00"));
        // Another move of the category, later, changes nothing of what was.
        bench.write(move |tx, cx| catalog::set_price_categories(tx, cx, draw, &[])).await.expect("set");
        assert_eq!(read(&preview(&bench, customer, "2026-02").await.expect("a bill")), bill);
        let mut change = ChangeLicense::of(license);
        change.terms.activation_limit = Some(100);
        bench.change(change).await.expect("a change");
        assert_eq!(read(&preview(&bench, customer, "2026-02").await.expect("a bill")), bill);
    }

    a_late_price_becomes_an_adjustment_of_the_next_statement(bench) {
        let product = bench.product("Paint").await.id;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await.id;
        let other = bench.account(bench.root.id, Kind::Customer, "Other").await.id;
        let first = priced(&bench, list(bench.root.id, Target::Product(product), "2026-01-01", &[(1, "1")])).await;
        at(&bench, "2026-01-01T02:00");
        ordered(&bench, product, customer, 1).await;
        ordered(&bench, product, other, 2).await;
        at(&bench, "2026-02-01T02:00");
        close(&bench, "2026-01").await;
        let january = statements(&bench, customer).await;
        // The price was wrong from the middle of January on, as is found in February.
        at(&bench, "2026-02-10T02:00");
        end(&bench, &first, "2026-01-16").await.expect("ended");
        priced(&bench, list(customer, Target::Product(product), "2026-01-16", &[(1, "0.50")])).await;
        at(&bench, "2026-03-01T02:00");
        let shown = preview(&bench, customer, "2026-02").await.expect("a bill");
        close(&bench, "2026-02").await;
        let bills = statements(&bench, customer).await;
        assert_eq!((bills.len(), &bills[0], &bills[1].document), (2, &january[0], &shown));
        let bill = read(&shown);
        assert_eq!(bill["lines"][0]["amount"], json!("14.00"));
        let told: Vec<_> = bill["adjustments"].as_array().expect("adjustments").iter().map(|one| {
            (one["month"].clone(), one["kind"].clone(), one["line"]["quantity"].clone(), one["line"]["amount"].clone())
        }).collect();
        let january = |kind: &str, quantity: i64, amount: &str| (json!("2026-01"), json!(kind), json!(quantity), json!(amount));
        assert_eq!(told, [january("retracted", 31, "-31.00"), january("added", 15, "15.00"), january("added", 16, "8.00")]);
        assert_eq!(bill["totals"], json!([{ "currency": "EUR", "amount": "6.00", "minor_units": 600 }]));
        // The other customer has no price any more: what was billed too much is given back.
        let back = read(&statements(&bench, other).await[1].document);
        assert_eq!((&back["lines"], &back["totals"][0]["amount"]), (&json!([]), &json!("-32.00")));

        // Nothing late since: the next one has no adjustments, and all make the same bytes again.
        at(&bench, "2026-04-02T02:00");
        close(&bench, "2026-03").await;
        let last = read(&statements(&bench, customer).await[2].document);
        assert_eq!((&last["adjustments"], &last["totals"][0]["amount"]), (&json!([]), &json!("15.50")));
        check_all(&bench, customer).await;
        check_all(&bench, other).await;
    }

    a_closing_goes_on_where_it_was_stopped_and_gives_everybody_one_statement(bench) {
        let product = bench.product("Paint").await.id;
        priced(&bench, list(bench.root.id, Target::Product(product), "2026-01-01", &[(1, "1")])).await;
        let mut customers = Vec::new();
        for n in 0..230 {
            let customer = bench.account(bench.root.id, Kind::Customer, &format!("C{n}")).await.id;
            if n % 23 == 0 {
                ordered(&bench, product, customer, n + 1).await;
                customers.push(customer);
            }
        }
        at(&bench, "2026-02-01T02:00");
        let mut previews = Vec::new();
        for customer in &customers {
            previews.push(preview(&bench, *customer, "2026-01").await.expect("a bill"));
        }
        start(&bench, "2026-01").await.expect("a closing");
        assert!(bench.write(billing::close_some).await.expect("a stretch"));
        // The next stretch is undone in its midst, as a crash would; prices change meanwhile; two workers go on at once.
        let undone = bench.write(|tx, cx| {
            billing::close_some(tx, cx)?;
            Err::<(), Error>(Refusal::Held.into())
        });
        assert!(undone.await.is_err());
        assert!(matches!(start(&bench, "2026-02").await, Err(Error::Refused(Refusal::Malformed { .. }))));
        bench.pass_hours(1);
        let late = list(bench.root.id, Target::Product(product), "2025-01-01", &[(1, "9")]);
        priced(&bench, NewPriceList { until: Some(day("2026-01-01")), ..late }).await;
        let worker = async |_: usize| while bench.write(billing::close_some).await.expect("a stretch") {};
        bench.all_at_once(4, worker).await;
        assert_eq!(start(&bench, "2026-01").await.expect("the same closing").finished_at, Some(bench.app.now()));
        for (customer, shown) in customers.iter().zip(previews) {
            let bills = statements(&bench, *customer).await;
            assert_eq!((bills.len(), &bills[0].document), (1, &shown));
            check_all(&bench, *customer).await;
        }
    }

    what_is_no_price_list_is_refused(bench) {
        let product = bench.product("Paint").await.id;
        let root = bench.root.id;
        let good = list(root, Target::Product(product), "2026-01-01", &[(1, "1")]);
        let with = |change: &dyn Fn(&mut NewPriceList)| {
            let mut new = good.clone();
            change(&mut new);
            new
        };
        let before = bench.digests(&[]);
        for bad in [
            with(&|new| new.name = String::new()),
            with(&|new| new.currency = "eur".into()),
            with(&|new| new.currency = "EURO".into()),
            with(&|new| new.discount = -1),
            with(&|new| new.discount = 10_001),
            with(&|new| new.until = Some(day("2026-01-01"))),
            with(&|new| new.tiers.clear()),
            with(&|new| new.tiers[0].from = 2),
            with(&|new| new.tiers.push(new.tiers[0])),
            with(&|new| new.target = Target::Product(ProductId(root.0))),
            with(&|new| new.account = AccountId(product.0)),
        ] {
            let answer = try_priced(&bench, bad.clone()).await;
            assert!(matches!(answer, Err(Error::Refused(_))), "{bad:?}: {answer:?}");
        }
        let stranger = bench.other_vendor("Other").await.id;
        let foreign = try_priced(&bench, with(&|new| new.account = stranger)).await;
        assert!(matches!(foreign, Err(Error::Refused(Refusal::NotFound(Noun::Product)))), "{foreign:?}");
        let changed: Vec<_> = bench.digests(&["accounts", "events"]).into_iter().filter(|now| !before.contains(now)).collect();
        assert_eq!(changed, Vec::new());

        let made = priced(&bench, good.clone()).await;
        let taken = try_priced(&bench, with(&|new| new.from = day("2026-05-01"))).await;
        assert!(matches!(taken, Err(Error::Refused(Refusal::Taken { noun: Noun::PriceList, .. }))), "{taken:?}");
        assert!(end(&bench, &made, "2025-12-31").await.is_err());
        end(&bench, &made, "2026-05-01").await.expect("ended");
        end(&bench, &made, "2026-05-01").await.expect("ended already");
        assert!(end(&bench, &made, "2026-06-01").await.is_err());
        priced(&bench, with(&|new| new.from = day("2026-05-01"))).await;
        let all = bench.read(move |tx, cx| billing::price_lists(tx, cx, root)).await.expect("lists");
        assert_eq!(all.iter().map(|list| list.until).collect::<Vec<_>>(), [Some(day("2026-05-01")), None]);
    }
}
