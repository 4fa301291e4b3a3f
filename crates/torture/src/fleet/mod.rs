//! Clients with devices, and what each knows of what the server promised it.

mod act;
mod compare;
mod moment;

pub use act::Act;
pub use compare::Shown;
pub use moment::Moment;

use crate::http::Call;
use crate::report::Flaws;
use crate::world::World;
use lessor_testkit::random::Random;

/// What one device has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Is it activated?
    pub active: bool,
    /// Number of its latest lease.
    pub number: i64,
    /// Floating seats.
    pub seats: i64,
    /// Tokens that it can still use or give back.
    pub tokens: i64,
    /// Tokens that it has used up.
    pub consumed: i64,
}

/// How a device proves its activation.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The activation.
    pub activation: String,
    /// Its secret.
    pub secret: String,
}

/// A call whose outcome its client does not know.
#[derive(Clone, Debug)]
pub struct Pending {
    /// What was asked for.
    act: Act,
    /// How: with an idempotency key it is asked again.
    call: Call,
    /// What the device has if it had its effect.
    after: Holding,
}

/// A device. One client alone speaks for it, one call at a time.
#[derive(Clone, Debug)]
pub struct Device {
    /// Which license it uses.
    license: usize,
    /// Its id.
    id: String,
    credential: Option<Credential>,
    /// What was acknowledged.
    sure: Holding,
    /// Number of the latest lease that reached it: behind the server's after an answer that was lost.
    seen: i64,
    pending: Option<Pending>,
}

/// A client: a thread's worth of devices.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its devices.
    devices: Vec<Device>,
    random: Random,
    keys: u64,
    name: usize,
    /// Answers that acknowledged an effect.
    pub acked: u64,
    /// What was not as it should be.
    pub flaws: Flaws,
}

/// All clients of a world.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// What they work on.
    pub world: World,
    /// They.
    pub clients: Vec<Client>,
    /// What the harness saw by itself.
    pub flaws: Flaws,
}

impl Fleet {
    /// Clients with as many devices each, spread over the licenses.
    pub fn new(world: World, clients: usize, devices: usize, random: &mut Random) -> Self {
        let licenses = world.licenses.len();
        let device = |client: usize, device: usize| Device {
            license: (client + device) % licenses,
            id: format!("device-{client:03}-{device:03}"),
            credential: None,
            sure: Holding::default(),
            seen: 0,
            pending: None,
        };
        let client = |name: usize| Client {
            devices: (0..devices).map(|number| device(name, number)).collect(),
            random: random.fork(),
            keys: 0,
            name,
            acked: 0,
            flaws: Flaws::default(),
        };
        Self { world, clients: (0..clients).map(client).collect(), flaws: Flaws::default() }
    }

    /// How many answers acknowledged an effect.
    pub fn acked(&self) -> u64 {
        self.clients.iter().map(|client| client.acked).sum()
    }

    /// All that was not as it should be.
    pub fn all_flaws(&self) -> Flaws {
        let mut all = self.flaws.clone();
        self.clients.iter().for_each(|client| all.add(&client.flaws));
        all
    }
}
