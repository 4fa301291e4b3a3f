//! Usage: what programs count.

use crate::call::Holder;
use crate::fate::UsageResult;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Time;
use axum::extract::Path;
use axum::response::Response;
use lessor_core::App;
use lessor_core::device::{self, NewUse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(report_usage))
}

fn one() -> i64 {
    1
}

/// What a program counted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CountedUse {
    /// The program's own name for it, 1 to 200 characters: within the hour of `time` another record of the activation never has it.
    #[schema(example = "7d9f0c")]
    id: String,
    /// Name of the meter: one that is open to devices.
    #[schema(example = "pages.printed")]
    meter: String,
    /// What was used or by whom, at most 200 characters; left out, the device.
    #[schema(example = "printer-2")]
    subject: Option<String>,
    /// How much, a whole number from 0 to 10^15; left out, 1.
    #[serde(default = "one")]
    #[schema(example = 3)]
    value: i64,
    /// When, by the device's clock: give a record one time, and send it again with that time as often as you like.
    time: Time,
    /// What else there is to tell, at most 4 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"paper": "A4"}))]
    attributes: Option<Map<String, Value>>,
}

/// What was counted, in any order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CountedUses {
    /// 1 to 500 records.
    records: Vec<CountedUse>,
}

/// What became of each record.
#[derive(Serialize, ToSchema)]
struct Fates {
    /// In the order of the request.
    results: Vec<UsageResult>,
}

/// Report usage
///
/// Counts what the program counted, also what it kept while it was offline, as use of the activation's license and of the account
/// whose that is; use of a trial is the vendor's. What was told before does not count again, and is known for at least 35
/// days. A record that does not fit is left out and told why; the others are counted together, and durable when the answer comes.
#[utoipa::path(post, path = "/device/v1/activations/{activation}/usage", tag = "Usage", request_body = CountedUses,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "The fate of each record", body = Fates)))]
async fn report_usage(Path(id): Path<String>, call: Holder<CountedUses>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, body| {
        let uses: Vec<NewUse> = body.records.iter().map(NewUse::from).collect();
        let fates = device::record_usage(tx, cx, credential, &uses)?;
        let results = uses.into_iter().zip(&fates).map(|(one, fate)| UsageResult::of(Some(one.id), fate));
        Ok(Reply::ok(&Fates { results: results.collect() }))
    })
    .await
}

impl From<&CountedUse> for NewUse {
    fn from(one: &CountedUse) -> Self {
        Self {
            id: one.id.clone(),
            meter: one.meter.clone(),
            subject: one.subject.clone(),
            value: one.value,
            at: one.time.0,
            attributes: one.attributes.clone().unwrap_or_default(),
        }
    }
}
