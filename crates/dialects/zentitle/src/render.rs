//! From the core's records to the shapes of `wire.rs`. A [`Renderer`] lives for one answer and asks for each product, company
//! and profile once.

use crate::ids;
use crate::wire;
use lessor_core::catalog::{self, Catalog, Feature, FeatureKind, GrantView, Known, Profile, Settings};
use lessor_core::license::{Concurrency, LicenseView, Note, NoteKind, TermKind};
use lessor_core::{AccountId, Context, Error, FeatureId, ProductId, ProfileId, Tx};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// The group of features that are in no other.
const DEFAULT_GROUP: &str = "Default";

/// How far the use of features is broken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakdown {
    /// Totals alone.
    None,
    /// By computer.
    Computers,
    /// By computer and user.
    Users,
}

/// What of a code is shown.
#[derive(Clone, Copy, Debug)]
pub struct Show {
    /// How far the use of features is broken down.
    pub breakdown: Breakdown,
    /// Features that are off as well?
    pub all_features: bool,
    /// Server functions as well?
    pub functions: bool,
}

/// What one answer has looked up already.
#[derive(Default)]
pub struct Renderer {
    products: HashMap<ProductId, (String, Arc<Known>)>,
    companies: HashMap<AccountId, i64>,
    resellers: HashMap<AccountId, i64>,
    profiles: HashMap<ProfileId, i64>,
}

impl Renderer {
    /// Number and catalog of a product.
    fn product(&mut self, tx: &mut dyn Tx, cx: &Context<'_>, id: ProductId) -> Result<(&str, &Catalog), Error> {
        let (number, known) = match self.products.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert((ids::product_number(tx, id)?, catalog::known_now(tx, cx, id)?)),
        };
        Ok((number, &known.catalog))
    }

    /// The ten digits of a product.
    pub fn product_number(&mut self, tx: &mut dyn Tx, cx: &Context<'_>, id: ProductId) -> Result<String, Error> {
        Ok(self.product(tx, cx, id)?.0.to_owned())
    }

    /// The vendor itself is no company.
    fn company(&mut self, tx: &mut dyn Tx, tenant: AccountId, id: AccountId) -> Result<i64, Error> {
        if id == tenant {
            return Ok(0);
        }
        remembered(&mut self.companies, id, || ids::company_number(tx, id))
    }

    fn profile_number(&mut self, tx: &mut dyn Tx, id: Option<ProfileId>) -> Result<i64, Error> {
        let Some(id) = id else { return Ok(0) };
        remembered(&mut self.profiles, id, || ids::profile_number(tx, id))
    }

    fn reseller(&mut self, tx: &mut dyn Tx, id: Option<AccountId>) -> Result<i64, Error> {
        let Some(id) = id else { return Ok(0) };
        remembered(&mut self.resellers, id, || ids::reseller_number(tx, id))
    }

    /// A code without its notes.
    pub fn license(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        view: &LicenseView,
        show: Show,
    ) -> Result<wire::LicenseCode, Error> {
        let license = &view.license;
        let company_id = self.company(tx, license.tenant, license.account)?;
        let profile_id = self.profile_number(tx, license.profile)?;
        let (product_id, catalog) = self.product(tx, cx, license.product)?;
        let terms = &license.terms;
        Ok(wire::LicenseCode {
            license_code: license.code.clone(),
            product_id: product_id.to_owned(),
            company: if company_id == 0 { String::new() } else { view.account_name.clone() },
            company_id,
            order_id: license.order.clone(),
            enabled_for_use: wire::TrueFalse(license.hold_count == 0),
            license_type: license_type(terms.term.kind),
            clients_allowed: terms.activation_limit,
            client_lease_period: terms.online_lease_hours,
            vm_lease_period: terms.virtual_lease_hours,
            client_offline_lease_period: terms.offline_lease_hours,
            acquired_by_webservice: wire::TrueFalse(license.acquired),
            network_seats: terms.network_seats,
            heart_beat: terms.heartbeat_minutes,
            profile_name: view.profile_name.clone().unwrap_or_else(|| "default".to_owned()),
            profile_id: wire::ProfileNumber(profile_id),
            concurrent_processes: terms.process_limit,
            num_activations: license.active_count,
            concurrency_mode: concurrency_mode(terms.concurrency),
            subscription_period: terms.term.days,
            subscription_end_date: terms.term.end,
            subscription_last_activated: license.last_activated_at,
            maintenance_end_date: terms.maintenance_end,
            created: license.created_at,
            modified: license.modified_at,
            features: features(catalog, &view.settings, show, &view.checkouts),
            application_agility: agility(catalog, &view.settings),
            notes: None,
            server_functions: show.functions.then(|| functions(catalog, &view.settings)),
            current_live_activations: view.live_count,
        })
    }

    /// A code as lists show it.
    pub fn license_row(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        view: &LicenseView,
        show: Show,
    ) -> Result<wire::LicenseCodeRow, Error> {
        let code = self.license(tx, cx, view, show)?;
        Ok(wire::LicenseCodeRow { num_de_activations: view.license.returned_count, ..code.into() })
    }

    /// A profile. Its figures are sums over its codes.
    pub fn profile(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        profile: &Profile,
        show: Show,
        with_product: bool,
    ) -> Result<wire::Profile, Error> {
        let settings = profile.settings(tx)?;
        let profile_id = self.profile_number(tx, Some(profile.id))?;
        let reseller_id = self.reseller(tx, profile.reseller)?;
        let (product_id, catalog) = self.product(tx, cx, profile.product)?;
        let terms = &profile.terms;
        Ok(wire::Profile {
            product_id: with_product.then(|| product_id.to_owned()),
            profile_name: profile.name.clone(),
            profile_id,
            enabled_for_use: wire::TrueFalse(profile.enabled),
            license_type: license_type(terms.term.kind),
            clients_allowed: terms.activation_limit,
            client_lease_period: terms.online_lease_hours,
            vm_lease_period: terms.virtual_lease_hours,
            client_offline_lease_period: terms.offline_lease_hours,
            acquired_by_webservice: wire::TrueFalse(profile.acquired),
            network_seats: terms.network_seats,
            heart_beat: terms.heartbeat_minutes,
            concurrent_processes: terms.process_limit,
            reseller_id,
            concurrency_mode: concurrency_mode(terms.concurrency),
            subscription_period: terms.term.days,
            subscription_end_date: terms.term.end,
            maintenance_end_date: terms.maintenance_end,
            created: profile.created_at,
            modified: profile.modified_at,
            features: features(catalog, &settings, show, &[]),
            application_agility: agility(catalog, &settings),
            server_functions: show.functions.then(|| functions(catalog, &settings)),
        })
    }
}

