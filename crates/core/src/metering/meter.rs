//! Meters: what is counted, in which unit, by whose calendar, and how records become figures.

use super::day::DayRule;
use super::rows;
use crate::account;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, MeterId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license::from_word;
use crate::text::{check_line, check_remark};
use lessor_db::{FromColumn, Tx, ValueRef};
use serde_json::json;

/// Most meters of one vendor.
const MOST_OF_VENDOR: usize = 1_000;

/// How records become figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// Quantities of licenses, read off their segments day by day; no records are taken in.
    SeatDays,
    /// How many subjects were seen at least once in a month.
    Distinct,
    /// The last report of a day, carried forward.
    Level,
    /// Values added up.
    Sum,
}

impl Aggregation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SeatDays, Self::Distinct, Self::Level, Self::Sum];

    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::SeatDays => "seat_days",
            Self::Distinct => "distinct",
            Self::Level => "level",
            Self::Sum => "sum",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

from_word!(Aggregation);

/// What a stretch of days makes of daily levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelRule {
    /// Their average.
    Average,
    /// The last of them.
    Last,
}

impl LevelRule {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Last => "last",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Average, Self::Last].into_iter().find(|one| one.word() == word)
    }
}

from_word!(LevelRule);

/// What is counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// Its id.
    pub id: MeterId,
    /// The vendor whose it is.
    pub tenant: AccountId,
    /// Its name, unique at the vendor.
    pub name: String,
    /// How records become figures.
    pub aggregation: Aggregation,
    /// What a stretch of days makes of levels; of other aggregations `Average` and without meaning.
    pub level_rule: LevelRule,
    /// What one is of, for people: `seats`, `bytes`, …; may be empty.
    pub unit: String,
    /// When its days begin and end.
    pub days: DayRule,
    /// The attribute of records by whose values figures are told apart as well.
    pub key_attribute: Option<String>,
    /// Do installed copies tell of it too? What they tell is as true as the people who run them.
    pub from_devices: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Makes a meter. What it says holds for good, since figures were made by it.
#[derive(Clone, Debug)]
pub struct CreateMeter {
    /// Whose.
    pub tenant: AccountId,
    /// 1 to 64 lower-case letters, digits, `_`, `-` or `.`.
    pub name: String,
    /// How records become figures.
    pub aggregation: Aggregation,
    /// For levels alone; left out, `Average`.
    pub level_rule: Option<LevelRule>,
    /// At most 64 characters.
    pub unit: String,
    /// A time zone of the IANA database.
    pub time_zone: String,
    /// How many minutes past midnight a day ends, 0 to 1439.
    pub cutoff_minutes: i64,
    /// For `Distinct` and `Sum` alone, 1 to 64 characters.
    pub key_attribute: Option<String>,
    /// Do installed copies tell of it too?
    pub from_devices: bool,
}

/// Makes a meter.
///
/// # Errors
/// `Taken` for a name that the vendor uses; `Malformed`, `OutOfRange` for what it cannot be; `NotFound`, `Forbidden`.
pub fn create(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateMeter) -> Result<Meter, Error> {
    let vendor = account::rows::lock(tx, cmd.tenant)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::CATALOG_WRITE), &vendor, Noun::Account)?;
    if vendor.id != vendor.tenant {
        return Err(Error::malformed("vendor", "only a vendor has meters"));
    }
    let days = DayRule::new(&cmd.time_zone, cmd.cutoff_minutes)?;
    check(cmd)?;
    if rows::meters(tx, vendor.id)?.len() >= MOST_OF_VENDOR {
        return Err(Error::malformed("name", "a vendor has at most 1000 meters"));
    }
    let meter = Meter {
        id: cx.new_id(),
        tenant: vendor.id,
        name: cmd.name.clone(),
        aggregation: cmd.aggregation,
        level_rule: cmd.level_rule.unwrap_or(LevelRule::Average),
        unit: cmd.unit.clone(),
        days,
        key_attribute: cmd.key_attribute.clone(),
        from_devices: cmd.from_devices,
        created_at: cx.now,
    };
    rows::insert_meter(tx, &meter).map_err(|error| Error::from(error).taken_on_unique(Noun::Meter, &meter.name))?;
    let subject = Subject { kind: "meter", id: meter.id.0, account: vendor.id, tenant: vendor.id };
    let after = json!({
        "name": meter.name, "aggregation": meter.aggregation.word(), "unit": meter.unit, "time_zone": meter.days.zone(),
        "cutoff_minutes": meter.days.cutoff_minutes(), "level_rule": cmd.level_rule.map(LevelRule::word),
        "key_attribute": meter.key_attribute, "from_devices": meter.from_devices,
    });
    journal::append(tx, cx, "meter.created", subject, &json!({ "after": after }))?;
    Ok(meter)
}

