//! What computers make happen, seen through the calls: activations, figures of features, trials, certificates.

use crate::shapes::assert_same;
use crate::transcript::is_instant;
use crate::world::{World, example};
use lessor_core::device;
use lessor_lease::{Document, KeyTable, OfflineRequest, ReturnProof, Signer, VERSION};
use lessor_testkit::{Bench, on_both_engines};
use lessor_zentitle::KeyType;
use serde_json::{Value, json};

const PRODUCT: &str = "6872450105";
const COMPUTER: &str = "oLh+T3o+A39g5Sz/8Ug8";

fn answer(name: &str) -> Value {
    serde_json::from_str(&example(name)).expect("an example answer")
}

/// A tenant with one product and one code `1` on which features are switched on.
async fn with_code(bench: &Bench) -> (World, lessor_core::ProductId) {
    let world = World::new(bench).await;
    let product = world.example_product(PRODUCT).await;
    let codes = json!({"productId": PRODUCT, "licenseCodes": ["1"]});
    world.post("LicenseCode", &codes.to_string()).await.ok();
    let on = json!({
        "productId": PRODUCT, "licenseCode": "1", "clientsAllowed": 2,
        "features": [
            {"featureCode": "FLOAT", "featureAvailability": "on", "limit": 3},
            {"featureCode": "EPOOL", "featureAvailability": "on", "limit": "100"},
            {"featureCode": "TOKEN", "featureAvailability": "on"},
        ],
    });
    world.put("LicenseCode", &on.to_string()).await.ok();
    let tokens = json!({"productId": PRODUCT, "licenseCode": "1", "featureCode": "TOKEN", "tokenMax": "200"});
    let done = world.put("ConsumptionTokens", &tokens.to_string()).await.ok();
    assert_eq!(done, "Consumption Tokens Updated Successfully");
    (world, product)
}

impl World {
    async fn code(&self, query: &str) -> Value {
        self.get(&format!("LicenseCode?licenseCode=1{query}")).await.ok()[0].clone()
    }

    async fn details(&self, feature: &str, query: &str) -> Value {
        let code = self.code(query).await;
        let features = code["features"].as_array().expect("features");
        features.iter().find(|known| known["featureCode"] == feature).expect("a feature")["featureDetails"].clone()
    }
}

