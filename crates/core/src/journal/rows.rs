//! The SQL of the journal.

use super::{Event, Subject};
use crate::account::Path;
use crate::bulk::{Insert, ROWS, Text, many};
use crate::clock::Timestamp;
use crate::id::{AccountId, EventId, RequestId};
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

const EVENT_HEAD: &str = "INSERT INTO events \
    (id, tenant_id, account_id, at, kind, subject_kind, subject_id, actor, request_id, data) VALUES ";
const EVENTS_TEXT: Text<4_096> = many(EVENT_HEAD, "(?, ?, ?, $1, $2, ?, ?, $3, $4, ?)", ROWS, 4, "");
const EVENT_TEXT: Text<256> = many(EVENT_HEAD, "(?, ?, ?, $1, $2, ?, ?, $3, $4, ?)", 1, 4, "");

statements! {
    EVENTS = EVENTS_TEXT.as_str();
    EVENT_ALONE = EVENT_TEXT.as_str();
    INSERT = "INSERT INTO events (id, tenant_id, account_id, at, kind, subject_kind, subject_id, actor, request_id, data) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    PAGE = "SELECT e.id, e.at, e.kind, e.subject_kind, e.subject_id, e.account_id, e.actor, e.request_id, e.data, a.path \
            FROM events e JOIN accounts a ON a.id = e.account_id \
            WHERE e.id > $1 AND a.path >= $2 AND a.path < $3 ORDER BY e.id LIMIT $4";
    PAGE_OF_SUBJECT = "SELECT e.id, e.at, e.kind, e.subject_kind, e.subject_id, e.account_id, e.actor, e.request_id, e.data, a.path \
            FROM events e JOIN accounts a ON a.id = e.account_id \
            WHERE e.id > $1 AND a.path >= $2 AND a.path < $3 AND e.subject_id = $5 ORDER BY e.id LIMIT $4";
    UNSEALED = "SELECT id FROM events WHERE block IS NULL ORDER BY id LIMIT 1";
    LAST_BLOCK = "SELECT number, hash FROM journal_blocks ORDER BY number DESC LIMIT 1";
    CLAIM_BLOCK = "INSERT INTO journal_blocks (number, events, hash, sealed_at) VALUES ($1, 0, $2, $3) \
                   ON CONFLICT (number) DO NOTHING";
    TAKE_INTO_BLOCK = "UPDATE events SET block = $1 WHERE id IN \
                       (SELECT id FROM events WHERE block IS NULL ORDER BY id LIMIT $2)";
    CLOSE_BLOCK = "UPDATE journal_blocks SET events = $2, hash = $3 WHERE number = $1";
    BLOCKS = "SELECT number, events, hash FROM journal_blocks WHERE number > $1 ORDER BY number LIMIT 1000";
    EVENTS_OF_BLOCK = "SELECT id, tenant_id, account_id, at, kind, subject_kind, subject_id, actor, request_id, data \
                       FROM events WHERE block = $1 ORDER BY id";
    STRAY = "SELECT count(*) FROM events WHERE block > $1";
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub(super) fn insert(
    tx: &mut dyn Tx,
    id: EventId,
    at: Timestamp,
    kind: &str,
    subject: Subject,
    actor: String,
    request: RequestId,
    data: String,
) -> Result<(), StoreError> {
    let params = [
        id.into(),
        subject.tenant.into(),
        subject.account.into(),
        at.into(),
        kind.into(),
        subject.kind.into(),
        subject.id.into(),
        actor.into(),
        request.into(),
        data.into(),
    ];
    tx.queue(INSERT, &params)
}

/// Writes events of one kind and instant: `(id, subject, data)`.
pub(super) fn insert_many(
    tx: &mut dyn Tx,
    at: Timestamp,
    kind: &str,
    actor: &str,
    request: RequestId,
    events: &[(EventId, Subject, String)],
) -> Result<(), StoreError> {
    let shared = [at.into(), kind.into(), actor.into(), request.into()];
    let params = |(id, subject, data): &(EventId, Subject, String), bound: &mut Vec<Value>| {
        bound.extend([
            (*id).into(),
            subject.tenant.into(),
            subject.account.into(),
            subject.kind.into(),
            subject.id.into(),
            data.as_str().into(),
        ]);
    };
    Insert { many: EVENTS, one: EVENT_ALONE }.write(tx, &shared, events, params)
}

impl FromRow for Event {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let data: String = row.get(8)?;
        Ok(Self {
            id: row.get(0)?,
            at: row.get(1)?,
            kind: row.get(2)?,
            subject_kind: row.get(3)?,
            subject: row.get(4)?,
            account: row.get(5)?,
            actor: row.get(6)?,
            request: row.get(7)?,
            data: serde_json::from_str(&data).map_err(|error| StoreError::column(8, error.to_string()))?,
        })
    }
}

