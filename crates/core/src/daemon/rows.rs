//! The SQL of daemons: what each was given, and the places it holds for it.

use super::{Daemon, DaemonState, Master, MasterDaemon, MasterFilter};
use crate::account::Path;
use crate::clock::Timestamp;
use crate::device::rows::{in_use, live};
use crate::id::{AccountId, ActivationId, DeviceId, FeatureId, LicenseId, ProductId};
use crate::page::Start;
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

macro_rules! daemon_columns {
    () => {
        "SELECT device_id, activation_id, tenant_id, product_id, license_id, number, held, made_at, ends_at, digest, \
         delegation, endorsement, taken, seen_at, asked_at, asked FROM daemons "
    };
}

macro_rules! masters {
    () => {
        "FROM licenses l JOIN accounts n ON n.id = l.account_id LEFT JOIN activations a ON a.license_id = l.id \
         WHERE l.tenant_id = $1 AND l.role = 'network_master' AND (CAST($2 AS BIGINT) = 0 OR l.code = $3) \
         AND (CAST($4 AS BIGINT) = 0 OR l.account_id = $5)"
    };
}

statements! {
    MASTERS = concat!(
        "SELECT l.code, l.account_id, n.name, l.activation_limit, l.active_count, l.created_at, a.fingerprint, a.activated_at, \
         a.returned_at ", masters!(), " ORDER BY l.id, a.id LIMIT $6 OFFSET $7");
    COUNT_MASTERS = concat!("SELECT count(*) ", masters!());
    OF_DEVICE = concat!(daemon_columns!(), "WHERE device_id = $1");
    OF_ACTIVATION = concat!(daemon_columns!(), "WHERE activation_id = $1");
    PUT = "INSERT INTO daemons (device_id, activation_id, tenant_id, product_id, license_id, number, held, made_at, ends_at, \
           digest, delegation, endorsement, taken, seen_at, asked_at, asked) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
           ON CONFLICT (device_id) DO UPDATE SET activation_id = excluded.activation_id, license_id = excluded.license_id, \
           number = excluded.number, held = excluded.held, made_at = excluded.made_at, ends_at = excluded.ends_at, \
           digest = excluded.digest, delegation = excluded.delegation, endorsement = excluded.endorsement, \
           taken = excluded.taken, seen_at = excluded.seen_at, asked_at = excluded.asked_at, asked = excluded.asked";
    PAGE = "SELECT d.activation_id, v.fingerprint, l.code, l.account_id, d.product_id, a.state, a.activated_at, a.returned_at, \
            d.number, d.made_at, d.ends_at, d.seen_at, d.taken, \
            (SELECT count(*) FROM delegations x WHERE x.device_id = d.device_id), \
            (SELECT CAST(coalesce(sum(x.seats), 0) AS BIGINT) FROM delegations x WHERE x.device_id = d.device_id), n.path \
            FROM daemons d JOIN devices v ON v.id = d.device_id JOIN activations a ON a.id = d.activation_id \
            JOIN licenses l ON l.id = d.license_id JOIN accounts n ON n.id = l.account_id \
            WHERE d.activation_id > $1 AND n.path >= $2 AND n.path < $3 AND (CAST($4 AS BIGINT) = 0 OR d.product_id = $5) \
            ORDER BY d.activation_id LIMIT $6";

    NETWORK_LICENSES = "SELECT id FROM licenses WHERE product_id = $1 AND concurrency = 'network' AND role = 'standard' \
                        AND (CAST($2 AS BIGINT) = 1 OR account_id = $3) ORDER BY id LIMIT $4";
    LICENSES_WITH = "SELECT license_id FROM delegations WHERE device_id = $1 ORDER BY license_id";
    PLACE = "SELECT d.activation_id, d.place, d.number, d.seats, d.heartbeat_minutes, d.until_at \
             FROM delegations d WHERE d.device_id = $1 AND d.license_id = $2";
    PLACES_TAKEN = "SELECT place FROM delegations WHERE license_id = $1 AND device_id <> $2 AND until_at > $3";
    PUT_PLACE = "INSERT INTO delegations (device_id, license_id, activation_id, place, number, seats, heartbeat_minutes, until_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (device_id, license_id) DO UPDATE SET \
                 activation_id = excluded.activation_id, place = excluded.place, number = excluded.number, \
                 seats = excluded.seats, heartbeat_minutes = excluded.heartbeat_minutes, until_at = excluded.until_at";
    SET_UNTIL = "UPDATE delegations SET until_at = $3 WHERE device_id = $1 AND license_id = $2";
    DROP_PLACE = "DELETE FROM delegations WHERE device_id = $1 AND license_id = $2";
    ENDED_PLACES = "SELECT device_id, license_id, activation_id FROM delegations WHERE until_at <= $1 \
                    ORDER BY license_id, device_id LIMIT $2";

    LIVE = concat!(
        "SELECT id, lease_end FROM activations WHERE device_id = $1 AND license_id = $2 AND user_name = '' AND ", in_use!(""));
    TAKEN = concat!("SELECT count(*) FROM activations WHERE license_id = $1 AND ", live!("", "$2"), " AND device_id <> $3");
    INSERT = "INSERT INTO activations (id, tenant_id, product_id, license_id, device_id, fingerprint, user_name, kind, state, \
              activated_at, lease_number, leased_at, lease_end, secret_generation, look_at) \
              VALUES ($1, $2, $3, $4, $5, $6, '', 'online', 'active', $7, 1, $7, $8, 1, $8)";
    EXTEND = "UPDATE activations SET lease_number = lease_number + 1, leased_at = $2, lease_end = $3, look_at = $3 WHERE id = $1";
    CUT = "UPDATE activations SET lease_end = $2, look_at = $2 WHERE id = $1 AND (lease_end IS NULL OR lease_end > $2)";
    CHARGED = "SELECT feature_id, held FROM checkouts WHERE license_id = $1 AND fingerprint = $2 AND user_name = ''";
    CHARGE = "INSERT INTO checkouts (license_id, feature_id, fingerprint, user_name, activation_id, held, consumed) \
              VALUES ($1, $2, $3, '', $4, $5, 0) ON CONFLICT (license_id, feature_id, fingerprint, user_name) \
              DO UPDATE SET activation_id = excluded.activation_id, held = excluded.held";
    ADD_USED = "UPDATE grants SET used = used + $3 WHERE owner_id = $1 AND feature_id = $2";
}

