//! Both APIs over a fresh application, and calls to them.

use crate::truth;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use lessor_api::{TestClock, device, native};
use lessor_core::account::Kind;
use lessor_core::identity::Right;
use lessor_core::identity::api_key::{self, CreateApiKey, KeyForm};
use lessor_core::{AccountId, RequestId};
use lessor_testkit::Bench;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::ServiceExt;

/// The two APIs, called with the key of the vendor at the root.
#[derive(Clone)]
pub struct Site {
    pub bench: Bench,
    pub key: String,
    /// How often the clock's jobs were run to completion.
    pub settled: Arc<AtomicUsize>,
    native: Router,
    device: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    pub fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.body["code"], code, "{}", answer.body);
        assert_eq!(answer.body["status"], status);
        assert_eq!(answer.body["type"], format!("urn:lessor:problem:{code}"));
        assert!(answer.body["request_id"].as_str().is_some_and(|id| id.starts_with("req_")));
        answer
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn text(&self, member: &str) -> String {
        self.body[member].as_str().unwrap_or_else(|| panic!("{member} of {}", self.body)).to_owned()
    }
}

/// A call that is being put together.
pub struct Call {
    site: Site,
    request: http::request::Builder,
    bearer: Option<String>,
    body: Body,
}

impl Call {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    pub fn by(self, bearer: &str) -> Self {
        Self { bearer: Some(bearer.to_owned()), ..self }
    }

    /// As the listener says which call this is.
    pub fn called(mut self, id: RequestId) -> Self {
        self.request = self.request.extension(id);
        self
    }

    pub fn by_nobody(self) -> Self {
        Self { bearer: None, ..self }
    }

    pub fn json(self, body: &Value) -> Self {
        Self { body: Body::from(body.to_string()), ..self.with("content-type", "application/json") }
    }

    pub fn raw(self, content_type: &str, body: &str) -> Self {
        Self { body: Body::from(body.to_owned()), ..self.with("content-type", content_type) }
    }

    pub async fn send(self) -> Answer {
        let mut request = self.request;
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let request = request.body(self.body).expect("a request");
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let router = if path.starts_with("/device/v1") { self.site.device } else { self.site.native };
        let response = router.oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("JSON") };
        truth::check(&method, &path, parts.status.as_u16(), &body);
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl Call {
    /// Status, kind and text of an answer that is no JSON.
    pub async fn text(self) -> (u16, String, String) {
        let bearer = format!("Bearer {}", self.bearer.unwrap_or_default());
        let request = self.request.header("authorization", bearer).body(self.body).expect("a request");
        let response = self.site.native.oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        let kind = parts.headers.get("content-type").map_or("", |value| value.to_str().expect("text")).to_owned();
        (parts.status.as_u16(), kind, String::from_utf8(bytes.to_vec()).expect("text"))
    }
}

impl Site {
    pub async fn new(bench: Bench) -> Self {
        let settled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&settled);
        let settle = move || -> futures_util::future::BoxFuture<'static, Result<(), lessor_core::Error>> {
            count.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        };
        let clock = TestClock { clock: Arc::clone(&bench.clock), settle: Arc::new(settle) };
        let (native, device) =
            (native(bench.app.clone(), Some(clock), "https://site.example/#link="), device(bench.app.clone()));
        let mut site = Self { bench, key: String::new(), settled, native, device };
        site.key = site.key_of(site.bench.root.id, None).await;
        site
    }

    /// The same site, called with another key.
    pub fn with_key(&self, key: String) -> Self {
        Self { key, ..self.clone() }
    }

    /// A key on the branch of an account.
    pub async fn key_of(&self, account: AccountId, rights: Option<Vec<Right>>) -> String {
        let command = CreateApiKey { account, label: "test".into(), rights, form: KeyForm::Native, expires_at: None };
        let created = self.bench.write(move |tx, cx| api_key::create(tx, cx, &command)).await;
        created.expect("a key").1.reveal().to_owned()
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        Call {
            site: self.clone(),
            request: Request::builder().method(method).uri(path),
            bearer: Some(self.key.clone()),
            body: Body::empty(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).json(body).send().await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path).json(body).send().await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path).json(body).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }

    /// A customer right below the root.
    pub async fn customer(&self, name: &str) -> String {
        self.bench.account(self.bench.root.id, Kind::Customer, name).await.id.to_string()
    }

    /// A product with a feature of every kind but `store`, all on, and a trial of ten days.
    pub async fn product(&self, name: &str) -> String {
        let body = json!({
            "name": name,
            "trial_offered": true,
            "trial_days": 10,
            "terms": { "online_lease_hours": 24, "activation_limit": 2 },
            "groups": [{ "name": "Export" }],
            "features": [
                { "code": "PDF", "name": "PDF", "kind": "flag", "group": "Export", "in_trials": true, "enabled": true },
                { "code": "FLOAT", "name": "Floating", "kind": "floating", "enabled": true, "limit": 3 },
                { "code": "EPOOL", "name": "Pool", "kind": "pool", "enabled": true, "limit": 5 },
                { "code": "TOKEN", "name": "Tokens", "kind": "tokens", "enabled": true, "limit": 10 },
            ],
            "values": [{ "name": "edition", "value": "studio" }],
        });
        self.post("/v1/products", &body).await.is(201).text("id")
    }

    /// A license with a code of its own.
    pub async fn license(&self, product: &str, code: &str) -> String {
        let body = json!({ "product": product, "codes": [code] });
        let answer = self.post("/v1/licenses", &body).await.is(201);
        answer.body["licenses"][0]["id"].as_str().expect("an id").to_owned()
    }

    /// An activation on a device, with its secret.
    pub async fn activation(&self, product: &str, code: &str, device: &str) -> (String, String) {
        let body = json!({ "product": product, "code": code, "device": { "id": device } });
        let answer = self.call(Method::POST, "/device/v1/activations").by_nobody().json(&body).send().await.is(201);
        (answer.text("activation"), answer.text("secret"))
    }
}
