//! A software vendor with two products, a reseller, companies, codes and devices; and a second, unrelated vendor.

use super::door::{Door, made};
use super::{Credentials, World, branch, random_password};
use crate::demo::credentials::{OtherZentitle, Zentitle};
use lessor_core::account::Kind;
use lessor_core::device::{self, Activate, DeviceCredential, DeviceFacts, Draw, Renew, TokenUse};
use lessor_core::{AccountId, Actor, Caller, Error, Noun, ProductId, account, alias, catalog};
use lessor_zentitle::{KeyType, create_key, create_reseller, ids, set_up_tenant};
use serde_json::{Value, json};
use std::sync::Arc;

/// The products' numbers; the dialect's own documents use them in their examples.
const FIRST_PRODUCT: &str = "6453300110";
const SECOND_PRODUCT: &str = "6872450105";
/// The code that has everything: devices, seats, elements, tokens, notes.
const MAIN_CODE: &str = "206454320110930859";
/// A code of the second product that the dialect's documents show notes of.
const NOTED_CODE: &str = "27835001310249256";
/// Longer than a lease, so that what was not renewed has lapsed.
const LEASE_HOURS: i64 = 168;

/// Makes both vendors and fills in their keys.
pub(super) async fn make(world: &World, root: AccountId, credentials: &mut Credentials) -> Result<(), Error> {
    let (vendor, keys) = make_tenant(world, root, "Northlight Software", "1234", "64533").await?;
    let door = Door::new(lessor_zentitle::router(world.app.clone()), format!("bearer 1234:{}", keys.read_write));
    let script = Script { world, vendor, door };
    script.run().await?;
    credentials.zentitle = Some(keys);

    let (_, other) = make_tenant(world, root, "Bluebird Tools", "5678", "70001").await?;
    let door = Door::new(lessor_zentitle::router(world.app.clone()), format!("bearer 5678:{}", other.read_write));
    let product = door.post("/api/v2/Product", &json!({ "productName": "Bluebird Editor" })).await?;
    let code = json!({ "productId": made(&product), "licenseCodes": ["500000000000000001"] });
    door.post("/api/v2/LicenseCode", &code).await?;
    credentials.zentitle_other = Some(OtherZentitle { customer_id: other.customer_id, read_write: other.read_write });
    Ok(())
}

async fn make_tenant(
    world: &World,
    root: AccountId,
    name: &'static str,
    number: &'static str,
    prefix: &'static str,
) -> Result<(AccountId, Zentitle), Error> {
    world
        .app
        .write(&world.app.system(), move |tx, cx| {
            let vendor = account::create(tx, cx, &branch(Some(root), Kind::Vendor, name))?;
            set_up_tenant(tx, cx, vendor.id, number, prefix)?;
            let mut key = |kind: KeyType| {
                let label = format!("Demo {}", kind.word());
                create_key(tx, cx, vendor.id, kind, &label)
            };
            let keys = Zentitle {
                customer_id: number.into(),
                read_only: key(KeyType::ReadOnly)?,
                read_write: key(KeyType::ReadWrite)?,
                offline: key(KeyType::Offline)?,
                ds: key(KeyType::Stream)?,
                saas: key(KeyType::Saas)?,
            };
            Ok((vendor.id, keys))
        })
        .await
}

/// The first vendor's story.
struct Script<'a> {
    world: &'a World,
    vendor: AccountId,
    door: Door,
}

/// A device of the story.
struct Machine {
    device: DeviceCredential,
}

