//! A year of random history through the calls, and reports of usage and bills of it against a model that counts for itself.

use crate::stage::{Stage, price};
use lessor_core::Timestamp;
use lessor_core::identity::session::Lifetimes;
use lessor_core::metering::day::{Day, DayRule, Month};
use lessor_eset::Settings;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// The year that is played, by its months.
const MONTHS: [&str; 12] = [
    "2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10",
    "2026-11", "2026-12",
];
/// The customers of the played company, and what each may order.
const CUSTOMERS: [&str; 2] = ["customer", "other-customer"];
const CODES: [&str; 3] = ["111", "211", "300"];
/// How often something happens.
const STEPS: usize = 220;

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What a license was from an instant on.
#[derive(Clone, Copy)]
struct Stretch {
    from: Timestamp,
    quantity: i64,
    suspended: bool,
}

struct Played {
    key: String,
    customer: &'static str,
    code: &'static str,
    stretches: Vec<Stretch>,
}

impl Played {
    fn now(&self) -> Stretch {
        *self.stretches.last().expect("it was ordered")
    }

    /// Seats on a day: those of the last moment at which it was not suspended.
    fn seats_on(&self, rule: &DayRule, day: Day) -> i64 {
        let (from, to) = (rule.start(day), rule.end(day));
        let ends = self.stretches.iter().skip(1).map(|next| next.from).chain([Timestamp::from_micros(i64::MAX)]);
        let in_day = self.stretches.iter().zip(ends).filter(|(stretch, end)| stretch.from < to && *end > from);
        in_day.filter(|(stretch, _)| !stretch.suspended).last().map_or(0, |(stretch, _)| stretch.quantity)
    }
}

/// The license that the stage has from the beginning.
fn first(now: Timestamp) -> Played {
    let stretches = vec![Stretch { from: now, quantity: 2, suspended: false }];
    Played { key: crate::stage::KEY.into(), customer: "other-customer", code: "107", stretches }
}

async fn step(stage: &Stage, token: &str, chance: &mut Chance, played: &mut Vec<Played>) {
    let now = stage.world.bench.app.now();
    let quantity = i64::try_from(chance.below(30)).expect("a number") + 1;
    let which = usize::try_from(chance.below(7)).expect("a number");
    let (customer, code) = (CUSTOMERS[which % 2], CODES[which % 3]);
    let known = played.iter().position(|one| one.customer == customer && one.code == code);
    let Some(known) = known else {
        let body = json!({ "quantity": quantity, "productCode": code, "customerId": stage.world.company(customer).id.0, "licenseType": 1 });
        let answer = stage.world.post(token, "License/Order", body).await.ok();
        let key = answer["publicLicenseKey"].as_str().expect("a key").to_owned();
        played.push(Played { key, customer, code, stretches: vec![Stretch { from: now, quantity, suspended: false }] });
        return;
    };
    let license = &mut played[known];
    let before = license.now();
    let after = match chance.below(3) {
        0 if before.suspended => Stretch { suspended: false, from: now, ..before },
        0 => Stretch { suspended: true, from: now, ..before },
        _ if before.suspended || before.quantity == quantity => return,
        _ => Stretch { quantity, from: now, ..before },
    };
    let (call, body) = match (before.suspended, after.suspended) {
        (false, true) => ("License/Suspend", json!({ "publicLicenseKey": license.key })),
        (true, false) => ("License/Unsuspend", json!({ "publicLicenseKey": license.key })),
        _ => ("License/UpdateQuantity", json!({ "publicLicenseKey": license.key, "quantity": quantity })),
    };
    stage.world.post(token, call, body).await.ok();
    license.stretches.push(after);
}

/// What the model says of one license in a month: the sum of its days, and its seats at the end.
fn model(played: &Played, rule: &DayRule, month: Month) -> (Vec<i64>, i64) {
    let days = (0..month.days()).map(|n| played.seats_on(rule, month.first().plus(n))).collect();
    let end = rule.end(month.last());
    let last = played.stretches.iter().rfind(|stretch| stretch.from < end);
    (days, last.filter(|last| !last.suspended).map_or(0, |last| last.quantity))
}

