//! License codes.

use crate::shapes::assert_same;
use crate::world::{World, example};
use lessor_core::alias;
use lessor_testkit::on_both_engines;
use lessor_zentitle::ids;
use serde_json::{Value, json};
use std::collections::HashSet;

const PRODUCT: &str = "6453300110";

fn answer(name: &str) -> Value {
    serde_json::from_str(&example(name)).expect("an example answer")
}

/// A tenant that has all records which the documented requests name.
async fn example_world(bench: &lessor_testkit::Bench) -> World {
    let world = World::new(bench).await;
    world.example_product(PRODUCT).await;
    for number in ["10", "17"] {
        let body = format!(r#"{{"company":"Company {number}","productId":"{PRODUCT}"}}"#);
        let made = world.post("Company", &body).await.made();
        let tenant = world.tenant().await;
        let renumber = move |tx: &mut dyn lessor_core::Tx, _: &lessor_core::Context<'_>| {
            let id = alias::resolve(tx, tenant, ids::COMPANY, &made)?.expect("the company");
            alias::take(tx, ids::COMPANY, id)?;
            alias::give(tx, tenant, ids::COMPANY, number, id, lessor_core::Noun::Account)
        };
        world.bench.write(renumber).await.expect("a number");
    }
    let profile = format!(
        r#"{{"productId":"{PRODUCT}","profileName":"testingProfile","enabledForUse":"true","clientsAllowed":"3",
        "features":[{{"featureCode":"FLOAT","featureAvailability":"on","limit":7}}],
        "serverFunctions":[{{"functionName":"LTCO","enabled":"on","parameterValue":"15"}}]}}"#
    );
    world.post("Profile", &profile).await.made();
    world
}

async fn import(world: &World, codes: &[&str]) {
    let body = json!({"productId": PRODUCT, "licenseCodes": codes});
    assert_eq!(world.post("LicenseCode", &body.to_string()).await.ok(), "OK");
}

