//! What became of a license, read off the journal.

use super::{key, problem};
use crate::ids;
use crate::page::{Page, PagingOfSearch};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::account;
use lessor_core::identity::user;
use lessor_core::journal::{self, Event, EventFilter};
use lessor_core::license::License;
use lessor_core::{Context, Error, EventId, ProductId, Refusal, Timestamp, Tx, UserId, alias};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// How many events are read at once.
const AT_ONCE: u32 = 500;

const CANCELLED: i64 = 1;
const CONVERTED: i64 = 2;
const EXTENDED: i64 = 3;
const ORDERED: i64 = 4;
const QUANTITY: i64 = 5;
const SUSPENDED: i64 = 6;
const UNSUSPENDED: i64 = 7;
const UPGRADED: i64 = 9;
const DOWNGRADED: i64 = 10;

pub(super) async fn history(asked: Asked) -> Result<Reply, Problem> {
    let key = asked.fields.need_text("publicLicenseKey")?.to_owned();
    let page = Page::of(&asked.fields);
    let told = asked.app.read(&asked.caller, move |tx, cx| {
        let license = key::find(tx, cx, &key)?;
        let mut items = items(tx, cx, &license)?;
        let paging = PagingOfSearch { total_count: items.len() };
        items.reverse();
        let mut names = HashMap::new();
        let mut told = Vec::new();
        for item in page.cut(items) {
            told.push(item.told(tx, cx, &mut names)?);
        }
        Ok(json!({ "LicenseHistory": told, "Paging": paging }))
    });
    Ok(Reply::json(&told.await.map_err(problem)?))
}

/// Something that became of a license.
struct Item {
    kind: i64,
    event: Event,
    /// What it says besides, every value a text.
    facts: Vec<(&'static str, String)>,
}

impl Item {
    fn told(self, tx: &mut dyn Tx, cx: &Context<'_>, names: &mut HashMap<String, String>) -> Result<Value, Error> {
        let mut told = Map::new();
        told.insert("Type".to_owned(), Value::String(self.kind.to_string()));
        told.insert("Date".to_owned(), Value::String(self.event.at.to_rfc3339()));
        let user = match names.get(&self.event.actor) {
            Some(name) => name.clone(),
            None => names.entry(self.event.actor.clone()).or_insert(name_of(tx, cx, &self.event)?).clone(),
        };
        told.insert("User".to_owned(), Value::String(user));
        told.extend(self.facts.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))));
        Ok(Value::Object(told))
    }
}

/// The user behind an event, if it was one.
fn user_of(event: &Event) -> Option<UserId> {
    let chain: Vec<String> = serde_json::from_str(&event.actor).ok()?;
    chain.first().and_then(|who| UserId::parse(who))
}

/// What a user signs in as. Of users above the caller nothing is told but that.
fn name_of(tx: &mut dyn Tx, cx: &Context<'_>, event: &Event) -> Result<String, Error> {
    let Some(id) = user_of(event) else { return Ok("System".to_owned()) };
    match user::get(tx, cx, id) {
        Ok(user) => Ok(user.login),
        Err(Error::Refused(Refusal::NotFound(_)) | Error::Forbidden) => Ok("Superior company".to_owned()),
        Err(error) => Err(error),
    }
}

/// When a license was changed last, and by which user, where it was one.
pub(super) fn last_change(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    license: &License,
) -> Result<(Timestamp, Option<UserId>), Error> {
    let items = items(tx, cx, license)?;
    let last = items.last().map(|item| (item.event.at, user_of(&item.event)));
    Ok(last.unwrap_or((license.modified_at, None)))
}

