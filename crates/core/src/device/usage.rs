//! Usage that programs count: records of meters that are open to devices. They keep what they count while they are offline
//! and send it later, so that one record may come twice: it counts once.

use super::{DeviceCredential, identify};
use crate::clock::Timestamp;
use crate::context::{Context, Who};
use crate::error::{Error, Refusal};
use crate::license::in_range;
use crate::metering::{self, Fate, NewRecord};
use lessor_db::Tx;
use serde_json::{Map, Value};

/// Most records of one call.
const MOST_RECORDS: i64 = 500;

/// What a program counted.
#[derive(Clone, Debug, PartialEq)]
pub struct NewUse {
    /// The program's own name for it, 1 to 200 characters: within the hour of `at` another record of this activation never has
    /// it.
    pub id: String,
    /// Name of the meter.
    pub meter: String,
    /// What was used or by whom, at most 200 characters; left out, the device.
    pub subject: Option<String>,
    /// How much, 0 or more.
    pub value: i64,
    /// When, by the device's clock.
    pub at: Timestamp,
    /// What else there is to tell: at most 4 KiB.
    pub attributes: Map<String, Value>,
}

/// Takes in what a program counted, as use of its license and of the account whose the license is now; use of a trial is the
/// vendor's. Gives the fate of each record, in their order. An activation that was returned may still tell what it did before.
///
/// # Errors
/// `OutOfRange` for no records or too many, and where a figure would grow beyond what can be kept: then none is taken.
pub fn record_usage(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    device: &DeviceCredential,
    uses: &[NewUse],
) -> Result<Vec<Fate>, Error> {
    in_range("records", i64::try_from(uses.len()).unwrap_or(i64::MAX), 1, MOST_RECORDS)?;
    let activation = identify(tx, cx, device)?;
    let end = activation.returned_at.filter(|_| !activation.active);
    let over = |one: &NewUse| end.is_some_and(|end| one.at > end);
    let record = |one: &NewUse| NewRecord {
        id: one.id.clone(),
        source: activation.id.to_string(),
        at: one.at,
        account: activation.license.is_none().then(|| activation.tenant.to_string()),
        license: activation.license.map(|license| license.to_string()),
        meter: one.meter.clone(),
        subject: one.subject.clone().unwrap_or_else(|| activation.fingerprint.clone()),
        value: one.value,
        attributes: one.attributes.clone(),
        corrects: None,
    };
    let records: Vec<NewRecord> = uses.iter().filter(|one| !over(one)).map(record).collect();
    // Whoever holds the activation's secret may tell of its license, and of nothing else.
    let told =
        cx.in_name_of(Who::Device(Some(activation.id)), activation.tenant, |cx| metering::record(tx, cx, &records))?;
    cx.touches_nothing();
    let mut told = told.into_iter();
    let fate = |one| match over(one) {
        true => Some(Fate::Rejected { refusal: Refusal::ActivationReturned }),
        false => told.next(),
    };
    Ok(uses.iter().filter_map(fate).collect())
}
