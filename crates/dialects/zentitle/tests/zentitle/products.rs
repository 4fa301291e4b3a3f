//! Products, their features, profiles.

use crate::shapes::assert_same;
use crate::transcript::is_instant;
use crate::world::{World, example};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

fn answer(name: &str) -> Value {
    serde_json::from_str(&example(name)).expect("an example answer")
}

on_both_engines! {
    the_documented_product_is_made_byte_for_byte_and_read_back(bench) {
        let world = World::new(&bench).await;
        let number = world.post("Product", &example("POST-Product.request.json")).await.made();
        assert_eq!(number, "6453300100");
        let read = world.get(&format!("product?PRODUCTID={number}")).await.ok();
        assert_eq!(read, json!([{
            "productName": "APITest 0110",
            "productId": "6453300100",
            "clientLeasePeriod": 2,
            "vmLeasePeriod": 1,
            "clientOfflineLeasePeriod": 24,
            "trialPeriod": 10,
            "licenseType": "subscriptionPeriod",
            "clientsAllowed": 2,
            "features": [
                {"featureCode": "FEAT1API01", "featureAvailability": "OFF", "featureType": "Normal",
                 "featureName": "featureAPI1", "featureNotes": "featureAPI1", "featureGroup": "groupAPI1"},
                {"featureCode": "FEAT2API02", "featureAvailability": "OFF", "featureType": "ConsumptionToken",
                 "featureName": "featureAPI2", "featureNotes": "featureAPI2", "featureGroup": "groupAPI2"},
                {"featureCode": "FEAT3API03", "featureAvailability": "OFF", "featureType": "Floating",
                 "featureName": "featureAPI3", "featureNotes": "featureAPI3", "featureGroup": "Default"},
                {"featureCode": "FEAT3API04", "featureAvailability": "OFF", "featureType": "Normal",
                 "featureName": "featureAPI4", "featureNotes": "featureAPI4", "featureGroup": "Default"},
            ],
            "applicationAgility": [{"name": "TEST1", "value": "udf1"}, {"name": "TEST2", "value": "udf2"}],
        }]));
        assert_same(&read, &answer("GET-Product.answer.json"), &[]);
        let again = world.post("Product", &example("POST-Product.request.json")).await;
        assert_eq!(again.refused(), (409, "Product Already Exists".into()));
        world.post("Product", r#"{"productName":"second"}"#).await.made();
        let all = world.get("Products").await.ok();
        assert_eq!(all.as_array().map(Vec::len), Some(2));
        assert_eq!(all[1]["productId"], "6453300101");
        assert_same(&json!([all[0]]), &answer("GET-Products.answer.json"), &[]);
    }

    a_product_that_does_not_fit_leaves_nothing_behind(bench) {
        let world = World::new(&bench).await;
        let feature = |members: &str| {
            format!(r#"{{"productName":"p","features":[{{"featureCode":"F","featureName":"f","notes":"n"{members}}}]}}"#)
        };
        let twice = r#"{"productName":"p","applicationAgility":[{"name":"a"},{"name":"a"}]}"#.to_owned();
        let cases = [
            (feature(r#","featureGroupName":"none""#), (404, "Feature Group Not Found")),
            (feature(r#","featureType":"floating","availableInTrials":"true""#), (400, "Invalid availableInTrials")),
            (feature(r#","featureType":"other""#), (400, "Invalid featureType")),
            (twice, (400, "Invalid name")),
            (r#"{"productName":"p","featureGroups":[{"featureGroupName":"DEFAULT"}]}"#.into(), (409, "Feature Group Already Exists")),
            (r#"{"productName":"p","clientsAllowed":"0"}"#.into(), (400, "Invalid clientsAllowed")),
            (r#"{"productName":"p","clientLeasePeriod":8761}"#.into(), (400, "Invalid clientLeasePeriod")),
            (r#"{"productName":"p","inTrial":"1"}"#.into(), (400, "Invalid inTrial")),
            (r#"{"productName":"p","licenseType":"expirationdate"}"#.into(), (400, "Missing subscriptionEndDate")),
            (r#"{"productName":" p"}"#.into(), (400, "Invalid productName")),
        ];
        for (body, (status, reason)) in cases {
            assert_eq!(world.post("Product", &body).await.refused(), (status, reason.to_owned()), "{body}");
        }
        assert_eq!(world.get("Products").await.ok(), json!([]));
    }

    a_product_is_changed_and_what_is_left_out_stays(bench) {
        let world = World::new(&bench).await;
        world.example_product("6872450105").await;
        let before = world.get("Product?productId=6872450105").await.ok();
        let done = world.put("Product", &example("PUT-Product.request.json")).await.ok();
        assert_eq!(done, "Product Updated Successfully");
        let mut expected = before;
        expected[0]["clientLeasePeriod"] = json!(48);
        expected[0]["licenseType"] = json!("perpetual");
        assert_eq!(world.get("Product?productId=6872450105").await.ok(), expected);
        let without_type = world.put("Product", r#"{"productId":"6872450105","subscriptionPeriod":5}"#).await;
        assert_eq!(without_type.refused(), (400, "Missing licenseType".into()));
        let unknown = world.put("Product", r#"{"productId":"1"}"#).await;
        assert_eq!(unknown.refused(), (404, "Product Not Found".into()));
        let foreign = World::other(&bench).await;
        assert_eq!(foreign.get("Product?productId=6872450105").await.refused(), (404, "Product Not Found".into()));
    }

    features_come_change_and_go_all_or_none(bench) {
        let world = World::new(&bench).await;
        let body = r#"{"productName":"p","featureGroups":[{"featureGroupName":"groupAPI1"}]}"#;
        let number = world.post("Product", body).await.made();
        let named = |name: &str| example(name).replace("6872450105", &number).replace("6453300110", &number);
        let created = world.post("ProductFeatures", &named("POST-ProductFeatures.request.json")).await;
        assert_eq!(created.ok(), "Product Features Created Successfully");
        // The example of PUT names a feature that the example of POST does not make.
        let put = named("PUT-ProductFeatures.request.json");
        assert_eq!(world.put("ProductFeatures", &put).await.refused(), (404, "Feature Not Found".into()));
        let put = put.replace("FEAT1API02", "FEAT2API03");
        assert_eq!(world.put("productfeatures", &put).await.ok(), "Product Features Updated Successfully");
        let features = world.get(&format!("Product?productId={number}")).await.ok()[0]["features"].clone();
        assert_eq!(features[0]["featureCode"], "FEAT101");
        assert_eq!(features[0]["featureGroup"], "Default");
        assert_eq!(features[0]["featureNotes"], "featureAPI1 updated");
        assert_eq!(features[1]["featureCode"], "FEAT102");
        let taken = format!(r#"{{"productId":"{number}","features":[{{"featureCode":"FEAT101","newFeatureCode":"FEAT102"}}]}}"#);
        assert_eq!(world.put("ProductFeatures", &taken).await.refused(), (409, "Feature Already Exists".into()));
        let gone = world.delete(&format!("productfeatures?productId={number}&featureCode=FEAT101")).await;
        assert_eq!(gone.ok(), "Product Feature Deleted Successfully");
        let again = world.delete(&format!("productfeatures?productId={number}&featureCode=FEAT101")).await;
        assert_eq!(again.refused(), (404, "Feature Not Found".into()));
    }

    the_documented_profile_is_made_byte_for_byte_changed_and_read_back(bench) {
        let world = World::new(&bench).await;
        world.example_product("6453300110").await;
        let made = world.post("Profile", &example("POST-Profile.request.json")).await.made();
        assert_eq!(made, "1");
        let by_name = world.get("profile?productId=6453300110&profileName=Test+Profile&getSfs=1").await.ok();
        let by_number = world.get("profile?productId=6453300110&profileId=1&getSfs=1").await.ok();
        assert_eq!(by_name, by_number);
        assert_same(&by_name, &answer("GET-Profile.answer.json"), &[]);
        let profile = &by_name[0];
        assert_eq!(profile["profileId"], 1);
        assert_eq!(profile["clientOfflineLeasePeriod"], 24);
        assert_eq!(profile["maintenanceEndDate"], "2020-10-10T00:12:00Z");
        assert_eq!(profile["heartBeat"], 5);
        assert_eq!(profile["resellerId"], 1);
        assert_eq!(profile["features"][4]["featureDetails"], json!(["elementLimit : 10", "elementCount : 0"]));
        assert_eq!(profile["serverFunctions"][0], json!({"functionName": "LTCO", "enabled": "ON", "parameterValue": "20"}));
        assert!(is_instant(profile["created"].as_str().expect("text")));

        let done = world.put("Profile", &example("PUT-Profile.request.json")).await.ok();
        assert_eq!(done, "Profile Updated Successfully");
        let changed = world.get("profile?productId=6453300110&profileName=New%20Profile&getSfs=1").await.ok();
        assert_eq!(changed[0]["profileId"], 1);
        assert_eq!(changed[0]["concurrentProcesses"], 10);
        assert_eq!(changed[0]["concurrencyMode"], "cloud");
        assert_eq!(changed[0]["features"][5]["featureAvailability"], "OFF");
        assert_eq!(changed[0]["features"][5]["featureDetails"], json!(["elementLimit : 15", "elementCount : 0"]));
        assert_eq!(changed[0]["serverFunctions"][0]["parameterValue"], "10");
        assert_eq!(changed[0]["applicationAgility"], json!([{"name": "TEST1", "value": "udf1"}, {"name": "TEST2", "value": "udf2"}]));

        assert_eq!(world.get("Profiles").await.ok(), json!([{"count": 1}]));
        let list = world.get(&format!("profiles?{}", example("GET-Profiles.query.txt").trim())).await.ok();
        assert_same(&list, &answer("GET-Profiles.answer.json"), &[]);
        assert_eq!(world.get("Profiles?pageNumber=2").await.ok(), json!([]));
        assert_eq!(list[0]["productId"], "6453300110");
    }

    profiles_refuse_what_does_not_fit(bench) {
        let world = World::new(&bench).await;
        world.example_product("6453300110").await;
        let post = |members: &str| format!(r#"{{"productId":"6453300110","profileName":"p"{members}}}"#);
        let cases = [
            (post(r#","reseller":"nobody""#), (400, "Invalid reseller")),
            (post(r#","serverFunctions":[{"functionName":"nothing"}]"#), (400, "Invalid functionName")),
            (post(r#","serverFunctions":[{"functionName":"Otherfunc","parameterValue":"1"}]"#), (400, "Invalid parameterValue")),
            (post(r#","features":[{"featureCode":"nothing"}]"#), (404, "Feature Not Found")),
            (post(r#","features":[{"featureCode":"FEAT5","limit":1}]"#), (400, "Invalid limit")),
            (post(r#","features":[{"featureCode":"TOKEN","limit":1}]"#), (400, "Invalid limit")),
            (post(r#","applicationAgility":[{"name":"nothing","value":"x"}]"#), (404, "Application Agility Not Found")),
            (post("").replace("\"p\"", "\"Default\""), (400, "Invalid profileName")),
        ];
        for (body, (status, reason)) in cases {
            assert_eq!(world.post("Profile", &body).await.refused(), (status, reason.to_owned()), "{body}");
        }
        assert_eq!(world.get("Profiles").await.ok(), json!([{"count": 0}]));
        world.post("Profile", &post("")).await.made();
        assert_eq!(world.post("Profile", &post("")).await.refused(), (409, "Profile Already Exists".into()));
        let both = world.get("Profile?productId=6453300110&profileName=p&profileId=1").await;
        assert_eq!(both.refused().0, 400);
        assert_eq!(world.get("Profile?productId=6453300110").await.refused().0, 400);
        let to_network = world.put("Profile", &post(r#","concurrencyMode":"network""#)).await;
        assert_eq!(to_network.refused(), (400, "Missing networkSeats".into()));
        let unnamed = world.put("Profile", &post(r#","newProfileName":"default""#)).await;
        assert_eq!(unnamed.refused(), (400, "Invalid newProfileName".into()));
    }
}
