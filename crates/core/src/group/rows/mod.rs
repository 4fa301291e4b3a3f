//! The SQL of groups and of the licenses in them.

pub(crate) mod end_users;

use super::{Group, GroupFilter, GroupLicense};
use crate::account::Path;
use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::clock::Timestamp;
use crate::id::{AccountId, GroupId, LicenseId, ProductId};
use crate::page::Start;
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

macro_rules! group_columns {
    () => {
        "SELECT g.id, g.tenant_id, g.account_id, g.kind, g.master_id, g.name, g.description, g.created_at, g.modified_at, \
         g.version"
    };
}

macro_rules! license_columns {
    () => {
        "SELECT x.license_id, x.product_id, l.code, x.group_id, x.added_at"
    };
}

statements! {
    INSERT_GROUP = "INSERT INTO user_groups (id, tenant_id, account_id, kind, master_id, name, description, created_at, \
                    modified_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 1)";
    UPDATE_GROUP = "UPDATE user_groups SET account_id = $2, kind = $3, master_id = $4, name = $5, description = $6, \
                    modified_at = $7, version = $8 WHERE id = $1";
    GROUP = concat!(group_columns!(), " FROM user_groups g WHERE g.id = $1");
    /// Not `FOR UPDATE`, which would stop whoever adds a user or a license: those refer to its row.
    LOCK_GROUP = concat!(group_columns!(), " FROM user_groups g WHERE g.id = $1 FOR NO KEY UPDATE");
    GROUPS = concat!(group_columns!(),
        ", a.path FROM user_groups g JOIN accounts a ON a.id = g.account_id \
         WHERE g.id > $1 AND a.path >= $2 AND a.path < $3 \
         AND (CAST($4 AS BIGINT) = 0 OR g.master_id = $5) ORDER BY g.id LIMIT $6");
    GROUPS_NAMED = concat!(group_columns!(),
        ", a.path FROM user_groups g JOIN accounts a ON a.id = g.account_id \
         WHERE g.id > $1 AND a.path >= $2 AND a.path < $3 \
         AND (CAST($4 AS BIGINT) = 0 OR g.master_id = $5) AND g.name = $7 ORDER BY g.id LIMIT $6");
    GROUPS_OF_TENANT = concat!(group_columns!(),
        " FROM user_groups g WHERE g.tenant_id = $1 AND g.id > $2 ORDER BY g.id LIMIT $3 OFFSET $4");
    COUNT_OF_TENANT = "SELECT count(*) FROM user_groups WHERE tenant_id = $1";
    GROUPS_BELOW = concat!(
        "SELECT g.master_id, g.id, g.name FROM user_groups g WHERE g.master_id IN (", fifty!(), ") \
         ORDER BY g.master_id, g.id");
    LOCK_BELOW = concat!(group_columns!(), " FROM user_groups g WHERE g.master_id = $1 ORDER BY g.id FOR NO KEY UPDATE");
    LOCK_OF_ACCOUNT = concat!(group_columns!(), " FROM user_groups g WHERE g.account_id = $1 ORDER BY g.id FOR NO KEY UPDATE");
    HAS_GROUPS_BELOW = "SELECT EXISTS (SELECT 1 FROM user_groups WHERE master_id = $1)";
    FORGET_NAMES = "DELETE FROM aliases WHERE record_id = $1";
    FORGET_ATTRIBUTES = "DELETE FROM attributes WHERE record_id = $1";
    DELETE_GROUP = "DELETE FROM user_groups WHERE id = $1";

    INSERT_LICENSE = "INSERT INTO group_licenses (license_id, group_id, product_id, added_at) VALUES ($1, $2, $3, $4) \
                      ON CONFLICT (license_id) DO NOTHING";
    GROUP_LICENSE = concat!(license_columns!(),
        " FROM group_licenses x JOIN licenses l ON l.id = x.license_id WHERE x.license_id = $1");
    COUNT_LICENSES = "SELECT count(*) FROM group_licenses WHERE group_id = $1";
    LICENSES = concat!(license_columns!(),
        ", a.path FROM group_licenses x JOIN licenses l ON l.id = x.license_id JOIN accounts a ON a.id = l.account_id \
         WHERE x.group_id = $1 AND x.license_id > $2 AND a.path >= $3 AND a.path < $4 ORDER BY x.license_id LIMIT $5");
    LICENSES_OF_GROUPS = concat!(license_columns!(),
        " FROM group_licenses x JOIN licenses l ON l.id = x.license_id \
         WHERE x.group_id IN (", fifty!(), ") ORDER BY x.group_id, x.added_at, x.license_id");
    LICENSES_FOR = "SELECT license_id FROM group_licenses WHERE group_id = $1 AND product_id = $2 \
                    ORDER BY added_at, license_id LIMIT $3";
    LICENSES_BELOW_FOR = "SELECT x.license_id FROM user_groups g JOIN group_licenses x ON x.group_id = g.id \
                          WHERE g.master_id = $1 AND x.product_id = $2 ORDER BY g.id, x.added_at, x.license_id LIMIT $3";
    DELETE_LICENSE = "DELETE FROM group_licenses WHERE license_id = $1";
    DELETE_LICENSES = "DELETE FROM group_licenses WHERE group_id = $1";
}

