//! The main job from end to end, from outside: a vendor's product with features, codes issued to companies, three devices that
//! activate, renew, hold seats and return them, a trial that becomes a license, a device that is never online — and a back
//! office that sees all of it. The bodies in `seed/` are sent byte for byte.

mod daemon;
mod examples;
mod languages;
mod msp;
mod program;
mod races;
mod storage;
mod transcripts;

use lessor_testkit::Engine;
use program::{Answer, Demo, Paint, READ_WRITE, call};
use serde_json::{Value, json};

/// What the bodies name.
const PRODUCT: &str = "6453300110";
const MAIN_CODE: &str = "206454320110930859";
const LEASE_HOURS: i64 = 12;

/// A vendor's back office that speaks the Zentitle API, and the vendor's side of the native API to set it up.
struct Office<'a> {
    demo: &'a Demo,
    vendor: String,
    authorization: String,
    /// The product's own id: the number that the bodies use is another vendor's too.
    product: String,
}

impl<'a> Office<'a> {
    /// Makes a vendor whose records carry the names that the bodies use.
    fn open(demo: &'a Demo) -> Self {
        let vendor = demo.vendor("Seed Ltd", "4321", "64533");
        let authorization = format!("bearer 4321:{}", demo.key(&vendor, &READ_WRITE));
        Self { demo, vendor, authorization, product: String::new() }
    }

    fn ask(&self, verb: &str, path: &str, body: Option<&str>) -> Answer {
        call(&self.demo.url, verb, &format!("/api/v2/{path}"), Some(&self.authorization), body)
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None).ok()
    }

    fn post(&self, path: &str, body: &str) -> Value {
        self.ask("POST", path, Some(body)).ok()
    }

    /// The product of the body, with the number that the other bodies call it by, and what they name of it.
    fn make_product(&mut self) {
        let made = self.post("Product", include_str!("seed/post_product.json"));
        let number = made.as_str().and_then(|text| text.split_once('\n')).expect("an id behind a line break").1;
        assert_eq!(made, format!("Product Created Successfully.\n{number}"));
        assert_eq!(number.len(), 10);
        let products = self.demo.native("GET", &format!("/v1/products?vendor={}", self.vendor), None).ok();
        self.product = products["items"][0]["id"].as_str().expect("an id").to_owned();
        self.demo.name("products", &self.product, "product", PRODUCT);
        let features = json!({"productId": PRODUCT, "features": [
            {"featureCode": "FEAT1", "featureName": "Pages", "notes": "Pages", "featureType": "elementpool"},
            {"featureCode": "EPOOL", "featureName": "Pool", "notes": "Pool", "featureType": "elementpool"},
            {"featureCode": "FLOAT", "featureName": "Seats", "notes": "Seats", "featureType": "floating"},
        ]});
        assert_eq!(self.post("ProductFeatures", &features.to_string()), "Product Features Created Successfully");
        let profile = json!({
            "productId": PRODUCT, "profileName": "testingProfile", "enabledForUse": "true", "clientsAllowed": "3",
            "clientLeasePeriod": LEASE_HOURS, "clientOfflineLeasePeriod": "30",
            "features": [
                {"featureCode": "FLOAT", "featureAvailability": "on", "limit": "2"},
                {"featureCode": "FEAT1API01", "featureAvailability": "on"},
            ],
        });
        self.post("Profile", &profile.to_string());
    }

    /// The two companies that the bodies name by their numbers.
    fn make_companies(&self) {
        for number in ["17", "10"] {
            let company = json!({"company": format!("Company {number}"), "productId": PRODUCT});
            self.post("Company", &company.to_string());
            let path = format!("/v1/accounts?branch={}&kind=customer", self.vendor);
            let accounts = self.demo.native("GET", &path, None).ok()["items"].as_array().expect("a page").clone();
            let account = accounts.iter().find(|account| account["name"] == company["company"]).expect("the company");
            self.demo.name("accounts", account["id"].as_str().expect("an id"), "company", number);
        }
    }
}

fn advance(demo: &Demo, by: &str) {
    demo.native("POST", "/v1/test-clock", Some(json!({ "advance": by }))).ok();
}

