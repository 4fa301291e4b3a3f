//! Two daemons, cut off for a month. Their clients come, beat, hold floating seats, go, and vanish; one daemon is killed in
//! the middle, and started with a clock that was set back. What each client was told is kept, and counted at every step.

use super::network::{Apart, is_inside};
use super::{Sold, activate, daemons, records, until};
use crate::program::{Answer, Ending, call, lessor, spawn};
use serde_json::{Value, json};

const TEST: &str =
    "daemon::month::two_daemons_cut_off_for_a_month_give_no_more_seats_than_delegated_and_their_use_arrives_once";
const START: &str = "2026-01-01T00:00:00Z";
const SEATS: i64 = 3;
/// Of eight floating seats in all.
const FLOATING: i64 = 4;
/// Hours of a delegation: a little more than the month.
const DELEGATED: i64 = 31 * 24;

/// A client, as it sees itself.
struct Client {
    device: String,
    activation: String,
    secret: String,
    /// Until when it may run, by what it was told.
    until: String,
    floating: i64,
    /// It lapsed and came back: whether anybody needed its floating seats meanwhile it does not know.
    unsure: bool,
}

/// One daemon with all that its clients know.
struct Lan {
    apart: Option<Apart>,
    clients: Vec<Client>,
    /// What the clients were granted: activations, returns, changes of floating seats, and calls that may have been some.
    granted: [usize; 4],
    served: usize,
}

impl Lan {
    fn url(&self) -> &str {
        &self.apart.as_ref().expect("it runs").url
    }

    fn ask(&self, verb: &str, client: &Client, path: &str, body: Option<Value>) -> Answer {
        let path = format!("/device/v1/activations/{}{path}", client.activation);
        let bearer = format!("Bearer {}", client.secret);
        call(self.url(), verb, &path, Some(&bearer), body.map(|body| body.to_string()).as_deref())
    }

    /// A client comes. One that finds no seat tries again some other time.
    fn come(&mut self, sold: &Sold, number: usize) {
        let device = format!("client-{number:06}");
        let answer = activate(self.url(), sold, &device);
        match answer.status {
            201 => self.granted[0] += 1,
            200 => {}
            _ => {
                assert_eq!((answer.status, &answer.body["code"]), (409, &json!("no_seat")), "{}", answer.body);
                return;
            }
        }
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let client = Client {
            device,
            activation: text(&answer.body["activation"]),
            secret: text(&answer.body["secret"]),
            until: text(&answer.body["lease"]["expires_at"]),
            floating: 0,
            unsure: answer.status == 200,
        };
        let before = self.clients.iter().position(|known| known.device == client.device);
        let client = match before.map(|at| self.clients.remove(at)) {
            Some(before) => Client { floating: before.floating, unsure: before.unsure, ..client },
            None => client,
        };
        self.clients.push(client);
        self.served += 1;
    }

    fn beat(&mut self, at: usize) {
        let answer = self.ask("POST", &self.clients[at], "/heartbeat", Some(json!({})));
        match answer.status {
            200 => self.clients[at].until = answer.body["expires_at"].as_str().expect("an end").to_owned(),
            _ => assert_eq!((answer.status, &answer.body["code"]), (409, &json!("no_seat")), "{}", answer.body),
        }
    }

    fn hold(&mut self, at: usize, seats: i64) {
        let body = json!({"feature": "FLOAT", "seats": seats});
        let answer = self.ask("POST", &self.clients[at], "/seats", Some(body));
        match answer.status {
            200 => {
                let client = &mut self.clients[at];
                match client.unsure {
                    true => self.granted[3] += 1,
                    false => self.granted[2] += usize::from(client.floating != seats),
                }
                (client.floating, client.unsure) = (seats, false);
            }
            _ => assert_eq!((answer.status, &answer.body["code"]), (409, &json!("no_seat")), "{}", answer.body),
        }
    }

