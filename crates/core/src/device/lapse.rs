//! Tells what time alone has done: leases that lapsed, trials that ended. Whether they have is computed wherever it
//! matters; this only makes the events.

use super::rows;
use crate::context::Context;
use crate::error::Error;
use crate::journal::{self, Subject};
use lessor_db::Tx;
use serde_json::json;

/// Most events of one transaction.
const MOST: u32 = 500;

/// Tells of up to 500 leases and 500 trials that have ended since last time. `true` when there may be more. Two servers
/// that run it at once tell each only once: the mark is set by a conditional update.
pub fn tell_lapsed(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    cx.touches_nothing();
    let leases = rows::lapsed(tx, cx.now, MOST)?;
    let trials = rows::ended_trials(tx, cx.now, MOST)?;
    let more = leases.len() == MOST as usize || trials.len() == MOST as usize;
    for lapsed in leases {
        if !rows::mark_lapse_told(tx, lapsed.activation, lapsed.lease_end)? {
            continue;
        }
        let subject =
            Subject { kind: "activation", id: lapsed.activation.0, account: lapsed.account, tenant: lapsed.tenant };
        let data = json!({ "device": lapsed.fingerprint, "lease_end": lapsed.lease_end.to_rfc3339() });
        journal::append(tx, cx, "lease.lapsed", subject, &data)?;
    }
    for (trial, tenant, ends_at) in trials {
        if !rows::mark_trial_told(tx, trial)? {
            continue;
        }
        let subject = Subject { kind: "trial", id: trial.0, account: tenant, tenant };
        journal::append(tx, cx, "trial.ended", subject, &json!({ "ends_at": ends_at.to_rfc3339() }))?;
    }
    Ok(more)
}
