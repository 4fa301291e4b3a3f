//! Errors as the dialect says them: a bare JSON string `"Error: <reason>. <Action> Failed"` with a status. Every refusal of the
//! core has its line here; a new one breaks the build.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use lessor_core::{Error, Noun, Refusal, StoreError};

/// What is wrong, before it is known which call it happened in.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// One reason, naming the field as documented.
    pub reason: String,
    /// After how many seconds it makes sense to come again.
    pub retry_after: Option<u32>,
    /// The verbs a controller has, for a verb it does not have.
    pub allow: Option<String>,
}

/// No reason is longer: it may quote what came in.
const MAX_REASON: usize = 200;

impl Problem {
    /// A problem of some status.
    pub fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        let reason = reason.chars().take(MAX_REASON).collect();
        Self { status, reason, retry_after: None, allow: None }
    }

    /// 400 for this reason.
    pub fn bad(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// 400: the input cannot be what it is.
    pub fn invalid(field: &str) -> Self {
        Self::bad(format!("Invalid {field}"))
    }

    /// 400: the input has to be there.
    pub fn missing(field: &str) -> Self {
        Self::bad(format!("Missing {field}"))
    }

    /// 400: the whole body or query cannot be read.
    pub fn incorrect_data() -> Self {
        Self::bad("Incorrect Data")
    }

    /// 401.
    pub fn not_authorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Not Authorized")
    }

    /// 403: a good key of a type that this call does not take.
    pub fn wrong_key_type() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Access Denied For This Key Type")
    }

    /// 404 for a kind of record.
    pub fn not_found(entity: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{entity} Not Found"))
    }

    fn conflict(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, reason)
    }

    fn later(status: StatusCode, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(status, "Internal Error") }
    }

    /// What is said for a reason, naming what failed.
    pub fn text(reason: &str, action: &str) -> String {
        format!("Error: {reason}. {action} Failed")
    }

    /// The answer, naming what failed (`Updating License Code`).
    pub fn into_response(self, action: &str) -> Response {
        let text = Self::text(&self.reason, action);
        let mut response = Response::new(Body::from(serde_json::Value::String(text).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(verbs) = self.allow.and_then(|verbs| HeaderValue::try_from(verbs).ok()) {
            headers.insert(header::ALLOW, verbs);
        }
        response
    }
}

/// Names of fields: the core's word and the documented one.
pub type Names = &'static [(&'static str, &'static str)];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::of(error, &[])
    }
}

impl Problem {
    /// What the core said, with the documented names of fields that mean something else in other calls.
    pub fn of(error: Error, names: Names) -> Self {
        match error {
            Error::Refused(refusal) => Self::refused(refusal, names),
            Error::Forbidden => Self::new(StatusCode::FORBIDDEN, "Not Authorized"),
            Error::Unauthenticated => Self::not_authorized(),
            Error::Store(error) => error.into(),
        }
    }

