//! Tables of other systems beside statements, and the export of statements, over HTTP.

use crate::bench::{Answer, Site};
use http::Method;
use lessor_core::account::Kind;
use lessor_core::identity::Right;
use lessor_core::{AccountId, Timestamp, billing};
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Moves the clock to a winter time in Prague.
fn at(site: &Site, text: &str) {
    let instant = Timestamp::parse(&format!("{text}:00+01:00")).expect("an instant");
    assert!(site.bench.clock.move_to(instant), "time does not go back");
}

/// A vendor with a price list and customers, by their names.
struct Books {
    site: Site,
    root: String,
    product: String,
    accounts: HashMap<&'static str, String>,
}

impl Books {
    /// March is closed: Fabrikam had 10 seats of Paint (12.40), Contoso 5 from the 11th on (4.20), Adatum 2 (2.48).
    async fn of_march(site: Site) -> Self {
        let product = site.product("Paint").await;
        let root = site.bench.root.id.to_string();
        let prices = json!({
            "account": root, "product": product, "name": "Default", "currency": "EUR", "from": "2026-01-01",
            "tiers": [{ "from": 1, "price": "0.04" }],
        });
        site.post("/v1/price-lists", &prices).await.is(201);
        let mut accounts = HashMap::new();
        for name in ["Fabrikam", "Contoso", "Adatum", "Northwind"] {
            accounts.insert(name, site.customer(name).await);
        }
        let books = Self { site, root, product, accounts };
        at(&books.site, "2026-02-28T12:00");
        books.order("Fabrikam", "F-1", 10).await;
        books.order("Adatum", "A-1", 2).await;
        at(&books.site, "2026-03-01T00:40");
        at(&books.site, "2026-03-11T12:00");
        books.order("Contoso", "C-1", 5).await;
        books.close("2026-02", "2026-04-02T10:00").await;
        books.close("2026-03", "2026-04-02T11:00").await;
        books
    }

    async fn order(&self, customer: &str, code: &str, seats: i64) {
        let license = self.site.license(&self.product, code).await;
        let order = json!({ "account": self.accounts[customer], "terms": { "activation_limit": seats } });
        self.site.patch(&format!("/v1/licenses/{license}"), &order).await.is(200);
    }

    async fn close(&self, month: &str, when: &str) {
        at(&self.site, when);
        self.site.post("/v1/closings", &json!({ "month": month })).await.is(200);
        while self.site.bench.write(billing::close_some).await.expect("a stretch") {}
    }

    /// What the documentation's example asks.
    fn asked(&self, table: &str) -> Value {
        json!({
            "account": self.root, "month": "2026-03", "name": "Invoice 4711", "system": "crm",
            "account_column": "Kunde", "item": "product", "item_column": "Artikel",
            "quantity_column": "Tage", "amount_column": "Betrag", "table": table,
        })
    }

    fn with(&self, table: &str, changes: &Value) -> Value {
        let mut asked = self.asked(table);
        for (member, value) in changes.as_object().expect("members") {
            asked[member] = value.clone();
        }
        asked
    }

    async fn reconciled(&self, asked: &Value) -> Answer {
        self.site.post("/v1/reconciliations", asked).await.is(201)
    }

    /// Outcome, the other system's account, ours, and both amounts, of each row.
    async fn rows(&self, id: &str) -> Vec<[String; 5]> {
        let page = self.site.get(&format!("/v1/reconciliations/{id}/rows?limit=100")).await.is(200).body;
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let row = |row: &Value| {
            let (theirs, ours) = (&row["amount"]["theirs"], &row["amount"]["ours"]);
            [&row["outcome"], &row["their_account"], &row["account_name"], theirs, ours].map(text)
        };
        page["items"].as_array().expect("rows").iter().map(row).collect()
    }
}

fn counts(unknown: i64, missing: i64, over: i64, under: i64, matched: i64) -> Value {
    json!({ "unknown": unknown, "missing": missing, "over": over, "under": under, "matched": matched })
}

