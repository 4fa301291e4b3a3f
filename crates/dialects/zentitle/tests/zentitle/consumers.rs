//! Who uses a product on which computer.

use crate::shapes::assert_same;
use crate::world::{World, example};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

const PRODUCT: &str = "6872450105";

async fn get(world: &World, query: &str) -> Value {
    world.get(&format!("ConsumerData?productId={PRODUCT}&{query}")).await.ok()
}

async fn post(world: &World, computer: &str, code: &str, name: &str) {
    let body =
        json!({"productId": PRODUCT, "computerId": computer, "licenseCode": code, "clientInfo": {"firstname": name}});
    assert_eq!(world.post("ConsumerData", &body.to_string()).await.ok(), "Consumer Data Created Successfully");
}

/// The first names of a page, in its order.
async fn names(world: &World, query: &str) -> Vec<String> {
    let page = get(world, query).await;
    page.as_array().expect("a page").iter().map(|row| row["firstName"].as_str().expect("a name").to_owned()).collect()
}

on_both_engines! {
    a_record_is_kept_with_the_documented_request_and_read_back(bench) {
        let world = World::new(&bench).await;
        world.example_product(PRODUCT).await;
        assert_eq!(world.post("ConsumerData", &example("POST-ConsumerData.request.json")).await.ok(), "Consumer Data Created Successfully");
        let page = get(&world, "pageNumber=1").await;
        assert_same(&page, &serde_json::from_str(&example("GET-ConsumerData.answer.json")).expect("an example"), &[]);
        assert_eq!(page, json!([{
            "productId": PRODUCT,
            "computerId": "BLXRrZJJEei4K7qPrJSL",
            "licenseCode": "3274861020157066211",
            "firstName": "John",
            "lastName": "Doe",
            "company": "SuperStyle LLC",
            "email": "john@supersytle.com",
            "clientInfo": r#"{"firstname":"John","lastname":"Doe","company":"SuperStyle LLC","email":"john@supersytle.com","country":"United Kingdom"}"#,
            "created": "2026-01-01T00:00:00Z",
        }]));
        let documented = example("GET-ConsumerData.query.txt");
        assert_eq!(world.get(&format!("consumerdata?{}", documented.trim())).await.ok(), json!([]));
        // What a computer tells itself is a record as well.
        let product = world.example_product("6453300110").await;
        let trial = world.activate(product, None, "oLh+T3o+A39g5Sz/8Ug8").await.expect("a trial");
        world.on_device(move |tx, cx| lessor_core::device::report_consumer(tx, cx, &trial, &json!({"First_Name": "Eva"}))).await;
        let told = world.get("ConsumerData?productId=6453300110&computerId=oLh+T3o+A39g5Sz/8Ug8&type=trials&pageNumber=1").await.ok();
        assert_eq!((&told[0]["firstName"], &told[0]["licenseCode"]), (&json!("Eva"), &json!("")));
        assert_eq!(told[0]["clientInfo"], r#"{"First_Name":"Eva"}"#);
    }

    filters_combine_and_the_last_record_is_the_last_of_what_they_leave(bench) {
        let world = World::new(&bench).await;
        world.example_product(PRODUCT).await;
        for (computer, code, name) in [
            ("PC-1", "", "a"), ("PC-1", "C-1", "b"), ("PC-2", "C-1", "c"), ("PC-1", "C-1", "d"), ("PC-1", "", "e"), ("PC-3", "C-2", "f"),
        ] {
            post(&world, computer, code, name).await;
            bench.pass_hours(24);
        }
        let cases = [
            ("justLast=false", "abcdef"),
            ("", "cdef"),
            ("justLast=true&type=all", "cdef"),
            ("type=trials", "e"),
            ("type=trials&justLast=false", "ae"),
            ("type=activations", "cdf"),
            ("type=activations&justLast=false", "bcdf"),
            ("computerId=PC-1", "de"),
            ("computerId=PC-1&justLast=false", "abde"),
            ("computerId=PC-1&type=trials", "e"),
            ("computerId=PC-1&type=activations&justLast=false", "bd"),
            ("computerId=pc-1", ""),
            // Both ends are included.
            ("startDate=2026-01-02&endDate=2026-01-04&justLast=false", "bcd"),
            ("startDate=2026-01-02&endDate=2026-01-03", "bc"),
            ("startDate=2026-01-02T00:00:00.001Z&justLast=false", "cdef"),
            ("endDate=2026-01-02T23:59:59.999&justLast=false", "ab"),
            ("endDate=2026-01-02", "ab"),
            ("endDate=2025-12-31", ""),
            ("endDate=1970-01-01", ""),
            ("startDate=1970-01-01&endDate=9999-12-30", "cdef"),
            ("startDate=2026-01-05&endDate=2026-01-01", ""),
            ("startDate=2026-01-05&computerId=PC-1", "e"),
        ];
        for (query, expected) in cases {
            assert_eq!(names(&world, &format!("{query}&pageNumber=1")).await.concat(), expected, "{query}");
            assert_eq!(get(&world, query).await, json!([{"count": expected.len()}]), "{query}");
        }
    }

    pages_follow_one_another_and_end(bench) {
        let world = World::new(&bench).await;
        world.example_product(PRODUCT).await;
        let number = |n: usize| format!("n{n}");
        for n in 0..25 {
            post(&world, &format!("PC-{n}"), if n % 3 == 0 { "" } else { "C-1" }, &number(n)).await;
        }
        let mut all = Vec::new();
        for page in 1..=4 {
            all.extend(names(&world, &format!("pageNumber={page}&pageSize=7")).await);
        }
        assert_eq!(all, (0..25).map(number).collect::<Vec<_>>());
        assert_eq!(get(&world, "pageNumber=5&pageSize=7").await, json!([]));
        assert_eq!(get(&world, "pageNumber=2147483647").await, json!([]));
        assert_eq!(names(&world, "pageNumber=2&pageSize=3&type=trials").await, ["n9", "n12", "n15"]);
        // A size says nothing without a page.
        assert_eq!(get(&world, "pageSize=3").await, json!([{"count": 25}]));
        assert_eq!(get(&world, "pageNumber=0&type=trials").await, json!([{"count": 9}]));
    }

    a_page_of_many_records_holds_each_of_them_once(bench) {
        let world = World::new(&bench).await;
        let product = world.example_product(PRODUCT).await;
        const MANY: usize = 2_345;
        let made = bench.write(move |tx, cx| {
            for n in 0..MANY {
                let record = lessor_core::device::NewConsumerRecord {
                    product,
                    fingerprint: format!("PC-{n}"),
                    license_code: "C-1".into(),
                    document: json!({"firstname": n.to_string()}),
                };
                lessor_core::device::add_consumer_record(tx, cx, &record)?;
            }
            Ok(())
        });
        made.await.expect("records");
        let expected: Vec<_> = (0..MANY).map(|n| n.to_string()).collect();
        assert_eq!(names(&world, "pageNumber=1").await, expected);
        assert_eq!(names(&world, "pageNumber=2&pageSize=1200").await, expected[1200..]);
    }

    records_that_do_not_fit_are_not_kept(bench) {
        let world = World::new(&bench).await;
        world.example_product(PRODUCT).await;
        let body = |computer: &str, info: &str| {
            format!(r#"{{"productId":"{PRODUCT}","computerId":{computer},"clientInfo":{info},"licenseCode":"C-1"}}"#)
        };
        let good = body(r#""PC-1""#, "{}");
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(16 * 1024));
        let posts = [
            (String::new(), (400, "Missing productId")),
            (body("null", "{}"), (400, "Missing computerId")),
            (body(r#""""#, "{}"), (400, "Missing computerId")),
            (body(r#""a b""#, "{}"), (400, "Invalid computerId")),
            (body(r#""ü""#, "{}"), (400, "Invalid computerId")),
            (body("[]", "{}"), (400, "Invalid computerId")),
            (body(&format!(r#""{}""#, "x".repeat(65)), "{}"), (400, "Invalid computerId")),
            (body(r#""PC-1""#, "null"), (400, "Missing clientInfo")),
            (body(r#""PC-1""#, "[]"), (400, "Invalid clientInfo")),
            (body(r#""PC-1""#, "1"), (400, "Invalid clientInfo")),
            (body(r#""PC-1""#, r#""text""#), (400, "Invalid clientInfo")),
            (body(r#""PC-1""#, &long), (400, "Invalid clientInfo")),
            (good.replace(r#""C-1""#, &format!(r#""{}""#, "x".repeat(65))), (400, "Invalid licenseCode")),
            (good.replace(r#""C-1""#, r#""a\nb""#), (400, "Invalid licenseCode")),
            (good.replace(r#""C-1""#, "true"), (400, "Invalid licenseCode")),
            (good.replace(r#""licenseCode""#, r#""COMPUTERID""#), (400, "Duplicate COMPUTERID")),
            (good.replace(PRODUCT, "1"), (404, "Product Not Found")),
        ];
        for (body, (status, reason)) in posts {
            assert_eq!(world.post("ConsumerData", &body).await.refused(), (status, reason.to_owned()), "{body:.200}");
        }
        assert_eq!(get(&world, "justLast=false").await, json!([{"count": 0}]));
        let gets = [
            ("justLast=1", "Invalid justLast"),
            ("type=trial", "Invalid type"),
            ("pageNumber=x", "Invalid pageNumber"),
            ("pageNumber=2147483648", "Invalid pageNumber"),
            ("pageNumber=1&pageSize=0", "Invalid pageSize"),
            ("pageNumber=1&pageSize=10001", "Invalid pageSize"),
            ("startDate=2026-13-01", "Invalid startDate"),
            ("endDate=soon", "Invalid endDate"),
            ("PRODUCTID=1", "Duplicate PRODUCTID"),
        ];
        for (query, reason) in gets {
            let answer = world.get(&format!("ConsumerData?productId={PRODUCT}&{query}")).await;
            assert_eq!(answer.refused(), (400, reason.to_owned()), "{query}");
        }
        // What is left empty is left out.
        assert_eq!(get(&world, "computerId=&type=&justLast=&startDate=&pageNumber=").await, json!([{"count": 0}]));
        let foreign = World::other(&bench).await;
        assert_eq!(foreign.post("ConsumerData", &good).await.refused(), (404, "Product Not Found".into()));
        let address = format!("ConsumerData?productId={PRODUCT}");
        assert_eq!(foreign.get(&address).await.refused(), (404, "Product Not Found".into()));
        assert_eq!(foreign.get(&format!("{address}&pageNumber=1")).await.refused().0, 404);
        assert_eq!(get(&world, "justLast=false").await, json!([{"count": 0}]));
    }
}