    fn refused(refusal: Refusal, names: Names) -> Self {
        match refusal {
            Refusal::NotFound(noun) => missing_record(noun),
            // A code among many is only found again by its name.
            Refusal::Taken { noun: Noun::License, name } => {
                Self::conflict(format!("License Code {name} Already Exists"))
            }
            Refusal::Taken { noun, name: _ } => Self::conflict(format!("{} Already Exists", entity(noun))),
            Refusal::Malformed { field, reason: _ } => Self::invalid(documented(field, names)),
            Refusal::Missing { field } => Self::missing(documented(field, names)),
            Refusal::OutOfRange { field, min: _, max: _ } => Self::invalid(documented(field, names)),
            Refusal::MisplacedAccount { child: _, parent: _ }
            | Refusal::MoveIntoOwnBranch
            | Refusal::MoveOutOfTenant => Self::invalid("reseller"),
            Refusal::Closed(noun) => missing_record(noun),
            Refusal::Stale(noun) => Self::conflict(format!("{} Changed Meanwhile", entity(noun))),
            Refusal::InUse(noun) => Self::conflict(format!("{} In Use", entity(noun))),
            Refusal::InOtherGroup => Self::conflict("License Code In Another Group"),
            Refusal::LastKey => Self::conflict("Last WebAPI READ-WRITE Key"),
            Refusal::OwnKey => Self::conflict("API Key In Use"),
            Refusal::BadCredentials => Self::bad("Invalid Credentials"),
            Refusal::TooManyTries { seconds } => {
                Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests") }
            }
            Refusal::ProductInactive => Self::conflict("-110 Product Inactive"),
            Refusal::TrialNotOffered => Self::conflict("-111 Invalid Trial Period"),
            Refusal::TrialUsed => Self::conflict("-112 Trial Refused"),
            Refusal::TrialOver => Self::conflict("-113 Trial Expired"),
            Refusal::Held => Self::conflict("-114 License Code Inactive"),
            Refusal::NoSeat { limit: _, concurrent: false } => Self::conflict("-115 Allowed Activations Exceeded"),
            Refusal::NoSeat { limit: _, concurrent: true } | Refusal::NetworkOnly => {
                Self::conflict("-50 No License Available")
            }
            Refusal::TermOver | Refusal::DelegationOver => Self::conflict("-116 Subscription Expired"),
            Refusal::RecordGap { expected: _ } => Self::conflict("Incorrect Data"),
            Refusal::TooManyMoves { limit: _, days: _ } => Self::conflict("-115 Allowed Activations Exceeded"),
            Refusal::LongTermOff => Self::conflict("Feature Not Authorized"),
            Refusal::DeviceDuplicate => Self::conflict("-117 Duplicate Computer"),
            Refusal::ActivationReturned => Self::conflict("-6 License Returned"),
            Refusal::TrialConverted => Self::conflict("Trial Activated"),
            Refusal::FeatureOff => Self::conflict("Feature Not Authorized"),
            Refusal::WrongFeatureKind => Self::invalid("limit"),
            Refusal::NotHeld { held: _ } => Self::conflict("Not Checked Out"),
            Refusal::NoneFree => Self::new(StatusCode::NOT_FOUND, "No License Codes Available"),
            Refusal::BadCertificate(_) => Self::bad("Invalid Certificate"),
            Refusal::StaleCertificate => Self::bad("Certificate Too Old"),
            Refusal::KeyReused
            | Refusal::AlreadySuspended
            | Refusal::NotSuspended
            | Refusal::OperationRunning
            | Refusal::NotAccepted { agreement: _ }
            | Refusal::NotOffered
            | Refusal::NotTrial
            | Refusal::ExtendedOften { limit: _ }
            | Refusal::Unchanged { field: _ }
            | Refusal::NotExchangeable => Self::conflict("Incorrect Data"),
        }
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
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "Internal Error")
            }
            StoreError::Unique(_) => Self::conflict("Already Exists"),
            StoreError::Broken(_)
            | StoreError::Column { .. }
            | StoreError::Panicked(_)
            | StoreError::Statement { .. } => {
                tracing::error!(%error, "a call failed inside");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Error")
            }
        }
    }
}

/// What is told of a record that is not there. Resellers and server functions are made by native administration alone, so
/// that an unknown one is a bad value rather than a missing record.
fn missing_record(noun: Noun) -> Problem {
    match noun {
        Noun::Reseller => Problem::invalid("reseller"),
        Noun::ServerFunction => Problem::invalid("functionName"),
        Noun::SystemReport => Problem::new(StatusCode::NOT_FOUND, "No System Info Data"),
        Noun::Account
        | Noun::User
        | Noun::ApiKey
        | Noun::Hold
        | Noun::Product
        | Noun::Feature
        | Noun::FeatureGroup
        | Noun::NamedValue
        | Noun::PriceCategory
        | Noun::Profile
        | Noun::License
        | Noun::Note
        | Noun::Device
        | Noun::Activation
        | Noun::Trial
        | Noun::Group
        | Noun::EndUser
        | Noun::SigningKey
        | Noun::StoredText
        | Noun::Daemon
        | Noun::PriceList
        | Noun::Statement
        | Noun::Reconciliation
        | Noun::RememberedName
        | Noun::Mail
        | Noun::Operation
        | Noun::OrderRequest
        | Noun::Agreement
        | Noun::Meter => Problem::not_found(entity(noun)),
    }
}

/// The dialect's word for a kind of record.
fn entity(noun: Noun) -> &'static str {
    match noun {
        Noun::Account => "Company",
        Noun::User => "User",
        Noun::ApiKey => "API Key",
        Noun::Hold => "Hold",
        Noun::Product => "Product",
        Noun::Feature => "Feature",
        Noun::FeatureGroup => "Feature Group",
        Noun::NamedValue => "Application Agility",
        Noun::ServerFunction => "Server Function",
        Noun::PriceCategory => "Price Category",
        Noun::PriceList => "Price List",
        Noun::Statement => "Statement",
        Noun::Reconciliation => "Reconciliation",
        Noun::RememberedName => "RememberedName",
        Noun::Profile => "Profile",
        Noun::Reseller => "Reseller",
        Noun::License => "License Code",
        Noun::Note => "Note",
        Noun::Device => "Computer",
        Noun::Activation => "Activation",
        Noun::Trial => "Trial",
        Noun::SystemReport => "System Info",
        Noun::Group => "Group",
        Noun::EndUser => "Group User",
        Noun::SigningKey => "Signing Key",
        Noun::StoredText => "Secure Store",
        Noun::Daemon => "Daemon",
        Noun::Meter => "Meter",
        Noun::Mail => "Mail",
        Noun::Operation => "Operation",
        Noun::OrderRequest => "Order Request",
        Noun::Agreement => "Agreement",
    }
}

