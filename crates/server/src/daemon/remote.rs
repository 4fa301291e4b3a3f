//! Calls to the server that delegates.

use crate::failure::Failure;
use lessor_core::daemon::Record;
use lessor_core::daemon::local::Given;
use serde_json::{Value, json};
use std::time::Duration;
use ureq::http::Request;
use ureq::{Agent, RequestExt};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Longest answer that is read, in bytes: a delegation of many licenses with its endorsements.
const LONGEST_ANSWER: u64 = 4 << 20;

/// The server, as a daemon reaches it.
#[derive(Clone, Debug)]
pub struct Remote {
    agent: Agent,
    base: String,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The server cannot be reached, or has no time.
    #[error("the server cannot be reached: {0}")]
    Away(String),
    /// The server said no.
    #[error("the server refused ({code}): {detail}")]
    Refused {
        /// Why, in a word.
        code: String,
        /// Why, in a sentence.
        detail: String,
    },
    /// Something answered that is not what it should be.
    #[error("what answered is no Lessor server: {0}")]
    Strange(String),
}

impl Trouble {
    /// Is this the reason?
    pub fn is(&self, reason: &str) -> bool {
        matches!(self, Trouble::Refused { code, .. } if code == reason)
    }
}

impl Remote {
    /// A server by its address.
    ///
    /// # Errors
    /// An address that is none.
    pub fn new(server: &str) -> Result<Self, Failure> {
        let base = server.trim_end_matches('/').to_owned();
        let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        if host.is_none_or(str::is_empty) {
            return Err(Failure::setup(format!("--server {server:?} must begin with https:// or http://")));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry the secret elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("lessor-daemon/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, base })
    }

    /// Enrols with a signed request.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn enrol(&self, request: &str) -> Result<Given, Trouble> {
        self.given("POST", "/device/v1/daemons", None, &json!({ "request": request, "records": "" }))
    }

    /// Tells what happened, and asks for what counts now.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn sync(&self, daemon: &str, secret: &str, number: i64, records: &[Record]) -> Result<Given, Trouble> {
        let records: Vec<_> = records.iter().map(Record::to_json).collect();
        let body = json!({ "number": number, "records": records });
        self.given("POST", &format!("/device/v1/daemons/{daemon}/sync"), Some(secret), &body)
    }

    /// Gives the daemon back.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn give_back(&self, daemon: &str, secret: &str) -> Result<(), Trouble> {
        self.call("DELETE", &format!("/device/v1/daemons/{daemon}"), Some(secret), &json!({})).map(|_| ())
    }

    fn given(&self, verb: &str, path: &str, secret: Option<&str>, body: &Value) -> Result<Given, Trouble> {
        given(&self.call(verb, path, secret, body)?).ok_or_else(|| Trouble::Strange("the answer lacks members".into()))
    }

    fn call(&self, verb: &str, path: &str, secret: Option<&str>, body: &Value) -> Result<Value, Trouble> {
        let mut request = Request::builder().method(verb).uri(format!("{}{path}", self.base));
        if let Some(secret) = secret {
            request = request.header("authorization", format!("Bearer {secret}"));
        }
        let request = request.header("content-type", "application/json").header("accept", "application/json");
        let request = request.body(body.to_string()).map_err(|error| Trouble::Strange(error.to_string()))?;
        let answer = request.with_agent(&self.agent).configure().allow_non_standard_methods(true).run();
        let mut answer = answer.map_err(|error| Trouble::Away(error.to_string()))?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
        let text = text.map_err(|error| Trouble::Away(error.to_string()))?;
        if status == 429 || status.is_server_error() {
            return Err(Trouble::Away(format!("it answered {status}")));
        }
        let body: Value =
            serde_json::from_slice(&text).map_err(|_| Trouble::Strange(format!("it answered {status}")))?;
        if status.is_success() {
            return Ok(body);
        }
        match body["code"].as_str() {
            Some(code) => {
                let detail = body["detail"].as_str().unwrap_or_default().to_owned();
                Err(Trouble::Refused { code: code.to_owned(), detail })
            }
            None => Err(Trouble::Strange(format!("it answered {status}"))),
        }
    }
}

/// An answer, as it comes over the network or in a file.
pub fn given(body: &Value) -> Option<Given> {
    let texts = |name: &str| -> Option<Vec<String>> {
        body[name].as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    Some(Given {
        daemon: body["daemon"].as_str()?.to_owned(),
        secret: body["secret"].as_str().map(str::to_owned),
        taken: body["taken"].as_i64()?,
        delegation: body["delegation"].as_str()?.to_owned(),
        endorsements: texts("endorsements")?,
        keys: texts("keys")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_address() {
        assert!(Remote::new("licenses.example").is_err());
        assert!(Remote::new("https://").is_err());
        assert!(Remote::new("https://licenses.example/").is_ok_and(|remote| remote.base == "https://licenses.example"));
    }

    #[test]
    fn half_an_answer_is_none() {
        let whole =
            json!({ "daemon": "act_1", "taken": 0, "delegation": "06", "endorsements": ["05"], "keys": ["aa"] });
        assert!(given(&whole).is_some());
        for name in ["daemon", "taken", "delegation", "endorsements", "keys"] {
            let mut half = whole.clone();
            half[name] = Value::Null;
            assert!(given(&half).is_none(), "{name}");
        }
    }
}
