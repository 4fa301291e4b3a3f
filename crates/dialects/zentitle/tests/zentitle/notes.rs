//! Notes on codes.

use crate::shapes::assert_same;
use crate::world::{World, example};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

const PRODUCT: &str = "6872450105";
const CODE: &str = "27835001310249256";

async fn notes(world: &World) -> Value {
    world.get(&format!("LicenseNote?{}", example("GET-LicenseNote.query.txt").trim())).await.ok()
}

async fn code(world: &World) {
    world.example_product(PRODUCT).await;
    let codes = json!({"productId": PRODUCT, "licenseCodes": [CODE, "other"]});
    world.post("LicenseCode", &codes.to_string()).await.ok();
}

fn body(members: &str) -> String {
    format!(r#"{{"productId":"{PRODUCT}","licenseCode":"{CODE}"{members}}}"#)
}

on_both_engines! {
    notes_are_written_changed_read_and_deleted_with_the_documented_requests(bench) {
        let world = World::new(&bench).await;
        code(&world).await;
        assert_eq!(notes(&world).await, json!([]));
        for number in 1..=10 {
            let made = world.post("LicenseNote", &example("POST-LicenseNote.request.json")).await.made();
            assert_eq!(made, number.to_string());
        }
        let before = world.get(&format!("LicenseCode?licenseCode={CODE}&getNotes=1")).await.ok();
        bench.pass_hours(1);
        let changed = world.put("LicenseNote", &example("PUT-LicenseNote.request.json")).await.ok();
        assert_eq!(changed, "License Note Updated Successfully");
        let all = notes(&world).await;
        assert_same(&all, &serde_json::from_str(&example("GET-LicenseNote.answer.json")).expect("an example"), &[]);
        let expected = json!({
            "noteId": 10, "type": "General", "created": "2026-01-01T00:00:00Z", "createdBy": "", "description": "General note updated",
        });
        assert_eq!(all[9], expected);
        assert_eq!(all[8]["description"], "General note");
        // A note is about a code, it does not change it.
        let shown = world.get(&format!("LicenseCode?licenseCode={CODE}&getNotes=1")).await.ok();
        assert_eq!((&shown[0]["notes"], &shown[0]["modified"]), (&all, &before[0]["modified"]));

        let one = example("DELETE-LicenseNote.query.txt");
        assert_eq!(world.delete(&format!("licensenote?{}", one.trim())).await.ok(), "License Note Deleted Successfully");
        assert_eq!(notes(&world).await.as_array().map(Vec::len), Some(9));
        // A number is not given twice, and all notes of a code go together.
        assert_eq!(world.post("LicenseNote", &example("POST-LicenseNote.request.json")).await.made(), "11");
        let other = body(r#","type":"system","description":"stays""#).replace(CODE, "other");
        assert_eq!(world.post("LicenseNote", &other).await.made(), "12");
        world.delete(&format!("LicenseNote?productId={PRODUCT}&licenseCode={CODE}")).await.ok();
        assert_eq!(notes(&world).await, json!([]));
        let left = world.get(&format!("LicenseNote?productId={PRODUCT}&licenseCode=other")).await.ok();
        assert_eq!((&left[0]["noteId"], &left[0]["type"]), (&json!(12), &json!("System")));
        assert_eq!(world.delete(&format!("LicenseNote?productId={PRODUCT}&licenseCode={CODE}")).await.status, 200);
    }

    notes_that_do_not_fit_change_nothing(bench) {
        let world = World::new(&bench).await;
        code(&world).await;
        world.post("LicenseNote", &body(r#","type":"general","description":"note""#)).await.made();
        let before = notes(&world).await;
        let long = "x".repeat(4001);
        let posts = [
            (String::new(), (400, "Missing productId")),
            (body("").replace(r#""licenseCode""#, r#""code""#), (400, "Missing licenseCode")),
            (body(r#","description":"n""#), (400, "Missing type")),
            (body(r#","type":"","description":"n""#), (400, "Missing type")),
            (body(r#","type":"deleteall","description":"n""#), (400, "Invalid type")),
            (body(r#","type":["general"],"description":"n""#), (400, "Invalid type")),
            (body(r#","type":"general""#), (400, "Missing description")),
            (body(r#","type":"general","description":"""#), (400, "Missing description")),
            (body(r#","type":"general","description":{}"#), (400, "Invalid description")),
            (body(r#","type":"general","description":"a\u0000b""#), (400, "Incorrect Data")),
            (body(&format!(r#","type":"general","description":"{long}""#)), (400, "Invalid description")),
            (body(r#","type":"general","Type":"system","description":"n""#), (400, "Duplicate Type")),
            (body(r#","type":"general","description":"n""#).replace(CODE, "none"), (404, "License Code Not Found")),
            (body(r#","type":"general","description":"n""#).replace(PRODUCT, "1"), (404, "Product Not Found")),
        ];
        for (body, (status, reason)) in posts {
            assert_eq!(world.post("LicenseNote", &body).await.refused(), (status, reason.to_owned()), "{body:.200}");
        }
        let puts = [
            (body(""), (400, "Missing noteId")),
            (body(r#","noteId":"""#), (400, "Invalid noteId")),
            (body(r#","noteId":1.5"#), (400, "Invalid noteId")),
            (body(r#","noteId":2147483648"#), (400, "Invalid noteId")),
            (body(r#","noteId":2"#), (404, "Note Not Found")),
            (body(r#","noteId":1,"description":" ""#), (400, "Invalid description")),
            (body(r#","noteId":1,"type":"system","description":false"#), (400, "Invalid description")),
            (body(r#","noteId":1,"type":"none","description":"n""#), (400, "Invalid type")),
            (body(r#","noteId":1,"description":"n""#).replace(CODE, "other"), (404, "Note Not Found")),
            (body(r#","noteId":1,"description":"n""#).replace(CODE, "none"), (404, "License Code Not Found")),
        ];
        for (body, (status, reason)) in puts {
            assert_eq!(world.put("LicenseNote", &body).await.refused(), (status, reason.to_owned()), "{body:.200}");
        }
        let deletes = [
            ("licenseCode=x".to_owned(), (400, "Missing productId")),
            (format!("productId={PRODUCT}&licenseCode="), (400, "Missing licenseCode")),
            (format!("productId={PRODUCT}&licenseCode={CODE}&noteId=all"), (400, "Invalid noteId")),
            (format!("productId={PRODUCT}&licenseCode={CODE}&noteId=2"), (404, "Note Not Found")),
            (format!("productId={PRODUCT}&licenseCode=other&noteId=1"), (404, "Note Not Found")),
            (format!("productId={PRODUCT}&licenseCode=none"), (404, "License Code Not Found")),
        ];
        for (query, (status, reason)) in deletes {
            let answer = world.delete(&format!("LicenseNote?{query}")).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{query}");
        }
        let foreign = World::other(&bench).await;
        let query = format!("LicenseNote?productId={PRODUCT}&licenseCode={CODE}");
        assert_eq!(foreign.get(&query).await.refused().0, 404);
        assert_eq!(foreign.delete(&query).await.refused().0, 404);
        assert_eq!(foreign.post("LicenseNote", &body(r#","type":"general","description":"n""#)).await.refused().0, 404);
        assert_eq!(foreign.put("LicenseNote", &body(r#","noteId":1,"description":"n""#)).await.refused().0, 404);
        assert_eq!(notes(&world).await, before);
        // A change of nothing is one.
        world.put("LicenseNote", &body(r#","noteId":"1","description":null"#)).await.ok();
        assert_eq!(notes(&world).await, before);
    }

    notes_written_at_once_have_numbers_of_their_own(bench) {
        let world = std::sync::Arc::new(World::new(&bench).await);
        code(&world).await;
        let tasks: Vec<_> = (0..24)
            .map(|n| {
                let world = std::sync::Arc::clone(&world);
                tokio::spawn(async move {
                    let code = if n % 2 == 0 { CODE } else { "other" };
                    let body = body(r#","type":"general","description":"n""#).replace(CODE, code);
                    world.post("LicenseNote", &body).await.made().parse::<i64>().expect("a number")
                })
            })
            .collect();
        let mut numbers = Vec::new();
        for task in tasks {
            numbers.push(task.await.expect("a note"));
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
        assert_eq!(notes(&world).await.as_array().map(Vec::len), Some(12));
    }
}
