//! The SQL of licenses, their notes and segments.

use super::{License, LicenseFilter, Note, Segment, Terms};
use crate::account::Path;
use crate::catalog::rows::{CHUNK, fifty, padded};
use crate::clock::Timestamp;
use crate::device::rows::live;
use crate::id::{AccountId, FeatureId, LicenseId, NoteId, ProductId, ProfileId};
use crate::page::Start;
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

/// The columns of a license in the order [`License::at`] reads them; with a table's name and a dot where more than one is
/// read.
macro_rules! license_list {
    () => {
        $crate::license::rows::license_list!("")
    };
    ($table:literal) => {
        concat!(
            $table,
            "id, ",
            $table,
            "tenant_id, ",
            $table,
            "account_id, ",
            $table,
            "product_id, ",
            $table,
            "profile_id, ",
            $table,
            "code, ",
            $table,
            "role, ",
            $table,
            "reference, ",
            $table,
            "order_reference, ",
            $table,
            "acquired, ",
            $table,
            "hold_count, ",
            $table,
            "active_count, ",
            $table,
            "returned_count, ",
            $table,
            "last_activated_at, ",
            $table,
            "trial_extensions, ",
            $table,
            "created_at, ",
            $table,
            "modified_at, ",
            $table,
            "version, ",
            $crate::license::terms_columns!($table)
        )
    };
}
pub(crate) use license_list;

macro_rules! license_columns {
    () => {
        concat!("SELECT ", license_list!(), " FROM licenses ")
    };
}

// Each filter is a switch and a value, so that one statement serves every combination.
macro_rules! license_filter {
    () => {
        "WHERE tenant_id = $1 \
         AND (CAST($2 AS BIGINT) = 0 OR product_id = $3) \
         AND (CAST($4 AS BIGINT) = 0 OR account_id = $5) \
         AND (CAST($6 AS BIGINT) = 0 OR (CAST($6 AS BIGINT) = 1 AND profile_id IS NULL) \
         OR profile_id IN (SELECT id FROM profiles WHERE tenant_id = $1 AND name = $7)) \
         AND (CAST($8 AS BIGINT) = 0 OR acquired = $9) \
         AND (CAST($10 AS BIGINT) = 0 OR (active_count + returned_count > 0) = $11) \
         AND (CAST($12 AS BIGINT) = 0 OR (active_count > 0) = $13) \
         AND (CAST($14 AS BIGINT) = 0 OR (role = 'passive') = $15) "
    };
}

