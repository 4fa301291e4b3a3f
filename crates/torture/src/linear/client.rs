//! A client that works on pools through two servers and writes down when it asked for what and what came back.

use super::history::{Change, Operation, Outcome};
use crate::fleet::Credential;
use crate::http::{self, Answer, Call, Connection};
use crate::world::{SEATS, TOKENS, World};
use lessor_testkit::random::Random;
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a client waits for an answer: shorter than a server may be frozen.
const PATIENCE: Duration = Duration::from_millis(600);
/// How long it goes on asking under the same idempotency key.
const PERSEVERANCE: Duration = Duration::from_secs(60);
/// Share of calls with an idempotency key, in percent.
const KEYED: u64 = 80;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Floating seats.
    Seats,
    /// Tokens.
    Tokens,
    /// Places for activations.
    Places,
}

/// Something of which there is only so much.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// What is counted.
    pub kind: Kind,
    /// Of which license.
    pub license: usize,
    /// How much there is.
    pub limit: i64,
}

/// What a client has of one pool.
#[derive(Clone, Debug, Default)]
pub struct Stake {
    /// How much it holds.
    pub held: i64,
    /// Its activation of the pool's license.
    pub credential: Option<Credential>,
    /// After an answer that stayed away it leaves the pool alone.
    pub open: bool,
    /// What it did.
    pub operations: Vec<Operation>,
}

/// A client.
#[derive(Debug)]
pub struct Client {
    /// Its number.
    pub number: usize,
    /// What it has of each pool.
    pub stakes: Vec<Stake>,
    /// Answers that no server should give.
    pub strange: Vec<String>,
    random: Random,
    /// Begins its idempotency keys, so that no two rounds have one in common.
    tag: u64,
    keys: u64,
}

impl Client {
    /// A client of as many pools.
    pub fn new(number: usize, pools: usize, mut random: Random) -> Self {
        let tag = random.number();
        Self { number, stakes: vec![Stake::default(); pools], strange: Vec::new(), random, tag, keys: 0 }
    }

    /// Its device's id.
    pub fn device(&self) -> String {
        format!("client-{:04}", self.number)
    }

    /// Does so many operations, each through whichever server comes.
    pub fn work(&mut self, count: usize, servers: &[SocketAddr], world: &World, pools: &[Pool], clock: Instant) {
        let mut lines: Vec<Connection> = servers.iter().map(|server| Connection::new(*server, PATIENCE)).collect();
        for _ in 0..count {
            let at = self.random.below(pools.len() as u64) as usize;
            if !self.stakes[at].open {
                self.operate(at, &pools[at], world, &mut lines, clock);
            }
        }
    }

    fn operate(&mut self, at: usize, pool: &Pool, world: &World, lines: &mut [Connection], clock: Instant) {
        let held = self.stakes[at].held;
        let change = match pool.kind {
            Kind::Seats => Change::To(self.random.between(0, 2) as i64),
            Kind::Tokens if held > 0 => Change::By(if self.random.chance(50) { -held } else { 1 }),
            Kind::Tokens => Change::By(self.random.between(1, 2) as i64),
            Kind::Places => Change::To(1 - held),
        };
        let Some(call) = self.call(at, pool, world, change) else { return };
        self.keys += 1;
        let keyed = self.random.chance(KEYED);
        let call = call.once(keyed.then(|| format!("{:016x}-{}-{}", self.tag, self.number, self.keys)));
        let asked = clock.elapsed().as_nanos() as u64;
        let answer = self.ask(&call, keyed, lines);
        let answered = clock.elapsed().as_nanos() as u64;
        let outcome = match &answer {
            None => Outcome::Open,
            Some(answer) if answer.is_ok() => Outcome::Done(answer.body["used"].as_i64()),
            Some(answer) if answer.code() == "no_seat" => Outcome::Full,
            // It says that it did nothing.
            Some(answer) if answer.is_put_off() => return,
            Some(answer) => {
                self.strange.push(format!("{change:?} of {pool:?}: {} {}", answer.status, answer.body));
                return;
            }
        };
        let stake = &mut self.stakes[at];
        match outcome {
            Outcome::Done(_) => {
                stake.held = change.of(stake.held);
                if pool.kind == Kind::Places {
                    stake.credential = answer.as_ref().and_then(credential);
                }
            }
            Outcome::Full => {}
            Outcome::Open => stake.open = true,
        }
        stake.operations.push(Operation { client: self.number, change, asked, answered, outcome });
    }

    fn call(&self, at: usize, pool: &Pool, world: &World, change: Change) -> Option<Call> {
        if pool.kind == Kind::Places && change == Change::To(1) {
            return Some(world.activate(&world.licenses[pool.license], &self.device()));
        }
        let Credential { activation, secret } = self.stakes[at].credential.as_ref()?;
        let path = format!("/device/v1/activations/{activation}");
        Some(match (pool.kind, change) {
            (Kind::Places, _) => Call::new("DELETE", path, secret),
            (Kind::Seats, change) => Call::new("POST", format!("{path}/seats"), secret)
                .with(json!({"feature": SEATS, "seats": change.of(self.stakes[at].held)})),
            (Kind::Tokens, change) => {
                let by = change.of(0);
                let body = match by > 0 {
                    true => json!({"feature": TOKENS, "check_out": by}),
                    false => json!({"feature": TOKENS, "return": -by}),
                };
                Call::new("POST", format!("{path}/tokens"), secret).with(body)
            }
        })
    }

    /// Asks one of the servers, and with a key goes on asking until there is an answer. `None` when it stayed away.
    fn ask(&mut self, call: &Call, keyed: bool, lines: &mut [Connection]) -> Option<Answer> {
        let until = Instant::now() + PERSEVERANCE;
        let mut open = false;
        while Instant::now() < until {
            let line = self.random.below(lines.len() as u64) as usize;
            match lines[line].call(call) {
                http::Outcome::Answered(answer) if answer.is_open() => open = true,
                // It did nothing this time; what an earlier try did is still not known.
                http::Outcome::Answered(answer) if answer.is_put_off() && open => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                http::Outcome::Answered(answer) => return Some(answer),
                http::Outcome::Unknown => open = true,
                http::Outcome::Unsent => std::thread::sleep(Duration::from_millis(5)),
            }
            if open && !keyed {
                return None;
            }
        }
        None
    }
}

/// The activation that an answer tells.
pub fn credential(answer: &Answer) -> Option<Credential> {
    let member = |name: &str| answer.body[name].as_str().map(str::to_owned);
    Some(Credential { activation: member("activation")?, secret: member("secret")? })
}
