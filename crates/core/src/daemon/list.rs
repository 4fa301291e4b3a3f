//! Lists daemons for the back office.

use super::{Daemon, rows};
use crate::account::{self, Path};
use crate::context::Context;
use crate::error::Error;
use crate::id::{ActivationId, ProductId};
use crate::identity::Right;
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
