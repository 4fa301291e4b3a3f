//! After a fault: what the server shows beside what it acknowledged.

use super::act::Act;
use super::{Client, Credential, Device, Fleet, Holding};
use crate::http::{Call, Connection, Outcome};
use crate::report::{Flaw, Flaws};
use crate::world::{PATIENCE, SEATS, TOKENS, World};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a server may take until it answers again after its database came back.
const RECOVERY: Duration = Duration::from_secs(20);

/// What the server shows of a license.
#[derive(Debug)]
pub struct Shown {
    /// Activations in use, by device: id and number of the latest lease.
    pub activations: HashMap<String, Vec<(String, i64)>>,
    /// Activations as the license counts them.
    pub active: i64,
    /// Seats in use.
    pub seats: i64,
    /// Tokens checked out, used up ones included.
    pub tokens: i64,
}

impl Shown {
    /// Asks for it.
    pub fn of(world: &World, line: &mut Connection, license: usize) -> anyhow::Result<Self> {
        let path = format!("/v1/licenses/{}", world.licenses[license].id);
        let shown = line.ok(&world.call("GET", path.clone()))?;
        let used = |code: &str| {
            let features = shown["features"].as_array();
            let feature = features.and_then(|all| all.iter().find(|feature| feature["code"] == code));
            feature.and_then(|feature| feature["used"].as_i64()).unwrap_or(i64::MAX)
        };
        let mut activations: HashMap<String, Vec<(String, i64)>> = HashMap::new();
        let mut cursor = String::new();
        loop {
            let page = line.ok(&world.call("GET", format!("{path}/activations?current=true&limit=100{cursor}")))?;
            for one in page["items"].as_array().unwrap_or(&Vec::new()) {
                let text = |member: &str| one[member].as_str().unwrap_or_default().to_owned();
                let lease = (text("id"), one["lease_number"].as_i64().unwrap_or_default());
                activations.entry(text("device")).or_default().push(lease);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let active = shown["active_count"].as_i64().unwrap_or(i64::MAX);
        Ok(Self { activations, active, seats: used(SEATS), tokens: used(TOKENS) })
    }
}

/// Waits until the server does its work again, for a while.
pub fn wait_until_ready(world: &World, line: &mut Connection) -> anyhow::Result<()> {
    let until = Instant::now() + RECOVERY;
    // A change of nothing, so that it has to write as well as to read.
    let call = world.call("PATCH", format!("/v1/licenses/{}", world.licenses[0].id)).with(json!({}));
    loop {
        match line.call(&call) {
            Outcome::Answered(answer) if answer.is_ok() => return Ok(()),
            // It is up, and will say the same again.
            Outcome::Answered(answer) if answer.status != 503 => {
                anyhow::bail!("the server refuses what it let happen before: {} {}", answer.status, answer.body)
            }
            other => anyhow::ensure!(Instant::now() < until, "the server does not come back: {other:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Fleet {
    /// Repeats what is to be repeated, then compares everything and settles what was open. Nobody else may be at work.
    pub fn settle(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let mut line = Connection::new(address, PATIENCE);
        wait_until_ready(&self.world, &mut line)?;
        self.clients.iter_mut().try_for_each(|client| client.repeat(&mut line))?;
        for license in 0..self.world.licenses.len() {
            let shown = Shown::of(&self.world, &mut line, license)?;
            compare(&self.world, &mut self.clients, license, &shown, &mut line, &mut self.flaws)?;
        }
        Ok(())
    }
}

fn compare(
    world: &World,
    clients: &mut [Client],
    license: usize,
    shown: &Shown,
    line: &mut Connection,
    flaws: &mut Flaws,
) -> anyhow::Result<()> {
    let devices = clients.iter_mut().flat_map(|client| &mut client.devices);
    let mut devices: Vec<&mut Device> = devices.filter(|device| device.license == license).collect();
    limits(world, license, shown, flaws);
    for device in &mut devices {
        device.compare_activation(shown, flaws);
    }
    let strangers = shown.activations.keys().filter(|id| !devices.iter().any(|device| device.id == **id));
    strangers.for_each(|id| flaws.note(Flaw::Duplicated, format!("nobody knows the activation of {id}")));
    sums(&devices, license, shown, flaws);
    let mut seats = shown.seats;
    for device in &mut devices {
        device.compare_holdings(line, &mut seats, flaws)?;
        device.pending = None;
    }
    // What was used up is gone; with as many new ones the pool stays as narrow as it was.
    let consumed: i64 = devices.iter().map(|device| device.sure.consumed).sum();
    world.set_tokens(line, &world.licenses[license], world.limits.tokens + consumed)
}

fn limits(world: &World, license: usize, shown: &Shown, flaws: &mut Flaws) {
    let listed = shown.activations.values().map(Vec::len).sum::<usize>() as i64;
    if listed > world.limits.places || shown.active > world.limits.places {
        let places = world.limits.places;
        flaws.note(Flaw::OverAllocated, format!("license {license}: {listed} activations on {places} places"));
    }
    if listed != shown.active {
        let active = shown.active;
        flaws.note(Flaw::Wrong, format!("license {license}: {listed} activations, but it counts {active}"));
    }
    if shown.seats > world.limits.seats {
        let words = format!("license {license}: {} of {} seats", shown.seats, world.limits.seats);
        flaws.note(Flaw::OverAllocated, words);
    }
}

/// What all devices together have, beside what the license counts.
fn sums(devices: &[&mut Device], license: usize, shown: &Shown, flaws: &mut Flaws) {
    let mut check = |what: &str, shown: i64, of: &dyn Fn(&Holding) -> i64| {
        let least: i64 = devices.iter().map(|device| device.options().map(of).min().unwrap_or(0)).sum();
        let most: i64 = devices.iter().map(|device| device.options().map(of).max().unwrap_or(0)).sum();
        let words = || format!("license {license}: {shown} {what} in use, {least} to {most} are held");
        if shown < least {
            flaws.note(Flaw::Lost, words());
        } else if shown > most {
            flaws.note(Flaw::Duplicated, words());
        }
    };
    check("seats", shown.seats, &|holding| holding.seats);
    check("tokens", shown.tokens, &|holding| holding.tokens + holding.consumed);
}

impl Device {
    /// What it may have.
    fn options(&self) -> impl Iterator<Item = &Holding> {
        [Some(&self.sure), self.pending.as_ref().map(|pending| &pending.after)].into_iter().flatten()
    }

    /// Compares place and lease, and settles what an open activation, renewal or return came to.
    fn compare_activation(&mut self, shown: &Shown, flaws: &mut Flaws) {
        let none = Vec::new();
        let listed = shown.activations.get(&self.id).unwrap_or(&none);
        if listed.len() > 1 {
            flaws.note(Flaw::Duplicated, format!("{} is activated {} times", self.id, listed.len()));
        }
        let active = !listed.is_empty();
        let number = listed.first().map_or(0, |(_, number)| *number);
        let found = self.options().find(|option| option.active == active && option.number == number).cloned();
        let before = (self.sure.active, self.sure.number);
        match found {
            Some(found) if before != (active, number) => self.sure = found,
            Some(_) => {}
            None => {
                let most = self.options().filter(|option| option.active).map(|option| option.number).max();
                let kind = if most.is_some_and(|most| number > most) { Flaw::Duplicated } else { Flaw::Lost };
                let words = format!("{}: {:?}, pending {:?}, shown {listed:?}", self.id, self.sure, self.pending);
                flaws.note(kind, words);
                self.sure = Holding { active, number, seats: 0, ..self.sure.clone() };
            }
        }
        let known = self.credential.as_ref().map(|credential| credential.activation.as_str());
        let same = listed.first().is_some_and(|(id, _)| Some(id.as_str()) == known);
        if before.0 && active && known.is_some() && !same {
            flaws.note(Flaw::Lost, format!("{} has another activation than it was told", self.id));
        }
        if !same {
            // Activating again, which is no error, brings the secret.
            self.credential = None;
        }
        let changes_place = |act: Act| matches!(act, Act::Activate | Act::Renew | Act::Return);
        self.pending.take_if(|pending| changes_place(pending.act));
    }

    /// Compares tokens and seats with calls that change nothing if all is as it should be, and settles open ones.
    fn compare_holdings(&mut self, line: &mut Connection, seats: &mut i64, flaws: &mut Flaws) -> anyhow::Result<()> {
        let Some(Credential { activation, secret }) = self.credential.clone() else { return Ok(()) };
        let path = |part: &str| format!("/device/v1/activations/{activation}/{part}");
        let nothing = json!({"feature": TOKENS, "return": 0, "consumed": 0});
        let Some(told) = self.ask(line, Call::new("POST", path("tokens"), &secret).with(nothing), flaws)? else {
            return Ok(());
        };
        let has = |holding: &Holding| told["held"] == holding.tokens && told["consumed"] == holding.consumed;
        let found = self.options().find(|option| has(option)).cloned();
        match found {
            Some(found) => {
                self.sure.tokens = found.tokens;
                self.sure.consumed = found.consumed;
            }
            None => {
                let most = self.options().map(|option| option.tokens + option.consumed).max();
                let held = told["held"].as_i64().zip(told["consumed"].as_i64()).map(|(held, used)| held + used);
                let kind = if held > most { Flaw::Duplicated } else { Flaw::Lost };
                let words = format!("{}: {:?}, pending {:?}, shown {told}", self.id, self.sure, self.pending);
                flaws.note(kind, words);
                self.sure.tokens = told["held"].as_i64().unwrap_or_default();
                self.sure.consumed = told["consumed"].as_i64().unwrap_or_default();
            }
        }
        // Asked for what it has already, a device changes nothing: the sum stays. Fewer seats are never refused.
        let may: Vec<i64> = self.options().map(|option| option.seats).collect();
        self.sure.seats = may.iter().copied().min().unwrap_or_default();
        let body = json!({"feature": SEATS, "seats": self.sure.seats});
        let Some(told) = self.ask(line, Call::new("POST", path("seats"), &secret).with(body), flaws)? else {
            return Ok(());
        };
        let had = self.sure.seats - (told["used"].as_i64().unwrap_or(i64::MIN / 2) - *seats);
        if !may.contains(&had) {
            flaws.note(Flaw::Lost, format!("{}: it had {had} seats, {may:?} were acknowledged", self.id));
        }
        *seats = told["used"].as_i64().unwrap_or_default();
        Ok(())
    }

    fn ask(&self, line: &mut Connection, call: Call, flaws: &mut Flaws) -> anyhow::Result<Option<Value>> {
        let answer = line.call(&call).answer(&call)?;
        if !answer.is_ok() {
            let words = format!("{}: {:?}, but {} {}", self.id, self.sure, answer.status, answer.body);
            flaws.note(Flaw::Lost, words);
        }
        Ok(answer.is_ok().then_some(answer.body))
    }
}
