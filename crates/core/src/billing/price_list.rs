//! Price lists: giving one to an account, ending it, and which there are.
//!
//! Lists are made and ended behind every closing that has begun: the moment that is kept lies behind its own, whatever the
//! clocks say, so that nobody bills by a list that others did not see.

use super::{Amount, rows};
use crate::account::{self, Account};
use crate::catalog;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, MeterId, PriceCategoryId, PriceListId, ProductId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license::{from_word, in_range};
use crate::metering::day::Day;
use crate::metering::{self, Aggregation, Meter, closed};
use crate::text::check_line;
use lessor_db::{FromColumn, Tx, ValueRef};
use serde_json::json;

/// Most tiers of a price list.
const MOST_TIERS: usize = 50;
/// Most price lists of an account.
const MOST_OF_ACCOUNT: usize = 1_000;

/// What a price list is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A day of a seat of a product.
    Product(ProductId),
    /// A day of a seat of each product of a price category.
    Category(PriceCategoryId),
    /// What a meter shows of a month, or what it shows of one of its keys.
    Meter(MeterId, Option<String>),
}

/// Who is billed by a price list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Billed {
    /// The account and each below it, for its own.
    Account,
    /// The account alone, for its whole branch.
    Branch,
}

impl Billed {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Branch => "branch",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Account, Self::Branch].into_iter().find(|one| one.word() == word)
    }
}

from_word!(Billed);

/// A price from so many on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The least seats, or units of the meter, that it is for: 1 in the first tier.
    pub from: i64,
    /// What a day of a seat costs, or one unit of the meter's month.
    pub price: Amount,
}

/// What something costs an account and everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceList {
    /// Its id.
    pub id: PriceListId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// Whom it is for.
    pub account: AccountId,
    /// Is that account billed by it, or also each below it that has none nearer?
    pub billed: Billed,
    /// For what.
    pub target: Target,
    /// Its name.
    pub name: String,
    /// The currency: three letters.
    pub currency: String,
    /// Off each line, in hundredths of a percent.
    pub discount: i64,
    /// The first day it applies to.
    pub from: Day,
    /// The first day it does not apply to any more; none while it has no end.
    pub until: Option<Day>,
    /// Prices, by what they begin with.
    pub tiers: Vec<Tier>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its end was set.
    pub ended_at: Option<Timestamp>,
}

/// Give an account a price list.
#[derive(Clone, Debug)]
pub struct NewPriceList {
    /// Whom it is for.
    pub account: AccountId,
    /// Who is billed by it.
    pub billed: Billed,
    /// For what.
    pub target: Target,
    /// Its name: 1 to 100 characters.
    pub name: String,
    /// The currency: three capital letters.
    pub currency: String,
    /// Off each line, in hundredths of a percent: 0 to 10000.
    pub discount: i64,
    /// The first day it applies to; may lie in the past.
    pub from: Day,
    /// The first day it does not apply to any more.
    pub until: Option<Day>,
    /// Prices by what they begin with, growing from 1 on: 1 to 50.
    pub tiers: Vec<Tier>,
}

/// End a price list.
#[derive(Clone, Copy, Debug)]
pub struct EndPriceList {
    /// Which one.
    pub price_list: PriceListId,
    /// The first day it shall not apply to any more.
    pub until: Day,
}

/// Gives an account a price list. A list never changes: another price is another list.
///
/// # Errors
/// `NotFound` for the account, product, category or meter; `Malformed`, `OutOfRange`; `Taken` where a list of the account
/// for the same, and billed alike, applies to one of its days.
pub fn create_price_list(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &NewPriceList) -> Result<PriceList, Error> {
    let account = locked(tx, cx, cmd.account, Noun::Account)?;
    check(cmd)?;
    if cmd.billed == Billed::Branch && account.id == account.tenant {
        return Err(Error::malformed("billed", "nobody bills the vendor: give the list to an account below it"));
    }
    known(tx, cx, &account, &cmd.target)?;
    let now = closed::behind(tx, account.tenant, cx.now)?;
    let others = rows::of_accounts(tx, &[account.id.0])?;
    if others.len() >= MOST_OF_ACCOUNT {
        return Err(Refusal::OutOfRange { field: "price_lists", min: 0, max: MOST_OF_ACCOUNT as i64 }.into());
    }
    let list = PriceList {
        id: cx.new_id(),
        tenant: account.tenant,
        account: account.id,
        billed: cmd.billed,
        target: cmd.target.clone(),
        name: cmd.name.clone(),
        currency: cmd.currency.clone(),
        discount: cmd.discount,
        from: cmd.from,
        until: cmd.until,
        tiers: cmd.tiers.clone(),
        created_at: now,
        ended_at: cmd.until.map(|_| now),
    };
    let is_alike = |other: &&PriceList| other.target == list.target && other.billed == list.billed;
    if let Some(other) = others.iter().filter(is_alike).find(|other| other.overlaps(&list)) {
        return Err(Refusal::Taken { noun: Noun::PriceList, name: other.name.clone() }.into());
    }
    rows::insert_list(tx, &list)?;
    journal::append(tx, cx, "price_list.created", list.subject(), &json!({ "after": list.facts() }))?;
    Ok(list)
}

