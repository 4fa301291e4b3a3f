//! When accounts were stopped: by holds on themselves, by holds above whose reach is the branch, and by their end. The tree
//! is taken as it stood at each moment, not as it stands now.

use super::Interval;
use super::rows::{Held, Moved, Place};
use crate::account::Reach;
use crate::clock::Timestamp;
use crate::id::AccountId;
use std::collections::HashMap;

/// What stood above what, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    parents: HashMap<AccountId, AccountId>,
    /// Former parents, each until when; in the order of time.
    former: HashMap<AccountId, Vec<(Timestamp, AccountId)>>,
}

impl Tree {
    /// Learns the accounts that a place names.
    pub(super) fn learn(&mut self, place: &Place) {
        let ids = place.path.accounts();
        self.parents.extend(ids.windows(2).map(|pair| (pair[1], pair[0])));
    }

    pub(super) fn moved(&mut self, moved: &Moved) {
        self.former.entry(moved.account).or_default().push((moved.until, moved.parent));
    }

    /// Calls `each` with every account that stood above this one, the nearest first, and when within `time`.
    pub(crate) fn each_above(&self, account: AccountId, time: Interval, each: &mut dyn FnMut(AccountId, Interval)) {
        let mut rest = time;
        let mut visit = |parent, part: Interval| {
            each(parent, part);
            self.each_above(parent, part, each);
        };
        for (until, parent) in self.former.get(&account).into_iter().flatten() {
            if let Some(part) = rest.within(Interval { from: time.from, to: *until }) {
                visit(*parent, part);
            }
            rest.from = rest.from.max(*until);
        }
        if rest.from < rest.to
            && let Some(parent) = self.parents.get(&account)
        {
            visit(*parent, rest);
        }
    }

    /// The account and all above it at one moment, the nearest first.
    pub(crate) fn line_at(&self, account: AccountId, moment: Timestamp) -> Vec<AccountId> {
        let mut line = vec![account];
        let time = Interval { from: moment, to: moment.plus_micros(1) };
        self.each_above(account, time, &mut |above, _| line.push(above));
        line
    }
}

/// When an account was stopped within `time`: in no order, also overlapping.
pub(super) fn stops(
    tree: &Tree,
    holds: &HashMap<AccountId, Vec<Held>>,
    place: &Place,
    time: Interval,
) -> Vec<Interval> {
    let own = holds.get(&place.id).into_iter().flatten().filter_map(|hold| hold.time.within(time));
    let closed = place.closed_at.and_then(|closed| Interval::between(closed, None).within(time));
    let mut stops: Vec<Interval> = own.chain(closed).collect();
    tree.each_above(place.id, time, &mut |above, part| {
        let reaching = holds.get(&above).into_iter().flatten().filter(|hold| hold.reach == Reach::Branch);
        stops.extend(reaching.filter_map(|hold| hold.time.within(part)));
    });
    stops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Path;
    use uuid::Uuid;

    fn id(n: u128) -> AccountId {
        AccountId(Uuid::from_u128(n))
    }

    fn time(from: i64, to: i64) -> Interval {
        Interval { from: Timestamp::from_seconds(from), to: Timestamp::from_seconds(to) }
    }

    fn place(ids: &[u128], closed: Option<i64>) -> Place {
        let path = ids.iter().fold(Path::everything(), |path, n| path.child(id(*n)));
        let closed_at = closed.map(Timestamp::from_seconds);
        Place { id: id(*ids.last().expect("an id")), tenant: id(1), path, closed_at }
    }

    fn hold(account: u128, reach: Reach, time: Interval) -> (AccountId, Vec<Held>) {
        (id(account), vec![Held { account: id(account), reach, time }])
    }

    #[test]
    fn a_hold_reaches_down_a_branch_or_stays_with_its_account() {
        let customer = place(&[1, 2, 3], None);
        let mut tree = Tree::default();
        tree.learn(&customer);
        let holds = HashMap::from([
            hold(3, Reach::Own, time(10, 20)),
            hold(2, Reach::Own, time(30, 40)),
            hold(1, Reach::Branch, time(50, 60)),
        ]);
        assert_eq!(stops(&tree, &holds, &customer, time(0, 55)), [time(10, 20), time(50, 55)]);
    }

    #[test]
    fn a_hold_on_a_former_parent_reaches_until_the_move_and_one_on_the_new_parent_from_then_on() {
        let customer = place(&[1, 4, 3], None);
        let mut tree = Tree::default();
        tree.learn(&customer);
        tree.learn(&place(&[1, 2], None));
        tree.moved(&Moved { account: id(3), parent: id(2), until: Timestamp::from_seconds(50) });
        let holds = HashMap::from([hold(2, Reach::Branch, time(40, 90)), hold(4, Reach::Branch, time(30, 70))]);
        assert_eq!(stops(&tree, &holds, &customer, time(0, 100)), [time(40, 50), time(50, 70)]);
        assert_eq!(tree.line_at(id(3), Timestamp::from_seconds(49)), [id(3), id(2), id(1)]);
        assert_eq!(tree.line_at(id(3), Timestamp::from_seconds(50)), [id(3), id(4), id(1)]);
    }

    #[test]
    fn a_closed_account_is_stopped_from_then_on() {
        let customer = place(&[1, 3], Some(10));
        assert_eq!(stops(&Tree::default(), &HashMap::new(), &customer, time(0, 20)), [time(10, 20)]);
    }
}
