//! Terms of use, products one may order, and old ids.

use crate::stage::{KEY, Stage};
use crate::world::PASSWORD;
use lessor_core::identity::Level;
use lessor_core::identity::user;
use lessor_testkit::on_both_engines;
use serde_json::json;
use uuid::Uuid;

on_both_engines! {
    terms_stand_before_an_order_until_somebody_accepts_them_for_the_branch(bench) {
        let stage = Stage::new(&bench).await;
        let (world, terms) = (&stage.world, stage.terms.0);
        let (manager, below) = (world.token("manager").await, world.token("trusted").await);
        let listed = |accepted: bool| json!({ "termsOfUse": [{ "termsOfUseId": terms, "productCode": "121", "name": "LiveGuard Advanced", "accepted": accepted }] });
        assert_eq!(world.get(&below, "TermsOfUse/Get").await.ok(), listed(false));
        let address = format!("/TermsOfUse/Detail?TERMSOFUSEID={terms}");
        let mut detail = json!({ "termsOfUseId": terms, "name": "LiveGuard Advanced", "text": "Be good.", "url": "https://example.test/t", "productCode": "121", "accepted": false });
        assert_eq!(world.get(&below, &address).await.ok(), detail);
        let order = json!({ "quantity": 5, "productCode": "121", "customerId": world.company("trusted-customer").id.0, "licenseType": 1 });
        assert_eq!(world.post(&below, "License/Order", order.clone()).await.refused(), (400, 8, 40));
        let accepted = world.post(&manager, "TermsOfUse/Accept", json!({ "termsOfUseId": terms })).await;
        assert_eq!((accepted.status.as_u16(), accepted.text.as_str()), (200, ""));
        assert_eq!(world.get(&below, "TermsOfUse/Get").await.ok(), listed(true));
        let (since, user) = (bench.app.now(), world.company("manager").user);
        bench.pass_hours(1);
        let manager = world.token("manager").await;
        assert_eq!(world.post(&manager, "TermsOfUse/Accept", json!({ "termsOfUseId": terms })).await.status, 200);
        let below = world.token("trusted").await;
        detail["accepted"] = json!(true);
        detail["acceptedOn"] = json!(since);
        detail["acceptedBy"] = json!(user.0);
        assert_eq!(world.get(&below, &address).await.ok(), detail);
        assert_eq!(world.post(&below, "License/Order", order).await.status, 200);
        assert_eq!(world.get(&world.token("msp").await, "TermsOfUse/Get").await.ok(), listed(false));
        bench.write(move |tx, cx| user::close(tx, cx, user)).await.expect("closed");
        detail.as_object_mut().expect("an object").shift_remove("acceptedBy");
        assert_eq!(world.get(&below, &address).await.ok(), detail);
    }

    only_who_may_write_on_its_own_company_accepts(bench) {
        let stage = Stage::new(&bench).await;
        let hash = bench.app.hasher().hash(PASSWORD).await.expect("a hash");
        stage.world.user(stage.world.company("msp").id, "reader@example.test", Level::Read, &hash).await;
        let token = stage.world.sign_in("reader@example.test").await;
        let body = json!({ "termsOfUseId": stage.terms.0 });
        assert_eq!(stage.world.post(&token, "TermsOfUse/Accept", body).await.refused(), (403, 7, 1901));
        let token = stage.world.token("msp").await;
        let unknown = json!({ "termsOfUseId": Uuid::max() });
        assert_eq!(stage.world.post(&token, "TermsOfUse/Accept", unknown).await.refused(), (403, 7, 1901));
        let address = format!("TermsOfUse/Detail?termsOfUseId={}", Uuid::max());
        assert_eq!(stage.world.get(&token, &address).await.refused(), (403, 7, 1901));
        assert_eq!(stage.world.get(&token, "TermsOfUse/Detail").await.faults(), ["termsOfUseId"]);
    }

    what_may_be_ordered_depends_on_the_caller(bench) {
        let stage = Stage::new(&bench).await;
        let codes = async |company: &str| {
            let token = stage.world.token(company).await;
            let answer = stage.world.get(&token, "Enum/AvailableProducts").await.ok();
            let products = answer["products"].as_array().expect("a list").clone();
            products.iter().map(|one| one["code"].as_str().expect("a code").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(codes("msp").await, ["107", "111", "121", "211", "300"]);
        assert!(codes("customer").await.is_empty());
        assert!(codes("other-distributor").await.is_empty());
    }

    old_ids_lead_to_new_ones_in_the_callers_branch_alone(bench) {
        let stage = Stage::new(&bench).await;
        let world = &stage.world;
        let token = world.token("msp").await;
        let (msp, customer) = (world.company("msp").clone(), world.company("other-customer").id.0);
        for (address, expected) in [
            ("CompanyId/4711", json!({ "publicId": msp.id.0 })),
            ("SiteId?siteId=77", json!({ "publicId": customer })),
            ("siteid?LEGACYKEY=ERA-77", json!({ "publicId": customer })),
            ("LicenseId/900", json!({ "publicLicenseKey": KEY })),
            ("UserId/55", json!({ "publicId": msp.user.0 })),
        ] {
            assert_eq!(world.get(&token, &format!("Ema1Mapping/{address}")).await.ok(), expected, "{address}");
        }
        for address in ["CompanyId/1", "CompanyId/2", "SiteId?siteId=78", "LicenseId/4711", "UserId/56"] {
            assert_eq!(world.get(&token, &format!("Ema1Mapping/{address}")).await.refused(), (404, 9, 1001), "{address}");
        }
        assert_eq!(world.get(&token, "Ema1Mapping/SiteId").await.faults(), ["siteId"]);
    }

    enumerations_tell_numbers_and_names(bench) {
        let stage = Stage::new(&bench).await;
        let token = stage.world.token("customer").await;
        for (call, list, length, first) in [
            ("EntityTypes", "entityTypes", 7, json!({ "code": 1001, "name": "HQ" })),
            ("UserStatuses", "userStatuses", 4, json!({ "code": 1, "name": "Active" })),
            ("PermissionTypes", "permissionTypes", 3, json!({ "code": 1, "name": "Write" })),
            ("LicenseStates", "licenseStates", 5, json!({ "code": 0, "name": "Error" })),
            ("OperationStates", "operationStates", 4, json!({ "code": 0, "name": "Created" })),
            ("Countries", "countries", 249, json!({ "code": "ABW", "name": "Aruba", "states": [] })),
        ] {
            let answer = stage.world.get(&token, &format!("Enum/{call}")).await.ok();
            assert_eq!((answer[list].as_array().map(Vec::len), &answer[list][0]), (Some(length), &first), "{call}");
        }
    }
}
