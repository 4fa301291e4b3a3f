//! Whatever happens in whatever order: a preview says what the bill says, a closed statement is made of the same facts for
//! ever, and what was billed and adjusted of a month is what it costs by a plain count of all that is known in the end.

use super::{check_all, close, day, list, ordered, preview, statements, try_priced};
use crate::usage::{is_sound, make, new_meter, tell, told};
use lessor_core::account::{self, Account, Kind, MoveAccount};
use lessor_core::billing::{self, Amount, Billed, EndPriceList, NewPriceList, PriceList, Target};
use lessor_core::license::ChangeLicense;
use lessor_core::metering::day::{Day, DayRule, Month};
use lessor_core::metering::{Aggregation, CreateMeter, Fate, LevelRule, Meter, NewRecord};
use lessor_core::{AccountId, LicenseId, ProductId, Timestamp};
use lessor_testkit::random::Random;
use lessor_testkit::{Bench, on_both_engines};
use std::collections::{BTreeMap, BTreeSet};

const MONTHS: [&str; 4] = ["2026-01", "2026-02", "2026-03", "2026-04"];

/// All that happened, kept the plain way.
struct World {
    product: ProductId,
    meters: Vec<Meter>,
    /// The vendor first, then partners, then customers.
    accounts: Vec<Account>,
    licenses: Vec<(LicenseId, AccountId)>,
    /// From when on a license had how many seats, and an account stood below another.
    seats: BTreeMap<(LicenseId, Day), i64>,
    parents: BTreeMap<(AccountId, Day), AccountId>,
    records: Vec<NewRecord>,
    lists: Vec<PriceList>,
}

/// A whole number of a thing.
fn small(number: u64) -> i64 {
    i64::try_from(number).expect("small")
}

fn pick<'a, T>(random: &mut Random, of: &'a [T]) -> &'a T {
    &of[usize::try_from(random.below(of.len() as u64)).expect("small")]
}

fn today(bench: &Bench) -> Day {
    DayRule::utc().day_of(bench.app.now())
}

impl World {
    async fn new(bench: &Bench) -> Self {
        let product = bench.product("Paint").await.id;
        let mut meters = Vec::new();
        for (name, aggregation) in [
            ("calls", Aggregation::Sum),
            ("endpoints", Aggregation::Distinct),
            ("users", Aggregation::Level),
            ("places", Aggregation::Level),
        ] {
            let level_rule = match name {
                "users" => Some(LevelRule::Average),
                "places" => Some(LevelRule::Last),
                _ => None,
            };
            meters.push(make(bench, CreateMeter { level_rule, ..new_meter(bench, name, aggregation) }).await);
        }
        let mut accounts = vec![bench.root.clone()];
        for name in ["P", "Q"] {
            accounts.push(bench.account(bench.root.id, Kind::Partner, name).await);
        }
        for (name, parent) in [("A", 1), ("B", 1), ("C", 2)] {
            accounts.push(bench.account(accounts[parent].id, Kind::Customer, name).await);
        }
        let first = day("2026-01-01");
        let parents = accounts[1..].iter().filter_map(|one| Some(((one.id, first), one.parent?))).collect();
        let (licenses, seats, records, lists) = (Vec::new(), BTreeMap::new(), Vec::new(), Vec::new());
        let mut world = Self { product, meters, accounts, licenses, seats, parents, records, lists };
        for at in [1, 3, 4, 5] {
            let account = world.accounts[at].id;
            let license = ordered(bench, product, account, 3).await;
            world.licenses.push((license, account));
            world.seats.insert((license, first), 3);
        }
        for target in world.targets() {
            world.price(bench, list(bench.root.id, target, "2026-01-01", &[(1, "2"), (10, "1.50")])).await;
        }
        world
    }

    fn targets(&self) -> Vec<Target> {
        let meters = self.meters.iter().map(|meter| Target::Meter(meter.id, None));
        std::iter::once(Target::Product(self.product)).chain(meters).collect()
    }

    async fn price(&mut self, bench: &Bench, new: NewPriceList) {
        if let Ok(list) = try_priced(bench, new).await {
            self.lists.push(list);
        }
    }

