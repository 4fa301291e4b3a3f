//! The daemon's own side: a small store of its own in which its shares are licenses, so that seats, leases and the journal
//! are those of any store. What is peculiar to it is here: who it is, what it was given, and what it has to tell.
//!
//! Its time never goes back: a store that has seen an instant does not live through it again.

mod apply;
pub(crate) mod rows;

pub use apply::{Applied, Given, apply, stop};

use super::{MOST_CARRIED, Record};
use crate::alias;
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::id::ActivationId;
use lessor_db::{StoreError, Tx};
use lessor_lease::{DaemonRequest, Signer, VERSION, from_hex, to_hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Under which name a daemon keeps what it knows of itself, and the latest time it has seen.
const STATE: &str = "daemon";
const SEEN: &str = "daemon_seen_at";
/// Most bytes of the records that a request carries in a file.
const MOST_CARRIED_BYTES: usize = 512 * 1024;

/// What a daemon keeps of itself.
#[derive(Clone, Serialize, Deserialize)]
pub struct Myself {
    v: u32,
    /// The secret half of its key, as hex.
    seed: String,
    /// What it calls itself.
    device: String,
    /// The product, as it was told.
    named_product: String,
    /// The product's native id, once known.
    product: Option<String>,
    tenant: Option<String>,
    /// The master license's code.
    license: String,
    activation: Option<String>,
    secret: Option<String>,
    /// Public keys of the product that it trusts, as hex.
    trusted: Vec<String>,
    /// Of the delegation that is in force; 0 for none.
    number: u64,
    not_after: i64,
    /// How many of its records the server has.
    sent: i64,
}

impl std::fmt::Debug for Myself {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Myself({}, delegation {})", self.device, self.number)
    }
}

impl Myself {
    /// What the daemon calls itself.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Number of the delegation that is in force; 0 before the first.
    pub fn number(&self) -> i64 {
        i64::try_from(self.number).unwrap_or(i64::MAX)
    }

    /// When the delegation ends; `None` before the first.
    pub fn ends_at(&self) -> Option<Timestamp> {
        (self.number > 0).then(|| Timestamp::from_seconds(self.not_after))
    }

    /// Its activation on the server, with its secret, once it has both.
    pub fn credential(&self) -> Option<(&str, &str)> {
        Some((self.activation.as_deref()?, self.secret.as_deref()?))
    }

    /// Forgets the activation that the server has ended: it has to enrol again.
    pub fn forget_activation(&mut self) {
        self.activation = None;
        self.secret = None;
    }

    /// How many of its records the server has.
    pub fn sent(&self) -> i64 {
        self.sent
    }

    /// Takes the server's word for how many of its records it has.
    pub fn set_sent(&mut self, sent: i64) {
        self.sent = sent.max(0);
    }

    fn signer(&self) -> Result<Signer, Error> {
        let seed = from_hex(&self.seed).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        seed.map(Signer::from_seed).ok_or_else(|| StoreError::Broken("the daemon's key is damaged".into()).into())
    }
}

/// What a daemon is told when it is started.
#[derive(Clone, Debug)]
pub struct Orders {
    /// The product: its native id, or `dialect:product:number`.
    pub product: String,
    /// The master license's code.
    pub license: String,
    /// A public key of the product (64 hexadecimal digits) to trust, and none but those it vouches for; `None` trusts those
    /// that come with the first answer.
    pub key: Option<String>,
}

/// What the daemon knows of itself. The first time it makes up its name and key.
///
/// # Errors
/// `Malformed` for a folder of a daemon with other orders.
pub fn open(tx: &mut dyn Tx, cx: &Context<'_>, orders: &Orders) -> Result<Myself, Error> {
    if let Some(me) = read(tx)? {
        let other = match () {
            () if me.license != orders.license => Some("license"),
            () if me.named_product != orders.product && me.product.as_ref() != Some(&orders.product) => Some("product"),
            () if orders.key.as_ref().is_some_and(|key| !me.trusted.is_empty() && !me.trusted.contains(key)) => {
                Some("key")
            }
            () => None,
        };
        return match other {
            Some(field) => Err(Error::malformed(field, "this folder belongs to a daemon that was given another")),
            None => Ok(me),
        };
    }
    let name: [u8; 10] = cx.random();
    let seed: [u8; 32] = cx.random();
    let me = Myself {
        v: VERSION,
        seed: to_hex(&seed),
        device: format!("daemon-{}", to_hex(&name)),
        named_product: orders.product.clone(),
        product: None,
        tenant: None,
        license: orders.license.clone(),
        activation: None,
        secret: None,
        trusted: orders.key.iter().cloned().collect(),
        number: 0,
        not_after: 0,
        sent: 0,
    };
    write(tx, &me)?;
    Ok(me)
}

