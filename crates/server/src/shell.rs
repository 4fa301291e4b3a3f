//! What surrounds every handler, in one layer: request id, limits, deadlines, panics, metrics and the line in the log.
//!
//! Measured: these six things as six layers cost a third of the throughput, as one a few percent.

use crate::body;
use crate::health::Readiness;
use crate::refusal::Refusal;
use crate::settings::Limits;
use crate::site::{self, Family, Site};
use crate::telemetry::panic_text;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, header};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use uuid::Uuid;

/// The header that carries the request id, on the way in to handlers and on the way out to callers.
pub const REQUEST_ID: &str = "x-request-id";

/// Makes the ids of requests.
pub type RequestIds = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// Tells a handler the id of its request, in the form that the handlers agree on.
pub type Mark = fn(&mut http::Extensions, Uuid);

/// The site inside its one layer.
pub struct Shell {
    site: Site,
    meters: Vec<Meter>,
    in_flight: Gauge,
    panics: Counter,
    limits: Limits,
    readiness: Readiness,
    request_ids: RequestIds,
    mark: Mark,
    /// Room for bodies on their way in, in KiB.
    body_room: Semaphore,
}

/// One family's figures, looked up once.
struct Meter {
    by_class: [Counter; 6],
    seconds: Histogram,
}

impl Meter {
    fn new(family: &'static str) -> Self {
        let class = |class: &'static str| counter!("lessor_http_requests_total", "api" => family, "status" => class);
        Self {
            by_class: ["other", "1xx", "2xx", "3xx", "4xx", "5xx"].map(class),
            seconds: histogram!("lessor_http_request_seconds", "api" => family),
        }
    }

    fn count(&self, response: &Response, started: Instant) {
        let class = usize::from(response.status().as_u16() / 100);
        self.by_class.get(class).unwrap_or(&self.by_class[0]).increment(1);
        self.seconds.record(started.elapsed().as_secs_f64());
    }
}

/// Counts a request as running for as long as it lives, also when its client goes away.
struct Running<'a>(&'a Gauge);

impl<'a> Running<'a> {
    fn start(gauge: &'a Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl Shell {
    /// Puts the layer around a site.
    pub fn new(site: Site, limits: Limits, readiness: Readiness, request_ids: RequestIds, mark: Mark) -> Self {
        let meters = site.families().iter().map(|family| Meter::new(family.name)).collect();
        let body_room = Semaphore::new(body::kibibytes(limits.all_bodies_bytes) as usize);
        let (in_flight, panics) = (gauge!("lessor_http_in_flight"), counter!("lessor_http_panics_total"));
        Self { site, meters, in_flight, panics, limits, readiness, request_ids, mark, body_room }
    }

    /// The bounds that hold here.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether new requests should come here.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Answers one request, whatever it is.
    pub async fn answer<B>(&self, request: Request<B>, peer: SocketAddr) -> Response
    where
        B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let started = Instant::now();
        let _running = Running::start(&self.in_flight);
        let place = self.site.find(request.headers(), request.uri().path());
        let family = &self.site.families()[place];
        let trace = Trace::of(&request, (self.request_ids)());

        let handled = self.handle(family, request, &trace, peer);
        let outcome = match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => {
                self.panics.increment(1);
                tracing::error!(request_id = trace.id_text(), reason = panic_text(&*panic), "a handler panicked");
                Err(Refusal::Internal)
            }
        };
        let mut response = outcome.unwrap_or_else(|refusal| refuse(family, trace.uri.path(), refusal));
        trace.finish(family, &mut response, started);
        if self.readiness.is_draining() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        self.meters[place].count(&response, started);
        response
    }

    async fn handle<B>(
        &self,
        family: &Family,
        request: Request<B>,
        trace: &Trace,
        peer: SocketAddr,
    ) -> Result<Response, Refusal>
    where
        B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    {
        self.check_head(&request)?;
        let (mut parts, incoming) = request.into_parts();
        let limit = family.body_bytes.unwrap_or(self.limits.body_bytes);
        let body = body::receive(incoming, &parts.headers, limit, self.limits.body_time, &self.body_room).await?;
        parts.headers.insert(REQUEST_ID, trace.header());
        parts.extensions.insert(ConnectInfo(peer));
        (self.mark)(&mut parts.extensions, trace.id);
        let mut router = family.router.clone();
        let call = tower_service::Service::call(&mut router, Request::from_parts(parts, Body::from(body)));
        match timeout(self.limits.handler_time, call).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(never)) => match never {},
            Err(_) => Err(Refusal::HandlerLate),
        }
    }

    fn check_head<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let uri = request.uri();
        if uri.path_and_query().map_or(0, |whole| whole.as_str().len()) > self.limits.uri_bytes {
            return Err(Refusal::UriTooLong);
        }
        if header_bytes(request.headers()) > self.limits.header_bytes {
            return Err(Refusal::HeadersTooLarge);
        }
        // U+0000 has one spelling, and no text in storage can hold it.
        let holds_nul = uri.path_and_query().is_some_and(|whole| whole.as_str().contains("%00"));
        if holds_nul || !is_utf8_encoded(uri.path()) {
            return Err(Refusal::PathMalformed);
        }
        Ok(())
    }
}

