//! The world with a catalogue, prices, terms of use, old ids and one license: what transcripts play on.

use crate::world::World;
use lessor_core::agreement::{self, CreateAgreement};
use lessor_core::alias::{self, Space};
use lessor_core::billing::{self, Amount, Billed, NewPriceList, Target, Tier};
use lessor_core::catalog::{self, CreateProduct, Direction, Exchange};
use lessor_core::license::Terms;
use lessor_core::metering::day::Day;
use lessor_core::order::{self, ChangeOffers, ChangeRules, Order};
use lessor_core::{AccountId, AgreementId, Error, Noun, PriceCategoryId, ProductId};
use lessor_eset::{Settings, ids};
use lessor_testkit::Bench;
use std::collections::BTreeMap;

/// Codes, names and price categories of the products.
pub const PRODUCTS: [(&str, &str, &str); 5] = [
    ("107", "Basic", "111"),
    ("111", "Endpoint Security", "111"),
    ("121", "LiveGuard Advanced", "121"),
    ("211", "Advanced", "111"),
    ("300", "Complete", "111"),
];
/// The key of the license that is there.
pub const KEY: &str = "3AB-C4D-E5F";

/// The world with all that.
pub struct Stage {
    pub world: World,
    /// The terms of `121`.
    pub terms: AgreementId,
}

impl Stage {
    pub async fn new(bench: &Bench) -> Self {
        Self::with(bench, Settings::new("https://lessor.example/#link=")).await
    }

    pub async fn with(bench: &Bench, settings: Settings) -> Self {
        let world = World::with(bench, settings).await;
        let products = catalogue(bench).await;
        let (tenant, product) = (bench.root.id, Some(products["121"]));
        let (name, text) = ("LiveGuard Advanced".to_owned(), "Be good.".to_owned());
        let terms = CreateAgreement { id: None, tenant, product, name, text, url: "https://example.test/t".into() };
        let terms = bench.write(move |tx, cx| agreement::create(tx, cx, &terms)).await.expect("an agreement").id;
        for company in ["distributor", "division", "manager", "trusted", "untrusted", "msp", "direct-msp"] {
            offer(bench, world.company(company).id, products.values().copied().collect(), company == "untrusted").await;
        }
        // Two places for a customer.
        let customer = world.company("other-customer").id;
        let cmd = Order { customer, product: products["107"], quantity: 2, trial_days: None };
        let made = bench.write(move |tx, cx| {
            let license = order::order(tx, cx, &cmd, Some(KEY))?;
            alias::give(tx, tenant, ids::LICENSE, KEY, license.id.0, Noun::License)?;
            Ok::<_, Error>(license)
        });
        let license = made.await.expect("a license");
        let olds = [
            (ids::OLD_COMPANY, "4711", world.company("msp").id.0),
            (ids::OLD_SITE, "77", customer.0),
            (ids::OLD_SITE_KEY, "ERA-77", customer.0),
            (ids::OLD_LICENSE, "900", license.id.0),
            (ids::OLD_USER, "55", world.company("msp").user.0),
            (ids::OLD_COMPANY, "1", world.company("other-distributor").id.0),
        ];
        let named = bench.write(move |tx, _| {
            let give = |(space, old, record): &(Space, &str, uuid::Uuid)| {
                alias::give(tx, tenant, *space, old, *record, Noun::Account)
            };
            olds.iter().try_for_each(give)
        });
        named.await.expect("old ids");
        Self { world, terms }
    }
}

async fn catalogue(bench: &Bench) -> BTreeMap<&'static str, ProductId> {
    let tenant = bench.root.id;
    let made = bench.write(move |tx, cx| {
        let mut categories = BTreeMap::new();
        for (code, name) in [("111", "Endpoint"), ("121", "LiveGuard")] {
            let category = catalog::create_price_category(tx, cx, tenant, name)?.id;
            alias::give(tx, tenant, ids::CATEGORY, code, category.0, Noun::PriceCategory)?;
            categories.insert(code, category);
        }
        let mut products = BTreeMap::new();
        for (code, name, category) in PRODUCTS {
            let cmd = CreateProduct {
                id: None,
                tenant,
                name: name.into(),
                trial_offered: false,
                trial_days: 0,
                terms: Terms::default(),
                groups: Vec::new(),
                features: Vec::new(),
                values: Vec::new(),
            };
            let product = catalog::create_product(tx, cx, &cmd)?.id;
            alias::give(tx, tenant, ids::PRODUCT, code, product.0, Noun::Product)?;
            catalog::set_price_categories(tx, cx, product, &[categories[category]])?;
            products.insert(code, product);
        }
        let exchange = |code: &str, direction| Exchange { to: products[code], direction };
        let exchanges = [exchange("211", Direction::Upgrade), exchange("107", Direction::Downgrade)];
        catalog::set_exchanges(tx, cx, products["111"], &exchanges)?;
        catalog::set_bundled(tx, cx, products["300"], &[products["107"], products["111"]])?;
        Ok::<_, Error>(products)
    });
    made.await.expect("a catalogue")
}

async fn offer(bench: &Bench, account: AccountId, add: Vec<ProductId>, by_request: bool) {
    let offers = ChangeOffers { account, add, remove: Vec::new() };
    let rules =
        ChangeRules { account, trials_allowed: Some(true), by_request: Some(by_request), accept_pending: false };
    let done = bench.write(move |tx, cx| {
        order::change_offers(tx, cx, &offers)?;
        order::change_rules(tx, cx, &rules, &|_| None)
    });
    done.await.expect("offers");
}

/// Bills each of these companies for its branch: 0.04 EUR for a day of a seat, 0.035 from 25 on; of one category.
pub async fn price(stage: &Stage, companies: &[&str], category: &'static str) {
    price_less(stage, companies, category, 0).await;
}

/// As [`price`], less a discount in hundredths of a percent.
pub async fn price_less(stage: &Stage, companies: &[&str], category: &'static str, discount: i64) {
    let tenant = stage.world.bench.root.id;
    let accounts: Vec<AccountId> = companies.iter().map(|name| stage.world.company(name).id).collect();
    let tier = |from, price| Tier { from, price: Amount::parse(price).expect("a price") };
    let tiers = vec![tier(1, "0.04"), tier(25, "0.035")];
    let done = stage.world.bench.write(move |tx, cx| {
        let category = alias::resolve(tx, tenant, ids::CATEGORY, category)?.expect("a category");
        for account in &accounts {
            let cmd = NewPriceList {
                account: *account,
                billed: Billed::Branch,
                target: Target::Category(PriceCategoryId(category)),
                name: "Default".into(),
                currency: "EUR".into(),
                discount,
                from: Day::parse("2025-01-01").expect("a day"),
                until: None,
                tiers: tiers.clone(),
            };
            billing::create_price_list(tx, cx, &cmd)?;
        }
        Ok::<_, Error>(())
    });
    done.await.expect("price lists");
}
