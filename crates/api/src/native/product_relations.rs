//! How products belong together: which one a license may be exchanged for, and which are sold as one.

use super::products::ProductItem;
use crate::call::{Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{ExchangeDirection, Page};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::{App, catalog};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_exchanges, set_exchanges))
        .routes(routes!(list_bundled_products, set_bundled_products))
}

/// A product that licenses of another may be exchanged for.
#[derive(Serialize, ToSchema)]
struct ProductExchange {
    /// The product that a license is of afterwards.
    #[schema(example = "prd_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    to: String,
    /// Is that more or less?
    direction: ExchangeDirection,
}

fn exchanges_listed(exchanges: Vec<catalog::Exchange>) -> Reply {
    let view = |one: catalog::Exchange| ProductExchange { to: one.to.to_string(), direction: one.direction.into() };
    Reply::ok(&Page { items: exchanges.into_iter().map(view).collect(), next: None })
}

/// List what a product may be exchanged for
///
/// All of it: a product has at most 100.
#[utoipa::path(get, path = "/v1/products/{product}/exchanges", tag = "Products",
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The exchanges", body = Page<ProductExchange>)))]
async fn list_exchanges(Path(product): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let product = name::product(tx, cx, &product)?;
        Ok(exchanges_listed(catalog::exchanges(tx, cx, product)?))
    })
    .await
}

/// A product that licenses may be exchanged for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExchangeToOffer {
    /// The product that a license is of afterwards; another one of the same vendor.
    to: String,
    /// Is that more or less?
    direction: ExchangeDirection,
}

/// What a product may be exchanged for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExchangesToSet {
    /// At most 100, each product once.
    #[schema(example = json!([]))]
    exchanges: Vec<ExchangeToOffer>,
}

/// Set what a product may be exchanged for
///
/// Licenses to it may become licenses to these products from now on, and to no others. The way back is an exchange of its own.
#[utoipa::path(put, path = "/v1/products/{product}/exchanges", tag = "Products",
    params(("product" = String, Path, description = "Which product")), request_body = ExchangesToSet,
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The exchanges", body = Page<ProductExchange>)))]
async fn set_exchanges(Path(product): Path<String>, write: Write<ExchangesToSet>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let product = name::product(tx, cx, &product)?;
            let mut exchanges = Vec::with_capacity(call.body.exchanges.len());
            for one in &call.body.exchanges {
                let to = name::product(tx, cx, &one.to)?;
                exchanges.push(catalog::Exchange { to, direction: one.direction.into() });
            }
            Ok(exchanges_listed(catalog::set_exchanges(tx, cx, product, &exchanges)?))
        })
        .await
}

fn products_listed(products: Vec<catalog::Product>) -> Reply {
    Reply::ok(&Page { items: products.into_iter().map(ProductItem::from).collect(), next: None })
}

/// List the products of a bundle
///
/// Those that are sold together as this product; none, unless it is a bundle.
#[utoipa::path(get, path = "/v1/products/{product}/bundle", tag = "Products",
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The products", body = Page<ProductItem>)))]
async fn list_bundled_products(Path(product): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let product = name::product(tx, cx, &product)?;
        Ok(products_listed(catalog::bundled(tx, cx, product)?))
    })
    .await
}

/// The products of a bundle.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BundleToSet {
    /// At most 100, each once; none of them makes it a product of its own again.
    #[schema(example = json!([]))]
    products: Vec<String>,
}

/// Set the products of a bundle
///
/// The product is sold as these from now on, under its own name and price. Bundles hold no bundles.
#[utoipa::path(put, path = "/v1/products/{product}/bundle", tag = "Products",
    params(("product" = String, Path, description = "Which product")), request_body = BundleToSet,
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The products", body = Page<ProductItem>)))]
async fn set_bundled_products(Path(product): Path<String>, write: Write<BundleToSet>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let product = name::product(tx, cx, &product)?;
            let products =
                call.body.products.iter().map(|id| name::product(tx, cx, id)).collect::<Result<Vec<_>, _>>()?;
            Ok(products_listed(catalog::set_bundled(tx, cx, product, &products)?))
        })
        .await
}
