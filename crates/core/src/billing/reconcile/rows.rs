//! The SQL of reconciliations and remembered names.

use super::names::{Bound, RememberedName};
use super::{ReconciledRow, Reconciliation};
use crate::account::Account;
use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::id::{AccountId, MeterId, ReconciliationId, RememberedNameId};
use crate::metering::day::Month;
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

/// Rows of a reconciliation that are kept together: there may be a hundred thousand, and they are only ever read in their order.
const SHEET: usize = 250;

macro_rules! reconciliations {
    ($rest:literal) => {
        concat!("SELECT id, tenant_id, account_id, month, summary, created_at FROM reconciliations WHERE ", $rest)
    };
}

macro_rules! names {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, account_id, system, kind, name, record_id, key, remembered_at FROM remembered_names WHERE ",
            $rest
        )
    };
}

statements! {
    INSERT = "INSERT INTO reconciliations (id, tenant_id, account_id, month, summary, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    INSERT_SHEET = "INSERT INTO reconciliation_sheets (reconciliation_id, sheet, content) VALUES ($1, $2, $3)";
    RECONCILIATION = reconciliations!("id = $1");
    OF_ACCOUNT = reconciliations!("account_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    SHEETS = "SELECT sheet, content FROM reconciliation_sheets WHERE reconciliation_id = $1 AND sheet >= $2 AND sheet <= $3 \
        ORDER BY sheet";
    DELETE_SHEETS = "DELETE FROM reconciliation_sheets WHERE reconciliation_id = $1";
    DELETE = "DELETE FROM reconciliations WHERE id = $1";

    PUT_NAME = "INSERT INTO remembered_names (id, tenant_id, account_id, system, kind, name, record_id, key, remembered_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account_id, system, kind, name) \
        DO UPDATE SET record_id = excluded.record_id, key = excluded.key, remembered_at = excluded.remembered_at RETURNING id";
    NAME = names!("id = $1");
    NAMES = names!("account_id = $1 AND (CAST($2 AS BIGINT) = 0 OR system = $3) AND id > $4 ORDER BY id LIMIT $5");
    ALL_NAMES = "SELECT name, kind, record_id, key FROM remembered_names WHERE account_id = $1 AND system = $2";
    DELETE_NAME = "DELETE FROM remembered_names WHERE id = $1";

    IS_CLOSED = "SELECT month FROM closings WHERE tenant_id = $1 AND month = $2 AND finished_at IS NOT NULL";
    ACCOUNTS = "SELECT id, name FROM accounts WHERE path >= $1 AND path < $2 AND tenant_id = $3";
    PRODUCTS = "SELECT id, name FROM products WHERE tenant_id = $1";
    TENANT_OF_METER = "SELECT tenant_id FROM meters WHERE id = $1";
    METERS = "SELECT id, name FROM meters WHERE tenant_id = $1";
    METER_KEYS = "SELECT k.meter_id, k.name FROM meters m JOIN usage_keys k ON k.meter_id = m.id WHERE m.tenant_id = $1";
    LICENSES = concat!("SELECT l.id, l.code FROM licenses l JOIN accounts a ON a.id = l.account_id \
        WHERE a.path >= $51 AND a.path < $52 AND a.tenant_id = $53 AND l.id IN (", fifty!(), ")");
    LICENSES_BY_CODE = concat!("SELECT l.id, l.code FROM products p JOIN licenses l ON l.product_id = p.id \
        JOIN accounts a ON a.id = l.account_id \
        WHERE p.tenant_id = $53 AND a.path >= $51 AND a.path < $52 AND l.code IN (", fifty!(), ")");
}

impl FromRow for Reconciliation {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let summary: String = row.get(4)?;
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            month: Month::from_number(row.get(3)?),
            summary: serde_json::from_str(&summary).map_err(|error| StoreError::column(4, error.to_string()))?,
            created_at: row.get(5)?,
        })
    }
}

