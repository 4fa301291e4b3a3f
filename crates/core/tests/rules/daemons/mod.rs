//! Daemons: what they are given and what comes back, with the server on either engine and each daemon on a store of its own.

mod records;
mod seats;
mod shares;
mod trust;
mod whole;

use lessor_core::account::Account;
use lessor_core::daemon::local::{self, Applied, Given, Myself, Orders};
use lessor_core::daemon::{self, Answer, Daemon, DaemonFilter, Sync};
use lessor_core::device::DeviceCredential;
use lessor_core::license::{self, Codes, Concurrency, License, Role, Terms};
use lessor_core::{ActivationId, Actor, App, Error, ProductId, Refusal, verify};
use lessor_testkit::world::{Held, activate_on, issue_of};
use lessor_testkit::{Bench, Engine};

pub const BEAT: i64 = 10;

pub fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

/// Terms of a license that so many daemons hand out, each so many seats of it.
pub fn network(daemons: i64, seats: i64) -> Terms {
    Terms {
        activation_limit: daemons,
        concurrency: Concurrency::Network,
        network_seats: seats,
        heartbeat_minutes: BEAT,
        ..Terms::default()
    }
}

/// A master license for so many daemons.
pub async fn master(bench: &Bench, product: ProductId, account: Option<&Account>, daemons: i64) -> License {
    let mut command = issue_of(product, None, Codes::Generate(1));
    command.role = Role::NetworkMaster;
    command.account = account.map(|account| account.id);
    let (id, _) = bench.write(move |tx, cx| license::issue(tx, cx, &command)).await.expect("a license").remove(0);
    let mut change = license::ChangeLicense::of(id);
    change.terms.activation_limit = Some(daemons);
    change.terms.offline_lease_hours = Some(30 * 24);
    bench.change(change).await.expect("a change")
}

/// A daemon with a store of its own, whose clock is its own too.
pub struct Lan {
    pub local: Bench,
    orders: Orders,
}

impl Lan {
    pub async fn new(server: &Bench, product: ProductId, master: &License) -> Self {
        let orders = Orders { product: product.to_string(), license: master.code.clone(), key: None };
        Self::with(server, orders).await
    }

    pub async fn with(server: &Bench, orders: Orders) -> Self {
        // Storage opens on a thread that is no runtime's.
        let local = std::thread::spawn(|| Bench::open(Engine::Sqlite)).join().expect("a store");
        assert!(local.clock.move_to(server.app.now()));
        let lan = Self { local, orders };
        lan.me().await;
        lan
    }

    pub async fn me(&self) -> Myself {
        let orders = self.orders.clone();
        self.local.write(move |tx, cx| local::open(tx, cx, &orders)).await.expect("itself")
    }

    /// A signed request, with all the records that wait.
    pub async fn request(&self) -> (String, String) {
        let me = self.me().await;
        let made = self.local.write(move |tx, cx| {
            let records = local::carried(tx, &me)?;
            Ok((local::request(cx, &me, &records)?, records))
        });
        made.await.expect("a request")
    }

    pub async fn ask(&self, server: &Bench) -> Result<Answer, Error> {
        self.ask_at(server, &server.app).await
    }

    pub async fn ask_at(&self, server: &Bench, app: &App) -> Result<Answer, Error> {
        let (request, records) = self.request().await;
        let caller = server.caller(Actor::device());
        app.write(&caller, move |tx, cx| daemon::enrol(tx, cx, &request, &records)).await
    }

    pub async fn apply(&self, server: &Bench, answer: &Answer) -> Result<Applied, Error> {
        let given = given(server, answer);
        self.local.write(move |tx, cx| local::apply(tx, cx, &given)).await
    }

    /// Enrols, or asks again, and puts the answer into force.
    pub async fn enrol(&self, server: &Bench) -> Answer {
        let answer = self.ask(server).await.expect("an answer");
        self.apply(server, &answer).await.expect("in force");
        answer
    }

    pub async fn credential(&self) -> DeviceCredential {
        let me = self.me().await;
        let (activation, secret) = me.credential().expect("enrolled");
        DeviceCredential { activation: ActivationId::parse(activation).expect("an id"), secret: secret.to_owned() }
    }

    /// A sync as the daemon would make it.
    pub async fn report(&self) -> Sync {
        let me = self.me().await;
        let number = me.number();
        let records = self.local.read(move |tx, _| local::outbox(tx, &me, 1_000)).await.expect("records");
        Sync { daemon: self.credential().await, number, records }
    }

    pub async fn sync(&self, server: &Bench) -> Result<Answer, Error> {
        let report = self.report().await;
        let answer = server.as_device(move |tx, cx| daemon::sync(tx, cx, &report)).await?;
        self.apply(server, &answer).await?;
        Ok(answer)
    }

    pub async fn activate(&self, license: &License, device: &str) -> Result<Held, Error> {
        self.local.activate(activate_on(license.product, Some(&license.code), device)).await
    }

    /// How many of so many devices get a seat.
    pub async fn seat(&self, license: &License, from: usize, to: usize) -> Vec<Held> {
        let mut seated = Vec::new();
        for n in from..to {
            match self.activate(license, &format!("client-{n:06}")).await {
                Ok(held) => seated.push(held),
                Err(Error::Refused(Refusal::NoSeat { .. })) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        seated
    }

    pub async fn seats_out(&self) -> i64 {
        self.local.read(local::seats_out).await.expect("a count")
    }
}

pub fn given(server: &Bench, answer: &Answer) -> Given {
    Given {
        daemon: answer.daemon.to_string(),
        secret: answer.secret_generation.map(|number| server.app.secret().device_secret(answer.daemon, number)),
        taken: answer.taken,
        delegation: answer.delegation.clone(),
        endorsements: answer.endorsements.clone(),
        keys: answer.keys.iter().map(lessor_lease::PublicKey::to_hex).collect(),
    }
}

/// All clocks go on together.
pub fn pass(hours: i64, benches: &[&Bench]) {
    benches.iter().for_each(|bench| bench.pass_hours(hours));
}

pub async fn daemons(server: &Bench) -> Vec<Daemon> {
    server.read(|tx, cx| daemon::list(tx, cx, &DaemonFilter::default(), None, 100)).await.expect("daemons")
}

/// What the jobs do, then the recount.
pub async fn settled(bench: &Bench) {
    while bench.write(daemon::tell_ended).await.expect("a job") {}
    assert_eq!(bench.read(|tx, _| verify::verify(tx)).await.expect("checks"), Vec::<String>::new());
}
