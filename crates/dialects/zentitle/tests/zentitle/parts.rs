//! What else a product has: groups of features, application agility fields.

use crate::world::{World, example};
use lessor_core::catalog;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

const PRODUCT: &str = "6872450105";

/// Names and remarks of all groups, what the product shows, and what a code and a profile have of its fields.
async fn all_there_is(world: &World, product: lessor_core::ProductId) -> Value {
    let groups = world.bench.read(move |tx, cx| catalog::feature_groups(tx, cx, product)).await.expect("groups");
    let groups: Vec<_> = groups.into_iter().map(|group| json!([group.name, group.notes])).collect();
    let shown = world.get(&format!("Product?productId={PRODUCT}")).await.ok();
    json!({
        "groups": groups,
        "features": shown[0]["features"],
        "fields": shown[0]["applicationAgility"],
        "code": world.get("LicenseCode?licenseCode=A-1").await.ok()[0]["applicationAgility"],
        "profile": world.get(&format!("Profile?productId={PRODUCT}&profileName=p")).await.ok()[0]["applicationAgility"],
    })
}

/// A product with a code and a profile, under the number of the documented examples.
async fn product(world: &World) -> lessor_core::ProductId {
    let product = world.example_product(PRODUCT).await;
    let code = json!({"productId": PRODUCT, "licenseCodes": ["A-1"]});
    world.post("LicenseCode", &code.to_string()).await.ok();
    let profile = json!({"productId": PRODUCT, "profileName": "p"});
    world.post("Profile", &profile.to_string()).await.made();
    product
}

