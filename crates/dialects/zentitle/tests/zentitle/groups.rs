//! Groups, their users and their codes.

use crate::shapes::assert_same;
use crate::world::{World, example};
use lessor_core::alias;
use lessor_core::device::{self, Activate, DeviceFacts};
use lessor_core::group::{CreateGroup, GroupKind};
use lessor_core::{AccountId, EndUserId, Noun, ProductId};
use lessor_testkit::on_both_engines;
use lessor_zentitle::ids;
use serde_json::{Value, json};

pub const PRODUCT: &str = "6872450105";

fn answer(name: &str) -> Value {
    serde_json::from_str(&example(name)).expect("an example answer")
}

/// The documented query of a call.
fn query(controller: &str, name: &str) -> String {
    format!("{controller}?{}", example(name).trim())
}

pub async fn group(world: &World, name: &str, kind: &str, more: &str) -> String {
    let body = format!(r#"{{"groupName":"{name}","type":"{kind}"{more}}}"#);
    world.post("Group", &body).await.made()
}

pub async fn user(world: &World, group: u32, name: &str) -> String {
    let body = format!(r#"{{"groupId":{group},"userName":"{name}","password":"eight123"}}"#);
    world.post("GroupUser", &body).await.made()
}

/// Two companies, a profile with the number 1 and a code, as the documented examples name them.
pub async fn surroundings(world: &World) -> ProductId {
    let product = world.example_product(PRODUCT).await;
    for name in ["One", "Two"] {
        let body = json!({"company": name, "productId": PRODUCT, "global": 1});
        world.post("Company", &body.to_string()).await.made();
    }
    let profile = json!({"productId": PRODUCT, "profileName": "p", "clientsAllowed": 5, "enabledForUse": "true"});
    assert_eq!(world.post("Profile", &profile.to_string()).await.made(), "1");
    for code in ["27835001310249256", "A-1", "A-2"] {
        let body = json!({"productId": PRODUCT, "licenseCodes": [code], "profileName": "p"});
        world.post("LicenseCode", &body.to_string()).await.ok();
    }
    product
}

/// What `GET Group` says of a group, without its instants.
async fn shown(world: &World, group: u32) -> Value {
    world.get(&format!("Group?groupId={group}")).await.ok()
}

on_both_engines! {
    the_documented_examples_work_byte_for_byte(bench) {
        let world = World::new(&bench).await;
        surroundings(&world).await;
        for n in 1..=8 {
            assert_eq!(group(&world, &format!("G{n}"), "standard", "").await, n.to_string());
        }
        assert_eq!(group(&world, "TestGroup", "Master", r#","companyId":"2","description":"test group""#).await, "9");
        for n in 10..=11 {
            let made = group(&world, &format!("G{n}"), "STANDARD", r#","masterGroupId":"9""#).await;
            assert_eq!(made, n.to_string());
        }
        assert_eq!(world.post("Group", &example("POST-Group.request.json")).await.made(), "12");
        let changed = world.put("Group", &example("PUT-Group.request.json")).await.ok();
        assert_eq!(changed, "Group Updated Successfully");
        let twelfth = shown(&world, 12).await;
        assert_eq!(twelfth["type"], "Master");
        assert_eq!(twelfth["groupName"], "NewGroup17");
        assert_eq!(twelfth["description"], "NewGroup17 updated to master group");
        assert_eq!((&twelfth["companyId"], &twelfth["masterGroupId"]), (&json!(2), &json!(0)));

        for n in 1..=6 {
            user(&world, 1, &format!("u{n}")).await;
        }
        assert_eq!(world.post("GroupUser", &example("POST-GroupUser.request.json")).await.made(), "7");
        let seventh = world.get(&query("groupuser", "GET-GroupUser.query.txt")).await.ok();
        assert_eq!(seventh["userName"], "testuser31");
        assert_eq!((&seventh["lastName"], &seventh["telephone"]), (&json!(""), &json!("")));
        assert_eq!(seventh["additionalData"], r#"{"EUPMaster":"true"}"#);
        assert_same(&seventh, &answer("GET-GroupUser.answer.json"), &[]);
        let changed = world.put("GroupUser", &example("PUT-GroupUser.request.json")).await.ok();
        assert_eq!(changed, "Group User Updated Successfully");
        let seventh = world.get("GroupUser?userName=test32").await.ok();
        assert_eq!((&seventh["groupUserId"], &seventh["lastName"]), (&json!(7), &json!("Smith")));
        assert_eq!(seventh["email"], "john@test31.com", "what is left out stays");
        let data = r#"{"EUPMaster":"true","description":"settomaster","customdata":"data1"}"#;
        assert_eq!(seventh["additionalData"], data);

        for name in ["testuser21", "u9", "u10"] {
            user(&world, 9, name).await;
        }
        let sign_in = query("AuthenticateUser", "GET-AuthenticateUser.query.txt");
        let wrong = world.get(&sign_in).await;
        assert_eq!(wrong.refused(), (400, "Invalid Credentials".into()));
        let changed = world.put("GroupUserPassword", &example("PUT-GroupUserPassword.request.json")).await.ok();
        assert_eq!(changed, "Group User Password Updated Successfully");
        assert_eq!(world.get(&sign_in).await.ok(), "User Authenticated Successfully");

        let code = query("grouplicensecode", "GET-GroupLicenseCode.query.txt");
        assert_eq!(world.get(&code).await.refused(), (404, "Group License Code Not Found".into()));
        let added = world.post("GroupLicenseCode", &example("POST-GroupLicenseCode.request.json")).await.ok();
        assert_eq!(added, "Group License Code Created Successfully");
        let there = world.get(&code).await.ok();
        assert_eq!((&there["groupId"], &there["licenseCode"]), (&json!(7), &json!("27835001310249256")));
        // The documented instant lacks its Z.
        assert_same(&there, &answer("GET-GroupLicenseCode.answer.json"), &["created"]);
        let license = world.get("LicenseCode?licenseCode=27835001310249256").await.ok();
        assert_eq!((&license[0]["companyId"], &license[0]["profileId"]), (&json!(2), &json!("1")));
        let removed = world.delete(&query("grouplicensecode", "DELETE-GroupLicenseCode.query.txt")).await.ok();
        assert_eq!(removed, "Group License Code Deleted Successfully");

        let made = world.post("GroupUserLicense", &example("POST-GroupUserLicense.request.json")).await.ok();
        assert_eq!(made, "Group User License Created Successfully.\n13\n11");
        assert_eq!(world.get(&code).await.ok()["groupId"], 13);
        assert_eq!(world.get("AuthenticateUser?userName=testuser1&password=test1Password").await.status, 200);

        let body = json!({"groupId": 9, "productId": PRODUCT, "licenseCode": "A-1"});
        world.post("GroupLicenseCode", &body.to_string()).await.ok();
        let ninth = world.get(&query("group", "GET-Group.query.txt")).await.ok();
        assert_same(&ninth, &answer("GET-Group.answer.json"), &[]);
        assert_eq!(ninth["subGroups"], json!([{"groupId": 10, "groupName": "G10"}, {"groupId": 11, "groupName": "G11"}]));
        assert_eq!(world.get("Groups").await.ok(), json!([{"count": 13}]));
        let page = world.get(&query("groups", "GET-Groups.query.txt")).await.ok();
        assert_same(&page, &answer("GET-Groups.answer.json"), &[]);
        let numbers: Vec<_> = page.as_array().expect("a list").iter().map(|group| &group["groupId"]).collect();
        assert_eq!(numbers, [1, 2]);
        let page = world.get("Groups?pageNumber=3&pageSize=4").await.ok();
        assert_eq!((&page[0], page.as_array().map(Vec::len)), (&ninth, Some(4)));
        assert_eq!(world.get("Groups?pageNumber=99").await.ok(), json!([]));

        let deleted = world.delete(&query("groupuser", "DELETE-GroupUser.query.txt")).await.ok();
        assert_eq!(deleted, "Group User Deleted Successfully");
        assert_eq!(world.delete(&query("group", "DELETE-Group.query.txt")).await.ok(), "Group Deleted Successfully");
        assert_eq!(shown(&world, 9).await["subGroups"].as_array().map(Vec::len), Some(1));
        assert_eq!(world.get("Groups").await.ok(), json!([{"count": 12}]));
    }

    a_long_list_of_groups_skips_and_repeats_nothing_wherever_a_page_starts(bench) {
        let world = World::new(&bench).await;
        let root = bench.root.id;
        let made = bench.write(move |tx, cx| {
            for n in 1..=450 {
                let name = format!("G{n}");
                let cmd = CreateGroup { account: root, kind: GroupKind::Standard, master: None, name, description: String::new() };
                let group = lessor_core::group::create(tx, cx, &cmd)?;
                ids::give_number(tx, root, ids::GROUP, group.id.0, Noun::Group)?;
            }
            Ok(())
        });
        made.await.expect("groups");
        assert_eq!(world.get("Groups?pageNumber=0").await.ok(), json!([{"count": 450}]));
        for (page, from, to) in [("1", 1, 450), ("1&pageSize=401", 1, 401), ("2&pageSize=200", 201, 400), ("7&pageSize=70", 421, 450)] {
            let groups = world.get(&format!("Groups?pageNumber={page}")).await.ok();
            let numbers = groups.as_array().expect("a list").iter().map(|group| group["groupId"].as_i64().expect("a number"));
            assert!(numbers.eq(from..=to), "{page}");
        }
    }

    a_group_that_goes_takes_its_users_along_and_frees_the_rest(bench) {
        let world = World::new(&bench).await;
        let product = surroundings(&world).await;
        group(&world, "All", "master", "").await;
        group(&world, "North", "standard", r#","masterGroupId":1"#).await;
        assert_eq!((user(&world, 1, "ada").await, user(&world, 2, "eve").await), ("1".into(), "2".into()));
        let body = json!({"groupId": 1, "productId": PRODUCT, "licenseCode": "A-1"});
        world.post("GroupLicenseCode", &body.to_string()).await.ok();
        activate(&world, product, "ada", "device-of-ada").await;
        assert_eq!(status(&world, "A-1").await, ["ACTIVATED"]);

        assert_eq!(world.delete("Group?groupName=All").await.ok(), "Group Deleted Successfully");
        assert_eq!(status(&world, "A-1").await, ["DEACTIVATED"]);
        assert_eq!(shown(&world, 2).await["masterGroupId"], 0);
        assert_eq!(world.get("GroupUser?userName=ada").await.refused(), (404, "Group User Not Found".into()));
        assert_eq!(world.get("GroupUser?groupUserId=2").await.status, 200);
        let code = format!("GroupLicenseCode?productId={PRODUCT}&licenseCode=A-1");
        assert_eq!(world.get(&code).await.refused(), (404, "Group License Code Not Found".into()));
        // The names are free again, the numbers are not given twice.
        assert_eq!(group(&world, "All", "standard", "").await, "3");
        assert_eq!(user(&world, 3, "ada").await, "3");
        assert_eq!(world.delete("Group?groupId=1").await.refused(), (404, "Group Not Found".into()));
    }

    a_user_that_goes_returns_what_it_activated(bench) {
        let world = World::new(&bench).await;
        let product = surroundings(&world).await;
        group(&world, "Office", "standard", "").await;
        let body = json!({"groupId": 1, "productId": PRODUCT, "licenseCode": "A-1"});
        world.post("GroupLicenseCode", &body.to_string()).await.ok();
        user(&world, 1, "ada").await;
        user(&world, 1, "eve").await;
        activate(&world, product, "ada", "device-of-ada").await;
        activate(&world, product, "eve", "device-of-eve").await;
        assert_eq!(world.delete("groupuser?groupuserid=1").await.ok(), "Group User Deleted Successfully");
        let activity = world.get(&format!("LicenseCodeActivity?productId={PRODUCT}&licenseCode=A-1&activated=1")).await.ok();
        assert_eq!(activity.as_array().map(Vec::len), Some(1));
        assert_eq!((&activity[0]["userName"], &activity[0]["computerId"]), (&json!("eve"), &json!("device-of-eve")));
        let gone = world.get("AuthenticateUser?userName=ada&password=eight123").await;
        assert_eq!(gone.refused(), (400, "Invalid Credentials".into()));
    }

    a_company_that_is_deleted_leaves_its_groups_with_none_and_their_users_signing_in(bench) {
        let world = World::new(&bench).await;
        surroundings(&world).await;
        group(&world, "Office", "standard", r#","companyId":2"#).await;
        user(&world, 1, "ada").await;
        assert_eq!(shown(&world, 1).await["companyId"], 2);
        world.delete("Company?companyId=2").await.ok();
        assert_eq!(shown(&world, 1).await["companyId"], 0);
        assert_eq!(world.get("AuthenticateUser?userName=ada&password=eight123").await.status, 200);
    }

    free_form_data_comes_out_as_it_came_in(bench) {
        let world = World::new(&bench).await;
        group(&world, "Office", "standard", "").await;
        let with = |name: &str, data: &str| {
            format!(r#"{{"groupId":1,"userName":"{name}","password":"eight123","additionalData":{data}}}"#)
        };
        for (name, data, shown) in [
            ("u1", "null", ""),
            ("u2", "{}", "{}"),
            ("u3", r#"{"b":1,"a":{"B":null,"b":[true]}}"#, r#"{"b":1,"a":{"B":null,"b":[true]}}"#),
            ("u4", r#""{\"z\":\"Ä\"}""#, r#"{"z":"Ä"}"#),
        ] {
            world.post("GroupUser", &with(name, data)).await.made();
            let user = world.get(&format!("GroupUser?userName={name}")).await.ok();
            assert_eq!(user["additionalData"], shown, "{name}");
        }
        for data in ["[]", "1", r#""x""#, "true", &json!({"a": "x".repeat(16_400)}).to_string()] {
            let refused = world.post("GroupUser", &with("u5", data)).await;
            assert_eq!(refused.refused(), (400, "Invalid additionalData".into()), "{data:.20}");
        }
        world.put("GroupUser", r#"{"groupUserId":3,"groupId":1,"additionalData":{}}"#).await.ok();
        assert_eq!(world.get("GroupUser?groupUserId=3").await.ok()["additionalData"], "{}");
    }

    guessing_gets_slow_and_tells_nobody_who_exists(bench) {
        let world = World::new(&bench).await;
        group(&world, "Office", "standard", "").await;
        user(&world, 1, "ada").await;
        let mut seen = Vec::new();
        for name in ["ada", "nobody"] {
            let mut answers = Vec::new();
            for _ in 0..6 {
                let answer = world.get(&format!("AuthenticateUser?userName={name}&password=wrong")).await;
                let wait = answer.headers.get("retry-after").is_some();
                answers.push((answer.refused(), wait));
            }
            seen.push(answers);
        }
        assert_eq!(seen[0][4], ((400, "Invalid Credentials".into()), false));
        assert_eq!(seen[0][5], ((429, "Too Many Requests".into()), true));
        assert_eq!(seen[0], seen[1]);
        // A new password ends the wait.
        world.put("GroupUserPassword", r#"{"userName":"ada","password":"another one"}"#).await.ok();
        assert_eq!(world.get("AuthenticateUser?userName=ada&password=another%20one").await.status, 200);
    }

    of_many_that_want_one_code_at_once_one_gets_it_and_the_others_leave_nothing(bench) {
        let world = World::new(&bench).await;
        surroundings(&world).await;
        let world = std::sync::Arc::new(world);
        let outcomes = bench.all_at_once(6, |n| {
            let world = std::sync::Arc::clone(&world);
            async move {
                let body = json!({
                    "groupName": format!("Group {n}"), "productId": PRODUCT, "licenseCode": "A-1",
                    "userName": format!("user{n}"), "password": "eight123",
                });
                world.post("GroupUserLicense", &body.to_string()).await
            }
        }).await;
        let (good, bad): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(good.len(), 1);
        for answer in bad {
            assert_eq!(answer.refused(), (409, "License Code In Another Group".into()));
        }
        assert_eq!(world.get("Groups").await.ok(), json!([{"count": 1}]));
        let groups = world.get("Groups?pageNumber=1").await.ok();
        assert_eq!(groups[0]["groupUsers"].as_array().map(Vec::len), Some(1));
    }

    company_and_profile_of_a_code_stay_unless_they_are_named(bench) {
        let world = World::new(&bench).await;
        surroundings(&world).await;
        let code = |code: &str, more: &str| format!(r#"{{"groupId":1,"productId":"{PRODUCT}","licenseCode":"{code}"{more}}}"#);
        let of = |code: &'static str| {
            let world = &world;
            async move {
                let shown = world.get(&format!("LicenseCode?licenseCode={code}")).await.ok();
                (shown[0]["companyId"].clone(), shown[0]["profileId"].clone())
            }
        };
        group(&world, "Office", "standard", "").await;
        world.put("LicenseCode", &format!(r#"{{"productId":"{PRODUCT}","licenseCode":"A-1","companyId":1}}"#)).await.ok();
        world.post("GroupLicenseCode", &code("A-1", "")).await.ok();
        assert_eq!(of("A-1").await, (json!(1), json!("1")));
        let again = world.post("GroupLicenseCode", &code("A-1", r#","companyId":0"#)).await;
        assert_eq!(again.refused(), (409, "Group License Code Already Exists".into()));
        assert_eq!(of("A-1").await, (json!(1), json!("1")), "a refusal changes nothing");
        world.delete(&format!("GroupLicenseCode?groupId=1&productId={PRODUCT}&licenseCode=A-1")).await.ok();
        world.post("GroupLicenseCode", &code("A-1", r#","companyId":"0","profileId":"0""#)).await.ok();
        assert_eq!(of("A-1").await, (json!(0), json!(0)));
    }
}

/// The user of a group that has this name.
async fn end_user(world: &World, name: &str) -> EndUserId {
    let number = world.get(&format!("GroupUser?userName={name}")).await.ok()["groupUserId"].to_string();
    let tenant: AccountId = world.tenant().await;
    let found = world.bench.read(move |tx, _| alias::resolve(tx, tenant, ids::GROUP_USER, &number)).await;
    EndUserId(found.expect("an answer").expect("a user"))
}

/// Someone signs in on a computer.
async fn activate(world: &World, product: ProductId, name: &'static str, computer: &'static str) {
    let id = end_user(world, name).await;
    world
        .on_device(move |tx, cx| {
            let cmd = Activate {
                product,
                code: None,
                device: DeviceFacts { fingerprint: computer.to_owned(), ..DeviceFacts::default() },
                end_user: Some(id),
                user: name.to_owned(),
                lease_days: None,
                system: None,
                consumer: None,
            };
            device::activate(tx, cx, &cmd).map(|_| ())
        })
        .await;
}

/// How the activations of a code stand.
async fn status(world: &World, code: &str) -> Vec<Value> {
    let activity = world.get(&format!("LicenseCodeActivity?productId={PRODUCT}&licenseCode={code}")).await.ok();
    activity.as_array().expect("a list").iter().map(|one| one["status"].clone()).collect()
}