on_both_engines! {
    the_documented_codes_are_made_changed_and_read_back_byte_for_byte(bench) {
        let world = example_world(&bench).await;
        let made = world.post("LicenseCode", &example("POST-LicenseCode.request.json")).await.ok();
        assert_same(&made, &answer("POST-LicenseCode.answer.json"), &[]);
        for code in made["licenseCodes"].as_array().expect("codes") {
            let code = code.as_str().expect("text");
            assert_eq!(code.len(), 18);
            assert!(code.bytes().all(|byte| byte.is_ascii_digit()) && !code.starts_with('0'));
        }
        assert_eq!(world.post("LicenseCode", &example("POST-LicenseCode-2.request.json")).await.ok(), "OK");
        let again = world.post("LicenseCode", &example("POST-LicenseCode-2.request.json")).await;
        assert_eq!(again.refused(), (409, "License Code 123410225741720791 Already Exists".into()));
        let imported = world.get("licensecode?licenseCode=567810225741720792").await.ok();
        assert_eq!((&imported[0]["companyId"], &imported[0]["orderId"]), (&json!(10), &json!("orderID_1")));
        assert_eq!((&imported[0]["profileId"], &imported[0]["profileName"]), (&json!("1"), &json!("testingProfile")));
        assert_eq!((&imported[0]["enabledForUse"], &imported[0]["clientsAllowed"]), (&json!("true"), &json!(3)));

        import(&world, &["206454320110930859"]).await;
        assert_eq!(world.put("LicenseCode", &example("PUT-LicenseCode.request.json")).await.ok(), "OK");
        let query = example("GET-LicenseCode.query.txt");
        let read = world.get(&format!("licensecode?{}", query.trim())).await.ok();
        assert_same(&read, &answer("GET-LicenseCode.answer.json"), &[]);
        let code = &read[0];
        let expected = json!({
            "companyId": 17, "company": "Company 17", "orderId": "orderID_1", "enabledForUse": "true",
            "licenseType": "subscriptionPeriod", "clientsAllowed": 2, "clientLeasePeriod": 0, "vmLeasePeriod": 0,
            "clientOfflineLeasePeriod": 24, "acquiredByWebservice": "true", "networkSeats": 1, "heartBeat": 5,
            "profileName": "testingProfile", "profileId": "1", "concurrentProcesses": 0, "numActivations": 0,
            "concurrencyMode": "network", "subscriptionPeriod": 110, "subscriptionEndDate": null,
            "subscriptionLastActivated": null, "maintenanceEndDate": null, "currentLiveActivations": 0,
        });
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(&code[name], value, "{name}");
        }
        let feature = |name: &str| {
            let features = code["features"].as_array().expect("features");
            features.iter().find(|feature| feature["featureCode"] == name).expect("a feature").clone()
        };
        assert_eq!(feature("FEAT1")["featureDetails"], json!(["elementLimit : 10", "elementCount : 0"]));
        assert_eq!(feature("EPOOL")["featureDetails"], json!(["elementLimit : 15", "elementCount : 0"]));
        assert_eq!(feature("EPOOL")["featureAvailability"], "ON");
        assert_eq!(feature("FLOAT")["featureAvailability"], "OFF");
        assert_eq!(feature("TOKEN")["featureType"], "ConsumptionToken");
        let notes = code["notes"].as_array().expect("notes");
        assert_eq!((notes.len(), &notes[0]["type"], &notes[0]["createdBy"]), (1, &json!("General"), &json!("")));
        assert_eq!(notes[0]["description"], "general note");
        assert_eq!(code["serverFunctions"], json!([
            {"functionName": "LTCO", "enabled": "ON", "parameterValue": "20"},
            {"functionName": "FeatureAvailability", "enabled": "ON", "parameterValue": ""},
            {"functionName": "Otherfunc", "enabled": "OFF", "parameterValue": ""},
        ]));
    }

    members_and_features_are_shown_only_when_asked_for(bench) {
        let world = example_world(&bench).await;
        import(&world, &["1"]).await;
        let on = format!(r#"{{"productId":"{PRODUCT}","licenseCode":1,"features":[{{"featurecode":"FEAT5","FEATUREAVAILABILITY":"ON"}}]}}"#);
        assert_eq!(world.put("LicenseCode", &on).await.ok(), "OK");
        let plain = world.get("LicenseCode?licenseCode=1").await.ok();
        assert!(plain[0].get("notes").is_none() && plain[0].get("serverFunctions").is_none());
        assert_eq!(plain[0]["features"].as_array().map(Vec::len), Some(9));
        assert_eq!((&plain[0]["profileName"], &plain[0]["profileId"]), (&json!("default"), &json!(0)));
        let on = world.get("LicenseCode?licenseCode=1&showFeatures=ON&getNotes=1&getSfs=0").await.ok();
        let codes: Vec<_> = on[0]["features"].as_array().expect("features").iter().map(|f| &f["featureCode"]).collect();
        assert_eq!(codes, ["FEAT5"]);
        assert_eq!(on[0]["notes"], json!([]));
        assert_eq!(world.get("LicenseCode?licenseCode=1&details=2").await.refused(), (400, "Invalid details".into()));
        assert_eq!(world.get("LicenseCode?licenseCode=2").await.refused(), (404, "License Code Not Found".into()));
    }

    a_list_counts_pages_and_filters(bench) {
        let world = example_world(&bench).await;
        import(&world, &["1", "2", "3"]).await;
        world.post("LicenseCode", &example("POST-LicenseCode.request.json")).await.ok();
        world.example_product("6872450105").await;
        let other = r#"{"productId":"6872450105","licenseCodes":["1"]}"#;
        world.post("LicenseCode", other).await.ok();
        let count = async |query: &str| world.get(&format!("licensecodes?{query}")).await.ok()[0]["count"].clone();
        assert_eq!(count("").await, 6);
        assert_eq!(count("pageNumber=0&pageSize=1").await, 6);
        assert_eq!(count("PRODUCTID=6453300110").await, 5);
        assert_eq!(count("companyId=17").await, 2);
        assert_eq!(count("company=Company+17").await, 2);
        assert_eq!(count("companyId=0").await, 4);
        assert_eq!(count("companyId=99").await, 0);
        assert_eq!(count("company=Nobody").await, 0);
        assert_eq!(count("profileName=testingProfile").await, 2);
        assert_eq!(count("profileName=default").await, 4);
        assert_eq!(count("profileName=nothing").await, 0);
        assert_eq!(count("acquiredByWebservice=false&used=FALSE&activated=false&passive=false").await, 6);
        assert_eq!(count("used=true").await, 0);
        let page = world.get("licensecodes?pagenumber=2&pagesize=2&getsfs=1").await.ok();
        // A code without a profile has the number 0 in the place of a text.
        assert_same(&page, &answer("GET-LicenseCodes.answer.json"), &["profileId"]);
        let codes: Vec<_> = page.as_array().expect("a page").iter().map(|code| code["licenseCode"].clone()).collect();
        assert_eq!((codes.len(), &codes[0]), (2, &json!("3")));
        assert_eq!(world.get("licensecodes?pageNumber=4&pageSize=2").await.ok(), json!([]));
        let rest = world.get("licensecodes?pageNumber=1&companyId=0").await.ok();
        assert_eq!(rest.as_array().map(Vec::len), Some(4));
        assert!(rest[0].get("serverFunctions").is_none());
        for (query, reason) in [
            ("company=a&companyId=1", "Invalid company And companyId"),
            ("pageNumber=-1", "Invalid pageNumber"),
            ("pageSize=0", "Invalid pageSize"),
            ("pageSize=10001", "Invalid pageSize"),
            ("used=1", "Invalid used"),
            ("getSfs=true", "Invalid getSfs"),
        ] {
            let answer = world.get(&format!("licensecodes?{query}")).await;
            assert_eq!(answer.refused(), (400, reason.to_owned()), "{query}");
        }
        assert_eq!(world.get("licensecodes?productId=1").await.refused(), (404, "Product Not Found".into()));
        let foreign = World::other(&bench).await;
        assert_eq!(foreign.get("licensecodes").await.ok(), json!([{"count": 0}]));
        let both = world.get("licensecode?licenseCode=1").await.ok();
        assert_eq!((&both[0]["productId"], &both[1]["productId"]), (&json!(PRODUCT), &json!("6872450105")));
        assert_eq!(world.delete("licenseCode?licensecode=1").await.ok(), "License Code Deleted Successfully");
        assert_eq!(count("").await, 4);
        let gone = world.delete("licenseCode?licensecode=2&productid=6872450105").await;
        assert_eq!(gone.refused(), (404, "License Code Not Found".into()));
    }

    codes_that_do_not_fit_leave_nothing_behind(bench) {
        let world = example_world(&bench).await;
        import(&world, &["1"]).await;
        let post = |members: &str| format!(r#"{{"productId":"{PRODUCT}"{members}}}"#);
        let cases = [
            (post(""), (400, "Missing numCodes")),
            (post(r#","licenseCodes":[]"#), (400, "Missing numCodes")),
            (post(r#","numCodes":"0""#), (400, "Invalid numCodes")),
            (post(r#","numCodes":"10001""#), (400, "Invalid numCodes")),
            (post(r#","licenseCodes":["2","3","2"]"#), (400, "Invalid licenseCodes")),
            (post(r#","licenseCodes":["2","a b"]"#), (400, "Invalid licenseCodes")),
            (post(r#","licenseCodes":["2","1"]"#), (409, "License Code 1 Already Exists")),
            (post(r#","numCodes":1,"companyId":99"#), (404, "Company Not Found")),
            (post(r#","numCodes":1,"profileName":"nothing""#), (404, "Profile Not Found")),
            (post(&format!(r#","numCodes":1,"orderId":"{}""#, "x".repeat(201))), (400, "Invalid orderId")),
        ];
        for (body, (status, reason)) in cases {
            assert_eq!(world.post("LicenseCode", &body).await.refused(), (status, reason.to_owned()), "{body}");
        }
        let put = |members: &str| format!(r#"{{"productId":"{PRODUCT}","licenseCode":"1"{members}}}"#);
        let order = r#","orderId":"changed""#;
        let cases = [
            (format!(r#"{order},"subscriptionPeriod":5"#), (400, "Missing licenseType")),
            (format!(r#"{order},"licenseType":"expirationDate""#), (400, "Missing subscriptionEndDate")),
            (format!(r#"{order},"licenseType":"expirationDate","subscriptionEndDate":"reset""#), (400, "Invalid subscriptionEndDate")),
            (format!(r#"{order},"licenseType":"subscriptionPeriod","subscriptionPeriod":1001"#), (400, "Invalid subscriptionPeriod")),
            (format!(r#"{order},"concurrencyMode":"network","networkSeats":1"#), (400, "Missing heartBeat")),
            (format!(r#"{order},"features":[{{"featureCode":"FLOAT","limit":"1"}},{{"featureCode":"FEAT5","limit":"1"}}]"#), (400, "Invalid limit")),
            (format!(r#"{order},"features":[{{"featureCode":"nothing"}}]"#), (404, "Feature Not Found")),
            (format!(r#"{order},"applicationAgility":[{{"name":"nothing","value":"x"}}]"#), (404, "Application Agility Not Found")),
            (format!(r#"{order},"serverFunctions":[{{"functionName":"nothing"}}]"#), (400, "Invalid functionName")),
            (format!(r#"{order},"notes":[{{"type":"general","description":"n"}},{{"type":"delete","description":"77"}}]"#), (404, "Note Not Found")),
            (format!(r#"{order},"profileName":"nothing""#), (404, "Profile Not Found")),
            (format!(r#"{order},"companyId":"99""#), (404, "Company Not Found")),
            (format!(r#"{order},"enabledForUse":1"#), (400, "Invalid enabledForUse")),
        ];
        for (members, (status, reason)) in cases {
            assert_eq!(world.put("LicenseCode", &put(&members)).await.refused(), (status, reason.to_owned()), "{members}");
        }
        assert_eq!(world.get("LicenseCodes").await.ok(), json!([{"count": 1}]));
        assert_eq!(world.get("LicenseCode?licenseCode=1&getNotes=1").await.ok()[0]["orderId"], "");
    }

    terms_change_by_their_rules_and_disabling_is_a_hold(bench) {
        let world = example_world(&bench).await;
        import(&world, &["1"]).await;
        let put = async |members: &str| {
            let body = format!(r#"{{"productId":"{PRODUCT}","licenseCode":"1",{members}}}"#);
            assert_eq!(world.put("LicenseCode", &body).await.ok(), "OK");
            world.get("LicenseCode?licenseCode=1").await.ok()[0].clone()
        };
        let code = put(r#""licenseType":"expirationdate","subscriptionEndDate":"2030-02-03T04:05""#).await;
        assert_eq!((&code["licenseType"], &code["subscriptionEndDate"]), (&json!("expirationDate"), &json!("2030-02-03T04:05:00Z")));
        let code = put(r#""licenseType":"PERPETUAL","subscriptionPeriod":"0""#).await;
        assert_eq!((&code["licenseType"], &code["subscriptionEndDate"]), (&json!("perpetual"), &Value::Null));
        let code = put(r#""licenseType":"1","subscriptionPeriod":"30""#).await;
        assert_eq!((&code["subscriptionPeriod"], &code["subscriptionEndDate"]), (&json!(30), &Value::Null));
        let code = put(r#""licenseType":"subscriptionperiod","subscriptionPeriod":7"#).await;
        assert_eq!(code["subscriptionPeriod"], 37);
        let code = put(r#""enabledForUse":"false""#).await;
        assert_eq!(code["enabledForUse"], "false");
        let code = put(r#""enabledForUse":"true","profileName":"testingProfile","inheritProfile":"true","clientsAllowed":9"#).await;
        assert_eq!((&code["enabledForUse"], &code["clientsAllowed"], &code["profileId"]), (&json!("true"), &json!(9), &json!("1")));
        assert_eq!(code["licenseType"], "perpetual");
        let code = put(r#""profileName":"default","companyId":17"#).await;
        assert_eq!((&code["profileId"], &code["companyId"]), (&json!(0), &json!(17)));
        let code = put(r#""companyId":"0""#).await;
        assert_eq!((&code["companyId"], &code["company"]), (&json!(0), &json!("")));
    }

    notes_come_and_go_in_one_order_whatever_the_order_given(bench) {
        let world = example_world(&bench).await;
        import(&world, &["1"]).await;
        let put = async |notes: Value| {
            let body = json!({"productId": PRODUCT, "licenseCode": "1", "notes": notes});
            assert_eq!(world.put("LicenseCode", &body.to_string()).await.ok(), "OK");
            world.get("LicenseCode?licenseCode=1&getNotes=1").await.ok()[0]["notes"].clone()
        };
        let notes = put(json!([{"type": "general", "description": "a"}, {"type": "System", "description": "b"}])).await;
        assert_eq!((&notes[0]["type"], &notes[1]["type"]), (&json!("General"), &json!("System")));
        let first = notes[0]["noteId"].to_string();
        let notes = put(json!([{"type": "general", "description": "c"}, {"type": "delete", "description": first}])).await;
        let texts = |notes: &Value| -> Vec<Value> {
            notes.as_array().expect("notes").iter().map(|note| note["description"].clone()).collect()
        };
        assert_eq!(texts(&notes), ["b", "c"]);
        let notes = put(json!([{"type": "general", "description": "d"}, {"type": "deleteall"}])).await;
        assert_eq!(texts(&notes), ["d"]);
    }

    next_codes_are_handed_out_once_oldest_first(bench) {
        let world = example_world(&bench).await;
        import(&world, &["1", "2", "3"]).await;
        let next = async |query: &str| world.get(&format!("nextlicensecode?productId={PRODUCT}{query}")).await;
        assert_eq!(next("").await.ok(), json!({"licenseCodes": ["1"]}));
        assert_eq!(next("&amount=5").await.ok(), json!({"licenseCodes": ["2", "3"]}));
        let none = next("").await;
        assert_eq!(none.json(), "Error: No License Codes Available. Getting Next License Code Failed");
        assert_eq!(none.status, 404);
        assert_eq!(world.get("LicenseCode?licenseCode=2").await.ok()[0]["acquiredByWebservice"], "true");
        let back = format!(r#"{{"productId":"{PRODUCT}","licenseCode":"2","acquiredByWebservice":"false"}}"#);
        world.put("LicenseCode", &back).await.ok();
        assert_eq!(next("").await.ok(), json!({"licenseCodes": ["2"]}));
        assert_eq!(next("&profileName=nothing").await.refused(), (404, "Profile Not Found".into()));
        assert_eq!(next("&amount=0").await.refused(), (400, "Invalid amount".into()));
        let made = world.post("LicenseCode", &example("POST-LicenseCode.request.json")).await.ok();
        assert_eq!(next("&profileName=testingProfile&amount=2").await.ok(), made);
    }

    a_hundred_callers_get_sixty_codes_between_them(bench) {
        let world = example_world(&bench).await;
        let body = format!(r#"{{"productId":"{PRODUCT}","numCodes":60}}"#);
        let made = world.post("LicenseCode", &body).await.ok();
        let address = format!("NextLicenseCode?productId={PRODUCT}");
        let answers = bench.all_at_once(100, |_| world.get(&address)).await;
        let (got, none): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        let codes: HashSet<String> = got.iter().map(|answer| answer.json()["licenseCodes"][0].to_string()).collect();
        assert_eq!((codes.len(), none.len()), (60, 40));
        assert_eq!(made["licenseCodes"].as_array().map(Vec::len), Some(60));
        assert!(none.into_iter().all(|answer| answer.refused().0 == 404));
    }

    codes_are_found_by_a_part_of_their_order(bench) {
        let world = example_world(&bench).await;
        for (code, order) in [("1", "orderId_4"), ("2", "orderId_44"), ("3", "orderIdX4"), ("4", "x orderid_41_12"), ("5", "50%_off")] {
            let body = json!({"productId": PRODUCT, "licenseCodes": [code], "orderId": order});
            world.post("LicenseCode", &body.to_string()).await.ok();
        }
        let query = example("GET-LicenseCodesByOrderID.query.txt");
        let found = world.get(&format!("LicenseCodesByOrderID?{}", query.trim())).await.ok();
        assert_same(&found, &answer("GET-LicenseCodesByOrderID.answer.json"), &[]);
        let codes: Vec<_> = found.as_array().expect("codes").iter().map(|code| &code["licenseCode"]).collect();
        assert_eq!(codes, ["1", "2", "4"]);
        let percent = world.get("LicenseCodesByOrderID?orderId=%25_").await.ok();
        assert_eq!(percent[0]["licenseCode"], "5");
        assert_eq!(world.get("LicenseCodesByOrderID?orderId=").await.refused(), (400, "Missing orderId".into()));
        assert_eq!(world.get("LicenseCodesByOrderID?orderId=none").await.ok(), json!([]));
    }
}
