//! What happened to one pool: who asked for what, when, and what came back.

/// What a client does to what it holds of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It shall hold so much.
    To(i64),
    /// It shall hold so much more, or less.
    By(i64),
}

impl Change {
    /// What a client holds after it.
    pub fn of(self, held: i64) -> i64 {
        match self {
            Self::To(amount) => amount,
            Self::By(amount) => held + amount,
        }
    }
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and perhaps how much is in use by all then.
    Done(Option<i64>),
    /// Not so much is free.
    Full,
    /// Nobody knows: it happened some time after it was asked for, or never.
    Open,
}

/// One operation. Times are of one clock, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Who.
    pub client: usize,
    /// What.
    pub change: Change,
    /// When it was asked for.
    pub asked: u64,
    /// When the answer was there; for open ones it means nothing.
    pub answered: u64,
    /// The answer.
    pub outcome: Outcome,
}

/// All operations on a pool of which nobody held anything before; each client's own are in the order it made them.
#[derive(Clone, Debug)]
pub struct History {
    /// What there is of the pool.
    pub limit: i64,
    /// How many clients there are.
    pub clients: usize,
    /// What happened.
    pub operations: Vec<Operation>,
    /// How much was in use at the end.
    pub left: Option<i64>,
}

/// The most that was held at one moment for certain: between the answer that gave it and the next question about it.
pub fn certain_overlap(history: &History) -> i64 {
    let mut steps: Vec<(u64, i64)> = Vec::new();
    for client in 0..history.clients {
        let (mut held, mut certain) = (0, 0);
        for operation in history.operations.iter().filter(|operation| operation.client == client) {
            let after = operation.change.of(held);
            let least = held.min(after);
            steps.push((operation.asked, least - certain));
            certain = least;
            match operation.outcome {
                Outcome::Done(_) => held = after,
                Outcome::Full => {}
                // It does nothing more to this pool.
                Outcome::Open => break,
            }
            steps.push((operation.answered, held - certain));
            certain = held;
        }
    }
    // At one instant what is given up counts before what is taken.
    steps.sort_unstable();
    let mut now = 0;
    steps.into_iter().fold(0, |most, (_, step)| {
        now += step;
        most.max(now)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn operation(client: usize, change: Change, times: (u64, u64), outcome: Outcome) -> Operation {
        Operation { client, change, asked: times.0, answered: times.1, outcome }
    }

    pub fn history(limit: i64, operations: Vec<Operation>) -> History {
        History { limit, clients: 3, operations, left: None }
    }

    const DONE: Outcome = Outcome::Done(None);

    #[test]
    fn only_what_is_held_for_certain_counts() {
        let take = Change::To(1);
        let one_after_another = vec![
            operation(0, take, (0, 10), DONE),
            operation(0, Change::To(0), (20, 30), DONE),
            operation(1, take, (25, 28), DONE),
        ];
        assert_eq!(certain_overlap(&history(1, one_after_another)), 1, "it was being returned while it was taken");
        let together = vec![operation(0, take, (0, 10), DONE), operation(1, take, (5, 12), DONE)];
        assert_eq!(certain_overlap(&history(1, together)), 2);
        let open = vec![operation(0, take, (0, 10), Outcome::Open), operation(1, take, (5, 12), DONE)];
        assert_eq!(certain_overlap(&history(1, open)), 1);
        let refused =
            vec![operation(0, Change::By(2), (0, 10), DONE), operation(0, Change::By(1), (11, 12), Outcome::Full)];
        assert_eq!(certain_overlap(&history(2, refused)), 2);
    }
}
