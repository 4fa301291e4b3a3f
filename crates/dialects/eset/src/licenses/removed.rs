//! Removed trials: ended for good, and kept for their past.

use super::{key, state};
use crate::ids;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::license::{self, License};
use lessor_core::{AccountId, Context, Error, LicenseId, Noun, Refusal, Tx, alias};
use std::collections::HashSet;

/// Was a license removed? Only a trial that is over can have been.
pub(crate) fn is(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<bool, Error> {
    if !state::is_trial(license) || !license.terms.term.is_over(cx.now) {
        return Ok(false);
    }
    Ok(alias::name_of(tx, ids::REMOVED_LICENSE, license.id.0)?.is_some())
}

/// All licenses of a tenant that were removed: no search finds them.
pub(crate) fn all(tx: &mut dyn Tx, tenant: AccountId) -> Result<HashSet<LicenseId>, Error> {
    let names = alias::names(tx, tenant, ids::REMOVED_LICENSE)?;
    Ok(names.into_iter().map(|(_, record)| LicenseId(record)).collect())
}

/// Refuses what is done to a removed license as if it had ended.
pub(super) fn refuse(tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<(), Error> {
    if is(tx, cx, license)? { Err(Refusal::TrialOver.into()) } else { Ok(()) }
}

/// Removes a trial.
pub(super) async fn remove(asked: Asked) -> Result<Reply, Problem> {
    let key = asked.fields.need_text("publicLicenseKey")?.to_owned();
    let done = asked.app.write(&asked.caller, move |tx, cx| {
        let license = key::find_of_child(tx, cx, &key)?;
        refuse(tx, cx, &license)?;
        license::end_trial(tx, cx, license.id)?;
        let key = key::of(tx, &license)?;
        alias::give(tx, license.tenant, ids::REMOVED_LICENSE, &key, license.id.0, Noun::License)
    });
    match done.await {
        Ok(()) => Ok(Reply::empty()),
        Err(error) => Err(super::problem(error)),
    }
}