impl FromRow for DaemonState {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            device: row.get(0)?,
            activation: row.get(1)?,
            tenant: row.get(2)?,
            product: row.get(3)?,
            license: row.get(4)?,
            number: row.get(5)?,
            held: row.get(6)?,
            made_at: row.get(7)?,
            ends_at: row.get(8)?,
            digest: row.get(9)?,
            delegation: row.get(10)?,
            endorsement: row.get(11)?,
            taken: row.get(12)?,
            seen_at: row.get(13)?,
            asked: (row.get(14)?, row.get(15)?),
        })
    }
}

pub(super) fn of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<DaemonState>, StoreError> {
    tx.opt(OF_DEVICE, &[device.into()])
}

pub(super) fn of_activation(tx: &mut dyn Tx, activation: ActivationId) -> Result<Option<DaemonState>, StoreError> {
    tx.opt(OF_ACTIVATION, &[activation.into()])
}

pub(super) fn put(tx: &mut dyn Tx, state: &DaemonState) -> Result<(), StoreError> {
    let params = [
        state.device.into(),
        state.activation.into(),
        state.tenant.into(),
        state.product.into(),
        state.license.into(),
        state.number.into(),
        state.held.into(),
        state.made_at.into(),
        state.ends_at.into(),
        state.digest.as_str().into(),
        state.delegation.as_str().into(),
        state.endorsement.as_str().into(),
        state.taken.into(),
        state.seen_at.into(),
        state.asked.0.into(),
        state.asked.1.as_str().into(),
    ];
    tx.execute(PUT, &params)?;
    Ok(())
}

/// A daemon with the place of its account.
pub(super) struct Placed {
    pub daemon: Daemon,
    pub path: Path,
}

