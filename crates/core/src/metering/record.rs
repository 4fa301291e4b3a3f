//! Taking usage in: each record is counted, known already, or rejected with a reason; what is counted changes the figures in
//! the same transaction.

use super::closed;
use super::day::{Day, Month};
use super::meter::{Aggregation, Meter};
use super::rollup::{self, Cell, Rollup};
use super::rows;
use super::rows::intake::{self, Place};
use crate::alias;
use crate::clock::Timestamp;
use crate::context::{Action, Context, Who};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, UsageRecordId};
use crate::identity::Right;
use crate::license::{self, in_range};
use crate::text::{check_line, check_remark};
use lessor_db::Tx;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Most records of one call.
pub const MOST_RECORDS: usize = 10_000;
/// Most of a value, either way.
const MOST_VALUE: i64 = 1_000_000_000_000_000;
/// Most keys of a meter, and of a record.
const MOST_KEYS: usize = 1_000;
const MOST_KEYS_OF_RECORD: usize = 100;
/// Most bytes of attributes.
const MOST_ATTRIBUTES: usize = 4 << 10;
/// 2000-01-01: nothing was used before.
const EARLIEST: i64 = 946_684_800;
/// How long it is known what was told, counted from when something was last told of its hour. A day of it makes up for
/// [`TELL_HOUR`](intake::TELL_HOUR) that is noted once a day.
const KNOWN_DAYS: i64 = 37;
/// How much of it one transaction forgets.
const MOST_FORGOTTEN: u32 = 5_000;

/// What somebody tells of use.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    /// What the teller calls it, 1 to 200 characters: with the source, and within the hour of `at`, told once.
    pub id: String,
    /// Who tells, 1 to 200 characters.
    pub source: String,
    /// When it was so.
    pub at: Timestamp,
    /// Whose use: a native id or `dialect:kind:id`. Left out, the account of the license.
    pub account: Option<String>,
    /// Under which license, likewise.
    pub license: Option<String>,
    /// Name of the meter.
    pub meter: String,
    /// What was used or by whom, at most 200 characters.
    pub subject: String,
    /// How much.
    pub value: i64,
    /// What else there is to tell: at most 4 KiB.
    pub attributes: Map<String, Value>,
    /// The id of an earlier record that this one sets right.
    pub corrects: Option<String>,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It is in the figures.
    Counted,
    /// It was told before, and changed nothing now.
    Duplicate,
    /// It is not in the figures, and can come again once it is right.
    Rejected {
        /// Why.
        refusal: Refusal,
    },
}

/// A record that fits.
#[derive(Debug)]
pub(super) struct Fact<'a> {
    pub(super) id: UsageRecordId,
    pub(super) told: &'a NewRecord,
    pub(super) meter: &'a Meter,
    pub(super) account: AccountId,
    pub(super) license: Option<LicenseId>,
    pub(super) day: Day,
    pub(super) attributes: Option<String>,
    pub(super) keys: Vec<String>,
    /// The month that was closed last, where the record's own is closed.
    pub(super) missed: Option<Month>,
}

impl Fact<'_> {
    /// The figures that the record belongs to: that of all, and one for each of its keys.
    pub(super) fn cells(&self) -> impl Iterator<Item = Cell> {
        let cell = |name: &str| Cell {
            meter: self.meter.id,
            name: name.to_owned(),
            period: 0,
            account: self.account,
            license: self.license,
        };
        std::iter::once("").chain(self.keys.iter().map(String::as_str)).map(cell)
    }
}

