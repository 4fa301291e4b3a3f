//! The demo world: the same records, names and numbers each time; only secrets and random ids differ.
//!
//! It is made by the doors that everyone uses: back offices through their dialect, devices through the core's commands, on
//! a clock that starts weeks before the present and is moved to it.

mod credentials;
mod door;
mod msp;
mod vendor;

pub use credentials::{Credentials, write as write_credentials};

use crate::failure::Failure;
use crate::mail::Carrier;
use crate::{first_start, jobs};
use lessor_core::account::{CreateAccount, Kind};
use lessor_core::clock::{Clock, MovableClock, Timestamp};
use lessor_core::identity::api_key::{self, CreateApiKey, KeyForm};
use lessor_core::identity::{Level, user};
use lessor_core::secret::Secret;
use lessor_core::{AccountId, App, Error, account, random};
use lessor_db::Store;
use msp::Msp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How long before the present the vendor without MSPs begins.
const DAYS_OF_PAST: i64 = 60;
/// Whose console user it is.
const CONSOLE_USER: &str = "demo";

/// Makes the world as it stands at `now`, and gives the keys to it. Links in mails lead to `link_page`.
pub async fn make(store: Store, secret: Secret, now: Timestamp, link_page: &str) -> Result<Credentials, Failure> {
    let begins = msp::begins(now).map_err(Failure::setup)?.min(now.plus_days(-DAYS_OF_PAST));
    let clock = Arc::new(MovableClock::standing(begins));
    let app = App::new(store, Arc::clone(&clock) as Arc<dyn Clock>, secret);
    let world = World { app, clock, now, agenda: Mutex::default(), msp: OnceLock::new() };
    world.make(link_page).await.map_err(Failure::setup)
}

/// The world while it is being made.
pub(crate) struct World {
    app: App,
    clock: Arc<MovableClock>,
    /// The present, at which it will be served.
    now: Timestamp,
    /// What happens meanwhile, in order, whoever moves the clock.
    agenda: Mutex<VecDeque<(Timestamp, msp::Event)>>,
    msp: OnceLock<Msp>,
}

impl World {
    async fn make(&self, link_page: &str) -> Result<Credentials, Error> {
        let password = random_password();
        let (root, api_key) = self.make_root(&password).await?;
        let mut credentials = Credentials::new(api_key, CONSOLE_USER.into(), password);
        let msp = msp::make(self, root, link_page, &mut credentials).await?;
        *self.agenda.lock().unwrap_or_else(PoisonError::into_inner) = msp::events(self.now)?.into();
        let _ = self.msp.set(msp);
        self.at_days(DAYS_OF_PAST).await?;
        vendor::make(self, root, &mut credentials).await?;
        self.at_days(0).await?;
        Ok(credentials)
    }

    /// Moves the clock to so many days before the present; everything that time causes has happened then.
    async fn at_days(&self, days_before: i64) -> Result<(), Error> {
        self.at_hours(days_before * 24).await
    }

    async fn at_hours(&self, hours_before: i64) -> Result<(), Error> {
        let to = self.now.plus_hours(-hours_before);
        while let Some((at, event)) = self.next_until(to) {
            self.move_to(at).await?;
            if let Some(msp) = self.msp.get() {
                msp.happen(event).await?;
            }
        }
        self.move_to(to).await
    }

    fn next_until(&self, to: Timestamp) -> Option<(Timestamp, msp::Event)> {
        let mut agenda = self.agenda.lock().unwrap_or_else(PoisonError::into_inner);
        if agenda.front().is_some_and(|(at, _)| *at <= to) { agenda.pop_front() } else { None }
    }

    async fn move_to(&self, to: Timestamp) -> Result<(), Error> {
        self.clock.move_to(to);
        jobs::run_all(&self.app, &Carrier::Nobody).await
    }

    async fn make_root(&self, password: &str) -> Result<(AccountId, String), Error> {
        let password_hash = Some(self.app.hasher().hash(password).await?);
        self.app
            .write(&self.app.system(), move |tx, cx| {
                let root = account::create(tx, cx, &branch(None, Kind::Vendor, "Lessor Demo"))?;
                let admin = user::CreateUser {
                    account: root.id,
                    name: "Demo Administrator".into(),
                    login: CONSOLE_USER.into(),
                    contact: serde_json::json!({}),
                    password_hash: password_hash.clone(),
                    level: Level::Write,
                };
                let admin = user::create(tx, cx, &admin)?;
                first_start::remember(tx, admin.id)?;
                let key = CreateApiKey {
                    account: root.id,
                    label: "Demo".into(),
                    rights: None,
                    form: KeyForm::Native,
                    expires_at: None,
                };
                let (_, key) = api_key::create(tx, cx, &key)?;
                Ok((root.id, key.reveal().to_owned()))
            })
            .await
    }
}

/// An account to make.
pub(crate) fn branch(parent: Option<AccountId>, kind: Kind, name: &str) -> CreateAccount {
    CreateAccount { id: None, parent, kind, name: name.into(), contact: serde_json::json!({}) }
}

/// Four groups of six letters and digits.
fn random_password() -> String {
    let text = lessor_core::secret::base62(&random::<32>());
    let groups: Vec<&str> = (0..4).filter_map(|group| text.get(group * 6..group * 6 + 6)).collect();
    groups.join("-")
}
