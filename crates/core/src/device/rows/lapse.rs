//! The SQL of what time alone does: leases that lapse, trials that end.
//!
//! Where a lease lapses is looked for at `look_at`, which a renewal leaves as it is: it is never later than the lease ends, so
//! that no lapse is missed, and a lease that was renewed since is looked at again when it ends now.

use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::clock::Timestamp;
use crate::id::{AccountId, ActivationId, TrialId};
use lessor_db::{FromRow, Row, StoreError, Tx, statements};
use uuid::Uuid;

statements! {
    /// What the row says counts, since another may have looked at it meanwhile.
    LOOK_BY = "UPDATE activations SET look_at = $2 WHERE id = $1 AND (look_at IS NULL OR look_at > $2)";
    DUE = "SELECT a.id, a.tenant_id, coalesce(l.account_id, a.tenant_id), a.fingerprint, a.lease_end FROM activations a \
           LEFT JOIN licenses l ON l.id = a.license_id WHERE a.look_at <= $1 ORDER BY a.look_at, a.id LIMIT $2";
    LOOK_LATER = concat!(
        "UPDATE activations SET look_at = coalesce(lease_end, $52) WHERE id IN (", fifty!(), ") \
         AND look_at <= $51 AND (lease_end IS NULL OR lease_end > $51)");
    MARK_LAPSE_TOLD = "UPDATE activations SET look_at = NULL WHERE id = $1 AND look_at <= $2 AND lease_end = $3";
    ENDED_TRIALS = "SELECT id, tenant_id, ends_at FROM trials WHERE told = FALSE AND ends_at <= $1 ORDER BY ends_at, id LIMIT $2";
    MARK_TRIAL_TOLD = "UPDATE trials SET told = TRUE WHERE id = $1 AND told = FALSE";
}

/// When to look at an activation whose lease ends then, if it is not renewed: a lease without end at the end of time.
pub(super) fn first_look(lease_end: Option<Timestamp>) -> Timestamp {
    lease_end.unwrap_or(Timestamp::from_micros(i64::MAX))
}

/// Sees to it that an activation is looked at by the end of its lease. `look_at` is when that happens anyway, if it was read
/// with the row locked.
pub(super) fn look_by(
    tx: &mut dyn Tx,
    activation: ActivationId,
    look_at: Option<Timestamp>,
    lease_end: Option<Timestamp>,
) -> Result<(), StoreError> {
    let latest = first_look(lease_end);
    if look_at.is_some_and(|at| at <= latest) {
        return Ok(());
    }
    tx.queue(LOOK_BY, &[activation.into(), latest.into()])
}

/// An activation that is to be looked at.
pub(crate) struct Due {
    pub activation: ActivationId,
    pub tenant: AccountId,
    pub account: AccountId,
    pub fingerprint: String,
    pub lease_end: Option<Timestamp>,
}

impl FromRow for Due {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            activation: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            fingerprint: row.get(3)?,
            lease_end: row.get(4)?,
        })
    }
}

pub(crate) fn due(tx: &mut dyn Tx, now: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
    tx.all(DUE, &[now.into(), limit.into()])
}

/// Looks at those again when their leases end, as far as these still live.
pub(crate) fn look_later(tx: &mut dyn Tx, activations: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
    for some in activations.chunks(CHUNK) {
        let mut params = padded(some);
        params.extend([now.into(), first_look(None).into()]);
        tx.queue(LOOK_LATER, &params)?;
    }
    Ok(())
}

/// Looks no more at an activation whose lease ended then; `false` when it has another lease by now, or somebody else told.
pub(crate) fn mark_told(
    tx: &mut dyn Tx,
    activation: ActivationId,
    now: Timestamp,
    lease_end: Timestamp,
) -> Result<bool, StoreError> {
    Ok(tx.execute(MARK_LAPSE_TOLD, &[activation.into(), now.into(), lease_end.into()])? == 1)
}

pub(crate) fn ended_trials(
    tx: &mut dyn Tx,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(TrialId, AccountId, Timestamp)>, StoreError> {
    tx.all(ENDED_TRIALS, &[now.into(), limit.into()])
}

pub(crate) fn mark_trial_told(tx: &mut dyn Tx, trial: TrialId) -> Result<bool, StoreError> {
    Ok(tx.execute(MARK_TRIAL_TOLD, &[trial.into()])? == 1)
}