impl Script<'_> {
    async fn run(&self) -> Result<(), Error> {
        self.make_surroundings().await?;
        let first = self.make_first_product().await?;
        let second = self.make_second_product().await?;
        self.make_companies().await?;
        self.world.at_days(45).await?;
        self.make_codes().await?;
        self.settle_main_code().await?;
        self.tell_of_people().await?;
        self.make_groups().await?;
        self.live(first, second).await
    }

    /// A reseller, and a server function beside those that every tenant has.
    async fn make_surroundings(&self) -> Result<(), Error> {
        let vendor = self.vendor;
        self.world
            .app
            .write(&self.world.app.system(), move |tx, cx| {
                catalog::register_function(tx, cx, vendor, "Otherfunc", false, false)?;
                create_reseller(tx, cx, vendor, "reseller12").map(|_| ())
            })
            .await
    }

    async fn make_first_product(&self) -> Result<ProductId, Error> {
        let made = self.door.post("/api/v2/Product", &first_product()).await.map(|answer| made(&answer))?;
        let id = self.renumber(made, FIRST_PRODUCT).await?;
        let features = json!({ "productId": FIRST_PRODUCT, "features": [
            { "featureCode": "FLOAT", "featureName": "Floating seats", "notes": "Seats shared by all devices", "featureType": "floating" },
            { "featureCode": "EPOOL", "featureName": "Element pool", "notes": "Elements drawn from a pool", "featureType": "elementpool" },
            { "featureCode": "TOKEN", "featureName": "Tokens", "notes": "Tokens that are used up", "featureType": "consumptiontokens" },
        ]});
        self.door.post("/api/v2/ProductFeatures", &features).await?;
        let profile = json!({
            "productId": FIRST_PRODUCT, "profileName": "testingProfile", "enabledForUse": "true",
            "licenseType": "perpetual", "clientsAllowed": 3, "clientLeasePeriod": LEASE_HOURS,
            "clientOfflineLeasePeriod": 30, "concurrentProcesses": 15,
            "features": [
                { "featureCode": "FEAT1API01", "featureAvailability": "on" },
                { "featureCode": "FEAT3API03", "featureAvailability": "on", "limit": 5 },
                { "featureCode": "FLOAT", "featureAvailability": "on", "limit": 5 },
                { "featureCode": "EPOOL", "featureAvailability": "on", "limit": 1000 },
                { "featureCode": "TOKEN", "featureAvailability": "on" },
            ],
            "applicationAgility": [{ "name": "TEST1", "value": "6" }],
            "serverFunctions": [{ "functionName": "LTCO", "enabled": "on", "parameterValue": 20 }],
        });
        self.door.post("/api/v2/Profile", &profile).await?;
        Ok(id)
    }

    async fn make_second_product(&self) -> Result<ProductId, Error> {
        let product = json!({
            "productName": "Product A 0105", "clientLeasePeriod": LEASE_HOURS, "clientOfflineLeasePeriod": 1,
            "clientsAllowed": 2,
            "features": [
                { "featureCode": "FEAT2", "featureName": "Example Feature 2", "notes": "Example Feature 2", "featureType": "floating" },
                { "featureCode": "FEAT5", "featureName": "Example Feature 3", "notes": "Example Feature 3" },
            ],
            "applicationAgility": [{ "name": "TEST1", "value": "Prod1Default" }, { "name": "TEST2", "value": "Prod1Default2" }],
        });
        let made = self.door.post("/api/v2/Product", &product).await.map(|answer| made(&answer))?;
        self.renumber(made, SECOND_PRODUCT).await
    }

    /// Gives a product the number it has in the dialect's own documents.
    async fn renumber(&self, made: String, wanted: &'static str) -> Result<ProductId, Error> {
        let vendor = self.vendor;
        self.world
            .app
            .write(&self.world.app.system(), move |tx, _| {
                let id = alias::resolve(tx, vendor, ids::PRODUCT, &made)?.ok_or(Error::not_found(Noun::Product))?;
                alias::take(tx, ids::PRODUCT, id)?;
                alias::give(tx, vendor, ids::PRODUCT, wanted, id, Noun::Product)?;
                Ok(ProductId(id))
            })
            .await
    }

    async fn make_companies(&self) -> Result<(), Error> {
        let companies = [
            json!({ "company": "MyCompany LLC", "productId": SECOND_PRODUCT, "search1": "My reference 1",
                "companyData": { "firstname": "Eva", "country": "UK", "email": "eva@mycompany.example" } }),
            json!({ "company": "SuperStyle LLC", "productId": SECOND_PRODUCT, "search1": "refernce 1",
                "companyData": { "firstname": "Kevin", "lastname": "Charles", "email": "kevin@superstyle.example" } }),
            json!({ "company": "abcLtd", "productId": FIRST_PRODUCT, "global": 1 }),
            json!({ "company": "My Company", "productId": FIRST_PRODUCT, "reseller": "reseller12" }),
        ];
        for company in &companies {
            self.door.post("/api/v2/Company", company).await?;
        }
        Ok(())
    }

    /// Twenty codes: twelve of the first product in its profile, eight of the second without one.
    async fn make_codes(&self) -> Result<(), Error> {
        let first: Vec<String> = (1..12).map(|n| (278_310_026_536_907_900u64 + n).to_string()).collect();
        let mut second: Vec<String> = (1..8).map(|n| (286_502_700_212_974_760u64 + n).to_string()).collect();
        second.push(NOTED_CODE.into());
        let batches = [
            json!({ "productId": FIRST_PRODUCT, "profileName": "testingProfile", "licenseCodes": [MAIN_CODE], "orderId": "orderID_1" }),
            json!({ "productId": FIRST_PRODUCT, "profileName": "testingProfile", "licenseCodes": first[..5], "companyId": 3, "orderId": "orderId_44" }),
            json!({ "productId": FIRST_PRODUCT, "profileName": "testingProfile", "licenseCodes": first[5..], "orderId": "orderId_41_12" }),
            json!({ "productId": SECOND_PRODUCT, "licenseCodes": second[..4], "companyId": 1, "reference": "LCforProductA" }),
            json!({ "productId": SECOND_PRODUCT, "licenseCodes": second[4..] }),
        ];
        for batch in &batches {
            self.door.post("/api/v2/LicenseCode", batch).await?;
        }
        Ok(())
    }

    async fn settle_main_code(&self) -> Result<(), Error> {
        let tokens =
            json!({ "productId": FIRST_PRODUCT, "licenseCode": MAIN_CODE, "featureCode": "TOKEN", "tokenMax": 100 });
        self.door.put("/api/v2/ConsumptionTokens", &tokens).await?;
        let notes = json!({
            "productId": FIRST_PRODUCT, "licenseCode": MAIN_CODE, "acquiredByWebservice": "true",
            "notes": [{ "type": "system", "description": "note" }, { "type": "general", "description": "General note updated" }],
        });
        self.door.put("/api/v2/LicenseCode", &notes).await?;
        let cloud =
            json!({ "productId": SECOND_PRODUCT, "licenseCode": "286502700212974761", "concurrencyMode": "cloud" });
        self.door.put("/api/v2/LicenseCode", &cloud).await.map(|_| ())
    }

    /// Notes on a code, and who uses the second product: under a license, told anew two days later, and in a trial.
    async fn tell_of_people(&self) -> Result<(), Error> {
        for (kind, text) in [("general", "Asked for two more seats."), ("system", "Moved from the old back office.")] {
            let note =
                json!({ "productId": SECOND_PRODUCT, "licenseCode": NOTED_CODE, "type": kind, "description": text });
            self.door.post("/api/v2/LicenseNote", &note).await?;
        }
        let john = json!({ "firstname": "John", "lastname": "Doe", "company": "SuperStyle LLC",
            "email": "john@superstyle.example", "country": "United Kingdom" });
        let mut moved = john.clone();
        moved["country"] = json!("Ireland");
        let eva = json!({ "firstname": "Eva", "lastname": "Stone", "email": "eva@mycompany.example" });
        let records = [
            (45, "BLXRrZJJEei4K7qPrJSL", NOTED_CODE, john),
            (44, "P5oSK0sA6aH1lCpfSTgV", "", eva),
            (43, "BLXRrZJJEei4K7qPrJSL", NOTED_CODE, moved),
        ];
        for (days_before, computer, code, person) in records {
            self.world.at_days(days_before).await?;
            let record = json!({ "productId": SECOND_PRODUCT, "computerId": computer, "licenseCode": code, "clientInfo": person });
            self.door.post("/api/v2/ConsumerData", &record).await?;
        }
        Ok(())
    }

    /// A master group of a company with two groups below it, two users and a code to sign in for.
    async fn make_groups(&self) -> Result<(), Error> {
        let master = json!({ "groupName": "TestGroup", "type": "master", "description": "test group", "companyId": 3 });
        let master = made(&self.door.post("/api/v2/Group", &master).await?);
        for name in ["Subgroup1", "GroupTest"] {
            let below = json!({ "groupName": name, "type": "standard", "masterGroupId": master });
            self.door.post("/api/v2/Group", &below).await?;
        }
        let users = [
            json!({ "userName": "test1", "firstName": "John", "lastName": "Smith", "email": "john@abcltd.example",
                "telephone": "+1 8888989988", "additionalData": { "EUPMaster": "true" } }),
            json!({ "userName": "testgroupuser8", "firstName": "Sam", "lastName": "Rivers", "email": "sam@abcltd.example",
                "telephone": "+1 8888989989", "additionalData": { "EUPMaster": "true", "description": "settomaster" } }),
        ];
        for mut user in users {
            user["groupId"] = json!(master);
            // Nobody knows them: whoever wants to sign in sets another one first.
            user["password"] = json!(random_password());
            self.door.post("/api/v2/GroupUser", &user).await?;
        }
        let code = json!({ "groupId": master, "productId": FIRST_PRODUCT, "licenseCode": "278310026536907904" });
        self.door.post("/api/v2/GroupLicenseCode", &code).await.map(|_| ())
    }

    /// What devices did since: four codes are live, one has a lapsed lease, one was returned; of three trials one runs, one
    /// is over and one became a license.
    async fn live(&self, first: ProductId, second: ProductId) -> Result<(), Error> {
        self.world.at_days(40).await?;
        let returned = self.activate(first, Some("278310026536907901"), "kQe0MRH12bYgemkYW2bc").await?;
        let main = self.activate(first, Some(MAIN_CODE), "BLXRrZJ5T9imK7qPrJSL").await?;
        self.report(&main).await?;
        self.world.at_days(35).await?;
        let lapsed = self.activate(first, Some("278310026536907902"), "oLh-T3o-A39g5Sz-8Ug8").await?;
        self.world.at_days(30).await?;
        self.return_license(&returned).await?;
        self.activate(first, None, "MauY67890Gh345678901").await?;
        self.world.at_days(9).await?;
        let tried = self.activate(first, None, "YtUAc6Xx7auMoc-t7H4-").await?;
        self.renew(&lapsed).await?;
        self.world.at_days(5).await?;
        let converted = self.activate(first, Some("278310026536907903"), "YtUAc6Xx7auMoc-t7H4-").await?;
        drop(tried);
        self.world.at_days(2).await?;
        self.activate(first, None, "71zGPlu4Jwg3i2wFEW1X").await?;
        self.activate(second, Some("286502700212974761"), "BLXRrZJ5T9imK7qPrJSL").await?;
        self.activate(second, Some("286502700212974762"), "qR7mPzL0aVx3bNc8dTyU").await?;
        self.world.at_hours(3).await?;
        self.renew(&main).await?;
        self.renew(&converted).await?;
        self.use_features(&main).await
    }

    fn device(&self) -> Caller {
        Caller { actor: Arc::new(Actor::device()), request: self.world.app.new_request() }
    }

    async fn activate(&self, product: ProductId, code: Option<&str>, computer: &str) -> Result<Machine, Error> {
        let cmd = Activate {
            product,
            code: code.map(str::to_owned),
            device: DeviceFacts { fingerprint: computer.into(), ..DeviceFacts::default() },
            end_user: None,
            user: String::new(),
            lease_days: None,
            system: None,
            consumer: None,
        };
        let (leased, _) = self.world.app.write(&self.device(), move |tx, cx| device::activate(tx, cx, &cmd)).await?;
        let activation = leased.activation;
        let secret = self.world.app.secret().device_secret(activation.id, activation.secret_generation);
        Ok(Machine { device: DeviceCredential { activation: activation.id, secret } })
    }

    async fn renew(&self, machine: &Machine) -> Result<(), Error> {
        let cmd = Renew { device: machine.device.clone(), number: None, clock_set_back: None };
        self.world.app.write(&self.device(), move |tx, cx| device::renew(tx, cx, &cmd)).await.map(|_| ())
    }

    async fn return_license(&self, machine: &Machine) -> Result<(), Error> {
        let device = machine.device.clone();
        self.world.app.write(&self.device(), move |tx, cx| device::give_back(tx, cx, &device)).await.map(|_| ())
    }

    async fn report(&self, machine: &Machine) -> Result<(), Error> {
        let device = machine.device.clone();
        let system = json!({
            "operatingSystem": "Microsoft Windows 11 Pro, 64-bit", "bitage": "64", "screenResX": "1920", "screenResY": "1080",
            "processor": "GenuineIntel:Intel(R) Core(TM) i7-4500U CPU @ 1.80GHz", "cores": "4", "memory": "8090",
            "osLanguage": "en-GB", "appLanguage": "en-GB", "type": "DESKTOP", "licenseStatus": "Activated", "version": "2",
            "build": "2", "edition": "ENT", "computerName": "Work_DESKTOP", "vmPlatform": "Physical",
        });
        let consumer =
            json!({ "firstname": "Ada", "lastname": "Byron", "company": "abcLtd", "email": "ada@abcltd.example" });
        self.world
            .app
            .write(&self.device(), move |tx, cx| {
                device::report_system(tx, cx, &device, &system)?;
                device::report_consumer(tx, cx, &device, &consumer)
            })
            .await
    }

    /// Two seats, fifteen elements, and twenty tokens of which five are used up.
    async fn use_features(&self, machine: &Machine) -> Result<(), Error> {
        let device = machine.device.clone();
        self.world
            .app
            .write(&self.device(), move |tx, cx| {
                device::check_out_seats(tx, cx, &device, "FLOAT", 2)?;
                device::draw_elements(tx, cx, &device, &Draw { feature: "EPOOL".into(), amount: 15 })?;
                device::check_out_tokens(tx, cx, &device, "TOKEN", 20)?;
                let used = TokenUse { feature: "TOKEN".into(), give_back: 0, consumed: 5 };
                device::return_tokens(tx, cx, &device, &used).map(|_| ())
            })
            .await
    }
}

