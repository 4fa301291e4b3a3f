//! Companies: what is told of them, and how they are made and changed.

use crate::licenses::Shop;
use crate::world::{Answer, PASSWORD};
use lessor_core::AccountId;
use lessor_core::identity::Level;
use lessor_core::identity::session::redeem_link;
use lessor_core::mail::{self, MailFilter};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::{Value, json};
use uuid::Uuid;

fn id_of(answer: &Value) -> Uuid {
    answer["companyId"].as_str().and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_else(|| panic!("{answer}"))
}

/// The world, in which distributor, division and manager have something to hand on.
pub async fn stocked(bench: &Bench) -> Shop {
    let shop = Shop::new(bench).await;
    for company in ["distributor", "division", "manager"] {
        shop.offer(company, &["107", "111", "300"]).await;
    }
    shop
}

pub async fn post(shop: &Shop, company: &str, call: &str, body: Value) -> Answer {
    let token = shop.world.token(company).await;
    shop.world.post(&token, &format!("Company/{call}"), body).await
}

pub async fn detail(shop: &Shop, company: &str, id: Uuid) -> Value {
    post(shop, company, "Detail", json!({ "companyId": id })).await.ok()
}

fn told(list: &Value) -> Vec<(String, i64)> {
    let one = |company: &Value| {
        (company["name"].as_str().expect("a name").to_owned(), company["type"].as_i64().expect("a number"))
    };
    list["companies"].as_array().expect("a list").iter().map(one).collect()
}