/// Ends a price list: once, and not before it began.
///
/// # Errors
/// `NotFound`, `Malformed` for a list that has an end or a day before its first.
pub fn end_price_list(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &EndPriceList) -> Result<PriceList, Error> {
    let missing = || Error::not_found(Noun::PriceList);
    let found = rows::list(tx, cmd.price_list)?.ok_or_else(missing)?;
    let account = locked(tx, cx, found.account, Noun::PriceList)?;
    let before = rows::list(tx, cmd.price_list)?.ok_or_else(missing)?;
    if before.until == Some(cmd.until) {
        return Ok(before);
    }
    if before.until.is_some() {
        return Err(Error::malformed("until", "the price list has an end already"));
    }
    if cmd.until < before.from {
        return Err(Error::malformed("until", "it must not lie before the list's first day"));
    }
    let now = closed::behind(tx, account.tenant, cx.now)?;
    let after = PriceList { until: Some(cmd.until), ended_at: Some(now), ..before };
    rows::end_list(tx, after.id, cmd.until, now)?;
    journal::append(tx, cx, "price_list.ended", after.subject(), &json!({ "until": cmd.until.to_string() }))?;
    Ok(after)
}

/// A meter that an account's prices can be for, by its name or id.
///
/// # Errors
/// `NotFound` for an account that the caller does not see, and for the meter; `Forbidden`.
pub fn meter_to_price(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId, name: &str) -> Result<Meter, Error> {
    let account = account::authorized(tx, cx, account, &Action::read(Right::BILLING_READ), Noun::Account)?;
    metering::in_tenant(tx, account.tenant, name)
}

/// One price list, if the caller may see it.
///
/// # Errors
/// `NotFound`.
pub fn price_list(tx: &mut dyn Tx, cx: &Context<'_>, id: PriceListId) -> Result<PriceList, Error> {
    let list = rows::list(tx, id)?.ok_or(Error::not_found(Noun::PriceList))?;
    account::authorized(tx, cx, list.account, &Action::read(Right::BILLING_READ), Noun::PriceList)?;
    Ok(list)
}

/// The price lists that were given to an account itself, in the order they were made.
///
/// # Errors
/// `NotFound` for the account.
pub fn price_lists(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId) -> Result<Vec<PriceList>, Error> {
    account::authorized(tx, cx, account, &Action::read(Right::BILLING_READ), Noun::Account)?;
    Ok(rows::of_accounts(tx, &[account.0])?)
}

fn locked(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId, noun: Noun) -> Result<Account, Error> {
    let account = account::rows::lock(tx, id)?.ok_or(Error::not_found(noun))?;
    cx.authorize(&Action::write(Right::BILLING_WRITE), &account, noun)?;
    Ok(account)
}

fn check(cmd: &NewPriceList) -> Result<(), Error> {
    check_line("name", &cmd.name, 100)?;
    if cmd.currency.len() != 3 || !cmd.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Error::malformed("currency", "it must have three capital letters"));
    }
    in_range("discount", cmd.discount, 0, 10_000)?;
    if cmd.until.is_some_and(|until| until <= cmd.from) {
        return Err(Error::malformed("until", "it must lie behind the first day"));
    }
    in_range("tiers", i64::try_from(cmd.tiers.len()).unwrap_or(i64::MAX), 1, MOST_TIERS as i64)?;
    if cmd.tiers[0].from != 1 || cmd.tiers.windows(2).any(|pair| pair[0].from >= pair[1].from) {
        return Err(Error::malformed("tiers", "they must begin with 1 and grow"));
    }
    Ok(())
}