    /// Something happens.
    async fn step(&mut self, bench: &Bench, random: &mut Random) {
        let today = today(bench);
        let some_day = |random: &mut Random| day("2026-01-01").plus(small(random.below(150)));
        match random.below(10) {
            0 => {
                let (license, _) = *pick(random, &self.licenses);
                let seats = small(random.below(12));
                let mut change = ChangeLicense::of(license);
                change.terms.activation_limit = Some(seats);
                bench.change(change).await.expect("a change");
                self.seats.insert((license, today), seats);
            }
            1 => {
                let account = pick(random, &self.accounts[3..]).id;
                let parent = pick(random, &self.accounts[..3]).id;
                let cmd = MoveAccount { account, parent };
                bench.write(move |tx, cx| account::move_to(tx, cx, &cmd)).await.expect("moved");
                self.parents.insert((account, today), parent);
            }
            2 | 3 => {
                let account = pick(random, &self.accounts).id;
                let price = |random: &mut Random| format!("{}.{:02}", random.below(4), random.below(100));
                let tiers = [(1, price(random)), (small(random.between(2, 30)), price(random))];
                let tiers: Vec<(i64, &str)> = tiers.iter().map(|(from, price)| (*from, price.as_str())).collect();
                let billed = if random.chance(40) { Billed::Branch } else { Billed::Account };
                let from = some_day(random);
                let until = random.chance(30).then(|| from.plus(small(random.between(1, 60))));
                let new = list(account, pick(random, &self.targets()).clone(), &from.to_string(), &tiers);
                let discount = small(random.below(5)) * 500;
                self.price(bench, NewPriceList { billed, until, discount, ..new }).await;
            }
            4 => {
                let at = usize::try_from(random.below(self.lists.len() as u64)).expect("small");
                let until = some_day(random).max(self.lists[at].from);
                let cmd = EndPriceList { price_list: self.lists[at].id, until };
                if let Ok(ended) = bench.write(move |tx, cx| billing::end_price_list(tx, cx, &cmd)).await {
                    self.lists[at] = ended;
                }
            }
            _ => self.tell(bench, random).await,
        }
    }

    /// Some records, of any time until now.
    async fn tell(&mut self, bench: &Bench, random: &mut Random) {
        let start = Timestamp::parse("2026-01-01T00:00:00Z").expect("an instant");
        let minutes = (bench.app.now().seconds() - start.seconds()) / 60;
        let mut new = Vec::new();
        for _ in 0..random.between(1, 6) {
            let n = self.records.len() + new.len();
            let (meter, account) = (pick(random, &self.meters), pick(random, &self.accounts[1..]));
            // Each at an instant of its own.
            let ago = small(random.below(minutes.unsigned_abs())).min(small(random.below(minutes.unsigned_abs())));
            let at = bench.app.now().plus_minutes(-ago).max(start).plus_micros(small(n as u64));
            let subject = format!("s-{}", random.below(3));
            let value = if meter.aggregation == Aggregation::Distinct { 1 } else { small(random.below(20)) };
            let takes_back = meter.aggregation == Aggregation::Sum && random.chance(20);
            let record = told(&meter.name, account, &format!("r-{n}"), "2026-01-01T00:00:00Z", &subject, value);
            let (value, corrects) = if takes_back { (-value, Some("r".into())) } else { (value, None) };
            new.push(NewRecord { at, value, corrects, ..record });
        }
        assert_eq!(tell(bench, &new).await, vec![Fate::Counted; new.len()]);
        self.records.extend(new);
    }

    /// An account and all above it at the end of a day.
    fn line(&self, account: AccountId, day: Day) -> Vec<AccountId> {
        let mut line = vec![account];
        while let Some((_, parent)) =
            self.parents.range((line[line.len() - 1], day_one())..=(line[line.len() - 1], day)).next_back()
        {
            line.push(*parent);
        }
        line
    }

    fn list_at(&self, account: AccountId, billed: Billed, target: &Target, day: Day) -> Option<&PriceList> {
        let mut fit = self.lists.iter().filter(|list| {
            list.account == account && list.billed == billed && list.target == *target && list.applies(day)
        });
        fit.next()
    }

    /// The list by which `payer` pays on a day for what an account has: for its own, or for its branch.
    fn paid(&self, payer: AccountId, account: AccountId, target: &Target, day: Day) -> Option<&PriceList> {
        let line = self.line(account, day);
        match self.list_at(payer, Billed::Branch, target, day) {
            Some(list) => line.contains(&payer).then_some(list),
            None if payer != account => None,
            None => line.iter().find_map(|above| self.list_at(*above, Billed::Account, target, day)),
        }
    }

    /// What a payer owes for a month, in hundred-thousandths.
    fn costs(&self, payer: AccountId, month: Month) -> i128 {
        let days = i128::from(month.days());
        let mut owed = 0;
        for target in self.targets() {
            // Payer's list, whose, how much, divided by what.
            let mut used: Vec<(&PriceList, AccountId, i128)> = Vec::new();
            let mut divisor = 1;
            if let Target::Meter(id, _) = &target {
                let meter = self.meters.iter().find(|meter| meter.id == *id).expect("a meter");
                for account in &self.accounts {
                    let (figure, by) = self.figure(meter, account, month);
                    divisor = by;
                    used.extend(
                        self.paid(payer, account.id, &target, month.last()).map(|list| (list, account.id, figure)),
                    );
                }
            } else {
                for number in month.first().number()..=month.last().number() {
                    let day = Day::from_number(number);
                    for (license, account) in &self.licenses {
                        let mut changes = self.seats.range((*license, day_one())..=(*license, day));
                        let seats = changes.next_back().map_or(0, |(_, seats)| i128::from(*seats));
                        used.extend(self.paid(payer, *account, &target, day).map(|list| (list, *account, seats)));
                    }
                }
            }
            for billed in [Billed::Account, Billed::Branch] {
                let alike: Vec<_> = used.iter().filter(|(list, ..)| list.billed == billed).collect();
                let sum: i128 = alike.iter().map(|(.., figure)| figure).sum();
                let by = if matches!(target, Target::Product(_)) { days } else { divisor };
                let whole = sum.div_euclid(by) + i128::from(sum.rem_euclid(by) > 0);
                for (list, _, figure) in alike {
                    let price = list
                        .tiers
                        .iter()
                        .rev()
                        .find(|tier| i128::from(tier.from) <= whole)
                        .unwrap_or(&list.tiers[0])
                        .price;
                    let exact = price.parts() * figure * i128::from(10_000 - list.discount);
                    let by = 10_000 * divisor;
                    let rounded = (2 * exact.abs() + by) / (2 * by);
                    owed += if exact < 0 { -rounded } else { rounded };
                }
            }
        }
        owed
    }

