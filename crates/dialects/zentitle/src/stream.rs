//! The event stream: what happened in a tenant, and records of its owner's own.

use crate::convert;
use crate::fields::Fields;
use crate::ids;
use crate::page::{self, Rows, Span};
use crate::problem::{Names, Problem};
use crate::reply::Reply;
use crate::table::Asked;
use crate::wire;
use lessor_core::stream::{self, NewRecord, Source, StreamFilter, StreamRecord};
use lessor_core::{Context, Error, Start, StreamRecordId, Tx};
use serde_json::{Map, Value};
use uuid::Uuid;

/// How many records one query reads: one may be 64 KiB long, most are below one.
const CHUNK: i64 = 250;
/// What stands in the name of what failed.
pub const FAIL: &str = "(Fail)";

/// `GET DataStreamer`: what was recorded between two instants.
pub async fn list(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    // A client sees its own calls.
    stream::catch_up(&app).await?;
    let span = Span { skip: 0, take: i64::MAX, step: CHUNK };
    page::streamed(app, caller, span, move |tx, cx| filter(tx, cx, &fields), write).await
}

/// The filter that the inputs describe; `None` where nothing can fit.
fn filter(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<Option<StreamFilter>, Error> {
    let product = ids::maybe_product(tx, cx, fields.text("productId"))?;
    let Some(source) = source(fields.need("eventType")) else { return Ok(None) };
    let who = match fields.text("userId").map(Uuid::try_parse) {
        None => None,
        Some(Ok(who)) => Some(who),
        Some(Err(_)) => return Ok(None),
    };
    Ok(Some(StreamFilter {
        source,
        from: fields.when("startDate"),
        until: fields.when("endDate"),
        name: fields.string("event"),
        failed: fields.flag("fail"),
        product,
        who,
        code: fields.string("licenseCode"),
        ..StreamFilter::of(ids::tenant(cx))
    }))
}

/// The source that a type of event stands for: `Some(None)` is all, `None` is one that this server has no records of.
fn source(word: &str) -> Option<Option<Source>> {
    match word {
        "All" => Some(None),
        "WS" => None,
        word => Source::ALL.into_iter().find(|source| event_type(*source) == word).map(Some),
    }
}

fn event_type(source: Source) -> &'static str {
    match source {
        Source::Calls => "REST",
        Source::Devices => "NSL",
        Source::Analytics => "NSA",
        Source::Relayed => "DNSA",
        Source::Daemons => "DAudit",
        Source::People => "UI",
        Source::Custom => "Custom",
    }
}

fn write(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &StreamFilter,
    start: Start,
    limit: u32,
    rows: &mut Rows,
) -> Result<(), Error> {
    let after = match start {
        Start::At(_) => None,
        Start::After(id) => Some(StreamRecordId(id)),
    };
    for record in stream::list(tx, cx, filter, after, limit)? {
        rows.push(record.id.0, &event(record));
    }
    Ok(())
}

fn event(record: StreamRecord) -> wire::StreamEvent {
    let mut name = record.name;
    if record.failed && !name.contains(FAIL) {
        name = format!("{name} {FAIL}");
    }
    wire::StreamEvent {
        client_created: record.told_at,
        created: record.at,
        event_type: event_type(record.source),
        event: name,
        payload: payload(record.source, record.data, record.product_name),
        ip: record.ip,
        // What can be read has been taken in and filed.
        processed: true,
        user_id: record.who.map(|id| id.hyphenated().to_string()).unwrap_or_default(),
    }
}

/// The payload as an object. That of a call names the product instead of its number.
fn payload(source: Source, data: Value, product: Option<String>) -> Value {
    let members = match data {
        Value::Object(members) => members,
        Value::Null => Map::new(),
        other => Map::from_iter([("payload".to_owned(), other)]),
    };
    let Some(product) = product.filter(|_| source == Source::Calls) else { return Value::Object(members) };
    let named = members.into_iter().map(|(name, value)| match name.eq_ignore_ascii_case("productId") {
        true => ("product".to_owned(), Value::String(product.clone())),
        false => (name, value),
    });
    Value::Object(named.collect())
}

/// `POST DataStreamer`: a record of the owner's own.
pub async fn add(asked: Asked) -> Result<Reply, Problem> {
    const NAMES: Names = &[("name", "event"), ("data", "payload")];
    let Asked { app, caller, fields, says } = asked;
    let added = app.write(&caller, move |tx, cx| {
        let data = fields.json("payload").cloned().unwrap_or_default();
        // What the payload names is found again by it.
        let product = match (fields.text("productId"), convert::member_text(&data, "productId")) {
            (Some(number), _) => Some(ids::product(tx, cx, number)?),
            (None, Some(number)) => named_product(tx, cx, &number)?,
            (None, None) => None,
        };
        let name = fields.need("event").to_owned();
        let record = NewRecord {
            tenant: ids::tenant(cx),
            failed: name.contains(FAIL),
            name,
            ip: String::new(),
            product,
            code: convert::member_text(&data, "licenseCode").filter(|code| names_code(code)),
            data,
        };
        stream::add(tx, cx, &record).map(|_| ())
    });
    added.await.map_err(|error| Problem::of(error, NAMES))?;
    Ok(Reply::message(says))
}

/// Can this be looked for as a license code? Payloads hold anything.
fn names_code(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 64 && !text.contains(char::is_control)
}

/// A product that a payload names, if there is one.
fn named_product(tx: &mut dyn Tx, cx: &Context<'_>, number: &str) -> Result<Option<lessor_core::ProductId>, Error> {
    crate::licenses::existing(ids::product(tx, cx, number))
}
