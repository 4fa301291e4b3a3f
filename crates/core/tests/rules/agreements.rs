//! Agreements: asked for until the account, or one above it, has accepted; and what was accepted stays known.

use crate::faults::survives;
use lessor_core::account::{Account, Kind};
use lessor_core::agreement::{
    self, Accept, Acceptance, Agreement, AgreementFilter, AgreementView, CreateAgreement, check_accepted,
};
use lessor_core::identity::{Level, Right};
use lessor_core::journal::{self, EventFilter};
use lessor_core::{Actor, AgreementId, Caller, Error, Grant, Noun, ProductId, Refusal, UserId, Who};
use lessor_testkit::{Bench, on_both_engines};

fn terms(vendor: &Account, product: Option<ProductId>, name: &str) -> CreateAgreement {
    CreateAgreement {
        id: None,
        tenant: vendor.id,
        product,
        name: name.into(),
        text: "Be kind.".into(),
        url: String::new(),
    }
}

async fn create(bench: &Bench, product: Option<ProductId>, name: &str) -> Agreement {
    let command = terms(&bench.root, product, name);
    bench.write(move |tx, cx| agreement::create(tx, cx, &command)).await.expect("an agreement")
}

async fn accept_as(
    bench: &Bench,
    caller: &Caller,
    agreement: AgreementId,
    account: &Account,
) -> Result<Acceptance, Error> {
    let command = Accept { agreement, account: account.id };
    bench.app.write(caller, move |tx, cx| agreement::accept(tx, cx, &command)).await
}

async fn accept(bench: &Bench, agreement: &Agreement, account: &Account) -> Result<Acceptance, Error> {
    accept_as(bench, &bench.app.system(), agreement.id, account).await
}

async fn outstanding(bench: &Bench, account: &Account, product: ProductId) -> Vec<AgreementId> {
    let account = account.clone();
    let open = bench.read(move |tx, _| agreement::outstanding(tx, &account, product)).await.expect("an answer");
    open.into_iter().map(|agreement| agreement.id).collect()
}

async fn view(bench: &Bench, agreement: &Agreement, account: &Account) -> AgreementView {
    let (id, account) = (agreement.id, account.id);
    bench.read(move |tx, cx| agreement::get(tx, cx, id, account)).await.expect("the agreement")
}

fn somebody(bench: &Bench, account: &Account, level: Level, rights: Option<Vec<Right>>) -> Caller {
    let grants = vec![Grant { path: account.path.clone(), level }];
    let who = Who::User(UserId(uuid::Uuid::from_u128(7)));
    let (tenant, path) = (account.tenant, account.path.clone());
    bench.caller(Actor { who, account: account.id, tenant, path, grants, rights, draws: false })
}

