//! Daemons on local networks, for operators: listed, answered by file, freed.

use crate::call::{Cursor, Limit, Nothing, Read, Write};
use crate::daemon::{DaemonAnswer, DaemonRequest};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::daemon::{self, DaemonFilter};
use lessor_core::{ActivationId, App, Error, Noun, catalog};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_daemons, answer_daemon)).routes(routes!(free_daemon))
}

/// A program on a local network that hands out seats by itself.
#[derive(Serialize, ToSchema)]
struct Daemon {
    /// Its id.
    #[schema(example = "act_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// What it calls itself.
    #[schema(example = "daemon-5f3c9a7be1d2046880aa")]
    device: String,
    /// The code of its master license.
    #[schema(example = "128437590236718452")]
    code: String,
    /// Whose license that is.
    account: String,
    product: String,
    /// Is it in use, or was it returned or freed?
    #[schema(example = true)]
    active: bool,
    enrolled_at: Time,
    returned_at: Option<Time>,
    /// Number of its latest delegation.
    #[schema(example = 3)]
    number: i64,
    /// When that was made.
    delegated_at: Time,
    /// When that ends. What it names stays reserved for a day more.
    ends_at: Time,
    /// When the daemon was last heard of.
    seen_at: Time,
    /// Number of the last of its records that is kept.
    #[schema(example = 117)]
    taken: i64,
    /// Licenses that are with it.
    #[schema(example = 2)]
    licenses: i64,
    /// Seats that it may hand out in all.
    #[schema(example = 25)]
    seats: i64,
}

impl From<daemon::Daemon> for Daemon {
    fn from(daemon: daemon::Daemon) -> Self {
        Self {
            id: daemon.id.to_string(),
            device: daemon.device,
            code: daemon.code,
            account: daemon.account.to_string(),
            product: daemon.product.to_string(),
            active: daemon.active,
            enrolled_at: daemon.enrolled_at.into(),
            returned_at: daemon.returned_at.map(Time),
            number: daemon.number,
            delegated_at: daemon.delegated_at.into(),
            ends_at: daemon.ends_at.into(),
            seen_at: daemon.seen_at.into(),
            taken: daemon.taken,
            licenses: daemon.licenses,
            seats: daemon.seats,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListDaemons {
    /// Only those of this product.
    product: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List daemons
///
/// The daemons of the caller's branch in the order they were enrolled. What they tell of their use is in the list of events:
/// `GET /v1/events` with the daemon's id as `subject`.
#[utoipa::path(get, path = "/v1/daemons", tag = "Daemons", params(ListDaemons),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "A page of daemons", body = Page<Daemon>)))]
async fn list_daemons(read: Read<ListDaemons>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let product = match &query.product {
            Some(named) => {
                let id = name::product(tx, cx, named)?;
                Some(catalog::product(tx, cx, id)?.id)
            }
            None => None,
        };
        let after = query.cursor.map(|cursor| ActivationId(Uuid::from_u128(cursor.0)));
        let found = daemon::list(tx, cx, &DaemonFilter { product }, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |daemon| daemon.id.0.as_u128(), Daemon::from)))
    })
    .await
}

/// Answer a daemon
///
/// For a daemon without a connection: takes the request that it wrote to a file, keeps what it tells of its use, and gives the
/// answer to carry back. It enrols the daemon if it is new. The same request again changes nothing.
#[utoipa::path(post, path = "/v1/daemons", tag = "Daemons", request_body = DaemonRequest,
    security(("bearer" = ["offline:write"])),
    responses((status = 200, description = "The answer", body = DaemonAnswer)))]
async fn answer_daemon(write: Write<DaemonRequest>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let answer = daemon::enrol(tx, cx, call.body.request.trim(), &call.body.records)?;
            Ok(Reply::ok(&DaemonAnswer::from(answer)))
        })
        .await
}

/// Free a daemon
///
/// Takes back at once what is with a daemon that will not come back. One that still runs goes on handing out seats until its
/// delegation ends: then more may be in use than there are. Freeing twice is not an error.
#[utoipa::path(delete, path = "/v1/daemons/{daemon}", tag = "Daemons",
    params(("daemon" = String, Path, description = "Which daemon")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 204, description = "It is free")))]
async fn free_daemon(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let id = ActivationId::parse(&id).ok_or(Error::not_found(Noun::Daemon))?;
            daemon::free(tx, cx, id)?;
            Ok(Reply::nothing())
        })
        .await
}