impl FromRow for RememberedName {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let kind: String = row.get(4)?;
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            system: row.get(3)?,
            name: row.get(5)?,
            bound: Bound::stored(&kind, row.get(6)?, row.get(7)?)?,
            remembered_at: row.get(8)?,
        })
    }
}

fn broken(error: serde_json::Error) -> StoreError {
    StoreError::Broken(format!("a reconciliation cannot be written or read: {error}"))
}

/// Rows as they are kept.
pub(super) fn sheets(rows: &[ReconciledRow]) -> Result<Vec<String>, StoreError> {
    rows.chunks(SHEET).map(|rows| serde_json::to_string(rows).map_err(broken)).collect()
}

pub(super) fn insert(tx: &mut dyn Tx, kept: &Reconciliation, sheets: &[String]) -> Result<(), StoreError> {
    let summary = serde_json::to_string(&kept.summary).map_err(broken)?;
    let params = [
        kept.id.into(),
        kept.tenant.into(),
        kept.account.into(),
        kept.month.number().into(),
        summary.into(),
        kept.created_at.into(),
    ];
    tx.execute(INSERT, &params)?;
    for (sheet, content) in (0_i64..).zip(sheets) {
        tx.queue(INSERT_SHEET, &[kept.id.into(), sheet.into(), content.as_str().into()])?;
    }
    Ok(())
}

pub(super) fn reconciliation(tx: &mut dyn Tx, id: ReconciliationId) -> Result<Option<Reconciliation>, StoreError> {
    tx.opt(RECONCILIATION, &[id.into()])
}

pub(super) fn of_account(
    tx: &mut dyn Tx,
    account: AccountId,
    after: Option<ReconciliationId>,
    limit: u32,
) -> Result<Vec<Reconciliation>, StoreError> {
    let after = after.map_or(Uuid::nil(), |id| id.0);
    tx.all(OF_ACCOUNT, &[account.into(), after.into(), limit.into()])
}

/// Rows with their numbers, from `first` to `last`; they count from 1.
pub(super) fn rows(
    tx: &mut dyn Tx,
    id: ReconciliationId,
    first: i64,
    last: i64,
) -> Result<Vec<(i64, ReconciledRow)>, StoreError> {
    let per_sheet = i64::try_from(SHEET).unwrap_or(i64::MAX);
    let sheet = |number: i64| (number - 1).div_euclid(per_sheet);
    if last < first {
        return Ok(Vec::new());
    }
    let sheets: Vec<(i64, String)> = tx.all(SHEETS, &[id.into(), sheet(first).into(), sheet(last).into()])?;
    let mut found = Vec::new();
    for (sheet, content) in sheets {
        let rows: Vec<ReconciledRow> = serde_json::from_str(&content).map_err(broken)?;
        let numbered = (sheet * per_sheet + 1..).zip(rows);
        found.extend(numbered.filter(|(number, _)| (first..=last).contains(number)));
    }
    Ok(found)
}

pub(super) fn delete(tx: &mut dyn Tx, id: ReconciliationId) -> Result<(), StoreError> {
    tx.execute(DELETE_SHEETS, &[id.into()])?;
    tx.execute(DELETE, &[id.into()]).map(|_| ())
}

/// Keeps a name, in place of what it was said to be before; gives the id it has from the first time on.
pub(super) fn put_name(tx: &mut dyn Tx, name: &RememberedName) -> Result<RememberedNameId, StoreError> {
    let (record, key) = name.bound.parts();
    let params = [
        name.id.into(),
        name.tenant.into(),
        name.account.into(),
        name.system.as_str().into(),
        name.bound.kind().into(),
        name.name.as_str().into(),
        record.into(),
        key.into(),
        name.remembered_at.into(),
    ];
    let (id,): (RememberedNameId,) = tx.one(PUT_NAME, &params)?;
    Ok(id)
}

pub(super) fn name(tx: &mut dyn Tx, id: RememberedNameId) -> Result<Option<RememberedName>, StoreError> {
    tx.opt(NAME, &[id.into()])
}

