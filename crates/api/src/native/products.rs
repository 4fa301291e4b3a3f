//! Products: what is sold.

use crate::call::{Cursor, Limit, Read, Write, given};
use crate::document::{IfMatch, IfNoneMatch};
use crate::name;
use crate::native::features::{Feature, NewFeature};
use crate::native::product_parts::NewFeatureGroup;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::terms::{NamedValue, Terms, TermsInput, ValueInput};
use crate::wire::{Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::catalog::{self, ChangeProduct, CreateProduct, SetDefault};
use lessor_core::{App, Error, Noun, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_products, create_product)).routes(routes!(get_product, change_product))
}

/// What is sold, as lists show it.
#[derive(Serialize, ToSchema)]
pub(super) struct ProductItem {
    /// Its id.
    #[schema(example = "prd_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The vendor whose it is.
    vendor: String,
    /// Its name, unique with the vendor.
    #[schema(example = "Paint Studio")]
    name: String,
    /// May devices use it?
    active: bool,
    /// May a device try it?
    trial_offered: bool,
    /// Days of a trial.
    #[schema(example = 10)]
    trial_days: i64,
    /// What a license without a profile starts with.
    terms: Terms,
    created_at: Time,
    modified_at: Time,
    /// Grows with each change.
    #[schema(example = 1)]
    version: i64,
}

impl From<catalog::Product> for ProductItem {
    fn from(product: catalog::Product) -> Self {
        Self {
            id: product.id.to_string(),
            vendor: product.tenant.to_string(),
            terms: Terms::from(&product.terms),
            name: product.name,
            active: product.active,
            trial_offered: product.trial_offered,
            trial_days: product.trial_days,
            created_at: product.created_at.into(),
            modified_at: product.modified_at.into(),
            version: product.version,
        }
    }
}

/// What is sold, with what can be switched or limited in it.
#[derive(Serialize, ToSchema)]
struct Product {
    #[serde(flatten)]
    item: ProductItem,
    /// Its features, in the order they were made.
    features: Vec<Feature>,
    /// Its named values with their defaults, in the order they were made.
    values: Vec<NamedValue>,
}

fn shown(tx: &mut dyn Tx, product: catalog::Product) -> Result<Product, Error> {
    let known = catalog::catalog(tx, product.tenant, product.id)?;
    let values = known.values.into_iter().map(|value| NamedValue { name: value.name, value: value.value }).collect();
    let features = known.features.into_iter().map(Feature::from).collect();
    Ok(Product { item: product.into(), features, values })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListProducts {
    /// Whose products; left out, those of the caller's own vendor.
    vendor: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List products
///
/// The products of one vendor in the order they were made. Everyone below a vendor sees its products.
#[utoipa::path(get, path = "/v1/products", tag = "Products", params(ListProducts),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "A page of products", body = Page<ProductItem>)))]
async fn list_products(read: Read<ListProducts>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let vendor = name::vendor(tx, cx, query.vendor.as_deref())?;
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = catalog::products(tx, cx, vendor, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |product| product.id.0.as_u128(), ProductItem::from)))
    })
    .await
}

/// A product to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProduct {
    /// The vendor whose it shall be; left out, the caller's own.
    vendor: Option<String>,
    /// 1 to 200 characters, unique with the vendor.
    #[schema(example = "Paint Studio")]
    name: String,
    /// May a device try it?
    #[serde(default)]
    trial_offered: bool,
    /// Days of a trial, at least 1 where one is offered.
    #[serde(default)]
    #[schema(example = 10)]
    trial_days: i64,
    /// What a license without a profile starts with.
    #[serde(default)]
    terms: TermsInput,
    /// Groups of features.
    #[serde(default)]
    groups: Vec<NewFeatureGroup>,
    /// Features; they may name groups made here.
    #[serde(default)]
    features: Vec<NewFeature>,
    /// Named values with their defaults.
    #[serde(default)]
    values: Vec<ValueInput>,
}

/// Create a product
///
/// Makes a product with its groups, features and named values, and the key that its leases are signed with.
#[utoipa::path(post, path = "/v1/products", tag = "Products", request_body = NewProduct,
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The new product", body = Product)))]
async fn create_product(write: Write<NewProduct>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let command = CreateProduct {
                id: None,
                tenant: name::vendor(tx, cx, new.vendor.as_deref())?,
                name: new.name.clone(),
                trial_offered: new.trial_offered,
                trial_days: new.trial_days,
                terms: new.terms.terms()?,
                groups: new.groups.iter().map(NewFeatureGroup::command).collect(),
                features: new.features.iter().map(NewFeature::command).collect(),
                values: new.values.iter().map(|value| (value.name.clone(), value.value.clone())).collect(),
            };
            let product = catalog::create_product(tx, cx, &command)?;
            for default in new.features.iter().filter_map(NewFeature::default) {
                let default: SetDefault = default;
                catalog::set_default(tx, cx, product.id, &default)?;
            }
            let (location, version) = (format!("/v1/products/{}", product.id), product.version);
            Ok(Reply::created(location, &shown(tx, product)?).at(version))
        })
        .await
}

/// Get a product
///
/// With its features and named values.
#[utoipa::path(get, path = "/v1/products/{product}", tag = "Products",
    params(("product" = String, Path, description = "Which product"), IfNoneMatch),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The product", body = Product)))]
async fn get_product(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = name::product(tx, cx, &id)?;
        let product = catalog::product(tx, cx, id)?;
        let version = product.version;
        Ok(Reply::ok(&shown(tx, product)?).at(version))
    })
    .await
}

/// What to change of a product; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProductChange {
    /// 1 to 200 characters, unique with the vendor.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Paint Studio 2")]
    name: Option<String>,
    /// May devices use it?
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    active: Option<bool>,
    /// May a device try it?
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    trial_offered: Option<bool>,
    /// Days of a trial, at least 1 where one is offered.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = 14)]
    trial_days: Option<i64>,
    /// What a license without a profile starts with. The term is replaced, not extended.
    #[serde(default)]
    terms: TermsInput,
}

/// Change a product
///
/// Licenses made before keep what they have.
#[utoipa::path(patch, path = "/v1/products/{product}", tag = "Products", request_body = ProductChange,
    params(("product" = String, Path, description = "Which product"), IfMatch),
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The product as it is now", body = Product)))]
async fn change_product(Path(id): Path<String>, write: Write<ProductChange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let change = &call.body;
            let command = ChangeProduct {
                product: name::product(tx, cx, &id)?,
                name: change.name.clone(),
                active: change.active,
                trial_offered: change.trial_offered,
                trial_days: change.trial_days,
                terms: change.terms.change()?,
            };
            let product = catalog::change_product(tx, cx, &command)?;
            // The command has locked the product and counted one up: what it counted from is what the caller asks about.
            call.condition.check(product.version - 1, Noun::Product)?;
            let version = product.version;
            Ok(Reply::ok(&shown(tx, product)?).at(version))
        })
        .await
}
