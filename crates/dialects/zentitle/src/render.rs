//! From the core's records to the shapes of `wire.rs`. A [`Renderer`] lives for one answer and asks for each product, company
//! and profile once.

mod settings;

use crate::ids;
use crate::wire;
use lessor_core::alias::{self, Space};
use lessor_core::catalog::{self, Catalog, Feature, Known, Profile, Settings};
use lessor_core::license::{Concurrency, License, LicenseView, Note, NoteKind, TermKind};
use lessor_core::{Context, Error, ProductId, ProfileId, Tx};
use serde::Serialize;
use settings::{agility, feature_type, features, functions};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use uuid::Uuid;

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

/// A product as answers show it.
struct Product {
    /// Its ten digits.
    number: String,
    known: Arc<Known>,
}

/// What one answer, or one stretch of a long one, has looked up already.
#[derive(Default)]
pub struct Renderer {
    products: HashMap<ProductId, Arc<Product>>,
    companies: HashMap<Uuid, i64>,
    resellers: HashMap<Uuid, i64>,
    profiles: HashMap<Uuid, i64>,
    end: Option<RowEnd>,
}

/// What a row ends with: all that its license has set, written as JSON without the brace that opens it. Licenses of one
/// profile have mostly set the same, so that the next row often ends alike.
struct RowEnd {
    product: ProductId,
    settings: Settings,
    with_functions: bool,
    text: Vec<u8>,
}