fn number(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("no {name}: {value}"))
}

on_both_engines! {
    a_year_of_random_history_is_reported_and_billed_to_the_last_unit(bench) {
        let lifetimes = Lifetimes { access_seconds: 500 * 86_400, whole_seconds: 500 * 86_400 };
        let stage = Stage::with(&bench, Settings { lifetimes, ..Settings::new("") }).await;
        price(&stage, &["msp"], "111").await;
        let (msp, distributor) = (stage.world.token("msp").await, stage.world.token("distributor").await);
        let rule = DayRule::new("Europe/Prague", 30).expect("a zone");
        let mut chance = Chance(20_260_101);
        let mut played = vec![first(bench.app.now())];
        for _ in 0..STEPS {
            // Three days at most: now and then several things happen on one.
            bench.pass_seconds(i64::try_from(chance.below(3 * 86_400)).expect("a number") + 1);
            step(&stage, &msp, &mut chance, &mut played).await;
        }
        let end = Timestamp::parse("2027-01-02T00:00:00Z").expect("an instant");
        bench.pass_seconds((end.seconds() - bench.app.now().seconds()).max(1));
        assert!(played.iter().map(|one| one.stretches.len()).sum::<usize>() > 100, "too little has happened");

        for text in MONTHS {
            let month = Month::parse(text).expect("a month");
            let (from, to) = (month.first().to_string(), month.last().to_string());
            let counted: Vec<_> = played.iter().map(|one| (one, model(one, &rule, month))).collect();
            let (mut all_days, mut all_seats) = (0, 0);
            for customer in CUSTOMERS {
                let id = stage.world.company(customer).id.0;
                let body = json!({ "companyId": id, "from": from, "to": to });
                let daily = stage.world.post(&msp, "UsageReport/Daily/products", body.clone()).await.ok();
                let items = daily["products"].as_array().expect("items");
                let own = || counted.iter().filter(|(one, (days, seats))| {
                    one.customer == customer && (days.iter().sum::<i64>() > 0 || *seats > 0)
                });
                assert_eq!(items.len(), own().count(), "{customer} {text}");
                for (one, (days, seats)) in own() {
                    let item = items.iter().find(|item| item["code"] == one.code).expect("an item");
                    let shown: Vec<i64> = item["usagePerDays"].as_array().expect("days").iter().map(|day| number(day, "usage")).collect();
                    assert_eq!(shown, *days, "{customer} {} {text}", one.code);
                    assert_eq!(number(item, "seatDays"), days.iter().sum::<i64>());
                    assert_eq!(number(item, "seats"), *seats, "{customer} {} {text}", one.code);
                    (all_days, all_seats) = (all_days + days.iter().sum::<i64>(), all_seats + seats);
                }
                let monthly = stage.world.post(&msp, "UsageReport/Monthly/products", body).await.ok();
                assert_eq!(number(&monthly, "totalUsage"), number(&daily, "totalUsage"));
            }
            let body = json!({ "companyIds": [stage.world.company("msp").id.0], "from": from, "to": to });
            let whole = stage.world.post(&distributor, "UsageReport/SelectedCompanies/categories", body).await.ok();
            let whole = &whole["companies"][0];
            assert_eq!((number(whole, "totalUsage"), number(whole, "totalSeats")), (all_days, all_seats), "{text}");

            let body = json!({ "companyId": stage.world.company("msp").id.0, "year": &text[..4], "month": &text[5..] });
            let bill = stage.world.post(&distributor, "BillingReport/SingleManagedCompany", body).await.ok();
            let bill = &bill["report"][0]["categories"][0];
            assert_eq!((number(bill, "seatDays"), number(bill, "seats")), (all_days, all_seats), "{text}");
            let average = all_days.div_euclid(month.days()) + i64::from(all_days % month.days() > 0);
            let (tier, thousandths) = if average < 25 { ("1-24", 40) } else { ("25+", 35) };
            assert_eq!(bill["tier"], tier, "{text}");
            let total = (all_days * thousandths) as f64 / 1_000.0;
            assert!((bill["totalSource"].as_f64().expect("a number") - total).abs() < 1e-9, "{text}: {bill} {total}");
        }
    }
}
