//! What programs tell of their use.

use crate::call::{Cursor, Limit, Read};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{AnalyticsKind, Page, Time, with_one_more};
use axum::response::Response;
use lessor_core::App;
use lessor_core::device::{self, AnalyticsFilter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_analytics))
}

/// What a program told of its use.
#[derive(Serialize, ToSchema)]
struct AnalyticsEvent {
    /// Its id.
    #[schema(example = "ana_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The program's own name for it.
    #[schema(example = "7d9f0c")]
    name: String,
    /// What happened.
    kind: AnalyticsKind,
    /// Of which product.
    product: String,
    /// Under which license; `null` for a trial.
    license: Option<String>,
    /// By which activation.
    activation: String,
    /// The code of the feature it is about.
    #[schema(example = "PDF")]
    feature: Option<String>,
    /// What joins events that belong together.
    #[schema(example = "print-17")]
    transaction: Option<String>,
    /// When, by the device's clock.
    at: Time,
    /// What else there is to tell.
    #[schema(value_type = Option<Object>, example = json!({"pages": 3}))]
    data: Option<Value>,
    /// When it came in.
    received_at: Time,
}

impl From<device::AnalyticsEvent> for AnalyticsEvent {
    fn from(event: device::AnalyticsEvent) -> Self {
        Self {
            id: event.id.to_string(),
            name: event.told.name,
            kind: event.told.kind.into(),
            product: event.product.to_string(),
            license: event.license.map(|id| id.to_string()),
            activation: event.activation.to_string(),
            feature: event.told.feature,
            transaction: event.told.transaction,
            at: event.told.at.into(),
            data: event.told.data,
            received_at: event.received_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListAnalytics {
    /// Only what happened under licenses of this account and those below it; left out, in the caller's branch.
    branch: Option<String>,
    /// Only events of this product.
    product: Option<String>,
    /// Only events under this license.
    license: Option<String>,
    /// Only events of this kind.
    #[param(inline)]
    kind: Option<AnalyticsKind>,
    /// Only events from this time on.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// Only events before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List analytics
///
/// What programs told of their use, in the order of the time they gave. What a program kept while it was offline takes
/// its place in the past when it comes.
#[utoipa::path(get, path = "/v1/analytics", tag = "Analytics", params(ListAnalytics),
    security(("bearer" = ["analytics:read"])),
    responses((status = 200, description = "A page of events", body = Page<AnalyticsEvent>)))]
async fn list_analytics(read: Read<ListAnalytics>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let filter = AnalyticsFilter {
            branch: name::some_account(tx, cx, query.branch.as_deref())?,
            product: query.product.as_deref().map(|product| name::product(tx, cx, product)).transpose()?,
            license: query.license.as_deref().map(|license| name::license(tx, cx, license)).transpose()?,
            kind: query.kind.map(Into::into),
            from: query.from.map(|from| from.0),
            to: query.to.map(|to| to.0),
        };
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = device::analytics(tx, cx, &filter, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |event| event.id.0.as_u128(), AnalyticsEvent::from)))
    })
    .await
}
