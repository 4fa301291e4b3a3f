//! Events, usage, reports, and the texts that a program keeps on the server.

use std::ffi::c_char;

use lessor_client::{Event, EventKind, RejectedUsage, Usage};
use serde_json::{Value, json};

use crate::error::{Failure, LessorResult, guard};
use crate::license::LessorLicense;
use crate::text::{expect, give, may, need, put, the};

/// Writes an event down, to be sent in a batch with the next `lessor_tidy`. The kind is one of `app_started`,
/// `app_stopped`, `signed_in`, `signed_out`, `feature_started`, `feature_stopped`, `exception`. The feature, the
/// transaction (what joins a beginning with its end) and the data (JSON) may be null.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_record(
    license: *const LessorLicense,
    kind: *const c_char,
    feature: *const c_char,
    transaction: *const c_char,
    data: *const c_char,
) -> LessorResult {
    guard(|| {
        // SAFETY: as this function's own contract.
        let (license, kind) = unsafe { (the(license)?, need(kind)?) };
        let kind: EventKind = serde_json::from_value(Value::String(kind.to_owned()))
            .map_err(|_| Failure::Argument("there is no such kind of event"))?;
        let mut event = Event::new(kind);
        // SAFETY: likewise.
        let (feature, transaction, data) = unsafe { (may(feature)?, may(transaction)?, may(data)?) };
        event.feature = feature.map(str::to_owned);
        event.transaction = transaction.map(str::to_owned);
        event.data = data.map(parsed).transpose()?;
        Ok(license.0.record(&event)?)
    })
}

/// Writes down, durably, how much the program counted for a meter, to be sent in a batch with the next `lessor_send_usage` or
/// `lessor_tidy`; it is counted once, however often it has to be sent. The subject (what was used or by whom; null is this
/// device) and the attributes (a JSON object) may be null.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_record_usage(
    license: *const LessorLicense,
    meter: *const c_char,
    value: u64,
    subject: *const c_char,
    attributes: *const c_char,
) -> LessorResult {
    guard(|| {
        // SAFETY: as this function's own contract.
        let (license, meter) = unsafe { (the(license)?, need(meter)?) };
        // SAFETY: likewise.
        let (subject, attributes) = unsafe { (may(subject)?, may(attributes)?) };
        let mut usage = Usage::new(meter, value);
        usage.subject = subject.map(str::to_owned);
        if let Some(text) = attributes {
            let Value::Object(members) = parsed(text)? else {
                return Err(Failure::Argument("the attributes are no JSON object"));
            };
            usage.attributes = members;
        }
        Ok(license.0.record_usage(&usage)?)
    })
}

/// Sends what was counted and waits. `counted`, which may be null, gets how many records the server counts, those included
/// that it knew before; `rejected`, which may be null, a JSON list of those that it will not count, each an object with
/// `meter`, `code` and `detail`. Free it.
///
/// # Safety
/// The handle is null or came from `lessor_open`; `counted` is null or a place for a number, `rejected` null or a place for a
/// pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_send_usage(
    license: *const LessorLicense,
    counted: *mut u64,
    rejected: *mut *mut c_char,
) -> LessorResult {
    guard(|| {
        // SAFETY: as this function's own contract.
        let sent = unsafe { the(license)? }.0.send_usage()?;
        let told = |one: RejectedUsage| json!({"meter": one.meter, "code": one.code, "detail": one.detail});
        let list: Vec<Value> = sent.rejected.into_iter().map(told).collect();
        if !rejected.is_null() {
            let text = give(Value::from(list).to_string())?;
            // SAFETY: not null, and by the contract a place for a pointer.
            unsafe { put(rejected, text) };
        }
        // SAFETY: by the contract null or a place for a number.
        unsafe { put(counted, sent.counted as u64) };
        Ok(())
    })
}

/// Reports facts about the device, as a JSON object. Replaces what was reported before.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_report_system(license: *const LessorLicense, facts: *const c_char) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)?.0.report_system(&parsed(need(facts)?)?) }?))
}

/// Reports who uses the program, as a JSON object.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_report_consumer(
    license: *const LessorLicense,
    consumer: *const c_char,
) -> LessorResult {
    // SAFETY: as this function's own contract.
    guard(|| Ok(unsafe { the(license)?.0.report_consumer(&parsed(need(consumer)?)?) }?))
}

/// Reads the text that is kept for a feature. `tag`, which may be null, gets what tells this state of it from every
/// other. Free both.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them; `text` and `tag` are null or places for
/// pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_read_text(
    license: *const LessorLicense,
    feature: *const c_char,
    text: *mut *mut c_char,
    tag: *mut *mut c_char,
) -> LessorResult {
    guard(|| {
        expect(text)?;
        // SAFETY: as this function's own contract.
        let stored = unsafe { the(license)?.0.read_text(need(feature)?) }?;
        let found = give(stored.text)?;
        // SAFETY: checked, and by the contract a place for a pointer.
        unsafe { put(text, found) };
        // SAFETY: by the contract null or a place for a pointer.
        unsafe { give_tag(tag, stored.tag) }
    })
}

/// Writes the text that is kept for a feature, 4096 bytes at most. With the tag of the state that the program knows,
/// nothing is written over that another device wrote since; null writes in any case. `new_tag`, which may be null, gets
/// the tag of what is there then; free it.
///
/// # Safety
/// Handles and strings are null or as the library gave them or expects them; `new_tag` is null or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lessor_write_text(
    license: *const LessorLicense,
    feature: *const c_char,
    text: *const c_char,
    tag: *const c_char,
    new_tag: *mut *mut c_char,
) -> LessorResult {
    guard(|| {
        // SAFETY: as this function's own contract.
        let stored = unsafe { the(license)?.0.write_text(need(feature)?, need(text)?, may(tag)?) }?;
        // SAFETY: by the contract null or a place for a pointer.
        unsafe { give_tag(new_tag, stored.tag) }
    })
}

/// # Safety
/// The place is null or one for a pointer.
unsafe fn give_tag(place: *mut *mut c_char, tag: Option<String>) -> Result<(), Failure> {
    if !place.is_null() {
        let tag = tag.map(give).transpose()?.unwrap_or(std::ptr::null_mut());
        // SAFETY: not null, and by the contract a place for a pointer.
        unsafe { put(place, tag) };
    }
    Ok(())
}

fn parsed(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|_| Failure::Argument("the text is no JSON"))
}
