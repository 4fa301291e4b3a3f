//! The SQL of statements as they are read again.

use super::NamedStatement;
use crate::account::{Account, Path};
use crate::billing::Statement;
use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::id::{AccountId, StatementId};
use crate::metering::day::Month;
use lessor_db::{FromRow, Row, Statement as Sql, StoreError, Tx, statements};
use uuid::Uuid;

statements! {
    PATH = "SELECT path FROM accounts WHERE id = $1";
    OF_BRANCH = "SELECT s.id, s.tenant_id, s.account_id, s.month, s.number, s.previous, s.hash, s.document, s.closed_at, a.name, \
        a.path FROM accounts a JOIN statements s ON s.account_id = a.id AND s.month = $3 \
        WHERE a.path >= $1 AND a.path < $2 AND a.path > $4 AND a.tenant_id = $5 ORDER BY a.path LIMIT $6";
    NAME_OF = "SELECT a.name FROM statements s JOIN accounts a ON a.id = s.account_id WHERE s.id = $1";
    ACCOUNT_NAMES = concat!("SELECT id, name, path FROM accounts WHERE id IN (", fifty!(), ")");
    PRODUCT_NAMES = concat!("SELECT id, name FROM products WHERE id IN (", fifty!(), ")");
    LICENSE_CODES = concat!("SELECT id, code FROM licenses WHERE id IN (", fifty!(), ")");
}

/// A statement and where its account stands.
struct Placed(Path, NamedStatement);

impl FromRow for Placed {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let statement = NamedStatement { statement: Statement::from_row(row)?, account_name: row.get(9)? };
        Ok(Self(row.get(10)?, statement))
    }
}

pub(super) fn path(tx: &mut dyn Tx, account: AccountId) -> Result<Option<Path>, StoreError> {
    let found: Option<(Path,)> = tx.opt(PATH, &[account.into()])?;
    Ok(found.map(|(path,)| path))
}

/// Statements of a month in a branch, behind a place of the tree, each with its account's place.
pub(in crate::billing) fn of_branch(
    tx: &mut dyn Tx,
    account: &Account,
    month: Month,
    behind: Option<&Path>,
    limit: u32,
) -> Result<Vec<(Path, NamedStatement)>, StoreError> {
    let params = [
        (&account.path).into(),
        account.path.end().into(),
        month.number().into(),
        behind.map_or("", Path::as_str).into(),
        account.tenant.into(),
        limit.into(),
    ];
    let found: Vec<Placed> = tx.all(OF_BRANCH, &params)?;
    Ok(found.into_iter().map(|Placed(path, statement)| (path, statement)).collect())
}

/// The name of the account that a statement is of.
pub(super) fn name_of(tx: &mut dyn Tx, statement: StatementId) -> Result<String, StoreError> {
    let found: Option<(String,)> = tx.opt(NAME_OF, &[statement.into()])?;
    Ok(found.map(|(name,)| name).unwrap_or_default())
}

fn by_fifty<T: FromRow>(tx: &mut dyn Tx, statement: Sql, ids: &[Uuid]) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(CHUNK) {
        found.extend(tx.all::<T>(statement, &padded(some))?);
    }
    Ok(found)
}

/// Accounts with their names and places.
pub(super) fn account_names(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, String, Path)>, StoreError> {
    by_fifty(tx, ACCOUNT_NAMES, ids)
}

/// Products with their names.
pub(super) fn product_names(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, StoreError> {
    by_fifty(tx, PRODUCT_NAMES, ids)
}

/// Licenses with their codes.
pub(super) fn license_codes(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, StoreError> {
    by_fifty(tx, LICENSE_CODES, ids)
}
