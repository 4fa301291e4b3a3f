//! Removes a license with all that hangs on it.

use super::{rows, segment};
use crate::catalog;
use crate::context::Context;
use crate::device;
use crate::error::Error;
use crate::group;
use crate::id::LicenseId;
use crate::journal;
use lessor_db::Tx;
use serde_json::json;

/// Removes a license: activations, seats, notes and holds go with it; segments, events and consumer records are facts
/// and stay.
pub fn remove(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<(), Error> {
    let license = super::lock(tx, cx, license)?;
    segment::close(tx, cx, &license)?;
    catalog::rows::delete_settings(tx, license.id.0)?;
    group::rows::delete_license(tx, license.id)?;
    device::rows::texts::delete_of_license(tx, license.id)?;
    rows::erase(tx, license.id)?;
    let data = json!({ "before": { "code": license.code, "activations": license.active_count } });
    journal::append(tx, cx, "license.removed", license.subject(), &data)?;
    Ok(())
}