impl FromRow for Group {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            kind: row.get(3)?,
            master: row.get(4)?,
            name: row.get(5)?,
            description: row.get(6)?,
            created_at: row.get(7)?,
            modified_at: row.get(8)?,
            version: row.get(9)?,
        })
    }
}

impl FromRow for GroupLicense {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            license: row.get(0)?,
            product: row.get(1)?,
            code: row.get(2)?,
            group: row.get(3)?,
            added_at: row.get(4)?,
        })
    }
}

/// A record and where its account stands, the path being the last column.
struct Placed<T>(T, Path);

impl FromRow for Placed<Group> {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self(Group::from_row(row)?, row.get(10)?))
    }
}

impl FromRow for Placed<GroupLicense> {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self(GroupLicense::from_row(row)?, row.get(5)?))
    }
}

fn pairs<T>(placed: Vec<Placed<T>>) -> Vec<(T, Path)> {
    placed.into_iter().map(|Placed(record, path)| (record, path)).collect()
}

pub(super) fn insert_group(tx: &mut dyn Tx, group: &Group) -> Result<(), StoreError> {
    let params = [
        group.id.into(),
        group.tenant.into(),
        group.account.into(),
        group.kind.word().into(),
        group.master.into(),
        group.name.as_str().into(),
        group.description.as_str().into(),
        group.created_at.into(),
    ];
    tx.execute(INSERT_GROUP, &params)?;
    Ok(())
}

pub(super) fn update_group(tx: &mut dyn Tx, group: &Group) -> Result<(), StoreError> {
    let params = [
        group.id.into(),
        group.account.into(),
        group.kind.word().into(),
        group.master.into(),
        group.name.as_str().into(),
        group.description.as_str().into(),
        group.modified_at.into(),
        group.version.into(),
    ];
    tx.execute(UPDATE_GROUP, &params)?;
    Ok(())
}

pub(super) fn group(tx: &mut dyn Tx, id: GroupId) -> Result<Option<Group>, StoreError> {
    tx.opt(GROUP, &[id.into()])
}

pub(super) fn lock_group(tx: &mut dyn Tx, id: GroupId) -> Result<Option<Group>, StoreError> {
    tx.opt(LOCK_GROUP, &[id.into()])
}

pub(super) fn groups(
    tx: &mut dyn Tx,
    branch: &Path,
    filter: &GroupFilter,
    after: Uuid,
    limit: u32,
) -> Result<Vec<(Group, Path)>, StoreError> {
    let mut params: Vec<Value> = vec![
        after.into(),
        branch.into(),
        branch.end().into(),
        i64::from(filter.master.is_some()).into(),
        filter.master.unwrap_or(GroupId(Uuid::nil())).into(),
        limit.into(),
    ];
    let Some(name) = &filter.name else { return Ok(pairs(tx.all(GROUPS, &params)?)) };
    params.push(name.into());
    Ok(pairs(tx.all(GROUPS_NAMED, &params)?))
}

