//! Reports of seat days over HTTP.

use crate::bench::Site;
use http::Method;
use lessor_core::Timestamp;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// Moves the clock to a winter time in Prague.
fn at(site: &Site, text: &str) {
    let instant = Timestamp::parse(&format!("{text}:00+01:00")).expect("an instant");
    assert!(site.bench.clock.move_to(instant), "time does not go back");
}

on_both_engines! {
    the_worked_example_is_told_day_by_day(bench) {
        let site = Site::new(bench).await;
        let (product, customer) = (site.product("Paint").await, site.customer("C").await);
        let key = site.key_of(site.bench.root.id, None).await;
        let site = site.with_key(key);
        at(&site, "2026-03-01T10:00");
        let license = site.license(&product, "L-1").await;
        let change = async |change: Value| {
            site.patch(&format!("/v1/licenses/{license}"), &change).await.is(200);
        };
        change(json!({ "account": customer, "terms": { "activation_limit": 10 } })).await;
        at(&site, "2026-03-11T14:00");
        change(json!({ "terms": { "activation_limit": 15 } })).await;
        at(&site, "2026-03-21T09:00");
        let hold = json!({ "reach": "self", "cause": "unpaid" });
        site.post(&format!("/v1/accounts/{customer}/holds"), &hold).await.is(201);
        at(&site, "2026-04-03T09:00");

        let march = "from=2026-03-01&until=2026-03-31";
        let report = site.get(&format!("/v1/reports/seat-days?account={customer}&{march}&each=product,term")).await.is(200).body;
        let row = &report["items"][0];
        assert_eq!((report["items"].as_array().map(Vec::len), &report["next"]), (Some(1), &Value::Null));
        assert_eq!((&row["total"]["value"], &row["total"]["average"], &row["seats"]), (&json!(265), &Value::Null, &json!(0)));
        assert_eq!((&row["product"], &row["product_name"], &row["term"]), (&json!(product), &json!("Paint"), &json!("perpetual")));
        assert_eq!((&row["account"], &row["license"]), (&Value::Null, &Value::Null), "not told apart by these");
        let days = row["figures"].as_array().expect("days");
        assert_eq!(days.len(), 31);
        let day = |n: usize| (days[n]["from"].clone(), days[n]["until"].clone(), days[n]["value"].clone());
        assert_eq!(day(0), (json!("2026-03-01"), json!("2026-03-01"), json!(10)));
        assert_eq!((day(20).2, day(30).2), (json!(15), json!(0)));

        let part = site.get(&format!("/v1/reports/seat-days?license={license}&from=2026-03-01&until=2026-03-20&per=range")).await.is(200).body;
        let expected = json!([{ "from": "2026-03-01", "until": "2026-03-20", "days": 20, "value": 250, "average": null }]);
        assert_eq!((&part["items"][0]["figures"], &part["items"][0]["seats"]), (&expected, &json!(15)));
        let licenses = site.get(&format!("/v1/reports/seat-days?{march}&each=license,license")).await.is(200).body;
        assert_eq!((&licenses["items"][0]["license"], &licenses["items"][0]["total"]["value"]), (&json!(license), &json!(265)));

        let root = site.bench.root.id.to_string();
        let accounts = format!("/v1/reports/seat-days?account={root}&{march}&each=account&limit=1");
        let first = site.get(&accounts).await.is(200).body;
        assert_eq!((&first["items"][0]["account"], &first["items"][0]["figures"][30]["value"]), (&json!(root), &json!(0)));
        let next = first["next"].as_str().expect("a next page");
        let second = site.get(&format!("{accounts}&cursor={next}")).await.is(200).body;
        assert_eq!((&second["items"][0]["account_name"], &second["items"][0]["total"]["value"]), (&json!("C"), &json!(265)));
        assert_eq!(second["next"], Value::Null);

        let zone = site.get(&format!("/v1/reports/seat-days?account={customer}&{march}&time_zone=UTC&cutoff_minutes=0")).await;
        assert_eq!(zone.is(200).body["items"][0]["total"]["value"], json!(265));
    }

    a_table_of_seat_days_has_what_the_pages_have(bench) {
        let site = Site::new(bench).await;
        let product = site.product("=Paint").await;
        let customer = site.customer("C").await;
        let key = site.key_of(site.bench.root.id, None).await;
        let site = site.with_key(key);
        at(&site, "2026-03-01T10:00");
        let mut ids = Vec::new();
        for (n, term) in [("1", json!({ "term": "trial", "term_days": 2 })), ("2", json!({ "term": "perpetual" }))] {
            let license = site.license(&product, &format!("L-{n}")).await;
            let mut terms = term;
            terms["activation_limit"] = json!(3);
            site.patch(&format!("/v1/licenses/{license}"), &json!({ "account": customer, "terms": terms })).await.is(200);
            ids.push(license);
        }
        at(&site, "2026-04-03T09:00");
        let report = "/v1/reports/seat-days?from=2026-03-01&until=2026-03-31&per=month&each=account,product,term";
        let (status, kind, table) = site.call(Method::GET, &format!("{report}&format=csv")).text().await;
        assert_eq!((status, kind.as_str()), (200, "text/csv; charset=utf-8; header=present"));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[0],
            "meter,unit,account,account_name,license,product,product_name,category,category_name,feature,feature_code,term,key,\
             from,until,days,value,average,seats"
        );
        let line = |term: &str, value: i64, seats: i64| {
            format!("seat_days,seat days,{customer},C,,{product},\"'=Paint\",,,,,{term},,2026-03-01,2026-03-31,31,{value},,{seats}")
        };
        // A trial from the 1st to the 3rd, and a license for all of the month.
        assert_eq!(lines[1..], [line("perpetual", 93, 3), line("trial", 9, 0)]);
        let (_, kind, text) = site.call(Method::GET, &format!("{report}&format=ndjson")).text().await;
        assert_eq!(kind, "application/x-ndjson");
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let told: Vec<_> = rows.iter().map(|row| (row["term"].clone(), row["value"].clone(), row["product_name"].clone())).collect();
        assert_eq!(told, [(json!("perpetual"), json!(93), json!("=Paint")), (json!("trial"), json!(9), json!("=Paint"))]);
        let items = site.get(report).await.is(200).body["items"].clone();
        let items: Vec<_> = items.as_array().expect("items").iter().map(|row| (row["term"].clone(), row["total"]["value"].clone(), row["product_name"].clone())).collect();
        assert_eq!(items, told);
        let segments = site.get(&format!("/v1/licenses/{}/segments", ids[0])).await.is(200).body["items"].clone();
        let last = segments.as_array().expect("items").last().cloned().expect("a segment");
        assert_eq!((&last["term"], &last["ends_at"]), (&json!("trial"), &json!("2026-03-03T09:00:00Z")));
    }

    what_is_no_report_is_refused(bench) {
        let site = Site::new(bench).await;
        let customer = site.customer("C").await;
        let refused = async |query: &str, status: u16, code: &str| {
            for format in ["json", "csv"] {
                site.get(&format!("/v1/reports/seat-days?format={format}&{query}")).await.refused(status, code);
            }
        };
        let march = "from=2026-03-01&until=2026-03-31";
        refused(&format!("account={customer}&license=lic_1&{march}"), 422, "invalid_value").await;
        refused(&format!("account={customer}&from=2026-03-01"), 400, "invalid_request").await;
        refused(&format!("account={customer}&from=2026-03-01&until=2026-02-29"), 400, "invalid_request").await;
        refused(&format!("account={customer}&from=2026-03-02&until=2026-03-01"), 422, "invalid_value").await;
        refused(&format!("account={customer}&{march}&time_zone=Europe/Nowhere"), 422, "invalid_value").await;
        refused(&format!("account={customer}&{march}&cutoff_minutes=x"), 422, "invalid_value").await;
        refused(&format!("account={customer}&{march}&cutoff_minutes=1440"), 422, "out_of_range").await;
        refused(&format!("account={customer}&from=2024-03-01&until=2026-03-01"), 422, "invalid_value").await;
        refused(&format!("account={customer}&{march}&reach=all"), 400, "invalid_request").await;
        refused(&format!("account={customer}&{march}&each=day"), 400, "invalid_request").await;
        refused(&format!("account={customer}&{march}&each="), 400, "invalid_request").await;
        refused(&format!("account={customer}&{march}&each=key"), 422, "invalid_value").await;
        refused(&format!("account=acc_1&{march}"), 404, "account_unknown").await;
    }
}