fn names(of: &[(&str, i64)]) -> Vec<(String, i64)> {
    of.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

/// The link of the last mail to somebody.
async fn link_to(shop: &Shop, account: Uuid, recipient: &str) -> String {
    let filter = MailFilter { account: AccountId(account), recipient: Some(recipient.to_owned()), state: None };
    let mails = shop.world.bench.read(move |tx, cx| mail::list(tx, cx, &filter, None, 10)).await.expect("mails");
    let text = &mails.last().expect("a mail").text;
    let link = text.lines().find_map(|line| line.strip_prefix("https://lessor.example/#link="));
    link.expect("a link").to_owned()
}

on_both_engines! {
    children_and_descendants_are_told_in_brief_by_name(bench) {
        let shop = stocked(&bench).await;
        let division = json!({ "companyId": shop.id("division").0, "skip": 0, "take": 25 });
        let children = post(&shop, "distributor", "Children", division.clone()).await.ok();
        assert_eq!(told(&children), names(&[("manager", 1004), ("msp", 1005)]));
        assert_eq!(children["paging"], json!({ "totalCount": 2 }));
        let manager = &children["companies"][0];
        let expected = json!({ "name": "manager", "publicId": shop.id("manager").0, "type": 1004, "status": 1, "email": "" });
        assert_eq!(manager, &expected);

        let below = |kind: Value, skip: u32, take: u32| {
            json!({ "companyId": shop.id("division").0, "entityType": kind, "skip": skip, "take": take })
        };
        let customers = post(&shop, "distributor", "Descendants", below(json!(1007), 0, 100)).await.ok();
        assert_eq!(told(&customers), names(&[("customer", 1007), ("other-customer", 1007), ("trusted-customer", 1007)]));
        let page = post(&shop, "distributor", "Descendants", below(json!("Any"), 2, 2)).await.ok();
        assert_eq!(told(&page), names(&[("msp", 1005), ("other-customer", 1007)]));
        assert_eq!(page["paging"], json!({ "totalCount": 7 }));
        let beyond = post(&shop, "distributor", "Descendants", below(json!("1000"), 50, 2)).await.ok();
        assert_eq!((told(&beyond).len(), &beyond["paging"]["totalCount"]), (0, &json!(7)));
        assert_eq!(post(&shop, "distributor", "Children", json!({ "companyId": "x" })).await.faults(), ["companyId"]);
        assert_eq!(post(&shop, "distributor", "Descendants", below(json!(1001), 0, 101)).await.faults(), ["take"]);
        let refused = post(&shop, "other-distributor", "Children", division).await.refused();
        assert_eq!(refused, (403, 3, 1901));
        let unknown = post(&shop, "other-distributor", "Children", json!({ "companyId": Uuid::from_u128(1) })).await;
        assert_eq!(unknown.refused(), refused, "what is not there is told as what is not theirs");
    }

    a_company_is_told_in_full_to_itself_and_those_above(bench) {
        let shop = stocked(&bench).await;
        let msp = shop.id("msp").0;
        let own = detail(&shop, "msp", msp).await;
        assert_eq!(own, detail(&shop, "distributor", msp).await);
        for name in ["id", "companyId", "publicId"] {
            assert_eq!(own[name], json!(msp));
        }
        assert_eq!(own["ancestor"], json!({ "id": shop.id("division").0, "name": "division", "type": 1003 }));
        assert_eq!((&own["type"], &own["status"], &own["trialLicenseAllowed"]), (&json!(1005), &json!(1), &json!(true)));
        assert_eq!(own["products"], json!([{ "code": "111", "name": "Endpoint Security" }, { "code": "300", "name": "Complete" }]));
        assert_eq!((&own["trusted"], &own["manager"], &own["divisionId"]), (&Value::Null, &json!(false), &json!(shop.id("division").0)));
        let customer = detail(&shop, "msp", shop.id("customer").0).await;
        assert_eq!((&customer["manager"], &customer["reseller"], &customer["divisionId"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!(customer["products"], own["products"], "what its seller may order for it");
        assert_eq!(detail(&shop, "manager", shop.id("untrusted").0).await["trusted"], json!(false));
        assert_eq!(detail(&shop, "manager", shop.id("trusted").0).await["trusted"], json!(true));
        for (company, id) in [("customer", msp), ("msp", shop.id("manager").0), ("msp", Uuid::from_u128(1))] {
            let refused = post(&shop, company, "Detail", json!({ "companyId": id })).await.refused();
            assert_eq!(refused, (403, 3, 1901), "{company}");
        }
    }

    the_users_are_those_of_the_callers_own_company(bench) {
        let shop = stocked(&bench).await;
        let hash = bench.app.hasher().hash(PASSWORD).await.expect("a hash");
        let reader = shop.world.user(shop.id("msp"), "zed@example.test", Level::Read, &hash).await;
        let users = post(&shop, "msp", "Users", json!({})).await.ok();
        assert_eq!(users["paging"], json!({ "totalCount": 2 }));
        let all = users["users"].as_array().expect("users");
        let expected = json!({
            "id": reader.0, "firstName": "Ann", "lastName": "Example", "email": "zed@example.test", "permission": 2, "status": 1,
        });
        assert!(all.contains(&expected), "{users}");
        let page = post(&shop, "msp", "Users", json!({ "skip": 1, "take": 1 })).await.ok();
        assert_eq!((&page["users"][0], &page["paging"]["totalCount"]), (&all[1], &json!(2)));
    }

    a_new_msp_waits_until_its_contact_user_has_a_password(bench) {
        let shop = stocked(&bench).await;
        let wish = json!({
            "name": "Fresh MSP", "email": "owner@fresh.example", "products": [{ "code": "111" }], "trialLicenseAllowed": true,
            "tags": [{ "tag": "gold" }, { "tag": "gold" }], "customIdentifier": "CRM-1", "comment": "c", "vatId": "SK1",
            "description": "d", "reseller": true, "divisionId": shop.id("division").0,
            "address": { "countryCode": "cze", "city": "Brno", "streetAddress": "Main 1", "zipCode": "60200", "state": "JMK" },
        });
        let id = id_of(&post(&shop, "distributor", "Create/msp", wish).await.ok());
        let made = detail(&shop, "distributor", id).await;
        assert_eq!((&made["type"], &made["status"], &made["reseller"]), (&json!(1005), &json!(2), &json!(true)));
        assert_eq!((&made["manager"], &made["divisionId"]), (&json!(false), &json!(shop.id("division").0)));
        assert_eq!((&made["tags"], &made["trialLicenseAllowed"]), (&json!([{ "tag": "gold" }]), &json!(true)));
        assert_eq!(made["products"], json!([{ "code": "111", "name": "Endpoint Security" }]));
        let address = json!({ "countryCode": "CZE", "state": "JMK", "city": "Brno", "streetAddress": "Main 1", "zipCode": "60200" });
        assert_eq!(made["address"], address);
        for (name, value) in [("customIdentifier", "CRM-1"), ("comment", "c"), ("vatId", "SK1"), ("description", "d"), ("email", "owner@fresh.example")] {
            assert_eq!(made[name], json!(value));
        }

        let link = link_to(&shop, id, "owner@fresh.example").await;
        redeem_link(&bench.app, &link, PASSWORD).await.expect("signed in");
        assert_eq!(detail(&shop, "distributor", id).await["status"], 1);
        let token = shop.world.sign_in("owner@fresh.example").await;
        let me = shop.world.get(&token, "User/Current").await.ok();
        assert_eq!((&me["company"]["companyId"], &me["status"], &me["country"]["countryCode"]), (&json!(id), &json!(1), &json!("CZE")));
        let customer = shop.world.post(&token, "Company/Create/customer", json!({ "name": "First" })).await.ok();
        let customer = detail(&shop, "distributor", id_of(&customer)).await;
        assert_eq!((&customer["status"], &customer["address"]["countryCode"]), (&json!(1), &json!("CZE")));
    }

    a_managed_msp_is_trusted_unless_told_and_stands_below_a_manager(bench) {
        let shop = stocked(&bench).await;
        let wish = |name: &str, more: Value| {
            let mut body = json!({ "name": name, "email": format!("{name}@managed.example"), "address": { "city": "Brno" } });
            for (member, value) in more.as_object().expect("an object") {
                body[member] = value.clone();
            }
            body
        };
        let trusted = id_of(&post(&shop, "manager", "Create/managedmsp", wish("one", json!({}))).await.ok());
        let untrusted = id_of(&post(&shop, "manager", "Create/managedmsp", wish("two", json!({ "trusted": false }))).await.ok());
        let (one, two) = (detail(&shop, "manager", trusted).await, detail(&shop, "manager", untrusted).await);
        assert_eq!((&one["type"], &one["status"], &one["trusted"]), (&json!(1006), &json!(2), &json!(true)));
        assert_eq!((&two["trusted"], &two["trialLicenseAllowed"], &two["products"]), (&json!(false), &json!(false), &json!([])));
        let manager = id_of(&post(&shop, "division", "Create/msp", wish("boss", json!({ "manager": true }))).await.ok());
        assert_eq!(detail(&shop, "division", manager).await["type"], 1004);
        for company in ["msp", "division", "trusted"] {
            let refused = post(&shop, company, "Create/managedmsp", wish("three", json!({}))).await.refused();
            assert_eq!(refused, (400, 3, 1004), "{company}");
        }
        assert_eq!(post(&shop, "msp", "Create/msp", wish("four", json!({}))).await.refused(), (400, 3, 1004));
        assert_eq!(post(&shop, "division", "Create/customer", wish("five", json!({}))).await.refused(), (400, 3, 1004));
    }

    a_customer_is_made_below_whom_the_caller_names(bench) {
        let shop = stocked(&bench).await;
        let below = |parent: Uuid| json!({ "name": "New", "parentCompanyId": parent });
        let untrusted = shop.id("untrusted").0;
        let made = id_of(&post(&shop, "manager", "Create/customer", below(untrusted)).await.ok());
        assert_eq!(detail(&shop, "manager", made).await["ancestor"]["id"], json!(untrusted));
        id_of(&post(&shop, "distributor", "Create/customer", below(shop.id("msp").0)).await.ok());
        id_of(&post(&shop, "manager", "Create/customer", json!({ "Name": "Own", "EMAIL": "it@own.example" })).await.ok());
        assert_eq!(post(&shop, "manager", "Create/customer", below(shop.id("msp").0)).await.refused(), (403, 3, 1901));
        assert_eq!(post(&shop, "manager", "Create/customer", below(Uuid::from_u128(1))).await.refused(), (403, 3, 1901));
        let customer = shop.id("customer").0;
        assert_eq!(post(&shop, "msp", "Create/customer", below(customer)).await.refused(), (400, 3, 1004));
        let hash = bench.app.hasher().hash(PASSWORD).await.expect("a hash");
        shop.world.user(shop.id("msp"), "reader@example.test", Level::Read, &hash).await;
        let reader = shop.world.sign_in("reader@example.test").await;
        let refused = shop.world.post(&reader, "Company/Create/customer", json!({ "name": "No" })).await.refused();
        assert_eq!(refused, (403, 3, 1901));
    }

    what_cannot_be_made_is_refused_and_leaves_nothing(bench) {
        let shop = stocked(&bench).await;
        let token = shop.world.token("distributor").await;
        let make = |body: Value| {
            let (world, token) = (&shop.world, token.clone());
            async move { world.post(&token, "Company/Create/msp", body).await }
        };
        let before = bench.digests(&["sessions"]);
        let good = |more: Value| {
            let mut body = json!({ "name": "Fresh", "email": "owner@fresh.example" });
            for (member, value) in more.as_object().expect("an object") {
                body[member] = value.clone();
            }
            body
        };
        assert_eq!(make(good(json!({ "name": "direct-msp" }))).await.refused(), (400, 3, 1001));
        assert_eq!(make(good(json!({ "email": "msp@example.test" }))).await.refused(), (400, 3, 1002));
        assert_eq!(make(good(json!({ "address": { "countryCode": "XXX" } }))).await.refused(), (400, 3, 1005));
        assert_eq!(make(good(json!({ "products": [{ "code": "999" }] }))).await.refused(), (400, 3, 1006));
        assert_eq!(make(good(json!({ "products": [{ "code": "211" }] }))).await.refused(), (400, 3, 1006), "not offered to it");
        for division in [Uuid::from_u128(1), shop.id("other-distributor").0, shop.id("msp").0] {
            assert_eq!(make(good(json!({ "divisionId": division }))).await.refused(), (400, 3, 1007));
        }
        assert_eq!(make(good(json!({ "email": "nobody" }))).await.faults(), ["email"]);
        assert_eq!(make(good(json!({ "name": "" }))).await.faults(), ["name"]);
        assert_eq!(make(json!({})).await.faults(), ["name", "email"]);
        assert_eq!(make(good(json!({ "divisionId": 7, "manager": "perhaps" }))).await.faults(), ["manager", "divisionId"]);
        assert_eq!(bench.digests(&["sessions"]), before);
    }

    of_companies_that_take_one_name_at_once_one_gets_it(bench) {
        let shop = stocked(&bench).await;
        let token = shop.world.token("msp").await;
        let make = |_| shop.world.post(&token, "Company/Create/customer", json!({ "name": "Same" }));
        let answers = bench.all_at_once(6, make).await;
        let made = answers.iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(made, 1);
        for answer in answers.into_iter().filter(|answer| !answer.status.is_success()) {
            assert_eq!(answer.refused(), (400, 3, 1001));
        }
    }

    what_is_left_out_of_an_update_stays_and_what_is_empty_goes(bench) {
        let shop = stocked(&bench).await;
        let wish = json!({
            "name": "A", "email": "it@a.example", "comment": "c", "vatId": "SK1", "customIdentifier": "1", "description": "d",
            "tags": [{ "tag": "gold" }, { "tag": "old" }],
            "address": { "city": "Brno", "streetAddress": "Main 1", "zipCode": "60200" },
        });
        let id = id_of(&post(&shop, "msp", "Create/customer", wish).await.ok());
        let before = detail(&shop, "msp", id).await;
        let nothing = post(&shop, "msp", "Update/customer", json!({ "companyId": id })).await.ok();
        assert_eq!((nothing, detail(&shop, "msp", id).await), (json!({ "companyId": id }), before));
        let update = json!({
            "companyId": id, "comment": "", "vatId": null, "customIdentifier": "2", "email": "",
            "tagsToAdd": [{ "tag": "new" }, { "tag": "gold" }], "tagsToRemove": [{ "tag": "old" }, { "tag": "never" }],
            "address": { "city": "Praha", "zipCode": "" },
        });
        post(&shop, "msp", "Update/customer", update).await.ok();
        let after = detail(&shop, "msp", id).await;
        for (name, value) in [("comment", ""), ("vatId", ""), ("customIdentifier", "2"), ("email", ""), ("description", "d"), ("name", "A")] {
            assert_eq!(after[name], json!(value), "{name}");
        }
        assert_eq!(after["tags"], json!([{ "tag": "gold" }, { "tag": "new" }]));
        let address = json!({ "countryCode": "", "state": "", "city": "Praha", "streetAddress": "Main 1", "zipCode": "" });
        assert_eq!(after["address"], address);
        post(&shop, "msp", "Update/customer", json!({ "companyId": id, "address": null, "name": "B" })).await.ok();
        let after = detail(&shop, "msp", id).await;
        assert_eq!((&after["address"]["city"], &after["name"]), (&json!(""), &json!("B")));

        assert_eq!(post(&shop, "msp", "Update/customer", json!({ "companyId": id, "name": "" })).await.faults(), ["name"]);
        let taken = json!({ "companyId": id, "name": "customer" });
        assert_eq!(post(&shop, "msp", "Update/customer", taken).await.refused(), (400, 3, 1001));
        let other = json!({ "companyId": shop.id("msp").0, "comment": "x" });
        assert_eq!(post(&shop, "division", "Update/customer", other).await.refused(), (400, 3, 1013));
        let foreign = json!({ "companyId": shop.id("trusted-customer").0, "comment": "x" });
        assert_eq!(post(&shop, "msp", "Update/customer", foreign).await.refused(), (403, 3, 1901));
    }

    what_was_granted_is_changed_by_those_above_alone(bench) {
        let shop = stocked(&bench).await;
        let msp = shop.id("msp").0;
        let own = json!({ "companyId": msp, "comment": "ours", "email": "new@msp.example" });
        post(&shop, "msp", "Update/msp", own).await.ok();
        assert_eq!(detail(&shop, "msp", msp).await["email"], "new@msp.example");
        for more in [
            json!({ "productsToAdd": [{ "code": "107" }] }),
            json!({ "productsToRemove": [{ "code": "111" }] }),
            json!({ "trialLicenseAllowed": false }),
            json!({ "divisionId": null }),
        ] {
            let mut body = more.clone();
            body["companyId"] = json!(msp);
            assert_eq!(post(&shop, "msp", "Update/msp", body).await.refused(), (403, 3, 1901), "{more}");
        }
        let update = json!({
            "companyId": msp, "trialLicenseAllowed": false, "reseller": true,
            "productsToAdd": [{ "code": "107" }, { "code": "111" }], "productsToRemove": [{ "code": "300" }, { "code": "999" }],
        });
        post(&shop, "division", "Update/msp", update).await.ok();
        let after = detail(&shop, "msp", msp).await;
        let codes: Vec<_> = after["products"].as_array().expect("products").iter().map(|one| one["code"].clone()).collect();
        assert_eq!((codes, &after["trialLicenseAllowed"]), (vec![json!("107"), json!("111")], &json!(false)));
        assert_eq!((&after["reseller"], &after["comment"]), (&json!(true), &json!("ours")));
        let unknown = json!({ "companyId": msp, "productsToAdd": [{ "code": "999" }] });
        assert_eq!(post(&shop, "division", "Update/msp", unknown).await.refused(), (400, 3, 1006));
        let manager = json!({ "companyId": msp, "manager": true });
        assert_eq!(post(&shop, "division", "Update/msp", manager).await.refused(), (400, 3, 1013));
        assert_eq!(post(&shop, "division", "Update/msp", json!({ "companyId": msp, "email": "" })).await.faults(), ["email"]);
    }

    a_company_moves_into_a_division_and_out_again(bench) {
        let shop = stocked(&bench).await;
        let msp = shop.id("direct-msp").0;
        let division = shop.id("division").0;
        post(&shop, "distributor", "Update/msp", json!({ "companyId": msp, "divisionId": division })).await.ok();
        let moved = detail(&shop, "division", msp).await;
        assert_eq!((&moved["divisionId"], &moved["ancestor"]["type"]), (&json!(division), &json!(1003)));
        post(&shop, "distributor", "Update/msp", json!({ "companyId": msp, "divisionId": null })).await.ok();
        let back = detail(&shop, "distributor", msp).await;
        assert_eq!((&back["divisionId"], &back["ancestor"]["type"]), (&Value::Null, &json!(1002)));
        let elsewhere = json!({ "companyId": msp, "divisionId": shop.id("manager").0 });
        assert_eq!(post(&shop, "distributor", "Update/msp", elsewhere).await.refused(), (400, 3, 1007));
    }

    trust_that_is_given_approves_what_waits_if_asked_to(bench) {
        let shop = stocked(&bench).await;
        let untrusted = shop.id("untrusted").0;
        let customer = id_of(&post(&shop, "untrusted", "Create/customer", json!({ "name": "Waits" })).await.ok());
        let order = lessor_core::order::Order {
            customer: AccountId(customer),
            product: shop.products["111"],
            quantity: 5,
            trial_days: None,
        };
        let token = shop.world.token("untrusted").await;
        let actor = lessor_core::identity::authenticate(&bench.app, &token).await.expect("an actor");
        let caller = bench.caller(actor);
        bench.app.write(&caller, move |tx, cx| lessor_core::order::file(tx, cx, &order, "please")).await.expect("a request");
        let own = json!({ "companyId": untrusted, "trusted": true });
        assert_eq!(post(&shop, "untrusted", "Update/managedmsp", own).await.refused(), (403, 3, 1901));
        let update = json!({ "companyId": untrusted, "trusted": true, "acceptPendingRequests": true });
        post(&shop, "manager", "Update/managedmsp", update).await.ok();
        assert_eq!(detail(&shop, "manager", untrusted).await["trusted"], json!(true));
        let token = shop.world.token("manager").await;
        let found = shop.world.post(&token, "Search/Licenses", json!({ "customerId": customer })).await.ok();
        let key = found["Search"][0]["PublicLicenseKey"].as_str().expect("a key").to_owned();
        assert_eq!((key.len(), key.matches('-').count()), (11, 2));
        post(&shop, "manager", "Update/managedmsp", json!({ "companyId": untrusted, "trusted": false })).await.ok();
        assert_eq!(detail(&shop, "manager", untrusted).await["trusted"], json!(false));
    }
}
