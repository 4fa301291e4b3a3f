//! Strings and places for results, checked on their way over the boundary.

use std::ffi::{CStr, CString, c_char};

use crate::error::{Failure, guard};

/// Frees a string that the library gave. Null is left alone.
///
/// # Safety
/// The pointer is null, or came out of this library as a string to be freed and was not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_string_free(text: *mut c_char) {
    guard(|| {
        if !text.is_null() {
            // SAFETY: by the contract it was made by `give` with `CString::into_raw`, and nobody has freed it.
            drop(unsafe { CString::from_raw(text) });
        }
        Ok(())
    });
}

/// A string that has to be there.
///
/// # Safety
/// The pointer is null or to a string that ends with NUL and lives as long as `'a`.
pub unsafe fn need<'a>(text: *const c_char) -> Result<&'a str, Failure> {
    // SAFETY: as this function's own contract.
    unsafe { may(text) }?.ok_or(Failure::Argument("a string that has to be there is a null pointer"))
}

/// A string that may be left out by a null pointer.
///
/// # Safety
/// As for [`need`].
pub unsafe fn may<'a>(text: *const c_char) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not null, and by the contract a string that ends with NUL and lives long enough.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| Failure::Argument("a string is not UTF-8"))
}

/// Writes a value to where the caller wants it.
///
/// # Safety
/// The pointer is null or to memory where a `T` may be written.
pub unsafe fn put<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: it is not null, and by the contract may be written. What was there is not read or dropped.
        unsafe { place.write(value) };
    }
}

/// Refuses a null pointer where a result has to go, before anything is done.
pub fn expect<T>(place: *mut T) -> Result<(), Failure> {
    if place.is_null() { Err(Failure::Argument("the place for the result is a null pointer")) } else { Ok(()) }
}

/// A string for the caller to free.
pub fn give(text: impl Into<Vec<u8>>) -> Result<*mut c_char, Failure> {
    let text = CString::new(text).map_err(|_| Failure::Argument("the text has a NUL in it"))?;
    Ok(text.into_raw())
}

/// What a handle stands for.
///
/// # Safety
/// The pointer is null or to a `T` that lives as long as `'a` and that nobody changes meanwhile.
pub unsafe fn the<'a, T>(handle: *const T) -> Result<&'a T, Failure> {
    // SAFETY: by the contract it is null or points to a `T` that lives long enough.
    unsafe { handle.as_ref() }.ok_or(Failure::Argument("a handle is a null pointer"))
}

/// Takes a handle back from the caller, for good.
///
/// # Safety
/// The pointer is null, or came from `Box::into_raw` and was not taken back before.
pub unsafe fn take_back<T>(handle: *mut T) -> Option<Box<T>> {
    if handle.is_null() {
        return None;
    }
    // SAFETY: it is not null; the rest is the contract.
    Some(unsafe { Box::from_raw(handle) })
}