    fn go(&mut self, at: usize) {
        let client = self.clients.remove(at);
        let answer = self.ask("DELETE", &client, "", None);
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.granted[1] += 1;
    }

    /// Whose time is over is gone, whatever becomes of its device.
    fn pass(&mut self, now: &str) {
        self.clients.retain(|client| later(&client.until, now));
        assert!(self.clients.len() as i64 <= SEATS, "{} clients may run at {now}", self.clients.len());
        let floating: i64 = self.clients.iter().map(|client| client.floating).sum();
        assert!(floating <= FLOATING, "{floating} floating seats are held at {now}");
    }
}

fn later(one: &str, other: &str) -> bool {
    let at = |text: &str| lessor_core::Timestamp::parse(text).expect("an instant");
    at(one) > at(other)
}

/// Chance that comes out the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }
}

/// The server, with its clock.
struct Server {
    _process: Ending,
    url: String,
    key: String,
}

impl Server {
    fn start(folder: &std::path::Path) -> Self {
        let credentials = folder.join("credentials.json");
        let mut command = lessor();
        command.args(["demo", "--listen", "0.0.0.0:0", "--insecure-http", "--log-level", "error", "--clock", START]);
        command.arg("--credentials").arg(&credentials);
        let (child, url) = spawn(command);
        let text = std::fs::read_to_string(&credentials).expect("credentials");
        let credentials: Value = serde_json::from_str(&text).expect("JSON");
        let key = credentials["native"]["api_key"].as_str().expect("a key").to_owned();
        Self { _process: Ending(child), url: url.replace("0.0.0.0", "127.0.0.1"), key }
    }

    fn port(&self) -> &str {
        self.url.rsplit(':').next().expect("a port")
    }

    fn native(&self, verb: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        call(&self.url, verb, path, Some(&format!("Bearer {}", self.key)), body.as_deref())
    }
}

/// Moves a clock, and tells how late it is then.
fn advance(url: &str, key: Option<&str>, minutes: usize) -> String {
    let body = json!({"advance": format!("PT{minutes}M")}).to_string();
    let bearer = key.map(|key| format!("Bearer {key}"));
    let answer = call(url, "POST", "/v1/test-clock", bearer.as_deref(), Some(&body)).ok();
    answer["now"].as_str().expect("an instant").to_owned()
}

