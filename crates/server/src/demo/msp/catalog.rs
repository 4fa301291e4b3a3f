//! What the vendor sells: two products that go into one another, a bundle, one whose terms have to be accepted; and prices.

use lessor_core::agreement::{self, CreateAgreement};
use lessor_core::billing::{self, Amount, Billed, NewPriceList, Target, Tier};
use lessor_core::catalog::{self, CreateProduct, Direction, Exchange};
use lessor_core::license::Terms;
use lessor_core::metering::day::Day;
use lessor_core::metering::{self, Aggregation, CreateMeter, LevelRule};
use lessor_core::{AccountId, App, Context, Error, Noun, PriceCategoryId, ProductId, Tx, alias};
use lessor_eset::ids;
use std::collections::HashMap;

/// Code, name, and what a seat costs a day from 1, from 25 and from 100 seats on.
const GOODS: [(&str, &str, [&str; 3]); 5] = [
    ("107", "Polaris Endpoint Antivirus", ["0.03", "0.028", "0.025"]),
    ("111", "Polaris Endpoint Security", ["0.04", "0.036", "0.03"]),
    ("150", "Polaris Server Security", ["0.05", "0.046", "0.04"]),
    ("211", "Polaris Protect Complete", ["0.07", "0.064", "0.055"]),
    ("2015", "Polaris Cloud Sandbox", ["0.02", "0.018", "0.015"]),
];
/// From how many seats on each price is.
const TIERS: [i64; 3] = [1, 25, 100];
/// The first day of all prices, before anything was ordered.
const PRICES_FROM: &str = "2020-01-01";

/// What is sold, by its code.
pub(super) struct Goods(HashMap<&'static str, (ProductId, PriceCategoryId)>);

/// Makes the catalog.
pub(super) async fn make(app: &App, vendor: AccountId) -> Result<Goods, Error> {
    let system = app.system();
    let made = app.write(&system, move |tx, cx| {
        let mut goods = HashMap::new();
        for (code, name, _) in GOODS {
            goods.insert(code, good(tx, cx, vendor, code, name)?);
        }
        let product = |code: &str| goods[code].0;
        for (from, to, direction) in [("107", "111", Direction::Upgrade), ("111", "107", Direction::Downgrade)] {
            catalog::set_exchanges(tx, cx, product(from), &[Exchange { to: product(to), direction }])?;
        }
        catalog::set_bundled(tx, cx, product("211"), &[product("111"), product("150")])?;
        let terms = CreateAgreement {
            id: None,
            tenant: vendor,
            product: Some(product("2015")),
            name: "Polaris Cloud Sandbox: terms of use".into(),
            text: "Files that are looked at in the sandbox leave your network and are kept for 30 days.".into(),
            url: String::new(),
        };
        agreement::create(tx, cx, &terms)?;
        let units = CreateMeter {
            tenant: vendor,
            name: "eset.activated_units".into(),
            aggregation: Aggregation::Level,
            level_rule: Some(LevelRule::Last),
            unit: "units".into(),
            time_zone: "UTC".into(),
            cutoff_minutes: 0,
            key_attribute: None,
            from_devices: false,
        };
        metering::create(tx, cx, &units)?;
        Ok(goods)
    });
    Ok(Goods(made.await?))
}

fn good(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    code: &str,
    name: &str,
) -> Result<(ProductId, PriceCategoryId), Error> {
    let product = CreateProduct {
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
    let product = catalog::create_product(tx, cx, &product)?.id;
    alias::give(tx, tenant, ids::PRODUCT, code, product.0, Noun::Product)?;
    let category = catalog::create_price_category(tx, cx, tenant, name)?.id;
    alias::give(tx, tenant, ids::CATEGORY, code, category.0, Noun::PriceCategory)?;
    catalog::set_price_categories(tx, cx, product, &[category])?;
    Ok((product, category))
}

impl Goods {
    /// One of them.
    pub(super) fn product(&self, code: &str) -> ProductId {
        self.0[code].0
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<ProductId> {
        GOODS.iter().map(|(code, ..)| self.0[code].0).collect()
    }

    /// What these companies pay for everything below them.
    pub(super) async fn price(&self, app: &App, payers: &[AccountId]) -> Result<(), Error> {
        let mut lists = Vec::new();
        for account in payers {
            for (code, _, prices) in GOODS {
                let tiers = TIERS.into_iter().zip(prices);
                let price = |(from, text): (i64, &str)| {
                    let price = Amount::parse(text).ok_or(Error::not_found(Noun::PriceList))?;
                    Ok(Tier { from, price })
                };
                lists.push(NewPriceList {
                    account: *account,
                    billed: Billed::Branch,
                    target: Target::Category(self.0[code].1),
                    name: "Default".into(),
                    currency: "EUR".into(),
                    discount: 0,
                    from: Day::parse(PRICES_FROM).ok_or(Error::not_found(Noun::PriceList))?,
                    until: None,
                    tiers: tiers.map(price).collect::<Result<_, Error>>()?,
                });
            }
        }
        let system = app.system();
        let set = app.write(&system, move |tx, cx| {
            for list in &lists {
                billing::create_price_list(tx, cx, list)?;
            }
            Ok(())
        });
        set.await
    }
}
