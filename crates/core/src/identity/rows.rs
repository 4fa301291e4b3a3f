//! The SQL of users, permissions, sessions and API keys.

use super::api_key::ApiKey;
use super::user::User;
use super::{Level, Right};
use crate::account::Path;
use crate::clock::Timestamp;
use crate::context::Grant;
use crate::id::{AccountId, ApiKeyId, UserId};
use lessor_db::{FromRow, Row, StoreError, Tx, statements};
use uuid::Uuid;

statements! {
    INSERT_KEY = "INSERT INTO api_keys \
                  (id, tenant_id, account_id, hash, prefix, label, scopes, draws, created_at, expires_at, revoked_at) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL)";
    KEY = "SELECT id, tenant_id, account_id, prefix, label, scopes, created_at, expires_at, revoked_at \
           FROM api_keys WHERE id = $1";
    KEY_BY_HASH = "SELECT id, tenant_id, account_id, prefix, label, scopes, created_at, expires_at, revoked_at \
                   FROM api_keys WHERE hash = $1 AND revoked_at IS NULL";
    KEY_AND_PATH = "SELECT k.id, k.tenant_id, k.account_id, k.prefix, k.label, k.scopes, k.created_at, k.expires_at, \
                           k.revoked_at, a.path, \
                           EXISTS (SELECT 1 FROM api_keys d WHERE d.tenant_id = k.tenant_id AND d.draws = TRUE \
                                   AND d.revoked_at IS NULL AND (d.expires_at IS NULL OR d.expires_at > $2)) \
                    FROM api_keys k JOIN accounts a ON a.id = k.account_id WHERE k.hash = $1 AND a.closed_at IS NULL";
    KEYS_OF = "SELECT id, tenant_id, account_id, prefix, label, scopes, created_at, expires_at, revoked_at \
               FROM api_keys WHERE account_id = $1 AND id > $2 AND revoked_at IS NULL ORDER BY id LIMIT $3";
    UPDATE_KEY = "UPDATE api_keys SET label = $2, scopes = $3, draws = $4 WHERE id = $1";
    REVOKE_KEY = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1";

    INSERT_USER = "INSERT INTO users \
                   (id, tenant_id, account_id, name, login, password_hash, failures, blocked_until, created_at, modified_at, closed_at, \
                    contact, password_set_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, 0, NULL, $7, $7, NULL, $8, $9)";
    USER = "SELECT id, tenant_id, account_id, name, login, password_hash, failures, blocked_until, created_at, closed_at, \
                 contact, password_set_at, modified_at \
            FROM users WHERE id = $1";
    LOCK_USER = "SELECT id, tenant_id, account_id, name, login, password_hash, failures, blocked_until, created_at, closed_at, \
                 contact, password_set_at, modified_at \
                 FROM users WHERE id = $1 FOR UPDATE";
    LOCK_LOGIN = "SELECT id, tenant_id, account_id, name, login, password_hash, failures, blocked_until, created_at, closed_at, \
                 contact, password_set_at, modified_at \
                  FROM users WHERE login = $1 FOR UPDATE";
    USERS_OF = "SELECT id, tenant_id, account_id, name, login, password_hash, failures, blocked_until, created_at, closed_at, \
                 contact, password_set_at, modified_at \
                FROM users WHERE account_id = $1 AND id > $2 AND closed_at IS NULL ORDER BY id LIMIT $3";
    USERS_BELOW = "SELECT u.id, u.tenant_id, u.account_id, u.name, u.login, u.password_hash, u.failures, u.blocked_until, \
                          u.created_at, u.closed_at, u.contact, u.password_set_at, u.modified_at, a.path \
                   FROM accounts a JOIN users u ON u.account_id = a.id \
                   WHERE a.path >= $1 AND a.path < $2 AND a.closed_at IS NULL AND u.closed_at IS NULL";
    SET_PASSWORD = "UPDATE users SET password_hash = $2, modified_at = $3, password_set_at = $3 WHERE id = $1";
    UPDATE_USER = "UPDATE users SET name = $2, contact = $3, modified_at = $4 WHERE id = $1";
    SET_TRIES = "UPDATE users SET failures = $2, blocked_until = $3 WHERE id = $1";
    CLOSE_USER = "UPDATE users SET closed_at = $2, modified_at = $2 WHERE id = $1";

    PUT_PERMISSION = "INSERT INTO permissions (user_id, account_id, level) VALUES ($1, $2, $3) \
                      ON CONFLICT (user_id, account_id) DO UPDATE SET level = excluded.level";
    DELETE_PERMISSION = "DELETE FROM permissions WHERE user_id = $1 AND account_id = $2";
    PERMISSIONS = "SELECT account_id, level FROM permissions WHERE user_id = $1 ORDER BY account_id";
    GRANTS = "SELECT a.path, p.level FROM permissions p JOIN accounts a ON a.id = p.account_id WHERE p.user_id = $1";

    INSERT_SESSION = "INSERT INTO sessions (hash, user_id, purpose, family, created_at, expires_at, ended_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, NULL)";
    SESSION = "SELECT u.id, u.account_id, u.tenant_id, a.path, s.expires_at FROM sessions s \
               JOIN users u ON u.id = s.user_id JOIN accounts a ON a.id = u.account_id \
               WHERE s.hash = $1 AND s.purpose = $2 AND s.ended_at IS NULL AND u.closed_at IS NULL AND a.closed_at IS NULL";
    REFRESH = "SELECT s.user_id, s.family, s.expires_at FROM sessions s \
               JOIN users u ON u.id = s.user_id JOIN accounts a ON a.id = u.account_id \
               WHERE s.hash = $1 AND s.purpose = $2 AND u.closed_at IS NULL AND a.closed_at IS NULL";
    END_FAMILY = "UPDATE sessions SET ended_at = $2 WHERE family = $1 AND ended_at IS NULL";
    END_SESSION = "UPDATE sessions SET ended_at = $2 WHERE hash = $1 AND ended_at IS NULL";
    END_ALL = "UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL";
    END_PURPOSE = "UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND purpose = $2 AND ended_at IS NULL";
    FORGET_OF_USER = "DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2";
    FORGET = "DELETE FROM sessions WHERE expires_at <= $1";
}

