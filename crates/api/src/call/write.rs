//! Operations that change something: once for each idempotency key, on condition, or only as a rehearsal.

use super::head::idempotency_key;
use super::{Flag, Head, body, query, signed_in};
use crate::problem::{Fault, Problem, Trace};
use crate::reply::{Reply, once};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, header};
use lessor_core::idempotency::RequestKey;
use lessor_core::{App, Caller, Context, Error, Noun, Refusal, Tx};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteQuery {
    #[serde(default)]
    dry_run: Flag,
}

/// A change by a known caller.
pub(crate) struct Write<B> {
    pub head: Head,
    pub caller: Caller,
    pub condition: Condition,
    pub body: B,
    pub dry_run: bool,
    pub key: Option<RequestKey>,
    sent: Value,
}

impl<B: DeserializeOwned> FromRequest<App> for Write<B> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, rest) = request.into_parts();
        let head = Head::of(&parts, app);
        let caller = signed_in(&head).await?;
        let WriteQuery { dry_run: Flag(dry_run) } = query::typed(&head)?;
        let condition = Condition::of(&head.trace, &parts.headers)?;
        let key = idempotency_key(&head.trace, &parts.headers)?;
        let sent = body::receive(&head, Request::from_parts(parts, rest)).await?;
        let body = body::typed(&head, &sent.value)?;
        let key = key.map(|key| {
            let parts = [head.method.as_str().as_bytes(), head.trace.path.as_bytes(), &sent.bytes];
            RequestKey {
                // One credential cannot read what another one was answered.
                caller: format!("{}/{}", caller.actor.account, caller.actor.who),
                route: format!("{} {}", head.method, head.route),
                key,
                fingerprint: app.secret().mac("idempotency", &parts),
            }
        });
        Ok(Self { head, caller, condition, body, sent: sent.value, dry_run, key })
    }
}

impl<B: Send + Sync + 'static> Write<B> {
    /// Runs the command and answers.
    pub async fn run<F>(self, effect: F) -> Result<Response, Problem>
    where
        F: Fn(&mut dyn Tx, &Context<'_>, &Self) -> Result<Reply, Error> + Send + 'static,
    {
        let call = Arc::new(self);
        let (app, inner) = (call.head.app.clone(), Arc::clone(&call));
        if call.dry_run {
            let rehearsed = app.rehearse(&call.caller, move |tx, cx| effect(tx, cx, &inner)).await;
            return Ok(rehearsed.map_err(|error| call.problem(&error))?.answer_rehearsed(&app));
        }
        let done = app
            .write(&call.caller, move |tx, cx| match &inner.key {
                Some(key) => once(tx, cx, key, |tx| effect(tx, cx, &inner)),
                None => Ok((effect(tx, cx, &inner)?, false)),
            })
            .await;
        let (reply, replayed) = done.map_err(|error| call.problem(&error))?;
        Ok(reply.answer_once(&app, replayed))
    }

    pub fn problem(&self, error: &Error) -> Problem {
        Problem::from_core(&self.head.trace, error, Some(&self.sent))
    }
}

/// What `If-Match` asks for. Of an entity tag it is the version that counts, which is what stands before the first `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing.
    None,
    /// That there is a record.
    Exists,
    /// That it is at one of these versions.
    Versions(Vec<i64>),
}

impl FromRequestParts<App> for Condition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Self::of(&Head::of(parts, app).trace, &parts.headers)
    }
}

impl Condition {
    fn of(trace: &Trace, headers: &HeaderMap) -> Result<Self, Problem> {
        let values: Vec<_> = headers.get_all(header::IF_MATCH).iter().collect();
        if values.is_empty() {
            return Ok(Self::None);
        }
        let mut versions = Vec::new();
        for value in values {
            let text = value.to_str().unwrap_or_default().trim();
            if text == "*" {
                return Ok(Self::Exists);
            }
            for tag in text.split(',').map(str::trim) {
                let opaque = tag.strip_prefix("W/").unwrap_or(tag);
                let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(|| {
                    let detail = "it is `*` or a list of entity tags in quotes".to_owned();
                    Problem::invalid(trace, Fault::Header("If-Match", detail))
                })?;
                // A weak or foreign tag matches nothing.
                let version = inner.split('-').next().and_then(|version| version.parse::<i64>().ok());
                versions.extend(version.filter(|_| opaque == tag));
            }
        }
        Ok(Self::Versions(versions))
    }

    /// Must the record be looked at before it is changed?
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Versions(_))
    }

    /// The versions that are asked for; `None` is any.
    pub fn versions(self) -> Option<Vec<i64>> {
        match self {
            Self::None | Self::Exists => None,
            Self::Versions(versions) => Some(versions),
        }
    }

    /// Refuses a record that is at another version than the caller asks for.
    pub fn check(&self, version: i64, noun: Noun) -> Result<(), Error> {
        match self {
            Self::None | Self::Exists => Ok(()),
            Self::Versions(versions) if versions.contains(&version) => Ok(()),
            Self::Versions(_) => Err(Refusal::Stale(noun).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use lessor_core::RequestId;

    fn condition(text: &'static str) -> Option<Condition> {
        let trace = Trace { request: RequestId(uuid::Uuid::nil()), path: String::new() };
        Condition::of(&trace, &HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(text))])).ok()
    }

    #[test]
    fn a_condition_is_about_versions() {
        assert_eq!(condition("*"), Some(Condition::Exists));
        assert_eq!(condition("\"3-ab\", \"4\""), Some(Condition::Versions(vec![3, 4])));
        assert_eq!(condition("W/\"3-ab\""), Some(Condition::Versions(vec![])));
        assert_eq!(condition("3"), None);
        assert!(Condition::Versions(vec![3]).check(3, Noun::Account).is_ok());
        assert!(Condition::Versions(vec![]).check(3, Noun::Account).is_err());
    }
}
