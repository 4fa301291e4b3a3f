//! The SQL of billing.

use super::close::Closing;
use super::price::Span;
use super::price_list::{PriceList, Target, Tier};
use super::statement::Statement;
use super::{Amount, statement::Link};
use crate::account::Path;
use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::clock::Timestamp;
use crate::id::{AccountId, MeterId, PriceCategoryId, PriceListId, ProductId, StatementId};
use crate::metering::day::{Day, Month};
use lessor_db::{FromColumn, FromRow, Row, StoreError, Tx, Value, ValueRef, statements};
use std::collections::HashSet;
use uuid::Uuid;

macro_rules! list_columns {
    () => {
        "SELECT id, tenant_id, account_id, billed, product_id, category_id, meter_id, meter_key, name, currency, discount, \
         from_day, until_day, created_at, ended_at FROM price_lists "
    };
}

macro_rules! statement_columns {
    () => {
        "SELECT id, tenant_id, account_id, month, number, previous, hash, document, closed_at FROM statements "
    };
}

statements! {
    INSERT_LIST = "INSERT INTO price_lists (id, tenant_id, account_id, billed, product_id, category_id, meter_id, meter_key, \
        name, currency, discount, from_day, until_day, created_at, ended_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    INSERT_TIER = "INSERT INTO price_tiers (list_id, from_seats, price) VALUES ($1, $2, $3)";
    END_LIST = "UPDATE price_lists SET until_day = $2, ended_at = $3 WHERE id = $1";
    LIST = concat!(list_columns!(), "WHERE id = $1");
    TIERS = "SELECT list_id, from_seats, price FROM price_tiers WHERE list_id = $1 ORDER BY from_seats";
    OF_ACCOUNTS = concat!(list_columns!(), "WHERE account_id IN (", fifty!(), ") ORDER BY id");
    TIERS_OF_ACCOUNTS = concat!("SELECT t.list_id, t.from_seats, t.price FROM price_lists l JOIN price_tiers t ON t.list_id = l.id \
        WHERE l.account_id IN (", fifty!(), ") ORDER BY t.list_id, t.from_seats");
    OF_BRANCHES = concat!("SELECT DISTINCT account_id FROM price_lists WHERE billed = 'branch' AND account_id IN (", fifty!(), ")");
    MOVED_SINCE = "SELECT DISTINCT m.account_id, a.path FROM account_moves m JOIN accounts a ON a.id = m.account_id \
        WHERE m.tenant_id = $1 AND m.until_at > $2 ORDER BY a.path";
    PRICED_METERS = "SELECT DISTINCT meter_id FROM price_lists WHERE tenant_id = $1 AND meter_id IS NOT NULL";
    MADE_BETWEEN = "SELECT min(from_day) FROM price_lists WHERE tenant_id = $1 AND created_at > $2 AND created_at <= $3";
    ENDED_BETWEEN = "SELECT min(until_day) FROM price_lists WHERE tenant_id = $1 AND ended_at > $2 AND ended_at <= $3";

    END_SPAN = "UPDATE category_spans SET to_at = $3 WHERE product_id = $1 AND category_id = $2 AND to_at IS NULL";
    /// A span that ended at the very instant at which the next begins goes on.
    BEGIN_SPAN = "INSERT INTO category_spans (tenant_id, product_id, category_id, from_at, to_at) VALUES ($1, $2, $3, $4, NULL) \
        ON CONFLICT (product_id, category_id, from_at) DO UPDATE SET to_at = NULL";
    SPANS = "SELECT product_id, category_id, from_at, to_at FROM category_spans WHERE tenant_id = $1 \
        ORDER BY product_id, category_id, from_at";

    START_CLOSING = "INSERT INTO closings (tenant_id, month, as_of, done_to, finished_at) VALUES ($1, $2, $3, $4, NULL) \
        ON CONFLICT (tenant_id, month) DO NOTHING";
    CLOSINGS = "SELECT tenant_id, month, as_of, done_to, finished_at FROM closings WHERE tenant_id = $1 ORDER BY month";
    OPEN_CLOSING = "SELECT tenant_id, month, as_of, done_to, finished_at FROM closings WHERE finished_at IS NULL \
        ORDER BY tenant_id, month LIMIT 1 FOR UPDATE";
    GO_ON = "UPDATE closings SET done_to = $3 WHERE tenant_id = $1 AND month = $2";
    FINISH = "UPDATE closings SET finished_at = $3 WHERE tenant_id = $1 AND month = $2";
    ACCOUNTS_AFTER = "SELECT id FROM accounts WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3";

    INSERT = "INSERT INTO statements (id, tenant_id, account_id, month, number, previous, hash, document, closed_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account_id, month) DO NOTHING";
    STATEMENT = concat!(statement_columns!(), "WHERE id = $1");
    NUMBERED = concat!(statement_columns!(), "WHERE account_id = $1 AND number = $2");
    OF_ACCOUNT = concat!(statement_columns!(), "WHERE account_id = $1 AND number > $2 ORDER BY number LIMIT $3");
    NEXT = concat!(statement_columns!(), "WHERE (account_id, number) > ($1, $2) ORDER BY account_id, number LIMIT $3");
    LAST_OF = concat!("SELECT s.account_id, s.number, s.hash FROM statements s WHERE s.account_id IN (", fifty!(), ") \
        AND s.number = (SELECT max(n.number) FROM statements n WHERE n.account_id = s.account_id)");
}

