//! The SQL behind every call of a device: all that its answer rests on, in as few statements as the locks allow.

use super::{Activation, activation_list, in_use};
use crate::clock::Timestamp;
use crate::id::{AccountId, ActivationId, DeviceId, LicenseId, ProductId, TrialId};
use crate::license::License;
use crate::license::rows::license_list;
use lessor_db::{FromRow, Row, StoreError, Tx, statements};

/// Is there a hold on an account that reaches those below it?
macro_rules! reaching {
    ($account:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM holds h WHERE h.account_id = ",
            $account,
            " AND h.lifted_at IS NULL AND h.reach = 'branch')"
        )
    };
}

/// Does a hold reach the account of the license `l`? As `account::is_held`, and without the table that a recursion costs for
/// each run as long as no more than five accounts stand above.
macro_rules! held {
    () => {
        concat!(
            "(SELECT CASE WHEN a5.parent_id IS NOT NULL THEN \
               (WITH RECURSIVE up (id, parent_id, steps) AS ( \
                    SELECT o.id, o.parent_id, 0 FROM accounts o WHERE o.id = l.account_id \
                    UNION ALL SELECT o.id, o.parent_id, up.steps + 1 FROM accounts o JOIN up ON o.id = up.parent_id) \
                SELECT EXISTS (SELECT 1 FROM up JOIN holds h ON h.account_id = up.id \
                               WHERE h.lifted_at IS NULL AND (up.steps = 0 OR h.reach = 'branch'))) \
              ELSE EXISTS (SELECT 1 FROM holds h WHERE h.account_id = a0.id AND h.lifted_at IS NULL) OR ",
            reaching!("a1.id"), " OR ", reaching!("a2.id"), " OR ", reaching!("a3.id"), " OR ", reaching!("a4.id"), " OR ",
            reaching!("a5.id"),
            " END FROM accounts a0 LEFT JOIN accounts a1 ON a1.id = a0.parent_id LEFT JOIN accounts a2 ON a2.id = a1.parent_id \
              LEFT JOIN accounts a3 ON a3.id = a2.parent_id LEFT JOIN accounts a4 ON a4.id = a3.parent_id \
              LEFT JOIN accounts a5 ON a5.id = a4.parent_id WHERE a0.id = l.account_id)"
        )
    };
}

macro_rules! offer {
    () => {
        concat!(
            "SELECT ",
            license_list!("l."),
            ", p.version, ",
            held!(),
            " FROM licenses l JOIN products p ON p.id = l.product_id "
        )
    };
}

statements! {
    LOCK_OFFER = concat!(offer!(), "WHERE l.product_id = $1 AND l.code = $2 FOR UPDATE OF l");
    LOCK_OFFER_OF = concat!(offer!(), "WHERE l.id = $1 FOR UPDATE OF l");
    OFFER = concat!(offer!(), "WHERE l.product_id = $1 AND l.code = $2");
    /// Read after the license is locked: what was locked out until then is seen.
    STANDING = concat!(
        "SELECT d.id, d.public_key, d.name, t.id, ", activation_list!("a."), " FROM (SELECT 1 AS one) o \
         LEFT JOIN devices d ON d.product_id = $1 AND d.fingerprint = $3 \
         LEFT JOIN trials t ON t.device_id = d.id AND t.converted_at IS NULL \
         LEFT JOIN activations a ON a.device_id = d.id AND a.license_id = $2 AND a.user_name = $4 AND ", in_use!("a."));
    /// The license before the activation, as everybody locks them.
    ENTER = concat!(
        "SELECT ", activation_list!("a."), ", ", license_list!("l."), ", p.version, ", held!(), ", d.public_key, a.look_at \
         FROM activations a JOIN licenses l ON l.id = a.license_id JOIN products p ON p.id = a.product_id \
         JOIN devices d ON d.id = a.device_id WHERE a.id = $1 FOR UPDATE OF l, a");
    LOOK = concat!(
        "SELECT ", activation_list!("a."), ", ", license_list!("l."), ", p.version, ", held!(), ", d.public_key, a.look_at \
         FROM activations a JOIN licenses l ON l.id = a.license_id JOIN products p ON p.id = a.product_id \
         JOIN devices d ON d.id = a.device_id WHERE a.id = $1");
    LIVE_ON = "SELECT a.lease_end FROM devices d JOIN activations a ON a.device_id = d.id AND a.license_id = $3 \
               AND a.state = 'active' WHERE d.product_id = $1 AND d.fingerprint = $2 ORDER BY a.id DESC LIMIT 1";
    MOVES = "SELECT count(*) FROM (SELECT fingerprint FROM activations WHERE license_id = $1 GROUP BY fingerprint \
             HAVING min(activated_at) > $2 AND fingerprint <> $3) moved";
    KNOWN_ON = "SELECT id FROM activations WHERE device_id = $1 AND license_id = $2 LIMIT 1";
    IN_USE_ON = "SELECT a.license_id FROM devices d JOIN activations a ON a.device_id = d.id AND a.state = 'active' \
                 WHERE d.product_id = $1 AND d.fingerprint = $2 AND a.user_name = $3 AND a.license_id IS NOT NULL ORDER BY a.id";
    ACCOUNT_OF = "SELECT account_id FROM licenses WHERE id = $1";
}

