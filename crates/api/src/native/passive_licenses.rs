//! Passive licenses: made for one client that never calls.

use crate::call::Write;
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::terms::{ValueInput, settings};
use crate::wire::Time;
use axum::response::Response;
use lessor_core::App;
use lessor_core::device::{self, IssuePassive};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(issue_passive_license))
}

/// A passive license to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassiveLicense {
    /// To what.
    product: String,
    /// What the client is known by: 10 to 255 characters. The license is good for no other.
    #[schema(example = "instrument-0117-B")]
    client_id: String,
    /// Whose it shall be; left out, the vendor's.
    account: Option<String>,
    /// The profile that gives it its terms; left out, the product does.
    profile: Option<String>,
    /// Codes of the features that are on; all others are off. Only flags can be on.
    #[serde(default)]
    #[schema(example = json!(["PDF"]))]
    features: Vec<String>,
    /// Named values that differ from those of the profile or the product.
    #[serde(default)]
    values: Vec<ValueInput>,
}

/// A passive license as it was made.
#[derive(Serialize, ToSchema)]
struct PassiveLicense {
    /// The license.
    license: String,
    /// Its code, for the back office; no device activates it.
    #[schema(example = "128437590236718452")]
    code: String,
    /// Its one activation.
    activation: String,
    /// What the client is known by.
    #[schema(example = "instrument-0117-B")]
    client_id: String,
    /// When the lease ends; `null` is never. Nothing renews it.
    expires_at: Option<Time>,
    /// The signed lease, for the client: lower-case hex.
    #[schema(example = "015fd924625f6ab16a000001f4")]
    document: String,
}

/// Issue a passive license
///
/// Makes a license for one client that never calls, and the signed lease to carry to it. The lease lasts for the hours of
/// a lease in a file, or without end where those are 0; nothing renews it.
#[utoipa::path(post, path = "/v1/passive-licenses", tag = "Licenses", request_body = NewPassiveLicense,
    security(("bearer" = ["licenses:write"])),
    responses((status = 201, description = "The new license and its lease", body = PassiveLicense)))]
async fn issue_passive_license(write: Write<NewPassiveLicense>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let command = IssuePassive {
                product: name::product(tx, cx, &new.product)?,
                client_id: new.client_id.clone(),
                account: name::some_account(tx, cx, new.account.as_deref())?,
                profile: new.profile.as_deref().map(|profile| name::profile(tx, cx, profile)).transpose()?,
                features: new.features.clone(),
                values: settings(&[], &new.values, &[]).values,
            };
            let made = device::issue_passive(tx, cx, &command)?;
            let view = PassiveLicense {
                license: made.license.id.to_string(),
                code: made.license.code,
                activation: made.activation.id.to_string(),
                client_id: made.activation.fingerprint,
                expires_at: made.activation.lease_end.map(Time),
                document: made.document,
            };
            Ok(Reply::created(format!("/v1/licenses/{}", view.license), &view))
        })
        .await
}
