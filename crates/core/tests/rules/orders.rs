//! Orders: what may be ordered by whom, at once or by request.

use crate::faults::survives;
use lessor_core::account::{self, Account, HoldTarget, Kind, PlaceHold, Reach};
use lessor_core::agreement::{self, CreateAgreement};
use lessor_core::catalog::{self, ChangeProduct, Product};
use lessor_core::identity::{Level, Right};
use lessor_core::journal::{self, EventFilter};
use lessor_core::license::{self, ChangeLicense, License, TermKind, TermsChange};
use lessor_core::order::{self, ChangeOffers, ChangeRules, Order, Request, RequestFilter, RequestState, Rules};
use lessor_core::{AccountId, Actor, ApiKeyId, Caller, Context, Error, Grant, Noun, ProductId, Refusal, Tx, Who};
use lessor_db::dump::TableDigest;
use lessor_testkit::world::issue_of;
use lessor_testkit::{Bench, on_both_engines};

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

/// Vendor, distributor, manager, its partner and that one's customer; a product that the first two may order.
struct World {
    bench: Bench,
    distributor: Account,
    manager: Account,
    partner: Account,
    customer: Account,
    product: Product,
}

impl World {
    async fn new(bench: Bench) -> Self {
        let distributor = bench.account(bench.root.id, Kind::Distributor, "Distributor").await;
        let manager = bench.account(distributor.id, Kind::PartnerManager, "Manager").await;
        let partner = bench.account(manager.id, Kind::ManagedPartner, "Partner").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let product = bench.product("Guard").await;
        let world = Self { bench, distributor, manager, partner, customer, product };
        for account in [&world.distributor, &world.manager, &world.partner] {
            world.offer(&world.system(), account, &[world.product.id], &[]).await.expect("an offer");
        }
        world
    }

    fn system(&self) -> Caller {
        self.bench.app.system()
    }

    /// A key of an account: all that its branch allows.
    fn of(&self, account: &Account) -> Caller {
        self.limited(account, None)
    }

    fn limited(&self, account: &Account, rights: Option<Vec<Right>>) -> Caller {
        self.bench.caller(Actor {
            who: Who::ApiKey(ApiKeyId(account.id.0)),
            account: account.id,
            tenant: account.tenant,
            path: account.path.clone(),
            grants: vec![Grant { path: account.path.clone(), level: Level::Write }],
            rights,
            draws: false,
        })
    }

    async fn offer(
        &self,
        caller: &Caller,
        account: &Account,
        add: &[ProductId],
        remove: &[ProductId],
    ) -> Result<Vec<String>, Error> {
        let cmd = ChangeOffers { account: account.id, add: add.to_vec(), remove: remove.to_vec() };
        let after = self.bench.app.write(caller, move |tx, cx| order::change_offers(tx, cx, &cmd)).await?;
        Ok(after.into_iter().map(|product| product.name).collect())
    }

    async fn rule(&self, caller: &Caller, cmd: ChangeRules) -> Result<(Rules, Vec<License>), Error> {
        self.bench.app.write(caller, move |tx, cx| order::change_rules(tx, cx, &cmd, &|_| None)).await
    }

    fn an_order(&self) -> Order {
        Order { customer: self.customer.id, product: self.product.id, quantity: 5, trial_days: None }
    }

    async fn order(&self, caller: &Caller, cmd: Order) -> Result<License, Error> {
        self.bench.app.write(caller, move |tx, cx| order::order(tx, cx, &cmd, None)).await
    }

    async fn file(&self, caller: &Caller, cmd: Order) -> Result<Request, Error> {
        self.bench.app.write(caller, move |tx, cx| order::file(tx, cx, &cmd, "please")).await
    }

    async fn approve(&self, caller: &Caller, request: &Request) -> Result<(Request, License), Error> {
        let id = request.id;
        self.bench.app.write(caller, move |tx, cx| order::approve(tx, cx, id, None)).await
    }

    async fn hold(&self, account: AccountId) {
        let target = HoldTarget::Account(account);
        let hold = PlaceHold { target, reach: Reach::Own, cause: "suspended".into(), note: String::new() };
        self.bench.write(move |tx, cx| account::place(tx, cx, &hold)).await.expect("a hold");
    }
}

fn rules_of(account: &Account) -> ChangeRules {
    ChangeRules { account: account.id, trials_allowed: None, by_request: None, accept_pending: false }
}