/// The product of the dialect's own example.
fn first_product() -> Value {
    json!({
        "productName": "APITest 0110",
        "clientLeasePeriod": "2", "vmLeasePeriod": "1", "clientOfflineLeasePeriod": "1", "clientsAllowed": "2",
        "inTrial": "true", "trialPeriod": "10", "licenseType": "subscriptionPeriod", "subscriptionPeriod": 100,
        "featureGroups": [
            { "featureGroupName": "groupAPI1", "notes": "groupAPI1" },
            { "featureGroupName": "groupAPI2", "notes": "groupAPI2" },
            { "featureGroupName": "groupAPI3" },
        ],
        "features": [
            { "featureCode": "FEAT1API01", "featureName": "featureAPI1", "notes": "featureAPI1", "featureType": "normal",
              "featureGroupName": "groupAPI1", "availableInTrials": "true" },
            { "featureCode": "FEAT2API02", "featureName": "featureAPI2", "featureType": "ConsumptionTokens",
              "notes": "featureAPI2", "featureGroupName": "groupAPI2" },
            { "featureCode": "FEAT3API03", "featureName": "featureAPI3", "featureType": "floating", "notes": "featureAPI3" },
            { "featureCode": "FEAT3API04", "featureName": "featureAPI4", "notes": "featureAPI4" },
        ],
        "applicationAgility": [{ "name": "TEST1", "value": "udf1" }, { "name": "TEST2", "value": "udf2" }],
    })
}
