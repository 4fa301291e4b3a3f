//! Holds: what each reaches, and that lifting one restores exactly what the others leave.

use lessor_core::account::{
    self, Account, CreateAccount, Hold, HoldTarget, Kind, LiftHold, MoveAccount, PlaceHold, Reach,
};
use lessor_core::catalog::{self, CreateProduct};
use lessor_core::license::{self, Codes, IssueLicenses, Role, Terms};
use lessor_core::{AccountId, Context, Error, HoldId, LicenseId, Noun, ProductId, Refusal, Tx};
use lessor_testkit::{Bench, Engine, on_both_engines};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;
use std::collections::BTreeSet;

const CAUSES: [&str; 3] = ["unpaid", "abuse", "request"];

fn on(account: AccountId, reach: Reach, cause: &str) -> PlaceHold {
    PlaceHold { target: HoldTarget::Account(account), reach, cause: cause.to_owned(), note: String::new() }
}

async fn place(bench: &Bench, account: AccountId, reach: Reach) -> Hold {
    let command = on(account, reach, "unpaid");
    bench.write(move |tx, cx| account::place(tx, cx, &command)).await.expect("a hold")
}

async fn lift(bench: &Bench, hold: HoldId) -> Hold {
    bench.write(move |tx, cx| account::lift(tx, cx, &LiftHold { hold })).await.expect("a lifted hold")
}

async fn is_held(bench: &Bench, account: AccountId) -> bool {
    bench.read(move |tx, _| account::is_held(tx, account)).await.expect("an answer")
}

