//! Errors as the dialect says them, in two forms: `{code, subCode, message}` for a broken rule, and a map from inputs to lists of
//! texts for inputs that cannot be read. Every refusal of the core has its line here; a new one breaks the build.

use crate::input::Faults;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use lessor_core::{Error, Noun, Refusal, StoreError};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The areas that the first number of an error tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Signing in.
    Token,
    /// Users.
    User,
    /// Companies and enumerations.
    Company,
    /// Searches.
    Search,
    /// Reports of usage and bills.
    Report,
    /// Operations.
    Operation,
    /// Terms of use.
    TermsOfUse,
    /// Licenses.
    License,
    /// Ids of the first generation of the service.
    OldIds,
    /// The service itself.
    Service,
}

impl Area {
    /// Its number.
    pub fn code(self) -> u16 {
        match self {
            Area::Token => 1,
            Area::User => 2,
            Area::Company => 3,
            Area::Search => 4,
            Area::Report => 5,
            Area::Operation => 6,
            Area::TermsOfUse => 7,
            Area::License => 8,
            Area::OldIds => 9,
            Area::Service => 99,
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    said: Said,
    /// After how many seconds it makes sense to come again.
    retry_after: Option<u32>,
    /// The verbs of an address, for a verb it does not have.
    allow: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
enum Said {
    /// Without an area, that of the call.
    Rule {
        area: Option<Area>,
        sub_code: u16,
        message: Cow<'static, str>,
    },
    Faults(Faults),
}

// Causes that every area shares, beside the published ones and those of a single area.
const FORBIDDEN: u16 = 1901;
const NOT_FOUND: u16 = 1902;
const ALREADY_EXISTS: u16 = 1903;
const INVALID_VALUE: u16 = 1904;
const INVALID_STATE: u16 = 1905;
const TOO_MANY: u16 = 1906;

// Causes of the service.
const NO_SUCH_PAGE: u16 = 1;
const NOT_READY: u16 = 1001;
const INTERNAL: u16 = 1002;
const WRONG_VERB: u16 = 1003;
const WRONG_MEDIA_TYPE: u16 = 1005;
const BODY_TOO_LARGE: u16 = 1006;

/// No message is longer: it may quote what came in.
const MAX_MESSAGE: usize = 300;

impl Problem {
    fn new(status: StatusCode, area: Option<Area>, sub_code: u16, message: impl Into<Cow<'static, str>>) -> Self {
        let mut message = message.into();
        if message.chars().count() > MAX_MESSAGE {
            message = message.chars().take(MAX_MESSAGE).collect::<String>().into();
        }
        Self { status, said: Said::Rule { area, sub_code, message }, retry_after: None, allow: None }
    }

    /// 400: a rule is broken. The cause is named as it is published.
    pub fn rule(area: Area, sub_code: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some(area), sub_code, message)
    }

    /// The same cause with another status.
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// 400: these inputs cannot be read.
    pub(crate) fn faults(faults: Faults) -> Self {
        Self { status: StatusCode::BAD_REQUEST, said: Said::Faults(faults), retry_after: None, allow: None }
    }

    /// 400: this input has to be there.
    pub fn missing(field: &str) -> Self {
        Self::faults(vec![(field.to_owned(), format!("The {field} field is required."))])
    }

    /// 400: this input cannot be what it is.
    pub fn invalid(field: &str) -> Self {
        Self::faults(vec![(field.to_owned(), "The input was not valid.".to_owned())])
    }

    /// 401: no token, or one that is worth nothing.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Some(Area::Token), 1002, "Unauthorized")
    }

    /// 403: what is not there, what is not the caller's, and what the caller may not do are not told apart.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, None, FORBIDDEN, "Forbidden")
    }

