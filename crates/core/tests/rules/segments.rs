//! Segments against a model of their own: a list of what a license was at each moment it changed.

use lessor_core::account::{self, HoldTarget, Kind, LiftHold, PlaceHold, Reach};
use lessor_core::license::{self, ChangeLicense, Segment, TermChange, TermKind, TermsChange};
use lessor_core::metering::day::DayRule;
use lessor_core::metering::seat_days::{self, Scope, SeatDays};
use lessor_core::metering::{Per, Range};
use lessor_core::verify::verify;
use lessor_core::{AccountId, HoldId, Timestamp};
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, Engine, on_both_engines};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(i64),
    Quantity(i64),
    Subscribe,
    /// A trial that ends in so many minutes.
    Try(i64),
    Perpetual,
    /// The first activation begins a subscription.
    Activate,
    Place,
    Lift(usize),
    Owner(usize),
    /// A change that bills nothing.
    Order,
    Disable,
    Enable,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_i64..50).prop_map(Step::Pass),
        2 => (0_i64..4).prop_map(Step::Quantity),
        2 => Just(Step::Subscribe),
        1 => (1_i64..200).prop_map(Step::Try),
        1 => Just(Step::Activate),
        1 => Just(Step::Perpetual),
        1 => Just(Step::Place),
        1 => (0_usize..3).prop_map(Step::Lift),
        2 => (0_usize..3).prop_map(Step::Owner),
        1 => Just(Step::Order),
        1 => Just(Step::Disable),
        1 => Just(Step::Enable),
    ];
    prop::collection::vec(step, 1..25)
}

/// What is billed of a license.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Facts {
    account: AccountId,
    term: TermKind,
    ends_at: Option<Timestamp>,
    quantity: i64,
    held: bool,
}

/// The facts at the end of each instant, the latest last.
struct Model(Vec<(Timestamp, Facts)>);

impl Model {
    fn note(&mut self, at: Timestamp, facts: Facts) {
        self.0.retain(|(since, _)| *since != at);
        self.0.push((at, facts));
    }

    fn at(&self, instant: Timestamp) -> Option<Facts> {
        self.0.iter().rev().find(|(since, _)| *since <= instant).map(|(_, facts)| facts.seen_at(instant))
    }
}

impl Facts {
    /// Of an end that is still to come it is not seen whether it was known by then: a term that begins with an activation
    /// tells the whole segment.
    fn seen_at(self, instant: Timestamp) -> Self {
        Self { ends_at: self.ends_at.filter(|end| *end <= instant), ..self }
    }
}

fn facts_of(segment: &Segment) -> Facts {
    Facts {
        account: segment.account,
        term: segment.term,
        ends_at: segment.ends_at,
        quantity: segment.quantity,
        held: segment.held,
    }
}

/// One after the other without gap or overlap, the last one open, and at each moment what the model has.
fn check(segments: &[Segment], model: &Model, now: Timestamp) {
    let first = segments.first().expect("a segment");
    assert_eq!(first.from, model.0[0].0);
    for pair in segments.windows(2) {
        assert_eq!(pair[0].to, Some(pair[1].from), "{segments:?}");
        assert!(pair[0].from < pair[1].from, "{segments:?}");
    }
    let (last, (_, latest)) = (segments.last().expect("a segment"), model.0.last().expect("facts"));
    assert_eq!((last.to, facts_of(last)), (None, *latest));
    for (since, facts) in &model.0 {
        let end = facts.ends_at.unwrap_or(now);
        for instant in [*since, since.plus_micros(-1), now, end, end.plus_micros(-1)] {
            let told = segments.iter().find(|s| s.from <= instant && s.to.is_none_or(|to| to > instant));
            let told = told.map(|segment| facts_of(segment).seen_at(instant));
            assert_eq!(told, model.at(instant), "at {instant}: {segments:?}");
        }
    }
}

