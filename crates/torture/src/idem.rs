//! The same request under the same idempotency key, many times at once, with connections cut anywhere and kill -9 in
//! between: one effect, and every answer the same.

use crate::crash_kill::{begin, end};
use crate::fleet::{Credential, Shown};
use crate::ground::{Engine, Ground};
use crate::http::{Answer, Call, Connection, Outcome, connect, receive};
use crate::proxy::{Bug, Proxy};
use crate::report::{Finding, Flaw, Flaws, Stop};
use crate::server::Server;
use crate::world::{Limits, PATIENCE, TOKENS, World, text};
use lessor_testkit::random::Random;
use serde_json::json;
use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Room for all.
const LIMITS: Limits = Limits { places: 1_000_000, seats: 1, tokens: 1_000_000 };
/// Keys at work at once.
const BATCH: u64 = 4;
/// Share of batches in which the server is killed, in percent.
const KILLS: u64 = 40;
/// How long an answer may stay away.
const PERSEVERANCE: Duration = Duration::from_secs(30);

/// What the requests of one key make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Activation,
    Account,
    License,
    ApiKey,
    /// A token for a device that is there.
    Token,
}

const KINDS: [Kind; 5] = [Kind::Activation, Kind::Account, Kind::License, Kind::ApiKey, Kind::Token];

/// What becomes of one copy of a request on the wire.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It is sent, and the answer read.
    Whole,
    /// The connection breaks after so many of a hundred parts of the request.
    CutAsking(usize),
    /// It is sent, and the connection breaks after so many bytes of the answer.
    CutAnswered(usize),
}

/// One key's request and the whole answers to it.
struct Request {
    kind: Kind,
    name: String,
    call: Call,
    copies: Vec<Fate>,
    answers: Vec<Answer>,
}

/// Runs it, with so many keys. The control is a server that never sees the keys.
pub fn run(ground: &mut Ground, engine: Engine, size: u64, seed: u64, control: bool) -> Result<Finding, Stop> {
    let mut random = Random::new(seed);
    let mut storage = ground.storage(engine)?;
    let (mut server, fleet) = begin(&mut storage, 0, 1, 0, LIMITS, &mut random)?;
    let proxy = if control { Some(Proxy::start(Bug::DropKey, server.address)?) } else { None };
    let world = fleet.world;
    // Where servers can share the storage, the copies go to two, of which one lives on.
    let second = if engine == Engine::Postgres && !control { Some(storage.launch.start()?) } else { None };
    let mut line = Connection::new(server.address, PATIENCE);
    let owner = text(&line.ok(&world.call("GET", "/v1/me"))?, "account")?;
    let drawer = line.ok(&world.activate(&world.licenses[0], "drawer-of-tokens"))?;
    let drawer = Credential { activation: text(&drawer, "activation")?, secret: text(&drawer, "secret")? };
    let mut requests = Vec::new();
    let (mut copies, mut kills) = (0, 0);
    while (requests.len() as u64) < size {
        let name = |at: u64| format!("idem-{:06}", requests.len() as u64 + at);
        let mut batch: Vec<Request> =
            (0..BATCH).map(|at| request(&world, &owner, &drawer, name(at), &mut random)).collect();
        copies += batch.iter().map(|request| request.copies.len() as u64).sum::<u64>();
        let pause = random.chance(KILLS).then(|| Duration::from_millis(random.below(80)));
        let address = proxy.as_ref().map_or(server.address, |proxy| proxy.address);
        let addresses = [address, second.as_ref().map_or(address, |second| second.address)];
        server = all_at_once(&mut batch, addresses, || {
            let Some(pause) = pause else { return Ok(server) };
            std::thread::sleep(pause);
            kills += 1;
            server.kill()?;
            storage.launch.start()
        })?;
        if let Some(proxy) = &proxy {
            proxy.turn_to(server.address);
        }
        let address = proxy.as_ref().map_or(server.address, |proxy| proxy.address);
        batch.iter_mut().try_for_each(|request| request.insist(address))?;
        requests.append(&mut batch);
    }
    let mut flaws = Flaws::default();
    requests.iter().for_each(|request| request.compare(&mut flaws));
    let effects = count(&server, &world, &requests, &drawer, &mut flaws)?;
    if let Some(second) = second {
        second.stop()?;
    }
    end(&storage, server, &mut flaws)?;
    let figures = vec![("keys", requests.len() as u64), ("copies", copies), ("kills", kills), ("effects", effects)];
    Ok(Finding { figures, flaws, sought: &[Flaw::Duplicated, Flaw::Lost, Flaw::Differing] })
}

fn request(world: &World, owner: &str, drawer: &Credential, name: String, random: &mut Random) -> Request {
    let kind = KINDS[random.below(KINDS.len() as u64) as usize];
    let call = match kind {
        Kind::Activation => world.activate(&world.licenses[0], &name),
        Kind::Account => {
            let body = json!({"parent": owner, "kind": "customer", "name": name});
            world.call("POST", "/v1/accounts").with(body)
        }
        Kind::License => {
            let body = json!({"product": world.product, "generate": 1, "reference": name});
            world.call("POST", "/v1/licenses").with(body)
        }
        Kind::ApiKey => world.call("POST", "/v1/api-keys").with(json!({ "label": name })),
        Kind::Token => {
            let path = format!("/device/v1/activations/{}/tokens", drawer.activation);
            Call::new("POST", path, &drawer.secret).with(json!({"feature": TOKENS, "check_out": 1}))
        }
    };
    let fate = |random: &mut Random| match random.below(4) {
        0 => Fate::CutAsking(random.below(100) as usize),
        1 => Fate::CutAnswered(random.below(300) as usize),
        _ => Fate::Whole,
    };
    let copies = (0..random.between(2, 10)).map(|_| fate(random)).collect();
    Request { kind, call: call.once(Some(name.clone())), name, copies, answers: Vec::new() }
}

