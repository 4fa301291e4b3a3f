//! What a document lets through and what it does not.

use crate::fixtures::trusted;
use crate::fixtures::{
    accepted, all, answer, daemon_request, delegation, device_key, endorsement, lease, product_key, proof, request,
};
use ed25519_dalek::{Signer as _, SigningKey};
use lessor_lease::{Document, DocumentError, KeyTable, MAX_DELEGATION_TEXT_BYTES, MAX_TEXT_BYTES, Signer};
use proptest::prelude::*;

#[test]
fn every_kind_survives_its_text() {
    let [lease_text, request_text, answer_text, proof_text, endorsement_text, delegation_text, daemon_text] =
        all().map(|document| document.to_string());
    assert_eq!(Document::parse(&lease_text).unwrap().open_lease(&trusted()).unwrap(), lease());
    assert_eq!(Document::parse(&request_text).unwrap().open_request().unwrap(), request());
    assert_eq!(Document::parse(&answer_text).unwrap().open_answer(&trusted()).unwrap(), answer());
    let parsed = Document::parse(&proof_text).unwrap();
    assert_eq!(parsed.open_return(&device_key().public_key()).unwrap(), proof());
    assert_eq!(parsed.unverified_return().unwrap(), proof());
    let parsed = Document::parse(&endorsement_text).unwrap();
    assert_eq!(parsed.open_endorsement(&trusted()).unwrap(), endorsement());
    let parsed = Document::parse(&delegation_text).unwrap();
    assert_eq!(parsed.open_delegation(&trusted()).unwrap(), delegation());
    assert_eq!(Document::parse(&daemon_text).unwrap().open_daemon_request().unwrap(), daemon_request());
}

#[test]
fn a_key_that_is_not_trusted_signs_nothing() {
    let stranger = Signer::from_seed([9; 32]);
    let forged = lease().sign(&stranger).unwrap();
    assert_eq!(forged.open_lease(&trusted()), Err(DocumentError::UnknownKey));
    assert_eq!(forged.open_lease(&KeyTable::new()), Err(DocumentError::UnknownKey));

    // The stranger's signature under the name of the trusted key.
    let mut bytes = forged.as_bytes().to_vec();
    bytes[1..9].copy_from_slice(&product_key().key_id().to_bytes());
    assert_eq!(Document::from_bytes(bytes).unwrap().open_lease(&trusted()), Err(DocumentError::BadSignature));

    let returned = proof().sign(&stranger).unwrap();
    assert_eq!(returned.open_return(&device_key().public_key()), Err(DocumentError::UnknownKey));
    assert_eq!(request().sign(&stranger), Err(DocumentError::UnknownKey));
}

#[test]
fn the_signature_covers_context_and_all_bytes_before_it() {
    let contexts: [&[u8]; 7] = [
        b"lessor-lease-v1\0",
        b"lessor-request-v1\0",
        b"lessor-answer-v1\0",
        b"lessor-return-v1\0",
        b"lessor-endorsement-v1\0",
        b"lessor-delegation-v1\0",
        b"lessor-daemon-v1\0",
    ];
    let seeds = [[1; 32], [2; 32], [1; 32], [2; 32], [1; 32], [1; 32], [3; 32]];
    for ((document, context), seed) in all().iter().zip(contexts).zip(seeds) {
        let (signed, signature) = document.as_bytes().split_last_chunk::<64>().unwrap();
        let expected = SigningKey::from_bytes(&seed).sign(&[context, signed].concat());
        assert_eq!(*signature, expected.to_bytes());
    }
}

#[test]
fn the_layout_is_kind_key_length_json_signature() {
    let document = proof().sign(&device_key()).unwrap();
    let json = br#"{"v":1,"activation":"act_1","device":"device-1","created":1200,"number":3}"#;
    let bytes = document.as_bytes();
    assert_eq!(bytes[0], 4);
    assert_eq!(bytes[1..9], device_key().key_id().to_bytes());
    assert_eq!(bytes[9..13], [0, 0, 0, u8::try_from(json.len()).unwrap()]);
    assert_eq!(&bytes[13..bytes.len() - 64], json);
}

