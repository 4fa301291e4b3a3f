//! Bills of usage.

use super::{at, check_all, close, day, list, month, preview, priced, read, start, statements, try_priced};
use crate::usage::{count, is_sound, make, meter, new_meter, tell, told};
use lessor_core::account::{self, Account, Kind, MoveAccount};
use lessor_core::billing::{self, NewPriceList, StartClosing, Target};
use lessor_core::metering::{self, Aggregation, CreateMeter, Fate, LevelRule, Meter, NewRecord};
use lessor_core::{Context, Error, Noun, Refusal, Tx};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A price for what a meter shows altogether, from 2026 on.
async fn costs(bench: &Bench, meter: &Meter, tiers: &[(i64, &str)]) {
    priced(bench, list(bench.root.id, Target::Meter(meter.id, None), "2026-01-01", tiers)).await;
}

fn with_services(record: NewRecord, services: &[&str]) -> NewRecord {
    let Value::Object(attributes) = json!({ "services": services }) else { panic!() };
    NewRecord { attributes, ..record }
}

/// The one line, or the one adjustment of a kind, of a meter.
fn line<'a>(bill: &'a Value, meter: &Meter) -> &'a Value {
    let lines = bill["lines"].as_array().expect("lines");
    let mut of_meter = lines.iter().filter(|line| line["meter"] == json!(meter.id.to_string()));
    let found = of_meter.next().unwrap_or_else(|| panic!("no line of {} in {bill}", meter.name));
    assert_eq!(of_meter.next(), None);
    found
}

fn shown(line: &Value) -> [&Value; 4] {
    ["quantity", "tier", "unit_price", "amount"].map(|member| &line[member])
}

/// Month, kind, quantity and amount of adjustments.
pub(super) fn adjusted(bill: &Value) -> Vec<(String, String, Value, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let adjustments = bill["adjustments"].as_array().expect("adjustments").iter();
    let told = |one: &Value| {
        (text(&one["month"]), text(&one["kind"]), one["line"]["quantity"].clone(), text(&one["line"]["amount"]))
    };
    adjustments.map(told).collect()
}

pub(super) fn adjustment(month: &str, kind: &str, quantity: Value, amount: &str) -> (String, String, Value, String) {
    (month.into(), kind.into(), quantity, amount.into())
}

async fn customer(bench: &Bench, name: &str) -> Account {
    bench.account(bench.root.id, Kind::Customer, name).await
}

/// The document of the last statement.
async fn last_bill(bench: &Bench, account: &Account) -> Value {
    read(&statements(bench, account.id).await.last().expect("a statement").document)
}

/// A command that has done all it does, and whose transaction is kept from its end.
struct Held {
    done: JoinHandle<()>,
    release: Sender<()>,
}

impl Held {
    async fn run<F>(bench: &Bench, command: F) -> Self
    where
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<(), Error> + Send + 'static,
    {
        let (release, released) = channel();
        let (began, begun) = channel();
        let (released, began, bench) = (Mutex::new(released), Mutex::new(began), bench.clone());
        let done = tokio::spawn(async move {
            let held = move |tx: &mut dyn Tx, cx: &Context<'_>| {
                command(tx, cx)?;
                began.lock().expect("a lock").send(()).expect("somebody waits");
                released.lock().expect("a lock").recv().expect("a release");
                Ok(())
            };
            bench.write(held).await.expect("a command");
        });
        while begun.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { done, release }
    }

    /// Sees that another does not come to an end before this one.
    async fn see_waited_for<T>(self, other: &JoinHandle<T>) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!other.is_finished(), "it did not wait");
        self.release.send(()).expect("it is held");
        self.done.await.expect("an end");
    }
}