    /// 404: gone, in the caller's own branch.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, None, NOT_FOUND, "NotFound")
    }

    /// 403: there is no such address.
    pub(crate) fn no_such_page() -> Self {
        Self::new(StatusCode::FORBIDDEN, Some(Area::Service), NO_SUCH_PAGE, "PageNotFound")
    }

    pub(crate) fn wrong_verb(allow: &'static str) -> Self {
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, Some(Area::Service), WRONG_VERB, "MethodNotAllowed");
        Self { allow: Some(allow), ..problem }
    }

    pub(crate) fn wrong_media_type() -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, Some(Area::Service), WRONG_MEDIA_TYPE, "UnsupportedMediaType")
    }

    pub(crate) fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Some(Area::Service), BODY_TOO_LARGE, "RequestTooLarge")
    }

    fn later(status: StatusCode, seconds: u32) -> Self {
        let problem = Self::new(status, Some(Area::Service), NOT_READY, "ServiceIsNotReady");
        Self { retry_after: Some(seconds), ..problem }
    }

    fn value(field: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, None, INVALID_VALUE, format!("InvalidValue: {field}"))
    }

    fn state(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, None, INVALID_STATE, message)
    }

    /// The answer of a call of this area.
    pub fn into_response(self, call_area: Area) -> Response {
        let body = match self.said {
            Said::Rule { area, sub_code, message } => {
                json!({ "code": area.unwrap_or(call_area).code(), "subCode": sub_code, "message": message })
            }
            Said::Faults(faults) => {
                let mut map = Map::new();
                for (field, text) in faults {
                    let texts = map.entry(field).or_insert_with(|| json!([]));
                    if let Some(texts) = texts.as_array_mut() {
                        texts.push(Value::String(text));
                    }
                }
                Value::Object(map)
            }
        };
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(verbs) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(verbs));
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Forbidden => Self::forbidden(),
            Error::Unauthenticated => Self::unauthorized(),
            Error::Store(error) => error.into(),
        }
    }
}

/// What is said where a call has no word of its own for it.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(_) => Self::forbidden(),
            Refusal::Closed(_) => Self::not_found(),
            Refusal::BadCredentials => {
                Self::rule(Area::Token, 1001, "InvalidCredentials").with_status(StatusCode::UNAUTHORIZED)
            }
            Refusal::TooManyTries { seconds } => {
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, None, TOO_MANY, "TooManyRequests");
                Self { retry_after: Some(seconds), ..problem }
            }
            Refusal::Taken { noun, name: _ } => {
                Self::new(StatusCode::BAD_REQUEST, None, ALREADY_EXISTS, format!("AlreadyExists: {}", word(noun)))
            }
            Refusal::Malformed { field, reason: _ }
            | Refusal::Missing { field }
            | Refusal::OutOfRange { field, min: _, max: _ } => Self::value(field),
            Refusal::BadCertificate(_) => Self::value("certificate"),
            Refusal::AlreadySuspended => Self::rule(Area::Company, 1010, "CompanyIsNotActive"),
            Refusal::NotSuspended => Self::rule(Area::Company, 1011, "CompanyIsNotSuspended"),
            Refusal::OperationRunning => Self::rule(Area::Company, 1014, "OperationIsRunning"),
            Refusal::NotTrial => Self::rule(Area::License, 24, "LicenseIsNotTrial"),
            Refusal::NotOffered => Self::rule(Area::License, 27, "ProductIsNotAvailable"),
            Refusal::ExtendedOften { limit: _ } => Self::rule(Area::License, 31, "TimesToExtendTrialLicenseIsExceeded"),
            Refusal::TrialNotOffered => Self::rule(Area::License, 32, "TrialLicenseIsNotAllowed"),
            Refusal::NotAccepted { agreement } => {
                let page = format!("/api/TermsOfUse/Detail?termsOfUseId={}", agreement.0);
                Self::rule(Area::License, 40, format!("Terms of Use not accepted, see {page}"))
            }
            Refusal::NotExchangeable => Self::rule(Area::License, 45, "ChangeOfProductIsUnavailable"),
            Refusal::Unchanged { field: "quantity" } => {
                Self::rule(Area::License, 48, "LicenseQunatityIsEqualToPrevious")
            }
            Refusal::Unchanged { field } => Self::value(field),
            other @ (Refusal::MisplacedAccount { .. }
            | Refusal::MoveIntoOwnBranch
            | Refusal::MoveOutOfTenant
            | Refusal::Stale(_)
            | Refusal::InUse(_)
            | Refusal::InOtherGroup
            | Refusal::LastKey
            | Refusal::OwnKey
            | Refusal::ProductInactive
            | Refusal::Held
            | Refusal::TermOver
            | Refusal::NoSeat { .. }
            | Refusal::NetworkOnly
            | Refusal::DelegationOver
            | Refusal::RecordGap { .. }
            | Refusal::TrialOver
            | Refusal::TrialUsed
            | Refusal::TrialConverted
            | Refusal::DeviceDuplicate
            | Refusal::TooManyMoves { .. }
            | Refusal::LongTermOff
            | Refusal::ActivationReturned
            | Refusal::FeatureOff
            | Refusal::WrongFeatureKind
            | Refusal::NotHeld { .. }
            | Refusal::NoneFree
            | Refusal::StaleCertificate
            | Refusal::KeyReused) => Self::state(other.to_string()),
        }
    }
}

