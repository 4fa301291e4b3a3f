//! Operations: done step by step by whichever server, once, and by nobody in between.

use crate::faults::survives;
use lessor_core::account::{self, Account, HoldTarget, Kind, LiftHold, PlaceHold, Reach, SUSPENDED};
use lessor_core::identity::{Level, Right};
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::{self, Codes};
use lessor_core::operation::{self, Begin, Kind as Does, Operation, State};
use lessor_core::secret::Secret;
use lessor_core::{AccountId, Actor, App, Caller, Error, Grant, LicenseId, Noun, OperationId, Refusal, UserId, Who};
use lessor_testkit::world::issue_of;
use lessor_testkit::{Bench, on_both_engines};
use std::sync::Arc;

async fn begin_as(bench: &Bench, caller: &Caller, account: AccountId, kind: Does) -> Result<Operation, Error> {
    let command = Begin { account, kind };
    bench.app.write(caller, move |tx, cx| operation::begin(tx, cx, &command)).await
}

async fn begin(bench: &Bench, account: AccountId, kind: Does) -> Result<Operation, Error> {
    begin_as(bench, &bench.app.system(), account, kind).await
}

async fn run_one(bench: &Bench) -> bool {
    bench.write(|tx, cx| operation::run_some(tx, cx)).await.expect("a step")
}

async fn now(bench: &Bench, id: OperationId) -> Operation {
    bench.read(move |tx, cx| operation::get(tx, cx, id)).await.expect("the operation")
}

async fn is_held(bench: &Bench, account: &Account) -> bool {
    let id = account.id;
    bench.read(move |tx, _| account::is_held(tx, id)).await.expect("an answer")
}

async fn hold(bench: &Bench, target: HoldTarget, cause: &'static str) {
    let command = PlaceHold { target, reach: Reach::Own, cause: cause.into(), note: String::new() };
    bench.write(move |tx, cx| account::place(tx, cx, &command)).await.expect("a hold");
}

async fn causes(bench: &Bench, target: HoldTarget) -> Vec<String> {
    let holds = bench.read(move |tx, cx| account::holds_of(tx, cx, target)).await.expect("holds");
    holds.into_iter().map(|hold| hold.cause).collect()
}

/// `n` licenses of an account, each suspended by itself.
async fn suspended_licenses(bench: &Bench, account: &Account, n: u32) -> Vec<LicenseId> {
    let product = bench.product("Paint").await;
    let mut command = issue_of(product.id, None, Codes::Generate(n.into()));
    command.account = Some(account.id);
    let issued = bench.write(move |tx, cx| license::issue(tx, cx, &command)).await.expect("licenses");
    let ids: Vec<LicenseId> = issued.into_iter().map(|(license, _)| license).collect();
    let all = ids.clone();
    bench
        .write(move |tx, cx| {
            for license in &all {
                let target = HoldTarget::License(*license);
                let hold = PlaceHold { target, reach: Reach::Own, cause: SUSPENDED.into(), note: String::new() };
                account::place(tx, cx, &hold)?;
            }
            Ok::<_, Error>(())
        })
        .await
        .expect("holds");
    ids
}

/// How often something was told of one record.
async fn told(bench: &Bench, subject: uuid::Uuid, kind: &'static str) -> usize {
    let filter = EventFilter { subject: Some(subject) };
    let events = bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 1_000)).await.expect("events");
    events.iter().filter(|event| event.kind == kind).count()
}

/// Another application over the same storage, which knows nothing of what the first one did.
fn restarted(bench: &Bench) -> App {
    App::new(bench.app.store().clone(), Arc::clone(&bench.clock) as Arc<_>, Secret::new([7; 32]))
}

fn somebody(bench: &Bench, account: &Account, rights: Option<Vec<Right>>) -> Caller {
    let grants = vec![Grant { path: account.path.clone(), level: Level::Write }];
    let who = Who::User(UserId(uuid::Uuid::from_u128(7)));
    let (tenant, path) = (account.tenant, account.path.clone());
    bench.caller(Actor { who, account: account.id, tenant, path, grants, rights, draws: false })
}

