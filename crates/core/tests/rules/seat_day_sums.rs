//! Seat days of a tree after whatever happened in it, against a plain reading of the rule; and that the same days come to the
//! same figures however they are asked for.

use lessor_core::account::{self, HoldTarget, Kind, LiftHold, MoveAccount, PlaceHold, Reach};
use lessor_core::license::{self, ChangeLicense, TermChange, TermKind};
use lessor_core::metering::day::{Day, DayRule};
use lessor_core::metering::seat_days::{self, Scope, SeatDays};
use lessor_core::metering::{By, Figures, Per, Range};
use lessor_core::verify::verify;
use lessor_core::{AccountId, Context, HoldId, LicenseId, ProductId, Timestamp, Tx};
use lessor_testkit::random::Random;
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, on_both_engines};
use std::collections::BTreeMap;

/// What a license was from a moment on: what its row says, and whether nothing stopped it.
#[derive(Clone, Copy, Debug)]
struct Facts {
    account: AccountId,
    product: ProductId,
    term: TermKind,
    ends_at: Option<Timestamp>,
    seats: i64,
    live: bool,
}

type Key = (LicenseId, AccountId, ProductId, TermKind);

struct World {
    bench: Bench,
    random: Random,
    products: Vec<ProductId>,
    /// Accounts and their parents, the root first.
    tree: Vec<(AccountId, Option<AccountId>)>,
    holds: Vec<(HoldId, HoldTarget, Reach)>,
    /// Licenses, their codes, and how often they were activated; none once removed.
    licenses: Vec<(LicenseId, String, Option<usize>)>,
    /// What all licenses were from each moment on at which something happened.
    moments: Vec<(Timestamp, BTreeMap<LicenseId, Facts>)>,
}

impl World {
    async fn new(bench: &Bench, seed: u64) -> Self {
        let (bench, mut tree) = (bench.clone(), Vec::new());
        let products = [bench.product("Paint").await.id, bench.product("Draw").await.id].to_vec();
        tree.push((bench.root.id, None));
        for (parent, kind, name) in [
            (0, Kind::Partner, "P"),
            (0, Kind::Partner, "Q"),
            (1, Kind::Customer, "A"),
            (1, Kind::Customer, "B"),
            (2, Kind::Customer, "C"),
        ] {
            let parent = tree[parent].0;
            tree.push((bench.account(parent, kind, name).await.id, Some(parent)));
        }
        let (random, holds, licenses, moments) = (Random::new(seed), Vec::new(), Vec::new(), Vec::new());
        Self { bench, random, products, tree, holds, licenses, moments }
    }

    fn pick(&mut self, below: usize) -> usize {
        usize::try_from(self.random.below(below as u64)).expect("small")
    }

    fn any_account(&mut self) -> AccountId {
        let at = self.pick(self.tree.len());
        self.tree[at].0
    }

    /// Something happens some time later.
    async fn step(&mut self) {
        let minutes = i64::try_from(self.random.between(1, 3_000)).expect("small");
        self.bench.pass_seconds(minutes * 60);
        let license = (!self.licenses.is_empty()).then(|| self.pick(self.licenses.len()));
        let license = license.filter(|at| self.licenses[*at].2.is_some());
        match (self.pick(14), license) {
            (0..=1, _) | (_, None) => self.order().await,
            (2, _) => self.place().await,
            (3..=4, _) => self.lift().await,
            (5, _) => self.move_account().await,
            (6..=7, Some(at)) => self.activate(at).await,
            (8, Some(at)) if self.random.chance(30) => {
                let id = self.licenses[at].0;
                self.bench.write(move |tx, cx| license::remove(tx, cx, id)).await.expect("removed");
                self.licenses[at].2 = None;
            }
            (_, Some(at)) => self.change(at).await,
        }
        self.note().await;
    }

    async fn order(&mut self) {
        let at = self.pick(2);
        let product = self.products[at];
        let (id, code) = self.bench.issue(product, None, 1).await.remove(0);
        self.licenses.push((id, code, Some(0)));
        let account = self.any_account();
        self.bench
            .change(ChangeLicense { account: Some(Some(account)), ..ChangeLicense::of(id) })
            .await
            .expect("given");
        self.change(self.licenses.len() - 1).await;
    }

