//! The journal: what happened, in order, once. Events are appended in the transaction that makes them true;
//! blocks seal them into a chain of hashes, so that an altered, missing or reordered one is found.

pub(crate) mod rows;
mod seal;

pub use seal::{Flaw, seal, verify};

use crate::account::{self, Path};
use crate::clock::Timestamp;
use crate::context::{Context, Denial};
use crate::error::Error;
use crate::id::{AccountId, EventId, RequestId};
use crate::identity::Right;
use lessor_db::Tx;
use serde_json::{Value, json};
use uuid::Uuid;

/// What an event is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The kind of record: `license`, `account`, …
    pub kind: &'static str,
    /// The record.
    pub id: Uuid,
    /// The account in whose branch the event is seen.
    pub account: AccountId,
    /// The tenant it happened in.
    pub tenant: AccountId,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id; the same in audit, webhooks and live stream.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What: `license.activated`, …
    pub kind: String,
    /// The kind of record it is about.
    pub subject_kind: String,
    /// The record it is about.
    pub subject: Uuid,
    /// In whose branch.
    pub account: AccountId,
    /// Who did it: the chain, from the one who holds the credential to the account it acted for.
    pub actor: String,
    /// In which call.
    pub request: RequestId,
    /// What was before and after, or what else there is to tell.
    pub data: Value,
}

/// Appends an event. `data` holds `before` and `after` where something changed.
pub fn append(tx: &mut dyn Tx, cx: &Context<'_>, kind: &str, subject: Subject, data: &Value) -> Result<EventId, Error> {
    let id: EventId = cx.new_id();
    let actor = cx.actor();
    let chain = json!([actor.who.to_string(), actor.account.to_string()]).to_string();
    rows::insert(tx, id, cx.now, kind, subject, chain, cx.caller.request, data.to_string())?;
    Ok(id)
}

/// Appends an event of one kind about each of many subjects.
pub(crate) fn append_many(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    kind: &str,
    events: &[(Subject, Value)],
) -> Result<(), Error> {
    let actor = cx.actor();
    let chain = json!([actor.who.to_string(), actor.account.to_string()]).to_string();
    let events: Vec<_> = events.iter().map(|(subject, data)| (cx.new_id(), *subject, data.to_string())).collect();
    Ok(rows::insert_many(tx, cx.now, kind, &chain, cx.caller.request, &events)?)
}

/// Records that the caller was forbidden something. Called by the application, in a transaction of its own.
pub(crate) fn append_denial(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<(), Error> {
    let actor = cx.actor();
    let subject = Subject { kind: "account", id: actor.account.0, account: actor.account, tenant: actor.tenant };
    let rights = actor.rights.as_ref().map(|rights| rights.iter().map(Right::as_str).collect::<Vec<_>>());
    append(tx, cx, "access.denied", subject, &json!({ "rights": rights }))?;
    Ok(())
}

/// Records a refusal that is worth knowing of, with its reason. Called by the application, in a transaction of its own.
pub(crate) fn append_refusal(tx: &mut dyn Tx, cx: &Context<'_>, denial: &Denial, reason: &str) -> Result<(), Error> {
    let mut data = denial.data.clone();
    data["reason"] = json!(reason);
    append(tx, cx, denial.kind, denial.subject, &data)?;
    Ok(())
}

/// Which events a list shows.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only those about this record.
    pub subject: Option<Uuid>,
}

/// A page of the events in the caller's branch, in order, after `after`.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &EventFilter,
    after: Option<EventId>,
    limit: u32,
) -> Result<Vec<Event>, Error> {
    if !cx.actor().has_right(&Right::EVENTS_READ) {
        return Err(Error::Forbidden);
    }
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let page = |branch: &Path, after| rows::page(tx, branch, filter.subject, after, limit);
    let seen = account::page_seen(cx.actor(), None, after, limit, page, |placed| (placed.event.id.0, &placed.path))?;
    Ok(seen.into_iter().map(|placed| placed.event).collect())
}
