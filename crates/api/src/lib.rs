//! The native API `/v1` and the device API `/device/v1`, over HTTP, with their OpenAPI documents.
//!
//! A translator only: a request becomes a command or a query of the core, its outcome an answer. Rules are the core's.

mod call;
mod daemon;
mod device;
mod document;
mod example;
mod export;
mod fate;
mod name;
mod native;
mod problem;
mod refuse;
mod reply;
mod terms;
mod wire;

pub use device::{device, device_openapi};
pub use native::{MAX_IMPORT, TestClock, license_row, license_row_of, native, native_openapi};
