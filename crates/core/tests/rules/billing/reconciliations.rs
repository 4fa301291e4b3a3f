//! What other systems say, beside statements.

use super::{at, close, end, list, month, ordered, priced, statements};
use crate::faults::survives;
use crate::usage::{count, make, new_meter, told};
use lessor_core::account::{self, Kind, MoveAccount};
use lessor_core::billing::reconcile::{
    self, Bound, Columns, Exact, Item, Outcome, Pair, Reconcile, ReconciledRow, Reconciliation, RememberName,
};
use lessor_core::billing::{Billed, NewPriceList, Target};
use lessor_core::metering::{Aggregation, CreateMeter, LevelRule, NewRecord};
use lessor_core::{AccountId, Error, Refusal};
use lessor_testkit::random::Random;
use lessor_testkit::{Bench, on_both_engines};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn asked(account: AccountId, of: &str, item: Option<Item>, table: &str) -> Reconcile<'static> {
    let column = |name: &str| Some(name.to_owned());
    Reconcile {
        account,
        branch: true,
        month: month(of),
        name: "Invoice".into(),
        system: "crm".into(),
        columns: Columns {
            account: column("who"),
            item: item.map(|item| (item, "what".to_owned())),
            quantity: item.and_then(|_| column("how many")),
            amount: column("sum"),
            currency: None,
        },
        currency: None,
        adjustments: true,
        quantity_tolerance: Exact::ZERO,
        amount_tolerance: Exact::ZERO,
        separator: None,
        decimal: None,
        table: table.to_owned().into(),
    }
}

async fn try_reconciled(
    bench: &Bench,
    cmd: &Reconcile<'static>,
) -> Result<(Reconciliation, Vec<ReconciledRow>), Error> {
    let cmd = cmd.clone();
    let compared = bench.read(move |tx, cx| reconcile::compare(tx, cx, &cmd)).await?;
    let kept = bench.write(move |tx, cx| reconcile::keep(tx, cx, &compared)).await?;
    let rows = rows(bench, &kept, None, 0, 1_000).await;
    Ok((kept, rows.into_iter().map(|(_, row)| row).collect()))
}

async fn reconciled(bench: &Bench, cmd: &Reconcile<'static>) -> Vec<ReconciledRow> {
    try_reconciled(bench, cmd).await.expect("a reconciliation").1
}

async fn rows(
    bench: &Bench,
    kept: &Reconciliation,
    outcome: Option<Outcome>,
    after: i64,
    limit: u32,
) -> Vec<(i64, ReconciledRow)> {
    let id = kept.id;
    let read = bench.read(move |tx, cx| reconcile::reconciliation_rows(tx, cx, id, outcome, after, limit)).await;
    read.expect("rows")
}

/// Outcome, our names of account and item, and both sides' quantity and amount.
fn shown(row: &ReconciledRow) -> (Outcome, String, String, [String; 4]) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let figure = |pair: Option<Pair>| {
        let side = |figure: Option<Exact>| figure.map_or("-".to_owned(), |figure| figure.to_string());
        pair.map_or(["".to_owned(), "".to_owned()], |pair| [side(pair.theirs), side(pair.ours)])
    };
    let ([one, two], [three, four]) = (figure(row.quantity), figure(row.amount));
    (row.outcome, text(&row.account_name), text(&row.item_name), [one, two, three, four])
}

fn row(outcome: Outcome, account: &str, item: &str, figures: [&str; 4]) -> (Outcome, String, String, [String; 4]) {
    (outcome, account.into(), item.into(), figures.map(str::to_owned))
}

fn all(rows: &[ReconciledRow]) -> Vec<(Outcome, String, String, [String; 4])> {
    rows.iter().map(shown).collect()
}

