//! Errors as RFC 9457 problem details, and which status and code each refusal of the core has.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use lessor_core::{Error, Noun, Refusal, RequestId, StoreError};
use serde_json::{Value, json};

/// Which call a problem is about.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub request: RequestId,
    pub path: String,
}

/// A part of the request that is at fault.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// JSON pointer into the body, and what is wrong there.
    Body(String, String),
    /// Name of a query parameter.
    Parameter(String, String),
    /// Name of a header.
    Header(&'static str, String),
}

impl Fault {
    fn to_json(&self) -> Value {
        match self {
            Fault::Body(pointer, detail) => json!({ "pointer": pointer, "detail": detail }),
            Fault::Parameter(name, detail) => json!({ "parameter": name, "detail": detail }),
            Fault::Header(name, detail) => json!({ "header": name, "detail": detail }),
        }
    }
}

/// An answer that says why not.
#[derive(Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    detail: String,
    faults: Vec<Fault>,
    retry_after: Option<u32>,
    challenge: Option<&'static str>,
    trace: Trace,
}

impl Problem {
    pub fn new(trace: &Trace, status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let trace = trace.clone();
        let detail = detail.into();
        Self(Box::new(Inner { status, code, detail, faults: Vec::new(), retry_after: None, challenge: None, trace }))
    }

    /// The request cannot be read as what the operation takes.
    pub fn invalid(trace: &Trace, fault: Fault) -> Self {
        let detail = match &fault {
            Fault::Body(pointer, detail) if pointer.is_empty() => format!("The body is not valid: {detail}."),
            Fault::Body(pointer, detail) => format!("The body is not valid at {pointer}: {detail}."),
            Fault::Parameter(name, detail) => format!("The query parameter {name:?} is not valid: {detail}."),
            Fault::Header(name, detail) => format!("The header {name} is not valid: {detail}."),
        };
        Self::new(trace, StatusCode::BAD_REQUEST, "invalid_request", detail).with_fault(fault)
    }

    /// No credentials, or none that are known.
    pub fn unauthenticated(trace: &Trace, came: bool) -> Self {
        let (detail, challenge) = match came {
            true => {
                ("The credentials are not valid, or not any more.", "Bearer realm=\"lessor\", error=\"invalid_token\"")
            }
            false => ("Send credentials as `Authorization: Bearer …`.", "Bearer realm=\"lessor\""),
        };
        Self::new(trace, StatusCode::UNAUTHORIZED, "unauthenticated", detail).challenging(challenge)
    }

    /// What the core said, for a caller whose credentials were accepted.
    pub fn from_core(trace: &Trace, error: &Error, sent: Option<&Value>) -> Self {
        match error {
            Error::Refused(refusal) => Self::refused(trace, refusal, sent),
            Error::Forbidden => {
                let detail = "The credentials are known, but do not allow this here.";
                let challenge = "Bearer realm=\"lessor\", error=\"insufficient_scope\"";
                Self::new(trace, StatusCode::FORBIDDEN, "forbidden", detail).challenging(challenge)
            }
            Error::Unauthenticated => Self::unauthenticated(trace, true),
            Error::Store(error) => Self::storage(trace, error),
        }
    }

    fn refused(trace: &Trace, refusal: &Refusal, sent: Option<&Value>) -> Self {
        let (status, code) = outcome(refusal);
        let problem = Self::new(trace, status, code, sentence(&refusal.to_string()));
        let field = match refusal {
            Refusal::Malformed { field, .. } | Refusal::Missing { field } | Refusal::OutOfRange { field, .. } => *field,
            Refusal::TooManyTries { seconds } => return problem.after(*seconds),
            Refusal::BadCredentials => return problem.challenging("Bearer realm=\"lessor\""),
            _ => return problem,
        };
        // Of a look there is no body to point into.
        let Some(sent) = sent else { return problem };
        problem.with_fault(Fault::Body(pointer_to(sent, field).unwrap_or_default(), refusal.to_string()))
    }

