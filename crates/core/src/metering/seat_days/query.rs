//! Reports of seat days: of one license, one account or a branch; by product and kind of right, by account, by license.

use super::load::{Branch, Counted, Loaded, load, load_license};
use super::{Days, rows};
use crate::account::{self, Account};
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, PriceCategoryId, ProductId};
use crate::identity::Right;
use crate::license::{Segment, TermKind};
use crate::metering::day::{Day, DayRule};
use lessor_db::Tx;
use std::collections::{BTreeMap, HashSet};

/// The time zone whose days count, unless a report says otherwise.
pub const ZONE: &str = "Europe/Prague";
/// How many minutes past midnight a day still lasts, unless a report says otherwise.
pub const CUTOFF_MINUTES: i64 = 30;
/// Most days of a report.
pub const MAX_DAYS: i64 = 400;
/// Accounts read at once when a whole branch is summed up.
const AT_ONCE: u32 = 500;

/// Whose seat days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of one license, also of one that was removed; as far as the caller sees the accounts it was with.
    License(LicenseId),
    /// Those of an account itself.
    Account(AccountId),
    /// Those of an account and all below it.
    Branch(AccountId),
}

/// Ask for seat days.
#[derive(Clone, Debug)]
pub struct SeatDays {
    /// Whose.
    pub scope: Scope,
    /// Only those of this product.
    pub product: Option<ProductId>,
    /// Only those of products that are in this price category now.
    pub category: Option<PriceCategoryId>,
    /// Only those of this kind of right.
    pub term: Option<TermKind>,
    /// When days begin and end.
    pub rule: DayRule,
    /// The first day.
    pub from: Day,
    /// The last day, counted too; at most [`MAX_DAYS`] in all.
    pub to: Day,
}

/// What counted in a range of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures<K> {
    /// Of what.
    pub of: K,
    /// The sum of all days.
    pub seat_days: i64,
    /// The seats in force at the end of the last day, as far as it has come.
    pub seats: i64,
    /// The seats of each day of the range, zeros too.
    pub days: Vec<i64>,
}

/// What counted of each product and kind of right.
pub type ProductFigures = Figures<(ProductId, TermKind)>;
/// What counted of an account.
pub type AccountFigures = Figures<AccountId>;
/// What counted of a license while it was to a product and of a kind.
pub type LicenseFigures = Figures<(LicenseId, ProductId, TermKind)>;

/// Seat days by product and kind of right: only those of which something counted or is in force.
///
/// # Errors
/// `NotFound` for the license, account or price category; `Malformed` or `OutOfRange` for the days.
pub fn by_product(tx: &mut dyn Tx, cx: &Context<'_>, query: &SeatDays) -> Result<Vec<ProductFigures>, Error> {
    let asked = Asked::new(tx, cx, query)?;
    let mut sums = BTreeMap::new();
    asked.each(tx, cx, |loaded, seen| {
        asked.add(&mut sums, loaded, seen, |_, segment| (segment.product, segment.term));
    })?;
    Ok(listed(sums))
}

/// Seat days by license, product and kind of right: only those of which something counted or is in force.
///
/// # Errors
/// As [`by_product`]; `Malformed` for a branch: its licenses are told account by account.
pub fn by_license(tx: &mut dyn Tx, cx: &Context<'_>, query: &SeatDays) -> Result<Vec<LicenseFigures>, Error> {
    if matches!(query.scope, Scope::Branch(_)) {
        return Err(Error::malformed("reach", "licenses are told of one account at a time"));
    }
    let asked = Asked::new(tx, cx, query)?;
    let mut sums = BTreeMap::new();
    asked.each(tx, cx, |loaded, seen| {
        asked.add(&mut sums, loaded, seen, |counted, segment| (counted.license, segment.product, segment.term));
    })?;
    Ok(listed(sums))
}

/// Seat days by account, in the order of the tree from the top down: every account that the caller sees, also where
/// nothing counted. At most `limit` of those behind `after`.
///
/// # Errors
/// As [`by_product`]; `Malformed` for a license, `NotFound` for `after` outside the branch.
pub fn by_account(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    query: &SeatDays,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<AccountFigures>, Error> {
    let asked = Asked::new(tx, cx, query)?;
    let Some(mut rest) = asked.branch.clone() else {
        return Err(Error::malformed("license", "accounts are told of a branch"));
    };
    if let Some(after) = after {
        let last = account::authorized(tx, cx, after, &Action::read(Right::USAGE_READ), Noun::Account)?;
        rest = rest.after(&last.path);
    }
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    while found.len() < wanted {
        let loaded = load(tx, &rest, asked.days.span(), limit)?;
        let Some(last) = loaded.accounts.last() else { break };
        rest = rest.after(&last.path);
        let seen = seen(cx, &loaded);
        let mut sums = BTreeMap::new();
        asked.add(&mut sums, &loaded, &seen, |_, segment| segment.account);
        for place in loaded.accounts.iter().filter(|place| seen.contains(&place.id)) {
            let sum = sums.remove(&place.id).unwrap_or_else(|| Sum::zero(&asked.days));
            found.push(sum.figures(place.id));
        }
    }
    found.truncate(wanted);
    Ok(found)
}

/// A query that was found to be in order.
struct Asked<'a> {
    query: &'a SeatDays,
    /// The stretch of the tree; none for a license.
    branch: Option<Branch>,
    days: Days,
    products: Option<HashSet<ProductId>>,
}

