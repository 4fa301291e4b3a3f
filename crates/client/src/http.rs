//! Calls to the server: one JSON body there, one back, tried again where that is safe.

use std::thread::sleep;
use std::time::Duration;

use lessor_lease::to_hex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Method, Request, Response, StatusCode};
use ureq::{Agent, Body};

use crate::config::Config;
use crate::error::{Error, Refusal};
use crate::random;
use crate::wire::Problem;

/// Longest answer that is read, in bytes. A lease document has at most 64 KiB.
const LONGEST_ANSWER: u64 = 1 << 20;

/// The server, and how patient to be with it.
#[derive(Debug)]
pub struct Server {
    agent: Agent,
    base: String,
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
}

/// What goes along with a call, as far as it needs any of it.
#[derive(Clone, Copy, Default)]
pub struct With<'a> {
    /// The activation's secret.
    pub secret: Option<&'a str>,
    /// The idempotency key, where the caller keeps it to ask again after a crash. Other POSTs get one of their own.
    pub key: Option<&'a str>,
    /// The state that the change is meant for, as an entity tag.
    pub if_match: Option<&'a str>,
}

impl<'a> With<'a> {
    /// The secret alone.
    pub fn secret(secret: &'a str) -> Self {
        Self { secret: Some(secret), ..Self::default() }
    }
}

/// A good answer.
pub struct Answered<T> {
    pub body: T,
    pub etag: Option<String>,
}

/// One call, as it goes out in every attempt.
struct Call<'a> {
    method: Method,
    url: String,
    with: With<'a>,
    body: Option<Vec<u8>>,
    idempotency_key: Option<String>,
}

impl Server {
    pub fn new(config: &Config) -> Result<Self, Error> {
        let base = config.server.trim_end_matches('/').to_owned();
        let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        if host.is_none_or(str::is_empty) {
            return Err(Error::BadConfig("the server's address must begin with https:// or http://"));
        }
        let mut settings = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0) // A redirect would carry the secret elsewhere.
            .max_redirects_will_error(false)
            .timeout_global(Some(config.timeout))
            .user_agent(concat!("lessor-client/", env!("CARGO_PKG_VERSION")));
        if host.is_some_and(is_this_machine) {
            settings = settings.proxy(None);
        }
        Ok(Self {
            agent: settings.build().new_agent(),
            base,
            attempts: config.attempts.max(1),
            first_pause: config.first_pause,
            longest_pause: config.longest_pause,
        })
    }

    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.call(Method::GET, path, With::default(), None::<&Value>).map(|answered| answered.body)
    }

    pub fn post<T: DeserializeOwned>(&self, path: &str, with: With<'_>, body: &impl Serialize) -> Result<T, Error> {
        self.call(Method::POST, path, with, Some(body)).map(|answered| answered.body)
    }

    pub fn put<T: DeserializeOwned>(&self, path: &str, with: With<'_>, body: &impl Serialize) -> Result<T, Error> {
        self.call(Method::PUT, path, with, Some(body)).map(|answered| answered.body)
    }

    pub fn delete<T: DeserializeOwned>(&self, path: &str, secret: &str) -> Result<T, Error> {
        self.call(Method::DELETE, path, With::secret(secret), None::<&Value>).map(|answered| answered.body)
    }

    pub fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        with: With<'_>,
        body: Option<&impl Serialize>,
    ) -> Result<Answered<T>, Error> {
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| Error::BadAnswer(error.to_string()))?;
        // One key for all attempts: the server does the work once, whichever of the attempts reached it.
        let idempotency_key = match with.key {
            Some(key) => Some(key.to_owned()),
            None if method == Method::POST => Some(new_key()?),
            None => None,
        };
        let call = Call { method, url: format!("{}/device/v1/{path}", self.base), with, body, idempotency_key };
        let answered = self.patiently(&call)?;
        let json = if answered.body.is_empty() { b"null" } else { answered.body.as_slice() };
        let body = serde_json::from_slice(json).map_err(|error| Error::BadAnswer(error.to_string()))?;
        Ok(Answered { body, etag: answered.etag })
    }

    fn patiently(&self, call: &Call<'_>) -> Result<Answered<Vec<u8>>, Error> {
        let mut pause = self.first_pause;
        for _ in 1..self.attempts {
            let wait = match self.attempt(call) {
                Err(Error::Unreachable(_)) => random::varied(pause),
                Err(Error::Busy { retry_after: Some(wait) }) if wait <= self.longest_pause => wait,
                Err(Error::Busy { retry_after: None }) => random::varied(pause),
                done => return done,
            };
            sleep(wait.min(self.longest_pause));
            pause *= 2;
        }
        self.attempt(call)
    }

    fn attempt(&self, call: &Call<'_>) -> Result<Answered<Vec<u8>>, Error> {
        let mut request = Request::builder().method(&call.method).uri(&call.url).header("accept", "application/json");
        if let Some(secret) = call.with.secret {
            request = request.header("authorization", format!("Bearer {secret}"));
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(tag) = call.with.if_match {
            request = request.header("if-match", tag);
        }
        let unusable = |_| Error::BadConfig("the server's address or the product's name is not usable in a URL");
        let answer = match &call.body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.as_slice()).map_err(unusable)?)
            }
            None => self.agent.run(request.body(()).map_err(unusable)?),
        };
        read(answer.map_err(|error| Error::Unreachable(error.to_string()))?)
    }
}