    fn storage(trace: &Trace, error: &StoreError) -> Self {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match error {
            StoreError::Busy | StoreError::Conflict(_) => {
                Self::new(trace, unavailable, "busy", "The server has its hands full. Try again in a moment.").after(1)
            }
            StoreError::Full => {
                let detail = "No space is left to write to. Reading goes on.";
                Self::new(trace, StatusCode::INSUFFICIENT_STORAGE, "storage_full", detail).after(60)
            }
            StoreError::ReadOnly => {
                Self::new(trace, unavailable, "read_only", "Nothing can be written at the moment.").after(10)
            }
            StoreError::Disconnected(reason) => {
                tracing::warn!(request = %trace.request, reason, "storage is away");
                Self::new(trace, unavailable, "storage_away", "Storage cannot be reached at the moment.").after(2)
            }
            StoreError::OutcomeUnknown(reason) => {
                tracing::warn!(request = %trace.request, reason, "the outcome of a write is unknown");
                let detail =
                    "Whether the request had an effect is not known. Send it again with the same Idempotency-Key.";
                Self::new(trace, unavailable, "outcome_unknown", detail).after(1)
            }
            StoreError::Unique(_) => {
                Self::new(trace, StatusCode::CONFLICT, "conflict", "Another request was quicker. Look again.")
            }
            StoreError::Broken(_)
            | StoreError::Column { .. }
            | StoreError::Panicked(_)
            | StoreError::Statement { .. } => {
                tracing::error!(request = %trace.request, %error, "a request failed");
                let detail = "Something went wrong on our side. The request id finds it in the log.";
                Self::new(trace, StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
            }
        }
    }

    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.0.faults.push(fault);
        self
    }

