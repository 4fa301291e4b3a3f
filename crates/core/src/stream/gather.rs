//! Gathers records of calls and writes many of them in one transaction, so that a call that reads does not have to write.
//!
//! What a crash can lose are the records of the last [`WAIT`], never what the calls did. Nothing is lost for want of room:
//! a call waits for a place before it does anything, and keeps it until its record is written.

use super::{Source, StreamRecord, id_of, rows};
use crate::alias::{self, Space};
use crate::app::App;
use crate::clock::Timestamp;
use crate::context::Caller;
use crate::error::Error;
use crate::id::{AccountId, ProductId, StreamRecordId};
use lessor_db::StoreError;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// How long the first record waits for others.
const WAIT: Duration = Duration::from_millis(100);
/// How long to wait when storage could not take records.
const PAUSE: Duration = Duration::from_secs(1);
/// How many records wait at most for others.
const ENOUGH: usize = 500;
/// How many calls have a place: of these records some wait, some are being written, and some calls still run.
const PLACES: usize = 1_000;
/// Most bytes of what a record of a call tells, so that all places together are some megabytes.
const MOST_DATA: usize = 16 << 10;

/// What is gathered.
pub(crate) struct Gatherer {
    queue: Mutex<Queue>,
    places: Arc<Semaphore>,
    enough: Notify,
    /// Held while records are written.
    writing: AsyncMutex<()>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Is there a task that writes them? It ends only where nothing waits.
    tended: bool,
}

struct Waiting {
    written: Arc<Written>,
    _place: OwnedSemaphorePermit,
}

/// A record of a call and what has to be looked up to write it.
struct Written {
    tenant: AccountId,
    record: StreamRecord,
    product: Option<(Space, String)>,
}