on_both_engines! {
    a_hold_reaches_itself_or_its_branch_and_never_upwards(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let own = place(&bench, partner.id, Reach::Own).await;
        assert!(is_held(&bench, partner.id).await);
        assert!(!is_held(&bench, customer.id).await && !is_held(&bench, bench.root.id).await);
        let branch = place(&bench, partner.id, Reach::Branch).await;
        assert!(is_held(&bench, customer.id).await && !is_held(&bench, bench.root.id).await);
        lift(&bench, branch.id).await;
        assert!(is_held(&bench, partner.id).await && !is_held(&bench, customer.id).await);
        lift(&bench, own.id).await;
        assert!(!is_held(&bench, partner.id).await);
    }

    lifting_twice_changes_nothing(bench) {
        let first = place(&bench, bench.root.id, Reach::Branch).await;
        let second = place(&bench, bench.root.id, Reach::Branch).await;
        let lifted = lift(&bench, first.id).await;
        bench.pass_hours(1);
        assert_eq!(lift(&bench, first.id).await, lifted);
        let target = HoldTarget::Account(bench.root.id);
        let left = bench.read(move |tx, cx| account::holds_of(tx, cx, target)).await.expect("holds");
        assert_eq!(left, vec![second]);
    }

    one_of_many_liftings_at_once_counts(bench) {
        let hold = place(&bench, bench.root.id, Reach::Branch).await.id;
        bench.all_at_once(8, |_| lift(&bench, hold)).await;
        let filter = lessor_core::journal::EventFilter { subject: Some(bench.root.id.0) };
        let events = bench.read(move |tx, cx| lessor_core::journal::list(tx, cx, &filter, None, 100)).await;
        let told = events.expect("events").into_iter().filter(|event| event.kind == "account.released").count();
        assert_eq!(told, 1);
    }

    all_holds_of_one_cause_are_lifted_and_no_other(bench) {
        let target = HoldTarget::Account(bench.root.id);
        for cause in ["unpaid", "abuse", "unpaid"] {
            let command = on(bench.root.id, Reach::Branch, cause);
            bench.write(move |tx, cx| account::place(tx, cx, &command)).await.expect("a hold");
        }
        let lift_all = || bench.write(move |tx, cx| account::lift_all_of_cause(tx, cx, target, "unpaid"));
        assert_eq!(lift_all().await.expect("lifted"), 2);
        assert_eq!(lift_all().await.expect("none left"), 0);
        assert!(is_held(&bench, bench.root.id).await);
    }

    a_hold_tells_its_cause_and_whether_it_matters(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let above = place(&bench, bench.root.id, Reach::Branch).await;
        let own = place(&bench, partner.id, Reach::Own).await;
        lift(&bench, own.id).await;
        lift(&bench, above.id).await;
        let filter = lessor_core::journal::EventFilter { subject: Some(partner.id.0) };
        let events = bench.read(move |tx, cx| lessor_core::journal::list(tx, cx, &filter, None, 100)).await;
        let told: Vec<_> = events.expect("events").into_iter().map(|event| (event.kind, event.data)).collect();
        assert_eq!((told[1].0.as_str(), &told[1].1["held"]), ("account.held", &json!(true)));
        assert_eq!(told[1].1["cause"], "unpaid");
        // Still held from above.
        assert_eq!((told[2].0.as_str(), &told[2].1["held"]), ("account.released", &json!(true)));
    }

    a_hold_elsewhere_does_not_exist(bench) {
        let stranger = bench.other_vendor("Stranger").await;
        let hold = place(&bench, stranger.id, Reach::Own).await.id;
        let actor = lessor_core::Actor {
            grants: vec![lessor_core::Grant {
                path: bench.root.path.clone(),
                level: lessor_core::identity::Level::Write,
            }],
            ..lessor_core::Actor::system()
        };
        let caller = bench.caller(actor);
        let outcome = bench.app.write(&caller, move |tx, cx| account::lift(tx, cx, &LiftHold { hold })).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::NotFound(Noun::Hold)))), "{outcome:?}");
        let command = on(stranger.id, Reach::Own, "abuse");
        let outcome = bench.app.write(&caller, move |tx, cx| account::place(tx, cx, &command)).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::NotFound(Noun::Account)))), "{outcome:?}");
        assert!(is_held(&bench, stranger.id).await);
    }

    a_hold_on_a_license_is_counted_there_and_starts_a_segment(bench) {
        let root = bench.root.id;
        let product = bench.write(move |tx, cx| product(tx, cx, root)).await.expect("a product");
        let license = bench.write(move |tx, cx| license_of(tx, cx, product, root)).await.expect("a license");
        let target = HoldTarget::License(license);
        let command = |reach, cause: &str| {
            let command = PlaceHold { target, reach, cause: cause.to_owned(), note: "by hand".into() };
            bench.write(move |tx, cx| account::place(tx, cx, &command))
        };
        bench.pass_hours(1);
        let first = command(Reach::Own, "abuse").await.expect("a hold");
        let second = command(Reach::Own, "unpaid").await.expect("a hold");
        let branch = command(Reach::Branch, "abuse").await;
        assert!(matches!(branch, Err(Error::Refused(Refusal::Malformed { field: "reach", .. }))), "{branch:?}");
        assert_eq!(bench.read(move |tx, cx| state(tx, cx, license)).await.expect("a state"), (2, true));
        assert!(!is_held(&bench, bench.root.id).await, "a hold on a license holds no account");

        bench.pass_hours(1);
        lift(&bench, first.id).await;
        assert_eq!(bench.read(move |tx, cx| state(tx, cx, license)).await.expect("a state"), (1, true));
        lift(&bench, second.id).await;
        lift(&bench, second.id).await;
        assert_eq!(bench.read(move |tx, cx| state(tx, cx, license)).await.expect("a state"), (0, false));
        let segments = bench.read(move |tx, cx| license::segments(tx, cx, license)).await.expect("segments");
        let held: Vec<bool> = segments.iter().map(|segment| segment.held).collect();
        assert_eq!(held, [false, true, false]);
    }

    a_hundred_holds_on_one_target_are_enough(bench) {
        let account = bench.root.id;
        let fill = move |tx: &mut dyn Tx, cx: &Context<'_>| {
            for _ in 0..100 {
                account::place(tx, cx, &on(account, Reach::Own, "abuse"))?;
            }
            Ok(())
        };
        bench.write(fill).await.expect("a hundred holds");
        let outcome = bench.write(move |tx, cx| account::place(tx, cx, &on(account, Reach::Own, "abuse"))).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::OutOfRange { field: "holds", .. }))), "{outcome:?}");
    }
}

fn product(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId) -> Result<ProductId, Error> {
    let command = CreateProduct {
        id: None,
        tenant,
        name: "Product".into(),
        trial_offered: false,
        trial_days: 0,
        terms: Terms::default(),
        groups: Vec::new(),
        features: Vec::new(),
        values: Vec::new(),
    };
    Ok(catalog::create_product(tx, cx, &command)?.id)
}

fn license_of(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, account: AccountId) -> Result<LicenseId, Error> {
    let command = IssueLicenses {
        product,
        account: Some(account),
        profile: None,
        codes: Codes::Generate(1),
        reference: String::new(),
        order: String::new(),
        role: Role::Standard,
    };
    Ok(license::issue(tx, cx, &command)?[0].0)
}

/// How many holds a license counts, and whether its running segment is one of being held.
fn state(tx: &mut dyn Tx, cx: &Context<'_>, id: LicenseId) -> Result<(i64, bool), Error> {
    let segments = license::segments(tx, cx, id)?;
    let running = segments.iter().find(|segment| segment.to.is_none()).is_some_and(|segment| segment.held);
    Ok((license::get(tx, cx, id)?.license.hold_count, running))
}

