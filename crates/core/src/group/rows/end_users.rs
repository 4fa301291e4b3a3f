//! The SQL of end users.

use super::{Placed, pairs};
use crate::account::Path;
use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::clock::Timestamp;
use crate::group::{EndUser, EndUserFilter};
use crate::id::{AccountId, ActivationId, EndUserId, GroupId, LicenseId};
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

macro_rules! end_user_columns {
    () => {
        "SELECT u.id, u.tenant_id, u.group_id, u.user_name, u.first_name, u.last_name, u.email, u.telephone, u.document, \
         u.master, u.created_at, u.modified_at, u.version"
    };
}

macro_rules! end_users_seen {
    () => {
        concat!(
            end_user_columns!(),
            ", a.path FROM end_users u JOIN user_groups g ON g.id = u.group_id JOIN accounts a ON a.id = g.account_id \
             WHERE u.id > $1 AND a.path >= $2 AND a.path < $3 "
        )
    };
}

macro_rules! tries_columns {
    () => {
        "SELECT u.id, u.password_hash, u.failures, u.blocked_until, g.account_id \
         FROM end_users u JOIN user_groups g ON g.id = u.group_id "
    };
}

/// What end users have in use, and of which license, in the order in which everybody locks licenses.
macro_rules! signed_in {
    () => {
        "SELECT a.license_id, a.id FROM sign_ins s JOIN activations a ON a.id = s.activation_id \
         WHERE a.state = 'active' AND a.license_id IS NOT NULL AND "
    };
}

statements! {
    INSERT_END_USER = "INSERT INTO end_users (id, tenant_id, group_id, user_name, password_hash, failures, blocked_until, \
                       first_name, last_name, email, telephone, document, master, created_at, modified_at, version) \
                       VALUES ($1, $2, $3, $4, $5, 0, NULL, $6, $7, $8, $9, $10, $11, $12, $12, 1)";
    UPDATE_END_USER = "UPDATE end_users SET group_id = $2, user_name = $3, first_name = $4, last_name = $5, email = $6, \
                       telephone = $7, document = $8, master = $9, modified_at = $10, version = $11 WHERE id = $1";
    END_USER = concat!(end_user_columns!(), " FROM end_users u WHERE u.id = $1");
    LOCK_END_USER = concat!(end_user_columns!(), " FROM end_users u WHERE u.id = $1 FOR UPDATE");
    END_USERS = concat!(end_users_seen!(), "ORDER BY u.id LIMIT $4");
    END_USERS_OF_GROUP = concat!(end_users_seen!(), "AND u.group_id = $5 ORDER BY u.id LIMIT $4");
    END_USERS_NAMED = concat!(end_users_seen!(),
        "AND u.user_name = $5 AND (CAST($6 AS BIGINT) = 0 OR u.group_id = $7) ORDER BY u.id LIMIT $4");
    END_USERS_OF_GROUPS = concat!(end_user_columns!(),
        " FROM end_users u WHERE u.group_id IN (", fifty!(), ") ORDER BY u.group_id, u.id");
    SET_PASSWORD = "UPDATE end_users SET password_hash = $2, failures = 0, blocked_until = NULL, modified_at = $3, \
                    version = version + 1 WHERE id = $1";
    FAILURES = "SELECT failures FROM end_users WHERE id = $1";
    SET_TRIES = "UPDATE end_users SET failures = $2, blocked_until = $3 WHERE id = $1";
    LOCK_TRIES = concat!(tries_columns!(), "WHERE u.user_name = $2 AND u.tenant_id = $1 FOR UPDATE OF u");
    LOCK_TRIES_OF = concat!(tries_columns!(), "WHERE u.id = $1 FOR UPDATE OF u");
    FORGET_NAMES = "DELETE FROM aliases WHERE record_id = $1";
    FORGET_ATTRIBUTES = "DELETE FROM attributes WHERE record_id = $1";
    DELETE_END_USER = "DELETE FROM end_users WHERE id = $1";
    FORGET_NAMES_OF_GROUP = "DELETE FROM aliases WHERE record_id IN (SELECT id FROM end_users WHERE group_id = $1)";
    FORGET_ATTRIBUTES_OF_GROUP = "DELETE FROM attributes WHERE record_id IN (SELECT id FROM end_users WHERE group_id = $1)";
    DELETE_END_USERS = "DELETE FROM end_users WHERE group_id = $1";

    /// Nobody deletes the user until the transaction ends; whoever changes it or signs in as it is not stopped.
    KEEP_END_USER = "SELECT id FROM end_users WHERE id = $1 FOR KEY SHARE";
    LOCK_OF_GROUP = "SELECT id FROM end_users WHERE group_id = $1 ORDER BY id FOR UPDATE";
    SIGN_IN = "INSERT INTO sign_ins (activation_id, end_user_id) VALUES ($1, $2) \
               ON CONFLICT (activation_id) DO UPDATE SET end_user_id = excluded.end_user_id";
    SIGNED_IN = concat!(signed_in!(), "s.end_user_id = $1 ORDER BY a.license_id, a.id");
    SIGNED_IN_OF_GROUP = concat!(signed_in!(),
        "s.end_user_id IN (SELECT id FROM end_users WHERE group_id = $1) ORDER BY a.license_id, a.id");
    FORGET_SIGN_INS = "DELETE FROM sign_ins WHERE end_user_id = $1";
    FORGET_SIGN_INS_OF_GROUP = "DELETE FROM sign_ins WHERE end_user_id IN (SELECT id FROM end_users WHERE group_id = $1)";
}

