//! The SQL of devices: activations, check-outs, trials and reports.

pub(crate) mod analytics;
pub(crate) mod consumers;
pub(crate) mod entry;
pub(crate) mod lapse;
pub(crate) mod texts;

use super::activate::Way;
use super::lease::Times;
use super::{Activation, Device, Trial, TrialFilter, TrialState};
use crate::catalog::{GrantView, Product};
use crate::clock::Timestamp;
use crate::id::{AccountId, ActivationId, DeviceId, FeatureId, LicenseId, ProductId, TrialId};
use crate::page::Start;
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

/// The columns of an activation in the order [`Activation::at`] reads them; with a table's name and a dot where more than
/// one is read.
macro_rules! activation_list {
    ($table:literal) => {
        concat!(
            $table,
            "id, ",
            $table,
            "tenant_id, ",
            $table,
            "product_id, ",
            $table,
            "license_id, ",
            $table,
            "trial_id, ",
            $table,
            "device_id, ",
            $table,
            "fingerprint, ",
            $table,
            "user_name, ",
            $table,
            "kind, ",
            $table,
            "state, ",
            $table,
            "virtual_platform, ",
            $table,
            "activated_at, ",
            $table,
            "returned_at, ",
            $table,
            "lease_number, ",
            $table,
            "leased_at, ",
            $table,
            "lease_end, ",
            $table,
            "secret_generation, ",
            $table,
            "renew_at, ",
            $table,
            "answer_lost, ",
            $table,
            "long_until"
        )
    };
}
use activation_list;

/// Does an activation hold a lease that lives then? As long as it is to be looked at later it does, and of that an index tells:
/// most rows need not be read.
macro_rules! live {
    ($table:literal, $now:literal) => {
        concat!(
            "(",
            $table,
            "look_at IS NOT NULL AND (",
            $table,
            "look_at > ",
            $now,
            " OR ",
            $table,
            "lease_end IS NULL OR ",
            $table,
            "lease_end > ",
            $now,
            "))"
        )
    };
}
pub(crate) use live;

/// Is an activation in use? In the words of the index that knows the one of a device, license and user.
macro_rules! in_use {
    ($table:literal) => {
        concat!("nullif(", $table, "state, 'returned') = 'active'")
    };
}
pub(crate) use in_use;

macro_rules! activation_columns {
    () => {
        concat!("SELECT ", activation_list!(""), " FROM activations ")
    };
}

macro_rules! trial_columns {
    () => {
        "SELECT t.id, t.tenant_id, t.product_id, t.device_id, d.fingerprint, t.days, t.started_at, t.modified_at, \
         t.lease_end, t.ends_at, t.converted_at, t.license_id, t.license_code \
         FROM trials t JOIN devices d ON d.id = t.device_id "
    };
}

// Each filter is a switch and a value, so that one statement serves every combination.
macro_rules! trial_filter {
    () => {
        "WHERE t.tenant_id = $1 \
         AND (CAST($2 AS BIGINT) = 0 OR t.product_id = $3) \
         AND (CAST($4 AS BIGINT) = 0 OR d.fingerprint = $5) \
         AND t.ends_at < $6 AND t.ends_at > $7 AND t.started_at < $8 AND t.started_at > $9 \
         AND (CAST($10 AS BIGINT) = 0 OR (t.ends_at > $11) = $12) \
         AND (CAST($13 AS BIGINT) = 0 OR (t.converted_at IS NOT NULL) = $14) "
    };
}