statements! {
    KEYS_BELOW = "SELECT l.id, l.code, l.product_id, l.account_id, a.path FROM accounts a JOIN licenses l ON l.account_id = a.id \
                  WHERE a.path >= $1 AND a.path < $2";
    UPDATE = "UPDATE licenses SET account_id = $2, profile_id = $3, order_reference = $4, acquired = $5, \
        online_lease_hours = $6, virtual_lease_hours = $7, offline_lease_hours = $8, term_kind = $9, term_days = $10, \
        term_end = $11, maintenance_end = $12, activation_limit = $13, process_limit = $14, concurrency = $15, \
        network_seats = $16, heartbeat_minutes = $17, modified_at = $18, trial_extensions = $19, version = version + 1 WHERE id = $1";
    /// It is in no profile then: profiles are of a product.
    SET_PRODUCT = "UPDATE licenses SET product_id = $2, profile_id = NULL WHERE id = $1";
    RUNNING = "SELECT code FROM licenses WHERE account_id = $1 AND product_id = $2 AND id <> $3 AND role = 'standard' \
        AND (term_end IS NULL OR term_end > $4) ORDER BY id LIMIT 1";
    BY_ID = concat!(license_columns!(), "WHERE id = $1");
    BY_IDS = concat!(license_columns!(), "WHERE id IN (", fifty!(), ") ORDER BY id");
    LOCK = concat!(license_columns!(), "WHERE id = $1 FOR UPDATE");
    LOCK_BY_CODE = concat!(license_columns!(), "WHERE product_id = $1 AND code = $2 FOR UPDATE");
    /// By the tenant's products, of which there are few, rather than by an index of its own over all codes.
    BY_CODE = concat!(
        license_columns!(),
        "WHERE product_id IN (SELECT id FROM products WHERE tenant_id = $1) AND code = $2 ORDER BY id LIMIT 1000");
    BY_PRODUCT_AND_CODE = concat!(license_columns!(), "WHERE product_id = $1 AND code = $2");
    PAGE = concat!(license_columns!(), license_filter!(), "AND id > $16 ORDER BY id LIMIT $17 OFFSET $18");
    COUNT = concat!("SELECT count(*) FROM licenses ", license_filter!());
    AFTER = "SELECT l.id, a.path FROM licenses l JOIN accounts a ON a.id = l.account_id \
         WHERE l.id > $1 AND a.path >= $2 AND a.path < $3 AND (CAST($4 AS BIGINT) = 0 OR l.product_id = $5) \
         ORDER BY l.id LIMIT $6";
    AFTER_WITH_CODE = "SELECT l.id, a.path FROM licenses l JOIN accounts a ON a.id = l.account_id \
         WHERE l.code = $6 AND l.product_id IN (SELECT p.id FROM products p WHERE CAST($4 AS BIGINT) = 0 OR p.id = $5) \
         AND l.id > $1 AND a.path >= $2 AND a.path < $3 ORDER BY l.id LIMIT $7";
    OF_ACCOUNT = concat!(license_columns!(), "WHERE account_id = $1 ORDER BY id LIMIT 500 FOR UPDATE");
    BY_ORDER = "SELECT product_id, code, order_reference FROM licenses \
                WHERE tenant_id = $1 AND lower(order_reference) LIKE $2 ESCAPE '!' ORDER BY id";
    OF_PROFILE = concat!(license_columns!(), "WHERE profile_id = $1 AND id > $2 ORDER BY id LIMIT 500 FOR UPDATE");
    SET_HOLDS = "UPDATE licenses SET hold_count = hold_count + $2 WHERE id = $1 RETURNING hold_count";
    ACTIVATED = "UPDATE licenses SET active_count = active_count + 1, last_activated_at = $2, term_end = $3 WHERE id = $1";
    RETURNED = "UPDATE licenses SET active_count = active_count - $2, returned_count = returned_count + $2 WHERE id = $1";
    FORGOTTEN = "UPDATE licenses SET active_count = active_count - $2, returned_count = returned_count - $3 WHERE id = $1";
    LOCK_FREE = "SELECT id FROM licenses WHERE product_id = $1 AND profile_id IS NULL AND acquired = FALSE \
                 AND active_count = 0 AND returned_count = 0 AND role = 'standard' ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED";
    LOCK_FREE_OF_PROFILE = "SELECT id FROM licenses WHERE product_id = $1 AND profile_id = $3 AND acquired = FALSE \
                 AND active_count = 0 AND returned_count = 0 AND role = 'standard' ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED";
    SET_ACQUIRED = "UPDATE licenses SET acquired = TRUE, modified_at = $2, version = version + 1 WHERE id = $1 RETURNING code, account_id";

    INSERT_NOTE = "INSERT INTO notes (id, license_id, number, kind, text, author, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    NOTE = "SELECT number, kind, text, author, created_at FROM notes WHERE license_id = $1 AND number = $2";
    UPDATE_NOTE = "UPDATE notes SET kind = $3, text = $4 WHERE license_id = $1 AND number = $2";
    DELETE_NOTE = "DELETE FROM notes WHERE license_id = $1 AND number = $2";
    DELETE_NOTES = "DELETE FROM notes WHERE license_id = $1";
    COUNT_NOTES = "SELECT count(*) FROM notes WHERE license_id = $1";
    NOTES = "SELECT number, kind, text, author, created_at FROM notes WHERE license_id = $1 ORDER BY number";

    OPEN_SEGMENT = "SELECT id, account_id, product_id, term_kind, ends_at, quantity, held, from_at, to_at FROM segments \
                    WHERE license_id = $1 AND to_at IS NULL";
    SEGMENTS = "SELECT id, account_id, product_id, term_kind, ends_at, quantity, held, from_at, to_at FROM segments \
                WHERE license_id = $1 ORDER BY from_at, id";
    BEGIN_TERM = "UPDATE segments SET ends_at = $2 WHERE license_id = $1 AND to_at IS NULL";
    CLOSE_SEGMENT = "UPDATE segments SET to_at = $2 WHERE id = $1";
    DROP_SEGMENT = "DELETE FROM segments WHERE id = $1";
    INSERT_SEGMENT = "INSERT INTO segments (id, tenant_id, license_id, account_id, product_id, term_kind, ends_at, quantity, held, from_at, to_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL)";

    RAISE_VERSION = "UPDATE licenses SET version = version + 1 WHERE id = $1";
    SET_TOKEN_LIMIT = "INSERT INTO grants (owner_id, feature_id, enabled, unit_limit, used) VALUES ($1, $2, FALSE, $3, 0) \
                       ON CONFLICT (owner_id, feature_id) DO UPDATE SET unit_limit = excluded.unit_limit";
    SET_TOKENS_USED = "UPDATE grants SET used = $3 WHERE owner_id = $1 AND feature_id = $2";
    HELD_BY_OTHERS = "SELECT CAST(coalesce(sum(held), 0) AS BIGINT) FROM checkouts \
                      WHERE license_id = $1 AND feature_id = $2 AND fingerprint <> $3";
    CHECKED_OUT = "SELECT user_name, activation_id, consumed FROM checkouts \
                   WHERE license_id = $1 AND feature_id = $2 AND fingerprint = $3 ORDER BY user_name";
    DROP_CHECKOUTS = "DELETE FROM checkouts WHERE license_id = $1 AND feature_id = $2 AND fingerprint = $3";
    PUT_CHECKOUT = "INSERT INTO checkouts (license_id, feature_id, fingerprint, user_name, activation_id, held, consumed) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7)";
    CHECKOUTS_OF = "SELECT c.feature_id, c.fingerprint, c.user_name, c.held, c.consumed FROM checkouts c \
                    WHERE c.license_id = $1 AND c.held > 0 ORDER BY c.feature_id, c.fingerprint, c.user_name";

    ERASE_CHECKOUTS = "DELETE FROM checkouts WHERE license_id = $1";
    ERASE_ACTIVATIONS = "DELETE FROM activations WHERE license_id = $1";
    ERASE_HOLDS = "DELETE FROM holds WHERE license_id = $1";
    ERASE_ALIASES = "DELETE FROM aliases WHERE record_id = $1";
    ERASE_ATTRIBUTES = "DELETE FROM attributes WHERE record_id = $1";
    ERASE = "DELETE FROM licenses WHERE id = $1";

    // What is read of one license has a statement without a list: SQLite makes a table of its own for every list.
    ACCOUNT_NAME = "SELECT id, name FROM accounts WHERE id = $1";
    PROFILE_NAME = "SELECT id, name FROM profiles WHERE id = $1";
    LIVE_COUNT = concat!(
        "SELECT license_id, count(*) FROM activations WHERE license_id = $1 AND ", live!("", "$2"), " GROUP BY license_id");
    ACCOUNT_NAMES = concat!("SELECT id, name FROM accounts WHERE id IN (", fifty!(), ")");
    PROFILE_NAMES = concat!("SELECT id, name FROM profiles WHERE id IN (", fifty!(), ")");
    LIVE_COUNTS = concat!(
        "SELECT license_id, count(*) FROM activations WHERE license_id IN (", fifty!(), ") AND ", live!("", "$51"),
        " GROUP BY license_id");
    LAPSED_USE = concat!(
        "SELECT c.license_id, c.feature_id, CAST(sum(c.held) AS BIGINT) FROM checkouts c \
         JOIN activations a ON a.id = c.activation_id JOIN features f ON f.id = c.feature_id \
         WHERE a.state = 'active' AND a.lease_end <= $51 AND f.kind IN ('floating', 'pool') \
         AND c.license_id IN (", fifty!(), ") GROUP BY c.license_id, c.feature_id");
}

