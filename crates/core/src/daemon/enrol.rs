//! A daemon asks for its delegation: for the first time or again, over the network or by a file that people carry.

use super::end::{free_after, relieve};
use super::plan::{Share, plan};
use super::record::{self, MOST_CARRIED, MOST_RECORDS, Record};
use super::{DEFAULT_HOURS, DaemonState, rows};
use crate::account;
use crate::catalog::{self, Product};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::device::{self, Device, DeviceCredential};
use crate::error::{Error, Noun, Refusal};
use crate::id::{ActivationId, ProductId};
use crate::journal::{self, Subject};
use crate::license::{self, License, Role, rows as license_rows};
use lessor_db::{StoreError, Tx};
use lessor_lease::{
    DaemonRequest, Delegation, Document, DocumentError, Endorsement, KeyRole, PublicKey, Signer, VERSION, from_hex,
    to_hex,
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// How long a request may be on its way.
const REQUEST_DAYS: i64 = 14;
/// Of a delegation's length, the part after which the next one is made even if nothing has changed.
const FRESH_PARTS: i64 = 10;
/// How much earlier than it was made an endorsement counts: a device's clock may be late.
const EARLY_HOURS: i64 = 24;

/// What a daemon gets.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The daemon's activation.
    pub daemon: ActivationId,
    /// Which of its secrets is valid. `None` for a request that is no newer than one answered before: whoever shows that may
    /// have found it on its way.
    pub secret_generation: Option<i64>,
    /// The last of its records that is kept.
    pub taken: i64,
    /// Number of the delegation.
    pub number: i64,
    /// When the delegation ends.
    pub ends_at: Timestamp,
    /// The delegation, as signed text.
    pub delegation: String,
    /// The endorsement of the daemon's key first, then those that lead to the key that signed it.
    pub endorsements: Vec<String>,
    /// The product's keys.
    pub keys: Vec<PublicKey>,
    /// Why nothing is delegated at present, if that is so.
    pub withheld: Option<Refusal>,
}

/// What a daemon that is enrolled brings along.
#[derive(Clone, Debug)]
pub struct Sync {
    /// Who asks.
    pub daemon: DeviceCredential,
    /// Number of the delegation that it holds; 0 for none.
    pub number: i64,
    /// What happened on its network, in order, at most [`MOST_RECORDS`].
    pub records: Vec<Record>,
}

/// Answers a signed request: enrols the daemon if it is not, keeps the records that come along, and gives its delegation.
/// `records` are the lines that the request vouches for; empty where it vouches for none.
///
/// # Errors
/// `BadCertificate`, `StaleCertificate` after 14 days, `NotFound(License)` where there is no such master license,
/// `DeviceDuplicate` for another daemon of the same name or a copy of this one, `RecordGap`. For a daemon that is new:
/// `Held`, `TermOver`, `NoSeat`.
pub fn enrol(tx: &mut dyn Tx, cx: &Context<'_>, request: &str, records: &str) -> Result<Answer, Error> {
    let asked = Document::parse(request).and_then(|document| document.open_daemon_request())?;
    let product = catalog::resolve_product(tx, &asked.product)?;
    device::may_answer(tx, cx, product)?;
    device::check_fingerprint(&asked.device)?;
    let records = vouched(&asked, records)?;
    let product = open_product(tx, product)?;
    let master = license_rows::lock_by_code(tx, product.id, &asked.license)?;
    let master = master.filter(|license| license.role == Role::NetworkMaster).ok_or(Error::not_found(Noun::License))?;
    if cx.now.seconds().saturating_sub(asked.created) > REQUEST_DAYS * 86_400 {
        return Err(Refusal::StaleCertificate.into());
    }
    let key = key_of(&asked)?;
    let known = device::known_by_key(tx, cx, &product, &asked.device, key)?;
    let state = rows::of_device(tx, known.id)?;
    let mut visitor = admit(tx, cx, &product, master, known, &asked.device, state)?;
    let (made_at, name) = &visitor.state.asked;
    let is_newer = asked.created > *made_at || asked.created == *made_at && asked.request != *name;
    if is_newer {
        visitor.state.asked = (asked.created, asked.request);
    }
    let answer = serve(tx, cx, visitor, i64::try_from(asked.number).unwrap_or(i64::MAX), &records)?;
    Ok(Answer { secret_generation: is_newer.then_some(1), ..answer })
}

