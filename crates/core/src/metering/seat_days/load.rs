//! Reads all that is needed to count seat days of a stretch of the tree, in as many statements for one account as for
//! hundreds.

use super::rows::{self, Held, Owned, Place};
use super::stops::{Tree, stops};
use super::{Days, Interval, Run, count, in_force};
use crate::account::Path;
use crate::error::Error;
use crate::id::{AccountId, LicenseId};
use crate::license::Segment;
use lessor_db::Tx;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// A stretch of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    from: String,
    to: String,
}

impl Branch {
    /// One account.
    pub(crate) fn own(path: &Path) -> Self {
        Self { from: path.as_str().to_owned(), to: behind(path) }
    }

    /// An account and all below it.
    pub(crate) fn whole(path: &Path) -> Self {
        Self { from: path.as_str().to_owned(), to: path.end() }
    }

    /// From a path on, included, up to a text, excluded.
    pub(super) fn stretch(&self) -> (&str, &str) {
        (&self.from, &self.to)
    }

    fn holds(&self, path: &Path) -> bool {
        (self.from.as_str()..self.to.as_str()).contains(&path.as_str())
    }

    /// What is left of it behind an account.
    pub(crate) fn after(&self, path: &Path) -> Self {
        Self { from: behind(path).max(self.from.clone()), to: self.to.clone() }
    }
}

/// The first text behind a path and before everything below it.
fn behind(path: &Path) -> String {
    format!("{}0", path.as_str())
}

/// What there is to count in a stretch of the tree.
#[derive(Default)]
pub(crate) struct Loaded {
    /// The accounts asked for, in the order of their paths; for a license, those that it was with.
    pub accounts: Vec<Place>,
    /// The segments of each license, in the order of time, also those of other accounts.
    licenses: Vec<(LicenseId, Vec<Segment>)>,
    /// Other accounts that their licenses were with.
    elsewhere: Vec<Place>,
    stops: HashMap<AccountId, Vec<Interval>>,
    /// What stood above what in these days.
    pub tree: Tree,
    /// All accounts that stood above any of them, and they themselves.
    pub known: Vec<Uuid>,
}

/// A license and when it counted.
pub(crate) struct Counted<'a> {
    pub license: LicenseId,
    pub segments: &'a [Segment],
    pub runs: Vec<Run>,
    /// The segment in force at the end.
    pub in_force: Option<usize>,
}

impl Loaded {
    /// Counts each license.
    pub(crate) fn count(&self, days: &Days) -> impl Iterator<Item = Counted<'_>> {
        let stops = |account| self.stops.get(&account).map_or(&[][..], Vec::as_slice);
        self.licenses.iter().map(move |(license, segments)| Counted {
            license: *license,
            segments,
            runs: count(days, segments, stops),
            in_force: in_force(days, segments, stops),
        })
    }
}

/// What there is to count in the first accounts of a stretch, `limit` at most.
pub(crate) fn load(tx: &mut dyn Tx, branch: &Branch, time: Interval, limit: u32) -> Result<Loaded, Error> {
    let accounts = rows::places(tx, (&branch.from, &branch.to), limit)?;
    let Some(last) = accounts.last() else {
        return Ok(Loaded::default());
    };
    let end = behind(&last.path);
    let stretch = (branch.from.as_str(), end.as_str());
    let segments = rows::segments(tx, stretch, time)?;
    let holds = rows::holds(tx, stretch, time)?;
    complete(tx, accounts, segments, Some(holds), time)
}

/// What there is to count of some accounts by themselves.
pub(crate) fn load_accounts(tx: &mut dyn Tx, ids: &[Uuid], time: Interval) -> Result<Loaded, Error> {
    let accounts = rows::places_of(tx, ids)?;
    let mut segments = rows::segments_of_accounts(tx, ids, time)?;
    // A license that went from one of them to another may have been found with both.
    segments.sort_by_key(|owned| (owned.license, owned.segment.from));
    segments.dedup_by_key(|owned| owned.segment.id);
    complete(tx, accounts, segments, None, time)
}

