//! What the load knows of a store: its licenses, and the activations that it made there.

use crate::load::{Work, exhaust};
use crate::request;
use lessor_bench::code;
use lessor_testkit::random::Random;
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// What loading told of a store.
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    /// The product, by its native id.
    pub product: String,
    /// The product, by its number in the dialect.
    pub number: String,
    /// What to send as authorization to the dialect.
    pub bearer: String,
}

/// An activation, as its device knows it.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its id.
    pub activation: String,
    /// What the device presents.
    pub secret: String,
    /// Number of its latest lease.
    pub number: u64,
    /// Whether the device holds a seat.
    pub seated: bool,
    /// Whether the device holds tokens that it has not used up.
    pub charged: bool,
}

/// A store behind one or more servers, as the load knows it.
pub struct World {
    /// Licenses in it.
    pub licenses: u64,
    /// What loading told.
    pub facts: Facts,
    /// Activations that the load made.
    pub held: Vec<Held>,
    /// Makes the ids of devices this run's own.
    seed: u64,
    /// Devices so far.
    devices: u64,
}

impl World {
    /// Of a loaded store.
    pub fn read(facts: &Path, licenses: u64, seed: u64) -> io::Result<Self> {
        let facts = serde_json::from_slice(&std::fs::read(facts)?)?;
        Ok(Self { licenses, facts, held: Vec::new(), seed, devices: 0 })
    }

    /// Activates this many licenses, each once (as far as there are so many), in no order.
    pub fn activate(&mut self, address: SocketAddr, connections: usize, count: u64) -> io::Result<()> {
        self.held.reserve(usize::try_from(count).unwrap_or(0));
        let mut work = Prepare { world: self, left: count };
        match exhaust(&[address], connections, &mut work)? {
            (0, _) => Ok(()),
            (refused, example) => {
                Err(io::Error::other(format!("{refused} activations were refused: {}", example.unwrap_or_default())))
            }
        }
    }

    /// Any license's code.
    pub fn any_code(&self, chance: &mut Random) -> String {
        code(chance.below(self.licenses))
    }

    /// A device that has never been seen.
    pub fn new_device(&mut self) -> String {
        self.devices += 1;
        format!("device-{:016x}-{:08x}", self.seed, self.devices)
    }
}

struct Prepare<'a> {
    world: &'a mut World,
    left: u64,
}

impl Work for Prepare<'_> {
    fn ask(&mut self, _connection: usize, request: &mut Vec<u8>) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        // The step is a prime that divides no number of licenses.
        let license = self.left.wrapping_mul(2_654_435_761) % self.world.licenses;
        let device = self.world.new_device();
        request::activate(request, &self.world.facts.product, &code(license), &device);
        true
    }

    fn take(&mut self, _connection: usize, body: &[u8]) {
        let held = Held {
            activation: request::text(body, "activation").unwrap_or_default(),
            secret: request::text(body, "secret").unwrap_or_default(),
            number: request::number(body, "number").unwrap_or_default(),
            seated: false,
            charged: false,
        };
        self.world.held.push(held);
    }
}