/// Answers a daemon that is enrolled: keeps its records and gives the delegation that counts now.
///
/// # Errors
/// `ActivationReturned` for one that was given back or freed; it may enrol again. `DeviceDuplicate`, `RecordGap`.
pub fn sync(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Sync) -> Result<Answer, Error> {
    crate::license::in_range("records", i64::try_from(cmd.records.len()).unwrap_or(i64::MAX), 0, MOST_RECORDS as i64)?;
    let activation = device::in_use(device::authenticate(tx, cx, &cmd.daemon)?)?;
    let state = rows::of_activation(tx, activation.id)?.ok_or(Error::not_found(Noun::Daemon))?;
    let product = catalog::rows::product(tx, state.product)?.ok_or(Error::not_found(Noun::Product))?;
    let master = license_rows::lock(tx, state.license)?.ok_or(Error::not_found(Noun::License))?;
    let key = device::public_key_of(tx, state.device)?;
    let key = key.ok_or_else(|| StoreError::Broken("a daemon has no key".into()))?;
    let fingerprint = activation.fingerprint;
    let visitor = Visitor { product, master, fingerprint, key, state };
    serve(tx, cx, visitor, cmd.number, &cmd.records)
}

fn open_product(tx: &mut dyn Tx, id: ProductId) -> Result<Product, Error> {
    let product = catalog::rows::product(tx, id)?.ok_or(Error::not_found(Noun::Product))?;
    if product.active { Ok(product) } else { Err(Refusal::ProductInactive.into()) }
}

fn key_of(asked: &DaemonRequest) -> Result<[u8; 32], Error> {
    let key = from_hex(&asked.device_key).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.ok_or_else(|| Refusal::BadCertificate("its key cannot be read".into()).into())
}

/// The records, if they are those that the request was signed with.
fn vouched(asked: &DaemonRequest, records: &str) -> Result<Vec<Record>, Error> {
    let digest = (!records.is_empty()).then(|| to_hex(&Sha256::digest(records.as_bytes())));
    if digest != asked.records {
        return Err(Refusal::BadCertificate("its records are not those it was signed with".into()).into());
    }
    let records = Record::from_lines(records)?;
    crate::license::in_range("records", i64::try_from(records.len()).unwrap_or(i64::MAX), 0, MOST_CARRIED as i64)?;
    Ok(records)
}

/// A daemon that asks, its master license locked.
struct Visitor {
    product: Product,
    master: License,
    fingerprint: String,
    key: [u8; 32],
    state: DaemonState,
}

impl Visitor {
    fn subject(&self) -> Subject {
        let (account, tenant) = (self.master.account, self.master.tenant);
        Subject { kind: "activation", id: self.state.activation.0, account, tenant }
    }

    /// Is there a place for it among the daemons of its master license?
    fn admitted(&self, tx: &mut dyn Tx, cx: &Context<'_>) -> Result<Result<(), Refusal>, Error> {
        let held = account::is_held(tx, self.master.account)?;
        if let Err(refusal) = self.master.in_order(held, cx.now) {
            return Ok(Err(refusal));
        }
        let live = rows::live(tx, self.state.device, self.master.id)?;
        let has_place = live.is_some_and(|(_, end)| end.is_none_or(|end| end > cx.now));
        let limit = self.master.terms.activation_limit;
        if !has_place && rows::taken(tx, self.master.id, self.state.device, cx.now)? >= limit {
            return Ok(Err(Refusal::NoSeat { limit, concurrent: true }));
        }
        Ok(Ok(()))
    }
}

