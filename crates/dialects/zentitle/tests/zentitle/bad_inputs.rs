//! Bad values for every input of every call, made from what the calls declare: each is refused in the dialect's form by the
//! input's documented name, and nothing is changed. What belongs to another tenant is as if it did not exist.

use crate::world::World;
use lessor_testkit::on_both_engines;
use lessor_zentitle::KeyType;
use lessor_zentitle::input::{Charset, Idle, Input, Kind};
use lessor_zentitle::table::{CALLS, Call};
use serde_json::{Map, Value, json};

const PRODUCT: &str = "6453300110";
const COMPUTER: &str = "bad-inputs-computer";
/// What the server itself keeps of each call, refused ones too.
const KEPT: [&str; 1] = ["stream_records"];

type Members = Map<String, Value>;

/// A tenant with a record of everything that calls name: product, code, profile, company, group, user, note.
async fn furnish(world: &World, product: &'static str) {
    let id = world.example_product(product).await;
    let posts = [
        ("Company", json!({"company": "First", "productId": product})),
        ("Profile", json!({"productId": product, "profileName": "Team"})),
        (
            "LicenseCode",
            json!({"productId": product, "licenseCodes": ["B-1", "B-2"], "orderId": "order", "companyId": 1}),
        ),
        ("LicenseCode", json!({"productId": product, "licenseCodes": ["B-3"], "profileName": "Team"})),
        ("Group", json!({"groupName": "Crew", "type": "standard"})),
        ("GroupUser", json!({"groupId": 1, "userName": "jane", "password": "correct horse"})),
        ("GroupLicenseCode", json!({"groupId": 1, "productId": product, "licenseCode": "B-1"})),
        ("LicenseNote", json!({"productId": product, "licenseCode": "B-1", "type": "general", "description": "d"})),
        (
            "ConsumerData",
            json!({"productId": product, "computerId": COMPUTER, "clientInfo": {"email": "j@example.com"}}),
        ),
    ];
    for (controller, body) in posts {
        world.post(controller, &body.to_string()).await.ok();
    }
    world.activate(id, Some("B-1"), COMPUTER).await.expect("an activation");
    world.activate(id, None, "trial-computer").await.expect("a trial");
}

fn key_of(call: &Call) -> KeyType {
    KeyType::ALL.into_iter().find(|kind| kind.opens(call.keys)).expect("a key")
}

/// A value that the input takes, naming a record that is there where it names any.
fn good(input: &Input) -> Value {
    match (input.name, input.kind) {
        ("productId", _) => json!(PRODUCT),
        ("licenseCode", _) => json!("B-1"),
        ("computerId", _) => json!(COMPUTER),
        ("featureCode", _) => json!("TOKEN"),
        ("profileName", _) => json!("Team"),
        ("userName", _) => json!("jane"),
        ("company", _) => json!("First"),
        ("companyId" | "companyID" | "groupId" | "groupUserId" | "masterGroupId" | "noteId" | "profileId", _) => {
            json!(1)
        }
        (_, Kind::Int { min, .. }) => json!(min),
        (_, Kind::Flag) => json!(0),
        (_, Kind::TrueFalse) => json!("false"),
        (_, Kind::OnOff) => json!("off"),
        (_, Kind::Text { min, .. }) => json!("x".repeat(min.max(1))),
        (_, Kind::Choice(words)) => json!(words[0].word),
        (_, Kind::When | Kind::WhenOrReset) => json!("2030-01-01"),
        (_, Kind::Object | Kind::AnyJson) => json!({}),
        (_, Kind::List(inputs)) => json!([needed(inputs)]),
        (_, Kind::TextList { .. }) => json!(["L-1"]),
    }
}

fn needed(inputs: &[Input]) -> Members {
    inputs.iter().filter(|input| input.required).map(|input| (input.name.to_owned(), good(input))).collect()
}

/// The rest of a request in which the input is looked at.
fn beside(inputs: &[Input], input: &Input) -> Members {
    let mut members = needed(inputs);
    if let Idle::UnlessIs(other, value) = input.idle {
        members.insert(other.to_owned(), json!(value));
    }
    members
}

