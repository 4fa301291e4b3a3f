//! One document of each kind.

use std::collections::BTreeMap;

use lessor_lease::{
    Concurrency, DaemonRequest, DelegatedLicense, Delegation, Document, DocumentError, DocumentKind, Endorsement,
    FeatureKind, KeyRole, KeyTable, Lease, LeaseFeature, LeaseKind, Mode, OfflineAnswer, OfflineRequest, ReturnProof,
    Signer, VERSION,
};

pub fn product_key() -> Signer {
    Signer::from_seed([1; 32])
}

pub fn device_key() -> Signer {
    Signer::from_seed([2; 32])
}

pub fn lease() -> Lease {
    Lease {
        v: VERSION,
        issuer: "https://licenses.example".into(),
        tenant: "acc_1".into(),
        product: "prd_1".into(),
        license: Some("PAINT-0001".into()),
        activation: "act_1".into(),
        device: "device-1".into(),
        device_key: Some(device_key().public_key().to_hex()),
        user: "ann".into(),
        number: 3,
        kind: LeaseKind::Online,
        mode: Mode::Grace,
        concurrency: Concurrency::Cloud,
        issued_at: 1_000,
        not_before: 1_000,
        renew_after: Some(1_500),
        expires_at: Some(2_000),
        grace_until: Some(3_000),
        term_end: None,
        maintenance_end: Some(9_000),
        processes: 2,
        features: vec![LeaseFeature { code: "FLOAT".into(), kind: FeatureKind::Floating, limit: Some(5) }],
        values: BTreeMap::from([("colour".to_owned(), "blue".to_owned())]),
        functions: BTreeMap::from([("render".to_owned(), None), ("export".to_owned(), Some(10))]),
    }
}

pub fn request() -> OfflineRequest {
    OfflineRequest {
        v: VERSION,
        product: "prd_1".into(),
        license: Some("PAINT-0001".into()),
        device: "device-1".into(),
        device_key: device_key().public_key().to_hex(),
        user: "ann".into(),
        request: "00112233445566778899aabbccddeeff".into(),
        created: 1_000,
        device_name: "studio".into(),
        system: Some(serde_json::json!({"os": "linux"})),
        consumer: None,
    }
}

pub fn answer() -> OfflineAnswer {
    let digest = request().sign(&device_key()).unwrap().digest();
    OfflineAnswer { v: VERSION, request: request().request, request_digest: digest, lease: lease() }
}

pub fn proof() -> ReturnProof {
    ReturnProof { v: VERSION, activation: "act_1".into(), device: "device-1".into(), created: 1_200, number: 3 }
}

pub fn daemon_key() -> Signer {
    Signer::from_seed([3; 32])
}

pub fn endorsement() -> Endorsement {
    Endorsement {
        v: VERSION,
        issuer: "https://licenses.example".into(),
        tenant: "acc_1".into(),
        product: "prd_1".into(),
        key: daemon_key().public_key().to_hex(),
        role: KeyRole::Daemon,
        subject: Some("act_9".into()),
        not_before: 1_000,
        not_after: Some(2_000),
        issued_at: 1_000,
    }
}

pub fn delegation() -> Delegation {
    Delegation {
        v: VERSION,
        issuer: "https://licenses.example".into(),
        tenant: "acc_1".into(),
        product: "prd_1".into(),
        daemon: "act_9".into(),
        daemon_key: daemon_key().public_key().to_hex(),
        number: 4,
        issued_at: 1_000,
        not_after: 2_000,
        licenses: vec![DelegatedLicense {
            id: "lic_1".into(),
            code: "PAINT-0001".into(),
            seats: 10,
            heartbeat_minutes: 15,
            term_end: None,
            maintenance_end: Some(9_000),
            processes: 2,
            features: vec![LeaseFeature { code: "FLOAT".into(), kind: FeatureKind::Floating, limit: Some(5) }],
            values: BTreeMap::from([("colour".to_owned(), "blue".to_owned())]),
            functions: BTreeMap::from([("render".to_owned(), None)]),
        }],
    }
}

pub fn daemon_request() -> DaemonRequest {
    DaemonRequest {
        v: VERSION,
        product: "prd_1".into(),
        license: "MASTER-1".into(),
        device: "daemon-01".into(),
        device_key: daemon_key().public_key().to_hex(),
        request: "00112233445566778899aabbccddeeff".into(),
        created: 1_000,
        number: 3,
        records: None,
    }
}

/// One of each kind, signed as they should be.
pub fn all() -> [Document; 7] {
    [
        lease().sign(&product_key()).unwrap(),
        request().sign(&device_key()).unwrap(),
        answer().sign(&product_key()).unwrap(),
        proof().sign(&device_key()).unwrap(),
        endorsement().sign(&product_key()).unwrap(),
        delegation().sign(&product_key()).unwrap(),
        daemon_request().sign(&daemon_key()).unwrap(),
    ]
}

pub fn trusted() -> KeyTable {
    [product_key().public_key()].into_iter().collect()
}

/// Opens a document in whichever way its kind byte asks for.
pub fn open(document: &Document) -> Result<(), DocumentError> {
    match document.kind() {
        DocumentKind::Lease => document.open_lease(&trusted()).map(drop),
        DocumentKind::OfflineRequest => document.open_request().map(drop),
        DocumentKind::OfflineAnswer => document.open_answer(&trusted()).map(drop),
        DocumentKind::ReturnProof => document.open_return(&device_key().public_key()).map(drop),
        DocumentKind::Endorsement => document.open_endorsement(&trusted()).map(drop),
        DocumentKind::Delegation => document.open_delegation(&trusted()).map(drop),
        DocumentKind::DaemonRequest => document.open_daemon_request().map(drop),
    }
}

/// Is that a document that can be opened, in whichever way?
pub fn accepted(bytes: Vec<u8>) -> bool {
    Document::from_bytes(bytes).and_then(|document| open(&document)).is_ok()
}