/// One thing that is done to the tree. Indexes choose among whatever is there at that moment.
#[derive(Clone, Debug)]
enum Deed {
    Add { parent: Index },
    Place { on: Index, branch: bool, cause: usize },
    PlaceOnLicense { of: Index, cause: usize },
    Lift { hold: Index },
    LiftCause { on: Index, cause: usize },
    Move { account: Index, parent: Index },
}

fn deed() -> impl Strategy<Value = Deed> {
    let index = any::<Index>;
    prop_oneof![
        2 => index().prop_map(|parent| Deed::Add { parent }),
        4 => (index(), any::<bool>(), 0..CAUSES.len()).prop_map(|(on, branch, cause)| Deed::Place { on, branch, cause }),
        2 => (index(), 0..CAUSES.len()).prop_map(|(of, cause)| Deed::PlaceOnLicense { of, cause }),
        3 => index().prop_map(|hold| Deed::Lift { hold }),
        1 => (index(), 0..CAUSES.len()).prop_map(|(on, cause)| Deed::LiftCause { on, cause }),
        3 => (index(), index()).prop_map(|(account, parent)| Deed::Move { account, parent }),
    ]
}

/// What the tree should be: parents and holds in two lists, and the effective state found by walking up.
#[derive(Default)]
struct Model {
    parents: Vec<Option<usize>>,
    holds: Vec<ModelHold>,
}

struct ModelHold {
    /// An account, or the license of that account.
    on: usize,
    on_license: bool,
    branch: bool,
    cause: usize,
    in_force: bool,
}

impl Model {
    fn is_held(&self, account: usize) -> bool {
        let mut reached = Some(account);
        while let Some(place) = reached {
            let reaches = |hold: &ModelHold| hold.on == place && (hold.branch || place == account);
            if self.holds.iter().any(|hold| hold.in_force && !hold.on_license && reaches(hold)) {
                return true;
            }
            reached = self.parents[place];
        }
        false
    }

    fn holds_on_license(&self, of: usize) -> i64 {
        let holds = self.holds.iter().filter(|hold| hold.in_force && hold.on_license && hold.on == of);
        i64::try_from(holds.count()).expect("a small number")
    }

    fn is_within(&self, account: usize, branch: usize) -> bool {
        account == branch || self.parents[account].is_some_and(|parent| self.is_within(parent, branch))
    }
}

/// The model and the real tree side by side.
struct Trial<'a> {
    bench: &'a Bench,
    model: Model,
    product: ProductId,
    accounts: Vec<Account>,
    /// One of each account.
    licenses: Vec<LicenseId>,
    holds: Vec<HoldId>,
}

impl<'a> Trial<'a> {
    fn new(bench: &'a Bench) -> Self {
        let root = create(bench, None, Kind::Vendor);
        let tenant = root.id;
        let product = run(bench, move |tx, cx| product(tx, cx, tenant)).expect("a product");
        let model = Model { parents: vec![None], holds: Vec::new() };
        let mut trial = Self { bench, model, product, accounts: Vec::new(), licenses: Vec::new(), holds: Vec::new() };
        trial.add(root);
        trial
    }

    fn add(&mut self, account: Account) {
        let (product, id) = (self.product, account.id);
        self.licenses.push(run(self.bench, move |tx, cx| license_of(tx, cx, product, id)).expect("a license"));
        self.accounts.push(account);
    }

    fn place(&mut self, command: PlaceHold, expected: ModelHold) {
        let hold = run(self.bench, move |tx, cx| account::place(tx, cx, &command)).expect("a hold");
        self.holds.push(hold.id);
        self.model.holds.push(expected);
    }