on_both_engines! {
    the_worked_examples_are_billed_by_their_months_and_a_preview_is_what_the_bill_says(bench) {
        let calls = meter(&bench, "calls", Aggregation::Sum).await;
        let keyed = CreateMeter { key_attribute: Some("services".into()), ..new_meter(&bench, "endpoints", Aggregation::Distinct) };
        let endpoints = make(&bench, keyed).await;
        let rule = |rule, name: &str| CreateMeter { level_rule: Some(rule), ..new_meter(&bench, name, Aggregation::Level) };
        let average = make(&bench, rule(LevelRule::Average, "users")).await;
        let last = make(&bench, rule(LevelRule::Last, "seats-held")).await;
        costs(&bench, &calls, &[(1, "0.10"), (50, "0.08")]).await;
        costs(&bench, &endpoints, &[(1, "1.50")]).await;
        priced(&bench, list(bench.root.id, Target::Meter(endpoints.id, Some("patch".into())), "2026-01-01", &[(1, "0.25")])).await;
        costs(&bench, &average, &[(1, "3"), (3, "2")]).await;
        costs(&bench, &last, &[(1, "1")]).await;
        let customer = customer(&bench, "C").await;
        at(&bench, "2026-04-01T09:00");
        count(&bench, &[
            told("calls", &customer, "1", "2026-03-01T08:00:00Z", "", 40),
            told("calls", &customer, "2", "2026-03-01T23:59:59Z", "", 2),
            told("calls", &customer, "3", "2026-03-02T00:00:00Z", "", 100),
            NewRecord { corrects: Some("3".into()), ..told("calls", &customer, "4", "2026-03-02T00:00:00Z", "", -60) },
            told("calls", &customer, "5", "2026-04-01T00:00:00Z", "", 7),
            with_services(told("endpoints", &customer, "6", "2026-03-04T00:00:00Z", "e-1", 1), &["backup"]),
            with_services(told("endpoints", &customer, "7", "2026-03-09T00:00:00Z", "e-1", 1), &["backup", "patch"]),
            with_services(told("endpoints", &customer, "8", "2026-03-09T00:00:00Z", "e-2", 1), &["patch"]),
            told("users", &customer, "9", "2026-02-27T08:00:00Z", "", 2),
            told("users", &customer, "10", "2026-03-11T08:00:00Z", "", 3),
            told("users", &customer, "11", "2026-03-30T08:00:00Z", "", 0),
            told("seats-held", &customer, "12", "2026-01-30T08:00:00Z", "", 4),
        ]).await;
        close(&bench, "2026-02").await;
        let shown_before = preview(&bench, customer.id, "2026-03").await.expect("something to bill");
        close(&bench, "2026-03").await;
        let bills = statements(&bench, customer.id).await;
        assert_eq!(bills.last().map(|bill| &bill.document), Some(&shown_before));

        let bill = read(&shown_before);
        let of_calls = line(&bill, &calls);
        assert_eq!(shown(of_calls), [&json!(82), &json!("50+"), &json!("0.08"), &json!("6.56")]);
        assert_eq!((&of_calls["meter_name"], &of_calls["unit"], &of_calls["key"]), (&json!("calls"), &json!("units"), &Value::Null));
        assert_eq!(of_calls["details"], json!([
            { "from": "2026-03-01", "to": "2026-03-01", "figure": 42 },
            { "from": "2026-03-02", "to": "2026-03-02", "figure": 40 },
        ]));
        // What a meter shows altogether and what it shows of a key are two figures.
        let of_endpoints: Vec<_> = bill["lines"].as_array().expect("lines").iter()
            .filter(|line| line["meter_name"] == "endpoints").map(|line| (&line["key"], &line["quantity"], &line["amount"])).collect();
        assert_eq!(of_endpoints, [(&Value::Null, &json!(2), &json!("3.00")), (&json!("patch"), &json!(2), &json!("0.50"))]);
        // 2 on ten days, 3 on nineteen, 0 on two: 77 in 31 days, which are 2.48387, and 3 by their tier.
        let of_users = line(&bill, &average);
        assert_eq!(shown(of_users), [&json!("2.48387"), &json!("3+"), &json!("2.00"), &json!("4.96774")]);
        assert_eq!((&of_users["sum"], &of_users["days"]), (&json!(77), &json!(31)));
        assert_eq!(of_users["details"], json!([
            { "from": "2026-03-01", "to": "2026-03-10", "figure": 2 },
            { "from": "2026-03-11", "to": "2026-03-29", "figure": 3 },
        ]));
        let held = line(&bill, &last);
        assert_eq!(shown(held), [&json!(4), &json!("1+"), &json!("1.00"), &json!("4.00")]);
        assert_eq!(held["details"], json!([{ "from": "2026-03-01", "to": "2026-03-31", "figure": 4 }]));
        assert_eq!(bill["totals"], json!([{ "currency": "EUR", "amount": "19.02774", "minor_units": 1903 }]));
        assert_eq!(read(&bills[0].document)["lines"].as_array().map(Vec::len), Some(2), "February: levels");
        check_all(&bench, customer.id).await;
    }

    what_comes_late_becomes_an_adjustment_and_changes_no_closed_statement(bench) {
        let calls = meter(&bench, "calls", Aggregation::Sum).await;
        let endpoints = meter(&bench, "endpoints", Aggregation::Distinct).await;
        let users = make(&bench, CreateMeter { level_rule: Some(LevelRule::Average), ..new_meter(&bench, "users", Aggregation::Level) }).await;
        costs(&bench, &calls, &[(1, "1"), (11, "0.50")]).await;
        costs(&bench, &endpoints, &[(1, "2")]).await;
        costs(&bench, &users, &[(1, "31")]).await;
        let (customer, other) = (customer(&bench, "C").await, customer(&bench, "Other").await);
        at(&bench, "2026-02-01T09:00");
        count(&bench, &[
            told("calls", &customer, "1", "2026-01-10T00:00:00Z", "", 10),
            told("endpoints", &customer, "2", "2026-01-09T00:00:00Z", "e-1", 1),
            told("users", &customer, "3", "2026-01-31T00:00:00Z", "", 5),
            told("calls", &other, "4", "2026-01-10T00:00:00Z", "", 3),
        ]).await;
        close(&bench, "2026-01").await;
        let january = statements(&bench, customer.id).await;
        assert_eq!(read(&january[0].document)["totals"][0]["amount"], json!("17.00"));

        // Of January, in February: two calls more, an endpoint two days earlier than it was known, and users on the 30th.
        at(&bench, "2026-02-10T09:00");
        count(&bench, &[
            told("calls", &customer, "late-1", "2026-01-20T00:00:00Z", "", 2),
            told("endpoints", &customer, "late-2", "2026-01-07T00:00:00Z", "e-1", 1),
            told("users", &customer, "late-3", "2026-01-30T00:00:00Z", "", 1),
        ]).await;
        at(&bench, "2026-03-01T09:00");
        check_all(&bench, customer.id).await;
        let expected = preview(&bench, customer.id, "2026-02").await.expect("a bill");
        close(&bench, "2026-02").await;
        assert_eq!(statements(&bench, customer.id).await[..1], january);
        assert_eq!(statements(&bench, customer.id).await[1].document, expected);
        let bill = read(&expected);
        assert_eq!(adjusted(&bill), [
            adjustment("2026-01", "retracted", json!(10), "-10.00"),
            adjustment("2026-01", "retracted", json!("0.16129"), "-5.00"),
            adjustment("2026-01", "added", json!(12), "6.00"),
            adjustment("2026-01", "added", json!("0.19355"), "6.00"),
        ]);
        // Five users on each of 28 days, at 31 a user.
        assert_eq!(shown(line(&bill, &users)), [&json!("5"), &json!("1+"), &json!("31.00"), &json!("155.00")]);
        assert_eq!(statements(&bench, other.id).await.len(), 1, "nothing of another account's is late");

        // Later still, users of the last of January: that changes January's and February's average; and two of March come.
        at(&bench, "2026-04-01T09:00");
        count(&bench, &[
            told("users", &customer, "late-4", "2026-01-31T12:00:00Z", "", 6),
            told("calls", &customer, "5", "2026-03-31T00:00:00Z", "", 1),
        ]).await;
        close(&bench, "2026-03").await;
        let bill = last_bill(&bench, &customer).await;
        assert_eq!(adjusted(&bill), [
            adjustment("2026-01", "retracted", json!("0.19355"), "-6.00"),
            adjustment("2026-01", "added", json!("0.22581"), "7.00"),
            adjustment("2026-02", "retracted", json!("5"), "-155.00"),
            adjustment("2026-02", "added", json!("6"), "186.00"),
        ]);
        assert_eq!(bill["totals"][0]["amount"], json!("219.00"));
        check_all(&bench, customer.id).await;
        check_all(&bench, other.id).await;
        is_sound(&bench).await;
    }

    levels_that_come_to_nothing_altogether_are_told_by_day_before_and_after_a_late_one(bench) {
        let users = make(&bench, new_meter(&bench, "users", Aggregation::Level)).await;
        costs(&bench, &users, &[(1, "1")]).await;
        let customer = customer(&bench, "C").await;
        at(&bench, "2026-03-01T09:00");
        let report = |id: &str, day: &str, value| told("users", &customer, id, &format!("2026-{day}T08:00:00Z"), "", value);
        count(&bench, &[report("1", "01-31", 5)]).await;
        count(&bench, &[report("2", "02-03", 6), report("3", "02-04", 4), report("4", "02-05", 5)]).await;
        close(&bench, "2026-02").await;
        let bill = last_bill(&bench, &customer).await;
        assert_eq!(shown(line(&bill, &users)), [&json!("5"), &json!("1+"), &json!("1.00"), &json!("5.00")]);
        let days = |from: &str, to: &str, figure: i64| json!({ "from": format!("2026-02-{from}"), "to": format!("2026-02-{to}"), "figure": figure });
        let details = [days("01", "02", 5), days("03", "03", 6), days("04", "04", 4), days("05", "28", 5)];
        assert_eq!(line(&bill, &users)["details"], json!(details));
        count(&bench, &[report("5", "02-10", 7)]).await;
        check_all(&bench, customer.id).await;
    }

    what_comes_while_a_month_is_being_closed_is_in_its_bill_or_in_the_next(bench) {
        let calls = meter(&bench, "calls", Aggregation::Sum).await;
        let users = make(&bench, new_meter(&bench, "users", Aggregation::Level)).await;
        costs(&bench, &calls, &[(1, "1")]).await;
        costs(&bench, &users, &[(1, "1")]).await;
        let mut customers = Vec::new();
        for n in 0..6 {
            customers.push(customer(&bench, &format!("C{n}")).await);
        }
        at(&bench, "2026-02-01T09:00");
        // Twelve tell, one begins to close, one goes on with it: all at once.
        let outcomes = bench.all_at_once(14, |n| {
            let (bench, customers) = (bench.clone(), customers.clone());
            async move {
                match n {
                    6 => assert!(start(&bench, "2026-01").await.is_ok()),
                    7 => for _ in 0..8 {
                        bench.write(billing::close_some).await.expect("a stretch");
                    },
                    _ => for (at, customer) in customers.iter().enumerate() {
                        let id = format!("{n}-{at}");
                        let time = format!("2026-01-{:02}T12:{n:02}:00Z", at + 10);
                        let fates = tell(&bench, &[
                            told("calls", customer, &id, &time, "", 1),
                            told("users", customer, &format!("u-{id}"), &time, &format!("s-{n}"), 1),
                        ]).await;
                        assert_eq!(fates, [Fate::Counted, Fate::Counted]);
                    },
                }
            }
        });
        outcomes.await;
        close(&bench, "2026-01").await;
        at(&bench, "2026-03-01T09:00");
        close(&bench, "2026-02").await;
        let mut late = 0;
        for (at, customer) in customers.iter().enumerate() {
            check_all(&bench, customer.id).await;
            // Billed and adjusted is what was told: twelve calls; twelve users from a day of January on, and in all of February.
            let mut sum = 0;
            for bill in statements(&bench, customer.id).await {
                let bill = read(&bill.document);
                late += bill["adjustments"].as_array().map_or(0, Vec::len);
                let lines = bill["lines"].as_array().expect("lines").iter();
                let lines = lines.chain(bill["adjustments"].as_array().expect("adjustments").iter().map(|one| &one["line"]));
                for line in lines.filter(|line| line["meter_name"] == "calls") {
                    sum += line["amount"].as_str().expect("an amount").parse::<f64>().expect("a number") as i64;
                }
            }
            assert_eq!(sum, 12, "{at}");
        }
        println!("{late} adjustments");
        is_sound(&bench).await;
    }

    a_closing_waits_for_those_who_tell_and_those_who_tell_wait_for_a_closing(bench) {
        let calls = meter(&bench, "calls", Aggregation::Sum).await;
        costs(&bench, &calls, &[(1, "1")]).await;
        let customer = customer(&bench, "C").await;
        at(&bench, "2026-02-01T09:00");
        let before = [told("calls", &customer, "1", "2026-01-10T00:00:00Z", "", 3)];
        let telling = Held::run(&bench, move |tx, cx| metering::record(tx, cx, &before).map(|_| ())).await;
        let closing = tokio::spawn({
            let bench = bench.clone();
            async move { start(&bench, "2026-01").await.is_ok() }
        });
        telling.see_waited_for(&closing).await;
        assert!(closing.await.expect("an answer"));
        close(&bench, "2026-01").await;
        assert_eq!(line(&last_bill(&bench, &customer).await, &calls)["quantity"], json!(3));

        at(&bench, "2026-03-01T09:00");
        let cmd = StartClosing { vendor: bench.root.id, month: month("2026-02") };
        let closing = Held::run(&bench, move |tx, cx| billing::start_closing(tx, cx, &cmd).map(|_| ())).await;
        let telling = tokio::spawn({
            let (bench, customer) = (bench.clone(), customer.clone());
            async move { count(&bench, &[told("calls", &customer, "2", "2026-02-10T00:00:00Z", "", 5)]).await }
        });
        closing.see_waited_for(&telling).await;
        telling.await.expect("fates");
        close(&bench, "2026-02").await;
        assert_eq!(statements(&bench, customer.id).await.len(), 1, "it came too late for February");
        at(&bench, "2026-04-01T09:00");
        close(&bench, "2026-03").await;
        assert_eq!(adjusted(&last_bill(&bench, &customer).await), [adjustment("2026-02", "added", json!(5), "5.00")]);
        check_all(&bench, customer.id).await;
    }

    a_month_has_the_price_of_its_last_day_that_of_the_nearest_list(bench) {
        let calls = meter(&bench, "calls", Aggregation::Sum).await;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
        let other = bench.account(bench.root.id, Kind::Partner, "Q").await;
        let customer = bench.account(partner.id, Kind::Customer, "C").await;
        let target = || Target::Meter(calls.id, None);
        priced(&bench, list(bench.root.id, target(), "2026-01-01", &[(1, "5")])).await;
        let own = list(partner.id, target(), "2026-01-15", &[(1, "3")]);
        priced(&bench, NewPriceList { until: Some(day("2026-02-28")), ..own }).await;
        priced(&bench, list(other.id, target(), "2026-03-31", &[(1, "2")])).await;
        at(&bench, "2026-04-01T09:00");
        count(&bench, &[
            told("calls", &customer, "1", "2026-01-02T00:00:00Z", "", 1),
            told("calls", &customer, "2", "2026-02-02T00:00:00Z", "", 1),
            told("calls", &customer, "3", "2026-03-02T00:00:00Z", "", 1),
        ]).await;
        let price = async |month: &str| {
            let bill = read(&preview(&bench, customer.id, month).await.expect("a bill"));
            line(&bill, &calls)["unit_price"].clone()
        };
        assert_eq!(price("2026-01").await, json!("3.00"));
        assert_eq!(price("2026-02").await, json!("5.00"), "the partner's has ended on the last day");
        assert_eq!(price("2026-03").await, json!("5.00"));
        let cmd = MoveAccount { account: customer.id, parent: other.id };
        bench.write(move |tx, cx| account::move_to(tx, cx, &cmd)).await.expect("moved");
        assert_eq!(price("2026-03").await, json!("5.00"), "it stood elsewhere on the last day");
        count(&bench, &[told("calls", &customer, "4", "2026-04-01T00:00:00Z", "", 1)]).await;
        assert_eq!(price("2026-04").await, json!("2.00"));
    }

    what_is_no_price_of_usage_is_refused_and_no_month_is_closed_before_it_is_over_by_a_priced_meter(bench) {
        let calls = meter(&bench, "calls", Aggregation::Sum).await;
        let seats = meter(&bench, "seats", Aggregation::SeatDays).await;
        let far = make(&bench, CreateMeter { time_zone: "Pacific/Honolulu".into(), ..new_meter(&bench, "far", Aggregation::Sum) }).await;
        let root = bench.root.id;
        let of = |meter: &Meter, key: Option<&str>| list(root, Target::Meter(meter.id, key.map(str::to_owned)), "2026-01-01", &[(1, "1")]);
        for (bad, word) in [(of(&seats, None), "product"), (of(&calls, Some("k")), "keys")] {
            let answer = try_priced(&bench, bad).await;
            assert!(matches!(&answer, Err(Error::Refused(Refusal::Malformed { reason, .. })) if reason.contains(word)), "{answer:?}");
        }
        let stranger = bench.other_vendor("Other").await.id;
        let foreign = try_priced(&bench, NewPriceList { account: stranger, ..of(&calls, None) }).await;
        assert!(matches!(foreign, Err(Error::Refused(Refusal::NotFound(Noun::Meter)))), "{foreign:?}");
        priced(&bench, of(&calls, None)).await;
        let again = try_priced(&bench, of(&calls, None)).await;
        assert!(matches!(again, Err(Error::Refused(Refusal::Taken { .. }))), "{again:?}");
        priced(&bench, of(&far, None)).await;
        // Honolulu is ten hours behind.
        at(&bench, "2026-02-01T10:59");
        let early = start(&bench, "2026-01").await;
        assert!(matches!(early, Err(Error::Refused(Refusal::Malformed { field: "month", .. }))), "{early:?}");
        at(&bench, "2026-02-01T11:00");
        start(&bench, "2026-01").await.expect("it is over everywhere");
    }
}
