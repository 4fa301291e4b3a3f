//! Trials: products tried on devices.

use crate::call::{Cursor, Flag, Limit, Read};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time, TrialState, with_one_more};
use axum::response::Response;
use lessor_core::App;
use lessor_core::device::{self, TrialFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_trials))
}

/// A product tried on a device.
#[derive(Serialize, ToSchema)]
struct Trial {
    /// Its id.
    #[schema(example = "tri_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Of what.
    product: String,
    /// What the device calls itself.
    #[schema(example = "workstation-17")]
    device: String,
    /// By the clock, whether it was converted or not.
    state: TrialState,
    /// Its length.
    #[schema(example = 10)]
    days: i64,
    started_at: Time,
    /// When the device last asked.
    modified_at: Time,
    /// When its lease ends.
    lease_end: Option<Time>,
    ends_at: Time,
    /// When it became a license.
    converted_at: Option<Time>,
    /// Which one.
    license: Option<String>,
    /// That license's code at the time.
    #[schema(example = "128437590236718452")]
    license_code: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListTrials {
    /// Whose products; left out, those of the caller's own vendor.
    vendor: Option<String>,
    /// Only of this product.
    product: Option<String>,
    /// Only on the device that calls itself so.
    device: Option<String>,
    /// Only running ones, or only those that are over.
    #[param(inline)]
    state: Option<TrialState>,
    /// Only converted ones, or only others.
    #[param(value_type = Option<bool>)]
    converted: Option<Flag>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List trials
///
/// The trials of one vendor's products in the order they began.
#[utoipa::path(get, path = "/v1/trials", tag = "Trials", params(ListTrials),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "A page of trials", body = Page<Trial>)))]
async fn list_trials(read: Read<ListTrials>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let (vendor, product) = name::vendor_and_product(tx, cx, query.vendor.as_deref(), query.product.as_deref())?;
        let filter = TrialFilter {
            product,
            fingerprint: query.device.clone(),
            state: query.state.map(Into::into),
            converted: query.converted.map(|flag| flag.0),
            ..TrialFilter::of(vendor)
        };
        let start = Cursor::start(query.cursor);
        let found = device::trials(tx, cx, &filter, start, with_one_more(query.limit))?;
        let view = |trial: device::Trial| Trial {
            state: trial.state(cx.now).into(),
            id: trial.id.to_string(),
            product: trial.product.to_string(),
            device: trial.fingerprint,
            days: trial.days,
            started_at: trial.started_at.into(),
            modified_at: trial.modified_at.into(),
            lease_end: trial.lease_end.map(Time),
            ends_at: trial.ends_at.into(),
            converted_at: trial.converted_at.map(Time),
            license: trial.license.map(|license| license.to_string()),
            license_code: trial.license_code,
        };
        Ok(Reply::ok(&Page::of(found, query.limit, |trial| trial.id.0.as_u128(), view)))
    })
    .await
}
