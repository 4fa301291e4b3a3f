//! Renews a lease; the heartbeat of a device.

use super::activate::{Way, readmit};
use super::lease::{self, Leased};
use super::{DeviceCredential, authenticate, identify, in_use, rows, trial};
use crate::account;
use crate::catalog;
use crate::context::Context;
use crate::error::{Error, Noun};
use crate::license::{LeaseForm, rows as license_rows};
use lessor_db::Tx;

/// Asks for the next lease of an activation.
#[derive(Clone, Debug)]
pub struct Renew {
    /// Who asks.
    pub device: DeviceCredential,
}

/// Renews a lease: its device gets the license as it is now. Asking again gives the next one.
///
/// # Errors
/// `ActivationReturned`, `ProductInactive`, `Held`, `TermOver`; `NoSeat` when a lapsed lease finds its place taken;
/// `TrialOver` for a trial.
pub fn renew(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Renew) -> Result<Leased, Error> {
    let activation = in_use(authenticate(tx, cx, &cmd.device)?)?;
    let product = super::activate::open_product(tx, activation.product)?;
    let lease_end = match activation.license {
        Some(license) => {
            let license = license_rows::by_id(tx, license)?.ok_or(Error::not_found(Noun::License))?;
            let held = account::is_held(tx, license.account)?;
            readmit(tx, &license, held, &activation, cx.now)?;
            let form = if activation.virtual_platform.is_some() { LeaseForm::Virtual } else { LeaseForm::Online };
            license.terms.lease_end(form, cx.now)
        }
        None => trial::refresh(tx, cx, &product, &activation)?.lease_end,
    };
    let renewed = rows::extend(tx, &activation, cx.now, lease_end, Way::ONLINE)?;
    lease::sign(tx, &renewed, &product)
}

/// The state of an activation, without renewing it: its latest lease, signed anew. A query: it locks and changes nothing.
pub fn state_of(tx: &mut dyn Tx, cx: &Context<'_>, device: &DeviceCredential) -> Result<Leased, Error> {
    let activation = identify(tx, cx, device)?;
    let product = catalog::rows::product(tx, activation.product)?.ok_or(Error::not_found(Noun::Product))?;
    lease::sign(tx, &activation, &product)
}