pub(super) fn names(
    tx: &mut dyn Tx,
    account: AccountId,
    system: Option<&str>,
    after: Option<RememberedNameId>,
    limit: u32,
) -> Result<Vec<RememberedName>, StoreError> {
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let params = [
        account.into(),
        i64::from(system.is_some()).into(),
        system.unwrap_or_default().into(),
        after.into(),
        limit.into(),
    ];
    tx.all(NAMES, &params)
}

/// All names of a system that are remembered for an account.
pub(super) fn all_names(tx: &mut dyn Tx, account: AccountId, system: &str) -> Result<Vec<(String, Bound)>, StoreError> {
    let found: Vec<(String, String, Uuid, String)> = tx.all(ALL_NAMES, &[account.into(), system.into()])?;
    found.into_iter().map(|(name, kind, id, key)| Ok((name, Bound::stored(&kind, id, key)?))).collect()
}

pub(super) fn delete_name(tx: &mut dyn Tx, id: RememberedNameId) -> Result<(), StoreError> {
    tx.execute(DELETE_NAME, &[id.into()]).map(|_| ())
}

/// Was a month closed, to the last account?
pub(super) fn is_closed(tx: &mut dyn Tx, tenant: AccountId, month: Month) -> Result<bool, StoreError> {
    let found: Option<(i64,)> = tx.opt(IS_CLOSED, &[tenant.into(), month.number().into()])?;
    Ok(found.is_some())
}

/// Takes the ids and names that were found.
type Take<'a> = &'a mut dyn FnMut(Uuid, String);

fn each(tx: &mut dyn Tx, statement: lessor_db::Statement, params: &[Value], take: Take<'_>) -> Result<(), StoreError> {
    tx.query(statement, params, &mut |row| {
        take(row.get(0)?, row.get(1)?);
        Ok(true)
    })
}

fn branch(account: &Account) -> [Value; 3] {
    [(&account.path).into(), account.path.end().into(), account.tenant.into()]
}

pub(super) fn accounts(tx: &mut dyn Tx, of: &Account, take: Take<'_>) -> Result<(), StoreError> {
    each(tx, ACCOUNTS, &branch(of), take)
}

pub(super) fn products(tx: &mut dyn Tx, tenant: AccountId, take: Take<'_>) -> Result<(), StoreError> {
    each(tx, PRODUCTS, &[tenant.into()], take)
}

pub(super) fn meters(tx: &mut dyn Tx, tenant: AccountId, take: Take<'_>) -> Result<(), StoreError> {
    each(tx, METERS, &[tenant.into()], take)
}

/// Whose a meter is.
pub(super) fn tenant_of_meter(tx: &mut dyn Tx, meter: MeterId) -> Result<Option<AccountId>, StoreError> {
    let found: Option<(AccountId,)> = tx.opt(TENANT_OF_METER, &[meter.into()])?;
    Ok(found.map(|(tenant,)| tenant))
}

/// The keys of all meters.
pub(super) fn meter_keys(tx: &mut dyn Tx, tenant: AccountId) -> Result<Vec<(Uuid, String)>, StoreError> {
    tx.all(METER_KEYS, &[tenant.into()])
}

/// Those of these licenses that are in a branch, with their codes.
pub(super) fn licenses(tx: &mut dyn Tx, of: &Account, ids: &[Uuid], take: Take<'_>) -> Result<(), StoreError> {
    for some in ids.chunks(CHUNK) {
        each(tx, LICENSES, &[padded(some), branch(of).to_vec()].concat(), take)?;
    }
    Ok(())
}

/// The licenses of a branch that have one of these codes.
pub(super) fn licenses_by_code(
    tx: &mut dyn Tx,
    of: &Account,
    codes: &[&String],
    take: Take<'_>,
) -> Result<(), StoreError> {
    for some in codes.chunks(CHUNK) {
        let padded = some.iter().chain(std::iter::repeat(&some[0])).take(CHUNK);
        let codes: Vec<Value> = padded.map(|code| code.as_str().into()).collect();
        each(tx, LICENSES_BY_CODE, &[codes, branch(of).to_vec()].concat(), take)?;
    }
    Ok(())
}
