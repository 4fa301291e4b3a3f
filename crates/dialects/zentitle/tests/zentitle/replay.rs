//! Replays every transcript.

use crate::transcript::{self, Host, replay};
use crate::world::World;
use lessor_core::{ProductId, alias};
use lessor_testkit::on_both_engines;
use lessor_zentitle::{KeyType, ids};

impl Host for World {
    async fn send(&self, key: &str, verb: &str, address: &str, body: &str) -> (u16, String) {
        let kind = KeyType::parse(key).expect("a key type");
        let answer = self.call(kind, verb, address, body).await;
        (answer.status.as_u16(), answer.text)
    }

    async fn activate(&self, product: &str, code: Option<&str>, computer: &str) {
        let (tenant, number) = (self.tenant().await, product.to_owned());
        let product = self.bench.read(move |tx, _| alias::resolve(tx, tenant, ids::PRODUCT, &number)).await;
        let product = ProductId(product.expect("an answer").expect("a product"));
        World::activate(self, product, code, computer).await.expect("an activation");
    }

    fn now(&self) -> i64 {
        self.bench.app.now().seconds()
    }
}

on_both_engines! {
    every_transcript_comes_out_as_written(bench) {
        let world = World::new(&bench).await;
        for (name, transcript) in transcript::all() {
            replay(&world, &name, &transcript).await;
        }
    }
}
