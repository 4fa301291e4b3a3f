//! Every input of every call with values that nobody should send: the answer is always the dialect's own, never an error of the
//! server.

use crate::world::World;
use lessor_testkit::{Engine, run};
use lessor_zentitle::KeyType;
use lessor_zentitle::input::{Input, Kind};
use lessor_zentitle::table::{CALLS, Call};
use serde_json::{Map, Value, json};

const PRODUCT: &str = "6453300110";

/// A value that fits, so that one bad input at a time decides.
fn good(input: &Input) -> Value {
    match (input.name, &input.kind) {
        ("productId", _) => json!(PRODUCT),
        ("licenseCode", _) => json!("H-1"),
        ("computerId", _) => json!("hostile-computer"),
        ("featureCode", _) => json!("TOKEN"),
        ("profileName", _) => json!("hostile"),
        (_, Kind::Int { min, .. }) => json!(min),
        (_, Kind::Flag) => json!(0),
        (_, Kind::TrueFalse) => json!("false"),
        (_, Kind::OnOff) => json!("off"),
        (_, Kind::Text { min, .. }) => json!("x".repeat((*min).max(1))),
        (_, Kind::Choice(words)) => json!(words[0].word),
        (_, Kind::When | Kind::WhenOrReset) => json!("2030-01-01"),
        (_, Kind::Object | Kind::AnyJson) => json!({}),
        (_, Kind::List(inputs)) => json!([members(inputs)]),
        (_, Kind::TextList { .. }) => json!(["L-1"]),
    }
}

fn members(inputs: &[Input]) -> Map<String, Value> {
    inputs.iter().filter(|input| input.required).map(|input| (input.name.to_owned(), good(input))).collect()
}

fn hostile() -> Vec<Value> {
    let mut values = vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(2_147_483_648_i64),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(0.1),
        json!(1e308),
        json!([]),
        json!({}),
        json!([[]]),
        json!([{}]),
        json!([null]),
        json!({"a": {"b": [1, {"c": "\u{0}"}]}}),
    ];
    let texts = [
        "",
        " ",
        "\u{0}",
        "a\u{0}b",
        "0",
        "-1",
        "01",
        "1e3",
        "true",
        "default",
        "reset",
        "off",
        "%",
        "%00",
        "_",
        "\\",
        "'",
        "\"",
        "' OR 1=1 --",
        "\u{202e}\u{feff}",
        "😀",
        "ÄÖÜ",
        "9999-12-31T23:59:59.999999999Z",
        "0001-01-01",
        "2024-02-30",
        "{}",
        "[]",
        "null",
        "\r\nX: y",
    ];
    values.extend(texts.into_iter().map(Value::from));
    values.push(json!("x".repeat(300)));
    values.push(json!("x".repeat(70_000)));
    values
}

/// The requests of a call in which one input, also inside lists, has a hostile value.
fn bodies(inputs: &[Input]) -> Vec<Map<String, Value>> {
    let base = members(inputs);
    let with = |name: &str, value: Value| {
        let mut body = base.clone();
        body.insert(name.to_owned(), value);
        body
    };
    let mut bodies = Vec::new();
    for input in inputs {
        bodies.extend(hostile().into_iter().map(|value| with(input.name, value)));
        bodies.push(with(input.name, good(input)));
        if let Kind::List(inner) = input.kind {
            bodies.extend(self::bodies(inner).into_iter().map(|element| with(input.name, json!([element]))));
        }
    }
    bodies
}

fn as_query(body: &Map<String, Value>) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let pairs = body.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        format!("{name}={}", encode(&text))
    });
    pairs.collect::<Vec<_>>().join("&")
}

async fn try_call(world: &World, call: &Call) {
    let kind = KeyType::ALL.into_iter().find(|kind| kind.opens(call.keys)).expect("a key");
    for body in bodies(call.inputs) {
        let (address, text) = match call.verb.has_body() {
            true => (call.controller.to_owned(), Value::Object(body).to_string()),
            false => (format!("{}?{}", call.controller, as_query(&body)), String::new()),
        };
        if address.len() > 60_000 {
            continue;
        }
        let answer = world.call(kind, call.verb.word(), &address, &text).await;
        let status = answer.status.as_u16();
        let fits = status == 200 || (400..500).contains(&status);
        assert!(fits, "{status} {} {address} {text:.300}: {}", call.action, answer.text);
        answer.json();
    }
}

async fn check(bench: lessor_testkit::Bench) {
    let world = World::new(&bench).await;
    world.example_product(PRODUCT).await;
    let profile = json!({"productId": PRODUCT, "profileName": "hostile"});
    world.post("Profile", &profile.to_string()).await.made();
    for call in &CALLS {
        // A call may have deleted it.
        let code = json!({"productId": PRODUCT, "licenseCodes": ["H-1"]});
        world.post("LicenseCode", &code.to_string()).await;
        try_call(&world, call).await;
    }
}

#[test]
fn no_value_of_any_input_is_an_error_of_the_server_sqlite() {
    run(Engine::Sqlite, check);
}

#[test]
fn no_value_of_any_input_is_an_error_of_the_server_postgres() {
    run(Engine::Postgres, check);
}
