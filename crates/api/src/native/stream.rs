//! The stream of a vendor: what happened, and records of its own.

use crate::call::{Cursor, Flag, Limit, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, StreamSource, Time, with_one_more};
use axum::response::Response;
use http::StatusCode;
use lessor_core::App;
use lessor_core::stream::{self, NewRecord, StreamFilter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_stream_records, add_stream_record))
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
struct StreamRecord {
    /// Its id.
    #[schema(example = "rec_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Where it comes from.
    source: StreamSource,
    /// What happened.
    #[schema(example = "license.activated")]
    name: String,
    /// Did it fail?
    failed: bool,
    /// When it happened, by the clock of who told.
    told_at: Time,
    /// When it was recorded.
    at: Time,
    /// The address it came from; empty where that is not known.
    #[schema(example = "192.0.2.7")]
    ip: String,
    /// Who did it: the id of the key, user or activation, without its prefix.
    #[schema(example = "01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    who: Option<String>,
    /// The product it is about.
    product: Option<String>,
    /// Code of the license it is about.
    #[schema(example = "128437590236718452")]
    license_code: Option<String>,
    /// What else there is to tell.
    #[schema(value_type = Object, example = json!({"device": "workstation-17"}))]
    data: Value,
}

impl From<stream::StreamRecord> for StreamRecord {
    fn from(record: stream::StreamRecord) -> Self {
        Self {
            id: record.id.to_string(),
            source: record.source.into(),
            name: record.name,
            failed: record.failed,
            told_at: record.told_at.into(),
            at: record.at.into(),
            ip: record.ip,
            who: record.who.map(|id| id.simple().to_string()),
            product: record.product.map(|id| id.to_string()),
            license_code: record.code,
            data: record.data,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListStreamRecords {
    /// Whose stream; left out, that of the caller's own vendor.
    vendor: Option<String>,
    /// Only records from there.
    #[param(inline)]
    source: Option<StreamSource>,
    /// Only those recorded then or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// Only those recorded then or before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// Only those whose name contains this, in any case.
    name: Option<String>,
    /// Only those that failed, or only those that did not.
    #[param(value_type = Option<bool>)]
    failed: Option<Flag>,
    /// Only those about this product.
    product: Option<String>,
    /// Only those about a license with this code.
    license_code: Option<String>,
    /// Only what the key, user or activation with this id did.
    who: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List stream records
///
/// What happened in the tenant of a vendor, in order: calls of its programs, what devices, daemons and people did, what
/// programs told, and records of its own. It is recorded while the vendor has a key that may `stream:read` and may not
/// `identity:write`, and kept for 90 days.
#[utoipa::path(get, path = "/v1/stream-records", tag = "Stream", params(ListStreamRecords),
    security(("bearer" = ["stream:read"])),
    responses((status = 200, description = "A page of records", body = Page<StreamRecord>)))]
async fn list_stream_records(read: Read<ListStreamRecords>) -> Result<Response, Problem> {
    stream::catch_up(&read.head.app).await.map_err(|error| read.head.core_problem(&error))?;
    read.run(|tx, cx, query| {
        let filter = StreamFilter {
            source: query.source.map(Into::into),
            from: query.from.map(|from| from.0),
            until: query.until.map(|until| until.0),
            name: query.name.clone(),
            failed: query.failed.map(|failed| failed.0),
            product: query.product.as_deref().map(|product| name::product(tx, cx, product)).transpose()?,
            // Nobody with an id that cannot be did anything.
            who: query.who.as_ref().map(|who| name::any(who).unwrap_or(Uuid::nil())),
            code: query.license_code.clone(),
            ..StreamFilter::of(name::vendor(tx, cx, query.vendor.as_deref())?)
        };
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = stream::list(tx, cx, &filter, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |record| record.id.0.as_u128(), StreamRecord::from)))
    })
    .await
}

/// A record of the vendor's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewStreamRecord {
    /// Whose stream it goes to; left out, that of the caller's own vendor.
    vendor: Option<String>,
    /// What happened: 1 to 255 characters.
    #[schema(example = "order.paid")]
    name: String,
    /// Did it fail?
    #[serde(default)]
    failed: bool,
    /// The product it is about.
    product: Option<String>,
    /// Code of the license it is about, which need not be known; at most 64 characters.
    #[schema(example = "128437590236718452")]
    license_code: Option<String>,
    /// What else there is to tell: an object of at most 64 KiB.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"order": "4711"}))]
    data: serde_json::Map<String, Value>,
}

/// Add a stream record
///
/// Puts a record of the vendor's own between the others of its stream.
#[utoipa::path(post, path = "/v1/stream-records", tag = "Stream", request_body = NewStreamRecord,
    security(("bearer" = ["stream:write"])),
    responses((status = 201, description = "The new record", body = StreamRecord)))]
async fn add_stream_record(write: Write<NewStreamRecord>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let record = NewRecord {
                tenant: name::vendor(tx, cx, new.vendor.as_deref())?,
                name: new.name.clone(),
                failed: new.failed,
                ip: String::new(),
                product: new.product.as_deref().map(|product| name::product(tx, cx, product)).transpose()?,
                code: new.license_code.clone(),
                data: Value::Object(new.data.clone()),
            };
            let kept = stream::add(tx, cx, &record)?;
            Ok(Reply::ok(&StreamRecord::from(kept)).with_status(StatusCode::CREATED))
        })
        .await
}
