//! Is a code good for a product, a feature, a device, now? Asked all day long by everything that runs, so that what an
//! answer rests on is kept in memory for as long as nothing could have changed it.

use super::rows::entry::{self, Offer};
use crate::app::App;
use crate::catalog::{self, FeatureKind, Known, Settings};
use crate::clock::Timestamp;
use crate::context::{Caller, Context};
use crate::error::{Error, Refusal};
use crate::id::LicenseId;
use crate::license;
use lessor_db::{Epoch, Tx};
use quick_cache::sync::Cache;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Answers kept at most; each takes some 300 bytes.
const MOST: usize = 1 << 18;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// Of which product: its id, or `dialect:product:number`.
    pub product: String,
    /// The license's code.
    pub code: String,
    /// For which feature, by its code.
    pub feature: Option<String>,
    /// On which device: what it calls itself.
    pub device: Option<String>,
}

/// Why a code is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No such license, or no such product.
    NotFound,
    /// The product is switched off.
    ProductInactive,
    /// A hold reaches the license or its account.
    Held,
    /// The subscription or the expiry date has passed.
    TermOver,
    /// The license does not have the feature.
    FeatureOff,
    /// The device has not activated the license.
    NotActivated,
    /// The lease of the device is over.
    LeaseOver,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Why not; `None` is good.
    pub reason: Option<Reason>,
    /// The license, if there is one.
    pub license: Option<LicenseState>,
    /// The feature asked for, if the product has it.
    pub feature: Option<FeatureState>,
    /// When the lease of the device asked for ends, if it has one: `Some(None)` is without end.
    pub lease_end: Option<Option<Timestamp>>,
}

/// What there is to know of a license by its code.
#[derive(Clone, Debug, PartialEq)]
pub struct LicenseState {
    /// Its id.
    pub id: LicenseId,
    /// When its term ends; `None` is without end, or not yet begun.
    pub term_end: Option<Timestamp>,
    /// Until when it gets new versions.
    pub maintenance_end: Option<Timestamp>,
    /// Places it has.
    pub activation_limit: i64,
    /// Activations that are not returned.
    pub activations: i64,
}

/// A feature of a license.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureState {
    /// Its code.
    pub code: String,
    /// How it is measured out.
    pub kind: FeatureKind,
    /// Is it on?
    pub enabled: bool,
    /// What there is, where it is counted.
    pub limit: Option<i64>,
    /// What is in use of that.
    pub used: Option<i64>,
}

/// What an answer rests on, whatever the time.
#[derive(Debug)]
struct Facts {
    /// Read after this moment.
    since: Option<Epoch>,
    active: bool,
    held: bool,
    license: LicenseState,
    feature: Option<FeatureState>,
    lease_end: Option<Option<Timestamp>>,
}

/// Facts by question.
pub(crate) struct Verdicts {
    kept: Cache<u128, Arc<Facts>>,
    // Two keyed hashes together: nobody outside can find two questions that share a place.
    hashers: (RandomState, RandomState),
}

impl Verdicts {
    pub(crate) fn new() -> Self {
        Self { kept: Cache::new(MOST), hashers: (RandomState::new(), RandomState::new()) }
    }

    fn place(&self, ask: &Ask) -> u128 {
        (u128::from(self.hashers.0.hash_one(ask)) << 64) | u128::from(self.hashers.1.hash_one(ask))
    }
}

