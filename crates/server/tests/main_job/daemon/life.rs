//! The life of a daemon: enrolled, killed, started again, given back; and one that lives by files alone.

use super::{Sold, activate, daemons, records, until};
use crate::program::{Demo, Ending, Paint, call, spawn};
use lessor_testkit::Engine;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stop(ending: &mut Ending) {
    let pid = ending.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert_eq!(ending.0.wait().expect("a child").code(), Some(0), "it drains and exits 0");
}

#[test]
fn a_daemon_keeps_its_seats_through_a_crash_and_gives_all_back_in_the_end() {
    let demo = Demo::start(Engine::Sqlite);
    let native = demo.by_native();
    let sold = Sold::make(&native, 2, 0);
    let data = demo.file("daemon");
    let start = || {
        let mut command = sold.daemon(&data);
        command.args(LISTEN).args(["--server", &demo.url, "--sync-seconds", "1"]);
        let (child, url) = spawn(command);
        (Ending(child), url)
    };
    let (mut daemon, url) = start();
    until("it is enrolled and ready", || call(&url, "GET", "/readyz", None, None).status == 200);
    assert_eq!(call(&url, "GET", "/healthz", None, None).status, 200);

    // A program under license knows the product's key alone, and gets from there to the daemon's.
    let key = demo.native("GET", &format!("/device/v1/products/{}/keys", sold.product), None).ok()["keys"][0].clone();
    let key = key["public_key"].as_str().expect("a key").to_owned();
    let paint = Paint::at(&url, &sold.product, demo.file("paint"));
    paint.ok(&["--key", &key, "activate", &sold.code]);
    paint.ok(&["--key", &key, "status"]);
    paint.ok(&["--key", &key, "seat", "FLOAT"]);
    paint.ok(&["--key", &key, "renew"]);

    let second = activate(&url, &sold, "client-000002");
    assert_eq!(second.status, 201, "{}", second.body);
    let full = activate(&url, &sold, "client-000003");
    assert_eq!((full.status, &full.body["code"]), (409, &json!("no_seat")));
    let trial = json!({"product": sold.product, "device": {"id": "client-000004"}}).to_string();
    let trial = call(&url, "POST", "/device/v1/activations", None, Some(&trial));
    assert_eq!((trial.status, &trial.body["code"]), (403, &json!("trial_not_offered")));

    drop(daemon);
    (daemon, _) = {
        let (daemon, url) = start();
        let again = activate(&url, &sold, "client-000002");
        assert_eq!(again.status, 200, "it has its seat still: {}", again.body);
        assert_eq!(activate(&url, &sold, "client-000003").status, 409);
        (daemon, url)
    };
    let id = daemons(&native)[0]["id"].as_str().expect("an id").to_owned();
    // Its own delegation, the two clients, and the seat that the first took.
    until("its use has arrived", || records(&native, &id).len() >= 4);
    stop(&mut daemon);

    let mut command = sold.daemon(&data);
    let given = command.args(["--server", &demo.url, "--give-back"]).args(LISTEN).output().expect("it runs");
    assert!(given.status.success(), "{}", String::from_utf8_lossy(&given.stderr));
    let listed = daemons(&native);
    assert_eq!((listed.len(), &listed[0]["active"]), (1, &json!(false)));
    let kinds: Vec<_> = records(&native, &id).iter().map(|event| event["kind"].clone()).collect();
    assert!(kinds.contains(&json!("daemon.delegation.stopped")), "{kinds:?}");
    let numbers: Vec<_> =
        records(&native, &id).iter().map(|event| event["data"]["sequence"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
}

#[test]
fn a_daemon_without_a_connection_lives_by_files() {
    let demo = Demo::start(Engine::Sqlite);
    let native = demo.by_native();
    let sold = Sold::make(&native, 2, 0);
    let data = demo.file("daemon");
    let ask = |name: &str| {
        let file = demo.file(name);
        let written = sold.daemon(&data).arg("--request").arg(&file).output().expect("it runs");
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        read(&file)
    };
    let answer = |name: &str, request: &Value| {
        let answer = native("POST", "/v1/daemons", Some(request.clone())).ok();
        std::fs::write(demo.file(name), answer.to_string()).expect("written");
        answer
    };
    let start = |name: &str| {
        let mut command = sold.daemon(&data);
        command.args(LISTEN).arg("--answer").arg(demo.file(name));
        let (child, url) = spawn(command);
        (Ending(child), url)
    };
    let first = answer("first.answer", &ask("first.request"));
    let id = first["daemon"].as_str().expect("an id").to_owned();
    assert!(first.get("secret").is_none(), "people who carry it do not learn the daemon's secret");
    let (mut daemon, url) = start("first.answer");
    assert_eq!(activate(&url, &sold, "client-000001").status, 201);

    // While it runs: what it has to tell goes out, what the vendor changed comes back.
    let request = ask("second.request");
    assert_eq!(request["records"].as_str().expect("lines").lines().count(), 2, "{request}");
    let more = json!({"terms": {"network_seats": 3}});
    native("PATCH", &format!("/v1/licenses/{}", sold.license), Some(more)).ok();
    let second = answer("second.answer", &request);
    assert_eq!((&second["taken"], &second["number"]), (&json!(2), &json!(2)));
    assert_eq!(answer("second.answer", &request)["number"], 2, "the same file twice changes nothing");
    assert_eq!(records(&native, &id).len(), 2);
    stop(&mut daemon);
    let (mut daemon, url) = start("second.answer");
    assert_eq!(activate(&url, &sold, "client-000001").status, 200, "the seat is still its");
    assert_eq!(activate(&url, &sold, "client-000002").status, 201);
    assert_eq!(activate(&url, &sold, "client-000003").status, 201);
    assert_eq!(activate(&url, &sold, "client-000004").status, 409);

    // What it tells later does not repeat what the server has.
    let third = answer("third.answer", &ask("third.request"));
    assert_eq!(third["taken"], 5, "the new delegation and two clients");
    stop(&mut daemon);

    let old = sold.daemon(&data).args(LISTEN).arg("--answer").arg(demo.file("first.answer")).output();
    assert!(refused(&old.expect("it runs")).contains("too old"));
    let mut changed = second.clone();
    let text = changed["delegation"].as_str().expect("hex").replacen("06", "07", 1);
    changed["delegation"] = json!(text);
    std::fs::write(demo.file("forged.answer"), changed.to_string()).expect("written");
    let forged = sold.daemon(&data).args(LISTEN).arg("--answer").arg(demo.file("forged.answer")).output();
    assert!(refused(&forged.expect("it runs")).contains("cannot take in"));
    // A request that people changed on its way.
    let mut changed = request.clone();
    changed["records"] = json!(changed["records"].as_str().expect("lines").replace("client-000001", "client-000009"));
    let outcome = native("POST", "/v1/daemons", Some(changed));
    assert_eq!((outcome.status, &outcome.body["code"]), (422, &json!("bad_certificate")));
    // A folder that belongs to other orders.
    let mut other = crate::program::lessor();
    other.args(["daemon", "--product", &sold.product, "--license", "another", "--data"]).arg(&data).args(LISTEN);
    assert!(refused(&other.output().expect("it runs")).contains("license"));
}

#[test]
fn an_operator_frees_a_daemon_that_is_lost_and_it_enrols_anew_when_it_comes_back() {
    let demo = Demo::start(Engine::Postgres);
    let native = demo.by_native();
    let sold = Sold::make(&native, 1, 0);
    let data = demo.file("daemon");
    let mut command = sold.daemon(&data);
    command.args(LISTEN).args(["--server", &demo.url, "--sync-seconds", "1"]);
    let (child, url) = spawn(command);
    let _daemon = Ending(child);
    until("it hands out a seat", || activate(&url, &sold, "client-000001").status == 201);
    let first = daemons(&native)[0]["id"].as_str().expect("an id").to_owned();
    until("its use has arrived", || records(&native, &first).len() >= 2);
    for _ in 0..2 {
        assert_eq!(native("DELETE", &format!("/v1/daemons/{first}"), None).status, 204);
    }
    assert_eq!(native("DELETE", "/v1/daemons/act_00000000000070008000000000000001", None).status, 404);
    until("it has enrolled anew", || daemons(&native)[0]["id"] != first && daemons(&native)[0]["active"] == true);
    until("it hands out its seat again", || activate(&url, &sold, "client-000002").status == 201);
    let events = native("GET", &format!("/v1/events?subject={first}&limit=100"), None).ok();
    let kinds: Vec<_> = events["items"].as_array().expect("a page").iter().map(|event| &event["kind"]).collect();
    assert!(kinds.contains(&&json!("daemon.freed")), "{kinds:?}");
}