/// An event with the place of its account.
pub(super) struct Placed {
    pub event: Event,
    pub path: Path,
}

impl FromRow for Placed {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { event: Event::from_row(row)?, path: row.get(9)? })
    }
}

pub(super) fn page(
    tx: &mut dyn Tx,
    branch: &Path,
    subject: Option<Uuid>,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Placed>, StoreError> {
    let params = vec![after.into(), branch.into(), branch.end().into(), limit.into()];
    match subject {
        None => tx.all(PAGE, &params),
        Some(subject) => tx.all(PAGE_OF_SUBJECT, &[params, vec![subject.into()]].concat()),
    }
}

/// What the hash of a sealed event covers.
pub(crate) struct SealedEvent {
    pub id: EventId,
    pub tenant: AccountId,
    pub account: AccountId,
    pub at: Timestamp,
    pub kind: String,
    pub subject_kind: String,
    pub subject: Uuid,
    pub actor: String,
    pub request: RequestId,
    pub data: String,
}

impl FromRow for SealedEvent {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            at: row.get(3)?,
            kind: row.get(4)?,
            subject_kind: row.get(5)?,
            subject: row.get(6)?,
            actor: row.get(7)?,
            request: row.get(8)?,
            data: row.get(9)?,
        })
    }
}

pub(super) fn has_unsealed(tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let first: Option<(Uuid,)> = tx.opt(UNSEALED, &[])?;
    Ok(first.is_some())
}

pub(super) fn last_block(tx: &mut dyn Tx) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    tx.opt(LAST_BLOCK, &[])
}

/// Takes the number of a new block; `false` when another server took it first.
pub(super) fn claim_block(tx: &mut dyn Tx, number: i64, before: &[u8], now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(CLAIM_BLOCK, &[number.into(), before.into(), now.into()])? == 1)
}

pub(super) fn take_into_block(tx: &mut dyn Tx, number: i64, limit: u32) -> Result<u64, StoreError> {
    tx.execute(TAKE_INTO_BLOCK, &[number.into(), limit.into()])
}

pub(super) fn close_block(tx: &mut dyn Tx, number: i64, events: i64, hash: &[u8]) -> Result<(), StoreError> {
    tx.execute(CLOSE_BLOCK, &[number.into(), events.into(), hash.into()])?;
    Ok(())
}

pub(super) fn blocks_after(tx: &mut dyn Tx, number: i64) -> Result<Vec<(i64, i64, Vec<u8>)>, StoreError> {
    tx.all(BLOCKS, &[number.into()])
}

pub(super) fn events_of_block(tx: &mut dyn Tx, number: i64) -> Result<Vec<SealedEvent>, StoreError> {
    tx.all(EVENTS_OF_BLOCK, &[number.into()])
}

/// Events that claim a block behind the last one.
pub(super) fn stray(tx: &mut dyn Tx, last: i64) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(STRAY, &[last.into()])?;
    Ok(count)
}
