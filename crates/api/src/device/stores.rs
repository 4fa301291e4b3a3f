//! Secure store: texts that programs keep on the server with their license.

use crate::call::{Condition, Holder, Nothing};
use crate::document::IfMatch;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Time;
use axum::extract::Path;
use axum::response::Response;
use lessor_core::App;
use lessor_core::device::{self, PutText};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(get_stored_text, put_stored_text))
}

/// A text that a license keeps for a feature.
#[derive(Serialize, ToSchema)]
struct StoredText {
    /// The feature's code.
    #[schema(example = "NOTES")]
    feature: String,
    /// The text; empty before the first was put.
    #[schema(example = "window=12,40")]
    text: String,
    /// Grows with each change; 0 before the first.
    #[schema(example = 3)]
    version: i64,
    /// When it was last changed.
    modified_at: Option<Time>,
}

fn shown(feature: &str, stored: device::StoredText) -> Reply {
    let version = stored.version;
    let modified_at = stored.modified_at.map(Time);
    Reply::ok(&StoredText { feature: feature.to_owned(), text: stored.text, version, modified_at }).at(version)
}

/// Get a stored text
///
/// The text that the license keeps for a feature of kind `store`. All its activations share it.
#[utoipa::path(get, path = "/device/v1/activations/{activation}/stores/{feature}", tag = "Stores",
    params(("activation" = String, Path, description = "Which activation"), ("feature" = String, Path, description = "The feature's code")),
    responses((status = 200, description = "The text", body = StoredText)))]
async fn get_stored_text(
    Path((id, feature)): Path<(String, String)>,
    call: Holder<Nothing>,
) -> Result<Response, Problem> {
    call.run(&id, move |tx, cx, credential, _| Ok(shown(&feature, device::stored_text(tx, cx, credential, &feature)?)))
        .await
}

/// A text to keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TextToKeep {
    /// At most 4096 bytes of UTF-8.
    #[schema(example = "window=12,40")]
    text: String,
}

/// Put a stored text
///
/// Puts a text in place of the one that is kept. With `If-Match` only where nobody else changed it meanwhile; before the
/// first put, its version is 0. The same text again changes nothing.
#[utoipa::path(put, path = "/device/v1/activations/{activation}/stores/{feature}", tag = "Stores", request_body = TextToKeep,
    params(("activation" = String, Path, description = "Which activation"), ("feature" = String, Path, description = "The feature's code"), IfMatch),
    responses((status = 200, description = "The text as it is kept now", body = StoredText)))]
async fn put_stored_text(
    Path((id, feature)): Path<(String, String)>,
    condition: Condition,
    call: Holder<TextToKeep>,
) -> Result<Response, Problem> {
    let versions = condition.versions();
    call.run(&id, move |tx, cx, credential, body| {
        let put = PutText { feature: feature.clone(), text: body.text.clone(), versions: versions.clone() };
        Ok(shown(&feature, device::put_text(tx, cx, credential, &put)?))
    })
    .await
}
