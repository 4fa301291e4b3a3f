//! Price categories: names under which a vendor's prices are listed, and which products fall under which.

use crate::call::{Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Page;
use axum::extract::Path;
use axum::response::Response;
use lessor_core::{App, catalog};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_price_categories, create_price_category))
        .routes(routes!(list_price_categories_of_product, set_price_categories_of_product))
}

/// A name under which a vendor's prices are listed.
#[derive(Serialize, ToSchema)]
struct PriceCategory {
    /// Its id.
    #[schema(example = "cat_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Its name, unique with the vendor.
    #[schema(example = "Endpoint")]
    name: String,
}

impl From<catalog::PriceCategory> for PriceCategory {
    fn from(category: catalog::PriceCategory) -> Self {
        Self { id: category.id.to_string(), name: category.name }
    }
}

fn listed(categories: Vec<catalog::PriceCategory>) -> Reply {
    Reply::ok(&Page { items: categories.into_iter().map(PriceCategory::from).collect(), next: None })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListPriceCategories {
    /// Whose categories; left out, those of the caller's own vendor.
    vendor: Option<String>,
}

/// List price categories
///
/// All that a vendor has.
#[utoipa::path(get, path = "/v1/price-categories", tag = "Products", params(ListPriceCategories),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The categories", body = Page<PriceCategory>)))]
async fn list_price_categories(read: Read<ListPriceCategories>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let vendor = name::vendor(tx, cx, query.vendor.as_deref())?;
        Ok(listed(catalog::price_categories(tx, cx, vendor)?))
    })
    .await
}

/// A price category to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPriceCategory {
    /// The vendor whose it shall be; left out, the caller's own.
    vendor: Option<String>,
    /// 1 to 200 characters, unique with the vendor.
    #[schema(example = "Endpoint")]
    name: String,
}

/// Create a price category
///
/// A vendor has at most 1000.
#[utoipa::path(post, path = "/v1/price-categories", tag = "Products", request_body = NewPriceCategory,
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The new category", body = PriceCategory)))]
async fn create_price_category(write: Write<NewPriceCategory>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let vendor = name::vendor(tx, cx, call.body.vendor.as_deref())?;
            let category = catalog::create_price_category(tx, cx, vendor, &call.body.name)?;
            Ok(Reply::ok(&PriceCategory::from(category)).with_status(http::StatusCode::CREATED))
        })
        .await
}

/// List the price categories of a product
///
/// Those the product falls under.
#[utoipa::path(get, path = "/v1/products/{product}/price-categories", tag = "Products",
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The categories", body = Page<PriceCategory>)))]
async fn list_price_categories_of_product(Path(product): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let product = name::product(tx, cx, &product)?;
        Ok(listed(catalog::price_categories_of(tx, cx, product)?))
    })
    .await
}

/// The price categories a product shall fall under.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PriceCategoriesToSet {
    /// Their ids, at most 100.
    #[schema(example = json!([]))]
    price_categories: Vec<String>,
}

/// Set the price categories of a product
///
/// It falls under these from now on, and under no others.
#[utoipa::path(put, path = "/v1/products/{product}/price-categories", tag = "Products",
    params(("product" = String, Path, description = "Which product")), request_body = PriceCategoriesToSet,
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The categories", body = Page<PriceCategory>)))]
async fn set_price_categories_of_product(
    Path(product): Path<String>,
    write: Write<PriceCategoriesToSet>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let product = name::product(tx, cx, &product)?;
            let ids: Result<Vec<_>, _> = call.body.price_categories.iter().map(|id| name::price_category(id)).collect();
            Ok(listed(catalog::set_price_categories(tx, cx, product, &ids?)?))
        })
        .await
}