impl License {
    /// How many columns it has.
    pub(crate) const COLUMNS: usize = 30;

    /// Reads a license from the columns that begin here.
    pub(crate) fn at(row: &dyn Row, first: usize) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(first)?,
            tenant: row.get(first + 1)?,
            account: row.get(first + 2)?,
            product: row.get(first + 3)?,
            profile: row.get(first + 4)?,
            code: row.get(first + 5)?,
            role: row.get(first + 6)?,
            reference: row.get(first + 7)?,
            order: row.get(first + 8)?,
            acquired: row.get(first + 9)?,
            hold_count: row.get(first + 10)?,
            active_count: row.get(first + 11)?,
            returned_count: row.get(first + 12)?,
            last_activated_at: row.get(first + 13)?,
            trial_extensions: row.get(first + 14)?,
            created_at: row.get(first + 15)?,
            modified_at: row.get(first + 16)?,
            version: row.get(first + 17)?,
            terms: Terms::from_columns(row, first + 18)?,
        })
    }
}

impl FromRow for License {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Self::at(row, 0)
    }
}

impl FromRow for Note {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.get(0)?,
            kind: row.get(1)?,
            text: row.get(2)?,
            author: row.get(3)?,
            created_at: row.get(4)?,
        })
    }
}

impl FromRow for Segment {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            account: row.get(1)?,
            product: row.get(2)?,
            term: row.get(3)?,
            ends_at: row.get(4)?,
            quantity: row.get(5)?,
            held: row.get(6)?,
            from: row.get(7)?,
            to: row.get(8)?,
        })
    }
}