async fn play(bench: &Bench, steps: Vec<Step>) {
    let name = format!("Product {}", bench.app.now().micros());
    let product = bench.product(&name).await;
    let (id, code) = bench.issue(product.id, None, 1).await.remove(0);
    let mut owners = vec![bench.root.id];
    for name in ["One", "Two"] {
        owners.push(bench.account(bench.root.id, Kind::Customer, name).await.id);
    }
    let mut facts =
        Facts { account: bench.root.id, term: TermKind::Perpetual, ends_at: None, quantity: 1, held: false };
    let mut model = Model(vec![(bench.app.now(), facts)]);
    let (mut days, mut activations) = (0, 0);
    let (mut holds, mut disabled): (Vec<HoldId>, bool) = (Vec::new(), false);
    for step in steps {
        let mut change = ChangeLicense::of(id);
        let now = bench.app.now();
        let to = |kind, days, end| TermsChange { term: Some(TermChange { kind, days, end }), ..TermsChange::default() };
        match step {
            Step::Pass(minutes) => {
                bench.pass_seconds(minutes * 60);
                continue;
            }
            Step::Quantity(quantity) => {
                change.terms.activation_limit = Some(quantity);
                facts.quantity = quantity;
            }
            Step::Subscribe => {
                change.terms = to(TermKind::Subscription, Some(10), None);
                if facts.term == TermKind::Subscription {
                    days += 10;
                    facts.ends_at = facts.ends_at.map(|end| end.max(now).plus_days(10));
                } else {
                    days = 10;
                    facts.term = TermKind::Subscription;
                    facts.ends_at = (activations > 0).then(|| now.plus_days(10));
                }
            }
            Step::Try(minutes) => {
                facts.term = TermKind::Trial;
                facts.ends_at = Some(now.plus_minutes(minutes));
                change.terms = to(TermKind::Trial, None, Some(facts.ends_at));
            }
            Step::Perpetual => {
                change.terms = to(TermKind::Perpetual, None, None);
                (facts.term, facts.ends_at) = (TermKind::Perpetual, None);
            }
            Step::Activate => {
                let command = activate_on(product.id, Some(&code), &device(activations));
                if bench.activate(command).await.is_err() {
                    continue;
                }
                activations += 1;
                if facts.term == TermKind::Subscription && facts.ends_at.is_none() {
                    facts.ends_at = Some(now.plus_days(days));
                    model.note(now, facts);
                }
                continue;
            }
            Step::Owner(n) => {
                change.account = Some(Some(owners[n]));
                facts.account = owners[n];
            }
            Step::Order => change.order = Some("another".into()),
            Step::Disable | Step::Enable => {
                disabled = matches!(step, Step::Disable);
                change.enabled = Some(!disabled);
            }
            Step::Place => {
                let target = HoldTarget::License(id);
                let cmd = PlaceHold { target, reach: Reach::Own, cause: "unpaid".into(), note: String::new() };
                holds.push(bench.write(move |tx, cx| account::place(tx, cx, &cmd)).await.expect("a hold").id);
            }
            Step::Lift(n) => {
                if n < holds.len() {
                    let lift = LiftHold { hold: holds.remove(n) };
                    bench.write(move |tx, cx| account::lift(tx, cx, &lift)).await.expect("lifted");
                }
            }
        }
        if !matches!(step, Step::Place | Step::Lift(_)) {
            bench.change(change).await.expect("a change");
        }
        facts.held = disabled || !holds.is_empty();
        model.note(bench.app.now(), facts);
    }
    check(&bench.segments(id).await, &model, bench.app.now());
    bench.pass_seconds(1);
}

fn on(engine: Engine, cases: u32) {
    let bench = Bench::open(engine);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&steps(), |steps| {
        runtime.block_on(play(&bench, steps));
        Ok(())
    });
    outcome.expect("segments are what the model says");
}

#[test]
fn segments_tell_what_a_license_was_at_each_moment_on_sqlite() {
    on(Engine::Sqlite, 60);
}

#[test]
fn segments_tell_what_a_license_was_at_each_moment_on_postgres() {
    on(Engine::Postgres, 25);
}

#[test]
fn changes_at_once_leave_segments_without_gap_or_overlap() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = Bench::open(engine);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let product = bench.product("Paint").await;
            let (id, _) = bench.issue(product.id, None, 1).await.remove(0);
            bench
                .all_at_once(60, |n| {
                    let mut change = ChangeLicense::of(id);
                    change.terms.activation_limit = Some(i64::try_from(n).expect("a number"));
                    let bench = &bench;
                    async move {
                        if n % 3 == 0 {
                            bench.pass_seconds(1);
                        }
                        bench.change(change).await.expect("a change");
                    }
                })
                .await;
            let segments = bench.segments(id).await;
            for pair in segments.windows(2) {
                assert_eq!(pair[0].to, Some(pair[1].from));
                assert!(pair[0].from < pair[1].from, "{segments:?}");
            }
            let last = segments.last().expect("a segment");
            assert_eq!((last.to, last.quantity), (None, bench.view(id).await.license.terms.activation_limit));
        });
    }
}

on_both_engines! {
    a_license_removed_at_the_instant_of_its_last_change_leaves_behind_what_lasted(bench) {
        let product = bench.product("Paint").await;
        let (id, _) = bench.issue(product.id, None, 1).await.remove(0);
        bench.pass_seconds(60);
        let mut change = ChangeLicense::of(id);
        change.terms.activation_limit = Some(7);
        bench.change(change).await.expect("a change");
        bench.write(move |tx, cx| license::remove(tx, cx, id)).await.expect("removed");
        assert_eq!(bench.read(|tx, _| verify(tx)).await.expect("checks"), Vec::<String>::new());
        let (rule, per, each) = (DayRule::utc(), Per::Day, Vec::new());
        let day = rule.day_of(bench.app.now());
        let range = Range { from: day, until: day };
        let query = SeatDays { scope: Scope::License(id), product: None, category: None, term: None, rule, range, per, each };
        let report = bench.read(move |tx, cx| seat_days::report(tx, cx, &query, None, 9)).await.expect("a report");
        assert_eq!((report.rows[0].total.sum, report.rows[0].seats), (1, Some(0)));
    }
}
