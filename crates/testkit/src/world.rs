//! A small world for tests: a product with a feature of every kind, licenses to it, and devices that use them.

use crate::Bench;
use lessor_core::catalog::{self, CreateProduct, FeatureKind, FeatureSetting, NewFeature, NewGroup, Product};
use lessor_core::device::{self, Activate, Activation, DeviceCredential, DeviceFacts, Leased, Renew};
use lessor_core::license::{self, ChangeLicense, Codes, IssueLicenses, License, LicenseView, Role, Segment, Terms};
use lessor_core::{App, Error, LicenseId, ProductId, ProfileId};

/// Codes of the five features, one of each kind.
pub const FEATURES: [(&str, FeatureKind); 5] = [
    ("FLAG", FeatureKind::Flag),
    ("FLOAT", FeatureKind::Floating),
    ("POOL", FeatureKind::Pool),
    ("TOKEN", FeatureKind::Tokens),
    ("STORE", FeatureKind::Store),
];

/// An activation as its device remembers it.
#[derive(Clone, Debug)]
pub struct Held {
    /// The activation and its first lease.
    pub leased: Leased,
    /// What the device presents.
    pub credential: DeviceCredential,
    /// Was the activation new?
    pub new: bool,
}

impl Held {
    /// The activation.
    pub fn activation(&self) -> &Activation {
        &self.leased.activation
    }
}

/// A product that offers a trial of 30 days and has a feature of every kind; the flag is on in trials.
pub fn new_product(bench: &Bench, name: &str) -> CreateProduct {
    let feature = |(code, kind): (&str, FeatureKind)| NewFeature {
        code: code.into(),
        name: format!("The {code}"),
        notes: String::new(),
        kind,
        group: Some("Things".into()),
        in_trials: kind == FeatureKind::Flag,
    };
    CreateProduct {
        id: None,
        tenant: bench.root.id,
        name: name.into(),
        trial_offered: true,
        trial_days: 30,
        terms: Terms::default(),
        groups: vec![NewGroup { name: "Things".into(), notes: String::new() }],
        features: FEATURES.into_iter().map(feature).collect(),
        values: vec![("colour".into(), "grey".into())],
    }
}

/// Asks for licenses of the vendor's own.
pub fn issue_of(product: ProductId, profile: Option<ProfileId>, codes: Codes) -> IssueLicenses {
    IssueLicenses {
        product,
        account: None,
        profile,
        codes,
        reference: String::new(),
        order: "order-1".into(),
        role: Role::Standard,
    }
}

/// A device asks for a license, or for a trial without a code.
pub fn activate_on(product: ProductId, code: Option<&str>, device: &str) -> Activate {
    Activate {
        product,
        code: code.map(str::to_owned),
        device: DeviceFacts { fingerprint: device.into(), ..DeviceFacts::default() },
        end_user: None,
        user: String::new(),
        lease_days: None,
        system: None,
        consumer: None,
    }
}

/// The name of the n-th device.
pub fn device(n: usize) -> String {
    format!("device-{n:04}")
}

impl Bench {
    /// A product as [`new_product`] describes it.
    pub async fn product(&self, name: &str) -> Product {
        let command = new_product(self, name);
        self.write(move |tx, cx| catalog::create_product(tx, cx, &command)).await.expect("a product")
    }

    /// New licenses with generated codes.
    pub async fn issue(&self, product: ProductId, profile: Option<ProfileId>, amount: i64) -> Vec<(LicenseId, String)> {
        let command = issue_of(product, profile, Codes::Generate(amount));
        self.write(move |tx, cx| license::issue(tx, cx, &command)).await.expect("licenses")
    }

    /// A new license with all its features on and these terms, and 10 seats, 10 elements and 10 tokens.
    pub async fn license(&self, product: ProductId, terms: Terms) -> License {
        let (id, _) = self.issue(product, None, 1).await.remove(0);
        let on = |(code, kind): (&str, FeatureKind)| FeatureSetting {
            code: code.into(),
            enabled: Some(true),
            limit: matches!(kind, FeatureKind::Floating | FeatureKind::Pool).then_some(10),
        };
        let mut change = ChangeLicense::of(id);
        change.settings.features = FEATURES.into_iter().map(on).collect();
        change.terms = to_terms(&terms);
        self.change(change).await.expect("a change");
        let tokens = license::SetTokens { license: id, feature: "TOKEN".into(), limit: Some(10), checked_out: None };
        self.write(move |tx, cx| license::set_tokens(tx, cx, &tokens)).await.expect("tokens");
        self.view(id).await.license
    }

