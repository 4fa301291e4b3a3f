//! The shapes of answers, for the OpenAPI document. A line lists the members of a shape in their order: `name:TYPE`, with `?` behind
//! names that are not always there.

use serde_json::{Map, Value, json};

/// `S` text, `N` whole number, `B` true or false, `T` the text true or false, `W` the text ON or OFF, `D` an instant or null,
/// `I` an instant, `J` a text that holds JSON, `P` a profile's number as text or 0, `O` an object, `[S]` a list of texts, `[Name]` a list
/// of shapes, `Name` a shape or null.
const SHAPES: &[(&str, &str)] = &[
    ("Count", "count:N"),
    ("Codes", "licenseCodes:[S]"),
    ("FeatureUse", "featureCode:S featureAvailability:W featureType:S featureDetails:[S]"),
    (
        "FeatureDefinition",
        "featureCode:S featureAvailability:W featureType:S featureName:S featureNotes:S featureGroup:S",
    ),
    ("Agility", "name:S value:S"),
    ("ServerFunction", "functionName:S enabled:W parameterValue:S"),
    ("Note", "noteId:N type:S created:I createdBy:S description:S"),
    (
        "LicenseCode",
        "licenseCode:S productId:S company:S companyId:N orderId:S enabledForUse:T licenseType:S clientsAllowed:N \
         clientLeasePeriod:N vmLeasePeriod:N clientOfflineLeasePeriod:N acquiredByWebservice:T networkSeats:N heartBeat:N \
         profileName:S profileId:P concurrentProcesses:N numActivations:N concurrencyMode:S subscriptionPeriod:N \
         subscriptionEndDate:D subscriptionLastActivated:D maintenanceEndDate:D created:I modified:I \
         features:[FeatureUse] applicationAgility:[Agility] notes?:[Note] serverFunctions?:[ServerFunction] \
         currentLiveActivations:N",
    ),
    (
        "LicenseCodeRow",
        "licenseCode:S productId:S company:S companyId:N orderId:S enabledForUse:T licenseType:S profileName:S profileId:P \
         acquiredByWebservice:T clientsAllowed:N clientLeasePeriod:N vmLeasePeriod:N clientOfflineLeasePeriod:N \
         networkSeats:N heartBeat:N concurrentProcesses:N numActivations:N numDeActivations:N concurrencyMode:S \
         subscriptionPeriod:N subscriptionEndDate:D subscriptionLastActivated:D maintenanceEndDate:D created:I modified:I \
         features:[FeatureUse] applicationAgility:[Agility] serverFunctions?:[ServerFunction]",
    ),
    (
        "Product",
        "productName:S productId:S clientLeasePeriod:N vmLeasePeriod:N clientOfflineLeasePeriod:N trialPeriod:N \
         licenseType:S clientsAllowed:N features:[FeatureDefinition] applicationAgility:[Agility]",
    ),
    ("CodeOfProduct", "productId:S licenseCode:S"),
    ("CodeOfOrder", "productId:S licenseCode:S orderId:S"),
    (
        "SystemDetails",
        "computerId:S operatingSystem:S bitage:S screenResX:S screenResY:S processor:S cores:S memory:S osLanguage:S \
         appLanguage:S type:S licenseStatus:S version:S build:S edition:S computerName:S vmPlatform:S",
    ),
    (
        "Activity",
        "licenseCode:S computerId:S systemInfo?:SystemDetails status:S vmLeasePeriod:N clientLeaseEndDate:D leaseLastDate:D \
         vmPlatform:S userName:S activated:D deactivated:D",
    ),
    (
        "NetworkMasterLicense",
        "networkLicense:S maxUsers:N currentUsers:N shaferCompany:S activated:D deactivated:D created:D computerID:S",
    ),
    (
        "Profile",
        "profileName:S profileId:N enabledForUse:T licenseType:S clientsAllowed:N clientLeasePeriod:N vmLeasePeriod:N \
         clientOfflineLeasePeriod:N acquiredByWebservice:T networkSeats:N heartBeat:N concurrentProcesses:N resellerId:N \
         concurrencyMode:S subscriptionPeriod:N subscriptionEndDate:D maintenanceEndDate:D created:I modified:I \
         features:[FeatureUse] applicationAgility:[Agility] serverFunctions?:[ServerFunction]",
    ),
    (
        "ProfileRow",
        "productId:S profileName:S profileId:N enabledForUse:T licenseType:S clientsAllowed:N clientLeasePeriod:N \
         vmLeasePeriod:N clientOfflineLeasePeriod:N acquiredByWebservice:T networkSeats:N heartBeat:N concurrentProcesses:N \
         resellerId:N concurrencyMode:S subscriptionPeriod:N subscriptionEndDate:D maintenanceEndDate:D created:I modified:I \
         features:[FeatureUse] applicationAgility:[Agility] serverFunctions?:[ServerFunction]",
    ),
    (
        "ConsumerRecord",
        "productId:S computerId:S licenseCode:S firstName:S lastName:S company:S email:S clientInfo:J created:I",
    ),
    (
        "Trial",
        "productId:S computerId:S trialPeriod:S created:I modified:I leaseEndDate:D expires:I trialStatus:S converted:T \
         licenseCode:S",
    ),
    ("Company", "company:S companyData:J firstName:S email:S search1:S search2:S search3:S created:I productId:S"),
    ("CompanyProduct", "companyId:S company:S productId:S productName:S"),
    ("GroupLicenseCode", "groupId:N productId:S licenseCode:S created:I"),
    (
        "GroupUser",
        "groupUserId:N groupId:N userName:S firstName:S lastName:S email:S telephone:S additionalData:J created:I modified:I",
    ),
    ("SubGroup", "groupId:N groupName:S"),
    (
        "Group",
        "groupId:N type:S masterGroupId:N groupName:S description:S created:I modified:I companyId:N \
         groupLicenses:[GroupLicenseCode] groupUsers:[GroupUser] subGroups:[SubGroup]",
    ),
    ("StreamEvent", "clientCreated:D created:I eventType:S event:S payload:O ip:S processed:B userId:S"),
];

