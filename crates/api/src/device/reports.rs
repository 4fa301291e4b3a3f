//! What devices tell of themselves and of the people who use them.

use crate::call::Holder;
use crate::problem::Problem;
use crate::reply::Reply;
use axum::extract::Path;
use axum::response::Response;
use lessor_core::{App, device};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(report_system)).routes(routes!(report_consumer))
}

/// Facts about the device; the members are the program's own. At most 16 KiB.
#[derive(ToSchema)]
#[schema(value_type = Object, example = json!({"os": "Debian 12", "cores": 8}))]
#[expect(dead_code, reason = "it is there for its schema")]
struct SystemReport(Map<String, Value>);

/// Who uses the program; the members are the program's own. At most 16 KiB. First name, last name, company and email can
/// be searched for.
#[derive(ToSchema)]
#[schema(value_type = Object, example = json!({"first_name": "Ada", "last_name": "Lovelace", "email": "ada@fabrikam.example"}))]
#[expect(dead_code, reason = "it is there for its schema")]
struct ConsumerReport(Map<String, Value>);

/// Report the system
///
/// Replaces what the device reported before.
#[utoipa::path(put, path = "/device/v1/activations/{activation}/system", tag = "Reports", request_body = SystemReport,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 204, description = "It is kept")))]
async fn report_system(Path(id): Path<String>, call: Holder<Map<String, Value>>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, body| {
        device::report_system(tx, cx, credential, &Value::Object(body.clone()))?;
        Ok(Reply::nothing())
    })
    .await
}

/// Report the consumer
///
/// Adds a record of who uses the program.
#[utoipa::path(post, path = "/device/v1/activations/{activation}/consumer", tag = "Reports", request_body = ConsumerReport,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 204, description = "It is kept")))]
async fn report_consumer(Path(id): Path<String>, call: Holder<Map<String, Value>>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, body| {
        device::report_consumer(tx, cx, credential, &Value::Object(body.clone()))?;
        Ok(Reply::nothing())
    })
    .await
}
