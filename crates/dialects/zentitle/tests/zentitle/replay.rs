//! Replays every transcript, and holds transcripts and README to the table of calls.

use crate::transcript::{self, Host, Step, replay};
use crate::world::World;
use lessor_core::{ProductId, alias};
use lessor_testkit::on_both_engines;
use lessor_zentitle::table::{self, CALLS, Verb};
use lessor_zentitle::{KeyType, ids};
use std::collections::BTreeSet;

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
}

on_both_engines! {
    every_transcript_comes_out_as_written(bench) {
        let world = World::new(&bench).await;
        for (name, transcript) in transcript::all() {
            replay(&world, &name, &transcript).await;
        }
    }
}

/// `VERB Controller` of a step that succeeded.
fn succeeded(step: &Step) -> Option<String> {
    let Step::Call(call) = step else { return None };
    let (verb, address) = call.call.split_once(' ')?;
    let controller = address.split('?').next()?.trim_end_matches('/');
    let verb = Verb::of(&verb.parse().ok()?)?;
    let call = table::find(controller, verb).filter(|_| call.status == 200)?;
    Some(format!("{} {}", call.verb.word(), call.controller))
}

#[test]
fn every_call_that_is_built_has_a_transcript() {
    let shown: BTreeSet<String> =
        transcript::all().iter().flat_map(|(_, transcript)| transcript.steps.iter().filter_map(succeeded)).collect();
    // Certificates are signed anew each time, so that no transcript can hold one; `usage.rs` makes them.
    let signed = ["POST OfflineActivation".to_owned(), "POST OfflineDeActivation".to_owned()];
    let built = CALLS.iter().filter(|call| call.handler.is_some());
    let built: BTreeSet<String> = built.map(|call| format!("{} {}", call.verb.word(), call.controller)).collect();
    let missing: Vec<_> = built.iter().filter(|call| !shown.contains(*call) && !signed.contains(call)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_readme_lists_every_call_with_its_state() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    for (place, call) in CALLS.iter().enumerate() {
        let state = if call.handler.is_some() { "done" } else { "501" };
        let line = format!("| {} | {} | {} |", place + 1, call.controller, call.verb.word());
        let found = readme.lines().find(|known| known.starts_with(&line)).unwrap_or_else(|| panic!("{line}"));
        assert!(found.ends_with(&format!(" {state} |")), "{found}");
    }
}
