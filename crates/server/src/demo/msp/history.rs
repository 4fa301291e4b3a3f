//! What the companies did in two finished months and the one that runs, each at its hour, by the dialect's calls.

use super::{
    ADATUM, ALPINE, CITY_POWER, COHO, DISTRIBUTOR, FABRIKAM, FOURTH_COFFEE, HUMONGOUS, LITWARE, MANAGER, Msp,
    OTHER_MSP, TREY, TRUSTED, UNTRUSTED, WINGTIP, WORKED_EXAMPLE, lock,
};
use crate::demo::credentials::OldNames;
use lessor_core::billing::{self, StartClosing};
use lessor_core::identity::authenticate;
use lessor_core::metering::day::{Day, DayRule, Month};
use lessor_core::metering::seat_days::{CUTOFF_MINUTES, ZONE};
use lessor_core::metering::{self, NewRecord};
use lessor_core::order::{self, Order};
use lessor_core::{Caller, Error, Noun, Timestamp, account, alias};
use lessor_eset::ids;
use serde_json::json;

/// What a few records were called in the first generation of the service.
pub(super) const OLD_NAMES: OldNames = OldNames {
    company_id: "310042",
    site_id: "4711",
    legacy_key: "EAV-0047110815",
    license_id: "9020071",
    user_id: "55120",
};

/// A license, by its customer and the code of the product it was ordered for.
type Sold = (&'static str, &'static str);

