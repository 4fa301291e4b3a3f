//! What a license or a profile sets: features granted and limited, named values, server functions. Both are edited by
//! the same change and read by the same query; what is not set falls back to the product (or the tenant's registry).

use super::{Feature, FeatureKind, NamedValue, ServerFunction, named_value, rows};
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, FeatureId, NamedValueId, ProductId, ServerFunctionId};
use crate::identity::Right;
use crate::license::in_range;
use crate::text::check_document;
use lessor_db::Tx;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Most characters of a named value.
const MOST_VALUE: usize = 4_000;

/// What a product has to set.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Features, in the order they were made.
    pub features: Vec<Feature>,
    /// Named values, in the order they were made.
    pub values: Vec<NamedValue>,
    /// Server functions, in the order they were registered.
    pub functions: Vec<ServerFunction>,
}

/// Reads what a product has to set.
pub fn catalog(tx: &mut dyn Tx, tenant: AccountId, product: ProductId) -> Result<Catalog, Error> {
    Ok(Catalog {
        features: rows::features(tx, product)?,
        values: named_value::rows::values(tx, product)?,
        functions: rows::functions(tx, tenant)?,
    })
}

/// The server functions a tenant has registered.
pub fn functions(tx: &mut dyn Tx, tenant: AccountId) -> Result<Vec<ServerFunction>, Error> {
    Ok(rows::functions(tx, tenant)?)
}

/// Registers a server function in a tenant. Asking twice is not an error.
pub fn register_function(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    name: &str,
    enabled: bool,
    takes_parameter: bool,
) -> Result<(), Error> {
    let account = crate::account::rows::by_id(tx, tenant)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::CATALOG_WRITE), &account, Noun::Account)?;
    super::product::check_name("function", name)?;
    rows::insert_function(tx, cx.new_id(), tenant, name, enabled, takes_parameter)?;
    Ok(())
}

/// A feature set on or off, or limited.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureSetting {
    /// The feature's code.
    pub code: String,
    /// On or off; `None` leaves it.
    pub enabled: Option<bool>,
    /// Its limit, for floating seats and pools (tokens have a command of their own); `None` leaves it.
    pub limit: Option<i64>,
}

/// A named value set.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueSetting {
    /// Its name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A server function set.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionSetting {
    /// Its name.
    pub name: String,
    /// On or off; `None` leaves it.
    pub enabled: Option<bool>,
    /// Its number, where it takes one; `None` leaves it.
    pub parameter: Option<i64>,
}

/// A change of settings; what is not named stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingsChange {
    /// Features.
    pub features: Vec<FeatureSetting>,
    /// Named values.
    pub values: Vec<ValueSetting>,
    /// Server functions.
    pub functions: Vec<FunctionSetting>,
}

/// A feature as a license or profile has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrantView {
    /// Is it on?
    pub enabled: bool,
    /// Its limit.
    pub limit: i64,
    /// How much of it is in use.
    pub used: i64,
}

/// What a license or profile has set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// By feature; one that is not here is off.
    pub grants: BTreeMap<FeatureId, GrantView>,
    /// By named value; one that is not here has the product's value.
    pub values: BTreeMap<NamedValueId, String>,
    /// By function: on, number. One that is not here is as registered.
    pub functions: BTreeMap<ServerFunctionId, (bool, Option<i64>)>,
}

/// Reads what one license or profile has set.
pub(crate) fn settings_of(tx: &mut dyn Tx, owner: Uuid) -> Result<Settings, Error> {
    Ok(rows::settings_of(tx, owner)?)
}

/// Reads what many licenses or profiles have set, in their order, a statement per fifty of them and kind.
pub(crate) fn settings_of_many(tx: &mut dyn Tx, owners: &[Uuid]) -> Result<Vec<Settings>, Error> {
    if let [owner] = owners {
        return Ok(vec![settings_of(tx, *owner)?]);
    }
    let mut found = vec![Settings::default(); owners.len()];
    for (some, found) in owners.chunks(rows::CHUNK).zip(found.chunks_mut(rows::CHUNK)) {
        let mut place = Places::new(some);
        rows::grants_of(tx, some, &mut |owner, feature, grant| {
            if let Some(at) = place.of(owner) {
                found[at].grants.insert(feature, grant);
            }
        })?;
        rows::values_of(tx, some, &mut |owner, value, text| {
            if let Some(at) = place.of(owner) {
                found[at].values.insert(value, text);
            }
        })?;
        rows::functions_of(tx, some, &mut |owner, function, enabled, parameter| {
            if let Some(at) = place.of(owner) {
                found[at].functions.insert(function, (enabled, parameter));
            }
        })?;
    }
    Ok(found)
}