statements! {
    INSERT = "INSERT INTO activations (id, tenant_id, product_id, license_id, trial_id, device_id, fingerprint, user_name, kind, \
        state, virtual_platform, activated_at, lease_number, leased_at, lease_end, secret_generation, renew_at, long_until, \
        request_id, look_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    BY_ID = concat!(activation_columns!(), "WHERE id = $1");
    LOCK = concat!(activation_columns!(), "WHERE id = $1 FOR UPDATE");
    OF_TRIAL = concat!(activation_columns!(), "WHERE trial_id = $1 AND state = 'active'");
    COUNT_LIVE = concat!("SELECT count(*) FROM activations WHERE license_id = $1 AND ", live!("", "$2"));
    /// Names no column that an index has, as BEAT: else its entries would be written anew each time.
    EXTEND = "UPDATE activations SET lease_number = $2, leased_at = $3, lease_end = $4, renew_at = $5, long_until = $6, \
              answer_lost = $7 WHERE id = $1";
    EXTEND_BY_REQUEST = "UPDATE activations SET request_id = coalesce($2, request_id), kind = $3 WHERE id = $1";
    BEAT = "UPDATE activations SET leased_at = $2, lease_end = $3, renew_at = $4 WHERE id = $1";
    SET_RETURNED = "UPDATE activations SET state = 'returned', returned_at = $2, return_cause = $3, look_at = NULL \
                    WHERE id = $1";
    LIVE_OF_LICENSE = concat!(activation_columns!(), "WHERE license_id = $1 AND ", live!("", "$2"), " ORDER BY id");
    ACTIVE_OF_LICENSE = concat!(activation_columns!(), "WHERE license_id = $1 AND state = 'active' ORDER BY id");
    OF_LICENSE = concat!(activation_columns!(),
        "WHERE license_id = $1 AND (CAST($2 AS BIGINT) = 0 OR state = 'active') AND id > $3 ORDER BY id LIMIT $4 OFFSET $5");
    RECORDS = "SELECT id, state = 'active' FROM activations WHERE license_id = $1 \
               AND (CAST($2 AS BIGINT) = 0 OR fingerprint = $3) ORDER BY id";
    ERASE = "DELETE FROM activations WHERE id = $1";
    LICENSES_ON = "SELECT DISTINCT l.product_id, l.code FROM products p \
                   JOIN devices d ON d.product_id = p.id AND d.fingerprint = $2 \
                   JOIN activations a ON a.device_id = d.id AND a.state = 'active' JOIN licenses l ON l.id = a.license_id \
                   WHERE p.tenant_id = $1 ORDER BY l.product_id, l.code";
    ANSWER_TO = "SELECT answer FROM activations WHERE product_id = $1 AND request_id = $2 AND answer IS NOT NULL";
    KEEP_ANSWER = "UPDATE activations SET answer = $2 WHERE id = $1";

    KNOWN = "INSERT INTO devices (id, tenant_id, product_id, fingerprint, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (product_id, fingerprint) DO NOTHING";
    NAME_DEVICE = "UPDATE devices SET name = $2 WHERE id = $1";
    DEVICE_OF = "SELECT id, public_key, name FROM devices WHERE product_id = $1 AND fingerprint = $2";
    LOCK_DEVICE = "SELECT id, public_key FROM devices WHERE id = $1 FOR UPDATE";
    LOCK_DEVICE_OF = "SELECT id, public_key FROM devices WHERE product_id = $1 AND fingerprint = $2 FOR UPDATE";
    SET_PUBLIC_KEY = "UPDATE devices SET public_key = $2 WHERE id = $1";
    PUBLIC_KEY = "SELECT public_key FROM devices WHERE id = $1";
    SET_SYSTEM = "UPDATE devices SET system = $2, reported_at = $3 WHERE id = $1";
    SYSTEM_OF = "SELECT system FROM devices WHERE product_id = $1 AND fingerprint = $2 AND system IS NOT NULL";
    WAS_LICENSED = "SELECT id FROM activations WHERE device_id = $1 AND license_id IS NOT NULL LIMIT 1";

    HELD = "SELECT coalesce(c.held, 0), coalesce(c.consumed, 0), coalesce(g.enabled, FALSE), coalesce(g.unit_limit, 0), \
            coalesce(g.used, 0) FROM (SELECT 1 AS one) o \
            LEFT JOIN grants g ON g.owner_id = $1 AND g.feature_id = $2 \
            LEFT JOIN checkouts c ON c.license_id = $1 AND c.feature_id = $2 AND c.fingerprint = $3 AND c.user_name = $4";
    PUT_HELD = "INSERT INTO checkouts (license_id, feature_id, fingerprint, user_name, activation_id, held, consumed) \
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (license_id, feature_id, fingerprint, user_name) \
                DO UPDATE SET activation_id = excluded.activation_id, held = excluded.held, consumed = excluded.consumed";
    SET_USED = "UPDATE grants SET used = $3 WHERE owner_id = $1 AND feature_id = $2";
    RELEASABLE = "SELECT c.license_id, c.feature_id, c.fingerprint, c.user_name, c.held FROM checkouts c \
                  JOIN features f ON f.id = c.feature_id WHERE c.activation_id = $1 AND f.kind IN ('floating', 'pool')";
    LAPSED_HOLDERS = "SELECT DISTINCT a.id FROM checkouts c JOIN activations a ON a.id = c.activation_id \
                      WHERE c.license_id = $1 AND a.id <> $2 AND a.state = 'active' AND a.lease_end <= $3";
    DROP_CHECKOUT = "DELETE FROM checkouts WHERE license_id = $1 AND feature_id = $2 AND fingerprint = $3 AND user_name = $4";
    LOWER_USED = "UPDATE grants SET used = used - $3 WHERE owner_id = $1 AND feature_id = $2";

    INSERT_TRIAL = "INSERT INTO trials (id, tenant_id, product_id, device_id, days, started_at, modified_at, lease_end, ends_at, told) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, FALSE)";
    TRIAL_OF_DEVICE = concat!(trial_columns!(), "WHERE t.device_id = $1");
    TRIAL_ON = concat!(trial_columns!(), "WHERE d.product_id = $1 AND d.fingerprint = $2");
    REFRESH_TRIAL = "UPDATE trials SET modified_at = $2, lease_end = $3 WHERE id = $1";
    CONVERT_TRIAL = "UPDATE trials SET converted_at = $2, license_id = $3, license_code = $4, told = TRUE WHERE id = $1";
    DELETE_TRIAL_ACTIVATIONS = "DELETE FROM activations WHERE trial_id = $1";
    DELETE_TRIAL = "DELETE FROM trials WHERE id = $1";
    TRIALS = concat!(trial_columns!(), trial_filter!(), "AND t.id > $15 ORDER BY t.id LIMIT $16 OFFSET $17");
    COUNT_TRIALS = concat!("SELECT count(*) FROM trials t JOIN devices d ON d.id = t.device_id ", trial_filter!());
}