#[test]
fn the_lease_json_keeps_its_order_and_words() {
    let json = serde_json::to_string(&lease()).unwrap();
    let expected = concat!(
        r#"{"v":1,"issuer":"https://licenses.example","tenant":"acc_1","product":"prd_1","license":"PAINT-0001","#,
        r#""activation":"act_1","device":"device-1","device_key":"DEVICE_KEY","user":"ann","number":3,"kind":"online","#,
        r#""mode":"grace","concurrency":"cloud","issued_at":1000,"not_before":1000,"renew_after":1500,"#,
        r#""expires_at":2000,"grace_until":3000,"term_end":null,"maintenance_end":9000,"processes":2,"#,
        r#""features":[{"code":"FLOAT","kind":"floating","limit":5}],"values":{"colour":"blue"},"#,
        r#""functions":{"export":10,"render":null}}"#
    );
    assert_eq!(json, expected.replace("DEVICE_KEY", &device_key().public_key().to_hex()));
}

#[test]
fn text_may_be_wrapped_spaced_and_in_capitals() {
    let document = lease().sign(&product_key()).unwrap();
    let text = document.to_string().to_uppercase();
    let (head, tail) = text.split_at(63);
    let wrapped = format!("\r\n  {head}\r\n\t{tail}  \n");
    assert_eq!(Document::parse(&wrapped).unwrap(), document);
    assert_eq!(Document::parse(&wrapped).unwrap().digest(), document.digest());
}

#[test]
fn text_that_is_no_document_is_refused_for_what_it_is() {
    assert_eq!(Document::parse(""), Err(DocumentError::WrongLength));
    assert_eq!(Document::parse("01\u{a0}02"), Err(DocumentError::NotHex));
    assert_eq!(Document::parse("hello"), Err(DocumentError::NotHex));
    assert_eq!(Document::parse(&format!("08{}", "00".repeat(76))), Err(DocumentError::UnknownKind));
    assert_eq!(Document::parse(&format!("01{}ffffffff", "00".repeat(8))), Err(DocumentError::WrongLength));
    assert_eq!(Document::parse(&" ".repeat(MAX_TEXT_BYTES + 1)), Err(DocumentError::TooLong));
    assert_eq!(Document::from_bytes(vec![1; MAX_TEXT_BYTES]), Err(DocumentError::TooLong));
    assert_eq!(Document::parse(&" ".repeat(MAX_DELEGATION_TEXT_BYTES + 1)), Err(DocumentError::TooLong));
}

#[test]
fn what_is_too_long_to_be_read_cannot_be_signed() {
    let mut longest = request();
    let room = MAX_TEXT_BYTES / 2 - request().sign(&device_key()).unwrap().as_bytes().len();
    longest.user.push_str(&"x".repeat(room));
    let document = longest.sign(&device_key()).unwrap();
    assert_eq!(document.to_string().len(), MAX_TEXT_BYTES);
    assert_eq!(Document::parse(&document.to_string()).unwrap().open_request().unwrap(), longest);

    longest.user.push('x');
    assert_eq!(longest.sign(&device_key()), Err(DocumentError::TooLong));
}

#[test]
fn a_delegation_may_be_longer_than_all_else() {
    let mut long = delegation();
    let license = long.licenses[0].clone();
    long.licenses = vec![license; 500];
    let document = long.sign(&product_key()).unwrap();
    let text = format!(" \n{document}");
    assert!(text.len() > 2 * MAX_TEXT_BYTES && text.len() < MAX_DELEGATION_TEXT_BYTES);
    assert_eq!(Document::parse(&text).unwrap().open_delegation(&trusted()).unwrap(), long);
    assert_eq!(Document::parse(&text.replacen("06", "05", 1)), Err(DocumentError::TooLong));

    long.issuer = "x".repeat(MAX_DELEGATION_TEXT_BYTES / 2);
    assert_eq!(long.sign(&product_key()), Err(DocumentError::TooLong));
}

