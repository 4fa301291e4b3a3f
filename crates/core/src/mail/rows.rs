//! The SQL of mail.

use super::{Mail, MailFilter, State};
use crate::clock::Timestamp;
use crate::id::MailId;
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

macro_rules! mail {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, account_id, kind, recipient, subject, body, state, attempts, next_try_at, created_at, \
             settled_at, problem FROM mails ",
            $rest
        )
    };
}

statements! {
    INSERT = "INSERT INTO mails (id, tenant_id, account_id, kind, recipient, subject, body, state, attempts, next_try_at, created_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $9)";
    BY_ID = mail!("WHERE id = $1");
    LOCK = mail!("WHERE id = $1 FOR UPDATE");
    PAGE = mail!("WHERE account_id = $1 AND id > $2 AND ($3 = '' OR lower(recipient) = $3) AND ($4 = '' OR state = $4) \
                  ORDER BY id LIMIT $5");
    DUE = mail!("WHERE state = 'waiting' AND next_try_at <= $1 ORDER BY next_try_at, id LIMIT $2");
    TAKE = "UPDATE mails SET attempts = $2, next_try_at = $3 WHERE id = $1 AND state = 'waiting' AND attempts = $2 - 1";
    UPDATE = "UPDATE mails SET state = $2, attempts = $3, next_try_at = $4, settled_at = $5, problem = $6 WHERE id = $1";
    DELETE_SETTLED = "DELETE FROM mails WHERE id IN \
                      (SELECT id FROM mails WHERE settled_at < $1 ORDER BY settled_at LIMIT $2)";
}

impl FromRow for Mail {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            kind: row.get(3)?,
            recipient: row.get(4)?,
            subject: row.get(5)?,
            text: row.get(6)?,
            state: row.get(7)?,
            attempts: row.get(8)?,
            next_try_at: row.get(9)?,
            created_at: row.get(10)?,
            settled_at: row.get(11)?,
            problem: row.get(12)?,
        })
    }
}

/// Keeps a new mail.
pub(super) fn insert(tx: &mut dyn Tx, mail: &Mail) -> Result<(), StoreError> {
    let params: [Value; 9] = [
        mail.id.into(),
        mail.tenant.into(),
        mail.account.into(),
        mail.kind.as_str().into(),
        mail.recipient.as_str().into(),
        mail.subject.as_str().into(),
        mail.text.as_str().into(),
        mail.state.word().into(),
        mail.created_at.into(),
    ];
    tx.execute(INSERT, &params)?;
    Ok(())
}

/// One mail.
pub(super) fn by_id(tx: &mut dyn Tx, id: MailId) -> Result<Option<Mail>, StoreError> {
    tx.opt(BY_ID, &[id.into()])
}

/// One mail, locked until the end of the transaction.
pub(super) fn lock(tx: &mut dyn Tx, id: MailId) -> Result<Option<Mail>, StoreError> {
    tx.opt(LOCK, &[id.into()])
}

/// Mails of an account behind `after`, in order.
pub(super) fn page(
    tx: &mut dyn Tx,
    filter: &MailFilter,
    after: Option<MailId>,
    limit: u32,
) -> Result<Vec<Mail>, StoreError> {
    let recipient = filter.recipient.as_deref().unwrap_or_default().to_lowercase();
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let state = filter.state.map_or("", State::word);
    tx.all(PAGE, &[filter.account.into(), after.into(), recipient.into(), state.into(), limit.into()])
}

/// Mails whose time has come, the longest waiting first.
pub(super) fn due(tx: &mut dyn Tx, now: Timestamp, limit: u32) -> Result<Vec<Mail>, StoreError> {
    tx.all(DUE, &[now.into(), limit.into()])
}

/// Takes a mail on its next attempt; `false` when somebody else was faster.
pub(super) fn take(tx: &mut dyn Tx, mail: &Mail) -> Result<bool, StoreError> {
    Ok(tx.execute(TAKE, &[mail.id.into(), mail.attempts.into(), mail.next_try_at.into()])? == 1)
}

/// Keeps what became of a mail.
pub(super) fn update(tx: &mut dyn Tx, mail: &Mail) -> Result<(), StoreError> {
    let params: [Value; 6] = [
        mail.id.into(),
        mail.state.word().into(),
        mail.attempts.into(),
        mail.next_try_at.into(),
        mail.settled_at.into(),
        mail.problem.as_deref().into(),
    ];
    tx.execute(UPDATE, &params)?;
    Ok(())
}

/// Deletes mails that were settled before this; gives how many.
pub(super) fn delete_settled(tx: &mut dyn Tx, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    tx.execute(DELETE_SETTLED, &[before.into(), limit.into()])
}
