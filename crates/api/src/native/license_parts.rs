//! What hangs on a license: notes, segments, activations, tokens.

use super::licenses::{License, shown_changed};
use crate::call::{Cursor, Flag, Limit, Nothing, Read, Write, given};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{ActivationKind, NoteKind, Page, TermKind, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::device;
use lessor_core::license::{self, ChangeLicense, ChangeNote, NewNote as NoteToWrite, SetTokens};
use lessor_core::{App, Error, Noun};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_notes, add_note))
        .routes(routes!(change_note, delete_note))
        .routes(routes!(list_segments))
        .routes(routes!(list_activations))
        .routes(routes!(return_all_activations))
        .routes(routes!(set_tokens))
}

/// A note on a license.
#[derive(Serialize, ToSchema)]
struct Note {
    /// Its number, unique with the vendor.
    #[schema(example = 12)]
    number: i64,
    /// Who it is from.
    kind: NoteKind,
    /// What it says.
    #[schema(example = "Wants an invoice in May.")]
    text: String,
    /// The user who wrote it; empty for a program.
    author: String,
    created_at: Time,
}

impl From<license::Note> for Note {
    fn from(note: license::Note) -> Self {
        Self {
            number: note.number,
            kind: note.kind.into(),
            text: note.text,
            author: note.author,
            created_at: note.created_at.into(),
        }
    }
}

/// List notes
///
/// All notes on a license, oldest first.
#[utoipa::path(get, path = "/v1/licenses/{license}/notes", tag = "Licenses",
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The notes", body = Page<Note>)))]
async fn list_notes(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = name::license(tx, cx, &id)?;
        let items = license::notes(tx, cx, id)?.into_iter().map(Note::from).collect();
        Ok(Reply::ok(&Page { items, next: None }))
    })
    .await
}

/// A note to write.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewNote {
    /// Who it is from; left out, people.
    kind: Option<NoteKind>,
    /// What it says, at most 10 000 characters; not blank.
    #[schema(example = "Wants an invoice in May.")]
    text: String,
}

/// Add a note
///
/// Writes a note on a license.
#[utoipa::path(post, path = "/v1/licenses/{license}/notes", tag = "Licenses", request_body = NewNote,
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 201, description = "The note", body = Note)))]
async fn add_note(Path(id): Path<String>, write: Write<NewNote>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let id = name::license(tx, cx, &id)?;
            let kind = call.body.kind.map_or(license::NoteKind::General, Into::into);
            let note = NoteToWrite { kind, text: call.body.text.clone() };
            let note = Note::from(license::add_note(tx, cx, id, &note)?);
            Ok(Reply::created(format!("/v1/licenses/{id}/notes/{}", note.number), &note))
        })
        .await
}

/// What to change of a note; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NoteChange {
    /// Who it is from.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    kind: Option<NoteKind>,
    /// What it says, at most 10 000 characters; not blank.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Wants an invoice in June.")]
    text: Option<String>,
}

/// Change a note
///
/// Its number, its author and when it was written stay.
#[utoipa::path(patch, path = "/v1/licenses/{license}/notes/{number}", tag = "Licenses", request_body = NoteChange,
    params(("license" = String, Path, description = "Which license"), ("number" = i64, Path, description = "Which note")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The note as it is now", body = Note)))]
async fn change_note(
    Path((id, number)): Path<(String, String)>,
    write: Write<NoteChange>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let license = name::license(tx, cx, &id)?;
            let number = number.parse().map_err(|_| Error::not_found(Noun::Note))?;
            let (kind, text) = (call.body.kind.map(Into::into), call.body.text.clone());
            let note = license::change_note(tx, cx, &ChangeNote { license, number, kind, text })?;
            Ok(Reply::ok(&Note::from(note)))
        })
        .await
}

/// Delete a note
///
/// Takes one note off a license.
#[utoipa::path(delete, path = "/v1/licenses/{license}/notes/{number}", tag = "Licenses",
    params(("license" = String, Path, description = "Which license"), ("number" = i64, Path, description = "Which note")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 204, description = "It is gone")))]
async fn delete_note(Path((id, number)): Path<(String, String)>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let id = name::license(tx, cx, &id)?;
            let number: i64 = number.parse().map_err(|_| Error::not_found(Noun::Note))?;
            license::delete_notes(tx, cx, id, Some(number))?;
            Ok(Reply::nothing())
        })
        .await
}

/// A stretch of time in which a license's billable facts did not change.
#[derive(Serialize, ToSchema)]
struct Segment {
    /// Whose the license was.
    account: String,
    /// To what.
    product: String,
    /// What kind of right it was.
    term: TermKind,
    /// When its term ended, or was to end; `null` without end. Nothing counts from then on.
    ends_at: Option<Time>,
    /// How many places it had.
    #[schema(example = 5)]
    quantity: i64,
    /// Was the license itself on hold?
    held: bool,
    /// From when, included.
    from: Time,
    /// Until when, excluded; `null` while it lasts.
    to: Option<Time>,
}