pub(super) fn update(tx: &mut dyn Tx, license: &License) -> Result<(), StoreError> {
    let mut params: Vec<Value> = vec![
        license.id.into(),
        license.account.into(),
        license.profile.into(),
        license.order.as_str().into(),
        license.acquired.into(),
    ];
    params.extend(license.terms.params());
    params.extend([license.modified_at.into(), license.trial_extensions.into()]);
    tx.execute(UPDATE, &params)?;
    Ok(())
}

pub(crate) fn by_id(tx: &mut dyn Tx, id: LicenseId) -> Result<Option<License>, StoreError> {
    tx.opt(BY_ID, &[id.into()])
}

/// Licenses in the order of their ids, a statement per fifty; `ids` are in that order.
pub(super) fn by_ids(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<License>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(CHUNK) {
        found.extend(tx.all::<License>(BY_IDS, &padded(some))?);
    }
    Ok(found)
}

pub(crate) fn lock(tx: &mut dyn Tx, id: LicenseId) -> Result<Option<License>, StoreError> {
    tx.opt(LOCK, &[id.into()])
}

pub(crate) fn lock_by_code(tx: &mut dyn Tx, product: ProductId, code: &str) -> Result<Option<License>, StoreError> {
    tx.opt(LOCK_BY_CODE, &[product.into(), code.into()])
}

pub(super) fn by_code(tx: &mut dyn Tx, tenant: AccountId, code: &str) -> Result<Vec<License>, StoreError> {
    tx.all(BY_CODE, &[tenant.into(), code.into()])
}

pub(super) fn by_product_and_code(
    tx: &mut dyn Tx,
    product: ProductId,
    code: &str,
) -> Result<Option<License>, StoreError> {
    tx.opt(BY_PRODUCT_AND_CODE, &[product.into(), code.into()])
}

fn filter_params(filter: &LicenseFilter) -> Vec<Value> {
    let switch = |on: bool| Value::from(i64::from(on));
    let nil = Uuid::nil();
    let (profile, profile_name) = match &filter.profile {
        None => (0, ""),
        Some(None) => (1, ""),
        Some(Some(name)) => (2, name.as_str()),
    };
    vec![
        filter.tenant.into(),
        switch(filter.product.is_some()),
        filter.product.map_or(nil, |id| id.0).into(),
        switch(filter.account.is_some()),
        filter.account.map_or(nil, |id| id.0).into(),
        Value::Int(profile),
        profile_name.into(),
        switch(filter.acquired.is_some()),
        filter.acquired.unwrap_or_default().into(),
        switch(filter.used.is_some()),
        filter.used.unwrap_or_default().into(),
        switch(filter.activated.is_some()),
        filter.activated.unwrap_or_default().into(),
        switch(filter.passive.is_some()),
        filter.passive.unwrap_or_default().into(),
    ]
}

pub(super) fn page(
    tx: &mut dyn Tx,
    filter: &LicenseFilter,
    start: Start,
    limit: u32,
) -> Result<Vec<License>, StoreError> {
    tx.all(PAGE, &[filter_params(filter), start.params(limit).to_vec()].concat())
}

/// A page behind so many licenses that follow on one.
pub(super) fn page_behind(
    tx: &mut dyn Tx,
    filter: &LicenseFilter,
    after: Uuid,
    skip: i64,
    limit: u32,
) -> Result<Vec<License>, StoreError> {
    tx.all(PAGE, &[filter_params(filter), vec![after.into(), limit.into(), skip.into()]].concat())
}

