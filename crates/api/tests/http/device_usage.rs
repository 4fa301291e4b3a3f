//! Usage that devices report.

use crate::bench::{Answer, Site};
use http::Method;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

const NOON: &str = "2026-01-01T12:00:00Z";

/// A program under license, and what it may tell.
struct Program {
    site: Site,
    product: String,
    license: String,
    customer: String,
    activation: String,
    secret: String,
}

impl Program {
    async fn new(bench: lessor_testkit::Bench) -> Self {
        let site = Site::new(bench).await;
        let product = site.product("Paint").await;
        let license = site.license(&product, "PAINT-1").await;
        let customer = site.customer("Fabrikam").await;
        site.patch(&format!("/v1/licenses/{license}"), &json!({ "account": customer })).await.is(200);
        for (name, aggregation, from_devices) in
            [("pages", "sum", true), ("users", "distinct", true), ("quota", "sum", false)]
        {
            let meter = json!({ "name": name, "aggregation": aggregation, "from_devices": from_devices });
            assert_eq!(site.post("/v1/meters", &meter).await.is(201).body["from_devices"], from_devices);
        }
        let (activation, secret) = site.activation(&product, "PAINT-1", "device-0001").await;
        site.bench.pass_hours(24);
        Self { site, product, license, customer, activation, secret }
    }

    async fn tell(&self, records: Value) -> Answer {
        let path = format!("/device/v1/activations/{}/usage", self.activation);
        let call = self.site.call(Method::POST, &path).by(&self.secret);
        call.json(&json!({ "records": records })).send().await
    }

    /// How much of a meter an account has in all.
    async fn figure(&self, meter: &str, account: &str) -> Value {
        let path = format!(
            "/v1/reports/usage?meter={meter}&account={account}&from=2026-01-01&until=2026-01-31&per=month&reach=self"
        );
        self.site.get(&path).await.is(200).body["items"][0]["total"]["value"].clone()
    }
}

fn pages(id: &str, value: i64) -> Value {
    json!({ "id": id, "meter": "pages", "value": value, "time": NOON })
}

/// Outcomes, with the code of the reason where there is one.
fn fates(answer: &Answer) -> Vec<String> {
    let fate = |result: &Value| {
        let code = result["reason"]["code"].as_str().map_or(String::new(), |code| format!(" {code}"));
        format!("{}{code}", result["outcome"].as_str().expect("an outcome"))
    };
    answer.body["results"].as_array().expect("results").iter().map(fate).collect()
}

on_both_engines! {
    what_a_program_counts_is_use_of_its_license_and_counts_once(bench) {
        let program = Program::new(bench).await;
        let told = program.tell(json!([pages("r-1", 3), pages("r-2", 4), pages("r-1", 3)])).await.is(200);
        assert_eq!(told.body["results"][1], json!({ "id": "r-2", "outcome": "counted" }));
        assert_eq!(fates(&told), ["counted", "counted", "duplicate"]);
        let again = program.tell(json!([pages("r-2", 4), pages("r-3", 5)])).await.is(200);
        assert_eq!(fates(&again), ["duplicate", "counted"]);
        assert_eq!(program.figure("pages", &program.customer).await, 12);
        let path = format!("/v1/usage-records?meter=pages&account={}&day=2026-01-01", program.customer);
        let records = program.site.get(&path).await.is(200).body["items"].clone();
        assert_eq!(records.as_array().map(Vec::len), Some(3));
        let first = &records[0];
        assert_eq!((&first["source"], &first["license"]), (&json!(program.activation), &json!(program.license)));
        assert_eq!(first["subject"], "device-0001");
        // Another device has names of its own.
        let (activation, secret) = program.site.activation(&program.product, "PAINT-1", "device-0002").await;
        let other = Program { activation, secret, ..program };
        assert_eq!(fates(&other.tell(json!([pages("r-1", 1)])).await.is(200)), ["counted"]);
        let mut one = json!({ "id": "u-1", "meter": "users", "time": NOON });
        assert_eq!(fates(&other.tell(json!([one])).await.is(200)), ["counted"]);
        one["id"] = json!("u-2");
        one["subject"] = json!("ada");
        assert_eq!(fates(&other.tell(json!([one])).await.is(200)), ["counted"]);
        assert_eq!(other.figure("users", &other.customer).await, 2);
    }

    a_device_tells_only_what_the_vendor_lets_devices_tell(bench) {
        let program = Program::new(bench).await;
        let mut quota = pages("r-2", 1);
        quota["meter"] = json!("quota");
        let mut nothing = pages("r-3", 1);
        nothing["meter"] = json!("no such meter");
        let mut ahead = pages("r-4", 1);
        ahead["time"] = json!("2026-02-01T00:00:00Z");
        let told = program.tell(json!([pages("r-1", -1), quota, nothing, ahead, pages("r-5", 7)])).await.is(200);
        let expected = ["rejected invalid_value", "rejected meter_unknown", "rejected meter_unknown", "rejected invalid_value", "counted"];
        assert_eq!(fates(&told), expected);
        assert_eq!(program.figure("pages", &program.customer).await, 7);
        assert_eq!(program.figure("quota", &program.customer).await, 0);
        // What no record is, and nobody else's account or license.
        for member in ["account", "license", "source", "corrects"] {
            let mut more = pages("r-6", 1);
            more[member] = json!(program.customer);
            program.tell(json!([more])).await.refused(400, "invalid_request");
        }
        program.tell(json!([])).await.refused(422, "out_of_range");
        let many: Vec<Value> = (0..501).map(|n| pages(&format!("m-{n}"), 1)).collect();
        program.tell(json!(many)).await.refused(422, "out_of_range");
        assert_eq!(fates(&program.tell(json!(many[1..])).await.is(200)).len(), 500);
        let path = format!("/device/v1/activations/{}/usage", program.activation);
        let body = json!({ "records": [pages("r-7", 1)] });
        program.site.call(Method::POST, &path).by_nobody().json(&body).send().await.refused(401, "unauthenticated");
        program.site.post(&path, &body).await.refused(401, "unauthenticated");
        assert_eq!(program.figure("pages", &program.customer).await, 507);
    }

    what_was_counted_before_a_return_may_still_come(bench) {
        let program = Program::new(bench).await;
        let path = format!("/device/v1/activations/{}", program.activation);
        program.site.call(Method::DELETE, &path).by(&program.secret).send().await.is(200);
        program.site.bench.pass_hours(1);
        let mut after = pages("r-2", 1);
        after["time"] = json!("2026-01-02T00:30:00Z");
        let told = program.tell(json!([pages("r-1", 2), after, pages("r-3", 3)])).await.is(200);
        assert_eq!(fates(&told), ["counted", "rejected activation_returned", "counted"]);
        assert_eq!(program.figure("pages", &program.customer).await, 5);
    }

    use_of_a_trial_is_the_vendors(bench) {
        let program = Program::new(bench).await;
        let trial = json!({ "product": program.product, "device": { "id": "device-0009" } });
        let made = program.site.call(Method::POST, "/device/v1/activations").by_nobody().json(&trial).send().await.is(201);
        let vendor = program.site.bench.root.id.to_string();
        let tried = Program { activation: made.text("activation"), secret: made.text("secret"), ..program };
        assert_eq!(fates(&tried.tell(json!([pages("r-1", 2)])).await.is(200)), ["counted"]);
        assert_eq!((tried.figure("pages", &vendor).await, tried.figure("pages", &tried.customer).await), (json!(2), json!(0)));
    }
}
