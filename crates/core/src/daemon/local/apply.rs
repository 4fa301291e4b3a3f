//! Puts a delegation into force: what it names becomes licenses of the daemon's own store, what it does not name any more
//! is stopped.

use super::{Myself, rows};
use crate::account::{self, CreateAccount, Kind};
use crate::catalog::{
    self, CreateProduct, FeatureKind, FeatureSetting, FunctionSetting, NewFeature, SettingsChange, ValueSetting,
};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::device;
use crate::error::{Error, Refusal};
use crate::id::{AccountId, LicenseId, ProductId};
use crate::journal::{self, Subject};
use crate::license::{
    self, ChangeLicense, Codes, Concurrency, IssueLicenses, Role, SetTokens, TermChange, TermKind, Terms, TermsChange,
};
use lessor_db::Tx;
use lessor_lease::{DelegatedLicense, Delegation, Document, KeyRole, KeyTable, PublicKey, Signer, follow};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Keys of a product vouch for each other without an end: judged at the end of time, a daemon's late clock does no harm.
const END_OF_TIME: i64 = i64::MAX;

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Given {
    /// The daemon's activation.
    pub daemon: String,
    /// Its secret, where the answer tells it.
    pub secret: Option<String>,
    /// How many of its records the server has.
    pub taken: i64,
    /// The delegation, as signed text.
    pub delegation: String,
    /// Endorsements, as signed text.
    pub endorsements: Vec<String>,
    /// The product's public keys, as hex.
    pub keys: Vec<String>,
}

/// What came of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Its delegation is in force already.
    Same,
    /// Its delegation is in force from now on.
    New {
        /// The server's time when it was made. The daemon's clock must not be behind it.
        issued_at: Timestamp,
    },
}

/// Puts an answer into force.
///
/// # Errors
/// `BadCertificate` with the reason for a delegation that is forged, of another server, product or daemon, or without an
/// endorsement of this daemon's key; `StaleCertificate` for one older than what is in force; `DelegationOver` for one that
/// has ended.
pub fn apply(tx: &mut dyn Tx, cx: &Context<'_>, given: &Given) -> Result<Applied, Error> {
    let mut me = super::known(tx)?;
    let checked = Checked::read(&me, given, cx.now)?;
    let delegation = &checked.delegation;
    // The secret is that of one activation.
    let kept = me.secret.take().filter(|_| me.activation.as_ref() == Some(&given.daemon));
    me.activation = Some(given.daemon.clone());
    me.secret = given.secret.clone().or(kept);
    me.sent = given.taken.max(0);
    let same = delegation.number == me.number;
    if same || delegation.number < me.number {
        super::write(tx, &me)?;
        return if same { Ok(Applied::Same) } else { Err(Refusal::StaleCertificate.into()) };
    }
    let place = lay_out(tx, cx, &me, &checked)?;
    me.product = Some(delegation.product.clone());
    me.tenant = Some(delegation.tenant.clone());
    me.trusted = checked.trusted.keys().map(PublicKey::to_hex).collect();
    me.number = delegation.number;
    me.not_after = delegation.not_after;
    super::write(tx, &me)?;
    let seats: u64 = delegation.licenses.iter().map(|license| u64::from(license.seats)).sum();
    let data = json!({
        "number": delegation.number, "until": Timestamp::from_seconds(delegation.not_after),
        "licenses": delegation.licenses.len(), "seats": seats,
    });
    journal::append(tx, cx, "delegation.applied", place.subject(), &data)?;
    Ok(Applied::New { issued_at: Timestamp::from_seconds(delegation.issued_at) })
}

/// Hands out nothing more: what was given is given back, or was taken away. The number stays, so that an old delegation
/// does not come into force again.
pub fn stop(tx: &mut dyn Tx, cx: &Context<'_>, why: &str) -> Result<(), Error> {
    let mut me = super::known(tx)?;
    me.not_after = me.not_after.min(cx.now.seconds());
    super::write(tx, &me)?;
    let (Some(product), Some(tenant)) = (&me.product, &me.tenant) else { return Ok(()) };
    let (Some(product), Some(tenant)) = (ProductId::parse(product), AccountId::parse(tenant)) else { return Ok(()) };
    for (id, _) in rows::delegated(tx, product)? {
        switch_off(tx, cx, id)?;
    }
    let place = Place { tenant, product };
    journal::append(tx, cx, "delegation.stopped", place.subject(), &json!({ "number": me.number, "cause": why }))?;
    Ok(())
}