impl FromColumn for Day {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        i64::from_column(value).map(Day::from_number)
    }
}

impl FromRow for PriceList {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let target = match (row.get(4)?, row.get(5)?, row.get(6)?) {
            (Some(product), None, None) => Target::Product(product),
            (None, Some(category), None) => Target::Category(category),
            (None, None, Some(meter)) => Target::Meter(meter, row.get(7)?),
            _ => return Err(StoreError::column(4, "a price list is for a product, a category or a meter")),
        };
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            billed: row.get(3)?,
            target,
            name: row.get(8)?,
            currency: row.get(9)?,
            discount: row.get(10)?,
            from: row.get(11)?,
            until: row.get(12)?,
            tiers: Vec::new(),
            created_at: row.get(13)?,
            ended_at: row.get(14)?,
        })
    }
}

impl FromRow for Statement {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            account: row.get(2)?,
            month: Month::from_number(row.get(3)?),
            link: Link { number: row.get(4)?, previous: row.get(5)? },
            hash: row.get(6)?,
            document: row.get(7)?,
            closed_at: row.get(8)?,
        })
    }
}

impl FromRow for Closing {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: row.get(0)?,
            month: Month::from_number(row.get(1)?),
            as_of: row.get(2)?,
            done_to: row.get(3)?,
            finished_at: row.get(4)?,
        })
    }
}

pub(super) fn insert_list(tx: &mut dyn Tx, list: &PriceList) -> Result<(), StoreError> {
    let [product, category, meter, key] = match &list.target {
        Target::Product(id) => [(*id).into(), Value::Null, Value::Null, Value::Null],
        Target::Category(id) => [Value::Null, (*id).into(), Value::Null, Value::Null],
        Target::Meter(id, key) => [Value::Null, Value::Null, (*id).into(), key.as_deref().into()],
    };
    let params = [
        list.id.into(),
        list.tenant.into(),
        list.account.into(),
        list.billed.word().into(),
        product,
        category,
        meter,
        key,
        list.name.as_str().into(),
        list.currency.as_str().into(),
        list.discount.into(),
        list.from.number().into(),
        list.until.map(Day::number).into(),
        list.created_at.into(),
        list.ended_at.into(),
    ];
    tx.execute(INSERT_LIST, &params)?;
    for tier in &list.tiers {
        let parts = i64::try_from(tier.price.parts()).unwrap_or(i64::MAX);
        tx.execute(INSERT_TIER, &[list.id.into(), tier.from.into(), parts.into()])?;
    }
    Ok(())
}