/// What the log and the answer say about one request.
struct Trace {
    id: Uuid,
    verb: http::Method,
    uri: http::Uri,
    /// What the caller calls the request, when that is fit for a log.
    caller_id: Option<HeaderValue>,
}

impl Trace {
    fn of<B>(request: &Request<B>, id: Uuid) -> Self {
        let caller_id = request.headers().get(REQUEST_ID).filter(|value| is_sane_id(value.as_bytes())).cloned();
        Self { id, verb: request.method().clone(), uri: request.uri().clone(), caller_id }
    }

    fn id_text(&self) -> String {
        format!("req_{}", self.id.simple())
    }

    fn header(&self) -> HeaderValue {
        let mut text = [0; 36];
        text[..4].copy_from_slice(b"req_");
        self.id.simple().encode_lower(&mut text[4..]);
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("req_"))
    }

    fn finish(&self, family: &Family, response: &mut Response, started: Instant) {
        response.headers_mut().insert(REQUEST_ID, self.header());
        let status = response.status();
        if !status.is_server_error() {
            return;
        }
        let caller_id = self.caller_id.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("");
        let (request_id, call) = (self.id_text(), shown_call(family, self.uri.path()));
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (verb, status) = (self.verb.as_str(), status.as_u16());
        tracing::error!(request_id, caller_id, api = family.name, verb, call, status, milliseconds, "request failed");
    }
}

fn refuse(family: &Family, path: &str, refusal: Refusal) -> Response {
    counter!("lessor_http_refusals_total", "reason" => refusal.code()).increment(1);
    let mut response = (family.render)(path, refusal);
    if refusal.ends_connection() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if refusal == Refusal::Busy {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn is_sane_id(text: &[u8]) -> bool {
    let fit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.iter().all(fit)
}

/// The prefix and one name: what comes later may be a license code or somebody's name.
fn shown_call<'a>(family: &Family, path: &'a str) -> &'a str {
    let prefix =
        family.prefixes.iter().filter(|prefix| site::below(path, prefix)).map(|prefix| prefix.matches('/').count());
    let depth = prefix.max().unwrap_or(0) + 1;
    path.match_indices('/').nth(depth).map_or(path, |(end, _)| &path[..end])
}

/// Whether a path's `%xx` are well formed and spell UTF-8.
fn is_utf8_encoded(path: &str) -> bool {
    if !path.contains('%') {
        return true;
    }
    let mut plain = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => plain.push((high * 16 + low) as u8),
            _ => return false,
        }
    }
    std::str::from_utf8(&plain).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_must_spell_utf8() {
        for good in ["/v1/caf%C3%A9", "/v1/plain", "/a%2Fb"] {
            assert!(is_utf8_encoded(good), "{good}");
        }
        for bad in ["/v1/%ff", "/v1/%C3", "/v1/%", "/v1/%4", "/v1/%zz"] {
            assert!(!is_utf8_encoded(bad), "{bad}");
        }
    }

    #[test]
    fn logs_show_the_call_and_not_what_it_was_about() {
        let family = Family::new("x", &["/v1", "/api/v2"], axum::Router::new(), crate::refusal::problem);
        assert_eq!(shown_call(&family, "/v1/licenses/lic_1/notes"), "/v1/licenses");
        assert_eq!(shown_call(&family, "/api/v2/LicenseCode"), "/api/v2/LicenseCode");
        assert_eq!(shown_call(&family, "/api/v2/LicenseCode/1234"), "/api/v2/LicenseCode");
        assert_eq!(shown_call(&family, "/elsewhere/1234"), "/elsewhere");
    }

    #[test]
    fn a_callers_id_is_logged_only_when_it_is_plain() {
        assert!(is_sane_id(b"7f-A.b_c"));
        assert!(!is_sane_id(b""));
        assert!(!is_sane_id(b"a b"));
        assert!(!is_sane_id(&[b'a'; 65]));
    }
}
