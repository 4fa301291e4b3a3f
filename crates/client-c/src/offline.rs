//! Activating and returning by documents that people carry.

use std::ffi::c_char;

use lessor_client::{carry_request, carry_return};

use crate::error::{LessorResult, guard};
use crate::license::LessorLicense;
use crate::text::{expect, give, may, need, put, the};

/// Writes a request for a license (or for a trial, if the code is null) that somebody carries to the server. Free it.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them; `request` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_offline_request(
    license: *const LessorLicense,
    code: *const c_char,
    request: *mut *mut c_char,
) -> LessorResult {
    guard(|| {
        expect(request)?;
        // SAFETY: as this function's own contract.
        let text = unsafe { the(license)?.0.offline_request(may(code)?, None, None) }?;
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(request, give(text)?) };
        Ok(())
    })
}

/// Takes the answer to the open request.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_accept_answer(license: *const LessorLicense, answer: *const c_char) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)?.0.accept_answer(need(answer)?) }.map(drop)?))
}

/// Destroys the license on this device and gives the proof of it, which somebody carries to the server. Free it.
///
/// # Safety
/// The handle is null or came from `lessor_open`; `proof` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_return_offline(license: *const LessorLicense, proof: *mut *mut c_char) -> LessorResult {
    guard(|| {
        expect(proof)?;
        // SAFETY: as this function's own contract.
        let text = unsafe { the(license)? }.0.return_offline()?;
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(proof, give(text)?) };
        Ok(())
    })
}

/// As a computer with a connection: hands in an offline request and gives the answer to carry back. Free it.
///
/// # Safety
/// Strings are null or as the library expects them; `answer` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_carry_request(
    server: *const c_char,
    request: *const c_char,
    answer: *mut *mut c_char,
) -> LessorResult {
    guard(|| {
        expect(answer)?;
        // SAFETY: as this function's own contract.
        let text = unsafe { carry_request(need(server)?, need(request)?) }?;
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(answer, give(text)?) };
        Ok(())
    })
}

/// As a computer with a connection: hands in a proof of return.
///
/// # Safety
/// Strings are null or as the library expects them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_carry_return(server: *const c_char, proof: *const c_char) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { carry_return(need(server)?, need(proof)?) }?))
}