on_both_engines! {
    an_account_accepts_for_itself_and_all_below_it(bench) {
        let product = bench.product("Paint").await.id;
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let sister = bench.account(bench.root.id, Kind::Customer, "Sister").await;
        let general = create(&bench, None, "General terms").await;
        assert_eq!(outstanding(&bench, &customer, product).await, [general.id]);
        let accepted = accept(&bench, &general, &partner).await.expect("accepted");
        assert!(outstanding(&bench, &customer, product).await.is_empty());
        assert!(outstanding(&bench, &partner, product).await.is_empty());
        assert_eq!(outstanding(&bench, &sister, product).await, [general.id]);
        assert_eq!(outstanding(&bench, &bench.root, product).await, [general.id]);
        assert_eq!(view(&bench, &general, &customer).await.acceptance, Some(accepted));
        assert_eq!(view(&bench, &general, &sister).await.acceptance, None);
        // The nearest one is shown.
        bench.pass_hours(1);
        let own = accept(&bench, &general, &customer).await.expect("accepted");
        assert_eq!(view(&bench, &general, &customer).await.acceptance, Some(own));
    }

    only_what_is_about_the_product_is_asked_for_and_the_oldest_first(bench) {
        let (paint, draw) = (bench.product("Paint").await.id, bench.product("Draw").await.id);
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let cloud = create(&bench, Some(paint), "Cloud").await;
        let general = create(&bench, None, "General").await;
        assert_eq!(outstanding(&bench, &customer, paint).await, [cloud.id, general.id]);
        assert_eq!(outstanding(&bench, &customer, draw).await, [general.id]);
        let (account, first) = (customer.clone(), cloud.id);
        let refused = bench.read(move |tx, _| check_accepted(tx, &account, paint)).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotAccepted { agreement })) if agreement == first), "{refused:?}");
        accept(&bench, &cloud, &customer).await.expect("accepted");
        accept(&bench, &general, &customer).await.expect("accepted");
        let account = customer.clone();
        bench.read(move |tx, _| check_accepted(tx, &account, paint)).await.expect("all is accepted");

        let filter = AgreementFilter { tenant: bench.root.id, product: Some(draw), account: customer.id };
        let listed = bench.read(move |tx, cx| agreement::list(tx, cx, &filter, None, 10)).await.expect("a list");
        assert_eq!(listed.iter().map(|view| view.agreement.id).collect::<Vec<_>>(), [general.id]);
        assert!(listed[0].acceptance.is_some());
        let filter = AgreementFilter { tenant: bench.root.id, product: None, account: bench.root.id };
        let after = cloud.id;
        let rest = bench.read(move |tx, cx| agreement::list(tx, cx, &filter, Some(after), 10)).await.expect("a list");
        assert_eq!(rest.iter().map(|view| view.agreement.id).collect::<Vec<_>>(), [general.id]);
        assert!(rest[0].acceptance.is_none());
    }

    who_accepts_twice_or_with_others_at_once_accepts_once(bench) {
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let general = create(&bench, None, "General").await;
        let outcomes = bench.all_at_once(8, |_| accept(&bench, &general, &customer)).await;
        let first = outcomes[0].clone().expect("accepted");
        for outcome in outcomes {
            assert_eq!(outcome.expect("accepted"), first);
        }
        bench.pass_hours(5);
        assert_eq!(accept(&bench, &general, &customer).await.expect("unchanged"), first);
        let filter = EventFilter { subject: Some(general.id.0) };
        let events = bench.read(move |tx, cx| journal::list(tx, cx, &filter, None, 100)).await.expect("events");
        assert_eq!(events.iter().filter(|event| event.kind == "agreement.accepted").count(), 1);
    }

    what_is_retired_is_asked_of_nobody_and_stays_known(bench) {
        let product = bench.product("Paint").await.id;
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let late = bench.account(bench.root.id, Kind::Customer, "Late").await;
        let general = create(&bench, None, "General").await;
        let accepted = accept(&bench, &general, &customer).await.expect("accepted");
        let id = general.id;
        let retired = bench.write(move |tx, cx| agreement::retire(tx, cx, id)).await.expect("retired");
        assert!(retired.retired_at.is_some());
        bench.pass_hours(1);
        let again = bench.write(move |tx, cx| agreement::retire(tx, cx, id)).await.expect("retired before");
        assert_eq!(again, retired);
        assert!(outstanding(&bench, &late, product).await.is_empty());
        let refused = accept(&bench, &general, &late).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Closed(Noun::Agreement)))), "{refused:?}");
        assert_eq!(accept(&bench, &general, &customer).await.expect("unchanged"), accepted);
        assert_eq!(view(&bench, &general, &customer).await.acceptance, Some(accepted));
    }

    only_the_vendor_makes_agreements_and_only_who_may_write_accepts(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let sister = bench.account(bench.root.id, Kind::Customer, "Sister").await;
        let stranger = bench.other_vendor("Other").await;
        let general = create(&bench, None, "General").await;

        let writer = somebody(&bench, &partner, Level::Write, None);
        let reader = somebody(&bench, &partner, Level::Read, None);
        let command = terms(&bench.root, None, "Mine");
        let refused = bench.app.write(&writer, move |tx, cx| agreement::create(tx, cx, &command)).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotFound(Noun::Account)))), "{refused:?}");
        let command = terms(&partner, None, "Mine");
        let refused = bench.app.write(&writer, move |tx, cx| agreement::create(tx, cx, &command)).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Malformed { field: "vendor", .. }))), "{refused:?}");
        let id = general.id;
        let refused = bench.app.write(&writer, move |tx, cx| agreement::retire(tx, cx, id)).await;
        assert!(matches!(refused, Err(Error::Forbidden)), "{refused:?}");

        let refused = accept_as(&bench, &reader, general.id, &partner).await;
        assert!(matches!(refused, Err(Error::Forbidden)), "{refused:?}");
        let limited = somebody(&bench, &partner, Level::Write, Some(vec![Right::CATALOG_READ]));
        let refused = accept_as(&bench, &limited, general.id, &partner).await;
        assert!(matches!(refused, Err(Error::Forbidden)), "{refused:?}");
        let refused = accept_as(&bench, &writer, general.id, &sister).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotFound(Noun::Account)))), "{refused:?}");
        accept_as(&bench, &writer, general.id, &customer).await.expect("for one below");

        let outsider = somebody(&bench, &stranger, Level::Write, None);
        let refused = accept_as(&bench, &outsider, general.id, &stranger).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotFound(Noun::Agreement)))), "{refused:?}");
        let (tenant, own) = (bench.root.id, stranger.id);
        let filter = AgreementFilter { tenant, product: None, account: own };
        let refused = bench.app.read(&outsider, move |tx, cx| agreement::list(tx, cx, &filter, None, 10)).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotFound(Noun::Account)))), "{refused:?}");
        // Terms are a vendor's: nobody accepts those of one tenant for an account of another.
        let refused = accept(&bench, &general, &stranger).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotFound(Noun::Agreement)))), "{refused:?}");
    }

    who_has_accepted_is_told_of_ones_own_branch(bench) {
        let partner = bench.account(bench.root.id, Kind::Partner, "Fabrikam").await;
        let customer = bench.account(partner.id, Kind::Customer, "Customer").await;
        let sister = bench.account(bench.root.id, Kind::Customer, "Sister").await;
        let general = create(&bench, None, "General").await;
        for account in [&partner, &customer, &sister] {
            accept(&bench, &general, account).await.expect("accepted");
        }
        let shown = |caller: Caller, after| {
            let (bench, id) = (bench.clone(), general.id);
            async move {
                let all = bench.app.read(&caller, move |tx, cx| agreement::acceptances(tx, cx, id, after, 10)).await;
                all.expect("acceptances").into_iter().map(|one| one.account).collect::<Vec<_>>()
            }
        };
        assert_eq!(shown(bench.app.system(), None).await, [partner.id, customer.id, sister.id]);
        assert_eq!(shown(bench.app.system(), Some(customer.id)).await, [sister.id]);
        assert_eq!(shown(somebody(&bench, &partner, Level::Read, None), None).await, [partner.id, customer.id]);
    }

    what_is_no_agreement_is_refused(bench) {
        let theirs = bench.other_vendor("Other").await;
        let product = bench.product("Paint").await.id;
        let good = terms(&bench.root, None, "General");
        let bad = [
            CreateAgreement { name: " ".into(), ..good.clone() },
            CreateAgreement { text: String::new(), ..good.clone() },
            CreateAgreement { text: "x".repeat(100_001), ..good.clone() },
            CreateAgreement { url: "a\nb".into(), ..good.clone() },
        ];
        for command in bad {
            let refused = bench.write(move |tx, cx| agreement::create(tx, cx, &command)).await;
            assert!(matches!(refused, Err(Error::Refused(Refusal::Malformed { .. }))), "{refused:?}");
        }
        let command = CreateAgreement { tenant: theirs.id, product: Some(product), ..good };
        let refused = bench.write(move |tx, cx| agreement::create(tx, cx, &command)).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotFound(Noun::Product)))), "{refused:?}");
    }

    an_agreement_is_made_accepted_and_retired_whole(bench) {
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let system = || bench.app.system();
        let command = terms(&bench.root, None, "General");
        let made = survives(&bench, system(), move |tx, cx| agreement::create(tx, cx, &command)).await.id;
        let command = Accept { agreement: made, account: customer.id };
        survives(&bench, system(), move |tx, cx| agreement::accept(tx, cx, &command)).await;
        survives(&bench, system(), move |tx, cx| agreement::retire(tx, cx, made)).await;
    }
}