fn codes(answer: &Value) -> Vec<String> {
    let codes = answer["licenseCodes"].as_array().expect("a list of codes");
    codes.iter().map(|code| code.as_str().expect("codes are strings").to_owned()).collect()
}

fn the_main_job_from_end_to_end(engine: Engine) {
    let mut demo = Demo::start(engine);
    let mut office = Office::open(&demo);
    office.make_product();
    office.make_companies();

    let generated = codes(&office.post("LicenseCode", include_str!("seed/post_license_code_generate.json")));
    assert_eq!(generated.len(), 2);
    assert!(generated.iter().all(|code| code.len() == 18 && code.bytes().all(|digit| digit.is_ascii_digit())));
    assert_eq!(office.post("LicenseCode", include_str!("seed/post_license_code_import.json")), "OK");
    change_the_main_code(&office);

    devices_come_and_go(&demo, &office, &generated[0]);
    a_trial_becomes_a_license(&demo, &office);
    a_device_that_is_never_online(&demo, &office);
    the_back_office_sees_it_all(&office, &generated);

    // What was acknowledged is there after a restart, and whole.
    let before = office.get("licensecodes?pageNumber=1");
    demo.stop();
    assert!(before.as_array().is_some_and(|codes| codes.len() == 5));
    let verified = program::lessor().arg("verify").args(demo.storage()).output().expect("verify runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

/// The code of the PUT body, changed by it.
fn change_the_main_code(office: &Office<'_>) {
    let code = json!({"productId": PRODUCT, "profileName": "testingProfile", "licenseCodes": [MAIN_CODE]});
    assert_eq!(office.post("LicenseCode", &code.to_string()), "OK");
    assert_eq!(office.ask("PUT", "LicenseCode", Some(include_str!("seed/put_license_code.json"))).ok(), "OK");
    let read = office.get(&format!(
        "licensecode?productId={PRODUCT}&licenseCode={MAIN_CODE}&getSfs=1&details=1&getNotes=1&showFeatures=all"
    ));
    let license = &read[0];
    let figures = json!({
        "licenseCode": MAIN_CODE, "productId": PRODUCT, "company": "Company 17", "companyId": 17, "orderId": "orderID_1",
        "enabledForUse": "true", "licenseType": "subscriptionPeriod", "clientsAllowed": 2, "clientLeasePeriod": 0,
        "vmLeasePeriod": 0, "clientOfflineLeasePeriod": 24, "acquiredByWebservice": "true", "networkSeats": 1, "heartBeat": 5,
        "profileName": "testingProfile", "profileId": "1", "concurrentProcesses": 0, "numActivations": 0,
        "concurrencyMode": "network", "subscriptionPeriod": 10, "subscriptionEndDate": null,
        "subscriptionLastActivated": null, "maintenanceEndDate": null,
        "applicationAgility": [{"name": "TEST1", "value": "udf1"}, {"name": "TEST2", "value": "udf2"}],
        "serverFunctions": [
            {"functionName": "LTCO", "enabled": "ON", "parameterValue": "20"},
            {"functionName": "FeatureAvailability", "enabled": "ON", "parameterValue": ""},
            {"functionName": "Otherfunc", "enabled": "OFF", "parameterValue": ""},
        ],
        "currentLiveActivations": 0,
    });
    for (name, expected) in figures.as_object().expect("an object") {
        assert_eq!(&license[name], expected, "{name}");
    }
    let feature = |code: &str| {
        let features = license["features"].as_array().expect("features");
        features.iter().find(|feature| feature["featureCode"] == code).expect("the feature").clone()
    };
    assert_eq!(
        feature("FEAT1"),
        json!({"featureCode": "FEAT1", "featureAvailability": "ON", "featureType": "ElementPool",
            "featureDetails": ["elementLimit : 10", "elementCount : 0"]})
    );
    assert_eq!(feature("EPOOL")["featureDetails"], json!(["elementLimit : 15", "elementCount : 0"]));
    assert_eq!(feature("FEAT3API04")["featureAvailability"], "OFF");
    assert_eq!(license["notes"][0]["type"], "General");
    assert_eq!(license["notes"][0]["description"], "general note");
    assert!(license["notes"][0]["noteId"].is_number());
}

/// Three processes of the example on three devices.
fn devices_come_and_go(demo: &Demo, office: &Office<'_>, code: &str) {
    let product = &office.product;
    let [first, second, third, fourth] =
        ["first", "second", "third", "fourth"].map(|name| Paint::new(demo, product, name));
    for device in [&first, &second, &third] {
        device.ok(&["activate", code]);
    }
    let (exit, said) = fourth.run(&["activate", code]);
    assert_eq!((exit, &said["error"]), (1, &json!("no_seat")), "{said}");

    // Two floating seats for three devices.
    first.ok(&["seat", "FLOAT"]);
    second.ok(&["seat", "FLOAT"]);
    let (exit, said) = third.run(&["seat", "FLOAT"]);
    assert_eq!((exit, &said["error"]), (1, &json!("no_seat")), "{said}");
    assert_eq!(floating(office, code), json!(["maximumActive : 2", "totalActive : 2"]));
    first.ok(&["return-seat", "FLOAT"]);
    third.ok(&["seat", "FLOAT"]);

    // The lease passes; who renews goes on, who does not has lapsed. Places stay taken: nobody returned one.
    let past = (LEASE_HOURS + 1) * 3600;
    advance(demo, &format!("PT{}H", LEASE_HOURS + 1));
    first.ok(&["renew"]);
    first.ok(&["status"]);
    assert_eq!(second.run_later(&["status"], past).0, 1, "a lease that was not renewed has lapsed");
    let read = office.get(&format!("licensecode?productId={PRODUCT}&licenseCode={code}"));
    assert_eq!(read[0]["numActivations"], 3);
    assert_eq!(read[0]["currentLiveActivations"], 1);

    third.ok(&["return"]);
    assert_eq!(floating(office, code), json!(["maximumActive : 2", "totalActive : 1"]));
    first.ok(&["system"]);
}

fn floating(office: &Office<'_>, code: &str) -> Value {
    let read = office.get(&format!("licensecode?productId={PRODUCT}&licenseCode={code}"));
    let features = read[0]["features"].as_array().expect("features").clone();
    features.into_iter().find(|feature| feature["featureCode"] == "FLOAT").expect("the feature")["featureDetails"]
        .clone()
}

fn a_trial_becomes_a_license(demo: &Demo, office: &Office<'_>) {
    let product = &office.product;
    let device = Paint::new(demo, product, "tried");
    device.ok(&["trial"]);
    let trials = office.get("trials?pageNumber=1");
    let trial = &trials[0];
    assert_eq!(trial["productId"], PRODUCT);
    assert_eq!(trial["trialPeriod"], "10");
    assert_eq!(trial["trialStatus"], "In Trial");
    assert_eq!((&trial["converted"], &trial["licenseCode"]), (&json!("false"), &json!("")));
    device.ok(&["activate", "123410225741720791"]);
    let trials = office.get("trials?pageNumber=1&converted=true");
    assert_eq!(trials.as_array().map(Vec::len), Some(1));
    assert_eq!((&trials[0]["converted"], &trials[0]["licenseCode"]), (&json!("true"), &json!("123410225741720791")));
    let computer = trials[0]["computerId"].as_str().expect("an id").replace('+', "%2B");
    assert_eq!(office.get(&format!("trial?productId={PRODUCT}&computerId={computer}")), "Trial Activated");
}

/// Request, answer and proof travel as files; the back office carries them.
fn a_device_that_is_never_online(demo: &Demo, office: &Office<'_>) {
    let product = &office.product;
    let device = Paint::new(demo, product, "far away");
    let keys = demo.native("GET", &format!("/device/v1/products/{product}/keys"), None).ok();
    let key = keys["keys"][0]["public_key"].as_str().expect("a key").to_owned();
    assert_eq!(&keys["product"], product);
    let device_with_key = |words: &[&str]| {
        let words: Vec<&str> = ["--key", &key].into_iter().chain(words.iter().copied()).collect();
        device.ok(&words)
    };
    let [request, answer, proof] = ["request", "answer", "proof"].map(|name| demo.file(name).display().to_string());
    device_with_key(&["request", "567810225741720792", &request]);
    let carry = |file: &str| std::fs::read_to_string(file).expect("a file").trim().to_owned();
    let body = json!({"productId": PRODUCT, "activationCertificate": carry(&request)}).to_string();
    let answered = office.post("OfflineActivation", &body);
    assert_eq!(office.post("OfflineActivation", &body), answered, "the same request gets the same answer");
    std::fs::write(&answer, answered.as_str().expect("a string")).expect("written");
    device_with_key(&["accept", &answer]);
    device_with_key(&["run", "--no-renew"]);
    let read = office.get(&format!("licensecode?productId={PRODUCT}&licenseCode=567810225741720792"));
    assert_eq!(read[0]["numActivations"], 1, "one request, one place");

    device_with_key(&["return-offline", &proof]);
    let body = json!({"productId": PRODUCT, "deActivationCertificate": carry(&proof)}).to_string();
    assert_eq!(office.post("OfflineDeActivation", &body), "OK");
    assert_eq!(office.post("OfflineDeActivation", &body), "OK");
    let read = office.get(&format!("licensecodes?productId={PRODUCT}&pageNumber=1&used=true&activated=false"));
    assert_eq!(read[0]["licenseCode"], "567810225741720792");
    assert_eq!((&read[0]["numActivations"], &read[0]["numDeActivations"]), (&json!(0), &json!(1)));
}

fn the_back_office_sees_it_all(office: &Office<'_>, generated: &[String]) {
    assert_eq!(office.get("licensecodes?pageNumber=0"), json!([{"count": 5}]));
    assert_eq!(office.get("LicenseCodes"), json!([{"count": 5}]));
    let page = office.get("licensecodes?pagenumber=1&pagesize=2&getsfs=1");
    let page = page.as_array().expect("a page");
    assert_eq!(page.len(), 2);
    assert!(page[0]["serverFunctions"].is_array() && page[0].get("notes").is_none());
    assert_eq!(page[0]["profileId"], "1");
    assert_eq!(office.get("licensecodes?pagenumber=9&pagesize=2"), json!([]));

    let code = &generated[0];
    let activity = office.get(&format!("licensecodeactivity?productId={PRODUCT}&licenseCode={code}&getSysInfo=1"));
    let records = activity.as_array().expect("records");
    assert_eq!(records.len(), 3);
    let states: Vec<_> = records.iter().map(|record| record["status"].as_str().expect("a status")).collect();
    assert_eq!(states, ["ACTIVATED", "ACTIVATED", "DEACTIVATED"]);
    assert!(records[0]["systemInfo"].is_object() && records[1]["systemInfo"].is_null());
    assert_eq!(records[0]["vmLeasePeriod"], 0);
    assert!(records[2]["deactivated"].is_string() && records[0]["deactivated"].is_null());
    let counted = format!("licensecodeactivity?productId={PRODUCT}&licenseCode={code}&activated=1&pageNumber=0");
    assert_eq!(office.get(&counted), json!([{"count": 2}]));

    let product = office.get(&format!("product?productId={PRODUCT}"));
    assert_eq!(product[0]["productName"], "APITest 0110");
    assert_eq!(product[0]["clientOfflineLeasePeriod"], 24);
    assert_eq!(product[0]["trialPeriod"], 10);
    assert_eq!(product[0]["features"][0]["featureGroup"], "groupAPI1");
    let free = office.get(&format!("nextlicensecode?productId={PRODUCT}&profileName=testingProfile&amount=2"));
    assert_eq!(codes(&free), [generated[1].clone()], "what is used or handed out is not handed out again");
    let none = office.ask("GET", &format!("nextlicensecode?productId={PRODUCT}&profileName=testingProfile"), None);
    assert_eq!(none.status, 404);
    assert_eq!(none.body, "Error: No License Codes Available. Getting Next License Code Failed");
}

#[test]
fn the_main_job_from_end_to_end_on_sqlite() {
    the_main_job_from_end_to_end(Engine::Sqlite);
}

#[test]
fn the_main_job_from_end_to_end_on_postgres() {
    the_main_job_from_end_to_end(Engine::Postgres);
}