/// A key under which the server does a piece of work once.
pub fn new_key() -> Result<String, Error> {
    Ok(to_hex(&random::bytes::<16>()?))
}

fn read(mut answer: Response<Body>) -> Result<Answered<Vec<u8>>, Error> {
    let status = answer.status();
    let etag = answer.headers().get("etag").and_then(|value| Some(value.to_str().ok()?.to_owned()));
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Err(Error::Busy { retry_after: retry_after.map(Duration::from_secs) }),
        // An answer that breaks off has not been had: it is as if the connection had failed.
        _ => match body {
            Err(ureq::Error::BodyExceedsLimit(_)) => Err(Error::BadAnswer("it is too long".to_owned())),
            Err(error) => Err(Error::Unreachable(error.to_string())),
            Ok(body) if status.is_success() => Ok(Answered { body, etag }),
            Ok(body) => Err(refusal(status, &body)),
        },
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> Error {
    match serde_json::from_slice(body) {
        Ok(Problem { code: Some(code), detail, title }) => {
            let detail = detail.or(title).unwrap_or_else(|| code.clone());
            let refusal = Refusal { detail, code, status: status.as_u16() };
            if refusal.is("device_duplicate") { Error::DuplicateDevice(refusal) } else { Error::Refused(refusal) }
        }
        _ => Error::BadAnswer(format!("status {status} without a reason")),
    }
}

/// A proxy of the environment has no business between programs on one machine.
fn is_this_machine(host: &str) -> bool {
    let host = host.split('/').next().unwrap_or_default();
    let name = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
    name == "localhost" || name.starts_with("127.") || name.starts_with("[::1]")
}

/// A path segment with everything but unreserved characters and `:` escaped.
pub fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cannot_leave_their_place() {
        assert_eq!(segment("old:product:12"), "old:product:12");
        assert_eq!(segment("a/b?c#d é%"), "a%2Fb%3Fc%23d%20%C3%A9%25");
    }

    #[test]
    fn proxies_are_passed_by_for_this_machine_only() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080/x", "[::1]:8080"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["licenses.example", "localhost.example:80", "[2001:db8::1]:80"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn a_problem_without_a_code_is_no_refusal() {
        let error = refusal(StatusCode::NOT_FOUND, b"{\"title\":\"Not Found\"}");
        assert!(matches!(error, Error::BadAnswer(_)));
        let error = refusal(StatusCode::CONFLICT, b"{\"code\":\"no_seat\",\"title\":\"No seat\"}");
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.status, refusal.detail.as_str()), (409, "No seat"));
    }
}
