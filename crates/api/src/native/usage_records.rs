//! The records behind a figure.

use crate::call::{Cursor, Limit, Read};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Date, Page, Time, with_one_more};
use axum::response::Response;
use lessor_core::{App, metering};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_usage_records))
}

/// A fact of use, as it was told. It never changes.
#[derive(Serialize, ToSchema)]
struct UsageRecord {
    /// Its id here.
    #[schema(example = "use_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Who told.
    #[schema(example = "agent-7")]
    source: String,
    /// What the source calls it.
    #[schema(example = "r-1")]
    source_id: String,
    /// When it was so.
    time: Time,
    /// Under which license, where one was named.
    #[schema(example = json!(null))]
    license: Option<String>,
    /// What was used, or by whom.
    #[schema(example = "endpoint-17")]
    subject: String,
    /// How much.
    #[schema(example = 1)]
    value: i64,
    /// What else was told.
    #[schema(value_type = Object, example = json!({"services": ["backup"]}))]
    attributes: Map<String, Value>,
    /// What the source calls the record that this one sets right.
    #[schema(example = json!(null))]
    corrects: Option<String>,
    /// When it came.
    received_at: Time,
}

impl From<metering::UsageRecord> for UsageRecord {
    fn from(record: metering::UsageRecord) -> Self {
        Self {
            id: record.id.to_string(),
            source: record.source,
            source_id: record.source_id,
            time: record.at.into(),
            license: record.license.map(|id| id.to_string()),
            subject: record.subject,
            value: record.value,
            attributes: record.attributes,
            corrects: record.corrects,
            received_at: record.received_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListUsageRecords {
    /// Name or id of a meter of the account's vendor.
    #[param(example = "api.calls")]
    meter: String,
    /// Whose use; left out, that of the caller's own account. Accounts below it have records of their own.
    account: Option<String>,
    /// On which day of the meter.
    #[param(value_type = String, format = Date, example = "2026-03-04")]
    day: Date,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List usage records
///
/// What was told of an account alone on a day of a meter, in the order it came: the records behind that day's figure.
#[utoipa::path(get, path = "/v1/usage-records", tag = "Usage", params(ListUsageRecords),
    security(("bearer" = ["usage:read"])),
    responses((status = 200, description = "A page of records", body = Page<UsageRecord>)))]
async fn list_usage_records(read: Read<ListUsageRecords>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let account = name::some_account(tx, cx, query.account.as_deref())?.unwrap_or(cx.actor().account);
        let meter = metering::of_account(tx, cx, account, &query.meter)?;
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = metering::records(tx, cx, (&meter, account), query.day.0, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |record| record.id.0.as_u128(), UsageRecord::from)))
    })
    .await
}
