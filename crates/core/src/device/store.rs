//! Secure store: a text that a program keeps on the server with its license, one for each feature of kind `store`. Two
//! copies that write at once do so against the version they read.

use super::renew::entered;
use super::rows::entry::{self, Entry};
use super::rows::texts;
use super::{DeviceCredential, authenticate, identify, in_use};
use crate::catalog::{self, FeatureKind};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::id::FeatureId;
use crate::journal;
use crate::license::Concurrency;
use lessor_db::Tx;
use serde_json::json;

/// Most bytes of a text, in UTF-8.
const MOST_BYTES: usize = 4_096;

/// A text as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredText {
    /// The text; empty before the first was put.
    pub text: String,
    /// Grows with each change; 0 before the first.
    pub version: i64,
    /// When it was last changed.
    pub modified_at: Option<Timestamp>,
}

/// The text that a license keeps for a feature. A query: it locks and changes nothing.
///
/// # Errors
/// `FeatureOff`, `WrongFeatureKind`, `NotFound(Feature)`, `ActivationReturned`, and what stops a license altogether.
pub fn stored_text(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    feature: &str,
) -> Result<StoredText, Error> {
    cx.touches_nothing();
    let activation = identify(tx, cx, device)?;
    let entry = entry::look(tx, activation.id)?;
    let (entry, feature) = admitted(tx, cx, entry, feature)?;
    Ok(texts::text(tx, entry.license.id, feature)?.unwrap_or_default())
}

/// Puts a text in place of the one that is kept.
#[derive(Clone, Debug)]
pub struct PutText {
    /// The feature's code.
    pub feature: String,
    /// At most 4096 bytes.
    pub text: String,
    /// Only if the text is at one of these versions; `None` whatever its version.
    pub versions: Option<Vec<i64>>,
}

/// Puts a text in place of the one that is kept. The same text again changes nothing.
///
/// # Errors
/// `Stale` for a text at another version; `Malformed` for one that is too long; otherwise as [`stored_text`].
pub fn put_text(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    cmd: &PutText,
) -> Result<StoredText, Error> {
    let entry = entered(tx, cx, device)?;
    if entry.is_none() {
        authenticate(tx, cx, device)?;
    }
    // The license is locked, so that nobody else writes meanwhile.
    let (entry, feature) = admitted(tx, cx, entry, &cmd.feature)?;
    if cmd.text.len() > MOST_BYTES {
        return Err(Error::malformed("text", format!("it has at most {MOST_BYTES} bytes")));
    }
    cx.touches_nothing();
    let before = texts::text(tx, entry.license.id, feature)?.unwrap_or_default();
    if cmd.versions.as_ref().is_some_and(|versions| !versions.contains(&before.version)) {
        return Err(Refusal::Stale(Noun::StoredText).into());
    }
    if before.text == cmd.text {
        return Ok(before);
    }
    let after = StoredText { text: cmd.text.clone(), version: before.version + 1, modified_at: Some(cx.now) };
    texts::put(tx, entry.license.id, feature, &after, cx.now)?;
    // The text is the program's secret: the journal tells that it changed, not what it says.
    let data = json!({
        "feature": cmd.feature, "activation": entry.activation.id.to_string(), "device": entry.activation.fingerprint,
        "before": { "version": before.version, "bytes": before.text.len() },
        "after": { "version": after.version, "bytes": after.text.len() },
    });
    journal::append(tx, cx, "license.text_stored", entry.license.subject(), &data)?;
    Ok(after)
}

/// The entry and the feature, if the license is in order where it is and has the feature on.
fn admitted(tx: &mut dyn Tx, cx: &Context<'_>, entry: Option<Entry>, code: &str) -> Result<(Entry, FeatureId), Error> {
    // A trial has flags alone.
    let entry = entry.ok_or(Refusal::FeatureOff)?;
    in_use(entry.activation.clone())?;
    let known = catalog::known::known(tx, cx, entry.activation.product, Some(entry.version))?;
    if !known.product.active {
        return Err(Refusal::ProductInactive.into());
    }
    entry.license.usable(entry.held, cx.now)?;
    let feature = known.catalog.feature(code)?;
    if feature.kind != FeatureKind::Store {
        return Err(Refusal::WrongFeatureKind.into());
    }
    let settings = catalog::settings_of(tx, entry.license.id.0)?;
    if !settings.grants.get(&feature.id).is_some_and(|grant| grant.enabled) {
        return Err(Refusal::FeatureOff.into());
    }
    let concurrent = entry.license.terms.concurrency != Concurrency::Off;
    if concurrent && !entry.activation.is_live(cx.now) {
        // Its place may be another's by now: it has to renew first.
        return Err(Refusal::NoSeat { limit: entry.license.terms.activation_limit, concurrent }.into());
    }
    let feature = feature.id;
    Ok((entry, feature))
}
