//! Named values of products: made, changed, removed. Licenses and profiles that set none of their own have the product's.

pub(crate) mod rows;

use super::NamedValue;
use super::product::{check_name, lock, subject};
use super::settings::{check_value, once_each};
use crate::context::Context;
use crate::error::{Error, Noun};
use crate::id::ProductId;
use crate::journal;
use lessor_db::Tx;
use serde_json::json;

/// Most named values of one product: all of them travel in every lease.
const MOST: usize = 1_000;

/// A change of a named value, named by its name; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeValue {
    /// Which one.
    pub name: String,
    /// Its new name; what licenses and profiles have set stays.
    pub new_name: Option<String>,
    /// The value where nothing else is set.
    pub value: Option<String>,
}

/// Adds named values to a product, each a name with its value: all of them or none. Licenses made before have them as well.
///
/// # Errors
/// `NotFound(Product)`; `Taken` for a name that is there; `Malformed` for a name or a value that is none.
pub fn add_values(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    values: &[(String, String)],
) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    write(tx, cx, product.id, values)?;
    let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
    journal::append(tx, cx, "product.values_added", subject(&product), &json!({ "values": names }))?;
    Ok(())
}

/// Writes the values of a product that is locked or new.
pub(super) fn write(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    values: &[(String, String)],
) -> Result<(), Error> {
    if rows::values(tx, product)?.len() + values.len() > MOST {
        return Err(Error::malformed("values", format!("a product has at most {MOST}")));
    }
    for (name, value) in values {
        let value = NamedValue { id: cx.new_id(), name: name.clone(), value: value.clone() };
        check(&value)?;
        rows::insert(tx, product, &value)
            .map_err(|error| Error::from(error).taken_on_unique(Noun::NamedValue, &value.name))?;
    }
    Ok(super::rows::raise_version(tx, product)?)
}

/// Changes named values of a product: all of them or none. The names are those that the values have before.
///
/// # Errors
/// `NotFound` for the product or a value; `Taken` for a new name that is there at that moment, also on a value that is given
/// another one later in the list; `Malformed` for a name or a value that is none.
pub fn change_values(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    changes: &[ChangeValue],
) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    once_each("values", changes.iter().map(|change| change.name.as_str()))?;
    let known = rows::values(tx, product.id)?;
    for change in changes {
        let before = named(&known, &change.name)?;
        if let Some(name) = &change.new_name {
            check_name("new value name", name)?;
        }
        let after = NamedValue {
            id: before.id,
            name: change.new_name.clone().unwrap_or_else(|| before.name.clone()),
            value: change.value.clone().unwrap_or_else(|| before.value.clone()),
        };
        check(&after)?;
        rows::update(tx, &after).map_err(|error| Error::from(error).taken_on_unique(Noun::NamedValue, &after.name))?;
    }
    super::rows::raise_version(tx, product.id)?;
    let names: Vec<_> = changes.iter().map(|change| json!({ "name": change.name, "to": change.new_name })).collect();
    journal::append(tx, cx, "product.values_changed", subject(&product), &json!({ "values": names }))?;
    Ok(())
}

/// Removes a named value from a product and from every license and profile that sets it.
///
/// # Errors
/// `NotFound` for the product or the value.
pub fn remove_value(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId, name: &str) -> Result<(), Error> {
    let product = lock(tx, cx, product)?;
    let known = rows::values(tx, product.id)?;
    rows::delete(tx, named(&known, name)?.id)?;
    super::rows::raise_version(tx, product.id)?;
    journal::append(tx, cx, "product.values_removed", subject(&product), &json!({ "values": [name] }))?;
    Ok(())
}

fn named<'a>(known: &'a [NamedValue], name: &str) -> Result<&'a NamedValue, Error> {
    known.iter().find(|value| value.name == name).ok_or(Error::not_found(Noun::NamedValue))
}

fn check(value: &NamedValue) -> Result<(), Error> {
    check_name("value name", &value.name)?;
    check_value(&value.value)
}
