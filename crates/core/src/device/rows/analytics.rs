//! The SQL of what programs tell of their use.

use crate::account::Path;
use crate::clock::Timestamp;
use crate::device::Activation;
use crate::device::analytics::{AnalyticsEvent, AnalyticsFilter, NewAnalyticsEvent};
use crate::id::{AccountId, AnalyticsEventId, LicenseId, ProductId};
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

macro_rules! page {
    () => {
        "SELECT e.id, e.product_id, e.license_id, e.activation_id, e.name, e.kind, e.feature, e.transaction_name, e.at, \
         e.data, e.received_at, a.path FROM analytics_events e JOIN accounts a ON a.id = e.account_id \
         WHERE e.id > $1 AND e.id < $2 AND a.path >= $3 AND a.path < $4 AND e.at >= $5 AND e.at < $6 \
         AND (CAST($7 AS BIGINT) = 0 OR e.product_id = $8) AND (CAST($9 AS BIGINT) = 0 OR e.kind = $10) "
    };
}

statements! {
    INSERT = "INSERT INTO analytics_events (id, tenant_id, account_id, product_id, license_id, activation_id, name, kind, \
              feature, transaction_name, at, data, received_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
              ON CONFLICT (activation_id, name) DO NOTHING";
    PAGE = concat!(page!(), "ORDER BY e.id LIMIT $11");
    PAGE_OF_LICENSE = concat!(page!(), "AND e.license_id = $12 ORDER BY e.id LIMIT $11");
}

struct Placed(AnalyticsEvent, Path);

impl FromRow for Placed {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let data: Option<String> = row.get(9)?;
        let data = data.map(|text| serde_json::from_str(&text)).transpose();
        let told = NewAnalyticsEvent {
            name: row.get(4)?,
            kind: row.get(5)?,
            feature: row.get(6)?,
            transaction: row.get(7)?,
            at: row.get(8)?,
            data: data.map_err(|error| StoreError::column(9, error.to_string()))?,
        };
        let event = AnalyticsEvent {
            id: row.get(0)?,
            product: row.get(1)?,
            license: row.get(2)?,
            activation: row.get(3)?,
            told,
            received_at: row.get(10)?,
        };
        Ok(Self(event, row.get(11)?))
    }
}

/// Writes an event; `false` when the activation told it before.
pub(crate) fn insert(
    tx: &mut dyn Tx,
    id: AnalyticsEventId,
    activation: &Activation,
    account: AccountId,
    told: &NewAnalyticsEvent,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let params = [
        id.into(),
        activation.tenant.into(),
        account.into(),
        activation.product.into(),
        activation.license.into(),
        activation.id.into(),
        told.name.as_str().into(),
        told.kind.word().into(),
        told.feature.clone().into(),
        told.transaction.clone().into(),
        told.at.into(),
        told.data.as_ref().map(ToString::to_string).into(),
        now.into(),
    ];
    Ok(tx.execute(INSERT, &params)? == 1)
}

/// A page of one branch, between two ids, neither of them included.
pub(crate) fn page(
    tx: &mut dyn Tx,
    branch: &Path,
    filter: &AnalyticsFilter,
    after: Uuid,
    end: Uuid,
    limit: u32,
) -> Result<Vec<(AnalyticsEvent, Path)>, StoreError> {
    let mut params: Vec<Value> = vec![
        after.into(),
        end.into(),
        branch.into(),
        branch.end().into(),
        filter.from.map_or(i64::MIN, Timestamp::micros).into(),
        filter.to.map_or(i64::MAX, Timestamp::micros).into(),
        i64::from(filter.product.is_some()).into(),
        filter.product.unwrap_or(ProductId(Uuid::nil())).into(),
        i64::from(filter.kind.is_some()).into(),
        filter.kind.map_or("", |kind| kind.word()).into(),
        limit.into(),
    ];
    let statement = match filter.license {
        None => PAGE,
        Some(LicenseId(license)) => {
            params.push(license.into());
            PAGE_OF_LICENSE
        }
    };
    let found: Vec<Placed> = tx.all(statement, &params)?;
    Ok(found.into_iter().map(|Placed(event, path)| (event, path)).collect())
}
