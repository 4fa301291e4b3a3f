//! Seats and tokens that are held until their handle goes, and elements of pools.

use std::ffi::c_char;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lessor_client::{Seats, Tokens};

use crate::error::{Failure, LessorResult, guard};
use crate::license::LessorLicense;
use crate::text::{expect, need, put, take_back, the};

/// Floating seats that are held until `lessor_seats_return`.
pub struct LessorSeats(Seats);

/// Tokens that are held until `lessor_tokens_return`.
pub struct LessorTokens(Mutex<Tokens>);

/// Takes that many more floating seats of the feature. Copies of the program on this device add up. Should the program
/// end without `lessor_seats_return`, the next copy of it gives them back.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them; `seats` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_hold_seats(
    license: *const LessorLicense,
    feature: *const c_char,
    count: u32,
    seats: *mut *mut LessorSeats,
) -> LessorResult {
    guard(|| {
        expect(seats)?;
        // SAFETY: as this function's own contract.
        let held = unsafe { the(license)?.0.hold_seats(need(feature)?, count) }?;
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(seats, Box::into_raw(Box::new(LessorSeats(held)))) };
        Ok(())
    })
}

/// Gives the seats back and frees the handle, also where it fails: the seats are then given back later.
///
/// # Safety
/// The handle is null or came from `lessor_hold_seats` and was not returned before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_seats_return(seats: *mut LessorSeats) -> LessorResult {
    guard(|| {
        // SAFETY: as this function's own contract.
        let seats = unsafe { take_back(seats) }.ok_or(Failure::Argument("a handle is a null pointer"))?;
        Ok(seats.0.return_now().map(drop)?)
    })
}

/// Checks out that many tokens. Should the program end without `lessor_tokens_return`, the next copy of it gives back
/// those that were not spent.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them; `tokens` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_hold_tokens(
    license: *const LessorLicense,
    feature: *const c_char,
    amount: u32,
    tokens: *mut *mut LessorTokens,
) -> LessorResult {
    guard(|| {
        expect(tokens)?;
        // SAFETY: as this function's own contract.
        let held = unsafe { the(license)?.0.hold_tokens(need(feature)?, amount) }?;
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(tokens, Box::into_raw(Box::new(LessorTokens(Mutex::new(held))))) };
        Ok(())
    })
}

/// Uses up that many of the tokens; the server learns it when the rest goes back. `left`, which may be null, gets how many
/// are left.
///
/// # Safety
/// The handle is null or came from `lessor_hold_tokens`; `left` is null or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_tokens_spend(tokens: *const LessorTokens, amount: u32, left: *mut u32) -> LessorResult {
    guard(|| {
        // SAFETY: as this function's own contract.
        let mut held = unsafe { the(tokens)? }.lock();
        held.spend(amount)?;
        // SAFETY: likewise.
        unsafe { put(left, held.left()) };
        Ok(())
    })
}

/// Gives the tokens back that were not spent and frees the handle, also where it fails: they are then given back later.
///
/// # Safety
/// The handle is null or came from `lessor_hold_tokens` and was not returned before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_tokens_return(tokens: *mut LessorTokens) -> LessorResult {
    guard(|| {
        // SAFETY: as this function's own contract.
        let tokens = unsafe { take_back(tokens) }.ok_or(Failure::Argument("a handle is a null pointer"))?;
        Ok(tokens.0.into_inner().unwrap_or_else(PoisonError::into_inner).return_now().map(drop)?)
    })
}

/// Draws elements from a pool; a negative amount puts them back. `held`, which may be null, gets how many the device has
/// now.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them; `held` is null or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_draw_elements(
    license: *const LessorLicense,
    feature: *const c_char,
    amount: i64,
    held: *mut i64,
) -> LessorResult {
    guard(|| {
        // SAFETY: as this function's own contract.
        let holding = unsafe { the(license)?.0.draw_elements(need(feature)?, amount) }?;
        // SAFETY: likewise.
        unsafe { put(held, holding.held) };
        Ok(())
    })
}

impl LessorTokens {
    /// A panic of another thread leaves tokens as they were.
    fn lock(&self) -> MutexGuard<'_, Tokens> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
