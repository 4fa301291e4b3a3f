//! Tells caches in this process whether what they hold can still be true.
//!
//! Each commit has a number. What it touched is marked with that number before the commit can be seen, and the number
//! is published after it: whoever took the published number and then read, read everything up to it; and once anybody
//! can have seen a change, nothing that was read before it counts any more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// Places where marks are kept. Two records that share one only cost each other a look into storage.
const SLOTS: usize = 1 << 14;

/// What a closure that writes changed, as caches know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Whatever caches hold under this id.
    Record(Uuid),
    /// Possibly anything.
    Everything,
}

/// A moment between two commits of this process. Later ones are larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

/// What was touched last at which moment. See [`Store::epochs`](crate::Store::epochs).
#[derive(Debug)]
pub struct Epochs {
    /// The last commit that is over.
    current: AtomicU64,
    /// The last commit that may have changed anything.
    everything: AtomicU64,
    slots: Box<[AtomicU64]>,
    /// Held while a commit happens. One thread writes; another connection does so only for migrations and restores.
    committing: Mutex<()>,
}

impl Epochs {
    pub(crate) fn new() -> Epochs {
        let slots = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        Epochs { current: AtomicU64::new(0), everything: AtomicU64::new(0), slots, committing: Mutex::new(()) }
    }

    /// The present moment. To be taken **before** reading what is to be kept with it.
    pub fn now(&self) -> Epoch {
        Epoch(self.current.load(Ordering::SeqCst))
    }

    /// Whether nothing that was touched since could have changed what is kept under `key`. `true` means: a value read
    /// after `since` was taken is what storage holds. A change that was answered is always seen here.
    pub fn holds(&self, since: Epoch, key: Uuid) -> bool {
        self.everything.load(Ordering::SeqCst) <= since.0 && self.slots[slot(key)].load(Ordering::SeqCst) <= since.0
    }

    /// Commits by `commit` what `touches` tells of. It counts as touched whatever comes of it.
    pub(crate) fn around<T>(&self, touches: &Touches, commit: impl FnOnce() -> T) -> T {
        let _alone = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.current.load(Ordering::SeqCst) + 1;
        if touches.everything {
            self.everything.store(next, Ordering::SeqCst);
        }
        for slot in &touches.slots {
            self.slots[*slot].store(next, Ordering::SeqCst);
        }
        let committed = commit();
        self.current.store(next, Ordering::SeqCst);
        committed
    }
}

/// What the closures of one transaction touched so far.
#[derive(Debug, Default)]
pub(crate) struct Touches {
    slots: Vec<usize>,
    everything: bool,
}

/// A place in [`Touches`] to go back to when a closure is not kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    slots: usize,
    everything: bool,
}

impl Touches {
    pub(crate) fn add(&mut self, what: Touch) {
        match what {
            Touch::Record(id) => self.slots.push(slot(id)),
            Touch::Everything => self.everything = true,
        }
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { slots: self.slots.len(), everything: self.everything }
    }

    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.slots.truncate(mark.slots);
        self.everything = mark.everything;
    }

    pub(crate) fn clear(&mut self) {
        self.back_to(Mark { slots: 0, everything: false });
    }
}

/// Ids made at the same time begin alike and imported ones may end alike: every bit counts.
fn slot(id: Uuid) -> usize {
    let (high, low) = id.as_u64_pair();
    let mut mixed = high.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low;
    mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    // The number of slots is a power of two, so this keeps bits that all others went into.
    ((mixed ^ (mixed >> 32)) as usize) & (SLOTS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn touched(epochs: &Epochs, touches: &[Touch]) {
        let mut list = Touches::default();
        touches.iter().for_each(|touch| list.add(*touch));
        epochs.around(&list, || ());
    }

    #[test]
    fn what_was_touched_does_not_hold_and_the_rest_does() {
        let epochs = Epochs::new();
        let before = epochs.now();
        touched(&epochs, &[Touch::Record(id(1))]);
        assert!(!epochs.holds(before, id(1)));
        assert!(epochs.holds(before, id(2)));
        assert!(epochs.holds(epochs.now(), id(1)));
    }

    #[test]
    fn everything_is_all_there_is() {
        let epochs = Epochs::new();
        let before = epochs.now();
        touched(&epochs, &[Touch::Everything]);
        assert!(!epochs.holds(before, id(1)) && !epochs.holds(before, id(2)));
        assert!(epochs.holds(epochs.now(), id(1)));
    }

    #[test]
    fn a_commit_under_way_lets_neither_the_old_nor_a_new_reading_hold() {
        let epochs = Epochs::new();
        let before = epochs.now();
        let mut touches = Touches::default();
        touches.add(Touch::Record(id(1)));
        epochs.around(&touches, || {
            assert!(!epochs.holds(before, id(1)), "others may see the change already");
            assert_eq!(epochs.now(), before, "others may still read what was before it");
            assert!(!epochs.holds(epochs.now(), id(1)));
        });
        assert!(epochs.now() > before);
    }

    #[test]
    fn going_back_forgets_what_came_after() {
        let mut touches = Touches::default();
        touches.add(Touch::Record(id(1)));
        let mark = touches.mark();
        touches.add(Touch::Record(id(2)));
        touches.add(Touch::Everything);
        touches.back_to(mark);
        let epochs = Epochs::new();
        let before = epochs.now();
        epochs.around(&touches, || ());
        assert!(!epochs.holds(before, id(1)));
        assert!(epochs.holds(before, id(2)));
    }

    #[test]
    fn ids_that_differ_in_a_few_bits_are_spread_over_the_slots() {
        // As made in one millisecond, in many, and by counting at either end.
        let made: [&dyn Fn(u128) -> u128; 4] =
            [&|n| n, &|n| n << 80, &|n| 0x0190_0000_0000_7000_8000_0000_0000_0000 | (n << 20), &|n| n << 110];
        for make in made {
            let slots: HashSet<usize> = (0..4096).map(|n| slot(id(make(n)))).collect();
            // 4096 at random would have about 3620 different ones.
            assert!(slots.len() > 3400, "{}", slots.len());
        }
    }
}
