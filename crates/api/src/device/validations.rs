//! Is a code good? The hottest of all questions.

use crate::call::{Head, device_caller, plain};
use crate::problem::Problem;
use crate::wire::Time;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, header};
use lessor_core::device::{Ask, Reason, Verdict};
use lessor_core::{App, Error, StoreError};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most questions of one call.
const MOST: usize = 100;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(validate))
}

/// A question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The product, by id or `dialect:product:number`.
    #[schema(example = "prd_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    product: String,
    /// The license's code.
    #[schema(example = "128437590236718452")]
    code: String,
    /// For this feature, by its code.
    #[schema(example = "EXPORT")]
    feature: Option<String>,
    /// On this device: its id, or that of the instance that the license is bound to.
    #[schema(example = "workstation-17")]
    device: Option<String>,
}

/// One question, or up to a hundred.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is there for its schema")]
enum Questions {
    One(Question),
    Many(Many),
}

/// Up to a hundred questions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is there for its schema")]
struct Many {
    validations: Vec<Question>,
}

/// Both forms at once, so that what is wrong can be told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    product: Option<String>,
    code: Option<String>,
    feature: Option<String>,
    device: Option<String>,
    validations: Option<Vec<Question>>,
}

/// What was asked; one question alone is answered alone.
struct Asked {
    alone: bool,
    asks: Vec<Ask>,
}

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Form { product, code, feature, device, validations } = Form::deserialize(deserializer)?;
        let Some(questions) = validations else {
            let product = product.ok_or_else(|| D::Error::missing_field("product"))?;
            let code = code.ok_or_else(|| D::Error::missing_field("code"))?;
            return Ok(Self { alone: true, asks: vec![Ask { product, code, feature, device }] });
        };
        if product.is_some() || code.is_some() || feature.is_some() || device.is_some() {
            return Err(D::Error::custom("`validations` stands alone"));
        }
        Ok(Self { alone: false, asks: questions.into_iter().map(Ask::from).collect() })
    }
}

/// An answer.
#[derive(Serialize, ToSchema)]
struct Answer {
    /// Is the code good for what was asked, now?
    valid: bool,
    /// Why not: `not_found`, `product_inactive`, `held`, `term_over`, `feature_off`, `not_activated`, `lease_over`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "term_over")]
    reason: Option<&'static str>,
    /// The license, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = LicenseState, required = false)]
    license: Option<LicenseState>,
    /// The feature asked for, if the product has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = FeatureState, required = false)]
    feature: Option<FeatureState>,
    /// What the device asked for has, if it has activated the license.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ActivationState, required = false)]
    activation: Option<ActivationState>,
}

/// A license.
#[derive(Serialize, ToSchema)]
struct LicenseState {
    /// Its id.
    #[schema(example = "lic_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// When its term ends; `null` is without end, or not yet begun.
    term_end: Option<Time>,
    /// Until when it gets new versions; `null` is without end.
    maintenance_end: Option<Time>,
    /// Places it has.
    #[schema(example = 3)]
    activation_limit: i64,
    /// Places taken by activations that are not returned.
    #[schema(example = 1)]
    activations: i64,
}

/// A feature of the license.
#[derive(Serialize, ToSchema)]
struct FeatureState {
    /// Its code.
    #[schema(example = "EXPORT")]
    code: String,
    /// How it is measured out.
    #[schema(example = "flag")]
    kind: &'static str,
    /// Is it on?
    enabled: bool,
    /// What there is, where it is counted.
    #[schema(example = json!(null))]
    limit: Option<i64>,
    /// What is in use of that.
    #[schema(example = json!(null))]
    used: Option<i64>,
}

/// The device's activation.
#[derive(Serialize, ToSchema)]
struct ActivationState {
    /// When its lease ends; `null` is without end.
    expires_at: Option<Time>,
}

/// The answers, in the order of the questions.
#[derive(Serialize, ToSchema)]
struct Answers {
    results: Vec<Answer>,
}

/// One answer, or one for each question.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Said {
    One(Answer),
    Many(Answers),
}

/// Validate
///
/// Tells whether a code is good for a product, for a feature, on a device, now. Nothing is changed and no place is taken.
/// Up to a hundred questions go into one call as `validations`; the answers come in their order as `results`.
#[utoipa::path(post, path = "/device/v1/validations", tag = "Validations", request_body = Questions, security(()),
    responses((status = 200, description = "The answer, or the answers", body = Said)))]
async fn validate(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let head = Head::of(&parts, &app);
    let Asked { alone, asks } = plain(&head, Request::from_parts(parts, body)).await?;
    if asks.len() > MOST {
        let error = Error::malformed("validations", format!("there are at most {MOST} in one call"));
        return Err(head.core_problem(&error));
    }
    let verdicts = app.validate(&device_caller(&head), asks).await.map_err(|error| head.core_problem(&error))?;
    let mut answers = verdicts.into_iter().map(Answer::from);
    let said = match (alone, answers.next()) {
        (true, Some(answer)) => Said::One(answer),
        (_, first) => Said::Many(Answers { results: first.into_iter().chain(answers).collect() }),
    };
    let text = serde_json::to_vec(&said).map_err(|error| {
        head.core_problem(&StoreError::Broken(format!("an answer cannot be written: {error}")).into())
    })?;
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl From<Question> for Ask {
    fn from(question: Question) -> Self {
        let Question { product, code, feature, device } = question;
        Self { product, code, feature, device }
    }
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        Self {
            valid: verdict.reason.is_none(),
            reason: verdict.reason.map(word),
            license: verdict.license.map(|license| LicenseState {
                id: license.id.to_string(),
                term_end: license.term_end.map(Time),
                maintenance_end: license.maintenance_end.map(Time),
                activation_limit: license.activation_limit,
                activations: license.activations,
            }),
            feature: verdict.feature.map(|feature| FeatureState {
                code: feature.code,
                kind: feature.kind.word(),
                enabled: feature.enabled,
                limit: feature.limit,
                used: feature.used,
            }),
            activation: verdict.lease_end.map(|end| ActivationState { expires_at: end.map(Time) }),
        }
    }
}

fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::NotFound => "not_found",
        Reason::ProductInactive => "product_inactive",
        Reason::Held => "held",
        Reason::TermOver => "term_over",
        Reason::FeatureOff => "feature_off",
        Reason::NotActivated => "not_activated",
        Reason::LeaseOver => "lease_over",
    }
}