impl Activation {
    /// How many columns it has.
    const COLUMNS: usize = 20;

    /// Reads an activation from the columns that begin here.
    fn at(row: &dyn Row, first: usize) -> Result<Self, StoreError> {
        let state: String = row.get(first + 9)?;
        Ok(Self {
            id: row.get(first)?,
            tenant: row.get(first + 1)?,
            product: row.get(first + 2)?,
            license: row.get(first + 3)?,
            trial: row.get(first + 4)?,
            device: row.get(first + 5)?,
            fingerprint: row.get(first + 6)?,
            user: row.get(first + 7)?,
            kind: row.get(first + 8)?,
            active: state == "active",
            virtual_platform: row.get(first + 10)?,
            activated_at: row.get(first + 11)?,
            returned_at: row.get(first + 12)?,
            lease_number: row.get(first + 13)?,
            leased_at: row.get(first + 14)?,
            lease_end: row.get(first + 15)?,
            secret_generation: row.get(first + 16)?,
            renew_at: row.get(first + 17)?,
            answer_lost: row.get(first + 18)?,
            long_until: row.get(first + 19)?,
        })
    }
}

impl FromRow for Activation {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Self::at(row, 0)
    }
}

impl FromRow for Trial {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            product: row.get(2)?,
            device: row.get(3)?,
            fingerprint: row.get(4)?,
            days: row.get(5)?,
            started_at: row.get(6)?,
            modified_at: row.get(7)?,
            lease_end: row.get(8)?,
            ends_at: row.get(9)?,
            converted_at: row.get(10)?,
            license: row.get(11)?,
            license_code: row.get(12)?,
        })
    }
}