impl FromRow for EndUser {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let document: String = row.get(8)?;
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            group: row.get(2)?,
            user_name: row.get(3)?,
            first_name: row.get(4)?,
            last_name: row.get(5)?,
            email: row.get(6)?,
            telephone: row.get(7)?,
            // Without a document, `null`.
            document: serde_json::from_str(&document).map_err(|error| StoreError::column(8, error.to_string()))?,
            master: row.get(9)?,
            created_at: row.get(10)?,
            modified_at: row.get(11)?,
            version: row.get(12)?,
        })
    }
}

impl FromRow for Placed<EndUser> {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self(EndUser::from_row(row)?, row.get(13)?))
    }
}

fn document_text(user: &EndUser) -> String {
    user.document.as_ref().map_or_else(|| "null".to_owned(), ToString::to_string)
}

pub(crate) fn insert_end_user(tx: &mut dyn Tx, user: &EndUser, password_hash: &str) -> Result<(), StoreError> {
    let params = [
        user.id.into(),
        user.tenant.into(),
        user.group.into(),
        user.user_name.as_str().into(),
        password_hash.into(),
        user.first_name.as_str().into(),
        user.last_name.as_str().into(),
        user.email.as_str().into(),
        user.telephone.as_str().into(),
        document_text(user).into(),
        user.master.into(),
        user.created_at.into(),
    ];
    tx.execute(INSERT_END_USER, &params)?;
    Ok(())
}

pub(crate) fn update_end_user(tx: &mut dyn Tx, user: &EndUser) -> Result<(), StoreError> {
    let params = [
        user.id.into(),
        user.group.into(),
        user.user_name.as_str().into(),
        user.first_name.as_str().into(),
        user.last_name.as_str().into(),
        user.email.as_str().into(),
        user.telephone.as_str().into(),
        document_text(user).into(),
        user.master.into(),
        user.modified_at.into(),
        user.version.into(),
    ];
    tx.execute(UPDATE_END_USER, &params)?;
    Ok(())
}

pub(crate) fn end_user(tx: &mut dyn Tx, id: EndUserId) -> Result<Option<EndUser>, StoreError> {
    tx.opt(END_USER, &[id.into()])
}

pub(crate) fn lock_end_user(tx: &mut dyn Tx, id: EndUserId) -> Result<Option<EndUser>, StoreError> {
    tx.opt(LOCK_END_USER, &[id.into()])
}

pub(crate) fn end_users(
    tx: &mut dyn Tx,
    branch: &Path,
    filter: &EndUserFilter,
    after: Uuid,
    limit: u32,
) -> Result<Vec<(EndUser, Path)>, StoreError> {
    let mut params: Vec<Value> = vec![after.into(), branch.into(), branch.end().into(), limit.into()];
    let statement = match (&filter.user_name, filter.group) {
        (None, None) => END_USERS,
        (None, Some(group)) => {
            params.push(group.into());
            END_USERS_OF_GROUP
        }
        (Some(name), group) => {
            let group_or_none = group.unwrap_or(GroupId(Uuid::nil()));
            params.extend([name.into(), i64::from(group.is_some()).into(), group_or_none.into()]);
            END_USERS_NAMED
        }
    };
    Ok(pairs(tx.all(statement, &params)?))
}

