//! What accounts may order, and how.

use super::products::ProductItem;
use crate::call::{Read, Write, given};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Page;
use axum::extract::Path;
use axum::response::Response;
use lessor_core::catalog::Product;
use lessor_core::order::{self, ChangeOffers};
use lessor_core::{App, Context, Error, ProductId, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_offers, change_offers))
        .routes(routes!(get_order_rules, change_order_rules))
}

fn listed(products: Vec<Product>) -> Reply {
    Reply::ok(&Page { items: products.into_iter().map(ProductItem::from).collect(), next: None })
}

/// List what an account may order
///
/// For those right below it, in the order in which the products were made. A vendor may order all that it sells.
#[utoipa::path(get, path = "/v1/accounts/{account}/offers", tag = "Orders",
    params(("account" = String, Path, description = "Which account")),
    security(("bearer" = ["accounts:read"])),
    responses((status = 200, description = "The products", body = Page<ProductItem>)))]
async fn list_offers(Path(account): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let account = name::account(tx, cx, &account)?;
        Ok(listed(order::offers(tx, cx, account)?))
    })
    .await
}

/// What an account may order from now on, and what not any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OffersChange {
    /// Products to offer. What is offered already is no error.
    #[serde(default)]
    #[schema(example = json!([]))]
    add: Vec<String>,
    /// Products to offer no more. What is not offered anyway is no error.
    #[serde(default)]
    #[schema(example = json!([]))]
    remove: Vec<String>,
}

fn products(tx: &mut dyn Tx, cx: &Context<'_>, names: &[String]) -> Result<Vec<ProductId>, Error> {
    names.iter().map(|product| name::product(tx, cx, product)).collect()
}

/// Change what an account may order
///
/// For those who may change the account above it; each offers what was offered to its own account. Licenses that were ordered
/// stay as they are. An account has at most 1000 offers.
#[utoipa::path(patch, path = "/v1/accounts/{account}/offers", tag = "Orders", request_body = OffersChange,
    params(("account" = String, Path, description = "Which account")),
    security(("bearer" = ["accounts:write"])),
    responses((status = 200, description = "What it may order now", body = Page<ProductItem>)))]
async fn change_offers(Path(account): Path<String>, write: Write<OffersChange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let command = ChangeOffers {
                account: name::account(tx, cx, &account)?,
                add: products(tx, cx, &call.body.add)?,
                remove: products(tx, cx, &call.body.remove)?,
            };
            Ok(listed(order::change_offers(tx, cx, &command)?))
        })
        .await
}

/// How an account may order for those right below it.
#[derive(Serialize, ToSchema)]
struct OrderRules {
    /// May it order trials?
    trials_allowed: bool,
    /// Are its orders requests, which somebody above it decides on? Nobody of its branch changes licenses otherwise then.
    by_request: bool,
}

impl From<order::Rules> for OrderRules {
    fn from(rules: order::Rules) -> Self {
        Self { trials_allowed: rules.trials_allowed, by_request: rules.by_request }
    }
}

/// Get how an account may order
///
/// Nothing set is no trials, and at once.
#[utoipa::path(get, path = "/v1/accounts/{account}/order-rules", tag = "Orders",
    params(("account" = String, Path, description = "Which account")),
    security(("bearer" = ["accounts:read"])),
    responses((status = 200, description = "The rules", body = OrderRules)))]
async fn get_order_rules(Path(account): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let account = name::account(tx, cx, &account)?;
        Ok(Reply::ok(&OrderRules::from(order::rules(tx, cx, account)?)))
    })
    .await
}

/// What to change of how an account may order; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OrderRulesChange {
    /// May it order trials?
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    trials_allowed: Option<bool>,
    /// Are its orders requests?
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    by_request: Option<bool>,
    /// With `by_request` switched off: approve what waits? Takes `licenses:write` too.
    #[serde(default)]
    accept_pending: bool,
}

/// Change how an account may order
///
/// For those who may change the account above it. Requests that are approved with the change and cannot be any more are refused
/// with the reason.
#[utoipa::path(patch, path = "/v1/accounts/{account}/order-rules", tag = "Orders", request_body = OrderRulesChange,
    params(("account" = String, Path, description = "Which account")),
    security(("bearer" = ["accounts:write"])),
    responses((status = 200, description = "The rules as they are now", body = OrderRules)))]
async fn change_order_rules(Path(account): Path<String>, write: Write<OrderRulesChange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let command = order::ChangeRules {
                account: name::account(tx, cx, &account)?,
                trials_allowed: call.body.trials_allowed,
                by_request: call.body.by_request,
                accept_pending: call.body.accept_pending,
            };
            let (rules, _) = order::change_rules(tx, cx, &command, &|_| None)?;
            Ok(Reply::ok(&OrderRules::from(rules)))
        })
        .await
}