/// A license as a device meets it.
pub(crate) struct Offer {
    pub license: License,
    /// Of its product.
    pub version: i64,
    /// Does a hold reach its account?
    pub held: bool,
}

impl FromRow for Offer {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let license = License::at(row, 0)?;
        Ok(Self { license, version: row.get(License::COLUMNS)?, held: row.get(License::COLUMNS + 1)? })
    }
}

/// A device with its key and what people call it.
pub(crate) struct NamedDevice {
    pub id: DeviceId,
    pub public_key: Option<Vec<u8>>,
    pub name: String,
}

impl FromRow for NamedDevice {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, public_key: row.get(1)?, name: row.get(2)? })
    }
}

/// A device and what it has, before it activates a license.
pub(crate) struct StandingOf {
    pub device: Option<NamedDevice>,
    /// A trial that is not converted.
    pub trial: Option<TrialId>,
    /// Its activation of the license in use.
    pub activation: Option<Activation>,
}

impl FromRow for StandingOf {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let device: Option<DeviceId> = row.get(0)?;
        let activation: Option<ActivationId> = row.get(4)?;
        Ok(Self {
            device: device.map(|_| NamedDevice::from_row(row)).transpose()?,
            trial: row.get(3)?,
            activation: activation.map(|_| Activation::at(row, 4)).transpose()?,
        })
    }
}

/// An activation of a license with all that its next answer rests on.
pub(crate) struct Entry {
    pub activation: Activation,
    pub license: License,
    /// Of its product.
    pub version: i64,
    /// Does a hold reach the license's account?
    pub held: bool,
    pub device_key: Option<Vec<u8>>,
    /// When the activation is looked at next, to see whether its lease has lapsed.
    pub look_at: Option<Timestamp>,
}

impl FromRow for Entry {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        let first = Activation::COLUMNS;
        let rest = first + License::COLUMNS;
        Ok(Self {
            activation: Activation::at(row, 0)?,
            license: License::at(row, first)?,
            version: row.get(rest)?,
            held: row.get(rest + 1)?,
            device_key: row.get(rest + 2)?,
            look_at: row.get(rest + 3)?,
        })
    }
}

pub(crate) fn lock_offer(tx: &mut dyn Tx, product: ProductId, code: &str) -> Result<Option<Offer>, StoreError> {
    tx.opt(LOCK_OFFER, &[product.into(), code.into()])
}

pub(crate) fn lock_offer_of(tx: &mut dyn Tx, license: LicenseId) -> Result<Option<Offer>, StoreError> {
    tx.opt(LOCK_OFFER_OF, &[license.into()])
}

/// As [`lock_offer`], without a lock.
pub(crate) fn offer(tx: &mut dyn Tx, product: ProductId, code: &str) -> Result<Option<Offer>, StoreError> {
    tx.opt(OFFER, &[product.into(), code.into()])
}

pub(crate) fn standing(
    tx: &mut dyn Tx,
    product: ProductId,
    license: LicenseId,
    fingerprint: &str,
    user: &str,
) -> Result<StandingOf, StoreError> {
    tx.one(STANDING, &[product.into(), license.into(), fingerprint.into(), user.into()])
}

/// Locks the license of an activation and the activation; `None` for a trial's.
pub(crate) fn enter(tx: &mut dyn Tx, activation: ActivationId) -> Result<Option<Entry>, StoreError> {
    tx.opt(ENTER, &[activation.into()])
}

/// As [`enter`], without a lock.
pub(crate) fn look(tx: &mut dyn Tx, activation: ActivationId) -> Result<Option<Entry>, StoreError> {
    tx.opt(LOOK, &[activation.into()])
}

/// The end of the lease that a device has of a license, if it has one in use.
pub(crate) fn live_on(
    tx: &mut dyn Tx,
    product: ProductId,
    fingerprint: &str,
    license: LicenseId,
) -> Result<Option<Option<Timestamp>>, StoreError> {
    let params = [product.into(), fingerprint.into(), license.into()];
    let found: Option<(Option<Timestamp>,)> = tx.opt(LIVE_ON, &params)?;
    Ok(found.map(|(end,)| end))
}

/// How many other devices a license first came to since.
pub(crate) fn moves(tx: &mut dyn Tx, license: LicenseId, since: Timestamp, but: &str) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(MOVES, &[license.into(), since.into(), but.into()])?;
    Ok(count)
}

/// Has the license ever been on this device?
pub(crate) fn was_on(tx: &mut dyn Tx, device: DeviceId, license: LicenseId) -> Result<bool, StoreError> {
    let found: Option<(ActivationId,)> = tx.opt(KNOWN_ON, &[device.into(), license.into()])?;
    Ok(found.is_some())
}

/// Whose a license is.
pub(crate) fn account_of(tx: &mut dyn Tx, license: LicenseId) -> Result<Option<AccountId>, StoreError> {
    let found: Option<(AccountId,)> = tx.opt(ACCOUNT_OF, &[license.into()])?;
    Ok(found.map(|(id,)| id))
}

/// The licenses of a product that a device and user have in use.
pub(crate) fn in_use_on(
    tx: &mut dyn Tx,
    product: ProductId,
    fingerprint: &str,
    user: &str,
) -> Result<Vec<LicenseId>, StoreError> {
    let found: Vec<(LicenseId,)> = tx.all(IN_USE_ON, &[product.into(), fingerprint.into(), user.into()])?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}
