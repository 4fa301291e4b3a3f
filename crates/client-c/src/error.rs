//! How a call went, and the last error of each thread.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use lessor_client::Error;

/// How a call went.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LessorResult {
    /// It did what it says.
    Ok = 0,
    /// The license is the reason why not: refused, not activated, not genuine.
    Refused = 1,
    /// The server could not be asked; the same call may well succeed a little later.
    Unavailable = 2,
    /// The configuration, the state folder or the computer is the reason.
    Failed = 3,
    /// An argument is a null pointer that may not be one, is not UTF-8, or cannot be meant.
    BadArgument = 4,
    /// The library has a fault. Whatever was being done may be half done.
    Internal = 5,
}

/// Why a call did not do what it says.
pub enum Failure {
    /// The library said no.
    Library(Error),
    /// So many words about an argument.
    Argument(&'static str),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

struct Last {
    code: CString,
    text: CString,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// The stable code of what went wrong in this thread's last call, such as `no_seat`; empty after a success. It is the
/// library's and valid until this thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn lessor_error_code() -> *const c_char {
    last(|last| last.code.as_ptr())
}

/// What went wrong in this thread's last call, as a sentence; empty after a success. It is the library's and valid until
/// this thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn lessor_error_text() -> *const c_char {
    last(|last| last.text.as_ptr())
}

fn last(part: impl Fn(&Last) -> *const c_char) -> *const c_char {
    // A thread that is being torn down has no last error any more.
    let found = LAST.try_with(|last| last.try_borrow().ok().and_then(|last| last.as_ref().map(&part)));
    found.ok().flatten().unwrap_or(c"".as_ptr())
}

fn remember(last: Option<Last>) {
    let _ = LAST.try_with(|place| {
        if let Ok(mut place) = place.try_borrow_mut() {
            *place = last;
        }
    });
}

/// Runs the body of a call: remembers what went wrong, and lets no panic through.
pub fn guard(body: impl FnOnce() -> Result<(), Failure>) -> LessorResult {
    // What a panic may leave half done are the library's own values, which lock and check for themselves.
    let (result, code, text) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => {
            remember(None);
            return LessorResult::Ok;
        }
        Ok(Err(Failure::Library(error))) => {
            let text = error.refusal().map_or_else(|| error.to_string(), |refusal| refusal.detail.clone());
            (kind(&error), error.code().to_owned(), text)
        }
        Ok(Err(Failure::Argument(why))) => (LessorResult::BadArgument, "bad_argument".to_owned(), why.to_owned()),
        Err(_) => (LessorResult::Internal, "internal".to_owned(), "the library has a fault".to_owned()),
    };
    remember(Some(Last { code: plain(code), text: plain(text) }));
    result
}

fn kind(error: &Error) -> LessorResult {
    if error.is_about_the_license() {
        LessorResult::Refused
    } else if error.is_passing() {
        LessorResult::Unavailable
    } else {
        LessorResult::Failed
    }
}

/// The text up to its first NUL, if it has one.
fn plain(text: String) -> CString {
    let upto = text.split('\0').next().unwrap_or_default();
    CString::new(upto).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn code() -> String {
        // SAFETY: the library's own string, and no call comes between.
        unsafe { CStr::from_ptr(lessor_error_code()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_stops_at_the_boundary_and_a_success_clears_the_error() {
        assert_eq!(guard(|| panic!("a test of panics")), LessorResult::Internal);
        assert_eq!(code(), "internal");
        assert_eq!(guard(|| Ok(())), LessorResult::Ok);
        assert_eq!(code(), "");
    }

    #[test]
    fn each_thread_has_its_own_error() {
        assert_eq!(guard(|| Err(Error::NotActivated.into())), LessorResult::Refused);
        let elsewhere = std::thread::spawn(|| {
            assert_eq!(code(), "");
            guard(|| Err(Error::Unreachable("down\0here".into()).into()))
        });
        assert_eq!(elsewhere.join().unwrap(), LessorResult::Unavailable);
        assert_eq!(code(), "not_activated");
    }
}
