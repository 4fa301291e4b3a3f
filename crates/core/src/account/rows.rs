//! The SQL of accounts and holds.

use super::below::Listed;
use super::{Account, Hold, HoldTarget, Path, Reach};
use crate::clock::Timestamp;
use crate::id::{AccountId, HoldId, LicenseId};
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

/// How many accounts [`held_among`] asks about in one statement.
const ASKED_AT_ONCE: usize = 16;

statements! {
    INSERT = "INSERT INTO accounts \
              (id, tenant_id, parent_id, kind, name, path, contact, created_at, modified_at, closed_at, version) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, NULL, 1)";
    BY_ID = "SELECT id, tenant_id, parent_id, kind, name, path, contact, created_at, modified_at, closed_at, version \
             FROM accounts WHERE id = $1";
    LOCK = "SELECT id, tenant_id, parent_id, kind, name, path, contact, created_at, modified_at, closed_at, version \
            FROM accounts WHERE id = $1 FOR NO KEY UPDATE";
    UPDATE = "UPDATE accounts SET name = $2, contact = $3, modified_at = $4, version = $5 WHERE id = $1";
    CLOSE = "UPDATE accounts SET closed_at = $2, modified_at = $2, version = $3 WHERE id = $1";
    NAMESAKES = "SELECT count(*) FROM accounts WHERE parent_id = $1 AND name = $2 AND id <> $3 AND closed_at IS NULL";
    OPEN_CHILDREN = "SELECT count(*) FROM accounts WHERE parent_id = $1 AND closed_at IS NULL";
    LOCK_BRANCH = "SELECT path FROM accounts WHERE path >= $1 AND path < $2 ORDER BY path FOR UPDATE";
    /// The old path of the branch's root begins every path of the branch and is in none a second time.
    MOVE_BRANCH = "UPDATE accounts SET path = replace(path, $1, $3) WHERE path >= $1 AND path < $2";
    INSERT_FORMER_PARENT = "INSERT INTO account_moves (id, tenant_id, account_id, parent_id, until_at) VALUES ($1, $2, $3, $4, $5)";
    MOVE_ROOT = "UPDATE accounts SET parent_id = $2, modified_at = $3, version = $4 WHERE id = $1";
    PAGE_OF_BRANCH = "SELECT id, tenant_id, parent_id, kind, name, path, contact, created_at, modified_at, closed_at, version \
                      FROM accounts WHERE path >= $1 AND path < $2 AND id > $3 ORDER BY id LIMIT $4";
    PAGE_OF_BRANCH_AND_KIND = "SELECT id, tenant_id, parent_id, kind, name, path, contact, created_at, modified_at, closed_at, version \
                      FROM accounts WHERE path >= $1 AND path < $2 AND id > $3 AND kind = $5 ORDER BY id LIMIT $4";
    PAGE_OF_CHILDREN = "SELECT id, tenant_id, parent_id, kind, name, path, contact, created_at, modified_at, closed_at, version \
                        FROM accounts WHERE parent_id = $1 AND id > $2 ORDER BY id LIMIT $3";

    LISTED_IN_BRANCH = "SELECT id, name, kind, path FROM accounts WHERE path >= $1 AND path < $2 \
                        AND (closed_at IS NULL OR closed_at >= $3)";
    LISTED_CHILDREN = "SELECT id, name, kind, path FROM accounts WHERE parent_id = $1 AND (closed_at IS NULL OR closed_at >= $2)";
    IN_BRANCH = "SELECT id, tenant_id, parent_id, kind, name, path, contact, created_at, modified_at, closed_at, version \
                 FROM accounts WHERE path >= $1 AND path < $2 AND (closed_at IS NULL OR closed_at >= $3)";

    INSERT_HOLD = "INSERT INTO holds \
                   (id, tenant_id, account_id, license_id, reach, cause, note, placed_at, placed_by, lifted_at, lifted_by) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL)";
    HOLD = "SELECT id, account_id, license_id, reach, cause, note, placed_at, placed_by, lifted_at, lifted_by \
            FROM holds WHERE id = $1";
    HOLDS_OF_ACCOUNT = "SELECT id, account_id, license_id, reach, cause, note, placed_at, placed_by, lifted_at, lifted_by \
                        FROM holds WHERE account_id = $1 AND lifted_at IS NULL ORDER BY id";
    HOLDS_OF_LICENSE = "SELECT id, account_id, license_id, reach, cause, note, placed_at, placed_by, lifted_at, lifted_by \
                        FROM holds WHERE license_id = $1 AND lifted_at IS NULL ORDER BY id";
    LIFT = "UPDATE holds SET lifted_at = $2, lifted_by = $3 WHERE id = $1 AND lifted_at IS NULL";
    IS_HELD = "WITH RECURSIVE up (id, parent_id, steps) AS ( \
                   SELECT id, parent_id, 0 FROM accounts WHERE id = $1 \
                   UNION ALL SELECT a.id, a.parent_id, up.steps + 1 FROM accounts a JOIN up ON a.id = up.parent_id) \
               SELECT EXISTS (SELECT 1 FROM up JOIN holds h ON h.account_id = up.id \
                              WHERE h.lifted_at IS NULL AND (up.steps = 0 OR h.reach = 'branch'))";
    HELD_AMONG = "WITH RECURSIVE up (asked, id, parent_id, steps) AS ( \
                      SELECT id, id, parent_id, 0 FROM accounts WHERE id IN \
                          ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
                      UNION ALL SELECT up.asked, a.id, a.parent_id, up.steps + 1 \
                      FROM accounts a JOIN up ON a.id = up.parent_id) \
                  SELECT DISTINCT up.asked FROM up JOIN holds h ON h.account_id = up.id \
                  WHERE h.lifted_at IS NULL AND (up.steps = 0 OR h.reach = 'branch')";
}