impl<'a> Asked<'a> {
    fn new(tx: &mut dyn Tx, cx: &Context<'_>, query: &'a SeatDays) -> Result<Self, Error> {
        let read = Action::read(Right::USAGE_READ);
        let branch = match query.scope {
            Scope::License(license) => {
                let owner = rows::owner(tx, license)?.ok_or(Error::not_found(Noun::License))?;
                account::authorized(tx, cx, owner, &read, Noun::License)?;
                None
            }
            Scope::Account(id) => Some(Branch::own(&seen_account(tx, cx, id)?.path)),
            Scope::Branch(id) => Some(Branch::whole(&seen_account(tx, cx, id)?.path)),
        };
        if query.to < query.from {
            return Err(Error::malformed("to", "it must not lie before `from`"));
        }
        if query.from.through(query.to) > MAX_DAYS {
            return Err(Refusal::OutOfRange { field: "days", min: 1, max: MAX_DAYS }.into());
        }
        let products = match query.category {
            None => None,
            Some(category) => Some(products_of(tx, cx, category)?),
        };
        Ok(Self { query, branch, days: Days::new(&query.rule, query.from, query.to, cx.now), products })
    }

    /// Hands over all there is to count, in stretches, with the accounts that are asked for.
    fn each(
        &self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        mut each: impl FnMut(&Loaded, &HashSet<AccountId>),
    ) -> Result<(), Error> {
        let Some(mut rest) = self.branch.clone() else {
            let Scope::License(license) = self.query.scope else { return Ok(()) };
            let loaded = load_license(tx, license, self.days.span())?;
            each(&loaded, &seen(cx, &loaded));
            return Ok(());
        };
        loop {
            let loaded = load(tx, &rest, self.days.span(), AT_ONCE)?;
            let Some(last) = loaded.accounts.last() else { return Ok(()) };
            rest = rest.after(&last.path);
            each(&loaded, &seen(cx, &loaded));
        }
    }

    /// Adds what counted to the sums under the key that `key` gives each license and segment.
    fn add<K: Ord>(
        &self,
        sums: &mut BTreeMap<K, Sum>,
        loaded: &Loaded,
        seen: &HashSet<AccountId>,
        key: impl Fn(&Counted<'_>, &Segment) -> K,
    ) {
        for counted in loaded.count(&self.days) {
            let wanted = |segment: &Segment| seen.contains(&segment.account) && self.fits(segment);
            for run in &counted.runs {
                let segment = &counted.segments[run.segment];
                if wanted(segment) {
                    let sum = sums.entry(key(&counted, segment)).or_insert_with(|| Sum::zero(&self.days));
                    sum.days[run.first..=run.last].iter_mut().for_each(|day| *day += segment.quantity);
                }
            }
            if let Some(segment) = counted.in_force.map(|at| &counted.segments[at]).filter(|segment| wanted(segment)) {
                sums.entry(key(&counted, segment)).or_insert_with(|| Sum::zero(&self.days)).seats += segment.quantity;
            }
        }
    }

    fn fits(&self, segment: &Segment) -> bool {
        self.query.product.is_none_or(|product| product == segment.product)
            && self.query.term.is_none_or(|term| term == segment.term)
            && self.products.as_ref().is_none_or(|products| products.contains(&segment.product))
    }
}

/// A sum while it grows.
struct Sum {
    seats: i64,
    days: Vec<i64>,
}

impl Sum {
    fn zero(days: &Days) -> Self {
        Self { seats: 0, days: vec![0; days.len()] }
    }

    fn figures<K>(self, of: K) -> Figures<K> {
        Figures { of, seat_days: self.days.iter().sum(), seats: self.seats, days: self.days }
    }
}

fn listed<K>(sums: BTreeMap<K, Sum>) -> Vec<Figures<K>> {
    sums.into_iter().map(|(key, sum)| sum.figures(key)).collect()
}

fn seen_account(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    account::authorized(tx, cx, id, &Action::read(Right::USAGE_READ), Noun::Account)
}

/// The accounts of what was read that the caller sees.
fn seen(cx: &Context<'_>, loaded: &Loaded) -> HashSet<AccountId> {
    loaded.accounts.iter().filter(|place| cx.actor().level_at(&place.path).is_some()).map(|place| place.id).collect()
}

/// The products of a category, if its vendor is the caller's own or one that the caller sees.
fn products_of(tx: &mut dyn Tx, cx: &Context<'_>, category: PriceCategoryId) -> Result<HashSet<ProductId>, Error> {
    let missing = || Error::not_found(Noun::PriceCategory);
    let tenant = rows::tenant_of_category(tx, category)?.ok_or_else(missing)?;
    let vendor = account::rows::by_id(tx, tenant)?.ok_or_else(missing)?;
    if cx.actor().tenant != tenant && cx.actor().level_at(&vendor.path).is_none() {
        return Err(missing());
    }
    Ok(rows::products_of(tx, category)?.into_iter().collect())
}
