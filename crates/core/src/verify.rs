//! Checks what the schema cannot: that counters equal what they count, that segments leave no gap and no overlap, that figures
//! of use are what their records come to, that the chains of hashes of journal and statements hold.

use crate::billing;
use crate::error::Error;
use crate::journal;
use crate::metering;
use lessor_db::{Statement, Tx, statements};

statements! {
    /// Licenses whose counters of activations are off.
    ACTIVATION_COUNTERS = "SELECT count(*) FROM licenses l WHERE \
        l.active_count <> (SELECT count(*) FROM activations a WHERE a.license_id = l.id AND a.state = 'active') OR \
        l.returned_count <> (SELECT count(*) FROM activations a WHERE a.license_id = l.id AND a.state <> 'active')";
    /// Activations whose lapse would be missed, or of which nothing can be found: 9999-12-31 is the end of time.
    LOOKS = "SELECT count(*) FROM activations WHERE \
        (state = 'active' AND look_at > coalesce(lease_end, 253402300799999000)) OR \
        (state = 'active' AND look_at IS NULL AND lease_end IS NULL) OR (state <> 'active' AND look_at IS NOT NULL)";
    /// Licenses whose counter of holds is off.
    HOLD_COUNTERS = "SELECT count(*) FROM licenses l WHERE \
        l.hold_count <> (SELECT count(*) FROM holds h WHERE h.license_id = l.id AND h.lifted_at IS NULL)";
    /// Grants whose counter of use is off.
    USE_COUNTERS = "SELECT count(*) FROM grants g JOIN licenses l ON l.id = g.owner_id WHERE g.used <> \
        (SELECT coalesce(sum(c.held), 0) FROM checkouts c WHERE c.license_id = g.owner_id AND c.feature_id = g.feature_id)";
    /// Check-outs that no grant counts.
    STRAY_CHECKOUTS = "SELECT count(*) FROM checkouts c WHERE c.held > 0 AND NOT EXISTS \
        (SELECT 1 FROM grants g WHERE g.owner_id = c.license_id AND g.feature_id = c.feature_id)";
    /// Licenses without an open segment, or whose open segment does not describe them.
    OPEN_SEGMENTS = "SELECT count(*) FROM licenses l WHERE NOT EXISTS (SELECT 1 FROM segments s \
        WHERE s.license_id = l.id AND s.to_at IS NULL AND s.account_id = l.account_id AND s.product_id = l.product_id \
        AND s.term_kind = l.term_kind AND s.ends_at IS NOT DISTINCT FROM l.term_end AND s.quantity = l.activation_limit AND s.held = (l.hold_count > 0))";
    /// Segments that end where no other begins, of licenses that still exist.
    GAPS = "SELECT count(*) FROM segments s JOIN licenses l ON l.id = s.license_id WHERE s.to_at IS NOT NULL AND NOT EXISTS \
        (SELECT 1 FROM segments n WHERE n.license_id = s.license_id AND n.from_at = s.to_at)";
    /// Segments that end before they begin.
    BACKWARDS = "SELECT count(*) FROM segments WHERE to_at IS NOT NULL AND to_at <= from_at";
    /// Accounts that do not stand below their parent.
    PATHS = "SELECT count(*) FROM accounts a JOIN accounts p ON p.id = a.parent_id \
        WHERE substr(a.path, 1, length(p.path)) <> p.path OR length(a.path) <> length(p.path) + 33";
    /// Accounts whose parent is not there.
    ORPHANS = "SELECT count(*) FROM accounts a WHERE a.parent_id IS NOT NULL AND NOT EXISTS \
        (SELECT 1 FROM accounts p WHERE p.id = a.parent_id)";
}

const CHECKS: [(Statement, &str); 10] = [
    (ACTIVATION_COUNTERS, "licenses count other activations than there are"),
    (LOOKS, "activations are not looked at by the end of their lease"),
    (HOLD_COUNTERS, "licenses count other holds than there are"),
    (USE_COUNTERS, "grants count other use than there is"),
    (STRAY_CHECKOUTS, "check-outs are counted nowhere"),
    (OPEN_SEGMENTS, "licenses are not described by an open segment"),
    (GAPS, "segments leave a gap behind them"),
    (BACKWARDS, "segments end before they begin"),
    (PATHS, "accounts do not stand below their parent"),
    (ORPHANS, "accounts have lost their parent"),
];

/// Everything that is wrong, a sentence each; empty when all is well.
pub fn verify(tx: &mut dyn Tx) -> Result<Vec<String>, Error> {
    let mut flaws = Vec::new();
    for (statement, what) in CHECKS {
        let (count,): (i64,) = tx.one(statement, &[])?;
        if count > 0 {
            flaws.push(format!("{count} {what}"));
        }
    }
    flaws.extend(metering::verify::verify(tx)?);
    flaws.extend(billing::verify_chains(tx)?);
    flaws.extend(journal::verify(tx)?.iter().map(ToString::to_string));
    Ok(flaws)
}
