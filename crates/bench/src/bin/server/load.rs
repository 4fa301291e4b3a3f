//! Fills a store with a vendor, a product with a feature of every kind, customers and their licenses.

use clap::Args;
use lessor_core::account::{self, CreateAccount, Kind};
use lessor_core::catalog::{
    self, CreateProduct, CreateProfile, FeatureKind, FeatureSetting, NewFeature, SettingsChange,
};
use lessor_core::clock::{Clock, SystemClock};
use lessor_core::license::{self, Codes, IssueLicenses, Role, Terms};
use lessor_core::{AccountId, App, Context, Error, Noun, ProductId, ProfileId, Tx, alias};
use lessor_server::first_start;
use lessor_server::settings::Storage;
use lessor_server::storage;
use lessor_zentitle::{KeyType, create_key, ids, set_up_tenant};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

lessor_db::statements! {
    /// Gives every license tokens that no measurement uses up.
    FILL_TOKENS = "UPDATE grants SET unit_limit = $2, enabled = TRUE WHERE feature_id = $1";
}

/// Licenses in one commit.
const COMMIT: u64 = 5_000;
/// Licenses of one customer.
const PER_CUSTOMER: u64 = 1_000;
/// More than anything uses.
const PLENTY: i64 = 1_000_000_000;
const FEATURES: [(&str, FeatureKind); 5] = [
    ("FLAG", FeatureKind::Flag),
    ("FLOAT", FeatureKind::Floating),
    ("POOL", FeatureKind::Pool),
    ("TOKEN", FeatureKind::Tokens),
    ("STORE", FeatureKind::Store),
];

#[derive(Args)]
pub struct Load {
    /// Folder of the database
    #[arg(long, required_unless_present = "database")]
    data: Option<PathBuf>,
    /// PostgreSQL instead
    #[arg(long, conflicts_with = "data")]
    database: Option<String>,
    /// How many licenses
    #[arg(long)]
    licenses: u64,
    /// Where to write what requests need to know
    #[arg(long)]
    facts: PathBuf,
}

impl Load {
    /// Fills the store and closes it.
    pub fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let place = match (self.data, self.database) {
            (Some(dir), _) => Storage::Folder(dir),
            (None, Some(url)) => Storage::Postgres { url, ca: None },
            (None, None) => return Err("neither folder nor database".into()),
        };
        let store = storage::open(&place)?;
        let secret = storage::secret(&store)?;
        let app = App::new(store, Arc::new(SystemClock::start()) as Arc<dyn Clock>, secret);
        first_start::run(&app)?;
        let vendor = make_vendor(&app)?;
        for first in (0..self.licenses).step_by(COMMIT as usize) {
            make_licenses(&app, &vendor, first..self.licenses.min(first + COMMIT))?;
        }
        let tokens = vendor.tokens;
        app.write_blocking(&app.system(), move |tx, _| Ok(tx.execute(FILL_TOKENS, &[tokens.into(), PLENTY.into()])?))?;
        let facts = json!({
            "product": vendor.product.to_string(),
            "number": PRODUCT_NUMBER,
            "bearer": format!("bearer {CUSTOMER}:{}", vendor.key),
        });
        std::fs::write(&self.facts, facts.to_string())?;
        storage::close(&place, app.store())?;
        Ok(())
    }
}

const CUSTOMER: &str = "1234";
const PRODUCT_NUMBER: &str = "6453300110";

/// What licenses are made of.
#[derive(Clone)]
struct Vendor {
    id: AccountId,
    product: ProductId,
    profile: ProfileId,
    tokens: uuid::Uuid,
    key: String,
}

fn make_vendor(app: &App) -> Result<Vendor, Error> {
    app.write_blocking(&app.system(), |tx, cx| {
        let vendor = account::create(tx, cx, &account(None, Kind::Vendor, "Northlight Software"))?;
        set_up_tenant(tx, cx, vendor.id, CUSTOMER, "64533")?;
        let key = create_key(tx, cx, vendor.id, KeyType::ReadOnly, "Bench")?;
        let product = catalog::create_product(tx, cx, &product(vendor.id))?;
        alias::give(tx, vendor.id, ids::PRODUCT, PRODUCT_NUMBER, product.id.0, Noun::Product)?;
        let profile = catalog::create_profile(tx, cx, &profile(product.id))?;
        ids::give_number(tx, vendor.id, ids::PROFILE, profile.id.0, Noun::Profile)?;
        let known = catalog::catalog(tx, vendor.id, product.id)?;
        let tokens = known.feature("TOKEN")?.id.0;
        Ok(Vendor { id: vendor.id, product: product.id, profile: profile.id, tokens, key })
    })
}

/// An account to make.
pub fn account(parent: Option<AccountId>, kind: Kind, name: &str) -> CreateAccount {
    CreateAccount { id: None, parent, kind, name: name.to_owned(), contact: json!({}) }
}

/// Leases of a week, as many activations as the load makes.
fn terms() -> Terms {
    Terms { online_lease_hours: 168, activation_limit: PLENTY, ..Terms::default() }
}

fn product(tenant: AccountId) -> CreateProduct {
    let feature = |(code, kind): (&str, FeatureKind)| NewFeature {
        code: code.to_owned(),
        name: format!("The {code}"),
        notes: String::new(),
        kind,
        group: None,
        in_trials: false,
    };
    CreateProduct {
        id: None,
        tenant,
        name: "Paint".to_owned(),
        trial_offered: false,
        trial_days: 30,
        terms: terms(),
        groups: Vec::new(),
        features: FEATURES.into_iter().map(feature).collect(),
        values: vec![("colour".to_owned(), "grey".to_owned())],
    }
}

fn profile(product: ProductId) -> CreateProfile {
    let on = |(code, kind): (&str, FeatureKind)| FeatureSetting {
        code: code.to_owned(),
        enabled: Some(true),
        limit: matches!(kind, FeatureKind::Floating | FeatureKind::Pool).then_some(PLENTY),
    };
    CreateProfile {
        product,
        name: "Professional".to_owned(),
        reseller: None,
        enabled: true,
        acquired: false,
        terms: terms(),
        settings: SettingsChange { features: FEATURES.into_iter().map(on).collect(), ..SettingsChange::default() },
    }
}

fn make_licenses(app: &App, vendor: &Vendor, range: std::ops::Range<u64>) -> Result<(), Error> {
    let vendor = vendor.clone();
    app.write_blocking(&app.system(), move |tx, cx| {
        let mut first = range.start;
        while first < range.end {
            let end = range.end.min(first + PER_CUSTOMER);
            let customer = make_customer(tx, cx, vendor.id, first)?;
            let issue = IssueLicenses {
                product: vendor.product,
                account: Some(customer),
                profile: Some(vendor.profile),
                codes: Codes::Import((first..end).map(lessor_bench::code).collect()),
                reference: String::new(),
                order: format!("order-{first}"),
                role: Role::Standard,
            };
            license::issue(tx, cx, &issue)?;
            first = end;
        }
        Ok(())
    })
}

fn make_customer(tx: &mut dyn Tx, cx: &Context<'_>, vendor: AccountId, number: u64) -> Result<AccountId, Error> {
    let name = format!("Customer {number}");
    let customer = account::create(tx, cx, &account(Some(vendor), Kind::Customer, &name))?;
    ids::give_number(tx, vendor, ids::COMPANY, customer.id.0, Noun::Account)?;
    Ok(customer.id)
}
