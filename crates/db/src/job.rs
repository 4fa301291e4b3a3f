//! A closure on its way to an engine's thread, with the way back to its caller.

use crate::{Failure, StoreError, Tx};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// What an engine needs to know of a closure that ran.
pub(crate) enum Ran {
    /// It wants its changes kept.
    Done,
    /// It wants nothing kept; the storage failure behind that, if there is one.
    Refused(Option<StoreError>),
}

/// A closure whose types are erased, so that all of them fit in one queue.
pub(crate) trait Job: Send {
    /// Whether nobody waits for the answer any more. Such a job need not start.
    fn is_abandoned(&self) -> bool;
    /// Runs the closure (again) and keeps what it returned. Never panics.
    fn run(&mut self, tx: &mut dyn Tx) -> Ran;
    /// Replaces what the closure returned.
    fn fail(&mut self, error: StoreError);
    /// Hands over what is kept. Only now does the caller learn anything.
    fn answer(self: Box<Self>);
}

pub(crate) struct Work<F, T, E> {
    closure: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Work<F, T, E> {
    pub(crate) fn new(closure: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Work { closure, outcome: None, reply }, answer)
    }
}

impl<F, T, E> Job for Work<F, T, E>
where
    F: Fn(&mut dyn Tx) -> Result<T, E> + Send,
    T: Send,
    E: Failure,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, tx: &mut dyn Tx) -> Ran {
        // Whatever a panic left half-done is in the transaction, which is rolled back.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.closure)(tx)))
            .unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(&*panic)).into()));
        let ran = match &outcome {
            Ok(_) => Ran::Done,
            Err(error) => Ran::Refused(error.store().cloned()),
        };
        self.outcome = Some(outcome);
        ran
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error.into()));
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // A caller that went away meanwhile needs no answer.
            let _ = self.reply.send(outcome);
        }
    }
}

/// What a panic said, if it said it in words.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