on_both_engines! {
    an_activation_shows_in_the_code_and_in_its_activity(bench) {
        let (world, product) = with_code(&bench).await;
        world.activate(product, Some("1"), COMPUTER).await.expect("an activation");
        world.activate(product, Some("1"), "other-computer").await.expect("an activation");
        let full = world.activate(product, Some("1"), "third-computer").await;
        assert!(full.is_err());
        let code = world.code("").await;
        assert_eq!((&code["numActivations"], &code["currentLiveActivations"]), (&json!(2), &json!(2)));
        assert_eq!(code["subscriptionLastActivated"], "2026-01-01T00:00:00Z");
        assert_eq!(code["subscriptionEndDate"], "2026-04-11T00:00:00Z");

        let query = format!("productId={PRODUCT}&licenseCode=1");
        let list = world.get(&format!("licensecodeactivity?{query}&activated=1&getSysInfo=1")).await.ok();
        // The example spells some members in a way that its own table does not.
        let spelled = ["vmLeasePeriod", "vmLeaseperiod", "clientLeaseEndDate", "clientleaseenddate", "userName", "username", "systemInfo"];
        assert_same(&list, &json!([answer("GET-LicenseCodeActivity.answer.json")]), &spelled);
        assert_same(&list[0]["systemInfo"], &answer("GET-SystemDetails.answer.json"), &[]);
        assert_eq!(list[0]["systemInfo"]["operatingSystem"], "Plan 9");
        assert_eq!(list[0]["systemInfo"]["cores"], "4");
        assert_eq!(list[0], json!({
            "licenseCode": "1", "computerId": COMPUTER, "systemInfo": list[0]["systemInfo"], "status": "ACTIVATED",
            "vmLeasePeriod": 1, "clientLeaseEndDate": "2026-01-01T02:00:00Z", "leaseLastDate": "2026-01-01T00:00:00Z",
            "vmPlatform": "", "userName": "", "activated": "2026-01-01T00:00:00Z", "deactivated": null,
        }));
        let names: Vec<_> = list[0].as_object().expect("an object").keys().collect();
        assert_eq!(names, ["licenseCode", "computerId", "systemInfo", "status", "vmLeasePeriod", "clientLeaseEndDate",
            "leaseLastDate", "vmPlatform", "userName", "activated", "deactivated"]);
        assert!(world.get(&format!("licensecodeactivity?{query}")).await.ok()[0].get("systemInfo").is_none());
        let on_computer = world.get("activatedlicensecodes?computerId=oLh+T3o+A39g5Sz/8Ug8").await.ok();
        assert_same(&on_computer, &answer("GET-ActivatedLicenseCodes.answer.json"), &[]);
        assert_eq!(on_computer, json!([{"productId": PRODUCT, "licenseCode": "1"}]));
        assert_eq!(world.get("activatedlicensecodes?computerId=nowhere").await.ok(), json!([]));

        // Two hours later the leases are over: still activated, no longer live.
        bench.pass_hours(2);
        let code = world.code("").await;
        assert_eq!((&code["numActivations"], &code["currentLiveActivations"]), (&json!(2), &json!(0)));

        let body = json!({"productId": PRODUCT, "licenseCode": "1"}).to_string();
        assert_eq!(world.put("LicenseCodeActivity", &body).await.ok(), "OK");
        assert_eq!(world.put("LicenseCodeActivity", &body).await.ok(), "OK");
        let row = world.get("LicenseCodes?pageNumber=1").await.ok()[0].clone();
        assert_eq!((&row["numActivations"], &row["numDeActivations"]), (&json!(0), &json!(2)));
        let list = world.get(&format!("licensecodeactivity?{query}&pageNumber=2&pageSize=1")).await.ok();
        assert_eq!((list.as_array().map(Vec::len), &list[0]["status"]), (Some(1), &json!("DEACTIVATED")));
        assert_eq!(list[0]["deactivated"], "2026-01-01T02:00:00Z");
        assert_eq!(world.get(&format!("licensecodeactivity?{query}&pageNumber=0")).await.ok(), json!([{"count": 2}]));
        assert_eq!(world.get(&format!("licensecodeactivity?{query}&pageNumber=0&activated=1")).await.ok(), json!([{"count": 0}]));
        let unnumbered = world.get(&format!("licensecodeactivity?{query}&pageSize=5")).await;
        assert_eq!(unnumbered.refused(), (400, "Missing pageNumber".into()));
        assert_eq!(world.get("LicenseCodes?used=true&activated=false").await.ok(), json!([{"count": 1}]));
    }

    activity_is_erased_by_computer_or_altogether(bench) {
        let (world, product) = with_code(&bench).await;
        world.activate(product, Some("1"), COMPUTER).await.expect("an activation");
        world.activate(product, Some("1"), "other-computer").await.expect("an activation");
        let query = format!("productId={PRODUCT}&licenseCode=1");
        let one = world.delete(&format!("licensecodeactivity?{query}&computerId=oLh%2BT3o%2BA39g5Sz/8Ug8")).await;
        assert_eq!(one.ok(), "OK");
        let again = world.delete(&format!("licensecodeactivity?{query}&computerId=oLh%2BT3o%2BA39g5Sz/8Ug8")).await;
        assert_eq!(again.refused().0, 404);
        assert_eq!(world.code("").await["numActivations"], 1);
        assert_eq!(world.get(&format!("NextLicenseCode?productId={PRODUCT}")).await.refused().0, 404);
        assert_eq!(world.delete(&format!("licensecodeactivity?{query}")).await.ok(), "OK");
        assert_eq!(world.delete(&format!("licensecodeactivity?{query}")).await.ok(), "OK");
        assert_eq!(world.get(&format!("licensecodeactivity?{query}")).await.ok(), json!([]));
        assert_eq!(world.get(&format!("NextLicenseCode?productId={PRODUCT}")).await.ok(), json!({"licenseCodes": ["1"]}));
        let unknown = world.delete(&format!("licensecodeactivity?productId={PRODUCT}&licenseCode=2")).await;
        assert_eq!(unknown.refused(), (404, "License Code Not Found".into()));
    }

    figures_of_features_are_those_of_now_and_break_down_by_computer(bench) {
        let (world, product) = with_code(&bench).await;
        let one = world.activate(product, Some("1"), COMPUTER).await.expect("an activation");
        let two = world.activate(product, Some("1"), "other-computer").await.expect("an activation");
        let (first, second) = (one.clone(), two.clone());
        world.on_device(move |tx, cx| {
            device::check_out_seats(tx, cx, &first, "FLOAT", 2)?;
            device::check_out_seats(tx, cx, &second, "FLOAT", 1)?;
            device::draw_elements(tx, cx, &first, &device::Draw { feature: "EPOOL".into(), amount: 40 })?;
            device::check_out_tokens(tx, cx, &second, "TOKEN", 20)
        }).await;
        assert_eq!(world.details("FLOAT", "").await, json!(["maximumActive : 3", "totalActive : 3"]));
        assert_eq!(world.details("EPOOL", "").await, json!(["elementLimit : 100", "elementCount : 40"]));
        assert_eq!(world.details("TOKEN", "").await, json!(["tokenLimit : 200", "tokenCount : 20"]));
        let by_computer = world.details("TOKEN", "&details=1").await;
        let expected = json!(["tokenLimit : 200", "tokenCount : 20", "computerId : other-computer", "total : 20"]);
        assert_eq!(by_computer, expected);
        let by_user = world.details("EPOOL", "&userDetails=1&details=1").await;
        assert_eq!(by_user, json!(["elementLimit : 100", "elementCount : 40",
            format!("computerId : {COMPUTER}"), "userName : ", "total : 40"]));

        let tokens = |members: Value| {
            let mut body = json!({"productId": PRODUCT, "licenseCode": "1", "featureCode": "TOKEN"});
            body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
            body.to_string()
        };
        let set = world.put("ConsumptionTokens", &tokens(json!({"computerId": COMPUTER, "checkedOutTokens": 10}))).await;
        assert_eq!(set.ok(), "Consumption Tokens Updated Successfully");
        assert_eq!(world.details("TOKEN", "").await, json!(["tokenLimit : 200", "tokenCount : 30"]));
        let refused = [
            (json!({}), (400, "Missing tokenMax")),
            (json!({"computerId": COMPUTER}), (400, "Missing tokenMax")),
            (json!({"checkedOutTokens": 1}), (400, "Missing computerId")),
            (json!({"tokenMax": -1}), (400, "Invalid tokenMax")),
            (json!({"tokenMax": 2_000_000_001_i64}), (400, "Invalid tokenMax")),
            (json!({"checkedOutTokens": 181, "computerId": COMPUTER}), (400, "Invalid checkedOutTokens")),
            (json!({"tokenMax": 1, "featureCode": "FLOAT"}), (400, "Invalid featureCode")),
            (json!({"tokenMax": 1, "featureCode": "NONE"}), (404, "Feature Not Found")),
            (json!({"tokenMax": 1, "licenseCode": "2"}), (404, "License Code Not Found")),
        ];
        for (members, (status, reason)) in refused {
            let answer = world.put("ConsumptionTokens", &tokens(members.clone())).await;
            assert_eq!(answer.refused(), (status, reason.to_owned()), "{members}");
        }
        assert_eq!(world.details("TOKEN", "").await, json!(["tokenLimit : 200", "tokenCount : 30"]));
        let lowered = world.put("ConsumptionTokens", &tokens(json!({"tokenMax": "5", "computerId": COMPUTER}))).await;
        lowered.ok();
        assert_eq!(world.details("TOKEN", "").await, json!(["tokenLimit : 5", "tokenCount : 30"]));
    }

    trials_start_end_convert_and_are_forgotten(bench) {
        let (world, product) = with_code(&bench).await;
        let trial = async |computer: &str| world.get(&format!("trial?productId={PRODUCT}&computerId={computer}")).await.ok();
        assert_eq!(trial(COMPUTER).await, "Trial Does Not Exist");
        world.activate(product, None, COMPUTER).await.expect("a trial");
        world.activate(product, None, "other-computer").await.expect("a trial");
        assert_eq!(trial(COMPUTER).await, "In Trial");
        let list = world.get("Trials?pageNumber=1").await.ok();
        assert_same(&list, &answer("GET-Trials.answer.json"), &[]);
        assert_eq!(list[0], json!({
            "productId": PRODUCT, "computerId": COMPUTER, "trialPeriod": "10", "created": "2026-01-01T00:00:00Z",
            "modified": "2026-01-01T00:00:00Z", "leaseEndDate": "2026-01-01T02:00:00Z", "expires": "2026-01-11T00:00:00Z",
            "trialStatus": "In Trial", "converted": "false", "licenseCode": "",
        }));
        bench.pass_hours(24);
        world.activate(product, Some("1"), COMPUTER).await.expect("a conversion");
        assert_eq!(trial(COMPUTER).await, "Trial Activated");
        let activated = world.delete(&format!("trial?productId={PRODUCT}&computerId={COMPUTER}")).await;
        assert_eq!(activated.refused(), (409, "Trial Activated".into()));
        let count = async |query: &str| world.get(&format!("trials?{query}")).await.ok()[0]["count"].clone();
        assert_eq!(count("").await, 2);
        assert_eq!(count("converted=true").await, 1);
        assert_eq!(count("trialStatus=INTRIAL").await, 2);
        assert_eq!(count("trialStatus=expired").await, 0);
        assert_eq!(count("expiresBefore=2026-01-11").await, 0);
        assert_eq!(count("expiresBefore=2026-01-11T00:00:01&expiresAfter=2026-01-10T23:59").await, 2);
        assert_eq!(count("expiresWithinDays=9").await, 0);
        assert_eq!(count("expiresWithinDays=10").await, 2);
        assert_eq!(count("createdWithinDays=1").await, 0);
        assert_eq!(count("createdWithinDays=2&createdBefore=2026-01-02").await, 2);
        assert_eq!(count("computerId=oLh+T3o+A39g5Sz/8Ug8&productId=6872450105").await, 1);
        let converted = world.get("Trials?pageNumber=1&pageSize=1&converted=true").await.ok();
        assert_eq!((&converted[0]["converted"], &converted[0]["licenseCode"]), (&json!("true"), &json!("1")));
        bench.pass_hours(10 * 24);
        assert_eq!(trial("other-computer").await, "Trial Expired");
        let gone = world.delete(&format!("trial?productId={PRODUCT}&computerId=other-computer")).await;
        assert_eq!(gone.ok(), "Trial Deleted Successfully");
        let again = world.delete(&format!("trial?productId={PRODUCT}&computerId=other-computer")).await;
        assert_eq!(again.refused(), (404, "Trial Not Found".into()));
    }

    a_computer_that_told_nothing_has_no_details(bench) {
        let (world, product) = with_code(&bench).await;
        world.activate(product, Some("1"), COMPUTER).await.expect("an activation");
        let details = world.get(&format!("systemdetails?productId={PRODUCT}&computerId=oLh+T3o+A39g5Sz/8Ug8")).await.ok();
        assert_eq!((&details["computerId"], &details["screenResX"]), (&json!(COMPUTER), &json!("1920")));
        assert_eq!(details["bitage"], "");
        let none = world.get(&format!("systemdetails?productId={PRODUCT}&computerId=nothing")).await;
        assert_eq!(none.json(), "Error: No System Info Data. Getting System Details Failed");
        assert_eq!(none.status, 404);
    }

    a_computer_that_is_never_online_is_activated_and_given_back_by_certificates(bench) {
        let (world, product) = with_code(&bench).await;
        let signer = Signer::from_seed([2; 32]);
        let request = OfflineRequest {
            v: VERSION,
            product: format!("zentitle:product:{PRODUCT}"),
            license: Some("1".into()),
            device: "offline-computer".into(),
            device_key: signer.public_key().to_hex(),
            user: String::new(),
            request: "00112233445566778899aabbccddeeff".into(),
            created: bench.app.now().seconds(),
            device_name: String::new(),
            system: None,
            consumer: None,
        };
        let certificate = request.sign(&signer).expect("a request").to_string();
        let body = json!({"productId": PRODUCT, "activationCertificate": certificate}).to_string();
        let given = world.call(KeyType::Offline, "POST", "OfflineActivation", &body).await.ok();
        let again = world.post("offlineactivation", &body).await.ok();
        assert_eq!(given, again);
        let code = world.code("").await;
        assert_eq!((&code["numActivations"], &code["currentLiveActivations"]), (&json!(1), &json!(1)));
        let keys = bench.read(move |tx, _| lessor_core::catalog::public_keys(tx, product)).await.expect("keys");
        let mut table = KeyTable::new();
        keys.into_iter().for_each(|(key, _)| table.insert(key));
        let document = Document::parse(given.as_str().expect("text")).expect("a document");
        let lease = document.open_answer(&table).expect("an answer").lease;
        assert_eq!(lease.expires_at, Some(bench.app.now().plus_hours(24).seconds()));

        let proof = ReturnProof {
            v: VERSION,
            activation: lease.activation,
            device: lease.device,
            created: bench.app.now().seconds(),
            number: lease.number,
        };
        let proof = proof.sign(&signer).expect("a proof").to_string();
        let body = json!({"productId": PRODUCT, "deActivationCertificate": proof}).to_string();
        assert_eq!(world.call(KeyType::Offline, "POST", "OfflineDeActivation", &body).await.ok(), "OK");
        assert_eq!(world.post("OfflineDeActivation", &body).await.ok(), "OK");
        assert_eq!(world.code("").await["numActivations"], 0);

        for (controller, field) in [("OfflineActivation", "activationCertificate"), ("OfflineDeActivation", "deActivationCertificate")] {
            for bad in ["x", "00", &certificate.replace('a', "b"), &"0".repeat(64 * 1024)] {
                let body = json!({"productId": PRODUCT, field: bad}).to_string();
                assert_eq!(world.post(controller, &body).await.refused(), (400, format!("Invalid {field}")), "{bad:.20}");
            }
        }
        bench.pass_hours(15 * 24);
        let late = OfflineRequest { request: "1".repeat(32), ..request };
        let late = json!({"productId": PRODUCT, "activationCertificate": late.sign(&signer).expect("a request").to_string()});
        assert_eq!(world.post("OfflineActivation", &late.to_string()).await.refused(), (400, "Certificate Too Old".into()));
    }

    dates_of_answers_have_one_form(bench) {
        let (world, _) = with_code(&bench).await;
        bench.clock.move_to(bench.app.now().plus_micros(1_700_000));
        let codes = json!({"productId": PRODUCT, "licenseCodes": ["later"]});
        world.post("LicenseCode", &codes.to_string()).await.ok();
        let created = world.get("LicenseCode?licenseCode=later").await.ok()[0]["created"].clone();
        assert_eq!(created, "2026-01-01T00:00:01.7Z");
        assert!(is_instant("2026-01-01T00:00:01.7Z") && !is_instant("2026-01-01T00:00:01.70Z"));
    }
}