impl Renderer {
    /// Number and catalog of a product.
    fn product(&mut self, tx: &mut dyn Tx, cx: &Context<'_>, id: ProductId) -> Result<Arc<Product>, Error> {
        Ok(match self.products.entry(id) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(free) => {
                let number = alias::names_of(tx, cx, ids::PRODUCT, &[id.0])?;
                // One that was made elsewhere has none.
                let number = number.into_values().next().map(|number| number.as_ref().to_owned()).unwrap_or_default();
                let known = catalog::known_now(tx, cx, id)?;
                Arc::clone(free.insert(Arc::new(Product { number, known })))
            }
        })
    }

    /// The ten digits of a product.
    pub fn product_number(&mut self, tx: &mut dyn Tx, cx: &Context<'_>, id: ProductId) -> Result<String, Error> {
        Ok(self.product(tx, cx, id)?.number.clone())
    }

    /// Looks up the companies and profiles of licenses, before they are shown.
    pub fn learn(&mut self, tx: &mut dyn Tx, cx: &Context<'_>, views: &[LicenseView]) -> Result<(), Error> {
        let companies = views.iter().map(|view| view.license.account.0);
        numbers(tx, cx, ids::COMPANY, &mut self.companies, companies)?;
        let profiles = views.iter().filter_map(|view| view.license.profile).map(|id| id.0);
        numbers(tx, cx, ids::PROFILE, &mut self.profiles, profiles)
    }

    /// The number of a company that was looked up. The vendor itself is no company.
    fn company(&self, license: &License) -> i64 {
        if license.account == license.tenant {
            return 0;
        }
        self.companies.get(&license.account.0).copied().unwrap_or(0)
    }

    /// The number of a profile that was looked up; 0 stands for none.
    fn profile_number(&self, id: Option<ProfileId>) -> i64 {
        id.and_then(|id| self.profiles.get(&id.0).copied()).unwrap_or(0)
    }

    /// A code without its notes, one of those that were [learnt](Self::learn).
    pub fn license(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        view: &LicenseView,
        show: Show,
    ) -> Result<wire::LicenseCode, Error> {
        let license = &view.license;
        let company_id = self.company(license);
        let product = self.product(tx, cx, license.product)?;
        let catalog = &product.known.catalog;
        let terms = &license.terms;
        Ok(wire::LicenseCode {
            license_code: license.code.clone(),
            product_id: product.number.clone(),
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
            profile_id: wire::ProfileNumber(self.profile_number(license.profile)),
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

    /// Writes a code as lists show it, one of those that were [learnt](Self::learn).
    pub fn row(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        view: &LicenseView,
        with_functions: bool,
        into: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let license = &view.license;
        let company_id = self.company(license);
        let product = self.product(tx, cx, license.product)?;
        let terms = &license.terms;
        let row = wire::LicenseCodeRow {
            license_code: &license.code,
            product_id: &product.number,
            company: if company_id == 0 { "" } else { &view.account_name },
            company_id,
            order_id: &license.order,
            enabled_for_use: wire::TrueFalse(license.hold_count == 0),
            license_type: license_type(terms.term.kind),
            profile_name: view.profile_name.as_deref().unwrap_or("default"),
            profile_id: wire::ProfileNumber(self.profile_number(license.profile)),
            acquired_by_webservice: wire::TrueFalse(license.acquired),
            clients_allowed: terms.activation_limit,
            client_lease_period: terms.online_lease_hours,
            vm_lease_period: terms.virtual_lease_hours,
            client_offline_lease_period: terms.offline_lease_hours,
            network_seats: terms.network_seats,
            heart_beat: terms.heartbeat_minutes,
            concurrent_processes: terms.process_limit,
            num_activations: license.active_count,
            num_de_activations: license.returned_count,
            concurrency_mode: concurrency_mode(terms.concurrency),
            subscription_period: terms.term.days,
            subscription_end_date: terms.term.end,
            subscription_last_activated: license.last_activated_at,
            maintenance_end_date: terms.maintenance_end,
            created: license.created_at,
            modified: license.modified_at,
        };
        write(into, &row);
        // The members that follow take the place of the brace.
        into.pop();
        into.push(b',');
        into.extend_from_slice(self.end(&product, view, with_functions));
        Ok(())
    }

    /// What the row of a license ends with.
    fn end(&mut self, product: &Product, view: &LicenseView, with_functions: bool) -> &[u8] {
        let alike = |end: &RowEnd| {
            (end.product, end.with_functions) == (view.license.product, with_functions) && end.settings == view.settings
        };
        let kept = self.end.take().filter(alike);
        let end = kept.unwrap_or_else(|| {
            let catalog = &product.known.catalog;
            let show = Show { breakdown: Breakdown::None, all_features: true, functions: with_functions };
            let set = wire::LicenseCodeRowEnd {
                features: features(catalog, &view.settings, show, &[]),
                application_agility: agility(catalog, &view.settings),
                server_functions: with_functions.then(|| functions(catalog, &view.settings)),
            };
            let mut text = Vec::new();
            write(&mut text, &set);
            text.remove(0);
            RowEnd { product: view.license.product, settings: view.settings.clone(), with_functions, text }
        });
        &self.end.insert(end).text
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
        numbers(tx, cx, ids::PROFILE, &mut self.profiles, std::iter::once(profile.id.0))?;
        numbers(tx, cx, ids::RESELLER_NUMBER, &mut self.resellers, profile.reseller.map(|id| id.0).into_iter())?;
        let reseller_id = profile.reseller.and_then(|id| self.resellers.get(&id.0).copied()).unwrap_or(0);
        let product = self.product(tx, cx, profile.product)?;
        let catalog = &product.known.catalog;
        let terms = &profile.terms;
        Ok(wire::Profile {
            product_id: with_product.then(|| product.number.clone()),
            profile_name: profile.name.clone(),
            profile_id: self.profile_number(Some(profile.id)),
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

/// Adds the numbers of records that are not known yet; 0 for those that have none.
fn numbers(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    space: Space,
    known: &mut HashMap<Uuid, i64>,
    records: impl Iterator<Item = Uuid>,
) -> Result<(), Error> {
    let mut unknown = Vec::new();
    for record in records {
        if let Entry::Vacant(free) = known.entry(record) {
            free.insert(0);
            unknown.push(record);
        }
    }
    if !unknown.is_empty() {
        known.extend(ids::numbers(tx, cx, space, &unknown)?);
    }
    Ok(())
}

/// Writes as JSON.
fn write(into: &mut Vec<u8>, shape: &impl Serialize) {
    // The shapes of `wire.rs` have text keys alone, so that writing them into memory cannot fail.
    serde_json::to_writer(into, shape).unwrap_or_default();
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

fn license_type(kind: TermKind) -> &'static str {
    match kind {
        TermKind::Perpetual => "perpetual",
        TermKind::Subscription => "subscriptionPeriod",
        TermKind::Expiring | TermKind::Trial => "expirationDate",
    }
}

fn concurrency_mode(mode: Concurrency) -> &'static str {
    match mode {
        Concurrency::Off => "off",
        Concurrency::Cloud => "cloud",
        Concurrency::Network => "network",
    }
}