const INVOICE: &str = "Kunde;Artikel;Tage;Betrag\r\n\
    Fabrikam;Paint;310;12,40\r\n\
    Contoso GmbH;Paint;105;4,20\r\n\
    Northwind;Paint;31;1,24\r\n";

on_both_engines! {
    the_worked_example_of_a_reconciliation_comes_out_as_documented(bench) {
        let books = Books::of_march(Site::new(bench).await).await;
        let answer = books.reconciled(&books.asked(INVOICE)).await;
        let path = answer.header("location").to_owned();
        assert_eq!(answer.body["counts"], counts(1, 2, 1, 0, 1));
        let total = json!([{ "currency": "EUR", "theirs": "17.84", "ours": "19.08", "difference": "-1.24" }]);
        assert_eq!(answer.body["totals"], total);
        let row = |texts: [&str; 5]| texts.map(str::to_owned);
        assert_eq!(books.rows(&answer.text("id")).await, vec![
            row(["unknown", "Contoso GmbH", "-", "4.20", "-"]),
            row(["missing", "-", "Adatum", "-", "2.48"]),
            row(["missing", "-", "Contoso", "-", "4.20"]),
            row(["over", "Northwind", "Northwind", "1.24", "-"]),
            row(["matched", "Fabrikam", "Fabrikam", "12.40", "12.40"]),
        ]);

        // The name is told once, and known from then on.
        let name = json!({ "account": books.root, "system": "crm", "name": "Contoso GmbH", "record": books.accounts["Contoso"] });
        let remembered = books.site.put("/v1/remembered-names", &name).await.is(200).body;
        let again = books.reconciled(&books.asked(INVOICE)).await;
        assert_eq!(again.body["counts"], counts(0, 1, 1, 0, 2));
        let other = books.with(INVOICE, &json!({ "system": "erp" }));
        assert_eq!(books.reconciled(&other).await.body["counts"], counts(1, 2, 1, 0, 1));
        let list = format!("/v1/remembered-names?account={}", books.root);
        assert_eq!(books.site.get(&list).await.is(200).body["items"], json!([remembered]));
        assert_eq!(books.site.get(&format!("{list}&system=erp")).await.is(200).body["items"], json!([]));

        // What was kept is what was compared then.
        assert_eq!(books.site.get(&path).await.is(200).body, answer.body);
        let listed = books.site.get(&format!("/v1/reconciliations?account={}", books.root)).await.is(200).body;
        let counted: Vec<&Value> = listed["items"].as_array().expect("items").iter().map(|item| &item["counts"]["unknown"]).collect();
        assert_eq!(counted, [&json!(1), &json!(0), &json!(1)]);
        let forget = format!("/v1/remembered-names/{}", remembered["id"].as_str().expect("an id"));
        books.site.delete(&forget).await.is(204);
        books.site.delete(&forget).await.refused(404, "remembered_name_unknown");
        assert_eq!(books.reconciled(&books.asked(INVOICE)).await.body["counts"], counts(1, 2, 1, 0, 1));
        books.site.delete(&path).await.is(204);
        books.site.get(&path).await.refused(404, "reconciliation_unknown");
        books.site.get(&format!("{path}/rows")).await.refused(404, "reconciliation_unknown");
    }

    a_table_sent_alone_is_reconciled_like_one_in_json(bench) {
        let books = Books::of_march(Site::new(bench).await).await;
        let query = format!(
            "account={}&month=2026-03&name=Invoice%204711&system=crm&account_column=Kunde&item=product&item_column=Artikel\
             &quantity_column=Tage&amount_column=Betrag&adjustments=true",
            books.root
        );
        let path = format!("/v1/reconciliations?{query}");
        let send = |path: &str, table: &str| books.site.call(Method::POST, path).raw("text/csv; charset=utf-8", table);
        let alone = send(&path, &format!("\u{feff}{INVOICE}")).key("k-1").send().await.is(201);
        let in_json = books.reconciled(&books.asked(INVOICE)).await.body;
        for member in ["counts", "totals", "name", "table_rows", "by_account", "by_item", "adjustments"] {
            assert_eq!(alone.body[member], in_json[member], "{member}");
        }
        let repeated = send(&path, &format!("\u{feff}{INVOICE}")).key("k-1").send().await.is(201);
        assert_eq!((repeated.header("idempotency-replayed"), &repeated.body), ("true", &alone.body));
        send(&path, INVOICE).key("k-1").send().await.refused(422, "idempotency_key_reused");
        send(&path.replace("4711", "4712"), &format!("\u{feff}{INVOICE}")).key("k-1").send().await.refused(422, "idempotency_key_reused");
        let rehearsed = send(&format!("{path}&dry_run=true"), INVOICE).send().await.is(201);
        assert_eq!((rehearsed.header("lessor-dry-run"), rehearsed.header("location")), ("true", ""));
        let listed = books.site.get(&format!("/v1/reconciliations?account={}", books.root)).await.is(200).body;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
        for bad in ["table=x", "account=x", "adjustments=maybe", "colour=red"] {
            send(&format!("{path}&{bad}"), INVOICE).send().await.refused(400, "invalid_request");
        }
        let latin = books.site.call(Method::POST, &path).raw("text/csv; charset=iso-8859-1", INVOICE);
        latin.send().await.refused(415, "unsupported_media_type");
    }

    what_cannot_be_compared_is_refused_and_nothing_is_kept(bench) {
        let books = Books::of_march(Site::new(bench).await).await;
        for (table, place) in [
            ("", "line 1, column 1"),
            ("Kunde;Artikel;Tage;Betrag\nFabrikam;Paint;310\n", "line 2, column 3"),
            ("Kunde;Artikel;Tage;Betrag\nFabrikam;Paint;310;zwölf\n", "line 2, column 4"),
            ("Kunde;Artikel;Tage;Betrag\nFabrikam;Paint;310;12,4\n;Paint;1;1\n", "line 3, column 1"),
            ("Kunde;Artikel;Tage;Betrag\n\"Fabrikam;Paint;310;12,4\n", "line 2, column 1"),
            ("Kunde;Artikel;Tage;Betrag\nFabrikam;Paint;3.1;12,4\n", "line 2, column 4"),
        ] {
            let refused = books.site.post("/v1/reconciliations", &books.asked(table)).await.refused(422, "invalid_value");
            assert!(refused.text("detail").contains(place), "{table:?}: {}", refused.body);
            assert_eq!(refused.body["errors"][0]["pointer"], json!("/table"));
        }
        for (changes, code) in [
            (json!({ "month": "2026-04" }), "invalid_value"),
            (json!({ "month": "April" }), "invalid_value"),
            (json!({ "account_column": "Client" }), "invalid_value"),
            (json!({ "item_column": Value::Null }), "value_missing"),
            (json!({ "item": Value::Null }), "value_missing"),
            (json!({ "item": Value::Null, "item_column": Value::Null }), "invalid_value"),
            (json!({ "quantity_column": Value::Null, "amount_column": Value::Null }), "value_missing"),
            (json!({ "amount_column": Value::Null, "currency": "EUR" }), "invalid_value"),
            (json!({ "currency": "euro" }), "invalid_value"),
            (json!({ "currency": "EUR", "currency_column": "Betrag" }), "invalid_value"),
            (json!({ "currency_column": "Betrag" }), "invalid_value"),
            (json!({ "amount_tolerance": "-1" }), "invalid_value"),
            (json!({ "amount_tolerance": "a bit" }), "invalid_value"),
            (json!({ "system": "The CRM" }), "invalid_value"),
            (json!({ "name": "x".repeat(201) }), "invalid_value"),
        ] {
            books.site.post("/v1/reconciliations", &books.with(INVOICE, &changes)).await.refused(422, code);
        }
        for changes in [json!({ "item": "colour" }), json!({ "separator": "," }), json!({ "table": 1 }), json!({ "x": 1 })] {
            books.site.post("/v1/reconciliations", &books.with(INVOICE, &changes)).await.refused(400, "invalid_request");
        }
        let kept = books.site.get(&format!("/v1/reconciliations?account={}", books.root)).await.is(200).body;
        assert_eq!(kept["items"], json!([]));
        for (changes, status) in [
            (json!({ "record": "acc_x" }), 422),
            (json!({ "record": "acc_00000000000070008000000000000001" }), 404),
            (json!({ "record": "mtr_00000000000070008000000000000001" }), 404),
            (json!({ "record": "lic_00000000000070008000000000000001" }), 404),
            (json!({ "key": "backup" }), 422),
            (json!({ "name": " " }), 422),
            (json!({ "system": "" }), 422),
        ] {
            let mut name = json!({ "account": books.root, "system": "crm", "name": "C", "record": books.product });
            changes.as_object().expect("members").iter().for_each(|(member, value)| name[member] = value.clone());
            assert_eq!(books.site.put("/v1/remembered-names", &name).await.status.as_u16(), status, "{name}");
        }
        assert_eq!(books.site.get(&format!("/v1/remembered-names?account={}", books.root)).await.is(200).body["items"], json!([]));
    }

    who_does_not_see_a_branch_whole_does_not_reconcile_it(bench) {
        let books = Books::of_march(Site::new(bench).await).await;
        let site = &books.site;
        let id = books.reconciled(&books.asked(INVOICE)).await.text("id");
        let partner = site.bench.account(site.bench.root.id, Kind::Partner, "P").await;
        let stranger = site.with_key(site.key_of(partner.id, None).await);
        for path in [format!("/v1/reconciliations/{id}"), format!("/v1/reconciliations/{id}/rows?format=csv")] {
            assert_eq!(stranger.get(&path).await.status.as_u16(), 404, "{path}");
        }
        stranger.post("/v1/reconciliations", &books.asked(INVOICE)).await.refused(404, "account_unknown");
        let own = books.with(INVOICE, &json!({ "account": partner.id.to_string() }));
        // Its branch has no statement: it neither knows the accounts nor misses them.
        assert_eq!(stranger.post("/v1/reconciliations", &own).await.is(201).body["counts"], counts(3, 0, 0, 0, 0));
        let foreign = json!({ "account": partner.id.to_string(), "system": "crm", "name": "F", "record": books.accounts["Fabrikam"] });
        stranger.put("/v1/remembered-names", &foreign).await.refused(404, "account_unknown");

        let reader = site.with_key(site.key_of(site.bench.root.id, Some(vec![Right::BILLING_READ])).await);
        reader.get(&format!("/v1/reconciliations/{id}")).await.is(200);
        reader.post("/v1/reconciliations", &books.asked(INVOICE)).await.refused(403, "forbidden");
        reader.delete(&format!("/v1/reconciliations/{id}")).await.refused(403, "forbidden");

        let user = json!({ "account": books.root, "name": "Ann", "login": "ann", "level": "write", "password": "a sentence of my own" });
        let ann = site.post("/v1/users", &user).await.is(201).text("id");
        let signed = site.post("/v1/sessions", &json!({ "login": "ann", "password": "a sentence of my own" })).await;
        let session = site.with_key(signed.is(201).text("token"));
        session.get(&format!("/v1/reconciliations/{id}")).await.is(200);
        let hidden = format!("/v1/users/{ann}/permissions/{}", books.accounts["Adatum"]);
        site.put(&hidden, &json!({ "level": "none" })).await.is(204);
        session.get(&format!("/v1/reconciliations/{id}")).await.refused(403, "forbidden");
        session.get(&format!("/v1/reconciliations/{id}/rows")).await.refused(403, "forbidden");
        session.post("/v1/reconciliations", &books.asked(INVOICE)).await.refused(403, "forbidden");
        let shown = session.get("/v1/reports/statements?month=2026-03").await.is(200).body;
        let names: Vec<&Value> = shown["items"].as_array().expect("items").iter().map(|item| &item["account_name"]).collect();
        assert_eq!(names, [&json!("Fabrikam"), &json!("Contoso")]);
    }

    the_export_of_statements_reconciles_with_them(bench) {
        let books = Books::of_march(Site::new(bench).await).await;
        let site = &books.site;
        let renamed = format!("/v1/accounts/{}", books.accounts["Adatum"]);
        site.patch(&renamed, &json!({ "name": "=1+1, \"Ltd\"" })).await.is(200);
        let call = |path: &str| site.call(Method::GET, path);
        let report = "/v1/reports/statements?month=2026-03";
        let (status, kind, table) = call(&format!("{report}&format=csv")).text().await;
        assert_eq!((status, kind.as_str()), (200, "text/csv; charset=utf-8; header=present"));
        assert_eq!(table.lines().count(), 4);
        assert!(table.contains(",\"'=1+1, \"\"Ltd\"\"\","), "{table}");
        for (item, column) in [("license", "license"), ("license", "license_code"), ("product", "product_name"), ("product", "product")] {
            for account in ["account", "account_name"] {
                let asked = json!({
                    "account": books.root, "month": "2026-03", "system": "lessor", "account_column": account,
                    "item": item, "item_column": column, "quantity_column": "quantity", "amount_column": "amount",
                    "currency_column": "currency", "table": table,
                });
                assert_eq!(books.reconciled(&asked).await.body["counts"], counts(0, 0, 0, 0, 3), "{column} {account}");
            }
        }
        let (_, _, lines) = call(&format!("{report}&format=ndjson")).text().await;
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let page = site.get(&format!("{report}&limit=2")).await.is(200).body;
        let cursor = page["next"].as_str().expect("a cursor");
        let rest = site.get(&format!("{report}&limit=2&cursor={cursor}")).await.is(200).body;
        let summaries: Vec<Value> = [&page["items"], &rest["items"]].iter().flat_map(|items| items.as_array().expect("items").clone()).collect();
        assert_eq!((summaries.len(), &rest["next"]), (3, &Value::Null));
        for (summary, line) in summaries.iter().zip(&lines) {
            let path = format!("/v1/statements/{}", summary["id"].as_str().expect("an id"));
            let statement = site.get(&path).await.is(200).body;
            assert_eq!((&statement["account"], &statement["document"]["totals"]), (&summary["account"], &summary["totals"]));
            let own = site.get(&format!("{path}/lines")).await.is(200).body;
            assert_eq!(own["items"], json!([line]));
            assert_eq!(statement["document"]["lines"][0]["amount"], line["amount"]);
            assert_eq!(line["statement"], summary["id"]);
            let (_, _, own) = call(&format!("{path}/lines?format=csv")).text().await;
            assert_eq!((own.lines().next(), own.lines().count()), (table.lines().next(), 2));
            assert!(table.contains(own.lines().nth(1).expect("a line")));
        }
        let own = format!("{report}&reach=self&account={}", books.accounts["Contoso"]);
        assert_eq!(site.get(&own).await.is(200).body["items"], json!([summaries[1]]));
        assert_eq!(site.get(&format!("{report}&reach=self")).await.is(200).body["items"], json!([]));
        site.get("/v1/reports/statements?month=soon").await.refused(422, "invalid_value");
        let customer = AccountId::parse(&books.accounts["Contoso"]).expect("an id");
        let own = site.with_key(site.key_of(customer, None).await);
        assert_eq!(own.get(report).await.is(200).body["items"], json!([summaries[1]]));
        own.get(&format!("{report}&account={}", books.root)).await.refused(404, "account_unknown");
    }
}
