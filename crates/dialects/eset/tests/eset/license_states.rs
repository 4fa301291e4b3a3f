//! Every call that changes a license, on a license in every state: what comes of it stands in one table.

use crate::licenses::Shop;
use crate::world::World;
use lessor_core::account::{HoldTarget, Kind, Reach};
use lessor_core::identity::session::Lifetimes;
use lessor_eset::Settings;
use lessor_testkit::{Bench, on_both_engines};
use serde_json::json;

/// The states that calls may find a license in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Full,
    FullSuspended,
    FullOfSuspendedCompany,
    Trial,
    TrialExtendedTwice,
    TrialSuspended,
    TrialOver,
    TrialOverSuspended,
    Removed,
}

/// A cause by its number, or 0 for success.
struct Row {
    state: State,
    /// `UpdateQuantity`, `ExtendTrial`, `Suspend`, `Unsuspend`, `ConvertToFull`, `ChangeProduct`, `Remove`, and `Order` again.
    outcomes: [i64; 8],
}

const fn row(state: State, outcomes: [i64; 8]) -> Row {
    Row { state, outcomes }
}

/// Of the documents: their states and the causes of their list of errors. 403 is said of an order for a suspended company.
const TABLE: [Row; 9] = [
    row(State::Full, [0, 24, 0, 36, 19, 0, 24, 20]),
    row(State::FullSuspended, [23, 24, 21, 0, 19, 45, 24, 20]),
    row(State::FullOfSuspendedCompany, [23, 24, 21, 33, 19, 45, 24, 403]),
    row(State::Trial, [0, 0, 0, 36, 0, 45, 0, 20]),
    row(State::TrialExtendedTwice, [0, 31, 0, 36, 0, 45, 0, 20]),
    row(State::TrialSuspended, [23, 36, 21, 0, 36, 45, 0, 20]),
    row(State::TrialOver, [37, 37, 23, 36, 0, 45, 0, 0]),
    row(State::TrialOverSuspended, [23, 36, 21, 0, 36, 45, 0, 0]),
    row(State::Removed, [23, 23, 23, 23, 23, 45, 23, 0]),
];

const CALLS: [&str; 8] =
    ["UpdateQuantity", "ExtendTrial", "Suspend", "Unsuspend", "ConvertToFull", "ChangeProduct", "Remove", "Order"];

/// The key of a license of `customer` in that state.
async fn license(shop: &Shop, bench: &Bench, token: &str, state: State) -> String {
    let full = matches!(state, State::Full | State::FullSuspended | State::FullOfSuspendedCompany);
    let key = shop.order(token, "111", if full { 1 } else { 4 }).await;
    let call = async |call: &str| {
        let answer = shop.world.post(token, &format!("License/{call}"), json!({ "publicLicenseKey": key })).await;
        answer.ok();
    };
    bench.pass_seconds(60);
    match state {
        State::Full | State::Trial => {}
        State::FullSuspended | State::TrialSuspended => call("Suspend").await,
        State::FullOfSuspendedCompany => {
            shop.hold(HoldTarget::Account(shop.id("customer")), Reach::Branch).await;
        }
        State::TrialExtendedTwice => {
            call("ExtendTrial").await;
            call("ExtendTrial").await;
        }
        State::TrialOver => bench.pass_hours(30 * 24),
        State::TrialOverSuspended => {
            call("Suspend").await;
            bench.pass_hours(30 * 24);
        }
        State::Removed => call("Remove").await,
    }
    key
}

on_both_engines! {
    every_call_meets_every_state_as_the_table_says(bench) {
        // Time goes by faster here than tokens last.
        let lifetimes = Lifetimes { access_seconds: 1_000_000_000, whole_seconds: 1_000_000_000 };
        let settings = Settings { lifetimes, ..Settings::new("https://lessor.example/#link=") };
        let mut shop = Shop::in_world(&bench, World::with(&bench, settings).await).await;
        shop.offer("msp", &["211"]).await;
        let token = shop.world.token("msp").await;
        for Row { state, outcomes } in TABLE {
            for (call, expected) in CALLS.into_iter().zip(outcomes) {
                let customer = format!("{state:?}/{call}");
                shop.customer = Some(bench.account(shop.id("msp"), Kind::Customer, &customer).await.id);
                let key = license(&shop, &bench, &token, state).await;
                let before = shop.detail(&token, &key).await;
                let body = match call {
                    "Order" => shop.wish("customer", "111", 1),
                    "ChangeProduct" => json!({ "publicLicenseKey": key, "newProductCode": "211", "quantity": 3 }),
                    "UpdateQuantity" | "ConvertToFull" => json!({ "publicLicenseKey": key, "quantity": 3 }),
                    _ => json!({ "publicLicenseKey": key }),
                };
                let answer = shop.world.post(&token, &format!("License/{call}"), body).await;
                let outcome = match answer.status.as_u16() {
                    200 => 0,
                    403 => 403,
                    400 => answer.json()["subCode"].as_i64().expect("a cause"),
                    other => panic!("{customer}: {other} {}", answer.text),
                };
                assert_eq!(outcome, expected, "{customer}: {}", answer.text);
                if expected != 0 {
                    assert_eq!(shop.detail(&token, &key).await, before, "{customer}");
                }
            }
        }
    }
}