/// What there is to count of some licenses while they were with accounts of a branch.
pub(super) fn load_licenses(tx: &mut dyn Tx, ids: &[Uuid], time: Interval, branch: &Branch) -> Result<Loaded, Error> {
    let mut segments = rows::segments_of_licenses(tx, ids, time)?;
    segments.sort_by_key(|owned| (owned.license, owned.segment.from));
    let loaded = complete(tx, Vec::new(), segments, None, time)?;
    let (accounts, elsewhere) = loaded.elsewhere.into_iter().partition(|place| branch.holds(&place.path));
    Ok(Loaded { accounts, elsewhere, ..loaded })
}

/// What there is to count of one license, and of the accounts it was with.
pub(crate) fn load_license(tx: &mut dyn Tx, license: LicenseId, time: Interval) -> Result<Loaded, Error> {
    let segments = rows::segments_of(tx, license, time)?;
    let loaded = complete(tx, Vec::new(), segments, None, time)?;
    Ok(Loaded { accounts: loaded.elsewhere, elsewhere: Vec::new(), ..loaded })
}

/// Adds the accounts elsewhere that licenses were with, and the holds on those and on everything above; also those on the
/// accounts asked for, unless they are there already.
fn complete(
    tx: &mut dyn Tx,
    accounts: Vec<Place>,
    segments: Vec<Owned>,
    holds: Option<Vec<Held>>,
    time: Interval,
) -> Result<Loaded, Error> {
    let asked: HashSet<Uuid> = accounts.iter().map(|place| place.id.0).collect();
    let elsewhere = distinct(segments.iter().map(|owned| owned.segment.account.0).filter(|id| !asked.contains(id)));
    let elsewhere = rows::places_of(tx, &elsewhere)?;
    let places: Vec<&Place> = accounts.iter().chain(&elsewhere).collect();
    let (tree, known) = tree_of(tx, &places, time)?;
    let others: Vec<Uuid> = known.iter().copied().filter(|id| holds.is_none() || !asked.contains(id)).collect();
    let mut holds = holds.unwrap_or_default();
    holds.extend(rows::holds_of(tx, &others, time)?);

    let mut by_account: HashMap<AccountId, Vec<Held>> = HashMap::new();
    for hold in holds {
        by_account.entry(hold.account).or_default().push(hold);
    }
    let stops = places.iter().map(|place| (place.id, stops(&tree, &by_account, place, time))).collect();
    let mut licenses: Vec<(LicenseId, Vec<Segment>)> = Vec::new();
    for owned in segments {
        match licenses.last_mut() {
            Some((license, segments)) if *license == owned.license => segments.push(owned.segment),
            _ => licenses.push((owned.license, vec![owned.segment])),
        }
    }
    Ok(Loaded { accounts, elsewhere, licenses, stops, tree, known })
}

/// What stood above these accounts in that time, and every account it names.
fn tree_of(tx: &mut dyn Tx, places: &[&Place], time: Interval) -> Result<(Tree, Vec<Uuid>), Error> {
    let mut tree = Tree::default();
    let mut moves = Vec::new();
    for tenant in distinct(places.iter().map(|place| place.tenant.0)) {
        moves.extend(rows::moves_since(tx, tenant.into(), time.from)?);
    }
    let mut known: HashSet<Uuid> = HashSet::new();
    let learn = |tree: &mut Tree, place: &Place, known: &mut HashSet<Uuid>| {
        tree.learn(place);
        known.extend(place.path.accounts().iter().map(|id| id.0));
    };
    places.iter().for_each(|place| learn(&mut tree, place, &mut known));
    // A former parent may itself have stood elsewhere: until nothing new is named.
    loop {
        let missing = distinct(
            moves
                .iter()
                .filter(|moved| known.contains(&moved.account.0))
                .map(|moved| moved.parent.0)
                .filter(|id| !known.contains(id)),
        );
        if missing.is_empty() {
            break;
        }
        for place in rows::places_of(tx, &missing)? {
            learn(&mut tree, &place, &mut known);
        }
    }
    moves.iter().for_each(|moved| tree.moved(moved));
    let mut known: Vec<Uuid> = known.into_iter().collect();
    known.sort_unstable();
    Ok((tree, known))
}

fn distinct(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
