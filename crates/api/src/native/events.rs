//! The journal: what happened, in order.

use crate::call::{Cursor, Limit, Read};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time, with_one_more};
use axum::response::Response;
use lessor_core::App;
use lessor_core::journal::{self, EventFilter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_events))
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
struct Event {
    /// Its id, the same wherever the event is told.
    #[schema(example = "evt_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    at: Time,
    /// What happened.
    #[schema(example = "license.activated")]
    kind: String,
    /// The kind of record it is about.
    #[schema(example = "license")]
    subject_kind: String,
    /// The record it is about.
    #[schema(example = "lic_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    subject: String,
    /// In whose branch.
    account: String,
    /// Who did it: the holder of the credential, then the account it acted for.
    #[schema(example = json!(["key_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b", "acc_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b"]))]
    actor: Vec<String>,
    /// In which call.
    #[schema(example = "req_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    request: String,
    /// What was before and after, or what else there is to tell.
    #[schema(value_type = Object, example = json!({"code": "128437590236718452", "device": "workstation-17"}))]
    data: Value,
}

impl From<journal::Event> for Event {
    fn from(event: journal::Event) -> Self {
        Self {
            id: event.id.to_string(),
            at: event.at.into(),
            subject: name::written(&event.subject_kind, event.subject),
            kind: event.kind,
            subject_kind: event.subject_kind,
            account: event.account.to_string(),
            actor: serde_json::from_str(&event.actor).unwrap_or_else(|_| vec![event.actor.clone()]),
            request: event.request.to_string(),
            data: event.data,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListEvents {
    /// Only events about the record with this id.
    subject: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List events
///
/// What happened in the caller's branch, in order.
#[utoipa::path(get, path = "/v1/events", tag = "Events", params(ListEvents),
    security(("bearer" = ["events:read"])),
    responses((status = 200, description = "A page of events", body = Page<Event>)))]
async fn list_events(read: Read<ListEvents>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        // No event is about a record that cannot be.
        let subject = query.subject.as_ref().map(|subject| name::any(subject).unwrap_or(Uuid::nil()));
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = journal::list(tx, cx, &EventFilter { subject }, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |event| event.id.0.as_u128(), Event::from)))
    })
    .await
}
