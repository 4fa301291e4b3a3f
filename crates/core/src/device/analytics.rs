//! Analytics: what programs tell of their use, as facts in the order of the time they give. They keep what happens while
//! they are offline and send it later, so that one event may come twice: it counts once.

use super::rows::{analytics as rows, entry};
use super::{DeviceCredential, identify};
use crate::account::{self, Path};
use crate::catalog;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, ActivationId, AnalyticsEventId, LicenseId, ProductId};
use crate::identity::Right;
use crate::license::{self, from_word, in_range};
use crate::stream;
use crate::text::check_line;
use lessor_db::{FromColumn, Tx, ValueRef};
use serde_json::Value;
use uuid::Uuid;

/// Most events of one call.
const MOST_EVENTS: i64 = 500;
/// Most characters of an event's name, its feature and its transaction.
const MOST_NAME: usize = 100;
/// Most bytes of what else an event tells.
const MOST_DATA: usize = 4 << 10;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnalyticsKind {
    /// The program was started.
    AppStarted,
    /// The program was left.
    AppStopped,
    /// Someone signed in to it.
    SignedIn,
    /// Someone signed out of it.
    SignedOut,
    /// A feature was begun to be used.
    FeatureStarted,
    /// A feature was used no longer.
    FeatureStopped,
    /// Something went wrong in it.
    Exception,
}

impl AnalyticsKind {
    /// All kinds.
    pub const ALL: [AnalyticsKind; 7] = [
        AnalyticsKind::AppStarted,
        AnalyticsKind::AppStopped,
        AnalyticsKind::SignedIn,
        AnalyticsKind::SignedOut,
        AnalyticsKind::FeatureStarted,
        AnalyticsKind::FeatureStopped,
        AnalyticsKind::Exception,
    ];

    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            AnalyticsKind::AppStarted => "app_started",
            AnalyticsKind::AppStopped => "app_stopped",
            AnalyticsKind::SignedIn => "signed_in",
            AnalyticsKind::SignedOut => "signed_out",
            AnalyticsKind::FeatureStarted => "feature_started",
            AnalyticsKind::FeatureStopped => "feature_stopped",
            AnalyticsKind::Exception => "exception",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    fn is_about_a_feature(self) -> bool {
        matches!(self, AnalyticsKind::FeatureStarted | AnalyticsKind::FeatureStopped)
    }
}

from_word!(AnalyticsKind);

/// What a program tells.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAnalyticsEvent {
    /// The program's own name for the event, 1 to 100 characters: another event of this activation never has it.
    pub name: String,
    /// What happened.
    pub kind: AnalyticsKind,
    /// The code of the feature it is about; a feature that starts or stops has to be named.
    pub feature: Option<String>,
    /// What joins events that belong together, at most 100 characters.
    pub transaction: Option<String>,
    /// When, by the device's clock.
    pub at: Timestamp,
    /// What else there is to tell: an object of at most 4 KiB.
    pub data: Option<Value>,
}

/// What a program told.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyticsEvent {
    /// Its id.
    pub id: AnalyticsEventId,
    /// Of which product.
    pub product: ProductId,
    /// Under which license; `None` for a trial.
    pub license: Option<LicenseId>,
    /// By which activation.
    pub activation: ActivationId,
    /// What the program said.
    pub told: NewAnalyticsEvent,
    /// When it came in.
    pub received_at: Timestamp,
}

/// Takes in what a program tells; for each event, in order, whether it is new. An activation that was returned may still
/// tell what it did before.
///
/// # Errors
/// `Malformed`, `Missing`, `OutOfRange` for what no event can be: then none is taken.
pub fn record_events(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    events: &[NewAnalyticsEvent],
) -> Result<Vec<bool>, Error> {
    in_range("events", i64::try_from(events.len()).unwrap_or(i64::MAX), 1, MOST_EVENTS)?;
    events.iter().try_for_each(check)?;
    let activation = identify(tx, cx, device)?;
    let account = match activation.license {
        Some(license) => entry::account_of(tx, license)?.unwrap_or(activation.tenant),
        None => activation.tenant,
    };
    cx.touches_nothing();
    let mut outcomes = Vec::with_capacity(events.len());
    for told in events {
        let id = AnalyticsEventId(cx.tools.ids.next(told.at));
        outcomes.push(rows::insert(tx, id, &activation, account, told, cx.now)?);
    }
    let new: Vec<_> = events.iter().zip(&outcomes).filter(|(_, new)| **new).map(|(told, _)| told).collect();
    stream::take_analytics(tx, cx, &activation, &new)?;
    Ok(outcomes)
}