/// Something that a company does.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) enum Event {
    /// Orders a license: by whom, which, how many, to try or for good.
    Order(&'static str, Sold, i64, bool),
    /// Changes how many.
    Quantity(&'static str, Sold, i64),
    /// Suspends a license.
    Suspend(&'static str, Sold),
    /// Changes the product.
    Change(&'static str, Sold, &'static str, i64),
    /// Asks for an order that somebody above decides on.
    Ask(&'static str, Sold, i64),
    /// So many units of a license are in use.
    Units(Sold, i64),
    /// Old names are brought over.
    Rename,
    /// The books of a month are closed.
    Close(Month),
}

/// The instant at which the history begins: a day before the older of the two finished months.
pub(in crate::demo) fn begins(now: Timestamp) -> Result<Timestamp, Error> {
    let rule = DayRule::new(ZONE, CUTOFF_MINUTES)?;
    Ok(rule.start(older(&rule, now).first()).plus_days(-1))
}

fn older(rule: &DayRule, now: Timestamp) -> Month {
    rule.day_of(now).month().before().before()
}

/// What happens until `now`, in order. In a short month an event falls on its last day.
pub(in crate::demo) fn events(now: Timestamp) -> Result<Vec<(Timestamp, Event)>, Error> {
    use Event::{Ask, Change, Close, Order, Quantity, Rename, Suspend, Units};
    let rule = DayRule::new(ZONE, CUTOFF_MINUTES)?;
    let first = older(&rule, now);
    let months = [first, Month::from_number(first.number() + 1), Month::from_number(first.number() + 2)];
    let at = |month: usize, day: i64, hour: i64| {
        let day: Day = months[month].first().plus(day.min(months[month].days()) - 1);
        // Days begin half an hour past midnight.
        rule.start(day).plus_minutes(hour * 60 - CUTOFF_MINUTES)
    };
    let mut events = vec![
        (at(0, 1, 8), Order(FABRIKAM, (FOURTH_COFFEE, "111"), 12, false)),
        (at(0, 1, 9), Rename),
        (at(0, 2, 10), Order(TRUSTED, (ALPINE, "111"), 5, true)),
        (at(0, 5, 11), Order(TRUSTED, (ALPINE, "107"), 5, false)),
        (at(0, 8, 10), Order(ADATUM, (TREY, "107"), 6, false)),
        (at(0, 10, 9), Order(FABRIKAM, (LITWARE, "107"), 8, false)),
        (at(0, 12, 15), Order(OTHER_MSP, (COHO, "107"), 3, false)),
        (at(0, 15, 14), Order(TRUSTED, (CITY_POWER, "211"), 30, false)),
        (at(0, 20, 10), Order(MANAGER, (WINGTIP, "107"), 7, false)),
        (at(1, 1, 8), Order(FABRIKAM, (WORKED_EXAMPLE, "111"), 10, false)),
        (at(1, 3, 16), Quantity(FABRIKAM, (FOURTH_COFFEE, "111"), 20)),
        (at(1, 4, 12), Close(months[0])),
        (at(1, 11, 14), Quantity(FABRIKAM, (WORKED_EXAMPLE, "111"), 15)),
        (at(1, 18, 10), Change(FABRIKAM, (LITWARE, "107"), "111", 8)),
        (at(1, 21, 9), Suspend(FABRIKAM, (WORKED_EXAMPLE, "111"))),
        (at(2, 1, 12), Quantity(TRUSTED, (CITY_POWER, "211"), 32)),
        (at(2, 4, 12), Close(months[1])),
        (now.plus_days(-10), Order(FABRIKAM, (LITWARE, "211"), 4, true)),
        (now.plus_days(-2), Ask(UNTRUSTED, (HUMONGOUS, "107"), 4)),
        (now.plus_days(-1), Units((FOURTH_COFFEE, "111"), 9)),
    ];
    events.retain(|(at, _)| *at <= now);
    events.sort_by_key(|(at, _)| *at);
    Ok(events)
}

impl Msp {
    /// Does it.
    pub(in crate::demo) async fn happen(&self, event: Event) -> Result<(), Error> {
        match event {
            Event::Order(by, sold, quantity, trial) => self.order(by, sold, quantity, trial).await,
            Event::Quantity(by, sold, quantity) => {
                let body = json!({ "publicLicenseKey": self.key(sold)?, "quantity": quantity });
                self.post(by, "/api/License/UpdateQuantity", &body).await
            }
            Event::Suspend(by, sold) => {
                self.post(by, "/api/License/Suspend", &json!({ "publicLicenseKey": self.key(sold)? })).await
            }
            Event::Change(by, sold, to, quantity) => {
                let body = json!({ "publicLicenseKey": self.key(sold)?, "newProductCode": to, "quantity": quantity });
                self.post(by, "/api/License/ChangeProduct", &body).await
            }
            Event::Ask(by, sold, quantity) => self.ask(by, sold, quantity).await,
            Event::Units(sold, units) => self.units(sold, units).await,
            Event::Rename => self.rename().await,
            Event::Close(month) => self.close(month).await,
        }
    }

    async fn post(&self, by: &str, path: &str, body: &serde_json::Value) -> Result<(), Error> {
        self.door(by).await?.post(path, body).await.map(|_| ())
    }

    fn key(&self, sold: Sold) -> Result<String, Error> {
        lock(&self.keys).get(&sold).cloned().ok_or(Error::not_found(Noun::License))
    }

    async fn order(&self, by: &str, sold: Sold, quantity: i64, trial: bool) -> Result<(), Error> {
        let body = json!({
            "customerId": self.company(sold.0)?.0,
            "productCode": sold.1,
            "quantity": quantity,
            "licenseType": if trial { 4 } else { 1 },
        });
        let made = self.door(by).await?.post("/api/License/Order", &body).await?;
        let key = made["publicLicenseKey"].as_str().ok_or(Error::not_found(Noun::License))?;
        lock(&self.keys).insert(sold, key.to_owned());
        Ok(())
    }

    /// By the native door: the dialect has none for it.
    async fn ask(&self, by: &str, sold: Sold, quantity: i64) -> Result<(), Error> {
        let sign_in = self.sign_in(by)?;
        let session = lessor_core::identity::session::sign_in(&self.app, &sign_in.username, &sign_in.password).await?;
        let actor = authenticate(&self.app, session.token.reveal()).await?;
        let caller = Caller { actor, request: self.app.new_request() };
        let wanted =
            Order { customer: self.company(sold.0)?, product: self.goods.product(sold.1), quantity, trial_days: None };
        self.app.write(&caller, move |tx, cx| order::file(tx, cx, &wanted, "").map(|_| ())).await
    }

    async fn units(&self, sold: Sold, units: i64) -> Result<(), Error> {
        let record = NewRecord {
            id: "demo-units-1".into(),
            source: "demo".into(),
            at: self.app.now(),
            account: None,
            license: Some(format!("eset:license:{}", self.key(sold)?)),
            meter: "eset.activated_units".into(),
            subject: String::new(),
            value: units,
            attributes: serde_json::Map::new(),
            corrects: None,
        };
        let system = self.app.system();
        let told = self.app.write(&system, move |tx, cx| metering::record(tx, cx, std::slice::from_ref(&record)));
        told.await.map(|_| ())
    }

    async fn rename(&self) -> Result<(), Error> {
        let (company, site) = (self.company(FABRIKAM)?, self.company(FOURTH_COFFEE)?);
        let (login, key) = (self.sign_in(FABRIKAM)?.username, self.key((FOURTH_COFFEE, "111"))?);
        let system = self.app.system();
        let renamed = self.app.write(&system, move |tx, cx| {
            let tenant = account::get(tx, cx, company)?.tenant;
            let license = alias::resolve(tx, tenant, ids::LICENSE, &key)?.ok_or(Error::not_found(Noun::License))?;
            let users = lessor_core::identity::user::list(tx, cx, company, None, 100)?;
            let user = users.iter().find(|user| user.login == login).ok_or(Error::not_found(Noun::User))?;
            for (space, old, record, noun) in [
                (ids::OLD_COMPANY, OLD_NAMES.company_id, company.0, Noun::Account),
                (ids::OLD_SITE, OLD_NAMES.site_id, site.0, Noun::Account),
                (ids::OLD_SITE_KEY, OLD_NAMES.legacy_key, site.0, Noun::Account),
                (ids::OLD_LICENSE, OLD_NAMES.license_id, license, Noun::License),
                (ids::OLD_USER, OLD_NAMES.user_id, user.id.0, Noun::User),
            ] {
                alias::give(tx, tenant, space, old, record, noun)?;
            }
            Ok(())
        });
        renamed.await
    }

    async fn close(&self, month: Month) -> Result<(), Error> {
        let distributor = self.company(DISTRIBUTOR)?;
        let system = self.app.system();
        let closing = self.app.write(&system, move |tx, cx| {
            let vendor = account::get(tx, cx, distributor)?.tenant;
            billing::start_closing(tx, cx, &StartClosing { vendor, month }).map(|_| ())
        });
        closing.await
    }
}