    /// Changes a license.
    ///
    /// # Errors
    /// The command's own.
    pub async fn change(&self, command: ChangeLicense) -> Result<License, Error> {
        self.write(move |tx, cx| license::change(tx, cx, &command)).await
    }

    /// A license as the back office sees it.
    pub async fn view(&self, id: LicenseId) -> LicenseView {
        self.read(move |tx, cx| license::get(tx, cx, id)).await.expect("a license")
    }

    /// What a license has in use of a feature, and how much there is.
    pub async fn used(&self, id: LicenseId, feature: &str) -> (i64, i64) {
        let view = self.view(id).await;
        let product = view.license.product;
        let tenant = self.root.id;
        let known = self.read(move |tx, _| catalog::catalog(tx, tenant, product)).await.expect("a catalog");
        let grant =
            view.settings.grants.get(&known.feature(feature).expect("a feature").id).copied().unwrap_or_default();
        (grant.used, grant.limit)
    }

    /// The segments of a license.
    pub async fn segments(&self, id: LicenseId) -> Vec<Segment> {
        self.read(move |tx, cx| license::segments(tx, cx, id)).await.expect("segments")
    }

    /// Activates on this application.
    ///
    /// # Errors
    /// The command's own.
    pub async fn activate(&self, command: Activate) -> Result<Held, Error> {
        self.activate_at(&self.app, command).await
    }

    /// Activates on another application over the same storage.
    ///
    /// # Errors
    /// The command's own.
    pub async fn activate_at(&self, app: &App, command: Activate) -> Result<Held, Error> {
        let caller = self.caller(lessor_core::Actor::device());
        let (leased, new) = app.write(&caller, move |tx, cx| device::activate(tx, cx, &command)).await?;
        let secret = self.app.secret().device_secret(leased.activation.id, leased.activation.secret_generation);
        let credential = DeviceCredential { activation: leased.activation.id, secret };
        Ok(Held { leased, credential, new })
    }

    /// Renews a lease.
    ///
    /// # Errors
    /// The command's own.
    pub async fn renew(&self, held: &Held) -> Result<Leased, Error> {
        let command = Renew { device: held.credential.clone(), number: None, clock_set_back: None };
        self.as_device(move |tx, cx| device::renew(tx, cx, &command)).await
    }

    /// The device gives its license back.
    ///
    /// # Errors
    /// The command's own.
    pub async fn give_back(&self, held: &Held) -> Result<Activation, Error> {
        let credential = held.credential.clone();
        self.as_device(move |tx, cx| device::give_back(tx, cx, &credential)).await
    }

    /// Runs a command as a device.
    ///
    /// # Errors
    /// The command's own.
    pub async fn as_device<T, F>(&self, command: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn lessor_core::Tx, &lessor_core::Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.app.write(&self.caller(lessor_core::Actor::device()), command).await
    }
}

/// The change that makes fresh default terms those.
fn to_terms(terms: &Terms) -> license::TermsChange {
    let term = license::TermChange { kind: terms.term.kind, days: Some(terms.term.days), end: Some(terms.term.end) };
    license::TermsChange {
        online_lease_hours: Some(terms.online_lease_hours),
        virtual_lease_hours: Some(terms.virtual_lease_hours),
        offline_lease_hours: Some(terms.offline_lease_hours),
        term: Some(term),
        maintenance_end: Some(terms.maintenance_end),
        activation_limit: Some(terms.activation_limit),
        process_limit: Some(terms.process_limit),
        concurrency: Some(terms.concurrency),
        network_seats: Some(terms.network_seats),
        heartbeat_minutes: Some(terms.heartbeat_minutes),
    }
}