#[test]
fn two_daemons_cut_off_for_a_month_give_no_more_seats_than_delegated_and_their_use_arrives_once() {
    if !is_inside(TEST) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path());
    let native = |verb: &str, path: &str, body: Option<Value>| server.native(verb, path, body);
    let sold = Sold::make(&native, SEATS, DELEGATED);
    let begin = |link: u8, data: usize, cut: bool| {
        let home = folder.path().join(format!("daemon{data}"));
        let command = sold.daemon(&home);
        let known: Vec<String> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let at = known.iter().position(|arg| arg == "--data").expect("its folder");
        let mut args = known[..at].to_vec();
        args.extend(["--server".into(), format!("http://10.9.{link}.1:{}", server.port())]);
        args.extend(["--sync-seconds", "1", "--clock", START].map(str::to_owned));
        Apart::start(link, &home, &args, cut)
    };
    let mut lans: Vec<Lan> = (0..2)
        .map(|n| Lan {
            apart: Some(begin(n + 1, usize::from(n), false)),
            clients: Vec::new(),
            granted: [0; 4],
            served: 0,
        })
        .collect();
    for lan in &lans {
        until("it has its delegation", || call(lan.url(), "GET", "/readyz", None, None).status == 200);
        lan.apart.as_ref().expect("it runs").cut();
    }
    let before = daemons(&native);
    assert_eq!(before.iter().map(|daemon| daemon["seats"].as_i64()).collect::<Vec<_>>(), [Some(SEATS), Some(SEATS)]);
    let ids: Vec<String> = before.iter().map(|daemon| daemon["id"].as_str().expect("an id").to_owned()).collect();

    let mut dice = Dice(7);
    let (mut minutes, mut steps) = (0, 0);
    while minutes < 30 * 24 * 60 {
        let step = [30, 60, 170, 190, 600, 1_440][dice.below(6)];
        (minutes, steps) = (minutes + step, steps + 1);
        advance(&server.url, Some(&server.key), step);
        for lan in &mut lans {
            let now = advance(lan.url(), None, step);
            lan.pass(&now);
            for _ in 0..6 {
                let someone = (!lan.clients.is_empty()).then(|| dice.below(lan.clients.len()));
                match (dice.below(8), someone) {
                    (0..=3, _) | (_, None) => lan.come(&sold, dice.below(7)),
                    (4, Some(at)) => lan.beat(at),
                    (5 | 6, Some(at)) => lan.hold(at, i64::try_from(dice.below(4)).unwrap_or(0)),
                    (_, Some(at)) => lan.go(at),
                }
                lan.pass(&now);
            }
        }
        if steps == 30 {
            // Killed, and started with its clock at the beginning again: it knows better, and who has a seat keeps it.
            let lan = &mut lans[0];
            let now = advance(lan.url(), None, 0);
            drop(lan.apart.take());
            lan.apart = Some(begin(3, 0, true));
            let clock = call(lan.url(), "GET", "/v1/test-clock", None, None).ok();
            assert!(later(clock["now"].as_str().expect("an instant"), &now), "its time does not go back");
            for at in 0..lan.clients.len() {
                lan.beat(at);
            }
            for number in 0..7 {
                lan.come(&sold, number);
            }
            lan.pass(&now);
            assert_eq!(lan.clients.len() as i64, SEATS);
        }
    }
    assert!(lans.iter().all(|lan| lan.served > 100), "there was much to do");
    assert_eq!(daemons(&native), before, "nothing was heard of them");
    let by_itself = activate(&server.url, &sold, "client-000001");
    assert_eq!((by_itself.status, &by_itself.body["code"]), (409, &json!("network_only")));

    for lan in &lans {
        lan.apart.as_ref().expect("it runs").join();
    }
    until("both were heard of and have a new delegation", || {
        daemons(&native).iter().all(|daemon| daemon["number"] == 2 && daemon["taken"].as_i64() > Some(0))
    });
    for (lan, id) in lans.iter().zip(&ids) {
        let told =
            |kind: &str| records(&native, id).iter().filter(|event| event["kind"] == format!("daemon.{kind}")).count();
        let [activations, returns, changed, unsure] = lan.granted;
        until("all of its use has arrived", || told("license.activated") >= activations);
        let all = records(&native, id);
        let numbers: Vec<_> = all.iter().map(|event| event["data"]["sequence"].as_i64().expect("a number")).collect();
        assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "in order, none missing, none twice");
        assert_eq!(told("license.activated"), activations);
        let returned = all.iter().filter(|event| event["kind"] == "daemon.activation.returned");
        assert_eq!(returned.filter(|event| event["data"]["data"]["cause"] == "device").count(), returns);
        let floating = told("feature.checked_out") + told("feature.returned");
        assert!((changed..=changed + unsure).contains(&floating), "{floating} of {changed} and {unsure}");
        assert!(told("lease.lapsed") > 0);
    }

    // Cut off again, beyond the end of what they have.
    for lan in &mut lans {
        lan.apart.as_ref().expect("it runs").cut();
        let now = advance(lan.url(), None, usize::try_from(DELEGATED * 60).expect("minutes"));
        lan.clients.retain(|client| later(&client.until, &now));
        assert!(lan.clients.is_empty(), "no lease outlives the delegation");
        let over = activate(lan.url(), &sold, "client-000001");
        assert_eq!((over.status, &over.body["code"]), (403, &json!("delegation_over")), "{}", over.body);
        assert_eq!(call(lan.url(), "GET", "/readyz", None, None).status, 503);
    }
}
