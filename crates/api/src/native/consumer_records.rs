//! Who uses a product on which device.

use crate::call::{Cursor, Flag, Limit, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{ConsumerSource, Page, Time, with_one_more};
use axum::response::Response;
use http::StatusCode;
use lessor_core::App;
use lessor_core::device::{self, ConsumerFilter, NewConsumerRecord};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_consumer_records, add_consumer_record))
}

/// What somebody told of the people who use a product on a device.
#[derive(Serialize, ToSchema)]
struct ConsumerRecord {
    /// Its id.
    #[schema(example = "con_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Of what.
    product: String,
    /// What the device calls itself.
    #[schema(example = "workstation-17")]
    device: String,
    /// Code of the license, as it was then; empty for a trial.
    #[schema(example = "128437590236718452")]
    license_code: String,
    /// From the document.
    #[schema(example = "Ada")]
    first_name: String,
    /// From the document.
    #[schema(example = "Lovelace")]
    last_name: String,
    /// From the document.
    company: String,
    /// From the document.
    #[schema(example = "ada@fabrikam.example")]
    email: String,
    /// What was told.
    #[schema(value_type = Object)]
    document: Value,
    created_at: Time,
}

impl From<device::ConsumerRecord> for ConsumerRecord {
    fn from(record: device::ConsumerRecord) -> Self {
        Self {
            id: record.id.to_string(),
            product: record.product.to_string(),
            device: record.fingerprint,
            license_code: record.license_code,
            first_name: record.first_name,
            last_name: record.last_name,
            company: record.company,
            email: record.email,
            document: serde_json::from_str(&record.document).unwrap_or_default(),
            created_at: record.created_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListConsumerRecords {
    /// Of which product.
    product: String,
    /// Only on the device that calls itself so.
    device: Option<String>,
    /// Only of trials, or only of licenses.
    #[param(inline)]
    source: Option<ConsumerSource>,
    /// Only those made then or later.
    from: Option<Time>,
    /// Only those made then or before.
    until: Option<Time>,
    /// Of what is left, only the last record of each device under each license or in its trial?
    #[serde(default)]
    #[param(value_type = Option<bool>, default = false)]
    latest: Flag,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List consumer records
///
/// What devices and back offices told of the people who use one product, oldest first.
#[utoipa::path(get, path = "/v1/consumer-records", tag = "Devices", params(ListConsumerRecords),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "A page of records", body = Page<ConsumerRecord>)))]
async fn list_consumer_records(read: Read<ListConsumerRecords>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let filter = ConsumerFilter {
            product: name::product(tx, cx, &query.product)?,
            fingerprint: query.device.clone(),
            source: query.source.map(Into::into),
            from: query.from.map(|from| from.0),
            until: query.until.map(|until| until.0),
            latest: query.latest.0,
        };
        let start = Cursor::start(query.cursor);
        let found = device::consumer_records(tx, cx, &filter, start, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |record| record.id.0.as_u128(), ConsumerRecord::from)))
    })
    .await
}

/// What somebody tells of the people who use a product on a device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRecord {
    /// Of what.
    product: String,
    /// What the device calls itself: 1 to 64 visible ASCII characters. It need not be known.
    #[schema(example = "workstation-17")]
    device: String,
    /// Code of the license, which need not be known; left out for a trial.
    #[serde(default)]
    #[schema(example = "128437590236718452")]
    license_code: String,
    /// What is told: members of the caller's own, at most 16 KiB. First name, last name, company and email are shown by
    /// themselves as well.
    #[schema(value_type = Object, example = json!({"first_name": "Ada", "last_name": "Lovelace", "email": "ada@fabrikam.example"}))]
    document: Value,
}

/// Add a consumer record
///
/// Keeps what a back office knows of the people before a device.
#[utoipa::path(post, path = "/v1/consumer-records", tag = "Devices", request_body = NewRecord,
    security(("bearer" = ["licenses:write"])),
    responses((status = 201, description = "The new record", body = ConsumerRecord)))]
async fn add_consumer_record(write: Write<NewRecord>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let record = NewConsumerRecord {
                product: name::product(tx, cx, &call.body.product)?,
                fingerprint: call.body.device.clone(),
                license_code: call.body.license_code.clone(),
                document: call.body.document.clone(),
            };
            let kept = device::add_consumer_record(tx, cx, &record)?;
            Ok(Reply::ok(&ConsumerRecord::from(kept)).with_status(StatusCode::CREATED))
        })
        .await
}