/// Finds what the server knows of a daemon, or makes it known.
fn admit(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    master: License,
    device: Device,
    fingerprint: &str,
    before: Option<DaemonState>,
) -> Result<Visitor, Error> {
    let live = rows::live(tx, device.id, master.id)?.map(|(id, _)| id);
    let other = before.as_ref().is_some_and(|state| state.license != master.id);
    if other && device::is_active(tx, before.as_ref().map(|state| state.activation))? {
        return Err(Refusal::InUse(Noun::Daemon).into());
    }
    let key = device.public_key.as_deref().and_then(|key| <[u8; 32]>::try_from(key).ok()).unwrap_or_default();
    let fresh = DaemonState {
        device: device.id,
        activation: live.unwrap_or_else(|| cx.new_id()),
        tenant: product.tenant,
        product: product.id,
        license: master.id,
        number: 0,
        held: 0,
        made_at: cx.now,
        ends_at: cx.now,
        digest: String::new(),
        delegation: String::new(),
        endorsement: String::new(),
        taken: 0,
        seen_at: cx.now,
        asked: (i64::MIN, String::new()),
    };
    let state = match before {
        // What it was given before is void, but the numbers go on.
        Some(before) if live != Some(before.activation) => {
            DaemonState { number: before.number, held: before.held, taken: before.taken, asked: before.asked, ..fresh }
        }
        Some(before) => before,
        None => fresh,
    };
    let visitor = Visitor { product: product.clone(), master, fingerprint: fingerprint.to_owned(), key, state };
    if live.is_none() {
        visitor.admitted(tx, cx)??;
        let (state, master) = (&visitor.state, &visitor.master);
        rows::insert(
            tx,
            state.activation,
            master.tenant,
            product.id,
            master.id,
            device.id,
            fingerprint,
            cx.now,
            cx.now,
        )?;
        license::activated(tx, master, cx.now)?;
        let data = json!({ "code": master.code, "device": fingerprint, "key": to_hex(&key) });
        journal::append(tx, cx, "daemon.enrolled", visitor.subject(), &data)?;
    }
    Ok(visitor)
}

/// Keeps the records, and gives the delegation that counts: the one it has, or a new one.
fn serve(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    mut visitor: Visitor,
    number: i64,
    records: &[Record],
) -> Result<Answer, Error> {
    show(cx, &mut visitor, number)?;
    let subject = visitor.subject();
    record::take(tx, cx, &mut visitor.state, subject, records)?;
    relieve(tx, cx, &visitor.state)?;
    let admitted = visitor.admitted(tx, cx)?;
    let product_open = if visitor.product.active { Ok(()) } else { Err(Refusal::ProductInactive) };
    let withheld = admitted.and(product_open).err();
    let shares = match &withheld {
        None => plan(tx, cx, &visitor.state, &visitor.master, &visitor.fingerprint)?,
        Some(_) => Vec::new(),
    };
    let signer = catalog::signer(tx, visitor.product.id)?;
    let digest = digest_of(&shares, &signer)?;
    let end = end_of(&visitor.master, cx.now);
    if !is_fresh(&visitor.state, &shares, &digest, end, cx.now) {
        hand_over(tx, cx, &mut visitor, &shares, &signer, digest, end)?;
        if withheld.is_none() {
            rows::extend(tx, visitor.state.activation, cx.now, free_after(end))?;
        }
    }
    visitor.state.seen_at = cx.now;
    rows::put(tx, &visitor.state)?;
    let mut endorsements = vec![visitor.state.endorsement.clone()];
    endorsements.extend(catalog::endorsements(tx, visitor.product.id)?);
    let keys = catalog::public_keys(tx, visitor.product.id)?;
    Ok(Answer {
        daemon: visitor.state.activation,
        secret_generation: None,
        taken: visitor.state.taken,
        number: visitor.state.number,
        ends_at: visitor.state.ends_at,
        delegation: visitor.state.delegation,
        endorsements,
        keys: keys.into_iter().map(|(key, _)| key).collect(),
        withheld,
    })
}

/// Compares the delegation that a daemon shows with those it was given. An older one than it has shown before is held by a
/// copy of the daemon, made before it got the newer one.
fn show(cx: &Context<'_>, visitor: &mut Visitor, number: i64) -> Result<(), Error> {
    let state = &visitor.state;
    if number < state.held {
        let data = json!({ "device": visitor.fingerprint, "number": number, "shown_before": state.held });
        cx.if_refused("daemon.cloned", visitor.subject(), data);
        return Err(Refusal::DeviceDuplicate.into());
    }
    if number > state.number {
        let data = json!({ "device": visitor.fingerprint, "number": number, "latest": state.number });
        cx.if_refused("daemon.forged", visitor.subject(), data);
        return Err(Refusal::BadCertificate("no delegation of that number was made".into()).into());
    }
    visitor.state.held = number;
    Ok(())
}

fn end_of(master: &License, now: Timestamp) -> Timestamp {
    let hours = match master.terms.offline_lease_hours {
        0 => DEFAULT_HOURS,
        hours => hours,
    };
    let end = now.plus_hours(hours);
    master.terms.term.started(now).end.map_or(end, |term| term.min(end))
}