/// All shapes as JSON schemas, with that of errors.
pub fn all() -> Value {
    let mut all: Map<String, Value> =
        SHAPES.iter().map(|(name, members)| ((*name).to_owned(), shape(members))).collect();
    all.insert("Error".into(), json!({ "type": "string", "pattern": r"^Error: [\s\S]+ Failed$" }));
    Value::Object(all)
}

fn shape(members: &str) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, word) in members.split_ascii_whitespace().filter_map(|member| member.split_once(':')) {
        let always = !name.ends_with('?');
        let name = name.trim_end_matches('?');
        properties.insert(name.to_owned(), schema(word));
        if always {
            required.push(name);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn schema(word: &str) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    match word {
        "S" => json!({ "type": "string" }),
        "N" => json!({ "type": "integer" }),
        "B" => json!({ "type": "boolean" }),
        "T" => json!({ "type": "string", "enum": ["true", "false"] }),
        "W" => json!({ "type": "string", "enum": ["ON", "OFF"] }),
        "D" => json!({ "type": ["string", "null"], "format": "date-time" }),
        "I" => json!({ "type": "string", "format": "date-time" }),
        "J" => json!({ "type": "string", "contentMediaType": "application/json" }),
        "P" => {
            json!({ "anyOf": [{ "type": "string", "pattern": "^[1-9][0-9]*$" }, { "type": "integer", "const": 0 }] })
        }
        "O" => json!({ "type": "object" }),
        "[S]" => json!({ "type": "array", "items": { "type": "string" } }),
        list if list.starts_with('[') => json!({ "type": "array", "items": reference(list.trim_matches(['[', ']'])) }),
        name => json!({ "anyOf": [reference(name), { "type": "null" }] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples;
    use crate::table::{self, Answer};

    /// Its example spells members otherwise than its table does.
    const SPELLED: &str = "Activity";

    #[test]
    fn each_shape_has_the_members_of_the_documented_example_in_its_order() {
        let shapes = all();
        let mut compared = 0;
        for example in examples::EXAMPLES {
            let call = table::find(example.controller, example.verb).expect("a call");
            let name = match call.answer {
                Answer::Message => continue,
                Answer::One(name) | Answer::List(name) | Answer::Page(name) => name,
                Answer::Codes => "Codes",
            };
            let Some(Ok(answer)) = example.answers.first().map(|text| serde_json::from_str::<Value>(text)) else {
                continue;
            };
            let record = if answer.is_array() { &answer[0] } else { &answer };
            if name == SPELLED {
                continue;
            }
            let documented: Vec<&String> = record.as_object().expect("an object").keys().collect();
            let declared: Vec<&String> = shapes[name]["properties"].as_object().expect("a shape").keys().collect();
            assert_eq!(declared, documented, "{name}");
            compared += 1;
        }
        assert!(compared >= 17, "{compared}");
    }
}