/// Takes records in, and gives the fate of each, in their order.
///
/// # Errors
/// `OutOfRange` for too many records, or where a figure would grow beyond what can be kept; `Forbidden` without the
/// right to bring usage in, also for one of the accounts that are named. Then nothing is counted.
pub fn record(tx: &mut dyn Tx, cx: &Context<'_>, records: &[NewRecord]) -> Result<Vec<Fate>, Error> {
    in_range("records", i64::try_from(records.len()).unwrap_or(i64::MAX), 0, MOST_RECORDS as i64)?;
    if !cx.actor().has_right(&Right::USAGE_WRITE) {
        return Err(Error::Forbidden);
    }
    cx.touches_nothing();
    let mut known = Known::default();
    known.look_up(tx, cx, records)?;
    let mut fates: Vec<Option<Fate>> = vec![None; records.len()];
    let mut facts: Vec<(usize, Fact<'_>, intake::Telling)> = Vec::with_capacity(records.len());
    let mut tellings: HashSet<intake::Telling> = HashSet::with_capacity(records.len());
    let mut new_keys = BTreeSet::new();
    for (at, told) in records.iter().enumerate() {
        match known.fact(cx, told, &mut new_keys) {
            Ok((fact, tenant)) => {
                let telling = telling(tenant, told);
                match tellings.insert(telling) {
                    true => facts.push((at, fact, telling)),
                    false => fates[at] = Some(Fate::Duplicate),
                }
            }
            Err(Error::Refused(refusal)) => fates[at] = Some(Fate::Rejected { refusal }),
            Err(error) => return Err(error),
        }
    }
    let of_levels = |fact: &Fact<'_>| fact.meter.aggregation == Aggregation::Level;
    let levelled = facts.iter().filter(|(_, fact, _)| of_levels(fact)).map(|(_, fact, _)| fact.account).collect();
    intake::lock_places(tx, &levelled)?;
    for tenant in facts.iter().map(|(_, fact, _)| fact.meter.tenant).collect::<BTreeSet<_>>() {
        let closed = closed::last(tx, tenant)?;
        for (_, fact, _) in facts.iter_mut().filter(|(_, fact, _)| fact.meter.tenant == tenant) {
            fact.missed = closed.filter(|closed| fact.day.month() <= *closed);
        }
    }
    let new = intake::tell(tx, cx.now, &facts.iter().map(|(_, _, telling)| *telling).collect())?;
    let mut counted = Vec::with_capacity(facts.len());
    for (at, fact, (_, hour, digest)) in facts {
        let is_new = new.contains(&(hour, digest.to_vec()));
        fates[at] = Some(if is_new { Fate::Counted } else { Fate::Duplicate });
        if is_new {
            counted.push(fact);
        }
    }
    count(tx, cx, &counted, &new_keys)?;
    Ok(fates.into_iter().flatten().collect())
}

fn count(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    facts: &[Fact<'_>],
    new_keys: &BTreeSet<(crate::MeterId, String)>,
) -> Result<(), Error> {
    // In the order of their index, of which each page is then changed in one go.
    let mut in_place: Vec<&Fact<'_>> = facts.iter().collect();
    in_place.sort_by_key(|fact| (fact.meter.id, fact.day, fact.account, fact.id));
    intake::insert_facts(tx, cx.now, &in_place)?;
    for (meter, name) in new_keys {
        intake::add_key(tx, *meter, name)?;
    }
    let of = |aggregation| facts.iter().filter(move |fact| fact.meter.aggregation == aggregation).collect::<Vec<_>>();
    let mut figures = Rollup::default();
    rollup::sum(&mut figures, &of(Aggregation::Sum))?;
    rollup::distinct(tx, &mut figures, &of(Aggregation::Distinct))?;
    rollup::level(tx, &mut figures, &of(Aggregation::Level))?;
    figures.write(tx)
}

/// What names a record among all.
fn telling(tenant: AccountId, told: &NewRecord) -> intake::Telling {
    let mut whole = Sha256::new();
    whole.update(tenant.0.as_bytes());
    whole.update((told.source.len() as u64).to_be_bytes());
    whole.update(told.source.as_bytes());
    whole.update(told.id.as_bytes());
    let mut digest = [0; 16];
    digest.copy_from_slice(&whole.finalize()[..16]);
    (tenant, told.at.seconds().div_euclid(3_600), digest)
}

/// Forgets what was told so long ago that it does not come again; `true` when there may be more.
///
/// # Errors
/// Those of storage.
pub fn expire(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    cx.touches_nothing();
    let before = cx.now.plus_days(-KNOWN_DAYS);
    let Some((tenant, hour)) = intake::old_hour(tx, before)? else { return Ok(false) };
    if intake::forget_told(tx, tenant, hour, MOST_FORGOTTEN)? < u64::from(MOST_FORGOTTEN) {
        intake::forget_hour(tx, tenant, hour, before)?;
    }
    Ok(true)
}

/// What records name, each looked up once.
#[derive(Default)]
struct Known {
    places: HashMap<AccountId, Place>,
    accounts: HashMap<String, Option<AccountId>>,
    licenses: HashMap<String, Option<(LicenseId, AccountId)>>,
    meters: HashMap<AccountId, HashMap<String, Option<Meter>>>,
    keys: HashMap<crate::MeterId, HashSet<String>>,
}

impl Known {
    fn look_up(&mut self, tx: &mut dyn Tx, cx: &Context<'_>, records: &[NewRecord]) -> Result<(), Error> {
        for record in records {
            if let Some(name) = record.account.as_ref().filter(|name| !self.accounts.contains_key(*name)) {
                let id = match AccountId::parse(name) {
                    None if !name.contains('\0') => alias::find(tx, cx, name)?.map(AccountId),
                    id => id,
                };
                self.accounts.insert(name.clone(), id);
            }
            if let Some(name) = record.license.as_ref().filter(|name| !self.licenses.contains_key(*name)) {
                let id = match LicenseId::parse(name) {
                    None if !name.contains('\0') => alias::find(tx, cx, name)?.map(LicenseId),
                    id => id,
                };
                let found = match id {
                    Some(id) => license::rows::by_id(tx, id)?.map(|license| (id, license.account)),
                    None => None,
                };
                self.licenses.insert(name.clone(), found);
            }
        }
        let named =
            self.accounts.values().flatten().chain(self.licenses.values().flatten().map(|(_, account)| account));
        let ids: BTreeSet<Uuid> = named.map(|account| account.0).collect();
        for place in intake::places(tx, &ids.into_iter().collect::<Vec<_>>())? {
            self.places.insert(place.account, place);
        }
        for record in records {
            let account = self.account_of(record).ok().and_then(|(account, _)| self.places.get(&account));
            let Some(tenant) = account.map(|place| place.tenant) else { continue };
            let meters = self.meters.entry(tenant).or_default();
            if meters.contains_key(&record.meter) {
                continue;
            }
            let meter = rows::meter_named(tx, tenant, &record.meter)?;
            if let Some(meter) = meter.as_ref().filter(|meter| meter.key_attribute.is_some()) {
                self.keys.insert(meter.id, rows::keys(tx, meter.id)?.into_iter().collect());
            }
            meters.insert(record.meter.clone(), meter);
        }
        Ok(())
    }

    /// Whose a record is, and under which license.
    fn account_of(&self, told: &NewRecord) -> Result<(AccountId, Option<LicenseId>), Refusal> {
        let license = match &told.license {
            None => None,
            Some(name) => {
                let found = self.licenses.get(name).copied().flatten();
                Some(
                    found
                        .filter(|(_, account)| self.places.contains_key(account))
                        .ok_or(Refusal::NotFound(Noun::License))?,
                )
            }
        };
        let account = match &told.account {
            None => None,
            Some(name) => {
                let found = self.accounts.get(name).copied().flatten();
                Some(found.filter(|id| self.places.contains_key(id)).ok_or(Refusal::NotFound(Noun::Account))?)
            }
        };
        match (account, license) {
            (None, None) => Err(Refusal::Missing { field: "account" }),
            (Some(account), None) => Ok((account, None)),
            (Some(account), Some((_, other))) if account != other => Err(Refusal::NotFound(Noun::License)),
            (_, Some((license, account))) => Ok((account, Some(license))),
        }
    }

    /// The record as a fact, and its tenant; or why it cannot be one.
    fn fact<'a>(
        &'a self,
        cx: &Context<'_>,
        told: &'a NewRecord,
        new_keys: &mut BTreeSet<(crate::MeterId, String)>,
    ) -> Result<(Fact<'a>, AccountId), Error> {
        check_line("id", &told.id, 200)?;
        check_line("source", &told.source, 200)?;
        check_remark("subject", &told.subject, 200)?;
        if let Some(corrects) = &told.corrects {
            check_line("corrects", corrects, 200)?;
        }
        let (account, license) = self.account_of(told)?;
        let noun = if told.account.is_some() { Noun::Account } else { Noun::License };
        let place = self.places.get(&account).ok_or(Error::not_found(noun))?;
        cx.authorize_at(&Action::write(Right::USAGE_WRITE), &place.path, noun)?;
        let meter = self.meters.get(&place.tenant).and_then(|meters| meters.get(&told.meter)?.as_ref());
        let meter = meter.filter(|meter| meter.from_devices || !matches!(cx.actor().who, Who::Device(_)));
        let meter = meter.ok_or(Error::not_found(Noun::Meter))?;
        check_time(cx, told, place)?;
        check_value(meter, told)?;
        let keys = self.keys_of(meter, told, new_keys)?;
        let attributes = (!told.attributes.is_empty()).then(|| Value::Object(told.attributes.clone()).to_string());
        if attributes.as_ref().is_some_and(|text| text.len() > MOST_ATTRIBUTES) {
            return Err(Error::malformed("attributes", "they have at most 4 KiB"));
        }
        let day = meter.days.day_of(told.at);
        let id = cx.new_id();
        let fact = Fact { id, told, meter, account, license, day, attributes, keys, missed: None };
        Ok((fact, place.tenant))
    }

    fn keys_of(
        &self,
        meter: &Meter,
        told: &NewRecord,
        new_keys: &mut BTreeSet<(crate::MeterId, String)>,
    ) -> Result<Vec<String>, Error> {
        let Some(attribute) = &meter.key_attribute else { return Ok(Vec::new()) };
        let keys = keys(told.attributes.get(attribute))
            .ok_or_else(|| Error::malformed("attributes", "the meter's key is a text or a list of texts"))?;
        if keys.len() > MOST_KEYS_OF_RECORD {
            return Err(Error::malformed("attributes", "a record has at most 100 keys"));
        }
        keys.iter().try_for_each(|key| check_line("attributes", key, 64))?;
        let known = self.keys.get(&meter.id);
        let is_new = |key: &&String| known.is_none_or(|known| !known.contains(*key));
        let new: BTreeSet<_> = keys.iter().filter(is_new).map(|key| (meter.id, key.clone())).collect();
        let before = known.map_or(0, HashSet::len) + new_keys.union(&new).filter(|(id, _)| *id == meter.id).count();
        if !new.is_empty() && before > MOST_KEYS {
            return Err(Error::malformed("attributes", "a meter has at most 1000 keys"));
        }
        new_keys.extend(new);
        Ok(keys)
    }
}

/// The keys that an attribute names, each once; `None` for what is no key.
pub(super) fn keys(attribute: Option<&Value>) -> Option<Vec<String>> {
    let all: BTreeSet<&str> = match attribute {
        None | Some(Value::Null) => BTreeSet::new(),
        Some(Value::String(key)) => BTreeSet::from([key.as_str()]),
        Some(Value::Array(keys)) => keys.iter().map(Value::as_str).collect::<Option<_>>()?,
        Some(_) => return None,
    };
    Some(all.into_iter().map(str::to_owned).collect())
}

fn check_time(cx: &Context<'_>, told: &NewRecord, place: &Place) -> Result<(), Error> {
    if told.at > cx.now.plus_days(1) {
        return Err(Error::malformed("time", "it must not lie more than a day ahead"));
    }
    if told.at.seconds() < EARLIEST {
        return Err(Error::malformed("time", "it must not lie before the year 2000"));
    }
    if place.closed_at.is_some_and(|closed| told.at > closed) {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    Ok(())
}

fn check_value(meter: &Meter, told: &NewRecord) -> Result<(), Error> {
    match meter.aggregation {
        Aggregation::SeatDays => return Err(Error::malformed("meter", "seat days are read off licenses, not told")),
        Aggregation::Sum => {
            in_range("value", told.value, -MOST_VALUE, MOST_VALUE)?;
            if told.value < 0 && told.corrects.is_none() {
                return Err(Error::malformed("value", "only what corrects another record takes away"));
            }
        }
        Aggregation::Level => {
            in_range("value", told.value, 0, MOST_VALUE)?;
        }
        Aggregation::Distinct => {
            in_range("value", told.value, 1, 1)?;
            check_line("subject", &told.subject, 200)?;
        }
    }
    Ok(())
}
