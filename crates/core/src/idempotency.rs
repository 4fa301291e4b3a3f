//! Idempotency records: a repeated request gets the first answer, and its effect happens once. The record is
//! written in the transaction of the effect, so that a crash in between leaves both or neither.

use crate::context::Context;
use crate::error::{Error, Refusal};
use crate::text::check_line;
use lessor_db::{StoreError, Tx};
use rows::{CLAIM, EXPIRE, FIND, FORGET, KEEP};

/// How long a record answers repeats.
const KEPT_HOURS: i64 = 24;

/// Names a request that may come twice.
#[derive(Clone, Debug)]
pub struct RequestKey {
    /// Whose key it is: the credential's account, or the device.
    pub caller: String,
    /// Method and route.
    pub route: String,
    /// What the caller sent as `Idempotency-Key`.
    pub key: String,
    /// A keyed hash of the content, see [`Secret::mac`](crate::secret::Secret::mac): bodies may hold secrets.
    pub fingerprint: [u8; 32],
}

/// An answer as it can be given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// A number for the outcome, in the caller's protocol.
    pub status: i64,
    /// The body, without secrets.
    pub body: String,
}

pub(crate) use rows::ALL;

mod rows {
    lessor_db::statements! {
        FORGET = "DELETE FROM idempotency_records WHERE caller = $1 AND route = $2 AND key = $3 AND created_at < $4";
        CLAIM = "INSERT INTO idempotency_records (caller, route, key, fingerprint, status, body, created_at) \
                 VALUES ($1, $2, $3, $4, 0, '', $5) ON CONFLICT (caller, route, key) DO NOTHING";
        FIND = "SELECT fingerprint, status, body FROM idempotency_records WHERE caller = $1 AND route = $2 AND key = $3";
        KEEP = "UPDATE idempotency_records SET status = $4, body = $5 WHERE caller = $1 AND route = $2 AND key = $3";
        EXPIRE = "DELETE FROM idempotency_records WHERE created_at < $1";
    }
}

/// Runs `effect` unless this request has been answered before. Gives the answer and whether it is a replay.
///
/// # Errors
/// `Malformed` for a key longer than 200 characters; `KeyReused` when the key came with another content; whatever `effect` refuses, and then nothing is kept.
pub fn once(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    request: &RequestKey,
    effect: impl FnOnce(&mut dyn Tx) -> Result<Answer, Error>,
) -> Result<(Answer, bool), Error> {
    // The key is part of an index, whose entries are bounded.
    check_line("idempotency key", &request.key, 200)?;
    let name = || vec![request.caller.as_str().into(), request.route.as_str().into(), request.key.as_str().into()];
    let expired = cx.now.plus_hours(-KEPT_HOURS);
    tx.execute(FORGET, &[name(), vec![expired.into()]].concat())?;
    // On PostgreSQL this waits for a first run that is still going on, then finds its answer.
    let claimed = tx.execute(CLAIM, &[name(), vec![request.fingerprint.into(), cx.now.into()]].concat())?;
    if claimed == 0 {
        let (fingerprint, status, body): (Vec<u8>, i64, String) = tx.one(FIND, &name())?;
        if fingerprint != request.fingerprint {
            return Err(Refusal::KeyReused.into());
        }
        return Ok((Answer { status, body }, true));
    }
    let answer = effect(tx)?;
    tx.execute(KEEP, &[name(), vec![answer.status.into(), answer.body.as_str().into()]].concat())?;
    Ok((answer, false))
}

/// Deletes records past their time.
pub fn expire(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<u64, StoreError> {
    tx.execute(EXPIRE, &[cx.now.plus_hours(-KEPT_HOURS).into()])
}
