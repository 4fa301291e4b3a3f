//! Operations that only look, and those that anybody may call.

use super::{Head, NoQuery, body, query, signed_in};
use crate::problem::Problem;
use crate::reply::Reply;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, header};
use lessor_core::{App, Caller, Context, Error, Tx};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A look by a known caller.
pub(crate) struct Read<Q = NoQuery> {
    pub head: Head,
    pub caller: Caller,
    pub query: Q,
    known: Vec<HeaderValue>,
}

impl<Q: DeserializeOwned> FromRequestParts<App> for Read<Q> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let head = Head::of(parts, app);
        let caller = signed_in(&head).await?;
        let query = query::typed(&head)?;
        let known = parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect();
        Ok(Self { head, caller, query, known })
    }
}

impl<Q: Send + Sync + 'static> Read<Q> {
    /// Runs the query and answers, with 304 where the caller has the same already.
    pub async fn run<F>(self, look: F) -> Result<Response, Problem>
    where
        F: Fn(&mut dyn Tx, &Context<'_>, &Q) -> Result<Reply, Error> + Send + 'static,
    {
        let Self { head, caller, query, known } = self;
        let found = head.app.read(&caller, move |tx, cx| look(tx, cx, &query)).await;
        let reply = found.map_err(|error| head.core_problem(&error))?;
        Ok(reply.answer(&head.app, &known))
    }
}

/// A call by anybody.
pub(crate) struct Open<B> {
    pub head: Head,
    pub sent: Value,
    pub body: B,
}

impl<B: DeserializeOwned> FromRequest<App> for Open<B> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, rest) = request.into_parts();
        let head = Head::of(&parts, app);
        let NoQuery {} = query::typed(&head)?;
        let sent = body::receive(&head, Request::from_parts(parts, rest)).await?;
        let body = body::typed(&head, &sent.value)?;
        Ok(Self { head, sent: sent.value, body })
    }
}

impl<B> Open<B> {
    pub fn problem(&self, error: &Error) -> Problem {
        Problem::from_core(&self.head.trace, error, Some(&self.sent))
    }
}
