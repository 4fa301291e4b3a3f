//! A tree of companies with a user each on the bench, and requests to the dialect's router.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use lessor_core::account::Kind;
use lessor_core::identity::Level;
use lessor_core::identity::user::{self, CreateUser};
use lessor_core::{AccountId, UserId};
use lessor_eset::{Settings, router};
use lessor_testkit::Bench;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tower::ServiceExt;

/// Everybody's password. Its hash is made once: hashing is slow on purpose.
pub const PASSWORD: &str = "correct-horse-battery";

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body of a success.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/json; charset=utf-8");
        self.json()
    }

    /// A refusal by a rule: its status, area and cause.
    pub fn refused(self) -> (u16, i64, i64) {
        let body = self.json();
        let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["code", "subCode", "message"], "{body}");
        let number = |name: &str| body[name].as_i64().expect("a number");
        (self.status.as_u16(), number("code"), number("subCode"))
    }

    /// A refusal of inputs: their names.
    pub fn faults(self) -> Vec<String> {
        assert_eq!(self.status, StatusCode::BAD_REQUEST, "{}", self.text);
        let body = self.json();
        assert!(body.get("code").is_none(), "{body}");
        body.as_object().expect("an object").keys().cloned().collect()
    }
}

/// A company of the world, with the login of the user who may change it.
#[derive(Clone, Debug)]
pub struct Company {
    pub id: AccountId,
    pub login: String,
    pub user: UserId,
}

pub struct World {
    pub bench: Bench,
    pub router: Router,
    pub companies: BTreeMap<&'static str, Company>,
}

/// The companies of the world: name, kind, and below which.
pub const TREE: [(&str, Kind, &str); 11] = [
    ("distributor", Kind::Distributor, ""),
    ("division", Kind::Division, "distributor"),
    ("manager", Kind::PartnerManager, "division"),
    ("trusted", Kind::ManagedPartner, "manager"),
    ("trusted-customer", Kind::Customer, "trusted"),
    ("untrusted", Kind::ManagedPartner, "manager"),
    ("msp", Kind::Partner, "division"),
    ("customer", Kind::Customer, "msp"),
    ("other-customer", Kind::Customer, "msp"),
    ("direct-msp", Kind::Partner, "distributor"),
    ("other-distributor", Kind::Distributor, ""),
];

impl World {
    pub async fn new(bench: &Bench) -> Self {
        Self::with(bench, Settings::new("https://lessor.example/#link=")).await
    }

    pub async fn with(bench: &Bench, settings: Settings) -> Self {
        let hash = bench.app.hasher().hash(PASSWORD).await.expect("a hash");
        let router = router(bench.app.clone(), settings);
        let mut world = Self { bench: bench.clone(), router, companies: BTreeMap::new() };
        for (name, kind, parent) in TREE {
            let parent = world.companies.get(parent).map_or(bench.root.id, |company| company.id);
            let id = bench.account(parent, kind, name).await.id;
            let login = format!("{name}@example.test");
            let user = world.user(id, &login, Level::Write, &hash).await;
            world.companies.insert(name, Company { id, login, user });
        }
        world
    }

    /// A user who may do this much on a company.
    pub async fn user(&self, account: AccountId, login: &str, level: Level, hash: &str) -> UserId {
        let cmd = CreateUser {
            account,
            name: "Ann Example".into(),
            login: login.to_owned(),
            contact: json!({ "country": "SVK" }),
            password_hash: Some(hash.to_owned()),
            level,
        };
        self.bench.write(move |tx, cx| user::create(tx, cx, &cmd)).await.expect("a user").id
    }

    pub fn company(&self, name: &str) -> &Company {
        self.companies.get(name).unwrap_or_else(|| panic!("no company {name}"))
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A call with or without a token. `address` is what stands behind `/api/`.
    pub async fn call(&self, token: Option<&str>, verb: &str, address: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(verb)
            .uri(format!("/api/{address}"))
            .header(header::CONTENT_TYPE, "application/json");
        let request = match token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        };
        self.send(request.body(Body::from(body.to_owned())).expect("a request")).await
    }

    /// Signs in; gives the access token.
    pub async fn sign_in(&self, login: &str) -> String {
        let body = json!({ "username": login, "password": PASSWORD }).to_string();
        let answer = self.call(None, "POST", "Token/Get", &body).await.ok();
        answer["accessToken"].as_str().expect("a token").to_owned()
    }

    /// The token of a company's user.
    pub async fn token(&self, company: &str) -> String {
        self.sign_in(&self.company(company).login.clone()).await
    }

    pub async fn get(&self, token: &str, address: &str) -> Answer {
        self.call(Some(token), "GET", address, "").await
    }

    pub async fn post(&self, token: &str, address: &str, body: Value) -> Answer {
        self.call(Some(token), "POST", address, &body.to_string()).await
    }
}
