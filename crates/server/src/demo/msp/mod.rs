//! A vendor of security software that sells through distributors and MSPs: its companies and their people. What it sells is in
//! [`catalog`], what they did since in [`history`].

mod catalog;
mod history;

pub(super) use history::{Event, begins, events};

use super::credentials::{Eset, SignIn};
use super::door::Door;
use super::{Credentials, World, branch, random_password};
use axum::Router;
use catalog::Goods;
use lessor_core::account::{self, Kind};
use lessor_core::identity::Level;
use lessor_core::identity::session::redeem_link;
use lessor_core::identity::user::{self, CreateUser};
use lessor_core::mail::{self, MailFilter};
use lessor_core::order::{self, ChangeOffers};
use lessor_core::{AccountId, App, Error, Noun};
use lessor_eset::Settings;
use lessor_eset::facts::Person;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

const DISTRIBUTOR: &str = "Northwind Distribution";
const OTHER_DISTRIBUTOR: &str = "Southridge Distribution";
const DIVISION: &str = "Northwind North";
const MANAGER: &str = "Contoso Managers";
const TRUSTED: &str = "Contoso East";
const UNTRUSTED: &str = "Contoso West";
const FABRIKAM: &str = "Fabrikam MSP";
const ADATUM: &str = "Adatum MSP";
const OTHER_MSP: &str = "Blue Yonder MSP";
/// The customer whose last month is the example that the dialect's documents work out.
const WORKED_EXAMPLE: &str = "Worked Example Ltd";
const FOURTH_COFFEE: &str = "Fourth Coffee";
const LITWARE: &str = "Litware Dental";
const ALPINE: &str = "Alpine Ski House";
const CITY_POWER: &str = "City Power and Light";
const WINGTIP: &str = "Wingtip Toys";
const HUMONGOUS: &str = "Humongous Insurance";
const TREY: &str = "Trey Research";
const COHO: &str = "Coho Winery";

/// Companies that sell: name, parent, what else `Company/Create` takes, and the codes of what they may order.
const SELLERS: [(&str, &str, &str, &[&str]); 6] = [
    (MANAGER, DIVISION, "manager", &["107", "111", "211"]),
    (FABRIKAM, DIVISION, "", &["107", "111", "211", "2015"]),
    (ADATUM, DISTRIBUTOR, "", &["107", "111"]),
    (OTHER_MSP, OTHER_DISTRIBUTOR, "", &["107"]),
    (TRUSTED, MANAGER, "trusted", &["107", "111", "211"]),
    (UNTRUSTED, MANAGER, "untrusted", &["107", "111", "211"]),
];

/// Customers, and who sells to them.
const CUSTOMERS: [(&str, &str); 9] = [
    (WORKED_EXAMPLE, FABRIKAM),
    (FOURTH_COFFEE, FABRIKAM),
    (LITWARE, FABRIKAM),
    (ALPINE, TRUSTED),
    (CITY_POWER, TRUSTED),
    (WINGTIP, UNTRUSTED),
    (HUMONGOUS, UNTRUSTED),
    (TREY, ADATUM),
    (COHO, OTHER_MSP),
];

/// The vendor's world while it is being made.
pub(super) struct Msp {
    app: App,
    router: Router,
    goods: Goods,
    /// Companies by name.
    companies: Mutex<HashMap<&'static str, Uuid>>,
    /// Who signs in for a company.
    people: Mutex<HashMap<&'static str, SignIn>>,
    /// Keys of licenses, by customer and the code of the product they were ordered for.
    keys: Mutex<HashMap<(&'static str, &'static str), String>>,
}

/// Makes the companies, their people and the catalog, and fills in their credentials. Nobody has ordered anything yet.
pub(super) async fn make(
    world: &World,
    root: AccountId,
    link_page: &str,
    credentials: &mut Credentials,
) -> Result<Msp, Error> {
    let app = world.app.clone();
    let vendor = app
        .write(&app.system(), move |tx, cx| {
            Ok(account::create(tx, cx, &branch(Some(root), Kind::Vendor, "Polaris Security"))?.id)
        })
        .await?;
    let goods = catalog::make(&app, vendor).await?;
    let router = lessor_eset::router(app.clone(), Settings::new(link_page));
    let msp = Msp { app, router, goods, companies: Mutex::default(), people: Mutex::default(), keys: Mutex::default() };
    msp.make_distributors(vendor).await?;
    for (name, parent, what, products) in SELLERS {
        msp.make_seller(name, parent, what, products).await?;
    }
    for (name, seller) in CUSTOMERS {
        let door = msp.door(seller).await?;
        let email = format!("it@{}.example", host(name));
        let made = door.post("/api/Company/Create/customer", &json!({ "name": name, "email": email })).await?;
        msp.learn(name, &made)?;
    }
    msp.goods
        .price(&msp.app, &[msp.company(DIVISION)?, msp.company(FABRIKAM)?, msp.company(MANAGER)?, msp.company(ADATUM)?])
        .await?;
    msp.make_reader().await?;
    credentials.eset = Some(msp.credentials()?);
    Ok(msp)
}