fn check(event: &NewAnalyticsEvent) -> Result<(), Error> {
    check_line("id", &event.name, MOST_NAME)?;
    match &event.feature {
        Some(feature) => check_line("feature", feature, MOST_NAME)?,
        None if event.kind.is_about_a_feature() => return Err(Refusal::Missing { field: "feature" }.into()),
        None => {}
    }
    if let Some(transaction) = &event.transaction {
        check_line("transaction", transaction, MOST_NAME)?;
    }
    match &event.data {
        Some(data) if !data.is_object() || data.to_string().len() > MOST_DATA => {
            Err(Error::malformed("data", "it is an object of at most 4 KiB"))
        }
        _ => Ok(()),
    }
}

/// Which events a list shows. A filter that is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct AnalyticsFilter {
    /// Of accounts in this branch.
    pub branch: Option<AccountId>,
    /// Of this product.
    pub product: Option<ProductId>,
    /// Under this license.
    pub license: Option<LicenseId>,
    /// Of this kind.
    pub kind: Option<AnalyticsKind>,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
}

/// A page of the events in the caller's branch, in the order of the time they give, after `after`. What was kept offline
/// takes its place in the past when it comes.
///
/// # Errors
/// `NotFound` for a branch, product or license that the caller does not see; `Forbidden`.
pub fn analytics(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &AnalyticsFilter,
    after: Option<AnalyticsEventId>,
    limit: u32,
) -> Result<Vec<AnalyticsEvent>, Error> {
    if !cx.actor().has_right(&Right::ANALYTICS_READ) {
        return Err(Error::Forbidden);
    }
    let read = Action::read(Right::ANALYTICS_READ);
    let within = match filter.branch {
        Some(id) => Some(account::authorized(tx, cx, id, &read, Noun::Account)?.path),
        None => None,
    };
    if let Some(product) = filter.product {
        seen_product(tx, cx, product)?;
    }
    if let Some(id) = filter.license {
        let license = license::rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::License))?;
        license::owner(tx, cx, &license, &read)?;
    }
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let first = filter.from.map_or(Uuid::nil(), |from| Uuid::from_u128(first_at(from).as_u128().saturating_sub(1)));
    let end = filter.to.map_or(Uuid::max(), |to| first_at(to.plus_micros(1_000)));
    let page = |branch: &Path, after: Uuid| rows::page(tx, branch, filter, after.max(first), end, limit);
    let seen = account::page_seen(cx.actor(), within.as_ref(), after, limit, page, |(event, path)| (event.id.0, path))?;
    Ok(seen.into_iter().map(|(event, _)| event).collect())
}

fn seen_product(tx: &mut dyn Tx, cx: &Context<'_>, id: ProductId) -> Result<(), Error> {
    let missing = || Error::not_found(Noun::Product);
    let product = catalog::rows::product(tx, id)?.ok_or_else(missing)?;
    let vendor = account::rows::by_id(tx, product.tenant)?.ok_or_else(missing)?;
    let actor = cx.actor();
    // Everyone in a tenant knows its products; whose use of them is shown, the branch decides.
    let knows = actor.tenant == vendor.id || actor.level_at(&vendor.path).is_some();
    if knows { Ok(()) } else { Err(missing()) }
}

/// The first id of the millisecond of an instant.
fn first_at(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.micros().div_euclid(1_000)).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: AnalyticsKind) -> NewAnalyticsEvent {
        let at = Timestamp::from_seconds(1_000);
        NewAnalyticsEvent { name: "e-1".into(), kind, feature: None, transaction: None, at, data: None }
    }

    #[test]
    fn a_feature_that_starts_is_named() {
        let start = event(AnalyticsKind::FeatureStarted);
        assert!(matches!(check(&start), Err(Error::Refused(Refusal::Missing { field: "feature" }))));
        assert!(check(&NewAnalyticsEvent { feature: Some("PDF".into()), ..start }).is_ok());
        assert!(check(&event(AnalyticsKind::AppStarted)).is_ok());
    }

    #[test]
    fn what_else_is_told_is_a_small_object() {
        let told = |data: Value| check(&NewAnalyticsEvent { data: Some(data), ..event(AnalyticsKind::Exception) });
        assert!(told(json!({ "message": "out of paper" })).is_ok());
        assert!(told(json!("out of paper")).is_err());
        assert!(told(json!({ "message": "x".repeat(MOST_DATA) })).is_err());
    }

    #[test]
    fn the_first_id_of_an_instant_is_before_all_others_of_it() {
        let at = Timestamp::from_micros(1_700_000_000_123_456);
        let before = first_at(Timestamp::from_micros(1_700_000_000_122_999));
        let after = first_at(Timestamp::from_micros(1_700_000_000_124_000));
        assert!(before < first_at(at) && first_at(at) < after);
        assert_eq!(first_at(Timestamp::from_seconds(-1)), first_at(Timestamp::from_seconds(0)));
    }
}
