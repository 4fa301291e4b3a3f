//! Lists daemons for the back office.

use super::{Daemon, Master, rows};
use crate::account::{self, Path};
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, ActivationId, ProductId};
use crate::identity::Right;
use crate::page::Start;
use lessor_db::Tx;
use uuid::Uuid;

/// Which daemons a list shows.
#[derive(Clone, Debug, Default)]
pub struct DaemonFilter {
    /// Only those of this product.
    pub product: Option<ProductId>,
}

/// A page of the daemons in the caller's branch, in the order they were enrolled, after `after`.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &DaemonFilter,
    after: Option<ActivationId>,
    limit: u32,
) -> Result<Vec<Daemon>, Error> {
    if !cx.actor().has_right(&Right::LICENSES_READ) {
        return Err(Error::Forbidden);
    }
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let page = |branch: &Path, after| rows::page(tx, branch, filter.product, after, limit);
    let seen = account::page_seen(cx.actor(), None, after, limit, page, |placed| (placed.daemon.id.0, &placed.path))?;
    Ok(seen.into_iter().map(|placed| placed.daemon).collect())
}

/// Which network master licenses a list shows. A filter that is `None` does not filter.
#[derive(Clone, Debug)]
pub struct MasterFilter {
    /// Of this tenant.
    pub tenant: AccountId,
    /// With this code.
    pub code: Option<String>,
    /// Of this account itself; the tenant's own are those given to nobody.
    pub account: Option<AccountId>,
}

/// A page of a tenant's network master licenses, in the order they were made: one item for each daemon that has or had the
/// license, in the order they enrolled, and one for a license that no daemon had yet.
///
/// # Errors
/// `NotFound`, `Forbidden` for a tenant whose licenses the caller may not see.
pub fn masters(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &MasterFilter,
    start: Start,
    limit: u32,
) -> Result<Vec<Master>, Error> {
    account::authorized(tx, cx, filter.tenant, &Action::read(Right::LICENSES_READ), Noun::Account)?;
    Ok(rows::masters(tx, filter, start, limit)?)
}

/// How many items [`masters`] has in all.
///
/// # Errors
/// As [`masters`].
pub fn count_masters(tx: &mut dyn Tx, cx: &Context<'_>, filter: &MasterFilter) -> Result<i64, Error> {
    account::authorized(tx, cx, filter.tenant, &Action::read(Right::LICENSES_READ), Noun::Account)?;
    Ok(rows::count_masters(tx, filter)?)
}
