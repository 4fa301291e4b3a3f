//! Is there an order in which the operations could have happened one by one? Wing and Gong's search with Lowe's memory of
//! what was tried.

use super::history::{History, Operation, Outcome};
use std::collections::HashSet;

/// Steps after which the search gives up.
const MOST_STEPS: u64 = 2_000_000;

/// What the search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is such an order.
    Linearizable,
    /// There is none: no pool that counts can have given these answers.
    Broken,
    /// It was not found in time.
    Undecided,
}

/// Looks for an order that agrees with all answers, with what was left at the end, and with who was answered before whom asked.
pub fn check(history: &History) -> Verdict {
    Search::new(history).run()
}

/// No entry.
const NONE: usize = usize::MAX;

/// Questions and answers in the order of time, as a list from which pairs are taken out and put back.
struct Search<'a> {
    history: &'a History,
    /// Of each entry: its operation, and whether it is the question.
    entries: Vec<(usize, bool)>,
    /// The entry with the answer to the question of each operation.
    answers: Vec<usize>,
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Answers still in the list.
    missing: usize,
}

impl<'a> Search<'a> {
    fn new(history: &'a History) -> Self {
        let mut events: Vec<(u64, bool, usize)> = Vec::new();
        for (number, operation) in history.operations.iter().enumerate() {
            events.push((operation.asked, true, number));
            if operation.outcome != Outcome::Open {
                events.push((operation.answered, false, number));
            }
        }
        // Of an answer and a question at one instant the question goes first: they may have overlapped.
        events.sort_unstable_by_key(|(time, asks, number)| (*time, !asks, *number));
        let mut answers = vec![NONE; history.operations.len()];
        // Entry 0 is the head of the list.
        let mut entries = vec![(NONE, false)];
        for (_, asks, number) in events {
            if !asks {
                answers[number] = entries.len();
            }
            entries.push((number, asks));
        }
        let count = entries.len();
        let next = (1..=count).map(|at| if at < count { at } else { NONE }).collect();
        let previous = (0..count).map(|at| at.wrapping_sub(1)).collect();
        let missing = answers.iter().filter(|answer| **answer != NONE).count();
        Self { history, entries, answers, next, previous, missing }
    }

    fn run(mut self) -> Verdict {
        let mut held = vec![0; self.history.clients];
        let mut done = vec![0_u64; self.history.operations.len().div_ceil(64)];
        let mut tried: HashSet<(Vec<u64>, Vec<i64>)> = HashSet::new();
        let mut taken: Vec<(usize, i64)> = Vec::new();
        let mut at = self.next[0];
        for _ in 0..MOST_STEPS {
            if self.missing == 0 && self.fits_the_end(&held) {
                return Verdict::Linearizable;
            }
            let question = at != NONE && self.entries[at].1;
            if !question {
                // An answer whose question has not had its turn, or nothing more to try: the last choice was wrong.
                let Some((entry, before)) = taken.pop() else { return Verdict::Broken };
                let number = self.entries[entry].0;
                held[self.history.operations[number].client] = before;
                done[number / 64] &= !(1 << (number % 64));
                self.put_back(entry);
                at = self.next[entry];
                continue;
            }
            let number = self.entries[at].0;
            let operation = self.history.operations[number];
            let Some(after) = self.step(&held, &operation) else {
                at = self.next[at];
                continue;
            };
            let before = std::mem::replace(&mut held[operation.client], after);
            done[number / 64] |= 1 << (number % 64);
            if tried.insert((done.clone(), held.clone())) {
                taken.push((at, before));
                self.take_out(at);
                at = self.next[0];
            } else {
                held[operation.client] = before;
                done[number / 64] &= !(1 << (number % 64));
                at = self.next[at];
            }
        }
        Verdict::Undecided
    }

    fn fits_the_end(&self, held: &[i64]) -> bool {
        self.history.left.is_none_or(|left| left == held.iter().sum::<i64>())
    }

