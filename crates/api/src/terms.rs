//! License terms and settings on the wire: the same for products, profiles and licenses.

use crate::call::given;
use crate::wire::{Concurrency, FeatureKind, TermKind, Time};
use lessor_core::catalog::{Catalog, FeatureSetting, FunctionSetting, Settings, SettingsChange, ValueSetting};
use lessor_core::license::{self, Term, TermChange};
use lessor_core::{Error, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Everything that says how a license may be used, its features apart.
#[derive(Serialize, ToSchema)]
pub(crate) struct Terms {
    /// How long the right lasts.
    pub term: TermKind,
    /// Days of a subscription, 0 for other terms.
    #[schema(example = 365)]
    pub term_days: i64,
    /// When the right ends; `null` where it has no end or does not run yet.
    pub term_end: Option<Time>,
    /// Until when newer versions are included; blocks nothing.
    pub maintenance_end: Option<Time>,
    /// Hours of a lease of a device that is online; 0 is without end.
    #[schema(example = 168)]
    pub online_lease_hours: i64,
    /// Hours of a lease of a virtual machine; 0 is without end.
    #[schema(example = 24)]
    pub virtual_lease_hours: i64,
    /// Hours of a lease carried in a file; 0 is without end.
    #[schema(example = 720)]
    pub offline_lease_hours: i64,
    /// Activations at once; 0 admits nobody.
    #[schema(example = 5)]
    pub activation_limit: i64,
    /// Copies at once on one device, counted by the device; 0 is any number.
    #[schema(example = 0)]
    pub process_limit: i64,
    /// Who watches over concurrent use.
    pub concurrency: Concurrency,
    /// Seats that a daemon on the local network hands out.
    #[schema(example = 0)]
    pub network_seats: i64,
    /// Minutes between the beats of a client of that daemon.
    #[schema(example = 0)]
    pub heartbeat_minutes: i64,
}

impl From<&license::Terms> for Terms {
    fn from(terms: &license::Terms) -> Self {
        Self {
            term: terms.term.kind.into(),
            term_days: terms.term.days,
            term_end: terms.term.end.map(Time),
            maintenance_end: terms.maintenance_end.map(Time),
            online_lease_hours: terms.online_lease_hours,
            virtual_lease_hours: terms.virtual_lease_hours,
            offline_lease_hours: terms.offline_lease_hours,
            activation_limit: terms.activation_limit,
            process_limit: terms.process_limit,
            concurrency: terms.concurrency.into(),
            network_seats: terms.network_seats,
            heartbeat_minutes: terms.heartbeat_minutes,
        }
    }
}

/// Terms to start with or to change; what is left out stays, or is perpetual, one activation, without leases' end.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TermsInput {
    /// How long the right lasts. The same kind again with `term_days` extends a running subscription.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false)]
    pub term: Option<TermKind>,
    /// Days of a new subscription (1 to 5000), or days to add to one (1 to 1000). Needs `term` beside it.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false, example = 365)]
    pub term_days: Option<i64>,
    /// The end of an expiring license or a trial; `null` clears that of a subscription. Needs `term` beside it.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Time>)]
    pub term_end: Option<Option<Time>>,
    /// Until when newer versions are included; `null` clears it.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Time>)]
    pub maintenance_end: Option<Option<Time>>,
    /// Hours of a lease of a device that is online, 0 to 87600; 0 is without end.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false, example = 168)]
    pub online_lease_hours: Option<i64>,
    /// Hours of a lease of a virtual machine, 0 to 87600; 0 is without end.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false, example = 24)]
    pub virtual_lease_hours: Option<i64>,
    /// Hours of a lease carried in a file, 0 to 87600; 0 is without end.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false, example = 720)]
    pub offline_lease_hours: Option<i64>,
    /// Activations at once; 0 admits nobody.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false, example = 5)]
    pub activation_limit: Option<i64>,
    /// Copies at once on one device; 0 is any number.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false, example = 0)]
    pub process_limit: Option<i64>,
    /// Who watches over concurrent use. The change to `network` needs seats and beat beside it.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false)]
    pub concurrency: Option<Concurrency>,
    /// Seats that a daemon on the local network hands out.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false, example = 0)]
    pub network_seats: Option<i64>,
    /// Minutes between the beats of a client of that daemon, 5 to 1440.
    #[serde(deserialize_with = "given")]
    #[schema(nullable = false, example = 0)]
    pub heartbeat_minutes: Option<i64>,
}

impl TermsInput {
    pub fn change(&self) -> Result<license::TermsChange, Error> {
        let end = self.term_end.map(|end| end.map(|end| end.0));
        let term = match self.term {
            Some(kind) => Some(TermChange { kind: kind.into(), days: self.term_days, end }),
            None if self.term_days.is_some() || end.is_some() => {
                return Err(Refusal::Missing { field: "term" }.into());
            }
            None => None,
        };
        Ok(license::TermsChange {
            online_lease_hours: self.online_lease_hours,
            virtual_lease_hours: self.virtual_lease_hours,
            offline_lease_hours: self.offline_lease_hours,
            term,
            maintenance_end: self.maintenance_end.map(|end| end.map(|end| end.0)),
            activation_limit: self.activation_limit,
            process_limit: self.process_limit,
            concurrency: self.concurrency.map(Into::into),
            network_seats: self.network_seats,
            heartbeat_minutes: self.heartbeat_minutes,
        })
    }