/// What became of a license, oldest first: its own events, and those by which its company was stopped and let go on, or one
/// above it, as far as the caller sees them.
fn items(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<Vec<Item>, Error> {
    let mut events = Vec::new();
    read(tx, cx, license.id.0, &mut events, |_| true)?;
    let customer = account::get(tx, cx, license.account)?;
    for stopped in customer.path.accounts() {
        let own = stopped == customer.id;
        let stops = |event: &Event| {
            matches!(event.kind.as_str(), "account.held" | "account.released")
                && (own || event.data["reach"] == "branch")
        };
        read(tx, cx, stopped.0, &mut events, stops)?;
    }
    // Ids sort by the time they were made.
    events.sort_by_key(|event| event.id);
    let (mut items, mut reader) = (Vec::new(), Reader::default());
    for event in events {
        items.extend(reader.item(tx, event)?);
    }
    Ok(items)
}

/// Adds the events of a record that are wanted.
fn read(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    subject: Uuid,
    found: &mut Vec<Event>,
    is_wanted: impl Fn(&Event) -> bool,
) -> Result<(), Error> {
    let filter = EventFilter { subject: Some(subject) };
    let mut after: Option<EventId> = None;
    loop {
        let events = journal::list(tx, cx, &filter, after, AT_ONCE)?;
        after = events.last().map(|event| event.id);
        let is_last = events.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        found.extend(events.into_iter().filter(&is_wanted));
        if is_last {
            return Ok(());
        }
    }
}

/// What has to be known of what went before.
#[derive(Default)]
struct Reader {
    /// Is the license there yet?
    issued: bool,
    extensions: i64,
    /// Holds on the license and on what is above it.
    holds: i64,
}

impl Reader {
    /// What an event means to the history, if anything.
    fn item(&mut self, tx: &mut dyn Tx, event: Event) -> Result<Option<Item>, Error> {
        let units = |side: &str| event.data[side]["terms"]["activation_limit"].as_i64().unwrap_or_default();
        let quantities =
            || [("RequestedUnits", units("after").to_string()), ("PreviousUnits", units("before").to_string())];
        let (kind, facts) = match event.kind.as_str() {
            "license.issued" => {
                self.issued = true;
                let trial = event.data["after"]["terms"]["term"] == "trial";
                let license_type = if trial { "4" } else { "1" }.to_owned();
                (ORDERED, vec![("RequestedUnits", units("after").to_string()), ("LicenseTypeId", license_type)])
            }
            "license.trial_extended" => {
                self.extensions += 1;
                (EXTENDED, vec![("TrialExtensionCount", self.extensions.to_string())])
            }
            "license.converted" => {
                let count = ("TrialExtensionCount", self.extensions.to_string());
                (CONVERTED, vec![("RequestedUnits", units("after").to_string()), count])
            }
            "license.quantity_changed" => (QUANTITY, quantities().to_vec()),
            // The native API and other dialects may change the number with other things.
            "license.changed" if units("before") != units("after") => (QUANTITY, quantities().to_vec()),
            "license.exchanged" => {
                let kind = if event.data["direction"] == "upgrade" { UPGRADED } else { DOWNGRADED };
                let mut facts = quantities().to_vec();
                for (name, side) in [("PreviousProductCode", "before"), ("RequestedProductCode", "after")] {
                    facts.push((name, product_code(tx, event.data["product"][side].as_str().unwrap_or_default())?));
                }
                (kind, facts)
            }
            "license.held" | "account.held" => match self.held(1) {
                1 => (SUSPENDED, Vec::new()),
                _ => return Ok(None),
            },
            "license.released" | "account.released" => match self.held(-1) {
                0 => (UNSUSPENDED, Vec::new()),
                _ => return Ok(None),
            },
            "license.trial_ended" => (CANCELLED, Vec::new()),
            _ => return Ok(None),
        };
        Ok(self.issued.then_some(Item { kind, event, facts }))
    }

    /// How many holds there are with so many more: of several the first suspends, and the last to be lifted wakes up.
    fn held(&mut self, more: i64) -> i64 {
        self.holds = (self.holds + more).max(0);
        self.holds
    }
}

/// The code of a product by its id.
fn product_code(tx: &mut dyn Tx, id: &str) -> Result<String, Error> {
    let product = ProductId::parse(id).map_or(Uuid::nil(), |id| id.0);
    Ok(alias::name_of(tx, ids::PRODUCT, product)?.unwrap_or_default())
}
