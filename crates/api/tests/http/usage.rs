//! Meters, the inlet of usage, and its reports over the native API.

use crate::bench::{Answer, Site};
use http::Method;
use lessor_core::account::Kind;
use lessor_core::identity::Right;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

async fn meter(site: &Site, name: &str, aggregation: &str) -> Value {
    site.post("/v1/meters", &json!({ "name": name, "aggregation": aggregation, "unit": "things" })).await.is(201).body
}

fn record(account: &str, id: &str, value: i64) -> Value {
    json!({ "id": id, "source": "agent-7", "time": "2026-01-01T00:00:00Z", "account": account, "meter": "calls", "value": value })
}

fn outcomes(answer: &Answer) -> Vec<&str> {
    let results = answer.body["results"].as_array().expect("results").iter();
    results.map(|result| result["outcome"].as_str().expect("an outcome")).collect()
}

async fn raw(site: &Site, kind: &str, body: &str) -> Answer {
    site.call(Method::POST, "/v1/usage").raw(kind, body).send().await
}

on_both_engines! {
    a_meter_is_made_shown_and_listed(bench) {
        let site = Site::new(bench).await;
        let new = json!({
            "name": "endpoints", "aggregation": "distinct", "unit": "endpoints", "time_zone": "Europe/Prague", "cutoff_minutes": 30,
            "key_attribute": "services",
        });
        let made = site.post("/v1/meters", &new).await.is(201);
        for (member, value) in new.as_object().expect("members") {
            assert_eq!(&made.body[member], value, "{member}");
        }
        assert_eq!((&made.body["level_rule"], made.text("vendor")), (&Value::Null, site.bench.root.id.to_string()));
        let path = format!("/v1/meters/{}", made.text("id"));
        assert_eq!(made.header("location"), path);
        assert_eq!(site.get(&path).await.is(200).body, made.body);
        assert_eq!(site.get("/v1/meters").await.is(200).body["items"], json!([made.body]));
        let level = site.post("/v1/meters", &json!({ "name": "users", "aggregation": "level", "level_rule": "last" })).await.is(201).body;
        assert_eq!((&level["level_rule"], &level["time_zone"], &level["cutoff_minutes"]), (&json!("last"), &json!("UTC"), &json!(0)));
        for (new, status, code) in [
            (json!({ "name": "users", "aggregation": "sum" }), 409, "taken"),
            (json!({ "name": "Users", "aggregation": "sum" }), 422, "invalid_value"),
            (json!({ "name": "a", "aggregation": "median" }), 400, "invalid_request"),
            (json!({ "name": "a" }), 400, "invalid_request"),
            (json!({ "name": "a", "aggregation": "sum", "time_zone": "Mars" }), 422, "invalid_value"),
            (json!({ "name": "a", "aggregation": "sum", "cutoff_minutes": 1440 }), 422, "out_of_range"),
            (json!({ "name": "a", "aggregation": "sum", "vendor": "acc_1" }), 404, "account_unknown"),
        ] {
            site.post("/v1/meters", &new).await.refused(status, code);
        }
        site.get("/v1/meters/calls").await.refused(404, "meter_unknown");
        let reader = site.with_key(site.key_of(site.bench.root.id, Some(vec![Right::USAGE_READ])).await);
        reader.get("/v1/meters").await.is(200);
        reader.post("/v1/meters", &json!({ "name": "a", "aggregation": "sum" })).await.refused(403, "forbidden");
        let other = site.with_key(site.key_of(site.bench.root.id, Some(vec![Right::ACCOUNTS_READ])).await);
        other.get("/v1/meters").await.refused(403, "forbidden");
    }

    records_come_as_an_object_a_list_lines_or_alone(bench) {
        let site = Site::new(bench).await;
        meter(&site, "calls", "sum").await;
        let customer = site.customer("C").await;
        let done = site.post("/v1/usage", &json!({ "records": [record(&customer, "r-1", 5)] })).await.is(200);
        assert_eq!(done.body, json!({ "counted": 1, "duplicates": 0, "rejected": 0, "results": [{ "id": "r-1", "outcome": "counted" }] }));
        let list = site.post("/v1/usage", &json!([record(&customer, "r-1", 5), record(&customer, "r-2", 6)])).await.is(200);
        assert_eq!(outcomes(&list), ["duplicate", "counted"]);
        assert_eq!(outcomes(&site.post("/v1/usage", &record(&customer, "r-3", 7)).await.is(200)), ["counted"]);
        let lines = format!("{}\n\n{}\r\n", record(&customer, "r-3", 7), record(&customer, "r-4", 8));
        assert_eq!(outcomes(&raw(&site, "application/x-ndjson", &lines).await.is(200)), ["duplicate", "counted"]);
        let shown = site.get("/v1/reports/usage?meter=calls&from=2025-12-31&until=2026-01-02&reach=branch").await.is(200).body;
        let row = &shown["items"][0];
        assert_eq!((&row["total"]["value"], &row["total"]["days"], &row["total"]["average"]), (&json!(26), &json!(2), &Value::Null));
        let values: Vec<_> = row["figures"].as_array().expect("figures").iter().map(|figure| figure["value"].clone()).collect();
        assert_eq!(values, [0, 26, 0]);
        assert_eq!((&row["figures"][1]["from"], &row["figures"][1]["until"]), (&json!("2026-01-01"), &json!("2026-01-01")));
    }

    events_of_the_cloud_are_records(bench) {
        let site = Site::new(bench).await;
        meter(&site, "calls", "sum").await;
        let customer = site.customer("C").await;
        let event = |id: &str| json!({
            "specversion": "1.0", "id": id, "source": "/agents/7", "time": "2026-01-01T00:00:00Z", "type": "calls", "subject": "s",
            "datacontenttype": "application/json", "traceparent": "00-1", "data": { "account": customer, "value": 3.0, "attributes": { "a": 1 } },
        });
        assert_eq!(outcomes(&raw(&site, "application/cloudevents+json", &event("1").to_string()).await.is(200)), ["counted"]);
        let batch = json!([event("1"), event("2")]).to_string();
        assert_eq!(outcomes(&raw(&site, "application/cloudevents-batch+json; charset=utf-8", &batch).await.is(200)), ["duplicate", "counted"]);
        assert_eq!(outcomes(&site.post("/v1/usage", &json!({ "records": [event("3")] })).await.is(200)), ["counted"]);
        let mut broken = event("4");
        broken["data"] = json!("text");
        let mut twice = event("5");
        twice["value"] = json!(3);
        let mut strange = event("6");
        strange["data"]["colour"] = json!("red");
        let done = site.post("/v1/usage", &json!([broken, twice, strange])).await.is(200);
        assert_eq!(outcomes(&done), ["rejected"; 3]);
    }

    a_record_that_cannot_be_read_is_rejected_alone(bench) {
        let site = Site::new(bench).await;
        meter(&site, "calls", "sum").await;
        let customer = site.customer("C").await;
        let with = |member: &str, value: Value| {
            let mut changed = record(&customer, "x", 1);
            changed[member] = value;
            changed
        };
        let mut without_time = record(&customer, "x", 1);
        without_time.as_object_mut().expect("members").remove("time");
        let wrong = [
            (json!(7), "invalid_request"),
            (json!({}), "invalid_request"),
            (without_time, "invalid_request"),
            (with("time", json!("yesterday")), "invalid_request"),
            (with("value", json!("5")), "invalid_request"),
            (with("value", json!(1.5)), "invalid_request"),
            (with("value", Value::Null), "invalid_request"),
            (with("value", json!(1e30)), "invalid_request"),
            (with("value", json!(-1)), "invalid_value"),
            (with("id", json!(7)), "invalid_request"),
            (with("attributes", json!([])), "invalid_request"),
            (with("colour", json!("red")), "invalid_request"),
            (with("meter", json!("other")), "meter_unknown"),
            (with("account", json!("acc_1")), "account_unknown"),
            (with("account", Value::Null), "value_missing"),
            (with("license", json!("lic_1")), "license_unknown"),
        ];
        let mut records: Vec<Value> = wrong.iter().map(|(record, _)| record.clone()).collect();
        records.push(record(&customer, "x", 1));
        let done = site.post("/v1/usage", &json!({ "records": records })).await.is(200);
        for (at, (record, code)) in wrong.iter().enumerate() {
            let result = &done.body["results"][at];
            assert_eq!((&result["outcome"], &result["reason"]["code"]), (&json!("rejected"), &json!(code)), "{record}: {result}");
            assert!(result["reason"]["detail"].as_str().is_some_and(|text| text.len() > 5), "{result}");
        }
        assert_eq!((&done.body["counted"], &done.body["rejected"]), (&json!(1), &json!(wrong.len())));
    }

    what_is_no_list_of_records_is_refused_whole(bench) {
        let site = Site::new(bench).await;
        meter(&site, "calls", "sum").await;
        let customer = site.customer("C").await;
        site.post("/v1/usage", &json!({})).await.refused(400, "invalid_request");
        site.post("/v1/usage", &json!({ "records": 7 })).await.refused(400, "invalid_request");
        site.post("/v1/usage", &json!({ "records": [], "more": 1 })).await.refused(400, "invalid_request");
        site.post("/v1/usage", &json!([])).await.refused(422, "out_of_range");
        site.post("/v1/usage", &json!("text")).await.refused(400, "invalid_request");
        raw(&site, "application/json", "[{").await.refused(400, "invalid_json");
        raw(&site, "application/json", "[{\"id\":\"1\",\"id\":\"2\"}]").await.refused(400, "invalid_json");
        raw(&site, "application/x-ndjson", "{\"id\":\"1\"\n\"source\":\"2\"}").await.refused(400, "invalid_json");
        raw(&site, "text/csv", "id\n1").await.refused(415, "unsupported_media_type");
        let one = json!([record(&customer, "1", 1)]);
        let reader = site.with_key(site.key_of(site.bench.root.id, Some(vec![Right::USAGE_READ])).await);
        reader.post("/v1/usage", &one).await.refused(403, "forbidden");
        reader.post("/v1/usage", &json!([{ "id": "unreadable" }])).await.refused(403, "forbidden");
        let rehearsed = site.post("/v1/usage?dry_run=true", &one).await.is(200);
        assert_eq!((outcomes(&rehearsed), rehearsed.header("lessor-dry-run")), (vec!["counted"], "true"));
        assert_eq!(outcomes(&site.post("/v1/usage", &one).await.is(200)), ["counted"]);
    }

    ten_thousand_records_fit_and_one_more_does_not(bench) {
        let site = Site::new(bench).await;
        meter(&site, "calls", "sum").await;
        let customer = site.customer("C").await;
        let full = |n: usize| {
            let mut record = record(&customer, &format!("01890a5d-3c2b-7e1f-8a4b-{n:012}"), 1);
            record["attributes"] = json!({ "services": ["backup", "patch", "hyperDetect"], "host": "workstation-17.example.com" });
            record["subject"] = json!("e".repeat(100));
            record["source"] = json!("s".repeat(100));
            record
        };
        let mut records: Vec<Value> = (0..10_000).map(full).collect();
        let done = site.post("/v1/usage", &json!({ "records": records })).await.is(200);
        assert_eq!(done.body["counted"], 10_000);
        records.push(full(10_000));
        site.post("/v1/usage", &json!({ "records": records })).await.refused(422, "out_of_range");
        let shown = site.get("/v1/reports/usage?meter=calls&from=2026-01-01&until=2026-01-31&per=month").await.is(200);
        assert_eq!(shown.body["items"][0]["total"]["value"], 10_000);
    }

    a_figure_opens_to_its_records(bench) {
        let site = Site::new(bench).await;
        meter(&site, "calls", "sum").await;
        let customer = site.customer("C").await;
        let mut full = record(&customer, "r-2", -3);
        full["corrects"] = json!("r-1");
        full["subject"] = json!("s");
        full["attributes"] = json!({ "host": "h" });
        let mut later = record(&customer, "r-3", 9);
        later["time"] = json!("2026-01-02T00:00:00Z");
        site.bench.pass_hours(24);
        site.post("/v1/usage", &json!([record(&customer, "r-1", 5), full, later])).await.is(200);
        let path = format!("/v1/usage-records?meter=calls&account={customer}&day=2026-01-01");
        let first = site.get(&format!("{path}&limit=1")).await.is(200);
        assert_eq!(first.body["items"][0]["source_id"], "r-1");
        let rest = site.get(&format!("{path}&cursor={}", first.text("next"))).await.is(200).body;
        let mut shown = rest["items"][0].clone();
        assert!(shown["id"].as_str().is_some_and(|id| id.starts_with("use_")));
        shown["id"] = Value::Null;
        let expected = json!({
            "id": null, "source": "agent-7", "source_id": "r-2", "time": "2026-01-01T00:00:00Z", "license": null, "subject": "s",
            "value": -3, "attributes": { "host": "h" }, "corrects": "r-1", "received_at": "2026-01-02T00:00:00Z",
        });
        assert_eq!((shown, rest["items"].as_array().map(Vec::len), &rest["next"]), (expected, Some(1), &Value::Null));
        assert_eq!(site.get("/v1/usage-records?meter=calls&day=2026-01-01").await.is(200).body["items"], json!([]));
        site.get("/v1/usage-records?meter=calls&day=today").await.refused(400, "invalid_request");
    }

    a_report_is_told_apart_page_by_page_and_averages_levels(bench) {
        let site = Site::new(bench).await;
        site.post("/v1/meters", &json!({ "name": "users", "aggregation": "level" })).await.is(201);
        let partner = site.bench.account(site.bench.root.id, Kind::Partner, "P").await.id;
        let mut records = Vec::new();
        for name in ["A", "B"] {
            let customer = site.bench.account(partner, Kind::Customer, name).await.id.to_string();
            records.push(json!({ "id": name, "source": "s", "time": "2025-12-22T10:00:00Z", "account": customer, "meter": "users", "value": 5 }));
        }
        site.post("/v1/usage", &json!(records)).await.is(200);
        let december = format!("/v1/reports/usage?meter=users&account={partner}&from=2025-12-01&until=2025-12-31&per=month");
        let all = site.get(&december).await.is(200).body;
        let figure = json!({ "from": "2025-12-01", "until": "2025-12-31", "days": 31, "value": 100, "average": "3.22581" });
        assert_eq!(all["items"][0]["figures"], json!([figure]));
        let first = site.get(&format!("{december}&each=account&limit=2")).await.is(200);
        let rest = site.get(&format!("{december}&each=account&limit=2&cursor={}", first.text("next"))).await.is(200).body;
        let names = |page: &Value| page["items"].as_array().expect("items").iter().map(|row| (row["account_name"].clone(), row["total"]["value"].clone())).collect::<Vec<_>>();
        assert_eq!(names(&first.body), [(json!("P"), json!(0)), (json!("A"), json!(50))]);
        assert_eq!((names(&rest), &rest["next"]), (vec![(json!("B"), json!(50))], &Value::Null));
        let own = site.get(&format!("{december}&reach=self")).await.is(200).body;
        assert_eq!(own["items"][0]["total"]["value"], 0);
        for (query, status, code) in [
            ("meter=users&from=2026-01-02&until=2026-01-01", 422, "invalid_value"),
            ("meter=users&from=2024-01-02&until=2026-01-01", 422, "invalid_value"),
            ("meter=users&from=2026-01-02", 400, "invalid_request"),
            ("meter=users&from=2026-02-30&until=2026-03-01", 400, "invalid_request"),
            ("from=2026-01-01&until=2026-01-01", 400, "invalid_request"),
            ("meter=users&from=2026-01-01&until=2026-01-01&per=week", 400, "invalid_request"),
            ("meter=users&from=2026-01-01&until=2026-01-01&format=xml", 400, "invalid_request"),
            ("meter=other&from=2026-01-01&until=2026-01-01", 404, "meter_unknown"),
            ("meter=other&from=2026-01-01&until=2026-01-01&format=csv", 404, "meter_unknown"),
            ("meter=users&from=2026-01-01&until=2026-01-01&account=acc_1", 404, "account_unknown"),
        ] {
            site.get(&format!("/v1/reports/usage?{query}")).await.refused(status, code);
        }
        let seats = meter(&site, "seats", "seat_days").await;
        let path = format!("/v1/reports/usage?meter={}&from=2026-01-01&until=2026-01-01", seats["id"].as_str().expect("an id"));
        site.get(&path).await.refused(422, "invalid_value");
    }

    a_report_comes_as_a_table_or_lines_whose_texts_are_no_formulas(bench) {
        let site = Site::new(bench).await;
        meter(&site, "calls", "sum").await;
        let evil = site.customer("=HYPERLINK(\"x\")").await;
        for n in 0..300 {
            site.bench.account(site.bench.root.id, Kind::Customer, &format!("Customer {n}")).await;
        }
        site.post("/v1/usage", &json!([record(&evil, "1", 7)])).await.is(200);
        let report = "/v1/reports/usage?meter=calls&from=2025-12-31&until=2026-01-01&each=account";
        let table = site.call(Method::GET, &format!("{report}&format=csv")).text().await;
        assert_eq!((table.0, table.1.as_str()), (200, "text/csv; charset=utf-8; header=present"));
        let lines: Vec<&str> = table.2.lines().collect();
        let head = "meter,unit,account,account_name,license,product,product_name,category,category_name,feature,feature_code,term,key,\
                    from,until,days,value,average,seats";
        assert_eq!(lines[0], head);
        assert_eq!(lines.len(), 1 + 302 * 2);
        let line = format!("calls,things,{evil},\"'=HYPERLINK(\"\"x\"\")\",,,,,,,,,,2026-01-01,2026-01-01,1,7,,");
        assert!(lines.contains(&line.as_str()), "{line}");
        let (status, kind, text) = site.call(Method::GET, &format!("{report}&format=ndjson&reach=self")).text().await;
        assert_eq!((status, kind.as_str()), (200, "application/x-ndjson"));
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((lines.len(), &lines[1]["from"], &lines[1]["value"]), (2, &json!("2026-01-01"), &json!(0)));
    }
}
