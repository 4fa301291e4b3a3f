//! What the listener itself refuses, before or instead of a handler.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

/// Why a request was not handled. Closed: whoever renders one renders all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The path is no percent-encoded UTF-8, or path or query hold U+0000.
    PathMalformed,
    /// The body ended early or its framing is broken.
    BodyBroken,
    /// Path and query are too long.
    UriTooLong,
    /// The headers are too large.
    HeadersTooLarge,
    /// The body is too large.
    BodyTooLarge,
    /// The body did not come in time.
    BodyLate,
    /// No such address.
    NotFound,
    /// The address knows other verbs.
    WrongVerb,
    /// The server has its hands full.
    Busy,
    /// The handler did not answer in time.
    HandlerLate,
    /// The handler broke.
    Internal,
}

impl Refusal {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Refusal::PathMalformed | Refusal::BodyBroken => StatusCode::BAD_REQUEST,
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::WrongVerb => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::BodyLate => StatusCode::REQUEST_TIMEOUT,
            Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::UriTooLong => StatusCode::URI_TOO_LONG,
            Refusal::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Refusal::Busy | Refusal::HandlerLate => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A word that stays the same for programs to branch on.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::PathMalformed => "path_malformed",
            Refusal::BodyBroken => "body_broken",
            Refusal::UriTooLong => "uri_too_long",
            Refusal::HeadersTooLarge => "headers_too_large",
            Refusal::BodyTooLarge => "body_too_large",
            Refusal::BodyLate => "body_late",
            Refusal::NotFound => "not_found",
            Refusal::WrongVerb => "wrong_verb",
            Refusal::Busy => "busy",
            Refusal::HandlerLate => "handler_late",
            Refusal::Internal => "internal",
        }
    }

    /// A sentence for people.
    pub fn detail(self) -> &'static str {
        match self {
            Refusal::PathMalformed => "The address is not percent-encoded UTF-8 text.",
            Refusal::BodyBroken => "The body ended early or is framed wrongly.",
            Refusal::UriTooLong => "The path and query are too long.",
            Refusal::HeadersTooLarge => "The headers are too large.",
            Refusal::BodyTooLarge => "The body is too large.",
            Refusal::BodyLate => "The body did not arrive in time.",
            Refusal::NotFound => "There is nothing at this address.",
            Refusal::WrongVerb => "This address does not know this verb.",
            Refusal::Busy => "The server is busy. Try again in a moment.",
            Refusal::HandlerLate => "The answer took too long. Whether the request had an effect is not known.",
            Refusal::Internal => "Something went wrong on our side.",
        }
    }

    /// Whether what is left of the request cannot be told apart from the next one.
    pub fn ends_connection(self) -> bool {
        matches!(self, Refusal::BodyBroken | Refusal::BodyTooLarge | Refusal::BodyLate)
    }
}

/// How an API words a refusal for a path.
pub type Render = fn(path: &str, refusal: Refusal) -> Response;

/// RFC 9457 problem details: the form of the native and device APIs and of everything that has no form of its own.
pub fn problem(_path: &str, refusal: Refusal) -> Response {
    let status = refusal.status();
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": refusal.detail(),
        "code": refusal.code(),
    });
    respond(status, "application/problem+json", body.to_string())
}

/// A bare JSON string: the form of the dialect under `/api/v2`.
pub fn json_string(_path: &str, refusal: Refusal) -> Response {
    let reason = match refusal {
        Refusal::Internal => "Internal Error",
        Refusal::Busy | Refusal::HandlerLate => "Server Busy",
        Refusal::NotFound => "Not Found",
        Refusal::WrongVerb => "Method Not Allowed",
        Refusal::BodyTooLarge => "Request Too Large",
        Refusal::UriTooLong | Refusal::HeadersTooLarge => "Request Header Too Large",
        Refusal::BodyLate => "Request Timeout",
        Refusal::PathMalformed | Refusal::BodyBroken => "Incorrect Data",
    };
    respond(refusal.status(), "application/json", format!("\"Error: {reason}. Handling Request Failed\""))
}

/// An area, a cause and its name: the form of the dialect under `/api`.
pub fn numbered(_path: &str, refusal: Refusal) -> Response {
    let (cause, name) = match refusal {
        Refusal::NotFound => (1, "PageNotFound"),
        Refusal::Busy | Refusal::HandlerLate => (1001, "ServiceIsNotReady"),
        Refusal::Internal => (1002, "InternalError"),
        Refusal::WrongVerb => (1003, "MethodNotAllowed"),
        Refusal::BodyTooLarge => (1006, "RequestTooLarge"),
        Refusal::UriTooLong | Refusal::HeadersTooLarge => (1007, "RequestHeaderTooLarge"),
        Refusal::BodyLate => (1008, "RequestTimeout"),
        Refusal::PathMalformed | Refusal::BodyBroken => (1009, "RequestMalformed"),
    };
    let body = serde_json::json!({ "code": 99, "subCode": cause, "message": name });
    respond(refusal.status(), "application/json", body.to_string())
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_from_one_another() {
        let all = [
            Refusal::PathMalformed,
            Refusal::BodyBroken,
            Refusal::UriTooLong,
            Refusal::HeadersTooLarge,
            Refusal::BodyTooLarge,
            Refusal::BodyLate,
            Refusal::NotFound,
            Refusal::WrongVerb,
            Refusal::Busy,
            Refusal::HandlerLate,
            Refusal::Internal,
        ];
        let codes: std::collections::BTreeSet<_> = all.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), all.len());
    }
}