    fn after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    fn challenging(mut self, challenge: &'static str) -> Self {
        self.0.challenge = Some(challenge);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let problem = *self.0;
        let mut body = json!({
            "type": format!("urn:lessor:problem:{}", problem.code),
            "title": title(problem.code),
            "status": problem.status.as_u16(),
            "detail": problem.detail,
            "instance": problem.trace.path,
            "code": problem.code,
            "request_id": problem.trace.request.to_string(),
        });
        if !problem.faults.is_empty() {
            body["errors"] = problem.faults.iter().map(Fault::to_json).collect();
        }
        let mut response = (problem.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = problem.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = problem.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// A code in words: `no_seat` is `No seat`.
pub(crate) fn title(code: &str) -> String {
    sentence(&code.replace('_', " ")).trim_end_matches('.').to_owned()
}

/// The domain's words with a capital and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Where in a body a field of the domain's stands: the first member of that name.
fn pointer_to(sent: &Value, field: &str) -> Option<String> {
    match sent {
        Value::Object(members) => {
            if members.contains_key(field) {
                return Some(format!("/{}", escaped(field)));
            }
            let mut below = members.iter();
            below.find_map(|(name, value)| Some(format!("/{}{}", escaped(name), pointer_to(value, field)?)))
        }
        Value::Array(values) => {
            let mut below = values.iter().enumerate();
            below.find_map(|(index, value)| Some(format!("/{index}{}", pointer_to(value, field)?)))
        }
        _ => None,
    }
}

/// A name as a reference token of a JSON pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Status and code of each refusal. Closed: a new refusal has to be given its own here.
pub(crate) fn outcome(refusal: &Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::NotFound(noun) => (StatusCode::NOT_FOUND, unknown(*noun)),
        Refusal::Taken { .. } => (StatusCode::CONFLICT, "taken"),
        Refusal::Malformed { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_value"),
        Refusal::Missing { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "value_missing"),
        Refusal::OutOfRange { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "out_of_range"),
        Refusal::MisplacedAccount { .. } => (StatusCode::CONFLICT, "misplaced_account"),
        Refusal::MoveIntoOwnBranch => (StatusCode::CONFLICT, "move_into_own_branch"),
        Refusal::MoveOutOfTenant => (StatusCode::CONFLICT, "move_out_of_tenant"),
        Refusal::Closed(_) => (StatusCode::CONFLICT, "closed"),
        Refusal::Stale(_) => (StatusCode::PRECONDITION_FAILED, "stale"),
        Refusal::InUse(_) => (StatusCode::CONFLICT, "in_use"),
        Refusal::InOtherGroup => (StatusCode::CONFLICT, "in_other_group"),
        Refusal::LastKey => (StatusCode::CONFLICT, "last_key"),
        Refusal::OwnKey => (StatusCode::CONFLICT, "own_key"),
        Refusal::BadCredentials => (StatusCode::UNAUTHORIZED, "bad_credentials"),
        Refusal::TooManyTries { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_tries"),
        Refusal::ProductInactive => (StatusCode::FORBIDDEN, "product_inactive"),
        Refusal::Held => (StatusCode::FORBIDDEN, "license_held"),
        Refusal::TermOver => (StatusCode::FORBIDDEN, "term_over"),
        Refusal::NoSeat { .. } => (StatusCode::CONFLICT, "no_seat"),
        Refusal::NetworkOnly => (StatusCode::CONFLICT, "network_only"),
        Refusal::DelegationOver => (StatusCode::FORBIDDEN, "delegation_over"),
        Refusal::RecordGap { .. } => (StatusCode::CONFLICT, "record_gap"),
        Refusal::TrialNotOffered => (StatusCode::FORBIDDEN, "trial_not_offered"),
        Refusal::TrialOver => (StatusCode::FORBIDDEN, "trial_over"),
        Refusal::TrialUsed => (StatusCode::CONFLICT, "trial_used"),
        Refusal::TrialConverted => (StatusCode::CONFLICT, "trial_converted"),
        Refusal::DeviceDuplicate => (StatusCode::CONFLICT, "device_duplicate"),
        Refusal::TooManyMoves { .. } => (StatusCode::CONFLICT, "too_many_moves"),
        Refusal::LongTermOff => (StatusCode::CONFLICT, "long_term_off"),
        Refusal::ActivationReturned => (StatusCode::GONE, "activation_returned"),
        Refusal::FeatureOff => (StatusCode::FORBIDDEN, "feature_off"),
        Refusal::WrongFeatureKind => (StatusCode::CONFLICT, "wrong_feature_kind"),
        Refusal::NotHeld { .. } => (StatusCode::CONFLICT, "not_held"),
        Refusal::NoneFree => (StatusCode::CONFLICT, "none_free"),
        Refusal::BadCertificate(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad_certificate"),
        Refusal::StaleCertificate => (StatusCode::CONFLICT, "stale_certificate"),
        Refusal::AlreadySuspended => (StatusCode::CONFLICT, "already_suspended"),
        Refusal::NotSuspended => (StatusCode::CONFLICT, "not_suspended"),
        Refusal::OperationRunning => (StatusCode::CONFLICT, "operation_running"),
        Refusal::NotAccepted { .. } => (StatusCode::CONFLICT, "not_accepted"),
        Refusal::NotOffered => (StatusCode::FORBIDDEN, "not_offered"),
        Refusal::NotTrial => (StatusCode::CONFLICT, "not_trial"),
        Refusal::ExtendedOften { .. } => (StatusCode::CONFLICT, "extended_often"),
        Refusal::Unchanged { .. } => (StatusCode::CONFLICT, "unchanged"),
        Refusal::NotExchangeable => (StatusCode::CONFLICT, "not_exchangeable"),
        Refusal::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
    }
}

fn unknown(noun: Noun) -> &'static str {
    match noun {
        Noun::Account => "account_unknown",
        Noun::User => "user_unknown",
        Noun::ApiKey => "api_key_unknown",
        Noun::Hold => "hold_unknown",
        Noun::Product => "product_unknown",
        Noun::Feature => "feature_unknown",
        Noun::FeatureGroup => "feature_group_unknown",
        Noun::NamedValue => "named_value_unknown",
        Noun::ServerFunction => "server_function_unknown",
        Noun::PriceCategory => "price_category_unknown",
        Noun::PriceList => "price_list_unknown",
        Noun::Statement => "statement_unknown",
        Noun::Reconciliation => "reconciliation_unknown",
        Noun::RememberedName => "remembered_name_unknown",
        Noun::Profile => "profile_unknown",
        Noun::Reseller => "reseller_unknown",
        Noun::License => "license_unknown",
        Noun::Note => "note_unknown",
        Noun::Device => "device_unknown",
        Noun::Activation => "activation_unknown",
        Noun::Trial => "trial_unknown",
        Noun::SystemReport => "system_report_unknown",
        Noun::Group => "group_unknown",
        Noun::EndUser => "end_user_unknown",
        Noun::SigningKey => "signing_key_unknown",
        Noun::StoredText => "stored_text_unknown",
        Noun::Daemon => "daemon_unknown",
        Noun::Meter => "meter_unknown",
        Noun::Mail => "mail_unknown",
        Noun::OrderRequest => "order_request_unknown",
        Noun::Operation => "operation_unknown",
        Noun::Agreement => "agreement_unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_wherever_it_stands() {
        let sent = json!({ "name": "x", "terms": { "a/b": [ {}, { "term_days": 1 } ] } });
        assert_eq!(pointer_to(&sent, "name").as_deref(), Some("/name"));
        assert_eq!(pointer_to(&sent, "term_days").as_deref(), Some("/terms/a~1b/1/term_days"));
        assert_eq!(pointer_to(&sent, "missing"), None);
    }

    #[test]
    fn codes_read_as_titles() {
        assert_eq!(title("no_seat"), "No seat");
        assert_eq!(sentence("all 3 are taken"), "All 3 are taken.");
    }
}