/// A key without limits, among the scopes.
const UNLIMITED: &str = "*";

impl FromRow for ApiKey {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            prefix: row.get(3)?,
            label: row.get(4)?,
            rights: rights(&row.get::<String>(5)?)?,
            created_at: row.get(6)?,
            expires_at: row.get(7)?,
            revoked_at: row.get(8)?,
        })
    }
}

fn rights(scopes: &str) -> Result<Option<Vec<Right>>, StoreError> {
    if scopes == UNLIMITED {
        return Ok(None);
    }
    let rights: Option<Vec<Right>> = scopes.split_ascii_whitespace().map(Right::parse).collect();
    rights.map(Some).ok_or_else(|| StoreError::column(5, format!("{scopes:?} are no scopes")))
}

fn scopes(rights: Option<&[Right]>) -> String {
    let Some(rights) = rights else { return UNLIMITED.into() };
    rights.iter().map(Right::as_str).collect::<Vec<_>>().join(" ")
}

/// Is the key made for drawing the stream? One that may make keys only carries the right to give it on.
fn draws(key: &ApiKey) -> bool {
    let rights = key.rights.as_deref().unwrap_or_default();
    rights.contains(&Right::STREAM_READ) && !rights.contains(&Right::IDENTITY_WRITE)
}

pub(super) fn insert_key(tx: &mut dyn Tx, key: &ApiKey, hash: &[u8; 32]) -> Result<(), StoreError> {
    let params = [
        key.id.into(),
        key.tenant.into(),
        key.account.into(),
        (*hash).into(),
        key.prefix.as_str().into(),
        key.label.as_str().into(),
        scopes(key.rights.as_deref()).into(),
        draws(key).into(),
        key.created_at.into(),
        key.expires_at.into(),
    ];
    tx.execute(INSERT_KEY, &params)?;
    Ok(())
}

pub(super) fn key(tx: &mut dyn Tx, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
    tx.opt(KEY, &[id.into()])
}

pub(super) fn key_by_hash(tx: &mut dyn Tx, hash: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
    tx.opt(KEY_BY_HASH, &[(*hash).into()])
}

struct KeyAndPath(ApiKey, Path, bool);

impl FromRow for KeyAndPath {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self(ApiKey::from_row(row)?, row.get(9)?, row.get(10)?))
    }
}