impl FromRow for Placed {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let state: String = row.get(5)?;
        let daemon = Daemon {
            id: row.get(0)?,
            device: row.get(1)?,
            code: row.get(2)?,
            account: row.get(3)?,
            product: row.get(4)?,
            active: state == "active",
            enrolled_at: row.get(6)?,
            returned_at: row.get(7)?,
            number: row.get(8)?,
            delegated_at: row.get(9)?,
            ends_at: row.get(10)?,
            seen_at: row.get(11)?,
            taken: row.get(12)?,
            licenses: row.get(13)?,
            seats: row.get(14)?,
        };
        Ok(Self { daemon, path: row.get(15)? })
    }
}

pub(super) fn page(
    tx: &mut dyn Tx,
    branch: &Path,
    product: Option<ProductId>,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Placed>, StoreError> {
    let params = [
        after.into(),
        branch.into(),
        branch.end().into(),
        i64::from(product.is_some()).into(),
        product.map_or(Uuid::nil(), |id| id.0).into(),
        limit.into(),
    ];
    tx.all(PAGE, &params)
}

impl FromRow for Master {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let device: Option<String> = row.get(6)?;
        let enrolled_at: Option<Timestamp> = row.get(7)?;
        let returned_at = row.get(8)?;
        let daemon = device.zip(enrolled_at);
        Ok(Self {
            code: row.get(0)?,
            account: row.get(1)?,
            account_name: row.get(2)?,
            limit: row.get(3)?,
            active: row.get(4)?,
            created_at: row.get(5)?,
            daemon: daemon.map(|(device, enrolled_at)| MasterDaemon { device, enrolled_at, returned_at }),
        })
    }
}

fn of_masters(filter: &MasterFilter) -> Vec<Value> {
    vec![
        filter.tenant.into(),
        i64::from(filter.code.is_some()).into(),
        filter.code.as_deref().unwrap_or_default().into(),
        i64::from(filter.account.is_some()).into(),
        filter.account.map_or(Uuid::nil(), |id| id.0).into(),
    ]
}

/// Network master licenses beside each daemon that has or had them, from `start` on.
pub(super) fn masters(
    tx: &mut dyn Tx,
    filter: &MasterFilter,
    start: Start,
    limit: u32,
) -> Result<Vec<Master>, StoreError> {
    let [_, limit, offset] = start.params(limit);
    tx.all(MASTERS, &[of_masters(filter), vec![limit, offset]].concat())
}

pub(super) fn count_masters(tx: &mut dyn Tx, filter: &MasterFilter) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT_MASTERS, &of_masters(filter))?;
    Ok(count)
}

/// Licenses that daemons hand out: of one account, or of all of the product's.
pub(super) fn network_licenses(
    tx: &mut dyn Tx,
    product: ProductId,
    account: Option<AccountId>,
    limit: u32,
) -> Result<Vec<LicenseId>, StoreError> {
    let any = i64::from(account.is_none());
    let params = [product.into(), any.into(), account.map_or(Uuid::nil(), |id| id.0).into(), limit.into()];
    let found: Vec<(LicenseId,)> = tx.all(NETWORK_LICENSES, &params)?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Licenses that a daemon has a place of.
pub(super) fn licenses_with(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<LicenseId>, StoreError> {
    let found: Vec<(LicenseId,)> = tx.all(LICENSES_WITH, &[device.into()])?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// A daemon's place of a license.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub activation: ActivationId,
    pub place: i64,
    pub number: i64,
    pub seats: i64,
    pub heartbeat_minutes: i64,
    pub until: Timestamp,
}

impl FromRow for Place {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            activation: row.get(0)?,
            place: row.get(1)?,
            number: row.get(2)?,
            seats: row.get(3)?,
            heartbeat_minutes: row.get(4)?,
            until: row.get(5)?,
        })
    }
}

pub(super) fn place(tx: &mut dyn Tx, device: DeviceId, license: LicenseId) -> Result<Option<Place>, StoreError> {
    tx.opt(PLACE, &[device.into(), license.into()])
}

