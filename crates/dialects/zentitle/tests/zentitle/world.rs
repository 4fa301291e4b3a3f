//! A tenant with keys of all types on the bench, and requests to the dialect's router.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use lessor_core::device::{self, Activate, DeviceCredential, DeviceFacts};
use lessor_core::{Actor, Caller, Error, ProductId, alias, catalog};
use lessor_testkit::Bench;
use lessor_zentitle::{KeyType, create_key, create_reseller, ids, router, set_up_tenant};
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

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

    /// What was made, out of `…Created Successfully.\n<made>`.
    pub fn made(self) -> String {
        let text = self.ok();
        let text = text.as_str().expect("a message");
        text.split_once(".\n").expect("something made").1.to_owned()
    }

    /// A refusal: its status and its reason without what failed.
    pub fn refused(self) -> (u16, String) {
        let text = self.json();
        let text = text.as_str().expect("a bare text");
        let reason = text.strip_prefix("Error: ").and_then(|text| text.strip_suffix(" Failed"));
        let (reason, _) = reason.and_then(|text| text.rsplit_once(". ")).unwrap_or_else(|| panic!("{text}"));
        (self.status.as_u16(), reason.to_owned())
    }
}

pub struct World {
    pub bench: Bench,
    pub router: Router,
    pub customer: String,
    pub keys: Vec<(KeyType, String)>,
}

pub use crate::transcript::example;

impl World {
    /// The tenant 1234 of the bench's vendor.
    pub async fn new(bench: &Bench) -> Self {
        Self::of_tenant(bench, bench.root.id, "1234", "64533").await
    }

    /// A second tenant, which has nothing to do with the first.
    pub async fn other(bench: &Bench) -> Self {
        let vendor = bench.other_vendor("Other").await;
        Self::of_tenant(bench, vendor.id, "5678", "99999").await
    }

    async fn of_tenant(
        bench: &Bench,
        vendor: lessor_core::AccountId,
        customer: &'static str,
        prefix: &'static str,
    ) -> Self {
        let keys = bench.write(move |tx, cx| {
            set_up_tenant(tx, cx, vendor, customer, prefix)?;
            catalog::register_function(tx, cx, vendor, "Otherfunc", false, false)?;
            create_reseller(tx, cx, vendor, "reseller12")?;
            let keys = KeyType::ALL.into_iter();
            keys.map(|kind| Ok((kind, create_key(tx, cx, vendor, kind, "test")?))).collect::<Result<Vec<_>, Error>>()
        });
        let keys = keys.await.expect("a tenant");
        Self { bench: bench.clone(), router: router(bench.app.clone()), customer: customer.to_owned(), keys }
    }

    pub fn key(&self, kind: KeyType) -> &str {
        let found = self.keys.iter().find(|(known, _)| *known == kind);
        &found.expect("a key of each type").1
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A call with a key of this type. `address` is the controller and, for GET and DELETE, its query.
    pub async fn call(&self, kind: KeyType, verb: &str, address: &str, body: &str) -> Answer {
        let authorization = format!("bearer {}:{}", self.customer, self.key(kind));
        let request = Request::builder()
            .method(verb)
            .uri(format!("/api/v2/{address}"))
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()));
        self.send(request.expect("a request")).await
    }

    pub async fn get(&self, address: &str) -> Answer {
        self.call(KeyType::ReadOnly, "GET", address, "").await
    }

    pub async fn post(&self, controller: &str, body: &str) -> Answer {
        self.call(KeyType::ReadWrite, "POST", controller, body).await
    }

    pub async fn put(&self, controller: &str, body: &str) -> Answer {
        self.call(KeyType::ReadWrite, "PUT", controller, body).await
    }

    pub async fn delete(&self, address: &str) -> Answer {
        self.call(KeyType::ReadWrite, "DELETE", address, "").await
    }

    /// The product of the documented example, under the number that the other examples give theirs; with features of each type
    /// that they name.
    pub async fn example_product(&self, number: &'static str) -> ProductId {
        let body = example("POST-Product.request.json").replace("APITest 0110", number);
        let made = self.post("Product", &body).await.made();
        let tenant = self.tenant().await;
        let id = self.bench.write(move |tx, _| {
            let id = alias::resolve(tx, tenant, ids::PRODUCT, &made)?.expect("the product");
            alias::take(tx, ids::PRODUCT, id)?;
            alias::give(tx, tenant, ids::PRODUCT, number, id, lessor_core::Noun::Product)?;
            Ok(ProductId(id))
        });
        let features = serde_json::json!({
            "productId": number,
            "features": [
                {"featureCode": "FEAT1", "featureName": "f", "notes": "n", "featureType": "elementpool"},
                {"featureCode": "EPOOL", "featureName": "f", "notes": "n", "featureType": "ElementPool"},
                {"featureCode": "FLOAT", "featureName": "f", "notes": "n", "featureType": "floating"},
                {"featureCode": "TOKEN", "featureName": "f", "notes": "n", "featureType": "consumptiontoken"},
                {"featureCode": "FEAT5", "featureName": "f", "notes": "n", "availableInTrials": true},
            ],
        });
        let id = id.await.expect("a numbered product");
        self.post("ProductFeatures", &features.to_string()).await.ok();
        id
    }

    pub async fn tenant(&self) -> lessor_core::AccountId {
        let customer = self.customer.clone();
        let found = self.bench.read(move |tx, _| alias::resolve_anywhere(tx, "zentitle", "tenant", &customer)).await;
        lessor_core::AccountId(found.expect("an answer").expect("a tenant"))
    }

    fn device(&self) -> Caller {
        Caller { actor: Arc::new(Actor::device()), request: self.bench.app.new_request() }
    }

    /// A computer activates a code, or starts a trial.
    pub async fn activate(
        &self,
        product: ProductId,
        code: Option<&str>,
        computer: &str,
    ) -> Result<DeviceCredential, Error> {
        let cmd = Activate {
            product,
            code: code.map(ToOwned::to_owned),
            device: DeviceFacts { fingerprint: computer.to_owned(), ..DeviceFacts::default() },
            end_user: None,
            user: String::new(),
            lease_days: None,
            system: Some(serde_json::json!({"operating_system": "Plan 9", "cores": 4, "screenResX": "1920"})),
            consumer: None,
        };
        let leased = self.bench.app.write(&self.device(), move |tx, cx| device::activate(tx, cx, &cmd)).await?;
        let secret =
            self.bench.app.secret().device_secret(leased.0.activation.id, leased.0.activation.secret_generation);
        Ok(DeviceCredential { activation: leased.0.activation.id, secret })
    }

    /// Something a computer does after its activation.
    pub async fn on_device<T: Send + 'static>(
        &self,
        command: impl Fn(&mut dyn lessor_core::Tx, &lessor_core::Context<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.bench.app.write(&self.device(), command).await.expect("a device's wish")
    }
}