/// A key of an open account, revoked or not, where the account stands, and whether the tenant's stream is drawn.
pub(super) fn key_and_path(
    tx: &mut dyn Tx,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(ApiKey, Path, bool)>, StoreError> {
    let found: Option<KeyAndPath> = tx.opt(KEY_AND_PATH, &[(*hash).into(), now.into()])?;
    Ok(found.map(|KeyAndPath(key, path, draws)| (key, path, draws)))
}

pub(super) fn keys_of(
    tx: &mut dyn Tx,
    account: AccountId,
    after: Option<ApiKeyId>,
    limit: u32,
) -> Result<Vec<ApiKey>, StoreError> {
    let after = after.unwrap_or(ApiKeyId(Uuid::nil()));
    tx.all(KEYS_OF, &[account.into(), after.into(), limit.into()])
}

pub(super) fn update_key(tx: &mut dyn Tx, key: &ApiKey) -> Result<(), StoreError> {
    let params = [key.id.into(), key.label.as_str().into(), scopes(key.rights.as_deref()).into(), draws(key).into()];
    tx.execute(UPDATE_KEY, &params)?;
    Ok(())
}

pub(super) fn revoke_key(tx: &mut dyn Tx, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(REVOKE_KEY, &[id.into(), now.into()])?;
    Ok(())
}

struct UserAndPath(UserRow, Path);

impl FromRow for UserAndPath {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self(UserRow::from_row(row)?, row.get(13)?))
    }
}

/// The open users of the open accounts of a branch with the places of these, in no order.
pub(super) fn users_below(tx: &mut dyn Tx, branch: &Path) -> Result<Vec<(User, Path)>, StoreError> {
    let found: Vec<UserAndPath> = tx.all(USERS_BELOW, &[branch.into(), branch.end().into()])?;
    Ok(found.into_iter().map(|UserAndPath(row, path)| (row.user, path)).collect())
}

/// A user with what only signing in needs.
#[derive(Clone)]
pub(super) struct UserRow {
    pub user: User,
    pub password_hash: Option<String>,
    pub failures: i64,
}

impl FromRow for UserRow {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let password_hash: Option<String> = row.get(5)?;
        let user = User {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            name: row.get(3)?,
            login: row.get(4)?,
            has_password: password_hash.is_some(),
            created_at: row.get(8)?,
            closed_at: row.get(9)?,
            contact: contact(&row.get::<String>(10)?)?,
            password_set_at: row.get(11)?,
            blocked_until: row.get(7)?,
            modified_at: row.get(12)?,
        };
        Ok(Self { user, password_hash, failures: row.get(6)? })
    }
}

pub(super) fn insert_user(tx: &mut dyn Tx, user: &User, password_hash: Option<&str>) -> Result<(), StoreError> {
    let params = [
        user.id.into(),
        user.tenant.into(),
        user.account.into(),
        user.name.as_str().into(),
        user.login.as_str().into(),
        password_hash.into(),
        user.created_at.into(),
        user.contact.to_string().into(),
        user.password_set_at.into(),
    ];
    tx.execute(INSERT_USER, &params)?;
    Ok(())
}

fn contact(text: &str) -> Result<serde_json::Value, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::column(10, error.to_string()))
}

/// Keeps a user's name and contact.
pub(super) fn update_user(tx: &mut dyn Tx, user: &User) -> Result<(), StoreError> {
    let params = [user.id.into(), user.name.as_str().into(), user.contact.to_string().into(), user.modified_at.into()];
    tx.execute(UPDATE_USER, &params)?;
    Ok(())
}

pub(super) fn user(tx: &mut dyn Tx, id: UserId) -> Result<Option<UserRow>, StoreError> {
    tx.opt(USER, &[id.into()])
}

pub(super) fn lock_user(tx: &mut dyn Tx, id: UserId) -> Result<Option<UserRow>, StoreError> {
    tx.opt(LOCK_USER, &[id.into()])
}

pub(super) fn lock_login(tx: &mut dyn Tx, login: &str) -> Result<Option<UserRow>, StoreError> {
    tx.opt(LOCK_LOGIN, &[login.into()])
}

