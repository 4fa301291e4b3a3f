//! Signing keys: what was signed stays good, who trusts any key gets to the present one, and a compromised one goes.

use lessor_core::catalog::{self, KeyState, SigningKey};
use lessor_core::{Error, Noun, ProductId, Refusal};
use lessor_lease::{Document, KeyId, KeyRole, KeyTable, PublicKey, follow};
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, on_both_engines};

async fn rotate(bench: &Bench, product: ProductId) -> Result<SigningKey, Error> {
    bench.pass_seconds(1);
    bench.write(move |tx, cx| catalog::rotate_key(tx, cx, product)).await
}

async fn retire(bench: &Bench, product: ProductId, key: KeyId) -> Result<SigningKey, Error> {
    bench.write(move |tx, cx| catalog::retire_key(tx, cx, product, key)).await
}

async fn published(bench: &Bench, product: ProductId) -> (Vec<(PublicKey, String)>, Vec<Document>) {
    let read = move |tx: &mut dyn lessor_core::Tx, _: &lessor_core::Context<'_>| {
        Ok((catalog::public_keys(tx, product)?, catalog::endorsements(tx, product)?))
    };
    let (keys, texts) = bench.read(read).await.expect("keys");
    (keys, texts.iter().map(|text| Document::parse(text).expect("a document")).collect())
}

async fn version(bench: &Bench, product: ProductId) -> i64 {
    bench.read(move |tx, cx| catalog::product(tx, cx, product)).await.expect("a product").version
}

fn trusting(key: PublicKey) -> KeyTable {
    [key].into_iter().collect()
}

on_both_engines! {
    a_rotated_key_signs_and_the_one_before_still_verifies(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, lessor_core::license::Terms::default()).await;
        let held = bench.activate(activate_on(product.id, Some(&license.code), &device(1))).await.expect("activated");
        let old = held.leased.sign(&held.leased.lease()).expect("a document");
        let first = published(&bench, product.id).await.0[0].0;

        let before = version(&bench, product.id).await;
        let new = rotate(&bench, product.id).await.expect("a new key");
        assert!(version(&bench, product.id).await > before, "whoever keeps the key has to look again");
        let renewed = bench.renew(&held).await.expect("renewed");
        let document = Document::parse(&renewed.sign(&renewed.lease()).expect("a document")).expect("a document");
        assert_eq!(document.key_id(), new.id);
        assert!(document.open_lease(&trusting(new.public_key)).is_ok());
        assert!(document.open_lease(&trusting(first)).is_err());
        let (keys, _) = published(&bench, product.id).await;
        let states: Vec<_> = keys.iter().map(|(key, state)| (*key, state.as_str())).collect();
        assert_eq!(states, [(first, "retiring"), (new.public_key, "active")]);
        let table: KeyTable = keys.into_iter().map(|(key, _)| key).collect();
        assert!(Document::parse(&old).expect("a document").open_lease(&table).is_ok());
    }

    from_any_key_one_gets_to_the_present_one(bench) {
        let product = bench.product("Paint").await.id;
        let other = bench.product("Draw").await.id;
        let mut trusted = vec![published(&bench, product).await.0[0].0];
        for _ in 0..4 {
            trusted.push(rotate(&bench, product).await.expect("a new key").public_key);
        }
        let (_, endorsements) = published(&bench, product).await;
        let present = trusted.last().expect("a key").id();
        let now = bench.app.now().seconds();
        for key in &trusted {
            let found = follow(&trusting(*key), &endorsements, &product.to_string(), present, now).expect("a way");
            assert_eq!((found.role, found.until), (KeyRole::Product, None));
            assert!(follow(&trusting(*key), &endorsements, &other.to_string(), present, now).is_err() || key.id() == present);
        }
        let stranger = published(&bench, other).await.0[0].0;
        assert!(follow(&trusting(stranger), &endorsements, &product.to_string(), present, now).is_err());

        // One in the middle becomes known to others: it is gone, and the way from the first does not lead through it.
        let state = retire(&bench, product, trusted[1].id()).await.expect("retired").state;
        assert_eq!(state, KeyState::Retired);
        let (keys, endorsements) = published(&bench, product).await;
        assert!(keys.iter().all(|(key, _)| *key != trusted[1]));
        assert!(endorsements.iter().all(|document| document.key_id() != trusted[1].id()));
        assert!(follow(&trusting(trusted[0]), &endorsements, &product.to_string(), present, now).is_ok());
        assert!(follow(&trusting(trusted[1]), &endorsements, &product.to_string(), present, now).is_err());
        assert!(follow(&trusting(trusted[0]), &endorsements, &product.to_string(), trusted[1].id(), now).is_err());
    }

    the_key_that_signs_is_never_retired_and_there_are_eight_at_most(bench) {
        let product = bench.product("Paint").await.id;
        let first = published(&bench, product).await.0[0].0.id();
        let refused = retire(&bench, product, first).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::InUse(Noun::SigningKey)))), "{refused:?}");
        let theirs = published(&bench, bench.product("Draw").await.id).await.0[0].0.id();
        let unknown = retire(&bench, product, theirs).await;
        assert!(matches!(unknown, Err(Error::Refused(Refusal::NotFound(Noun::SigningKey)))), "{unknown:?}");
        for _ in 0..7 {
            rotate(&bench, product).await.expect("a new key");
        }
        let full = rotate(&bench, product).await;
        assert!(matches!(full, Err(Error::Refused(Refusal::OutOfRange { max: 8, .. }))), "{full:?}");
        let before = version(&bench, product).await;
        for _ in 0..2 {
            assert_eq!(retire(&bench, product, first).await.expect("retired").state, KeyState::Retired);
        }
        assert!(version(&bench, product).await > before);
        rotate(&bench, product).await.expect("a new key");
        let all = bench.read(move |tx, cx| catalog::signing_keys(tx, cx, product)).await.expect("keys");
        assert_eq!(all.len(), 9);
        assert_eq!(all.iter().filter(|key| key.state == KeyState::Active).count(), 1);
    }

    rotations_at_once_leave_one_key_that_signs(bench) {
        let product = bench.product("Paint").await.id;
        let outcomes = bench.all_at_once(6, |_| rotate(&bench, product)).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let (keys, endorsements) = published(&bench, product).await;
        assert_eq!(keys.iter().filter(|(_, state)| state == "active").count(), 1);
        assert_eq!((keys.len(), endorsements.len()), (7, 21));
    }
}
