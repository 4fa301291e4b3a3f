//! The end of a daemon's places: given back, freed by an operator, or over by the clock.

use super::{DaemonState, MARGIN_HOURS, last_lease_ends, rows};
use crate::account;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::device::{self, Activation, DeviceCredential, ReturnCause};
use crate::error::{Error, Noun};
use crate::id::{ActivationId, LicenseId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license::rows as license_rows;
use lessor_db::Tx;
use serde_json::json;

/// Most places of one transaction.
const MOST: u32 = 100;

/// Gives a daemon back by itself: it hands out nothing more. Its places are free as soon as the last lease has lapsed that its
/// clients can have. Giving back twice is not an error.
///
/// An activation of a daemon that ends in another way leaves its places as they are until the delegation is over: a daemon
/// out of reach cannot know.
pub fn give_back(tx: &mut dyn Tx, cx: &Context<'_>, daemon: &DeviceCredential) -> Result<Activation, Error> {
    let activation = device::authenticate(tx, cx, daemon)?;
    let state = rows::of_activation(tx, activation.id)?.ok_or(Error::not_found(Noun::Daemon))?;
    if !activation.active {
        return Ok(activation);
    }
    for license in rows::licenses_with(tx, state.device)? {
        license_rows::lock(tx, license)?;
        let Some(place) = rows::place(tx, state.device, license)? else { continue };
        end_at(tx, &state, license, &place, last_lease_ends(cx.now, place.heartbeat_minutes))?;
    }
    device::end_by_id(tx, cx, activation.id, ReturnCause::Device)?;
    Ok(Activation { active: false, returned_at: Some(cx.now), ..activation })
}

/// Lets a place end then, if that is earlier than it would.
fn end_at(
    tx: &mut dyn Tx,
    state: &DaemonState,
    license: LicenseId,
    place: &rows::Place,
    until: Timestamp,
) -> Result<(), Error> {
    if until < place.until {
        rows::cut(tx, place.activation, until)?;
        rows::set_until(tx, state.device, license, until)?;
    }
    Ok(())
}

/// Frees at once what is with a daemon that will not come back. If it still runs, more seats may be in use than there are
/// until its delegation ends: that is for whoever calls this to know. Freeing twice is not an error.
///
/// # Errors
/// `NotFound(Daemon)`.
pub fn free(tx: &mut dyn Tx, cx: &Context<'_>, id: ActivationId) -> Result<(), Error> {
    let state = rows::of_activation(tx, id)?.ok_or(Error::not_found(Noun::Daemon))?;
    let master = license_rows::lock(tx, state.license)?.ok_or(Error::not_found(Noun::Daemon))?;
    let owner = account::rows::by_id(tx, master.account)?.ok_or(Error::not_found(Noun::Daemon))?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &owner, Noun::Daemon)?;
    let mut freed = Vec::new();
    for license in rows::licenses_with(tx, state.device)? {
        let locked = license_rows::lock(tx, license)?;
        if let Some(place) = rows::place(tx, state.device, license)? {
            device::end_by_id(tx, cx, place.activation, ReturnCause::Freed)?;
            freed.extend(locked.map(|license| license.code));
        }
        rows::drop_place(tx, state.device, license)?;
    }
    if device::end_by_id(tx, cx, id, ReturnCause::Freed)? || !freed.is_empty() {
        let subject = Subject { kind: "activation", id: id.0, account: master.account, tenant: master.tenant };
        let data = json!({ "licenses": freed, "delegated_until": state.ends_at });
        journal::append(tx, cx, "daemon.freed", subject, &data)?;
    }
    Ok(())
}

/// Ends up to 100 places whose time is over, and gives back what they held. `true` when there may be more. No answer waits
/// for it where seats are concerned; what is counted of features comes back with it.
pub fn tell_ended(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    let ended = rows::ended_places(tx, cx.now, MOST)?;
    let more = ended.len() == MOST as usize;
    for (daemon, license, activation) in ended {
        license_rows::lock(tx, license)?;
        // Somebody may have renewed or ended it until the license was locked.
        let still = rows::place(tx, daemon, license)?.filter(|place| place.until <= cx.now);
        if still.is_some_and(|place| place.activation == activation) {
            device::end_by_id(tx, cx, activation, ReturnCause::Delegation)?;
            rows::drop_place(tx, daemon, license)?;
        }
    }
    Ok(more)
}

/// Lets go of what a daemon had by earlier delegations, now that it has shown to hold the latest: licenses that this one
/// names no longer, and time that it does not give.
pub(super) fn relieve(tx: &mut dyn Tx, cx: &Context<'_>, state: &DaemonState) -> Result<(), Error> {
    if state.held != state.number {
        return Ok(());
    }
    for license in rows::licenses_with(tx, state.device)? {
        license_rows::lock(tx, license)?;
        let Some(place) = rows::place(tx, state.device, license)? else { continue };
        let until = match place.number == state.number {
            true => free_after(state.ends_at),
            false => last_lease_ends(cx.now, place.heartbeat_minutes),
        };
        end_at(tx, state, license, &place, until)?;
    }
    Ok(())
}

/// When the places of a delegation that ends then are free again.
pub(super) fn free_after(ends_at: Timestamp) -> Timestamp {
    ends_at.plus_hours(MARGIN_HOURS)
}
