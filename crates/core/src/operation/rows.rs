//! The SQL of operations.

use super::Operation;
use crate::clock::Timestamp;
use crate::id::{AccountId, LicenseId, OperationId};
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

macro_rules! operation {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, account_id, kind, state, done_to, begun_by, begun_for, created_at, finished_at, problem \
             FROM operations ",
            $rest
        )
    };
}

statements! {
    INSERT = "INSERT INTO operations (id, tenant_id, account_id, kind, state, begun_by, begun_for, created_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    BY_ID = operation!("WHERE id = $1");
    PAGE = operation!("WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    IS_UNFINISHED = "SELECT EXISTS (SELECT 1 FROM operations WHERE account_id = $1 AND finished_at IS NULL)";
    LOCK_NEXT = operation!("WHERE finished_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE");
    UPDATE = "UPDATE operations SET state = $2, done_to = $3, finished_at = $4, problem = $5 WHERE id = $1";
    LICENSES = "SELECT id, hold_count FROM licenses WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    DELETE_FINISHED = "DELETE FROM operations WHERE id IN \
                       (SELECT id FROM operations WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)";
}

impl FromRow for Operation {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            kind: row.get(3)?,
            state: row.get(4)?,
            done_to: row.get(5)?,
            begun_by: row.get(6)?,
            begun_for: row.get(7)?,
            created_at: row.get(8)?,
            finished_at: row.get(9)?,
            problem: row.get(10)?,
        })
    }
}

/// Keeps a new operation.
pub(super) fn insert(tx: &mut dyn Tx, operation: &Operation) -> Result<(), StoreError> {
    let params: [Value; 8] = [
        operation.id.into(),
        operation.tenant.into(),
        operation.account.into(),
        operation.kind.word().into(),
        operation.state.word().into(),
        operation.begun_by.to_string().into(),
        operation.begun_for.into(),
        operation.created_at.into(),
    ];
    tx.execute(INSERT, &params)?;
    Ok(())
}

/// One operation.
pub(super) fn by_id(tx: &mut dyn Tx, id: OperationId) -> Result<Option<Operation>, StoreError> {
    tx.opt(BY_ID, &[id.into()])
}

/// Operations of an account behind `after`, in order.
pub(super) fn page(
    tx: &mut dyn Tx,
    account: AccountId,
    after: Option<OperationId>,
    limit: u32,
) -> Result<Vec<Operation>, StoreError> {
    tx.all(PAGE, &[account.into(), after.map_or(Uuid::nil(), |id| id.0).into(), limit.into()])
}

/// Has the account an operation that is not finished?
pub(super) fn is_unfinished(tx: &mut dyn Tx, account: AccountId) -> Result<bool, StoreError> {
    let (unfinished,): (bool,) = tx.one(IS_UNFINISHED, &[account.into()])?;
    Ok(unfinished)
}

/// The operation that waits longest, locked until the end of the transaction.
pub(super) fn lock_next(tx: &mut dyn Tx) -> Result<Option<Operation>, StoreError> {
    tx.opt(LOCK_NEXT, &[])
}

/// Keeps how far an operation has come.
pub(super) fn update(tx: &mut dyn Tx, operation: &Operation) -> Result<(), StoreError> {
    let params: [Value; 5] = [
        operation.id.into(),
        operation.state.word().into(),
        operation.done_to.into(),
        operation.finished_at.into(),
        operation.problem.as_deref().into(),
    ];
    tx.execute(UPDATE, &params)?;
    Ok(())
}

/// Licenses of an account behind `after`, in order, each with its number of holds.
pub(super) fn licenses(
    tx: &mut dyn Tx,
    account: AccountId,
    after: Option<LicenseId>,
    limit: u32,
) -> Result<Vec<(LicenseId, i64)>, StoreError> {
    tx.all(LICENSES, &[account.into(), after.map_or(Uuid::nil(), |id| id.0).into(), limit.into()])
}

/// Deletes operations that were finished before this; gives how many.
pub(super) fn delete_finished(tx: &mut dyn Tx, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    tx.execute(DELETE_FINISHED, &[before.into(), limit.into()])
}
