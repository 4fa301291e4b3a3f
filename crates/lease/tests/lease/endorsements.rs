//! From a trusted key to another by endorsements, and not otherwise.

use crate::fixtures::{daemon_key, endorsement, product_key, trusted};
use lessor_lease::{Document, DocumentError, Endorsed, Endorsement, KeyRole, LONGEST_CHAIN, Signer, follow};

/// A product key of its own for each number; 0 is the trusted one.
fn key(number: u8) -> Signer {
    if number == 0 { product_key() } else { Signer::from_seed([100 + number; 32]) }
}

/// One product key vouching for another, without end.
fn rotation(to: &Signer) -> Endorsement {
    let key = to.public_key().to_hex();
    Endorsement { key, role: KeyRole::Product, subject: None, not_after: None, ..endorsement() }
}

/// The endorsements of a row of rotations, the first made by the trusted key.
fn rotations(length: u8) -> Vec<Document> {
    (0..length).map(|n| rotation(&key(n + 1)).sign(&key(n)).unwrap()).collect()
}

fn reach(documents: &[Document], wanted: &Signer, at: i64) -> Result<Endorsed, DocumentError> {
    follow(&trusted(), documents, "prd_1", wanted.key_id(), at)
}

#[test]
fn a_trusted_key_needs_no_endorsement() {
    let found = follow(&trusted(), &[], "prd_1", product_key().key_id(), 0).unwrap();
    assert_eq!((found.key, found.role, found.until), (product_key().public_key(), KeyRole::Product, None));
    assert_eq!(reach(&[], &daemon_key(), 1_500), Err(DocumentError::UnknownKey));
}

#[test]
fn an_endorsement_counts_from_its_beginning_to_the_second_before_its_end() {
    let documents = [endorsement().sign(&product_key()).unwrap()];
    for (at, good) in [(999, false), (1_000, true), (1_999, true), (2_000, false)] {
        assert_eq!(reach(&documents, &daemon_key(), at).is_ok(), good, "{at}");
    }
    let found = reach(&documents, &daemon_key(), 1_500).unwrap();
    assert_eq!((found.role, found.until), (KeyRole::Daemon, Some(2_000)));
    assert_eq!((found.subject.as_deref(), found.tenant.as_deref()), (Some("act_9"), Some("acc_1")));
}

#[test]
fn eight_links_are_followed_in_any_order_and_nine_are_not() {
    let longest = u8::try_from(LONGEST_CHAIN).unwrap();
    let mut documents = rotations(longest + 1);
    for _ in 0..2 {
        assert!(reach(&documents, &key(longest), 1_500).is_ok());
        assert_eq!(reach(&documents, &key(longest + 1), 1_500), Err(DocumentError::UnknownKey));
        documents.reverse();
    }
}

#[test]
fn a_chain_is_as_strong_as_its_weakest_link() {
    let mut documents = rotations(3);
    let short = Endorsement { not_after: Some(1_700), ..rotation(&key(2)) };
    documents[1] = short.sign(&key(1)).unwrap();
    assert_eq!(reach(&documents, &key(3), 1_699).unwrap().until, Some(1_700));
    assert_eq!(reach(&documents, &key(3), 1_700), Err(DocumentError::UnknownKey));
    documents.remove(1);
    assert_eq!(reach(&documents, &key(3), 1_500), Err(DocumentError::UnknownKey));
}

#[test]
fn of_several_ways_the_one_that_lasts_longest_counts() {
    let until = |not_after| Endorsement { not_after, ..endorsement() }.sign(&product_key()).unwrap();
    let documents = [until(Some(1_800)), until(Some(5_000)), until(Some(2_000))];
    assert_eq!(reach(&documents, &daemon_key(), 1_500).unwrap().until, Some(5_000));
}

#[test]
fn a_daemon_vouches_for_nobody() {
    let daemon = endorsement().sign(&product_key()).unwrap();
    let onward = rotation(&key(1)).sign(&daemon_key()).unwrap();
    let itself = rotation(&daemon_key()).sign(&daemon_key()).unwrap();
    let documents = [daemon, onward, itself];
    assert_eq!(reach(&documents, &key(1), 1_500), Err(DocumentError::UnknownKey));
    assert_eq!(reach(&documents, &daemon_key(), 1_500).unwrap().role, KeyRole::Daemon);
}

#[test]
fn endorsements_for_another_product_or_without_the_right_subject_are_passed_over() {
    let wrong = [
        Endorsement { product: "prd_2".into(), ..endorsement() },
        Endorsement { subject: None, ..endorsement() },
        Endorsement { role: KeyRole::Product, ..endorsement() },
        Endorsement { v: 2, ..endorsement() },
    ];
    for endorsement in wrong {
        let documents = [endorsement.sign(&product_key()).unwrap()];
        assert_eq!(reach(&documents, &daemon_key(), 1_500), Err(DocumentError::UnknownKey), "{endorsement:?}");
    }
    let elsewhere =
        follow(&trusted(), &[endorsement().sign(&product_key()).unwrap()], "prd_2", daemon_key().key_id(), 1_500);
    assert_eq!(elsewhere, Err(DocumentError::UnknownKey));
}

#[test]
fn no_bit_of_a_link_can_be_flipped() {
    let genuine = rotations(2);
    assert!(reach(&genuine, &key(2), 1_500).is_ok());
    for place in 0..2 {
        for bit in 0..genuine[place].as_bytes().len() * 8 {
            let mut bytes = genuine[place].as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Ok(forged) = Document::from_bytes(bytes) else { continue };
            let mut documents = genuine.clone();
            documents[place] = forged;
            assert_eq!(reach(&documents, &key(2), 1_500), Err(DocumentError::UnknownKey), "bit {bit} of link {place}");
        }
    }
}

#[test]
fn documents_of_other_kinds_and_circles_do_no_harm() {
    let mut documents = vec![crate::fixtures::lease().sign(&product_key()).unwrap()];
    documents.push(rotation(&key(1)).sign(&key(2)).unwrap());
    documents.push(rotation(&key(2)).sign(&key(1)).unwrap());
    assert_eq!(reach(&documents, &key(2), 1_500), Err(DocumentError::UnknownKey), "a circle hangs in the air");
    documents.push(rotation(&key(1)).sign(&product_key()).unwrap());
    documents.push(rotation(&product_key()).sign(&key(2)).unwrap());
    assert!(reach(&documents, &key(2), 1_500).is_ok());
}
