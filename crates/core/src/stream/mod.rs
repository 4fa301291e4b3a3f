//! The stream: what happened in a tenant, as records that its owner draws off. Calls of APIs, refused ones too; what devices
//! and daemons did; what programs told; what people changed; and records of the owner's own.
//!
//! Nobody pays for a stream that nobody draws: but for the owner's own, records are made only while the tenant has a live key
//! that is made for drawing, which is one that may read the stream and may not make keys. Records of calls are gathered and
//! written many at once, so that a call that reads stays one that reads. What devices, daemons and people did is taken over
//! from the journal as its events are sealed, so that it costs their calls nothing.

mod events;
mod gather;
pub(crate) mod rows;

pub(crate) use events::take_events;
pub(crate) use gather::Gatherer;
pub use gather::{Call, Entry, begin, flush};

use crate::account;
use crate::clock::Timestamp;
use crate::context::{Action, Context, Who};
use crate::device::{Activation, NewAnalyticsEvent};
use crate::error::{Error, Noun};
use crate::id::{AccountId, ProductId, StreamRecordId};
use crate::identity::Right;
use crate::license::from_word;
use crate::text::check_line;
use crate::{catalog, journal};
use lessor_db::{FromColumn, Tx, ValueRef};
use serde_json::{Value, json};
use uuid::Uuid;

/// For how many days records are kept.
pub const KEPT_DAYS: i64 = 90;
/// Most characters of the name of a record of the owner's own.
const MOST_NAME: usize = 255;
/// Most bytes of what such a record tells.
const MOST_DATA: usize = 64 << 10;
/// Most records that one transaction deletes.
const MOST_DELETED: u32 = 1_000;
/// Most blocks of the journal that somebody who reads has sealed first: a hundred thousand events.
const MOST_BLOCKS: usize = 100;

/// Where a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A call of an API by a program of the tenant's.
    Calls,
    /// What devices did, and what became of their licenses by time alone.
    Devices,
    /// What programs told of their use.
    Analytics,
    /// What devices did with daemons on local networks.
    Relayed,
    /// What daemons did themselves.
    Daemons,
    /// What people who signed in changed.
    People,
    /// The owner's own records.
    Custom,
}

impl Source {
    /// All sources.
    pub const ALL: [Source; 7] = [
        Source::Calls,
        Source::Devices,
        Source::Analytics,
        Source::Relayed,
        Source::Daemons,
        Source::People,
        Source::Custom,
    ];

    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Source::Calls => "calls",
            Source::Devices => "devices",
            Source::Analytics => "analytics",
            Source::Relayed => "relayed",
            Source::Daemons => "daemons",
            Source::People => "people",
            Source::Custom => "custom",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word() == word)
    }
}

from_word!(Source);

/// Something that happened in a tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRecord {
    /// Its id.
    pub id: StreamRecordId,
    /// Where it comes from.
    pub source: Source,
    /// What happened.
    pub name: String,
    /// Did it fail?
    pub failed: bool,
    /// When it happened, by the clock of who told.
    pub told_at: Timestamp,
    /// When it was recorded.
    pub at: Timestamp,
    /// The address it came from; empty where that is not known.
    pub ip: String,
    /// The key, user or activation that did it.
    pub who: Option<Uuid>,
    /// The product it is about.
    pub product: Option<ProductId>,
    /// Name of that product, where it is read.
    pub product_name: Option<String>,
    /// The code of the license it is about.
    pub code: Option<String>,
    /// What else there is to tell.
    pub data: Value,
}

/// Which records a list shows. A filter that is `None` does not filter.
#[derive(Clone, Debug)]
pub struct StreamFilter {
    /// Of this tenant.
    pub tenant: AccountId,
    /// From this source.
    pub source: Option<Source>,
    /// Recorded at this instant or later.
    pub from: Option<Timestamp>,
    /// Recorded at this instant or earlier.
    pub until: Option<Timestamp>,
    /// Whose name contains this, in any case.
    pub name: Option<String>,
    /// Failed or not.
    pub failed: Option<bool>,
    /// About this product.
    pub product: Option<ProductId>,
    /// By this key, user or activation.
    pub who: Option<Uuid>,
    /// About a license with this code.
    pub code: Option<String>,
}

impl StreamFilter {
    /// All of a tenant.
    pub fn of(tenant: AccountId) -> Self {
        Self {
            tenant,
            source: None,
            from: None,
            until: None,
            name: None,
            failed: None,
            product: None,
            who: None,
            code: None,
        }
    }
}

/// A page of a tenant's records in the order they were made, after `after`. [`catch_up`] first shows what was done until now.
///
/// # Errors
/// `NotFound`, `Forbidden` for a tenant whose stream the caller may not read; `NotFound` for a product of another tenant.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &StreamFilter,
    after: Option<StreamRecordId>,
    limit: u32,
) -> Result<Vec<StreamRecord>, Error> {
    account::authorized(tx, cx, filter.tenant, &Action::read(Right::STREAM_READ), Noun::Account)?;
    if let Some(id) = filter.product {
        check_product(tx, id, filter.tenant)?;
    }
    Ok(rows::page(tx, filter, after, limit)?)
}

