//! Companies.

use crate::shapes::assert_same;
use crate::world::{World, example};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

fn answer(name: &str) -> Value {
    serde_json::from_str(&example(name)).expect("an example answer")
}

on_both_engines! {
    the_documented_company_is_made_byte_for_byte_changed_and_read_back(bench) {
        let world = World::new(&bench).await;
        world.example_product("6872450105").await;
        assert_eq!(world.post("Company", r#"{"company":"First","productId":"6872450105","global":"1"}"#).await.made(), "1");
        assert_eq!(world.post("Company", r#"{"company":"My Company","productId":"6872450105"}"#).await.made(), "2");
        assert_eq!(world.post("Company", &example("POST-Company.request.json")).await.made(), "3");
        let read = world.get("company?companyId=3").await.ok();
        assert_same(&read, &answer("GET-Company.answer.json"), &[]);
        assert_eq!(read["firstName"], "Kevin");
        assert_eq!(read["email"], "kevin@supersytle.com");
        assert_eq!(read["search1"], "refernce 1");
        assert_eq!(
            read["companyData"],
            r#"{"firstname":"Kevin","lastname":"Charles","company":"SuperStyle LLC","email":"kevin@supersytle.com","country":"United Kingdom"}"#
        );
        let done = world.put("Company", &example("PUT-Company.request.json")).await.ok();
        assert_eq!(done, "Company Updated Successfully");
        let read = world.get("company?companyId=3&productId=6872450105").await.ok();
        assert_eq!(read["company"], "SuperStyle Retail LLC");
        assert_eq!((&read["search1"], &read["search2"]), (&json!("refernce 1"), &json!("refernce 2")));
        assert_eq!(read["firstName"], "John");
        assert!(read["companyData"].as_str().expect("text").contains("\"telephone\":\"+44 8898889988\""));

        let number = world.get(&format!("companyid?{}", example("GET-CompanyID.query.txt").trim())).await.ok();
        assert_eq!(number["companyId"], "2");
        assert_same(&number, &answer("GET-CompanyID.answer.json"), &[]);
        let all = world.get("CompaniesProducts").await.ok();
        assert_same(&all, &answer("GET-CompaniesProducts.answer.json"), &[]);
        let numbers: Vec<_> = all.as_array().expect("a list").iter().map(|company| &company["companyId"]).collect();
        assert_eq!(numbers, ["1", "2", "3"]);
        assert_eq!((&all[0]["productId"], &all[0]["productName"]), (&json!("0"), &json!("")));
        assert_eq!(world.get("Company?companyId=1").await.ok()["companyData"], "");
    }

    a_company_is_deleted_and_its_codes_fall_back_to_none(bench) {
        let world = World::new(&bench).await;
        world.example_product("6453300110").await;
        let company = r#"{"company":"Acme","productId":"6453300110","reseller":"reseller12"}"#;
        assert_eq!(world.post("Company", company).await.made(), "1");
        let codes = r#"{"productId":"6453300110","companyId":"1","licenseCodes":["A-1"]}"#;
        assert_eq!(world.post("LicenseCode", codes).await.ok(), "OK");
        let code = world.get("LicenseCode?licenseCode=A-1").await.ok();
        assert_eq!((&code[0]["company"], &code[0]["companyId"]), (&json!("Acme"), &json!(1)));
        assert_eq!(world.get("LicenseCodes?companyId=1").await.ok(), json!([{"count": 1}]));
        assert_eq!(world.delete("company?companyId=1").await.ok(), "Company Deleted Successfully");
        let code = world.get("LicenseCode?licenseCode=A-1").await.ok();
        assert_eq!((&code[0]["company"], &code[0]["companyId"]), (&json!(""), &json!(0)));
        assert_eq!(world.delete("company?companyId=1").await.refused(), (404, "Company Not Found".into()));
        assert_eq!(world.get("CompanyID?company=Acme").await.refused(), (404, "Company Not Found".into()));
        // Name and place are free again; the number is not.
        assert_eq!(world.post("Company", company).await.made(), "2");
    }

    companies_refuse_what_does_not_fit(bench) {
        let world = World::new(&bench).await;
        world.example_product("6453300110").await;
        world.example_product("6872450105").await;
        let post = |members: &str| format!(r#"{{"company":"Acme","productId":"6453300110"{members}}}"#);
        let cases = [
            (post("").replace("Acme", "A<B"), (400, "Invalid company")),
            (post("").replace("Acme", "A'B"), (400, "Invalid company")),
            (post(r#","search2":"a\\b""#), (400, "Invalid search2")),
            (post(r#","companyData":{"no-dash":1}"#), (400, "Invalid companyData")),
            (post(r#","companyData":[]"#), (400, "Invalid companyData")),
            (post(r#","global":"true""#), (400, "Invalid global")),
            (post(r#","reseller":"nobody""#), (400, "Invalid reseller")),
            (post("").replace("6453300110", "1"), (404, "Product Not Found")),
        ];
        for (body, (status, reason)) in cases {
            assert_eq!(world.post("Company", &body).await.refused(), (status, reason.to_owned()), "{body}");
        }
        assert_eq!(world.get("CompaniesProducts").await.ok(), json!([]));
        assert_eq!(world.post("Company", &post("")).await.made(), "1");
        assert_eq!(world.post("Company", &post("")).await.refused(), (409, "Company Already Exists".into()));
        let elsewhere = "Company?companyId=1&productId=6872450105";
        assert_eq!(world.get(elsewhere).await.refused(), (404, "Company Not Found".into()));
        for number in ["0", "2"] {
            let answer = world.get(&format!("Company?companyId={number}")).await;
            assert_eq!(answer.refused(), (404, "Company Not Found".into()));
        }
        assert_eq!(world.get("Company?companyId=x").await.refused(), (400, "Invalid companyId".into()));
        let other = World::other(&bench).await;
        assert_eq!(other.get("Company?companyId=1").await.refused(), (404, "Company Not Found".into()));
        let global = r#"{"companyId":1,"productId":"6453300110","global":1,"reseller":"reseller12"}"#;
        world.put("Company", global).await.ok();
        assert_eq!(world.get(elsewhere).await.ok()["productId"], "0");
    }
}