fn with(list: &str, elements: &str) -> String {
    format!(r#"{{"productId":"{PRODUCT}","{list}":{elements}}}"#)
}

on_both_engines! {
    groups_come_change_and_go_with_the_documented_requests(bench) {
        let world = World::new(&bench).await;
        let id = product(&world).await;
        let made = world.post("ProductFeatureGroups", &example("POST-ProductFeatureGroups.request.json")).await.ok();
        assert_eq!(made, "Product Feature Groups Created Successfully");
        let new = with("features", r#"[{"featureCode":"G1","featureName":"f","notes":"n","featureGroupName":"testgroup1"}]"#);
        world.post("ProductFeatures", &new).await.ok();
        let changed = world.put("ProductFeatureGroups", &example("PUT-ProductFeatureGroups.request.json")).await.ok();
        assert_eq!(changed, "Product Feature Groups Updated Successfully");
        let all = all_there_is(&world, id).await;
        let groups = json!([
            ["groupAPI1", "groupAPI1"], ["groupAPI2", "groupAPI2"], ["groupAPI3", ""], ["group1", "test"], ["testgroup2", "test notes"],
        ]);
        assert_eq!(all["groups"], groups);
        let group_of = |all: &Value, code: &str| {
            let features = all["features"].as_array().expect("features").clone();
            let feature = features.into_iter().find(|feature| feature["featureCode"] == code).expect("the feature");
            feature["featureGroup"].clone()
        };
        assert_eq!(group_of(&all, "G1"), "group1");
        assert_eq!(group_of(&all, "FEAT1API01"), "groupAPI1");

        world.example_product("6453300110").await;
        let other = r#"{"productId":"6453300110","featureGroups":[{"featureGroupName":"testgroup"}]}"#;
        world.post("ProductFeatureGroups", other).await.ok();
        let query = example("DELETE-ProductFeatureGroups.query.txt");
        let gone = world.delete(&format!("productfeaturegroups?{}", query.trim())).await.ok();
        assert_eq!(gone, "Product Feature Group Deleted Successfully");
        assert_eq!(all_there_is(&world, id).await, all);
        world.delete(&format!("ProductFeatureGroups?productId={PRODUCT}&featureGroupName=group1")).await.ok();
        let after = all_there_is(&world, id).await;
        assert_eq!(group_of(&after, "G1"), "Default");
        assert_eq!(group_of(&after, "FEAT1API01"), "groupAPI1");
        assert_eq!(after["groups"].as_array().map(Vec::len), Some(4));
    }

    groups_that_do_not_fit_change_nothing(bench) {
        let world = World::new(&bench).await;
        let id = product(&world).await;
        let before = all_there_is(&world, id).await;
        let list = |elements: &str| with("featureGroups", elements);
        let long = "x".repeat(201);
        let good = r#"{"featureGroupName":"new"}"#;
        let posts = [
            (String::new(), (400, "Missing productId")),
            (list("[]"), (400, "Missing featureGroups")),
            (list(r#""groups""#), (400, "Invalid featureGroups")),
            (list(r#"[1]"#), (400, "Invalid featureGroups")),
            (list(&format!("[{good},{{}}]")), (400, "Missing featureGroupName")),
            (list(&format!(r#"[{good},{{"featureGroupName":""}}]"#)), (400, "Missing featureGroupName")),
            (list(&format!(r#"[{good},{{"featureGroupName":["a"]}}]"#)), (400, "Invalid featureGroupName")),
            (list(&format!(r#"[{good},{{"featureGroupName":" a"}}]"#)), (400, "Invalid featureGroupName")),
            (list(&format!(r#"[{good},{{"featureGroupName":"{long}"}}]"#)), (400, "Invalid featureGroupName")),
            (list(&format!("[{good},{good}]")), (400, "Invalid featureGroupName")),
            (list(&format!(r#"[{good},{{"featureGroupName":"dEFAULT"}}]"#)), (409, "Feature Group Already Exists")),
            (list(&format!(r#"[{good},{{"featureGroupName":"groupAPI3"}}]"#)), (409, "Feature Group Already Exists")),
            (list(&format!(r#"[{good},{{"featureGroupName":"a","notes":7.5e300}}]"#)), (400, "Invalid notes")),
            (list(&format!(r#"[{good},{{"featureGroupName":"a","notes":"{}"}}]"#, "x".repeat(4001))), (400, "Invalid notes")),
            (list(r#"[{"featureGroupName":"a","FEATUREGROUPNAME":"b"}]"#), (400, "Duplicate FEATUREGROUPNAME")),
            (list(&format!("[{good}]")).replace(PRODUCT, "1"), (404, "Product Not Found")),
        ];
        for (body, (status, reason)) in posts {
            let answer = world.post("ProductFeatureGroups", &body).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{body:.200}");
        }
        let renamed = r#"{"featureGroupName":"groupAPI1","newFeatureGroupName":"new"}"#;
        let puts = [
            (list(&format!(r#"[{renamed},{{"featureGroupName":"none"}}]"#)), (404, "Feature Group Not Found")),
            (list(&format!(r#"[{renamed},{{"featureGroupName":"Default","notes":"n"}}]"#)), (400, "Invalid featureGroupName")),
            (list(&format!("[{renamed},{renamed}]")), (400, "Invalid featureGroupName")),
            (list(&format!(r#"[{renamed},{{"featureGroupName":"groupAPI2","newFeatureGroupName":"groupAPI3"}}]"#)), (409, "Feature Group Already Exists")),
            (list(&format!(r#"[{renamed},{{"featureGroupName":"groupAPI2","newFeatureGroupName":"default"}}]"#)), (409, "Feature Group Already Exists")),
            (list(&format!(r#"[{renamed},{{"featureGroupName":"groupAPI2","newFeatureGroupName":""}}]"#)), (400, "Invalid newFeatureGroupName")),
            (list(&format!(r#"[{renamed},{{"featureGroupName":"groupAPI2","newFeatureGroupName":"{long}"}}]"#)), (400, "Invalid newFeatureGroupName")),
            (list(&format!(r#"[{renamed},{{"newFeatureGroupName":"b"}}]"#)), (400, "Missing featureGroupName")),
            (list(&format!("[{renamed}]")).replace(PRODUCT, "1"), (404, "Product Not Found")),
        ];
        for (body, (status, reason)) in puts {
            let answer = world.put("ProductFeatureGroups", &body).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{body:.200}");
        }
        let deletes = [
            (String::new(), (400, "Missing productId")),
            (format!("productId={PRODUCT}&featureGroupName="), (400, "Missing featureGroupName")),
            (format!("productId={PRODUCT}&featureGroupName={}", "x".repeat(256)), (400, "Invalid featureGroupName")),
            (format!("productId={PRODUCT}&featureGroupName=default"), (400, "Invalid featureGroupName")),
            (format!("productId={PRODUCT}&featureGroupName=GROUPAPI1"), (404, "Feature Group Not Found")),
            ("productId=1&featureGroupName=groupAPI1".into(), (404, "Product Not Found")),
        ];
        for (query, (status, reason)) in deletes {
            let answer = world.delete(&format!("ProductFeatureGroups?{query}")).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{query:.200}");
        }
        let foreign = World::other(&bench).await;
        assert_eq!(foreign.post("ProductFeatureGroups", &list(&format!("[{good}]"))).await.refused().0, 404);
        assert_eq!(foreign.put("ProductFeatureGroups", &list(&format!("[{renamed}]"))).await.refused().0, 404);
        let query = format!("ProductFeatureGroups?productId={PRODUCT}&featureGroupName=groupAPI1");
        assert_eq!(foreign.delete(&query).await.refused(), (404, "Product Not Found".into()));
        assert_eq!(all_there_is(&world, id).await, before);
    }

    fields_come_change_and_go_with_the_documented_requests(bench) {
        let world = World::new(&bench).await;
        let id = product(&world).await;
        for field in ["TEST1", "TEST2"] {
            world.delete(&format!("ProductApplicationAgility?productId={PRODUCT}&name={field}")).await.ok();
        }
        assert_eq!(all_there_is(&world, id).await["fields"], json!([]));
        let made = world.post("ProductApplicationAgility", &example("POST-ProductApplicationAgility.request.json")).await;
        assert_eq!(made.ok(), "Product Application Agility Created Successfully");
        let fresh = json!([{"name": "TEST1", "value": "udf1"}, {"name": "TEST2", "value": ""}]);
        let all = all_there_is(&world, id).await;
        assert_eq!((&all["fields"], &all["code"], &all["profile"]), (&fresh, &fresh, &fresh));
        let own = with("licenseCode\":\"A-1\",\"applicationAgility", r#"[{"name":"TEST2","value":"own"}]"#);
        assert_eq!(world.put("LicenseCode", &own).await.ok(), "OK");
        let changed = world.put("ProductApplicationAgility", &example("PUT-ProductApplicationAgility.request.json")).await;
        assert_eq!(changed.ok(), "Product Application Agility Updated Successfully");
        let all = all_there_is(&world, id).await;
        assert_eq!(all["profile"], json!([{"name": "TEST1", "value": "udf1updated"}, {"name": "Test3", "value": ""}]));
        assert_eq!(all["code"], json!([{"name": "TEST1", "value": "udf1updated"}, {"name": "Test3", "value": "own"}]));

        world.example_product("6453300110").await;
        let other = r#"{"productId":"6453300110","applicationAgility":[{"name":"test3","value":"v"}]}"#;
        world.post("ProductApplicationAgility", other).await.ok();
        let query = example("DELETE-ProductApplicationAgility.query.txt");
        let gone = world.delete(&format!("productApplicationAgility?{}", query.trim())).await.ok();
        assert_eq!(gone, "Product Application Agility Deleted Successfully");
        assert_eq!(all_there_is(&world, id).await, all);
        world.delete(&format!("ProductApplicationAgility?productId={PRODUCT}&name=Test3")).await.ok();
        let all = all_there_is(&world, id).await;
        assert_eq!(all["code"], json!([{"name": "TEST1", "value": "udf1updated"}]));
        // The code's own value went with the field: a new one of that name has the product's.
        let again = with("applicationAgility", r#"[{"name":"Test3","value":"new"}]"#);
        world.post("ProductApplicationAgility", &again).await.ok();
        assert_eq!(all_there_is(&world, id).await["code"][1]["value"], "new");
    }

    fields_that_do_not_fit_change_nothing(bench) {
        let world = World::new(&bench).await;
        let id = product(&world).await;
        let before = all_there_is(&world, id).await;
        let list = |elements: &str| with("applicationAgility", elements);
        let long = "x".repeat(201);
        let good = r#"{"name":"new","value":"v"}"#;
        let posts = [
            (String::new(), (400, "Missing productId")),
            (with("other", "[]"), (400, "Missing applicationAgility")),
            (list("{}"), (400, "Invalid applicationAgility")),
            (list(&format!(r#"[{good},{{"value":"v"}}]"#)), (400, "Missing name")),
            (list(&format!(r#"[{good},{{"name":" "}}]"#)), (400, "Missing name")),
            (list(&format!(r#"[{good},{{"name":true}}]"#)), (400, "Invalid name")),
            (list(&format!(r#"[{good},{{"name":"{long}"}}]"#)), (400, "Invalid name")),
            (list(&format!("[{good},{good}]")), (400, "Invalid name")),
            (list(&format!(r#"[{good},{{"name":"TEST2"}}]"#)), (409, "Application Agility Already Exists")),
            (list(&format!(r#"[{good},{{"name":"a","value":{{}}}}]"#)), (400, "Invalid value")),
            (list(&format!(r#"[{good},{{"name":"a","value":"{}"}}]"#, "x".repeat(4001))), (400, "Invalid value")),
            (list(r#"[{"name":"a","Name":"b"}]"#), (400, "Duplicate Name")),
            (list(&format!("[{good}]")).replace(PRODUCT, "1"), (404, "Product Not Found")),
        ];
        for (body, (status, reason)) in posts {
            let answer = world.post("ProductApplicationAgility", &body).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{body:.200}");
        }
        let changed = r#"{"name":"TEST1","newName":"new","value":"v"}"#;
        let puts = [
            (list(&format!(r#"[{changed},{{"name":"none"}}]"#)), (404, "Application Agility Not Found")),
            (list(&format!("[{changed},{changed}]")), (400, "Invalid name")),
            (list(&format!(r#"[{changed},{{"name":"TEST2","newName":"new"}}]"#)), (409, "Application Agility Already Exists")),
            (list(&format!(r#"[{changed},{{"name":"TEST2","newName":""}}]"#)), (400, "Invalid newName")),
            (list(&format!(r#"[{changed},{{"name":"TEST2","newName":"{long}"}}]"#)), (400, "Invalid newName")),
            (list(&format!(r#"[{changed},{{"newName":"b"}}]"#)), (400, "Missing name")),
            (list(&format!("[{changed}]")).replace(PRODUCT, "1"), (404, "Product Not Found")),
        ];
        for (body, (status, reason)) in puts {
            let answer = world.put("ProductApplicationAgility", &body).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{body:.200}");
        }
        let deletes = [
            (format!("productId={PRODUCT}"), (400, "Missing name")),
            (format!("productId={PRODUCT}&name={}", "x".repeat(256)), (400, "Invalid name")),
            (format!("productId={PRODUCT}&name=test1"), (404, "Application Agility Not Found")),
            ("productId=1&name=TEST1".into(), (404, "Product Not Found")),
        ];
        for (query, (status, reason)) in deletes {
            let answer = world.delete(&format!("ProductApplicationAgility?{query}")).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{query:.200}");
        }
        let foreign = World::other(&bench).await;
        assert_eq!(foreign.post("ProductApplicationAgility", &list(&format!("[{good}]"))).await.refused().0, 404);
        assert_eq!(foreign.put("ProductApplicationAgility", &list(&format!("[{changed}]"))).await.refused().0, 404);
        let query = format!("ProductApplicationAgility?productId={PRODUCT}&name=TEST1");
        assert_eq!(foreign.delete(&query).await.refused(), (404, "Product Not Found".into()));
        assert_eq!(all_there_is(&world, id).await, before);
    }

    a_field_that_goes_while_codes_set_it_leaves_nothing_behind(bench) {
        let world = std::sync::Arc::new(World::new(&bench).await);
        let id = product(&world).await;
        for round in 0..10 {
            let field = format!("RACE{round}");
            let new = with("applicationAgility", &format!(r#"[{{"name":"{field}","value":"v"}}]"#));
            world.post("ProductApplicationAgility", &new).await.ok();
            let tasks: Vec<_> = (0..8)
                .map(|n| {
                    let (world, field) = (std::sync::Arc::clone(&world), field.clone());
                    tokio::spawn(async move {
                        if n == 4 {
                            return world.delete(&format!("ProductApplicationAgility?productId={PRODUCT}&name={field}")).await;
                        }
                        let set = with("licenseCode\":\"A-1\",\"applicationAgility", &format!(r#"[{{"name":"{field}","value":"own"}}]"#));
                        world.put("LicenseCode", &set).await
                    })
                })
                .collect();
            for task in tasks {
                let answer = task.await.expect("an answer");
                assert!([200, 404].contains(&answer.status.as_u16()), "{}", answer.text);
            }
            world.post("ProductApplicationAgility", &new).await.ok();
            let code = all_there_is(&world, id).await["code"].clone();
            let shown = code.as_array().expect("fields").iter().find(|shown| shown["name"] == field.as_str()).cloned();
            assert_eq!(shown.expect("the field")["value"], "v");
        }
    }
}