pub(super) fn insert(tx: &mut dyn Tx, activation: &Activation, request: Option<&str>) -> Result<(), StoreError> {
    let params = [
        activation.id.into(),
        activation.tenant.into(),
        activation.product.into(),
        activation.license.into(),
        activation.trial.into(),
        activation.device.into(),
        activation.fingerprint.as_str().into(),
        activation.user.as_str().into(),
        activation.kind.word().into(),
        activation.virtual_platform.clone().into(),
        activation.activated_at.into(),
        activation.lease_number.into(),
        activation.leased_at.into(),
        activation.lease_end.into(),
        activation.secret_generation.into(),
        activation.renew_at.into(),
        activation.long_until.into(),
        request.into(),
        lapse::first_look(activation.lease_end).into(),
    ];
    tx.queue(INSERT, &params)
}

pub(super) fn by_id(tx: &mut dyn Tx, id: ActivationId) -> Result<Option<Activation>, StoreError> {
    tx.opt(BY_ID, &[id.into()])
}

pub(super) fn lock(tx: &mut dyn Tx, id: ActivationId) -> Result<Option<Activation>, StoreError> {
    tx.opt(LOCK, &[id.into()])
}

pub(super) fn of_trial(tx: &mut dyn Tx, trial: TrialId) -> Result<Option<Activation>, StoreError> {
    tx.opt(OF_TRIAL, &[trial.into()])
}

pub(super) fn count_live(tx: &mut dyn Tx, license: LicenseId, now: Timestamp) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT_LIVE, &[license.into(), now.into()])?;
    Ok(count)
}

/// Gives an activation its next lease, by whichever way its device asked this time. `look_at` is when it is looked at next, if
/// that was read with the row locked.
pub(super) fn extend(
    tx: &mut dyn Tx,
    activation: &Activation,
    now: Timestamp,
    times: &Times,
    way: Way<'_>,
    look_at: Option<Timestamp>,
) -> Result<Activation, StoreError> {
    let params = [
        activation.id.into(),
        times.number.into(),
        now.into(),
        times.lease_end.into(),
        times.renew_at.into(),
        times.long_until.into(),
        times.answer_lost.into(),
    ];
    tx.queue(EXTEND, &params)?;
    lapse::look_by(tx, activation.id, look_at, times.lease_end)?;
    if way.kind != activation.kind || way.request.is_some() {
        tx.queue(EXTEND_BY_REQUEST, &[activation.id.into(), way.request.into(), way.kind.word().into()])?;
    }
    Ok(Activation {
        lease_number: times.number,
        leased_at: now,
        lease_end: times.lease_end,
        renew_at: times.renew_at,
        long_until: times.long_until,
        answer_lost: times.answer_lost,
        kind: way.kind,
        ..activation.clone()
    })
}

/// Moves the end of a place on without another lease; `look_at` as for [`extend`].
pub(super) fn beat(
    tx: &mut dyn Tx,
    activation: &Activation,
    now: Timestamp,
    lease_end: Option<Timestamp>,
    renew_at: Option<Timestamp>,
    look_at: Option<Timestamp>,
) -> Result<Activation, StoreError> {
    tx.queue(BEAT, &[activation.id.into(), now.into(), lease_end.into(), renew_at.into()])?;
    lapse::look_by(tx, activation.id, look_at, lease_end)?;
    Ok(Activation { leased_at: now, lease_end, renew_at, ..activation.clone() })
}

pub(super) fn set_returned(tx: &mut dyn Tx, id: ActivationId, now: Timestamp, cause: &str) -> Result<(), StoreError> {
    tx.execute(SET_RETURNED, &[id.into(), now.into(), cause.into()])?;
    Ok(())
}