/// A delegation that may be believed.
struct Checked {
    delegation: Delegation,
    trusted: KeyTable,
    documents: Vec<Document>,
    signer: PublicKey,
    product: ProductId,
    tenant: AccountId,
}

impl Checked {
    fn read(me: &Myself, given: &Given, now: Timestamp) -> Result<Self, Error> {
        let known = if me.trusted.is_empty() { &given.keys } else { &me.trusted };
        let trusted = known.iter().map(|key| PublicKey::parse(key)).collect::<Result<KeyTable, _>>()?;
        let documents = given.endorsements.iter().map(|text| Document::parse(text)).collect::<Result<Vec<_>, _>>();
        let documents = documents?;
        let document = Document::parse(&given.delegation)?;
        let own = me.signer()?.public_key();
        let product = me.product.clone().unwrap_or_else(|| product_of(&document, &trusted, &documents));
        let signer = follow(&trusted, &documents, &product, document.key_id(), END_OF_TIME)?;
        if signer.role != KeyRole::Product {
            return Err(refused("no key of the product signed it"));
        }
        let delegation = document.open_delegation(&KeyTable::from_iter([signer.key]))?;
        let checks = [
            (delegation.product == product, "it is of another product"),
            (me.tenant.as_ref().is_none_or(|tenant| *tenant == delegation.tenant), "it is of another vendor"),
            (delegation.daemon_key == own.to_hex(), "it is for another daemon"),
            (delegation.daemon == given.daemon, "it is of another activation"),
        ];
        if let Some((_, reason)) = checks.into_iter().find(|(good, _)| !good) {
            return Err(refused(reason));
        }
        if delegation.number > me.number && !delegation.is_live(now.seconds()) {
            return Err(Refusal::DelegationOver.into());
        }
        let at = now.seconds().max(delegation.issued_at).min(delegation.not_after - 1);
        let endorsed = follow(&trusted, &documents, &product, own.id(), at)?;
        let whole = endorsed.until.is_some_and(|until| until >= delegation.not_after);
        if endorsed.role != KeyRole::Daemon || endorsed.subject.as_ref() != Some(&delegation.daemon) || !whole {
            return Err(refused("this daemon's key is not endorsed for all of its time"));
        }
        let ids = (ProductId::parse(&delegation.product), AccountId::parse(&delegation.tenant));
        let (Some(product), Some(tenant)) = ids else { return Err(refused("its ids cannot be read")) };
        Ok(Self { delegation, trusted, documents, signer: signer.key, product, tenant })
    }
}

/// Before the first delegation the product's native id is what a trusted key says it is.
fn product_of(document: &Document, trusted: &KeyTable, documents: &[Document]) -> String {
    let direct = document.open_delegation(trusted).map(|delegation| delegation.product);
    let named = || documents.iter().find_map(|document| document.open_endorsement(trusted).ok());
    direct.or_else(|_| named().map(|endorsement| endorsement.product).ok_or(())).unwrap_or_default()
}

fn refused(reason: &str) -> Error {
    Refusal::BadCertificate(reason.into()).into()
}

/// Where in the daemon's own store a product stands.
struct Place {
    tenant: AccountId,
    product: ProductId,
}

impl Place {
    fn subject(&self) -> Subject {
        Subject { kind: "product", id: self.product.0, account: self.tenant, tenant: self.tenant }
    }
}

fn lay_out(tx: &mut dyn Tx, cx: &Context<'_>, me: &Myself, checked: &Checked) -> Result<Place, Error> {
    let Checked { delegation, product, tenant, .. } = checked;
    let place = Place { tenant: *tenant, product: *product };
    make_home(tx, cx, me, &place)?;
    keep_keys(tx, cx, me, checked)?;
    make_names(tx, cx, &place, &delegation.licenses)?;
    let mut old: BTreeMap<String, LicenseId> =
        rows::delegated(tx, place.product)?.into_iter().map(|(id, code)| (code, id)).collect();
    for handed in &delegation.licenses {
        let id = match old.remove(&handed.code) {
            Some(id) => id,
            None => issue(tx, cx, &place, &handed.code)?,
        };
        set(tx, cx, &place, id, handed, Timestamp::from_seconds(delegation.not_after))?;
    }
    for id in old.into_values() {
        switch_off(tx, cx, id)?;
    }
    Ok(place)
}