    /// What a meter shows of an account's month, counted the plain way, and what that is divided by.
    fn figure(&self, meter: &Meter, account: &Account, month: Month) -> (i128, i128) {
        let id = Some(account.id.to_string());
        let own: Vec<(Day, &NewRecord)> = self
            .records
            .iter()
            .filter(|record| record.account == id && record.meter == meter.name)
            .map(|record| (meter.days.day_of(record.at), record))
            .collect();
        let of_month = || own.iter().filter(|(day, _)| day.month() == month).map(|(_, record)| record);
        let subjects: BTreeSet<&str> = own.iter().map(|(_, record)| record.subject.as_str()).collect();
        let level = |number: i64| -> i128 {
            let until = |subject: &str| {
                let before = own.iter().filter(|(day, record)| day.number() <= number && record.subject == subject);
                before.max_by_key(|(_, record)| record.at).map_or(0, |(_, record)| i128::from(record.value))
            };
            subjects.iter().map(|subject| until(subject)).sum()
        };
        match (meter.aggregation, meter.level_rule) {
            (Aggregation::Sum, _) => (of_month().map(|record| i128::from(record.value)).sum(), 1),
            (Aggregation::Distinct, _) => {
                (of_month().map(|record| &record.subject).collect::<BTreeSet<_>>().len() as i128, 1)
            }
            (Aggregation::Level, LevelRule::Last) => (level(month.last().number()), 1),
            (Aggregation::Level, LevelRule::Average) => {
                let days = month.first().number()..=month.last().number();
                (days.map(level).sum(), i128::from(month.days()))
            }
            (Aggregation::SeatDays, _) => unreachable!("it takes no records"),
        }
    }
}

fn day_one() -> Day {
    day("2026-01-01")
}

fn parts(amount: &str) -> i128 {
    let size = Amount::parse(amount.trim_start_matches('-')).expect("an amount").parts();
    if amount.starts_with('-') { -size } else { size }
}

/// What was billed and adjusted, by the month it is of.
async fn billed(bench: &Bench, account: AccountId) -> BTreeMap<String, i128> {
    let mut sums = BTreeMap::new();
    for statement in statements(bench, account).await {
        let bill = super::read(&statement.document);
        let month = |line: &serde_json::Value| line["month"].as_str().expect("a month").to_owned();
        let amount = |line: &serde_json::Value| parts(line["amount"].as_str().expect("an amount"));
        for line in bill["lines"].as_array().expect("lines") {
            *sums.entry(month(&bill)).or_default() += amount(line);
        }
        for adjustment in bill["adjustments"].as_array().expect("adjustments") {
            *sums.entry(month(adjustment)).or_default() += amount(&adjustment["line"]);
        }
    }
    sums
}

async fn lives(bench: &Bench, seed: u64) {
    let mut random = Random::new(seed);
    let mut world = World::new(bench).await;
    for text in MONTHS {
        let month = super::month(text);
        // The first half of the next month is before the closing too.
        for day in 0..month.days() + 10 {
            let noon = Timestamp::parse(&format!("{}T12:00:00Z", month.first().plus(day))).expect("an instant");
            if noon > bench.app.now() {
                assert!(bench.clock.move_to(noon));
            }
            for _ in 0..random.below(3) {
                world.step(bench, &mut random).await;
            }
        }
        let mut previews = Vec::new();
        for account in &world.accounts {
            previews.push(preview(bench, account.id, text).await);
        }
        close(bench, text).await;
        for (account, shown) in world.accounts.iter().zip(previews) {
            let bills = statements(bench, account.id).await;
            let bill = bills.iter().find(|bill| bill.month == month).map(|bill| bill.document.clone());
            assert_eq!(bill, shown, "seed {seed}, {} in {text}", account.name);
        }
        for account in &world.accounts {
            check_all(bench, account.id).await;
            let billed = billed(bench, account.id).await;
            for past in MONTHS.iter().filter(|past| **past <= text) {
                let sum = billed.get(*past).copied().unwrap_or(0);
                let expected =
                    if account.id == bench.root.id { 0 } else { world.costs(account.id, super::month(past)) };
                assert_eq!(sum, expected, "seed {seed}, {} for {past} after {text}", account.name);
            }
        }
    }
    is_sound(bench).await;
}

on_both_engines! {
    what_was_billed_and_adjusted_is_what_the_facts_cost(bench) {
        lives(&bench, 1).await;
    }

    it_is_so_in_other_lives_too(bench) {
        lives(&bench, 2).await;
    }
}
