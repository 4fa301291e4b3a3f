//! All 70 calls as their documents list them, written down here once more: what the program's own table says is compared with
//! this, never the other way round.

use crate::transcript::{self, Step, example};
use crate::world::World;
use axum::body::Body;
use http::{Request, StatusCode, header};
use lessor_testkit::on_both_engines;
use lessor_zentitle::KeyType;
use lessor_zentitle::table::{self, CALLS, Verb};
use std::collections::{BTreeMap, BTreeSet};

/// Controller, verb, and who may make the call: `R` READ-ONLY and READ-WRITE, `W` READ-WRITE, `O` READ-WRITE and Offline, `D` DS.
#[rustfmt::skip]
const DOCUMENTED: [(&str, &str, char); 70] = [
    ("LicenseCode", "GET", 'R'), ("LicenseCode", "POST", 'W'), ("LicenseCode", "PUT", 'W'), ("LicenseCode", "DELETE", 'W'),
    ("LicenseCodes", "GET", 'R'),
    ("Products", "GET", 'R'),
    ("Product", "GET", 'R'), ("Product", "POST", 'W'), ("Product", "PUT", 'W'),
    ("ProductFeatureGroups", "POST", 'W'), ("ProductFeatureGroups", "PUT", 'W'), ("ProductFeatureGroups", "DELETE", 'W'),
    ("ProductFeatures", "POST", 'W'), ("ProductFeatures", "PUT", 'W'), ("ProductFeatures", "DELETE", 'W'),
    ("ProductApplicationAgility", "POST", 'W'), ("ProductApplicationAgility", "PUT", 'W'), ("ProductApplicationAgility", "DELETE", 'W'),
    ("NextLicenseCode", "GET", 'R'),
    ("ActivatedLicenseCodes", "GET", 'R'),
    ("LicenseCodeActivity", "GET", 'R'), ("LicenseCodeActivity", "PUT", 'W'), ("LicenseCodeActivity", "DELETE", 'W'),
    ("LicenseCodesByOrderID", "GET", 'R'),
    ("PassiveLicense", "POST", 'W'),
    ("NetworkMasterLicense", "POST", 'W'), ("NetworkMasterLicense", "GET", 'R'),
    ("Profile", "GET", 'R'), ("Profile", "POST", 'W'), ("Profile", "PUT", 'W'),
    ("Profiles", "GET", 'R'),
    ("ConsumerData", "GET", 'R'), ("ConsumerData", "POST", 'W'),
    ("Trial", "GET", 'R'), ("Trial", "DELETE", 'W'),
    ("Trials", "GET", 'R'),
    ("OfflineActivation", "POST", 'O'),
    ("OfflineDeActivation", "POST", 'O'),
    ("SystemDetails", "GET", 'R'),
    ("Company", "GET", 'R'), ("Company", "POST", 'W'), ("Company", "PUT", 'W'), ("Company", "DELETE", 'W'),
    ("CompanyID", "GET", 'R'),
    ("CompaniesProducts", "GET", 'R'),
    ("Group", "GET", 'R'), ("Group", "POST", 'W'), ("Group", "PUT", 'W'), ("Group", "DELETE", 'W'),
    ("Groups", "GET", 'R'),
    ("GroupUser", "GET", 'R'), ("GroupUser", "POST", 'W'), ("GroupUser", "PUT", 'W'), ("GroupUser", "DELETE", 'W'),
    ("GroupUserPassword", "PUT", 'W'),
    ("GroupLicenseCode", "GET", 'R'), ("GroupLicenseCode", "POST", 'W'), ("GroupLicenseCode", "DELETE", 'W'),
    ("GroupUserLicense", "POST", 'W'),
    ("LicenseNote", "GET", 'R'), ("LicenseNote", "POST", 'W'), ("LicenseNote", "PUT", 'W'), ("LicenseNote", "DELETE", 'W'),
    ("AuthenticateUser", "GET", 'R'),
    ("DataStreamer", "GET", 'D'), ("DataStreamer", "POST", 'D'),
    ("ConsumptionTokens", "PUT", 'W'),
    ("APIKey", "POST", 'W'), ("APIKey", "PUT", 'W'), ("APIKey", "DELETE", 'W'),
];

/// The five types of keys, by the letters of the calls that they open.
const OPENS: [(KeyType, &str); 5] = [
    (KeyType::ReadOnly, "R"),
    (KeyType::ReadWrite, "RWO"),
    (KeyType::Offline, "O"),
    (KeyType::Stream, "D"),
    (KeyType::Saas, ""),
];

fn opens(kind: KeyType, letter: char) -> bool {
    OPENS.iter().any(|(known, letters)| *known == kind && letters.contains(letter))
}

/// The documented example of a call: what stands behind the controller, and the body.
fn documented_request(controller: &str, verb: &str) -> (String, String) {
    match (controller, verb) {
        ("Products" | "CompaniesProducts", _) => (controller.to_owned(), String::new()),
        (_, "GET" | "DELETE") => {
            let query = example(&format!("{verb}-{controller}.query.txt"));
            (format!("{controller}?{}", query.trim()), String::new())
        }
        _ => (controller.to_owned(), example(&format!("{verb}-{controller}.request.json"))),
    }
}

