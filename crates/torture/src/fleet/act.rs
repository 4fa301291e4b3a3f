//! What clients do, and what each answer means to them.

use super::{Client, Credential, Device, Holding, Moment, Pending};
use crate::http::{Answer, Call, Connection, Outcome};
use crate::report::{Flaw, Flaws};
use crate::world::{SEATS, TOKENS, World};
use lessor_testkit::random::Random;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Share of calls with an idempotency key, in percent.
const KEYED: u64 = 50;

/// One thing to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A place of the license.
    Activate,
    /// The next lease.
    Renew,
    /// So many seats in all.
    Seats(i64),
    /// So many more tokens.
    Take(i64),
    /// Tokens back, and tokens used up.
    Give(i64, i64),
    /// Gives the place back.
    Return,
}

impl Holding {
    /// What the device has when the act has had its effect.
    fn after(&self, act: Act) -> Self {
        let before = self.clone();
        match act {
            Act::Activate if self.active => Self { number: self.number + 1, ..before },
            Act::Activate => Self { active: true, number: 1, seats: 0, ..before },
            Act::Renew => Self { number: self.number + 1, ..before },
            Act::Seats(seats) => Self { seats, ..before },
            Act::Take(tokens) => Self { tokens: self.tokens + tokens, ..before },
            Act::Give(back, used) => {
                Self { tokens: self.tokens - back - used, consumed: self.consumed + used, ..before }
            }
            // Tokens stay with the device.
            Act::Return => Self { active: false, seats: 0, number: 0, ..before },
        }
    }

    /// May the server say that there is none left?
    fn may_be_full(&self, act: Act) -> bool {
        match act {
            Act::Activate => !self.active,
            Act::Seats(seats) => seats > self.seats,
            Act::Take(_) => true,
            Act::Renew | Act::Give(..) | Act::Return => false,
        }
    }
}

impl Client {
    /// Works until the moment comes or an answer stays away.
    pub fn work(&mut self, address: SocketAddr, world: &World, moment: &Moment) {
        let mut line = Connection::new(address, PATIENCE);
        while moment.goes_on() {
            let number = self.random.below(self.devices.len() as u64) as usize;
            let Some(act) = choose(&mut self.random, &self.devices[number]) else { continue };
            let keyed = self.random.chance(KEYED);
            if !self.perform(&mut line, world, number, act, keyed, moment) {
                break;
            }
        }
    }

    /// Asks for one thing. `false` when the answer stayed away.
    pub fn perform(
        &mut self,
        line: &mut Connection,
        world: &World,
        number: usize,
        act: Act,
        keyed: bool,
        moment: &Moment,
    ) -> bool {
        self.keys += 1;
        let key = keyed.then(|| format!("{}-{}", self.name, self.keys));
        let Self { devices, acked, flaws, .. } = self;
        let device = &mut devices[number];
        let Some(call) = device.call(world, act).filter(|_| device.pending.is_none()) else { return true };
        let call = call.once(key);
        let outcome = line.call(&call);
        let mut open = true;
        match outcome {
            Outcome::Unsent => return false,
            Outcome::Answered(answer) if !answer.is_open() => {
                let noted = moment.note(|| *acked += u64::from(device.learn(act, &answer, flaws)));
                open = !noted;
            }
            Outcome::Answered(_) | Outcome::Unknown => {}
        }
        if open {
            let after = device.sure.after(act);
            device.pending = Some(Pending { act, call, after });
        }
        !open
    }

    /// Repeats the calls under a key whose answers stayed away: each has its effect once, whatever became of the first try.
    pub fn repeat(&mut self, line: &mut Connection) -> anyhow::Result<()> {
        let Self { devices, acked, flaws, .. } = self;
        for device in devices {
            let Some(Pending { act, call, .. }) = device.pending.clone().filter(|pending| pending.call.key.is_some())
            else {
                continue;
            };
            let answer = line.call(&call).answer(&call)?;
            anyhow::ensure!(
                !answer.is_open() && !answer.is_put_off(),
                "{act:?} again: {} {}",
                answer.status,
                answer.body
            );
            device.pending = None;
            *acked += u64::from(device.learn(act, &answer, flaws));
        }
        Ok(())
    }
}

