//! What groups, their users and their codes refuse: it changes nothing, and to others none of it exists.

use crate::groups::{PRODUCT, group, surroundings, user};
use crate::world::World;
use lessor_testkit::on_both_engines;
use lessor_zentitle::KeyType;
use serde_json::{Value, json};

on_both_engines! {
    what_does_not_fit_is_refused_and_changes_nothing(bench) {
        let world = World::new(&bench).await;
        surroundings(&world).await;
        world.example_product("6453300110").await;
        world.post("Profile", r#"{"productId":"6453300110","profileName":"other"}"#).await.made();
        group(&world, "All", "master", r#","companyId":1"#).await;
        group(&world, "North", "standard", r#","masterGroupId":1"#).await;
        group(&world, "Lone", "standard", "").await;
        user(&world, 2, "ada").await;
        user(&world, 2, "eve").await;
        let body = json!({"groupId": 2, "productId": PRODUCT, "licenseCode": "A-1"});
        world.post("GroupLicenseCode", &body.to_string()).await.ok();
        let before = picture(&world).await;
        for (verb, address, body, status, reason) in refusals() {
            let answer = world.call(KeyType::ReadWrite, verb, address, &body).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{verb} {address} {body:.200}");
        }
        assert_eq!(picture(&world).await, before);

        // To others, none of it exists.
        let other = World::other(&bench).await;
        other.example_product("9999900001").await;
        for (verb, address, body, reason) in [
            ("GET", "Group?groupId=1", "", "Group Not Found"),
            ("GET", "Group?groupName=All", "", "Group Not Found"),
            ("PUT", "Group", r#"{"groupId":1,"groupName":"Mine"}"#, "Group Not Found"),
            ("DELETE", "Group?groupId=1", "", "Group Not Found"),
            ("DELETE", "Group?groupName=All", "", "Group Not Found"),
            ("POST", "Group", r#"{"groupName":"Mine","type":"standard","masterGroupId":1}"#, "Group Not Found"),
            ("POST", "Group", r#"{"groupName":"Mine","type":"standard","companyId":1}"#, "Company Not Found"),
            ("GET", "GroupUser?groupUserId=1", "", "Group User Not Found"),
            ("GET", "GroupUser?userName=ada", "", "Group User Not Found"),
            ("POST", "GroupUser", r#"{"groupId":1,"userName":"x","password":"eight123"}"#, "Group Not Found"),
            ("PUT", "GroupUser", r#"{"groupUserId":1,"groupId":1}"#, "Group User Not Found"),
            ("DELETE", "GroupUser?groupUserId=1", "", "Group User Not Found"),
            ("PUT", "GroupUserPassword", r#"{"userName":"ada","password":"eight123"}"#, "Group User Not Found"),
            ("GET", "GroupLicenseCode?productId=6872450105&licenseCode=A-1", "", "Product Not Found"),
            ("GET", "GroupLicenseCode?productId=9999900001&licenseCode=A-1", "", "License Code Not Found"),
            ("POST", "GroupLicenseCode", r#"{"groupId":1,"productId":"6872450105","licenseCode":"A-2"}"#, "Group Not Found"),
            ("DELETE", "GroupLicenseCode?groupId=2&productId=6872450105&licenseCode=A-1", "", "Group Not Found"),
            (
                "POST",
                "GroupUserLicense",
                r#"{"groupName":"M","userName":"x","password":"eight123","productId":"6872450105","licenseCode":"A-2"}"#,
                "Product Not Found",
            ),
        ] {
            let answer = other.call(KeyType::ReadWrite, verb, address, body).await;
            assert_eq!(answer.refused(), (404, reason.to_owned()), "{verb} {address} {body}");
        }
        let stranger = other.get("AuthenticateUser?userName=ada&password=eight123").await;
        assert_eq!(stranger.refused(), (400, "Invalid Credentials".into()));
        assert_eq!(other.get("Groups").await.ok(), json!([{"count": 0}]));
        assert_eq!(other.get("Groups?pageNumber=1").await.ok(), json!([]));
        assert_eq!(picture(&world).await, before);
    }
}

/// All groups with what is in them, and what is known of the codes.
async fn picture(world: &World) -> (Value, Value) {
    (world.get("Groups?pageNumber=1").await.ok(), world.get("LicenseCodes?pageNumber=1").await.ok())
}

type Case = (&'static str, &'static str, String, u16, &'static str);

/// Calls that a group "All" with "North" below, a group "Lone", the users "ada" and "eve" of "North" and its code `A-1` refuse.
fn refusals() -> Vec<Case> {
    let long = "x".repeat(201);
    let case = |verb, address, body: &str, status, reason| (verb, address, body.to_owned(), status, reason);
    let mut cases = vec![
        case("GET", "Group", "", 400, "Missing groupId"),
        case("GET", "Group?groupId=&groupName=", "", 400, "Missing groupId"),
        case("GET", "Group?groupId=1&groupName=All", "", 400, "Invalid groupId And groupName"),
        case("GET", "Group?groupId=x", "", 400, "Invalid groupId"),
        case("GET", "Group?groupId=-1", "", 400, "Invalid groupId"),
        case("GET", "Group?groupId=2147483648", "", 400, "Invalid groupId"),
        case("GET", "Group?groupId=1&GroupID=1", "", 400, "Duplicate GroupID"),
        case("GET", "Group?groupId=0", "", 404, "Group Not Found"),
        case("GET", "Group?groupId=99", "", 404, "Group Not Found"),
        case("GET", "Group?groupName=all", "", 404, "Group Not Found"),
        case("POST", "Group", r#"{"type":"standard"}"#, 400, "Missing groupName"),
        case("POST", "Group", r#"{"groupName":" ","type":"standard"}"#, 400, "Missing groupName"),
        case("POST", "Group", r#"{"groupName":" x","type":"standard"}"#, 400, "Invalid groupName"),
        case("POST", "Group", r#"{"groupName":"a\nb","type":"standard"}"#, 400, "Invalid groupName"),
        case("POST", "Group", r#"{"groupName":["x"],"type":"standard"}"#, 400, "Invalid groupName"),
        case("POST", "Group", r#"{"groupName":"x","GroupName":"y","type":"standard"}"#, 400, "Duplicate GroupName"),
        case("POST", "Group", r#"{"groupName":"x"}"#, 400, "Missing type"),
        case("POST", "Group", r#"{"groupName":"x","type":""}"#, 400, "Missing type"),
        case("POST", "Group", r#"{"groupName":"x","type":"sub"}"#, 400, "Invalid type"),
        case("POST", "Group", r#"{"groupName":"x","type":"standard","description":{}}"#, 400, "Invalid description"),
        case(
            "POST",
            "Group",
            r#"{"groupName":"x","type":"standard","masterGroupId":"a"}"#,
            400,
            "Invalid masterGroupId",
        ),
        case("POST", "Group", r#"{"groupName":"x","type":"standard","masterGroupId":99}"#, 404, "Group Not Found"),
        case("POST", "Group", r#"{"groupName":"x","type":"standard","masterGroupId":2}"#, 400, "Invalid masterGroupId"),
        case("POST", "Group", r#"{"groupName":"x","type":"master","masterGroupId":1}"#, 400, "Invalid masterGroupId"),
        case("POST", "Group", r#"{"groupName":"x","type":"standard","companyId":1.5}"#, 400, "Invalid companyId"),
        case("POST", "Group", r#"{"groupName":"x","type":"standard","companyId":99}"#, 404, "Company Not Found"),
        case("POST", "Group", r#"{"groupName":"All","type":"standard"}"#, 409, "Group Already Exists"),
        case("PUT", "Group", r#"{"groupName":"x"}"#, 400, "Missing groupId"),
        case("PUT", "Group", r#"{"groupId":"","groupName":"x"}"#, 400, "Invalid groupId"),
        case("PUT", "Group", r#"{"groupId":99,"groupName":"x"}"#, 404, "Group Not Found"),
        case("PUT", "Group", r#"{"groupId":0,"groupName":"x"}"#, 404, "Group Not Found"),
        case("PUT", "Group", r#"{"groupId":3,"groupName":""}"#, 400, "Invalid groupName"),
        case("PUT", "Group", r#"{"groupId":3,"groupName":"All"}"#, 409, "Group Already Exists"),
        case("PUT", "Group", r#"{"groupId":3,"type":"x"}"#, 400, "Invalid type"),
        case("PUT", "Group", r#"{"groupId":3,"masterGroupId":3}"#, 400, "Invalid masterGroupId"),
        case("PUT", "Group", r#"{"groupId":3,"masterGroupId":2}"#, 400, "Invalid masterGroupId"),
        case("PUT", "Group", r#"{"groupId":3,"masterGroupId":99}"#, 404, "Group Not Found"),
        case("PUT", "Group", r#"{"groupId":3,"companyId":99}"#, 404, "Company Not Found"),
        case("PUT", "Group", r#"{"groupId":1,"type":"standard"}"#, 409, "Group In Use"),
        case("PUT", "Group", r#"{"groupId":2,"type":"master"}"#, 400, "Invalid masterGroupId"),
        case("DELETE", "Group", "", 400, "Missing groupId"),
        case("DELETE", "Group?groupId=3&groupName=Lone", "", 400, "Invalid groupId And groupName"),
        case("DELETE", "Group?groupId=99", "", 404, "Group Not Found"),
        case("DELETE", "Group?groupName=lone", "", 404, "Group Not Found"),
        case("GET", "Groups?pageNumber=-1", "", 400, "Invalid pageNumber"),
        case("GET", "Groups?pageNumber=1&pageSize=0", "", 400, "Invalid pageSize"),
        case("GET", "Groups?pageNumber=1&pageSize=10001", "", 400, "Invalid pageSize"),
        case("GET", "GroupUser", "", 400, "Missing groupUserId"),
        case("GET", "GroupUser?groupUserId=1&userName=ada", "", 400, "Invalid groupUserId And userName"),
        case("GET", "GroupUser?groupUserId=a", "", 400, "Invalid groupUserId"),
        case("GET", "GroupUser?groupUserId=0", "", 404, "Group User Not Found"),
        case("GET", "GroupUser?userName=ADA", "", 404, "Group User Not Found"),
        case("DELETE", "GroupUser", "", 400, "Missing groupUserId"),
        case("DELETE", "GroupUser?groupUserId=ada", "", 400, "Invalid groupUserId"),
        case("DELETE", "GroupUser?groupUserId=99", "", 404, "Group User Not Found"),
        case("PUT", "GroupUser", r#"{"groupId":2}"#, 400, "Missing groupUserId"),
        case("PUT", "GroupUser", r#"{"groupUserId":1}"#, 400, "Missing groupId"),
        case("PUT", "GroupUser", r#"{"groupUserId":99,"groupId":2}"#, 404, "Group User Not Found"),
        case("PUT", "GroupUser", r#"{"groupUserId":1,"groupId":99}"#, 404, "Group Not Found"),
        case("PUT", "GroupUser", r#"{"groupUserId":1,"groupId":2,"userName":"eve"}"#, 409, "Group User Already Exists"),
        case("PUT", "GroupUser", r#"{"groupUserId":1,"groupId":2,"userName":""}"#, 400, "Invalid userName"),
        case("PUT", "GroupUser", r#"{"groupUserId":1,"groupId":2,"additionalData":[]}"#, 400, "Invalid additionalData"),
        case("PUT", "GroupUserPassword", r#"{"password":"eight123"}"#, 400, "Missing userName"),
        case("PUT", "GroupUserPassword", r#"{"userName":"ada"}"#, 400, "Missing password"),
        case("PUT", "GroupUserPassword", r#"{"userName":"ada","password":"seven77"}"#, 400, "Invalid password"),
        case("PUT", "GroupUserPassword", r#"{"userName":"ADA","password":"eight123"}"#, 404, "Group User Not Found"),
        case("GET", "AuthenticateUser?userName=ada", "", 400, "Missing password"),
        case("GET", "AuthenticateUser?userName=ada&password=", "", 400, "Missing password"),
        case("GET", "AuthenticateUser?password=eight123", "", 400, "Missing userName"),
        case("GET", "AuthenticateUser?userName=ada&password=eight124", "", 400, "Invalid Credentials"),
        case("GET", "GroupLicenseCode?productId=6872450105", "", 400, "Missing licenseCode"),
        case("GET", "GroupLicenseCode?licenseCode=A-1", "", 400, "Missing productId"),
        case("GET", "GroupLicenseCode?productId=6872450105&licenseCode=B-1", "", 404, "License Code Not Found"),
        case("GET", "GroupLicenseCode?productId=6872450105&licenseCode=A-2", "", 404, "Group License Code Not Found"),
        case("GET", "GroupLicenseCode?productId=1&licenseCode=A-1", "", 404, "Product Not Found"),
        case("DELETE", "GroupLicenseCode?productId=6872450105&licenseCode=A-1", "", 400, "Missing groupId"),
        case("DELETE", "GroupLicenseCode?groupId=2&productId=6872450105", "", 400, "Missing licenseCode"),
        case("DELETE", "GroupLicenseCode?groupId=99&productId=6872450105&licenseCode=A-1", "", 404, "Group Not Found"),
        case(
            "DELETE",
            "GroupLicenseCode?groupId=2&productId=6872450105&licenseCode=B",
            "",
            404,
            "License Code Not Found",
        ),
        case(
            "DELETE",
            "GroupLicenseCode?groupId=3&productId=6872450105&licenseCode=A-1",
            "",
            404,
            "Group License Code Not Found",
        ),
        case(
            "DELETE",
            "GroupLicenseCode?groupId=2&productId=6872450105&licenseCode=A-2",
            "",
            404,
            "Group License Code Not Found",
        ),
        ("POST", "Group", format!(r#"{{"groupName":"{long}","type":"standard"}}"#), 400, "Invalid groupName"),
        (
            "POST",
            "Group",
            format!(r#"{{"groupName":"x","type":"standard","description":"{}"}}"#, "x".repeat(2001)),
            400,
            "Invalid description",
        ),
    ];
    cases.extend(user_refusals(&long));
    cases.extend(code_refusals());
    cases
}

/// What neither `POST GroupUser` nor `POST GroupUserLicense` takes.
fn user_refusals(long: &str) -> Vec<Case> {
    let mut cases = vec![
        ("POST", "GroupUser", r#"{"userName":"x","password":"eight123"}"#.to_owned(), 400, "Missing groupId"),
        (
            "POST",
            "GroupUser",
            r#"{"groupId":99,"userName":"x","password":"eight123"}"#.to_owned(),
            404,
            "Group Not Found",
        ),
        (
            "POST",
            "GroupUserLicense",
            r#"{"groupName":"Lone","productId":"6872450105","licenseCode":"A-2","userName":"x","password":"eight123"}"#
                .to_owned(),
            409,
            "Group Already Exists",
        ),
        (
            "POST",
            "GroupUserLicense",
            r#"{"groupName":"New","productId":"6872450105","licenseCode":"A-1","userName":"x","password":"eight123"}"#
                .to_owned(),
            409,
            "License Code In Another Group",
        ),
        (
            "POST",
            "GroupUserLicense",
            r#"{"groupName":"New","productId":"6872450105","licenseCode":"B","userName":"x","password":"eight123"}"#
                .to_owned(),
            404,
            "License Code Not Found",
        ),
        (
            "POST",
            "GroupUserLicense",
            r#"{"productId":"6872450105","licenseCode":"A-2","userName":"x","password":"eight123"}"#.to_owned(),
            400,
            "Missing groupName",
        ),
    ];
    let base = [
        ("GroupUser", json!({"groupId": 2, "userName": "x", "password": "eight123"})),
        (
            "GroupUserLicense",
            json!({
                "groupName": "New", "productId": PRODUCT, "licenseCode": "A-2", "userName": "x", "password": "eight123",
            }),
        ),
    ];
    for (controller, good) in base {
        let bad = [
            ("userName", json!(""), 400, "Missing userName"),
            ("userName", json!(" x"), 400, "Invalid userName"),
            ("userName", json!(long), 400, "Invalid userName"),
            ("userName", json!({}), 400, "Invalid userName"),
            ("userName", json!("eve"), 409, "Group User Already Exists"),
            ("password", json!(null), 400, "Missing password"),
            ("password", json!("seven77"), 400, "Invalid password"),
            ("password", json!("x".repeat(129)), 400, "Invalid password"),
            ("firstName", json!(long), 400, "Invalid firstName"),
            ("lastName", json!("a\tb"), 400, "Invalid lastName"),
            ("email", json!([]), 400, "Invalid email"),
            ("telephone", json!(true), 400, "Invalid telephone"),
            ("additionalData", json!("{"), 400, "Invalid additionalData"),
        ];
        for (name, value, status, reason) in bad {
            let mut body = good.clone();
            body[name] = value;
            cases.push(("POST", controller, body.to_string(), status, reason));
        }
    }
    cases
}

/// What `POST GroupLicenseCode` does not take.
fn code_refusals() -> Vec<Case> {
    let bad = [
        ("groupId", json!(null), 400, "Missing groupId"),
        ("groupId", json!("x"), 400, "Invalid groupId"),
        ("groupId", json!(99), 404, "Group Not Found"),
        ("productId", json!(""), 400, "Missing productId"),
        ("productId", json!("1"), 404, "Product Not Found"),
        ("licenseCode", json!(null), 400, "Missing licenseCode"),
        ("licenseCode", json!("B"), 404, "License Code Not Found"),
        ("licenseCode", json!("A-1"), 409, "License Code In Another Group"),
        ("companyId", json!(-1), 400, "Invalid companyId"),
        ("companyId", json!(99), 404, "Company Not Found"),
        ("profileId", json!("p"), 400, "Invalid profileId"),
        ("profileId", json!(99), 404, "Profile Not Found"),
        // One of another product.
        ("profileId", json!(2), 404, "Profile Not Found"),
    ];
    let cases = bad.into_iter().map(|(name, value, status, reason)| {
        let mut body =
            json!({"groupId": 3, "productId": PRODUCT, "licenseCode": "A-2", "companyId": 1, "profileId": 0});
        body[name] = value;
        ("POST", "GroupLicenseCode", body.to_string(), status, reason)
    });
    cases.collect()
}