impl FromRow for Account {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let contact: String = row.get(6)?;
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            parent: row.get(2)?,
            kind: row.get(3)?,
            name: row.get(4)?,
            path: row.get(5)?,
            contact: serde_json::from_str(&contact).map_err(|error| StoreError::column(6, error.to_string()))?,
            created_at: row.get(7)?,
            modified_at: row.get(8)?,
            closed_at: row.get(9)?,
            version: row.get(10)?,
        })
    }
}

pub(crate) fn by_id(tx: &mut dyn Tx, id: AccountId) -> Result<Option<Account>, StoreError> {
    tx.opt(BY_ID, &[id.into()])
}

/// As [`by_id`], and nobody else changes the account until this transaction ends.
pub(crate) fn lock(tx: &mut dyn Tx, id: AccountId) -> Result<Option<Account>, StoreError> {
    tx.opt(LOCK, &[id.into()])
}

pub(super) fn insert(tx: &mut dyn Tx, account: &Account) -> Result<(), StoreError> {
    let params = [
        account.id.into(),
        account.tenant.into(),
        account.parent.into(),
        account.kind.word().into(),
        account.name.as_str().into(),
        (&account.path).into(),
        account.contact.to_string().into(),
        account.created_at.into(),
    ];
    tx.execute(INSERT, &params)?;
    Ok(())
}

pub(super) fn update(tx: &mut dyn Tx, account: &Account) -> Result<(), StoreError> {
    let params = [
        account.id.into(),
        account.name.as_str().into(),
        account.contact.to_string().into(),
        account.modified_at.into(),
        account.version.into(),
    ];
    tx.execute(UPDATE, &params)?;
    Ok(())
}

pub(super) fn close(tx: &mut dyn Tx, id: AccountId, now: Timestamp, version: i64) -> Result<(), StoreError> {
    tx.execute(CLOSE, &[id.into(), now.into(), version.into()])?;
    Ok(())
}

/// How many other open accounts below the same parent have its name.
pub(super) fn namesakes(tx: &mut dyn Tx, account: &Account) -> Result<i64, StoreError> {
    let (count,): (i64,) =
        tx.one(NAMESAKES, &[account.parent.into(), account.name.as_str().into(), account.id.into()])?;
    Ok(count)
}

pub(super) fn open_children(tx: &mut dyn Tx, id: AccountId) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(OPEN_CHILDREN, &[id.into()])?;
    Ok(count)
}

/// Locks a branch and gives how many accounts it has and how many levels, counted from the root of the tree.
///
/// Whoever adds an account holds its parent's lock meanwhile. One added below a child that was not there yet when
/// this statement started is seen by the next, so it is repeated until it sees the same twice.
pub(super) fn lock_branch(tx: &mut dyn Tx, branch: &Path) -> Result<usize, StoreError> {
    let mut before = 0;
    loop {
        let (mut count, mut depth) = (0_u64, 0);
        tx.query(LOCK_BRANCH, &[branch.into(), branch.end().into()], &mut |row| {
            count += 1;
            depth = depth.max(row.get::<Path>(0)?.depth());
            Ok(true)
        })?;
        if count == before {
            return Ok(depth);
        }
        before = count;
    }
}

pub(super) fn move_branch(tx: &mut dyn Tx, from: &Path, to: &Path) -> Result<(), StoreError> {
    tx.execute(MOVE_BRANCH, &[from.into(), from.end().into(), to.into()])?;
    Ok(())
}

pub(super) fn move_root(tx: &mut dyn Tx, account: &Account) -> Result<(), StoreError> {
    let params = [account.id.into(), account.parent.into(), account.modified_at.into(), account.version.into()];
    tx.execute(MOVE_ROOT, &params)?;
    Ok(())
}

/// Keeps below which parent an account stood until it was moved.
pub(super) fn insert_former_parent(
    tx: &mut dyn Tx,
    id: Uuid,
    account: &Account,
    parent: AccountId,
    until: Timestamp,
) -> Result<(), StoreError> {
    let params = [id.into(), account.tenant.into(), account.id.into(), parent.into(), until.into()];
    tx.execute(INSERT_FORMER_PARENT, &params)?;
    Ok(())
}

