//! Features of products, and what the server itself can do for them.

use crate::call::{Nothing, Read, Write, given};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{FeatureKind, Page};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::catalog::{self, ChangeFeature, SetDefault};
use lessor_core::{App, Context, Error, ProductId, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(add_feature))
        .routes(routes!(change_feature, remove_feature))
        .routes(routes!(list_server_functions, register_server_function))
}

/// What can be switched or limited in a product.
#[derive(Serialize, ToSchema)]
pub(super) struct Feature {
    /// Its id.
    #[schema(example = "fea_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Its code, unique in the product.
    #[schema(example = "FLOAT")]
    code: String,
    /// Its name.
    #[schema(example = "Floating brushes")]
    name: String,
    /// Remarks.
    notes: String,
    /// How it is measured out; fixed at birth.
    kind: FeatureKind,
    /// Its group; `null` is the default group.
    #[schema(example = "Export")]
    group: Option<String>,
    /// Is it on in trials?
    in_trials: bool,
    /// Is it on in a license made without a profile?
    enabled: bool,
    /// The limit in such a license.
    #[schema(example = 2)]
    limit: i64,
}

impl From<catalog::Feature> for Feature {
    fn from(feature: catalog::Feature) -> Self {
        Self {
            id: feature.id.to_string(),
            code: feature.code,
            name: feature.name,
            notes: feature.notes,
            kind: feature.kind.into(),
            group: feature.group_name,
            in_trials: feature.in_trials,
            enabled: feature.enabled,
            limit: feature.limit,
        }
    }
}

/// A feature to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFeature {
    /// 1 to 50 letters, digits, `_` or `-`, unique in the product.
    #[schema(example = "FLOAT")]
    code: String,
    /// Its name.
    #[schema(example = "Floating brushes")]
    name: String,
    /// Remarks.
    #[serde(default)]
    notes: String,
    /// How it is measured out.
    kind: FeatureKind,
    /// Its group; left out, or `default`, the default group.
    #[schema(example = "Export")]
    group: Option<String>,
    /// Is it on in trials? Flags alone can be.
    #[serde(default)]
    in_trials: bool,
    /// Is it on in a license made without a profile?
    #[serde(default)]
    enabled: bool,
    /// The limit in such a license; 0 for flags and stores.
    #[serde(default)]
    #[schema(example = 2)]
    limit: i64,
}

impl NewFeature {
    pub fn command(&self) -> catalog::NewFeature {
        catalog::NewFeature {
            code: self.code.clone(),
            name: self.name.clone(),
            notes: self.notes.clone(),
            kind: self.kind.into(),
            group: self.group.clone(),
            in_trials: self.in_trials,
        }
    }

    /// What to set beside making it: a new feature is off, with limit 0.
    pub fn default(&self) -> Option<SetDefault> {
        let needed = self.enabled || self.limit != 0;
        needed.then(|| SetDefault { code: self.code.clone(), enabled: self.enabled, limit: self.limit })
    }
}

fn shown(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, code: &str) -> Result<Feature, Error> {
    let product = catalog::product(tx, cx, product)?;
    let known = catalog::catalog(tx, product.tenant, product.id)?;
    Ok(known.feature(code)?.clone().into())
}

/// Add a feature
///
/// Licenses made before do not have it on.
#[utoipa::path(post, path = "/v1/products/{product}/features", tag = "Products", request_body = NewFeature,
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The new feature", body = Feature)))]
async fn add_feature(Path(id): Path<String>, write: Write<NewFeature>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let product = name::product(tx, cx, &id)?;
            catalog::add_features(tx, cx, product, &[call.body.command()])?;
            if let Some(default) = call.body.default() {
                catalog::set_default(tx, cx, product, &default)?;
            }
            let feature = shown(tx, cx, product, &call.body.code)?;
            Ok(Reply::created(format!("/v1/products/{product}/features/{}", feature.code), &feature))
        })
        .await
}

/// What to change of a feature; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FeatureChange {
    /// Its new code; grants and uses stay.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "FLOAT_2")]
    code: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Floating brushes")]
    name: Option<String>,
    /// Remarks; `null` clears them.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    notes: Option<Option<String>>,
    /// Its group; `null` is the default group.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "Export")]
    group: Option<Option<String>>,
    /// Is it on in trials? Flags alone can be.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    in_trials: Option<bool>,
    /// Is it on in a license made without a profile?
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// The limit in such a license.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = 5)]
    limit: Option<i64>,
}

