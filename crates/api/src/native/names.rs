//! The names that dialects have for records, and the attributes kept with them.

use crate::call::{Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Page;
use axum::extract::Path;
use axum::response::Response;
use lessor_core::alias::{self, Record};
use lessor_core::{App, Context, Error, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_account_aliases, set_account_alias))
        .routes(routes!(list_product_aliases, set_product_alias))
        .routes(routes!(list_license_aliases, set_license_alias))
        .routes(routes!(get_account_attributes, set_account_attributes))
        .routes(routes!(get_product_attributes, set_product_attributes))
        .routes(routes!(get_license_attributes, set_license_attributes))
}

/// A name that a dialect, or a system that data came from, has for a record.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Alias {
    /// The dialect: 1 to 32 lower-case letters, digits, `_` or `-`.
    #[schema(example = "zentitle")]
    dialect: String,
    /// Its kind of record, of the same form.
    #[schema(example = "company")]
    kind: String,
    /// The name: 1 to 200 characters, unique in dialect, kind and tenant.
    #[schema(example = "1042")]
    alias: String,
}

impl From<alias::Name> for Alias {
    fn from(name: alias::Name) -> Self {
        Self { dialect: name.dialect, kind: name.kind, alias: name.alias }
    }
}

fn account(tx: &mut dyn Tx, cx: &Context<'_>, id: &str) -> Result<Record, Error> {
    Ok(Record::Account(name::account(tx, cx, id)?))
}

fn product(tx: &mut dyn Tx, cx: &Context<'_>, id: &str) -> Result<Record, Error> {
    Ok(Record::Product(name::product(tx, cx, id)?))
}

fn license(tx: &mut dyn Tx, cx: &Context<'_>, id: &str) -> Result<Record, Error> {
    Ok(Record::License(name::license(tx, cx, id)?))
}

type Find = fn(&mut dyn Tx, &Context<'_>, &str) -> Result<Record, Error>;

async fn listed(id: String, read: Read, find: Find) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let record = find(tx, cx, &id)?;
        let items = alias::of_record(tx, cx, record)?.into_iter().map(Alias::from).collect();
        Ok(Reply::ok(&Page { items, next: None }))
    })
    .await
}

async fn renamed(id: String, write: Write<Alias>, find: Find) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let record = find(tx, cx, &id)?;
            let Alias { dialect, kind, alias } = &call.body;
            let name = alias::Name { dialect: dialect.clone(), kind: kind.clone(), alias: alias.clone() };
            alias::rename(tx, cx, record, &name)?;
            Ok(Reply::ok(&Alias::from(name)))
        })
        .await
}

async fn attributes(id: String, namespace: String, read: Read, find: Find) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let record = find(tx, cx, &id)?;
        Ok(Reply::ok(&alias::attributes_of(tx, cx, record, &namespace)?))
    })
    .await
}

async fn replaced(
    id: String,
    namespace: String,
    write: Write<Map<String, Value>>,
    find: Find,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let record = find(tx, cx, &id)?;
            let document = Value::Object(call.body.clone());
            alias::replace_attributes(tx, cx, record, &namespace, &document)?;
            Ok(Reply::ok(&document))
        })
        .await
}

/// Attributes: an object whose members are the caller's own, at most 16 KiB.
#[derive(ToSchema)]
#[schema(value_type = Object, example = json!({"legacy_id": 42}))]
#[expect(dead_code, reason = "it is there for its schema")]
struct Attributes(Map<String, Value>);

/// List an account's aliases
///
/// All names that dialects have for it. Wherever an account is asked for, `dialect:kind:alias` names it too.
#[utoipa::path(get, path = "/v1/accounts/{account}/aliases", tag = "Aliases and attributes",
    params(("account" = String, Path, description = "Which account")),
    security(("bearer" = ["accounts:read"])),
    responses((status = 200, description = "The names", body = Page<Alias>)))]
async fn list_account_aliases(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    listed(id, read, account).await
}

/// Set an account's alias
///
/// Replaces its name in that dialect and kind.
#[utoipa::path(put, path = "/v1/accounts/{account}/aliases", tag = "Aliases and attributes", request_body = Alias,
    params(("account" = String, Path, description = "Which account")),
    security(("bearer" = ["accounts:write"])),
    responses((status = 200, description = "The name", body = Alias)))]
async fn set_account_alias(Path(id): Path<String>, write: Write<Alias>) -> Result<Response, Problem> {
    renamed(id, write, account).await
}

/// List a product's aliases
///
/// All names that dialects have for it. Wherever a product is asked for, `dialect:kind:alias` names it too.
#[utoipa::path(get, path = "/v1/products/{product}/aliases", tag = "Aliases and attributes",
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The names", body = Page<Alias>)))]
async fn list_product_aliases(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    listed(id, read, product).await
}