/// What the daemon knows of itself, once it has been opened.
pub fn read(tx: &mut dyn Tx) -> Result<Option<Myself>, Error> {
    let Some(text) = alias::meta(tx, STATE)? else { return Ok(None) };
    let me = serde_json::from_str(&text).map_err(|error| StoreError::Broken(format!("the daemon's state: {error}")))?;
    Ok(Some(me))
}

/// Keeps what the daemon knows of itself.
pub fn write(tx: &mut dyn Tx, me: &Myself) -> Result<(), Error> {
    let text = serde_json::to_string(me).map_err(|error| StoreError::Broken(error.to_string()))?;
    alias::set_meta(tx, STATE, &text)
}

/// What was kept by [`write`], for a command that needs it.
fn known(tx: &mut dyn Tx) -> Result<Myself, Error> {
    read(tx)?.ok_or(Error::not_found(Noun::Daemon))
}

/// A signed request for a delegation, vouching for these lines of records.
///
/// # Errors
/// `Broken` where the daemon's key is damaged.
pub fn request(cx: &Context<'_>, me: &Myself, records: &str) -> Result<String, Error> {
    let signer = me.signer()?;
    let name: [u8; 16] = cx.random();
    let request = DaemonRequest {
        v: VERSION,
        product: me.product.clone().unwrap_or_else(|| me.named_product.clone()),
        license: me.license.clone(),
        device: me.device.clone(),
        device_key: signer.public_key().to_hex(),
        request: to_hex(&name),
        created: cx.now.seconds(),
        number: me.number,
        records: (!records.is_empty()).then(|| to_hex(&Sha256::digest(records.as_bytes()))),
    };
    let document = request.sign(&signer).map_err(|error| StoreError::Broken(format!("request: {error}")))?;
    Ok(document.to_string())
}

/// What the server has not been told yet, in order, at most `limit`.
pub fn outbox(tx: &mut dyn Tx, me: &Myself, limit: u32) -> Result<Vec<Record>, Error> {
    let told = rows::outbox(tx, me.sent, limit)?;
    let record = |(told, sequence): (rows::Told, i64)| Record {
        sequence,
        at: told.at,
        subject: subject(&told.subject_kind, told.subject),
        kind: told.kind,
        // What is no object is told as one: a record that cannot be sent would hold up all behind it.
        data: serde_json::from_str(&told.data).unwrap_or_else(|_| serde_json::json!({ "text": told.data })),
    };
    Ok(told.into_iter().zip(me.sent + 1..).map(record).collect())
}

/// As [`outbox`], as lines, as many as a file carries.
pub fn carried(tx: &mut dyn Tx, me: &Myself) -> Result<String, Error> {
    let records = outbox(tx, me, u32::try_from(MOST_CARRIED).unwrap_or(u32::MAX))?;
    let mut lines = String::new();
    for record in &records {
        let line = Record::lines(std::slice::from_ref(record));
        if lines.len() + line.len() > MOST_CARRIED_BYTES {
            break;
        }
        lines.push_str(&line);
    }
    Ok(lines)
}

fn subject(kind: &str, id: uuid::Uuid) -> String {
    match kind {
        "activation" => ActivationId(id).to_string(),
        "license" => crate::id::LicenseId(id).to_string(),
        _ => id.simple().to_string(),
    }
}

/// Does the daemon have anything to hand out now?
///
/// # Errors
/// `DelegationOver`; `NotFound(Daemon)` before the first delegation.
pub fn standing(me: &Myself, now: Timestamp) -> Result<(), Refusal> {
    match me.ends_at() {
        None => Err(Refusal::NotFound(Noun::Daemon)),
        Some(end) if end <= now => Err(Refusal::DelegationOver),
        Some(_) => Ok(()),
    }
}

/// How many seats are out now.
pub fn seats_out(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<i64, Error> {
    Ok(rows::seats_out(tx, cx.now)?)
}

/// Keeps how late it is.
pub fn keep_time(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<(), Error> {
    alias::set_meta(tx, SEEN, &cx.now.to_rfc3339())
}

/// The earliest instant at which this store may go on: behind all that it has seen.
pub fn not_before(tx: &mut dyn Tx) -> Result<Option<Timestamp>, Error> {
    let seen = alias::meta_time(tx, SEEN)?;
    let latest = rows::latest(tx)?;
    // Ids of one millisecond sort as they were made within one process only.
    Ok(seen.into_iter().chain(latest).max().map(|at| at.plus_micros(1_000)))
}
