//! Licenses brought in from elsewhere, many at a time.

use crate::call::{Head, Write};
use crate::name;
use crate::problem::{Fault, Problem, outcome, sentence};
use crate::reply::Reply;
use crate::terms::TermsInput;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lessor_core::license::{self, Fate, ImportLicenses, ImportRow};
use lessor_core::{App, Error, json};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most bytes of a body: ten thousand rows with all that a row can say.
pub const MAX_IMPORT: usize = 8 << 20;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(import_licenses)).layer(DefaultBodyLimit::max(MAX_IMPORT))
}

/// A license to bring in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LicenseToImport {
    /// What people type: 1 to 64 letters, digits or `-`; left out, one is made up.
    #[schema(example = "GHJK-2345")]
    code: Option<String>,
    /// Whose it shall be; left out, the vendor's until it is given to someone.
    account: Option<String>,
    /// The profile that gives it its terms; left out, the product does.
    profile: Option<String>,
    /// A text of your own, at most 200 characters.
    #[serde(default)]
    reference: String,
    /// The order it came with, at most 200 characters.
    #[serde(default)]
    #[schema(example = "PO-2026-117")]
    order: String,
    /// What differs from the terms of profile or product.
    #[serde(default)]
    terms: TermsInput,
}

impl LicenseToImport {
    fn row(&self) -> Result<ImportRow, Error> {
        Ok(ImportRow {
            code: self.code.clone(),
            account: self.account.clone(),
            profile: self.profile.clone(),
            reference: self.reference.clone(),
            order: self.order.clone(),
            terms: self.terms.change()?,
        })
    }
}

/// Reads a row as it stands in the body of an import; the error says what is wrong with it.
///
/// # Errors
/// A sentence about what cannot be read, or is no member of a row.
pub fn license_row(row: &[u8]) -> Result<ImportRow, String> {
    license_row_of(json::parse(row).map_err(|error| error.to_string())?)
}

/// As [`license_row`], for JSON that was read or made already.
///
/// # Errors
/// As [`license_row`].
pub fn license_row_of(row: serde_json::Value) -> Result<ImportRow, String> {
    let row: LicenseToImport = serde_json::from_value(row).map_err(|error| error.to_string())?;
    row.row().map_err(|error| error.to_string())
}

/// What became of a row.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ImportOutcome {
    /// The license was written.
    Created,
    /// The product has the code already, or an earlier row brought it.
    Duplicate,
    /// The row cannot be; `reason` says why.
    Rejected,
}

/// Why a row was not taken.
#[derive(Serialize, ToSchema)]
struct ImportReason {
    /// For programs: the code that the same error has elsewhere.
    #[schema(example = "account_unknown")]
    code: &'static str,
    /// In a sentence.
    #[schema(example = "No such account.")]
    detail: String,
}

/// What became of a row.
#[derive(Serialize, ToSchema)]
struct ImportedLicense {
    outcome: ImportOutcome,
    /// The new license.
    #[schema(example = "lic_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    license: Option<String>,
    /// Its code; `null` for a row that was rejected without one.
    #[schema(example = "GHJK-2345")]
    code: Option<String>,
    /// Why a row was rejected.
    #[schema(example = json!(null))]
    reason: Option<ImportReason>,
}

impl ImportedLicense {
    fn of(fate: Fate, sent: &LicenseToImport) -> Self {
        match fate {
            Fate::Created { license, code } => Self {
                outcome: ImportOutcome::Created,
                license: Some(license.to_string()),
                code: Some(code),
                reason: None,
            },
            Fate::Duplicate { code } => {
                Self { outcome: ImportOutcome::Duplicate, license: None, code: Some(code), reason: None }
            }
            Fate::Rejected { refusal } => {
                let reason = ImportReason { code: outcome(&refusal).1, detail: sentence(&refusal.to_string()) };
                let code = sent.code.clone();
                Self { outcome: ImportOutcome::Rejected, license: None, code, reason: Some(reason) }
            }
        }
    }
}

/// What became of an import.
#[derive(Serialize, ToSchema)]
struct ImportedLicenses {
    /// Rows that became licenses.
    #[schema(example = 1)]
    created: usize,
    /// Rows whose code was there already.
    #[schema(example = 0)]
    duplicates: usize,
    /// Rows that were left out.
    #[schema(example = 0)]
    rejected: usize,
    /// Each row, in the order of the request.
    rows: Vec<ImportedLicense>,
}

impl ImportedLicenses {
    fn of(fates: Vec<Fate>, sent: &[LicenseToImport]) -> Self {
        let count = |is: fn(&Fate) -> bool| fates.iter().filter(|fate| is(fate)).count();
        let created = count(|fate| matches!(fate, Fate::Created { .. }));
        let duplicates = count(|fate| matches!(fate, Fate::Duplicate { .. }));
        let rejected = fates.len() - created - duplicates;
        let rows = fates.into_iter().zip(sent).map(|(fate, sent)| ImportedLicense::of(fate, sent)).collect();
        Self { created, duplicates, rejected, rows }
    }
}

/// Import licenses
///
/// Up to 10 000 at a time, as a JSON array or (`application/x-ndjson`) a row a line. Rows that fit are written together;
/// others are left out and told, and codes that are there already change nothing, so that an import can be sent again.
/// One event tells of up to 250 licenses of an account.
#[utoipa::path(post, path = "/v1/products/{product}/licenses/import", tag = "Licenses",
    request_body = Vec<LicenseToImport>,
    params(("product" = String, Path, description = "To which product")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The fate of each row", body = ImportedLicenses)))]
async fn import_licenses(
    State(app): State<App>,
    Path(product): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let write = Write::<Vec<LicenseToImport>>::from_request(as_array(&app, request).await?, &app).await?;
    write
        .run(move |tx, cx, call| {
            let rows = call.body.iter().map(LicenseToImport::row).collect::<Result<Vec<_>, _>>()?;
            let command = ImportLicenses { product: name::product(tx, cx, &product)?, rows };
            let fates = license::import(tx, cx, &command)?;
            Ok(Reply::ok(&ImportedLicenses::of(fates, &call.body)))
        })
        .await
}

/// Makes an array of a body with a row a line; others stay as they are.
pub(super) async fn as_array(app: &App, request: Request) -> Result<Request, Problem> {
    if !is_lines(request.headers()) {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let trace = Head::of(&parts, app).trace;
    let lines =
        Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await.map_err(
            |rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    Problem::new(&trace, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large.")
                }
                _ => Problem::new(&trace, StatusCode::BAD_REQUEST, "body_broken", "The body ended early."),
            },
        )?;
    let mut array = Vec::with_capacity(lines.len() + 2);
    array.push(b'[');
    let rows = lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    for (at, row) in rows.enumerate() {
        // Halves of two lines could make one row together.
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(row) {
            let detail = format!("The row {at} is no JSON that can be read: {error}.");
            let fault = Fault::Body(format!("/{at}"), error.to_string());
            return Err(Problem::new(&trace, StatusCode::BAD_REQUEST, "invalid_json", detail).with_fault(fault));
        }
        if at > 0 {
            array.push(b',');
        }
        array.extend_from_slice(row);
    }
    array.push(b']');
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Request::from_parts(parts, Body::from(array)))
}

fn is_lines(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-ndjson")
}
