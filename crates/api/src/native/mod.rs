//! The native API: `/v1`, for portals, scripts and the console.

mod accounts;
mod agreements;
mod analytics;
mod api_keys;
mod consumer_records;
mod daemons;
mod end_users;
mod events;
mod features;
mod figures;
mod groups;
mod holds;
mod import;
mod license_parts;
mod license_sales;
mod licenses;
mod mails;
mod meters;
mod names;
mod offers;
mod operations;
mod orders;
mod passive_licenses;
mod price_categories;
mod price_lists;
mod product_parts;
mod product_relations;
mod products;
mod profiles;
mod reconciled_table;
mod reconciliations;
mod remembered_names;
mod seat_days;
mod sessions;
mod signing_keys;
mod statement_lines;
mod statements;
mod stream;
mod test_clock;
mod trials;
mod usage;
mod usage_records;
mod usage_report;
mod users;

pub use import::{MAX_IMPORT, license_row, license_row_of};
pub use test_clock::TestClock;

use crate::document::{self, Api};
use crate::refuse::with_fallbacks;
use axum::{Extension, Router};
use lessor_core::App;
use serde_json::Value;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

fn operations(test_clock: bool) -> OpenApiRouter<App> {
    let all = OpenApiRouter::default()
        .merge(accounts::routes())
        .merge(holds::routes())
        .merge(operations::routes())
        .merge(products::routes())
        .merge(features::routes())
        .merge(product_parts::routes())
        .merge(product_relations::routes())
        .merge(signing_keys::routes())
        .merge(price_categories::routes())
        .merge(profiles::routes())
        .merge(agreements::routes())
        .merge(licenses::routes())
        .merge(import::routes())
        .merge(license_parts::routes())
        .merge(license_sales::routes())
        .merge(offers::routes())
        .merge(orders::routes())
        .merge(passive_licenses::routes())
        .merge(groups::routes())
        .merge(end_users::routes())
        .merge(trials::routes())
        .merge(consumer_records::routes())
        .merge(daemons::routes())
        .merge(names::routes())
        .merge(meters::routes())
        .merge(usage::routes())
        .merge(usage_records::routes())
        .merge(usage_report::routes())
        .merge(analytics::routes())
        .merge(seat_days::routes())
        .merge(price_lists::routes())
        .merge(statements::routes())
        .merge(statement_lines::routes())
        .merge(reconciliations::routes())
        .merge(reconciled_table::routes())
        .merge(remembered_names::routes())
        .merge(events::routes())
        .merge(stream::routes())
        .merge(api_keys::routes())
        .merge(users::routes())
        .merge(mails::routes())
        .merge(sessions::routes());
    if test_clock { all.merge(test_clock::routes()) } else { all }
}

/// The page that takes the token of a sign-in link behind its address.
#[derive(Clone)]
struct LinkPage(Arc<str>);

/// The native API over an application. With a test clock it has `/v1/test-clock` too. `link_page` is the address of the page
/// that takes the token of a sign-in link, which is put right behind it.
pub fn native(app: App, test_clock: Option<TestClock>, link_page: &str) -> Router {
    let (router, _) = operations(test_clock.is_some()).split_for_parts();
    let router = router.layer(Extension(LinkPage(link_page.into())));
    let router = match test_clock {
        Some(clock) => router.layer(Extension(test_clock::Shared::new(clock))),
        None => router,
    };
    with_fallbacks(router, app)
}

/// The OpenAPI 3.1 document of the native API, with or without its test clock.
pub fn native_openapi(test_clock: bool) -> Value {
    document::finish(operations(test_clock).into_openapi(), &API)
}

const API: Api = Api {
    title: "Lessor API",
    description: include_str!("about.md"),
    scheme: "bearer",
    scheme_description: "An API key (`lsr_…`) or the token of a session (`lss_…`).",
    rehearsals: true,
    tags: &[
        ("Accounts", "The tree of companies through which software is sold."),
        ("Holds", "Reasons why something may not be used, placed and lifted one by one."),
        ("Operations", "What takes longer than a call: suspending accounts, and letting them go on."),
        ("Products", "What is sold, and what can be switched or limited in it."),
        ("Profiles", "Named sets of license terms."),
        ("Agreements", "Terms that have to be accepted before a product is ordered."),
        ("Licenses", "The right of an account to a product."),
        ("Orders", "What accounts may order for those below them, and requests that somebody above decides on."),
        ("Groups", "End users together, and the licenses they sign in for."),
        ("End users", "People who sign in to programs."),
        ("Daemons", "Programs on local networks that hand out seats by themselves."),
        ("Trials", "Products tried on devices."),
        ("Devices", "What is told of the people before devices."),
        ("Aliases and attributes", "What dialects and other systems call a record, and what they keep with it."),
        ("Usage", "What is counted, what was used, and figures of it."),
        ("Analytics", "What programs tell of their use."),
        ("Billing", "What use costs, and the statements of closed months."),
        ("Events", "What happened, in order."),
        ("Stream", "What happened in a vendor's tenant, for it to draw off, and records of its own."),
        ("API keys", "Credentials of programs."),
        ("Users", "People who sign in, and what each may do where."),
        ("Mails", "What goes to people by mail."),
        ("Sessions", "Signing in and out."),
        ("Test clock", "The movable clock of a demonstration server."),
    ],
};
