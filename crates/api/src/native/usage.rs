//! The inlet of usage.

use super::import::{MAX_IMPORT, as_array};
use crate::call::Write;
use crate::fate::{UsageOutcome, UsageResult};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Time;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::response::Response;
use http::{HeaderValue, header};
use lessor_core::metering::{self, Fate, MOST_RECORDS, NewRecord};
use lessor_core::{App, Refusal};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(record_usage)).layer(DefaultBodyLimit::max(MAX_IMPORT))
}

/// Records of use.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for its description")]
struct NewUsage {
    /// Up to 10 000.
    records: Vec<NewUsageRecord>,
}

/// A record of use. CloudEvents are taken too: with `type` for `meter`, and the rest in `data`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUsageRecord {
    /// What the source calls it, 1 to 200 characters.
    #[schema(example = "r-1")]
    id: String,
    /// Who tells, 1 to 200 characters.
    #[schema(example = "agent-7")]
    source: String,
    /// When it was so.
    time: Time,
    /// Whose use; left out, that of the license's account.
    account: Option<String>,
    /// Under which license.
    #[schema(example = json!(null))]
    license: Option<String>,
    /// Name of the meter.
    #[serde(alias = "type")]
    #[schema(example = "api.calls")]
    meter: String,
    /// What was used, or by whom, at most 200 characters. Meters that count subjects need it.
    #[serde(default, deserialize_with = "or_nothing")]
    #[schema(example = "endpoint-17")]
    subject: String,
    /// How much, a whole number of at most 10^15. Only what corrects another record may be below 0.
    #[serde(deserialize_with = "whole")]
    #[schema(value_type = i64, example = 1)]
    value: i64,
    /// What else there is to tell: an object of at most 4 KiB.
    #[serde(default, deserialize_with = "or_nothing")]
    #[schema(value_type = Object, example = json!({"services": ["backup"]}))]
    attributes: Map<String, Value>,
    /// The id of an earlier record that this one sets right.
    #[schema(example = json!(null))]
    corrects: Option<String>,
}

/// `null` is as good as nothing.
fn or_nothing<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A whole number, however it is written.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let rounded = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= 9e15).map(|float| float as i64);
    number.as_i64().or(rounded).ok_or_else(|| D::Error::custom("it is a whole number of 64 bits"))
}

/// Members of CloudEvents that say nothing of use.
const ENVELOPE: [&str; 3] = ["specversion", "datacontenttype", "dataschema"];
/// Members of a record that an event has in its data.
const OF_DATA: [&str; 5] = ["account", "license", "value", "attributes", "corrects"];
/// Members that an event has of its own.
const OF_EVENT: [&str; 6] = ["id", "source", "time", "type", "meter", "subject"];

/// Reads a record as it came; the error says what is wrong with it.
fn read(record: Value) -> Result<NewRecord, String> {
    let told = NewUsageRecord::deserialize(flattened(record)?).map_err(|error| error.to_string())?;
    Ok(NewRecord {
        id: told.id,
        source: told.source,
        at: told.time.0,
        account: told.account,
        license: told.license,
        meter: told.meter,
        subject: told.subject,
        value: told.value,
        attributes: told.attributes,
        corrects: told.corrects,
    })
}

/// An event as the record it stands for; a record as it is. Extensions of events are passed over.
fn flattened(record: Value) -> Result<Value, String> {
    let Value::Object(mut members) = record else { return Err("a record is an object".to_owned()) };
    let is_event = members.contains_key("specversion");
    let data = match members.remove("data") {
        None => None,
        Some(Value::Object(data)) => Some(data),
        Some(_) => return Err("`data` is an object".to_owned()),
    };
    if !is_event && data.is_none() {
        return Ok(Value::Object(members));
    }
    let known = |name: &str| OF_DATA.contains(&name) || OF_EVENT.contains(&name);
    members.retain(|name, _| !ENVELOPE.contains(&name.as_str()) && (!is_event || known(name)));
    for (name, value) in data.into_iter().flatten() {
        if !OF_DATA.contains(&name.as_str()) {
            return Err(format!("`data` has no member `{name}`"));
        }
        if members.contains_key(&name) {
            return Err(format!("`{name}` is there twice"));
        }
        members.insert(name, value);
    }
    Ok(Value::Object(members))
}

