//! Floating seats, elements and tokens: checked out, returned, used up. The license is locked first, so that no more is
//! ever handed out than there is.

use super::renew::entered;
use super::{Activation, DeviceCredential, authenticate, in_use, rows};
use crate::catalog::{self, FeatureKind, GrantView, Known};
use crate::context::Context;
use crate::error::{Error, Refusal};
use crate::id::FeatureId;
use crate::journal;
use crate::license::{Concurrency, License, in_range};
use lessor_db::Tx;
use serde_json::json;
use std::sync::Arc;

/// What a device holds of a feature after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldView {
    /// The feature's code.
    pub feature: String,
    /// What the device holds and can still use or give back.
    pub held: i64,
    /// Tokens the device has used up.
    pub consumed: i64,
    /// What all devices have, consumed tokens included.
    pub used: i64,
    /// What there is.
    pub limit: i64,
}

/// Most of anything in one command.
const MOST: i64 = 2_000_000_000;

/// Makes a device hold this many floating seats in all; 0 returns them. Asking twice is not an error.
///
/// # Errors
/// `NoSeat` when that many are not free, `FeatureOff`, `WrongFeatureKind`, and what stops a license altogether.
pub fn check_out_seats(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    feature: &str,
    seats: i64,
) -> Result<HeldView, Error> {
    let seats = in_range("seats", seats, 0, MOST)?;
    let desk = Desk::open(tx, cx, device, feature, FeatureKind::Floating)?;
    let by = seats - desk.held;
    desk.move_by(tx, cx, by, 0)
}

/// Draws elements from a pool or puts them back.
#[derive(Clone, Debug)]
pub struct Draw {
    /// The feature's code.
    pub feature: String,
    /// How many: above 0 draws, below 0 puts back.
    pub amount: i64,
}

/// Draws elements from a pool or puts them back.
///
/// # Errors
/// `NoSeat` when that many are not free, `NotHeld` when more is put back than is held.
pub fn draw_elements(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    cmd: &Draw,
) -> Result<HeldView, Error> {
    let amount = in_range("amount", cmd.amount, -MOST, MOST)?;
    let desk = Desk::open(tx, cx, device, &cmd.feature, FeatureKind::Pool)?;
    desk.move_by(tx, cx, amount, 0)
}

/// Checks tokens out to a device.
///
/// # Errors
/// `NoSeat` when that many are not left.
pub fn check_out_tokens(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    feature: &str,
    amount: i64,
) -> Result<HeldView, Error> {
    let amount = in_range("check_out", amount, 1, MOST)?;
    let desk = Desk::open(tx, cx, device, feature, FeatureKind::Tokens)?;
    desk.move_by(tx, cx, amount, 0)
}

/// What a device did with its tokens.
#[derive(Clone, Debug)]
pub struct TokenUse {
    /// The feature's code.
    pub feature: String,
    /// Tokens given back unused.
    pub give_back: i64,
    /// Tokens used up since the last report.
    pub consumed: i64,
}

/// Takes unused tokens back and records used ones.
///
/// # Errors
/// `NotHeld` when the two together are more than the device has left.
pub fn return_tokens(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    cmd: &TokenUse,
) -> Result<HeldView, Error> {
    let back = in_range("return", cmd.give_back, 0, MOST)?;
    let consumed = in_range("consumed", cmd.consumed, 0, MOST)?;
    let desk = Desk::open(tx, cx, device, &cmd.feature, FeatureKind::Tokens)?;
    if back + consumed > desk.held - desk.consumed {
        return Err(Refusal::NotHeld { held: desk.held - desk.consumed }.into());
    }
    desk.move_by(tx, cx, -back, consumed)
}

/// Where one activation deals with one feature of its license, the license locked.
struct Desk {
    activation: Activation,
    license: License,
    /// Is the license usable where it is: no hold reaches its account?
    held_back: bool,
    known: Arc<Known>,
    feature: FeatureId,
    code: String,
    grant: GrantView,
    /// Charged to the device, consumed tokens included.
    held: i64,
    consumed: i64,
}

impl Desk {
    fn open(
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        device: &DeviceCredential,
        code: &str,
        kind: FeatureKind,
    ) -> Result<Self, Error> {
        let Some(entry) = entered(tx, cx, device)? else {
            // A trial has flags alone.
            in_use(authenticate(tx, cx, device)?)?;
            return Err(Refusal::FeatureOff.into());
        };
        let activation = in_use(entry.activation)?;
        let license = entry.license;
        let known = catalog::known::known(tx, cx, activation.product, Some(entry.version))?;
        let feature = known.catalog.feature(code)?;
        if feature.kind != kind {
            return Err(Refusal::WrongFeatureKind.into());
        }
        let feature = feature.id;
        if license.terms.concurrency != Concurrency::Off {
            rows::release_lapsed(tx, license.id, activation.id, cx.now)?;
        }
        let (grant, held, consumed) = rows::held(tx, license.id, feature, &activation)?;
        cx.only_touches(license.id.0);
        let code = code.to_owned();
        Ok(Self { activation, license, held_back: entry.held, known, feature, code, grant, held, consumed })
    }

    /// Moves an amount to the device (or back), and marks some as used up.
    fn move_by(self, tx: &mut dyn Tx, cx: &Context<'_>, amount: i64, consumed: i64) -> Result<HeldView, Error> {
        if amount > 0 {
            self.may_take(cx, amount)?;
        }
        if self.held - self.consumed + amount < 0 {
            return Err(Refusal::NotHeld { held: self.held - self.consumed }.into());
        }
        let held = self.held + amount;
        let consumed_in_all = self.consumed + consumed;
        let used = self.grant.used + amount;
        if amount != 0 || consumed != 0 {
            rows::put_held(tx, self.license.id, self.feature, &self.activation, held, consumed_in_all)?;
            rows::set_used(tx, self.license.id, self.feature, used)?;
            let data = json!({
                "feature": self.code, "device": self.activation.fingerprint, "user": self.activation.user,
                "amount": amount, "consumed": consumed, "before": { "used": self.grant.used }, "after": { "used": used },
            });
            let kind = if amount > 0 { "feature.checked_out" } else { "feature.returned" };
            journal::append(tx, cx, kind, self.license.subject(), &data)?;
        }
        Ok(HeldView {
            feature: self.code,
            held: held - consumed_in_all,
            consumed: consumed_in_all,
            used,
            limit: self.grant.limit,
        })
    }

    /// Returning is always possible; taking needs product and license in order, a live lease and enough that is free.
    fn may_take(&self, cx: &Context<'_>, amount: i64) -> Result<(), Error> {
        if !self.known.product.active {
            return Err(Refusal::ProductInactive.into());
        }
        self.license.usable(self.held_back, cx.now)?;
        if !self.grant.enabled {
            return Err(Refusal::FeatureOff.into());
        }
        let concurrent = self.license.terms.concurrency != Concurrency::Off;
        if concurrent && !self.activation.is_live(cx.now) {
            // Its place may be another's by now: it has to renew first.
            return Err(Refusal::NoSeat { limit: self.license.terms.activation_limit, concurrent }.into());
        }
        if self.grant.used.saturating_add(amount) > self.grant.limit {
            return Err(Refusal::NoSeat { limit: self.grant.limit, concurrent }.into());
        }
        Ok(())
    }
}
