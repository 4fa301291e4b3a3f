//! Keys of licenses, `XXX-XXX-XXX`: the code of a license, and its alias.

use crate::ids;
use crate::problem::{Area, Problem};
use lessor_core::account::{self, Account};
use lessor_core::identity::Right;
use lessor_core::license::{self, License};
use lessor_core::{Action, Context, Error, LicenseId, Noun, Tx, alias, order};
use std::collections::HashMap;

/// What keys are made of: capitals and digits that nobody takes for one another.
const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// A new key. 45 bits of chance meet those of another license about never, and the core refuses it then.
pub(crate) fn new_key(cx: &Context<'_>) -> String {
    let chance: [u8; 9] = cx.random();
    let letters: Vec<u8> = chance.iter().map(|byte| LETTERS[usize::from(byte % 32)]).collect();
    let parts: Vec<_> = letters.chunks(3).map(String::from_utf8_lossy).collect();
    parts.join("-")
}

/// Gives a new license its key as the dialect's name for it.
pub(crate) fn give(tx: &mut dyn Tx, license: &License) -> Result<(), Error> {
    alias::give(tx, license.tenant, ids::LICENSE, &license.code, license.id.0, Noun::License)
}

/// The key of a license. What was made elsewhere goes by its code.
pub(crate) fn of(tx: &mut dyn Tx, license: &License) -> Result<String, Error> {
    Ok(alias::name_of(tx, ids::LICENSE, license.id.0)?.unwrap_or_else(|| license.code.clone()))
}

/// The keys of many licenses, in their order.
pub(crate) fn of_many(tx: &mut dyn Tx, cx: &Context<'_>, licenses: &[License]) -> Result<Vec<String>, Error> {
    let records: Vec<_> = licenses.iter().map(|license| license.id.0).collect();
    let names: HashMap<_, _> = alias::names_of(tx, cx, ids::LICENSE, &records)?;
    let key = |license: &License| names.get(&license.id.0).map_or_else(|| license.code.clone(), |key| key.to_string());
    Ok(licenses.iter().map(key).collect())
}

/// The license of a key, in whatever case, if the caller may see it.
///
/// # Errors
/// `NotFound(License)`.
pub(crate) fn find(tx: &mut dyn Tx, cx: &Context<'_>, key: &str) -> Result<License, Error> {
    let tenant = cx.actor().tenant;
    for spelled in [key.to_ascii_uppercase(), key.to_owned(), key.to_ascii_lowercase()] {
        if let Some(record) = alias::resolve(tx, tenant, ids::LICENSE, &spelled)? {
            return Ok(license::get(tx, cx, LicenseId(record))?.license);
        }
    }
    // What was made elsewhere goes by its code, as long as no two products have it.
    let mut found = license::by_code(tx, cx, tenant, None, key, false)?;
    match (found.pop(), found.is_empty()) {
        (Some(view), true) => Ok(view.license),
        _ => Err(Error::not_found(Noun::License)),
    }
}

/// As [`find`], for a caller who may change it; with the customer whose it is.
///
/// # Errors
/// `NotFound(License)`; `Forbidden` also for whoever orders by request.
pub(crate) fn find_to_change(tx: &mut dyn Tx, cx: &Context<'_>, key: &str) -> Result<(License, Account), Error> {
    let license = find(tx, cx, key)?;
    let customer = account::get(tx, cx, license.account)?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &customer, Noun::License)?;
    order::may_decide(tx, cx)?;
    Ok((license, customer))
}

/// As [`find_to_change`], for what is done to licenses of direct children alone.
///
/// # Errors
/// `NotFound(License)`, `Forbidden`.
pub(crate) fn find_of_child(tx: &mut dyn Tx, cx: &Context<'_>, key: &str) -> Result<License, Error> {
    let (license, customer) = find_to_change(tx, cx, key)?;
    if customer.parent == Some(cx.actor().account) { Ok(license) } else { Err(Error::Forbidden) }
}

/// A broken rule of licenses.
pub(crate) fn rule(sub_code: u16, message: &'static str) -> Problem {
    Problem::rule(Area::License, sub_code, message)
}
