//! Segments against a model of their own: a list of what a license was at each moment it changed.

use lessor_core::account::{self, HoldTarget, Kind, LiftHold, PlaceHold, Reach};
use lessor_core::license::{ChangeLicense, Segment, TermChange, TermKind, TermsChange};
use lessor_core::{AccountId, HoldId, Timestamp};
use lessor_testkit::{Bench, Engine};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(i64),
    Quantity(i64),
    Subscribe,
    Perpetual,
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
        1 => Just(Step::Subscribe),
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
        self.0.iter().rev().find(|(since, _)| *since <= instant).map(|(_, facts)| *facts)
    }
}

fn facts_of(segment: &Segment) -> Facts {
    Facts { account: segment.account, term: segment.term, quantity: segment.quantity, held: segment.held }
}

/// One after the other without gap or overlap, the last one open, and at each moment what the model has.
fn check(segments: &[Segment], model: &Model, now: Timestamp) {
    let first = segments.first().expect("a segment");
    assert_eq!(first.from, model.0[0].0);
    for pair in segments.windows(2) {
        assert_eq!(pair[0].to, Some(pair[1].from), "{segments:?}");
        assert!(pair[0].from < pair[1].from, "{segments:?}");
    }
    assert_eq!(segments.last().expect("a segment").to, None);
    for (since, _) in &model.0 {
        for instant in [*since, since.plus_micros(-1), now] {
            let told = segments.iter().find(|s| s.from <= instant && s.to.is_none_or(|to| to > instant));
            assert_eq!(told.map(facts_of), model.at(instant), "at {instant}: {segments:?}");
        }
    }
}

async fn play(bench: &Bench, steps: Vec<Step>) {
    let name = format!("Product {}", bench.app.now().micros());
    let product = bench.product(&name).await;
    let (id, _) = bench.issue(product.id, None, 1).await.remove(0);
    let mut owners = vec![bench.root.id];
    for name in ["One", "Two"] {
        owners.push(bench.account(bench.root.id, Kind::Customer, name).await.id);
    }
    let mut facts = Facts { account: bench.root.id, term: TermKind::Perpetual, quantity: 1, held: false };
    let mut model = Model(vec![(bench.app.now(), facts)]);
    let (mut holds, mut disabled): (Vec<HoldId>, bool) = (Vec::new(), false);
    for step in steps {
        let mut change = ChangeLicense::of(id);
        let to =
            |kind, days| TermsChange { term: Some(TermChange { kind, days, end: None }), ..TermsChange::default() };
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
                change.terms = to(TermKind::Subscription, Some(10));
                facts.term = TermKind::Subscription;
            }
            Step::Perpetual => {
                change.terms = to(TermKind::Perpetual, None);
                facts.term = TermKind::Perpetual;
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
