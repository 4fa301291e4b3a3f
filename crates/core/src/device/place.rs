//! What daemons need of devices: their own identity, and the ends of activations that no device asked for.

use super::{Device, ReturnCause, give_back, rows};
use crate::catalog::Product;
use crate::context::Context;
use crate::error::{Error, Refusal};
use crate::id::{ActivationId, DeviceId, LicenseId};
use lessor_db::Tx;

/// The device of that name, made known with its key if it is not. Another key under its name is another machine.
pub(crate) fn known_by_key(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    fingerprint: &str,
    key: [u8; 32],
) -> Result<Device, Error> {
    let device = rows::known(tx, cx.new_id(), product, fingerprint, cx.now)?;
    match &device.public_key {
        Some(known) if known != &key => Err(Refusal::DeviceDuplicate.into()),
        Some(_) => Ok(device),
        None => {
            rows::set_public_key(tx, device.id, key)?;
            Ok(Device { public_key: Some(key.to_vec()), ..device })
        }
    }
}

/// The key that a device registered.
pub(crate) fn public_key_of(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<[u8; 32]>, Error> {
    Ok(rows::public_key(tx, device)?.and_then(|key| <[u8; 32]>::try_from(key).ok()))
}

/// Is there such an activation, in use?
pub(crate) fn is_active(tx: &mut dyn Tx, id: Option<ActivationId>) -> Result<bool, Error> {
    let Some(id) = id else { return Ok(false) };
    Ok(rows::by_id(tx, id)?.is_some_and(|activation| activation.active))
}

/// Ends an activation if it is in use; says whether it was. The caller holds the lock on its license.
pub(crate) fn end_by_id(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    id: ActivationId,
    cause: ReturnCause,
) -> Result<bool, Error> {
    match rows::lock(tx, id)?.filter(|activation| activation.active) {
        Some(activation) => give_back::end(tx, cx, &activation, cause).map(|_| true),
        None => Ok(false),
    }
}

/// Ends the latest activations of a license until no more than `keep` have a lease that lives.
pub(crate) fn revoke_beyond(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId, keep: i64) -> Result<(), Error> {
    let live = rows::live_of_license(tx, license, cx.now)?;
    let keep = usize::try_from(keep).unwrap_or(0);
    for activation in live.iter().skip(keep) {
        give_back::end(tx, cx, activation, ReturnCause::Revoked)?;
    }
    Ok(())
}