/// A page of a tenant's groups in the order they were made.
pub(super) fn of_tenant(
    tx: &mut dyn Tx,
    tenant: AccountId,
    start: Start,
    limit: u32,
) -> Result<Vec<Group>, StoreError> {
    let [after, limit, offset] = start.params(limit);
    tx.all(GROUPS_OF_TENANT, &[tenant.into(), after, limit, offset])
}

pub(super) fn count_of_tenant(tx: &mut dyn Tx, tenant: AccountId) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT_OF_TENANT, &[tenant.into()])?;
    Ok(count)
}

/// Of groups below these: master, id and name, in the order they were made.
pub(super) fn below(tx: &mut dyn Tx, masters: &[Uuid]) -> Result<Vec<(GroupId, GroupId, String)>, StoreError> {
    let mut found = Vec::new();
    for some in masters.chunks(CHUNK) {
        found.extend(tx.all(GROUPS_BELOW, &padded(some))?);
    }
    Ok(found)
}

pub(super) fn lock_below(tx: &mut dyn Tx, master: GroupId) -> Result<Vec<Group>, StoreError> {
    tx.all(LOCK_BELOW, &[master.into()])
}

pub(super) fn lock_of_account(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Group>, StoreError> {
    tx.all(LOCK_OF_ACCOUNT, &[account.into()])
}

/// The licenses of groups, each group's in the order they were added.
pub(super) fn licenses_of(tx: &mut dyn Tx, groups: &[Uuid]) -> Result<Vec<GroupLicense>, StoreError> {
    let mut found = Vec::new();
    for some in groups.chunks(CHUNK) {
        found.extend(tx.all(LICENSES_OF_GROUPS, &padded(some))?);
    }
    Ok(found)
}

pub(super) fn has_groups_below(tx: &mut dyn Tx, id: GroupId) -> Result<bool, StoreError> {
    let (has,): (bool,) = tx.one(HAS_GROUPS_BELOW, &[id.into()])?;
    Ok(has)
}

/// Deletes a group that has no end users any more; its licenses are in no group then.
pub(super) fn delete_group(tx: &mut dyn Tx, id: GroupId) -> Result<(), StoreError> {
    for statement in [DELETE_LICENSES, FORGET_NAMES, FORGET_ATTRIBUTES, DELETE_GROUP] {
        tx.execute(statement, &[id.into()])?;
    }
    Ok(())
}

/// Puts a license into a group; `false` when it is in one already.
pub(super) fn insert_license(
    tx: &mut dyn Tx,
    group: &Group,
    license: LicenseId,
    product: ProductId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(tx.execute(INSERT_LICENSE, &[license.into(), group.id.into(), product.into(), now.into()])? == 1)
}

pub(super) fn group_license(tx: &mut dyn Tx, license: LicenseId) -> Result<Option<GroupLicense>, StoreError> {
    tx.opt(GROUP_LICENSE, &[license.into()])
}

pub(super) fn count_licenses(tx: &mut dyn Tx, group: GroupId) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT_LICENSES, &[group.into()])?;
    Ok(count)
}

pub(super) fn licenses(
    tx: &mut dyn Tx,
    branch: &Path,
    group: GroupId,
    after: Uuid,
    limit: u32,
) -> Result<Vec<(GroupLicense, Path)>, StoreError> {
    Ok(pairs(tx.all(LICENSES, &[group.into(), after.into(), branch.into(), branch.end().into(), limit.into()])?))
}

pub(super) fn licenses_for(
    tx: &mut dyn Tx,
    group: GroupId,
    product: ProductId,
    limit: u32,
) -> Result<Vec<LicenseId>, StoreError> {
    let found: Vec<(LicenseId,)> = tx.all(LICENSES_FOR, &[group.into(), product.into(), limit.into()])?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

pub(super) fn licenses_below_for(
    tx: &mut dyn Tx,
    master: GroupId,
    product: ProductId,
    limit: u32,
) -> Result<Vec<LicenseId>, StoreError> {
    let found: Vec<(LicenseId,)> = tx.all(LICENSES_BELOW_FOR, &[master.into(), product.into(), limit.into()])?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Takes a license out of its group, if it is in one.
pub(crate) fn delete_license(tx: &mut dyn Tx, license: LicenseId) -> Result<(), StoreError> {
    tx.execute(DELETE_LICENSE, &[license.into()])?;
    Ok(())
}