pub(super) fn users_of(
    tx: &mut dyn Tx,
    account: AccountId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<User>, StoreError> {
    let after = after.unwrap_or(UserId(Uuid::nil()));
    let found: Vec<UserRow> = tx.all(USERS_OF, &[account.into(), after.into(), limit.into()])?;
    Ok(found.into_iter().map(|row| row.user).collect())
}

pub(super) fn set_password(tx: &mut dyn Tx, id: UserId, hash: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(SET_PASSWORD, &[id.into(), hash.into(), now.into()])?;
    Ok(())
}

pub(super) fn set_tries(
    tx: &mut dyn Tx,
    id: UserId,
    failures: i64,
    blocked_until: Option<Timestamp>,
) -> Result<(), StoreError> {
    tx.execute(SET_TRIES, &[id.into(), failures.into(), blocked_until.into()])?;
    Ok(())
}

pub(super) fn close_user(tx: &mut dyn Tx, id: UserId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(CLOSE_USER, &[id.into(), now.into()])?;
    Ok(())
}

pub(super) fn put_permission(
    tx: &mut dyn Tx,
    user: UserId,
    account: AccountId,
    level: Level,
) -> Result<(), StoreError> {
    tx.execute(PUT_PERMISSION, &[user.into(), account.into(), level.word().into()])?;
    Ok(())
}

pub(super) fn delete_permission(tx: &mut dyn Tx, user: UserId, account: AccountId) -> Result<(), StoreError> {
    tx.execute(DELETE_PERMISSION, &[user.into(), account.into()])?;
    Ok(())
}

pub(super) fn permissions(tx: &mut dyn Tx, user: UserId) -> Result<Vec<(AccountId, Level)>, StoreError> {
    tx.all(PERMISSIONS, &[user.into()])
}

impl FromRow for Grant {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { path: row.get(0)?, level: row.get(1)? })
    }
}

pub(super) fn grants(tx: &mut dyn Tx, user: UserId) -> Result<Vec<Grant>, StoreError> {
    tx.all(GRANTS, &[user.into()])
}

pub(super) fn insert_session(
    tx: &mut dyn Tx,
    hash: &[u8; 32],
    user: UserId,
    purpose: &str,
    family: Option<Uuid>,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    let params = [(*hash).into(), user.into(), purpose.into(), family.into(), now.into(), expires_at.into()];
    tx.execute(INSERT_SESSION, &params)?;
    Ok(())
}

/// A session or link that was not ended, of an open user of an open account.
pub(super) struct SessionRow {
    pub user: UserId,
    pub account: AccountId,
    pub tenant: AccountId,
    pub path: Path,
    pub expires_at: Timestamp,
}

impl FromRow for SessionRow {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            user: row.get(0)?,
            account: row.get(1)?,
            tenant: row.get(2)?,
            path: row.get(3)?,
            expires_at: row.get(4)?,
        })
    }
}

pub(super) fn session(tx: &mut dyn Tx, hash: &[u8; 32], purpose: &str) -> Result<Option<SessionRow>, StoreError> {
    tx.opt(SESSION, &[(*hash).into(), purpose.into()])
}

/// A refresh token, used or not, of an open user of an open account: whose it is, of which sign-in, until when.
pub(super) fn refresh(
    tx: &mut dyn Tx,
    hash: &[u8; 32],
    purpose: &str,
) -> Result<Option<(UserId, Uuid, Timestamp)>, StoreError> {
    tx.opt(REFRESH, &[(*hash).into(), purpose.into()])
}

/// Ends all that came of one sign-in.
pub(super) fn end_family(tx: &mut dyn Tx, family: Uuid, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(END_FAMILY, &[family.into(), now.into()])?;
    Ok(())
}

/// Ends one; `false` when it was ended before.
pub(super) fn end_session(tx: &mut dyn Tx, hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(END_SESSION, &[(*hash).into(), now.into()])? == 1)
}

pub(super) fn end_all(tx: &mut dyn Tx, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(END_ALL, &[user.into(), now.into()])?;
    Ok(())
}

pub(super) fn end_purpose(tx: &mut dyn Tx, user: UserId, purpose: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(END_PURPOSE, &[user.into(), purpose.into(), now.into()])?;
    Ok(())
}

pub(super) fn forget_of_user(tx: &mut dyn Tx, user: UserId, before: Timestamp) -> Result<(), StoreError> {
    tx.execute(FORGET_OF_USER, &[user.into(), before.into()])?;
    Ok(())
}

pub(super) fn forget(tx: &mut dyn Tx, before: Timestamp) -> Result<u64, StoreError> {
    tx.execute(FORGET, &[before.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_back_as_they_were_written() {
        let some = Some(vec![Right::OFFLINE, Right::EVENTS_READ]);
        assert_eq!(rights(&scopes(some.as_deref())).expect("scopes"), some);
        assert_eq!(rights(&scopes(None)).expect("scopes"), None);
        assert!(rights("licenses:write NONSENSE").is_err());
    }
}
