//! What else a product has: groups of features, named values.

use crate::call::{Nothing, Read, Write, given};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::terms::{NamedValue, ValueInput};
use crate::wire::Page;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lessor_core::catalog::{self, ChangeGroup, ChangeValue, NewGroup};
use lessor_core::{App, Context, Error, Noun, ProductId, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_feature_groups, add_feature_group))
        .routes(routes!(change_feature_group, remove_feature_group))
        .routes(routes!(add_value))
        .routes(routes!(change_value, remove_value))
}

/// A group of features.
#[derive(Serialize, ToSchema)]
struct FeatureGroup {
    /// Its id.
    #[schema(example = "grp_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Its name, unique in the product.
    #[schema(example = "Export")]
    name: String,
    /// Remarks.
    notes: String,
}

impl From<catalog::FeatureGroup> for FeatureGroup {
    fn from(group: catalog::FeatureGroup) -> Self {
        Self { id: group.id.to_string(), name: group.name, notes: group.notes }
    }
}

fn group(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, name: &str) -> Result<FeatureGroup, Error> {
    let found = catalog::feature_groups(tx, cx, product)?.into_iter().find(|group| group.name == name);
    found.map(FeatureGroup::from).ok_or(Error::not_found(Noun::FeatureGroup))
}

/// List feature groups
///
/// The groups of a product in the order they were made. The default group, which always exists, is not among them.
#[utoipa::path(get, path = "/v1/products/{product}/feature-groups", tag = "Products",
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The groups", body = Page<FeatureGroup>)))]
async fn list_feature_groups(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let product = name::product(tx, cx, &id)?;
        let items = catalog::feature_groups(tx, cx, product)?.into_iter().map(FeatureGroup::from).collect();
        Ok(Reply::ok(&Page { items, next: None }))
    })
    .await
}

/// A group of features to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFeatureGroup {
    /// Its name; not `default` in whatever case.
    #[schema(example = "Export")]
    name: String,
    /// Remarks.
    #[serde(default)]
    notes: String,
}

impl NewFeatureGroup {
    pub fn command(&self) -> NewGroup {
        NewGroup { name: self.name.clone(), notes: self.notes.clone() }
    }
}

/// Add a feature group
///
/// A product has at most 1000.
#[utoipa::path(post, path = "/v1/products/{product}/feature-groups", tag = "Products", request_body = NewFeatureGroup,
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The new group", body = FeatureGroup)))]
async fn add_feature_group(Path(id): Path<String>, write: Write<NewFeatureGroup>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let product = name::product(tx, cx, &id)?;
            catalog::add_feature_groups(tx, cx, product, &[call.body.command()])?;
            Ok(Reply::ok(&group(tx, cx, product, &call.body.name)?).with_status(StatusCode::CREATED))
        })
        .await
}

/// What to change of a group; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FeatureGroupChange {
    /// Its new name; its features stay in it.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Exports")]
    name: Option<String>,
    /// Remarks; `null` clears them.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    notes: Option<Option<String>>,
}

/// Change a feature group
///
/// The default group stays as it is.
#[utoipa::path(patch, path = "/v1/products/{product}/feature-groups/{name}", tag = "Products", request_body = FeatureGroupChange,
    params(("product" = String, Path, description = "Which product"), ("name" = String, Path, description = "Which group")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The group as it is now", body = FeatureGroup)))]
async fn change_feature_group(
    Path((id, name)): Path<(String, String)>,
    write: Write<FeatureGroupChange>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let product = name::product(tx, cx, &id)?;
            let new_name = call.body.name.clone();
            let notes = call.body.notes.clone().map(Option::unwrap_or_default);
            let change = ChangeGroup { name: name.clone(), new_name, notes };
            catalog::change_feature_groups(tx, cx, product, &[change])?;
            Ok(Reply::ok(&group(tx, cx, product, call.body.name.as_ref().unwrap_or(&name))?))
        })
        .await
}

/// Remove a feature group
///
/// Its features are in the default group then.
#[utoipa::path(delete, path = "/v1/products/{product}/feature-groups/{name}", tag = "Products",
    params(("product" = String, Path, description = "Which product"), ("name" = String, Path, description = "Which group")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 204, description = "It is gone")))]
async fn remove_feature_group(
    Path((id, name)): Path<(String, String)>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let product = name::product(tx, cx, &id)?;
            catalog::remove_feature_group(tx, cx, product, &name)?;
            Ok(Reply::nothing())
        })
        .await
}

fn value(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, name: &str) -> Result<NamedValue, Error> {
    let product = catalog::product(tx, cx, product)?;
    let known = catalog::catalog(tx, product.tenant, product.id)?;
    let value = known.value(name)?.clone();
    Ok(NamedValue { name: value.name, value: value.value })
}

/// Add a named value
///
/// Every license and profile of the product has it at once, with the value given here. A product has at most 1000.
#[utoipa::path(post, path = "/v1/products/{product}/values", tag = "Products", request_body = ValueInput,
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The new value", body = NamedValue)))]
async fn add_value(Path(id): Path<String>, write: Write<ValueInput>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let product = name::product(tx, cx, &id)?;
            let new = (call.body.name.clone(), call.body.value.clone());
            catalog::add_values(tx, cx, product, &[new])?;
            Ok(Reply::ok(&value(tx, cx, product, &call.body.name)?).with_status(StatusCode::CREATED))
        })
        .await
}

/// What to change of a named value; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ValueChange {
    /// Its new name; what licenses and profiles have set stays.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "edition")]
    name: Option<String>,
    /// The value where nothing else is set.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "studio")]
    value: Option<String>,
}

/// Change a named value
///
/// Licenses and profiles that set none of their own have the new one at once.
#[utoipa::path(patch, path = "/v1/products/{product}/values/{name}", tag = "Products", request_body = ValueChange,
    params(("product" = String, Path, description = "Which product"), ("name" = String, Path, description = "Which value")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The value as it is now", body = NamedValue)))]
async fn change_value(
    Path((id, name)): Path<(String, String)>,
    write: Write<ValueChange>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let product = name::product(tx, cx, &id)?;
            let new = &call.body;
            let change = ChangeValue { name: name.clone(), new_name: new.name.clone(), value: new.value.clone() };
            catalog::change_values(tx, cx, product, &[change])?;
            Ok(Reply::ok(&value(tx, cx, product, new.name.as_ref().unwrap_or(&name))?))
        })
        .await
}

/// Remove a named value
///
/// Takes it from the product and from every license and profile that sets it.
#[utoipa::path(delete, path = "/v1/products/{product}/values/{name}", tag = "Products",
    params(("product" = String, Path, description = "Which product"), ("name" = String, Path, description = "Which value")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 204, description = "It is gone")))]
async fn remove_value(Path((id, name)): Path<(String, String)>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let product = name::product(tx, cx, &id)?;
            catalog::remove_value(tx, cx, product, &name)?;
            Ok(Reply::nothing())
        })
        .await
}
