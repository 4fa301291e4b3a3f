//! Where the pages of numbered lists begin. Storage finds the record number 900 000 by walking past all before it; a list
//! that is read page by page is walked once, as long as nothing is changed meanwhile.

use super::{License, LicenseFilter, rows};
use crate::context::Context;
use crate::error::Error;
use crate::page::Start;
use lessor_db::{Epoch, Tx};
use quick_cache::sync::Cache;
use uuid::Uuid;

/// Most marks that are remembered.
const MOST: usize = 4_096;

/// A list, and how many of its items stand before the mark.
type Place = (LicenseFilter, i64);

/// Behind which license an item stands, and since when that is known.
pub(crate) struct Marks(Cache<Place, (Epoch, Uuid)>);

impl Marks {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST))
    }
}

/// A page behind so many licenses.
pub(super) fn page(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &LicenseFilter,
    number: i64,
    limit: u32,
) -> Result<Vec<License>, Error> {
    let since = cx.since().filter(|_| holds_under_use(filter));
    let Some(since) = since else { return Ok(rows::page(tx, filter, Start::At(number), limit)?) };
    let (after, rest) = nearest(cx, filter, number, limit);
    let licenses = rows::page_behind(tx, filter, after, rest, limit)?;
    if let (Some(first), Some(last)) = (licenses.first(), licenses.last()) {
        let marks = &cx.tools.marks.0;
        // Nothing of the list stands between a license and the id right before its own.
        marks.insert((filter.clone(), number), (since, Uuid::from_u128(first.id.0.as_u128().saturating_sub(1))));
        let behind = number.saturating_add(i64::try_from(licenses.len()).unwrap_or(i64::MAX));
        marks.insert((filter.clone(), behind), (since, last.id.0));
    }
    Ok(licenses)
}

/// How many pages before the wanted one are looked at for a mark to walk from.
const FARTHEST: i64 = 1_000;

/// A license at or before the wanted place, and how many stand between. Who reads pages in any order asks for pages of one
/// size, so that marks stand whole pages before.
fn nearest(cx: &Context<'_>, filter: &LicenseFilter, number: i64, limit: u32) -> (Uuid, i64) {
    let pages = (0..FARTHEST).map(|pages| pages * i64::from(limit)).take_while(|back| *back < number);
    for back in pages {
        if let Some(id) = find(cx, filter, number - back) {
            return (id, back);
        }
    }
    (Uuid::nil(), number)
}

fn find(cx: &Context<'_>, filter: &LicenseFilter, number: i64) -> Option<Uuid> {
    let (since, id) = cx.tools.marks.0.get(&(filter.clone(), number))?;
    // Which licenses there are, and whose, changes with nothing that touches a single one.
    cx.tools.store.epochs()?.holds(since, Uuid::nil()).then_some(id)
}

/// Does the list stay the same while devices come and go?
fn holds_under_use(filter: &LicenseFilter) -> bool {
    filter.used.is_none() && filter.activated.is_none()
}
