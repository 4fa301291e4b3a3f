//! The version of the API that this dialect speaks.

use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::{Access, Answer, Asked, Call};
use serde_json::json;

/// The newest that its documents tell of.
const VERSION: &str = "1.0.54";

pub(crate) static CALLS: [Call; 1] = [Call::get("Version", "Version", Area::Service, |asked| Box::pin(version(asked)))
    .by(Access::Open)
    .gives(Answer::Json(r#"{"version":"1.0.54"}"#))];

async fn version(_: Asked) -> Result<Reply, Problem> {
    Ok(Reply::json(&json!({ "version": VERSION })))
}
