//! The client library for programs in C, and in whatever can call C.
//!
//! Every function that can fail gives a [`LessorResult`] and writes what it found through pointers; those are written on
//! success alone. What went wrong is told by [`error::lessor_error_code`] and [`error::lessor_error_text`], for the
//! calling thread, until its next call. Strings are UTF-8 and end with NUL. Strings that come out are freed with
//! [`text::lessor_string_free`], handles with the function that is named for it. A handle may be used by several threads
//! at once, but not while or after it is freed. Calls block.
//!
//! No panic crosses the boundary, and there is no global state but the last error of each thread.

mod config;
mod error;
mod holds;
mod license;
mod offline;
mod reports;
mod text;

pub use config::LessorConfig;
pub use error::{LessorResult, lessor_error_code, lessor_error_text};
pub use holds::*;
pub use license::*;
pub use offline::*;
pub use reports::*;
pub use text::lessor_string_free;