    async fn change(&mut self, at: usize) {
        let mut change = ChangeLicense::of(self.licenses[at].0);
        let days = i64::try_from(self.random.between(1, 9)).expect("small");
        let end = Some(Some(self.bench.app.now().plus_minutes(days * 1_000)));
        let term = |kind, days, end| Some(TermChange { kind, days, end });
        match self.pick(8) {
            0 => change.account = Some(Some(self.any_account())),
            1 => change.terms.term = term(TermKind::Trial, Some(days), None),
            2 => change.terms.term = term(TermKind::Subscription, Some(days), None),
            3 => change.terms.term = term(TermKind::Expiring, None, end),
            4 => change.terms.term = term(TermKind::Perpetual, None, None),
            _ => change.terms.activation_limit = Some(days),
        }
        self.bench.change(change).await.expect("a change");
    }

    /// A subscription begins, unless something stops the license or it is in use up to its limit.
    async fn activate(&mut self, at: usize) {
        let (id, code, times) = self.licenses[at].clone();
        let product = self.bench.view(id).await.license.product;
        let times = times.expect("it is there");
        if self.bench.activate(activate_on(product, Some(&code), &device(at * 100 + times))).await.is_ok() {
            self.licenses[at].2 = Some(times + 1);
        }
    }

    async fn place(&mut self) {
        let (target, reach) = match (self.pick(3), self.licenses.is_empty()) {
            (0, false) => {
                let at = self.pick(self.licenses.len());
                (HoldTarget::License(self.licenses[at].0), Reach::Own)
            }
            (1, _) => (HoldTarget::Account(self.any_account()), Reach::Branch),
            _ => (HoldTarget::Account(self.any_account()), Reach::Own),
        };
        let cmd = PlaceHold { target, reach, cause: "unpaid".into(), note: String::new() };
        if let Ok(hold) = self.bench.write(move |tx, cx| account::place(tx, cx, &cmd)).await {
            self.holds.push((hold.id, target, reach));
        }
    }

    async fn lift(&mut self) {
        if !self.holds.is_empty() {
            let at = self.pick(self.holds.len());
            let (hold, target, _) = self.holds.remove(at);
            let lifted = self.bench.write(move |tx, cx| account::lift(tx, cx, &LiftHold { hold })).await;
            // Holds go with the license that is removed.
            assert!(lifted.is_ok() || matches!(target, HoldTarget::License(_)));
        }
    }

    async fn move_account(&mut self) {
        // A customer to either partner, or the second partner below the first or back.
        let at = 2 + self.pick(4);
        let parent = if at == 2 { self.pick(2) } else { 1 + self.pick(2) };
        let (account, parent) = (self.tree[at].0, self.tree[parent].0);
        let cmd = MoveAccount { account, parent };
        self.bench.write(move |tx, cx| account::move_to(tx, cx, &cmd)).await.expect("moved");
        self.tree[at].1 = Some(parent);
    }

    fn is_stopped(&self, license: LicenseId, owner: AccountId) -> bool {
        let mut line = vec![owner];
        while let Some(parent) = self.parent(line[line.len() - 1]) {
            line.push(parent);
        }
        self.holds.iter().any(|(_, target, reach)| match target {
            HoldTarget::License(held) => *held == license,
            HoldTarget::Account(held) => *held == owner || (*reach == Reach::Branch && line.contains(held)),
        })
    }

    fn parent(&self, account: AccountId) -> Option<AccountId> {
        self.tree.iter().find(|(id, _)| *id == account)?.1
    }

    async fn note(&mut self) {
        let mut all = BTreeMap::new();
        for (id, ..) in self.licenses.iter().filter(|(.., there)| there.is_some()) {
            let license = self.bench.view(*id).await.license;
            let facts = Facts {
                account: license.account,
                product: license.product,
                term: license.terms.term.kind,
                ends_at: license.terms.term.end,
                seats: license.terms.activation_limit,
                live: !self.is_stopped(*id, license.account),
            };
            all.insert(*id, facts);
        }
        self.moments.push((self.bench.app.now(), all));
    }