    /// What the client holds if the operation happens now, if it can.
    fn step(&self, held: &[i64], operation: &Operation) -> Option<i64> {
        let before = held[operation.client];
        let after = operation.change.of(before);
        let used = held.iter().sum::<i64>() - before + after;
        let fits = after >= 0 && (after <= before || used <= self.history.limit);
        match operation.outcome {
            Outcome::Done(told) => (fits && told.is_none_or(|told| told == used)).then_some(after),
            Outcome::Full => (after > before && !fits).then_some(before),
            Outcome::Open => fits.then_some(after),
        }
    }

    fn take_out(&mut self, question: usize) {
        self.unlink(question);
        let answer = self.answers[self.entries[question].0];
        if answer != NONE {
            self.unlink(answer);
            self.missing -= 1;
        }
    }

    fn put_back(&mut self, question: usize) {
        let answer = self.answers[self.entries[question].0];
        if answer != NONE {
            self.link(answer);
            self.missing += 1;
        }
        self.link(question);
    }

    fn unlink(&mut self, entry: usize) {
        let (previous, next) = (self.previous[entry], self.next[entry]);
        self.next[previous] = next;
        if next != NONE {
            self.previous[next] = previous;
        }
    }

    fn link(&mut self, entry: usize) {
        let (previous, next) = (self.previous[entry], self.next[entry]);
        self.next[previous] = entry;
        if next != NONE {
            self.previous[next] = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::Change::{By, To};
    use super::super::history::tests::{history, operation};
    use super::Outcome::{Done, Full, Open};
    use super::*;

    #[test]
    fn answers_that_some_order_explains_are_fine() {
        let together = vec![operation(0, To(1), (0, 10), Done(Some(2))), operation(1, To(1), (5, 9), Done(Some(1)))];
        assert_eq!(check(&history(2, together)), Verdict::Linearizable);
        let refused = vec![
            operation(0, To(1), (0, 10), Done(None)),
            operation(1, To(1), (12, 20), Full),
            operation(0, To(0), (15, 30), Done(Some(0))),
        ];
        assert_eq!(check(&history(1, refused)), Verdict::Linearizable);
    }

    #[test]
    fn one_too_many_is_found() {
        let both = vec![operation(0, To(1), (0, 10), Done(None)), operation(1, To(1), (5, 15), Done(None))];
        assert_eq!(check(&history(1, both)), Verdict::Broken);
    }

    #[test]
    fn a_refusal_with_room_is_found() {
        let refused = vec![operation(0, By(1), (0, 10), Done(None)), operation(1, By(1), (12, 20), Full)];
        assert_eq!(check(&history(2, refused)), Verdict::Broken);
    }

    #[test]
    fn a_stale_count_is_found() {
        let stale = vec![operation(0, By(1), (0, 10), Done(Some(1))), operation(1, By(1), (12, 20), Done(Some(1)))];
        assert_eq!(check(&history(5, stale)), Verdict::Broken);
    }

    #[test]
    fn an_open_operation_may_have_happened_late_or_never() {
        let late = vec![
            operation(0, To(1), (0, 0), Open),
            operation(1, To(1), (10, 20), Done(Some(1))),
            operation(1, To(0), (30, 40), Done(Some(1))),
        ];
        assert_eq!(check(&history(2, late.clone())), Verdict::Linearizable);
        let never = vec![operation(0, To(1), (0, 0), Open), operation(1, To(1), (10, 20), Done(Some(1)))];
        assert_eq!(check(&history(1, never)), Verdict::Linearizable);
        let before_it_was_asked = vec![operation(1, To(1), (0, 5), Done(Some(2))), operation(0, To(1), (10, 0), Open)];
        assert_eq!(check(&history(2, before_it_was_asked)), Verdict::Broken);
        let known = History { left: Some(0), ..history(2, late) };
        assert_eq!(check(&known), Verdict::Broken, "it had happened, and is there no longer");
    }

    #[test]
    fn long_histories_are_decided() {
        let mut operations = Vec::new();
        for round in 0..400_u64 {
            let at = round * 10;
            let client = (round % 3) as usize;
            operations.push(operation(client, To(1), (at, at + 35), Done(None)));
            operations.push(operation(client, To(0), (at + 36, at + 39), Done(None)));
        }
        operations.sort_by_key(|operation| operation.asked);
        assert_ne!(check(&history(3, operations)), Verdict::Undecided);
    }
}
