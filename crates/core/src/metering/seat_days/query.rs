//! Reports of seat days: of one license, one account or a branch, altogether or told apart.

use super::load::{Branch, Counted, Loaded, load, load_license, load_licenses};
use super::{Days, rows};
use crate::account::{self, Account};
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::{AccountId, LicenseId, PriceCategoryId, ProductId};
use crate::identity::Right;
use crate::license::{Segment, TermKind};
use crate::metering::apart::{Apart, By, Names, Of, Place};
use crate::metering::day::{Day, DayRule};
use crate::metering::{Figure, Figures, Per, Range, Report};
use lessor_db::Tx;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// The time zone whose days count, unless a report says otherwise.
pub const ZONE: &str = "Europe/Prague";
/// How many minutes past midnight a day still lasts, unless a report says otherwise.
pub const CUTOFF_MINUTES: i64 = 30;
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
    /// Which days.
    pub range: Range,
    /// What a figure is of.
    pub per: Per,
    /// By what figures are told apart; by nothing, the report has one row.
    pub each: Vec<By>,
}

/// Seat days behind a place: of at most `limit` accounts or licenses, where these are told apart, otherwise at most `limit`
/// rows. Every account of the branch that the caller sees has a row where accounts alone are told apart; otherwise only what
/// counted or is in force.
///
/// # Errors
/// `NotFound` for the license, account or price category, and for `after` outside the branch; `Malformed` for keys in `each`.
pub fn report(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    query: &SeatDays,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Report, Error> {
    let apart = Apart::by(&query.each);
    if apart.is(By::Key) {
        return Err(Error::malformed("each", "seat days have no keys"));
    }
    let mut asked = Asked::new(tx, cx, query, apart)?;
    match asked.branch.clone() {
        Some(branch) if asked.apart.is(By::License) => asked.by_license(tx, cx, &branch, after, limit),
        Some(branch) if asked.apart.is(By::Account) => asked.by_account(tx, cx, branch, after, limit),
        branch => {
            let sums = asked.together(tx, cx, branch)?;
            Report::numbered(tx, sums.into_iter(), after, limit, |_, (of, sum)| Ok(asked.row(of, &sum)))
        }
    }
}

/// A query that was found to be in order.
struct Asked<'a> {
    query: &'a SeatDays,
    apart: Apart,
    /// The stretch of the tree; none for a license.
    branch: Option<Branch>,
    days: Days,
    today: Day,
    products: Option<HashSet<ProductId>>,
}

type Sums = BTreeMap<Of, Sum>;

impl<'a> Asked<'a> {
    fn new(tx: &mut dyn Tx, cx: &Context<'_>, query: &'a SeatDays, apart: Apart) -> Result<Self, Error> {
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
        let products = match query.category {
            None => None,
            Some(category) => Some(products_of(tx, cx, category)?),
        };
        let days = Days::new(&query.rule, query.range.from, query.range.until, cx.now);
        Ok(Self { query, apart, branch, days, today: query.rule.day_of(cx.now), products })
    }

    /// All rows of a license, or of a branch of which neither accounts nor licenses are told apart.
    fn together(&mut self, tx: &mut dyn Tx, cx: &Context<'_>, branch: Option<Branch>) -> Result<Sums, Error> {
        let mut sums = Sums::new();
        if self.query.each.is_empty() {
            sums.insert(Of::default(), Sum::zero(&self.days));
        }
        let Some(mut rest) = branch else {
            let Scope::License(license) = self.query.scope else { return Ok(sums) };
            let loaded = load_license(tx, license, self.days.span())?;
            self.add(tx, &mut sums, &loaded, &seen(cx, &loaded))?;
            return Ok(sums);
        };
        loop {
            let loaded = load(tx, &rest, self.days.span(), AT_ONCE)?;
            let Some(last) = loaded.accounts.last() else { return Ok(sums) };
            rest = rest.after(&last.path);
            self.add(tx, &mut sums, &loaded, &seen(cx, &loaded))?;
        }
    }