/// Change a feature
///
/// Licenses made before keep what they have.
#[utoipa::path(patch, path = "/v1/products/{product}/features/{code}", tag = "Products", request_body = FeatureChange,
    params(("product" = String, Path, description = "Which product"), ("code" = String, Path, description = "Which feature")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The feature as it is now", body = Feature)))]
async fn change_feature(
    Path((id, code)): Path<(String, String)>,
    write: Write<FeatureChange>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let product = name::product(tx, cx, &id)?;
            let change = &call.body;
            let command = ChangeFeature {
                code: code.clone(),
                new_code: change.code.clone(),
                name: change.name.clone(),
                notes: change.notes.clone().map(Option::unwrap_or_default),
                group: change.group.clone().map(|group| group.unwrap_or_else(|| "default".to_owned())),
                in_trials: change.in_trials,
            };
            catalog::change_features(tx, cx, product, &[command])?;
            let code = change.code.as_ref().unwrap_or(&code);
            if change.enabled.is_some() || change.limit.is_some() {
                let before = shown(tx, cx, product, code)?;
                let enabled = change.enabled.unwrap_or(before.enabled);
                let limit = change.limit.unwrap_or(before.limit);
                catalog::set_default(tx, cx, product, &SetDefault { code: code.clone(), enabled, limit })?;
            }
            Ok(Reply::ok(&shown(tx, cx, product, code)?))
        })
        .await
}

/// Remove a feature
///
/// Takes it from the product and from every license and profile, with its use.
#[utoipa::path(delete, path = "/v1/products/{product}/features/{code}", tag = "Products",
    params(("product" = String, Path, description = "Which product"), ("code" = String, Path, description = "Which feature")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 204, description = "It is gone")))]
async fn remove_feature(Path((id, code)): Path<(String, String)>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let product = name::product(tx, cx, &id)?;
            catalog::remove_feature(tx, cx, product, &code)?;
            Ok(Reply::nothing())
        })
        .await
}

/// A function of the server that licenses switch on or off.
#[derive(Serialize, ToSchema)]
struct ServerFunction {
    /// Its id.
    #[schema(example = "fun_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Its name, unique with the vendor.
    #[schema(example = "export")]
    name: String,
    /// On where nothing else is set?
    enabled: bool,
    /// Does it take a number?
    takes_parameter: bool,
}

impl From<catalog::ServerFunction> for ServerFunction {
    fn from(function: catalog::ServerFunction) -> Self {
        Self {
            id: function.id.to_string(),
            name: function.name,
            enabled: function.enabled,
            takes_parameter: function.takes_parameter,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListServerFunctions {
    /// Whose functions; left out, those of the caller's own vendor.
    vendor: Option<String>,
}

/// List server functions
///
/// All that a vendor has registered.
#[utoipa::path(get, path = "/v1/server-functions", tag = "Products", params(ListServerFunctions),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The functions", body = Page<ServerFunction>)))]
async fn list_server_functions(read: Read<ListServerFunctions>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let vendor = name::vendor(tx, cx, query.vendor.as_deref())?;
        // Whoever may see the products may see what they can do.
        catalog::products(tx, cx, vendor, None, 1)?;
        let items = catalog::functions(tx, vendor)?.into_iter().map(ServerFunction::from).collect();
        Ok(Reply::ok(&Page { items, next: None }))
    })
    .await
}

/// A server function to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewServerFunction {
    /// The vendor whose it shall be; left out, the caller's own.
    vendor: Option<String>,
    /// Its name.
    #[schema(example = "export")]
    name: String,
    /// On where nothing else is set?
    #[serde(default)]
    enabled: bool,
    /// Does it take a number?
    #[serde(default)]
    takes_parameter: bool,
}

/// Register a server function
///
/// A name that is registered already stays as it is.
#[utoipa::path(post, path = "/v1/server-functions", tag = "Products", request_body = NewServerFunction,
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The function", body = ServerFunction)))]
async fn register_server_function(write: Write<NewServerFunction>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let vendor = name::vendor(tx, cx, new.vendor.as_deref())?;
            catalog::register_function(tx, cx, vendor, &new.name, new.enabled, new.takes_parameter)?;
            let function = catalog::functions(tx, vendor)?.into_iter().find(|function| function.name == new.name);
            let function = function.ok_or(Error::not_found(lessor_core::Noun::ServerFunction))?;
            Ok(Reply::ok(&ServerFunction::from(function)).with_status(http::StatusCode::CREATED))
        })
        .await
}
