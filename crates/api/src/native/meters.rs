//! Meters: what is counted, and how.

use crate::call::{Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Aggregation, LevelRule, Page, Time};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::metering::{self, CreateMeter};
use lessor_core::{App, Error, MeterId, Noun};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_meters, create_meter)).routes(routes!(get_meter))
}

/// What is counted.
#[derive(Serialize, ToSchema)]
struct Meter {
    /// Its id.
    #[schema(example = "mtr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Whose it is.
    vendor: String,
    /// Its name, unique with the vendor.
    #[schema(example = "api.calls")]
    name: String,
    aggregation: Aggregation,
    /// What a stretch of days makes of daily levels; `null` for other aggregations.
    level_rule: Option<LevelRule>,
    /// What one is of.
    #[schema(example = "calls")]
    unit: String,
    /// The time zone of its days.
    #[schema(example = "UTC")]
    time_zone: String,
    /// How many minutes past midnight a day ends.
    #[schema(example = 0)]
    cutoff_minutes: i64,
    /// The attribute by whose values figures are told apart as well.
    #[schema(example = "services")]
    key_attribute: Option<String>,
    /// Do programs on devices tell of it too?
    from_devices: bool,
    created_at: Time,
}

impl From<metering::Meter> for Meter {
    fn from(meter: metering::Meter) -> Self {
        let levels = meter.aggregation == metering::Aggregation::Level;
        Self {
            id: meter.id.to_string(),
            vendor: meter.tenant.to_string(),
            name: meter.name,
            aggregation: meter.aggregation.into(),
            level_rule: levels.then(|| meter.level_rule.into()),
            unit: meter.unit,
            time_zone: meter.days.zone().to_owned(),
            cutoff_minutes: meter.days.cutoff_minutes(),
            key_attribute: meter.key_attribute,
            from_devices: meter.from_devices,
            created_at: meter.created_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListMeters {
    /// Whose meters; left out, those of the caller's own vendor.
    vendor: Option<String>,
}

/// List meters
///
/// All that a vendor has, in the order they were made.
#[utoipa::path(get, path = "/v1/meters", tag = "Usage", params(ListMeters),
    security(("bearer" = ["usage:read", "usage:write"])),
    responses((status = 200, description = "The meters", body = Page<Meter>)))]
async fn list_meters(read: Read<ListMeters>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let vendor = name::vendor(tx, cx, query.vendor.as_deref())?;
        let items = metering::list(tx, cx, vendor)?.into_iter().map(Meter::from).collect();
        Ok(Reply::ok(&Page { items, next: None }))
    })
    .await
}

fn utc() -> String {
    "UTC".to_owned()
}

/// A meter to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMeter {
    /// The vendor whose it shall be; left out, the caller's own.
    vendor: Option<String>,
    /// 1 to 64 lower-case letters, digits, `_`, `-` or `.`, unique with the vendor.
    #[schema(example = "api.calls")]
    name: String,
    aggregation: Aggregation,
    /// For levels alone: what a stretch of days makes of them; left out, `average`.
    #[schema(example = json!(null))]
    level_rule: Option<LevelRule>,
    /// What one is of, at most 64 characters.
    #[serde(default)]
    #[schema(example = "calls")]
    unit: String,
    /// The time zone of its days, by its name in the IANA database.
    #[serde(default = "utc")]
    #[schema(default = "UTC", example = "Europe/Prague")]
    time_zone: String,
    /// How many minutes past midnight a day ends, 0 to 1439.
    #[serde(default)]
    #[schema(example = 30)]
    cutoff_minutes: i64,
    /// For `distinct` and `sum` alone: an attribute of records, a text or a list of texts, by whose values figures are told
    /// apart as well.
    #[schema(example = "services")]
    key_attribute: Option<String>,
    /// May programs on devices tell of it too, with the secret of their activation? What they tell is as true as the people who run
    /// them.
    #[serde(default)]
    #[schema(example = false)]
    from_devices: bool,
}

/// Create a meter
///
/// What it says holds for good: figures are made by it. A vendor has at most 1000.
#[utoipa::path(post, path = "/v1/meters", tag = "Usage", request_body = NewMeter,
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The new meter", body = Meter)))]
async fn create_meter(write: Write<NewMeter>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let command = CreateMeter {
                tenant: name::vendor(tx, cx, new.vendor.as_deref())?,
                name: new.name.clone(),
                aggregation: new.aggregation.into(),
                level_rule: new.level_rule.map(Into::into),
                unit: new.unit.clone(),
                time_zone: new.time_zone.clone(),
                cutoff_minutes: new.cutoff_minutes,
                key_attribute: new.key_attribute.clone(),
                from_devices: new.from_devices,
            };
            let meter = metering::create(tx, cx, &command)?;
            Ok(Reply::created(format!("/v1/meters/{}", meter.id), &Meter::from(meter)))
        })
        .await
}

/// Get a meter
///
/// By its id.
#[utoipa::path(get, path = "/v1/meters/{meter}", tag = "Usage",
    params(("meter" = String, Path, description = "Which meter", example = "mtr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")),
    security(("bearer" = ["usage:read", "usage:write"])),
    responses((status = 200, description = "The meter", body = Meter)))]
async fn get_meter(Path(meter): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = MeterId::parse(&meter).ok_or(Error::not_found(Noun::Meter))?;
        Ok(Reply::ok(&Meter::from(metering::get(tx, cx, id)?)))
    })
    .await
}