impl Gatherer {
    pub(crate) fn new() -> Self {
        Self {
            queue: Mutex::new(Queue::default()),
            places: Arc::new(Semaphore::new(PLACES)),
            enough: Notify::new(),
            writing: AsyncMutex::new(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be recorded of a call.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was called.
    pub name: String,
    /// Did it fail?
    pub failed: bool,
    /// The product it is about, as a dialect calls it. What the dialect calls nothing so is not kept.
    pub product: Option<(Space, String)>,
    /// The code of the license it is about.
    pub code: Option<String>,
    /// What else there is to tell. What has more than 16 KiB as JSON is left out, but for an `error`.
    pub data: Value,
}

/// A call that is to be recorded: once it has ended, or when it is dropped with what is known until then.
pub struct Call {
    app: App,
    tenant: AccountId,
    who: Option<uuid::Uuid>,
    ip: String,
    began: Timestamp,
    entry: Option<Entry>,
    place: Option<OwnedSemaphorePermit>,
}

/// Begins to record a call, if anybody draws the stream of the caller's tenant; waits while too many are being recorded.
/// `entry` is what is known of it before it has ended.
pub async fn begin(app: &App, caller: &Caller, ip: String, entry: Entry) -> Option<Call> {
    if !caller.actor.draws {
        return None;
    }
    let place = Arc::clone(&app.tools().gatherer.places).acquire_owned().await.ok()?;
    Some(Call {
        app: app.clone(),
        tenant: caller.actor.tenant,
        who: id_of(caller.actor.who),
        ip,
        began: app.now(),
        entry: Some(entry),
        place: Some(place),
    })
}

impl Call {
    /// What is known of the call so far.
    pub fn entry(&mut self) -> &mut Entry {
        // It is there until the call is dropped.
        self.entry.get_or_insert_with(|| Entry {
            name: String::new(),
            failed: true,
            product: None,
            code: None,
            data: Value::Null,
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let (Some(entry), Some(place)) = (self.entry.take(), self.place.take()) else { return };
        let at = self.app.now();
        let record = StreamRecord {
            id: StreamRecordId(self.app.tools().ids.next(at)),
            source: Source::Calls,
            name: plain(&entry.name),
            failed: entry.failed,
            told_at: self.began,
            at,
            ip: plain(&self.ip),
            who: self.who,
            product: None,
            product_name: None,
            code: entry.code.as_deref().map(plain),
            data: bounded(entry.data),
        };
        let written = Arc::new(Written { tenant: self.tenant, record, product: entry.product });
        let gatherer = &self.app.tools().gatherer;
        let mut queue = gatherer.lock();
        queue.waiting.push(Waiting { written, _place: place });
        tend(&self.app, &mut queue);
        if queue.waiting.len() >= ENOUGH {
            gatherer.enough.notify_one();
        }
    }
}

/// No storage keeps the character U+0000.
fn plain(text: &str) -> String {
    text.replace('\0', "")
}

fn bounded(data: Value) -> Value {
    if data.to_string().len() <= MOST_DATA {
        return data;
    }
    let mut left = serde_json::Map::new();
    if let Some(error) = data.get("error").filter(|error| error.is_string()) {
        left.insert("error".into(), error.clone());
    }
    left.insert("truncated".into(), true.into());
    Value::Object(left)
}

/// Sees to it that what waits will be written.
fn tend(app: &App, queue: &mut Queue) {
    if !queue.tended
        && let Ok(runtime) = Handle::try_current()
    {
        queue.tended = true;
        runtime.spawn(write_on(app.clone()));
    }
}

/// Writes what was gathered after a while, or as soon as it is enough, until nothing waits.
async fn write_on(app: App) {
    loop {
        tokio::select! {
            () = sleep(WAIT) => {}
            () = app.tools().gatherer.enough.notified() => {}
        }
        while let Err(error) = flush(&app).await {
            tracing::warn!(%error, "records of calls could not be written; they are tried again");
            sleep(PAUSE).await;
        }
        let mut queue = app.tools().gatherer.lock();
        if queue.waiting.is_empty() {
            queue.tended = false;
            return;
        }
    }
}

/// Writes all that was gathered until now.
///
/// # Errors
/// Those of storage that pass; what was not written waits for the next time.
pub async fn flush(app: &App) -> Result<(), Error> {
    let gatherer = &app.tools().gatherer;
    let _writing = gatherer.writing.lock().await;
    let mut left = gatherer.lock().waiting.len();
    while left > 0 {
        let taken: Vec<Waiting> = gatherer.lock().waiting.drain(..left.min(ENOUGH)).collect();
        left -= taken.len();
        if let Err(error) = write(app, &taken).await {
            if passes(&error) {
                let mut queue = gatherer.lock();
                let newer = std::mem::replace(&mut queue.waiting, taken);
                queue.waiting.extend(newer);
                tend(app, &mut queue);
                return Err(error);
            }
            tracing::error!(%error, records = taken.len(), "records of calls were given up");
        }
    }
    Ok(())
}

async fn write(app: &App, taken: &[Waiting]) -> Result<(), Error> {
    let taken: Vec<Arc<Written>> = taken.iter().map(|waiting| Arc::clone(&waiting.written)).collect();
    app.write(&app.system(), move |tx, cx| {
        cx.touches_nothing();
        for of_one in taken.chunk_by(|one, other| one.tenant == other.tenant) {
            let mut records = Vec::with_capacity(of_one.len());
            for written in of_one {
                let product = match &written.product {
                    Some((space, name)) => alias::resolve(tx, written.tenant, *space, name)?.map(ProductId),
                    None => None,
                };
                records.push(StreamRecord { product, ..written.record.clone() });
            }
            rows::insert(tx, of_one[0].tenant, &records)?;
        }
        Ok(())
    })
    .await
}

/// Is it worth trying again?
fn passes(error: &Error) -> bool {
    match error {
        Error::Store(error) => match error {
            StoreError::Busy
            | StoreError::Full
            | StoreError::ReadOnly
            | StoreError::Conflict(_)
            | StoreError::Disconnected(_)
            | StoreError::OutcomeUnknown(_) => true,
            StoreError::Unique(_)
            | StoreError::Broken(_)
            | StoreError::Column { .. }
            | StoreError::Panicked(_)
            | StoreError::Statement { .. } => false,
        },
        Error::Refused(_) | Error::Forbidden | Error::Unauthenticated => false,
    }
}
