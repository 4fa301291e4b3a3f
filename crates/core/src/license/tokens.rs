//! The back office's hand on tokens: their limit, and what one device has checked out.

use super::{in_range, rows};
use crate::catalog::{self, FeatureKind};
use crate::context::Context;
use crate::error::{Error, Refusal};
use crate::id::LicenseId;
use crate::journal;
use lessor_db::Tx;
use serde_json::json;

/// Most tokens of one license and feature.
const MOST_TOKENS: i64 = 2_000_000_000;

/// Sets a token feature of a license.
#[derive(Clone, Debug)]
pub struct SetTokens {
    /// Which license.
    pub license: LicenseId,
    /// Which feature, by its code.
    pub feature: String,
    /// Tokens there are in all, 0 to 2 000 000 000; `None` leaves it.
    pub limit: Option<i64>,
    /// A device and what it has checked out from now on, consumed ones included.
    pub checked_out: Option<(String, i64)>,
}

/// Sets a token feature of a license.
///
/// # Errors
/// `WrongFeatureKind` for a feature of another kind; `NoSeat` when more would be checked out than there are.
pub fn set_tokens(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &SetTokens) -> Result<(), Error> {
    let license = super::lock(tx, cx, cmd.license)?;
    let known = catalog::catalog(tx, license.tenant, license.product)?;
    let feature = known.feature(&cmd.feature)?;
    if feature.kind != FeatureKind::Tokens {
        return Err(Refusal::WrongFeatureKind.into());
    }
    let before = catalog::settings_of(tx, license.id.0)?.grants.get(&feature.id).copied().unwrap_or_default();
    let limit = in_range("limit", cmd.limit.unwrap_or(before.limit), 0, MOST_TOKENS)?;
    rows::set_token_limit(tx, license.id, feature.id, limit)?;
    rows::raise_version(tx, license.id)?;
    let mut used = before.used;
    if let Some((device, held)) = &cmd.checked_out {
        let held = in_range("checked_out", *held, 0, MOST_TOKENS)?;
        used = rows::held_by_others(tx, license.id, feature.id, device)? + held;
        if used > limit {
            return Err(Refusal::NoSeat { limit, concurrent: false }.into());
        }
        let old = rows::checked_out(tx, license.id, feature.id, device)?;
        let consumed: i64 = old.iter().map(|(_, _, consumed)| consumed).sum();
        let (user, activation) =
            old.into_iter().next().map(|(user, activation, _)| (user, activation)).unwrap_or_default();
        rows::drop_checkouts(tx, license.id, feature.id, device)?;
        rows::put_checkout(tx, license.id, feature.id, device, &user, activation, held, consumed.min(held))?;
        rows::set_tokens_used(tx, license.id, feature.id, used)?;
    }
    let data = json!({
        "feature": feature.code,
        "before": { "limit": before.limit, "used": before.used },
        "after": { "limit": limit, "used": used },
    });
    journal::append(tx, cx, "license.tokens_set", license.subject(), &data)?;
    Ok(())
}
