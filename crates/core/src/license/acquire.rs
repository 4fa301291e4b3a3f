//! Hands out licenses that nobody has used or been given yet; none is handed out twice.

use super::rows;
use crate::account;
use crate::catalog;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{LicenseId, ProductId, ProfileId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use lessor_db::Tx;
use serde_json::json;

/// Asks for the next free licenses, oldest first.
#[derive(Clone, Debug)]
pub struct Acquire {
    /// To what.
    pub product: ProductId,
    /// Filed under this profile; `None` asks for those under none.
    pub profile: Option<ProfileId>,
    /// How many, 1 to 10 000. Fewer may come.
    pub amount: i64,
}

/// Hands licenses out and marks them so. On PostgreSQL, rows that another call is handing out are stepped over.
///
/// # Errors
/// `NoneFree` when not a single one is left.
pub fn acquire(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Acquire) -> Result<Vec<(LicenseId, String)>, Error> {
    let product = catalog::rows::product(tx, cmd.product)?.ok_or(Error::not_found(Noun::Product))?;
    let vendor = account::rows::by_id(tx, product.tenant)?.ok_or(Error::not_found(Noun::Product))?;
    cx.authorize(&Action::write(Right::LICENSES_ACQUIRE), &vendor, Noun::Product)?;
    super::issue::profile_of(tx, &product, cmd.profile)?;
    let amount = super::in_range("amount", cmd.amount, 1, 10_000)?;
    let free = rows::lock_free(tx, product.id, cmd.profile, u32::try_from(amount).unwrap_or(u32::MAX))?;
    if free.is_empty() {
        return Err(Refusal::NoneFree.into());
    }
    let mut handed_out = Vec::with_capacity(free.len());
    for id in free {
        let (code, account) = rows::set_acquired(tx, id, cx.now)?;
        let subject = Subject { kind: "license", id: id.0, account, tenant: product.tenant };
        let data = json!({ "code": code, "before": { "acquired": false }, "after": { "acquired": true } });
        journal::append(tx, cx, "license.acquired", subject, &data)?;
        handed_out.push((id, code));
    }
    Ok(handed_out)
}
