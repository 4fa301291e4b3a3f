//! The SQL of agreements.

use super::{Acceptance, Agreement, AgreementFilter};
use crate::account::Path;
use crate::clock::Timestamp;
use crate::id::{AccountId, AgreementId, ProductId};
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

macro_rules! agreement {
    ($rest:literal) => {
        concat!("SELECT id, tenant_id, product_id, name, body, url, created_at, retired_at FROM agreements ", $rest)
    };
}

macro_rules! acceptance {
    ($rest:literal) => {
        concat!("SELECT x.agreement_id, x.account_id, x.accepted_by, x.accepted_at ", $rest)
    };
}

statements! {
    INSERT = "INSERT INTO agreements (id, tenant_id, product_id, name, body, url, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    BY_ID = agreement!("WHERE id = $1");
    LOCK = agreement!("WHERE id = $1 FOR UPDATE");
    COUNT = "SELECT count(*) FROM agreements WHERE tenant_id = $1";
    PAGE = agreement!("WHERE tenant_id = $1 AND id > $2 AND (CAST($3 AS BIGINT) = 0 OR product_id IS NULL OR product_id = $4) \
                       ORDER BY id LIMIT $5");
    ASKED_FOR = agreement!("WHERE tenant_id = $1 AND retired_at IS NULL AND (product_id IS NULL OR product_id = $2) ORDER BY id");
    RETIRE = "UPDATE agreements SET retired_at = $2 WHERE id = $1";
    INSERT_ACCEPTANCE = "INSERT INTO acceptances (agreement_id, account_id, accepted_by, accepted_at) VALUES ($1, $2, $3, $4)";
    ACCEPTANCE = acceptance!("FROM acceptances x WHERE x.agreement_id = $1 AND x.account_id = $2");
    ACCEPTED_ABOVE = concat!(
        "WITH RECURSIVE up (id, parent_id, steps) AS ( \
             SELECT id, parent_id, 0 FROM accounts WHERE id = $1 \
             UNION ALL SELECT a.id, a.parent_id, up.steps + 1 FROM accounts a JOIN up ON a.id = up.parent_id) ",
        acceptance!("FROM up JOIN acceptances x ON x.account_id = up.id ORDER BY up.steps"));
    ACCEPTANCES = "SELECT x.agreement_id, x.account_id, x.accepted_by, x.accepted_at, a.path \
                   FROM acceptances x JOIN accounts a ON a.id = x.account_id \
                   WHERE x.agreement_id = $1 AND a.path >= $2 AND a.path < $3 AND x.account_id > $4 ORDER BY x.account_id LIMIT $5";
}

impl FromRow for Agreement {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            product: row.get(2)?,
            name: row.get(3)?,
            text: row.get(4)?,
            url: row.get(5)?,
            created_at: row.get(6)?,
            retired_at: row.get(7)?,
        })
    }
}

impl FromRow for Acceptance {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { agreement: row.get(0)?, account: row.get(1)?, accepted_by: row.get(2)?, accepted_at: row.get(3)? })
    }
}

/// An acceptance, and where its account stands.
struct Placed(Acceptance, Path);

impl FromRow for Placed {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self(Acceptance::from_row(row)?, row.get(4)?))
    }
}

/// Keeps a new agreement.
pub(super) fn insert(tx: &mut dyn Tx, agreement: &Agreement) -> Result<(), StoreError> {
    let params: [Value; 7] = [
        agreement.id.into(),
        agreement.tenant.into(),
        agreement.product.into(),
        agreement.name.as_str().into(),
        agreement.text.as_str().into(),
        agreement.url.as_str().into(),
        agreement.created_at.into(),
    ];
    tx.execute(INSERT, &params)?;
    Ok(())
}

/// One agreement.
pub(super) fn by_id(tx: &mut dyn Tx, id: AgreementId) -> Result<Option<Agreement>, StoreError> {
    tx.opt(BY_ID, &[id.into()])
}

/// One agreement, locked until the end of the transaction.
pub(super) fn lock(tx: &mut dyn Tx, id: AgreementId) -> Result<Option<Agreement>, StoreError> {
    tx.opt(LOCK, &[id.into()])
}

/// How many agreements a vendor has.
pub(super) fn count(tx: &mut dyn Tx, tenant: AccountId) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT, &[tenant.into()])?;
    Ok(count)
}

/// Agreements of a vendor behind `after`, in order.
pub(super) fn page(
    tx: &mut dyn Tx,
    filter: &AgreementFilter,
    after: Option<AgreementId>,
    limit: u32,
) -> Result<Vec<Agreement>, StoreError> {
    let product = filter.product.map_or(Uuid::nil(), |id| id.0);
    let params: [Value; 5] = [
        filter.tenant.into(),
        after.map_or(Uuid::nil(), |id| id.0).into(),
        i64::from(filter.product.is_some()).into(),
        product.into(),
        limit.into(),
    ];
    tx.all(PAGE, &params)
}

/// What is asked for before a product is ordered.
pub(super) fn asked_for(tx: &mut dyn Tx, tenant: AccountId, product: ProductId) -> Result<Vec<Agreement>, StoreError> {
    tx.all(ASKED_FOR, &[tenant.into(), product.into()])
}

/// Has an agreement asked for no longer.
pub(super) fn retire(tx: &mut dyn Tx, id: AgreementId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(RETIRE, &[id.into(), now.into()])?;
    Ok(())
}

/// Keeps an acceptance.
pub(super) fn insert_acceptance(tx: &mut dyn Tx, acceptance: &Acceptance) -> Result<(), StoreError> {
    let params: [Value; 4] = [
        acceptance.agreement.into(),
        acceptance.account.into(),
        acceptance.accepted_by.to_string().into(),
        acceptance.accepted_at.into(),
    ];
    tx.execute(INSERT_ACCEPTANCE, &params)?;
    Ok(())
}

/// The acceptance of an account itself.
pub(super) fn acceptance(
    tx: &mut dyn Tx,
    agreement: AgreementId,
    account: AccountId,
) -> Result<Option<Acceptance>, StoreError> {
    tx.opt(ACCEPTANCE, &[agreement.into(), account.into()])
}

/// What an account and those above it have accepted, the nearest first.
pub(super) fn accepted_above(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Acceptance>, StoreError> {
    tx.all(ACCEPTED_ABOVE, &[account.into()])
}

/// Who has accepted an agreement in a branch, behind `after`, in the order of the accounts, each with its place.
pub(super) fn acceptances(
    tx: &mut dyn Tx,
    agreement: AgreementId,
    branch: &Path,
    after: Uuid,
    limit: u32,
) -> Result<Vec<(Acceptance, Path)>, StoreError> {
    let params = [agreement.into(), branch.into(), branch.end().into(), after.into(), limit.into()];
    let found: Vec<Placed> = tx.all(ACCEPTANCES, &params)?;
    Ok(found.into_iter().map(|Placed(acceptance, path)| (acceptance, path)).collect())
}