impl App {
    /// Answers questions, in their order. Nothing is written, and most are answered without a look into storage.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn validate(&self, caller: &Caller, asks: Vec<Ask>) -> Result<Vec<Verdict>, Error> {
        let kept: Vec<_> = asks.iter().map(|ask| self.kept(ask)).collect();
        if kept.iter().all(Option::is_some) {
            let now = self.now();
            return Ok(asks.iter().zip(kept.iter().flatten()).map(|(ask, facts)| facts.at(ask, now)).collect());
        }
        // Taken before anything is read: what changes from here on is seen by whoever asks later.
        let since = self.store().epochs().map(lessor_db::Epochs::now);
        let asks = Arc::new(asks);
        let asked = Arc::clone(&asks);
        let found = self
            .read(caller, move |tx, cx| {
                asked.iter().map(|ask| look(tx, cx, ask, since)).collect::<Result<Vec<_>, Error>>()
            })
            .await?;
        self.learn().await;
        let now = self.now();
        let mut verdicts = Vec::with_capacity(asks.len());
        for (ask, facts) in asks.iter().zip(found) {
            verdicts.push(match facts {
                Some(facts) => {
                    let facts = Arc::new(facts);
                    if since.is_some() {
                        self.tools().verdicts.kept.insert(self.tools().verdicts.place(ask), Arc::clone(&facts));
                    }
                    facts.at(ask, now)
                }
                None => Verdict { reason: Some(Reason::NotFound), license: None, feature: None, lease_end: None },
            });
        }
        Ok(verdicts)
    }

    /// What is kept for a question, if nothing could have changed it.
    fn kept(&self, ask: &Ask) -> Option<Arc<Facts>> {
        let epochs = self.store().epochs()?;
        let verdicts = &self.tools().verdicts;
        let facts = verdicts.kept.get(&verdicts.place(ask))?;
        facts.since.is_some_and(|since| epochs.holds(since, facts.license.id.0)).then_some(facts)
    }
}

/// Answers one question from storage, for those who are in a transaction already.
pub fn validate(tx: &mut dyn Tx, cx: &Context<'_>, ask: &Ask) -> Result<Verdict, Error> {
    let facts = look(tx, cx, ask, None)?;
    let nothing = Verdict { reason: Some(Reason::NotFound), license: None, feature: None, lease_end: None };
    Ok(facts.map_or(nothing, |facts| facts.at(ask, cx.now)))
}

fn look(tx: &mut dyn Tx, cx: &Context<'_>, ask: &Ask, since: Option<Epoch>) -> Result<Option<Facts>, Error> {
    let product = match catalog::resolve_product(tx, &ask.product) {
        Ok(product) => product,
        Err(Error::Refused(Refusal::NotFound(_))) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !license::is_code(&ask.code) {
        return Ok(None);
    }
    let Some(Offer { license, version, held }) = entry::offer(tx, product, &ask.code)? else { return Ok(None) };
    let known = catalog::known::known(tx, cx, product, Some(version))?;
    let feature = match &ask.feature {
        Some(code) => feature(&known, &catalog::settings_of(tx, license.id.0)?, code),
        None => None,
    };
    let lease_end = match &ask.device {
        Some(device) => entry::live_on(tx, product, device, license.id)?,
        None => None,
    };
    let state = LicenseState {
        id: license.id,
        term_end: license.terms.term.end,
        maintenance_end: license.terms.maintenance_end,
        activation_limit: license.terms.activation_limit,
        activations: license.active_count,
    };
    let held = held || license.hold_count > 0;
    Ok(Some(Facts { since, active: known.product.active, held, license: state, feature, lease_end }))
}

fn feature(known: &Known, settings: &Settings, code: &str) -> Option<FeatureState> {
    let feature = known.catalog.feature(code).ok()?;
    let grant = settings.grants.get(&feature.id).copied().unwrap_or_default();
    let counted = feature.kind.is_counted();
    Some(FeatureState {
        code: feature.code.clone(),
        kind: feature.kind,
        enabled: grant.enabled,
        limit: counted.then_some(grant.limit),
        used: counted.then_some(grant.used),
    })
}

impl Facts {
    /// The answer at a time. Lasting reasons come first.
    fn at(&self, ask: &Ask, now: Timestamp) -> Verdict {
        let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        let reason = if !self.active {
            Some(Reason::ProductInactive)
        } else if self.held {
            Some(Reason::Held)
        } else if over(self.license.term_end) {
            Some(Reason::TermOver)
        } else if ask.feature.is_some() && !self.feature.as_ref().is_some_and(|feature| feature.enabled) {
            Some(Reason::FeatureOff)
        } else {
            match (&ask.device, self.lease_end) {
                (Some(_), None) => Some(Reason::NotActivated),
                (Some(_), Some(end)) if over(end) => Some(Reason::LeaseOver),
                _ => None,
            }
        };
        Verdict {
            reason,
            license: Some(self.license.clone()),
            feature: self.feature.clone(),
            lease_end: self.lease_end,
        }
    }
}