    /// Rows of accounts, in the order of the tree from the top down.
    fn by_account(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        branch: Branch,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Report, Error> {
        let mut rest = branch;
        if let Some(after) = after {
            let last = seen_account(tx, cx, AccountId(after))?;
            rest = rest.after(&last.path);
        }
        let (mut found, mut shown) = (Vec::new(), Vec::new());
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        loop {
            // One more tells whether there are more.
            let loaded = load(tx, &rest, self.days.span(), limit.saturating_add(1))?;
            let Some(last) = loaded.accounts.last() else { break };
            rest = rest.after(&last.path);
            let seen = seen(cx, &loaded);
            let mut sums = Sums::new();
            self.add(tx, &mut sums, &loaded, &seen)?;
            let mut of_account: HashMap<Option<AccountId>, Vec<(Of, Sum)>> = HashMap::new();
            for (of, sum) in sums {
                of_account.entry(of.account).or_default().push((of, sum));
            }
            for place in loaded.accounts.iter().filter(|place| seen.contains(&place.id)) {
                if shown.len() == wanted {
                    return Report::named(tx, found, shown.last().copied(), HashMap::new());
                }
                let account = Some(place.id);
                let own = of_account.remove(&account);
                // Where accounts alone are told apart, also one of which nothing counted.
                let nothing = || vec![(Of { account, ..Of::default() }, Sum::zero(&self.days))];
                let own = own.or_else(|| (!self.apart.asks_licenses()).then(nothing)).unwrap_or_default();
                found.extend(own.into_iter().map(|(of, sum)| self.row(of, &sum)));
                shown.push(place.id.0);
            }
            if loaded.accounts.len() <= wanted {
                break;
            }
        }
        Report::named(tx, found, None, HashMap::new())
    }

    /// Rows of licenses, in the order of their ids.
    fn by_license(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        branch: &Branch,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Report, Error> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut after = after.unwrap_or(Uuid::nil());
        loop {
            let mut ids = rows::licenses(tx, branch.stretch(), self.days.span(), after, limit.saturating_add(1))?;
            let more = ids.len() > wanted;
            ids.truncate(wanted);
            after = ids.last().copied().unwrap_or(after);
            let loaded = load_licenses(tx, &ids, self.days.span(), branch)?;
            let mut sums = Sums::new();
            self.add(tx, &mut sums, &loaded, &seen(cx, &loaded))?;
            // Licenses of which nothing counts have no row: a page without any is none.
            if !sums.is_empty() || !more {
                let mut found: Vec<_> = sums.into_iter().map(|(of, sum)| self.row(of, &sum)).collect();
                found.sort_by_key(|row| row.of.license);
                return Report::named(tx, found, more.then_some(after), HashMap::new());
            }
        }
    }

    /// Adds what counted in what was loaded to the sums of the rows that it counts in.
    fn add(
        &mut self,
        tx: &mut dyn Tx,
        sums: &mut Sums,
        loaded: &Loaded,
        seen: &HashSet<AccountId>,
    ) -> Result<(), Error> {
        let counted: Vec<Counted<'_>> = loaded.count(&self.days).collect();
        let wanted = |segment: &&Segment| seen.contains(&segment.account) && self.fits(segment);
        let place = |counted: &Counted<'_>, segment: &Segment| Place {
            account: segment.account,
            license: Some(counted.license),
            kind: Some((segment.product, segment.term)),
        };
        let mut all = Vec::new();
        for counted in &counted {
            let segment = |at: usize| Some(&counted.segments[at]).filter(wanted);
            let runs = counted.runs.iter().filter_map(|run| Some((segment(run.segment)?, Some(run))));
            let in_force = counted.in_force.and_then(segment).map(|segment| (segment, None));
            all.extend(runs.chain(in_force).map(|(segment, run)| (place(counted, segment), segment.quantity, run)));
        }
        self.apart.learn(tx, all.iter().map(|(place, ..)| *place))?;
        for (place, quantity, run) in &all {
            for of in self.apart.rows(place) {
                let sum = sums.entry(of).or_insert_with(|| Sum::zero(&self.days));
                match run {
                    Some(run) => sum.days[run.first..=run.last].iter_mut().for_each(|day| *day += quantity),
                    None => sum.seats += quantity,
                }
            }
        }
        Ok(())
    }

    fn fits(&self, segment: &Segment) -> bool {
        self.query.product.is_none_or(|product| product == segment.product)
            && self.query.term.is_none_or(|term| term == segment.term)
            && self.products.as_ref().is_none_or(|products| products.contains(&segment.product))
    }

    fn row(&self, of: Of, sum: &Sum) -> Figures {
        let range = self.query.range;
        let figure = |period: Range| {
            let at = |day: Day| usize::try_from(range.from.through(day)).unwrap_or(0);
            let days = &sum.days[at(period.from) - 1..at(period.until)];
            let begun = period.from.through(period.until.min(self.today));
            Figure { from: period.from, until: period.until, days: begun, sum: days.iter().sum(), last: 0 }
        };
        Figures {
            of,
            names: Names::default(),
            figures: range.periods(self.query.per).into_iter().map(figure).collect(),
            total: figure(range),
            seats: Some(sum.seats),
        }
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