/// What a device might do next; nothing while it does not know what came of the last call.
fn choose(random: &mut Random, device: &Device) -> Option<Act> {
    if device.pending.is_some() {
        return None;
    }
    let sure = &device.sure;
    if !sure.active || device.credential.is_none() {
        return Some(Act::Activate);
    }
    Some(match random.below(100) {
        0..15 => Act::Renew,
        15..40 => Act::Seats(random.between(0, 3) as i64),
        40..65 => Act::Take(random.between(1, 2) as i64),
        65..85 if sure.tokens > 0 => {
            let back = random.between(0, sure.tokens as u64) as i64;
            Act::Give(back, i64::from(back < sure.tokens && random.chance(20)))
        }
        85..95 => Act::Return,
        _ => Act::Activate,
    })
}

impl Device {
    fn call(&self, world: &World, act: Act) -> Option<Call> {
        if let Act::Give(back, used) = act
            && back + used > self.sure.tokens
        {
            return None;
        }
        if act == Act::Activate {
            return Some(world.activate(&world.licenses[self.license], &self.id));
        }
        let Credential { activation, secret } = self.credential.as_ref()?;
        let at = |method: &'static str, part: &str| {
            Call::new(method, format!("/device/v1/activations/{activation}{part}"), secret)
        };
        Some(match act {
            Act::Activate => return None,
            Act::Renew => at("POST", "/renew").with(json!({"number": self.number_to_show()})),
            Act::Seats(seats) => at("POST", "/seats").with(json!({"feature": SEATS, "seats": seats})),
            Act::Take(tokens) => at("POST", "/tokens").with(json!({"feature": TOKENS, "check_out": tokens})),
            Act::Give(back, used) => {
                at("POST", "/tokens").with(json!({"feature": TOKENS, "return": back, "consumed": used}))
            }
            Act::Return => at("DELETE", ""),
        })
    }

    /// The number of the lease that it holds. A server bears with one lost answer; after two a device is refused, and would
    /// have to activate again.
    fn number_to_show(&self) -> i64 {
        if self.sure.number - self.seen <= 1 { self.seen } else { self.sure.number }
    }

    /// Takes note of an answer. Was an effect acknowledged?
    fn learn(&mut self, act: Act, answer: &Answer, flaws: &mut Flaws) -> bool {
        let name = &self.id;
        if !answer.is_ok() {
            let full = answer.status == 409 && answer.code() == "no_seat" && self.sure.may_be_full(act);
            if !full && !answer.is_put_off() && answer.status != 507 {
                // What was acknowledged earlier is denied now.
                let kind = if matches!(answer.status, 401 | 404 | 409 | 410) { Flaw::Lost } else { Flaw::Wrong };
                flaws.note(kind, format!("{name}: {act:?} with {:?}: {} {}", self.sure, answer.status, answer.body));
            }
            return false;
        }
        let after = self.sure.after(act);
        let body = &answer.body;
        let told = match act {
            Act::Activate => {
                if (answer.status == 201) == self.sure.active {
                    flaws.note(Flaw::Lost, format!("{name}: activated with {:?}, told {}", self.sure, answer.status));
                }
                let member = |member: &str| body[member].as_str().map(str::to_owned);
                if let (Some(activation), Some(secret)) = (member("activation"), member("secret")) {
                    self.credential = Some(Credential { activation, secret });
                }
                body["lease"]["number"] == after.number
            }
            Act::Renew => body["lease"]["number"] == after.number,
            Act::Seats(seats) => body["held"] == seats,
            Act::Take(_) | Act::Give(..) => body["held"] == after.tokens,
            Act::Return => true,
        };
        if !told {
            flaws.note(Flaw::Wrong, format!("{name}: {act:?} with {:?} was answered {body}", self.sure));
        }
        if act == Act::Return {
            self.credential = None;
        }
        let changed = after != self.sure;
        if matches!(act, Act::Activate | Act::Renew) {
            self.seen = after.number;
        }
        self.sure = after;
        changed
    }
}