fn make_home(tx: &mut dyn Tx, cx: &Context<'_>, me: &Myself, place: &Place) -> Result<(), Error> {
    if account::rows::by_id(tx, place.tenant)?.is_none() {
        let vendor = CreateAccount {
            id: Some(place.tenant),
            parent: None,
            kind: Kind::Vendor,
            name: "Vendor".into(),
            contact: json!({}),
        };
        account::create(tx, cx, &vendor)?;
    }
    if catalog::rows::product(tx, place.product)?.is_none() {
        let product = CreateProduct {
            id: Some(place.product),
            tenant: place.tenant,
            name: place.product.to_string(),
            trial_offered: false,
            trial_days: 0,
            terms: Terms::default(),
            groups: Vec::new(),
            features: Vec::new(),
            values: Vec::new(),
        };
        catalog::create_product(tx, cx, &product)?;
    }
    // Devices may call the product what the daemon was told to call it.
    let mut parts = me.named_product.splitn(3, ':');
    if let (Some(dialect), Some("product"), Some(alias)) = (parts.next(), parts.next(), parts.next()) {
        rows::put_alias(tx, place.tenant, dialect, alias, place.product)?;
    }
    Ok(())
}

/// The daemon's own key signs. The product's are shown, so that devices get from one of them to the daemon's.
fn keep_keys(tx: &mut dyn Tx, cx: &Context<'_>, me: &Myself, checked: &Checked) -> Result<(), Error> {
    let own: Signer = me.signer()?;
    let seed = lessor_lease::from_hex(&me.seed).unwrap_or_default();
    let key = |key: PublicKey, seed, state| rows::Key { id: key.id().to_bytes(), seed, public: key.to_bytes(), state };
    let mut keys = vec![key(own.public_key(), seed, "active")];
    let shown = checked.trusted.keys().copied().chain([checked.signer]);
    keys.extend(shown.map(|shown| key(shown, Vec::new(), "retiring")));
    rows::put_keys(tx, checked.product, &keys, cx.now)?;
    let endorsements: Vec<_> = checked
        .documents
        .iter()
        .filter_map(|document| {
            let key = endorsed_key(document, checked)?;
            Some((key.id().to_bytes(), document.key_id().to_bytes(), document.to_string()))
        })
        .collect();
    rows::put_endorsements(tx, checked.product, &endorsements, cx.now)?;
    Ok(())
}

/// Whom an endorsement vouches for, if its signer may be believed.
fn endorsed_key(document: &Document, checked: &Checked) -> Option<PublicKey> {
    let product = checked.delegation.product.as_str();
    let at = checked.delegation.not_after - 1;
    let signer = follow(&checked.trusted, &checked.documents, product, document.key_id(), at).ok()?;
    let endorsement = document.open_endorsement(&KeyTable::from_iter([signer.key])).ok()?;
    PublicKey::parse(&endorsement.key).ok()
}

/// Features, named values and functions that licenses name and the store does not know.
fn make_names(tx: &mut dyn Tx, cx: &Context<'_>, place: &Place, licenses: &[DelegatedLicense]) -> Result<(), Error> {
    let known = catalog::catalog(tx, place.tenant, place.product)?;
    let mut features: BTreeMap<&str, FeatureKind> = BTreeMap::new();
    for feature in licenses.iter().flat_map(|license| &license.features) {
        features.insert(&feature.code, kind_of(feature.kind));
    }
    let mut new = Vec::new();
    for (code, kind) in features {
        match known.features.iter().find(|feature| feature.code == code) {
            Some(feature) if feature.kind == kind => continue,
            // Made anew on the server, as something else.
            Some(_) => catalog::remove_feature(tx, cx, place.product, code)?,
            None => {}
        }
        let (code, name) = (code.to_owned(), code.to_owned());
        new.push(NewFeature { code, name, notes: String::new(), kind, group: None, in_trials: false });
    }
    if !new.is_empty() {
        catalog::add_features(tx, cx, place.product, &new)?;
    }
    let values: BTreeSet<&String> = licenses.iter().flat_map(|license| license.values.keys()).collect();
    for name in values.into_iter().filter(|name| known.value(name).is_err()) {
        rows::put_value(tx, cx.new_id(), place.product, name)?;
    }
    let functions: BTreeSet<&String> = licenses.iter().flat_map(|license| license.functions.keys()).collect();
    for name in functions.into_iter().filter(|name| known.function(name).is_err()) {
        catalog::register_function(tx, cx, place.tenant, name, false, true)?;
    }
    Ok(())
}

