//! Which end user signed in for which activation.

use super::EndUser;
use super::rows::end_users as rows;
use crate::context::Context;
use crate::device::{self, ReturnCause};
use crate::error::Error;
use crate::id::{ActivationId, EndUserId, GroupId, LicenseId};
use crate::license::rows as license_rows;
use lessor_db::Tx;

/// Keeps an end user from being deleted until the transaction ends; `false` when it is gone already. Whoever activates for a
/// user asks before locking a license: that is the order in which users and licenses are locked.
pub(crate) fn keep(tx: &mut dyn Tx, end_user: EndUserId) -> Result<bool, Error> {
    Ok(rows::keep(tx, end_user)?)
}

/// Tells that an end user signed in for an activation.
pub(crate) fn signed_in(tx: &mut dyn Tx, activation: ActivationId, end_user: EndUserId) -> Result<(), Error> {
    Ok(rows::sign_in(tx, activation, end_user)?)
}

/// Returns what an end user has in use. The user is locked.
pub(super) fn return_all(tx: &mut dyn Tx, cx: &Context<'_>, end_user: &EndUser) -> Result<u64, Error> {
    let in_use = rows::signed_in(tx, end_user.id)?;
    end_all(tx, cx, &in_use)
}

/// Returns what the end users of a group have in use. The group is locked, so that it gets no more users.
pub(super) fn return_all_of_group(tx: &mut dyn Tx, cx: &Context<'_>, group: GroupId) -> Result<u64, Error> {
    rows::lock_of_group(tx, group)?;
    let in_use = rows::signed_in_of_group(tx, group)?;
    end_all(tx, cx, &in_use)
}

fn end_all(tx: &mut dyn Tx, cx: &Context<'_>, in_use: &[(LicenseId, ActivationId)]) -> Result<u64, Error> {
    let mut locked = None;
    let mut ended = 0;
    for (license, activation) in in_use {
        if locked != Some(*license) {
            license_rows::lock(tx, *license)?;
            locked = Some(*license);
        }
        ended += u64::from(device::end_by_id(tx, cx, *activation, ReturnCause::BackOffice)?);
    }
    Ok(ended)
}