    /// What a license was at the last moment within a time at which nothing stopped it.
    fn last(&self, license: LicenseId, from: Timestamp, until: Timestamp) -> Option<Facts> {
        let ends = self.moments.iter().skip(1).map(|(at, _)| *at).chain([Timestamp::from_micros(i64::MAX)]);
        let stretches: Vec<_> = self.moments.iter().zip(ends).collect();
        stretches.into_iter().rev().find_map(|((since, all), end)| {
            let facts = all.get(&license).filter(|facts| facts.live)?;
            let end = facts.ends_at.map_or(end, |over| over.min(end)).min(until);
            (from.max(*since) < end).then_some(*facts)
        })
    }

    /// The seats of each day, and those in force in the end.
    fn plain(&self, rule: &DayRule, range: Range) -> (BTreeMap<Key, Vec<i64>>, i64) {
        let (mut sums, mut seats) = (BTreeMap::new(), 0);
        let now = self.bench.app.now().plus_micros(1);
        for (license, ..) in &self.licenses {
            for n in 0..range.from.through(range.until) {
                let (from, until) = (rule.start(range.from.plus(n)), rule.end(range.from.plus(n)).min(now));
                let Some(facts) = self.last(*license, from, until).filter(|facts| facts.seats > 0) else { continue };
                let key = (*license, facts.account, facts.product, facts.term);
                let days: &mut Vec<i64> = sums.entry(key).or_insert_with(|| vec![0; length(range)]);
                days[usize::try_from(n).expect("small")] += facts.seats;
            }
            let close = rule.end(range.until).min(now);
            let facts = self.last(*license, close.plus_micros(-1), close);
            seats += facts.filter(|_| rule.start(range.from) < now).map_or(0, |facts| facts.seats);
        }
        (sums, seats)
    }
}

fn ask(rule: &DayRule, scope: Scope, range: Range) -> SeatDays {
    let (rule, per, each) = (rule.clone(), Per::Day, Vec::new());
    SeatDays { scope, product: None, category: None, term: None, rule, range, per, each }
}

fn length(range: Range) -> usize {
    usize::try_from(range.from.through(range.until)).expect("small")
}

/// All rows of a report, read page by page.
async fn rows(bench: &Bench, query: &SeatDays, each: &[By], limit: u32) -> Vec<Figures> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let query = SeatDays { each: each.to_vec(), ..query.clone() };
        let page = move |tx: &mut dyn Tx, cx: &Context<'_>| seat_days::report(tx, cx, &query, after, limit);
        let report = bench.read(page).await.expect("a page");
        all.extend(report.rows);
        after = report.next;
        if after.is_none() {
            return all;
        }
    }
}

fn days(row: &Figures) -> Vec<i64> {
    row.figures.iter().map(|figure| figure.sum).collect()
}

fn summed<'a>(rows: impl IntoIterator<Item = &'a Figures>, length: usize) -> Vec<i64> {
    let mut sum = vec![0; length];
    rows.into_iter().for_each(|row| sum.iter_mut().zip(days(row)).for_each(|(sum, day)| *sum += day));
    sum
}

