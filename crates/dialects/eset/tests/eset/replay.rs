//! Replays every transcript.

use crate::stage::{Stage, price};
use crate::transcript::{self, Host, replay};
use lessor_core::operation;
use lessor_testkit::Engine;
use std::collections::HashMap;

impl Host for Stage {
    async fn send(&self, who: Option<&str>, verb: &str, address: &str, body: &str) -> (u16, String) {
        // Tokens do not last as long as a transcript.
        let token = match who {
            Some(who) => Some(self.world.token(who).await),
            None => None,
        };
        let answer = self.world.call(token.as_deref(), verb, address, body).await;
        (answer.status.as_u16(), answer.text)
    }

    async fn pass_hours(&self, hours: i64) {
        self.world.bench.pass_hours(hours);
        operation::run_now(&self.world.bench.app).await.expect("all that waits");
    }

    fn known(&self) -> HashMap<String, String> {
        let companies = self.world.companies.iter();
        let known = companies.flat_map(|(name, company)| {
            [((*name).to_owned(), company.id.0.to_string()), (format!("{name}.user"), company.user.0.to_string())]
        });
        known.chain([("terms".to_owned(), self.terms.0.to_string())]).collect()
    }
}

/// Each transcript has a world to itself.
fn every_transcript_comes_out_as_written(engine: Engine) {
    for (name, transcript) in transcript::all() {
        lessor_testkit::run(engine, async move |bench| {
            let stage = Stage::new(&bench).await;
            price(&stage, &["division", "msp"], "111").await;
            replay(&stage, &name, &transcript).await;
        });
    }
}

#[test]
fn every_transcript_comes_out_as_written_on_sqlite() {
    every_transcript_comes_out_as_written(Engine::Sqlite);
}

#[test]
fn every_transcript_comes_out_as_written_on_postgres() {
    every_transcript_comes_out_as_written(Engine::Postgres);
}
