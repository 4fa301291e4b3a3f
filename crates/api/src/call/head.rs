//! The head of a request: which call it is, who calls, and with which idempotency key.

use crate::problem::{Fault, Problem, Trace};
use axum::extract::MatchedPath;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use lessor_core::identity;
use lessor_core::{App, Caller, Error};

/// Most characters of an idempotency key.
const MAX_KEY: usize = 255;

/// What was sent as `Authorization`.
#[derive(Clone)]
pub(crate) enum Bearer {
    /// Nothing that this API understands.
    Absent,
    /// A token, unread.
    Given(String),
    /// Something that begins like a bearer token and cannot be one.
    Broken,
}

/// The head of a request.
#[derive(Clone)]
pub(crate) struct Head {
    pub app: App,
    pub trace: Trace,
    pub method: Method,
    /// The path of the operation, its parameters unfilled.
    pub route: String,
    pub bearer: Bearer,
    pub query: String,
}

impl Head {
    pub fn of(parts: &Parts, app: &App) -> Self {
        let path = parts.uri.path().to_owned();
        let route = parts.extensions.get::<MatchedPath>().map_or_else(|| path.clone(), |path| path.as_str().to_owned());
        let request = parts.extensions.get().copied().unwrap_or_else(|| app.new_request());
        Self {
            app: app.clone(),
            trace: Trace { request, path },
            method: parts.method.clone(),
            route,
            bearer: bearer(&parts.headers),
            query: parts.uri.query().unwrap_or_default().to_owned(),
        }
    }

    /// For operations that take no query parameters.
    pub fn refuse_query(&self) -> Result<(), Problem> {
        super::query::typed::<super::NoQuery>(self).map(|_| ())
    }

    pub fn core_problem(&self, error: &Error) -> Problem {
        Problem::from_core(&self.trace, error, None)
    }
}

fn bearer(headers: &HeaderMap) -> Bearer {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Bearer::Absent };
    if all.next().is_some() {
        return Bearer::Broken;
    }
    let Ok(text) = value.to_str() else { return Bearer::Broken };
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Bearer::Given(token.trim().to_owned()),
        None if text.eq_ignore_ascii_case("bearer") => Bearer::Broken,
        _ => Bearer::Absent,
    }
}

/// Finds out who calls the native API.
pub(crate) async fn signed_in(head: &Head) -> Result<Caller, Problem> {
    let presented = match &head.bearer {
        Bearer::Absent => return Err(Problem::unauthenticated(&head.trace, false)),
        Bearer::Broken => return Err(Problem::unauthenticated(&head.trace, true)),
        Bearer::Given(presented) => presented,
    };
    let actor = identity::authenticate(&head.app, presented).await.map_err(|error| head.core_problem(&error))?;
    Ok(Caller { actor, request: head.trace.request })
}

/// The idempotency key, if one came.
pub(super) fn idempotency_key(trace: &Trace, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    const NAME: &str = "Idempotency-Key";
    let mut all = headers.get_all(NAME).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let fits =
        all.next().is_none() && (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|b| (32..127).contains(&b));
    if !fits {
        let detail = format!("it is one text of 1 to {MAX_KEY} printable ASCII characters");
        return Err(Problem::invalid(trace, Fault::Header(NAME, detail)));
    }
    Ok(Some(text.to_owned()))
}