fn remembered<K: std::hash::Hash + Eq + Copy>(
    known: &mut HashMap<K, i64>,
    key: K,
    ask: impl FnOnce() -> Result<i64, Error>,
) -> Result<i64, Error> {
    if let Some(number) = known.get(&key) {
        return Ok(*number);
    }
    let number = ask()?;
    known.insert(key, number);
    Ok(number)
}

/// A product.
pub fn product(number: String, product: &catalog::Product, catalog: &Catalog) -> wire::Product {
    wire::Product {
        product_name: product.name.clone(),
        product_id: number,
        client_lease_period: product.terms.online_lease_hours,
        vm_lease_period: product.terms.virtual_lease_hours,
        client_offline_lease_period: product.terms.offline_lease_hours,
        trial_period: product.trial_days,
        license_type: license_type(product.terms.term.kind),
        clients_allowed: product.terms.activation_limit,
        features: catalog.features.iter().map(definition).collect(),
        application_agility: agility(catalog, &Settings::default()),
    }
}

fn definition(feature: &Feature) -> wire::FeatureDefinition {
    wire::FeatureDefinition {
        feature_code: feature.code.clone(),
        feature_availability: wire::OnOff(feature.enabled),
        feature_type: feature_type(feature.kind),
        feature_name: feature.name.clone(),
        feature_notes: feature.notes.clone(),
        feature_group: feature.group_name.clone().unwrap_or_else(|| DEFAULT_GROUP.to_owned()),
    }
}

/// A note.
pub fn note(note: Note) -> wire::Note {
    wire::Note {
        note_id: note.number,
        r#type: match note.kind {
            NoteKind::General => "General",
            NoteKind::System => "System",
        },
        created: note.created_at,
        created_by: note.author,
        description: note.text,
    }
}

