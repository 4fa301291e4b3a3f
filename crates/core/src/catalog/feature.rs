//! Features: added, changed, removed.

use super::product::{check_name, lock, subject};
use super::{Catalog, Feature, FeatureKind, Product, catalog, feature_group, rows};
use crate::context::Context;
use crate::error::{Error, Noun};
use crate::id::ProductId;
use crate::journal;
use crate::license::in_range;
use crate::text::check_document;
use lessor_db::Tx;
use serde_json::json;

/// Most characters of remarks.
pub(super) const MOST_NOTES: usize = 10_000;

/// A feature to make. It is off, with limit 0, until it is switched on: nothing is granted by accident.
#[derive(Clone, Debug)]
pub struct NewFeature {
    /// Its code: 1 to 50 letters, digits, `_` or `-`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Remarks.
    pub notes: String,
    /// How it is measured out.
    pub kind: FeatureKind,
    /// Its group; `None` or `default` is the default group.
    pub group: Option<String>,
    /// Is it on in trials? Flags alone can be.
    pub in_trials: bool,
}

/// A change of a feature, named by its code; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeFeature {
    /// Which one.
    pub code: String,
    /// Its new code; grants and uses stay.
    pub new_code: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Remarks.
    pub notes: Option<String>,
    /// Its group; `default` is the default group.
    pub group: Option<String>,
    /// Is it on in trials?
    pub in_trials: Option<bool>,
}

/// What a license without a profile gets of a feature.
#[derive(Clone, Debug)]
pub struct SetDefault {
    /// The feature's code.
    pub code: String,
    /// On?
    pub enabled: bool,
    /// Its limit; 0 for flags and stores.
    pub limit: i64,
}

/// Adds features to a product: all of them or none.
pub fn add_features(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    features: &[NewFeature],
) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    write_features(tx, cx, product.id, features)?;
    tell(tx, cx, &product, "product.features_added", features.iter().map(|feature| feature.code.as_str()))
}

/// Changes features of a product: all of them or none.
pub fn change_features(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    changes: &[ChangeFeature],
) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    let known = catalog(tx, product.tenant, product.id)?;
    for change in changes {
        let feature = changed(tx, product.id, &known, change)?;
        check_feature(&feature)?;
        rows::update_feature(tx, &feature)
            .map_err(|error| Error::from(error).taken_on_unique(Noun::Feature, &feature.code))?;
    }
    tell(tx, cx, &product, "product.features_changed", changes.iter().map(|change| change.code.as_str()))
}

fn changed(tx: &mut dyn Tx, product: ProductId, known: &Catalog, change: &ChangeFeature) -> Result<Feature, Error> {
    let before = known.feature(&change.code)?.clone();
    let group = match &change.group {
        Some(name) => feature_group::id_of(tx, product, Some(name))?,
        None => before.group,
    };
    Ok(Feature {
        code: change.new_code.clone().unwrap_or(before.code),
        name: change.name.clone().unwrap_or(before.name),
        notes: change.notes.clone().unwrap_or(before.notes),
        in_trials: change.in_trials.unwrap_or(before.in_trials),
        group,
        ..before
    })
}

/// Removes a feature from its product and from every license and profile, with its use.
pub fn remove_feature(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, code: &str) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    let known = catalog(tx, product.tenant, product.id)?;
    rows::delete_feature(tx, known.feature(code)?.id)?;
    tell(tx, cx, &product, "product.features_removed", std::iter::once(code))
}

/// Sets what a license without a profile gets of a feature. Licenses made before keep what they have.
pub fn set_default(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, cmd: &SetDefault) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    let known = catalog(tx, product.tenant, product.id)?;
    let feature = known.feature(&cmd.code)?;
    let most = if feature.kind.is_counted() { 2_147_483_647 } else { 0 };
    let limit = in_range("limit", cmd.limit, 0, most)?;
    rows::set_feature_default(tx, feature.id, cmd.enabled, limit)?;
    tell(tx, cx, &product, "product.features_changed", std::iter::once(cmd.code.as_str()))
}

fn tell<'a>(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    kind: &str,
    codes: impl Iterator<Item = &'a str>,
) -> Result<(), Error> {
    let codes: Vec<_> = codes.collect();
    journal::append(tx, cx, kind, subject(product), &json!({ "features": codes }))?;
    Ok(())
}

pub(super) fn write_features(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    features: &[NewFeature],
) -> Result<(), Error> {
    for new in features {
        let feature = Feature {
            id: cx.new_id(),
            code: new.code.clone(),
            name: new.name.clone(),
            notes: new.notes.clone(),
            kind: new.kind,
            group: feature_group::id_of(tx, product, new.group.as_deref())?,
            group_name: None,
            in_trials: new.in_trials,
            enabled: false,
            limit: 0,
        };
        check_feature(&feature)?;
        rows::insert_feature(tx, product, &feature)
            .map_err(|error| Error::from(error).taken_on_unique(Noun::Feature, &new.code))?;
    }
    Ok(())
}

fn check_feature(feature: &Feature) -> Result<(), Error> {
    let fits = (1..=50).contains(&feature.code.len())
        && feature.code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !fits {
        return Err(Error::malformed("feature code", "it is 1 to 50 letters, digits, `_` or `-`"));
    }
    check_name("feature name", &feature.name)?;
    check_document("notes", &feature.notes, MOST_NOTES)?;
    if feature.in_trials && feature.kind != FeatureKind::Flag {
        return Err(Error::malformed("in_trials", "only a flag can be on in trials"));
    }
    Ok(())
}