fn check(cmd: &CreateMeter) -> Result<(), Error> {
    let fits = (1..=64).contains(&cmd.name.len())
        && cmd.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b));
    if !fits {
        return Err(Error::malformed("name", "it is 1 to 64 lower-case letters, digits, `_`, `-` or `.`"));
    }
    check_remark("unit", &cmd.unit, 64)?;
    if cmd.level_rule.is_some() && cmd.aggregation != Aggregation::Level {
        return Err(Error::malformed("level_rule", "only levels have one"));
    }
    if cmd.from_devices && cmd.aggregation == Aggregation::SeatDays {
        return Err(Error::malformed("from_devices", "seat days are read off licenses"));
    }
    if let Some(attribute) = &cmd.key_attribute {
        check_line("key_attribute", attribute, 64)?;
        if !matches!(cmd.aggregation, Aggregation::Distinct | Aggregation::Sum) {
            return Err(Error::malformed("key_attribute", "only `distinct` and `sum` have one"));
        }
    }
    Ok(())
}

/// A meter that the caller may see: those of its tenant, and of vendors in its branches.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn get(tx: &mut dyn Tx, cx: &Context<'_>, id: MeterId) -> Result<Meter, Error> {
    let meter = rows::meter(tx, id)?.ok_or(Error::not_found(Noun::Meter))?;
    may_see(tx, cx, meter.tenant, Noun::Meter)?;
    Ok(meter)
}

/// A meter of the vendor in whose tenant an account is, by its name or id.
///
/// # Errors
/// `NotFound` for an account that the caller does not see, and for the meter; `Forbidden`.
pub fn of_account(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId, name: &str) -> Result<Meter, Error> {
    let account = account::authorized(tx, cx, account, &Action::read(Right::USAGE_READ), Noun::Account)?;
    in_tenant(tx, account.tenant, name)
}

/// A meter of a vendor, by its name or id.
///
/// # Errors
/// `NotFound`.
pub(crate) fn in_tenant(tx: &mut dyn Tx, tenant: AccountId, name: &str) -> Result<Meter, Error> {
    let found = match MeterId::parse(name) {
        Some(id) => rows::meter(tx, id)?.filter(|meter| meter.tenant == tenant),
        None => rows::meter_named(tx, tenant, name)?,
    };
    found.ok_or(Error::not_found(Noun::Meter))
}

/// A vendor's meters in the order they were made, at most 1000.
///
/// # Errors
/// `NotFound` for a vendor whose meters the caller does not see, `Forbidden`.
pub fn list(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId) -> Result<Vec<Meter>, Error> {
    may_see(tx, cx, tenant, Noun::Account)?;
    Ok(rows::meters(tx, tenant)?)
}

/// Everybody in a tenant knows what is counted in it.
fn may_see(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId, noun: Noun) -> Result<(), Error> {
    let vendor = account::rows::by_id(tx, tenant)?.filter(|vendor| vendor.id == vendor.tenant);
    let vendor = vendor.ok_or(Error::not_found(noun))?;
    if cx.actor().tenant != tenant && cx.actor().level_at(&vendor.path).is_none() {
        return Err(Error::not_found(noun));
    }
    if cx.actor().has_right(&Right::USAGE_READ) || cx.actor().has_right(&Right::USAGE_WRITE) {
        return Ok(());
    }
    Err(Error::Forbidden)
}
