//! The operator's addresses: is it alive, is it ready, what has it counted.

use crate::refusal::problem;
use crate::site::Family;
use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use futures_util::future::BoxFuture;
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The family of these addresses.
pub const FAMILY: &str = "health";

/// Asks whatever the server stands on whether it works; the error is for the log.
pub type Probe = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Whether new requests should come here.
#[derive(Clone, Default)]
pub struct Readiness {
    draining: Arc<AtomicBool>,
    probe: Option<Probe>,
}

impl Readiness {
    /// Ready as long as the probe succeeds.
    pub fn probed_by(probe: Probe) -> Self {
        Self { draining: Arc::default(), probe: Some(probe) }
    }

    /// From now on the server is on its way out.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the server is on its way out.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    async fn check(&self) -> Result<(), String> {
        if self.is_draining() {
            return Err("draining".into());
        }
        match &self.probe {
            Some(probe) => probe().await,
            None => Ok(()),
        }
    }
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn family(readiness: Readiness, metrics: &'static PrometheusHandle) -> Family {
    let ready = move || {
        let readiness = readiness.clone();
        async move { answer_ready(readiness.check().await) }
    };
    let count = move || async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()) };
    let router = Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(count));
    Family::new(FAMILY, &["/healthz", "/readyz", "/metrics"], router, problem).with_fallbacks()
}

/// What belongs to no API: the start page, and refusals for the rest.
pub fn rest() -> Family {
    let router = Router::new().route("/", get(async || Redirect::temporary("/console/")));
    Family::new("rest", &[], router, problem).with_fallbacks()
}

fn answer_ready(state: Result<(), String>) -> Response {
    match state {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => {
            tracing::warn!(reason, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        }
    }
}
