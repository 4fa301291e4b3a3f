//! Analytics: what programs tell of their use.

use crate::call::Holder;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{AnalyticsKind, Time};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::App;
use lessor_core::device::{self, NewAnalyticsEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(tell_events))
}

/// What happened in a program.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ToldEvent {
    /// The program's own name for it, 1 to 100 characters: no other event of the activation ever has it.
    #[schema(example = "7d9f0c")]
    id: String,
    /// What happened.
    kind: AnalyticsKind,
    /// The code of the feature it is about; one that starts or stops has to be named.
    #[schema(example = "PDF")]
    feature: Option<String>,
    /// What joins events that belong together, 1 to 100 characters.
    #[schema(example = "print-17")]
    transaction: Option<String>,
    /// When, by the device's clock.
    at: Time,
    /// What else there is to tell, at most 4 KiB.
    #[schema(value_type = Option<Object>, example = json!({"pages": 3}))]
    data: Option<Value>,
}

/// What happened, in any order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ToldEvents {
    /// 1 to 500 events.
    events: Vec<ToldEvent>,
}

/// What became of an event: it counts, or it was told before.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EventOutcome {
    Counted,
    Duplicate,
}

/// What became of one event.
#[derive(Serialize, ToSchema)]
struct EventResult {
    /// The program's name for it.
    #[schema(example = "7d9f0c")]
    id: String,
    outcome: EventOutcome,
}

/// What became of each event.
#[derive(Serialize, ToSchema)]
struct EventResults {
    /// In the order of the request.
    results: Vec<EventResult>,
}

/// Tell events
///
/// Takes in what happened in the program, also what it kept while it was offline. An event that was told before does not
/// count again. All are taken or, where one cannot be, none.
#[utoipa::path(post, path = "/device/v1/activations/{activation}/events", tag = "Analytics", request_body = ToldEvents,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "What became of each event", body = EventResults)))]
async fn tell_events(Path(id): Path<String>, call: Holder<ToldEvents>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, body| {
        let events: Vec<NewAnalyticsEvent> = body.events.iter().map(NewAnalyticsEvent::from).collect();
        let counted = device::record_events(tx, cx, credential, &events)?;
        let results = events.into_iter().zip(counted).map(|(event, counted)| EventResult {
            id: event.name,
            outcome: if counted { EventOutcome::Counted } else { EventOutcome::Duplicate },
        });
        Ok(Reply::ok(&EventResults { results: results.collect() }))
    })
    .await
}

impl From<&ToldEvent> for NewAnalyticsEvent {
    fn from(event: &ToldEvent) -> Self {
        Self {
            name: event.id.clone(),
            kind: event.kind.into(),
            feature: event.feature.clone(),
            transaction: event.transaction.clone(),
            at: event.at.0,
            data: event.data.clone(),
        }
    }
}