/// One check-out: feature, device, user, held, consumed.
type Checkout = (FeatureId, String, String, i64, i64);

fn features(catalog: &Catalog, settings: &Settings, show: Show, checkouts: &[Checkout]) -> Vec<wire::FeatureUse> {
    let grant = |feature: &Feature| settings.grants.get(&feature.id).copied().unwrap_or_default();
    catalog
        .features
        .iter()
        .map(|feature| (feature, grant(feature)))
        .filter(|(_, grant)| show.all_features || grant.enabled)
        .map(|(feature, grant)| wire::FeatureUse {
            feature_code: feature.code.clone(),
            feature_availability: wire::OnOff(grant.enabled),
            feature_type: feature_type(feature.kind),
            feature_details: details(feature, grant, show.breakdown, checkouts),
        })
        .collect()
}

/// Limit and figure, then who has how much of it, each as `name : value`.
fn details(feature: &Feature, grant: GrantView, breakdown: Breakdown, checkouts: &[Checkout]) -> Vec<String> {
    let (limit, count) = match feature.kind {
        FeatureKind::Floating => ("maximumActive", "totalActive"),
        FeatureKind::Pool => ("elementLimit", "elementCount"),
        FeatureKind::Tokens => ("tokenLimit", "tokenCount"),
        FeatureKind::Flag | FeatureKind::Store => return Vec::new(),
    };
    let mut lines = vec![format!("{limit} : {}", grant.limit), format!("{count} : {}", grant.used)];
    for ((computer, user), total) in totals(feature.id, breakdown, checkouts) {
        lines.push(format!("computerId : {computer}"));
        lines.extend(user.map(|user| format!("userName : {user}")));
        lines.push(format!("total : {total}"));
    }
    lines
}

type Holder<'a> = (&'a str, Option<&'a str>);

/// What each computer (and user) has of a feature, in the order they are stored; those that have nothing are left out.
fn totals<'a>(
    feature: FeatureId,
    breakdown: Breakdown,
    checkouts: &'a [Checkout],
) -> impl Iterator<Item = (Holder<'a>, i64)> {
    let mut totals: Vec<(Holder<'a>, i64)> = Vec::new();
    let wanted = checkouts.iter().filter(|_| breakdown != Breakdown::None).filter(|checkout| checkout.0 == feature);
    for (_, computer, user, held, _) in wanted {
        let holder = (computer.as_str(), (breakdown == Breakdown::Users).then_some(user.as_str()));
        match totals.iter_mut().find(|(known, _)| *known == holder) {
            Some((_, total)) => *total += held,
            None => totals.push((holder, *held)),
        }
    }
    totals.into_iter().filter(|(_, total)| *total != 0)
}

fn agility(catalog: &Catalog, settings: &Settings) -> Vec<wire::Agility> {
    let values = catalog.values.iter();
    values
        .map(|value| wire::Agility {
            name: value.name.clone(),
            value: settings.values.get(&value.id).unwrap_or(&value.value).clone(),
        })
        .collect()
}

fn functions(catalog: &Catalog, settings: &Settings) -> Vec<wire::ServerFunction> {
    let functions = catalog.functions.iter();
    functions
        .map(|function| {
            let set = settings.functions.get(&function.id).copied();
            let (enabled, parameter) = set.unwrap_or((function.enabled, None));
            wire::ServerFunction {
                function_name: function.name.clone(),
                enabled: wire::OnOff(enabled),
                parameter_value: parameter.map(|number| number.to_string()).unwrap_or_default(),
            }
        })
        .collect()
}

fn license_type(kind: TermKind) -> &'static str {
    match kind {
        TermKind::Perpetual => "perpetual",
        TermKind::Subscription => "subscriptionPeriod",
        TermKind::Expiring => "expirationDate",
    }
}

fn concurrency_mode(mode: Concurrency) -> &'static str {
    match mode {
        Concurrency::Off => "off",
        Concurrency::Cloud => "cloud",
        Concurrency::Network => "network",
    }
}

fn feature_type(kind: FeatureKind) -> &'static str {
    match kind {
        FeatureKind::Flag => "Normal",
        FeatureKind::Floating => "Floating",
        FeatureKind::Pool => "ElementPool",
        FeatureKind::Tokens => "ConsumptionToken",
        FeatureKind::Store => "SecureStore",
    }
}