pub(super) fn count(tx: &mut dyn Tx, filter: &LicenseFilter) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT, &filter_params(filter))?;
    Ok(count)
}

/// Licenses of a branch, each with the place of its account.
pub(super) fn ids_after(
    tx: &mut dyn Tx,
    branch: &Path,
    product: Option<ProductId>,
    code: Option<&str>,
    after: Uuid,
    limit: u32,
) -> Result<Vec<(Uuid, Path)>, StoreError> {
    let mut params: Vec<Value> = vec![
        after.into(),
        branch.into(),
        branch.end().into(),
        i64::from(product.is_some()).into(),
        product.unwrap_or(ProductId(Uuid::nil())).into(),
    ];
    let statement = if code.is_some() { AFTER_WITH_CODE } else { AFTER };
    params.extend(code.map(Value::from));
    params.push(limit.into());
    tx.all(statement, &params)
}

/// `LIKE` with `!` as escape, so that `%` and `_` of the caller mean themselves.
pub(super) fn by_order(
    tx: &mut dyn Tx,
    tenant: AccountId,
    part: &str,
) -> Result<Vec<(ProductId, String, String)>, StoreError> {
    let literal = part.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    tx.all(BY_ORDER, &[tenant.into(), format!("%{literal}%").into()])
}

pub(super) fn of_profile(tx: &mut dyn Tx, profile: ProfileId, after: LicenseId) -> Result<Vec<License>, StoreError> {
    tx.all(OF_PROFILE, &[profile.into(), after.into()])
}

/// The first five hundred licenses of an account, locked.
pub(super) fn of_account(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<License>, StoreError> {
    tx.all(OF_ACCOUNT, &[account.into()])
}

/// Adds to the number of live holds; gives the new number.
pub(crate) fn add_holds(tx: &mut dyn Tx, id: LicenseId, by: i64) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(SET_HOLDS, &[id.into(), by.into()])?;
    Ok(count)
}

/// Counts an activation; for [`super::activated`].
pub(super) fn count_activation(
    tx: &mut dyn Tx,
    id: LicenseId,
    now: Timestamp,
    term_end: Option<Timestamp>,
) -> Result<(), StoreError> {
    tx.queue(ACTIVATED, &[id.into(), now.into(), term_end.into()])
}

pub(crate) fn count_returns(tx: &mut dyn Tx, id: LicenseId, returned: i64) -> Result<(), StoreError> {
    tx.execute(RETURNED, &[id.into(), returned.into()])?;
    Ok(())
}

pub(crate) fn uncount(tx: &mut dyn Tx, id: LicenseId, active: i64, returned: i64) -> Result<(), StoreError> {
    tx.execute(FORGOTTEN, &[id.into(), active.into(), returned.into()])?;
    Ok(())
}