/// The calls that succeed in transcripts, with the names of those.
fn shown() -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut shown: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for (name, transcript) in transcript::all() {
        for step in &transcript.steps {
            let Step::Call(call) = step else { continue };
            let Some((verb, address)) = call.call.split_once(' ').filter(|_| call.status == 200) else { continue };
            let controller = address.split('?').next().unwrap_or_default().trim_end_matches('/').to_lowercase();
            shown.entry((controller, verb.to_owned())).or_default().insert(name.trim_end_matches(".json").to_owned());
        }
    }
    shown
}

#[test]
fn the_table_holds_the_documented_calls_in_their_order_and_no_others() {
    let known: Vec<_> = CALLS.iter().map(|call| (call.controller, call.verb.word())).collect();
    let documented: Vec<_> = DOCUMENTED.iter().map(|(controller, verb, _)| (*controller, *verb)).collect();
    assert_eq!(known, documented);
    let controllers: BTreeSet<_> = DOCUMENTED.iter().map(|(controller, ..)| controller).collect();
    assert_eq!(controllers.len(), 35);
}

#[test]
fn every_documented_call_succeeds_in_a_transcript() {
    let shown = shown();
    let missing: Vec<_> = DOCUMENTED
        .iter()
        .filter(|(controller, verb, _)| !shown.contains_key(&(controller.to_lowercase(), (*verb).to_owned())))
        .map(|(controller, verb, _)| format!("{verb} {controller}"))
        .collect();
    assert!(missing.is_empty(), "no transcript shows {missing:?}");
}

#[test]
fn the_readme_lists_every_call_as_done_with_the_transcript_that_shows_it() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .map(|line| line.trim().trim_matches('|').split('|').map(str::trim).collect())
        .filter(|cells: &Vec<&str>| cells.first().is_some_and(|cell| cell.parse::<usize>().is_ok()))
        .collect();
    assert_eq!(rows.len(), DOCUMENTED.len());
    let shown = shown();
    for ((place, (controller, verb, letter)), row) in DOCUMENTED.iter().enumerate().zip(&rows) {
        let keys = if *letter == 'D' { "DS".to_owned() } else { letter.to_string() };
        assert_eq!(row[..4], [(place + 1).to_string().as_str(), controller, verb, &keys], "{row:?}");
        let transcripts = shown.get(&(controller.to_lowercase(), (*verb).to_owned())).expect("a transcript");
        assert!(transcripts.contains(row[4]), "{row:?} is shown in {transcripts:?}");
        assert_eq!(row[5..], ["done"], "{row:?}");
    }
}

on_both_engines! {
    every_documented_call_is_routed_and_built(bench) {
        let world = World::new(&bench).await;
        for (controller, verb, letter) in DOCUMENTED {
            let (kind, _) = OPENS.into_iter().find(|(_, letters)| letters.contains(letter)).expect("a key");
            let (address, body) = documented_request(controller, verb);
            for address in [address.clone(), address.replacen(controller, &controller.to_uppercase(), 1)] {
                let answer = world.call(kind, verb, &address, &body).await;
                let status = answer.status.as_u16();
                assert!([200, 400, 404, 409].contains(&status), "{verb} {address}: {status} {}", answer.text);
                assert_ne!(answer.json(), "Error: Controller Not Found. Finding Controller Failed", "{verb} {address}");
                let call = table::find(controller, Verb::of(&verb.parse().expect("a method")).expect("a verb"));
                let action = call.expect("a call").action;
                if status != 200 {
                    let text = answer.json();
                    assert!(text.as_str().is_some_and(|text| text.ends_with(&format!(". {action} Failed"))), "{text}");
                }
            }
        }
    }

    verbs_that_are_not_documented_are_refused_with_those_that_are(bench) {
        let world = World::new(&bench).await;
        let controllers: BTreeSet<_> = DOCUMENTED.iter().map(|(controller, ..)| *controller).collect();
        for controller in controllers {
            let known: Vec<&str> =
                DOCUMENTED.iter().filter(|call| call.0 == controller).map(|(_, verb, _)| *verb).collect();
            for verb in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"] {
                if known.contains(&verb) {
                    continue;
                }
                let answer = world.call(KeyType::ReadWrite, verb, controller, "{}").await;
                assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{verb} {controller}");
                assert_eq!(answer.headers[header::ALLOW], known.join(", "), "{verb} {controller}");
            }
        }
    }

    each_of_the_five_key_types_opens_exactly_its_documented_calls(bench) {
        let world = World::new(&bench).await;
        let mut opened = BTreeMap::new();
        for (controller, verb, letter) in DOCUMENTED {
            let (address, body) = documented_request(controller, verb);
            for (kind, _) in OPENS {
                let answer = world.call(kind, verb, &address, &body).await;
                let status = answer.status;
                if opens(kind, letter) {
                    *opened.entry(kind.word()).or_insert(0) += 1;
                    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
                    assert!(!refused, "{} may {verb} {controller}: {}", kind.word(), answer.text);
                } else {
                    assert_eq!(status, StatusCode::FORBIDDEN, "{} may not {verb} {controller}", kind.word());
                    assert_eq!(answer.refused().1, "Access Denied For This Key Type");
                }
            }
            let stranger = Request::builder().method(verb).uri(format!("/api/v2/{address}")).body(Body::from(body));
            let answer = world.send(stranger.expect("a request")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{verb} {controller}");
            assert_eq!(answer.refused().1, "Not Authorized");
        }
        let opened: Vec<_> = opened.into_iter().collect();
        assert_eq!(
            opened,
            [("WebAPI DS", 2), ("WebAPI Offline", 2), ("WebAPI READ-ONLY", 24), ("WebAPI READ-WRITE", 68)]
        );
    }
}
