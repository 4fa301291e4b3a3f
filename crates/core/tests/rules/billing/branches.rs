//! Bills of whole branches.

use super::usage::{adjusted, adjustment};
use super::{at, check_all, close, day, list, month, ordered, preview, priced, read, statements, try_priced};
use crate::faults::survives;
use crate::usage::{count, meter, told};
use lessor_core::account::{self, Kind, MoveAccount};
use lessor_core::billing::{self, Billed, EndPriceList, NewPriceList, StartClosing, Target};
use lessor_core::metering::{self, Aggregation};
use lessor_core::{AccountId, Error, Refusal};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::{Value, json};

async fn of_branch(bench: &Bench, account: AccountId, target: Target, tiers: &[(i64, &str)]) {
    priced(bench, NewPriceList { billed: Billed::Branch, ..list(account, target, "2026-01-01", tiers) }).await;
}

/// Of each line: whose it is, quantity, tier and amount; in the order of the accounts.
fn lines(bill: &Value) -> Vec<(Option<String>, i64, String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let line = |line: &Value| {
        let account = line.get("account").map(text);
        (account, line["quantity"].as_i64().expect("a number"), text(&line["tier"]), text(&line["amount"]))
    };
    bill["lines"].as_array().expect("lines").iter().map(line).collect()
}

fn line(account: Option<AccountId>, quantity: i64, tier: &str, amount: &str) -> (Option<String>, i64, String, String) {
    (account.map(|id| id.to_string()), quantity, tier.into(), amount.into())
}

async fn bill(bench: &Bench, account: AccountId, month: &str) -> Value {
    read(&preview(bench, account, month).await.expect("a bill"))
}