    /// Terms of something new.
    pub fn terms(&self) -> Result<license::Terms, Error> {
        let change = self.change()?;
        let term = match change.term {
            Some(term) => Term::new(term.kind, term.days.unwrap_or(0), term.end.flatten())?,
            None => Term::PERPETUAL,
        };
        let start = license::Terms::default();
        Ok(license::Terms {
            online_lease_hours: change.online_lease_hours.unwrap_or(start.online_lease_hours),
            virtual_lease_hours: change.virtual_lease_hours.unwrap_or(start.virtual_lease_hours),
            offline_lease_hours: change.offline_lease_hours.unwrap_or(start.offline_lease_hours),
            term,
            maintenance_end: change.maintenance_end.flatten(),
            activation_limit: change.activation_limit.unwrap_or(start.activation_limit),
            process_limit: change.process_limit.unwrap_or(start.process_limit),
            concurrency: change.concurrency.unwrap_or(start.concurrency),
            network_seats: change.network_seats.unwrap_or(start.network_seats),
            heartbeat_minutes: change.heartbeat_minutes.unwrap_or(start.heartbeat_minutes),
        })
    }
}

/// A feature as a license or profile has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Grant {
    /// The feature's code.
    #[schema(example = "FLOAT")]
    pub code: String,
    /// How it is measured out.
    pub kind: FeatureKind,
    /// Is it on?
    pub enabled: bool,
    /// How much of it there is.
    #[schema(example = 10)]
    pub limit: i64,
    /// How much of it is in use now.
    #[schema(example = 3)]
    pub used: i64,
}

/// A named value as a license or profile has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct NamedValue {
    /// Its name.
    #[schema(example = "edition")]
    pub name: String,
    /// The value.
    #[schema(example = "studio")]
    pub value: String,
}

/// A server function as a license or profile has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Function {
    /// Its name.
    #[schema(example = "export")]
    pub name: String,
    /// Is it on?
    pub enabled: bool,
    /// Its number, where it takes one.
    #[schema(example = 100)]
    pub parameter: Option<i64>,
}

/// What a license or profile has set, for every feature, value and function there is.
pub(crate) struct Set {
    pub features: Vec<Grant>,
    pub values: Vec<NamedValue>,
    pub functions: Vec<Function>,
}

impl Set {
    pub fn of(catalog: &Catalog, settings: &Settings) -> Self {
        let features = catalog.features.iter().map(|feature| {
            let grant = settings.grants.get(&feature.id).copied().unwrap_or_default();
            Grant {
                code: feature.code.clone(),
                kind: feature.kind.into(),
                enabled: grant.enabled,
                limit: grant.limit,
                used: grant.used,
            }
        });
        let values = catalog.values.iter().map(|value| NamedValue {
            name: value.name.clone(),
            value: settings.values.get(&value.id).unwrap_or(&value.value).clone(),
        });
        let functions = catalog.functions.iter().map(|function| {
            let (enabled, parameter) =
                settings.functions.get(&function.id).copied().unwrap_or((function.enabled, None));
            Function { name: function.name.clone(), enabled, parameter }
        });
        Self { features: features.collect(), values: values.collect(), functions: functions.collect() }
    }
}

/// A feature to switch or limit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantInput {
    /// The feature's code.
    #[schema(example = "FLOAT")]
    code: String,
    /// On or off.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// Its limit: floating seats and pools. Tokens have an operation of their own.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = 10)]
    limit: Option<i64>,
}

/// A named value to set.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValueInput {
    /// Its name.
    #[schema(example = "edition")]
    pub name: String,
    /// The value.
    #[schema(example = "studio")]
    pub value: String,
}

/// A server function to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FunctionInput {
    /// Its name.
    #[schema(example = "export")]
    name: String,
    /// On or off.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// Its number, where it takes one.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = 100)]
    parameter: Option<i64>,
}

/// The change of settings that three lists ask for.
pub(crate) fn settings(features: &[GrantInput], values: &[ValueInput], functions: &[FunctionInput]) -> SettingsChange {
    let features = features.iter().map(|feature| FeatureSetting {
        code: feature.code.clone(),
        enabled: feature.enabled,
        limit: feature.limit,
    });
    let values = values.iter().map(|value| ValueSetting { name: value.name.clone(), value: value.value.clone() });
    let functions = functions.iter().map(|function| FunctionSetting {
        name: function.name.clone(),
        enabled: function.enabled,
        parameter: function.parameter,
    });
    SettingsChange { features: features.collect(), values: values.collect(), functions: functions.collect() }
}
