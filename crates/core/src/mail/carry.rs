//! Handing mails to the carrier: each is taken by one server at a time, and comes back to the outbox if that server is lost.

use super::{Mail, State, rows};
use crate::context::Context;
use crate::error::Error;
use crate::id::MailId;
use crate::journal;
use lessor_db::Tx;
use serde_json::json;

/// How long a server has to tell what became of a mail before another tries.
const HELD_MINUTES: i64 = 10;
/// How long to wait before each next try, in minutes: three days in all.
const WAITS: [i64; 10] = [1, 5, 15, 60, 180, 360, 720, 960, 1_080, 1_080];
/// For how many days a mail is kept.
const KEPT_DAYS: i64 = 90;
/// How many one transaction deletes.
const MOST_DELETED: u32 = 1_000;

/// What the carrier said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took the mail.
    Sent,
    /// It did not now, and may later.
    Later {
        /// Why.
        problem: String,
    },
    /// It never will.
    Refused {
        /// Why.
        problem: String,
    },
}

/// Takes up to `limit` mails whose time has come. Whoever takes one tells what became of it by [`settle`]; until then, and
/// for ten minutes, nobody else gets it.
///
/// # Errors
/// Those of storage.
pub fn take(tx: &mut dyn Tx, cx: &Context<'_>, limit: u32) -> Result<Vec<Mail>, Error> {
    cx.touches_nothing();
    let mut taken = Vec::new();
    for mail in rows::due(tx, cx.now, limit)? {
        let held = Mail { attempts: mail.attempts + 1, next_try_at: cx.now.plus_minutes(HELD_MINUTES), ..mail };
        // Of several servers that saw it, one gets it.
        if rows::take(tx, &held)? {
            taken.push(held);
        }
    }
    Ok(taken)
}

/// Notes what became of a mail that [`take`] gave, at its `attempt`. What comes too late changes nothing.
///
/// # Errors
/// Those of storage.
pub fn settle(tx: &mut dyn Tx, cx: &Context<'_>, id: MailId, attempt: i64, outcome: &Outcome) -> Result<(), Error> {
    cx.touches_nothing();
    let Some(mail) = rows::lock(tx, id)?.filter(|mail| mail.state == State::Waiting && mail.attempts == attempt) else {
        return Ok(());
    };
    let wait = usize::try_from(attempt - 1).ok().and_then(|tries| WAITS.get(tries));
    let (state, problem) = match (outcome, wait) {
        (Outcome::Sent, _) => (State::Sent, None),
        (Outcome::Later { problem }, Some(_)) => (State::Waiting, Some(problem)),
        (Outcome::Later { problem } | Outcome::Refused { problem }, _) => (State::Failed, Some(problem)),
    };
    let problem = problem.map(|text| text.chars().filter(|c| !c.is_control()).take(500).collect::<String>());
    let mail = Mail {
        state,
        next_try_at: wait
            .filter(|_| state == State::Waiting)
            .map_or(mail.next_try_at, |wait| cx.now.plus_minutes(*wait)),
        settled_at: (state != State::Waiting).then_some(cx.now),
        problem,
        ..mail
    };
    rows::update(tx, &mail)?;
    if state == State::Failed {
        let data = json!({ "recipient": mail.recipient, "attempts": mail.attempts, "problem": mail.problem });
        journal::append(tx, cx, "mail.failed", mail.subject_of_event(), &data)?;
    }
    Ok(())
}

/// Deletes mails that were settled long ago; `true` when there may be more.
///
/// # Errors
/// Those of storage.
pub fn expire(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    cx.touches_nothing();
    let gone = rows::delete_settled(tx, cx.now.plus_days(-KEPT_DAYS), MOST_DELETED)?;
    Ok(gone == u64::from(MOST_DELETED))
}

#[cfg(test)]
mod tests {
    use super::WAITS;

    #[test]
    fn tries_go_on_for_three_days() {
        let minutes: i64 = WAITS.iter().sum();
        assert!((3 * 24 * 60..4 * 24 * 60).contains(&minutes), "{minutes}");
    }
}