pub(super) fn page_of_branch(
    tx: &mut dyn Tx,
    branch: &Path,
    kind: Option<super::Kind>,
    after: AccountId,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let params = vec![branch.into(), branch.end().into(), after.into(), limit.into()];
    match kind {
        None => tx.all(PAGE_OF_BRANCH, &params),
        Some(kind) => tx.all(PAGE_OF_BRANCH_AND_KIND, &[params, vec![kind.word().into()]].concat()),
    }
}

pub(super) fn page_of_children(
    tx: &mut dyn Tx,
    parent: AccountId,
    after: AccountId,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    tx.all(PAGE_OF_CHILDREN, &[parent.into(), after.into(), limit.into()])
}

impl FromRow for Listed {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, kind: row.get(2)?, path: row.get(3)? })
    }
}

/// The accounts of a branch, its root among them, that are open or were closed at `until` or later; in no order.
pub(super) fn listed_in_branch(tx: &mut dyn Tx, branch: &Path, until: Timestamp) -> Result<Vec<Listed>, StoreError> {
    tx.all(LISTED_IN_BRANCH, &[branch.into(), branch.end().into(), until.into()])
}

/// As [`listed_in_branch`], those right below an account.
pub(super) fn listed_children(tx: &mut dyn Tx, parent: AccountId, until: Timestamp) -> Result<Vec<Listed>, StoreError> {
    tx.all(LISTED_CHILDREN, &[parent.into(), until.into()])
}

/// As [`listed_in_branch`], with all that is kept of them.
pub(super) fn in_branch(tx: &mut dyn Tx, branch: &Path, until: Timestamp) -> Result<Vec<Account>, StoreError> {
    tx.all(IN_BRANCH, &[branch.into(), branch.end().into(), until.into()])
}

impl FromRow for Hold {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let target = match (row.get::<Option<AccountId>>(1)?, row.get::<Option<LicenseId>>(2)?) {
            (Some(account), None) => HoldTarget::Account(account),
            (None, Some(license)) => HoldTarget::License(license),
            _ => return Err(StoreError::column(1, "a hold is on an account or on a license")),
        };
        Ok(Self {
            id: row.get(0)?,
            target,
            reach: row.get(3)?,
            cause: row.get(4)?,
            note: row.get(5)?,
            placed_at: row.get(6)?,
            placed_by: row.get(7)?,
            lifted_at: row.get(8)?,
            lifted_by: row.get(9)?,
        })
    }
}

pub(super) fn insert_hold(tx: &mut dyn Tx, tenant: AccountId, hold: &Hold) -> Result<(), StoreError> {
    let (account, license) = match hold.target {
        HoldTarget::Account(id) => (id.into(), Value::Null),
        HoldTarget::License(id) => (Value::Null, id.into()),
    };
    let params = [
        hold.id.into(),
        tenant.into(),
        account,
        license,
        Reach::word(hold.reach).into(),
        hold.cause.as_str().into(),
        hold.note.as_str().into(),
        hold.placed_at.into(),
        hold.placed_by.as_str().into(),
    ];
    tx.execute(INSERT_HOLD, &params)?;
    Ok(())
}

pub(super) fn hold(tx: &mut dyn Tx, id: HoldId) -> Result<Option<Hold>, StoreError> {
    tx.opt(HOLD, &[id.into()])
}

/// The holds in force on a target itself, in the order they were placed.
pub(super) fn holds_of(tx: &mut dyn Tx, target: HoldTarget) -> Result<Vec<Hold>, StoreError> {
    match target {
        HoldTarget::Account(id) => tx.all(HOLDS_OF_ACCOUNT, &[id.into()]),
        HoldTarget::License(id) => tx.all(HOLDS_OF_LICENSE, &[id.into()]),
    }
}

pub(super) fn lift(tx: &mut dyn Tx, id: HoldId, now: Timestamp, by: &str) -> Result<(), StoreError> {
    tx.execute(LIFT, &[id.into(), now.into(), by.into()])?;
    Ok(())
}

pub(super) fn is_held(tx: &mut dyn Tx, id: AccountId) -> Result<bool, StoreError> {
    let (held,): (bool,) = tx.one(IS_HELD, &[id.into()])?;
    Ok(held)
}

pub(super) fn held_among(tx: &mut dyn Tx, ids: &[AccountId]) -> Result<Vec<AccountId>, StoreError> {
    let mut held = Vec::new();
    for asked in ids.chunks(ASKED_AT_ONCE) {
        // The same id again fills the places that are left.
        let params: Vec<Value> =
            asked.iter().chain(std::iter::repeat(&asked[0])).take(ASKED_AT_ONCE).map(|id| (*id).into()).collect();
        let found: Vec<(AccountId,)> = tx.all(HELD_AMONG, &params)?;
        held.extend(found.into_iter().map(|(id,)| id));
    }
    Ok(held)
}

/// An id before all others.
pub(super) fn first() -> AccountId {
    AccountId(Uuid::nil())
}