async fn agree(world: &mut World, rule: &DayRule, range: Range) {
    let bench = world.bench.clone();
    let root = world.tree[0].0;
    let ask = |scope, range| ask(rule, scope, range);
    let all = ask(Scope::Branch(root), range);
    let (expected, seats) = world.plain(rule, range);
    let told = rows(&bench, &all, &[By::License, By::Account, By::Product, By::Term], 1_000).await;
    let key = |row: &Figures| {
        let of = &row.of;
        Some((of.license?, of.account?, of.product?, of.term?))
    };
    let counted: BTreeMap<Key, Vec<i64>> =
        told.iter().filter(|row| row.total.sum > 0).map(|row| (key(row).expect("a key"), days(row))).collect();
    assert_eq!(counted, expected);
    let total = rows(&bench, &all, &[], 1).await.remove(0);
    let branch = days(&total);
    assert_eq!((&summed(&told, length(range)), total.seats), (&branch, Some(seats)));

    // However it is told apart, and however it is paged.
    for each in [
        vec![By::Account],
        vec![By::License],
        vec![By::Product],
        vec![By::Term],
        vec![By::Category],
        vec![By::Account, By::Product, By::Term],
        vec![By::License, By::Account],
    ] {
        let whole = rows(&bench, &all, &each, 1_000).await;
        assert_eq!(summed(&whole, length(range)), branch, "{each:?}");
        assert_eq!(whole.iter().filter_map(|row| row.seats).sum::<i64>(), seats, "{each:?}");
        let limit = u32::try_from(world.random.between(1, 4)).expect("small");
        assert_eq!(rows(&bench, &all, &each, limit).await, whole, "{each:?} by {limit}");
    }

    // An account's branch is what it has itself and the branches right below it.
    for (account, _) in world.tree.clone() {
        let of = async |scope| days(&rows(&bench, &ask(scope, range), &[], 1).await[0]);
        let mut sum = of(Scope::Account(account)).await;
        for (child, _) in world.tree.clone().into_iter().filter(|(_, parent)| *parent == Some(account)) {
            let below = of(Scope::Branch(child)).await;
            sum.iter_mut().zip(below).for_each(|(sum, day)| *sum += day);
        }
        assert_eq!(of(Scope::Branch(account)).await, sum);
        let licenses = rows(&bench, &ask(Scope::Branch(account), range), &[By::License], 3).await;
        assert_eq!(summed(&licenses, length(range)), sum);
    }

    // Months, and ranges between any two days.
    let between = |from: Day, until: Day| -> i64 {
        let at = |day: Day| usize::try_from(day.number() - range.from.number()).expect("in the range");
        branch[at(from)..=at(until)].iter().sum()
    };
    let months = rows(&bench, &SeatDays { per: Per::Month, ..all.clone() }, &[], 1).await.remove(0);
    assert!(months.figures.len() > 1);
    assert!(months.figures.iter().all(|figure| figure.sum == between(figure.from, figure.until)));
    for _ in 0..5 {
        let mut ends = [0; 2].map(|_| range.from.plus(i64::try_from(world.pick(length(range))).expect("small")));
        ends.sort();
        let part = Range { from: ends[0], until: ends[1] };
        let query = SeatDays { per: Per::Range, ..ask(Scope::Branch(root), part) };
        assert_eq!(rows(&bench, &query, &[], 1).await[0].total.sum, between(ends[0], ends[1]), "{part:?}");
    }
}

async fn play(bench: &Bench, seed: u64, zone: &str) {
    // Clocks are moved on 8 March in New York and on 29 March in Prague.
    bench.clock.move_to(Timestamp::parse("2026-03-01T10:00:00Z").expect("an instant"));
    let mut world = World::new(bench, seed).await;
    let rule = DayRule::new(zone, 30).expect("a rule");
    let from = rule.day_of(bench.app.now()).plus(-2);
    for _ in 0..22 {
        world.step().await;
    }
    let passed = Range { from, until: rule.day_of(bench.app.now()).plus(-1) };
    let query = ask(&rule, Scope::Branch(bench.root.id), passed);
    let before = rows(bench, &query, &[By::License, By::Account, By::Term], 1_000).await;
    for _ in 0..22 {
        world.step().await;
    }
    // What came later changes no day that had passed.
    assert_eq!(rows(bench, &query, &[By::License, By::Account, By::Term], 1_000).await, before);
    let until = rule.day_of(bench.app.now()).plus(2);
    agree(&mut world, &rule, passed).await;
    agree(&mut world, &rule, Range { from, until }).await;
    assert_eq!(bench.read(|tx, _| verify(tx)).await.expect("checks"), Vec::<String>::new());
}

on_both_engines! {
    seat_days_in_prague_are_what_the_rule_says_however_they_are_asked_for(bench) {
        play(&bench, 1, "Europe/Prague").await;
    }

    seat_days_in_new_york_are_what_the_rule_says_however_they_are_asked_for(bench) {
        play(&bench, 2, "America/New_York").await;
    }

    seat_days_in_kolkata_are_what_the_rule_says_however_they_are_asked_for(bench) {
        play(&bench, 3, "Asia/Kolkata").await;
    }
}