impl From<license::Segment> for Segment {
    fn from(segment: license::Segment) -> Self {
        Self {
            account: segment.account.to_string(),
            product: segment.product.to_string(),
            term: segment.term.into(),
            ends_at: segment.ends_at.map(Time),
            quantity: segment.quantity,
            held: segment.held,
            from: segment.from.into(),
            to: segment.to.map(Time),
        }
    }
}

/// List segments
///
/// The license's history as bills see it, oldest first.
#[utoipa::path(get, path = "/v1/licenses/{license}/segments", tag = "Licenses",
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The segments", body = Page<Segment>)))]
async fn list_segments(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = name::license(tx, cx, &id)?;
        let items = license::segments(tx, cx, id)?.into_iter().map(Segment::from).collect();
        Ok(Reply::ok(&Page { items, next: None }))
    })
    .await
}

/// A license in use on a device, now or in the past.
#[derive(Serialize, ToSchema)]
struct Activation {
    /// Its id.
    #[schema(example = "act_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// What the device calls itself.
    #[schema(example = "workstation-17")]
    device: String,
    /// Who uses it there, as the device says.
    #[schema(example = "ada")]
    user: String,
    /// How it came about.
    kind: ActivationKind,
    /// Is it in use, or was it returned?
    active: bool,
    /// Is its lease running?
    live: bool,
    /// The hypervisor, if the device says it is a virtual machine.
    virtual_platform: Option<String>,
    activated_at: Time,
    returned_at: Option<Time>,
    /// Number of its latest lease.
    #[schema(example = 4)]
    lease_number: i64,
    /// When it got that lease.
    leased_at: Time,
    /// When that lease ends; `null` is without end.
    lease_end: Option<Time>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListActivations {
    /// Leave out what was returned?
    #[serde(default)]
    #[param(value_type = Option<bool>, default = false)]
    current: Flag,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List activations
///
/// The activations of a license, oldest first.
#[utoipa::path(get, path = "/v1/licenses/{license}/activations", tag = "Licenses",
    params(("license" = String, Path, description = "Which license"), ListActivations),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "A page of activations", body = Page<Activation>)))]
async fn list_activations(Path(id): Path<String>, read: Read<ListActivations>) -> Result<Response, Problem> {
    read.run(move |tx, cx, query| {
        let id = name::license(tx, cx, &id)?;
        let start = Cursor::start(query.cursor);
        let found = license::activities(tx, cx, id, query.current.0, start, with_one_more(query.limit))?;
        let view = |activation: device::Activation| Activation {
            live: activation.is_live(cx.now),
            id: activation.id.to_string(),
            device: activation.fingerprint,
            user: activation.user,
            kind: activation.kind.into(),
            active: activation.active,
            virtual_platform: activation.virtual_platform,
            activated_at: activation.activated_at.into(),
            returned_at: activation.returned_at.map(Time),
            lease_number: activation.lease_number,
            leased_at: activation.leased_at.into(),
            lease_end: activation.lease_end.map(Time),
        };
        Ok(Reply::ok(&Page::of(found, query.limit, |activation| activation.id.0.as_u128(), view)))
    })
    .await
}

/// How many activations were taken back.
#[derive(Serialize, ToSchema)]
struct Returned {
    /// How many.
    #[schema(example = 3)]
    returned: u32,
}

/// Return all activations
///
/// Takes every activation of a license back: all of its places are free again.
#[utoipa::path(post, path = "/v1/licenses/{license}/activations/return-all", tag = "Licenses",
    params(("license" = String, Path, description = "Which license")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "How many there were", body = Returned)))]
async fn return_all_activations(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let id = name::license(tx, cx, &id)?;
            Ok(Reply::ok(&Returned { returned: device::return_all(tx, cx, id)? }))
        })
        .await
}

/// Tokens of a license; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tokens {
    /// Tokens there are in all, 0 to 2 000 000 000.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = 500)]
    limit: Option<i64>,
    /// What one device has checked out from now on.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    checked_out: Option<DeviceTokens>,
}

/// What a device has checked out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeviceTokens {
    /// What the device calls itself.
    #[schema(example = "workstation-17")]
    device: String,
    /// Tokens, consumed ones included.
    #[schema(example = 20)]
    tokens: i64,
}

/// Set tokens
///
/// Sets how many tokens of a feature a license has, and what one device has of them.
#[utoipa::path(put, path = "/v1/licenses/{license}/tokens/{feature}", tag = "Licenses", request_body = Tokens,
    params(("license" = String, Path, description = "Which license"),
        ("feature" = String, Path, description = "Code of a feature of the kind `tokens`")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The license as it is now", body = License)))]
async fn set_tokens(Path((id, feature)): Path<(String, String)>, write: Write<Tokens>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let id = name::license(tx, cx, &id)?;
            let checked_out = call.body.checked_out.as_ref().map(|held| (held.device.clone(), held.tokens));
            let command = SetTokens { license: id, feature: feature.clone(), limit: call.body.limit, checked_out };
            license::set_tokens(tx, cx, &command)?;
            // A change of nothing gives the license to whoever may change it, and need not be allowed to look.
            let license = license::change(tx, cx, &ChangeLicense::of(id))?;
            shown_changed(tx, cx, license)
        })
        .await
}