fn kind_of(kind: lessor_lease::FeatureKind) -> FeatureKind {
    match kind {
        lessor_lease::FeatureKind::Flag => FeatureKind::Flag,
        lessor_lease::FeatureKind::Floating => FeatureKind::Floating,
        lessor_lease::FeatureKind::Pool => FeatureKind::Pool,
        lessor_lease::FeatureKind::Tokens => FeatureKind::Tokens,
        lessor_lease::FeatureKind::Store => FeatureKind::Store,
    }
}

fn issue(tx: &mut dyn Tx, cx: &Context<'_>, place: &Place, code: &str) -> Result<LicenseId, Error> {
    let command = IssueLicenses {
        product: place.product,
        account: None,
        profile: None,
        codes: Codes::Import(vec![code.to_owned()]),
        reference: String::new(),
        order: String::new(),
        role: Role::Delegated,
    };
    let issued = license::issue(tx, cx, &command)?;
    issued.first().map(|(id, _)| *id).ok_or(Refusal::NoneFree.into())
}

/// Makes a license of the store what was handed over. It ends with the delegation.
fn set(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    place: &Place,
    id: LicenseId,
    handed: &DelegatedLicense,
    not_after: Timestamp,
) -> Result<(), Error> {
    let known = catalog::catalog(tx, place.tenant, place.product)?;
    let end = handed.term_end.map_or(not_after, |term| Timestamp::from_seconds(term).min(not_after));
    let seats = i64::from(handed.seats);
    let mut change = ChangeLicense::of(id);
    change.enabled = Some(true);
    change.terms = TermsChange {
        term: Some(TermChange { kind: TermKind::Expiring, days: None, end: Some(Some(end)) }),
        maintenance_end: Some(handed.maintenance_end.map(Timestamp::from_seconds)),
        activation_limit: Some(seats),
        process_limit: Some(i64::from(handed.processes)),
        concurrency: Some(Concurrency::Network),
        network_seats: Some(seats),
        heartbeat_minutes: Some(i64::from(handed.heartbeat_minutes)),
        ..TermsChange::default()
    };
    change.settings = settings(&known, handed);
    license::change(tx, cx, &change)?;
    for feature in &handed.features {
        if let (lessor_lease::FeatureKind::Tokens, limit) = (feature.kind, feature.limit) {
            let (license, feature) = (id, feature.code.clone());
            license::set_tokens(tx, cx, &SetTokens { license, feature, limit, checked_out: None })?;
        }
    }
    device::revoke_beyond(tx, cx, id, seats)
}

fn settings(known: &catalog::Catalog, handed: &DelegatedLicense) -> SettingsChange {
    let features = known.features.iter().map(|feature| {
        let given = handed.features.iter().find(|given| given.code == feature.code);
        let limited = matches!(feature.kind, FeatureKind::Floating | FeatureKind::Pool);
        let limit = limited.then(|| given.and_then(|given| given.limit).unwrap_or_default());
        FeatureSetting { code: feature.code.clone(), enabled: Some(given.is_some()), limit }
    });
    let values = handed.values.iter().map(|(name, value)| ValueSetting { name: name.clone(), value: value.clone() });
    let functions = known.functions.iter().map(|function| {
        let given = handed.functions.get(&function.name);
        let (enabled, parameter) = (Some(given.is_some()), given.copied().flatten());
        FunctionSetting { name: function.name.clone(), enabled, parameter }
    });
    SettingsChange { features: features.collect(), values: values.collect(), functions: functions.collect() }
}

/// Stops a license that was handed over no longer. Its clients lose their seats with their next beat.
fn switch_off(tx: &mut dyn Tx, cx: &Context<'_>, id: LicenseId) -> Result<(), Error> {
    if license::rows::by_id(tx, id)?.is_none_or(|license| license.hold_count > 0) {
        return Ok(());
    }
    let change = ChangeLicense { enabled: Some(false), ..ChangeLicense::of(id) };
    license::change(tx, cx, &change)?;
    device::revoke_beyond(tx, cx, id, 0)
}
