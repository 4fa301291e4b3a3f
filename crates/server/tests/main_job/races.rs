//! Limits under races, over HTTP: also with two servers on one database.

use crate::program::{Demo, Ending, call};
use lessor_testkit::Engine;
use serde_json::{Value, json};

/// A hundred devices at once on a license with ten places; each in turn asks one of the servers.
fn a_hundred_devices_find_ten_places(demo: &Demo, servers: &[String]) {
    let product = json!({
        "name": "Raced",
        "terms": {"activation_limit": 10},
    });
    let product = demo.native("POST", "/v1/products", Some(product)).ok()["id"].as_str().expect("an id").to_owned();
    let issued = demo.native("POST", "/v1/licenses", Some(json!({"product": product, "generate": 1}))).ok();
    let code = issued["licenses"][0]["code"].as_str().expect("a code").to_owned();
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let (product, code, url) = (&product, &code, &servers[number % servers.len()]);
                scope.spawn(move || {
                    let device =
                        json!({"product": product, "code": code, "device": {"id": format!("device-{number:06}")}});
                    let answer = call(url, "POST", "/device/v1/activations", None, Some(&device.to_string()));
                    (answer.status, answer.body)
                })
            })
            .collect();
        tasks.into_iter().map(|task| task.join().expect("no panic")).collect()
    });
    let admitted = answers.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(admitted, 10);
    for (status, body) in answers.iter().filter(|(status, _)| *status != 201) {
        assert_eq!((*status, body["code"].as_str()), (409, Some("no_seat")), "{body}");
    }
}

#[test]
fn a_hundred_activations_on_ten_places_give_exactly_ten_on_sqlite() {
    let demo = Demo::start(Engine::Sqlite);
    a_hundred_devices_find_ten_places(&demo, std::slice::from_ref(&demo.url));
}

#[test]
fn a_hundred_activations_on_ten_places_give_exactly_ten_on_postgres() {
    let demo = Demo::start(Engine::Postgres);
    a_hundred_devices_find_ten_places(&demo, std::slice::from_ref(&demo.url));
}

#[test]
fn two_servers_on_one_database_admit_no_more_than_one() {
    let demo = Demo::start(Engine::Postgres);
    let (second, url) = demo.second();
    let _second = Ending(second);
    a_hundred_devices_find_ten_places(&demo, &[demo.url.clone(), url]);
}
