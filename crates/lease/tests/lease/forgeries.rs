//! Forgeries, all of them: every bit, every digit, every length, every kind.

use crate::fixtures::{
    accepted, all, daemon_request, delegation, device_key, endorsement, lease, open, product_key, proof, request,
    trusted,
};
use lessor_lease::{Document, DocumentError, DocumentKind, Signer};

#[test]
fn no_bit_of_any_kind_can_be_flipped() {
    for document in all() {
        assert!(accepted(document.as_bytes().to_vec()));
        for bit in 0..document.as_bytes().len() * 8 {
            let mut bytes = document.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!accepted(bytes), "bit {bit} of the {}", document.kind());
        }
    }
}

#[test]
fn no_digit_of_any_kind_can_be_changed() {
    for document in all() {
        let text = document.to_string();
        assert!(Document::parse(&text).is_ok_and(|same| open(&same).is_ok()));
        for place in 0..text.len() {
            for digit in ["0", "7", "f", "g", "é"] {
                let old = &text[place..=place];
                if old == digit {
                    continue;
                }
                let changed = format!("{}{digit}{}", &text[..place], &text[place + 1..]);
                let outcome = Document::parse(&changed).and_then(|document| open(&document));
                assert!(outcome.is_err(), "{old} to {digit} at {place} of the {}", document.kind());
            }
        }
    }
}

#[test]
fn nothing_can_be_cut_off_or_appended() {
    for document in all() {
        let whole = document.as_bytes();
        for length in 0..whole.len() {
            assert_eq!(Document::from_bytes(whole[..length].to_vec()), Err(DocumentError::WrongLength));
        }
        let longer = [whole, &[0]].concat();
        assert_eq!(Document::from_bytes(longer), Err(DocumentError::WrongLength));
    }
}

#[test]
fn no_kind_passes_for_another_even_with_its_byte_changed() {
    for document in all() {
        for kind in 1..=7 {
            let mut bytes = document.as_bytes().to_vec();
            let same = bytes[0] == kind;
            bytes[0] = kind;
            assert_eq!(accepted(bytes), same);
        }
    }
}

#[test]
fn each_kind_is_opened_as_nothing_but_itself() {
    for document in all() {
        let keys = trusted();
        let device = device_key().public_key();
        let opened = [
            (DocumentKind::Lease, document.open_lease(&keys).map(drop)),
            (DocumentKind::OfflineRequest, document.open_request().map(drop)),
            (DocumentKind::OfflineAnswer, document.open_answer(&keys).map(drop)),
            (DocumentKind::ReturnProof, document.open_return(&device).map(drop)),
            (DocumentKind::ReturnProof, document.unverified_return().map(drop)),
            (DocumentKind::Endorsement, document.open_endorsement(&keys).map(drop)),
            (DocumentKind::Delegation, document.open_delegation(&keys).map(drop)),
            (DocumentKind::DaemonRequest, document.open_daemon_request().map(drop)),
        ];
        for (expected, outcome) in opened {
            let found = document.kind();
            let right = if expected == found { Ok(()) } else { Err(DocumentError::WrongKind { expected, found }) };
            assert_eq!(outcome, right);
        }
    }
}

#[test]
fn another_key_cannot_sign_any_kind_even_under_the_trusted_name() {
    let stranger = Signer::from_seed([9; 32]);
    let forged =
        [lease().sign(&stranger), proof().sign(&stranger), endorsement().sign(&stranger), delegation().sign(&stranger)];
    for document in forged.map(Result::unwrap) {
        assert_eq!(open(&document), Err(DocumentError::UnknownKey));
        let owner = if document.kind() == DocumentKind::ReturnProof { device_key() } else { product_key() };
        let mut bytes = document.as_bytes().to_vec();
        bytes[1..9].copy_from_slice(&owner.key_id().to_bytes());
        let renamed = Document::from_bytes(bytes).unwrap();
        assert_eq!(open(&renamed), Err(DocumentError::BadSignature), "{renamed:?}");
    }
}

#[test]
fn a_payload_cannot_be_put_under_another_documents_signature() {
    // The same fields but one, signed by the right key: the halves do not fit each other.
    let mut other = lease();
    other.product = "prd_2".into();
    let (one, two) = (lease().sign(&product_key()).unwrap(), other.sign(&product_key()).unwrap());
    assert_eq!(one.as_bytes().len(), two.as_bytes().len());
    let cut = one.as_bytes().len() - 64;
    let swapped = [&one.as_bytes()[..cut], &two.as_bytes()[cut..]].concat();
    assert_eq!(Document::from_bytes(swapped).unwrap().open_lease(&trusted()), Err(DocumentError::BadSignature));

    // A request names the key that signed it; naming another does not help.
    let mut stolen = request();
    stolen.device_key = product_key().public_key().to_hex();
    assert_eq!(stolen.sign(&device_key()), Err(DocumentError::UnknownKey));
    assert_eq!(daemon_request().sign(&device_key()), Err(DocumentError::UnknownKey));
}
