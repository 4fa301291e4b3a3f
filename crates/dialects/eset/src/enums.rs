//! The enumerations, with their numbers and names.

use crate::codes::coded;
use crate::countries::COUNTRIES;
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::{Answer, Asked, Call};
use crate::words::{ENTITY_TYPES, LICENSE_STATES, OPERATION_STATES, PERMISSIONS, USER_STATUSES, Word};
use lessor_core::order;
use serde_json::{Value, json};

pub(crate) static CALLS: [Call; 7] = [
    Call::get("Enum EntityTypes", "Enum/EntityTypes", Area::Company, |_| {
        Box::pin(async { list("entityTypes", &ENTITY_TYPES) })
    })
    .gives(Answer::Json(r#"{"entityTypes":[{"code":1001,"name":"HQ"}]}"#)),
    Call::get("Enum AvailableProducts", "Enum/AvailableProducts", Area::Company, |asked| Box::pin(products(asked)))
        .gives(Answer::Json(r#"{"products":[{"code":"107","name":"Mail Security"}]}"#)),
    Call::get("Enum List of countries", "Enum/Countries", Area::Company, |asked| Box::pin(countries(asked)))
        .gives(Answer::Json(r#"{"countries":[{"code":"SVK","name":"Slovakia","states":[]}]}"#)),
    Call::get("Enum User statuses", "Enum/UserStatuses", Area::Company, |_| {
        Box::pin(async { list("userStatuses", &USER_STATUSES) })
    })
    .gives(Answer::Json(r#"{"userStatuses":[{"code":1,"name":"Active"}]}"#)),
    Call::get("Enum PermissionTypes", "Enum/PermissionTypes", Area::Company, |_| {
        Box::pin(async { list("permissionTypes", &PERMISSIONS) })
    })
    .gives(Answer::Json(r#"{"permissionTypes":[{"code":1,"name":"Write"}]}"#)),
    Call::get("Enum LicenseStates", "Enum/LicenseStates", Area::Company, |_| {
        Box::pin(async { list("licenseStates", &LICENSE_STATES) })
    })
    .gives(Answer::Json(r#"{"licenseStates":[{"code":0,"name":"Error"}]}"#)),
    Call::get("Enum OperationStates", "Enum/OperationStates", Area::Company, |_| {
        Box::pin(async { list("operationStates", &OPERATION_STATES) })
    })
    .gives(Answer::Json(r#"{"operationStates":[{"code":0,"name":"Created"}]}"#)),
];

fn list(name: &str, words: &[Word]) -> Result<Reply, Problem> {
    let words: Vec<Value> = words.iter().map(|word| json!({ "code": word.code, "name": word.name })).collect();
    Ok(Reply::json(&json!({ name: words })))
}

/// What the caller's company may order.
async fn products(asked: Asked) -> Result<Reply, Problem> {
    let own = asked.own_company();
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let offers = order::offers(tx, cx, own)?;
        coded(tx, cx, offers.into_iter().filter(|product| product.active).collect())
    });
    let products: Vec<Value> =
        read.await?.into_iter().map(|(code, product)| json!({ "code": code, "name": product.name })).collect();
    Ok(Reply::json(&json!({ "products": products })))
}

async fn countries(_: Asked) -> Result<Reply, Problem> {
    let countries = COUNTRIES.iter().map(|(code, name)| json!({ "code": code, "name": name, "states": [] }));
    Ok(Reply::json(&json!({ "countries": countries.collect::<Vec<_>>() })))
}
