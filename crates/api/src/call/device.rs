//! Calls by installed copies.

use super::head::idempotency_key;
use super::{Bearer, Head, NoQuery, body, query};
use crate::problem::Problem;
use crate::reply::{Reply, once};
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use lessor_core::device::DeviceCredential;
use lessor_core::idempotency::RequestKey;
use lessor_core::{ActivationId, Actor, App, Caller, Context, Error, Tx};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// A call by a copy that has nothing to show yet.
pub(crate) struct Device<B> {
    pub head: Head,
    pub body: B,
    sent: Value,
    key: Option<RequestKey>,
}

impl<B: DeserializeOwned> FromRequest<App> for Device<B> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, rest) = request.into_parts();
        let head = Head::of(&parts, app);
        Self::take(head, Request::from_parts(parts, rest)).await
    }
}

impl<B: DeserializeOwned> Device<B> {
    async fn take(head: Head, request: Request) -> Result<Self, Problem> {
        let NoQuery {} = query::typed(&head)?;
        let key = idempotency_key(&head.trace, request.headers())?;
        let sent = body::receive(&head, request).await?;
        let body = body::typed(&head, &sent.value)?;
        let key = key.map(|key| {
            let secret = match &head.bearer {
                Bearer::Given(secret) => secret.as_str(),
                Bearer::Absent | Bearer::Broken => "",
            };
            // Whoever presents another secret is another caller, and is not answered from what this one was told.
            let caller = head.app.secret().mac("idempotency-device", &[secret.as_bytes()]);
            let parts = [head.method.as_str().as_bytes(), head.trace.path.as_bytes(), &sent.bytes];
            RequestKey {
                caller: lessor_lease::to_hex(&caller[..16]),
                route: format!("{} {}", head.method, head.route),
                key,
                fingerprint: head.app.secret().mac("idempotency", &parts),
            }
        });
        Ok(Self { head, body, sent: sent.value, key })
    }
}

impl<B: Send + Sync + 'static> Device<B> {
    /// Runs the command and answers.
    pub async fn run<F>(self, effect: F) -> Result<Response, Problem>
    where
        F: Fn(&mut dyn Tx, &Context<'_>, &B) -> Result<Reply, Error> + Send + 'static,
    {
        self.run_and_show(effect, Ok).await
    }

    /// Runs the command and shows what came of it, once it is durable and nothing is locked any more. Only where the
    /// answer has to be kept for a repeat is it made before.
    pub async fn run_and_show<T, F>(self, effect: F, show: fn(T) -> Result<Reply, Error>) -> Result<Response, Problem>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>, &B) -> Result<T, Error> + Send + 'static,
    {
        let caller = caller(&self.head);
        let Self { head, body, sent, key } = self;
        let done = match key {
            Some(key) => {
                let kept =
                    move |tx: &mut dyn Tx, cx: &Context<'_>| once(tx, cx, &key, |tx| show(effect(tx, cx, &body)?));
                head.app.write(&caller, kept).await
            }
            None => {
                let done = head.app.write(&caller, move |tx, cx| effect(tx, cx, &body)).await;
                done.and_then(show).map(|reply| (reply, false))
            }
        };
        let (reply, replayed) = done.map_err(|error| Problem::from_core(&head.trace, &error, Some(&sent)))?;
        Ok(reply.answer_once(&head.app, replayed))
    }

    pub fn problem(&self, error: &Error) -> Problem {
        Problem::from_core(&self.head.trace, error, Some(&self.sent))
    }
}

/// A copy as a caller: what it may do, the commands find out themselves.
pub(crate) fn caller(head: &Head) -> Caller {
    Caller { actor: Arc::new(Actor::device()), request: head.trace.request }
}

/// A call by a copy that is activated and proves it.
pub(crate) struct Holder<B> {
    call: Device<B>,
    secret: String,
}

impl<B: DeserializeOwned> FromRequest<App> for Holder<B> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, rest) = request.into_parts();
        let head = Head::of(&parts, app);
        let secret = match head.bearer.clone() {
            Bearer::Given(secret) => secret,
            Bearer::Absent => return Err(Problem::unauthenticated(&head.trace, false)),
            Bearer::Broken => return Err(Problem::unauthenticated(&head.trace, true)),
        };
        let call = Device::take(head, Request::from_parts(parts, rest)).await?;
        Ok(Self { call, secret })
    }
}

impl<B: Send + Sync + 'static> Holder<B> {
    /// Runs the command for the activation of the path and answers.
    pub async fn run<F>(self, activation: &str, effect: F) -> Result<Response, Problem>
    where
        F: Fn(&mut dyn Tx, &Context<'_>, &DeviceCredential, &B) -> Result<Reply, Error> + Send + 'static,
    {
        self.run_and_show(activation, effect, Ok).await
    }

    /// As [`Device::run_and_show`], for the activation of the path.
    pub async fn run_and_show<T, F>(
        self,
        activation: &str,
        effect: F,
        show: fn(T) -> Result<Reply, Error>,
    ) -> Result<Response, Problem>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>, &DeviceCredential, &B) -> Result<T, Error> + Send + 'static,
    {
        let Some(activation) = ActivationId::parse(activation) else {
            return Err(Problem::unauthenticated(&self.call.head.trace, true));
        };
        let credential = DeviceCredential { activation, secret: self.secret };
        self.call.run_and_show(move |tx, cx, body| effect(tx, cx, &credential, body), show).await
    }
}