/// What could not be read as a record.
struct Unread {
    id: Option<String>,
    /// What is wrong with it.
    detail: String,
}

/// One record, a list of them, or an object with such a list: read before the transaction, which others wait for, begins.
struct Told {
    /// Those that are records, in their order.
    records: Vec<NewRecord>,
    /// For each that was sent, whether it is one.
    sent: Vec<Result<(), Unread>>,
}

impl Told {
    fn of(values: Vec<Value>) -> Self {
        let mut records = Vec::with_capacity(values.len());
        let mut sent = Vec::with_capacity(values.len());
        for value in values {
            let id = value["id"].as_str().map(str::to_owned);
            sent.push(read(value).map(|record| records.push(record)).map_err(|detail| Unread { id, detail }));
        }
        Self { records, sent }
    }
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(records) => Ok(Self::of(records)),
            Value::Object(mut members) => match members.remove("records") {
                Some(Value::Array(records)) if members.is_empty() => Ok(Self::of(records)),
                Some(Value::Array(_)) => {
                    let other = members.keys().next().map_or("", String::as_str);
                    Err(D::Error::custom(format!("unknown field `{other}`, expected `records` alone")))
                }
                Some(_) => Err(D::Error::custom("`records` is a list")),
                None if members.contains_key("id") => Ok(Self::of(vec![Value::Object(members)])),
                None => Err(D::Error::custom("missing field `records`")),
            },
            _ => Err(D::Error::custom("it is an object or a list")),
        }
    }
}

/// What became of the records.
#[derive(Serialize, ToSchema)]
struct UsageResults {
    /// How many are in the figures now.
    #[schema(example = 1)]
    counted: usize,
    /// How many were told before.
    #[schema(example = 0)]
    duplicates: usize,
    /// How many were left out.
    #[schema(example = 0)]
    rejected: usize,
    /// Each record, in the order of the request.
    results: Vec<UsageResult>,
}

/// Record usage
///
/// Up to 10 000 records at a time: an object with `records`, a JSON array, one record alone, or (`application/x-ndjson`) a
/// record a line; CloudEvents too, also as `application/cloudevents+json` and `application/cloudevents-batch+json`. Those that
/// fit are counted together, and durable when the answer comes; others are left out and told. A record is known by source and
/// id within the hour of its time, for at least 35 days, and counted once.
#[utoipa::path(post, path = "/v1/usage", tag = "Usage", request_body = NewUsage,
    security(("bearer" = ["usage:write"])),
    responses((status = 200, description = "The fate of each record", body = UsageResults)))]
async fn record_usage(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let write = Write::<Told>::from_request(as_array(&app, as_json(request)).await?, &app).await?;
    write
        .run(|tx, cx, call| {
            let told = &call.body;
            if told.sent.is_empty() || told.sent.len() > MOST_RECORDS {
                return Err(Refusal::OutOfRange { field: "records", min: 1, max: MOST_RECORDS as i64 }.into());
            }
            let fates = metering::record(tx, cx, &told.records)?;
            Ok(Reply::ok(&results(told, &fates)))
        })
        .await
}

/// Events have names of their own for the same kind of body.
fn as_json(mut request: Request) -> Request {
    let text = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if ["application/cloudevents+json", "application/cloudevents-batch+json"].contains(&kind.as_str()) {
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    request
}

fn results(told: &Told, fates: &[Fate]) -> UsageResults {
    let mut counted = told.records.iter().zip(fates);
    let results = told.sent.iter().filter_map(|sent| match sent {
        Err(unread) => Some(UsageResult::unread(unread.id.clone(), &unread.detail)),
        Ok(()) => counted.next().map(|(record, fate)| UsageResult::of(Some(record.id.clone()), fate)),
    });
    let results: Vec<UsageResult> = results.collect();
    let count = |which: UsageOutcome| results.iter().filter(|result| result.outcome == which).count();
    UsageResults {
        counted: count(UsageOutcome::Counted),
        duplicates: count(UsageOutcome::Duplicate),
        rejected: count(UsageOutcome::Rejected),
        results,
    }
}