/// Writes what waits to be recorded, and takes over what the journal has: whoever reads then sees all that was answered before.
///
/// # Errors
/// Those of storage.
pub async fn catch_up(app: &crate::App) -> Result<(), Error> {
    flush(app).await?;
    for _ in 0..MOST_BLOCKS {
        if !app.write(&app.system(), |tx, cx| journal::seal(tx, cx)).await? {
            break;
        }
    }
    Ok(())
}

/// A record of the owner's own.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Whose stream it goes to.
    pub tenant: AccountId,
    /// What happened, 1 to 255 characters.
    pub name: String,
    /// Did it fail?
    pub failed: bool,
    /// The address it came from; empty where that is not known.
    pub ip: String,
    /// The product it is about.
    pub product: Option<ProductId>,
    /// The code of the license it is about, at most 64 characters.
    pub code: Option<String>,
    /// What else there is to tell: at most 64 KiB.
    pub data: Value,
}

/// Puts a record of the owner's own into the stream.
///
/// # Errors
/// `Malformed`; `NotFound` for a product of another tenant; `NotFound`, `Forbidden` for a tenant to whose stream the caller
/// may not write.
pub fn add(tx: &mut dyn Tx, cx: &Context<'_>, new: &NewRecord) -> Result<StreamRecord, Error> {
    account::authorized(tx, cx, new.tenant, &Action::write(Right::STREAM_WRITE), Noun::Account)?;
    check_line("name", &new.name, MOST_NAME)?;
    if let Some(code) = &new.code {
        check_line("license_code", code, 64)?;
    }
    if new.data.to_string().len() > MOST_DATA {
        return Err(Error::malformed("data", "it has at most 64 KiB"));
    }
    if let Some(id) = new.product {
        check_product(tx, id, new.tenant)?;
    }
    cx.touches_nothing();
    let record = StreamRecord {
        id: cx.new_id(),
        source: Source::Custom,
        name: new.name.clone(),
        failed: new.failed,
        told_at: cx.now,
        at: cx.now,
        ip: new.ip.clone(),
        who: id_of(cx.actor().who),
        product: new.product,
        product_name: None,
        code: new.code.clone(),
        data: new.data.clone(),
    };
    rows::insert(tx, new.tenant, std::slice::from_ref(&record))?;
    Ok(record)
}

/// Deletes what is older than [`KEPT_DAYS`], up to 1 000 records; `true` when there may be more.
///
/// # Errors
/// Those of storage.
pub fn expire(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    cx.touches_nothing();
    let gone = rows::delete_before(tx, first_at(cx.now.plus_hours(-24 * KEPT_DAYS)), MOST_DELETED)?;
    Ok(gone == u64::from(MOST_DELETED))
}

/// Records what a program told, where its tenant draws.
pub(crate) fn take_analytics(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    activation: &Activation,
    told: &[&NewAnalyticsEvent],
) -> Result<(), Error> {
    if told.is_empty() || !rows::draws(tx, activation.tenant, cx.now)? {
        return Ok(());
    }
    let code = match activation.license {
        Some(license) => rows::of_license(tx, license.0)?.map(|(_, code)| code),
        None => None,
    };
    let record = |event: &&NewAnalyticsEvent| StreamRecord {
        id: cx.new_id(),
        source: Source::Analytics,
        name: event.kind.word().to_owned(),
        failed: false,
        told_at: event.at,
        at: cx.now,
        ip: String::new(),
        who: Some(activation.id.0),
        product: Some(activation.product),
        product_name: None,
        code: code.clone(),
        data: json!({
            "event": event.name, "device": activation.fingerprint, "user": activation.user, "feature": event.feature,
            "transaction": event.transaction, "data": event.data,
        }),
    };
    rows::insert(tx, activation.tenant, &told.iter().map(record).collect::<Vec<_>>())?;
    Ok(())
}

/// Is it a product of the tenant's?
fn check_product(tx: &mut dyn Tx, id: ProductId, tenant: AccountId) -> Result<(), Error> {
    let product = catalog::rows::product(tx, id)?.filter(|product| product.tenant == tenant);
    product.map(|_| ()).ok_or(Error::not_found(Noun::Product))
}

/// The id of somebody who acts.
fn id_of(who: Who) -> Option<Uuid> {
    match who {
        Who::User(id) => Some(id.0),
        Who::ApiKey(id) => Some(id.0),
        Who::Device(id) => id.map(|id| id.0),
        Who::System => None,
    }
}

/// The first id of the millisecond of an instant.
fn first_at(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.micros().div_euclid(1_000)).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