/// The numbers of the places that other daemons have now.
pub(super) fn places_taken(
    tx: &mut dyn Tx,
    license: LicenseId,
    but: DeviceId,
    now: Timestamp,
) -> Result<Vec<i64>, StoreError> {
    let found: Vec<(i64,)> = tx.all(PLACES_TAKEN, &[license.into(), but.into(), now.into()])?;
    Ok(found.into_iter().map(|(place,)| place).collect())
}

pub(super) fn put_place(
    tx: &mut dyn Tx,
    device: DeviceId,
    license: LicenseId,
    place: &Place,
) -> Result<(), StoreError> {
    let params = [
        device.into(),
        license.into(),
        place.activation.into(),
        place.place.into(),
        place.number.into(),
        place.seats.into(),
        place.heartbeat_minutes.into(),
        place.until.into(),
    ];
    tx.execute(PUT_PLACE, &params)?;
    Ok(())
}

pub(super) fn set_until(
    tx: &mut dyn Tx,
    device: DeviceId,
    license: LicenseId,
    until: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(SET_UNTIL, &[device.into(), license.into(), until.into()])?;
    Ok(())
}

pub(super) fn drop_place(tx: &mut dyn Tx, device: DeviceId, license: LicenseId) -> Result<(), StoreError> {
    tx.execute(DROP_PLACE, &[device.into(), license.into()])?;
    Ok(())
}

/// Places whose time is over, with the activation of each.
pub(super) fn ended_places(
    tx: &mut dyn Tx,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(DeviceId, LicenseId, ActivationId)>, StoreError> {
    tx.all(ENDED_PLACES, &[now.into(), limit.into()])
}

/// The activation of a license that a daemon has, and when its lease ends.
pub(super) fn live(
    tx: &mut dyn Tx,
    device: DeviceId,
    license: LicenseId,
) -> Result<Option<(ActivationId, Option<Timestamp>)>, StoreError> {
    tx.opt(LIVE, &[device.into(), license.into()])
}

/// How many places others have of a license.
pub(super) fn taken(tx: &mut dyn Tx, license: LicenseId, but: DeviceId, now: Timestamp) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(TAKEN, &[license.into(), now.into(), but.into()])?;
    Ok(count)
}

/// Writes an activation by a daemon: its own, or a place.
#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub(super) fn insert(
    tx: &mut dyn Tx,
    id: ActivationId,
    tenant: AccountId,
    product: ProductId,
    license: LicenseId,
    device: DeviceId,
    fingerprint: &str,
    now: Timestamp,
    lease_end: Timestamp,
) -> Result<(), StoreError> {
    let params = [
        id.into(),
        tenant.into(),
        product.into(),
        license.into(),
        device.into(),
        fingerprint.into(),
        now.into(),
        lease_end.into(),
    ];
    tx.execute(INSERT, &params)?;
    Ok(())
}

pub(super) fn extend(
    tx: &mut dyn Tx,
    id: ActivationId,
    now: Timestamp,
    lease_end: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(EXTEND, &[id.into(), now.into(), lease_end.into()])?;
    Ok(())
}

/// Lets a place end earlier than it would.
pub(super) fn cut(tx: &mut dyn Tx, id: ActivationId, lease_end: Timestamp) -> Result<(), StoreError> {
    tx.execute(CUT, &[id.into(), lease_end.into()])?;
    Ok(())
}

/// What a daemon has been given of a license's features.
pub(super) fn charged(
    tx: &mut dyn Tx,
    license: LicenseId,
    fingerprint: &str,
) -> Result<Vec<(FeatureId, i64)>, StoreError> {
    tx.all(CHARGED, &[license.into(), fingerprint.into()])
}

/// Gives a daemon so much in all of a feature, where it had `before`.
pub(super) fn charge(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    fingerprint: &str,
    place: ActivationId,
    before: i64,
    amount: i64,
) -> Result<(), StoreError> {
    let of: [Value; 2] = [license.into(), feature.into()];
    let rest: [Value; 3] = [fingerprint.into(), place.into(), amount.into()];
    tx.execute(CHARGE, &[of.as_slice(), rest.as_slice()].concat())?;
    tx.execute(ADD_USED, &[of.as_slice(), &[(amount - before).into()]].concat())?;
    Ok(())
}
