//! The license: opening, activating, renewing, asking what it allows.

use std::ffi::c_char;

use lessor_client::{FeatureKind, License, Renewal, Status};

use crate::config::{LessorConfig, read};
use crate::error::{Failure, LessorResult, guard};
use crate::text::{expect, give, may, need, put, take_back, the};

/// A product's license on this device.
pub struct LessorLicense(pub(crate) License);

/// What a license allows now.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LessorState {
    /// Nothing is activated.
    NotActivated = 0,
    /// The lease has not begun.
    NotYet = 1,
    /// All is well.
    Valid = 2,
    /// The lease is over, but the program may go on while it tells the user so.
    Grace = 3,
    /// The lease is over.
    Expired = 4,
    /// The device's clock was set back, so that nobody knows what the lease allows.
    ClockSetBack = 5,
}

/// How a license stands.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LessorStatus {
    /// What it allows.
    pub state: LessorState,
    /// May the program do its work?
    pub may_run: bool,
    /// Unix seconds: when that changes, or changed; 0 where there is no such moment.
    pub at: i64,
}

/// How a feature is measured out.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LessorFeatureKind {
    /// On or off.
    Flag = 0,
    /// Seats that are held and given back.
    Floating = 1,
    /// Elements that are drawn and given back.
    Pool = 2,
    /// Tokens that are checked out, and used up or given back.
    Tokens = 3,
    /// A text that the program keeps on the server.
    Store = 4,
}

/// A feature, as the lease has it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LessorFeature {
    /// Is it on, and does the lease let the program run? The rest means something only then.
    pub on: bool,
    /// How it is measured out.
    pub kind: LessorFeatureKind,
    /// How much of it the license has in all; below 0 = no limit.
    pub limit: i64,
}

/// Opens the state folder, or makes it with a new device identity. Makes no call to the server. Close the handle with
/// `lessor_close`.
///
/// # Safety
/// `config` is null or as its type says; `license` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_open(config: *const LessorConfig, license: *mut *mut LessorLicense) -> LessorResult {
    guard(|| {
        expect(license)?;
        // SAFETY: as this function's own contract.
        let opened = License::open(unsafe { read(config)? })?;
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(license, Box::into_raw(Box::new(LessorLicense(opened)))) };
        Ok(())
    })
}

/// Closes a license. What is activated stays so. Seats and tokens that are held stay valid. Null is left alone.
///
/// # Safety
/// The handle is null or came from `lessor_open` and was not closed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_close(license: *mut LessorLicense) {
    guard(|| {
        // SAFETY: as this function's own contract.
        drop(unsafe { take_back(license) });
        Ok(())
    });
}

/// Activates a license by its code. Asking again for the license that is held is no error and takes no second place.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_activate(license: *const LessorLicense, code: *const c_char) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)?.0.activate(need(code)?) }.map(drop)?))
}

/// Activates a license by its code for a long time without the server: a long-term check-out, for so many days.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_activate_for_days(
    license: *const LessorLicense,
    code: *const c_char,
    days: u32,
) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)?.0.activate_for_days(need(code)?, days) }.map(drop)?))
}

/// Activates the license that an end user has a right to. The password is sent and not kept.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_sign_in(
    license: *const LessorLicense,
    user_name: *const c_char,
    password: *const c_char,
) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)?.0.sign_in(need(user_name)?, need(password)?) }.map(drop)?))
}

/// Starts a trial.
///
/// # Safety
/// The handle is null or came from `lessor_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_start_trial(license: *const LessorLicense) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)? }.0.start_trial().map(drop)?))
}

/// Gives the license back to the server and forgets it here. Without a connection it is kept; `lessor_return_offline` is
/// for that case.
///
/// # Safety
/// The handle is null or came from `lessor_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_return(license: *const LessorLicense) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)? }.0.return_license()?))
}

/// Asks the server for the next lease now. If that fails, the lease that is held works on until it ends.
///
/// # Safety
/// The handle is null or came from `lessor_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_renew(license: *const LessorLicense) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)? }.0.renew().map(drop)?))
}

/// Renews if it is time to; `renewed` tells whether there is a new lease and may be null. Meant to be called at start and
/// every few minutes. A server that cannot be reached is no failure: the next try comes later.
///
/// # Safety
/// The handle is null or came from `lessor_open`; `renewed` is null or a place for a bool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_renew_if_due(license: *const LessorLicense, renewed: *mut bool) -> LessorResult {
    guard(|| {
        // SAFETY: as this function's own contract.
        let renewal = unsafe { the(license)? }.0.renew_if_due()?;
        // SAFETY: likewise.
        unsafe { put(renewed, matches!(renewal, Renewal::Renewed)) };
        Ok(())
    })
}

/// Tells the server that the program is still there, so that its place and seats stay its own.
///
/// # Safety
/// The handle is null or came from `lessor_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_heartbeat(license: *const LessorLicense) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)? }.0.heartbeat()?))
}

