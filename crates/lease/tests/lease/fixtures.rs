//! One document of each kind.

use std::collections::BTreeMap;

use lessor_lease::{
    Concurrency, Document, FeatureKind, Lease, LeaseFeature, LeaseKind, Mode, OfflineAnswer, OfflineRequest,
    ReturnProof, Signer, VERSION,
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

/// All four, signed as they should be.
pub fn all() -> [Document; 4] {
    [
        lease().sign(&product_key()).unwrap(),
        request().sign(&device_key()).unwrap(),
        answer().sign(&product_key()).unwrap(),
        proof().sign(&device_key()).unwrap(),
    ]
}