pub(super) fn active_of_license(tx: &mut dyn Tx, license: LicenseId) -> Result<Vec<Activation>, StoreError> {
    tx.all(ACTIVE_OF_LICENSE, &[license.into()])
}

/// Those whose lease lives.
pub(super) fn live_of_license(
    tx: &mut dyn Tx,
    license: LicenseId,
    now: Timestamp,
) -> Result<Vec<Activation>, StoreError> {
    tx.all(LIVE_OF_LICENSE, &[license.into(), now.into()])
}

pub(crate) fn of_license(
    tx: &mut dyn Tx,
    license: LicenseId,
    current: bool,
    start: Start,
    limit: u32,
) -> Result<Vec<Activation>, StoreError> {
    let of: [Value; 2] = [license.into(), i64::from(current).into()];
    tx.all(OF_LICENSE, &[of.as_slice(), &start.params(limit)].concat())
}

/// Id of each activation of a license, and whether it is in use.
pub(super) fn records_of_license(
    tx: &mut dyn Tx,
    license: LicenseId,
    fingerprint: Option<&str>,
) -> Result<Vec<(ActivationId, bool)>, StoreError> {
    let on = i64::from(fingerprint.is_some());
    tx.all(RECORDS, &[license.into(), on.into(), fingerprint.unwrap_or_default().into()])
}

pub(super) fn erase(tx: &mut dyn Tx, id: ActivationId) -> Result<(), StoreError> {
    tx.execute(ERASE, &[id.into()])?;
    Ok(())
}

pub(crate) fn licenses_on(
    tx: &mut dyn Tx,
    tenant: AccountId,
    fingerprint: &str,
) -> Result<Vec<(ProductId, String)>, StoreError> {
    tx.all(LICENSES_ON, &[tenant.into(), fingerprint.into()])
}

/// The answer a request got: the request's digest, a blank, the document.
pub(super) fn answer_to(tx: &mut dyn Tx, product: ProductId, request: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> = tx.opt(ANSWER_TO, &[product.into(), request.into()])?;
    Ok(found.map(|(answer,)| answer))
}

pub(super) fn keep_answer(
    tx: &mut dyn Tx,
    id: ActivationId,
    request_digest: &str,
    answer: &str,
) -> Result<(), StoreError> {
    tx.execute(KEEP_ANSWER, &[id.into(), format!("{request_digest} {answer}").into()])?;
    Ok(())
}

/// The device of that id, made known under `id` if the product has none.
pub(super) fn known(
    tx: &mut dyn Tx,
    id: DeviceId,
    product: &Product,
    fingerprint: &str,
    now: Timestamp,
) -> Result<Device, StoreError> {
    let params = [id.into(), product.tenant.into(), product.id.into(), fingerprint.into(), now.into()];
    if tx.execute(KNOWN, &params)? == 1 {
        return Ok(Device { id, public_key: None });
    }
    let known: entry::NamedDevice = tx.one(DEVICE_OF, &[product.id.into(), fingerprint.into()])?;
    Ok(Device { id: known.id, public_key: known.public_key })
}

/// Makes a device known that was not a moment ago. Should it have become known since, then whatever refers to the new id
/// fails as a meeting of transactions, and the command runs again: nobody waits to learn that it did not.
pub(super) fn make_known(
    tx: &mut dyn Tx,
    id: DeviceId,
    product: &Product,
    fingerprint: &str,
    now: Timestamp,
) -> Result<Device, StoreError> {
    tx.queue(KNOWN, &[id.into(), product.tenant.into(), product.id.into(), fingerprint.into(), now.into()])?;
    Ok(Device { id, public_key: None })
}

/// The device of that id with its key and name, if the product knows it.
pub(super) fn device_of(
    tx: &mut dyn Tx,
    product: ProductId,
    fingerprint: &str,
) -> Result<Option<entry::NamedDevice>, StoreError> {
    tx.opt(DEVICE_OF, &[product.into(), fingerprint.into()])
}