#[test]
fn a_key_that_is_none_is_neither_endorsed_nor_delegated_to() {
    let mut wrong = endorsement();
    wrong.key = "00".repeat(32);
    assert_eq!(wrong.sign(&product_key()), Err(DocumentError::BadKey));
    let mut wrong = delegation();
    wrong.daemon_key = "prd_1".into();
    assert_eq!(wrong.sign(&product_key()), Err(DocumentError::BadKey));
}

#[test]
fn later_versions_are_named_and_later_fields_passed_over() {
    let mut later = lease();
    later.v = 2;
    let document = later.sign(&product_key()).unwrap();
    assert_eq!(document.open_lease(&trusted()), Err(DocumentError::UnknownVersion { found: 2 }));
    let mut wrapped = answer();
    wrapped.lease.v = 2;
    let document = wrapped.sign(&product_key()).unwrap();
    assert_eq!(document.open_answer(&trusted()), Err(DocumentError::UnknownVersion { found: 2 }));

    let mut json = serde_json::to_value(lease()).unwrap();
    json["colour_of_the_moon"] = "grey".into();
    let bytes = sealed(&serde_json::to_vec(&json).unwrap());
    assert_eq!(Document::from_bytes(bytes).unwrap().open_lease(&trusted()).unwrap(), lease());
}

#[test]
fn a_signed_payload_that_is_no_lease_is_refused() {
    for json in ["", "null", "{}", "{\"v\":1}", "\u{fffd}"] {
        let document = Document::from_bytes(sealed(json.as_bytes())).unwrap();
        assert_eq!(document.open_lease(&trusted()), Err(DocumentError::BadPayload), "{json}");
    }
}

/// A lease document around any payload, signed by the trusted key.
fn sealed(json: &[u8]) -> Vec<u8> {
    let length = u32::try_from(json.len()).unwrap().to_be_bytes();
    let signed = [&[1], &product_key().key_id().to_bytes()[..], &length, json].concat();
    let signature = SigningKey::from_bytes(&[1; 32]).sign(&[b"lessor-lease-v1\0", &signed[..]].concat());
    [signed, signature.to_bytes().to_vec()].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_lease_survives_signing(
        seed: [u8; 32], user in ".{0,40}", code in proptest::option::of(".{0,40}"), number: u64,
        times: [Option<i64>; 5], limit: Option<i64>, processes: u32,
        values in proptest::collection::btree_map(".{0,10}", ".{0,10}", 0..5),
        functions in proptest::collection::btree_map(".{0,10}", any::<Option<i64>>(), 0..5),
    ) {
        let signer = Signer::from_seed(seed);
        let mut any = lease();
        any.user = user;
        any.license = code;
        any.number = number;
        any.processes = processes;
        [any.renew_after, any.expires_at, any.grace_until, any.term_end, any.maintenance_end] = times;
        any.features[0].limit = limit;
        any.values = values;
        any.functions = functions;
        let text = any.sign(&signer).unwrap().to_string();
        let keys = [signer.public_key()].into_iter().collect();
        prop_assert_eq!(Document::parse(&text).unwrap().open_lease(&keys).unwrap(), any);
    }

    #[test]
    fn any_request_survives_signing(seed: [u8; 32], user in ".{0,40}", created: i64, fact in ".{0,40}") {
        let device = Signer::from_seed(seed);
        let mut any = request();
        any.device_key = device.public_key().to_hex();
        any.user = user;
        any.created = created;
        any.consumer = Some(serde_json::json!({"name": fact, "count": created}));
        let text = any.sign(&device).unwrap().to_string();
        prop_assert_eq!(Document::parse(&text).unwrap().open_request().unwrap(), any);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,300}") {
        let _ = Document::parse(&text);
    }

    #[test]
    fn no_bytes_are_accepted_that_were_not_signed(
        kind in 1_u8..8, length in 0_u32..40, rest in proptest::collection::vec(any::<u8>(), 64..110),
    ) {
        let mut bytes = [&[kind], &product_key().key_id().to_bytes()[..], &length.to_be_bytes(), &rest].concat();
        bytes.truncate(13 + length as usize + 64);
        prop_assert!(!accepted(bytes));
    }
}