/// The dialect's word for a kind of record.
fn word(noun: Noun) -> &'static str {
    match noun {
        Noun::Account => "company",
        Noun::User => "email",
        other => other.word(),
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Conflict(_) => Self::later(StatusCode::SERVICE_UNAVAILABLE, 1),
            StoreError::ReadOnly | StoreError::Disconnected(_) | StoreError::OutcomeUnknown(_) => {
                tracing::warn!(%error, "storage is not ready");
                Self::later(StatusCode::SERVICE_UNAVAILABLE, 5)
            }
            StoreError::Full => {
                tracing::error!(%error, "storage is full");
                Self::new(StatusCode::INSUFFICIENT_STORAGE, Some(Area::Service), INTERNAL, "InternalError")
            }
            StoreError::Unique(_) => Self::new(StatusCode::BAD_REQUEST, None, ALREADY_EXISTS, "AlreadyExists"),
            StoreError::Broken(_)
            | StoreError::Column { .. }
            | StoreError::Panicked(_)
            | StoreError::Statement { .. } => {
                tracing::error!(%error, "a call failed inside");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, Some(Area::Service), INTERNAL, "InternalError")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(problem: Problem, area: Area) -> (u16, Value) {
        let response = problem.into_response(area);
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test]
    async fn a_rule_is_told_by_numbers_and_an_input_by_its_name() {
        let (status, body) = said(Problem::rule(Area::License, 30, "QuantityIsOutOfRange"), Area::Company).await;
        assert_eq!((status, body), (400, json!({ "code": 8, "subCode": 30, "message": "QuantityIsOutOfRange" })));
        let (status, body) = said(Problem::forbidden(), Area::User).await;
        assert_eq!((status, body["code"].as_i64(), body["subCode"].as_i64()), (403, Some(2), Some(1901)));
        let (status, body) = said(Problem::invalid("quantity"), Area::License).await;
        assert_eq!((status, body), (400, json!({ "quantity": ["The input was not valid."] })));
    }

    #[test]
    fn a_refusal_of_the_domain_is_never_an_error_of_the_server() {
        let refusals = [
            Refusal::NotFound(Noun::License),
            Refusal::Taken { noun: Noun::User, name: "x".into() },
            Refusal::Malformed { field: "name", reason: String::new() },
            Refusal::Closed(Noun::Account),
            Refusal::BadCredentials,
            Refusal::TooManyTries { seconds: 3 },
            Refusal::Held,
            Refusal::KeyReused,
        ];
        for refusal in refusals {
            let status = Problem::from(refusal.clone()).status;
            assert!(status.is_client_error(), "{refusal:?} {status}");
        }
    }
}