pub(super) fn end_list(tx: &mut dyn Tx, id: PriceListId, until: Day, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(END_LIST, &[id.into(), until.number().into(), now.into()])?;
    Ok(())
}

pub(super) fn list(tx: &mut dyn Tx, id: PriceListId) -> Result<Option<PriceList>, StoreError> {
    let Some(mut list) = tx.opt::<PriceList>(LIST, &[id.into()])? else { return Ok(None) };
    let tiers: Vec<(PriceListId, i64, i64)> = tx.all(TIERS, &[id.into()])?;
    list.tiers = tiers.into_iter().map(tier).collect();
    Ok(Some(list))
}

fn tier((_, from, price): (PriceListId, i64, i64)) -> Tier {
    Tier { from, price: Amount::from_parts(price.into()) }
}

/// The price lists of these accounts themselves, in the order they were made.
pub(super) fn of_accounts(tx: &mut dyn Tx, accounts: &[Uuid]) -> Result<Vec<PriceList>, StoreError> {
    let mut lists: Vec<PriceList> = Vec::new();
    for chunk in accounts.chunks(CHUNK) {
        let mut found: Vec<PriceList> = tx.all(OF_ACCOUNTS, &padded(chunk))?;
        for row in tx.all::<(PriceListId, i64, i64)>(TIERS_OF_ACCOUNTS, &padded(chunk))? {
            if let Ok(at) = found.binary_search_by_key(&row.0, |list| list.id) {
                found[at].tiers.push(tier(row));
            }
        }
        lists.extend(found);
    }
    lists.sort_by_key(|list| list.id);
    Ok(lists)
}

/// Those of these accounts that have a list by which they are billed for their branch.
pub(super) fn of_branches(tx: &mut dyn Tx, accounts: &[Uuid]) -> Result<HashSet<AccountId>, StoreError> {
    let mut found = HashSet::new();
    for chunk in accounts.chunks(CHUNK) {
        found.extend(tx.all::<(AccountId,)>(OF_BRANCHES, &padded(chunk))?.into_iter().map(|(id,)| id));
    }
    Ok(found)
}

/// The accounts of a tenant that were moved since, and where they stand.
pub(super) fn moved_since(
    tx: &mut dyn Tx,
    tenant: AccountId,
    since: Timestamp,
) -> Result<Vec<(AccountId, Path)>, StoreError> {
    tx.all(MOVED_SINCE, &[tenant.into(), since.into()])
}

/// The meters that any price list of a tenant is for.
pub(super) fn priced_meters(tx: &mut dyn Tx, tenant: AccountId) -> Result<Vec<MeterId>, StoreError> {
    Ok(tx.all::<(MeterId,)>(PRICED_METERS, &[tenant.into()])?.into_iter().map(|(id,)| id).collect())
}

/// The first day whose price may be another because of lists that were made or ended in that time.
pub(super) fn changed_from(
    tx: &mut dyn Tx,
    tenant: AccountId,
    after: Timestamp,
    until: Timestamp,
) -> Result<Option<Day>, StoreError> {
    let params = [tenant.into(), after.into(), until.into()];
    let (made,): (Option<Day>,) = tx.one(MADE_BETWEEN, &params)?;
    let (ended,): (Option<Day>,) = tx.one(ENDED_BETWEEN, &params)?;
    Ok(made.into_iter().chain(ended).min())
}

/// Notes that a product left a category.
pub(crate) fn end_span(
    tx: &mut dyn Tx,
    product: ProductId,
    category: PriceCategoryId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(END_SPAN, &[product.into(), category.into(), now.into()])?;
    Ok(())
}

/// Notes that a product came into a category.
pub(crate) fn begin_span(
    tx: &mut dyn Tx,
    tenant: AccountId,
    product: ProductId,
    category: PriceCategoryId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(BEGIN_SPAN, &[tenant.into(), product.into(), category.into(), now.into()])?;
    Ok(())
}