/// Locks a device, which guards its trial.
pub(super) fn lock_device(tx: &mut dyn Tx, id: DeviceId) -> Result<(), StoreError> {
    tx.opt::<(DeviceId, Option<Vec<u8>>)>(LOCK_DEVICE, &[id.into()])?;
    Ok(())
}

/// Locks the device of that id, if the product knows it.
pub(super) fn lock_device_of(
    tx: &mut dyn Tx,
    product: ProductId,
    fingerprint: &str,
) -> Result<Option<DeviceId>, StoreError> {
    let found: Option<(DeviceId, Option<Vec<u8>>)> = tx.opt(LOCK_DEVICE_OF, &[product.into(), fingerprint.into()])?;
    Ok(found.map(|(id, _)| id))
}

pub(super) fn name_device(tx: &mut dyn Tx, device: DeviceId, name: &str) -> Result<(), StoreError> {
    tx.queue(NAME_DEVICE, &[device.into(), name.into()])
}

pub(super) fn set_public_key(tx: &mut dyn Tx, device: DeviceId, key: [u8; 32]) -> Result<(), StoreError> {
    tx.execute(SET_PUBLIC_KEY, &[device.into(), key.into()])?;
    Ok(())
}

pub(super) fn public_key(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<Vec<u8>>, StoreError> {
    let found: Option<(Option<Vec<u8>>,)> = tx.opt(PUBLIC_KEY, &[device.into()])?;
    Ok(found.and_then(|(key,)| key))
}

pub(super) fn set_system(tx: &mut dyn Tx, device: DeviceId, text: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(SET_SYSTEM, &[device.into(), text.into(), now.into()])?;
    Ok(())
}

pub(super) fn system_of(tx: &mut dyn Tx, product: ProductId, fingerprint: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> = tx.opt(SYSTEM_OF, &[product.into(), fingerprint.into()])?;
    Ok(found.map(|(text,)| text))
}

/// Has the device ever had a license of the product?
pub(super) fn was_licensed(tx: &mut dyn Tx, device: DeviceId) -> Result<bool, StoreError> {
    let found: Option<(ActivationId,)> = tx.opt(WAS_LICENSED, &[device.into()])?;
    Ok(found.is_some())
}

/// What a license grants of a feature and what a device and user have of it: charged in all, and consumed of that.
pub(super) fn held(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    activation: &Activation,
) -> Result<(GrantView, i64, i64), StoreError> {
    let params =
        [license.into(), feature.into(), activation.fingerprint.as_str().into(), activation.user.as_str().into()];
    let (held, consumed, enabled, limit, used): (i64, i64, bool, i64, i64) = tx.one(HELD, &params)?;
    Ok((GrantView { enabled, limit, used }, held, consumed))
}

pub(super) fn put_held(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    activation: &Activation,
    held: i64,
    consumed: i64,
) -> Result<(), StoreError> {
    let params = [
        license.into(),
        feature.into(),
        activation.fingerprint.as_str().into(),
        activation.user.as_str().into(),
        activation.id.into(),
        held.into(),
        consumed.into(),
    ];
    tx.queue(PUT_HELD, &params)
}

pub(super) fn set_used(tx: &mut dyn Tx, license: LicenseId, feature: FeatureId, used: i64) -> Result<(), StoreError> {
    tx.queue(SET_USED, &[license.into(), feature.into(), used.into()])
}

/// Gives the seats and elements of an activation back to its license.
pub(super) fn release_checkouts(tx: &mut dyn Tx, activation: ActivationId) -> Result<(), StoreError> {
    let held: Vec<(LicenseId, FeatureId, String, String, i64)> = tx.all(RELEASABLE, &[activation.into()])?;
    for (license, feature, fingerprint, user, amount) in held {
        let of: [Value; 2] = [license.into(), feature.into()];
        tx.execute(DROP_CHECKOUT, &[of.clone(), [fingerprint.into(), user.into()]].concat())?;
        tx.execute(LOWER_USED, &[of.as_slice(), &[amount.into()]].concat())?;
    }
    Ok(())
}

/// Gives back what activations with a lapsed lease hold, all but one.
pub(super) fn release_lapsed(
    tx: &mut dyn Tx,
    license: LicenseId,
    but: ActivationId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let lapsed: Vec<(ActivationId,)> = tx.all(LAPSED_HOLDERS, &[license.into(), but.into(), now.into()])?;
    lapsed.into_iter().try_for_each(|(activation,)| release_checkouts(tx, activation))
}

pub(super) fn insert_trial(tx: &mut dyn Tx, trial: &Trial) -> Result<(), StoreError> {
    let params = [
        trial.id.into(),
        trial.tenant.into(),
        trial.product.into(),
        trial.device.into(),
        trial.days.into(),
        trial.started_at.into(),
        trial.modified_at.into(),
        trial.lease_end.into(),
        trial.ends_at.into(),
    ];
    tx.execute(INSERT_TRIAL, &params)?;
    Ok(())
}

pub(super) fn trial_of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<Trial>, StoreError> {
    tx.opt(TRIAL_OF_DEVICE, &[device.into()])
}

pub(super) fn trial_on(tx: &mut dyn Tx, product: ProductId, fingerprint: &str) -> Result<Option<Trial>, StoreError> {
    tx.opt(TRIAL_ON, &[product.into(), fingerprint.into()])
}

pub(super) fn refresh_trial(
    tx: &mut dyn Tx,
    trial: TrialId,
    now: Timestamp,
    lease_end: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(REFRESH_TRIAL, &[trial.into(), now.into(), lease_end.into()])?;
    Ok(())
}

pub(super) fn convert_trial(
    tx: &mut dyn Tx,
    trial: TrialId,
    now: Timestamp,
    license: LicenseId,
    code: &str,
) -> Result<(), StoreError> {
    tx.execute(CONVERT_TRIAL, &[trial.into(), now.into(), license.into(), code.into()])?;
    Ok(())
}

/// Removes a trial with its activation.
pub(super) fn delete_trial(tx: &mut dyn Tx, trial: TrialId) -> Result<(), StoreError> {
    tx.execute(DELETE_TRIAL_ACTIVATIONS, &[trial.into()])?;
    tx.execute(DELETE_TRIAL, &[trial.into()])?;
    Ok(())
}

fn trial_params(filter: &TrialFilter, now: Timestamp) -> Vec<Value> {
    let switch = |on: bool| Value::from(i64::from(on));
    let never = Timestamp::from_micros(i64::MAX).plus_days(1).micros().saturating_add(1);
    let always = Timestamp::from_micros(i64::MIN).micros().saturating_sub(1);
    let before = |at: Option<Timestamp>| Value::Int(at.map_or(never, Timestamp::micros));
    let after = |at: Option<Timestamp>| Value::Int(at.map_or(always, Timestamp::micros));
    vec![
        filter.tenant.into(),
        switch(filter.product.is_some()),
        filter.product.map_or(Uuid::nil(), |id| id.0).into(),
        switch(filter.fingerprint.is_some()),
        filter.fingerprint.as_deref().unwrap_or_default().into(),
        before(filter.ends_before),
        after(filter.ends_after),
        before(filter.started_before),
        after(filter.started_after),
        switch(filter.state.is_some()),
        now.into(),
        (filter.state == Some(TrialState::Running)).into(),
        switch(filter.converted.is_some()),
        filter.converted.unwrap_or_default().into(),
    ]
}

pub(super) fn trials(
    tx: &mut dyn Tx,
    filter: &TrialFilter,
    now: Timestamp,
    start: Start,
    limit: u32,
) -> Result<Vec<Trial>, StoreError> {
    tx.all(TRIALS, &[trial_params(filter, now), start.params(limit).to_vec()].concat())
}

pub(super) fn count_trials(tx: &mut dyn Tx, filter: &TrialFilter, now: Timestamp) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT_TRIALS, &trial_params(filter, now))?;
    Ok(count)
}
