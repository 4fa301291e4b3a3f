//! Orders of licenses, and requests for them.

use super::licenses::{License, shown_changed};
use crate::call::{Cursor, Limit, Nothing, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{OrderRequestState, Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::order::{self, Order, RequestFilter};
use lessor_core::{App, Context, Error, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(order_license))
        .routes(routes!(list_order_requests, file_order_request))
        .routes(routes!(get_order_request))
        .routes(routes!(approve_order_request))
        .routes(routes!(refuse_order_request))
}

/// A license to order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    /// For which customer: an account of that kind.
    customer: String,
    /// What; the account above the customer has to have been offered it.
    product: String,
    /// Activations at once, 1 to 1 000 000.
    #[schema(example = 10)]
    quantity: i64,
    /// To try it out for so many days, 1 to 5000; left out, a full license without end.
    #[schema(example = json!(null))]
    trial_days: Option<i64>,
    /// A code of your own: 1 to 64 letters, digits or `-`; left out, one is made up.
    #[schema(example = json!(null))]
    code: Option<String>,
}

fn wanted(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    customer: &str,
    product: &str,
    quantity: i64,
    trial_days: Option<i64>,
) -> Result<Order, Error> {
    let customer = name::account(tx, cx, customer)?;
    Ok(Order { customer, product: name::product(tx, cx, product)?, quantity, trial_days })
}

/// Order a license
///
/// A customer has one license to a product, besides those whose term is over. Whoever belongs to an account that orders by
/// request files a request instead.
#[utoipa::path(post, path = "/v1/orders", tag = "Orders", request_body = NewOrder,
    security(("bearer" = ["licenses:write"])),
    responses((status = 201, description = "The new license", body = License)))]
async fn order_license(write: Write<NewOrder>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let order = wanted(tx, cx, &new.customer, &new.product, new.quantity, new.trial_days)?;
            let license = order::order(tx, cx, &order, new.code.as_deref())?;
            Ok(shown_changed(tx, cx, license)?.with_status(http::StatusCode::CREATED))
        })
        .await
}

/// An order that somebody above the seller decides on.
#[derive(Serialize, ToSchema)]
struct OrderRequest {
    /// Its id.
    #[schema(example = "orq_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// For which customer.
    customer: String,
    /// What.
    product: String,
    /// Activations at once.
    #[schema(example = 10)]
    quantity: i64,
    /// Days of a trial; `null` for a full license.
    trial_days: Option<i64>,
    /// What whoever filed it has to say.
    #[schema(example = "They move in on Monday.")]
    note: String,
    /// How it stands.
    state: OrderRequestState,
    /// Who filed it.
    #[schema(example = "usr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    filed_by: String,
    filed_at: Time,
    /// Who decided on it.
    settled_by: Option<String>,
    /// When.
    settled_at: Option<Time>,
    /// What that one has to say; the reason, where an order could not be any more.
    answer: String,
    /// The license that it became.
    license: Option<String>,
}

impl From<order::Request> for OrderRequest {
    fn from(request: order::Request) -> Self {
        Self {
            id: request.id.to_string(),
            customer: request.order.customer.to_string(),
            product: request.order.product.to_string(),
            quantity: request.order.quantity,
            trial_days: request.order.trial_days,
            note: request.note,
            state: request.state.into(),
            filed_by: request.filed_by,
            filed_at: request.filed_at.into(),
            settled_by: request.settled_by,
            settled_at: request.settled_at.map(Time),
            answer: request.answer,
            license: request.license.map(|license| license.to_string()),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListOrderRequests {
    /// Only those for customers of this account and those below it; left out, of the caller's branch.
    branch: Option<String>,
    /// Only those that stand so.
    #[param(inline)]
    state: Option<OrderRequestState>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List order requests
///
/// Those that the caller sees, in the order they were filed, a page at a time.
#[utoipa::path(get, path = "/v1/order-requests", tag = "Orders", params(ListOrderRequests),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "A page of requests", body = Page<OrderRequest>)))]
async fn list_order_requests(read: Read<ListOrderRequests>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let branch = name::some_account(tx, cx, query.branch.as_deref())?;
        let filter = RequestFilter { branch, state: query.state.map(Into::into) };
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = order::requests(tx, cx, &filter, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |request| request.id.0.as_u128(), OrderRequest::from)))
    })
    .await
}

/// An order to request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrderRequest {
    /// For which customer; the account above it orders by request.
    customer: String,
    /// What; the account above the customer has to have been offered it.
    product: String,
    /// Activations at once, 1 to 1 000 000.
    #[schema(example = 10)]
    quantity: i64,
    /// To try it out for so many days, 1 to 5000; left out, a full license without end.
    #[schema(example = json!(null))]
    trial_days: Option<i64>,
    /// What there is to say, at most 500 characters.
    #[serde(default)]
    #[schema(example = "They move in on Monday.")]
    note: String,
}

/// File an order request
///
/// One for each customer and product waits at a time, and 500 of one seller.
#[utoipa::path(post, path = "/v1/order-requests", tag = "Orders", request_body = NewOrderRequest,
    security(("bearer" = ["licenses:write"])),
    responses((status = 201, description = "The request", body = OrderRequest)))]
async fn file_order_request(write: Write<NewOrderRequest>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let order = wanted(tx, cx, &new.customer, &new.product, new.quantity, new.trial_days)?;
            let request = OrderRequest::from(order::file(tx, cx, &order, &new.note)?);
            Ok(Reply::created(format!("/v1/order-requests/{}", request.id), &request))
        })
        .await
}

/// Get an order request
///
/// With what came of it.
#[utoipa::path(get, path = "/v1/order-requests/{request}", tag = "Orders",
    params(("request" = String, Path, description = "Which request")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The request", body = OrderRequest)))]
async fn get_order_request(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let request = order::request(tx, cx, name::order_request(&id)?)?;
        Ok(Reply::ok(&OrderRequest::from(request)))
    })
    .await
}

/// Approve an order request
///
/// It becomes a license. For those who may change licenses above the account that sells.
#[utoipa::path(post, path = "/v1/order-requests/{request}/approve", tag = "Orders",
    params(("request" = String, Path, description = "Which request")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The request as it is now", body = OrderRequest)))]
async fn approve_order_request(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let (request, _) = order::approve(tx, cx, name::order_request(&id)?, None)?;
            Ok(Reply::ok(&OrderRequest::from(request)))
        })
        .await
}

/// Why a request is refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RequestRefusal {
    /// What there is to say, at most 500 characters.
    #[serde(default)]
    #[schema(example = "They have not paid for the last one.")]
    answer: String,
}

/// Refuse an order request
///
/// For those who may change licenses above the account that sells.
#[utoipa::path(post, path = "/v1/order-requests/{request}/refuse", tag = "Orders", request_body = RequestRefusal,
    params(("request" = String, Path, description = "Which request")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The request as it is now", body = OrderRequest)))]
async fn refuse_order_request(Path(id): Path<String>, write: Write<RequestRefusal>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let request = order::refuse(tx, cx, name::order_request(&id)?, &call.body.answer)?;
            Ok(Reply::ok(&OrderRequest::from(request)))
        })
        .await
}