/// Sends all copies of all requests while `fault` happens.
fn all_at_once<T>(
    batch: &mut [Request],
    addresses: [SocketAddr; 2],
    fault: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    std::thread::scope(|scope| {
        let mut tasks = Vec::new();
        for (at, request) in batch.iter().enumerate() {
            for (number, fate) in request.copies.iter().copied().enumerate() {
                let (bytes, address) = (request.call.bytes(), addresses[number % 2]);
                tasks.push((at, scope.spawn(move || send(address, &bytes, fate))));
            }
        }
        let done = fault();
        let answers: Vec<_> = tasks.into_iter().map(|(at, task)| (at, task.join())).collect();
        for (at, answer) in answers {
            batch[at].answers.extend(answer.ok().flatten());
        }
        done
    })
}

/// One copy. An answer that was cut, or whose server died, is none.
fn send(address: SocketAddr, bytes: &[u8], fate: Fate) -> Option<Answer> {
    let mut stream = connect(address, PATIENCE).ok()?;
    match fate {
        Fate::CutAsking(part) => {
            stream.write_all(&bytes[..bytes.len() * part / 100]).ok()?;
            None
        }
        Fate::CutAnswered(length) => {
            stream.write_all(bytes).ok()?;
            let mut some = vec![0; length];
            // Whatever came of it, the connection ends here. (Of no bytes at all, it ends before there is an answer.)
            let _ = stream.read(&mut some);
            None
        }
        Fate::Whole => {
            stream.write_all(bytes).ok()?;
            receive(&mut BufReader::new(stream)).ok()
        }
    }
}

impl Request {
    /// Asks once more, as often as it takes.
    fn insist(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let until = Instant::now() + PERSEVERANCE;
        loop {
            // A line of its own each time: the proxy of the control ends with its server.
            match Connection::new(address, PATIENCE).call(&self.call) {
                Outcome::Answered(answer) if !answer.is_open() && !answer.is_put_off() => {
                    self.answers.push(answer);
                    return Ok(());
                }
                other => anyhow::ensure!(Instant::now() < until, "{:?} {}: {other:?}", self.kind, self.name),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// All that succeeded must be the same, and nothing may be refused.
    fn compare(&self, flaws: &mut Flaws) {
        let answers = self.answers.iter().filter(|answer| !answer.is_open() && !answer.is_put_off()).map(|answer| {
            let mut answer = answer.clone();
            if let (Kind::ApiKey, Some(members)) = (self.kind, answer.body.as_object_mut()) {
                // The text of a key is told once.
                members.remove("key");
            }
            answer
        });
        let answers: Vec<Answer> = answers.collect();
        for answer in &answers {
            if !answer.is_ok() {
                let words = format!("{:?} {}: {} {}", self.kind, self.name, answer.status, answer.body);
                flaws.note(Flaw::Wrong, words);
            } else if *answer != answers[0] {
                let words = format!("{:?} {}: {answer:?} after {:?}", self.kind, self.name, answers[0]);
                flaws.note(Flaw::Differing, words);
            }
        }
    }
}

/// Counts the effects of every key on the server itself.
fn count(
    server: &Server,
    world: &World,
    requests: &[Request],
    drawer: &Credential,
    flaws: &mut Flaws,
) -> anyhow::Result<u64> {
    let mut line = Connection::new(server.address, PATIENCE);
    let accounts = names(&mut line, world, "/v1/accounts?kind=customer&limit=100", "name")?;
    let licenses = names(&mut line, world, &format!("/v1/licenses?product={}&limit=100", world.product), "reference")?;
    let keys = names(&mut line, world, "/v1/api-keys?limit=100", "label")?;
    let activations = Shown::of(world, &mut line, 0)?.activations;
    let mut effects = 0;
    for request in requests.iter().filter(|request| request.kind != Kind::Token) {
        let name = &request.name;
        let found = match request.kind {
            Kind::Account => accounts.get(name).copied().unwrap_or(0),
            Kind::License => licenses.get(name).copied().unwrap_or(0),
            Kind::ApiKey => keys.get(name).copied().unwrap_or(0),
            // Each effect of an activation is a lease.
            _ => activations.get(name).map_or(0, |all| all.iter().map(|(_, number)| *number as u64).sum()),
        };
        effects += found;
        judge(&format!("{:?} {name}", request.kind), found, 1, flaws);
    }
    let path = format!("/device/v1/activations/{}/tokens", drawer.activation);
    let nothing = Call::new("POST", path, &drawer.secret).with(json!({"feature": TOKENS, "return": 0}));
    let tokens = line.ok(&nothing)?["held"].as_u64().unwrap_or_default();
    let wanted = requests.iter().filter(|request| request.kind == Kind::Token).count() as u64;
    judge("tokens", tokens, wanted, flaws);
    Ok(effects + tokens)
}

fn judge(what: &str, found: u64, wanted: u64, flaws: &mut Flaws) {
    if found != wanted {
        let kind = if found > wanted { Flaw::Duplicated } else { Flaw::Lost };
        flaws.note(kind, format!("{what}: {found} effects of {wanted}"));
    }
}

/// How often each name is in a list of all pages.
fn names(line: &mut Connection, world: &World, path: &str, member: &str) -> anyhow::Result<HashMap<String, u64>> {
    let mut found = HashMap::new();
    let mut cursor = String::new();
    loop {
        let page = line.ok(&world.call("GET", format!("{path}{cursor}")))?;
        for item in page["items"].as_array().unwrap_or(&Vec::new()) {
            *found.entry(item[member].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(found),
        }
    }
}