/// Where owners stand in a list. Storage mostly gives them in the list's own order, each for several rows.
struct Places<'a> {
    owners: &'a [Uuid],
    last: usize,
}

impl<'a> Places<'a> {
    fn new(owners: &'a [Uuid]) -> Self {
        Self { owners, last: 0 }
    }

    fn of(&mut self, owner: Uuid) -> Option<usize> {
        let (before, behind) = self.owners.split_at(self.last);
        let at = behind.iter().position(|id| *id == owner).map(|at| self.last + at);
        self.last = at.or_else(|| before.iter().position(|id| *id == owner))?;
        Some(self.last)
    }
}

impl SettingsChange {
    /// Writes the change to a license or profile of the product. All names must exist, each at most once.
    pub(crate) fn write(&self, tx: &mut dyn Tx, catalog: &Catalog, owner: Uuid) -> Result<(), Error> {
        if self.features.is_empty() && self.values.is_empty() && self.functions.is_empty() {
            return Ok(());
        }
        let before = settings_of(tx, owner)?;
        once_each("features", self.features.iter().map(|setting| setting.code.as_str()))?;
        once_each("values", self.values.iter().map(|setting| setting.name.as_str()))?;
        once_each("functions", self.functions.iter().map(|setting| setting.name.as_str()))?;
        for setting in &self.features {
            let feature = catalog.feature(&setting.code)?;
            let old = before.grants.get(&feature.id).copied().unwrap_or_default();
            let limit = match setting.limit {
                Some(limit) => limit_for(feature, limit)?,
                None => old.limit,
            };
            rows::put_grant(tx, owner, feature.id, setting.enabled.unwrap_or(old.enabled), limit)?;
        }
        for setting in &self.values {
            check_value(&setting.value)?;
            rows::put_value(tx, owner, catalog.value(&setting.name)?.id, &setting.value)?;
        }
        for setting in &self.functions {
            let function = catalog.function(&setting.name)?;
            if setting.parameter.is_some() && !function.takes_parameter {
                return Err(Error::malformed("parameter", "this function takes none"));
            }
            let old = before.functions.get(&function.id).copied().unwrap_or((function.enabled, None));
            rows::put_function(tx, owner, function.id, setting.enabled.unwrap_or(old.0), setting.parameter.or(old.1))?;
        }
        Ok(())
    }
}

/// A named value travels in every lease, so it is short.
pub(super) fn check_value(value: &str) -> Result<(), Error> {
    check_document("value", value, MOST_VALUE)
}

fn limit_for(feature: &Feature, limit: i64) -> Result<i64, Refusal> {
    match feature.kind {
        FeatureKind::Floating | FeatureKind::Pool => in_range("limit", limit, 0, 2_147_483_647),
        FeatureKind::Flag | FeatureKind::Tokens | FeatureKind::Store => Err(Refusal::WrongFeatureKind),
    }
}

/// Refuses a list that names one thing twice.
pub(super) fn once_each<'a>(field: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::malformed(field, format!("{name:?} is named twice")));
        }
    }
    Ok(())
}

impl Catalog {
    /// The feature with a code.
    pub fn feature(&self, code: &str) -> Result<&Feature, Error> {
        self.features.iter().find(|feature| feature.code == code).ok_or(Error::not_found(Noun::Feature))
    }

    /// The value with a name.
    pub fn value(&self, name: &str) -> Result<&NamedValue, Error> {
        self.values.iter().find(|value| value.name == name).ok_or(Error::not_found(Noun::NamedValue))
    }

    /// The function with a name.
    pub fn function(&self, name: &str) -> Result<&ServerFunction, Error> {
        self.functions.iter().find(|function| function.name == name).ok_or(Error::not_found(Noun::ServerFunction))
    }
}