on_both_engines! {
    a_suspension_holds_the_branch_once_it_is_done_and_in_the_name_of_who_began_it(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let caller = somebody(&bench, &bench.root, None);
        let begun = begin_as(&bench, &caller, partner.id, Does::Suspend).await.expect("begun");
        assert_eq!((begun.state, begun.begun_by), (State::Created, caller.actor.who));
        assert!(!is_held(&bench, &customer).await, "nothing is done yet");
        assert!(run_one(&bench).await);
        assert!(!run_one(&bench).await, "nothing is left to do");
        let done = now(&bench, begun.id).await;
        assert_eq!((done.state, done.problem), (State::Done, None));
        assert!(done.finished_at.is_some());
        assert!(is_held(&bench, &partner).await && is_held(&bench, &customer).await);
        let target = HoldTarget::Account(partner.id);
        let holds = bench.read(move |tx, cx| account::holds_of(tx, cx, target)).await.expect("holds");
        assert_eq!((holds.len(), holds[0].placed_by.clone()), (1, caller.actor.who.to_string()));

        begin(&bench, partner.id, Does::Resume).await.expect("begun");
        operation::run_now(&bench.app).await.expect("done");
        assert!(!is_held(&bench, &partner).await && !is_held(&bench, &customer).await);
        assert_eq!(told(&bench, begun.id.0, "operation.begun").await, 1);
        assert_eq!(told(&bench, begun.id.0, "operation.finished").await, 1);
    }

    a_resumption_wakes_the_accounts_own_licenses_and_leaves_what_others_hold(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let below = suspended_licenses(&bench, &customer, 1).await[0];
        let product = bench.product("Draw").await;
        let mut command = issue_of(product.id, None, Codes::Generate(2));
        command.account = Some(partner.id);
        let own = bench.write(move |tx, cx| license::issue(tx, cx, &command)).await.expect("licenses");
        for (license, _) in &own {
            hold(&bench, HoldTarget::License(*license), SUSPENDED).await;
        }
        hold(&bench, HoldTarget::License(own[1].0), "unpaid").await;
        hold(&bench, HoldTarget::Account(partner.id), "unpaid").await;
        begin(&bench, partner.id, Does::Suspend).await.expect("begun");
        operation::run_now(&bench.app).await.expect("done");
        begin(&bench, partner.id, Does::Resume).await.expect("begun");
        operation::run_now(&bench.app).await.expect("done");
        assert!(causes(&bench, HoldTarget::License(own[0].0)).await.is_empty());
        assert_eq!(causes(&bench, HoldTarget::License(own[1].0)).await, ["unpaid"]);
        assert_eq!(causes(&bench, HoldTarget::Account(partner.id)).await, ["unpaid"]);
        assert_eq!(causes(&bench, HoldTarget::License(below)).await, [SUSPENDED]);
    }

    what_is_begun_goes_on_after_a_restart_where_it_stood(bench) {
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let licenses = suspended_licenses(&bench, &customer, 250).await;
        hold(&bench, HoldTarget::Account(customer.id), SUSPENDED).await;
        let begun = begin(&bench, customer.id, Does::Resume).await.expect("begun");
        assert!(run_one(&bench).await);
        assert_eq!(now(&bench, begun.id).await.state, State::Running);
        let held = |license: LicenseId| {
            let bench = bench.clone();
            async move { bench.view(license).await.license.hold_count }
        };
        let mut ordered = licenses.clone();
        ordered.sort();
        assert_eq!((held(ordered[199]).await, held(ordered[200]).await), (0, 1));
        assert!(is_held(&bench, &customer).await, "the account's own hold goes last");

        let other = restarted(&bench);
        operation::run_now(&other).await.expect("done");
        assert_eq!(now(&bench, begun.id).await.state, State::Done);
        assert!(!is_held(&bench, &customer).await);
        for license in &licenses {
            assert_eq!(held(*license).await, 0);
        }
        for license in [ordered[0], ordered[199], ordered[200], ordered[249]] {
            assert_eq!(told(&bench, license.0, "license.released").await, 1);
        }
    }

    servers_that_run_at_once_do_each_step_once(bench) {
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let licenses = suspended_licenses(&bench, &customer, 250).await;
        hold(&bench, HoldTarget::Account(customer.id), SUSPENDED).await;
        let begun = begin(&bench, customer.id, Does::Resume).await.expect("begun");
        let servers = [restarted(&bench), restarted(&bench), bench.app.clone()];
        for outcome in bench.all_at_once(6, |n| operation::run_now(&servers[n % 3])).await {
            outcome.expect("done");
        }
        // Whoever came when the last step was on its way had nothing left to do.
        operation::run_now(&bench.app).await.expect("done");
        assert_eq!(now(&bench, begun.id).await.state, State::Done);
        for license in [licenses[0], licenses[249]] {
            assert_eq!(told(&bench, license.0, "license.released").await, 1);
        }
        assert_eq!(told(&bench, begun.id.0, "operation.finished").await, 1);
    }

    of_many_that_begin_at_once_one_does(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let outcomes = bench.all_at_once(16, |_| begin(&bench, partner.id, Does::Suspend)).await;
        let (begun, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((begun.len(), refused.len()), (1, 15));
        for outcome in refused {
            assert!(matches!(outcome, Err(Error::Refused(Refusal::OperationRunning))), "{outcome:?}");
        }
        operation::run_now(&bench.app).await.expect("done");
        assert_eq!(causes(&bench, HoldTarget::Account(partner.id)).await, [SUSPENDED]);
    }

    what_there_is_no_need_or_no_right_to_do_is_not_begun(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let sister = bench.account(bench.root.id, Kind::Partner, "Sister").await;
        let refused = begin(&bench, partner.id, Does::Resume).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotSuspended))), "{refused:?}");
        let begun = begin(&bench, partner.id, Does::Suspend).await.expect("begun");
        operation::run_now(&bench.app).await.expect("done");
        let refused = begin(&bench, partner.id, Does::Suspend).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::AlreadySuspended))), "{refused:?}");

        let stranger = somebody(&bench, &sister, None);
        let refused = begin_as(&bench, &stranger, partner.id, Does::Resume).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotFound(Noun::Account)))), "{refused:?}");
        let id = begun.id;
        let unseen = bench.app.read(&stranger, move |tx, cx| operation::get(tx, cx, id)).await;
        assert!(matches!(unseen, Err(Error::Refused(Refusal::NotFound(Noun::Operation)))), "{unseen:?}");
        for right in [Right::ACCOUNTS_WRITE, Right::LICENSES_WRITE] {
            let limited = somebody(&bench, &bench.root, Some(vec![right]));
            let refused = begin_as(&bench, &limited, partner.id, Does::Resume).await;
            assert!(matches!(refused, Err(Error::Forbidden)), "{refused:?}");
        }

        let closing = sister.id;
        bench.write(move |tx, cx| account::close(tx, cx, closing)).await.expect("closed");
        let refused = begin(&bench, sister.id, Does::Suspend).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Closed(Noun::Account)))), "{refused:?}");
    }

    a_step_that_is_refused_ends_the_operation_and_says_why(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let other = bench.account(bench.root.id, Kind::Partner, "Other").await;
        for _ in 0..100 {
            hold(&bench, HoldTarget::Account(partner.id), "unpaid").await;
        }
        let begun = begin(&bench, partner.id, Does::Suspend).await.expect("begun");
        let next = begin(&bench, other.id, Does::Suspend).await.expect("begun");
        operation::run_now(&bench.app).await.expect("all that can be done");
        let failed = now(&bench, begun.id).await;
        assert_eq!((failed.state, failed.problem.as_deref()), (State::Failed, Some("holds must be between 0 and 100")));
        assert_eq!(now(&bench, next.id).await.state, State::Done, "the others go on");
        let target = HoldTarget::Account(partner.id);
        let first = bench.read(move |tx, cx| account::holds_of(tx, cx, target)).await.expect("holds")[0].id;
        bench.write(move |tx, cx| account::lift(tx, cx, &LiftHold { hold: first })).await.expect("lifted");
        let again = begin(&bench, partner.id, Does::Suspend).await.expect("another try");
        operation::run_now(&bench.app).await.expect("done");
        assert_eq!(now(&bench, again.id).await.state, State::Done);
        let (account, after) = (partner.id, begun.id);
        let listed = bench.read(move |tx, cx| operation::list(tx, cx, account, None, 10)).await.expect("a list");
        assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [begun.id, again.id]);
        let rest = bench.read(move |tx, cx| operation::list(tx, cx, account, Some(after), 10)).await.expect("a list");
        assert_eq!(rest.len(), 1);
    }

    what_is_finished_is_kept_for_thirty_days_and_what_is_not_for_ever(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let other = bench.account(bench.root.id, Kind::Partner, "Other").await;
        let done = begin(&bench, partner.id, Does::Suspend).await.expect("begun");
        operation::run_now(&bench.app).await.expect("done");
        let waiting = begin(&bench, other.id, Does::Suspend).await.expect("begun");
        bench.pass_hours(30 * 24);
        bench.write(|tx, cx| operation::expire(tx, cx)).await.expect("tidied");
        now(&bench, done.id).await;
        bench.pass_seconds(1);
        bench.write(|tx, cx| operation::expire(tx, cx)).await.expect("tidied");
        let id = done.id;
        let gone = bench.read(move |tx, cx| operation::get(tx, cx, id)).await;
        assert!(matches!(gone, Err(Error::Refused(Refusal::NotFound(Noun::Operation)))), "{gone:?}");
        assert_eq!(now(&bench, waiting.id).await.state, State::Created);
    }

    every_step_is_done_whole_or_not_at_all(bench) {
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        suspended_licenses(&bench, &customer, 3).await;
        let step = || survives(&bench, bench.app.system(), |tx, cx| operation::run_some(tx, cx));
        for kind in [Does::Suspend, Does::Resume] {
            let command = Begin { account: customer.id, kind };
            survives(&bench, bench.app.system(), move |tx, cx| operation::begin(tx, cx, &command)).await;
            assert!(step().await);
        }
        assert!(step().await, "after the licenses, the account itself");
        assert!(!is_held(&bench, &customer).await);
        assert!(!run_one(&bench).await);
    }
}