/// Is what the list is for the vendor's own, in whose tenant the account stands?
fn known(tx: &mut dyn Tx, cx: &Context<'_>, account: &Account, target: &Target) -> Result<(), Error> {
    match target {
        Target::Product(product) => {
            let found = catalog::product(tx, cx, *product)?;
            if found.tenant == account.tenant { Ok(()) } else { Err(Error::not_found(Noun::Product)) }
        }
        Target::Category(category) => {
            let of_vendor = catalog::price_categories(tx, cx, account.tenant)?;
            let is_known = of_vendor.iter().any(|known| known.id == *category);
            if is_known { Ok(()) } else { Err(Error::not_found(Noun::PriceCategory)) }
        }
        Target::Meter(id, key) => {
            let found = metering::rows::meter(tx, *id)?.filter(|meter| meter.tenant == account.tenant);
            let meter = found.ok_or(Error::not_found(Noun::Meter))?;
            if meter.aggregation == Aggregation::SeatDays {
                return Err(Error::malformed("meter", "seats have prices by their product or price category"));
            }
            match key {
                Some(_) if meter.key_attribute.is_none() => Err(Error::malformed("key", "the meter has no keys")),
                Some(key) => check_line("key", key, 64),
                None => Ok(()),
            }
        }
    }
}

impl PriceList {
    /// Does it apply to a day?
    pub fn applies(&self, day: Day) -> bool {
        self.from <= day && self.until.is_none_or(|until| day < until)
    }

    /// The price for so many, and the tier's range as text: `25-99`, `100+`.
    pub fn tier(&self, quantity: i128) -> (Amount, String) {
        let at = self.tiers.partition_point(|tier| i128::from(tier.from) <= quantity).saturating_sub(1);
        let Some(tier) = self.tiers.get(at) else { return (Amount::ZERO, String::new()) };
        let text = match self.tiers.get(at + 1) {
            Some(next) => format!("{}-{}", tier.from, next.from - 1),
            None => format!("{}+", tier.from),
        };
        (tier.price, text)
    }

    fn overlaps(&self, other: &PriceList) -> bool {
        let begins_before_end = |one: &PriceList, two: &PriceList| two.until.is_none_or(|until| one.from < until);
        begins_before_end(self, other) && begins_before_end(other, self) && self.until != Some(self.from)
    }

    fn subject(&self) -> Subject {
        Subject { kind: "price_list", id: self.id.0, account: self.account, tenant: self.tenant }
    }

    fn facts(&self) -> serde_json::Value {
        let target = match &self.target {
            Target::Product(id) => id.to_string(),
            Target::Category(id) => id.to_string(),
            Target::Meter(id, _) => id.to_string(),
        };
        let key = match &self.target {
            Target::Meter(_, key) => key.as_deref(),
            Target::Product(_) | Target::Category(_) => None,
        };
        let tiers = self.tiers.iter().map(|tier| json!({ "from": tier.from, "price": tier.price.to_string() }));
        json!({
            "account": self.account.to_string(),
            "billed": self.billed.word(),
            "target": target,
            "key": key,
            "name": self.name,
            "currency": self.currency,
            "discount": self.discount,
            "from": self.from.to_string(),
            "until": self.until.map(|until| until.to_string()),
            "tiers": tiers.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn list(from: &str, until: Option<&str>, tiers: &[(i64, &str)]) -> PriceList {
        let day = |text: &str| Day::parse(text).expect("a day");
        let tier = |(from, price): &(i64, &str)| Tier { from: *from, price: Amount::parse(price).expect("a price") };
        PriceList {
            id: PriceListId(Uuid::nil()),
            tenant: AccountId(Uuid::nil()),
            account: AccountId(Uuid::nil()),
            billed: Billed::Account,
            target: Target::Product(ProductId(Uuid::nil())),
            name: "Default".into(),
            currency: "EUR".into(),
            discount: 0,
            from: day(from),
            until: until.map(day),
            tiers: tiers.iter().map(tier).collect(),
            created_at: Timestamp::from_seconds(0),
            ended_at: None,
        }
    }

    #[test]
    fn a_tier_is_the_range_of_seats_it_is_for() {
        let list = list("2026-01-01", None, &[(1, "0.04"), (25, "0.03"), (100, "0.02")]);
        let shown = |seats| {
            let (price, tier) = list.tier(seats);
            format!("{tier} {price}")
        };
        assert_eq!(
            [1, 24, 25, 99, 100, 5_000].map(shown),
            ["1-24 0.04", "1-24 0.04", "25-99 0.03", "25-99 0.03", "100+ 0.02", "100+ 0.02"]
        );
    }

    #[test]
    fn two_lists_overlap_where_both_apply_to_a_day() {
        let of = |from, until| list(from, until, &[(1, "1")]);
        let march = of("2026-03-01", Some("2026-04-01"));
        for (other, overlaps) in [
            (of("2026-04-01", None), false),
            (of("2026-03-31", None), true),
            (of("2026-01-01", Some("2026-03-01")), false),
            (of("2026-01-01", Some("2026-03-02")), true),
            (of("2026-01-01", None), true),
            (of("2026-03-15", Some("2026-03-15")), false),
        ] {
            assert_eq!(other.overlaps(&march), overlaps, "{other:?}");
        }
    }
}
