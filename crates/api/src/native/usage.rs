//! The inlet of usage.

use super::import::{MAX_IMPORT, as_array};
use crate::call::Write;
use crate::problem::{Problem, outcome, sentence};
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
use std::borrow::Cow;
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
fn read(record: &Value) -> Result<NewRecord, String> {
    let plain = flattened(record)?;
    let told = NewUsageRecord::deserialize(plain.as_ref()).map_err(|error| error.to_string())?;
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
fn flattened(record: &Value) -> Result<Cow<'_, Value>, String> {
    let Value::Object(members) = record else { return Err("a record is an object".to_owned()) };
    let is_event = members.contains_key("specversion");
    let data = match members.get("data") {
        None => None,
        Some(Value::Object(data)) => Some(data),
        Some(_) => return Err("`data` is an object".to_owned()),
    };
    if !is_event && data.is_none() {
        return Ok(Cow::Borrowed(record));
    }
    let known = |name: &str| OF_DATA.contains(&name) || OF_EVENT.contains(&name);
    let kept = |name: &str| name != "data" && !ENVELOPE.contains(&name) && (!is_event || known(name));
    let mut plain: Map<String, Value> =
        members.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, value) in data.into_iter().flatten() {
        if !OF_DATA.contains(&name.as_str()) {
            return Err(format!("`data` has no member `{name}`"));
        }
        if plain.insert(name.clone(), value.clone()).is_some() {
            return Err(format!("`{name}` is there twice"));
        }
    }
    Ok(Cow::Owned(Value::Object(plain)))
}

/// One record, a list of them, or an object with such a list.
struct Told(Vec<Value>);

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(records) => Ok(Self(records)),
            Value::Object(mut members) => match members.remove("records") {
                Some(Value::Array(records)) if members.is_empty() => Ok(Self(records)),
                Some(Value::Array(_)) => {
                    let other = members.keys().next().map_or("", String::as_str);
                    Err(D::Error::custom(format!("unknown field `{other}`, expected `records` alone")))
                }
                Some(_) => Err(D::Error::custom("`records` is a list")),
                None if members.contains_key("id") => Ok(Self(vec![Value::Object(members)])),
                None => Err(D::Error::custom("missing field `records`")),
            },
            _ => Err(D::Error::custom("it is an object or a list")),
        }
    }
}

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UsageOutcome {
    /// It is in the figures.
    Counted,
    /// It was told before; nothing changed.
    Duplicate,
    /// It is not in the figures; `reason` says why. It can come again once it is right.
    Rejected,
}

/// Why a record was not counted.
#[derive(Serialize, ToSchema)]
struct UsageReason {
    /// For programs: the code that the same error has elsewhere.
    #[schema(example = "account_unknown")]
    code: &'static str,
    /// In a sentence.
    #[schema(example = "No such account.")]
    detail: String,
}

/// What became of a record.
#[derive(Serialize, ToSchema)]
struct UsageResult {
    /// What the source calls it; `null` where it did not say.
    #[schema(example = "r-1")]
    id: Option<String>,
    outcome: UsageOutcome,
    /// Why a record was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<UsageReason>,
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
            let sent = &call.body.0;
            if sent.is_empty() || sent.len() > MOST_RECORDS {
                return Err(Refusal::OutOfRange { field: "records", min: 1, max: MOST_RECORDS as i64 }.into());
            }
            let mut places = Vec::with_capacity(sent.len());
            let mut records = Vec::with_capacity(sent.len());
            for record in sent {
                places.push(read(record).map(|record| records.push(record)));
            }
            let fates = metering::record(tx, cx, &records)?;
            Ok(Reply::ok(&results(sent, places, fates)))
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

fn results(sent: &[Value], read: Vec<Result<(), String>>, fates: Vec<Fate>) -> UsageResults {
    let mut fates = fates.into_iter();
    let result = |(record, read): (&Value, Result<(), String>)| {
        let (outcome, reason) = match read {
            Err(detail) => (UsageOutcome::Rejected, Some(("invalid_request", sentence(&detail)))),
            Ok(()) => match fates.next() {
                Some(Fate::Counted) | None => (UsageOutcome::Counted, None),
                Some(Fate::Duplicate) => (UsageOutcome::Duplicate, None),
                Some(Fate::Rejected { refusal }) => {
                    (UsageOutcome::Rejected, Some((outcome(&refusal).1, sentence(&refusal.to_string()))))
                }
            },
        };
        let reason = reason.map(|(code, detail)| UsageReason { code, detail });
        UsageResult { id: record["id"].as_str().map(str::to_owned), outcome, reason }
    };
    let results: Vec<UsageResult> = sent.iter().zip(read).map(result).collect();
    let count = |which: UsageOutcome| results.iter().filter(|result| result.outcome == which).count();
    UsageResults {
        counted: count(UsageOutcome::Counted),
        duplicates: count(UsageOutcome::Duplicate),
        rejected: count(UsageOutcome::Rejected),
        results,
    }
}