on_both_engines! {
    a_license_is_ordered_for_a_customer_on_the_products_terms(bench) {
        let world = World::new(bench).await;
        let cmd = world.an_order();
        let ordered = world.bench.app.write(&world.of(&world.partner), move |tx, cx| {
            order::order(tx, cx, &cmd, Some("3AB-C4D-E5F"))
        }).await.expect("a license");
        assert_eq!((ordered.account, ordered.code.as_str()), (world.customer.id, "3AB-C4D-E5F"));
        assert_eq!((ordered.terms.term.kind, ordered.terms.activation_limit), (TermKind::Perpetual, 5));
        assert_eq!(ordered.terms.online_lease_hours, world.product.terms.online_lease_hours);
        let segments = world.bench.segments(ordered.id).await;
        assert_eq!((segments.len(), segments[0].quantity, segments[0].account), (1, 5, world.customer.id));
        let filter = EventFilter { subject: Some(ordered.id.0) };
        let events = world.bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 9)).await.expect("events");
        assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["license.issued"]);
        assert_eq!(events[0].data["after"]["terms"]["activation_limit"], 5);

        // A second one is refused until the first is over, whoever asks.
        let second = refused(world.order(&world.system(), world.an_order()).await);
        assert_eq!(second, Refusal::Taken { noun: Noun::License, name: "3AB-C4D-E5F".into() });
        let flaws = world.bench.write(|tx, _| lessor_core::verify::verify(tx)).await.expect("verified");
        assert_eq!(flaws, Vec::<String>::new());
    }

    an_order_is_refused_for_each_thing_that_stands_against_it(bench) {
        let world = World::new(bench).await;
        let before = world.bench.digests(&["events"]);
        let partner = world.of(&world.partner);
        let other = world.bench.product("Other").await;
        let foreign = world.bench.other_vendor("Foreign").await;
        let elsewhere = world.bench.account(foreign.id, Kind::Customer, "Elsewhere").await;
        let base = world.an_order();
        let cases = [
            (Order { product: other.id, ..base }, Refusal::NotOffered),
            (Order { product: ProductId(world.customer.id.0), ..base }, Refusal::NotFound(Noun::Product)),
            (Order { customer: elsewhere.id, ..base }, Refusal::NotFound(Noun::Account)),
            (Order { quantity: 0, ..base }, Refusal::OutOfRange { field: "quantity", min: 1, max: 1_000_000 }),
            (Order { quantity: 1_000_001, ..base }, Refusal::OutOfRange { field: "quantity", min: 1, max: 1_000_000 }),
            (Order { trial_days: Some(30), ..base }, Refusal::TrialNotOffered),
        ];
        for (cmd, why) in cases {
            assert_eq!(refused(world.order(&partner, cmd).await), why, "{cmd:?}");
        }
        let not_a_customer = refused(world.order(&world.system(), Order { customer: world.partner.id, ..base }).await);
        assert!(matches!(not_a_customer, Refusal::Malformed { field: "customer", .. }));
        let reader = world.limited(&world.partner, Some(vec![Right::LICENSES_READ]));
        assert!(matches!(world.order(&reader, base).await, Err(Error::Forbidden)));

        let allowed = ChangeRules { trials_allowed: Some(true), ..rules_of(&world.partner) };
        world.rule(&world.of(&world.manager), allowed).await.expect("rules");
        for days in [0, 5_001] {
            let why = Refusal::OutOfRange { field: "trial_days", min: 1, max: 5_000 };
            assert_eq!(refused(world.order(&partner, Order { trial_days: Some(days), ..base }).await), why);
        }
        let product = world.product.id;
        let off = ChangeProduct {
            product, name: None, active: Some(false), trial_offered: None, trial_days: None, terms: TermsChange::default(),
        };
        let on = ChangeProduct { active: Some(true), ..off.clone() };
        world.bench.write(move |tx, cx| catalog::change_product(tx, cx, &off)).await.expect("off");
        assert_eq!(refused(world.order(&partner, base).await), Refusal::ProductInactive);
        world.bench.write(move |tx, cx| catalog::change_product(tx, cx, &on)).await.expect("on");

        let tenant = world.bench.root.id;
        let terms = CreateAgreement {
            id: None, tenant, product: Some(product), name: "Terms".into(), text: "Be good.".into(), url: String::new(),
        };
        let made = world.bench.write(move |tx, cx| agreement::create(tx, cx, &terms)).await.expect("an agreement");
        assert_eq!(refused(world.order(&partner, base).await), Refusal::NotAccepted { agreement: made.id });
        world.bench.write(move |tx, cx| agreement::retire(tx, cx, made.id)).await.expect("retired");

        world.hold(world.customer.id).await;
        assert_eq!(refused(world.order(&partner, base).await), Refusal::Held);
        let customer = world.customer.id;
        world.bench.write(move |tx, cx| account::close(tx, cx, customer)).await.expect("closed");
        assert_eq!(refused(world.order(&partner, base).await), Refusal::Closed(Noun::Account));
        let after = world.bench.digests(&[]);
        for table in ["licenses", "segments", "order_requests"] {
            let of = |digests: &[TableDigest]| digests.iter().find(|one| one.table == table).map(|one| one.sha256.clone());
            assert!(of(&before).is_some());
            assert_eq!(of(&before), of(&after), "{table}");
        }
    }

    a_customer_gets_one_license_however_many_order_at_once(bench) {
        let world = World::new(bench).await;
        let partner = world.of(&world.partner);
        let outcomes = world.bench.all_at_once(12, |_| world.order(&partner, world.an_order())).await;
        let (made, refused_ones): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        for outcome in refused_ones {
            assert!(matches!(refused(outcome), Refusal::Taken { noun: Noun::License, .. }));
        }
    }

    nobody_offers_more_than_it_has(bench) {
        let world = World::new(bench).await;
        let other = world.bench.product("Other").await;
        let (manager, distributor) = (world.of(&world.manager), world.of(&world.distributor));
        assert_eq!(refused(world.offer(&manager, &world.partner, &[other.id], &[]).await), Refusal::NotOffered);
        // What it may order already needs nobody who has it.
        world.offer(&world.system(), &world.manager, &[], &[world.product.id]).await.expect("taken back");
        assert_eq!(world.offer(&manager, &world.partner, &[world.product.id], &[]).await.expect("no change"), ["Guard"]);
        let vendor = world.of(&world.bench.root);
        assert_eq!(world.offer(&vendor, &world.distributor, &[other.id], &[]).await.expect("offers"), ["Guard", "Other"]);
        let offered = world.offer(&distributor, &world.partner, &[other.id], &[world.product.id]).await;
        assert_eq!(offered.expect("offers"), ["Other"]);
        assert_eq!(refused(world.order(&world.of(&world.partner), world.an_order()).await), Refusal::NotOffered);

        // An account sets nothing of its own, sees nothing beside it, and a vendor has all.
        assert!(matches!(world.offer(&manager, &world.manager, &[other.id], &[]).await, Err(Error::Forbidden)));
        assert!(matches!(world.rule(&manager, rules_of(&world.manager)).await, Err(Error::Forbidden)));
        let above = world.offer(&manager, &world.distributor, &[other.id], &[]).await;
        assert_eq!(refused(above), Refusal::NotFound(Noun::Account));
        let root = world.bench.root.clone();
        assert!(matches!(refused(world.offer(&vendor, &root, &[other.id], &[]).await), Refusal::Malformed { .. }));
        let all = world.bench.read(move |tx, cx| order::offers(tx, cx, root.id)).await.expect("offers");
        assert_eq!(all.len(), 2);
        let foreign = world.bench.other_vendor("Foreign").await;
        let customer = world.bench.account(foreign.id, Kind::Partner, "Elsewhere").await;
        let mixed = world.offer(&world.system(), &customer, &[other.id], &[]).await;
        assert_eq!(refused(mixed), Refusal::NotFound(Noun::Product));
    }

    whoever_orders_by_request_changes_no_license_otherwise(bench) {
        let world = World::new(bench).await;
        let partner = world.of(&world.partner);
        let there = world.order(&partner, world.an_order()).await.expect("a license");
        let by_request = ChangeRules { by_request: Some(true), ..rules_of(&world.partner) };
        world.rule(&world.of(&world.manager), by_request).await.expect("rules");
        let below = world.of(&world.customer);
        for caller in [&partner, &below] {
            let other = Order { product: world.product.id, ..world.an_order() };
            assert!(matches!(world.order(caller, other).await, Err(Error::Forbidden)));
            let (id, product, account) = (there.id, world.product.id, world.customer.id);
            let outcomes = [
                world.bench.app.write(caller, move |tx, cx| license::set_quantity(tx, cx, id, 9).map(drop)).await,
                world.bench.app.write(caller, move |tx, cx| license::change(tx, cx, &ChangeLicense::of(id)).map(drop)).await,
                world.bench.app.write(caller, move |tx, cx| license::remove(tx, cx, id)).await,
                world.bench.app.write(caller, move |tx, cx| license::give_back_all(tx, cx, account).map(drop)).await,
                world.bench.app.write(caller, move |tx, cx| {
                    let mut cmd = issue_of(product, None, license::Codes::Generate(1));
                    cmd.account = Some(account);
                    license::issue(tx, cx, &cmd).map(drop)
                }).await,
            ];
            for (n, outcome) in outcomes.into_iter().enumerate() {
                assert!(matches!(outcome, Err(Error::Forbidden)), "{n}: {outcome:?}");
            }
        }
        // Above it everything goes on.
        let id = there.id;
        let set = world.bench.app.write(&world.of(&world.manager), move |tx, cx| license::set_quantity(tx, cx, id, 9)).await;
        assert_eq!(set.expect("a license").terms.activation_limit, 9);
    }

    a_request_waits_until_somebody_above_the_seller_decides(bench) {
        let world = World::new(bench).await;
        let (partner, manager) = (world.of(&world.partner), world.of(&world.manager));
        assert!(matches!(refused(world.file(&partner, world.an_order()).await), Refusal::Malformed { field: "customer", .. }));
        let by_request = ChangeRules { by_request: Some(true), ..rules_of(&world.partner) };
        world.rule(&manager, by_request).await.expect("rules");
        let request = world.file(&partner, world.an_order()).await.expect("a request");
        assert_eq!((request.state, request.order, request.note.as_str()), (RequestState::Waiting, world.an_order(), "please"));
        let again = refused(world.file(&partner, Order { quantity: 6, ..world.an_order() }).await);
        assert_eq!(again, Refusal::Taken { noun: Noun::OrderRequest, name: "Guard".into() });
        assert!(matches!(world.approve(&partner, &request).await, Err(Error::Forbidden)));
        let stranger = world.bench.account(world.distributor.id, Kind::Partner, "Stranger").await;
        assert_eq!(refused(world.approve(&world.of(&stranger), &request).await), Refusal::NotFound(Noun::OrderRequest));

        // What stands against the order stands against the approval, and leaves the request waiting.
        world.hold(world.customer.id).await;
        assert_eq!(refused(world.approve(&manager, &request).await), Refusal::Held);
        let target = HoldTarget::Account(world.customer.id);
        world.bench.write(move |tx, cx| account::lift_all_of_cause(tx, cx, target, "suspended")).await.expect("lifted");
        let (approved, license) = world.approve(&manager, &request).await.expect("approved");
        assert_eq!((approved.state, approved.license), (RequestState::Approved, Some(license.id)));
        assert_eq!((license.account, license.terms.activation_limit), (world.customer.id, 5));
        assert_eq!(refused(world.approve(&manager, &request).await), Refusal::Closed(Noun::OrderRequest));

        let other = world.bench.product("Other").await;
        world.offer(&world.system(), &world.partner, &[other.id], &[]).await.expect("an offer");
        let second = world.file(&partner, Order { product: other.id, ..world.an_order() }).await.expect("a request");
        let id = second.id;
        let no = world.bench.app.write(&manager, move |tx, cx| order::refuse(tx, cx, id, "not now")).await.expect("refused");
        assert_eq!((no.state, no.answer.as_str(), no.license), (RequestState::Refused, "not now", None));
        let seen = async |caller: &Caller, state| {
            let filter = RequestFilter { branch: None, state };
            let found = world.bench.app.read(caller, move |tx, cx| order::requests(tx, cx, &filter, None, 9)).await;
            found.expect("requests").into_iter().map(|request| request.id).collect::<Vec<_>>()
        };
        assert_eq!(seen(&partner, None).await, [request.id, second.id]);
        assert_eq!(seen(&manager, Some(RequestState::Refused)).await, [second.id]);
        assert_eq!(seen(&manager, Some(RequestState::Waiting)).await, []);
        assert_eq!(seen(&world.of(&stranger), None).await, []);
    }

    a_request_approved_by_two_at_once_becomes_one_license(bench) {
        let world = World::new(bench).await;
        let (partner, manager) = (world.of(&world.partner), world.of(&world.manager));
        let by_request = ChangeRules { by_request: Some(true), ..rules_of(&world.partner) };
        world.rule(&manager, by_request).await.expect("rules");
        let request = world.file(&partner, world.an_order()).await.expect("a request");
        let outcomes = world.bench.all_at_once(8, |_| world.approve(&manager, &request)).await;
        let (made, rest): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), rest.len()), (1, 7));
        for outcome in rest {
            assert_eq!(refused(outcome), Refusal::Closed(Noun::OrderRequest));
        }
    }

    what_is_offered_and_ordered_is_so_whole_or_not_at_all(bench) {
        let world = World::new(bench).await;
        let other = world.bench.product("Other").await;
        let (partner, product) = (world.partner.id, world.product.id);
        let offers = ChangeOffers { account: partner, add: vec![other.id], remove: vec![product] };
        survives(&world.bench, world.system(), move |tx, cx| order::change_offers(tx, cx, &offers)).await;
        world.offer(&world.system(), &world.partner, &[product], &[]).await.expect("an offer");
        let order = world.an_order();
        survives(&world.bench, world.system(), move |tx, cx| order::order(tx, cx, &order, None)).await;
        let by_request = ChangeRules { by_request: Some(true), ..rules_of(&world.partner) };
        survives(&world.bench, world.system(), move |tx, cx| order::change_rules(tx, cx, &by_request, &|_| None)).await;
        let wishes: Vec<Order> = {
            let mut wishes = Vec::new();
            for name in ["One", "Two", "Three"] {
                let customer = world.bench.account(partner, Kind::Customer, name).await.id;
                wishes.push(Order { customer, ..world.an_order() });
            }
            wishes
        };
        let seller = world.of(&world.partner);
        let mut filed = Vec::new();
        for wish in wishes {
            filed.push(survives(&world.bench, seller.clone(), move |tx, cx| order::file(tx, cx, &wish, "please")).await.id);
        }
        let (first, second) = (filed[0], filed[1]);
        survives(&world.bench, world.system(), move |tx, cx| order::approve(tx, cx, first, None)).await;
        survives(&world.bench, world.system(), move |tx, cx| order::refuse(tx, cx, second, "no")).await;
        let trust = ChangeRules { by_request: Some(false), accept_pending: true, ..rules_of(&world.partner) };
        let trusted = move |tx: &mut dyn Tx, cx: &Context<'_>| order::change_rules(tx, cx, &trust, &|_| None);
        let (_, licenses) = survives(&world.bench, world.system(), trusted).await;
        assert_eq!(licenses.len(), 1);
    }

    trust_approves_what_waits_and_refuses_what_cannot_be_any_more(bench) {
        let world = World::new(bench).await;
        let (partner, manager) = (world.of(&world.partner), world.of(&world.manager));
        let by_request = ChangeRules { by_request: Some(true), ..rules_of(&world.partner) };
        world.rule(&manager, by_request).await.expect("rules");
        let suspended = world.bench.account(world.partner.id, Kind::Customer, "Suspended").await;
        let first = world.file(&partner, world.an_order()).await.expect("a request");
        let second = Order { customer: suspended.id, ..world.an_order() };
        let second = world.file(&partner, second).await.expect("a request");
        world.hold(suspended.id).await;

        let early = ChangeRules { accept_pending: true, ..rules_of(&world.partner) };
        assert!(matches!(refused(world.rule(&manager, early).await), Refusal::Malformed { field: "accept_pending", .. }));
        let trust = ChangeRules { by_request: Some(false), ..early };
        let accounts_alone = world.limited(&world.manager, Some(vec![Right::ACCOUNTS_WRITE]));
        assert!(matches!(world.rule(&accounts_alone, trust).await, Err(Error::Forbidden)));
        let (rules, licenses) = world.rule(&manager, trust).await.expect("rules");
        assert_eq!(rules, Rules { trials_allowed: false, by_request: false });
        assert_eq!(licenses.iter().map(|license| license.account).collect::<Vec<_>>(), [world.customer.id]);
        let states = async |id| {
            let request = world.bench.read(move |tx, cx| order::request(tx, cx, id)).await.expect("a request");
            (request.state, request.answer)
        };
        assert_eq!(states(first.id).await, (RequestState::Approved, String::new()));
        assert_eq!(states(second.id).await, (RequestState::Refused, "the license is on hold".to_owned()));
        // From now on it orders by itself.
        let third = world.bench.account(world.partner.id, Kind::Customer, "Third").await;
        world.order(&partner, Order { customer: third.id, ..world.an_order() }).await.expect("a license");
    }
}