    fn apply(&mut self, deed: &Deed) -> Result<(), TestCaseError> {
        let bench = self.bench;
        let count = self.accounts.len();
        match deed {
            Deed::Add { parent } => {
                let parent = parent.index(count);
                self.add(create(bench, Some(self.accounts[parent].id), Kind::Partner));
                self.model.parents.push(Some(parent));
            }
            Deed::Place { on: target, branch, cause } => {
                let target = target.index(count);
                let reach = if *branch { Reach::Branch } else { Reach::Own };
                let command = on(self.accounts[target].id, reach, CAUSES[*cause]);
                let (branch, cause) = (*branch, *cause);
                self.place(command, ModelHold { on: target, on_license: false, branch, cause, in_force: true });
            }
            Deed::PlaceOnLicense { of, cause } => {
                let of = of.index(count);
                let target = HoldTarget::License(self.licenses[of]);
                let command = PlaceHold { target, reach: Reach::Own, cause: CAUSES[*cause].into(), note: "".into() };
                let cause = *cause;
                self.place(command, ModelHold { on: of, on_license: true, branch: false, cause, in_force: true });
            }
            Deed::Lift { hold } if self.holds.is_empty() => drop(hold.index(1)),
            Deed::Lift { hold } => {
                let hold = hold.index(self.holds.len());
                let command = LiftHold { hold: self.holds[hold] };
                run(bench, move |tx, cx| account::lift(tx, cx, &command)).expect("a lifted hold");
                self.model.holds[hold].in_force = false;
            }
            Deed::LiftCause { on: target, cause } => {
                let target = target.index(count);
                let (account, word) = (HoldTarget::Account(self.accounts[target].id), CAUSES[*cause]);
                let lifted = run(bench, move |tx, cx| account::lift_all_of_cause(tx, cx, account, word));
                let mut expected = 0;
                for hold in &mut self.model.holds {
                    let hit = hold.in_force && !hold.on_license && hold.on == target && hold.cause == *cause;
                    expected += u32::from(hit);
                    hold.in_force &= !hit;
                }
                prop_assert_eq!(lifted.expect("a number"), expected);
            }
            Deed::Move { account, parent } => {
                let (account, parent) = (account.index(count), parent.index(count));
                let command = MoveAccount { account: self.accounts[account].id, parent: self.accounts[parent].id };
                let outcome = run(bench, move |tx, cx| account::move_to(tx, cx, &command));
                let possible = account != 0 && !self.model.is_within(parent, account);
                prop_assert_eq!(outcome.is_ok(), possible);
                if possible {
                    self.model.parents[account] = Some(parent);
                }
            }
        }
        self.compare()
    }

    /// The effective state of every account is what the model says, asked one by one and all together.
    fn compare(&self) -> Result<(), TestCaseError> {
        let expected: BTreeSet<AccountId> = (0..self.accounts.len())
            .filter(|account| self.model.is_held(*account))
            .map(|account| self.accounts[account].id)
            .collect();
        let ids: Vec<AccountId> = self.accounts.iter().map(|account| account.id).collect();
        let answers = self.bench.app.read_blocking(&self.bench.app.system(), move |tx, _| {
            let together: BTreeSet<AccountId> = account::held_among(tx, &ids)?.into_iter().collect();
            let mut alone = BTreeSet::new();
            for id in &ids {
                if account::is_held(tx, *id)? {
                    alone.insert(*id);
                }
            }
            Ok((together, alone))
        });
        let (together, alone) = answers.expect("answers");
        prop_assert_eq!(&together, &expected);
        prop_assert_eq!(&alone, &expected);
        Ok(())
    }

    /// Every license counts the holds on it, and its running segment knows.
    fn compare_licenses(&self) -> Result<(), TestCaseError> {
        let licenses = self.licenses.clone();
        let states = self.bench.app.read_blocking(&self.bench.app.system(), move |tx, cx| {
            licenses.iter().map(|id| state(tx, cx, *id)).collect::<Result<Vec<_>, Error>>()
        });
        for (of, state) in states.expect("states").into_iter().enumerate() {
            let holds = self.model.holds_on_license(of);
            prop_assert_eq!(state, (holds, holds > 0));
        }
        Ok(())
    }
}

fn run<T: Send + 'static>(
    bench: &Bench,
    command: impl Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    bench.app.write_blocking(&bench.app.system(), command)
}

fn create(bench: &Bench, parent: Option<AccountId>, kind: Kind) -> Account {
    let command = CreateAccount { id: None, parent, kind, name: "Node".into(), contact: json!({}) };
    run(bench, move |tx, cx| account::create(tx, cx, &command)).expect("an account")
}

/// Random trees and random sequences of holding, lifting and moving, against the model after each step.
fn effective_state_is_that_of_the_model(engine: Engine) {
    let bench = Bench::open(engine);
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let deeds = (prop::collection::vec(any::<Index>(), 0..12), prop::collection::vec(deed(), 1..25));
    let outcome = runner.run(&deeds, |(tree, deeds)| {
        let mut trial = Trial::new(&bench);
        for parent in tree {
            trial.apply(&Deed::Add { parent })?;
        }
        deeds.iter().try_for_each(|deed| trial.apply(deed))?;
        trial.compare_licenses()
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn effective_state_is_that_of_the_model_on_sqlite() {
    effective_state_is_that_of_the_model(Engine::Sqlite);
}

#[test]
fn effective_state_is_that_of_the_model_on_postgres() {
    effective_state_is_that_of_the_model(Engine::Postgres);
}