/// The documented name of a field that the core names in its own words; the core's word where the dialect has none.
fn documented(field: &'static str, names: Names) -> &'static str {
    let by_name = |names: Names| names.iter().find(|(core, _)| *core == field).map(|(_, name)| *name);
    by_name(names).or_else(|| by_name(NAMES)).unwrap_or(field)
}

const NAMES: Names = &[
    ("name", "productName"),
    ("trial_days", "trialPeriod"),
    ("online_lease_hours", "clientLeasePeriod"),
    ("virtual_lease_hours", "vmLeasePeriod"),
    ("offline_lease_hours", "clientOfflineLeasePeriod"),
    ("term_days", "subscriptionPeriod"),
    ("term_end", "subscriptionEndDate"),
    ("maintenance_end", "maintenanceEndDate"),
    ("activation_limit", "clientsAllowed"),
    ("process_limit", "concurrentProcesses"),
    ("concurrency", "concurrencyMode"),
    ("network_seats", "networkSeats"),
    ("heartbeat_minutes", "heartBeat"),
    ("feature group", "featureGroupName"),
    ("new feature group", "newFeatureGroupName"),
    ("feature code", "featureCode"),
    ("feature name", "featureName"),
    ("in_trials", "availableInTrials"),
    ("value name", "name"),
    ("new value name", "newName"),
    ("values", "applicationAgility"),
    ("functions", "serverFunctions"),
    ("parameter", "parameterValue"),
    ("profile name", "profileName"),
    ("order", "orderId"),
    ("codes", "numCodes"),
    ("code", "licenseCodes"),
    ("note", "description"),
    ("label", "description"),
    ("rights", "keyType"),
    ("checked_out", "checkedOutTokens"),
    ("fingerprint", "computerId"),
    ("device", "computerId"),
    ("license code", "licenseCode"),
    ("consumer", "clientInfo"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(error: impl Into<Error>) -> u16 {
        Problem::from(error.into()).status.as_u16()
    }

    #[test]
    fn a_refusal_of_the_domain_is_never_an_error_of_the_server() {
        let refusals = [
            Refusal::NotFound(Noun::License),
            Refusal::Taken { noun: Noun::Product, name: "x".into() },
            Refusal::Malformed { field: "limit", reason: String::new() },
            Refusal::Missing { field: "term_days" },
            Refusal::OutOfRange { field: "term_days", min: 1, max: 2 },
            Refusal::MisplacedAccount { child: "partner", parent: "customer" },
            Refusal::Closed(Noun::Account),
            Refusal::InUse(Noun::Account),
            Refusal::LastKey,
            Refusal::OwnKey,
            Refusal::BadCredentials,
            Refusal::TooManyTries { seconds: 3 },
            Refusal::Held,
            Refusal::NoSeat { limit: 1, concurrent: true },
            Refusal::NoneFree,
            Refusal::BadCertificate("x".into()),
            Refusal::WrongFeatureKind,
        ];
        for refusal in refusals {
            let status = status_of(refusal.clone());
            assert!((400..500).contains(&status), "{refusal:?} {status}");
        }
    }

    #[test]
    fn fields_are_told_by_their_documented_names() {
        let reason = |refusal: Refusal| Problem::from(Error::from(refusal)).reason;
        assert_eq!(reason(Refusal::Missing { field: "term_days" }), "Missing subscriptionPeriod");
        assert_eq!(reason(Refusal::OutOfRange { field: "heartbeat_minutes", min: 5, max: 1440 }), "Invalid heartBeat");
        assert_eq!(reason(Refusal::NotFound(Noun::Reseller)), "Invalid reseller");
        assert_eq!(reason(Refusal::NotFound(Noun::License)), "License Code Not Found");
        let taken = Refusal::Taken { noun: Noun::License, name: "123".into() };
        assert_eq!(reason(taken), "License Code 123 Already Exists");
        let other = Problem::of(Error::malformed("name", ""), &[("name", "company")]);
        assert_eq!(other.reason, "Invalid company");
    }

    #[test]
    fn storage_that_cannot_just_now_is_worth_another_try() {
        let busy = Problem::from(StoreError::Busy);
        assert_eq!((busy.status.as_u16(), busy.retry_after), (503, Some(1)));
        assert_eq!(status_of(StoreError::Full), 507);
        assert_eq!(status_of(StoreError::Panicked("secret".into())), 500);
        assert_eq!(Problem::from(StoreError::Panicked("secret".into())).reason, "Internal Error");
    }

    #[test]
    fn the_answer_is_a_bare_text_that_names_what_failed() {
        let body = |problem: Problem| {
            let text = format!("Error: {}. Updating License Code Failed", problem.reason);
            (problem.into_response("Updating License Code"), text)
        };
        let (response, _) = body(Problem::not_authorized());
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "bearer");
        let (response, _) = body(Problem::from(Error::from(Refusal::TooManyTries { seconds: 7 })));
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        let long = Problem::bad("x".repeat(10_000));
        assert_eq!(long.reason.len(), MAX_REASON);
    }
}
