//! Tells what time alone has done: leases that lapsed, trials that ended. Whether they have is computed wherever it
//! matters; this only makes the events.

use super::rows::lapse as rows;
use crate::context::Context;
use crate::error::Error;
use crate::journal::{self, Subject};
use lessor_db::Tx;
use serde_json::json;
use uuid::Uuid;

/// Most activations that one transaction looks at, and most trials.
const MOST: u32 = 500;

/// Looks at up to 500 leases and 500 trials and tells of those that have ended since last time. `true` when there may be
/// more. Two servers that run it at once tell each only once: the mark is set by a conditional update.
pub fn tell_lapsed(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    cx.touches_nothing();
    let due = rows::due(tx, cx.now, MOST)?;
    let trials = rows::ended_trials(tx, cx.now, MOST)?;
    let more = due.len() == MOST as usize || trials.len() == MOST as usize;
    let mut renewed: Vec<Uuid> = Vec::new();
    for looked in due {
        let Some(lease_end) = looked.lease_end.filter(|end| *end <= cx.now) else {
            renewed.push(looked.activation.0);
            continue;
        };
        if !rows::mark_told(tx, looked.activation, cx.now, lease_end)? {
            continue;
        }
        let subject =
            Subject { kind: "activation", id: looked.activation.0, account: looked.account, tenant: looked.tenant };
        let data = json!({ "device": looked.fingerprint, "lease_end": lease_end.to_rfc3339() });
        journal::append(tx, cx, "lease.lapsed", subject, &data)?;
    }
    rows::look_later(tx, &renewed, cx.now)?;
    for (trial, tenant, ends_at) in trials {
        if !rows::mark_trial_told(tx, trial)? {
            continue;
        }
        let subject = Subject { kind: "trial", id: trial.0, account: tenant, tenant };
        journal::append(tx, cx, "trial.ended", subject, &json!({ "ends_at": ends_at.to_rfc3339() }))?;
    }
    Ok(more)
}
