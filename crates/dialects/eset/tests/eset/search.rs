//! Searches: companies and users by columns, licenses by keyword.

use crate::stage::{KEY, Stage};
use lessor_core::account::{self, ChangeAccount};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// What is found, by this member, and how many there are in all.
async fn found(stage: &Stage, token: &str, call: &str, body: Value, by: &str) -> (Vec<String>, i64) {
    let answer = stage.world.post(token, &format!("Search/{call}"), body).await.ok();
    let text = |one: &Value| one[by].as_str().unwrap_or_else(|| panic!("no {by}: {one}")).to_owned();
    let found = answer["Search"].as_array().expect("a list").iter().map(text).collect();
    (found, answer["Paging"]["TotalCount"].as_i64().expect("a number"))
}

on_both_engines! {
    companies_are_found_by_each_column(bench) {
        let stage = Stage::new(&bench).await;
        let (id, parent) = (stage.world.company("customer").id, stage.world.company("msp").id);
        let contact = json!({ "custom_identifier": "CRM-4711", "email": "it@a.example", "vat_id": "SK20", "description": "Bakery", "tags": ["gold"] });
        let cmd = ChangeAccount { account: id, name: None, contact: Some(contact), expected_version: None };
        bench.write(move |tx, cx| account::change(tx, cx, &cmd)).await.expect("changed");
        let token = stage.world.token("distributor").await;
        for (keyword, columns) in [
            ("stome", json!([0])), (&id.0.to_string().to_uppercase(), json!([1])), ("crm-47", json!([5])), ("gol", json!([11])),
            ("BAKE", json!([10])), ("@a.example", json!([0, 8])), ("sk20", json!([9])), ("it@", json!(["8"])),
        ] {
            let (names, _) = found(&stage, &token, "Companies", json!({ "search": { keyword: columns } }), "Name").await;
            assert!(names.contains(&"customer".to_owned()), "{keyword}: {names:?}");
        }
        for (column, keyword, expected) in [
            (12, parent.0.to_string(), vec!["customer", "other-customer"]),
            (6, "2".to_owned(), vec!["manager"]),
            (6, "1004".to_owned(), vec!["manager"]),
            (6, "6".to_owned(), vec!["division"]),
            (7, "3".to_owned(), vec![]),
            (0, "no such name".to_owned(), vec![]),
        ] {
            let (names, total) = found(&stage, &token, "Companies", json!({ "search": { keyword: [column] } }), "Name").await;
            assert_eq!((names, total), (expected.iter().map(ToString::to_string).collect(), expected.len() as i64));
        }
        let both = json!({ "search": { "customer": [0], "2026-01-01": [2] } });
        assert_eq!(found(&stage, &token, "Companies", both, "Name").await.0, ["customer", "other-customer", "trusted-customer"]);
        for search in [json!({ "x": [4] }), json!({ "x": [13] }), json!({ "x": ["y"] }), json!([])] {
            assert_eq!(stage.world.post(&token, "Search/Companies", json!({ "search": search })).await.faults(), ["search"]);
        }
    }

    a_search_for_nothing_lists_all_one_may_see_page_by_page(bench) {
        let stage = Stage::new(&bench).await;
        let token = stage.world.token("msp").await;
        let answer = stage.world.post(&token, "Search/Companies", json!({ "search": {} })).await.ok();
        let id = |name: &str| stage.world.company(name).id.0;
        let company = |name: &str, kind: &str, parent: &str| json!({
            "CompanyId": id(name), "Name": name, "CompanyTypeId": kind, "Type": kind, "StatusId": "1", "State": "1", "Email": "",
            "CustomIdentifier": "", "VatId": "", "Description": "", "ParentId": id(parent),
        });
        let all = [company("customer", "5", "msp"), company("msp", "3", "division"), company("other-customer", "5", "msp")];
        assert_eq!(answer, json!({ "Search": all, "Paging": { "TotalCount": 3 } }));
        let token = stage.world.token("distributor").await;
        let (mut names, mut skip) = (Vec::new(), 0);
        loop {
            let (page, total) = found(&stage, &token, "Companies", json!({ "skip": skip, "take": 4 }), "Name").await;
            assert_eq!(total, 10);
            skip += page.len();
            if page.is_empty() {
                break;
            }
            names.extend(page);
        }
        assert!(names.is_sorted() && names.len() == 10, "{names:?}");
    }

    users_are_found_by_each_column(bench) {
        let stage = Stage::new(&bench).await;
        let token = stage.world.token("msp").await;
        let user = stage.world.company("customer").user.0;
        for (keyword, column, expected) in [
            (user.to_string(), 0, vec!["customer@example.test"]),
            ("ANN".into(), 2, vec!["customer@example.test", "msp@example.test", "other-customer@example.test"]),
            ("exam".into(), 3, vec!["customer@example.test", "msp@example.test", "other-customer@example.test"]),
            ("ann e".into(), 4, vec!["customer@example.test", "msp@example.test", "other-customer@example.test"]),
            ("1".into(), 5, vec!["customer@example.test", "msp@example.test", "other-customer@example.test"]),
            ("2".into(), 5, vec![]),
            ("421".into(), 7, vec![]),
            ("other-".into(), 8, vec!["other-customer@example.test"]),
        ] {
            let (mut found, _) = found(&stage, &token, "Users", json!({ "search": { keyword.clone(): [column] } }), "Email").await;
            found.sort();
            assert_eq!(found, expected, "{keyword} {column}");
        }
        assert_eq!(stage.world.post(&token, "Search/Users", json!({ "search": { "x": [1] } })).await.faults(), ["search"]);
    }

    licenses_are_found_by_key_product_and_customer(bench) {
        let stage = Stage::new(&bench).await;
        let token = stage.world.token("msp").await;
        let (one, other) = (stage.world.company("customer").id.0, stage.world.company("other-customer").id.0);
        let order = json!({ "quantity": 5, "productCode": "111", "customerId": one, "licenseType": 1 });
        let key = stage.world.post(&token, "License/Order", order).await.ok()["publicLicenseKey"].as_str().expect("a key").to_owned();
        for (body, expected) in [
            (json!({ "keyword": "3ab-c4d" }), vec![KEY]),
            (json!({ "keyword": "endpoint" }), vec![key.as_str()]),
            (json!({ "keyword": "111" }), vec![key.as_str()]),
            (json!({ "keyword": "nothing" }), vec![]),
            (json!({ "customerId": other }), vec![KEY]),
            (json!({ "customerId": stage.world.company("msp").id.0 }), vec![]),
            (json!({ "keyword": "", "customerId": one.to_string().to_uppercase() }), vec![key.as_str()]),
        ] {
            let (keys, total) = found(&stage, &token, "Licenses", body.clone(), "PublicLicenseKey").await;
            assert_eq!((keys.iter().map(String::as_str).collect::<Vec<_>>(), total), (expected.clone(), expected.len() as i64), "{body}");
        }
        let answer = stage.world.post(&token, "Search/Licenses", json!({ "customerId": other })).await.ok();
        let expected = json!({ "PublicLicenseKey": KEY, "Code": "107", "Name": "Basic", "CustomerId": other });
        assert_eq!(answer, json!({ "Search": [expected], "Paging": { "TotalCount": 1 }, "TotalCount": 1 }));
        assert_eq!(found(&stage, &token, "Licenses", json!({}), "Code").await.1, 2);
        let foreign = json!({ "customerId": stage.world.company("trusted-customer").id.0 });
        assert_eq!(stage.world.post(&token, "Search/Licenses", foreign).await.refused(), (403, 4, 1901));
    }
}
