//! Who tells of use: batches of records, again and again until their fate is known.

use super::told::Told;
use crate::fleet::Moment;
use crate::http::{Answer, Call, Connection, Outcome};
use crate::report::{Flaw, Flaws};
use crate::world::{PATIENCE, World};
use lessor_testkit::random::Random;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Most records of a batch.
const MOST: u64 = 150;
/// From which number on the records of a teller are its own.
const OWN: u64 = 10_000_000;
/// Share of batches that only this teller tells, in percent.
const ALONE: u64 = 50;
/// Share of batches under an idempotency key, in percent.
const KEYED: u64 = 40;
/// Most milliseconds between two batches.
const PAUSE: u64 = 6;
/// How long an answer may stay away after the server is back.
const PERSEVERANCE: Duration = Duration::from_secs(30);

/// A batch whose fate may be open.
#[derive(Clone, Debug)]
struct Batch {
    numbers: Vec<u64>,
    /// Does nobody else tell them?
    alone: bool,
    call: Call,
}

/// One who tells.
#[derive(Debug)]
pub struct Teller {
    name: u64,
    random: Random,
    /// How many batches so far.
    batches: u64,
    /// How many records of its own.
    own: u64,
    pending: Option<Batch>,
    /// All that was acknowledged to it.
    pub told: HashSet<u64>,
    /// What it was told to be new.
    pub counted: Vec<u64>,
    /// Batches that stayed without an answer and were told again.
    pub again: u64,
    /// What was not as it should be.
    pub flaws: Flaws,
}

impl Teller {
    /// The one of this number.
    pub fn new(name: u64, random: Random) -> Self {
        let (told, counted) = (HashSet::new(), Vec::new());
        Self { name, random, batches: 0, own: 0, pending: None, told, counted, again: 0, flaws: Flaws::default() }
    }

    /// Tells batch after batch until the moment comes, or one stays without an answer. `common` is how far all have come with
    /// what they all tell.
    pub fn work(
        &mut self,
        address: SocketAddr,
        (world, accounts): (&World, &[String]),
        common: &AtomicU64,
        moment: &Moment,
    ) {
        let mut line = Connection::new(address, PATIENCE);
        while moment.goes_on() {
            let batch = match self.pending.take() {
                Some(batch) => batch,
                None => self.next(world, accounts, common),
            };
            match line.call(&batch.call) {
                Outcome::Answered(answer) if answer.is_ok() => self.take(&batch, &answer, false),
                Outcome::Answered(answer) if !answer.is_open() && !answer.is_put_off() => {
                    self.flaws.note(Flaw::Wrong, format!("a batch: {} {}", answer.status, answer.body));
                }
                Outcome::Answered(_) | Outcome::Unsent => self.pending = Some(batch),
                Outcome::Unknown => {
                    self.pending = Some(batch);
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(self.random.below(PAUSE)));
        }
    }

    /// Tells again what stayed without an answer.
    pub fn settle(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let Some(batch) = self.pending.take() else { return Ok(()) };
        let until = Instant::now() + PERSEVERANCE;
        loop {
            match Connection::new(address, PATIENCE).call(&batch.call) {
                Outcome::Answered(answer) if answer.is_ok() => {
                    self.again += 1;
                    self.take(&batch, &answer, true);
                    return Ok(());
                }
                other => anyhow::ensure!(Instant::now() < until, "a batch that is told again: {other:?}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn next(&mut self, world: &World, accounts: &[String], common: &AtomicU64) -> Batch {
        let random = &mut self.random;
        let alone = random.chance(ALONE);
        let count = random.between(1, MOST);
        let mut numbers: Vec<u64> = if alone {
            self.own += count;
            (self.own - count..self.own).map(|number| (self.name + 1) * OWN + number).collect()
        } else {
            // Those who tell at the same time come upon the same records.
            let base = common.fetch_add(count / 4, Ordering::Relaxed);
            (0..count).map(|_| base + random.below(count * 2)).collect()
        };
        for at in (1..numbers.len()).rev() {
            numbers.swap(at, random.below(at as u64 + 1) as usize);
        }
        if random.chance(20) {
            numbers.push(numbers[0]);
        }
        self.batches += 1;
        let key = random.chance(KEYED).then(|| format!("batch-{}-{}", self.name, self.batches));
        let records: Vec<Value> = numbers.iter().map(|number| Told::of(*number).body(accounts)).collect();
        let call = world.call("POST", "/v1/usage").with(json!({ "records": records })).once(key);
        Batch { numbers, alone, call }
    }

    /// Takes the fates of a batch in, and looks whether they can be.
    fn take(&mut self, batch: &Batch, answer: &Answer, again: bool) {
        let results = answer.body["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        if results.len() != batch.numbers.len() {
            let words = format!("{} fates of {} records", results.len(), batch.numbers.len());
            self.flaws.note(Flaw::Wrong, words);
        }
        let mut fates = BTreeSet::new();
        for (number, result) in batch.numbers.iter().zip(results) {
            let told = Told::of(*number);
            let outcome = result["outcome"].as_str().unwrap_or_default();
            let can_be = match outcome {
                "rejected" => told.wrong,
                // What was acknowledged to this very teller is known.
                "counted" => !told.wrong && !self.told.contains(number),
                "duplicate" => !told.wrong && (again || !batch.alone || self.told.contains(number)),
                _ => false,
            };
            if !can_be || result["id"] != json!(told.id()) {
                let kind = if outcome == "counted" { Flaw::Duplicated } else { Flaw::Wrong };
                self.flaws.note(kind, format!("record {number}: {result}"));
            }
            if !told.wrong && self.told.insert(*number) {
                fates.insert(outcome);
            }
            if outcome == "counted" {
                self.counted.push(*number);
            }
        }
        if batch.alone && fates.len() > 1 {
            self.flaws.note(Flaw::Wrong, format!("half of a batch was there when it was told again: {}", answer.body));
        }
    }
}