fn digest_of(shares: &[Share], signer: &Signer) -> Result<String, Error> {
    let handed: Vec<_> = shares.iter().map(|share| &share.handed).collect();
    let text = serde_json::to_vec(&handed).map_err(|error| StoreError::Broken(error.to_string()))?;
    let mut hash = Sha256::new();
    hash.update(signer.key_id().to_bytes());
    hash.update(text);
    Ok(to_hex(&hash.finalize()))
}

/// Does the latest delegation say what one made now would say, with much of its time left?
fn is_fresh(state: &DaemonState, shares: &[Share], digest: &str, end: Timestamp, now: Timestamp) -> bool {
    let length = state.ends_at.micros() - state.made_at.micros();
    let young = now.micros() - state.made_at.micros() < length / FRESH_PARTS;
    let same = !state.delegation.is_empty() && state.digest == digest && shares.iter().all(|share| share.standing);
    same && young && state.ends_at <= end
}

/// Makes the next delegation and reserves all that it names, before anybody can use it.
fn hand_over(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    visitor: &mut Visitor,
    shares: &[Share],
    signer: &Signer,
    digest: String,
    end: Timestamp,
) -> Result<(), Error> {
    let number = visitor.state.number + 1;
    let until = free_after(end);
    for share in shares {
        reserve(tx, cx, visitor, share, number, until)?;
    }
    let state = &mut visitor.state;
    let (issued_at, key) = (cx.now.seconds(), to_hex(&visitor.key));
    let (tenant, product, daemon) =
        (visitor.product.tenant.to_string(), visitor.product.id.to_string(), state.activation.to_string());
    let delegation = Delegation {
        v: VERSION,
        issuer: "lessor".into(),
        tenant: tenant.clone(),
        product: product.clone(),
        daemon: daemon.clone(),
        daemon_key: key.clone(),
        number: u64::try_from(number).unwrap_or(0),
        issued_at,
        not_after: end.seconds(),
        licenses: shares.iter().map(|share| share.handed.clone()).collect(),
    };
    let endorsement = Endorsement {
        v: VERSION,
        issuer: "lessor".into(),
        tenant,
        product,
        key,
        role: KeyRole::Daemon,
        subject: Some(daemon),
        not_before: cx.now.plus_hours(-EARLY_HOURS).seconds(),
        not_after: Some(end.seconds()),
        issued_at,
    };
    let broken = |error: DocumentError| StoreError::Broken(format!("delegation: {error}"));
    state.delegation = delegation.sign(signer).map_err(broken)?.to_string();
    state.endorsement = endorsement.sign(signer).map_err(broken)?.to_string();
    (state.number, state.digest, state.made_at, state.ends_at) = (number, digest, cx.now, end);
    let seats: u64 = shares.iter().map(|share| u64::from(share.handed.seats)).sum();
    let data = json!({ "number": number, "until": end, "licenses": shares.len(), "seats": seats });
    journal::append(tx, cx, "daemon.delegated", visitor.subject(), &data)?;
    Ok(())
}

/// Takes a license's place and its share of what is counted for the daemon.
fn reserve(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    visitor: &Visitor,
    share: &Share,
    number: i64,
    until: Timestamp,
) -> Result<(), Error> {
    let (license, state) = (&share.license, &visitor.state);
    let before = rows::place(tx, state.device, license.id)?;
    // An earlier delegation may be the one that is in force.
    let until = before.map_or(until, |place| place.until.max(until));
    let activation = match share.activation {
        Some(activation) => {
            rows::extend(tx, activation, cx.now, until)?;
            activation
        }
        None => {
            let id: ActivationId = cx.new_id();
            let (device, fingerprint) = (state.device, visitor.fingerprint.as_str());
            rows::insert(tx, id, license.tenant, license.product, license.id, device, fingerprint, cx.now, until)?;
            license::activated(tx, license, cx.now)?;
            let data = json!({
                "code": license.code, "device": fingerprint, "user": "", "activation": id.to_string(),
                "kind": "daemon", "lease_end": until,
            });
            journal::append(tx, cx, "license.activated", license.subject(), &data)?;
            id
        }
    };
    for (feature, before, amount) in &share.charges {
        if amount != before {
            rows::charge(tx, license.id, *feature, &visitor.fingerprint, activation, *before, *amount)?;
        }
    }
    let place = rows::Place {
        activation,
        place: share.place,
        number,
        seats: i64::from(share.handed.seats),
        heartbeat_minutes: i64::from(share.handed.heartbeat_minutes),
        until,
    };
    rows::put_place(tx, state.device, license.id, &place)?;
    Ok(())
}
