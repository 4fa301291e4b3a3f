//! The documented example requests and answers, for the OpenAPI document and for tests; and requests that work in the demo
//! world, of the calls whose documented ones name records that are not there.

use crate::table::Verb::{self, Delete, Get, Post, Put};
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// What the documents show of one call.
pub struct Example {
    /// Its verb.
    pub verb: Verb,
    /// Its controller.
    pub controller: &'static str,
    /// Bodies of POST and PUT, queries of GET and DELETE.
    pub requests: &'static [&'static str],
    /// Answers, as JSON.
    pub answers: &'static [&'static str],
}

macro_rules! shown {
    ($file:literal) => {
        include_str!(concat!("../examples/", $file))
    };
}

/// What the documents show of a call.
pub fn of(controller: &str, verb: Verb) -> Option<&'static Example> {
    EXAMPLES.iter().find(|example| example.controller == controller && example.verb == verb)
}

/// The inputs with which a call, named as in the OpenAPI document, does its work in the demo world.
pub fn demo(operation: &str) -> Option<&'static Map<String, Value>> {
    static DEMO: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(shown!("demo.json")).unwrap_or_default());
    DEMO.get(operation).and_then(Value::as_object)
}

/// All documented examples, in the order of the table. That of NextLicenseCode's answer is lost; it has the shape of POST LicenseCode's.
#[rustfmt::skip]
pub static EXAMPLES: &[Example] = &[
    Example { verb: Get, controller: "LicenseCode", requests: &[shown!("GET-LicenseCode.query.txt")], answers: &[shown!("GET-LicenseCode.answer.json")] },
    Example { verb: Post, controller: "LicenseCode", requests: &[shown!("POST-LicenseCode.request.json"), shown!("POST-LicenseCode-2.request.json")], answers: &[shown!("POST-LicenseCode.answer.json")] },
    Example { verb: Put, controller: "LicenseCode", requests: &[shown!("PUT-LicenseCode.request.json")], answers: &[] },
    Example { verb: Delete, controller: "LicenseCode", requests: &[shown!("DELETE-LicenseCode.query.txt")], answers: &[] },
    Example { verb: Get, controller: "LicenseCodes", requests: &[shown!("GET-LicenseCodes.query.txt")], answers: &[shown!("GET-LicenseCodes.answer.json")] },
    Example { verb: Get, controller: "Products", requests: &[], answers: &[shown!("GET-Products.answer.json")] },
    Example { verb: Get, controller: "Product", requests: &[shown!("GET-Product.query.txt")], answers: &[shown!("GET-Product.answer.json")] },
    Example { verb: Post, controller: "Product", requests: &[shown!("POST-Product.request.json")], answers: &[] },
    Example { verb: Put, controller: "Product", requests: &[shown!("PUT-Product.request.json")], answers: &[] },
    Example { verb: Post, controller: "ProductFeatureGroups", requests: &[shown!("POST-ProductFeatureGroups.request.json")], answers: &[] },
    Example { verb: Put, controller: "ProductFeatureGroups", requests: &[shown!("PUT-ProductFeatureGroups.request.json")], answers: &[] },
    Example { verb: Delete, controller: "ProductFeatureGroups", requests: &[shown!("DELETE-ProductFeatureGroups.query.txt")], answers: &[] },
    Example { verb: Post, controller: "ProductFeatures", requests: &[shown!("POST-ProductFeatures.request.json")], answers: &[] },
    Example { verb: Put, controller: "ProductFeatures", requests: &[shown!("PUT-ProductFeatures.request.json")], answers: &[] },
    Example { verb: Delete, controller: "ProductFeatures", requests: &[shown!("DELETE-ProductFeatures.query.txt")], answers: &[] },
    Example { verb: Post, controller: "ProductApplicationAgility", requests: &[shown!("POST-ProductApplicationAgility.request.json")], answers: &[] },
    Example { verb: Put, controller: "ProductApplicationAgility", requests: &[shown!("PUT-ProductApplicationAgility.request.json")], answers: &[] },
    Example { verb: Delete, controller: "ProductApplicationAgility", requests: &[shown!("DELETE-ProductApplicationAgility.query.txt")], answers: &[] },
    Example { verb: Get, controller: "NextLicenseCode", requests: &[shown!("GET-NextLicenseCode.query.txt")], answers: &[shown!("POST-LicenseCode.answer.json")] },
    Example { verb: Get, controller: "ActivatedLicenseCodes", requests: &[shown!("GET-ActivatedLicenseCodes.query.txt")], answers: &[shown!("GET-ActivatedLicenseCodes.answer.json")] },
    Example { verb: Get, controller: "LicenseCodeActivity", requests: &[shown!("GET-LicenseCodeActivity.query.txt")], answers: &[shown!("GET-LicenseCodeActivity.answer.json"), shown!("GET-LicenseCodeActivity-2.answer.json")] },
    Example { verb: Put, controller: "LicenseCodeActivity", requests: &[shown!("PUT-LicenseCodeActivity.request.json")], answers: &[] },
    Example { verb: Delete, controller: "LicenseCodeActivity", requests: &[shown!("DELETE-LicenseCodeActivity.query.txt")], answers: &[] },
    Example { verb: Get, controller: "LicenseCodesByOrderID", requests: &[shown!("GET-LicenseCodesByOrderID.query.txt")], answers: &[shown!("GET-LicenseCodesByOrderID.answer.json")] },
    Example { verb: Post, controller: "PassiveLicense", requests: &[shown!("POST-PassiveLicense.request.json")], answers: &[] },
    Example { verb: Post, controller: "NetworkMasterLicense", requests: &[shown!("POST-NetworkMasterLicense.request.json")], answers: &[] },
    Example { verb: Get, controller: "NetworkMasterLicense", requests: &[shown!("GET-NetworkMasterLicense.query.txt")], answers: &[shown!("GET-NetworkMasterLicense.answer.json"), shown!("GET-NetworkMasterLicense-2.answer.json")] },
    Example { verb: Get, controller: "Profile", requests: &[shown!("GET-Profile.query.txt")], answers: &[shown!("GET-Profile.answer.json")] },
    Example { verb: Post, controller: "Profile", requests: &[shown!("POST-Profile.request.json")], answers: &[] },
    Example { verb: Put, controller: "Profile", requests: &[shown!("PUT-Profile.request.json")], answers: &[] },
    Example { verb: Get, controller: "Profiles", requests: &[shown!("GET-Profiles.query.txt")], answers: &[shown!("GET-Profiles.answer.json")] },
    Example { verb: Get, controller: "ConsumerData", requests: &[shown!("GET-ConsumerData.query.txt")], answers: &[shown!("GET-ConsumerData.answer.json")] },
    Example { verb: Post, controller: "ConsumerData", requests: &[shown!("POST-ConsumerData.request.json")], answers: &[] },
    Example { verb: Get, controller: "Trial", requests: &[shown!("GET-Trial.query.txt")], answers: &[] },
    Example { verb: Delete, controller: "Trial", requests: &[shown!("DELETE-Trial.query.txt")], answers: &[] },
    Example { verb: Get, controller: "Trials", requests: &[shown!("GET-Trials.query.txt")], answers: &[shown!("GET-Trials.answer.json")] },
    Example { verb: Post, controller: "OfflineActivation", requests: &[shown!("POST-OfflineActivation.request.json")], answers: &[] },
    Example { verb: Post, controller: "OfflineDeActivation", requests: &[shown!("POST-OfflineDeActivation.request.json")], answers: &[] },
    Example { verb: Get, controller: "SystemDetails", requests: &[shown!("GET-SystemDetails.query.txt")], answers: &[shown!("GET-SystemDetails.answer.json")] },
    Example { verb: Get, controller: "Company", requests: &[shown!("GET-Company.query.txt")], answers: &[shown!("GET-Company.answer.json")] },
    Example { verb: Post, controller: "Company", requests: &[shown!("POST-Company.request.json")], answers: &[] },
    Example { verb: Put, controller: "Company", requests: &[shown!("PUT-Company.request.json")], answers: &[] },
    Example { verb: Delete, controller: "Company", requests: &[shown!("DELETE-Company.query.txt")], answers: &[] },
    Example { verb: Get, controller: "CompanyID", requests: &[shown!("GET-CompanyID.query.txt")], answers: &[shown!("GET-CompanyID.answer.json")] },
    Example { verb: Get, controller: "CompaniesProducts", requests: &[], answers: &[shown!("GET-CompaniesProducts.answer.json")] },
    Example { verb: Get, controller: "Group", requests: &[shown!("GET-Group.query.txt")], answers: &[shown!("GET-Group.answer.json")] },
    Example { verb: Post, controller: "Group", requests: &[shown!("POST-Group.request.json")], answers: &[] },
    Example { verb: Put, controller: "Group", requests: &[shown!("PUT-Group.request.json")], answers: &[] },
    Example { verb: Delete, controller: "Group", requests: &[shown!("DELETE-Group.query.txt")], answers: &[] },
    Example { verb: Get, controller: "Groups", requests: &[shown!("GET-Groups.query.txt")], answers: &[shown!("GET-Groups.answer.json")] },
    Example { verb: Get, controller: "GroupUser", requests: &[shown!("GET-GroupUser.query.txt")], answers: &[shown!("GET-GroupUser.answer.json")] },
    Example { verb: Post, controller: "GroupUser", requests: &[shown!("POST-GroupUser.request.json")], answers: &[] },
    Example { verb: Put, controller: "GroupUser", requests: &[shown!("PUT-GroupUser.request.json")], answers: &[] },
    Example { verb: Delete, controller: "GroupUser", requests: &[shown!("DELETE-GroupUser.query.txt")], answers: &[] },
    Example { verb: Put, controller: "GroupUserPassword", requests: &[shown!("PUT-GroupUserPassword.request.json")], answers: &[] },
    Example { verb: Get, controller: "GroupLicenseCode", requests: &[shown!("GET-GroupLicenseCode.query.txt")], answers: &[shown!("GET-GroupLicenseCode.answer.json")] },
    Example { verb: Post, controller: "GroupLicenseCode", requests: &[shown!("POST-GroupLicenseCode.request.json")], answers: &[] },
    Example { verb: Delete, controller: "GroupLicenseCode", requests: &[shown!("DELETE-GroupLicenseCode.query.txt")], answers: &[] },
    Example { verb: Post, controller: "GroupUserLicense", requests: &[shown!("POST-GroupUserLicense.request.json")], answers: &[] },
    Example { verb: Get, controller: "LicenseNote", requests: &[shown!("GET-LicenseNote.query.txt")], answers: &[shown!("GET-LicenseNote.answer.json")] },
    Example { verb: Post, controller: "LicenseNote", requests: &[shown!("POST-LicenseNote.request.json")], answers: &[] },
    Example { verb: Put, controller: "LicenseNote", requests: &[shown!("PUT-LicenseNote.request.json")], answers: &[] },
    Example { verb: Delete, controller: "LicenseNote", requests: &[shown!("DELETE-LicenseNote.query.txt")], answers: &[] },
    Example { verb: Get, controller: "AuthenticateUser", requests: &[shown!("GET-AuthenticateUser.query.txt")], answers: &[] },
    Example { verb: Get, controller: "DataStreamer", requests: &[shown!("GET-DataStreamer.query.txt")], answers: &[shown!("GET-DataStreamer.answer.json")] },
    Example { verb: Post, controller: "DataStreamer", requests: &[shown!("POST-DataStreamer.request.json")], answers: &[] },
    Example { verb: Put, controller: "ConsumptionTokens", requests: &[shown!("PUT-ConsumptionTokens.request.json")], answers: &[] },
    Example { verb: Post, controller: "APIKey", requests: &[shown!("POST-APIKey.request.json")], answers: &[] },
    Example { verb: Put, controller: "APIKey", requests: &[shown!("PUT-APIKey.request.json")], answers: &[] },
    Example { verb: Delete, controller: "APIKey", requests: &[shown!("DELETE-APIKey.query.txt")], answers: &[] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input;
    use crate::table;

    #[test]
    fn every_documented_request_is_taken_as_it_stands() {
        for example in EXAMPLES {
            let call = table::find(example.controller, example.verb).expect("a call");
            for request in example.requests {
                let fields = match call.verb.has_body() {
                    true => input::from_body(request.as_bytes(), call.inputs),
                    false => input::from_query(request.trim(), call.inputs),
                };
                assert!(fields.is_ok(), "{} {}: {fields:?}", call.action, request);
            }
        }
    }

    #[test]
    fn every_request_for_the_demo_world_names_a_call_and_inputs_of_it() {
        let demo: Map<String, Value> = serde_json::from_str(shown!("demo.json")).expect("an object");
        for (operation, inputs) in &demo {
            let named =
                |call: &&table::Call| format!("{}{}", call.verb.word().to_lowercase(), call.controller) == *operation;
            let call = table::CALLS.iter().find(named).expect("a call");
            for (name, value) in inputs.as_object().expect("inputs") {
                assert!(call.inputs.iter().any(|input| input.name == name), "{operation}: {name}");
                assert!(call.verb.has_body() || value.is_string(), "a query has texts alone: {operation}: {name}");
            }
        }
    }

    #[test]
    fn every_call_that_takes_anything_has_a_documented_request() {
        for call in table::CALLS.iter().filter(|call| !call.inputs.is_empty()) {
            assert!(
                of(call.controller, call.verb).is_some_and(|example| !example.requests.is_empty()),
                "{}",
                call.action
            );
        }
    }
}
