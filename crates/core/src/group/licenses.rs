//! Which licenses the end users of a group sign in for.

use super::{Group, GroupKind, get, lock, rows};
use crate::account;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{EndUserId, GroupId, LicenseId, ProductId};
use crate::identity::Right;
use crate::journal;
use crate::license::{self, Role, rows as license_rows};
use lessor_db::Tx;
use serde_json::json;
use uuid::Uuid;

/// Most licenses of one group.
const MOST_LICENSES: i64 = 1_000;
/// Most licenses that a user who signs in is offered.
const MOST_CANDIDATES: u32 = 1_000;

/// A license of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLicense {
    /// The license.
    pub license: LicenseId,
    /// To what.
    pub product: ProductId,
    /// Its code.
    pub code: String,
    /// Of which group.
    pub group: GroupId,
    /// When it was added.
    pub added_at: Timestamp,
}

/// Gives a group a license, and tells whether it is new there: giving it again is not an error. The caller has to be able to
/// change both.
///
/// # Errors
/// `InOtherGroup`; `NotFound` for the group or the license; `Malformed` for a license that devices do not activate;
/// `OutOfRange` for more than 1000 in a group.
pub fn add_license(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    group: GroupId,
    license: LicenseId,
) -> Result<(GroupLicense, bool), Error> {
    let group = lock(tx, cx, group)?;
    // Locked at once as strongly as any command does that goes on with it.
    let license = license_rows::lock(tx, license)?.ok_or(Error::not_found(Noun::License))?;
    license::owner(tx, cx, &license, &Action::write(Right::GROUPS_WRITE))?;
    if license.tenant != group.tenant {
        return Err(Error::not_found(Noun::License));
    }
    if license.role != Role::Standard {
        return Err(Error::malformed("license", "it has to be one that devices activate"));
    }
    if let Some(there) = rows::group_license(tx, license.id)? {
        return if there.group == group.id { Ok((there, false)) } else { Err(Refusal::InOtherGroup.into()) };
    }
    // The group is locked, so that the count is true.
    if rows::count_licenses(tx, group.id)? >= MOST_LICENSES {
        return Err(Refusal::OutOfRange { field: "licenses", min: 0, max: MOST_LICENSES }.into());
    }
    if !rows::insert_license(tx, &group, license.id, license.product, cx.now)? {
        // Another group took it meanwhile.
        return Err(Refusal::InOtherGroup.into());
    }
    journal::append(tx, cx, "group.license_added", group.subject(), &named(license.id, &license.code))?;
    let (product, code) = (license.product, license.code);
    Ok((GroupLicense { license: license.id, product, code, group: group.id, added_at: cx.now }, true))
}

/// Takes a license out of a group. What was activated stays activated.
///
/// # Errors
/// `NotFound` for the group, or for a license that is not in it.
pub fn remove_license(tx: &mut dyn Tx, cx: &Context<'_>, group: GroupId, license: LicenseId) -> Result<(), Error> {
    let group = lock(tx, cx, group)?;
    let there = rows::group_license(tx, license)?.filter(|there| there.group == group.id);
    let there = there.ok_or(Error::not_found(Noun::License))?;
    rows::delete_license(tx, license)?;
    journal::append(tx, cx, "group.license_removed", group.subject(), &named(license, &there.code))?;
    Ok(())
}

fn named(license: LicenseId, code: &str) -> serde_json::Value {
    json!({ "license": license.to_string(), "code": code })
}

/// A page of a group's licenses that the caller sees, in the order of their ids, after `after`.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn licenses(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    group: GroupId,
    after: Option<LicenseId>,
    limit: u32,
) -> Result<Vec<GroupLicense>, Error> {
    let group = get(tx, cx, group)?;
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let page = |branch: &account::Path, after| rows::licenses(tx, branch, group.id, after, limit);
    let seen = account::page_seen(cx.actor(), None, after, limit, page, |(one, path)| (one.license.0, path))?;
    Ok(seen.into_iter().map(|(one, _)| one).collect())
}

/// The group that a license is in, if it is in one that the caller sees.
///
/// # Errors
/// `NotFound` for a license that the caller does not see; `Forbidden`.
pub fn group_of_license(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<Option<GroupLicense>, Error> {
    let found = license_rows::by_id(tx, license)?.ok_or(Error::not_found(Noun::License))?;
    license::owner(tx, cx, &found, &Action::read(Right::GROUPS_READ))?;
    let Some(there) = rows::group_license(tx, license)? else { return Ok(None) };
    match get(tx, cx, there.group) {
        Ok(_) => Ok(Some(there)),
        Err(Error::Refused(Refusal::NotFound(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The licenses of a product that an end user may sign in for, at most 1000: those of its own group first, then, for a
/// user of a master group, those of the groups below; each group's in the order they were added. The order is the same
/// each time.
///
/// # Errors
/// Those of storage. A user that is no more has none.
pub fn candidates(
    tx: &mut dyn Tx,
    _cx: &Context<'_>,
    end_user: EndUserId,
    product: ProductId,
) -> Result<Vec<LicenseId>, Error> {
    let Some(user) = rows::end_users::end_user(tx, end_user)? else { return Ok(Vec::new()) };
    let Some(group) = rows::group(tx, user.group)? else { return Ok(Vec::new()) };
    let Group { id, kind, .. } = group;
    let mut found = rows::licenses_for(tx, id, product, MOST_CANDIDATES)?;
    if kind == GroupKind::Master {
        found.extend(rows::licenses_below_for(tx, id, product, MOST_CANDIDATES)?);
        found.truncate(usize::try_from(MOST_CANDIDATES).unwrap_or(usize::MAX));
    }
    Ok(found)
}