/// Values that the input does not take.
fn bad(input: &Input, in_query: bool) -> Vec<Value> {
    let texts: Vec<Value> = match input.kind {
        Kind::Int { min, max } => {
            let outside = [min.checked_sub(1), max.checked_add(1)]
                .into_iter()
                .flatten()
                .flat_map(|n| [json!(n), json!(n.to_string())]);
            outside.chain([json!("x"), json!("1.5"), json!("0x1"), json!("99999999999999999999")]).collect()
        }
        Kind::Flag => ["2", "-1", "true", "on", "yes"].map(Value::from).to_vec(),
        Kind::TrueFalse => ["0", "1", "on", "yes", "truee"].map(Value::from).to_vec(),
        Kind::OnOff => ["0", "1", "true", "yes"].map(Value::from).to_vec(),
        Kind::Text { min, max, of } => {
            let mut texts = vec![json!("x".repeat(max + 1))];
            if min > 1 {
                texts.push(json!("x".repeat(min - 1)));
            }
            let wrong: &[&str] = match of {
                Charset::Any => &[],
                Charset::Plain => &["a\nb", "a\u{7f}b"],
                Charset::NoMarkup => &["a'b", "a\"b", "a\\b", "a<b", "a>b", "a\nb"],
                Charset::Line => &["a\nb", " ab", "ab ", "a\u{7f}b"],
                Charset::Code => &["a b", "a_b", "ä"],
                Charset::Word => &["a b", "a.b", "ä"],
                Charset::Visible => &["a b", "a\nb", "ä"],
            };
            texts.extend(wrong.iter().map(|text| json!(text)));
            texts
        }
        Kind::Choice(_) => ["no such word", "-1", "x,y"].map(Value::from).to_vec(),
        Kind::When => ["yesterday", "2024-02-30", "2024-1-1", "12", "reset"].map(Value::from).to_vec(),
        Kind::WhenOrReset => ["yesterday", "2024-02-30", "2024-1-1", "12", "resets"].map(Value::from).to_vec(),
        Kind::Object => ["x", "[]", "{", "{\"a\":1,\"a\":2}", "1"].map(Value::from).to_vec(),
        Kind::AnyJson => Vec::new(),
        Kind::List(_) | Kind::TextList { .. } => vec![json!("x"), json!("[]")],
    };
    if in_query {
        return texts;
    }
    let others = match input.kind {
        Kind::Int { .. } => vec![json!(""), json!(true), json!(1.5), json!([]), json!({})],
        Kind::Flag => vec![json!(""), json!(true), json!(2), json!([0])],
        Kind::TrueFalse => vec![json!(""), json!(0), json!(1), json!([]), json!({})],
        Kind::OnOff => vec![json!(""), json!(0), json!(true), json!({})],
        Kind::Text { .. } => vec![json!(true), json!(["x"]), json!({"a": "x"}), json!(1e300)],
        Kind::Choice(_) => vec![json!(true), json!([]), json!({})],
        Kind::When | Kind::WhenOrReset => vec![json!(""), json!(5), json!(true), json!([])],
        Kind::Object => vec![json!(""), json!(5), json!(true), json!([])],
        Kind::AnyJson => Vec::new(),
        Kind::List(_) => {
            vec![json!({}), json!(5), json!(["x"]), json!([[]]), json!([null]), json!(vec![json!({}); 10_001])]
        }
        Kind::TextList { max, .. } => {
            vec![json!({}), json!([""]), json!([true]), json!([["x"]]), json!(["x".repeat(max + 1)])]
        }
    };
    texts.into_iter().chain(others).collect()
}

/// The same name in another case.
fn otherwise(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect()
}

/// The bad requests that one list of declared inputs gives, with the reasons to expect; `Ok` inside a list of them.
fn requests(inputs: &'static [Input], in_query: bool) -> Vec<(Members, Vec<String>)> {
    let mut requests = Vec::new();
    for input in inputs {
        let base = beside(inputs, input);
        let with = |value: Value| {
            let mut members = base.clone();
            members.insert(input.name.to_owned(), value);
            members
        };
        let (missing, invalid) = (format!("Missing {}", input.name), format!("Invalid {}", input.name));
        if input.required {
            let mut without = base.clone();
            without.remove(input.name);
            requests.push((without, vec![missing.clone()]));
            requests.push((with(Value::Null), vec![missing.clone()]));
            if in_query || matches!(input.kind, Kind::Text { .. } | Kind::Choice(_)) {
                requests.push((with(json!("")), vec![missing.clone()]));
            }
            if matches!(input.kind, Kind::List(_) | Kind::TextList { .. }) {
                requests.push((with(json!([])), vec![missing.clone()]));
            }
            if matches!(input.kind, Kind::Text { .. }) && !in_query {
                requests.push((with(json!("  ")), vec![missing.clone()]));
            }
        }
        for value in bad(input, in_query) {
            let too_many = value.as_array().is_some_and(|elements| elements.len() > 10_000);
            let reasons = if too_many { vec![invalid.clone()] } else { vec![invalid.clone(), missing.clone()] };
            requests.push((with(value), reasons));
        }
        let mut twice = with(good(input));
        twice.insert(otherwise(input.name), good(input));
        requests
            .push((twice, vec![format!("Duplicate {}", input.name), format!("Duplicate {}", otherwise(input.name))]));
        if let (Kind::Text { .. }, false) = (input.kind, in_query) {
            requests.push((with(json!("a\u{0}b")), vec!["Incorrect Data".to_owned()]));
        }
        if let Kind::List(inner) = input.kind {
            for (element, reasons) in self::requests(inner, false) {
                requests.push((with(json!([element])), reasons));
            }
        }
    }
    requests
}