/// Gives back seats and tokens that a crashed copy of the program held, and sends the events and the usage that
/// wait.
///
/// # Safety
/// The handle is null or came from `lessor_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_tidy(license: *const LessorLicense) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)? }.0.tidy()?))
}

/// What the license allows now, judged without a connection.
///
/// # Safety
/// The handle is null or came from `lessor_open`; `status` is null or a place for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_status(license: *const LessorLicense, status: *mut LessorStatus) -> LessorResult {
    guard(|| {
        expect(status)?;
        // SAFETY: as this function's own contract.
        let found = unsafe { the(license)? }.0.status()?;
        let (state, at) = match found {
            Status::NotActivated => (LessorState::NotActivated, None),
            Status::NotYet { from } => (LessorState::NotYet, Some(from)),
            Status::Valid { until } => (LessorState::Valid, until),
            Status::Grace { until } => (LessorState::Grace, until),
            Status::Expired { at } => (LessorState::Expired, Some(at)),
            Status::ClockSetBack { .. } => (LessorState::ClockSetBack, None),
        };
        // SAFETY: checked, and by the contract a place for a status.
        unsafe { put(status, LessorStatus { state, may_run: found.may_run(), at: at.unwrap_or(0) }) };
        Ok(())
    })
}

/// The feature of that code.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them; `feature` is null or a place for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_feature(
    license: *const LessorLicense,
    code: *const c_char,
    feature: *mut LessorFeature,
) -> LessorResult {
    guard(|| {
        expect(feature)?;
        // SAFETY: as this function's own contract.
        let found = unsafe { the(license)?.0.feature(need(code)?) }?;
        let kind = match found.as_ref().map(|found| found.kind) {
            None | Some(FeatureKind::Flag) => LessorFeatureKind::Flag,
            Some(FeatureKind::Floating) => LessorFeatureKind::Floating,
            Some(FeatureKind::Pool) => LessorFeatureKind::Pool,
            Some(FeatureKind::Tokens) => LessorFeatureKind::Tokens,
            Some(FeatureKind::Store) => LessorFeatureKind::Store,
        };
        let limit = found.as_ref().and_then(|found| found.limit).unwrap_or(-1);
        // SAFETY: checked, and by the contract a place for a feature.
        unsafe { put(feature, LessorFeature { on: found.is_some(), kind, limit }) };
        Ok(())
    })
}

/// The license's value of that name; null if there is none or the lease does not let the program run. Free it.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them; `value` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_value(
    license: *const LessorLicense,
    name: *const c_char,
    value: *mut *mut c_char,
) -> LessorResult {
    guard(|| {
        expect(value)?;
        // SAFETY: as this function's own contract.
        let found = unsafe { the(license)?.0.value(need(name)?) }?;
        let text = found.map(give).transpose()?.unwrap_or(std::ptr::null_mut());
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(value, text) };
        Ok(())
    })
}

/// The lease that is held, whether or not it still counts, as JSON; null if there is none. Free it.
///
/// # Safety
/// The handle is null or came from `lessor_open`; `json` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_lease(license: *const LessorLicense, json: *mut *mut c_char) -> LessorResult {
    guard(|| {
        expect(json)?;
        // SAFETY: as this function's own contract.
        let lease = unsafe { the(license)? }.0.lease()?;
        let write = |lease| serde_json::to_vec(&lease).map_err(|_| Failure::Argument("the lease is no JSON"));
        let text = lease.map(write).transpose()?.map(give).transpose()?.unwrap_or(std::ptr::null_mut());
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(json, text) };
        Ok(())
    })
}

/// The device's id, given or made. Free it.
///
/// # Safety
/// The handle is null or came from `lessor_open`; `id` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_device_id(license: *const LessorLicense, id: *mut *mut c_char) -> LessorResult {
    guard(|| {
        expect(id)?;
        // SAFETY: as this function's own contract.
        let found = unsafe { the(license)? }.0.device_id()?;
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(id, give(found)?) };
        Ok(())
    })
}

/// Asks the server whether a code is good for this product, and for the feature if one is named (it may be null). Nothing
/// needs to be activated, and nothing is. `reason`, which may be null, gets why not as a code, or null; free it.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them; `valid` and `reason` are null or places for
/// what they get.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_validate(
    license: *const LessorLicense,
    code: *const c_char,
    feature: *const c_char,
    valid: *mut bool,
    reason: *mut *mut c_char,
) -> LessorResult {
    guard(|| {
        expect(valid)?;
        // SAFETY: as this function's own contract.
        let found = unsafe { the(license)?.0.validate(need(code)?, may(feature)?) }?;
        let why = match found.reason {
            Some(why) if !reason.is_null() => give(why)?,
            Some(_) | None => std::ptr::null_mut(),
        };
        // SAFETY: checked or allowed to be null, and by the contract places for what they get.
        unsafe {
            put(valid, found.valid);
            put(reason, why);
        }
        Ok(())
    })
}
