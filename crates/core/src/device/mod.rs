//! Devices: licenses in use. A device activates a license (or tries a product), holds a lease that it renews, checks
//! out seats, elements and tokens, and returns it all.
//!
//! A device proves itself with a secret of its own, handed out when it was activated. Whether a lease is live is
//! computed from stored instants and `now`; nothing has to fire for an answer to be right.

mod activate;
pub(crate) mod analytics;
mod checkout;
mod consumer;
mod give_back;
mod lapse;
pub(crate) mod lease;
mod offline;
mod passive;
mod place;
mod renew;
mod report;
pub(crate) mod rows;
mod store;
mod trial;
mod usage;
pub(crate) mod validate;

pub use activate::{Activate, DeviceFacts, LONG_TERM, MOVE_DAYS, MOVE_LIMIT, activate};
pub use analytics::{AnalyticsEvent, AnalyticsFilter, AnalyticsKind, NewAnalyticsEvent, analytics, record_events};
pub use checkout::{Draw, HeldView, TokenUse, check_out_seats, check_out_tokens, draw_elements, return_tokens};
pub use consumer::{
    ConsumerFilter, ConsumerRecord, ConsumerSource, NewConsumerRecord, add_consumer_record, consumer_records,
    count_consumer_records, report_consumer,
};
pub(crate) use give_back::end_all;
pub use give_back::{ReturnCause, erase_activities, give_back, return_all};
pub use lapse::tell_lapsed;
pub use lease::Leased;
pub(crate) use offline::may_answer;
pub use offline::{inspect_request, offline_activate, offline_return};
pub use passive::{IssuePassive, PassiveLicense, issue_passive};
pub(crate) use place::{end_by_id, is_active, known_by_key, public_key_of, revoke_beyond};
pub use renew::{Renew, heartbeat, renew, state_of};
pub use report::{report_system, system_report};
pub use store::{PutText, StoredText, put_text, stored_text};
pub use trial::{Trial, TrialFilter, TrialState, count_trials, delete_trial, trial_of, trials};
pub use usage::{NewUse, record_usage};
pub use validate::{Ask, FeatureState, LicenseState, Reason, Verdict, validate};

use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Refusal};
use crate::id::{AccountId, ActivationId, DeviceId, LicenseId, ProductId, TrialId};
use crate::journal::Subject;
use crate::license::from_word;
use lessor_db::{FromColumn, Tx, ValueRef};

/// How an activation came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationKind {
    /// The device asked itself.
    Online,
    /// By an answer carried in a file.
    Offline,
    /// Issued once, never renewed.
    Passive,
}

impl ActivationKind {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            ActivationKind::Online => "online",
            ActivationKind::Offline => "offline",
            ActivationKind::Passive => "passive",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [ActivationKind::Online, ActivationKind::Offline, ActivationKind::Passive]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

from_word!(ActivationKind);

/// A license in use on a device, now or in the past; or a product being tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// Its id.
    pub id: ActivationId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// Of what.
    pub product: ProductId,
    /// Of which license; `None` for a trial.
    pub license: Option<LicenseId>,
    /// Of which trial; `None` for a license.
    pub trial: Option<TrialId>,
    /// Where.
    pub device: DeviceId,
    /// What the device calls itself.
    pub fingerprint: String,
    /// Who uses it there, as the device says; may be empty.
    pub user: String,
    /// How it came about.
    pub kind: ActivationKind,
    /// Is it in use, or was it returned?
    pub active: bool,
    /// The hypervisor, if the device says it is a virtual machine.
    pub virtual_platform: Option<String>,
    /// Since when.
    pub activated_at: Timestamp,
    /// When it was returned.
    pub returned_at: Option<Timestamp>,
    /// Number of its latest lease.
    pub lease_number: i64,
    /// When it got that lease.
    pub leased_at: Timestamp,
    /// When that lease ends; `None` is without end.
    pub lease_end: Option<Timestamp>,
    /// Which of its secrets is valid.
    pub secret_generation: i64,
    /// When the device shall ask for the next lease.
    pub renew_at: Option<Timestamp>,
    /// Did the renewal before present the lease before the last? One answer may get lost.
    pub answer_lost: bool,
    /// Until when its place was checked out for long.
    pub long_until: Option<Timestamp>,
}

impl Activation {
    /// Is its lease still running?
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.active && self.lease_end.is_none_or(|end| end > now)
    }

    pub(crate) fn subject(&self, account: AccountId) -> Subject {
        Subject { kind: "activation", id: self.id.0, account, tenant: self.tenant }
    }
}

/// A machine, as one product knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The public key it registered, if it has one.
    pub public_key: Option<Vec<u8>>,
}

/// What a device presents with each call after its activation.
#[derive(Clone, Debug)]
pub struct DeviceCredential {
    /// Which activation.
    pub activation: ActivationId,
    /// Its secret.
    pub secret: String,
}

/// Locks what guards an activation (its license, or its device for a trial) and checks the secret. An
/// activation that does not exist and a wrong secret are not told apart.
pub(crate) fn authenticate(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    credential: &DeviceCredential,
) -> Result<Activation, Error> {
    // Every count hangs on the license, so that is the row to lock.
    if let Some(entry) = renew::entered(tx, cx, credential)? {
        return Ok(entry.activation);
    }
    let found = identify(tx, cx, credential)?;
    // The device's row guards its trial.
    rows::lock_device(tx, found.device)?;
    rows::lock(tx, found.id)?.ok_or(Error::Unauthenticated)
}

/// The activation behind a credential, without a lock.
pub(crate) fn identify(tx: &mut dyn Tx, cx: &Context<'_>, credential: &DeviceCredential) -> Result<Activation, Error> {
    let found = rows::by_id(tx, credential.activation)?.ok_or(Error::Unauthenticated)?;
    check_secret(cx, &found, credential)?;
    Ok(found)
}

fn check_secret(cx: &Context<'_>, activation: &Activation, credential: &DeviceCredential) -> Result<(), Error> {
    if activation.kind == ActivationKind::Passive {
        // It was issued to somebody who has no secret.
        return Err(Error::Unauthenticated);
    }
    let genuine = cx.secret().is_device_secret(activation.id, activation.secret_generation, &credential.secret);
    if genuine { Ok(()) } else { Err(Error::Unauthenticated) }
}

/// The activation if it is in use.
pub(crate) fn in_use(activation: Activation) -> Result<Activation, Error> {
    if activation.active { Ok(activation) } else { Err(Refusal::ActivationReturned.into()) }
}

/// What a device calls itself: 10 to 64 visible ASCII characters.
pub(crate) fn check_fingerprint(text: &str) -> Result<(), Error> {
    let fits = (10..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err(Error::malformed("device", "its id is 10 to 64 visible ASCII characters")) }
}