fn as_query(members: &Members) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let pairs = members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        format!("{name}={}", encode(&text))
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn request(call: &Call, members: &Members) -> (String, String) {
    if call.verb.has_body() {
        return (call.controller.to_owned(), Value::Object(members.clone()).to_string());
    }
    (format!("{}?{}", call.controller, as_query(members)), String::new())
}

/// Requests whose single inputs are right: both of either/or, none of them, one without the other that it needs.
const TOGETHER: [(&str, &str, &str, &str); 17] = [
    ("GET", "Group", r#"{"groupId": 1, "groupName": "Crew"}"#, "Invalid groupId And groupName"),
    ("GET", "Group", "{}", "Missing groupId"),
    ("DELETE", "Group", r#"{"groupId": 1, "groupName": "Crew"}"#, "Invalid groupId And groupName"),
    ("DELETE", "Group", "{}", "Missing groupId"),
    ("GET", "GroupUser", r#"{"groupUserId": 1, "userName": "jane"}"#, "Invalid groupUserId And userName"),
    ("GET", "GroupUser", "{}", "Missing groupUserId"),
    (
        "GET",
        "Profile",
        r#"{"productId": "6453300110", "profileName": "Team", "profileId": 1}"#,
        "Invalid profileName And profileId",
    ),
    ("GET", "Profile", r#"{"productId": "6453300110"}"#, "Missing profileName"),
    ("GET", "LicenseCodes", r#"{"company": "First", "companyId": 1}"#, "Invalid company And companyId"),
    (
        "GET",
        "LicenseCodeActivity",
        r#"{"productId": "6453300110", "licenseCode": "B-1", "pageSize": 5}"#,
        "Missing pageNumber",
    ),
    ("GET", "NetworkMasterLicense", r#"{"pageSize": 5}"#, "Missing pageNumber"),
    ("POST", "LicenseCode", r#"{"productId": "6453300110"}"#, "Missing numCodes"),
    (
        "PUT",
        "ConsumptionTokens",
        r#"{"productId": "6453300110", "licenseCode": "B-1", "featureCode": "TOKEN"}"#,
        "Missing tokenMax",
    ),
    (
        "PUT",
        "ConsumptionTokens",
        r#"{"productId": "6453300110", "licenseCode": "B-1", "featureCode": "TOKEN", "checkedOutTokens": 1}"#,
        "Missing computerId",
    ),
    (
        "PUT",
        "LicenseCode",
        r#"{"productId": "6453300110", "licenseCode": "B-1", "subscriptionPeriod": 5}"#,
        "Missing licenseType",
    ),
    (
        "PUT",
        "Profile",
        r#"{"productId": "6453300110", "profileName": "Team", "subscriptionEndDate": "2030-01-01"}"#,
        "Missing licenseType",
    ),
    ("PUT", "Product", r#"{"productId": "6453300110", "subscriptionPeriod": 5}"#, "Missing licenseType"),
];

fn find(verb: &str, controller: &str) -> &'static Call {
    let found = CALLS.iter().find(|call| call.verb.word() == verb && call.controller == controller);
    found.expect("a call")
}

on_both_engines! {
    every_bad_value_of_every_input_is_refused_by_name_and_changes_nothing(bench) {
        let world = World::new(&bench).await;
        furnish(&world, PRODUCT).await;
        let before = bench.digests(&KEPT);
        let mut tried = 0;
        for call in &CALLS {
            for (members, reasons) in requests(call.inputs, !call.verb.has_body()) {
                let (address, body) = request(call, &members);
                let answer = world.call(key_of(call), call.verb.word(), &address, &body).await;
                let sent = format!("{} {address:.300} {body:.300}", call.verb.word());
                assert_eq!(answer.status, 400, "{sent}: {:.300}", answer.text);
                let text = answer.json();
                let fits = reasons.iter().any(|reason| text == format!("Error: {reason}. {} Failed", call.action));
                assert!(fits, "{sent}: {text} is none of {reasons:?}");
                tried += 1;
            }
            assert_eq!(bench.digests(&KEPT), before, "{}", call.action);
        }
        assert!(tried > 2_000, "{tried}");
    }

    inputs_that_do_not_go_together_are_refused_and_change_nothing(bench) {
        let world = World::new(&bench).await;
        furnish(&world, PRODUCT).await;
        let before = bench.digests(&KEPT);
        for (verb, controller, members, reason) in TOGETHER {
            let call = find(verb, controller);
            let members: Members = serde_json::from_str(members).expect("an object");
            let (address, body) = request(call, &members);
            let answer = world.call(key_of(call), verb, &address, &body).await;
            assert_eq!(answer.refused(), (400, reason.to_owned()), "{verb} {address} {body}");
        }
        assert_eq!(bench.digests(&KEPT), before);
    }

    what_another_tenant_has_is_as_if_it_did_not_exist(bench) {
        const OWN: &str = "9999900110";
        let world = World::new(&bench).await;
        furnish(&world, PRODUCT).await;
        let other = World::other(&bench).await;
        other.example_product(OWN).await;
        // Whoever reads the stream has the journal sealed first.
        let all = "DataStreamer?eventType=All&startDate=2020-01-01&endDate=2030-01-01";
        other.call(KeyType::Stream, "GET", all, "").await.ok();
        // Failed sign-ins are counted.
        let kept = [KEPT.as_slice(), &["sign_ins", "numbers"]].concat();
        let before = bench.digests(&kept);
        let mut told = 0;
        // A foreign product with all that is in it; then a product of one's own with whatever else is foreign.
        for (product, nothing) in [(PRODUCT, "6453300999"), (OWN, OWN)] {
            for call in CALLS.iter().filter(|call| call.inputs.iter().any(|input| names(input).is_some())) {
                let foreign: Members = named(call, good, product);
                let unknown: Members = named(call, |input| names(input).unwrap_or_else(|| good(input)), nothing);
                // These take names that nobody has had yet.
                let makes = ["Creating Consumer Data", "Creating Profile"].contains(&call.action);
                if foreign == unknown || (product == OWN && makes) {
                    continue;
                }
                let mut answers = Vec::new();
                for members in [&foreign, &unknown] {
                    let (address, body) = request(call, members);
                    let answer = other.call(key_of(call), call.verb.word(), &address, &body).await;
                    answers.push((answer.status.as_u16(), answer.text));
                }
                assert_eq!(answers[0], answers[1], "{} {foreign:?} {unknown:?}", call.action);
                told += usize::from(answers[0].0 == 404);
                let after = bench.digests(&kept);
                let changed: Vec<_> = before.iter().zip(&after).filter(|(one, other)| one != other).collect();
                assert!(changed.is_empty(), "{}: {changed:?}", call.action);
            }
        }
        assert!(told > 80, "{told}");
        // The owner finds all of it under the same names.
        for call in CALLS.iter().filter(|call| call.verb.word() == "GET" && call.controller != "DataStreamer") {
            let members = named(call, good, PRODUCT);
            let (address, _) = request(call, &members);
            let answer = world.get(&address).await;
            let known = ["Trial", "AuthenticateUser", "NetworkMasterLicense"].contains(&call.controller) || answer.status == 200;
            assert!(known, "{address}: {}", answer.text);
        }
    }
}

/// A value that names nothing, for inputs that name a record.
fn names(input: &Input) -> Option<Value> {
    let value = match input.name {
        "productId" => json!("6453300999"),
        "licenseCode" => json!("B-999"),
        "computerId" => json!("no-such-computer"),
        "profileName" => json!("Nobody"),
        "userName" => json!("nobody"),
        "companyId" | "companyID" | "groupId" | "groupUserId" | "masterGroupId" | "noteId" | "profileId" => json!(999),
        _ => return None,
    };
    Some(value)
}

/// A request that names a record wherever one can be named, but for one of two inputs that exclude each other.
fn named(call: &Call, value: impl Fn(&Input) -> Value, product: &str) -> Members {
    let mut members = Members::new();
    for input in call.inputs.iter().filter(|input| input.required || names(input).is_some()) {
        members.insert(input.name.to_owned(), if input.name == "productId" { json!(product) } else { value(input) });
    }
    match (call.verb.word(), call.controller) {
        ("GET", "GroupUser") => members.remove("userName"),
        ("GET", "Profile") => members.remove("profileName"),
        _ => None,
    };
    if call.controller == "ConsumptionTokens" {
        members.insert("tokenMax".to_owned(), json!(5));
    }
    if call.controller == "LicenseCode" && call.verb.word() == "POST" {
        members.insert("numCodes".to_owned(), json!(1));
    }
    members
}