pub(crate) fn set_password(tx: &mut dyn Tx, id: EndUserId, hash: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(SET_PASSWORD, &[id.into(), hash.into(), now.into()])?;
    Ok(())
}

pub(crate) fn failures(tx: &mut dyn Tx, id: EndUserId) -> Result<i64, StoreError> {
    let (failures,): (i64,) = tx.one(FAILURES, &[id.into()])?;
    Ok(failures)
}

pub(crate) fn set_tries(
    tx: &mut dyn Tx,
    id: EndUserId,
    failures: i64,
    blocked_until: Option<Timestamp>,
) -> Result<(), StoreError> {
    tx.execute(SET_TRIES, &[id.into(), failures.into(), blocked_until.into()])?;
    Ok(())
}

/// What signing in needs of an end user.
#[derive(Clone)]
pub(crate) struct Tries {
    pub id: EndUserId,
    pub password_hash: String,
    pub failures: i64,
    pub blocked_until: Option<Timestamp>,
    /// The account of its group.
    pub account: AccountId,
}

impl FromRow for Tries {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            password_hash: row.get(1)?,
            failures: row.get(2)?,
            blocked_until: row.get(3)?,
            account: row.get(4)?,
        })
    }
}

pub(crate) fn lock_tries(tx: &mut dyn Tx, tenant: AccountId, user_name: &str) -> Result<Option<Tries>, StoreError> {
    tx.opt(LOCK_TRIES, &[tenant.into(), user_name.into()])
}

pub(crate) fn lock_tries_of(tx: &mut dyn Tx, id: EndUserId) -> Result<Option<Tries>, StoreError> {
    tx.opt(LOCK_TRIES_OF, &[id.into()])
}

pub(crate) fn delete_end_user(tx: &mut dyn Tx, id: EndUserId) -> Result<(), StoreError> {
    for statement in [FORGET_SIGN_INS, FORGET_NAMES, FORGET_ATTRIBUTES, DELETE_END_USER] {
        tx.execute(statement, &[id.into()])?;
    }
    Ok(())
}

/// Deletes the end users of a group; gives how many there were.
pub(crate) fn delete_of_group(tx: &mut dyn Tx, id: GroupId) -> Result<u64, StoreError> {
    for statement in [FORGET_SIGN_INS_OF_GROUP, FORGET_NAMES_OF_GROUP, FORGET_ATTRIBUTES_OF_GROUP] {
        tx.execute(statement, &[id.into()])?;
    }
    tx.execute(DELETE_END_USERS, &[id.into()])
}

/// The end users of groups, each group's in the order they were made.
pub(crate) fn of_groups(tx: &mut dyn Tx, groups: &[Uuid]) -> Result<Vec<EndUser>, StoreError> {
    let mut found = Vec::new();
    for some in groups.chunks(CHUNK) {
        found.extend(tx.all(END_USERS_OF_GROUPS, &padded(some))?);
    }
    Ok(found)
}

/// Keeps an end user from being deleted until the transaction ends; `false` when it is not there.
pub(crate) fn keep(tx: &mut dyn Tx, id: EndUserId) -> Result<bool, StoreError> {
    Ok(tx.opt::<(EndUserId,)>(KEEP_END_USER, &[id.into()])?.is_some())
}

/// Locks all end users of a group.
pub(crate) fn lock_of_group(tx: &mut dyn Tx, id: GroupId) -> Result<(), StoreError> {
    tx.all::<(EndUserId,)>(LOCK_OF_GROUP, &[id.into()]).map(|_| ())
}

/// Keeps who signed in for an activation.
pub(crate) fn sign_in(tx: &mut dyn Tx, activation: ActivationId, end_user: EndUserId) -> Result<(), StoreError> {
    tx.execute(SIGN_IN, &[activation.into(), end_user.into()])?;
    Ok(())
}

/// The activations in use that an end user signed in for.
pub(crate) fn signed_in(tx: &mut dyn Tx, id: EndUserId) -> Result<Vec<(LicenseId, ActivationId)>, StoreError> {
    tx.all(SIGNED_IN, &[id.into()])
}

/// The activations in use that the end users of a group signed in for.
pub(crate) fn signed_in_of_group(tx: &mut dyn Tx, id: GroupId) -> Result<Vec<(LicenseId, ActivationId)>, StoreError> {
    tx.all(SIGNED_IN_OF_GROUP, &[id.into()])
}