/// Set a product's alias
///
/// Replaces its name in that dialect and kind.
#[utoipa::path(put, path = "/v1/products/{product}/aliases", tag = "Aliases and attributes", request_body = Alias,
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The name", body = Alias)))]
async fn set_product_alias(Path(id): Path<String>, write: Write<Alias>) -> Result<Response, Problem> {
    renamed(id, write, product).await
}

/// List a license's aliases
///
/// All names that dialects have for it. Wherever a license is asked for, `dialect:kind:alias` names it too.
#[utoipa::path(get, path = "/v1/licenses/{license}/aliases", tag = "Aliases and attributes",
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The names", body = Page<Alias>)))]
async fn list_license_aliases(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    listed(id, read, license).await
}

/// Set a license's alias
///
/// Replaces its name in that dialect and kind.
#[utoipa::path(put, path = "/v1/licenses/{license}/aliases", tag = "Aliases and attributes", request_body = Alias,
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The name", body = Alias)))]
async fn set_license_alias(Path(id): Path<String>, write: Write<Alias>) -> Result<Response, Problem> {
    renamed(id, write, license).await
}

/// Get an account's attributes
///
/// What is kept with it in a namespace; an empty object where nothing is.
#[utoipa::path(get, path = "/v1/accounts/{account}/attributes/{namespace}", tag = "Aliases and attributes",
    params(("account" = String, Path, description = "Which account"), ("namespace" = String, Path, description = "Whose attributes")),
    security(("bearer" = ["accounts:read"])),
    responses((status = 200, description = "The attributes", body = Attributes)))]
async fn get_account_attributes(
    Path((id, namespace)): Path<(String, String)>,
    read: Read,
) -> Result<Response, Problem> {
    attributes(id, namespace, read, account).await
}

/// Set an account's attributes
///
/// Replaces what is kept with it in a namespace.
#[utoipa::path(put, path = "/v1/accounts/{account}/attributes/{namespace}", tag = "Aliases and attributes",
    request_body = Attributes,
    params(("account" = String, Path, description = "Which account"), ("namespace" = String, Path, description = "Whose attributes")),
    security(("bearer" = ["accounts:write"])),
    responses((status = 200, description = "The attributes", body = Attributes)))]
async fn set_account_attributes(
    Path((id, namespace)): Path<(String, String)>,
    write: Write<Map<String, Value>>,
) -> Result<Response, Problem> {
    replaced(id, namespace, write, account).await
}

/// Get a product's attributes
///
/// What is kept with it in a namespace; an empty object where nothing is.
#[utoipa::path(get, path = "/v1/products/{product}/attributes/{namespace}", tag = "Aliases and attributes",
    params(("product" = String, Path, description = "Which product"), ("namespace" = String, Path, description = "Whose attributes")),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The attributes", body = Attributes)))]
async fn get_product_attributes(
    Path((id, namespace)): Path<(String, String)>,
    read: Read,
) -> Result<Response, Problem> {
    attributes(id, namespace, read, product).await
}

/// Set a product's attributes
///
/// Replaces what is kept with it in a namespace.
#[utoipa::path(put, path = "/v1/products/{product}/attributes/{namespace}", tag = "Aliases and attributes",
    request_body = Attributes,
    params(("product" = String, Path, description = "Which product"), ("namespace" = String, Path, description = "Whose attributes")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The attributes", body = Attributes)))]
async fn set_product_attributes(
    Path((id, namespace)): Path<(String, String)>,
    write: Write<Map<String, Value>>,
) -> Result<Response, Problem> {
    replaced(id, namespace, write, product).await
}

/// Get a license's attributes
///
/// What is kept with it in a namespace; an empty object where nothing is.
#[utoipa::path(get, path = "/v1/licenses/{license}/attributes/{namespace}", tag = "Aliases and attributes",
    params(("license" = String, Path, description = "Which license"), ("namespace" = String, Path, description = "Whose attributes")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The attributes", body = Attributes)))]
async fn get_license_attributes(
    Path((id, namespace)): Path<(String, String)>,
    read: Read,
) -> Result<Response, Problem> {
    attributes(id, namespace, read, license).await
}

/// Set a license's attributes
///
/// Replaces what is kept with it in a namespace.
#[utoipa::path(put, path = "/v1/licenses/{license}/attributes/{namespace}", tag = "Aliases and attributes",
    request_body = Attributes,
    params(("license" = String, Path, description = "Which license"), ("namespace" = String, Path, description = "Whose attributes")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The attributes", body = Attributes)))]
async fn set_license_attributes(
    Path((id, namespace)): Path<(String, String)>,
    write: Write<Map<String, Value>>,
) -> Result<Response, Problem> {
    replaced(id, namespace, write, license).await
}