impl Msp {
    /// Those that the dialect has no call for, and who speaks for them.
    async fn make_distributors(&self, vendor: AccountId) -> Result<(), Error> {
        for (name, kind, parent) in [
            (DISTRIBUTOR, Kind::Distributor, None),
            (DIVISION, Kind::Division, Some(DISTRIBUTOR)),
            (OTHER_DISTRIBUTOR, Kind::Distributor, None),
        ] {
            let parent = parent.map_or(Ok(vendor), |parent| self.company(parent))?;
            let products = self.goods.all();
            let system = self.app.system();
            let made = self.app.write(&system, move |tx, cx| {
                let account = account::create(tx, cx, &branch(Some(parent), kind, name))?;
                let offers = ChangeOffers { account: account.id, add: products.clone(), remove: Vec::new() };
                order::change_offers(tx, cx, &offers)?;
                Ok(account.id)
            });
            let account = made.await?;
            lock(&self.companies).insert(name, account.0);
            if kind == Kind::Distributor {
                self.make_user(name, account, Level::Write).await?;
            }
        }
        Ok(())
    }

    async fn make_user(&self, name: &'static str, account: AccountId, level: Level) -> Result<(), Error> {
        let sign_in = SignIn { username: format!("api@{}.example", host(name)), password: random_password() };
        let hash = self.app.hasher().hash(&sign_in.password).await?;
        let person = Person {
            first_name: "Ann".into(),
            last_name: "Example".into(),
            country: "SVK".into(),
            ..Person::default()
        };
        let command = CreateUser {
            account,
            name: person.full_name(),
            login: sign_in.username.clone(),
            contact: person.into_contact(&json!({})),
            password_hash: Some(hash),
            level,
        };
        self.app.write(&self.app.system(), move |tx, cx| user::create(tx, cx, &command)).await?;
        lock(&self.people).insert(name, sign_in);
        Ok(())
    }

    /// Made by the company above; its contact user sets a password with the link of the mail, which brings it to life.
    async fn make_seller(
        &self,
        name: &'static str,
        parent: &'static str,
        what: &str,
        products: &[&str],
    ) -> Result<(), Error> {
        let by = if parent == DIVISION { DISTRIBUTOR } else { parent };
        let username = format!("api@{}.example", host(name));
        let mut body = json!({
            "name": name,
            "email": username,
            "trialLicenseAllowed": true,
            "products": products.iter().map(|code| json!({ "code": code })).collect::<Vec<_>>(),
            "address": { "city": "Bratislava", "streetAddress": "Main 1", "zipCode": "81101" },
        });
        let call = match what {
            "trusted" | "untrusted" => {
                body["trusted"] = json!(what == "trusted");
                "/api/Company/Create/managedmsp"
            }
            _ => {
                body["manager"] = json!(what == "manager");
                body["address"]["countryCode"] = json!("SVK");
                "/api/Company/Create/msp"
            }
        };
        if parent == DIVISION {
            body["divisionId"] = json!(self.company(DIVISION)?.0);
        }
        let made = self.door(by).await?.post(call, &body).await?;
        self.learn(name, &made)?;
        let sign_in = SignIn { username, password: random_password() };
        let link = self.mailed_link(self.company(name)?, &sign_in.username).await?;
        redeem_link(&self.app, &link, &sign_in.password).await?;
        lock(&self.people).insert(name, sign_in);
        Ok(())
    }

    async fn mailed_link(&self, account: AccountId, recipient: &str) -> Result<String, Error> {
        let filter = MailFilter { account, recipient: Some(recipient.to_owned()), state: None };
        let system = self.app.system();
        let read = self.app.read(&system, move |tx, cx| mail::list(tx, cx, &filter, None, 1));
        let mail = read.await?.pop().ok_or(Error::not_found(Noun::Mail))?;
        let link = mail.text.lines().find_map(|line| line.rsplit_once('=').filter(|_| line.starts_with("http")));
        link.map(|(_, token)| token.to_owned()).ok_or(Error::not_found(Noun::Mail))
    }

    /// Somebody at Fabrikam who may look and no more.
    async fn make_reader(&self) -> Result<(), Error> {
        self.make_user("Fabrikam Reader", self.company(FABRIKAM)?, Level::Read).await
    }

    fn credentials(&self) -> Result<Eset, Error> {
        Ok(Eset {
            distributor: self.sign_in(DISTRIBUTOR)?,
            msp_manager: self.sign_in(MANAGER)?,
            msp: self.sign_in(FABRIKAM)?,
            managed_msp: self.sign_in(TRUSTED)?,
            untrusted_msp: self.sign_in(UNTRUSTED)?,
            other_distributor: self.sign_in(OTHER_DISTRIBUTOR)?,
            read_only: self.sign_in("Fabrikam Reader")?,
            ema1: history::OLD_NAMES,
        })
    }

    fn sign_in(&self, name: &str) -> Result<SignIn, Error> {
        lock(&self.people).get(name).cloned().ok_or(Error::not_found(Noun::User))
    }

    fn company(&self, name: &str) -> Result<AccountId, Error> {
        lock(&self.companies).get(name).map(|id| AccountId(*id)).ok_or(Error::not_found(Noun::Account))
    }

    fn learn(&self, name: &'static str, made: &Value) -> Result<(), Error> {
        let id = made["companyId"]
            .as_str()
            .and_then(|id| Uuid::try_parse(id).ok())
            .ok_or(Error::not_found(Noun::Account))?;
        lock(&self.companies).insert(name, id);
        Ok(())
    }

    /// The dialect's door, with a company's people signed in.
    async fn door(&self, company: &str) -> Result<Door, Error> {
        let sign_in = self.sign_in(company)?;
        let body = json!({ "username": sign_in.username, "password": sign_in.password });
        let answer = Door::new(self.router.clone(), String::new()).post("/api/Token/Get", &body).await?;
        let token = answer["accessToken"].as_str().unwrap_or_default();
        Ok(Door::new(self.router.clone(), format!("Bearer {token}")))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A company's name as part of an address.
fn host(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}