pub(super) fn spans(tx: &mut dyn Tx, tenant: AccountId) -> Result<Vec<Span>, StoreError> {
    let rows: Vec<(ProductId, PriceCategoryId, Timestamp, Option<Timestamp>)> = tx.all(SPANS, &[tenant.into()])?;
    Ok(rows.into_iter().map(|(product, category, from, to)| Span { product, category, from, to }).collect())
}

pub(super) fn start_closing(tx: &mut dyn Tx, closing: &Closing) -> Result<(), StoreError> {
    let params = [closing.tenant.into(), closing.month.number().into(), closing.as_of.into(), closing.done_to.into()];
    tx.execute(START_CLOSING, &params)?;
    Ok(())
}

/// The closings of a tenant, in the order of their months.
pub(super) fn closings(tx: &mut dyn Tx, tenant: AccountId) -> Result<Vec<Closing>, StoreError> {
    tx.all(CLOSINGS, &[tenant.into()])
}

/// A closing that is not finished; nobody else goes on with it until this transaction ends.
pub(super) fn open_closing(tx: &mut dyn Tx) -> Result<Option<Closing>, StoreError> {
    tx.opt(OPEN_CLOSING, &[])
}

pub(super) fn go_on(tx: &mut dyn Tx, closing: &Closing, done_to: AccountId) -> Result<(), StoreError> {
    tx.execute(GO_ON, &[closing.tenant.into(), closing.month.number().into(), done_to.into()])?;
    Ok(())
}

pub(super) fn finish(tx: &mut dyn Tx, closing: &Closing, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(FINISH, &[closing.tenant.into(), closing.month.number().into(), now.into()])?;
    Ok(())
}

pub(super) fn accounts_after(
    tx: &mut dyn Tx,
    tenant: AccountId,
    after: AccountId,
    limit: u32,
) -> Result<Vec<AccountId>, StoreError> {
    let ids: Vec<(AccountId,)> = tx.all(ACCOUNTS_AFTER, &[tenant.into(), after.into(), limit.into()])?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Puts a statement in its place, unless the account has one of that month.
pub(super) fn insert(tx: &mut dyn Tx, statement: &Statement) -> Result<(), StoreError> {
    let params = [
        statement.id.into(),
        statement.tenant.into(),
        statement.account.into(),
        statement.month.number().into(),
        statement.link.number.into(),
        statement.link.previous.as_slice().into(),
        statement.hash.as_slice().into(),
        statement.document.as_str().into(),
        statement.closed_at.into(),
    ];
    tx.execute(INSERT, &params)?;
    Ok(())
}

pub(super) fn statement(tx: &mut dyn Tx, id: StatementId) -> Result<Option<Statement>, StoreError> {
    tx.opt(STATEMENT, &[id.into()])
}

pub(super) fn numbered(tx: &mut dyn Tx, account: AccountId, number: i64) -> Result<Option<Statement>, StoreError> {
    tx.opt(NUMBERED, &[account.into(), number.into()])
}

pub(super) fn of_account(
    tx: &mut dyn Tx,
    account: AccountId,
    after: i64,
    limit: u32,
) -> Result<Vec<Statement>, StoreError> {
    tx.all(OF_ACCOUNT, &[account.into(), after.into(), limit.into()])
}

/// Statements of all accounts, behind that number of that one.
pub(super) fn next(tx: &mut dyn Tx, account: AccountId, number: i64, limit: u32) -> Result<Vec<Statement>, StoreError> {
    tx.all(NEXT, &[account.into(), number.into(), limit.into()])
}

/// Number and hash of the last statement of each of these accounts that has one.
pub(super) fn last_of(tx: &mut dyn Tx, accounts: &[Uuid]) -> Result<Vec<(AccountId, i64, Vec<u8>)>, StoreError> {
    let mut all = Vec::new();
    for chunk in accounts.chunks(CHUNK) {
        all.extend(tx.all(LAST_OF, &padded(chunk))?);
    }
    Ok(all)
}
