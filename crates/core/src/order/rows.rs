//! The SQL of offers, rules of ordering and requests.

use super::{Order, Request, RequestState, Rules};
use crate::account::Path;
use crate::catalog::Product;
use crate::catalog::rows::product_columns;
use crate::id::{AccountId, OrderRequestId, ProductId};
use lessor_db::{FromRow, Row, StoreError, Tx, statements};
use uuid::Uuid;

macro_rules! request_columns {
    () => {
        "SELECT r.id, r.tenant_id, r.account_id, r.product_id, r.quantity, r.trial_days, r.note, r.state, r.filed_by, \
         r.filed_at, r.settled_by, r.settled_at, r.answer, r.license_id"
    };
}

statements! {
    OFFERS = concat!(
        product_columns!(), "WHERE id IN (SELECT product_id FROM offers WHERE account_id = $1) ORDER BY id");
    IS_OFFERED = "SELECT EXISTS (SELECT 1 FROM offers WHERE account_id = $1 AND product_id = $2)";
    ADD_OFFER = "INSERT INTO offers (account_id, product_id) VALUES ($1, $2) ON CONFLICT (account_id, product_id) DO NOTHING";
    REMOVE_OFFER = "DELETE FROM offers WHERE account_id = $1 AND product_id = $2";

    RULES = "SELECT trials_allowed, by_request FROM order_rules WHERE account_id = $1";
    PUT_RULES = "INSERT INTO order_rules (account_id, trials_allowed, by_request) VALUES ($1, $2, $3) \
                 ON CONFLICT (account_id) DO UPDATE SET trials_allowed = excluded.trials_allowed, by_request = excluded.by_request";

    INSERT_REQUEST = "INSERT INTO order_requests (id, tenant_id, account_id, product_id, quantity, trial_days, note, state, \
                      filed_by, filed_at, settled_by, settled_at, answer, license_id) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9, NULL, NULL, '', NULL)";
    REQUEST = concat!(request_columns!(), " FROM order_requests r WHERE r.id = $1");
    LOCK_REQUEST = concat!(request_columns!(), " FROM order_requests r WHERE r.id = $1 FOR UPDATE");
    SETTLE = "UPDATE order_requests SET state = $2, settled_by = $3, settled_at = $4, answer = $5, license_id = $6 WHERE id = $1";
    COUNT_WAITING = "SELECT count(*) FROM order_requests r JOIN accounts a ON a.id = r.account_id \
                     WHERE a.parent_id = $1 AND r.state = 'waiting'";
    /// In the order in which their customers are locked.
    WAITING_OF = concat!(
        request_columns!(), " FROM order_requests r JOIN accounts a ON a.id = r.account_id \
         WHERE a.parent_id = $1 AND r.state = 'waiting' ORDER BY a.path, r.id");
    REQUESTS = concat!(
        request_columns!(), ", a.path FROM order_requests r JOIN accounts a ON a.id = r.account_id \
         WHERE r.id > $1 AND a.path >= $2 AND a.path < $3 AND (CAST($4 AS TEXT) = '' OR r.state = $4) ORDER BY r.id LIMIT $5");
}

impl FromRow for Rules {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { trials_allowed: row.get(0)?, by_request: row.get(1)? })
    }
}

impl FromRow for Request {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            order: Order {
                customer: row.get(2)?,
                product: row.get(3)?,
                quantity: row.get(4)?,
                trial_days: row.get(5)?,
            },
            note: row.get(6)?,
            state: row.get(7)?,
            filed_by: row.get(8)?,
            filed_at: row.get(9)?,
            settled_by: row.get(10)?,
            settled_at: row.get(11)?,
            answer: row.get(12)?,
            license: row.get(13)?,
        })
    }
}

/// A request and where its customer stands.
struct Placed(Request, Path);

impl FromRow for Placed {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self(Request::from_row(row)?, row.get(14)?))
    }
}

pub(super) fn offers(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Product>, StoreError> {
    tx.all(OFFERS, &[account.into()])
}

pub(super) fn is_offered(tx: &mut dyn Tx, account: AccountId, product: ProductId) -> Result<bool, StoreError> {
    let (is,): (bool,) = tx.one(IS_OFFERED, &[account.into(), product.into()])?;
    Ok(is)
}

pub(super) fn add_offer(tx: &mut dyn Tx, account: AccountId, product: ProductId) -> Result<(), StoreError> {
    tx.execute(ADD_OFFER, &[account.into(), product.into()])?;
    Ok(())
}

pub(super) fn remove_offer(tx: &mut dyn Tx, account: AccountId, product: ProductId) -> Result<(), StoreError> {
    tx.execute(REMOVE_OFFER, &[account.into(), product.into()])?;
    Ok(())
}

/// Without any of its own an account orders at once, and no trials.
pub(super) fn rules(tx: &mut dyn Tx, account: AccountId) -> Result<Rules, StoreError> {
    Ok(tx.opt(RULES, &[account.into()])?.unwrap_or_default())
}

pub(super) fn put_rules(tx: &mut dyn Tx, account: AccountId, rules: Rules) -> Result<(), StoreError> {
    tx.execute(PUT_RULES, &[account.into(), rules.trials_allowed.into(), rules.by_request.into()])?;
    Ok(())
}

pub(super) fn insert_request(tx: &mut dyn Tx, request: &Request) -> Result<(), StoreError> {
    let params = [
        request.id.into(),
        request.tenant.into(),
        request.order.customer.into(),
        request.order.product.into(),
        request.order.quantity.into(),
        request.order.trial_days.into(),
        request.note.as_str().into(),
        request.filed_by.as_str().into(),
        request.filed_at.into(),
    ];
    tx.execute(INSERT_REQUEST, &params)?;
    Ok(())
}

pub(super) fn request(tx: &mut dyn Tx, id: OrderRequestId) -> Result<Option<Request>, StoreError> {
    tx.opt(REQUEST, &[id.into()])
}

pub(super) fn lock_request(tx: &mut dyn Tx, id: OrderRequestId) -> Result<Option<Request>, StoreError> {
    tx.opt(LOCK_REQUEST, &[id.into()])
}

pub(super) fn settle(tx: &mut dyn Tx, request: &Request) -> Result<(), StoreError> {
    let params = [
        request.id.into(),
        request.state.word().into(),
        request.settled_by.as_deref().into(),
        request.settled_at.into(),
        request.answer.as_str().into(),
        request.license.into(),
    ];
    tx.execute(SETTLE, &params)?;
    Ok(())
}

pub(super) fn count_waiting(tx: &mut dyn Tx, seller: AccountId) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT_WAITING, &[seller.into()])?;
    Ok(count)
}

pub(super) fn waiting_of(tx: &mut dyn Tx, seller: AccountId) -> Result<Vec<Request>, StoreError> {
    tx.all(WAITING_OF, &[seller.into()])
}

pub(super) fn requests(
    tx: &mut dyn Tx,
    branch: &Path,
    state: Option<RequestState>,
    after: Uuid,
    limit: u32,
) -> Result<Vec<(Request, Path)>, StoreError> {
    let state = state.map_or("", RequestState::word);
    let params = [after.into(), branch.into(), branch.end().into(), state.into(), limit.into()];
    let placed: Vec<Placed> = tx.all(REQUESTS, &params)?;
    Ok(placed.into_iter().map(|Placed(request, path)| (request, path)).collect())
}
