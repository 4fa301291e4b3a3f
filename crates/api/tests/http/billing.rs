//! Prices and statements over HTTP.

use crate::bench::Site;
use lessor_core::account::Kind;
use lessor_core::identity::Right;
use lessor_core::{Error, Timestamp, billing};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// Moves the clock to a winter time in Prague.
fn at(site: &Site, text: &str) {
    let instant = Timestamp::parse(&format!("{text}:00+01:00")).expect("an instant");
    assert!(site.bench.clock.move_to(instant), "time does not go back");
}

/// What the server's job does.
async fn close_all(site: &Site) -> Result<(), Error> {
    while site.bench.write(billing::close_some).await? {}
    Ok(())
}

on_both_engines! {
    a_month_is_priced_previewed_closed_and_checked(bench) {
        let site = Site::new(bench).await;
        let (product, customer) = (site.product("Paint").await, site.customer("C").await);
        let root = site.bench.root.id.to_string();
        let new = json!({
            "account": root, "product": product, "name": "Default", "currency": "EUR", "from": "2026-01-01",
            "tiers": [{ "from": 1, "price": "0.04" }, { "from": 25, "price": "0.03" }],
        });
        let list = site.post("/v1/price-lists", &new).await.is(201);
        let path = list.header("location").to_owned();
        let shown = site.get(&path).await.is(200).body;
        assert_eq!((&shown["tiers"], &shown["discount"], &shown["until"]), (&new["tiers"], &json!(0), &Value::Null));
        assert_eq!(site.get(&format!("/v1/price-lists?account={root}")).await.is(200).body["items"], json!([shown]));
        site.post("/v1/price-lists", &new).await.refused(409, "taken");

        let license = site.license(&product, "L-1").await;
        let change = json!({ "account": customer, "terms": { "activation_limit": 10 } });
        site.patch(&format!("/v1/licenses/{license}"), &change).await.is(200);
        site.post("/v1/closings", &json!({ "month": "2026-01" })).await.refused(422, "invalid_value");
        at(&site, "2026-02-01T02:00");
        let preview = format!("/v1/reports/statement?account={customer}&month=2026-01");
        let preview = site.get(&preview).await.is(200).body["document"].clone();
        assert_eq!(site.get(&format!("/v1/reports/statement?account={root}&month=2026-01")).await.is(200).body["document"], Value::Null);
        let closing = site.post("/v1/closings", &json!({ "month": "2026-01" })).await.is(200).body;
        assert_eq!((&closing["vendor"], &closing["finished_at"]), (&json!(root), &Value::Null));
        close_all(&site).await.expect("closed");
        assert_ne!(site.post("/v1/closings", &json!({ "month": "2026-01" })).await.is(200).body["finished_at"], Value::Null);

        let page = site.get(&format!("/v1/statements?account={customer}")).await.is(200).body;
        let statement = &page["items"][0];
        assert_eq!((&statement["document"], &page["next"]), (&preview, &Value::Null));
        assert_eq!(preview["lines"][0]["amount"], json!("12.40"));
        assert_eq!((&statement["number"], &statement["previous_hash"]), (&json!(1), &json!("0".repeat(64))));
        let path = format!("/v1/statements/{}", statement["id"].as_str().expect("an id"));
        assert_eq!(&site.get(&path).await.is(200).body, statement);
        let check = site.get(&format!("{path}/check")).await.is(200).body;
        assert_eq!(check, json!({ "same_bytes": true, "hash_holds": true, "chain_holds": true }));

        // Somebody else's statement is one that never was.
        let other = site.customer("Other").await;
        let own = site.bench.account(site.bench.root.id, lessor_core::account::Kind::Partner, "P").await;
        let stranger = site.with_key(site.key_of(own.id, None).await);
        for path in [path.clone(), format!("{path}/check"), shown["id"].as_str().map(|id| format!("/v1/price-lists/{id}")).expect("an id")] {
            assert_eq!(stranger.get(&path).await.status.as_u16(), 404, "{path}");
        }
        stranger.post("/v1/closings", &json!({ "vendor": root, "month": "2026-02" })).await.refused(404, "account_unknown");
        assert_eq!(site.get(&format!("/v1/statements?account={other}")).await.is(200).body["items"], json!([]));
        site.get(&format!("/v1/reports/statement?account={customer}&month=2026-01")).await.refused(422, "invalid_value");

        let end = format!("/v1/price-lists/{}/end", shown["id"].as_str().expect("an id"));
        site.post(&end, &json!({ "until": "2025-12-31" })).await.refused(422, "invalid_value");
        site.post(&end, &json!({ "until": "soon" })).await.refused(422, "invalid_value");
        assert_eq!(site.post(&end, &json!({ "until": "2026-03-01" })).await.is(200).body["until"], json!("2026-03-01"));
        let with = |member: &str, value: Value| {
            let mut body = new.clone();
            body[member] = value;
            body
        };
        for (bad, code) in [
            (with("category", json!("cat_1")), "invalid_value"),
            (with("currency", json!("euro")), "invalid_value"),
            (with("discount", json!(10_001)), "out_of_range"),
            (with("tiers", json!([])), "out_of_range"),
            (with("tiers", json!([{ "from": 1, "price": "0.000001" }])), "invalid_value"),
            (with("from", json!("2026-02-30")), "invalid_value"),
        ] {
            site.post("/v1/price-lists", &bad).await.refused(422, code);
        }
        site.post("/v1/price-lists", &with("tiers", json!([{ "from": 1, "price": 0.04 }]))).await.refused(400, "invalid_request");
    }

    usage_is_priced_by_meter_and_key_and_a_branch_is_billed_to_one(bench) {
        let site = Site::new(bench).await;
        let root = site.bench.root.id;
        let partner = site.bench.account(root, Kind::Partner, "P").await.id;
        let customer = site.bench.account(partner, Kind::Customer, "C").await.id.to_string();
        let meter = json!({ "name": "api.calls", "aggregation": "sum", "unit": "calls", "key_attribute": "region" });
        let meter = site.post("/v1/meters", &meter).await.is(201).text("id");
        let new = json!({
            "account": root.to_string(), "meter": "api.calls", "name": "Calls", "currency": "EUR", "from": "2026-01-01",
            "tiers": [{ "from": 1, "price": "0.10" }],
        });
        let with = |change: Value| {
            let mut body = new.clone();
            body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
            body
        };
        // Who may only set prices, may set those of meters too.
        let clerk = site.with_key(site.key_of(root, Some(vec![Right::BILLING_READ, Right::BILLING_WRITE, Right::ACCOUNTS_READ])).await);
        let made = clerk.post("/v1/price-lists", &new).await.is(201).body;
        assert_eq!([&made["meter"], &made["key"], &made["product"], &made["billed"]], [&json!(meter), &Value::Null, &Value::Null, &json!("account")]);
        let keyed = site.post("/v1/price-lists", &with(json!({ "meter": meter, "key": "eu" }))).await.is(201).body;
        assert_eq!([&keyed["meter"], &keyed["key"]], [&json!(meter), &json!("eu")]);
        let of_branch = json!({ "account": partner.to_string(), "billed": "branch", "tiers": [{ "from": 1, "price": "0.05" }] });
        let of_branch = site.post("/v1/price-lists", &with(of_branch)).await.is(201).body;
        assert_eq!(of_branch["billed"], json!("branch"));
        assert_eq!(site.get(&format!("/v1/price-lists?account={partner}")).await.is(200).body["items"], json!([of_branch]));
        for (bad, status, code) in [
            (with(json!({ "product": "prd_1" })), 422, "invalid_value"),
            (with(json!({ "meter": "nothing" })), 404, "meter_unknown"),
            (with(json!({ "key": "" })), 422, "invalid_value"),
            (with(json!({ "billed": "branch" })), 422, "invalid_value"),
            (with(json!({ "billed": "tree" })), 400, "invalid_request"),
            (with(json!({ "meter": null, "category": "cat_00000000000070008000000000000001", "key": "eu" })), 422, "invalid_value"),
        ] {
            site.post("/v1/price-lists", &bad).await.refused(status, code);
        }

        at(&site, "2026-02-01T02:00");
        let record = |id: &str, region: &str, value: i64| json!({
            "id": id, "source": "agent", "time": "2026-01-05T10:00:00Z", "account": customer, "meter": "api.calls", "value": value,
            "attributes": { "region": region },
        });
        site.post("/v1/usage", &json!({ "records": [record("1", "eu", 30), record("2", "us", 12)] })).await.is(200);
        let lines = async |account: &str| {
            let path = format!("/v1/reports/statement?account={account}&month=2026-01");
            let document = site.get(&path).await.is(200).body["document"].clone();
            let lines = document["lines"].as_array().expect("lines").clone();
            lines.iter().map(|line| [&line["account"], &line["key"], &line["quantity"], &line["amount"]].map(Clone::clone)).collect::<Vec<_>>()
        };
        assert_eq!(lines(&customer).await, [
            [Value::Null, Value::Null, json!(42), json!("4.20")],
            [Value::Null, json!("eu"), json!(30), json!("3.00")],
        ]);
        assert_eq!(lines(&partner.to_string()).await, [[json!(customer), Value::Null, json!(42), json!("2.10")]]);

        site.post("/v1/closings", &json!({ "month": "2026-01" })).await.is(200);
        close_all(&site).await.expect("closed");
        site.post("/v1/usage", &record("3", "us", 8)).await.is(200);
        let path = format!("/v1/reports/statement?account={partner}&month=2026-02");
        let late = site.get(&path).await.is(200).body["document"].clone();
        let adjusted: Vec<_> = late["adjustments"].as_array().expect("adjustments").iter()
            .map(|one| (&one["month"], &one["kind"], &one["line"]["amount"])).collect();
        let january = json!("2026-01");
        assert_eq!(adjusted, [(&january, &json!("retracted"), &json!("-2.10")), (&january, &json!("added"), &json!("2.50"))]);
        let page = site.get(&format!("/v1/statements?account={partner}")).await.is(200).body;
        let check = format!("/v1/statements/{}/check", page["items"][0]["id"].as_str().expect("an id"));
        assert_eq!(site.get(&check).await.is(200).body, json!({ "same_bytes": true, "hash_holds": true, "chain_holds": true }));
    }
}