on_both_engines! {
    use_that_several_are_billed_for_is_compared_bill_by_bill(bench) {
        let product = bench.product("Paint").await.id;
        let target = || Target::Product(product);
        let distributor = bench.account(bench.root.id, Kind::Distributor, "D").await.id;
        let partner = bench.account(distributor, Kind::Partner, "P").await.id;
        let customer = bench.account(partner, Kind::Customer, "C").await.id;
        for (payer, price) in [(distributor, "0.03"), (partner, "0.05")] {
            let of_branch = list(payer, target(), "2026-01-01", &[(1, price)]);
            priced(&bench, NewPriceList { billed: Billed::Branch, ..of_branch }).await;
        }
        priced(&bench, list(partner, target(), "2026-01-01", &[(1, "0.10")])).await;
        for (account, seats) in [(partner, 2), (customer, 10)] {
            ordered(&bench, product, account, seats).await;
        }
        at(&bench, "2026-02-01T09:00");
        close(&bench, "2026-01").await;

        // What the distributor is billed, told apart by whose use it is.
        let table = "who,what,how many,sum\nC,Paint,310,9.30\nP,Paint,62,1.86\n";
        let own = Reconcile { branch: false, ..asked(distributor, "2026-01", Some(Item::Product), table) };
        assert_eq!(all(&reconciled(&bench, &own).await), [
            row(Outcome::Matched, "C", "Paint", ["310", "310", "9.3", "9.3"]),
            row(Outcome::Matched, "P", "Paint", ["62", "62", "1.86", "1.86"]),
        ]);
        // What everybody is billed, by whose bill it is: no seat is there twice in one.
        let table = "who,what,how many,sum\nD,Paint,372,11.16\nP,Paint,372,18.60\nC,Paint,310,31\n";
        assert_eq!(all(&reconciled(&bench, &asked(bench.root.id, "2026-01", Some(Item::Product), table)).await), [
            row(Outcome::Matched, "D", "Paint", ["372", "372", "11.16", "11.16"]),
            row(Outcome::Matched, "P", "Paint", ["372", "372", "18.6", "18.6"]),
            row(Outcome::Matched, "C", "Paint", ["310", "310", "31", "31"]),
        ]);
        // All in one sum, and what is in the branch alone.
        let mut total = asked(partner, "2026-01", None, "sum\n18.60\n31\n");
        total.columns.account = None;
        assert_eq!(all(&reconciled(&bench, &total).await), [row(Outcome::Matched, "", "", ["", "", "49.6", "49.6"])]);

        // A customer that went elsewhere is still the one of the statement, but its name is none of the branch any more.
        let away = MoveAccount { account: customer, parent: bench.root.id };
        bench.write(move |tx, cx| account::move_to(tx, cx, &away)).await.expect("moved");
        let by_id = Reconcile { table: format!("who,what,how many,sum\n{customer},Paint,310,9.30\nC,Paint,0,0\n").into(), ..own };
        assert_eq!(all(&reconciled(&bench, &by_id).await), [
            row(Outcome::Unknown, "", "Paint", ["0", "-", "0", "-"]),
            row(Outcome::Missing, "P", "Paint", ["-", "62", "-", "1.86"]),
            row(Outcome::Matched, "", "Paint", ["310", "310", "9.3", "9.3"]),
        ]);
    }

    meters_and_their_keys_are_compared_by_their_figures(bench) {
        let calls = make(&bench, new_meter(&bench, "calls", Aggregation::Sum)).await;
        let keyed = CreateMeter { key_attribute: Some("services".into()), ..new_meter(&bench, "endpoints", Aggregation::Distinct) };
        let endpoints = make(&bench, keyed).await;
        let average = CreateMeter { level_rule: Some(LevelRule::Average), ..new_meter(&bench, "users", Aggregation::Level) };
        let users = make(&bench, average).await;
        let whole = [(calls.id, None, "0.10"), (users.id, None, "3"), (endpoints.id, None, "1"), (endpoints.id, Some("patch"), "0.25")];
        for (meter, key, price) in whole {
            let target = Target::Meter(meter, key.map(str::to_owned));
            priced(&bench, list(bench.root.id, target, "2026-01-01", &[(1, price)])).await;
        }
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        at(&bench, "2026-02-01T09:00");
        let Value::Object(services) = json!({ "services": ["patch"] }) else { panic!() };
        count(&bench, &[
            told("calls", &customer, "1", "2026-01-05T08:00:00Z", "", 82),
            told("users", &customer, "2", "2026-01-31T08:00:00Z", "", 10),
            NewRecord { attributes: services, ..told("endpoints", &customer, "3", "2026-01-04T00:00:00Z", "e-1", 1) },
            told("endpoints", &customer, "4", "2026-01-05T00:00:00Z", "e-2", 1),
        ]).await;
        close(&bench, "2026-01").await;
        let table = "who;what;how many;sum\nC;calls;80;8,20\nC;users;0,32258;0,96774\nC;endpoints;2;2\nC;endpoints/patch;1;0,25\nC;endpoints/backup;1;1\n";
        let cmd = asked(bench.root.id, "2026-01", Some(Item::Meter), table);
        assert_eq!(all(&reconciled(&bench, &cmd).await), [
            row(Outcome::Unknown, "C", "", ["1", "-", "1", "-"]),
            row(Outcome::Under, "C", "calls", ["80", "82", "8.2", "8.2"]),
            row(Outcome::Matched, "C", "users", ["0.32258", "0.32258", "0.96774", "0.96774"]),
            row(Outcome::Matched, "C", "endpoints", ["2", "2", "2", "2"]),
            row(Outcome::Matched, "C", "endpoints/patch", ["1", "1", "0.25", "0.25"]),
        ]);
        // A name may be of one key; amounts go before quantities, and both may differ by what was said.
        let name = RememberName {
            account: bench.root.id,
            system: "crm".into(),
            name: "endpoints/backup".into(),
            bound: Bound::Meter(endpoints.id, "patch".into()),
        };
        bench.write(move |tx, cx| reconcile::remember_name(tx, cx, &name)).await.expect("a name");
        let tolerant = |text: &str| Exact::parse(text).expect("a decimal");
        let cmd = Reconcile { quantity_tolerance: tolerant("2"), amount_tolerance: tolerant("0.99"), ..cmd };
        let rows = reconciled(&bench, &cmd).await;
        assert_eq!(all(&rows)[0], row(Outcome::Over, "C", "endpoints/patch", ["2", "1", "1.25", "0.25"]));
        assert_eq!((rows[0].rows, rows[0].line), (2, Some(5)));
        assert!(all(&rows)[1..].iter().all(|(outcome, ..)| *outcome == Outcome::Matched));
        // Lines that are of no license are not compared by it.
        let none = Reconcile { table: "who,what,how many,sum\n".into(), ..asked(bench.root.id, "2026-01", Some(Item::License), "") };
        assert_eq!(reconciled(&bench, &none).await, vec![]);
    }

    adjustments_are_counted_in_or_left_out(bench) {
        let product = bench.product("Paint").await.id;
        let target = || Target::Product(product);
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await.id;
        let first = priced(&bench, list(bench.root.id, target(), "2026-01-01", &[(1, "1")])).await;
        ordered(&bench, product, customer, 1).await;
        at(&bench, "2026-02-01T09:00");
        close(&bench, "2026-01").await;
        // In February it is found that a seat cost half from the 16th of January on.
        end(&bench, &first, "2026-01-16").await.expect("ended");
        priced(&bench, list(bench.root.id, target(), "2026-01-16", &[(1, "0.50")])).await;
        at(&bench, "2026-03-01T09:00");
        close(&bench, "2026-02").await;
        let bill = &statements(&bench, customer).await[1];
        let total = bill.said().expect("a document").totals.remove(0).amount;
        assert_eq!(total.money(), "6.00");
        let with = asked(bench.root.id, "2026-02", Some(Item::Product), "who,what,how many,sum\nC,Paint,28,6.00\n");
        assert_eq!(all(&reconciled(&bench, &with).await), [row(Outcome::Matched, "C", "Paint", ["28", "28", "6", "6"])]);
        let without = Reconcile { adjustments: false, ..with };
        assert_eq!(all(&reconciled(&bench, &without).await), [row(Outcome::Under, "C", "Paint", ["28", "28", "6", "14"])]);
    }

    currencies_are_kept_apart(bench) {
        let (euro, dollar) = (bench.product("Paint").await.id, bench.product("Draw").await.id);
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await.id;
        priced(&bench, list(bench.root.id, Target::Product(euro), "2026-01-01", &[(1, "1")])).await;
        let in_dollars = NewPriceList { currency: "USD".into(), ..list(bench.root.id, Target::Product(dollar), "2026-01-01", &[(1, "2")]) };
        priced(&bench, in_dollars).await;
        for product in [euro, dollar] {
            ordered(&bench, product, customer, 1).await;
        }
        at(&bench, "2026-02-01T09:00");
        close(&bench, "2026-01").await;
        let cmd = asked(bench.root.id, "2026-01", None, "who,sum,in\nC,31,EUR\nC,60,USD\n");
        let refused = try_reconciled(&bench, &cmd).await.expect_err("which currency?");
        assert!(matches!(refused, Error::Refused(Refusal::Malformed { field: "currency", .. })), "{refused}");
        let mut told = cmd.clone();
        told.columns.currency = Some("in".into());
        let (kept, rows) = try_reconciled(&bench, &told).await.expect("a reconciliation");
        assert_eq!(all(&rows), [
            row(Outcome::Under, "C", "", ["", "", "60", "62"]),
            row(Outcome::Matched, "C", "", ["", "", "31", "31"]),
        ]);
        let totals: Vec<_> = kept.summary.totals.iter().map(|total| (total.currency.as_deref(), total.amount.difference().money())).collect();
        assert_eq!(totals, [(Some("EUR"), "0.00".to_owned()), (Some("USD"), "-2.00".to_owned())]);
        // In one currency: what is in the other is missing.
        let one = Reconcile { currency: Some("EUR".into()), table: "who,sum\nC,31\n".into(), ..cmd };
        assert_eq!(all(&reconciled(&bench, &one).await), [
            row(Outcome::Missing, "C", "", ["", "", "-", "62"]),
            row(Outcome::Matched, "C", "", ["", "", "31", "31"]),
        ]);
    }

    a_name_that_two_have_is_nobodys_until_it_is_told(bench) {
        let product = bench.product("Paint").await.id;
        priced(&bench, list(bench.root.id, Target::Product(product), "2026-01-01", &[(1, "1")])).await;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await.id;
        let one = bench.account(partner, Kind::Customer, "Twin").await.id;
        bench.account(partner, Kind::Customer, "Twin").await;
        ordered(&bench, product, one, 1).await;
        at(&bench, "2026-02-01T09:00");
        close(&bench, "2026-01").await;
        let cmd = asked(partner, "2026-01", None, "who,sum\nTwin,31\n");
        let outcomes = |rows: &[ReconciledRow]| rows.iter().map(|row| row.outcome).collect::<Vec<_>>();
        assert_eq!(outcomes(&reconciled(&bench, &cmd).await), [Outcome::Unknown, Outcome::Missing]);
        let by_id = Reconcile { table: format!("who,sum\n{one},31\n").into(), ..cmd.clone() };
        assert_eq!(outcomes(&reconciled(&bench, &by_id).await), [Outcome::Matched]);
        let name = |account| RememberName { account, system: "crm".into(), name: " Twin ".into(), bound: Bound::Account(one) };
        // It is known to whom it was told, and to nobody else.
        let of_root = name(bench.root.id);
        bench.write(move |tx, cx| reconcile::remember_name(tx, cx, &of_root)).await.expect("a name");
        assert_eq!(outcomes(&reconciled(&bench, &cmd).await), [Outcome::Unknown, Outcome::Missing]);
        let of_partner = name(partner);
        let told = survives(&bench, bench.app.system(), move |tx, cx| reconcile::remember_name(tx, cx, &of_partner)).await;
        assert_eq!(outcomes(&reconciled(&bench, &cmd).await), [Outcome::Matched]);
        let again = name(partner);
        let again = bench.write(move |tx, cx| reconcile::remember_name(tx, cx, &again)).await.expect("a name");
        assert_eq!(again.id, told.id);
        survives(&bench, bench.app.system(), move |tx, cx| reconcile::forget_name(tx, cx, told.id)).await;
        assert_eq!(outcomes(&reconciled(&bench, &cmd).await), [Outcome::Unknown, Outcome::Missing]);
        let compared = {
            let cmd = cmd.clone();
            bench.read(move |tx, cx| reconcile::compare(tx, cx, &cmd)).await.expect("a comparison")
        };
        let kept = survives(&bench, bench.app.system(), move |tx, cx| reconcile::keep(tx, cx, &compared)).await;
        survives(&bench, bench.app.system(), move |tx, cx| reconcile::delete_reconciliation(tx, cx, kept.id)).await;
        let open = asked(partner, "2026-02", None, "who,sum\nTwin,31\n");
        assert!(matches!(try_reconciled(&bench, &open).await, Err(Error::Refused(Refusal::Malformed { field: "month", .. }))));
    }

    whatever_a_table_says_each_row_has_its_outcome_and_the_sums_agree(bench) {
        let product = bench.product("Paint").await.id;
        priced(&bench, list(bench.root.id, Target::Product(product), "2026-01-01", &[(1, "0.10")])).await;
        let names: Vec<String> = (0..300).map(|n| format!("Customer {n}")).collect();
        for (seats, name) in (1..).zip(&names) {
            let customer = bench.account(bench.root.id, Kind::Customer, name).await.id;
            if seats <= 40 {
                ordered(&bench, product, customer, seats).await;
            }
        }
        at(&bench, "2026-02-01T09:00");
        close(&bench, "2026-01").await;
        for seed in 1..=3 {
            let mut random = Random::new(seed);
            let mut expected: BTreeMap<Outcome, i64> = BTreeMap::new();
            let mut lines = Vec::new();
            for (seats, name) in (1_i64..).zip(&names) {
                let ours = if seats <= 40 { seats * 31 } else { 0 };
                let (said, outcome) = match random.below(5) {
                    0 if ours > 0 => (None, Outcome::Missing),
                    0 => continue,
                    1 => (Some((name.clone(), ours + 1)), Outcome::Over),
                    2 => (Some((name.clone(), ours - 1)), Outcome::Under),
                    3 => (Some((name.clone(), ours)), Outcome::Matched),
                    _ => (Some((format!("No {name}"), 7)), Outcome::Unknown),
                };
                *expected.entry(outcome).or_default() += 1;
                if outcome == Outcome::Unknown && ours > 0 {
                    *expected.entry(Outcome::Missing).or_default() += 1;
                }
                if let Some((name, days)) = said {
                    let part = i64::try_from(random.below(50)).expect("small");
                    lines.push(format!("{name},Paint,{part},0\n"));
                    lines.push(format!("{name},Paint,{},0\n", days - part));
                }
            }
            for at in (1..lines.len()).rev() {
                lines.swap(at, usize::try_from(random.below(at as u64 + 1)).expect("small"));
            }
            let table = format!("who,what,how many,sum\n{}", lines.concat());
            let mut cmd = asked(bench.root.id, "2026-01", Some(Item::Product), &table);
            cmd.columns.amount = None;
            let (kept, _) = try_reconciled(&bench, &cmd).await.expect("a reconciliation");
            let all = rows(&bench, &kept, None, 0, 10_000).await;
            assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=all.len() as i64).collect::<Vec<_>>());
            for outcome in Outcome::ALL {
                let wanted = expected.get(&outcome).copied().unwrap_or_default();
                assert_eq!(kept.summary.counts.of(outcome), wanted, "seed {seed}, {}", outcome.word());
                // Pages of any size show the same rows, once each.
                let (mut paged, mut after) = (Vec::new(), 0);
                loop {
                    let page = rows(&bench, &kept, Some(outcome), after, 1 + u32::try_from(random.below(120)).expect("small")).await;
                    let Some((last, _)) = page.last() else { break };
                    after = *last;
                    paged.extend(page);
                }
                let of_outcome: Vec<_> = all.iter().filter(|(_, row)| row.outcome == outcome).cloned().collect();
                assert_eq!(paged, of_outcome, "seed {seed}, {}", outcome.word());
            }
            let said: i64 = lines.iter().map(|line| line.split(',').nth(2).and_then(|days| days.parse::<i64>().ok()).expect("days")).sum();
            let sum = |of: fn(Pair) -> Option<Exact>| {
                all.iter().filter_map(|(_, row)| row.quantity.and_then(of)).fold(Exact::ZERO, Exact::plus).to_string()
            };
            assert_eq!(sum(|pair| pair.theirs), said.to_string());
            assert_eq!(sum(|pair| pair.ours), (31 * 40 * 41 / 2).to_string());
            assert_eq!(all.iter().map(|(_, row)| row.rows).sum::<i64>(), kept.summary.table_rows);
        }
    }
}