on_both_engines! {
    an_account_is_billed_for_its_branch_by_one_list_and_those_below_by_theirs(bench) {
        let product = bench.product("Paint").await.id;
        let target = || Target::Product(product);
        let distributor = bench.account(bench.root.id, Kind::Distributor, "D").await.id;
        let partner = bench.account(distributor, Kind::Partner, "P").await.id;
        let one = bench.account(partner, Kind::Customer, "One").await.id;
        let two = bench.account(partner, Kind::Customer, "Two").await.id;
        let aside = bench.account(distributor, Kind::Customer, "Aside").await.id;
        // The distributor pays the vendor, the partner the distributor, and customers pay the partner.
        of_branch(&bench, distributor, target(), &[(1, "0.03"), (28, "0.02")]).await;
        of_branch(&bench, partner, target(), &[(1, "0.05"), (20, "0.04")]).await;
        priced(&bench, list(partner, target(), "2026-01-01", &[(1, "0.10")])).await;
        for (account, seats) in [(partner, 2), (one, 10), (two, 15), (aside, 1)] {
            ordered(&bench, product, account, seats).await;
        }
        at(&bench, "2026-02-01T09:00");
        let of_distributor = bill(&bench, distributor, "2026-01").await;
        assert_eq!(lines(&of_distributor), [
            line(Some(partner), 62, "28+", "1.24"),
            line(Some(one), 310, "28+", "6.20"),
            line(Some(two), 465, "28+", "9.30"),
            line(Some(aside), 31, "28+", "0.62"),
        ]);
        let of_partner = bill(&bench, partner, "2026-01").await;
        assert_eq!(lines(&of_partner), [
            line(Some(partner), 62, "20+", "2.48"),
            line(Some(one), 310, "20+", "12.40"),
            line(Some(two), 465, "20+", "18.60"),
        ]);
        assert_eq!(of_partner["totals"][0]["amount"], json!("33.48"));
        assert_eq!(lines(&bill(&bench, one, "2026-01").await), [line(None, 310, "1+", "31.00")]);
        assert_eq!(preview(&bench, aside, "2026-01").await, None, "nobody set a price for its own");
        close(&bench, "2026-01").await;
        for (account, shown) in [(distributor, of_distributor), (partner, of_partner)] {
            let bills = statements(&bench, account).await;
            assert_eq!((bills.len(), read(&bills[0].document)), (1, shown));
            check_all(&bench, account).await;
        }
    }

    a_branch_is_the_tree_as_it_stood_at_the_end_of_each_day(bench) {
        let product = bench.product("Paint").await.id;
        let calls = meter(&bench, "calls", Aggregation::Sum).await;
        let usage = || Target::Meter(calls.id, None);
        let from = bench.account(bench.root.id, Kind::Partner, "From").await.id;
        let to = bench.account(bench.root.id, Kind::Partner, "To").await.id;
        let below = bench.account(from, Kind::Partner, "Below").await.id;
        let customer = bench.account(below, Kind::Customer, "C").await;
        for partner in [from, to] {
            of_branch(&bench, partner, Target::Product(product), &[(1, "1")]).await;
            of_branch(&bench, partner, usage(), &[(1, "2"), (5, "1")]).await;
        }
        ordered(&bench, product, customer.id, 1).await;
        let own = bench.account(from, Kind::Customer, "Other").await;
        at(&bench, "2026-01-11T14:00");
        let moved = MoveAccount { account: below, parent: to };
        bench.write(move |tx, cx| account::move_to(tx, cx, &moved)).await.expect("moved");
        at(&bench, "2026-02-01T09:00");
        count(&bench, &[
            told("calls", &customer, "1", "2026-01-02T00:00:00Z", "", 4),
            told("calls", &own, "2", "2026-01-02T00:00:00Z", "", 3),
        ]).await;
        // Where it stood on the last day, the month's calls are paid.
        let of_from = bill(&bench, from, "2026-01").await;
        assert_eq!(lines(&of_from), [line(Some(customer.id), 10, "1+", "10.00"), line(Some(own.id), 3, "1-4", "6.00")]);
        let of_to = bill(&bench, to, "2026-01").await;
        assert_eq!(lines(&of_to), [line(Some(customer.id), 21, "1+", "21.00"), line(Some(customer.id), 4, "1-4", "8.00")]);
        close(&bench, "2026-01").await;
        at(&bench, "2026-02-15T09:00");
        let back = MoveAccount { account: below, parent: from };
        bench.write(move |tx, cx| account::move_to(tx, cx, &back)).await.expect("moved");
        // Late calls of January change the tier of who paid for January.
        count(&bench, &[told("calls", &customer, "3", "2026-01-03T00:00:00Z", "", 1)]).await;
        at(&bench, "2026-03-01T09:00");
        let shown = preview(&bench, to, "2026-02").await.expect("a bill");
        close(&bench, "2026-02").await;
        assert_eq!(statements(&bench, to).await[1].document, shown);
        let second = read(&shown);
        assert_eq!(lines(&second), [line(Some(customer.id), 14, "1+", "14.00")]);
        assert_eq!(adjusted(&second), [
            adjustment("2026-01", "retracted", json!(4), "-8.00"),
            adjustment("2026-01", "added", json!(5), "5.00"),
        ]);
        let of_from = read(&statements(&bench, from).await[1].document);
        assert_eq!((lines(&of_from), adjusted(&of_from)), (vec![line(Some(customer.id), 14, "1+", "14.00")], vec![]));
        for account in [from, to] {
            check_all(&bench, account).await;
        }
    }

    a_list_of_a_branch_stands_beside_one_for_each_account_and_never_with_the_vendor(bench) {
        let product = bench.product("Paint").await.id;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await.id;
        let new = |account, billed| NewPriceList { billed, ..list(account, Target::Product(product), "2026-01-01", &[(1, "1")]) };
        let refused = try_priced(&bench, new(bench.root.id, Billed::Branch)).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Malformed { field: "billed", .. }))), "{refused:?}");
        priced(&bench, new(partner, Billed::Branch)).await;
        priced(&bench, new(partner, Billed::Account)).await;
        let taken = try_priced(&bench, new(partner, Billed::Branch)).await;
        assert!(matches!(taken, Err(Error::Refused(Refusal::Taken { .. }))), "{taken:?}");
    }

    the_branch_of_more_accounts_than_are_read_at_once_is_billed_whole_and_each_account_once(bench) {
        let calls = meter(&bench, "calls", Aggregation::Sum).await;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await.id;
        of_branch(&bench, partner, Target::Meter(calls.id, None), &[(1, "1")]).await;
        let mut told_of = Vec::new();
        for n in 0..520 {
            let customer = bench.account(partner, Kind::Customer, &format!("C{n}")).await;
            told_of.push(told("calls", &customer, &n.to_string(), "2026-01-01T00:00:00Z", "", n + 1));
        }
        count(&bench, &told_of).await;
        at(&bench, "2026-02-01T09:00");
        let bill = bill(&bench, partner, "2026-01").await;
        assert_eq!(lines(&bill).len(), 520);
        assert_eq!(bill["totals"][0]["amount"], json!("135460.00"));
    }

    whichever_statement_of_a_price_or_a_closing_fails_nothing_remains(bench) {
        let calls = meter(&bench, "calls", Aggregation::Sum).await;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
        count(&bench, &[told("calls", &partner, "1", "2026-01-01T00:00:00Z", "", 1)]).await;
        let system = || bench.app.system();
        let new = list(partner.id, Target::Meter(calls.id, None), "2026-01-01", &[(1, "1"), (5, "0.50")]);
        let new = NewPriceList { billed: Billed::Branch, ..new };
        let made = survives(&bench, system(), move |tx, cx| billing::create_price_list(tx, cx, &new)).await;
        let end = EndPriceList { price_list: made.id, until: day("2026-02-01") };
        survives(&bench, system(), move |tx, cx| billing::end_price_list(tx, cx, &end)).await;
        at(&bench, "2026-02-01T09:00");
        let cmd = StartClosing { vendor: bench.root.id, month: month("2026-01") };
        survives(&bench, system(), move |tx, cx| billing::start_closing(tx, cx, &cmd)).await;
        survives(&bench, system(), billing::close_some).await;
        let late = [told("calls", &partner, "2", "2026-01-02T00:00:00Z", "", 1)];
        survives(&bench, system(), move |tx, cx| metering::record(tx, cx, &late)).await;
        survives(&bench, system(), billing::close_some).await;
        check_all(&bench, partner.id).await;
    }
}
