//! The device API: `/device/v1`, for installed copies.

mod activations;
mod analytics;
mod daemons;
mod holdings;
mod offline;
mod reports;
mod stores;
mod usage;
mod validations;

use crate::call::{Head, device_caller};
use crate::document::{self, Api};
use crate::problem::Problem;
use crate::refuse::with_fallbacks;
use crate::reply::Reply;
use crate::wire::Time;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use lessor_core::{App, catalog};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(activations::routes())
        .merge(validations::routes())
        .merge(holdings::routes())
        .merge(stores::routes())
        .merge(reports::routes())
        .merge(analytics::routes())
        .merge(usage::routes())
        .merge(offline::routes())
        .merge(daemons::routes())
        .routes(routes!(list_product_keys))
        .routes(routes!(get_time))
}

/// The device API over an application.
pub fn device(app: App) -> Router {
    let (router, _) = operations().split_for_parts();
    with_fallbacks(router, app)
}

/// The OpenAPI 3.1 document of the device API.
pub fn device_openapi() -> Value {
    document::finish(operations().into_openapi(), &API)
}

const API: Api = Api {
    title: "Lessor device API",
    description: include_str!("about.md"),
    scheme: "device",
    scheme_description: "The secret that came with the activation (`lds_…`).",
    rehearsals: false,
    tags: &[
        ("Activations", "A license in use on a device, or a product being tried."),
        ("Validations", "Is a code good?"),
        ("Holdings", "Floating seats, elements of pools, and tokens."),
        ("Stores", "Texts that programs keep on the server with their license."),
        ("Reports", "What a device tells of itself and of the people who use it."),
        ("Analytics", "What programs tell of their use."),
        ("Usage", "What programs count, for meters that are open to devices."),
        ("Offline", "Requests, answers and proofs that people carry."),
        ("Daemons", "Programs on local networks that hand out seats by themselves."),
        ("Products", "The keys that leases are signed with."),
        ("Time", "What time it is."),
    ],
};

/// A key that leases of a product are signed with.
#[derive(Serialize, ToSchema)]
struct ProductKey {
    /// Always `Ed25519`.
    #[schema(example = "Ed25519")]
    algorithm: &'static str,
    /// Names the key in documents: 16 hexadecimal digits.
    #[schema(example = "5fd924625f6ab16a")]
    key_id: String,
    /// 64 hexadecimal digits.
    #[schema(example = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")]
    public_key: String,
    /// `active`, or `retiring`: nothing new is signed with it.
    #[schema(example = "active")]
    state: String,
}

/// The keys of a product.
#[derive(Serialize, ToSchema)]
struct ProductKeys {
    /// The product's native id.
    product: String,
    /// All that documents may still be signed with, oldest first.
    keys: Vec<ProductKey>,
    /// Documents by which a key vouches for a later one, as lower-case hex: from any key in the list they lead to the one
    /// that signs now.
    #[schema(example = json!(["055fd924625f6ab16a0000012c"]))]
    endorsements: Vec<String>,
}

/// List a product's keys
///
/// What to verify leases and offline answers with, and how keys vouch for each other, so that a program that has an older
/// key built in gets to the present one. A product is named by its id or by `dialect:product:number`.
#[utoipa::path(get, path = "/device/v1/products/{product}/keys", tag = "Products", security(()),
    params(("product" = String, Path, description = "Which product")),
    responses((status = 200, description = "The keys", body = ProductKeys)))]
async fn list_product_keys(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let head = Head::of(&parts, &app);
    head.refuse_query()?;
    let found = app
        .read(&device_caller(&head), move |tx, _| {
            let product = catalog::resolve_product(tx, &id)?;
            Ok((product, catalog::public_keys(tx, product)?, catalog::endorsements(tx, product)?))
        })
        .await;
    let (product, keys, endorsements) = found.map_err(|error| head.core_problem(&error))?;
    let keys = keys.into_iter().map(|(key, state)| ProductKey {
        algorithm: "Ed25519",
        key_id: key.id().to_string(),
        public_key: key.to_hex(),
        state,
    });
    let view = ProductKeys { product: product.to_string(), keys: keys.collect(), endorsements };
    Ok(Reply::ok(&view).answer(&app, &[]))
}

/// What time it is.
#[derive(Serialize, ToSchema)]
struct Now {
    now: Time,
}

/// Get the time
///
/// What time it is for the server.
#[utoipa::path(get, path = "/device/v1/time", tag = "Time", security(()),
    responses((status = 200, description = "The time", body = Now)))]
async fn get_time(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    Head::of(&parts, &app).refuse_query()?;
    Ok(Reply::ok(&Now { now: app.now().into() }).answer(&app, &[]))
}
