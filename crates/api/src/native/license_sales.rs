//! What becomes of a license once it is sold.

use super::licenses::{License, shown_changed};
use crate::call::{Nothing, Write};
use crate::name;
use crate::problem::Problem;
use axum::extract::Path;
use axum::response::Response;
use lessor_core::App;
use lessor_core::license::{self, Exchange, ExtendTrial};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(extend_trial))
        .routes(routes!(convert_trial))
        .routes(routes!(end_trial))
        .routes(routes!(set_quantity))
        .routes(routes!(exchange_license))
}

/// By how much to extend a trial.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TrialExtension {
    /// Days, 1 to 1000, from its end on.
    #[schema(example = 30)]
    days: i64,
    /// How often it may have been extended so by then; left out, any number of times.
    #[schema(example = 2)]
    at_most: Option<i64>,
}

/// Extend a trial
///
/// One that still runs and is not held. Each extension is counted.
#[utoipa::path(post, path = "/v1/licenses/{license}/extend-trial", tag = "Licenses", request_body = TrialExtension,
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The license as it is now", body = License)))]
async fn extend_trial(Path(id): Path<String>, write: Write<TrialExtension>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let license = name::license(tx, cx, &id)?;
            let command = ExtendTrial { license, days: call.body.days, at_most: call.body.at_most };
            let license = license::extend_trial(tx, cx, &command)?;
            shown_changed(tx, cx, license)
        })
        .await
}

/// How many places a license shall have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Quantity {
    /// Activations at once, 1 to 1 000 000.
    #[schema(example = 25)]
    quantity: i64,
}

/// Convert a trial
///
/// It becomes a full license without end, also where it is over already, unless its account has got another license to the
/// product since.
#[utoipa::path(post, path = "/v1/licenses/{license}/convert", tag = "Licenses", request_body = Quantity,
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The license as it is now", body = License)))]
async fn convert_trial(Path(id): Path<String>, write: Write<Quantity>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let license = name::license(tx, cx, &id)?;
            let license = license::convert(tx, cx, license, call.body.quantity)?;
            shown_changed(tx, cx, license)
        })
        .await
}

/// End a trial
///
/// At once, also one that is held. The license is kept for its past; ending it again moves nothing.
#[utoipa::path(post, path = "/v1/licenses/{license}/end-trial", tag = "Licenses",
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The license as it is now", body = License)))]
async fn end_trial(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let license = name::license(tx, cx, &id)?;
            let license = license::end_trial(tx, cx, license)?;
            shown_changed(tx, cx, license)
        })
        .await
}

/// Set the quantity of a license
///
/// Of one that is in order. As many as it has is refused, so that a script learns that it changed nothing. Lowered below what is
/// in use it evicts nobody.
#[utoipa::path(put, path = "/v1/licenses/{license}/quantity", tag = "Licenses", request_body = Quantity,
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The license as it is now", body = License)))]
async fn set_quantity(Path(id): Path<String>, write: Write<Quantity>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let license = name::license(tx, cx, &id)?;
            let license = license::set_quantity(tx, cx, license, call.body.quantity)?;
            shown_changed(tx, cx, license)
        })
        .await
}

/// What to exchange the product of a license for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LicenseExchange {
    /// One of the exchanges of its product.
    product: String,
    /// Activations at once from then on, 1 to 1 000 000.
    #[schema(example = 25)]
    quantity: i64,
}

/// Exchange the product of a license
///
/// The license keeps code and account, and has the terms and grants of the new product from now on. What was activated is
/// returned. Full licenses that are in order alone, and only for what their seller was offered.
#[utoipa::path(post, path = "/v1/licenses/{license}/exchange", tag = "Licenses", request_body = LicenseExchange,
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The license as it is now", body = License)))]
async fn exchange_license(Path(id): Path<String>, write: Write<LicenseExchange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let license = name::license(tx, cx, &id)?;
            let product = name::product(tx, cx, &call.body.product)?;
            let command = Exchange { license, product, quantity: call.body.quantity };
            let license = license::exchange(tx, cx, &command)?;
            shown_changed(tx, cx, license)
        })
        .await
}
