//! Companies are suspended, wake again and are removed.

use crate::companies::{detail, post, stocked};
use crate::licenses::Shop;
use lessor_core::operation;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};
use uuid::Uuid;

async fn of(shop: &Shop, company: &str, call: &str, id: Uuid) -> crate::world::Answer {
    post(shop, company, call, json!({ "companyId": id })).await
}

/// Asks until the operation is finished, as clients do; gives its state.
async fn finished(shop: &Shop, company: &str, begun: &Value) -> i64 {
    let token = shop.world.token(company).await;
    let id = begun["operationId"].as_str().expect("an operation").to_owned();
    for _ in 0..500 {
        let shown = shop.world.get(&token, &format!("Operation/{id}")).await.ok();
        assert_eq!(shown["operationId"], json!(id));
        let state = shown["state"].as_i64().expect("a number");
        if state > 1 {
            return state;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{id} does not come to its end");
}

async fn status(shop: &Shop, company: &str, id: Uuid) -> i64 {
    detail(shop, company, id).await["status"].as_i64().expect("a number")
}

on_both_engines! {
    a_suspended_company_wakes_with_all_its_licenses(bench) {
        let shop = stocked(&bench).await;
        let customer = shop.id("customer").0;
        let token = shop.world.token("msp").await;
        let (one, other) = (shop.order(&token, "111", 1).await, shop.order(&token, "300", 1).await);
        shop.world.post(&token, "License/Suspend", json!({ "publicLicenseKey": one })).await.ok();
        let state = |key: String| {
            let (world, token) = (&shop.world, token.clone());
            async move { world.post(&token, "License/Detail", json!({ "publicLicenseKey": key })).await.ok()["state"].clone() }
        };
        let begun = of(&shop, "msp", "Suspend", customer).await.ok();
        assert_eq!(finished(&shop, "msp", &begun).await, 2);
        assert_eq!(status(&shop, "msp", customer).await, 3);
        assert_eq!((state(one.clone()).await, state(other.clone()).await), (json!(3), json!(3)));
        assert_eq!(of(&shop, "msp", "Suspend", customer).await.refused(), (400, 3, 1010));

        let begun = of(&shop, "msp", "Unsuspend", customer).await.ok();
        assert_eq!(finished(&shop, "msp", &begun).await, 2);
        assert_eq!(status(&shop, "msp", customer).await, 1);
        assert_eq!((state(one).await, state(other).await), (json!(1), json!(1)), "also the one that was suspended by itself");
        assert_eq!(of(&shop, "msp", "Unsuspend", customer).await.refused(), (400, 3, 1011));
    }

    only_direct_children_are_suspended_and_only_by_who_may(bench) {
        let shop = stocked(&bench).await;
        let customer = shop.id("customer").0;
        for call in ["Suspend", "Unsuspend"] {
            assert_eq!(of(&shop, "division", call, customer).await.refused(), (403, 3, 1012), "a grandchild");
            assert_eq!(of(&shop, "msp", call, shop.id("msp").0).await.refused(), (403, 3, 1012), "itself");
            assert_eq!(of(&shop, "msp", call, shop.id("trusted").0).await.refused(), (403, 3, 1901), "somebody else's");
            assert_eq!(of(&shop, "msp", call, Uuid::from_u128(1)).await.refused(), (403, 3, 1901), "nobody's");
            assert_eq!(of(&shop, "distributor", call, shop.id("division").0).await.refused(), (400, 3, 1013));
        }
        let begun = of(&shop, "msp", "Suspend", customer).await.ok();
        operation::run_now(&bench.app).await.expect("done");
        let id = begun["operationId"].as_str().expect("an operation");
        let address = format!("Operation/{id}");
        let strange = shop.world.get(&shop.world.token("manager").await, &address).await.refused();
        assert_eq!(strange, (403, 6, 1901));
        let token = shop.world.token("msp").await;
        assert_eq!(shop.world.get(&token, &format!("Operation/{}", Uuid::from_u128(1))).await.refused(), strange);
        assert_eq!(shop.world.get(&token, "Operation/x").await.faults(), ["operationId"]);
        assert_eq!(shop.world.get(&token, &format!("operation/{}", id.to_uppercase())).await.ok()["state"], 2);
    }

    a_deleted_company_is_gone_with_its_branch_and_nobody_of_it_gets_in(bench) {
        let shop = stocked(&bench).await;
        let (msp, customer) = (shop.id("msp").0, shop.id("customer").0);
        let (token, inner) = (shop.world.token("msp").await, shop.world.token("customer").await);
        assert_eq!(of(&shop, "distributor", "Delete", msp).await.refused(), (400, 3, 1011));
        assert_eq!(of(&shop, "msp", "Delete", msp).await.refused(), (403, 3, 1901), "not itself");
        let begun = of(&shop, "division", "Suspend", msp).await.ok();
        assert_eq!(finished(&shop, "division", &begun).await, 2);
        assert_eq!(of(&shop, "manager", "Delete", msp).await.refused(), (403, 3, 1901), "not somebody else's");
        let deleted = of(&shop, "distributor", "Delete", msp).await;
        assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (200, ""));
        for id in [msp, customer] {
            assert_eq!(of(&shop, "distributor", "Detail", id).await.refused(), (404, 3, 1902));
        }
        assert_eq!(of(&shop, "distributor", "Delete", msp).await.refused(), (404, 3, 1902));
        let below = json!({ "companyId": shop.id("division").0, "entityType": "Any" });
        let left = post(&shop, "distributor", "Descendants", below).await.ok();
        assert_eq!(left["paging"]["totalCount"], 4);
        for token in [token, inner] {
            assert_eq!(shop.world.get(&token, "User/Current").await.status.as_u16(), 401);
        }
        let foreign = of(&shop, "other-distributor", "Detail", msp).await.refused();
        assert_eq!(foreign, (403, 3, 1901));
    }

    a_company_that_waits_is_deleted_without_being_suspended_and_is_not_suspended(bench) {
        let shop = stocked(&bench).await;
        let wish = json!({ "name": "Waits", "email": "owner@waits.example" });
        let made = post(&shop, "distributor", "Create/msp", wish).await.ok();
        let id = Uuid::parse_str(made["companyId"].as_str().expect("an id")).expect("a GUID");
        assert_eq!(of(&shop, "distributor", "Suspend", id).await.refused(), (400, 3, 1010));
        assert_eq!(of(&shop, "distributor", "Unsuspend", id).await.refused(), (400, 3, 1011));
        assert_eq!(of(&shop, "distributor", "Delete", id).await.status.as_u16(), 200);
        assert_eq!(of(&shop, "distributor", "Detail", id).await.refused(), (404, 3, 1902));
        let again = json!({ "name": "Waits", "email": "other@waits.example" });
        post(&shop, "distributor", "Create/msp", again).await.ok();
    }
}