pub(super) fn lock_free(
    tx: &mut dyn Tx,
    product: ProductId,
    profile: Option<ProfileId>,
    amount: u32,
) -> Result<Vec<LicenseId>, StoreError> {
    let ids: Vec<(LicenseId,)> = match profile {
        None => tx.all(LOCK_FREE, &[product.into(), amount.into()])?,
        Some(profile) => tx.all(LOCK_FREE_OF_PROFILE, &[product.into(), amount.into(), profile.into()])?,
    };
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Marks a license as handed out; gives its code and its account.
pub(super) fn set_acquired(tx: &mut dyn Tx, id: LicenseId, now: Timestamp) -> Result<(String, AccountId), StoreError> {
    tx.one(SET_ACQUIRED, &[id.into(), now.into()])
}

pub(super) fn insert_note(tx: &mut dyn Tx, id: NoteId, license: LicenseId, note: &Note) -> Result<(), StoreError> {
    let params = [
        id.into(),
        license.into(),
        note.number.into(),
        note.kind.word().into(),
        note.text.as_str().into(),
        note.author.as_str().into(),
        note.created_at.into(),
    ];
    tx.execute(INSERT_NOTE, &params)?;
    Ok(())
}

pub(super) fn count_notes(tx: &mut dyn Tx, license: LicenseId) -> Result<usize, StoreError> {
    let (count,): (i64,) = tx.one(COUNT_NOTES, &[license.into()])?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

pub(super) fn note(tx: &mut dyn Tx, license: LicenseId, number: i64) -> Result<Option<Note>, StoreError> {
    tx.opt(NOTE, &[license.into(), number.into()])
}

pub(super) fn update_note(tx: &mut dyn Tx, license: LicenseId, note: &Note) -> Result<(), StoreError> {
    let params = [license.into(), note.number.into(), note.kind.word().into(), note.text.as_str().into()];
    tx.execute(UPDATE_NOTE, &params)?;
    Ok(())
}

pub(super) fn delete_note(tx: &mut dyn Tx, license: LicenseId, number: i64) -> Result<bool, StoreError> {
    Ok(tx.execute(DELETE_NOTE, &[license.into(), number.into()])? == 1)
}

pub(super) fn delete_notes(tx: &mut dyn Tx, license: LicenseId) -> Result<(), StoreError> {
    tx.execute(DELETE_NOTES, &[license.into()])?;
    Ok(())
}

pub(super) fn notes(tx: &mut dyn Tx, license: LicenseId) -> Result<Vec<Note>, StoreError> {
    tx.all(NOTES, &[license.into()])
}

pub(super) fn open_segment(tx: &mut dyn Tx, license: LicenseId) -> Result<Option<Segment>, StoreError> {
    tx.opt(OPEN_SEGMENT, &[license.into()])
}

pub(super) fn segments(tx: &mut dyn Tx, license: LicenseId) -> Result<Vec<Segment>, StoreError> {
    tx.all(SEGMENTS, &[license.into()])
}

pub(super) fn close_segment(tx: &mut dyn Tx, segment: Uuid, at: Timestamp) -> Result<(), StoreError> {
    tx.execute(CLOSE_SEGMENT, &[segment.into(), at.into()])?;
    Ok(())
}

pub(super) fn drop_segment(tx: &mut dyn Tx, segment: Uuid) -> Result<(), StoreError> {
    tx.execute(DROP_SEGMENT, &[segment.into()])?;
    Ok(())
}

/// Tells the open segment when a term that begins now will end.
pub(super) fn begin_term(tx: &mut dyn Tx, license: LicenseId, end: Option<Timestamp>) -> Result<(), StoreError> {
    tx.queue(BEGIN_TERM, &[license.into(), end.into()])
}

pub(super) fn insert_segment(tx: &mut dyn Tx, id: Uuid, license: &License, from: Timestamp) -> Result<(), StoreError> {
    let term = license.terms.term;
    let params = [
        id.into(),
        license.tenant.into(),
        license.id.into(),
        license.account.into(),
        license.product.into(),
        term.kind.word().into(),
        term.end.into(),
        license.terms.activation_limit.into(),
        (license.hold_count > 0).into(),
        from.into(),
    ];
    tx.execute(INSERT_SEGMENT, &params)?;
    Ok(())
}

/// Says that something of a license changed that shows in its leases.
pub(super) fn raise_version(tx: &mut dyn Tx, id: LicenseId) -> Result<(), StoreError> {
    tx.execute(RAISE_VERSION, &[id.into()])?;
    Ok(())
}

pub(super) fn set_token_limit(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    limit: i64,
) -> Result<(), StoreError> {
    tx.execute(SET_TOKEN_LIMIT, &[license.into(), feature.into(), limit.into()])?;
    Ok(())
}

pub(super) fn set_tokens_used(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    used: i64,
) -> Result<(), StoreError> {
    tx.execute(SET_TOKENS_USED, &[license.into(), feature.into(), used.into()])?;
    Ok(())
}

pub(super) fn held_by_others(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    fingerprint: &str,
) -> Result<i64, StoreError> {
    let (held,): (i64,) = tx.one(HELD_BY_OTHERS, &[license.into(), feature.into(), fingerprint.into()])?;
    Ok(held)
}

/// User, activation and consumed figure of each check-out of a device.
pub(super) fn checked_out(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    fingerprint: &str,
) -> Result<Vec<(String, Option<Uuid>, i64)>, StoreError> {
    tx.all(CHECKED_OUT, &[license.into(), feature.into(), fingerprint.into()])
}

pub(super) fn drop_checkouts(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    fingerprint: &str,
) -> Result<(), StoreError> {
    tx.execute(DROP_CHECKOUTS, &[license.into(), feature.into(), fingerprint.into()])?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub(super) fn put_checkout(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    fingerprint: &str,
    user: &str,
    activation: Option<Uuid>,
    held: i64,
    consumed: i64,
) -> Result<(), StoreError> {
    let params = [
        license.into(),
        feature.into(),
        fingerprint.into(),
        user.into(),
        activation.into(),
        held.into(),
        consumed.into(),
    ];
    tx.execute(PUT_CHECKOUT, &params)?;
    Ok(())
}

pub(super) type CheckoutRow = (FeatureId, String, String, i64, i64);

/// Feature, device, user, held and consumed of every check-out of a license.
pub(super) fn checkouts_of(tx: &mut dyn Tx, license: LicenseId) -> Result<Vec<CheckoutRow>, StoreError> {
    tx.all(CHECKOUTS_OF, &[license.into()])
}

/// Removes a license and everything that hangs on it but its segments, events and consumer records: those are facts.
pub(super) fn erase(tx: &mut dyn Tx, license: LicenseId) -> Result<(), StoreError> {
    let all = [ERASE_CHECKOUTS, ERASE_ACTIVATIONS, ERASE_HOLDS, DELETE_NOTES, ERASE_ALIASES, ERASE_ATTRIBUTES, ERASE];
    for statement in all {
        tx.execute(statement, &[license.into()])?;
    }
    Ok(())
}

/// Forgets what was checked out of a license.
pub(super) fn erase_checkouts(tx: &mut dyn Tx, license: LicenseId) -> Result<(), StoreError> {
    tx.execute(ERASE_CHECKOUTS, &[license.into()])?;
    Ok(())
}

pub(super) fn set_product(tx: &mut dyn Tx, license: LicenseId, product: ProductId) -> Result<(), StoreError> {
    tx.execute(SET_PRODUCT, &[license.into(), product.into()])?;
    Ok(())
}

/// The code of a license of an account to a product whose term is not over, other than this one.
pub(crate) fn running(
    tx: &mut dyn Tx,
    account: AccountId,
    product: ProductId,
    except: Option<LicenseId>,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let except = except.map_or(Uuid::nil(), |id| id.0);
    let found: Option<(String,)> = tx.opt(RUNNING, &[account.into(), product.into(), except.into(), now.into()])?;
    Ok(found.map(|(code,)| code))
}

/// Names of at most fifty accounts.
pub(super) fn account_names(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, StoreError> {
    match ids {
        [id] => tx.all(ACCOUNT_NAME, &[(*id).into()]),
        _ => tx.all(ACCOUNT_NAMES, &padded(ids)),
    }
}

/// Names of at most fifty profiles.
pub(super) fn profile_names(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, StoreError> {
    match ids {
        [id] => tx.all(PROFILE_NAME, &[(*id).into()]),
        _ => tx.all(PROFILE_NAMES, &padded(ids)),
    }
}

/// Activations with a live lease of at most fifty licenses; those that have none are left out.
pub(super) fn live_counts(tx: &mut dyn Tx, ids: &[Uuid], now: Timestamp) -> Result<Vec<(LicenseId, i64)>, StoreError> {
    match ids {
        [id] => tx.all(LIVE_COUNT, &[(*id).into(), now.into()]),
        _ => tx.all(LIVE_COUNTS, &[padded(ids), vec![now.into()]].concat()),
    }
}

/// Seats and elements held by activations whose lease has ended, by license and feature.
pub(super) fn lapsed_use(
    tx: &mut dyn Tx,
    ids: &[Uuid],
    now: Timestamp,
) -> Result<Vec<(LicenseId, FeatureId, i64)>, StoreError> {
    tx.all(LAPSED_USE, &[padded(ids), vec![now.into()]].concat())
}

/// A license where only its name counts.
pub(super) struct Key {
    pub id: LicenseId,
    pub code: String,
    pub product: ProductId,
    pub account: AccountId,
    pub path: Path,
}

impl FromRow for Key {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let (id, code, product) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Self { id, code, product, account: row.get(3)?, path: row.get(4)? })
    }
}

/// The licenses of a branch, in no order.
pub(super) fn keys_below(tx: &mut dyn Tx, branch: &Path) -> Result<Vec<Key>, StoreError> {
    tx.all(KEYS_BELOW, &[branch.into(), branch.end().into()])
}
