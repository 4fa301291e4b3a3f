//! Long lists of codes, and what is remembered from one answer to the next.

use crate::world::World;
use lessor_testkit::{Bench, on_both_engines};
use serde_json::{Value, json};

const PRODUCT: &str = "6453300110";

/// A tenant with a product, and a company and a profile of it.
async fn furnished(bench: &Bench) -> World {
    let world = World::new(bench).await;
    world.example_product(PRODUCT).await;
    world.post("Company", &json!({"company": "First", "productId": PRODUCT}).to_string()).await.made();
    let profile = json!({
        "productId": PRODUCT, "profileName": "Team",
        "features": [{"featureCode": "FLOAT", "featureAvailability": "on", "limit": 7}],
    });
    world.post("Profile", &profile.to_string()).await.made();
    world
}

async fn codes(world: &World, address: &str) -> Vec<Value> {
    world.get(address).await.ok().as_array().expect("a list").clone()
}

on_both_engines! {
    a_page_longer_than_one_read_has_every_code_once_and_in_order(bench) {
        let world = furnished(&bench).await;
        let body = json!({"productId": PRODUCT, "profileName": "Team", "companyId": 1, "numCodes": 2_103});
        world.post("LicenseCode", &body.to_string()).await.ok();
        let whole = codes(&world, "LicenseCodes?pageNumber=1&pageSize=10000&getSfs=1").await;
        assert_eq!(whole.len(), 2_103);
        let mut pages = Vec::new();
        for page in 1..=6 {
            pages.extend(codes(&world, &format!("LicenseCodes?pageNumber={page}&pageSize=400&getSfs=1")).await);
        }
        assert_eq!(whole, pages);
        // It ends where the page ends, behind a whole read and inside one.
        for size in [2_000, 2_001] {
            let part = codes(&world, &format!("LicenseCodes?pageNumber=1&pageSize={size}&getSfs=1")).await;
            assert_eq!(part, whole[..size]);
        }
        assert!(codes(&world, "LicenseCodes?pageNumber=2&pageSize=10000").await.is_empty());
        assert!(codes(&world, "LicenseCodes?pageNumber=1&company=Nobody").await.is_empty());
    }

    pages_read_in_any_order_are_those_read_from_the_front(bench) {
        let world = furnished(&bench).await;
        world.post("LicenseCode", &json!({"productId": PRODUCT, "numCodes": 95}).to_string()).await.ok();
        let page = async |page: usize| codes(&world, &format!("LicenseCodes?pageNumber={page}&pageSize=10")).await;
        let whole = codes(&world, "LicenseCodes?pageNumber=1&pageSize=100").await;
        for number in [5, 9, 2, 10, 9, 6, 1, 11, 3] {
            let first = (number - 1) * 10;
            assert_eq!(page(number).await, whole[first.min(95)..(first + 10).min(95)], "page {number}");
        }
        // One less in front moves all that follow, known or not.
        let gone = whole[12]["licenseCode"].as_str().expect("a code");
        world.delete(&format!("LicenseCode?productId={PRODUCT}&licenseCode={gone}")).await.ok();
        for number in [9, 4, 6] {
            let first = (number - 1) * 10 + 1;
            assert_eq!(page(number).await, whole[first..first + 10], "page {number}");
        }
    }

    a_row_shows_what_its_own_code_has_set(bench) {
        let world = furnished(&bench).await;
        let body = json!({"productId": PRODUCT, "profileName": "Team", "numCodes": 5});
        world.post("LicenseCode", &body.to_string()).await.ok();
        let before = codes(&world, "LicenseCodes?pageNumber=1").await;
        let change = json!({
            "productId": PRODUCT, "licenseCode": before[2]["licenseCode"],
            "features": [{"featureCode": "FLOAT", "featureAvailability": "on", "limit": 9}],
        });
        assert_eq!(world.put("LicenseCode", &change.to_string()).await.ok(), "OK");
        let after = codes(&world, "LicenseCodes?pageNumber=1").await;
        for at in [0, 1, 3, 4] {
            assert_eq!(after[at], before[at]);
        }
        let limit = |row: &Value| {
            let features = row["features"].as_array().expect("features").iter();
            let floating = features.into_iter().find(|feature| feature["featureCode"] == "FLOAT").expect("a feature");
            floating["featureDetails"][0].as_str().expect("a line").to_owned()
        };
        assert_eq!(limit(&before[2]), "maximumActive : 7");
        assert_eq!(limit(&after[2]), "maximumActive : 9");
        // The single code tells the same.
        let code = before[2]["licenseCode"].as_str().expect("a code");
        let single = codes(&world, &format!("LicenseCode?productId={PRODUCT}&licenseCode={code}")).await;
        assert_eq!(single[0]["features"], after[2]["features"]);
    }

    what_is_remembered_of_a_code_does_not_outlive_a_change(bench) {
        let world = furnished(&bench).await;
        let body = json!({
            "productId": PRODUCT, "licenseCodes": ["4711"], "profileName": "Team", "companyId": 1,
        });
        world.post("LicenseCode", &body.to_string()).await.ok();
        let read = async || {
            let single = codes(&world, &format!("LicenseCode?productId={PRODUCT}&licenseCode=4711")).await;
            let row = codes(&world, "LicenseCodes?pageNumber=1&company=First").await;
            (single[0].clone(), row.first().cloned())
        };
        let (first, row) = read().await;
        assert_eq!(read().await, (first.clone(), row.clone()));
        assert_eq!((&first["company"], &first["profileName"]), (&json!("First"), &json!("Team")));
        assert_eq!(row.expect("a row")["company"], "First");

        let rename = json!({"productId": PRODUCT, "profileName": "Team", "newProfileName": "Crew"});
        world.put("Profile", &rename.to_string()).await.ok();
        let rename = json!({"productId": PRODUCT, "companyId": 1, "company": "Second"});
        world.put("Company", &rename.to_string()).await.ok();
        let feature = json!({
            "productId": PRODUCT,
            "features": [{"featureCode": "NEW", "featureName": "f", "notes": "n", "featureType": "floating"}],
        });
        world.post("ProductFeatures", &feature.to_string()).await.ok();
        let (changed, row) = read().await;
        assert_eq!((&changed["company"], &changed["profileName"]), (&json!("Second"), &json!("Crew")));
        let features = |code: &Value| code["features"].as_array().expect("features").len();
        assert_eq!(features(&changed), features(&first) + 1);
        assert_eq!(row, None, "no company is called so any more");
    }
}
