//! Groups of features: made, changed, removed, listed. A product has few of them, and they say nothing of what may be used.

pub(crate) mod rows;

use super::feature::MOST_NOTES;
use super::product::{check_name, lock, subject};
use super::settings::once_each;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::id::{FeatureGroupId, ProductId};
use crate::journal;
use crate::text::check_document;
use lessor_db::Tx;
use serde_json::json;

/// The group of features that name no other. It always exists and has no record.
const DEFAULT: &str = "default";
/// Most groups of one product.
const MOST: usize = 1_000;

/// A group of features of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureGroup {
    /// Its id.
    pub id: FeatureGroupId,
    /// Its name, unique in the product; not `default` in whatever case.
    pub name: String,
    /// Remarks.
    pub notes: String,
}

/// A group to make.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
    /// Remarks.
    pub notes: String,
}

/// A change of a group, named by its name; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeGroup {
    /// Which one.
    pub name: String,
    /// Its new name; its features stay in it.
    pub new_name: Option<String>,
    /// Remarks.
    pub notes: Option<String>,
}

/// Is this the name of the default group?
fn is_default(name: &str) -> bool {
    name.eq_ignore_ascii_case(DEFAULT)
}

/// The groups of a product in the order they were made, without the default group.
///
/// # Errors
/// `NotFound(Product)`.
pub fn feature_groups(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId) -> Result<Vec<FeatureGroup>, Error> {
    let product = super::product(tx, cx, product)?;
    Ok(rows::groups(tx, product.id)?)
}

/// Adds groups to a product: all of them or none.
///
/// # Errors
/// `NotFound(Product)`; `Taken` for a name that is there, the default group's included; `Malformed` for one that is none.
pub fn add_feature_groups(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    groups: &[NewGroup],
) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    write(tx, cx, product.id, groups)?;
    let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
    journal::append(tx, cx, "product.feature_groups_added", subject(&product), &json!({ "groups": names }))?;
    Ok(())
}

/// Writes the groups of a product that is locked or new.
pub(super) fn write(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, groups: &[NewGroup]) -> Result<(), Error> {
    if rows::groups(tx, product)?.len() + groups.len() > MOST {
        return Err(Error::malformed("feature group", format!("a product has at most {MOST}")));
    }
    for new in groups {
        let group = FeatureGroup { id: cx.new_id(), name: new.name.clone(), notes: new.notes.clone() };
        check(&group)?;
        rows::insert(tx, product, &group)
            .map_err(|error| Error::from(error).taken_on_unique(Noun::FeatureGroup, &group.name))?;
    }
    Ok(())
}

/// Changes groups of a product: all of them or none. The names are those that the groups have before.
///
/// # Errors
/// `NotFound` for the product or a group; `Taken` for a new name that is there at that moment, also on a group that is given
/// another one later in the list; `Malformed` for the default group, which stays as it is.
pub fn change_feature_groups(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    changes: &[ChangeGroup],
) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    once_each("feature group", changes.iter().map(|change| change.name.as_str()))?;
    let known = rows::groups(tx, product.id)?;
    for change in changes {
        let before = named(&known, &change.name)?;
        if let Some(name) = &change.new_name {
            check_name("new feature group", name)?;
        }
        let after = FeatureGroup {
            id: before.id,
            name: change.new_name.clone().unwrap_or_else(|| before.name.clone()),
            notes: change.notes.clone().unwrap_or_else(|| before.notes.clone()),
        };
        check(&after)?;
        rows::update(tx, &after)
            .map_err(|error| Error::from(error).taken_on_unique(Noun::FeatureGroup, &after.name))?;
    }
    // Features are kept with the names of their groups.
    super::rows::raise_version(tx, product.id)?;
    let names: Vec<_> = changes.iter().map(|change| json!({ "name": change.name, "to": change.new_name })).collect();
    journal::append(tx, cx, "product.feature_groups_changed", subject(&product), &json!({ "groups": names }))?;
    Ok(())
}

/// Removes a group from a product. Its features are in the default group then.
///
/// # Errors
/// `NotFound` for the product or the group; `Malformed` for the default group, which always stays.
pub fn remove_feature_group(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, name: &str) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    let known = rows::groups(tx, product.id)?;
    rows::delete(tx, product.id, named(&known, name)?.id)?;
    super::rows::raise_version(tx, product.id)?;
    journal::append(tx, cx, "product.feature_groups_removed", subject(&product), &json!({ "groups": [name] }))?;
    Ok(())
}

/// The group with a name; `None` is the default group.
pub(super) fn id_of(tx: &mut dyn Tx, product: ProductId, name: Option<&str>) -> Result<Option<FeatureGroupId>, Error> {
    match name.filter(|name| !is_default(name)) {
        None => Ok(None),
        Some(name) => match rows::named(tx, product, name)? {
            Some(group) => Ok(Some(group.id)),
            None => Err(Error::not_found(Noun::FeatureGroup)),
        },
    }
}

fn named<'a>(known: &'a [FeatureGroup], name: &str) -> Result<&'a FeatureGroup, Error> {
    if is_default(name) {
        return Err(Error::malformed("feature group", "the default group stays as it is"));
    }
    known.iter().find(|group| group.name == name).ok_or(Error::not_found(Noun::FeatureGroup))
}

fn check(group: &FeatureGroup) -> Result<(), Error> {
    check_name("feature group", &group.name)?;
    check_document("notes", &group.notes, MOST_NOTES)?;
    if is_default(&group.name) {
        return Err(Refusal::Taken { noun: Noun::FeatureGroup, name: group.name.clone() }.into());
    }
    Ok(())
}
